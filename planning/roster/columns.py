"""Column generation: the master program and the dive.

Sources: G. Desaulniers, J. Desrosiers, M. Solomon (eds.), Column Generation (2005); the bound is Lagrange's:
L. Lasdon, Optimization Theory for Large Systems (1970); the duals are smoothed as in A. Pessoa et al.,
Automation and combination of linear-programming based stabilization techniques (2018).
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np
from ortools.math_opt.python import mathopt

from planning.checks import Floats, Ints
from planning.effort import SolverError, solver_errors
from planning.roster.problem import NOTHING, Clock, Problem, Schedule

FIRST_PRICE, PRICE_STEP = 100.0, 4.0
"""First price of a missing hour, and the factor by which it rises while heads are missing."""
PASSES = 6
"""The most different schedules that people of one batch get at once."""
NOBODY_COST = 1e7
"""Price of a person without a known lawful schedule."""


class Master:
    """The linear program that assigns patterns to people, and grows by columns."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.columns: list[tuple[int, Ints]] = []
        self.short = True
        """Whether heads were missing when the program was last solved."""
        self._known: set[tuple[int, bytes]] = set()
        # Money is measured in missing hours, so that the simplex method has figures close to one.
        self._unit_cost = min(max(float(problem.missing_cost.max(initial=0.0)), 1.0), 100.0)
        self._model = mathopt.Model()
        self._picked: list[mathopt.Variable] = []
        self._costs: list[float] = []
        heads = problem.team_shifts.headcount.tolist()
        self._cover = [self._model.add_linear_constraint(lb=n, ub=n) for n in heads]
        self._people = [self._model.add_linear_constraint(lb=n, ub=n) for n in problem.sizes.tolist()]
        self._missing = self._slack(1.0)
        self._price_missing(np.minimum(problem.missing_cost, FIRST_PRICE * problem.team_shifts.paid_h))
        if problem.surplus_cost is not None:
            for slack, price in zip(self._slack(-1.0), problem.surplus_cost.tolist(), strict=True):
                self._model.objective.set_linear_coefficient(slack, price / self._unit_cost)
        self._solver = mathopt.IncrementalSolver(self._model, mathopt.SolverType.GLOP)
        self.add((group, NOTHING) for group in range(len(problem.groups)))

    def _slack(self, sign: float) -> list[mathopt.Variable]:
        slacks = [self._model.add_variable(lb=0.0) for _ in self._cover]
        for row, slack in zip(self._cover, slacks, strict=True):
            row.set_coefficient(slack, sign)
        return slacks

    def _price_missing(self, prices: Floats) -> None:
        self._missing_cost = prices
        for slack, price in zip(self._missing, prices.tolist(), strict=True):
            self._model.objective.set_linear_coefficient(slack, price / self._unit_cost)

    def raise_price(self) -> bool:
        """Raise the price of missing heads, if some are missing at less than their full price.

        Low prices keep the duals close to their final values, and a bound at low prices also holds at higher
        ones.
        """
        full = self.problem.missing_cost
        if not self.short or (self._missing_cost >= full).all():
            return False
        self._price_missing(np.minimum(full, self._missing_cost * PRICE_STEP))
        return True

    def add(self, columns: Iterable[tuple[int, Ints]]) -> int:
        """Add the columns that are new, and return how many."""
        before = len(self.columns)
        for group, pattern in columns:
            key = (group, pattern.tobytes())
            if key in self._known:
                continue
            self._known.add(key)
            self.columns.append((group, pattern))
            picked = self._model.add_variable(lb=0.0)
            self._picked.append(picked)
            cost = min(self.problem.priced_cost(group, pattern), NOBODY_COST)
            self._costs.append(cost)
            self._model.objective.set_linear_coefficient(picked, cost / self._unit_cost)
            self._people[group].set_coefficient(picked, 1.0)
            for shift in pattern.tolist():
                self._cover[shift].set_coefficient(picked, 1.0)
        return len(self.columns) - before

    def demand(self, residual: Ints, people: Ints) -> None:
        """Set the heads still needed and the people still free."""
        for row, count in zip(
            self._cover + self._people, [*residual.tolist(), *people.tolist()], strict=True
        ):
            row.lower_bound = row.upper_bound = count

    def solve_whole(self, nodes: int, left_s: float) -> list[tuple[int, Ints]] | None:
        """Find the columns of the best whole solution, by a tree of limited nodes and seconds.

        Returns None if the tree finds nothing.
        """
        for picked in self._picked:
            picked.integer = True
        limit = None if np.isinf(left_s) else timedelta(seconds=left_s)
        settings = mathopt.SolveParameters(node_limit=nodes, threads=1, time_limit=limit)
        with solver_errors():
            result = mathopt.solve(self._model, mathopt.SolverType.GSCIP, params=settings)
        for picked in self._picked:
            picked.integer = False
        if not result.has_primal_feasible_solution():
            return None
        picks = np.round(np.array(result.variable_values(self._picked))).astype(np.int64)
        return [self.columns[column] for column in np.repeat(np.arange(len(picks)), picks).tolist()]

    def solve(self) -> tuple[float, Floats, Floats]:
        """Solve the program: its value, the shifts' duals, and how often each column is picked.

        Raises
        ------
        SolverError
            Neither solver finds the optimum.
        """
        result = None
        with suppress(SolverError), solver_errors():  # OR-Tools raises several errors for "abnormal"
            result = self._solver.solve()
        with solver_errors():
            if result is None or result.termination.reason != mathopt.TerminationReason.OPTIMAL:
                # A warm start may fail; another simplex method, started cold, does not share its basis.
                result = mathopt.solve(self._model, mathopt.SolverType.HIGHS)
                self._solver = mathopt.IncrementalSolver(self._model, mathopt.SolverType.GLOP)
            duals = self._unit_cost * np.array(result.dual_values(self._cover))
            value = self._unit_cost * result.objective_value()
            self.short = bool(np.array(result.variable_values(self._missing)).max(initial=0.0) > 1e-6)
            return value, duals, np.array(result.variable_values(self._picked))


