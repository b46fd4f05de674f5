"""Turn demand and targets into the agents that each queue needs at each site."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv

from planning.calendars import axis, local_day, midnights
from planning.centre.routing import answering_sites
from planning.checks import number, one_of
from planning.deferred import heads_for
from planning.demand.planned import planned_demand
from planning.errors import PlanningError
from planning.queueing import Target, agents_required, exact_agents_required, lagged_calls, measures
from planning.tables import FORECAST, REQUIREMENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from planning.centre import Centre, Queue

Model = Literal["erlang_a", "erlang_c"]
Method = Literal["stationary", "lagged", "exact"]
Meet = Literal["interval", "day"]
# The fewest agents of one pool, by the chosen method.
Needed: TypeAlias = "Callable[[Queue, _Load], NDArray[np.int64]]"


def requirement(
    centre: Centre,
    demand: pd.DataFrame,
    *,
    model: Model = "erlang_a",
    method: Method = "stationary",
    block: int = 1,
    meet: Meet = "interval",
    service_level: pd.Series | None = None,
) -> pd.DataFrame:
    """Agents that each queue needs at each answering site, interval by interval.

    Sites of a pooled queue work as one: the agents are computed for the whole load and then divided by the
    callers' shares, so that the gain from pooling is not lost in rounding at each site. Work that may wait
    (`Queue.due_days`) is done between the calls of the team's first queue; its agents are the additional ones
    needed so that nothing is late.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND: queue, interval_start, calls, aht_s.
    model : {"erlang_a", "erlang_c"}
        With the queue's patience, or as if nobody hung up.
    method : {"stationary", "lagged", "exact"}
        Each interval by itself; by itself, with the arrivals shifted by the handle time (Green, Kolesar and
        Soares 2001); or the least staff, interval by interval, with which every interval meets the target in
        the exact model of the day as it unfolds.
    block : int
        Number of intervals over which "exact" keeps the staff constant.
    meet : {"interval", "day"}
        With "exact": whether every interval meets the target, or only the day (each stretch without a closed
        hour) as a whole, with fewer agents and some intervals below the target.
    service_level : Series, optional
        Index queue, day (local midnight): the service level to staff for on some days, in place of the
        target's; the other parts of the target stay.

    Returns
    -------
    DataFrame
        REQUIREMENT: a row per queue, site and interval in which the site answers.

    Raises
    ------
    PlanningError
        A queue is unknown, or there are calls while their queue is closed.

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
    1  moscow          53.3      62        69
    """
    one_of("model", model, get_args(Model))
    one_of("method", method, get_args(Method))
    needed = partial(_needed, method=method, block=block, meet=meet)
    planned = planned_demand(centre, demand)
    rows_of = {str(name): rows for name, rows in planned.groupby("queue", sort=False)}
    calls = {
        name: _day_by_day(centre, name, rows, model, needed, service_level)
        for name, rows in rows_of.items()
        if not centre.queues[name].waits
    }
    parts = [
        calls[name] if name in calls else _waiting_requirement(centre, name, rows, calls)
        for name, rows in rows_of.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[list(REQUIREMENT.columns)]


def requirement_at(
    centre: Centre, forecast: pd.DataFrame, probability: float, **options: Any
) -> pd.DataFrame:
    """Agents with whom each interval of a forecast meets its target with a chosen probability.

    The true load of an interval is the forecast's times a Gamma variable of mean 1, whose CV is the doubt
    about calls and handle time together. Service never improves with load, so the agents for the load that is
    exceeded with 1 - probability meet the target with that probability.

    Parameters
    ----------
    centre : Centre
    forecast : DataFrame
        FORECAST.
    probability : float
        Above 0 and below 1; 0.5 is close to the requirement for the mean forecast.
    **options
        As for `requirement`.

    Returns
    -------
    DataFrame
        REQUIREMENT; calls and service level are those of the load that is staffed for.

    Raises
    ------
    PlanningError
        The probability is out of bounds, or the forecast cannot be planned.

    Examples
    --------
    >>> from planning import Centre, forecast, read_demand
    >>> centre = Centre.load()
    >>> past = read_demand("data/demand.parquet", centre.time_zone)
    >>> day = forecast(past, 1, zone=centre.time_zone, country=centre.country)
    >>> even, sure = (requirement_at(centre, day, p)["agents"].sum() for p in (0.5, 0.9))
    >>> bool(even < sure)
    True
    """
    remedy = "write 0.90 for 90 %, 1 is never sure"
    number("probability", probability, high=1.0, open_low=True, open_high=True, remedy=remedy)
    rows = FORECAST.check(forecast, "forecast")
    cv = np.hypot(rows["rate_cv"], rows["aht_cv"]).to_numpy()
    shape = 1 / np.where(cv > 1e-6, cv, 1.0) ** 2
    factor = np.where(cv > 1e-6, gammaincinv(shape, probability) / shape, 1.0)
    return requirement(centre, rows.assign(calls=rows["calls"] * factor), **options)


def _day_by_day(
    centre: Centre,
    name: str,
    rows: pd.DataFrame,
    model: Model,
    needed: Needed,
    service_level: pd.Series | None,
) -> pd.DataFrame:
    """REQUIREMENT of a queue, staffed for a service level of each day if they are given."""
    if service_level is None or name not in service_level.index:
        return _queue_requirement(centre, name, rows, model, needed)
    wanted = service_level[name].reindex(midnights(pd.DatetimeIndex(rows["interval_start"])))
    wanted = wanted.fillna(centre.queues[name].target.service_level or 0.0).to_numpy()
    parts = [
        _queue_requirement(
            centre.replace({f"queues.{name}.target.service_level": float(level)}), name, own, model, needed
        )
        for level, own in rows.groupby(wanted, sort=False)
    ]
    return pd.concat(parts).sort_values(["interval_start", "site"], ignore_index=True)


def _queue_requirement(
    centre: Centre, name: str, rows: pd.DataFrame, model: Model, needed: Needed
) -> pd.DataFrame:
    queue = centre.queues[name]
    times = pd.DatetimeIndex(rows["interval_start"])
    share = site_shares(centre, name, times)
    load = _Load(
        times, rows["calls"].to_numpy(), rows["aht_s"].to_numpy(), float(centre.interval_s),
        queue.patience_s if model == "erlang_a" else np.inf,
    )  # fmt: skip
    agents, service_level = _agents(queue, load, share, needed)
    rostered = pooled_heads(agents, share, _shrinkage(centre, name)) if queue.pooled else None
    parts = [
        _site_rows(rows, share[:, at], agents[:, at], service_level[:, at]).assign(
            site=site,
            rostered=rostered_heads(agents[:, at], _shrinkage(centre, name)[at])
            if rostered is None
            else rostered[:, at],
        )[share[:, at] > 0]
        for at, site in enumerate(centre.sites)
    ]
    table = pd.concat(parts, ignore_index=True).assign(queue=name)
    table["load_erlangs"] = table["calls"] * table["aht_s"] / centre.interval_s
    return table.sort_values(["interval_start", "site"], ignore_index=True)


def _waiting_requirement(
    centre: Centre, name: str, rows: pd.DataFrame, calls: dict[str, pd.DataFrame]
) -> pd.DataFrame:
    """Heads for work that may wait, at each site separately."""
    share = site_shares(centre, name, pd.DatetimeIndex(rows["interval_start"]))
    shrinkage = _shrinkage(centre, name)
    parts = []
    for at, site in enumerate(centre.sites):
        own = rows.assign(calls=rows["calls"] * share[:, at])[share[:, at] > 0]
        if own.empty:
            continue
        heads = np.maximum(_waiting_heads(centre, name, site, own, calls), centre.queues[name].min_agents)
        parts.append(
            own.assign(
                site=site,
                agents=np.rint(heads * (1 - shrinkage[at])).astype(np.int64),
                rostered=heads,
                load_erlangs=own["calls"] * own["aht_s"] / centre.interval_s,
                service_level=np.nan,
            )
        )
    return pd.concat(parts, ignore_index=True).sort_values(["interval_start", "site"], ignore_index=True)


def _waiting_heads(
    centre: Centre, name: str, site: str, rows: pd.DataFrame, calls: dict[str, pd.DataFrame]
) -> NDArray[np.int64]:
    """Heads to roster at one site for work that may wait, in the intervals of its rows.

    No minute is promised, so absence needs no extra head: it only makes each head worth less.
    """
    queue = centre.queues[name]
    times = pd.DatetimeIndex(rows["interval_start"])
    days = local_day(times)
    whole = axis(times[0], (days[-1] - days[0]).days + 1, centre.interval_s)
    place = whole.get_indexer(times)
    on_calls = beside_calls(centre, name, site, calls, whole)
    hours = np.zeros(len(whole))
    hours[place] = rows["calls"] * rows["aht_s"] / 3600
    heads = heads_for(
        hours,
        on_calls["beside_h"],
        present=on_calls["rostered"],
        is_open=np.isin(np.arange(len(whole)), place),
        day=pd.factorize(local_day(whole))[0],
        due_days=float(queue.due_days or 0.0),
        gain=(queue.target.max_occupancy or 1.0)
        * (1 - _shrinkage(centre, name)[[*centre.sites].index(site)]),
        interval_s=float(centre.interval_s),
    )
    return np.asarray(heads[place])


def beside_calls(
    centre: Centre, name: str, site: str, calls: dict[str, pd.DataFrame], times: pd.DatetimeIndex
) -> pd.DataFrame:
    """Agents who answer calls in a team that also does waiting work, and how much of it they do.

    Parameters
    ----------
    centre : Centre
    name, site : str
        Queue of the work that may wait, and the site where it is done.
    calls : mapping
        REQUIREMENT of the queues of calls, by name.
    times : DatetimeIndex

    Returns
    -------
    DataFrame
        Index the times: rostered (heads for calls), beside_h (agent-hours between calls that go into the
        work).
    """
    team = centre.team_for(name, site)
    first = centre.teams[team].queues[0] if team else name
    columns = ["agents", "rostered", "load_erlangs"]
    table = pd.DataFrame(0.0, index=times, columns=columns)
    if first in calls:
        own = calls[first][calls[first]["site"] == site].set_index("interval_start")
        table = own[columns].reindex(times).fillna(0.0)
    free_h = (table["agents"] - table["load_erlangs"]).clip(lower=0) * centre.interval_s / 3600
    return table[["rostered"]].astype("int64").assign(beside_h=centre.queues[name].beside_calls * free_h)


@dataclass(frozen=True)
class _Load:
    """The load offered to a queue, interval by interval."""

    times: pd.DatetimeIndex
    calls: NDArray[np.float64]
    aht_s: NDArray[np.float64]
    interval_s: float
    patience_s: float

    def part(self, share: NDArray[np.float64]) -> _Load:
        """Return the load with a share of the calls."""
        return replace(self, calls=self.calls * share)

    def runs(self) -> list[slice]:
        """Stretches without a closed hour in between: a queue inherits nothing across a closed hour."""
        gaps = np.flatnonzero(np.diff(self.times) > np.timedelta64(round(self.interval_s), "s")) + 1
        edges = [0, *gaps.tolist(), len(self.times)]
        return [slice(first, last) for first, last in pairwise(edges)]


def site_shares(centre: Centre, queue: str, times: pd.DatetimeIndex) -> NDArray[np.float64]:
    """Share of the calls that each site (column) answers at each time (row)."""
    answers = answering_sites(centre, queue, times)
    share = np.zeros((len(times), len(centre.sites)))
    for at, site in enumerate(centre.sites):
        for home, part in centre.queues[queue].sites.items():
            share[:, at] += (answers[home] == site).to_numpy() * part
    return share


def _shrinkage(centre: Centre, queue: str) -> NDArray[np.float64]:
    """Shrinkage of the team that each site staffs for a queue, 0 where there is none."""
    teams = [centre.team_for(queue, site) for site in centre.sites]
    return np.array([centre.teams[team].shrinkage if team else 0.0 for team in teams])


def _agents(
    queue: Queue, load: _Load, share: NDArray[np.float64], needed: Needed
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Agents and promised service level by interval (row) and site (column)."""
    if queue.pooled:
        agents = split_heads(needed(queue, load), share)
    else:
        columns = [needed(queue, load.part(part)) for part in share.T]
        agents = np.column_stack(columns)
    agents = np.where(share > 0, np.maximum(agents, queue.min_agents), 0)
    if queue.target.service_level is None:
        return agents, np.full(share.shape, np.nan)
    if queue.pooled:
        level = promised_service(
            queue, load.calls, load.aht_s, agents.sum(axis=1), load.interval_s, load.patience_s
        )
        return agents, np.broadcast_to(level[:, None], share.shape)
    calls, aht_s = load.calls[:, None] * share, load.aht_s[:, None]
    return agents, promised_service(queue, calls, aht_s, agents, load.interval_s, load.patience_s)


