"""The entry of demand into a plan: the centre's volume and handle times are applied here, and only here.

A planned demand is marked in its column ``planned_with``, so planning it again changes nothing. Every public
function that takes a demand plans it first, so you may pass it planned or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from planning.calendars import time_of_day
from planning.errors import PlanningError
from planning.tables import DEMAND, PLANNED

if TYPE_CHECKING:
    from planning.centre import Centre, Queue


def planned_demand(centre: Centre, demand: pd.DataFrame) -> pd.DataFrame:
    """Apply the centre's volume and handle times to a demand, and refuse rows that cannot be planned.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND, or a planned demand, whose rows are only checked: nothing is applied twice.

    Returns
    -------
    DataFrame
        PLANNED on the centre's clock, ordered by queue (as in the centre) and time.

    Raises
    ------
    PlanningError
        A row is not valid, a queue is unknown or has calls while it is closed, the intervals are not the
        centre's, or the demand was planned with other settings.

    Examples
    --------
    >>> from planning import Centre
    >>> noon = pd.Timestamp("2026-11-23 12:00", tz="Europe/Moscow")
    >>> demand = pd.DataFrame(
    ...     {"queue": ["first_line"], "interval_start": [noon], "calls": [400.0], "aht_s": [200.0]}
    ... )
    >>> busier = Centre.load().replace({"queues.first_line.volume": 1.5})
    >>> once = planned_demand(busier, demand)
    >>> twice = planned_demand(busier, once)
    >>> [float(frame["calls"].iloc[0]) for frame in (once, twice)]
    [600.0, 600.0]
    """
    rows = check_rows(centre, demand)
    parts = [_while_open(name, queue, rows[rows["queue"] == name]) for name, queue in centre.queues.items()]
    given = pd.concat(parts, ignore_index=True)
    if given.empty:
        raise PlanningError("demand has no row at which its queue is open: give rows in the queue's hours")
    return (
        given
        if "planned_with" in given
        else mark_planned(centre, _with_follow_ups(centre, _with_settings(centre, given)))
    )


def mark_planned(centre: Centre, rows: pd.DataFrame) -> pd.DataFrame:
    """Record in each row the settings of its queue that are already applied."""
    return rows.assign(planned_with=rows["queue"].map({n: _settings(q) for n, q in centre.queues.items()}))


def _settings(queue: Queue) -> str:
    """Settings of a queue that planning applies to its demand."""
    return f"volume {queue.volume}" + ("" if queue.aht_s is None else f", aht_s {queue.aht_s}")


def check_rows(centre: Centre, demand: pd.DataFrame) -> pd.DataFrame:
    """Check that each row of a demand is valid and has the centre's queues, intervals and settings.

    Returns
    -------
    DataFrame
        DEMAND or PLANNED, row by row as it came, on the centre's clock.

    Raises
    ------
    PlanningError
        A row is not valid, or does not fit the centre.
    """
    if "planned_with" in demand and demand["planned_with"].isna().any():
        raise PlanningError(
            "demand has rows that are planned and rows that are not: plan all of them at once"
        )
    rows = (PLANNED if "planned_with" in demand else DEMAND).check(demand, "demand")
    unknown = sorted(set(rows["queue"]) - set(centre.queues))
    if unknown:
        raise PlanningError(
            f"demand names queue {unknown[0]!r}, must be one of {', '.join(centre.queues)}: "
            "add it to the centre's queues or rename it"
        )
    if "planned_with" in rows:
        for name, had in rows[["queue", "planned_with"]].drop_duplicates().itertuples(index=False):
            if had != (now := _settings(centre.queues[name])):
                raise PlanningError(
                    f"demand of {name} was planned with {had}, the centre has {now}: give the demand as it "
                    "was before planning"
                )
    rows["interval_start"] = rows["interval_start"].dt.tz_convert(centre.time_zone).astype(
        f"datetime64[us, {centre.time_zone}]"
    )  # fmt: skip
    for name, own in rows.groupby("queue", sort=False):
        _check_grid(centre, str(name), pd.DatetimeIndex(own["interval_start"]))
    return rows


def _check_grid(centre: Centre, name: str, times: pd.DatetimeIndex) -> None:
    """Refuse intervals of another length than the centre's, which would be staffed wrongly."""
    length = pd.Timedelta(seconds=centre.interval_s)
    off = times[time_of_day(times) % length != pd.Timedelta(0)]
    if len(off):
        raise PlanningError(
            f"demand of {name} has interval_start {off[0]:%Y-%m-%d %H:%M:%S}, must lie on the grid of "
            f"{centre.interval_s} s: set the centre's interval_s, or count the calls by its intervals"
        )
    steps = times.unique().sort_values().diff()[1:]
    if len(steps) and steps.min() > length:
        raise PlanningError(
            f"demand of {name} comes every {steps.min().total_seconds():g} s, must come every "
            f"{centre.interval_s} s: set the centre's interval_s, or count the calls by its intervals"
        )


