"""Column generation: the master program, the dive, and the choice among all columns.

Source: G. Desaulniers, J. Desrosiers, M. Solomon (eds.), Column Generation (2005); the bound is Lagrange's:
L. Lasdon, Optimization Theory for Large Systems (1970).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from ortools.math_opt.python import mathopt
from ortools.sat import sat_parameters_pb2

from planning.roster.problem import Assignment, Problem, objective_of
from planning.roster.slate import Floats, Ints

__all__ = ["generate_lines"]

NEARLY_WHOLE = 0.7
"""Share of a column from which the dive rounds it up together with others, not alone."""


def generate_lines(problem: Problem) -> tuple[list[Assignment], float]:
    """Give everybody of a team a line; the bound is that of the program before anything was fixed."""
    dive = Dive.of(problem)
    bound, shares = dive.generate(problem.settings.pricing_rounds)
    dive.finish(shares)
    lines = _named_lines(problem, dive.lines)
    objective = objective_of(problem, lines)
    if problem.is_close(objective, bound):
        return lines, bound
    chosen = _named_lines(problem, dive.choose(problem.tolerance(objective)))
    return min(lines, chosen, key=lambda found: objective_of(problem, found)), bound


def _named_lines(problem: Problem, columns: Sequence[tuple[int, Ints]]) -> list[Assignment]:
    """Give each column to a member of its crew; members left over work nothing."""
    free = [list(reversed(crew.members)) for crew in problem.crews]
    lines = [Assignment(crew, free[crew].pop(), pattern) for crew, pattern in columns]
    idle = np.zeros(0, dtype=np.int64)
    return lines + [Assignment(crew, person, idle) for crew, left in enumerate(free) for person in left]


class Master:
    """The linear program that shares patterns out, and grows by columns."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.columns: list[tuple[int, Ints]] = []
        self._known: set[tuple[int, bytes]] = set()
        # Money counts in unmet hours, so that the simplex sees figures near one.
        self._unit_rub = problem.unmet_rub_h
        self._model = mathopt.Model()
        self._picked: list[mathopt.Variable] = []
        heads = problem.slate.headcount.tolist()
        self._cover = [self._model.add_linear_constraint(lb=n, ub=n) for n in heads]
        self._people = [self._model.add_linear_constraint(lb=n, ub=n) for n in problem.sizes.tolist()]
        for row, price in zip(self._cover, problem.missing_rub.tolist(), strict=True):
            missing = self._model.add_variable(lb=0.0)
            row.set_coefficient(missing, 1.0)
            self._model.objective.set_linear_coefficient(missing, price / self._unit_rub)
        self._solver = mathopt.IncrementalSolver(self._model, mathopt.SolverType.GLOP)
        self.add((crew, np.zeros(0, dtype=np.int64)) for crew in range(len(problem.crews)))

    def add(self, columns: Iterable[tuple[int, Ints]]) -> int:
        """Add the columns that are new, and return how many."""
        before = len(self.columns)
        for crew, pattern in columns:
            key = (crew, pattern.tobytes())
            if key in self._known:
                continue
            self._known.add(key)
            self.columns.append((crew, pattern))
            picked = self._model.add_variable(lb=0.0)
            self._picked.append(picked)
            self._model.objective.set_linear_coefficient(
                picked, self.problem.cost(crew, pattern) / self._unit_rub
            )
            self._people[crew].set_coefficient(picked, 1.0)
            for shift in pattern.tolist():
                self._cover[shift].set_coefficient(picked, 1.0)
        return len(self.columns) - before

    def demand(self, residual: Ints, people: Ints) -> None:
        """Set the heads still wanted and the people still free."""
        for row, count in zip(
            self._cover + self._people, [*residual.tolist(), *people.tolist()], strict=True
        ):
            row.lower_bound = row.upper_bound = count

    def solve(self) -> tuple[float, Floats, Floats]:
        """Solve the program: its value, the shifts' duals, and how often each column is picked."""
        result = self._solver.solve()
        if result.termination.reason != mathopt.TerminationReason.OPTIMAL:
            # A warm start may end "imprecise"; another simplex from nothing does not share its basis.
            result = mathopt.solve(self._model, mathopt.SolverType.HIGHS)
        duals = self._unit_rub * np.array(result.dual_values(self._cover))
        value = self._unit_rub * result.objective_value()
        return value, duals, np.array(result.variable_values(self._picked))

    def choose(self, before: Ints, tolerance_rub: float) -> Ints:
        """Pick whole columns, from a choice known before; the program is an integer one from here on."""
        for picked in self._picked:
            picked.integer = True
        settings = self.problem.settings
        hint = mathopt.SolutionHint(variable_values=dict(zip(self._picked, before.tolist(), strict=True)))
        parameters = mathopt.SolveParameters(
            absolute_gap_tolerance=tolerance_rub / self._unit_rub,
            random_seed=settings.seed,
            threads=1,
            cp_sat=sat_parameters_pb2.SatParameters(max_deterministic_time=settings.choice_effort),
        )
        result = mathopt.solve(
            self._model, mathopt.SolverType.CP_SAT, params=parameters,
            model_params=mathopt.ModelSolveParameters(solution_hints=[hint]),
        )  # fmt: skip
        if not result.has_primal_feasible_solution():
            return before
        return np.asarray(np.round(result.variable_values(self._picked)), dtype=np.int64)


