"""Erlang B, C, A: textbook values, the mistakes of this field, edges, refusals, the cache."""

import logging
import math
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from planning import queueing
from planning.errors import PlanningError
from planning.queueing import (
    Target,
    agents_required,
    calls_handled,
    erlang_b,
    erlang_c,
    kernels,
    measures,
    service_level,
    wait_percentile,
)
from planning.queueing.erlang import BASES

FIELDS = ("load", "wait_probability", "service_level", "miss", "asa_s", "abandonment", "occupancy")


def chain(load, agents, ratio, states=4000):
    """The stationary law of M/M/n+M by its birth-death equations, ratio = AHT / patience."""
    k = np.arange(1, states)
    weights = np.cumsum(np.log(load) - np.log(np.minimum(k, agents) + np.maximum(k - agents, 0) * ratio))
    law = np.exp(np.append(0.0, weights) - max(weights.max(), 0.0))
    return law / law.sum()


class TestTextbook:
    def test_erlang_b_by_its_sum(self):
        """The definition: a^n / n! over the sum."""
        terms = [10.0**k / math.factorial(k) for k in range(13)]
        assert erlang_b(10, 12) == pytest.approx(terms[-1] / sum(terms), rel=1e-14)

    def test_erlang_c_of_one_agent_is_the_load(self):
        """M/M/1: P(wait) = a, ASA = a AHT / (1 - a)."""
        assert erlang_c(0.75, 1) == pytest.approx(0.75, rel=1e-15)
        assert measures(3, 225, 1).asa_s == pytest.approx(0.75 * 225 / 0.25, rel=1e-15)

    def test_real_agents_lie_between_their_neighbours(self):
        """The continuation to real agents is smooth: ln B falls, and ever faster."""
        logs = np.log(erlang_b(30.0, np.arange(0.0, 60.0, 0.25)))
        assert (np.diff(logs) < 0).all()
        assert (np.diff(logs, 2) < 0).all()

    def test_real_agents_obey_the_recursion(self):
        """1 / B(n) = 1 + n / a / B(n - 1) holds for real n."""
        n = np.linspace(1.1, 300.0, 400)
        for load in (0.3, 1.2, 7.5, 80.0, 150.0):
            real = n[erlang_b(load, n) > 1e-290]
            assert real.size > 50
            expected = 1.0 / (1.0 + real / load / erlang_b(load, real - 1.0))
            np.testing.assert_allclose(erlang_b(load, real), expected, rtol=1e-12)

    def test_patience_by_the_birth_death_chain(self):
        """P(wait), abandonment and occupancy of Erlang A from a chain solved here."""
        law, state = chain(20.0, 18, 2.0), np.arange(4000)
        result = measures(20, 180, 18, interval_s=180, patience_s=90)
        assert result.wait_probability == pytest.approx(law[18:].sum(), rel=1e-12)
        queue = (law * np.maximum(state - 18, 0)).sum()
        assert result.abandonment == pytest.approx(2.0 * queue / 20.0, rel=1e-12)
        assert result.occupancy == pytest.approx((law * np.minimum(state, 18)).sum() / 18, rel=1e-12)


