"""The time sheet by halves of a month, in the form and the words that a country prescribes.

Each person has four rows: letters and hours of the first half, letters and hours of the second. Hours are
those of the calendar day, so a night is divided at midnight; night hours stand apart, as 6/2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from planning.calendars import is_weekend
from planning.centre.labour import HalfMonths, Letters
from planning.report.team_sheets import sheet_name

if TYPE_CHECKING:
    from planning.centre import Centre

HALF = 15
"""Days of the first half of a month; the second has the rest, up to 16."""
FIRST = 3
"""Column of the first day."""
LINES = 4
"""Rows of a person."""
TOP = 5
"""Row of the first person."""
_NONE = pd.Series({"paid_h": 0.0, "night_h": 0.0, "holiday_h": 0.0})


def write_half_months(
    book: Any,
    team: str,
    form: HalfMonths,
    sheet_rows: pd.DataFrame,
    people: pd.DataFrame,
    hours: pd.DataFrame | None,
    payroll: pd.DataFrame | None,
    centre: Centre,
) -> None:
    """Write a sheet for each month of a team's time sheet.

    Parameters
    ----------
    book : xlsxwriter.Workbook
    team : str
    form : HalfMonths
    sheet_rows : DataFrame
        Rows of `planning.report.roster_book.time_sheet`.
    people : DataFrame
        PEOPLE of the team.
    hours : DataFrame or None
        `planning.pay.hours_by_day`; None if nobody works.
    payroll : DataFrame or None
        Hours by person and pay. Those of a day, a night and a holiday are counted by month; overtime belongs
        to the month in which its accounting period ends, which is the last of the roster.
    centre : Centre
    """
    site = str(people["site"].iloc[0])
    letters, weekend = centre.at(site).labour.letters, centre.weekend(site)
    styles = _styles(book)
    days = pd.DatetimeIndex([name for name in sheet_rows if isinstance(name, pd.Timestamp)])
    months = days.to_period("M").unique()
    overtime = _overtime(payroll)
    for month in months:
        inside = days[days.to_period("M") == month]
        title = team if len(months) == 1 else f"{team} {month}"
        sheet = book.add_worksheet(sheet_name(book, title))
        shaded = is_weekend(pd.date_range(month.start_time, periods=31), weekend)
        _write_heading(sheet, form, team, month, styles, centre.name)
        for number, person in enumerate(people.sort_values("agent_id").itertuples(), start=1):
            own = sheet_rows.loc[person.agent_id, inside]
            worked = _worked(hours, person.agent_id, month)
            marks = _marks(own, worked, letters)
            over = overtime.get(person.agent_id, 0.0) if month == months[-1] else 0.0
            name = person.agent_id if pd.isna(person.name) else person.name
            who = (
                number,
                f"{name}, {person.grade}",
                "" if pd.isna(person.personnel_no) else person.personnel_no,
            )
            row = TOP + LINES * (number - 1)
            _write_person(sheet, row, form, who, month, marks, shaded, styles)
            _write_sums(sheet, row, form, marks, worked, over, letters, styles)
        sheet.freeze_panes(TOP, FIRST)


def _overtime(payroll: pd.DataFrame | None) -> dict[str, float]:
    """Overtime by person."""
    if payroll is None:
        return {}
    rows = payroll[payroll["pay"] == "overtime"]
    return dict(zip(rows["agent_id"], rows["hours"], strict=True))


def _worked(hours: pd.DataFrame | None, agent: str, month: pd.Period) -> pd.DataFrame:
    """Hours of a person in a month, by day."""
    if hours is None or agent not in hours.index.get_level_values(0):
        return pd.DataFrame(columns=list(_NONE.index), index=pd.DatetimeIndex([]), dtype="float64")
    own = hours.loc[agent]
    return own[pd.DatetimeIndex(own.index).to_period("M") == month]


def _marks(own: pd.Series, worked: pd.DataFrame, letters: Letters) -> dict[int, tuple[str, str]]:
    """Letters and hours of each day of the month: those of the work done on it, or of the absence."""
    found = {}
    for day, letter in own.items():
        done = worked.loc[day] if day in worked.index else _NONE
        by_day, night = (round(done["paid_h"] - done["night_h"], 2), round(done["night_h"], 2))
        works = letters.holiday if done["holiday_h"] else letters.work
        texts = [text for text, hours in ((works, by_day), (letters.night, night)) if hours > 0]
        amounts = [f"{hours:g}" for hours in (by_day, night) if hours > 0]
        idle = letter if letter in (letters.leave, letters.study, letters.sick) else letters.off
        found[day.day] = ("/".join(texts) or idle, "/".join(amounts))
    return found


def _styles(book: Any) -> dict[str, Any]:
    plain = {"border": 1, "align": "center", "valign": "vcenter", "font_size": 9}
    return {
        "title": book.add_format({"bold": True, "font_size": 12}),
        "small": book.add_format({"font_size": 9, "font_color": "#555555"}),
        "head": book.add_format(plain | {"text_wrap": True, "bold": True}),
        "cell": book.add_format(plain),
        "weekend": book.add_format(plain | {"bg_color": "#E8ECF0"}),
        "name": book.add_format(plain | {"align": "left", "text_wrap": True}),
    }


def _write_heading(
    sheet: Any, form: HalfMonths, team: str, month: pd.Period, styles: dict[str, Any], centre: str
) -> None:
    """Write the form's name and its headings."""
    sheet.write_string(0, 0, f"{form.title}: {team}, {month.start_time:%m.%Y}", styles["title"])
    sheet.write_string(1, 0, f"{centre}. {form.source}", styles["small"])
    head = styles["head"]
    for column, text in enumerate((form.number, form.person, form.personnel_no)):
        sheet.merge_range(3, column, 4, column, text, head)
    last = FIRST + HALF
    sheet.merge_range(3, FIRST, 3, last, form.marks, head)
    for column in range(HALF + 1):
        second = f"{HALF + 1 + column}"
        sheet.write_string(4, FIRST + column, f"{column + 1}\n{second}" if column < HALF else second, head)
    for column, text in enumerate((form.half, form.month), start=last + 1):
        sheet.merge_range(3, column, 4, column, f"{text}, {form.days}/{form.hours}", head)
    for column, text in ((last + 3, form.pay), (last + 5, form.absent)):
        sheet.merge_range(3, column, 4, column + 1, text, head)
    for columns, width in (
        ((0, 0), 4), ((1, 1), 26), ((2, 2), 11), ((FIRST, last), 6), ((last + 1, last + 2), 12),
        ((last + 3, last + 3), 14), ((last + 4, last + 6), 7),
    ):  # fmt: skip
        sheet.set_column(*columns, width)
    sheet.set_row(3, 30)
    sheet.set_row(4, 28)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(3, 4)


