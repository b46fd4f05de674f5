"""Team sheets: who works when, a row for each person and a column for each day, to read and to edit in Excel.

A cell has the times of a shift, as 09:00-17:30, or a letter of the time sheet for leave, study leave or
sickness. An empty cell is a day off. What is written here is read back by `read_team_sheets`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openpyxl
import pandas as pd
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from xlsxwriter.utility import xl_range, xl_rowcol_to_cell

from planning.calendars import DAY, is_weekend, local_day
from planning.errors import PlanningError
from planning.roster.audit import local_people
from planning.roster.inputs import ABSENCES
from planning.tables import DAY_FIRST, YEAR_FIRST

if TYPE_CHECKING:
    from planning.centre import Centre

COVERAGE = ("needed", "on shift", "missing")
"""Rows below the people: heads that start on each day."""
_HINT = (
    "Type times as 09:00-17:30, or a letter: {letters}. Empty is a day off. "
    "`planning roster change FOLDER --sheet FILE.xlsx` reads it back."
)


def absences(people: pd.DataFrame, centre: Centre, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Tell who is away on which days, with the letters of the law at each person's site.

    Returns
    -------
    DataFrame
        Index agent_id, a column for each day; "" for who is not away.
    """
    who = local_people(people, centre.time_zone).set_index("agent_id")
    found = pd.DataFrame("", index=who.index, columns=days, dtype="object")
    for agent, row in who.iterrows():
        letters = centre.at(str(row["site"])).labour.letters
        for kind in ("leave", "study"):
            first, after = (row[f"{kind}_{edge}"] for edge in ("from", "until"))
            if pd.notna(first) or pd.notna(after):  # without an end it goes on for ever
                opens = pd.isna(first) | (days + DAY > _clock(first))
                found.loc[agent, opens & (pd.isna(after) | (days < _clock(after)))] = getattr(letters, kind)
        if isinstance(row["sick"], str):
            found.loc[agent, days.isin(pd.DatetimeIndex(row["sick"].split()))] = letters.sick
    return found


def _clock(stamp: pd.Timestamp) -> pd.Timestamp:
    return stamp.tz_localize(None)


def sheet_days(zone: str, times: Iterable[pd.Series]) -> pd.DatetimeIndex:
    """Local days from the first to the last of some times, as a team's sheet has them."""
    days = [local_day(pd.DatetimeIndex(each).tz_convert(zone)) for each in times if len(each)]
    return pd.date_range(min(each.min() for each in days), max(each.max() for each in days))


def team_grid(
    roster: pd.DataFrame, people: pd.DataFrame, centre: Centre, site: str, days: pd.DatetimeIndex
) -> pd.DataFrame:
    """Write what each cell of a team's sheet says: index agent_id, in order, and a column for each day."""
    away = absences(people, centre, days) if len(people) else pd.DataFrame(columns=days)
    who = pd.Index(sorted({*away.index, *roster["agent_id"]}), name="agent_id")
    zone = centre.zones[site]
    start, end = (roster[edge].dt.tz_convert(zone) for edge in ("start", "end"))
    texts = start.dt.strftime("%H:%M") + "-" + end.dt.strftime("%H:%M")
    worked = pd.DataFrame(
        {"agent_id": roster["agent_id"], "day": start.dt.tz_localize(None).dt.normalize(), "text": texts}
    ).sort_values("text")
    shifts = worked.groupby(["agent_id", "day"])["text"].agg(", ".join).unstack()
    shifts = shifts.reindex(index=who, columns=days).astype("object")
    return shifts.fillna(away.reindex(who)).fillna("")


# --- writing ------------------------------------------------------------------------------------------------


