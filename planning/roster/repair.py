"""The repair: a few lines are given up and sought anew together, by CP-SAT on the rules themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from ortools.sat.python import cp_model

from planning.roster.problem import Assignment, Problem, RosterSettings, missing_heads, objective_of
from planning.roster.rules import Rule
from planning.roster.slate import Bools, Floats, Ints, Person, Slate

__all__ = ["CpLine", "repair"]


@dataclass
class CpLine:
    """A person's line of work in CP-SAT: the `Line` whose rules become constraints."""

    person: Person
    slate: Slate
    model: cp_model.CpModel
    works: list[cp_model.IntVar] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.works = [self.model.new_bool_var("") for _ in range(len(self.slate))]

    def forbid(self, shifts: Bools) -> None:
        """Rule out shifts, shape (shifts,)."""
        for shift in np.flatnonzero(shifts).tolist():
            self.model.add(self.works[shift] == 0)

    def separate(self, rest_h: float) -> None:
        """Keep a rest between any two shifts: of those that fill or follow one instant, at most one."""
        after = self.slate.end + round(rest_h * 3600)
        for clique in _cliques(self.slate.start, after):
            self.model.add_at_most_one(self.works[shift] for shift in clique)

    def cap_hours(self, hours: Floats) -> None:
        """Bound the paid hours of each calendar week, shape (weeks,)."""
        minutes = np.round(self.slate.paid_h * 60).astype(np.int64).tolist()
        for week, most in enumerate(np.floor(hours * 60 + 1e-6).astype(np.int64).tolist()):
            mine = np.flatnonzero(self.slate.week == week).tolist()
            self.model.add(sum(minutes[shift] * self.works[shift] for shift in mine) <= most)

    def cap_run(self, days: int) -> None:
        """Bound the consecutive days on which a shift starts: in each window of one day more, one is off."""
        count = len(self.slate.midnights) - 1
        worked = [self.model.new_bool_var("") for _ in range(count)]
        for shift, day in enumerate(self.slate.day.tolist()):
            self.model.add_implication(self.works[shift], worked[day])
        for first in range(count - days):
            self.model.add(sum(worked[first : first + days + 1]) <= days)

    def rest_weekly(self, rest_h: float) -> None:
        """Keep one rest in every week, which begins with the week or with the end of a shift."""
        length, bounds = round(rest_h * 3600), self.slate.week_bounds.tolist()
        for opens, closes in pairwise(bounds):
            ends = self.slate.end[(self.slate.end > opens) & (self.slate.end + length <= closes)]
            begins = [opens, *np.unique(ends).tolist()]
            rests = [self.model.new_bool_var("") for _ in begins]
            self.model.add_at_least_one(rests)
            for begin, rest in zip(begins, rests, strict=True):
                broken = (self.slate.start < begin + length) & (self.slate.end > begin)
                for shift in np.flatnonzero(broken).tolist():
                    self.model.add_implication(rest, ~self.works[shift])


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
    problem: Problem, rules: Sequence[Rule], lines: list[Assignment], bound: float
) -> list[Assignment]:
    """Seek the lines of a few people anew, again and again, while heads are missing that need not be."""
    rng = np.random.default_rng(problem.settings.seed)
    best = objective_of(problem, lines)
    for _ in range(problem.settings.repair_rounds):
        missing = missing_heads(problem, lines)
        if not missing.any() or problem.is_close(best, bound):
            break
        given_up = _neighbours(problem, lines, missing, rng)
        kept = [line for number, line in enumerate(lines) if number not in given_up]
        candidate = kept + _reassign(problem, rules, [lines[number] for number in sorted(given_up)], missing)
        value = objective_of(problem, candidate)
        if value < best:
            best, lines = value, candidate
    return lines


def _neighbours(
    problem: Problem, lines: Sequence[Assignment], missing: Ints, rng: np.random.Generator
) -> set[int]:
    """Pick people by chance, first among those who may work one of the shifts that are short."""
    short = rng.choice(np.flatnonzero(missing))
    may = np.array([not problem.banned[line.crew, short] for line in lines])
    order = np.lexsort((rng.random(len(lines)), ~may))
    return set(order[: problem.settings.repair_people].tolist())


def _reassign(
    problem: Problem, rules: Sequence[Rule], lines: Sequence[Assignment], missing: Ints
) -> list[Assignment]:
    """Find the best lines for some people on their own shifts and the missing heads, by CP-SAT."""
    heads = missing + np.bincount(
        np.concatenate([np.zeros(0, dtype=np.int64), *(line.pattern for line in lines)]),
        minlength=len(missing),
    )
    offered = np.flatnonzero(heads)
    slate = problem.slate.take(offered)
    model = cp_model.CpModel()
    sought = [CpLine(line.person, slate, model) for line in lines]
    for cp_line, line in zip(sought, lines, strict=True):
        for rule in rules:
            rule.constrain(cp_line)
        for work, before in zip(cp_line.works, np.isin(offered, line.pattern).tolist(), strict=True):
            model.add_hint(work, before)
    costs = [_cp_unfair(problem, line.crew, cp_line) for line, cp_line in zip(lines, sought, strict=True)]
    for shift, (count, price) in enumerate(zip(heads[offered], problem.missing_rub[offered], strict=True)):
        covered = sum(cp_line.works[shift] for cp_line in sought)
        model.add(covered <= int(count))
        costs.append(-round(price) * covered)
    model.minimize(sum(costs))
    solver = _one_worker(problem.settings)
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


def _cp_unfair(problem: Problem, crew: int, line: CpLine) -> Any:
    """Cost of the weeks of a person, in whole roubles, as a linear expression of CP-SAT."""
    units = problem.timeline.units_of(line.slate).tolist()
    total = []
    for week in range(line.slate.weeks):
        cap = int(problem.caps[crew, week])
        table = np.round(problem.week_cost[crew, week, : cap + 1]).astype(np.int64).tolist()
        worked = line.model.new_int_var(0, cap, "")
        mine = np.flatnonzero(line.slate.week == week).tolist()
        line.model.add(worked == sum(units[shift] * line.works[shift] for shift in mine))
        cost = line.model.new_int_var(0, max(table), "")
        line.model.add_element(worked, table, cost)
        total.append(cost)
    return sum(total)


def _one_worker(settings: RosterSettings) -> cp_model.CpSolver:
    """Make a solver that repeats its answers: one worker, a seed, and a limit in deterministic time."""
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = settings.seed
    solver.parameters.linearization_level = 0  # the rules are logic; its LP costs more than it tells
    solver.parameters.max_deterministic_time = settings.repair_effort
    return solver
