"""Opening a file of any phone system as a table of texts: its encoding, separator, title lines and header.

DuckDB reads the rows and refuses those whose cells do not fit the header; this module only decides how. A
file in another encoding, or a workbook, is first copied as UTF-8, so that there is one way to read.
"""

from __future__ import annotations

import codecs
import csv
import io
import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from planning.errors import PlanningError

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from planning.centre import CallRecords

__all__ = ["Format", "broken_rows", "open_texts", "sniff"]

SEPARATORS = ",;\t|"
TEXTS, BOOKS = (".csv", ".txt", ".tsv", ".log", ""), (".xlsx", ".xlsm")
SAMPLE = 1 << 18
"""Bytes from which a file's format is inferred."""
ENCODINGS = ["utf_8", "cp1251", "cp1252", "cp866", "cp1250"]
"""Encodings to choose from when a file is not UTF-8 and has no byte-order mark."""
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True)
class Format:
    """How a file of text is written.

    Attributes
    ----------
    encoding, separator : str
    above : int
        Lines above the first row, the header among them.
    columns : tuple of str
        Names of the columns, from the header or as the settings give them.
    sample : tuple of tuples
        The first rows as texts.
    path : str
        The file that is read: the one given, or its copy in UTF-8.
    """

    encoding: str
    separator: str
    above: int
    columns: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    path: str = ""


def sniff(path: Path, settings: CallRecords) -> Format:
    """Infer from its first lines how a file of text is written; settings that are given hold.

    Raises
    ------
    PlanningError
        The file is empty, or is not written in the encoding that is set.
    """
    encoding = settings.encoding or encoding_of(path)
    with path.open("rb") as file:
        raw = file.read(SAMPLE)
    try:
        text = codecs.getincrementaldecoder(encoding)("strict").decode(raw)
    except (UnicodeDecodeError, LookupError) as error:
        raise PlanningError(
            f"{path}: records.encoding is {encoding!r}, which does not read the file ({error}): "
            "give the right one, for example 'utf-8' or 'cp1251', or leave it out"
        ) from None
    lines = text.splitlines()
    if not any(line.strip() for line in lines):
        raise PlanningError(f"{path} has no rows: give at least one call record")
    if len(raw) == SAMPLE:
        lines = lines[:-1]  # the last one may be cut
    separator = settings.separator or _separator(lines[:500])
    rows = list(_split(lines, separator))
    if settings.columns:
        columns, above = tuple(settings.columns), 0
    else:
        above, columns = _header(rows[:500], settings.header_line)
    sample = tuple(tuple(row) for line, row in rows if line > above)
    return Format(encoding, separator, above, columns, sample)


