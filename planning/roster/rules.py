"""The rules of a lawful roster, each one object with two halves.

`constrain` states a rule for the engine, in the verbs of `planning.roster.limits.Limits`; `audit` finds the
breaches in a finished roster with pandas alone. The halves share the rule's figures but no code, so an error
in one is caught by the other. The rules are general; their figures and articles come from `Centre.labour` of
a site, so another country is another file.

A rule is hard, or soft with a weight, the price of each breach. Some can only be hard.

Conventions, the same in both halves: a day is worked if a shift starts on it; a shift counts to the week in
which it starts, on the centre's clock. A week ends with the weekend of the site. Everything outside the
roster is rest, except what the people's table says about the days before. Night hours, kinds of shift and
public holidays follow the clock of the site, which may be ahead of the centre's.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.calendars import DAY, NIGHT, kinds_of, week_end
from planning.centre import Centre
from planning.checks import Ints
from planning.pay import premium_hours
from planning.roster.inputs import Horizon, own_clock
from planning.roster.limits import Limits

BREACH_COLUMNS = ("rule", "article", "agent_id", "date", "amount", "bound", "text")
HOUR = pd.Timedelta(hours=1)
LAST_DAY = 6
"""Day with which a week ends."""
HOUSE = "plan"
"""The article of a rule that needs no law."""
ROUNDING = 1e-6
"""Hours that can only be rounding in floating point."""


@dataclass(frozen=True, eq=False)
class Case:
    """A roster of one site, prepared for the audit."""

    site: str
    roster: pd.DataFrame
    """Columns of `planning.tables.ROSTER` and of the person, in local time (missing for unknown people)."""
    horizon: Horizon
    """Days of the roster, in the weeks of the site."""
    norms: pd.DataFrame
    """Working hours of the days ahead (`planning.roster.inputs.norms_of`)."""


@dataclass(frozen=True, kw_only=True)
class Rule(ABC):
    """A rule of the roster."""

    article: str = HOUSE
    """Its source: an article, or the house."""
    weight: float | None = None
    """Price of a breach of a soft rule; None for a hard one."""
    always_hard: ClassVar[bool] = False

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name for planners."""

    @abstractmethod
    def constrain(self, limits: Limits) -> None:
        """Narrow one person's work pattern to what the rule allows."""

    @abstractmethod
    def audit(self, case: Case) -> pd.DataFrame:
        """List the breaches in a roster.

        Parameters
        ----------
        case : Case
            The roster, with the people and the horizon beside it.

        Returns
        -------
        DataFrame
            Columns `BREACH_COLUMNS`, a row per breach.
        """


_KINDS = {"amount": "float64", "bound": "float64", "date": "object"}
_NONE = pd.DataFrame({name: pd.Series(dtype=_KINDS.get(name, "str")) for name in BREACH_COLUMNS})


def no_breaches() -> pd.DataFrame:
    """Make an empty table of breaches.

    Examples
    --------
    >>> len(no_breaches())
    0
    """
    return _NONE.copy()


def breaches_of(
    rule: Rule, rows: pd.DataFrame, text: str | NDArray[np.str_], **figures: float | pd.Series
) -> pd.DataFrame:
    """Turn rows into breaches; `text`, one or one a row, has their columns in braces.

    The amount (1 if not said) and the bound (0) are columns or `figures`; the date is that of the start if it
    is no column.
    """
    if rows.empty:
        return no_breaches()
    said = {name: rows[name] for name in ("amount", "bound") if name in rows} | figures
    rows = rows.assign(**{"amount": 1.0, "bound": 0.0} | said).astype({"amount": float, "bound": float})
    texts = zip(np.broadcast_to(text, len(rows)).tolist(), rows.to_dict("records"), strict=True)
    named = rows.assign(
        rule=rule.name,
        article=rule.article,
        text=[each.format(**row) for each, row in texts],
        date=[day.date() for day in rows["date" if "date" in rows else "start"]],
    )
    return named[list(BREACH_COLUMNS)].reset_index(drop=True)


def _hours(spans: pd.Series) -> pd.Series:
    return spans / HOUR


