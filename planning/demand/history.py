"""A queue's past as a matrix of days by times of day, with the calendar of the days behind and ahead."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.calendars import (
    axis,
    check_zone,
    day_start,
    local_day,
    public_holidays,
    time_of_day,
    weekend_of,
)
from planning.checks import Floats, number, whole
from planning.demand.intervals import MAX_DAYS, day_kinds
from planning.errors import PlanningError
from planning.tables import DEMAND

MIN_DAYS = 14


@dataclass(frozen=True)
class History:
    """Days (rows) by times of day (columns) of one queue; days ahead have no calls yet.

    Attributes
    ----------
    queue : str
    days : DatetimeIndex, shape (d,)
        Local days without a zone, one after the other.
    clock : TimedeltaIndex, shape (s,)
        Local times of day.
    calls, aht_s : ndarray, shape (d, s)
        NaN where there is no row; for an hour that occurs twice, the mean. The effect of campaigns is removed
        from the calls.
    effect : ndarray, shape (d, s)
        Factor of the known campaigns.
    weekday, kind, special : ndarray, shape (d,)
        0 to 6; the kind of `planning.demand.intervals.day_kinds`; and `special_days`, in more detail.
    known : int
        Number of days behind.
    rest_days : tuple of int
        Weekdays of the weekend, as `planning.calendars.weekend_of` the country tells them.
    """

    queue: str
    days: pd.DatetimeIndex
    clock: pd.TimedeltaIndex
    calls: Floats
    aht_s: Floats
    effect: Floats
    weekday: NDArray[np.int64]
    kind: NDArray[np.object_]
    special: NDArray[np.object_]
    known: int
    rest_days: tuple[int, ...]

    @property
    def first(self) -> int:
        """Position of the first day with a row: a queue may have opened long after another."""
        seen = ~np.isnan(self.calls).all(axis=1)
        return int(seen.argmax()) if seen.any() else self.known

    @cached_property
    def weekend(self) -> NDArray[np.bool_]:
        """Days of the weekend, shape (d,)."""
        return np.isin(self.weekday, self.rest_days)

    def until(self, day: int) -> History:
        """Return what was known before a day: nothing later can leak into a forecast."""
        hidden = np.arange(len(self.days)) >= day
        calls, aht_s = (np.where(hidden[:, None], np.nan, part) for part in (self.calls, self.aht_s))
        return replace(self, calls=calls, aht_s=aht_s, known=min(day, self.known))


class _Campaign(NamedTuple):
    """A row of the campaigns, with start and end as local times without a zone."""

    queue: str
    start: pd.Timestamp
    end: pd.Timestamp
    factor: float


def histories(
    demand: pd.DataFrame, horizon_days: int, *, zone: str, country: str, campaigns: pd.DataFrame | None = None
) -> list[History]:
    """Arrange each queue's demand, and the days to come, by day and time of day.

    Raises
    ------
    PlanningError
        A row of the demand or of the campaigns is faulty, the history is too short or off the grid, or an
        argument is not valid.
    """
    whole("horizon_days", horizon_days, 1, MAX_DAYS)
    check_zone(zone)
    rows = DEMAND.check(demand, "demand")
    times = pd.DatetimeIndex(rows["interval_start"]).tz_convert(zone)
    clock = time_of_day(times)
    step = _grid(times, clock)
    rows = rows.assign(day=local_day(times), clock=clock)
    _check_length(rows)
    last = rows["day"].max() + pd.Timedelta(days=horizon_days)
    days = pd.date_range(rows["day"].min(), last, freq="D")
    slots = pd.timedelta_range("0h", "24h", freq=step, closed="left")
    kinds = day_kinds(days, country).to_numpy(dtype=object)
    special = special_days(days, country)
    behind = len(days) - horizon_days
    known = _checked(campaigns, [str(name) for name in rows["queue"].unique()], zone)
    return [
        _history(str(name), part, days, slots, kinds, special, behind, known, weekend_of(country))
        for name, part in rows.groupby("queue", sort=False)
    ]


def future_rows(history: History, values: dict[str, Floats], zone: str, interval_s: int) -> pd.DataFrame:
    """Make rows of the days ahead: a row per interval of the local day, 23 to 25 hours of them, while open.

    Parameters
    ----------
    values : dict of ndarray, shape (days ahead, s)
        Columns of the rows; an interval is open where its weekday ever had a row at that time.
    """
    ahead = history.days[history.known :]
    times = axis(day_start(ahead[0].date(), zone), len(ahead), interval_s)
    day = (local_day(times) - ahead[0]).days.to_numpy()
    slot = np.asarray(time_of_day(times) // (history.clock[1] - history.clock[0]), dtype=np.int64)
    open_ = open_slots(history)[history.weekday[history.known :][day], slot]
    columns = {name: part[day, slot][open_] for name, part in values.items()}
    return pd.DataFrame({"queue": history.queue, "interval_start": times[open_], **columns})


def open_slots(history: History) -> NDArray[np.bool_]:
    """Times of day at which each weekday ever had a row, shape (7, s)."""
    seen = ~np.isnan(history.calls)
    return np.array([seen[history.weekday == day].any(axis=0) for day in range(7)])


def special_days(days: pd.DatetimeIndex, country: str) -> NDArray[np.object_]:
    """Classify each day by the production calendar, in more detail than `day_kinds`.

    Returns
    -------
    ndarray of str
        "holiday"; "worked" (a weekend day that is worked for a day off moved elsewhere); "after" (the first
        working day after a holiday); "first" (the first business day of a month); "ordinary".

    Examples
    --------
    >>> special_days(pd.date_range("2026-11-02", "2026-11-05"), "RU").tolist()
    ['first', 'ordinary', 'holiday', 'after']
    """
    years = tuple(sorted({year for day in days for year in (day.year, (day - pd.Timedelta(days=15)).year)}))
    calendar = public_holidays(country, years)

    def kind(day: date) -> str:
        if day in calendar:
            return "holiday"
        if not calendar.is_working_day(day):
            return "ordinary"
        if day.weekday() in calendar.weekend:
            return "worked"
        before = day - timedelta(days=1)
        while not calendar.is_working_day(before):
            if before in calendar:
                return "after"
            before -= timedelta(days=1)
        return "ordinary" if before.month == day.month else "first"

    return np.array([kind(day.date()) for day in days], dtype=object)


def _grid(times: pd.DatetimeIndex, clock: pd.TimedeltaIndex) -> pd.Timedelta:
    """Find the length of the demand's intervals, and refuse rows off their grid."""
    starts = times.unique().sort_values()
    step = starts.to_series().diff().min()
    hour = pd.Timedelta(hours=1)
    if pd.isna(step) or step > hour or hour % step:
        raise PlanningError(
            f"intervals of demand are {step} apart, must divide an hour: use 900 s, for example"
        )
    off = clock % step != pd.Timedelta(0)
    if off.any():
        raise PlanningError(
            f"interval_start {times[off][0].isoformat()} lies off the grid of {step.total_seconds():g} s "
            "from midnight: use intervals of one length"
        )
    return step


