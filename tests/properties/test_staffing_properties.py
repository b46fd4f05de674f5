"""Staffing for any demand and any shares."""

import numpy as np
from factories import demand_of, one_site, two_sites
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from planning.queueing import measures
from planning.staffing import requirement, rostered_heads, split_heads

heads = arrays.arrays(np.int64, 5, elements=st.integers(0, 3000))
weights = arrays.arrays(np.float64, (5, 3), elements=st.floats(0.01, 1.0))
volumes = arrays.arrays(np.float64, 96, elements=st.floats(0.0, 400.0))
some = settings(max_examples=100, deadline=None, derandomize=True)
few = settings(max_examples=20, deadline=None, derandomize=True)


@some
@given(heads, weights)
def test_split_heads_adds_up_and_stays_within_one_of_the_share(heads, weights):
    share = weights / weights.sum(axis=1, keepdims=True)
    split = split_heads(heads, share)
    assert (split.sum(axis=1) == heads).all()
    assert (np.abs(split - heads[:, None] * share) < 1 + 1e-6).all()
    assert (split >= 0).all()


@some
@given(st.integers(0, 10_000), st.integers(0, 95))
def test_rostered_heads_are_least(agents, percent):
    """In whole percents, so that the check is exact."""
    rostered = int(rostered_heads(agents, percent / 100))
    assert rostered * (100 - percent) >= 100 * agents
    assert (rostered - 1) * (100 - percent) < 100 * agents or rostered == 0


@few
@given(volumes, st.sampled_from([45.0, 240.0, 900.0]))
def test_requirement_is_least_in_every_interval(calls, aht_s):
    """Judged by the measures alone, at the number found and one below."""
    agents = requirement(one_site(), demand_of(aht_s=aht_s).assign(calls=calls))["agents"].to_numpy()
    common = {"patience_s": 300.0, "threshold_s": 20.0}
    assert (measures(calls, aht_s, agents, **common).service_level >= 0.8).all()
    fewer = measures(calls, aht_s, np.maximum(agents - 1, 0), **common).service_level
    assert ((fewer < 0.8) | (agents == 1)).all()


@few
@given(volumes, st.floats(0.05, 0.95), st.booleans())
def test_calls_are_conserved_and_pooling_never_costs_agents(calls, share, pooled):
    settings = {"queues.calls.sites": {"south": share, "north": 1 - share}, "queues.calls.min_agents": 0}
    centre = two_sites(settings | {"queues.calls.pooled": pooled})
    demand = demand_of().assign(calls=calls)
    table = requirement(centre, demand).groupby("interval_start")[["calls", "agents"]].sum()
    assert np.allclose(table["calls"], calls, rtol=1e-12, atol=1e-12)
    whole = requirement(one_site({"queues.calls.min_agents": 0}), demand)["agents"].to_numpy()
    assert (table["agents"] >= whole).all()
    assert (table["agents"] == whole).all() or not pooled


@few
@given(volumes)
def test_more_calls_never_need_fewer_agents(calls):
    demand = demand_of().assign(calls=calls)
    now = requirement(one_site(), demand)["agents"]
    assert (requirement(one_site({"queues.calls.volume": 1.1}), demand)["agents"] >= now).all()
