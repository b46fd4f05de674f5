"""Rules about the whole horizon: the hours of a person, and the number of their shifts of one kind.

Each has two halves, like the rules of `planning.roster.rules`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from planning.calendars import DAY, NIGHT
from planning.centre import Centre
from planning.roster.limits import Limits
from planning.roster.rules import ROUNDING, Case, Rule, breaches_of, days_of, kind_names


@dataclass(frozen=True)
class PeriodHours(Rule):
    """Paid hours stay within what the accounting period still leaves, and within the pace of a usual week.

    The period leaves the production calendar's norm of its days from the horizon's first on, less leave and
    sick days, in proportion to the contract, less the hours worked above the norm before; it binds those
    whose hours before are known. The pace is the horizon's own norm with the hours owed from before, or a
    week's usual hours without its holidays if these are more: somebody works on a public holiday, and on a
    weekend alone.
    """

    week_h: float
    overtime_h: float = 0.0
    """Hours above the norm that are allowed, for example agreed overtime."""
    always_hard = True
    name = "hours in the period"

    def constrain(self, limits: Limits) -> None:
        """Bound the hours by what the period and the pace leave."""
        limits.cap_hours(0.0, max(self.left_h(limits) + self.overtime_h, 0.0))

    def left_h(self, limits: Limits) -> float:
        """Hours that are left, used by the constraining half only; negative if none."""
        person, midnights = limits.person, limits.team_shifts.ahead
        away = np.zeros(len(midnights) - 1)
        for first, after in filter(None, (person.leave, person.study)):
            inside = np.minimum(midnights[1:], after) - np.maximum(midnights[:-1], first)
            away = np.maximum(away, np.clip(inside, 0, None) / np.diff(midnights))
        if person.sick:
            days = pd.date_range(limits.team_shifts.dates[limits.team_shifts.first], periods=len(away))
            away[days.isin(pd.DatetimeIndex(sorted(person.sick)))] = 1.0
        share = min(person.contract_h_week / self.week_h, 1.0)
        own, usual, period = (share * limits.team_shifts.norms * (1 - away)).sum(axis=1).tolist()
        balance_h = person.carry_over.balance_h
        if balance_h is None:
            return float(max(own, usual))
        return float(min(max(own - balance_h, usual), period - balance_h))

    def audit(self, case: Case) -> pd.DataFrame:
        """List the people paid for more hours."""
        hours = self.hours_and_norms(case)
        bad = hours[hours["amount"] > hours["bound"] + ROUNDING]
        return breaches_of(self, bad, "{amount:g} paid hours, the norm leaves {bound:g}")

    def hours_and_norms(self, case: Case) -> pd.DataFrame:
        """Paid hours (amount) and what the norm leaves (bound) of each person in a roster."""
        known = case.roster[case.roster["known"]]
        people = known.drop_duplicates("agent_id").set_index("agent_id")
        found = known.groupby("agent_id").agg(amount=("paid_h", "sum"), date=("start", "min"))
        found["bound"] = self.left(people, case.norms).clip(lower=0.0)
        return found.reset_index()

    def left(self, people: pd.DataFrame, norms: pd.DataFrame) -> pd.Series:
        """Hours left to each person, a row of PEOPLE with local times; negative if none."""
        asked = self.asked(people, norms)
        owed = asked["own"].sub(people["balance_h"].fillna(0.0))
        pace = owed.clip(lower=asked["usual"])
        return pace.clip(upper=asked["period"].sub(people["balance_h"]).fillna(np.inf)) + self.overtime_h

    def asked(self, people: pd.DataFrame, norms: pd.DataFrame) -> pd.DataFrame:
        """Sums of `planning.roster.inputs.norms_of` for each person, by contract and less leave."""
        days = pd.DatetimeIndex(norms.index).to_numpy()
        present = np.ones((len(people), len(days)))
        for kind in ("leave", "study"):
            opens, closes = (people[f"{kind}_{edge}"].dt.tz_localize(None) for edge in ("from", "until"))
            away = (opens.notna() | closes.notna()).to_numpy()
            first = opens.fillna(days.min())[away].to_numpy()[:, None]
            after = closes.fillna(days.max() + DAY)[away].to_numpy()[:, None]
            overlap = np.minimum(days + DAY, after) - np.maximum(days, first)
            present[away] = np.minimum(present[away], 1 - np.clip(overlap / DAY, 0.0, 1.0))
        for row, dates in enumerate(people["sick"]):
            if isinstance(dates, str):
                present[row, np.isin(days, pd.DatetimeIndex(dates.split()).to_numpy())] = 0.0
        share = (people["contract_h_week"] / self.week_h).clip(upper=1.0)
        owed = {name: (present * norm.to_numpy()).sum(axis=1) for name, norm in norms.items()}
        return pd.DataFrame(owed, people.index, norms.columns).mul(share, axis=0)


@dataclass(frozen=True)
class Overtime(Rule):
    """Hours above the norm stay within the bound of the year, and within that of any two days in a row.

    Hours are overtime from the moment at which the norm of the period is used up. So if shifts are longer
    than the bound for two days, all overtime is the end of one shift; the constraining half requires this of
    every roster.
    """

    year_h: float
    two_days_h: float
    norm: PeriodHours
    always_hard = True
    name = "overtime"

    def constrain(self, limits: Limits) -> None:
        """Bound the hours above the norm by the limits of two days and of the rest of the year."""
        rest_of_year_h = max(self.year_h - limits.person.carry_over.overtime_h, 0.0)
        most_h = max(self.norm.left_h(limits), 0.0) + min(self.two_days_h, rest_of_year_h)
        limits.cap_hours(0.0, most_h)

    def audit(self, case: Case) -> pd.DataFrame:
        """List people above the bound of the year, and days on which somebody exceeds that of two days."""
        hours = self.norm.hours_and_norms(case)
        before = case.roster.groupby("agent_id")["overtime_h"].first().fillna(0.0)
        above = (hours["amount"] - hours["bound"]).clip(lower=0.0) + hours["agent_id"].map(before)
        year = hours.assign(amount=above)[above > self.year_h + ROUNDING]
        days = self._two_days(case.roster, hours.set_index("agent_id")["bound"])
        many = days[days["amount"] > self.two_days_h + ROUNDING]
        text = "{amount:g} h of overtime in two days, at most {bound:g}"
        found = [
            breaches_of(self, year, text.replace("in two days", "this year"), bound=self.year_h),
            breaches_of(self, many, text, bound=self.two_days_h),
        ]
        return pd.concat(found, ignore_index=True)

    @staticmethod
    def _two_days(roster: pd.DataFrame, left_h: pd.Series) -> pd.DataFrame:
        """Overtime of each person's days, including that of the day before: agent_id, date, amount."""
        ordered = roster[roster["known"]].assign(date=days_of(roster)).sort_values("start", kind="stable")
        worked = ordered.groupby("agent_id")["paid_h"].cumsum()
        above = (worked - ordered["agent_id"].map(left_h)).clip(lower=0.0)
        ordered["amount"] = np.minimum(above, ordered["paid_h"])
        days = ordered.groupby(["agent_id", "date"], as_index=False)["amount"].sum()
        eve = days.assign(date=days["date"] + DAY).rename(columns={"amount": "eve"})
        both = days.merge(eve, on=["agent_id", "date"], how="left")
        return both.assign(amount=both["amount"] + both["eve"].fillna(0.0))


