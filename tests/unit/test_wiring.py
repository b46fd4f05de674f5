"""A centre and a roster as a network: no call twice, nobody in two places, each law as the file says."""

import functools

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, demand_of, one_site, roster_of, rostered, two_sites

from planning import PlanningError
from planning.simulation import Law, contacts_of, simulate
from planning.simulation.wiring import outside_calls, wire
from planning.tables import CALLS

TWO = ("first", "second")


def staffed(heads, team, site="north", start="2026-11-23 00:00", end="2026-11-24 00:00"):
    rows = [(f"{team}{number}", start, end) for number in range(heads)]
    return roster_of(*rows, team=team, site=site)


def centre_of(changes=None, queues=TWO):
    return one_site(changes, queues)


@functools.cache
def both_staffed():
    return rostered(pd.concat([staffed(20, "first_north"), staffed(14, "second_north")], ignore_index=True))


def demand_both(first=40.0, second=20.0):
    return pd.concat([demand_of(first, queue="first"), demand_of(second, queue="second")], ignore_index=True)


# --- transfers are in the demand ------------------------------------------------------------------


def test_a_queue_is_offered_its_demand_and_no_call_twice():
    """A fifth of the first line's calls go on, a tenth are asked about: the second line has its 20."""
    centre = centre_of({"queues.first.transfers": {"second": 0.2}, "queues.first.consults": {"second": 0.1}})
    wired = wire(centre, demand_both(), both_staffed().roster.roster, both_staffed().breaks)
    calls = {queue.name: np.asarray(queue.calls).sum() for queue in wired.network.queues}
    expected = demand_both().groupby("queue")["calls"].sum()
    assert calls["first"] == pytest.approx(expected["first"])
    assert calls["second"] == pytest.approx(expected["second"] - 0.3 * expected["first"], rel=0.01)
    days = 60
    found = simulate(centre, demand_both(), both_staffed(), replications=days).queues
    error = np.sqrt(expected / days)
    assert (abs(found["offered"] - expected) < 4 * error).all()
    assert (found["abandonment"] < 0.01).all()


def test_nobody_moves_on_after_a_consult():
    """Of the second line's 100 calls 50 are consults, so half of the other 50 come to the third queue."""
    centre = centre_of(
        {"queues.first.consults": {"second": 0.5}, "queues.second.transfers": {"third": 0.5}},
        (*TWO, "third"),
    )
    calls, soon, open_ = np.full(3, 100.0), np.full(3, 1e-6), np.full(3, True)
    found = outside_calls(centre, dict.fromkeys(["first", "second", "third"], (calls, soon, open_)))
    assert found["second"] == pytest.approx(50.0)
    assert found["third"] == pytest.approx(75.0)


def test_outside_calls_are_late_by_the_handle_time_and_never_negative():
    """A call of 450 s in intervals of 900 s goes on half an interval later."""
    centre = centre_of({"queues.first.transfers": {"second": 0.5}})
    open_ = np.array([True, True, True, False])
    planned = {
        "first": (np.array([8.0, 0.0, 4.0, 4.0]), np.full(4, 450.0), open_),
        "second": (np.array([3.0, 3.0, 0.0, 0.0]), np.full(4, 100.0), open_),
    }
    found = outside_calls(centre, planned)
    np.testing.assert_allclose(found["second"], [1.0, 1.0, 0.0, 0.0])
    np.testing.assert_array_equal(found["first"], planned["first"][0])


def test_transfers_to_a_queue_without_demand_go_nowhere():
    centre = centre_of({"queues.first.transfers": {"second": 0.5}})
    found = simulate(centre, demand_of(10.0, queue="first"), both_staffed(), replications=2)
    assert found.queues.index.tolist() == ["first"]


def test_a_transfer_loop_is_refused():
    centre = centre_of({"queues.first.transfers": {"second": 1.0}, "queues.second.transfers": {"first": 1.0}})
    with pytest.raises(PlanningError, match="consults of 'first', 'second' never end"):
        simulate(centre, demand_both(), both_staffed(), replications=2)


# --- the end of the horizon ----------------------------------------------------------------------


