"""The best lawful work pattern for one person at given prices: the pricing problem of column generation.

A pattern is the set of shifts that one person works. The best one is a longest path over time: at every
instant when the person is free, they start a shift or wait. The state is what the rules must remember:
whether the week's long rest has been taken, the run of days worked or off (`Days`), what is counted
(`Counts`), and the hours that are left. One backward pass values every state for all people with the same
prices. One forward pass per person then reads off the pattern, starting from the person's carry-over.

Source: S. Irnich, G. Desaulniers, Shortest path problems with resource constraints, in G. Desaulniers,
J. Desrosiers, M. Solomon (eds.), Column Generation (2005), ch. 2; the backward recursion is Bellman's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numba
import numpy as np

from planning.checks import Floats, Ints
from planning.roster.inputs import Person, TeamShifts
from planning.roster.limits import NEVER, Counts, Days

LAST = 6
"""Day with which a week ends, and its weekend; the one before counts to it where a state says so."""


@dataclass(frozen=True, eq=False)
class Timeline:
    """The instants at which a person's state can change, and the steps between them.

    A step leads from the start of a shift to the first instant at which the person may start another one.
    There are three: after the short rest; after the long rest within the same week; after a long rest
    within the next week, for a shift that reaches over the week's end.
    """

    team_shifts: TeamShifts
    rest_s: Ints
    weekly_rest_s: int
    exact: bool = False
    """Whether hours are counted exactly to the minute, as a least number of hours requires.

    Otherwise shifts are rounded up, which respects a largest number of hours.
    """

    @cached_property
    def unit_min(self) -> int:
        """Unit of paid hours, minutes: their greatest common divisor.

        It is no finer than a quarter of an hour, and half an hour where the horizon is longer than three
        weeks, unless hours are counted exactly: the memory of a search grows with hours over unit.
        """
        minutes = np.round(self.team_shifts.paid_h * 60).astype(np.int64)
        finest = 1 if self.exact else 15 if self.team_shifts.weeks <= 3 else 30
        return max(int(np.gcd.reduce(minutes)), finest)

    @cached_property
    def units(self) -> Ints:
        """Paid units of each shift, rounded up."""
        return np.asarray(np.ceil(self.team_shifts.paid_h * 60 / self.unit_min - 1e-9), dtype=np.int64)

    @cached_property
    def instants(self) -> Ints:
        """Times at which a shift or a day starts, sorted; the last is the end of the last week."""
        last = self.team_shifts.midnights[-1]
        return np.unique(
            np.concatenate(
                [self.team_shifts.midnights, self.team_shifts.start[self.team_shifts.start <= last]]
            )
        )

    @cached_property
    def first_shift(self) -> Ints:
        """Shifts that start at instant n are first_shift[n] up to first_shift[n + 1]."""
        return np.searchsorted(self.team_shifts.start, np.append(self.instants, self.instants[-1] + 1))

    @cached_property
    def day_of(self) -> Ints:
        """Day of each instant; the last instant begins a day of its own."""
        return np.searchsorted(self.team_shifts.midnights, self.instants, side="right") - 1

    @cached_property
    def week_instant(self) -> Ints:
        """Index of the first instant of each week, and of the end."""
        return np.searchsorted(self.instants, self.team_shifts.week_bounds)

    @cached_property
    def steps(self) -> Ints:
        """Target instant of each step, shape (3, shifts); without weekly rest only the first, (1, shifts)."""
        team_shifts, bounds = self.team_shifts, self.team_shifts.week_bounds
        # One shift a day: no other starts before the next midnight.
        rested = np.maximum(team_shifts.end + self.rest_s, team_shifts.midnights[team_shifts.day + 1])
        if not self.weekly_rest_s:
            return self.arrive(rested)[None]
        week_end = bounds[team_shifts.week + 1]
        within = team_shifts.end + self.weekly_rest_s
        long = np.where(within <= week_end, self.arrive(np.maximum(within, rested)), NEVER)
        after = team_shifts.end + self.weekly_rest_s
        following = np.append(bounds, 0)[team_shifts.week + 2]
        # After a shift that ends within its week, the next week's rest begins with that week's start at the
        # earliest.
        reaches_over = (team_shifts.end > week_end) & (after <= following)
        over = np.where(reaches_over, self.arrive(np.maximum(after, rested)), NEVER)
        return np.stack([self.arrive(rested), long, over])

    @cached_property
    def week_rests(self) -> Ints:
        """Target of a long rest that starts with each week."""
        return self.arrive(self.team_shifts.week_bounds[:-1] + self.weekly_rest_s)

    def arrive(self, times: Ints) -> Ints:
        """First instant at or after each time; the last one represents all later times."""
        return np.minimum(np.searchsorted(self.instants, times), len(self.instants) - 1)

    def cap(self, hours: float) -> int:
        """Hours as whole units, rounded down and limited to what could be worked."""
        most = int(self.units.max(initial=0)) * (len(self.team_shifts.midnights) - 1)
        return int(min(np.floor(max(hours, 0.0) * 60 / self.unit_min + 1e-9), most))

    def starts_of(self, person: Person, may_start: int = 0) -> list[tuple[int, int, int]]:
        """Possible beginnings: instant, whether the week's long rest is already taken, and days off before.

        The rest of the first week may have begun with the end of the last shift before the horizon.
        """
        first = int(self.team_shifts.midnights[self.team_shifts.first])
        opens = int(self.team_shifts.midnights[0])
        ready = max(first, may_start)
        free = max(opens, person.carry_over.last_end if person.carry_over.last_end is not None else opens)
        rested = free + self.weekly_rest_s
        ways = [(ready, 0)]
        if self.weekly_rest_s:
            # A first week without work needs no rest, even if the days before leave no room for one.
            second = int(self.team_shifts.week_bounds[1])
            ways.append((max(rested, ready), 1) if rested <= second else (max(second, ready), 0))
        at = self.arrive(np.array([time for time, _ in ways]))
        if self.weekly_rest_s and at[0] >= self.week_instant[1]:
            ways, at = ways[1:], at[1:]  # nobody waits a week and then starts without the week's rest
        return [
            (
                instant,
                had if instant < self.week_instant[1] else 0,
                int(self.day_of[instant]) - self.team_shifts.first,
            )
            for instant, (_, had) in zip(at.tolist(), ways, strict=True)
        ]


@dataclass(frozen=True)
class Start:
    """The beginning of a person's schedule: state of `Days`, and units of hours that may be worked."""

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
    """Find the pattern of highest value for people who share their prices.

    Parameters
    ----------
    timeline : Timeline
    days, counts : Days, Counts
        The automata of the rules.
    worth : ndarray
        Value of each shift, -inf if it may not be worked, shape (shifts,).
    final : ndarray
        Cost by number of units left over at the end, inf for too many, shape (most units + 1,).
    starts : sequence of Start
        A schedule is found for each.
    unrested : float
        Price of a week without its long rest.

    Returns
    -------
    value : ndarray
        Value of the pattern less all costs, shape (starts,); -inf if no pattern is lawful.
    patterns : list of ndarray
        Indices of the pattern's shifts, in order of time.
    """
    table = _ways(timeline, starts)
    largest = int(timeline.units.max(initial=0))
    # Nobody has fewer units left than the smallest contract after working every day at full length.
    past = timeline.day_of - timeline.team_shifts.first
    low = np.maximum(table[:, 5].min(initial=0) - largest * np.maximum(past, 0), 0)
    value, shifts, lengths = _best_patterns(
        np.ascontiguousarray(worth, dtype=float), np.ascontiguousarray(final, dtype=float), table,
        np.ascontiguousarray(low), timeline.units, timeline.first_shift.astype(np.int64),
        np.ascontiguousarray(timeline.steps), timeline.day_of, timeline.week_instant, timeline.week_rests,
        timeline.team_shifts.letter, days.alike, days.following, days.cost, days.worked, counts.following,
        counts.cost, counts.final, counts.sort, float(unrested if timeline.weekly_rest_s else 0.0),
        int(timeline.team_shifts.first),
    )  # fmt: skip
    best = np.full(len(starts), -np.inf)
    found: list[Ints] = [np.zeros(0, dtype=np.int64)] * len(starts)
    for way, number in enumerate(table[:, 0].tolist()):
        if value[way] > best[number]:
            best[number], found[number] = value[way], shifts[way, : lengths[way]].copy()
    return best, found


