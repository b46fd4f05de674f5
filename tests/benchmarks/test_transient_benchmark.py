"""The exact day against SciPy's LSODA and against uniformisation: 96 intervals, staff changing at each.

CPU time of one core, all in one run: ratios last, absolute times do not. The peers carry the state alone; the
exact day also has the service level, ASA and the rest.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from benchmarks.table import row
from scipy.integrate import solve_ivp

from planning.queueing import transient_kernels as kernels
from planning.queueing.transient import exact_day, exact_states

AHT_S, PATIENCE_S, INTERVAL_S = 200.0, 300.0, 900.0


def national_day(peak):
    """Return calls and agents of a day with one hump and `peak` agents at its top."""
    load = peak * 0.92 * (0.25 + 0.75 * np.sin(np.pi * np.arange(96) / 96) ** 2)
    agents = np.ceil(load * peak / (load.max() + 0.6 * np.sqrt(load.max())) + 0.5 * np.sqrt(load))
    return load * INTERVAL_S / AHT_S, agents.astype(np.int64)


def chains(calls, agents):
    return [
        (rate / INTERVAL_S, int(n), 1 / AHT_S, 1 / PATIENCE_S) for rate, n in zip(calls, agents, strict=True)
    ]


def by_uniformisation(calls, agents, size):
    """Carry the state alone, with the compiled kernel that sums a Poisson number of jumps."""
    p, none = np.eye(1, size)[0], np.zeros(0)
    for i, chain in enumerate(chains(calls, agents)):
        if i and agents[i] < agents[i - 1]:
            p = padded(kernels.thinned(p, agents[i - 1], agents[i]), size)
        kernels.uniformise(p, none, none, np.zeros(size), *chain, INTERVAL_S, none, np.zeros((0, 0)))
    return p


def by_lsoda(calls, agents, size):
    """Carry the state alone with SciPy's stiff solver on the Kolmogorov equations, banded."""
    p, k = np.eye(1, size)[0], np.arange(size)
    for i, (rate, n, mu, theta) in enumerate(chains(calls, agents)):
        if i and agents[i] < agents[i - 1]:
            p = padded(kernels.thinned(p, agents[i - 1], agents[i]), size)
        down = np.minimum(k, n) * mu + np.maximum(k - n, 0) * theta
        up = np.where(k < size - 1, rate, 0.0)

        def slope(_, p, up=up, down=down):
            change = -(up + down) * p
            change[1:] += up[:-1] * p[:-1]
            change[:-1] += down[1:] * p[1:]
            return change

        p = solve_ivp(
            slope, (0, INTERVAL_S), p, "LSODA", [INTERVAL_S], lband=1, uband=1, rtol=1e-8, atol=1e-12
        ).y[:, -1]
    return p


def padded(p, size):
    return np.append(p, np.zeros(max(size - len(p), 0)))[:size]


def cpu_seconds(function, *args, rounds=3):
    """Return the least CPU time of a few calls, and the result."""
    best = np.inf
    for _ in range(rounds):
        begin = time.process_time()
        result = function(*args)
        best = min(best, time.process_time() - begin)
    return best, result


@pytest.mark.parametrize("peak", [167, 327, 673])
def test_a_day_of_96_intervals(benchmark, peak):
    """The exact day with all its measures, its state alone, and the peers' state alone."""
    calls, agents = national_day(peak)
    rules = {"patience_s": PATIENCE_S}
    states = exact_states(calls, AHT_S, agents, **rules)
    size = states.shape[1]
    benchmark.group = f"Exact day: 96 intervals, {peak} agents at the peak, {size:,} states"
    benchmark.pedantic(exact_day, (calls, AHT_S, agents), rules, rounds=7, warmup_rounds=1)
    whole, _ = cpu_seconds(lambda: exact_day(calls, AHT_S, agents, **rules), rounds=7)
    alone, _ = cpu_seconds(lambda: exact_states(calls, AHT_S, agents, **rules), rounds=7)
    uniform, by_jumps = cpu_seconds(by_uniformisation, calls, agents, size)
    lsoda, by_steps = cpu_seconds(by_lsoda, calls, agents, size)
    far = [f"off by {np.abs(theirs - states[-1]).sum():.0e} (L1)" for theirs in (by_jumps, by_steps)]
    benchmark.extra_info["rows"] = [
        row("planning, the state alone", alone, 1, "days"),
        row("planning, with all measures", whole, 1, "days"),
        row("uniformisation, compiled, the state alone", uniform, 1, "days", far[0]),
        row("SciPy's LSODA, the state alone", lsoda, 1, "days", far[1], ["numpy", "scipy"]),
    ]
    assert np.abs(by_jumps - states[-1]).sum() < 1e-9
    assert np.abs(by_steps - states[-1]).sum() < 1e-4
    assert alone < uniform
    assert whole < lsoda
