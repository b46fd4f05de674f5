"""Who answers when: the site that a caller reaches at each hour of the week."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd

from planning.centre.organisation import Organisation, Overflow
from planning.centre.settings import DAY, WEEKDAYS, clock_text


def answering_site(
    centre: Organisation, queue: str, home: str, time_of_day: timedelta, weekday: int = 0
) -> str | None:
    """Follow the overflow rules from a caller's home site to the site that answers.

    Parameters
    ----------
    centre : Organisation
        A centre, or the part of it that routing reads.
    queue, home : str
        The queue, and the site that the caller reaches by day.
    time_of_day : timedelta
        Since midnight on the centre's clock.
    weekday : int
        0 for Monday to 6 for Sunday.

    Returns
    -------
    str or None
        None if no open site is reached.
    """
    path = _path(centre, queue, home, time_of_day, weekday)
    open_there = path[-1] not in path[:-1] and centre.sites[path[-1]].is_open(time_of_day)
    return path[-1] if open_there else None


def answering_sites(centre: Organisation, queue: str, times: pd.DatetimeIndex) -> pd.DataFrame:
    """Name the answering site of a queue for each home site at each time.

    Returns
    -------
    DataFrame
        Index `times`, a column per home site, values the answering site (None while the queue is closed).
    """
    local = times.tz_convert(centre.time_zone)
    settings = centre.queues[queue]

    @cache
    def answer(home: str, clock: timedelta, weekday: int) -> str | None:
        if not settings.is_open(clock):
            return None
        return answering_site(centre, queue, home, clock, weekday)

    naive = local.tz_localize(None)
    clocks = (naive - naive.normalize()).to_pytimedelta()
    weekdays = local.day_of_week if _by_day(centre) else np.zeros(len(local), dtype=int)
    moments = list(zip(clocks, weekdays, strict=True))
    return pd.DataFrame(
        {home: [answer(home, *moment) for moment in moments] for home in settings.sites},
        index=times,
        dtype="object",
    )


def late_rules(centre: Organisation, queue: str) -> list[Overflow]:
    """Rules that move callers of a queue who have waited too long at home; a pooled queue needs none."""
    if centre.queues[queue].pooled:
        return []
    return [rule for rule in centre.overflow if rule.after_s is not None and _moves(rule, queue)]


def check_routing(centre: Organisation) -> None:
    """Refuse rules that loop, conflict or lead to a closed site, and hours of a queue that nobody answers.

    Raises
    ------
    ValueError
        Names the rule or the queue, and the hour.
    """
    for number, rule in enumerate(centre.overflow):
        if rule.from_site == rule.to_site:
            raise ValueError(f"overflow.{number} sends {rule.from_site} to itself: name another to_site")
    for queue, settings in centre.queues.items():
        for home in settings.sites:
            for weekday, clock in _instants(centre, queue):
                _check_instant(centre, queue, home, weekday, clock)
        _check_late(centre, queue)


def _check_instant(centre: Organisation, queue: str, home: str, weekday: int, clock: timedelta) -> None:
    """Refuse an hour at which the rules do not give a caller exactly one answering site."""
    when = _hour(centre, weekday, clock)
    path = _path(centre, queue, home, clock, weekday)
    for site in path:
        rules = _rules(centre, queue, site, clock, weekday)
        for one, other in combinations(rules, 2):
            raise ValueError(
                f"overflow.{one} and overflow.{other} both move {queue} away from {site} {when}: "
                "let one end where the other begins, or name other queues or days"
            )
    site = path[-1]
    if site in path[:-1]:
        number = _rules(centre, queue, path[-2], clock, weekday)[0]
        raise ValueError(
            f"overflow.{number} sends {queue} back to {site} {when}, a loop ({' -> '.join(path)}): "
            "let one of its rules end earlier"
        )
    if not centre.sites[site].is_open(clock):
        raise ValueError(
            f"{_closed(centre, queue, path, clock, weekday)}: add an overflow rule to a site that is open "
            "then, or change the opening hours"
        )
    if centre.team_for(queue, site) is None:
        raise ValueError(
            f"queues.{queue} is a queue that nobody can answer {when} at {site}: "
            f"add a team of site {site!r} whose first queue is {queue!r}"
        )


def _closed(centre: Organisation, queue: str, path: list[str], clock: timedelta, weekday: int) -> str:
    """Say which rule, if any, leads a caller to a closed site."""
    when, site = _hour(centre, weekday, clock), path[-1]
    if len(path) == 1:
        gap = f"queues.{queue} has no answering site {when} for callers of {site}"
        own = [n for n, rule in enumerate(centre.overflow) if rule.from_site == site and _moves(rule, queue)]
        return gap + "".join(f" (overflow.{n} moves them {_span(centre, n)} only)" for n in own)
    number = _rules(centre, queue, path[-2], clock, weekday)[0]
    hours = " to ".join(map(clock_text, (centre.sites[site].opens, centre.sites[site].closes)))
    return f"overflow.{number} sends {queue} to {site} {when}, which is open from {hours} only"


def _span(centre: Organisation, number: int) -> str:
    """Write the hours and days of a rule."""
    rule = centre.overflow[number]
    if rule.after_s is not None:
        return f"after {rule.after_s:g} s"
    at, until = map(clock_text, _rule_hours(centre, rule))
    return f"from {at} to {until}" + ("" if rule.days == "all" else f" on {', '.join(rule.days)}")


def _check_late(centre: Organisation, queue: str) -> None:
    """Refuse a move after a wait that goes nowhere or changes nothing."""
    pooled = centre.queues[queue].pooled
    for number, rule in enumerate(centre.overflow):
        if pooled and rule.after_s is not None and rule.queues != "all" and queue in rule.queues:
            raise ValueError(
                f"overflow.{number} moves {queue} after {rule.after_s:g} s, but queues.{queue}.pooled is "
                "true, so any free agent takes the call at once: set pooled to false or drop the queue from "
                "the rule"
            )
        if rule in late_rules(centre, queue) and centre.team_for(queue, rule.to_site) is None:
            raise ValueError(
                f"overflow.{number} moves {queue} to {rule.to_site} after {rule.after_s:g} s, where nobody "
                f"answers it: add a team of site {rule.to_site!r} whose first queue is {queue!r}"
            )


def _path(centre: Organisation, queue: str, home: str, clock: timedelta, weekday: int) -> list[str]:
    """Sites that the rules lead through; in a loop, the last one repeats an earlier one."""
    path = [home]
    while rules := _rules(centre, queue, path[-1], clock, weekday):
        path.append(centre.overflow[rules[0]].to_site)
        if path[-1] in path[:-1]:
            break
    return path


def _instants(centre: Organisation, queue: str) -> list[tuple[int, timedelta]]:
    """Weekdays and times of day at which the answer may change, while the queue is open."""
    settings = centre.queues[queue]
    found = {settings.opens}
    for site in centre.sites.values():
        found |= {site.opens, site.closes}
    for rule in centre.overflow:
        found |= set(_rule_hours(centre, rule))
    clocks = sorted({clock % DAY for clock in found if settings.is_open(clock % DAY)})
    days = range(7) if _by_day(centre) else range(1)
    return [(day, clock) for day in days for clock in clocks]


def _rules(centre: Organisation, queue: str, site: str, clock: timedelta, weekday: int) -> list[int]:
    """Numbers of the rules that move a queue's calls away from a site at an hour of the week."""
    return [
        number
        for number, rule in enumerate(centre.overflow)
        if rule.from_site == site and _moves(rule, queue) and _applies(centre, rule, clock, weekday)
    ]