def _ways(timeline: Timeline, starts: Sequence[Start]) -> Ints:
    """Possible beginnings: person, instant, whether the rest is taken, days off before, state, and units."""
    ways = [
        (number, instant, rested, off, start.state, start.units)
        for number, start in enumerate(starts)
        for instant, rested, off in timeline.starts_of(start.person, start.opens)
    ]
    return np.array(ways, dtype=np.int64).reshape(-1, 6)


def _njit(function: Any) -> Any:
    return numba.njit(cache=True, nogil=True)(function)


@_njit
def _event(day: int, worked: bool, works: bool) -> int:
    """Event of a day: 0, or at the end of a week 1 its weekend was worked, 2 it was free, 3 one day was."""
    if day % 7 != LAST:
        return 0
    if works and worked:
        return 1
    return 3 if works or worked else 2


@_njit
def _pass(
    day: int, until: int, state: int, count: int, cost: float, following: Any, day_cost: Any, worked: Any,
    counting: Any, count_cost: Any,
) -> Any:  # fmt: skip
    """Pass days off: the state, the count and the cost on the eve of `until`; state -1 if forbidden."""
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
    """Result of working a shift: instant, rests taken, state, count, cost; the instant is -1 if forbidden."""
    target, day = to[step, s], day_of[n]
    if target < 0:
        return -1, 0, 0, 0, 0.0
    letter = kind[s] + 1
    after = following[state, letter]
    if after < 0:
        return -1, 0, 0, 0, 0.0
    event = 4 * sort[s] + _event(day, worked[state], True)
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
def _idle(step: int, rested: int, unrested: float) -> bool:
    """Tell whether a step is useless: the week's rest is already taken, or would be missing."""
    return (step == 1 and rested == 1) or (step == 2 and rested == 0 and unrested == np.inf)


