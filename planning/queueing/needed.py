"""The least staff in the exact day, in which every interval inherits the queue of the one before.

`lagged_calls` is the cheap correction (Lag SIPP): Erlang C or A on calls shifted to when their load is felt.
`exact_agents_required` needs no correction: it uses the model of `exact_day`.

Method
------
*Forward.* Block by block, find the fewest agents with which every interval of the block meets the target,
given the exact law that the earlier blocks leave behind. Where waits reach into later blocks, the lagged
stationary staff stands in for them. The search starts from the stationary staff and needs two or three short
windows per block.

*Repair.* Compute the whole day by the exact model. A block that fails (because the next one turned out
smaller than its stand-in) gets one more agent, until every interval meets the target.

*Trim.* Each block tries to give up an agent, until none can. If the target is for the day as a whole, agents
are removed one by one where the day loses least, as long as it meets the target.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from planning.checks import Floats, Ints, broadcast, number, numbers, one_of, whole
from planning.errors import PlanningError
from planning.queueing import transient_kernels as kernels
from planning.queueing.erlang import agents_required
from planning.queueing.transient import Rates, columns_of, rates_of, start_law, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import ArrayLike, NDArray

    from planning.queueing.target import Target

# The exact day of `transient` refuses more agents than this.
_MOST_AGENTS = 1_000_000
# An ASA depends on what follows for as long as anybody waits; this many times the promised ASA is enough.
_WAITS_AHEAD = 20.0
_MEASURE = {
    "service_level": "service_level",
    "max_asa_s": "asa_s",
    "max_abandonment": "abandonment",
    "max_occupancy": "occupancy",
}


@dataclass(frozen=True)
class _Staffing:
    """The day to staff: the load of every interval, and the blocks over which the staff is constant."""

    load: Rates  # its agents are ignored
    target: Target
    block: int
    start: str | ArrayLike

    def __len__(self) -> int:
        return len(self.load)

    @cached_property
    def calls(self) -> Floats:
        return self.load.rate * self.load.interval_s

    @cached_property
    def ahead(self) -> int:
        """How many later intervals a caller's wait may reach into, as far as the target is concerned."""
        waits = [0.0]
        if self.target.service_level is not None:
            waits.append(self.target.threshold_s)
        if self.target.max_asa_s is not None:
            waits.append(max(_WAITS_AHEAD * self.target.max_asa_s, self.load.interval_s))
        return math.ceil(max(waits) / self.load.interval_s)

    def blocks(self) -> Iterator[slice]:
        """Return the blocks of intervals, in order."""
        for first in range(0, len(self), self.block):
            yield slice(first, min(first + self.block, len(self)))

    def stationary(self, calls: Floats) -> Ints:
        """Return the staff that the formulas give, 0 where nobody calls."""
        theta = self.load.theta
        patience = np.divide(1.0, theta, out=np.full(len(self), math.inf), where=theta > 0.0)
        offered = np.where(self.calls > 0.0, calls, 0.0)
        return np.atleast_1d(
            agents_required(
                offered, 1.0 / self.load.mu, self.target, interval_s=self.load.interval_s, patience_s=patience
            )
        )

    def floor(self, block: slice) -> int:
        """Return the fewest agents to try: stationary and with infinite patience, more than the load."""
        stationary = isinstance(self.start, str) and self.start == "stationary"
        rate, mu, theta = self.load.rate[0], self.load.mu[0], self.load.theta[0]
        if block.start or not stationary or theta or not rate:
            return 0
        least = int(rate / mu)
        while least * mu <= rate:
            least += 1
        return least

    def window(self, staff: Ints, first: int, stop: int) -> Rates:
        """Return the intervals from `first` up to `stop` as a day of their own."""
        cut, load = slice(first, stop), self.load
        agents = staff[cut].copy()
        leaving = np.maximum(-np.diff(agents, prepend=agents[0]), 0)
        finish = np.zeros(len(agents), dtype=np.bool_)  # nobody is cut off
        return Rates(load.rate[cut], agents, leaving, load.mu[cut], load.theta[cut], load.interval_s, finish)


