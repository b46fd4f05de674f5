"""Team sheets edited in Excel, taken over as the next edition of a roster."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from planning.calendars import DAY, day_start, on_clock
from planning.edition import Edition
from planning.errors import PlanningError
from planning.report.team_sheets import read_team_sheets, team_grid
from planning.requested import Changed, Draft, compared, local_days, next_edition, pattern_of, ranked
from planning.roster.inputs import ABSENCES
from planning.shifts import parse_shift
from planning.tables import PEOPLE


def retype(edition: Edition, path: str | Path, *, now: pd.Timestamp) -> Changed:
    """Take over team sheets that were edited in Excel, as they stand: nobody else is moved.

    A cell with other times puts the person on a shift of these times that has an open head. If there is none,
    the person's own shift moves to them; on a free day a shift is added. A cell that is emptied, or has a
    letter of absence, leaves its shift open.

    Parameters
    ----------
    edition : Edition
    path : str or Path
        A workbook with team sheets, as ``plan.xlsx`` has them.
    now : Timestamp
        When the change is made, with its time zone. What has begun stays as it is.

    Returns
    -------
    Changed
        Its substitutes are for the heads that it leaves open.

    Raises
    ------
    PlanningError
        The file cannot be read or has no team sheet.
    """
    cells, refused = read_team_sheets(path, edition.people, edition.sheet_days)
    stands = _texts(edition)
    cells["before"] = [stands[key] for key in zip(cells["agent_id"], cells["day"], strict=True)]
    draft, reasons = Draft(edition, edition.people, edition.shifts, edition.roster, now), []
    edits: list[_Edit] = []
    for cell in cells[cells["text"] != cells["before"]].itertuples():
        try:
            if edit := _edit_of(edition, cell):
                draft = _cleared(draft, edit, Path(path).name)
                edits.append(edit)
        except PlanningError as error:
            reasons.append((cell.cell, cell.text, str(error)))
    for take in (partial(_absent, cells), _working):
        for edit in edits:
            try:
                draft = take(draft, edit)
            except PlanningError as error:
                reasons.append((edit.cell, edit.text, str(error)))
    made = next_edition(edition, draft, now)
    opened = made.unmet.merge(edition.unmet, on="shift_id", how="left", suffixes=("", "_was")).fillna(0)
    opened = opened.loc[opened["missing"] > opened["missing_was"], "shift_id"]
    late = pd.DataFrame(reasons, columns=list(refused.columns))
    refused = pd.concat([refused, late], ignore_index=True) if reasons else refused
    return compared(edition, made, ranked(replace(draft, open=tuple(opened)), made), refused)


def _texts(edition: Edition) -> dict[tuple[str, pd.Timestamp], str]:
    """What each cell of the team sheets says, by agent_id and day."""
    found: dict[tuple[str, pd.Timestamp], str] = {}
    for site, own in edition.people.groupby("site"):
        rows = edition.roster[edition.roster["agent_id"].isin(own["agent_id"])]
        grid = team_grid(rows, own, edition.centre, str(site), edition.sheet_days[str(site)])
        found |= {(str(who), day): text for day in grid for who, text in grid[day].items()}
    return found


@dataclass(frozen=True)
class _Edit:
    """A cell of a team sheet that says something new."""

    cell: str
    text: str
    who: str
    team: str
    day: pd.Timestamp
    away: str
    """Kind of absence, "" if none."""
    shifts: tuple[tuple[pd.Timestamp, pd.Timestamp, str], ...]
    """Start, end and text of each."""
    lost: tuple[str, ...]
    """shift_id of what the person had."""


def _edit_of(edition: Edition, cell: Any) -> _Edit | None:
    """Read a cell; None if it says in other signs what stands."""
    person = edition.people.set_index("agent_id").loc[cell.agent_id]
    zone = edition.centre.zones[str(person["site"])]
    letters = edition.centre.at(str(person["site"])).labour.letters
    kinds = {getattr(letters, kind).casefold(): kind for kind in ABSENCES}
    away, shifts = kinds.get(cell.text.casefold(), ""), []
    for text in [] if away or cell.text in ("", letters.off) else re.split(r",\s*(?=\d)", cell.text):
        try:
            clock, pattern = parse_shift(text)
        except PlanningError:
            raise PlanningError(
                "is neither the times of a shift nor a letter: write 09:00-17:30 or "
                f"{', '.join(getattr(letters, kind) for kind in ABSENCES)}, or leave it empty"
            ) from None
        start = on_clock(cell.day + clock, zone).tz_convert(edition.centre.time_zone)
        shifts.append((start, start + pd.Timedelta(seconds=pattern.length_s), text))
    rows = edition.roster[edition.roster["agent_id"] == cell.agent_id]
    had = rows[local_days(rows, edition.centre) == cell.day]
    same = {(start, end) for start, end, _ in shifts} == set(zip(had["start"], had["end"], strict=True))
    if same and not away and (shifts or cell.before == "") and not any(" " in text for *_, text in shifts):
        return None
    lost = tuple(had["shift_id"])
    return _Edit(
        cell.cell, cell.text, cell.agent_id, str(person["team"]), cell.day, away, tuple(shifts), lost
    )


def _cleared(draft: Draft, edit: _Edit, source: str) -> Draft:
    """Take away what a person had on the day of a cell."""
    day = pd.DatetimeIndex([edit.day])
    lost = draft.held(edit.who, day)
    why = draft.says(edit.who, day, edit.away or f"typed in {source}")
    return replace(draft, roster=draft.roster.drop(lost.index), why=why)


def _absent(cells: pd.DataFrame, draft: Draft, edit: _Edit) -> Draft:
    """Put the days with a letter of absence into PEOPLE, where they differ; once for each person."""
    own = cells[cells["agent_id"] == edit.who].sort_values("day")
    if own.loc[own["text"] != own["before"], "cell"].iloc[0] != edit.cell:
        return draft
    edition, person = draft.edition, draft.person(edit.who)
    letters = edition.centre.at(str(person["site"])).labour.letters
    columns: dict[str, Any] = {}
    for kind in ABSENCES:
        letter = getattr(letters, kind).casefold()
        was, now = (own.loc[own[name].str.casefold() == letter, "day"] for name in ("before", "text"))
        if set(was) == set(now):
            continue
        if kind == "sick":
            known = person["sick"].split() if isinstance(person["sick"], str) else []
            here = {f"{day:%Y-%m-%d}" for day in own["day"]}
            dates = {*(date for date in known if date not in here), *(f"{day:%Y-%m-%d}" for day in now)}
            columns["sick"] = " ".join(sorted(dates)) or None
        else:
            edges = person[f"{kind}_from"], person[f"{kind}_until"]
            columns |= dict(zip(
                (f"{kind}_from", f"{kind}_until"), _stretch(edition, kind, own["day"], was, now, edges),
                strict=True,
            ))  # fmt: skip
    row = draft.people["agent_id"] == edit.who
    people = draft.people.assign(
        **{name: draft.people[name].astype("object").mask(row, value) for name, value in columns.items()}
    )
    return replace(draft, people=PEOPLE.check(people, "people"))


def _stretch(
    edition: Edition,
    kind: str,
    days: pd.Series,
    was: pd.Series,
    now: pd.Series,
    edges: tuple[pd.Timestamp, pd.Timestamp],
) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    """Edges of an absence whose days on a sheet are edited; its part before or after the sheet stays."""
    zone = edition.centre.time_zone
    before = len(was) > 0 and was.iloc[0] == days.iloc[0]
    after = len(was) > 0 and was.iloc[-1] == days.iloc[-1]
    if now.empty:
        opens, closes = (day_start(f"{day:%Y-%m-%d}", zone) for day in (days.iloc[0], days.iloc[-1] + DAY))
        if before and edges[0] < opens:
            return edges[0], opens
        return (closes, edges[1]) if after and edges[1] > closes else (None, None)
    gaps = now[now.diff() > DAY]
    for day in gaps[:1]:
        raise PlanningError(
            f"{kind} begins anew on {day:%Y-%m-%d}, must be one run of days in a roster: fill the days "
            "between, or write the others into blocked"
        )
    first, last = now.iloc[0], now.iloc[-1]
    opens, closes = (day_start(f"{day:%Y-%m-%d}", zone) for day in (first, last + DAY))
    return (
        edges[0] if len(was) and was.iloc[0] == first else opens,
        edges[1] if len(was) and was.iloc[-1] == last else closes,
    )


def _working(draft: Draft, edit: _Edit) -> Draft:
    """Put a person on the shifts that a cell names."""
    for start, end, text in edit.shifts:
        own = draft.shifts[draft.shifts["team"] == edit.team]
        there = own["shift_id"].map(draft.roster["shift_id"].value_counts()).fillna(0)
        fits = own[(own["start"] == start) & (own["end"] == end) & (own["headcount"] > there)]
        if start < draft.now:
            raise PlanningError(
                f"starts at {start:%Y-%m-%d %H:%M}, must start after {draft.now:%Y-%m-%d %H:%M}: leave it as "
                "it was"
            )
        if len(fits) and " " not in text:
            draft = draft.with_head(edit.who, str(fits["shift_id"].iloc[0]))
            continue
        _, pattern = pattern_of(draft.edition.centre, edit.team, text)
        draft, name = draft.with_shift(edit.team, start, pattern, 1)
        moved = draft.shifts["shift_id"].isin(edit.lost)  # the head moves with its person
        shifts = draft.shifts.assign(headcount=draft.shifts["headcount"] - moved)
        draft = replace(draft, shifts=shifts).with_head(edit.who, name)
    return draft
