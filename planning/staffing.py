"""From demand and targets to the agents that each queue needs at each site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from planning.calendars import time_of_day
from planning.errors import PlanningError
from planning.queueing import agents_required, measures
from planning.routing import answering_sites
from planning.tables import DEMAND, REQUIREMENT

if TYPE_CHECKING:
    from planning.centre import Centre, Queue

__all__ = ["planned_demand", "requirement", "rostered_heads", "split_heads"]

Model = Literal["erlang_a", "erlang_c"]


def requirement(centre: Centre, demand: pd.DataFrame, *, model: Model = "erlang_a") -> pd.DataFrame:
    """Agents that each queue needs at each answering site, interval by interval.

    Sites of a pooled queue work as one: the agents are found on the whole load and then divided by the
    callers' shares, so that pooling's gain is not lost in rounding at each site.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND: queue, interval_start, calls, aht_s.
    model : {"erlang_a", "erlang_c"}
        With the queue's patience, or as if nobody ever hung up.

    Returns
    -------
    DataFrame
        REQUIREMENT: a row a queue, site and interval in which the site answers.

    Raises
    ------
    PlanningError
        A queue is unknown, or calls arrive while their queue is closed.

    Examples
    --------
    >>> from planning import Centre, requirement
    >>> noon = pd.Timestamp("2026-11-23 12:00", tz="Europe/Moscow")
    >>> demand = pd.DataFrame(
    ...     {"queue": ["first_line"], "interval_start": [noon], "calls": [400.0], "aht_s": [200.0]}
    ... )
    >>> requirement(Centre.load(), demand)[["site", "load_erlangs", "agents", "rostered"]].round(1)
         site  load_erlangs  agents  rostered
    0  kaluga          35.6      41        46
    1  moscow          53.3      61        68
    """
    planned = planned_demand(centre, demand)
    parts = [
        _queue_requirement(centre, str(name), rows, model)
        for name, rows in planned.groupby("queue", sort=False)
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[list(REQUIREMENT.columns)]


def planned_demand(centre: Centre, demand: pd.DataFrame) -> pd.DataFrame:
    """Apply the centre's volume and AHT settings to a demand, and refuse what cannot be planned.

    Returns
    -------
    DataFrame
        DEMAND on the centre's clock, ordered by queue (as in the centre) and time.
    """
    rows = DEMAND.check(demand, "demand")
    unknown = sorted(set(rows["queue"]) - set(centre.queues))
    if unknown:
        raise PlanningError(
            f"demand names queue {unknown[0]!r}, must be one of {', '.join(centre.queues)}: "
            "add it to the centre's queues or rename it"
        )
    rows["interval_start"] = rows["interval_start"].dt.tz_convert(centre.time_zone).astype(
        f"datetime64[us, {centre.time_zone}]"
    )  # fmt: skip
    _check_grid(centre, pd.DatetimeIndex(rows["interval_start"]))
    parts = [_adjusted(centre, name, rows[rows["queue"] == name]) for name in centre.queues]
    planned = pd.concat(parts, ignore_index=True)
    if planned.empty:
        raise PlanningError("demand has no row at which its queue is open: give rows in the queue's hours")
    return planned


def _check_grid(centre: Centre, times: pd.DatetimeIndex) -> None:
    """Refuse intervals of another length than the centre's, which would be staffed wrongly without a word."""
    length = pd.Timedelta(seconds=centre.interval_s)
    off = times[time_of_day(times) % length != pd.Timedelta(0)]
    if len(off):
        raise PlanningError(
            f"demand has interval_start {off[0]:%Y-%m-%d %H:%M:%S}, must lie on the grid of "
            f"{centre.interval_s} s: set the centre's interval_s, or count the calls by its intervals"
        )
    steps = times.unique().sort_values().diff()[1:]
    if len(steps) and steps.min() > length:
        raise PlanningError(
            f"demand comes every {steps.min().total_seconds():g} s, must come every {centre.interval_s} s: "
            "set the centre's interval_s, or count the calls by its intervals"
        )


def _adjusted(centre: Centre, name: str, rows: pd.DataFrame) -> pd.DataFrame:
    queue = centre.queues[name]
    rows = rows.sort_values("interval_start", ignore_index=True)
    clock = time_of_day(pd.DatetimeIndex(rows["interval_start"]))
    closed = (clock < queue.opens) | (clock >= queue.closes)
    if (rows["calls"][closed] > 0).any():
        first = rows[closed & (rows["calls"] > 0).to_numpy()].iloc[0]
        raise PlanningError(
            f"demand of {name} has {first['calls']:g} calls at {first['interval_start']:%Y-%m-%d %H:%M}, "
            f"when the queue is closed: change queues.{name}.opens and closes, or drop those rows"
        )
    rows = rows[~closed].reset_index(drop=True)
    untimed = rows[(rows["calls"] > 0) & (rows["aht_s"] <= 0)]
    if len(untimed):
        raise PlanningError(
            f"demand of {name} has calls but aht_s 0 at {untimed['interval_start'].iloc[0]:%Y-%m-%d %H:%M}: "
            "give the mean handle time in seconds"
        )
    mean_s = np.average(rows["aht_s"], weights=rows["calls"]) if rows["calls"].sum() > 0 else 1.0
    rows["aht_s"] = rows["aht_s"].where(rows["aht_s"] > 0, mean_s)  # without calls any handle time will do
    if queue.aht_s is not None and rows["calls"].sum() > 0:
        rows["aht_s"] *= queue.aht_s / mean_s
    return rows.assign(calls=rows["calls"] * queue.volume)


