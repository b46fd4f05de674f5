"""The engine against exact solutions: traces call by call, stationary chains within a band of days.

A simulated mean must lie within 4 standard errors of the exact value, and the standard error, taken from
between days, must be small enough to see a wrong model: `precise` is the largest one allowed, relative to the
exact value.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import stdtrit

from planning.queueing import Target, agents_required, exact_day
from planning.queueing import measures as queueing_measures
from planning.simulation import (
    Agent,
    AgentGroup,
    CallQueue,
    Law,
    Network,
    contact_measures,
    fifo,
    kernel,
    simulate_day,
    simulate_days,
)
from planning.simulation.contacts import band_of_ratio
from planning.simulation.replications import open_positions

HERE = Path(__file__).parent
TRACES = json.loads((HERE / "sim_traces.json").read_text())["traces"]
VALIDATION = json.loads((HERE / "sim_validation.json").read_text())
CHAINS = json.loads((HERE / "overflow_multiskill_ctmc.json").read_text())
RETRIAL = json.loads((HERE / "retrial_random_rate.json").read_text())
GRID = json.loads((HERE / "erlang_a_grid.json").read_text())
ALWAYS = ((0.0, 1e9),)


def agrees(values, exact, precise):
    """Mean of one value per day within 4 standard errors, themselves at most `precise` of the exact value."""
    values, exact = np.asarray(values), float(exact)
    error = values.std(ddof=1) / np.sqrt(values.size)
    assert error <= precise * exact, f"standard error {error / exact:.2%} of {exact:g}"
    z = (values.mean() - exact) / error
    assert abs(z) < 4.0, f"{values.mean():.6g} for {exact:.6g}, z = {z:.2f}"


def stationary(queues, skills, crew, *, days, cells=200, warm=20, cell=10.0, seed=7, threshold_s=0.0):
    """Counts (days, queues, COUNTS) of the intervals after the warm-up; service takes 1 on average."""
    agents = tuple(Agent(team, ALWAYS) for team, n in crew.items() for _ in range(n))
    teams = tuple(AgentGroup(team, served) for team, served in skills.items())
    run = simulate_days(
        Network(tuple(queues), teams, agents, interval_s=cell), days, seed=seed, threshold_s=threshold_s
    )
    return run.counts[:, :, warm:cells].sum(axis=2)


def line(name, rate, routing, *, patience=None, service=None, cells=200, cell=10.0, **settings):
    """A queue of constant rate with unit exponential service."""
    return CallQueue(
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


def of_callers(callers, queue, crew):
    """Shares and mean wait of the callers of one queue."""
    answered, at_once = callers["outcome"] == "answered", callers["wait_s"] == 0.0
    fresh = callers["attempt"] == 1  # their arrivals are Poisson, and so see time averages
    return {
        f"attempts {queue}": float(len(callers)),
        f"wait {queue}": 1.0 - (answered & at_once).mean(),
        f"fresh_wait {queue}": 1.0 - (answered & at_once)[fresh].mean(),
        f"abandon {queue}": (~answered).mean(),
        f"gone_at_once {queue}": (~answered & at_once).mean(),
        f"fresh_gone_at_once {queue}": (~answered & at_once)[fresh].mean(),
        f"mean_wait {queue}": callers["wait_s"].mean(),
        **{f"by_{team} {queue}": (callers["team"] == team).mean() for team in crew},
        **{f"at_once_by_{team} {queue}": ((callers["team"] == team) & at_once).mean() for team in crew},
    }


def spent(begin_s, end_s, start_s, stop_s):
    """Mean number of those who are there between two moments."""
    return float((np.clip(end_s, start_s, stop_s) - np.clip(begin_s, start_s, stop_s)).sum()) / (
        stop_s - start_s
    )


def observed(queues, skills, crew, *, days, seed=7, cells=200, warm=20, cell=10.0):
    """What a watcher of the contacts writes down each day after the warm-up.

    A row per day with the values of `of_callers`, mean_queue by queue, occupancy by team; and by team the
    numbers busy at moments that lie two services apart.
    """
    agents = tuple(Agent(team, ALWAYS) for team, n in crew.items() for _ in range(n))
    teams = tuple(AgentGroup(team, served) for team, served in skills.items())
    network = Network(tuple(queues), teams, agents, interval_s=cell)
    window = (warm * cell, cells * cell)
    moments = np.arange(*window, 2.0)
    rows, busy = [], {team: [] for team in crew}
    for day in range(days):
        contacts = simulate_day(network, seed=seed, replication=day).contacts
        row = {}
        for queue in network.queue_names:
            mine = contacts[contacts["queue"] == queue]
            row |= of_callers(mine[mine["arrival_s"].between(*window, inclusive="left")], queue, crew)
            row[f"mean_queue {queue}"] = spent(
                mine["arrival_s"], mine["answer_s"].fillna(mine["end_s"]), *window
            )
        for team, n in crew.items():
            begun, over = (
                np.sort(contacts.loc[contacts["team"] == team, name]) for name in ("answer_s", "end_s")
            )
            row[f"occupancy {team}"] = spent(begun, over, *window) / n
            started, ended = (np.searchsorted(edges, moments, "right") for edges in (begun, over))
            busy[team].append(started - ended)
        rows.append(row)
    return pd.DataFrame(rows), {team: np.array(counts) for team, counts in busy.items()}


# --- traces -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace["name"])
def test_traces_call_by_call(trace):
    """Answer and end of every call, exactly, by the pool and by the network; the same agents by both."""
    patience = [np.inf if p is None else p for p in trace["patience"]]
    starts = np.array([np.nan if s is None else s for s in trace["start"]], float)
    pool = fifo(trace["arrival"], trace["service"], trace["servers"], patience_s=patience)
    queue = CallQueue(
        "q", Law.trace(trace["service"]), ("t",), arrival_s=trace["arrival"], patience=Law.trace(patience)
    )
    crew = (Agent("t", ((0.0, 1e11),)),) * trace["servers"]
    network = Network((queue,), (AgentGroup("t", ("q",)),), crew, interval_s=900_000.0)
    for contacts in (pool, simulate_day(network, seed=0).contacts):
        np.testing.assert_array_equal(contacts["answer_s"], starts)
        np.testing.assert_array_equal(contacts["end_s"], np.array(trace["exit"], float))
        row = contact_measures(contacts, threshold_s=20_000).loc[0]
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
    """A day's Gamma factor: service level and abandonment of Erlang A, the mean of days and of calls."""
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
    # Over the calls of all days a busy day weighs more.
    calls = case["mean_load_erlang"] / aht * cell * (cells - 2)
    agrees(counts[:, kernel.WITHIN] / calls, exact["sl_call_weighted"], 0.02)
    agrees(counts[:, kernel.ABANDONED] / calls, exact["p_abandon_call_weighted"], 0.06)


