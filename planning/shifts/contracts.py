"""What contracts hold: the hours, the shifts and the days that the people of each team can work.

The hours of a salaried person are paid whether they are worked or not. So with contracts an hour within them
costs little more than its premiums, and what limits a plan is what people can work: hours, shifts, and heads
on each day and night. These are a few rows for each team. That a person stands behind every head of these
rows, with rests and weekends, is the business of the roster.

A team may also employ people, at most some or as many as it needs: each adds to all of its rows, at the
price of their contract.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from planning.calendars import local_day
from planning.checks import Floats
from planning.pay import hour_cost, premium_hours
from planning.shifts.implicit import Block

if TYPE_CHECKING:
    from planning.centre import Centre

TOTALS = ["people", "owed_h", "hours", "shifts"]
"""Columns of `Contracts.teams`."""
DAYS = ["team", "day", "heads", "night_heads", "weekend"]
"""Columns of `Contracts.days`."""
Limit = tuple[sparse.csr_array, float, tuple[str, float, str, float | str]]
"""A row, its bound, and as in `Group.limits`: setting, value, unit of one more, and what that adds."""
_GRAIN_S = 900
"""Hours count in units of at most this many seconds, because rows are whole numbers."""
_WEEKS = 4
"""Rows of days count in quarters of a head, because free weekends are counted in four weeks."""


@dataclass(frozen=True)
class Hire:
    """What each person employed adds to a team, and what it costs over the horizon."""

    hours: float
    shifts: int
    weekends: int
    """Weekends of four that the person may work."""
    cost: float
    most: float = math.inf
    """The most people to employ."""

    @property
    def for_a_weekend(self) -> int:
        """People whom one more head on each weekend takes."""
        return math.ceil(_WEEKS / max(self.weekends, 1))


@dataclass(frozen=True, eq=False)
class Contracts:
    """What the contracts of a centre's people hold over the days of a plan.

    Attributes
    ----------
    teams : DataFrame
        Index team: people, owed_h (paid whether worked or not), hours (the most they may work) and shifts.
    days : DataFrame
        team, day (local, without zone), heads and night_heads (people who can work on the day, and at night),
        weekend (whether it is one of the site's).
    day_h : dict
        By team: a usual day of each person's contract, hours.
    hire : dict
        By team, for teams that may employ people.
    """

    teams: pd.DataFrame
    days: pd.DataFrame
    day_h: dict[str, Floats]
    hire: dict[str, Hire] = field(default_factory=dict)

    def total(self, team: str, name: str) -> float:
        """One of the totals of a team; 0 for a team without people."""
        return float(self.teams.loc[team, name]) if team in self.teams.index else 0.0

    def may_employ(self, team: str) -> float:
        """The most people that a team may employ."""
        return self.hire[team].most if team in self.hire else 0.0

    def held(self, team: str, hired: int = 0) -> float:
        """Hours that the team's people may work, with some more people."""
        more = self.hire[team].hours if team in self.hire else 0.0
        return self.total(team, "hours") + hired * more

    def owed_cost(self, centre: Centre, teams: Sequence[str]) -> float:
        """Pay of the hours that are owed to some teams, without premiums."""
        return sum(hour_cost(centre, team) * self.total(team, "owed_h") for team in teams)

    def extra_h(self, centre: Centre, team: str, one: Block) -> Floats:
        """Hours of pay of each column beyond what is owed: premiums, spare hours and unusual lengths."""
        extra, paid_h, days = one.cost.copy(), one.shape.paid_s / 3600, self.day_h.get(team, np.zeros(0))
        far = float(np.abs(paid_h - days).mean()) if len(days) else 0.0
        extra[one.heads] += centre.pay.off_length * far - (1 - centre.pay.spare_hour) * paid_h
        return extra

    def limits(
        self,
        centre: Centre,
        blocks: Sequence[tuple[str, Block]],
        columns: int,
        hires: Mapping[str, int],
    ) -> list[Limit]:
        """Limits of the hours, shifts and days of each team; `hires` are the columns of people employed."""
        base, classes = 0, []
        for team, one in blocks:
            starts = pd.DatetimeIndex(one.shifts["start"])
            ends = starts + pd.Timedelta(seconds=one.shape.length_s)
            night_h = premium_hours(centre, centre.teams[team].site, starts, ends)["night_h"].to_numpy()
            own = {"at": base + one.heads, "day": local_day(starts), "paid_s": one.shape.paid_s}
            classes.append(pd.DataFrame(own | {"night": night_h > 0, "team": team}))
            base += one.position.shape[1]
        return [
            limit
            for team, own in pd.concat(classes).groupby("team", sort=False)
            for limit in self._limits_of(str(team), own, columns, hires.get(str(team)))
        ]

    def _limits_of(self, team: str, own: pd.DataFrame, columns: int, hired: int | None) -> list[Limit]:
        none = Hire(hours=0.0, shifts=0, weekends=0, cost=0.0)
        hire, unit_s = none if hired is None else self.hire[team], math.gcd(_GRAIN_S, *own["paid_s"].tolist())
        hours, shifts = self.total(team, "hours"), self.total(team, "shifts")

        def limit(
            classes: pd.DataFrame, weights: int | np.ndarray, each: float, bound: float, name: str, unit: str
        ) -> Limit:
            at, values = classes["at"].to_numpy(), np.full(len(classes), 1.0) * weights
            if hired is not None:
                at, values = np.append(at, hired), np.append(values, -math.floor(each + 1e-9))
            row = sparse.csr_array((values, (np.zeros(len(at), dtype=np.int64), at)), shape=(1, columns))
            scale = 3600 / unit_s if unit == "hour" else float(_WEEKS) if unit == "person" else 1.0
            return row, math.floor(scale * bound + 1e-9), (f"{team}: {name}", bound, unit, scale)

        paid = own["paid_s"].to_numpy() // unit_s
        found = [
            limit(own, paid, hire.hours * 3600 / unit_s, hours, "contract hours", "hour"),
            limit(own, 1, hire.shifts, shifts, "shifts of its people", "shift"),
        ]
        if hired is not None and math.isfinite(hire.most):
            row = sparse.csr_array(([1.0], ([0], [hired])), shape=(1, columns))
            found.append((row, hire.most, (f"{team}: people to employ", hire.most, "person", 1.0)))
        days = self.days[self.days["team"] == team].set_index("day")
        for day, here in own.groupby("day"):
            there = days.loc[day] if day in days.index else pd.Series({"heads": 0.0, "night_heads": 0.0})
            each = hire.weekends if there.get("weekend", False) else _WEEKS
            for heads, classes, name in (
                ("heads", here, f"people on {day:%Y-%m-%d}"),
                ("night_heads", here[here["night"]], f"people on the night of {day:%Y-%m-%d}"),
            ):
                if len(classes):
                    found.append(limit(classes, _WEEKS, each, float(there[heads]), name, "person"))
        return found
