"""The hour at which a site closes: which site closes, what moves with it, and whose calls are lost."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from planning.calendars import local_day
from planning.centre import Site, clock_text
from planning.centre.settings import WEEKDAYS
from planning.demand.planned import planned_demand
from planning.errors import PlanningError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planning.centre import Centre

DAY = timedelta(days=1)


def closing_site(centre: Centre, site: str | None = None) -> str:
    """Name the site that closes: the given one, otherwise the only one with callers in its closed hours.

    Raises
    ------
    PlanningError
        There is no such site, none closes, or several do and none is named.

    Examples
    --------
    >>> from planning import Centre
    >>> closing_site(Centre.load())
    'moscow'
    """
    if site is not None:
        if site not in centre.sites:
            raise PlanningError(f"site is {site!r}, must be one of {', '.join(centre.sites)}: correct it")
        return site
    found = list(hand_overs(centre))
    if not found:
        raise PlanningError(
            f"no site of the centre closes ({', '.join(centre.sites)} are open day and night): name the one "
            "that is to close"
        )
    if len(found) > 1:
        raise PlanningError(f"{' and '.join(found)} close: name one of them")
    return found[0]


def hand_overs(centre: Centre) -> dict[str, tuple[timedelta, Sequence[str]]]:
    """Return when each site closes or sends its callers elsewhere: the time of day, and the weekdays.

    Sites that are open day and night and keep their callers are left out.
    """
    found: dict[str, tuple[timedelta, Sequence[str]]] = {}
    for rule in (rule for rule in centre.overflow if rule.after_s is None):
        at = centre.sites[rule.from_site].closes if rule.at is None else rule.at
        found.setdefault(rule.from_site, (at, WEEKDAYS if rule.days == "all" else rule.days))
    for name, site in centre.sites.items():
        if not site.always:
            found.setdefault(name, (site.closes, WEEKDAYS))
    return found


def closing_rules(centre: Centre, site: str) -> list[int]:
    """Numbers of the overflow rules that move a site's calls when it closes, or of all rules by the hour."""
    by_hour = [n for n, rule in enumerate(centre.overflow) if rule.from_site == site and rule.after_s is None]
    closes = centre.sites[site].closes % DAY
    given = {n: centre.overflow[n].at for n in by_hour}
    return [n for n, at in given.items() if at is None or at % DAY == closes] or by_hour


def movable_queues(centre: Centre, rule: int) -> list[str]:
    """Queues whose callers a rule moves and which both of its sites can answer."""
    given = centre.overflow[rule]
    return [
        name
        for name, queue in centre.queues.items()
        if (given.queues == "all" or name in given.queues)
        and queue.sites.get(given.from_site, 0.0) > 0
        and all(centre.team_for(name, site) for site in (given.from_site, given.to_site))
    ]


def closing_at(centre: Centre, hour: str | timedelta, *, site: str | None = None) -> Centre:
    """Return the centre with another closing hour of a site.

    Where overflow rules move the site's calls, they begin at that hour; queues that only this site answers
    stay there until their own end. Without a rule the queues of the site close with it, and `open_hours`
    tells which calls are lost.

    Parameters
    ----------
    centre : Centre
    hour : str or timedelta
        Time of day on the centre's clock, for example "20:30".
    site : str, optional
        The site; needed where several close.

    Raises
    ------
    PlanningError
        The site is unclear, the hour lies within an interval, or callers would be left without a site.

    Examples
    --------
    >>> from planning import Centre
    >>> closing_at(Centre.load(), "20:30").overflow[0].queues
    ['first_line', 'second_line', 'home_internet', 'vip']
    """
    name = closing_site(centre, site)
    closes = Site.of({"opens": centre.sites[name].opens, "closes": hour}).closes
    if closes.total_seconds() % centre.interval_s:
        raise PlanningError(
            f"closing hour is {clock_text(closes)}, must be a multiple of the interval of "
            f"{centre.interval_s / 60:g} min: give another hour, or a shorter interval_s"
        )
    rules = closing_rules(centre, name)
    return _rules_moved(centre, name, closes, rules) if rules else _queues_moved(centre, name, closes)


def _rules_moved(centre: Centre, site: str, closes: timedelta, rules: list[int]) -> Centre:
    """Let the rules begin at another hour; the site stays open for queues that they do not move."""
    changes: dict[str, Any] = {f"sites.{site}.closes": max(centre.sites[site].closes, closes)}
    for number in rules:
        until = centre.overflow[number].until
        changes |= {
            f"overflow.{number}.at": closes,
            f"overflow.{number}.until": centre.sites[site].opens if until is None else until,
            f"overflow.{number}.queues": movable_queues(centre, number),
        }
    return centre.replace(changes)


def _queues_moved(centre: Centre, site: str, closes: timedelta) -> Centre:
    """Close a site and its queues earlier."""
    hours = centre.sites[site]
    if closes > hours.closes:
        raise PlanningError(
            f"closing hour is {clock_text(closes)}, must be at most {clock_text(hours.closes)}, when {site} "
            f"closes now and its calls end: set sites.{site}.closes and the queues' closes, and give "
            "a demand that includes the later hours"
        )
    own = [name for name, queue in centre.queues.items() if queue.sites.get(site) and queue.closes > closes]
    for name in own:
        others = [other for other, share in centre.queues[name].sites.items() if share and other != site]
        if others:
            raise PlanningError(
                f"queues.{name} has callers of {' and '.join(others)} too, so it cannot close with {site} at "
                f"{clock_text(closes)}: add an overflow rule from {site} to a site that is open then"
            )
    return centre.replace(
        {f"sites.{site}.closes": closes, **{f"queues.{name}.closes": closes for name in own}}
    )


def open_hours(before: Centre, after: Centre, demand: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, float]]:
    """Divide a demand when queues close earlier, into what is left and the lost calls by queue.

    Work that waits is not lost: it is spread over the rest of its day.

    Parameters
    ----------
    before, after : Centre
    demand : DataFrame
        DEMAND of `before`.
    """

    def closed(rows: pd.DataFrame) -> pd.Series:
        times = pd.DatetimeIndex(rows["interval_start"]).tz_convert(before.time_zone)
        found = np.zeros(len(rows), dtype=bool)
        for name in rows["queue"].unique():
            own = (rows["queue"] == name).to_numpy()
            found[own] = ~after.queues[str(name)].open_at(times[own])
        return pd.Series(found, rows.index)

    gone = closed(demand)
    if not gone.any():
        return demand, {}
    planned = planned_demand(before, demand)
    waits = [name for name, queue in before.queues.items() if queue.waits]
    lost = planned[closed(planned) & ~planned["queue"].isin(waits)].groupby("queue")["calls"].sum()
    local = local_day(pd.DatetimeIndex(demand["interval_start"]).tz_convert(before.time_zone))
    of_day, of_open = (
        calls.groupby([demand["queue"], local]).transform("sum")
        for calls in (demand["calls"], demand["calls"].where(~gone, 0.0))
    )
    more = (of_day / of_open).where(demand["queue"].isin(waits) & (of_open > 0), 1.0)
    left = demand.assign(calls=demand["calls"] * more)[~gone].reset_index(drop=True)
    return left, {str(name): float(calls) for name, calls in lost.items() if calls > 0}
