"""Rosters made and bettered line by line, by the pricing of one person's line."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from planning.roster.problem import Assignment, Problem, missing_heads
from planning.roster.slate import Ints

__all__ = ["answer_best", "first_lines"]


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
    spare = 0.0 if problem.surplus_rub is None else -problem.surplus_rub
    return np.where(residual > 0, problem.missing_rub * (1.0 + 0.05 * lack), spare)


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
            worth = np.where(residual > 0, problem.missing_rub, 0.0)
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
