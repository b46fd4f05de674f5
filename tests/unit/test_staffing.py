"""From demand and targets to agents: least staff, pooled and apart, shrinkage, what-ifs, bad input."""

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, demand_of, one_site, two_sites
from scipy.special import stdtrit

from planning import PlanningError, requirement
from planning.demand.planned import planned_demand
from planning.queueing import Target, agents_required, lagged_calls, measures
from planning.service import exact_service
from planning.simulation import Agent, AgentGroup, CallQueue, Law, Network, simulate_days
from planning.simulation.contacts import band_of_ratio
from planning.staffing import (
    behind_lookup,
    pooled_heads,
    promised_service,
    rostered_heads,
    split_heads,
)
from planning.tables import REQUIREMENT

DAYTIME = (8, 22)


def by_interval(table, column="agents"):
    return table.groupby("interval_start")[column].sum().to_numpy()


def level(calls, aht_s, agents, patience_s=300.0):
    return float(measures(calls, aht_s, agents, patience_s=patience_s, threshold_s=20.0).service_level)


# --- least agents ---------------------------------------------------------------------------------


@pytest.mark.parametrize("calls", [0.5, 3.0, 20.0, 137.0, 1500.0])
def test_requirement_is_least(calls):
    """It meets the target, and one agent fewer does not."""
    table = requirement(one_site(), demand_of(calls, hours=(12, 12.5)))
    agents = int(table["agents"].iloc[0])
    assert level(calls, 240.0, agents) >= 0.8
    assert agents == 1 or level(calls, 240.0, agents - 1) < 0.8
    assert table["service_level"].iloc[0] == pytest.approx(level(calls, 240.0, agents), abs=1e-12)


def test_requirement_meets_every_part_of_a_target():
    """80/20 alone would keep agents busier than 70 %."""
    busy = {"queues.calls.target": {"service_level": 0.8, "threshold_s": 20.0, "max_occupancy": 0.7}}
    agents = int(requirement(one_site(busy), demand_of(100, hours=(12, 12.5)))["agents"].iloc[0])
    common = {"patience_s": 300.0, "threshold_s": 20.0}
    assert measures(100, 240.0, agents, **common).occupancy <= 0.7
    assert measures(100, 240.0, agents - 1, **common).occupancy > 0.7
    assert agents > int(requirement(one_site(), demand_of(100, hours=(12, 12.5)))["agents"].iloc[0])


def test_erlang_c_on_request_asks_for_at_least_as_many():
    """Nobody hangs up there: never fewer agents, and in all more."""
    demand = pd.concat(
        [demand_of(calls, hours=(hour, hour + 1)) for hour, calls in enumerate(range(5, 245, 10))]
    )
    with_patience = requirement(one_site(), demand)["agents"]
    without = requirement(one_site(), demand, model="erlang_c")["agents"]
    assert (without >= with_patience).all()
    assert without.sum() > with_patience.sum()
    assert (level(235, 240.0, without.iloc[-1], np.inf) >= 0.8) & (
        level(235, 240.0, without.iloc[-1] - 1, np.inf) < 0.8
    )


def test_queue_without_a_service_level_promises_none():
    changes = {"queues.calls.target": {"max_occupancy": 0.5}, "queues.calls.patience_s": float("inf")}
    table = requirement(one_site(changes), demand_of(30, hours=(12, 13)))
    assert table["agents"].tolist() == [16] * 4  # 8 erlangs at one half
    assert table["service_level"].isna().all()


def test_min_agents_hold_each_answering_site():
    table = requirement(two_sites({"queues.calls.min_agents": 3}), demand_of(0.1))
    assert set(table["agents"]) == {3}
    assert requirement(two_sites({"queues.calls.min_agents": 0}), demand_of(0.0))["agents"].sum() == 0


def test_min_agents_are_part_of_the_promise():
    """The service level is that of the agents who are there."""
    table = requirement(one_site({"queues.calls.min_agents": 9}), demand_of(20, hours=(12, 12.5)))
    assert table["service_level"].iloc[0] == pytest.approx(level(20, 240.0, 9), abs=1e-12)