@pytest.mark.parametrize("case", RETRIAL["retrial"], ids=lambda case: f"{case['agents']} agents")
def test_retrials_against_the_chain(case):
    """M/M/n/(n+w)+M with an orbit: every value that is stored of it."""
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
    found, _ = observed([queue], {"t": ("q",)}, {"t": case["agents"]}, days=80)
    span, fresh = 1800.0, case["arrival_rate"] * 1800.0
    attempts = found["attempts q"]
    for values, key, precise in (
        (attempts / span, "total_attempt_rate", 0.01),
        # Little's law: those who will call again are as many as call again in a mean pause.
        ((attempts - fresh) / span / case["retry_rate"], "mean_orbit", 0.05),
        (attempts * (1.0 - found["abandon q"]) / span, "served_rate", 0.01),
        (attempts * (1.0 - found["abandon q"]) / fresh, "fraction_of_fresh_callers_eventually_served", 0.01),
        (
            attempts * found["gone_at_once q"] / span / case["total_attempt_rate"],
            "blocked_attempt_fraction",
            0.05,
        ),
        (found["abandon q"] - found["gone_at_once q"], "abandon_attempt_fraction", 0.03),
        (found["fresh_gone_at_once q"], "p_full_time", 0.05),
        (found["fresh_wait q"], "p_all_agents_busy_time", 0.01),
        (found["mean_queue q"], "mean_queue", 0.04),
        (found["occupancy t"], "occupancy", 0.005),
    ):
        agrees(values, case[key], precise)


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
        return queues, {"p1": ("1",), "p2": order}, crew
    if case["design"].startswith("W"):
        order = ("1", "2") if case["pool3_priority"] == 1 else ("2", "1")
        queues = (
            line("1", case["lambda1"], ("p1", "p3"), patience=patience),
            line("2", case["lambda2"], ("p2", "p3"), patience=patience),
        )
        crew = {"p1": case["n1"], "p2": case["n2"], "p3": case["n3"]}
        return queues, {"p1": ("1",), "p2": ("2",), "p3": order}, crew
    queues = (
        line("1", case["lambda_moscow"], ("p1", "p2"), patience=patience, reserve={"p2": case["reserve"]}),
        line("2", case["lambda_kaluga"], ("p2",), patience=patience),
    )
    crew = {"p1": case["n_moscow"], "p2": case["n_kaluga"]}
    return queues, {"p1": ("1",), "p2": ("2", "1")}, crew


