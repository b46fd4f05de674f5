"""The operator's call records: read where they lie, impossible rows refused, counted into intervals.

Everything is one ibis expression, so that the same counting runs in DuckDB on files and in the operator's own
PostgreSQL, Trino or Spark; only the counts come back.
"""

from __future__ import annotations

import contextlib
import difflib
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

import pandas as pd

from planning.calendars import axis, day_start, on_clock, time_of_day
from planning.centre import CallRecords, Centre, Queue
from planning.errors import PlanningError
from planning.tables import DEMAND

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["CallLog", "read_calls"]

HOUR_S, DAY_S = 3600, 86_400
SLIP_S = 60
"""Slack within which a difference of whole hours is a slip of the clock, seconds."""
MEMORY = "1400MB"
"""What the embedded engine may hold before it uses the disk."""
REJECTED_ROWS = 10_000
"""Most refused rows that are shown; all are counted."""
FIRST_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""A time before this is how a system writes that it knows none."""
REPEATED = "the record came before: same call and instant"
_SAME = ["queue", "call_id", "instant"]
"""What two records of one call have in common; a leg in another queue is a call of its own."""
_CLOCK_YEARS = (2010, 2041)
_DATABASES = {".duckdb", ".ddb", ".db"}
_OPTIONAL = ("call_id", "wait_s", "agent_id", "caller_id", "end")


def read_calls(source: str | Path, *, table: str = "calls", centre: Centre | None = None) -> CallLog:
    """Open a log of call records without reading it.

    Parameters
    ----------
    source : str or Path
        A CSV or Parquet file or a pattern of them ("calls/2026-*.parquet"), a DuckDB file, or the URL of a
        database ("postgres://host/name").
    table : str
        Table or view of a database; files have none.
    centre : Centre, optional
        Its `records` say how the log is written, its queues which names and hours are possible, its time zone
        on which clock intervals are shown. Without one the columns are those of `planning.tables.CALLS`, any
        queue is known and open day and night, and times are shown in UTC.

    Returns
    -------
    CallLog

    Raises
    ------
    PlanningError
        The source is not there, is damaged or empty, lacks a column, or mixes times with and without offset.

    Examples
    --------
    >>> log = read_calls("data/calls.parquet", centre=Centre.load("data/centre.toml"))
    >>> demand = log.demand(interval_s=900)
    >>> demand.groupby("queue")["calls"].sum()["first_line"] > 15_000, len(log.rejected)
    (np.True_, 0)
    """
    name = _safe(str(source))
    with _Engine(name):
        raw = _open(str(source), table)
        log = call_log(raw, centre, name)
        try:
            log.check()
        except PlanningError:
            log.close()
            raise
    return log


def call_log(raw: ir.Table, centre: Centre | None = None, source: str = "calls") -> CallLog:
    """Make a log of any ibis table: a query of one's own, or a table that is only compiled for."""
    settings = centre.records if centre else _plain_records(raw)
    queues = centre.queues if centre else {}
    zone = centre.time_zone if centre else "UTC"
    return CallLog(_facts(raw, settings, queues, zone, source), source, zone, queues)


