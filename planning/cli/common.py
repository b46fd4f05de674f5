"""Options and steps that several commands share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planning.errors import PlanningError

if TYPE_CHECKING:
    import pandas as pd

    from planning.centre import Centre
    from planning.plan import Plan

CENTRE = Path("data/centre.toml")
DEMAND = Path("data/demand.parquet")
PEOPLE = Path("data/people.csv")
VIPS = Path("data/vips.csv")
CACHE = Path(".cache/whatif")
NOTEBOOKS = Path("notebooks")
IDLE_TEAMS = 3
"""Teams with idle hours that the terminal names; the summary has them all."""
_CENTRE = "The centre's TOML file; default: centre.toml in this folder or in data/."
CentreArgument = Annotated[Path | None, typer.Argument(help=_CENTRE)]
CentreOption = Annotated[Path | None, typer.Option(help=_CENTRE)]
DemandOption = Annotated[
    Path | None, typer.Option(help="Demand by interval, CSV or Parquet; default: demand.* beside the centre.")
]
PeopleOption = Annotated[
    Path | None,
    typer.Option(
        help="The people, CSV; default: people.csv beside the centre. Without one, the plan says how many to "
        "employ."
    ),
]
HireOption = Annotated[
    list[str] | None,
    typer.Option(
        help="A team that may employ people beside those there are: TEAM=5 for at most five, TEAM for any "
        "number, all for every team. Give it as often as you like."
    ),
]
MoveOption = Annotated[
    list[str] | None,
    typer.Option(
        help="A team whose people may move to another of its site, at the price of their training: FROM:TO=2 "
        "for at most two, FROM:TO for any number. A team with the queues of both makes it cross-training."
    ),
]
StartOption = Annotated[
    str | None,
    typer.Option(help="First day to plan; default: the day after the demand, or after the roster before."),
]
DaysOption = Annotated[int, typer.Option(min=1, help="Number of days to plan.")]
GapsOption = Annotated[
    str, typer.Option(help="Intervals without a row: refuse them, or take them as zero or as forecast.")
]
ReplicationsOption = Annotated[int, typer.Option(min=2, help="Simulated horizons.")]
TrimOption = Annotated[
    bool,
    typer.Option(
        help="Take staff away where a promise is over-kept and add where it breaks, until each is just kept. "
        "This plans several times."
    ),
]
MadeAtOption = Annotated[
    str | None, typer.Option(help="When the change is made, as 2026-11-23T09:15; default: now.")
]
EditionOption = Annotated[
    Path | None, typer.Option(help="New folder; default: the next edition beside the plan, as plan-2.")
]
MeetingsOption = Annotated[
    Path | None, typer.Option(help="Meetings and trainings, CSV: agent_id, kind, start, end.")
]
CacheOption = Annotated[Path, typer.Option(help="Folder that keeps finished scenarios for the next run.")]


def check_file(out: Path) -> None:
    """Check before the work starts that the folder of the output file exists."""
    if not out.parent.is_dir():
        raise PlanningError(f"{out} has no folder {out.parent}: make it or give another --out")
    if out.is_dir():
        raise PlanningError(f"{out} is a folder: give a file as --out")


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Say in one line why a file could not be written."""
    try:
        yield
    except OSError as error:
        raise PlanningError(f"{out} cannot be written: {error.strerror or error}") from None


def centre_here() -> Path:
    """Find the centre's file in this folder, or in data/ of a repository."""
    here = Path(CENTRE.name)
    if not here.exists() and not CENTRE.exists():
        raise PlanningError(
            "there is no centre.toml here: give its path, or start from an example with `planning init`"
        )
    return here if here.exists() else CENTRE


def beside(centre: Path, name: str) -> Path | None:
    """Find a file beside the centre's."""
    found = centre.parent / name
    return found if found.exists() else None


def demand_beside(centre: Path) -> Path:
    """Find the demand beside the centre's file."""
    for name in (DEMAND.name, "demand.csv"):
        if found := beside(centre, name):
            return found
    raise PlanningError(
        f"there is no demand.parquet or demand.csv beside {centre}: give --demand, or count call records "
        "with `planning demand`"
    )


def people_of(path: Path, settings: Centre) -> pd.DataFrame:
    """Read the people and say which rows were refused; raise if none is left."""
    from planning.roster.people import read_people

    known, refused = read_people(path, settings)
    tell_refused(path, refused)
    if known.empty:
        raise PlanningError(f"{path}: all {len(refused)} rows are refused: correct them as listed above")
    nobody = [name for name, team in settings.teams.items() if team.queues and name not in set(known["team"])]
    if nobody:
        typer.echo(
            f"note: {path} has nobody in {', '.join(nobody)}: nothing is planned for them; add their people, "
            f"or employ some with --hire {nobody[0]}=5",
            err=True,
        )
    return known


def moment(at: str | None, settings: Centre) -> pd.Timestamp:
    """Read a time; without an offset it is on the centre's clock."""
    import pandas as pd

    if at is None:
        return pd.Timestamp.now(settings.time_zone).floor("s")
    try:
        stamp = pd.Timestamp(at)
        return stamp if stamp.tz else stamp.tz_localize(settings.time_zone)
    except ValueError:
        raise PlanningError(f"--at is {at!r}, must be a time: write it as 2026-11-23T09:15") from None