def _check_length(rows: pd.DataFrame) -> None:
    days = rows.groupby("queue", sort=False)["day"].agg(["min", "max"])
    length = (days["max"] - days["min"]).dt.days + 1
    if length.min() < MIN_DAYS:
        raise PlanningError(
            f"demand of {length.idxmin()} is {length.min()} days long, must be at least {MIN_DAYS} "
            "for every weekday to come twice: add earlier demand or leave the queue out"
        )


def _history(
    name: str,
    rows: pd.DataFrame,
    days: pd.DatetimeIndex,
    slots: pd.TimedeltaIndex,
    kinds: NDArray[np.object_],
    special: NDArray[np.object_],
    behind: int,
    campaigns: list[_Campaign],
    rest_days: tuple[int, ...],
) -> History:
    at = (
        (rows["day"] - days[0]).dt.days.to_numpy(),
        np.asarray(rows["clock"] // (slots[1] - slots[0]), dtype=int),
    )
    shape = (len(days), len(slots))
    count, calls, work, plain = (np.zeros(shape) for _ in range(4))
    np.add.at(count, at, 1.0)
    np.add.at(calls, at, rows["calls"].to_numpy())
    np.add.at(work, at, (rows["calls"] * rows["aht_s"]).to_numpy())
    np.add.at(plain, at, rows["aht_s"].to_numpy())
    seen = count > 0
    one = np.where(seen, count, 1.0)
    aht_s = np.where(calls > 0, work / np.where(calls > 0, calls, 1.0), plain / one)
    effect = _effect(name, days, slots, campaigns)
    calls = np.where(seen, calls / one / effect, np.nan)
    weekday = np.asarray(days.day_of_week, dtype=np.int64)
    aht_s = np.where(seen, aht_s, np.nan)
    return History(name, days, slots, calls, aht_s, effect, weekday, kinds, special, behind, rest_days)


def _checked(campaigns: pd.DataFrame | None, queues: list[str], zone: str) -> list[_Campaign]:
    """Read the campaigns row by row, because a faulty one would silently change nothing."""
    if campaigns is None:
        return []
    missing = {"queue", "start", "end", "factor"} - set(campaigns.columns)
    if missing:
        raise PlanningError(f"campaigns have no column {min(missing)!r}: give queue, start, end and factor")
    return [
        _campaign(f"campaigns: row {at}", row, queues, zone) for at, row in enumerate(campaigns.itertuples())
    ]


def _campaign(where: str, row: Any, queues: list[str], zone: str) -> _Campaign:
    if row.queue != "all" and row.queue not in queues:
        raise PlanningError(
            f"{where}: queue is {row.queue!r}, must be all or one of {', '.join(queues)}: "
            "correct it, or leave the row out"
        )
    remedy = "1.3 is 30 % more calls"
    factor = number(f"{where}: factor", row.factor, open_low=True, remedy=remedy)
    start, end = (_local(where, edge, zone) for edge in (row.start, row.end))
    if start >= end:
        raise PlanningError(
            f"{where}: end is {row.end}, must lie after start {row.start}: exchange or correct them"
        )
    return _Campaign(row.queue, start, end, factor)


def _effect(
    queue: str, days: pd.DatetimeIndex, slots: pd.TimedeltaIndex, campaigns: list[_Campaign]
) -> Floats:
    """Multiply the factors of the campaigns that run at each local time."""
    times = days.to_numpy()[:, None] + slots.to_numpy()[None, :]
    effect = np.ones(times.shape)
    for one in campaigns:
        if one.queue in (queue, "all"):
            effect[(times >= one.start.to_datetime64()) & (times < one.end.to_datetime64())] *= one.factor
    return effect


def _local(where: str, edge: object, zone: str) -> pd.Timestamp:
    """Read a campaign's start or end; pandas' own parser would read 01.12.2026 as the 12th of January."""
    try:
        time = pd.Timestamp(datetime.fromisoformat(str(edge)))
    except ValueError:
        raise PlanningError(
            f"{where}: {edge!r} is not a time: write start and end as 2026-11-23 09:00"
        ) from None
    return time if time.tzinfo is None else time.tz_convert(zone).tz_localize(None)
