"""Cost, proof and speed of covers, and pyworkforce on the same demand and the same shifts.

Times are CPU-seconds; the bounds are far above what a quiet core takes (see README.md).
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks.table import row

from planning import Centre, cover, demand_for, read_demand, requirement
from planning.shifts import (
    CoverSettings,
    catalogue,
    format_shift,
    horizon,
    on_position,
    requirement_by_team,
    shapes,
)

ROOT = Path(__file__).parents[2]
# Desks are no limit here: fixed breaks, and a day of a thousand agents, need more than there are.
CENTRE = Centre.load(ROOT / "data" / "centre.toml").replace(
    {"sites.moscow.seats": None, "sites.kaluga.seats": None}
)
PACKAGES = ("contact-centre-planning", "ortools", "numpy", "scipy")


def week():
    """The requirement of the default week, two sites and all teams."""
    demand = read_demand(ROOT / "data" / "demand.parquet", CENTRE.time_zone)
    return requirement(CENTRE, demand_for(CENTRE, demand))


def timed(benchmark, work):
    """Result and CPU-seconds of one run."""
    start = time.process_time()
    result = benchmark.pedantic(work, rounds=1)
    return result, time.process_time() - start


def said(plan):
    """What a plan costs and how far it may be from the best."""
    hours = plan.teams["paid_h"].sum()
    return f"{hours:,.0f} paid hours, proven within {plan.gap:.2%}, {len(plan.unmet)} intervals short"


def short(plan, needed, times):
    """Intervals really short by the recount, over all teams."""
    return sum(
        int((on_position(plan.shifts[plan.shifts["team"] == team], plan.patterns, times) < need).sum())
        for team, need in requirement_by_team(CENTRE, needed, times).items()
    )


@pytest.mark.benchmark(group="Shifts: the default week, two sites, 10 teams, 15 min")
@pytest.mark.parametrize(
    ("breaks", "asked", "gap", "rounds"),
    [("optimised", "", 0.01, 1), ("optimised", ", 0.5 % asked for", 0.005, 2), ("fixed", "", 0.01, 1)],
)
def test_week(benchmark, breaks, asked, gap, rounds):
    """Every interval is covered by the recount, and the gap that is asked for is proven."""
    centre, needed = CENTRE.replace({"shifts.breaks": breaks}), week()
    settings = CoverSettings(gap=gap, rounds=rounds)
    plan, spent = timed(benchmark, lambda: cover(centre, needed, settings=settings))
    assert short(plan, needed, horizon(centre, needed)) == 0
    assert plan.gap < gap
    benchmark.extra_info["rows"] = [
        row(f"planning, breaks {breaks}{asked}", spent, 1, "plans", said(plan), PACKAGES)
    ]


@pytest.mark.benchmark(group="Shifts: the default week, two sites, 10 teams, 15 min")
def test_week_without_breaks(benchmark):
    """Shifts of 6, 8 and 10 hours from every half hour on, but at night: proven to be the cheapest."""
    quiet = range(31, 330)
    written = [
        "-".join(f"{minute // 60 % 24:02d}:{minute % 60:02d}" for minute in (start, start + 60 * hours))
        for hours in (6, 8, 10)
        for start in range(0, 1440, 30)
        if start not in quiet and (start + 60 * hours) % 1440 not in quiet
    ]
    needed = week()
    plan, spent = timed(
        benchmark, lambda: cover(CENTRE, needed, shifts=written, settings=CoverSettings(gap=0.0))
    )
    assert short(plan, needed, horizon(CENTRE, needed)) == 0
    assert plan.gap < 1e-9
    benchmark.extra_info["rows"] = [row("planning, no breaks", spent, 1, "plans", said(plan), PACKAGES)]


@pytest.mark.benchmark(group="Shifts: a day of 1,000 agents at peak, 5 min")
def test_large_day_on_a_fine_grid(benchmark):
    """One team of a site that is open day and night."""
    centre = CENTRE.replace({"interval_s": 300, "shifts.rest_min": 10})
    needed = week()
    one = needed[(needed["queue"] == "first_line") & (needed["site"] == "kaluga")].set_index("interval_start")
    day = one.iloc[: 24 * 4]
    times = pd.date_range(day.index[0], periods=24 * 12, freq="5min")
    curve = np.interp(np.arange(len(times)), np.arange(0, len(times), 3), day["rostered"].to_numpy())
    heads = np.ceil(curve * 1000 / curve.max()).astype(int)
    rows = day.iloc[[0] * len(times)].assign(interval_start=times, rostered=heads).reset_index(drop=True)
    plan, spent = timed(benchmark, lambda: cover(centre, rows))
    assert (on_position(plan.shifts, plan.patterns, times) >= heads).all()
    assert plan.gap < 0.01
    benchmark.extra_info["rows"] = [row("planning", spent, 1, "plans", said(plan), PACKAGES)]


@pytest.mark.benchmark(group="Shifts: a week of one team by day, the same shifts with fixed breaks")
def test_against_pyworkforce(benchmark):
    """Moscow's first line: nobody works at night, which pyworkforce would fold into the same day."""
    scheduling = pytest.importorskip("pyworkforce.scheduling")
    centre, needed = CENTRE.replace({"shifts.breaks": "fixed"}), week()
    needed = needed[(needed["queue"] == "first_line") & (needed["site"] == "moscow")]
    times = horizon(centre, needed)
    (need,) = requirement_by_team(centre, needed, times).values()
    plan, ours = timed(benchmark, lambda: cover(centre, needed, settings=CoverSettings(gap=0.0)))

    kinds, day = shapes(centre), times[: 24 * 4]
    coverage, paid = {}, {}
    for shift in catalogue(centre, "moscow", day, kinds).itertuples():
        pattern = kinds[shift.shape].pattern(slot.first for slot in kinds[shift.shape].slots)
        name = format_shift(shift.start - times[0], pattern)
        row_of = pd.DataFrame([{"start": shift.start, "pattern": 0, "headcount": 1}])
        coverage[name] = on_position(row_of, (pattern,), day).tolist()
        paid[name] = pattern.paid_s // 900
    start = time.process_time()
    peer = scheduling.MinRequiredResources(
        num_days=7, periods=96, shifts_coverage=coverage,
        required_resources=need.to_numpy().reshape(7, 96).tolist(),
        max_period_concurrency=10_000, max_shift_concurrency=1_000, cost_dict=paid,
        max_search_time=60.0, num_search_workers=1,
    ).solve()  # fmt: skip
    theirs = time.process_time() - start
    hours = peer["cost"] / 4
    assert plan.teams["paid_h"].sum() <= hours
    assert short(plan, needed, times) == 0
    benchmark.extra_info["rows"] = [
        row("planning", ours, 1, "plans", said(plan), PACKAGES),
        row("pyworkforce", theirs, 1, "plans", f"{hours:,.0f} paid hours", ["pyworkforce"]),
    ]
