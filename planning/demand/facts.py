"""From the columns of any call records to the package's own: a row a contact, and why it cannot be true.

All of it is one ibis expression, which runs in DuckDB on files and in the operator's own engine.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from planning.centre.records import Between, CallRecords, Fixed, IsFilled
from planning.demand.fields import DAY_S, FIRST_TIME, HOUR_S, apart, duration, instants, local, number, unread
from planning.errors import PlanningError

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from planning.centre import Queue

LINE = "place in the file"
"""Column of a row's place, where rows are numbered."""
SLIP_S = 60
"""Slack within which a difference of whole hours is a slip of the clock, seconds."""
APART = "a call number that was used again more than a day later"
_NOBODY = ("", "-", "\u2013", "\u2014", "null", "none", "nan", "n/a", "\\n")
"""What a column that is filled for answered calls only has for the others."""
_SLIP = "its times differ by whole hours: a time-zone slip"
_WIDE = re.compile(r"[0-9]{1,2}[:h][0-9]{2}.*|[0-9]{4}-[0-9]{2}-[0-9]{2}|([0-9]{1,2}[./]){2}[0-9]{2,4}")
"""Names of columns in a table that has a column for each interval or day."""
UNKNOWN_QUEUE = "unknown queue"
REMEDIES = {
    "no event": "set event in [records] to the right column, or leave such rows out with where",
    "no time of arrival": "set date_order and time_zone in [records], write a group's date on each of its "
    "rows, or leave such rows out with where",
    UNKNOWN_QUEUE: "name its queues in [records] queues",
    "unknown outcome": "name its codes in [records] answered, abandoned and lost",
    "no queue": "set queue in [records] to the right column, write a group's queue on each of its rows, or "
    "leave such rows out with where",
    "no valid number of calls": "set calls, and decimal if numbers have a comma, in [records], or leave such "
    "rows out with where",
    "negative handle time": "set handle_s in [records] to the right columns",
    "negative wait": "set wait_s in [records] to the right column",
    "arrived while its queue is closed": "check time_zone in [records] and the queue's hours in the centre",
    "a time that the clock skipped: a time-zone slip": "set time_zone in [records] to the clock of the times",
    _SLIP: "set time_zone in [records] to the clock of the times",
    APART: "set call_id in [records] to a number that is used once, or row to contact",
}


def columns_of(settings: CallRecords) -> dict[str, str]:
    """Columns that the settings read, by the setting that names each."""
    asked: dict[str, Any] = {"arrival": settings.arrival, "end": settings.end, "queue": settings.queue}
    asked |= {name: getattr(settings, name) for name in ("call_id", "agent_id", "caller_id")}
    if settings.row == "interval":
        asked |= {"calls": settings.calls, "aht_s": settings.aht_s, "answered_calls": settings.answered_calls}
        if settings.aht_s is None:
            asked["handle_s"] = settings.handle_s
    elif settings.row == "event":
        asked["event"] = settings.event
    else:
        asked |= {"outcome": settings.outcome, "handle_s": settings.handle_s, "wait_s": settings.wait_s}
    asked |= {f"where.{name}": name for name in settings.where}
    found: dict[str, str] = {}
    for setting, value in asked.items():
        parts = value if isinstance(value, list) else [value]
        for place, part in enumerate(parts):
            where = f"{setting}.{place}" if len(parts) > 1 or setting == "handle_s" else setting
            if isinstance(part, str):
                found[where] = part
            elif isinstance(part, IsFilled):
                found[f"{where}.filled"] = part.filled
            elif isinstance(part, Between):
                found |= {f"{where}.start": part.start, f"{where}.end": part.end}
    return found


def missing_columns(columns: list[str], settings: CallRecords) -> dict[str, str]:
    """Columns that the settings read and that are not there, by setting."""
    return {name: column for name, column in columns_of(settings).items() if column not in columns}


def spelt(columns: Sequence[str], settings: CallRecords) -> list[str]:
    """Columns as the settings spell them, where only capitals differ."""
    own = {name.casefold(): name for name in columns_of(settings).values() if name not in columns}
    return [own.pop(name.casefold(), name) for name in columns]


