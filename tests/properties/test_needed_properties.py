"""What must hold of the least staff in the exact day, on any day."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.errors import PlanningError
from planning.queueing import Target, exact_agents_required, exact_day, lagged_calls

INTERVAL_S = 300.0

calls_of_a_day = st.lists(st.sampled_from([0.0, 0.5, 3.0, 10.0, 25.0, 40.0]), min_size=1, max_size=5).filter(
    any
)
targets = st.sampled_from(
    [
        Target(0.8, 20),
        Target(0.5, 0),
        Target(0.9, 450),
        Target(None, max_asa_s=45.0),
        Target(0.7, 30, max_occupancy=0.8),
        Target(0.7, 30, max_asa_s=60.0, max_abandonment=0.1),
    ]
)
patiences = st.sampled_from([math.inf, 300.0, 60.0])
starts = st.sampled_from(["empty", "stationary"])


def meets(calls, staff, target, **situation):
    """Return whether every interval with calls meets the target; not where there is no steady state."""
    try:
        day = exact_day(calls, 240, staff, interval_s=INTERVAL_S, threshold_s=target.threshold_s, **situation)
    except PlanningError:
        return False
    day = day[day.calls > 0]
    asked = target.asked()
    return bool(
        (day.service_level >= asked.get("service_level", 0.0)).all()
        and (day.asa_s <= asked.get("max_asa_s", math.inf)).all()
        and (day.abandonment <= asked.get("max_abandonment", math.inf)).all()
        and (day.occupancy <= asked.get("max_occupancy", math.inf)).all()
    )


@settings(max_examples=40, deadline=None)
@given(calls_of_a_day, targets, patiences, starts, st.integers(1, 3))
def test_every_interval_meets_and_no_block_can_give_up_one(calls, target, patience_s, start, block):
    situation = {"patience_s": patience_s, "start": start}
    staff = exact_agents_required(calls, 240, target, interval_s=INTERVAL_S, block=block, **situation)
    assert meets(calls, staff, target, **situation)
    for first in range(0, len(calls), block):
        less = staff.copy()
        less[first : first + block] -= 1
        assert less.min() < 0 or not meets(calls, less, target, **situation)


@settings(max_examples=25, deadline=None)
@given(calls_of_a_day, patiences, starts, st.integers(1, 3))
def test_the_day_meets_with_no_more_than_the_intervals(calls, patience_s, start, block):
    given = {"interval_s": INTERVAL_S, "patience_s": patience_s, "start": start}
    target = Target(0.8, 20)
    by_interval = exact_agents_required(calls, 240, target, block=block, **given)
    by_day = exact_agents_required(calls, 240, target, block=block, meet="day", **given)
    day = exact_day(calls, 240, by_day, **given)
    assert by_day.sum() <= by_interval.sum()
    assert np.average(day.service_level, weights=calls) >= 0.8 - 1e-12
    assert (by_day[np.array(calls) > 0] > 0).all()


@settings(max_examples=15, deadline=None)
@given(calls_of_a_day, patiences)
def test_time_has_no_unit(calls, patience_s):
    """All times doubled, the staff stays."""
    slow = exact_agents_required(
        calls, 480, Target(0.8, 40), interval_s=2 * INTERVAL_S, patience_s=2 * patience_s
    )
    fast = exact_agents_required(calls, 240, Target(0.8, 20), interval_s=INTERVAL_S, patience_s=patience_s)
    assert (slow == fast).all()


@given(
    st.lists(st.floats(0, 1e4), min_size=1, max_size=8),
    st.floats(0, 5000),
    st.floats(1, 3600),
)
def test_lagged_calls_are_the_integral_of_the_late_rate(calls, aht_s, interval_s):
    """By quadrature on pieces on which the rate is constant."""
    lagged = lagged_calls(calls, aht_s, interval_s=interval_s)
    for i, value in enumerate(lagged):
        ends = (i * interval_s - aht_s, (i + 1) * interval_s - aht_s)
        jumps = [k * interval_s for k in range(1, len(calls))]
        cuts = sorted({*ends, *(jump for jump in jumps if ends[0] < jump < ends[1])})
        total = 0.0
        for low, high in pairwise(cuts):
            k = min(max(math.floor((low + high) / 2 / interval_s), 0), len(calls) - 1)
            total += calls[k] / interval_s * (high - low)
        assert value == pytest.approx(total, rel=1e-9, abs=1e-6)
