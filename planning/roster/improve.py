"""The schedules of one team: built person by person, improved by search, with a proven bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np

from planning.checks import Floats, Ints
from planning.effort import SolverError, TimeUpError
from planning.roster.columns import Dive
from planning.roster.exchange import exchange
from planning.roster.limits import Limits
from planning.roster.problem import Clock, Problem, Schedule, TeamRoster
from planning.roster.rules import Rule
from planning.roster.search import search
from planning.roster.weeks import by_weeks


def first_schedules(problem: Problem) -> list[Schedule]:
    """Give everybody in turn the schedule that covers the most open shifts."""
    residual = problem.team_shifts.headcount.copy()
    order = [(group, person) for group, each in enumerate(problem.groups) for person in each.members]
    schedules = []
    for group, person in sorted(order, key=lambda pair: _choice(problem.groups[pair[0]].limits)):
        _, ((_, pattern),) = problem.price(_asked(problem, residual), residual, np.array([group]))
        residual[pattern] -= 1
        schedules.append(Schedule(group, person, pattern))
    return schedules


def _choice(limits: Limits) -> tuple[int, int]:
    """People who must still work most, and have the least choice, come first; others take what is left."""
    return -sum(least for _, least, *_ in limits.counted), -int(limits.banned.sum())


def _asked(problem: Problem, residual: Ints) -> np.ndarray:
    """Value of one more head on each shift; a shift that lacks many comes before one that lacks few."""
    lack = np.maximum(residual, 0) / np.maximum(problem.team_shifts.headcount, 1)
    spare = 0.0 if problem.surplus_cost is None else -problem.surplus_cost
    return np.where(residual > 0, problem.missing_cost * (1.0 + 0.05 * lack), spare)


def made_first(problem: Problem, rules: Sequence[Rule]) -> list[Schedule]:
    """Make a first lawful roster, in seconds."""
    if problem.team_shifts.weeks == 1 or not problem.groups:
        return first_schedules(problem)
    return by_weeks(problem, rules, first_schedules)


def improved(problem: Problem, first: TeamRoster, clock: Clock) -> Iterator[TeamRoster]:
    """Improve one team's schedules step by step, and prove how good they can be."""
    if not problem.groups:
        return
    schedules, bound = first.schedules, first.bound
    for schedules in exchange(problem, first.schedules, clock):
        yield TeamRoster(schedules, bound)
    if problem.is_close(problem.objective(schedules), bound):
        return
    sought = schedules
    for sought, proved in generated(problem, schedules, clock):
        bound = max(proved + problem.burden_bound, first.bound)
        yield TeamRoster(sought, bound)
    if sought is not schedules:
        for schedules in exchange(problem, sought, clock):
            yield TeamRoster(schedules, bound)


def generated(
    problem: Problem, first: list[Schedule], clock: Clock
) -> Iterator[tuple[list[Schedule], float]]:
    """Prove a bound by column generation; if it leaves something to save, dive and search on.

    A solver that fails ends it, with the best so far.

    Yields
    ------
    schedules, bound
        Each no worse than before; the bound leaves the burdens out.
    """
    dive = Dive.of(problem, clock)
    dive.master.add((schedule.group, schedule.pattern) for schedule in first)
    try:
        bound, shares = dive.generate(problem.settings.pricing_rounds)
    except SolverError:
        yield first, dive.bound
        return
    except (KeyboardInterrupt, TimeUpError):
        yield first, dive.bound
        raise
    yield first, bound
    with suppress(SolverError):
        yield from _sought(problem, dive, first, bound, shares, clock)


def _sought(
    problem: Problem, dive: Dive, first: list[Schedule], bound: float, shares: Floats, clock: Clock
) -> Iterator[tuple[list[Schedule], float]]:
    """Dive and search on, if the bound leaves something to save."""
    if problem.is_enough(first, bound):
        return
    schedules = min(first, dive.named(dive.dived(shares)), key=problem.objective)
    yield schedules, bound
    for better in search(problem, schedules, dive.centre, bound, clock):
        yield better, bound