def check_columns(columns: list[str], settings: CallRecords, source: str, layout: str = "") -> None:
    """Refuse a table that lacks columns which are read."""
    missing = missing_columns(spelt(columns, settings), settings)
    wide = [name for name in columns if _WIDE.fullmatch(name)]
    if missing and len(wide) > 2:
        raise PlanningError(
            f"{source} has a column for each interval or day ({', '.join(wide[:3])}), must have a row for "
            "each: unpivot it, and name the columns of time and calls in records.arrival and records.calls"
        )
    for setting, column in missing.items():
        others = ", ".join(f"records.{name}" for name in missing if name != setting)
        also = f", nor those of {others} (set row too unless a row is a call)" if others else ""
        raise PlanningError(
            f"{source} has no column {column!r}, which records.{setting}{layout} names{also}"
            f"{near(column, columns)}"
        )


def near(name: str, names: list[str]) -> str:
    """Suggest the name that was probably meant."""
    close = difflib.get_close_matches(name, names, n=1)
    return f": did you mean {close[0]!r}?" if close else f": there are {', '.join(names) or 'none'}"


def facts_of(
    raw: ir.Table, settings: CallRecords, queues: Mapping[str, Queue], zone: str, source: str
) -> ir.Table:
    """Name the columns as the package does, and give each row the reason why it cannot be true, if any."""
    import ibis

    cells = [raw[name] for name in raw.columns if name != LINE]
    if all(cell.type().is_string() for cell in cells):  # a workbook's empty rows are saved as separators only
        raw = raw.filter(ibis.coalesce(*cells).notnull())
    rows = _standard(raw.filter(asked_for(raw, settings)), settings, source)
    if settings.row == "leg":
        rows = _of_legs(rows)
    elif settings.row == "event":
        rows = _of_events(rows, settings)
    if "ended" in rows.columns:
        rows = _with_wait(rows)
    rows = rows.mutate(second=(rows.at / 1_000_000).floor().cast("float64"))
    judged = rows.mutate(reason=_reason(rows, queues, zone))
    at_fault = {
        UNKNOWN_QUEUE: "queue",
        "unknown outcome": "code",
        "no valid number of calls": "counted",
        "negative handle time": "worked",
        "negative wait": "waited",
    }
    cases = [
        (judged.reason == reason, judged[name]) for reason, name in at_fault.items() if name in judged.columns
    ]
    judged = judged.mutate(written=ibis.cases(*cases, else_=judged.written))
    names = ["queue", "second", "at", "at_offset", "written", "outcome", "handle_s", "unread", *_KEPT, "line"]
    judged = judged.mutate(handle_s=ibis.ifelse(judged.unread, ibis.null("float64"), judged.handle_s))
    return judged.select(*(name for name in names if name in judged.columns), "reason")


def asked_for(raw: ir.Table, settings: CallRecords) -> ir.BooleanValue:
    """Whether `where` keeps a row."""
    import ibis

    asked = [ibis.literal(True)]
    for column, values in settings.where.items():
        cell = raw[column].cast("string").strip().fill_null("")
        without = [value[1:] for value in values if value.startswith("!")]
        kept = [value for value in values if not value.startswith("!")]
        asked.append(~cell.isin(without))
        if kept:
            asked.append(cell != "" if kept == ["*"] else cell.isin(kept))
    return ibis.and_(*asked)


_KEPT = ("call_id", "wait_s", "agent_id", "caller_id", "calls", "answered")