def _needed(queue: Queue, load: _Load, method: Method, block: int, meet: Meet) -> NDArray[np.int64]:
    """The fewest agents of one pool, by the chosen method."""
    stays, target = behind_lookup(queue, load.patience_s)
    calls = load.calls * stays
    common: dict[str, Any] = {"interval_s": load.interval_s, "patience_s": load.patience_s}
    # Work that may wait has no caller and no promise: its load decides, with every method.
    waits = target.service_level is None and target.max_asa_s is None and target.max_abandonment is None
    if method == "stationary" or waits:
        return np.asarray(agents_required(calls, load.aht_s, target, **common))
    parts = []
    for run in load.runs():
        offered, aht_s = calls[run], load.aht_s[run]
        if method == "lagged":
            felt = lagged_calls(offered, aht_s, interval_s=load.interval_s)
            parts.append(agents_required(felt, aht_s, target, **common))
        else:
            parts.append(exact_agents_required(offered, aht_s, target, block=block, meet=meet, **common))
    return np.concatenate(parts)


def behind_lookup(queue: Queue, patience_s: float) -> tuple[float, Target]:
    """Share of the callers who stay through the lookup, and the target that is left for the queue after it.

    All callers spend the same time L in the lookup, so the queue after it is the queue without it, L later.
    Callers who have not hung up by then (a share exp(-L / patience)) wait as in that queue, and must be
    answered within the threshold less L. Their patience is memoryless, so it starts again.

    Raises
    ------
    PlanningError
        The lookup alone breaks the target.

    Examples
    --------
    >>> from planning import Centre
    >>> queue = Centre.load().replace({"queues.first_line.lookup_s": 4}).queues["first_line"]
    >>> stays, target = behind_lookup(queue, 389.0)
    >>> round(stays, 4), round(target.service_level, 4), target.threshold_s
    (0.9898, 0.9598, 6.0)
    """
    target, lookup_s = queue.target, queue.lookup_s
    if lookup_s == 0:
        return 1.0, target
    stays = float(np.exp(-lookup_s / patience_s))
    left: dict[str, Any] = {
        "service_level": None if target.service_level is None else target.service_level / stays,
        "max_asa_s": None if target.max_asa_s is None else target.max_asa_s - lookup_s,
        "max_abandonment": None
        if target.max_abandonment is None
        else 1 - (1 - target.max_abandonment) / stays,
        "threshold_s": target.threshold_s - (lookup_s if target.service_level is not None else 0.0),
    }
    try:
        return stays, replace(target, **left)
    except PlanningError as error:
        raise PlanningError(
            f"lookup_s is {lookup_s:g}, which leaves no room for the target ({error}): shorten the lookup or "
            "relax the target"
        ) from None


