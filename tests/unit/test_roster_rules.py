"""Each rule alone: lawful and unlawful lines of 0, 1, 2 and more shifts, before four judges.

The audit (pandas) and CP-SAT's constraints, which only the tests know, share no code with the engine. Its
pricing and its walk along a given line read the same tables in two ways.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks.agreements import ForSome, HoursBetween, MostWeekends, ShiftRequests, ShortestRun
from cp_sat_judge import CpSat

from planning.centre import Centre
from planning.errors import PlanningError
from planning.roster.audit import audit, cases_of
from planning.roster.inputs import CarryOver, Horizon, Person, TeamShifts
from planning.roster.law import rules_of
from planning.roster.problem import Problem, RosterSettings, groups_of
from planning.roster.rotations import Rotations, check_rotations
from planning.roster.rules import (
    DaysInRow,
    DaysOff,
    ForwardTurn,
    FreeDates,
    FreeWeekends,
    Holidays,
    HouseTeam,
    Leave,
    LongestShift,
    NightConsent,
    NightsInRow,
    OneShiftADay,
    PreferredKind,
    Rest,
    Rule,
    Skill,
    SoundShift,
    SteadyStart,
    Successions,
    WeekDays,
    WeeklyRest,
    WholeWeekends,
)
from planning.roster.totals import NumberOfKind, Overtime, PeriodHours

ZONE = "Europe/Moscow"
CENTRE = Centre.load(Path(__file__).parents[2] / "data" / "centre.toml")
ANN = Person("ann", "kaluga", "first_line_kaluga", contract_h_week=40.0, night_ok=True)
NIGHT = {"night_from": timedelta(hours=22), "night_until": timedelta(hours=6), "article": "TK RF 96"}


def at(day: int, clock: str) -> pd.Timestamp:
    """A time in the week of Monday 23 November 2026: day 1 is that Monday; "24:00" is allowed."""
    return pd.Timestamp("2026-11-22", tz=ZONE) + pd.Timedelta(days=day) + pd.Timedelta(f"{clock}:00")


def shift(day: int, start: str, presence_h: float = 8.5, paid_h: float | None = None) -> dict[str, object]:
    """A shift of Ann's team; half an hour of a long presence is the meal."""
    begin = at(day, start)
    paid = presence_h - (0.5 if presence_h > 4 else 0.0) if paid_h is None else paid_h
    return {
        "shift_id": f"{day} {start}", "site": ANN.site, "team": ANN.team, "start": begin,
        "end": begin + pd.Timedelta(hours=presence_h), "paid_h": paid, "night_h": 0.0, "headcount": 1,
    }  # fmt: skip


def on_leave(person: Person, first: pd.Timestamp, after: pd.Timestamp, kind: str = "leave") -> Person:
    return replace(person, **{kind: (int(first.timestamp()), int(after.timestamp()))})


def stamp(seconds: int | None) -> pd.Timestamp:
    return pd.NaT if seconds is None else pd.Timestamp(seconds, unit="s", tz=ZONE)


def people_frame(*people: Person) -> pd.DataFrame:
    """The table of some people."""
    rows = [
        {
            "agent_id": p.agent_id, "site": p.site, "team": p.team, "grade": "operator",
            "contract_h_week": p.contract_h_week, "days_week": p.days_week, "night_ok": p.night_ok,
            "leave_from": stamp(p.leave[0] if p.leave else None),
            "leave_until": stamp(p.leave[1] if p.leave else None),
            "study_from": stamp(p.study[0] if p.study else None),
            "study_until": stamp(p.study[1] if p.study else None),
            "sick": " ".join(p.sick), "blocked": " ".join(p.blocked), "wished_off": " ".join(p.wished_off),
            "prefers": p.prefers,
            "rotation": p.rotation, "rotation_offset": p.rotation_offset,
            "skills": " ".join(p.skills), "last_end": stamp(p.carry_over.last_end),
            "last_kind": p.carry_over.kind, "days_in_row": p.carry_over.days,
            "nights_in_row": p.carry_over.nights, "balance_h": p.carry_over.balance_h,
            "overtime_h": p.carry_over.overtime_h,
        }
        for p in people
    ]  # fmt: skip
    return pd.DataFrame(rows)


def roster_frame(shifts: list[dict[str, object]], agent_id: str = "ann") -> pd.DataFrame:
    return pd.DataFrame(shifts).assign(agent_id=agent_id)


