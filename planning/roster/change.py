"""Changes to a published roster: who can take over, who may swap, how to mend it with few changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from planning.centre import Centre
from planning.checks import Bools, Ints
from planning.effort import Deadline
from planning.errors import PlanningError
from planning.pay import hour_cost, overtime_pay_h, premium_pay_h, shift_premium_hours
from planning.roster.audit import cases_of, local_roster, new_breaches
from planning.roster.exchange import exchange
from planning.roster.frames import Roster, TeamProblem, problems_of, roster_of, team_people, wanted_shifts
from planning.roster.inputs import FOREVER, Horizon, Person
from planning.roster.limits import Limits
from planning.roster.problem import (
    NOTHING,
    Clock,
    Problem,
    RosterSettings,
    Schedule,
    TeamRoster,
    grouped,
    missing_heads,
)
from planning.roster.search import search
from planning.roster.totals import PeriodHours
from planning.tables import ROSTER, Table

SEARCHES = 10
"""The most searches for a team if exchanges leave a shift open."""
KEPT_COST = 1e8
"""Price of changing what has begun or is pinned: more than the change could save."""
_RANKED = ["agent_id", "lawful", "overtime_h", "cost", "rest_h", "left_h", "why"]
_KEY = ["agent_id", "shift_id"]
_PINNED = Table("pinned", {name: ROSTER.columns[name] for name in _KEY})


def substitutes(
    centre: Centre, roster: pd.DataFrame, people: pd.DataFrame, shift: pd.Series, *, horizon: Horizon
) -> pd.DataFrame:
    """Rank the people who could work an open shift, with the cost of each.

    Parameters
    ----------
    centre : Centre
    roster : DataFrame
        Columns of `planning.tables.ROSTER`.
    people : DataFrame
        Columns of `planning.tables.PEOPLE`.
    shift : Series
        One row of `planning.tables.SHIFTS`.
    horizon : Horizon
        Days of the roster.

    Returns
    -------
    DataFrame
        A row for each person of the team: agent_id, lawful, overtime_h, cost (what the shift adds to the
        payroll: premiums for night, public holiday and weekend, and overtime with its premium; hours within
        the norm are paid in any case), rest_h (the shorter rest around the shift;
        missing if the person works nothing else), left_h (hours that the norm leaves after it), why (the
        rules that only this shift would break). The cheapest lawful people come first.

    Raises
    ------
    PlanningError
        A row of the roster or the people, or the shift, is faulty.
    """
    wanted = wanted_shifts(pd.DataFrame([shift]).assign(headcount=1), centre)
    team = people[people["team"] == wanted["team"].iloc[0]]
    if team.empty:
        return pd.DataFrame(columns=_RANKED)
    before = local_roster(roster, centre.time_zone)
    before = before[before["team"] == wanted["team"].iloc[0]]
    tried = pd.concat([before, team[["agent_id"]].merge(wanted, how="cross")], ignore_index=True)
    breaches = new_breaches(centre, before, tried, team, horizon)
    week_h = centre.at(str(wanted["site"].iloc[0])).labour.week_h
    norm = PeriodHours(week_h.value, article=week_h.article)
    hours = pd.concat([norm.hours_and_norms(case) for case in cases_of(centre, tried, team, horizon)])
    above = (hours["amount"] - hours["bound"]).clip(lower=0.0).to_numpy()
    found = hours[["agent_id"]].assign(overtime_h=np.minimum(above, float(wanted["paid_h"].iloc[0])))
    others = breaches[breaches["rule"] != norm.name]
    reasons = others.groupby("agent_id")["text"].agg("; ".join)
    found["why"] = pd.Series([reasons.get(agent, "") for agent in found["agent_id"]], dtype="str")
    found["lawful"] = found["why"] == ""
    found["cost"] = _price(centre, wanted, found["overtime_h"].to_numpy())
    found["rest_h"] = found["agent_id"].map(_rests_around(wanted, before, team))
    found["left_h"] = (hours["bound"] - hours["amount"]).to_numpy()
    ordered = found.sort_values(["lawful", "cost", "agent_id"], ascending=[False, True, True])
    return ordered[_RANKED].reset_index(drop=True)


def _rests_around(wanted: pd.DataFrame, roster: pd.DataFrame, team: pd.DataFrame) -> pd.Series:
    """Hours from the end of each person's shift before a shift, or to the start of the next, if shorter."""
    start, end = wanted["start"].iloc[0], wanted["end"].iloc[0]
    ends = pd.concat(
        [
            roster[["agent_id", "end"]],
            team[["agent_id"]].assign(
                end=pd.to_datetime(team["last_end"], utc=True) if "last_end" in team else pd.NaT
            ),
        ]
    )
    rests = pd.concat(
        [
            (start - pd.to_datetime(ends["end"], utc=True))
            .where(ends["end"] <= start)
            .groupby(ends["agent_id"])
            .min(),
            (roster["start"] - end).where(roster["start"] >= end).groupby(roster["agent_id"]).min(),
        ]
    )
    return rests.groupby(level=0).min() / pd.Timedelta(hours=1)


