"""Commands for a roster that is published: change it, judge it, and say why heads are missing."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planning.cli.common import (
    CentreOption,
    EditionOption,
    MadeAtOption,
    beside,
    centre_here,
    moment,
    people_of,
    tell_refused,
    writing,
)
from planning.errors import PlanningError

if TYPE_CHECKING:
    import pandas as pd

    from planning.edition import Edition
    from planning.requested import Changed

app = typer.Typer(help="The roster after it is published.", no_args_is_help=True)
FolderArgument = Annotated[
    Path, typer.Argument(help="The folder that `planning plan` or `planning roster change` wrote.")
]
WORDS = {
    "sick": ("who", "first", "last"),
    "leave": ("who", "first", "last"),
    "add": ("who", "first", "shift", "heads"),
    "swap": ("who", "first", "whom", "last"),
    "give": ("who", "first", "whom"),
    "fill": ("who", "shift"),
}
"""The words of each option, in order, as columns of REQUESTS."""
BEST = 3
"""Substitutes that the terminal names; substitutes.csv has them all."""


@app.command("change")
def change_command(
    folder: FolderArgument,
    sick: Annotated[list[str] | None, typer.Option(help='"WHO FIRST [LAST]": ill on these days.')] = None,
    leave: Annotated[list[str] | None, typer.Option(help='"WHO FIRST [LAST]": on leave.')] = None,
    swap: Annotated[
        list[str] | None, typer.Option(help='"WHO DAY WHOM [DAY]": two people swap their shifts.')
    ] = None,
    give: Annotated[
        list[str] | None, typer.Option(help='"WHO DAY WHOM": WHOM takes the shift of WHO.')
    ] = None,
    fill: Annotated[
        list[str] | None, typer.Option(help='"WHO SHIFT_ID": WHO takes an open head of a shift.')
    ] = None,
    add: Annotated[
        list[str] | None, typer.Option(help='"TEAM DAY 09:00-17:30 [HEADS]": more people are needed.')
    ] = None,
    requests: Annotated[
        Path | None, typer.Option(help="The same in a CSV: change, who, first, last, whom, shift, heads.")
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="A workbook whose team sheets you have edited, taken over as they stand."),
    ] = None,
    at: MadeAtOption = None,
    out: EditionOption = None,
    centre: CentreOption = None,
) -> None:
    """Change a published roster as little as possible, and write the next edition into a new folder.

    Dates are written 2026-11-24. What has begun stays as it is. Exit code 1 if not all could be met. Of an
    edited sheet nothing is written while a cell cannot be read or breaks a rule: correct it, run this again.
    """
    from planning.centre import Centre
    from planning.edition import next_folder, read_edition
    from planning.requested import change
    from planning.retyped import retype

    settings = Centre.load(centre or centre_here())
    edition = read_edition(folder, settings)
    out = out or next_folder(folder, edition)
    if out.exists():
        raise PlanningError(
            f"{out} is there already: {folder} was changed before; change {out}, or give another --out"
        )
    now = moment(at, settings)
    options = {"sick": sick, "leave": leave, "swap": swap, "give": give, "fill": fill, "add": add}
    if sheet is None:
        asked = _requests(options, requests)
        made = change(edition, asked, now=now)
        tell_refused(requests or Path("requests"), made.refused)
        if len(made.refused) == len(asked):
            raise PlanningError(f"all {len(asked)} requests are refused, nothing was written: correct them")
    else:
        if requests or any(options.values()):
            raise PlanningError("--sheet is taken over alone: run the other changes on the edition it makes")
        made = retype(edition, sheet, now=now)
        _check_sheet(sheet, edition, made)
    made.edition.save(out)
    if len(made.substitutes):
        made.substitutes.round(2).to_csv(out / "substitutes.csv", index=False, lineterminator="\n")
    _tell(made, folder, out)
    raise typer.Exit(int(bool(len(made.refused) or len(made.edition.unmet) or len(made.new_breaches))))


def _check_sheet(sheet: Path, before: Edition, made: Changed) -> None:
    """Say which cells cannot be read and which rules the others break; raise if there is any of them."""
    _tell_unread(sheet, made.refused)
    _tell_breaches(made)
    if len(made.refused) or len(made.new_breaches):
        raise PlanningError(
            f"{len(made.refused)} cells are refused and {len(made.new_breaches)} breaches are new, nothing "
            f"was written: correct {sheet} and run this again"
        )
    if made.changes.empty and made.edition.people.equals(before.people):
        raise PlanningError(f"{sheet} says what the roster says: nothing was written")


def _tell_unread(sheet: Path, refused: pd.DataFrame) -> None:
    for row in refused.itertuples():
        typer.echo(f"{sheet}: {row.cell} is {row.value!r}: {row.reason}", err=True)


def _tell_breaches(made: Changed) -> None:
    for row in made.new_breaches.itertuples():
        typer.echo(
            f"{'Breach:':<15} {row.date:%Y-%m-%d} {row.agent_id}: {row.text} ({row.rule}, {row.article})"
        )


def _requests(options: dict[str, list[str] | None], path: Path | None) -> pd.DataFrame:
    """Collect the requests of a file and of the options, as REQUESTS."""
    import pandas as pd

    from planning.tables import REQUESTS, read_csv

    rows = []
    for change, names in WORDS.items():
        for text in options[change] or []:
            words = shlex.split(text)
            if len(words) > len(names):
                raise PlanningError(
                    f"--{change} {text!r} has {len(words)} words, must have at most {len(names)}: write "
                    f"{' '.join(names)}, and names with blanks in quotes"
                )
            rows.append({"change": change} | dict(zip(names, words, strict=False)))
    table = pd.DataFrame(rows, columns=list(REQUESTS.columns), dtype="str")
    if path is not None:
        try:
            table = pd.concat([read_csv(path), table], ignore_index=True)
        except (OSError, ValueError) as error:
            raise PlanningError(f"requests file {path} cannot be read: {error}") from None
    if table.empty:
        raise PlanningError(
            "nothing to change: give --sick, --leave, --swap, --give, --fill, --add, --requests or --sheet"
        )
    return table


def _tell(made: Changed, folder: Path, out: Path) -> None:
    """Say who is told what, who could stand in, what it costs and what is still open."""
    from planning.centre.money import money

    edition = made.edition
    typer.echo(
        f"{'Edition:':<15} {out}, number {edition.number}, after {folder}; {edition.made:%Y-%m-%d %H:%M}"
    )
    consent = int(made.changes["needs_consent"].sum())
    people = made.changes["agent_id"].nunique()
    typer.echo(f"{'Changes:':<15} {len(made.changes)} days of {people} people, consent needed for {consent}")
    for row in made.changes.itertuples():
        was, now = (_span(row.before_start, row.before_end), _span(row.after_start, row.after_end))
        asks = ", needs consent" if row.needs_consent else ""
        day = min(stamp for stamp in (row.before_start, row.after_start) if stamp == stamp)
        typer.echo(f"{'':<15} {row.agent_id}, {day:%a %d %b}: {was} -> {now}; {row.why}{asks}")
    for name, rows in made.substitutes.groupby("shift_id", sort=False):
        lawful = rows[rows["lawful"]]
        best = "; ".join(
            f"{row.agent_id} {money(edition.centre, row.cost)}, {row.left_h:.0f} h left"
            + (", has it now" if row.taken else "")
            for row in lawful.head(BEST).itertuples()
        )
        typer.echo(
            f"{'Substitutes:':<15} {name}: {len(lawful)} of {len(rows)} may; {best or rows['why'].iloc[0]}"
        )
    for row in edition.unmet.itertuples():
        typer.echo(f"{'Open:':<15} {row.shift_id}: {row.missing} missing; see `planning roster why {out}`")
    _tell_breaches(made)
    for row in made.hours.itertuples():
        typer.echo(f"{'Hours:':<15} {row.Index}: {_hours(*row[1:3])} -> {_hours(*row[3:5])}")
    typer.echo(f"{'Price:':<15} {'+' if made.cost >= 0 else '-'}{money(edition.centre, abs(made.cost))}")
    typer.echo(f"{'Audit:':<15} {len(edition.breaches)} breaches")


def _hours(paid_h: float, night_h: float) -> str:
    return f"{paid_h:g} h" + (f", {night_h:g} at night" if night_h else "")


def _span(start: pd.Timestamp, end: pd.Timestamp) -> str:
    return "free" if start != start else f"{start:%H:%M}-{end:%H:%M}"


@app.command("audit")
def audit_command(
    roster: Annotated[Path, typer.Argument(help="A roster, CSV or workbook, or the folder of a plan.")],
    centre: CentreOption = None,
    people: Annotated[
        Path | None,
        typer.Option(
            help="The people, CSV; default: staff.csv of the folder, or people.csv beside the centre."
        ),
    ] = None,
) -> None:
    """List every breach of the labour rules in a roster, whoever made it; exit code 1 if there are any.

    A workbook with team sheets, as plan.xlsx, is judged by them, with the plan that lies beside it.
    """
    from planning.centre import Centre
    from planning.edition import read_edition
    from planning.report.team_sheets import has_team_sheets
    from planning.retyped import retype
    from planning.roster.audit import audit, read_roster

    centre = centre or centre_here()
    settings = Centre.load(centre)
    if roster.is_file() and roster.suffix == ".xlsx" and has_team_sheets(roster):
        edition = read_edition(roster.parent, settings)
        made = retype(edition, roster, now=edition.times[0])
        unread, assigned, found = made.refused, made.edition.roster, made.edition.breaches
    else:
        folder = roster if roster.is_dir() else roster.parent
        people = people or beside(folder / "roster.csv", "staff.csv") or beside(centre, "people.csv")
        if people is None:
            raise PlanningError(
                f"there is no staff.csv beside {roster} and no people.csv beside {centre}: give --people"
            )
        assigned = read_roster(roster / "roster.csv" if roster.is_dir() else roster, settings)
        unread, found = assigned[:0], audit(settings, assigned, people_of(people, settings))
    _tell_unread(roster, unread)
    for row in found.itertuples():
        typer.echo(f"{row.date:%Y-%m-%d} {row.agent_id}: {row.text} ({row.rule}, {row.article})")
    shifts = f"{len(assigned)} shifts of {assigned['agent_id'].nunique()} people"
    typer.echo(f"{roster}: {len(found)} breaches in {shifts}")
    raise typer.Exit(min(len(found) + len(unread), 1))


@app.command("publish")
def publish_command(
    folder: FolderArgument,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write into; default: published in the plan's folder.")
    ] = None,
    centre: CentreOption = None,
) -> None:
    """Write what people and the payroll get: calendars, the time sheet, the days, and hours by pay type.

    days.xlsx has a sheet for each site and day: who works and who is on which break, interval by interval.
    wishes.csv says what people asked for, what they got and why not; fairness.csv sets nights, weekends and
    late shifts, with last month's, beside an even share.
    """
    from planning.centre import Centre
    from planning.edition import read_edition
    from planning.report.day_view import write_day_view
    from planning.report.roster_book import write_calendars, write_roster_book

    settings = Centre.load(centre or centre_here())
    edition = read_edition(folder, settings)
    target = out or folder / "published"
    files = write_calendars(
        target / "calendars", edition.roster, settings, made=edition.made, edition=edition.number,
        breaks=edition.breaks, changes=edition.changes,
    )  # fmt: skip
    told = {"payroll": edition.payroll, "wishes": edition.wishes, "fairness": edition.fairness}
    write_roster_book(
        target / "time_sheet.xlsx", edition.roster, edition.people, settings, edition.horizon,
        breaks=edition.breaks, payroll=told["payroll"],
    )  # fmt: skip
    write_day_view(target / "days.xlsx", edition.roster, edition.breaks, edition.requirement, settings)
    for name, table in told.items():
        with writing(target / f"{name}.csv"):
            table.to_csv(target / f"{name}.csv", index=False, lineterminator="\n")
    granted = told["wishes"]["granted"]
    typer.echo(
        f"{target}: {len(files)} calendars, time_sheet.xlsx, days.xlsx, payroll.csv, wishes.csv and "
        f"fairness.csv of edition {edition.number}; {int(granted.sum())} of {len(granted)} wishes granted"
    )


@app.command("why")
def why_command(
    folder: FolderArgument,
    centre: CentreOption = None,
) -> None:
    """Say which rules and people clash where heads are missing, and what giving up each rule would gain."""
    from planning.centre import Centre
    from planning.centre.money import money
    from planning.edition import read_edition
    from planning.roster.why import why_not

    settings = Centre.load(centre or centre_here())
    edition = read_edition(folder, settings)
    clash = why_not(settings, edition.shifts, edition.people, edition.unmet)
    typer.echo(clash.text)
    if clash.people:
        typer.echo(f"who may work it: {', '.join(clash.people)}")
    for row in clash.prices[clash.prices["saved_cost"] > 0].itertuples():
        typer.echo(
            f"without {row.rule} ({row.article}): {row.missing} missing, "
            f"{money(settings, row.saved_cost)} saved"
        )
