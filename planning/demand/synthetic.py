"""A synthetic national demand, seeded and calibrated on published figures, without any customer's data.

Every figure is in ``data/synthetic.toml`` with its source. Calls follow the textbook model: Poisson arrivals
around a Gamma-modulated rate (Jongbloed & Koole, 2001), lognormal handle times and patience (Brown et al.,
2005), first come first served by agents that a square-root rule staffs (Halfin & Whitt, 1981).
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator

from planning.calendars import axis, day_start, local_day, on_clock, time_of_day
from planning.centre.settings import Hourly, Hours, NotNegative, Positive, Settings, Share, Zone
from planning.checks import Floats, whole
from planning.demand.intervals import MAX_DAYS, day_kinds
from planning.errors import PlanningError

HOUR = pd.Timedelta(hours=1)


# ------------------------------------------------------------------------------------------------ settings
class CallerZone(Settings):
    """A time zone that callers live in."""

    utc_offset_h: Annotated[int, Field(ge=-12, le=14)]
    """The zone's clock, hours from UTC."""
    share: Share
    """Share of the callers."""


class Seasonality(Settings):
    """How volume and handle time move with the hour, the weekday and the calendar."""

    calls_by_hour: Hourly
    """Calls by hour of the caller's own clock, 24 numbers in any unit."""
    aht_by_hour_s: Annotated[list[Positive], Field(min_length=24, max_length=24)]
    """Handle time by hour of the centre's clock, 24 numbers; a queue scales it to its own mean."""
    weekday_index: Annotated[list[NotNegative], Field(min_length=7, max_length=7)]
    """Calls of a day, Monday to Sunday, as a share of an ordinary weekday."""
    first_business_day: NotNegative
    """Factor on the first business day of a month."""
    holiday: NotNegative
    """Factor on a public holiday."""
    day_cv: NotNegative
    """Coefficient of variation of the Gamma factor on a queue's day."""


class Source(Hours):
    """The calls of a queue."""

    calls_weekday: NotNegative
    """Calls of a weekday with index 1."""
    aht_s: Positive
    """Mean handle time, seconds."""
    handle_cv: NotNegative
    """Coefficient of variation of single handle times."""
    deferred: bool = False
    """Planned work: even over its hours and days, without over-dispersion or hang-ups."""


class Records(Settings):
    """The course of single calls."""

    patience_log_mean: Annotated[float, Field(allow_inf_nan=False)]
    """Mean of the logarithm of patience in seconds."""
    patience_log_sd: NotNegative
    """Standard deviation of the logarithm of patience."""
    short_s: Positive
    """A short call lasts less than this, seconds."""
    short_share: Share
    """Share of short calls."""
    worst_short_share: Share
    """Share of short calls of the worst agent."""
    short_agents: Share
    """Share of the agents who make most of the short calls."""
    agent_cv: NotNegative
    """Coefficient of variation of the mean handle time between agents."""
    staffing_beta: NotNegative
    """Agents on duty: load + beta x sqrt(load)."""
    duty_h: Annotated[int, Field(gt=0, le=24)]
    """Longest presence of an agent, hours."""


class Files(Settings):
    """What `write_data` writes."""

    seed: Annotated[int, Field(ge=0)]
    """Seed of the generator."""
    demand_start: date
    """First day of demand.parquet."""
    demand_days: Annotated[int, Field(gt=0)]
    """Days of demand.parquet."""
    calls_day: date
    """Day of calls.parquet."""


