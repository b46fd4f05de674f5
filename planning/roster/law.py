"""The rules of a centre's labour settings: the law, house rules, and people's wishes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from planning.centre import Centre
from planning.errors import PlanningError
from planning.pay import unit_hour
from planning.roster.rotations import Rotations, check_rotations
from planning.roster.rules import (
    DaysInRow,
    DaysOff,
    ForwardTurn,
    FreeDates,
    FreeWeekends,
    Holidays,
    HouseTeam,
    Leave,
    LongestShift,
    NightConsent,
    NightsInRow,
    OneShiftADay,
    PreferredKind,
    Rest,
    Rule,
    Skill,
    SoundShift,
    SteadyStart,
    Successions,
    WeekDays,
    WeeklyRest,
    WholeWeekends,
    consent_of,
)
from planning.roster.totals import NumberOfKind, Overtime, PeriodHours

SOFT_H = {
    "steady start": 0.6,
    "forward turn": 0.6,
    "days a week": 2.0,
    "split weekend": 0.2,
    "wished day off": 0.8,
    "preferred kind": 0.06,
    "public holiday": 0.0,
    "fewest of a kind": 1.0,
}
"""Price of a breach of the rules that are soft from the start, hours of `unit_hour`: house assumptions."""


def rules_of(centre: Centre, weights: Mapping[str, float | None] | None = None) -> tuple[Rule, ...]:
    """Build the rules from a centre's labour settings.

    Parameters
    ----------
    centre : Centre
        Under the law of the site at hand: `Centre.at`.
    weights : mapping, optional
        Price of a breach by the name of a rule, for rules that are to be soft; None makes a soft one hard.

    Raises
    ------
    PlanningError
        A bound does not fit into a week, or a weight is for a rule that can only be hard or does not exist.

    Examples
    --------
    >>> [rule.name for rule in rules_of(Centre.load("data/centre.toml"))][:3]
    ['sound shift', 'own team', 'skill']
    """
    labour = centre.labour
    check_rotations(centre)
    span = labour.start_span_h
    soft = {name: round(price_h * unit_hour(centre), 9) for name, price_h in SOFT_H.items()}
    hours = PeriodHours(labour.week_h.value, article=labour.week_h.article)
    pairs = tuple((first, second) for first, second in labour.forbidden_successions)
    rules: list[Rule] = [
        SoundShift(),
        HouseTeam(),
        Skill(),
        Leave(),
        Leave(study=True),
        FreeDates("sick"),
        FreeDates("blocked"),
        Rotations(centre),
        LongestShift(labour.max_shift_h.value, article=labour.max_shift_h.article),
        *((consent_of(centre),) if labour.night_consent.value else ()),
        OneShiftADay(),
        Rest(labour.min_rest_h.value, bool(labour.rest_twice_shift.value), article=labour.min_rest_h.article),
        WeeklyRest(labour.weekly_rest_h.value, article=labour.weekly_rest_h.article),
        hours,
        Overtime(
            labour.overtime_year_h.value,
            labour.overtime_two_days_h.value,
            hours,
            article=labour.overtime_year_h.article,
        ),
        Holidays(centre, article=labour.holiday_premium.article, weight=soft["public holiday"]),
        DaysInRow(int(labour.max_days_in_row.value), article=labour.max_days_in_row.article),
        NightsInRow(int(labour.max_nights_in_row.value), centre, article=labour.max_nights_in_row.article),
        DaysOff(int(labour.min_days_off.value), article=labour.min_days_off.article),
        FreeWeekends(int(labour.free_weekends.value), article=labour.free_weekends.article),
        *((Successions(pairs, centre),) if pairs else ()),
        *(
            rule(span.value, centre, article=span.article, weight=soft[rule.name])
            for rule in ((SteadyStart, ForwardTurn) if span.value else ())
        ),
        WeekDays(int(labour.days_week.value), article=labour.days_week.article, weight=soft["days a week"]),
        WholeWeekends(weight=soft["split weekend"]),
        FreeDates("wished_off", weight=soft["wished day off"]),
        PreferredKind(centre, weight=soft["preferred kind"]),
        *(NumberOfKind(kind, 0, n, centre, weeks=4) for kind, n in labour.most_of_kind.items()),
        *(
            NumberOfKind(kind, n, None, centre, weeks=4, weight=soft["fewest of a kind"])
            for kind, n in labour.least_of_kind.items()
        ),
    ]
    return tuple(_weighed(rule, weights or {}) for rule in _known(rules, weights or {}))


def _known(rules: list[Rule], weights: Mapping[str, float | None]) -> list[Rule]:
    # Where the law asks no consent to night work, a weight for it changes nothing.
    for name in set(weights) - {rule.name for rule in rules} - {NightConsent.name}:
        raise PlanningError(
            f"weights name the rule {name!r}, must be one of {', '.join(rule.name for rule in rules)}"
        )
    return rules


def _weighed(rule: Rule, weights: Mapping[str, float | None]) -> Rule:
    """Set the given weight, if the rule can have one."""
    if rule.name not in weights:
        return rule
    weight = weights[rule.name]
    if weight is not None and (rule.always_hard or not (math.isfinite(weight) and weight >= 0)):
        must = "None: it can only be hard" if rule.always_hard else "a price >= 0, or None for a hard rule"
        raise PlanningError(f"weights[{rule.name!r}] is {weight}, must be {must}")
    return replace(rule, weight=weight)
