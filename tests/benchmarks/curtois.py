"""Reader of the shift-scheduling instances of Curtois and Qu, in the words of `planning.roster`.

Source: T. Curtois, R. Qu, Computational results on new staff scheduling benchmark instances, technical
report, University of Nottingham (2014); instances from schedulingbenchmarks.org.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.agreements import ForSome, HoursBetween, MostWeekends, ShiftRequests, ShortestRun

from planning import Centre
from planning.effort import Deadline, TimeUpError
from planning.roster.improve import first_schedules, improved
from planning.roster.inputs import Person, TeamShifts
from planning.roster.problem import Clock, Problem, RosterSettings, Schedule, TeamRoster, groups_of
from planning.roster.rules import DaysInRow, DaysOff, FreeDates, OneShiftADay, Rule, Successions
from planning.roster.totals import NumberOfKind

FOLDER = Path(__file__).parent / "rostering"
BEST_KNOWN = dict(enumerate([607, 828, 1001, 1716, 1143, 1950, 1056, 1300, 439, 4631, 3443, 4040], start=1))
"""Least objective values published for the instances, by number."""
CENTRE = Centre.load(Path(__file__).parents[2] / "data" / "centre.toml")
MONDAY = pd.Timestamp("2026-11-23")
ARTICLE = "instance"
DAY_S = 86400
TIGHT = RosterSettings(
    gap=0.0, tolerance_h=0.0, fair_hour_h=0.0, fair_night_h=0.0, fair_weekend_h=0.0,
    fair_late_h=0.0, exchanges=0, pricing_rounds=1000, smooth=0.7, dive_rounds=30, dive_step=0.0,
    nearly_whole=0.9, search_people=10, time_limit_s=240.0,
)  # fmt: skip
"""Nothing but the instance's own prices, to the last unit."""

Sections = dict[str, list[list[str]]]


def sections(text: str) -> Sections:
    """Rows of each section, split at commas; schedules that begin with # are comments."""
    found: Sections = defaultdict(list)
    name = ""
    for schedule in text.splitlines():
        if schedule.startswith("SECTION_"):
            name = schedule.removeprefix("SECTION_").strip()
        elif schedule.strip() and not schedule.startswith("#"):
            found[name].append([part.strip() for part in schedule.split(",")])
    return found


@dataclass(frozen=True, eq=False)
class Instance:
    """An instance as rules, people and a team_shifts."""

    team_shifts: TeamShifts
    people: tuple[Person, ...]
    rules: tuple[Rule, ...]
    under: np.ndarray
    """Price of a head too few on each shift of the team_shifts."""
    over: np.ndarray
    """Price of a head too many."""

    def problem(self, settings: RosterSettings = TIGHT) -> Problem:
        """The instance as the roster's solver sees it."""
        groups = groups_of(self.team_shifts, self.people, self.rules)
        return Problem(self.team_shifts, groups, settings, self.under, surplus_cost=self.over)


def read(text: str) -> Instance:
    """Express an instance's text by rules."""
    facts = sections(text)
    kinds = [row[0] for row in facts["SHIFTS"]]
    dates = pd.date_range(MONDAY, periods=int(facts["HORIZON"][0][0]))
    team_shifts, under, over = _team_shifts(facts, kinds, dates)
    off = {row[0]: row[1:] for row in facts["DAYS_OFF"]}
    people = tuple(
        Person(
            row[0], team_shifts.site, team_shifts.team, 40.0, True,
            blocked=frozenset(team_shifts.dates[int(day)] for day in off.get(row[0], ())),
        )
        for row in facts["STAFF"]
    )  # fmt: skip
    pairs = tuple((row[0], after) for row in facts["SHIFTS"] for after in row[2].split("|") if after)
    rules = [
        OneShiftADay(),
        FreeDates("blocked"),
        Successions(pairs, CENTRE, article=ARTICLE),
        *_contracts(facts["STAFF"]),
        *_requests(facts["SHIFT_ON_REQUESTS"], team_shifts.dates, wanted=True),
        *_requests(facts["SHIFT_OFF_REQUESTS"], team_shifts.dates, wanted=False),
    ]
    return Instance(team_shifts, people, tuple(rules), under, over)


