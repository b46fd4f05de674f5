"""The table of the benchmarks from a small report."""

import json

import pytest
from benchmarks.table import RATES, TIMES, main, page, row, scaled

MACHINE = {
    "node": "secret-host",
    "system": "Linux",
    "python_implementation": "CPython",
    "python_version": "3.11.7",
    "cpu": {"brand_raw": "AMD EPYC", "count": 2},
}


def report():
    """Ours at 4 M a second and a peer at 10 k a second, and a second group between them."""
    return {
        "machine_info": MACHINE,
        "benchmarks": [
            benchmark("Least agents", row("planning", 0.25, 1_000_000, "solves", packages=["numpy"])),
            benchmark("A day", row("planning", 0.02, 1, "days", packages=[])),
            benchmark("Least agents", row("plodder", 0.5, 5_000, "solves", "the same", packages=["scipy"])),
        ],
    }


def benchmark(group, *rows):
    return {"name": "test_some", "group": group, "extra_info": {"rows": list(rows)}}


@pytest.mark.parametrize(
    ("value", "suffixes", "text"),
    [
        (3_512_000, RATES, "3.5 M"),
        (11_400, RATES, "11 k"),
        (999.9, RATES, "1 k"),
        (0.52, RATES, "0.52"),
        (2.9e9, RATES, "2,900 M"),
        (2.86e-7, TIMES, "290 ns"),
        (1e-3, TIMES, "1 ms"),
        (0.0366, TIMES, "37 ms"),
        (90, TIMES, "90 s"),
        (1234, {0: ""}, "1,200"),
    ],
)
def test_two_significant_digits_with_the_suffix_of_the_thousand(value, suffixes, text):
    """Also at the edges, and beyond the first and last suffix."""
    assert scaled(value, suffixes) == text


def test_the_factor_is_seen_at_a_glance():
    """A group is one block under its name, ours first, the peer with its factor a piece, not a run."""
    table = [line for line in page(report()).splitlines() if line.startswith("| ")]
    assert table[1:] == [
        "| Least agents | **planning** | 250 ns | 4 M solves/s |  |  |",
        "|  | plodder | 100 µs | 10 k solves/s | **400 times** faster | the same |",
        "| A day | **planning** | 20 ms | 50 days/s |  |  |",
    ]


def test_machine_and_versions_without_the_host():
    """The class of machine and what did the work, no more."""
    text = page(report())
    assert "AMD EPYC, 2 cores, Linux; CPython 3.11.7." in text
    assert "Versions: numpy " in text
    assert ", scipy " in text
    assert "secret-host" not in text


def test_a_benchmark_without_rows_is_refused():
    """A forgotten row is an error, not a gap in the table."""
    broken = report()
    broken["benchmarks"].append({"group": "A day", "extra_info": {}})
    with pytest.raises(KeyError, match="rows"):
        page(broken)


def test_a_benchmark_without_a_group_is_refused():
    """Else its rows would stand under "None"."""
    broken = report()
    broken["benchmarks"].append(benchmark(None, row("planning", 1.0, 1, "days")))
    with pytest.raises(ValueError, match="test_some has no group"):
        page(broken)


def test_the_page_is_written_from_the_file(tmp_path):
    """The command reads JSON and writes the page."""
    (tmp_path / "report.json").write_text(json.dumps(report()), "utf-8")
    main(tmp_path / "report.json", tmp_path / "README.md")
    assert (tmp_path / "README.md").read_text("utf-8") == page(report())
