"""The days to plan, taken from a demand or forecast from it; missing rows are reported."""

from __future__ import annotations

import warnings
from calendar import day_name
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.calendars import DAY, axis, day_start, is_weekend, local_day, on_clock
from planning.centre.settings import clock_text
from planning.checks import one_of, whole
from planning.demand.forecast import forecast
from planning.demand.planned import check_rows, mark_planned
from planning.errors import PlanningError

if TYPE_CHECKING:
    from planning.centre import Centre

GAPS = ("refuse", "zero", "forecast")
FAR_DAYS = 60
"""One or two days with rows that are further than this from all others have a wrong date."""
QUIET = pd.Timedelta(hours=1)
"""Time before the very first row, and after the very last, in which nobody may have called."""
HISTORY_DAYS, FEW = 56, 0.05
"""A history that lacks more than this share of rows in its last days was exported without empty intervals."""


def demand_for(
    centre: Centre, records: pd.DataFrame, start: str | None = None, days: int = 7, *, gaps: str = "refuse"
) -> pd.DataFrame:
    """Take the days to plan from a demand, or forecast them if the demand ends before.

    A queue is closed on a weekday on which it never has a row, and on a public holiday without a row. It
    opens later, or closes earlier, on weekdays that never have a row then, which a warning says. If the
    first days are closed, the plan starts on the next open day, with a warning.

    Parameters
    ----------
    centre : Centre
    records : DataFrame
        DEMAND: history, or the days themselves.
    start : str, optional
        First day to plan, for example "2026-11-23"; the day after the last record by default.
    days : int
        Number of days.
    gaps : {"refuse", "zero", "forecast"}
        What to do with intervals in opening hours that have no row: refuse them and list them, count them as
        without calls, or forecast them from the days before.

    Returns
    -------
    DataFrame
        Rows of these days with the columns of `records`, or FORECAST.

    Raises
    ------
    PlanningError
        The days lie partly inside the records, or before them; an interval has no row; a row is dated far
        from the rest; or the records cannot be planned.

    Examples
    --------
    >>> from planning import Centre, read_demand
    >>> centre = Centre.load()
    >>> records = read_demand("data/demand.parquet", centre.time_zone)
    >>> day = demand_for(centre, records, "2026-11-17", days=1)
    >>> str(day["interval_start"].min()), len(day)
    ('2026-11-17 00:00:00+03:00', 480)
    """
    one_of("gaps", gaps, GAPS)
    days = whole("days", days, 1)
    rows = check_rows(centre, records)
    seen = _days(rows)
    _check_dates(seen)
    first, end, inside = _span(centre, seen, start, days)
    open_ = _open_intervals(centre, rows, first, end)
    if inside:
        taken = records.reset_index(drop=True)[(seen >= first) & (seen < end)]
    else:
        taken = _forecast(centre, _history(centre, rows, gaps), first, end)
        taken = taken[_among(taken, open_)]
    _tell_short_days(centre, rows, open_)
    lacking = open_[~_among(open_, taken)]
    found = _found(centre, rows, lacking, gaps, first, end)
    _refuse(lacking[~_among(lacking, found)], rows)
    return _joined(centre, taken, found).reset_index(drop=True)


def open_days_a_week(centre: Centre, records: pd.DataFrame) -> int:
    """Count the days of a week on which any queue is open; 7 if the records are of less than a week.

    Parameters
    ----------
    centre : Centre
    records : DataFrame
        DEMAND.

    Examples
    --------
    >>> from planning import Centre, axis
    >>> centre = Centre.load()
    >>> times = axis(pd.Timestamp("2026-11-02", tz=centre.time_zone), 14, 900)
    >>> rows = pd.DataFrame({"queue": "claims", "interval_start": times, "calls": 5.0, "aht_s": 300.0})
    >>> open_days_a_week(centre, rows[times.day_of_week < 6])
    6
    """
    seen = _days(check_rows(centre, records))
    week = pd.date_range(seen.max() + DAY, periods=7)
    return 7 if seen.max() - seen.min() < 6 * DAY else len(_open_days(centre, seen, seen, week))


def _span(
    centre: Centre, seen: pd.DatetimeIndex, start: str | None, days: int
) -> tuple[pd.Timestamp, pd.Timestamp, bool]:
    """First day to plan, the day after the last, and whether the records include them."""
    after = seen.max() + DAY
    asked = after if start is None else local_day(day_start(start, centre.time_zone))
    first, known = (_next_open(centre, seen, day) for day in (asked, after))
    # Days that nobody named by date are counted from the first open one.
    end = max((first if start is None else asked) + days * DAY, first + DAY)
    inside = bool(seen.min() <= first and end <= known)
    if not inside and first < after:
        raise PlanningError(
            f"start is {asked:%Y-%m-%d} and days {days}, the demand holds {seen.min():%Y-%m-%d} to "
            f"{seen.max():%Y-%m-%d}: choose days inside it, or {after:%Y-%m-%d} or later for a forecast"
        )
    if first > asked:
        month = f" {first:%B}" if first.month != asked.month else ""
        warnings.warn(f"{_named(asked)} is closed; planned from {first:%A} {first.day}{month}", stacklevel=3)
    return first, end, inside


