"""Demand: the synthetic national demand, demand files, and a first forecast."""

from planning.demand.forecast import forecast
from planning.demand.intervals import aggregate, read_demand
from planning.demand.records import CallLog, read_calls
from planning.demand.synthetic import Synthetic, expected_demand, synthetic_calls, synthetic_demand

__all__ = [
    "CallLog",
    "Synthetic",
    "aggregate",
    "expected_demand",
    "forecast",
    "read_calls",
    "read_demand",
    "synthetic_calls",
    "synthetic_demand",
]
