"""The day as it comes: everything that `planning today` works out every quarter of an hour."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
from benchmarks.table import row

from planning import Centre, demand_for, plan, read_demand, read_people
from planning.intraday import expected_service, proposals, today_of


def test_a_quarter_past_eleven(benchmark):
    """The default centre on a Monday with an eighth more calls: the state, the service, the proposals."""
    centre = Centre.load("data/centre.toml")
    records = read_demand("data/demand.parquet", centre.time_zone)
    people, _ = read_people("data/people.csv", centre)
    made = plan(centre, demand_for(centre, records, "2026-11-23", days=1), people, replications=2)
    now = pd.Timestamp("2026-11-23 11:15", tz=centre.time_zone)
    past = made.tables["demand"]
    past = past[past["interval_start"] < now]
    actuals = past.assign(calls=np.random.default_rng(3).poisson(1.12 * past["calls"]).astype(float))

    def quarter():
        day, _ = today_of(centre, actuals, made.tables, records, now=now)
        return proposals(day, expected_service(day), people, made.tables)[0]

    benchmark.group = (
        f"The rest of a day: {made.heads['on_shift'].popitem()[1]} people, five queues, at 11:15"
    )
    table = benchmark.pedantic(quarter, rounds=2, warmup_rounds=1)
    begin = time.process_time()
    quarter()
    seconds = time.process_time() - begin
    benchmark.extra_info["rows"] = [row("planning", seconds, 1, "days", f"{len(table)} proposals")]
    assert len(table) > 0
