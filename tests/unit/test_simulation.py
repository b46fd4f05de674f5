"""The engine's rules, each on a centre small enough to follow by hand."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from planning.errors import PlanningError
from planning.simulation import (
    CONTACTS,
    Agent,
    AgentGroup,
    CallQueue,
    Law,
    Network,
    band,
    contact_measures,
    engine,
    fifo,
    kernel,
    paired_difference,
    simulate_day,
    simulate_days,
)

HOUR = ((0.0, 3600.0),)


def queue(name="q", routing=("t",), service=10.0, **settings):
    """A queue with a fixed handling time."""
    return CallQueue(name, Law.deterministic(service), routing, **settings)


def network(*queues, agents=(("t", HOUR),), skills=None):
    """A network whose teams serve, in the queues' order, whatever names them."""
    names = dict.fromkeys(team for q in queues for team in q.teams)
    table = skills or {team: tuple(q.name for q in queues if team in q.teams) for team in names}
    teams = tuple(AgentGroup(team, table[team]) for team in names)
    return Network(tuple(queues), teams, tuple(Agent(team, segments) for team, segments in agents))


def run(*queues, **settings):
    """Contacts of one day."""
    return simulate_day(network(*queues, **settings), seed=1).contacts


# --- what happens to a call ---------------------------------------------------------------------------------


def test_contacts_have_their_columns_and_types():
    """CONTACTS is what contacts.py says."""
    contacts = run(queue(arrival_s=[1.0, 2.0], patience=Law.deterministic(3.0)))
    assert tuple(contacts.columns) == CONTACTS
    assert contacts["queue"].tolist() == ["q", "q"]
    assert contacts["outcome"].tolist() == ["answered", "abandoned"]
    assert contacts["agent"].tolist() == [0, -1]
    assert contacts["team"].tolist()[0] == "t"
    assert contacts["team"].isna().tolist() == [False, True]
    assert contacts["attempt"].tolist() == [1, 1]
    assert contacts["transferred_from"].isna().all()
    np.testing.assert_array_equal(contacts["end_s"], [11.0, 5.0])


def test_calls_are_answered_first_come_first_served():
    """Three calls at one agent."""
    contacts = run(queue(arrival_s=[0.0, 1.0, 2.0]))
    assert contacts["answer_s"].tolist() == [0.0, 10.0, 20.0]


def test_an_agent_free_at_the_last_moment_of_patience_answers():
    """Patience 9 s, free after exactly 9 s."""
    assert run(queue(arrival_s=[0.0, 1.0], patience=Law.deterministic(9.0)))["answer_s"].tolist() == [
        0.0,
        10.0,
    ]


def test_the_longest_idle_agent_is_taken():
    """Agent 0 becomes free first and so answers the fourth call; the third goes to agent 2, never busy."""
    contacts = run(queue(arrival_s=[0.0, 1.0, 5.0, 30.0]), agents=(("t", HOUR),) * 3)
    assert contacts["agent"].tolist() == [0, 1, 2, 0]


def test_the_longest_idle_agent_of_tied_teams_is_taken():
    """Two sites of one rank work as one pool; with a strict order the first site always comes first."""
    calls = {"arrival_s": [0.0, 20.0, 40.0], "service": 1.0}
    agents = (("south", HOUR), ("north", HOUR))
    tied = run(queue(routing=(("south", "north"),), **calls), agents=agents)
    strict = run(queue(routing=("south", "north"), **calls), agents=agents)
    assert tied["team"].tolist() == ["south", "north", "south"]
    assert strict["team"].tolist() == ["south"] * 3


def test_a_freed_agent_picks_by_priority():
    """Queue b waits longer but a comes first; of queues of one rank the longer waiting is taken."""
    a, b = queue("a", arrival_s=[0.0, 2.0]), queue("b", arrival_s=[1.0])
    assert run(a, b).set_index("arrival_s")["answer_s"].to_dict() == {0.0: 0.0, 1.0: 20.0, 2.0: 10.0}
    tied = run(a, b, skills={"t": (("a", "b"),)})
    assert tied.set_index("arrival_s")["answer_s"].to_dict() == {0.0: 0.0, 1.0: 10.0, 2.0: 20.0}


def test_overflow_opens_after_its_delay():
    """The second call waits for its own team; after 4 s the other team may take it."""
    q = queue(routing=("own", "other"), arrival_s=[0.0, 1.0], overflow_s={"other": 4.0})
    contacts = run(q, agents=(("own", HOUR), ("other", HOUR)))
    assert contacts["answer_s"].tolist() == [0.0, 5.0]
    assert contacts["team"].tolist() == ["own", "other"]


