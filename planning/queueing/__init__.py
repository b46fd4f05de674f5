"""Queueing: Erlang B, C and A, the least agents that meet a target, and the day as it unfolds.

The exact day, finite queues, redials and other laws of patience are imported when they are first used,
because they bring in pandas and scipy.optimize, which the formulas do not need.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from planning.queueing.erlang import (
    Measures,
    agents_required,
    calls_handled,
    erlang_b,
    erlang_c,
    measures,
    service_level,
    wait_percentile,
)
from planning.queueing.target import Target

if TYPE_CHECKING:
    from planning.queueing.needed import exact_agents_required, lagged_calls
    from planning.queueing.transient import exact_day
    from planning.queueing.variants import (
        Empirical,
        Exponential,
        Lognormal,
        PatienceLaw,
        QueueMeasures,
        RandomRateMeasures,
        RedialMeasures,
        Weibull,
        finite_measures,
        general_patience_measures,
        random_rate_measures,
        redial_measures,
    )

__all__ = [
    "Empirical",
    "Exponential",
    "Lognormal",
    "Measures",
    "PatienceLaw",
    "QueueMeasures",
    "RandomRateMeasures",
    "RedialMeasures",
    "Target",
    "Weibull",
    "agents_required",
    "calls_handled",
    "erlang_b",
    "erlang_c",
    "exact_agents_required",
    "exact_day",
    "finite_measures",
    "general_patience_measures",
    "lagged_calls",
    "measures",
    "random_rate_measures",
    "redial_measures",
    "service_level",
    "wait_percentile",
]


def __getattr__(name: str) -> Any:
    """Import a name when it is first used (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    homes = {"exact_day": "transient", "exact_agents_required": "needed", "lagged_calls": "needed"}
    module = homes.get(name, "variants")
    value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
    return value
