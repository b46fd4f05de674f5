"""What people can work by their contracts and the law: those there are, or those to employ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import floor, inf, isfinite
from typing import Any

import numpy as np
import pandas as pd

from planning.calendars import kinds_of, local_day, local_times, on_clock
from planning.centre import Centre
from planning.checks import Bools
from planning.errors import PlanningError
from planning.pay import hour_cost, premium_hours
from planning.roster.frames import Roster, TeamProblem, problems_of, team_people
from planning.roster.inputs import Horizon
from planning.roster.model import build_roster
from planning.roster.people import people_to_employ
from planning.roster.problem import RosterSettings
from planning.roster.staff import hours_owed
from planning.shifts import CoverPlan, cover_again, cover_all, horizon, parse_shift, shapes
from planning.shifts.contracts import DAYS, EMPLOYED, TOTALS, Class, Contracts, Join
from planning.shifts.groups import linked
from planning.systems.careers import cost_of_careers
from planning.tables import PEOPLE

SLACK = 0.05
"""Part of the hours of those to employ that whole shifts may not fill."""
AGAIN = 3
"""How often teams that lack heads in the roster are covered again."""
UNFILLED = 0.01
"""Part of a team's shifts, in whole shifts, that rests and weekends leave unworked: an assumption."""
HOUR = pd.Timedelta(hours=1)
_WANTED = 1e6
"""Value of a shift that is asked for, above the price of any wish."""


def contracts_of(
    centre: Centre,
    people: pd.DataFrame | None,
    times: pd.DatetimeIndex,
    hire: Mapping[str, float] | None = None,
    move: Mapping[tuple[str, str], float] | None = None,
) -> Contracts:
    """Find what the people there are can work over some days, by the rules of the roster.

    Parameters
    ----------
    centre : Centre
    people : DataFrame, optional
        PEOPLE; without them there is nobody yet.
    times : DatetimeIndex
        Intervals of whole days.
    hire : mapping, optional
        Teams that may also employ full-time people, and the most each may employ; by default nobody, or if
        nobody is there yet, every team that answers something as many as it needs. A person employed works at
        most the usual days and hours of a week, less some slack, and has some weekends off. The price is that
        of the contract, with turnover and the share of a leader where the centre describes its careers.
    move : mapping, optional
        By (team, other team of its site): the most people who may move. Those who have the team's most usual
        contract and can come on every day may. The price is the training (``teams.NAME.training_month``) and
        the difference in pay, at least that of one hour, so that nobody moves for nothing.

    Returns
    -------
    Contracts
        The norm of the period less leave bounds the hours, the days of a contract's week the shifts, and
        leave, blocked dates and consent to night work the heads of a day.

    Raises
    ------
    PlanningError
        `hire` or `move` names an unknown team, or no whole number of people; or people cannot move so.

    Examples
    --------
    >>> from planning import axis
    >>> centre = Centre.load("data/centre.toml")
    >>> people = pd.DataFrame([{"agent_id": "ann", "site": "kaluga", "team": "vip_kaluga", "grade": "manager",
    ...                         "contract_h_week": 40.0, "night_ok": False}])
    >>> week = axis(pd.Timestamp("2026-11-23", tz="Europe/Moscow"), 7, 900)
    >>> contracts_of(centre, people, week).teams.loc["vip_kaluga"].to_dict()
    {'people': 1.0, 'owed_h': 40.0, 'hours': 40.0, 'shifts': 5.0}
    """
    hire = _may_employ(centre, people, hire)
    people = pd.DataFrame(columns=list(PEOPLE.columns)) if people is None else people
    days, problems = local_day(times).unique(), {}
    if len(people):
        who = team_people(people)
        probes = _probes(centre, [team for team in centre.teams if team in set(who["team"])], who, days)
        problems = problems_of(centre, probes, who, RosterSettings())
    lengths = {team: _lengths_h(centre, team) for team in problems}
    able = {team: _able(each, len(days), min(lengths[team])) for team, each in problems.items()}
    heads = [_heads(centre, team, each.problem.sizes, able[team], days) for team, each in problems.items()]
    usual = {team: _days_week(centre, team) for team in problems}
    held = {team: _held(each, able[team], lengths[team], usual[team]) for team, each in problems.items()}
    day_h = {team: _day_h(each, usual[team]) for team, each in problems.items()}
    new = {(EMPLOYED, team): _hire(centre, team, most, len(days)) for team, most in hire.items()}
    for (before, after), most in (move or {}).items():
        _check_move(centre, before, after, most)
        if before in problems:
            parts = problems[before], able[before], lengths[before], usual[before], most
            new[before, after] = _move(centre, before, after, *parts)
    for team in dict.fromkeys(after for _, after in new if after not in problems):
        nobody, labour = np.zeros((0, 2, len(days)), bool), centre.at(centre.teams[team].site).labour
        heads.append(_heads(centre, team, np.zeros(0), Able((("", False), ("", True)), nobody), days))
        held[team], day_h[team] = (0.0, 0.0, 0.0), np.array([labour.week_h.value / labour.days_week.value])
    totals = pd.DataFrame.from_dict(held, orient="index", columns=["people", "hours", "shifts"])
    if problems:
        owed_h = hours_owed(centre, people, Horizon.of(times))
        totals["owed_h"] = owed_h.groupby(people.set_index("agent_id")["team"]).sum()
    return Contracts(
        teams=totals.reindex(columns=TOTALS).fillna(0.0).astype("float64"),
        days=pd.concat(heads, ignore_index=True) if heads else pd.DataFrame(columns=DAYS),
        day_h=day_h,
        joins=new,
    )


