"""Speed in CPU-seconds, and the peers on the same calls: first the same answers, then the ratio of times.

The floors are far below what a quiet core reaches (see README.md), so that a busy machine does not fail them
and a lost factor does.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from benchmarks.table import row

from planning.simulation import Agent, AgentGroup, CallQueue, Law, Network, fifo, simulate_day, simulate_days

PATIENCE = Law.exponential(390.0)
SHAPE = np.concatenate([np.full(32, 0.25), np.full(64, 1.0)]) / 72.0


def cpu_seconds(work, rounds=3):
    """Least CPU time of some rounds, after one to compile."""
    work()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def crew(team, heads, shift_s=28_800.0, starts_h=(0, 7, 7, 8, 8, 15, 15, 16, 16)):
    """Agents in three waves of shifts with three breaks: 4 segments each."""
    for i in range(heads):
        start = 3600.0 * starts_h[i % len(starts_h)]
        cuts = [start + shift_s * share for share in (0.0, 0.24, 0.25, 0.5, 0.53, 0.75, 0.76, 1.0)]
        yield Agent(team, tuple(zip(cuts[::2], cuts[1::2], strict=True)))


def two_sites():
    """A day of 200,000 first calls at two sites: three queues, transfers, redials, about 500 agents."""
    first = CallQueue(
        "first",
        Law.lognormal(150.0, cv=1.27),
        (("moscow", "kaluga"),),
        calls=186_000.0 * SHAPE,
        patience=PATIENCE,
        transfers={"second": 0.04},
        redial=0.3,
    )
    second = CallQueue(
        "second",
        Law.lognormal(300.0, cv=1.2),
        ("second", "moscow"),
        patience=PATIENCE,
        overflow_s={"moscow": 20.0},
    )
    net = CallQueue(
        "net",
        Law.lognormal(360.0, cv=1.3),
        ("net", "kaluga"),
        calls=14_000.0 * SHAPE,
        patience=PATIENCE,
        redial=0.3,
    )
    teams = (
        AgentGroup("moscow", ("first", "second")),
        AgentGroup("kaluga", ("net", "first")),
        AgentGroup("second", ("second",)),
        AgentGroup("net", ("net",)),
    )
    heads = {"moscow": 610, "kaluga": 500, "second": 80, "net": 130}
    agents = tuple(agent for team, n in heads.items() for agent in crew(team, n))
    return Network((first, second, net), teams, agents)


def light(network, days):
    """Counts of some days on one thread."""
    with ThreadPoolExecutor(1) as executor:
        return simulate_days(network, days, seed=1, executor=executor).counts


@pytest.mark.benchmark(group="Simulation: two sites, 3 queues, 1,320 shifts, redials")
def test_two_site_day(benchmark):
    """Contacts a CPU-second of the whole centre; at least 3 M."""
    network, days = two_sites(), 4
    contacts = light(network, days)[..., 0].sum()
    ours = cpu_seconds(lambda: light(network, days))
    benchmark.extra_info["rows"] = [row("planning", ours, contacts, "contacts")]
    benchmark.pedantic(light, args=(network, 1), rounds=3)
    assert contacts / ours > 3.0e6


def recorded(calls, agents, load):
    """Arrivals, handling times and patience of one pool at `load` times its size."""
    rng = np.random.default_rng(1)
    arrival = np.cumsum(rng.exponential(240.0 / (agents * load), calls))
    return arrival, rng.exponential(240.0, calls), rng.exponential(390.0, calls)


@pytest.mark.benchmark(group="Simulation: one pool of 570 agents, 1,000,000 calls with patience")
def test_one_pool(benchmark):
    """Calls a CPU-second of `fifo`, frame included, 570 agents; at least 9 M."""
    arrival, service, patience = recorded(1_000_000, 570, 0.97)
    ours = cpu_seconds(lambda: fifo(arrival, service, 570, patience_s=patience))
    benchmark.extra_info["rows"] = [row("planning", ours, arrival.size, "calls")]
    benchmark.pedantic(fifo, args=(arrival, service, 570), kwargs={"patience_s": patience}, rounds=3)
    assert arrival.size / ours > 9.0e6


def simpy_pool(arrival, service, patience, agents):
    """Moments at which SimPy answers the calls of one pool, NaN for those who gave up."""
    simpy = pytest.importorskip("simpy")
    answers = np.full(arrival.size, np.nan)

    def call(env, pool, i):
        with pool.request() as turn:
            yield turn | env.timeout(patience[i])
            if turn.triggered:
                answers[i] = env.now
                yield env.timeout(service[i])

    def source(env, pool):
        for i, moment in enumerate(arrival):
            yield env.timeout(moment - env.now)
            env.process(call(env, pool, i))

    env = simpy.Environment()
    env.process(source(env, simpy.Resource(env, agents)))
    env.run()
    return answers


def recorded_by_call(values):
    """Ciw's law of a duration that was recorded call by call."""
    ciw = pytest.importorskip("ciw")

    class Recorded(ciw.dists.Distribution):
        """The value of the call by its number."""

        def sample(self, t=None, ind=None):
            return values[ind.id_number - 1]

    return Recorded()


