"""The second line: what it is asked to do, and what one agent more or less is worth in customers kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from planning.calendars import hours_within
from planning.errors import PlanningError
from planning.queueing import measures
from planning.service import hourly_rates
from planning.staffing import requirement

if TYPE_CHECKING:
    from planning.centre import Centre
    from planning.centre.systems import SecondLine

__all__ = [
    "customers_kept",
    "last_agent",
    "leavers",
    "load_by_part",
    "net_worth",
    "reached_in_time",
    "second_line_demand",
    "sensitivity",
    "worth_of_staff",
]


def load_by_part(centre: Centre, first_line_calls: float) -> pd.DataFrame:
    """Calls and work that so many first-line calls make for the second line.

    Transfers and consults are the shares that the first line's queue has in the centre's file, as the
    simulation uses them; leavers come by themselves.

    Returns
    -------
    DataFrame
        Index part: calls, aht_s, hours (of handling).

    Raises
    ------
    PlanningError
        The centre has no settings of the second line.

    Examples
    --------
    >>> from planning import Centre
    >>> load_by_part(Centre.load(), 20_000.0)["calls"].to_dict()
    {'transfers': 1000.0, 'consults': 200.0, 'leavers': 600.0}
    """
    settings = centre.systems.part("second_line")
    asks, queue = centre.queues[settings.first_line], settings.queue
    parts = {
        "transfers": (asks.transfers.get(queue, 0.0), settings.transfers_aht_s),
        "consults": (asks.consults.get(queue, 0.0), settings.consults_aht_s),
        "leavers": (settings.leavers_share, settings.leavers_aht_s),
    }
    rows = {
        name: (share * first_line_calls, aht_s, share * first_line_calls * aht_s / 3600)
        for name, (share, aht_s) in parts.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["calls", "aht_s", "hours"])
    return table.rename_axis("part")


def second_line_demand(centre: Centre, demand: pd.DataFrame) -> pd.DataFrame:
    """Derive the second line's demand from the first line's, so that a change of one moves the other.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND that holds the first line.

    Returns
    -------
    DataFrame
        DEMAND of the second line.

    Raises
    ------
    PlanningError
        The demand does not hold the first line, or the centre no settings of the second.
    """
    settings = centre.systems.part("second_line")
    rows = demand[demand["queue"] == settings.first_line]
    if rows.empty:
        raise PlanningError(
            f"queue {settings.first_line!r} is not in the demand, which has {set(demand['queue'])}"
        )
    each = load_by_part(centre, 1.0)
    share, work = each["calls"].sum(), each["hours"].sum() * 3600
    aht_s = work / share if share else 0.0
    return rows.assign(queue=settings.queue, calls=rows["calls"] * share, aht_s=aht_s).reset_index(drop=True)


def reached_in_time(
    calls: ArrayLike,
    aht_s: ArrayLike,
    agents: ArrayLike,
    *,
    patience_s: float,
    half_s: float,
    interval_s: float = 900.0,
) -> NDArray[np.float64]:
    r"""Share of callers answered, each counted as ``2^(-W / half_s)`` of one after a wait W.

    In Erlang A a caller who finds j others waiting advances past k of them at rate n mu + k theta, gives up
    at rate theta and cools at rate s = ln 2 / h, so that

    .. math::
        E[2^{-W/h}; \text{answered}] =
        1 - P_w + \sum_{j \ge 0} p_{n+j} \prod_{k=0}^{j} \frac{n\mu + k\theta}{n\mu + (k+1)\theta + s}

    Where nobody gives up (Erlang C), who waits does so for an exponential time of rate n mu - lambda, or
    without end.

    Parameters
    ----------
    calls, aht_s, agents : array_like
        They broadcast; calls an interval, seconds, heads.
    patience_s : float
        Mean patience, seconds; inf where nobody gives up.
    half_s : float
        Wait that halves the weight, seconds; inf for the plain share of callers answered.
    interval_s : float
        Seconds.

    Returns
    -------
    ndarray
        Within [0, 1].

    Notes
    -----
    The states are those of Erlang A (Palm, 1957; Garnett, Mandelbaum and Reiman, 2002).

    Examples
    --------
    >>> reached_in_time(60.0, 320.0, [22, 26], patience_s=389.0, half_s=300.0).round(3)
    array([0.883, 0.969])
    """
    if not (patience_s > 0 and half_s > 0):
        raise PlanningError(
            f"patience_s is {patience_s:g} and half_s {half_s:g}, must be above 0: give seconds"
        )
    lam, mu, n = np.broadcast_arrays(
        np.asarray(calls, float) / interval_s, 1 / np.asarray(aht_s, float), np.asarray(agents, float)
    )
    theta, cooling = 1 / patience_s, np.log(2) / half_s
    wait = measures(
        lam * interval_s, 1 / mu, n, interval_s=interval_s, patience_s=patience_s
    ).wait_probability
    if theta == 0:
        spare = np.maximum(n * mu - lam, 0.0)
        weight = np.divide(spare, spare + cooling, out=np.zeros_like(spare), where=spare > 0)
        return np.asarray(1 - wait * (1 - weight))
    state, passed = np.ones_like(lam), np.ones_like(lam)
    states, reached = np.zeros_like(lam), np.zeros_like(lam)
    ahead = 0
    while ahead == 0 or (state > 1e-17 * states).any():
        passed = passed * (n * mu + ahead * theta) / (n * mu + (ahead + 1) * theta + cooling)
        states, reached = states + state, reached + state * passed
        ahead += 1
        state = state * lam / (n * mu + ahead * theta)
    return np.asarray(1 - wait * (1 - reached / states))


def net_worth(
    settings: SecondLine,
    calls: ArrayLike,
    aht_s: ArrayLike,
    agents: ArrayLike,
    *,
    leaving: float,
    patience_s: float,
    abandoned_cost: float,
    agent_cost_h: ArrayLike,
    interval_s: float = 900.0,
) -> NDArray[np.float64]:
    """Worth of the customers kept in an interval, less callers given up and less the agents, roubles.

    Parameters
    ----------
    settings : SecondLine
    calls, aht_s, agents : array_like
        They broadcast.
    leaving : float
        Share of the calls that are customers who want to leave.
    patience_s : float
        Mean patience, seconds.
    abandoned_cost : float
        What a caller who gives up costs, the leavers apart.
    agent_cost_h : array_like
        What an agent on position costs, roubles an hour.
    """
    calls, agents = np.asarray(calls, float), np.asarray(agents, float)
    reached = reached_in_time(
        calls, aht_s, agents, patience_s=patience_s, half_s=settings.half_s, interval_s=interval_s
    )
    lost = measures(calls, aht_s, agents, interval_s=interval_s, patience_s=patience_s).abandonment
    kept = settings.save_rate * reached
    worth = calls * (leaving * kept * settings.worth - (1 - leaving) * lost * abandoned_cost)
    return np.asarray(worth - agents * np.asarray(agent_cost_h) * interval_s / 3600)


def worth_of_staff(centre: Centre, demand: pd.DataFrame) -> pd.DataFrame:
    """Set the staff that the target asks for against the staff that pays best, interval by interval.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND of the second line, as `second_line_demand` gives it.

    Returns
    -------
    DataFrame
        interval_start, calls, aht_s, agent_cost_h (an hour on position at the mix of sites on duty, shrinkage
        and breaks counted in), required and best (agents), kept and kept_best (customers), net_worth and
        net_best_worth, next_worth and next_kept (of one agent more than required).

    Raises
    ------
    PlanningError
        The demand does not hold the queue.
    """
    settings, leaving = centre.systems.part("second_line"), leavers(centre)
    queue = settings.queue
    needed = requirement(centre, demand[demand["queue"] == queue])
    table = _agent_cost(centre, settings, needed)
    patience_s, interval_s = centre.queues[queue].patience_s, float(centre.interval_s)
    load = table["calls"] * table["aht_s"] / interval_s
    tried = np.arange(1, int(load.max() + 8 * np.sqrt(load.max()) + 10))
    # A row an interval, a column a number of agents.
    net = net_worth(
        settings,
        table[["calls"]].to_numpy(),
        table[["aht_s"]].to_numpy(),
        tried,
        leaving=leaving,
        patience_s=patience_s,
        abandoned_cost=centre.queues[queue].abandoned_cost,
        agent_cost_h=table[["agent_cost_h"]].to_numpy(),
        interval_s=interval_s,
    )
    table["best"] = tried[net.argmax(axis=1)]
    for name, agents in {
        "": table["required"],
        "_best": table["best"],
        "_next": table["required"] + 1,
    }.items():
        rows = np.arange(len(table)), agents.to_numpy() - 1
        table[f"net{name}_worth"] = net[rows]
        table[f"kept{name}"] = _kept(settings, table, agents, leaving, patience_s, interval_s)
    table["next_worth"] = table.pop("net_next_worth") - table["net_worth"]
    table["next_kept"] = table.pop("kept_next") - table["kept"]
    return table


def leavers(centre: Centre) -> float:
    """Share of the second line's calls that are customers who want to leave."""
    calls = load_by_part(centre, 1.0)["calls"]
    return float(calls["leavers"] / calls.sum()) if calls.sum() else 0.0


