"""The `planning` command."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planning.errors import PlanningError

if TYPE_CHECKING:
    import pandas as pd

    from planning.centre import Centre
    from planning.demand import CallLog
    from planning.plan import Plan

app = typer.Typer(
    help="Workforce planning for contact centres.", no_args_is_help=True, pretty_exceptions_enable=False
)

CENTRE = Path("data/centre.toml")
DEMAND = Path("data/demand.parquet")
PEOPLE = Path("data/people.csv")
VIPS = Path("data/vips.csv")
CACHE = Path(".cache/whatif")
LOUD_SHARE, REFUSED_SHARE = 0.01, 0.05
"""Shares of refused rows that are warned of, and beyond which nothing is written."""
IDLE_TEAMS = 3
"""Teams with idle hours that the terminal names; the summary has them all."""
NOTEBOOKS = Path("notebooks")
CENTRE_HELP = "The centre's TOML file; default: centre.toml in this folder or in data/."
PEOPLE_HELP = (
    "The people, CSV; default: people.csv beside the centre. Without one, the plan says how many to employ."
)
DEMAND_HELP = "Demand by interval, CSV or Parquet; default: demand.* beside the centre."
PICTURES = {
    "night_overflow.png": ("40_night_overflow.ipynb", "The hand-over"),
    "forecast.png": ("15_forecast.ipynb", "Forecast of"),
    "scenarios.png": ("97_what_if.ipynb", "Cost and service"),
}
"""Pictures in the README: the notebook, and how the title of its figure begins."""


def main() -> None:
    """Run the command; a PlanningError becomes one line on the error stream and exit code 2."""
    warnings.showwarning = lambda message, *_: typer.echo(f"note: {message}", err=True)
    try:
        app()
    except PlanningError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
    except ModuleNotFoundError as error:
        if str(error.name).startswith("planning"):
            raise
        remedy = "pip install 'contact-centre-planning[notebooks]'"
        typer.echo(f"error: {error.name} is not installed, which this command needs: {remedy}", err=True)
        sys.exit(2)


@app.command("plan")
def plan_command(
    centre: Annotated[Path | None, typer.Argument(help=CENTRE_HELP)] = None,
    demand: Annotated[Path | None, typer.Option(help=DEMAND_HELP)] = None,
    out: Annotated[Path, typer.Option(help="Folder for the plan's files.")] = Path("plan"),
    people: Annotated[Path | None, typer.Option(help=PEOPLE_HELP)] = None,
    vips: Annotated[
        Path | None,
        typer.Option(help="The VIPs and their managers, CSV; default: vips.csv beside the centre, if any."),
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="First day to plan; default: the day after the demand ends.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="Number of days to plan.")] = 7,
    gaps: Annotated[
        str, typer.Option(help="Intervals without a row: refuse them, or take them as zero or as forecast.")
    ] = "refuse",
    replications: Annotated[int, typer.Option(min=2, help="Simulated horizons.")] = 20,
    certify: Annotated[
        bool, typer.Option(help="Add staff until the simulation proves every promise.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option(help="Replace an earlier plan, or files with the names of a plan's.")
    ] = False,
) -> None:
    """Plan the days after (or inside) a demand file and write the plan's files."""
    from planning.plan import check_folder

    check_folder(out, overwrite=overwrite)
    made = _plan(centre, demand, people, vips, start, days, replications, gaps, certify)
    folder = made.save(out, overwrite=overwrite)
    _tell(made, folder)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to write into.")],
    example: Annotated[str, typer.Option(help="Example to start from: small, global or operator.")] = "small",
) -> None:
    """Write an example to start from: a centre's file and its demand, scenarios and people, if any."""
    from planning.examples import write

    for path in write(example, folder):
        typer.echo(str(path))
    typer.echo(f"Now edit {folder / CENTRE.name}, then run `planning plan` in {folder}")


