"""What must hold on any evening of sites apart: no caller is lost in the books, every share is one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.queueing.handover import Waiting, busy_leavers, exact_sites, overrun
from planning.queueing.transient import exact_day

AHT_S, LENGTH_S = 60.0, 240.0
DARK = 7  # intervals at the end in which nobody calls and one site answers all


@st.composite
def evenings(draw):
    """Calls, agents and answering sites: some close and may reopen; in the end only the last is open."""
    sites, busy = draw(st.integers(2, 3)), draw(st.integers(2, 4))
    size, last = busy + DARK, sites - 1
    cells = st.lists(st.integers(0, 12), min_size=busy * sites, max_size=busy * sites)
    calls = np.zeros((size, sites))
    calls[:busy] = np.array(draw(cells)).reshape(busy, sites)
    agents = np.full((size, sites), 40)
    agents[:busy] = np.array(draw(cells)).reshape(busy, sites) // 2
    is_open = np.zeros((size, sites), dtype=bool)
    is_open[:, last] = True
    for site in range(last):
        is_open[: draw(st.integers(0, busy)), site] = True
        is_open[draw(st.integers(0, busy)) : busy, site] = True
    # A closed site's callers go to the next one that is open, and so along the chain.
    following = [[next(s for s in range(site, sites) if row[s]) for site in range(sites)] for row in is_open]
    answers = np.array(following)
    return calls, AHT_S, np.where(is_open, agents, 0), answers


def rules(draw_waiting="move", **changes):
    return {
        "interval_s": LENGTH_S,
        "start": "empty",
        "patience_s": 90.0,
        "threshold_s": 30.0,
        "waiting": draw_waiting,
        **changes,
    }


@settings(deadline=None, max_examples=30)
@given(
    evenings(),
    st.sampled_from(Waiting.__args__),
    st.sampled_from([20.0, 300.0, math.inf]),
)
def test_no_caller_gets_lost_in_the_books(evening, waiting, patience_s):
    """All calls are answered (ended, or taken home by a leaver), abandoned, or left waiting at a closing."""
    found = exact_sites(*evening, **rules(waiting, patience_s=patience_s))
    ended = (found["occupancy"] * found["agents"]).sum() * LENGTH_S / AHT_S
    taken_home = found["overrun_s"].sum() / AHT_S
    left = 0.0 if waiting == "move" else found["closing_queue"].sum()
    assert ended + taken_home + found["abandoned"].sum() + left == pytest.approx(evening[0].sum(), abs=1e-6)


@settings(deadline=None, max_examples=30)
@given(evenings(), st.sampled_from(Waiting.__args__), st.sampled_from([0.0, 30.0, 240.0]))
def test_shares_are_shares(evening, waiting, threshold_s):
    found = exact_sites(*evening, **rules(waiting, threshold_s=threshold_s))
    assert not found.isna().to_numpy().any()
    for column in ("service_level", "wait_probability", "occupancy"):
        assert found[column].between(0, 1).all()
    assert (found["service_level"] + found["wait_probability"] >= 1 - 1e-12).all()
    assert (found[["abandoned", "mean_queue", "queue_end", "closing_queue", "overrun_s"]] >= 0).all(axis=None)


@settings(deadline=None, max_examples=30)
@given(evenings())
def test_a_longer_threshold_answers_more_and_changes_no_queue(evening):
    short, long = (exact_sites(*evening, **rules(threshold_s=seconds)) for seconds in (15.0, 120.0))
    assert (long["service_level"] >= short["service_level"] - 1e-12).all()
    # The pieces in which the law is carried differ, its values do not.
    assert long["mean_queue"].to_numpy() == pytest.approx(short["mean_queue"].to_numpy(), abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(evenings())
def test_who_moves_waits_at_the_other_site(evening):
    """With callers who move, the last site's line is as long or longer, and the first's are served better."""
    moved, lost = (exact_sites(*evening, **rules(waiting)) for waiting in ("move", "lost"))
    last = moved["site"] == moved["site"].max()
    assert (moved["mean_queue"][last] >= lost["mean_queue"][last] - 1e-9).all()
    first = moved["site"] == 0  # it gives, and never takes
    assert (moved["service_level"] >= lost["service_level"] - 1e-9)[first].all()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 12), min_size=4, max_size=4), st.integers(1, 6))
def test_one_site_beside_an_idle_one_is_the_exact_day(calls, agents):
    """An idle site that closes gives nothing."""
    both = np.column_stack([np.zeros(4), calls])
    staff, answers = [[3, agents], [3, agents], [0, agents], [0, agents]], [[0, 1]] * 2 + [[1, 1]] * 2
    found = exact_sites(both, AHT_S, staff, answers, **rules())
    day = exact_day(calls, AHT_S, agents, interval_s=LENGTH_S, patience_s=90.0, threshold_s=30.0)
    for name in ("service_level", "wait_probability", "abandonment", "queue_end"):
        ours = found[found["site"] == 1][name].to_numpy()
        assert ours == pytest.approx(day[name].to_numpy(), abs=1e-11)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.floats(0.001, 1.0), min_size=1, max_size=30),
    st.integers(0, 20),
    st.data(),
)
def test_overrun_of_any_law(weights, agents, data):
    """The last call is over before the sum of all; more leavers have more to finish."""
    law = np.array(weights) / sum(weights)
    fewer = data.draw(st.integers(0, agents))
    some, whole = overrun(law, agents, AHT_S, leaving=fewer), overrun(law, agents, AHT_S)
    assert busy_leavers(law, agents, fewer).sum() == pytest.approx(1.0, abs=1e-12)
    assert whole.last_s <= whole.total_s + 1e-9
    assert whole.last_95_s <= whole.total_95_s + 1e-6
    for name in ("busy", "total_s", "total_95_s", "last_s", "last_95_s"):
        assert getattr(some, name) <= getattr(whole, name) + 1e-6
    assert some.waiting == whole.waiting
