"""The plan as a workbook for Excel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import xlsxwriter

if TYPE_CHECKING:
    from planning.centre import Centre

__all__ = ["write_workbook"]

_FORMATS = {
    "time": "yyyy-mm-dd hh:mm",
    "rub": "#,##0",
    "h": "0.00",
    "share": "0.0%",
    "whole": "0",
    "number": "0.00",
}


def write_workbook(
    path: str | Path, summary: dict[str, Any], tables: dict[str, pd.DataFrame], centre: Centre
) -> None:
    """Write a summary sheet and a sheet a table, headings frozen and filtered, totals as live formulas.

    Text stays text: a name that begins with = + - or @ never becomes a formula. Times are on the centre's
    clock, since Excel knows no time zones.
    """
    options = {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    with xlsxwriter.Workbook(str(path), options) as book:
        formats = {name: book.add_format({"num_format": text}) for name, text in _FORMATS.items()}
        formats["head"] = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        _write_summary(book.add_worksheet("summary"), summary, centre, formats)
        for name, table in tables.items():
            _write_table(book.add_worksheet(name), table, centre.time_zone, formats)
        _write_totals(book.get_worksheet_by_name("cost"), tables["cost"], formats)


def _write_summary(sheet: Any, summary: dict[str, Any], centre: Centre, formats: dict[str, Any]) -> None:
    sheet.set_column(0, 0, 42)
    sheet.set_column(1, 1, 46)
    lines = [("clock", centre.time_zone), *_flat(summary)]
    for row, (name, value) in enumerate(lines):
        sheet.write_string(row, 0, name, formats["head"] if row == 0 else None)
        if isinstance(value, bool | str):
            sheet.write_string(row, 1, str(value))
        else:
            sheet.write_number(row, 1, value)


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
            if kind == "text":
                sheet.write_string(row, column, str(value))
            elif kind == "time":
                sheet.write_datetime(row, column, value)
            elif pd.notna(value):
                sheet.write_number(row, column, float(value))
    sheet.freeze_panes(1, 0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.autofilter(0, 0, max(len(table), 1), len(table.columns) - 1)


def _width(name: str, values: pd.Series, kind: str) -> int:
    """Characters that the widest value of a column takes, its heading with the filter's button included."""
    widest = 16 if kind == "time" else 10
    if kind == "text" and len(values):
        widest = int(values.astype("str").str.len().max())
    return max(widest, len(name) + 2) + 2


def _kind(name: str, values: pd.Series) -> str:
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return "time"
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        return "text"
    if name == "service_level":
        return "share"
    unit = name.rsplit("_", 1)[-1]
    return unit if unit in _FORMATS else "whole" if pd.api.types.is_integer_dtype(values) else "number"


def _write_totals(sheet: Any, cost: pd.DataFrame, formats: dict[str, Any]) -> None:
    row = len(cost) + 1
    sheet.write_string(row, 0, "total", formats["head"])
    for column, name in enumerate(cost.columns):
        if pd.api.types.is_numeric_dtype(cost[name]):
            first = xlsxwriter.utility.xl_rowcol_to_cell(1, column)
            last = xlsxwriter.utility.xl_rowcol_to_cell(row - 1, column)
            style = formats["rub" if str(name).endswith("_rub") else "h"]
            sheet.write_formula(row, column, f"=SUM({first}:{last})", style, float(cost[name].sum()))