@app.command()
def check(
    centre: Annotated[Path | None, typer.Argument(help=CENTRE_HELP)] = None,
) -> None:
    """Say what a centre is, and what its file does not say yet."""
    from planning.centre import Centre
    from planning.centre.describe import describe, left_open

    settings = Centre.load(centre or _centre_here())
    for line in describe(settings):
        typer.echo(line)
    missing = left_open(settings)
    typer.echo("The file leaves nothing open." if not missing else "Left open:")
    for line in missing:
        typer.echo(f"- {line}")


@app.command("audit")
def audit_command(
    roster: Annotated[Path, typer.Argument(help="A roster, CSV or workbook, or the folder of a plan.")],
    centre: Annotated[Path | None, typer.Option(help=CENTRE_HELP)] = None,
    people: Annotated[
        Path | None,
        typer.Option(help="The people, CSV; default: people.csv beside the centre, or the plan's staff.csv."),
    ] = None,
) -> None:
    """List every breach of the labour rules in a roster, whoever made it; exit code 1 if there are any."""
    from planning.centre import Centre
    from planning.roster.audit import audit, read_roster

    centre = centre or _centre_here()
    folder = roster if roster.is_dir() else roster.parent
    people = people or _beside(centre, PEOPLE.name) or folder / "staff.csv"
    settings = Centre.load(centre)
    assigned = read_roster(roster / "roster.csv" if roster.is_dir() else roster, settings)
    found = audit(settings, assigned, _people(people, settings))
    for row in found.itertuples():
        typer.echo(f"{row.date:%Y-%m-%d} {row.agent_id}: {row.text} ({row.rule}, {row.article})")
    shifts = f"{len(assigned)} shifts of {assigned['agent_id'].nunique()} people"
    typer.echo(f"{roster}: {len(found)} breaches in {shifts}")
    raise typer.Exit(min(len(found), 1))


