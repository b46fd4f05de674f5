"""Better lines for some people at once, by column generation: the roster's large neighbourhoods.

A few people give up their lines; a small master program finds how good their lines can be together. Where
there is something to gain, all lines near enough to its prices are written out, and a search tree picks from
them. So a search either finds a better roster, or has often proved that these people have none.

Sources: the lines near the prices are R. Baldacci, N. Christofides, A. Mingozzi, An exact algorithm for the
vehicle routing problem based on the set partitioning formulation (2008); the neighbourhoods are P. Shaw,
Using constraint programming and local search methods to solve vehicle routing problems (1998).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from planning.effort import Deadline, TimeUpError
from planning.roster.columns import Dive
from planning.roster.improve import first_lines
from planning.roster.problem import Assignment, Clock, Problem
from planning.roster.slate import Floats, Ints

__all__ = ["best_lines", "seek_anew"]

FEW = 12
"""Most people for whom a search tree is tried where the dive finds nothing."""
NODES = 50
"""Most nodes of one search tree."""
ROUNDS = 100
"""Most rounds of pricing of one search."""
NEAREST = 20
"""Lines of each person, the nearest to the prices of the whole, that a search starts with."""
HALVINGS = 5
"""How often the distance from the prices is halved while there are too many lines."""
GROWTH = 1.25
"""Factor by which neighbourhoods grow where all people have been asked in vain."""


EASY_LINES, PROOF_LINES, PROOF_NODES = 100, 3000, 2000
"""Most lines of each crew in the tree before a search and after it, and most nodes of these."""


def best_lines(
    problem: Problem, tell: Callable[[str], None] = lambda _: None
) -> tuple[list[Assignment], float]:
    """Find lines for everybody, and the roubles that none can be below.

    Column generation gives the bound and a dive the first lines; searches better them; at last all lines that
    a better roster could hold are written out, if they are not too many, and a tree decides. When the time of
    the settings is over, or at an interrupt, the best lines so far are returned; the first are made person
    by person.
    """
    dive = Dive.of(problem, Clock(Deadline(problem.settings.time_limit_s), tell))
    found = first_lines(problem), -np.inf
    try:
        for better in _bettered(dive, found[0]):
            found = better
    except (KeyboardInterrupt, TimeUpError):
        pass
    lines, bound = found
    return lines, problem.certified(max(bound, dive.bound))


def _bettered(dive: Dive, first: list[Assignment]) -> Iterator[tuple[list[Assignment], float]]:
    """Yield ever better lines with a bound."""
    bound, shares = dive.generate(dive.problem.settings.pricing_rounds)
    yield first, bound
    trial = replace(dive, residual=dive.residual.copy(), people=dive.people.copy())
    trial.finish(shares)
    dive.master.demand(dive.residual, dive.people)
    lines = min(first, trial.assignments(), key=dive.problem.objective)
    lines, bound = _decided(dive, lines, bound, EASY_LINES)
    yield lines, bound
    for better in seek_anew(dive, lines, bound):
        lines = better
        yield lines, bound
    yield _decided(dive, lines, bound, PROOF_LINES)


def _decided(dive: Dive, lines: list[Assignment], bound: float, most: int) -> tuple[list[Assignment], float]:
    """Pick from all lines that a better roster could hold, if a crew has no more of them than so many.

    What the tree proves to be the best is a bound.
    """
    problem, best = dive.problem, dive.problem.objective(lines)
    # Whole costs fall by whole roubles, so a line as far as the rest of the gap is in no better roster.
    within = best - float(problem.whole) - bound
    if problem.is_close(best, bound) or not _write_out(dive, within, most, 1):
        return lines, bound
    dive.master.add((line.crew, line.pattern) for line in lines)
    picks, proved = dive.master.solve_whole(PROOF_NODES, dive.clock.deadline.left_s)
    found = lines if picks is None else _named(lines, dive.master.picked(picks))
    lines = min(lines, found, key=problem.objective)
    return lines, problem.objective(lines) if proved else bound


@dataclass
class Ground:
    """What the column generation for all people has left: its prices, and the lines that it found."""

    problem: Problem
    centre: Floats
    """Prices of the best bound, shape (shifts,)."""
    worth: Floats
    """Best line of each crew at these prices, shape (crews,)."""
    lines: dict[int, dict[bytes, tuple[float, Ints]]] = field(default_factory=dict)
    """Distance of each line known from the prices, by crew."""

    @classmethod
    def of(cls, dive: Dive) -> Ground:
        """Learn from a finished column generation."""
        problem = dive.problem
        everybody = np.arange(len(problem.crews))
        worth, _ = problem.price(dive.centre, problem.slate.headcount, everybody)
        ground = cls(problem, dive.centre, worth)
        ground.learn(dive.master.columns)
        return ground

    def learn(self, columns: Sequence[tuple[int, Ints]]) -> None:
        """Remember lines."""
        for crew, pattern in columns:
            known = self.lines.setdefault(crew, {})
            if (key := pattern.tobytes()) not in known:
                known[key] = (self.distance(crew, pattern), pattern)

    def distance(self, crew: int, pattern: Ints) -> float:
        """Roubles that a line costs more than the best one at the prices."""
        cost = self.problem.cost(crew, pattern)
        return float(cost - self.centre[pattern].sum() + self.worth[crew])

    def nearest(self, crew: int, within: float) -> list[tuple[int, Ints]]:
        """The nearest lines of a crew; one that is farther than the gap is in no better roster."""
        known = sorted(self.lines.get(crew, {}).values(), key=lambda pair: pair[0])[:NEAREST]
        return [(crew, pattern) for distance, pattern in known if distance <= within]


def seek_anew(dive: Dive, lines: list[Assignment], bound: float) -> Iterator[list[Assignment]]:
    """Seek the lines of some people anew, again and again, until the gap is met or the searches are spent.

    Parameters
    ----------
    dive : Dive
        The column generation for everybody.
    lines : list of Assignment
    bound : float
        Roubles that no roster can be below.

    Yields
    ------
    list of Assignment
        Each no worse than the one before.
    """
    problem, ground = dive.problem, Ground.of(dive)
    rng = np.random.default_rng(problem.settings.seed)
    best, size, vain = problem.objective(lines), float(problem.settings.search_people), 0.0
    for number in range(problem.settings.searches):
        if problem.is_close(best, bound):
            break
        dive.clock(f"search {number + 1}, {best:,.0f} roubles, bound {problem.certified(bound):,.0f}")
        chosen = _chosen(ground, lines, round(size), rng)
        found = _searched(ground, dive.clock, lines, chosen, best, bound)
        value = problem.objective(found)
        vain = 0.0 if value < best - 1e-6 else vain + len(chosen) / len(lines)
        if vain >= 2.0:
            size, vain = min(size * GROWTH, len(lines)), 0.0
        if value <= best:
            best, lines = value, found
            yield lines


def _chosen(ground: Ground, lines: Sequence[Assignment], size: int, rng: np.random.Generator) -> set[int]:
    """Choose people by chance; those whose lines are far from the prices come sooner."""
    far = np.array([ground.distance(line.crew, line.pattern) for line in lines])
    chance = rng.exponential(size=len(lines)) / (1.0 + far / max(far.mean(), 1e-6))
    return set(np.argsort(chance, kind="stable")[:size].tolist())


def _searched(
    ground: Ground, clock: Clock, lines: list[Assignment], chosen: set[int], best: float, bound: float
) -> list[Assignment]:
    """Seek the lines of the people chosen, all others staying as they are; perhaps in vain."""
    problem = ground.problem
    kept = [line for number, line in enumerate(lines) if number not in chosen]
    own = [lines[number] for number in sorted(chosen)]
    dive = Dive.around(problem, replace(clock, tell=lambda _: None), kept, ground.centre)
    fixed = sum(problem.cost(line.crew, line.pattern) for line in kept)
    dive.master.add((line.crew, line.pattern) for line in own)
    for crew in np.flatnonzero(dive.people).tolist():
        dive.master.add(ground.nearest(crew, best - bound))
    low, shares = dive.generate(ROUNDS, enough=best - fixed)
    if problem.certified(low) >= best - fixed:
        return lines
    trial = replace(dive, residual=dive.residual.copy(), people=dive.people.copy(), lines=[])
    whole = trial.finish(shares, best - fixed)
    ground.learn(dive.master.columns)
    if whole and sum(dive.people) == len(trial.lines):
        dived = kept + _named(own, trial.lines)
        if problem.objective(dived) < best - 1e-6:
            return dived
    if len(own) > FEW:
        return lines
    dive.master.demand(dive.residual, dive.people)
    _write_out(dive, best - fixed - low, problem.settings.search_lines, HALVINGS)
    picks, _ = dive.master.solve_whole(NODES, clock.deadline.left_s)
    return lines if picks is None else kept + _named(own, dive.master.picked(picks))


def _write_out(dive: Dive, within: float, most: int, halvings: int) -> bool:
    """Add the lines within a distance of the prices; within less of it where a crew has too many.

    Tell whether none is left out.
    """
    problem, crews = dive.problem, np.flatnonzero(dive.people)
    worth, _ = problem.price(dive.centre, dive.residual, crews)
    every = True
    for crew, most_worth in zip(crews.tolist(), worth.tolist(), strict=True):
        for halving in range(halvings):
            least = most_worth - within / 2**halving
            patterns, whole = problem.good(dive.centre, dive.residual, crew, least, most)
            every = every and whole
            if whole:
                break
        if halvings == 1 and not whole:
            return False
        dive.master.add((crew, pattern) for pattern in patterns)
    return every


def _named(own: Sequence[Assignment], picked: Sequence[tuple[int, Ints]]) -> list[Assignment]:
    """Give the picked lines to the people who gave theirs up."""
    free: dict[int, list[Assignment]] = {}
    for line in own:
        free.setdefault(line.crew, []).append(line)
    return [Assignment(crew, free[crew].pop().person, pattern) for crew, pattern in picked]