def _price(centre: Centre, wanted: pd.DataFrame, overtime_h: np.ndarray) -> np.ndarray:
    """Cost of one shift beyond the hours that contracts pay in any case.

    Hours of a public holiday earn their premium alone, and no overtime premium beside it.
    """
    here, paid_h = centre.at(str(wanted["site"].iloc[0])), wanted["paid_h"].to_numpy(dtype=float)
    hours = shift_premium_hours(centre, wanted).assign(night_h=wanted["night_h"])
    premium_h = overtime_pay_h(here, np.minimum(overtime_h, paid_h - hours["holiday_h"].to_numpy()))
    extra_h = premium_pay_h(here, hours) + overtime_h + premium_h
    return np.asarray(hour_cost(centre, str(wanted["team"].iloc[0])) * extra_h)


@dataclass(frozen=True, eq=False)
class Swapped:
    """A roster after two people have exchanged shifts."""

    roster: pd.DataFrame
    """Columns of `planning.tables.ROSTER`."""
    changes: pd.DataFrame
    """As those of `Mended`."""
    breaches: pd.DataFrame
    """Breaches that the exchange adds, as the audit lists them; empty if it is lawful."""


def swap(
    centre: Centre,
    roster: pd.DataFrame,
    people: pd.DataFrame,
    one: tuple[str, str],
    two: tuple[str, str],
    *,
    horizon: Horizon,
    now: pd.Timestamp | None = None,
) -> Swapped:
    """Let two people exchange a shift, and check the result.

    Parameters
    ----------
    centre : Centre
    roster : DataFrame
        Columns of `planning.tables.ROSTER`.
    people : DataFrame
        Columns of `planning.tables.PEOPLE`.
    one, two : tuple
        agent_id and shift_id of the shift that each has now.
    horizon : Horizon
        Days of the roster.
    now : Timestamp, optional
        When the exchange is agreed: a change sooner than ``labour.publish_days`` ahead needs consent.

    Returns
    -------
    Swapped

    Raises
    ------
    PlanningError
        One of them does not have the shift; a row of the roster is faulty; `now` has no time zone.

    Examples
    --------
    >>> centre = Centre.load("data/centre.toml")
    >>> ann = {"agent_id": "ann", "site": "kaluga", "team": "vip_kaluga", "grade": "manager",
    ...        "contract_h_week": 40, "night_ok": False, "leave_from": None, "leave_until": None}
    >>> people = pd.DataFrame([ann, ann | {"agent_id": "bob", "night_ok": True}])
    >>> day = {"agent_id": "ann", "site": "kaluga", "team": "vip_kaluga", "shift_id": "day", "paid_h": 8.0,
    ...        "night_h": 0.0, "start": pd.Timestamp("2026-11-23 09:00", tz="Europe/Moscow")}
    >>> night = day | {"agent_id": "bob", "shift_id": "night", "night_h": 8.0,
    ...                "start": pd.Timestamp("2026-11-24 21:00", tz="Europe/Moscow")}
    >>> roster = pd.DataFrame([day, night])
    >>> roster["end"] = roster["start"] + pd.Timedelta("8.5h")
    >>> week = Horizon(pd.Timestamp("2026-11-23"), pd.Timestamp("2026-11-29"))
    >>> swap(centre, roster, people, ("ann", "day"), ("bob", "night"), horizon=week).breaches["text"].tolist()
    ['night has 7.5 night hours without consent']
    """
    now, before = _instant(now, centre), local_roster(roster, centre.time_zone)
    rows = [_row_of(before, *each) for each in (one, two)]
    after = before.copy()
    after.loc[rows, "agent_id"] = [two[0], one[0]]
    breaches = new_breaches(centre, before, after, people, horizon)
    return Swapped(after, changes_of(centre, before, after, now), breaches)


