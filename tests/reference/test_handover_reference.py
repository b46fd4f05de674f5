"""Moscow closes at 22:00, Kaluga takes over: the hand-over against stored values in multi-precision."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from planning.queueing.handover import exact_sites, overrun, states_at_closings

HERE = Path(__file__).parent
NIGHT = json.loads((HERE / "night_overflow.json").read_text())
MOSCOW, KALUGA = 0, 1
COLUMNS = {
    "calls": "arrival_rate",
    "agents": "agents",
    "wait_probability": "p_wait",
    "abandonment": "p_abandon",
    "occupancy": "occupancy",
    "mean_queue": "mean_queue",
    "queue_end": "mean_queue_end",
}


@pytest.fixture(scope="module", params=range(len(NIGHT["scenarios"])))
def night(request):
    """Return a stored scenario, what it gives to the model, and its rules.

    The first interval is the quarter of an hour before 22:00; afterwards half of the callers are Moscow's.
    """
    scenario = NIGHT["scenarios"][request.param]
    given = scenario["inputs"]
    rates = np.array(given["night_total_rate_per_s_by_15min"])
    before = [given["moscow_rate_per_s"], given["kaluga_rate_before_per_s"]]
    calls = np.vstack([before, np.column_stack([rates, rates]) / 2]) * 900
    agents = np.zeros(calls.shape, dtype=int)
    agents[:, KALUGA] = given["kaluga_agents_night"]
    agents[0] = given["moscow_agents"], given["kaluga_agents_before"]
    answers = np.full(calls.shape, KALUGA)
    answers[0] = MOSCOW, KALUGA
    waiting = {"transfer": "move", "drop": "lost"}[given["mode"]]
    return scenario, (calls, given["aht_s"], agents, answers), {"waiting": waiting}


@pytest.fixture(scope="module")
def laws(night):
    """Return the laws of both sites at the last moment before 22:00 and at the first after."""
    scenario, given, rules = night
    return states_at_closings(*given, patience_s=scenario["inputs"]["patience_s"], **rules)[1]


@pytest.fixture(scope="module")
def found(night):
    """Return the exact measures by interval and site."""
    scenario, given, rules = night
    inputs = scenario["inputs"]
    return exact_sites(*given, patience_s=inputs["patience_s"], threshold_s=inputs["T_s"], **rules)


def test_what_moscow_leaves(night, laws, found):
    """Waiting, in service, work left and the last call, at 22:00."""
    scenario, _, _ = night
    given, stored = scenario["inputs"], scenario["at_2200"]
    evening = overrun(laws[0][MOSCOW], given["moscow_agents"], given["aht_s"])
    closed = found[(found["site"] == MOSCOW) & (found["interval"] == 1)].iloc[0]
    assert evening.waiting == pytest.approx(stored["moscow_mean_queue"], abs=1e-10)
    assert closed["closing_queue"] == pytest.approx(stored["moscow_mean_queue"], abs=1e-10)
    assert evening.someone_waits == pytest.approx(stored["moscow_p_queue_nonempty"], abs=1e-10)
    assert evening.busy == pytest.approx(stored["moscow_mean_busy"], abs=1e-10)
    assert evening.total_s == pytest.approx(stored["expected_remaining_work_moscow_s"], rel=1e-11)
    assert closed["overrun_s"] == pytest.approx(stored["expected_remaining_work_moscow_s"], rel=1e-11)
    assert evening.last_s == pytest.approx(stored["expected_time_to_last_moscow_call_s"], rel=1e-11)


def test_what_kaluga_starts_the_night_with(night, laws):
    """Its own state, its own change of staff, and the callers who join."""
    scenario, _, _ = night
    given, stored = scenario["inputs"], scenario["at_2200"]
    before, after = laws[0][KALUGA], laws[1][KALUGA]
    n, count = given["kaluga_agents_night"], np.arange(len(after))
    assert np.arange(len(before)) @ before == pytest.approx(stored["kaluga_mean_number_before"], abs=1e-10)
    assert np.maximum(count - n, 0) @ after == pytest.approx(
        stored["kaluga_mean_queue_after_transfer"], abs=1e-10
    )
    assert after[n:].sum() == pytest.approx(stored["p_wait_for_first_call_at_2200"], abs=1e-10)
    assert laws[1][MOSCOW].tolist() == [1.0]


def test_every_quarter_of_an_hour_of_the_night(night, found):
    """As stored, which is exact except for the service level.

    That one is Simpson's rule over 31 moments of arrival, which is within 5e-7 of the integral.
    """
    scenario, _, _ = night
    kaluga = found[found["site"] == KALUGA].iloc[1:]
    for name, column in COLUMNS.items():
        stored = np.array([period[column] for period in scenario["periods"]])
        stored = stored * 900 if name == "calls" else stored
        assert kaluga[name].to_numpy() == pytest.approx(stored, abs=1e-10)
    level = [period["sl_offered"] for period in scenario["periods"]]
    assert kaluga["service_level"].to_numpy() == pytest.approx(level, abs=5e-7)


@pytest.mark.parametrize(
    ("name", "column", "within"),
    [
        ("service_level", "sl", 5e-7),
        ("abandonment", "p_abandon", 1e-10),
        ("wait_probability", "p_wait", 1e-10),
    ],
)
def test_the_whole_night(night, found, name, column, within):
    """Weighed by calls."""
    kaluga = found[found["site"] == KALUGA].iloc[1:]
    mean = np.average(kaluga[name], weights=kaluga["calls"])
    assert mean == pytest.approx(night[0]["total"][column], abs=within)


def test_night_without_moscow_by_night(night, found):
    """Moscow has no agents at night, and nobody there is answered."""
    moscow = found[found["site"] == MOSCOW].iloc[1:]
    assert not moscow[["calls", "agents", "occupancy", "queue_end", "mean_queue"]].to_numpy().any()
