"""Quality, speed and memory of rosters: the default centre over four weeks, and every team of it twice.

Times are CPU-seconds on one core; the bounds are far above what a quiet core takes (see README.md).
"""

from __future__ import annotations

import resource
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from benchmarks.table import row

from planning import Centre, audit, build_roster, cover, demand_for, read_demand, read_people, requirement
from planning.roster.weeks import repeat_weeks

ROOT = Path(__file__).parents[2]
CENTRE = Centre.load(ROOT / "data" / "centre.toml")
PACKAGES = ("contact-centre-planning", "ortools", "numba")
WEEKS = 4
FIRST_S, GIB = 30.0, 2**20
"""Seconds for the first lawful roster; kilobytes in a gibibyte, as Linux counts resident memory."""


@cache
def week() -> pd.DataFrame:
    """The shifts of the default week."""
    demand = read_demand(ROOT / "data" / "demand.parquet", CENTRE.time_zone)
    return cover(CENTRE, requirement(CENTRE, demand_for(CENTRE, demand))).shifts


def default() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Shifts of a week, and the people of the data."""
    return week(), read_people(ROOT / "data" / "people.csv", CENTRE)[0]


def large() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every team twice: twice the heads on each shift, and everybody has a twin."""
    shifts, people = default()
    twins = people.assign(agent_id=people["agent_id"] + "_twin")
    return shifts.assign(headcount=2 * shifts["headcount"]), pd.concat([people, twins], ignore_index=True)


@pytest.mark.benchmark(group="Rosters: two sites, 10 teams, 4 weeks")
@pytest.mark.parametrize(("size", "most_s"), [(default, 300), (large, 900)])
def test_month(benchmark, size, most_s):
    """No breach by the audit, all heads seated or proven missing, the gap within 1 %, and in time."""
    shifts, people = size()
    month = repeat_weeks(shifts, WEEKS)
    found = benchmark.pedantic(lambda: build_roster(CENTRE, month, people), rounds=1)
    assert audit(CENTRE, found.roster, people, horizon=found.horizon).empty
    assert len(found.roster) + found.unmet["missing"].sum() == month["headcount"].sum()
    assert found.gap < 0.01
    assert found.first_s < FIRST_S
    assert found.seconds < most_s
    memory_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIB
    assert memory_gib < 6
    said = (
        f"{found.unmet['missing'].sum()} heads missing, 0 breaches, proven within {found.gap:.2%}, first "
        f"lawful roster after {found.first_s:.0f} s, {memory_gib:.1f} GiB"
    )
    benchmark.extra_info["rows"] = [
        row(f"planning, {len(people)} people", found.seconds, 1, "rosters", said, PACKAGES)
    ]
