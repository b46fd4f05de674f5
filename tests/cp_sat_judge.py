"""A judge of the rules that only tests call: each verb of `Limits` as constraints of CP-SAT.

It shares no code with the engine, so that an error in the engine's automata is caught by the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from ortools.sat.python import cp_model

from planning.checks import Bools, Floats, Ints
from planning.roster.inputs import Person, TeamShifts
from planning.roster.rules import Rule

__all__ = ["CpSat"]


@dataclass
class CpSat:
    """What a person may work: the verbs of `Limits`, each as constraints of CP-SAT."""

    person: Person
    team_shifts: TeamShifts
    model: cp_model.CpModel = field(default_factory=cp_model.CpModel)
    works: list[cp_model.IntVar] = field(default_factory=list)
    costs: list[Any] = field(default_factory=list)
    """What the soft rules ask, in whole units of money, as linear expressions."""

    def __post_init__(self) -> None:
        self.works = [self.model.new_bool_var("") for _ in range(len(self.team_shifts))]
        for day in np.unique(self.team_shifts.day).tolist():
            mine = np.flatnonzero(self.team_shifts.day == day).tolist()
            self.model.add_at_most_one(self.works[shift] for shift in mine)

    @classmethod
    def of(cls, person: Person, team_shifts: TeamShifts, rules: Iterable[Rule]) -> CpSat:
        """Record what some rules allow a person."""
        judge = cls(person, team_shifts)
        for rule in rules:
            rule.constrain(judge)  # type: ignore[arg-type]  # it has the verbs of Limits
        return judge

    def cost(self, pattern: Ints) -> float:
        """Price of working some shifts and no others; inf if that is not lawful."""
        for shift, work in enumerate(self.works):
            self.model.add(work == int(shift in pattern))
        return -self.best_worth(np.zeros(len(self.works)))

    def best_worth(self, worth: Floats) -> float:
        """Most that a lawful pattern can be worth, less its price; -inf if none is lawful."""
        earned = sum(float(w) * work for w, work in zip(worth, self.works, strict=True))
        self.model.maximize(earned - sum(self.costs))
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        done = solver.solve(self.model) == cp_model.OPTIMAL
        return float(round(solver.objective_value, 6)) if done else -np.inf

    @cached_property
    def worked(self) -> list[Any]:
        """Whether a shift starts on each day from the horizon's first on."""
        return self._days_with(np.ones(len(self.team_shifts), dtype=bool))

    def _days_with(self, shifts: Bools) -> list[Any]:
        """Whether one of some shifts starts on each day of the horizon."""
        found = []
        for day in range(self.team_shifts.first, len(self.team_shifts.midnights) - 1):
            mine = [self.works[s] for s in np.flatnonzero(shifts & (self.team_shifts.day == day)).tolist()]
            any_of = self.model.new_bool_var("")
            self.model.add_max_equality(any_of, mine or [0])
            found.append(any_of)
        return found

    def _breach(self, price: float | None) -> Any:
        """Make the variable that lets a rule be broken at a price; a hard rule has none."""
        if price is None:
            return 0
        broken = self.model.new_bool_var("")
        self.costs.append(round(price) * broken)
        return broken

    def forbid(self, shifts: Bools, price: float | None = None) -> None:
        """Forbid shifts, or set a price on each, shape (shifts,)."""
        for shift in np.flatnonzero(shifts).tolist():
            if price is None:
                self.model.add(self.works[shift] == 0)
            else:
                self.costs.append(round(price) * self.works[shift])

    def ask(self, shifts: Bools, price: float) -> None:
        """Set a price on each of some shifts if it is not worked, shape (shifts,)."""
        self.costs += [round(price) * (1 - self.works[shift]) for shift in np.flatnonzero(shifts).tolist()]

    def not_before(self, instant: int) -> None:
        """Let nothing start before an instant, seconds."""
        self.forbid(self.team_shifts.start < instant)

    def separate(self, rest_s: Ints) -> None:
        """Keep a rest after each shift: of those that fill or follow one instant, at most one."""
        for clique in _cliques(self.team_shifts.start, self.team_shifts.end + rest_s):
            self.model.add_at_most_one(self.works[shift] for shift in clique)

    def cap_hours(self, least_h: float, most_h: float) -> None:
        """Bound the paid hours of the horizon."""
        minutes = np.round(self.team_shifts.paid_h * 60).astype(np.int64).tolist()
        total = sum(m * work for m, work in zip(minutes, self.works, strict=True))
        self.model.add(total <= int(np.floor(most_h * 60 + 1e-6)))
        self.model.add(total >= int(np.ceil(least_h * 60 - 1e-6)))

    def cap_run(self, days: int, price: float | None = None) -> None:
        """Bound the consecutive days on which a shift starts: in each window of one day more, one is off."""
        self._cap_windows(self.worked, days, self.person.carry_over.days, price)

    def cap_nights(self, nights: int, price: float | None = None) -> None:
        """Bound the consecutive days on which a night shift starts."""
        worked = self._days_with(self.team_shifts.kind == self.team_shifts.night_kind)
        carry_over = self.person.carry_over
        self._cap_windows(worked, nights, min(carry_over.nights, carry_over.days), price)

    def _cap_windows(self, worked: list[Any], most: int, before: int, price: float | None) -> None:
        window = [1] * min(before, most) + worked
        for first in range(len(window) - most):
            self.model.add(sum(window[first : first + most + 1]) <= most + self._breach(price))

    def least_off(self, days: int, price: float | None = None) -> None:
        """Bound the consecutive days off from below: what is off between two worked days is as long."""
        window = [1 if self.person.carry_over.days else 0, *self.worked]
        for length in range(1, days):
            for first in range(len(window) - length - 1):
                between = window[first + 1 : first + 1 + length]
                ends = window[first] + window[first + length + 1]
                self.model.add(ends - sum(between) <= 1 + self._breach(price))

    def least_run(self, days: int, price: float | None = None) -> None:
        """Bound the consecutive working days from below, but not at either end of the horizon."""
        for length in range(1, days):
            for first in range(len(self.worked) - length - 1):
                run = self.worked[first + 1 : first + 1 + length]
                ends = self.worked[first] + self.worked[first + length + 1]
                self.model.add(sum(run) - ends <= length - 1 + self._breach(price))

    def forbid_succession(self, pairs: Bools, price: float | None = None) -> None:
        """Forbid some letters on the day after others, shape (letters, letters)."""
        for before, after in self._followed(pairs):
            for day in range(1, len(after)):
                self.model.add(before[day - 1] + after[day] <= 1 + self._breach(price))

    def forbid_move(self, pairs: Bools, price: float | None = None) -> None:
        """Forbid some letters after others with at most one day off between, shape (letters, letters)."""
        self.forbid_succession(pairs, price)
        for before, after in self._followed(pairs):
            for day in range(2, len(after)):
                between = self.worked[day - 2]
                self.model.add(before[day - 2] + after[day] <= 1 + between + self._breach(price))

    def _followed(self, pairs: Bools) -> Iterator[tuple[list[Any], list[Any]]]:
        """Days with each letter, from the eve on, and days with any of those that must not follow it."""
        carry_over, kinds = self.person.carry_over, self.team_shifts.kinds
        for one in np.flatnonzero(pairs.any(axis=1)).tolist():
            came = int(carry_over.days > 0 and one < len(kinds) and carry_over.kind == kinds[one])
            later = np.isin(self.team_shifts.letter, np.flatnonzero(pairs[one]))
            yield [came, *self._days_with(self.team_shifts.letter == one)], [0, *self._days_with(later)]

    def cap_week(self, days: int, price: float | None = None) -> None:
        """Bound the days of each week on which a shift starts."""
        first = self.team_shifts.first
        for week in range(self.team_shifts.weeks):
            worked = self.worked[max(7 * week - first, 0) : 7 * week + 7 - first]
            above = self.model.new_int_var(0, 0 if price is None else len(worked), "")
            self.model.add(sum(worked) <= days + above)
            self.costs.append(round(price or 0) * above)

    def join_weekends(self, price: float | None = None) -> None:
        """Work both days of a weekend of two, or neither."""
        eve = int(self.person.carry_over.days > 0)
        days = [*[0] * (self.team_shifts.first - 1), eve, *self.worked][-7 * self.team_shifts.weeks :]
        for second in range(6, len(days), 7):
            split = self._breach(price)
            self.model.add(days[second] - days[second - 1] <= split)
            self.model.add(days[second - 1] - days[second] <= split)

    def rest_weekly(self, rest_h: float, price: float | None = None) -> None:
        """Keep one rest in every week, which begins with the week or with the end of a shift."""
        length, bounds = round(rest_h * 3600), self.team_shifts.week_bounds.tolist()
        before = self.person.carry_over.last_end
        for opens, closes in pairwise(bounds):
            ends = self.team_shifts.end[
                (self.team_shifts.end > opens) & (self.team_shifts.end + length <= closes)
            ]
            opens_free = opens if before is None else max(opens, before)
            begins = [t for t in (opens_free, *np.unique(ends).tolist()) if t + length <= closes]
            rests = [self.model.new_bool_var("") for _ in begins]
            inside = np.flatnonzero((self.team_shifts.start < closes) & (self.team_shifts.end > opens))
            worked = self.model.new_bool_var("")
            self.model.add_max_equality(worked, [self.works[s] for s in inside.tolist()] or [0])
            self.model.add(sum(rests) + self._breach(price) >= worked)
            for begin, rest in zip(begins, rests, strict=True):
                broken = (self.team_shifts.start < begin + length) & (self.team_shifts.end > begin)
                for shift in np.flatnonzero(broken).tolist():
                    self.model.add_implication(rest, ~self.works[shift])

    def cap_weekends(self, most: int, price: float | None = None) -> None:
        """Bound the weekends on which a shift starts."""
        worked = []
        for week in range(self.team_shifts.weeks):
            at_end = self.team_shifts.day % 7 >= 7 - self.team_shifts.weekend_days
            mine = np.flatnonzero((self.team_shifts.week == week) & at_end).tolist()
            # The eve of the horizon is of the same weekend if it is the first of two days.
            came = week == 0 and self.team_shifts.first == 6 and self.team_shifts.weekend_days == 2
            eve = int(came and self.person.carry_over.days > 0)
            any_of = self.model.new_bool_var("")
            self.model.add_max_equality(any_of, [*(self.works[s] for s in mine), eve])
            worked.append(any_of)
        above = self.model.new_int_var(0, 0 if price is None else len(worked), "")
        self.model.add(sum(worked) <= most + above)
        self.costs.append(round(price or 0) * above)

    def bound_count(self, shifts: Bools, least: int, most: int | None, price: float | None = None) -> None:
        """Bound how many of some shifts are worked, shape (shifts,); None is any number."""
        mine = np.flatnonzero(shifts).tolist()
        outside = self.model.new_int_var(0, 0 if price is None else max(least, len(mine)), "")
        worked = sum(self.works[s] for s in mine)
        self.model.add(worked + outside >= least)
        self.model.add(worked - outside <= (len(mine) if most is None else most))
        self.costs.append(round(price or 0) * outside)


def _cliques(start: Ints, end: Ints) -> list[list[int]]:
    """Find the largest sets of half-open spans that share an instant.

    Examples
    --------
    >>> _cliques(np.array([0, 1, 5]), np.array([4, 6, 9]))
    [[0, 1], [1, 2]]
    """
    cliques: list[list[int]] = []
    active: list[int] = []
    for span in np.argsort(start, kind="stable").tolist():
        still = [other for other in active if end[other] > start[span]]
        if len(still) < len(active):
            cliques.append(active)
        active = [*still, span]
    return [clique for clique in [*cliques, active] if len(clique) > 1]
