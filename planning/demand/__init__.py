"""Demand: call records, demand files, findings in records, forecasts with bands, synthetic demand."""

from planning.demand.accuracy import accuracy as accuracy
from planning.demand.accuracy import backtest as backtest
from planning.demand.accuracy import best_methods as best_methods
from planning.demand.days import demand_for as demand_for
from planning.demand.days import open_days_a_week as open_days_a_week
from planning.demand.forecast import forecast as forecast
from planning.demand.forecast import forecast_weeks as forecast_weeks
from planning.demand.intervals import aggregate as aggregate
from planning.demand.intervals import read_demand as read_demand
from planning.demand.records import CallLog as CallLog
from planning.demand.records import read_calls as read_calls
from planning.demand.rest_of_day import backtest_rest as backtest_rest
from planning.demand.rest_of_day import reforecast as reforecast
from planning.demand.synthetic import Synthetic as Synthetic
from planning.demand.synthetic import expected_demand as expected_demand
from planning.demand.synthetic import synthetic_calls as synthetic_calls
from planning.demand.synthetic import synthetic_demand as synthetic_demand