@_njit
def _value_states(
    values: Any, worth: Any, final: Any, low: Any, units: Any, first_shift: Any, to: Any, day_of: Any,
    week_instant: Any, rest_to: Any, kind: Any, following: Any, day_cost: Any, worked: Any, counting: Any,
    count_cost: Any, count_final: Any, sort: Any, unrested: float, first: int,
) -> None:  # fmt: skip
    """Value every state of every instant, from the end backward."""
    last = len(day_of) - 1
    rests, counts, states, hours = values.shape[1:]
    for rested in range(rests):
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
        for rested in range(rests):
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
            for step in range(len(to)):
                for rested in range(rests):
                    if to[step, s] >= 0 and not _idle(step, rested, unrested):
                        _work(
                            values, s, step, rested, n, max(floor, units[s]), close, worth[s], units[s], to,
                            day_of, kind, following, day_cost, worked, counting, count_cost, sort, unrested,
                        )  # fmt: skip
        # The first week's rest is one of the possible beginnings: it may have started before the horizon.
        if n == week_instant[week] and week > 0 and rests > 1:
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
def _work(
    values: Any, s: int, step: int, rested: int, n: int, least: int, close: int, worth: float, used: int,
    to: Any, day_of: Any, kind: Any, following: Any, day_cost: Any, worked: Any, counting: Any,
    count_cost: Any, sort: Any, unrested: float,
) -> None:  # fmt: skip
    """Value all states of an instant by working a shift that starts there."""
    counts, states, hours = values.shape[2:]
    day, letter, target = day_of[n], kind[s] + 1, to[step, s]
    straight = day_of[target] == day + 1 and target < close
    had = 1 if step == 1 else rested
    for state in range(states):
        after = following[state, letter]
        if after < 0:
            continue
        event = 4 * sort[s] + _event(day, worked[state], True)
        for count in range(counts):
            if straight:  # nothing happens in between, so the tables are enough
                tally, cost = counting[count, event], day_cost[state, letter] + count_cost[count, event]
                if tally < 0:
                    continue
                ahead = values[target, had, tally, after, least - used : hours - used]
            else:
                at, then, later, tally, cost = _after(
                    s, step, rested, state, count, n, close, to, day_of, kind, following, day_cost, worked,
                    counting, count_cost, sort, unrested,
                )  # fmt: skip
                if at < 0 or cost == np.inf:
                    continue
                ahead = values[at, then, tally, later, least - used : hours - used]
            row, gain = values[n, rested, count, state, least:], worth - cost
            for h in range(len(row)):  # without a branch it compiles to vector code
                row[h] = max(row[h], gain + ahead[h])


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
def _choice(
    k: int, n: int, rested: int, count: int, state: int, left: int, worth: Any, units: Any,
    first_shift: Any, to: Any, day_of: Any, week_instant: Any, rest_to: Any, kind: Any, following: Any,
    day_cost: Any, worked: Any, counting: Any, count_cost: Any, sort: Any, unrested: float,
) -> Any:  # fmt: skip
    """Result of the k-th choice at a state: instant, rests taken, count, state, units left, gain, shift.

    Choice 0 is to wait, the next ones are the shifts with each of their steps, the last is to begin the
    week's rest. The instant is -1 if there is no such choice; the shift is -1 if none is worked.
    """
    nowhere = (-1, 0, 0, 0, 0, 0.0, -1)
    week = np.searchsorted(week_instant, n, side="right") - 1
    close = week_instant[week + 1]
    if k == 0:
        if day_of[n + 1] == day_of[n]:
            return n + 1, rested, count, state, left, 0.0, -1
        after, tally, cost = _pass(
            day_of[n], day_of[n] + 1, state, count, 0.0, following, day_cost, worked, counting, count_cost
        )
        had = rested
        if n + 1 >= close:
            if rested == 0:
                cost += unrested
            had = 0
        if after < 0 or cost == np.inf:
            return nowhere
        return n + 1, had, tally, after, left, -cost, -1
    if k > len(to) * (first_shift[n + 1] - first_shift[n]):
        if n != week_instant[week] or rested == 1 or week == 0 or len(to) == 1:
            return nowhere
        target = rest_to[week]
        after, tally, cost = _pass(
            day_of[n], day_of[target], state, count, 0.0, following, day_cost, worked, counting, count_cost
        )
        if after < 0:
            return nowhere
        return target, 1, tally, after, left, -cost, -1
    s, step = first_shift[n] + (k - 1) // len(to), (k - 1) % len(to)
    if worth[s] == -np.inf or units[s] > left or _idle(step, rested, unrested):
        return nowhere
    target, had, after, tally, cost = _after(
        s, step, rested, state, count, n, close, to, day_of, kind, following, day_cost, worked, counting,
        count_cost, sort, unrested,
    )  # fmt: skip
    if target < 0 or cost == np.inf:
        return nowhere
    return target, had, tally, after, left - units[s], worth[s] - cost, s