@pytest.mark.parametrize("shifts", [("20:00", "04:00", "12:00"), ("00:00", "08:00", "16:00")])
def test_callers_who_wait_at_the_end_of_the_horizon_are_answered(shifts):
    """The same load and heads all day: the last quarter is like the others."""
    starts = [pd.Timestamp(f"2026-11-23 {time}") for time in shifts]
    rows = [(f"{time:%H}-{n}", time, time + pd.Timedelta(hours=8)) for time in starts for n in range(6)]
    plan = rostered(roster_of(*rows, team="first_north", site="north"))
    found = simulate(centre_of(queues=("first",)), demand_of(20.0, queue="first"), plan, replications=200)
    level = found.intervals.set_index("interval_start")["service_level"]
    assert level.iloc[-1] > level.iloc[48:].mean() - 0.05
    assert found.intervals["longest_wait_s"].iloc[-1] < 600
    assert found.teams["occupancy"].iloc[0] < 1
    assert found.agents["occupancy"].max() < 1


# --- who answers ----------------------------------------------------------------------------------


def test_late_callers_are_answered_by_the_other_site():
    """A rule with a wait: North takes South's callers who waited too long, and nobody else moves by day."""
    late = {"from_site": "south", "to_site": "north", "after_s": 10.0}
    rules = [{"from_site": "south", "to_site": "north"}, late]
    alone = two_sites({"queues.calls.pooled": False})
    helped = alone.replace({"overflow": rules})
    people = rostered(
        pd.concat(
            [
                staffed(3, "calls_south", "south", "2026-11-23 08:00", "2026-11-23 22:00"),
                staffed(12, "calls_north"),
            ]
        )
    )
    found = {}
    for name, centre in (("alone", alone), ("helped", helped)):
        contacts = contacts_of(centre, demand_of(20.0, hours=(9, 12)), people, seed=1, replication=0)
        answered = contacts[contacts["outcome"] == "answered"]
        found[name] = answered["site"].value_counts()
    assert found["helped"]["north"] > 1.3 * found["alone"]["north"]
    level = [
        simulate(centre, demand_of(20.0, hours=(9, 12)), people, replications=10).queues["service_level"][
            "calls"
        ]
        for centre in (alone, helped)
    ]
    assert level[1] > level[0] + 0.1


def test_a_team_is_asked_in_the_order_of_its_skills():
    """The home team first, then the team with the queue as its second skill; own callers come first."""
    centre = centre_of({"teams.first_north.queues": ["first", "second"]})
    wired = wire(centre, demand_both(), both_staffed().roster.roster, both_staffed().breaks)
    second = wired.network.queues[1]
    assert second.routing == (("second_north",), ("first_north",))
    assert {team.name: team.skills for team in wired.network.teams} == {
        "first_north": (("first",), ("second",)),
        "second_north": (("second",),),
    }


def test_a_second_skill_helps_the_queue_and_counts_an_agent_once():
    alone = rostered(staffed(20, "first_north"))
    apart = simulate(centre_of(), demand_both(20.0, 10.0), alone, replications=4).queues
    skilled = centre_of({"teams.first_north.queues": ["first", "second"]})
    both = simulate(skilled, demand_both(20.0, 10.0), alone, replications=4)
    assert apart.loc["second", "service_level"] == 0.0
    assert both.queues.loc["second", "service_level"] > 0.9
    load = 30.0 * 240.0 / 900.0
    assert both.teams.loc["first_north", "occupancy"] == pytest.approx(load / 20.0, rel=0.1)


def apart(closes="22:00"):
    """South and North with a queue each."""
    return two_sites({"queues.calls.pooled": False, "sites.south.closes": closes})


def test_waiting_callers_of_a_closing_site_are_handed_over():
    """Nobody works in South, patience has no end: at 22:00 North takes all who wait, longest first."""
    centre = apart().replace({"queues.calls.patience_s": float("inf")})
    demand = demand_of(4.0, hours=(21, 23))
    north = rostered(staffed(30, "calls_north"))
    wired = wire(centre, demand, north.roster.roster, north.breaks)
    assert [queue.name for queue in wired.network.queues] == ["calls south", "calls north"]
    assert wired.network.hand_overs == (
        (0.0, "calls south", "calls north"),
        (8 * 3600.0, "calls south", "calls south"),
        (22 * 3600.0, "calls south", "calls north"),
    )
    found = contacts_of(centre, demand, north, seed=2)
    assert (found["outcome"] == "answered").all()
    waited = found[found["wait_s"] > 1.0]
    answered = waited["arrival"] + pd.to_timedelta(waited["wait_s"], unit="s")
    assert len(waited) > 3
    assert (answered.dt.round("s") >= MONDAY + pd.Timedelta(hours=22)).all()
    assert (answered.dt.round("s") == MONDAY + pd.Timedelta(hours=22)).any()


