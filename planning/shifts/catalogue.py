"""The shifts that may be worked: start, length, and where the breaks fall."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from planning.calendars import holiday_hours, hours_within, time_of_day
from planning.errors import PlanningError

if TYPE_CHECKING:
    from planning.centre import Centre

__all__ = ["Break", "Pattern", "catalogue", "patterns"]

HOUR = pd.Timedelta(hours=1)

# A rest or meal may move this many intervals either way, so that a team does not leave its desks at once.
STAGGER = (-2, -1, 0, 1, 2)


@dataclass(frozen=True)
class Break:
    """A break inside a shift, counted from the shift's start."""

    start_s: int
    length_s: int
    kind: Literal["meal", "rest"]

    @property
    def paid(self) -> bool:
        """Rests are working time (TK RF 109), meals are not (TK RF 108)."""
        return self.kind == "rest"


@dataclass(frozen=True)
class Pattern:
    """The inside of a shift: its length and its breaks.

    Raises
    ------
    PlanningError
        A break lies outside the shift or runs into the next one.
    """

    kind: str
    length_s: int
    breaks: tuple[Break, ...]

    def __post_init__(self) -> None:
        end = 0
        for pause in self.breaks:
            if pause.start_s < end or pause.start_s + pause.length_s > self.length_s:
                raise PlanningError(
                    f"a {pause.kind} of {pause.length_s // 60} min at {pause.start_s // 60} min does not fit "
                    f"a {self.kind} shift of {self.length_s // 60} min: move it or make the shift longer"
                )
            end = pause.start_s + pause.length_s

    @property
    def paid_s(self) -> int:
        """Paid time: presence less meals."""
        return self.length_s - sum(pause.length_s for pause in self.breaks if not pause.paid)

    def on_position(self, interval_s: int) -> np.ndarray:
        """Tell for each interval of the shift whether the agent is on position throughout it."""
        working = np.ones(self.length_s // interval_s, dtype=bool)
        for pause in self.breaks:
            first = pause.start_s // interval_s
            working[first : -(-(pause.start_s + pause.length_s) // interval_s)] = False
        return working


def patterns(centre: Centre) -> list[Pattern]:
    """All shapes of shift that the centre's rules allow, with their breaks staggered.

    Breaks cut the shift into equal stretches of work no longer than asked; the meal takes the middle one.

    Raises
    ------
    PlanningError
        A shift is longer than the law's, or its meal is shorter or longer.
    """
    rules, labour = centre.shifts, centre.labour
    found = []
    for kind, length_h in rules.lengths_h.items():
        meal = rules.meal_min[kind]
        if not labour.min_meal_min.value <= meal <= labour.max_meal_min.value:
            raise PlanningError(
                f"shifts.meal_min.{kind} is {meal} min, must lie in [{labour.min_meal_min.value:g}, "
                f"{labour.max_meal_min.value:g}] ({labour.min_meal_min.article}): change the meal"
            )
        paid_h = length_h - meal / 60
        if paid_h > labour.max_shift_h.value:
            raise PlanningError(
                f"shifts.lengths_h.{kind} is {length_h:g} h, of which {paid_h:g} h paid, must not exceed "
                f"{labour.max_shift_h.value:g} h ({labour.max_shift_h.article}): shorten it"
            )
        found += [_pattern(centre, kind, paid_h, stagger) for stagger in STAGGER]
    return list(dict.fromkeys(found))


def _pattern(centre: Centre, kind: str, paid_h: float, stagger: int) -> Pattern:
    rules, grid = centre.shifts, centre.interval_s
    stretches = int(np.ceil(paid_h / rules.work_between_rests_h))
    middle = (stretches - 1) // 2
    rest_s, meal_s = rules.rest_min * 60, rules.meal_min[kind] * 60
    length_s = round(rules.lengths_h[kind] * 3600)
    work_s = length_s - meal_s - (stretches - 2) * rest_s
    breaks, clock = [], 0.0
    for number in range(stretches - 1):
        clock += work_s / stretches
        size = meal_s if number == middle else rest_s
        start = round(clock / grid) * grid + stagger * grid
        breaks.append(Break(start, size, "meal" if number == middle else "rest"))
        clock += size
    return Pattern(kind, length_s, tuple(breaks))


def catalogue(centre: Centre, site: str, axis: pd.DatetimeIndex) -> pd.DataFrame:
    """List the shifts that may start on the days of an axis at a site.

    Returns
    -------
    DataFrame
        Row a shift: pattern (number in `patterns`), start, end, paid_h, night_h and holiday_h (paid hours at
        night and on public holidays), ordered by start.

    Raises
    ------
    PlanningError
        No shift fits the site's hours.
    """
    step = pd.Timedelta(minutes=centre.shifts.start_every_min)
    starts = pd.date_range(axis[0], axis[-1], freq=step)
    parts = []
    for number, pattern in enumerate(patterns(centre)):
        ends = starts + pd.Timedelta(seconds=pattern.length_s)
        fits = _fits(centre, site, starts, ends)
        parts.append(_timed(centre, number, pattern, starts[fits]))
    shifts = pd.concat(parts, ignore_index=True)
    if shifts.empty:
        hours = centre.sites[site]
        raise PlanningError(
            f"shifts.lengths_h: no shift fits the hours of {site} ({hours.opens} to {hours.closes}): "
            "add a shorter kind of shift or open longer"
        )
    return shifts.sort_values(["start", "pattern"], ignore_index=True)


def _fits(centre: Centre, site: str, starts: pd.DatetimeIndex, ends: pd.DatetimeIndex) -> np.ndarray:
    """Shifts inside the site's hours that neither start nor end while nobody can get home."""
    hours, rules = centre.sites[site], centre.shifts
    day = pd.Timedelta(days=1)
    fits = ~(_inside(starts, rules.quiet_from, rules.quiet_until))
    fits &= ~(_inside(ends, rules.quiet_from, rules.quiet_until))
    if hours.closes - hours.opens < day:
        opens = starts.normalize() + hours.opens
        fits &= (starts >= opens) & (ends <= starts.normalize() + hours.closes)
    return np.asarray(fits)


def _inside(times: pd.DatetimeIndex, opens: timedelta, closes: timedelta) -> np.ndarray:
    """Tell which clock times lie strictly inside a window, so that its edges are still allowed."""
    clock = time_of_day(times)
    after, before = clock > opens, clock < closes
    return np.asarray(after & before if opens <= closes else after | before)


def _timed(centre: Centre, number: int, pattern: Pattern, starts: pd.DatetimeIndex) -> pd.DataFrame:
    ends = starts + pd.Timedelta(seconds=pattern.length_s)
    night = hours_within(starts, ends, centre.labour.night_from, centre.labour.night_until)
    holiday = holiday_hours(starts, ends, centre.country)
    for pause in pattern.breaks:
        if not pause.paid:
            begin = starts + pd.Timedelta(seconds=pause.start_s)
            end = begin + pd.Timedelta(seconds=pause.length_s)
            night -= hours_within(begin, end, centre.labour.night_from, centre.labour.night_until)
            holiday -= holiday_hours(begin, end, centre.country)
    return pd.DataFrame(
        {
            "pattern": number, "start": starts, "end": ends, "paid_h": pattern.paid_s / 3600,
            "night_h": night, "holiday_h": holiday,
        }
    )  # fmt: skip
