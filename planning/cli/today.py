"""The command for the day as it comes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planning.cli.common import (
    CentreOption,
    DemandOption,
    EditionOption,
    MadeAtOption,
    MeetingsOption,
    centre_here,
    demand_beside,
    moment,
    people_of,
    tell_refused,
    writing,
)
from planning.errors import PlanningError

if TYPE_CHECKING:
    import pandas as pd

    from planning.centre import Centre
    from planning.intraday import SoFar, Today

SHOWN = 12
"""Proposals that the terminal shows; the file has them all."""
FILES = ("rest.csv", "service.csv", "proposals.csv", "changes.csv")


def today(
    actuals: Annotated[
        Path, typer.Option(help="Calls so far: demand by interval, or call records, CSV or Parquet.")
    ],
    plan: Annotated[Path, typer.Option(help="Folder of the plan.")],
    at: Annotated[
        str | None,
        typer.Option(help="Time of day, 11:15; default: the end of the last interval of --actuals."),
    ] = None,
    absent: Annotated[
        str | None,
        typer.Option(help="Who is away: ids and commas, '' for nobody; default: as many as shrinkage says."),
    ] = None,
    callers: Annotated[
        str | None,
        typer.Option(
            help="Callers in service or waiting now, first_line=95,claims=4; default: by the model."
        ),
    ] = None,
    centre: CentreOption = None,
    demand: DemandOption = None,
    people: Annotated[
        Path | None, typer.Option(help="The people, CSV; default: those of the plan, in its staff.csv.")
    ] = None,
    meetings: MeetingsOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder in which the tables get a folder of their own, as 2026-11-23_1115."),
    ] = None,
) -> None:
    """Say what service the rest of the day will bring, where it breaks, and what can still be done.

    Run it every 15 minutes with --out: each moment has its folder, and none is ever written over.
    `planning accept` makes proposals of one of them.
    """
    from planning.centre import Centre
    from planning.demand import read_demand
    from planning.edition import read_edition
    from planning.intraday import expected_service, proposals, shortfalls, today_of, with_meetings

    if out is not None and out.is_file():
        raise PlanningError(f"--out {out} is a file: give a folder")
    centre = centre or centre_here()
    settings = Centre.load(centre)
    edition = read_edition(plan, settings)
    came = _actuals(actuals, settings)
    history = read_demand(demand or demand_beside(centre), settings.time_zone)
    away = None if absent is None else [name for name in absent.split(",") if name]
    breaks = edition.breaks
    if meetings is not None:
        breaks, refused = with_meetings(edition.roster, breaks, _table(meetings, "--meetings"))
        tell_refused(meetings, refused)
    plan_tables = {"demand": edition.demand, "roster": edition.roster, "breaks": breaks}
    day, so_far = today_of(
        settings,
        came,
        plan_tables,
        history,
        now=_moment(at, came, settings),
        absent=away,
        in_system=_callers(callers),
    )
    tell_refused(actuals, so_far.refused)
    _tell_missing(so_far)
    service = expected_service(day)
    known = edition.people if people is None else people_of(people, settings)
    table, changes = proposals(day, service, known, plan_tables)
    _tell_day(day, so_far, edition.demand, service, shortfalls(service))
    _tell_proposals(settings, table)
    if out is not None:
        out = out / f"{day.now:%Y-%m-%d_%H%M}"
        if out.exists():
            raise PlanningError(
                f"{out} is there already, nothing was written over: this moment was told before; wait for "
                "the next interval, or give another --out"
            )
        with writing(out):
            out.mkdir(parents=True)
            made = (day.rest, service, table.reset_index(), changes)
            for name, frame in zip(FILES, made, strict=True):
                rounded = frame.round(dict.fromkeys(frame.select_dtypes("float"), 4))
                rounded.to_csv(out / name, index=False, lineterminator="\n")
        typer.echo(f"Tables:         {out}")


def accept(
    numbers: Annotated[str, typer.Argument(help="Proposals to make, as 1,3.")],
    tables: Annotated[Path, typer.Option(help="Folder of one moment that `planning today --out` wrote.")],
    plan: Annotated[Path, typer.Option(help="Folder of the plan.")],
    at: MadeAtOption = None,
    meetings: MeetingsOption = None,
    out: EditionOption = None,
    centre: CentreOption = None,
) -> None:
    """Make proposals of the day: write the next edition of the roster, and list who is told what."""
    from dataclasses import replace

    from planning.centre import Centre
    from planning.edition import next_folder, read_edition
    from planning.intraday import with_meetings
    from planning.requested import accept as accepted

    words = [word.strip() for word in numbers.split(",")]
    for word in words:
        if not word.isdigit():
            raise PlanningError(f"numbers has {word!r}, must be the number of a proposal: write them as 1,3")
    settings = Centre.load(centre or centre_here())
    edition = read_edition(plan, settings)
    out = out or next_folder(plan, edition)
    if meetings is not None:
        breaks, refused = with_meetings(edition.roster, edition.breaks, _table(meetings, "--meetings"))
        tell_refused(meetings, refused)
        edition = replace(edition, breaks=breaks)
    proposals, changes = _proposals(tables, settings)
    made = accepted(edition, proposals, changes, [int(word) for word in words], now=moment(at, settings))
    made.save(out)
    for row in made.changes[made.changes["edition"] == made.number].itertuples():
        asked = ", needs to agree" if row.needs_consent else ""
        typer.echo(
            f"{row.agent_id:<25} {row.after_start:%a %H:%M} to {row.after_end:%H:%M}: {row.why}{asked}"
        )
    rules = changes[changes["proposal"].isin([int(word) for word in words]) & (changes["row"] == "overflow")]
    for row in rules.itertuples():
        typer.echo(f'For the centre\'s file, today only: {row.shift_id} = "{row.start:%H:%M}"')
    typer.echo(f"Roster:         {out}, edition {made.number}")


def _proposals(tables: Path, settings: Centre) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the proposals and changes that one run of `planning today` wrote."""
    import pandas as pd

    table, changes = (_table(tables / name, "--tables") for name in ("proposals.csv", "changes.csv"))
    times = {
        name: pd.to_datetime(changes[name], utc=True, format="ISO8601").dt.tz_convert(settings.time_zone)
        for name in ("start_before", "end_before", "start", "end")
    }
    changes = changes.assign(**times, proposal=changes["proposal"].astype("int64"))
    return table.set_index(table["proposal"].astype("int64")), changes