class TestMistakesOfTheField:
    def test_patience_does_not_underflow(self):
        """exp(-x) beyond 745 made an Erlang A say 0.03 for 0.90; large loads must stay smooth in the load."""
        loads = np.array([700.0, 744.0, 746.0, 800.0, 2000.0, 100_000.0])
        level = measures(loads, 180, loads * 1.02, interval_s=180, patience_s=180).service_level
        assert (level > 0.85).all()
        assert (np.diff(level) > 0).all()

    def test_patience_staffs_below_the_load(self):
        """With patient callers who may leave, fewer agents than erlangs can be enough."""
        target = Target(0.5, 20)
        assert agents_required(100, 180, target, patience_s=60) < 20

    def test_stage_rates_grow_with_the_queue(self):
        """n mu + i theta for stage i, not n mu + theta for each: the chain above decides."""
        law = chain(20.0, 18, 2.0)
        wrong = np.append(0.0, np.cumsum(np.log(20.0 / np.minimum(np.arange(1, 400), 18))))
        wrong[19:] = wrong[18] + np.arange(1, 382) * math.log(20.0 / 20.0)
        actual = measures(20, 180, 18, interval_s=180, patience_s=90).wait_probability
        assert actual == pytest.approx(law[18:].sum(), rel=1e-12)
        assert abs(np.exp(wrong)[18:].sum() / np.exp(wrong).sum() - actual) > 0.01

    def test_asa_is_over_the_answered(self):
        """Not over all: that would be abandonment x patience. Checked by integrating the offered wait."""
        load, agents, aht, patience = 20.0, 18.0, 180.0, 90.0
        t = np.linspace(0.0, 2000.0, 2_000_001)
        density = np.exp(load * patience / aht * -np.expm1(-t / patience) - agents * t / aht)
        answered = density * np.exp(-t / patience)
        result = measures(load, aht, agents, interval_s=aht, patience_s=patience)
        late = result.wait_probability * np.trapezoid(t * answered) / np.trapezoid(density)
        assert result.asa_s == pytest.approx(late / (1 - result.abandonment), rel=1e-9)
        assert result.asa_s < result.abandonment * patience

    def test_the_search_starts_below_the_answer(self):
        """One fewer than the answer always fails, from tiny loads to huge ones."""
        calls = np.array([0.001, 0.5, 3, 40, 999, 54_321, 4_999_999])
        for patience in (math.inf, 120.0):
            least = agents_required(calls, 180, Target(0.8, 20), patience_s=patience)
            at = measures(calls, 180, least, patience_s=patience)
            below = measures(calls, 180, least - 1, patience_s=patience)
            assert (at.service_level >= 0.8).all()
            assert (below.service_level < 0.8).all()

    def test_no_calls_and_too_few_agents_are_answers(self):
        """0 calls or staff <= load neither raise nor yield NaN."""
        quiet = measures(0, 180, [0, 5])
        np.testing.assert_array_equal(quiet.service_level, 1)
        for field in ("load", "wait_probability", "miss", "asa_s", "abandonment", "occupancy"):
            np.testing.assert_array_equal(getattr(quiet, field), 0)
        swamped = measures(100, 180, [0, 10, 20])
        np.testing.assert_array_equal(swamped.service_level, 0)
        np.testing.assert_array_equal(swamped.asa_s, math.inf)
        for field in ("miss", "wait_probability", "occupancy"):
            np.testing.assert_array_equal(getattr(swamped, field), 1)

    def test_minutes_and_seconds_agree(self):
        """The same centre in another unit of time: shares unchanged, waits scaled."""
        seconds = measures(100, 180, 20, interval_s=900, patience_s=90, threshold_s=20)
        minutes = measures(100, 3, 20, interval_s=15, patience_s=1.5, threshold_s=1 / 3)
        assert minutes.miss == pytest.approx(seconds.miss, rel=1e-13)
        assert minutes.asa_s * 60 == pytest.approx(seconds.asa_s, rel=1e-13)


