"""What a given line of work costs, and whether it is lawful: the rules as pricing knows them, walked once.

Pricing finds lines; this says what one is worth, quickly enough to try a hundred thousand exchanges a second.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

__all__ = ["line_cost"]

SATURDAY, SUNDAY = 5, 6


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def line_cost(
    pattern: Any, start: Any, end: Any, day: Any, kind: Any, sort: Any, rest_s: Any, banned: Any, prices: Any,
    units: Any, final: Any, week_bounds: Any, first: int, days: int, state: int, left: int, opens: int,
    free_from: int, weekly_rest: int, unrested: float, following: Any, day_cost: Any, worked: Any,
    counting: Any, count_cost: Any, count_final: Any,
) -> float:  # fmt: skip
    """Roubles of a line of shifts in order of time; inf if a hard rule forbids it.

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
            letter, event = kind[pattern[at]] + 1, 3 * sort[pattern[at]]
            at += 1
        weekday = today % 7
        if weekday == SATURDAY and letter:
            event += 1
        if weekday == SUNDAY and letter and not worked[state]:
            event += 1
        if weekday == SUNDAY and not letter and not worked[state]:
            event += 2
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
    """Price of the weeks in which no rest is long enough."""
    total, at, free = 0.0, 0, free_from
    for week in range(len(week_bounds) - 1):
        opens, closes = week_bounds[week], week_bounds[week + 1]
        had = False
        while at < len(pattern) and start[pattern[at]] < closes:
            had = had or start[pattern[at]] - max(free, opens) >= weekly_rest
            free = end[pattern[at]]
            at += 1
        had = had or closes - max(free, opens) >= weekly_rest
        if not had:
            total += unrested
    return total
