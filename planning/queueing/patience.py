"""Patience that is not exponential: its laws, and the queue M/M/n+G."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gamma, gammainc, ndtr, ndtri

from planning.checks import Floats, number, numbers
from planning.errors import PlanningError
from planning.queueing.bounds import checked
from planning.queueing.erlang import erlang_b
from planning.queueing.finite import QueueMeasures
from planning.queueing.quadrature import panels


@runtime_checkable
class PatienceLaw(Protocol):
    """How long callers are willing to wait: times are arrays of seconds, shares lie in [0, 1].

    A law whose density jumps lists the jumps as `times_s`: the integrals are split there.
    """

    @property
    def mean_s(self) -> float:
        """Mean patience in seconds."""

    def gone(self, time_s: Floats) -> Floats:
        """Return the share of callers whose patience ends by `time_s`."""

    def staying(self, time_s: Floats) -> Floats:
        """Return the share of callers whose patience outlasts `time_s`: 1 - gone."""

    def spent_s(self, time_s: Floats) -> Floats:
        """Return the mean of min(patience, `time_s`): the time spent by callers kept waiting until then."""

    def quantile_s(self, share: Floats) -> Floats:
        """Return the time by which this share of callers is gone (random shares give random patience)."""


@dataclass(frozen=True, slots=True)
class Exponential:
    """Memoryless patience, as in Erlang A.

    Examples
    --------
    >>> Exponential(mean_s=180.0).gone(np.array([180.0])).round(4)
    array([0.6321])
    """

    mean_s: float

    def __post_init__(self) -> None:
        number("mean_s", self.mean_s, open_low=True)

    def gone(self, time_s: Floats) -> Floats:
        """Return the share gone by `time_s`."""
        return -np.expm1(-time_s / self.mean_s)

    def staying(self, time_s: Floats) -> Floats:
        """Return the share still there at `time_s`."""
        return np.exp(-time_s / self.mean_s)

    def spent_s(self, time_s: Floats) -> Floats:
        """Return the mean of min(patience, `time_s`)."""
        return self.mean_s * self.gone(time_s)

    def quantile_s(self, share: Floats) -> Floats:
        """Return the time by which this share is gone."""
        return -self.mean_s * np.log1p(-share)


@dataclass(frozen=True, slots=True)
class Lognormal:
    """Patience whose logarithm (of seconds) is normal: the best fit to the Anonymous Bank's callers.

    Mandelbaum & Zeltyn's data (Technion, 1999) give ``Lognormal(5.861, 1.889)``.

    Examples
    --------
    >>> Lognormal(5.861, 1.889).staying(np.array([20.0, 60.0, 120.0, 300.0])).round(2)
    array([0.94, 0.83, 0.72, 0.53])
    """

    log_mean: float
    log_sd: float

    def __post_init__(self) -> None:
        number("log_mean", self.log_mean, low=-100.0, high=100.0)
        number("log_sd", self.log_sd, open_low=True, high=10.0)

    @property
    def mean_s(self) -> float:
        """Mean patience in seconds."""
        return math.exp(self.log_mean + self.log_sd**2 / 2.0)

    def _z(self, time_s: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            return (np.log(time_s) - self.log_mean) / self.log_sd

    def gone(self, time_s: Floats) -> Floats:
        """Return the share gone by `time_s`."""
        return np.asarray(ndtr(self._z(time_s)))

    def staying(self, time_s: Floats) -> Floats:
        """Return the share still there at `time_s`."""
        return np.asarray(ndtr(-self._z(time_s)))

    def spent_s(self, time_s: Floats) -> Floats:
        """Return the mean of min(patience, `time_s`)."""
        z = self._z(time_s)
        return np.asarray(self.mean_s * ndtr(z - self.log_sd) + time_s * ndtr(-z))

    def quantile_s(self, share: Floats) -> Floats:
        """Return the time by which this share is gone."""
        return np.asarray(np.exp(self.log_mean + self.log_sd * ndtri(share)))


@dataclass(frozen=True, slots=True)
class Weibull:
    """Patience with survival exp(-(t/scale)^shape); a shape below 1 means that patience grows with the wait.

    Examples
    --------
    >>> Weibull(scale_s=180.0, shape=2.0).staying(np.array([90.0, 180.0])).round(4)
    array([0.7788, 0.3679])
    """

    scale_s: float
    shape: float

    def __post_init__(self) -> None:
        number("scale_s", self.scale_s, open_low=True)
        number("shape", self.shape, low=0.1, high=1000.0)

    @property
    def mean_s(self) -> float:
        """Mean patience in seconds."""
        return float(self.scale_s * gamma(1.0 + 1.0 / self.shape))

    def _exponent(self, time_s: Floats) -> Floats:
        """Return the cumulative hazard."""
        with np.errstate(over="ignore"):  # infinite far beyond the scale of a steep law: nobody is left
            return np.asarray((time_s / self.scale_s) ** self.shape)

    def gone(self, time_s: Floats) -> Floats:
        """Return the share gone by `time_s`."""
        return -np.expm1(-self._exponent(time_s))

    def staying(self, time_s: Floats) -> Floats:
        """Return the share still there at `time_s`."""
        return np.exp(-self._exponent(time_s))

    def spent_s(self, time_s: Floats) -> Floats:
        """Return the mean of min(patience, `time_s`)."""
        exponent = self._exponent(time_s)
        # Where nearly everybody stays, the first terms of the series: the exponent may underflow, the time
        # must not.
        early = time_s * (1.0 - np.minimum(exponent, 1.0) / (1.0 + self.shape))
        return np.where(exponent < 1e-9, early, self.mean_s * gammainc(1.0 / self.shape, exponent))

    def quantile_s(self, share: Floats) -> Floats:
        """Return the time by which this share is gone."""
        return self.scale_s * (-np.log1p(-share)) ** (1.0 / self.shape)


@dataclass(frozen=True, slots=True)
class Empirical:
    """Patience from a survival table, with a constant hazard between its points and beyond the last.

    An answered call cuts patience short, so estimate the table from censored times, for example with
    ``scipy.stats.ecdf(scipy.stats.CensoredData.right_censored(waits, answered)).sf``.

    Parameters
    ----------
    times_s
        Increasing times in seconds, above 0.
    survival
        Share of callers still willing to wait at each time: falling, below 1 and above 0. It may stay level
        for a while, but not at the end.

    Raises
    ------
    PlanningError
        When the table is empty, unordered or out of bounds.

    Examples
    --------
    The Anonymous Bank's callers:

    >>> bank = Empirical((20, 60, 120, 300), (0.93, 0.83, 0.72, 0.54))
    >>> bank.staying(np.array([60.0, 90.0, 600.0])).round(3)
    array([0.83 , 0.773, 0.334])
    """

    times_s: tuple[float, ...]
    survival: tuple[float, ...]

    def __post_init__(self) -> None:
        times = numbers("times_s", self.times_s, open_low=True)
        survival = numbers("survival", self.survival, open_low=True, high=1.0)
        if times.ndim != 1 or times.shape != survival.shape or times.size == 0:
            raise PlanningError(
                f"times_s and survival have the shapes {times.shape} and {survival.shape}: "
                "give two lists of the same length"
            )
        if (np.diff(times) <= 0).any():
            raise PlanningError(f"times_s is {self.times_s}, must increase: sort the table by time")
        steps = np.diff(survival, prepend=1.0)
        if (steps > 0).any() or steps[-1] == 0:
            raise PlanningError(f"survival is {self.survival}, must fall from 1 to its last value")
        object.__setattr__(self, "times_s", tuple(times.tolist()))
        object.__setattr__(self, "survival", tuple(survival.tolist()))

    @property
    def mean_s(self) -> float:
        """Mean patience in seconds."""
        time, staying, hazard = self._pieces()
        return float(self.spent_s(time[-1:])[0] + staying[-1] / hazard[-1])

    def _pieces(self) -> tuple[Floats, Floats, Floats]:
        """Return the start, the survival at the start, and the hazard of every piece; the last has no end."""
        time = np.array([0.0, *self.times_s])
        staying = np.array([1.0, *self.survival])
        hazard = -np.diff(np.log(staying)) / np.diff(time)
        return time, staying, np.append(hazard, hazard[-1])

    def _exponent(self, time_s: Floats) -> Floats:
        """Return the cumulative hazard."""
        time, staying, hazard = self._pieces()
        piece = np.searchsorted(time, time_s, side="right") - 1
        return np.asarray(hazard[piece] * (time_s - time[piece]) - np.log(staying[piece]))

    def gone(self, time_s: Floats) -> Floats:
        """Return the share gone by `time_s`."""
        return -np.expm1(-self._exponent(time_s))

    def staying(self, time_s: Floats) -> Floats:
        """Return the share still there at `time_s`."""
        return np.exp(-self._exponent(time_s))

    def spent_s(self, time_s: Floats) -> Floats:
        """Return the mean of min(patience, `time_s`)."""
        time, staying, hazard = self._pieces()
        spent = np.append(0.0, np.cumsum(staying[:-1] * _decay_s(hazard[:-1], np.diff(time))))
        piece = np.searchsorted(time, time_s, side="right") - 1
        return np.asarray(spent[piece] + staying[piece] * _decay_s(hazard[piece], time_s - time[piece]))

    def quantile_s(self, share: Floats) -> Floats:
        """Return the time by which this share is gone."""
        time, staying, hazard = self._pieces()
        target = -np.log1p(-np.asarray(share))
        # The last piece that starts below the target has a hazard above 0: level stretches end before it.
        piece = np.maximum(np.searchsorted(-np.log(staying), target, side="left") - 1, 0)
        first = np.maximum(target + np.log(staying[piece]), 0.0)
        return np.asarray(time[piece] + first / np.maximum(hazard[piece], 1e-300))


def _decay_s(hazard: Floats, time_s: Floats) -> Floats:
    """Return the integral of exp(-hazard x) over [0, time_s]; it is time_s where nobody leaves."""
    leaving = np.where(hazard > 0, hazard, 1.0)
    return np.where(hazard > 0, -np.expm1(-hazard * time_s) / leaving, time_s)


def general_patience_measures(
    calls: ArrayLike,
    aht_s: ArrayLike,
    agents: ArrayLike,
    patience: PatienceLaw,
    *,
    interval_s: ArrayLike = 900.0,
    threshold_s: ArrayLike = 20.0,
) -> QueueMeasures:
    r"""Measure a queue in which patience follows any law: M/M/n+G.

    With arrival rate :math:`\lambda`, :math:`n` agents of rate :math:`\mu` and patience survival
    :math:`\bar G`, the wait of a caller who never gives up has the density

    .. math:: v(x) = \lambda p_{n-1} \exp\Big(\lambda \int_0^x \bar G(s)\,ds - n \mu x\Big), \quad x > 0,

    and every measure is an integral over it: the share that abandons is :math:`\int G v`, the share that is
    not answered within :math:`T` is :math:`\int_0^T G v + \int_T^\infty v`. The integrals are taken over
    panels graded around the peak of the (concave) exponent, the threshold and the law's quantiles.

    Parameters
    ----------
    calls
        Calls offered in an interval.
    aht_s
        Average handling time in seconds.
    agents
        Agents on position, >= 0; the load may exceed them, because every caller leaves in the end.
    patience
        One law for all callers: `Exponential`, `Lognormal`, `Weibull`, `Empirical`, or another `PatienceLaw`.
    interval_s, threshold_s
        Length of the interval and the answer-time threshold, in seconds.

    Returns
    -------
    QueueMeasures
        Arrays of the broadcast shape, `blocked` 0. Exponential patience agrees with exact Erlang A to a
        relative error of 1e-12 up to 10,000 erlangs, and of 1e-10 at 100,000. Shares below 1e-20 have fewer
        digits.

    Raises
    ------
    PlanningError
        For a number out of its bounds or shapes that do not fit.

    References
    ----------
    Baccelli, F. & Hebuterne, G. (1981), On queues with impatient customers, Performance '81, 159-179.
    Zeltyn, S. & Mandelbaum, A. (2005), Call centers with impatient customers: many-server asymptotics of the
    M/M/n+G queue, Queueing Systems 51, 361-402, sect. 2.

    Examples
    --------
    Two laws of one mean: the abandonment depends on the first seconds, not on the mean.

    >>> for law in (Weibull(90.0, 0.5), Weibull(180.0, 1.0)):
    ...     general_patience_measures(100, 180, 20, law).abandonment.round(4)
    np.float64(0.1211)
    np.float64(0.0888)
    """
    given = checked(calls=calls, aht_s=aht_s, agents=agents, interval_s=interval_s, threshold_s=threshold_s)
    if not isinstance(patience, PatienceLaw):
        raise PlanningError(f"patience is {patience!r}, must be a law: write Exponential(mean_s=180)")
    calls, aht_s, agents, interval_s, threshold_s = (array.ravel() for array in given)
    rate = calls / interval_s
    blocking = erlang_b(rate * aht_s, agents)
    columns = np.empty((len(fields(QueueMeasures)), rate.size))
    for i in range(rate.size):
        columns[:, i] = _one_queue(rate[i], aht_s[i], agents[i], threshold_s[i], blocking[i], patience)
    return QueueMeasures(*(column.reshape(given[0].shape)[()] for column in columns))


_DROPS = np.array([0.25, 1.0, 2.0, 4.0, 7.0, 11.0, 16.0, 22.0, 29.0, 37.0, 46.0])
"""Steps of the exponent between panels; exp(-46) = 1e-20 of the peak is left out."""

_QUANTILES = ndtr(np.arange(-8.0, 8.5))
_OCTAVES = 2.0 ** -np.arange(1.0, 51.0)


def _one_queue(
    rate: float, aht_s: float, agents: float, threshold_s: float, blocking: float, law: PatienceLaw
) -> tuple[float, ...]:
    """Return the fields of `QueueMeasures` for one queue."""
    load = rate * aht_s
    if load == 0:
        return 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if agents == 0:
        return load, 0.0, 1.0, 0.0, 1.0, 1.0, math.inf, 1.0, rate * law.mean_s
    time_s, density, top = _offered_wait(rate, agents / aht_s, threshold_s, law)
    waiting = blocking * agents / aht_s * density
    # "All busy, none waiting" has the weight 1 / exp(top), because the density's peak has the weight 1.
    direct = (1.0 - blocking) * math.exp(-top)
    shares = np.array([direct, *waiting]) / (direct + waiting.sum())
    direct, offered = shares[0], shares[1:]
    gone, staying = offered * law.gone(time_s), offered * law.staying(time_s)
    early = time_s < threshold_s
    answered = direct + staying.sum()
    return (
        load,
        0.0,
        offered.sum(),
        direct + staying[early].sum(),
        gone[early].sum() + offered[~early].sum(),
        gone.sum(),
        staying @ time_s / answered,
        min(load * answered / agents, 1.0),
        rate * (offered @ law.spent_s(time_s)),
    )


def _offered_wait(
    rate: float, service_rate: float, threshold_s: float, law: PatienceLaw
) -> tuple[Floats, Floats, float]:
    """Return nodes, the weighted exp(exponent - its peak) at them, and the peak.

    The exponent's slope is rate x survival - service_rate, which only falls: one peak, where survival is
    service_rate / rate, or at 0.
    """

    def exponent(time_s: Floats) -> Floats:
        return rate * law.spent_s(time_s) - service_rate * time_s

    surplus = min(max(0.0, 1.0 - service_rate / rate), 1.0 - 1e-15)
    peak_s = law.quantile_s(np.array(surplus))
    late_s = np.maximum(peak_s, threshold_s)
    before = _reach(exponent, peak_s, -1, float(peak_s), float(peak_s))
    after, later = (_reach(exponent, at, 1, 1.0 / service_rate, math.inf) for at in (peak_s, late_s))
    knots = np.array([peak_s, threshold_s, *law.quantile_s(_QUANTILES), *getattr(law, "times_s", ())])
    high = float(later[-1])
    nodes, weights = panels(before, after, later, knots, high * _OCTAVES, low=0.0, high=high)
    top = float(exponent(peak_s))
    return nodes, weights * np.exp(exponent(nodes) - top), top


def _reach(
    exponent: Callable[[Floats], Floats], start: Floats, side: int, width: float, widest: float
) -> Floats:
    """Return the points where the exponent has dropped from its value at `start` by `_DROPS`, by bisection.

    They lie to the right of `start` (`side` 1) or to the left (-1), at most `widest` away.
    """
    top = exponent(start)

    def drop(distance: Floats) -> Floats:
        return top - exponent(start + side * distance)

    while width < widest and drop(np.array(width)) < _DROPS[-1]:
        width *= 2.0
    low, high = np.zeros_like(_DROPS), np.full_like(_DROPS, width)
    for _ in range(30):
        middle = (low + high) / 2.0
        short = drop(middle) < _DROPS
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.asarray(start + side * high)
