"""What contracts hold: the hours, the shifts and the days that the people of each team can work.

The hours of a salaried person are paid whether they are worked or not. So with contracts an hour within them
costs little more than its premiums, and what limits a plan is what people can work: hours, shifts, and heads
on each day and night. These are a few rows for each team. That a person stands behind every head of these
rows, with rests and weekends, is the business of the roster.

People may also join a team, at most some or as many as it needs: employed at the price of their contract, or
moved from another team of the site at the price of their training. Each adds to all rows of the team, and one
who is moved takes as much from those of the team before. Cross-training is a move to a team with more queues.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from planning.calendars import kinds_of, local_day, local_times
from planning.checks import Floats, Ints
from planning.pay import hour_cost, premium_hours
from planning.shifts.implicit import Block

if TYPE_CHECKING:
    from planning.centre import Centre

TOTALS = ["people", "owed_h", "hours", "shifts"]
"""Columns of `Contracts.teams`."""
DAYS = ["team", "day", "classes", "heads", "weekend"]
"""Columns of `Contracts.days`."""
Class = tuple[str, bool]
"""Shifts that the same people can work: their kind, "" for any where nobody works by a rotation, and whether
they have night hours."""
Limit = tuple[sparse.csr_array, float, tuple[str, float, str, float | str]]
"""A row, its bound, and as in `Group.limits`: setting, value, unit of one more, and what that adds."""
EMPLOYED = ""
"""The team before of people to employ."""
_GRAIN_S = 900
"""Hours count in units of at most this many seconds, because rows are whole numbers."""
_WEEKS = 4
"""Rows of days count in quarters of a head, because free weekends are counted in four weeks."""


@dataclass(frozen=True)
class Join:
    """What each person who joins a team adds to it, and what it costs over the horizon."""

    hours: float
    shifts: int
    weekends: int
    """Weekends of four that the person may work."""
    cost: float
    most: float = math.inf
    """The most people who may join."""
    nights: bool = True
    """Whether the person works at night."""
    people: tuple[str, ...] = ()
    """For a move: those who may be moved, the first one first. In all that counts here they are alike."""

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
        team, day (local, without zone), classes (of shifts, () for all), heads (people who can work a shift
        of one of these classes on the day), weekend (whether it is one of the site's). By Hall's theorem
        (1935, On representatives of subsets) each shift of a day finds somebody if every set of classes has
        at least as many people as shifts; rows that follow from others are left out.
    day_h : dict
        By team: a usual day of each person's contract, hours.
    joins : dict
        Who may join a team, by (team before, team); the team before is "" for people to employ.
    """

    teams: pd.DataFrame
    days: pd.DataFrame
    day_h: dict[str, Floats]
    joins: dict[tuple[str, str], Join] = field(default_factory=dict)

    def total(self, team: str, name: str) -> float:
        """One of the totals of a team; 0 for a team without people."""
        return float(self.teams.loc[team, name]) if team in self.teams.index else 0.0

    def may_employ(self, team: str) -> float:
        """The most people that a team may employ."""
        return self.joins[EMPLOYED, team].most if (EMPLOYED, team) in self.joins else 0.0

    def held(self, team: str, joined: Mapping[tuple[str, str], int]) -> float:
        """Hours that the team's people may work, after some have joined or left."""
        more = (
            ((after == team) - (before == team)) * count * self.joins[before, after].hours
            for (before, after), count in joined.items()
        )
        return self.total(team, "hours") + sum(more)

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
        joins: Mapping[tuple[str, str], int],
    ) -> list[Limit]:
        """Limits of the hours, shifts and days of each team; `joins` are columns of people who join one."""
        base, classes = 0, []
        for team, one in blocks:
            starts = pd.DatetimeIndex(one.shifts["start"])
            ends = starts + pd.Timedelta(seconds=one.shape.length_s)
            night_h = premium_hours(centre, centre.teams[team].site, starts, ends)["night_h"].to_numpy()
            own = {"at": base + one.heads, "day": local_day(starts), "paid_s": one.shape.paid_s}
            own |= {"kind": self._kinds(centre, team, starts, one.shape.length_s / 3600, night_h)}
            classes.append(pd.DataFrame(own | {"night": night_h > 0, "team": team}))
            base += one.position.shape[1]
        return [
            limit
            for team, own in pd.concat(classes).groupby("team", sort=False)
            for limit in self._limits_of(str(team), own, columns, joins)
        ]

    def _kinds(
        self, centre: Centre, team: str, starts: pd.DatetimeIndex, length_h: float, night_h: Floats
    ) -> list[str]:
        """Kind of each shift as the classes of a team name it."""
        if all(kind == "" for own in self.days["classes"][self.days["team"] == team] for kind, _ in own):
            return [""] * len(starts)
        site = centre.teams[team].site
        local = local_times(starts, [centre.zones[site]] * len(starts))
        lengths = np.full(len(starts), length_h)
        names, kinds = kinds_of(local, lengths, night_h, centre.at(site).labour.kinds)
        return [names[kind] for kind in kinds]

    def _limits_of(
        self, team: str, own: pd.DataFrame, columns: int, joins: Mapping[tuple[str, str], int]
    ) -> list[Limit]:
        unit_s = math.gcd(_GRAIN_S, *own["paid_s"].tolist())
        hours, shifts = self.total(team, "hours"), self.total(team, "shifts")
        # Those who join add to the team's limits, and those who leave take from them.
        moved = [
            (column, 1 if key[1] == team else -1, self.joins[key])
            for key, column in joins.items()
            if team in key
        ]

        def row_of(at: Ints, values: Floats) -> sparse.csr_array:
            return sparse.csr_array((values, (np.zeros(len(at), dtype=np.int64), at)), shape=(1, columns))

        def limit(
            classes: pd.DataFrame,
            weights: int | Ints,
            each: Callable[[Join], float],
            bound: float,
            name: str,
            unit: str,
        ) -> Limit:
            # Rounded against the plan on either side, because rows are whole numbers.
            more = [-math.floor(sign * each(one) + 1e-9) for _, sign, one in moved]
            at = np.append(classes["at"].to_numpy(), [column for column, *_ in moved]).astype(np.int64)
            row = row_of(at, np.append(np.full(len(classes), 1.0) * weights, more))
            scale = 3600 / unit_s if unit == "hour" else float(_WEEKS) if unit == "person" else 1.0
            return row, math.floor(scale * bound + 1e-9), (f"{team}: {name}", bound, unit, scale)

        paid = own["paid_s"].to_numpy() // unit_s
        found = [
            limit(own, paid, lambda one: one.hours * 3600 / unit_s, hours, "contract hours", "hour"),
            limit(own, 1, lambda one: one.shifts, shifts, "shifts of its people", "shift"),
        ]
        for (before, after), column in joins.items():
            most = self.joins[before, after].most
            if after == team and math.isfinite(most):
                name = f"people to move from {before}" if before else "people to employ"
                limited = row_of(np.array([column]), np.ones(1))
                found.append((limited, most, (f"{team}: {name}", most, "person", 1.0)))
        leaving = [(column, len(one.people)) for column, sign, one in moved if sign < 0]
        if len(leaving) > 1:
            row = row_of(np.array([column for column, _ in leaving]), np.ones(len(leaving)))
            most = float(max(count for _, count in leaving))
            found.append((row, most, (f"{team}: people who can leave", most, "person", 1.0)))
        days = self.days[self.days["team"] == team]
        for day, here in own.groupby("day"):
            there = days[days["day"] == day]
            if there.empty:
                there = pd.DataFrame([(team, day, (), 0.0, False)], columns=DAYS)
            for row in there.itertuples():
                asked: Sequence[Class] = row.classes
                inside = [one in asked for one in zip(here["kind"], here["night"], strict=True)]
                classes = here[inside] if asked else here
                if len(classes):
                    by_night = bool(asked) and all(night for _, night in asked)
                    each = partial(_weekly, weekend=bool(row.weekend), night=by_night)
                    name = f"people {_words(asked)} {day:%Y-%m-%d}"
                    found.append(limit(classes, _WEEKS, each, float(row.heads), name, "person"))
        return found


def _words(classes: Sequence[Class]) -> str:
    """Name classes of shifts before the day.

    Examples
    --------
    >>> [_words(some) for some in [(), [("", True)], [("early", False), ("late", True), ("late", False)]]]
    ['on', 'on the night of', 'for early and late shifts on']
    """
    kinds = list(dict.fromkeys(kind for kind, _ in classes))
    if "" in kinds or not kinds:
        return "on the night of" if classes else "on"
    return f"for {' and '.join(kinds)} shifts on"


def _weekly(one: Join, weekend: bool, night: bool) -> int:
    """Weeks of four in which somebody who joins can work on a day, or at its night."""
    return 0 if night and not one.nights else one.weekends if weekend else _WEEKS
