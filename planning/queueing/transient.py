"""The day as it unfolds: the exact queue whose arrivals, agents, AHT and patience change with every interval.

The model is M_t/M/n_t+M with piecewise constant parameters. Calls arrive as a Poisson process, are served in
order of arrival, and last an exponential time of mean AHT; a caller who waits gives up after an exponential
patience. The number in the system is then a birth-death chain, homogeneous within an interval, and its law is
carried through the day. This needs no simulation, and not the assumption of Erlang C and A that every
interval is in its own steady state.

Method
------
*Law.* exp(Q t) by the Chebyshev rational approximation of order 16: eight tridiagonal solves with complex
shifts, which give the time average as well (M. Pusa, 2012). The approximation is made for the negative real
axis. The generator of a chain with a strong drift (no agents, deep overload) is so far from a normal matrix
that the approximation can fail outright, with "probabilities" in the hundreds. So the approximation of order
14 runs beside it: where the two differ by more than a tolerance, the interval is computed again by
uniformisation (A. Jensen, 1953), all of whose terms are positive.

*States.* They are cut off at a level that the chain exceeds with a probability bounded in advance (Doob's
inequality for a dominating random walk): less than 1e-13 for all the arrivals of an interval together.

*Waits.* A caller's wait depends on those ahead and on the agents to come, not on later arrivals: a pure death
process, run backward over the changes of staff. Arrivals whose threshold ends after a change are integrated
over their moment of arrival by Gauss-Legendre quadrature.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import numpy as np
import pandas as pd

from planning.checks import Floats, Ints, number, numbers, one_of
from planning.errors import PlanningError
from planning.queueing import transient_kernels as kernels
from planning.queueing.bounds import checked
from planning.queueing.kernels import compiled
from planning.queueing.quadrature import UNIT_RULE
from planning.queueing.target import Start

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

# exp(-exponent) bounds the chance that the truncated chain touches its top at a moment.
_CUT_EXPONENT = 32.0
# The law of this many callers, with the sixteen solves, takes half a gigabyte.
_MOST_CALLERS = 4_000_000
# Probability that may be cut off the far end of a law between two intervals.
_TRIM = 1e-15
# The largest distance between the approximations of orders 16 and 14 that is accepted (total variation).
RATIONAL_TOLERANCE = 2e-11
# Expected jumps that a panel of the quadrature may hold: 12 points then err by less than 1e-12.
PANEL_JUMPS = 160.0


@dataclass(frozen=True)
class Rates:
    """The parameters of every interval, as rates per second, and the rule for who leaves."""

    rate: Floats
    agents: Ints
    leaving: Ints
    mu: Floats
    theta: Floats
    interval_s: float
    preempt: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.rate)

    def chain(self, i: int) -> Chain:
        """Return the chain of interval i."""
        return Chain(float(self.rate[i]), int(self.agents[i]), float(self.mu[i]), float(self.theta[i]))

    @cached_property
    def shift(self) -> Ints:
        """How many more callers stand ahead of a waiting caller after the change into each interval.

        New agents answer the first in the queue at once. Calls that are cut off ("preempt") go back to its
        head. A leaver who finishes the call takes the caller along.
        """
        more = -np.diff(self.agents, prepend=self.agents[0])
        return more - np.where(self.preempt, 0, self.leaving)

    @cached_property
    def stretch(self) -> Ints:
        """The number of the stretch of constant agents, AHT and patience to which each interval belongs."""
        change = self.leaving > 0
        for values in (self.agents, self.mu, self.theta):
            change[1:] |= values[1:] != values[:-1]
        return np.cumsum(change)

    @cached_property
    def stretch_start(self) -> Ints:
        """The first interval of each stretch."""
        return np.flatnonzero(np.diff(self.stretch, prepend=-1))


class Chain(NamedTuple):
    """The birth-death chain of one interval: calls per second, agents, service and abandonment rates."""

    rate: float
    agents: int
    mu: float
    theta: float


class _Stretches(NamedTuple):
    """The future of a caller: stretches of constant staff, AHT and patience, the last one without end."""

    agents: Ints
    mu: Floats
    theta: Floats
    length: Floats
    shift: Ints


@dataclass(frozen=True)
class Passage:
    """What one interval leaves behind; integrals are over its seconds, those about callers per caller."""

    end: Floats
    integral: Floats
    late: float
    waiting: Floats
    waited: Floats


def exact_day(
    calls: ArrayLike,
    aht_s: ArrayLike,
    agents: ArrayLike,
    *,
    interval_s: float = 900.0,
    patience_s: ArrayLike = math.inf,
    threshold_s: float = 20.0,
    leavers: str | Sequence[str] = "finish",
    leaving: ArrayLike | None = None,
    start: str | ArrayLike = "empty",
    waits: bool = True,
) -> pd.DataFrame:
    """Return the exact measures of every interval of a day whose load and staff change.

    Parameters
    ----------
    calls
        Expected calls of each interval (Poisson), shape (intervals,) or one number.
    aht_s, patience_s
        Mean handling time and mean patience, seconds; one number or one per interval. Infinite patience:
        nobody gives up. Calls in progress and waiting callers take on the values of each new interval.
    agents
        Agents on position in each interval, whole numbers; 0 means a closed interval, in which callers wait.
    interval_s
        Length of the intervals, seconds.
    threshold_s
        The answer-time threshold of the service level, seconds.
    leavers
        Who goes when the number of agents falls. ``"finish"``: agents chosen whether busy or not; a busy one
        first finishes the call. ``"preempt"``: calls in excess are cut off and go back to the head of the
        queue. One rule, or one for the start of each interval.
    leaving
        Agents who go at the start of each interval, if others come at the same moment: the number of agents
        changes by those who come less those who go. By default nobody comes when `agents` falls. (This makes
        no difference to ``"preempt"``.)
    start
        ``"empty"``, ``"stationary"`` (the steady state of the first interval), or the probabilities of 0, 1,
        2, ... callers in the system.
    waits
        False leaves out ``asa_s`` and ``answered``, which cost a third of the time.

    Returns
    -------
    DataFrame
        One row per interval. For the callers who *arrive* in it: ``service_level`` (answered within the
        threshold / offered; the wait may run into later intervals), ``wait_probability``, ``answered``
        (expected number of them answered, sooner or later) and ``asa_s`` (mean wait of the answered). For its
        *time*: ``mean_queue``, ``abandoned`` (expected number who give up in the interval, whenever they
        came), ``abandonment`` (``abandoned / calls``), ``occupancy`` (busy / staffed time, without overrun; 0
        when closed) and ``queue_end`` (mean number waiting at its end, before the staff changes).
        ``overrun_s``: expected seconds that those who leave at its start still work on their call. ``calls``
        and ``agents`` are repeated. After the last interval its staff stays on until nobody waits. With 0
        calls: service level 1, the other measures of callers 0. Where callers come but no one is ever
        answered, asa_s is infinite. For a whole day, weight service_level and wait_probability by calls, and
        asa_s by answered.

    Raises
    ------
    PlanningError
        When a number or shape is invalid, or ``start`` is "stationary" and the first interval has no steady
        state.

    Notes
    -----
    Accurate to about 1e-10. Erlang C and A, interval by interval, ignore what an interval inherits. For
    waiting times in the same queue without abandonment, and for the caller who meets a change of staff, see
    L. V. Green and J. Soares (2007), "Computing time-dependent waiting time probabilities in M(t)/M/s(t)
    queuing systems", M&SOM 9, 54-61. The running time grows with the threshold and with short patience.

    Examples
    --------
    A third of the staff leaves at once and takes the callers in hand along; the queue then takes half an hour
    to build up to what Erlang C says of the new staff (0.709):

    >>> day = exact_day([90, 90, 60, 60], 240, [30, 30, 19, 19], start="stationary")
    >>> day[["service_level", "wait_probability", "queue_end"]].round(3)
       service_level  wait_probability  queue_end
    0          0.895             0.173      0.691
    1          0.895             0.173      0.691
    2          0.779             0.303      1.534
    3          0.728             0.355      1.797
    """
    day = rates_of(calls, aht_s, agents, interval_s, patience_s, leavers, leaving)
    threshold = number("threshold_s", threshold_s)
    passages = list(walk(day, start_law(start, day), threshold, waits))
    return pd.DataFrame(columns_of(day, passages, waits))


def exact_states(
    calls: ArrayLike,
    aht_s: ArrayLike,
    agents: ArrayLike,
    *,
    interval_s: float = 900.0,
    patience_s: ArrayLike = math.inf,
    leavers: str | Sequence[str] = "finish",
    leaving: ArrayLike | None = None,
    start: str | ArrayLike = "empty",
) -> Floats:
    """Return the law of the number of callers in the system at the end of every interval.

    The parameters and errors are those of `exact_day`. Row i belongs to the last moment of interval i, before
    the staff changes: of N callers ``min(N, agents[i])`` are in service and the rest wait. A row, or its
    convolution with what another site hands over, can be the `start` of what follows.

    Returns
    -------
    ndarray
        Shape (intervals, states): probabilities of 0, 1, 2, ... callers; every row sums to 1.

    Examples
    --------
    >>> states = exact_states([3, 0], 300, [2, 2])
    >>> states.shape[0], states.sum(axis=1).round(12)
    (2, array([1., 1.]))
    """
    day = rates_of(calls, aht_s, agents, interval_s, patience_s, leavers, leaving)
    ends = [passage.end for passage in walk(day, start_law(start, day), None)]
    states = np.zeros((len(ends), max(map(len, ends))))
    for row, end in zip(states, ends, strict=True):
        row[: len(end)] = end
    return states


def rates_of(
    calls: ArrayLike,
    aht_s: ArrayLike,
    agents: ArrayLike,
    interval_s: float,
    patience_s: ArrayLike,
    leavers: str | Sequence[str],
    leaving: ArrayLike | None,
) -> Rates:
    """Check the arguments that both public functions share and turn them into rates."""
    length = number("interval_s", interval_s, open_low=True)
    given = checked(calls=calls, aht_s=aht_s, agents=whole_heads("agents", agents), patience_s=patience_s)
    offered, aht, staff, patience = (np.atleast_1d(values) for values in given)
    if offered.ndim != 1 or offered.size == 0:
        raise PlanningError(f"calls has the shape {offered.shape}, must be one row of at least one interval")
    rules = [leavers] * len(staff) if isinstance(leavers, str) else leavers
    if len(rules) != len(staff):
        raise PlanningError(
            f"leavers holds {len(rules)} rules, must be one or {len(staff)}: one for each interval"
        )
    preempt = np.array([one_of("leavers", rule, ("finish", "preempt")) == "preempt" for rule in rules])
    heads = staff.astype(np.int64)
    gone = _leaving(heads, leaving)
    return Rates(offered / length, heads, gone, 1.0 / aht, 1.0 / patience, length, preempt)


def _leaving(agents: Ints, leaving: ArrayLike | None) -> Ints:
    """Return who leaves at the start of each interval: at least the fall of the agents, at most all."""
    fall = np.maximum(-np.diff(agents, prepend=agents[0]), 0)
    if leaving is None:
        return fall
    given = whole_heads("leaving", leaving)
    if given.shape not in ((), agents.shape):
        raise PlanningError(
            f"leaving has the shape {given.shape}, must be {agents.shape}: one number per interval"
        )
    gone = np.broadcast_to(given, agents.shape).astype(np.int64)
    there = np.concatenate([[0], agents[:-1]])
    for i in np.flatnonzero((gone < fall) | (gone > there))[:1]:
        raise PlanningError(
            f"leaving[{i}] is {gone[i]}, must lie in [{fall[i]}, {there[i]}]: no fewer than the fall of the "
            "agents, no more than there are"
        )
    return gone


def whole_heads(name: str, value: ArrayLike) -> Floats:
    """Return heads as whole numbers, at most the million whose law fits into memory."""
    return numbers(name, value, high=1e6, whole=True, remedy="round it up or down")


def start_law(start: str | ArrayLike, day: Rates) -> Floats:
    """Return the law of the number in system before the first interval."""
    if isinstance(start, str):
        if one_of("start", start, get_args(Start)) == "empty":
            return np.ones(1)
        return _stationary_law(day.chain(0))
    law = numbers("start", start, high=1.0)
    if law.ndim != 1 or abs(law.sum() - 1.0) > 1e-9:
        raise PlanningError(
            f"start has the shape {law.shape} and the sum {law.sum():.9g}, must be one row of probabilities "
            "of 0, 1, 2, ... callers with the sum 1: divide it by its sum"
        )
    return trim(law)


def _stationary_law(chain: Chain) -> Floats:
    """Solve the balance rate p[k - 1] = death(k) p[k], in logarithms, until nothing is left."""
    rate, n, mu, theta = chain
    if rate > 0.0 and theta == 0.0 and rate >= n * mu:
        raise PlanningError(
            f"start is 'stationary', but a load of {rate / mu:.6g} erlangs on {n} agents with patience_s inf "
            "has no steady state: add agents, give a finite patience_s, or start 'empty'"
        )
    if rate == 0.0:
        return np.ones(1)
    size = n + 64
    while True:
        k = np.arange(1, size + 1)
        deaths = np.minimum(k, n) * mu + np.maximum(k - n, 0) * theta
        log_weight = np.append(0.0, np.cumsum(np.log(rate / deaths)))
        left = 1.0 - rate / deaths[-1]  # beyond the last state the weights fall at least geometrically
        if left > 0.0 and log_weight[-1] - math.log(left) < log_weight.max() - 42.0:
            weight = np.exp(log_weight - log_weight.max())
            return trim(weight / weight.sum())
        size *= 2


def walk(day: Rates, law: Floats, threshold: float | None, waits: bool = True) -> Iterator[Passage]:
    """Carry the law of the number in system through the day, interval by interval."""
    for i in range(len(day)):
        if day.leaving[i] and not day.preempt[i]:
            law = kernels.thinned(law, day.agents[i - 1], day.agents[i - 1] - day.leaving[i])
        passage = carry(day, i, law, threshold, waits)
        law = passage.end
        yield passage


def carry(day: Rates, i: int, law: Floats, threshold: float | None, waits: bool) -> Passage:
    """Carry the law through interval i; without a threshold only the law counts.

    The places in the queue are followed across the interval only where the waits are wanted.
    """
    p, chain = pad(day, i, law), day.chain(i)
    places = max(len(p) - chain.agents, 0)
    if threshold is None or places == 0:
        p, _, _, integral = advance(p, np.zeros(0), np.zeros(0), chain, day.interval_s)
        return Passage(trim(p), integral, 0.0, np.zeros(0), np.zeros(0))
    ahead = _stretches(day, i, threshold)
    # The fate of arrivals up to `split` is decided within the threshold, before anything changes.
    split = min(max(float(ahead.length[0]) - threshold, 0.0), day.interval_s)
    tracked = places if waits and math.isfinite(ahead.length[0]) else 0
    p, y, z, integral = advance(p, np.zeros(tracked), np.zeros(tracked), chain, split)
    line = integral[chain.agents :]
    late = kernels.unhurried_late(line, threshold, ahead.agents, ahead.mu, ahead.theta, ahead.shift)
    if split < day.interval_s:
        rule = (*UNIT_RULE, PANEL_JUMPS)
        late += kernels.late_arrivals(
            p, y, z, integral, chain.rate, threshold, split, day.interval_s, *rule, *ahead
        )
    return Passage(trim(p), integral, late, y, z)


def pad(day: Rates, i: int, law: Floats) -> Floats:
    """Extend the law by the states that the chain may reach in interval i."""
    exponent = _CUT_EXPONENT + math.log1p(day.rate[i] * day.interval_s)
    top = kernels.highest_level(law, *day.chain(i), day.interval_s, exponent)
    if top > _MOST_CALLERS:
        raise PlanningError(
            f"calls is {day.rate[i] * day.interval_s:g} in interval {i}: {top:,} callers may be present, "
            f"must be at most {_MOST_CALLERS:,} for their law to fit into memory: add agents, give a "
            "finite patience_s, or divide the calls"
        )
    return np.append(law, np.zeros(top + 1 - len(law)))


def trim(law: Floats) -> Floats:
    """Cut off the far end of a law where next to nothing is left, and remove rounding below 0."""
    law = np.maximum(law, 0.0)
    beyond = np.cumsum(law[::-1])
    size = len(law) - int(np.searchsorted(beyond, _TRIM * beyond[-1], side="right"))
    kept: Floats = law[:size] / law[:size].sum()
    return kept


def advance(
    p: Floats, y: Floats, z: Floats, chain: Chain, dt: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return (p, y, z) at `dt` later and the integral of p, by rational approximation where that is safe."""
    if dt == 0.0:
        return p, y, z, np.zeros_like(p)
    solves = [np.empty((len(part), 2 * kernels.LANES)) for part in (p, y, z)]
    compiled(kernels.resolvents)(p, y, z, *chain, dt, kernels.POLE_RE, kernels.POLE_IM, *solves)
    later, error = [], 0.0
    for part, solve, unit in zip((p, y, z), solves, (1.0, dt, dt * dt), strict=True):
        sums = solve @ kernels.WEIGHTS
        later.append(kernels.LIMIT_16 * part + sums[:, 0])
        error = max(error, float(np.abs(kernels.LIMIT_14 * part + sums[:, 2] - later[-1]).sum()) / unit)
        if part is p:
            integral = dt * sums[:, 1]
    if error < RATIONAL_TOLERANCE:
        return later[0], later[1], later[2], integral
    p, y, z, integral = p.copy(), y.copy(), z.copy(), np.zeros_like(p)
    kernels.uniformise(p, y, z, integral, *chain, dt, np.zeros(0), np.zeros((0, 0)))
    return p, y, z, integral