@dataclass(frozen=True)
class _Run:
    """The measures of a run of intervals, and the law of the number in system at the end of each."""

    columns: Mapping[str, NDArray[Any]]
    ends: list[Floats]


def lagged_calls(calls: ArrayLike, aht_s: ArrayLike, *, interval_s: float = 900.0) -> Floats:
    """Return the calls of each interval when their load is felt: one mean handling time later.

    The integral of the piecewise constant arrival rate over ``[t - aht, t + interval - aht]``, with the rate
    of the first interval before the start. The load lags the arrivals by about one AHT, so stationary staff
    for these calls (Lag SIPP) is closer to what a day with peaks needs.

    Parameters
    ----------
    calls
        Calls offered in each interval, >= 0, shape (intervals,).
    aht_s
        Mean handling time, seconds, >= 0; one number, or one per interval.
    interval_s
        Length of the intervals, seconds, > 0.

    Returns
    -------
    ndarray of float64
        Shape (intervals,). The day's total changes only by what moves across its two ends.

    Raises
    ------
    PlanningError
        When an argument is out of bounds or the shapes do not fit.

    References
    ----------
    L. V. Green, P. J. Kolesar and J. Soares (2001), "Improving the SIPP approach for staffing service systems
    that have cyclic demands", Operations Research 49(4), 549-564.

    Examples
    --------
    >>> lagged_calls([90, 180, 60], 300)
    array([ 90., 150., 100.])
    """
    length = number("interval_s", interval_s, open_low=True)
    given = broadcast(calls=numbers("calls", calls), aht_s=numbers("aht_s", aht_s))
    offered, lag = (np.atleast_1d(values) for values in given)
    if offered.ndim != 1 or offered.size == 0:
        raise PlanningError(f"calls has the shape {offered.shape}, must be one row of at least one interval")
    passed = np.floor(lag / length)
    first = np.arange(offered.size) - np.minimum(passed, offered.size).astype(np.int64)
    late = lag / length - passed
    # the window begins in the interval before `first`
    lagged: Floats = (1.0 - late) * offered[np.maximum(first, 0)] + late * offered[np.maximum(first - 1, 0)]
    return lagged