class Synthetic(Settings):
    """Every figure of the generator.

    Examples
    --------
    >>> settings = Synthetic.load("data/synthetic.toml")
    >>> settings.queues["first_line"].calls_weekday
    20000.0
    """

    schema_version: Literal[1]
    """Version of the file's format."""
    time_zone: Zone
    """The centre's clock, on which days, weekdays and opening hours are counted."""
    country: str
    """Country of the production calendar, ISO 3166."""
    population: Annotated[list[CallerZone], Field(min_length=1)]
    """Where the callers live."""
    shape: Seasonality
    """How volume and handle time move."""
    queues: Annotated[dict[str, Source], Field(min_length=1)]
    """Queues by name."""
    records: Records
    """The course of single calls."""
    files: Files
    """What is written to `data/`."""

    @model_validator(mode="after")
    def _shares_add_up(self) -> Self:
        total = sum(zone.share for zone in self.population)
        if abs(total - 1) > 1e-9:
            raise ValueError(f"population adds up to {total:g}, must add up to 1: change the shares")
        return self


# -------------------------------------------------------------------------------------------------- demand
def expected_demand(
    settings: Synthetic, *, start: date | str, days: int, interval_s: int = 900
) -> pd.DataFrame:
    """Compute the demand that the synthetic one varies around.

    On day d an interval t of a queue expects ``volume x index(d) x w(t) / sum of w over the day`` calls,
    where ``w(t) = sum over zones z of share_z x shape(t on z's clock)``: the national curve on the centre's
    clock. A deferred queue has w = 1 and index 1. The handle time follows its profile by hour, scaled so that
    its mean over a day's calls is the queue's.

    Parameters
    ----------
    settings : Synthetic
    start : date or str
        First local day.
    days : int
        Number of local days.
    interval_s : int
        Length of an interval, seconds; a divisor of an hour.

    Returns
    -------
    DataFrame
        Columns of `planning.tables.DEMAND`: queue, interval_start, calls (mean), aht_s (seconds). No row
        where a queue is closed.

    Raises
    ------
    PlanningError
        `start` is no date, `days` is below 1, or `interval_s` does not divide an hour.

    Examples
    --------
    >>> settings = Synthetic.load("data/synthetic.toml")
    >>> tuesday = expected_demand(settings, start="2026-11-17", days=1)
    >>> tuesday.groupby("queue", sort=False)["calls"].sum().round(1).to_dict()["first_line"]
    20200.0
    """
    times = _axis(settings, start, days, interval_s)
    middles = times + pd.Timedelta(seconds=interval_s / 2)
    national = zone_weights(settings, middles).sum(axis=1)
    aht = _by_hour(settings.shape.aht_by_hour_s, time_of_day(middles) / HOUR)
    index = _day_index(settings, times)
    frames = [
        _expected_queue(name, queue, times, national, aht, index) for name, queue in settings.queues.items()
    ]
    return pd.concat(frames, ignore_index=True)


def synthetic_demand(
    settings: Synthetic, *, start: date | str, days: int, seed: int, interval_s: int = 900
) -> pd.DataFrame:
    """Draw a demand: Poisson counts around Gamma-modulated rates.

    ``calls ~ Poisson(G_d x expected)``, ``G_d ~ Gamma`` of mean 1 and CV `day_cv`, one for each queue and
    day; ``aht_s`` is the mean of that many handle times of CV `handle_cv` (a Gamma variable of that CV over
    the square root of the calls). A deferred queue has G = 1.

    Parameters
    ----------
    settings, start, days, interval_s
        As for `expected_demand`.
    seed : int
        Each queue and day has its own random stream under the seed, so other queues and days do not change
        its numbers.

    Returns
    -------
    DataFrame
        As `expected_demand`, with whole calls; zero where nobody called, and then the expected aht_s.

    Raises
    ------
    PlanningError
        As `expected_demand`, or the seed is negative.

    Notes
    -----
    Source: Jongbloed & Koole (2001), Managing uncertainty in call centres using Poisson mixtures.

    Examples
    --------
    >>> settings = Synthetic.load("data/synthetic.toml")
    >>> one = synthetic_demand(settings, start="2026-11-17", days=1, seed=1)
    >>> two = synthetic_demand(settings, start="2026-11-16", days=2, seed=1)
    >>> same = two.loc[two["interval_start"] >= "2026-11-17", "calls"]
    >>> int(same.sum() - one["calls"].sum())
    0
    """
    whole("seed", seed)
    demand = expected_demand(settings, start=start, days=days, interval_s=interval_s)
    calls, aht = demand["calls"].to_numpy(copy=True), demand["aht_s"].to_numpy(copy=True)
    days_of = local_day(pd.DatetimeIndex(demand["interval_start"]))
    by_day = demand.groupby(["queue", days_of], sort=False)
    for (name, day), rows in by_day.indices.items():
        rng = _generator(seed, name, day, stream=0)
        calls[rows], aht[rows] = _noisy_day(settings, name, calls[rows], aht[rows], rng)
    return demand.assign(calls=calls, aht_s=aht)