@dataclass(frozen=True)
class CallLog:
    """Call records that have not been read yet: each answer is a query that the engine runs.

    Attributes
    ----------
    facts : ibis Table
        The records under the package's names, with `second` (of the arrival, UTC) and `reason` (why the row
        is refused, missing for a good one).
    source : str
        Where they come from, without password.
    zone : str
        IANA time zone in which times are shown.
    queues : mapping
        Queues of the centre by name; empty where any name will do.
    """

    facts: ir.Table
    source: str
    zone: str
    queues: Mapping[str, Queue]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the engine: a database counts its open connections."""
        engines, _ = self.facts._find_backends()
        for engine in engines:
            engine.disconnect()

    def check(self) -> None:
        """Refuse a log without rows, or whose times are partly with and partly without an offset."""
        rows = self.facts
        if _run(rows.select("queue").limit(1), self.source).empty:
            raise PlanningError(f"{self.source} has no rows: give at least one call record")
        if "has_offset" in rows.columns:
            counts = rows.aggregate(timed=rows.has_offset.count(), offset=rows.has_offset.sum())
            timed, offset = _run(counts, self.source).iloc[0].fillna(0).astype("int64")
            if 0 < offset < timed:
                raise PlanningError(
                    f"{self.source} mixes time zones: {offset} of {timed} times have an offset, must be all"
                    " or none: write each time such as 2026-11-23T09:15:00+03:00"
                )

    def expression(self, interval_s: int = 900) -> ir.Table:
        """Count good calls by queue and interval: the one query behind `demand`, for any engine.

        Records that came twice are looked for apart and taken off, since they are few: to keep all calls by
        their number would cost memory for each call.
        """
        rows = self._good().mutate(start=_floor(self.facts.second, interval_s))
        counts = rows.group_by(["queue", "start"]).aggregate(
            calls=rows.count(), work=rows.handle_s.sum(), answered=rows.handle_s.count()
        )
        if "call_id" not in rows.columns:
            return counts
        twice = self._twice(rows)
        extra = twice.group_by(["queue", "start"]).aggregate(
            more=(twice.copies - 1).sum(),
            more_work=(twice.work - twice.longest).sum(),
            more_answered=twice.answered.sum() - twice.longest.count(),
        )
        both = counts.left_join(extra, ["queue", "start"])
        return both.select(
            queue=both.queue,
            start=both.start,
            calls=both.calls - both.more.fill_null(0),
            work=both.work.fill_null(0.0) - both.more_work.fill_null(0.0),
            answered=both.answered - both.more_answered.fill_null(0),
        )

    def demand(self, interval_s: int = 900) -> pd.DataFrame:
        """Count the good calls by queue and interval, inside the engine.

        Calls count where they arrived, whatever became of them; the handle time is the mean over the answered
        ones, the queue's where none was answered. An interval without calls is 0 while the queue is open and
        absent while it is closed; a day without a single record is absent, and so are a queue's days before
        its own first record.

        Parameters
        ----------
        interval_s : int
            Length of an interval, seconds; a divisor of an hour.

        Returns
        -------
        DataFrame
            Columns of `planning.tables.DEMAND`, in the log's zone, by queue and time.

        Raises
        ------
        PlanningError
            No row is good, the engine fails, or the interval does not suit the zone's clock.
        """
        if not isinstance(interval_s, int) or interval_s <= 0 or HOUR_S % interval_s:
            raise PlanningError(
                f"interval_s is {interval_s!r}, must divide an hour: use 300, 900, 1800 or 3600"
            )
        counts = _run(self.expression(interval_s), self.source)
        if counts.empty:
            raise PlanningError(
                f"{self.source} has no good row, the most frequent reason is {self.reasons.index[0]!r}: "
                f"correct the records, or {_REMEDIES.get(self.reasons.index[0], _READING)}"
            )
        return _with_zeros(self._timed(counts, interval_s), interval_s, self.queues)[list(DEMAND.columns)]

    def calls(self, start: str | None = None, end: str | None = None) -> pd.DataFrame:
        """Return the good records from one local day up to another, for what single calls tell.

        Returns
        -------
        DataFrame
            Columns of `planning.tables.CALLS` as far as the log has them, and caller_id if it has one.

        Raises
        ------
        PlanningError
            `start` or `end` is no date such as 2026-11-23.
        """
        rows = self._good()
        for edge, later in ((start, True), (end, False)):
            if edge is not None:
                second = int(day_start(edge, self.zone).timestamp())
                rows = rows.filter(rows.second >= second if later else rows.second < second)
        rows = rows.mutate(micro=rows.instant.microsecond())
        names = ["call_id", "queue", "arrival", "wait_s", "handle_s", "outcome", "agent_id", "caller_id"]
        frame = _run(rows.select(["second", "micro", *(n for n in names if n in rows.columns)]), self.source)
        micro = frame["second"].astype("int64") * 1_000_000 + frame["micro"]
        frame["arrival"] = pd.to_datetime(micro, unit="us", utc=True).dt.tz_convert(self.zone)
        if "call_id" in frame:
            longest = frame.sort_values("handle_s", ascending=False, kind="stable")
            again = longest.duplicated(["queue", "call_id", "arrival"]) & longest["call_id"].notna()
            frame = frame[~again.reindex(frame.index)]
        columns = [name for name in names if name in frame]
        return frame[columns].sort_values("arrival", kind="stable", ignore_index=True)

    @cached_property
    def reasons(self) -> pd.Series:
        """Number of refused rows by reason, the most frequent first."""
        bad = self.facts.filter(self.facts.reason.notnull())
        counts = _run(bad.group_by("reason").aggregate(rows=bad.count()), self.source)
        table = counts.set_index("reason")["rows"].astype("int64")
        if "call_id" in self.facts.columns:
            twice = self._twice(self._good().mutate(start=_floor(self.facts.second, HOUR_S)))
            more = _run(twice.aggregate(rows=(twice.copies - 1).sum()), self.source)["rows"].fillna(0).iloc[0]
            if more:
                table[REPEATED] = int(more)
        return table.sort_values(ascending=False, kind="stable").rename("rows")

    @cached_property
    def rejected(self) -> pd.DataFrame:
        """Refused rows under the package's names with their `reason`, the first 10,000 of them."""
        bad = self.facts.filter(self.facts.reason.notnull())
        frame = _run(bad.limit(REJECTED_ROWS), self.source)
        if REPEATED in self.reasons.index:
            import ibis

            rows = self._good()
            again = rows.semi_join(self._keys(rows), _SAME)
            longest = again.handle_s.fill_null(-1.0).desc()
            place = ibis.row_number().over(group_by=[again[name] for name in _SAME], order_by=longest)
            again = again.mutate(place=place)
            twice = _run(again.filter(again.place > 0).drop("place").limit(REJECTED_ROWS), self.source)
            frame = pd.concat([frame, twice.assign(reason=REPEATED)]) if len(twice) else frame
        return frame.drop(columns="has_offset", errors="ignore").reset_index(drop=True)

    def _good(self) -> ir.Table:
        return self.facts.filter(self.facts.reason.isnull())

    def _keys(self, rows: ir.Table) -> ir.Table:
        """Calls that come more than once; of a call without a number nobody knows."""
        rows = rows.filter(rows.call_id.notnull())
        keys = rows.group_by(_SAME).aggregate(copies=rows.count())
        return keys.filter(keys.copies > 1)

    def _twice(self, rows: ir.Table) -> ir.Table:
        again = rows.semi_join(self._keys(rows), _SAME)
        by_key: ir.Table = again.group_by(["start", *_SAME]).aggregate(
            copies=again.count(),
            work=again.handle_s.sum().fill_null(0.0),
            longest=again.handle_s.max(),
            answered=again.handle_s.count(),
        )
        return by_key

    def _timed(self, counts: pd.DataFrame, interval_s: int) -> pd.DataFrame:
        """Show the intervals in the log's zone, with the mean handle time."""
        start = pd.to_datetime(counts["start"].astype("int64"), unit="s", utc=True).dt.tz_convert(self.zone)
        counts = counts.assign(interval_start=start.astype(f"datetime64[us, {self.zone}]"))
        off = time_of_day(pd.DatetimeIndex(start)) % pd.Timedelta(seconds=interval_s) != pd.Timedelta(0)
        if off.any():
            raise PlanningError(
                f"interval_s is {interval_s}, which does not divide {self.zone}'s offset from UTC: use 900"
            )
        sums = counts.groupby("queue")[["work", "answered"]].transform("sum").astype("float64")
        mean = (sums["work"] / sums["answered"].where(sums["answered"] > 0)).fillna(0.0)
        answered = counts["answered"].astype("float64")
        own = counts["work"].astype("float64") / answered.where(answered > 0)
        return counts.assign(calls=counts["calls"].astype("float64"), aht_s=own.fillna(mean))


