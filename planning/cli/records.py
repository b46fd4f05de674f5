"""The command that counts call records into demand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planning.cli.common import CENTRE, CentreOption, centre_here, check_file, writing
from planning.errors import PlanningError

if TYPE_CHECKING:
    import pandas as pd

    from planning.demand import CallLog

LOUD_SHARE, REFUSED_SHARE = 0.01, 0.05
"""Shares of refused rows that are warned of, and beyond which nothing is written."""


def demand(
    source: Annotated[
        str, typer.Argument(help="Call records: CSV or Parquet, DuckDB file, or database URL.")
    ],
    centre: CentreOption = None,
    table: Annotated[str, typer.Option(help="Table to read from a database.")] = "calls",
    out: Annotated[Path, typer.Option(help="Parquet file to write.")] = Path("demand.parquet"),
    layout: Annotated[
        str | None,
        typer.Option(help="Phone system that wrote the records; by default it is recognised by its header."),
    ] = None,
    look: Annotated[
        bool, typer.Option(help="Show how the records are read and what they hold; write no demand.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Page with the calls by weekday and hour to write, .html.")
    ] = None,
    gaps: Annotated[
        str,
        typer.Option(help="Intervals left out of a table of them: refuse, zero (nobody called) or unknown."),
    ] = "refuse",
    accept_refused: Annotated[
        bool, typer.Option(help="Write the demand although more than 5 % of the rows are refused.")
    ] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace a demand file that is there.")] = False,
) -> None:
    """Count call records into demand by interval; say how they were read, and what was refused and why."""
    from planning.centre import Centre
    from planning.demand import read_calls

    if not look:
        check_file(out)
        _check_demand_file(source, out, overwrite)
    here = centre or Path(CENTRE.name)
    settings = Centre.load(centre or centre_here()) if here.exists() or not look else None
    if settings is None:
        typer.echo(
            "no centre.toml here: times without an offset are shown as UTC, any queue is known", err=True
        )
    zone = None if settings else "UTC"
    with read_calls(source, table=table, centre=settings, layout=layout, time_zone=zone) as log:
        if look:
            _show_records(log)
        share, total = _tell_reading(log)
        made = log.demand(settings.interval_s if settings else 900, gaps=gaps)
    if report is not None:
        _write_demand_page(made, settings.name if settings else source, report)
    if look:
        days = made.groupby([made["interval_start"].dt.date, "queue"])["calls"].sum().unstack()
        typer.echo(f"\ncalls by day and queue\n{days.rename_axis(index='day', columns=None).to_string()}")
        return
    if share > REFUSED_SHARE and not accept_refused:
        raise PlanningError(
            f"{share:.1%} of the records are refused or lack their handle time, must be at most "
            f"{REFUSED_SHARE:.0%}: nothing was written; correct [records], or give --accept-refused"
        )
    with writing(out):
        part = out.with_name(f".{out.name}.part")
        made.to_parquet(part, index=False)
        part.replace(out)
    typer.echo(f"{out}: {made['calls'].sum():,.0f} calls in {len(made):,} intervals, from {total:,} rows")


def _show_records(log: CallLog) -> None:
    """Show which columns are read as what, and some rows as they are understood."""
    typer.echo("columns")
    for setting, column in log.columns.items():
        typer.echo(f"  {setting} = {column!r}")
    typer.echo(f"\nfirst rows\n{log.first_rows().to_string(index=False)}\n")


def _tell_reading(log: CallLog) -> tuple[float, int]:
    """Say how the records were read; return the share refused or without handle time, and the rows."""
    from planning.centre.describe import toml_text

    if log.told:
        typer.echo("read as [records] in the centre's file would say:", err=True)
    for name, value in log.told.items():
        typer.echo(f"  {name} = {toml_text(value)}", err=True)
    for refusal in log.refusals():
        typer.echo(refusal, err=True)
    if log.unread:
        typer.echo(
            f"{log.unread:,} calls count without their handle time, which cannot be read: set handle_s, unit "
            "and decimal in [records]",
            err=True,
        )
    for doubt in log.doubts:
        typer.echo(f"warning: {doubt}", err=True)
    total = log.kept + int(log.reasons.sum())
    share = int(log.reasons.sum()) / max(total, 1)
    if share > LOUD_SHARE:
        typer.echo(f"warning: {share:.1%} of {total:,} rows are refused: the demand lacks them", err=True)
    if log.unread_share > LOUD_SHARE:
        typer.echo(
            f"warning: {log.unread_share:.1%} of the answered calls have no handle time that can be read",
            err=True,
        )
    return max(share, log.unread_share), total


def _write_demand_page(demand: pd.DataFrame, centre: str, page: Path) -> None:
    from planning.report.demand_page import demand_notebook
    from planning.report.pages import page_html

    check_file(page)
    with writing(page):
        page.write_text(page_html(demand_notebook(demand, centre), page), encoding="utf-8")
    typer.echo(page)


def _check_demand_file(source: str, out: Path, overwrite: bool) -> None:
    """Refuse to write over the records themselves, or over a file that is no demand, before the work."""
    import pyarrow.parquet as pq

    from planning.demand.files import paths_of
    from planning.tables import DEMAND

    if out.suffix.lower() != ".parquet":
        raise PlanningError(f"--out is {out}, must end in .parquet: the demand is written as Parquet")
    if not out.exists():
        return
    if "://" not in source and out.resolve() in {Path(path).resolve() for path in paths_of(source)}:
        raise PlanningError(f"--out {out} is the source itself: give another file")
    try:
        columns = set(pq.read_schema(out).names)
    except (OSError, ValueError):
        columns = set()
    if not columns >= set(DEMAND.columns):
        raise PlanningError(f"--out {out} is there already and is no demand: give another file")
    if not overwrite:
        raise PlanningError(f"--out {out} is there already: give another file, or --overwrite")
