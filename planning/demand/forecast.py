"""A first forecast: the median of past weekdays, spread by the mean day, special days by their past ratio."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planning.calendars import axis, day_start, time_of_day
from planning.demand.intervals import check_zone, day_kinds
from planning.errors import PlanningError
from planning.tables import DEMAND

__all__ = ["forecast"]

WEEKS = 8
MIN_DAYS = 14


def forecast(demand: pd.DataFrame, horizon_days: int, *, zone: str, country: str = "RU") -> pd.DataFrame:
    """Forecast each queue's calls and handle time for the days that follow a demand.

    The volume of a day is its calls over the share of a day's profile that its intervals cover, so that days
    cut short and days of 23 or 25 hours count in full. For a queue

    ``calls(d, t) = V(weekday of d) x R(kind of d) x p(class of d, t)``

    - V: median volume of the last 8 (or fewer) ordinary days of the same weekday;
    - R: 1 for an ordinary day; for a public holiday, or the first business day of a month, the median over
      such days of the history of their volume over V, 1 where the history has none;
    - p: share of a day by local time of day, from the mean over ordinary days, pooled over Monday to Friday
      and over Saturday and Sunday;
    - the handle time is the call-weighted mean at that local time of day over the history, and the queue's
      mean where nobody ever called then.

    A queue is closed at the local times of a weekday that its history has no rows for.

    Parameters
    ----------
    demand : DataFrame
        Columns of `planning.tables.DEMAND`: at least two weeks for each queue, on one grid of intervals.
    horizon_days : int
        Local days to forecast, from the midnight after the demand's last local day.
    zone : str
        IANA time zone whose days and hours count.
    country : str
        Country of the production calendar, ISO 3166.

    Returns
    -------
    DataFrame
        Columns of `planning.tables.DEMAND`; calls is the mean, not a whole number.

    Raises
    ------
    PlanningError
        A row is faulty, the history is too short or off the grid, or an argument cannot be.

    Examples
    --------
    >>> from planning.demand import read_demand
    >>> demand = read_demand("data/demand.parquet", "Europe/Moscow")
    >>> week = forecast(demand, 7, zone="Europe/Moscow")
    >>> week["interval_start"].iloc[0].isoformat(), len(week)
    ('2026-11-23T00:00:00+03:00', 3360)
    """
    _check_horizon(horizon_days)
    check_zone(zone)
    history = _with_days(DEMAND.check(demand), zone, country)
    interval_s = _grid(history)
    _check_length(history)
    profile = _profile(history)
    volumes = _volumes(history, profile)
    usual = _usual(volumes)
    rows = _open_intervals(history, _future(history, horizon_days, interval_s, zone, country))
    rows = rows.merge(profile, on=["queue", "weekend", "clock"], how="left")
    rows = rows.merge(usual, on=["queue", "weekday"], how="left")
    rows = rows.merge(_ratios(volumes, usual), on=["queue", "kind"], how="left")
    rows["calls"] = rows["usual"].fillna(0.0) * rows["ratio"].fillna(1.0) * rows["share"].fillna(0.0)
    return _with_aht(rows, history)[list(DEMAND.columns)]


def _check_horizon(horizon_days: object) -> None:
    whole = isinstance(horizon_days, (int, np.integer)) and not isinstance(horizon_days, bool)
    if not whole or horizon_days < 1:  # type: ignore[operator]
        raise PlanningError(
            f"horizon_days is {horizon_days!r}, must be a whole number of at least 1: change it"
        )


def _with_days(frame: pd.DataFrame, zone: str, country: str) -> pd.DataFrame:
    """Add each row's local day, weekday, class of weekday, kind of day and local time of day."""
    times = pd.DatetimeIndex(frame["interval_start"]).tz_convert(zone)
    day = times.normalize()
    kinds = day_kinds(day.unique(), country)
    return frame.assign(
        interval_start=times,
        day=day,
        weekday=day.day_of_week,
        weekend=day.day_of_week >= 5,
        kind=kinds.reindex(day).to_numpy(),
        clock=time_of_day(times),
    )


def _grid(history: pd.DataFrame) -> int:
    """Find the length of the demand's intervals, seconds, and refuse rows that are off their grid."""
    starts = history["interval_start"].drop_duplicates().sort_values()
    step = starts.diff().min()
    hour = pd.Timedelta(hours=1)
    if pd.isna(step) or step > hour or hour % step:
        raise PlanningError(f"intervals of demand are {step} apart, must divide an hour: use 900 s, say")
    off = history["clock"] % step != pd.Timedelta(0)
    if off.any():
        start = history.loc[off, "interval_start"].iloc[0]
        raise PlanningError(
            f"interval_start {start.isoformat()} lies off the grid of {step.total_seconds():g} s "
            "from midnight: use intervals of one length"
        )
    return int(step.total_seconds())