def test_interval_without_calls_needs_no_handle_time():
    table = requirement(one_site(), demand_of(0.0, 0.0, hours=(3, 4)))
    assert table["agents"].tolist() == [1] * 4
    assert table["service_level"].tolist() == [1.0] * 4


def test_handle_time_where_no_calls_came_changes_nothing_elsewhere():
    """Zero is written there, and the mean of the calls taken."""
    hours = demand_of(30).assign(calls=[0.0] * 32 + [30.0] * 64)
    silent = hours.assign(aht_s=hours["aht_s"].where(hours["calls"] > 0, 0.0))
    centre = one_site({"queues.calls.aht_s": 200.0})
    pd.testing.assert_frame_equal(requirement(centre, silent), requirement(centre, hours))


# --- sites ----------------------------------------------------------------------------------------


def test_pooled_sites_share_what_one_site_would_need():
    """The whole load is staffed once; heads are split by the callers' shares."""
    demand = demand_of(60, hours=DAYTIME)
    pooled = requirement(two_sites(), demand)
    assert (by_interval(pooled) == by_interval(requirement(one_site(), demand))).all()
    split = pooled.groupby("site")["agents"].first()
    assert abs(split["south"] - split["north"]) <= 1


def test_separate_sites_need_more_than_pooled_ones():
    demand = demand_of(60, hours=DAYTIME)
    pooled = by_interval(requirement(two_sites(), demand))
    apart = requirement(two_sites({"queues.calls.pooled": False}), demand)
    assert (by_interval(apart) > pooled).all()
    one = apart.iloc[0]
    assert one["calls"] == 30
    assert level(30, 240.0, one["agents"]) >= 0.8 > level(30, 240.0, one["agents"] - 1)
    assert one["service_level"] == pytest.approx(level(30, 240.0, one["agents"]), abs=1e-12)


@pytest.mark.parametrize("pooled", [True, False])
def test_calls_are_conserved_over_sites(pooled):
    shares = {"queues.calls.sites": {"south": 0.62, "north": 0.38}, "queues.calls.pooled": pooled}
    demand = demand_of().assign(calls=np.random.default_rng(1).uniform(0, 90, 96))
    table = requirement(two_sites(shares), demand)
    assert by_interval(table, "calls") == pytest.approx(demand["calls"].to_numpy(), rel=1e-12)
    day = table[table["interval_start"] == MONDAY + pd.Timedelta(hours=12)].set_index("site")["calls"]
    assert day["south"] / day.sum() == pytest.approx(0.62)


def test_closed_site_has_no_row_at_night_and_the_other_has_all_calls():
    table = requirement(two_sites(), demand_of(20))
    hour = table["interval_start"].dt.hour
    assert sorted(set(hour[table["site"] == "south"])) == list(range(8, 22))
    night = table[(hour < 8) | (hour >= 22)]
    assert set(night["site"]) == {"north"}
    assert (night["calls"] == 20).all()
    assert (table.loc[(hour >= 8) & (hour < 22), "calls"] == 10).all()


def test_load_is_calls_times_handle_time_over_the_interval():
    table = requirement(two_sites(), demand_of(45, 200, hours=(12, 13)))
    assert by_interval(table, "load_erlangs") == pytest.approx([10.0] * 4)


def test_shrinkage_is_that_of_the_sites_team():
    changes = {"teams.calls_south.shrinkage": 0.3, "queues.calls.pooled": False}
    table = requirement(two_sites(changes), demand_of(200, hours=(12, 13)))
    by_site = table.groupby("site")[["agents", "rostered"]].first()
    assert by_site.loc["north", "rostered"] == by_site.loc["north", "agents"]
    assert by_site.loc["south", "rostered"] == rostered_heads(by_site.loc["south", "agents"], 0.3)


