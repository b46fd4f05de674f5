"""The plan as a workbook for Excel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pandas as pd
import xlsxwriter
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.utility import xl_range_abs, xl_rowcol_to_cell

from planning.centre.money import money_format
from planning.report.team_sheets import write_team_sheets
from planning.tables import COST

if TYPE_CHECKING:
    from planning.centre import Centre

_FORMATS = {
    "time": "yyyy-mm-dd hh:mm",
    "h": "0.00",
    "share": "0.0%",
    "whole": "0",
    "number": "0.00",
}
_OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
TOTALS = {
    "demand": ["calls"],
    "requirement": ["calls", "agents", "rostered"],
    "shifts": ["headcount"],
    "roster": ["paid_h", "night_h"],
    "staff": ["owed_h", "paid_h"],
    "cost": [name for name, column in COST.columns.items() if column.kind == "number"],
}
"""Columns with a total, by sheet; with a filter set, the total is that of the rows shown."""
LINKS = {
    "paid hours": ("cost", "paid_h"),
    "night hours": ("cost", "night_h"),
    **{
        f"cost {name.removesuffix('_cost')}": ("cost", name)
        for name in COST.columns
        if name.endswith("_cost")
    },
}
"""Lines of the summary that add up a column."""
UNITS = ("cost", *_FORMATS)
"""Parts of a column's name that say how its numbers are written."""


def write_workbook(
    path: str | Path | BinaryIO,
    summary: dict[str, Any],
    tables: dict[str, pd.DataFrame],
    centre: Centre,
    scenarios: pd.DataFrame | None = None,
) -> None:
    """Write a summary, a sheet for each table and for each team's roster, and the scenarios if there are any.

    Headings are frozen and filtered. Totals, the summary's figures that are totals, and the scenarios'
    differences to the base are live formulas. Text stays text: a name that begins with = + - or @ never
    becomes a formula. Excel knows no time zones: times are on the centre's clock, those of a team's roster on
    the clock of its site, and the summary names both. Money has the sign of the centre's currency.

    Parameters
    ----------
    path : path or binary file
    summary : dict
        As `planning.Plan.summary`, or any nested figures.
    tables : dict
        By the sheet's name.
    centre : Centre
    scenarios : DataFrame, optional
        As `planning.compare` gives it.
    """
    with _book(path) as book:
        formats = _formats(book, centre)
        front = book.add_worksheet("summary")
        columns: dict[tuple[str, str], str] = {}
        for name, table in tables.items():
            sheet = book.add_worksheet(name)
            _write_table(sheet, table, centre.time_zone, formats)
            columns |= _write_totals(sheet, name, table, formats)
        if "roster" in tables and len(tables["roster"]):
            write_team_sheets(book, tables, centre)
        if scenarios is not None:
            _write_scenarios(book, scenarios, formats)
        _write_summary(front, summary, centre, formats, columns)


def write_scenarios(path: str | Path | BinaryIO, scenarios: pd.DataFrame, centre: Centre) -> None:
    """Write the table of `planning.compare` alone, its differences as live formulas."""
    with _book(path) as book:
        formats = _formats(book, centre)
        _write_scenarios(book, scenarios, formats)
        _write_summary(book.add_worksheet("summary"), {"centre": centre.name}, centre, formats, {})


@contextmanager
def _book(path: str | Path | BinaryIO) -> Iterator[Any]:
    """Open a workbook; if it cannot be written that is an OSError, as with every other file."""
    try:
        with xlsxwriter.Workbook(str(path) if isinstance(path, Path) else path, _OPTIONS) as book:
            yield book
    except FileCreateError as error:
        raise error.args[0] from None


def _formats(book: Any, centre: Centre) -> dict[str, Any]:
    texts = _FORMATS | {"cost": money_format(centre)}
    formats = {name: book.add_format({"num_format": text}) for name, text in texts.items()}
    formats["head"] = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    return formats


def _write_summary(
    sheet: Any,
    summary: dict[str, Any],
    centre: Centre,
    formats: dict[str, Any],
    columns: dict[tuple[str, str], str],
) -> None:
    sheet.set_column(0, 0, 42)
    sheet.set_column(1, 1, 46)
    clocks = {f"clock of {site}'s teams": zone for site, zone in centre.zones.items()}
    own = [(name, zone) for name, zone in clocks.items() if zone != centre.time_zone]
    lines = [("clock", centre.time_zone), *own, *_flat(summary)]
    for row, (name, value) in enumerate(lines):
        sheet.write_string(row, 0, name, formats["head"] if row == 0 else None)
        link = LINKS.get(name)
        style = formats.get(_summary_kind(name))
        if isinstance(value, bool | str):
            sheet.write_string(row, 1, str(value))
        elif link in columns:
            # A sum and not the sheet's total, which a filter there would change.
            sheet.write_formula(row, 1, f"=SUM({link[0]}!{columns[link]})", style, value)
        else:
            sheet.write_number(row, 1, value, style)


