"""Why a roster is not possible: a smallest set of rules that clash, and the gain from relaxing each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from planning.calendars import local_day
from planning.centre import Centre
from planning.effort import Deadline
from planning.roster.frames import problems_of, team_people, wanted_shifts
from planning.roster.improve import first_schedules, generated
from planning.roster.inputs import Horizon
from planning.roster.law import rules_of
from planning.roster.problem import Clock, RosterSettings, missing_heads
from planning.roster.rules import HouseTeam, OneShiftADay, Rest, Rule, SoundShift

QUICK = RosterSettings(pricing_rounds=15, dive_rounds=1, searches=2, exchanges=0, tolerance_h=0.2)
"""How each trial is solved: there are two for every rule."""
ALWAYS = (SoundShift, HouseTeam, OneShiftADay)
"""Rules that cannot be relaxed."""


@dataclass(frozen=True, eq=False)
class Clash:
    """Why heads are missing."""

    text: str
    """In one sentence."""
    rules: tuple[str, ...]
    """A smallest set of rules that clash on their own; empty if there are too few people."""
    people: tuple[str, ...]
    """People of the team who may work the shift at all."""
    prices: pd.DataFrame
    """What relaxing each rule would gain: rule, article, heads still missing, and the cost saved."""


def why_not(
    centre: Centre, shifts: pd.DataFrame, people: pd.DataFrame, unmet: pd.DataFrame, *,
    weights: Mapping[str, float | None] | None = None, settings: RosterSettings | None = None,
) -> Clash:  # fmt: skip
    """Explain why a roster has missing heads: which rules clash, for whom, and at what cost.

    Only the week of the first short shift is examined, for its team.

    Parameters
    ----------
    centre : Centre
    shifts, people : DataFrame
        As given to `planning.roster.model.build_roster`.
    unmet : DataFrame
        shift_id of the shifts that are short, as `Roster.unmet` has them.
    weights : mapping, optional
    settings : RosterSettings, optional

    Returns
    -------
    Clash
    """
    if unmet.empty:
        return Clash("nobody is missing", (), (), _no_prices())
    wanted = wanted_shifts(shifts, centre)
    short = wanted[wanted["shift_id"].isin(unmet["shift_id"])]
    first = short.sort_values(["start", "shift_id"]).iloc[0]
    weeks = Horizon.of(pd.DatetimeIndex(wanted["start"])).at(centre, str(first["site"]))
    opens = weeks.week_of(local_day(first["start"]))
    days = wanted["start"].dt.tz_localize(None)
    inside = (days >= opens) & (days < opens + pd.Timedelta(days=7))
    week = wanted[inside & (wanted["team"] == first["team"])].reset_index(drop=True)
    who = team_people(people[people["team"] == first["team"]])
    trial = _Trial(centre, week, who, settings or QUICK)
    rules = rules_of(centre.at(str(first["site"])), weights)
    prices = _prices(centre, trial, rules, week)
    clash = _smallest(trial, [rule for rule in rules if rule.weight is None])
    able = trial.able(rules, str(first["shift_id"]))
    names = tuple(rule.name for rule in clash)
    return Clash(_words(first, trial.missing(rules), names, clash, able, len(who)), names, able, prices)


@dataclass(frozen=True, eq=False)
class _Trial:
    """One team's week, to try under different rules."""

    centre: Centre
    week: pd.DataFrame
    who: pd.DataFrame
    settings: RosterSettings

    def missing(self, rules: Sequence[Rule]) -> int:
        """The fewest missing heads found under some rules."""
        (each,) = problems_of(self.centre, self.week, self.who, self.settings, rules=rules).values()
        if not each.problem.groups:
            return int(each.problem.team_shifts.headcount.sum())
        first = first_schedules(each.problem)
        if not missing_heads(each.problem, first).any():
            return 0
        *_, (schedules, _) = generated(each.problem, first, Clock(Deadline(None)))
        return int(missing_heads(each.problem, schedules).sum())

    def able(self, rules: Sequence[Rule], shift_id: str) -> tuple[str, ...]:
        """Who may work a shift, if they work nothing else."""
        (each,) = problems_of(self.centre, self.week, self.who, self.settings, rules=rules).values()
        spans = ["start", "end", "paid_h", "skill"]
        row = self.week.set_index("shift_id").loc[shift_id, spans]
        slot = np.flatnonzero((each.merged[spans] == row).all(axis=1))
        groups = each.problem.groups
        return tuple(
            person.agent_id
            for number, group in enumerate(groups)
            for person in group.members
            if np.isfinite(each.problem.cost(number, slot.astype(np.int64)))
        )


def _smallest(trial: _Trial, rules: list[Rule]) -> list[Rule]:
    """Drop rules one by one, permanently if heads are still missing; the rules that remain clash."""
    kept = [rule for rule in rules if not isinstance(rule, ALWAYS)]
    fixed = [rule for rule in rules if isinstance(rule, ALWAYS)]
    if trial.missing([*fixed, _AWAKE]):
        return []  # heads are missing even without rules: there are too few people
    for rule in list(kept):
        others = [other for other in kept if other is not rule]
        if trial.missing([*fixed, _AWAKE, *others]):
            kept = others
    return kept


_AWAKE = Rest(0.0, article="nobody works twice at once")


def _prices(centre: Centre, trial: _Trial, rules: Sequence[Rule], week: pd.DataFrame) -> pd.DataFrame:
    """Try the week without each hard rule in turn."""
    with_all = trial.missing(rules)
    hour_cost = centre.pay.unmet_cost_h * float(week["paid_h"].mean())
    rows = []
    for rule in rules:
        if rule.weight is None and not isinstance(rule, ALWAYS):
            without = trial.missing([_AWAKE, *(other for other in rules if other is not rule)])
            # To the cent: what is nothing but a rounding error saves nothing.
            saved = round((with_all - without) * hour_cost, 2) + 0.0
            rows.append((rule.name, rule.article, without, saved))
    prices = pd.DataFrame(rows, columns=list(_no_prices().columns))
    return prices.sort_values(["saved_cost", "rule"], ascending=[False, True], ignore_index=True)


def _no_prices() -> pd.DataFrame:
    return pd.DataFrame(columns=["rule", "article", "missing", "saved_cost"])


def _words(
    first: pd.Series,
    missing: int,
    names: tuple[str, ...],
    clash: list[Rule],
    able: tuple[str, ...],
    size: int,
) -> str:
    """Explain the clash in one sentence."""
    where = (
        f"{first['team']} lacks {missing} heads in the week of {first['start']:%Y-%m-%d}, the first on "
        f"{first['shift_id']} at {first['start']:%Y-%m-%d %H:%M}; {len(able)} of {size} people may work it"
    )
    if not names:
        return f"{where}: no rule stands in the way, there are too few people: hire, or ask for fewer heads"
    rules = ", ".join(f"{rule.name} ({rule.article})" for rule in clash)
    return f"{where}: even if no other rule held, heads would be missing under {rules}"
