"""The engine against exact solutions: traces call by call, stationary chains within a band of days.

A simulated mean must lie within 4 standard errors of the exact value, and the standard error, taken from
between days, must be small enough to see a wrong model: `precise` is the largest one allowed, relative to the
exact value.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from planning.simulation import (
    Agent,
    Law,
    Network,
    Queue,
    Team,
    fifo,
    kernel,
    measures,
    simulate_day,
    simulate_days,
)

HERE = Path(__file__).parent
TRACES = json.loads((HERE / "sim_traces.json").read_text())["traces"]
VALIDATION = json.loads((HERE / "sim_validation.json").read_text())
CHAINS = json.loads((HERE / "overflow_multiskill_ctmc.json").read_text())
RETRIAL = json.loads((HERE / "retrial_random_rate.json").read_text())
GRID = json.loads((HERE / "erlang_a_grid.json").read_text())
ALWAYS = ((0.0, 1e9),)


def agrees(values, exact, precise):
    """Mean of one value a day within 4 standard errors, themselves at most `precise` of the exact value."""
    values, exact = np.asarray(values), float(exact)
    error = values.std(ddof=1) / np.sqrt(values.size)
    assert error <= precise * exact, f"standard error {error / exact:.2%} of {exact:g}"
    z = (values.mean() - exact) / error
    assert abs(z) < 4.0, f"{values.mean():.6g} for {exact:.6g}, z = {z:.2f}"


def stationary(queues, skills, crew, *, days, cells=200, warm=20, cell=10.0, seed=7, threshold_s=0.0):
    """Counts (days, queues, COUNTS) of the intervals after the warm-up; service takes 1 on average."""
    agents = tuple(Agent(team, ALWAYS) for team, n in crew.items() for _ in range(n))
    teams = tuple(Team(team, served) for team, served in skills.items())
    run = simulate_days(
        Network(tuple(queues), teams, agents, interval_s=cell), days, seed=seed, threshold_s=threshold_s
    )
    return run.counts[:, :, warm:cells].sum(axis=2)


def line(name, rate, routing, *, patience=None, service=None, cells=200, cell=10.0, **settings):
    """A queue of constant rate with unit exponential service."""
    return Queue(
        name,
        service or Law.exponential(1.0),
        routing,
        calls=np.full(cells, rate * cell),
        patience=patience or Law.never(),
        **settings,
    )


def p_wait(counts):
    """Share of callers not served at once, with a threshold of 0; a ratio of sums over a long day."""
    return 1.0 - counts[..., kernel.WITHIN] / counts[..., kernel.OFFERED]


def p_abandon(counts):
    """Abandoned / offered."""
    return counts[..., kernel.ABANDONED] / counts[..., kernel.OFFERED]


# --- traces -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace["name"])
def test_traces_call_by_call(trace):
    """Answer and end of every call, exactly, by the pool and by the network; the same agents by both."""
    patience = [np.inf if p is None else p for p in trace["patience"]]
    starts = np.array([np.nan if s is None else s for s in trace["start"]], float)
    pool = fifo(trace["arrival"], trace["service"], trace["servers"], patience_s=patience)
    queue = Queue(
        "q", Law.trace(trace["service"]), ("t",), arrival_s=trace["arrival"], patience=Law.trace(patience)
    )
    crew = (Agent("t", ((0.0, 1e11),)),) * trace["servers"]
    network = Network((queue,), (Team("t", ("q",)),), crew, interval_s=900_000.0)
    for contacts in (pool, simulate_day(network, seed=0).contacts):
        np.testing.assert_array_equal(contacts["answer_s"], starts)
        np.testing.assert_array_equal(contacts["end_s"], np.array(trace["exit"], float))
        row = measures(contacts, threshold_s=20_000).loc[0]
        assert round(row["service_level"] * row["offered"]) == trace["answered_within_20s"]
        assert (row["answered"], row["abandoned"]) == (trace["served"], trace["abandoned"])
        waits = contacts["answer_s"].fillna(contacts["end_s"]) - contacts["arrival_s"]
        assert waits.sum() == trace["total_wait_all_ms"]
    np.testing.assert_array_equal(pool["agent"], simulate_day(network, seed=0).contacts["agent"])


# --- one pool -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case", VALIDATION["M_D_c"]["cases"], ids=lambda c: f"{c['servers']}@{c['utilisation']}"
)
def test_constant_service_against_crommelin(case):
    """M/D/c: probability and mean of the wait."""
    servers = case["servers"]
    queue = line("q", case["utilisation"] * servers, ("t",), service=Law.deterministic(1.0))
    counts = stationary([queue], {"t": ("q",)}, {"t": servers}, days=1500 if servers < 10 else 400)[:, 0]
    agrees(p_wait(counts), case["p_wait"], 0.01)
    agrees(counts[:, kernel.WAIT_S] / counts[:, kernel.OFFERED], case["mean_wait"], 0.02)


def erlang_a_cases():
    """A spread of the grid's cases of ordinary size."""
    cases = [row for row in GRID["cases"] if 2.0 <= row["load_erlang"] <= 100.0]
    return [row for row in cases if 0.05 < float(row["p_wait"]) < 0.95 and float(row["p_abandon"]) > 0.02][
        ::12
    ]


