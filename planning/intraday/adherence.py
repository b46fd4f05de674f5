"""Who kept to the roster: a log of agents' states against their shifts, and the shrinkage that it shows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from planning.calendars import local_day, on_clock
from planning.checks import Ints
from planning.errors import PlanningError
from planning.tables import Column, Table

WORKING = ("ready", "talking", "hold", "wrap")
"""States in which an agent is on position."""
AROUND = pd.Timedelta(hours=4)
"""Work this long before and after a shift counts as extra work of it."""
MINUTE = 60_000_000
MINUTES = ["scheduled_min", "in_min", "out_min", "late_min", "early_min", "extra_min", "absent_min"]
STATES = Table(
    "states",
    {
        "agent_id": Column("text", "who"),
        "state": Column("text", "what the agent does, in the words of the telephone system"),
        "start": Column("time", "first instant", "ISO 8601 with offset"),
        "end": Column(
            "time", "first instant after it; by default the person's next state", optional=True, may_lack=True
        ),
    },
)


def adherence(
    roster: pd.DataFrame,
    breaks: pd.DataFrame,
    states: pd.DataFrame,
    *,
    zone: str,
    working: Sequence[str] = WORKING,
    until: pd.Timestamp | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare what people did with their shifts, minute by minute.

    The rule: a person should be in a working state at every minute of a shift outside its breaks. Such a
    minute is *in* if the person was, and *out* if not. *Late* are the minutes out from the start of the shift
    to the first work, *early* those from the last work to its end. *Extra* is work in breaks, and up to four
    hours before and after the shift; between two shifts of a person it belongs to the nearer one. A shift
    without any work is *absent*, and all its minutes are out. Nothing is said of days before the log begins
    and of the time after its end: shifts outside are left out, and others count as far as the log goes.

    Parameters
    ----------
    roster, breaks : DataFrame
        ROSTER and BREAKS.
    states : DataFrame
        A log: agent_id, state, start, end. A state without an end lasts until the person's next one. Times
        without an offset are on the clock of `zone`. Two states at once count once.
    zone : str
        IANA time zone of the days.
    working : sequence of str
        The states that are work, in capital letters or small ones; every other state, and no state at all,
        is not.
    until : Timestamp, optional
        Up to when the log was written; by default its last instant.

    Returns
    -------
    shifts : DataFrame
        A row per shift: agent_id, team, day (local, of its start), shift_id, scheduled_min, in_min, out_min,
        late_min, early_min, extra_min, absent_min.
    refused : DataFrame
        Rows of the log left out, with their reason.

    Raises
    ------
    PlanningError
        No state of the log is one of `working`, or a column is missing.

    Examples
    --------
    >>> clock = lambda text: pd.Timestamp(f"2026-11-23T{text}+03:00")
    >>> who = {"agent_id": "ann", "team": "calls", "shift_id": "s"}
    >>> shift = who | {"start": clock("09:00"), "end": clock("17:00")}
    >>> pause = who | {"start": clock("12:00"), "end": clock("13:00")}
    >>> log = pd.DataFrame([("ann", "ready", clock("09:10"), clock("17:00"))], columns=list(STATES.columns))
    >>> found, _ = adherence(pd.DataFrame([shift]), pd.DataFrame([pause]), log, zone="Europe/Moscow")
    >>> found[["scheduled_min", "in_min", "late_min", "extra_min"]].iloc[0].tolist()
    [420.0, 410.0, 10.0, 60.0]
    """
    known, refused = STATES.split(_with_ends(states, zone), "states", _no_span)
    strange = ~known["agent_id"].isin(roster["agent_id"])
    left = known[strange].assign(reason="this person has no shift in the roster")
    words = {word.strip().casefold() for word in working}
    works = known["state"].str.strip().str.casefold().isin(words)
    if not works.any():
        raise PlanningError(
            f"no state of the log is one of {', '.join(working)}: it has "
            f"{', '.join(sorted(known['state'].unique())) or 'no good row'}; say which of them are work"
        )
    spans = {agent: _union(_spans(rows)) for agent, rows in known[~strange & works].groupby("agent_id")}
    pauses = {key: _spans(rows) for key, rows in breaks.groupby(["agent_id", "shift_id"])}
    none = np.empty((0, 2), dtype=np.int64)
    edges = pd.DataFrame(
        {
            "start": [on_clock(local_day(known["start"].min().tz_convert(zone)), zone)],
            "end": [known["end"].max() if until is None else until],
        }
    )
    first, last = _spans(edges)[0]
    own = _spans(roster)
    judged = (own[:, 0] < last) & (own[:, 1] > first)
    roster, near = roster[judged], _reach(roster["agent_id"], own)[judged]
    clipped = np.clip(own[judged], first, last)
    days = local_day(pd.DatetimeIndex(roster["start"]).tz_convert(zone))
    rows = [
        _shift(span, around, pauses.get((agent, shift), none), spans.get(agent, none))
        for agent, shift, span, around in zip(
            roster["agent_id"], roster["shift_id"], clipped, near, strict=True
        )
    ]
    table = pd.DataFrame(rows, columns=MINUTES)
    for at, name in enumerate(("agent_id", "team")):
        table.insert(at, name, roster[name].to_numpy())
    table.insert(2, "day", days)
    table.insert(3, "shift_id", roster["shift_id"].to_numpy())
    return table, pd.concat([part for part in (refused, left) if len(part)] or [left])


