"""The compiled arithmetic of Erlang B, C and A; `planning.queueing.erlang` is its documented front.

With the load `a`, `n` agents and patience counted in handling times (`ratio` = patience / AHT), write
``c = n ratio`` and ``b = a ratio``. Relative to the state "all agents busy, nobody waits", the states with a
free agent weigh ``h`` and those with somebody waiting weigh ``u``::

    h = sum_k n (n-1) ... (n-k+1) / a^k      = Q(n, a) / pi(n; a)      (`below`)
    u = sum_k b^k / ((c+1) (c+2) ... (c+k))  = P(c+1, b) / pi(c; b)    (`above`)

where pi(n; a) = e^-a a^n / Gamma(n+1) and P, Q are the regularised incomplete gamma functions. Then B = 1 /
(1 + h), and in Erlang A P(wait) = (1 + u) / (1 + u + h). Everything is built from these two sums, which never
cancel and never underflow. Both are found in O(1) by the method that suits the region: the sum itself, a
continued fraction away from a = n, and Temme's uniform expansion around it. The load and its distance ``delta
= a - n`` are both arguments: computed from one another, the smaller would lose its digits.

Functions that call each other live in this one file, because numba's cache does not notice that a function in
another file has changed.

Sources: A. K. Erlang (1917); C. Palm (1957) and F. Baccelli, G. Hebuterne (1981) for impatience;
N. M. Temme (1979), SIAM J. Math. Anal. 10, 757-766, and DLMF 8.12 for the expansion; A. Cuyt et al. (2008),
Handbook of Continued Fractions, ch. 12; C. Loader (2000) for the Poisson term; S. Halfin, W. Whitt (1981).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from planning.checks import Floats, Ints

# service level, threshold, and the greatest ASA, abandonment and occupancy: inf where not given
Parts: TypeAlias = tuple[float, float, float, float, float]
_Function = TypeVar("_Function", bound=Callable[..., Any])

_LOG = logging.getLogger("planning")

_LARGE = 100.0  # from here on, Temme's expansion with the orders below is exact to the last digits
_NEAR = 9.0  # the deviance up to which "around a = n" reaches: 3 in the argument of erfc
_ORDERS = 7
_TERMS = 18
_NEGLIGIBLE = 1e-17
_LOG_DROP = 42.0  # the integrand of the answered waits is cut at e^-42 of its peak
_NODES = 40


def temme_coefficients(orders: int, terms: int) -> NDArray[np.float64]:
    """Return the Taylor coefficients of Temme's C_k(eta), one row per order k, by exact rational arithmetic.

    ``eta^2 / 2 = mu - ln(1 + mu)`` gives ``mu mu' = eta (1 + mu)`` and so the series of mu and of 1 / mu;
    ``C_0 = 1/mu - 1/eta``, ``C_k = C_{k-1}' / eta + g / mu``, where g removes the pole at 0 (DLMF 8.12.10).

    Examples
    --------
    >>> temme_coefficients(1, 2)
    array([[-0.33333333,  0.08333333]])
    """
    size = terms + 2 * orders
    mu = [Fraction(0), Fraction(1)]
    for k in range(2, size + 2):
        inner = sum((mu[i] * (k + 1 - i) * mu[k + 1 - i] for i in range(2, k)), Fraction(0))
        mu.append((mu[k - 1] - inner) / (k + 1))
    inverse = [Fraction(1)]
    for k in range(1, size + 1):
        inverse.append(-sum((mu[i + 1] * inverse[k - i] for i in range(1, k + 1)), Fraction(0)))
    regular = inverse[1:]
    row, rows = regular, []
    for _ in range(orders):
        rows.append([float(value) for value in row[:terms]])
        row = [(j + 2) * row[j + 2] - row[1] * regular[j] for j in range(len(row) - 2)]
    return np.array(rows)


_TEMME = temme_coefficients(_ORDERS, _TERMS)
_NODE, _WEIGHT = np.polynomial.legendre.leggauss(_NODES)


@cache
def compiled(kernel: Any) -> Any:
    """Return `kernel`; log a line first if numba has to compile it (once after installation)."""
    global _announced
    if not _announced and not kernel.signatures and not _is_cached(kernel):
        _announced = True
        _LOG.warning("compiling the staffing formulas, once after installation (about 20 s)")
    return kernel


_announced = False


def _is_cached(kernel: Any) -> bool:
    """Tell whether numba's index on disk has `kernel` for this source and this version of numba."""
    try:
        return bool(kernel._cache._cache_file._load_index())
    except (AttributeError, OSError):
        return False