def test_twenty_one_seats_at_thirty_percent_are_thirty():
    """21 / 0.7 is a little over 30 in floating point."""
    assert rostered_heads(21, 0.30) == 30
    assert rostered_heads([0, 1, 7, 70, 700], 0.30).tolist() == [0, 2, 10, 100, 1000]
    assert rostered_heads([5], 0.0).tolist() == [5]


def test_split_gives_the_largest_remainders_their_head():
    share = np.array([[0.62, 0.38], [0.5, 0.5], [0.0, 1.0], [0.0, 0.0]])
    assert split_heads([10, 3, 7, 5], share).tolist() == [[6, 4], [2, 1], [0, 7], [0, 0]]


def test_split_is_not_fooled_by_floating_point():
    """0.6 x 5 and 0.29 x 100 lie a bit beside 3 and 29."""
    assert split_heads([5, 100], np.array([[0.6, 0.4], [0.29, 0.71]])).tolist() == [[3, 2], [29, 71]]


# --- what-ifs -------------------------------------------------------------------------------------


def test_volume_multiplies_the_calls():
    twice = requirement(one_site({"queues.calls.volume": 2.0}), demand_of(30))
    pd.testing.assert_frame_equal(twice, requirement(one_site(), demand_of(60)))


def test_aht_keeps_the_profile_by_hour():
    """300 s on average, and the night still a quarter longer than the day."""
    demand = demand_of(30).assign(
        aht_s=lambda rows: np.where(rows["interval_start"].dt.hour < 6, 250.0, 200.0)
    )
    planned = planned_demand(one_site({"queues.calls.aht_s": 300.0}), demand)
    assert np.average(planned["aht_s"], weights=planned["calls"]) == pytest.approx(300.0)
    assert planned["aht_s"].max() / planned["aht_s"].min() == pytest.approx(1.25)


def test_mean_handle_time_is_weighted_by_calls():
    demand = demand_of(0.0).assign(aht_s=[100.0] * 48 + [200.0] * 48, calls=[30.0] * 48 + [10.0] * 48)
    planned = planned_demand(one_site({"queues.calls.aht_s": 250.0}), demand)
    assert planned["aht_s"].iloc[[0, -1]].tolist() == pytest.approx([200.0, 400.0])


# --- what cannot be planned -----------------------------------------------------------------------


def test_unknown_queue():
    with pytest.raises(
        PlanningError, match=r"demand names queue 'chat', must be one of calls: add it .* or rename it"
    ):
        requirement(one_site(), demand_of(queue="chat"))


def test_calls_outside_the_queues_hours():
    centre = one_site({"queues.calls.opens": "09:00", "queues.calls.closes": "21:00"})
    with pytest.raises(PlanningError) as caught:
        requirement(centre, demand_of(4, hours=(8.5, 21)))
    assert str(caught.value) == (
        "demand of calls has 4 calls at 2026-11-23 08:30, when the queue is closed: change "
        "queues.calls.opens and closes, or drop those rows"
    )


def test_rows_without_calls_outside_the_queues_hours_are_dropped():
    centre = one_site({"queues.calls.opens": "09:00", "queues.calls.closes": "21:00"})
    demand = demand_of(4).assign(
        calls=lambda rows: rows["calls"].where(rows["interval_start"].dt.hour.between(9, 20), 0)
    )
    table = requirement(centre, demand)
    assert sorted(set(table["interval_start"].dt.hour)) == list(range(9, 21))


def test_nothing_but_closed_hours():
    centre = one_site({"queues.calls.opens": "09:00", "queues.calls.closes": "21:00"})
    with pytest.raises(
        PlanningError, match="no row at which its queue is open: give rows in the queue's hours"
    ):
        requirement(centre, demand_of(0, hours=(0, 5)))


def test_calls_without_a_handle_time():
    with pytest.raises(
        PlanningError, match="demand of calls has calls but aht_s 0 at 2026-11-23 00:00: give the mean"
    ):
        requirement(one_site(), demand_of(4, 0.0))


