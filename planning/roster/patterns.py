"""The best lawful line of work for one person at given prices: the pricing problem of column generation.

A pattern is the set of shifts that one person works. The best one is a longest path over time: at every
instant the person is free, and starts a shift or waits. The state is what the rules must remember: whether
the week's long rest has been had, whether today is a working day already, the run of working days, and the
hours of the week. One backward sweep values every state, one forward walk reads off the pattern.

Source: G. Desaulniers, J. Desrosiers, M. Solomon (eds.), Column Generation (2005), ch. 2; the backward
recursion is Bellman's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numba
import numpy as np

from planning.roster.slate import Bools, Floats, Ints, Person, Slate

__all__ = ["Limits", "Timeline", "best_patterns"]

FINEST_UNIT_MIN = 15
"""Paid hours are counted in the largest common unit, but in nothing finer than this."""
NEVER = -1
"""The target of a step that cannot be made."""


@dataclass
class Limits:
    """What a person may work, as figures: the `Line` that pricing understands.

    Examples
    --------
    A rule speaks, and the limits remember:

    >>> from planning.roster.rules import DaysInRow
    >>> from planning.roster.slate import Person
    >>> limits = Limits(Person("anna", "kaluga", "vip", contract_h_week=40.0, night_ok=True), slate=None)
    >>> DaysInRow(6, "TK RF 110").constrain(limits)
    >>> limits.run_days
    6
    """

    person: Person
    slate: Slate
    banned: Bools = field(default_factory=lambda: np.zeros(0, dtype=bool))
    week_h: Floats = field(default_factory=lambda: np.zeros(0))
    rest_s: int = 0
    weekly_rest_s: int = 0
    run_days: int | None = None

    def __post_init__(self) -> None:
        if self.slate is not None:
            self.banned = np.zeros(len(self.slate), dtype=bool)
            self.week_h = np.full(self.slate.weeks, 7 * 24.0)

    def forbid(self, shifts: Bools) -> None:
        """Rule out shifts, shape (shifts,)."""
        self.banned = self.banned | shifts

    def separate(self, rest_h: float) -> None:
        """Keep a rest between any two shifts."""
        self.rest_s = max(self.rest_s, round(rest_h * 3600))

    def cap_hours(self, hours: Floats) -> None:
        """Bound the paid hours of each calendar week, shape (weeks,)."""
        self.week_h = np.minimum(self.week_h, hours)

    def cap_run(self, days: int) -> None:
        """Bound the consecutive days on which a shift starts."""
        self.run_days = days if self.run_days is None else min(days, self.run_days)

    def rest_weekly(self, rest_h: float) -> None:
        """Keep one uninterrupted rest within every calendar week."""
        self.weekly_rest_s = max(self.weekly_rest_s, round(rest_h * 3600))

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes two people interchangeable to the plan."""
        figures = (self.rest_s, self.weekly_rest_s, self.run_days)
        return (self.banned.tobytes(), self.week_h.tobytes(), *figures)


