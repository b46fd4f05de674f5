"""The second line: its load, the worth of its agents; each number by a second route."""

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, demand_of, two_sites
from scipy.integrate import quad

from planning import Centre, PlanningError, requirement
from planning.pay import hour_cost
from planning.queueing import measures
from planning.simulation import fifo
from planning.studies.retention import last_agent, second_line_demand, sensitivity, worth, worth_of_staff
from planning.systems.second_line import customers_kept, load_by_part, reached_in_time


@pytest.fixture(scope="module")
def settings():
    return Centre.load().systems.second_line


def small(**changes: object) -> Centre:
    """Two sites whose queue of calls stands behind a first line: five in six of its calls are handed on."""
    systems = Centre.load().systems.second_line.model_dump()
    own = {"queue": "calls", "first_line": "first", "leavers_share": 0.01, "leavers_aht_s": 600.0}
    return two_sites(queues=("first", "calls")).replace(
        {
            "queues.first.transfers": {"calls": 0.03},
            "queues.first.consults": {"calls": 0.02},
            "queues.calls.abandoned_cost": 400.0,
            "systems.second_line": systems | own | changes,
        }
    )


def first_line(calls: float = 300.0) -> pd.DataFrame:
    return demand_of(calls, hours=(8, 12)).assign(queue="first_line")


# --- load -----------------------------------------------------------------------------------------


def test_load_rebuilds_the_queue_of_the_records():
    """The parts of 20,000 first-line calls are the generator's second line: 1,800 calls of 320 s."""
    parts = load_by_part(Centre.load(), 20_000.0)
    assert parts["calls"].sum() == pytest.approx(1800)
    assert parts["hours"].sum() * 3600 / parts["calls"].sum() == pytest.approx(320)


def test_demand_follows_the_first_line_and_loses_nothing():
    centre, demand = Centre.load(), first_line()
    derived = second_line_demand(centre, demand)
    parts = load_by_part(centre, demand["calls"].sum())
    assert set(derived["queue"]) == {"second_line"}
    assert derived["calls"].sum() == pytest.approx(parts["calls"].sum())
    assert (derived["calls"] * derived["aht_s"]).sum() / 3600 == pytest.approx(parts["hours"].sum())
    twice = second_line_demand(centre, demand.assign(calls=2 * demand["calls"]))
    assert twice["calls"].to_numpy() == pytest.approx(2 * derived["calls"].to_numpy())


def test_shares_are_those_that_the_simulation_hands_on():
    """One home for each share: a what-if on the first line's transfers moves the load here."""
    more = Centre.load().replace({"queues.first_line.transfers.second_line": 0.10})
    assert load_by_part(more, 1000.0).loc["transfers", "calls"] == pytest.approx(100)


def test_demand_without_a_first_line_is_refused():
    with pytest.raises(PlanningError, match="must have first_line"):
        second_line_demand(Centre.load(), demand_of(10.0, queue="vip"))


def test_a_centre_without_a_second_line_says_so():
    with pytest.raises(PlanningError, match=r"systems.second_line is missing: add the table"):
        load_by_part(two_sites(), 1.0)


# --- reached in time ------------------------------------------------------------------------------

POINTS = [(60.0, 320.0, 22, 389.0, 300.0), (60.0, 320.0, 15, 389.0, 60.0), (4.0, 320.0, 1, 100.0, 600.0)]


@pytest.mark.parametrize(("calls", "aht_s", "agents", "patience_s", "half_s"), POINTS)
def test_reached_against_the_waits_of_erlang_a(calls, aht_s, agents, patience_s, half_s):
    """By parts, E[2^(-W/h); answered] is the integral of s e^(-sT) times P(answered within T)."""
    s = np.log(2) / half_s
    common = {"patience_s": patience_s}
    level = lambda t: measures(calls, aht_s, agents, threshold_s=t, **common).service_level  # noqa: E731
    integral, _ = quad(lambda u: float(level(-np.log(u) / s)), 0, 1, epsabs=1e-11)
    found = reached_in_time(calls, aht_s, agents, half_s=half_s, **common)
    assert found == pytest.approx(integral, abs=1e-8)


