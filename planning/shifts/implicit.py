"""Shifts with open breaks as one linear program: head counts, and counts of breaks, not people.

A *class* is all shifts of one team with the same start and shape. It has X heads, and for each of its breaks
j a count y[j, t] of those who start it at place t of its window; the counts of each break add up to X. A
person who starts break j at t starts the next one between ``least`` and ``most`` grid steps later. In terms
of cumulative counts Y[j](t) = sum of y[j, s] over s <= t this means

    Y[j + 1](t)     <= Y[j](t - least)        nobody sooner,
    Y[j](t - most)  <= Y[j + 1](t)            nobody later.

The counts lose nothing. Sort the starts of every break, a[1] <= ... <= a[X] and b[1] <= ... <= b[X], and let
the k-th person take the k-th start of each (first in, first out). Were b[k] < a[k] + least, then by t = b[k]
at least k have started break j + 1, but fewer than k had started break j by t - least, against the first
inequality. Were b[k] > a[k] + most, then by t = a[k] + most fewer than k have started break j + 1, but at
least k had started break j by t - most, against the second. So whole counts that keep the inequalities are
the breaks of X people who all keep the rules; and the breaks of X such people keep the inequalities. A class
needs the *sum* of its windows as columns, where shifts with fixed breaks need their *product*.

Sources: S. Bechtold and L. Jacobs, "Implicit modeling of flexible break assignments in optimal shift
scheduling", Management Science 36 (1990); T. Aykin, Management Science 42 (1996); G. Thompson, Management
Science 41 (1995).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from planning.checks import Bools, Floats, Ints
from planning.pay import premium_hours, premium_pay_h
from planning.shifts.catalogue import DAY_S, Pattern, Shape

if TYPE_CHECKING:
    from planning.centre import Centre

MINUTE_S = 60


@dataclass(frozen=True, eq=False)
class Block:
    """The classes of one team and shape, as columns.

    Class k has the columns ``k * width + offset``: its heads first, then the places of each break in order.

    Attributes
    ----------
    shape : Shape
    shifts : DataFrame
        `catalogue` rows of the shape.
    position : csc_array, shape (steps, columns)
        Heads on position that a unit of each column adds.
    links : csr_array, shape (rows, columns)
        Rows between 0 (or minus infinity, see `equal`) and 0.
    equal : bool array, shape (rows,)
        Whether a row of `links` must be 0; otherwise it must be at most 0.
    cost : array, shape (columns,)
        Hours of pay, including premiums, of a unit of each column.
    first : int array, shape (columns,)
        Step of the horizon at which the column's class starts.
    """

    shape: Shape
    shifts: pd.DataFrame
    position: sparse.csc_array
    links: sparse.csr_array
    equal: Bools
    cost: Floats
    first: Ints

    @property
    def width(self) -> int:
        """Columns of a class."""
        return self.shape.width

    @property
    def heads(self) -> Ints:
        """Columns that count heads, shape (classes,)."""
        return np.arange(len(self.shifts)) * self.width


def block(
    shape: Shape, shifts: pd.DataFrame, times: pd.DatetimeIndex, step_s: int, premium_h: Floats
) -> Block:
    """Write the classes of one shape as columns over a horizon that repeats.

    Parameters
    ----------
    shape : Shape
    shifts : DataFrame
        `catalogue` rows of the shape.
    times : DatetimeIndex
        Steps of the horizon.
    step_s : int
        Their length, seconds.
    premium_h : array
        `premiums` of the site over the horizon.
    """
    count, width = len(shifts), shape.width
    first = ((shifts["start"] - times[0]) // pd.Timedelta(seconds=step_s)).to_numpy(dtype=np.int64)
    position = _counted(shape, first, len(times), step_s, touched=True)
    one, equal = _links(shape, width)
    links = sparse.kron(sparse.eye_array(count), one, format="csr")
    return Block(
        shape, shifts, position, links, np.tile(equal, count),
        _hours(shape, first * step_s, width, premium_h), np.repeat(first, width),
    )  # fmt: skip


def _offsets(shape: Shape) -> list[int]:
    """First column of each break within a class."""
    sizes = [len(slot.places) for slot in shape.slots]
    return [1 + sum(sizes[:number]) for number in range(len(sizes))]


def at_desk(one: Block, steps: int, step_s: int) -> sparse.csc_array:
    """Heads at a desk that a unit of each column adds; a break frees it in the steps that it fills."""
    return _counted(one.shape, one.first[:: one.width], steps, step_s, touched=False)


def _counted(shape: Shape, first: Ints, steps: int, step_s: int, *, touched: bool) -> sparse.csc_array:
    """Heads of each column in each step, less those whose break touches (or fills) the step."""
    offset, column, sign = _positions(shape, step_s, touched)
    base = np.arange(len(first))[:, None] * shape.width
    at = ((first[:, None] + offset) % steps).ravel(), (base + column).ravel()
    return sparse.coo_array((np.tile(sign, len(first)), at), shape=(steps, len(first) * shape.width)).tocsc()


def _positions(shape: Shape, step_s: int, touched: bool) -> tuple[Ints, Ints, Floats]:
    """Steps into the shift, column and sign: +1 while present, -1 where a break touches or fills it."""
    present = shape.length_s // step_s
    offset, column, sign = [np.arange(present)], [np.zeros(present, dtype=np.int64)], [np.ones(present)]
    for slot, start in zip(shape.slots, _offsets(shape), strict=True):
        for number, place in enumerate(slot.places):
            begin = place * shape.grid_s
            end = begin + slot.length_s
            edges = (begin // step_s, -(-end // step_s)) if touched else (-(-begin // step_s), end // step_s)
            away = np.arange(*edges)
            offset.append(away)
            column.append(np.full(len(away), start + number))
            sign.append(np.full(len(away), -1.0))
    return np.concatenate(offset), np.concatenate(column), np.concatenate(sign)


def _links(shape: Shape, width: int) -> tuple[sparse.csr_array, Bools]:
    """Rows of one class: everybody takes each break, and neighbouring breaks keep their distance."""
    rows: list[Floats] = []
    offsets = _offsets(shape)
    for slot, start in zip(shape.slots, offsets, strict=True):
        row = np.zeros(width)
        row[0], row[start : start + len(slot.places)] = -1.0, 1.0
        rows.append(row)
    equal = [True] * len(rows)
    for number, (least, most) in enumerate(shape.apart):
        before, after = shape.slots[number], shape.slots[number + 1]
        for place in after.places:
            sooner = place - least
            if sooner < before.last and place >= after.first:
                rows.append(_ahead(width, offsets, number, place, sooner, shape))
            later = place - most
            if later >= before.first and place < after.last:
                rows.append(-_ahead(width, offsets, number, place, later, shape))
    return sparse.csr_array(np.array(rows).reshape(-1, width)), np.array(
        equal + [False] * (len(rows) - len(equal))
    )


def _ahead(width: int, offsets: list[int], number: int, place: int, other: int, shape: Shape) -> Floats:
    """Y[j + 1](place) - Y[j](other) as a row."""
    before, after = shape.slots[number], shape.slots[number + 1]
    row = np.zeros(width)
    row[offsets[number + 1] : offsets[number + 1] + place - after.first + 1] = 1.0
    row[offsets[number] : offsets[number] + max(other - before.first + 1, 0)] = -1.0
    return row


def premiums(centre: Centre, site: str, times: pd.DatetimeIndex, step_s: int) -> Floats:
    """Hours of pay that premiums add for a person at work from the first step on, minute by minute.

    They extend two days beyond the steps, for shifts that run over the end.
    """
    minutes = len(times) * step_s // MINUTE_S + 2 * DAY_S // MINUTE_S
    edges = times[0] + pd.to_timedelta(np.arange(minutes + 1), unit="min")
    extra = premium_pay_h(centre.at(site), premium_hours(centre, site, edges[:-1], edges[1:]))
    return np.concatenate([[0.0], np.cumsum(extra)])


def _hours(shape: Shape, start_s: Ints, width: int, premium_h: Floats) -> Floats:
    """Hours of pay of each column, with premiums; an unpaid break saves the premium of its time.

    `start_s` are seconds from the first step on.
    """
    edges_s = np.arange(len(premium_h)) * MINUTE_S

    def extra(after_s: int, length_s: int) -> Floats:
        begin_s = start_s + after_s
        until = (np.interp(edge, edges_s, premium_h) for edge in (begin_s + length_s, begin_s))
        return np.subtract(*until)

    hours = np.zeros((len(start_s), width))
    hours[:, 0] = shape.paid_s / 3600 + extra(0, shape.length_s)
    for slot, offset in zip(shape.slots, _offsets(shape), strict=True):
        if slot.paid:
            continue
        for number, place in enumerate(slot.places):
            hours[:, offset + number] = -extra(place * shape.grid_s, slot.length_s)
    return hours.ravel().round(9)  # rounded, so that equal days stay equal: sums differ in their last bits


def layouts(shape: Shape, counts: Ints) -> list[tuple[Pattern, int]]:
    """Give each person of a class their breaks, first in, first out.

    Parameters
    ----------
    shape : Shape
    counts : int array, shape (width,)
        Whole values of the class's columns.

    Returns
    -------
    list of (Pattern, heads)

    Examples
    --------
    >>> from planning.shifts.catalogue import Slot
    >>> shape = Shape("day", 9 * 900, 900, (Slot(900, "rest", 2, 3), Slot(900, "rest", 5, 6)), ((3, 3),))
    >>> found = layouts(shape, np.array([3, 2, 1, 2, 1]))
    >>> [([pause.start_s // 900 for pause in pattern.breaks], heads) for pattern, heads in found]
    [([2, 5], 2), ([3, 6], 1)]
    """
    starts = [
        np.repeat(np.arange(slot.first, slot.last + 1), counts[offset : offset + len(slot.places)])
        for slot, offset in zip(shape.slots, _offsets(shape), strict=True)
    ]
    if not starts:
        return [(shape.pattern(()), int(counts[0]))] if counts[0] else []
    people, heads = np.unique(np.column_stack(starts), axis=0, return_counts=True)
    return [(shape.pattern(places), int(n)) for places, n in zip(people.tolist(), heads, strict=True)]
