"""Erlang B, C and A against exact values (50 digits and more, computed from first principles elsewhere)."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from planning.queueing import (
    Target,
    agents_required,
    calls_handled,
    erlang_b,
    erlang_c,
    measures,
    service_level,
    wait_percentile,
)

HERE = Path(__file__).parent
BC = json.loads((HERE / "erlang_bc_grid.json").read_text())
A = json.loads((HERE / "erlang_a_grid.json").read_text())["cases"]
REQUIRED = json.loads((HERE / "required_agents.json").read_text())

ULP = 1.1e-16
THRESHOLDS_C = ["0.0", "10.0", "20.0", "60.0", "300.0"]
THRESHOLDS_A = ["0.0", "20.0", "120.0"]
BASES = {
    "offered": "sl_answered_of_offered",
    "answered": "sl_answered_of_answered",
    "excluding_short_abandons": "sl_excl_short_abandons",
    "answered_or_abandoned": "sl_answered_or_abandoned_within_T",
}


def column(cases, name):
    """One field of every case as floats."""
    return np.array([float(case[name]) for case in cases])


def assert_close(actual, expected, relative):
    """Compare value by value; what lies below the smallest normal float may only be as small."""
    actual, relative = np.broadcast_arrays(actual, relative)
    assert actual.shape == expected.shape
    tiny = np.abs(expected) < 1e-300
    error = np.abs(actual[~tiny] / expected[~tiny] - 1.0)
    assert (error <= relative[~tiny]).all(), (error / relative[~tiny]).max()
    assert (np.abs(actual[tiny]) < 1e-299).all()


def tolerance(load, condition):
    """1e-12 up to 1000 erlangs; above, what 1 ulp of the load costs if that is more."""
    return np.where(load <= 1000, 1e-12, np.maximum(1e-12, 8 * ULP * condition))


def offered(cases):
    """The calls of a 900 s interval that make the load of each case, exactly where 900 / AHT is."""
    aht = column(cases, "aht_s")
    return column(cases, "load_erlang") * 900.0 / aht, aht


def exact_measures(cases, agents, **options):
    """Measures with interval = AHT, so that the load is the case's own to the last bit."""
    aht = column(cases, "aht_s")
    return measures(column(cases, "load_erlang"), aht, agents, interval_s=aht, **options)


class TestErlangB:
    cases = BC["erlang_b"]
    load, agents = column(cases, "load_erlang"), column(cases, "agents")

    def test_blocking_against_exact_values(self):
        """All 252 values, down to where they underflow."""
        expected, condition = column(self.cases, "erlang_b"), column(self.cases, "rel_condition_wrt_load")
        assert_close(erlang_b(self.load, self.agents), expected, tolerance(self.load, condition))

    def test_log_of_the_blocking_against_exact_values(self):
        """The published logarithm agrees too, wherever the value is a float."""
        blocking = erlang_b(self.load, self.agents)
        logs = column(self.cases, "log10_erlang_b")
        shown = logs > -300
        assert (np.abs(np.log10(blocking[shown]) - logs[shown]) <= 1e-12 * np.maximum(-logs[shown], 1)).all()
        assert (blocking[logs < -324] == 0).all()

    def test_carried_load_and_utilisation_against_exact_values(self):
        """What is not blocked is carried; 1 - B costs digits where nearly all are blocked."""
        through = 1 - erlang_b(self.load, self.agents)
        carried, relative = self.load * through, np.maximum(1e-12, 2 * ULP / through)
        assert_close(carried, column(self.cases, "carried_load"), relative)
        assert_close(carried / self.agents, column(self.cases, "utilisation"), relative)