@dataclass
class Dive:
    """A search in progress: heads still needed, people still free, and schedules assigned so far."""

    problem: Problem
    clock: Clock
    master: Master
    residual: Ints
    people: Ints
    schedules: list[tuple[int, Ints]] = field(default_factory=list)
    centre: Floats = field(default_factory=lambda: np.zeros(0))
    """Prices at the best bound so far; at first 0, the value of heads when many are idle."""
    bound: float = -np.inf
    """Lower bound of the cost of the schedules still to be assigned."""

    @classmethod
    def of(cls, problem: Problem, clock: Clock) -> Dive:
        """Start with every shift open and everybody free."""
        heads = problem.team_shifts.headcount
        people = problem.sizes.copy()
        return cls(problem, clock, Master(problem), heads.copy(), people, centre=np.zeros(len(heads)))

    @classmethod
    def around(cls, problem: Problem, clock: Clock, kept: Iterable[Schedule], centre: Floats) -> Dive:
        """Start with some schedules assigned already, and with likely prices."""
        dive = replace(cls.of(problem, clock), centre=centre)
        for schedule in kept:
            dive.residual[schedule.pattern] -= 1
            dive.people[schedule.group] -= 1
        dive.master.demand(dive.residual, dive.people)
        return dive

    def generate(self, rounds: int, enough: float = np.inf) -> tuple[float, Floats]:
        """Add columns until none improves the program; return the best bound and the shares of the columns.

        A bound of `enough` also ends it.
        """
        smooth = self.problem.settings.smooth
        self.bound = bound = self.problem.base_cost  # nothing else has a negative price
        best: Floats | None = self.centre
        for number in range(rounds):
            value, duals, shares = self.master.solve()
            value += self.problem.base_cost
            self.clock(f"pricing {number + 1}, at most {max(value - bound, 0.0):,.0f} to save")
            asked = duals if best is None else smooth * best + (1 - smooth) * duals
            groups = np.flatnonzero(self.people)
            worth, columns = self.problem.price(asked, self.residual, groups)
            spent = (worth * self.people[groups]).sum()
            lagrange = self.problem.base_cost + float((asked * self.residual).sum() - spent)
            if lagrange > bound or best is None:
                bound, best = max(lagrange, bound), asked
                self.centre, self.bound = best, bound
            if self.problem.certified(bound) >= enough:
                return bound, shares
            close = self.problem.is_close(value, bound, share=0.25)
            if not close and self.master.add([*columns, *self.complement(asked)]):
                continue
            if self.master.raise_price():
                continue
            if close or asked is duals:
                return bound, shares
            best = None  # price at the true duals
        return bound, self.master.solve()[2]

    def complement(self, duals: Floats) -> list[tuple[int, Ints]]:
        """Give everybody in turn a good schedule at the same prices, so that the schedules form a roster."""
        residual, columns = self.residual.copy(), []
        for groups in self.problem.batches:
            queue = [group for group in groups for _ in range(int(self.people[group]))]
            if len(queue) < 2 and self.problem.surplus_cost is not None:
                continue  # shifts of others are not closed to them
            for part in range(min(PASSES, len(queue))):
                mine = queue[part :: min(PASSES, len(queue))]
                asked = np.unique(np.array(mine, dtype=np.int64))
                _, found = self.problem.price(duals, residual, asked)
                patterns = dict(found)
                columns += found
                for group in mine:
                    residual[patterns[group]] -= 1
        return columns

    def dived(self, shares: Floats, enough: float = np.inf) -> list[tuple[int, Ints]]:
        """Fix columns, then generate the columns that are missing, until everybody has a schedule.

        It stops with fewer schedules than people if these must cost `enough`.
        """
        trial = replace(self, residual=self.residual.copy(), people=self.people.copy(), schedules=[])
        least = max(1.0, self.problem.settings.dive_step * float(self.people.sum()))
        while trial.people.any() and trial.fix(shares, least):
            self.clock(f"dive, {int(trial.people.sum())} people to go")
            if trial.people.any():
                left = enough - sum(self.problem.priced_cost(*schedule) for schedule in trial.schedules)
                bound, shares = trial.generate(self.problem.settings.dive_rounds, left)
                if self.problem.certified(bound) >= left:
                    break
        self.master.demand(self.residual, self.people)
        return trial.schedules

    def fix(self, shares: Floats, least: float) -> int:
        """Assign the whole and nearly whole shares, at least `least` if possible; return how many."""
        before, nearly_whole = len(self.schedules), self.problem.settings.nearly_whole
        whole = np.floor(shares + 1e-6).astype(np.int64)
        for column in np.flatnonzero(whole):
            self.give(int(column), int(whole[column]))
        parts = shares - whole
        for column in np.argsort(-parts, kind="stable"):
            # The largest are always assigned, so that the dive makes progress.
            if parts[column] < nearly_whole and (
                len(self.schedules) - before >= least
                or (parts[column] < 1e-6 and len(self.schedules) > before)
            ):
                break
            self.give(int(column), 1)
        self.master.demand(self.residual, self.people)
        return len(self.schedules) - before

    def give(self, column: int, times: int) -> None:
        """Assign a column to as many of its group as are free and its shifts still need."""
        group, pattern = self.master.columns[column]
        times = min(times, int(self.people[group]))
        if self.problem.surplus_cost is None:
            times = min([times, *self.residual[pattern].tolist()])
        self.people[group] -= times
        self.residual[pattern] -= times
        self.schedules += [(group, pattern)] * times

    def named(self, schedules: Iterable[tuple[int, Ints]]) -> list[Schedule]:
        """Assign each schedule to a member of its group; remaining members work nothing."""
        free = [list(reversed(group.members)) for group in self.problem.groups]
        named = [Schedule(group, free[group].pop(), pattern) for group, pattern in schedules]
        return named + [
            Schedule(group, person, NOTHING) for group, left in enumerate(free) for person in left
        ]