def zone_weights(settings: Synthetic, times: pd.DatetimeIndex) -> Floats:
    """Weight the calls of every zone at every instant: its share times the day's shape on its own clock.

    Parameters
    ----------
    settings : Synthetic
    times : DatetimeIndex
        Instants with a time zone, shape (n,).

    Returns
    -------
    ndarray
        Shape (n, zones), any scale.

    Examples
    --------
    >>> settings = Synthetic.load("data/synthetic.toml")
    >>> noon = pd.DatetimeIndex(["2026-11-17 12:00"]).tz_localize("Europe/Moscow")
    >>> zone_weights(settings, noon).shape
    (1, 11)
    """
    utc = (time_of_day(times.tz_convert("UTC")) / HOUR).to_numpy()
    offsets = np.array([zone.utc_offset_h for zone in settings.population])
    shares = np.array([zone.share for zone in settings.population])
    return shares * _by_hour(settings.shape.calls_by_hour, utc[:, None] + offsets)


def calls_by_zone(settings: Synthetic, demand: pd.DataFrame) -> pd.DataFrame:
    """Split a demand's calls over the callers' time zones, by the zones' weights at each instant.

    Parameters
    ----------
    settings : Synthetic
    demand : DataFrame
        Columns of `planning.tables.DEMAND`; queues are added up.

    Returns
    -------
    DataFrame
        Index interval_start, a column a zone ("UTC+3"), from west to east; rows add up to the calls.
    """
    calls = demand.groupby("interval_start")["calls"].sum()
    weights = zone_weights(settings, pd.DatetimeIndex(calls.index))
    shares = weights / weights.sum(axis=1, keepdims=True)
    names = [f"UTC{zone.utc_offset_h:+d}" for zone in settings.population]
    return pd.DataFrame(shares * calls.to_numpy()[:, None], index=calls.index, columns=names)


def _axis(settings: Synthetic, start: date | str, days: int, interval_s: int) -> pd.DatetimeIndex:
    whole("days", days, 1, MAX_DAYS)
    whole("interval_s", interval_s, 1, 3600)
    if 3600 % interval_s:
        raise PlanningError(f"interval_s is {interval_s}, must divide an hour: use 300, 900, 1800 or 3600")
    return axis(day_start(start, settings.time_zone), days, interval_s)


def _by_hour(values: list[float], hours: Any) -> Floats:
    """Interpolate 24 hourly values, each at the middle of its hour, round the clock."""
    return np.asarray(np.interp(hours, np.arange(24) + 0.5, values, period=24), dtype=np.float64)


def _day_index(settings: Synthetic, times: pd.DatetimeIndex) -> Floats:
    """Volume of each instant's local day, as a share of an ordinary weekday's."""
    shape = settings.shape
    days_of = local_day(times)
    days = days_of.unique()
    factor = {"ordinary": 1.0, "first": shape.first_business_day, "holiday": shape.holiday}
    kinds = day_kinds(days, settings.country).map(factor)
    index = pd.Series([shape.weekday_index[day.weekday()] for day in days], index=days) * kinds
    return np.asarray(index.reindex(days_of), dtype=np.float64)