def test_a_team_that_opens_at_the_last_moment_of_patience_answers():
    """Overflow and patience both at 4 s: answered."""
    q = queue(routing=("other",), arrival_s=[1.0], overflow_s={"other": 4.0}, patience=Law.deterministic(4.0))
    assert run(q, agents=(("other", HOUR),))["answer_s"].tolist() == [5.0]


def test_a_freed_agent_leaves_a_caller_who_may_not_overflow_yet():
    """The other team is free at 3 s, but may take the caller from 5 s on."""
    q = queue(routing=("own", "other"), arrival_s=[0.0, 1.0], overflow_s={"other": 4.0})
    other = queue("r", ("other",), 3.0, arrival_s=[0.0])
    contacts = run(q, other, agents=(("own", HOUR), ("other", HOUR)))
    assert contacts.loc[contacts["arrival_s"] == 1.0, "answer_s"].tolist() == [5.0]


def test_a_reserve_is_kept_back():
    """Two idle agents, one kept back: of two calls only one is taken over."""
    q = queue(routing=("other",), arrival_s=[0.0, 1.0], reserve={"other": 1})
    assert run(q, agents=(("other", HOUR),) * 2)["answer_s"].tolist() == [0.0, 10.0]


def test_the_lookup_runs_beside_the_wait():
    """A lookup of 4 s delays the first call, and costs the second, which waits longer, nothing."""
    contacts = run(queue(arrival_s=[0.0, 1.0], lookup=Law.deterministic(4.0)))
    assert contacts["answer_s"].tolist() == [4.0, 14.0]


def test_a_slow_lookup_lets_the_next_pass_but_loses_no_place():
    """Call 0 is looked up for 12 s, call 1 for none and call 2 for 30 s: 1, then 0 before 3, then 2."""
    lookup = Law.trace([12.0, 0.0, 30.0, 0.0])
    contacts = run(queue(arrival_s=[0.0, 5.0, 6.0, 11.0], lookup=lookup))
    assert contacts["answer_s"].tolist() == [15.0, 5.0, 36.0, 25.0]


def test_a_caller_may_give_up_during_the_lookup():
    """Patience ends before the lookup does."""
    contacts = run(queue(arrival_s=[0.0], lookup=Law.deterministic(4.0), patience=Law.deterministic(3.0)))
    assert contacts["end_s"].tolist() == [3.0]


def test_a_transferred_caller_has_a_contact_in_each_queue():
    """The call goes on to the second line when it ends."""
    first = queue("first", ("one",), arrival_s=[0.0], transfers={"second": 1.0})
    contacts = run(first, queue("second", ("two",), 5.0), agents=(("one", HOUR), ("two", HOUR)))
    assert contacts["queue"].tolist() == ["first", "second"]
    assert contacts["arrival_s"].tolist() == [0.0, 10.0]
    assert contacts["end_s"].tolist() == [10.0, 15.0]
    assert contacts["transferred_from"].tolist()[1] == "first"


def test_transfers_split_as_their_probabilities():
    """30 % and 20 % of 20,000 calls."""
    first = queue("a", ("t",), 1.0, arrival_s=np.arange(20_000) * 0.1, transfers={"b": 0.3, "c": 0.2})
    contacts = run(
        first,
        queue("b", ("u",), 0.0),
        queue("c", ("u",), 0.0),
        agents=(("t", ((0, 1e6),)), ("u", ((0, 1e6),))),
    )
    shares = contacts["queue"].value_counts() / 20_000
    assert abs(shares["b"] - 0.3) < 4 * np.sqrt(0.3 * 0.7 / 20_000)
    assert abs(shares["c"] - 0.2) < 4 * np.sqrt(0.2 * 0.8 / 20_000)


def test_transfers_do_not_depend_on_the_handling_time():
    """Who goes on talked as long as the others: each decision has its own stream."""
    first = CallQueue(
        "a", Law.exponential(10.0), ("t",), arrival_s=np.arange(20_000) * 1e3, transfers={"b": 0.3}
    )
    crew = (("t", ((0.0, 1e9),)), ("u", ((0.0, 1e9),)))
    contacts = run(first, queue("b", ("u",), 0.0), agents=crew)
    moved = contacts.loc[contacts["queue"] == "b", "arrival_s"].to_numpy()
    calls = contacts[contacts["queue"] == "a"]
    handled = (calls["end_s"] - calls["answer_s"]).to_numpy()
    gone = np.isin(calls["end_s"].to_numpy(), moved)
    assert gone.sum() == moved.size
    assert abs(handled[gone].mean() - 10.0) < 4 * 10.0 / np.sqrt(gone.sum())


