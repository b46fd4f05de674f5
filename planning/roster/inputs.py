"""The inputs of a roster: a team's shifts as arrays on one absolute axis, the days, and the people."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.calendars import (
    NIGHT,
    is_weekend,
    kinds_of,
    local_day,
    local_times,
    on_clock,
    time_of_day,
    week_end,
)
from planning.centre import Centre
from planning.checks import Bools, Floats, Ints
from planning.pay import premium_hours

_BY_SHIFT = ("start", "end", "paid_h", "headcount", "night", "kind", "band", "day", "skill")

FOREVER = np.iinfo(np.int64).max // 4
"""A time after all others, seconds."""


def seconds(times: pd.DatetimeIndex) -> Ints:
    """Instants as whole seconds since 1970 UTC.

    Examples
    --------
    >>> seconds(pd.DatetimeIndex(["1970-01-02 03:00+03:00"]))
    array([86400])
    """
    utc = times.tz_convert("UTC").tz_localize(None)
    return np.asarray(utc.astype("datetime64[s]").astype("int64"), dtype=np.int64)


def own_clock(times: pd.DatetimeIndex, sites: pd.Series, centre: Centre) -> pd.DatetimeIndex:
    """Local time at each site, without a zone; an unknown site has the centre's clock.

    Examples
    --------
    >>> centre = Centre.load("data/centre.toml").replace({"sites.kaluga.time_zone": "Asia/Vladivostok"})
    >>> noon = pd.DatetimeIndex(["2026-11-23 12:00"]).tz_localize("Europe/Moscow")
    >>> own_clock(noon, pd.Series(["kaluga"]), centre).hour.tolist()
    [19]
    """
    zones = centre.zones
    return local_times(times, [zones.get(site, centre.time_zone) for site in sites])


def bands_of(starts: pd.DatetimeIndex, span_h: float) -> Ints:
    """Number of the band of so many hours of the day, from midnight on, that each start lies in; -1 for 0 h.

    Examples
    --------
    >>> bands_of(pd.DatetimeIndex(["2026-11-23 07:45", "2026-11-23 08:00"]), 2.0).tolist()
    [3, 4]
    """
    clock_h = np.asarray(time_of_day(starts) / pd.Timedelta(hours=1), dtype=np.float64)
    return np.asarray(clock_h // span_h if span_h else -np.ones(len(starts)), dtype=np.int64)


@dataclass(frozen=True)
class CarryOver:
    """What a person carries over from the days before the horizon."""

    last_end: int | None = None
    """End of the last shift before the horizon, seconds; None means long ago."""
    days: int = 0
    """Working days in a row up to the day before the horizon."""
    nights: int = 0
    """Night shifts in a row up to the day before the horizon."""
    kind: str = ""
    """Kind of the last shift, if it was on the day before the horizon."""
    balance_h: float | None = None
    """Hours of the accounting period above its norm before the horizon; negative below, None if unknown."""
    overtime_h: float = 0.0
    """Overtime of the year so far, hours."""
    nights_before: int = 0
    """Night shifts of the last month."""
    weekends_before: int = 0
    """Weekends worked in the last month."""


@dataclass(frozen=True)
class Person:
    """One member of a team."""

    agent_id: str
    site: str
    team: str
    contract_h_week: float
    night_ok: bool
    days_week: int | None = None
    """Days a week of the contract; the house's if None."""
    leave: tuple[int, int] | None = None
    """First second of leave and first second after it."""
    study: tuple[int, int] | None = None
    """First second of study leave and first second after it."""
    sick: frozenset[str] = frozenset()
    """Dates on which the person is ill."""
    blocked: frozenset[str] = frozenset()
    """Dates on which the person cannot work, for example "2026-11-24"."""
    wished_off: frozenset[str] = frozenset()
    """Dates on which the person asks not to work."""
    prefers: str = ""
    """Kind of shift that the person prefers."""
    rotation: str = ""
    """Rotation by which the person works; the team's if empty."""
    rotation_offset: int = 0
    """Days by which the person is ahead in its cycle."""
    skills: frozenset[str] = frozenset()
    """Skills of the person besides the team's work."""
    carry_over: CarryOver = CarryOver()
    """What the person carries over."""