def cover_by_people(
    centre: Centre,
    requirement: pd.DataFrame,
    people: pd.DataFrame | None = None,
    *,
    hire: Mapping[str, float] | None = None,
    move: Mapping[tuple[str, str], float] | None = None,
    contracts: Contracts | None = None,
    **options: Any,
) -> tuple[CoverPlan, pd.DataFrame]:
    """Cover a requirement with the shifts that the people there are can work, or with people to employ.

    Parameters
    ----------
    centre : Centre
    requirement : DataFrame
        REQUIREMENT of whole days.
    people : DataFrame, optional
        PEOPLE; without them every team employs as many as it needs.
    hire : mapping, optional
        The most people that teams may employ beside those there are.
    move : mapping, optional
        The most people who may move, by (team, other team), as `contracts_of` takes it.
    contracts : Contracts, optional
        Those of these people, `hire` and `move` in these days, if they are known already.
    **options
        As for `planning.shifts.cover_all`.

    Returns
    -------
    cover : CoverPlan
    people : DataFrame
        PEOPLE: those given, moved where the plan moves them, and those to employ.
    """
    if contracts is None:
        contracts = contracts_of(centre, people, horizon(centre, requirement), hire, move)
    made = cover_all(centre, requirement, contracts=contracts, **options)
    if people is None:
        return made, people_to_employ(centre, made.shifts, made.hired)
    return made, _with_new(centre, _moved(centre, people, contracts, made), made.hired)


def cover_and_roster(
    centre: Centre,
    requirement: pd.DataFrame,
    people: pd.DataFrame | None = None,
    *,
    hire: Mapping[str, float] | None = None,
    move: Mapping[tuple[str, str], float] | None = None,
    first: tuple[CoverPlan, pd.DataFrame] | None = None,
) -> tuple[CoverPlan, pd.DataFrame, Roster]:
    """Cover a requirement and give the shifts to people; cover again what nobody could be found for.

    The contracts do not know all that a roster must keep, such as runs of days that began before it. So teams
    that lack heads are covered again with no more shifts than people were found for, which are then longer or
    at other times; the best plan is kept.

    Parameters
    ----------
    centre, requirement, people, hire, move
        As for `cover_by_people`.
    first : (CoverPlan, DataFrame), optional
        What `cover_by_people` gives for them, if it is known already.

    Returns
    -------
    cover : CoverPlan
    people : DataFrame
    roster : Roster
    """
    hire = _may_employ(centre, people, hire)
    made, staff = first or cover_by_people(centre, requirement, people, hire=hire, move=move)
    roster, times = build_roster(centre, made.shifts, staff), horizon(centre, requirement)
    if roster.unmet.empty:
        return made, staff, roster
    held = contracts_of(centre, staff, times, _left(hire, made.hired))
    trial, found, now, best, least_h = made, roster, staff, (made, staff), _lacking_h(centre, made, roster)
    for _ in range(AGAIN):
        held = _found_people(held, trial, found)
        short = _unfilled(trial, found)["team"].unique()
        before, trial = trial, cover_again(centre, requirement, trial, short, held)
        if trial is before:  # only teams that work in whole shifts lack heads
            break
        if new := {team: count - before.hired.get(team, 0) for team, count in trial.hired.items()}:
            now = _with_new(centre, now, new)
            held = contracts_of(centre, now, times, _left(hire, trial.hired))
        changed = linked(centre, requirement, short)[1].union(short)
        own = trial.shifts["team"].isin(changed)
        found = build_roster(centre, trial.shifts[own], now[now["team"].isin(changed)])
        lacking_h = _lacking_h(centre, trial, found)
        if lacking_h < least_h:
            best, least_h = (trial, now), lacking_h
        if found.unmet.empty:
            break
    if best[0] is made:
        return made, staff, roster
    return *best, build_roster(centre, best[0].shifts, best[1])


