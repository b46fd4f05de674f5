"""Opening a file of any phone system as a table of texts: its encoding, separator, title lines and header.

DuckDB reads the rows and refuses those whose cells do not fit the header; this module only decides how. A
packed file is unpacked first, and one in another encoding, or a workbook, is copied as UTF-8, so that there
is one way to read.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import shutil
import tempfile
import weakref
import zlib
from collections import Counter, deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from hashlib import file_digest
from itertools import chain, islice, pairwise, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.etree.ElementTree import iterparse

import pandas as pd

from planning.demand.facts import columns_of
from planning.demand.fields import decimal_of, order_of
from planning.demand.layouts import layouts
from planning.errors import PlanningError
from planning.tables import SAMPLE, encoding_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from planning.centre import CallRecords

SEPARATORS = ",;\t|"
TEXTS, BOOKS, PACKED = (".csv", ".txt", ".tsv", ".log", ""), (".xlsx", ".xlsm"), ".gz"
_ROW_LINES = 100
"""Most lines over which a row may extend: a quote that is still open then was never meant as one."""


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
    ragged : bool
        Whether rows may have fewer cells, because events say different things.
    path : str
        The file that is read: the one given, or its copy in UTF-8.
    sheet : str or None
        Sheet of a workbook.
    """

    encoding: str
    separator: str
    above: int
    columns: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    ragged: bool = False
    path: str = ""
    sheet: str | None = None

    @property
    def told(self) -> dict[str, str]:
        """What the settings of `[records]` would say of the file."""
        if self.sheet is not None:
            return {"sheet": self.sheet}
        return {"encoding": self.encoding, "separator": self.separator}


def paths_of(source: str) -> list[str]:
    """Files of a path, a folder or a pattern."""
    whole = Path(source)
    pattern = whole / "[!.]*" if whole.is_dir() else whole
    files = [whole] if whole.is_file() else Path(whole.anchor).glob(str(pattern.relative_to(whole.anchor)))
    paths = sorted(str(path) for path in files if path.is_file())
    if not paths:
        raise PlanningError(
            f"{source} does not exist: give a file, a folder, a pattern of files or a database's URL"
        )
    return paths


