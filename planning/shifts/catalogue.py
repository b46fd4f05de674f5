"""The possible shifts: when they start, how long they are, and where their breaks may be."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.calendars import axis, local_day, on_clock, time_of_day
from planning.centre import clock_text
from planning.errors import PlanningError

if TYPE_CHECKING:
    from planning.centre import Centre

BreakKind = Literal["meal", "rest", "gap"]
DAY_S = 86_400


@dataclass(frozen=True, order=True)
class Break:
    """A break inside a shift, counted from the shift's start."""

    start_s: int
    length_s: int
    kind: BreakKind
    rests_paid: bool = True
    """Whether rests are working time: `Labour.rests_paid`."""

    @property
    def end_s(self) -> int:
        """First second after the break."""
        return self.start_s + self.length_s

    @property
    def paid(self) -> bool:
        """Whether it is working time: a rest may be, a meal and the gap of a split shift are not."""
        return self.kind == "rest" and self.rests_paid


@dataclass(frozen=True, order=True)
class Pattern:
    """The layout of a shift: its length and its breaks.

    Raises
    ------
    PlanningError
        A break is outside the shift or overlaps the next one.

    Examples
    --------
    >>> Pattern("day", 9 * 3600, (Break(4 * 3600, 3600, "meal"),)).paid_s / 3600
    8.0
    """

    kind: str
    length_s: int
    breaks: tuple[Break, ...]

    def __post_init__(self) -> None:
        end = 0
        for pause in self.breaks:
            if pause.start_s < end or pause.end_s > self.length_s or pause.length_s <= 0:
                raise PlanningError(
                    f"a {pause.kind} of {pause.length_s // 60} min at {pause.start_s // 60} min does not fit "
                    f"a {self.kind} shift of {self.length_s // 60} min: move it or make the shift longer"
                )
            end = pause.end_s

    @property
    def paid_s(self) -> int:
        """Paid time: presence less the unpaid breaks."""
        return self.length_s - sum(pause.length_s for pause in self.breaks if not pause.paid)

    def on_position(self, interval_s: int) -> NDArray[np.bool_]:
        """Tell for each interval of the shift whether the agent is on position throughout it."""
        working = np.ones(self.length_s // interval_s, dtype=bool)
        for pause in self.breaks:
            working[pause.start_s // interval_s : -(-pause.end_s // interval_s)] = False
        return working


@dataclass(frozen=True)
class Slot:
    """A break whose place is not yet fixed: it starts from `first` to `last` grid steps into the shift."""

    length_s: int
    kind: BreakKind
    first: int
    last: int
    rests_paid: bool = True

    @property
    def paid(self) -> bool:
        """Whether it is working time, as `Break.paid`."""
        return self.kind == "rest" and self.rests_paid

    @property
    def places(self) -> range:
        """Grid steps into the shift at which it may start."""
        return range(self.first, self.last + 1)


@dataclass(frozen=True)
class Shape:
    """A kind of shift with its breaks in order, whose places are not yet fixed.

    Attributes
    ----------
    kind : str
    length_s, grid_s : int
        Presence, and the grid of the breaks' starts.
    slots : tuple of Slot
    apart : tuple of (int, int)
        Least and most grid steps from the start of each break to the start of the next.
    clock : timedelta, optional
        The only time of day at which it starts; by default any time of the centre's grid.
    """

    kind: str
    length_s: int
    grid_s: int
    slots: tuple[Slot, ...]
    apart: tuple[tuple[int, int], ...]
    clock: timedelta | None = None

    @property
    def paid_s(self) -> int:
        """Presence less the unpaid breaks."""
        return self.length_s - sum(slot.length_s for slot in self.slots if not slot.paid)

    @property
    def width(self) -> int:
        """Columns of a class: its heads, and the places of each break."""
        return 1 + sum(len(slot.places) for slot in self.slots)

    def pattern(self, places: Iterable[int]) -> Pattern:
        """Fix the breaks at given grid steps into the shift."""
        breaks = (
            Break(int(place) * self.grid_s, slot.length_s, slot.kind, slot.rests_paid)
            for place, slot in zip(places, self.slots, strict=True)
        )
        return Pattern(self.kind, self.length_s, tuple(breaks))

    @classmethod
    def of(cls, pattern: Pattern, clock: timedelta) -> Shape:
        """Return the shape without any choice: one start, and one place for each break."""
        grid = math.gcd(*(pause.start_s for pause in pattern.breaks), pattern.length_s)
        places = [pause.start_s // grid for pause in pattern.breaks]
        slots = [
            Slot(pause.length_s, pause.kind, place, place, pause.rests_paid)
            for pause, place in zip(pattern.breaks, places, strict=True)
        ]
        steps = [after.first - before.first for before, after in pairwise(slots)]
        return cls(pattern.kind, pattern.length_s, grid, tuple(slots), tuple((n, n) for n in steps), clock)


def shapes(centre: Centre) -> list[Shape]:
    """All kinds of shift that the centre's rules allow, with the windows for their breaks.

    `Centre.at` gives the centre under a site's law. The number of rests in a shift is such that the work
    between breaks is `work_between_rests_h`, within `work_tolerance_h`. If the grid of breaks has no such
    place, the tolerance grows by a grid step. The meal is the middle break.

    Raises
    ------
    PlanningError
        A shift is longer than the law allows, its meal is too short or too long, or its breaks do not fit.
    """
    rules = centre.shifts
    if not rules.lengths_h:
        raise PlanningError("shifts.lengths_h is empty: give at least one kind of shift")
    return [_shape(centre, kind, _pauses(centre, kind)) for kind in rules.lengths_h]


def _pauses(centre: Centre, kind: str) -> list[tuple[int, BreakKind]]:
    """Lengths and kinds of a shift's breaks, in order and checked against the law."""
    rules, labour = centre.shifts, centre.labour
    length_h = rules.lengths_h[kind]
    gap_h = rules.gap_h.get(kind)
    meal = rules.meal_min[kind] if gap_h is None else gap_h * 60
    # Rests are few minutes, so they are left to the work here whether they are paid or not.
    paid_h = length_h - meal / 60
    low, high = labour.shortest_meal(paid_h), labour.max_meal_min
    if gap_h is None and not low.value <= meal <= high.value:
        raise PlanningError(
            f"shifts.meal_min.{kind} is {meal} min, must lie in [{low.value:g}, {high.value:g}] "
            f"({low.article}): change the meal"
        )
    if paid_h > labour.max_shift_h.value:
        raise PlanningError(
            f"shifts.lengths_h.{kind} is {length_h:g} h, of which {paid_h:g} h paid, must not exceed "
            f"{labour.max_shift_h.value:g} h ({labour.max_shift_h.article}): shorten it"
        )
    count = max(math.ceil(paid_h / rules.work_between_rests_h) - 1, 1)
    found: list[tuple[int, BreakKind]] = [(rules.rest_min * 60, "rest")] * count
    found[count // 2] = (round(meal * 60), "meal" if gap_h is None else "gap")
    return found


def _shape(centre: Centre, kind: str, pauses: list[tuple[int, BreakKind]]) -> Shape:
    rules = centre.shifts
    grid, length_s = rules.break_every_min * 60, round(rules.lengths_h[kind] * 3600)
    if rules.breaks == "fixed":
        return _even(kind, length_s, grid, pauses, rests_paid=bool(centre.labour.rests_paid.value))
    tolerance_s = rules.work_tolerance_h * 3600
    while tolerance_s <= length_s:
        low_s = max(rules.work_between_rests_h * 3600 - tolerance_s, grid)
        windows = _windows(
            length_s,
            grid,
            pauses,
            (low_s, rules.work_between_rests_h * 3600 + tolerance_s),
            rules.meal_middle,
        )
        if windows is not None:
            paid = bool(centre.labour.rests_paid.value)
            slots = [Slot(*pause, *window, paid) for pause, window in zip(pauses, windows[0], strict=True)]
            return Shape(kind, length_s, grid, tuple(slots), tuple(windows[1]))
        tolerance_s += grid
    raise PlanningError(
        f"shifts.lengths_h.{kind} is {length_s / 3600:g} h, too short for {len(pauses)} breaks within "
        f"meal_middle {rules.meal_middle:g}: make it longer, with fewer breaks or a wider meal_middle"
    )


def _even(
    kind: str, length_s: int, grid: int, pauses: list[tuple[int, BreakKind]], *, rests_paid: bool
) -> Shape:
    """Breaks that divide the work into equal stretches, on the grid, with fixed places."""
    work_s = (length_s - sum(length for length, _ in pauses)) / (len(pauses) + 1)
    places, clock = [], 0.0
    for length, _ in pauses:
        clock += work_s
        places.append(round(clock / grid))
        clock += length
    slots = tuple(Slot(*pause, place, place, rests_paid) for pause, place in zip(pauses, places, strict=True))
    apart = tuple((int(step), int(step)) for step in np.diff(places))
    return Shape(kind, length_s, grid, slots, apart)


def _windows(
    length_s: int,
    grid: int,
    pauses: list[tuple[int, BreakKind]],
    work_s: tuple[float, float],
    middle: float,
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]] | None:
    """First and last place of each break, and the steps between neighbours; None if nothing fits.

    Going forwards, each break comes the least or the most work after the one before; going backwards, before
    the next one.
    """
    low, high = work_s
    steps = [(math.ceil((low + size) / grid), math.floor((high + size) / grid)) for size, _ in pauses]
    firsts, lasts = [math.ceil(low / grid)], [math.floor(high / grid)]
    for least, most in steps[:-1]:
        firsts.append(firsts[-1] + least)
        lasts.append(lasts[-1] + most)
    for number in range(len(pauses) - 1, -1, -1):
        size, kind = pauses[number]
        ends = number == len(pauses) - 1
        after = (length_s / grid, length_s / grid) if ends else (firsts[number + 1], lasts[number + 1])
        room = ((low + size) / grid, (high + size) / grid) if ends else steps[number]
        firsts[number] = max(firsts[number], math.ceil(after[0] - room[1]))
        lasts[number] = min(lasts[number], math.floor(after[1] - room[0]))
        if kind != "rest":
            margin = (1 - middle) / 2 * length_s
            firsts[number] = max(firsts[number], math.ceil(margin / grid))
            lasts[number] = min(lasts[number], math.floor((length_s - margin - size) / grid))
    for number, (least, most) in enumerate(steps[:-1]):
        firsts[number + 1] = max(firsts[number + 1], firsts[number] + least)
        lasts[number + 1] = min(lasts[number + 1], lasts[number] + most)
    if any(first > last for first, last in zip(firsts, lasts, strict=True)):
        return None
    return list(zip(firsts, lasts, strict=True)), steps[:-1]


def catalogue(
    centre: Centre, site: str, axis: pd.DatetimeIndex, kinds: list[Shape] | None = None
) -> pd.DataFrame:
    """List the shifts that may start at a site on the days of an axis, without fixed breaks.

    Parameters
    ----------
    centre : Centre
    site : str
    axis : DatetimeIndex
    kinds : list of Shape, optional
        `shapes` of the centre at the site by default.

    Returns
    -------
    DataFrame
        A row per start and kind: shape (number in `kinds`), start, end, paid_h, ordered by start.

    Raises
    ------
    PlanningError
        No shift fits the site's hours.
    """
    kinds = shapes(centre.at(site)) if kinds is None else kinds
    parts = []
    for number, shape in enumerate(kinds):
        starts = _starts(centre, shape, axis)
        ends = starts + pd.Timedelta(seconds=shape.length_s)
        fits = _fits(centre, site, starts, ends)
        parts.append(
            pd.DataFrame({"shape": number, "start": starts, "end": ends, "paid_h": shape.paid_s / 3600})[fits]
        )
    shifts = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if shifts.empty:
        hours = centre.sites[site]
        raise PlanningError(
            f"shifts.lengths_h: no shift fits the hours of {site} ({clock_text(hours.opens)} to "
            f"{clock_text(hours.closes)}), starting every {centre.shifts.start_every_min} minutes from "
            "midnight: add a shorter kind of shift, a shorter shifts.start_every_min or open longer"
        )
    return shifts.sort_values(["start", "shape"], ignore_index=True)


def _starts(centre: Centre, shape: Shape, axis: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Instants at which a shape may start."""
    if shape.clock is None:
        # Anew each day, so that a grid that does not divide the day gives every day the same starts.
        first = axis[~pd.Index(axis.date).duplicated()]
        ends = [*first[1:], axis[-1] + pd.Timedelta(seconds=centre.interval_s)]
        every = pd.Timedelta(minutes=centre.shifts.start_every_min)
        days = [pd.date_range(*day, freq=every, inclusive="left") for day in zip(first, ends, strict=True)]
        return days[0].append(days[1:])
    # Days by their dates: where clocks skip midnight, no instant of a day shows 00:00.
    dates = local_day(axis).unique()
    return on_clock(dates + shape.clock, axis.tz)


def _fits(centre: Centre, site: str, starts: pd.DatetimeIndex, ends: pd.DatetimeIndex) -> NDArray[np.bool_]:
    """Shifts inside the site's hours that neither start nor end in the quiet hours, unless the site does."""
    hours, rules = centre.sites[site], centre.shifts
    early, late = (_inside(times, rules.quiet_from, rules.quiet_until) for times in (starts, ends))
    if hours.always:
        return ~early & ~late
    # By the local clock, which on some days of the year is not the time since midnight.
    opens, closes = (
        time_of_day(starts) - hours.opens,
        ends.tz_localize(None) - local_day(starts) - hours.closes,
    )
    now = pd.Timedelta(0)
    return np.asarray(
        (opens >= now) & (closes <= now) & (~early | (opens == now)) & (~late | (closes == now))
    )


def _inside(times: pd.DatetimeIndex, opens: timedelta, closes: timedelta) -> NDArray[np.bool_]:
    """Tell which clock times are strictly inside a window; its edges are still allowed."""
    clock = time_of_day(times)
    after, before = clock > opens, clock < closes
    return np.asarray(after & before if opens <= closes else after | before)


def horizon(centre: Centre, requirement: pd.DataFrame) -> pd.DatetimeIndex:
    """Whole local days that the requirement spans.

    Raises
    ------
    PlanningError
        The requirement has no rows.
    """
    if not len(requirement):
        raise PlanningError("requirement has no rows, must have at least one: ask for the days to plan")
    times = pd.DatetimeIndex(requirement["interval_start"])
    days = local_day(times)
    return axis(times.min(), (days.max() - days.min()).days + 1, centre.interval_s)