def ciw_pool(arrival, service, patience, agents):
    """Moments at which Ciw answers the same calls."""
    ciw = pytest.importorskip("ciw")
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Sequential([*np.diff(arrival, prepend=0.0).tolist(), np.inf])],
        service_distributions=[recorded_by_call(service)],
        reneging_time_distributions=[recorded_by_call(patience)],
        number_of_servers=[agents],
    )
    run = ciw.Simulation(network)
    run.simulate_until_max_time(arrival[-1] + 1e5)
    answers = np.full(arrival.size, np.nan)
    for record in run.get_all_records():
        if record.record_type == "service":
            answers[record.id_number - 1] = record.service_start_date
    return answers


@pytest.mark.benchmark(group="Simulation: one pool of 50 agents, 20,000 calls with patience")
def test_one_pool_beside_simpy_and_ciw(benchmark):
    """The same answers as SimPy and Ciw on the same calls, by the pool and by the general model too."""
    calls, agents = recorded(20_000, 50, 0.97), 50
    arrival, service, patience = calls
    queue = CallQueue("q", Law.trace(service), ("t",), arrival_s=arrival, patience=Law.trace(patience))
    network = Network((queue,), (AgentGroup("t", ("q",)),), (Agent("t", ((0.0, 1e9),)),) * agents)
    ways = {
        "planning, one pool": lambda: fifo(arrival, service, agents, patience_s=patience)["answer_s"],
        "planning, general model": lambda: simulate_day(network, seed=1).contacts["answer_s"],
        "SimPy": lambda: simpy_pool(*calls, agents),
        "Ciw": lambda: ciw_pool(*calls, agents),
    }
    spent = {name: cpu_seconds(way) for name, way in ways.items()}
    answers = ways["planning, one pool"]()
    for way in ways.values():
        np.testing.assert_allclose(way(), answers, rtol=1e-9)
    benchmark.extra_info["rows"] = [
        row(name, spent[name], arrival.size, "calls")
        if name.startswith("planning")
        else row(name, spent[name], arrival.size, "calls", "the same within 1e-9", [name.lower()])
        for name in ways
    ]
    benchmark.pedantic(fifo, args=(arrival, service, agents), kwargs={"patience_s": patience}, rounds=3)
    assert spent["SimPy"] > 50.0 * spent["planning, one pool"]
    assert spent["Ciw"] > 100.0 * spent["planning, one pool"]


