"""The figures of demand show what their frames hold."""

import numpy as np
import pandas as pd
from factories import MONDAY, demand_of

from planning.demand.behaviour import patience
from planning.report import demand_figures


def test_patience_shows_the_curve_and_both_laws():
    waits = pd.DataFrame(
        {"wait_s": [5.0, 10, 20, 40, 300], "outcome": ["abandoned", "answered"] * 2 + ["abandoned"]}
    )
    fig = demand_figures.patience_curve(patience(waits), until_s=120.0)
    names = [trace.name for trace in fig.data if trace.name]
    assert names == ["95 % band", "records (Kaplan-Meier)", "lognormal law", "exponential law (Erlang A)"]
    assert list(fig.data[2].y) == [0.8, 0.53333]


def test_handle_times_count_every_call_once():
    rng = np.random.default_rng(1)
    handle_s = pd.Series(rng.lognormal(4.8, 0.5, 5000)).clip(upper=890)
    fig = demand_figures.handle_time_law(handle_s, 4.8, 0.5)
    bars = [trace for trace in fig.data if trace.type == "bar"]
    assert sum(sum(trace.y) for trace in bars) == 5000
    assert sum(bars[0].y) == (handle_s < 10).sum()
    long = handle_s[handle_s >= 10]
    assert abs(sum(fig.data[-1].y) - len(long)) < 0.01 * len(long)


def test_a_forecast_has_its_band_and_what_came():
    day = demand_of(10.0, hours=(9, 12)).assign(calls_p10=6.0, calls_p90=14.0)
    fig = demand_figures.forecast_band(day, demand_of(12.0, hours=(9, 12)))
    high, low, expected, came = fig.data
    assert (high.y[0], low.y[0], expected.y[0], came.y[0]) == (14, 6, 10, 12)
    assert len(demand_figures.forecast_band(day).data) == 3


def test_certainty_and_weeks_name_their_numbers():
    table = pd.DataFrame({"probability": [0.5, 0.9], "agent_hours": [1000.0, 1100.0]})
    assert demand_figures.certainty(table).data[0].text == ("1,000", "1,100")
    weeks = pd.DataFrame({"week_start": [MONDAY], "calls": [7.0], "calls_p10": [5.0], "calls_p90": [9.0]})
    assert [trace.y[0] for trace in demand_figures.weeks_ahead(weeks).data] == [9, 5, 7]