def _jit(function: _Function) -> _Function:
    """Compile on the first call, keep the machine code on disk, and let 1 / 0 be inf."""
    compiled: _Function = njit(cache=True, nogil=True, error_model="numpy")(function)
    return compiled


# Poisson terms ---------------------------------------------------------------------------------------


@_jit
def _deviance(n: float, delta: float) -> float:
    """Return ``n (y - ln(1 + y))`` with y = delta / n > -1, exact also for small y (Loader 2000)."""
    y = delta / n
    if abs(y) > 0.4:
        return n * (y - math.log1p(y))
    v = y / (2.0 + y)
    w = v * v
    term, total, k = v * w, 0.0, 3.0
    while abs(term) > _NEGLIGIBLE * abs(total):
        total += term / k
        term *= w
        k += 2.0
    return n * (y * v - 2.0 * total)


@_jit
def _stirling(n: float) -> float:
    """Return ``ln Gamma(n + 1) - ln(sqrt(2 pi n) (n / e)^n)`` for n >= 15."""
    s = 1.0 / (n * n)
    tail = 1.0 / 1260.0 - s * (1.0 / 1680.0 - s * (1.0 / 1188.0 - s * (691.0 / 360360.0 - s / 156.0)))
    return (1.0 / 12.0 - s * (1.0 / 360.0 - s * tail)) / n


@_jit
def _log_poisson(n: float, a: float, delta: float) -> float:
    """Return ``ln pi(n; a)`` = ln(e^-a a^n / Gamma(n + 1)) at a = n + delta > 0, for real n >= 0."""
    if n < 15.0:
        return n * math.log(a) - a - math.lgamma(n + 1.0)
    deviance = a - n - n * math.log(a / n) if 2.0 * a < n else _deviance(n, delta)
    return -deviance - _stirling(n) - 0.5 * math.log(2.0 * math.pi * n)


# the two sums ----------------------------------------------------------------------------------------


@_jit
def _temme(n: float, delta: float, deviance: float) -> tuple[float, float]:
    """Return ``(t, s)``: Q(n, a) / pi(n; a) = t erfc(z) + s and P(n, a) / pi(n; a) = t erfc(-z) - s.

    z is the root of the deviance with the sign of delta; for n >= 100 and a deviance up to 9.
    """
    eta = math.copysign(math.sqrt(2.0 * deviance / n), delta)
    orders = _ORDERS if n < 1000.0 else 4
    s = 0.0
    for k in range(orders - 1, -1, -1):
        row = 0.0
        for j in range(_TERMS - 1 - 2 * k, -1, -1):
            row = row * eta + _TEMME[k, j]
        s = s / n + row
    star = math.exp(_stirling(n))
    return star * math.sqrt(0.5 * math.pi * n) * math.exp(deviance), star * s


@_jit
def _legendre(n: float, delta: float) -> float:
    """Return h for a = n + delta well above n (n > -1) by Legendre's continued fraction of Q, even part."""
    spread = 1.0 + abs(n)
    steps = int(min(20.0 + 600.0 * spread / (delta * delta), 250.0))
    k = float(steps)
    tail = delta + 2.0 * k
    while k > 1.0:
        tail = delta + 2.0 * (k - 1.0) + k * (n + 1.0 - k) / tail
        k -= 1.0
    return n * (tail - 1.0) / (tail * delta + n)


