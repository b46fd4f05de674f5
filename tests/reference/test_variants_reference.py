"""Finite lines, redials, random days and general patience against exact values of independent origin."""

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import spsolve

from planning.queueing import (
    Exponential,
    finite_measures,
    general_patience_measures,
    random_rate_measures,
    redial_measures,
)

HERE = Path(__file__).parent


def load_cases(name, key):
    return json.loads((HERE / name).read_text())[key]


FINITE = load_cases("finite_queue_grid.json", "cases")
RETRIAL = load_cases("retrial_random_rate.json", "retrial")
RANDOM = load_cases("retrial_random_rate.json", "random_rate")
ERLANG_A = load_cases("erlang_a_grid.json", "cases")


def column(cases, key):
    return np.array([np.inf if case[key] is None else float(case[key]) for case in cases])


@pytest.fixture(scope="module")
def lines():
    aht_s = column(FINITE, "aht_s")
    return finite_measures(
        column(FINITE, "load_erlang"),
        aht_s,
        column(FINITE, "agents"),
        column(FINITE, "waiting_room"),
        interval_s=aht_s,
        patience_s=column(FINITE, "mean_patience_s"),
        threshold_s=column(FINITE, "T_s"),
    )


def worst(got, exact, floor=1e-300):
    """Return the largest relative error; values below `floor` (the end of doubles) may be off by `floor`."""
    return np.max(np.abs(got - exact) / np.maximum(np.abs(exact), floor / 1e-12))


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("blocked", "p_block"),
        ("wait_probability", "p_wait_of_offered"),
        ("service_level", "sl_of_offered"),
        ("abandonment", "p_abandon_of_offered"),
        ("asa_s", "asa_served_s"),
        ("occupancy", "occupancy"),
        ("mean_queue", "mean_queue"),
    ],
)
def test_finite_line_meets_all_460_exact_values(lines, field, key):
    """Each of the 460 values to 1e-12 relative, the smallest blocking (1e-290) included."""
    exact = column(FINITE, key)
    assert exact.size == 460
    assert worst(getattr(lines, field), exact) < 1e-12


def test_finite_line_miss_keeps_its_digits(lines):
    """1 - SL, down to 2e-8, from 20 printed digits: these leave an absolute error of 1e-20."""
    exact = np.array([float(1 - Decimal(case["sl_of_offered"])) for case in FINITE])
    np.testing.assert_allclose(lines.miss, exact, rtol=2e-13, atol=1e-20)


@pytest.mark.parametrize(
    ("key", "derive"),
    [
        ("p_served", lambda m: 1.0 - m.blocked - m.abandonment),
        ("p_wait_of_accepted", lambda m: m.wait_probability / (1.0 - m.blocked)),
        ("sl_of_accepted", lambda m: m.service_level / (1.0 - m.blocked)),
        ("sl_of_answered", lambda m: m.service_level * m.load / (m.occupancy * column(FINITE, "agents"))),
    ],
)
def test_finite_line_on_other_bases(lines, key, derive):
    """The same table's values per accepted and per answered call; the differences cost three digits."""
    assert np.max(np.abs(derive(lines) - column(FINITE, key))) < 1e-12


@pytest.mark.parametrize("case", ERLANG_A, ids=lambda case: case["id"])
def test_general_patience_with_exponential_law_is_erlang_a(case):
    """The quadrature against 50-digit Erlang A, at every load, tiny misses included."""
    thresholds = [float(threshold) for threshold in case["T"]]
    got = general_patience_measures(
        case["load_erlang"],
        case["aht_s"],
        case["agents"],
        Exponential(case["mean_patience_s"]),
        interval_s=case["aht_s"],
        threshold_s=thresholds,
    )
    tolerance = 1e-12 if case["load_erlang"] <= 1e4 else 1e-10
    for field, key in {
        "wait_probability": "p_wait",
        "abandonment": "p_abandon",
        "asa_s": "asa_served_s",
        "occupancy": "occupancy",
        "mean_queue": "mean_queue",
    }.items():
        assert worst(getattr(got, field), float(case[key])) < tolerance, field
    exact = np.array([float(values["one_minus_sl"]) for values in case["T"].values()])
    assert worst(got.miss, exact) < tolerance


@pytest.mark.parametrize("case", RANDOM, ids=lambda case: f"{case['mean_load_erlang']:g}")
@pytest.mark.parametrize(
    ("model", "field", "key"),
    [
        ("erlang_a", "service_level_day_average", "sl_day_average"),
        ("erlang_a", "service_level_call_weighted", "sl_call_weighted"),
        ("erlang_a", "abandonment_day_average", "p_abandon_day_average"),
        ("erlang_a", "abandonment_call_weighted", "p_abandon_call_weighted"),
        ("erlang_a", "wait_probability_day_average", "p_wait_day_average"),
        ("erlang_c", "service_level_day_average", "sl_day_average_unstable_counts_0"),
        ("erlang_c", "service_level_call_weighted", "sl_call_weighted"),
        ("erlang_c", "wait_probability_day_average", "p_wait_day_average_unstable_counts_1"),
        ("erlang_c", "p_unstable", "p_unstable"),
    ],
)
def test_random_rate(case, model, field, key):
    """Every printed digit (13) of every mixture."""
    got = random_rate(case, model, cv=case["gamma_shape"] ** -0.5)
    assert float(getattr(got, field)) == pytest.approx(float(case[model][key]), abs=1e-13)