# ------------------------------------------------------------------------------------------------- expression
_WRITTEN = "arrival as it is written"
_TIME = (
    r"^[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}[ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]*)?)?"
    r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)?$"
)
_TWELVE_HOURS = r"^([^ T]+[ T])(0?[1-9]|1[0-2])(:[0-9:.]*[0-9]) *([AP])[.]?M[.]?(.*)$"
_DAY_OR_MONTH = r"^([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4})"
_TURNED = {"day": r"\3-\2-\1", "month": r"\3-\1-\2"}
_DECIMAL = ": where it is written 200,5 set decimal in [records]"
_READING = "how [records] in the centre's file reads them"
_REMEDIES = {
    "no time of arrival": "set date_order and time_zone in [records]",
    "unknown queue": "name its queues in [records] queues",
    "unknown outcome": "name its codes in [records] answered, abandoned and lost",
}


def _facts(
    raw: ir.Table, settings: CallRecords, queues: Mapping[str, Queue], zone: str, source: str
) -> ir.Table:
    """Name the columns as the package does, and give each row the reason why it cannot be true, if any."""
    import ibis

    _check_columns(raw, settings, source)
    texts = [name for name in (settings.arrival, settings.end) if name and raw[name].type().is_string()]
    plain = {name: _plain_time(raw[name], settings.date_order) for name in texts}
    raw = raw.mutate(**{_WRITTEN: raw[settings.arrival]} | plain)
    second, skipped = _second(raw, settings.arrival, settings.time_zone, source)
    parts = [_number(raw[name], settings.decimal) for name in settings.handle_s]
    handle = ibis.ifelse(ibis.coalesce(*parts).notnull(), sum(part.fill_null(0.0) for part in parts), None)
    code = raw[settings.outcome].cast("string")
    codes = {"answered": settings.answered, "abandoned": settings.abandoned, "lost": settings.lost}
    outcome = ibis.cases(*((code.isin(values), name) for name, values in codes.items() if values))
    columns: dict[str, Any] = {
        "queue": _renamed(raw[settings.queue].cast("string"), settings.queues),
        "second": second,
        "outcome": outcome,
        "handle_s": ibis.ifelse(outcome == "answered", handle, ibis.null("float64")),
    }
    for name in _OPTIONAL:
        column = getattr(settings, name)
        if column is not None and name != "end":
            columns[name] = _number(raw[column], settings.decimal) if name == "wait_s" else raw[column]
    arrival = raw[settings.arrival]
    columns["instant"] = arrival
    if arrival.type().is_string():
        columns["has_offset"] = _has_offset(arrival)
        instant = _tried(arrival, "timestamp('UTC')").cast("timestamp")
        columns["instant"] = ibis.ifelse(columns["has_offset"], instant, _tried(arrival, "timestamp"))
        columns["written"] = raw[_WRITTEN]
    named = raw.select(**columns, **_checks(raw, settings, skipped, source))
    return named.mutate(reason=_reason(named, queues, zone)).select([*columns, "reason"])


