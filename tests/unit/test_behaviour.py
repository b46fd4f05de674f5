"""What calls hide: estimators against laws that the calls were drawn from."""

import numpy as np
import pandas as pd
import pytest

from planning import Centre, PlanningError, read_calls, read_demand
from planning.demand.behaviour import (
    agents,
    callers,
    centre_parameters,
    day_cv,
    patience,
    service_law,
)
from planning.demand.synthetic import Synthetic

NOON = pd.Timestamp("2026-11-17 12:00", tz="Europe/Moscow")


@pytest.fixture(scope="module")
def centre():
    return Centre.load("data/centre.toml")


@pytest.fixture(scope="module")
def calls(centre):
    return read_calls("data/calls.parquet", centre=centre).calls()


@pytest.fixture(scope="module")
def settings():
    return Synthetic.load("data/synthetic.toml")


def waits_of(count, seed=1, answer_mean_s=120.0):
    """Lognormal patience as measured, cut off by answers."""
    rng = np.random.default_rng(seed)
    ready, answered = rng.lognormal(5.861, 1.889, count), rng.exponential(answer_mean_s, count)
    outcome = np.where(ready < answered, "abandoned", "answered")
    return pd.DataFrame({"wait_s": np.minimum(ready, answered), "outcome": outcome}), ready


def test_patience_is_found_behind_the_answers():
    """The law within its standard error, the curve against the share of true patience."""
    waits, ready = waits_of(40_000)
    found = patience(waits)
    assert (found.log_mean, found.log_sd) == (pytest.approx(5.861, abs=0.06), pytest.approx(1.889, abs=0.05))
    at = found.curve.iloc[[np.searchsorted(found.curve["time_s"], t) for t in (10, 60, 200)]]
    true = [(ready > t).mean() for t in at["time_s"]]
    np.testing.assert_allclose(at["staying"], true, atol=0.015)
    np.testing.assert_allclose(at["fitted"], true, atol=0.015)
    assert ((at["low"] <= true) & (true <= at["high"])).all()


def test_kaplan_meier_by_hand():
    """Six callers, two answered: 5/6, then 3/4 of it, then half, then none."""
    waits = pd.DataFrame(
        {"wait_s": [1.0, 2, 3, 4, 5, 6], "outcome": ["abandoned", "answered"] * 2 + ["abandoned"] * 2}
    )
    curve = patience(waits).curve
    assert curve["time_s"].tolist() == [1, 3, 5, 6]
    np.testing.assert_allclose(curve["staying"], [5 / 6, 5 / 8, 5 / 16, 0])


def test_exponential_patience_is_its_mean():
    rng = np.random.default_rng(2)
    ready, answered = rng.exponential(300, 50_000), rng.exponential(60, 50_000)
    outcome = np.where(ready < answered, "abandoned", "answered")
    found = patience(pd.DataFrame({"wait_s": np.minimum(ready, answered), "outcome": outcome}))
    assert found.mean_s == pytest.approx(300, rel=0.03)


def test_nobody_who_hung_up_says_nothing():
    with pytest.raises(PlanningError, match="nobody in these calls hung up"):
        patience(pd.DataFrame({"wait_s": [1.0], "outcome": ["answered"]}))


def test_attempts_are_fewer_callers():
    """A hangs up and calls again twice; B is answered and calls again; C calls again too late."""
    rows = [
        ("A", 0, "abandoned"), ("A", 5, "lost"), ("A", 10, "answered"), ("B", 0, "answered"),
        ("B", 1, "answered"),
        ("C", 0, "abandoned"), ("C", 90, "abandoned"),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["caller_id", "minute", "outcome"]).assign(queue="a")
    frame["arrival"] = NOON + pd.to_timedelta(frame["minute"], unit="min")
    assert callers(frame).loc["a"].tolist() == [7, 5, 2, 0.5, 300.0]