def _may_employ(
    centre: Centre, people: pd.DataFrame | None, hire: Mapping[str, float] | None
) -> Mapping[str, float]:
    """The most people that teams may employ: nobody, unless it is said or nobody is there."""
    if people is None and hire is None:
        return {name: inf for name, team in centre.teams.items() if team.queues}
    return hire or {}


def _left(hire: Mapping[str, float], hired: Mapping[str, int]) -> dict[str, float]:
    """The most people that teams may still employ."""
    return {team: most - hired.get(team, 0) for team, most in hire.items()}


def _with_new(centre: Centre, people: pd.DataFrame, hired: Mapping[str, int]) -> pd.DataFrame:
    """Add people who are employed beside those there are."""
    new = people_to_employ(centre, heads=hired, beside=people)
    return pd.concat([people, new], ignore_index=True) if len(new) else people


def _unfilled(made: CoverPlan, roster: Roster) -> pd.DataFrame:
    """Shifts that lack heads: as in `made`, and the missing heads."""
    return roster.unmet.merge(made.shifts, on="shift_id")


def _found_people(held: Contracts, made: CoverPlan, roster: Roster) -> Contracts:
    """Contracts with no more shifts than a roster found people for, where it lacks some."""
    lacks = _unfilled(made, roster).groupby("team")["missing"].sum()
    found = made.shifts.groupby("team")["headcount"].sum().sub(lacks).dropna()
    most = held.teams["shifts"].clip(upper=found.reindex(held.teams.index).fillna(np.inf))
    return replace(held, teams=held.teams.assign(shifts=most))


def _lacking_h(centre: Centre, made: CoverPlan, roster: Roster) -> float:
    """Hours that are not covered or that nobody works."""
    short = _unfilled(made, roster)
    unworked_h = (short["missing"] * short["paid_h"]).sum()
    return float(unworked_h + made.unmet["missing"].sum() * centre.interval_s / 3600)


def _moved(centre: Centre, people: pd.DataFrame, contracts: Contracts, made: CoverPlan) -> pd.DataFrame:
    """Put people into the teams to which a plan moves them; a rotation of the team before no longer holds."""
    left: dict[str, list[str]] = {}
    people = people.copy()
    for (before, after), count in made.moved.items():
        free = left.setdefault(before, list(contracts.joins[before, after].people))
        who = people["agent_id"].isin(free[:count])
        del free[:count]
        people.loc[who, ["team", "grade"]] = after, centre.teams[after].grade
        if "rotation" in people:
            people.loc[who, "rotation"] = None
    return people


def _check_move(centre: Centre, before: str, after: str, most: float) -> None:
    """Refuse a move that cannot be."""
    name = f"move[{before!r}, {after!r}]"
    for team in (before, after):
        if team not in centre.teams or not centre.teams[team].queues:
            can = ", ".join(other for other, settings in centre.teams.items() if settings.queues)
            raise PlanningError(f"{name} names {team!r}, must be a team that answers a queue: {can}")
    homes = [centre.teams[team].site for team in (before, after)]
    if before == after or homes[0] != homes[1]:
        others = [
            other
            for other, team in centre.teams.items()
            if team.site == homes[0] and team.queues and other != before
        ]
        raise PlanningError(
            f"{name} must be between two teams of one site; from {before} people can move to "
            f"{', '.join(others) or 'no other team'}"
        )
    if not most >= 0 or (isfinite(most) and most != int(most)):
        raise PlanningError(f"{name} is {most}, must be a whole number of people >= 0")


