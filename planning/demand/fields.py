"""Reading cells: instants, durations and numbers, in the forms in which phone systems write them.

Every function makes an ibis expression, so that the same reading runs in DuckDB and in the operator's engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import ibis.expr.types as ir

HOUR_S, DAY_S = 3600, 86_400
FIRST_TIME = datetime(1990, 1, 1, tzinfo=UTC)
"""Systems write a time before this when they know none."""
_CLOCK_YEARS = (1990, 2061)
_LAST_SECOND = 5e9
_WORKBOOK_DAYS = 32_874, 73_051
"""Days of a workbook from 1990 to 2100."""
MANY_NUMBERS = 20
"""Among this many durations some are below a thousand."""
_UNIT_S = {"s": 1.0, "min": 60.0, "ms": 0.001}

# ISO 8601 as engines read it; what the other forms are turned into.
_ISO = (
    r"^[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}"
    r"([ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]*)?)?(Z|[+][0-9:]{2,5})?"
    r"|[ T][0-9]{1,2}:[0-9]{2}:[0-9]{2}([.][0-9]*)?-[0-9:]{2,5}|T[0-9]{1,2}:[0-9]{2}-[0-9:]{2,5})$"
)
_TWELVE_HOURS = r"^([^ T]+[ T])(0?[1-9]|1[0-2])(:[0-9:.]*[0-9]) *([AP])[.]?M[.]?(.*)$"
_DAY_OR_MONTH = r"^([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4})"
_SHORT_YEAR = r"^([0-9]{1,2}[./-][0-9]{1,2}[./-])([0-9]{2})([ ,T]|$)"
_TURNED = {"day": r"\3-\2-\1", "month": r"\3-\1-\2"}
_COMPACT = r"^([0-9]{4})([0-9]{2})([0-9]{2})[T ]?([0-9]{2})([0-9]{2})([0-9]{2})"
_HALF = "(?: *[AP][.]?M[.]?)?"
_DASH = "[-\u2013\u2014]"
_FROM_TO = [
    r"^([^/]*T[^/]*|.*:[0-9]{2}[^/]*)/.*$",  # 2026-11-23T09:00Z/2026-11-23T09:30Z
    rf"^(.*:[0-9]{{2}}{_HALF}) (?:{_DASH}|TO) .*$",  # 23.11.2026 09:00 - 09:30
    rf"^([^T]* [0-9]{{1,2}}:[0-9]{{2}}{_HALF}){_DASH}[0-9:]{{4,5}}{_HALF}$",  # 23.11.2026 09:00-09:30
    rf"^([^T]* [0-9:]{{7,8}}){_DASH}[0-9]{{1,2}}:[0-9]{{2}}:[0-9]{{2}}$",
    rf"^([^T]* [0-9]{{1,2}}) *{_DASH} *[0-9]{{1,2}}$",  # 23.11.2026 9-10
]
"""Intervals from their start to their end; without a T, -09:30 after minutes is an end and no offset."""
_LANGUAGES = ("en", "de", "es", "fr", "it", "kk", "nl", "pl", "pt", "ru", "tr", "uk")
_NUMBER = r"^\s*[0-9]+([.,][0-9]+)?\s*$"
_MM_SS = "^[0-5]?[0-9]:[0-5][0-9]$"
_H_MM_SS = "^([01]?[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$"
_CASTS = r"^\s*[+-]?[0-9]+([.][0-9]*)?([eE][+-]?[0-9]+)?\s*$"
_UNITS = {
    DAY_S: "D[A-Z]*|TAGE?|Д[А-Я]*",
    HOUR_S: "H[A-Z]*|STD|Ч[А-Я]*",
    60: "M(?:IN[A-Z]*)?|М(?:ИН[А-Я]*)?",
    1: "S(?:E[CK][A-Z]*)?|С(?:ЕК[А-Я]*)?",
}
"""Units of a duration in words or letters, by their seconds."""
_SPELLED = "^'?([+-]?)P?T? *" + "".join(
    rf"(?:([0-9]+(?:[.,][0-9]*)?) *(?:{unit})[., ]*T?)?" for unit in _UNITS.values()
)


def instants(
    table: ir.Table, columns: Mapping[str, ir.Value], date_order: str | None, zone: str | None
) -> ir.Table:
    """Read columns of instants, whatever their types.

    Times are texts, timestamps with or without a zone, seconds (or thousandths and so on) since 1970, or the
    days of a workbook (Excel's serial numbers). Times without an offset are on the clock of `zone`; if it
    shows an hour twice, they are in the first.

    Returns
    -------
    ibis Table
        For each name of `columns`: ``<name>`` (microseconds since 1970 in UTC; missing where it is no time or
        its clock is unknown), ``<name>_offset`` (whether it has one; missing where it is no time),
        ``<name>_skipped`` and ``<name>_twice`` (its clock never showed it, or showed it twice).
    """
    import ibis

    none: Any = ibis.null("int64")
    first: dict[str, Any] = {}
    texts, counts = [], []
    for name, column in columns.items():
        kind = column.type()
        if kind.is_timestamp() or kind.is_date():
            zoned = kind.is_timestamp() and kind.timezone is not None
            time = column.cast("timestamp") if kind.is_date() else column
            first |= {f"{name}_read": _micro(time), f"{name}_zoned": ibis.literal(zoned)}
        elif kind.is_numeric():
            counts.append(name)
            first[f"{name}_count"] = column.cast("float64")
        else:
            texts.append(name)
            first[f"{name}_text"] = column.cast("string")
    table = _with_counts(_with_texts(table.mutate(**first), texts, date_order, zone), texts, counts)
    table = _step(
        table,
        columns,
        offset=lambda part: ibis.ifelse(part("read").notnull(), part("zoned"), ibis.null("boolean")),
        known=lambda part: ibis.ifelse(part("zoned"), part("read"), none),
        local=lambda part: ibis.ifelse(part("zoned"), none, part("read")),
    )
    table = _step(
        table,
        columns,
        code=lambda part: none if zone is None else _clock_code(part("local"), zone),
    )
    table = _step(
        table,
        columns,
        skipped=lambda part: (part("code") % 4 == 1).fill_null(False),
        twice=lambda part: (part("code") % 4 == 2).fill_null(False),
        ahead=lambda part: ((part("code") / 4).floor() - DAY_S).cast("int64") * 1_000_000,
    )
    return table.mutate(
        **{
            name: ibis.coalesce(table[f"{name}_known"], table[f"{name}_local"] - table[f"{name}_ahead"])
            for name in columns
        }
    )


def _step(table: ir.Table, names: Iterable[str], **parts: Callable[[Callable[[str], Any]], Any]) -> ir.Table:
    """Add columns ``<name>_<part>`` for each name, computed from those that are there.

    Each step is a select of its own that handles all names at once, because an expression that is used twice
    is computed twice.
    """

    def made(name: str, make: Callable[[Callable[[str], Any]], Any]) -> Any:
        return make(lambda part: table[f"{name}_{part}"])

    return apart(
        table.mutate(**{f"{name}_{part}": made(name, make) for name in names for part, make in parts.items()})
    )


def apart(table: ir.Table) -> ir.Table:
    """Keep a select apart: without a limit PostgreSQL writes it into the next one, with all it computes."""
    postgres = any(engine.name == "postgres" for engine in table._find_backends()[0])
    return table.limit(2**62) if postgres else table


def _with_texts(table: ir.Table, names: list[str], date_order: str | None, zone: str | None) -> ir.Table:
    """Read texts: ISO 8601 as the engine does, numbers as counts, other forms turned into ISO 8601 first."""
    import ibis

    if not names:
        return table
    none, clock_names = ibis.null("string"), _clock_names(zone)

    def turned(form: Any) -> Any:
        if date_order not in _TURNED:
            return form
        long = form.re_replace(_SHORT_YEAR, r"\1" + "20" + r"\2\3")
        return long.re_replace(_DAY_OR_MONTH, _TURNED[date_order])

    if date_order in _TURNED:
        table = _step(
            table, names, text=lambda part: part("text").re_replace(_DAY_OR_MONTH, _TURNED[date_order])
        )
    table = _step(table, names, iso=lambda part: part("text").re_search(_ISO))
    # Most texts are plain, and engines compute a case only for the rows that come to it.
    table = _step(
        table,
        names,
        count=lambda part: tried(
            ibis.cases(
                (part("iso"), none), (part("text").re_search(_NUMBER), part("text").replace(",", "."))
            ),
            "float64",
        ),
        form=lambda part: ibis.ifelse(part("iso"), part("text"), turned(_cleaned(part("text"), clock_names))),
    )
    table = _step(
        table,
        names,
        form=lambda part: ibis.cases(
            (part("iso"), part("form")),
            (part("form").re_search(_TWELVE_HOURS), _24_hours(part("form"))),
            else_=part("form"),
        ),
    )
    table = _step(
        table,
        names,
        form=lambda part: ibis.cases(
            (part("iso"), part("form")), (part("form").re_search(_ISO), part("form"))
        ),
    )
    table = _step(table, names, zoned=lambda part: part("form").re_search(r":.*([Z]|[+-][0-9:]+)$"))
    table = _step(
        table,
        names,
        in_utc=lambda part: tried(ibis.ifelse(part("zoned"), part("form"), none), "timestamp('UTC')"),
        on_clock=lambda part: tried(ibis.ifelse(part("zoned"), none, part("form")), "timestamp"),
    )
    return _step(
        table,
        names,
        read=lambda part: ibis.coalesce(_micro(part("in_utc")), _micro(part("on_clock"))),
    )


def _cleaned(text: Any, clock_names: str) -> Any:
    """Take the names of days and zones out of a time, and write its date in numbers, where it has a name."""
    form = text.upper().re_replace("[\\s\u00a0\u200e\u2009\u202f]+", " ")
    form = form.re_replace(r"^ | *([\[(].*)?$", "")
    for month, names in _months().items():
        form = form.re_replace(f"(^|[0-9 .,/-])({names})([0-9 .,/-])", rf"\1M{month}\3")
    form = form.re_replace("^[^0-9]* (M?[0-9])", r"\1").re_replace(rf"([0-9]) *({clock_names})( |$)", r"\1\3")
    form = form.re_replace("([0-9]) ?(UHR|H)$", r"\1").re_replace("( [0-9]{1,2})H([0-9]{2})", r"\1:\2")
    form = form.re_replace(" ([0-9]{1,2})[.]([0-9]{2})[.]([0-9]{2})", r" \1:\2:\3")
    form = form.re_replace(" ([0-9]{1,2})[.]([0-9]{2})( |-|$)", r" \1:\2\3")
    for interval in _FROM_TO:
        form = form.re_replace(interval, r"\1")
    form = form.re_replace(_COMPACT, r"\1-\2-\3 \4:\5:\6")
    form = form.re_replace(r"^M([0-9]+) ([0-9]{1,2}) ([0-9:]+) ([0-9]{4})$", r"\4-\1-\2 \3")
    form = form.re_replace(r"^M([0-9]+) ([0-9]{1,2}),? ([0-9]{4}),?", r"\3-\1-\2")
    form = form.re_replace(r"^([0-9]{1,2})[. -]*M([0-9]+)[. -]*([0-9]{2},? )", r"\1 M\2 20\3")
    form = form.re_replace(r"^([0-9]{1,2})[. -]*M([0-9]+)[., -]*([0-9]{4}),?", r"\3-\2-\1")
    form = form.re_replace(r"^([0-9]{4})[.]([0-9]{1,2})[.]([0-9]{1,2})", r"\1-\2-\3")
    form = form.re_replace(r"^([0-9./-]+)(,| -| Г[.]| À| UM| AT)? +", r"\1 ")
    form = form.re_replace(r"^([0-9./-]+ [0-9]{1,2})$", r"\1:00").re_replace(
        r"(:[0-9]{2}),([0-9]+)", r"\1.\2"
    )
    form = form.re_replace(r"(UTC|GMT)([+-])([0-9])$", r"\1\2" + "0" + r"\3")
    form = form.re_replace(r" *(UTC|GMT)([+-][0-9:]+)$", r"\2").re_replace(r" *(UTC|GMT|Z)$", "Z")
    return form.re_replace(r" +([+-][0-9:]+)$", r"\1")


@cache
def _months() -> dict[int, str]:
    """Names and short names of each month, as a pattern, in the languages of many exports."""
    from babel.dates import get_month_names

    found: dict[int, set[str]] = {}
    forms: product[Any] = product(("abbreviated", "wide"), ("format", "stand-alone"), _LANGUAGES)
    for width, context, language in forms:
        for month, name in get_month_names(width, context, language).items():
            found.setdefault(month, set()).add(name.upper().removesuffix("."))
    return {
        month: "|".join(sorted(names, key=lambda name: (-len(name), name))) for month, names in found.items()
    }


def _24_hours(text: Any) -> Any:
    """Turn 02:15:00 PM into 14:15:00, and 12:30 AM into 0:30."""
    import ibis

    day, hour, rest, half, offset = (text.re_extract(_TWELVE_HOURS, place) for place in range(1, 6))
    hour = tried(hour, "int64") % 12 + ibis.ifelse(half == "P", 12, 0)
    return day + hour.cast("string") + rest + offset


def _with_counts(table: ir.Table, texts: list[str], counts: list[str]) -> ir.Table:
    """Read numbers as seconds since 1970, thousandths and so on of them, or as a workbook's days."""
    import ibis

    first = FIRST_TIME.timestamp()

    def micro(value: Any) -> Any:
        known: list[Any] = [
            ((value >= first * scale) & (value < _LAST_SECOND * scale), value * (1_000_000 / scale))
            for scale in (1, 10**3, 10**6, 10**9)
        ]
        # Day 25,569 of a workbook is 1 January 1970.
        return (
            ibis.cases((is_day(value), ((value - 25_569) * (DAY_S * 1e3)).round() * 1e3), *known)
            .round()
            .cast("int64")
        )

    def is_day(value: Any) -> Any:
        return (value >= _WORKBOOK_DAYS[0]) & (value < _WORKBOOK_DAYS[1])

    if counts:
        table = _step(
            table,
            counts,
            read=lambda part: micro(part("count")),
            zoned=lambda part: ~is_day(part("count")),
        )
    if texts:
        table = _step(
            table,
            texts,
            read=lambda part: ibis.coalesce(micro(part("count")), part("read")),
            zoned=lambda part: ibis.ifelse(
                part("count").notnull() & part("read").isnull(), ~is_day(part("count")), part("zoned")
            ),
        )
    return table


def _micro(time: Any) -> Any:
    """Microseconds since 1970 of a timestamp; whole thousandths where the engine is Spark or unknown."""
    import ibis

    engine = next((engine.name for engine in time._find_backends()[0]), "unknown")
    if engine == "duckdb":  # whose calendar of zones is slow

        def epoch(value):  # type: ignore[no-untyped-def]
            ...

        return ibis.udf.scalar.builtin(epoch, name="epoch_us", signature=((time.type(),), "int64"))(time)
    # Engines differ in what they keep of the rest of a second.
    second = time.epoch_seconds().cast("float64").floor().cast("int64")
    clock = time.cast("timestamp")
    finest = engine not in ("unknown", "databricks", "pyspark")
    return second * 1_000_000 + (
        clock.microsecond().cast("int64") if finest else clock.millisecond().cast("int64") * 1000
    )


def tried(column: Any, kind: str) -> Any:
    """Cast text to a type; one that cannot be cast becomes missing, but a time only if the engine can try."""
    import ibis

    if _can_try(column._find_backend(use_default=True)):
        return column.try_cast(kind)
    if kind in ("float64", "int64"):
        column = ibis.ifelse(column.re_search(_CASTS), column, ibis.null("string"))
    return column.cast(kind)


@cache
def _can_try(engine: Any) -> bool:
    import ibis

    try:  # for an engine that cannot try, some compilers write a plain cast
        return "TRY_CAST" in engine.compile(ibis.literal("1").try_cast("int64").name("tried").as_table())
    except ibis.common.exceptions.IbisError:
        return False


def number(column: Any, decimal: str | None, *, whole: bool = False) -> Any:
    """Read a number; in a text, the other mark may separate thousands.

    Without a decimal mark each text tells its own, but 1.355 does not: it is thousands where numbers are
    `whole`, and missing elsewhere.
    """
    import ibis

    if not column.type().is_string():
        return column.cast("float64")
    return ibis.coalesce(_plain_number(column, decimal), _odd_number(column, decimal, whole))


def _plain_number(column: Any, decimal: str | None) -> Any:
    """A number as engines read it. Most are plain, so only the others take the long way."""
    import ibis

    if decimal == ".":
        return tried(column, "float64")
    digits = ibis.ifelse(column.re_search("^[0-9]+$"), column, ibis.null("string"))
    return tried(digits, "float64")


def _odd_number(column: Any, decimal: str | None, whole: bool) -> Any:
    import ibis

    none = ibis.null("string")
    text = column.re_replace("[\\s\u00a0\u2009\u202f'\u2019]", "")
    others = [mark for mark in ".," if mark != decimal]
    cases = [
        (
            text.re_search(rf"^[+-]?[0-9]{{1,3}}([{mark}][0-9]{{3}})+([^{mark}][0-9]+)?$"),
            text.replace(mark, ""),
        )
        for mark in others
    ]
    if decimal is None:
        either = text.re_search("^[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}$")
        cases.insert(0, (either, text.re_replace("[.,]", "") if whole else none))
    else:
        cases.append((text.contains(others[0]), none))
    return tried(ibis.cases(*cases, else_=text).replace(",", "."), "float64")


def duration(column: Any, decimal: str | None, unit: Literal["s", "min", "ms"]) -> Any:
    """Seconds of a duration: a number in `unit`, a text like 0:03:21 or 03:21,5, or the engine's type."""
    import ibis

    kind = column.type()
    if kind.is_interval():
        return column.cast("float64")
    if kind.is_time():
        return column.hour() * 3600.0 + column.minute() * 60.0 + column.second()
    if not kind.is_string():
        return column.cast("float64") * _UNIT_S[unit]
    day = ibis.cases(
        (column.re_search(_H_MM_SS), "1970-01-01 "), (column.re_search(_MM_SS), "1970-01-01 00:")
    )
    others = ibis.coalesce(number(column, decimal) * _UNIT_S[unit], _spelled(column))
    # Most are plain, and engines compute a case only for the rows that come to it.
    others = ibis.ifelse(column.notnull(), others, None)
    return ibis.coalesce(_micro(tried(day + column, "timestamp")) / 1e6, others)


def _spelled(text: Any) -> Any:
    """Seconds of 1m 23s, PT1M23S, 1 day 00:01:23, 100:00:00 or 01:23,5; missing where it is none of these."""
    import ibis

    form = text.upper().strip().re_replace("^([^0-9]*[0-9]+)[.]([0-9]+:)", r"\1D\2")
    form = form.re_replace("([0-9]+):([0-9]{1,2}):([0-9.,]+)$", r"\1H\2M\3S")
    form = form.re_replace("([0-9]+):([0-9.,]+)$", r"\1M\2S")
    parts = [
        tried(form.re_extract(_SPELLED, group).replace(",", "."), "float64").fill_null(0.0) * seconds
        for group, seconds in enumerate(_UNITS, 2)
    ]
    sign = ibis.ifelse(form.re_extract(_SPELLED, 1) == "-", -1, 1)
    known = form.re_extract(_SPELLED, 0).re_search("[0-9]")
    return ibis.ifelse(known, sign * sum(parts), ibis.null("float64"))


def unread(column: Any, value: Any) -> Any:
    """Whether a cell holds something that is no finite number; an empty one is missing."""
    import ibis

    odd = (value.isnan() | value.isinf()).fill_null(False)
    return ibis.ifelse(value.isnull(), column.re_search(r"\S"), odd) if column.type().is_string() else odd


def order_of(texts: Sequence[str]) -> str | None:
    """Whether dates like 25.06.2026 begin with the day or the month; None if no date is unambiguous.

    Examples
    --------
    >>> order_of(["06/05/2026 08:00", "06/25/2026 15:30"])
    'month'
    >>> order_of(["05.06.2026"])
    'day'
    """
    found = [
        m for m in (re.match(r"[^0-9]*([0-9]{1,2})([./-])([0-9]{1,2})[./-][0-9]{2,4}", t) for t in texts) if m
    ]
    day = any(int(m[1]) > 12 for m in found) or any(m[2] == "." for m in found)
    month = any(int(m[3]) > 12 for m in found)
    if day == month:
        return None
    return "day" if day else "month"


def decimal_of(texts: Sequence[str]) -> Literal[".", ","] | None:
    """Decimal mark of numbers; None if no number is unambiguous.

    If a mark stands only before groups of three digits, and other numbers are whole and below a thousand, it
    separates thousands: a system that writes decimals writes them everywhere. If many numbers have it and
    none is whole, it is the decimal mark, because not all of them are above a thousand.

    Examples
    --------
    >>> decimal_of(["200,5", "1.355"]), decimal_of(["0.5"]), decimal_of(["1.355", "987"])
    (',', '.', ',')
    """
    marks = {
        mark: any(
            re.match(rf" *-?([0-9.,]*{mark}([0-9]{{1,2}}|[0-9]{{4,}})|(0|[0-9]{{4,}}){mark}[0-9]+) *$", text)
            for text in texts
        )
        for mark in (",", "[.]")
    }
    if marks[","] != marks["[.]"]:
        return "," if marks[","] else "."
    whole = any(re.match(r" *[1-9][0-9]{0,2} *$", text) for text in texts)
    for mark, other in ((".", ","), (",", ".")):
        parted = sum(bool(re.match(rf" *[1-9][0-9]{{0,2}}(\{mark}[0-9]{{3}})+ *$", text)) for text in texts)
        if parted and (whole or parted >= MANY_NUMBERS):
            return other if whole else mark  # type: ignore[return-value]
    return None


# ----------------------------------------------------------------------------------------------------- clocks
def _clock_names(zone: str | None) -> str:
    """Short names of a zone's clock in winter and summer, as a pattern: CET|CEST."""
    clock = ZoneInfo(zone or "UTC")
    return "|".join(re.escape(str(datetime(2026, month, 1, tzinfo=clock).tzname())) for month in (1, 7))


@lru_cache
def _changes(zone: str) -> tuple[tuple[int, int, int], ...]:
    """Clock changes of a zone: (second in UTC, offset before, offset after), seconds, the first from -inf."""
    info = ZoneInfo(zone)

    def offset(second: int) -> int:
        ahead = datetime.fromtimestamp(second, UTC).astimezone(info).utcoffset() or timedelta()
        return round(ahead.total_seconds())

    first, last = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in _CLOCK_YEARS)
    found = [(-(2**40), offset(first), offset(first))]
    for day in range(first, last, DAY_S):
        low, high = day, day + DAY_S
        if offset(low) == offset(high):
            continue
        before, after = offset(low), offset(high)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == before else (low, middle)
        found.append((high, before, after))
    return tuple(found)


def _stepped(value: Any, steps: list[tuple[int, int]], scale: int = 1) -> Any:
    """Step that is reached last; missing where the value is."""
    import ibis

    later = [(value >= at * scale, step) for at, step in reversed(steps[1:])]
    return ibis.cases(*later, (value.notnull(), steps[0][1]))


def local(second: Any, zone: str) -> Any:
    """Local clock of an instant, as seconds since 1970 on that clock."""
    return second + _stepped(second, [(at, after) for at, _, after in _changes(zone)])


def _clock_code(local_micro: Any, zone: str) -> Any:
    """Encode a local time in one number: 4 x (offset + a day), + 1 if skipped, + 2 if shown twice.

    In an hour that the clock shows twice, the offset is the first one's.
    """
    steps = []
    for at, before, after in _changes(zone):
        low, high = sorted((at + before, at + after))
        flag = 1 if after > before else 2
        steps += [(low, (before + DAY_S) * 4 + flag), (high, (after + DAY_S) * 4)]
    return _stepped(local_micro, steps[1:], 1_000_000)