class TestErlangC:
    cases = BC["erlang_c"]
    load, agents, aht = column(cases, "load_erlang"), column(cases, "agents"), column(cases, "aht_s")
    condition = column(cases, "rel_condition_C_wrt_load")
    relative = tolerance(load, condition)

    def test_wait_probability_against_exact_values(self):
        """The function and the measures agree with all 142 values."""
        expected = column(self.cases, "erlang_c")
        assert_close(erlang_c(self.load, self.agents), expected, self.relative)
        assert_close(exact_measures(self.cases, self.agents).wait_probability, expected, self.relative)
        shown = expected > 1e-300
        logs = column(self.cases, "log10_erlang_c")[shown]
        assert_close(np.log10(erlang_c(self.load, self.agents)[shown]), logs, 1e-12)

    def test_waits_and_occupancy_against_exact_values(self):
        """ASA, the mean wait of those who wait, the mean queue, the occupancy."""
        result = exact_measures(self.cases, self.agents)
        assert_close(result.asa_s, column(self.cases, "asa_s"), self.relative)
        assert_close(result.occupancy, column(self.cases, "occupancy"), 1e-15)
        assert_close(result.asa_s * self.load / self.aht, column(self.cases, "mean_queue"), self.relative)
        shown = result.wait_probability > 1e-290
        delayed = result.asa_s[shown] / result.wait_probability[shown]
        assert_close(delayed, column(self.cases, "asa_delayed_s")[shown], 1e-12)

    @pytest.mark.parametrize("threshold", THRESHOLDS_C)
    def test_service_level_against_exact_values(self, threshold):
        """1 - SL as a ratio, SL itself on every basis: nobody abandons, so all are one."""
        result = exact_measures(self.cases, self.agents, threshold_s=float(threshold))
        miss = np.array([float(case["one_minus_service_level"][threshold]) for case in self.cases])
        level = np.array([float(case["service_level"][threshold]) for case in self.cases])
        assert_close(result.miss, miss, self.relative)
        assert_close(result.service_level, level, self.relative)
        for basis in BASES:
            actual = service_level(
                self.load, self.aht, self.agents,
                interval_s=self.aht, threshold_s=float(threshold), basis=basis,
            )  # fmt: skip
            assert_close(actual, level, self.relative)

    @pytest.mark.parametrize("share", [0.5, 0.8, 0.9, 0.95, 0.99])
    def test_percentiles_against_exact_values(self, share):
        """All 710 percentiles of the wait; ln(C / (1 - p)) near 0 turns relative into absolute error."""
        expected = np.array([float(case["wait_percentile_s"][str(share)]) for case in self.cases])
        actual = wait_percentile(self.load, self.aht, self.agents, share, interval_s=self.aht)
        assert (actual[expected == 0] == 0).all()
        scale = np.maximum(expected, self.aht / (self.agents - self.load))
        assert (np.abs(actual - expected) <= self.relative * scale).all()


class TestErlangA:
    cases = A
    load, agents, aht = column(cases, "load_erlang"), column(cases, "agents"), column(cases, "aht_s")
    patience = column(cases, "mean_patience_s")

    @pytest.mark.parametrize(
        ("measure", "field"),
        [
            ("wait_probability", "p_wait"),
            ("abandonment", "p_abandon"),
            ("asa_s", "asa_served_s"),
            ("occupancy", "occupancy"),
        ],
    )
    def test_measures_against_exact_values(self, measure, field):
        """All 360 cases to 1e-12, whatever the load."""
        result = exact_measures(self.cases, self.agents, patience_s=self.patience)
        assert_close(getattr(result, measure), column(self.cases, field), 1e-12)

    def test_the_identities_of_the_queue_against_exact_values(self):
        """Mean queue, mean wait of all and of those who leave, all from abandonment and ASA."""
        result = exact_measures(self.cases, self.agents, patience_s=self.patience)
        wait = result.abandonment * self.patience
        assert_close(wait, column(self.cases, "mean_wait_all_s"), 1e-12)
        assert_close(wait * self.load / self.aht, column(self.cases, "mean_queue"), 1e-12)
        # the wait of the lost is a difference: its error is measured on what it is taken from
        lost = wait - result.asa_s * (1 - result.abandonment)
        published = ["mean_wait_abandoned_s" in case for case in self.cases] & (result.abandonment > 1e-290)
        assert published.sum() >= 350
        expected = np.array([float(case.get("mean_wait_abandoned_s", "nan")) for case in self.cases])
        error = np.abs(lost[published] / result.abandonment[published] - expected[published])
        scale = (wait[published] / result.abandonment[published]).clip(min=expected[published])
        assert (error <= 1e-12 * scale).all(), (error / scale).max()

    @pytest.mark.parametrize("threshold", THRESHOLDS_A)
    def test_service_level_against_exact_values(self, threshold):
        """1 - SL as a ratio."""
        result = exact_measures(
            self.cases, self.agents, patience_s=self.patience, threshold_s=float(threshold)
        )
        miss = np.array([float(case["T"][threshold]["one_minus_sl"]) for case in self.cases])
        assert_close(result.miss, miss, 1e-12)

    @pytest.mark.parametrize("threshold", THRESHOLDS_A)
    @pytest.mark.parametrize("basis", BASES)
    def test_every_basis_against_exact_values(self, basis, threshold):
        """The four definitions of the service level."""
        has = [BASES[basis] in case["T"][threshold] for case in self.cases]
        expected = np.array([float(case["T"][threshold].get(BASES[basis], "nan")) for case in self.cases])
        actual = service_level(
            self.load, self.aht, self.agents,
            interval_s=self.aht, patience_s=self.patience, threshold_s=float(threshold), basis=basis,
        )  # fmt: skip
        assert sum(has) >= 354
        assert np.abs(actual - expected)[has].max() <= 1e-13

    @pytest.mark.parametrize("threshold", THRESHOLDS_A[1:])
    def test_percentiles_against_exact_tails(self, threshold):
        """The percentile at P(V <= T) is T, where that share is a float well inside (0, 1)."""
        tail = np.array(
            [float(case["T"][threshold].get("p_virtual_wait_gt_T", "nan")) for case in self.cases]
        )
        inside = (tail > 1e-3) & (tail < 1 - 1e-3)
        assert inside.sum() > 60
        actual = wait_percentile(
            self.load, self.aht, self.agents, 1 - tail, interval_s=self.aht, patience_s=self.patience
        )[inside]
        assert_close(actual, np.full(inside.sum(), float(threshold)), 1e-10)