def tell_refused(path: Path, refused: pd.DataFrame) -> None:
    """Say why rows of a file were refused: each reason once, with the number of rows and the first one."""
    for reason, rows in refused.groupby("reason", sort=False):
        typer.echo(f"{path}: {len(rows)} rows refused, the first row {rows.index[0]}: {reason}", err=True)


def make_plan(
    centre: Path | None,
    demand: Path | None,
    people: Path | None,
    *,
    hire: Sequence[str] | None,
    move: Sequence[str] | None,
    start: str | None,
    days: int,
    gaps: str,
    replications: int,
    vips: Path | None = None,
    before: Path | None = None,
    trim: bool = False,
) -> Plan:
    """Plan some days of a centre from its files; `before` is the folder of the roster before."""
    import pandas as pd

    from planning.calendars import local_day
    from planning.centre import Centre
    from planning.centre.describe import lawless
    from planning.demand import demand_for, read_demand
    from planning.edition import read_edition
    from planning.plan import plan
    from planning.systems.vip import read_vips

    centre = centre or centre_here()
    demand = demand or demand_beside(centre)
    # Files beside the centre belong to it, unless people from elsewhere are given.
    ours = people is None
    settings = Centre.load(centre)
    edition = None if before is None else read_edition(before, settings)
    if edition is not None:
        start = start or f"{edition.horizon.last + pd.Timedelta(days=1):%Y-%m-%d}"
    else:
        people = people or beside(centre, PEOPLE.name)
    if text := lawless(settings):
        typer.echo(f"note: {text}", err=True)
    week = demand_for(settings, read_demand(demand, settings.time_zone), start, days, gaps=gaps)
    known = None if people is None else people_of(people, settings)
    if edition is not None:
        known = edition.people_for(local_day(week["interval_start"].min()), known)
    if vips is None and ours and settings.systems.vip is not None:
        vips = beside(centre, VIPS.name)
    cared = None
    if vips is not None and known is not None:
        cared, refused = read_vips(vips, known)
        tell_refused(vips, refused)
    if known is None:
        typer.echo(
            f"note: no people.csv beside {centre}: the plan says how many to employ, without leave",
            err=True,
        )
    return plan(
        settings,
        week,
        known,
        hire=_hires(hire or (), settings),
        move=_moves(move or (), known),
        vips=cared,
        certify=trim,
        replications=replications,
    )


def _hires(texts: Sequence[str], settings: Centre) -> dict[str, float] | None:
    """Read how many people teams may employ."""
    found: dict[str, float] = {}
    for text in texts:
        team, most = _at_most("--hire", "TEAM", text)
        teams = [name for name, one in settings.teams.items() if one.queues] if team == "all" else [team]
        found |= dict.fromkeys(teams, most)
    return found or None


def _moves(texts: Sequence[str], people: pd.DataFrame | None) -> dict[tuple[str, str], float]:
    """Read how many people may move from one team to another."""
    if texts and people is None:
        raise PlanningError(
            f"--move is {texts[0]!r}, but there are no people: give --people, or leave it out"
        )
    found = {}
    for text in texts:
        teams, most = _at_most("--move", "FROM:TO", text)
        before, told, after = teams.partition(":")
        if not told:
            raise PlanningError(f"--move is {text!r}, must be FROM:TO=N, the names of two teams and a number")
        found[before, after] = most
    return found


def _at_most(option: str, form: str, text: str) -> tuple[str, float]:
    """Read a name and the most people that it allows; any number if the text has none."""
    name, told, number = text.partition("=")
    if told and not number.isdecimal():
        raise PlanningError(f"{option} is {text!r}, must be {form}=N with a whole number, such as {name}=2")
    return name, float(number) if told else inf


def _tell_prices(made: Plan) -> None:
    """Say what a point of each promise costs, and why no further head was taken."""
    from planning.centre.money import money

    for name, row in made.summary["trimmed"].get("queues", {}).items():
        less, more = (money(made.centre, row[key]) for key in ("a_point_less_saves", "a_point_more_costs"))
        typer.echo(f"{'':<15} {name}: a point less saves {less}, a point more costs {more}")
        for day, why in row["stopped"].items():
            typer.echo(f"{'':<17} {day}: {why}")


def tell(made: Plan, folder: Path) -> None:
    """Say where the plan is and its headline figures."""
    from planning.centre.money import money
    from planning.report.plan_page import heads_text, idle_text, moves_text, promises_text, trimmed_text

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
        "Employ": ", ".join(f"{count:,} in {team}" for team, count in summary["employ"].items()),
        "Decided by": "; ".join(f"{team}: {why}" for team, why in summary["employ_for"].items()),
        "Move": "; ".join(moves_text(summary)),
        "Paid hours": f"{summary['paid_hours']:,.0f}, of which {summary['night_hours']:,.0f} at night",
        "Idle hours": "; ".join(
            [f"{unworked:,.0f} of the {owed:,.0f} owed", *idle_text(summary)[:IDLE_TEAMS]]
        ),
        "Cost": f"{total}, of which night premium {night} and idle hours {idle}",
        "Lost customers": f"{lost}, {everything} with the cost",
        "Service level": f"{weighted} (simulated)" if weighted else "no queue of callers",
        "Promises": promises_text(summary),
        "Trimmed": trimmed_text(summary, made.centre),
        "Holds": f"{'yes' if made.holds else 'no'}; {close}, {short} short, {summary['breaches']} breaches",
    }
    for name, text in lines.items():
        if text:
            typer.echo(f"{name + ':':<15} {text}")
        if name == "Trimmed":
            _tell_prices(made)
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
