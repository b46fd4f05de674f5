"""A site that closes: who answers when, what happens at the hand-over, what the other site must hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.errors import PlanningError
from planning.queueing import exact_day, measures
from planning.routing import answering_sites
from planning.staffing import planned_demand, requirement

if TYPE_CHECKING:
    from planning.centre import Centre

__all__ = ["OverflowPlan", "hand_over", "night_overflow"]


@dataclass(frozen=True)
class OverflowPlan:
    """Who answers whom, and what it takes.

    Attributes
    ----------
    calls : DataFrame
        queue, interval_start, home, site, calls: every call once, from the site that it belongs to by day
        to the site that answers it.
    needed : DataFrame
        queue, site, interval_start, apart, pooled: agents on position with the callers of each home site
        queueing on their own, and with all of them in one queue.
    """

    calls: pd.DataFrame
    needed: pd.DataFrame

    @property
    def moved(self) -> pd.DataFrame:
        """Calls that another site answers than their own."""
        return self.calls[self.calls["home"] != self.calls["site"]]


def night_overflow(centre: Centre, demand: pd.DataFrame) -> OverflowPlan:
    """Follow every call to the site that answers it, and staff that site.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND.

    Returns
    -------
    OverflowPlan
    """
    planned = planned_demand(centre, demand)
    calls = pd.concat(
        [_answered(centre, str(name), rows) for name, rows in planned.groupby("queue", sort=False)],
        ignore_index=True,
    )
    keys = ["queue", "site", "interval_start"]
    pooled = requirement(centre, demand).set_index(keys)["agents"]
    apart = _apart(centre, planned, calls).reindex(pooled.index)
    needed = pd.DataFrame({"apart": apart, "pooled": pooled}).reset_index()
    return OverflowPlan(calls, needed)


def _answered(centre: Centre, queue: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Calls of a queue by home site and answering site."""
    answers = answering_sites(centre, queue, pd.DatetimeIndex(rows["interval_start"]))
    parts = [
        rows[["queue", "interval_start"]].assign(
            home=home, site=answers[home].to_numpy(), calls=rows["calls"] * share
        )
        for home, share in centre.queues[queue].sites.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _apart(centre: Centre, planned: pd.DataFrame, calls: pd.DataFrame) -> pd.Series:
    """Agents of each site if the callers of each home site had a queue and agents of their own."""
    found = []
    for home in centre.sites:
        own = calls[calls["home"] == home]
        lonely = {
            f"queues.{name}.sites": {home: 1.0}
            for name, queue in centre.queues.items()
            if home in queue.sites
        }
        part = planned.merge(own.drop(columns="calls"), on=["queue", "interval_start"])
        share = own.set_index(["queue", "interval_start"])["calls"]
        part["calls"] = share.reindex(pd.MultiIndex.from_frame(part[["queue", "interval_start"]])).to_numpy()
        if len(part):
            alone = centre.replace({**lonely, **_plain(centre)})
            found.append(requirement(alone, part).set_index(["queue", "site", "interval_start"])["agents"])
    return pd.concat(found).groupby(level=[0, 1, 2]).sum()


def _plain(centre: Centre) -> dict[str, object]:
    """Settings that were applied to the demand already."""
    return {
        f"queues.{name}.{key}": value
        for name in centre.queues
        for key, value in (("volume", 1.0), ("aht_s", None))
    }


def hand_over(
    centre: Centre,
    needed: pd.DataFrame,
    queue: str,
    *,
    agents: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Service of a pooled queue through the day as it unfolds, the closing of a site included.

    Between two intervals the agents of each site whose number falls go home: who is busy finishes the call
    and goes. Where one site's agents leave while another's arrive, both are counted, not their difference.

    Parameters
    ----------
    centre : Centre
    needed : DataFrame
        REQUIREMENT.
    queue : str
        A pooled queue.
    agents : DataFrame, optional
        Agents on position: index interval_start, a column a site; those of the requirement by default.

    Returns
    -------
    DataFrame
        interval_start, calls, aht_s, agents, a column ``agents_<site>`` a site, formula (service level by the
        stationary formula, interval by interval), service_level, queue_end, abandonment and overrun_s of the
        exact model.

    Raises
    ------
    PlanningError
        The queue is not in the requirement, or its sites work apart.
    """
    if not centre.queues[queue].pooled:
        raise PlanningError(f"queues.{queue}.pooled is false, must be true for one exact model of all sites")
    rows = needed[needed["queue"] == queue]
    if rows.empty:
        raise PlanningError(f"queue {queue!r} is not in the requirement, which has {set(needed['queue'])}")
    calls = rows.groupby("interval_start")["calls"].sum()
    aht_s = rows.groupby("interval_start")["aht_s"].first()
    sites = rows.pivot(index="interval_start", columns="site", values="agents") if agents is None else agents
    sites = sites.reindex(calls.index).fillna(0).astype(int)
    total = sites.sum(axis=1)
    settings = centre.queues[queue]
    load = calls.to_numpy(), aht_s.to_numpy(), total.to_numpy()
    times: dict[str, Any] = {"interval_s": centre.interval_s, "patience_s": settings.patience_s}
    threshold_s = settings.target.threshold_s
    exact = exact_day(*load, threshold_s=threshold_s, leaving=_leaving(sites), start="stationary", **times)
    formula = measures(*load, threshold_s=threshold_s, **times)
    table = pd.DataFrame({"calls": calls, "aht_s": aht_s, "agents": total, "formula": formula.service_level})
    for site in sites:
        table[f"agents_{site}"] = sites[site]
    for name in ("service_level", "queue_end", "abandonment", "overrun_s"):
        table[name] = np.asarray(exact[name])
    return table.reset_index()


def _leaving(sites: pd.DataFrame) -> NDArray[np.int64]:
    """Agents who go home before each interval: what each site loses, whoever arrives elsewhere."""
    falls: NDArray[np.int64] = (-sites.diff().fillna(0)).clip(lower=0).sum(axis=1).to_numpy(dtype=np.int64)
    return falls
