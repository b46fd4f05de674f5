"""What finite lines, general patience, redials and random days must do for every input."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from planning.queueing import (
    Empirical,
    Exponential,
    Lognormal,
    Weibull,
    finite_measures,
    general_patience_measures,
    random_rate_measures,
    redial_measures,
)
from planning.queueing.erlang import erlang_b, measures

calls_s = st.floats(0.1, 600.0)
agents_s = st.integers(1, 150)
aht_s = st.floats(20.0, 900.0)
patience_s = st.floats(2.0, 5000.0)
threshold_s = st.floats(0.0, 300.0)
room_s = st.integers(0, 200)
law_s = st.one_of(
    st.builds(Exponential, patience_s),
    st.builds(Lognormal, st.floats(0.0, 7.0), st.floats(0.05, 2.5)),
    st.builds(Weibull, patience_s, st.floats(0.2, 1000.0)),
    st.lists(st.floats(0.01, 0.99), min_size=1, max_size=6, unique=True).map(
        lambda shares: Empirical(np.linspace(10, 400, len(shares)), sorted(shares, reverse=True))
    ),
)
SHARED = ("wait_probability", "service_level", "abandonment", "occupancy", "asa_s")


def close(got, exact, rtol=1e-9, atol=1e-12):
    np.testing.assert_allclose(got, exact, rtol=rtol, atol=atol)


@given(calls_s, aht_s, agents_s, patience_s, threshold_s)
@example(340.8264544969573, 20.0, 5, 5.996881713603942, 20.0)  # a subnormal last term went round for ever
@settings(deadline=None)  # the first example compiles
def test_long_line_is_erlang_a(calls, aht, agents, patience, threshold):
    """A line of 20,000 never fills: the measures are those of the endless one, by the other module."""
    line = finite_measures(calls, aht, agents, 20_000, patience_s=patience, threshold_s=threshold)
    endless = measures(calls, aht, agents, patience_s=patience, threshold_s=threshold)
    for field in SHARED:
        close(getattr(line, field), getattr(endless, field))
    close(line.miss, endless.miss, atol=1e-200)


@given(aht_s, agents_s, st.floats(0.01, 0.98), threshold_s)
def test_long_patient_line_is_erlang_c(aht, agents, occupancy, threshold):
    calls = occupancy * agents * 900.0 / aht
    line = finite_measures(calls, aht, agents, 20_000, threshold_s=threshold)
    endless = measures(calls, aht, agents, threshold_s=threshold)
    for field in SHARED:
        close(getattr(line, field), getattr(endless, field))
    close(line.miss, endless.miss, atol=1e-200)


@given(calls_s, aht_s, agents_s, patience_s, threshold_s)
def test_no_line_is_erlang_b(calls, aht, agents, patience, threshold):
    line = finite_measures(calls, aht, agents, 0, patience_s=patience, threshold_s=threshold)
    close(line.blocked, erlang_b(calls * aht / 900, agents))
    close(line.miss, line.blocked)
    assert line.wait_probability == line.mean_queue == line.asa_s == 0


@given(calls_s, aht_s, agents_s, room_s, st.one_of(patience_s, st.just(np.inf)), threshold_s)
def test_finite_line_conserves_calls(calls, aht, agents, room, patience, threshold):
    """Offered = answered + abandoned + blocked; Little's law over those who wait; the parts are shares."""
    line = finite_measures(calls, aht, agents, room, patience_s=patience, threshold_s=threshold)
    close(line.occupancy * agents / line.load, 1 - line.blocked - line.abandonment, atol=1e-11)
    close(line.miss + line.service_level, 1.0)
    if np.isfinite(patience):
        close(line.mean_queue / patience, calls / 900 * line.abandonment)
    assert 0 <= line.blocked <= 1
    assert line.mean_queue <= room * (1 + 1e-12)


@given(calls_s, aht_s, agents_s, room_s, st.one_of(patience_s, st.just(np.inf)))
def test_longer_line_blocks_less_and_lets_more_wait(calls, aht, agents, room, patience):
    line = finite_measures(calls, aht, agents, [room, room + 1, room + 20], patience_s=patience)
    assert (np.diff(line.blocked) <= 1e-14).all()
    assert (np.diff(line.wait_probability) >= -1e-14).all()
    assert (np.diff(line.occupancy) >= -1e-12).all()


@given(calls_s, aht_s, agents_s, room_s, st.one_of(patience_s, st.just(np.inf)), threshold_s)
def test_more_agents_serve_better(calls, aht, agents, room, patience, threshold):
    line = finite_measures(
        calls, aht, agents + np.arange(4), room, patience_s=patience, threshold_s=threshold
    )
    for field in ("blocked", "miss", "mean_queue"):
        steps = np.diff(getattr(line, field))
        assert (steps <= 1e-12 * np.maximum(1.0, getattr(line, field)[:-1])).all(), field