def stored(case):
    """Exact values of a chain under the names of `observed`, with the standard error that is allowed."""
    sites = "lambda_moscow" in case
    for place, queue in enumerate(("1", "2")):
        of = ("_moscow", "_kaluga")[place] if sites else queue
        by_class = of if sites else f"_class{queue}"
        for name, key, precise in (
            ("wait", f"p_wait{by_class}", 0.02),
            ("abandon", f"p_abandon{of}", 0.04),
            ("mean_wait", f"mean_wait_all{of}", 0.03),
            ("mean_queue", f"mean_queue{of}", 0.03),
        ):
            yield f"{name} {queue}", case[key], precise
    pools = ("occupancy_moscow", "occupancy_kaluga") if sites else ("occupancy1", "occupancy2", "occupancy3")
    for place, key in enumerate(pools, start=1):
        if key in case:
            yield f"occupancy p{place}", case[key], 0.01
    for key in ("p_class1_direct_overflow_to_pool2", "p_moscow_direct_overflow"):
        if key in case:
            yield "at_once_by_p2 1", case[key], 0.06


@pytest.mark.parametrize("case", CHAINS["cases"], ids=lambda case: case["design"][:8])
def test_several_skills_against_the_chain(case):
    """N and W designs and two sites with a reserve: every value that is stored of them."""
    # Of 2 calls a minute one in a thousand waits where a reserve is kept: that needs more days.
    found, _ = observed(*design(case), days=250 if case.get("reserve") else 60)
    for name, exact, precise in stored(case):
        rare = case.get("reserve") and name.endswith(" 1")
        agrees(found[name], exact, 3.0 * precise if rare else 1.3 * precise)


def test_three_types_against_the_chain():
    """L'Ecuyer's three call types at two groups of agents, with callers who balk.

    Parameters as published (contactcenters, doc/msk/mskccParamsThreeTypesCTMC.xml), in minutes: one agent for
    types 1 and 0, two for 1 and 2, the middle type first.
    """
    exact = CHAINS["lecuyer_three_types"]["solutions"][-1]
    parts = zip((1.0, 2.0, 1.0), (5.0, 10.0, 5.0), (0.08, 0.06, 0.08), strict=True)
    routes = (("g0",), ("g0", "g1"), ("g1",))
    queues = [
        line(str(k), rate, routes[k], patience=Law.exponential(patience), balk=balk)
        for k, (rate, patience, balk) in enumerate(parts)
    ]
    found, _ = observed(queues, {"g0": ("1", "0"), "g1": ("1", "2")}, {"g0": 1, "g1": 2}, days=120)
    for k in range(3):
        for name, key, precise in (
            ("wait", "p_no_agent_free_by_type", 0.01),
            ("gone_at_once", "p_balk_by_type", 0.02),
            ("abandon", "p_lost_by_type", 0.02),
            ("mean_queue", "mean_queue_by_type", 0.02),
        ):
            agrees(found[f"{name} {k}"], exact[key][k], precise)
        agrees(found[f"mean_wait {k}"] / 60.0, exact["mean_wait_all_h_by_type"][k], 0.02)
        later = found[f"abandon {k}"] - found[f"gone_at_once {k}"]
        agrees(later, exact["p_abandon_after_waiting_by_type"][k], 0.02)
    for group, occupancy in enumerate(exact["occupancy_group"]):
        agrees(found[f"occupancy g{group}"], occupancy, 0.01)


@pytest.mark.parametrize("case", CHAINS["loss_overflow"], ids=lambda case: f"{case['a1']}+{case['a2']}")
def test_loss_overflow_against_the_chain(case):
    """Patience of 0 is a loss system: blocking of the stream that overflows and of the other one's."""
    lost = Law.deterministic(0.0)
    queues = [line("1", case["a1"], ("p1", "p2"), patience=lost)]
    skills = {"p1": ("1",), "p2": ("1",)}
    if case["a2"] > 0.0:
        queues.append(line("2", case["a2"], ("p2",), patience=lost))
        skills["p2"] = ("1", "2")
    found, busy = observed(queues, skills, {"p1": case["n1"], "p2": case["n2"]}, days=40)
    agrees(found["abandon 1"], case["p_block_stream1"], 0.05)
    agrees(1.0 - found["by_p1 1"], case["p_primary_full"], 0.01)
    if case["a2"] > 0.0:
        agrees(found["abandon 2"], case["p_block_stream2"], 0.04)
    agrees((busy["p2"] == case["n2"]).mean(axis=1), case["p_block_stream2"], 0.04)


