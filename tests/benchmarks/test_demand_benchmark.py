"""Call records into intervals in bounded memory, and 40 days of eight months forecast again."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import duckdb
from benchmarks.table import row

from planning.demand import Synthetic, backtest, synthetic_demand

CALLS = 100_000_000
TEXTS = 10_000_000
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


AS_TEXTS = """
copy (
    select call_id, queue, strftime(arrival, '%d.%m.%Y %H:%M:%S') as start, outcome,
        strftime(make_timestamp((wait_s * 1000000)::bigint), '%H:%M:%S') as wait,
        strftime(make_timestamp((handle_s * 1000000)::bigint), '%H:%M:%S') as talk
    from '{path}'
) to '{text}' (header, delimiter ';')
"""
TEXT_RECORDS = {
    "records.call_id": "call_id", "records.queue": "queue", "records.arrival": "start", "records.end": None,
    "records.wait_s": "wait", "records.handle_s": ["talk"], "records.outcome": "outcome",
    "records.agent_id": None, "records.caller_id": None, "records.time_zone": "UTC",
}  # fmt: skip


COUNTED = """
import json, resource, time
from planning import Centre, read_calls
centre = Centre.load("data/centre.toml").replace({changes!r})
cpu, wall = time.process_time(), time.perf_counter()
demand = read_calls({path!r}, centre=centre).demand()
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(json.dumps(dict(cpu_s=cpu, wall_s=wall, peak_gb=peak, calls=demand["calls"].sum())))
"""


def test_records_into_intervals(benchmark, tmp_path):
    """A year's records, records that came twice looked for, in less than 2 GB and a minute on two cores."""
    path = tmp_path / "calls.parquet"
    with duckdb.connect() as base:
        base.execute("set memory_limit = '1GB'; set preserve_insertion_order = false")
        base.execute(YEAR_OF_CALLS.format(count=CALLS, path=path))
    benchmark.group = f"Call records into 15-minute intervals: {CALLS:,} records of a year, four queues"

    found = benchmark.pedantic(lambda: counted(path), rounds=1)
    told = f"{found['wall_s']:.0f} s on the clock, process at most {found['peak_gb']:.1f} GB"
    benchmark.extra_info["rows"] = [row("planning", found["cpu_s"], CALLS, "records", told, PACKAGES)]
    assert found["calls"] == CALLS
    assert found["peak_gb"] < 2
    assert found["cpu_s"] < 120  # of two cores; a minute on the clock where nobody else works


def counted(path, changes=None):
    """Count records in a process of its own, whose memory is that of the counting."""
    command = [sys.executable, "-c", COUNTED.format(path=str(path), changes=changes or {})]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_texts_and_legs_into_intervals(benchmark, tmp_path):
    """Day-first times and h:mm:ss durations, a row a leg: at most three times the work of plain columns."""
    path, text = tmp_path / "calls.parquet", tmp_path / "calls.csv"
    with duckdb.connect() as base:
        base.execute("set memory_limit = '1GB'; set preserve_insertion_order = false; set timezone = 'UTC'")
        base.execute(YEAR_OF_CALLS.format(count=TEXTS, path=path))
        base.execute(AS_TEXTS.format(path=path, text=text))
    benchmark.group = f"Call records of text into 15-minute intervals: {TEXTS:,} legs of a year, four queues"
    plain = counted(path)
    found = benchmark.pedantic(lambda: counted(text, TEXT_RECORDS | {"records.row": "leg"}), rounds=1)
    told = f"{found['wall_s']:.0f} s on the clock, process at most {found['peak_gb']:.1f} GB"
    benchmark.extra_info["rows"] = [row("planning", found["cpu_s"], TEXTS, "records", told, PACKAGES)]
    assert found["calls"] == TEXTS
    assert found["peak_gb"] < 2
    assert found["cpu_s"] < 3 * plain["cpu_s"]


def test_forty_days_forecast_again(benchmark):
    """Four methods, six queues, 15 minutes, each day from the days before it."""
    settings = Synthetic.load("data/synthetic.toml")
    demand = synthetic_demand(settings, start="2026-03-23", days=245, seed=5)
    benchmark.group = "Backtest: 40 days of 8 months, 15 minutes, six queues, four methods"
    begin = time.process_time()
    table = benchmark.pedantic(
        lambda: backtest(demand, zone=settings.time_zone, country=settings.country, days=40), rounds=1
    )
    spent = time.process_time() - begin
    days = int(table["days"].sum())
    packages = ("contact-centre-planning", "numpy", "scikit-learn")
    benchmark.extra_info["rows"] = [row("planning", spent, days, "days", packages=packages)]
    assert spent < 60
    assert (table["wape"] <= table["naive_wape"]).all()
