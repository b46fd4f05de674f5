"""One team's roster as a problem: its shifts, its crews, what everything costs, and what a line earns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from planning.errors import PlanningError
from planning.roster.patterns import Limits, Timeline, best_patterns
from planning.roster.rules import Rule
from planning.roster.slate import Bools, Floats, Ints, Person, Slate

__all__ = ["Assignment", "Crew", "Problem", "RosterSettings", "crews_of", "missing_heads", "objective_of"]

DAY_S = 24 * 3600
_LOWEST = {"band_h": 0.5, "pricing_rounds": 1, "dive_rounds": 1, "repair_people": 1}
"""Bounds of the settings that must not be zero."""


@dataclass(frozen=True)
class RosterSettings:
    """How a roster is sought; the same settings give the same roster."""

    gap: float = 0.01
    """Stop when the bound proves that no more than this share of the objective can be gained ..."""
    tolerance_rub: float = 10.0
    """... or no more than so many roubles a person."""
    fairness_rub_h: float = 100.0
    """Price of a squared hour away from the even share of the week's work, per hour of the contract."""
    unstable_rub: float = 50.0
    """Price of a person whose starts do not lie within `band_h` of each other."""
    band_h: float = 4.0
    """Width of the bands of start times that count as stable, hours; a new band starts every half of it."""
    pricing_rounds: int = 60
    """Most rounds of pricing before the dive."""
    dive_rounds: int = 10
    """Most rounds of pricing between two steps of the dive."""
    choice_effort: float = 2.0
    """Deterministic seconds of CP-SAT for the choice among all columns, where the dive is not good enough."""
    repair_people: int = 5
    """People whose lines are given up and sought anew in one repair."""
    repair_rounds: int = 30
    """Most repairs of a team that is left short."""
    repair_effort: float = 0.15
    """Deterministic seconds of CP-SAT for one repair."""
    seed: int = 1
    """Seed of the repair."""

    def __post_init__(self) -> None:
        for setting in fields(self):
            value, low = getattr(self, setting.name), _LOWEST.get(setting.name, 0)
            whole = isinstance(setting.default, int)
            number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
            if not (number and math.isfinite(value) and value >= low):
                kind = "whole number" if whole else "number"
                raise PlanningError(f"{setting.name} is {value!r}, must be a {kind} of at least {low:g}")


@dataclass(frozen=True, eq=False)
class Crew:
    """People of one team who may work the same."""

    members: tuple[Person, ...]
    limits: Limits