def _move(
    centre: Centre,
    before: str,
    after: str,
    team: TeamProblem,
    able: Able,
    lengths_h: Sequence[float],
    usual: int,
    most: float,
) -> Join:
    """Find who may move from one team to another, what each takes along, and what it costs."""
    days, alike = able.can.shape[2], dict[tuple[float, int, bool], tuple[str, ...]]()
    for group, there in zip(team.problem.groups, able.can, strict=True):
        worked = _worked_days(days, group.members[0].days_week or usual)
        nights = bool(there[able.nights].any(axis=0).all())
        kind = _filled(group.limits.most_h, worked, lengths_h), worked, nights
        if there.any(axis=0).all():
            alike[kind] = (*alike.get(kind, ()), *(one.agent_id for one in group.members))
    if not alike:
        return Join(hours=0.0, shifts=0, weekends=0, cost=0.0, most=0.0)
    (hours, shifts, at_night), people = max(alike.items(), key=lambda item: len(item[1]))
    rate, paid = hour_cost(centre, after), centre.teams[after].training_month / centre.pay.norm_h_month
    cost = max(hours * (rate - hour_cost(centre, before) + paid), rate)
    return Join(
        hours=hours, shifts=shifts, weekends=4, cost=cost, most=min(most, len(people)), nights=at_night,
        people=people,
    )  # fmt: skip


def _hire(centre: Centre, team: str, most: float, days: int) -> Join:
    """Find what each person employed adds to a team in some days, and costs."""
    if team not in centre.teams or not centre.teams[team].queues:
        can = ", ".join(name for name, settings in centre.teams.items() if settings.queues)
        raise PlanningError(f"hire names {team!r}, must be a team that answers a queue: {can}")
    if not most >= 0 or (isfinite(most) and most != int(most)):
        raise PlanningError(f"hire[{team!r}] is {most}, must be a whole number of people >= 0")
    labour, careers = centre.at(centre.teams[team].site).labour, centre.systems.careers
    shifts = _worked_days(days, int(labour.days_week.value))
    hours = shifts * labour.week_h.value / labour.days_week.value
    cost = hours * hour_cost(centre, team)
    if careers is not None:
        cost += float(cost_of_careers(centre, careers, pd.Series({team: hours})).to_numpy().sum())
    weekends = 4 - int(labour.free_weekends.value)
    return Join(hours=hours * (1 - SLACK), shifts=shifts, weekends=weekends, cost=cost, most=most)


def _worked_days(present: int, days_week: int) -> int:
    """Days of some days that a contract lets a person work."""
    weeks, rest = divmod(present, 7)
    return days_week * weeks + min(rest, days_week)


def _days_week(centre: Centre, team: str) -> int:
    """Days a week of a team's contracts that name none."""
    return int(centre.at(centre.teams[team].site).labour.days_week.value)


def _probes(centre: Centre, teams: Sequence[str], who: pd.DataFrame, days: pd.DatetimeIndex) -> pd.DataFrame:
    """One short shift of each class on each day, for each team: who can work it can work that class.

    Where somebody works by a rotation, the kinds of shift are told apart.
    """
    rows = []
    for team in teams:
        site = centre.teams[team].site
        labour, zone = centre.at(site).labour, centre.zones[site]
        rotates = bool(centre.teams[team].rotation) or who["rotation"][who["team"] == team].notna().any()
        for number, day in enumerate(days):
            edges = (on_clock(edge, centre.time_zone) for edge in (day, day + pd.Timedelta(days=1)))
            hours = pd.date_range(*edges, freq="h", inclusive="left")
            local, kinds = local_times(hours, [zone] * len(hours)), [""] * len(hours)
            for length_h in (
                (3.0, 1.0) if rotates else (1.0,)
            ):  # three hours can be a late shift with a night hour
                ends = hours + length_h * HOUR
                night_h = premium_hours(centre, site, hours, ends)["night_h"].to_numpy()
                if rotates:
                    names, found = kinds_of(local, np.full(len(hours), length_h), night_h, labour.kinds)
                    kinds = [names[kind] for kind in found]
                each = zip(hours, ends, kinds, (night_h > 0).tolist(), strict=True)
                rows += [(team, number, kind, night, site, start, end) for start, end, kind, night in each]
    columns = ["team", "number", "kind", "night", "site", "start", "end"]
    found = pd.DataFrame(rows, columns=columns).sort_values("start", kind="stable")
    # The last of each class, so that the rest after the last shift before is over.
    found = found.drop_duplicates(["team", "number", "kind", "night"], keep="last").sort_index()
    names = found["number"].astype(str) + found["kind"] + found["night"].astype(str)
    return found.assign(shift_id=names, paid_h=1.0, headcount=1, skill="", night_h=0.0)


