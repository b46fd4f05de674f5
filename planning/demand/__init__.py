"""Demand: call records, demand files, findings in records, forecasts with bands, synthetic demand."""

from planning.demand.accuracy import accuracy, backtest, best_methods
from planning.demand.days import demand_for
from planning.demand.forecast import forecast, forecast_weeks
from planning.demand.intervals import aggregate, read_demand
from planning.demand.records import CallLog, read_calls
from planning.demand.rest_of_day import backtest_rest, reforecast
from planning.demand.synthetic import Synthetic, expected_demand, synthetic_calls, synthetic_demand

__all__ = [
    "CallLog",
    "Synthetic",
    "accuracy",
    "aggregate",
    "backtest",
    "backtest_rest",
    "best_methods",
    "demand_for",
    "expected_demand",
    "forecast",
    "forecast_weeks",
    "read_calls",
    "read_demand",
    "reforecast",
    "synthetic_calls",
    "synthetic_demand",
]