def test_sites_apart_are_one_queue_in_the_results():
    found = simulate(apart(), demand_of(10.0), rostered(staffed(12, "calls_north")), replications=3)
    assert found.queues.index.tolist() == ["calls"]
    assert found.queues.loc["calls", "offered"] == pytest.approx(960, rel=0.1)
    assert found.sites.index.tolist() == ["north"]


def test_a_person_is_in_one_place_at_a_time():
    double = roster_of(
        ("a", "2026-11-23 08:00", "2026-11-23 16:00"), ("a", "2026-11-23 15:00", "2026-11-23 20:00")
    )
    with pytest.raises(PlanningError, match="agent a has a shift until 2026-11-23 16:00 and another from"):
        simulate(one_site(), demand_of(1.0), rostered(double), replications=2)


def test_an_unknown_team_is_named():
    stranger = rostered(staffed(1, "nobody"))
    with pytest.raises(PlanningError, match="roster names team 'nobody', must be one of calls_north"):
        simulate(one_site(), demand_of(1.0), stranger, replications=2)


def test_nobody_on_shift_and_nobody_calling():
    """Everybody gives up; and a queue without a call keeps every promise."""
    nobody = rostered(staffed(1, "calls_north").iloc[:0])
    lost = simulate(one_site(), demand_of(2.0), nobody, replications=2)
    assert lost.queues.loc["calls", ["service_level", "abandonment"]].tolist() == [0.0, 1.0]
    quiet = simulate(one_site(), demand_of(0.0, 0.0), rostered(staffed(1, "calls_north")), replications=2)
    assert quiet.queues.loc["calls", ["service_level", "half_width", "offered"]].tolist() == [1.0, 0.0, 0.0]
    assert quiet.occupancy.to_numpy().max() == 0.0


def test_an_own_agent_first():
    """One at a time and everybody there: all reach their own; without own agents there is nothing to say."""
    few, crew = demand_of(0.2, 10.0), rostered(staffed(5, "calls_north"))
    own = simulate(one_site({"queues.calls.personal": True}), few, crew, replications=30).queues
    assert own.loc["calls", "own_agent"] > 0.97
    assert np.isnan(simulate(one_site(), few, crew, replications=2).queues.loc["calls", "own_agent"])


def test_whose_own_agent_each_is():
    """Hardly ever two calls at once: the personal agent answers when on position, which has a known share.

    a0 has six tenths and stays until noon, a1 three and is there all day, one who is on leave has the rest.
    """
    centre, demand = one_site({"queues.calls.personal": True}), demand_of(0.2, 10.0)
    roster = roster_of(
        ("a0", "2026-11-23 00:00", "2026-11-23 12:00"), ("a1", "2026-11-23 00:00", "2026-11-24 00:00")
    )
    crew = rostered(roster)
    crew.own_shares = pd.DataFrame(
        {"a0": 0.6, "a1": 0.3, "away": 0.1}, index=pd.DatetimeIndex(demand["interval_start"])
    )
    found = simulate(centre, demand, crew, replications=400).queues.loc["calls"]
    exact, answered = 0.6 / 2 + 0.3, 400 * 0.2 * 96
    assert abs(found["own_agent"] - exact) < 4 * np.sqrt(exact * (1 - exact) / answered) + 0.005


def test_an_own_agent_who_works_elsewhere_is_not_asked():
    centre = two_sites({"queues.calls.personal": True, "queues.calls.pooled": False})
    crew = pd.concat(
        [
            staffed(2, "calls_north"),
            roster_of(("m", "2026-11-23 08:00", "2026-11-23 22:00"), team="calls_south", site="south"),
        ]
    )
    shares = pd.DataFrame({"m": 0.5, "k": 0.5}, index=pd.DatetimeIndex(demand_of()["interval_start"]))
    wired = wire(centre, demand_of(), crew, rostered(crew).breaks, shares)
    assert {queue.name: queue.personal for queue in wired.network.queues}["calls north"] == ("k",)