def test_intervals_of_another_length():
    """Half-hours would leave every second interval of the shifts uncovered."""
    with pytest.raises(
        PlanningError, match="demand of calls comes every 1800 s, must come every 900 s: set the centre's"
    ):
        requirement(one_site(), demand_of()[::2])


def test_intervals_of_another_length_beside_those_of_another_queue():
    """The good queue's quarters hid the hours: a whole hour's calls were staffed in its first quarter."""
    hourly = demand_of(queue="chat")[::4]
    with pytest.raises(PlanningError, match="demand of chat comes every 3600 s, must come every 900 s"):
        requirement(one_site(queues=("calls", "chat")), pd.concat([demand_of(), hourly]))


def test_intervals_off_the_grid():
    shifted = demand_of().assign(interval_start=lambda rows: rows["interval_start"] + pd.Timedelta("7min"))
    with pytest.raises(
        PlanningError, match="interval_start 2026-11-23 00:07:00, must lie on the grid of 900 s"
    ):
        requirement(one_site(), shifted)


def test_empty_demand():
    with pytest.raises(PlanningError, match="demand has no rows: give at least one demand row"):
        requirement(one_site(), demand_of()[:0])


# --- shape ----------------------------------------------------------------------------------------


def test_table_is_the_contracts():
    """Its own check accepts it, its columns are in order, and times are on the centre's clock."""
    demand = demand_of(20).assign(interval_start=lambda rows: rows["interval_start"].dt.tz_convert("UTC"))
    table = requirement(two_sites(), demand)
    assert list(table.columns) == list(REQUIREMENT.columns)
    assert len(REQUIREMENT.check(table)) == len(table) == 96 + 56
    assert table["interval_start"].iloc[0].isoformat() == "2026-11-23T00:00:00+03:00"


def test_order_of_the_demand_does_not_matter():
    demand = pd.concat([demand_of(20, queue="chat"), demand_of(30)])
    centre = two_sites(queues=("calls", "chat"))
    shuffled = demand.sample(frac=1.0, random_state=1)
    pd.testing.assert_frame_equal(requirement(centre, shuffled), requirement(centre, demand))


# --- heads of a pooled queue ----------------------------------------------------------------------


@pytest.mark.parametrize("shrinkage", [(0.1, 0.1), (0.3, 0.0), (1 / 3, 0.2), (0.2, 1 / 3)])
def test_pooled_heads_are_enough_and_rounded_up_once(shrinkage):
    """On position after shrinkage, no interval is short, and none has a whole head too many."""
    south, north = shrinkage
    changes = {"teams.calls_south.shrinkage": south, "teams.calls_north.shrinkage": north}
    demand = demand_of(hours=DAYTIME).assign(calls=np.linspace(4, 180, 56))
    table = requirement(two_sites(changes), demand)
    lost = table["site"].map({"south": south, "north": north})
    there = by_interval(table.assign(there=table["rostered"] * (1 - lost)), "there")
    exact = by_interval(table.assign(exact=table["agents"] / (1 - lost)), "exact")
    assert (there >= by_interval(table) - 1e-9).all()
    assert (by_interval(table, "rostered") < exact + 1).all()
    assert (table["rostered"] >= table["agents"]).all()


def test_pooled_heads_are_fewer_than_rounded_at_each_site():
    changes = {"teams.calls_south.shrinkage": 0.1, "teams.calls_north.shrinkage": 0.1}
    demand = demand_of(hours=DAYTIME).assign(calls=np.linspace(4, 180, 56))
    pooled = requirement(two_sites(changes), demand)
    each = rostered_heads(pooled["agents"], 0.1)
    assert pooled["rostered"].sum() < each.sum()
    apart = requirement(two_sites(changes | {"queues.calls.pooled": False}), demand)
    assert (apart["rostered"] == rostered_heads(apart["agents"], 0.1)).all()