def _queue_requirement(centre: Centre, name: str, rows: pd.DataFrame, model: Model) -> pd.DataFrame:
    queue = centre.queues[name]
    times = pd.DatetimeIndex(rows["interval_start"])
    sites = answering_sites(centre, name, times)
    shares = {
        site: sum((sites[home] == site).to_numpy() * share for home, share in queue.sites.items())
        for site in centre.sites
    }
    share = np.column_stack([np.broadcast_to(part, len(rows)) for part in shares.values()]).astype(float)
    agents, service_level = _agents(centre, queue, rows, share, model)
    parts = [
        _site_rows(centre, name, site, rows, share[:, number], agents[:, number], service_level[:, number])
        for number, site in enumerate(shares)
    ]
    return pd.concat(parts, ignore_index=True).sort_values(["interval_start", "site"], ignore_index=True)


def _agents(
    centre: Centre, queue: Queue, rows: pd.DataFrame, share: NDArray[np.float64], model: Model
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Agents and promised service level by interval (row) and site (column)."""
    patience_s = queue.patience_s if model == "erlang_a" else np.inf
    calls, aht_s = rows["calls"].to_numpy(), rows["aht_s"].to_numpy()
    answers = share > 0
    if not queue.pooled:
        calls, aht_s = calls[:, None] * share, aht_s[:, None]
    common = {"interval_s": centre.interval_s, "patience_s": patience_s}
    needed = agents_required(calls, aht_s, queue.target, **common)
    agents = split_heads(needed, share) if queue.pooled else needed
    agents = np.where(answers, np.maximum(agents, queue.min_agents), 0)
    on_position = agents.sum(axis=1) if queue.pooled else agents
    promised = measures(
        calls, aht_s, on_position, threshold_s=queue.target.threshold_s, **common
    ).service_level
    if queue.target.service_level is None:
        promised = np.full_like(promised, np.nan)
    return agents, np.broadcast_to(promised[:, None], share.shape) if queue.pooled else promised


def _site_rows(
    centre: Centre, queue: str, site: str, rows: pd.DataFrame, share: NDArray[np.float64],
    agents: NDArray[np.int64], service_level: NDArray[np.float64],
) -> pd.DataFrame:  # fmt: skip
    """REQUIREMENT rows of one queue at one site, for the intervals in which it answers."""
    team = centre.team_for(queue, site)
    calls = rows["calls"].to_numpy() * share
    table = pd.DataFrame(
        {
            "queue": queue, "site": site, "interval_start": rows["interval_start"], "calls": calls,
            "aht_s": rows["aht_s"], "load_erlangs": calls * rows["aht_s"].to_numpy() / centre.interval_s,
            "agents": agents, "service_level": service_level,
            "rostered": rostered_heads(agents, centre.teams[team].shrinkage if team else 0.0),
        }
    )  # fmt: skip
    return table[share > 0]


def split_heads(heads: ArrayLike, share: NDArray[np.float64]) -> NDArray[np.int64]:
    """Divide whole heads by shares, the largest remainders rounded up, so that they add up.

    Parameters
    ----------
    heads : array_like of int, shape (n,)
    share : ndarray, shape (n, sites)
        Rows add up to 1, or to 0 where nobody answers.

    Examples
    --------
    >>> split_heads([10, 3], np.array([[0.62, 0.38], [0.5, 0.5]]))
    array([[6, 4],
           [2, 1]])
    """
    exact = np.asarray(heads)[:, None] * share
    whole = np.floor(exact + 1e-9).astype(np.int64)
    left = np.rint(exact.sum(axis=1) - whole.sum(axis=1))
    # Stable order: of two equal remainders the first site gets the head.
    rank = np.argsort(np.argsort(-(exact - whole), axis=1, kind="stable"), axis=1, kind="stable")
    split: NDArray[np.int64] = whole + (rank < left[:, None])
    return split


def rostered_heads(agents: ArrayLike, shrinkage: float) -> NDArray[np.int64]:
    """Heads to roster so that `agents` are on position after shrinkage.

    The least m with m (1 - shrinkage) >= agents; a plain ceiling of the quotient would give 31 for 21 seats
    at 30 %, since 21 / 0.7 is a little over 30 in floating point.

    Examples
    --------
    >>> rostered_heads([21, 22, 0], 0.30)
    array([30, 32,  0])
    """
    heads: NDArray[np.int64] = np.ceil(np.round(np.asarray(agents) / (1 - shrinkage), 9)).astype(np.int64)
    return heads