def promised_service(
    queue: Queue, calls: ArrayLike, aht_s: ArrayLike, agents: ArrayLike, interval_s: float, patience_s: float
) -> NDArray[np.float64]:
    """Service level of stationary intervals with the queue's threshold, including its lookup."""
    stays, target = behind_lookup(queue, patience_s)
    behind = measures(
        np.asarray(calls) * stays,
        aht_s,
        agents,
        interval_s=interval_s,
        patience_s=patience_s,
        threshold_s=target.threshold_s,
    )
    return np.asarray(stays * behind.service_level)


def pooled_heads(
    agents: NDArray[np.int64], share: NDArray[np.float64], shrinkage: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Heads to roster for a pooled queue: fractions are added over the sites and rounded up once.

    Rounding up at each site would roster one head too many in about every second interval.
    """
    exact = agents / (1 - shrinkage)
    total = exact.sum(axis=1)
    heads = np.ceil(np.round(total, 9)).astype(np.int64)
    parts = np.divide(exact, total[:, None], out=np.zeros_like(exact), where=total[:, None] > 0)
    # The odd head goes where shrinkage is lowest; at the other site the sum might fall short.
    rank = np.unique(shrinkage, return_inverse=True)[1]
    return np.where(share > 0, np.maximum(split_heads(heads, parts, rank), agents), 0)


def _site_rows(
    rows: pd.DataFrame,
    share: NDArray[np.float64],
    agents: NDArray[np.int64],
    service_level: NDArray[np.float64],
) -> pd.DataFrame:
    """REQUIREMENT's columns of one queue at one site."""
    return rows[["interval_start", "aht_s"]].assign(
        calls=rows["calls"] * share, agents=agents, service_level=service_level
    )


def split_heads(heads: ArrayLike, share: NDArray[np.float64], rank: ArrayLike = 0) -> NDArray[np.int64]:
    """Divide whole heads by shares, rounding up the largest remainders, so that they add up.

    Parameters
    ----------
    heads : array_like of int, shape (n,)
    share : ndarray, shape (n, sites)
        Rows add up to 1, or to 0 where nobody answers.
    rank : array_like of int, shape (sites,)
        Sites of a lower rank are rounded up first, with any remainder.

    Examples
    --------
    >>> split_heads([10, 3], np.array([[0.62, 0.38], [0.5, 0.5]]))
    array([[6, 4],
           [2, 1]])
    """
    exact = np.asarray(heads)[:, None] * share
    whole = np.floor(exact + 1e-9).astype(np.int64)
    left = np.rint(exact.sum(axis=1) - whole.sum(axis=1))
    # Stable order: of two equal remainders, the first site gets the head.
    over = exact - whole
    first = np.where(over > 1e-9, over - 2 * np.asarray(rank), -np.inf)
    order = np.argsort(np.argsort(-first, axis=1, kind="stable"), axis=1, kind="stable")
    split: NDArray[np.int64] = whole + (order < left[:, None])
    return split


def heads_present(rostered: ArrayLike, shrinkage: float) -> NDArray[np.int64]:
    """Whole agents on position from the heads rostered: the inverse of `rostered_heads`.

    Examples
    --------
    >>> heads_present([30, 31, 0], 0.30)
    array([21, 21,  0])
    """
    heads: NDArray[np.int64] = np.floor(np.round(np.asarray(rostered) * (1 - shrinkage), 9)).astype(np.int64)
    return heads


def rostered_heads(agents: ArrayLike, shrinkage: float) -> NDArray[np.int64]:
    """Heads to roster so that `agents` are on position after shrinkage.

    The least m with m (1 - shrinkage) >= agents; a plain ceiling of the quotient would give 31 for 21 agents
    at 30 %, because 21 / 0.7 is slightly over 30 in floating point.

    Examples
    --------
    >>> rostered_heads([21, 22, 0], 0.30)
    array([30, 32,  0])
    """
    heads: NDArray[np.int64] = np.ceil(np.round(np.asarray(agents) / (1 - shrinkage), 9)).astype(np.int64)
    return heads