@pytest.mark.parametrize(("calls", "aht_s", "agents", "patience_s", "half_s"), POINTS)
def test_reached_without_cooling_is_the_share_answered(calls, aht_s, agents, patience_s, half_s):
    found = reached_in_time(calls, aht_s, agents, patience_s=patience_s, half_s=np.inf)
    lost = measures(calls, aht_s, agents, patience_s=patience_s).abandonment
    assert found == pytest.approx(1 - lost, abs=1e-12)


def test_reached_against_a_simulation():
    """200,000 callers through one pool, first come first served."""
    rng = np.random.default_rng(3)
    count, calls, aht_s, agents, patience_s, half_s = 200_000, 60.0, 320.0, 20, 389.0, 120.0
    arrival = rng.exponential(900 / calls, count).cumsum()
    patience = rng.exponential(patience_s, count)
    lived = fifo(arrival, rng.exponential(aht_s, count), agents, patience_s=patience)
    wait = (lived["answer_s"] - arrival).iloc[1000:]
    found = reached_in_time(calls, aht_s, agents, patience_s=patience_s, half_s=half_s)
    assert found == pytest.approx((2.0 ** (-wait / half_s)).fillna(0).mean(), abs=0.005)


def test_nobody_is_reached_by_nobody_and_all_by_many():
    reached = reached_in_time(60.0, 320.0, [0, 200], patience_s=389.0, half_s=300.0)
    assert reached == pytest.approx([0, 1], abs=1e-12)


def test_nobody_calls():
    assert reached_in_time(0.0, 320.0, 3, patience_s=389.0, half_s=300.0) == pytest.approx(1)


def test_nobody_gives_up():
    """Erlang C is where ever longer patience leads; too few agents answer nobody, for the line never ends."""
    common = {"calls": 60.0, "aht_s": 320.0, "half_s": 300.0}
    patient = reached_in_time(agents=[22, 26, 60], patience_s=1e8, **common)
    found = reached_in_time(agents=[15, 21, 22, 26, 60], patience_s=np.inf, **common)
    assert found[2:] == pytest.approx(patient, abs=1e-4)
    assert found[:2].tolist() == [0, 0]
    assert reached_in_time(60.0, 320.0, 22, patience_s=np.inf, half_s=np.inf) == 1


@pytest.mark.parametrize(("patience_s", "half_s"), [(np.nan, 300.0), (0.0, 300.0), (300.0, 0.0)])
def test_waits_that_cannot_be_are_refused(patience_s, half_s):
    with pytest.raises(PlanningError, match=r"must lie in \(0, inf"):
        reached_in_time(1.0, 1.0, 1, patience_s=patience_s, half_s=half_s)


# --- worth ----------------------------------------------------------------------------------------


def test_worth_by_hand():
    """Calls x leavers' share x kept x value, less those who give up."""
    centre = small()
    settings = centre.systems.second_line
    reached = reached_in_time(60.0, 320.0, 20, patience_s=300.0, half_s=settings.half_s)
    lost = measures(60.0, 320.0, 20, patience_s=300.0).abandonment
    assert settings.worth == 12 * (250 - 50)
    expected = 60 / 6 * settings.save_rate * reached * 2400 - 60 * 5 / 6 * lost * 400
    assert worth(centre, 60.0, 320.0, 20) == pytest.approx(expected)


def case(**changes):
    return worth_of_staff(small(**changes), demand_of(30.0, hours=(9, 11)))


def test_best_staff_is_best_by_trying_its_neighbours():
    table = case()
    for step in (-3, -1, 1, 3):
        agents = table["best"] + step
        near = worth(small(), table["calls"], table["aht_s"], agents) - agents * table["agent_cost_h"] / 4
        assert (near <= table["net_best_worth"]).all()


