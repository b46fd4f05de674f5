"""Calls that move: consults, full lines, closed queues, own agents, hand-overs; each followed by hand."""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planning.errors import PlanningError
from planning.simulation import (
    Agent,
    AgentGroup,
    CallQueue,
    Law,
    Network,
    kernel,
    simulate_day,
    simulate_days,
)

HOUR = ((0.0, 3600.0),)
LONG = ((0.0, 1e9),)


def queue(name="q", routing=("t",), service=10.0, **settings):
    """A queue with a fixed handling time."""
    return CallQueue(name, Law.deterministic(service), routing, **settings)


def network(*queues, agents=(("t", HOUR),), **settings):
    """A network whose teams serve, in the queues' order, whatever names them; agents may have a name."""
    names = dict.fromkeys(team for q in queues for team in q.teams)
    teams = tuple(AgentGroup(team, tuple(q.name for q in queues if team in q.teams)) for team in names)
    crew = tuple(Agent(team, segments, *name) for team, segments, *name in agents)
    return Network(tuple(queues), teams, crew, **settings)


def run(*queues, **settings):
    """The one day."""
    return simulate_day(network(*queues, **settings), seed=1)


# --- consults ---------------------------------------------------------------------------------------


def consulting(calls, patience=None, agents=(("one", HOUR), ("two", HOUR)), second=()):
    first = queue("first", ("one",), arrival_s=calls, consults={"second": 1.0})
    asked = queue("second", ("two",), 5.0, arrival_s=second, patience=patience or Law.never())
    return run(first, asked, agents=agents)


def test_the_agent_who_asks_stays_until_the_answer():
    """10 s of talk and 5 s with the second line: the next call is answered after 15 s."""
    day = consulting([0.0, 1.0])
    rows = day.contacts.set_index(["queue", "arrival_s"])["answer_s"].to_dict()
    assert rows == {("first", 0.0): 0.0, ("first", 1.0): 15.0, ("second", 10.0): 10.0, ("second", 25.0): 25.0}
    assert day.agents["busy_s"].tolist() == [30.0, 10.0]
    assert day.contacts["transferred_from"].dropna().tolist() == ["first", "first"]


def test_the_agent_who_asks_waits_with_the_caller():
    """The second line is busy until 12 s."""
    day = consulting([0.0], second=[7.0])
    assert day.contacts["end_s"].tolist() == [10.0, 12.0, 17.0]
    assert day.agents["busy_s"].tolist() == [17.0, 10.0]


def test_a_caller_who_gives_up_frees_the_agent_who_asked():
    """Nobody answers in the second line; after 4 s the caller hangs up."""
    day = consulting([0.0, 1.0], Law.deterministic(4.0), agents=(("one", HOUR),))
    first = day.contacts[day.contacts["queue"] == "first"]
    assert first["answer_s"].tolist() == [0.0, 14.0]
    assert day.agents["busy_s"].tolist() == [28.0]


def test_an_agent_who_asks_and_should_have_gone_goes_after_the_answer():
    """The segment ends at 5 s, the call with its consult at 15 s."""
    day = consulting([0.0, 1.0], agents=(("one", ((0.0, 5.0),)), ("two", HOUR)))
    assert day.agents["overrun_s"].tolist() == [10.0, 0.0]
    assert (day.contacts["outcome"] == "answered").sum() == 2


# --- balking, full lines, closed queues -------------------------------------------------------------


def test_only_those_who_would_wait_balk():
    """Nobody on position: three tenths go at once, the others after their patience."""
    calls = np.arange(20_000) * 10.0
    contacts = run(queue(arrival_s=calls, balk=0.3, patience=Law.deterministic(2.0)), agents=()).contacts
    gone = (contacts["wait_s"] == 0.0).mean()
    assert abs(gone - 0.3) < 4 * np.sqrt(0.21 / 20_000)
    served = run(queue(arrival_s=calls, service=1.0, balk=1.0), agents=(("t", LONG),)).contacts
    assert (served["outcome"] == "answered").all()


