"""The lines of one team: made person by person, bettered by exchanges, proven by column generation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from planning.effort import TimeUpError
from planning.roster.columns import Dive
from planning.roster.exchange import exchange
from planning.roster.frames import TeamRoster
from planning.roster.problem import Assignment, Clock, Problem, missing_heads
from planning.roster.repair import repair
from planning.roster.rules import Rule
from planning.roster.slate import Ints
from planning.roster.weeks import by_weeks

__all__ = ["answer_best", "first_lines", "generated", "improved", "made_first"]


def first_lines(problem: Problem) -> list[Assignment]:
    """Give everybody in turn the line that covers most of what is still open."""
    residual = problem.slate.headcount.copy()
    order = [(crew, person) for crew, each in enumerate(problem.crews) for person in each.members]
    lines = []
    # Those with the least choice first: who has much can take what is left.
    for crew, person in sorted(order, key=lambda pair: -int(problem.crews[pair[0]].limits.banned.sum())):
        _, ((_, pattern),) = problem.price(_asked(problem, residual), residual, np.array([crew]))
        residual[pattern] -= 1
        lines.append(Assignment(crew, person, pattern))
    return lines


def _asked(problem: Problem, residual: Ints) -> np.ndarray:
    """What one head more earns on each shift; a shift that lacks many comes before one that lacks few."""
    lack = np.maximum(residual, 0) / np.maximum(problem.slate.headcount, 1)
    spare = 0.0 if problem.surplus_cost is None else -problem.surplus_cost
    return np.where(residual > 0, problem.missing_cost * (1.0 + 0.05 * lack), spare)


def answer_best(
    problem: Problem, lines: list[Assignment], rounds: int = 1, tell: Callable[[str], None] = lambda _: None
) -> list[Assignment]:
    """Seek each person's line anew with all others' lines as they are, while that helps."""
    residual = missing_heads(problem, lines)
    lines = list(lines)
    for _ in range(rounds):
        better = 0.0
        for number, line in enumerate(lines):
            if not (residual > 0).any():
                break
            residual[line.pattern] += 1
            worth = np.where(residual > 0, problem.missing_cost, 0.0)
            value, ((_, pattern),) = problem.price(worth, residual, np.array([line.crew]))
            own = worth[line.pattern].sum() - problem.cost(line.crew, line.pattern)
            gain = float(value[0] - own) if np.isfinite(value[0]) else 0.0
            if gain > 1e-6:
                lines[number], better = Assignment(line.crew, line.person, pattern), better + gain
            residual[lines[number].pattern] -= 1
            tell(f"best answers, {int(np.maximum(residual, 0).sum())} heads missing")
        if better <= 1e-6:
            break
    return lines


def made_first(problem: Problem, rules: Sequence[Rule]) -> list[Assignment]:
    """Make a first lawful roster, in seconds."""
    if problem.slate.weeks == 1 or not problem.crews:
        return first_lines(problem)
    return by_weeks(problem, rules, first_lines)


def improved(
    problem: Problem, rules: Sequence[Rule], first: TeamRoster, clock: Clock
) -> Iterator[TeamRoster]:
    """Better one team's lines, and prove how good they can be, step by step."""
    if not problem.crews:
        return
    lines, bound = first.lines, first.bound
    for lines in exchange(problem, first.lines, clock):
        yield TeamRoster(lines, bound)
    if problem.is_close(problem.objective(lines), bound):
        return
    sought = lines
    for sought, proved in generated(problem, rules, lines, clock):
        bound = max(proved + problem.burden_bound, first.bound)
        yield TeamRoster(sought, bound)
    if sought is not lines:
        for lines in exchange(problem, sought, clock):
            yield TeamRoster(lines, bound)


def generated(
    problem: Problem,
    rules: Sequence[Rule],
    first: list[Assignment],
    clock: Clock,
) -> Iterator[tuple[list[Assignment], float]]:
    """Prove a bound by column generation; while heads are missing, find lines by a dive and repairs."""
    dive = Dive.of(problem, clock)
    dive.master.add((line.crew, line.pattern) for line in first)
    try:
        bound, shares = dive.generate(problem.settings.pricing_rounds)
    except (KeyboardInterrupt, TimeUpError):
        yield first, dive.bound
        raise
    yield first, bound
    if _is_enough(problem, first, bound):
        return
    dive.finish(shares)
    lines = dive.assignments()
    yield min(first, lines, key=problem.objective), bound
    if not _is_enough(problem, lines, bound):
        for better in repair(problem, rules, answer_best(problem, lines, 2, clock), bound, clock):
            yield min(first, better, key=problem.objective), bound


def _is_enough(problem: Problem, lines: Sequence[Assignment], bound: float) -> bool:
    """Tell whether no head is missing, or none that could be there."""
    value = problem.objective(lines)
    short = missing_heads(problem, lines).any()
    return bool(np.isfinite(value) and not short) or problem.is_close(value, bound)
