"""The operator's call records: read where they lie, impossible rows refused, counted into intervals.

Everything is one ibis expression, so that the same counting runs in DuckDB on files and in the operator's own
PostgreSQL, Trino or Spark; only the counts come back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, pairwise
from math import gcd
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import pandas as pd

from planning.calendars import axis, day_start, local_day, on_clock, time_of_day
from planning.centre import Centre, Queue
from planning.centre.describe import toml_text
from planning.centre.records import CallRecords
from planning.centre.settings import Hours
from planning.checks import one_of
from planning.demand.engine import NO_ENGINE, embedded, mark, run, safe, secrets_of, told_in_one_line
from planning.demand.facts import (
    LINE,
    REMEDIES,
    UNKNOWN_QUEUE,
    asked_for,
    columns_of,
    facts_of,
    missing_columns,
    near,
    spelt,
)
from planning.demand.fields import DAY_S, HOUR_S
from planning.demand.files import (
    BOOKS,
    TEXTS,
    Format,
    broken_rows,
    inferred,
    lines_of,
    open_texts,
    paths_of,
    sheets_of,
    suffix_of,
    with_quotes_mended,
    without_copies,
)
from planning.demand.guesses import GUESSED, Asked, settings_of
from planning.demand.layouts import Layout, layout_named
from planning.errors import PlanningError
from planning.tables import DEMAND

if TYPE_CHECKING:
    import ibis.expr.types as ir

QUARTER_S = 900
"""Calls are counted by so many seconds at least, and added up for longer intervals."""
LEAST_INTERVAL_S = 300
"""Shortest interval of a table of them; all lengths in use are a multiple."""
MANY_DAYS = 7
"""From so many intervals on, their all beginning at one time of day is no coincidence."""
FEW_CALLS = 20
"""Of fewer calls nothing is concluded from their times."""
USUAL_S = 10, 7200
"""Beyond these mean handle times, seconds, a duration was probably written in another unit."""
REJECTED_ROWS = 10_000
"""Most refused rows that are shown; all are counted."""
_OTHER = re.compile(
    "intern(al|[aeo])?|(out(bound|going)|исход|внутр|sortant|salient|ausgeh|wychodz|wewn|шығыс).*", re.I
)
"""Words for calls that the centre's own people make."""
SEVERAL_SHARE, MANY_CALLS = 0.05, 100_000
"""Where this share of so many calls repeats the number of another, their rows are legs."""
_READING = "how [records] in the centre's file reads them"
REPEATED = "the record came before: same call and instant"
BROKEN = "cells too many or too few, or a quote gone wrong"
STRAY = "dated far from all the others"
STRAY_DAYS, STRAY_SHARE = 366, 0.001
"""A record is a stray where at most this share lies beyond a gap of so many days."""
_SAME = ["queue", "call_id", "at"]
"""What two records of one call have in common; a leg in another queue is a call of its own."""
_BY = ["queue", "start"]
FEW_NAMES = 5
"""Names of unknown queues that are shown."""
_SUMMED = ["rows", "calls", "work", "answered", "unread", "taken", "timed", "offset", "on_hour"]
_DATABASES = {".duckdb", ".ddb", ".db"}


def read_calls(
    source: str | Path,
    *,
    table: str = "calls",
    centre: Centre | None = None,
    layout: str | None = None,
    time_zone: str | None = None,
) -> CallLog:
    """Open a log of call records; files of text are read once, other sources with each answer.

    Parameters
    ----------
    source : str or Path
        A CSV, packed or not ("calls.csv.gz"), XLSX or Parquet file, a folder or a pattern of them
        ("calls/2026-*.parquet"), a DuckDB file, or the URL of a database ("postgres://host/name").
    table : str
        Table or view of a database; files have none.
    centre : Centre, optional
        Its `records` say how the log is written, its queues which names and hours are possible, and its time
        zone which clock the intervals and the times without an offset follow. Without a centre the columns
        are those of `planning.tables.CALLS`, and any queue is known and open day and night.
    layout : str, optional
        Name of a phone system's layout (`planning.demand.layouts`). By default it is recognised by its header
        if the columns that `records` names are missing.
    time_zone : str, optional
        IANA time zone without a centre. By default times are shown in UTC, and must have an offset.

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
    name = safe(str(source))
    with told_in_one_line(name, secrets_of(str(source))):
        asked = Asked(centre.records if centre else None, layout, centre.time_zone if centre else time_zone)
        log = _log(_open(str(source), table, asked), asked.zone, centre.queues if centre else {}, name)
        try:
            log.check()
        except PlanningError:
            log.close()
            raise
    return log


def call_log(raw: ir.Table, centre: Centre | None = None, source: str = "calls") -> CallLog:
    """Make a log of any ibis table: a query of one's own, or a table that is only compiled for."""
    records, zone, queues = (centre.records, centre.time_zone, centre.queues) if centre else (None, None, {})
    part = _of_table(raw, Asked(records, None, zone), source)
    return _log([part], zone, queues, source)