def outside(
    rule: Rule, rows: pd.DataFrame, least: float | pd.Series, most: float | None, what: str
) -> pd.DataFrame:
    """List the people whose amount is outside two bounds."""
    rows = rows.assign(bound=rows["amount"].clip(least, most), what=what)
    rows["edge"] = np.where(rows["amount"] > rows["bound"], "most", "least")
    bad = rows[(rows["amount"] - rows["bound"]).abs() > ROUNDING]
    return breaches_of(rule, bad, "{amount:g} {what}, at {edge} {bound:g}")


@dataclass(frozen=True)
class NumberOfKind(Rule):
    """Bounds on the number of shifts of one kind; `most` None means any number.

    Nights are not required of people who may not work at night.
    """

    kind: str
    least: int
    most: int | None
    centre: Centre
    weeks: int | None = None
    """Weeks for which the numbers are given, scaled to the horizon; None means the whole horizon."""

    @property
    def name(self) -> str:
        """What planners call it."""
        least = "fewest" if self.most is None else "number of"
        return f"{least if self.least else 'most'} {self.kind} shifts"

    def constrain(self, limits: Limits) -> None:
        """Bound how many are worked; "none" and "any number" are simpler cases."""
        mine = limits.team_shifts.kind == limits.team_shifts.kinds.index(self.kind)
        days = len(np.unique(limits.team_shifts.day[mine]))
        least, most = self._bounds(7 * limits.team_shifts.weeks)
        if self.kind == NIGHT and not limits.person.night_ok:
            least = 0
        most = most if most is not None and most < days else None
        if most == 0 == least:
            limits.forbid(mine, self.weight)
        elif least or most is not None:
            limits.bound_count(mine, least, most, self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the people who work fewer or more of them; people without shifts are not in a roster."""
        mine = kind_names(case.roster, self.centre) == self.kind
        counts = (
            case.roster.assign(mine=mine, may=case.roster["night_ok"] == True)  # noqa: E712 - or missing
            .groupby("agent_id", as_index=False)
            .agg(amount=("mine", "sum"), date=("start", "min"), may=("may", "any"))
            .astype({"amount": float})
        )
        least, most = self._bounds(len(case.horizon.calendar_days) - 1)
        asked = counts["may"] | (self.kind != NIGHT)
        return outside(self, counts, least * asked, most, f"{self.kind} shifts")

    def _bounds(self, days: int) -> tuple[int, int | None]:
        """Return the bounds for a number of days; fractions are rounded outwards."""
        part = Fraction(days, 7 * self.weeks) if self.weeks else 1
        return math.floor(self.least * part), None if self.most is None else math.ceil(self.most * part)
