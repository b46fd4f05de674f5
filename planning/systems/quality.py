"""The quality group in a plan: listening to every operator, expressed as work and as demand."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from planning.calendars import axis, day_start, local_day
from planning.checks import number, one_of
from planning.demand.planned import mark_planned, planned_demand

if TYPE_CHECKING:
    from planning.centre import Centre
    from planning.centre.systems import Quality

DAYS_MONTH = 365 / 12


def workload(quality: Quality, *, operators: int, call_s: float) -> pd.DataFrame:
    """Monthly work of the quality group, by part.

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
        Index part: pieces (a month), minutes (each), hours (a month). Calibration has hours only.

    Raises
    ------
    PlanningError
        `operators` is below 1 or `call_s` is not positive.

    Examples
    --------
    >>> from planning import Centre
    >>> hours = workload(Centre.load().systems.quality, operators=400, call_s=220.0)["hours"]
    >>> round(float(hours["listening"]))
    869
    """
    number("operators", operators, 1.0, remedy="count the people who answer calls")
    number("call_s", call_s, open_low=True, remedy="give the mean length of a call in seconds")
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

    The queue's `due_days` says how long a review may wait.

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
    one_of("queue", queue, list(centre.queues))
    settings = centre.queues[queue]
    times = axis(day_start(start, centre.time_zone), days, centre.interval_s)
    times = times[settings.open_at(times)]
    pieces, hours = work["pieces"].sum(), work["hours"].sum()
    return pd.DataFrame(
        {
            "queue": queue,
            "interval_start": times,
            "calls": pieces / DAYS_MONTH * days / len(times),
            "aht_s": hours * 3600 / pieces,
        }
    )


def with_reviews(centre: Centre, demand: pd.DataFrame, people: pd.DataFrame | None = None) -> pd.DataFrame:
    """Replace the quality group's rows of a demand by its work for these people.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND of whole days.
    people : DataFrame, optional
        PEOPLE; everybody who answers calls is listened to. By default the settings say how many.

    Returns
    -------
    DataFrame
        PLANNED, because reviews follow the number of people and not the volume of calls. The demand's own
        rows stay if the centre has no quality group or the demand none of its work.

    Raises
    ------
    PlanningError
        A row of the demand is not valid, or a queue is unknown.
    """
    quality, planned = centre.systems.quality, planned_demand(centre, demand)
    if quality is None or quality.queue not in set(planned["queue"]):
        return planned
    calls = planned[[not centre.queues[name].waits for name in planned["queue"]]]
    operators = quality.operators if people is None else operators_of(centre, people)
    if calls["calls"].sum() == 0 or operators == 0:
        return planned
    call_s = float(np.average(calls["aht_s"], weights=calls["calls"]))
    days = local_day(pd.DatetimeIndex(planned["interval_start"]))
    work = review_demand(
        centre,
        workload(quality, operators=operators, call_s=call_s),
        start=days.min().date(),
        days=days.nunique(),
        queue=quality.queue,
    )
    rest = planned[planned["queue"] != quality.queue]
    work = mark_planned(centre, work.astype(rest[work.columns].dtypes))
    return pd.concat([rest, work], ignore_index=True)


def operators_of(centre: Centre, people: pd.DataFrame) -> int:
    """Count the people who answer calls, each of whom is listened to.

    Parameters
    ----------
    centre : Centre
    people : DataFrame
        PEOPLE.
    """
    answering = {
        name
        for name, team in centre.teams.items()
        if any(not centre.queues[queue].waits for queue in team.queues)
    }
    return int(people["team"].isin(answering).sum())