class TestRequiredAgents:
    cases = REQUIRED["cases"] + REQUIRED["edge_cases"]

    @pytest.mark.parametrize("case", cases, ids=lambda case: case.get("id", f"load {case['load_erlang']}"))
    def test_least_agents_of_every_kind(self, case):
        """Service level in C and A, ASA in C, abandonment in A: the integers exactly."""
        calls, aht = case["load_erlang"], case["aht_s"]
        level = Target(case["target"], case["T_s"])
        assert agents_required(calls, aht, level, interval_s=aht) == case["erlang_c_agents"]
        if "asa_target_s" in case:
            asa = Target(None, max_asa_s=case["asa_target_s"])
            assert agents_required(calls, aht, asa, interval_s=aht) == case["erlang_c_agents_for_asa"]
        if "mean_patience_s" in case:
            patient = {"interval_s": aht, "patience_s": case["mean_patience_s"]}
            lost = Target(None, max_abandonment=case["abandon_cap"])
            assert agents_required(calls, aht, level, **patient) == max(case["erlang_a_agents_sl_offered"], 1)
            assert agents_required(calls, aht, lost, **patient) == case["erlang_a_agents_for_abandon_cap"]

    def test_service_levels_on_either_side(self):
        """The service level at the answer and one agent below it."""
        for case in self.cases:
            calls, aht, threshold = case["load_erlang"], case["aht_s"], case["T_s"]
            least = case["erlang_c_agents"]
            for agents, field in ((least, "sl_at_n"), (least - 1, "sl_at_n_minus_1")):
                level = measures(calls, aht, agents, interval_s=aht, threshold_s=threshold).service_level
                assert level == pytest.approx(float(case[field]), rel=1e-11, abs=1e-14)

    def test_service_levels_on_either_side_with_patience(self):
        """The same in Erlang A."""
        for case in REQUIRED["cases"]:
            if "slA_at_n" not in case:
                continue
            options = {"interval_s": case["aht_s"], "threshold_s": case["T_s"]}
            options["patience_s"] = case["mean_patience_s"]
            least = case["erlang_a_agents_sl_offered"]
            for agents, field in ((least, "slA_at_n"), (least - 1, "slA_at_n_minus_1")):
                level = measures(case["load_erlang"], case["aht_s"], agents, **options).service_level
                # without agents (None in the file) nobody is answered
                assert level == pytest.approx(float(case[field] or 0), rel=1e-11, abs=1e-14)

    def test_calls_handled_lie_between(self):
        """The most calls of the answer are at least the case's, those of one agent fewer are not."""
        for case in self.cases[::7]:
            level = Target(case["target"], case["T_s"])
            options = {"interval_s": case["aht_s"]}
            least = case["erlang_c_agents"]
            assert calls_handled(least, case["aht_s"], level, **options) >= case["load_erlang"]
            assert calls_handled(least - 1, case["aht_s"], level, **options) < case["load_erlang"]


def test_the_files_hold_what_the_tests_believe():
    """No case is lost without notice."""
    assert (len(BC["erlang_b"]), len(BC["erlang_c"]), len(A)) == (252, 142, 360)
    assert (len(REQUIRED["cases"]), len(REQUIRED["edge_cases"])) == (294, 9)
    assert math.isclose(max(case["load_erlang"] for case in A), 1e5)
