"""What a roster is made of, as arrays on one absolute axis: the shifts of a team, and a person.

`Line` is the vocabulary in which a rule speaks to a solver about one person's line of work. Whoever builds a
solver implements `Line`; whoever writes a rule uses it; neither knows the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.calendars import hours_within
from planning.centre import Centre

__all__ = ["Bools", "Floats", "Ints", "Line", "Person", "Slate"]

_BY_SHIFT = ("start", "end", "paid_h", "headcount", "night", "clock", "day")

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FOREVER = np.iinfo(np.int64).max // 4
"""A time after every other, seconds."""


def seconds(times: pd.DatetimeIndex) -> Ints:
    """Instants as whole seconds since 1970 UTC.

    Examples
    --------
    >>> seconds(pd.DatetimeIndex(["1970-01-02 03:00+03:00"]))
    array([86400])
    """
    utc = times.tz_convert("UTC").tz_localize(None)
    return np.asarray(utc.astype("datetime64[s]").astype("int64"), dtype=np.int64)


@dataclass(frozen=True)
class Person:
    """One member of a team.

    Examples
    --------
    >>> Person("anna", "kaluga", "first_line", contract_h_week=40.0, night_ok=True).on_leave(0, 10)
    False
    """

    agent_id: str
    site: str
    team: str
    contract_h_week: float
    night_ok: bool
    leave: tuple[int, int] | None = None
    """First second of leave and first second after it."""

    def on_leave(self, start: int, end: int) -> bool:
        """Tell whether any part of a span falls into the leave."""
        return self.leave is not None and start < self.leave[1] and end > self.leave[0]


@dataclass(frozen=True, eq=False)
class Slate:
    """Shifts sorted by start, with the calendar days and weeks that they lie in.

    Shifts of one team with equal start, end and paid hours are one entry: to a person they are the same.
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
    """People wanted, shape (shifts,)."""
    night: Bools
    """Whether any part lies in the night hours, shape (shifts,)."""
    clock: Ints
    """Local time of day of the start, seconds, shape (shifts,)."""
    day: Ints
    """Local day of the start, counted from the first Monday, shape (shifts,)."""
    midnights: Ints
    """Start of each local day of the horizon's calendar weeks, and the end, shape (7 x weeks + 1,)."""

    def __len__(self) -> int:
        return len(self.start)

    @property
    def weeks(self) -> int:
        """Calendar weeks, Monday to Sunday, that the shifts start in."""
        return len(self.midnights) // 7

    @property
    def week(self) -> Ints:
        """Calendar week of each shift's start, shape (shifts,)."""
        return self.day // 7

    @property
    def week_bounds(self) -> Ints:
        """Start of each calendar week, and the end of the last, shape (weeks + 1,)."""
        return self.midnights[::7]

    def take(self, shifts: Ints) -> Self:
        """Keep some shifts, by index, in the same weeks."""
        kept = {name: getattr(self, name)[shifts] for name in _BY_SHIFT}
        return replace(self, **kept)

    @classmethod
    def of(cls, shifts: pd.DataFrame, centre: Centre) -> Self:
        """Lay out shifts of one team, sorted by start, end and paid hours, without doubles.

        Parameters
        ----------
        shifts : DataFrame
            Columns site, team, start, end, paid_h, headcount; at least one row.
        centre : Centre
        """
        starts = pd.DatetimeIndex(shifts["start"]).tz_convert(centre.time_zone)
        ends = pd.DatetimeIndex(shifts["end"]).tz_convert(centre.time_zone)
        night_h = hours_within(starts, ends, centre.labour.night_from, centre.labour.night_until)
        midnights = _weeks_of(starts)
        local = starts.tz_localize(None)
        return cls(
            site=str(shifts["site"].iloc[0]),
            team=str(shifts["team"].iloc[0]),
            start=seconds(starts),
            end=seconds(ends),
            paid_h=shifts["paid_h"].to_numpy(float),
            headcount=shifts["headcount"].to_numpy(np.int64),
            night=night_h > 0,
            clock=np.asarray((local - local.normalize()) // pd.Timedelta(seconds=1), dtype=np.int64),
            day=np.asarray((local.normalize() - midnights[0].tz_localize(None)).days, dtype=np.int64),
            midnights=seconds(midnights),
        )


def _weeks_of(starts: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Local midnights of the whole calendar weeks around some starts, with the end of the last week."""
    days = starts.tz_localize(None).normalize()
    first = days.min() - pd.Timedelta(days=days.min().day_of_week)
    weeks = (days.max() - first).days // 7 + 1
    return pd.date_range(first, periods=7 * weeks + 1).tz_localize(starts.tz)


class Line(Protocol):
    """One person's line of work, as a solver lets rules shape it.

    All methods narrow what the person may work; a person who works nothing must always remain lawful.
    """

    @property
    def person(self) -> Person:
        """Whose line it is."""

    @property
    def slate(self) -> Slate:
        """What there is to work."""

    def forbid(self, shifts: Bools) -> None:
        """Rule out shifts, shape (shifts,)."""

    def separate(self, rest_h: float) -> None:
        """Keep a rest between any two shifts."""

    def cap_hours(self, hours: Floats) -> None:
        """Bound the paid hours of the shifts that start in each calendar week, shape (weeks,)."""

    def cap_run(self, days: int) -> None:
        """Bound the consecutive days on which a shift starts."""

    def rest_weekly(self, rest_h: float) -> None:
        """Keep one uninterrupted rest within every calendar week."""