@app.command()
def report(
    centre: Annotated[Path | None, typer.Argument(help=CENTRE_HELP)] = None,
    demand: Annotated[Path | None, typer.Option(help=DEMAND_HELP)] = None,
    people: Annotated[Path | None, typer.Option(help=PEOPLE_HELP)] = None,
    start: Annotated[
        str | None, typer.Option(help="First day to plan; default: the day after the demand ends.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="Number of days to plan.")] = 7,
    replications: Annotated[int, typer.Option(min=2, help="Simulated horizons.")] = 20,
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("reports"),
    pdf: Annotated[bool, typer.Option(help="Also print the pages to PDF, if Chromium is installed.")] = True,
) -> None:
    """Plan a centre and write its plan as an offline page; for the example also a page a notebook."""
    import nbformat

    from planning.report.execute import execute_to
    from planning.report.pages import build
    from planning.report.plan_page import plan_notebook

    centre = centre or _centre_here()
    made = _plan(centre, demand, people, None, start, days, replications)
    folder = made.save(out / "plan", overwrite=True)
    page = out / "executed" / "plan.ipynb"
    page.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(plan_notebook(made.summary, made.tables, made.centre), page)
    example = sorted(NOTEBOOKS.glob("*.ipynb")) if centre == CENTRE else []
    index = build([page, *execute_to(example, out / "executed")], out, pdf=pdf)
    _tell(made, folder)
    typer.echo(f"Report:         {index}")


@app.command()
def notebooks() -> None:
    """Run the notebooks in place and store their outputs, which are the same byte for byte each time."""
    from planning.report.execute import picture, regenerate

    regenerate(sorted(NOTEBOOKS.glob("*.ipynb")))
    for name, (notebook, title) in PICTURES.items():
        (NOTEBOOKS / name).write_bytes(picture(NOTEBOOKS / notebook, title))


@app.command()
def data(
    out: Annotated[Path, typer.Option(help="Folder for the data.")] = Path("data"),
    seed: Annotated[int, typer.Option(help="Seed of the people.")] = 1,
) -> None:
    """Generate the synthetic data again: demand, call records, people, VIPs."""
    import pandas as pd

    from planning.centre import Centre
    from planning.demand import demand_for, read_demand
    from planning.demand.synthetic import Synthetic, write_data
    from planning.roster.people import fewest_people, synthetic_people
    from planning.shifts import cover_all
    from planning.staffing import requirement
    from planning.systems.vip import synthetic_vips

    settings = Centre.load(out / CENTRE.name)
    write_data(out)
    week = demand_for(settings, read_demand(out / DEMAND.name, settings.time_zone))
    shifts = cover_all(settings, requirement(settings, week))
    hours, heads = shifts.teams["paid_h"].to_dict(), fewest_people(settings, shifts.shifts)
    start = week["interval_start"].min()
    made = synthetic_people(settings, hours, start=start, seed=seed, heads_by_team=heads)
    if settings.systems.vip is not None:
        zones = pd.Series(
            {zone.utc_offset_h: zone.share for zone in Synthetic.load(out / "synthetic.toml").population}
        )
        managers = made.loc[made["grade"] == "manager", "agent_id"]
        vips, speaks = synthetic_vips(settings.systems.vip, managers, zones, seed=seed)
        vips.to_csv(out / VIPS.name, lineterminator="\n")
        made["skills"] = made["agent_id"].map(speaks.dot(speaks.columns + " ").str.strip())
    made.to_csv(out / PEOPLE.name, index=False, lineterminator="\n")
    typer.echo(f"{out}: {len(made)} people for {sum(hours.values()):,.0f} hours a week")


@app.command()
def demand(
    source: Annotated[
        str, typer.Argument(help="Call records: CSV or Parquet, DuckDB file, or database URL.")
    ],
    centre: Annotated[Path | None, typer.Option(help=CENTRE_HELP)] = None,
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
        _check_file(out)
        _check_demand_file(source, out, overwrite)
    here = centre or Path(CENTRE.name)
    settings = Centre.load(centre or _centre_here()) if here.exists() or not look else None
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
            f"{share:.1%} of {total:,} rows are refused, must be at most {REFUSED_SHARE:.0%}: nothing was "
            "written; correct [records], or give --accept-refused"
        )
    with _writing(out):
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
    """Say how the records were read and what was refused; return the share refused and the number of rows."""
    if log.told:
        typer.echo("read as [records] in the centre's file would say:", err=True)
    for name, value in log.told.items():
        typer.echo(f'  {name} = "{value}"', err=True)
    for reason, rows in log.reasons.items():
        refused = log.rejected
        lines = refused.loc[refused["reason"] == reason, "line"] if "line" in refused else []
        where = f", first in line {int(min(lines))}" if len(lines) else ""
        typer.echo(f"{rows:,} rows refused: {reason}{where}", err=True)
    if log.unread:
        typer.echo(f"{log.unread:,} calls count without their handle time, which cannot be read", err=True)
    for doubt in log.doubts:
        typer.echo(f"warning: {doubt}", err=True)
    total = log.kept + int(log.reasons.sum())
    share = int(log.reasons.sum()) / max(total, 1)
    if share > LOUD_SHARE:
        typer.echo(f"warning: {share:.1%} of {total:,} rows are refused: the demand lacks them", err=True)
    return share, total


def _write_demand_page(demand: pd.DataFrame, centre: str, page: Path) -> None:
    from planning.report.demand_page import demand_notebook
    from planning.report.pages import page_html

    _check_file(page)
    with _writing(page):
        page.write_text(page_html(demand_notebook(demand, centre), page), encoding="utf-8")
    typer.echo(page)


def _check_demand_file(source: str, out: Path, overwrite: bool) -> None:
    """Refuse to write over the records themselves, or over a file that is no demand, before the work."""
    import pyarrow.parquet as pq

    from planning.demand.records import paths_of
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


@app.command("compare")
def compare_command(
    scenarios: Annotated[Path, typer.Argument(help="Scenarios: TOML, or a grid in CSV.")],
    centre: Annotated[Path | None, typer.Option(help=CENTRE_HELP)] = None,
    demand: Annotated[Path | None, typer.Option(help=DEMAND_HELP)] = None,
    people: Annotated[
        Path | None, typer.Option(help="The people, CSV, to count how many the quality group listens to.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Table to write, .csv or .xlsx.")] = Path("scenarios.xlsx"),
    start: Annotated[
        str | None, typer.Option(help="First day to plan; default: the day after the demand ends.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="Number of days to plan.")] = 1,
    gaps: Annotated[
        str, typer.Option(help="Intervals without a row: refuse them, or take them as zero or as forecast.")
    ] = "refuse",
    staff: Annotated[
        str, typer.Option(help="Plan whole shifts, or positions (only the heads required).")
    ] = "shifts",
    processes: Annotated[int, typer.Option(min=1, help="Processes on this machine.")] = 1,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler.")] = None,
    cache: Annotated[
        Path, typer.Option(help="Folder that keeps finished scenarios for the next run.")
    ] = CACHE,
) -> None:
    """Plan, simulate and price scenarios side by side; a run that was stopped continues where it left off."""
    from planning.centre import Centre
    from planning.demand import demand_for, read_demand
    from planning.report.workbook import write_scenarios
    from planning.whatif import compare, executor_of, read_scenarios

    _check_file(out)
    centre = centre or _centre_here()
    demand = demand or _demand_beside(centre)
    settings, wanted = Centre.load(centre), read_scenarios(scenarios)
    week = demand_for(settings, read_demand(demand, settings.time_zone), start, days, gaps=gaps)
    known = None if people is None else _people(people, settings)
    with executor_of(processes, scheduler) as executor:
        table = compare(wanted, settings, week, people=known, staff=staff, executor=executor, cache=cache)
    with _writing(out):
        if out.suffix == ".csv":
            table.round(4).to_csv(out, lineterminator="\n")
        else:
            write_scenarios(out, table, settings)
    failed = table[table["reason"] != ""]
    for name, row in failed.iterrows():
        typer.echo(f"{name}: {row['reason']}", err=True)
    typer.echo(f"{out}: {len(table) - len(failed)} scenarios side by side, {len(failed)} failed")


@app.command("app")
def app_command(
    centre: Annotated[Path | None, typer.Argument(help=CENTRE_HELP)] = None,
    demand: Annotated[Path | None, typer.Option(help=DEMAND_HELP)] = None,
    cache: Annotated[
        Path, typer.Option(help="Folder that keeps finished scenarios for the next run.")
    ] = CACHE,
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 8866,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
) -> None:
    """Serve the what-if page on this machine, for any number of readers."""
    from planning.app.server import serve

    centre = centre or _centre_here()
    demand = demand or _demand_beside(centre)
    raise typer.Exit(serve(centre, demand, cache, port=port, browser=browser))


def _check_file(out: Path) -> None:
    """Check before the work starts that the folder of the output file exists."""
    if not out.parent.is_dir():
        raise PlanningError(f"{out} has no folder {out.parent}: make it or give another --out")
    if out.is_dir():
        raise PlanningError(f"{out} is a folder: give a file as --out")


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Say in one line why a file could not be written."""
    try:
        yield
    except OSError as error:
        raise PlanningError(f"{out} cannot be written: {error.strerror or error}") from None


def _plan(
    centre: Path | None,
    demand: Path | None,
    people: Path | None,
    vips: Path | None,
    start: str | None,
    days: int,
    replications: int,
    gaps: str = "refuse",
    proven: bool = False,
) -> Plan:
    from planning.centre import Centre
    from planning.certify import certify
    from planning.demand import demand_for, read_demand
    from planning.plan import plan
    from planning.systems.vip import read_vips

    centre = centre or _centre_here()
    demand = demand or _demand_beside(centre)
    # Files beside the centre belong to it, unless people from elsewhere are given.
    ours = people is None
    people = people or _beside(centre, PEOPLE.name)
    settings = Centre.load(centre)
    week = demand_for(settings, read_demand(demand, settings.time_zone), start, days, gaps=gaps)
    known = None if people is None else _people(people, settings)
    if vips is None and ours and settings.systems.vip is not None:
        vips = _beside(centre, VIPS.name)
    cared = None
    if vips is not None and known is not None:
        cared, refused = read_vips(vips, known)
        _tell_refused(vips, refused)
    if known is None:
        typer.echo(
            f"note: no people.csv beside {centre}: the plan says how many to employ, without leave",
            err=True,
        )
    make = certify if proven else plan
    return make(settings, week, known, vips=cared, replications=replications)


def _centre_here() -> Path:
    """Find the centre's file in this folder, or in data/ of a repository."""
    here = Path(CENTRE.name)
    if not here.exists() and not CENTRE.exists():
        raise PlanningError(
            "there is no centre.toml here: give its path, or start from an example with `planning init`"
        )
    return here if here.exists() else CENTRE


def _beside(centre: Path, name: str) -> Path | None:
    found = centre.parent / name
    return found if found.exists() else None


def _demand_beside(centre: Path) -> Path:
    for name in (DEMAND.name, "demand.csv"):
        if found := _beside(centre, name):
            return found
    raise PlanningError(
        f"there is no demand.parquet or demand.csv beside {centre}: give --demand, or count call records "
        "with `planning demand`"
    )


def _people(path: Path, settings: Centre) -> pd.DataFrame:
    """Read the people and say which rows were refused; raise if none is left."""
    from planning.roster.people import read_people

    known, refused = read_people(path, settings)
    _tell_refused(path, refused)
    if known.empty:
        raise PlanningError(f"{path}: all {len(refused)} rows are refused: correct them as listed above")
    return known


def _tell_refused(path: Path, refused: pd.DataFrame) -> None:
    """Say why rows of a file were refused: each reason once, with the number of rows and the first one."""
    for reason, rows in refused.groupby("reason", sort=False):
        typer.echo(f"{path}: {len(rows)} rows refused, the first row {rows.index[0]}: {reason}", err=True)


def _tell(made: Plan, folder: Path) -> None:
    """Say where the plan is and its headline figures."""
    from planning.centre.money import money
    from planning.report.plan_page import heads_text, idle_text

    summary = made.summary
    levels = summary["service_level"]
    weighted = ", ".join(f"{name} {level['simulated']:.1%}" for name, level in levels.items())
    total, night, idle = (money(made.centre, summary["cost"][part]) for part in ("total", "night", "idle"))
    lost, everything = (
        money(made.centre, amount) for amount in (made.customers.sum(), summary["cost_with_customers"])
    )
    owed, unworked = (sum(hours[name] for hours in summary["hours"].values()) for name in ("owed", "idle"))
    short = summary["unmet_intervals"] + summary["unmet_heads"]
    verdicts = made.certificate["verdict"]
    close = f"{(verdicts == 'too close to call').sum()} of {len(verdicts)} promises too close to call"
    lines = {
        "Plan": str(folder),
        "People": heads_text(summary),
        "Paid hours": f"{summary['paid_hours']:,.0f}, of which {summary['night_hours']:,.0f} at night",
        "Idle hours": "; ".join(
            [f"{unworked:,.0f} of the {owed:,.0f} owed", *idle_text(summary)[:IDLE_TEAMS]]
        ),
        "Cost": f"{total}, of which night premium {night} and idle hours {idle}",
        "Lost customers": f"{lost}, {everything} with the cost",
        "Service level": f"{weighted} (simulated)",
        "Holds": f"{'yes' if made.holds else 'no'}; {close}, {short} short, {summary['breaches']} breaches",
    }
    for name, text in lines.items():
        typer.echo(f"{name + ':':<15} {text}")
    for text in summary["short"]:
        typer.echo(f"{'':<15} {text}")
    for name, level in levels.items():
        for day, found in level["days"].items():
            met = f"on {day}: {found['simulated']:.1%} against {level['target']:.0%}"
            if found["verdict"] == "does not hold":
                lack = f"agents short: {found['agents_short']}"
                typer.echo(f"{'':<15} {name} does not hold {met}; {lack}")
            elif found["simulated"] < level["target"]:
                typer.echo(f"{'':<15} {name} is below and too close to call {met}; simulate longer")


if __name__ == "__main__":
    main()
