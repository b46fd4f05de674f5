"""The night: one evaluated exactly against the same one simulated, and all closing hours of a week."""

from __future__ import annotations

import time

import pandas as pd
from benchmarks.table import row

from planning import Centre, demand_for, read_demand, requirement
from planning.overflow import Alternative, closing_at, run_nights
from planning.service import exact_service
from planning.simulation.replications import simulate_positions

NIGHTS = 400


def default_week():
    centre = Centre.load("data/centre.toml")
    records = read_demand("data/demand.parquet", centre.time_zone)
    return centre, demand_for(centre, records, "2026-11-23", days=7)


def cpu_seconds(function, rounds=3):
    """Return the least CPU time of a few calls, and the result."""
    best = float("inf")
    for _ in range(rounds):
        begin = time.process_time()
        result = function()
        best = min(best, time.process_time() - begin)
    return best, result


def test_one_night(benchmark):
    """From 17:00 to 09:00, first line, hand-over included: the exact model against simulated nights."""
    centre, week = default_week()
    first = pd.Timestamp("2026-11-24 17:00", tz=centre.time_zone)
    inside = week["interval_start"].between(first, first + pd.Timedelta("16h"), inclusive="left")
    needed = requirement(centre, week[inside & (week["queue"] == "first_line")])
    needed["aht_s"] = needed["aht_s"].mean()
    benchmark.group = f"One night exactly: 64 intervals, {needed['agents'].max()} agents at a site"
    benchmark.pedantic(exact_service, (centre, needed, "first_line"), rounds=5, warmup_rounds=1)
    exact, table = cpu_seconds(lambda: exact_service(centre, needed, "first_line"), rounds=7)
    simulated, nights = cpu_seconds(
        lambda: simulate_positions(centre, table, "first_line", replications=NIGHTS), rounds=2
    )
    late = nights.iloc[8:]
    error = (late["service_level"] - table["service_level"].iloc[8:]).abs()
    within = (error <= late["half_width"]).mean()
    benchmark.extra_info["rows"] = [
        row("planning, exact", exact, 1, "nights"),
        row(
            f"planning, {NIGHTS} nights simulated", simulated, 1, "nights",
            f"band +-{late['half_width'].mean():.3f}, exact inside in {within:.0%} of quarters",
        ),
    ]  # fmt: skip
    assert exact < simulated


def test_every_closing_hour_of_a_week(benchmark):
    """Staffing, exact service and cost of 13 closing hours, seven days, six queues."""
    centre, week = default_week()
    hours = [f"{hour}:{minute}" for hour in range(18, 24) for minute in ("00", "30")] + ["24:00"]
    options = [Alternative(hour, closing_at(centre, hour), week) for hour in hours]
    benchmark.group = f"Closing hours: {len(hours)} hours x 7 days, all queues staffed and priced"
    benchmark.pedantic(run_nights, (options,), rounds=1, warmup_rounds=1)
    taken, found = cpu_seconds(lambda: run_nights(options), rounds=2)
    benchmark.extra_info["rows"] = [row("planning", taken, 7 * len(hours), "nights")]
    assert len(found) == len(hours)
