"""Wellbeing: a doctor on duty at every open hour, and the cost of rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from planning.calendars import axis, day_start, local_day
from planning.checks import number, numbers
from planning.demand.planned import planned_demand
from planning.errors import PlanningError
from planning.pay import agents_cost, hour_cost
from planning.roster.frames import Roster
from planning.roster.inputs import Horizon
from planning.roster.model import build_roster
from planning.roster.staff import hours_owed
from planning.shifts.catalogue import horizon
from planning.shifts.cover import CoverPlan, on_position, requirement_by_team, shift_rows
from planning.shifts.duties_and_waiting import duties
from planning.staffing import requirement
from planning.studies.prices import priced

if TYPE_CHECKING:
    from planning.centre import Centre
    from planning.centre.systems import Wellbeing

_MOST = 20


def duty_shifts(centre: Centre, *, start: date | str, days: int) -> pd.DataFrame:
    """Shifts of the teams with a duty at every open hour (`planning.shifts.duties_and_waiting.duties`).

    Parameters
    ----------
    centre : Centre
    start : date or str
        First local day.
    days : int
        Number of local days.

    Returns
    -------
    DataFrame
        SHIFTS with ``night_h``, one head each.

    Raises
    ------
    PlanningError
        No team is on duty.
    """
    rows = duties(centre, axis(day_start(start, centre.time_zone), days, centre.interval_s))
    if not rows:
        raise PlanningError("no team has duty_h: give it to the doctors' teams in the centre's file")
    numbers = {pattern: number for number, pattern in enumerate(dict.fromkeys(row[2] for row in rows))}
    return shift_rows(centre, rows, numbers)


@dataclass(frozen=True, eq=False)
class Duty:
    """The doctors' duty: how many doctors each site needs, who is on duty when, and the cost."""

    doctors: pd.DataFrame
    """Index team: doctors (the fewest on staff who can fill every duty), paid_h, night_h, idle_h (contract
    hours that no duty fills) and cost, those included."""
    people: pd.DataFrame
    """PEOPLE."""
    roster: Roster
    """Every shift is filled."""


def doctors_on_duty(centre: Centre, shifts: pd.DataFrame, *, week_h: float | None = None) -> Duty:
    """Find the fewest people of each duty team who can fill every duty lawfully, and their roster.

    Parameters
    ----------
    centre : Centre
    shifts : DataFrame
        As `duty_shifts` gives them; over several weeks the burdens can be shared more evenly than over one.
    week_h : float, optional
        Contract hours a week; the normal week by default.

    Returns
    -------
    Duty

    Raises
    ------
    PlanningError
        Twenty people of a team are not enough, because a rule forbids everybody one of the duties.

    Examples
    --------
    >>> from planning import Centre
    >>> centre = Centre.load()
    >>> duty = doctors_on_duty(centre, duty_shifts(centre, start="2026-11-23", days=7))
    >>> duty.doctors["doctors"].to_dict()
    {'doctor_moscow': 3, 'doctor_kaluga': 5}
    """
    contract_h = centre.labour.week_h.value if week_h is None else week_h
    found, people = {}, []
    for team, own in shifts.groupby("team", sort=False):
        staff = _fewest(centre, own, str(team), contract_h)
        found[team] = len(staff), own["paid_h"].sum(), own["night_h"].sum(), own["cost"].sum()
        people.append(staff)
    columns = ["doctors", "paid_h", "night_h", "cost"]
    table = pd.DataFrame.from_dict(found, orient="index", columns=columns).rename_axis("team")
    everybody = pd.concat(people, ignore_index=True)
    owed_h = hours_owed(centre, everybody, Horizon.of(pd.DatetimeIndex(shifts["start"])))
    owed_h = owed_h.groupby(everybody["team"].to_numpy()).sum()
    table["idle_h"] = (owed_h - table["paid_h"]).clip(lower=0.0)
    table["cost"] += table["idle_h"] * [hour_cost(centre, str(team)) for team in table.index]
    return Duty(table, everybody, build_roster(centre, shifts, everybody))


def _fewest(centre: Centre, shifts: pd.DataFrame, team: str, week_h: float) -> pd.DataFrame:
    """Add people until every duty of a team is filled, starting with enough contracts for its hours."""
    weeks = local_day(pd.DatetimeIndex(shifts["start"])).nunique() / 7
    least = max(1, ceil(shifts["paid_h"].sum() / (week_h * weeks) - 1e-9))
    for count in range(least, _MOST + 1):
        staff = _staff(centre, team, count, week_h)
        if build_roster(centre, shifts, staff).unmet.empty:
            return staff
    raise PlanningError(f"{_MOST} people cannot fill every duty of {team}: shorten its duty_h")