def _week_of(days: pd.Series, horizon: Horizon) -> pd.Series:
    """Midnight, without a zone, of the first day of each naive time's week."""
    midnight = days.dt.normalize()
    return midnight - (midnight.dt.day_of_week - horizon.week_end[-1] - 1) % 7 * DAY


@dataclass(frozen=True)
class SoundShift(Rule):
    """A shift ends after it starts, and pays no more than its presence."""

    always_hard = True
    name = "sound shift"

    def constrain(self, limits: Limits) -> None:
        """Forbid shifts that are not possible."""
        presence_h = (limits.team_shifts.end - limits.team_shifts.start) / 3600
        limits.forbid((presence_h <= 0) | (limits.team_shifts.paid_h > presence_h + ROUNDING))

    def audit(self, case: Case) -> pd.DataFrame:
        """List shifts without length, and shifts that pay more than their presence."""
        roster = case.roster
        presence = _hours(roster["end"] - roster["start"])
        bad = roster[(presence <= 0) | (roster["paid_h"] > presence + ROUNDING)]
        return breaches_of(
            self,
            bad,
            "{shift_id} pays {amount:g} h for a presence of {bound:g} h",
            amount=bad["paid_h"],
            bound=presence[bad.index],
        )


@dataclass(frozen=True)
class HouseTeam(Rule):
    """People exist, and work on the shifts of their own team and site."""

    always_hard = True
    name = "own team"

    def constrain(self, limits: Limits) -> None:
        """Forbid every shift of another team."""
        own = (limits.person.site, limits.person.team) == (limits.team_shifts.site, limits.team_shifts.team)
        limits.forbid(np.full(len(limits.team_shifts), not own))

    def audit(self, case: Case) -> pd.DataFrame:
        """List assignments of unknown people, and to other teams or sites."""
        roster = case.roster
        own = (roster["site"] == roster["person_site"]) & (roster["team"] == roster["person_team"])
        bad = roster[~(own & roster["known"])]
        elsewhere = "{shift_id} is {team} at {site}, the person {person_team} at {person_site}"
        return breaches_of(self, bad, np.where(bad["known"], elsewhere, "{agent_id} is not among the people"))


@dataclass(frozen=True)
class LongestShift(Rule):
    """No shift is longer, in paid hours, than the bound."""

    hours: float
    name = "longest shift"

    def constrain(self, limits: Limits) -> None:
        """Forbid longer shifts."""
        limits.forbid(limits.team_shifts.paid_h > self.hours + ROUNDING, self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List longer shifts."""
        roster = case.roster
        long = roster[roster["paid_h"] > self.hours + ROUNDING]
        return breaches_of(
            self,
            long,
            "{shift_id} has {amount:g} paid hours, at most {bound:g}",
            amount=long["paid_h"],
            bound=self.hours,
        )


@dataclass(frozen=True)
class NightConsent(Rule):
    """Night hours are only for people who may and have agreed to work at night."""

    night_from: timedelta
    night_until: timedelta
    zones: Mapping[str, str] = field(default_factory=dict)
    """Time zone of each site's own clock; the roster's for a site that is not named."""
    name = "night consent"

    def constrain(self, limits: Limits) -> None:
        """Forbid shifts that touch the night to people who did not agree."""
        if not limits.person.night_ok:
            limits.forbid(limits.team_shifts.night, self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List shifts that touch the night, of people who did not agree."""
        roster = case.roster
        night_h = self._night_hours(roster)
        unwilling = roster["known"] & (roster["night_ok"] != True)  # noqa: E712 - the column may hold missing values
        bad = roster[unwilling & (night_h > ROUNDING)]
        return breaches_of(
            self, bad, "{shift_id} has {amount:g} night hours without consent", amount=night_h[bad.index]
        )

    def _night_hours(self, roster: pd.DataFrame) -> pd.Series:
        """Hours of each shift at night, by its site's clock on the night before and the next three."""
        total = pd.Series(0.0, index=roster.index)
        length = (self.night_until - self.night_from) % timedelta(days=1)
        for site, own in roster.groupby("site"):
            zone = self.zones.get(str(site), own["start"].dt.tz)
            day = own["start"].dt.tz_convert(zone).dt.tz_localize(None).dt.normalize()
            starts, ends = (own[edge].dt.tz_convert("UTC").to_numpy() for edge in ("start", "end"))
            for offset in (-1, 0, 1, 2):
                dusk = day + offset * DAY + self.night_from
                opens, closes = (
                    _on_clock(edge, zone).dt.tz_convert("UTC").to_numpy() for edge in (dusk, dusk + length)
                )
                inside = np.minimum(ends, closes) - np.maximum(starts, opens)
                total[own.index] += np.clip(inside / HOUR, 0.0, None)
        return total


def _on_clock(times: pd.Series, zone: Any) -> pd.Series:
    """Instants of naive times: the next one for a time that the clock skips, the first for a repeated one."""
    return times.dt.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.ones(len(times), dtype=bool))


