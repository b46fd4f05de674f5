"""The service that callers get under a requirement, by the exact model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.errors import PlanningError
from planning.queueing import exact_day
from planning.staffing import behind_lookup, promised_service

if TYPE_CHECKING:
    from planning.centre import Centre
    from planning.queueing.target import Start


def exact_service(
    centre: Centre,
    needed: pd.DataFrame,
    queue: str,
    *,
    agents: pd.DataFrame | None = None,
    cut_off: pd.Timestamp | None = None,
    start: Start = "stationary",
) -> pd.DataFrame:
    """Service of a pooled queue through the day as it unfolds, including the closing of a site.

    When the number of agents of a site falls between two intervals, agents go home; a busy one first finishes
    the call. If one site's agents leave while another's arrive, both count, not only the difference.

    Parameters
    ----------
    centre : Centre
    needed : DataFrame
        REQUIREMENT.
    queue : str
        A pooled queue.
    agents : DataFrame, optional
        Agents on position: index interval_start, a column per site; those of the requirement by default.
    cut_off : Timestamp, optional
        Start of the interval at which the calls of those who leave are cut off and go back to the head of the
        queue, as in a power failure; otherwise they finish the call.
    start : {"stationary", "empty"}
        The steady state of the first interval, or nobody in the system. `simulate_positions` has the same
        choice.

    Returns
    -------
    DataFrame
        interval_start, calls, aht_s, agents, leaving (at the start of the interval), a column
        ``agents_<site>`` per site, formula (service level by the stationary formula, interval by interval),
        service_level, abandonment, queue_end and overrun_s of the exact model.

    Raises
    ------
    PlanningError
        The queue is not in the requirement, its sites work apart, or it closes in between; or the agents lack
        an interval.
    """
    table = _staffed(centre, needed, queue, agents)
    settings = centre.queues[queue]
    table["formula"] = promised_service(
        settings, table["calls"], table["aht_s"], table["agents"], centre.interval_s, settings.patience_s
    )
    return table.assign(**unfolded(centre, queue, table, cut_off=cut_off, start=start))


def _staffed(centre: Centre, needed: pd.DataFrame, queue: str, agents: pd.DataFrame | None) -> pd.DataFrame:
    """Calls, handle time and agents of a pooled queue by interval, and who leaves."""
    rows = needed[needed["queue"] == queue]
    if rows.empty:
        raise PlanningError(f"queue {queue!r} is not in the requirement, which has {set(needed['queue'])}")
    if not centre.queues[queue].pooled:
        raise PlanningError(f"queues.{queue}.pooled is false, must be true for one exact model of all sites")
    by_time = rows.groupby("interval_start")
    table = pd.DataFrame({"calls": by_time["calls"].sum(), "aht_s": by_time["aht_s"].first()})
    check_unbroken(centre, queue, table.index)
    sites = heads_on_site(rows, table.index, agents).fillna(0).astype(int)
    table["agents"], table["leaving"] = sites.sum(axis=1), _leaving(sites)
    return table.join(sites.add_prefix("agents_")).reset_index()


def check_unbroken(centre: Centre, queue: str, times: pd.Index) -> None:
    """Refuse a requirement with a closed hour in between, because callers do not wait across it."""
    gaps = times.to_series().diff()[1:] > pd.Timedelta(seconds=centre.interval_s)
    if gaps.any():
        raise PlanningError(
            f"the requirement of {queue} has a gap before {gaps.idxmax():%Y-%m-%d %H:%M}, must be one "
            "stretch without closed hours: give one day at a time"
        )


def heads_on_site(rows: pd.DataFrame, times: pd.Index, agents: pd.DataFrame | None) -> pd.DataFrame:
    """Return the agents on position by interval and site: given ones, or those of a queue's requirement.

    Raises
    ------
    PlanningError
        Given agents lack an interval of the requirement.
    """
    if agents is None:
        return rows.pivot(index="interval_start", columns="site", values="agents").reindex(times)
    if len(lacking := times.difference(agents.index)):
        raise PlanningError(
            f"agents has no row at {lacking[0]:%Y-%m-%d %H:%M%z}, must have one for each interval of the "
            "requirement: add it"
        )
    return agents.reindex(times)


def unfolded(
    centre: Centre,
    queue: str,
    table: pd.DataFrame,
    *,
    cut_off: pd.Timestamp | None = None,
    start: str | NDArray[np.float64] = "stationary",
) -> dict[str, NDArray[np.float64]]:
    """Measures of the exact model of a queue with its lookup, from a state on.

    Parameters
    ----------
    centre : Centre
    queue : str
    table : DataFrame
        interval_start, calls, aht_s, agents, leaving of intervals without a closed hour in between.
    cut_off : Timestamp, optional
        As for `exact_service`.
    start : str or ndarray
        As for `planning.queueing.exact_day`.
    """
    settings = centre.queues[queue]
    stays, target = behind_lookup(settings, settings.patience_s)
    exact = exact_day(
        table["calls"] * stays,
        table["aht_s"],
        table["agents"],
        interval_s=centre.interval_s,
        patience_s=settings.patience_s,
        threshold_s=target.threshold_s,
        leavers=["preempt" if time == cut_off else "finish" for time in table["interval_start"]],
        leaving=table["leaving"],
        start=start,
        waits=False,
    )
    return {
        "service_level": stays * exact["service_level"].to_numpy(),
        "abandonment": 1 - stays * (1 - exact["abandonment"].to_numpy()),
        "queue_end": exact["queue_end"].to_numpy(),
        "overrun_s": exact["overrun_s"].to_numpy(),
    }


def overrun_of(table: pd.DataFrame, site: str) -> NDArray[np.float64]:
    """Seconds that a site's agents work on after each interval's start: their part of all who leave then.

    Takes the table of `exact_service`. The horizon repeats, so the last interval precedes the first one.
    """
    heads = table[f"agents_{site}"].fillna(0).to_numpy()
    gone, leaving = np.maximum(np.roll(heads, 1) - heads, 0), table["leaving"].to_numpy(dtype=float)
    share = np.divide(gone, leaving, out=np.zeros(len(table)), where=leaving > 0)
    return np.asarray(table["overrun_s"] * share, dtype=np.float64)


def _leaving(sites: pd.DataFrame) -> NDArray[np.int64]:
    """Agents who go home before each interval: the fall at each site, regardless of arrivals elsewhere."""
    falls: NDArray[np.int64] = (-sites.diff().fillna(0)).clip(lower=0).sum(axis=1).to_numpy(dtype=np.int64)
    return falls
