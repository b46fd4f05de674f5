"""Sites apart at a closing: limits, what must hold, and a simulation that knows every caller by name."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, demand_of, raw_centre, two_sites
from numba import njit
from scipy.stats import binom, hypergeom

from planning import Centre, PlanningError, requirement
from planning.overflow import handover
from planning.overflow.apart import apart_service, closings
from planning.overflow.handover import busy_leavers, exact_sites, overrun
from planning.queueing.transient import exact_day, exact_states

# --- an event simulation --------------------------------------------------------------------------

OFFERED, IN_TIME, WAITED, ABANDONED, QUEUED, BUSY, QUEUE_END, CLOSING, OVERRUN, SERVED = range(10)


@njit
def simulate(rng, runs, calls, aht, patience, agents, answers, length, threshold, moves):
    """Return the sums of every run, interval and site, one event at a time.

    In every line stand the times of arrival and where they were answered; callers who join another line are
    put among its own by time of arrival.
    """
    size, sites = calls.shape
    out = np.zeros((runs, size, sites, 10))
    for run in range(runs):
        lines = [[(0.0, 0, 0)][:0] for _ in range(sites)]  # time, interval and site of arrival
        busy = np.zeros(sites, np.int64)
        now = 0.0
        for i in range(size):
            if i > 0:
                for s in range(sites):
                    leave = max(agents[i - 1, s] - agents[i, s], 0)
                    for left in range(leave):
                        if rng.random() * (agents[i - 1, s] - left) < busy[s]:
                            busy[s] -= 1
                            out[run, i, s, OVERRUN] += rng.exponential(aht)
                for s in range(sites):
                    if answers[i - 1, s] == s and answers[i, s] != s:
                        out[run, i, s, CLOSING] = len(lines[s])
                        if moves:
                            into = answers[i, s]
                            for caller in lines[s]:
                                place = 0
                                while place < len(lines[into]) and lines[into][place][0] < caller[0]:
                                    place += 1
                                lines[into].insert(place, caller)
                        lines[s].clear()
            end = (i + 1) * length
            while True:
                total = 0.0
                for s in range(sites):
                    while busy[s] < agents[i, s] and len(lines[s]) > 0:
                        since, home, at = lines[s].pop(0)
                        busy[s] += 1
                        out[run, home, at, SERVED] += 1
                        out[run, home, at, IN_TIME] += now - since <= threshold
                    total += calls[i, s] / length + busy[s] / aht + len(lines[s]) / patience
                step = rng.exponential(1 / total) if total > 0 else np.inf
                stay = min(step, end - now)
                for s in range(sites):
                    out[run, i, s, BUSY] += busy[s] * stay
                    out[run, i, s, QUEUED] += len(lines[s]) * stay
                if now + step >= end:
                    now = end
                    break
                now += step
                which = rng.random() * total
                for s in range(sites):
                    if which < calls[i, s] / length:
                        at = answers[i, s]
                        out[run, i, at, OFFERED] += 1
                        out[run, i, at, WAITED] += busy[at] >= agents[i, at]
                        lines[at].append((now, i, at))
                        break
                    which -= calls[i, s] / length
                    if which < busy[s] / aht:
                        busy[s] -= 1
                        break
                    which -= busy[s] / aht
                    if which < len(lines[s]) / patience:
                        lines[s].pop(min(int(which * patience), len(lines[s]) - 1))
                        out[run, i, s, ABANDONED] += 1
                        break
                    which -= len(lines[s]) / patience
            for s in range(sites):
                out[run, i, s, QUEUE_END] = len(lines[s])
    return out


OPEN, SHUT = [0, 1], [1, 1]
THREE = [0, 1, 2]
EVENINGS = {  # calls, agents, answering sites; the last interval only answers who still waits
    # The first site closes after two intervals, the other has grown, shrunk or stayed by then; it reopens.
    "comers": (
        [*[[14, 9]] * 5, [0, 0]],
        [[5, 4], [5, 4], [0, 7], [0, 7], [5, 4], [5, 4]],
        [OPEN, OPEN, SHUT, SHUT, OPEN, OPEN],
    ),
    "leavers": ([*[[14, 12]] * 3, [0, 0]], [[5, 6], [4, 6], [0, 4], [0, 9]], [OPEN, OPEN, SHUT, SHUT]),
    "as before": (
        [[12, 4], [16, 4], [1, 4], [0, 0]],
        [*[[4, 4]] * 2, *[[0, 4]] * 2],
        [OPEN, OPEN, SHUT, SHUT],
    ),
    # A chain, and two sites that close at the same moment.
    "chain": (
        [*[[8, 7, 9]] * 3, [0, 0, 0]],
        [[3, 3, 4], [0, 6, 4], [0, 0, 9], [0, 0, 12]],
        [THREE, [1, 1, 2], [2, 2, 2], [2, 2, 2]],
    ),
    "both at once": (
        [*[[9, 8, 6]] * 3, [0, 0, 0]],
        [*[[3, 3, 3]] * 2, *[[0, 0, 8]] * 2],
        [THREE, THREE, [2, 2, 2], [2, 2, 2]],
    ),
    # The site that takes over opens at that moment.
    "relief": ([*[[12, 0]] * 3, [0, 0]], [[5, 0], [4, 0], [0, 5], [0, 5]], [[0, 0], [0, 0], [1, 1], [1, 1]]),
}


@pytest.mark.parametrize("moves", [True, False], ids=["move", "lost"])
@pytest.mark.parametrize("name", list(EVENINGS))
def test_agrees_with_event_simulation(name, moves):
    """Every measure of every interval and site within its own standard errors.

    The threshold is half an interval long, so that before a closing every second caller may cross it.
    """
    calls, agents, answers = (np.array(part) for part in EVENINGS[name])
    length, aht, patience, threshold, runs = 240.0, 80.0, 150.0, 120.0, 20_000
    rules = {"interval_s": length, "patience_s": patience, "threshold_s": threshold, "start": "empty"}
    found = exact_sites(calls, aht, agents, answers, waiting="move" if moves else "lost", **rules)
    given = (calls.astype(float), aht, patience, agents, answers, length, threshold, moves)
    out = simulate(np.random.default_rng(7), runs, *given).reshape(runs, -1, 10)
    value = {column: found[column].to_numpy() for column in found}
    excess = np.stack(  # every column has the mean 0 if the exact law is right
        [
            out[..., OFFERED] - value["calls"],
            out[..., IN_TIME] - value["service_level"] * out[..., OFFERED],
            out[..., WAITED] - value["wait_probability"] * out[..., OFFERED],
            out[..., ABANDONED] - value["abandoned"],
            out[..., QUEUED] / length - value["mean_queue"],
            out[..., BUSY] / length - value["occupancy"] * value["agents"],
            out[..., QUEUE_END] - value["queue_end"],
            out[..., CLOSING] - value["closing_queue"],
            out[..., OVERRUN] - value["overrun_s"],
        ]
    )
    spread = excess.std(axis=1)
    used = spread > 1e-9  # what never varied must be next to impossible or certain
    assert np.abs(excess.mean(axis=1)[~used]).max(initial=0.0) < 0.5 / runs
    z = excess.mean(axis=1)[used] * math.sqrt(runs) / spread[used]
    assert np.abs(z).max() < 4.0
    assert 0.6 < math.sqrt((z**2).mean()) < 1.4