@_jit
def _busy_side(n: float, a: float, delta: float) -> float:
    """Return h for a > n: the sum itself while it is short, the continued fraction elsewhere."""
    if n >= _LARGE or n < 1.0:
        return _legendre(n, delta)
    inverse = 1.0 / a
    term, total, left = 1.0, 0.0, n
    while left >= 1.0:
        term *= left * inverse
        total += term
        left -= 1.0
        if term < _NEGLIGIBLE * total:
            return total
    if left > 0.0:  # a fraction of an agent is left
        total += term * _legendre(left, a - left)
    return total


@_jit
def _series(c: float, b: float) -> tuple[float, float]:
    """Return u and P(abandon | wait) by their sums of positive terms."""
    term = 1.0 / (c + 1.0)
    total, moment, k = term, term, 1.0
    while term * k > _NEGLIGIBLE * moment:
        k += 1.0
        term *= b / (c + k)
        total += term
        moment += k * term
    u = b * total
    return u, moment / (1.0 + u)


@_jit
def _m_fraction(c: float, b: float, delta: float) -> tuple[float, float]:
    """Return u and P(abandon | wait) for b = c + delta well below a large c by the M-fraction (Cuyt 2008)."""
    gap = -delta
    steps = int(min(20.0 + 600.0 * c / (delta * delta), 250.0))
    k = float(steps)
    tail = 0.5 * (gap + k + math.sqrt((gap + k) * (gap + k) + 4.0 * (k + 1.0) * b))
    while k > 1.0:
        tail = gap + k - 1.0 + k * b / tail
        k -= 1.0
    return b * (tail - 1.0) / (tail * gap + b), 1.0 / tail


@_jit
def above(c: float, b: float, delta: float) -> tuple[float, float]:
    """Return u and P(abandon | wait) at b = c + delta >= 0, c > 0; u may overflow to inf, harmlessly."""
    if b <= 30.0 or 2.0 * b <= c or (c < _LARGE and delta <= 0.0):
        return _series(c, b)
    deviance = _deviance(c, delta)
    if c >= _LARGE and deviance <= _NEAR:
        t, s = _temme(c, delta, deviance)
        u = t * math.erfc(-math.copysign(math.sqrt(deviance), delta)) - s - 1.0
    elif delta < 0.0:
        return _m_fraction(c, b, delta)
    else:
        rest = 1.0 + _busy_side(c - 1.0, b, delta + 1.0)
        u = math.exp(-_log_poisson(c, b, delta)) - (c / b) * rest - 1.0
    return u, (delta + c / (1.0 + u)) / b


@_jit
def below(n: float, a: float, delta: float) -> float:
    """Return h at a = n + delta >= 0; inf where nobody calls or the blocking underflows."""
    if n <= 0.0:
        return 0.0
    if a <= 0.0:
        return math.inf
    if n >= _LARGE:
        deviance = _deviance(n, delta)
        if deviance <= _NEAR:
            t, s = _temme(n, delta, deviance)
            return t * math.erfc(math.copysign(math.sqrt(deviance), delta)) + s
    if delta > 0.0 and a > 1.5:
        return _busy_side(n, a, delta)
    u, _ = above(n + 1.0, a, delta - 1.0)
    return math.exp(-_log_poisson(n, a, delta)) - (a / (n + 1.0)) * (1.0 + u) - 1.0


# one interval ----------------------------------------------------------------------------------------


@_jit
def _blocking(load: float, agents: float) -> float:
    return 1.0 / (1.0 + below(agents, load, load - agents))


@_jit
def _delay_from(h: float, load: float, agents: float) -> float:
    """Return Erlang C for agents > load from the sum h."""
    return agents / ((agents - load) * (1.0 + h) + load)


@_jit
def _delay(load: float, agents: float) -> float:
    if agents <= load:
        return 1.0
    return _delay_from(below(agents, load, load - agents), load, agents)


@_jit
def _bend(s: float) -> float:
    """Return ``e^-s - 1 + s`` without cancellation."""
    if abs(s) > 0.5:
        return s + math.expm1(-s)
    term, total, k = 0.5 * s * s, 0.0, 2.0
    while abs(term) > _NEGLIGIBLE * abs(total):
        total += term
        k += 1.0
        term *= -s / k
    return total


