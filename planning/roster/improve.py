"""Rosters made and bettered line by line: a first lawful one at once, then best answers and exchanges.

Both use what column generation has: the pricing of one person's line, and the cost of a given one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from planning.roster.problem import Assignment, Problem, missing_heads
from planning.roster.slate import Ints

__all__ = ["answer_best", "exchange", "first_lines"]

LONGEST_SWAP = 7
"""Days that two people exchange at once, at most."""
PATIENCE, LEAST_GAIN = 40, 0.01
"""Exchanges tried for each person until the next look, and the share of the cost to gain meanwhile."""


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
    return problem.missing_rub * np.where(residual > 0, 1.0 + 0.05 * lack, 0.0)


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
            gain = float(value[0]) - (worth[line.pattern].sum() - problem.cost(line.crew, line.pattern))
            if gain > 1e-6:
                lines[number], better = Assignment(line.crew, line.person, pattern), better + gain
            residual[lines[number].pattern] -= 1
            tell(f"best answers, {int(np.maximum(residual, 0).sum())} heads missing")
        if better <= 1e-6:
            break
    return lines


def exchange(
    problem: Problem, lines: Sequence[Assignment], tell: Callable[[str], None] = lambda _: None
) -> list[Assignment]:
    """Let two people exchange some days, again and again, where that makes the roster fairer or steadier.

    What is covered stays covered; so every exchange that lowers the two people's cost is kept.
    """
    lines, rng = list(lines), np.random.default_rng(problem.settings.seed)
    costs = np.array([problem.line_rub(line) for line in lines])
    days = len(problem.slate.midnights) - 1
    if len(lines) < 2:
        return lines
    before = np.inf
    for trial in range(problem.settings.exchanges * len(lines)):
        if trial % (PATIENCE * len(lines)) == 0:
            tell(f"exchanges, {costs.sum():,.0f} roubles")
            if costs.sum() > before * (1 - LEAST_GAIN):
                break
            before = costs.sum()
        # The dearest of a few people have most to gain.
        one = int(max(rng.integers(len(lines), size=3).tolist(), key=lambda number: costs[number]))
        two = int(rng.integers(len(lines)))
        first = int(rng.integers(problem.slate.first, days))
        length = int(rng.integers(1, LONGEST_SWAP + 1))
        if one == two:
            continue
        new = _swapped(problem, lines[one], lines[two], first, first + length)
        if new is None:
            continue
        price = problem.line_rub(new[0])
        if price < costs[one] + costs[two] - 1e-6:
            other = problem.line_rub(new[1])
            if price + other < costs[one] + costs[two] - 1e-6:
                (lines[one], lines[two]), costs[one], costs[two] = new, price, other
    return lines


def _swapped(
    problem: Problem, one: Assignment, two: Assignment, first: int, after: int
) -> tuple[Assignment, Assignment] | None:
    """Exchange the shifts of some days; None if there are none."""
    day = problem.slate.day
    inside = [(day[line.pattern] >= first) & (day[line.pattern] < after) for line in (one, two)]
    parts = [line.pattern[mask] for line, mask in zip((one, two), inside, strict=True)]
    if np.array_equal(parts[0], parts[1]):
        return None
    barred = [problem.crews[line.crew].limits.banned for line in (one, two)]
    if barred[0][parts[1]].any() or barred[1][parts[0]].any():
        return None
    kept = [line.pattern[~mask] for line, mask in zip((one, two), inside, strict=True)]
    new = [np.sort(np.concatenate([kept[0], parts[1]])), np.sort(np.concatenate([kept[1], parts[0]]))]
    return Assignment(one.crew, one.person, new[0]), Assignment(two.crew, two.person, new[1])