class TestEdges:
    def test_nobody_answers(self):
        """Without agents, patience sends everybody away, at any threshold."""
        result = measures(100, 180, 0, patience_s=90, threshold_s=[0, 20])
        np.testing.assert_array_equal(result.service_level, 0)
        np.testing.assert_array_equal(result.abandonment, 1)
        np.testing.assert_array_equal(result.asa_s, math.inf)
        for basis in BASES[:3]:
            assert service_level(100, 180, 0, patience_s=90, basis=basis) == 0

    def test_blocking_at_the_edges(self):
        """No agents block everything, no load nothing."""
        np.testing.assert_array_equal(erlang_b([0, 0, 5], [0, 3, 0]), [1, 0, 1])
        np.testing.assert_array_equal(erlang_c([0, 0, 5, 5], [0, 3, 0, 5]), [1, 0, 1, 1])

    def test_a_zero_threshold_counts_who_does_not_wait(self):
        """SL(0) = 1 - P(wait)."""
        for patience in (math.inf, 60.0):
            result = measures(100, 180, 23, patience_s=patience, threshold_s=0)
            assert result.miss == pytest.approx(result.wait_probability, rel=1e-14)

    def test_shapes_broadcast(self):
        """Agents down, calls across; a number gives a number; a pandas column is an array."""
        table = measures(np.array([50, 100, 150]), 180, np.array([[12], [24]]))
        assert {getattr(table, field).shape for field in FIELDS} == {(2, 3)}
        assert table.service_level[1, 1] == measures(100, 180, 24).service_level
        assert isinstance(measures(100, 180, 24).service_level, float)
        assert agents_required(pd.Series([0, 100]), 180, Target()).tolist() == [0, 24]
        assert agents_required([], 180, Target()).shape == (0,)
        assert agents_required(100, 180, Target()).dtype == np.int64

    def test_inputs_are_left_alone(self):
        """Functions are pure."""
        calls = np.array([100.0, 200.0])
        agents_required(calls, 180, Target())
        measures(calls, 180, 30)
        assert calls.tolist() == [100.0, 200.0]

    def test_range_of_the_contract(self):
        """A million erlangs and patience from a quarter of a second to 1e8 s: finite and ordered."""
        patience = np.array([0.25, 20.0, 3600.0, 1e8, math.inf])
        load = np.array([[1e-6], [1.0], [1e3], [1e6]])
        result = measures(load, 180, load * 1.0005 + 1, interval_s=180, patience_s=patience)
        for field in FIELDS:
            assert np.isfinite(getattr(result, field)).all()
        assert (np.diff(result.wait_probability, axis=1) >= 0).all()

    def test_percentiles_at_the_edges(self):
        """0 where enough callers do not wait, inf where nobody is answered or everybody is asked for."""
        assert wait_percentile(100, 180, 40, 0.9) == 0
        assert wait_percentile(100, 180, 24, 0) == 0
        assert wait_percentile(0, 180, 0, 1) == 0
        assert wait_percentile(100, 180, 24, 1) == math.inf
        assert wait_percentile(100, 180, 20, 0.5) == math.inf
        assert wait_percentile(100, 180, 0, 0.5, patience_s=60) == math.inf

    @pytest.mark.parametrize("agents", [1, 15, 20, 22, 26])
    def test_percentiles_invert_the_tail(self, agents):
        """With a threshold at the percentile, exactly that share is "answered or still within it"."""
        share = np.array([0.3, 0.5, 0.8, 0.9, 0.99])
        wait = wait_percentile(100, 180, agents, share, patience_s=90)
        within = service_level(
            100, 180, agents, patience_s=90, threshold_s=wait, basis="answered_or_abandoned"
        )
        beyond = (1 - within) * np.exp(wait / 90)
        waits = measures(100, 180, agents, patience_s=90).wait_probability
        np.testing.assert_allclose(beyond[wait > 0], (1 - share)[wait > 0], rtol=1e-9)
        assert (share[wait == 0] <= 1 - waits + 1e-12).all()

    def test_percentiles_where_patience_is_a_moment(self):
        """V is long though nobody stays: against the integral of exp(-c x) beside a vanishing patience."""
        load, agents, aht, patience, share = 3.0, 1, 1000.0, 1.0, 0.75
        waits = measures(load, aht, agents, interval_s=aht, patience_s=patience).wait_probability
        b, c = load * patience / aht, agents * patience / aht
        x = np.linspace(0, 60 / c, 6_000_001)
        density = np.exp(-b * np.expm1(-x) - c * x)
        tail = waits * (
            1 - np.append(0, np.cumsum(density[1:] + density[:-1])) / np.sum(density[1:] + density[:-1])
        )
        expected = np.interp(share - 1, -tail, x) * patience
        actual = wait_percentile(load, aht, agents, share, interval_s=aht, patience_s=patience)
        assert actual == pytest.approx(expected, rel=1e-6)
        assert actual > 745 * patience