def _stretches(day: Rates, i: int, threshold: float) -> _Stretches:
    """Return the future from the start of interval i on, as far as its callers' threshold reaches."""
    first = int(day.stretch[i])
    end = i + 2 + min(math.ceil(threshold / day.interval_s), len(day))
    starts = day.stretch_start[first : 1 + int(day.stretch[min(end, len(day) - 1)])]
    length = np.append(np.diff(starts), np.inf) * day.interval_s
    length[0] -= (i - starts[0]) * day.interval_s
    return _Stretches(day.agents[starts], day.mu[starts], day.theta[starts], length, day.shift[starts])


def _fate(chain: Chain, waits: int) -> tuple[Floats, Floats]:
    """Return P(ever answered) and E[wait; answered] by place in the queue, if nothing changes any more.

    With k ahead, the next step comes at the rate n mu + (k + 1) theta and is towards an agent, unless it is
    the caller who gives up. Place 0 of the arrays is a caller who has been answered.
    """
    k = np.arange(waits)
    nearer = chain.agents * chain.mu + k * chain.theta
    any_step = nearer + chain.theta
    moves = any_step > 0.0
    ever = np.cumprod(np.divide(nearer, any_step, out=np.zeros(waits), where=moves))
    wait = ever * np.cumsum(np.divide(1.0, any_step, out=np.zeros(waits), where=moves))
    return np.append(1.0, ever), np.append(0.0, wait)


