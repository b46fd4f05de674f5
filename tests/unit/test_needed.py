"""The least staff in the exact day: by brute force on small days, and where the stationary formulas fail."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from planning.errors import PlanningError
from planning.queueing import Target, agents_required, exact_agents_required, exact_day, lagged_calls
from planning.queueing.needed import least_from

# --- What a target asks, from the public frame and not from the search's own columns ---


def meets(day, target):
    """Return which intervals meet every part, by the definitions."""
    good = np.ones(len(day), dtype=bool)
    for part, column, sign in (
        ("service_level", "service_level", 1),
        ("max_asa_s", "asa_s", -1),
        ("max_abandonment", "abandonment", -1),
        ("max_occupancy", "occupancy", -1),
    ):
        if part in target.asked():
            good &= sign * day[column].to_numpy() >= sign * target.asked()[part]
    return good | (day.calls.to_numpy() == 0)


def day_meets(day, target):
    """Return whether the whole day meets every part, to rounding."""
    asked, calls = target.asked(), day.calls
    seen = day.answered > 0
    return (
        np.average(day.service_level, weights=calls) >= asked.get("service_level", 0.0) - 1e-12
        and np.average(day.asa_s[seen], weights=day.answered[seen]) <= asked.get("max_asa_s", math.inf) + 1e-9
        and day.abandoned.sum() <= asked.get("max_abandonment", math.inf) * calls.sum() + 1e-12
        and (day.occupancy * day.agents).sum()
        <= asked.get("max_occupancy", math.inf) * day.agents.sum() + 1e-9
    )


def outcome(staff, calls, aht_s, target, **given):
    given = {"start": "stationary", **given}
    return exact_day(calls, aht_s, staff, threshold_s=target.threshold_s, **given)


def cannot_give_up_one(staff, block, calls, aht_s, target, **given):
    """Check that every block that gives up one agent makes some interval fail."""
    for first in range(0, len(staff), block):
        less = staff.copy()
        less[first : first + block] -= 1
        if less.min() >= 0:
            try:
                day = outcome(less, calls, aht_s, target, **given)
            except PlanningError:  # no steady state to start from
                continue
            assert not meets(day, target).all(), f"block at {first} of {staff} can give up one"


STEP_DOWN = np.concatenate([np.full(8, 300.0), np.full(8, 220.0), np.full(8, 120.0), np.full(8, 60.0)])

# --- Calls as the load feels them ---


def test_lagged_calls_shift_the_rate():
    """By hand: a third of each interval's calls is replaced by a third of the one before."""
    assert lagged_calls([90, 180, 60], 300) == pytest.approx([90, 150, 100])


def test_lagged_calls_without_lag_are_the_calls():
    assert lagged_calls([3, 0, 7], 0.0).tolist() == [3, 0, 7]
    tiny = 1e-9 / 900
    assert lagged_calls([3, 0, 7], 1e-9) == pytest.approx([3, 3 * tiny, 7 - 7 * tiny], rel=1e-12, abs=0)


def test_lagged_calls_over_whole_intervals():
    """A lag of two intervals, and one longer than the day: the first rate reigns before the start."""
    assert lagged_calls([1, 2, 3, 4], 1800) == pytest.approx([1, 1, 1, 2])
    assert lagged_calls([1, 2, 3, 4], 1e5) == pytest.approx([1, 1, 1, 1])


def test_lagged_calls_are_conserved_apart_from_the_ends():
    calls = np.array([50, 80, 120, 30, 10.0])
    lagged = lagged_calls(calls, 240, interval_s=600)
    assert lagged.sum() == pytest.approx(calls.sum() + (calls[0] - calls[-1]) * 240 / 600)


def test_lagged_calls_take_the_aht_of_each_interval():
    assert lagged_calls([90, 180, 60], [0, 450, 0]) == pytest.approx([90, 135, 60])


# --- Every interval ---

SMALL = {
    "waits, patient": ([12, 30, 5], {}, Target(0.8, 20)),
    "waits, impatient": ([12, 30, 5], {"patience_s": 90.0}, Target(0.8, 20)),
    "long threshold": ([12, 30, 5], {}, Target(0.9, 400)),
    "asa": ([12, 30, 5], {}, Target(None, max_asa_s=30.0)),
    "abandonment": ([12, 30, 5], {"patience_s": 90.0}, Target(None, max_abandonment=0.04)),
    "occupancy": ([12, 30, 5], {"start": "empty"}, Target(0.7, 20, max_occupancy=0.6)),
    "closes": ([20, 20, 0], {}, Target(0.8, 20, max_asa_s=40.0)),
    "backlog": ([12, 5, 5], {"start": np.eye(30)[25]}, Target(0.8, 20)),
}