def test_redials_come_back_with_their_probability_and_pause():
    """Nobody answers: attempts fall geometrically, the pause is exponential."""
    arrivals = np.arange(20_000) * 1e5
    q = queue(arrival_s=arrivals, patience=Law.deterministic(1.0), redial=0.4, redial_pause_s=50.0)
    contacts = run(q, agents=())
    attempts = contacts["attempt"].value_counts()
    assert abs(attempts[2] / 20_000 - 0.4) < 4 * np.sqrt(0.24 / 20_000)
    assert abs(attempts[3] / attempts[2] - 0.4) < 4 * np.sqrt(0.24 / attempts[2])
    pause_s = contacts["arrival_s"][contacts["attempt"] == 2] % 1e5 - 1.0
    assert abs(pause_s.mean() - 50.0) < 4 * 50.0 / np.sqrt(len(pause_s))
    assert abs((pause_s > 50.0).mean() - np.exp(-1.0)) < 4 * 0.5 / np.sqrt(len(pause_s))
    assert (contacts["end_s"] == contacts["arrival_s"] + 1.0).all()
    assert (contacts["outcome"] == "abandoned").all()


def test_who_waits_when_the_last_agent_has_gone_ends_as_abandoned():
    """Without patience a caller would wait for ever; the day ends all the same."""
    contacts = run(queue(arrival_s=[0.0, 1.0, 3700.0]), agents=(("t", ((0.0, 5.0),)),))
    assert contacts["outcome"].tolist() == ["answered", "abandoned", "abandoned"]
    assert contacts["end_s"].tolist()[1:] == [4500.0, 4500.0]  # the end of the last interval


# --- agents and their segments ------------------------------------------------------------------------------


def test_a_leaver_finishes_the_call_and_goes():
    """The segment ends at 5 s, the call at 10 s: an overrun of 5 s, and no further call."""
    day = simulate_day(
        network(queue(arrival_s=[0.0, 1.0], patience=Law.deterministic(60.0)), agents=(("t", ((0, 5),)),)),
        seed=1,
    )
    assert day.contacts["end_s"].tolist() == [10.0, 61.0]
    assert day.agents[["on_position_s", "overrun_s", "staffed_s", "busy_s", "occupancy"]].loc[0].tolist() == [
        5.0,
        5.0,
        10.0,
        10.0,
        1.0,
    ]


def test_an_overrun_lies_in_the_intervals_in_which_it_is_worked():
    """Intervals of 900 s: on position to 895 s, the call of 10 s from 893 s on ends at 903 s: 5 and 3 s."""
    line = replace(network(queue(arrival_s=[893.0]), agents=(("t", ((0, 895),)),)), horizon_s=1800.0)
    days = simulate_days(line, 1, seed=1)
    assert days.team_overrun_s[0].tolist() == [5.0, 3.0, 0.0]
    assert days.overrun_s.tolist() == [[8.0]]


def test_a_call_that_outlasts_the_break_costs_the_break_only():
    """Break from 5 to 8 s, call until 10 s: overrun 3 s, and the agent takes the next call at 10 s."""
    day = simulate_day(network(queue(arrival_s=[0.0, 1.0]), agents=(("t", ((0, 5), (8, 60))),)), seed=1)
    assert day.agents["overrun_s"].tolist() == [3.0]
    assert day.contacts["answer_s"].tolist() == [0.0, 10.0]


def test_a_call_at_the_very_end_of_a_segment_is_not_taken():
    """Segments are half-open; the next agent comes at that moment and takes it."""
    contacts = run(queue(arrival_s=[5.0]), agents=(("t", ((0, 5),)), ("t", ((5, 9),))))
    assert contacts["agent"].tolist() == [1]


def test_an_agent_who_comes_takes_the_waiting_call_at_once():
    """The call waits from 1 s; the agent comes at 7 s."""
    assert run(queue(arrival_s=[1.0]), agents=(("t", ((7, 60),)),))["answer_s"].tolist() == [7.0]


def test_touching_segments_are_one():
    """An agent keeps the place in the idle list over a seam."""
    contacts = run(queue(arrival_s=[6.0]), agents=(("t", ((0, 5), (5, 60))), ("t", ((1, 60),))))
    assert contacts["agent"].tolist() == [0]


