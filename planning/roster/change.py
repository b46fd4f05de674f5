"""Changes to a roster that people already have: who can take over, who may swap, the fewest that mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pandas as pd

from planning.centre import Centre
from planning.errors import PlanningError
from planning.pay import hour_cost, overtime_pay_h, premium_pay_h, shift_premium_hours
from planning.roster.audit import case_of, local_roster, new_breaches
from planning.roster.frames import (
    Roster,
    TeamProblem,
    TeamRoster,
    problems_of,
    roster_of,
    team_people,
    wanted_shifts,
)
from planning.roster.law import rules_of
from planning.roster.problem import Assignment, Problem, RosterSettings, missing_heads
from planning.roster.repair import reassign
from planning.roster.rules import PeriodHours, Rule
from planning.roster.slate import FOREVER, Bools, Horizon, Ints, Line, seconds
from planning.tables import ROSTER, Table

__all__ = ["Mended", "Swapped", "mend", "substitutes", "swap"]

HELPERS, EFFORT = 10, 3.0
"""People whose lines are sought anew where no exchange helps, and CP-SAT's deterministic seconds for it."""
NEAR_S = 7 * 86400
"""How far from an open shift the one may be that is given up for it, seconds."""
_KEY = ["agent_id", "shift_id"]
_PINNED = Table("pinned", {name: ROSTER.columns[name] for name in _KEY})


def substitutes(
    centre: Centre, roster: pd.DataFrame, people: pd.DataFrame, shift: pd.Series, *, horizon: Horizon
) -> pd.DataFrame:
    """Rank who could work one open shift, and what each would cost.

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
        A row for each person of the team: agent_id, lawful, overtime_h, cost (the hours, the premiums
        for night, public holiday and weekend, the overtime premium), why (the rules that the shift would
        break, and that are whole without it). The cheapest lawful ones first.

    Raises
    ------
    PlanningError
        A row of the roster or the people, or the shift, is faulty.
    """
    wanted = wanted_shifts(pd.DataFrame([shift]).assign(headcount=1), centre)
    team = people[people["team"] == wanted["team"].iloc[0]]
    if team.empty:
        return pd.DataFrame(columns=["agent_id", "lawful", "overtime_h", "cost", "why"])
    before = local_roster(roster, centre.time_zone)
    before = before[before["team"] == wanted["team"].iloc[0]]
    tried = pd.concat([before, team[["agent_id"]].merge(wanted, how="cross")], ignore_index=True)
    breaches = new_breaches(centre, before, tried, team, horizon)
    labour = centre.labour
    norm = PeriodHours(labour.week_h.value, labour.week_h.article)
    hours = norm.hours_and_norms(case_of(centre, tried, team, horizon))
    above = (hours["amount"] - hours["bound"]).clip(lower=0.0).to_numpy()
    found = hours[["agent_id"]].assign(overtime_h=np.minimum(above, float(wanted["paid_h"].iloc[0])))
    others = breaches[breaches["rule"] != norm.name]
    reasons = others.groupby("agent_id")["text"].agg("; ".join)
    found["why"] = pd.Series([reasons.get(agent, "") for agent in found["agent_id"]], dtype="str")
    found["lawful"] = found["why"] == ""
    found["cost"] = _price(centre, wanted, found["overtime_h"].to_numpy())
    ordered = found.sort_values(["lawful", "cost", "agent_id"], ascending=[False, True, True])
    return ordered[["agent_id", "lawful", "overtime_h", "cost", "why"]].reset_index(drop=True)


def _price(centre: Centre, wanted: pd.DataFrame, overtime_h: np.ndarray) -> np.ndarray:
    """Cost of one shift of which some hours are overtime.

    Hours of a public holiday are paid double, and so earn no overtime premium beside it (TK RF 152, 153).
    """
    paid_h = wanted["paid_h"].to_numpy(dtype=float)
    hours = shift_premium_hours(centre, wanted).assign(night_h=wanted["night_h"])
    overtime_h = np.minimum(overtime_h, paid_h - hours["holiday_h"].to_numpy())
    extra_h = premium_pay_h(centre, hours) + overtime_pay_h(centre, overtime_h)
    return np.asarray(hour_cost(centre, str(wanted["team"].iloc[0])) * (paid_h + extra_h))