def _standard(raw: ir.Table, settings: CallRecords, source: str) -> ir.Table:
    """Give the columns the package's names and types, row by row."""
    import ibis

    names = dict.fromkeys(columns_of(settings).values())
    own = {"line": raw[LINE]} if LINE in raw.columns else {}
    if settings.row == "interval":  # rows that are the same in all cells are one
        own["row"] = _written([raw[name] for name in raw.columns if name != LINE])
    raw = raw.select(**{f"raw {name}": raw[name] for name in names}, **own)
    durations = _durations(settings)
    times = {"at": _joined(raw, settings.arrival, settings.clock)}
    if settings.end is not None:
        times["ended"] = _joined(raw, settings.end, settings.clock)
    for name, part in durations.items():
        if isinstance(part, Between):
            times |= {f"{name}_from": _cell(raw, part.start), f"{name}_to": _cell(raw, part.end)}
    rows = raw.mutate(written=times["at"].cast("string"))
    for column in times.values():
        _check_clock(column, settings.time_zone, source)
    rows = instants(rows, times, settings.date_order, settings.time_zone)
    rows = _with_numbers(rows, settings)
    rows = rows.mutate(outcome=_outcome(rows, settings))
    own_times = ("at", "at_offset", "at_skipped", "at_twice", "ended", "ended_twice")
    columns: dict[str, Any] = {"queue": _queue(rows, settings).cast("string")}
    columns |= {
        name: rows[name] for name in ("outcome", *own_times, "written", "line") if name in rows.columns
    }
    handles = [name for name in durations if name != "wait_s"]
    if settings.row == "interval":
        columns |= _interval_columns(rows, settings, handles) | {"call_id": rows["row"]}
        columns["counted"] = _written([_cell(rows, name) for name in _counts(settings).values()])
    elif settings.row == "event":
        columns["event"] = _cell(rows, str(settings.event)).cast("string").strip()
    else:
        if isinstance(settings.outcome, str):
            columns["code"] = _cell(rows, settings.outcome).cast("string")
        answered = rows.outcome == "answered"
        columns["handle_s"] = ibis.ifelse(answered, _sum(rows, handles), ibis.null("float64"))
        columns["unread"] = (answered & _any_odd(rows, handles)).fill_null(False)
        columns["negative"] = ibis.or_(*((rows[name] < 0).fill_null(False) for name in handles))
        if "wait_s" in durations:
            columns["wait_s"] = rows["wait_s"]
        cells: dict[str, list[Any]] = {"worked": [*settings.handle_s], "waited": [settings.wait_s]}
        columns |= {
            name: _written([_cell(rows, part) for part in parts if isinstance(part, str)])
            for name, parts in cells.items()
            if any(isinstance(part, str) for part in parts)
        }
    for name in ("call_id", "agent_id", "caller_id"):
        column = getattr(settings, name)
        if column is not None and name not in columns:
            cell = _cell(rows, column)
            unknown = cell.cast("string").isin(settings.unknown)
            columns[name] = ibis.ifelse(unknown, None, cell) if settings.unknown else cell
    return rows.select(**columns)


def _durations(settings: CallRecords) -> dict[str, str | Between]:
    """Columns of the wait and of the parts of the handle time, by a name for each duration."""
    if settings.row == "event":
        return {}
    if settings.row == "interval" and settings.aht_s is not None:
        return {"handle0": settings.aht_s}
    found = {f"handle{place}": part for place, part in enumerate(settings.handle_s)}
    return (
        found
        if settings.row == "interval" or settings.wait_s is None
        else found | {"wait_s": settings.wait_s}
    )


def _counts(settings: CallRecords) -> dict[str, str]:
    """Columns that count calls, by a name for each."""
    if settings.row != "interval":
        return {}
    found = {f"calls{place}": column for place, column in enumerate(settings.calls)}
    answered = settings.answered_calls
    return found if answered is None else found | {"answered": answered}


def _with_numbers(rows: ir.Table, settings: CallRecords) -> ir.Table:
    """Add each duration in seconds and each count, and whether its cell holds something else.

    They are columns, because engines compute an expression anew wherever it is used.
    """
    import ibis

    durations, counts, decimal = _durations(settings), _counts(settings), settings.decimal

    def seconds(name: str, part: str | Between) -> Any:
        if isinstance(part, Between):
            return (rows[f"{name}_to"] - rows[f"{name}_from"]) / 1e6
        return duration(_cell(rows, part), decimal, settings.unit)

    def odd(name: str, part: str | Between) -> Any:
        return ibis.literal(False) if isinstance(part, Between) else unread(_cell(read, part), read[name])

    found = {name: seconds(name, part) for name, part in durations.items()}
    found |= {name: number(_cell(rows, column), decimal, whole=True) for name, column in counts.items()}
    read = apart(rows.mutate(**found))
    return read.mutate(**{f"{name}_odd": odd(name, part) for name, part in (durations | counts).items()})