@pytest.mark.parametrize(("calls", "given", "target"), SMALL.values(), ids=SMALL)
def test_small_day_against_brute_force(calls, given, target):
    """Of all staffs in the neighbourhood that meet the target none is smaller in every interval."""
    given = {"interval_s": 300.0, **given}
    found = exact_agents_required(calls, 240, target, **given)
    assert meets(outcome(found, calls, 240, target, **given), target).all()
    for less in itertools.product(*(range(max(n - 2, 0), n + 1) for n in found)):
        if less == tuple(found):
            continue
        try:
            day = outcome(np.array(less), calls, 240, target, **given)
        except PlanningError:  # no steady state to start from
            continue
        assert not meets(day, target).all(), f"{less} meets what {found} was found for"


@pytest.mark.parametrize("patience_s", [math.inf, 120.0])
def test_step_down_where_the_formulas_fail(patience_s):
    """Hourly shifts step down: the formulas' staff misses where it falls, the exact staff nowhere."""
    target = Target(0.8, 20)
    formula = agents_required(STEP_DOWN, 240, target, patience_s=patience_s)
    believed = outcome(formula, STEP_DOWN, 240, target, patience_s=patience_s)
    assert meets(believed, target)[:8].all()
    assert not meets(believed, target)[24]
    exact = exact_agents_required(STEP_DOWN, 240, target, patience_s=patience_s)
    assert meets(outcome(exact, STEP_DOWN, 240, target, patience_s=patience_s), target).all()
    cannot_give_up_one(exact, 1, STEP_DOWN, 240, target, patience_s=patience_s)


def test_hourly_shifts_while_the_calls_fall():
    """Staff matched to each hour's mean load fails right after 22:00; least staff by the hour holds."""
    calls = 320.0 - 8.0 * np.arange(32)
    target = Target(0.8, 20)
    hourly = agents_required(calls.reshape(8, 4).mean(axis=1), 240, target).repeat(4)
    misses = outcome(hourly, calls, 240, target).service_level.to_numpy()[4::4]
    assert (misses < 0.8).all()
    assert misses.min() < 0.75
    exact = exact_agents_required(calls, 240, target, block=4)
    assert (exact.reshape(8, 4) == exact[::4, None]).all()
    assert meets(outcome(exact, calls, 240, target), target).all()
    cannot_give_up_one(exact, 4, calls, 240, target)


def test_last_block_may_be_short():
    found = exact_agents_required([30, 40, 50, 60, 20], 240, Target(), block=2)
    assert found[0] == found[1]
    assert found[2] == found[3]
    assert found[4] < found[3]


@pytest.mark.parametrize(("calls", "patience_s"), [(20, math.inf), (150, math.inf), (150, 60.0)])
def test_long_constant_day_is_stationary(calls, patience_s):
    target = Target(0.8, 20)
    day = np.full(24, float(calls))
    found = exact_agents_required(day, 240, target, patience_s=patience_s)
    formula = agents_required(calls, 240, target, patience_s=patience_s)
    assert np.abs(found - formula).max() <= 1
    assert found[0] == formula
    assert meets(outcome(found, day, 240, target, patience_s=patience_s), target).all()


def test_nobody_where_nobody_calls():
    """Closed at both ends; the last open interval still has the agents for its callers."""
    calls = np.array([0, 0, 30, 40, 0, 0.0])
    found = exact_agents_required(calls, 240, Target())
    assert ((found == 0) == (calls == 0)).all()
    assert meets(outcome(found, calls, 240, Target()), Target()).all()
    assert exact_agents_required([0, 0], 240, Target()).tolist() == [0, 0]


def test_a_night_that_strands_callers_costs_agents_before_it():
    """With an ASA asked, who waits at closing waits until the morning: the last hour needs more."""
    target = Target(None, max_asa_s=20.0)
    closes = exact_agents_required([40, 40, 0, 0, 40], 240, target)
    stays = exact_agents_required([40, 40, 40, 40, 40], 240, target)
    assert closes[1] > stays[1]
    assert meets(outcome(closes, [40, 40, 0, 0, 40], 240, target), target).all()