def exact_agents_required(
    calls: ArrayLike,
    aht_s: ArrayLike,
    target: Target,
    *,
    interval_s: float = 900.0,
    patience_s: ArrayLike = math.inf,
    block: int = 1,
    meet: str = "interval",
    start: str | ArrayLike = "stationary",
) -> Ints:
    """Return the fewest agents per interval with which the exact day meets the target.

    Parameters
    ----------
    calls
        Expected calls of each interval (Poisson), shape (intervals,).
    aht_s, patience_s
        Mean handling time and mean patience, seconds; one number, or one per interval. Infinite patience:
        nobody gives up.
    target
        What to meet; every part that is given.
    interval_s
        Length of the intervals, seconds.
    block
        Number of intervals over which the staff stays the same, from the first on (4 quarters for hourly
        shifts). The last block may be shorter.
    meet
        ``"interval"``: every interval with calls meets the target. ``"day"``: the whole day meets it (calls
        weigh the service level and abandonment, answered calls the ASA, staffed time the occupancy), starting
        from the staff of ``"interval"`` and removing agents one by one where the day loses least.
    start
        What the first interval inherits, as in `exact_day`: ``"stationary"`` is the steady state of its own
        staff, ``"empty"``, or the probabilities of 0, 1, 2, ... callers in the system.

    Returns
    -------
    ndarray of int64
        Shape (intervals,). Blocks without calls get 0. With ``meet="interval"`` every interval with calls
        meets the target in ``exact_day(calls, aht_s, agents, ..., leavers="finish")``, and no block can give
        up one agent without some interval failing. The staff is least in this sense, block by block, but not
        always in total: one more agent here may save two later. With ``meet="day"`` the total is at most that
        of ``meet="interval"``, and the day meets the target up to rounding.

    Raises
    ------
    PlanningError
        When a number, shape or choice is invalid, or when no staff reaches the target.

    Notes
    -----
    Agents who leave first finish the call in hand. With infinite patience, a target that bounds only the
    abandonment needs no agents. A caller who still waits when an interval without calls begins counts in the
    interval of the call: the last open interval has the agents for its callers.

    References
    ----------
    L. V. Green, P. J. Kolesar and W. Whitt (2007), "Coping with time-varying demand when setting staffing
    requirements for a service system", Production and Operations Management 16(1), 13-39, for what interval
    by interval formulas miss.

    Examples
    --------
    Erlang C is early at the rise, and blind to what the rise and the fall leave behind:

    >>> from planning.queueing.target import Target
    >>> calls = [60, 60, 120, 120, 60, 60]
    >>> agents_required(calls, 240, Target(0.8, 20))
    array([20, 20, 37, 37, 20, 20])
    >>> exact_agents_required(calls, 240, Target(0.8, 20))
    array([20, 20, 33, 38, 21, 20])
    """
    one_of("meet", meet, ("interval", "day"))
    load = rates_of(calls, aht_s, 0, interval_s, patience_s, "finish", None)
    horizon = _Staffing(load, target, whole("block", block, low=1), start)
    horizon.stationary(horizon.calls)  # raises when no staff reaches the target
    staff = _for_every_interval(horizon)
    return _given_up(horizon, staff) if meet == "day" else staff


# --- Every interval meets the target ---


def _for_every_interval(horizon: _Staffing) -> Ints:
    """Return the least staff, block by block, with which every interval meets the target."""
    return _trimmed(horizon, *_repaired(horizon, _forward(horizon)))


def _forward(horizon: _Staffing) -> Ints:
    """Return the staff of the forward pass: what follows a block is guessed, what precedes it is exact."""
    lagged = lagged_calls(horizon.calls, 1.0 / horizon.load.mu, interval_s=horizon.load.interval_s)
    staff = horizon.stationary(lagged)
    for block in horizon.blocks():
        staff[block] = staff[block].max()
    law: Floats | None = None
    for block in horizon.blocks():
        law = _least_of_block(horizon, staff, block, law)
    return staff


def _least_of_block(horizon: _Staffing, staff: Ints, block: slice, law: Floats | None) -> Floats:
    """Give the block the fewest agents, given the law before it; return the law at its end."""
    ends: dict[int, Floats] = {}

    def meets(agents: int) -> bool:
        staff[block] = agents
        outcome = _carried(horizon, staff, law, block.start, block.stop)
        ends[agents] = outcome.ends[-1]
        return bool(_met(outcome.columns, horizon.target).all())

    least = least_from(meets, int(staff[block.start]), horizon.floor(block))
    staff[block] = least
    return ends[least]


def least_from(meets: Callable[[int], bool], guess: int, floor: int) -> int:
    """Return the n >= floor that meets the target while n - 1 does not (or is below it), from a guess."""
    n, step, low, high = _computable(max(guess, floor)), 1, floor - 1, _MOST_AGENTS + 1
    upward = not meets(n)
    low, high = (n, high) if upward else (low, n)
    while high - low > 1:  # double the step away from the guess until the answer is bracketed
        n, step = (_computable(low + step) if upward else max(high - step, low + 1)), 2 * step
        enclosed = meets(n) == upward
        low, high = (low, n) if upward == enclosed else (n, high)
        if enclosed:
            break
    while high - low > 1:  # then halve the bracket
        n = (low + high) // 2
        low, high = (low, n) if meets(n) else (n, high)
    return high


