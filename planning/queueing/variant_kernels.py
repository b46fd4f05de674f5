"""The compiled recursions of the finite queue. Kernels that call each other must stay in one file.

Throughout, times are in units of the AHT: `r` = AHT / patience (0: nobody hangs up), `tau` = threshold / AHT.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from planning.checks import Floats

COLUMNS = 8
"""Columns of a row of `finite_lines`; see `_measure`."""

_STEP = 2.0**32
_LOG_STEP = math.log(_STEP)
_TINY = 1e-307


@njit(cache=True, nogil=True)
def finite_lines(
    load: Floats, agents: Floats, room: Floats, r: Floats, tau: Floats, blocking: Floats
) -> Floats:
    """Measure one finite queue per element of the flat arrays; `blocking` is Erlang B of (load, agents)."""
    out = np.empty((load.size, COLUMNS))
    for i in range(load.size):
        line = _line_shape(load[i], agents[i], int(room[i]), r[i])
        late_terms = _late_terms(agents[i], line.size, r[i], tau[i])
        _measure(line, late_terms, agents[i], r[i], tau[i], blocking[i], out[i])
    return out


@njit(cache=True, nogil=True)
def _line_shape(load: float, agents: float, room: int, r: float) -> Floats:
    """Return the relative probabilities of 0..room calls waiting while all agents are busy.

    They are scaled so that the largest is 1: nothing overflows, and only negligible values underflow.
    """
    peak = room
    if load < agents + room * r:
        peak = max(0, int((load - agents) / r)) if r > 0 else 0
    line = np.empty(room + 1)
    line[peak] = 1.0
    for j in range(peak + 1, room + 1):
        line[j] = line[j - 1] * load / (agents + j * r)
    for j in range(peak, 0, -1):
        line[j - 1] = line[j] * (agents + j * r) / load
    return line


@njit(cache=True, nogil=True)
def _late_terms(agents: float, size: int, r: float, tau: float) -> Floats:
    """Return t_0..t_size-1: of the callers with j ahead who get answered, t_0 + .. + t_j wait beyond tau.

    With u = exp(-r tau) this sum is the incomplete beta function I_u(agents/r + 1, j + 1), the Poisson sum if
    r = 0. Where agents x tau > 745 the first term underflows although later ones matter: hence the scaling.
    """
    moved = -math.expm1(-r * tau) / r if r > 0 else tau
    steps = 0
    scale = math.exp(-(agents + r) * tau)
    term = 1.0
    terms = np.empty(size)
    for j in range(size):
        if j > 0:
            term *= moved * (agents + j * r) / j
        if term > _STEP:
            term /= _STEP
            steps += 1
            scale = math.exp(steps * _LOG_STEP - (agents + r) * tau)
        terms[j] = term * scale
    return terms


@njit(cache=True, nogil=True)
def _on_time_from_last(late: float, terms: Floats, agents: float, r: float, tau: float) -> float:
    """Return 1 - late for the last place in the queue, by the series beyond it if 1 - late would cancel."""
    if late < 0.9:
        return 1.0 - late
    moved = -math.expm1(-r * tau) / r if r > 0 else tau
    j = terms.size
    term = terms[j - 1] * moved * (agents + j * r) / j
    total = 0.0
    # A subnormal term would round back to itself for ever.
    while term > max(1e-18 * total, _TINY):
        total += term
        j += 1
        term *= moved * (agents + j * r) / j
    return total


@njit(cache=True, nogil=True)
def _measure(
    line: Floats, terms: Floats, agents: float, r: float, tau: float, blocking: float, out: Floats
) -> None:
    """Write blocked, waiting, answered, in time, late, abandoned (shares), wait of the answered, queue.

    Every sum has positive terms only, so even a tiny share keeps all its digits. All probabilities are
    relative to blocking x (the probability of all busy, none waiting), hence finite where blocking is 0.
    """
    room = line.size - 1
    direct = (1.0 - blocking) * line[0]
    waiting = others = answered = late = abandoned = wait = queue = late_share = each_wait = 0.0
    for j in range(room):
        patient = agents / (agents + (j + 1) * r)
        late_share += terms[j]
        each_wait += 1.0 / (agents + (j + 1) * r)
        waiting += line[j]
        others += line[j + 1]
        answered += line[j] * patient
        abandoned += line[j] * (j + 1) * r / (agents + (j + 1) * r)
        late += line[j] * patient * min(late_share, 1.0)
        wait += line[j] * patient * each_wait
        queue += (j + 1) * line[j + 1]
    in_time = 0.0
    if room > 0:
        on_time = _on_time_from_last(late_share, terms[:room], agents, r, tau)
        for j in range(room - 1, -1, -1):
            in_time += line[j] * agents / (agents + (j + 1) * r) * on_time
            on_time = min(on_time + terms[j], 1.0)
    total = line[0] + blocking * others
    answered = direct + blocking * answered
    out[0] = blocking * line[room] / total
    out[1] = blocking * waiting / total
    out[2] = answered / total
    out[3] = (direct + blocking * in_time) / total
    out[4] = blocking * late / total
    out[5] = blocking * abandoned / total
    out[6] = blocking * wait / answered if answered > 0 else 0.0
    out[7] = blocking * queue / total
