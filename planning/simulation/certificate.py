"""The certificate of a plan: promised against simulated service by queue and day, and the agents missing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from planning.calendars import midnights
from planning.checks import Bools, Floats
from planning.queueing.target import Target
from planning.simulation.contacts import Band, band_of_ratio
from planning.simulation.network import Agent
from planning.simulation.replications import Simulation, Staffed, run, summarise, wired_of
from planning.simulation.wiring import Wired

if TYPE_CHECKING:
    from planning.centre import Centre

MEAN = 0.5
"""The share `Target.kept` that asks for the mean."""
MOST = 256
"""The most agents that the search for missing ones adds to a queue's day."""


def certificate(
    centre: Centre,
    demand: pd.DataFrame,
    plan: Staffed,
    requirement: pd.DataFrame,
    simulation: Simulation,
    *,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Compare each promise with the simulation, and count the agents missing where it is broken.

    Parameters
    ----------
    centre : Centre
    demand, plan
        The demand and plan that were simulated.
    requirement : DataFrame
        REQUIREMENT, with the promised service level.
    simulation : Simulation
        The plan's simulation; the search for missing agents uses the same callers.
    executor : concurrent.futures.Executor, optional

    Returns
    -------
    DataFrame
        As `kept_promises` gives it, with promised (by the formula, over the calls of the day) and short: the
        fewest extra agents, on position for as long as the queue is open that day, with whom the promise
        would be met (0 where it is kept, missing where no number of agents helps).
    """
    table = kept_promises(centre, simulation)
    table.insert(3, "promised", _promised(requirement).reindex(table.index).fillna(1.0))
    broken = table.index[table["verdict"] == "does not hold"]
    short = missing_agents(centre, demand, plan, broken, simulation, executor=executor)
    return table.assign(short=short.reindex(table.index).where(table["verdict"] == "does not hold", 0))


def kept_promises(centre: Centre, simulation: Simulation) -> pd.DataFrame:
    """Judge the promise of each queue's service level on each day, within its scope.

    Where `Target.kept` is 0.5, the mean of the day (of the seven days, of each interval) must reach the
    target; otherwise the service level must be kept on that share of the simulated days.

    Parameters
    ----------
    centre : Centre
    simulation : Simulation

    Returns
    -------
    DataFrame
        Index queue, day; a promise over the week has a row for every seven days, on their first. Columns
        target, over, asked (the share that must keep it), simulated and half_width (the mean and its 95 %
        band; over the interval, those of the interval that keeps it least, with a band that covers all
        intervals of the day at once), kept (share of the simulated days, weeks or intervals with the target),
        kept_low and kept_high (its 95 % band), proven (the service level that is kept as asked with
        confidence), met (whether the estimate reaches the promise) and verdict ("holds", "too close to call",
        "does not hold").
    """
    rows = {}
    for name, target, offered, within, first in _promises(centre, simulation):
        for day in first.unique():
            at = np.flatnonzero(first == day)
            rows[name, day] = _judged(target, offered.to_numpy()[:, at], within.to_numpy()[:, at])
    index = pd.MultiIndex.from_tuples(rows, names=["queue", "day"]) if rows else simulation.days.index[:0]
    return pd.DataFrame(rows.values(), index=index, columns=Kept._fields)


def kept_by_queue(centre: Centre, simulation: Simulation) -> pd.DataFrame:
    """Share of the simulated days (weeks, intervals) on which each queue keeps its service level.

    Returns
    -------
    DataFrame
        Index queue: kept, and its 95 % band kept_low, kept_high.
    """
    rows = {}
    for name, target, offered, within, first in _promises(centre, simulation):
        called = offered.sum() > 0
        number = len(offered) * first[called.to_numpy()].nunique()
        if target.over != "interval":
            offered, within = (part.T.groupby(first).sum().T for part in (offered, within))
            called = offered.sum() > 0
        good = _good(target, offered.loc[:, called].to_numpy(), within.loc[:, called].to_numpy())
        rows[name] = kept_share(good, max(number, 1))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["kept", "kept_low", "kept_high"])


def _promises(
    centre: Centre, simulation: Simulation
) -> Iterator[tuple[str, Target, pd.DataFrame, pd.DataFrame, pd.DatetimeIndex]]:
    """Yield each queue with a promised service level, and what its promise is judged from.

    That is its target, the calls by replication and interval, those answered in time, and for each interval
    the first day of the promise to which it belongs.
    """
    for name, queue in centre.queues.items():
        if queue.target.service_level is not None and name in simulation.levels:
            offered = simulation.offered[name]
            first = promise_days(centre, pd.DatetimeIndex(offered.columns), name)
            yield name, queue.target, offered, simulation.within[name], first


class Kept(NamedTuple):
    """One promise in the simulation: a row of `kept_promises`."""

    target: float
    over: str
    asked: float
    simulated: float
    half_width: float
    kept: float
    kept_low: float
    kept_high: float
    proven: float
    met: bool
    verdict: str


def promise_days(centre: Centre, times: pd.DatetimeIndex, queue: str) -> pd.DatetimeIndex:
    """First day of the promise of a queue that each interval belongs to."""
    number, days = pd.factorize(midnights(times))
    over = centre.queues[queue].target.over
    return pd.DatetimeIndex(days)[number - number % 7 if over == "week" else number]


def _good(target: Target, offered: Floats, within: Floats) -> Bools:
    """Whether the service level was kept; it is where nobody called."""
    good: Bools = within >= (target.service_level or 0.0) * offered - 1e-9
    return good


def _judged(target: Target, offered: Floats, within: Floats) -> Kept:
    """Judge a promise from the counts of its intervals, shape (replications, intervals)."""
    level, asked = target.service_level or 0.0, target.kept
    if target.over != "interval":
        offered, within = offered.sum(axis=1, keepdims=True), within.sum(axis=1, keepdims=True)
    called = offered.sum(axis=0) > 0
    offered, within = offered[:, called], within[:, called]
    bands = [band_of_ratio(some, whole) for some, whole in zip(within.T, offered.T, strict=True)]
    bands = bands or [Band(1.0, 0.0)]  # closed all day
    # Bonferroni: the worst of many intervals is judged, so its band must cover them all.
    freedom = len(offered) - 1
    wider = stdtrit(freedom, 1 - 0.025 / len(bands)) / stdtrit(freedom, 0.975)
    mean, half_width = min(
        ((one.mean, one.half_width * wider) for one in bands), key=lambda one: one[0] - one[1]
    )
    levels = np.divide(within, offered, out=np.ones_like(within), where=offered > 0)
    kept, low, high = kept_share(_good(target, offered, within), len(offered))
    if asked == MEAN:
        proven, met = mean - half_width, all(one.mean >= level for one in bands)
        judged = verdict(mean, half_width, level)
    else:
        proven, met, judged = _proven(levels, asked), kept >= asked, verdict_of_share(low, high, asked)
    return Kept(level, target.over, asked, mean, half_width, kept, low, high, proven, met, judged)


def _proven(levels: Floats, asked: float) -> float:
    """The highest service level that is kept as often as asked, by the lower edge of the band."""
    tried = np.unique(levels)
    good = [level for level in tried if kept_share(levels >= level, len(levels))[1] >= asked]
    return float(good[-1]) if good else float(tried[0])


def kept_share(good: Bools, number: int) -> tuple[float, float, float]:
    """Share of days that kept a promise, and the edges of its 95 % band (Wilson 1927).

    Parameters
    ----------
    good : ndarray of bool
        Whether each day, or each interval of a day, kept it.
    number : int
        Simulated days. Intervals of a day are alike, so only days count in the band.

    Examples
    --------
    >>> [round(one, 3) for one in kept_share(np.array([True] * 186 + [False] * 14), 200)]
    [0.93, 0.886, 0.958]
    """
    share, z = float(good.mean()) if good.size else 1.0, ndtri(0.975)
    centre = (share + z**2 / (2 * number)) / (1 + z**2 / number)
    reach = z * np.sqrt(share * (1 - share) / number + (z / (2 * number)) ** 2) / (1 + z**2 / number)
    return share, float(max(centre - reach, 0.0)), float(min(centre + reach, 1.0))


def verdict_of_share(low: float, high: float, asked: float) -> str:
    """Judge the share of days that keep a promise by its 95 % band."""
    return "holds" if low >= asked else "does not hold" if high < asked else "too close to call"


def verdict(simulated: float, half_width: float, target: float) -> str:
    """Judge a mean by its 95 % band."""
    if simulated - half_width >= target:
        return "holds"
    return "does not hold" if simulated + half_width < target else "too close to call"


def _promised(requirement: pd.DataFrame) -> pd.Series:
    """Service level by the formula, by queue and day, weighted by calls."""
    day = midnights(pd.DatetimeIndex(requirement["interval_start"])).rename("day")
    calls = requirement["calls"].where(requirement["service_level"].notna(), 0.0)
    sums = pd.DataFrame({"good": calls * requirement["service_level"], "calls": calls})
    total = sums.groupby([requirement["queue"], day], sort=False).sum()
    return total["good"] / total["calls"].replace(0.0, np.nan)


def missing_agents(
    centre: Centre,
    demand: pd.DataFrame,
    plan: Staffed,
    broken: pd.Index,
    simulation: Simulation,
    *,
    executor: Executor | None = None,
) -> pd.Series:
    """Fewest extra agents with whom each broken promise would be met, all found at once.

    The search doubles, then halves. It ignores that one queue's agents also help other queues, which matters
    little because few days lack agents.

    Parameters
    ----------
    centre, demand, plan, executor
        As `certificate` takes them.
    broken : MultiIndex
        Queues and days, of `kept_promises`.
    simulation : Simulation
        The plan's simulation; the search uses the same callers.

    Returns
    -------
    Series
        Whole numbers on the index `broken`; missing where no number of agents helps.
    """
    low, high = pd.Series(0, broken), pd.Series(1, broken)
    known = pd.Series(False, broken)
    if broken.empty:
        return high.astype("Int64")
    wired = wired_of(centre, demand, plan)
    # A queue that no agent helps must not stop the search for the others.
    while ((~known & (high <= MOST)) | (known & (high - low > 1))).any():
        tried = high.where(~known, (low + high) // 2).clip(upper=MOST)
        more = _with(centre, wired, tried)
        days = run(
            centre, more, replications=simulation.replications, seed=simulation.seed, executor=executor
        )
        good = kept_promises(centre, summarise(more, days, simulation.seed))["met"].loc[broken]
        low = low.where(good, tried)
        high = high.where(~good, tried).where(good | known, 2 * tried)
        known |= good
    return high.astype("Int64").where(known)


def _with(centre: Centre, wired: Wired, heads: pd.Series) -> Wired:
    """Put more agents on position, each for all the opening hours of a queue's day."""
    extra = [
        agent
        for (queue, day), number in heads.items()
        for agent in _through(centre, wired, queue, day) * int(number)
    ]
    none = np.zeros(len(extra))
    return replace(
        wired,
        network=replace(wired.network, agents=(*wired.network.agents, *extra)),
        absence=np.concatenate([wired.absence, none]),
        identity=np.concatenate([wired.identity, none.astype(np.int64)]),
    )


def _through(centre: Centre, wired: Wired, queue: str, day: pd.Timestamp) -> tuple[Agent, ...]:
    """One more agent of each pool's first team through the hours in which a promise is kept or broken."""
    mine = wired.demand[wired.demand["queue"] == queue]["interval_start"]
    days = promise_days(centre, wired.times, queue)
    at: NDArray[np.int64] = np.flatnonzero(wired.times.isin(mine) & (days == day))
    span = (float(at[0] * centre.interval_s), float((at[-1] + 1) * centre.interval_s))
    pools = [one for one, of in zip(wired.network.queues, wired.queue_of, strict=True) if of == queue]
    return tuple(Agent(pool.teams[0], (span,)) for pool in pools)