@given(calls_s, aht_s, agents_s, law_s, threshold_s)
def test_general_patience_conserves_calls(calls, aht, agents, law, threshold):
    """Arrivals = answered + abandoned, where the answered are what busy agents finish (Erlang B below n)."""
    got = general_patience_measures(calls, aht, agents, law, threshold_s=threshold)
    load = calls * aht / 900
    direct = 1.0 - got.wait_probability
    busy = load * direct * (1.0 - erlang_b(load, agents - 1)) + agents * got.wait_probability
    close(load * (1.0 - got.abandonment), busy, rtol=1e-9)
    close(got.miss + got.service_level, 1.0)
    assert got.abandonment <= got.miss * (1 + 1e-12)
    assert got.miss <= got.wait_probability * (1 + 1e-12)


@given(calls_s, aht_s, agents_s, patience_s, threshold_s)
def test_exponential_law_is_erlang_a(calls, aht, agents, patience, threshold):
    got = general_patience_measures(calls, aht, agents, Exponential(patience), threshold_s=threshold)
    exact = measures(calls, aht, agents, patience_s=patience, threshold_s=threshold)
    for field in SHARED:
        close(getattr(got, field), getattr(exact, field))
    close(got.miss, exact.miss, atol=1e-200)


@given(calls_s, aht_s, agents_s, law_s, threshold_s)
def test_more_agents_serve_impatient_callers_better(calls, aht, agents, law, threshold):
    got = general_patience_measures(calls, aht, agents + np.arange(4), law, threshold_s=threshold)
    for field in ("wait_probability", "miss", "abandonment", "mean_queue"):
        steps = np.diff(getattr(got, field))
        assert (steps <= 1e-11 * np.maximum(1.0, getattr(got, field)[:-1])).all(), field


@given(calls_s, aht_s, agents_s, patience_s)
def test_nobody_redials_is_erlang_a(calls, aht, agents, patience):
    got = redial_measures(calls, aht, agents, redial_abandoned=0, patience_s=patience)
    exact = measures(calls, aht, agents, patience_s=patience)
    close(got.attempts, calls)
    for field in SHARED:
        close(getattr(got.per_attempt, field), getattr(exact, field))
    close(got.lost, exact.abandonment)


@settings(max_examples=50)
@given(calls_s, aht_s, agents_s, patience_s, st.floats(0, 0.99), st.floats(0, 0.99), room_s)
def test_redials_always_settle(calls, aht, agents, patience, again, again_blocked, room):
    """Callers = answered + lost; attempts between the callers and callers / (1 - the larger share)."""
    got = redial_measures(
        calls,
        aht,
        agents,
        redial_abandoned=again,
        redial_blocked=again_blocked,
        waiting_room=[room, np.inf],
        patience_s=patience,
    )
    most = calls / (1 - max(again, again_blocked))
    assert (got.attempts >= calls * (1 - 1e-12)).all()
    assert (got.attempts <= most * (1 + 1e-12)).all()
    close(got.per_attempt.occupancy * agents * 900 / aht / calls, got.answered, atol=1e-9)
    assert (got.service_level <= got.answered + 1e-9).all()


@given(calls_s, aht_s, agents_s, patience_s, st.floats(0, 0.9), st.floats(0.001, 0.09))
def test_more_redials_make_more_attempts(calls, aht, agents, patience, again, more):
    few, many = redial_measures(
        calls, aht, agents, redial_abandoned=[again, again + more], patience_s=patience
    ).attempts
    assert many >= few * (1 - 1e-12)


@given(calls_s, aht_s, agents_s, st.one_of(patience_s, st.just(np.inf)))
def test_small_spread_recovers_the_point_value(calls, aht, agents, patience):
    """The difference falls with the square of the cv; at the edge of stability, Erlang C keeps its kink."""
    near = random_rate_measures(calls, aht, agents, cv=[1e-4, 0.0], patience_s=patience)
    exact = measures(calls, aht, agents, patience_s=patience)
    close(near.service_level_day_average[1], exact.service_level, rtol=1e-14)
    if abs(exact.load / agents - 1) > 1e-2 or np.isfinite(patience):
        close(near.service_level_day_average[0], exact.service_level, atol=1e-4)
        close(near.service_level_call_weighted[0], exact.service_level, atol=1e-4)
        close(near.abandonment_call_weighted[0], exact.abandonment, atol=1e-4)


@settings(max_examples=50)
@given(calls_s, aht_s, agents_s, st.one_of(patience_s, st.just(np.inf)), st.floats(0.0, 3.0))
def test_busy_days_make_the_call_weighted_service_worse(calls, aht, agents, patience, cv):
    """Chebyshev's inequality: service falls with the rate, so weighing by calls lowers it."""
    got = random_rate_measures(calls, aht, agents, cv=cv, patience_s=patience)
    assert got.service_level_call_weighted <= got.service_level_day_average + 1e-12
    assert got.abandonment_call_weighted >= got.abandonment_day_average - 1e-12
    assert got.wait_probability_call_weighted >= got.wait_probability_day_average - 1e-12
    assert got.wait_probability_day_average >= got.p_unstable - 1e-12


@settings(max_examples=50)
@given(calls_s, aht_s, agents_s, st.one_of(patience_s, st.just(np.inf)), st.floats(0.01, 2.0))
def test_more_agents_serve_random_days_better(calls, aht, agents, patience, cv):
    got = random_rate_measures(calls, aht, agents + np.arange(3), cv=cv, patience_s=patience)
    for field in ("service_level_day_average", "service_level_call_weighted"):
        assert (np.diff(getattr(got, field)) >= -1e-11).all(), field