class TestTargets:
    @pytest.mark.parametrize("patience", [math.inf, 600.0, 60.0])
    @pytest.mark.parametrize(
        "target",
        [
            Target(0.8, 20),
            Target(None, max_asa_s=5),
            Target(None, max_occupancy=0.7),
            Target(None, max_occupancy=1.0),
            Target(0.9, 0, max_asa_s=3, max_abandonment=0.02, max_occupancy=0.85),
            Target(0.999999, 60),
        ],
    )
    def test_the_least_meets_every_part_and_one_less_does_not(self, target, patience):
        """Each part of a target alone, and all together."""
        calls = np.array([1.0, 7.0, 100.0, 2500.0])
        least = agents_required(calls, 180, target, patience_s=patience)

        def met(agents):
            result = measures(calls, 180, agents, patience_s=patience, threshold_s=target.threshold_s)
            asked = target.asked()
            return (
                (result.service_level >= asked.get("service_level", 0))
                & (result.asa_s <= asked.get("max_asa_s", math.inf))
                & (result.abandonment <= asked.get("max_abandonment", 1))
                & (result.occupancy <= asked.get("max_occupancy", 1))
                & ((agents > result.load) | np.isfinite(patience))
            )

        assert met(least).all()
        assert not met(np.maximum(least - 1, 0))[least > 0].any()

    def test_a_tie_is_met(self):
        """A target that is exactly the service level of n agents needs n agents, not n + 1."""
        for patience in (math.inf, 90.0):
            for agents in (21, 24, 30):
                level = float(measures(100, 180, agents, patience_s=patience).service_level)
                assert agents_required(100, 180, Target(level, 20), patience_s=patience) == agents

    @pytest.mark.parametrize(
        ("target", "patience", "message"),
        [
            (Target(1.0), math.inf, "service_level is 1: no number of agents"),
            (Target(1.0), 60.0, "service_level is 1"),
            (Target(None, max_asa_s=0), math.inf, "max_asa_s is 0"),
            (Target(None, max_occupancy=0), 60.0, "max_occupancy is 0"),
            (Target(0.8, max_abandonment=0), 60.0, "max_abandonment is 0"),
        ],
    )
    def test_what_no_staff_reaches_is_refused(self, target, patience, message):
        """The part is named; without calls even that is met by nobody; and it takes no calls at all."""
        with pytest.raises(PlanningError, match=message):
            agents_required([0, 100], 180, target, patience_s=patience)
        assert agents_required(0, 180, target, patience_s=patience) == 0
        assert calls_handled(50, 180, target, patience_s=patience) == 0

    def test_no_abandonment_is_free_when_nobody_gives_up(self):
        """Erlang C loses nobody: the least is then what keeps the queue stable."""
        assert agents_required(100, 180, Target(None, max_abandonment=0)) == 21
        assert calls_handled(21, 180, Target(None, max_abandonment=0)) == pytest.approx(105, rel=1e-12)

    def test_an_empty_target_has_no_end(self):
        """Asking for nothing that patience does not give, any number of calls is handled."""
        target = Target(0.0)
        assert calls_handled(10, 180, target, patience_s=60) == math.inf
        assert agents_required(100, 180, target, patience_s=60) == 0
        assert agents_required(100, 180, target) == 21

    def test_nobody_handles_nothing(self):
        """Without agents no calls."""
        assert calls_handled(0, 180, Target()) == 0
        assert calls_handled(0, 180, Target(), patience_s=60) < 1e-290


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("calls", -1), ("calls", math.nan), ("calls", math.inf), ("calls", "100"), ("calls", None),
            ("calls", True), ("calls", [100, True]), ("calls", [100, "5"]), ("calls", [100, None]),
            ("aht_s", 0), ("aht_s", -5), ("aht_s", math.nan), ("aht_s", math.inf), ("aht_s", "180"),
            ("agents", -1), ("agents", math.nan), ("agents", math.inf), ("agents", True), ("agents", 1j),
            ("interval_s", 0), ("interval_s", math.nan), ("interval_s", math.inf),
            ("patience_s", 0), ("patience_s", -1), ("patience_s", math.nan), ("patience_s", "inf"),
            ("threshold_s", -1), ("threshold_s", math.nan), ("threshold_s", math.inf),
        ],
    )  # fmt: skip
    def test_measures_names_the_argument(self, name, value):
        """NaN, text, booleans, negatives, infinities where they mean nothing."""
        with pytest.raises(PlanningError, match=rf"^{name}(\[\d\])? (is|has) "):
            measures(**{"calls": 100, "aht_s": 180, "agents": 24} | {name: value})

    def test_the_element_is_named(self):
        """Where it stands, what it is, what it must be."""
        with pytest.raises(PlanningError, match=r"^aht_s\[1\] is -3\.0, must lie in \[1e-06, 9.0072e\+15\]$"):
            agents_required(100, [180, -3], Target())

    def test_shapes_that_do_not_fit_are_named(self):
        """Every argument with its shape."""
        with pytest.raises(PlanningError, match=r"calls \(3,\).*agents \(2,\).*do not fit"):
            measures([1, 2, 3], 180, [1, 2])
        with pytest.raises(PlanningError, match=r"calls\[0\] is \[1, 2\], must be a number"):
            measures([[1, 2], [3]], 180, 5)

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"calls": 1e18}, r"calls is 1e\+18, must lie in \[0, 9.0072e\+15\]"),
            ({"aht_s": 1e300}, r"aht_s is 1e\+300, must lie in"),
            ({"aht_s": 1e-300}, r"aht_s is 1e-300, must lie in"),
            (
                {"calls": 1e15, "aht_s": 1e9},
                r"load is 1.1\d*e\+21, must lie in .*: give aht_s and in",
            ),
            ({"patience_s": 1e300}, "must lie in .*: write inf if nobody hangs up"),
        ],
    )
    def test_absurd_sizes_are_refused(self, given, message):
        """Beyond 2**53 a float cannot tell one agent more from none, and the search would never end."""
        with pytest.raises(PlanningError, match=message):
            agents_required(**{"calls": 100, "aht_s": 180, "target": Target()} | given)

    @pytest.mark.parametrize("patience", [1e-6, 120.0, 1e30, math.inf])
    def test_the_largest_sizes_end(self, patience):
        """At the bounds themselves, in milliseconds and without NaN."""
        for calls, aht in [(1e15, 900), (1e15, 1e-6), (1e-300, 1e15), (1, 1e15)]:
            assert agents_required(calls, aht, Target(), patience_s=patience) >= 0
            for agents in (0, 5, 1e15):
                found = measures(calls, aht, agents, patience_s=patience)
                assert not np.isnan([found.service_level, found.asa_s, found.abandonment]).any()

    def test_loads_and_agents(self):
        """Erlang B and C check theirs."""
        with pytest.raises(PlanningError, match=r"^load is -1"):
            erlang_b(-1, 5)
        with pytest.raises(PlanningError, match=r"^agents is nan"):
            erlang_c(1, math.nan)

    def test_percentiles_want_a_share(self):
        """80 for 0.80."""
        with pytest.raises(PlanningError, match=r"share is 80\.0.*write 0\.80 for 80 %"):
            wait_percentile(100, 180, 24, 80)

    def test_a_basis_is_a_named_choice(self):
        """With the choices in the message."""
        with pytest.raises(PlanningError, match="basis is 'handled', must be one of 'offered', 'answered'"):
            service_level(100, 180, 24, basis="handled")