def _plain_time(text: Any, date_order: str) -> Any:
    """Write a time as engines read it; what is no time is missing, for engines leave out what follows one."""
    import ibis

    plain, other = text, text.strip().upper()  # most are plain: the rest is worked out for others only
    if date_order != "year":
        plain, other = (form.re_replace(_DAY_OR_MONTH, _TURNED[date_order]) for form in (plain, other))
    other = ibis.ifelse(other.re_search(_TWELVE_HOURS), _24_hours(other), other)
    other = other.re_replace(r" *(UTC|GMT|Z)$", "Z").re_replace(r" +([+-][0-9:]+)$", r"\1")
    return ibis.cases((plain.re_search(_TIME), plain), (other.re_search(_TIME), other))


def _24_hours(text: Any) -> Any:
    """Turn 02:15:00 PM into 14:15:00, and 12:30 AM into 0:30."""
    import ibis

    day, hour, rest, half, offset = (text.re_extract(_TWELVE_HOURS, place) for place in range(1, 6))
    hour = _tried(hour, "int64") % 12 + ibis.ifelse(half == "P", 12, 0)
    return day + hour.cast("string") + rest + offset


def _checks(raw: ir.Table, settings: CallRecords, skipped: Any, source: str) -> dict[str, Any]:
    """Columns that only serve to find rows which cannot be true, where the log has them."""
    import ibis

    parts = [(raw[name], _number(raw[name], settings.decimal)) for name in settings.handle_s]
    found = {
        "unread_handle": ibis.or_(*(_unread(*part) for part in parts)),
        "negative_handle": ibis.or_(*((number < 0).fill_null(False) for _, number in parts)),
    }
    if skipped is not None:
        found["skipped"] = skipped
    if settings.wait_s is not None:
        wait = raw[settings.wait_s]
        found["unread_wait"] = _unread(wait, _number(wait, settings.decimal))
    if settings.end is not None:
        found["end"] = _second(raw, settings.end, settings.time_zone, source)[0]
    return found