@_jit
def _lower(c: float, x: float, delta: float) -> tuple[float, float]:
    """Return P(c, x) and P(c + 1, x) at x = c + delta."""
    if x <= 0.0:
        return 0.0, 0.0
    pi = math.exp(_log_poisson(c, x, delta))
    if delta <= 0.0 or x <= 30.0:
        u, _ = above(c, x, delta)
        return pi * (1.0 + u), pi * u
    h = below(c, x, delta)
    return 1.0 - pi * h, 1.0 - pi * (1.0 + h)


@_jit
def _beyond(load: float, agents: float, ratio: float, tau: float, u: float) -> tuple[float, float]:
    """Return P(V > T) and P(V > T, answered), both given a wait; tau = T / patience, u = above(...)[0].

    P(V > T) is always multiplied by the share e^-tau of callers who are still there, and is 0 when that is.

    V is the wait of a caller who stays: its density is proportional to
    ``exp(b (1 - e^-x) - c x)`` with x = t / patience (Baccelli and Hebuterne 1981).
    """
    c, b, gap = agents * ratio, load * ratio, (agents - load) * ratio
    x, delta = b * math.exp(-tau), -gap + b * math.expm1(-tau)
    if gap >= 0.0:
        late, _ = above(c, x, delta)
        fall = math.exp(-(gap * tau + b * _bend(tau))) / (1.0 + u)
        return fall * (1.0 + late), fall * late * agents / load
    stay, answered = _lower(c, x, delta)
    whole, _ = _lower(c, b, -gap)
    return stay / whole, answered / whole * agents / load


@_jit
def _impatient(
    load: float, agents: float, ratio: float, tau: float
) -> tuple[float, float, float, float, float]:
    """Return P(wait), answered, abandoned, answered late, P(V > T) of Erlang A, shares of the offered."""
    if agents <= 0.0:
        return 1.0, 0.0, 1.0, 0.0, 1.0
    h = below(agents, load, load - agents)
    u, leave = above(agents * ratio, load * ratio, (load - agents) * ratio)
    wait, free = 1.0 / (1.0 + h / (1.0 + u)), 1.0 / (1.0 + (1.0 + u) / h)
    beyond, late = _beyond(load, agents, ratio, tau, u)
    stay = 1.0 / (1.0 + 1.0 / u) * agents / load
    return wait, free + wait * stay, wait * leave, wait * late, wait * beyond


@_jit
def _drop(slope: float, curve: float) -> float:
    """Return the s where ``slope s + curve (e^-s - 1 + s)`` reaches 42."""
    s = 2.0 * _LOG_DROP / (slope + math.sqrt(slope * slope + 2.0 * _LOG_DROP * curve))
    for _ in range(6):
        s -= (slope * s + curve * _bend(s) - _LOG_DROP) / (slope - curve * math.expm1(-s))
    return s


@_jit
def _moments(start: float, end: float, peak: float, slope: float, curve: float) -> tuple[float, float]:
    """Return the integrals of f and (peak + s) f over [start, end], ln f = -(slope s + curve bend(s))."""
    half, total, moment = 0.5 * (end - start), 0.0, 0.0
    for i in range(_NODES):
        s = start + half * (1.0 + _NODE[i])
        f = _WEIGHT[i] * math.exp(-(slope * s + curve * _bend(s)))
        total += f
        moment += f * (peak + s)
    return half * total, half * moment