def test_the_night_side_of_midnight_is_not_special():
    """A shift over 24 h is one segment."""
    contacts = run(queue(arrival_s=[86_399.0, 86_401.0]), agents=(("t", ((80_000, 90_000),)),))
    assert contacts["answer_s"].tolist() == [86_399.0, 86_409.0]


def test_absent_agents_do_not_work():
    """`present` drops an agent from one day and not from the other."""
    q = CallQueue("q", Law.exponential(60.0), ("t",), calls=[30.0] * 4, patience=Law.exponential(60.0))
    two = network(q, agents=(("t", HOUR),) * 2)
    days = simulate_days(two, 2, seed=3, present=[[True, True], [True, False]])
    assert days.busy_s[1, 1] == 0.0
    assert days.on_position_s.tolist() == [[3600.0, 3600.0], [3600.0, 0.0]]
    one = simulate_days(network(q, agents=(("t", HOUR),)), 2, seed=3)
    np.testing.assert_array_equal(days.counts[1], one.counts[1])


# --- results ------------------------------------------------------------------------------------------------


def centre(calls=60.0):
    """Two sites, three queues: lookup, transfers, redials, overflow and breaks at once."""
    patience = Law.exponential(200.0)
    first = CallQueue(
        "first",
        Law.lognormal(180.0, cv=1.27),
        (("south", "north"), "second"),
        calls=np.full(8, calls),
        patience=patience,
        lookup=Law.exponential(2.0),
        day_cv=0.1,
        overflow_s={"second": 20.0},
        transfers={"retention": 0.1},
        redial=0.4,
        redial_pause_s=300.0,
    )
    retention = CallQueue("retention", Law.exponential(300.0), ("second",), patience=patience)
    net = CallQueue(
        "net", Law.empirical([60.0, 200.0, 900.0]), ("north",), calls=np.full(8, 5.0), patience=patience
    )
    teams = (
        AgentGroup("south", ("first",)),
        AgentGroup("north", ("net", "first")),
        AgentGroup("second", ("retention", "first")),
    )
    shift = ((0.0, 2000.0), (2300.0, 5000.0), (5400.0, 7200.0))
    agents = [Agent(team, shift) for team, n in (("south", 5), ("north", 5), ("second", 3)) for _ in range(n)]
    return Network((first, retention, net), teams, tuple(agents))


def test_light_counts_are_the_measures_of_the_contacts():
    """The two routes to the figures agree, call by call of the same day."""
    days = simulate_days(centre(), 3, seed=5)
    contacts = simulate_day(centre(), seed=5, replication=2).contacts
    full = contact_measures(contacts, by="queue")
    light = days.measures(by=("day", "queue")).loc[2]
    assert light.index.tolist() == full.index.tolist()
    pd.testing.assert_frame_equal(light.reset_index(drop=True), full.reset_index(drop=True))
    pd.testing.assert_frame_equal(
        contact_measures(contacts),
        simulate_days(centre(), 3, seed=5).measures(by=("day",)).loc[[2]].reset_index(drop=True),
    )


def test_agents_of_the_two_modes_agree():
    """Busy and overrun seconds are those of the full day, and of its contacts."""
    days = simulate_days(centre(), 1, seed=5)
    day = simulate_day(centre(), seed=5)
    np.testing.assert_array_equal(days.busy_s[0], day.agents["busy_s"])
    np.testing.assert_array_equal(days.overrun_s[0], day.agents["overrun_s"])
    talk = (day.contacts["end_s"] - day.contacts["answer_s"]).groupby(day.contacts["agent"]).sum()
    np.testing.assert_allclose(talk.drop(-1), day.agents["busy_s"], rtol=1e-12)
    teams = (
        day.agents.groupby("team", observed=True)["busy_s"].sum()
        / day.agents.groupby("team", observed=True)["staffed_s"].sum()
    )
    np.testing.assert_allclose(
        days.teams().loc[0, "occupancy"], teams[["south", "north", "second"]], rtol=1e-12
    )


