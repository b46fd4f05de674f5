"""How a site steps down at its closing, and when the agents who take over must be present."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.calendars import local_day
from planning.centre.routing import answering_sites
from planning.errors import PlanningError
from planning.pay import agents_cost
from planning.service import exact_service, overrun_of

if TYPE_CHECKING:
    from planning.centre import Centre


@dataclass(frozen=True)
class StepDown:
    """How the agents of a site that closes go home.

    Attributes
    ----------
    remaining : mapping of float to float
        Share of the agents still present from a number of minutes after the closing on (negative: before it).
    lead_min : float
        Minutes before the closing at which the agents of the site that takes over are present; negative: they
        are late.
    on_top : bool
        Whether those who remain come on top of the agents needed; otherwise the other site has that many
        fewer.
    """

    remaining: Mapping[float, float]
    lead_min: float = 0.0
    on_top: bool = False


STEP_DOWNS = {
    "all at the closing": StepDown({0: 0.0}),
    "night team 15 min late": StepDown({0: 0.0}, lead_min=-15),
    "night team 15 min early": StepDown({0: 0.0}, lead_min=15),
    "thirds, from an hour before": StepDown({-60: 2 / 3, -30: 1 / 3, 0: 0.0}),
    "thirds, to an hour after": StepDown({0: 2 / 3, 30: 1 / 3, 60: 0.0}),
    "a tenth stays half an hour": StepDown({0: 0.1, 30: 0.0}, on_top=True),
}
"""Styles of stepping down, by their names in figures and tables."""


def step_downs(
    centre: Centre,
    needed: pd.DataFrame,
    queue: str,
    site: str,
) -> pd.DataFrame:
    """Compare the styles of stepping down (`STEP_DOWNS`) at a site's closing, each in the exact model.

    Parameters
    ----------
    centre : Centre
    needed : DataFrame
        REQUIREMENT.
    queue : str
        A pooled queue.
    site : str
        The site that closes.

    Returns
    -------
    DataFrame
        Index the style: extra_h and extra_cost (agent-hours and cost per day beyond those of "all at the
        closing"), lowest (service level of the worst interval within two hours of the closing), around
        (service level of the calls of those hours), overrun_min (per closing, of the site's agents who go
        home at the closing or in steps).

    Examples
    --------
    >>> from planning import Centre, requirement
    >>> from planning.calendars import axis, day_start
    >>> times = axis(day_start("2026-11-23", "Europe/Moscow"), 2, 900)
    >>> flat = pd.DataFrame({"queue": "first_line", "interval_start": times, "calls": 60.0, "aht_s": 200.0})
    >>> centre = Centre.load()
    >>> needed = requirement(centre, flat)
    >>> lowest = step_downs(centre, needed, "first_line", "moscow")["lowest"]
    >>> lowest[["all at the closing", "night team 15 min late"]].round(2)
    style
    all at the closing        0.95
    night team 15 min late    0.16
    Name: lowest, dtype: float64
    """
    sites = on_site(needed, queue)
    ends = closings(centre, queue, sites.index, site)
    heir = _heir(centre, queue, site, sites.index[ends])
    days = local_day(pd.DatetimeIndex(needed["interval_start"])).nunique()
    rows = {}
    for name, style in STEP_DOWNS.items():
        agents = step_down(sites, ends, site, style, centre.interval_s, takes_over=heir)
        steps = ends[:, None] + np.array([round(m * 60 / centre.interval_s) for m in style.remaining])
        steps = steps[(steps >= 0) & (steps < len(sites))]
        table = exact_service(centre, needed, queue, agents=agents)
        rows[name] = _judged(table, ends, centre.interval_s) | {
            "overrun_min": overrun_of(table, site)[steps].sum() / 60 / len(ends),
            "extra_h": (agents - sites).to_numpy().sum() * centre.interval_s / 3600 / days,
            "extra_cost": _cost_of_more(centre, queue, agents - sites) / days,
        }
    order = ["extra_h", "extra_cost", "lowest", "around", "overrun_min"]
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("style")[order]


def on_site(needed: pd.DataFrame, queue: str) -> pd.DataFrame:
    """Agents on position of a queue: index interval_start, a column per site, 0 where it does not answer."""
    rows = needed[needed["queue"] == queue]
    if rows.empty:
        raise PlanningError(f"queue {queue!r} is not in the requirement, which has {set(needed['queue'])}")
    table = rows.pivot(index="interval_start", columns="site", values="agents")
    return table.fillna(0).astype(np.int64)


def closings(centre: Centre, queue: str, times: pd.Index, site: str) -> NDArray[np.int64]:
    """Positions of the intervals from which a site's callers are answered elsewhere.

    Raises
    ------
    PlanningError
        There is no such site, or it does not close during that time.
    """
    if site not in centre.sites:
        raise PlanningError(f"site is {site!r}, must be one of {', '.join(centre.sites)}: correct it")
    stamps = pd.DatetimeIndex(times)
    open_here = (answering_sites(centre, queue, stamps)[site] == site).to_numpy()
    ends = np.flatnonzero(open_here[:-1] & ~open_here[1:]) + 1
    if not len(ends):
        raise PlanningError(
            f"{site} does not close between {stamps[0]:%Y-%m-%d %H:%M} and {stamps[-1]:%Y-%m-%d %H:%M}: "
            "give a day on which an overflow rule begins"
        )
    return np.asarray(ends)


def _heir(centre: Centre, queue: str, site: str, ends: pd.Index) -> str:
    """Name the site that answers a site's callers once it has closed."""
    found = answering_sites(centre, queue, pd.DatetimeIndex(ends))[site].unique()
    if len(found) != 1 or found[0] is None:
        names = " and ".join(str(name or "nobody") for name in found)
        raise PlanningError(
            f"{names} answers {queue} when {site} closes, must be one site each time: give days on which "
            "one overflow rule applies"
        )
    return str(found[0])


def step_down(
    sites: pd.DataFrame,
    ends: NDArray[np.int64],
    site: str,
    style: StepDown,
    interval_s: float,
    *,
    takes_over: str,
) -> pd.DataFrame:
    """Return the agents of each site when one of them steps down in a style.

    Parameters
    ----------
    sites : DataFrame
        Agents that are needed: index interval_start, a column per site.
    ends : ndarray of int
        Positions of the closings.
    site, takes_over : str
        The site that closes, and the one that then answers its callers.
    style : StepDown
    interval_s : float

    Raises
    ------
    PlanningError
        A time of the style is not at the start of an interval.
    """
    for minutes in (*style.remaining, style.lead_min):
        if minutes * 60 % interval_s:
            raise PlanningError(
                f"the step-down has {minutes:g} min, must be a multiple of the interval of "
                f"{interval_s / 60:g} min: give styles without it, or a shorter interval_s"
            )
    agents, total = sites.copy(), sites[[site, takes_over]].sum(axis=1).to_numpy()
    for end in ends:
        own, away = agents[site].to_numpy(copy=True), agents[takes_over].to_numpy(copy=True)
        for offset, share in _by_interval(style.remaining, interval_s).items():
            row = end + offset
            if 0 <= row < len(own):
                own[row] = np.ceil(round(share * sites[site].iloc[min(row, end - 1)], 9))
                if not style.on_top:
                    away[row] = max(total[row] - own[row], 0)
        lead = round(style.lead_min * 60 / interval_s)
        if lead > 0:
            away[max(end - lead, 0) : end] = np.maximum(away[max(end - lead, 0) : end], away[end])
        elif lead < 0:
            away[end : end - lead] = away[end - 1]
        agents[site], agents[takes_over] = own, away
    return agents


def _by_interval(remaining: Mapping[float, float], interval_s: float) -> dict[int, float]:
    """Share of the agents in each interval from the first step to the last."""
    steps = sorted((round(minutes * 60 / interval_s), share) for minutes, share in remaining.items())
    found: dict[int, float] = {}
    for (first, share), (until, _) in zip(steps, [*steps[1:], (steps[-1][0] + 1, 0.0)], strict=True):
        found |= dict.fromkeys(range(first, until), share)
    return found


def _judged(table: pd.DataFrame, ends: NDArray[np.int64], interval_s: float) -> dict[str, float]:
    """Exact service within two hours of the closings."""
    hours = round(7200 / interval_s)
    near = np.unique(np.concatenate([np.arange(end - hours, end + hours) for end in ends]))
    part = table.iloc[near[(near >= 0) & (near < len(table))]]
    return {
        "lowest": float(part["service_level"].min()),
        "around": float(np.average(part["service_level"], weights=part["calls"])),
    }


def _cost_of_more(centre: Centre, queue: str, more: pd.DataFrame) -> float:
    """Cost of the agents beyond (or short of) those needed."""
    rows = more.melt(ignore_index=False, var_name="site", value_name="agents").reset_index()
    return agents_cost(centre, rows.assign(queue=queue))