@_jit
def _answered_wait(load: float, agents: float, ratio: float) -> float:
    """Return the mean wait, in patiences, of those who wait and are answered.

    The mean of x under ``exp(b (1 - e^-x) - (c + 1) x)``, a log-concave density: Gauss-Legendre on either
    side of its peak, down to e^-42 of it.
    """
    c, b, gap = agents * ratio, load * ratio, (agents - load) * ratio
    if gap + 1.0 >= 0.0:
        total, moment = _moments(0.0, _drop(gap + 1.0, b), 0.0, gap + 1.0, b)
        return moment / total
    peak = math.log1p((-gap - 1.0) / (c + 1.0))
    reach = min(peak, math.sqrt(2.0 * _LOG_DROP / (c + 1.0)))
    left, left_moment = _moments(-reach, 0.0, peak, 0.0, c + 1.0)
    right, right_moment = _moments(0.0, _drop(0.0, c + 1.0), peak, 0.0, c + 1.0)
    return (left_moment + right_moment) / (left + right)


@_jit
def _level(miss: float, answered: float, late: float) -> float:
    """Return the service level, with all its digits at either end."""
    return 1.0 - miss if miss < 0.5 else max(answered - late, 0.0)


@_jit
def _measure(
    load: float, aht: float, agents: float, patience: float, threshold: float, with_asa: bool
) -> tuple[float, float, float, float, float, float, float, float]:
    """Return P(wait), service level, miss, ASA, abandonment, occupancy, P(V > T), answered late."""
    if load <= 0.0:
        return 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if math.isinf(patience):
        if agents <= load:
            return 1.0, 0.0, 1.0, math.inf, 0.0, 1.0, 1.0, 1.0
        wait = _delay(load, agents)
        late = wait * math.exp(-(agents - load) * threshold / aht)
        return wait, 1.0 - late, late, wait * aht / (agents - load), 0.0, load / agents, late, late
    if agents <= 0.0:
        return 1.0, 0.0, 1.0, math.inf, 1.0, 1.0, 1.0, 0.0
    ratio = patience / aht
    wait, answered, abandoned, late, beyond = _impatient(
        load, agents, ratio, min(threshold / patience, 1e300)
    )
    miss = min(abandoned + late, 1.0)
    asa = math.inf
    if with_asa:
        # wait * stay is the share of the offered that waits and is answered
        u, _ = above(agents * ratio, load * ratio, (load - agents) * ratio)
        stay = 1.0 / (1.0 + 1.0 / u) * agents / load
        asa = wait * stay * _answered_wait(load, agents, ratio) * patience / answered
    occupancy = min(load * answered / agents, 1.0)
    return wait, _level(miss, answered, late), miss, asa, abandoned, occupancy, beyond, late


# least agents, most calls ----------------------------------------------------------------------------


@_jit
def _judge(load: float, aht: float, agents: float, patience: float, parts: Parts) -> tuple[bool, float]:
    """Return whether `agents` meet every part, and the worst ln(measure / limit) to guide the search."""
    level, threshold, max_asa, max_abandonment, max_occupancy = parts
    with_asa = max_asa < math.inf
    _, service, miss, asa, abandoned, occupancy, _, _ = _measure(
        load, aht, agents, patience, threshold, with_asa
    )
    meets = service >= level and abandoned <= max_abandonment and occupancy <= max_occupancy
    worst = max(abandoned / max_abandonment, occupancy / max_occupancy)
    if level > 0.0:
        worst = max(worst, miss / (1.0 - level))
    if with_asa:
        meets = meets and asa <= max_asa
        worst = max(worst, asa / max_asa)
    if math.isinf(patience) and load > 0.0:
        meets = meets and agents > load  # a queue that grows without end meets no target
    return meets, math.log(worst)


@_jit
def _halfin_whitt(load: float, aht: float, level: float, threshold: float) -> float:
    """Return a real number of agents near the least: Newton's method on the square-root law's ln(1 - SL)."""
    root = math.sqrt(load)
    pace = root * threshold / aht
    goal = -math.log(1.0 - level)
    beta = math.sqrt(goal)
    for _ in range(3):
        mills = math.exp(0.5 * beta * beta) * math.sqrt(0.5 * math.pi) * math.erfc(-beta * math.sqrt(0.5))
        odds = beta * mills
        value = math.log1p(odds) + beta * pace - goal
        slope = ((1.0 + beta * beta) * mills + beta) / (1.0 + odds) + pace
        beta = min(max(beta - value / slope, 0.1 * beta), 12.0)
        if abs(value) < 0.1 * slope / root:  # within a tenth of an agent
            break
    return load + beta * root