def _fates(day: Rates, passages: Sequence[Passage]) -> Floats:
    """Return, for each interval, the integrals of P(ever answered) and E[wait; answered] of its arrivals.

    Computed backward: for a caller who waits in an interval, the value without changes, plus what the changes
    add for those who still wait when they come.
    """
    totals = np.empty((len(day), 2))
    later = (np.ones(1), np.zeros(1))
    for i in range(len(day) - 1, -1, -1):
        chain, passage = day.chain(i), passages[i]
        at_once, line = passage.integral[: chain.agents].sum(), passage.integral[chain.agents :]
        ever, wait = _fate(chain, len(line))
        totals[i] = at_once + line @ ever[1:], line @ wait[1:]
        if i + 1 < len(day) and len(line):
            more_ever = _across(later[0], day.shift[i + 1], ever)
            more_wait = _across(later[1], day.shift[i + 1], wait)
            if len(passage.waiting):
                totals[i, 0] += passage.waiting @ more_ever[1:]
                totals[i, 1] += passage.waiting @ more_wait[1:] + passage.waited @ more_ever[1:]
            # Only places that somebody may hold at the start of the interval are needed again.
            held = 1 + max(len(passages[i - 1].end) - chain.agents, 0) if i else 1
            more_ever, more_wait, ever, wait = (x[:held] for x in (more_ever, more_wait, ever, wait))
            _look_back_on_changes(more_ever, more_wait, chain, day.interval_s)
            ever, wait = ever + more_ever, wait + more_wait
        later = (ever, wait)
    return totals