@dataclass(frozen=True, eq=False)
class Swapped:
    """A roster after two people exchanged shifts."""

    roster: pd.DataFrame
    """Columns of `planning.tables.ROSTER`."""
    changes: pd.DataFrame
    """As those of `Mended`."""
    breaches: pd.DataFrame
    """What the exchange breaks that was whole before, as the audit lists it: empty if it is lawful."""


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
    """Let two people exchange a shift each, and judge it.

    Parameters
    ----------
    centre : Centre
    roster : DataFrame
        Columns of `planning.tables.ROSTER`.
    people : DataFrame
        Columns of `planning.tables.PEOPLE`.
    one, two : tuple
        agent_id and shift_id of what each has now.
    horizon : Horizon
        Days of the roster.
    now : Timestamp, optional
        When it is agreed: a change sooner than ``labour.publish_days`` ahead needs consent (TK RF 103).

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
    return Swapped(after, _changes(centre, before, after, now), breaches)


def _instant(now: pd.Timestamp | None, centre: Centre) -> pd.Timestamp | None:
    """Refuse a time of a change of which nobody knows when it is."""
    try:
        stamp = None if now is None else pd.Timestamp(now)
    except (ValueError, TypeError):
        stamp = pd.NaT
    if stamp is pd.NaT or (stamp is not None and stamp.tz is None):
        raise PlanningError(
            f"now is {now!r}, must be a time with its zone: write it such as "
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
    """Its objective is inf if what somebody has begun breaks a rule by itself, such as a rest too short."""
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
    change_cost: float = 2000.0,
    settings: RosterSettings | None = None,
) -> Mended:
    """Mend a roster after a sickness, a new leave or new shifts, with as few changes as can be.

    Parameters
    ----------
    centre : Centre
    shifts : DataFrame
        Columns of `planning.tables.SHIFTS`: what is to be covered now.
    people : DataFrame
        Columns of `planning.tables.PEOPLE`: as they are now, the sick and the new leaves included.
    before : DataFrame
        Columns of `planning.tables.ROSTER`: what people have been told.
    now : Timestamp, optional
        When the change is made: what began before stays as it was, whatever forbids it now (somebody who
        falls ill in the middle of a shift), and a change sooner than ``labour.publish_days`` ahead needs
        consent (TK RF 103).
    pinned : DataFrame, optional
        agent_id and shift_id of assignments that must stay.
    change_cost : float
        Price of a change of one person's day.
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
    pins = _checked_pins(centre, before, wanted, who, past, pinned)
    settings = settings or RosterSettings()
    rules = [cast(Rule, _FromNowOn(rule, past)) for rule in rules_of(centre)]
    problems, solved = problems_of(centre, wanted, who, settings, rules), {}
    for team, each in problems.items():
        begun = each.problem.slate.start < (-FOREVER if now is None else now.timestamp())
        lines, kept = _lines_of(each, before, pins, begun)
        lines = _mended(each.problem, rules, lines, kept, begun, change_cost)
        solved[team] = TeamRoster(lines, each.problem.least_cost)
    after = roster_of(wanted, problems, solved, before=before)
    return Mended(after, _changes(centre, before, after.roster, now))


def _check_past(past: pd.DataFrame, who: pd.DataFrame) -> None:
    """Refuse people who lack somebody whose shift has begun."""
    own = past.merge(who[["agent_id", "site", "team"]], how="left", indicator="known")
    for row in own[own["known"] != "both"][:1].itertuples():
        raise PlanningError(
            f"before gives {row.agent_id} the shift {row.shift_id}, which has begun, but people has no "
            f"{row.agent_id} in {row.team} at {row.site}: keep who leaves there, on leave from the end of "
            "that shift"
        )