def _found(
    centre: Centre,
    rows: pd.DataFrame,
    lacking: pd.DataFrame,
    gaps: str,
    first: pd.Timestamp,
    end: pd.Timestamp,
) -> pd.DataFrame:
    """Rows for the missing intervals, as `gaps` says."""
    if gaps == "zero" or _is_quiet(lacking["interval_start"], rows["interval_start"]).all():
        return lacking.assign(calls=0.0, aht_s=0.0)
    past = rows[_days(rows) < first]
    if gaps == "forecast" and len(past):
        return _forecast(centre, past, first, end).merge(lacking)
    return lacking[:0]


def _days(rows: pd.DataFrame) -> pd.DatetimeIndex:
    """Local day of each row, without a zone."""
    return local_day(pd.DatetimeIndex(rows["interval_start"]))


def _served_days(centre: Centre, rows: pd.DataFrame) -> pd.Series:
    """Day whose opening hours each row belongs to, without a zone."""
    found = rows["interval_start"].dt.tz_localize(None)
    for name, own in rows.groupby("queue"):
        found[own.index] = centre.queues[str(name)].day_of(pd.DatetimeIndex(own["interval_start"]))
    return found


def _check_dates(seen: pd.DatetimeIndex) -> None:
    """Refuse one or two days that are far from all others: a digit of the date is wrong."""
    days = seen.unique().sort_values()
    for at in (1, 2, len(days) - 2, len(days) - 1):
        if 0 < at < len(days) and (days[at] - days[at - 1]).days > FAR_DAYS:
            stray, rest = (days[:at], days[at:]) if at < len(days) / 2 else (days[at:], days[:at])
            raise PlanningError(
                f"the demand has rows of {stray[0]:%Y-%m-%d}, out of the range of the rest, which is "
                f"{rest[0]:%Y-%m-%d} to {rest[-1]:%Y-%m-%d}: correct their dates or drop them"
            )


def _next_open(centre: Centre, seen: pd.DatetimeIndex, day: pd.Timestamp) -> pd.Timestamp:
    """First day from a day on at which any queue is open."""
    return _open_days(centre, seen, seen, pd.date_range(day, periods=FAR_DAYS))[0]


def _open_days(
    centre: Centre, seen: pd.DatetimeIndex, own: pd.DatetimeIndex, days: pd.DatetimeIndex
) -> pd.DatetimeIndex:
    """Days on which a queue is open, judged by the days on which it has rows."""
    weekday, behind = days.day_of_week, pd.date_range(seen.min(), seen.max()).day_of_week
    # One Sunday without rows says little about Sundays, unless it is a day of rest.
    told = weekday.isin([day for day in range(7) if (behind == day).sum() > 1])
    free = is_weekend(days, centre.weekend())
    closed = ~weekday.isin(own.day_of_week) & (told | free)
    closed |= centre.is_holiday(days.date) & (days <= seen.max())
    return days[~closed | days.isin(own) | (days < seen.min())]


def _open_intervals(
    centre: Centre, rows: pd.DataFrame, first: pd.Timestamp, end: pd.Timestamp
) -> pd.DataFrame:
    """Every interval in which a queue is open: queue, interval_start."""
    grid = axis(on_clock(first, centre.time_zone), (end - first).days, centre.interval_s)
    seen, hours = _days(rows), _hours(centre, rows)
    left_behind = {other for queue in centre.queues.values() for other in queue.follow_ups}
    parts = []
    for name, queue in centre.queues.items():
        own = queue.day_of(pd.DatetimeIndex(rows.loc[rows["queue"] == name, "interval_start"]))
        if own.empty and name in left_behind:
            continue
        day = queue.day_of(grid)
        clock = grid.tz_localize(None) - day
        days = _open_days(centre, seen, seen if own.empty else own, day.unique())
        own_hours = hours.loc[name].loc[day.day_of_week]
        open_ = grid[(clock >= own_hours["opens"]) & (clock < own_hours["closes"]) & day.isin(days)]
        parts.append(pd.DataFrame({"queue": name, "interval_start": open_}))
    return pd.concat(parts, ignore_index=True)