def _across(then: Floats, shift: int, now: Floats) -> Floats:
    """Return what a change of staff adds to the values `now` of places in the queue; 0 for the answered."""
    place = np.arange(len(now)) + shift
    more: Floats = then[np.clip(place, 0, len(then) - 1)] - now
    more[0] = 0.0
    return more


def _look_back_on_changes(more_ever: Floats, more_wait: Floats, chain: Chain, dt: float) -> None:
    """Replace what changes add by its mean at `dt` earlier, in place: the wait grows by that time."""
    mean = chain.agents * chain.mu * dt
    if mean > len(more_ever) + 9.0 * math.sqrt(mean) + 24.0:  # nobody in the queue waits that long
        more_ever[:] = 0.0
        more_wait[:] = 0.0
        return
    more_wait += dt * more_ever
    kernels.look_back(more_ever, chain.agents, chain.mu, chain.theta, dt)
    kernels.look_back(more_wait, chain.agents, chain.mu, chain.theta, dt)


def _overruns(day: Rates, passages: Sequence[Passage]) -> Floats:
    """Return the expected seconds that the leavers at the start of each interval still work on their call."""
    overrun, remaining = np.zeros(len(day)), 1.0 / float(day.mu[-1])
    for i in range(len(day) - 1, 0, -1):
        stays = math.exp(-day.mu[i] * day.interval_s)
        remaining = (1.0 - stays) / day.mu[i] + stays * remaining
        if day.leaving[i] and not day.preempt[i]:
            before, end = day.agents[i - 1], passages[i - 1].end
            busy = float(np.minimum(np.arange(len(end)), before) @ end)
            overrun[i] = busy * day.leaving[i] / before * remaining
    return overrun


