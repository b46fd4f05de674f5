"""Describe in plain words what a centre's file says, and what it does not say yet."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from planning.calendars import NO_COUNTRY
from planning.centre.country import NO_CURRENCY, countries
from planning.centre.model import Centre
from planning.centre.money import money
from planning.centre.organisation import Queue
from planning.centre.settings import DAY, Hours, clock_text
from planning.queueing.target import Target


def describe(centre: Centre) -> list[str]:
    """Say what a centre is, a sentence per line.

    Examples
    --------
    >>> describe(Centre.load("data/centre.toml"))[2]
    'Site moscow: open 08:00 to 22:00, 140 workplaces.'
    """
    waiting = sum(queue.waits for queue in centre.queues.values())
    parts = [
        _count(len(centre.sites), "site"),
        f"{_count(len(centre.queues) - waiting, 'queue')} of calls",
        f"{waiting} of work that waits",
        _count(len(centre.teams), "team"),
    ]
    return [
        f"{centre.name}: {', '.join(parts)}.",
        f"Times are on the clock of {centre.time_zone}, {_money(centre)}; {_law(centre.country)}.",
        *_sites(centre),
        *(_queue(name, queue, centre) for name, queue in centre.queues.items()),
        *_teams(centre),
    ]


def left_open(centre: Centre) -> list[str]:
    """Say what the file leaves open, and what that means for a plan.

    Examples
    --------
    >>> left_open(Centre.load("data/centre.toml"))
    []
    """
    calls = {name: queue for name, queue in centre.queues.items() if not queue.waits}
    patient = [name for name, queue in calls.items() if queue.patience_s == float("inf")]
    present = [name for name, team in centre.teams.items() if team.queues and not team.shrinkage]
    unlimited = [name for name, site in centre.sites.items() if site.seats is None]
    found = {
        f"country: {lawless(centre)}": bool(lawless(centre)),
        f"patience_s of {_names(patient)}: no caller ever gives up": bool(patient),
        f"shrinkage of {_names(present)}: nobody is ever sick or in training": bool(present),
        f"seats of {_names(unlimited)}: there is a workplace for everybody": bool(unlimited),
        "pay.contributions: an hour costs the wage alone": centre.pay.contributions == 0,
    }
    return [text for text, is_open in found.items() if is_open]


def lawless(centre: Centre) -> str:
    """Say of which countries no labour law is on file, and what to do; "" if there is none.

    Examples
    --------
    >>> centre = Centre.load("data/centre.toml")
    >>> lawless(centre)
    ''
    >>> lawless(centre.replace({"sites.kaluga.country": "AR"})).partition(":")[0]
    'no labour law of AR is on file, so house rules hold'
    """
    codes = {centre.country_of(site).partition("-")[0] for site in centre.sites}
    names = _names(sorted(codes - set(countries())))
    return names and (
        f"no labour law of {names} is on file, so house rules hold: write its limits in [labour], which "
        "`planning check --law` prints"
    )


def labour_toml(centre: Centre) -> str:
    r"""Write the labour rules in force, as the centre's file may have them.

    Examples
    --------
    >>> print("\n".join(labour_toml(Centre.load("data/centre.toml")).splitlines()[:2]))
    [labour]
    night_from = "22:00" # Start of the night hours.
    """
    described = type(centre.labour).model_fields
    rules = centre.labour.model_dump(mode="json", exclude_none=True).items()
    lines = (f"{name} = {toml_text(value)}  # {described[name].description}" for name, value in rules)
    return "\n".join(["[labour]", *(" ".join(line.split()) for line in lines)])


def toml_text(value: Any) -> str:
    """Write a value as TOML does, on one line.

    Examples
    --------
    >>> print(toml_text({"Call type": ["Inbound"], "filled": "Agent"}))
    { "Call type" = ["Inbound"], filled = "Agent" }
    """
    if isinstance(value, Mapping):
        pairs = (f"{_key(key)} = {toml_text(each)}" for key, each in value.items())
        return "{ " + ", ".join(pairs) + " }"
    return f"{value:.10g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    """Quote a key that TOML does not read as it is."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def days_text(days: float) -> str:
    """Write a span of days, in hours if it is shorter than a day.

    Examples
    --------
    >>> days_text(0.0625), days_text(1.0), days_text(1.25)
    ('1.5 hours', '1 day', '1.2 days')
    """
    number, unit = (24 * days, "hour") if days < 1 else (days, "day")
    return _count(f"{number:.1f}".removesuffix(".0"), unit)


def _count(number: int | str, noun: str) -> str:
    return f"{number} {noun}{'' if str(number) == '1' else 's'}"


def _names(names: list[str]) -> str:
    return ", ".join(names)


def _money(centre: Centre) -> str:
    return "money has no sign" if centre.currency == NO_CURRENCY else f"money is in {centre.currency}"


def _law(country: str) -> str:
    code = country.partition("-")[0]
    known = code in countries() and code != NO_COUNTRY
    return f"the labour law is that of {code}" if known else "the labour law is none: house rules only"


def _sites(centre: Centre) -> Iterator[str]:
    for name, site in centre.sites.items():
        seats = "" if site.seats is None else f", {_count(site.seats, 'workplace')}"
        clock = f" on the centre's clock, its own is {site.time_zone}" if site.time_zone else ""
        abroad = centre.country_of(name) != centre.country
        law = f"; {_law(centre.country_of(name))}" if abroad else ""
        yield f"Site {name}: open {_hours(site)}{clock}{seats}{law}."


def _hours(hours: Hours) -> str:
    later = " of the next day" if hours.closes > DAY else ""
    return f"{clock_text(hours.opens)} to {clock_text(hours.closes)}{later}"


def _queue(name: str, queue: Queue, centre: Centre) -> str:
    teams = _names([team for team, settings in centre.teams.items() if name in settings.queues])
    if queue.due_days is not None:
        return f"Queue {name}: work that waits, done within {days_text(queue.due_days)} by {teams}."
    target = queue.target
    parts = [
        f"{target.service_level:.0%} answered within {target.threshold_s:g} s{_scope(target)}"
        if target.service_level
        else "",
        f"answered after {target.max_asa_s:g} s on average" if target.max_asa_s is not None else "",
        f"at most {target.max_abandonment:.1%} give up" if target.max_abandonment is not None else "",
        f"occupancy at most {target.max_occupancy:.0%}" if target.max_occupancy is not None else "",
    ]
    return f"Queue {name}: {_hours(queue)}, {', '.join(filter(None, parts))}, by {teams}."


def _scope(target: Target) -> str:
    """Say for what and how often a service level is promised; the mean of a day goes without saying."""
    if target.kept == 0.5:
        return "" if target.over == "day" else f" over every {target.over}"
    return f" in {target.kept:.0%} of all {target.over}s"


def _teams(centre: Centre) -> Iterator[str]:
    for name, team in centre.teams.items():
        work = f"answers {_names(team.queues)}" if team.queues else f"on duty for up to {team.duty_h:g} h"
        yield f"Team {name}: at {team.site}, {work}, {money(centre, team.wage_month)} a month."
