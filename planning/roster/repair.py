"""The repair: a few lines are given up and sought anew together, by CP-SAT on the rules themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from ortools.sat.python import cp_model

from planning.roster.problem import Assignment, Clock, Problem, RosterSettings, missing_heads
from planning.roster.rules import Rule
from planning.roster.slate import Bools, Ints, Person, Slate

__all__ = ["CpLine", "reassign", "repair"]


@dataclass
class CpLine:
    """A person's line of work in CP-SAT: the `Line` whose rules become constraints."""

    person: Person
    slate: Slate
    model: cp_model.CpModel
    works: list[cp_model.IntVar] = field(default_factory=list)
    costs: list[Any] = field(default_factory=list)
    """Whole roubles that the soft rules ask, as linear expressions."""

    def __post_init__(self) -> None:
        self.works = [self.model.new_bool_var("") for _ in range(len(self.slate))]

    @cached_property
    def worked(self) -> list[Any]:
        """Whether a shift starts on each day from the horizon's first on."""
        return self._days_with(np.ones(len(self.slate), dtype=bool))

    def _days_with(self, shifts: Bools) -> list[Any]:
        """Whether one of some shifts starts on each day of the horizon."""
        found = []
        for day in range(self.slate.first, len(self.slate.midnights) - 1):
            mine = [self.works[s] for s in np.flatnonzero(shifts & (self.slate.day == day)).tolist()]
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
        """Rule out shifts, or price each of them, shape (shifts,)."""
        for shift in np.flatnonzero(shifts).tolist():
            if price is None:
                self.model.add(self.works[shift] == 0)
            else:
                self.costs.append(round(price) * self.works[shift])

    def ask(self, shifts: Bools, price: float) -> None:
        """Price each of some shifts that is not worked, shape (shifts,)."""
        self.costs += [round(price) * (1 - self.works[shift]) for shift in np.flatnonzero(shifts).tolist()]

    def not_before(self, instant: int) -> None:
        """Let nothing start before an instant, seconds."""
        self.forbid(self.slate.start < instant)

    def separate(self, rest_s: Ints) -> None:
        """Keep a rest after each shift: of those that fill or follow one instant, at most one."""
        for clique in _cliques(self.slate.start, self.slate.end + rest_s):
            self.model.add_at_most_one(self.works[shift] for shift in clique)

    def one_a_day(self) -> None:
        """Let at most one shift start on each day."""
        for day in np.unique(self.slate.day).tolist():
            mine = np.flatnonzero(self.slate.day == day).tolist()
            self.model.add_at_most_one(self.works[shift] for shift in mine)

    def cap_hours(self, least_h: float, most_h: float) -> None:
        """Bound the paid hours of the horizon."""
        minutes = np.round(self.slate.paid_h * 60).astype(np.int64).tolist()
        total = sum(m * work for m, work in zip(minutes, self.works, strict=True))
        self.model.add(total <= int(np.floor(most_h * 60 + 1e-6)))
        self.model.add(total >= int(np.ceil(least_h * 60 - 1e-6)))

    def cap_run(self, days: int, price: float | None = None) -> None:
        """Bound the consecutive days on which a shift starts: in each window of one day more, one is off."""
        self._cap_windows(self.worked, days, self.person.tail.days, price)

    def cap_nights(self, nights: int, price: float | None = None) -> None:
        """Bound the consecutive days on which a night shift starts."""
        worked = self._days_with(self.slate.kind == self.slate.night_kind)
        tail = self.person.tail
        self._cap_windows(worked, nights, min(tail.nights, tail.days), price)

    def _cap_windows(self, worked: list[Any], most: int, before: int, price: float | None) -> None:
        window = [1] * min(before, most) + worked
        for first in range(len(window) - most):
            self.model.add(sum(window[first : first + most + 1]) <= most + self._breach(price))

    def least_off(self, days: int, price: float | None = None) -> None:
        """Bound the consecutive days off from below: what is off between two worked days is as long."""
        window = [1 if self.person.tail.days else 0, *self.worked]
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
        """Rule out kinds on the day after kinds, shape (kinds, kinds)."""
        by_kind = [self._days_with(self.slate.kind == kind) for kind in range(len(self.slate.kinds))]
        tail = self.person.tail
        for one, two in np.argwhere(pairs).tolist():
            came = int(tail.days > 0 and tail.kind == self.slate.kinds[one])
            for before, after in zip([came, *by_kind[one]], by_kind[two], strict=False):
                self.model.add(before + after <= 1 + self._breach(price))

    def rest_weekly(self, rest_h: float, price: float | None = None) -> None:
        """Keep one rest in every week, which begins with the week or with the end of a shift."""
        length, bounds = round(rest_h * 3600), self.slate.week_bounds.tolist()
        before = self.person.tail.last_end
        for opens, closes in pairwise(bounds):
            ends = self.slate.end[(self.slate.end > opens) & (self.slate.end + length <= closes)]
            opens_free = opens if before is None else max(opens, before)
            begins = [t for t in (opens_free, *np.unique(ends).tolist()) if t + length <= closes]
            rests = [self.model.new_bool_var("") for _ in begins]
            self.model.add(sum(rests) + self._breach(price) >= 1)
            for begin, rest in zip(begins, rests, strict=True):
                broken = (self.slate.start < begin + length) & (self.slate.end > begin)
                for shift in np.flatnonzero(broken).tolist():
                    self.model.add_implication(rest, ~self.works[shift])

    def cap_weekends(self, most: int, price: float | None = None) -> None:
        """Bound the weekends on which a shift starts."""
        worked = []
        for week in range(self.slate.weeks):
            mine = np.flatnonzero((self.slate.week == week) & (self.slate.day % 7 >= 5)).tolist()
            any_of = self.model.new_bool_var("")
            self.model.add_max_equality(any_of, [self.works[s] for s in mine] or [0])
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