@dataclass(frozen=True, eq=False)
class Timeline:
    """The instants at which something can happen to a person, and the steps between them.

    A step leads from the start of a shift to the first instant at which the person may start another one.
    There are three: after the short rest; after the long rest within the same week; after a long rest
    within the next week, for a shift that reaches over the week's end.
    """

    slate: Slate
    rest_s: int
    weekly_rest_s: int

    @cached_property
    def unit_min(self) -> int:
        """Unit of paid hours, minutes: their greatest common divisor."""
        minutes = np.round(self.slate.paid_h * 60).astype(np.int64)
        return max(int(np.gcd.reduce(minutes)), FINEST_UNIT_MIN)

    @cached_property
    def units(self) -> Ints:
        """Paid units of each shift, rounded up."""
        return self.units_of(self.slate)

    def units_of(self, slate: Slate) -> Ints:
        """Paid units of the shifts of any part of the slate, rounded up."""
        return np.asarray(np.ceil(slate.paid_h * 60 / self.unit_min - 1e-9), dtype=np.int64)

    @cached_property
    def instants(self) -> Ints:
        """Times at which a shift or a day starts, sorted; the last is the end of the last week."""
        last = self.slate.midnights[-1]
        return np.unique(np.concatenate([self.slate.midnights, self.slate.start[self.slate.start <= last]]))

    @cached_property
    def first_shift(self) -> Ints:
        """Shifts that start at instant n are first_shift[n] to first_shift[n + 1]."""
        return np.searchsorted(self.slate.start, np.append(self.instants, self.instants[-1] + 1))

    @cached_property
    def opens_day(self) -> Bools:
        """Whether an instant is a local midnight."""
        return np.isin(self.instants, self.slate.midnights)

    @cached_property
    def week_instant(self) -> Ints:
        """Index of the first instant of each week, and of the end."""
        return np.searchsorted(self.instants, self.slate.week_bounds)

    @cached_property
    def steps(self) -> tuple[Ints, Ints]:
        """Target instant and midnights passed, each of shape (3, shifts); the steps of the class's text."""
        slate, bounds = self.slate, self.slate.week_bounds
        rested = slate.end + self.rest_s
        short = self._arrive(rested)
        week_end = bounds[slate.week + 1]
        within = slate.end + self.weekly_rest_s
        long = np.where(within <= week_end, self._arrive(np.maximum(within, rested)), NEVER)
        after = np.maximum(slate.end, week_end) + self.weekly_rest_s
        following = np.append(bounds, 0)[slate.week + 2]
        over = np.where(after <= following, self._arrive(np.maximum(after, rested)), NEVER)
        targets = np.stack([short, long, over])
        passed = np.cumsum(self.opens_day)[targets] - np.cumsum(self.opens_day)[self._arrive(slate.start)]
        return targets, passed

    @cached_property
    def week_rests(self) -> tuple[Ints, Ints]:
        """Target of a long rest that starts with each week, and 2 if a day without a start lies in it."""
        targets = self._arrive(self.slate.week_bounds[:-1] + self.weekly_rest_s)
        days = np.cumsum(self.opens_day)
        return targets, np.where(days[targets] > days[self.week_instant[:-1]], 2, 1)

    def _arrive(self, times: Ints) -> Ints:
        """First instant not before each time; the last one stands for all that is later."""
        return np.minimum(np.searchsorted(self.instants, times), len(self.instants) - 1)

    def caps(self, week_h: Floats) -> Ints:
        """Hours of each week as whole units, rounded down."""
        return np.asarray(np.floor(week_h * 60 / self.unit_min + 1e-9), dtype=np.int64)


def best_patterns(
    timeline: Timeline, worth: Floats, caps: Ints, week_cost: Floats, run_days: int
) -> tuple[Floats, list[Ints]]:
    """Find the pattern of most worth for each of many people or price lists.

    Parameters
    ----------
    timeline : Timeline
    worth : ndarray
        Worth of each shift to each line, -inf where it may not be worked, shape (lines, shifts).
    caps : ndarray
        Most units of each week, shape (lines, weeks).
    week_cost : ndarray
        Cost of so many units in a week, shape (lines, weeks, 1 + most units).
    run_days : int
        Most working days in a row.

    Returns
    -------
    value : ndarray
        Worth of the pattern less the cost of its weeks, shape (lines,).
    patterns : list of ndarray
        Indices of the pattern's shifts, in order of time.
    """
    to, passed = timeline.steps
    rest_to, rest_passed = timeline.week_rests
    days = len(timeline.slate.midnights) - 1
    whole = (timeline.units, timeline.first_shift, to, passed, timeline.week_instant, rest_to, rest_passed)
    # One layout and type for each argument: every other would be compiled anew.
    units, first_shift, to, passed, week_instant, rest_to, rest_passed = (
        np.ascontiguousarray(figures, dtype=np.int64) for figures in whole
    )
    value, shifts, counts = _price(
        np.ascontiguousarray(worth, dtype=float), np.ascontiguousarray(caps, dtype=np.int64),
        np.ascontiguousarray(week_cost, dtype=float), min(run_days, days), units, first_shift, to, passed,
        np.ascontiguousarray(timeline.opens_day), week_instant, rest_to, rest_passed,
    )  # fmt: skip
    return value, [row[:count] for row, count in zip(shifts, counts, strict=True)]