def test_who_balks_does_so_after_the_lookup():
    q = queue(arrival_s=[0.0], balk=1.0, lookup=Law.deterministic(3.0))
    assert run(q, agents=()).contacts["end_s"].tolist() == [3.0]


def test_a_full_line_blocks():
    """One agent, one place: the third call is lost, the fourth finds the place free again."""
    contacts = run(queue(arrival_s=[0.0, 1.0, 2.0, 11.0], places=1)).contacts
    assert contacts["outcome"].tolist() == ["answered", "answered", "abandoned", "answered"]
    assert contacts["end_s"].tolist() == [10.0, 20.0, 2.0, 30.0]


def test_the_blocked_call_again_with_their_own_chance():
    q = queue(arrival_s=np.arange(20_000) * 1e5, places=0, redial_blocked=0.4, redial_pause_s=1.0)
    attempts = run(q, agents=()).contacts["attempt"].value_counts()
    assert abs(attempts[2] / 20_000 - 0.4) < 4 * np.sqrt(0.24 / 20_000)


def test_nobody_moves_to_a_closed_queue():
    """The second line is open in the second interval only; nor does anybody call a closed queue again."""
    first = queue("first", ("one",), arrival_s=[0.0, 950.0], transfers={"second": 1.0})
    shut = queue("second", ("two",), 5.0, open=[False, True])
    contacts = run(first, shut, agents=(("one", HOUR), ("two", HOUR)), horizon_s=1800.0).contacts
    assert contacts["queue"].tolist() == ["first", "first", "second"]
    assert contacts["arrival_s"].tolist()[2] == 960.0
    again = {"patience": Law.deterministic(1.0), "redial": 0.9, "redial_pause_s": 1.0}
    calls = np.linspace(0.0, 800.0, 500)
    late = network(queue(arrival_s=calls, open=[False, True], **again), agents=(), horizon_s=1800.0)
    assert (simulate_day(late, seed=1).contacts["attempt"] == 1).all()


# --- own agents -------------------------------------------------------------------------------------


def personal(**settings):
    crew = (("t", LONG, "Anna"), ("t", LONG, "Boris"), ("t", LONG, "Vera"))
    return network(
        queue(arrival_s=np.arange(3000) * 30.0, personal=("Anna", "Boris", "Vera"), **settings), agents=crew
    )


def test_the_own_agent_answers_if_free():
    """Never two calls at once: everybody reaches the personal agent, and each has a third of the calls."""
    days = simulate_days(personal(), 1, seed=1)
    own, answered = days.counts[0, 0, :, kernel.OWN].sum(), days.counts[0, 0, :, kernel.ANSWERED].sum()
    assert own == answered == 3000
    share = days.answers[:, 0] / 3000
    assert (abs(share - 1 / 3) < 4 * np.sqrt(2 / 9 / 3000)).all()


def test_shares_of_the_callers_by_interval():
    """Nobody calls Vera; Anna has all of the callers in the first interval and three in four in the next."""
    shares = np.repeat([[1.0, 0.0, 0.0], [0.75, 0.25, 0.0]], [1, 24], axis=0)
    calls = np.full(25, 1200.0)
    crew = (("t", LONG, "Anna"), ("t", LONG, "Boris"), ("t", LONG, "Vera"))
    one = queue(calls=calls, service=1e-3, personal=("Anna", "Boris", "Vera"), personal_share=shares)
    contacts = simulate_day(network(one, agents=crew), seed=1).contacts
    first = contacts["arrival_s"] < network(one, agents=crew).interval_s
    assert (contacts.loc[first, "agent"] == 0).mean() > 0.995  # two at once are rare
    assert (contacts["agent"] < 2).mean() > 0.995
    later = (contacts.loc[~first, "agent"] == 1).mean()
    assert abs(later - 0.25) < 4 * np.sqrt(0.1875 / (~first).sum())


def test_another_answers_while_the_own_agent_is_busy():
    """Calls overlap: nobody waits while anybody is free."""
    network = personal(service=50.0)
    contacts = simulate_day(network, seed=1).contacts
    assert contacts["wait_s"].max() == 0.0
    counts = simulate_days(network, 1, seed=1).counts
    assert 1000 < counts[..., kernel.OWN].sum() < 2999