def test_next_agent_is_the_difference_of_two_plans(settings):
    """Worth of one more = kept x value + callers regained - the agent's hour."""
    row = case().iloc[0]
    lost = measures(30.0, row["aht_s"], row["required"] + np.arange(2), patience_s=300.0).abandonment
    gained = row["next_kept"] * settings.worth + 30 * 5 / 6 * (lost[0] - lost[1]) * 400
    assert row["next_worth"] == pytest.approx(gained - row["agent_cost_h"] / 4)
    assert row["next_kept"] > 0


def test_last_agent_agrees_with_the_next_one():
    """The agent after the required ones earns what `worth_of_staff` says of the next, plus its cost."""
    row = case().iloc[0]
    brings = last_agent(small(), row)
    assert brings[row["required"] + 1] / 4 == pytest.approx(row["next_worth"] + row["agent_cost_h"] / 4)
    assert brings.is_monotonic_decreasing
    assert (brings[brings.index <= row["best"]] >= row["agent_cost_h"]).all()


def test_agent_costs_what_the_wages_say():
    """80,000 roubles, contributions, hours of the norm, breaks; no night, no shrinkage in this centre."""
    centre = two_sites()
    plain = hour_cost(centre, "calls_south")
    assert case()["agent_cost_h"].to_numpy() == pytest.approx(1.25 * plain)


def test_night_hours_cost_their_premium():
    centre = small()
    night = worth_of_staff(centre, demand_of(30.0, hours=(22, 24)))
    assert night["agent_cost_h"].to_numpy() == pytest.approx(1.2 * 1.25 * hour_cost(centre, "calls_north"))
    assert night["interval_start"].iloc[0] == MONDAY + pd.Timedelta(hours=22)


def test_worth_rises_with_what_a_customer_is_worth():
    """A dearer customer never asks for fewer agents; a worthless one asks for next to none."""
    best = [case(margin_month=margin)["best"].sum() for margin in (50.0, 150.0, 250.0, 2000.0)]
    assert best == sorted(best)
    assert best[0] < best[-1]


def test_sensitivity_is_the_plan_at_each_rate():
    centre = small()
    demand = demand_of(30.0, hours=(9, 11))
    table = sensitivity(centre, demand, [0.45, 0.95])
    high = worth_of_staff(centre, demand)
    assert table["kept"].iloc[1] == pytest.approx(high["kept_best"].sum())
    assert table["gain_worth"].iloc[1] == pytest.approx((high["net_best_worth"] - high["net_worth"]).sum())
    assert table["best_h"].is_monotonic_increasing
    assert (table["gain_worth"] >= 0).all()
    assert table["required_h"].iloc[0] == table["required_h"].iloc[1]


def test_default_day_pays():
    """The second line is worth more than it costs even at the lowest published rate."""
    centre = Centre.load()
    table = sensitivity(centre, second_line_demand(centre, first_line()), [0.45])
    assert table["net_worth"].iloc[0] > 0


@pytest.mark.parametrize(("field", "value"), [("save_rate", 95.0), ("half_s", 0.0), ("kept_months", -1.0)])
def test_settings_that_cannot_be_are_refused(field, value):
    with pytest.raises(PlanningError, match=f"{field} is {value}"):
        small(**{field: value})


def test_customers_kept_by_a_plan_are_those_of_its_agents():
    """With the required agents, what `worth_of_staff` says; with many, all leavers but the 5 %."""
    centre, demand = small(), demand_of(30.0, hours=(9, 11))
    needed = requirement(centre, demand)
    assert customers_kept(centre, needed) == pytest.approx(worth_of_staff(centre, demand)["kept"].sum())
    many = needed.assign(agents=needed["agents"] + 100)
    assert customers_kept(centre, many) == pytest.approx(8 * 30 / 6 * 0.95)
