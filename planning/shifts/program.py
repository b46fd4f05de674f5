"""The cover as an integer program, with its relaxation, its independent parts, and its windows of time."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ortools.math_opt import model_pb2
from ortools.math_opt.python import mathopt
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from planning.checks import Bools, Floats, Ints

_HIGHS = mathopt.SolverType.HIGHS
# From this many columns on, the interior point method is faster than the simplex method.
_LARGE = 4000
# A solver's time limit must be finite.
_FOREVER_S = 1e6
# The most people who may be employed in a team.
_MANY = 1_000_000


@dataclass(frozen=True, eq=False)
class Program:
    """min cost x + short u + constant  with  position x + u >= need,  low <= links x <= high,  x, u whole.

    Attributes
    ----------
    position : csr_array, shape (rows, columns)
        Heads on position in each row (a queue at a step) of a unit of each column.
    need : int array, shape (rows,)
    links : csr_array, shape (links, columns)
        Whole numbers.
    low, high : array, shape (links,)
    cost : array, shape (columns,)
        Money.
    at : int array, shape (columns,)
        Step at which the column's shift starts; -1 for people employed, who belong to all steps.
    row_at : int array, shape (rows,)
        Step of each row.
    heads : int array, shape (columns,)
        The column that counts the heads of a column's class; for a flow, itself.
    flow : bool array, shape (columns,)
        Columns that are no shifts: a team's heads given to one of its queues, or people employed.
    shape : int array, shape (columns,)
        Number of the shape of each column's class; -1 for a flow.
    paid_s : int array, shape (columns,)
        Paid seconds of a shift of each column's class; 0 for a flow.
    steps, day, reach : int
        Steps of the horizon, of a day, and of the longest shift.
    short_cost, unit_cost, constant, sunk : float
        Price of a head short for a step; the unit in which costs are whole numbers; constant money; money
        that is paid in any case and is not in the objective.
    """

    position: sparse.csr_array
    need: Ints
    links: sparse.csr_array
    low: Floats
    high: Floats
    cost: Floats
    at: Ints
    row_at: Ints
    heads: Ints
    flow: Bools
    shape: Ints
    paid_s: Ints
    steps: int
    day: int
    reach: int
    short_cost: float
    unit_cost: float
    constant: float = 0.0
    sunk: float = 0.0

    @cached_property
    def most(self) -> int:
        """More heads than this are useless in any column: while one has a break, another can be present."""
        return 2 * int(np.bincount(self.row_at, self.need, self.steps).max(initial=0))

    @cached_property
    def kind(self) -> tuple[bytes, ...]:
        """A key that is equal for parts of a program that differ only in time."""
        begin = int(self.at.min(initial=self.steps))
        grids = [
            part for grid in (self.position, self.links) for part in (grid.indptr, grid.indices, grid.data)
        ]
        where = [self.at - begin, self.row_at - begin, self.heads, self.flow, self.shape, self.paid_s]
        limits = [self.need, self.low, self.high, self.cost]
        return tuple(one.tobytes() for one in (*grids, *where, *limits))

    @cached_property
    def tops(self) -> Ints:
        """The most that is useful in each column."""
        return np.where(self.at < 0, _MANY, self.most)

    def short(self, x: NDArray[Any]) -> Floats:
        """Heads missing in each row."""
        missing: Floats = np.maximum(self.need - self.position @ x, 0)
        return missing

    def value(self, x: NDArray[Any]) -> float:
        """Cost of a solution."""
        return float((self.cost * x).sum() + self.short_cost * self.short(x).sum() + self.constant)

    def holds(self, x: NDArray[Any]) -> bool:
        """Tell whether a solution keeps the links."""
        linked = self.links @ x
        return bool(((linked >= self.low - 1e-6) & (linked <= self.high + 1e-6)).all())

    def part(self, rows: Ints, links: Ints, columns: Ints) -> Program:
        """Return the program of some rows, links and (whole classes of) columns, without the constant."""
        place = np.zeros(len(self.cost), dtype=np.int64)
        place[columns] = np.arange(len(columns))
        return replace(
            self,
            position=self.position[rows][:, columns],
            need=self.need[rows],
            links=self.links[links][:, columns],
            low=self.low[links],
            high=self.high[links],
            cost=self.cost[columns],
            at=self.at[columns],
            row_at=self.row_at[rows],
            heads=place[self.heads[columns]],
            flow=self.flow[columns],
            shape=self.shape[columns],
            paid_s=self.paid_s[columns],
            constant=0.0,
        )

    def around(self, rest: Floats, window: Ints) -> Program:
        """Return the program of a window: the need and the limits that all other columns leave.

        Fractions of a head that the others leave are rounded, so that the program stays in whole numbers.
        """
        short = np.rint(self.short(rest) - 1e-4).astype(np.int64)
        rows, links = np.flatnonzero(short > 0), np.flatnonzero(np.diff(self.links[:, window].tocsr().indptr))
        felt = self.links[links] @ rest
        return replace(
            self.part(rows, links, window),
            need=short[rows],
            low=np.rint(self.low[links] - felt - 1e-4),
            high=np.rint(self.high[links] - felt + 1e-4),
        )

    def parts(self) -> list[tuple[Ints, Ints, Ints]]:
        """Independent rows, links and columns: days of a site that closes at night, otherwise the horizon.

        Rows without a need connect nothing, and shifts that serve no need are dropped.
        """
        wanted = np.flatnonzero(self.need > 0)
        grid = sparse.vstack([self.position[wanted], self.links]).tocsr()
        count, label = connected_components(
            sparse.block_array([[None, grid], [grid.T, None]]), directed=False
        )
        edge, kinds = len(wanted), grid.shape[0]
        served = np.unique(label[:edge])
        order = [np.flatnonzero(label == part) for part in range(count) if part in set(served.tolist())]
        return [
            (
                wanted[nodes[nodes < edge]],
                nodes[(nodes >= edge) & (nodes < kinds)] - edge,
                nodes[nodes >= kinds] - kinds,
            )
            for nodes in order
        ]

    def windows(self, shift: float) -> list[Ints]:
        """Columns day by day, from the end of the longest pause between starts, shifted by part of a day.

        Few shifts cross such a cut. Of equal pauses, the one that ends with the least need is taken. A window
        has the shifts that start in it and every flow to a queue that they may change. If all starts are
        within a day, there is one window.
        """
        load = np.bincount(self.row_at % self.day, self.need, self.day)
        starts = np.unique(self.at[~self.flow])
        if not len(starts):
            return []
        if len(starts) == 1 or ((starts - np.roll(starts, 1)) % self.steps).max() > self.steps - self.day:
            return [np.arange(len(self.at))]
        clock = np.unique(starts % self.day)
        pause = (clock - np.roll(clock, 1)) % self.day
        longest = clock[pause == pause.max()]
        start = int(longest[np.argmin(load[longest])]) + round(shift * self.day)
        place = (self.at - start) % self.steps
        found = []
        for number in np.unique(place[~self.flow] // self.day):
            begin = number * self.day
            near = (place - begin) % self.steps < self.day + self.reach
            found.append(
                np.flatnonzero(np.where(self.flow, near | (self.at < 0), place // self.day == number))
            )
        return found


@dataclass(frozen=True, eq=False)
class Relaxation:
    """The relaxed solution of a program: value (a bound), columns, and the dual of each link."""

    value: float
    x: Floats
    link_cost: Floats


def relax(program: Program) -> Relaxation:
    """Solve a program in real numbers with HiGHS through MathOpt."""
    large = len(program.cost) > _LARGE
    method = mathopt.LPAlgorithm.BARRIER if large else mathopt.LPAlgorithm.DUAL_SIMPLEX
    model = _model(program)
    columns, rows = list(model.variables()), list(model.linear_constraints())
    result = mathopt.solve(model, _HIGHS, params=mathopt.SolveParameters(lp_algorithm=method))
    scale = program.unit_cost
    return Relaxation(
        result.objective_value() * scale + program.constant,
        np.array(result.variable_values(columns[: len(program.cost)]), dtype=float),
        np.array(result.dual_values(rows[len(program.need) :]), dtype=float) * scale,
    )


def branch(
    program: Program, nodes: int, limit_s: float, seed: int, enough_cost: float = 0.0
) -> Floats | None:
    """Search for whole heads by branch and bound; breaks, and flows to queues, stay fractional.

    One head more at 9:00 and one fewer at 9:30 is nearly the same plan, so branching on the heads of a class
    does not move the bound. Sums do: the heads present at a time, the shifts of a shape, their paid time.
    They are whole-number columns of their own, and presolve, which would remove them, is off.

    Parameters
    ----------
    program : Program
    nodes : int
        The most nodes of the tree.
    limit_s : float
        The most wall time, seconds; may be infinite.
    seed : int
    enough_cost : float
        Money that need not be saved.

    Returns
    -------
    array of the columns, or None if no plan was found
    """
    model = _model(program)
    columns = list(model.variables())[: len(program.cost)]
    heads = np.unique(program.heads[~program.flow])
    for head in [*heads, *np.flatnonzero(program.at < 0)]:
        columns[head].integer = True
    for row in _sums(program, heads):
        total = model.add_integer_variable(lb=0.0)
        terms = (float(row[n]) * columns[heads[n]] for n in np.flatnonzero(row))
        model.add_linear_constraint(total == mathopt.fast_sum(terms))
    params = mathopt.SolveParameters(
        node_limit=nodes,
        time_limit=timedelta(seconds=min(limit_s, _FOREVER_S)),
        absolute_gap_tolerance=enough_cost / program.unit_cost,
        random_seed=seed,
        presolve=mathopt.Emphasis.OFF,
    )
    result = mathopt.solve(model, _HIGHS, params=params)
    if not result.has_primal_feasible_solution():
        return None
    return np.array(result.variable_values(columns), dtype=float)


def _sums(program: Program, heads: Ints) -> Floats:
    """Sums of heads over the classes: all, by paid time, by shape, and by time of presence."""
    present = program.position[:, heads].toarray() > 0
    changes = np.append(True, (present[1:] != present[:-1]).any(axis=1))
    shape, paid_s = program.shape[heads], program.paid_s[heads]
    kinds = shape == np.unique(shape)[:, None]
    every = np.ones(len(heads))
    return np.vstack([every, paid_s / np.gcd.reduce(paid_s), kinds, present[changes]]).astype(float)


_setting_up = threading.Lock()


@functools.cache
def _set_up() -> None:
    """Solve x >= 0, so that MathOpt is set up: it fails if two threads first use it at once."""
    empty = mathopt.Model()
    empty.add_linear_constraint(empty.add_variable() >= 0.0)
    model = mathopt.Model.from_model_proto(empty.export_model())
    params = mathopt.SolveParameters(lp_algorithm=mathopt.LPAlgorithm.DUAL_SIMPLEX)
    result = mathopt.solve(model, _HIGHS, params=params)
    result.variable_values(list(model.variables()))
    result.dual_values(list(model.linear_constraints()))


def _model(program: Program) -> mathopt.Model:
    """Write the relaxation for MathOpt."""
    with _setting_up:
        _set_up()
    return mathopt.Model.from_model_proto(_proto(program))


def _proto(program: Program) -> Any:
    """Write the relaxation directly from the arrays, with money scaled close to one."""
    rows, columns = program.position.shape
    links, scale = program.links.shape[0], program.unit_cost
    every = range(columns + rows)
    proto = model_pb2.ModelProto()
    proto.variables.ids.extend(every)
    proto.variables.lower_bounds.extend(np.zeros(columns + rows))
    proto.variables.upper_bounds.extend(np.concatenate([np.full(columns, np.inf), program.need]))
    proto.variables.integers.extend([False] * (columns + rows))
    proto.objective.linear_coefficients.ids.extend(every)
    proto.objective.linear_coefficients.values.extend(
        np.concatenate([program.cost, np.full(rows, program.short_cost)]) / scale
    )
    proto.linear_constraints.ids.extend(range(rows + links))
    proto.linear_constraints.lower_bounds.extend(np.concatenate([program.need, program.low]))
    proto.linear_constraints.upper_bounds.extend(np.concatenate([np.full(rows, np.inf), program.high]))
    matrix = sparse.block_array(
        [[program.position, sparse.eye_array(rows)], [program.links, None]] if links
        else [[program.position, sparse.eye_array(rows)]]
    ).tocsr()  # fmt: skip
    matrix.eliminate_zeros()
    entries = matrix.sorted_indices().tocoo()
    proto.linear_constraint_matrix.row_ids.extend(entries.row)
    proto.linear_constraint_matrix.column_ids.extend(entries.col)
    proto.linear_constraint_matrix.coefficients.extend(entries.data)
    return proto
