"""Defaults for a centre's file, from its country and from its other settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from planning.calendars import NO_COUNTRY
from planning.centre.country import country_settings, currency_of
from planning.centre.settings import DAY, closing, read_clock

SHORT_H, LONG_H = 6.5, 8.5
"""Presence of the usual shifts, hours: lawful in every country on file."""
UNMET_WAGES = 50.0
"""A missing hour costs this many times the dearest hour, so that a plan is short only if it must be."""
WAITING_TARGET = {"max_occupancy": 0.9}


def with_defaults(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the defaults of a centre's file.

    The country gives labour rules, pay settings and the currency, each value of which the file may replace. A
    queue's callers come in equal parts from the sites that have a team for it, and the queue is open while
    one of these sites is. A team without a site belongs to the only one; a team without queues answers the
    only one. Shifts are at most as long as their sites are open. A shift without a meal gets the shortest
    lawful one. A missing hour costs fifty times the dearest team's hour.

    Parameters
    ----------
    raw : mapping
        As TOML gives it; faulty values are left for the checks to refuse.
    """
    given = dict(raw)
    country = given.get("country")
    code = country if isinstance(country, str) else NO_COUNTRY
    law = country_settings(code)
    for name in ("labour", "pay"):
        given[name] = {**law[name], **given[name]} if _is_table(given, name) else given.get(name, law[name])
    given.setdefault("currency", currency_of(code))
    if all(_is_table(given, name) for name in ("sites", "queues", "teams")):
        given["teams"] = _teams(given["sites"], given["queues"], given["teams"])
        given["queues"] = _queues(given["sites"], given["queues"], given["teams"])
    given["pay"] = _priced(given["pay"], given.get("teams"))
    given["shifts"] = _shifts(given.get("shifts", {}), given["labour"], given.get("sites"))
    return given


def _is_table(tables: Mapping[str, Any], name: str) -> bool:
    return isinstance(tables.get(name), Mapping)


def _teams(sites: Mapping[str, Any], queues: Mapping[str, Any], teams: Mapping[str, Any]) -> dict[str, Any]:
    only: dict[str, Any] = {"site": next(iter(sites))} if len(sites) == 1 else {}
    answers = {"queues": list(queues)} if len(queues) == 1 else {}
    return {
        name: {**only, **({} if "duty_h" in team else answers), **team} if _is_table(teams, name) else team
        for name, team in teams.items()
    }


def _queues(sites: Mapping[str, Any], queues: Mapping[str, Any], teams: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name, queue in queues.items():
        own = [
            team.get("site")
            for team in teams.values()
            if isinstance(team, Mapping) and isinstance(team.get("queues"), list) and name in team["queues"]
        ]
        homes = [site for site in sites if site in own] or list(sites)
        if _is_table(queues, name) and homes:
            shares = {"sites": dict.fromkeys(homes, 1.0 / len(homes))}
            waits = {"target": WAITING_TARGET} if queue.get("due_days") is not None else {}
            queue = {**shares, **_hours([sites[home] for home in homes]), **waits, **queue}
        found[name] = queue
    return found


def _hours(homes: list[Any]) -> dict[str, Any]:
    """From the first opening of the sites to the last closing."""
    try:
        spans = [_span(home) for home in homes]
    except (AttributeError, TypeError, ValueError):
        return {}
    opens, closes = min(first for first, _ in spans), max(last for _, last in spans)
    return {"opens": opens, "closes": closes} if closes - opens < DAY else {}


def _span(site: Mapping[str, Any]) -> tuple[timedelta, timedelta]:
    """Opening and closing of a site as its file gives them."""
    opens = read_clock(site.get("opens", timedelta()))
    return opens, closing(opens, read_clock(site.get("closes", DAY)))


def _shifts(shifts: Any, labour: Mapping[str, Any], sites: Any) -> Any:
    if not isinstance(shifts, Mapping):
        return shifts
    lengths = shifts.get("lengths_h", {} if shifts.get("explicit") else _lengths(sites))
    meals = shifts.get("meal_min", {})
    if isinstance(lengths, Mapping) and isinstance(meals, Mapping):
        need = {
            kind: shortest_meal(length, labour)
            for kind, length in lengths.items()
            if kind not in shifts.get("gap_h", {}) and kind not in meals
        }
        meals = {**meals, **{kind: meal for kind, meal in need.items() if meal is not None}}
    return {**shifts, "lengths_h": lengths, "meal_min": meals}


def _lengths(sites: Any) -> dict[str, float]:
    """Kinds of shift, presence in hours; so that each site has one, none is longer than the site is open."""
    try:
        hours = [(closes - opens) / timedelta(hours=1) for opens, closes in map(_span, sites.values())]
    except (AttributeError, TypeError, ValueError):
        hours = []
    return {"short": min([SHORT_H, *hours]), "day": min(LONG_H, max(hours, default=LONG_H))}


def shortest_meal(length_h: Any, labour: Mapping[str, Any]) -> int | None:
    """Shortest lawful meal of a shift, whole minutes; None if the length or the limits cannot be read."""
    try:
        meal, long_meal, long_h = (
            _number(labour[name]) for name in ("min_meal_min", "long_meal_min", "long_shift_h")
        )
        return max(round(long_meal if length_h - meal / 60 > long_h else meal), 1)
    except (KeyError, TypeError):
        return None


def _priced(pay: Any, teams: Any) -> Any:
    """Price a missing hour by the dearest team's wage; if it cannot be read, the checks refuse it."""
    if not isinstance(pay, Mapping):
        return pay
    try:
        wage = max(team["wage_month"] for team in teams.values())
        price = UNMET_WAGES * wage / pay["norm_h_month"] * (1 + pay["contributions"])
    except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError):
        price = 1.0
    return {"unmet_cost_h": price, **pay}


def _number(norm: Any) -> float:
    """Read a limit, which is a table with an article, or only a number."""
    return float(norm["value"] if isinstance(norm, Mapping) else norm)
