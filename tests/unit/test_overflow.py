"""A site that closes: no call is lost on the way, nobody answers behind closed doors, one queue is less."""

import numpy as np
import pandas as pd
import pytest
from factories import demand_of, one_site, raw_centre, two_sites

from planning import Centre
from planning.overflow import night_overflow

CHAIN = {"south": ("08:00", "20:00"), "omsk": ("06:00", "22:00"), "north": ("00:00", "24:00")}


def chain(changes=None):
    """South's callers go to Omsk when South closes, and on to North when Omsk does."""
    raw = raw_centre(CHAIN)
    raw["overflow"] = [
        {"from_site": "south", "to_site": "omsk"},
        {"from_site": "omsk", "to_site": "north"},
    ]
    return Centre.of(raw).replace(changes or {})


def varied(queue="calls"):
    return demand_of(queue=queue).assign(calls=np.random.default_rng(3).uniform(5, 60, 96))


def agents(plan, column):
    return plan.needed.groupby(["queue", "interval_start"])[column].sum()


@pytest.mark.parametrize("centre", [two_sites(), chain()], ids=["two sites", "three sites"])
def test_every_call_is_answered_once(centre):
    demand = varied()
    found = night_overflow(centre, demand).calls
    by_interval = found.groupby("interval_start")["calls"].sum().to_numpy()
    assert by_interval == pytest.approx(demand["calls"].to_numpy(), rel=1e-12)
    by_home = found.groupby("home")["calls"].sum()
    assert by_home.to_numpy() == pytest.approx(demand["calls"].sum() / len(centre.sites))


def test_calls_are_conserved_by_queue():
    centre = two_sites(queues=("calls", "chat"))
    demand = pd.concat([varied(), varied("chat").assign(calls=7.0)])
    found = night_overflow(centre, demand).calls.groupby("queue")["calls"].sum()
    assert found["calls"] == pytest.approx(varied()["calls"].sum())
    assert found["chat"] == pytest.approx(7.0 * 96)


def test_settings_of_the_volume_are_applied_once():
    found = night_overflow(two_sites({"queues.calls.volume": 2.0}), varied())
    twice = night_overflow(two_sites(), varied().assign(calls=lambda rows: 2 * rows["calls"]))
    pd.testing.assert_frame_equal(found.calls, twice.calls)
    pd.testing.assert_frame_equal(found.needed, twice.needed)


@pytest.mark.parametrize("centre", [two_sites(), chain()], ids=["two sites", "three sites"])
def test_closed_site_never_answers(centre):
    plan = night_overflow(centre, varied())
    for table in (plan.calls, plan.needed):
        clock = table["interval_start"] - table["interval_start"].dt.normalize()
        for site, settings in centre.sites.items():
            at = clock[table["site"] == site]
            assert at.min() == settings.opens
            assert at.max() == settings.closes - pd.Timedelta("15min")


def test_chain_of_three_sites():
    """By day at home; from 20:00 South's in Omsk; from 22:00 all in North."""
    found = night_overflow(chain(), demand_of(30.0)).calls
    at = found.set_index([found["interval_start"].dt.hour, "home"])["site"]
    sites = {hour: [set(at.loc[hour, home]) for home in CHAIN] for hour in (12, 20, 22, 6, 3)}
    assert sites == {
        12: [{"south"}, {"omsk"}, {"north"}],
        20: [{"omsk"}, {"omsk"}, {"north"}],
        22: [{"north"}, {"north"}, {"north"}],
        6: [{"omsk"}, {"omsk"}, {"north"}],
        3: [{"north"}, {"north"}, {"north"}],
    }


def test_moved_are_those_away_from_home():
    """Half of the calls of ten closed hours."""
    moved = night_overflow(two_sites(), demand_of(30.0)).moved
    assert set(moved["home"]) == {"south"}
    assert set(moved["site"]) == {"north"}
    assert moved["calls"].sum() == pytest.approx(15.0 * 40)


@pytest.mark.parametrize("centre", [two_sites(), chain()], ids=["two sites", "three sites"])
def test_one_queue_needs_no_more_than_queues_apart(centre):
    plan = night_overflow(centre, varied())
    assert (agents(plan, "pooled") <= agents(plan, "apart")).all()
    assert agents(plan, "pooled").sum() < 0.95 * agents(plan, "apart").sum()


def test_site_that_never_closes_overflows_nothing():
    plan = night_overflow(two_sites({"sites.south.opens": "00:00", "sites.south.closes": "24:00"}), varied())
    assert plan.moved.empty
    alone = night_overflow(one_site(), varied())
    assert alone.moved.empty
    assert (alone.needed["apart"] == alone.needed["pooled"]).all()


def test_site_without_callers_asks_for_nobody():
    """A share of nought is no queue of its own, and no agent waits for it."""
    shares = {"queues.calls.sites": {"south": 0.0, "north": 1.0}}
    plan = night_overflow(two_sites(shares), varied())
    assert plan.moved.empty
    assert (plan.needed["apart"] == plan.needed["pooled"]).all()