@dataclass
class Dive:
    """A search in progress: what is still wanted, who is still free, and the lines given out so far."""

    problem: Problem
    master: Master
    residual: Ints
    people: Ints
    lines: list[tuple[int, Ints]] = field(default_factory=list)

    @classmethod
    def of(cls, problem: Problem) -> Dive:
        """Start with every shift open and everybody free."""
        return cls(problem, Master(problem), problem.slate.headcount.copy(), problem.sizes.copy())

    def generate(self, rounds: int) -> tuple[float, Floats]:
        """Add columns until nothing is to be gained: the best bound, and the shares of the columns."""
        bound = 0.0  # nothing has a negative price
        for _ in range(rounds):
            value, duals, shares = self.master.solve()
            crews = np.flatnonzero(self.people)
            worth, columns = self.problem.price(duals, self.residual, crews)
            bound = max(bound, float(duals @ self.residual - worth @ self.people[crews]))
            if self.problem.is_close(value, bound, share=0.25) or not self.master.add(columns):
                return bound, shares
        return bound, self.master.solve()[2]

    def finish(self, shares: Floats) -> None:
        """Fix columns, and generate those that are then missing, until everybody has a line."""
        while self.people.any() and self.fix(shares):
            if self.people.any():
                _, shares = self.generate(self.problem.settings.dive_rounds)

    def choose(self, tolerance_rub: float) -> list[tuple[int, Ints]]:
        """Pick the best columns of all that were generated, whatever was fixed."""
        self.master.demand(self.problem.slate.headcount, self.problem.sizes)
        numbers = {(crew, pattern.tobytes()): n for n, (crew, pattern) in enumerate(self.master.columns)}
        fixed = [numbers[crew, pattern.tobytes()] for crew, pattern in self.lines]
        before = np.bincount(np.array(fixed, dtype=np.int64), minlength=len(numbers))
        times = self.master.choose(before, tolerance_rub)
        return [
            column for column, count in zip(self.master.columns, times, strict=True) for _ in range(count)
        ]

    def fix(self, shares: Floats) -> int:
        """Give out the whole and the nearly whole parts of the shares; return how many were given."""
        before = len(self.lines)
        whole = np.floor(shares + 1e-6).astype(np.int64)
        for column in np.flatnonzero(whole):
            self.give(int(column), int(whole[column]))
        parts = shares - whole
        for column in np.argsort(-parts, kind="stable"):
            # The largest goes in any case, so that the dive gets on.
            if parts[column] < NEARLY_WHOLE and len(self.lines) > before:
                break
            self.give(int(column), 1)
        self.master.demand(self.residual, self.people)
        return len(self.lines) - before

    def give(self, column: int, times: int) -> None:
        """Give a column to so many of its crew as there are, and as its shifts still want."""
        crew, pattern = self.master.columns[column]
        times = min([times, int(self.people[crew]), *self.residual[pattern].tolist()])
        self.people[crew] -= times
        self.residual[pattern] -= times
        self.lines += [(crew, pattern)] * times