def _with_past(wanted: pd.DataFrame, past: pd.DataFrame) -> pd.DataFrame:
    """Have a head for everybody whose shift has begun, even if it is wanted no more."""
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
) -> set[tuple[str, str]]:
    """Take the pins, each of which is in the roster, still wanted, and lawful beside the others."""
    if pinned is None or pinned.empty:
        return set()
    pins = _PINNED.check(pinned, "pinned").drop_duplicates()
    for rows, what in ((before, "in the roster"), (wanted, "among the shifts")):
        keys = [name for name in _KEY if name in rows]
        there = pins.merge(rows[keys].drop_duplicates(), how="left", indicator="found")
        for row in there[there["found"] != "both"].sort_values(_KEY)[:1].itertuples():
            raise PlanningError(
                f"pinned names {row.shift_id} of {row.agent_id}, which is not {what}: pin what is there"
            )
    kept = before.merge(pins.assign(pin=True), how="left").assign(begun=before.index.isin(past.index))
    kept = kept[kept["pin"].notna() | kept["begun"]]
    horizon = Horizon.of(pd.DatetimeIndex(wanted["start"]))
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
class _FromNowOn:
    """A rule that binds what people work from now on: what each has begun is a fact."""

    rule: Rule
    past: pd.DataFrame

    def constrain(self, line: Line) -> None:
        """Narrow the line, but for what the person has begun."""
        mine = self.past[self.past["agent_id"] == line.person.agent_id]
        if mine.empty:
            return self.rule.constrain(line)
        begun = np.isin(line.slate.start, seconds(pd.DatetimeIndex(mine["start"])))
        return self.rule.constrain(cast(Line, _Begun(line, begun, float(mine["paid_h"].sum()))))


@dataclass(frozen=True, eq=False)
class _Begun:
    """A person's line of work in which no rule forbids, or has too many hours of, what has begun."""

    line: Line
    begun: Bools
    paid_h: float

    def __getattr__(self, name: str) -> Any:
        return getattr(self.line, name)

    def forbid(self, shifts: Bools, price: float | None = None) -> None:
        self.line.forbid(shifts & ~self.begun if price is None else shifts, price)

    def cap_hours(self, least_h: float, most_h: float) -> None:
        self.line.cap_hours(least_h, max(most_h, self.paid_h))


def _lines_of(
    each: TeamProblem, before: pd.DataFrame, pins: set[tuple[str, str]], begun: Bools
) -> tuple[list[Assignment], dict[str, list[int]]]:
    """Each person's line as it was, without what they may no longer work; and the slots that must stay."""
    slots = each.shifts.merge(each.merged.assign(slot=each.merged.index).drop(columns="headcount"))
    slot_of = dict(zip(slots["shift_id"], slots["slot"], strict=True))
    mine = before[before["shift_id"].isin(slot_of)]
    patterns = mine.groupby("agent_id")["shift_id"].agg(list).to_dict()
    lines, kept = [], {}
    for number, crew in enumerate(each.problem.crews):
        for person in crew.members:
            ids = patterns.get(person.agent_id, [])
            slots_now = sorted({slot_of[i] for i in ids if not crew.limits.banned[slot_of[i]]})
            pinned = {slot_of[i] for i in ids if (person.agent_id, i) in pins}
            kept[person.agent_id] = [slot for slot in slots_now if slot in pinned or begun[slot]]
            lines.append(Assignment(number, person, np.array(slots_now, dtype=np.int64)))
    return lines, kept


def _mended(
    problem: Problem,
    rules: Sequence[Rule],
    lines: list[Assignment],
    kept: Mapping[str, list[int]],
    begun: Bools,
    money: float,
) -> list[Assignment]:
    """Make unlawful lines lawful, fill heads one by one with few changes, and leave the rest to a search."""
    stay = [replace(line, pattern=np.array(kept[line.person.agent_id], dtype=np.int64)) for line in lines]
    # Where what must stay is unlawful by itself, no search can help: that line stays as it is.
    broken = [
        n for n, line in enumerate(lines) if not _is_lawful(problem, line) and _is_lawful(problem, stay[n])
    ]
    lines = _sought(problem, rules, lines, kept, begun, money, broken)
    for slot in np.repeat(np.arange(len(begun)), _open(problem, lines, begun)).tolist():
        lines = _filled(problem, lines, kept, slot)
    short = np.flatnonzero(_open(problem, lines, begun)).tolist()
    if not lines or not short:
        return lines
    eases = [min(_extra(problem, line, slot) for slot in short) for line in lines]
    able = [n for n in np.argsort(eases, kind="stable").tolist() if _is_lawful(problem, lines[n])]
    return _sought(problem, rules, lines, kept, begun, money, able[:HELPERS])