@dataclass(frozen=True, eq=False)
class TeamShifts:
    """Shifts sorted by start, with the calendar days and weeks of the horizon.

    Shifts of one team with equal start, end and paid hours are one entry: for a person they are the same.
    """

    site: str
    team: str
    start: Ints
    """First second, shape (shifts,)."""
    end: Ints
    """First second after it, shape (shifts,)."""
    paid_h: Floats
    """Presence less meals, hours, shape (shifts,)."""
    headcount: Ints
    """People needed, shape (shifts,)."""
    night: Bools
    """Whether any part is in the night hours of the site's own clock, shape (shifts,)."""
    kind: Ints
    """Which of `kinds`, shape (shifts,)."""
    band: Ints
    """Which band of the day each shift starts in, as `bands_of` has them, shape (shifts,)."""
    day: Ints
    """Local day of the start, counted from the first day of the first week, shape (shifts,)."""
    skill: NDArray[np.str_]
    """Skill needed besides the team's; empty for none, shape (shifts,)."""
    midnights: Ints
    """Start of each local day of the horizon's calendar weeks, and the end, shape (7 x weeks + 1,)."""
    dates: tuple[str, ...]
    """Date of each of these days, shape (7 x weeks,)."""
    first: int
    """Number of the horizon's first day among them."""
    week_h: float
    """Hours of the normal week."""
    ahead: Ints
    """Start of each day from the horizon's first to the last of `norms`, and the end, shape (days + 1,)."""
    norms: Floats
    """Working hours of these days as `norms_of` has them, a row per column there, shape (3, days)."""
    kinds: tuple[str, ...]
    """Names of the kinds of shift."""
    weekend_days: int
    """Days of the weekend with which each week ends: one or two."""

    def __len__(self) -> int:
        return len(self.start)

    @property
    def weeks(self) -> int:
        """Weeks of the site that the shifts start in."""
        return len(self.midnights) // 7

    @property
    def week(self) -> Ints:
        """Week of each shift's start, shape (shifts,)."""
        return self.day // 7

    @property
    def weekend(self) -> Bools:
        """Whether each shift starts at the weekend, shape (shifts,)."""
        return np.asarray(self.day % 7 >= 7 - self.weekend_days)

    @property
    def week_bounds(self) -> Ints:
        """Start of each week, and the end of the last, shape (weeks + 1,)."""
        return self.midnights[::7]

    @cached_property
    def letters(self) -> Ints:
        """Kinds and bands that days are told apart by, shape (letters, 2).

        The first ones are the kinds with the band -1, for the last shift before the horizon.
        """
        kinds = np.column_stack([np.arange(len(self.kinds)), np.full(len(self.kinds), -1)])
        used = np.unique(np.column_stack([self.kind, self.band]), axis=0)
        return np.vstack([kinds, used[used[:, 1] >= 0]])

    @cached_property
    def letter(self) -> Ints:
        """Which of `letters`, shape (shifts,)."""
        same = np.column_stack([self.kind, self.band])[:, None] == self.letters
        return np.asarray(same.all(axis=2).argmax(axis=1), dtype=np.int64)

    @property
    def own_norms(self) -> Floats:
        """Norm of each day, 0 outside the horizon, shape (7 x weeks,)."""
        norms = self.norms[0, : len(self.dates) - self.first]
        return np.pad(norms, (self.first, len(self.dates) - self.first - len(norms)))

    def take(self, shifts: Ints) -> Self:
        """Keep some shifts, by index, in the same weeks."""
        kept = {name: getattr(self, name)[shifts] for name in _BY_SHIFT}
        return replace(self, **kept)

    @property
    def night_kind(self) -> int:
        """Number of the kind that is night work, -1 if none is."""
        return self.kinds.index(NIGHT) if NIGHT in self.kinds else -1

    @classmethod
    def of(cls, shifts: pd.DataFrame, centre: Centre, horizon: Horizon | None = None) -> Self:
        """Build the arrays of one team's shifts, sorted by start, end and paid hours, without duplicates.

        Parameters
        ----------
        shifts : DataFrame
            Columns site, team, start, end, paid_h, headcount, perhaps skill; at least one row.
        centre : Centre
        horizon : Horizon, optional
            Days of the roster; those of the shifts by default.
        """
        starts = pd.DatetimeIndex(shifts["start"]).tz_convert(centre.time_zone)
        ends = pd.DatetimeIndex(shifts["end"]).tz_convert(centre.time_zone)
        own = [own_clock(times, shifts["site"], centre) for times in (starts, ends)]
        night_h = premium_hours(centre, shifts["site"], starts, ends)["night_h"].to_numpy()
        site = str(shifts["site"].iloc[0])
        horizon = (horizon or Horizon.of(starts)).at(centre, site)
        days = horizon.calendar_days
        local = starts.tz_localize(None)
        length_h = np.asarray((ends - starts) / pd.Timedelta(hours=1), dtype=np.float64)
        names, kinds = kinds_of(own[0], length_h, night_h, centre.at(site).labour.kinds)
        norms = norms_of(centre, horizon, site)
        ahead = norms.index.append(norms.index[-1:] + pd.Timedelta(days=1))
        return cls(
            site=site,
            team=str(shifts["team"].iloc[0]),
            start=seconds(starts),
            end=seconds(ends),
            paid_h=shifts["paid_h"].to_numpy(float),
            headcount=shifts["headcount"].to_numpy(np.int64),
            night=night_h > 0,
            kind=kinds,
            band=bands_of(own[0], centre.at(site).labour.start_span_h.value),
            day=np.asarray((local.normalize() - days[0]).days, dtype=np.int64),
            skill=np.array(shifts["skill"] if "skill" in shifts else [""] * len(shifts), dtype=np.str_),
            midnights=seconds(on_clock(days, starts.tz)),
            dates=tuple(f"{day:%Y-%m-%d}" for day in days[:-1]),
            first=(horizon.first - days[0]).days,
            week_h=centre.at(site).labour.week_h.value,
            ahead=seconds(on_clock(ahead, starts.tz)),
            norms=norms.to_numpy().T,
            kinds=names,
            weekend_days=len(horizon.week_end),
        )


