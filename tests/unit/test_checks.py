"""The argument checker: what passes, and the line that refuses the rest."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from planning.checks import broadcast, check_settings, number, numbers, one_of, series, whole
from planning.errors import PlanningError


@pytest.mark.parametrize(
    "value",
    [3, 3.0, np.float32(3), [1, 2.5], (1, np.int8(2)), pd.Series([1, 2]), pd.Series([1.0], dtype="Float64"),
     np.array([[1, 2], [3, 4]], dtype=np.uint8), np.ma.array([1.0, 2.0])],
)  # fmt: skip
def test_numbers_keep_their_shape(value):
    """Whatever holds numbers becomes floats."""
    array = numbers("x", value)
    assert array.dtype == np.float64
    assert array.shape == np.shape(value)
    assert array.tolist() == np.asarray(value, dtype=float).tolist()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, "x is True, must be a number"),
        ("80", "x is '80', must be a number"),
        (None, "x is None, must be a number"),
        (math.nan, "x is nan, must lie in [0, inf)"),
        (math.inf, "x is inf, must lie in [0, inf)"),
        (10**400, "x is inf, must lie in [0, inf)"),
        (1j, "x has the type complex128, must be numbers"),
        ([1, True], "x[1] is True, must be a number"),
        ([[1, 2], [3, np.True_]], "x[1, 1] is"),
        (["1", 2], "x[0] is '1', must be a number"),
        ([[1, 2], [3]], "x[0] is [1, 2], must be a number"),
        (np.array([True]), "x has the type bool, must be numbers"),
        (pd.Series([1, None], dtype="Int64"), "x[1] is"),
        (pd.Series(["2026-11-23"], dtype="datetime64[ns]"), "x has the type datetime64[ns], must be numbers"),
        (np.ma.array([1.0, 2.0], mask=[False, True]), "x holds masked values"),
    ],
)
def test_what_only_looks_like_a_number_is_refused(value, message):
    """By name, place and value."""
    with pytest.raises(PlanningError) as refusal:
        numbers("x", value)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("bounds", "good", "bad", "text"),
    [
        ({"low": 1.0, "high": 2.0}, (1.0, 2.0), (0.999, 2.001), "[1, 2]"),
        ({"open_low": True}, (1e-300, 1e300), (0.0, math.inf), "(0, inf)"),
        ({"high": 1.0, "open_high": True}, (0.0, 0.999), (1.0,), "[0, 1): write 0.80 for 80 %"),
        ({"infinite": True}, (0.0, math.inf), (-math.inf, -1.0), "[0, inf]"),
        ({"high": 5.0, "whole": True, "infinite": True}, (5.0, math.inf), (2.5, 6.0), "[0, 5]"),
        ({"high": 3.0, "remedy": "try less"}, (3.0,), (4.0,), "[0, 3]: try less"),
    ],
)
def test_bounds_are_reached_or_not(bounds, good, bad, text):
    """Either side of every kind of bound."""
    assert [number("x", value, **bounds) for value in good] == list(good)
    for value in bad:
        with pytest.raises(PlanningError) as refusal:
            number("x", value, **bounds)
        assert str(refusal.value).endswith(f"in {text}")


def test_one_number_is_not_an_array():
    """Not even an array of one."""
    with pytest.raises(PlanningError, match=r"x is an array of shape \(1,\), must be one number"):
        number("x", [1.0])


def test_whole_numbers_keep_their_digits():
    """A seed of 63 bits passes through no float."""
    assert whole("seed", 2**63 - 1) == 2**63 - 1
    assert whole("x", np.int8(3)) == 3
    with pytest.raises(PlanningError, match=r"x is 3.0, must be a whole number: write 3"):
        whole("x", 3.0)
    with pytest.raises(PlanningError, match=r"x is 2.5, must be a whole number in \[1, 9\]"):
        whole("x", 2.5, 1, 9)


def test_a_series_is_one_row_that_nobody_changes():
    """A copy, so that the giver's array stays writeable."""
    given = np.array([1.0, 2.0])
    row = series("x", given)
    assert not row.flags.writeable
    assert given.flags.writeable
    with pytest.raises(PlanningError, match=r"x has the shape \(\), must be one row"):
        series("x", 3.0)


def test_shapes_that_do_not_fit_are_named():
    """Each with its name."""
    with pytest.raises(PlanningError, match=r"a \(2,\), b \(3,\) do not fit together"):
        broadcast(a=np.zeros(2), b=np.zeros(3))


def test_a_choice_is_named():
    """What is no string is no choice either."""
    assert one_of("x", "a", ("a", "b")) == "a"
    with pytest.raises(PlanningError, match="x is 1, must be one of 'a', 'b'"):
        one_of("x", 1, ("a", "b"))


@dataclass(frozen=True)
class Limits:
    """A whole number, a number, and a number that may be left out."""

    rounds: int = 1
    gap: float = 0.1
    limit_s: float | None = None

    def __post_init__(self) -> None:
        check_settings(self, {"rounds": 1})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rounds": 0}, r"rounds is 0, must be a whole number in \[1, inf\)"),
        ({"rounds": 1.5}, "rounds is 1.5, must be a whole number"),
        ({"gap": "small"}, "gap is 'small', must be a number"),
        ({"limit_s": -1}, r"limit_s is -1.0, must lie in \[0, inf\)"),
        ({"limit_s": math.inf}, "limit_s is inf"),
    ],
)
def test_settings_are_held_to_their_kind(given, message):
    """The default says whether a number is whole or may be None."""
    Limits(rounds=2, gap=0, limit_s=3)
    with pytest.raises(PlanningError, match=message):
        Limits(**given)