def write_team_sheets(book: Any, tables: Mapping[str, pd.DataFrame], centre: Centre) -> None:
    """Write a sheet for each team: everybody, with a shift or not, and below them the heads needed by day.

    Names stay in sight, and the days of the site's weekend are shaded. The heads are formulas, which follow
    what is typed; the hours are those of the plan.
    """
    roster, person = tables["roster"], ["agent_id", "site", "team"]
    staff = tables.get("staff", roster[:0])
    shifts = tables.get("shifts", roster[:0].assign(headcount=0))
    styles = _styles(book)
    every = pd.concat([roster[person], staff[person]]).drop_duplicates()
    for team, own in every.groupby("team", sort=False):
        site, rows = str(own["site"].iloc[0]), roster[roster["team"] == team]
        zone = centre.zones[site]
        days = sheet_days(zone, [each[name] for each, name in _times(tables)])
        mine = staff[staff["team"] == team]
        grid = team_grid(rows, mine, centre, site, days)
        asked = shifts[shifts["team"] == team]
        starts = local_day(pd.DatetimeIndex(asked["start"]).tz_convert(zone))
        needed = asked["headcount"].groupby(starts).sum().reindex(days, fill_value=0)
        names = mine.set_index("agent_id")["name"] if "name" in mine else None
        hours = rows.groupby("agent_id")[["paid_h", "night_h"]].sum().reindex(grid.index, fill_value=0.0)
        sheet = book.add_worksheet(sheet_name(book, str(team)))
        letters = centre.at(site).labour.letters
        told = ", ".join(f"{getattr(letters, kind)} {kind}" for kind in ABSENCES)
        sheet.write_comment(0, 0, _HINT.format(letters=told), {"x_scale": 2})
        shaded = is_weekend(days, centre.weekend(site))
        first = _write_people(sheet, grid, names, hours, shaded, styles)
        if "shifts" in tables:
            there = grid.map(lambda text: ":" in text).sum()
            _write_coverage(sheet, len(grid), first, needed, there, shaded, styles)


def _times(tables: Mapping[str, pd.DataFrame]) -> Iterator[tuple[pd.DataFrame, str]]:
    """Tables and their column of times, which decide the days of a sheet."""
    for name, column in (("requirement", "interval_start"), ("shifts", "start"), ("roster", "start")):
        if name in tables:
            yield tables[name], column


def _styles(book: Any) -> dict[tuple[str, bool], Any]:
    """Formats by what a cell holds, and whether its day is of the weekend."""
    kinds: dict[str, dict[str, Any]] = {
        "head": {"bold": True, "bottom": 1, "align": "center", "num_format": "ddd d mmm"},
        "shift": {"align": "center"},
        "away": {"align": "center", "font_color": "#8A5A00", "bg_color": "#FBF1DC"},
        "name": {},
        "h": {"num_format": "0.00"},
        "heads": {"align": "center", "top": 4, "font_color": "#555555"},
    }
    weekend = {"bg_color": "#E8ECF0"}
    return {
        (kind, shaded): book.add_format((weekend if shaded and kind != "away" else {}) | style)
        for kind, style in kinds.items()
        for shaded in (False, True)
    }


def _write_people(
    sheet: Any,
    grid: pd.DataFrame,
    names: pd.Series | None,
    hours: pd.DataFrame,
    shaded: np.ndarray,
    styles: dict[tuple[str, bool], Any],
) -> int:
    """Write the heading and the people, and return the column of the first day."""
    labels = pd.DataFrame({"agent_id": grid.index}, index=grid.index)
    if names is not None:
        labels["name"] = names.reindex(grid.index).fillna("")
    first = len(labels.columns)
    for column, name in enumerate(labels):
        sheet.write_string(0, column, name, styles["head", False])
        sheet.set_column(column, column, max(12, int(labels[name].str.len().max()) + 2))
    for column, day in enumerate(grid.columns, start=first):
        sheet.write_datetime(0, column, day.to_pydatetime(), styles["head", bool(shaded[column - first])])
    last = first + len(grid.columns)
    longest = int(grid.map(len).to_numpy().max(initial=11))
    sheet.set_column(first, last - 1, longest + 2)
    for column, name in enumerate(hours, start=last):
        sheet.write_string(0, column, name, styles["head", False])
    for row, (agent, cells) in enumerate(grid.iterrows(), start=1):
        for column, text in enumerate(labels.loc[agent]):
            sheet.write_string(row, column, str(text))
        for column, text in enumerate(cells, start=first):
            kind = "away" if text and ":" not in text else "shift"
            _write_text(sheet, row, column, text, styles[kind, bool(shaded[column - first])])
        for column, value in enumerate(hours.loc[agent], start=last):
            sheet.write_number(row, column, float(value), styles["h", False])
    sheet.freeze_panes(1, first)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    return first