@_jit
def _patient_meets(y: float, load: float, aht: float, agents: float, parts: Parts) -> bool:
    """Tell whether `agents` > load meet every part in Erlang C, from y = 1 / B."""
    level, threshold, max_asa, _, max_occupancy = parts
    gap = agents - load
    wait = agents / (gap * y + load)
    service, asa = 1.0 - wait * math.exp(-gap * threshold / aht), wait * aht / gap
    if abs(service - level) < 1e-12 or abs(asa - max_asa) < 1e-12 * asa:
        return _judge(load, aht, agents, math.inf, parts)[0]  # a tie is decided as in `measures`
    return service >= level and asa <= max_asa and load / agents <= max_occupancy


@_jit
def _least_patient(load: float, aht: float, parts: Parts) -> float:
    """Return the least agents of Erlang C: a start by the square-root law, then the recursion of 1 / B."""
    level, threshold, _, _, max_occupancy = parts
    stable = math.floor(load) + 1.0
    n = stable
    if level > 0.0:
        n = max(n, math.floor(_halfin_whitt(load, aht, level, threshold)))
    if max_occupancy < 1.0:
        n = max(n, math.ceil(load / max_occupancy) - 1.0)
    y = 1.0 + below(n, load, load - n)
    if not _patient_meets(y, load, aht, n, parts):
        while not _patient_meets(y, load, aht, n, parts):
            n += 1.0
            y = 1.0 + n / load * y
        return n
    while n > stable:
        y = (y - 1.0) * load / n if y < 1e300 else 1.0 + below(n - 1.0, load, load - n + 1.0)
        if not _patient_meets(y, load, aht, n - 1.0, parts):
            break
        n -= 1.0
    return n


@_jit
def _least_impatient(load: float, aht: float, patience: float, parts: Parts) -> float:
    """Return the least agents of Erlang A: a bracketed secant on ln(measure / limit) over the integers."""
    fails, meets = -1.0, math.inf
    n, last_n, last_f = float(math.ceil(load)), -1.0, 0.0
    tries = 0
    while True:
        good, f = _judge(load, aht, n, patience, parts)
        if good:
            meets = n
        else:
            fails = n
        if meets - fails <= 1.0:
            return meets
        tries += 1
        guess = n + f * math.sqrt(load) if last_n < 0.0 else n - f * (n - last_n) / (f - last_f)
        if (tries > 12 and meets < math.inf) or not math.isfinite(guess):
            guess = 0.5 * (fails + meets) if meets < math.inf else 2.0 * n + 1.0
        last_n, last_f = n, f
        n = min(max(math.ceil(guess), fails + 1.0), min(meets - 1.0, 2.0 * n + 10.0))


@_jit
def _most(agents: float, aht: float, interval: float, patience: float, parts: Parts) -> float:
    """Return the most calls per interval that `agents` handle, by bisection to the last digits."""
    low, high = 0.0, max(agents, 1e-3) * interval / aht
    while _judge(high * aht / interval, aht, agents, patience, parts)[0]:
        low, high = high, 2.0 * high
        if high > 1e12 * (1.0 + agents) * interval / aht:
            return math.inf  # the target asks for nothing
    while high - low > 4.5e-16 * high and high > 1e-300:
        middle = 0.5 * (low + high)
        if _judge(middle * aht / interval, aht, agents, patience, parts)[0]:
            low = middle
        else:
            high = middle
    return low


# percentiles -----------------------------------------------------------------------------------------


