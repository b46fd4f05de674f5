"""What callers are promised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from planning.checks import number, one_of
from planning.errors import PlanningError

Scope = Literal["interval", "day", "week"]
Start = Literal["empty", "stationary"]
"""How a day begins: with nobody in the system, or in the steady state of its first interval."""
_PARTS = ("service_level", "max_asa_s", "max_abandonment", "max_occupancy")


@dataclass(frozen=True)
class Target:
    """What a queue promises its callers; every part that is given (not None) must be met.

    Parameters
    ----------
    service_level
        Least share of the offered calls that are answered within `threshold_s`, in [0, 1].
    threshold_s
        The answer-time threshold, in seconds, >= 0 and finite.
    max_asa_s
        Longest mean wait of the answered calls, in seconds, >= 0 and finite.
    max_abandonment
        Largest share of the offered calls that abandon, in [0, 1].
    max_occupancy
        Largest share of their staffed time that agents are busy, in [0, 1].
    over
        What the service level is promised for: every interval, every day, or every seven days.
    kept
        Least share of these that must keep the service level, in [0.5, 1); 0.5 asks it of their mean.

    Raises
    ------
    PlanningError
        When a part is not a number or is out of bounds, or when no part is given.

    Examples
    --------
    >>> Target(0.8, 20).threshold_s
    20.0
    >>> Target(service_level=80)
    Traceback (most recent call last):
    ...
    planning.errors.PlanningError: service_level is 80.0, must lie in [0, 1]: write 0.80 for 80 %
    """

    # a centre's file with a part that Target does not know is refused
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    service_level: float | None = 0.8
    threshold_s: float = 20.0
    max_asa_s: float | None = None
    max_abandonment: float | None = None
    max_occupancy: float | None = None
    over: Scope = "day"
    kept: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "threshold_s", number("threshold_s", self.threshold_s))
        if self.max_asa_s is not None:
            object.__setattr__(self, "max_asa_s", number("max_asa_s", self.max_asa_s))
        for name in ("service_level", "max_abandonment", "max_occupancy"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, number(name, getattr(self, name), high=1.0))
        one_of("over", self.over, get_args(Scope))
        remedy = "write 0.90 for nine in ten, 0.5 for the mean"
        kept = number("kept", self.kept, 0.5, 1.0, open_high=True, remedy=remedy)
        object.__setattr__(self, "kept", kept)
        if not self.asked():
            raise PlanningError(
                "the target asks for nothing: give service_level, max_asa_s, max_abandonment or max_occupancy"
            )

    def asked(self) -> dict[str, float]:
        """Return the parts that are given, by name; threshold and scope belong to the service level.

        Examples
        --------
        >>> Target(0.8, 20, max_abandonment=0.05).asked()
        {'service_level': 0.8, 'max_abandonment': 0.05}
        """
        values = {name: getattr(self, name) for name in _PARTS}
        return {name: value for name, value in values.items() if value is not None}