@dataclass(frozen=True)
class Skill(Rule):
    """A shift that needs a skill is for people who have it."""

    name = "skill"

    def constrain(self, limits: Limits) -> None:
        """Forbid shifts that need a skill the person lacks."""
        able = np.isin(limits.team_shifts.skill, ["", *limits.person.skills])
        limits.forbid(~able, self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List shifts that need a skill their person lacks."""
        if "skill" not in case.roster:
            return no_breaches()
        wanted = case.roster["skill"].astype("str").fillna("")
        pairs = zip(wanted, case.roster["skills"].astype("str").fillna("").str.split(), strict=True)
        lacks = pd.Series([bool(want) and want not in has for want, has in pairs], index=case.roster.index)
        bad = case.roster[lacks]
        return breaches_of(self, bad, "{shift_id} needs the skill {skill}")


@dataclass(frozen=True)
class Leave(Rule):
    """Nobody works while on leave, or on study leave."""

    study: bool = False

    @property
    def name(self) -> str:
        """Its name for planners."""
        return "study leave" if self.study else "leave"

    def constrain(self, limits: Limits) -> None:
        """Forbid shifts that touch the leave."""
        away = limits.person.study if self.study else limits.person.leave
        if away is not None:
            first, after = away
            limits.forbid((limits.team_shifts.start < after) & (limits.team_shifts.end > first), self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List shifts that overlap their person's leave."""
        roster, kind = case.roster, "study" if self.study else "leave"
        opens, closes = roster[f"{kind}_from"], roster[f"{kind}_until"]
        first = opens.fillna(roster["start"]).clip(lower=roster["start"])
        after = closes.fillna(roster["end"]).clip(upper=roster["end"])
        overlap = _hours(after - first)
        bad = roster[(opens.notna() | closes.notna()) & (overlap > ROUNDING)]
        return breaches_of(
            self, bad, f"{{shift_id}} overlaps the {self.name} by {{amount:g}} h", amount=overlap[bad.index]
        )


@dataclass(frozen=True)
class FreeDates(Rule):
    """Nobody starts a shift on a day of illness, or on one they cannot work (hard) or wish off (soft)."""

    column: Literal["sick", "blocked", "wished_off"]

    @property
    def name(self) -> str:
        """Its name for planners."""
        return {"sick": "sick day", "blocked": "blocked day", "wished_off": "wished day off"}[self.column]

    def constrain(self, limits: Limits) -> None:
        """Forbid shifts that start on the dates."""
        dates: frozenset[str] = getattr(limits.person, self.column)
        if dates:
            free = np.isin(limits.team_shifts.dates, list(dates))
            limits.forbid(free[limits.team_shifts.day], self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List shifts that start on the dates."""
        roster = case.roster
        dates = roster["start"].dt.strftime("%Y-%m-%d")
        pairs = zip(dates, roster[self.column].astype("str").fillna("").str.split(), strict=True)
        bad = roster[np.array([date in free for date, free in pairs], dtype=bool)]
        return breaches_of(self, bad, f"{{shift_id}} starts on a {self.name}")


@dataclass(frozen=True)
class PreferredKind(Rule):
    """People who prefer one kind of shift work that kind."""

    centre: Centre
    name = "preferred kind"

    def constrain(self, limits: Limits) -> None:
        """Forbid, or price, shifts of the other kinds."""
        if limits.person.prefers in limits.team_shifts.kinds:
            limits.forbid(
                limits.team_shifts.kind != limits.team_shifts.kinds.index(limits.person.prefers), self.weight
            )

    def audit(self, case: Case) -> pd.DataFrame:
        """List shifts of another kind than their person prefers."""
        roster = case.roster.assign(kind=kind_names(case.roster, self.centre))
        known = {*self.centre.labour.kinds, NIGHT}
        bad = roster[roster["prefers"].isin(known) & (roster["kind"] != roster["prefers"])]
        return breaches_of(self, bad, "{shift_id} is {kind}, preferred is {prefers}")


@dataclass(frozen=True)
class OneShiftADay(Rule):
    """At most one shift starts on a day."""

    always_hard = True
    name = "one shift a day"

    def constrain(self, limits: Limits) -> None:
        """Do nothing: every work pattern of the engine has at most one shift a day."""

    def audit(self, case: Case) -> pd.DataFrame:
        """List the days on which more than one shift starts."""
        days = case.roster.assign(date=days_of(case.roster))
        counts = days.groupby(["agent_id", "date"], as_index=False).agg(amount=("shift_id", "size"))
        bad = counts[counts["amount"] > 1]
        return breaches_of(self, bad, "{amount:g} shifts start on one day", bound=1.0)


@dataclass(frozen=True)
class Rest(Rule):
    """One shift at a time, and a rest between two, optionally at least twice as long as the first."""

    hours: float
    twice: bool = False
    always_hard = True
    name = "rest between shifts"

    def constrain(self, limits: Limits) -> None:
        """Keep the rest between any two shifts, and after the last one before the horizon."""
        team_shifts, last_end = limits.team_shifts, limits.person.carry_over.last_end
        length_s = team_shifts.end - team_shifts.start
        rest_s = np.full(len(team_shifts), round(self.hours * 3600), dtype=np.int64)
        limits.separate(np.maximum(rest_s, 2 * length_s) if self.twice else rest_s)
        if last_end is not None:
            limits.not_before(last_end + round(self.hours * 3600))

    def audit(self, case: Case) -> pd.DataFrame:
        """List shifts that start before the person has rested from all earlier ones."""
        ordered = case.roster.sort_values(["agent_id", "start", "end"], kind="stable")
        length = ordered["end"] - ordered["start"]
        rest = (2 * length if self.twice else length * 0).clip(lower=self.hours * HOUR)
        zone = ordered["start"].dt.tz
        # On one axis in microseconds, so that the latest end so far is a cumulative maximum.
        ready = (ordered["end"] + rest.clip(lower=pd.Timedelta(0))).groupby(ordered["agent_id"])
        before = ready.cummax().groupby(ordered["agent_id"]).shift()
        busy = ordered.groupby("agent_id")["end"].cummax().groupby(ordered["agent_id"]).shift()
        came = ordered["last_end"].where(before.isna())
        before = before.fillna((came + self.hours * HOUR).dt.tz_convert(zone))
        late = _hours(before - ordered["start"])
        gap = _hours(ordered["start"] - busy.fillna(came.dt.tz_convert(zone)))
        bad = ordered.assign(amount=gap, bound=gap + late, inside=-gap)[late > ROUNDING]
        text = "{amount:g} h of rest before {shift_id}, at least {bound:g}"
        overlap = "{shift_id} overlaps an earlier shift by {inside:g} h"
        return breaches_of(self, bad, np.where(bad["amount"] < 0, overlap, text))


@dataclass(frozen=True)
class WeeklyRest(Rule):
    """Every week has one uninterrupted rest; any part outside the week does not count."""

    hours: float
    name = "weekly rest"

    def constrain(self, limits: Limits) -> None:
        """Keep the rest in every week."""
        limits.rest_weekly(self.hours, self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the weeks in which a person's longest rest is too short."""
        weeks = self._longest_rests(case)
        bad = weeks[weeks["amount"] < self.hours - ROUNDING]
        text = "longest rest of the week is {amount:g} h, at least {bound:g}"
        return breaches_of(self, bad, text, bound=self.hours)

    def _longest_rests(self, case: Case) -> pd.DataFrame:
        """Find the longest rest of each person in each week that they work in."""
        zone = case.roster["start"].dt.tz
        parts = self._parts_by_week(case).sort_values(["agent_id", "date", "start"], kind="stable")
        parts["week_end"] = _on_clock(parts["date"] + 7 * DAY, zone)
        week_start = _on_clock(parts["date"], zone)
        parts["start"] = parts["start"].clip(lower=week_start)
        parts["end"] = parts["end"].clip(upper=parts["week_end"])
        keys = [parts["agent_id"], parts["date"]]
        before = parts.groupby(["agent_id", "date"])["end"].cummax().groupby(keys).shift()
        # The last shift before the horizon may reach into its first week.
        opens = week_start.where(~(parts["last_end"] > week_start), parts["last_end"])
        parts["gap"] = _hours(parts["start"] - before.fillna(opens))
        by_week = parts.groupby(["agent_id", "date"], as_index=False).agg(
            gap=("gap", "max"), last=("end", "max"), week_end=("week_end", "first")
        )
        return by_week.assign(amount=by_week["gap"].clip(lower=_hours(by_week["week_end"] - by_week["last"])))

    @staticmethod
    def _parts_by_week(case: Case) -> pd.DataFrame:
        """Repeat each shift for every week that it touches; ``date`` is the week's first day."""
        roster, horizon = case.roster, case.horizon
        real = roster.loc[roster["end"] > roster["start"], ["agent_id", "start", "end", "last_end"]]
        first = _week_of(real["start"].dt.tz_localize(None), horizon)
        last_instant = real["end"].dt.tz_localize(None) - pd.Timedelta(seconds=1)
        weeks = ((_week_of(last_instant, horizon) - first) // (7 * DAY) + 1).astype("int64")
        parts = real.assign(date=first).loc[real.index.repeat(weeks)]
        nth = parts.groupby(level=0).cumcount()
        return parts.assign(date=parts["date"] + nth * 7 * DAY).reset_index(drop=True)


@dataclass(frozen=True)
class Holidays(Rule):
    """Work on a public holiday is paid double (`Labour.holiday_premium`); as a hard rule it is forbidden.

    Its weight is the cost of a shift that touches a holiday beyond the pay, which is the same for all people.
    """

    centre: Centre
    name = "public holiday"

    def constrain(self, limits: Limits) -> None:
        """Forbid, or price, shifts that begin or end on a holiday."""
        team_shifts = limits.team_shifts
        zone = self.centre.zones.get(team_shifts.site, self.centre.time_zone)
        # A shift that ends at midnight ends on the day before.
        edges = [
            pd.to_datetime(at, unit="s", utc=True).tz_convert(zone)
            for at in (team_shifts.start, team_shifts.end - 1)
        ]
        begins, ends = (self.centre.is_holiday(edge.date) for edge in edges)
        limits.forbid(np.logical_or(begins, ends), self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List shifts with hours on a holiday."""
        roster = case.roster
        edges = (pd.DatetimeIndex(roster[edge]) for edge in ("start", "end"))
        hours = premium_hours(self.centre, case.site, *edges)["holiday_h"].to_numpy()
        bad = roster.assign(amount=hours)[hours > ROUNDING]
        return breaches_of(self, bad, "{shift_id} has {amount:g} h on a public holiday")


@dataclass(frozen=True)
class DaysInRow(Rule):
    """A limit of working days in a row, including those before the horizon."""

    days: int
    name = "days in a row"

    def constrain(self, limits: Limits) -> None:
        """Bound the runs of days on which a shift starts."""
        limits.cap_run(self.days, self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the runs of working days that are too long."""
        return _long_runs(self, case, case.roster, self.days, "days_in_row", "working days")


@dataclass(frozen=True)
class NightsInRow(Rule):
    """A limit of night shifts in a row."""

    nights: int
    centre: Centre
    name = "nights in a row"

    def constrain(self, limits: Limits) -> None:
        """Bound the runs of days on which a night shift starts."""
        limits.cap_nights(self.nights, self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the runs of night shifts that are too long."""
        nights = case.roster[kind_names(case.roster, self.centre) == NIGHT]
        return _long_runs(self, case, nights, self.nights, "nights_in_row", "night shifts")


def _long_runs(
    rule: DaysInRow | NightsInRow, case: Case, roster: pd.DataFrame, most: int, before: str, what: str
) -> pd.DataFrame:
    """List the runs of days that are too long, including those from before the horizon."""
    runs = runs_of(roster, before)
    carried = runs["came"].fillna(0).where(runs["date"] == case.horizon.first, 0)
    runs["amount"] = runs["amount"].astype(float) + carried
    bad = runs[runs["amount"] > most]
    return breaches_of(rule, bad, f"{{amount:g}} {what} in a row, at most {{bound:g}}", bound=float(most))


def runs_of(roster: pd.DataFrame, before: str) -> pd.DataFrame:
    """Runs of days: agent_id, first date, days (amount), and days from before the horizon (came)."""
    days = roster.assign(date=days_of(roster)).drop_duplicates(["agent_id", "date"])
    days = days.sort_values(["agent_id", "date"])
    # The date less its rank in the run is the same throughout a run.
    days["run"] = days["date"] - days.groupby("agent_id").cumcount() * DAY
    return days.groupby(["agent_id", "run"], as_index=False).agg(
        date=("date", "min"), amount=("date", "size"), came=(before, "first")
    )


@dataclass(frozen=True)
class DaysOff(Rule):
    """A least number of days off in a row between two runs of working days."""

    days: int
    name = "days off in a row"

    def constrain(self, limits: Limits) -> None:
        """Set the fewest days off in a row."""
        limits.least_off(self.days, self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the runs of days off that are too short."""
        worked = case.roster.assign(date=days_of(case.roster))
        days = worked.drop_duplicates(["agent_id", "date"]).sort_values(["agent_id", "date"])
        eve = case.horizon.first - DAY
        came = pd.Series(eve, index=days.index).where(days["days_in_row"].fillna(0) > 0)
        before = days.groupby("agent_id")["date"].shift().fillna(came)
        off = (days["date"] - before) / DAY - 1
        bad = days.assign(amount=off)[(off > 0) & (off < self.days)]
        text = "{amount:g} days off in a row, at least {bound:g}"
        return breaches_of(self, bad, text, bound=float(self.days))


@dataclass(frozen=True)
class FreeWeekends(Rule):
    """A number of weekends in four are free: no shift starts on their days, including the horizon's eve.

    In a horizon of less than four weeks, weekends worked in the month before count as the most recent ones.
    """

    of_four: int
    name = "free weekends"

    def constrain(self, limits: Limits) -> None:
        """Bound the weekends worked."""
        team_shifts, before = limits.team_shifts, limits.person.carry_over
        weeks, begun = team_shifts.weeks, 0
        if before.days and team_shifts.first == LAST_DAY and team_shifts.weekend_days == 2:
            begun = 1  # the weekend of the eve goes on, and is counted in the horizon
        earlier = min(max(before.weekends_before - begun, 0), max(4 - weeks, 0))
        most = min(weeks - self.of_four * weeks // 4, 4 - self.of_four - earlier if weeks < 4 else weeks)
        limits.cap_weekends(max(most, begun), self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the people who work too many weekends."""
        weeks = -(-((case.horizon.last - case.horizon.week_of(case.horizon.first)).days + 1) // 7)
        most = weeks - math.floor(self.of_four * weeks / 4)
        if weeks >= 4:
            return many_weekends(self, case, most)
        people = case.roster.drop_duplicates("agent_id").set_index("agent_id")
        halves = (
            case.horizon.first.day_of_week == case.horizon.week_end[-1] and len(case.horizon.week_end) > 1
        )
        begun = (people["days_in_row"].fillna(0) > 0) & halves
        recent = (people["weekends_before"].fillna(0) - begun).clip(0, 4 - weeks)
        return many_weekends(self, case, (4 - self.of_four - recent).clip(begun.astype(float), most))


def many_weekends(rule: Rule, case: Case, most: int | pd.Series) -> pd.DataFrame:
    """List the people who work more weekends than allowed, by a number for all or one by agent_id."""
    counts = _weekend_days(case).groupby("agent_id")
    worked = counts.agg(amount=("week", "nunique"), date=("start", "min")).reset_index()
    bounds = worked["agent_id"].map(most) if isinstance(most, pd.Series) else most
    worked = worked.assign(bound=bounds).astype({"amount": float, "bound": float})
    bad = worked[worked["amount"] > worked["bound"]]
    return breaches_of(rule, bad, "{amount:g} weekends worked, at most {bound:g}")


def _weekend_days(case: Case) -> pd.DataFrame:
    """Rows that start at a weekend, with its day and the first day of its week; the eve too if it is one."""
    horizon, rows = case.horizon, case.roster.assign(day=days_of(case.roster))
    # Work on the eve counts for the weekend whose second day is the first of the horizon.
    eve = rows[rows["days_in_row"].fillna(0) > 0].assign(day=horizon.first - DAY)
    days = pd.concat([rows, eve]) if horizon.first.day_of_week == horizon.week_end[-1] else rows
    late = days[days["day"].dt.day_of_week.isin(horizon.week_end)]
    return late.assign(week=_week_of(late["day"], horizon))


@dataclass(frozen=True)
class Successions(Rule):
    """Some kinds of shift do not follow each other from one day to the next."""

    pairs: tuple[tuple[str, str], ...]
    centre: Centre
    name = "forbidden succession"

    def constrain(self, limits: Limits) -> None:
        """Forbid some kinds on the day after others."""
        team_shifts = limits.team_shifts
        kind = team_shifts.letters[:, 0]
        barred = np.zeros((len(kind), len(kind)), dtype=bool)
        for first, second in self.pairs:
            one, two = (kind == team_shifts.kinds.index(name) for name in (first, second))
            barred |= one[:, None] & two
        limits.forbid_succession(barred, self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List shifts of a kind that must not follow the kind of the day before."""
        roster = case.roster.assign(date=days_of(case.roster), kind=kind_names(case.roster, self.centre))
        roster = roster.sort_values(["agent_id", "start"], kind="stable")
        first = roster["date"] == case.horizon.first
        came = roster["last_kind"].where(first & (roster["days_in_row"].fillna(0) > 0))
        by_person = roster.groupby("agent_id")
        next_day = by_person["date"].diff() == DAY
        before = by_person["kind"].shift().where(next_day, came)
        clash = [(one, two) in self.pairs for one, two in zip(before, roster["kind"], strict=True)]
        bad = roster.assign(before=before)[np.array(clash, dtype=bool)]
        return breaches_of(self, bad, "{shift_id} is {kind}, the day before {before}")


@dataclass(frozen=True)
class SteadyStart(Rule):
    """Shifts with at most one day off between them start in one band of the day.

    Bands of `span_h` hours begin at midnight of the site's own clock, so starts in one band are less than
    the span apart.
    """

    span_h: float
    centre: Centre
    name = "steady start"

    def constrain(self, limits: Limits) -> None:
        """Forbid, or price, starts in another band."""
        limits.forbid_move(_bands_later(limits) != 0, self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the shifts that start in another band than the one before."""
        moves = _moves(case, self.centre, self.span_h)
        bad = moves[(moves["gap"] <= 2 * DAY) & (moves["later"].fillna(0) != 0)]
        return breaches_of(self, bad, "{shift_id} starts away from the shift before")


@dataclass(frozen=True)
class ForwardTurn(Rule):
    """No shift starts earlier in the day by more than the span than the one on the day before.

    Starts are compared by their bands, as `SteadyStart` does.
    """

    span_h: float
    centre: Centre
    name = "forward turn"

    def constrain(self, limits: Limits) -> None:
        """Forbid, or price, starts on the next day that are two bands earlier."""
        limits.forbid_succession(_bands_later(limits) < -1, self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the shifts that start too early after the day before."""
        moves = _moves(case, self.centre, self.span_h)
        bad = moves[(moves["gap"] == DAY) & (moves["later"] < -1)]
        text = f"{{shift_id}} starts more than {self.span_h:g} h earlier than the day before"
        return breaches_of(self, bad, text)


def _bands_later(limits: Limits) -> Ints:
    """Bands by which each letter is later than another, for the constraining halves; 0 if one has none."""
    band = limits.team_shifts.letters[:, 1]
    known = (band >= 0) & (band >= 0)[:, None]
    return np.where(known, band - band[:, None], 0)


def _moves(case: Case, centre: Centre, span_h: float) -> pd.DataFrame:
    """Each shift with the time since its person's shift before, and the bands by which it starts later."""
    own = own_clock(pd.DatetimeIndex(case.roster["start"]), case.roster["site"], centre)
    clock_h = (own - own.normalize()) / HOUR
    roster = case.roster.assign(date=days_of(case.roster), band=np.floor(clock_h / span_h))
    by_person = roster.sort_values(["agent_id", "start"], kind="stable").groupby("agent_id")
    return roster.assign(gap=by_person["date"].diff(), later=by_person["band"].diff())


@dataclass(frozen=True)
class WeekDays(Rule):
    """Nobody works on more days of a week than the contract has; days outside the horizon do not count."""

    days: int
    """For people whose contract says nothing."""
    name = "days a week"

    def constrain(self, limits: Limits) -> None:
        """Bound the days of each week."""
        limits.cap_week(limits.person.days_week or self.days, self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the weeks with more days, a row for each day above."""
        days = case.roster.assign(day=days_of(case.roster))
        days = days.assign(date=_week_of(days["day"], case.horizon)).astype({"days_week": float})
        weeks = days.groupby(["agent_id", "date"], as_index=False).agg(
            amount=("day", "nunique"), bound=("days_week", "first")
        )
        weeks = weeks.assign(bound=weeks["bound"].fillna(self.days))
        above = (weeks["amount"] - weeks["bound"]).clip(lower=0).astype("int64")
        bad = weeks.loc[weeks.index.repeat(above)]
        return breaches_of(self, bad, "{amount:g} days worked in the week, at most {bound:g}")


@dataclass(frozen=True)
class WholeWeekends(Rule):
    """Who works on one day of a weekend of two works on both; the eve of the horizon counts."""

    name = "split weekend"

    def constrain(self, limits: Limits) -> None:
        """Forbid, or price, a weekend of which one day is worked."""
        if limits.team_shifts.weekend_days > 1:
            limits.join_weekends(self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the weekends of which one day is worked."""
        if len(case.horizon.week_end) == 1:
            return no_breaches()
        late = _weekend_days(case)
        weeks = late.groupby(["agent_id", "week"], as_index=False).agg(
            date=("day", "min"), amount=("day", "nunique")
        )
        bad = weeks[weeks["amount"] == 1]
        return breaches_of(self, bad, "one day of the weekend is worked", bound=2.0)


def days_of(roster: pd.DataFrame) -> pd.Series:
    """Local day of each start, without zone."""
    return roster["start"].dt.tz_localize(None).dt.normalize()


def at_weekends(roster: pd.DataFrame, centre: Centre) -> pd.DataFrame:
    """Keep the shifts that start at their site's weekend.

    Columns are added: the first day of the week, and the share of the weekend that a day is.
    """
    found = [roster.assign(week=days_of(roster), share=1.0)[:0]]
    for site, own in roster.groupby("site"):
        ends, days = week_end(centre.weekend(str(site))), days_of(own)
        weeks = days - (days.dt.day_of_week - ends[-1] - 1) % 7 * DAY
        found.append(own.assign(week=weeks, share=1.0 / len(ends))[days.dt.day_of_week.isin(ends)])
    return pd.concat(found)


def kind_names(roster: pd.DataFrame, centre: Centre) -> pd.Series:
    """Name the kind of each shift, by its site's clock and law."""
    found = pd.Series("", index=roster.index, dtype="str")
    for site, own in roster.groupby("site"):
        here = centre.at(str(site))
        night_h = consent_of(here)._night_hours(own).to_numpy()
        length_h = _hours(own["end"] - own["start"]).to_numpy()
        starts = own_clock(pd.DatetimeIndex(own["start"]), own["site"], centre)
        names, kinds = kinds_of(starts, length_h, night_h, here.labour.kinds)
        found[own.index] = [names[kind] for kind in kinds]
    return found


def consent_of(centre: Centre) -> NightConsent:
    """Build the rule of who may work at night.

    Examples
    --------
    >>> consent_of(Centre.load("data/centre.toml")).article
    'TK RF 96'
    """
    labour = centre.labour
    return NightConsent(
        labour.night_from, labour.night_until, centre.zones, article=labour.night_consent.article
    )