def customers_kept(centre: Centre, requirement: pd.DataFrame) -> float:
    """Customers who are kept with the agents of a requirement, all its intervals together.

    Parameters
    ----------
    centre : Centre
    requirement : DataFrame
        REQUIREMENT that holds the second line.
    """
    settings = centre.systems.part("second_line")
    by_time = requirement[requirement["queue"] == settings.queue].groupby("interval_start")
    table = by_time.agg(calls=("calls", "sum"), aht_s=("aht_s", "first"))
    kept = _kept(
        settings,
        table,
        by_time["agents"].sum(),
        leavers(centre),
        centre.queues[settings.queue].patience_s,
        float(centre.interval_s),
    )
    return float(kept.sum())


def _kept(
    settings: SecondLine,
    table: pd.DataFrame,
    agents: pd.Series,
    leaving: float,
    patience_s: float,
    interval_s: float,
) -> NDArray[np.float64]:
    """Customers kept in each interval."""
    reached = reached_in_time(
        table["calls"], table["aht_s"], agents, patience_s=patience_s, half_s=settings.half_s,
        interval_s=interval_s,
    )  # fmt: skip
    return np.asarray(table["calls"].to_numpy() * leaving * settings.save_rate * reached)


def _agent_cost(centre: Centre, settings: SecondLine, needed: pd.DataFrame) -> pd.DataFrame:
    """Calls, agents and the cost of an agent's hour on position by interval, over the sites on duty."""
    starts = pd.DatetimeIndex(needed["interval_start"])
    length = pd.Timedelta(seconds=centre.interval_s)
    night = hours_within(starts, starts + length, centre.labour.night_from, centre.labour.night_until)
    premium = 1 + centre.labour.night_premium.value * np.asarray(night) / (length / pd.Timedelta(hours=1))
    keys = zip(needed["queue"], needed["site"], strict=True)
    away = [centre.teams[team].shrinkage if (team := centre.team_for(*key)) else 0.0 for key in keys]
    cost = hourly_rates(centre, needed) * premium * settings.paid_per_hour / (1 - np.array(away))
    rows = needed.assign(cost=cost * needed["agents"]).groupby("interval_start")
    table = rows.agg(calls=("calls", "sum"), aht_s=("aht_s", "first"), required=("agents", "sum"))
    table["agent_cost_h"] = rows["cost"].sum() / table["required"].clip(lower=1)
    return table.reset_index()


