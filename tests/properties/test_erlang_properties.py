"""Laws that hold for every queue: order, least, scale, limits, inverses."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from planning.queueing import (
    Target,
    agents_required,
    calls_handled,
    erlang_b,
    erlang_c,
    measures,
    service_level,
    wait_percentile,
)
from planning.queueing.erlang import BASES

settings.register_profile("erlang", deadline=None, max_examples=150, derandomize=True)
pytestmark = pytest.mark.filterwarnings("error")
law = settings(settings.get_profile("erlang"))


def powers(low, high):
    """Numbers spread over orders of magnitude."""
    return st.floats(math.log10(low), math.log10(high)).map(lambda x: 10.0**x)


loads = powers(1e-3, 1e6)
ahts = powers(10, 3600)
patiences = st.one_of(powers(0.25, 1e8), st.just(math.inf))
finite_patiences = powers(0.25, 1e8)
thresholds = st.one_of(st.just(0.0), powers(0.1, 600))
levels = st.floats(0.05, 0.9999)
spreads = st.floats(-5, 12)
ROUNDING = 1 + 1e-9


def near(load, spread):
    """Agents around the load, in steps of its standard deviation."""
    return max(math.ceil(load + spread * math.sqrt(load)), 0)


@law
@given(load=loads, spread=spreads, aht=ahts, patience=patiences, threshold=thresholds)
def test_one_more_agent_never_harms(load, spread, aht, patience, threshold):
    """Every measure that callers suffer falls, or stays, with each agent."""
    agents = near(load, spread) + np.arange(4)
    result = measures(load, aht, agents, interval_s=aht, patience_s=patience, threshold_s=threshold)
    for field in ("wait_probability", "miss", "asa_s", "abandonment", "occupancy"):
        values = getattr(result, field)
        assert (values[1:] <= values[:-1] * ROUNDING).all(), field
    assert (result.service_level[1:] >= result.service_level[:-1] - 1e-12).all()


@law
@given(load=loads, spread=spreads, aht=ahts, patience=patiences, threshold=thresholds)
def test_more_calls_never_help(load, spread, aht, patience, threshold):
    """Every measure that callers suffer rises, or stays, with the load."""
    calls = load * np.array([1.0, 1.001, 1.1, 2.0])
    result = measures(
        calls, aht, near(load, spread), interval_s=aht, patience_s=patience, threshold_s=threshold
    )
    for field in ("wait_probability", "miss", "asa_s", "abandonment", "occupancy"):
        values = getattr(result, field)
        assert (values[:-1] <= values[1:] * ROUNDING).all(), field


@law
@given(load=loads, spread=spreads, aht=ahts, patience=patiences, threshold=thresholds)
def test_measures_are_consistent(load, spread, aht, patience, threshold):
    """Shares are shares, never NaN; 1 - SL is the miss; work that is answered is what keeps agents busy."""
    agents = near(load, spread)
    result = measures(load, aht, agents, interval_s=aht, patience_s=patience, threshold_s=threshold)
    for field in ("wait_probability", "service_level", "miss", "abandonment", "occupancy"):
        assert 0 <= getattr(result, field) <= 1
    assert result.asa_s >= 0
    assert abs(1 - result.miss - result.service_level) < 1e-14
    assert result.miss <= result.wait_probability * ROUNDING
    if agents > 0 and (math.isfinite(patience) or agents > load):
        carried = load * (1 - result.abandonment) / agents
        assert carried == pytest.approx(result.occupancy, rel=1e-9, abs=4e-16 * max(load / agents, 1))


@law
@given(load=loads, spread=spreads, aht=ahts, patience=patiences, threshold=thresholds)
def test_the_bases_are_ordered(load, spread, aht, patience, threshold):
    """Fewer in the denominator is more of a share; without abandonment all are one."""
    given_ = {"interval_s": aht, "patience_s": patience, "threshold_s": threshold}
    level = {b: service_level(load, aht, near(load, spread), basis=b, **given_) for b in BASES}
    assert all(0 <= value <= 1 for value in level.values())
    slack = 1e-12
    assert level["offered"] <= level["answered"] + slack
    assert level["offered"] <= level["excluding_short_abandons"] + slack
    assert level["excluding_short_abandons"] <= level["answered_or_abandoned"] + slack
    if math.isinf(patience):
        assert max(level.values()) - min(level.values()) < slack


@law
@given(load=loads, aht=ahts, patience=patiences, level=levels, threshold=thresholds)
def test_the_least_is_least(load, aht, patience, level, threshold):
    """n agents meet the service level, n - 1 do not."""
    target = Target(level, threshold)
    given_ = {"interval_s": aht, "patience_s": patience}
    least = agents_required(load, aht, target, **given_)
    assert least >= 1
    at, below = measures(load, aht, [least, least - 1], threshold_s=threshold, **given_).service_level
    assert at >= level
    assert below < level


@law
@given(load=powers(1e-3, 1e5), aht=ahts, patience=patiences, limit=st.floats(0.01, 0.9))
def test_the_least_for_every_other_part_is_least(load, aht, patience, limit):
    """ASA, abandonment and occupancy, each alone."""
    given_ = {"interval_s": aht, "patience_s": patience}
    for part, field, bound in (
        ("max_asa_s", "asa_s", 60 * limit),
        ("max_abandonment", "abandonment", limit),
        ("max_occupancy", "occupancy", limit),
    ):
        least = agents_required(load, aht, Target(None, **{part: bound}), **given_)
        at, below = getattr(measures(load, aht, [least, least - 1], **given_), field)
        assert at <= bound
        assert below > bound or (math.isinf(patience) and least - 1 <= load)


@law
@given(load=powers(1e-2, 1e5), aht=ahts, patience=patiences, level=levels, threshold=thresholds)
def test_calls_handled_is_the_inverse(load, aht, patience, level, threshold):
    """The most calls of n agents need exactly n, a little more n + 1; they are at least the load."""
    target = Target(level, threshold)
    given_ = {"interval_s": aht, "patience_s": patience}
    least = agents_required(load, aht, target, **given_)
    most = calls_handled(least, aht, target, **given_)
    assert most >= load * (1 - 1e-15)
    assert agents_required(most, aht, target, **given_) == least
    assert agents_required(most * (1 + 1e-7), aht, target, **given_) == least + 1


@law
@given(load=loads, spread=spreads, aht=ahts, patience=patiences, threshold=thresholds, unit=powers(1e-3, 1e3))
def test_the_unit_of_time_does_not_matter(load, spread, aht, patience, threshold, unit):
    """Minutes, hours, milliseconds: the shares stay, the waits scale."""
    agents = near(load, spread)
    one = measures(load, aht, agents, interval_s=aht, patience_s=patience, threshold_s=threshold)
    other = measures(
        load, aht * unit, agents,
        interval_s=aht * unit, patience_s=patience * unit, threshold_s=threshold * unit,
    )  # fmt: skip
    # the load's own rounding is amplified by at most |n - a| + sqrt(a), T's by n T / AHT
    relative = 1e-11 + 1e-15 * (abs(agents - load) + math.sqrt(load) + agents * threshold / aht)
    for field in ("wait_probability", "miss", "abandonment", "occupancy"):
        assert getattr(other, field) == pytest.approx(getattr(one, field), rel=relative, abs=1e-290), field
    if math.isinf(patience) and agents > load:
        relative += 1e-15 * load / (agents - load)  # ASA = C AHT / (n - a)
    assert other.asa_s == pytest.approx(one.asa_s * unit, rel=relative, abs=1e-290)


@law
@given(load=powers(1e-2, 1e4), spread=st.floats(0.5, 8), aht=ahts, threshold=thresholds)
def test_endless_patience_is_erlang_c(load, spread, aht, threshold):
    """Erlang A tends to Erlang C as patience grows."""
    agents = near(load, spread) + 1
    given_ = {"interval_s": aht, "threshold_s": threshold}
    patient = measures(load, aht, agents, **given_)
    nearly = measures(load, aht, agents, patience_s=1e16 * aht, **given_)
    left = float(nearly.abandonment)  # what remains of it at a patience of 1e16 handling times
    assert left < 1e-15
    for field in ("wait_probability", "miss", "asa_s", "occupancy"):
        expected = pytest.approx(getattr(patient, field), rel=1e-8, abs=2 * left + 1e-290)
        assert getattr(nearly, field) == expected, field
    assert nearly.wait_probability == pytest.approx(erlang_c(load, agents), rel=1e-8, abs=1e-290)


@law
@given(load=powers(1e-2, 1e4), spread=spreads, aht=ahts)
def test_no_patience_is_erlang_b(load, spread, aht):
    """Erlang A tends to Erlang B as patience vanishes: who would wait is lost."""
    agents, aht = near(load, spread), 1e11 * aht  # so long that a patience of 1e-13 of it is above the least
    assume(agents > 0)
    result = measures(load, aht, agents, interval_s=aht, patience_s=1e-13 * aht / max(load, 1))
    blocked = erlang_b(load, agents)
    assert result.abandonment == pytest.approx(blocked, rel=1e-8, abs=1e-290)
    assert result.wait_probability == pytest.approx(blocked, rel=1e-8, abs=1e-290)


@law
@given(load=powers(1e-3, 1e5), agents=st.floats(0, 1e5))
def test_erlang_b_obeys_its_recursion(load, agents):
    """1 / B(n + 1) = 1 + (n + 1) / a / B(n) for real n."""
    here, there = erlang_b(load, agents), erlang_b(load, agents + 1)
    assume(there > 1e-290)
    relative = 1e-12 + 1e-15 * abs(agents - load)
    assert there == pytest.approx(1 / (1 + (agents + 1) / load / here), rel=relative)


@law
@given(load=loads, spread=spreads, aht=ahts, patience=finite_patiences, share=st.floats(0.01, 0.99))
def test_percentiles_rise_with_the_share_and_fall_with_agents(load, spread, aht, patience, share):
    """And never NaN."""
    agents = near(load, spread) + 1
    given_ = {"interval_s": aht, "patience_s": patience}
    one, more = wait_percentile(load, aht, agents, [share, min(share * 1.01, 1.0)], **given_)
    assert 0 <= one <= more * ROUNDING
    assert wait_percentile(load, aht, agents + 1, share, **given_) <= one * (1 + 1e-7) + 1e-9
