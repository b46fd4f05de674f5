"""What callers really meet: the exact model of a plan, ways to staff side by side, money by hand."""

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, demand_of, one_site, two_sites

from planning import PlanningError, requirement
from planning.pay import agents_cost
from planning.queueing import exact_day, measures
from planning.service import exact_service

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


def test_a_night_without_an_answer_is_no_one_day():
    """A queue that closes overnight inherits nothing in the morning: two days at once are refused."""
    demand = pd.concat([demand_of(30.0, hours=(9, 12)), demand_of(30.0, hours=(15, 18))])
    needed = requirement(two_sites(), demand)
    with pytest.raises(PlanningError, match="gap before 2026-11-23 15:00"):
        exact_service(two_sites(), needed, "calls")