@dataclass(frozen=True)
class _Part:
    """Rows that are written in one way: a table, or files with the same header."""

    raw: ir.Table
    settings: CallRecords
    layout: Layout | None
    format: Format | None = None
    notes: tuple[str, ...] = ()
    """What was left out of them."""

    @property
    def file(self) -> str:
        """File of text that is read, empty for a table."""
        return self.format.path if self.format else ""

    def mended(self, engine: Any) -> _Part:
        """The same rows where a quote that was never closed does not make one of many."""
        assert self.format is not None
        raw, how = with_quotes_mended(engine, self.format)
        return replace(self, raw=raw, format=how)

    @property
    def told(self) -> dict[str, Any]:
        """How they were read where no setting says so."""
        found: dict[str, Any] = {}
        if self.layout is not None:
            guess = self.layout.records.model_dump(exclude_unset=True)
            found = guess if self.layout.is_guess else {"layout": self.layout.name}
        inferred = {name: getattr(self.settings, name) for name in ("date_order", "decimal")}
        return found | (self.format.told if self.format else {}) | {n: v for n, v in inferred.items() if v}

    def left_out(self, source: str) -> list[str]:
        """Say how many rows `where` leaves out, if any."""
        if not self.settings.where:
            return []
        asked = asked_for(self.raw, self.settings).cast("int64")
        rows, kept = run(self.raw.aggregate(rows=self.raw.count(), kept=asked.sum()), source).iloc[0]
        names = ", ".join(self.settings.where)
        told = f"{rows - kept:,.0f} of {rows:,.0f} rows are left out by where in [records], for their {names}"
        return [told] if kept < rows else []

    def other_calls(self) -> list[str]:
        """Say which columns tell that some calls were not made to the centre, if no setting reads them."""
        if self.format is None:
            return []
        named, read = self.format.columns, columns_of(self.settings).values()
        cells = chain.from_iterable(zip(named, row, strict=False) for row in self.format.sample)
        found = {name: cell for name, cell in cells if name not in read and _OTHER.fullmatch(cell.strip())}
        return [
            f"column {name!r} has {cell!r}: leave out with where what is no call to the centre"
            for name, cell in found.items()
        ]

    def may_mix_offsets(self) -> bool:
        """Whether arrivals are texts, each of which may or may not have an offset."""
        read = columns_of(self.settings).items()
        return any(
            self.raw[name].type().is_string() for setting, name in read if setting.startswith("arrival")
        )


def _log(parts: list[_Part], zone: str | None, queues: Mapping[str, Queue], source: str) -> CallLog:
    shown = zone or "UTC"
    facts = [facts_of(part.raw, part.settings, queues, shown, source) for part in parts]
    # Texts take long to understand, so that is done once; other sources answer each query where they lie.
    kind: Literal["TABLE", "VIEW"] = "TABLE" if any(part.format for part in parts) else "VIEW"
    log = CallLog(_kept(_together(facts), kind), source, shown, queues, tuple(parts))
    merged = set(log.broken.loc[log.broken["text"].str.strip().str.contains("\n"), "file"])
    if not merged:
        return log
    (engine,) = log._engines()
    return _log(
        [part.mended(engine) if part.file in merged else part for part in parts], zone, queues, source
    )


def _kept(rows: ir.Table, kind: Literal["TABLE", "VIEW"]) -> ir.Table:
    """Keep an expression as a table or view of the embedded engine: it is compiled once and not per query."""
    import ibis

    engine = next(iter(rows._find_backends()[0]), None)
    if engine is None or engine.name != "duckdb":
        return rows
    name = ibis.util.gen_name("planning")
    fused, ibis.options.sql.fuse_selects = ibis.options.sql.fuse_selects, False
    try:  # steps that are fused are written as often as they are used, which takes long to compile and to run
        engine.raw_sql(f"CREATE TEMP {kind} {name} AS {engine.compile(rows)}")
    finally:
        ibis.options.sql.fuse_selects = fused
    kept: ir.Table = engine.table(name)
    return kept


def _together(tables: list[ir.Table]) -> ir.Table:
    """One table of those that were written in different ways; what some lack is missing there."""
    import ibis

    if len(tables) == 1:
        return tables[0]
    kinds = {name: kind for table in tables for name, kind in table.schema().items()}
    # What is no number or flag for the package may be of any type in a file: there it is text.
    texts = {n for n in ("call_id", "agent_id", "caller_id") if len({t.schema().get(n) for t in tables}) > 1}

    def column(table: ir.Table, name: str) -> Any:
        kind = "string" if name in texts else kinds[name]
        return table[name].cast(kind) if name in table.columns else ibis.null(kind)

    return ibis.union(*(table.select(**{name: column(table, name) for name in kinds}) for table in tables))