def _write_text(sheet: Any, row: int, column: int, text: str, style: Any) -> None:
    if text:
        sheet.write_string(row, column, text, style)
    else:
        sheet.write_blank(row, column, None, style)


def _write_coverage(
    sheet: Any,
    people: int,
    first: int,
    needed: pd.Series,
    there: pd.Series,
    shaded: np.ndarray,
    styles: dict[tuple[str, bool], Any],
) -> None:
    """Write the heads needed, on shift and missing on each day, below a line left empty."""
    top = people + 2
    for row, name in enumerate(COVERAGE, start=top):
        sheet.write_string(row, 0, name, styles["head", False])
    for column, (asked, heads) in enumerate(zip(needed, there, strict=True), start=first):
        style = styles["heads", bool(shaded[column - first])]
        above = [xl_rowcol_to_cell(top + row, column) for row in range(2)]
        # A shift has a colon in its times, a letter has none.
        count = f'=COUNTIF({xl_range(1, column, people, column)},"*:*")'
        sheet.write_number(top, column, int(asked), style)
        sheet.write_formula(top + 1, column, count, style, int(heads))
        sheet.write_formula(
            top + 2, column, f"=MAX(0,{above[0]}-{above[1]})", style, max(0, int(asked - heads))
        )


def sheet_name(book: Any, team: str) -> str:
    """Make a name that Excel takes: at most 31 characters, without its own signs, and not yet taken."""
    plain = "".join("_" if sign in "[]:*?/\\'" else sign for sign in team)[:28] or "team"
    taken = {sheet.get_name().lower() for sheet in book.worksheets()}
    names = (plain, *(f"{plain} {number}" for number in range(2, 100)))
    return next(name for name in names if name.lower() not in taken)


# --- reading ------------------------------------------------------------------------------------------------


