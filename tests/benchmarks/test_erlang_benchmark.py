"""Least agents for a million problems, against pyworkforce and a textbook in plain Python, in one run.

The peers run on a sample of the same problems; `table.py` prints the rows that each test reports.
"""

import math
import platform
import time

import numpy as np
import pytest
from benchmarks.table import row

from planning.queueing import Target, agents_required, measures

AHT, THRESHOLD, LEVEL, PATIENCE = 180.0, 20.0, 0.8, 180.0
TARGET = Target(LEVEL, THRESHOLD)
PLAIN = f"plain {platform.python_implementation()}"
LOADS = 10 ** np.random.default_rng(20240501).uniform(0, 3, 1_000_000)


def textbook(load, patience=math.inf):
    """The least agents by the recursion of B and, with patience, the sum over the queue; no tricks."""
    blocked, agents = 1.0, 0
    while True:
        agents += 1
        blocked = load * blocked / (agents + load * blocked)
        if agents > load and math.isinf(patience):
            wait = agents * blocked / (agents - load * (1 - blocked))
            if 1 - wait * math.exp(-(agents - load) * THRESHOLD / AHT) >= LEVEL:
                return agents
        elif (
            agents > 0.7 * load
            and not math.isinf(patience)
            and textbook_level(load, agents, blocked) >= LEVEL
        ):
            return agents


def textbook_level(load, agents, blocked):
    """Erlang A: a caller who finds k waiting is answered in time, summed by the trapezoidal rule in t."""
    ratio, steps = AHT / PATIENCE, 40
    weight, total, k = 1.0, 0.0, 0
    while weight > 1e-12 * (1.0 + total):
        k += 1
        weight *= load / (agents + k * ratio)
        total += weight
    wait = (1 + total) / (1 / blocked + total)
    free = 1 - wait

    def answered(t):
        growth = load / ratio * -math.expm1(-t / PATIENCE)
        return math.exp(growth - agents * t / AHT - t / PATIENCE)

    inside = sum(answered(THRESHOLD * (i + 0.5) / steps) for i in range(steps)) * THRESHOLD / steps
    return free + wait * inside * agents / AHT / (1 + total)


def timed(benchmark, solve, rounds):
    """Run, and return the result with the least CPU time of this process."""
    spent = []

    def once():
        start = time.process_time()
        result = solve()
        spent.append(time.process_time() - start)
        return result

    result = benchmark.pedantic(once, rounds=rounds, iterations=1, warmup_rounds=1)
    return result, min(spent)


def agreement(theirs, ours):
    """Say how many answers of a peer differ from ours, and by how much at most."""
    off = np.abs(np.array(theirs) - ours)
    return (
        f"the same but {np.count_nonzero(off)} of {off.size:,}, by {off.max()}" if off.any() else "the same"
    )


@pytest.mark.benchmark(group="Least agents, Erlang C, 1 to 1,000 erlangs")
class TestErlangC:
    def test_planning(self, benchmark):
        """The goal: a million in half a CPU-second."""
        result, spent = timed(benchmark, lambda: agents_required(LOADS, AHT, TARGET, interval_s=AHT), 5)
        benchmark.extra_info["rows"] = [row("planning, one call", spent, LOADS.size, "solves")]
        assert (result > LOADS).all()
        assert spent <= 0.5

    def test_planning_one_by_one(self, benchmark):
        """The same integers without the gain of arrays: the fixed cost of a call."""
        sample = LOADS[:5_000]
        result, spent = timed(
            benchmark, lambda: [agents_required(load, AHT, TARGET, interval_s=AHT) for load in sample], 5
        )
        assert result == agents_required(sample, AHT, TARGET, interval_s=AHT).tolist()
        benchmark.extra_info["rows"] = [row("planning, one problem per call", spent, sample.size, "solves")]

    def test_plain_python(self, benchmark):
        """The same integers from the textbook."""
        sample = LOADS[:5_000]
        result, spent = timed(benchmark, lambda: [textbook(load) for load in sample.tolist()], 5)
        assert result == agents_required(sample, AHT, TARGET, interval_s=AHT).tolist()
        benchmark.extra_info["rows"] = [row(PLAIN, spent, sample.size, "solves", "the same", ())]

    def test_pyworkforce(self, benchmark):
        """pyworkforce walks up in plain Python with a fresh recursion at each step; it thinks in minutes."""
        queuing = pytest.importorskip("pyworkforce.queuing")
        sample = LOADS[:5_000].tolist()

        def solve():
            return [
                queuing.ErlangC(
                    transactions=load, aht=AHT / 60, asa=THRESHOLD / 60, interval=AHT / 60, shrinkage=0.0
                ).required_positions(service_level=LEVEL)["positions"]
                for load in sample
            ]

        result, spent = timed(benchmark, solve, 5)
        ours = agents_required(sample, AHT, TARGET, interval_s=AHT)
        # it starts its search above a least of one or two agents: never below ours
        assert (np.array(result) >= ours).all()
        benchmark.extra_info["rows"] = [
            row("pyworkforce", spent, len(sample), "solves", agreement(result, ours), ["pyworkforce"])
        ]


@pytest.mark.benchmark(group="Least agents, Erlang A, 1 to 1,000 erlangs")
class TestErlangA:
    def test_planning(self, benchmark):
        """The goal: 200,000 in one CPU-second."""
        sample = LOADS[:200_000]
        result, spent = timed(
            benchmark,
            lambda: agents_required(sample, AHT, TARGET, interval_s=AHT, patience_s=PATIENCE),
            5,
        )
        benchmark.extra_info["rows"] = [row("planning, one call", spent, sample.size, "solves")]
        assert (
            measures(sample, AHT, result, interval_s=AHT, patience_s=PATIENCE).service_level >= LEVEL
        ).all()
        assert spent <= 1.0

    def test_plain_python(self, benchmark):
        """The textbook's sum, whose quadrature may move a tie: at most one agent off."""
        sample = LOADS[:1_000]
        result, spent = timed(benchmark, lambda: [textbook(load, PATIENCE) for load in sample.tolist()], 5)
        ours = agents_required(sample, AHT, TARGET, interval_s=AHT, patience_s=PATIENCE)
        assert np.abs(np.array(result) - ours).max() <= 1
        benchmark.extra_info["rows"] = [row(PLAIN, spent, sample.size, "solves", agreement(result, ours), ())]


@pytest.mark.benchmark(group="All seven measures, 1 to 1,000 erlangs")
@pytest.mark.parametrize(
    ("model", "patience"), [("Erlang C", math.inf), ("Erlang A", PATIENCE)], ids=["Erlang C", "Erlang A"]
)
def test_measures(benchmark, model, patience):
    """All seven measures, ASA of the answered included."""
    sample = LOADS[:200_000]
    agents = np.ceil(sample) + 1
    result, spent = timed(
        benchmark, lambda: measures(sample, AHT, agents, interval_s=AHT, patience_s=patience), 5
    )
    benchmark.extra_info["rows"] = [row(f"planning, {model}", spent, sample.size, "problems")]
    assert np.isfinite(result.asa_s).all()
