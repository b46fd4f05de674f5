"""General patience against exact values of independent origin."""

import json
from pathlib import Path

import numpy as np
import pytest

from planning.queueing import (
    Exponential,
    general_patience_measures,
)

HERE = Path(__file__).parent


def load_cases(name, key):
    return json.loads((HERE / name).read_text())[key]


ERLANG_A = load_cases("erlang_a_grid.json", "cases")


def worst(got, exact, floor=1e-300):
    """Return the largest relative error; values below `floor` (the end of doubles) may be off by `floor`."""
    return np.max(np.abs(got - exact) / np.maximum(np.abs(exact), floor / 1e-12))


@pytest.mark.parametrize("case", ERLANG_A, ids=lambda case: case["id"])
def test_general_patience_with_exponential_law_is_erlang_a(case):
    """The quadrature against 50-digit Erlang A, at every load, tiny misses included."""
    thresholds = [float(threshold) for threshold in case["T"]]
    got = general_patience_measures(
        case["load_erlang"],
        case["aht_s"],
        case["agents"],
        Exponential(case["mean_patience_s"]),
        interval_s=case["aht_s"],
        threshold_s=thresholds,
    )
    tolerance = 1e-12 if case["load_erlang"] <= 1e4 else 1e-10
    for field, key in {
        "wait_probability": "p_wait",
        "abandonment": "p_abandon",
        "asa_s": "asa_served_s",
        "occupancy": "occupancy",
        "mean_queue": "mean_queue",
    }.items():
        assert worst(getattr(got, field), float(case[key])) < tolerance, field
    exact = np.array([float(values["one_minus_sl"]) for values in case["T"].values()])
    assert worst(got.miss, exact) < tolerance
