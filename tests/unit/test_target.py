"""The target: what it accepts, what it refuses, and that a model of the centre's file can hold it."""

import dataclasses
import math

import numpy as np
import pydantic
import pytest

from planning.errors import PlanningError
from planning.queueing import Target


def test_defaults_are_eighty_twenty():
    """80 % within 20 s and nothing else."""
    assert Target() == Target(0.8, 20.0, None, None, None)
    assert Target().asked() == {"service_level": 0.8}


def test_is_frozen_and_hashable():
    """A setting, not a variable."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Target().service_level = 0.9  # type: ignore[misc]
    assert hash(Target(0.8)) == hash(Target(np.float64(0.8)))


def test_numbers_become_floats():
    """Integers and numpy scalars are stored as plain floats."""
    target = Target(1, np.int64(20), max_asa_s=5, max_occupancy=np.float32(0.5))
    given = {**target.asked(), "threshold_s": target.threshold_s, "kept": target.kept}
    assert {type(value) for value in given.values()} == {float}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"service_level": 80}, "service_level is 80.0, must lie in [0, 1]: write 0.80 for 80 %"),
        ({"service_level": -0.1}, "service_level is -0.1"),
        ({"service_level": math.nan}, "service_level is nan"),
        ({"service_level": "100"}, "service_level is '100', must be a number"),
        ({"service_level": True}, "service_level is True, must be a number"),
        ({"service_level": [0.8]}, "service_level is an array of shape (1,), must be one number"),
        ({"threshold_s": -1}, "threshold_s is -1.0, must lie in [0, inf)"),
        ({"threshold_s": math.inf}, "threshold_s is inf"),
        ({"threshold_s": None}, "threshold_s is None"),
        ({"max_asa_s": -1}, "max_asa_s is -1.0"),
        ({"max_asa_s": math.inf}, "max_asa_s is inf"),
        ({"max_abandonment": 5}, "max_abandonment is 5.0, must lie in [0, 1]: write 0.80 for 80 %"),
        ({"max_occupancy": 85}, "max_occupancy is 85.0"),
        ({"max_occupancy": math.nan}, "max_occupancy is nan"),
        ({"service_level": None}, "the target asks for nothing"),
    ],
)
def test_bad_parts_are_refused(parts, message):
    """The message names the part, its value and the bound."""
    with pytest.raises(PlanningError) as refusal:
        Target(**parts)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "parts", [{"max_asa_s": 5}, {"max_abandonment": 0.05}, {"max_occupancy": 0.85}, {"service_level": 0.0}]
)
def test_any_single_part_is_enough(parts):
    """The service level need not be asked."""
    assert Target(**{"service_level": None} | parts).asked() == {k: float(v) for k, v in parts.items()}


class Queue(pydantic.BaseModel):
    """A stand-in for the models of the centre's file."""

    target: Target


def test_a_pydantic_model_holds_it():
    """Read from a table of the file, validated by the class itself."""
    assert Queue(target={"service_level": 0.9, "threshold_s": 10}).target == Target(0.9, 10.0)
    with pytest.raises(pydantic.ValidationError, match=r"write 0\.80 for 80 %"):
        Queue(target={"service_level": 80})


def test_a_pydantic_model_refuses_unknown_parts():
    """A misspelt part is an error, not a part that is silently not asked."""
    with pytest.raises(pydantic.ValidationError, match="treshold_s"):
        Queue(target={"treshold_s": 10})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"over": "month"}, "over is 'month', must be one of 'interval', 'day', 'week'"),
        ({"kept": 90}, r"kept is 90\.0, must lie in \[0\.5, 1\): write 0\.90 for nine in ten"),
        ({"kept": 1.0}, r"kept is 1\.0"),
        ({"kept": 0.4}, r"kept is 0\.4"),
    ],
)
def test_a_scope_that_cannot_be_is_refused(changes, says):
    with pytest.raises(PlanningError, match=says):
        Target(0.8, 20, **changes)


def test_the_scope_asks_for_nothing_by_itself():
    assert Target(0.8, 20, over="week", kept=0.9).asked() == {"service_level": 0.8}