@pytest.mark.parametrize("case", CHAINS["loss_overflow"], ids=lambda case: f"{case['a1']}+{case['a2']}")
def test_overflow_is_peaked_as_riordan_says(case):
    """What one group cannot take, offered to a group that can: mean and variance of its busy agents."""
    queue = line("1", case["a1"], ("p1", "p2"), patience=Law.deterministic(0.0))
    crew = {"p1": case["n1"], "p2": 60}
    _, busy = observed([queue], {"p1": ("1",), "p2": ("1",)}, crew, days=30)
    mean = case["overflow_mean"]
    agrees(busy["p2"].mean(axis=1), mean, 0.02)
    around = ((busy["p2"] - mean) ** 2).mean(axis=1)
    agrees(around, case["overflow_variance_riordan"], 0.05)
    agrees(around / mean, case["peakedness"], 0.05)


# --- a day that unfolds -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("peak", "seed"), [(20.0, 1), (60.0, 2), (30.0, 3)])
def test_a_day_of_steps_against_the_exact_day(peak, seed):
    """Two humps, staff in steps of an hour, leavers who finish: the z-scores of 96 intervals are standard."""
    hours = np.arange(96) / 4.0
    shape = np.exp(-(((hours - 11.0) / 3.0) ** 2)) + 0.9 * np.exp(-(((hours - 16.0) / 3.5) ** 2)) + 0.08
    calls, aht_s, patience_s = peak * shape, 240.0, 180.0
    least = agents_required(calls, aht_s, Target(0.8, 20.0), patience_s=patience_s)
    agents = np.repeat(least.reshape(-1, 4).max(axis=1), 4)
    exact = exact_day(calls, aht_s, agents, patience_s=patience_s)["service_level"]
    queue = CallQueue("q", Law.exponential(aht_s), ("t",), calls=calls, patience=Law.exponential(patience_s))
    network = Network((queue,), (AgentGroup("t", ("q",)),), tuple(open_positions("t", agents, 900.0)))
    counts = simulate_days(network, 1500, seed=seed).counts[:, 0, :96]
    bands = [band_of_ratio(*counts[:, i, [kernel.WITHIN, kernel.OFFERED]].T) for i in range(96)]
    error = np.array([one.half_width for one in bands]) / stdtrit(1499, 0.975)
    formula = queueing_measures(calls, aht_s, agents, patience_s=patience_s).service_level
    mean = np.array([one.mean for one in bands])
    z, blind = ((mean - level) / error for level in (exact.to_numpy(), formula))
    assert 0.8 < np.sqrt((z**2).mean()) < 1.2
    assert np.abs(z).max() < 4.0
    assert np.sqrt((blind**2).mean()) > 1.3  # what the formula says of each interval alone is told apart


# --- common random numbers ----------------------------------------------------------------------------------


def service_level(agents, seed, days=300):
    """Service level of each day of a small centre with one agent more or less."""
    queue = CallQueue(
        "q",
        Law.lognormal(180.0, cv=1.2),
        ("t",),
        calls=np.full(32, 100.0),
        patience=Law.exponential(300.0),
        redial=0.3,
    )
    crew = (Agent("t", ((0.0, 28_800.0),)),) * agents
    run = simulate_days(Network((queue,), (AgentGroup("t", ("q",)),), crew), days, seed=seed)
    return run.measures(by=("day",))["service_level"].to_numpy()


def test_common_random_numbers_cut_the_variance_of_a_difference():
    """+1 agent: at least 5 times less variance than with independent days, and the same effect."""
    base, more, apart = service_level(21, seed=1), service_level(22, seed=1), service_level(22, seed=2)
    common, independent = (more - base), (apart - base)
    assert independent.var(ddof=1) >= 5.0 * common.var(ddof=1)
    assert common.mean() > 0.0
    error = np.sqrt((independent.var(ddof=1) + common.var(ddof=1)) / base.size)
    assert abs(common.mean() - independent.mean()) < 4.0 * error