@dataclass(frozen=True)
class Able:
    """Which classes of shifts the people of a team can work."""

    classes: tuple[Class, ...]
    can: Bools
    """Of each group's people, shape (groups, classes, days)."""

    @property
    def nights(self) -> list[bool]:
        """Which classes have night hours."""
        return [night for _, night in self.classes]


def _able(team: TeamProblem, days: int, shortest_h: float) -> Able:
    """Find which classes of shifts each group's people can work on each day.

    Each is asked for alone, so that runs of days, nights and weekends before the horizon count. People with
    too few hours for the shortest shift can work on no day: they are no heads of any.
    """
    problem, own = team.problem, team.problem.team_shifts
    rotates = any(kind for kind in team.shifts["kind"])
    kinds = [own.kinds[kind] if rotates else "" for kind in own.kind]
    shifts = list(zip(kinds, own.night.tolist(), strict=True))
    classes = tuple(sorted({*shifts}))
    every, can = (
        np.arange(len(problem.groups)),
        np.zeros((len(problem.groups), len(classes), days), dtype=bool),
    )
    for shift, (day, one) in enumerate(zip(own.day - own.first, shifts, strict=True)):
        _, patterns = problem.price(_WANTED * (np.arange(len(own)) == shift), own.headcount, every)
        can[:, classes.index(one), day] = [shift in pattern for _, pattern in patterns]
    can[[group.limits.most_h < shortest_h - 1e-9 for group in problem.groups]] = False
    return Able(classes, can)


def _heads(centre: Centre, team: str, sizes: np.ndarray, able: Able, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Count the people who can work a shift of some classes, for all sets of classes that can bind (DAYS)."""
    numbers = range(len(able.classes))
    # Of the sets of classes that the same people can work, the largest holds for all of them.
    some = [list(each) for count in numbers for each in combinations(numbers, count + 1)]
    at_night = [number for number in numbers if able.nights[number]]
    weekend = days.day_of_week.isin(centre.weekend(centre.teams[team].site))
    rows = []
    for number, day in enumerate(days):
        who = {able.can[:, each, number].any(axis=1).tobytes(): each for each in some}
        # Those who join may not work at night, also where all there can.
        for each in [*who.values(), *([at_night] if at_night not in who.values() else [])]:
            heads = float((sizes * able.can[:, each, number].any(axis=1)).sum())
            classes = () if len(each) == len(numbers) else tuple(able.classes[one] for one in each)
            rows.append((team, day, classes, heads, weekend[number]))
    return pd.DataFrame(rows, columns=DAYS)


def _filled(most_h: float, shifts: int, lengths_h: Sequence[float]) -> float:
    """Most hours within a bound that some whole shifts fill.

    Examples
    --------
    Three shifts of 6 and 8 hours can fill 22 hours, two of them 16:

    >>> _filled(22.0, 5, [6.0, 8.0]), _filled(22.0, 2, [6.0, 8.0])
    (22.0, 16.0)
    """
    sums = {0.0}
    for _ in range(shifts):
        sums |= {some + length for some in sums for length in lengths_h if some + length <= most_h + 1e-9}
    return max(sums)


def _held(team: TeamProblem, able: Able, lengths_h: Sequence[float], usual: int) -> tuple[float, ...]:
    """People of a team, and the most hours and shifts that they can work."""
    people = hours = shifts = 0.0
    for group, present in zip(team.problem.groups, able.can.any(axis=1).sum(axis=1).tolist(), strict=True):
        count, most_h = len(group.members), group.limits.most_h
        worked = _worked_days(present, group.members[0].days_week or usual)
        people += count
        hours += count * _filled(most_h, worked, lengths_h)
        shifts += count * min(worked, floor(most_h / min(lengths_h) + 1e-9))
    hours -= floor(UNFILLED * shifts) * max(lengths_h)
    return people, hours, shifts


def _lengths_h(centre: Centre, team: str) -> list[float]:
    """Paid hours of the shifts that a team may work."""
    here = centre.at(centre.teams[team].site)
    duty_h = here.teams[team].duty_h
    if duty_h is not None:
        return [duty_h]
    texts = centre.shifts.explicit
    kinds = [parse_shift(text, rests_paid=bool(here.labour.rests_paid.value))[1] for text in texts]
    return sorted({kind.paid_s / 3600 for kind in kinds or shapes(here)})


def _day_h(team: TeamProblem, usual: int) -> np.ndarray:
    """A usual day of each person's contract, hours."""
    people = [one for group in team.problem.groups for one in group.members]
    return np.array([one.contract_h_week / (one.days_week or usual) for one in people])