def _computable(agents: int) -> int:
    if agents > _MOST_AGENTS:
        raise PlanningError(
            f"agents is {agents} in an interval, more than the {_MOST_AGENTS} that the exact day takes: "
            "relax the target"
        )
    return agents


def _repaired(horizon: _Staffing, staff: Ints) -> tuple[Ints, _Run]:
    """Add agents until every interval of the whole day meets the target, and return the day's outcome.

    Of neighbouring blocks that fail, only the first gets an agent: the others may only have inherited its
    queue.
    """
    while True:
        outcome = _carried(horizon, staff, None, 0, len(horizon))
        fails = ~_met(outcome.columns, horizon.target)
        if not fails.any():
            return staff, outcome
        short = [bool(fails[block].any()) for block in horizon.blocks()]
        for block, fail, before in zip(horizon.blocks(), short, [False, *short], strict=False):
            staff[block] += fail and not before


def _trimmed(horizon: _Staffing, staff: Ints, outcome: _Run) -> Ints:
    """Remove agents one by one as long as every interval still meets the target."""
    again = True
    while again:
        again = False
        for block in horizon.blocks():
            while staff[block.start] > horizon.floor(block):
                less = staff.copy()
                less[block] -= 1
                near = _nearby(horizon, less, outcome, block)
                if not _met(near.columns, horizon.target).all():
                    break
                whole = _carried(horizon, less, None, 0, len(horizon))
                if not _met(whole.columns, horizon.target).all():
                    break
                staff, outcome, again = less, whole, True
    return staff


def _reach(horizon: _Staffing, block: slice) -> slice:
    """Return the block, the earlier intervals whose waits reach it, and the next block, which inherits it."""
    return slice(max(block.start - horizon.ahead, 0), min(block.stop + horizon.block, len(horizon)))


def _nearby(horizon: _Staffing, staff: Ints, outcome: _Run, block: slice) -> _Run:
    """Return the outcome with changed staff within reach of the block, from the old outcome before it."""
    reach = _reach(horizon, block)
    law = outcome.ends[reach.start - 1] if reach.start else None
    return _carried(horizon, staff, law, reach.start, reach.stop)


def _carried(horizon: _Staffing, staff: Ints, law: Floats | None, first: int, stop: int) -> _Run:
    """Carry the law at the end of the interval before `first` up to `stop`; None is the start of the day."""
    answers = horizon.target.max_asa_s is not None
    last = min(stop + horizon.ahead, len(horizon))
    while answers and last < len(horizon) and staff[last - 1] == 0:  # answered on reopening
        last += 1
    day = horizon.window(staff, first, last)
    if law is None:
        law = start_law(horizon.start, day)
    elif staff[first] < staff[first - 1]:
        law = kernels.thinned(law, staff[first - 1], staff[first])
    # The recursion looks ahead by itself; only the ASA needs the passage times of what follows.
    count = stop - first
    passages = list(islice(walk(day, law, horizon.target.threshold_s), None if answers else count))
    columns = columns_of(horizon.window(staff, first, first + len(passages)), passages)
    return _Run({name: values[:count] for name, values in columns.items()}, [p.end for p in passages[:count]])


def _met(columns: Mapping[str, NDArray[Any]], target: Target) -> NDArray[np.bool_]:
    """Return which intervals meet every part of the target; an interval without calls always does."""
    met: NDArray[np.bool_] = columns["calls"] >= 0.0
    for part, bound in target.asked().items():
        value = columns[_MEASURE[part]]
        met &= value >= bound if part == "service_level" else value <= bound
    met |= columns["calls"] == 0.0
    return met


# --- The day as a whole meets the target ---