def _write_person(
    sheet: Any,
    row: int,
    form: HalfMonths,
    who: tuple[int, str, str],
    month: pd.Period,
    marks: dict[int, tuple[str, str]],
    shaded: Any,
    styles: dict[str, Any],
) -> None:
    """Write who it is, and the letters and hours of each day."""
    for column, text in enumerate(who):
        sheet.merge_range(
            row, column, row + LINES - 1, column, text, styles["name" if column == 1 else "cell"]
        )
    for half in range(2):
        for column in range(HALF + 1):
            day = HALF * half + column + 1
            there = day <= month.days_in_month and (half or column < HALF)
            style = styles["weekend" if there and shaded[day - 1] else "cell"]
            letter, hours = marks.get(day, ("", "")) if there else (form.no_day, form.no_day)
            sheet.write_string(row + 2 * half, FIRST + column, letter, style)
            if "/" in hours or not there or not hours:
                sheet.write_string(row + 2 * half + 1, FIRST + column, hours, style)
            else:
                sheet.write_number(row + 2 * half + 1, FIRST + column, float(hours), style)


def _write_sums(
    sheet: Any,
    row: int,
    form: HalfMonths,
    marks: dict[int, tuple[str, str]],
    worked: pd.DataFrame,
    overtime_h: float,
    letters: Letters,
    styles: dict[str, Any],
) -> None:
    """Write the days and hours of each half and of the month, the kinds of pay and the absences."""
    cell, column = styles["cell"], FIRST + HALF + 1
    first = pd.DatetimeIndex(worked.index).day <= HALF
    sums = [(len(each), round(each["paid_h"].sum(), 2)) for each in (worked[first], worked[~first])]
    for half, amounts in enumerate(sums):
        for line, amount in enumerate(amounts):
            sheet.write_number(row + 2 * half + line, column, amount, cell)
    for line, amount in enumerate(map(sum, zip(*sums, strict=True))):
        sheet.merge_range(row + 2 * line, column + 1, row + 2 * line + 1, column + 1, amount, cell)
    whole = worked.sum()
    pay = {
        "day": whole["paid_h"] - whole["night_h"],
        "night": whole["night_h"],
        "holiday": whole["holiday_h"],
        "overtime": overtime_h,
    }
    given = [(form.kinds.get(kind, kind), round(hours, 2)) for kind, hours in pay.items() if hours > 0]
    texts = [letter for letter, _ in marks.values()]
    kinds = (letters.leave, letters.study, letters.sick)
    away = [(kind, texts.count(kind)) for kind in kinds if kind in texts]
    for line in range(LINES):
        for start, rows in ((column + 2, given), (column + 4, away)):
            text, amount = rows[line] if line < len(rows) else ("", None)
            sheet.write_string(row + line, start, text, cell)
            if amount is None:
                sheet.write_blank(row + line, start + 1, None, cell)
            else:
                sheet.write_number(row + line, start + 1, amount, cell)
