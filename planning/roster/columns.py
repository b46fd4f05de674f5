"""Column generation: the master program and the dive.

Sources: G. Desaulniers, J. Desrosiers, M. Solomon (eds.), Column Generation (2005); the bound is Lagrange's:
L. Lasdon, Optimization Theory for Large Systems (1970); the duals are smoothed as in A. Pessoa et al.,
Automation and combination of linear-programming based stabilization techniques (2018).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np
from ortools.math_opt.python import mathopt

from planning.roster.problem import NOTHING, Assignment, Clock, Problem
from planning.roster.slate import Floats, Ints

__all__ = ["Dive"]

FIRST_PRICE, PRICE_STEP = 100.0, 4.0
"""First price of a missing hour, roubles, and the factor by which it rises where heads are missing."""
PASSES = 6
"""Most different lines that people of one sweep are given at once."""
NOBODY_RUB = 1e7
"""Price of a person whom no lawful line is known for."""


class Master:
    """The linear program that shares patterns out, and grows by columns."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.columns: list[tuple[int, Ints]] = []
        self.short = True
        """Whether heads were missing when the program was last solved."""
        self._known: set[tuple[int, bytes]] = set()
        # Money counts in missing hours, so that the simplex sees figures near one.
        self._unit_cost = min(max(float(problem.missing_cost.max(initial=0.0)), 1.0), 100.0)
        self._model = mathopt.Model()
        self._picked: list[mathopt.Variable] = []
        self._costs: list[float] = []
        heads = problem.slate.headcount.tolist()
        self._cover = [self._model.add_linear_constraint(lb=n, ub=n) for n in heads]
        self._people = [self._model.add_linear_constraint(lb=n, ub=n) for n in problem.sizes.tolist()]
        self._missing = self._slack(1.0)
        self._price_missing(np.minimum(problem.missing_cost, FIRST_PRICE * problem.slate.paid_h))
        if problem.surplus_cost is not None:
            for slack, price in zip(self._slack(-1.0), problem.surplus_cost.tolist(), strict=True):
                self._model.objective.set_linear_coefficient(slack, price / self._unit_cost)
        self._solver = mathopt.IncrementalSolver(self._model, mathopt.SolverType.GLOP)
        self.add((crew, NOTHING) for crew in range(len(problem.crews)))

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
        """Ask more for missing heads, if some are missing at less than their full price.

        Low prices keep the duals near what they end as; and a bound at low prices holds at higher ones.
        """
        full = self.problem.missing_cost
        if not self.short or (self._missing_cost >= full).all():
            return False
        self._price_missing(np.minimum(full, self._missing_cost * PRICE_STEP))
        return True

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
            cost = min(self.problem.cost(crew, pattern), NOBODY_RUB)
            self._costs.append(cost)
            self._model.objective.set_linear_coefficient(picked, cost / self._unit_cost)
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

    def solve_whole(self, nodes: int, left_s: float) -> tuple[Ints | None, bool]:
        """How often each column is picked in the best whole solution, by a tree of so many nodes and seconds.

        None if the tree has found nothing; the flag tells whether the solution is proved to be the best.
        """
        for picked in self._picked:
            picked.integer = True
        limit = None if np.isinf(left_s) else timedelta(seconds=left_s)
        settings = mathopt.SolveParameters(node_limit=nodes, threads=1, time_limit=limit)
        result = mathopt.solve(self._model, mathopt.SolverType.GSCIP, params=settings)
        for picked in self._picked:
            picked.integer = False
        if not result.has_primal_feasible_solution():
            return None, False
        picks = np.round(np.array(result.variable_values(self._picked))).astype(np.int64)
        return picks, result.termination.reason == mathopt.TerminationReason.OPTIMAL

    def picked(self, picks: Ints) -> list[tuple[int, Ints]]:
        """The columns that are picked, each as often as it is."""
        return [self.columns[column] for column in np.repeat(np.arange(len(picks)), picks).tolist()]

    def solve(self) -> tuple[float, Floats, Floats]:
        """Solve the program: its value, the shifts' duals, and how often each column is picked."""
        try:
            result = self._solver.solve()
        except (AttributeError, RuntimeError):  # what OR-Tools makes of GLOP's "abnormal"
            result = None
        if result is None or result.termination.reason != mathopt.TerminationReason.OPTIMAL:
            # A warm start may end badly; another simplex from nothing does not share its basis.
            result = mathopt.solve(self._model, mathopt.SolverType.HIGHS)
            self._solver = mathopt.IncrementalSolver(self._model, mathopt.SolverType.GLOP)
        duals = self._unit_cost * np.array(result.dual_values(self._cover))
        value = self._unit_cost * result.objective_value()
        self.short = bool(np.array(result.variable_values(self._missing)).max(initial=0.0) > 1e-6)
        return value, duals, np.array(result.variable_values(self._picked))