def _sum(rows: ir.Table, names: Sequence[str]) -> Any:
    """Sum of the columns that are filled; missing where none is."""
    import ibis

    values = [rows[name] for name in names]
    total = sum(value.fill_null(0.0) for value in values)
    return ibis.ifelse(ibis.coalesce(*values).notnull(), total, ibis.null("float64"))


def _any_odd(rows: ir.Table, names: Sequence[str]) -> Any:
    import ibis

    return ibis.or_(*(rows[f"{name}_odd"] for name in names))


def _interval_columns(rows: ir.Table, settings: CallRecords, handles: Sequence[str]) -> dict[str, Any]:
    """Calls of an interval and their mean handle time."""
    import ibis

    counts = [name for name in _counts(settings) if name != "answered"]
    calls, handle = _sum(rows, counts), _sum(rows, handles)
    answered = calls if settings.answered_calls is None else rows["answered"]
    if settings.aht_s is None:
        handle = handle / answered.nullif(0)
    return {
        "calls": calls,
        "answered": answered,
        "handle_s": handle,
        "unread": _any_odd(rows, [*handles, *(["answered"] if settings.answered_calls else [])])
        & (calls > 0),
        "negative": (handle < 0).fill_null(False),
        "unread_calls": ibis.or_(calls.isnull() | (calls < 0), _any_odd(rows, counts)),
    }


def _written(cells: Sequence[Any]) -> Any:
    """Cells as one text."""
    import ibis

    return ibis.literal(" | ").join([cell.cast("string").fill_null("") for cell in cells])


def _cell(rows: ir.Table, name: str) -> Any:
    """A column of the records; its prefix keeps it apart from the package's columns."""
    return rows[f"raw {name}"]


def _joined(raw: ir.Table, columns: str | list[str], clock: str) -> Any:
    """A column of instants, or the columns of a date and a time joined to one text."""
    if isinstance(columns, str):
        return _cell(raw, columns)
    first, *rest = (_cell(raw, name).cast("string").fill_null("").strip() for name in columns)
    first = first.re_replace("[ T]0?0:00(:00([.]0+)?)?$", "")  # a date that a workbook kept as an instant
    for part in rest:
        time = part.lpad(4, "0").re_replace("^([0-9]{2})([0-9]{2})$", r"\1:\2") if clock == "hhmm" else part
        first = first + " " + time
    # Day 46349 and 0.385 of it, as a workbook counts them.
    return first.strip().re_replace("^([0-9]{5}) 0?([.,][0-9]+)$", r"\1\2")


def _queue(rows: ir.Table, settings: CallRecords) -> Any:
    import ibis

    if isinstance(settings.queue, Fixed):
        return ibis.literal(settings.queues.get(settings.queue.value, settings.queue.value))
    return _renamed(_cell(rows, settings.queue).cast("string").strip().nullif(""), settings.queues)


def _outcome(rows: ir.Table, settings: CallRecords) -> Any:
    """Outcome of a call, by its code or by whether an agent is named."""
    import ibis

    if settings.row in ("interval", "event"):
        return ibis.literal("answered")
    if isinstance(settings.outcome, IsFilled):
        cell = _cell(rows, settings.outcome.filled).cast("string").strip()
        filled = cell.notnull() & ~cell.lower().isin(_NOBODY) & ~cell.isin(settings.unknown)
        return ibis.ifelse(filled, "answered", "abandoned")
    code = _cell(rows, settings.outcome).cast("string")
    codes = {"answered": settings.answered, "abandoned": settings.abandoned, "lost": settings.lost}
    known = [(values, name) for name, values in codes.items() if values]
    # Few codes have blanks around them, and to take those off is dear.
    cells = (code, code.strip())
    return ibis.cases(*((cell.isin(values), name) for cell in cells for values, name in known))


