"""The rules of a lawful roster, each one object with two halves.

`constrain` tells a solver about a rule, in the vocabulary of `planning.roster.slate.Line`; `audit` finds the
breaches of a finished roster with pandas alone. The halves share the rule's figures and no code, so that an
error in one is caught by the other. The words are general; the figures and their articles come from
`Centre.labour`, so another country is another file.

Conventions, the same in both halves: a day is worked if a shift starts on it; a shift counts to the calendar
week (Monday to Sunday, on the centre's clock) that it starts in; whatever lies outside the roster is rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Protocol

import numpy as np
import pandas as pd

from planning.centre import Centre
from planning.errors import PlanningError
from planning.roster.slate import Line

__all__ = [
    "BREACH_COLUMNS",
    "DaysInRow",
    "HouseTeam",
    "Leave",
    "LongestShift",
    "NightConsent",
    "Rest",
    "Rule",
    "SoundShift",
    "WeekHours",
    "WeeklyRest",
    "no_breaches",
    "rules_of",
]

BREACH_COLUMNS = ("rule", "article", "agent_id", "date", "amount", "bound", "text")
HOUR = pd.Timedelta(hours=1)
DAY = pd.Timedelta(days=1)
HOUSE = "plan"
"""The article of a rule that no law need state."""
ROUNDING = 1e-6
"""Hours that only floating point can have made."""
SHORTEST_WEEK_H = 167.0
"""Hours of a calendar week in which clocks go forward."""


class Rule(Protocol):
    """A rule of the roster."""

    name: ClassVar[str]
    """What planners call it."""

    @property
    def article(self) -> str:
        """Where it stands written."""

    def constrain(self, line: Line) -> None:
        """Narrow one person's line of work to what the rule allows."""

    def audit(self, roster: pd.DataFrame) -> pd.DataFrame:
        """List the breaches in a roster.

        Parameters
        ----------
        roster : DataFrame
            As `planning.roster.audit.with_people` makes it: the columns of `planning.tables.ROSTER` in local
            time, with the person's columns beside them (missing for unknown people).

        Returns
        -------
        DataFrame
            Columns `BREACH_COLUMNS`, a row a breach.
        """


def no_breaches() -> pd.DataFrame:
    """Make an empty table of breaches.

    Examples
    --------
    >>> len(no_breaches())
    0
    """
    kinds = {"amount": "float64", "bound": "float64", "date": "object"}
    return pd.DataFrame({name: pd.Series(dtype=kinds.get(name, "str")) for name in BREACH_COLUMNS})


def _breaches(rule: Rule, rows: pd.DataFrame, texts: list[str]) -> pd.DataFrame:
    """Make breaches of rows with agent_id, date, amount and bound."""
    if rows.empty:
        return no_breaches()
    named = rows.assign(
        rule=rule.name, article=rule.article, text=texts, date=[day.date() for day in rows["date"]]
    )
    return named[list(BREACH_COLUMNS)].reset_index(drop=True)


def _hours(spans: pd.Series) -> pd.Series:
    return spans / HOUR


def _monday(days: pd.Series) -> pd.Series:
    """Midnight, without zone, of the Monday of each naive time."""
    midnight = days.dt.normalize()
    return midnight - midnight.dt.day_of_week * DAY


@dataclass(frozen=True)
class SoundShift:
    """A shift ends after it starts, and pays no more than the presence."""

    article: str = HOUSE
    name: ClassVar[str] = "sound shift"

    def constrain(self, line: Line) -> None:
        """Rule out shifts that cannot be."""
        presence_h = (line.slate.end - line.slate.start) / 3600
        line.forbid((presence_h <= 0) | (line.slate.paid_h > presence_h + ROUNDING))

    def audit(self, roster: pd.DataFrame) -> pd.DataFrame:
        """List shifts without length, and shifts that pay more than the presence."""
        presence = _hours(roster["end"] - roster["start"])
        bad = roster[(presence <= 0) | (roster["paid_h"] > presence + ROUNDING)]
        rows = bad.assign(date=bad["start"], amount=bad["paid_h"], bound=presence[bad.index])
        texts = [
            f"{row.shift_id} pays {row.amount:g} h for a presence of {row.bound:g} h"
            for row in rows.itertuples()
        ]
        return _breaches(self, rows, texts)


