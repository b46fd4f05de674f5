"""What callers really meet: the exact model of a plan, ways to staff side by side, money by hand."""

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, demand_of, one_site, two_sites

from planning import PlanningError, requirement
from planning.pay import agents_cost
from planning.queueing import exact_day, measures
from planning.service import (
    METHODS,
    compare_methods,
    exact_service,
    price_of_certainty,
    price_of_promises,
)

EVENING = (20, 24)  # South closes at 22:00


def evening():
    """Demand, and the requirement, of the hours around South's closing."""
    demand = demand_of(30.0, hours=EVENING)
    return demand, requirement(two_sites(), demand)


# --- the exact model ------------------------------------------------------------------------------


def test_leavers_and_comers_at_a_closing_are_both_counted():
    """As many come at North as go home in South: the sum stands still, the calls in hand do not."""
    _, needed = evening()
    found = exact_service(two_sites(), needed, "calls")
    agents = found["agents"].to_numpy()
    leaving = np.zeros(16, dtype=int)
    leaving[8] = found["agents_south"].iloc[7]
    common = {"patience_s": 300.0, "threshold_s": 20.0, "start": "stationary"}
    both = exact_day(30.0, 240.0, agents, leaving=leaving, **common)
    net = exact_day(30.0, 240.0, agents, **common)
    assert leaving[8] > 0
    assert (agents == agents[0]).all()
    for name in ("service_level", "abandonment", "queue_end", "overrun_s"):
        assert found[name].to_numpy() == pytest.approx(both[name].to_numpy(), abs=1e-12)
    assert abs(found["service_level"] - net["service_level"]).max() > 0.01
    assert found["overrun_s"].iloc[8] > 0 == net["overrun_s"].iloc[8]


def test_formula_is_that_of_stationary_intervals():
    _, needed = evening()
    found = exact_service(two_sites(), needed, "calls")
    plain = measures(30.0, 240.0, found["agents"], patience_s=300.0, threshold_s=20.0).service_level
    assert found["formula"].to_numpy() == pytest.approx(plain, abs=1e-14)


def test_table_carries_the_calls_and_the_sites():
    demand, needed = evening()
    found = exact_service(two_sites(), needed, "calls")
    assert found["calls"].to_numpy() == pytest.approx(demand["calls"].to_numpy())
    assert (found["agents"] == found["agents_south"] + found["agents_north"]).all()
    assert found["agents_south"].to_numpy()[8:].tolist() == [0] * 8
    assert found["interval_start"].iloc[0] == MONDAY + pd.Timedelta(hours=20)


def test_given_agents_stand_in_for_those_of_the_requirement():
    _, needed = evening()
    times = needed["interval_start"].unique()
    given = pd.DataFrame({"south": 3, "north": 9}, index=pd.DatetimeIndex(times))
    found = exact_service(two_sites(), needed, "calls", agents=given)
    alone = exact_day(30.0, 240.0, np.full(16, 12), patience_s=300.0, threshold_s=20.0, start="stationary")
    assert found["agents"].tolist() == [12] * 16
    assert found["service_level"].to_numpy() == pytest.approx(alone["service_level"].to_numpy(), abs=1e-12)


def test_given_agents_without_an_interval_are_refused():
    """Nobody would be there."""
    _, needed = evening()
    times = pd.DatetimeIndex(needed["interval_start"].unique())
    given = pd.DataFrame({"south": 3, "north": 9}, index=times)
    for short in (given.iloc[1:], given.tz_localize(None)):
        with pytest.raises(PlanningError, match=r"agents has no row at 2026-11-23 20:00\+0300"):
            exact_service(two_sites(), needed, "calls", agents=short)


def test_lookup_costs_those_who_hang_up_in_it():
    centre = two_sites({"queues.calls.lookup_s": 10.0})
    demand, _ = evening()
    found = exact_service(centre, requirement(centre, demand), "calls")
    assert found["abandonment"].min() > 1 - np.exp(-10 / 300)
    stays = np.exp(-10 / 300)
    formula = found["formula"].iloc[0]  # it starts in the steady state of the first interval
    assert found["service_level"].iloc[0] == pytest.approx(formula, abs=1e-8)
    assert formula < stays