@_njit
def _walk(
    values: Any, begin: Any, worth: Any, units: Any, first_shift: Any, to: Any, day_of: Any,
    week_instant: Any, rest_to: Any, kind: Any, following: Any, day_cost: Any, worked: Any, counting: Any,
    count_cost: Any, sort: Any, unrested: float, chosen: Any,
) -> int:  # fmt: skip
    """Follow the best choices forward, the first of equal ones; fill in the shifts and return how many."""
    n, rested, count, state, left = begin
    length = 0
    while n < len(day_of) - 1:
        best, shift, go = -np.inf, -1, (n, rested, count, state, left)
        for k in range(2 + len(to) * (first_shift[n + 1] - first_shift[n])):
            m, had, tally, after, rest, gain, s = _choice(
                k, n, rested, count, state, left, worth, units, first_shift, to, day_of, week_instant,
                rest_to, kind, following, day_cost, worked, counting, count_cost, sort, unrested,
            )  # fmt: skip
            if m >= 0 and gain + values[m, had, tally, after, rest] > best:
                best = gain + values[m, had, tally, after, rest]
                shift, go = s, (m, had, tally, after, rest)
        if shift >= 0:
            chosen[length] = shift
            length += 1
        n, rested, count, state, left = go
    return length


@_njit
def _best_of_like(worth: Any, units: Any, first_shift: Any, to: Any, letter: Any, sort: Any) -> Any:
    """Keep the best of shifts that start together and lead to the same state; the others get -inf."""
    best = worth.copy()
    for n in range(len(first_shift) - 1):
        for s in range(first_shift[n], first_shift[n + 1]):
            for r in range(first_shift[n], s):
                if letter[r] != letter[s] or units[r] != units[s] or sort[r] != sort[s]:
                    continue
                same = True
                for step in range(len(to)):
                    same = same and to[step, r] == to[step, s]
                if same and best[r] >= best[s]:
                    best[s] = -np.inf
                    break
                if same:
                    best[r] = -np.inf
    return best


@_njit
def _best_patterns(
    worth: Any, final: Any, ways: Any, low: Any, units: Any, first_shift: Any, to: Any, day_of: Any,
    week_instant: Any, rest_to: Any, kind: Any, alike: Any, following: Any, day_cost: Any, worked: Any,
    counting: Any, count_cost: Any, count_final: Any, sort: Any, unrested: float, first: int,
) -> Any:  # fmt: skip
    """Value all states once, then find the best schedule from each beginning."""
    worth = _best_of_like(worth, units, first_shift, to, alike[kind + 1], sort)
    rests = 2 if len(to) > 1 else 1
    values = np.empty((len(day_of), rests, len(counting), len(following), len(final)))
    _value_states(
        values, worth, final, low, units, first_shift, to, day_of, week_instant, rest_to, kind, following,
        day_cost, worked, counting, count_cost, count_final, sort, unrested, first,
    )  # fmt: skip
    chosen = np.full((len(ways), day_of[-1] + 1), -1)
    lengths, best = np.zeros(len(chosen), dtype=np.int64), np.full(len(ways), -np.inf)
    for way in range(len(ways)):
        n, rested, off, state, left = ways[way, 1], ways[way, 2], ways[way, 3], ways[way, 4], ways[way, 5]
        state, count, cost = _pass(
            first, first + off, state, 0, 0.0, following, day_cost, worked, counting, count_cost
        )
        if state < 0:
            continue
        best[way] = values[n, rested, count, state, left] - cost
        if best[way] > -np.inf:
            lengths[way] = _walk(
                values, (n, rested, count, state, left), worth, units, first_shift, to, day_of, week_instant,
                rest_to, kind, following, day_cost, worked, counting, count_cost, sort, unrested, chosen[way],
            )  # fmt: skip
    return best, chosen, lengths
