"""The second line: what it is asked to do, and what one agent more or less is worth in customers kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from planning.calendars import hours_within
from planning.centre import NotNegative, Positive, Share
from planning.errors import PlanningError
from planning.queueing import measures
from planning.service import hourly_rates
from planning.settings import Settings
from planning.staffing import requirement

if TYPE_CHECKING:
    from planning.centre import Centre

__all__ = [
    "Inflow",
    "SecondLine",
    "customers_kept",
    "last_agent",
    "load_by_part",
    "net_worth",
    "reached_in_time",
    "second_line_demand",
    "sensitivity",
    "worth_of_staff",
]


class Inflow(Settings):
    """One kind of call that the first line hands on."""

    share: Share
    """Share of the first line's calls."""
    aht_s: Positive
    """Mean handle time at the second line, seconds."""


class SecondLine(Settings):
    """What the second line is asked to do, and what a customer who stays is worth."""

    transfers: Inflow
    """Calls that the first line cannot answer."""
    consults: Inflow
    """Operators who ask while their caller waits; the first line's own time is in its handle time."""
    leavers: Inflow
    """Customers who want to leave."""
    save_rate: Share
    """Share of the leavers kept, of those who are answered at once."""
    half_s: Positive
    """Wait after which a leaver is kept half as often, seconds."""
    kept_months: Positive
    """Months that a kept customer stays."""
    margin_rub_month: NotNegative
    """Margin on a customer, roubles a month."""
    offer_rub_month: NotNegative
    """What the better offer costs, roubles a month."""
    paid_per_hour: Positive
    """Paid hours for an hour on position: rests, and shifts that do not fit the load to the minute."""

    @property
    def value_rub(self) -> float:
        """What a kept customer is worth, roubles."""
        return self.kept_months * (self.margin_rub_month - self.offer_rub_month)

    @property
    def inflows(self) -> dict[str, Inflow]:
        """The kinds of call by name."""
        return {"transfers": self.transfers, "consults": self.consults, "leavers": self.leavers}


def load_by_part(settings: SecondLine, first_line_calls: float) -> pd.DataFrame:
    """Calls and work that so many first-line calls make for the second line.

    Returns
    -------
    DataFrame
        Index part: calls, aht_s, hours (of handling).

    Examples
    --------
    >>> from planning.teams import Systems
    >>> load_by_part(Systems.load().second_line, 20_000.0)["calls"].to_dict()
    {'transfers': 900.0, 'consults': 600.0, 'leavers': 300.0}
    """
    rows = {
        name: (part.share * first_line_calls, part.aht_s, part.share * first_line_calls * part.aht_s / 3600)
        for name, part in settings.inflows.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["calls", "aht_s", "hours"]).rename_axis(
        "part"
    )


def second_line_demand(
    settings: SecondLine, demand: pd.DataFrame, *, first_line: str = "first_line", queue: str = "second_line"
) -> pd.DataFrame:
    """Derive the second line's demand from the first line's, so that a change of one moves the other.

    Parameters
    ----------
    settings : SecondLine
    demand : DataFrame
        DEMAND that holds the first line.
    first_line, queue : str
        Names of the two queues.

    Returns
    -------
    DataFrame
        DEMAND of the second line.

    Raises
    ------
    PlanningError
        The demand does not hold the first line.
    """
    rows = demand[demand["queue"] == first_line]
    if rows.empty:
        raise PlanningError(f"queue {first_line!r} is not in the demand, which has {set(demand['queue'])}")
    parts = settings.inflows.values()
    share = sum(part.share for part in parts)
    work = sum(part.share * part.aht_s for part in parts)
    aht_s = work / share if share else 0.0
    return rows.assign(queue=queue, calls=rows["calls"] * share, aht_s=aht_s).reset_index(drop=True)


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

    Parameters
    ----------
    calls, aht_s, agents : array_like
        They broadcast; calls an interval, seconds, heads.
    patience_s : float
        Finite mean patience, seconds.
    half_s : float
        Wait that halves the weight, seconds; infinite for the plain share of callers answered.
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
    if not (0 < patience_s < np.inf and half_s > 0):
        raise PlanningError(
            f"patience_s is {patience_s:g} and half_s {half_s:g}, must be above 0 and patience_s finite: "
            "give mean seconds"
        )
    lam, mu, n = np.broadcast_arrays(
        np.asarray(calls, float) / interval_s, 1 / np.asarray(aht_s, float), np.asarray(agents, float)
    )
    theta, cooling = 1 / patience_s, np.log(2) / half_s
    wait = measures(
        lam * interval_s, 1 / mu, n, interval_s=interval_s, patience_s=patience_s
    ).wait_probability
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
    patience_s: float,
    abandoned_rub: float,
    agent_rub_h: ArrayLike,
    interval_s: float = 900.0,
) -> NDArray[np.float64]:
    """Worth of the customers kept in an interval, less callers given up and less the agents, roubles.

    Parameters
    ----------
    settings : SecondLine
    calls, aht_s, agents : array_like
        They broadcast.
    patience_s : float
        Mean patience, seconds.
    abandoned_rub : float
        What a caller who gives up costs, the leavers apart.
    agent_rub_h : array_like
        What an agent on position costs, roubles an hour.
    """
    calls, agents = np.asarray(calls, float), np.asarray(agents, float)
    leaving = _leaving(settings)
    reached = reached_in_time(
        calls, aht_s, agents, patience_s=patience_s, half_s=settings.half_s, interval_s=interval_s
    )
    lost = measures(calls, aht_s, agents, interval_s=interval_s, patience_s=patience_s).abandonment
    kept = settings.save_rate * reached
    worth = calls * (leaving * kept * settings.value_rub - (1 - leaving) * lost * abandoned_rub)
    return np.asarray(worth - agents * np.asarray(agent_rub_h) * interval_s / 3600)


