"""Long horizons week by week: each week is a separate problem, and begins where the one before ended.

People's hours are divided over the weeks by the days on which they are present. Exchanges over the whole
horizon correct this afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from planning.calendars import on_clock
from planning.checks import Bools, Ints
from planning.roster.inputs import CarryOver, Person, TeamShifts
from planning.roster.problem import NOTHING, Problem, Schedule, grouped, limits_of
from planning.roster.rules import Rule

Solve = Callable[[Problem], list[Schedule]]


def repeat_weeks(shifts: pd.DataFrame, weeks: int) -> pd.DataFrame:
    """Repeat the shifts of a week, which the cover treats as a repeating one.

    Examples
    --------
    >>> start = pd.Timestamp("2026-11-23 09:00", tz="Europe/Moscow")
    >>> week = pd.DataFrame({"shift_id": ["early"], "start": [start], "end": [start + pd.Timedelta("8.5h")]})
    >>> repeat_weeks(week, 2)["shift_id"].tolist()
    ['early', 'early, week 2']
    """
    zone = shifts["start"].dt.tz
    parts = []
    for week in range(weeks):
        # By the local clock, so that a shift at 09:00 stays at 09:00 when clocks change.
        moved = {
            edge: on_clock(
                pd.DatetimeIndex(shifts[edge]).tz_localize(None) + pd.Timedelta(days=7 * week), zone
            )
            for edge in ("start", "end")
        }
        names = shifts["shift_id"] + (f", week {week + 1}" if week else "")
        parts.append(shifts.assign(shift_id=names, **moved))
    return pd.concat(parts, ignore_index=True)


@dataclass
class Life:
    """A person's schedule so far."""

    group: int
    person: Person
    pattern: Ints = field(default_factory=lambda: NOTHING)


def by_weeks(problem: Problem, rules: Sequence[Rule], solve: Solve) -> list[Schedule]:
    """Solve one week after the other, and join the schedules.

    Parameters
    ----------
    problem : Problem
        The whole horizon.
    rules : sequence of Rule
    solve : callable
        Finds the schedules of one week.
    """
    lives = {
        person.agent_id: Life(number, person)
        for number, group in enumerate(problem.groups)
        for person in group.members
    }
    turns = {agent: turn for turn, agent in enumerate(lives)}
    for week in range(problem.team_shifts.weeks):
        shifts = np.flatnonzero(problem.team_shifts.week == week)
        if not len(shifts):
            continue
        team_shifts = _week_of(problem.team_shifts, week, shifts)
        people = [_carried(problem.team_shifts, life, week) for life in lives.values()]

        every = [limits_of(person, team_shifts, rules) for person in people]
        for limits in every:
            life = lives[limits.person.agent_id]
            limits.most_h = _pace(problem, team_shifts, life, week)
            limits.counted = list(_counts_left(problem, life, week, shifts))
            if _weekend_is_due(problem, life, week, turns[limits.person.agent_id]):
                limits.forbid(team_shifts.weekend)
        part = replace(
            problem,
            team_shifts=team_shifts,
            groups=grouped(every),
            unmet_cost=problem.unmet_cost[shifts],
            surplus_cost=None,
        )
        for schedule in solve(part):
            life = lives[schedule.person.agent_id]
            life.pattern = np.concatenate([life.pattern, shifts[schedule.pattern]])
    return [Schedule(life.group, life.person, life.pattern) for life in lives.values()]


def _week_of(team_shifts: TeamShifts, week: int, shifts: Ints) -> TeamShifts:
    """Cut one week out of a team's shifts."""
    first, after = 7 * week, 7 * week + 7
    part, ahead = (
        team_shifts.take(shifts),
        slice(max(first - team_shifts.first, 0), after - team_shifts.first),
    )
    return replace(
        part, day=part.day - first, midnights=team_shifts.midnights[first : after + 1],
        dates=team_shifts.dates[first:after], norms=team_shifts.norms[:, ahead],
        ahead=team_shifts.ahead[ahead.start : ahead.stop + 1], first=max(team_shifts.first - first, 0),
    )  # fmt: skip


def _carried(team_shifts: TeamShifts, life: Life, week: int) -> Person:
    """A person after the weeks before; the hours still to work are their balance."""
    eve = 7 * week - 1
    days = team_shifts.day[life.pattern]
    if eve < team_shifts.first:
        return life.person
    if not len(life.pattern):
        return replace(life.person, carry_over=CarryOver(life.person.carry_over.last_end))
    run = nights = 0
    for shift, day in zip(life.pattern[::-1].tolist(), days[::-1].tolist(), strict=True):
        if day != eve - run:
            break
        nights += int(team_shifts.kind[shift] == team_shifts.night_kind and nights == run)
        run += 1
    if run == eve + 1 - team_shifts.first:  # all days so far, and those before the horizon
        nights += life.person.carry_over.nights if nights == run else 0
        run += life.person.carry_over.days
    last = int(life.pattern[-1])
    kind = team_shifts.kinds[int(team_shifts.kind[last])] if run else ""
    return replace(life.person, carry_over=CarryOver(int(team_shifts.end[last]), run, nights, kind))


def _pace(problem: Problem, team_shifts: TeamShifts, life: Life, week: int) -> float:
    """Hours that a person may work in a week: a part of the hours left, by days present, plus a shift."""
    limits = problem.groups[life.group].limits
    left_h = limits.most_h - float(problem.team_shifts.paid_h[life.pattern].sum())
    present = ~np.bincount(
        problem.team_shifts.day, weights=~limits.banned, minlength=len(problem.team_shifts.dates)
    ).astype(bool)
    there = np.where(present, 0.0, np.maximum(problem.team_shifts.own_norms, 0.5))
    part = there[7 * week : 7 * week + 7].sum() / max(there[7 * week :].sum(), 0.5)
    last = 7 * week + 7 >= len(there)
    return left_h if last else min(left_h, left_h * part + float(team_shifts.paid_h.max()))


def _counts_left(
    problem: Problem, life: Life, week: int, shifts: Ints
) -> Iterator[tuple[Bools, int, int | None, float]]:
    """Bounds of counts for a week: an even part of what is left; one more may be worked."""
    weeks_left = problem.team_shifts.weeks - week
    for mine, least, most, price in problem.groups[life.group].limits.counted:
        had = int(mine[life.pattern].sum())
        left = None if most is None else max(most - had, 0)
        if left is not None and weeks_left > 1:
            left = min(left, left // weeks_left + 1)
        yield mine[shifts], max(least - had, 0) // weeks_left, left, price


def _weekend_is_due(problem: Problem, life: Life, week: int, turn: int) -> bool:
    """Tell whether a person has this weekend off: it is their turn, and they still need free weekends.

    Without turns everybody would work the first weekends, and nobody could work the last one.
    """
    weeks, most = problem.team_shifts.weeks, problem.groups[life.group].limits.weekends[0]
    if most is None or most >= weeks:
        return False
    team_shifts = problem.team_shifts
    worked = team_shifts.week[life.pattern][team_shifts.weekend[life.pattern]]
    had = week - len(np.unique(worked))
    still = weeks - most - had
    return still > 0 and ((turn + week) % weeks < weeks - most or still >= weeks - week)
