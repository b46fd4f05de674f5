"""Work that may wait: its age against a walk piece by piece, and the heads with which nothing is late."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning import PlanningError
from planning.deferred import age_when_done, heads_for

HOUR = {"interval_s": 3600.0}


def walked(work: list[float], able: list[float]) -> list[float]:
    """Ages in days, hour by hour with a list of what waits: two rounds to fill up, one that is watched."""
    line: list[list[float]] = []
    ages = [0.0] * len(work)
    for hour in range(5 * len(work)):
        at = hour % len(work)
        if work[at] > 0:
            line.append([hour, work[at]])
        free = able[at]
        while line and free > 1e-12:
            done = min(free, line[0][1])
            line[0][1] -= done
            free -= done
            if line[0][1] <= 1e-9:
                came = int(line.pop(0)[0])
                if 2 * len(work) <= came < 3 * len(work):
                    ages[came % len(work)] = (hour - came + 1) / 24
    return ages


@given(
    st.lists(st.integers(0, 5), min_size=2, max_size=30).flatmap(
        lambda work: st.tuples(
            st.just(work), st.lists(st.integers(0, 6), min_size=len(work), max_size=len(work))
        )
    )
)
@settings(max_examples=150, deadline=None)
def test_age_is_that_of_a_walk_piece_by_piece(case):
    work, able = case
    if sum(able) < sum(work):
        assert np.isinf(age_when_done(work, able, **HOUR)[np.array(work) > 0]).all()
    else:
        assert age_when_done(work, able, **HOUR) == pytest.approx(walked(work, able))


def test_nothing_to_do_is_never_old():
    assert age_when_done([0.0, 0.0], [0.0, 1.0], **HOUR).tolist() == [0, 0]


def week(work_h: float, *, opens: int = 9, closes: int = 21, calls: int = 0, due_days: float = 3.0, **rest):
    """Seven days in hours; the same work in every open hour, and so many there for calls."""
    clock, day = np.tile(np.arange(24), 7), np.repeat(np.arange(7), 24)
    is_open = (clock >= opens) & (clock < closes)
    return {
        "arriving": np.where(is_open, work_h, 0.0),
        "beside": np.zeros(168),
        "present": np.where(is_open, calls, 0),
        "is_open": is_open,
        "day": day,
        "due_days": due_days,
        "gain": 0.9,
        **HOUR,
    } | rest


@pytest.mark.parametrize("due_days", [1.0, 3.0, 7.0])
@pytest.mark.parametrize("work_h", [0.3, 2.0, 6.5])
def test_nothing_is_late_and_a_day_less_is_too_few(work_h, due_days):
    """In time with the heads found; no day can give up a head."""
    case = week(work_h, due_days=due_days)
    heads = heads_for(**case)
    assert not heads[~case["is_open"]].any()
    assert age_when_done(case["arriving"], 0.9 * heads, **HOUR).max() <= due_days
    for number in np.unique(case["day"]):
        own = case["day"] == number
        if heads[own].any():
            fewer = np.maximum(heads - own * case["is_open"], 0)
            assert age_when_done(case["arriving"], 0.9 * fewer, **HOUR).max() > due_days


def test_a_longer_promise_never_needs_more():
    sums = [heads_for(**week(2.5, due_days=due)).sum() for due in (1.0, 2.0, 4.0, 7.0)]
    assert sums == sorted(sums, reverse=True)


def test_what_gets_done_between_calls_needs_nobody():
    enough = week(2.0)
    assert not heads_for(**enough | {"beside": enough["arriving"]}).any()


def test_heads_come_when_the_fewest_are_there():
    """Five at noon, one in the evening: the evening is filled up first."""
    case = week(1.0)
    clock = np.tile(np.arange(24), 7)
    there = np.where(clock < 15, 5, 1) * case["is_open"]
    heads = heads_for(**case | {"present": there})
    assert heads[(clock >= 15) & case["is_open"]].min() >= 1
    assert not heads[clock < 15].any()


def test_a_promise_that_nobody_can_keep_is_refused():
    """Work that comes all night, due within two hours, is late before the morning."""
    night = week(1.0) | {"arriving": np.ones(168), "due_days": 2 / 24}
    with pytest.raises(PlanningError, match=r"due_days is 0.0833333, too short"):
        heads_for(**night)