def read_team_sheets(
    path: str | Path, people: pd.DataFrame, days: Mapping[str, pd.DatetimeIndex]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the team sheets of a workbook, whatever they are called; other sheets are left alone.

    A team of which no sheet is there is not read, so that each leader may send the own team's sheet alone.

    Parameters
    ----------
    path : str or Path
    people : DataFrame
        PEOPLE, whose agent_id, site and team are read.
    days : mapping
        Days of a sheet by site.

    Returns
    -------
    cells, refused : DataFrame
        agent_id, day, text and cell (as ``team!C3``) of each day of each person; and cell, value and reason
        of what cannot be read.

    Raises
    ------
    PlanningError
        The file cannot be read, or has no team sheet.
    """
    try:
        book = openpyxl.load_workbook(path, data_only=True)
    except FileNotFoundError:
        raise PlanningError(f"{path} does not exist: give the path of an .xlsx") from None
    except (OSError, ValueError, KeyError, InvalidFileException) as error:
        raise PlanningError(f"{path} cannot be read: {error}; save it as .xlsx") from None
    home = people.set_index("agent_id")[["site", "team"]]
    cells: list[tuple[str, pd.Timestamp, str, str]] = []
    refused: list[tuple[str, str, str]] = []
    for sheet in book.worksheets:
        if (head := _heading(sheet)) is not None:
            columns, faults = _columns(sheet, head)
            merged, joined = _merged(sheet, head, max(columns.values()))
            rows, strangers = _rows(sheet, head, home, merged)
            lacking = _lacking(sheet, head, columns, rows, home, days)
            refused += [*faults, *joined, *strangers, *lacking]
            cells += [
                (agent, day, _text(sheet.cell(row, column)), _name(sheet, row, column))
                for agent, row in rows.items()
                for day, column in columns.items()
                if (row, column) not in merged and day in days[str(home["site"][agent])]
            ]
    if not cells and not refused:
        raise PlanningError(
            f"{path} has no team sheet: one has agent_id and the days in its first row, as those of plan.xlsx"
        )
    return (
        pd.DataFrame(cells, columns=["agent_id", "day", "text", "cell"]),
        pd.DataFrame(refused, columns=["cell", "value", "reason"]),
    )


def has_team_sheets(path: str | Path) -> bool:
    """Tell whether a workbook has a team sheet."""
    book = openpyxl.load_workbook(path, data_only=True)
    return any(_heading(sheet) is not None for sheet in book.worksheets)


def _heading(sheet: Any) -> int | None:
    """Row of the heading of a team sheet: agent_id, and at least one date."""
    for row in sheet.iter_rows(max_row=10):
        if row and row[0].value == "agent_id" and any(_date(cell.value) is not None for cell in row):
            return int(row[0].row)
    return None


def _date(value: Any) -> pd.Timestamp | None:
    """Date of a heading, as Excel's own or typed; None if it is none."""
    if isinstance(value, str):
        text = pd.Series([value.strip()]).str.replace(DAY_FIRST, YEAR_FIRST, regex=True)[0]
        value = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")
    stamp = pd.Timestamp(value) if hasattr(value, "year") else pd.NaT
    return None if pd.isna(stamp) else stamp.normalize()


Refused = list[tuple[str, str, str]]
"""Cell, value and reason of what cannot be read."""


def _name(sheet: Any, row: int, column: int) -> str:
    return f"{sheet.title}!{get_column_letter(column)}{row}"


def _text(cell: Any) -> str:
    return "" if cell.value is None else str(cell.value).strip()


def _columns(sheet: Any, head: int) -> tuple[dict[pd.Timestamp, int], Refused]:
    """Column of each day."""
    found: dict[pd.Timestamp, int] = {}
    refused = []
    for cell in sheet[head]:
        day = _date(cell.value)
        if day is not None and found.setdefault(day, cell.column) != cell.column:
            cause = "the day occurs twice: keep one column"
            refused.append((_name(sheet, head, cell.column), f"{day:%Y-%m-%d}", cause))
    return found, refused


def _merged(sheet: Any, head: int, last: int) -> tuple[set[tuple[int, int]], Refused]:
    """Cells that are merged, up to the last day."""
    areas = [each for each in sheet.merged_cells.ranges if each.max_row > head and each.min_col <= last]
    cause = "cells are merged: unmerge them and fill each"
    refused = [(f"{sheet.title}!{area.coord}", _text(sheet.cell(*area.top[0])), cause) for area in areas]
    return {place for area in areas for place in area.cells}, refused


def _rows(
    sheet: Any, head: int, home: pd.DataFrame, merged: set[tuple[int, int]]
) -> tuple[dict[str, int], Refused]:
    """Row of each person."""
    found: dict[str, int] = {}
    refused = []
    for (cell,) in sheet.iter_rows(min_row=head + 1, max_col=1):
        who, cause = _text(cell), ""
        if who in home.index:
            if found.setdefault(who, cell.row) != cell.row:
                cause = f"is in row {found[who]} too: keep one row a person"
        elif who and who not in COVERAGE and (cell.row, 1) not in merged:
            cause = "is nobody of the plan: correct the agent_id, or plan with new people"
        if cause:
            refused.append((_name(sheet, cell.row, 1), who, cause))
    return found, refused


def _lacking(
    sheet: Any,
    head: int,
    columns: Mapping[pd.Timestamp, int],
    rows: Mapping[str, int],
    home: pd.DataFrame,
    days: Mapping[str, pd.DatetimeIndex],
) -> Refused:
    """People of the sheet's teams without a row, days without a column, and columns without a day."""
    mine, there = home.loc[list(rows)], pd.DatetimeIndex(list(columns))
    people = home.index[home["team"].isin(mine["team"])].difference(list(rows))
    cause = "has no row: put it back, or what this person works would be lost"
    refused = [(_name(sheet, head, 1), str(agent), cause) for agent in people]
    for site in mine["site"].unique():
        refused += [
            (_name(sheet, head, 1), f"{day:%Y-%m-%d}", "the day has no column: put it back")
            for day in days[site].difference(there)
        ]
        refused += [
            (_name(sheet, head, columns[day]), f"{day:%Y-%m-%d}", "is no day of the plan: take it out")
            for day in there.difference(days[site])
        ]
    return refused