@dataclass(frozen=True)
class HouseTeam:
    """People exist, and work on the shifts of their own team and site."""

    article: str = HOUSE
    name: ClassVar[str] = "own team"

    def constrain(self, line: Line) -> None:
        """Rule out every shift if the slate is another team's."""
        own = (line.person.site, line.person.team) == (line.slate.site, line.slate.team)
        line.forbid(np.full(len(line.slate), not own))

    def audit(self, roster: pd.DataFrame) -> pd.DataFrame:
        """List assignments of unknown people, and to other teams or sites."""
        own = (roster["site"] == roster["person_site"]) & (roster["team"] == roster["person_team"])
        bad = roster[~(own & roster["known"])]
        rows = bad.assign(date=bad["start"], amount=1.0, bound=0.0)
        texts = [
            f"{row.shift_id} is {row.team} at {row.site}, the person {row.person_team} at {row.person_site}"
            if row.known
            else f"{row.agent_id} is not among the people"
            for row in rows.itertuples()
        ]
        return _breaches(self, rows, texts)


@dataclass(frozen=True)
class LongestShift:
    """No shift is longer, in paid hours, than the bound."""

    hours: float
    article: str
    name: ClassVar[str] = "longest shift"

    def constrain(self, line: Line) -> None:
        """Rule out longer shifts."""
        line.forbid(line.slate.paid_h > self.hours + ROUNDING)

    def audit(self, roster: pd.DataFrame) -> pd.DataFrame:
        """List longer shifts."""
        long = roster[roster["paid_h"] > self.hours + ROUNDING]
        rows = long.assign(date=long["start"], amount=long["paid_h"], bound=self.hours)
        texts = [
            f"{row.shift_id} has {row.amount:g} paid hours, at most {self.hours:g}"
            for row in rows.itertuples()
        ]
        return _breaches(self, rows, texts)


@dataclass(frozen=True)
class NightConsent:
    """Night hours are only for those who may and agreed to work at night."""

    night_from: timedelta
    night_until: timedelta
    article: str
    name: ClassVar[str] = "night consent"

    def constrain(self, line: Line) -> None:
        """Rule out shifts that touch the night for those who did not agree."""
        if not line.person.night_ok:
            line.forbid(line.slate.night)

    def audit(self, roster: pd.DataFrame) -> pd.DataFrame:
        """List shifts that touch the night, of people who did not agree."""
        night_h = self._night_hours(roster)
        unwilling = roster["known"] & (roster["night_ok"] != True)  # noqa: E712 - the column may hold missing values
        bad = roster[unwilling & (night_h > ROUNDING)]
        rows = bad.assign(date=bad["start"], amount=night_h[bad.index], bound=0.0)
        texts = [
            f"{row.shift_id} has {row.amount:g} night hours without consent" for row in rows.itertuples()
        ]
        return _breaches(self, rows, texts)

    def _night_hours(self, roster: pd.DataFrame) -> pd.Series:
        """Hours of each shift at night, by the clock of its first, second and third night."""
        start, end = (roster[name].dt.tz_localize(None) for name in ("start", "end"))
        length = (self.night_until - self.night_from) % timedelta(days=1)
        total = pd.Series(0.0, index=roster.index)
        for offset in (-1, 0, 1, 2):
            opens = start.dt.normalize() + offset * DAY + self.night_from
            inside = end.clip(upper=opens + length) - start.clip(lower=opens)
            total += _hours(inside).clip(lower=0)
        return total


@dataclass(frozen=True)
class Leave:
    """Nobody works while on leave."""

    article: str = HOUSE
    name: ClassVar[str] = "leave"

    def constrain(self, line: Line) -> None:
        """Rule out shifts that touch the leave."""
        if line.person.leave is not None:
            first, after = line.person.leave
            line.forbid((line.slate.start < after) & (line.slate.end > first))

    def audit(self, roster: pd.DataFrame) -> pd.DataFrame:
        """List shifts that overlap their person's leave."""
        away = roster["leave_from"].notna() | roster["leave_until"].notna()
        first = roster["leave_from"].fillna(roster["start"]).clip(lower=roster["start"])
        after = roster["leave_until"].fillna(roster["end"]).clip(upper=roster["end"])
        overlap = _hours(after - first)
        bad = roster[away & (overlap > ROUNDING)]
        rows = bad.assign(date=bad["start"], amount=overlap[bad.index], bound=0.0)
        texts = [f"{row.shift_id} overlaps the leave by {row.amount:g} h" for row in rows.itertuples()]
        return _breaches(self, rows, texts)