def worth_of_staff(
    centre: Centre, settings: SecondLine, demand: pd.DataFrame, *, queue: str = "second_line"
) -> pd.DataFrame:
    """Set the staff that the target asks for against the staff that pays best, interval by interval.

    Parameters
    ----------
    centre : Centre
    settings : SecondLine
    demand : DataFrame
        DEMAND of the second line, as `second_line_demand` gives it.
    queue : str
        Its name.

    Returns
    -------
    DataFrame
        interval_start, calls, aht_s, agent_rub_h (an hour on position at the mix of sites on duty, shrinkage
        and breaks counted in), required and best (agents), kept and kept_best (customers), net_rub and
        net_best_rub, next_rub and next_kept (of one agent more than required).

    Raises
    ------
    PlanningError
        The demand does not hold the queue, or its callers never give up.
    """
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
        patience_s=patience_s,
        abandoned_rub=centre.queues[queue].abandoned_rub,
        agent_rub_h=table[["agent_rub_h"]].to_numpy(),
        interval_s=interval_s,
    )
    table["best"] = tried[net.argmax(axis=1)]
    for name, agents in {
        "": table["required"],
        "_best": table["best"],
        "_next": table["required"] + 1,
    }.items():
        rows = np.arange(len(table)), agents.to_numpy() - 1
        table[f"net{name}_rub"] = net[rows]
        table[f"kept{name}"] = customers_kept(settings, table, agents, patience_s, interval_s)
    table["next_rub"] = table.pop("net_next_rub") - table["net_rub"]
    table["next_kept"] = table.pop("kept_next") - table["kept"]
    return table


def _leaving(settings: SecondLine) -> float:
    """Share of the second line's calls that are customers who want to leave."""
    total = sum(part.share for part in settings.inflows.values())
    return settings.leavers.share / total if total else 0.0


def customers_kept(
    settings: SecondLine, table: pd.DataFrame, agents: pd.Series, patience_s: float, interval_s: float
) -> NDArray[np.float64]:
    """Customers kept in each interval."""
    reached = reached_in_time(
        table["calls"], table["aht_s"], agents, patience_s=patience_s, half_s=settings.half_s,
        interval_s=interval_s,
    )  # fmt: skip
    leavers = table["calls"].to_numpy() * _leaving(settings)
    return np.asarray(leavers * settings.save_rate * reached)


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
    table["agent_rub_h"] = rows["cost"].sum() / table["required"].clip(lower=1)
    return table.reset_index()


def last_agent(
    centre: Centre, settings: SecondLine, interval: pd.Series, *, around: int = 4, queue: str = "second_line"
) -> pd.Series:
    """What the last of n agents brings in one interval, before the own cost, for n about the requirement.

    Parameters
    ----------
    centre : Centre
    settings : SecondLine
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
    brings = net_worth(
        settings,
        interval["calls"],
        interval["aht_s"],
        agents,
        patience_s=centre.queues[queue].patience_s,
        abandoned_rub=centre.queues[queue].abandoned_rub,
        agent_rub_h=0.0,
        interval_s=float(centre.interval_s),
    )
    return pd.Series(np.diff(brings) * 3600 / centre.interval_s, index=agents[1:], name="rub_h")


def sensitivity(
    centre: Centre,
    settings: SecondLine,
    demand: pd.DataFrame,
    save_rates: Iterable[float],
    *,
    queue: str = "second_line",
) -> pd.DataFrame:
    """Ask what the second line is worth if it keeps fewer than is said.

    Returns
    -------
    DataFrame
        Row a save rate: save_rate, required_h and best_h (agent-hours a day or whatever the demand spans),
        kept (customers, best staff), net_rub (best staff) and gain_rub (over the required staff).
    """
    rows = []
    for rate in save_rates:
        changed = SecondLine.of(settings.model_dump() | {"save_rate": rate})
        table = worth_of_staff(centre, changed, demand, queue=queue)
        hours = table[["required", "best"]].sum() * centre.interval_s / 3600
        net = table[["net_rub", "net_best_rub"]].sum()
        rows.append((rate, *hours, table["kept_best"].sum(), net.iloc[1], net.iloc[1] - net.iloc[0]))
    columns = ["save_rate", "required_h", "best_h", "kept", "net_rub", "gain_rub"]
    return pd.DataFrame(rows, columns=columns)
