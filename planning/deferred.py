"""Work that may wait, done in order of arrival: how old it gets, and how many must be present for it.

The horizon repeats, as everywhere: work that is left at its end is waiting at its start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from planning.checks import Floats, Ints
from planning.errors import PlanningError

DAY_S = 86_400
_EPS = 1e-9


def age_when_done(arriving: ArrayLike, capacity: ArrayLike, *, interval_s: float) -> Floats:
    r"""Age of each interval's work when the last piece of it is done, first come, first served.

    Work arrives at the start of its interval and counts as done at the end of one, so ages are rounded up.
    With :math:`A` and :math:`C` the work and the capacity up to an interval, the backlog is :math:`X -
    \min(0, \min X)` for :math:`X = A - C` (Lindley, 1952).

    Parameters
    ----------
    arriving, capacity : array_like, shape (n,)
        Work that comes, and work that could be done, in each interval, both in the same unit (hours, for
        example).
    interval_s : float
        Seconds.

    Returns
    -------
    ndarray, shape (n,)
        Days; infinite if more comes than can ever be done, 0 where nothing comes.

    Examples
    --------
    >>> work, able = [4.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 3.0]
    >>> age_when_done(work, able, interval_s=21_600)  # quarters of a day
    array([1., 0., 0., 0.])
    """
    work, able = np.asarray(arriving, float), np.asarray(capacity, float)
    count = len(work)
    if work.sum() > able.sum() + _EPS:  # the backlog grows for ever
        return np.where(work > 0, np.inf, 0.0)
    # One horizon to fill up, one to measure, and one in which the last of its work is done.
    come = np.cumsum(np.tile(work, 3))
    over = come - np.cumsum(np.tile(able, 3))
    done = come - (over - np.minimum(np.minimum.accumulate(over), 0.0))
    watched = np.arange(count, 2 * count)
    finished = np.searchsorted(done, come[watched] - _EPS)
    age = (finished - watched + 1) * interval_s / DAY_S
    return np.where(work > 0, age, 0.0)


def heads_for(
    arriving: ArrayLike,
    beside: ArrayLike,
    *,
    present: ArrayLike,
    is_open: ArrayLike,
    day: ArrayLike,
    due_days: float,
    gain: float,
    interval_s: float,
) -> Ints:
    """Heads for work that waits, in addition to what gets done between calls.

    While some work would be late, a head is added on the day with the fewest heads among those on which that
    work can be done, at the hour with the fewest, which evens out the day. Heads that turn out not to be
    needed are removed. All work is then done in time; the heads are not proven to be the fewest.

    Parameters
    ----------
    arriving, beside : array_like, shape (n,)
        Agent-hours of work that come, and that are done between calls, in each interval of whole days.
    present : array_like of int, shape (n,)
        Heads present for calls.
    is_open : array_like of bool, shape (n,)
        Whether the work can be done in the interval.
    day : array_like of int, shape (n,)
        Number of the day of each interval, from 0; the first day follows the last.
    due_days : float
        Days within which work must be done.
    gain : float
        Hours of work that one more head does in an hour.
    interval_s : float
        Seconds.

    Returns
    -------
    ndarray of int, shape (n,)

    Raises
    ------
    PlanningError
        Work comes too late in the open hours for anybody to do it in time.

    Examples
    --------
    >>> day = np.repeat([0, 1], 4)
    >>> common = {"is_open": [True] * 8, "day": day, "due_days": 1, "gain": 1.0, "interval_s": 21_600}
    >>> heads_for([5.0] * 8, [0.0] * 8, present=[0, 0, 0, 1, 0, 0, 0, 0], **common)
    array([1, 1, 1, 0, 1, 1, 1, 1])
    """
    given = _Work(
        np.asarray(arriving, float),
        np.asarray(beside, float),
        np.asarray(present, np.int64),
        np.asarray(is_open, bool),
        np.asarray(day, np.int64),
        due_days,
        gain,
        interval_s,
    )
    level = np.array([given.present[own].min() for own in given.days()])
    while (late := given.late(level)) is not None:
        level[given.helpers(late, level)] += 1
    for number in np.argsort(-level, kind="stable"):
        fewer = level - (np.arange(len(level)) == number)
        while given.heads(level)[given.day == number].any() and given.late(fewer) is None:
            level, fewer = fewer, fewer - (np.arange(len(level)) == number)
    return given.heads(level)


@dataclass(frozen=True, eq=False)
class _Work:
    """The arguments of `heads_for`; a level is the number of heads on each day, including those for calls."""

    work: Floats
    beside: Floats
    present: Ints
    is_open: NDArray[np.bool_]
    day: Ints
    due_days: float
    gain: float
    interval_s: float

    def days(self) -> list[NDArray[np.bool_]]:
        """Open intervals of each day; for a day without any, all of them, so that it has a level."""
        own = [self.day == number for number in range(int(self.day.max()) + 1)]
        return [one & self.is_open if (one & self.is_open).any() else one for one in own]

    def heads(self, level: Ints) -> Ints:
        """Heads present for the work alone."""
        return np.where(self.is_open, np.maximum(level[self.day] - self.present, 0), 0)

    def capacity(self, level: Ints) -> Floats:
        """The most agent-hours of work that can be done."""
        return self.beside + self.gain * self.interval_s / 3600 * self.heads(level)

    def enough(self, level: Ints) -> bool:
        """Whether all the work is ever done."""
        return bool(self.capacity(level).sum() >= self.work.sum() - _EPS)

    def late(self, level: Ints) -> int | None:
        """First interval whose work is done too late, if any."""
        age = age_when_done(self.work, self.capacity(level), interval_s=self.interval_s)
        late = np.flatnonzero(age > self.due_days + _EPS)
        return int(late[0]) if len(late) else None

    def helpers(self, late: int, level: Ints) -> int:
        """Day on which one more head helps the late work: the one with the fewest heads."""
        count = len(self.work)
        steps = int(self.due_days * DAY_S / self.interval_s) if self.enough(level) else count
        reach = (late + np.arange(min(steps, count))) % count
        able = np.unique(self.day[reach[self.is_open[reach]]])
        if not len(able) or level[able].min() * self.gain * self.interval_s / 3600 > self.work.sum():
            raise PlanningError(
                f"due_days is {self.due_days:g}, too short for work that comes with hardly an open hour left "
                "before it is due: give a day or more"
            )
        return int(able[level[able].argmin()])