def test_agents_who_hang_up_stand_out(calls, settings):
    """5 % of calls are short, the tenth of the agents who make most of them come first."""
    table = agents(calls[calls["queue"] == "first_line"])
    worst = table.head(len(table) // 20)
    assert (worst["short_share"] > 2 * settings.records.short_share).mean() > 0.9
    assert worst["excess"].min() > 3
    assert (table["short"].sum() / table["calls"].sum()) == pytest.approx(
        settings.records.short_share, abs=0.006
    )


def test_short_calls_are_judged_by_the_queue_of_each_call():
    """In one queue 30 % of calls are short, in the other 1 %; one call there makes nobody conspicuous."""
    short = np.tile([5.0] * 30 + [100.0] * 70, 2)
    own = [pd.DataFrame({"queue": "b", "agent_id": name, "handle_s": short}) for name in "xyz"]
    other = pd.DataFrame({"queue": "a", "agent_id": ["x"] + ["w"] * 99, "handle_s": [100.0] * 99 + [5]})
    table = agents(pd.concat([other, *own]))
    assert table["excess"].abs().max() < 0.1


def test_the_service_law_is_found():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"queue": "a", "handle_s": rng.lognormal(4.80, 0.92, 50_000)})
    law = service_law(frame, above_s=0.0).loc["a"]
    assert (law["log_mean"], law["log_sd"]) == (pytest.approx(4.80, abs=0.01), pytest.approx(0.92, abs=0.01))
    assert law["median_s"] == pytest.approx(np.exp(4.80), rel=0.01)
    assert law["distance"] < 0.01
    assert law["cv"] == pytest.approx(np.sqrt(np.exp(0.92**2) - 1), rel=0.05)


def test_the_level_of_days_is_found(settings):
    """CV .075 around the weekday, as drawn, Poisson scatter taken off; planned work has none."""
    from planning.demand import synthetic_demand

    demand = synthetic_demand(settings, start="2026-01-12", days=350, seed=4, interval_s=3600)
    found = day_cv(demand)
    ordinary = settings.shape.day_cv
    assert found["quality"] < 0.04
    assert found["first_line"] > ordinary  # holidays and first days of the month are in it
    assert found["first_line"] < 1.8 * ordinary


def test_findings_are_settings_of_the_centre(centre, calls):
    demand = read_demand("data/demand.parquet", centre.time_zone)
    found = centre_parameters(calls, demand, min_abandoned=20)
    changed = centre.replace(found)
    assert changed.queues["first_line"].service_cv == pytest.approx(1.27, rel=0.1)
    assert 0.05 < changed.queues["first_line"].day_cv < 0.2
    assert "queues.quality.patience_s" not in found
    talked = calls[(calls["queue"] == "first_line") & (calls["handle_s"] >= 10)]["handle_s"]
    assert changed.queues["first_line"].aht_s == pytest.approx(talked.mean(), abs=0.06)
    assert talked.mean() > 1.03 * calls[calls["queue"] == "first_line"]["handle_s"].mean()
    assert "queues.first_line.redial" not in found  # these records do not say who called


def test_redials_are_settings_too(centre):
    """A caller in three hangs up; of those, half call again after 100 s on average: plan for the callers."""
    rng = np.random.default_rng(4)
    first = pd.DataFrame({"caller_id": np.arange(6000), "second": rng.uniform(0, 30_000, 6000)})
    first["outcome"] = np.where(np.arange(6000) % 3 == 0, "abandoned", "answered")
    again = first[first["outcome"] == "abandoned"].iloc[::2]
    again = again.assign(second=again["second"] + rng.exponential(100.0, len(again)), outcome="answered")
    rows = pd.concat([first, again], ignore_index=True).assign(queue="first_line", wait_s=30.0)
    rows["handle_s"] = np.where(rows["outcome"] == "answered", 180.0, np.nan)
    rows["arrival"] = NOON.normalize() + pd.to_timedelta(rows["second"], unit="s")
    demand = read_demand("data/demand.parquet", centre.time_zone)
    queue = centre.replace(centre_parameters(rows, demand)).queues["first_line"]
    assert queue.redial == pytest.approx(0.5)
    assert queue.redial_pause_s == pytest.approx(100.0, rel=0.1)
    assert queue.volume == pytest.approx(6000 / 7000, abs=1e-4)


def test_a_missing_column_is_named(calls):
    with pytest.raises(PlanningError, match="calls have no column 'caller_id'"):
        callers(calls)
