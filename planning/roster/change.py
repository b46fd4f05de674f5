"""Changes to a roster that people already have: who can take over, and the fewest changes that mend it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from planning.centre import Centre
from planning.errors import PlanningError
from planning.roster.audit import audit, case_of
from planning.roster.model import (
    Roster,
    TeamProblem,
    TeamRoster,
    problems_of,
    roster_of,
    team_people,
    wanted_shifts,
)
from planning.roster.problem import Assignment, Problem, RosterSettings, missing_heads
from planning.roster.repair import reassign
from planning.roster.rules import PeriodHours, rules_of
from planning.roster.slate import Horizon
from planning.tables import ROSTER

__all__ = ["Mended", "mend", "substitutes"]

FIRST_OVERTIME_H, FIRST_FACTOR, LATER_FACTOR = 2.0, 0.5, 1.0
"""Overtime is paid 1.5 times for its first two hours and twice afterwards (TK RF 152)."""
HELPERS = 10
"""People whose lines may change to mend one team, beside those whose lines are broken."""


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
        A row for each person of the team: agent_id, lawful, overtime_h, cost_rub (the hours, the night
        premium and the overtime premium), why (the rules that forbid it). The cheapest lawful ones first.
    """
    team = people[people["team"] == shift["team"]]
    rows = team[["agent_id"]].merge(pd.DataFrame([shift]), how="cross").assign(night_h=0.0)
    if rows.empty:
        return pd.DataFrame(columns=["agent_id", "lawful", "overtime_h", "cost_rub", "why"])
    tried = pd.concat([roster[roster["team"] == shift["team"]], rows], ignore_index=True)
    breaches = audit(centre, tried[list(ROSTER.columns)], team, horizon=horizon)
    labour = centre.labour
    norm = PeriodHours(labour.week_h.value, labour.week_h.article)
    hours = norm.hours_and_norms(case_of(centre, tried[list(ROSTER.columns)], team, horizon))
    above = (hours["amount"] - hours["bound"]).clip(lower=0.0).to_numpy()
    found = hours[["agent_id"]].assign(overtime_h=np.minimum(above, float(shift["paid_h"])))
    others = breaches[breaches["rule"] != norm.name]
    reasons = others.groupby("agent_id")["text"].agg("; ".join)
    found["why"] = pd.Series([reasons.get(agent, "") for agent in found["agent_id"]], dtype="str")
    # All hours above the norm come on one day, so the bound for two days holds for them.
    much = (found["overtime_h"] > labour.overtime_two_days_h.value + 1e-6) & (found["why"] == "")
    found.loc[much, "why"] = (
        f"more than {labour.overtime_two_days_h.value:g} h of overtime ({labour.overtime_two_days_h.article})"
    )
    found["lawful"] = found["why"] == ""
    found["cost_rub"] = _price(centre, shift, found["overtime_h"].to_numpy())
    ordered = found.sort_values(["lawful", "cost_rub", "agent_id"], ascending=[False, True, True])
    return ordered[["agent_id", "lawful", "overtime_h", "cost_rub", "why"]].reset_index(drop=True)


def _price(centre: Centre, shift: pd.Series, overtime_h: np.ndarray) -> np.ndarray:
    """Roubles of a shift of which some hours are overtime."""
    rate, night_h = centre.hourly_rub(str(shift["team"])), float(shift.get("night_h", 0.0) or 0.0)
    first = np.minimum(overtime_h, FIRST_OVERTIME_H)
    extra_h = FIRST_FACTOR * first + LATER_FACTOR * (overtime_h - first)
    return np.asarray(rate * (shift["paid_h"] + centre.labour.night_premium.value * night_h + extra_h))


@dataclass(frozen=True, eq=False)
class Mended:
    """A roster after a change."""

    roster: Roster
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
    change_rub: float = 2000.0,
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
        When the change is made; a change sooner than ``labour.publish_days`` ahead needs consent (TK RF 103).
    pinned : DataFrame, optional
        agent_id and shift_id of assignments that must stay.
    change_rub : float
        Price of a change of one person's day.
    settings : RosterSettings, optional

    Returns
    -------
    Mended

    Raises
    ------
    PlanningError
        A pinned assignment is not in the roster.
    """
    settings, rules = settings or RosterSettings(), rules_of(centre)
    wanted, who = wanted_shifts(shifts, centre), team_people(people)
    problems = problems_of(centre, wanted, who, settings, rules)
    known = set(before[["agent_id", "shift_id"]].itertuples(index=False, name=None))
    pins = (
        set() if pinned is None else set(pinned[["agent_id", "shift_id"]].itertuples(index=False, name=None))
    )
    for agent, shift in sorted(pins - known):
        raise PlanningError(f"pinned names {shift} of {agent}, which is not in the roster: pin what is there")
    solved = {}
    for team, each in problems.items():
        lines, kept = _lines_of(each, before, pins)
        solved[team] = TeamRoster(
            _mended(each.problem, rules, lines, kept, change_rub), each.problem.base_rub
        )
    after = roster_of(wanted, problems, solved, True, 0.0, before)
    return Mended(after, _changes(centre, before, after.roster, now))


def _lines_of(
    each: TeamProblem, before: pd.DataFrame, pins: set[tuple[str, str]]
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
            kept[person.agent_id] = [slot_of[i] for i in ids if (person.agent_id, i) in pins]
            slots_now = np.array(sorted({slot_of[i] for i in ids}), dtype=np.int64)
            may = ~crew.limits.banned[slots_now]
            lines.append(Assignment(number, person, slots_now[may]))
    return lines, kept


def _mended(
    problem: Problem,
    rules: tuple[object, ...],
    lines: list[Assignment],
    kept: dict[str, list[int]],
    rub: float,
) -> list[Assignment]:
    """Change few lines so that heads that are missing are there again."""
    short = missing_heads(problem, lines)
    if not lines or not short.any():
        return lines
    order = sorted(range(len(lines)), key=lambda number: _ease(problem, lines[number], short))
    broken = [n for n, line in enumerate(lines) if not np.isfinite(problem.cost(line.crew, line.pattern))]
    chosen = list(dict.fromkeys([*broken, *order[:HELPERS]]))
    sought = reassign(
        problem, rules, [lines[number] for number in chosen], short, change_rub=rub,  # type: ignore[arg-type]
        pinned=[kept[lines[number].person.agent_id] for number in chosen], effort=10.0,
    )  # fmt: skip
    for number, line in zip(chosen, sought, strict=True):
        lines[number] = line
    return lines


def _ease(problem: Problem, line: Assignment, short: np.ndarray) -> float:
    """What it would cost at least that a person works one of the shifts that are short."""
    now = problem.cost(line.crew, line.pattern)
    costs = [
        problem.cost(line.crew, np.sort(np.append(line.pattern, slot))) - now
        for slot in np.flatnonzero(short > 0).tolist()
        if slot not in line.pattern
    ]
    return min(costs, default=np.inf)


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
