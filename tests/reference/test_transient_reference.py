"""The exact day against stored exact values: published examples and multi-precision solutions."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from planning.queueing import transient_kernels as kernels
from planning.queueing.transient import exact_day, exact_states

HERE = Path(__file__).parent
TIME_VARYING = json.loads((HERE / "time_varying.json").read_text())
NIGHT = json.loads((HERE / "night_overflow.json").read_text())
COLUMNS = {
    "wait_probability": "p_wait",
    "abandonment": "p_abandon",
    "occupancy": "occupancy",
    "mean_queue": "mean_queue",
    "queue_end": "mean_queue_end",
}


def column(periods, name):
    return np.array([period[name] for period in periods])


def waiting(law, agents):
    """Return the mean number waiting."""
    return np.maximum(np.arange(len(law)) - agents, 0) @ law


def level_at(law, chain, ahead, offset, threshold):
    """Return the service level of a caller who arrives `offset` seconds into an interval."""
    p, none = np.append(law, np.zeros(150)), np.zeros(0)
    kernels.uniformise(p, none, none, np.zeros_like(p), *chain, offset, none, np.zeros((0, 0)))
    agents, mu, theta, length, shift = ahead
    left = np.array([length - offset, math.inf]) if len(agents) > 1 else np.array([math.inf])
    g = kernels.answered_within(len(p), threshold, agents, mu, theta, left, shift)
    return p.sum() - kernels.answered_late(p[chain[1] :], g)


def simpson(values):
    return (
        (values[0] + values[-1] + 4 * values[1::2].sum() + 2 * values[2:-1:2].sum()) / 3 / (len(values) - 1)
    )


# --- M_t/M/n_t + M with equal rates of service and abandonment: Poisson whatever the staff ---


@pytest.mark.parametrize("target", [0.1, 0.2, 0.3, 0.5, 0.7, 0.9])
def test_feldman_mandelbaum_massey_whitt(target):
    """Feldman et al. (2008), lambda(t) = 100 + 20 sin t, mu = theta = 1, delay-constant staffing.

    Constant rates that lead from each of the stored offered loads to the next give the published law at every
    stored moment, exactly.
    """
    cases = [
        case for case in TIME_VARYING["FMMW_theta_eq_mu"]["cases"] if case["target_delay_prob"] == target
    ]
    t, load, agents = (
        np.array([float(case[k]) for case in cases]) for k in ("t", "offered_load_m", "agents")
    )
    step = t[1] - t[0]
    kept = math.exp(-step)
    rate = (load[1:] - load[:-1] * kept) / (1 - kept)
    start = np.exp(-load[0] + np.cumsum(np.log(np.r_[1.0, load[0] / np.arange(1, 260)])))
    states = exact_states(
        rate * step,
        1.0,
        agents[:-1],
        interval_s=step,
        patience_s=1.0,
        leavers="preempt",
        start=start / start.sum(),
    )
    for law, case in zip(states, cases[1:], strict=True):
        assert law[case["agents"] :].sum() == pytest.approx(float(case["p_delay_exact"]), abs=1e-10)
        assert waiting(law, case["agents"]) == pytest.approx(float(case["mean_queue_exact"]), abs=1e-9)


@pytest.mark.parametrize("case", TIME_VARYING["step_theta_eq_mu"]["cases"], ids=lambda c: f"n{c['agents']}")
def test_steps_of_the_arrival_rate(case):
    """From empty, through two arrival rates, on a grid of a quarter of the time unit."""
    rates = np.concatenate([np.full(round(length * 4), rate) for length, rate in case["segments"]])
    law = exact_states(rates / 4, 1.0, case["agents"], interval_s=0.25, patience_s=1.0)[-1]
    assert np.arange(len(law)) @ law == pytest.approx(float(case["mean_number_end"]), rel=1e-11)
    assert law[case["agents"] :].sum() == pytest.approx(float(case["p_wait_end"]), abs=1e-11)


# --- L'Ecuyer's profile: 22 half-hours, calls cut off where staff drops ---


@pytest.fixture(scope="module", params=["small", "large"])
def lecuyer(request):
    """Return the stored periods and our day."""
    stored = TIME_VARYING["lecuyer_profile"][request.param]
    periods = stored["periods"]
    given = (column(periods, "arrival_rate") * 1800, 650, column(periods, "agents"))
    rules = {"interval_s": 1800, "patience_s": 300, "leavers": "preempt"}
    return stored, exact_day(*given, **rules), exact_states(*given, **rules)


@pytest.mark.parametrize("name", list(COLUMNS))
def test_lecuyer_profile(lecuyer, name):
    """Every half-hour's time average and last moment."""
    stored, day, _ = lecuyer
    assert day[name].to_numpy() == pytest.approx(column(stored["periods"], COLUMNS[name]), abs=2e-11)


