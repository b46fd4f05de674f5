"""Improve a roster by exchanges: two people exchange some days, or somebody takes an open shift.

Column generation covers the shifts and keeps the law, but it ignores how nights, weekends and late ends are
shared. Here a roster is a table of people by days, so an exchange is cheap to try: a million take a few
seconds. Some exchanges that cost money are kept, less and less often, so that the search does not stop at the
first local optimum.

Source: S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi, Optimization by simulated annealing, Science 220 (1983).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from planning.checks import Bools, Floats, Ints
from planning.roster.kernels import NOBODY, anneal, row_cost
from planning.roster.problem import Problem, Schedule, missing_heads

HOT, COLD = 60.0, 1.0
"""Loss of money that is accepted with probability 1/e, at the start and at the end."""
ROUNDS = 20
"""Steps in which that falls; the search can be interrupted after each."""


def exchange(
    problem: Problem, schedules: Sequence[Schedule], tell: Callable[[str], None] = lambda _: None
) -> Iterator[list[Schedule]]:
    """Exchange days between people, and give them open shifts, if that improves the roster.

    Parameters
    ----------
    problem : Problem
        A problem in which no shift may have too many people.
    schedules : sequence of Schedule
        A lawful schedule for everybody.
    tell : callable
        Called with a text about the progress.

    Yields
    ------
    list of Schedule
        The schedules in the same order, yielded each time `Problem.objective` improves; nothing if it never
        does.
    """
    trials = problem.settings.exchanges * len(schedules) // ROUNDS
    if not trials:
        return
    exchanges, rng = Exchanges.of(problem, schedules), np.random.default_rng(problem.settings.seed)
    work, opened = day_table(problem, schedules), _open(problem, schedules)
    best = problem.objective(schedules)
    for heat in np.geomspace(HOT, COLD, ROUNDS).tolist():
        opened = opened[: exchanges.anneal(work, opened, trials, heat, rng)]
        found = _schedules(schedules, work)
        value = problem.objective(found)
        tell(f"exchanges, objective {value:,.0f}")
        if value < best - 1e-6:
            best = value
            yield found


def day_table(problem: Problem, schedules: Sequence[Schedule]) -> Ints:
    """Shift of each person on each day, shape (people, days); NOBODY on days off."""
    work = np.full((len(schedules), len(problem.team_shifts.dates)), NOBODY, dtype=np.int64)
    for row, schedule in zip(work, schedules, strict=True):
        row[problem.team_shifts.day[schedule.pattern]] = schedule.pattern
    return work


def _schedules(schedules: Sequence[Schedule], work: Ints) -> list[Schedule]:
    return [
        Schedule(schedule.group, schedule.person, row[row >= 0])
        for schedule, row in zip(schedules, work, strict=True)
    ]


def _open(problem: Problem, schedules: Sequence[Schedule]) -> Ints:
    """Shifts that lack heads, each repeated once per missing head."""
    short = np.maximum(missing_heads(problem, schedules), 0)
    return np.repeat(np.arange(len(short)), short)


@dataclass(frozen=True, eq=False)
class Exchanges:
    """Exchanges on a table of people by days, and what a row of it costs.

    All that the kernels need of each person, and the burdens, as arrays by person or by batch.
    """

    problem: Problem
    batch: Ints
    left: Ints
    state: Ints
    opens: Ints
    free_from: Ints
    banned: Bools
    prices: Floats
    shares: tuple[Any, ...]
    """For each batch: final, following, day_cost, worked, counting, count_cost, count_final, sort."""
    burdens: tuple[Any, ...]
    """Marks by burden and shift, whether they number weekends, prices, even shares by person."""

    @classmethod
    def of(cls, problem: Problem, schedules: Sequence[Schedule]) -> Exchanges:
        """Set up the tables for the people of some schedules."""
        groups = [problem.groups[schedule.group] for schedule in schedules]
        batch = np.array([problem.batch_of[schedule.group] for schedule in schedules], dtype=np.int64)
        opens = int(problem.team_shifts.midnights[0])
        last_ends = [schedule.person.carry_over.last_end for schedule in schedules]
        days, counts, burdens = problem.days, problem.counts, problem.burdens
        even = [
            [burden.even.get(schedule.person.agent_id, np.nan) for schedule in schedules]
            for burden in burdens
        ]
        return cls(
            problem=problem,
            batch=batch,
            left=problem.caps[[schedule.group for schedule in schedules]],
            state=np.array(
                [days[s].starts[group.members[0].agent_id] for s, group in zip(batch, groups, strict=True)],
                dtype=np.int64,
            ),
            opens=np.array([group.limits.opens for group in groups], dtype=np.int64),
            free_from=np.array([opens if end is None else end for end in last_ends], dtype=np.int64),
            banned=np.array([group.limits.banned for group in groups]),
            prices=np.array([group.limits.prices for group in groups]),
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
        """Cost of one person's row of the table."""
        return float(row_cost(person, row, np.empty_like(row), *self._figures))

    def anneal(self, work: Ints, opened: Ints, trials: int, heat: float, rng: np.random.Generator) -> int:
        """Try exchanges on a table, in place; return how many of the open shifts are still open."""
        return int(anneal(work, opened, self.problem.missing_cost, trials, heat, rng, *self._figures))

    @property
    def _figures(self) -> tuple[Any, ...]:
        """What the kernels need of the shifts, the horizon, the people, their batches and the burdens."""
        team_shifts, timeline = self.problem.team_shifts, self.problem.timeline
        bounds = np.ascontiguousarray(team_shifts.week_bounds)
        shifts = (
            team_shifts.start,
            team_shifts.end,
            team_shifts.day,
            team_shifts.letter,
            timeline.rest_s,
            timeline.units,
            bounds,
        )
        horizon = (team_shifts.first, len(team_shifts.dates), *self.problem.groups[0].limits.weekly_rest)
        persons = (self.batch, self.left, self.state, self.opens, self.free_from, self.banned, self.prices)
        return shifts, horizon, persons, self.shares, self.burdens


def _stacked(parts: Sequence[Any], fill: float) -> Any:
    """Stack arrays of different lengths, padded at their ends."""
    shape = np.max([part.shape for part in parts], axis=0)
    return np.stack(
        [
            np.pad(part, [(0, most - own) for most, own in zip(shape, part.shape, strict=True)],
                   constant_values=fill)
            for part in parts
        ]
    )  # fmt: skip