def _reason(rows: ir.Table, queues: Mapping[str, Queue], zone: str) -> ir.StringValue:
    """Say why a row cannot be true; missing where it can."""
    import ibis

    cases = [(rows.second.isnull() | (rows.second < FIRST_TIME.timestamp()), "no time of arrival")]
    if "skipped" in rows.columns:
        cases.append((rows.skipped, "a time that the clock skipped: a time-zone slip"))
    cases.append((rows.queue.isnull(), "no queue"))
    if queues:
        cases.append((~rows.queue.isin(list(queues)), "unknown queue"))
    answered = rows.outcome == "answered"
    cases += [
        (rows.outcome.isnull(), "unknown outcome"),
        (answered & rows.unread_handle, f"a handle time that is no number{_DECIMAL}"),
        (answered & rows.negative_handle, "negative handle time"),
    ]
    if "wait_s" in rows.columns:
        cases += [
            (rows.unread_wait, f"a wait that is no number{_DECIMAL}"),
            (rows.wait_s < 0, "negative wait"),
        ]
    if "end" in rows.columns:
        cases += _end_cases(rows)
    return ibis.cases(*cases, *_closed_cases(rows, queues, zone))


def _end_cases(rows: ir.Table) -> list[tuple[Any, str]]:
    """Compare the end of a call with its arrival, wait and handle time."""
    import ibis

    wait = rows.wait_s.fill_null(0.0) if "wait_s" in rows.columns else ibis.literal(0.0)
    gap = rows.end - rows.second - wait - rows.handle_s.fill_null(0.0)
    hours = (gap / HOUR_S).round()
    slipped = (hours != 0) & ((gap - hours * HOUR_S).abs() <= SLIP_S)
    return [
        (slipped, "its times differ by whole hours: a time-zone slip"),
        (rows.end < rows.second, "ends before it starts"),
    ]


def _closed_cases(rows: ir.Table, queues: Mapping[str, Queue], zone: str) -> list[tuple[Any, str]]:
    """Find calls of hours in which nobody could have taken them: another slip, or a wrong queue."""
    clock, cases = _local(rows.second, zone) % DAY_S, []
    for name, queue in queues.items():
        opens, closes = queue.opens.total_seconds(), queue.closes.total_seconds()
        if opens > 0 or closes < DAY_S:
            closed = (rows.queue == name) & ((clock < opens) | (clock >= closes))
            cases.append((closed, "arrived while its queue is closed"))
    return cases


def _second(raw: ir.Table, name: str, zone: str | None, source: str) -> tuple[Any, Any]:
    """Second of an instant since 1970 in UTC, and whether its clock skipped it (None: it never does)."""
    import ibis

    column, kind = raw[name], raw[name].type()
    if kind.is_string():
        offset = _has_offset(column)
        instant = _epoch(_tried(column, "timestamp('UTC')"))
        if zone is None:
            return ibis.ifelse(offset, instant, ibis.null("float64")), None
        local = _epoch(_tried(column, "timestamp"))
        skipped = _skipped(local, zone)
        return ibis.ifelse(offset, instant, _utc(local, zone)), None if skipped is None else ~offset & skipped
    if not kind.is_timestamp():
        raise PlanningError(
            f"{source}: column {name!r} is of type {kind}, must be a time or a text such as "
            "2026-11-23T09:15:00+03:00: convert it in a view"
        )
    if kind.timezone is not None:
        return _epoch(column), None
    if zone is None:
        raise PlanningError(
            f"{source}: column {name!r} has times without an offset: name their clock as records.time_zone "
            "in the centre's file, such as 'Europe/London'"
        )
    local = _epoch(column)
    return _utc(local, zone), _skipped(local, zone)


def _epoch(instant: Any) -> Any:
    """Whole seconds since 1970: engines differ in what they keep of the rest."""
    return instant.epoch_seconds().cast("float64").floor()


def _has_offset(text: Any) -> Any:
    return text.re_search(r":.*[Z+-]")