# --- laws -----------------------------------------------------------------------------------------


def laws_of(changes):
    centre = one_site({f"queues.calls.{name}": value for name, value in changes.items()})
    crew = rostered(staffed(1, "calls_north"))
    return wire(centre, demand_of(1.0), crew.roster.roster, crew.breaks).network.queues[0]


def same(law, other):
    return (law.kind, law.a, law.b) == (other.kind, other.a, other.b) and np.allclose(
        law.samples, other.samples
    )


@pytest.mark.parametrize(
    ("changes", "stream", "law"),
    [
        ({"service_cv": 1.3}, "service", Law.lognormal(240.0, 1.3)),
        ({"service_cv": 0.0}, "service", Law.deterministic(240.0)),
        ({"service": {"law": "exponential"}}, "service", Law.exponential(240.0)),
        ({"service": {"law": "deterministic"}}, "service", Law.deterministic(240.0)),
        (
            {"service": {"law": "empirical", "quantiles_s": [0.0, 10.0, 20.0]}},
            "service",
            Law.empirical([0.0, 240.0, 480.0]),
        ),
        ({}, "patience", Law.exponential(300.0)),
        ({"patience_s": float("inf")}, "patience", Law.never()),
        ({"patience": {"law": "lognormal", "cv": 2.0}}, "patience", Law.lognormal(300.0, 2.0)),
        ({"lookup_s": 3.0}, "lookup", Law.deterministic(3.0)),
        ({"lookup_s": 3.0, "lookup": {"law": "exponential"}}, "lookup", Law.exponential(3.0)),
        ({"lookup": {"law": "exponential"}}, "lookup", Law.deterministic(0.0)),
    ],
)
def test_laws_are_those_of_the_file(changes, stream, law):
    assert same(getattr(laws_of(changes), stream), law)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"service": {"law": "lognormal"}}, "give cv for a lognormal law"),
        ({"service": {"law": "exponential", "cv": 1.0}}, "give cv for a lognormal law and no other"),
        ({"patience": {"law": "lognormal", "cv": -1.0}}, "cv is -1.0, must be greater than 0"),
        ({"service": {"law": "empirical"}}, "quantiles_s is None, law is empirical"),
        ({"service": {"law": "empirical", "quantiles_s": [3.0, 1.0]}}, "must rise and not all be 0"),
        ({"service": {"law": "weibull"}}, "law is 'weibull'"),
        ({"transfers": {"nobody": 0.1}}, "queues.calls.transfers names 'nobody'"),
        ({"transfers": {"calls": 1.5}}, "transfers.calls is 1.5"),
        ({"transfers": {"calls": 0.6}, "consults": {"calls": 0.6}}, "add up to 1.2, must be at most 1"),
        ({"redial": 1.0}, "redial is 1.0, must be less than 1"),
        ({"redial_pause_s": 0.0}, "redial_pause_s is 0.0, must be greater than 0"),
        ({"balk": 2.0}, "balk is 2.0, must be less than or equal to 1"),
    ],
)
def test_settings_that_cannot_be(changes, named):
    with pytest.raises(PlanningError, match=named):
        one_site({f"queues.calls.{name}": value for name, value in changes.items()})


# --- contacts -------------------------------------------------------------------------------------


def test_contacts_are_call_records():
    """Every row is a good CALLS row, and the named people answer on their shifts."""
    crew = rostered(staffed(6, "calls_north", start="2026-11-23 08:00", end="2026-11-23 20:00"))
    found = contacts_of(one_site(), demand_of(10.0, hours=(8, 20)), crew, seed=3)
    assert CALLS.split(found)[1].empty
    answered = found[found["outcome"] == "answered"]
    assert set(answered["agent_id"]) == set(crew.roster.roster["agent_id"])
    assert set(answered["site"]) == {"north"}
    assert found["arrival"].between(MONDAY, MONDAY + pd.Timedelta(days=1)).all()
    assert found.loc[found["outcome"] == "abandoned", ["agent_id", "team", "site"]].isna().all(axis=None)