class TestCompilation:
    def run(self, folder):
        """Erlang B in a fresh process whose cache lies in `folder`."""
        code = (
            "import logging; logging.basicConfig(format='%(name)s:%(levelname)s:%(message)s')\n"
            "from planning.queueing import erlang_b, erlang_c\n"
            "import sys; sys.stdout.write(f'{erlang_b(20, 25)!r} {erlang_c(20, 25)!r}')"
        )
        environment = os.environ | {"NUMBA_CACHE_DIR": str(folder)}
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )

    def test_the_first_process_says_that_it_compiles_and_the_next_is_silent(self, tmp_path):
        """One line once, the same numbers from the cache as from the compiler."""
        first, second = self.run(tmp_path), self.run(tmp_path)
        assert first.stderr.count("planning:WARNING:compiling the staffing formulas, once after") == 1
        assert second.stderr == ""
        assert first.stdout == second.stdout == f"{erlang_b(20, 25)!r} {erlang_c(20, 25)!r}"

    def test_a_compiled_function_is_not_announced(self, caplog):
        """Nothing is said when nothing is compiled."""
        erlang_b(1, 1)
        with caplog.at_level(logging.WARNING, logger="planning"):
            assert kernels.compiled(kernels.blocking) is kernels.blocking
        assert caplog.text == ""


def test_a_number_is_no_target():
    for find in (agents_required, calls_handled):
        with pytest.raises(PlanningError, match=r"target is 0.8, must be a Target: write Target\(0.8, 20\)"):
            find(10, 180, 0.8)


def test_every_public_name_is_there():
    """Those imported on first use included; anything else is an AttributeError."""
    for name in queueing.__all__:
        assert getattr(queueing, name).__module__.startswith("planning.queueing.")
    with pytest.raises(AttributeError, match="erlang_d"):
        queueing.erlang_d  # noqa: B018


def test_the_formulas_come_without_pandas_and_scipy_optimize():
    """`import planning.queueing` stays light."""
    heavy = "{'pandas', 'scipy.optimize'}"
    code = f"import planning.queueing, sys; sys.stdout.write(str({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()"


def test_temme_coefficients_match_the_published_ones():
    """C_0 and C_1 at 0: -1/3, 1/12, -2/135 and -1/540, -1/288 (DLMF 8.12)."""
    rows = kernels.temme_coefficients(2, 3)
    np.testing.assert_allclose(rows, [[-1 / 3, 1 / 12, -2 / 135], [-1 / 540, -1 / 288, 1 / 378]], rtol=1e-15)