def _team_shifts(
    facts: Sections, kinds: list[str], dates: pd.DatetimeIndex
) -> tuple[TeamShifts, np.ndarray, np.ndarray]:
    """The shifts, all from midnight: their rest is what the successions say; and the prices of the cover."""
    minutes = {row[0]: int(row[1]) for row in facts["SHIFTS"]}
    cover = sorted(facts["COVER"], key=lambda row: (int(row[0]), kinds.index(row[1])))
    day, heads, under, over = (np.array([int(row[i]) for row in cover]) for i in (0, 2, 3, 4))
    kind = np.array([kinds.index(row[1]) for row in cover])
    paid_min = np.array([minutes[row[1]] for row in cover])
    midnights = np.arange(len(dates) + 1) * DAY_S + int(MONDAY.timestamp())
    start = midnights[day]
    team_shifts = TeamShifts(
        weekend_days=2,
        site="ward", team="ward", start=start, end=start + 60 * paid_min, paid_h=paid_min / 60,
        headcount=heads, night=np.zeros(len(day), dtype=bool), kind=kind, band=np.full(len(day), -1), day=day,
        skill=np.full(len(day), ""), midnights=midnights, first=0, week_h=40.0,
        ahead=midnights, norms=np.zeros((3, len(dates))),
        dates=tuple(f"{date:%Y-%m-%d}" for date in dates), kinds=tuple(kinds),
    )  # fmt: skip
    return team_shifts, under.astype(float), over.astype(float)


def _contracts(staff: list[list[str]]) -> list[Rule]:
    """What each person's contract says; people with the same figure share a rule."""
    sharing: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for agent, most_of, most_min, least_min, run, least_run, off, weekends in staff:
        kinds = [part.split("=") for part in most_of.split("|")]
        for figures in (
            *((number_of_kind, kind, 0, int(most)) for kind, most in kinds),
            (HoursBetween, int(least_min) / 60, int(most_min) / 60),
            (DaysInRow, int(run)),
            (ShortestRun, int(least_run)),
            (DaysOff, int(off)),
            (MostWeekends, int(weekends)),
        ):
            sharing[figures].add(agent)
    return [
        ForSome(frozenset(agents), rule(*figures, article=ARTICLE))
        for (rule, *figures), agents in sharing.items()
    ]


number_of_kind = partial(NumberOfKind, centre=CENTRE)


def _requests(rows: list[list[str]], dates: tuple[str, ...], *, wanted: bool) -> list[Rule]:
    """A rule for each weight."""
    wishes: dict[float, dict[str, set[tuple[str, str]]]] = defaultdict(lambda: defaultdict(set))
    for agent, day, kind, weight in rows:
        wishes[float(weight)][agent].add((dates[int(day)], kind))
    return [
        ShiftRequests({agent: frozenset(each) for agent, each in own.items()}, CENTRE, wanted, weight=weight)
        for weight, own in wishes.items()
    ]


def roster_of(instance: Instance, schedules: Sequence[Schedule]) -> dict[str, dict[int, str]]:
    """Shift of each person on each day that they work."""
    team_shifts = instance.team_shifts
    return {
        schedule.person.agent_id: {
            int(team_shifts.day[s]): team_shifts.kinds[team_shifts.kind[s]] for s in schedule.pattern.tolist()
        }
        for schedule in schedules
    }


def best_schedules(problem: Problem) -> tuple[list[Schedule], float]:
    """Find schedules for everybody with the engine of `build_roster`, and what none can cost less than."""
    found, clock = (
        TeamRoster(first_schedules(problem), -np.inf),
        Clock(Deadline(problem.settings.time_limit_s)),
    )
    with suppress(TimeUpError):
        for better in improved(problem, found, clock):
            found = better
    return found.schedules, problem.certified(found.bound)