def test_lecuyer_day(lecuyer):
    """The whole day, weighed by calls."""
    stored, day, _ = lecuyer
    total = stored["day"]
    assert day.calls.sum() == pytest.approx(total["expected_calls"])
    assert day.abandoned.sum() / day.calls.sum() == pytest.approx(total["p_abandon_day"], abs=1e-11)
    waits = (day.wait_probability * day.calls).sum() / day.calls.sum()
    assert waits == pytest.approx(total["p_wait_call_weighted"], abs=1e-11)


def test_lecuyer_service_level_of_each_moment(lecuyer):
    """The stored service level of a period is Simpson's rule over 31 moments of arrival.

    The rule does not resolve the last 20 seconds before a change, so it is off the integral by up to 8e-4;
    the moments themselves agree, also those whose wait crosses the change.
    """
    stored, day, states = lecuyer
    periods = stored["periods"]
    for i, period in enumerate(periods):
        agents = np.array([p["agents"] for p in periods[i : i + 2]], dtype=np.int64)
        more = -np.diff(agents, prepend=agents[0])
        mu, theta = np.full(len(agents), 1 / 650), np.full(len(agents), 1 / 300)
        law = states[i - 1] if i else np.ones(1)
        chain = (period["arrival_rate"], int(agents[0]), 1 / 650, 1 / 300)
        moments = [
            level_at(law, chain, (agents, mu, theta, 1800.0, more), offset, 20.0)
            for offset in np.linspace(0, 1800, 31)
        ]
        assert moments[0] == pytest.approx(period["sl_start"], abs=1e-11)
        assert moments[-1] == pytest.approx(period["sl_end"], abs=1e-11)
        assert simpson(np.array(moments)) == pytest.approx(period["sl_offered"], abs=1e-11)
    assert day.service_level.to_numpy() == pytest.approx(column(periods, "sl_offered"), abs=1e-3)


# --- A drop of staff ---


@pytest.mark.parametrize(
    "case", TIME_VARYING["staff_drop"]["cases"], ids=lambda c: str(c["inputs"]["agents_before"])
)
def test_preemptive_staff_drop(case):
    """From the steady state of the staff before, cut off to the staff after."""
    given, stored = case["inputs"], case["preemptive"]
    step = stored[0]["t_end"]
    count = len(stored)
    rules = {
        "interval_s": step,
        "patience_s": 1 / given["theta"],
        "leavers": "preempt",
        "start": "stationary",
    }
    agents = [given["agents_before"]] + [given["agents_after"]] * count
    calls = given["arrival_rate"] * step
    day = exact_day(calls, 1 / given["mu"], agents, **rules).iloc[1:]
    states = exact_states(calls, 1 / given["mu"], agents, **rules)[1:]
    assert day.queue_end.to_numpy() == pytest.approx(column(stored, "mean_queue_end"), abs=1e-10)
    assert day.mean_queue.to_numpy() == pytest.approx(column(stored, "mean_queue_avg"), abs=1e-10)
    assert day.abandonment.to_numpy() == pytest.approx(column(stored, "p_abandon"), abs=1e-10)
    p_wait = states[:, given["agents_after"] :].sum(axis=1)
    assert p_wait == pytest.approx(column(stored, "p_wait_end"), abs=1e-10)


# --- 22:00: the other site takes over, with its own state and the callers who wait ---