def _expected_queue(
    name: str, queue: Source, times: pd.DatetimeIndex, national: Floats, aht: Floats, index: Floats
) -> pd.DataFrame:
    if queue.deferred:
        national, aht, index = np.ones_like(national), np.ones_like(aht), np.ones_like(index)
    is_open = queue.open_at(times)
    rows = pd.DataFrame({"weight": national, "aht": aht, "index": index, "day": local_day(times)})[is_open]
    share = rows["weight"] / rows.groupby("day")["weight"].transform("sum")
    mean_aht = (share * rows["aht"]).groupby(rows["day"]).transform("sum")
    return pd.DataFrame(
        {
            "queue": name,
            "interval_start": times[is_open],
            "calls": (queue.calls_weekday * rows["index"] * share).to_numpy(),
            "aht_s": (queue.aht_s * rows["aht"] / mean_aht).to_numpy(),
        }
    )


def _noisy_day(
    settings: Synthetic, name: str, calls: Floats, aht: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    queue = settings.queues[name]
    level = 1.0 if queue.deferred else _mean_one(rng, settings.shape.day_cv)
    count = rng.poisson(calls * level).astype(np.float64)
    cv = queue.handle_cv / np.sqrt(np.maximum(count, 1))
    mean = rng.gamma(cv**-2, cv**2) if queue.handle_cv > 0 else 1.0
    # Without calls there is no mean to observe: use the expected one.
    return count, np.where(count > 0, np.maximum(aht * mean, 1.0), aht)


def _mean_one(rng: np.random.Generator, cv: float) -> float:
    """Draw a Gamma variable of mean 1."""
    return float(rng.gamma(cv**-2, cv**2)) if cv > 0 else 1.0


def _generator(seed: int, queue: str, day: pd.Timestamp, stream: int) -> np.random.Generator:
    # What SeedSequence.spawn does with a counter, with names: no queue or day depends on how many others are.
    key = (crc32(queue.encode()), day.toordinal(), stream)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


# --------------------------------------------------------------------------------------------- single calls
def synthetic_calls(
    settings: Synthetic, *, day: date | str, seed: int, interval_s: int = 900
) -> pd.DataFrame:
    """Draw the call records of one local day, all queues.

    The counts are those of `synthetic_demand` with the same seed. Within an interval calls arrive uniformly;
    a caller's zone follows the mix of zones that call at that instant; handle times are lognormal around the
    interval's expected mean, times a factor of the agent, with short calls concentrated in a few agents;
    callers wait in order of arrival and hang up when their lognormal patience ends.

    Parameters
    ----------
    settings : Synthetic
    day : date or str
        Local day.
    seed, interval_s
        As for `synthetic_demand`.

    Returns
    -------
    DataFrame
        Columns of `planning.tables.CALLS`, a row per call in order of arrival; times to a tenth of a second.
        A deferred queue has no callers: its utc_offset_h is the centre's.

    Raises
    ------
    PlanningError
        As `synthetic_demand`.

    Examples
    --------
    >>> settings = Synthetic.load("data/synthetic.toml")
    >>> calls = synthetic_calls(settings, day="2026-11-17", seed=1)
    >>> calls["outcome"].unique().tolist()
    ['answered', 'abandoned']
    """
    drawn = synthetic_demand(settings, start=day, days=1, seed=seed, interval_s=interval_s)
    expected = expected_demand(settings, start=day, days=1, interval_s=interval_s)
    expected = expected.assign(drawn=drawn["calls"].astype(int))
    midnight = day_start(day, settings.time_zone)
    frames = [
        _queue_calls(settings, str(name), rows, _generator(seed, str(name), midnight, stream=1), interval_s)
        for name, rows in expected.groupby("queue", sort=False)
    ]
    calls = pd.concat(frames, ignore_index=True).sort_values("arrival", kind="stable", ignore_index=True)
    calls.insert(0, "call_id", np.arange(len(calls)))
    return calls


def _queue_calls(
    settings: Synthetic, name: str, demand: pd.DataFrame, rng: np.random.Generator, interval_s: int
) -> pd.DataFrame:
    """Draw and serve a queue's calls; `demand` has the expected calls and aht_s, and the calls `drawn`."""
    queue, records = settings.queues[name], settings.records
    first = demand["interval_start"].iloc[0]
    midnight = on_clock(local_day(first), first.tz)
    start_s = ((demand["interval_start"] - midnight) / pd.Timedelta(seconds=1)).to_numpy()
    row = np.repeat(np.arange(len(demand)), demand["drawn"])
    arrival_s = np.sort(np.floor((start_s[row] + interval_s * rng.random(len(row))) * 10) / 10)
    patience_s = rng.lognormal(records.patience_log_mean, records.patience_log_sd, len(row)).round(1)
    if queue.deferred:
        patience_s[:] = np.inf
    spans = duty_spans(_hourly_load(demand, start_s), records)
    handle = _handle_times(queue, records, demand["aht_s"].to_numpy()[row], len(spans), rng)
    wait_s, handle_s, agent = first_come_first_served(arrival_s, patience_s, handle, spans)
    arrival = midnight + pd.to_timedelta((arrival_s * 1000).round().astype(np.int64), unit="ms").as_unit("us")
    return pd.DataFrame(
        {
            "queue": name,
            "utc_offset_h": _offsets(settings, queue, arrival, rng),
            "arrival": arrival,
            "wait_s": wait_s,
            "handle_s": handle_s,
            "outcome": np.where(agent >= 0, "answered", "abandoned"),
            "agent_id": pd.Series([f"{name}-{a:03d}" if a >= 0 else None for a in agent], dtype="str"),
        }
    )


def _offsets(
    settings: Synthetic, queue: Source, arrival: pd.DatetimeIndex, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw each caller's zone from the mix of zones at the instant of the call."""
    if queue.deferred:
        return np.array([round(at.utcoffset() / timedelta(hours=1)) for at in arrival], dtype=np.int64)
    cumulated = zone_weights(settings, arrival).cumsum(axis=1)
    level = rng.random((len(arrival), 1)) * cumulated[:, -1:]
    offsets = np.array([zone.utc_offset_h for zone in settings.population], dtype=np.int64)
    return np.asarray(offsets[(cumulated <= level).sum(axis=1)])


def _hourly_load(demand: pd.DataFrame, start_s: Floats) -> dict[int, float]:
    """Sum the expected load by hour since midnight, erlangs."""
    load = (demand["calls"] * demand["aht_s"]).groupby((start_s // 3600).astype(int)).sum() / 3600
    return {int(hour): float(value) for hour, value in load.items()}


def duty_spans(load: dict[int, float], records: Records) -> list[tuple[float, float]]:
    """Staff each hour by the square-root rule and say when each agent is on duty, seconds since midnight.

    The first to come are the first to leave. The last hour's agents stay until their callers are gone.
    """
    on: list[int] = []
    off: dict[int, float] = {}
    working: deque[int] = deque()
    for hour, erlangs in load.items():
        need = max(1, int(np.ceil(erlangs + records.staffing_beta * np.sqrt(erlangs))))
        while working and (len(working) > need or hour - on[working[0]] >= records.duty_h):
            off[working.popleft()] = hour * 3600.0
        while len(working) < need:
            working.append(len(on))
            on.append(hour)
    return [(hour * 3600.0, off.get(agent, float("inf"))) for agent, hour in enumerate(on)]


def _short_shares(agents: int, records: Records, rng: np.random.Generator) -> Floats:
    """Share out the short calls: the worst agent, a few like them, and little for the rest; same mean."""
    few = int(agents * records.short_agents)
    if few == 0 or few == agents:
        return np.full(agents, records.short_share)
    bad = np.linspace(records.worst_short_share, records.worst_short_share / 2, few)
    rest = max(0.0, (records.short_share * agents - bad.sum()) / (agents - few))
    return rng.permutation(np.concatenate([bad, np.full(agents - few, rest)]))


def _handle_times(
    queue: Source, records: Records, aht_s: Floats, agents: int, rng: np.random.Generator
) -> Callable[[int, int], float]:
    """Draw what makes up handle times, and return the handle time of a call with an agent, seconds.

    A mixture of short calls, uniform on (1 s, short_s), and lognormal ones; the latter's mean and variance
    are such that the mixture has the mean `aht_s` and the CV `handle_cv`.
    """
    short_share = 0.0 if queue.deferred else records.short_share
    shares = np.zeros(agents) if queue.deferred else _short_shares(agents, records, rng)
    low, high = min(1.0, records.short_s), records.short_s
    mean = (aht_s - short_share * (low + high) / 2) / (1 - short_share)
    square = (1 + queue.handle_cv**2) * aht_s**2 - short_share * (low**2 + low * high + high**2) / 3
    spread = square / ((1 - short_share) * mean**2)  # 1 + CV^2 of the long calls, agents' own pace included
    log_var = np.log(np.maximum(spread, 1 + records.agent_cv**2))
    pace_var = np.log(1 + records.agent_cv**2)
    pace = rng.lognormal(-pace_var / 2, np.sqrt(pace_var), agents)
    own_var = log_var - pace_var
    long_s = mean * rng.lognormal(-own_var / 2, np.sqrt(own_var))
    short_s = rng.uniform(low, high, len(aht_s))
    level = rng.random(len(aht_s))

    def handle(call: int, agent: int) -> float:
        seconds = short_s[call] if level[call] < shares[agent] else max(low, long_s[call] * pace[agent])
        return round(float(seconds), 1)

    return handle


def first_come_first_served(
    arrival_s: Floats,
    patience_s: Floats,
    handle: Callable[[int, int], float],
    spans: list[tuple[float, float]],
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Serve callers in order of arrival by the agent who is free first, the longest idle one.

    Parameters
    ----------
    arrival_s, patience_s : ndarray
        Shape (calls,), arrivals ascending; seconds.
    handle : callable
        Handle time of a call with an agent, seconds.
    spans : list of (on, off)
        Duty of each agent, seconds; a call that starts before `off` is finished. The last `off` is infinite.

    Returns
    -------
    wait_s, handle_s, agent : ndarray
        Shape (calls,); for who hangs up the wait is the patience, the handle time NaN and the agent -1.
    """
    wait, served = np.zeros(len(arrival_s)), np.full(len(arrival_s), np.nan)
    who = np.full(len(arrival_s), -1, dtype=np.int64)
    free = [(on, agent) for agent, (on, _) in enumerate(spans)]
    heapq.heapify(free)
    for call, arrived in enumerate(arrival_s):
        # Starts never go back in time, so an agent who has left for this call has left for all that follow.
        while max(arrived, free[0][0]) >= spans[free[0][1]][1]:
            heapq.heappop(free)
        start, agent = max(arrived, free[0][0]), free[0][1]
        if start - arrived > patience_s[call]:
            wait[call] = patience_s[call]
            continue
        wait[call], served[call], who[call] = start - arrived, handle(call, agent), agent
        heapq.heapreplace(free, (start + served[call], agent))
    return wait.round(1), served, who


# --------------------------------------------------------------------------------------------------- files
def write_data(folder: str | Path = "data") -> None:
    """Make ``demand.parquet`` and ``calls.parquet`` again from the folder's ``synthetic.toml``.

    Raises
    ------
    PlanningError
        The generator's file is missing or holds a value that cannot be.
    """
    folder = Path(folder)
    settings = Synthetic.load(folder / "synthetic.toml")
    files = settings.files
    demand = synthetic_demand(settings, start=files.demand_start, days=files.demand_days, seed=files.seed)
    calls = synthetic_calls(settings, day=files.calls_day, seed=files.seed)
    for name, frame in {"demand": demand, "calls": calls}.items():
        frame.to_parquet(folder / f"{name}.parquet", engine="pyarrow", compression="zstd", index=False)