def _njit(function: Any) -> Any:
    return numba.njit(cache=True, nogil=True)(function)


@_njit
def _arrive(close: int, target: int, passed: int, rested: int, run: int, hours: int) -> Any:
    """State on being free again: long rest had, working day already, run of days, hours of the week.

    A step past the week's end closes the week. `rested` is 1 once the week's long rest has been had, 2 if the
    next week's has been had as well.
    """
    worked = 1 if passed == 0 else 0
    if passed >= 2:
        run = 0  # a whole day without a start lies between
    if target < close:
        return rested, worked, run, hours
    return rested - 1, worked, run, 0


@_njit
def _land(
    values: Any, cost: Any, close: int, target: int, passed: int, rested: int, run: int, hours: int
) -> Any:
    """Value of being free again at an instant; the week's cost falls due when it closes."""
    if target >= close and rested == 0:
        return -np.inf
    had, worked, after, total = _arrive(close, target, passed, rested, run, hours)
    value = values[target, had, worked, after, total]
    return value - cost[hours] if target >= close else value


@_njit
def _work(
    values: Any, cost: Any, close: int, to: Any, passed: Any, s: int, rested: int, run: int, hours: int
) -> Any:
    """Value of the best step after a shift, which one it is, and the rests that it makes."""
    best, step, had = _land(values, cost, close, to[0, s], passed[0, s], rested, run, hours), 0, rested
    longer = 1 + rested
    if to[longer, s] >= 0:
        value = _land(values, cost, close, to[longer, s], passed[longer, s], longer, run, hours)
        if value > best:
            best, step, had = value, longer, longer
    return best, step, had


@_njit
def _wait(
    values: Any, cost: Any, close: int, n: int, opens_day: Any, rested: int, worked: int, run: int, hours: int
) -> Any:
    """Value of waiting for the next instant."""
    if not opens_day[n + 1]:
        return values[n + 1, rested, worked, run, hours]
    # A midnight passes; a day without a start ends the run.
    return _land(values, cost, close, n + 1, 2 - worked, rested, run, hours)


@_njit
def _improve(
    row: Any, units: int, gain: float, values: Any, cost: Any, close: int, target: int, passed: int,
    rested: int, run: int,
) -> None:  # fmt: skip
    """Raise the values of a state, over all hours worked before, to those of a step that earns a gain."""
    if target >= close and rested == 0:
        return
    had, worked, after, _ = _arrive(close, target, passed, rested, run, 0)
    ahead = values[target, had, worked, after]
    if target < close:
        for hours in range(len(row) - units):
            row[hours] = max(row[hours], gain + ahead[hours + units])
    else:
        for hours in range(len(row) - units):
            row[hours] = max(row[hours], gain + ahead[0] - cost[hours + units])


@_njit
def _sweep(
    values: Any, worth: Any, caps: Any, week_cost: Any, run_days: int, units: Any, first_shift: Any, to: Any,
    passed: Any, opens_day: Any, week_instant: Any, rest_to: Any, rest_passed: Any,
) -> None:  # fmt: skip
    """Value every state of every instant, from the end backward."""
    last = len(opens_day) - 1
    values[last] = 0.0
    week, day = len(caps) - 1, opens_day.sum() - 1
    for n in range(last - 1, -1, -1):
        if n < week_instant[week]:
            week -= 1
        cap, close, cost = caps[week], week_instant[week + 1], week_cost[week]
        here = values[n, :, :, :, : cap + 1]
        here[:] = -np.inf
        for rested in range(2):
            for worked in range(2):
                for run in range(min(run_days, day) + 1):
                    row = here[rested, worked, run]
                    if opens_day[n + 1]:
                        _improve(row, 0, 0.0, values, cost, close, n + 1, 2 - worked, rested, run)
                    else:
                        row[:] = values[n + 1, rested, worked, run, : cap + 1]
                    after = run + 1 - worked
                    if after > run_days:
                        continue
                    for s in range(first_shift[n], first_shift[n + 1]):
                        if worth[s] == -np.inf:
                            continue
                        longer = 1 + rested
                        _improve(
                            row,
                            units[s],
                            worth[s],
                            values,
                            cost,
                            close,
                            to[0, s],
                            passed[0, s],
                            rested,
                            after,
                        )
                        if to[longer, s] >= 0:
                            _improve(
                                row, units[s], worth[s], values, cost, close, to[longer, s],
                                passed[longer, s], longer, after,
                            )  # fmt: skip
        if n == week_instant[week]:
            for run in range(min(run_days, day) + 1):
                _improve(
                    here[0, 0, run], 0, 0.0, values, cost, close, rest_to[week], rest_passed[week], 1, run
                )
        if opens_day[n]:
            day -= 1