def test_an_own_agent_who_is_off_is_covered():
    crew = (("t", LONG, "Anna"), ("t", ((1e8, 1e9),), "Boris"))
    q = queue(arrival_s=np.arange(400) * 30.0, personal=("Anna", "Boris"))
    contacts = simulate_day(network(q, agents=crew), seed=1).contacts
    assert (contacts["agent"] == 0).all()


# --- hand-overs -------------------------------------------------------------------------------------


def test_who_waits_at_the_closing_keeps_the_place_at_the_other_site():
    """South's agent goes at 100 s; its two waiting callers mix with North's by time of arrival."""
    south = queue("south", ("m",), 50.0, arrival_s=[60.0, 70.0, 90.0, 120.0])
    north = queue("north", ("k",), 50.0, arrival_s=[65.0, 80.0, 110.0])
    day = run(
        south,
        north,
        agents=(("m", ((0.0, 100.0),)), ("k", HOUR)),
        hand_overs=((100.0, "south", "north"),),
    )
    answered = day.contacts[day.contacts["team"] == "k"].sort_values("answer_s")
    assert answered["arrival_s"].tolist() == [65.0, 70.0, 80.0, 90.0, 110.0, 120.0]
    assert (day.contacts["outcome"] == "answered").all()


def test_a_free_agent_takes_the_longest_waiting_at_the_hand_over():
    south = queue("south", ("m",), arrival_s=[1.0, 2.0])
    north = queue("north", ("k",), arrival_s=[])
    day = run(south, north, agents=(("k", HOUR),), hand_overs=((5.0, "south", "north"),))
    assert day.contacts["answer_s"].tolist() == [5.0, 15.0]


def test_the_hand_over_catches_those_whose_lookup_runs():
    south = queue("south", ("m",), arrival_s=[1.0], lookup=Law.deterministic(10.0))
    day = run(south, queue("north", ("k",)), agents=(("k", HOUR),), hand_overs=((5.0, "south", "north"),))
    assert day.contacts["answer_s"].tolist() == [11.0]
    assert day.contacts["queue"].tolist() == ["north"]


def test_a_queue_handed_back_keeps_its_callers():
    south = queue("south", ("m",), arrival_s=[6.0, 50.0])
    over = ((5.0, "south", "north"), (40.0, "south", "south"))
    day = run(south, queue("north", ("k",)), agents=(("k", HOUR), ("m", HOUR)), hand_overs=over)
    assert day.contacts["team"].tolist() == ["k", "m"]


# --- nothing depends on who calls -------------------------------------------------------------------


