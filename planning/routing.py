"""Who answers when: the site that a caller reaches at each hour of the day."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from planning.centre import Centre, Overflow

__all__ = ["answering_site", "answering_sites", "check_routing"]

DAY = timedelta(days=1)


def answering_site(centre: Centre, queue: str, home: str, time_of_day: timedelta) -> str | None:
    """Follow the overflow rules from a caller's home site to the site that answers.

    Parameters
    ----------
    centre : Centre
    queue, home : str
        The queue, and the site that the caller reaches by day.
    time_of_day : timedelta
        Since midnight on the centre's clock.

    Returns
    -------
    str or None
        None where no open site is reached.
    """
    site, seen = home, [home]
    while rule := _rule(centre, queue, site, time_of_day):
        if rule.to_site in seen:
            return None
        site = rule.to_site
        seen.append(site)
    return site if centre.sites[site].is_open(time_of_day) else None


def answering_sites(centre: Centre, queue: str, times: pd.DatetimeIndex) -> pd.DataFrame:
    """Name the answering site of a queue for each home site at each time.

    Returns
    -------
    DataFrame
        Index `times`, a column a home site, values the answering site (None while the queue is closed).
    """
    local = times.tz_convert(centre.time_zone)
    settings = centre.queues[queue]

    @cache
    def answer(home: str, clock: timedelta) -> str | None:
        if not settings.opens <= clock < settings.closes:
            return None
        return answering_site(centre, queue, home, clock)

    clocks = [(stamp - stamp.normalize()).to_pytimedelta() for stamp in local]
    return pd.DataFrame(
        {home: [answer(home, clock) for clock in clocks] for home in settings.sites},
        index=times,
        dtype="object",
    )


def check_routing(centre: Centre) -> None:
    """Refuse rules that loop or contradict, and hours of a queue that nobody answers.

    Raises
    ------
    ValueError
        Names the rule or the queue, and the hour.
    """
    from planning.centre import clock_text

    for number, rule in enumerate(centre.overflow):
        if rule.from_site == rule.to_site:
            raise ValueError(f"overflow.{number} sends {rule.from_site} to itself: name another to_site")
    for queue_name, queue in centre.queues.items():
        for clock in _instants(centre, queue_name):
            for home in queue.sites:
                at = f"at {clock_text(clock)}"
                site = answering_site(centre, queue_name, home, clock)
                if site is None:
                    raise ValueError(
                        f"queues.{queue_name} has no answering site {at} for callers of {home}: "
                        "add an overflow rule to a site that is open then, or change the opening hours"
                    )
                if centre.team_for(queue_name, site) is None:
                    raise ValueError(
                        f"queues.{queue_name} is a queue that nobody can answer {at} at {site}: "
                        f"add a team of site {site!r} whose first queue is {queue_name!r}"
                    )


def _instants(centre: Centre, queue: str) -> list[timedelta]:
    """Times of day at which the answer may change, while the queue is open."""
    settings = centre.queues[queue]
    found = {settings.opens}
    for site in centre.sites:
        found |= {centre.sites[site].opens, centre.sites[site].closes}
    for rule in centre.overflow:
        found |= set(_rule_hours(centre, rule))
    return sorted(clock % DAY for clock in found if settings.opens <= clock % DAY < settings.closes)


def _rule(centre: Centre, queue: str, site: str, time_of_day: timedelta) -> Overflow | None:
    """Find the first rule that moves a queue's calls away from a site at a time of day."""
    for rule in centre.overflow:
        if rule.from_site == site and (rule.queues == "all" or queue in rule.queues):
            at, until = _rule_hours(centre, rule)
            # Without hours of its own a rule stands in for a closed site; one that never closes needs none.
            own_hours = rule.at is not None or rule.until is not None
            if (time_of_day - at) % DAY < ((until - at) % DAY or own_hours * DAY):
                return rule
    return None


def _rule_hours(centre: Centre, rule: Overflow) -> tuple[timedelta, timedelta]:
    site = centre.sites[rule.from_site]
    return (
        rule.at if rule.at is not None else site.closes % DAY,
        rule.until if rule.until is not None else site.opens % DAY,
    )