@_njit
def _walk(
    values: Any, worth: Any, caps: Any, week_cost: Any, run_days: int, units: Any, first_shift: Any, to: Any,
    passed: Any, opens_day: Any, week_instant: Any, rest_to: Any, rest_passed: Any, chosen: Any,
) -> int:  # fmt: skip
    """Follow the best choices forward from the first instant; fill in the shifts and return how many."""
    n, rested, worked, run, hours, week, count = 0, 0, 0, 0, 0, 0, 0
    while n < len(opens_day) - 1:
        if n >= week_instant[week + 1]:
            week += 1
        cap, close, cost = caps[week], week_instant[week + 1], week_cost[week]
        best = _wait(values, cost, close, n, opens_day, rested, worked, run, hours)
        # What the choice leads to: instant, midnights passed, rests had, run, hours, and the shift.
        target, gone, had, after, total, shift = n + 1, 2 - worked, rested, run, hours, -1
        plain = not opens_day[n + 1]
        for s in range(first_shift[n], first_shift[n + 1]):
            days = run + 1 - worked
            if worth[s] == -np.inf or days > run_days or hours + units[s] > cap:
                continue
            value, step, rests = _work(values, cost, close, to, passed, s, rested, days, hours + units[s])
            if value + worth[s] > best:
                best, plain = value + worth[s], False
                target, gone, had, after = to[step, s], passed[step, s], rests, days
                total, shift = hours + units[s], s
        if n == week_instant[week] and rested == 0 and worked == 0 and hours == 0:
            value = _land(values, cost, close, rest_to[week], rest_passed[week], 1, run, 0)
            if value > best:
                plain, target, gone, had, after, total, shift = (
                    False,
                    rest_to[week],
                    rest_passed[week],
                    1,
                    run,
                    0,
                    -1,
                )
        if shift >= 0:
            chosen[count] = shift
            count += 1
        if not plain:
            rested, worked, run, hours = _arrive(close, target, gone, had, after, total)
        n = target
    return count


@_njit
def _price(
    worth: Any, caps: Any, week_cost: Any, run_days: int, units: Any, first_shift: Any, to: Any, passed: Any,
    opens_day: Any, week_instant: Any, rest_to: Any, rest_passed: Any,
) -> Any:  # fmt: skip
    """Sweep and walk for each line."""
    lines, last = len(worth), len(opens_day) - 1
    values = np.empty((last + 1, 2, 2, run_days + 1, week_cost.shape[2]))
    chosen = np.full((lines, worth.shape[1]), -1)
    counts = np.zeros(lines, dtype=np.int64)
    best = np.empty(lines)
    for k in range(lines):
        _sweep(
            values, worth[k], caps[k], week_cost[k], run_days, units, first_shift, to, passed, opens_day,
            week_instant, rest_to, rest_passed,
        )  # fmt: skip
        best[k] = values[0, 0, 0, 0, 0]
        counts[k] = _walk(
            values, worth[k], caps[k], week_cost[k], run_days, units, first_shift, to, passed, opens_day,
            week_instant, rest_to, rest_passed, chosen[k],
        )  # fmt: skip
    return best, chosen, counts
