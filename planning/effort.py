"""How long a search may go on: what the searches for shifts and for rosters share."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from planning.errors import PlanningError

__all__ = ["Deadline", "TimeUpError", "check_numbers"]


class TimeUpError(Exception):
    """The time that the settings allow is over; what has been found by then is kept."""


@dataclass(frozen=True)
class Deadline:
    """The end of a search's time, if there is one.

    Examples
    --------
    >>> Deadline(None).left_s, Deadline(60.0).left_s <= 60.0
    (inf, True)
    """

    limit_s: float | None
    """Seconds of wall time from the beginning."""
    began: float = field(default_factory=time.monotonic)

    @property
    def passed_s(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began

    @property
    def left_s(self) -> float:
        """Seconds until the end, no fewer than none."""
        return math.inf if self.limit_s is None else max(self.limit_s - self.passed_s, 0.0)

    def check(self) -> None:
        """Raise TimeUpError if the time is over."""
        if not self.left_s:
            raise TimeUpError


def check_numbers(settings: Any, lows: Mapping[str, float]) -> None:
    """Check a frozen dataclass of numbers against lower bounds, 0 where none is given.

    A default that is whole asks for a whole number; one that is None may stay so.

    Raises
    ------
    PlanningError
        A setting is no such number, or below its bound.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Two:
    ...     rounds: int = 1
    >>> check_numbers(Two(), {"rounds": 1})
    """
    for setting in fields(settings):
        value, low = getattr(settings, setting.name), lows.get(setting.name, 0)
        if value is None and setting.default is None:
            continue
        whole = isinstance(setting.default, int)
        number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not (number and math.isfinite(value) and value >= low):
            kind = "whole number" if whole else "number"
            raise PlanningError(f"{setting.name} is {value!r}, must be a {kind} of at least {low:g}")
