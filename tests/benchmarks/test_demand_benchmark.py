"""Call records into intervals in bounded memory, and 40 days of eight months forecast again."""

from __future__ import annotations

import resource
import time

import duckdb
from benchmarks.table import row

from planning import Centre, read_calls
from planning.demand import Synthetic, backtest, synthetic_demand

CALLS = 5_000_000
PACKAGES = ("contact-centre-planning", "duckdb", "ibis-framework", "pandas")
YEAR_OF_CALLS = """
copy (
    select i as call_id,
        (['first_line', 'second_line', 'home_internet', 'vip'])[1 + (i % 4)] as queue,
        make_timestamptz(1767225600000000 + (i::double * 31536000000000 / {count})::bigint) as arrival,
        (hash(i) % 60)::double as wait_s,
        case when hash(i + 1) % 20 > 0 then (hash(i + 2) % 400)::double end as handle_s,
        case when hash(i + 1) % 20 > 0 then 'answered' else 'abandoned' end as outcome,
        'agent-' || (hash(i + 3) % 450) as agent_id
    from range({count}) calls(i)
) to '{path}' (format parquet, compression zstd)
"""


def test_records_into_intervals(benchmark, tmp_path):
    """A year's records, records that came twice looked for, in less than 2 GB."""
    path = tmp_path / "calls.parquet"
    with duckdb.connect() as base:
        base.execute(YEAR_OF_CALLS.format(count=CALLS, path=path))
    centre = Centre.load("data/centre.toml")
    benchmark.group = f"Call records into 15-minute intervals: {CALLS:,} records of a year, four queues"
    begin = time.process_time()
    demand = benchmark.pedantic(lambda: read_calls(path, centre=centre).demand(), rounds=1)
    spent = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    benchmark.extra_info["rows"] = [
        row("planning", spent, CALLS, "records", f"process at most {peak:.1f} GB", PACKAGES)
    ]
    assert demand["calls"].sum() == CALLS
    assert peak < 2


def test_forty_days_forecast_again(benchmark):
    """Four methods, six queues, 15 minutes, each day from the days before it."""
    settings = Synthetic.load("data/synthetic.toml")
    demand = synthetic_demand(settings, start="2026-03-23", days=245, seed=5)
    benchmark.group = "Backtest: 40 days of 8 months, 15 minutes, six queues, four methods"
    begin = time.process_time()
    table = benchmark.pedantic(lambda: backtest(demand, zone=settings.time_zone, days=40), rounds=1)
    spent = time.process_time() - begin
    days = int(table["days"].sum())
    packages = ("contact-centre-planning", "numpy", "scikit-learn")
    benchmark.extra_info["rows"] = [row("planning", spent, days, "days", packages=packages)]
    assert spent < 60
    assert (table["wape"] <= table["naive_wape"]).all()
