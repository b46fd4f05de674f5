"""Rules that contracts and people ask for, beside those of the labour settings: each with its two halves.

They hold for whom `ForSome` says, so that each contract has its own figures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import ClassVar

import numpy as np
import pandas as pd

from planning.centre import Centre
from planning.roster.rules import (
    DAY,
    HOUSE,
    ROUNDING,
    Case,
    Rule,
    breaches_of,
    kind_names,
    many_weekends,
    no_breaches,
    runs_of,
)
from planning.roster.slate import NIGHT, Line

__all__ = ["ForSome", "HoursBetween", "MostWeekends", "NumberOfKind", "ShiftRequests", "ShortestRun"]


def _outside(
    rule: Rule, rows: pd.DataFrame, least: float | pd.Series, most: float | None, what: str
) -> pd.DataFrame:
    """List the people whose amount lies outside two bounds."""
    rows = rows.assign(bound=rows["amount"].clip(least, most))
    bad = rows[(rows["amount"] - rows["bound"]).abs() > ROUNDING]
    texts = [
        f"{row.amount:g} {what}, at {'most' if row.amount > row.bound else 'least'} {row.bound:g}"
        for row in bad.itertuples()
    ]
    return breaches_of(rule, bad, texts)


@dataclass(frozen=True)
class HoursBetween:
    """Paid hours of the horizon lie between two bounds, whatever the production calendar says."""

    least_h: float
    most_h: float
    article: str = HOUSE
    weight: None = None
    name: ClassVar[str] = "hours of the horizon"

    def constrain(self, line: Line) -> None:
        """Bound the hours on both sides."""
        line.cap_hours(self.least_h, self.most_h)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the people with fewer or more hours; who has no shift is not in a roster."""
        hours = case.roster.groupby("agent_id", as_index=False).agg(
            amount=("paid_h", "sum"), date=("start", "min")
        )
        return _outside(self, hours, self.least_h, self.most_h, "paid hours")


@dataclass(frozen=True)
class ShortestRun:
    """No fewer than so many working days in a row, but at either end of the horizon."""

    days: int
    article: str
    weight: float | None = None
    name: ClassVar[str] = "fewest days in a row"

    def constrain(self, line: Line) -> None:
        """Bound the runs of days on which a shift starts from below."""
        line.least_run(self.days, self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the runs of working days that are too short."""
        runs = runs_of(case.roster, "days_in_row").astype({"amount": float})
        last = runs["date"] + (runs["amount"] - 1) * DAY
        inside = (runs["date"] > case.horizon.first) & (last < case.horizon.last)
        bad = runs[inside & (runs["amount"] < self.days)].assign(bound=float(self.days))
        texts = [f"{row.amount:g} working days in a row, at least {row.bound:g}" for row in bad.itertuples()]
        return breaches_of(self, bad, texts)


@dataclass(frozen=True)
class MostWeekends:
    """No more than so many weekends of the horizon are worked, however long it is."""

    weekends: int
    article: str
    weight: float | None = None
    name: ClassVar[str] = "weekends"

    def constrain(self, line: Line) -> None:
        """Bound the weekends on which a shift starts."""
        line.cap_weekends(self.weekends, self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the people who work too many weekends."""
        return many_weekends(self, case, self.weekends)


@dataclass(frozen=True)
class NumberOfKind:
    """At least and at most so many shifts of one kind; `most` None is any number.

    Who may not work at night is asked for no nights.
    """

    kind: str
    least: int
    most: int | None
    article: str
    centre: Centre
    weight: float | None = None
    """Roubles of each shift too few or too many."""
    weeks: int | None = None
    """Weeks that the numbers are for, others in proportion; None is the horizon, however long it is."""

    @property
    def name(self) -> str:
        """What planners call it."""
        least = "fewest" if self.most is None else "number of"
        return f"{least if self.least else 'most'} {self.kind} shifts"

    def constrain(self, line: Line) -> None:
        """Bound how many are worked; none and any number are simpler."""
        mine = line.slate.kind == line.slate.kinds.index(self.kind)
        days = len(np.unique(line.slate.day[mine]))
        least, most = self._bounds(7 * line.slate.weeks)
        if self.kind == NIGHT and not line.person.night_ok:
            least = 0
        most = most if most is not None and most < days else None
        if most == 0 == least:
            line.forbid(mine, self.weight)
        elif least or most is not None:
            line.bound_count(mine, least, most, self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the people who work fewer or more of them; who has no shift is not in a roster."""
        mine = kind_names(case.roster, self.centre) == self.kind
        counts = (
            case.roster.assign(mine=mine, may=case.roster["night_ok"] == True)  # noqa: E712 - or missing
            .groupby("agent_id", as_index=False)
            .agg(amount=("mine", "sum"), date=("start", "min"), may=("may", "any"))
            .astype({"amount": float})
        )
        least, most = self._bounds(len(case.horizon.calendar_days) - 1)
        asked = counts["may"] | (self.kind != NIGHT)
        return _outside(self, counts, least * asked, most, f"{self.kind} shifts")

    def _bounds(self, days: int) -> tuple[int, int | None]:
        """Return the numbers for so many days; where they are not whole, people have the choice."""
        part = Fraction(days, 7 * self.weeks) if self.weeks else 1
        return math.floor(self.least * part), None if self.most is None else math.ceil(self.most * part)


@dataclass(frozen=True)
class ShiftRequests:
    """People ask to work a kind of shift on a date, or not to; a request weighs, and never binds."""

    wishes: Mapping[str, frozenset[tuple[str, str]]]
    """Date and kind of each wish, by person."""
    weight: float
    centre: Centre
    wanted: bool = True
    """Whether the shifts are wanted, or wanted off."""
    article: str = HOUSE

    @property
    def name(self) -> str:
        """What planners call it."""
        return "shift asked for" if self.wanted else "shift asked off"

    def constrain(self, line: Line) -> None:
        """Price the shifts, or their lack."""
        slate = line.slate
        wished = np.zeros(len(slate), dtype=bool)
        for date, kind in self.wishes.get(line.person.agent_id, ()):
            wished |= (np.array(slate.dates)[slate.day] == date) & (slate.kind == slate.kinds.index(kind))
        if self.wanted:
            line.ask(wished, self.weight)
        else:
            line.forbid(wished, self.weight)

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
        texts = [f"a {row.kind} shift on {row.day} is {self.name}" for row in bad.itertuples()]
        return breaches_of(self, bad, texts)


@dataclass(frozen=True)
class ForSome:
    """A rule that binds some people only, such as those of one contract."""

    agents: frozenset[str]
    rule: Rule

    @property
    def name(self) -> str:
        """What planners call it."""
        return self.rule.name

    @property
    def article(self) -> str:
        """Where it stands written."""
        return self.rule.article

    @property
    def weight(self) -> float | None:
        """Roubles of a breach of a soft rule; None for a hard one."""
        return self.rule.weight

    def constrain(self, line: Line) -> None:
        """Narrow the lines of these people."""
        if line.person.agent_id in self.agents:
            self.rule.constrain(line)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the breaches of these people."""
        mine = case.roster[case.roster["agent_id"].isin(self.agents)]
        return no_breaches() if mine.empty else self.rule.audit(replace(case, roster=mine))