def _instant(now: pd.Timestamp | None, centre: Centre) -> pd.Timestamp | None:
    """Refuse a time of a change without a time zone."""
    try:
        stamp = None if now is None else pd.Timestamp(now)
    except (ValueError, TypeError):
        stamp = pd.NaT
    if stamp is pd.NaT or (stamp is not None and stamp.tz is None):
        raise PlanningError(
            f"now is {now!r}, must be a time with its zone: write it as "
            f"pd.Timestamp('2026-11-23 09:15', tz={centre.time_zone!r})"
        )
    return stamp


def _row_of(roster: pd.DataFrame, agent: str, shift: str) -> Any:
    """Index of an assignment."""
    rows = roster.index[(roster["agent_id"] == agent) & (roster["shift_id"] == shift)]
    if rows.empty:
        raise PlanningError(f"{agent} does not have {shift} in the roster: name the shift that each has now")
    return rows[0]


@dataclass(frozen=True, eq=False)
class Mended:
    """A roster after a change."""

    roster: Roster
    """The objective is inf if a shift that has begun breaks a rule by itself, for example a rest."""
    changes: pd.DataFrame
    """agent_id, shift_id, start, change ("added" or "dropped"), notice_days, needs_consent."""


def mend(
    centre: Centre,
    shifts: pd.DataFrame,
    people: pd.DataFrame,
    before: pd.DataFrame,
    *,
    now: pd.Timestamp | None = None,
    pinned: pd.DataFrame | None = None,
    change_h: float = 4.0,
    horizon: Horizon | None = None,
    settings: RosterSettings | None = None,
) -> Mended:
    """Mend a roster after sickness, new leave or new shifts, with as few changes as possible.

    Parameters
    ----------
    centre : Centre
    shifts : DataFrame
        Columns of `planning.tables.SHIFTS`: the shifts to cover now.
    people : DataFrame
        Columns of `planning.tables.PEOPLE`: as they are now, including sickness and new leave.
    before : DataFrame
        Columns of `planning.tables.ROSTER`: the published roster.
    now : Timestamp, optional
        When the change is made. Shifts that began before it stay as they were, even if something forbids them
        now (somebody falls ill during a shift). A change sooner than ``labour.publish_days`` ahead needs
        consent.
    pinned : DataFrame, optional
        agent_id and shift_id of assignments that must stay.
    change_h : float
        Price of a change of one person's day, in hours of `planning.pay.unit_hour`.
    horizon : Horizon, optional
        Days of the roster; those on which the shifts start by default.
    settings : RosterSettings, optional

    Returns
    -------
    Mended

    Raises
    ------
    PlanningError
        A row of a table is faulty; `now` has no time zone; a pinned assignment is not in the roster, or
        breaks a rule; somebody whose shift has begun is not in the people's team.
    """
    now, before = _instant(now, centre), local_roster(before, centre.time_zone, "before")
    who, past = team_people(people), before[before["start"] < now] if now is not None else before[:0]
    _check_past(past, who)
    wanted = _with_past(wanted_shifts(shifts, centre), past)
    horizon = horizon or Horizon.of(pd.DatetimeIndex(wanted["start"]))
    pins = _checked_pins(centre, before, wanted, who, past, pinned, horizon)
    settings = settings or RosterSettings()
    settings = replace(settings, searches=min(settings.searches, SEARCHES))
    problems, solved = {}, {}
    for team, each in problems_of(centre, wanted, who, settings, horizon=horizon).items():
        began = each.problem.team_shifts.start < (-FOREVER if now is None else now.timestamp())
        told = _Told.of(each, before, pins, began)
        limits = [
            told.allow_begun(replace(group.limits, person=person))
            for group in each.problem.groups
            for person in group.members
        ]
        problem = replace(each.problem, groups=grouped(limits))
        problems[team] = replace(each, problem=problem)
        solved[team] = TeamRoster(_mended(problem, told, change_h * problem.hour_cost), problem.least_cost)
    after = roster_of(wanted, problems, solved, before=before)
    return Mended(after, changes_of(centre, before, after.roster, now))