def _table(path: Path, option: str) -> pd.DataFrame:
    """Read a CSV that an option names."""
    from planning.tables import read_csv

    try:
        return read_csv(path)
    except (OSError, ValueError) as error:
        raise PlanningError(f"{option} {path} cannot be read: {error}") from None


def _actuals(path: Path, settings: Centre) -> pd.DataFrame:
    """Read the calls so far: a table by interval as it is, so that good rows are kept; or call records."""
    import pandas as pd

    from planning.demand import read_calls
    from planning.tables import DEMAND, read_csv

    if not path.is_file():
        raise PlanningError(f"--actuals {path} does not exist: give the calls so far, CSV or Parquet")
    try:
        raw = pd.read_parquet(path) if path.suffix.lower() == ".parquet" else read_csv(path)
    except (OSError, ValueError) as error:
        raise PlanningError(f"--actuals {path} cannot be read: {error}") from None
    if set(DEMAND.columns) <= set(raw.columns):
        return raw
    with read_calls(str(path), centre=settings) as log:
        rejected = log.rejected
        if len(rejected):
            tell_refused(path, rejected)
        return log.demand(settings.interval_s)


def _moment(at: str | None, came: pd.DataFrame, settings: Centre) -> pd.Timestamp | None:
    """Instant of a time of day on the last day of the calls."""
    import pandas as pd

    from planning.calendars import local_day, on_clock
    from planning.centre.settings import read_clock

    if at is None:
        return None
    try:
        clock = pd.Timedelta(read_clock(at))
    except ValueError:
        raise PlanningError(f"--at is {at!r}, must be a time of day: write it as 11:15") from None
    last = pd.to_datetime(came["interval_start"], utc=True, errors="coerce", format="ISO8601").max()
    if pd.isna(last):
        raise PlanningError("--actuals have no valid interval_start: write them as 2026-11-23T11:15+03:00")
    day: pd.Timestamp = local_day(last.tz_convert(settings.time_zone))
    return on_clock(day + clock, settings.time_zone)