def horizon_of(shifts: list[dict[str, object]]) -> Horizon:
    """Whole weeks from the first Monday on."""
    monday = at(1, "00:00").tz_localize(None)
    days = max([(each["start"].tz_localize(None) - monday).days for each in shifts], default=0)
    return Horizon(monday, monday + pd.Timedelta(days=days // 7 * 7 + 6))


def team_shifts_of(shifts: list[dict[str, object]]) -> TeamShifts:
    """The shifts laid out; where there are none, one that nobody asks for."""
    frame = pd.DataFrame(shifts or [shift(1, "09:00", 1.0)])
    return TeamShifts.of(frame.sort_values(["start", "end"], ignore_index=True), CENTRE, horizon_of(shifts))


def audit_allows(rules: list[Rule], person: Person, shifts: list[dict[str, object]]) -> bool:
    if not shifts:
        return bool(audit(CENTRE, pd.DataFrame(), people_frame(person)).empty)
    frame = roster_frame(shifts, person.agent_id)
    cases = cases_of(CENTRE, frame, people_frame(person), horizon_of(shifts))
    return all(rule.audit(case).empty for rule in rules for case in cases)


def cp_sat_allows(rules: list[Rule], person: Person, shifts: list[dict[str, object]]) -> bool:
    judge = CpSat.of(person, team_shifts_of(shifts), rules)
    return bool(np.isfinite(judge.cost(np.arange(len(shifts)))))


def problem_of(rules: list[Rule], person: Person, shifts: list[dict[str, object]]) -> Problem:
    team_shifts = team_shifts_of(shifts)
    settings = RosterSettings(fair_hour_h=0.0, threads=1)
    return Problem(team_shifts, groups_of(team_shifts, [person], rules), settings, np.zeros(len(team_shifts)))


def pricing_allows(rules: list[Rule], person: Person, shifts: list[dict[str, object]]) -> bool:
    problem = problem_of(rules, person, shifts)
    worth = np.full(len(problem.team_shifts), 1.0 if shifts else -1.0)
    _, ((_, pattern),) = problem.price(worth, problem.team_shifts.headcount, np.array([0]))
    return len(pattern) == len(shifts)


def walk_allows(rules: list[Rule], person: Person, shifts: list[dict[str, object]]) -> bool:
    problem = problem_of(rules, person, shifts)
    return bool(np.isfinite(problem.cost(0, np.arange(len(shifts)))))


JUDGES = (audit_allows, cp_sat_allows, pricing_allows, walk_allows)
SOLVERS = (cp_sat_allows, pricing_allows, walk_allows)
"""Judges that take one shift a day for granted."""


@dataclass(frozen=True)
class Case:
    """A rule, a person, shifts, and whether the rule lets the person work them all."""

    name: str
    rule: Rule
    lawful: bool
    shifts: tuple[dict[str, object], ...] = ()
    person: Person = ANN

    def __str__(self) -> str:
        return f"{self.rule.name}: {self.name}"


REST = Rest(12, article="TK RF 103")
WEEK_REST = WeeklyRest(42, article="TK RF 110")
HOURS = PeriodHours(40, article="TK RF 91")
OVERTIME = Overtime(120, 4, HOURS, article="TK RF 99")
HOLIDAYS = Holidays(CENTRE, article="TK RF 112")
CONSENT = NightConsent(**NIGHT)
DAY_BIRD = replace(ANN, night_ok=False)
AWAY = on_leave(ANN, at(3, "00:00"), at(5, "00:00"))  # Wednesday and Thursday
STUDIES = on_leave(ANN, at(3, "00:00"), at(5, "00:00"), "study")
CAME_LATE = replace(ANN, carry_over=CarryOver(last_end=int(at(0, "22:00").timestamp())))
CAME_AT_DAWN = replace(ANN, carry_over=CarryOver(last_end=int(at(1, "02:00").timestamp())))
CAME_ON_SUNDAY = replace(ANN, carry_over=CarryOver(last_end=int(at(7, "20:00").timestamp())))
CAME_WORKING = replace(ANN, carry_over=CarryOver(days=3))
CAME_AT_NIGHT = replace(ANN, carry_over=CarryOver(days=3, nights=2))
ABLE = replace(ANN, skills=frozenset({"vip", "claims"}))
BLOCKED = replace(ANN, blocked=frozenset({"2026-11-24"}), wished_off=frozenset({"2026-11-24"}))
SICK = replace(ANN, sick=frozenset({"2026-11-24"}))
LIKES_LATE = replace(ANN, prefers="late")
TWICE = Rest(12, twice=True)
NIGHTS = NightsInRow(2, CENTRE)
NO_LATE_EARLY = Successions((("late", "early"),), CENTRE)
STEADY, FORWARD = SteadyStart(2, CENTRE), ForwardTurn(2, CENTRE)
THREE_DAYS, PAIRED = WeekDays(3), WholeWeekends()
CYCLES = {
    "week": ["early"] * 2 + ["off"] * 2 + ["night"] * 2 + ["off"],
    "any": ["work", "work", "off", "off"],
}
TURNS = Rotations(CENTRE.replace({"rotations": {name: {"cycle": days} for name, days in CYCLES.items()}}))
BY_WEEK, A_DAY_AHEAD = (replace(ANN, rotation="week", rotation_offset=ahead) for ahead in (0, 1))
TWO_DAYS_ANN = replace(ANN, days_week=2)
ONE_LATE, EIGHT_LATE = (NumberOfKind("late", 0, most, CENTRE) for most in (1, 8))
TWO_LATE, FROM_ONE_LATE = (NumberOfKind("late", least, None, CENTRE) for least in (2, 1))
A_LATE_WEEK = replace(ONE_LATE, most=4, weeks=4)
TWO_NIGHTS = NumberOfKind("night", 2, None, CENTRE)
SHORT_DAYS = tuple(shift(day, "08:00", hours) for day, hours in ((1, 8.5), (8, 8.25), (15, 8.25), (22, 8.25)))
FOR_ANN = ForSome(frozenset({"ann"}), DaysInRow(1))
TANJA = replace(ANN, contract_h_week=20.0)
# No gap reaches 42 h although there are 20 paid hours and two days off.
RESTLESS = (
    shift(1, "08:00", 4),
    shift(2, "20:00", 4),
    shift(4, "08:00", 4),
    shift(5, "20:00", 4),
    shift(7, "08:00", 4),
)

AFTER = (
    shift(11, "08:00", 4),
    shift(12, "20:00", 4),
    shift(14, "08:00", 4),
)  # no long gap in the second week
CASES = [
    Case("no shift", REST, True),
    Case("one", REST, True, (shift(1, "08:00"),)),
    Case("exactly 12 h", REST, True, (shift(1, "08:00", 11), shift(2, "07:00"))),
    Case("a quarter less than 12 h", REST, False, (shift(1, "08:00", 11), shift(2, "06:45"))),
    Case("after a night", REST, False, (shift(1, "20:00", 11), shift(2, "18:30"))),
    Case("overlap", REST, False, (shift(1, "08:00"), shift(1, "16:00"))),
    Case("one within another", REST, False, (shift(1, "08:00", 11), shift(1, "10:00", 4), shift(3, "08:00"))),
    Case("the same time twice", REST, False, (shift(1, "08:00"), shift(1, "08:00", 9))),
    Case("third too close to the first", REST, False,
         (shift(1, "08:00", 11), shift(1, "09:00", 2), shift(2, "05:00"))),
    Case("no shift", WEEK_REST, True),
    Case("no shift in a week that the days before leave no rest", WEEK_REST, True, (), CAME_ON_SUNDAY),
    Case("the week after one that the days before leave no rest", WEEK_REST, True,
         (shift(9, "08:00"), shift(11, "08:00")), CAME_ON_SUNDAY),
    Case("one", WEEK_REST, True, (shift(4, "08:00"),)),
    Case("one, and a rest that is too long to fit", WeeklyRest(100), False, (shift(4, "08:00"),)),
    Case("two", WeeklyRest(60), True, (shift(3, "12:00"), shift(5, "08:00"))),
    Case("two with a rest that is too short", WeeklyRest(61), False,
         (shift(3, "12:00"), shift(5, "12:00"))),
    Case("exactly 42 h to the week's end", WEEK_REST, True, (*RESTLESS[:3], shift(6, "02:00", 4))),
    Case("a quarter less to the week's end", WEEK_REST, False, (*RESTLESS[:3], shift(6, "02:15", 4))),
    Case("no long gap", WEEK_REST, False, RESTLESS),
    Case("exactly 42 h from the week's start", WEEK_REST, True, (shift(2, "18:00", 4), *RESTLESS[2:])),
    Case("rest over the week's end counts for neither", WEEK_REST, False,
         (*RESTLESS[:4], shift(6, "12:00", 4), shift(8, "08:00", 4))),
    Case("rest from the next week's start", WEEK_REST, True,
         (shift(7, "12:00", 4), shift(9, "18:00", 4), *AFTER)),
    Case("rest from before the next week's start", WEEK_REST, False,
         (shift(7, "12:00", 4), shift(9, "17:45", 4), *AFTER)),
    Case("a night into the next week leaves that week its rest", WEEK_REST, True,
         (shift(7, "20:00", 11), shift(10, "01:00", 4), shift(11, "08:00", 4), shift(12, "16:00", 4),
          shift(14, "08:00", 4))),
    Case("a night into the next week takes from its rest", WEEK_REST, False,
         (shift(7, "20:00", 11), shift(10, "00:45", 4), shift(11, "08:00", 4), shift(12, "16:00", 4),
          shift(14, "00:00", 4), shift(14, "18:00", 4))),
    Case("no shift", HOURS, True),
    Case("one too long for the contract", HOURS, False, (shift(1, "08:00"),),
         replace(ANN, contract_h_week=7.5)),
    Case("two that fill the contract", HOURS, True,
         (shift(1, "08:00", 10.5), shift(2, "10:00", 10.5)), TANJA),
    Case("two above the contract", HOURS, False, (shift(1, "08:00", 10.5), shift(2, "10:00", 10.75)), TANJA),
    Case("two above in two weeks", HOURS, True, (shift(7, "08:00", 10.5), shift(8, "10:00", 10.75)), TANJA),
    Case("a part of a longer normal week", PeriodHours(80), False,
         tuple(shift(day, "08:00", 5) for day in range(1, 6))),
    Case("half hours fit", HOURS, True, (shift(1, "08:00", 8.0), shift(2, "08:00", 8.0)),
         replace(ANN, contract_h_week=15.0)),
    Case("what two days of leave leave", HOURS, True,
         (shift(1, "08:00", 12.5), shift(5, "08:00", 12.5)), AWAY),
    Case("more than leave leaves", HOURS, False,
         (shift(1, "08:00", 8.5), shift(5, "08:00", 8.5), shift(6, "08:00", 8.75)), AWAY),
    Case("more than a sick day leaves", HOURS, False,
         (shift(1, "08:00"), shift(3, "08:00", 12.0), shift(4, "08:00", 12.0), shift(5, "08:00", 4.0)), SICK),
    Case("what a sick day leaves", HOURS, True,
         (shift(1, "08:00"), shift(3, "08:00", 12.0), shift(4, "08:00", 12.0)), SICK),
    Case("leave at the weekend takes nothing", HOURS, True,
         tuple(shift(day, "08:00") for day in range(1, 6)), on_leave(ANN, at(6, "00:00"), at(8, "00:00"))),
    Case("no shift", DaysInRow(0), True),
    Case("one too many", DaysInRow(0), False, (shift(1, "08:00"),)),
    Case("one", DaysInRow(1), True, (shift(1, "08:00"),)),
    Case("two in a row", DaysInRow(1), False, (shift(1, "08:00"), shift(2, "08:00"))),
    Case("two with a day off", DaysInRow(1), True, (shift(1, "08:00"), shift(3, "08:00"))),
    Case("three over the week's end", DaysInRow(2), False,
         (shift(6, "08:00"), shift(7, "08:00"), shift(8, "08:00"))),
    Case("three at the week's end", DaysInRow(2), False,
         (shift(5, "08:00"), shift(6, "08:00"), shift(7, "08:00"))),
    Case("three and one off", DaysInRow(3), True,
         (shift(1, "08:00"), shift(2, "08:00"), shift(3, "08:00"), shift(5, "08:00"))),
    Case("nights count by their start", DaysInRow(2), True,
         (shift(1, "20:00", 11), shift(2, "20:00", 11), shift(4, "20:00", 11))),
    Case("no shift", CONSENT, True, (), DAY_BIRD),
    Case("until the night begins", CONSENT, True, (shift(1, "13:30"),), DAY_BIRD),
    Case("a quarter into the night", CONSENT, False, (shift(1, "13:45"),), DAY_BIRD),
    Case("from the end of the night", CONSENT, True, (shift(1, "06:00"),), DAY_BIRD),
    Case("a quarter before its end", CONSENT, False, (shift(1, "05:45"),), DAY_BIRD),
    Case("a day and a night", CONSENT, False, (shift(1, "09:00"), shift(3, "20:00", 11)), DAY_BIRD),
    Case("with consent", CONSENT, True, (shift(1, "20:00", 11), shift(3, "20:00", 11))),
    Case("no shift", Leave(), True, (), AWAY),
    Case("up to the leave and from its end", Leave(), True, (shift(2, "15:30"), shift(5, "00:00")), AWAY),
    Case("a night into the leave", Leave(), False, (shift(2, "20:00", 11),), AWAY),
    Case("one before, one within", Leave(), False, (shift(1, "08:00", 6.0), shift(4, "08:00", 6.0)), AWAY),
    Case("no shift", LongestShift(12, article="TK RF 94"), True),
    Case("exactly 12 h", LongestShift(12, article="TK RF 94"), True, (shift(1, "08:00", 12.5),)),
    Case("a quarter more", LongestShift(12, article="TK RF 94"), False, (shift(1, "08:00", 12.75),)),
    Case("a short and a long one", LongestShift(12, article="TK RF 94"), False,
         (shift(1, "08:00"), shift(3, "08:00", 12.75))),
    Case("after the last shift before", REST, False, (shift(1, "08:00"),), CAME_LATE),
    Case("12 h after the last shift before", REST, True, (shift(1, "10:00"),), CAME_LATE),
    Case("twice a long shift", TWICE, False, (shift(1, "08:00", 11), shift(2, "16:45"))),
    Case("just twice a long shift", TWICE, True, (shift(1, "08:00", 11), shift(2, "17:00"))),
    Case("a rest that a shift from before cuts", WEEK_REST, False,
         (shift(2, "19:45", 4), *RESTLESS[2:]), CAME_AT_DAWN),
    Case("a rest after a shift from before", WEEK_REST, True,
         (shift(2, "20:00", 4), *RESTLESS[2:]), CAME_AT_DAWN),
    Case("hours worked before, which the quarter has room for", HOURS, True,
         tuple(shift(day, "08:00") for day in range(1, 6)),
         replace(ANN, carry_over=CarryOver(balance_h=0.5))),
    Case("hours that the quarter has no room for", HOURS, False,
         tuple(shift(day, "08:00") for day in range(1, 6)),
         replace(ANN, carry_over=CarryOver(balance_h=184.5))),
    Case("hours owed from before", HOURS, True,
         (*(shift(day, "08:00") for day in range(1, 6)), shift(6, "08:00", 4)),
         replace(ANN, carry_over=CarryOver(balance_h=-4.0))),
    Case("what study leave leaves", HOURS, False,
         (shift(1, "08:00", 12.5), shift(5, "08:00", 12.75)), STUDIES),
    Case("three after three", DaysInRow(5), False,
         (shift(1, "08:00"), shift(2, "08:00"), shift(3, "08:00")), CAME_WORKING),
    Case("two after three", DaysInRow(5), True, (shift(1, "08:00"), shift(2, "08:00")), CAME_WORKING),
    Case("three after three and a day off", DaysInRow(5), True,
         (shift(2, "08:00"), shift(3, "08:00"), shift(4, "08:00")), CAME_WORKING),
    Case("no shift", NIGHTS, True),
    Case("one", NIGHTS, True, (shift(1, "21:00"),)),
    Case("two", NIGHTS, True, (shift(1, "21:00"), shift(2, "21:00"))),
    Case("three", NIGHTS, False, tuple(shift(day, "21:00") for day in (1, 2, 3))),
    Case("three with a late one between", NIGHTS, True,
         (shift(1, "21:00"), shift(2, "17:30", 8.0), shift(3, "21:00"), shift(4, "21:00"))),
    Case("two after two", NIGHTS, False, (shift(1, "21:00"),), CAME_AT_NIGHT),
    Case("a day off after two", NIGHTS, True, (shift(2, "21:00"), shift(3, "21:00")), CAME_AT_NIGHT),
    Case("no shift", DaysOff(2), True),
    Case("one", DaysOff(2), True, (shift(4, "08:00"),)),
    Case("a single day off", DaysOff(2), False, (shift(1, "08:00"), shift(3, "08:00"))),
    Case("two days off", DaysOff(2), True, (shift(1, "08:00"), shift(4, "08:00"))),
    Case("two of three days off", DaysOff(3), False, (shift(1, "08:00"), shift(4, "08:00"))),
    Case("a single day off after work before", DaysOff(2), False, (shift(2, "08:00"),), CAME_WORKING),
    Case("work goes on after work before", DaysOff(2), True, (shift(1, "08:00"),), CAME_WORKING),
    Case("no shift", FreeWeekends(1), True),
    Case("three weekends of four", FreeWeekends(1), True,
         tuple(shift(day, "08:00") for day in (6, 14, 20, 22))),
    Case("all four", FreeWeekends(1), False, tuple(shift(day, "08:00") for day in (6, 14, 20, 28))),
    Case("both days are one weekend", FreeWeekends(2), True,
         tuple(shift(day, "08:00") for day in (6, 7, 20, 21, 22))),
    Case("three where two are to be free", FreeWeekends(2), False,
         tuple(shift(day, "08:00") for day in (6, 13, 21, 22))),
    Case("three where three are to be free", FreeWeekends(3), False,
         tuple(shift(day, "08:00") for day in (6, 13, 22))),
    Case("no shift", MostWeekends(1), True),
    Case("one weekend", MostWeekends(1), True, (shift(6, "08:00"), shift(7, "08:00"))),
    Case("two where one may be worked", MostWeekends(1), False,
         (shift(6, "08:00"), shift(14, "08:00"))),
    Case("no shift", ShortestRun(2), True),
    Case("one at the start of the horizon", ShortestRun(2), True, (shift(1, "08:00"),)),
    Case("one at its end", ShortestRun(2), True, (shift(7, "08:00"),)),
    Case("one within", ShortestRun(2), False, (shift(3, "08:00"),)),
    Case("two within", ShortestRun(2), True, (shift(3, "08:00"), shift(4, "08:00"))),
    Case("two and a single one", ShortestRun(2), False,
         (shift(2, "08:00"), shift(3, "08:00"), shift(5, "08:00"))),
    Case("two of three", ShortestRun(3), False, (shift(3, "08:00"), shift(4, "08:00"))),
    Case("no shift where none is asked", HoursBetween(0, 16), True),
    Case("one that is enough", HoursBetween(8, 16), True, (shift(1, "08:00"),)),
    Case("one that is not enough", HoursBetween(8.25, 16), False, (shift(1, "08:00"),)),
    Case("two that fill it", HoursBetween(8, 16), True, (shift(1, "08:00"), shift(3, "08:00"))),
    Case("two above", HoursBetween(8, 15.75), False, (shift(1, "08:00"), shift(3, "08:00"))),
    Case("enough in four weeks, to the quarter", HoursBetween(31.25, 200), True, SHORT_DAYS),
    Case("a quarter too few in four weeks", HoursBetween(31.5, 200), False, SHORT_DAYS),
    Case("no shift", ONE_LATE, True),
    Case("one late", ONE_LATE, True, (shift(1, "14:00"),)),
    Case("one late and one early", ONE_LATE, True, (shift(1, "14:00"), shift(3, "08:00"))),
    Case("two late", ONE_LATE, False, (shift(1, "14:00"), shift(3, "14:00"))),
    Case("one of a kind that is barred", replace(ONE_LATE, most=0), False, (shift(1, "14:00"),)),
    Case("one late where one is the least", FROM_ONE_LATE, True, (shift(1, "14:00"),)),
    Case("one early where a late one is the least", FROM_ONE_LATE, False, (shift(1, "08:00"),)),
    Case("one late where two are the least", TWO_LATE, False, (shift(1, "14:00"), shift(3, "08:00"))),
    Case("two late where two are the least", TWO_LATE, True, (shift(1, "14:00"), shift(3, "14:00"))),
    Case("three late where two are the least", TWO_LATE, True,
         tuple(shift(day, "14:00") for day in (1, 3, 5))),
    Case("three late between two and two", replace(TWO_LATE, most=2), False,
         tuple(shift(day, "14:00") for day in (1, 3, 5))),
    Case("no shift", A_LATE_WEEK, True),
    Case("one a week of four in four weeks", A_LATE_WEEK, True, (shift(1, "14:00"),)),
    Case("two in one week", A_LATE_WEEK, False, (shift(1, "14:00"), shift(3, "14:00"))),
    Case("two in two weeks", A_LATE_WEEK, True, (shift(1, "14:00"), shift(8, "14:00"))),
    Case("six in four weeks are two in one", replace(A_LATE_WEEK, most=6), True,
         (shift(1, "14:00"), shift(3, "14:00"))),
    Case("less than one a week asks for none", replace(TWO_NIGHTS, weeks=4), True, (shift(1, "08:00"),)),
    Case("nights asked of who may not work them", TWO_NIGHTS, True, (shift(1, "08:00"),), DAY_BIRD),
    Case("nights asked of who may work them", TWO_NIGHTS, False,
         (shift(1, "08:00"), shift(2, "20:00", 11)), ANN),
    Case("no shift", EIGHT_LATE, True),
    Case("eight late", EIGHT_LATE, True, tuple(shift(day, "14:00", 4) for day in range(1, 9))),
    Case("nine late, which is rare", EIGHT_LATE, False,
         tuple(shift(day, "14:00", 4) for day in range(1, 10))),
    Case("no shift", FOR_ANN, True),
    Case("one", FOR_ANN, True, (shift(1, "08:00"),)),
    Case("two in a row", FOR_ANN, False, (shift(1, "08:00"), shift(2, "08:00"))),
    Case("two in a row of somebody else", ForSome(frozenset({"bob"}), DaysInRow(1)), True,
         (shift(1, "08:00"), shift(2, "08:00"))),
    Case("no shift", NO_LATE_EARLY, True),
    Case("one", NO_LATE_EARLY, True, (shift(1, "14:00"),)),
    Case("late, early", NO_LATE_EARLY, False, (shift(1, "13:00", 6), shift(2, "09:00"))),
    Case("early, late", NO_LATE_EARLY, True, (shift(1, "08:00"), shift(2, "13:00"))),
    Case("late, a day off, early", NO_LATE_EARLY, True, (shift(1, "13:00"), shift(3, "08:00"))),
    Case("early after late before", NO_LATE_EARLY, False, (shift(1, "08:00"),),
         replace(ANN, carry_over=CarryOver(days=1, kind="late"))),
    Case("no shift", STEADY, True),
    Case("one", STEADY, True, (shift(1, "08:00"),)),
    Case("one band of two hours", STEADY, True, (shift(1, "08:00"), shift(2, "09:45"))),
    Case("the next band", STEADY, False, (shift(1, "08:00"), shift(2, "10:00"))),
    Case("the band before", STEADY, False, (shift(1, "08:00"), shift(2, "07:45"))),
    Case("another band after a day off", STEADY, False, (shift(1, "08:00"), shift(3, "11:00"))),
    Case("another band after two days off", STEADY, True, (shift(1, "08:00"), shift(4, "11:00"))),
    Case("a night after an early before the horizon", STEADY, True, (shift(1, "20:00", 11),),
         replace(ANN, carry_over=CarryOver(days=1, kind="early"))),
    Case("no shift", FORWARD, True),
    Case("one", FORWARD, True, (shift(1, "08:00"),)),
    Case("five hours later", FORWARD, True, (shift(1, "08:00"), shift(2, "13:00"))),
    Case("the band before", FORWARD, True, (shift(1, "10:00"), shift(2, "08:30"))),
    Case("two bands before", FORWARD, False, (shift(1, "12:00", 4), shift(2, "08:30"))),
    Case("two bands before after a day off", FORWARD, True, (shift(1, "12:00"), shift(3, "08:30"))),
    Case("no shift", TURNS, True, (), BY_WEEK),
    Case("any shift without a rotation", TURNS, True, (shift(3, "14:00"),)),
    Case("the kinds of their days", TURNS, True,
         (shift(1, "08:00"), shift(2, "09:00"), shift(5, "20:00", 11), shift(8, "08:00")), BY_WEEK),
    Case("a late shift on an early day", TURNS, False, (shift(1, "14:00"), shift(2, "08:00")), BY_WEEK),
    Case("a shift on a day off", TURNS, False, (shift(3, "08:00"),), BY_WEEK),
    Case("a night, a day ahead", TURNS, True, (shift(4, "20:00", 11), shift(5, "20:00", 11)), A_DAY_AHEAD),
    Case("a night a day late, a day ahead", TURNS, False, (shift(6, "20:00", 11),), A_DAY_AHEAD),
    Case("no shift", THREE_DAYS, True),
    Case("one", THREE_DAYS, True, (shift(1, "08:00"),)),
    Case("three", THREE_DAYS, True, tuple(shift(day, "08:00") for day in (1, 3, 7))),
    Case("four", THREE_DAYS, False, tuple(shift(day, "08:00") for day in (1, 3, 5, 7))),
    Case("four in two weeks", THREE_DAYS, True, tuple(shift(day, "08:00") for day in (1, 3, 7, 8, 14))),
    Case("four in the second week", THREE_DAYS, False,
         tuple(shift(day, "08:00") for day in (7, 8, 9, 12, 14))),
    Case("two of a contract of two", THREE_DAYS, True, (shift(1, "08:00"), shift(3, "08:00")), TWO_DAYS_ANN),
    Case("three of a contract of two", THREE_DAYS, False,
         tuple(shift(day, "08:00") for day in (1, 3, 7)), TWO_DAYS_ANN),
    Case("no shift", PAIRED, True),
    Case("a working day", PAIRED, True, (shift(1, "08:00"),)),
    Case("both days", PAIRED, True, (shift(6, "08:00"), shift(7, "08:00"))),
    Case("a Saturday", PAIRED, False, (shift(6, "08:00"),)),
    Case("a Sunday", PAIRED, False, (shift(7, "08:00"), shift(8, "08:00"))),
    Case("a Saturday and the next Sunday", PAIRED, False, (shift(6, "08:00"), shift(14, "08:00"))),
    Case("no shift", OneShiftADay(), True),
    Case("one a day", OneShiftADay(), True, (shift(1, "08:00", 4), shift(2, "08:00", 4))),
    Case("two on one day", OneShiftADay(), False, (shift(1, "00:00", 4), shift(1, "20:00", 4))),
    Case("no shift", Skill(), True),
    Case("no skill wanted", Skill(), True, (shift(1, "08:00") | {"skill": ""},)),
    Case("a skill that is lacking", Skill(), False, (shift(1, "08:00") | {"skill": "vip"},)),
    Case("a skill of two", Skill(), True, (shift(1, "08:00") | {"skill": "vip"},), ABLE),
    Case("one of two wants a skill that is lacking", Skill(), False,
         (shift(1, "08:00") | {"skill": ""}, shift(2, "08:00") | {"skill": "vip"})),
    Case("no shift", FreeDates("blocked"), True),
    Case("beside the blocked days", FreeDates("blocked"), True,
         (shift(1, "20:00", 11), shift(3, "08:00")), BLOCKED),
    Case("on a blocked day", FreeDates("blocked"), False, (shift(2, "08:00"),), BLOCKED),
    Case("beside a sick day", FreeDates("sick"), True, (shift(1, "08:00"), shift(3, "08:00")), SICK),
    Case("on a sick day", FreeDates("sick"), False, (shift(2, "08:00"),), SICK),
    Case("on a wished day off", FreeDates("wished_off"), False,
         (shift(1, "08:00"), shift(2, "08:00")), BLOCKED),
    Case("the kind one likes", PreferredKind(CENTRE), True, (shift(1, "14:00"),), LIKES_LATE),
    Case("another kind", PreferredKind(CENTRE), False, (shift(1, "14:00"), shift(2, "09:00", 4)),
         LIKES_LATE),
    Case("no shift", PreferredKind(CENTRE), True, (), LIKES_LATE),
    Case("no shift", Leave(study=True), True, (), STUDIES),
    Case("up to study leave", Leave(study=True), True, (shift(2, "08:00"),), STUDIES),
    Case("in study leave", Leave(study=True), False, (shift(2, "08:00"), shift(3, "08:00")), STUDIES),
    Case("no shift", SoundShift(), True),
    Case("all paid", SoundShift(), True, (shift(1, "08:00", 8, paid_h=8),)),
    Case("more paid than present", SoundShift(), False, (shift(1, "08:00", 8, paid_h=8.25),)),
    Case("a good and a bad one", SoundShift(), False, (shift(1, "08:00"), shift(3, "08:00", 8, paid_h=8.25))),
    Case("no shift", OVERTIME, True),
    Case("one within the norm", OVERTIME, True, (shift(1, "08:00"),)),
    Case("4 h above the norm", OVERTIME, True,
         (shift(1, "08:00", 10.5), shift(2, "10:00", 10.5), shift(4, "08:00", 4)), TANJA),
    Case("a quarter more in two days", OVERTIME, False,
         (shift(1, "08:00", 10.5), shift(2, "10:00", 10.5), shift(4, "08:00", 4.25, paid_h=4.25)), TANJA),
    Case("two that are more together", OVERTIME, False,
         (shift(1, "08:00", 10.5), shift(2, "10:00", 10.5), shift(4, "08:00", 3), shift(5, "08:00", 3)),
         TANJA),
    Case("what is left of the year", OVERTIME, True,
         (shift(1, "08:00", 10.5), shift(2, "10:00", 10.5), shift(4, "08:00", 2)),
         replace(TANJA, carry_over=CarryOver(overtime_h=118.0))),
    Case("more than is left of the year", OVERTIME, False,
         (shift(1, "08:00", 10.5), shift(2, "10:00", 10.5), shift(4, "08:00", 3)),
         replace(TANJA, carry_over=CarryOver(overtime_h=118.0))),
    Case("no shift", HOLIDAYS, True),
    Case("on a day off moved there, up to the midnight before", HOLIDAYS, True, (shift(39, "15:30"),)),
    Case("a night into the holiday", HOLIDAYS, False, (shift(39, "20:00", 11),)),
    Case("one before, one on New Year's Day", HOLIDAYS, False, (shift(37, "08:00"), shift(40, "08:00"))),
    Case("no shift", HouseTeam(), True),
    Case("own team", HouseTeam(), True, (shift(1, "08:00"), shift(2, "08:00"))),
    Case("another team", HouseTeam(), False, (shift(1, "08:00"),), replace(ANN, team="vip_kaluga")),
    Case("another site", HouseTeam(), False, (shift(1, "08:00"), shift(2, "08:00")),
         replace(ANN, site="moscow")),
]  # fmt: skip


def needed(rule: Rule) -> list[Rule]:
    """The rule, and that a person does one thing at a time, which pricing takes for granted."""
    return [rule] if isinstance(rule, Rest) else [rule, Rest(0)]


def doubled(case: Case) -> bool:
    """Whether two of the shifts start on one day."""
    days = [each["start"].date() for each in case.shifts]
    return len(set(days)) < len(days)


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_judge_finds_a_line_lawful_or_not(case: Case, judge) -> None:
    """The audit, CP-SAT, the pricing and the walk agree with the law, case by case."""
    assert judge(needed(case.rule), case.person, list(case.shifts)) is case.lawful


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("case", [case for case in CASES if not case.lawful], ids=str)
def test_nothing_else_catches_what_a_rule_forbids(case: Case, judge) -> None:
    """Without the rule the line passes, so the test above fails if the rule is removed.

    All but the audit take one shift a day for granted, and catch no more than that.
    """
    others = [] if isinstance(case.rule, Rest) else [Rest(0)]
    structural = doubled(case) and judge in SOLVERS
    assert judge(others, case.person, list(case.shifts)) is not structural


OTHERS = {ForSome, HoursBetween, NumberOfKind, MostWeekends, ShortestRun, Successions}
"""Rules that no centre has from the start."""


def test_every_rule_of_the_centre_is_tried_with_nothing_and_with_what_it_forbids() -> None:
    """So that no rule, and neither half of one, can be removed unnoticed."""
    rules = {type(rule) for rule in rules_of(CENTRE)} | OTHERS
    assert rules == {type(case.rule) for case in CASES if not case.lawful}
    assert rules == {type(case.rule) for case in CASES if case.lawful and len(case.shifts) < 2}
    assert rules == {type(case.rule) for case in CASES if len(case.shifts) >= 2}


def test_every_rule_that_asks_who_is_away_is_in_force() -> None:
    """Each kind of leave and each column of dates has its own rule, which its type does not tell."""
    names = [rule.name for rule in rules_of(CENTRE)]
    assert {"leave", "study leave", "blocked day", "wished day off"} <= set(names)
    assert len(names) == len(set(names))
    frame = roster_frame([shift(4, "08:00", 6.0)])
    assert audit(CENTRE, frame, people_frame(STUDIES))["rule"].tolist() == ["study leave"]
    assert audit(CENTRE, frame, people_frame(AWAY))["rule"].tolist() == ["leave"]


def test_overtime_of_the_year_is_bounded() -> None:
    """None, up to the bound, above it; a roster that keeps the norm makes none."""
    rule = Overtime(10.0, 4.0, HOURS, article="TK RF 99")
    week = [shift(day, "08:00") for day in range(1, 6)]
    tired = replace(ANN, carry_over=CarryOver(overtime_h=8.0))
    assert audit_allows([rule], ANN, []) is True
    assert audit_allows([rule], tired, week) is True
    assert audit_allows([rule], tired, [*week, shift(6, "08:00", 2.0)]) is True
    assert audit_allows([rule], tired, [*week, shift(6, "08:00", 2.25)]) is False


def test_overtime_counts_from_where_the_norm_is_used_up() -> None:
    """8 h above 40: in two days in a row too many; on two days apart each has its 4 h."""
    week = [shift(day, "08:00") for day in range(1, 6)]
    for later, lawful in ((7, False), (8, True)):
        shifts = [*week, shift(6, "08:00", 4.0), shift(later, "08:00", 4.0)]
        # The second week asks for nothing, since the horizon ends with the last shift.
        frame, last = roster_frame(shifts), shifts[-1]["start"].tz_localize(None).normalize()
        (case,) = cases_of(CENTRE, frame, people_frame(ANN), Horizon(WEEK_DAY, last))
        breaches = OVERTIME.audit(replace(case, norms=case.norms[:7]))
        assert breaches["amount"].tolist() == ([] if lawful else [8.0])


WEEK_DAY = pd.Timestamp("2026-11-23")
ONLY_HARD = (
    SoundShift, HouseTeam, PeriodHours, HoursBetween, ForSome, Overtime, Rest, OneShiftADay,
)  # fmt: skip
PRICED_BY_THE_WALK = (SteadyStart, ForwardTurn, Successions, WeekDays)
"""Rules whose prices pricing leaves to the exchanges, so that it stays fast; it knows them as bounds."""
SOFT_CASES = [
    case for case in CASES if not case.lawful and not doubled(case) and not isinstance(case.rule, ONLY_HARD)
]


@pytest.mark.parametrize("case", SOFT_CASES, ids=str)
def test_a_soft_rule_is_priced_alike_by_pricing_cp_sat_and_the_walk(case: Case) -> None:
    """Each breach costs its weight; the line is lawful; pricing works it if it earns more."""
    rules = needed(replace(case.rule, weight=7.0))
    shifts = list(case.shifts)
    problem = problem_of(rules, case.person, shifts)
    walked = problem.cost(0, np.arange(len(shifts)))
    assert walked >= 7.0
    assert walked % 7.0 == 0.0
    value, _ = problem.price(np.full(len(shifts), 1000.0), problem.team_shifts.headcount, np.array([0]))
    known = 0.0 if isinstance(case.rule, PRICED_BY_THE_WALK) else walked
    assert problem.priced_cost(0, np.arange(len(shifts))) == known
    assert value[0] == pytest.approx(1000.0 * len(shifts) - known)
    assert CpSat.of(case.person, problem.team_shifts, rules).cost(np.arange(len(shifts))) == walked


def test_bounds_are_rounded_up_only_where_every_price_is_whole() -> None:
    """A shift too many at half a rouble: no roster need cost whole roubles."""
    shifts = [shift(1, "14:00"), shift(3, "14:00")]
    plain = {"fair_night_h": 0.0, "fair_weekend_h": 0.0, "fair_late_h": 0.0}
    for weight, whole in ((7.0, True), (7.5, False)):
        problem = problem_of(needed(replace(ONE_LATE, weight=weight)), ANN, shifts)
        problem = replace(problem, settings=replace(problem.settings, **plain))
        assert problem.whole is whole
        assert problem.certified(6.4) == (7.0 if whole else 6.4)


MONDAY_LATE = {"ann": frozenset({("2026-11-23", "late")})}


FRIDAY_SATURDAY, FRIDAY, SUNDAY = ["fri", "sat"], ["fri"], ["sun"]
SITE_WEEKS = [
    ("a Sunday is no weekend", FRIDAY_SATURDAY, MostWeekends(0), True, (7, 14), ANN),
    ("a Friday is", FRIDAY_SATURDAY, MostWeekends(0), False, (5,), ANN),
    ("both days are one weekend", FRIDAY_SATURDAY, MostWeekends(1), True, (5, 6), ANN),
    ("a Saturday and the next Friday are two", FRIDAY_SATURDAY, MostWeekends(1), False, (6, 12), ANN),
    ("a week from Sunday to Saturday", FRIDAY_SATURDAY, FreeWeekends(4), True, (7, 8, 9), ANN),
    ("a Saturday is no weekend", FRIDAY, MostWeekends(0), True, (6, 7), ANN),
    ("two Fridays", FRIDAY, MostWeekends(1), False, (5, 12), ANN),
    ("a Thursday and a Friday are one", FRIDAY, MostWeekends(1), True, (4, 5), ANN),
    ("a Saturday before a free Sunday", SUNDAY, MostWeekends(0), True, (6, 13), ANN),
    ("two Sundays", SUNDAY, MostWeekends(1), False, (7, 14), ANN),
    ("a Friday's rest counts to its own week", FRIDAY_SATURDAY, WEEK_REST, False, (7, 8, 9, 10, 11, 13), ANN),
    ("two days off at the end of the week", FRIDAY_SATURDAY, WEEK_REST, True, (7, 8, 9, 10, 11), ANN),
]


@pytest.mark.parametrize(("name", "weekend", "rule", "lawful", "days", "person"), SITE_WEEKS)
def test_a_week_ends_with_the_weekend_of_the_site(name, weekend, rule, lawful, days, person, monkeypatch):
    """Whatever days are off, the four judges agree on which weekends are worked and when a week is over."""
    monkeypatch.setitem(globals(), "CENTRE", CENTRE.replace({f"sites.{ANN.site}.weekend": weekend}))
    shifts = [shift(day, "08:00") for day in days]
    assert [judge(needed(rule), person, shifts) for judge in JUDGES] == [lawful] * 4


@pytest.mark.parametrize(("weekend", "first", "lawful"), [(["sun", "mon"], 1, False), (["mon"], 1, True)])
def test_a_weekend_begun_before_the_horizon_is_worked(weekend, first, lawful, monkeypatch) -> None:
    """Who worked on Sunday, the first of two days off, has worked the weekend of which Monday is the rest."""
    monkeypatch.setitem(globals(), "CENTRE", CENTRE.replace({f"sites.{ANN.site}.weekend": weekend}))
    shifts = [shift(first + 1, "08:00")]
    judged = [judge(needed(MostWeekends(0)), CAME_WORKING, shifts) for judge in JUDGES]
    assert judged == [lawful] * 4


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("starts", [(), ("08:00",), ("14:00",), ("08:00", "14:00")])
def test_a_request_is_priced_alike_by_all(wanted: bool, starts: tuple[str, ...]) -> None:
    """A late Monday, wanted or wanted off: no shift, one early, one late, and a late one on another day."""
    rule = ShiftRequests(MONDAY_LATE, CENTRE, wanted, weight=7.0)
    offered = [shift(1, "08:00"), shift(1, "14:00"), shift(2, "14:00")]
    lines = {(): [], ("08:00",): [0], ("14:00",): [1], ("08:00", "14:00"): [0, 2]}
    pattern = np.array(lines[starts], dtype=np.int64)
    asked = 7.0 * ((starts == ("14:00",)) != wanted)
    problem = problem_of(needed(rule), ANN, offered)
    assert problem.cost(0, pattern) == asked
    worth = np.where(np.isin(np.arange(3), pattern), 100.0, -100.0)
    value, ((_, found),) = problem.price(worth, problem.team_shifts.headcount, np.array([0]))
    assert found.tolist() == pattern.tolist()
    assert value[0] == 100.0 * len(pattern) - asked
    assert CpSat.of(ANN, problem.team_shifts, [rule]).cost(pattern) == asked
    worked = [offered[number] for number in pattern] or [shift(3, "08:00")]
    (case,) = cases_of(CENTRE, roster_frame(worked), people_frame(ANN), horizon_of(offered))
    assert 7.0 * len(rule.audit(case)) == asked


def test_a_centre_bounds_the_shifts_of_a_kind() -> None:
    """The most are hard from the start, the fewest soft; both can be made the other."""
    centre = CENTRE.replace({"labour.most_of_kind": {"night": 6}, "labour.least_of_kind": {"late": 2}})
    by_name = {rule.name: rule for rule in rules_of(centre)}
    assert by_name["most night shifts"].weight is None
    assert by_name["fewest late shifts"].weight == 500.0
    weights = {"most night shifts": 70.0, "fewest late shifts": None}
    by_name = {rule.name: rule for rule in rules_of(centre, weights)}
    assert by_name["most night shifts"].weight == 70.0
    assert by_name["fewest late shifts"].weight is None
    with pytest.raises(PlanningError, match="most_of_kind names 'noon', must be one of"):
        CENTRE.replace({"labour.most_of_kind": {"noon": 6}})
    with pytest.raises(
        PlanningError, match=r"least_of_kind.late is 3, must be at most most_of_kind.late, which is 2"
    ):
        CENTRE.replace({"labour.most_of_kind": {"late": 2}, "labour.least_of_kind": {"late": 3}})


def test_weights_make_rules_soft_and_hard() -> None:
    by_name = {rule.name: rule for rule in rules_of(CENTRE, {"days in a row": 500.0, "steady start": None})}
    assert by_name["days in a row"].weight == 500.0
    assert by_name["steady start"].weight is None
    assert by_name["weekly rest"].weight is None
    with pytest.raises(PlanningError, match="it can only be hard"):
        rules_of(CENTRE, {"rest between shifts": 5.0})
    with pytest.raises(PlanningError, match="weights name the rule 'tea'"):
        rules_of(CENTRE, {"tea": 5.0})
    with pytest.raises(PlanningError, match="must be a price >= 0"):
        rules_of(CENTRE, {"weekly rest": -5.0})


@pytest.mark.parametrize("judge", JUDGES)
def test_the_centres_rules_hold_together(judge) -> None:
    """A usual week passes all rules at once, and so do two elements of each kind: no rule blocks another."""
    rules = list(rules_of(CENTRE))
    week = [shift(day, "09:00") for day in (1, 2, 3, 4, 5)]
    assert judge(rules, ANN, week)
    assert judge(rules, ANN, [])
    assert not judge(rules, ANN, [*week, shift(6, "09:00", 2)])
    month = [shift(7 * week + day, "09:00") for week in range(4) for day in (1, 2, 3, 4, 5)]
    assert judge(rules, ANN, month)


def test_a_centre_without_night_consent_has_no_such_rule() -> None:
    centre = CENTRE.replace({"labour.night_consent.value": 0})
    assert "night consent" not in [rule.name for rule in rules_of(centre)]
    assert "night consent" in [rule.name for rule in rules_of(CENTRE)]


def test_rules_take_figures_and_articles_from_the_centre() -> None:
    """Another country is another file."""
    centre = CENTRE.replace({"labour.min_rest_h.value": 24, "labour.min_rest_h.article": "elsewhere"})
    assert Rest(24, article="elsewhere") in rules_of(centre)


def test_audit_measures_a_breach() -> None:
    """A row says which rule and article, who, when, how much, and the bound."""
    frame = roster_frame([shift(1, "08:00", 11), shift(2, "06:00")])
    (row,) = audit(CENTRE, frame, people_frame(ANN)).to_dict("records")
    assert row["rule"] == "rest between shifts"
    assert row["article"] == CENTRE.labour.min_rest_h.article
    assert (row["agent_id"], str(row["date"])) == ("ann", "2026-11-24")
    assert (row["amount"], row["bound"]) == (11.0, 12.0)
    assert row["text"] == "11 h of rest before 2 06:00, at least 12"


def test_audit_judges_a_hand_made_roster_of_strangers_and_nonsense() -> None:
    """Unknown people, other teams, overlaps, doubles and shifts that end before they start are all listed."""
    backwards = shift(5, "08:00", -2, paid_h=1.0)
    mine = roster_frame([shift(1, "08:00"), shift(1, "08:00"), backwards])
    vip = roster_frame([shift(1, "08:00") | {"team": "vip_kaluga"}], "bob")
    stranger = roster_frame([shift(1, "08:00")], "nobody")
    found = audit(CENTRE, pd.concat([mine, vip, stranger]), people_frame(ANN, replace(ANN, agent_id="bob")))
    listed = found.groupby("agent_id")["rule"].agg(sorted).to_dict()
    assert listed == {
        "ann": ["one shift a day", "rest between shifts", "sound shift"],
        "bob": ["own team"],
        "nobody": ["own team"],
    }
    assert found.loc[found["rule"] == "rest between shifts", "amount"].tolist() == [-8.5]
    assert "nobody is not among the people" in found["text"].tolist()


def test_audit_measures_rest_from_the_latest_end() -> None:
    """A short shift within a long one does not end the work."""
    frame = roster_frame([shift(1, "08:00", 11), shift(1, "09:00", 2), shift(2, "05:00", 4)])
    found = audit(CENTRE, frame, people_frame(ANN))
    found = found[found["rule"] == "rest between shifts"]
    assert found[["rule", "amount"]].to_numpy().tolist() == [
        ["rest between shifts", -10.0],
        ["rest between shifts", 10.0],
    ]


def test_audit_reads_what_a_file_holds() -> None:
    """Times as ISO text in another zone are the same roster."""
    frame = roster_frame([shift(1, "08:00", 11), shift(2, "06:45")])
    text = frame.assign(
        **{name: frame[name].dt.tz_convert("UTC").map(lambda t: t.isoformat()) for name in ("start", "end")}
    )
    expected = audit(CENTRE, frame, people_frame(ANN))
    pd.testing.assert_frame_equal(audit(CENTRE, text, people_frame(ANN)), expected)
    assert len(expected) == 1


def test_audit_counts_an_open_ended_leave() -> None:
    """A leave without an end goes on; one without a start always was."""
    people = people_frame(ANN)
    for ends in ({"leave_from": at(2, "00:00")}, {"leave_until": at(6, "00:00")}):
        found = audit(CENTRE, roster_frame([shift(5, "08:00")]), people.assign(**ends))
        assert "leave" in found["rule"].tolist()


def test_audit_refuses_a_roster_that_cannot_be_read() -> None:
    frame = roster_frame([shift(1, "08:00")])
    with pytest.raises(PlanningError, match="column 'paid_h' is missing"):
        audit(CENTRE, frame.drop(columns="paid_h"), people_frame(ANN))
    with pytest.raises(PlanningError, match="row 0: start is"):
        audit(CENTRE, frame.assign(start="Monday"), people_frame(ANN))


def test_audit_loads_no_solver() -> None:
    """The judge must not depend on what it judges."""
    import subprocess
    import sys

    code = "import sys, planning.roster.audit; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"ortools", "planning.roster.patterns", "planning.roster.model"}.isdisjoint(done.stdout.split())


@pytest.mark.parametrize("offset", range(4))
def test_a_cycle_runs_on_over_weeks_alike_for_all_judges(offset: int) -> None:
    """Two days on and two off: a person works the days that their offset says, and no other."""
    rule = Rotations(CENTRE.replace({"rotations": {"twos": {"cycle": ["work", "work", "off", "off"]}}}))
    person = replace(ANN, rotation="twos", rotation_offset=offset)
    monday = pd.Timestamp("2026-11-23").toordinal() - 1
    on = [day for day in range(1, 15) if (monday + day - 1 + offset) % 4 < 2]
    off = next(day for day in range(1, 15) if day not in on)
    for days, lawful in ((on, True), ([off], False)):
        shifts = [shift(day, "08:00", 4) for day in days]
        assert [judge(needed(rule), person, shifts) for judge in JUDGES] == [lawful] * 4


@pytest.mark.parametrize(
    ("cycle", "text"),
    [
        (
            ["early"] * 8 + ["off"] * 2,
            "day 7 is the 7th working day in a row, at most 6 .*; day 8 is the 8th",
        ),
        (["early"], "it has no day off"),
        (["night"] * 5 + ["off"] * 3, "day 5 is the 5th night in a row, at most 4"),
        (["night", "early", "off", "off"], "day 2 is early after a night, which leaves no rest of 12 h"),
    ],
)
def test_a_rotation_that_breaks_the_law_is_refused_day_by_day(cycle: list[str], text: str) -> None:
    with pytest.raises(PlanningError, match=rf"rotations\.bad breaks the labour rules: {text}"):
        rules_of(CENTRE.replace({"rotations": {"bad": {"cycle": cycle}}}))


@pytest.mark.parametrize("cycle", [["early"] * 2 + ["night"] * 2 + ["off"] * 4, ["work"] * 4 + ["off"] * 4])
def test_lawful_rotations_pass(cycle: list[str]) -> None:
    check_rotations(CENTRE.replace({"rotations": {"good": {"cycle": cycle}}}))


def test_a_rotation_names_kinds_and_teams_name_rotations() -> None:
    with pytest.raises(PlanningError, match=r"rotations\.bad\.cycle.*'noon'"):
        CENTRE.replace({"rotations": {"bad": {"cycle": ["noon"]}}})
    with pytest.raises(PlanningError, match=r"rotation.*'turns'"):
        CENTRE.replace({"teams.vip_kaluga.rotation": "turns"})
