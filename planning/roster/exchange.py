"""A roster bettered by exchanges: two people exchange some days, or somebody takes an open shift.

Column generation covers the shifts and keeps the law; what it does not see is how nights, weekends and late
ends are shared. A roster is a table of people by days here, so an exchange is cheap to try: a million in a
few seconds. Some that lose are kept, ever less often, so that the search does not end in the first valley.

Source: S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi, Optimization by simulated annealing, Science 220 (1983).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from planning.roster.lines import NOBODY, anneal, row_cost
from planning.roster.problem import Assignment, Problem, missing_heads
from planning.roster.slate import Bools, Floats, Ints

__all__ = ["exchange"]

HOT_RUB, COLD_RUB = 60.0, 1.0
"""Roubles that an exchange may lose with a chance of 1 in e, at the start and at the end."""
ROUNDS = 20
"""Steps in which that falls; after each the search can be interrupted."""


def exchange(
    problem: Problem, lines: Sequence[Assignment], tell: Callable[[str], None] = lambda _: None
) -> Iterator[list[Assignment]]:
    """Exchange days between people, and give them open shifts, where that makes the roster better.

    Parameters
    ----------
    problem : Problem
        In which nobody may be too many on a shift.
    lines : sequence of Assignment
        A lawful line for everybody.
    tell : callable
        Hears how it goes.

    Yields
    ------
    list of Assignment
        In the same order, each time better by `Problem.objective`; nothing if nothing is found.
    """
    trials = problem.settings.exchanges * len(lines) // ROUNDS
    if not trials:
        return
    people, rng = _People.of(problem, lines), np.random.default_rng(problem.settings.seed)
    work, opened = _table(problem, lines), _open(problem, lines)
    best = problem.objective(lines)
    for heat in np.geomspace(HOT_RUB, COLD_RUB, ROUNDS).tolist():
        opened = opened[: people.anneal(work, opened, trials, heat, rng)]
        found = _lines(lines, work)
        value = problem.objective(found)
        tell(f"exchanges, {value:,.0f} roubles")
        if value < best - 1e-6:
            best = value
            yield found


def _table(problem: Problem, lines: Sequence[Assignment]) -> Ints:
    """Shift of each person on each day, shape (people, days); NOBODY on days off."""
    work = np.full((len(lines), len(problem.slate.dates)), NOBODY, dtype=np.int64)
    for row, line in zip(work, lines, strict=True):
        row[problem.slate.day[line.pattern]] = line.pattern
    return work


def _lines(lines: Sequence[Assignment], work: Ints) -> list[Assignment]:
    return [Assignment(line.crew, line.person, row[row >= 0]) for line, row in zip(lines, work, strict=True)]


def _open(problem: Problem, lines: Sequence[Assignment]) -> Ints:
    """Shifts that lack a head, each as often as it lacks one."""
    short = np.maximum(missing_heads(problem, lines), 0)
    return np.repeat(np.arange(len(short)), short)


@dataclass(frozen=True, eq=False)
class _People:
    """All that `line_cost` asks of each person, and the burdens, as arrays by person or by sweep."""

    problem: Problem
    sweep: Ints
    left: Ints
    state: Ints
    opens: Ints
    free_from: Ints
    banned: Bools
    prices: Floats
    shares: tuple[Any, ...]
    """Of each sweep: final, following, day_cost, worked, counting, count_cost, count_final, sort."""
    burdens: tuple[Any, ...]
    """Marks by burden and shift, whether they number weekends, roubles, even shares by person."""

    @classmethod
    def of(cls, problem: Problem, lines: Sequence[Assignment]) -> _People:
        """Lay out a problem for the people of some lines."""
        crews = [problem.crews[line.crew] for line in lines]
        sweep = np.array([problem.sweep_of[line.crew] for line in lines], dtype=np.int64)
        opens = int(problem.slate.midnights[0])
        tails = [line.person.tail.last_end for line in lines]
        days, counts, burdens = problem.days, problem.counts, problem.burdens
        even = [[burden.even.get(line.person.agent_id, np.nan) for line in lines] for burden in burdens]
        return cls(
            problem=problem,
            sweep=sweep,
            left=problem.caps[[line.crew for line in lines]],
            state=np.array(
                [days[s].starts[crew.members[0].agent_id] for s, crew in zip(sweep, crews, strict=True)],
                dtype=np.int64,
            ),
            opens=np.array([crew.limits.opens for crew in crews], dtype=np.int64),
            free_from=np.array([opens if end is None else end for end in tails], dtype=np.int64),
            banned=np.array([crew.limits.banned for crew in crews]),
            prices=np.array([crew.limits.prices for crew in crews]),
            shares=(
                _stacked(problem.final, np.inf),
                _stacked([each.following for each in days], NOBODY),
                _stacked([each.cost for each in days], 0.0),
                _stacked([each.worked for each in days], False),
                _stacked([each.following for each in counts], NOBODY),
                _stacked([each.cost for each in counts], 0.0),
                _stacked([each.final for each in counts], 0.0),
                _stacked([each.sort for each in counts], 0),
            ),
            burdens=(
                np.array([burden.counts for burden in burdens], dtype=np.int64),
                np.array([burden.by_weekend for burden in burdens], dtype=bool),
                np.array([burden.money for burden in burdens], dtype=float),
                np.array(even, dtype=float),
            ),
        )

    def cost(self, person: int, row: Ints) -> float:
        """Roubles of one person's row of the table."""
        return float(row_cost(person, row, np.empty_like(row), *self._figures))

    def anneal(self, work: Ints, opened: Ints, trials: int, heat: float, rng: np.random.Generator) -> int:
        """Try some exchanges on a table in place; return how many of the open shifts are still open."""
        return int(anneal(work, opened, self.problem.missing_cost, trials, heat, rng, *self._figures))

    @property
    def _figures(self) -> tuple[Any, ...]:
        """What the kernels ask of the shifts, the horizon, the people, their sweeps and the burdens."""
        slate, timeline = self.problem.slate, self.problem.timeline
        bounds = np.ascontiguousarray(slate.week_bounds)
        shifts = (slate.start, slate.end, slate.day, slate.kind, timeline.rest_s, timeline.units, bounds)
        horizon = (slate.first, len(slate.dates), *self.problem.crews[0].limits.weekly_rest)
        persons = (self.sweep, self.left, self.state, self.opens, self.free_from, self.banned, self.prices)
        return shifts, horizon, persons, self.shares, self.burdens


def _stacked(parts: Sequence[Any], fill: float) -> Any:
    """Put arrays of different lengths into one, filled up at their ends."""
    shape = np.max([part.shape for part in parts], axis=0)
    return np.stack(
        [
            np.pad(part, [(0, most - own) for most, own in zip(shape, part.shape, strict=True)],
                   constant_values=fill)
            for part in parts
        ]
    )  # fmt: skip
