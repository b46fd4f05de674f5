"""Which calls the quality group listens to, and when it calls as a mystery customer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.calendars import local_day, time_of_day
from planning.checks import whole
from planning.errors import PlanningError
from planning.systems.quality import DAYS_MONTH
from planning.tables import CALLS

if TYPE_CHECKING:
    from planning.centre.systems import Quality


def mystery_calls(
    quality: Quality, needed: pd.DataFrame, queue: str, *, operators: int, seed: int = 1
) -> pd.DatetimeIndex:
    """Plan when to call as a mystery customer, so that every operator is equally likely to answer.

    Nobody can choose the operator who answers, not even the quality group. So the moments are drawn in
    proportion to the agents on position, which gives every hour on position the same chance of a call.

    Parameters
    ----------
    quality : Quality
    needed : DataFrame
        REQUIREMENT of the days to call on.
    queue : str
    operators : int
        People who answer the queue.
    seed : int

    Returns
    -------
    DatetimeIndex
        In order of time: `mystery_month` calls per operator and month, in proportion to the days.

    Raises
    ------
    PlanningError
        The requirement does not include the queue.
    """
    agents = needed[needed["queue"] == queue].groupby("interval_start")["agents"].sum()
    if not agents.sum():
        raise PlanningError(f"queue is {queue!r}, must be one of {', '.join(needed['queue'].unique())}")
    days = local_day(agents.index).nunique()
    count = round(quality.mystery_month * operators * days / DAYS_MONTH)
    rng = np.random.default_rng(seed)
    at = rng.choice(len(agents), count, p=agents / agents.sum())
    length_s = (agents.index[1:] - agents.index[:-1]).min().total_seconds() if len(agents) > 1 else 900.0
    within = pd.to_timedelta((rng.random(count) * length_s).astype(int), unit="s")
    return pd.DatetimeIndex(agents.index[at] + within).sort_values()


def never_rung(quality: Quality, months: float) -> float:
    """Share of the operators whom, by chance, no mystery call has reached after some months.

    Examples
    --------
    >>> from planning import Centre
    >>> round(never_rung(Centre.load().systems.quality, 4), 3)
    0.135
    """
    return float(np.exp(-quality.mystery_month * months))


def sample_calls(
    calls: pd.DataFrame, per_agent: int = 10, *, seed: int = 1, earlier: Iterable[int] = ()
) -> pd.DataFrame:
    """Draw the calls of each agent to listen to, representative in length and in hour.

    An agent's calls are sorted into classes of length, and each class by time of day, forwards and backwards
    in turn so that neighbours are alike. From a random start, every (N / n)-th call is taken. So each of the
    N calls has the same chance n / N, and the sample has the lengths and hours of all calls (systematic
    sampling; Madow and Madow, 1944).

    Parameters
    ----------
    calls : DataFrame
        CALLS; abandoned ones are left out.
    per_agent : int
        Calls of each agent; all of them where an agent has fewer.
    seed : int
        Each agent has a separate random stream, so a sample does not depend on who else works.
    earlier : iterable of int
        `call_id` of calls drawn before, which are not drawn again.

    Returns
    -------
    DataFrame
        CALLS in order of agent and arrival, with ``weight``: the number of calls that each one represents, N
        / n.

    Raises
    ------
    PlanningError
        `per_agent` is below 1, or a row of the calls is not valid.

    Examples
    --------
    >>> calls = pd.read_parquet("data/calls.parquet")
    >>> calls = calls[calls["queue"] != "quality"]
    >>> first = sample_calls(calls, 10)
    >>> second = sample_calls(calls, 10, earlier=first["call_id"])
    >>> len(first), set(first["call_id"]) & set(second["call_id"])
    (2429, set())
    """
    whole("per_agent", per_agent, 1)
    rows = CALLS.check(calls, "calls")
    rows = rows[(rows["outcome"] == "answered") & ~rows["call_id"].isin(list(earlier))]
    rows = rows.sort_values("call_id")
    parts = []
    for agent, own in rows.groupby("agent_id"):
        picks = min(per_agent, len(own))
        start = np.random.default_rng([seed, crc32(str(agent).encode())]).random()
        chosen = own.iloc[in_order(own, picks)[every_nth(len(own), picks, start)]]
        parts.append(chosen.assign(weight=len(own) / picks))
    if not parts:
        return rows.assign(weight=pd.Series(dtype="float64"))
    return pd.concat(parts).sort_values(["agent_id", "arrival"], ignore_index=True)


def in_order(own: pd.DataFrame, picks: int) -> NDArray[np.int64]:
    """Order of the calls by class of length, then by time of day, forwards and backwards in turn."""
    classes = max(1, round(picks**0.5))  # as many classes as picks in each: length and hour count equally
    rank = own["handle_s"].rank(method="first").to_numpy() - 1
    length = np.floor(rank * classes / len(own)).astype(np.int64)
    clock = time_of_day(pd.DatetimeIndex(own["arrival"])).total_seconds().to_numpy()
    order: NDArray[np.int64] = np.lexsort((np.where(length % 2, -clock, clock), length))
    return order


def every_nth(total: int, picks: int, start: float) -> NDArray[np.int64]:
    """Take `picks` of `total` places at even steps; `start` in [0, 1) is a share of a step.

    Examples
    --------
    >>> every_nth(10, 3, 0.5)
    array([1, 5, 8])
    """
    places: NDArray[np.int64] = np.floor((start + np.arange(picks)) * total / picks).astype(np.int64)
    return places