def _moves(rule: Overflow, queue: str) -> bool:
    return rule.queues == "all" or queue in rule.queues


def _applies(centre: Organisation, rule: Overflow, clock: timedelta, weekday: int) -> bool:
    """Tell whether a moment is within the hours of a rule, including those that began the day before."""
    if rule.after_s is not None:
        return False
    at, until = _rule_hours(centre, rule)
    length = until - at if until > at else until + DAY - at
    began = weekday - (clock < at % DAY) - at // DAY
    return (clock - at) % DAY < length and _begins(rule, began % 7)


def _by_day(centre: Organisation) -> bool:
    """Tell whether the rules name weekdays; otherwise every day is the same."""
    return any(rule.days != "all" for rule in centre.overflow)


def _begins(rule: Overflow, weekday: int) -> bool:
    return rule.days == "all" or WEEKDAYS[weekday] in rule.days


def _rule_hours(centre: Organisation, rule: Overflow) -> tuple[timedelta, timedelta]:
    site = centre.sites[rule.from_site]
    return (
        rule.at if rule.at is not None else site.closes,
        rule.until if rule.until is not None else site.opens,
    )


def _hour(centre: Organisation, weekday: int, clock: timedelta) -> str:
    """Write "at 22:00", with the weekday if the rules distinguish days."""
    return f"at {clock_text(clock)}" + (f" on {WEEKDAYS[weekday]}" if _by_day(centre) else "")
