"""Queues beyond Erlang B, C and A: callers who redial, and days whose rate is random."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import elementwise
from scipy.special import gammaincc, gammainccinv, gammaincinv, ndtr

from planning.checks import Floats
from planning.errors import PlanningError
from planning.queueing.bounds import checked
from planning.queueing.erlang import measures
from planning.queueing.finite import QueueMeasures, finite_measures
from planning.queueing.quadrature import panels


@dataclass(frozen=True, slots=True, eq=False)
class RedialMeasures:
    """A queue in which lost callers call again; arrays of the broadcast shape (or numpy numbers).

    Attributes
    ----------
    callers
        People who call in an interval, each counted once.
    attempts
        Calls offered in an interval, redials included.
    attempts_per_caller
        attempts / callers.
    per_attempt
        The measures of the queue; each share is of the attempts.
    answered
        Share of the callers who are answered at some attempt.
    service_level
        Share of the callers who are answered within the threshold, counted from their last attempt.
    lost
        Share of the callers who give up for good.
    """

    callers: Floats
    attempts: Floats
    attempts_per_caller: Floats
    per_attempt: QueueMeasures
    answered: Floats
    service_level: Floats
    lost: Floats


def redial_measures(
    calls: ArrayLike,
    aht_s: ArrayLike,
    agents: ArrayLike,
    *,
    redial_abandoned: ArrayLike,
    redial_blocked: ArrayLike = 0.0,
    waiting_room: ArrayLike = math.inf,
    interval_s: ArrayLike = 900.0,
    patience_s: ArrayLike = math.inf,
    threshold_s: ArrayLike = 20.0,
) -> RedialMeasures:
    r"""Measure a queue in which a share of the abandoned and of the blocked callers call again (Erlang X).

    Redials are treated as further Poisson calls, so the attempts :math:`\lambda` solve

    .. math:: \lambda \,(1 - p_a P_{ab}(\lambda) - p_b P_{bl}(\lambda)) = \text{calls}.

    The left side is the rate of the answered calls plus the rates of those lost for good. All three grow with
    :math:`\lambda`, so there is at most one solution, and a bracketing search finds it.

    Parameters
    ----------
    calls
        People who call in an interval for the first time.
    aht_s
        Average handling time in seconds.
    agents
        Agents on position, >= 0.
    redial_abandoned, redial_blocked
        Of those who hang up, and of those who get the busy tone: the share who call again, at every attempt.
    waiting_room
        Places in the queue, ``inf`` for no limit; see `finite_measures`.
    interval_s, patience_s, threshold_s
        Length of the interval, mean patience and answer-time threshold, in seconds.

    Returns
    -------
    RedialMeasures
        Arrays of the broadcast shape.

    Raises
    ------
    PlanningError
        When a number is out of bounds, or when everyone redials and more people call than the agents can
        answer.

    Notes
    -----
    With infinite patience and no limit on the queue, nobody hangs up and so nobody redials: that is Erlang C.
    In an overload callers wait for ever (asa_s inf, service level 0), as in `measures`, and none is lost.

    Real callers redial while the queue is still long, which the formula ignores. Against the exact
    chain of 10 erlangs, 10 agents, 5 places, a patience of 1 AHT and redials after 1 AHT by 30 % of the
    abandoned and 70 % of the blocked: attempts 10.763 (exact 10.907: -1.3 %), blocked .0530 (.0702: -24 %),
    abandonment .1125 (.1135: -0.8 %), callers answered .8981 (.8904: +0.8 points). The error vanishes as
    callers take longer to redial: with 10 AHT, blocked is .0554 (-4.3 %); with 50 AHT, .0535 (-0.9 %).

    References
    ----------
    Sze, D. Y. (1984), A queueing model for telephone operator staffing, Operations Research 32, 229-249.

    Examples
    --------
    >>> bank = redial_measures(100, 180, 18, redial_abandoned=0.33, patience_s=389)
    >>> round(float(bank.attempts), 2), round(float(bank.lost), 4)
    (105.74, 0.1166)
    """
    given = checked(
        calls=calls,
        aht_s=aht_s,
        agents=agents,
        waiting_room=waiting_room,
        interval_s=interval_s,
        patience_s=patience_s,
        threshold_s=threshold_s,
        redial_abandoned=redial_abandoned,
        redial_blocked=redial_blocked,
    )
    callers, *line, again_abandoned, again_blocked = given
    attempts = _settled_attempts(*given)
    attempt = _queue(attempts, *line)
    each = np.divide(attempts, callers, out=np.ones_like(attempts), where=callers > 0)
    lost = np.minimum(each * _given_up(attempt, again_abandoned, again_blocked), 1.0)
    within = np.minimum(each * attempt.service_level, 1.0)
    per_caller = (array[()] for array in (1.0 - lost, within, lost))
    return RedialMeasures(callers[()], attempts[()], each[()], attempt, *per_caller)


def _queue(attempts: Floats, *line: Floats) -> QueueMeasures:
    """Measure the queue that this number of attempts produces."""
    aht_s, agents, room, interval_s, patience_s, threshold_s = line
    return finite_measures(
        attempts, aht_s, agents, room, interval_s=interval_s, patience_s=patience_s, threshold_s=threshold_s
    )


def _settled_attempts(callers: Floats, *given: Floats) -> Floats:
    """Return the attempts at which callers leave (answered, or lost for good) as fast as they come."""

    def excess(attempts: Floats, callers: Floats, *queue: Floats) -> Floats:
        return _leaving(attempts, *queue) - callers

    limit = _most_callers(*given)
    _refuse_unsettled((callers > 0) & (callers >= limit), callers, limit)
    high = 2.0 * callers
    for _ in range(54):  # a share below 1 is at most 1 - 2**-53: attempts <= 2**53 x callers
        short = excess(high, callers, *given) < 0
        high = np.where(short, 2.0 * high, high)
        if not short.any():
            break
    _refuse_unsettled(short, callers, limit)
    # Start below the number of callers: without redials, rounding may put the excess on either side of 0.
    root = elementwise.find_root(excess, (callers / 2.0, high), args=(callers, *given)).x
    return np.asarray(np.maximum(root, callers))


def _given_up(attempt: QueueMeasures, again_abandoned: Floats, again_blocked: Floats) -> Floats:
    """Return the share of the attempts after which the caller does not call again."""
    return (1.0 - again_abandoned) * attempt.abandonment + (1.0 - again_blocked) * attempt.blocked


def _leaving(attempts: Floats, *given: Floats) -> Floats:
    """Return the callers per interval who leave for good: a sum, exact even when nearly all redial."""
    *line, again_abandoned, again_blocked = given
    attempt, (aht_s, agents, room, interval_s, patience_s, _) = _queue(attempts, *line), line
    lossless = np.isinf(room) & np.isinf(patience_s)
    answered = np.where(lossless, attempts, attempt.occupancy * agents * interval_s / aht_s)
    return np.asarray(answered + attempts * _given_up(attempt, again_abandoned, again_blocked))


def _most_callers(*given: Floats) -> Floats:
    """Return the callers per interval above which redials grow without end.

    Infinite where a growing queue loses more and more callers for good. Otherwise the agents' service rate,
    plus the rate at which callers give up for good in a queue that is always full.
    """
    aht_s, agents, room, interval_s, patience_s, _, again_abandoned, again_blocked = given
    endless = np.isinf(room)
    relieved = np.where(endless, np.isinf(patience_s) | (again_abandoned < 1), again_blocked < 1)
    leaving = (1.0 - again_abandoned) * np.where(endless, 0.0, room) / patience_s
    return np.where(relieved, np.inf, interval_s * (agents / aht_s + leaving))


def _refuse_unsettled(bad: NDArray[np.bool_], calls: Floats, limit: Floats) -> None:
    if bad.any():
        i = bad.argmax()
        raise PlanningError(
            f"calls is {calls.flat[i]:g}, must lie below {limit.flat[i]:g} where everyone redials: "
            "add agents, or lower redial_abandoned or redial_blocked below 1"
        )


@dataclass(frozen=True, slots=True, eq=False)
class RandomRateMeasures:
    """A queue whose arrival rate is random from day to day; arrays of the broadcast shape (or numpy numbers).

    The day average gives every day the same weight, like the mean of daily reports. The call-weighted average
    gives every call the same weight: it is what callers experience, and what a total over many days shows.
    Busy days have more calls, so the call-weighted service is worse.

    Attributes
    ----------
    service_level_day_average, service_level_call_weighted
        Share of the offered calls answered within the threshold.
    wait_probability_day_average, wait_probability_call_weighted
        Share of the offered calls that wait.
    abandonment_day_average, abandonment_call_weighted
        Share of the offered calls that hang up.
    p_unstable
        Share of the days whose load reaches the agents when nobody hangs up; 0 with finite patience.
    """

    service_level_day_average: Floats
    service_level_call_weighted: Floats
    wait_probability_day_average: Floats
    wait_probability_call_weighted: Floats
    abandonment_day_average: Floats
    abandonment_call_weighted: Floats
    p_unstable: Floats


def random_rate_measures(
    calls: ArrayLike,
    aht_s: ArrayLike,
    agents: ArrayLike,
    *,
    cv: ArrayLike,
    interval_s: ArrayLike = 900.0,
    patience_s: ArrayLike = math.inf,
    threshold_s: ArrayLike = 20.0,
) -> RandomRateMeasures:
    r"""Average Erlang C or A over days whose rate is calls x G, where G is Gamma with mean 1.

    With shape :math:`k = 1 / cv^2`: day average :math:`E[SL(G)]`, call-weighted :math:`E[G \, SL(G)]`. In
    Erlang C, a day whose load reaches the number of agents counts as service level 0 and wait probability 1.

    Parameters
    ----------
    calls
        Mean calls offered in an interval.
    aht_s
        Average handling time in seconds.
    agents
        Agents on position, >= 0.
    cv
        Coefficient of variation of the day's rate, in [0, 3]; 0 gives the measures at the mean. Measured
        values: .075 at a large bank's centre, .14-.24 at a small one.
    interval_s, patience_s, threshold_s
        Length of the interval, mean patience (``inf``: Erlang C) and answer-time threshold, in seconds.

    Returns
    -------
    RandomRateMeasures
        Arrays of the broadcast shape. The quadrature is split at the load that equals the agents.

    Raises
    ------
    PlanningError
        When a number is out of bounds or the shapes do not fit.

    References
    ----------
    Jongbloed, G. & Koole, G. (2001), Managing uncertainty in call centres using Poisson mixtures, Applied
    Stochastic Models in Business and Industry 17, 307-318.

    Examples
    --------
    >>> days = random_rate_measures(240, 180, 52, cv=[0.0, 0.1], patience_s=90.0)
    >>> days.service_level_day_average.round(4)
    array([0.9264, 0.9036])
    >>> days.service_level_call_weighted.round(4)
    array([0.9264, 0.8954])
    """
    given = checked(
        calls=calls,
        aht_s=aht_s,
        agents=agents,
        cv=cv,
        interval_s=interval_s,
        patience_s=patience_s,
        threshold_s=threshold_s,
    )
    flat = [array.ravel() for array in given]
    columns = np.empty((len(fields(RandomRateMeasures)), flat[0].size))
    for i, queue in enumerate(zip(*flat, strict=True)):
        columns[:, i] = _average_days(*queue)
    return RandomRateMeasures(*(column.reshape(given[0].shape)[()] for column in columns))


def _average_days(*queue: float) -> tuple[float, ...]:
    """Return the fields of `RandomRateMeasures` for one queue."""
    calls, aht_s, agents, cv, interval_s, patience_s, threshold_s = queue
    load = calls * aht_s / interval_s
    tau = threshold_s / aht_s
    # The measures have kinks at load = agents, and at the load whose long-run wait is the threshold.
    bends = np.array([1.0, math.exp(min(threshold_s / patience_s, 500.0))]) * (agents / load if load else 0.0)
    width = 0.25 / (math.sqrt(agents) + agents * tau + 1.0)
    factor, weight = _day_factors(cv, bends[bends > 0], width)
    day = measures(
        calls * factor, aht_s, agents, interval_s=interval_s, patience_s=patience_s, threshold_s=threshold_s
    )
    averages = [
        float(np.sum(weights * share))
        for share in (day.service_level, day.wait_probability, day.abandonment)
        for weights in (weight, weight * factor)
    ]
    return *averages, _unstable(load, agents, cv) if math.isinf(patience_s) else 0.0


_NO_SPREAD = 1e-9
"""Below this cv the spread changes the measures by no more than rounding does."""


def _day_factors(cv: float, bends: Floats, width: float) -> tuple[Floats, Floats]:
    """Return nodes and weights for an average over G ~ Gamma(mean 1, cv); a single node without spread.

    The panels lie in ln G, where the density stays smooth for any cv; they follow its quantiles, and grow by
    doubling from `width` away from every bend.
    """
    if cv < _NO_SPREAD:
        return np.ones(()), np.ones(())
    shape = cv**-2
    spread = np.log(_gamma_quantiles(cv))
    offsets = width * 2.0 ** np.arange(math.ceil(math.log2(4.0 / width)) + 1)
    around = (np.log(bends)[:, None] + np.concatenate([-offsets, [0.0], offsets])).ravel()
    log_factor, weights = panels(spread, around, low=spread[0], high=spread[-1])
    weights *= np.exp(shape * (log_factor - np.expm1(log_factor)))
    return np.exp(log_factor), weights / weights.sum()


def _gamma_quantiles(cv: float) -> Floats:
    """Return G's quantiles at 0.75 standard deviations apart; those of exp(cv z) where G is nearly normal."""
    z = np.arange(-12.0, 12.5) * 0.775
    if cv < 1e-3:
        return np.exp(cv * z)
    shape = cv**-2
    tail = ndtr(-np.abs(z))
    quantiles = np.where(z < 0, gammaincinv(shape, tail), gammainccinv(shape, tail)) / shape
    return np.asarray(np.maximum(quantiles, 1e-300))


def _unstable(load: float, agents: float, cv: float) -> float:
    """Return the probability that the day's load is at least the agents."""
    if load == 0:
        return 0.0
    if cv < _NO_SPREAD:
        return float(load >= agents)
    return float(gammaincc(cv**-2, cv**-2 * agents / load))