@pytest.mark.parametrize("case", erlang_a_cases(), ids=lambda case: case["id"])
def test_abandonment_against_erlang_a(case):
    """M/M/n+M: wait, abandonment and service level within 20 s where the grid has it."""
    aht, patience, load = case["aht_s"], case["mean_patience_s"], case["load_erlang"]
    cell = 10.0 * aht
    queue = line(
        "q",
        load / aht,
        ("t",),
        service=Law.exponential(aht),
        patience=Law.exponential(patience),
        cell=cell,
    )
    threshold = "20.0" if "20.0" in case["T"] else "0.0"
    counts = stationary(
        [queue],
        {"t": ("q",)},
        {"t": case["agents"]},
        days=max(60, round(1200 / load)),
        cell=cell,
        threshold_s=float(threshold),
    )[:, 0]
    agrees(p_abandon(counts), case["p_abandon"], 0.02)
    agrees(1.0 - p_wait(counts), case["T"][threshold]["sl_answered_of_offered"], 0.02)


@pytest.mark.parametrize(
    ("case", "days", "cells"),
    [
        (case, *size)
        for case, size in zip(RETRIAL["random_rate"], [(1200, 60), (1200, 24), (2600, 8)], strict=True)
    ],
    ids=["10", "48", "100"],
)
def test_a_random_day_against_the_gamma_mixture(case, days, cells):
    """A day's Gamma factor: the mean over days of the service level and the abandonment of Erlang A."""
    aht, cell = case["aht_s"], 10.0 * case["aht_s"]
    queue = line(
        "q",
        case["mean_load_erlang"] / aht,
        ("t",),
        service=Law.exponential(aht),
        patience=Law.exponential(case["mean_patience_s"]),
        cell=cell,
        cells=cells,
        day_cv=case["gamma_shape"] ** -0.5,
    )
    counts = stationary(
        [queue],
        {"t": ("q",)},
        {"t": case["agents"]},
        days=days,
        cells=cells,
        warm=2,
        cell=cell,
        threshold_s=case["T_s"],
    )[:, 0]
    exact = case["erlang_a"]
    agrees(1.0 - p_wait(counts), exact["sl_day_average"], 0.01)
    agrees(p_abandon(counts), exact["p_abandon_day_average"], 0.05)


@pytest.mark.parametrize("case", RETRIAL["retrial"], ids=lambda case: f"{case['agents']} agents")
def test_retrials_against_the_chain(case):
    """M/M/n/(n+w)+M with an orbit: attempts, fresh callers served, attempts lost."""
    queue = line(
        "q",
        case["arrival_rate"],
        ("t",),
        patience=Law.exponential(1.0 / case["patience_rate"]),
        places=case["waiting_room"],
        redial=case["p_retry_after_abandon"],
        redial_blocked=case["p_retry_after_block"],
        redial_pause_s=1.0 / case["retry_rate"],
    )
    counts = stationary([queue], {"t": ("q",)}, {"t": case["agents"]}, days=300)[:, 0]
    fresh = case["arrival_rate"] * 10.0 * 180
    agrees(counts[:, kernel.OFFERED] / fresh, case["total_attempt_rate"] / case["arrival_rate"], 0.005)
    agrees(counts[:, kernel.ANSWERED] / fresh, case["fraction_of_fresh_callers_eventually_served"], 0.005)
    lost = case["blocked_attempt_fraction"] + case["abandon_attempt_fraction"]
    agrees(p_abandon(counts), lost, 0.01)
    blocked = counts[:, kernel.OFFERED] * case["blocked_attempt_fraction"]
    # Redials of both kinds make the attempts beyond the fresh calls: so the two kinds are told apart.
    again = case["p_retry_after_block"] * blocked + case["p_retry_after_abandon"] * (
        counts[:, kernel.ABANDONED] - blocked
    )
    agrees(again / fresh, case["total_attempt_rate"] / case["arrival_rate"] - 1.0, 0.03)


# --- priorities, several skills, overflow -------------------------------------------------------------------


def priority_cases():
    """Cases with their class waits."""
    return VALIDATION["priority_MMc"]["cases"]


