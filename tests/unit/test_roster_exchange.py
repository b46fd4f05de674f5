"""Exchanges of days: what they cost, what they keep, and what they find."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planning.centre import Centre
from planning.effort import TimeUpError
from planning.errors import PlanningError
from planning.roster.audit import audit
from planning.roster.exchange import Exchanges, day_table, exchange
from planning.roster.frames import problems_of, team_people, wanted_shifts
from planning.roster.improve import first_schedules
from planning.roster.model import build_roster
from planning.roster.people import synthetic_people
from planning.roster.problem import (
    NOTHING,
    Clock,
    Problem,
    RosterSettings,
    Schedule,
    missing_heads,
)
from planning.roster.weeks import repeat_weeks

CENTRE = Centre.load(Path(__file__).parents[2] / "data" / "centre.toml")
MONDAY = pd.Timestamp("2026-11-23", tz="Europe/Moscow")
TEAM = "internet_kaluga"


def weeks(count: int, heads: int = 2) -> pd.DataFrame:
    """Days, evenings and nights of one team."""
    clocks = {"07:00": 8.5, "09:00": 8.5, "13:00": 8.5, "21:00": 11.0}
    rows = [
        {"shift_id": f"{day} {clock}", "site": "kaluga", "team": TEAM, "paid_h": hours - 0.5,
         "start": MONDAY + pd.Timedelta(days=day) + pd.Timedelta(f"{clock}:00"), "headcount": heads}
        for day in range(7) for clock, hours in clocks.items()
    ]  # fmt: skip
    shifts = pd.DataFrame(rows)
    shifts["end"] = shifts["start"] + pd.to_timedelta(shifts["paid_h"] + 0.5, unit="h")
    return repeat_weeks(shifts, count)


def problem_of(count: int, **settings: float) -> Problem:
    """A team's problem, with as many people as its hours need."""
    shifts = weeks(count)
    hours = float(shifts["paid_h"] @ shifts["headcount"]) / count
    staff = synthetic_people(CENTRE, {TEAM: hours}, start=MONDAY, seed=3)
    (each,) = problems_of(
        CENTRE,
        wanted_shifts(shifts, CENTRE),
        team_people(staff),
        RosterSettings(**settings),
    ).values()
    return each.problem


def test_a_row_of_the_table_costs_what_its_schedule_costs() -> None:
    """The kernel's figure for a row is the problem's for the schedule, lawful or not, person by person."""
    problem = problem_of(2)
    schedules, rng = first_schedules(problem), np.random.default_rng(5)
    exchanges, work = Exchanges.of(problem, schedules), day_table(problem, schedules)
    everything, seen = np.arange(len(problem.team_shifts)), set()
    for number, schedule in enumerate(schedules):
        # By and by a day is left out and another one is worked, until no law is left.
        row = work[number]
        for _ in range(12):
            day = int(rng.integers(len(row)))
            row[day] = rng.choice([-1, *everything[problem.team_shifts.day == day]])
            pattern = row[row >= 0]
            expected = problem.schedule_cost(Schedule(schedule.group, schedule.person, pattern))
            assert exchanges.cost(number, row) == pytest.approx(expected)
            seen.add(bool(np.isfinite(expected)))
    assert seen == {True, False}


def test_exchanges_keep_the_heads_and_lower_the_cost() -> None:
    problem = problem_of(2, exchanges=500)
    first = first_schedules(problem)
    costs = [problem.objective(first), *(problem.objective(found) for found in exchange(problem, first))]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < costs[0]
    *_, last = exchange(problem, first)
    assert [schedule.person for schedule in last] == [schedule.person for schedule in first]
    assert np.isfinite([problem.cost(schedule.group, schedule.pattern) for schedule in last]).all()
    before, after = (missing_heads(problem, schedules) for schedules in (first, last))
    assert (after >= 0).all()
    assert after.sum() <= before.sum()


def test_open_shifts_are_given_out() -> None:
    """From nobody at work to nobody missing, by exchanges alone."""
    problem = problem_of(1, exchanges=4000)
    idle = [replace(schedule, pattern=NOTHING) for schedule in first_schedules(problem)]
    *_, last = exchange(problem, idle)
    assert missing_heads(problem, last).sum() == 0


def test_no_trials_and_nobody_are_no_exchanges() -> None:
    problem = problem_of(1, exchanges=0)
    assert list(exchange(problem, first_schedules(problem))) == []
    assert list(exchange(problem, [])) == []


def test_an_interrupted_search_keeps_the_best_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interrupt comes after a few steps of cooling down; what they found is kept, and is lawful."""
    shifts = weeks(1)
    hours = float(shifts["paid_h"] @ shifts["headcount"])
    staff = synthetic_people(CENTRE, {TEAM: hours}, start=MONDAY, seed=3)
    first = build_roster(CENTRE, shifts, staff, settings=RosterSettings(exchanges=0, pricing_rounds=1))
    anneal, calls = Exchanges.anneal, []

    def few(self: object, *rest: object) -> int:
        calls.append(rest)
        if len(calls) > 10:
            raise KeyboardInterrupt
        return anneal(self, *rest)

    monkeypatch.setattr(Exchanges, "anneal", few)
    found = build_roster(CENTRE, shifts, staff)
    assert found.status == "interrupted"
    assert found.objective < first.objective
    assert found.first_s > 0


def test_a_search_ends_with_its_time_and_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time at all is the first roster; time for some pricing is a bound beside it."""
    shifts = weeks(1)
    hours = 0.7 * float(shifts["paid_h"] @ shifts["headcount"])  # so that heads are missing
    staff = synthetic_people(CENTRE, {TEAM: hours}, start=MONDAY, seed=3)
    none = build_roster(CENTRE, shifts, staff, settings=RosterSettings(time_limit_s=0.0))
    assert none.status == "feasible"
    assert none.bound < none.objective
    assert audit(CENTRE, none.roster, staff, horizon=none.horizon).empty

    asked: list[str] = []

    def until_the_eighth_pricing(self: Clock, text: str) -> None:
        asked.append(text)
        if sum(each.startswith("pricing") for each in asked) == 8:
            raise TimeUpError

    monkeypatch.setattr(Clock, "__call__", until_the_eighth_pricing)
    some = build_roster(CENTRE, shifts, staff, settings=RosterSettings(exchanges=0))
    assert asked[-1].startswith("pricing 8")
    assert none.bound < some.bound <= some.objective <= none.objective
    with pytest.raises(PlanningError, match=r"time_limit_s is -1.0, must lie in \[0, inf\)"):
        RosterSettings(time_limit_s=-1)
