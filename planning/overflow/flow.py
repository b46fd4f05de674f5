"""Who answers when: every call from its home site to the site that answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from planning.routing import answering_sites
from planning.staffing import planned_demand, requirement

if TYPE_CHECKING:
    from planning.centre import Centre

__all__ = ["OverflowPlan", "night_overflow"]


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
    calls = calls_by_site(settled(centre), planned)
    keys = ["queue", "site", "interval_start"]
    pooled = requirement(centre, demand).set_index(keys)["agents"]
    apart = _apart(centre, planned, calls).reindex(pooled.index)
    needed = pd.DataFrame({"apart": apart, "pooled": pooled}).reset_index()
    return OverflowPlan(calls, needed)


def calls_by_site(centre: Centre, planned: pd.DataFrame) -> pd.DataFrame:
    """Follow every call of a planned demand: queue, interval_start, home, site, calls."""
    parts = [_answered(centre, str(name), rows) for name, rows in planned.groupby("queue", sort=False)]
    return pd.concat(parts, ignore_index=True)


def settled(centre: Centre) -> Centre:
    """Return the centre for a demand that holds its settings of volume and handle time already."""
    return centre.replace(_plain(centre))


def _answered(centre: Centre, queue: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Calls of a queue by home site and answering site."""
    answers = answering_sites(centre, queue, pd.DatetimeIndex(rows["interval_start"]))
    parts = [
        rows[["queue", "interval_start"]].assign(
            home=home, site=answers[home].to_numpy(), calls=rows["calls"] * share
        )
        for home, share in centre.queues[queue].sites.items()
        if share > 0
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