@pytest.mark.parametrize("case", RANDOM, ids=lambda case: f"{case['mean_load_erlang']:g}")
def test_random_rate_without_spread_is_the_point_estimate(case):
    point = random_rate(case, "erlang_a", cv=0.0)
    got = [
        point.service_level_day_average,
        point.abandonment_call_weighted,
        point.wait_probability_day_average,
    ]
    expected = [float(value) for value in case["erlang_a"]["point_estimate_at_mean"]]
    assert got == pytest.approx(expected, abs=1e-12)
    stable = random_rate(case, "erlang_c", cv=0.0)
    assert float(stable.service_level_day_average) == pytest.approx(
        float(case["erlang_c"]["sl_at_mean"]), abs=1e-12
    )


def random_rate(case, model, cv):
    return random_rate_measures(
        case["mean_load_erlang"],
        case["aht_s"],
        case["agents"],
        cv=cv,
        interval_s=case["aht_s"],
        patience_s=case["mean_patience_s"] if model == "erlang_a" else np.inf,
        threshold_s=case["T_s"],
    )


@pytest.fixture
def redials():
    (case,) = RETRIAL
    return redial_measures(
        case["arrival_rate"],
        1.0 / case["service_rate"],
        case["agents"],
        redial_abandoned=case["p_retry_after_abandon"],
        redial_blocked=case["p_retry_after_block"],
        waiting_room=case["waiting_room"],
        interval_s=1.0,
        patience_s=1.0 / case["patience_rate"],
    )


def test_redials_meet_the_erlang_x_fixed_point(redials):
    exact = RETRIAL[0]["erlang_x_fixed_point"]
    queue = redials.per_attempt
    got = [
        redials.attempts,
        queue.blocked,
        queue.abandonment,
        queue.mean_queue,
        queue.wait_probability + queue.blocked,
    ]
    keys = ["total_rate", "p_block", "p_abandon", "mean_queue", "p_wait_or_block"]
    assert got == pytest.approx([exact[key] for key in keys], rel=1e-12)


def test_redials_miss_the_exact_chain_by_what_the_docstring_says(redials):
    """-1.3 % of the attempts, -24 % of the blocking, -0.8 % of the abandonment, +0.8 points answered."""
    case = RETRIAL[0]
    queue = redials.per_attempt
    assert redials.attempts / case["total_attempt_rate"] - 1.0 == pytest.approx(-0.0132, abs=5e-5)
    assert queue.blocked / case["blocked_attempt_fraction"] - 1.0 == pytest.approx(-0.2442, abs=5e-5)
    assert queue.abandonment / case["abandon_attempt_fraction"] - 1.0 == pytest.approx(-0.0084, abs=5e-5)
    answered = case["fraction_of_fresh_callers_eventually_served"]
    assert redials.answered - answered == pytest.approx(0.0077, abs=5e-5)


@pytest.mark.parametrize(
    ("redials_after_aht", "orbit", "blocked", "error"),
    [(1.0, 60, 0.0702, -0.2442), (10.0, 160, 0.0554, -0.0433), (50.0, 450, 0.0535, -0.0093)],
)
def test_redial_error_vanishes_when_callers_take_longer(redials, redials_after_aht, orbit, blocked, error):
    """A second exact chain, solved here: it repeats the stored one and shows the error fall."""
    exact = blocked_in_the_chain(RETRIAL[0], 1.0 / redials_after_aht, orbit)
    assert exact == pytest.approx(blocked, abs=5e-5)
    assert redials.per_attempt.blocked / exact - 1.0 == pytest.approx(error, abs=5e-5)
    if redials_after_aht == 1.0 / RETRIAL[0]["retry_rate"]:
        assert exact == pytest.approx(RETRIAL[0]["blocked_attempt_fraction"], rel=1e-10)


def blocked_in_the_chain(case, redial_rate, orbit):
    """Solve the chain of (calls present, callers who will redial), the latter cut at `orbit`."""
    agents, full = case["agents"], case["agents"] + case["waiting_room"]
    shape = (full + 1, orbit + 1)
    moves = []

    def move(calls, waiting, new_calls, new_waiting, rate):
        if rate > 0:
            states = np.ravel_multi_index([(calls, new_calls), (waiting, min(new_waiting, orbit))], shape)
            moves.append((*states, rate))

    again, again_blocked = case["p_retry_after_abandon"], case["p_retry_after_block"]
    for k, o in np.ndindex(shape):
        new, old = case["arrival_rate"], redial_rate * o
        if k < full:
            move(k, o, k + 1, o, new)
            move(k, o, k + 1, o - 1, old)
        else:
            move(k, o, k, o + 1, new * again_blocked)
            move(k, o, k, o - 1, old * (1 - again_blocked))
        hang_up = case["patience_rate"] * max(k - agents, 0)
        move(k, o, k - 1, o, min(k, agents) * case["service_rate"] + hang_up * (1 - again))
        move(k, o, k - 1, o + 1, hang_up * again)
    start, end, rate = (np.array(part) for part in zip(*moves, strict=True))
    generator = coo_array((rate, (start, end)), shape=(np.prod(shape),) * 2).tocsr()
    generator = generator - diags_array(generator.sum(axis=1))
    balance = generator.T.tolil()
    balance[0, :] = 1.0
    share = spsolve(balance.tocsc(), np.eye(1, np.prod(shape))[0]).reshape(shape)
    attempts = case["arrival_rate"] + redial_rate * np.arange(orbit + 1)
    return share[-1] @ attempts / (share.sum(axis=0) @ attempts)
