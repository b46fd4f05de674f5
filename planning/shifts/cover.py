"""The cheapest shifts that cover a requirement, by linear programming and a dive (OR-Tools)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from ortools.math_opt import model_pb2
from ortools.math_opt.python import mathopt
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from tqdm import tqdm

from planning.calendars import axis
from planning.errors import PlanningError
from planning.shifts.catalogue import Pattern, catalogue, patterns

if TYPE_CHECKING:
    from planning.centre import Centre

__all__ = ["CoverPlan", "cover", "horizon", "on_position", "requirement_by_team"]

# A column whose reduced cost exceeds this share of its cost is not worth a place in the dive.
_NEAR = 0.02
# Share of the fractional columns that a step of the dive rounds up.
_STEP = 0.30
# A part of at most so many shifts is searched by branch and bound, to this gap or so many nodes.
_SMALL = 150
_GAP = 0.01
_NODES = 50
_SOLVER = mathopt.SolverType.HIGHS


@dataclass(frozen=True)
class CoverPlan:
    """Shifts that cover a requirement.

    Attributes
    ----------
    shifts : DataFrame
        SHIFTS, and of each shift its pattern (number in `patterns`), night_h and holiday_h a head, and
        cost_rub of all its heads.
    unmet : DataFrame
        team, interval_start, missing: agents short, a row an interval that is not covered.
    teams : DataFrame
        Index team: objective_rub, bound_rub (no plan is cheaper), gap, paid_h.
    patterns : tuple of Pattern
        Shapes of shift with their breaks.
    """

    shifts: pd.DataFrame
    unmet: pd.DataFrame
    teams: pd.DataFrame
    patterns: tuple[Pattern, ...]

    @property
    def objective_rub(self) -> float:
        """Cost of the shifts and price of the missing agents."""
        return float(self.teams["objective_rub"].sum())

    @property
    def bound_rub(self) -> float:
        """Proven: no plan of these shifts costs less."""
        return float(self.teams["bound_rub"].sum())

    @property
    def gap(self) -> float:
        """How far the plan may be from the best one, a share of the bound."""
        return self.objective_rub / self.bound_rub - 1 if self.bound_rub else 0.0


def cover(centre: Centre, requirement: pd.DataFrame, *, strict: bool = False) -> CoverPlan:
    """Find the cheapest shifts, with their breaks, that put the required agents on position.

    The horizon stands for one of a run of like ones: a shift that runs over its end covers the first hours
    of the horizon too, as the night shift of the evening before did. Money is paid hours at the team's rate
    with the night and holiday premiums; a missing agent-hour costs ``pay.unmet_rub_h``, so there is always
    a plan and never a silent shortage.

    Parameters
    ----------
    centre : Centre
    requirement : DataFrame
        REQUIREMENT of whole days.
    strict : bool
        Raise where an interval cannot be covered.

    Returns
    -------
    CoverPlan

    Raises
    ------
    PlanningError
        No shift fits a site, or `strict` and the plan is short.
    """
    shapes = tuple(patterns(centre))
    times = horizon(centre, requirement)
    needs = requirement_by_team(centre, requirement, times)
    progress = tqdm(needs.items(), total=len(needs), desc="shifts", unit="team", leave=False)
    parts = [_cover_team(centre, team, need, shapes) for team, need in progress]
    plan = CoverPlan(
        pd.concat([part.shifts for part in parts], ignore_index=True),
        pd.concat([part.unmet for part in parts], ignore_index=True),
        pd.concat([part.teams for part in parts]),
        shapes,
    )
    if strict and len(plan.unmet):
        first = plan.unmet.iloc[0]
        raise PlanningError(
            f"{first['team']} is short of {first['missing']:g} agents at "
            f"{first['interval_start']:%Y-%m-%d %H:%M} (and in {len(plan.unmet) - 1} more intervals): "
            "allow other shifts, a lower target or a higher pay.unmet_rub_h"
        )
    return plan


def requirement_by_team(
    centre: Centre, requirement: pd.DataFrame, times: pd.DatetimeIndex
) -> dict[str, pd.Series]:
    """Heads to roster of each team by interval, zero where its queue is closed."""
    found: dict[str, pd.Series] = {}
    for (queue, site), rows in requirement.groupby(["queue", "site"], sort=False):
        team = centre.team_for(queue, site)
        if team is not None:
            found[team] = rows.set_index("interval_start")["rostered"].reindex(times, fill_value=0)
    return found


def on_position(
    shifts: pd.DataFrame, shapes: tuple[Pattern, ...], times: pd.DatetimeIndex, heads: str = "headcount"
) -> NDArray[np.int64]:
    """Count the heads on position in each interval, breaks left out, by walking through the shifts."""
    step = times[1] - times[0]
    total = np.zeros(len(times), dtype=np.int64)
    for row in shifts.itertuples():
        working = shapes[row.pattern].on_position(int(step.total_seconds()))
        first = int((row.start - times[0]) / step)
        np.add.at(total, (first + np.flatnonzero(working)) % len(times), getattr(row, heads))
    return total


def horizon(centre: Centre, requirement: pd.DataFrame) -> pd.DatetimeIndex:
    """Whole local days that the requirement spans."""
    times = requirement["interval_start"]
    days = (times.max().normalize().tz_localize(None) - times.min().normalize().tz_localize(None)).days + 1
    return axis(times.min().normalize(), days, centre.interval_s)


def _cover_team(centre: Centre, team: str, need: pd.Series, shapes: tuple[Pattern, ...]) -> CoverPlan:
    times = pd.DatetimeIndex(need.index)
    shifts = catalogue(centre, centre.teams[team].site, times)
    rate = centre.hourly_rub(team)
    premium, holiday = centre.labour.night_premium.value, centre.labour.holiday_premium.value
    cost = rate * (shifts["paid_h"] + premium * shifts["night_h"] + holiday * shifts["holiday_h"]).to_numpy()
    problem = _Problem(
        covers=_coverage(shifts, shapes, times),
        need=need.to_numpy(dtype=float),
        cost=cost,
        price=centre.pay.unmet_rub_h * centre.interval_s / 3600,
    )
    heads, bound = _solve(problem)
    missing = np.maximum(problem.need - problem.covers @ heads, 0)
    chosen = shifts.assign(headcount=heads, cost_rub=cost * heads)[heads > 0].reset_index(drop=True)
    objective = float(cost @ heads + problem.price * missing.sum())
    paid_h = float(chosen["paid_h"] @ chosen["headcount"])
    return CoverPlan(
        _named(centre, team, chosen),
        pd.DataFrame({"team": team, "interval_start": times, "missing": missing})[missing > 0],
        pd.DataFrame(
            {"objective_rub": objective, "bound_rub": bound, "gap": objective / bound - 1 if bound else 0.0,
             "paid_h": paid_h},
            index=pd.Index([team], name="team"),
        ),
        shapes,
    )  # fmt: skip


def _named(centre: Centre, team: str, shifts: pd.DataFrame) -> pd.DataFrame:
    """SHIFTS rows of a team: a shift's name says its team, its start and its pattern."""
    names = [f"{team}-{row.start:%Y%m%dT%H%M}-{row.pattern:02d}" for row in shifts.itertuples()]
    columns = ["shift_id", "site", "team", "start", "end", "paid_h", "headcount"]
    named = shifts.assign(shift_id=names, site=centre.teams[team].site, team=team)
    return named[[*columns, "pattern", "night_h", "holiday_h", "cost_rub"]]