@dataclass
class Dive:
    """A search in progress: what is still wanted, who is still free, and the lines given out so far."""

    problem: Problem
    clock: Clock
    master: Master
    residual: Ints
    people: Ints
    lines: list[tuple[int, Ints]] = field(default_factory=list)
    centre: Floats = field(default_factory=lambda: np.zeros(0))
    """Prices of the best bound so far; nothing at first: what heads are worth where many are idle."""
    bound: float = -np.inf
    """Roubles that the lines still to be given cannot be below, as far as is known yet."""

    @classmethod
    def of(cls, problem: Problem, clock: Clock) -> Dive:
        """Start with every shift open and everybody free."""
        heads = problem.slate.headcount
        people = problem.sizes.copy()
        return cls(problem, clock, Master(problem), heads.copy(), people, centre=np.zeros(len(heads)))

    @classmethod
    def around(cls, problem: Problem, clock: Clock, kept: Iterable[Assignment], centre: Floats) -> Dive:
        """Start with some lines given out already, and the prices that are likely."""
        dive = replace(cls.of(problem, clock), centre=centre)
        for line in kept:
            dive.residual[line.pattern] -= 1
            dive.people[line.crew] -= 1
        dive.master.demand(dive.residual, dive.people)
        return dive

    def generate(self, rounds: int, enough: float = np.inf) -> tuple[float, Floats]:
        """Add columns until nothing is to be gained: the best bound, and the shares of the columns.

        A bound of `enough` ends it too.
        """
        smooth = self.problem.settings.smooth
        self.bound = bound = self.problem.base_cost  # nothing else has a negative price
        best: Floats | None = self.centre
        for number in range(rounds):
            value, duals, shares = self.master.solve()
            value += self.problem.base_cost
            self.clock(f"pricing {number + 1}, at most {max(value - bound, 0.0):,.0f} roubles to gain")
            asked = duals if best is None else smooth * best + (1 - smooth) * duals
            crews = np.flatnonzero(self.people)
            worth, columns = self.problem.price(asked, self.residual, crews)
            lagrange = self.problem.base_cost + float(asked @ self.residual - worth @ self.people[crews])
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
            best = None  # ask at the true prices
        return bound, self.master.solve()[2]

    def complement(self, duals: Floats) -> list[tuple[int, Ints]]:
        """Give everybody in turn a good line at the same prices, so that together they make a roster."""
        residual, columns = self.residual.copy(), []
        for crews in self.problem.sweeps:
            queue = [crew for crew in crews for _ in range(int(self.people[crew]))]
            if len(queue) < 2 and self.problem.surplus_cost is not None:
                continue  # what others work closes nothing to them
            for part in range(min(PASSES, len(queue))):
                mine = queue[part :: min(PASSES, len(queue))]
                asked = np.unique(np.array(mine, dtype=np.int64))
                _, found = self.problem.price(duals, residual, asked)
                patterns = dict(found)
                columns += found
                for crew in mine:
                    residual[patterns[crew]] -= 1
        return columns

    def finish(self, shares: Floats, enough: float = np.inf) -> bool:
        """Fix columns, and generate those that are then missing, until everybody has a line.

        Give up, and return False, once the lines must cost `enough`.
        """
        while self.people.any() and self.fix(shares):
            self.clock(f"dive, {int(self.people.sum())} people to go")
            if self.people.any():
                left = enough - sum(self.problem.cost(*line) for line in self.lines)
                bound, shares = self.generate(self.problem.settings.dive_rounds, left)
                if self.problem.certified(bound) >= left:
                    return False
        return True

    def fix(self, shares: Floats) -> int:
        """Give out the whole and the nearly whole parts of the shares; return how many were given."""
        before, settings = len(self.lines), self.problem.settings
        whole = np.floor(shares + 1e-6).astype(np.int64)
        for column in np.flatnonzero(whole):
            self.give(int(column), int(whole[column]))
        parts = shares - whole
        enough = max(1.0, settings.dive_step * float(self.problem.sizes.sum()))
        for column in np.argsort(-parts, kind="stable"):
            # The largest go in any case, so that the dive gets on.
            if parts[column] < settings.nearly_whole and (
                len(self.lines) - before >= enough or (parts[column] < 1e-6 and len(self.lines) > before)
            ):
                break
            self.give(int(column), 1)
        self.master.demand(self.residual, self.people)
        return len(self.lines) - before

    def give(self, column: int, times: int) -> None:
        """Give a column to so many of its crew as there are, and as its shifts still want."""
        crew, pattern = self.master.columns[column]
        times = min(times, int(self.people[crew]))
        if self.problem.surplus_cost is None:
            times = min([times, *self.residual[pattern].tolist()])
        self.people[crew] -= times
        self.residual[pattern] -= times
        self.lines += [(crew, pattern)] * times

    def assignments(self) -> list[Assignment]:
        """Give each line to a member of its crew; members left over work nothing."""
        return self._named(self.lines)

    def _named(self, lines: Iterable[tuple[int, Ints]]) -> list[Assignment]:
        free = [list(reversed(crew.members)) for crew in self.problem.crews]
        named = [Assignment(crew, free[crew].pop(), pattern) for crew, pattern in lines]
        return named + [
            Assignment(crew, person, NOTHING) for crew, left in enumerate(free) for person in left
        ]
