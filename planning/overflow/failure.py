"""When the night site fails: what is lost by the hour, and what stand-by agents elsewhere save."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from planning.checks import number
from planning.errors import PlanningError
from planning.overflow.steps import on_site
from planning.pay import DAYS_A_YEAR, caller_costs, hour_cost
from planning.service import exact_service

if TYPE_CHECKING:
    from planning.centre import Centre


def failed_night(
    centre: Centre,
    needed: pd.DataFrame,
    queue: str,
    site: str,
    *,
    at: pd.Timestamp,
    until: pd.Timestamp,
    left: float = 0.0,
    cut_off: bool = True,
    standby: tuple[str, int, float] | None = None,
) -> pd.DataFrame:
    """Follow a queue through a night in which a site fails, in the exact model.

    Calls in progress that are cut off wait at the head of the queue, as if their callers redialled at once.

    Parameters
    ----------
    centre : Centre
    needed : DataFrame
        REQUIREMENT.
    queue : str
        A pooled queue.
    site : str
        The site that fails.
    at, until : Timestamp
        Start and end of the failure.
    left : float
        Share of its agents who can continue: 0 without power or telephone, 2/3 if a third of them are ill.
    cut_off : bool
        Whether calls in progress break off, as without power. An agent who falls ill finishes the call.
    standby : (site, agents, minutes), optional
        Agents on stand-by elsewhere, who are at work that many minutes after the failure and until it ends.

    Returns
    -------
    DataFrame
        interval_start, calls, agents, service_level and lost (callers who gave up) of the failed night;
        service_level_normal and lost_normal of the same night without failure.

    Raises
    ------
    PlanningError
        The times are not starts of intervals or are outside the requirement, the site has no agents then, or
        the stand-by is at an unknown site.

    Examples
    --------
    Two hours without power, and all but a few callers of them are lost:

    >>> from planning import Centre, requirement
    >>> from planning.calendars import axis, day_start
    >>> times = axis(day_start("2026-11-23", "Europe/Moscow"), 1, 900)
    >>> flat = pd.DataFrame({"queue": "first_line", "interval_start": times, "calls": 60.0, "aht_s": 200.0})
    >>> one, three = times[4], times[12]
    >>> centre = Centre.load()
    >>> needed = requirement(centre, flat)
    >>> night = failed_night(centre, needed, "first_line", "kaluga", at=one, until=three)
    >>> round((night["lost"] - night["lost_normal"]).sum()), night["calls"].iloc[4:12].sum()
    (464, np.float64(480.0))
    """
    share = number("left", left, high=1.0)
    normal = on_site(needed, queue)
    for name, edge in (("at", at), ("until", until)):
        if edge.tz is None or (edge - normal.index[0]) % pd.Timedelta(seconds=centre.interval_s):
            raise PlanningError(
                f"{name} is {edge}, must be a time with its zone at which an interval of "
                f"{centre.interval_s / 60:g} min starts: {normal.index[0]}, for example"
            )
    hit = (normal.index >= at) & (normal.index < until)
    if site not in normal or not hit.any() or not normal.loc[hit, site].any():
        raise PlanningError(
            f"{site} has no agents of {queue} between {at:%Y-%m-%d %H:%M} and {until:%Y-%m-%d %H:%M}: "
            f"give hours between {normal.index[0]:%Y-%m-%d %H:%M} and {normal.index[-1]:%Y-%m-%d %H:%M} "
            "in which it answers"
        )
    agents = normal.copy()
    agents.loc[hit, site] = np.floor(share * normal.loc[hit, site] + 1e-9).astype(np.int64)
    if standby is not None:
        where, heads, minutes = standby
        if where not in centre.sites:
            raise PlanningError(
                f"standby is at {where!r}, must be one of {', '.join(centre.sites)}: correct it"
            )
        there = hit & (normal.index >= at + pd.Timedelta(minutes=minutes))
        agents[where] = agents.get(where, 0) + heads * there
    failed = exact_service(centre, needed, queue, agents=agents, cut_off=at if cut_off else None)
    usual = exact_service(centre, needed, queue)
    table = failed[["interval_start", "calls", "agents", "service_level"]]
    return table.assign(
        lost=failed["calls"] * failed["abandonment"],
        service_level_normal=usual["service_level"],
        lost_normal=usual["calls"] * usual["abandonment"],
    )


def standby_worth(
    centre: Centre,
    needed: pd.DataFrame,
    queue: str,
    site: str,
    *,
    at: pd.Timestamp,
    until: pd.Timestamp,
    standby_site: str,
    after_min: float,
    sizes: Sequence[int],
    left: float = 0.0,
) -> pd.DataFrame:
    """Compute what stand-bys of several sizes save in a failed night, and what they cost in a year.

    Parameters
    ----------
    centre : Centre
        With ``alternatives`` (pay of stand-by, failures a year).
    needed, queue, site, at, until, left
        As in `failed_night`.
    standby_site : str
        Where they would work; they wait at home during its closed hours, every night.
    after_min : float
        Minutes until they are at work.
    sizes : sequence of int
        Agents on stand-by.

    Returns
    -------
    DataFrame
        Index agents: lost (callers in the failed night), saved, cost_year (of waiting at home),
        saved_cost_year (value of the callers saved, at the failures of a year), break_even_cost (what a lost
        caller must be worth for the stand-by to pay).
    """
    prices, team = centre.alternatives, centre.team_for(queue, standby_site)
    if prices is None:
        raise PlanningError(
            "the centre has no [alternatives]: add standby_share and failures_year to its file"
        )
    if team is None:
        raise PlanningError(f"{standby_site} has no team of {queue} that could stand by: name another site")
    waiting_h = _closed_h(centre, standby_site) * DAYS_A_YEAR
    year_cost = hour_cost(centre, team) * prices.standby_share * waiting_h
    caller_cost = float(caller_costs(centre).loc[queue, "unanswered"])
    rows = {}
    nobody = _lost(failed_night(centre, needed, queue, site, at=at, until=until, left=left))
    for size in sizes:
        standby = (standby_site, size, after_min)
        night = failed_night(centre, needed, queue, site, at=at, until=until, left=left, standby=standby)
        saved = nobody - _lost(night)
        cost = year_cost * size
        rows[size] = {
            "lost": nobody - saved,
            "saved": saved,
            "cost_year": cost,
            "saved_cost_year": saved * caller_cost * prices.failures_year,
            "break_even_cost": cost / (saved * prices.failures_year) if saved > 0 else np.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("agents")


def _lost(night: pd.DataFrame) -> float:
    """Callers lost to the failure, beyond those lost in any night."""
    return float((night["lost"] - night["lost_normal"]).sum())


def _closed_h(centre: Centre, site: str) -> float:
    """Hours a day in which a site is closed."""
    hours = centre.sites[site]
    return 24.0 - (hours.closes - hours.opens).total_seconds() / 3600
