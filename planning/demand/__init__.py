"""Demand: the synthetic national demand, demand files, and a first forecast."""

from planning.demand.forecast import forecast
from planning.demand.intervals import aggregate, read_demand
from planning.demand.synthetic import Synthetic, expected_demand, synthetic_calls, synthetic_demand

__all__ = [
    "Synthetic",
    "aggregate",
    "expected_demand",
    "forecast",
    "read_demand",
    "synthetic_calls",
    "synthetic_demand",
]