def test_odd_head_goes_where_most_of_it_is_on_position():
    """6.67 + 5.33 heads for seven agents: seven and five would leave 6.9 on position."""
    agents, share = np.array([[3, 4]]), np.array([[0.4, 0.6]])
    assert pooled_heads(agents, share, np.array([0.55, 0.25])).tolist() == [[6, 6]]


# --- the lookup that runs beside the wait ---------------------------------------------------------


def calls_queue(**changes):
    return one_site({f"queues.calls.{name}": value for name, value in changes.items()}).queues["calls"]


def test_no_lookup_changes_nothing():
    queue = calls_queue()
    assert behind_lookup(queue, 300.0) == (1.0, queue.target)


def test_lookup_is_the_queue_without_it_so_much_later():
    """Thinned by who hangs up meanwhile, and with what is left of the threshold."""
    lookup_s, patience_s = 8.0, 300.0
    stays = np.exp(-lookup_s / patience_s)
    agents = np.arange(1, 60)
    found = promised_service(calls_queue(lookup_s=lookup_s), 100.0, 240.0, agents, 900.0, patience_s)
    behind = measures(100.0 * stays, 240.0, agents, patience_s=patience_s, threshold_s=20.0 - lookup_s)
    assert found == pytest.approx(stays * behind.service_level, abs=1e-14)
    assert found.max() <= stays


def test_lookup_shifts_every_part_of_the_target():
    target = {"service_level": 0.8, "threshold_s": 20.0, "max_asa_s": 15.0, "max_abandonment": 0.1}
    stays, left = behind_lookup(calls_queue(lookup_s=6.0, target=target), 300.0)
    assert stays == pytest.approx(np.exp(-0.02))
    assert left.threshold_s == 14.0
    assert left.max_asa_s == 9.0
    assert stays * left.service_level == pytest.approx(0.8)
    assert 1 - stays * (1 - left.max_abandonment) == pytest.approx(0.1)


def test_requirement_behind_a_lookup_is_least():
    table = requirement(one_site({"queues.calls.lookup_s": 8.0}), demand_of(100, hours=(12, 12.5)))
    agents = int(table["agents"].iloc[0])
    queue = calls_queue(lookup_s=8.0)
    there, fewer = promised_service(queue, 100.0, 240.0, [agents, agents - 1], 900.0, 300.0)
    assert there >= 0.8 > fewer
    assert table["service_level"].iloc[0] == pytest.approx(there, abs=1e-14)


def test_slower_lookup_never_needs_fewer_agents():
    demand = demand_of(hours=DAYTIME).assign(calls=np.linspace(2, 200, 56))
    found = [
        requirement(one_site({"queues.calls.lookup_s": lookup_s}), demand)["agents"].to_numpy()
        for lookup_s in (0.0, 2.0, 5.0, 10.0, 19.0)
    ]
    assert (np.diff(found, axis=0) >= 0).all()
    assert found[-1].sum() > found[0].sum()


@pytest.mark.parametrize("lookup_s", [21.0, 200.0])
def test_lookup_longer_than_the_threshold(lookup_s):
    with pytest.raises(PlanningError, match=f"lookup_s is {lookup_s:g}, which leaves no room") as caught:
        requirement(one_site({"queues.calls.lookup_s": lookup_s}), demand_of(20, hours=(12, 12.5)))
    assert "shorten the lookup" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_lookup_formula_agrees_with_the_simulation():
    """Steady load, exponential service and patience; the engine knows no formula."""
    lookup_s, agents, hours, days = 16.0, 29, 8, 800
    line = CallQueue(
        "calls",
        Law.exponential(240.0),
        (("team",),),
        calls=np.full(4 * hours, 100.0),
        patience=Law.exponential(300.0),
        lookup=Law.deterministic(lookup_s),
        threshold_s=20.0,
    )
    seats = tuple(Agent("team", ((0.0, 3600.0 * hours),)) for _ in range(agents))
    run = simulate_days(Network((line,), (AgentGroup("team", ("calls",)),), seats), days, seed=7)
    steady = slice(8, 4 * hours - 1)  # two hours to fill up from empty
    one = band_of_ratio(run.counts[:, 0, steady, 2].sum(axis=1), run.counts[:, 0, steady, 0].sum(axis=1))
    error = one.half_width / stdtrit(days - 1, 0.975)
    formula = float(promised_service(calls_queue(lookup_s=lookup_s), 100.0, 240.0, agents, 900.0, 300.0))
    assert error < 0.003
    assert abs(one.mean - formula) < 4 * error
    assert abs(formula - level(100.0, 240.0, agents)) > 10 * error  # without the lookup it would be seen