def repair(
    problem: Problem, rules: Sequence[Rule], lines: list[Assignment], bound: float, clock: Clock
) -> Iterator[list[Assignment]]:
    """Seek the lines of a few people anew, again and again, while heads are missing that need not be.

    Yields
    ------
    list of Assignment
        The lines given, then each time better ones.
    """
    yield lines
    rng = np.random.default_rng(problem.settings.seed)
    best = problem.objective(lines)
    for _ in range(problem.settings.repair_rounds):
        missing = np.maximum(missing_heads(problem, lines), 0)
        clock(f"repairs, {int(missing.sum())} heads missing")
        if not missing.any() or problem.is_close(best, bound):
            break
        given_up = _neighbours(problem, lines, missing, rng)
        kept = [line for number, line in enumerate(lines) if number not in given_up]
        candidate = kept + reassign(problem, rules, [lines[number] for number in sorted(given_up)], missing)
        value = problem.objective(candidate)
        if value < best - 1e-6:
            best, lines = value, candidate
            yield lines


def _neighbours(
    problem: Problem, lines: Sequence[Assignment], missing: Ints, rng: np.random.Generator
) -> set[int]:
    """Pick people by chance: half who may work a shift that is short and have the hours, then who may."""
    short, paid_h = rng.choice(np.flatnonzero(missing)), problem.slate.paid_h
    limits = [problem.crews[line.crew].limits for line in lines]
    left_h = np.array(
        [own.most_h - paid_h[line.pattern].sum() for own, line in zip(limits, lines, strict=True)]
    )
    may = np.array([not own.banned[short] for own in limits])
    chance, most = rng.random(len(lines)), problem.settings.repair_people
    half = np.lexsort((chance, ~(may & (left_h >= paid_h[short]))))[: most // 2]
    return set(list(dict.fromkeys([*half.tolist(), *np.lexsort((chance, ~may)).tolist()]))[:most])


def reassign(
    problem: Problem,
    rules: Sequence[Rule],
    lines: Sequence[Assignment],
    missing: Ints,
    *,
    change_cost: float = 0.0,
    pinned: Sequence[Sequence[int]] = (),
    effort: float | None = None,
) -> list[Assignment]:
    """Find the best lines for some people on their own shifts and the missing heads, by CP-SAT.

    A change of a person's shift costs `change_cost`; `pinned` are the shifts that each must keep.
    """
    heads = missing + np.bincount(
        np.concatenate([np.zeros(0, dtype=np.int64), *(line.pattern for line in lines)]),
        minlength=len(missing),
    )
    offered = np.flatnonzero(heads)
    slate = problem.slate.take(offered)
    model = cp_model.CpModel()
    sought = [CpLine(line.person, slate, model) for line in lines]
    costs: list[Any] = []
    for cp_line, line in zip(sought, lines, strict=True):
        for rule in rules:
            rule.constrain(cp_line)
        for work, before in zip(cp_line.works, np.isin(offered, line.pattern).tolist(), strict=True):
            model.add_hint(work, before)
            if change_cost:
                costs.append(round(change_cost) * (1 - work if before else work))
        costs += [*cp_line.costs, _cp_hours(problem, line.crew, cp_line, offered)]
    for cp_line, shifts in zip(sought, pinned, strict=False):
        for shift in shifts:
            model.add(cp_line.works[int(np.searchsorted(offered, shift))] == 1)
    for shift, (count, price) in enumerate(zip(heads[offered], problem.missing_cost[offered], strict=True)):
        covered = sum(cp_line.works[shift] for cp_line in sought)
        model.add(covered <= int(count))
        costs.append(-round(price) * covered)
    model.minimize(sum(costs))
    solver = _one_worker(problem.settings, effort)
    _complete_hint(model, solver)
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return list(lines)  # out of effort before a first answer: the lines that were given up are one
    return [
        Assignment(line.crew, line.person, offered[[solver.boolean_value(work) for work in cp_line.works]])
        for line, cp_line in zip(lines, sought, strict=True)
    ]


def _complete_hint(model: cp_model.CpModel, solver: cp_model.CpSolver) -> None:
    """Let the solver find what follows from the hinted shifts, to start from the lines as they are."""
    solver.parameters.fix_variables_to_their_hinted_value = True
    status = solver.solve(model)
    solver.parameters.fix_variables_to_their_hinted_value = False
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        values = solver.response_proto.solution
        model.clear_hints()
        for index, value in enumerate(values):
            model.add_hint(model.get_int_var_from_proto_index(index), value)


def _cp_hours(problem: Problem, crew: int, line: CpLine, offered: Ints) -> Any:
    """Cost of a person's hours, in whole roubles, as an expression of CP-SAT."""
    cap = int(problem.caps[crew])
    table = np.round(problem.final[problem.sweep_of[crew]][: cap + 1])
    worked = sum(
        units * work for units, work in zip(problem.timeline.units[offered].tolist(), line.works, strict=True)
    )
    left = line.model.new_int_var(0, cap, "")
    line.model.add(left == cap - worked)
    cost = line.model.new_int_var(int(table.min()), int(table.max()), "")
    line.model.add_element(left, table.astype(np.int64).tolist(), cost)
    return cost


def _one_worker(settings: RosterSettings, effort: float | None) -> cp_model.CpSolver:
    """Make a solver that repeats its answers: one worker, a seed, and a limit in deterministic time."""
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = settings.seed
    solver.parameters.linearization_level = 0  # the rules are logic; its LP costs more than it tells
    solver.parameters.max_deterministic_time = effort or settings.repair_effort
    return solver