def columns_of(day: Rates, passages: Sequence[Passage], waits: bool = True) -> dict[str, NDArray[Any]]:
    """Turn the integrals of every interval into the measures of the contact centre."""
    calls, staffed = day.rate * day.interval_s, day.agents.astype(np.float64) * day.interval_s
    sums = np.array([_sums(passage, n) for passage, n in zip(passages, day.agents, strict=True)])
    late, must_wait, busy, queued, queue_end = sums.T
    ever, waited = _fates(day, passages).T if waits else np.full((2, len(day)), math.nan)
    abandoned = day.theta * queued
    offered = calls > 0.0
    columns: dict[str, NDArray[Any]] = {
        "calls": calls,
        "agents": day.agents,
        "service_level": np.where(offered, 1.0 - late / day.interval_s, 1.0).clip(0.0, 1.0),
        "wait_probability": np.where(offered, must_wait / day.interval_s, 0.0).clip(0.0, 1.0),
        "asa_s": np.where(offered, _ratio(waited, ever, math.inf), 0.0),
        "abandonment": _ratio(abandoned, calls, 0.0),
        "occupancy": _ratio(busy, staffed, 0.0).clip(0.0, 1.0),
        "mean_queue": queued / day.interval_s,
        "queue_end": queue_end,
        "answered": day.rate * ever,
        "abandoned": abandoned,
        "overrun_s": _overruns(day, passages),
    }
    left_out = () if waits else ("asa_s", "answered")
    return {name: values for name, values in columns.items() if name not in left_out}


def _sums(passage: Passage, n: int) -> tuple[float, float, float, float, float]:
    """Return late arrivals, arrivals that wait, busy seconds, queued seconds, and the queue at the end."""
    line, line_end = passage.integral[n:], passage.end[n:]
    served = passage.integral[:n]
    busy = served @ np.arange(len(served)) + n * line.sum()
    queued, queue_end = line @ np.arange(len(line)), line_end @ np.arange(len(line_end))
    return passage.late, float(line.sum()), float(busy), float(queued), float(queue_end)


def _ratio(part: Floats, whole: Floats, empty: float) -> Floats:
    """Return part / whole, and `empty` where the whole is 0."""
    ratio: Floats = np.divide(part, whole, out=np.full(part.shape, empty), where=whole > 0.0)
    return ratio