def _summary_kind(name: str) -> str:
    """Tell from the name of a line of the summary how its number is written; "" as it is."""
    words = set(name.split())
    if "cost" in words:
        return "cost"
    level = name.endswith("service level")  # of a system
    if level or (name.startswith("service level") and words & {"target", "promised", "simulated", "band"}):
        return "share"
    return "h" if "hours" in words else ""


def _flat(value: Any, name: str = "") -> list[tuple[str, Any]]:
    """Lay out a nested summary as (path, value)."""
    if isinstance(value, dict):
        return [item for key, part in value.items() for item in _flat(part, f"{name} {key}".strip())]
    if isinstance(value, list):
        return [item for number, part in enumerate(value) for item in _flat(part, f"{name} {number + 1}")]
    return [(name.replace("_", " "), value)]


def _write_table(sheet: Any, table: pd.DataFrame, zone: str, formats: dict[str, Any]) -> None:
    for column, name in enumerate(table.columns):
        values = table[name]
        kind = _kind(str(name), values)
        sheet.write_string(0, column, str(name), formats["head"])
        sheet.set_column(column, column, _width(str(name), values, kind), formats.get(kind))
        if kind == "time":
            values = values.dt.tz_convert(zone).dt.tz_localize(None).dt.to_pydatetime()
        for row, value in enumerate(values, start=1):
            if pd.isna(value):
                continue
            if kind == "text":
                sheet.write_string(row, column, str(value))
            elif kind == "time":
                sheet.write_datetime(row, column, value)
            else:
                sheet.write_number(row, column, float(value))
    sheet.freeze_panes(1, 0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.autofilter(0, 0, max(len(table), 1), len(table.columns) - 1)


def _width(name: str, values: pd.Series, kind: str) -> int:
    """Return the characters that the widest value of a column takes, or its heading with a filter button."""
    widest = 16 if kind == "time" else 10
    if kind == "text" and len(values):
        widest = int(values.fillna("").astype("str").str.len().max())
    return max(widest, len(name) + 2) + 2


def _kind(name: str, values: pd.Series) -> str:
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return "time"
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        return "text"
    if name.startswith("service_level") or name == "gap":
        return "share"
    unit = next((part for part in reversed(name.split("_")) if part in UNITS), None)
    return unit or ("whole" if pd.api.types.is_integer_dtype(values) else "number")


def _write_totals(
    sheet: Any, name: str, table: pd.DataFrame, formats: dict[str, Any]
) -> dict[tuple[str, str], str]:
    """Write the totals of a sheet with rows below them and return the cells added up, by sheet and column."""
    row, found = len(table) + 1, {}
    for column in (column for column in TOTALS.get(name, []) if column in table and len(table)):
        at = list(table.columns).index(column)
        first, last = (xl_rowcol_to_cell(edge, at) for edge in (1, row - 1))
        style = formats[_kind(column, table[column])]
        # SUBTOTAL follows the filter, so that a total is always that of the rows seen.
        sheet.write_formula(row, at, f"=SUBTOTAL(109,{first}:{last})", style, float(table[column].sum()))
        found[name, column] = xl_range_abs(1, at, row - 1, at)
    if found:
        sheet.write_string(row, 0, "total", formats["head"])
    return found


def _write_scenarios(book: Any, scenarios: pd.DataFrame, formats: dict[str, Any]) -> None:
    """Write scenarios side by side; a difference is its row's value less the first row's."""
    table = scenarios.reset_index()
    sheet = book.add_worksheet("scenarios")
    _write_table(sheet, table, "UTC", formats)
    columns = list(table.columns)
    for name in (name for name in columns if f"{name}_difference" in columns):
        at, to = columns.index(name), columns.index(f"{name}_difference")
        style = formats[_kind(name, table[name])]
        first = xl_rowcol_to_cell(1, at, row_abs=True)
        for row, value in enumerate(table[f"{name}_difference"], start=1):
            if pd.notna(value):
                own = xl_rowcol_to_cell(row, at)
                sheet.write_formula(row, to, f"={own}-{first}", style, float(value))
    sheet.freeze_panes(1, 1)