def test_a_day_that_outgrows_its_room_is_the_same_day(monkeypatch):
    """Room for a tenth of the callers: run again with more, to the same contacts."""
    whole = simulate_day(centre(), seed=9).contacts
    roomy = engine.new_state
    asked = []

    def tight(*args):
        asked.append(args[-2])
        return roomy(*args[:-2], args[-2] // 12, args[-1])

    monkeypatch.setattr(engine, "new_state", tight)
    pd.testing.assert_frame_equal(simulate_day(centre(), seed=9).contacts, whole)
    assert len(asked) > 1


def test_seeds_and_replications_differ_and_repeat():
    """The same pair gives the same day, another one another."""
    day = simulate_day(centre(), seed=1, replication=4).contacts
    pd.testing.assert_frame_equal(day, simulate_day(centre(), seed=1, replication=4).contacts)
    assert not day["arrival_s"][:9].equals(
        simulate_day(centre(), seed=1, replication=5).contacts["arrival_s"][:9]
    )
    assert not day["arrival_s"][:9].equals(
        simulate_day(centre(), seed=2, replication=4).contacts["arrival_s"][:9]
    )


def test_a_change_of_staff_or_of_a_rate_leaves_the_rest_in_place():
    """+1 agent: the same fresh calls with the same handling time. A doubled queue: the other as before."""
    base = centre()
    more = replace(base, agents=(*base.agents, Agent("south", ((0.0, 7200.0),))))
    busier = replace(base, queues=(*base.queues[:2], replace(base.queues[2], calls=np.full(8, 10.0))))

    def fresh(network, name):
        contacts = simulate_day(network, seed=8).contacts
        return contacts[(contacts["queue"] == name) & (contacts["attempt"] == 1)].reset_index(drop=True)

    a, b, c = fresh(base, "first"), fresh(more, "first"), fresh(busier, "first")
    np.testing.assert_array_equal(a["arrival_s"], b["arrival_s"])
    np.testing.assert_array_equal(a["arrival_s"], c["arrival_s"])
    both = a["answer_s"].notna() & b["answer_s"].notna()
    assert both.sum() > 300
    handled = [(one["end_s"] - one["answer_s"])[both] for one in (a, b)]
    np.testing.assert_allclose(*handled, rtol=1e-9)


def test_a_rate_scaled_up_brings_every_call_forward():
    """Time change: twice the rate halves every arrival moment."""
    slow = simulate_day(network(queue(calls=[50.0] * 4)), seed=2).contacts["arrival_s"]
    fast = simulate_day(network(queue(calls=[100.0] * 4)), seed=2).contacts["arrival_s"]
    np.testing.assert_allclose(fast[:100], slow[:100] / 2.0)


def test_an_interval_without_calls_has_none():
    """Rates are piecewise constant, and zero is a rate."""
    arrivals = simulate_day(network(queue(service=0.0, calls=[0.0, 300.0, 0.0, 300.0])), seed=2).contacts[
        "arrival_s"
    ]
    cells = (arrivals // 900).value_counts()
    assert set(cells.index) == {1.0, 3.0}
    assert len(simulate_day(network(queue(calls=[0.0] * 4)), seed=2).contacts) == 0


def test_measures_score_only_what_they_should():
    """Denominators: service level over the offered, ASA and AHT over the answered."""
    contacts = fifo([0.0, 1.0, 2.0], [30.0, 10.0, 10.0], 1, patience_s=[5.0, 5.0, 90.0])
    row = contact_measures(contacts, threshold_s=28.0).loc[0]
    assert row["service_level"] == 2 / 3
    assert row["asa_s"] == 14.0
    assert row["longest_wait_s"] == 28.0
    by = contact_measures(contacts, by=["outcome", "attempt"])
    assert by.index.names == ["outcome", "attempt"]
    assert np.isnan(by.loc[("abandoned", 1), "asa_s"])


def test_measures_of_nothing():
    """No calls: everybody was served."""
    row = contact_measures(fifo([], [], 1)).loc[0]
    assert (row["service_level"], row["asa_s"], row["abandonment"], row["offered"]) == (1.0, 0.0, 0.0, 0)


def test_band_is_students():
    """t(3, 0.975) = 3.182446."""
    mean, half_width = band([1.0, 2.0, 3.0, 4.0])
    assert mean == 2.5
    assert half_width == pytest.approx(3.1824463 * np.sqrt(5.0 / 3.0) / 2.0, rel=1e-7)
    assert paired_difference([2.0, 4.0], [1.0, 3.0]) == (1.0, 0.0)


# --- random numbers -----------------------------------------------------------------------------------------


def keys(replication=0, queues=4):
    """Keys of one replication."""
    table = np.empty((queues, kernel.STREAMS), np.uint64)
    kernel.fill_keys(np.uint64(1), np.uint64(replication), table)
    return table


def uniforms(key, n, step=0):
    """The first n variates of a stream."""
    return np.array([kernel.uniform(key, i, step) for i in range(n)])


def test_variates_are_uniform_over_calls_streams_and_replications():
    """Chi-square on 50 cells, along each index of the counter; 4 sigma."""
    first = keys()
    samples = {
        "calls": uniforms(first[0, 0], 50_000),
        "steps": np.array([kernel.uniform(first[0, 0], 7, step) for step in range(50_000)]),
        "replications": np.array([kernel.uniform(keys(r, 1)[0, 0], 0, 0) for r in range(20_000)]),
        "streams": np.array([kernel.uniform(key, 0, 0) for r in range(700) for key in keys(r).ravel()]),
    }
    for name, u in samples.items():
        seen = np.histogram(u, 50, (0.0, 1.0))[0]
        chi2 = ((seen - u.size / 50) ** 2).sum() / (u.size / 50)
        assert abs(chi2 - 49) < 4 * np.sqrt(2 * 49), name
        assert len(np.unique(u)) == u.size, name


def test_variates_are_independent_along_and_across():
    """Neighbours (call, step, stream, queue, replication) are uncorrelated and fill the square; 4 sigma."""
    n, first = 20_000, keys()
    base = uniforms(first[0, 0], n)
    others = {
        "next call": np.roll(base, 1),
        "next step": uniforms(first[0, 0], n, 1),
        "transfer": uniforms(first[0, 0], n, 2),
        "next attempt": uniforms(first[0, 0], n, 1 << 20),
        "next stream": uniforms(first[0, 1], n),
        "next queue": uniforms(first[1, 0], n),
        "next replication": uniforms(keys(1)[0, 0], n),
    }
    for name, u in others.items():
        assert abs(np.corrcoef(base, u)[0, 1]) < 4 / np.sqrt(n), name
        pairs = np.histogram2d(base, u, 10, ((0, 1), (0, 1)))[0]
        chi2 = ((pairs - n / 100) ** 2).sum() / (n / 100)
        assert abs(chi2 - 99) < 4 * np.sqrt(2 * 99), name


def test_normal_quantile_against_scipy():
    """Wichura's AS 241 in all three of its regions."""
    p = np.concatenate(
        [np.logspace(-300, -1, 300), np.linspace(0.01, 0.99, 197), 1 - np.logspace(-15, -2, 50)]
    )
    ours = np.array([kernel.normal_quantile(x) for x in p])
    np.testing.assert_allclose(ours, ndtri(p), rtol=2e-14, atol=1e-15)


@pytest.mark.parametrize(
    ("law", "mean", "cv"),
    [
        (Law.exponential(200.0), 200.0, 1.0),
        (Law.lognormal(180.0, cv=1.27), 180.0, 1.27),
        (Law.deterministic(30.0), 30.0, 0.0),
        (Law.empirical([0.0, 100.0]), 50.0, 1 / np.sqrt(3.0)),
        (Law.empirical([10.0, 20.0, 60.0]), 27.5, None),
    ],
)
def test_laws_have_their_moments(law, mean, cv):
    """Mean and coefficient of variation over 50,000 calls served at once."""
    n = 50_000
    q = CallQueue("q", law, ("t",), arrival_s=np.arange(n) * 1e5)
    contacts = simulate_day(network(q, agents=(("t", ((0.0, 1e11),)),)), seed=3).contacts
    x = (contacts["end_s"] - contacts["answer_s"]).to_numpy()
    assert law.mean_s == pytest.approx(mean)
    assert abs(x.mean() - mean) <= 4 * x.std() / np.sqrt(n) + 1e-5
    if cv is not None:
        assert x.std() / x.mean() == pytest.approx(cv, rel=0.05, abs=1e-5)


def test_the_day_factor_is_gamma():
    """Counts of a day: variance = mean + (cv mean)^2, and each queue has its own factor."""
    a, b = (queue(name, calls=[250.0] * 4, day_cv=0.2, service=0.0) for name in "ab")
    own = simulate_days(network(a, b), 2000, seed=4).counts[..., kernel.OFFERED].sum(axis=2)
    assert own[:, 0].mean() == pytest.approx(1000.0, abs=4 * np.sqrt(41_000 / 2000))
    assert own[:, 0].var(ddof=1) == pytest.approx(41_000.0, rel=0.15)
    assert abs(np.corrcoef(own.T)[0, 1]) < 4 / np.sqrt(2000)


def test_each_day_of_a_horizon_has_its_own_factor():
    """Two days of two intervals: alike within a day, apart between days."""
    two = replace(network(queue(calls=[2500.0] * 4, day_cv=0.3, service=0.0)), day_intervals=(0, 0, 1, 1))
    counts = simulate_days(two, 1000, seed=4).counts[:, 0, :4, kernel.OFFERED]
    related = np.corrcoef(counts.T)
    assert related[0, 1] > 0.98
    assert related[2, 3] > 0.98
    assert abs(related[1, 2]) < 4 / np.sqrt(1000)


def test_a_queue_may_have_its_own_threshold():
    """The second call waits 10 s: within 10 s, not within the 5 s of the run."""
    calls = [0.0, 0.0]
    own = simulate_days(network(queue(arrival_s=calls, threshold_s=10.0)), 1, seed=1, threshold_s=5.0)
    common = simulate_days(network(queue(arrival_s=calls)), 1, seed=1, threshold_s=5.0)
    assert own.measures().loc["q", "service_level"] == 1.0
    assert common.measures().loc["q", "service_level"] == 0.5


# --- bad input ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: Law.exponential(-1.0), "mean_s of an exponential law is -1"),
        (lambda: Law.exponential(0.0), "mean_s of an exponential law is 0"),
        (lambda: Law.exponential(float("nan")), "mean_s of an exponential law is nan"),
        (lambda: Law.exponential("180"), "mean_s of an exponential law is '180'"),
        (lambda: Law.exponential(True), "mean_s of an exponential law is True"),
        (lambda: Law.lognormal(-180.0, cv=1.0), "mean_s of a lognormal law is -180"),
        (lambda: Law.lognormal(180.0, cv=-1.0), "cv of a lognormal law is -1"),
        (lambda: Law.deterministic(-1), "value_s of a deterministic law is -1"),
        (lambda: Law.empirical([3.0, 2.0]), "quantiles_s of an empirical law"),
        (lambda: Law.empirical([3.0]), "quantiles_s of an empirical law"),
        (lambda: Law.trace([1.0, np.nan]), r"values_s of a trace\[1\] is nan"),
        (
            lambda: Agent("t", ((0, 10), (5, 20)), name="A7"),
            "segment 1 of agent 'A7' of team 't' starts at 5",
        ),
        (lambda: Agent("t", ((10, 10),)), "end_s of segment 0"),
        (lambda: Agent("t", ((-1, 10),)), "start_s of segment 0"),
        (lambda: AgentGroup("", ("q",)), "name of a team"),
        (lambda: AgentGroup("t", ("q", "q")), "names 'q' twice"),
        (lambda: AgentGroup("t", "q"), "must be a tuple of names"),
        (lambda: queue(routing="t"), "must be a tuple of names"),
        (lambda: queue(calls=[1.0], arrival_s=[1.0]), "both given"),
        (lambda: queue(calls=[1.0, -2.0]), r"calls of queue 'q'\[1\] is -2"),
        (lambda: queue(calls=["a"]), r"calls of queue 'q'\[0\] is 'a'"),
        (lambda: queue(arrival_s=[2.0, 1.0]), r"arrival_s of queue 'q'\[1\] is 1"),
        (lambda: queue(day_cv=-0.1), "day_cv of queue 'q' is -0.1"),
        (lambda: queue(redial=1.0), "redial of queue 'q' is 1"),
        (lambda: queue(redial=30), "redial of queue 'q' is 30"),
        (lambda: queue(patience=300.0), "patience of queue 'q' is 300.0, must be a Law"),
        (lambda: CallQueue("q", Law.never(), ("t",)), "service of queue 'q' never ends"),
        (lambda: queue(overflow_s={"u": 1.0}), "overflow_s of queue 'q' names 'u'"),
        (lambda: queue(overflow_s={"t": -1.0}), r"overflow_s\['t'\] of queue 'q' is -1"),
        (lambda: queue(reserve={"t": 1.5}), r"reserve\['t'\] of queue 'q' is 1.5"),
        (lambda: queue(transfers={"x": 0.7, "y": 0.7}), "transfers and consults of queue 'q' sum to 1.4"),
        (
            lambda: queue(patience=Law.trace([1.0]), arrival_s=[1.0, 2.0]),
            "patience of queue 'q' is a trace of 1",
        ),
        (lambda: network(queue(transfers={"x": 0.5})), "transfers of queue 'q' name 'x'"),
        (
            lambda: network(queue("a", transfers={"b": 1.0}), queue("b", transfers={"a": 1.0}), queue("c")),
            "consults of 'a', 'b' never end",
        ),
        (lambda: network(queue(transfers={"q": 1.0})), "consults of 'q' never end"),
        (lambda: Network((queue(),) * 2, (AgentGroup("t", ("q",)),), ()), "queues names 'q' twice"),
        (lambda: network(queue("a", calls=[1.0]), queue("b", calls=[1.0, 2.0])), "must be one number"),
        (lambda: network(queue(), agents=(("u", HOUR),)), "team of agent 0 is 'u'"),
        (lambda: network(queue(), skills={"t": ()}), "skills of team 't' lack 'q'"),
        (
            lambda: Network((queue(),), (AgentGroup("t", ("q",)), AgentGroup("u", ("q",))), ()),
            "routing of queue 'q' lack 'u'",
        ),
        (lambda: Network((), (), ()), "queues or teams are empty"),
        (lambda: replace(centre(), interval_s=0.0), "interval_s is 0"),
        (lambda: replace(centre(), horizon_s=100.0), "horizon_s is 100"),
        (lambda: replace(centre(), day_intervals=(0, 1)), "day_intervals has 2 values"),
        (lambda: replace(centre(), day_intervals=(-1,) * 8), r"day_intervals\[0\] is -1"),
        (lambda: queue(threshold_s=-5.0), "threshold_s of queue 'q' is -5"),
        (lambda: simulate_days(centre(), 0, seed=1), "replications is 0"),
        (lambda: simulate_days(centre(), 1, seed=-1), "seed is -1"),
        (lambda: simulate_days(centre(), 1, seed=1.5), "seed is 1.5"),
        (lambda: simulate_days(centre(), 1, seed=2**64), "seed is 18446744073709551616"),
        (lambda: simulate_days(centre(), 1, seed=1, threshold_s=-1), "threshold_s is -1"),
        (lambda: simulate_days(centre(), 1, seed=1, present=[True]), "present has shape"),
        (lambda: simulate_days(centre(), 1, seed=1).measures(by=("hour",)), "by is 'hour'"),
        (lambda: fifo([1.0, 0.0], [1.0, 1.0], 1), r"arrival_s\[1\] is 0"),
        (lambda: fifo([0.0], [1.0, 1.0], 1), "service_s has 2 values"),
        (lambda: fifo([0.0], [1.0], 1, patience_s=[]), "patience_s has 0 values"),
        (lambda: fifo([0.0], [-1.0], 1), r"service_s\[0\] is -1"),
        (lambda: fifo([0.0], [1.0], 0), "agents is 0"),
        (lambda: fifo([0.0], [1.0], True), "agents is True"),
        (lambda: contact_measures(pd.DataFrame({"a": [1]})), "contacts lack the column 'wait_s'"),
        (lambda: contact_measures(fifo([0.0], [1.0], 1), by="site"), "contacts lack the column 'site'"),
        (lambda: contact_measures(fifo([0.0], [1.0], 1), threshold_s=-1.0), "threshold_s is -1.0"),
        (lambda: band([1.0]), "values have shape"),
        (lambda: band([1.0, np.nan]), r"values\[1\] is nan"),
        (lambda: paired_difference([1.0, 2.0], [1.0]), "others"),
    ],
)
def test_bad_input_is_refused_by_name(build, named):
    """One line: the item, its value and the bound."""
    with pytest.raises(PlanningError, match=named) as caught:
        build()
    assert "\n" not in str(caught.value)


# --- executors ----------------------------------------------------------------------------------------------


def test_the_numbers_do_not_depend_on_the_executor(monkeypatch):
    """Own threads, one or two threads, processes: the same counts, whatever the batches."""
    monkeypatch.setattr(engine, "CALLS_PER_TASK", 2000)  # several batches
    expected = simulate_days(centre(), 12, seed=6)
    executors = (
        ThreadPoolExecutor(1),
        ThreadPoolExecutor(2),
        ProcessPoolExecutor(2, mp_context=get_context("spawn")),
    )
    for executor in executors:
        with executor:
            days = simulate_days(centre(), 12, seed=6, executor=executor)
        np.testing.assert_array_equal(days.counts, expected.counts)
        np.testing.assert_array_equal(days.busy_s, expected.busy_s)
        np.testing.assert_array_equal(days.overrun_s, expected.overrun_s)
    monkeypatch.undo()
    np.testing.assert_array_equal(simulate_days(centre(), 12, seed=6).counts, expected.counts)