def _check_length(history: pd.DataFrame) -> None:
    days = history.groupby("queue", sort=False)["day"].agg(["min", "max"])
    length = (days["max"] - days["min"]).dt.round("D").dt.days + 1
    if length.min() < MIN_DAYS:
        raise PlanningError(
            f"demand of {length.idxmin()} is {length.min()} days long, must be at least {MIN_DAYS} "
            "for every weekday to come twice: add earlier demand or leave the queue out"
        )


def _profile(history: pd.DataFrame) -> pd.DataFrame:
    """Share of a day's calls by time of day, for each queue and class of weekday; shares add up to 1."""
    keys = ["queue", "weekend"]
    mean = history.groupby([*keys, "clock"])["calls"].mean()
    # Special days have a shape of their own; they count only where a class has no others.
    ordinary = history[history["kind"] == "ordinary"].groupby([*keys, "clock"])["calls"].mean()
    mean = ordinary.reindex(mean.index).fillna(mean)
    total = mean.groupby(level=keys).transform("sum")
    flat = 1 / mean.groupby(level=keys).transform("size")
    return (mean / total.where(total > 0)).fillna(flat).rename("share").reset_index()


def _volumes(history: pd.DataFrame, profile: pd.DataFrame) -> pd.DataFrame:
    """Volume of each queue's days: calls over the share of the profile that the day's rows cover."""
    rows = history.merge(profile, on=["queue", "weekend", "clock"])
    days = rows.groupby(["queue", "day", "weekday", "weekend", "kind"], as_index=False)[
        ["calls", "share"]
    ].sum()
    return days.assign(volume=days["calls"] / days["share"].where(days["share"] > 0)).dropna(subset="volume")


def _usual(volumes: pd.DataFrame) -> pd.DataFrame:
    """Median volume of each queue's weekdays; a weekday of special days only borrows from its class."""
    ordinary = volumes[volumes["kind"] == "ordinary"]
    recent = ordinary.sort_values("day").groupby(["queue", "weekday"]).tail(WEEKS)
    weekday = recent.groupby(["queue", "weekday"])["volume"].median()
    usual = volumes.groupby(["queue", "weekday", "weekend"], as_index=False)["volume"].median()
    by_class = ordinary.groupby(["queue", "weekend"])["volume"].median()
    own = weekday.reindex(pd.MultiIndex.from_frame(usual[["queue", "weekday"]])).to_numpy()
    borrowed = by_class.reindex(pd.MultiIndex.from_frame(usual[["queue", "weekend"]])).to_numpy()
    value = pd.Series(own, usual.index).fillna(pd.Series(borrowed, usual.index)).fillna(usual["volume"])
    return usual.assign(usual=value)[["queue", "weekday", "usual"]]


def _ratios(volumes: pd.DataFrame, usual: pd.DataFrame) -> pd.DataFrame:
    """Median ratio of special days to their usual weekday, for each queue and kind."""
    special = volumes[volumes["kind"] != "ordinary"].merge(usual, on=["queue", "weekday"])
    special["ratio"] = special["volume"] / special["usual"].where(special["usual"] > 0)
    return special.groupby(["queue", "kind"], as_index=False)["ratio"].median()


def _future(
    history: pd.DataFrame, horizon_days: int, interval_s: int, zone: str, country: str
) -> pd.DataFrame:
    last = history["day"].max().tz_localize(None)
    first = day_start((last + pd.Timedelta(days=1)).date(), zone)
    return _with_days(pd.DataFrame({"interval_start": axis(first, horizon_days, interval_s)}), zone, country)


def _open_intervals(history: pd.DataFrame, future: pd.DataFrame) -> pd.DataFrame:
    """Rows of the horizon for each queue, at the local times of its weekdays that the history knows."""
    known = history[["queue", "weekday", "clock"]].drop_duplicates()
    queues = history[["queue"]].drop_duplicates()
    return queues.merge(future, how="cross").merge(known, on=["queue", "weekday", "clock"])


def _with_aht(rows: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """Add the call-weighted mean handle time by time of day, or the queue's where there were no calls."""
    work = history.assign(work=history["calls"] * history["aht_s"])
    clock = work.groupby(["queue", "clock"])[["work", "calls"]].sum()
    queue = work.groupby("queue")[["work", "calls"]].sum()
    by_clock = (clock["work"] / clock["calls"].where(clock["calls"] > 0)).rename("aht_s").reset_index()
    mean = (queue["work"] / queue["calls"].where(queue["calls"] > 0)).fillna(
        history.groupby("queue")["aht_s"].mean()
    )
    rows = rows.merge(by_clock, on=["queue", "clock"], how="left")
    return rows.assign(aht_s=rows["aht_s"].fillna(rows["queue"].map(mean)))