@pytest.fixture(scope="module", params=range(len(NIGHT["scenarios"])))
def night(request):
    """Return a stored scenario, Moscow's law just before 22:00, and the law that the night starts from."""
    scenario = NIGHT["scenarios"][request.param]
    given = scenario["inputs"]
    moscow, kaluga = (
        exact_states(
            given[rate] * 900,
            given["aht_s"],
            given[agents],
            patience_s=given["patience_s"],
            start="stationary",
        )[0]
        for rate, agents in (
            ("moscow_rate_per_s", "moscow_agents"),
            ("kaluga_rate_before_per_s", "kaluga_agents_before"),
        )
    )
    n = given["moscow_agents"]
    handed = np.append(moscow[: n + 1].sum(), moscow[n + 1 :])
    start = np.convolve(kaluga, handed) if given["mode"] == "transfer" else kaluga
    return scenario, moscow, start


def test_sites_at_ten(night):
    """What waits, works and is handed over at 22:00."""
    scenario, moscow, start = night
    given, stored = scenario["inputs"], scenario["at_2200"]
    n, night_agents = given["moscow_agents"], given["kaluga_agents_night"]
    assert waiting(moscow, n) == pytest.approx(stored["moscow_mean_queue"], abs=1e-10)
    assert np.minimum(np.arange(len(moscow)), n) @ moscow == pytest.approx(
        stored["moscow_mean_busy"], abs=1e-10
    )
    assert waiting(start, night_agents) == pytest.approx(
        stored["kaluga_mean_queue_after_transfer"], abs=1e-10
    )
    assert start[night_agents:].sum() == pytest.approx(stored["p_wait_for_first_call_at_2200"], abs=1e-10)


def test_night(night):
    """Every quarter of an hour of the night."""
    scenario, _, start = night
    given, periods = scenario["inputs"], scenario["periods"]
    calls, agents = column(periods, "arrival_rate") * 900, column(periods, "agents")
    day = exact_day(calls, given["aht_s"], agents, patience_s=given["patience_s"], start=start)
    for name, stored in COLUMNS.items():
        assert day[name].to_numpy() == pytest.approx(column(periods, stored), abs=1e-10)
    weight = day.calls / day.calls.sum()
    assert (weight * day.abandonment).sum() == pytest.approx(scenario["total"]["p_abandon"], abs=1e-10)
    assert (weight * day.wait_probability).sum() == pytest.approx(scenario["total"]["p_wait"], abs=1e-10)


def test_night_service_level(night):
    """As above, the stored service level is Simpson's rule over 31 moments; the integral is within 5e-7."""
    scenario, _, start = night
    given, periods = scenario["inputs"], scenario["periods"]
    n, mu, theta = given["kaluga_agents_night"], 1 / given["aht_s"], 1 / given["patience_s"]
    calls, rules = column(periods, "arrival_rate") * 900, {"patience_s": given["patience_s"], "start": start}
    day = exact_day(calls, given["aht_s"], n, threshold_s=given["T_s"], **rules)
    states = [start, *exact_states(calls, given["aht_s"], n, **rules)]
    stretch = (np.array([n]), np.array([mu]), np.array([theta]), math.inf, np.zeros(1, dtype=np.int64))
    for i, period in enumerate(periods):
        chain = (period["arrival_rate"], n, mu, theta)
        moments = [level_at(states[i], chain, stretch, t, given["T_s"]) for t in np.linspace(0, 900, 31)]
        assert simpson(np.array(moments)) == pytest.approx(period["sl_offered"], abs=1e-10)
        assert day.service_level[i] == pytest.approx(period["sl_offered"], abs=5e-7)


def test_overrun_at_ten(night):
    """Moscow closes: its busy agents finish their calls."""
    scenario, _, _ = night
    given = scenario["inputs"]
    day = exact_day(
        [given["moscow_rate_per_s"] * 900, 0],
        given["aht_s"],
        [given["moscow_agents"], 0],
        patience_s=given["patience_s"],
        start="stationary",
    )
    assert day.overrun_s[1] == pytest.approx(
        scenario["at_2200"]["expected_remaining_work_moscow_s"], rel=1e-11
    )
