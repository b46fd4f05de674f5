"""Laws that hold for every centre, read off CONTACTS, which knows nothing of the kernel's lists."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.simulation import (
    Agent,
    AgentGroup,
    CallQueue,
    Law,
    Network,
    fifo,
    simulate_day,
    simulate_days,
)

durations = st.one_of(
    st.floats(1.0, 300.0).map(Law.exponential),
    st.tuples(st.floats(1.0, 300.0), st.floats(0.1, 2.0)).map(lambda p: Law.lognormal(*p)),
    st.integers(0, 60).map(Law.deterministic),
    st.lists(st.floats(0.0, 300.0), min_size=2, max_size=5).map(lambda q: Law.empirical(sorted(q))),
)
TEAMS = ("a", "b", "c")


@st.composite
def segments(draw):
    """Up to three segments on a grid that makes ties and touching seams."""
    edges = sorted(draw(st.lists(st.integers(0, 40), min_size=2, max_size=6, unique=True)))
    pairs = [(60.0 * a, 60.0 * b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    if draw(st.booleans()):
        pairs.append((pairs[-1][1], pairs[-1][1] + 120.0))
    return tuple(pairs)


@st.composite
def routings(draw):
    """Teams in a random order, perhaps two of one rank."""
    order = draw(st.permutations(TEAMS))[: draw(st.integers(1, 3))]
    return (tuple(order[:2]), *order[2:]) if draw(st.booleans()) and len(order) > 1 else tuple(order)


@st.composite
def networks(draw):
    """Two or three queues over three teams, with everything the engine knows."""
    names = ["x", "y", "z"][: draw(st.integers(2, 3))]
    asked = draw(st.sampled_from([st.just(0.0), st.floats(0.0, 0.2)]))
    queues = []
    for i, name in enumerate(names):
        routing = draw(routings())
        flat = [team for entry in routing for team in ((entry,) if isinstance(entry, str) else entry)]
        queues.append(
            CallQueue(
                name,
                draw(durations),
                routing,
                calls=draw(st.lists(st.floats(0.0, 60.0), min_size=3, max_size=3)),
                patience=draw(st.one_of(durations, st.just(Law.never()))),
                lookup=draw(st.one_of(durations, st.just(Law.deterministic(0.0)))),
                day_cv=draw(st.sampled_from([0.0, 0.3])),
                overflow_s={team: draw(st.sampled_from([0.0, 20.0, 45.0])) for team in flat},
                reserve={team: draw(st.integers(0, 2)) for team in flat},
                transfers={other: draw(st.floats(0.0, 0.3)) for other in names[:i]},
                consults={other: share for other in names[:i] if (share := draw(asked))},
                balk=draw(st.sampled_from([0.0, 0.3])),
                places=draw(st.sampled_from([None, 0, 2])),
                redial_blocked=draw(st.sampled_from([0.0, 0.5])),
                open=draw(st.sampled_from([None, (True, False, True)])),
                personal=tuple(flat) if draw(st.booleans()) else (),
                redial=draw(st.floats(0.0, 0.8)),
                redial_pause_s=60.0,
            )
        )
    skills = {team: tuple(q.name for q in queues if team in q.teams) for team in TEAMS}
    teams = tuple(
        AgentGroup(team, (skills[team],) if draw(st.booleans()) and skills[team] else skills[team])
        for team in TEAMS
    )
    agents = draw(st.lists(st.builds(Agent, st.sampled_from(TEAMS), segments()), max_size=8))
    if draw(st.booleans()):  # one of each team is somebody's own
        agents = [replace(one, name=one.team) for one in agents]
    moves = st.tuples(st.integers(0, 3000).map(float), st.sampled_from(names), st.sampled_from(names))
    hand_overs = tuple(draw(st.lists(moves, max_size=2)))
    return Network(tuple(queues), teams, tuple(agents), interval_s=900.0, hand_overs=hand_overs)


@settings(deadline=None, max_examples=150)
@given(networks(), st.integers(0, 2**64 - 1))
def test_every_centre_keeps_the_law(network, seed):
    """Every caller ends once; no agent serves two at a time, starts off position or without the skill."""
    day = simulate_day(network, seed=seed)
    contacts = day.contacts
    answered = contacts[contacts["outcome"] == "answered"]
    assert contacts["end_s"].notna().all()
    assert (contacts["answer_s"].notna() == (contacts["agent"] >= 0)).all()
    assert (contacts["end_s"] >= contacts["arrival_s"]).all()
    assert (answered["answer_s"] >= answered["arrival_s"]).all()
    assert contacts["arrival_s"].is_monotonic_increasing

    queues = {queue.name: queue for queue in network.queues}
    for name, team, wait in zip(
        answered["queue"], answered["team"], answered["answer_s"] - answered["arrival_s"], strict=True
    ):
        assert team in queues[name].teams
        assert wait >= queues[name].overflow_s[team] - 1e-9 or queues[name].personal

    busy = np.zeros(len(network.agents))
    overrun = np.zeros(len(network.agents))
    for number, calls in answered.groupby("agent"):
        agent = network.agents[number]
        calls = calls.sort_values(["answer_s", "end_s"])
        starts, ends = calls["answer_s"].to_numpy(), calls["end_s"].to_numpy()
        assert (starts[1:] >= ends[:-1]).all()
        on = [sum(a <= t < b for a, b in agent.segments) for t in starts]
        assert on == [1] * len(starts)
        busy[number] = (ends - starts).sum()
        covered = sum(
            np.clip(np.minimum(ends, b) - np.maximum(starts, a), 0.0, None).sum() for a, b in agent.segments
        )
        overrun[number] = busy[number] - covered
    if any(queue.consults for queue in network.queues):  # an agent who asks is busy after their own contact
        assert (day.agents["busy_s"] >= busy - 1e-6).all()
    else:
        np.testing.assert_allclose(day.agents["busy_s"], busy, atol=1e-6)
        np.testing.assert_allclose(day.agents["overrun_s"], overrun, atol=1e-6)


@settings(deadline=None, max_examples=100)
@given(networks(), st.integers(0, 2**64 - 1))
def test_callers_are_conserved(network, seed):
    """Transfers come from answered calls, redials from abandoned ones; light and full mode count the same."""
    contacts = simulate_day(network, seed=seed).contacts
    abandoned, answered = (contacts["outcome"] == outcome for outcome in ("abandoned", "answered"))
    from_outside = contacts["transferred_from"].isna()
    redials = from_outside & (contacts["attempt"] > 1)
    for attempt in range(2, contacts["attempt"].max() + 1 if len(contacts) else 2):
        again = (redials & (contacts["attempt"] == attempt)).sum()
        assert again <= (abandoned & (contacts["attempt"] == attempt - 1)).sum()
    for name in network.queue_names:
        handed = (contacts["transferred_from"] == name).sum()
        assert handed <= (answered & (contacts["queue"] == name)).sum()
    light = simulate_days(network, 1, seed=seed).measures()
    assert light["offered"].sum() == len(contacts)
    assert light["answered"].sum() == answered.sum()


@settings(deadline=None, max_examples=100)
@given(networks(), st.integers(0, 1000))
def test_no_waiting_caller_is_passed_over_by_an_idle_agent(network, seed):
    """Where all may be taken at once, no agent with the skill is idle while a caller waits."""
    plain = Network(
        tuple(
            CallQueue(q.name, q.service, q.routing, calls=q.calls, patience=q.patience, redial=q.redial)
            for q in network.queues
        ),
        network.teams,
        network.agents,
        network.interval_s,
    )
    contacts = simulate_day(plain, seed=seed).contacts
    leave = contacts["answer_s"].fillna(contacts["end_s"])
    waited = contacts[leave > contacts["arrival_s"] + 1e-6]
    for name, arrival, end in zip(waited["queue"], waited["arrival_s"], leave[waited.index], strict=True):
        middle = (arrival + end) / 2.0
        teams = {q.name: q.teams for q in plain.queues}[name]
        serving = set(contacts["agent"][(contacts["answer_s"] <= middle) & (contacts["end_s"] > middle)])
        for number, agent in enumerate(plain.agents):
            on = any(a <= middle < b for a, b in agent.segments)
            assert not (agent.team in teams and on) or number in serving


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 90), st.integers(0, 60)), max_size=60),
    st.integers(1, 4),
)
def test_the_pool_agrees_with_the_network_and_with_plain_python(calls, agents):
    """`fifo`, the network and a sorted list of free moments: the same answers, ties included."""
    arrival = np.cumsum([gap for gap, _, _ in calls]).astype(float)
    service, patience = ([float(call[i]) for call in calls] for i in (1, 2))
    free, answers = [0.0] * agents, []
    for a, s, p in zip(arrival, service, patience, strict=True):
        free.sort()
        start = max(a, free[0])
        answers.append(start if start <= a + p else np.nan)
        if start <= a + p:
            free[0] = start + s
    pool = fifo(arrival, service, agents, patience_s=patience)
    np.testing.assert_array_equal(pool["answer_s"], answers)
    queue = CallQueue("q", Law.trace(service), ("t",), arrival_s=arrival, patience=Law.trace(patience))
    network = Network((queue,), (AgentGroup("t", ("q",)),), (Agent("t", ((0.0, 1e9),)),) * agents)
    np.testing.assert_array_equal(simulate_day(network, seed=0).contacts["answer_s"], answers)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.integers(1, 6))
def test_one_agent_more_never_lengthens_a_wait_in_one_pool(seed, agents):
    """Without abandonment no caller waits longer: common random numbers make it true call by call."""
    queue = CallQueue("q", Law.lognormal(100.0, cv=1.5), ("t",), calls=[20.0] * 4)

    def waits(n):
        network = Network((queue,), (AgentGroup("t", ("q",)),), (Agent("t", ((0.0, 1e9),)),) * n)
        contacts = simulate_day(network, seed=seed).contacts
        return (contacts["answer_s"] - contacts["arrival_s"]).to_numpy()

    assert (waits(agents + 1) <= waits(agents) + 1e-9).all()
