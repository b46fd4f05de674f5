"""The days of a roster as a workbook: a row for each person, a column for each interval, with the breaks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from planning.calendars import axis, day_start
from planning.errors import PlanningError
from planning.report.team_sheets import sheet_days, sheet_name
from planning.shifts import requirement_by_team

if TYPE_CHECKING:
    from planning.centre import Centre

WORK = "·"
"""Mark of work; a break has the first letter of its kind, as M of a meal."""
FIRST = 2
"""Column of the first interval."""
COVERAGE = ("needed", "on position", "missing")


def day_grid(
    roster: pd.DataFrame, breaks: pd.DataFrame, times: pd.DatetimeIndex, step: pd.Timedelta
) -> pd.DataFrame:
    """Say what each person does in each interval: index agent_id of who is there, a column an interval.

    An interval with a part of a break in it is a break.
    """
    codes = pd.Index(roster["agent_id"].unique())
    grid = np.full((len(codes), len(times)), "", dtype=object)
    kinds = breaks["kind"].str[:1].str.upper()
    for spans, marks in ((roster, pd.Series(WORK, index=roster.index)), (breaks, kinds)):
        first = times.searchsorted(pd.DatetimeIndex(spans["start"]) - step, side="right")
        after = times.searchsorted(pd.DatetimeIndex(spans["end"]), side="left")
        rows = codes.get_indexer(pd.Index(spans["agent_id"]))
        for row, opens, closes, mark in zip(rows, first, after, marks, strict=True):
            grid[row, opens:closes] = mark
    found = pd.DataFrame(grid, index=codes.rename("agent_id"), columns=times)
    return found[(found != "").any(axis=1)].sort_index()


def write_day_view(
    path: str | Path, roster: pd.DataFrame, breaks: pd.DataFrame, requirement: pd.DataFrame, centre: Centre
) -> None:
    """Write a sheet for each site and day, on the site's clock: everybody who is there, and the coverage.

    Parameters
    ----------
    path : str or Path
    roster, breaks, requirement : DataFrame
        ROSTER, BREAKS, REQUIREMENT.
    centre : Centre

    Raises
    ------
    PlanningError
        The file cannot be written.
    """
    step = pd.Timedelta(seconds=centre.interval_s)
    try:
        with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False}) as book:
            styles = _styles(book)
            for site, rows in roster.groupby("site", sort=False):
                zone = centre.zones[str(site)]
                team = rows.groupby("agent_id")["team"].first()
                mine = breaks[breaks["agent_id"].isin(team.index)]
                for day in sheet_days(zone, [rows["start"]]):
                    times = axis(day_start(f"{day:%Y-%m-%d}", zone), 1, centre.interval_s)
                    grid = day_grid(rows, mine, times, step)
                    sheet = book.add_worksheet(sheet_name(book, f"{site} {day:%d.%m}"))
                    asked = requirement_by_team(centre, requirement, times)
                    _write_day(sheet, grid, team.loc[grid.index], asked, styles)
    except OSError as error:
        raise PlanningError(f"{path} cannot be written: {error.strerror or error}") from None


def _styles(book: Any) -> dict[str, Any]:
    centred = {"align": "center", "font_size": 9}
    return {
        "head": book.add_format({"bold": True, "bottom": 1, "rotation": 90, "font_size": 9}),
        "name": book.add_format({"bold": True, "bottom": 1}),
        WORK: book.add_format(centred | {"bg_color": "#CFE0F3", "font_color": "#CFE0F3"}),
        "break": book.add_format(centred | {"bg_color": "#FBF1DC", "font_color": "#8A5A00"}),
        "heads": book.add_format(centred),
        "short": book.add_format({"bold": True, "font_color": "#B3261E"}),
    }


def _write_day(
    sheet: Any, grid: pd.DataFrame, team: pd.Series, needed: Mapping[str, pd.Series], styles: dict[str, Any]
) -> None:
    """Write one day: the people by team, then for each team the heads needed, on position and missing."""
    for column, name in enumerate(("agent_id", "team")):
        sheet.write_string(0, column, name, styles["name"])
    for column, time in enumerate(grid.columns, start=FIRST):
        sheet.write_string(0, column, f"{time:%H:%M}", styles["head"])
    ordered = team.sort_values(kind="stable").index
    for row, agent in enumerate(ordered, start=1):
        sheet.write_string(row, 0, str(agent))
        sheet.write_string(row, 1, str(team[agent]))
        for column, mark in enumerate(grid.loc[agent], start=FIRST):
            if mark:
                sheet.write_string(row, column, mark, styles[WORK if mark == WORK else "break"])
    last, top = len(ordered), len(ordered) + 2
    present = (grid == WORK).groupby(team).sum()
    for number, name in enumerate(present.index):
        for line, text in enumerate(COVERAGE):
            sheet.write_string(top + 3 * number + line, 0, text)
            sheet.write_string(top + 3 * number + line, 1, str(name))
        asked = needed[name] if name in needed else pd.Series(0, index=grid.columns)
        row = top + 3 * number
        for column, (heads, there) in enumerate(zip(asked, present.loc[name], strict=True), start=FIRST):
            at = xl_col_to_name(column)
            count = f'=COUNTIFS($B$2:$B${last + 1},$B{row + 2},{at}$2:{at}${last + 1},"{WORK}")'
            sheet.write_number(row, column, int(heads), styles["heads"])
            sheet.write_formula(row + 1, column, count, styles["heads"], int(there))
            gap = f"=MAX(0,{at}{row + 1}-{at}{row + 2})"
            sheet.write_formula(row + 2, column, gap, styles["heads"], max(0, int(heads) - int(there)))
        rule = {"type": "cell", "criteria": ">", "value": 0, "format": styles["short"]}
        sheet.conditional_format(row + 2, FIRST, row + 2, FIRST + len(grid.columns) - 1, rule)
    sheet.set_column(0, 1, 24)
    sheet.set_column(FIRST, FIRST + len(grid.columns) - 1, 2.6)
    sheet.freeze_panes(1, FIRST)
    sheet.autofilter(0, 0, max(last, 1), 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