@pytest.mark.benchmark(group="Simulation: two queues in a row, 20,000 calls that all go on")
def test_a_small_network_against_ciw(benchmark):
    """Every call goes on to a second line of fixed length: the same waits in both lines, 50 times faster."""
    ciw = pytest.importorskip("ciw")
    arrival, service, _ = recorded(20_000, 20, 0.9)
    gaps = np.diff(arrival, prepend=0.0).tolist()

    def peer():
        network = ciw.create_network(
            arrival_distributions=[ciw.dists.Sequential([*gaps, np.inf]), None],
            service_distributions=[recorded_by_call(service), ciw.dists.Deterministic(60.0)],
            routing=[[0.0, 1.0], [0.0, 0.0]],
            number_of_servers=[20, 5],
        )
        run = ciw.Simulation(network)
        run.simulate_until_max_time(arrival[-1] + 1e5)
        return run.get_all_records()

    first = CallQueue("first", Law.trace(service), ("one",), arrival_s=arrival, transfers={"second": 1.0})
    second = CallQueue("second", Law.deterministic(60.0), ("two",))
    crew = (Agent("one", ((0.0, 1e9),)),) * 20 + (Agent("two", ((0.0, 1e9),)),) * 5
    network = Network((first, second), (AgentGroup("one", ("first",)), AgentGroup("two", ("second",))), crew)
    theirs = cpu_seconds(peer)
    ours = cpu_seconds(lambda: simulate_day(network, seed=1))
    contacts = simulate_day(network, seed=1).contacts
    for node, queue in enumerate(("first", "second"), start=1):
        records = [record for record in peer() if record.node == node]
        mine = contacts.loc[contacts["queue"] == queue, ["arrival_s", "answer_s"]]
        expected = sorted((record.arrival_date, record.service_start_date) for record in records)
        np.testing.assert_allclose(mine.sort_values(["arrival_s", "answer_s"]), expected, rtol=1e-9)
    benchmark.extra_info["rows"] = [
        row("planning", ours, len(contacts), "contacts"),
        row("Ciw", theirs, len(contacts), "contacts", "the same within 1e-9", ["ciw"]),
    ]
    benchmark.pedantic(simulate_day, args=(network,), kwargs={"seed": 1}, rounds=3)
    assert theirs > 20.0 * ours


FIRST = """
from planning.simulation import Agent, Law, Network, CallQueue, AgentGroup, simulate_days
line = CallQueue("line", Law.exponential(240.0), ("moscow",), calls=[90.0] * 96)
crew = (Agent("moscow", ((0.0, 86_400.0),)),) * 27
simulate_days(Network((line,), (AgentGroup("moscow", ("line",)),), crew), 20, seed=1).measures()
"""
FIRST_OF_A_CENTRE = """
import pandas as pd
from types import SimpleNamespace
from planning import Centre
from planning.simulation import simulate
from planning.tables import BREAKS, ROSTER
from planning.demand import read_demand
centre = Centre.load("data/centre.toml")
demand = read_demand("data/demand.parquet", centre.time_zone)
demand = demand[demand["interval_start"] >= demand["interval_start"].max().normalize()]
day = demand["interval_start"].min()
rows = [
    {"agent_id": f"{team}{n}", "site": one.site, "team": team, "shift_id": "s", "start": day,
     "end": day + pd.Timedelta(days=1), "paid_h": 24.0, "night_h": 8.0}
    for team, one in centre.teams.items() for n in range(30)
]
breaks = pd.DataFrame({name: [] for name in BREAKS.columns}).astype({"start": demand["interval_start"].dtype,
    "end": demand["interval_start"].dtype})
plan = SimpleNamespace(roster=SimpleNamespace(roster=pd.DataFrame(rows)), breaks=breaks)
simulate(centre, demand, plan)
"""


@pytest.mark.parametrize(
    ("script", "what"), [(FIRST, "one queue, 20 days"), (FIRST_OF_A_CENTRE, "the default centre, 20 days")]
)
def test_first_result(benchmark, script, what):
    """A new process, its imports and its first result, with what earlier processes left in the caches."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def first():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        # What the libraries take to clear up at the end comes after the result.
        subprocess.run(
            [sys.executable, "-c", f"{script}\nimport os\nos._exit(0)"], check=True, env=environment
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    first()
    spent = min(first() for _ in range(3))
    benchmark.group = f"Simulation: from the start of a process to the first result, {what}"
    benchmark.extra_info["rows"] = [row("planning, warm caches", spent, 1, "results")]
    benchmark.pedantic(first, rounds=1)