# --- methods --------------------------------------------------------------------------------------


def stepping():
    """Calls that fall to a fifth at noon and come back at four, with long handle times."""
    hour = np.arange(96) / 4
    return demand_of(aht_s=600.0).assign(calls=np.where((hour >= 12) & (hour < 16), 12.0, 60.0))


def test_exact_meets_the_target_where_stationary_fails():
    centre, demand = one_site(), stepping()
    worst = {
        method: exact_service(centre, requirement(centre, demand, method=method), "calls")[
            "service_level"
        ].min()
        for method in ("stationary", "exact")
    }
    assert worst["exact"] >= 0.8
    assert worst["stationary"] < 0.78


def test_exact_counts_the_lookup():
    centre = one_site({"queues.calls.lookup_s": 8.0})
    found = exact_service(centre, requirement(centre, stepping(), method="exact"), "calls")
    assert found["service_level"].min() >= 0.8


def test_lagged_follows_the_calls_a_handle_time_later():
    found = requirement(one_site(), stepping(), method="lagged")["agents"].to_numpy()
    felt = lagged_calls(stepping()["calls"], 600.0)
    asked = agents_required(felt, 600.0, Target(0.8, 20.0), patience_s=300.0)
    assert (found == asked).all()
    plain = requirement(one_site(), stepping())["agents"].to_numpy()
    assert found[48] > plain[48]
    assert found[64] < plain[64]


@pytest.mark.parametrize("method", ["lagged", "exact"])
def test_work_that_waits_is_the_same_by_every_method(method):
    changes = {"queues.calls.target": {"max_occupancy": 0.8}, "queues.calls.patience_s": float("inf")}
    centre = one_site(changes)
    pd.testing.assert_frame_equal(
        requirement(centre, stepping(), method=method), requirement(centre, stepping())
    )


@pytest.mark.parametrize("method", ["lagged", "exact"])
def test_closed_hours_end_what_a_queue_inherits(method):
    """The second morning is staffed as it would be alone, regardless of the evening before."""
    centre = one_site({"queues.calls.opens": "09:00", "queues.calls.closes": "21:00"})
    two = demand_of(20.0, 600.0, days=2, hours=(9, 21)).assign(calls=np.repeat([200.0, 20.0], 48))
    both = requirement(centre, two, method=method)["agents"].to_numpy()
    second = requirement(centre, two[48:], method=method)["agents"].to_numpy()
    assert (both[48:] == second).all()


def test_blocks_hold_the_staff():
    centre = one_site()
    demand = demand_of(aht_s=240.0).assign(calls=np.linspace(5, 90, 96))
    single = requirement(centre, demand, method="exact")["agents"].to_numpy()
    held = requirement(centre, demand, method="exact", block=4)
    by_block = held["agents"].to_numpy().reshape(-1, 4)
    assert (by_block == by_block[:, :1]).all()
    assert not (single.reshape(-1, 4) == single.reshape(-1, 4)[:, :1]).all()
    assert exact_service(centre, held, "calls")["service_level"].min() >= 0.8


@pytest.mark.parametrize(
    ("setting", "choices"),
    [("method", "'stationary', 'lagged', 'exact'"), ("model", "'erlang_a', 'erlang_c'")],
)
def test_unknown_way_to_staff(setting, choices):
    with pytest.raises(PlanningError, match=f"{setting} is 'sipp', must be one of {choices}"):
        requirement(one_site(), demand_of(20), **{setting: "sipp"})