def _staff(centre: Centre, team: str, count: int, week_h: float) -> pd.DataFrame:
    """PEOPLE of a duty team, all of whom agreed to nights."""
    return pd.DataFrame(
        {
            "agent_id": [f"{team}_{number + 1:02d}" for number in range(count)],
            "site": centre.teams[team].site,
            "team": team,
            "grade": centre.teams[team].grade,
            "contract_h_week": week_h,
            "night_ok": True,
            "leave_from": None,
            "leave_until": None,
        }
    )


def price_of_rest(centre: Centre, needed: pd.DataFrame, minutes: ArrayLike) -> pd.DataFrame:
    """Price paid minutes of rest in every hour, with the same number of agents on position.

    In each hour of presence m minutes are rest, so n agents on position need ``n / (1 - m / 60)`` present.

    Parameters
    ----------
    centre : Centre
    needed : DataFrame
        REQUIREMENT.
    minutes : array_like
        Minutes of rest per hour, below 60.

    Returns
    -------
    DataFrame
        minutes, present_h (agent-hours), cost, extra_cost (compared with no rest).

    Examples
    --------
    >>> from planning import Centre
    >>> noon = pd.Timestamp("2026-11-23 12:00", tz="Europe/Moscow")
    >>> rows = {"queue": "first_line", "site": "moscow", "interval_start": [noon], "agents": [80]}
    >>> price_of_rest(Centre.load(), pd.DataFrame(rows), [0, 10])["present_h"].tolist()
    [20.0, 24.0]
    """
    rest = numbers("minutes", minutes, high=60.0, open_high=True, remedy="give minutes of rest an hour")
    hours, cost = needed["agents"].sum() * centre.interval_s / 3600, agents_cost(centre, needed)
    more = 1 / (1 - rest / 60)
    columns = {"minutes": rest, "present_h": hours * more, "cost": cost * more}
    return pd.DataFrame(columns).assign(extra_cost=cost * (more - 1))


def free_rest(centre: Centre, plan: CoverPlan, needed: pd.DataFrame, queue: str) -> pd.Series:
    """Minutes of rest per hour that a plan gives already, from the people beyond the requirement.

    Shifts cannot follow the load to the minute, so there is nearly always somebody to spare, whose rest costs
    nothing.

    Parameters
    ----------
    centre : Centre
    plan : CoverPlan
        Cover of `needed`.
    needed : DataFrame
        REQUIREMENT of whole days.
    queue : str

    Returns
    -------
    Series
        Index hour of the day: minutes per hour for each person on position; 0 when somebody is missing.
    """
    rows = needed[needed["queue"] == queue]
    times = horizon(centre, needed)
    need = sum(requirement_by_team(centre, rows, times).values())
    teams = {centre.team_for(queue, site) for site in rows["site"].unique()}
    here = pd.Series(on_position(plan.shifts[plan.shifts["team"].isin(teams)], plan.patterns, times), times)
    spare = (here - need).clip(lower=0)
    hour = times.hour
    minutes = 60 * spare.groupby(hour).sum() / here.groupby(hour).sum().clip(lower=1)
    return minutes.rename("minutes").rename_axis("hour")


def price_of_recovery(
    centre: Centre, demand: pd.DataFrame, queue: str, settings: Wellbeing, seconds: Sequence[float]
) -> pd.DataFrame:
    """Price a pause after every hard call, which lengthens the mean handle time.

    Returns
    -------
    DataFrame
        seconds (of pause), agent_hours, cost, extra_cost (compared with no pause).
    """
    planned = planned_demand(centre, demand)
    own = planned[planned["queue"] == queue]
    needed = {
        pause: requirement(centre, own.assign(aht_s=own["aht_s"] + settings.hard_share * pause))
        for pause in [0.0, *seconds]
    }
    table = priced(centre, queue, needed).loc[list(seconds)].reset_index(names="seconds")
    return table.assign(extra_cost=table["cost"] - agents_cost(centre, needed[0.0]))