@pytest.mark.parametrize(
    "case", priority_cases(), ids=lambda case: f"{len(case['lambdas'])}x{case['servers']}"
)
def test_priorities_against_kella_and_yechiali(case):
    """M/M/c with non-preemptive priorities: the mean wait of every class."""
    unit, days = 1.0 / case["mu"], 800 if case["servers"] <= 2 else 240
    cell = 10.0 * unit
    names = [f"class {k}" for k in range(len(case["lambdas"]))]
    queues = [
        line(name, rate, ("t",), service=Law.exponential(unit), cell=cell)
        for name, rate in zip(names, case["lambdas"], strict=True)
    ]
    counts = stationary(queues, {"t": tuple(names)}, {"t": case["servers"]}, days=days, cell=cell)
    for k, exact in enumerate(case["mean_wait_by_class_nonpreemptive"]):
        # Total wait over expected calls: a ratio of short days' sums would be biased.
        expected = case["lambdas"][k] * cell * 180
        agrees(counts[:, k, kernel.WAIT_S] / expected, exact, 0.03)


def design(case):
    """Queues, skills and crew of a chain, with the suffixes of its results."""
    patience = Law.exponential(1.0 / case["theta"])
    if case["design"] == "N":
        order = ("1", "2") if case["pool2_priority"] == 1 else ("2", "1")
        queues = (
            line("1", case["lambda1"], ("p1", "p2"), patience=patience),
            line("2", case["lambda2"], ("p2",), patience=patience),
        )
        crew = {"p1": case["n1"], "p2": case["n2"]}
        return queues, {"p1": ("1",), "p2": order}, crew, ("_class1", "_class2"), ("1", "2")
    if case["design"].startswith("W"):
        order = ("1", "2") if case["pool3_priority"] == 1 else ("2", "1")
        queues = (
            line("1", case["lambda1"], ("p1", "p3"), patience=patience),
            line("2", case["lambda2"], ("p2", "p3"), patience=patience),
        )
        crew = {"p1": case["n1"], "p2": case["n2"], "p3": case["n3"]}
        return queues, {"p1": ("1",), "p2": ("2",), "p3": order}, crew, ("_class1", "_class2"), ("1", "2")
    queues = (
        line("1", case["lambda_moscow"], ("p1", "p2"), patience=patience, reserve={"p2": case["reserve"]}),
        line("2", case["lambda_kaluga"], ("p2",), patience=patience),
    )
    crew = {"p1": case["n_moscow"], "p2": case["n_kaluga"]}
    return queues, {"p1": ("1",), "p2": ("2", "1")}, crew, ("_moscow", "_kaluga"), ("_moscow", "_kaluga")


@pytest.mark.parametrize("case", CHAINS["cases"], ids=lambda case: case["design"][:8])
def test_several_skills_against_the_chain(case):
    """N and W designs and two sites with a reserve: wait and abandonment of both classes."""
    queues, skills, crew, waits, leaves = design(case)
    counts = stationary(queues, skills, crew, days=400 if case.get("reserve") else 200)
    for k in range(2):
        agrees(p_wait(counts[:, k]), case[f"p_wait{waits[k]}"], 0.02)
        agrees(p_abandon(counts[:, k]), case[f"p_abandon{leaves[k]}"], 0.04)


@pytest.mark.parametrize("case", CHAINS["loss_overflow"], ids=lambda case: f"{case['a1']}+{case['a2']}")
def test_loss_overflow_against_the_chain(case):
    """Patience of 0 is a loss system: blocking of the stream that overflows and of the other one's."""
    lost = Law.deterministic(0.0)
    queues = [line("1", case["a1"], ("p1", "p2"), patience=lost)]
    skills = {"p1": ("1",), "p2": ("1",)}
    if case["a2"] > 0.0:
        queues.append(line("2", case["a2"], ("p2",), patience=lost))
        skills["p2"] = ("1", "2")
    counts = stationary(queues, skills, {"p1": case["n1"], "p2": case["n2"]}, days=60)
    agrees(p_abandon(counts[:, 0]), case["p_block_stream1"], 0.02)
    if case["a2"] > 0.0:
        agrees(p_abandon(counts[:, 1]), case["p_block_stream2"], 0.02)


# --- common random numbers ----------------------------------------------------------------------------------


def service_level(agents, seed, days=300):
    """Service level of each day of a small centre with one agent more or less."""
    queue = Queue(
        "q",
        Law.lognormal(180.0, cv=1.2),
        ("t",),
        calls=np.full(32, 100.0),
        patience=Law.exponential(300.0),
        redial=0.3,
    )
    crew = (Agent("t", ((0.0, 28_800.0),)),) * agents
    run = simulate_days(Network((queue,), (Team("t", ("q",)),), crew), days, seed=seed)
    return run.measures(by=("day",))["service_level"].to_numpy()


def test_common_random_numbers_cut_the_variance_of_a_difference():
    """+1 agent: at least 5 times less variance than with independent days, and the same effect."""
    base, more, apart = service_level(21, seed=1), service_level(22, seed=1), service_level(22, seed=2)
    common, independent = (more - base), (apart - base)
    assert independent.var(ddof=1) >= 5.0 * common.var(ddof=1)
    assert common.mean() > 0.0
    error = np.sqrt((independent.var(ddof=1) + common.var(ddof=1)) / base.size)
    assert abs(common.mean() - independent.mean()) < 4.0 * error
