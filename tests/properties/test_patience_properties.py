"""What general patience must do for every input."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from planning.queueing import (
    Empirical,
    Exponential,
    Lognormal,
    Weibull,
    general_patience_measures,
)
from planning.queueing.erlang import erlang_b, measures

calls_s = st.floats(0.1, 600.0)
agents_s = st.integers(1, 150)
aht_s = st.floats(20.0, 900.0)
patience_s = st.floats(2.0, 5000.0)
threshold_s = st.floats(0.0, 300.0)
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