def test_the_router_sees_nothing_of_the_caller_but_queue_and_arrival():
    """The functions that choose read only a caller's queue, time and personal agent."""
    tree = ast.parse(Path(inspect.getfile(kernel)).read_text(encoding="utf-8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    chooser, picker = functions["find_agent"], functions["find_caller"]
    assert [arg.arg for arg in chooser.args.args] == [
        "tables",
        "state",
        "queue",
        "person",
        "arrival_s",
        "now_s",
    ]
    assert [arg.arg for arg in picker.args.args] == ["tables", "state", "team", "now_s"]

    def read(node, of):
        return {
            one.attr
            for one in ast.walk(node)
            if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Subscript)
            and getattr(one.value.value, "id", "") == of
        }  # fmt: skip

    assert read(picker, "slots") == {"arrival_s"}
    assert read(functions["join_queue"], "slots") <= {
        "queue", "arrival_s", "previous", "next", "in_line",
    }  # fmt: skip


def test_a_callers_history_buys_no_place():
    """Attempts and transfers mixed: each line is served in the order of its arrivals."""
    first = CallQueue(
        "first", Law.exponential(60.0), ("t",), calls=[60.0] * 8, patience=Law.exponential(200.0),
        transfers={"second": 0.5}, redial=0.6, redial_pause_s=30.0,
    )  # fmt: skip
    second = CallQueue("second", Law.exponential(60.0), ("u",), calls=[10.0] * 8)
    crew = [("t", ((0.0, 7200.0),))] * 3 + [("u", ((0.0, 1e6),))] * 2
    contacts = run(first, second, agents=crew).contacts
    assert contacts["attempt"].max() > 1
    assert contacts["transferred_from"].notna().any()
    for _, line in contacts[contacts["outcome"] == "answered"].groupby("queue", observed=True):
        assert line.sort_values("arrival_s", kind="stable")["answer_s"].is_monotonic_increasing


def test_swapping_two_callers_changes_nothing_for_the_others():
    """Who talks how long is swapped between callers 5 and 6: those before are answered as before."""
    rng = np.random.default_rng(3)
    calls, talk = np.cumsum(rng.exponential(5.0, 40)), rng.exponential(20.0, 40)
    swapped = talk.copy()
    swapped[[5, 6]] = talk[[6, 5]]
    answers = [
        run(CallQueue("q", Law.trace(one), ("t",), arrival_s=calls), agents=(("t", LONG),) * 3).contacts[
            "answer_s"
        ]
        for one in (talk, swapped)
    ]
    np.testing.assert_array_equal(answers[0][:7], answers[1][:7])


# --- results ----------------------------------------------------------------------------------------


def busy_network():
    first = CallQueue(
        "first", Law.lognormal(180.0, cv=1.2), ("t", "u"), calls=[40.0] * 6, patience=Law.exponential(120.0),
        transfers={"second": 0.2}, consults={"second": 0.1}, balk=0.1, redial=0.4,
    )  # fmt: skip
    second = CallQueue("second", Law.exponential(240.0), ("u",), patience=Law.exponential(300.0), places=4)
    shift = ((0.0, 2000.0), (2300.0, 5400.0))
    return network(first, second, agents=[("t", shift)] * 6 + [("u", shift)] * 3)


def test_agents_and_intervals_add_up():
    """What each agent answered is in the contacts; seconds by interval add up to those by agent."""
    days = simulate_days(busy_network(), 1, seed=4)
    contacts = simulate_day(busy_network(), seed=4).contacts
    answered = contacts[contacts["agent"] >= 0]
    by_agent = answered.groupby("agent")["wait_s"].agg(["size", "sum", "max"]).reindex(range(9), fill_value=0)
    np.testing.assert_allclose(days.answers[:, [0, 2, 3]], by_agent, rtol=1e-12)
    np.testing.assert_allclose(days.answers[:, 1].sum(), days.counts[..., kernel.WITHIN].sum())
    np.testing.assert_allclose(days.team_busy_s.sum(), days.busy_s.sum(), rtol=1e-12)
    assert days.overrun_s.sum() > 0
    by_team = [days.overrun_s[:, :6].sum(), days.overrun_s[:, 6:].sum()]
    np.testing.assert_allclose(days.team_overrun_s.sum(axis=1), by_team, rtol=1e-12)
    assert (days.team_busy_s[:, :-1] <= np.array([[6], [3]]) * 900.0).all()
    inside = answered[(answered["team"] == "u") & (answered["queue"] == "second")]
    talk = inside["end_s"].clip(upper=900.0) - inside["answer_s"].clip(upper=900.0)
    first = answered[(answered["team"] == "u") & (answered["queue"] == "first")]
    talk_first = first["end_s"].clip(upper=900.0) - first["answer_s"].clip(upper=900.0)
    assert days.team_busy_s[1, 0] >= talk.sum() + talk_first.sum() - 1e-6  # holding is busy too


def test_days_go_on_where_they_stopped():
    whole = simulate_days(busy_network(), 5, seed=4)
    parts = simulate_days(busy_network(), 2, seed=4).joined(simulate_days(busy_network(), 3, seed=4, first=2))
    for name in ("counts", "busy_s", "overrun_s", "on_position_s"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
    np.testing.assert_allclose(parts.answers, whole.answers, rtol=1e-12)
    np.testing.assert_allclose(parts.team_busy_s, whole.team_busy_s, rtol=1e-12)
    np.testing.assert_allclose(parts.team_overrun_s, whole.team_overrun_s, rtol=1e-12)


def test_contacts_have_the_columns_of_call_records():
    contacts = simulate_day(busy_network(), seed=4).contacts
    assert {"call_id", "queue", "wait_s", "handle_s", "outcome"} <= set(contacts.columns)
    assert contacts["call_id"].tolist() == list(range(len(contacts)))
    gone = contacts["outcome"] == "abandoned"
    assert contacts["handle_s"].isna().equals(gone)
    expected = contacts["answer_s"].fillna(contacts["end_s"]) - contacts["arrival_s"]
    pd.testing.assert_series_equal(contacts["wait_s"], expected, check_names=False)


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: queue(balk=1.1), "balk of queue 'q' is 1.1"),
        (lambda: queue(places=-1), "places of queue 'q' is -1"),
        (lambda: queue(redial_blocked=1.0), "redial_blocked of queue 'q' is 1"),
        (lambda: queue(consults={"x": 2.0}), r"consults\['x'\] of queue 'q' is 2"),
        (lambda: queue(transfers={"x": 0.6}, consults={"y": 0.6}), "transfers and consults of queue 'q' sum"),
        (lambda: queue(personal=("Anna", "Anna")), "personal of queue 'q' names 'Anna' twice"),
        (
            lambda: queue(personal=("Anna",), personal_share=[[0.5, 0.5]]),
            r"personal_share of queue 'q' has shape \(1, 2\), must have a column for each of the 1 agents",
        ),
        (
            lambda: queue(personal=("Anna", "Boris"), personal_share=[[0.5, 0.5], [0.9, 0.2]]),
            r"personal_share of queue 'q' is \[0.9, 0.2\] in interval 1, must be shares >= 0",
        ),
        (
            lambda: network(queue(calls=[1.0], personal=("Anna",), personal_share=[[1.0], [1.0]])),
            "personal_share of queue 'q' has 2 values",
        ),
        (lambda: network(queue(consults={"q": 1.0})), "spectral radius 1"),
        (
            lambda: network(queue(personal=("Anna",)), queue("r", ("u",)), agents=[("u", HOUR, "Anna")]),
            "personal of queue 'q' names 'Anna', whose team must be one of",
        ),
        (lambda: network(queue(consults={"x": 0.5})), "transfers of queue 'q' name 'x'"),
        (lambda: network(queue(arrival_s=[0.0], open=[True] * 3)), "open of queue 'q' has 3 values"),
        (lambda: network(queue(), hand_overs=((0.0, "q", "x"),)), "hand_overs name 'x'"),
        (
            lambda: network(queue(), hand_overs=((-1.0, "q", "q"),)),
            "time_s of the hand-over of queue 'q' is -1",
        ),
        (lambda: simulate_day(network(queue()), seed=1, present=[True, False]), "present has shape"),
        (lambda: replace(queue(), places=1.5), "places of queue 'q' is 1.5"),
    ],
)
def test_bad_input_is_refused_by_name(build, named):
    with pytest.raises(PlanningError, match=named):
        build()


# --- the edges of half-open spans ------------------------------------------------------------------------


@pytest.mark.parametrize(("arrival_s", "answered"), [(59.999, True), (60.0, False)])
def test_a_call_at_the_instant_an_agent_leaves_finds_nobody(arrival_s, answered):
    """A span ends before its last instant, so the change comes first and then the call."""
    line = CallQueue(
        "q", Law.deterministic(5.0), ("t",), arrival_s=[arrival_s], patience=Law.deterministic(1.0)
    )
    network = Network((line,), (AgentGroup("t", ("q",)),), (Agent("t", ((0.0, 60.0),)),))
    assert (simulate_day(network, seed=1).contacts["outcome"][0] == "answered") == answered


def test_a_call_at_the_instant_an_agent_comes_is_answered_at_once():
    line = CallQueue("q", Law.deterministic(5.0), ("t",), arrival_s=[60.0], patience=Law.deterministic(1.0))
    network = Network((line,), (AgentGroup("t", ("q",)),), (Agent("t", ((60.0, 90.0),)),))
    assert simulate_day(network, seed=1).contacts["wait_s"].tolist() == [0.0]
