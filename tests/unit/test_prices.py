"""Methods of staffing and promises, compared and priced."""

import numpy as np
import pandas as pd
import pytest
from factories import demand_of, one_site, two_sites

from planning import PlanningError, requirement
from planning.pay import agents_cost
from planning.queueing import measures
from planning.studies.methods import METHODS, compare_methods
from planning.studies.prices import price_of, price_of_certainty


def test_methods_side_by_side():
    demand = demand_of(aht_s=600.0).assign(calls=np.repeat([12.0, 60.0, 12.0], 32))
    found = compare_methods(one_site(), demand, "calls")
    assert list(found.table.index) == list(METHODS) == list(found.agents) == list(found.service)
    assert list(found.table) == ["peak", "agent_hours", "cost", "day", "worst"]
    for way in METHODS:
        agents, level = found.agents[way].to_numpy(), found.service[way].to_numpy()
        assert found.table.loc[way, "peak"] == agents.max()
        assert found.table.loc[way, "agent_hours"] == pytest.approx(agents.sum() / 4)
        assert found.table.loc[way, "worst"] == pytest.approx(level.min())
        assert found.table.loc[way, "day"] == pytest.approx((level @ demand["calls"]) / demand["calls"].sum())
    table = found.table
    assert table.loc["exact day", "worst"] >= 0.8 > table.loc["Erlang A", "worst"]
    assert table.loc["Erlang C", "agent_hours"] > table.loc["Erlang A", "agent_hours"]
    assert (found.requirement["agents"].to_numpy() == found.agents["exact day"]).all()


def test_comparison_leaves_other_queues_out():
    centre = one_site(queues=("calls", "chat"))
    demand = pd.concat([demand_of(20.0, hours=(9, 12)), demand_of(90.0, queue="chat", hours=(9, 12))])
    both = compare_methods(centre, demand, "calls", methods=["Erlang A"])
    alone = compare_methods(centre, demand_of(20.0, hours=(9, 12)), "calls", methods=["Erlang A"])
    pd.testing.assert_frame_equal(both.table, alone.table)


def test_work_that_calls_leave_behind_is_not_the_queues():
    """Its follow-ups were counted and priced as agents of the queue that was asked for."""
    later = {
        "queues.chat.due_days": 3,
        "queues.chat.target": {"max_occupancy": 0.9},
        "queues.chat.aht_s": 900.0,
    }
    centre = one_site(later, queues=("calls", "chat"))
    leaves = centre.replace({"queues.calls.follow_ups": {"chat": 0.5}})
    demand, doubt = demand_of(40.0, hours=(10, 14)), dict.fromkeys(["rate_cv", "day_cv", "aht_cv"], 0.1)
    bands = dict.fromkeys(["calls_p10", "calls_p50", "calls_p90", "aht_p10_s", "aht_p90_s"], 1.0)
    assert "chat" in set(requirement(leaves, demand)["queue"])

    def tables(of):
        return [
            compare_methods(of, demand, "calls", methods=["Erlang A"]).table,
            price_of(of, demand, "calls", {"as now": {}}),
            price_of_certainty(of, demand.assign(**bands, **doubt), "calls", [0.5, 0.9]),
        ]

    for found, alone in zip(tables(leaves), tables(centre), strict=True):
        pd.testing.assert_frame_equal(found, alone)


def test_unknown_way_to_compare():
    with pytest.raises(PlanningError, match="methods is 'Erlang X', must be one of 'Erlang C', 'Erlang A'"):
        compare_methods(one_site(), demand_of(20.0), "calls", methods=["Erlang X"])


def test_better_promises_cost_more():
    promises = [(0.7, 30.0), (0.8, 30.0), (0.8, 20.0), (0.9, 20.0), (0.9, 10.0), (0.95, 10.0)]
    target = "queues.calls.target."
    options = {
        n: {f"{target}service_level": level, f"{target}threshold_s": threshold_s}
        for n, (level, threshold_s) in enumerate(promises)
    }
    table = price_of(one_site(), demand_of(40.0, hours=(10, 14)), "calls", options)
    for column in ("peak", "agent_hours", "cost"):
        assert (table[column].diff().dropna() >= 0).all()
        assert table[column].iloc[-1] > table[column].iloc[0]
    asked = requirement(one_site(), demand_of(40.0, hours=(10, 14)))
    assert table.loc[2, "cost"] == pytest.approx(agents_cost(one_site(), asked))
    assert table.loc[2, "agent_hours"] == pytest.approx(asked["agents"].sum() / 4)


def test_a_ceiling_is_kept_and_costs():
    options = {c: {"queues.calls.target.max_occupancy": c} for c in (0.7, 0.8, 0.9)}
    demand = demand_of(60.0, hours=(9, 12))
    table = price_of(two_sites(), demand, "calls", options)
    assert table["agent_hours"].is_monotonic_decreasing
    assert table["cost"].iloc[0] > table["cost"].iloc[1]
    needed = requirement(two_sites().replace(options[0.7]), demand)
    agents = needed.groupby("interval_start")["agents"].sum()
    assert table.loc[0.7, "peak"] == agents.max()
    # One agent fewer breaks the ceiling.
    assert measures(60.0, 240.0, agents, patience_s=300.0).occupancy.max() <= 0.7
    assert measures(60.0, 240.0, agents.iloc[0] - 1, patience_s=300.0).occupancy > 0.7


def test_no_way_to_staff_is_nothing_to_compare():
    with pytest.raises(PlanningError, match="methods is empty"):
        compare_methods(two_sites(), demand_of(30.0, hours=(20, 24)), "calls", methods=[])