def _given_up(horizon: _Staffing, staff: Ints) -> Ints:
    """Remove agents one by one where the day loses least, as long as it meets the target.

    What removing an agent from a block costs is computed within the block's reach only, and again when a
    neighbour has changed. The whole day confirms every batch. A block with calls keeps at least one agent.
    """
    blocks = list(horizon.blocks())
    outcome = _carried(horizon, staff, None, 0, len(horizon))
    rows, batch = _totals(outcome.columns), len(blocks)
    changes = np.array([_change(horizon, staff, outcome, rows, block) for block in blocks])
    while chosen := _cheapest(rows.sum(axis=0), changes, horizon.target)[:batch]:
        less = staff.copy()
        for b in chosen:
            less[blocks[b]] -= 1
        whole = _carried(horizon, less, None, 0, len(horizon))
        if _strain(_totals(whole.columns).sum(axis=0), horizon.target) > 1.0:
            batch = max(len(chosen) // 2, 1)
            if len(chosen) == 1:
                changes[chosen[0]] = math.nan
            continue
        staff, outcome, rows = less, whole, _totals(whole.columns)
        near = {b + step for b in chosen for step in (-1, 0, 1)}
        for b in near & set(range(len(blocks))):
            changes[b] = _change(horizon, staff, outcome, rows, blocks[b])
    return staff


def _cheapest(total: Floats, changes: Floats, target: Target) -> list[int]:
    """Return the blocks that may give up an agent together: smallest loss first, no two neighbours."""
    chosen: list[int] = []
    strain = _strain(total + changes, target)
    for b in np.argsort(strain, kind="stable")[: np.count_nonzero(strain <= 1.0)]:
        if not {b - 1, b + 1} & set(chosen):
            total = total + changes[b]
            if _strain(total, target) > 1.0:
                break
            chosen.append(int(b))
    return chosen


def _change(horizon: _Staffing, staff: Ints, outcome: _Run, rows: Floats, block: slice) -> Floats:
    """Return how the day's totals change when the block gives up an agent; NaN where it cannot."""
    calls = horizon.calls[block].any()
    if staff[block.start] <= max(horizon.floor(block), int(calls)):
        return np.full(rows.shape[1], math.nan)
    less = staff.copy()
    less[block] -= 1
    near = _totals(_nearby(horizon, less, outcome, block).columns)
    change: Floats = near.sum(axis=0) - rows[_reach(horizon, block)].sum(axis=0)
    return change


def _totals(columns: Mapping[str, NDArray[Any]]) -> Floats:
    """Return the additive totals: calls, late calls, waited, answered, abandoned, idle and staffed time."""
    calls, agents, answered = columns["calls"], columns["agents"].astype(np.float64), columns["answered"]
    late = calls * (1.0 - columns["service_level"])
    asa = np.where(answered > 0.0, columns["asa_s"], 0.0)
    idle = agents * (1.0 - columns["occupancy"])
    return np.stack([calls, late, answered * asa, answered, columns["abandoned"], idle, agents], axis=1)


def _strain(totals: Floats, target: Target) -> Floats:
    """Return the largest share of an allowance of the target that is used up: the target is met up to 1."""
    calls, late, waited, answered, abandoned, idle, staffed = np.moveaxis(totals, -1, 0)
    used = {
        "service_level": lambda bound: (late, calls * (1.0 - bound)),
        "max_asa_s": lambda bound: (waited, answered * bound),
        "max_abandonment": lambda bound: (abandoned, calls * bound),
        "max_occupancy": lambda bound: (staffed * (1.0 - bound), idle),
    }
    parts = [used[part](bound) for part, bound in target.asked().items()]
    strain: Floats = np.max([_part(*part) for part in parts], axis=0)
    return strain


def _part(used: Floats, allowed: Floats) -> Floats:
    """Return used / allowed; 0 where nothing is used, inf where nothing is allowed."""
    empty = np.where(np.isnan(used), math.nan, np.where(used > 0.0, math.inf, 0.0))
    ratio: Floats = np.divide(used, allowed, out=empty, where=allowed > 0.0)
    return ratio