def hours_of_the_day(centre: Centre, demand: pd.DataFrame, queue: str) -> pd.DataFrame:
    """How hard each hour is for an agent.

    Returns
    -------
    DataFrame
        Index hour of the day: calls_each (calls that an agent answers in the hour), occupancy, gap_s (mean
        pause of an agent between two calls, seconds).
    """
    planned = planned_demand(centre, demand)
    own = planned[planned["queue"] == queue]
    needed = requirement(centre, own).groupby("interval_start")[["calls", "load_erlangs", "agents"]].sum()
    by_hour = needed.groupby(needed.index.hour).sum().rename_axis("hour")
    agents_h = by_hour["agents"] * centre.interval_s / 3600
    busy_h = by_hour["load_erlangs"] * centre.interval_s / 3600
    return pd.DataFrame(
        {
            "calls_each": by_hour["calls"] / agents_h,
            "occupancy": busy_h / agents_h,
            "gap_s": (agents_h - busy_h) * 3600 / by_hour["calls"].where(by_hour["calls"] > 0, np.nan),
        }
    )


def hard_calls(settings: Wellbeing, most: int) -> pd.DataFrame:
    """Hard calls of an operator in a shift, by chance and spread as evenly as possible.

    By chance: every call is equally likely to be hard, ``Binomial(calls, share)``, because nobody can tell in
    advance. At best evenly: everybody has the mean, rounded up or down.

    Parameters
    ----------
    settings : Wellbeing
    most : int
        Hard calls in a shift that count as bearable.

    Returns
    -------
    DataFrame
        Index rule: mean, sd, p_more (share of operators and shifts with more than `most`).
    """
    from scipy.stats import binom

    law = binom(round(settings.calls_shift), settings.hard_share)
    mean = float(law.mean())
    part = mean - np.floor(mean)
    above = (np.floor(mean) > most) * (1 - part) + (np.ceil(mean) > most) * part
    rows = {
        "by chance": (mean, float(law.std()), float(law.sf(most))),
        "at best evenly": (mean, float(np.sqrt(part * (1 - part))), float(above)),
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "sd", "p_more"]).rename_axis("rule")


def simulate_hard_calls(
    settings: Wellbeing,
    *,
    operators: int,
    occupancy: float,
    fewest_first: bool,
    most: int,
    shifts: int = 20,
    seed: int = 1,
) -> pd.Series:
    """Simulate shifts in which the longest idle operator answers, or the one with the fewest hard calls.

    Nobody knows whether a call is hard before it is answered. So a router can only give fewer of the next
    calls to operators who had more hard ones, and only while several operators are free.

    Parameters
    ----------
    settings : Wellbeing
    operators : int
        On position together.
    occupancy : float
        Calls offered over operators, below 1.
    fewest_first : bool
        Whether the operator with the fewest hard calls answers; otherwise the one idle longest.
    most : int
        Hard calls in a shift that count as bearable.
    shifts, seed : int

    Returns
    -------
    Series
        mean, sd and p_more of the hard calls of an operator in a shift, as in `hard_calls`; calls_sd (of all
        calls of an operator).

    Raises
    ------
    PlanningError
        There are no operators, or the occupancy lets the queue grow without end.
    """
    number("operators", operators, 1.0, remedy="add operators for this load", whole=True)
    number(
        "occupancy", occupancy, 0.0, 1.0, open_low=True, open_high=True, remedy="add operators for this load"
    )
    rng = np.random.default_rng(seed)
    count = round(settings.calls_shift * operators)
    hard, taken = np.zeros((shifts, operators)), np.zeros((shifts, operators))
    for shift in range(shifts):
        arrival = rng.exponential(1 / (operators * occupancy), count).cumsum()
        length, is_hard = rng.exponential(1.0, count), rng.random(count) < settings.hard_share
        until = np.zeros(operators)  # until when an operator is busy, or since when idle
        for at, lasts, bad in zip(arrival, length, is_hard, strict=True):
            free = np.flatnonzero(until <= at)
            if not len(free):
                who = int(until.argmin())
            elif fewest_first:
                who = int(free[np.lexsort((until[free], hard[shift, free]))[0]])
            else:
                who = int(free[until[free].argmin()])
            until[who] = max(until[who], at) + lasts
            hard[shift, who] += bad
            taken[shift, who] += 1
    return pd.Series(
        {"mean": hard.mean(), "sd": hard.std(), "p_more": (hard > most).mean(), "calls_sd": taken.std()}
    )