def _coverage(shifts: pd.DataFrame, shapes: tuple[Pattern, ...], times: pd.DatetimeIndex) -> sparse.csc_array:
    """Matrix of intervals x shifts: 1 where the shift's agent is on position."""
    step = times[1] - times[0]
    working = [np.flatnonzero(shape.on_position(int(step.total_seconds()))) for shape in shapes]
    first = ((shifts["start"] - times[0]) // step).to_numpy()
    rows = [
        (start + working[number]) % len(times) for start, number in zip(first, shifts["pattern"], strict=True)
    ]
    columns = np.repeat(np.arange(len(shifts)), [len(part) for part in rows])
    index = np.concatenate(rows)
    return sparse.csc_array((np.ones(len(index)), (index, columns)), shape=(len(times), len(shifts)))


@dataclass(frozen=True)
class _Problem:
    """min cost x + price u  with  covers x + u >= need,  x whole."""

    covers: sparse.csc_array
    need: NDArray[np.float64]
    cost: NDArray[np.float64]
    price: float

    def part(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> _Problem:
        """Return the problem of some intervals and some shifts."""
        covers = self.covers[rows, :][:, columns]
        return _Problem(covers, self.need[rows], self.cost[columns], self.price)


def _solve(problem: _Problem) -> tuple[NDArray[np.int64], float]:
    """Solve the parts of a problem that share no interval, each on its own; heads and the proven bound."""
    heads = np.zeros(len(problem.cost), dtype=np.int64)
    bound = 0.0
    for rows, columns in _parts(problem):
        part = problem.part(rows, columns)
        if part.need.any():
            heads[columns], part_bound = _solve_part(part)
            bound += part_bound
    return heads, bound


def _parts(problem: _Problem) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Intervals and shifts that hang together: the days of a site that closes at night, else the horizon."""
    intervals = len(problem.need)
    links = sparse.block_array([[None, problem.covers], [problem.covers.T, None]])
    count, label = connected_components(links, directed=False)
    return [
        (np.flatnonzero(label[:intervals] == part), np.flatnonzero(label[intervals:] == part))
        for part in range(count)
    ]


def _solve_part(problem: _Problem) -> tuple[NDArray[np.int64], float]:
    """Search a small part; of a large one solve the relaxation, then dive on the columns near its optimum."""
    if len(problem.cost) <= _SMALL:
        return _search(problem)
    heads = np.zeros(len(problem.cost), dtype=np.int64)
    model, shifts = _model(problem)
    relaxed = mathopt.solve(model, _SOLVER)
    reduced = np.array(relaxed.reduced_costs(shifts))
    near = np.flatnonzero(reduced <= _NEAR * problem.cost)
    heads[near] = _dive(problem.part(np.arange(len(problem.need)), near))
    return heads, relaxed.objective_value()


def _search(problem: _Problem) -> tuple[NDArray[np.int64], float]:
    """Branch and bound, stopped by its gap or its nodes so that it repeats."""
    model, shifts = _model(problem)
    for shift in shifts:
        shift.integer = True
    limits = mathopt.SolveParameters(relative_gap_tolerance=_GAP, node_limit=_NODES)
    result = mathopt.solve(model, _SOLVER, params=limits)
    heads = np.rint(result.variable_values(shifts)).astype(np.int64)
    return heads, result.termination.objective_bounds.dual_bound


def _dive(problem: _Problem) -> NDArray[np.int64]:
    """Round the relaxation step by step, re-solving warm, the most nearly whole columns first."""
    model, shifts = _model(problem)
    floor = np.zeros(len(shifts))
    while True:
        result = mathopt.solve(model, _SOLVER)
        value = np.array(result.variable_values(shifts))
        fraction = value - np.floor(value + 1e-7)
        loose = np.flatnonzero(fraction > 1e-7)
        if not len(loose):
            heads: NDArray[np.int64] = np.rint(value).astype(np.int64)
            return heads
        order = loose[np.argsort(-fraction[loose], kind="stable")][: max(1, int(len(loose) * _STEP))]
        floor = np.maximum(floor, np.floor(value + 1e-7))
        rounded = [column for column in order if column == order[0] or fraction[column] > 0.5]
        floor[rounded] += 1
        for column in np.union1d(loose, np.flatnonzero(value > 0.5)):
            shifts[column].lower_bound = floor[column]


def _model(problem: _Problem) -> tuple[Any, list[Any]]:
    """Write the relaxation for MathOpt, straight from the arrays."""
    intervals, columns = problem.covers.shape
    proto = model_pb2.ModelProto()
    every = range(columns + intervals)
    proto.variables.ids.extend(every)
    proto.variables.lower_bounds.extend(np.zeros(columns + intervals))
    proto.variables.upper_bounds.extend(np.concatenate([np.full(columns, np.inf), problem.need]))
    proto.variables.integers.extend([False] * (columns + intervals))
    proto.objective.linear_coefficients.ids.extend(every)
    proto.objective.linear_coefficients.values.extend(
        np.concatenate([problem.cost, np.full(intervals, problem.price)])
    )
    proto.linear_constraints.ids.extend(range(intervals))
    proto.linear_constraints.lower_bounds.extend(problem.need)
    proto.linear_constraints.upper_bounds.extend([np.inf] * intervals)
    rows = sparse.hstack([problem.covers, sparse.eye_array(intervals)]).tocsr().sorted_indices().tocoo()
    proto.linear_constraint_matrix.row_ids.extend(rows.row)
    proto.linear_constraint_matrix.column_ids.extend(rows.col)
    proto.linear_constraint_matrix.coefficients.extend(rows.data)
    model = mathopt.Model.from_model_proto(proto)
    return model, list(model.variables())[:columns]