def _hours(centre: Centre, rows: pd.DataFrame) -> pd.DataFrame:
    """Opening and closing of each queue by weekday: index (queue, weekday), columns opens, closes.

    They are the queue's own, except on a weekday that never has a row in its first or last hours, although
    other weekdays do.
    """
    clocks = rows[["queue"]].assign(day=_served_days(centre, rows))
    clocks["weekday"] = clocks["day"].dt.day_of_week
    clocks["opens"] = rows["interval_start"].dt.tz_localize(None) - clocks["day"]
    clocks["closes"] = clocks["opens"] + pd.Timedelta(seconds=centre.interval_s)
    weekdays = pd.MultiIndex.from_product([centre.queues, range(7)], names=["queue", "weekday"])
    own = pd.DataFrame(
        [(queue.opens, queue.closes) for queue in centre.queues.values() for _ in range(7)],
        index=weekdays, columns=["opens", "closes"], dtype="timedelta64[us]",
    )  # fmt: skip
    edges = {"opens": "min", "closes": "max"}
    usual = clocks.groupby("queue").agg(edges).reindex(weekdays, level="queue")
    by_weekday = clocks.groupby(["queue", "weekday"])
    found = by_weekday.agg(edges).reindex(weekdays)
    differs = (found - usual).abs() >= QUIET
    # One short Friday says little about Fridays.
    differs = differs.mul(by_weekday["day"].nunique().reindex(weekdays) > 1, axis="index")
    return own.mask(differs.astype(bool), found)


def _tell_short_days(centre: Centre, rows: pd.DataFrame, open_: pd.DataFrame) -> None:
    """Warn of the weekdays to plan on which a queue opens later, or closes earlier, than its settings say."""
    hours = _hours(centre, rows)
    planned = set(zip(open_["queue"], _served_days(centre, open_).dt.day_of_week, strict=True))
    for (name, weekday), (opens, closes) in hours.iterrows():
        queue = centre.queues[name]
        if (name, weekday) in planned and (opens, closes) != (queue.opens, queue.closes):
            warnings.warn(
                f"{name} is open from {clock_text(opens)} to {clock_text(closes)} on {day_name[weekday]}s: "
                f"no {day_name[weekday]} has a row at another time",
                stacklevel=3,
            )


def _among(intervals: pd.DataFrame, rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which intervals have a row, shape (intervals,)."""
    wanted, known = (
        pd.MultiIndex.from_arrays(
            [table["queue"], table["interval_start"].dt.tz_convert("UTC").dt.as_unit("us")]
        )
        for table in (intervals, rows)
    )
    return np.asarray(wanted.isin(known))


def _is_quiet(times: pd.Series, known: pd.Series) -> NDArray[np.bool_]:
    """Tell which intervals are so close to the very first or last row that nobody may have called."""
    first, last = known.min(), known.max()
    before, behind = (times > first - QUIET) & (times < first), (times > last) & (times < last + QUIET)
    return np.asarray(before | behind)


def _joined(centre: Centre, rows: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """Add rows to a demand of any columns."""
    more = mark_planned(centre, more) if "planned_with" in rows else more
    return pd.concat([rows, more.reindex(columns=rows.columns, fill_value=0.0)]) if len(more) else rows


def _forecast(centre: Centre, past: pd.DataFrame, first: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """FORECAST of the days from the first one on, from the history before them."""
    horizon = (end - _days(past).max()).days - 1
    found = forecast(past, horizon, zone=centre.time_zone, country=centre.country)
    return found[_days(found) >= first]


def _history(centre: Centre, rows: pd.DataFrame, gaps: str) -> pd.DataFrame:
    """Check the history to forecast from: without its empty intervals it would give too many calls."""
    seen = _days(rows)
    begin = max(seen.min(), seen.max() - HISTORY_DAYS * DAY)
    open_ = _open_intervals(centre, rows, begin, seen.max() + DAY)
    born = rows.groupby("queue")["interval_start"].min()
    open_ = open_[open_["interval_start"] >= open_["queue"].map(born)]
    lacking = open_[~_among(open_, rows)]
    if gaps == "zero":
        return _joined(centre, rows, lacking.assign(calls=0.0, aht_s=0.0))
    if gaps == "refuse" and len(lacking) > FEW * len(open_):
        _refuse(lacking, rows)
    return rows


def _refuse(lacking: pd.DataFrame, rows: pd.DataFrame) -> None:
    """Raise an error that lists the intervals without a row, if there are any."""
    if lacking.empty:
        return
    named = [
        text
        for name, own in lacking.groupby("queue", sort=False)
        for text in (_stretches(str(name), own) if (rows["queue"] == name).any() else [f"{name} at all"])
    ]
    more = f" and {len(named) - 3} more stretches" if len(named) > 3 else ""
    raise PlanningError(
        f"the demand has no row of {', '.join(named[:3])}{more}: add the rows (0 where nobody called), or "
        "give gaps as zero (nobody called) or forecast (from the days before)"
    )


def _stretches(name: str, own: pd.DataFrame) -> list[str]:
    """Say on which days, from when to when, a queue's rows are missing."""
    times = own["interval_start"].sort_values()
    days = times.dt.tz_localize(None).dt.normalize()
    breaks = (times.diff() > times.diff().min()) | (days.diff() > pd.Timedelta(0))
    spans = times.groupby(breaks.cumsum()).agg(["min", "max"])
    return [f"{name} on {_named(low)} from {low:%H:%M} to {high:%H:%M}" for low, high in spans.to_numpy()]


def _named(day: pd.Timestamp) -> str:
    """Tuesday 24 November."""
    return f"{day:%A} {day.day} {day:%B}"
