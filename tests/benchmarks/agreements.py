"""Rules that the public instances ask for, beside those of a centre's labour settings, with their two halves.

They hold for whom `ForSome` says, so that each contract has its own figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from planning.centre import Centre
from planning.roster.limits import Limits
from planning.roster.rules import (
    DAY,
    Case,
    Rule,
    breaches_of,
    kind_names,
    many_weekends,
    no_breaches,
    runs_of,
)
from planning.roster.totals import outside

__all__ = ["ForSome", "HoursBetween", "MostWeekends", "ShiftRequests", "ShortestRun"]


@dataclass(frozen=True)
class HoursBetween(Rule):
    """Paid hours of the horizon are between two bounds, regardless of the production calendar."""

    least_h: float
    most_h: float
    always_hard = True
    name = "hours of the horizon"

    def constrain(self, limits: Limits) -> None:
        """Bound the hours on both sides."""
        limits.cap_hours(self.least_h, self.most_h)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the people with fewer or more hours; who has no shift is not in a roster."""
        hours = case.roster.groupby("agent_id", as_index=False).agg(
            amount=("paid_h", "sum"), date=("start", "min")
        )
        return outside(self, hours, self.least_h, self.most_h, "paid hours")


@dataclass(frozen=True)
class ShortestRun(Rule):
    """A least number of working days in a row, except at either end of the horizon."""

    days: int
    name = "fewest days in a row"

    def constrain(self, limits: Limits) -> None:
        """Bound the runs of days on which a shift starts from below."""
        limits.least_run(self.days, self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the runs of working days that are too short."""
        runs = runs_of(case.roster, "days_in_row").astype({"amount": float})
        last = runs["date"] + (runs["amount"] - 1) * DAY
        inside = (runs["date"] > case.horizon.first) & (last < case.horizon.last)
        bad = runs[inside & (runs["amount"] < self.days)].assign(bound=float(self.days))
        return breaches_of(self, bad, "{amount:g} working days in a row, at least {bound:g}")


@dataclass(frozen=True)
class MostWeekends(Rule):
    """No more than so many weekends of the horizon are worked, however long it is."""

    weekends: int
    name = "weekends"

    def constrain(self, limits: Limits) -> None:
        """Bound the weekends on which a shift starts."""
        limits.cap_weekends(self.weekends, self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the people who work too many weekends."""
        return many_weekends(self, case, self.weekends)


@dataclass(frozen=True)
class ShiftRequests(Rule):
    """People ask to work a kind of shift on a date, or not to; a request weighs, and never binds."""

    wishes: Mapping[str, frozenset[tuple[str, str]]]
    """Date and kind of each wish, by person."""
    centre: Centre
    wanted: bool = True
    """Whether the shifts are wanted, or wanted off."""

    @property
    def name(self) -> str:
        """Its name for planners."""
        return "shift asked for" if self.wanted else "shift asked off"

    def constrain(self, limits: Limits) -> None:
        """Price the shifts, or their lack."""
        team_shifts = limits.team_shifts
        wished = np.zeros(len(team_shifts), dtype=bool)
        for date, kind in self.wishes.get(limits.person.agent_id, ()):
            wished |= (np.array(team_shifts.dates)[team_shifts.day] == date) & (
                team_shifts.kind == team_shifts.kinds.index(kind)
            )
        if self.wanted:
            limits.ask(wished, self.weight)
        else:
            limits.forbid(wished, self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the wishes that a roster does not grant."""
        pairs = [(agent, *wish) for agent, wishes in self.wishes.items() for wish in sorted(wishes)]
        wishes = pd.DataFrame(pairs, columns=["agent_id", "day", "kind"], dtype="str")
        roster = case.roster.assign(
            kind=kind_names(case.roster, self.centre), day=case.roster["start"].dt.strftime("%Y-%m-%d")
        )[["agent_id", "day", "kind"]].drop_duplicates()
        found = wishes.merge(roster, how="left", indicator=True)
        bad = found[(found["_merge"] == "both") != self.wanted]
        bad = bad.assign(date=pd.to_datetime(bad["day"]), amount=1.0, bound=0.0)
        return breaches_of(self, bad, f"a {{kind}} shift on {{day}} is {self.name}")


@dataclass(frozen=True)
class ForSome:
    """A rule that binds some people only, for example those with one contract."""

    agents: frozenset[str]
    rule: Rule

    @property
    def name(self) -> str:
        """Its name for planners."""
        return self.rule.name

    @property
    def article(self) -> str:
        """Its source: an article, or the house."""
        return self.rule.article

    @property
    def weight(self) -> float | None:
        """Roubles of a breach of a soft rule; None for a hard one."""
        return self.rule.weight

    def constrain(self, limits: Limits) -> None:
        """Narrow the schedules of these people."""
        if limits.person.agent_id in self.agents:
            self.rule.constrain(limits)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the breaches of these people."""
        mine = case.roster[case.roster["agent_id"].isin(self.agents)]
        return no_breaches() if mine.empty else self.rule.audit(replace(case, roster=mine))