def encoding_of(path: Path) -> str:
    """Encoding of a file: by its byte-order mark, else UTF-8 if valid, else by its sequences of letters."""
    with path.open("rb") as file:
        raw = file.read(SAMPLE)
        for mark, name in _MARKS.items():
            if raw.startswith(mark):
                return name
        size = path.stat().st_size
        for place in range(SAMPLE, size, max((size - SAMPLE) // 16, SAMPLE)):
            file.seek(place)
            raw += file.read(SAMPLE // 16)
    if raw[:SAMPLE].count(0) > len(raw[:SAMPLE]) // 4:
        return "utf-16-le" if raw[1:200:2].count(0) > raw[0:200:2].count(0) else "utf-16-be"
    # A piece may begin or end within a letter, so its last line is left out.
    inner = b"\n".join(raw.split(b"\n")[:-1]) or raw
    try:
        inner[:SAMPLE].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end < len(inner[:SAMPLE]) - 4:
            return _guessed(inner)
    return "utf-8"


def _guessed(raw: bytes) -> str:
    from charset_normalizer import from_bytes

    found = from_bytes(raw, cp_isolation=ENCODINGS).best()
    return found.encoding if found else "cp1252"


def _separator(lines: Sequence[str]) -> str:
    """Separator by which most lines fall into the same number of cells."""

    def fit(separator: str) -> tuple[float, int]:
        counts = Counter(len(row) for _, row in _split(lines, separator) if len(row) > 1)
        if not counts:
            return 0.0, 0
        cells, rows = counts.most_common(1)[0]
        return rows * (cells - 1), cells

    return max(SEPARATORS, key=fit)


def _split(lines: Sequence[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Rows of cells with the number of the line on which each ends; blank lines are left out."""
    reader = csv.reader(lines, delimiter=separator)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue
        if any(cell.strip() for cell in row):
            yield reader.line_num, row


def _header(rows: list[tuple[int, list[str]]], line: int | None) -> tuple[int, tuple[str, ...]]:
    """Line of the header and its names: the first row that is as wide as most rows are."""
    if line is None:
        widths = Counter(_width(row) for _, row in rows[1:] or rows)
        wide = widths.most_common(1)[0][0]
        line, names = next(((at, row) for at, row in rows if _width(row) >= wide), rows[0])
    else:
        names = next((row for at, row in rows if at == line), [])
        if not names:
            raise PlanningError(
                f"records.header_line is {line}, which is blank or beyond the file: set another"
            )
    seen: Counter[str] = Counter()
    columns = []
    for place, name in enumerate(names):
        plain = " ".join(name.replace("\ufeff", "").split()) or f"column{place + 1}"
        seen[plain] += 1
        columns.append(plain if seen[plain] == 1 else f"{plain}_{seen[plain]}")
    return line, tuple(columns)


def _width(row: list[str]) -> int:
    """Cells up to the last one that is filled: a workbook's rows all have as many."""
    return max(place for place, cell in enumerate(row, 1) if cell.strip())


def open_texts(engine: Any, path: Path, settings: CallRecords) -> tuple[ir.Table, Format]:
    """Open a file of text or a workbook as a table whose cells are all texts.

    Rows with a cell too many or too few, or with quotes gone wrong, are left out; `broken_rows` names them
    once a query has read the file.
    """
    if path.suffix.lower() in BOOKS:
        path = _copy(engine, _book_lines(path, settings.sheet))
    how = sniff(path, settings)
    if how.encoding.lower().replace("_", "-") not in ("utf-8", "utf-8-sig", "ascii"):
        path = _copy(engine, _decoded(path, how.encoding))
    table = engine.read_csv(
        str(path),
        auto_detect=False,
        columns=dict.fromkeys(how.columns, "VARCHAR"),
        delim=how.separator,
        quote='"',
        escape='"',
        header=False,
        skip=how.above,
        all_varchar=True,
        store_rejects=True,
    )
    return table, replace(how, path=str(path))


def broken_rows(engine: Any) -> pd.DataFrame:
    """Rows that did not fit the header in what was read so far.

    Returns
    -------
    DataFrame
        Their file, line (the first line is 1), text, and rows (lines that are not blank, at least one).
    """
    import duckdb

    try:
        found = engine.raw_sql(
            "SELECT DISTINCT file_path, line, csv_line FROM reject_errors "
            "JOIN reject_scans USING (scan_id, file_id) ORDER BY file_path, line"
        ).fetchall()
    except duckdb.CatalogException:  # the engine makes its tables of refused rows with the first one
        found = []
    rows = [max(sum(bool(line.strip()) for line in str(text).splitlines()), 1) for *_, text in found]
    return pd.DataFrame(found, columns=["file", "line", "text"]).assign(rows=rows)


def _copy(engine: Any, pieces: Iterator[str]) -> Path:
    """Copy a file as UTF-8; the copy is deleted with the engine."""
    folder = Path(tempfile.mkdtemp(prefix="planning-"))
    weakref.finalize(engine, shutil.rmtree, folder, ignore_errors=True)
    path = folder / "records.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(pieces)
    return path


def _decoded(path: Path, encoding: str) -> Iterator[str]:
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        while piece := file.read(1 << 22):
            yield piece


def _book_lines(path: Path, sheet: str | None) -> Iterator[str]:
    """Lines of a workbook's sheet, the cells as a reader sees them."""
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises whatever a damaged archive leads to
        reason = " ".join(str(error).split())[:200]
        raise PlanningError(f"{path} cannot be read as a workbook ({reason}): save it anew") from None
    if sheet is not None and sheet not in book.sheetnames:
        raise PlanningError(
            f"{path} has no sheet {sheet!r}, which records.sheet names: "
            f"there are {', '.join(book.sheetnames)}"
        )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in book[sheet or book.sheetnames[0]].iter_rows(values_only=True):
        writer.writerow([_cell(value) for value in row])
        yield out.getvalue()
        out.seek(0)
        out.truncate()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value.total_seconds())
    return repr(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