def _callers(text: str | None) -> dict[str, int]:
    """Read first_line=95,claims=4."""
    found = {}
    for part in (text or "").split(","):
        name, _, number = part.partition("=")
        if part and not number.isdigit():
            raise PlanningError(f"--callers has {part!r}, must be a queue and a whole number: first_line=95")
        if part:
            found[name.strip()] = int(number)
    return found


def _tell_missing(so_far: SoFar) -> None:
    """Say which intervals that are over have no row."""
    for name, rows in so_far.missing.groupby("queue", sort=False):
        first, last = rows["interval_start"].min(), rows["interval_start"].max()
        typer.echo(
            f"{name}: {len(rows)} intervals have no row, the first {first:%H:%M}, the last {last:%H:%M}: the "
            "others are taken for the morning",
            err=True,
        )


def _tell_day(
    day: Today, so_far: SoFar, plan: pd.DataFrame, service: pd.DataFrame, broken: pd.DataFrame
) -> None:
    """Say how the day stands and where it breaks."""
    import numpy as np

    keys = ["queue", "interval_start"]
    for title, rows in (("So far", so_far.rows), ("The rest", day.rest)):
        both = rows.merge(plan, on=keys, suffixes=("", "_planned")).groupby("queue", sort=False)
        sums = both[["calls", "calls_planned"]].sum()
        parts = [
            f"{name} {calls:,.0f} calls ({calls / planned - 1:+.0%})"
            for name, calls, planned in sums[sums["calls_planned"] > 0].itertuples()
        ]
        typer.echo(f"{title + ':':<15} {', '.join(parts)}")
    typer.echo(f"\nService expected from {day.now:%A %H:%M} on, and if calls are as high as one day in ten:")
    for pool, rows in service.groupby("pool", sort=False):
        if rows["calls"].sum() > 0:
            mean, low = (
                np.average(rows[name], weights=rows["calls"])
                for name in ("service_level", "service_level_low")
            )
            typer.echo(f"  {pool:<25} {mean:.1%} ({low:.1%}) against {rows['target'].iloc[0]:.0%}")
    typer.echo("\nBelow the target:" if len(broken) else "\nNo queue is below its target.")
    for row in broken.itertuples():
        typer.echo(
            f"  {row.pool:<25} {row.start:%H:%M} to {row.end:%H:%M}: {row.service_level:.1%} against "
            f"{row.target:.0%}, {row.late:,.0f} calls late, {max(row.short, 0)} agents short"
        )


def _tell_proposals(settings: Centre, table: pd.DataFrame) -> None:
    """List the first proposals of each sign."""
    from planning.centre.money import money

    typer.echo("\nWhat can be done, the cheapest call first:" if len(table) else "\nNothing can be proposed.")
    off = table["kind"] == "time off"
    for number, row in [*table[~off].head(SHOWN).iterrows(), *table[off].head(SHOWN).iterrows()]:
        price = money(settings, row["price"])
        typer.echo(f"  {number:>3}. {row['pool']}: {row['text']}: {price}, {_effect(row['late_avoided'])}")
    if len(table) > SHOWN:
        typer.echo(f"  {len(table)} proposals in all; --out writes them with the rows that change")


def _effect(avoided: float) -> str:
    return f"{avoided:,.1f} fewer late calls" if avoided >= 0 else f"{-avoided:,.1f} more late calls"
