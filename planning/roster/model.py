"""Build a roster for all teams by exchanges and by column generation over lawful work patterns.

A first lawful roster is built person by person and week by week (`planning.roster.weeks`), then improved by
exchanges of days (`planning.roster.exchange`). Column generation proves how good it is: a column is
everything that one person works, the master program (`planning.roster.columns`) picks columns so that the
headcounts are met, and pricing (`planning.roster.patterns`) generates columns from its duals. If more heads
are missing than necessary, a dive fixes columns until everybody has one, and searches give a few people new
schedules together (`planning.roster.search`). People with the same options form one group, so the master
program is small. Teams do not share people, so each is a separate problem.

The objective is an amount of money: missing heads at `Pay.unmet_cost_h` per paid hour, contract hours that no
shift fills but are paid, and the prices of the soft rules and of unfairness.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from planning.centre import Centre
from planning.effort import Deadline, TimeUpError
from planning.errors import PlanningError
from planning.roster.frames import (
    Roster,
    TeamProblem,
    problems_of,
    roster_of,
    team_people,
    wanted_shifts,
)
from planning.roster.improve import improved, made_first
from planning.roster.inputs import Horizon, carry_over_at
from planning.roster.law import rules_of
from planning.roster.problem import Clock, Problem, RosterSettings, TeamRoster
from planning.roster.rules import ROUNDING
from planning.roster.why import why_not


def build_roster(
    centre: Centre,
    shifts: pd.DataFrame,
    people: pd.DataFrame,
    *,
    settings: RosterSettings | None = None,
    weights: Mapping[str, float | None] | None = None,
    strict: bool = False,
) -> Roster:
    """Assign shifts to people by the centre's rules, with as few missing heads as possible.

    Parameters
    ----------
    centre : Centre
    shifts : DataFrame
        Columns of `planning.tables.SHIFTS`, over any number of weeks; A column ``night_h`` (paid night hours)
        is used if there is one; otherwise night hours are assumed to contain their share of the unpaid meals.
        A column ``skill`` names the skill that a shift needs besides the team's work.
    people : DataFrame
        Columns of `planning.tables.PEOPLE`.
    settings : RosterSettings, optional
    weights : mapping, optional
        Rules to make soft: see `planning.roster.law.rules_of`.
    strict : bool
        Raise an error, with the reason, if heads are missing.

    Returns
    -------
    Roster
        Always lawful: heads that nobody may lawfully fill are in its ``unmet``. After an interruption from
        the keyboard, the best roster so far.

    Raises
    ------
    PlanningError
        A row of a table is faulty, or names a team that the centre does not have; or `strict` and heads are
        missing.

    Examples
    --------
    >>> centre = Centre.load("data/centre.toml")
    >>> monday = pd.Timestamp("2026-11-23 09:00", tz="Europe/Moscow")
    >>> shift = {"site": "moscow", "team": "vip_moscow", "start": monday}
    >>> shift["end"] = monday + pd.Timedelta("8.5h")
    >>> shifts = pd.DataFrame([shift | {"shift_id": "early", "paid_h": 8.0, "headcount": 2}])
    >>> ann = {"agent_id": "ann", "site": "moscow", "team": "vip_moscow", "grade": "manager"}
    >>> people = pd.DataFrame([ann | {"contract_h_week": 40, "night_ok": False,
    ...                               "leave_from": None, "leave_until": None}])
    >>> found = build_roster(centre, shifts, people)
    >>> found.roster[["agent_id", "shift_id", "paid_h"]].values.tolist()
    [['ann', 'early', 8.0]]
    >>> found.unmet.values.tolist()
    [['early', 1]]
    """
    began = time.process_time()
    settings = settings or RosterSettings()
    rules_of(centre, weights)  # refuses weights that no rule has, before any work
    wanted = wanted_shifts(shifts, centre)
    who = team_people(people)
    _check_teams(centre, wanted, "shifts")
    _check_teams(centre, who, "people")
    _warn_of_stale_ends(centre, who, wanted)
    problems = problems_of(centre, wanted, who, settings, weights=weights)
    _warn_of_misfits({team: each.problem for team, each in problems.items()})
    solved, first_s, whole = _search(problems, settings)
    _check_schedules(problems, solved)
    found = roster_of(wanted, problems, solved, whole)
    found = replace(found, first_s=first_s, seconds=time.process_time() - began)
    if strict and len(found.unmet):
        raise PlanningError(why_not(centre, shifts, people, found.unmet, weights=weights).text)
    return found


def _search(
    problems: Mapping[str, TeamProblem], settings: RosterSettings
) -> tuple[dict[str, TeamRoster], float, bool]:
    """Find first schedules for every team, then better ones.

    Returns
    -------
    solved : dict
        By team.
    first_s : float
        CPU time of the first schedules, seconds.
    whole : bool
        False if the search was interrupted.
    """
    began, deadline = time.process_time(), Deadline(settings.time_limit_s)
    solved = {
        team: TeamRoster(made_first(each.problem, each.rules), each.problem.least_cost)
        for team, each in tqdm(problems.items(), desc="first roster", unit="team", leave=False)
    }
    first_s = time.process_time() - began
    try:
        with tqdm(problems.items(), desc="roster", unit="team", leave=False) as progress:
            for team, each in progress:
                clock = Clock(deadline, partial(_tell, progress, team))
                for better in improved(each.problem, solved[team], clock):
                    solved[team] = better
    except KeyboardInterrupt:
        return solved, first_s, False
    except TimeUpError:
        pass
    return solved, first_s, True


def _check_schedules(problems: Mapping[str, TeamProblem], solved: Mapping[str, TeamRoster]) -> None:
    """Refuse hard rules that require more of somebody than they can lawfully work."""
    for team, each in solved.items():
        for schedule in each.schedules:
            if np.isinf(problems[team].problem.cost(schedule.group, schedule.pattern)):
                raise PlanningError(
                    f"person {schedule.person.agent_id} of {team}: no schedule is found that keeps every "
                    "hard rule; soften a rule that asks for a least number of shifts by a weight"
                )


def _tell(progress: Any, team: str, text: str) -> None:
    progress.set_postfix_str(f"{team}: {text}")


def _warn_of_stale_ends(centre: Centre, people: pd.DataFrame, shifts: pd.DataFrame) -> None:
    """Warn about people whose last shift before the roster cannot be so, and whose carry-over is ignored."""
    if shifts.empty:
        return
    horizon = Horizon.of(pd.DatetimeIndex(shifts["start"]))
    kept = carry_over_at(people, horizon, centre.time_zone)["last_end"]
    stale = people["agent_id"][people["last_end"].notna() & kept.isna()]
    if len(stale):
        warnings.warn(
            f"people: {len(stale)} have a last_end after the first day, {horizon.first:%Y-%m-%d}, or "
            f"during their leave, the first {stale.iloc[0]}: what they carry over is taken as unknown; give "
            "that of the days before this roster (planning.roster.carry_over.carry_on)",
            stacklevel=3,
        )


def _warn_of_misfits(problems: Mapping[str, Problem]) -> None:
    """Warn about teams without people, and about people for whom every shift is too long."""
    alone = [team for team, problem in problems.items() if not problem.groups]
    if alone:
        heads = int(problems[alone[0]].team_shifts.headcount.sum())
        warnings.warn(
            f"people: {alone[0]} has {heads} heads to roster and nobody in the team: add its people, or plan "
            f"without a list of people to see how many to employ ({len(alone)} such teams)",
            stacklevel=3,
        )
    for team, problem in problems.items():
        shortest_h = float(problem.team_shifts.paid_h.min())
        people = [person for group in problem.groups for person in group.members]
        short = [person for person in people if person.contract_h_week < shortest_h - ROUNDING]
        if short:
            warnings.warn(
                f"people: no shift of {team} fits the contracts of {len(short)} people, the first "
                f"{short[0].agent_id}: {short[0].contract_h_week:g} hours a week, and the shortest shift has "
                f"{shortest_h:g}: offer shorter shifts (shifts.lengths_h) or correct the contracts",
                stacklevel=3,
            )


def _check_teams(centre: Centre, frame: pd.DataFrame, name: str) -> None:
    unknown = sorted(set(frame["team"]) - set(centre.teams))
    if unknown:
        raise PlanningError(f"{name} name the team {unknown[0]!r}, must be one of {', '.join(centre.teams)}")
