"""Demand by interval: reading it from a file, and the kinds of days."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from planning.calendars import check_zone, on_clock, public_holidays, time_of_day
from planning.errors import PlanningError
from planning.tables import DEMAND, PLANNED, read_csv

_NO_OFFSET = r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d([.]\d+)?)?)?"
MAX_DAYS = 36_600
"""A century of days: all intervals of a horizon are held in memory at once."""


def read_demand(path: str | Path, zone: str) -> pd.DataFrame:
    """Read a table of demand and check every row of it.

    Parameters
    ----------
    path : str or Path
        A file that ends in ``.csv`` or ``.parquet``, with the columns of `planning.tables.DEMAND`; others
        are left out. Times are ISO 8601. If no time has an offset, all are on the clock of `zone`, and a
        warning says so.
    zone : str
        IANA time zone in which times are shown, for example "Europe/Moscow".

    Returns
    -------
    DataFrame
        Columns queue, interval_start (in `zone`), calls, aht_s (seconds), a row per queue and interval, in
        the order of the file; and ``planned_with`` if the file is a plan's ``demand.csv``.

    Raises
    ------
    PlanningError
        The file is missing, of another kind, empty or damaged, or lacks a column; or a row is faulty.

    Examples
    --------
    >>> demand = read_demand("data/demand.parquet", "Europe/Moscow")
    >>> list(demand.columns)
    ['queue', 'interval_start', 'calls', 'aht_s']
    >>> demand["interval_start"].iloc[0].isoformat()
    '2026-09-28T00:00:00+03:00'
    """
    path = Path(path)
    check_zone(zone)
    raw = _on_the_clock(_read(path), zone, path)
    frame = (PLANNED if "planned_with" in raw else DEMAND).check(raw, source=str(path))
    frame["interval_start"] = frame["interval_start"].dt.tz_convert(zone)
    return frame


def _on_the_clock(raw: pd.DataFrame, zone: str, path: Path) -> pd.DataFrame:
    """Place times without an offset; of two rows with the same time, the first is an hour earlier."""
    if not {"queue", "interval_start"} <= set(raw.columns) or raw.empty:
        return raw
    if isinstance(raw["interval_start"].dtype, pd.DatetimeTZDtype):
        return raw
    texts = raw["interval_start"].astype("str")
    if not texts.str.fullmatch(_NO_OFFSET).all():
        return raw
    repeated = raw.duplicated(["queue", "interval_start"]).to_numpy()
    local = pd.to_datetime(texts, format="ISO8601", errors="coerce")
    placed = local.dt.tz_localize(zone, ambiguous=~repeated, nonexistent="NaT")
    warnings.warn(f"{path}: its times have no offset, so they are on the clock of {zone}", stacklevel=3)
    # A time that the clock skips stays as it is written, and its row is refused.
    known = placed.notna()
    return raw.assign(interval_start=placed if known.all() else placed.astype("object").where(known, texts))


def day_kinds(days: pd.DatetimeIndex, country: str) -> pd.Series:
    """Name the kind of each local day: how its volume differs from that of its weekday.

    Parameters
    ----------
    days : DatetimeIndex
        Local midnights.
    country : str
        Country of the production calendar, ISO 3166.

    Returns
    -------
    Series
        Index `days`; "holiday", "first" (the first business day of its month) or "ordinary".

    Raises
    ------
    PlanningError
        The country is unknown.

    Examples
    --------
    >>> days = pd.date_range("2026-11-02", "2026-11-04")
    >>> day_kinds(days, "RU").to_list()
    ['first', 'ordinary', 'holiday']
    """
    calendar = public_holidays(country, tuple(sorted({day.year for day in days})))

    def kind(day: pd.Timestamp) -> str:
        if day.date() in calendar:
            return "holiday"
        if not calendar.is_working_day(day.date()):
            return "ordinary"
        previous = calendar.get_nth_working_day(day.date(), -1)
        return "ordinary" if previous.month == day.month else "first"

    return pd.Series([kind(day) for day in days], index=days, dtype="str")


def local_zone(*tables: pd.DataFrame) -> str:
    """Time zone of the first table whose times have one: those of a CSV file come in UTC."""
    zones = [str(table["interval_start"].dt.tz) for table in tables]
    return next((zone for zone in zones if zone != "UTC"), "UTC")


def _read(path: Path) -> pd.DataFrame:
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise PlanningError(
            f"demand file {path} ends in {path.suffix!r}, must end in .csv or .parquet: save it as such"
        )
    if not path.is_file():
        raise PlanningError(f"demand file {path} does not exist: give the path of a CSV or Parquet file")
    if not path.stat().st_size:
        raise PlanningError(f"demand file {path} is empty: give at least a header and one row")
    try:
        return read(path)
    except (ValueError, OSError) as error:  # pandas' and Arrow's errors of parsing are both
        reason = " ".join(str(error).split())
        kind = path.suffix.lower().removeprefix(".")
        raise PlanningError(
            f"demand file {path} cannot be read as {kind}: {reason}: export it anew"
        ) from None


def _read_csv(path: Path) -> pd.DataFrame:
    # The table's own check turns text into numbers and times, and says what it could not turn.
    return read_csv(path, keep_default_na=False)


_READERS: dict[str, Callable[[Path], Any]] = {".csv": _read_csv, ".parquet": pd.read_parquet}


def aggregate(demand: pd.DataFrame, interval_s: int) -> pd.DataFrame:
    """Sum a demand into longer intervals; the handle time is the mean over the calls.

    Parameters
    ----------
    demand : DataFrame
        Columns of `planning.tables.DEMAND`.
    interval_s : int
        Length of the new intervals, seconds, in which each day must divide evenly; no less than those of the
        demand. Where clocks change, one of more than an hour has an hour more or less.

    Returns
    -------
    DataFrame
        Columns of `planning.tables.DEMAND`; without calls the handle time is the plain mean.

    Raises
    ------
    PlanningError
        A row is faulty, or the intervals do not divide a day or are finer than the demand's.

    Examples
    --------
    >>> start = pd.date_range("2026-11-23 09:00", periods=4, freq="15min", tz="Europe/Moscow")
    >>> calls, aht_s = [10, 20, 30, 40], [100, 100, 100, 200]
    >>> demand = pd.DataFrame({"queue": "a", "interval_start": start, "calls": calls, "aht_s": aht_s})
    >>> aggregate(demand, 3600)[["calls", "aht_s"]].values.tolist()
    [[100.0, 140.0]]
    """
    day_s = 86_400
    if interval_s <= 0 or day_s % interval_s:
        raise PlanningError(f"interval_s is {interval_s}, must divide a day of {day_s} s: use 1800, say")
    rows = DEMAND.check(demand, "demand")
    own_s = rows["interval_start"].drop_duplicates().sort_values().diff().min() / pd.Timedelta(seconds=1)
    if interval_s < own_s:
        raise PlanningError(
            f"interval_s is {interval_s}, must be at least the {own_s:g} s of the demand's own intervals: "
            "use longer ones, or finer demand"
        )
    rows["work"] = rows["calls"] * rows["aht_s"]
    rows["interval_start"] = _floor(pd.DatetimeIndex(rows["interval_start"]), interval_s)
    groups = rows.groupby(["queue", "interval_start"], sort=False, as_index=False)
    table = groups.agg(calls=("calls", "sum"), work=("work", "sum"), aht_s=("aht_s", "mean"))
    table["aht_s"] = (table["work"] / table["calls"]).where(table["calls"] > 0, table["aht_s"])
    return table[list(DEMAND.columns)]


def _floor(times: pd.DatetimeIndex, interval_s: int) -> pd.DatetimeIndex:
    """Start of each time's interval on the local clock; of an hour that comes twice each has its own."""
    step = pd.Timedelta(seconds=interval_s)
    if 3600 % interval_s == 0:
        return times - time_of_day(times) % step
    return on_clock(times.tz_localize(None).floor(step), times.tz)
