"""Scenarios: a row of each kind, a move of the page's slider, and a cluster of one and of two processes."""

from __future__ import annotations

import time

from benchmarks.table import row
from factories import demand_of, two_sites

from planning import Centre, compare, demand_for, read_demand
from planning.app import Page
from planning.whatif import grid


def default_day():
    """A Tuesday of the default centre, all six queues."""
    centre = Centre.load("data/centre.toml")
    records = read_demand("data/demand.parquet", centre.time_zone)
    return centre, demand_for(centre, records, "2026-11-24", days=1)


def test_scenarios_of_the_default_centre(benchmark):
    """Staffed, priced, a day simulated 20 times: the heads required, or whole shifts with their breaks."""
    centre, demand = default_day()
    benchmark.group = "Scenarios: a day of six queues at two sites, planned, simulated and priced"
    rows = []
    for staff, factors in (("positions", [0.9, 0.95, 1.05, 1.1]), ("shifts", [1.1])):
        began = time.process_time()
        table = compare(grid({"volume": factors}), centre, demand, staff=staff)
        rows.append(row(f"planning, {staff}", time.process_time() - began, len(table), "scenarios"))
        assert (table["reason"] == "").all()
    benchmark.extra_info["rows"] = rows
    benchmark.pedantic(compare, ({}, centre, demand), {"staff": "positions"}, rounds=3)


def test_a_move_of_the_pages_slider(benchmark, monkeypatch):
    """From the moved slider to the figure's new values and the numbers; shifts are checked behind it."""
    monkeypatch.setattr(Page, "check", lambda page: None)
    page = Page(*default_day())
    values = [value for _, value in page.controls["volume"].options]
    volume = page.controls["volume"]
    taken = []
    for value in values:
        began = time.process_time()
        volume.value = value
        taken.append(time.process_time() - began)
    benchmark.group = "What-if page: a move of a slider, six queues staffed, one in the exact model, drawn"
    benchmark.extra_info["rows"] = [row("planning", min(taken[3:]), 1, "moves")]
    benchmark.pedantic(
        lambda value: setattr(volume, "value", value), setup=lambda: ((values.pop(0),), {}), rounds=3
    )
    assert page.message.value == ""


def test_a_thousand_scenarios_on_a_dask_cluster(benchmark):
    """A small centre's day in heads required, so that the cluster and not the solver is measured."""
    from distributed import Client, LocalCluster

    sweep = grid({"volume": [1 + 0.01 * n for n in range(40)], "aht": [0.9 + 0.008 * n for n in range(25)]})
    benchmark.group = "Scenarios: 1,000 of a small centre on a Dask cluster, wall time"
    rows = []
    for processes in (1, 2):
        with (
            LocalCluster(
                n_workers=processes, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
            ) as cluster,
            Client(cluster) as client,
        ):
            options = {"staff": "positions", "replications": 6, "executor": client.get_executor()}
            compare({f"warm {n}": {} for n in range(8)}, two_sites(), demand_of(), **options)
            began = time.perf_counter()
            table = compare(sweep, two_sites(), demand_of(), **options)
            wall_s = time.perf_counter() - began
        assert len(table) == 1001
        assert (table["reason"] == "").all()
        note = "" if not rows else f"{rows[0]['cpu_s'] / wall_s:.2f} times one process"
        name = f"planning, {processes} worker{'s' * (processes > 1)}"
        rows.append(row(name, wall_s, 1000, "scenarios", note, ("distributed",)))
    benchmark.extra_info["rows"] = rows
    benchmark.pedantic(compare, ({}, two_sites(), demand_of()), {"staff": "positions"}, rounds=1)