def _check_past(past: pd.DataFrame, who: pd.DataFrame) -> None:
    """Check that people include everybody whose shift has begun."""
    own = past.merge(who[["agent_id", "site", "team"]], how="left", indicator="known")
    for row in own[own["known"] != "both"][:1].itertuples():
        raise PlanningError(
            f"before gives {row.agent_id} the shift {row.shift_id}, which has begun, but people has no "
            f"{row.agent_id} in {row.team} at {row.site}: keep who leaves there, on leave from the end of "
            "that shift"
        )


def _with_past(wanted: pd.DataFrame, past: pd.DataFrame) -> pd.DataFrame:
    """Keep a head for everybody whose shift has begun, even if the shift is no longer needed."""
    if past.empty:
        return wanted
    gone = past[~past["shift_id"].isin(wanted["shift_id"])].drop_duplicates("shift_id")
    gone = gone.assign(headcount=0, skill="")[list(wanted.columns)]
    every = pd.concat([frame for frame in (wanted, gone) if len(frame)], ignore_index=True)
    there = every["shift_id"].map(past["shift_id"].value_counts()).fillna(0).astype(np.int64)
    return every.assign(headcount=np.maximum(every["headcount"].astype(np.int64), there))


def _checked_pins(
    centre: Centre,
    before: pd.DataFrame,
    wanted: pd.DataFrame,
    who: pd.DataFrame,
    past: pd.DataFrame,
    pinned: pd.DataFrame | None,
    horizon: Horizon,
) -> set[tuple[str, str]]:
    """Check the pins: each must be in the roster, still needed, and lawful together with the others."""
    if pinned is None or pinned.empty:
        return set()
    pins = _PINNED.check(pinned, "pinned").drop_duplicates()
    for rows, what in ((before, "in the roster"), (wanted, "among the shifts")):
        keys = [name for name in _KEY if name in rows]
        there = pins.merge(rows[keys].drop_duplicates(), how="left", indicator="found")
        for row in there[there["found"] != "both"].sort_values(_KEY)[:1].itertuples():
            raise PlanningError(
                f"pinned names {row.shift_id} of {row.agent_id}, which is not {what}: pin only what exists"
            )
    kept = before.merge(pins.assign(pin=True), how="left").assign(begun=before.index.isin(past.index))
    kept = kept[kept["pin"].notna() | kept["begun"]]
    for agent, breaches in new_breaches(centre, past, kept, who, horizon).groupby("agent_id"):
        mine = kept[kept["pin"].notna() & ~kept["begun"] & (kept["agent_id"] == agent)]
        those_days = mine[mine["start"].dt.date.isin(breaches["date"])]
        names = " and ".join((those_days if len(those_days) else mine)["shift_id"])
        broken = "; ".join(f"{row.rule} ({row.article}): {row.text}" for row in breaches.itertuples())
        raise PlanningError(
            f"pinned keeps {names} of {agent}, which breaks {broken}: pin less, or correct the people"
        )
    return set(pins[_KEY].itertuples(index=False, name=None))


@dataclass(frozen=True, eq=False)
class _Told:
    """The published roster of one team: shifts by number, and which of them cannot change."""

    held: dict[str, Ints]
    """Shifts of each person."""
    kept: dict[str, Ints]
    """Those that have begun or are pinned."""
    began: Bools
    """Whether a shift has begun, shape (shifts,)."""

    @classmethod
    def of(cls, each: TeamProblem, before: pd.DataFrame, pins: set[tuple[str, str]], began: Bools) -> _Told:
        """Number each person's shifts; if a shift now needs fewer people, the last ones lose it."""
        numbered = each.shifts.merge(each.merged.assign(number=each.merged.index).drop(columns="headcount"))
        mine = before.merge(numbered[["shift_id", "number"]], on="shift_id")
        mine = mine.drop_duplicates(["agent_id", "number"])
        pinned = [pair in pins for pair in mine[_KEY].itertuples(index=False, name=None)]
        mine["kept"] = began[mine["number"]] | np.array(pinned, dtype=bool)
        mine = mine.sort_values("kept", ascending=False, kind="stable")
        mine = mine[mine.groupby("number").cumcount() < each.problem.team_shifts.headcount[mine["number"]]]
        held, kept = (
            {str(agent): np.sort(own.to_numpy(np.int64)) for agent, own in rows.groupby("agent_id")["number"]}
            for rows in (mine, mine[mine["kept"]])
        )
        return cls(held, kept, began)

    def allow_begun(self, limits: Limits) -> Limits:
        """Lift the rules and bounds on hours for shifts that a person has begun, since they are facts."""
        begun = self._mask(self.kept, limits) & self.began
        begun_h = float(limits.team_shifts.paid_h[begun].sum())
        return replace(limits, banned=limits.banned & ~begun, most_h=max(limits.most_h, begun_h))

    def price_changes(self, limits: Limits, change_cost: float) -> Limits:
        """Set a price on each shift that differs from the published roster; the past is fixed."""
        held, kept = self._mask(self.held, limits), self._mask(self.kept, limits)
        priced = replace(limits)
        priced.forbid(~held, change_cost)
        priced.ask(held, change_cost)
        priced.ask(kept, KEPT_COST)
        priced.forbid(self.began & ~kept)
        return priced

    def _mask(self, shifts: Mapping[str, Ints], limits: Limits) -> Bools:
        return np.isin(np.arange(len(self.began)), shifts.get(limits.person.agent_id, NOTHING))