def _is_lawful(problem: Problem, line: Assignment) -> bool:
    return bool(np.isfinite(problem.cost(line.crew, line.pattern)))


def _open(problem: Problem, lines: list[Assignment], begun: Bools) -> Ints:
    """Count the heads that are missing on shifts that have not begun, shape (shifts,)."""
    return np.where(begun, 0, np.maximum(missing_heads(problem, lines), 0))


def _sought(
    problem: Problem,
    rules: Sequence[Rule],
    lines: list[Assignment],
    kept: Mapping[str, list[int]],
    begun: Bools,
    money: float,
    chosen: Sequence[int],
) -> list[Assignment]:
    """Seek some people's lines anew, by CP-SAT."""
    if not chosen:
        return lines
    lines = list(lines)
    sought = reassign(
        problem, rules, [lines[number] for number in chosen], _open(problem, lines, begun), change_cost=money,
        pinned=[kept[lines[number].person.agent_id] for number in chosen], effort=EFFORT,
    )  # fmt: skip
    for number, line in zip(chosen, sought, strict=True):
        lines[number] = line
    return lines


def _filled(
    problem: Problem, lines: list[Assignment], kept: Mapping[str, list[int]], slot: int
) -> list[Assignment]:
    """Let the cheapest person take an open shift; if none may, one who gives another shift to somebody."""
    extras = [_extra(problem, line, slot) for line in lines]
    taker = int(np.argmin(extras)) if extras else -1
    changes = [(taker, slot, None)] if extras and np.isfinite(extras[taker]) else []
    return _changed(lines, changes or _exchanged(problem, lines, kept, slot))


Change = tuple[int, int, int | None]
"""Whose line, the shift that is added, and the one that is dropped."""


def _exchanged(
    problem: Problem, lines: list[Assignment], kept: Mapping[str, list[int]], slot: int
) -> list[Change]:
    """Find the cheapest two changes: one takes the shift and gives up another, which a second one takes."""
    best, changes = np.inf, list[Change]()
    near = np.abs(problem.slate.start - problem.slate.start[slot]) <= NEAR_S
    for one, line in enumerate(lines):
        for given in line.pattern[near[line.pattern]].tolist():
            first = np.inf if given in kept[line.person.agent_id] else _extra(problem, line, slot, given)
            if not first < best:
                continue
            seconds = [
                np.inf if two == one else _extra(problem, other, given) for two, other in enumerate(lines)
            ]
            two = int(np.argmin(seconds))
            if first + seconds[two] < best:
                best, changes = first + seconds[two], [(one, slot, given), (two, given, None)]
    return changes


def _extra(problem: Problem, line: Assignment, added: int, dropped: int | None = None) -> float:
    """Roubles that a line costs more with a shift, perhaps in place of another; inf if it is not lawful."""
    if added in line.pattern:
        return np.inf
    money = problem.cost(line.crew, _pattern(line, added, dropped))
    return money - problem.cost(line.crew, line.pattern) if np.isfinite(money) else np.inf


def _pattern(line: Assignment, added: int, dropped: int | None) -> Ints:
    return np.sort(np.append(line.pattern[line.pattern != dropped], added))


def _changed(lines: list[Assignment], changes: Sequence[Change]) -> list[Assignment]:
    lines = list(lines)
    for number, added, dropped in changes:
        lines[number] = replace(lines[number], pattern=_pattern(lines[number], added, dropped))
    return lines


def _changes(
    centre: Centre, before: pd.DataFrame, after: pd.DataFrame, now: pd.Timestamp | None
) -> pd.DataFrame:
    """List what is different, and which of it people must agree to."""
    key = ["agent_id", "shift_id", "start"]
    joined = before[key].merge(after[key], on=key, how="outer", indicator=True)
    rows = joined[joined["_merge"] != "both"].copy()
    rows["change"] = rows["_merge"].map({"left_only": "dropped", "right_only": "added"}).astype("str")
    notice = (rows["start"] - now) / pd.Timedelta(days=1) if now is not None else np.nan
    rows["notice_days"] = notice
    rows["needs_consent"] = rows["notice_days"] < centre.labour.publish_days.value
    columns = [*key, "change", "notice_days", "needs_consent"]
    return rows.sort_values(["start", "agent_id", "change"])[columns].reset_index(drop=True)