@dataclass(frozen=True)
class CallLog:
    """Call records that have not been read yet: each answer is a query that the engine runs.

    Attributes
    ----------
    facts : ibis Table
        The records under the package's names, with `second` and `at` (second and microsecond of the arrival
        since 1970, UTC), `unread` (a handle time that cannot be read) and `reason` (why the row is refused,
        missing for a good one).
    source : str
        Where they come from, without password.
    zone : str
        IANA time zone in which times are shown.
    queues : mapping
        Queues of the centre by name; empty where any name will do.
    parts : tuple
        How the rows are written: a part for the files of one form.
    """

    facts: ir.Table
    source: str
    zone: str
    queues: Mapping[str, Queue]
    parts: tuple[_Part, ...]
    _counted: dict[int, pd.DataFrame] = field(default_factory=dict, repr=False, compare=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the engine: a database counts its open connections."""
        for engine in self._engines():
            engine.disconnect()

    def _engines(self) -> Any:
        return self.facts._find_backends()[0]

    def check(self) -> None:
        """Refuse a log without rows, or whose times are partly with and partly without an offset."""
        if run(self.facts.select("queue").limit(1), self.source).empty and self.broken.empty:
            where = "; ".join(str(part.settings.where) for part in self.parts if part.settings.where)
            remedy = f" that where in [records] keeps ({where}): name values that are there" if where else ""
            raise PlanningError(f"{self.source} has no rows{remedy or ': give at least one call record'}")
        if not any(part.may_mix_offsets() for part in self.parts):
            return
        timed, offset = int(self._tally["timed"].sum()), int(self._tally["offset"].sum())
        if 0 < offset < timed:
            rows = self._numbered() if self._of_texts else self.facts
            few = run(rows.filter(rows.at_offset == (2 * offset <= timed)).limit(1), self.source)
            if self._of_texts:
                few = self._with_lines(few).query("reason != @BROKEN")
            raise PlanningError(
                f"{self.source} mixes time zones: {offset} of {timed} times have an offset, must be all or "
                f"none{_place(few.iloc[0])}; write each like 2026-11-23T09:15:00+03:00, or each without an "
                "offset and set time_zone in [records]"
            )

    @property
    def _tally(self) -> pd.DataFrame:
        """Rows by the reason why they are refused (missing for good ones)."""
        rows = self._grouped(HOUR_S).groupby("reason", dropna=False)
        edges = rows.agg({"first": "min", "last": "max"})
        return rows[_SUMMED].sum().join(edges).fillna(0).astype("int64")

    @property
    def told(self) -> dict[str, Any]:
        """How all records were read where no setting says so: the layout, and what the files show."""
        first, *others = (part.told for part in self.parts)
        return {n: value for n, value in first.items() if all(other.get(n) == value for other in others)}

    @property
    def columns(self) -> dict[str, str]:
        """Columns that are read, by the setting of `[records]` that names each."""
        return {key: name for part in self.parts for key, name in columns_of(part.settings).items()}

    def first_rows(self, rows: int = 10) -> pd.DataFrame:
        """Return some of the first records as they are read, good or not."""
        frame = run(self.facts.limit(rows), self.source)
        arrival = pd.to_datetime(frame["at"], unit="us", utc=True).dt.tz_convert(self.zone)
        names = ["queue", "outcome", "wait_s", "handle_s", "calls", "written", "reason"]
        return frame.assign(arrival=arrival)[["arrival", *(name for name in names if name in frame)]]

    def expression(self, interval_s: int = 900) -> ir.Table:
        """Count the rows by reason, the good ones by queue and interval too: one query for any engine."""
        import ibis

        rows = self._measured(interval_s)
        good = rows.reason.isnull()
        keys = {name: ibis.ifelse(good, rows[name], ibis.null(rows[name].type())) for name in _BY}
        sums = {name: rows[name].sum() for name in _SUMMED}
        return rows.group_by(reason=rows.reason, **keys).aggregate(
            **sums, first=rows.second.min(), last=rows.second.max()
        )

    def _measured(self, interval_s: int) -> ir.Table:
        """What each row adds to the counts, and the interval in which it does."""
        import ibis

        rows = self.facts

        def one(flag: Any) -> Any:
            return ibis.ifelse(flag, 1, 0)

        timed = rows.handle_s.notnull()
        known = {"calls": 1, "work": rows.handle_s, "answered": one(timed)}
        if "calls" in rows.columns:
            answered = ibis.ifelse(timed, rows.answered, 0.0)
            known = {"calls": rows.calls, "work": rows.handle_s * rows.answered, "answered": answered}
        return rows.mutate(
            start=_floor(rows.second, interval_s),
            rows=1,
            **known,
            unread=one(rows.unread),
            taken=one(rows.outcome == "answered"),
            timed=one(rows.at_offset.notnull()),
            offset=one(rows.at_offset),
            on_hour=one(rows.second % HOUR_S == 0),
        )

    def _twice(self, rows: ir.Table) -> ir.Table:
        """Good rows of which there may be several; of a call without a number nobody knows.

        They are few, so they are looked for apart: to keep all calls by their number costs memory for each.
        The embedded engine keeps eight bytes of each call instead, and on disk what its memory does not hold.
        """
        good = rows.filter(rows.reason.isnull() & rows.call_id.notnull())
        if not all(engine.name == "duckdb" for engine in self._engines()):
            return good
        marks = self.facts.group_by(mark=mark([self.facts[name] for name in _SAME]))
        found = marks.aggregate(copies=self.facts.count())
        found = found.filter(found.copies > 1)
        return good.semi_join(found, [mark([good[name] for name in _SAME]) == found.mark])

    def _repeats(self, rows: ir.Table) -> ir.Table:
        """Rows of records that came before: of each call the one worked on longest stays."""
        import ibis

        again = self._twice(rows)
        longest = again.handle_s.fill_null(-1.0).desc()
        place = ibis.row_number().over(group_by=[again[name] for name in _SAME], order_by=longest)
        again = again.mutate(place=place)
        return again.filter(again.place > 0).drop("place")

    def _grouped(self, interval_s: int) -> pd.DataFrame:
        """Count in one reading by reason, queue and interval; another looks for records that came twice."""
        step = gcd(interval_s, LEAST_INTERVAL_S if "calls" in self.facts.columns else QUARTER_S)
        if step not in self._counted:
            found = run(self.expression(step), self.source)
            found[_SUMMED] = found[_SUMMED].astype("float64").fillna(0.0)
            if self._may_repeat:
                rows = self._repeats(self._measured(step))
                sums = {name: rows[name].sum() for name in _SUMMED}
                more = run(rows.group_by(_BY).aggregate(**sums), self.source)
                more[_SUMMED] = more[_SUMMED].astype("float64").fillna(0.0)
                less = more.assign(**{name: -more[name] for name in _SUMMED})
                found = pd.concat([found, less, more.assign(reason=REPEATED)]) if len(more) else found
            self._counted[step] = found
        return self._counted[step]

    @property
    def _may_repeat(self) -> bool:
        """Whether records may come twice: legs and events with one number are one contact already."""
        apart = len(self.parts) > 1 or self.parts[0].settings.row in ("contact", "interval")
        return apart and "call_id" in self.facts.columns

    def demand(self, interval_s: int = 900, *, gaps: str = "refuse") -> pd.DataFrame:
        """Count the good calls by queue and interval, inside the engine.

        Calls count where they arrived, whatever became of them; the handle time is the mean over the answered
        ones, the queue's where none was answered. Of single calls an interval without any is 0 while the
        queue is open and absent while it is closed; a day without a single record is absent, and so are a
        queue's days before its own first record. A table of intervals may leave out those without calls, or
        those that nobody measured, so `gaps` must say which. Its intervals may be of another length, from 5
        minutes to an hour; their calls are spread evenly over it.

        Parameters
        ----------
        interval_s : int
            Length of an interval, seconds; a divisor of an hour.
        gaps : {"refuse", "zero", "unknown"}
            What is done where a table of intervals has no row, at an hour at which its queue is open and on a
            day that has rows: "zero" says that nobody called then, "unknown" that nobody knows.

        Returns
        -------
        DataFrame
            Columns of `planning.tables.DEMAND`, in the log's zone, by queue and time.

        Raises
        ------
        PlanningError
            No row is good, the engine fails, the interval does not suit the zone's clock, or a table of
            intervals has gaps that `gaps` does not explain.
        """
        if not isinstance(interval_s, int) or interval_s <= 0 or HOUR_S % interval_s:
            raise PlanningError(
                f"interval_s is {interval_s!r}, must divide an hour: use 300, 900, 1800 or 3600"
            )
        one_of("gaps", gaps, ("refuse", "zero", "unknown"))
        of_intervals = "calls" in self.facts.columns
        counts = self._counts(LEAST_INTERVAL_S if of_intervals else interval_s)
        if counts.empty:
            reason = self.reasons.index[0]
            raise PlanningError(
                f"{self.source} has no good row, the most frequent reason is {reason!r}: correct the "
                f"records, or {REMEDIES.get(reason, _READING)}"
            )
        counts = counts[~(counts["start"] // HOUR_S * HOUR_S).isin(self._stray_hours)]
        if of_intervals:
            self._check_lengths(counts)
            counts = _regridded(counts, interval_s)
        timed = self._timed(counts, interval_s)
        filled = _with_zeros(timed, interval_s, self.queues)
        if of_intervals and gaps != "zero":
            missing = len(filled) - len(timed) if self.queues else 0
            if missing > 0 and gaps == "refuse":
                raise PlanningError(
                    f"{self.source} has no row for {missing:,} of {len(filled):,} intervals in which its "
                    "queues are open, on days that have rows: give gaps as zero (nobody called) or unknown"
                )
            filled = timed
        rank = {name: place for place, name in enumerate(self.queues)}
        place = filled["queue"].map(rank).fillna(len(rank))
        ordered = filled.assign(place=place).sort_values(
            ["place", "queue", "interval_start"], ignore_index=True
        )
        return ordered[list(DEMAND.columns)]

    def _check_lengths(self, counts: pd.DataFrame) -> None:
        """Refuse a table of days: nobody knows when on a day its calls came."""
        starts = pd.to_datetime(counts["start"].unique(), unit="s", utc=True).tz_convert(self.zone)
        clocks = time_of_day(starts).unique()
        if len(starts) >= MANY_DAYS and len(clocks) == 1:
            raise PlanningError(
                f"{self.source} has all its calls at {starts[0]:%H:%M}, must have intervals of at most an "
                "hour: export it by hour, or name the column of the hour in records.arrival"
            )

    def _counts(self, interval_s: int = HOUR_S) -> pd.DataFrame:
        """Count the good calls by queue and interval, strays among them."""
        rows = self._grouped(interval_s)
        rows = rows[rows["reason"].isna()]
        start = rows["start"].astype("int64") // interval_s * interval_s
        sums = rows.assign(start=start).groupby(_BY, as_index=False)
        return sums[["rows", "calls", "work", "answered"]].sum()

    @cached_property
    def _stray_hours(self) -> list[int]:
        return sorted(_strays(self._counts()))

    def calls(self, start: str | None = None, end: str | None = None) -> pd.DataFrame:
        """Return the good records from one local day up to another, for what single calls tell.

        Returns
        -------
        DataFrame
            Columns of `planning.tables.CALLS` as far as the log has them, and caller_id if it has one.

        Raises
        ------
        PlanningError
            `start` or `end` is no date such as 2026-11-23, or the log is a table of intervals.
        """
        rows = self._good()
        if "calls" in rows.columns:
            raise PlanningError(f"{self.source} is a table of intervals: single calls need a record a call")
        for edge, later in ((start, True), (end, False)):
            if edge is not None:
                second = int(day_start(edge, self.zone).timestamp())
                rows = rows.filter(rows.second >= second if later else rows.second < second)
        names = ["call_id", "queue", "arrival", "wait_s", "handle_s", "outcome", "agent_id", "caller_id"]
        frame = run(rows.select(["at", *(name for name in names if name in rows.columns)]), self.source)
        frame["arrival"] = pd.to_datetime(frame["at"], unit="us", utc=True).dt.tz_convert(self.zone)
        if "call_id" in frame:
            longest = frame.sort_values("handle_s", ascending=False, kind="stable")
            again = longest.duplicated(["queue", "call_id", "arrival"]) & longest["call_id"].notna()
            frame = frame[~again.reindex(frame.index)]
        columns = [name for name in names if name in frame]
        return frame[columns].sort_values("arrival", kind="stable", ignore_index=True)

    @cached_property
    def reasons(self) -> pd.Series:
        """Number of refused rows by reason, the most frequent first."""
        table = self._tally["rows"][self._tally.index.notna()].copy()
        counts = self._counts()
        strays = counts[counts["start"].isin(self._stray_hours)]
        if len(strays):
            table[STRAY] = int(strays["rows"].sum())
        if len(self.broken):
            table[BROKEN] = len(self.broken)
        return table.sort_values(ascending=False, kind="stable").rename("rows")

    @cached_property
    def broken(self) -> pd.DataFrame:
        """Rows of files of text whose cells do not fit the header: file, byte and text."""
        if not self._of_texts:
            return pd.DataFrame(columns=["file", "byte", "text"])
        (engine,) = self._engines()  # which read them all when the log was opened
        return broken_rows(engine, [part.file for part in self.parts])

    @property
    def _of_texts(self) -> bool:
        return any(part.format for part in self.parts)

    @cached_property
    def unread(self) -> int:
        """Number of answered calls that count without their handle time, which cannot be read."""
        return int(self._tally["unread"][self._tally.index.isna()].sum())

    @property
    def unread_share(self) -> float:
        """Share of the answered calls whose handle time cannot be read."""
        good = self._tally[self._tally.index.isna()]
        return self.unread / max(int(good["taken"].sum()), 1)

    def refusals(self) -> list[str]:
        """Say of each reason how many rows it refused, where the first is, what it has, and what helps."""
        told = []
        firsts = self.rejected.groupby("reason").head(1).set_index("reason")
        for reason, rows in self.reasons.items():
            first = firsts.loc[reason] if reason in firsts.index else pd.Series(dtype="object")
            remedy = f"; {REMEDIES[str(reason)]}" if reason in REMEDIES else ""
            if reason == UNKNOWN_QUEUE:
                remedy += self._unknown_queues()
            told.append(f"{rows:,} rows refused: {reason}{_place(first)}{remedy}")
        return told

    def _unknown_queues(self) -> str:
        """Show how [records] would name the queues that the centre does not have."""
        rows = self.rejected[self.rejected["reason"] == UNKNOWN_QUEUE]
        names = dict.fromkeys(rows["queue"].unique()[:FEW_NAMES], "...")
        return f", as queues = {toml_text(names)}; the centre has {', '.join(self.queues)}"

    @cached_property
    def doubts(self) -> list[str]:
        """What is odd: what is left out, handle times that nobody knows, times that lack their hour."""
        lacking = {
            column
            for part in self.parts
            if part.layout is not None
            for setting, column in missing_columns(list(part.raw.columns), part.layout.records).items()
            if setting.startswith("handle_s")
        }
        told = [
            note
            for part in self.parts
            for note in [*part.notes, *part.left_out(self.source), *part.other_calls()]
        ]
        if any(part.layout is not None and part.layout.is_guess for part in self.parts):
            told.insert(0, GUESSED)
        told += self._several()
        told += [f"there is no column {name!r}: the handle time lacks it" for name in sorted(lacking)]
        sums = self._counts().groupby("queue")[["work", "answered"]].sum()
        told += [
            f"no call of queue {queue!r} has a handle time, so that its demand says 0 s: set handle_s or "
            "aht_s in [records], or aht_s of the queue"
            for queue in sums.index[sums["answered"] == 0]
        ]
        told += [
            f"the mean handle time of queue {queue!r} is {mean:,.1f} s: set unit in [records] if it is wrong"
            for queue, mean in (sums["work"] / sums["answered"]).items()
            if not USUAL_S[0] <= mean <= USUAL_S[1] and mean > 0
        ]
        good = self._tally[self._tally.index.isna()]
        if "calls" in self.facts.columns or good["rows"].sum() < FEW_CALLS:
            return told
        if good["first"].eq(good["last"]).all():
            return [*told, "all calls arrive at one instant: is records.arrival the time of the export?"]
        if (good["on_hour"] < good["rows"]).any():
            return told
        hours = pd.to_datetime(self._counts()["start"], unit="s", utc=True).dt.tz_convert(self.zone)
        if hours.dt.hour.eq(0).all():
            when = "at 00:00: is the time in a column of its own? Name both in records.arrival"
        else:
            when = "on the full hour: are the times cut, or is it a table of intervals?"
        return [*told, f"all calls arrive {when}"]

    def _several(self) -> list[str]:
        """Say if rows that count as calls are probably legs of them."""
        if "call_id" not in self.facts.columns or any(part.settings.row != "contact" for part in self.parts):
            return []
        calls = self._good().filter(self.facts.call_id.notnull()).select("queue", "call_id").limit(MANY_CALLS)
        share = run(calls, self.source).duplicated().mean()
        told = (
            f'{share:.0%} of the calls have the number of another one in their queue: legs? Set row = "leg"'
        )
        return [f"{told} in [records]"] if share > SEVERAL_SHARE else []

    @cached_property
    def kept(self) -> int:
        """Number of rows that count."""
        good = int(self._tally["rows"][self._tally.index.isna()].sum())
        return good - int(self.reasons.get(STRAY, 0))

    @cached_property
    def rejected(self) -> pd.DataFrame:
        """Refused rows under the package's names with their `reason`, the first 10,000 of them.

        Rows of files of text have their `line` as the file counts it, the first line being 1.
        """
        rows = self.facts
        if self._of_texts:
            rows = self._numbered()
        frame = run(rows.filter(rows.reason.notnull()).limit(REJECTED_ROWS), self.source)
        if REPEATED in self.reasons.index:
            again = run(self._repeats(rows).limit(REJECTED_ROWS), self.source).assign(reason=REPEATED)
            frame = pd.concat([frame, again]) if len(frame) else again
        if STRAY in self.reasons.index:
            stray = _floor(rows.second, HOUR_S).isin(self._stray_hours)
            good = rows.filter(rows.reason.isnull() & stray)
            frame = pd.concat([frame, run(good.limit(REJECTED_ROWS), self.source).assign(reason=STRAY)])
        if self._of_texts:
            frame = self._with_lines(frame)
        return frame.drop(columns=["at_offset", "file"], errors="ignore").reset_index(drop=True)

    def _numbered(self) -> ir.Table:
        """The records with each row's place in its file, which the engine keeps only if it is asked to."""
        import ibis

        for engine in self._engines():
            engine.raw_sql("SET preserve_insertion_order = true")
        tables = []
        for place, part in enumerate(self.parts):
            raw = part.raw.mutate(**{LINE: ibis.row_number()})
            facts = facts_of(raw, part.settings, self.queues, self.zone, self.source)
            tables.append(facts.mutate(file=ibis.literal(place)))
        return _kept(_together(tables), "VIEW")

    def _with_lines(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Turn a row's place into its line, and add the rows that did not fit the header."""
        tables = []
        for place, part in enumerate(self.parts):
            if part.format is None:
                continue
            broken = self.broken[self.broken["file"] == part.file]
            own = frame[frame["file"] == place]
            lines, refused = lines_of(part.format, own["line"].dropna().astype(int), broken["byte"])
            tables.append(own.assign(line=own["line"].map(lines)))
            tables.append(pd.DataFrame({"line": refused, "written": broken["text"], "reason": BROKEN}))
        return pd.concat([table for table in tables if len(table)] or [frame]).sort_values(
            "line", kind="stable"
        )

    def _good(self) -> ir.Table:
        return self.facts.filter(self.facts.reason.isnull())

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


def _place(row: pd.Series) -> str:
    """Say where the first of some rows is, and what it has."""
    line = f", first in line {row['line']:.0f}" if "line" in row else ""
    return f"{line}: {row['written'][:80]!r}" if isinstance(row.get("written"), str) else line


def _floor(second: Any, interval_s: int) -> Any:
    return (second / interval_s).floor().cast("int64") * interval_s


def _strays(counts: pd.DataFrame) -> set[int]:
    """Starts of intervals that hardly any record shares a year with: a clock gone wrong, not a call."""
    by_start = counts.groupby("start")["calls"].sum().sort_index()
    starts = by_start.index.to_numpy(dtype="int64")
    gaps = [int(at) + 1 for at in (starts[1:] - starts[:-1] > STRAY_DAYS * DAY_S).nonzero()[0]]
    edges, total = [0, *gaps, len(starts)], max(float(by_start.sum()), 1.0)
    found: set[int] = set()
    for low, high in pairwise(edges):
        few = float(by_start.iloc[low:high].sum()) / total <= STRAY_SHARE
        if len(edges) > 2 and (few or high - low < 3 <= len(starts) - (high - low)):
            found |= {int(start) for start in starts[low:high]}
    return found


# ---------------------------------------------------------------------------------------------------- sources
def _open(source: str, table: str, asked: Asked) -> list[_Part]:
    import ibis

    if "://" in source:
        engine = ibis.connect(source)
        return [_of_table(_table(engine, table, engine.list_tables(), safe(source)), asked, source)]
    paths, notes = without_copies(paths_of(source))
    suffix = suffix_of(Path(paths[0]))
    if suffix in _DATABASES:
        with Path(paths[0]).open("rb") as file:
            if file.read(6) == b"SQLite":
                raise PlanningError(NO_ENGINE.format(source))
        engine = embedded(source, read_only=True)
        # A view of somebody else's file could read any file of this machine.
        engine.raw_sql("SET enable_external_access = false")
        rows = engine.raw_sql("SELECT table_name FROM information_schema.tables").fetchall()
        return [_of_table(_table(engine, table, [name for (name,) in rows], source), asked, source)]
    engine = embedded()
    if suffix == ".parquet":
        rows = _plain_types(engine.read_parquet(paths), paths[0])
        return [replace(_of_table(rows, asked, source), notes=notes)]
    if suffix not in TEXTS and Path(paths[0]).suffix.lower() not in BOOKS:
        raise PlanningError(
            f"{source} ends in {suffix!r}, must end in .csv, .txt, .csv.gz, .xlsx, .parquet or .duckdb: "
            "save it in one of these formats"
        )
    parts = [part for path in paths for part in _of_text(engine, Path(path), asked)]
    return [replace(parts[0], notes=(*notes, *parts[0].notes)), *parts[1:]]


def _of_table(raw: ir.Table, asked: Asked, source: str) -> _Part:
    return _part(raw, *settings_of(list(raw.columns), asked, safe(source), raw))


def _part(raw: ir.Table, settings: CallRecords, *more: Any) -> _Part:
    names = dict(zip(spelt(raw.columns, settings), raw.columns, strict=True))
    return _Part(raw.rename(names), settings, *more)


def _of_text(engine: Any, path: Path, asked: Asked) -> Iterator[_Part]:
    """Open a file of text, or the sheets of a workbook: its form first, then its columns."""
    form = asked.records or CallRecords()
    if named := asked.layout or form.layout:
        form = layout_named(named).records
    sheets, further = sheets_of(path, form)
    for sheet in sheets:
        raw, how = open_texts(engine, path, form, sheet)
        settings, found = settings_of(list(how.columns), asked, str(path), raw)
        if found is not None and found.records.columns and how.columns != tuple(found.records.columns):
            raw, how = open_texts(engine, path, found.records, sheet)
        how = replace(how, columns=tuple(spelt(how.columns, settings)))
        yield _part(raw, inferred(how, settings), found, how, further)


def _plain_types(rows: ir.Table, path: str) -> ir.Table:
    """Turn nanoseconds, as pandas writes them, into types that ibis knows, and durations into seconds."""
    import pyarrow.parquet as pq
    import pyarrow.types as pt

    schema = rows.schema()
    names = [name for name, kind in schema.items() if "TIMESTAMPTZ_NS" in str(kind)]
    rows = rows.mutate(**{name: rows[name].cast("timestamp('UTC')") for name in names})
    scale = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
    # The engine reads a duration as a plain number: only the file's own schema says of what.
    spans = {
        column.name: scale[column.type.unit] for column in pq.read_schema(path) if pt.is_duration(column.type)
    }
    return rows.mutate(
        **{name: rows[name].cast("float64") / per for name, per in spans.items() if name in schema}
    )


def _table(engine: Any, name: str, names: list[str], source: str) -> ir.Table:
    if name not in names:
        engine.disconnect()
        raise PlanningError(f"{source} has no table {name!r}{near(name, names)}")
    found: ir.Table = engine.table(name)
    return found


# -------------------------------------------------------------------------------------------------- intervals
def _regridded(counts: pd.DataFrame, interval_s: int) -> pd.DataFrame:
    """Spread the calls of a table's intervals evenly over their length, and add them up by `interval_s`."""
    steps = counts.sort_values("start").groupby("queue")["start"].diff()
    least = steps.groupby(counts["queue"]).agg(["min", "count"])
    # Of a queue with few rows, the others know better how long an interval is.
    lengths = least["min"].where(least["count"] >= FEW_CALLS, least["min"].min())
    pieces = []
    for queue, own in counts.groupby("queue", sort=False):
        length = min(int(lengths.fillna(interval_s)[queue]), HOUR_S)
        step = gcd(length, interval_s)
        part = own.assign(**{name: own[name] * (step / length) for name in ("calls", "work", "answered")})
        pieces += [part.assign(start=own["start"] + ahead) for ahead in range(0, length, step)]
    whole = pd.concat(pieces)
    whole["start"] = whole["start"] // interval_s * interval_s
    return whole.groupby(["queue", "start"], as_index=False, sort=False)[["calls", "work", "answered"]].sum()


def _with_zeros(counts: pd.DataFrame, interval_s: int, queues: Mapping[str, Queue]) -> pd.DataFrame:
    """Add the intervals in which a queue was open and nobody called.

    Only on days with any record at all, from the queue's own first on: of other days nothing is known.
    """
    times = pd.DatetimeIndex(counts["interval_start"])
    step = pd.Timedelta(seconds=interval_s)
    days = local_day(times).unique()
    days = on_clock(days.union(days + pd.Timedelta(days=1)), times.tz)  # hours may end after midnight
    grid = pd.DatetimeIndex([], tz=times.tz).append([axis(day, 1, interval_s) for day in days])
    grid = grid[(grid >= times.min()) & (grid <= times.max())]
    hours: dict[Any, Hours] = {name: queues.get(str(name), Hours()) for name in counts["queue"].unique()}
    served = {name: own.day_of(times[counts["queue"] == name]) for name, own in hours.items()}
    seen = {day for days in served.values() for day in days.unique()}
    parts = []
    for name, rows in counts.groupby("queue", sort=False):
        own, day = hours[name], hours[name].day_of(grid)
        # An interval that is open for a part of its length counts.
        open_ = own.open_at(grid) | own.open_at(grid + step - pd.Timedelta(microseconds=1))
        open_ = grid[open_ & day.isin(seen) & (day >= served[name].min())]
        known = rows.set_index("interval_start")[["calls", "aht_s"]]
        filled = known.reindex(open_.as_unit("us"), fill_value=0.0)
        parts.append(filled.rename_axis("interval_start").reset_index().assign(queue=name))
    return pd.concat(parts, ignore_index=True)
