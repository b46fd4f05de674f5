"""The second line in a plan: its work, and the customers whom it keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from planning.checks import number
from planning.queueing import measures

if TYPE_CHECKING:
    from planning.centre import Centre


def load_by_part(centre: Centre, first_line_calls: float) -> pd.DataFrame:
    """Calls and work that a number of first-line calls create for the second line.

    Transfers and consults are the shares that the first line's queue has in the centre's file, as the
    simulation uses them; customers who want to leave call of their own accord.

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


def leavers(centre: Centre) -> float:
    """Share of the second line's calls from customers who want to leave."""
    calls = load_by_part(centre, 1.0)["calls"]
    return float(calls["leavers"] / calls.sum()) if calls.sum() else 0.0


def reached_in_time(
    calls: ArrayLike,
    aht_s: ArrayLike,
    agents: ArrayLike,
    *,
    patience_s: float,
    half_s: float,
    interval_s: float = 900.0,
) -> NDArray[np.float64]:
    r"""Share of callers reached, with an answer after a wait W counted as ``2^(-W / half_s)``.

    In Erlang A, a caller with k others ahead in the queue moves up at rate n mu + k theta, gives up at rate
    theta and loses interest at rate s = ln 2 / h, so that

    .. math::
        E[2^{-W/h}; \text{answered}] =
        1 - P_w + \sum_{j \ge 0} p_{n+j} \prod_{k=0}^{j} \frac{n\mu + k\theta}{n\mu + (k+1)\theta + s}

    Where nobody gives up (Erlang C), the wait of those who wait is exponential with rate n mu - lambda,
    or has no end.

    Parameters
    ----------
    calls, aht_s, agents : array_like
        They broadcast; calls per interval, seconds, heads.
    patience_s : float
        Mean patience, seconds; inf if nobody gives up.
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
    number("patience_s", patience_s, open_low=True, infinite=True)
    number("half_s", half_s, open_low=True, infinite=True)
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


def customers_kept(centre: Centre, requirement: pd.DataFrame) -> float:
    """Customers kept with the agents of a requirement, over all its intervals.

    Parameters
    ----------
    centre : Centre
    requirement : DataFrame
        REQUIREMENT that includes the second line.
    """
    queue = centre.systems.part("second_line").queue
    by_time = requirement[requirement["queue"] == queue].groupby("interval_start")
    calls, aht_s, agents = by_time["calls"].sum(), by_time["aht_s"].first(), by_time["agents"].sum()
    return float(kept_by_interval(centre, calls, aht_s, agents).sum())


def kept_by_interval(
    centre: Centre, calls: pd.Series, aht_s: pd.Series, agents: pd.Series
) -> NDArray[np.float64]:
    """Customers kept in each interval."""
    settings = centre.systems.part("second_line")
    reached = reached_in_time(
        calls,
        aht_s,
        agents,
        patience_s=centre.queues[settings.queue].patience_s,
        half_s=settings.half_s,
        interval_s=float(centre.interval_s),
    )
    return np.asarray(calls.to_numpy() * leavers(centre) * settings.save_rate * reached)