RUN_COLUMNS = ("last_kind", "days_in_row", "nights_in_row")
"""What a day off ends."""
CARRY_OVER_COLUMNS = (
    "last_end", *RUN_COLUMNS, "balance_h", "overtime_h", "nights_before", "weekends_before",
)  # fmt: skip
"""Columns of `planning.tables.PEOPLE` of the carry-over."""


def carry_over_at(people: pd.DataFrame, horizon: Horizon, time_zone: str) -> pd.DataFrame:
    """Keep the part of each person's carry-over that counts on the first day of a horizon.

    A run of days continues if its last shift ended on the eve or later. A carry-over whose last shift ended
    after the first day belongs to another month, and one during leave to no month: both are ignored whole.

    Parameters
    ----------
    people : DataFrame
        With the columns of `planning.tables.PEOPLE`, each a value or missing.
    horizon : Horizon
    time_zone : str
        Of the centre's clock.

    Examples
    --------
    Four days in a row up to Sunday the 22nd are four on Monday, none on Thursday, and unknown a week before:

    >>> from planning.tables import PEOPLE
    >>> ann = pd.DataFrame({name: [None] for name in PEOPLE.columns}).assign(days_in_row=4.0)
    >>> ann["last_end"] = pd.Timestamp("2026-11-22 22:00", tz="Europe/Moscow")
    >>> days = [pd.Timestamp(f"2026-11-{day}") for day in (23, 26, 16)]
    >>> [float(carry_over_at(ann, Horizon(day, day), "Europe/Moscow")["days_in_row"][0]) for day in days]
    [4.0, nan, nan]
    """
    eve, behind = (on_clock(horizon.first + pd.Timedelta(days=days), time_zone) for days in (-1, 1))
    ends = pd.to_datetime(people["last_end"], utc=True)
    stale = (ends > behind) | _during(people, "leave", ends) | _during(people, "study", ends)
    runs = {name: people[name].mask(stale | (ends < eve)) for name in RUN_COLUMNS}
    rest = {name: people[name].mask(stale) for name in CARRY_OVER_COLUMNS if name not in runs}
    return people.assign(**runs, **rest)