def test_empty_start_needs_fewer():
    given = ([60, 60, 60], 240, Target())
    assert exact_agents_required(*given, start="empty")[0] < exact_agents_required(*given)[0]


def test_values_by_interval_and_a_shape():
    found = exact_agents_required([60, 60], [240, 480], Target(), patience_s=[math.inf, 120.0])
    assert found.shape == (2,)
    assert found.dtype == np.int64
    assert found[1] > found[0]


# --- The whole day ---

DAY = [
    (Target(0.8, 20), math.inf),
    (Target(0.8, 20), 120.0),
    (Target(0.8, 20, max_abandonment=0.03), 120.0),
    (Target(0.7, 20, max_asa_s=25.0), math.inf),
    (Target(0.6, 20, max_occupancy=0.85), math.inf),
]


@pytest.mark.parametrize("block", [1, 4])
@pytest.mark.parametrize(("target", "patience_s"), DAY)
def test_the_day_needs_no_more_than_its_intervals(target, patience_s, block):
    calls = STEP_DOWN[4::2] / 3
    given = {"patience_s": patience_s}
    by_day = exact_agents_required(calls, 240, target, meet="day", block=block, **given)
    by_interval = exact_agents_required(calls, 240, target, block=block, **given)
    assert by_day.sum() < by_interval.sum()
    assert day_meets(outcome(by_day, calls, 240, target, **given), target)
    assert (by_day == np.repeat(by_day[::block], block)[: len(calls)]).all()


def test_the_day_cannot_give_up_one_more():
    """With one agent less anywhere (but the last one where calls come) the day fails."""
    calls, target = STEP_DOWN[4::2] / 3, Target(0.8, 20)
    staff = exact_agents_required(calls, 240, target, meet="day")
    for i in range(len(calls)):
        less = staff - (np.arange(len(calls)) == i)
        assert not day_meets(outcome(less, calls, 240, target), target)


# --- The search itself ---


@pytest.mark.parametrize("floor", [0, 3])
@pytest.mark.parametrize("guess", [0, 1, 6, 7, 8, 9, 40])
@pytest.mark.parametrize("answer", [0, 1, 3, 4, 7, 8, 31])
def test_least_finds_the_edge_from_any_guess(answer, guess, floor):
    asked = []
    assert least_from(lambda n: asked.append(n) or n >= answer, guess, floor) == max(answer, floor)
    assert min(asked) >= floor
    assert len(asked) == len(set(asked))
    if guess == answer > floor:
        assert sorted(asked) == [answer - 1, answer]


# --- What is refused ---

REFUSED = [
    ({"block": 0}, r"block is 0, must be a whole number in \[1, inf\)"),
    ({"block": 1.5}, r"block is 1.5, must be a whole number in"),
    ({"block": True}, "block is True, must be a number"),
    ({"meet": "week"}, "meet is 'week', must be one of 'interval', 'day'"),
    ({"target": Target(1.0)}, "service_level is 1: no number of agents reaches it"),
    ({"target": Target(None, max_asa_s=0.0)}, "max_asa_s is 0: no number of agents"),
    ({"target": Target(max_abandonment=0.0), "patience_s": 60.0}, "max_abandonment is 0: no number"),
    ({"target": Target(max_occupancy=1e-8)}, "agents is [0-9]+ in an interval, more than the 1000000"),
    ({"calls": [-1.0, 2.0]}, r"calls\[0\] is -1.0, must lie in"),
    ({"calls": [[1.0, 2.0]]}, "calls has the shape"),
    ({"aht_s": 0.0}, "aht_s is 0.0, must lie in"),
    ({"aht_s": [240, 240, 240]}, "do not fit together"),
    ({"start": "full"}, "start is 'full', must be one of"),
    ({"start": [0.5]}, "must be one row of probabilities"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_bad_input_is_refused(changes, message):
    given = {"calls": [60.0, 50.0], "aht_s": 240, "target": Target(), **changes}
    with pytest.raises(PlanningError, match=message):
        exact_agents_required(given.pop("calls"), given.pop("aht_s"), given.pop("target"), **given)


@pytest.mark.parametrize(
    ("calls", "aht_s", "message"),
    [
        ([math.nan], 240, "calls"),
        ([1, 2], -1, "aht_s"),
        ([1, 2], [1, 2, 3], "do not fit"),
        ([], 240, "shape"),
    ],
)
def test_lagged_calls_refuse_bad_input(calls, aht_s, message):
    with pytest.raises(PlanningError, match=message):
        lagged_calls(calls, aht_s)
