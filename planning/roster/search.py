"""Better schedules for a few people at once, by column generation: large neighbourhood search.

A few people give up their schedules, and a small master program finds how good these can be together. If
something can be saved, a dive and a small search tree pick from its columns. So a search either finds a
better roster, or often proves that these people have none.

Source: the neighbourhoods follow P. Shaw, Using constraint programming and local search methods to solve
vehicle routing problems (1998).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from planning.checks import Floats, Ints
from planning.roster.columns import Dive
from planning.roster.problem import Clock, Problem, Schedule, missing_heads

FEW = 12
"""The most people for whom a search tree is tried if the dive finds nothing."""
NODES = 50
"""The most nodes of one search tree."""
ROUNDS = 100
"""The most rounds of pricing in one search."""
GROWTH = 1.25
"""Factor by which neighbourhoods grow after all people have been tried in vain."""
NEAR_S = 7 * 86400
"""The furthest a shift given up for one that lacks heads may be from it, seconds."""


def search(
    problem: Problem, schedules: list[Schedule], prices: Floats, bound: float, clock: Clock
) -> Iterator[list[Schedule]]:
    """Search for new schedules of a few people, again and again, until nothing can be saved.

    Parameters
    ----------
    problem : Problem
    schedules : list of Schedule
        A lawful schedule for everybody.
    prices : ndarray
        Value of a head on each shift from column generation; zeros if it did not run.
    bound : float
        Lower bound of the cost of any roster, without burdens.
    clock : Clock

    Yields
    ------
    list of Schedule
        Each no worse than the one before.
    """
    settings, rng = problem.settings, np.random.default_rng(problem.settings.seed)
    best, size, vain = problem.objective(schedules), float(settings.search_people), 0.0
    worth = np.zeros(len(problem.groups))
    if prices.any():
        worth, _ = problem.price(prices, problem.team_shifts.headcount, np.arange(len(problem.groups)))
    for number in range(settings.searches):
        if problem.is_enough(schedules, bound):
            break
        clock(f"search {number + 1}, objective {best:,.0f}, bound {problem.certified(bound):,.0f}")
        chosen = _chosen(problem, schedules, prices, worth, round(size), rng)
        found = _sought(problem, schedules, chosen, prices, clock)
        value = problem.objective(found)
        vain = 0.0 if value < best - 1e-6 else vain + len(chosen) / len(schedules)
        if vain >= 2.0:
            size, vain = min(size * GROWTH, len(schedules)), 0.0
        if value <= best:
            best, schedules = value, found
            yield schedules


def _chosen(
    problem: Problem,
    schedules: Sequence[Schedule],
    prices: Floats,
    worth: Floats,
    size: int,
    rng: np.random.Generator,
) -> set[int]:
    """Choose people at random, preferring those whose schedules are far from their best at these prices.

    If heads are missing, half are those who can take one of these shifts most cheaply, perhaps instead of
    another one; the others are mostly people with hours to spare.
    """
    # People without a lawful schedule are as likely to be chosen as the nearest.
    costs = np.array([problem.priced_cost(s.group, s.pattern) - prices[s.pattern].sum() for s in schedules])
    best = np.array([worth[s.group] for s in schedules])
    known = np.isfinite(costs) & np.isfinite(best)
    far = np.where(known, np.where(known, best, 0.0) + np.where(known, costs, 0.0), 0.0)
    chance = rng.exponential(size=len(schedules)) / (1.0 + far / max(far.mean(), 1e-6))
    short = np.flatnonzero(missing_heads(problem, schedules) > 0)
    takers: list[int] = []
    if len(short) and problem.surplus_cost is None:
        shift, paid_h = rng.choice(short), problem.team_shifts.paid_h
        extra = np.array([_extra(problem, schedule, shift) for schedule in schedules])
        takers = [n for n in np.lexsort((chance, extra)).tolist() if np.isfinite(extra[n])][: size // 2]
        left_h = [problem.groups[s.group].limits.most_h - paid_h[s.pattern].sum() for s in schedules]
        chance = np.where(np.array(left_h) >= paid_h[shift], chance / 2, chance)
    return set([*takers, *(n for n in np.argsort(chance).tolist() if n not in takers)][:size])


def _extra(problem: Problem, schedule: Schedule, shift: int) -> float:
    """Extra cost of a schedule with a shift, perhaps instead of one near it; inf if it is not lawful."""
    start, before = problem.team_shifts.start, problem.cost(schedule.group, schedule.pattern)
    if shift in schedule.pattern or problem.groups[schedule.group].limits.banned[shift]:
        return np.inf
    pattern = schedule.pattern
    near = pattern[np.abs(start[pattern] - start[shift]) <= NEAR_S]
    tried = [np.sort(np.append(pattern[pattern != given], shift)) for given in [-1, *near.tolist()]]
    return min(problem.cost(schedule.group, each) for each in tried) - before


def _sought(
    problem: Problem, schedules: list[Schedule], chosen: set[int], prices: Floats, clock: Clock
) -> list[Schedule]:
    """Search for new schedules of the chosen people while all others stay; it may find none."""
    kept = [schedule for number, schedule in enumerate(schedules) if number not in chosen]
    own = [schedules[number] for number in sorted(chosen)]
    dive = Dive.around(problem, replace(clock, tell=lambda _: None), kept, prices)
    dive.master.add((schedule.group, schedule.pattern) for schedule in own)
    most = problem.seen(schedules) - sum(
        problem.priced_cost(schedule.group, schedule.pattern) for schedule in kept
    )
    low, shares = dive.generate(ROUNDS, enough=most)
    if problem.certified(low) >= most:
        return schedules
    dived = dive.dived(shares, most)
    if len(dived) == len(own):
        found = kept + _named(own, dived)
        if problem.objective(found) < problem.objective(schedules) - 1e-6:
            return found
    picked = dive.master.solve_whole(NODES, clock.deadline.left_s) if len(own) <= FEW else None
    return schedules if picked is None else kept + _named(own, picked)


def _named(own: Sequence[Schedule], picked: Sequence[tuple[int, Ints]]) -> list[Schedule]:
    """Give the picked schedules to the people who gave theirs up."""
    free: dict[int, list[Schedule]] = {}
    for schedule in own:
        free.setdefault(schedule.group, []).append(schedule)
    return [Schedule(group, free[group].pop().person, pattern) for group, pattern in picked]