def _tried(column: Any, kind: str) -> Any:
    """Turn text into a type; what cannot be is missing where the engine knows how to try."""
    import ibis

    try:
        ibis.to_sql(column.try_cast(kind).name("tried").as_table())
    except ibis.common.exceptions.IbisError:
        return column.cast(kind)
    return column.try_cast(kind)


def _number(column: Any, decimal: str) -> Any:
    import ibis

    if not column.type().is_string():
        return column.cast("float64")
    if decimal == ",":  # there a point parts thousands: 1.200 is not 1.2
        column = ibis.ifelse(column.contains("."), None, column.replace(",", "."))
    return _tried(column, "float64")


def _unread(column: Any, number: Any) -> Any:
    """Whether a cell holds something that is no finite number; an empty one is missing."""
    odd = (number.isnan() | number.isinf()).fill_null(False)
    return odd | (number.isnull() & (column.strip() != "")) if column.type().is_string() else odd


def _renamed(queue: Any, names: Mapping[str, str]) -> Any:
    import ibis

    return ibis.cases(*((queue == old, new) for old, new in names.items()), else_=queue) if names else queue


def _floor(second: Any, interval_s: int) -> Any:
    return (second / interval_s).floor().cast("int64") * interval_s


# ----------------------------------------------------------------------------------------------------- clocks
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


def _stepped(second: Any, steps: list[tuple[int, int]]) -> Any:
    """Value of the last step that a second has reached."""
    import ibis

    later = [(second >= at, value) for at, value in reversed(steps[1:])]
    return ibis.cases(*later, else_=steps[0][1]) if later else ibis.literal(steps[0][1])


def _local(second: Any, zone: str) -> Any:
    """Local clock of an instant, as seconds since 1970 on that clock."""
    return second + _stepped(second, [(at, after) for at, _, after in _changes(zone)])


def _utc(local: Any, zone: str) -> Any:
    """Instant of a local clock; of an hour that the clock shows twice, the first."""
    return local - _stepped(local, [(at + max(before, after), after) for at, before, after in _changes(zone)])


def _skipped(local: Any, zone: str) -> Any:
    """Whether the clock never showed this time; None for a clock that only ever went back."""
    import ibis

    gaps = [
        (local >= at + before) & (local < at + after)
        for at, before, after in _changes(zone)
        if after > before
    ]
    return ibis.or_(*gaps) if gaps else None


# ---------------------------------------------------------------------------------------------------- sources
def _open(source: str, table: str) -> ir.Table:
    import ibis

    if "://" in source:
        engine = ibis.connect(source)
        return _table(engine, table, engine.list_tables(), _safe(source))
    paths = _paths(source)
    suffix = Path(paths[0]).suffix.lower()
    if suffix in _DATABASES:
        engine = _duckdb(source, read_only=True)
        rows = engine.raw_sql("SELECT table_name FROM information_schema.tables").fetchall()
        return _table(engine, table, [name for (name,) in rows], source)
    if suffix not in (".csv", ".parquet"):
        raise PlanningError(
            f"{source} ends in {suffix!r}, must end in .csv, .parquet or .duckdb: save it as such"
        )
    engine = _duckdb()
    if suffix == ".parquet":
        return _microseconds(engine.read_parquet(paths))
    # As text: what cannot be read as a time or a number is a row to refuse, not a file.
    return engine.read_csv(paths, all_varchar=True, header=True, union_by_name=False)


def _microseconds(rows: ir.Table) -> ir.Table:
    """Turn instants of nanoseconds, as pandas writes them, into a type that ibis knows."""
    names = [name for name, kind in rows.schema().items() if "TIMESTAMPTZ_NS" in str(kind)]
    return rows.mutate(**{name: rows[name].cast("timestamp('UTC')") for name in names})


def _paths(source: str) -> list[str]:
    """Files of a path or a pattern."""
    whole = Path(source)
    files = [whole] if whole.is_file() else Path(whole.anchor).glob(str(whole.relative_to(whole.anchor)))
    paths = sorted(str(path) for path in files if path.is_file())
    if not paths:
        raise PlanningError(f"{source} does not exist: give a file, a pattern of files or a database's URL")
    return paths