def test_sites_apart_have_no_common_model():
    centre = two_sites({"queues.calls.pooled": False})
    needed = requirement(centre, demand_of(20.0, hours=EVENING))
    with pytest.raises(PlanningError, match=r"queues\.calls\.pooled is false, must be true"):
        exact_service(centre, needed, "calls")


def test_queue_that_the_requirement_does_not_have():
    _, needed = evening()
    with pytest.raises(PlanningError, match="queue 'chat' is not in the requirement"):
        exact_service(two_sites(), needed, "chat")


# --- ways to staff --------------------------------------------------------------------------------


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
            price_of_promises(of, demand, "calls", [(0.8, 20.0)]),
            price_of_certainty(of, demand.assign(**bands, **doubt), "calls", [0.5, 0.9]),
        ]

    for found, alone in zip(tables(leaves), tables(centre), strict=True):
        pd.testing.assert_frame_equal(found, alone)


def test_unknown_way_to_compare():
    with pytest.raises(PlanningError, match="methods is 'Erlang X', must be one of 'Erlang C', 'Erlang A'"):
        compare_methods(one_site(), demand_of(20.0), "calls", methods=["Erlang X"])


# --- money ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hour", "premium"), [(12.0, 0.0), (23.0, 0.2), (5.75, 0.2), (6.0, 0.0)])
def test_cost_of_one_interval_by_hand(hour, premium):
    """80,000 a month over 160 hours and a quarter on top are 625 an hour; a fifth of it more at night."""
    needed = requirement(one_site(), demand_of(20.0, hours=(hour, hour + 0.25)))
    by_hand = int(needed["agents"].iloc[0]) * 0.25 * 625.0 * (1 + premium)
    assert len(needed) == 1
    assert agents_cost(one_site(), needed) == pytest.approx(by_hand, rel=1e-12)


def test_cost_takes_each_sites_wage():
    centre = two_sites({"teams.calls_south.wage_month": 160_000.0})
    needed = requirement(centre, demand_of(60.0, hours=(12, 12.5)))
    by_site = needed.groupby("site")["agents"].sum()
    by_hand = 0.25 * (1250.0 * by_site["south"] + 625.0 * by_site["north"])
    assert agents_cost(centre, needed) == pytest.approx(by_hand, rel=1e-12)


def test_better_promises_cost_more():
    promises = [(0.7, 30.0), (0.8, 30.0), (0.8, 20.0), (0.9, 20.0), (0.9, 10.0), (0.95, 10.0)]
    table = price_of_promises(one_site(), demand_of(40.0, hours=(10, 14)), "calls", promises)
    assert list(zip(table["service_level"], table["threshold_s"], strict=True)) == promises
    for column in ("peak", "agent_hours", "cost"):
        assert (table[column].diff().dropna() >= 0).all()
        assert table[column].iloc[-1] > table[column].iloc[0]
    asked = requirement(one_site(), demand_of(40.0, hours=(10, 14)))
    assert table.loc[2, "cost"] == pytest.approx(agents_cost(one_site(), asked))
    assert table.loc[2, "agent_hours"] == pytest.approx(asked["agents"].sum() / 4)


def test_a_night_without_an_answer_is_no_one_day():
    """A queue that closes overnight inherits nothing in the morning: two days at once are refused."""
    demand = pd.concat([demand_of(30.0, hours=(9, 12)), demand_of(30.0, hours=(15, 18))])
    needed = requirement(two_sites(), demand)
    with pytest.raises(PlanningError, match="gap before 2026-11-23 15:00"):
        exact_service(two_sites(), needed, "calls")


def test_no_way_to_staff_is_nothing_to_compare():
    with pytest.raises(PlanningError, match="methods is empty"):
        compare_methods(two_sites(), demand_of(30.0, hours=EVENING), "calls", methods=[])