def _mended(problem: Problem, told: _Told, change_cost: float) -> list[Schedule]:
    """Find the cheapest schedules of a team when every change has a price."""
    schedules, stuck = list[Schedule](), list[Schedule]()
    for number, group in enumerate(problem.groups):
        for person in group.members:
            schedule, lawful = _still_lawful(problem, number, person, told)
            (schedules if lawful else stuck).append(schedule)
    short = missing_heads(problem, [*schedules, *stuck])
    if not schedules or not (short[~told.began] > 0).any():
        return [*schedules, *stuck]
    # Shifts open in the past, and shifts of people who cannot change, need nobody.
    heads = missing_heads(problem, stuck) - np.where(told.began, short, 0)
    limits = [
        told.price_changes(
            replace(problem.groups[schedule.group].limits, person=schedule.person), change_cost
        )
        for schedule in schedules
    ]
    priced = replace(
        problem, team_shifts=replace(problem.team_shifts, headcount=heads), groups=grouped(limits)
    )
    found = priced.assigned((schedule.person, schedule.pattern) for schedule in schedules)
    found = [found, *exchange(priced, found)][-1]
    prices, clock = np.zeros(len(heads)), Clock(Deadline(None))
    found = [found, *search(priced, found, prices, -np.inf, clock)][-1]
    return [*problem.assigned((schedule.person, schedule.pattern) for schedule in found), *stuck]


def _still_lawful(problem: Problem, number: int, person: Person, told: _Told) -> tuple[Schedule, bool]:
    """Give a person as many of their shifts as are still lawful together with those that stay.

    If the shifts that must stay are unlawful by themselves, no search can help: the schedule stays as it is.
    """
    held, kept = (shifts.get(person.agent_id, NOTHING) for shifts in (told.held, told.kept))
    held = held[~problem.groups[number].limits.banned[held]]
    schedule = Schedule(number, person, held)
    if np.isfinite(problem.schedule_cost(schedule)):
        return schedule, True
    found = replace(schedule, pattern=kept)
    if not np.isfinite(problem.schedule_cost(found)):
        return schedule, False
    for shift in held[~np.isin(held, kept)].tolist():
        more = replace(found, pattern=np.sort(np.append(found.pattern, shift)))
        found = more if np.isfinite(problem.schedule_cost(more)) else found
    return found, True


def changes_of(
    centre: Centre, before: pd.DataFrame, after: pd.DataFrame, now: pd.Timestamp | None
) -> pd.DataFrame:
    """List the differences of two rosters, and which of them people must agree to: as those of `Mended`."""
    key = ["agent_id", "shift_id", "site", "start"]
    joined = before[key].merge(after[key], on=key, how="outer", indicator=True)
    rows = joined[joined["_merge"] != "both"].copy()
    rows["change"] = rows["_merge"].map({"left_only": "dropped", "right_only": "added"}).astype("str")
    notice = (rows["start"] - now) / pd.Timedelta(days=1) if now is not None else np.nan
    rows["notice_days"] = notice
    asked = [centre.at(str(site)).labour.publish_days.value for site in rows["site"]]
    rows["needs_consent"] = rows["notice_days"] < np.array(asked, dtype=float)
    columns = ["agent_id", "shift_id", "start", "change", "notice_days", "needs_consent"]
    return rows.sort_values(["start", "agent_id", "change"])[columns].reset_index(drop=True)
