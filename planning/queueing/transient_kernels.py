"""The compiled steps of the exact day: number in system forward in time, the wait of one caller backward.

Two chains meet here. The *system* N_t, the number in service and in queue, moves up at the arrival rate and
down at ``min(N, n) mu + (N - n)^+ theta``. The *tagged caller* who finds k others waiting moves from k to k -
1 at ``n mu + k theta``, is answered when k = 0 moves down, and gives up at ``theta``. The queue is served in
order of arrival, so later callers do not matter and the arrival rate does not enter.

Besides the law ``p`` of N, the forward steps carry two sums over a cohort (the callers who arrive while it is
collected), per unit of arrival rate: ``y[k]``, the time density of its members who still wait with k ahead,
and ``z[k]``, the same weighted by the time already waited:

    p' = p Q,    y' = y D + p_queue,    z' = z D + y.

Vectors over k of length 0 switch the cohort off. Everything is in one file, because numba's cache does not
notice that a kernel in another file has changed.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from planning.checks import Floats, Ints

# Poles and residues of the Chebyshev rational approximations of orders 16 and 14 of exp on (-inf, 0]
# (M. Pusa, "Correction to Partial Fraction Decomposition Coefficients for Chebyshev Rational Approximation on
# the Negative Real Axis", arXiv:1206.2880, 2012): exp(x) = limit + 2 Re sum_j residue_j / (x - pole_j).
POLES_16 = np.array(
    [
        -10.843917078696988026 + 19.277446167181652284j,
        -5.2649713434426468895 + 16.220221473167927305j,
        5.9481522689511774808 + 3.5874573620183222829j,
        3.5091036084149180974 + 8.4361989858843750826j,
        6.4161776990994341923 + 1.1941223933701386874j,
        1.4193758971856659786 + 10.925363484496722585j,
        4.9931747377179963991 + 5.9968817136039422260j,
        -1.4139284624888862114 + 13.497725698892745389j,
    ]
)
RESIDUES_16 = np.array(
    [
        -5.0901521865224915650e-7 - 2.4220017652852287970e-5j,
        2.1151742182466030907e-4 + 4.3892969647380673918e-3j,
        113.39775178483930527 + 101.94721704215856450j,
        15.059585270023467528 - 5.7514052776421819979j,
        -64.500878025539646595 - 224.59440762652096056j,
        -1.4793007113557999718 + 1.7686588323782937906j,
        -62.518392463207918892 - 11.190391094283228480j,
        0.041023136835410021273 - 0.15743466173455468191j,
    ]
)
LIMIT_16 = 2.1248537104952237488e-16
POLES_14 = np.array(
    [
        -8.8977731864688888199 + 16.630982619902085304j,
        -3.7032750494234480603 + 13.656371871483268171j,
        -0.2087586382501301251 + 10.991260561901260913j,
        3.9933697105785685194 + 6.0048316422350373178j,
        5.0893450605806245066 + 3.5888240290270065102j,
        5.6231425727459771248 + 1.1940690463439669766j,
        2.2697838292311127097 + 8.4617379730402214019j,
    ]
)
RESIDUES_14 = np.array(
    [
        -7.1542880635890672853e-5 + 1.4361043349541300111e-4j,
        9.4390253107361688779e-3 - 1.7184791958483017511e-2j,
        -0.37636003878226968717 + 0.33518347029450104214j,
        -23.498232091082701191 - 5.8083591297142074004j,
        46.933274488831293047 + 45.643649768827760791j,
        -27.875161940145646468 - 102.14733999056451434j,
        4.8071120988325088907 - 1.3209793837428723881j,
    ]
)
LIMIT_14 = 1.8321743782540412751e-14

_NOTHING = 1e-22  # a probability below which the passes drop a state
LANES = 16  # 8 + 7 poles and one unused lane: two full vectors of eight doubles


def _lanes() -> tuple[Floats, Floats, Floats]:
    """Lay the poles side by side; the weights turn solves into exp, its integral and the exp of order 14."""
    poles = np.concatenate([POLES_16, POLES_14, [1.0 + 1.0j]])
    weights = np.zeros((LANES, 3), dtype=np.complex128)
    weights[:8, 0] = 2 * RESIDUES_16
    weights[:8, 1] = 2 * RESIDUES_16 / POLES_16
    weights[8:15, 2] = 2 * RESIDUES_14
    stacked = np.concatenate([weights.real, -weights.imag])
    return poles.real.copy(), poles.imag.copy(), np.ascontiguousarray(stacked)


POLE_RE, POLE_IM, WEIGHTS = _lanes()


@njit(cache=True, nogil=True, error_model="numpy")
def resolvents(
    p: Floats,
    y: Floats,
    z: Floats,
    lam: float,
    n: int,
    mu: float,
    theta: float,
    dt: float,
    pole_re: Floats,
    pole_im: Floats,
    out_p: Floats,
    out_y: Floats,
    out_z: Floats,
) -> None:
    """Solve x (A dt - pole) = (p, y, z) for every pole at once, by elimination without pivoting.

    No pivot can vanish: the symmetrised generator is real, so the imaginary part of each pivot keeps the sign
    of the pole's and at least its size. The real parts go to ``out[:, :LANES]``, the imaginary parts to
    ``out[:, LANES:]``. The inner loops run over the poles, which are independent of each other.
    """
    top = p.shape[0] - 1
    upper = np.empty((top + 1, 2 * LANES))  # the upper diagonal after elimination
    xr, xi = np.zeros(LANES), np.zeros(LANES)  # the neighbouring row of the solution
    ur, ui = np.zeros(LANES), np.zeros(LANES)
    birth = lam * dt
    for k in range(top + 1):
        death = (min(k, n) * mu + max(k - n, 0) * theta) * dt
        above = (min(k + 1, n) * mu + max(k + 1 - n, 0) * theta) * dt
        below = birth if k > 0 else 0.0
        diagonal = -death - (birth if k < top else 0.0)
        load = p[k]
        for j in range(LANES):
            pr = diagonal - pole_re[j] - below * ur[j]
            pi = -pole_im[j] - below * ui[j]
            scale = 1.0 / (pr * pr + pi * pi)
            pr *= scale
            pi *= -scale
            sr = load - below * xr[j]
            si = -below * xi[j]
            xr[j] = sr * pr - si * pi
            xi[j] = sr * pi + si * pr
            ur[j] = above * pr
            ui[j] = above * pi
        for j in range(LANES):
            out_p[k, j] = xr[j]
            out_p[k, LANES + j] = xi[j]
            upper[k, j] = ur[j]
            upper[k, LANES + j] = ui[j]
    for k in range(top - 1, -1, -1):
        for j in range(LANES):
            r = out_p[k, j] - (upper[k, j] * xr[j] - upper[k, LANES + j] * xi[j])
            i = out_p[k, LANES + j] - (upper[k, j] * xi[j] + upper[k, LANES + j] * xr[j])
            xr[j] = r
            xi[j] = i
        for j in range(LANES):
            out_p[k, j] = xr[j]
            out_p[k, LANES + j] = xi[j]
    _cohort_resolvents(y, z, n, mu, theta, dt, pole_re, pole_im, out_p, out_y, out_z)


@njit(cache=True, nogil=True, error_model="numpy")
def _cohort_resolvents(
    y: Floats,
    z: Floats,
    n: int,
    mu: float,
    theta: float,
    dt: float,
    pole_re: Floats,
    pole_im: Floats,
    out_p: Floats,
    out_y: Floats,
    out_z: Floats,
) -> None:
    """Continue the solves for the cohort, whose blocks are bidiagonal: from the last in the queue down."""
    yr, yi = np.zeros(LANES), np.zeros(LANES)
    zr, zi = np.zeros(LANES), np.zeros(LANES)
    for k in range(y.shape[0] - 1, -1, -1):
        rate = (n * mu + (k + 1) * theta) * dt  # of leaving place k: one ahead goes, or the caller gives up
        above = rate if k + 1 < y.shape[0] else 0.0  # of moving from k + 1 to k: the same rate
        for j in range(LANES):
            pr = -rate - pole_re[j]
            pi = -pole_im[j]
            scale = 1.0 / (pr * pr + pi * pi)
            pr *= scale
            pi *= -scale
            sr = y[k] - dt * out_p[n + k, j] - above * yr[j]
            si = -dt * out_p[n + k, LANES + j] - above * yi[j]
            yr[j] = sr * pr - si * pi
            yi[j] = sr * pi + si * pr
            sr = z[k] - dt * yr[j] - above * zr[j]
            si = -dt * yi[j] - above * zi[j]
            zr[j] = sr * pr - si * pi
            zi[j] = sr * pi + si * pr
        for j in range(LANES):
            out_y[k, j] = yr[j]
            out_y[k, LANES + j] = yi[j]
            out_z[k, j] = zr[j]
            out_z[k, LANES + j] = zi[j]


@njit(cache=True, nogil=True, error_model="numpy")
def poisson_window(mean: float) -> tuple[int, Floats]:
    """Return the first count and the probabilities of a Poisson law, where they are at least 1e-17."""
    first = int(max(0.0, mean - 8.5 * math.sqrt(mean)))
    weights = np.empty(int(mean + 8.5 * math.sqrt(mean)) + 16 - first)
    mode = min(max(int(mean) - first, 0), weights.shape[0] - 1)
    weights[mode] = 1.0
    for i in range(mode + 1, weights.shape[0]):
        weights[i] = weights[i - 1] * mean / (first + i)
    for i in range(mode, 0, -1):
        weights[i - 1] = weights[i] * (first + i) / mean
    return first, weights / weights.sum()


@njit(cache=True, nogil=True, error_model="numpy")
def _jump(
    new: Floats,
    old: Floats,
    stay: Floats,
    up: float,
    down: Floats,
    total: Floats,
    weight: float,
    integral: Floats,
    share: float,
) -> None:
    """Add one term to both sums and make one jump; `new` and `old` have an unused cell at both ends."""
    inner, here, below, above = new[1:-1], old[1:-1], old[:-2], old[2:]
    for k in range(inner.shape[0]):
        total[k] += weight * here[k]
        integral[k] += share * here[k]
        inner[k] = stay[k] * here[k] + up * below[k] + down[k] * above[k]


@njit(cache=True, nogil=True, error_model="numpy")
def _cohort_jump(new: Floats, old: Floats, down: Floats, step: float, inflow: Floats) -> None:
    """Make one jump of the waiting cohort, joined by `inflow`; there is an unused cell on top.

    Place k is left at the rate n mu + (k + 1) theta, and entered from place k + 1 at the same rate.
    """
    here, above = old[:-1], old[1:]
    for k in range(here.shape[0]):
        new[k] = here[k] + down[k] * (above[k] - here[k]) + step * inflow[k]


@njit(cache=True, nogil=True, error_model="numpy")
def _add(total: Floats, weight: float, term: Floats) -> None:
    for k in range(total.shape[0]):
        total[k] += weight * term[k]


@njit(cache=True, nogil=True, error_model="numpy")
def _poisson_rows(means: Floats, size: int) -> Floats:
    """Return one row of Poisson probabilities of 0 .. size - 1 for each mean."""
    rows = np.zeros((means.shape[0], size))
    for row in range(means.shape[0]):
        first, weights = poisson_window(means[row])
        for i in range(min(weights.shape[0], size - first)):
            rows[row, first + i] = weights[i]
    return rows


@njit(cache=True, nogil=True, error_model="numpy")
def uniformise(
    p: Floats,
    y: Floats,
    z: Floats,
    integral: Floats,
    lam: float,
    n: int,
    mu: float,
    theta: float,
    dt: float,
    moments: Floats,
    seen: Floats,
) -> None:
    """Move (p, y, z) on by `dt` in place and add the integral of p: a Poisson number of jumps.

    Every term is positive (Jensen, 1953), so nothing cancels, at any drift; the price is one pass over
    the states for each possible jump. On the way, ``seen[m]`` receives the law of the waiting callers,
    ``p[n:]``, after ``moments[m]`` (there may be no moments).
    """
    size, queue = p.shape[0], y.shape[0]
    death = np.empty(size + 2)
    for k in range(size + 2):
        death[k] = min(k, n) * mu + max(k - n, 0) * theta
    rate = lam + float(death[size]) + 1e-300  # never 0
    death /= rate
    up, step = lam / rate, 1.0 / rate
    stay = 1.0 - up - death[:size]
    stay[size - 1] += up
    down, leave = death[1 : size + 1], death[n + 1 :]
    first, weights = poisson_window(rate * dt)
    rows = _poisson_rows(rate * moments, first + weights.shape[0])
    v, w = np.zeros(size + 2), np.zeros(size + 2)
    yv, yw, zv, zw = np.zeros(queue + 1), np.zeros(queue + 1), np.zeros(queue + 1), np.zeros(queue + 1)
    v[1:-1] = p
    yv[:-1] = y
    zv[:-1] = z
    p[:] = 0.0
    y[:] = 0.0
    z[:] = 0.0
    seen[:] = 0.0
    low, high = 0, size - 1  # only these states, and these places of the cohort, are not empty
    near, far = 0, queue - 1
    more = 1.0  # P(more jumps than i)
    for i in range(first + weights.shape[0]):
        weight = weights[i - first] if i >= first else 0.0
        more -= weight
        low, high = _occupied(v, w, v, w, low, high, 1)
        if queue > 0:
            near, far = _occupied(yv, yw, zv, zw, near, far, 0)
            near, far = max(min(near, low - n) - 1, 0), max(far, high - n)
            places = slice(near, far + 1)
            _add(y[places], weight, yv[places])
            _add(z[places], weight, zv[places])
            _cohort_jump(zw[places], zv[near : far + 2], leave[places], step, yv[places])
            _cohort_jump(yw[places], yv[near : far + 2], leave[places], step, v[n + 1 + near : n + far + 2])
            zv, zw = zw, zv
            yv, yw = yw, yv
        for m in range(moments.shape[0]):
            if rows[m, i] > 0.0 and high >= n:
                nearest = max(low - n, 0)
                _add(seen[m, nearest : high - n + 1], rows[m, i], v[n + 1 + nearest : high + 2])
        low, high = max(low - 1, 0), min(high + 1, size - 1)
        states, around = slice(low, high + 1), slice(low, high + 3)
        share = max(more, 0.0) * step
        _jump(
            w[around], v[around], stay[states], up, down[states], p[states], weight, integral[states], share
        )
        v, w = w, v


@njit(cache=True, nogil=True, error_model="numpy")
def _occupied(
    a: Floats, a_next: Floats, b: Floats, b_next: Floats, low: int, high: int, offset: int
) -> tuple[int, int]:
    """Narrow low .. high to the cells where either vector is not negligible, and clear the rest."""
    while low < high and abs(a[low + offset]) < _NOTHING and abs(b[low + offset]) < _NOTHING:
        for x in (a, a_next, b, b_next):
            x[low + offset] = 0.0
        low += 1
    while high > low and abs(a[high + offset]) < _NOTHING and abs(b[high + offset]) < _NOTHING:
        for x in (a, a_next, b, b_next):
            x[high + offset] = 0.0
        high -= 1
    return low, high


@njit(cache=True, nogil=True, error_model="numpy")
def look_back(g: Floats, n: int, mu: float, theta: float, dt: float) -> None:
    """Replace g, a value for each place in the queue, by its mean at `dt` earlier, in place.

    ``g[0]`` is the value of having been answered (it stays), ``g[k + 1]`` that of waiting with k ahead;
    giving up has the value 0. The tagged caller's chain is uniformised.
    """
    size = g.shape[0]
    rate = n * mu + size * theta
    if rate * dt == 0.0:
        return
    down, stay = np.empty(size - 1), np.empty(size - 1)
    for k in range(size - 1):
        down[k] = (n * mu + k * theta) / rate
        stay[k] = 1.0 - (n * mu + (k + 1) * theta) / rate
    first, weights = poisson_window(rate * dt)
    v, w = g.copy(), g.copy()
    g[1:] = 0.0
    for i in range(first + weights.shape[0]):
        _step_back(w, v, stay, down, g, weights[i - first] if i >= first else 0.0)
        v, w = w, v


@njit(cache=True, nogil=True, error_model="numpy")
def _step_back(new: Floats, old: Floats, stay: Floats, down: Floats, total: Floats, weight: float) -> None:
    """Add one term and go back by one jump; the first cell, answered, stays the same."""
    into, here, nearer, sums = new[1:], old[1:], old[:-1], total[1:]
    for k in range(into.shape[0]):
        sums[k] += weight * here[k]
        into[k] = stay[k] * here[k] + down[k] * nearer[k]


@njit(cache=True, nogil=True, error_model="numpy")
def shifted(g: Floats, shift: int) -> Floats:
    """Return g across a change of staff, after which `shift` more stand ahead (fewer, if negative)."""
    out = np.empty_like(g)
    last = g.shape[0] - 1
    out[0] = g[0]
    for k in range(1, last + 1):
        out[k] = g[min(max(k + shift, 0), last)]
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def answered_within(
    depth: int, seconds: float, agents: Ints, mu: Floats, theta: Floats, length: Floats, shift: Ints
) -> Floats:
    """Return P(answered within `seconds`) for a caller with k - 1 ahead, k = 0 (answered) .. depth.

    The arrays hold the stretches of constant staff, AHT and patience from now on, the last one without end;
    ``shift[j]`` belongs to the change from stretch j - 1 to stretch j.
    """
    last, left = 0, seconds
    while left > length[last]:
        left -= length[last]
        last += 1
    g = np.zeros(depth + 1)
    g[0] = 1.0
    for j in range(last, -1, -1):
        look_back(g, agents[j], mu[j], theta[j], left if j == last else length[j])
        if j > 0:
            g = shifted(g, shift[j])
    return g


@njit(cache=True, nogil=True, error_model="numpy")
def answered_late(line: Floats, g: Floats) -> float:
    """Return the mass of the waiting callers `line` (by number ahead) that is not answered in time."""
    total = 0.0
    for k in range(line.shape[0]):
        total += line[k] * (1.0 - g[k + 1] if k + 1 < g.shape[0] else 1.0)
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def reach(
    waits: int,
    threshold: float,
    until: float,
    agents: Ints,
    mu: Floats,
    theta: Floats,
    length: Floats,
    shift: Ints,
) -> tuple[int, float]:
    """Return how far back in the queue an answer within the threshold can come, and the queue's fastest rate.

    No further than the queue reaches, and no further than the calls that can end or be given up in that time
    (Poisson, up to a chance of 1e-15) plus the agents who may join. Only stretches that begin before `until`
    count.
    """
    line, joining, met, begin = waits, 0, 1, length[0]
    while begin < until:
        line += max(shift[met], 0)
        joining += max(-shift[met], 0)
        begin += length[met]
        met += 1
    fastest = 0.0
    for j in range(met):
        fastest = max(fastest, agents[j] * mu[j] + line * theta[j])
    mean = threshold * fastest
    return min(line, int(mean + 8.5 * math.sqrt(mean)) + 17 + joining), fastest


@njit(cache=True, nogil=True, error_model="numpy")
def unhurried_late(
    line: Floats, threshold: float, agents: Ints, mu: Floats, theta: Floats, shift: Ints
) -> float:
    """Return the mass of the waiting `line` that is not answered in time if the first stretch never ends."""
    endless = np.full(1, np.inf)
    depth, _ = reach(line.shape[0], threshold, 0.0, agents, mu, theta, endless, shift)
    g = answered_within(depth, threshold, agents, mu, theta, endless, shift)
    return float(answered_late(line, g))


@njit(cache=True, nogil=True, error_model="numpy")
def late_arrivals(
    p: Floats,
    y: Floats,
    z: Floats,
    integral: Floats,
    lam: float,
    threshold: float,
    begin: float,
    end: float,
    nodes: Floats,
    weights: Floats,
    panel_jumps: float,
    agents: Ints,
    mu: Floats,
    theta: Floats,
    length: Floats,
    shift: Ints,
) -> float:
    """Move the system on from `begin` to `end`; return the integral of the chance of a late answer.

    This is for arrivals so close to a change of staff that their threshold may end after it. Gauss-Legendre
    quadrature in the moment of arrival (`nodes`, `weights` on [0, 1]) gives each node its own backward
    recursion over the rest of the stretch and the stretches that follow. The panels are cut where the end of
    the threshold meets a change, because the integrand has a kink there, and hold at most `panel_jumps` jumps
    of the chain.
    """
    n, total = agents[0], 0.0
    depth, fastest = reach(p.shape[0] - n, threshold, end + threshold, agents, mu, theta, length, shift)
    ahead = length.copy()
    seen = np.empty((nodes.shape[0], p.shape[0] - n))
    left = begin
    while left < end:
        kink, change = end, 0.0
        for j in range(length.shape[0] - 1):
            change += length[j]
            if left < change - threshold < kink:
                kink = change - threshold
        panels = int((kink - left) * (lam + fastest) / panel_jumps) + 1
        width = (kink - left) / panels
        for _ in range(panels):
            uniformise(p, y, z, integral, lam, n, mu[0], theta[0], width, width * nodes, seen)
            for node in range(nodes.shape[0]):
                ahead[0] = length[0] - left - width * nodes[node]
                g = answered_within(depth, threshold, agents, mu, theta, ahead, shift)
                total += weights[node] * width * answered_late(seen[node], g)
            left += width
        left = kink
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def thinned(p: Floats, before: int, after: int) -> Floats:
    """Return the law of N after ``before - after`` agents have left, each with the caller in hand.

    With b < before busy, the number of leavers among them is hypergeometric; if all are busy, so is every
    leaver.
    """
    leave = before - after
    out = np.zeros(max(p.shape[0] - leave, before))
    for b in range(min(before, p.shape[0])):
        least, most = max(0, b - after), min(b, leave)
        # From the mode outwards, then normalised: there are no factorials to overflow.
        mode = min(max((b + 1) * (leave + 1) // (before + 2), least), most)
        chance = np.zeros(most - least + 1)
        chance[mode - least] = 1.0
        for x in range(mode, most):
            up = (leave - x) * (b - x) / ((x + 1.0) * (after - b + x + 1.0))
            chance[x + 1 - least] = chance[x - least] * up
        for x in range(mode, least, -1):
            down = x * (after - b + x) / ((leave - x + 1.0) * (b - x + 1.0))
            chance[x - 1 - least] = chance[x - least] * down
        chance *= p[b] / chance.sum()
        for x in range(least, most + 1):
            out[b - x] += chance[x - least]
    for b in range(before, p.shape[0]):
        out[b - leave] += p[b]
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _bound_above(
    law: Floats, level: int, s: float, lam: float, fall: float, dt: float, exponent: float
) -> float:
    """Return x such that the walk below exceeds `level` + x with chance at most e^-exponent, by this s."""
    growth, start, power = math.exp(s), 2.0, 1.0
    for k in range(level + 1, law.shape[0]):
        power *= growth
        start += law[k] * power
    drift = lam * math.expm1(s) + fall * math.expm1(-s)
    return float((dt * max(drift, 0.0) + exponent + math.log(start)) / s)


@njit(cache=True, nogil=True, error_model="numpy")
def highest_level(
    law: Floats, lam: float, n: int, mu: float, theta: float, dt: float, exponent: float
) -> int:
    """Return a level that N exceeds at any given time within `dt` with chance at most e^-exponent.

    Above a level L the system falls at least at the rate d of L. So N stays below L plus a walk with rates
    (lam, d) that starts at (N_0 - L)^+ and is reflected at 0. Either the walk never touched 0 and is the free
    walk, or it is at most the maximum of a free walk from 0 in distribution. Doob's inequality for exp(s
    walk), with psi(s) = lam (e^s - 1) + d (e^-s - 1), gives for every L and s > 0

        P(N_t > L + x) <= (1 + E exp(s (N_0 - L)^+)) exp(t psi(s)^+ - s x).

    A search over L and s gives the smallest L + x.
    """
    last = int(law.shape[0]) - 1
    if lam == 0.0:
        return last
    middle, below = 0, law[0]
    while below < 0.5 and middle < last:
        middle += 1
        below += law[middle]
    best, level, stride = 1e15, middle, 8
    while level < best:
        fall = min(level, n) * mu + max(level - n, 0) * theta
        low = math.log(fall / lam) if fall > lam else 0.0
        low, high = max(low, 1e-7), low + 2.0
        for _ in range(9):
            a, b = low + 0.382 * (high - low), low + 0.618 * (high - low)
            at_a = _bound_above(law, level, a, lam, fall, dt, exponent)
            at_b = _bound_above(law, level, b, lam, fall, dt, exponent)
            best = min(best, level + min(at_a, at_b))
            if at_a < at_b:
                high = b
            else:
                low = a
        level += stride
        stride *= 2
    return int(max(math.ceil(best) + 1, last))
