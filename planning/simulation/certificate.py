"""The certificate of a plan: promised against simulated service by queue and day, and the agents missing."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.calendars import midnights
from planning.simulation.network import Agent
from planning.simulation.replications import Simulation, Staffed, run, summarise, wired_of
from planning.simulation.wiring import Wired

if TYPE_CHECKING:
    from planning.centre import Centre

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
        Index queue, day: target, promised (by the formula, over the calls), simulated, half_width (95 %),
        verdict ("holds", "too close to call", "does not hold") and short: the fewest extra agents, on
        position for as long as the queue is open that day, with whom the mean would reach the target (0 where
        the promise is kept, missing where no number of agents helps).
    """
    targets = {
        name: queue.target.service_level
        for name, queue in centre.queues.items()
        if queue.target.service_level is not None
    }
    found = simulation.days[simulation.days.index.get_level_values("queue").isin(targets)]
    table = pd.DataFrame(
        {
            "target": found.index.get_level_values("queue").map(targets).astype(float),
            "promised": _promised(requirement).reindex(found.index).fillna(1.0),
            "simulated": found["service_level"],
            "half_width": found["half_width"],
        },
        index=found.index,
    )
    table["verdict"] = [
        verdict(row.simulated, row.half_width, row.target) for row in table.itertuples(index=False)
    ]
    broken = table.loc[table["verdict"] == "does not hold", "target"]
    short = missing_agents(centre, demand, plan, broken, simulation, executor=executor)
    return table.assign(short=short.reindex(table.index).where(table["verdict"] == "does not hold", 0))


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
    aims: pd.Series,
    simulation: Simulation,
    *,
    executor: Executor | None = None,
) -> pd.Series:
    """Fewest extra agents with whom each queue reaches its service level on each day, all found at once.

    The search doubles, then halves. It ignores that one queue's agents also help other queues, which matters
    little because few days lack agents.

    Parameters
    ----------
    centre, demand, plan, executor
        As `certificate` takes them.
    aims : Series
        Service level by queue and day.
    simulation : Simulation
        The plan's simulation; the search uses the same callers.

    Returns
    -------
    Series
        Whole numbers on the index of `aims`; missing where no number of agents helps.
    """
    low, high = pd.Series(0, aims.index), pd.Series(1, aims.index)
    known = pd.Series(False, aims.index)
    if aims.empty:
        return high.astype("Int64")
    wired = wired_of(centre, demand, plan)
    # A queue that no agent helps must not stop the search for the others.
    while ((~known & (high <= MOST)) | (known & (high - low > 1))).any():
        tried = high.where(~known, (low + high) // 2).clip(upper=MOST)
        more = _with(centre, wired, tried)
        days = run(
            centre, more, replications=simulation.replications, seed=simulation.seed, executor=executor
        )
        good = summarise(more, days, simulation.seed).days["service_level"].reindex(aims.index) >= aims
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
    """One more agent of each pool's first team from the first to the last interval of a queue's day."""
    mine = wired.demand[wired.demand["queue"] == queue]["interval_start"]
    at: NDArray[np.int64] = np.flatnonzero(wired.times.isin(mine) & (midnights(wired.times) == day))
    span = (float(at[0] * centre.interval_s), float((at[-1] + 1) * centre.interval_s))
    pools = [one for one, of in zip(wired.network.queues, wired.queue_of, strict=True) if of == queue]
    return tuple(Agent(pool.teams[0], (span,)) for pool in pools)