@_jit
def _log_beyond(load: float, agents: float, ratio: float, tau: float, u: float) -> tuple[float, float]:
    """Return ln P(V > T | wait) and the hazard of V at T, both in units of patience, without underflow."""
    c, b, gap = agents * ratio, load * ratio, (agents - load) * ratio
    x, delta = b * math.exp(-tau), -gap + b * math.expm1(-tau)
    late, _ = above(c, x, delta)
    hazard = c / (1.0 + late)
    if gap >= 0.0:
        return -(gap * tau + b * _bend(tau)) + math.log1p(late) - math.log1p(u), hazard
    whole, _ = _lower(c, b, -gap)
    if x < 1e-250:  # P(c, x) = x^c / Gamma(c + 1) need not be small where x underflows
        return c * (math.log(b) - tau) - math.lgamma(c + 1.0) - math.log(whole), hazard
    if delta > 0.0:
        stay, _ = _lower(c, x, delta)
        return math.log(stay / whole), hazard
    return _log_poisson(c, x, delta) + math.log1p(late) - math.log(whole), hazard


@_jit
def _percentile_impatient(share: float, load: float, agents: float, aht: float, patience: float) -> float:
    """Return t with P(V <= t) = share: Newton on the concave ln P(V > t), from the fluid wait."""
    ratio = patience / aht
    h = below(agents, load, load - agents)
    u, _ = above(agents * ratio, load * ratio, (load - agents) * ratio)
    goal = math.log1p(-share) - math.log(1.0 / (1.0 + h / (1.0 + u)))
    if goal >= 0.0:
        return 0.0
    tau = max(math.log(load / agents), 0.0)
    for _ in range(100):
        value, hazard = _log_beyond(load, agents, ratio, tau, u)
        step = (value - goal) / hazard
        tau = max(tau + step, 0.0)
        if abs(step) <= 4e-16 * tau:
            break
    return tau * patience


@_jit
def _percentile(share: float, load: float, aht: float, agents: float, patience: float) -> float:
    if load <= 0.0 or share <= 0.0:
        return 0.0
    if share >= 1.0 or agents <= 0.0:
        return math.inf
    if math.isfinite(patience):
        return _percentile_impatient(share, load, agents, aht, patience)
    if agents <= load:
        return math.inf
    wait = _delay(load, agents)
    return max(math.log(wait / (1.0 - share)), 0.0) * aht / (agents - load)


# loops over flat arrays: the functions that are called from Python -----------------------------------


@_jit
def blocking(load: Floats, agents: Floats, out: Floats) -> None:
    """Write Erlang B, element by element into `out`."""
    for i in range(load.size):
        out[i] = _blocking(load[i], agents[i])


@_jit
def delay(load: Floats, agents: Floats, out: Floats) -> None:
    """Write Erlang C, element by element into `out`."""
    for i in range(load.size):
        out[i] = _delay(load[i], agents[i])


@_jit
def measure(
    load: Floats, aht: Floats, agents: Floats, patience: Floats, threshold: Floats, out: Floats
) -> None:
    """Write the eight measures of every interval into `out`, a row per measure."""
    for i in range(load.size):
        out[:, i] = _measure(load[i], aht[i], agents[i], patience[i], threshold[i], True)


@_jit
def least(calls: Floats, aht: Floats, interval: Floats, patience: Floats, parts: Parts, out: Ints) -> None:
    """Write the least agents of every interval into `out`."""
    for i in range(calls.size):
        load = calls[i] * aht[i] / interval[i]
        if load <= 0.0:
            out[i] = 0
        elif math.isinf(patience[i]):
            out[i] = _least_patient(load, aht[i], parts)
        else:
            out[i] = _least_impatient(load, aht[i], patience[i], parts)


@_jit
def most(agents: Floats, aht: Floats, interval: Floats, patience: Floats, parts: Parts, out: Floats) -> None:
    """Write the most calls that the agents of every interval handle into `out`."""
    for i in range(agents.size):
        out[i] = _most(agents[i], aht[i], interval[i], patience[i], parts)


@_jit
def percentile(
    share: Floats, load: Floats, aht: Floats, agents: Floats, patience: Floats, out: Floats
) -> None:
    """Write the wait that the given share of callers does not exceed into `out`."""
    for i in range(load.size):
        out[i] = _percentile(share[i], load[i], aht[i], agents[i], patience[i])
