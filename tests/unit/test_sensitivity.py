"""What matters most, and how far a setting can go: the tornado and the search for a goal."""

import pytest
from factories import demand_of, one_site

from planning import PlanningError, requirement
from planning.studies.sensitivity import most, tornado

QUICK = {"staff": "positions", "replications": 6}


def test_the_tornado_puts_the_widest_swing_first():
    ranges = {"patience": (0.9, 1.1), "wages": (0.5, 1.5), "volume": (0.9, -1)}
    table = tornado(ranges, one_site(), demand_of(), **QUICK)
    assert table.index[0] == "wages"
    assert table.loc["wages", "swing"] == pytest.approx(
        table.loc["wages", "high"] - table.loc["wages", "low"]
    )
    assert "must lie in" in table.loc["volume", "reason"]
    with pytest.raises(PlanningError, match="measure is 'speed'"):
        tornado({"wages": (0.5, 1.5)}, one_site(), demand_of(), measure="speed", **QUICK)


def test_most_calls_that_so_many_agents_take():
    """Checked by the requirement itself on either side of the answer."""
    centre, demand = one_site(), demand_of()
    tried = most("volume", "peak_agents", 20, centre, demand, low=1, high=5, tolerance=0.01, replications=2)
    answer = tried[tried["fits"]]["value"].iloc[-1]
    peak = [
        requirement(centre.replace({"queues.calls.volume": factor}), demand)["agents"].max()
        for factor in (answer, answer + 0.01)
    ]
    assert peak[0] <= 20 < peak[1]
    assert tried["value"].is_monotonic_increasing


def test_a_goal_for_large_values_is_found_to_the_tolerance():
    """Values that agree in their first six digits are scenarios of their own."""
    change = "teams.calls_north.wage_month"
    centre, demand = one_site(), demand_of(2.0, hours=(9, 10))
    wide = most(change, "pay_cost", 1e4, centre, demand, low=1e5, high=1e6, tolerance=5e5, replications=2)
    near = 1e4 * wide["value"].iloc[0] / wide["pay_cost"].iloc[0]  # pay is in proportion to the wage
    bounds = {"low": near - 1, "high": near + 1}
    tried = most(change, "pay_cost", 1e4, centre, demand, **bounds, tolerance=0.05, replications=2)
    assert tried["value"].diff().min() <= 0.05
    best = tried[tried["fits"]].iloc[-1]
    assert best["pay_cost"] * (best["value"] + 0.05) / best["value"] > 1e4


def test_a_tolerance_that_ends_no_search_is_refused():
    for tolerance in (0.0, -1.0, float("nan")):
        with pytest.raises(PlanningError, match=r"tolerance is .*, must lie in \(2e-09, inf\)"):
            most("volume", "peak_agents", 20, one_site(), demand_of(), low=1, high=2, tolerance=tolerance)


def test_a_goal_outside_the_bounds_is_said():
    with pytest.raises(PlanningError, match="widen low and high"):
        most("volume", "peak_agents", 1000, one_site(), demand_of(), low=1, high=2, replications=2)
    with pytest.raises(PlanningError, match="measure is 'speed'"):
        most("volume", "speed", 1, one_site(), demand_of(), low=1, high=2, replications=2)
    with pytest.raises(PlanningError, match="volume -1"):
        most("volume", "peak_agents", 20, one_site(), demand_of(), low=-1, high=2, replications=2)