def _while_open(name: str, queue: Queue, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of a queue's opening hours in order of time, each with a handle time."""
    rows = rows.sort_values("interval_start", ignore_index=True)
    closed = ~queue.open_at(pd.DatetimeIndex(rows["interval_start"]))
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
    # Without calls, the handle time does not matter.
    return rows.assign(aht_s=rows["aht_s"].where(rows["aht_s"] > 0, _mean_s(rows)))


def _mean_s(rows: pd.DataFrame) -> float:
    """Mean handle time over the calls, 1 s where nobody calls."""
    return float(np.average(rows["aht_s"], weights=rows["calls"])) if rows["calls"].sum() > 0 else 1.0


def _with_settings(centre: Centre, given: pd.DataFrame) -> pd.DataFrame:
    """Apply each queue's volume and handle time; calls from another queue follow that queue's volume.

    A queue's demand includes what others send it. So if its own volume is v and the sender's w, calls that
    were handed over get the factor w instead of v.
    """
    planned, calls = given.copy(), given.set_index(["queue", "interval_start"])["calls"]
    for name, queue in centre.queues.items():
        own = planned["queue"] == name
        planned.loc[own, "calls"] *= queue.volume
        if queue.aht_s is not None and given.loc[own, "calls"].sum() > 0:
            planned.loc[own, "aht_s"] *= queue.aht_s / _mean_s(given[own])
    for name, queue in centre.queues.items():
        for other, share in [*queue.transfers.items(), *queue.consults.items()]:
            more = queue.volume - centre.queues[other].volume
            if more == 0 or name not in calls.index or other not in calls.index:
                continue
            at = planned["queue"] == other
            sent = share * calls[name].reindex(planned.loc[at, "interval_start"]).fillna(0.0).to_numpy()
            planned.loc[at, "calls"] = (planned.loc[at, "calls"] + more * sent).clip(lower=0.0)
    return planned


def _with_follow_ups(centre: Centre, planned: pd.DataFrame) -> pd.DataFrame:
    """Add the work that calls leave behind, if it is not in the demand already."""
    counted = set(planned["queue"])
    parts = [
        _follow_up(centre, other, share, planned[planned["queue"] == name])
        for name, queue in centre.queues.items()
        for other, share in queue.follow_ups.items()
        if other not in counted and name in counted
    ]
    if not parts:
        return planned
    left = pd.concat(parts).groupby(["queue", "interval_start"], as_index=False, sort=False)
    left = left.agg({"calls": "sum", "aht_s": "first"})
    rank = {name: number for number, name in enumerate(centre.queues)}
    whole = pd.concat([planned, left[planned.columns]], ignore_index=True)
    return whole.iloc[np.argsort(whole["queue"].map(rank).to_numpy(), kind="stable")].reset_index(drop=True)


def _follow_up(centre: Centre, other: str, share: float, calls: pd.DataFrame) -> pd.DataFrame:
    """Work that a queue's calls leave in another; what comes while it is closed is spread over the rest.

    It follows only the volume of the calls, like calls that are handed on.
    """
    queue = centre.queues[other]
    own = calls[queue.open_at(pd.DatetimeIndex(calls["interval_start"]))]
    spread = calls["calls"].sum() / own["calls"].sum() if own["calls"].sum() > 0 else 0.0
    return own.assign(queue=other, aht_s=queue.aht_s, calls=own["calls"] * share * spread)