def _of_legs(rows: ir.Table) -> ir.Table:
    """Make one contact of the legs of a call in a queue.

    It arrived with its first leg, is answered where any leg was, waited until the first of these was
    answered, and was worked on for as long as its answered legs together. Legs without a number are one
    contact where they arrived at the same instant.
    """
    import ibis

    none = ibis.null("string")
    rows = rows.mutate(lone=ibis.ifelse(rows.call_id.isnull(), rows.at, ibis.null("int64")))
    # Texts are dear to keep for each call, so only those stay that may have to be shown.
    rows = rows.mutate(written=ibis.ifelse(rows.at.isnull() | rows.at_skipped, rows.written, none))
    if "code" in rows.columns:
        rows = rows.mutate(code=ibis.ifelse(rows.outcome.isnull(), rows.code, none))

    known = list(enumerate(("answered", "abandoned", "lost")))
    best = ibis.cases(*((rows.outcome == name, rank) for rank, name in known)).min()
    outcome = ibis.cases(*((best == rank, name) for rank, name in known))
    columns = {
        "at": rows.at.min(),
        "at_offset": rows.at_offset.all(),
        "at_skipped": rows.at_skipped.any(),
        "at_twice": rows.at_twice.any(),
        "written": rows.written.min(),
        "outcome": outcome,
        "handle_s": rows.handle_s.sum(),
        "unread": rows.unread.any(),
        "negative": rows.negative.any(),
        "spread": rows.at.max() - rows.at.min(),
    }
    if "wait_s" in rows.columns:
        until = rows.at + rows.wait_s * 1e6
        answered = until.min(where=rows.outcome == "answered")
        columns["wait_s"] = (ibis.coalesce(answered, until.max()) - rows.at.min()) / 1e6
    if "ended" in rows.columns:
        columns |= {"ended": rows.ended.max(), "ended_twice": rows.ended_twice.any()}
    if "agent_id" in rows.columns:
        columns["agent_id"] = rows.agent_id.max(where=rows.outcome == "answered")
    if "caller_id" in rows.columns:
        columns["caller_id"] = rows.caller_id.max()
    for name in ("line", "code"):
        if name in rows.columns:
            columns[name] = rows[name].min()
    return rows.group_by(["queue", "call_id", "lone"]).aggregate(**columns)


def _of_events(rows: ir.Table, settings: CallRecords) -> ir.Table:
    """Make one contact of the events of a call in a queue: entered, connected, completed or gone."""
    import ibis

    codes = settings.events
    kept = [*codes.enter, *codes.connect, *codes.complete, *codes.abandon, *codes.leave]
    rows = rows.filter(rows.event.isin(kept) | rows.event.isnull())
    # A line without an event, such as a total, is no part of a call: it is refused by itself.
    rows = rows.mutate(eventless=ibis.ifelse(rows.event.isnull(), ibis.row_number(), ibis.null("int64")))

    def at(names: list[str], last: bool = False) -> Any:
        where = rows.event.isin(names)
        return rows.at.max(where=where) if last else rows.at.min(where=where)

    enter = rows.event.isin(codes.enter)
    columns = {
        "at": at(codes.enter),
        "spread": rows.at.max() - rows.at.min(),
        "at_offset": rows.at_offset.any(where=enter),
        "at_skipped": rows.at_skipped.any(where=enter),
        "written": rows.written.min(where=enter),
        "connect": at(codes.connect),
        "complete": at(codes.complete, last=True),
        "talks": rows.event.isin(codes.connect).sum(),
        "ends": rows.event.isin(codes.complete).sum(),
        "talked": rows["at"].sum(where=rows.event.isin(codes.complete))
        - rows["at"].sum(where=rows.event.isin(codes.connect)),
        "gone": at(codes.abandon) if codes.abandon else ibis.null("int64"),
        "left": at(codes.leave) if codes.leave else ibis.null("int64"),
    }
    if "agent_id" in rows.columns:
        columns["agent_id"] = rows.agent_id.max(where=rows.event.isin(codes.connect))
    if "caller_id" in rows.columns:
        columns["caller_id"] = rows.caller_id.max(where=enter)
    if "line" in rows.columns:
        columns["line"] = rows.line.min()
    calls = rows.group_by(["queue", "call_id", "eventless"]).aggregate(**columns)
    outcome = ibis.cases(
        (calls.connect.notnull(), "answered"),
        (calls.gone.notnull(), "abandoned"),
        (calls.left.notnull(), "lost"),
    )
    until = ibis.coalesce(calls.connect, calls.gone, calls.left)
    calls = calls.mutate(
        outcome=outcome,
        wait_s=(until - calls.at) / 1e6,
        # Of several talks in one queue, what lies between them is no work.
        handle_s=ibis.ifelse(calls.talks == calls.ends, calls.talked, calls.complete - calls.connect) / 1e6,
        unread=ibis.literal(False),
    )
    return calls.mutate(negative=(calls.handle_s < 0).fill_null(False))


