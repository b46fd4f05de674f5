"""The quality group: how much work it is to listen to every operator, and which calls to listen to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from math import ceil
from typing import TYPE_CHECKING, Annotated
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from planning.calendars import axis, day_start, time_of_day
from planning.centre import NotNegative, Positive, Share, clock_text
from planning.errors import PlanningError
from planning.settings import Settings
from planning.shifts.catalogue import catalogue, premium_hours, shapes
from planning.tables import CALLS, SHIFTS

if TYPE_CHECKING:
    from planning.centre import Centre

__all__ = ["Quality", "review_demand", "review_shifts", "sample_calls", "workload"]

_DAYS_MONTH = 365 / 12


class Quality(Settings):
    """What the quality group does for each operator, and what it takes a good operator to be."""

    calls_month: Annotated[int, Field(gt=0)]
    """Calls of each operator that are listened to in a month."""
    mystery_month: NotNegative
    """Mystery calls to each operator in a month, on average."""
    replay: Positive
    """Time to listen to a call, a multiple of its length."""
    scoring_min: NotNegative
    """Time to score one call, minutes."""
    mystery_min: NotNegative
    """Time for a mystery call with its preparation and score, minutes."""
    feedback_min: NotNegative
    """Talk with each operator once a month, minutes."""
    calibration: Share
    """Time in which reviewers score the same calls to agree on the scale, a share of all other work."""
    good: Share
    """Share of calls that pass with an operator who must not be blamed."""
    bad: Share
    """Share of calls that pass with an operator who must be helped."""
    risk: Share
    """Largest probability of a wrong verdict, of either kind, that counts as fair."""
    pass_mean: Share
    """Share of calls that pass, over all operators; makes the synthetic scores."""
    pass_strength: Positive
    """How alike operators are: their shares are Beta(mean x strength, (1 - mean) x strength)."""


def workload(quality: Quality, *, operators: int, call_s: float) -> pd.DataFrame:
    """Work of the quality group in a month.

    Parameters
    ----------
    quality : Quality
    operators : int
        People whose calls are listened to.
    call_s : float
        Mean length of a call, seconds.

    Returns
    -------
    DataFrame
        Index part: pieces (a month), minutes (each), hours (a month). Calibration is time only.

    Raises
    ------
    PlanningError
        `operators` is below 1 or `call_s` is not positive.

    Examples
    --------
    >>> from planning.teams import Systems
    >>> hours = workload(Systems.load().quality, operators=400, call_s=220.0)["hours"]
    >>> round(float(hours["listening"]))
    869
    """
    if operators < 1:
        raise PlanningError(
            f"operators is {operators}, must be at least 1: count the people who answer calls"
        )
    if not call_s > 0:
        raise PlanningError(
            f"call_s is {call_s:g}, must be above 0: give the mean length of a call in seconds"
        )
    pieces = pd.Series(
        {
            "listening": operators * quality.calls_month,
            "mystery calls": operators * quality.mystery_month,
            "feedback": float(operators),
        }
    )
    minutes = [quality.replay * call_s / 60 + quality.scoring_min, quality.mystery_min, quality.feedback_min]
    table = pd.DataFrame({"pieces": pieces, "minutes": minutes}).rename_axis("part")
    table["hours"] = table["pieces"] * table["minutes"] / 60
    table.loc["calibration"] = [0.0, 0.0, quality.calibration * table["hours"].sum()]
    return table


def review_demand(
    centre: Centre, work: pd.DataFrame, *, start: date | str, days: int, queue: str = "quality"
) -> pd.DataFrame:
    """Spread a month's work of the quality group evenly over the open hours, as demand to be planned.

    This is how a whole plan counts it; `review_shifts` needs fewer hours, since a review may wait.

    Parameters
    ----------
    centre : Centre
    work : DataFrame
        As `workload` gives it.
    start : date or str
        First local day.
    days : int
        Number of local days.
    queue : str
        The quality group's queue in the centre.

    Returns
    -------
    DataFrame
        DEMAND: pieces of work as calls, their mean time as handle time.
    """
    if queue not in centre.queues:
        raise PlanningError(f"queue is {queue!r}, must be one of {', '.join(centre.queues)}")
    settings = centre.queues[queue]
    times = axis(day_start(start, centre.time_zone), days, centre.interval_s)
    clock = time_of_day(times)
    times = times[np.asarray((clock >= settings.opens) & (clock < settings.closes))]
    pieces, hours = work["pieces"].sum(), work["hours"].sum()
    return pd.DataFrame(
        {
            "queue": queue,
            "interval_start": times,
            "calls": pieces / _DAYS_MONTH * days / len(times),
            "aht_s": hours * 3600 / pieces,
        }
    )


def review_shifts(
    centre: Centre, work: pd.DataFrame, *, team: str, start: date | str, days: int, kind: str = "day"
) -> pd.DataFrame:
    """Give the quality group's work of some days to whole shifts on its working days.

    No minute of the day has a requirement of its own: only the hours on position, breaks left out, must add
    up to the work over the team's occupancy and presence.

    Parameters
    ----------
    centre : Centre
    work : DataFrame
        As `workload` gives it.
    team : str
        Whose shifts they are; its first queue sets the hour at which they start and the occupancy.
    start : date or str
        First local day.
    days : int
        Number of local days; Saturdays, Sundays and public holidays are free.
    kind : str
        Kind of shift.

    Returns
    -------
    DataFrame
        SHIFTS with ``night_h``, a row a working day, as `planning.build_roster` takes them.

    Raises
    ------
    PlanningError
        Team or kind is unknown, no such shift starts with the queue, or no day is a working day.
    """
    if team not in centre.teams:
        raise PlanningError(f"team is {team!r}, must be one of {', '.join(centre.teams)}")
    settings, queue = centre.teams[team], centre.queues[centre.teams[team].queues[0]]
    times = axis(day_start(start, centre.time_zone), days, centre.interval_s)
    kinds = {shape.kind: shape for shape in shapes(centre)}
    shifts = catalogue(centre, settings.site, times, [*kinds.values()])
    shifts = shifts[shifts["shape"].map(lambda number: [*kinds][number] == kind)].reset_index(drop=True)
    starts, ends = pd.DatetimeIndex(shifts["start"]), pd.DatetimeIndex(shifts["end"])
    shifts = shifts.join(premium_hours(centre, starts, ends, centre.sites[settings.site].ahead_h))
    working = (starts.day_of_week < 5) & (shifts["holiday_h"] == 0)
    shifts = shifts[working & (time_of_day(starts) == queue.opens)].reset_index(drop=True)
    if shifts.empty:
        raise PlanningError(
            f"no {kind!r} shift of {team} starts at {clock_text(queue.opens)} on a working day: use one of "
            f"{', '.join(centre.shifts.lengths_h)}, or change shifts.start_every_min"
        )
    away_s = sum(slot.length_s for slot in kinds[kind].slots)
    on_position_h = (kinds[kind].length_s - away_s) / 3600
    useful_h = on_position_h * (queue.target.max_occupancy or 1.0) * (1 - settings.shrinkage)
    heads = ceil(round(work["hours"].sum() / _DAYS_MONTH * days / useful_h, 9))
    return shifts.assign(
        shift_id=[f"{team}-{day:%Y%m%dT%H%M}" for day in shifts["start"]],
        site=settings.site,
        team=team,
        headcount=np.diff(np.arange(len(shifts) + 1) * heads // len(shifts)),
    )[[*SHIFTS.columns, "night_h"]]


def sample_calls(
    calls: pd.DataFrame, per_agent: int = 10, *, seed: int = 1, earlier: Iterable[int] = ()
) -> pd.DataFrame:
    """Draw the calls of each agent that are listened to, fair to long and short calls and to every hour.

    An agent's calls are put into classes of length, and in each class in order of the time of day (to and
    fro, so that neighbours are alike); every (N / n)-th call from a random start is taken. So each of the N
    calls has the same chance n / N, and lengths and hours are spread as in all calls (systematic sampling,
    Madow and Madow, 1944).

    Parameters
    ----------
    calls : DataFrame
        CALLS; the abandoned ones are passed over.
    per_agent : int
        Calls of each agent; all of them where there are fewer.
    seed : int
        Each agent has a stream of its own under the seed, so that nobody's sample depends on who else works.
    earlier : iterable of int
        Numbers of calls that were drawn before and are never drawn again.

    Returns
    -------
    DataFrame
        CALLS in order of agent and arrival, with ``weight``: the calls that each one stands for, N / n.

    Raises
    ------
    PlanningError
        `per_agent` is below 1, or a row of the calls cannot be.

    Examples
    --------
    >>> calls = pd.read_parquet("data/calls.parquet")
    >>> calls = calls[calls["queue"] != "quality"]
    >>> first = sample_calls(calls, 10)
    >>> second = sample_calls(calls, 10, earlier=first["call_id"])
    >>> len(first), set(first["call_id"]) & set(second["call_id"])
    (2429, set())
    """
    if per_agent < 1:
        raise PlanningError(f"per_agent is {per_agent}, must be at least 1: give the calls of each agent")
    rows = CALLS.check(calls, "calls")
    rows = rows[(rows["outcome"] == "answered") & ~rows["call_id"].isin(list(earlier))]
    rows = rows.sort_values("call_id")
    parts = []
    for agent, own in rows.groupby("agent_id"):
        picks = min(per_agent, len(own))
        start = np.random.default_rng([seed, crc32(str(agent).encode())]).random()
        chosen = own.iloc[_in_order(own, picks)[_systematic(len(own), picks, start)]]
        parts.append(chosen.assign(weight=len(own) / picks))
    if not parts:
        return rows.assign(weight=pd.Series(dtype="float64"))
    return pd.concat(parts).sort_values(["agent_id", "arrival"], ignore_index=True)


def _in_order(own: pd.DataFrame, picks: int) -> NDArray[np.int64]:
    """Put calls in order of class of length, then of time of day, to and fro."""
    classes = max(1, round(picks**0.5))  # as many classes of length as picks in each: both are spread alike
    rank = own["handle_s"].rank(method="first").to_numpy() - 1
    length = np.floor(rank * classes / len(own)).astype(np.int64)
    clock = time_of_day(pd.DatetimeIndex(own["arrival"])).total_seconds().to_numpy()
    order: NDArray[np.int64] = np.lexsort((np.where(length % 2, -clock, clock), length))
    return order


def _systematic(total: int, picks: int, start: float) -> NDArray[np.int64]:
    """Take `picks` of `total` places at even steps; `start` in [0, 1) is a share of a step.

    Examples
    --------
    >>> _systematic(10, 3, 0.5)
    array([1, 5, 8])
    """
    places: NDArray[np.int64] = np.floor((start + np.arange(picks)) * total / picks).astype(np.int64)
    return places