@dataclass(frozen=True)
class Rest:
    """One shift at a time, and a rest between two."""

    hours: float
    article: str
    name: ClassVar[str] = "rest between shifts"

    def constrain(self, line: Line) -> None:
        """Keep the rest between any two shifts."""
        line.separate(self.hours)

    def audit(self, roster: pd.DataFrame) -> pd.DataFrame:
        """List shifts that start before the person has rested from all earlier ones."""
        ordered = roster.sort_values(["agent_id", "start", "end"], kind="stable")
        free_from = ordered.groupby("agent_id")["end"].cummax().groupby(ordered["agent_id"]).shift()
        gap = _hours(ordered["start"] - free_from)
        bad = ordered[gap < max(self.hours, 0.0) - ROUNDING]
        rows = bad.assign(date=bad["start"], amount=gap[bad.index], bound=self.hours)
        texts = [
            f"{row.shift_id} overlaps an earlier shift by {-row.amount:g} h"
            if row.amount < 0
            else f"{row.amount:g} h of rest before {row.shift_id}, at least {self.hours:g}"
            for row in rows.itertuples()
        ]
        return _breaches(self, rows, texts)


@dataclass(frozen=True)
class WeeklyRest:
    """Every calendar week holds one uninterrupted rest; the part outside the week does not count."""

    hours: float
    article: str
    name: ClassVar[str] = "weekly rest"

    def constrain(self, line: Line) -> None:
        """Keep the rest in every week."""
        line.rest_weekly(self.hours)

    def audit(self, roster: pd.DataFrame) -> pd.DataFrame:
        """List the weeks in which a person's longest rest is too short."""
        weeks = self._longest_rests(roster)
        bad = weeks[weeks["amount"] < self.hours - ROUNDING].assign(bound=self.hours)
        texts = [
            f"longest rest of the week is {row.amount:g} h, at least {self.hours:g}"
            for row in bad.itertuples()
        ]
        return _breaches(self, bad, texts)

    def _longest_rests(self, roster: pd.DataFrame) -> pd.DataFrame:
        """Find the longest rest of each person in each week that they work in."""
        zone = roster["start"].dt.tz
        parts = self._parts_by_week(roster).sort_values(["agent_id", "date", "start"], kind="stable")
        parts["week_end"] = (parts["date"] + 7 * DAY).dt.tz_localize(zone)
        week_start = parts["date"].dt.tz_localize(zone)
        parts["start"] = parts["start"].clip(lower=week_start)
        parts["end"] = parts["end"].clip(upper=parts["week_end"])
        keys = [parts["agent_id"], parts["date"]]
        before = parts.groupby(["agent_id", "date"])["end"].cummax().groupby(keys).shift()
        parts["gap"] = _hours(parts["start"] - before.fillna(week_start))
        by_week = parts.groupby(["agent_id", "date"], as_index=False).agg(
            gap=("gap", "max"), last=("end", "max"), week_end=("week_end", "first")
        )
        return by_week.assign(amount=by_week["gap"].clip(lower=_hours(by_week["week_end"] - by_week["last"])))

    @staticmethod
    def _parts_by_week(roster: pd.DataFrame) -> pd.DataFrame:
        """Repeat each shift for every week that it touches; ``date`` is the week's Monday."""
        real = roster.loc[roster["end"] > roster["start"], ["agent_id", "start", "end"]]
        first = _monday(real["start"].dt.tz_localize(None))
        last_instant = real["end"].dt.tz_localize(None) - pd.Timedelta(seconds=1)
        weeks = ((_monday(last_instant) - first) // (7 * DAY) + 1).astype("int64")
        parts = real.assign(date=first).loc[real.index.repeat(weeks)]
        nth = parts.groupby(level=0).cumcount()
        return parts.assign(date=parts["date"] + nth * 7 * DAY).reset_index(drop=True)


@dataclass(frozen=True)
class WeekHours:
    """Paid hours of a calendar week stay within the contract, less the share of its workdays on leave."""

    week_h: float
    article: str
    name: ClassVar[str] = "hours in the week"

    def constrain(self, line: Line) -> None:
        """Bound the hours of every week by what the leave leaves of the contract."""
        contract = min(line.person.contract_h_week, self.week_h)
        mondays = line.slate.midnights[:-1:7]
        saturdays = line.slate.midnights[5::7]
        first, after = line.person.leave or (0, 0)
        away = np.clip(np.minimum(saturdays, after) - np.maximum(mondays, first), 0, None)
        line.cap_hours(contract * (1 - away / (saturdays - mondays)))

    def audit(self, roster: pd.DataFrame) -> pd.DataFrame:
        """List the weeks in which a person is paid for more."""
        known = roster[roster["known"]]
        monday = _monday(known["start"].dt.tz_localize(None))
        weeks = (
            known.assign(date=monday)
            .groupby(["agent_id", "date"], as_index=False)
            .agg(amount=("paid_h", "sum"), contract=("contract_h_week", "first"),
                 leave_from=("leave_from", "first"), leave_until=("leave_until", "first"))
        )  # fmt: skip
        weeks["bound"] = weeks["contract"].clip(upper=self.week_h) * (1 - self._share_on_leave(weeks))
        bad = weeks[weeks["amount"] > weeks["bound"] + ROUNDING]
        texts = [f"{row.amount:g} paid hours in the week, at most {row.bound:g}" for row in bad.itertuples()]
        return _breaches(self, bad, texts)

    @staticmethod
    def _share_on_leave(weeks: pd.DataFrame) -> pd.Series:
        """Share of Monday to Friday on leave; a leave with one open end goes on for ever."""
        first, after = (weeks[name].dt.tz_localize(None) for name in ("leave_from", "leave_until"))
        monday, saturday = weeks["date"], weeks["date"] + 5 * DAY
        away = first.notna() | after.notna()
        days = after.fillna(saturday).clip(upper=saturday) - first.fillna(monday).clip(lower=monday)
        return (days / (5 * DAY)).clip(lower=0.0).where(away, 0.0)


@dataclass(frozen=True)
class DaysInRow:
    """No more than so many working days in a row."""

    days: int
    article: str
    name: ClassVar[str] = "days in a row"

    def constrain(self, line: Line) -> None:
        """Bound the runs of days on which a shift starts."""
        line.cap_run(self.days)

    def audit(self, roster: pd.DataFrame) -> pd.DataFrame:
        """List the runs of working days that are too long."""
        worked = roster.assign(date=roster["start"].dt.tz_localize(None).dt.normalize())
        days = worked[["agent_id", "date"]].drop_duplicates().sort_values(["agent_id", "date"])
        # Days in a row less their rank in the row is the same day throughout a run.
        days["run"] = days["date"] - days.groupby("agent_id").cumcount() * DAY
        runs = days.groupby(["agent_id", "run"], as_index=False).agg(
            date=("date", "min"), amount=("date", "size")
        )
        bad = runs[runs["amount"] > self.days].assign(bound=float(self.days))
        bad["amount"] = bad["amount"].astype(float)
        texts = [f"{row.amount:g} working days in a row, at most {self.days}" for row in bad.itertuples()]
        return _breaches(self, bad, texts)


def rules_of(centre: Centre) -> tuple[Rule, ...]:
    """Make the rules that a centre's labour settings ask for.

    Raises
    ------
    PlanningError
        A bound that no week can hold.

    Examples
    --------
    >>> [rule.name for rule in rules_of(Centre.load("data/centre.toml"))][:3]
    ['sound shift', 'own team', 'leave']
    """
    labour = centre.labour
    if labour.weekly_rest_h.value > SHORTEST_WEEK_H:
        raise PlanningError(
            f"labour.weekly_rest_h is {labour.weekly_rest_h.value:g}, must be at most {SHORTEST_WEEK_H:g}: "
            "a week holds no longer rest"
        )
    consent = NightConsent(labour.night_from, labour.night_until, labour.night_consent.article)
    return (
        SoundShift(),
        HouseTeam(),
        Leave(),
        LongestShift(labour.max_shift_h.value, labour.max_shift_h.article),
        *((consent,) if labour.night_consent.value else ()),
        Rest(labour.min_rest_h.value, labour.min_rest_h.article),
        WeeklyRest(labour.weekly_rest_h.value, labour.weekly_rest_h.article),
        WeekHours(labour.week_h.value, labour.week_h.article),
        DaysInRow(int(labour.max_days_in_row.value), labour.max_days_in_row.article),
    )