def _with_wait(rows: ir.Table) -> ir.Table:
    """Compare the end of a call with its arrival: find the wait if it is not recorded, and impossible times.

    Nothing is concluded from a time that the clock shows twice, because it is not known which one was meant.
    """
    import ibis

    span = (rows.ended - rows.at) / 1e6
    rows = rows.mutate(span=ibis.ifelse(rows.at_twice | rows.ended_twice, ibis.null("float64"), span))
    gap = rows.span - rows.handle_s.fill_null(0.0)
    if "wait_s" in rows.columns:
        gap, slipped_ahead = gap - rows.wait_s.fill_null(0.0), rows.wait_s.notnull()
    else:
        # A wait that is not recorded may be an hour, but never negative.
        rows = rows.mutate(wait_s=ibis.ifelse(gap >= 0, gap, ibis.null("float64")))
        gap, slipped_ahead = rows.span - rows.handle_s.fill_null(0.0), ibis.literal(False)
    hours = (gap / HOUR_S).round()
    whole = (gap - hours * HOUR_S).abs() <= SLIP_S
    return rows.mutate(
        slipped=(whole & ((hours < 0) | (slipped_ahead & (hours > 0)))).fill_null(False),
        ends_early=(rows.span < 0).fill_null(False),
    )


def _reason(rows: ir.Table, queues: Mapping[str, Queue], zone: str) -> ir.StringValue:
    """Say why a row cannot be true; missing where it can."""
    import ibis

    cases = [(rows.eventless.notnull(), "no event")] if "eventless" in rows.columns else []
    cases += [
        (rows["at"].isnull() | (rows.second < FIRST_TIME.timestamp()), "no time of arrival"),
        (rows.at_skipped, "a time that the clock skipped: a time-zone slip"),
        (rows.queue.isnull(), "no queue"),
    ]
    if queues:
        cases.append((~rows.queue.isin(list(queues)), UNKNOWN_QUEUE))
    cases += [
        (rows.outcome.isnull(), "unknown outcome"),
        ((rows.outcome == "answered") & rows.negative, "negative handle time"),
    ]
    if "spread" in rows.columns:
        cases.append((rows.spread > DAY_S * 1_000_000, APART))
    if "unread_calls" in rows.columns:
        cases.append((rows.unread_calls, "no valid number of calls"))
    if "wait_s" in rows.columns:
        cases.append((rows.wait_s < 0, "negative wait"))
    if "slipped" in rows.columns:
        cases += [(rows.slipped, _SLIP), (rows.ends_early, "ends before it starts")]
    return ibis.cases(*cases, *_closed_cases(rows, queues, zone))


def _closed_cases(rows: ir.Table, queues: Mapping[str, Queue], zone: str) -> list[tuple[Any, str]]:
    """Find calls in hours when their queue is closed: another slip of the clock, or a wrong queue."""
    clock, cases = local(rows.second, zone) % DAY_S, []
    for name, queue in queues.items():
        if not queue.always:
            since = (clock + DAY_S - queue.opens.total_seconds()) % DAY_S
            closed = since >= (queue.closes - queue.opens).total_seconds()
            cases.append(((rows.queue == name) & closed, "arrived while its queue is closed"))
    return cases


def _check_clock(column: Any, zone: str | None, source: str) -> None:
    kind = column.type()
    if not (kind.is_string() or kind.is_timestamp() or kind.is_date() or kind.is_numeric()):
        raise PlanningError(
            f"{source}: column {column.get_name()!r} is of type {kind}, must be a time or a text like "
            "2026-11-23T09:15:00+03:00: convert it in a view"
        )
    if zone is None and kind.is_timestamp() and kind.timezone is None:
        raise PlanningError(
            f"{source}: column {column.get_name()!r} has times without an offset: name their clock as "
            "records.time_zone in the centre's file, for example 'Europe/London'"
        )


def _renamed(queue: Any, names: Mapping[str, str]) -> Any:
    import ibis

    return ibis.cases(*((queue == old, new) for old, new in names.items()), else_=queue) if names else queue
