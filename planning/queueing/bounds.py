"""The arguments that describe a queue: what each may be, and how they are made to fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planning.checks import Floats, broadcast, numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

MOST = 2.0**53
"""The most calls, agents, erlangs and seconds: above this, adding one no longer changes a float."""
_TIME: dict[str, Any] = {"low": 1e-6, "high": MOST}
_BOUNDS: dict[str, dict[str, Any]] = {
    "calls": {"high": MOST},
    "load": {"high": MOST},
    "agents": {"high": MOST},
    "aht_s": _TIME,
    "interval_s": _TIME,
    "patience_s": {"low": 1e-6, "high": 1e30, "infinite": True, "remedy": "write inf if nobody hangs up"},
    "waiting_room": {"high": 1e6, "whole": True, "infinite": True, "remedy": "write inf for no limit"},
    "threshold_s": {"high": MOST},
    "share": {"high": 1.0},
    "redial_abandoned": {"high": 1.0},
    "redial_blocked": {"high": 1.0},
    "cv": {"high": 3.0, "remedy": "write 0.10 for 10 %"},
}


def checked(**arguments: ArrayLike) -> tuple[Floats, ...]:
    """Return the arguments, each held to the bounds of its name, as arrays of one shape.

    Raises
    ------
    PlanningError
        When an argument is out of bounds, the shapes do not fit, or the load is too large.

    Examples
    --------
    >>> checked(calls=[1, 2], aht_s=240)
    (array([1., 2.]), array([240., 240.]))
    """
    given = broadcast(**{name: numbers(name, value, **_BOUNDS[name]) for name, value in arguments.items()})
    named = dict(zip(arguments, given, strict=True))
    if {"calls", "aht_s", "interval_s"} <= named.keys():
        load = named["calls"] * named["aht_s"] / named["interval_s"]
        numbers("load", load, high=MOST, remedy="give aht_s and interval_s in seconds")
    return given
