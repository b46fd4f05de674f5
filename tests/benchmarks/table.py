"""Writes README.md of the benchmarks from pytest-benchmark's JSON; `make benchmarks` runs it.

A benchmark puts `row(...)`s into `extra_info["rows"]`, the row
that the group is compared with first.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypedDict

import typer

HEAD = """# Benchmarks

Every peer solves the problems that `planning` solves, in the same run, and its answers are compared.
Time and rate are in CPU time of one core, the best of 3 to 7 rounds, compiled beforehand.
"Faster" is against the first row of a block. Factors carry over to other machines better than times do.

| What | By | Time each | Rate | `planning` is | Answers of the peer |
|---|---|--:|--:|--:|---|
"""
FOOT = """
- Least agents: 80 % in 20 s, AHT 180 s, patience 180 s in Erlang A, loads log-uniform. `planning` solves them
  in one call on arrays, a peer in a loop on a sample of the same. pyworkforce has no Erlang A.
- Exact day: the peers carry the distribution of the calls present and no measure; "off by" sums the absolute
  differences of its probabilities at the day's end. Uniformisation is a compiled kernel of `planning` itself.
- Curtois and Qu: values are counted from the instance's text by code that knows no reader and no engine; the
  best known ones are published on schedulingbenchmarks.org. A search ends after 240 s.
- Scenarios: no open peer plans them whole. On the cluster time is the clock's, with warm workers.
- Simulation: SimPy and Ciw play the same recorded calls, and every call is answered at the same time.

Machine: {brand}, {count} cores, {system}; {python_implementation} {python_version}.
Versions: {versions}.
Made by `make benchmarks`, which writes this page anew.
"""
TIMES = {-3: " ns", -2: " µs", -1: " ms", 0: " s"}
RATES = {0: "", 1: " k", 2: " M"}
OURS = ("contact-centre-planning", "numba", "numpy", "scipy")


class Row(TypedDict):
    """One way to do a group's work: `count` of the `units` in `cpu_s` seconds of CPU time."""

    by: str
    cpu_s: float
    count: int
    units: str
    answers: str
    versions: dict[str, str]


def row(
    by: str, cpu_s: float, count: int, units: str, answers: str = "", packages: Iterable[str] = OURS
) -> Row:
    """Return a row that is fit for JSON, with the installed versions of the `packages` that did the work."""
    versions = {package: version(package) for package in packages}
    return Row(by=by, cpu_s=float(cpu_s), count=int(count), units=units, answers=answers, versions=versions)


def scaled(value: float, suffixes: Mapping[int, str]) -> str:
    """Return two significant digits with the suffix of the thousand: 3,512,000 calls are "3.5 M"."""
    rounded = float(f"{value:.1e}")
    power = min(max(math.floor(math.log10(rounded) / 3 + 1e-9), min(suffixes)), max(suffixes))
    return f"{rounded / 1000.0**power:,.6g}{suffixes[power]}"


def grouped(report: Mapping[str, Any]) -> dict[str, list[Row]]:
    """Return the rows of each group, both in the order in which they ran."""
    groups: dict[str, list[Row]] = {}
    for benchmark in report["benchmarks"]:
        if not benchmark["group"]:
            raise ValueError(f"{benchmark['name']} has no group: mark it with benchmark(group=...)")
        groups.setdefault(benchmark["group"], []).extend(benchmark["extra_info"]["rows"])
    return groups


def lines(group: str, rows: list[Row]) -> Iterator[str]:
    """Yield a line of the table for each row; the group is named once."""
    least = rows[0]["cpu_s"] / rows[0]["count"]
    for i, one in enumerate(rows):
        each, ours = one["cpu_s"] / one["count"], one["by"].startswith("planning")
        what, by = "" if i else group, f"**{one['by']}**" if ours else one["by"]
        rate = f"{scaled(1 / each, RATES)} {one['units']}/s"
        faster = "" if ours else f"**{scaled(each / least, {0: ''})} times** faster"
        yield f"| {what} | {by} | {scaled(each, TIMES)} | {rate} | {faster} | {one['answers']} |\n"


def page(report: Mapping[str, Any]) -> str:
    """Return the whole page in Markdown, without the name of the host or any path."""
    groups, machine = grouped(report), report["machine_info"]
    used = {name: v for rows in groups.values() for r in rows for name, v in r["versions"].items()}
    foot = FOOT.format(
        **{name: machine[name] for name in ("system", "python_implementation", "python_version")},
        brand=machine["cpu"]["brand_raw"],
        count=machine["cpu"]["count"],
        versions=", ".join(f"{name} {used[name]}" for name in sorted(used)),
    )
    return HEAD + "".join(line for group, rows in groups.items() for line in lines(group, rows)) + foot


def main(report: Path, target: Path) -> None:
    """Write the page `target` from pytest-benchmark's JSON `report`."""
    target.write_text(page(json.loads(report.read_text("utf-8"))), "utf-8")


if __name__ == "__main__":
    typer.run(main)
