"""The best lawful line of work for one person at given prices: the pricing problem of column generation.

A pattern is the set of shifts that one person works. The best one is a longest path over time: at every
instant the person is free, and starts a shift or waits. The state is what the rules must remember: whether
the week's long rest has been had, the run of days worked or off (`Days`), what is counted (`Counts`), and the
hours that are left. One backward sweep values every state, for all people whose prices are the same; one
forward walk a person reads off the pattern, from where the days before the horizon have left them.

Source: S. Irnich, G. Desaulniers, Shortest path problems with resource constraints, in G. Desaulniers,
J. Desrosiers, M. Solomon (eds.), Column Generation (2005), ch. 2; the backward recursion is Bellman's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numba
import numpy as np

from planning.roster.slate import Bools, Floats, Ints, Person, Slate

__all__ = ["Counts", "Days", "Limits", "Start", "Timeline", "best_patterns"]

FINEST_UNIT_MIN = {1: 15, 2: 30}
"""Paid hours are counted in their largest common unit, no finer than this by weeks, else in hours."""
NEVER = -1
"""The target of a step that cannot be made."""
SATURDAY, SUNDAY = 5, 6


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
    >>> limits.run
    (6, inf)
    """

    person: Person
    slate: Slate
    banned: Bools = field(default_factory=lambda: np.zeros(0, dtype=bool))
    prices: Floats = field(default_factory=lambda: np.zeros(0))
    rest_s: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    opens: int = 0
    least_h: float = 0.0
    most_h: float = np.inf
    weekly_rest: tuple[int, float] = (0, np.inf)
    run: tuple[int | None, float] = (None, np.inf)
    nights: tuple[int | None, float] = (None, np.inf)
    off: tuple[int, float] = (1, np.inf)
    shortest_run: tuple[int, float] = (1, np.inf)
    weekends: tuple[int | None, float] = (None, np.inf)
    successions: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    counted: list[tuple[Bools, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.slate is not None:
            self.banned = np.zeros(len(self.slate), dtype=bool)
            self.prices = np.zeros(len(self.slate))
            self.rest_s = np.zeros(len(self.slate), dtype=np.int64)
            self.successions = np.zeros((len(self.slate.kinds),) * 2)

    def forbid(self, shifts: Bools, price: float | None = None) -> None:
        """Rule out shifts, or price each of them, shape (shifts,)."""
        if price is None:
            self.banned = self.banned | shifts
        else:
            self.prices = self.prices + price * shifts

    def not_before(self, instant: int) -> None:
        """Let nothing start before an instant, seconds."""
        self.opens = max(self.opens, instant)

    def separate(self, rest_s: Ints) -> None:
        """Keep a rest after each shift, shape (shifts,)."""
        self.rest_s = np.maximum(self.rest_s, rest_s)

    def one_a_day(self) -> None:
        """Let at most one shift start on each day: so it is in every pattern."""

    def cap_hours(self, least_h: float, most_h: float) -> None:
        """Bound the paid hours of the horizon."""
        self.least_h, self.most_h = max(self.least_h, least_h), min(self.most_h, most_h)

    def cap_run(self, days: int, price: float | None = None) -> None:
        """Bound the consecutive days on which a shift starts."""
        self.run = (days, _price(price))

    def cap_nights(self, nights: int, price: float | None = None) -> None:
        """Bound the consecutive days on which a night shift starts."""
        self.nights = (nights, _price(price))

    def least_off(self, days: int, price: float | None = None) -> None:
        """Bound the consecutive days off from below."""
        self.off = (days, _price(price))

    def least_run(self, days: int, price: float | None = None) -> None:
        """Bound the consecutive working days from below."""
        self.shortest_run = (days, _price(price))

    def forbid_succession(self, pairs: Bools, price: float | None = None) -> None:
        """Rule out kinds on the day after kinds, shape (kinds, kinds)."""
        self.successions = self.successions + np.where(pairs, _price(price), 0.0)

    def rest_weekly(self, rest_h: float, price: float | None = None) -> None:
        """Keep one uninterrupted rest within every calendar week."""
        self.weekly_rest = (round(rest_h * 3600), _price(price))

    def cap_weekends(self, most: int, price: float | None = None) -> None:
        """Bound the weekends on which a shift starts."""
        self.weekends = (most, _price(price))

    def cap_count(self, shifts: Bools, most: int) -> None:
        """Bound how many of some shifts are worked, shape (shifts,)."""
        self.counted.append((shifts, most))

    @property
    def day_rules(self) -> tuple[object, ...]:
        """What decides which day may follow which."""
        figures = (self.run, self.nights, self.off, self.shortest_run, self.weekly_rest)
        return (*figures, self.successions.tobytes())

    @property
    def count_rules(self) -> tuple[object, ...]:
        """What is counted over the horizon."""
        return (self.weekends, *((shifts.tobytes(), most) for shifts, most in self.counted))

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes two people interchangeable to the plan."""
        tail = self.person.tail
        before = (self.opens, tail.last_end, tail.days, tail.nights, tail.kind)
        work = (self.banned.tobytes(), self.prices.tobytes(), self.rest_s.tobytes())
        return (*work, self.least_h, self.most_h, self.person.contract_h_week, self.day_rules,
                self.count_rules, before)  # fmt: skip


def _price(price: float | None) -> float:
    return np.inf if price is None else price


State = tuple[int, int, int, int, bool]
"""Days off, days of the run, kind of its last shift, its nights at the end, whether it may be short."""


class Days:
    """Which day may follow which, as an automaton over the letters off, kind 0, kind 1, ...

    Attributes
    ----------
    following : ndarray of shape (states, letters), -1 where the letter is forbidden
    cost : ndarray of shape (states, letters), what the soft rules ask
    worked : ndarray of shape (states,), whether the last day was worked

    Examples
    --------
    Two days in a row at most, one kind of shift:

    >>> limits = Limits(Person("ann", "kaluga", "vip", 40.0, True), slate=None)
    >>> limits.cap_run(2)
    >>> days = Days(limits, ["day"], [Person("ann", "kaluga", "vip", 40.0, True)])
    >>> days.following.tolist()
    [[0, 1], [0, 2], [0, -1]]
    """

    def __init__(self, limits: Limits, kinds: Sequence[str], people: Sequence[Person]) -> None:
        self._limits, self._kinds = limits, tuple(kinds)
        self._night = self._kinds.index("night") if "night" in self._kinds else -1
        self._remembers_kind = bool(limits.successions.any())
        starts = [self._start(person) for person in people]
        numbers = {state: number for number, state in enumerate(dict.fromkeys(starts))}
        rows: list[list[tuple[int, float]]] = []
        queue = list(numbers)
        for state in queue:  # grows while it is read
            rows.append([])
            for letter in range(-1, len(kinds)):
                after, cost = self._step(state, letter)
                if np.isfinite(cost) and after not in numbers:
                    numbers[after] = len(numbers)
                    queue.append(after)
                rows[-1].append((numbers[after] if np.isfinite(cost) else NEVER, cost))
        self.following = np.array([[after for after, _ in row] for row in rows], dtype=np.int64)
        self.cost = np.array([[cost if np.isfinite(cost) else 0.0 for _, cost in row] for row in rows])
        self.worked = np.array([state[1] > 0 for state in queue], dtype=bool)
        self.starts = {person.agent_id: numbers[start] for person, start in zip(people, starts, strict=True)}

    def _start(self, person: Person) -> State:
        """State on the eve of the horizon."""
        tail, (most, _), (nights, _) = person.tail, self._limits.run, self._limits.nights
        exempt = self._limits.shortest_run[0] > 1
        if not tail.days:
            return (self._limits.off[0], 0, -1, 0, exempt)
        kind = self._kinds.index(tail.kind) if self._remembers_kind and tail.kind in self._kinds else -1
        return (0, min(tail.days, self._longest(most)), kind, min(tail.nights, nights or 0), exempt)

    def _longest(self, most: int | None) -> int:
        """Days of a run that need be told apart."""
        return max(1 if most is None else most, self._limits.shortest_run[0], 1)

    def _step(self, state: State, letter: int) -> tuple[State, float]:
        """State after one more day, and what it costs."""
        return self._rest(state) if letter < 0 else self._work(state, letter)

    def _rest(self, state: State) -> tuple[State, float]:
        off, run, _, _, exempt = state
        least, price = self._limits.shortest_run
        short = run > 0 and run < least and not exempt
        # Days off from the horizon's start on may be as few as they like.
        enough = self._limits.off[0]
        after = enough if exempt and not run else min(off + 1, enough)
        return (after, 0, -1, 0, False), price if short else 0.0

    def _work(self, state: State, letter: int) -> tuple[State, float]:
        off, run, kind, nights, exempt = state
        cost = 0.0
        least_off, price = self._limits.off
        if not run and off < least_off:
            cost += price
        if run and kind >= 0:
            cost += float(self._limits.successions[kind, letter])
        most, price = self._limits.run
        if most is not None and run + 1 > most:
            cost += price
        most_nights, price = self._limits.nights
        in_row = nights + 1 if letter == self._night else 0
        if most_nights is not None and in_row > most_nights:
            cost += price
        after = (
            0, min(run + 1, self._longest(most)), letter if self._remembers_kind else -1,
            min(in_row, most_nights or 0), exempt and run + 1 < self._limits.shortest_run[0],
        )  # fmt: skip
        return after, cost


class Counts:
    """What is counted over the horizon, weekends and shifts of some sort, as one number.

    Attributes
    ----------
    following : ndarray of shape (counts, 3 x sorts)
        Count after an event: 0 nothing, 1 a weekend is worked, 2 a weekend is free; + 3 x the shift's sort.
    cost : ndarray of shape (counts, 3 x sorts)
    final : ndarray of shape (counts,), cost of a count at the end
    sort : ndarray of shape (shifts,), sort 0 is what is not counted
    """

    def __init__(self, limits: Limits) -> None:
        weeks, (most, price) = limits.slate.weeks, limits.weekends
        # Whichever is the smaller number is counted: the weekends worked, or those free.
        self._free = most is not None and weeks - most < most
        self._bound = 0 if most is None else max(weeks - most, 0) if self._free else most
        self._price, self._limited = price, most is not None and most < weeks
        if not self._limited:
            self._free, self._bound = False, 0
        masks = np.array([shifts for shifts, _ in limits.counted], dtype=bool).reshape(-1, len(limits.slate))
        sorts, self.sort = np.unique(
            np.vstack([np.zeros((len(masks), 1), bool).T, masks.T]) if len(masks) else
            np.zeros((len(limits.slate) + 1, 0), bool), axis=0, return_inverse=True,
        )  # fmt: skip
        self.sort = np.asarray(self.sort.reshape(-1)[1:], dtype=np.int64)
        shape = (self._bound + 1, *(cap + 1 for _, cap in limits.counted))
        counts = list(np.ndindex(*shape))
        numbers = {count: number for number, count in enumerate(counts)}
        self.following = np.full((len(counts), 3 * len(sorts)), NEVER, dtype=np.int64)
        self.cost = np.zeros(self.following.shape)
        for row, (weekends, *rest) in enumerate(counts):
            for sort, marks in enumerate(sorts.astype(np.int64)):
                for event in range(3):
                    after, cost = self._weekend(weekends, event)
                    # A count that does not exist is one above its bound.
                    target = numbers.get((after, *(np.array(rest, dtype=np.int64) + marks).tolist()), NEVER)
                    if np.isfinite(cost):
                        self.following[row, 3 * sort + event] = target
                        self.cost[row, 3 * sort + event] = cost
        short = np.array([self._bound - count[0] if self._free else 0 for count in counts])
        self.final = np.where(short > 0, price * np.maximum(short, 1), 0.0)

    def _weekend(self, count: int, event: int) -> tuple[int, float]:
        if not self._limited or event == (1 if self._free else 2) or event == 0:
            return count, 0.0
        if count < self._bound:
            return count + 1, 0.0
        return count, 0.0 if self._free else self._price


@dataclass(frozen=True, eq=False)
class Timeline:
    """The instants at which something can happen to a person, and the steps between them.

    A step leads from the start of a shift to the first instant at which the person may start another one.
    There are three: after the short rest; after the long rest within the same week; after a long rest
    within the next week, for a shift that reaches over the week's end.
    """

    slate: Slate
    rest_s: Ints
    weekly_rest_s: int

    @cached_property
    def unit_min(self) -> int:
        """Unit of paid hours, minutes: their greatest common divisor."""
        minutes = np.round(self.slate.paid_h * 60).astype(np.int64)
        return max(int(np.gcd.reduce(minutes)), FINEST_UNIT_MIN.get(self.slate.weeks, 60))

    @cached_property
    def units(self) -> Ints:
        """Paid units of each shift, rounded up."""
        return np.asarray(np.ceil(self.slate.paid_h * 60 / self.unit_min - 1e-9), dtype=np.int64)

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
    def day_of(self) -> Ints:
        """Day of each instant; the last instant opens a day of its own."""
        return np.searchsorted(self.slate.midnights, self.instants, side="right") - 1

    @cached_property
    def week_instant(self) -> Ints:
        """Index of the first instant of each week, and of the end."""
        return np.searchsorted(self.instants, self.slate.week_bounds)

    @cached_property
    def steps(self) -> Ints:
        """Target instant of each step, shape (3, shifts); the steps of the class's text."""
        slate, bounds = self.slate, self.slate.week_bounds
        # One shift a day: nothing more starts before the next midnight.
        rested = np.maximum(slate.end + self.rest_s, slate.midnights[slate.day + 1])
        week_end = bounds[slate.week + 1]
        within = slate.end + self.weekly_rest_s
        long = np.where(within <= week_end, self.arrive(np.maximum(within, rested)), NEVER)
        after = slate.end + self.weekly_rest_s
        following = np.append(bounds, 0)[slate.week + 2]
        # A shift that ends within its week leaves the next week's rest to that week's own start.
        reaches_over = (slate.end > week_end) & (after <= following)
        over = np.where(reaches_over, self.arrive(np.maximum(after, rested)), NEVER)
        return np.stack([self.arrive(rested), long, over])

    @cached_property
    def week_rests(self) -> Ints:
        """Target of a long rest that starts with each week."""
        return self.arrive(self.slate.week_bounds[:-1] + self.weekly_rest_s)

    def arrive(self, times: Ints) -> Ints:
        """First instant not before each time; the last one stands for all that is later."""
        return np.minimum(np.searchsorted(self.instants, times), len(self.instants) - 1)

    def cap(self, hours: float) -> int:
        """Hours as whole units, rounded down; no more than could be worked."""
        most = int(self.units.max(initial=0)) * (len(self.slate.midnights) - 1)
        return int(min(np.floor(max(hours, 0.0) * 60 / self.unit_min + 1e-9), most))

    def starts_of(self, person: Person, may_start: int = 0) -> list[tuple[int, int, int]]:
        """Ways to begin: instant, whether the week's long rest is had already, and days off before.

        The rest of the first week may have begun with the end of the last shift before the horizon.
        """
        first = int(self.slate.midnights[self.slate.first])
        monday = int(self.slate.midnights[0])
        ready = max(first, may_start)
        free = max(monday, person.tail.last_end if person.tail.last_end is not None else monday)
        rested = free + self.weekly_rest_s
        ways = [(ready, 0)]
        if rested <= self.slate.week_bounds[1]:
            ways.append((max(rested, ready), 1))
        at = self.arrive(np.array([time for time, _ in ways]))
        if at[0] >= self.week_instant[1]:
            ways, at = ways[1:], at[1:]  # nobody rests a week before they start without the week's rest
        return [
            (
                instant,
                had if instant < self.week_instant[1] else 0,
                int(self.day_of[instant]) - self.slate.first,
            )
            for instant, (_, had) in zip(at.tolist(), ways, strict=True)
        ]


@dataclass(frozen=True)
class Start:
    """Where a person's line begins: state of `Days`, and units of hours that may be worked."""

    person: Person
    state: int
    units: int
    opens: int = 0
    """Nothing starts before this second."""


def best_patterns(
    timeline: Timeline,
    days: Days,
    counts: Counts,
    worth: Floats,
    final: Floats,
    starts: Sequence[Start],
    *,
    unrested: float = np.inf,
) -> tuple[Floats, list[Ints]]:
    """Find the pattern of most worth for people who share their prices.

    Parameters
    ----------
    timeline : Timeline
    days, counts : Days, Counts
        What the rules remember.
    worth : ndarray
        Worth of each shift, -inf where it may not be worked, shape (shifts,).
    final : ndarray
        Cost of so many units left over at the end, inf where too many, shape (most units + 1,).
    starts : sequence of Start
        A line is found for each.
    unrested : float
        Price of a week without its long rest.

    Returns
    -------
    value : ndarray
        Worth of the pattern less all costs, shape (starts,); -inf where no pattern is lawful.
    patterns : list of ndarray
        Indices of the pattern's shifts, in order of time.
    """
    ways = [
        (number, instant, rested, off, start.state, start.units)
        for number, start in enumerate(starts)
        for instant, rested, off in timeline.starts_of(start.person, start.opens)
    ]
    table = np.array(ways, dtype=np.int64).reshape(-1, 6)
    largest = int(timeline.units.max(initial=0))
    # Nobody has fewer units left than those of the least contract, all days so far worked at full length.
    past = timeline.day_of - timeline.slate.first
    low = np.maximum(table[:, 5].min(initial=0) - largest * np.maximum(past, 0), 0)
    value, shifts, lengths = _price_lines(
        np.ascontiguousarray(worth, dtype=float), np.ascontiguousarray(final, dtype=float), table,
        np.ascontiguousarray(low), timeline.units, timeline.first_shift.astype(np.int64),
        np.ascontiguousarray(timeline.steps), timeline.day_of, timeline.week_instant, timeline.week_rests,
        timeline.slate.kind, days.following, days.cost, days.worked, counts.following, counts.cost,
        counts.final, counts.sort, float(unrested), int(timeline.slate.first),
    )  # fmt: skip
    best = np.full(len(starts), -np.inf)
    found: list[Ints] = [np.zeros(0, dtype=np.int64)] * len(starts)
    for way, number in enumerate(table[:, 0].tolist()):
        if value[way] > best[number]:
            best[number], found[number] = value[way], shifts[way, : lengths[way]].copy()
    return best, found


def _njit(function: Any) -> Any:
    return numba.njit(cache=True, nogil=True)(function)


@_njit
def _event(day: int, worked: bool, works: bool) -> int:
    """What a day makes of a weekend: 0 nothing, 1 it is worked, 2 it is free."""
    weekday = day % 7
    if weekday == SATURDAY:
        return 1 if works else 0
    if weekday == SUNDAY:
        if works:
            return 0 if worked else 1
        return 0 if worked else 2
    return 0


@_njit
def _pass(
    day: int, until: int, state: int, count: int, cost: float, following: Any, day_cost: Any, worked: Any,
    counting: Any, count_cost: Any,
) -> Any:  # fmt: skip
    """Let days off pass: the state, the count and the cost on the eve of `until`; state -1 if forbidden."""
    while day < until and state >= 0:
        event = _event(day, worked[state], False)
        cost += day_cost[state, 0] + count_cost[count, event]
        count, state = counting[count, event], following[state, 0]
        day += 1
    if count < 0:
        state = -1
    return state, count, cost


@_njit
def _after(
    s: int, step: int, rested: int, state: int, count: int, n: int, close: int, to: Any, day_of: Any,
    kind: Any, following: Any, day_cost: Any, worked: Any, counting: Any, count_cost: Any, sort: Any,
    unrested: float,
) -> Any:  # fmt: skip
    """Where working a shift leads: instant, rests had, state, count, cost; the instant is -1 if nowhere."""
    target, day = to[step, s], day_of[n]
    if target < 0:
        return -1, 0, 0, 0, 0.0
    letter = kind[s] + 1
    after = following[state, letter]
    if after < 0:
        return -1, 0, 0, 0, 0.0
    event = 3 * sort[s] + _event(day, worked[state], True)
    tally = counting[count, event]
    if tally < 0:
        return -1, 0, 0, 0, 0.0
    cost = day_cost[state, letter] + count_cost[count, event]
    after, tally, cost = _pass(
        day + 1, day_of[target], after, tally, cost, following, day_cost, worked, counting, count_cost
    )
    if after < 0:
        return -1, 0, 0, 0, 0.0
    had = rested
    if step == 1:
        had = 1
    if target >= close:
        if had == 0:
            cost += unrested
        had = 1 if step == 2 else 0
    return target, had, after, tally, cost


@_njit
def _sweep(
    values: Any, worth: Any, final: Any, low: Any, units: Any, first_shift: Any, to: Any, day_of: Any,
    week_instant: Any, rest_to: Any, kind: Any, following: Any, day_cost: Any, worked: Any, counting: Any,
    count_cost: Any, count_final: Any, sort: Any, unrested: float, first: int,
) -> None:  # fmt: skip
    """Value every state of every instant, from the end backward."""
    last = len(day_of) - 1
    states, counts, hours = len(following), len(counting), len(final)
    for rested in range(2):
        for count in range(counts):
            for state in range(states):
                for h in range(hours):
                    values[last, rested, count, state, h] = -final[h] - count_final[count]
    week = len(week_instant) - 2
    for n in range(last - 1, -1, -1):
        if day_of[n] < first:
            break
        if n < week_instant[week]:
            week -= 1
        close, floor = week_instant[week + 1], low[n]
        for rested in range(2):
            for count in range(counts):
                for state in range(states):
                    row = values[n, rested, count, state]
                    if day_of[n + 1] == day_of[n]:
                        row[floor:] = values[n + 1, rested, count, state, floor:]
                    else:
                        _rest_day(
                            row, values, n, rested, count, state, floor, close, day_of, following, day_cost,
                            worked, counting, count_cost, unrested,
                        )  # fmt: skip
                    for s in range(first_shift[n], first_shift[n + 1]):
                        if worth[s] == -np.inf:
                            continue
                        for step in range(3):
                            if (step == 1 and rested == 1) or (
                                step == 2 and rested == 0 and unrested == np.inf
                            ):
                                continue
                            target, had, after, tally, cost = _after(
                                s, step, rested, state, count, n, close, to, day_of, kind, following,
                                day_cost, worked, counting, count_cost, sort, unrested,
                            )  # fmt: skip
                            if target < 0 or cost == np.inf:
                                continue
                            gain, used = worth[s] - cost, units[s]
                            ahead = values[target, had, tally, after]
                            for h in range(max(floor, used), hours):
                                row[h] = max(row[h], gain + ahead[h - used])
        # The first week's rest is a way to begin: it may have begun before the horizon.
        if n == week_instant[week] and week > 0:
            for count in range(counts):
                for state in range(states):
                    target = rest_to[week]
                    after, tally, cost = _pass(
                        day_of[n], day_of[target], state, count, 0.0, following, day_cost, worked, counting,
                        count_cost,
                    )  # fmt: skip
                    if after >= 0:
                        row, ahead = values[n, 0, count, state], values[target, 1, tally, after]
                        for h in range(floor, hours):
                            row[h] = max(row[h], ahead[h] - cost)


@_njit
def _rest_day(
    row: Any, values: Any, n: int, rested: int, count: int, state: int, floor: int, close: int, day_of: Any,
    following: Any, day_cost: Any, worked: Any, counting: Any, count_cost: Any, unrested: float,
) -> None:  # fmt: skip
    """Value a state by a day off that ends with the next instant."""
    after, tally, cost = _pass(
        day_of[n], day_of[n] + 1, state, count, 0.0, following, day_cost, worked, counting, count_cost
    )
    had = rested
    if n + 1 >= close:
        if rested == 0:
            cost += unrested
        had = 0
    if after < 0 or cost == np.inf:
        row[floor:] = -np.inf
    else:
        row[floor:] = values[n + 1, had, tally, after, floor:] - cost


@_njit
def _walk(
    values: Any, start: Any, worth: Any, units: Any, first_shift: Any, to: Any, day_of: Any,
    week_instant: Any, rest_to: Any, kind: Any, following: Any, day_cost: Any, worked: Any, counting: Any,
    count_cost: Any, sort: Any, unrested: float, chosen: Any,
) -> int:  # fmt: skip
    """Follow the best choices forward; fill in the shifts and return how many."""
    n, rested, count, state, left = start
    length, week = 0, 0
    while n < len(day_of) - 1:
        while n >= week_instant[week + 1]:
            week += 1
        close = week_instant[week + 1]
        best, shift = -np.inf, -1
        go = (n + 1, rested, count, state)
        if day_of[n + 1] == day_of[n]:
            best = values[n + 1, rested, count, state, left]
        else:
            after, tally, cost = _pass(
                day_of[n], day_of[n] + 1, state, count, 0.0, following, day_cost, worked, counting, count_cost
            )
            had = rested
            if n + 1 >= close:
                if rested == 0:
                    cost += unrested
                had = 0
            if after >= 0 and cost < np.inf:
                best, go = values[n + 1, had, tally, after, left] - cost, (n + 1, had, tally, after)
        for s in range(first_shift[n], first_shift[n + 1]):
            if worth[s] == -np.inf or units[s] > left:
                continue
            for step in range(3):
                if (step == 1 and rested == 1) or (step == 2 and rested == 0 and unrested == np.inf):
                    continue
                target, had, after, tally, cost = _after(
                    s, step, rested, state, count, n, close, to, day_of, kind, following, day_cost, worked,
                    counting, count_cost, sort, unrested,
                )  # fmt: skip
                if target < 0 or cost == np.inf:
                    continue
                value = worth[s] - cost + values[target, had, tally, after, left - units[s]]
                if value > best:
                    best, shift, go = value, s, (target, had, tally, after)
        if n == week_instant[week] and rested == 0 and week > 0:
            target = rest_to[week]
            after, tally, cost = _pass(
                day_of[n], day_of[target], state, count, 0.0, following, day_cost, worked, counting,
                count_cost,
            )  # fmt: skip
            if after >= 0 and values[target, 1, tally, after, left] - cost > best:
                best, shift = values[target, 1, tally, after, left] - cost, -1
                go = (target, 1, tally, after)
        if shift >= 0:
            chosen[length] = shift
            length += 1
            left -= units[shift]
        n, rested, count, state = go
    return length


@_njit
def _price_lines(
    worth: Any, final: Any, ways: Any, low: Any, units: Any, first_shift: Any, to: Any, day_of: Any,
    week_instant: Any, rest_to: Any, kind: Any, following: Any, day_cost: Any, worked: Any, counting: Any,
    count_cost: Any, count_final: Any, sort: Any, unrested: float, first: int,
) -> Any:  # fmt: skip
    """Sweep once, and walk each way."""
    values = np.empty((len(day_of), 2, len(counting), len(following), len(final)))
    _sweep(
        values, worth, final, low, units, first_shift, to, day_of, week_instant, rest_to, kind, following,
        day_cost, worked, counting, count_cost, count_final, sort, unrested, first,
    )  # fmt: skip
    chosen = np.full((len(ways), day_of[-1] + 1), -1)
    lengths = np.zeros(len(ways), dtype=np.int64)
    best = np.full(len(ways), -np.inf)
    for way in range(len(ways)):
        n, rested, off, state, left = ways[way, 1], ways[way, 2], ways[way, 3], ways[way, 4], ways[way, 5]
        state, count, cost = _pass(
            first, first + off, state, 0, 0.0, following, day_cost, worked, counting, count_cost
        )
        if state < 0:
            continue
        best[way] = values[n, rested, count, state, left] - cost
        if best[way] > -np.inf:
            start = (n, rested, count, state, left)
            lengths[way] = _walk(
                values, start, worth, units, first_shift, to, day_of, week_instant, rest_to, kind, following,
                day_cost, worked, counting, count_cost, sort, unrested, chosen[way],
            )  # fmt: skip
    return best, chosen, lengths