def without_copies(paths: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Leave out files that hold the same as another one, and say so."""
    found: dict[object, str] = {}
    copies = []
    sizes = [Path(path).stat().st_size for path in paths]
    for path, size in zip(paths, sizes, strict=True):
        key: object = path
        if sizes.count(size) > 1:
            with Path(path).open("rb") as file:
                key = file_digest(file, "sha256").digest()
        if found.setdefault(key, path) != path:
            copies.append(f"{path} is a copy of {found[key]}: it is left out")
    return list(found.values()), tuple(copies)


def sniff(path: Path, settings: CallRecords, source: str) -> Format:
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
            f"{source}: records.encoding is {encoding!r}, which does not read the file ({error}): "
            "give the right one, for example 'utf-8' or 'cp1251', or leave it out"
        ) from None
    lines = text.splitlines()
    if not any(line.strip() for line in lines):
        raise PlanningError(f"{source} has no rows: give at least one call record")
    if len(raw) == SAMPLE:
        lines = lines[:-1]  # the last one may be cut
    separator = settings.separator or _separator(lines[:500])
    rows = list(_split(lines, separator))
    if settings.columns:
        columns, above = tuple(settings.columns), 0
    else:
        above, columns = _header(rows[:500], settings)
    sample = tuple(tuple(row) for line, row in rows if line > above)
    return Format(encoding, separator, above, columns, sample, ragged=settings.row == "event")


def inferred(how: Format, settings: CallRecords) -> CallRecords:
    """Infer the order of dates and the decimal mark from a file's first rows, where they are not set."""
    rows = [dict(zip(how.columns, row, strict=False)) for row in how.sample]

    def texts(pattern: str) -> list[str]:
        names = [name for setting, name in columns_of(settings).items() if re.match(pattern, setting)]
        return [row.get(name, "") for row in rows for name in names]

    order = settings.date_order or order_of(texts("arrival|end|.*[.]start"))
    decimal = settings.decimal or decimal_of(texts("handle_s|wait_s|aht_s"))
    return settings.model_copy(update={"date_order": order, "decimal": decimal})


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


def _header(rows: list[tuple[int, list[str]]], settings: CallRecords) -> tuple[int, tuple[str, ...]]:
    """Line of the header and its names: the first row with all columns that are read, or as wide as most."""
    line = settings.header_line
    if line is None:
        widths = Counter(_width(row) for _, row in rows[1:] or rows)
        wide = widths.most_common(1)[0][0]
        named = _named(rows, settings)
        line, row = named or next((found for found in rows if _width(found[1]) >= wide), rows[0])
    else:
        row = next((row for at, row in rows if at == line), [])
        if not row:
            raise PlanningError(
                f"records.header_line is {line}, which is blank or beyond the file: set another"
            )
    return line, _names(row)


def _named(rows: list[tuple[int, list[str]]], settings: CallRecords) -> tuple[int, list[str]] | None:
    """The first row with all columns that are read, or two of which the lower names parts of the upper."""
    wanted = columns_of(settings).values(), *(layout.header for layout in layouts().values())
    known = [{name.casefold() for name in names} for names in wanted]
    both = (
        (line, [low.strip() or high for high, low in zip_longest(upper, lower, fillvalue="")])
        for (_, upper), (line, lower) in pairwise(rows)
    )
    fits = (
        found
        for found in chain(rows, both)
        if any(names and names <= {name.casefold() for name in _names(found[1])} for names in known)
    )
    return next(fits, None)


def _names(row: list[str]) -> tuple[str, ...]:
    """Names of columns from the cells of the header, each of them once."""
    seen: Counter[str] = Counter()
    columns = []
    for place, name in enumerate(row):
        plain = " ".join(name.replace("\ufeff", "").split()) or f"column{place + 1}"
        seen[plain] += 1
        columns.append(plain if seen[plain] == 1 else f"{plain}_{seen[plain]}")
    return tuple(columns)


def _width(row: list[str]) -> int:
    """Cells up to the last one that is filled: a workbook's rows all have as many."""
    return max(place for place, cell in enumerate(row, 1) if cell.strip())


def sheets_of(path: Path, settings: CallRecords) -> tuple[list[str | None], tuple[str, ...]]:
    """Sheets of a workbook to read: the one that is set, or the first with the columns; what is left out."""
    if path.suffix.lower() not in BOOKS:
        return [None], ()
    names = _book(path).sheetnames
    if settings.sheet in names:
        return [settings.sheet], ()
    if settings.sheet not in (None, "*"):
        raise PlanningError(
            f"{path} has no sheet {settings.sheet!r}, which records.sheet names: there are {', '.join(names)}"
        )
    tops = {name: list(_split(list(islice(_book_lines(path, name), 500)), ",")) for name in names}
    filled = [name for name in names if tops[name]] or names
    found = [name for name in filled if _named(tops[name], settings)] or filled[:1]
    if settings.sheet == "*" or len(found) == 1:
        return [*found], ()
    further = ", ".join(found[1:])
    return [found[0]], (f'{path}: sheets {further} are left out: name one in records.sheet, or "*" for all',)


def open_texts(
    engine: Any, path: Path, settings: CallRecords, sheet: str | None = None
) -> tuple[ir.Table, Format]:
    """Open a file of text or a workbook as a table whose cells are all texts.

    Rows with a cell too many or too few, or with quotes gone wrong, are left out; `broken_rows` names them
    once a query has read the file.
    """
    source = str(path)
    if sheet is not None:
        path = _copy(engine, _book_lines(path, sheet))
    elif path.suffix.lower() == PACKED:
        path = _unpacked(engine, path)
    how = sniff(path, settings, source)
    with path.open("rb") as file:
        first = file.readline(SAMPLE)
    old_mac = b"\r" in first and b"\n" not in first
    if old_mac or how.encoding.lower().replace("_", "-") not in ("utf-8", "utf-8-sig", "ascii"):
        path = _copy(engine, _decoded(path, how.encoding))
    how = replace(how, path=str(path), sheet=sheet)
    return _table(engine, how), how


def with_quotes_mended(engine: Any, how: Format) -> tuple[ir.Table, Format]:
    """Open a file again whose rows run together, because a quote was opened and never closed.

    Such a quote is taken out, so that one wrong cell does not cost the rows after it. No line moves.
    """
    how = replace(how, path=str(_copy(engine, _mended(how))))
    return _table(engine, how), how


def _mended(how: Format) -> Iterator[str]:
    with Path(how.path).open(encoding="utf-8", errors="replace") as file:
        ahead: deque[str] = deque()
        while line := ahead.popleft() if ahead else file.readline():
            if line.count('"') % 2 == 0:
                yield line
                continue
            ahead.extend(islice(file, max(_ROW_LINES - len(ahead), 0)))
            closes = next((place for place, more in enumerate(ahead, 1) if more.count('"') % 2), 0)
            row = [line, *islice(ahead, closes)]
            if closes and _cells(row, how.separator) == len(how.columns):
                yield from row
                for _ in range(closes):
                    ahead.popleft()
            else:
                yield line.replace('"', "")


def _cells(row: list[str], separator: str) -> int:
    """Cells of a row's lines; 0 if they are no row, or several."""
    try:
        rows = list(csv.reader(row, delimiter=separator, strict=True))
    except csv.Error:
        return 0
    return len(rows[0]) if len(rows) == 1 else 0


def _table(engine: Any, how: Format) -> ir.Table:
    table: ir.Table = engine.read_csv(
        how.path,
        auto_detect=False,
        columns=dict.fromkeys(how.columns, "VARCHAR"),
        delim=how.separator,
        quote='"',
        escape='"',
        header=False,
        skip=how.above,
        all_varchar=True,
        store_rejects=True,
        null_padding=how.ragged,
    )
    return table


def broken_rows(engine: Any, paths: Collection[str]) -> pd.DataFrame:
    """Rows that did not fit the header in what was read of these files.

    Returns
    -------
    DataFrame
        Their file, byte (one within their first line) and text (its first 10,000 bytes).
    """
    import duckdb

    try:
        found = engine.raw_sql(
            "SELECT DISTINCT file_path, line_byte_position, csv_line FROM reject_errors "
            "JOIN reject_scans USING (scan_id, file_id) ORDER BY 1, 2"
        ).fetchall()
    except duckdb.CatalogException:  # the engine makes its tables of refused rows with the first one
        found = []
    return pd.DataFrame([row for row in found if row[0] in paths], columns=["file", "byte", "text"])


def lines_of(how: Format, places: Collection[int], broken: Collection[int]) -> tuple[pd.Series, list[int]]:
    """Lines of rows, as the file counts them: blank ones count, and so do those within a cell.

    Parameters
    ----------
    how : Format
    places : collection of int
        Rows by their place among those that were read, the first being 0.
    broken : collection of int
        A byte within the first line of each row that was not read.

    Returns
    -------
    Series and list of int
        Line of each of `places`, and the lines of the broken rows.
    """
    wanted, ahead, refused = set(places), sorted(broken, reverse=True), []
    found: dict[int, int] = {}
    numbers: list[int] = []  # of the lines of the row that is read now

    def lines(file: BinaryIO) -> Iterator[str]:
        end = 0
        for number, line in enumerate(file, 1):
            end += len(line)
            if ahead and ahead[-1] < end:
                ahead.pop()
                refused.append(number)
            elif number > how.above:
                numbers.append(number)
                yield line.decode("utf-8", "replace")

    with Path(how.path).open("rb") as file:
        place = 0
        for row in csv.reader(lines(file), delimiter=how.separator):
            if row:
                if place in wanted:
                    found[place] = numbers[0]
                place += 1
            numbers.clear()
    return pd.Series(found, dtype="int64"), refused


def suffix_of(path: Path) -> str:
    """Return the ending that says what a file holds, packed or not.

    Examples
    --------
    >>> suffix_of(Path("calls.CSV.gz"))
    '.csv'
    """
    return Path(path.stem if path.suffix.lower() == PACKED else path).suffix.lower()


def _unpacked(engine: Any, path: Path) -> Path:
    copy = _new_file(engine)
    try:
        with gzip.open(path) as packed, copy.open("wb") as file:
            shutil.copyfileobj(packed, file)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise PlanningError(f"{path} cannot be unpacked ({error}): fetch it again, or unpack it") from None
    return copy


def _new_file(engine: Any) -> Path:
    """Name a file in a folder of its own, which is deleted with the engine."""
    folder = Path(tempfile.mkdtemp(prefix="planning-"))
    weakref.finalize(engine, shutil.rmtree, folder, ignore_errors=True)
    return folder / "records.csv"


def _copy(engine: Any, pieces: Iterator[str]) -> Path:
    """Copy a file as UTF-8."""
    path = _new_file(engine)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(pieces)
    return path


def _decoded(path: Path, encoding: str) -> Iterator[str]:
    with path.open(encoding=encoding, errors="replace") as file:
        while piece := file.read(1 << 22):
            yield piece


def _book(path: Path) -> Any:
    import openpyxl

    try:
        return openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises whatever a damaged archive leads to
        reason = " ".join(str(error).split())[:200]
        raise PlanningError(f"{path} cannot be read as a workbook ({reason}): save it anew") from None


def _book_lines(path: Path, sheet: str) -> Iterator[str]:
    """Lines of a workbook's sheet, the cells as a reader sees them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    page = _book(path)[sheet]
    first_of = _merged_down(page)
    told: dict[tuple[int, int], Any] = {}
    for number, values in enumerate(page.iter_rows(values_only=True), 1):
        row = list(values)
        for place, first in first_of.get(number, {}).items():
            row[place] = told.setdefault((first, place), row[place])
        writer.writerow([_cell(value) for value in row] if any(value is not None for value in row) else [])
        yield out.getvalue()
        out.seek(0)
        out.truncate()


def _merged_down(page: Any) -> dict[int, dict[int, int]]:
    """Rows covered by a cell merged over several: its column, and the first row, which has the value."""
    from openpyxl.utils import range_boundaries

    found: dict[int, dict[int, int]] = {}
    with page._get_source() as source:  # a sheet read row by row does not tell its merged cells
        for _, node in iterparse(source):
            if node.tag.endswith("}mergeCell"):
                left, top, _, bottom = range_boundaries(node.get("ref"))
                for row in range(top, bottom + 1) if bottom > top else ():
                    found.setdefault(row, {})[left - 1] = top
            if node.tag.endswith("}row"):
                node.clear()
    return found


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value.total_seconds()} s"
    return repr(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