def last_agent(centre: Centre, interval: pd.Series, *, around: int = 4) -> pd.Series:
    """What the last of n agents brings in one interval, before the own cost, for n about the requirement.

    Parameters
    ----------
    centre : Centre
    interval : Series
        A row of `worth_of_staff`.
    around : int
        Agents below and above the requirement.

    Returns
    -------
    Series
        Index n, roubles an hour.
    """
    agents = np.arange(max(0, interval["required"] - around - 1), interval["required"] + around + 1)
    settings = centre.systems.part("second_line")
    queue = centre.queues[settings.queue]
    brings = net_worth(
        settings,
        interval["calls"],
        interval["aht_s"],
        agents,
        leaving=leavers(centre),
        patience_s=queue.patience_s,
        abandoned_cost=queue.abandoned_cost,
        agent_cost_h=0.0,
        interval_s=float(centre.interval_s),
    )
    return pd.Series(np.diff(brings) * 3600 / centre.interval_s, index=agents[1:], name="worth_h")


def sensitivity(centre: Centre, demand: pd.DataFrame, save_rates: Iterable[float]) -> pd.DataFrame:
    """Ask what the second line is worth if it keeps fewer than is said.

    Returns
    -------
    DataFrame
        Row a save rate: save_rate, required_h and best_h (agent-hours a day or whatever the demand spans),
        kept (customers, best staff), net_worth (best staff) and gain_worth (over the required staff).
    """
    rows = []
    for rate in save_rates:
        changed = centre.replace({"systems.second_line.save_rate": rate})
        table = worth_of_staff(changed, demand)
        hours = table[["required", "best"]].sum() * centre.interval_s / 3600
        net = table[["net_worth", "net_best_worth"]].sum()
        rows.append((rate, *hours, table["kept_best"].sum(), net.iloc[1], net.iloc[1] - net.iloc[0]))
    columns = ["save_rate", "required_h", "best_h", "kept", "net_worth", "gain_worth"]
    return pd.DataFrame(rows, columns=columns)