def _during(people: pd.DataFrame, kind: str, times: pd.Series) -> pd.Series:
    """Whether each person's time is within their leave, which may have one open end."""
    first, after = (pd.to_datetime(people[f"{kind}_{edge}"], utc=True) for edge in ("from", "until"))
    away = first.notna() | after.notna()
    return away & (first.isna() | (times > first)) & (after.isna() | (times <= after)) & times.notna()


ABSENCES = ("leave", "study", "sick")
"""Kinds of absence, the last of which wins."""


@dataclass(frozen=True)
class Horizon:
    """The local days of a roster, from the first to the last, without zone.

    Examples
    --------
    >>> week = Horizon(pd.Timestamp("2026-11-25"), pd.Timestamp("2026-12-01"))
    >>> len(week.calendar_days) - 1
    14
    """

    first: pd.Timestamp
    last: pd.Timestamp
    week_end: tuple[int, ...] = (5, 6)
    """Weekdays of the weekend with which a week ends, 0 for Monday; `at` takes those of a site."""

    @classmethod
    def of(cls, starts: pd.DatetimeIndex) -> Self:
        """Days on which some shifts start, by their own clock."""
        days = local_day(starts)
        return cls(days.min(), days.max())

    def at(self, centre: Centre, site: str) -> Self:
        """Return the same days in the weeks of a site."""
        return replace(self, week_end=week_end(centre.weekend(site)))

    def week_of(self, day: pd.Timestamp) -> pd.Timestamp:
        """First day of the week of a day.

        Examples
        --------
        >>> friday = pd.Timestamp("2026-11-27")
        >>> Horizon(friday, friday, week_end=(4, 5)).week_of(friday)
        Timestamp('2026-11-22 00:00:00')
        """
        return day - pd.Timedelta(days=(day.day_of_week - self.week_end[-1] - 1) % 7)

    @property
    def calendar_days(self) -> pd.DatetimeIndex:
        """Days of the weeks around the horizon, with the day after the last."""
        opens = self.week_of(self.first)
        weeks = (self.last - opens).days // 7 + 1
        return pd.date_range(opens, periods=7 * weeks + 1)

    @property
    def days(self) -> pd.DatetimeIndex:
        """The days themselves."""
        return pd.date_range(self.first, self.last)


def norms_of(centre: Centre, horizon: Horizon, site: str) -> pd.DataFrame:
    """Working hours of each day from the first of a horizon to the end of its accounting period.

    Parameters
    ----------
    centre : Centre
    horizon : Horizon
    site : str
        Whose calendar and law hold.

    Returns
    -------
    DataFrame
        By day: own (its norm in the production calendar, if the day is of the horizon), usual (its hours in a
        week without holidays, for the horizon and at least seven days), period (its norm, up to the end of
        the accounting period in which the horizon ends).

    Examples
    --------
    The last weekend of November 2026 has no norm of its own; the week that it begins has 40 hours, and the
    days that are left of the quarter have 184:

    >>> centre = Centre.load("data/centre.toml")
    >>> weekend = Horizon(pd.Timestamp("2026-11-28"), pd.Timestamp("2026-11-29"))
    >>> norms_of(centre, weekend, "moscow").sum().tolist()
    [0.0, 40.0, 184.0]
    """
    labour = centre.at(site).labour
    months = int(labour.period_months.value)
    ends = horizon.last + pd.offsets.MonthEnd(0)
    ends += pd.offsets.MonthEnd(-ends.month % months)
    usual = max(horizon.last, horizon.first + pd.Timedelta(days=6))
    days = pd.date_range(horizon.first, max(ends, usual))
    norms = centre.day_norms(days, site)
    weekend = centre.weekend(site)
    day_h = np.where(is_weekend(days, weekend), 0.0, labour.week_h.value / (7 - len(weekend)))
    return pd.DataFrame(
        {
            "own": np.where(days <= horizon.last, norms, 0.0),
            "usual": np.where(days <= usual, day_h, 0.0),
            "period": np.where(days <= ends, norms, 0.0),
        },
        index=days,
    )
