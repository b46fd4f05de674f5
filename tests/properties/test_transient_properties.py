"""The exact day against an independent uniformisation on random small days, and what must hold on any day."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom, poisson

from planning.queueing import measures
from planning.queueing.transient import exact_day, exact_states

# --- The oracle: dense matrices, vectors over every state, no truncation bound, no kernel of the package. ---

STATES = 112  # more than any of the small days below can fill
GAUSS_X, GAUSS_W = np.polynomial.legendre.leggauss(16)


@dataclass
class Small:
    """A small day in the units of `exact_day`."""

    calls: list[float]
    aht_s: list[float]
    agents: list[int]
    patience_s: list[float]
    threshold_s: float
    leavers: str
    interval_s: float = 300.0

    def exact(self, **changes):
        given = {**self.__dict__, **changes}
        return exact_day(given.pop("calls"), given.pop("aht_s"), given.pop("agents"), **given)

    def rates(self, i):
        """Calls per second, agents, service and abandonment rates of interval i (the last one for ever)."""
        i = min(i, len(self.calls) - 1)
        return self.calls[i] / self.interval_s, self.agents[i], 1 / self.aht_s[i], 1 / self.patience_s[i]


def move(vector, generator, seconds):
    """Return vector @ exp(generator seconds) by plain uniformisation."""
    rate = -generator.diagonal().min()
    if rate * seconds == 0.0:
        return vector
    jumps = generator / rate + np.eye(len(generator))
    mean = rate * seconds
    weights = poisson.pmf(np.arange(int(mean + 9 * math.sqrt(mean) + 20)), mean)
    total = np.zeros_like(vector)
    for weight in weights:
        total += weight * vector
        vector = vector @ jumps
    return total


def system(day, i):
    """Return the generator of the number in system."""
    lam, n, mu, theta = day.rates(i)
    k = np.arange(STATES)
    down = np.minimum(k, n) * mu + np.maximum(k - n, 0) * theta
    up = np.full(STATES, lam)
    up[-1] = 0.0
    return np.diag(up[:-1], 1) + np.diag(down[1:], -1) - np.diag(up + down)


def tagged(day, i):
    """Return the generator of one waiting caller: lost (0), answered (1), k ahead (k + 2)."""
    _, n, mu, theta = day.rates(i)
    out = np.zeros((STATES, STATES))
    for k in range(STATES - 2):
        out[k + 2, 0] = theta
        out[k + 2, k + 1] = n * mu + k * theta
    return out - np.diag(out.sum(axis=1))


def staff_change(day, i, law):
    """Return the law of the number in system after the change into interval i."""
    before, after = day.agents[i - 1], day.agents[i]
    if after >= before or day.leavers == "preempt":
        return law
    out = np.zeros_like(law)
    for b, mass in enumerate(law):
        gone = np.arange(before - after + 1)
        share = hypergeom(before, min(b, before), before - after).pmf(gone)
        for g, p in zip(gone, share, strict=True):
            if p > 0:
                out[b - g] += p * mass
    return out


def place_change(day, i, values):
    """Return the value of each place in line just before the change into interval i, given it after."""
    if i >= len(day.calls):
        return values
    more = day.agents[i - 1] - day.agents[i]
    if more > 0 and day.leavers == "finish":
        more = 0
    index = np.arange(STATES) + more
    return np.concatenate([values[:2], values[np.clip(index, 1, STATES - 1)][2:]])


def answered_by(day, i, offset, seconds):
    """Return P(answered within `seconds`) by place in line, from `offset` into interval i on."""
    left = day.interval_s - offset if i < len(day.calls) - 1 else math.inf
    if seconds <= left:
        end = np.zeros(STATES)
        end[1] = 1.0
    else:
        end = place_change(day, i + 1, answered_by(day, i + 1, 0.0, seconds - left))
    return move(end, tagged(day, i).T, min(seconds, left))


def laws(day):
    """Return the laws of the number in system at the start and at the end of every interval."""
    law = np.zeros(STATES)
    law[0] = 1.0
    starts, ends = [law], []
    for i in range(len(day.calls)):
        law = move(law, system(day, i), day.interval_s)
        ends.append(law)
        if i + 1 < len(day.calls):
            law = staff_change(day, i + 1, law)
            starts.append(law)
    return starts, ends


def answered_share(day, i, law, seconds):
    """Return P(answered within `seconds`), averaged over the moment of arrival in interval i.

    Gauss-Legendre between cuts wherever the last moment meets a change; the law moves on from node to node.
    """
    cuts = {0.0, day.interval_s / 3, day.interval_s}
    cuts |= {cut for j in range(1, 12) if 0 < (cut := j * day.interval_s - seconds) < day.interval_s}
    edges, n, total, now = sorted(cuts), day.agents[i], 0.0, 0.0
    unhurried = answered_by(day, i, 0.0, seconds) if seconds <= day.interval_s else None
    for low, high in pairwise(edges):
        for x, w in zip(GAUSS_X, GAUSS_W, strict=True):
            moment = low + (high - low) * (x + 1) / 2
            law, now = move(law, system(day, i), moment - now), moment
            hurried = unhurried is None or moment + seconds > day.interval_s
            place = answered_by(day, i, moment, seconds) if hurried else unhurried
            total += w * (high - low) / 2 * (law[:n].sum() + law[n:-2] @ place[2 : STATES - n])
    return total / day.interval_s


@st.composite
def small_days(draw, min_agents=0):
    """Draw days of up to four intervals with all the trouble a day can make."""
    size = draw(st.integers(1, 4))

    def row(elements):
        return draw(st.lists(elements, min_size=size, max_size=size))

    return Small(
        calls=row(st.sampled_from([0.0, 1.0, 4.0, 8.0, 12.0])),
        aht_s=row(st.sampled_from([90.0, 200.0, 200.0, 350.0])),
        agents=row(st.integers(min_agents, 9)),
        patience_s=row(st.sampled_from([math.inf, math.inf, 40.0, 250.0])),
        threshold_s=draw(st.sampled_from([0.0, 7.0, 20.0, 95.0, 310.0, 700.0])),
        leavers=draw(st.sampled_from(["finish", "preempt"])),
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(small_days())
def test_states_and_time_averages_agree_with_dense_uniformisation(day):
    """The law at the end of every interval agrees to 1e-10 in total variation."""
    states = exact_states(
        day.calls,
        day.aht_s,
        day.agents,
        interval_s=day.interval_s,
        patience_s=day.patience_s,
        leavers=day.leavers,
    )
    for i, end in enumerate(laws(day)[1]):
        ours = np.zeros(STATES)
        ours[: min(STATES, states.shape[1])] = states[i, :STATES]
        assert np.abs(ours - end).sum() < 1e-10


@settings(max_examples=60, deadline=None, derandomize=True)
@given(small_days())
def test_service_level_agrees_with_tagged_caller_uniformisation(day):
    """The service level agrees to 1e-10, however many changes the wait crosses."""
    frame = day.exact()
    for i, law in enumerate(laws(day)[0]):
        if day.calls[i] > 0:
            expected = answered_share(day, i, law, day.threshold_s)
            assert frame.service_level[i] == pytest.approx(expected, abs=1e-10)


def test_asa_is_the_integral_of_the_service_level():
    """E[wait; answered] = the integral over w of P(answered, but not within w), for every interval."""
    day = Small([9, 14, 6, 2], [200, 150, 200, 300], [5, 0, 7, 2], [math.inf, 400, 90, 500], 0.0, "finish")
    for leavers in ("finish", "preempt"):
        frame = day.exact(leavers=leavers)
        share = frame.answered.to_numpy() / frame.calls.to_numpy()
        waited = np.zeros(4)
        for low, high in pairwise([0, 30, 100, 300, 400, 600, 900, 1200, 1800, 3000, 5000]):
            for x, w in zip(GAUSS_X, GAUSS_W, strict=True):
                within = day.exact(leavers=leavers, threshold_s=low + (high - low) * (x + 1) / 2)
                waited += w * (high - low) / 2 * (share - within.service_level.to_numpy())
        assert frame.asa_s.to_numpy() * share == pytest.approx(waited, abs=1e-6)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(small_days())
def test_states_are_laws(day):
    """Probabilities: none negative, each row with the sum 1."""
    states = exact_states(
        day.calls,
        day.aht_s,
        day.agents,
        interval_s=day.interval_s,
        patience_s=day.patience_s,
        leavers=day.leavers,
    )
    assert states.min() >= 0.0
    assert np.abs(states.sum(axis=1) - 1.0).max() < 1e-12


@settings(max_examples=40, deadline=None, derandomize=True)
@given(small_days())
def test_every_call_is_answered_or_abandoned(day):
    """Once the doors open wide at the end, nothing is left over: the cohorts and the flows tell the same."""
    frame = Small(
        [*day.calls, 0.0],
        [*day.aht_s, 200.0],
        [*day.agents, 150],
        [*day.patience_s, math.inf],
        day.threshold_s,
        "finish",
    ).exact()
    assert frame.answered.sum() + frame.abandoned.sum() == pytest.approx(frame.calls.sum(), abs=1e-7)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(small_days())
def test_shares_are_shares_and_nothing_is_missing(day):
    frame = day.exact()
    assert not frame.isna().to_numpy().any()
    assert frame[["service_level", "wait_probability", "occupancy"]].stack().between(0.0, 1.0).all()
    assert (frame.drop(columns="agents") >= -1e-12).all(axis=None)
    assert (frame.service_level + frame.wait_probability >= 1.0 - 1e-10).all()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(small_days(), st.integers(1, 3))
def test_more_agents_are_never_worse(day, more):
    """Agents added to every interval lower no service level and lengthen no queue."""
    few, many = day.exact(), day.exact(agents=[n + more for n in day.agents])
    assert (many.service_level >= few.service_level - 1e-10).all()
    assert (many.mean_queue <= few.mean_queue + 1e-9).all()


@settings(max_examples=20, deadline=None, derandomize=True)
@given(small_days())
def test_a_longer_threshold_is_never_worse(day):
    levels = [
        day.exact(threshold_s=t).service_level.to_numpy() for t in (0.0, 15.0, 60.0, 299.0, 301.0, 650.0)
    ]
    assert (np.diff(levels, axis=0) >= -1e-10).all()


@settings(max_examples=20, deadline=None, derandomize=True)
@given(small_days())
def test_who_leaves_does_not_matter_when_nobody_does(day):
    """Where staff never drops, both rules are the same day, to the last digit."""
    agents = sorted(day.agents)
    finish, preempt = (day.exact(agents=agents, leavers=rule) for rule in ("finish", "preempt"))
    assert finish.equals(preempt)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    st.sampled_from([4, 17, 60, 210]),
    st.sampled_from([0.6, 0.85, 0.97, 1.2]),
    st.sampled_from([60.0, 300.0, math.inf]),
    st.sampled_from([0.0, 20.0, 60.0]),
)
def test_steady_state_is_erlang_a_or_c(agents, occupancy, patience, threshold):
    """Started in the steady state, a constant day stays there, and that is the closed form."""
    if occupancy > 1 and patience == math.inf:
        patience = 120.0
    calls = occupancy * agents * 900 / 240
    day = exact_day([calls] * 3, 240, agents, patience_s=patience, threshold_s=threshold, start="stationary")
    closed = measures(calls, 240, agents, patience_s=patience, threshold_s=threshold)
    for column in ("service_level", "wait_probability", "abandonment", "occupancy"):
        assert day[column].to_numpy() == pytest.approx(float(getattr(closed, column)), abs=1e-10)
    assert day.asa_s.to_numpy() == pytest.approx(float(closed.asa_s), rel=1e-8, abs=1e-8)


def test_a_long_constant_day_comes_to_the_steady_state():
    """From empty, the last of many equal intervals is Erlang C's."""
    day = exact_day([90] * 40, 240, 30)
    closed = measures(90, 240, 30)
    assert day.service_level.iloc[-1] == pytest.approx(float(closed.service_level), abs=1e-9)
    assert day.asa_s.iloc[-1] == pytest.approx(float(closed.asa_s), abs=1e-7)