@dataclass(frozen=True, eq=False)
class Problem:
    """One team's roster: its shifts, its crews, and what everything costs."""

    slate: Slate
    crews: tuple[Crew, ...]
    settings: RosterSettings
    unmet_rub_h: float

    @cached_property
    def timeline(self) -> Timeline:
        """Time as pricing sees it; the crews' rests are the same, since the rules are."""
        limits = self.crews[0].limits
        return Timeline(self.slate, limits.rest_s, limits.weekly_rest_s)

    @cached_property
    def run_days(self) -> int:
        """Most working days in a row."""
        days = self.crews[0].limits.run_days
        return len(self.slate.midnights) if days is None else days

    @cached_property
    def sizes(self) -> Ints:
        """People of each crew, shape (crews,)."""
        return np.array([len(crew.members) for crew in self.crews], dtype=np.int64)

    def tolerance(self, objective: float) -> float:
        """Roubles that are not worth a search."""
        return max(self.settings.gap * objective, self.settings.tolerance_rub * float(self.sizes.sum()))

    def is_close(self, objective: float, bound: float, share: float = 1.0) -> bool:
        """Tell whether there is no more to gain than (a share of) what the settings tolerate."""
        return objective - bound <= share * self.tolerance(objective)

    @cached_property
    def missing_rub(self) -> Floats:
        """Price of a missing head on each shift, shape (shifts,)."""
        return np.asarray(self.slate.paid_h * self.unmet_rub_h)

    @cached_property
    def caps(self) -> Ints:
        """Most paid units of a week, shape (crews, weeks)."""
        return np.stack([self.timeline.caps(crew.limits.week_h) for crew in self.crews])

    @cached_property
    def banned(self) -> Bools:
        """Shifts that a crew may not work, shape (crews, shifts)."""
        return np.stack([crew.limits.banned for crew in self.crews])

    @cached_property
    def week_cost(self) -> Floats:
        """Cost of so many units in a week: squared distance from the fair share.

        Shape (crews, weeks, units + 1).

        The fair share of a week is the same part of everybody's hours, the part that the shifts need.
        """
        unit_h = self.timeline.unit_min / 60
        hours = np.stack([crew.limits.week_h for crew in self.crews])
        wanted = np.bincount(
            self.slate.week, self.slate.paid_h * self.slate.headcount, minlength=self.slate.weeks
        )
        part = np.minimum(wanted / np.maximum(self.sizes @ hours, 1e-9), 1.0)
        away = np.arange(self.caps.max() + 1) * unit_h - (part * hours)[:, :, None]
        return np.asarray(self.settings.fairness_rub_h * away**2 / np.maximum(hours, 1.0)[:, :, None])

    @cached_property
    def bands(self) -> Bools:
        """Shifts of each band of start times that has any, shape (bands, shifts)."""
        width = self.settings.band_h * 3600
        lows = np.arange(0, DAY_S, width / 2)
        inside = (self.slate.clock[None, :] - lows[:, None]) % DAY_S < width
        return np.unique(inside[inside.any(axis=1)], axis=0)

    def cost(self, crew: int, pattern: Ints) -> float:
        """Roubles of one person's pattern."""
        weeks = np.bincount(
            self.slate.week[pattern], self.timeline.units[pattern], minlength=self.slate.weeks
        )
        unfair = self.week_cost[crew, np.arange(self.slate.weeks), weeks.astype(np.int64)].sum()
        stable = bool(self.bands[:, pattern].all(axis=1).any())
        return float(unfair + (0.0 if stable else self.settings.unstable_rub))

    def price(self, duals: Floats, residual: Ints, crews: Ints) -> tuple[Floats, list[tuple[int, Ints]]]:
        """Find the best patterns of some crews: of all shifts, and of each band of starts.

        Returns
        -------
        worth : ndarray
            Duals less cost of each crew's best pattern, shape (crews asked for,).
        columns : list of (crew, pattern)
        """
        open_to = ~self.banned[crews] & (residual > 0)
        masks = np.concatenate([np.ones((1, len(self.slate)), dtype=bool), self.bands])
        lines = np.tile(crews, len(masks))
        allowed = (open_to[None] & masks[:, None]).reshape(len(lines), -1)
        worth = np.where(allowed, duals, -np.inf)
        value, patterns = best_patterns(
            self.timeline, worth, self.caps[lines], self.week_cost[lines], self.run_days
        )
        by_mask = value.reshape(len(masks), len(crews))
        by_mask[0] -= self.settings.unstable_rub
        return by_mask.max(axis=0), list(zip(lines.tolist(), patterns, strict=True))


def crews_of(slate: Slate, people: Sequence[Person], rules: Sequence[Rule]) -> tuple[Crew, ...]:
    """Group people whom the rules leave the same choice."""
    crews: dict[tuple[object, ...], list[tuple[Person, Limits]]] = {}
    for person in sorted(people, key=lambda person: person.agent_id):
        limits = Limits(person, slate)
        for rule in rules:
            rule.constrain(limits)
        crews.setdefault(limits.identity, []).append((person, limits))
    return tuple(Crew(tuple(p for p, _ in crew), crew[0][1]) for crew in crews.values())


@dataclass(frozen=True, eq=False)
class Assignment:
    """A person, their crew, and the shifts that they work."""

    crew: int
    person: Person
    pattern: Ints


def missing_heads(problem: Problem, lines: Sequence[Assignment]) -> Ints:
    """Count the heads that no line covers, shape (shifts,)."""
    worked = np.concatenate([np.zeros(0, dtype=np.int64), *(line.pattern for line in lines)])
    return problem.slate.headcount - np.bincount(worked, minlength=len(problem.slate))


def objective_of(problem: Problem, lines: Sequence[Assignment]) -> float:
    """Roubles of a team's roster, from the lines themselves."""
    unfair = sum(problem.cost(line.crew, line.pattern) for line in lines)
    return float(missing_heads(problem, lines) @ problem.missing_rub) + unfair