def _duckdb(*where: str, **settings: Any) -> Any:
    """Open the embedded engine: little memory, the rest on disk, and every clock in UTC."""
    import duckdb
    import ibis

    engine = ibis.duckdb.connect(
        *where,
        memory_limit=MEMORY,
        temp_directory=tempfile.gettempdir(),
        preserve_insertion_order=False,
        **settings,
    )
    engine.raw_sql("SET enable_progress_bar = false")
    # Without its extension for time zones the engine knows UTC only, and refuses to be told so.
    with contextlib.suppress(duckdb.Error):
        engine.raw_sql("SET TimeZone = 'UTC'")
    return engine


def _table(engine: Any, name: str, names: list[str], source: str) -> ir.Table:
    if name not in names:
        engine.disconnect()
        raise PlanningError(f"{source} has no table {name!r}{_near(name, names)}")
    found: ir.Table = engine.table(name)
    return found


def _near(name: str, names: Any) -> str:
    """Say what may have been meant."""
    close = difflib.get_close_matches(name, names, n=1)
    return f": did you mean {close[0]!r}?" if close else f": there are {', '.join(names) or 'none'}"


def _plain_records(raw: ir.Table) -> CallRecords:
    """Read a log as `planning.tables.CALLS` names its columns."""
    return CallRecords.of({name: name for name in _OPTIONAL if name in raw.columns})


def _check_columns(raw: ir.Table, settings: CallRecords, source: str) -> None:
    asked = {name: getattr(settings, name) for name in ("queue", "arrival", "outcome", *_OPTIONAL)}
    asked |= {f"handle_s.{place}": name for place, name in enumerate(settings.handle_s)}
    for setting, column in asked.items():
        if column is not None and column not in raw.columns:
            raise PlanningError(
                f"{source} has no column {column!r}, which records.{setting} names"
                f"{_near(column, list(raw.columns))}"
            )


def _safe(source: str) -> str:
    """Leave user and password out of a database's URL."""
    return re.sub(r"://[^/@]*@", "://", source).partition("?")[0]


class _Engine:
    """Turn whatever an engine says, each with errors of its own, into one line."""

    def __init__(self, source: str) -> None:
        self.source = source

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, PlanningError) or not isinstance(error, Exception):
            return
        reason = _safe(" ".join(str(error).split())[:300])
        raise PlanningError(
            f"{self.source} could not be read ({reason}): nothing was taken from it, check it and try again"
        ) from None


def _run(expression: ir.Table, source: str) -> pd.DataFrame:
    """Let the engine compute a table; either all of it comes back or an error."""
    with _Engine(source):
        return pd.DataFrame(expression.to_pyarrow().to_pandas())


# ----------------------------------------------------------------------------------------------------- zeros
def _with_zeros(counts: pd.DataFrame, interval_s: int, queues: Mapping[str, Queue]) -> pd.DataFrame:
    """Add the intervals in which a queue was open and nobody called.

    Only on days with any record at all, from the queue's own first on: of other days nothing is known.
    """
    times = pd.DatetimeIndex(counts["interval_start"])
    step = pd.Timedelta(seconds=interval_s)
    days = on_clock(times.tz_localize(None).normalize().unique().sort_values(), times.tz)
    grid = pd.DatetimeIndex([], tz=times.tz).append([axis(day, 1, interval_s) for day in days])
    grid = grid[(grid >= times.min()) & (grid <= times.max())]
    clock = time_of_day(grid)
    parts = []
    for name, rows in counts.groupby("queue", sort=False):
        queue = queues.get(str(name))
        open_ = grid if queue is None else grid[(clock + step > queue.opens) & (clock < queue.closes)]
        first = rows["interval_start"].min().tz_localize(None).normalize()
        open_ = open_[open_.tz_localize(None) >= first]
        known = rows.set_index("interval_start")[["calls", "aht_s"]]
        filled = known.reindex(open_.as_unit("us"), fill_value=0.0)
        parts.append(filled.rename_axis("interval_start").reset_index().assign(queue=name))
    order = {name: place for place, name in enumerate(queues)}
    parts.sort(key=lambda part: (order.get(part["queue"].iloc[0], len(order)), part["queue"].iloc[0]))
    return pd.concat(parts, ignore_index=True)
