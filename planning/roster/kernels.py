"""The cost of a given work pattern, and whether it is lawful, by one walk through the tables of pricing.

Pricing finds patterns; this computes the cost of one, quickly enough to try a million exchanges in a second.
All its compiled code is in this file, because numba's cache does not notice changes in other files.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

LAST = 6
"""Day with which a week ends, and its weekend; the one before counts to it where a state says so."""
NOBODY = -1
LONGEST = 7
"""The most days that two people exchange at once."""
OPEN = 0.2
"""Share of the exchanges that try an open shift, if there are any."""


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def pattern_cost(
    pattern: Any, start: Any, end: Any, day: Any, kind: Any, sort: Any, rest_s: Any, banned: Any, prices: Any,
    units: Any, final: Any, week_bounds: Any, first: int, days: int, state: int, left: int, opens: int,
    free_from: int, weekly_rest: int, unrested: float, following: Any, day_cost: Any, worked: Any,
    counting: Any, count_cost: Any, count_final: Any,
) -> float:  # fmt: skip
    """Cost of shifts in order of time; inf if a hard rule forbids it.

    Parameters are those of the pricing kernel, with `free_from` the end of the last shift before the horizon.
    """
    length = len(pattern)
    cost = 0.0
    if length and start[pattern[0]] < opens:
        return np.inf
    for at in range(length):
        s = pattern[at]
        if banned[s]:
            return np.inf
        cost += prices[s]
        left -= units[s]
        if at + 1 < length and (
            start[pattern[at + 1]] < end[s] + rest_s[s] or day[pattern[at + 1]] == day[s]
        ):
            return np.inf
    if left < 0:
        return np.inf
    at, count = 0, 0
    for today in range(first, days):
        letter, event = 0, 0
        if at < length and day[pattern[at]] == today:
            letter, event = kind[pattern[at]] + 1, 4 * sort[pattern[at]]
            at += 1
        if today % 7 == LAST:
            if letter and worked[state]:
                event += 1
            else:
                event += 3 if letter or worked[state] else 2
        after, tally = following[state, letter], counting[count, event]
        if after < 0 or tally < 0:
            return np.inf
        cost += day_cost[state, letter] + count_cost[count, event]
        state, count = after, tally
    if weekly_rest > 0:
        cost += _weeks_without_rest(pattern, start, end, week_bounds, free_from, weekly_rest, unrested)
    return float(cost + final[left] + count_final[count])


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _weeks_without_rest(
    pattern: Any, start: Any, end: Any, week_bounds: Any, free_from: int, weekly_rest: int, unrested: float
) -> float:
    """Price of the weeks with work but without a long enough rest."""
    total, at, free = 0.0, 0, free_from
    for week in range(len(week_bounds) - 1):
        opens, closes = week_bounds[week], week_bounds[week + 1]
        had, worked = False, at > 0 and free > opens
        while at < len(pattern) and start[pattern[at]] < closes:
            had = had or start[pattern[at]] - max(free, opens) >= weekly_rest
            free, worked = end[pattern[at]], True
            at += 1
        had = had or closes - max(free, opens) >= weekly_rest
        if worked and not had:
            total += unrested
    return total


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def row_cost(
    person: int, row: Any, pattern: Any, shifts: Any, horizon: Any, persons: Any, shares: Any, burdens: Any
) -> float:  # fmt: skip
    """Cost of one person's row, including burdens; inf if it is not lawful."""
    start, end, day, kind, rest_s, units, week_bounds = shifts
    first, days, weekly_rest, unrested = horizon
    batch, left, state, opens, free_from, banned, prices = persons
    final, following, day_cost, worked, counting, count_cost, count_final, sort = shares
    length = 0
    for today in range(len(row)):
        if row[today] >= 0:
            pattern[length] = row[today]
            length += 1
    k = batch[person]
    cost = pattern_cost(
        pattern[:length], start, end, day, kind, sort[k], rest_s, banned[person], prices[person], units,
        final[k], week_bounds, first, days, state[person], left[person], opens[person], free_from[person],
        weekly_rest, unrested, following[k], day_cost[k], worked[k], counting[k], count_cost[k],
        count_final[k],
    )  # fmt: skip
    marks, by_weekend, money, even = burdens
    for burden in range(len(money)):
        share = even[burden, person]
        if np.isnan(share):
            continue
        carried, last = 0, -1
        for at in range(length):
            mark = marks[burden, pattern[at]]
            if not by_weekend[burden]:
                carried += mark
            elif mark >= 0 and mark != last:
                carried, last = carried + 1, mark
        cost += money[burden] * (carried - share) ** 2
    return float(cost)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def anneal(
    work: Any, opened: Any, missing_cost: Any, trials: int, heat: float, rng: Any, shifts: Any, horizon: Any,
    persons: Any, shares: Any, burdens: Any,
) -> int:  # fmt: skip
    """Try exchanges of days, or of a day for an open shift; keep those that save, and some that do not."""
    people, (first, days), day = len(work), horizon[:2], shifts[2]
    pattern, still = np.empty(days, dtype=np.int64), len(opened)
    costs = np.empty(people)
    for person in range(people):
        costs[person] = row_cost(person, work[person], pattern, shifts, horizon, persons, shares, burdens)
    for _ in range(trials):
        one, least = rng.integers(0, people), -heat * np.log(1.0 - rng.random())
        if still and rng.random() < OPEN:
            place = rng.integers(0, still)
            taken = opened[place]
            given = work[one, day[taken]]
            if given == taken:
                continue
            work[one, day[taken]] = taken
            price = row_cost(one, work[one], pattern, shifts, horizon, persons, shares, burdens)
            lost = price - costs[one] - missing_cost[taken] + (missing_cost[given] if given >= 0 else 0.0)
            if lost > least:
                work[one, day[taken]] = given
                continue
            costs[one], opened[place] = price, given
            if given < 0:
                still -= 1
                opened[place] = opened[still]
            continue
        two = rng.integers(0, people)
        opens = rng.integers(first, days)
        closes = min(opens + rng.integers(1, LONGEST + 1), days)
        if one == two or not _differ(work, one, two, opens, closes):
            continue
        _swap(work, one, two, opens, closes)
        prices = row_cost(one, work[one], pattern, shifts, horizon, persons, shares, burdens)
        other = np.inf
        if prices - costs[one] - costs[two] <= least:
            other = row_cost(two, work[two], pattern, shifts, horizon, persons, shares, burdens)
        if prices + other - costs[one] - costs[two] <= least:
            costs[one], costs[two] = prices, other
        else:
            _swap(work, one, two, opens, closes)
    return still


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _differ(work: Any, one: int, two: int, opens: int, closes: int) -> bool:
    return bool((work[one, opens:closes] != work[two, opens:closes]).any())


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _swap(work: Any, one: int, two: int, opens: int, closes: int) -> None:
    for today in range(opens, closes):
        work[one, today], work[two, today] = work[two, today], work[one, today]