def summed(shifts: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Add up the shifts of `adherence` by person, team or day, with the shares.

    Returns
    -------
    DataFrame
        Index `by`: the minutes, adherence (in / scheduled where somebody came), absence (absent / scheduled)
        and shrinkage (1 - in / scheduled), which is what a plan must expect.
    """
    table = shifts.groupby(list(by))[MINUTES].sum()
    scheduled = table["scheduled_min"].where(table["scheduled_min"] > 0)
    there = (table["scheduled_min"] - table["absent_min"]).where(lambda minutes: minutes > 0)
    return table.assign(
        adherence=table["in_min"] / there,
        absence=table["absent_min"] / scheduled,
        shrinkage=1 - table["in_min"] / scheduled,
    )


def shrinkage_changes(shifts: pd.DataFrame) -> dict[str, float]:
    """Shrinkage of each team as changes for `Centre.replace`, from what the log shows."""
    found = summed(shifts, ["team"])["shrinkage"].dropna()
    return {f"teams.{team}.shrinkage": round(float(share), 4) for team, share in found.items()}


def _with_ends(states: pd.DataFrame, zone: str) -> pd.DataFrame:
    """Give every state an end, and every time an offset; rows for which there is none stay without."""
    found = states.assign(**({} if "end" in states else {"end": None}))
    for edge in ("start", "end"):
        found[edge] = [_with_offset(value, zone) for value in found[edge]]
    if "agent_id" not in found:
        return found  # the table says what is missing
    times = pd.to_datetime(found["start"], utc=True, errors="coerce", format="ISO8601")
    order = times.sort_values(kind="stable").index
    after = times[order].groupby(found["agent_id"][order]).shift(-1)[found.index]
    return found.assign(end=found["end"].where(found["end"].notna(), after))


def _with_offset(value: object, zone: str) -> object:
    """Put a time without an offset on a clock, unless the clock skips it or shows it twice."""
    if not isinstance(value, str | pd.Timestamp) or pd.isna(value):
        return value
    try:
        stamp = pd.Timestamp(value)
    except ValueError:
        return value
    if stamp.tz is not None:
        return value
    there = stamp.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    return value if pd.isna(there) else there


def _no_span(row: Any) -> str:
    """Say why a row of the log is no stretch of time."""
    if pd.isna(row.end):
        return "it has no end, and the person no later state: give its end"
    return "" if row.end > row.start else "its end is not after its start"


def _reach(agents: pd.Series, spans: Ints) -> Ints:
    """How far before and after each shift its extra work may lie: `AROUND`, or half way to the next."""
    around = AROUND // pd.Timedelta(microseconds=1)
    near: Ints = spans + np.array([-around, around])
    order = np.lexsort((spans[:, 0], agents.to_numpy(dtype=str)))
    for before, after in pairwise(order):
        if agents.iloc[before] == agents.iloc[after]:
            middle = (spans[before, 1] + spans[after, 0]) // 2
            near[before, 1] = min(near[before, 1], max(middle, spans[before, 1]))
            near[after, 0] = max(near[after, 0], min(middle, spans[after, 0]))
    return near


def _spans(rows: pd.DataFrame) -> Ints:
    """Start and end of each row in microseconds, in order of time where they are breaks or states."""
    edges = [rows[name].dt.tz_convert("UTC").dt.as_unit("us").astype("int64") for name in ("start", "end")]
    return np.column_stack(edges)


def _union(spans: Ints) -> Ints:
    """Spans without overlaps, in order."""
    made: list[list[int]] = []
    for start, end in spans[np.argsort(spans[:, 0])].tolist():
        if made and start <= made[-1][1]:
            made[-1][1] = max(made[-1][1], end)
        else:
            made.append([start, end])
    return np.array(made, dtype=np.int64).reshape(-1, 2)


def _common(one: Ints, other: Ints) -> int:
    """Time that two sets of spans share."""
    start = np.maximum(one[:, None, 0], other[None, :, 0])
    end = np.minimum(one[:, None, 1], other[None, :, 1])
    return int(np.maximum(end - start, 0).sum())


def _shift(span: Ints, near: Ints, pauses: Ints, work: Ints) -> list[float]:
    """Minutes of one shift, in the order of `MINUTES`."""
    whole, pauses = span[None, :], _union(pauses) if len(pauses) else pauses
    start, end = span.tolist()
    scheduled = end - start - _common(whole, pauses)
    done, in_breaks = _common(whole, work), _common(pauses, work)
    inside = done - in_breaks
    first = np.clip(work[:, 0], start, end)[work[:, 1] > start]
    last = np.clip(work[:, 1], start, end)[work[:, 0] < end]

    def out(since: int, until: int) -> int:
        stretch = np.array([[since, until]])
        return until - since - _common(stretch, pauses) if done else 0

    late = out(start, int(first.min())) if done else 0
    early = out(int(last.max()), end) if done else 0
    extra = in_breaks + _common(np.array([[near[0], start], [end, near[1]]]), work)
    absent = 0 if done else scheduled
    parts = (scheduled, inside, scheduled - inside, late, early, extra, absent)
    return [part / MINUTE for part in parts]
