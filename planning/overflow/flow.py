"""Who answers when: follow every call from its home site to the site that answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from planning.centre.routing import answering_sites
from planning.demand.planned import planned_demand
from planning.errors import PlanningError
from planning.staffing import requirement

if TYPE_CHECKING:
    from planning.centre import Centre


@dataclass(frozen=True)
class OverflowPlan:
    """Which site answers whose calls, and the agents that this needs.

    Attributes
    ----------
    calls : DataFrame
        queue, interval_start, home, site, calls: every call once, with its home site and the site that
        answers it, and the caller's zone if zones were given.
    needed : DataFrame
        queue, site, interval_start, apart, pooled: agents on position with the callers of each home site
        queueing on their own, and with all of them in one queue.
    """

    calls: pd.DataFrame
    needed: pd.DataFrame

    @property
    def moved(self) -> pd.DataFrame:
        """Calls that are answered away from their home site."""
        return self.calls[self.calls["home"] != self.calls["site"]]


def night_overflow(
    centre: Centre, demand: pd.DataFrame, *, zones: pd.DataFrame | None = None
) -> OverflowPlan:
    """Follow every call to the site that answers it, and staff that site.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND.
    zones : DataFrame, optional
        Calls (or any weights) by the caller's time zone: index interval_start, a column per zone, as
        `planning.demand.synthetic.calls_by_zone` gives them. They divide every queue in the same way.

    Returns
    -------
    OverflowPlan

    Raises
    ------
    PlanningError
        The demand cannot be planned, or the zones lack an interval of it, have one twice or have a negative
        weight.

    Examples
    --------
    >>> from planning import Centre
    >>> night = pd.Timestamp("2026-11-24 02:00", tz="Europe/Moscow")
    >>> demand = pd.DataFrame(
    ...     {"queue": ["first_line"], "interval_start": [night], "calls": [40.0], "aht_s": [200.0]}
    ... )
    >>> night_overflow(Centre.load(), demand).calls[["home", "site", "calls"]]
         home    site  calls
    0  moscow  kaluga   24.0
    1  kaluga  kaluga   16.0
    """
    planned = planned_demand(centre, demand)
    calls = calls_by_site(centre, planned)
    keys = ["queue", "site", "interval_start"]
    pooled = requirement(centre, planned).set_index(keys)["agents"]
    apart = _apart(centre, planned, calls).reindex(pooled.index)
    needed = pd.DataFrame({"apart": apart, "pooled": pooled}).reset_index()
    return OverflowPlan(calls if zones is None else _by_zone(calls, zones), needed)


def _by_zone(calls: pd.DataFrame, zones: pd.DataFrame) -> pd.DataFrame:
    """Divide calls over the callers' zones by the zones' weights in their interval."""
    if not zones.index.is_unique:
        again = zones.index[zones.index.duplicated()][0]
        raise PlanningError(f"zones has {again:%Y-%m-%d %H:%M} twice, must have it once: drop a row")
    if (zones < 0).to_numpy().any():
        zone = (zones < 0).any().idxmax()
        raise PlanningError(
            f"zones has the weight {zones[zone].min():g} of {zone}, must be at least 0: correct it"
        )
    total = zones.sum(axis=1)
    missing = calls.loc[~calls["interval_start"].isin(total.index[total > 0]) & (calls["calls"] > 0)]
    if len(missing):
        raise PlanningError(
            f"zones has no weights at {missing['interval_start'].iloc[0]:%Y-%m-%d %H:%M}, when calls come: "
            "give every interval of the demand"
        )
    shares = zones.div(total.where(total > 0, 1.0), axis=0).rename_axis("interval_start")
    long = shares.melt(ignore_index=False, var_name="zone", value_name="share").reset_index()
    found = calls.merge(long, on="interval_start")
    return found.assign(calls=found["calls"] * found["share"]).drop(columns="share")


def calls_by_site(centre: Centre, planned: pd.DataFrame) -> pd.DataFrame:
    """Follow every call of a planned demand: queue, interval_start, home, site, calls."""
    parts = [_answered(centre, str(name), rows) for name, rows in planned.groupby("queue", sort=False)]
    return pd.concat(parts, ignore_index=True)


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
    """Agents of each site if the callers of each home site had their own queue and agents."""
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
            alone = requirement(centre.replace(lonely), part)
            found.append(alone.set_index(["queue", "site", "interval_start"])["agents"])
    return pd.concat(found).groupby(level=[0, 1, 2]).sum()
