"""A number that stands in two places is the same in both: read from the stored outputs and the files."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]

# The number, and where it stands: a notebook's outputs or a file, and how to find it there.
PLACES = {
    "calls of the Tuesday": [
        ("00_start_here", r"([\d,]+) contacts need"),
        ("00_start_here", r"Calls by the caller's time zone\ncalls: ([\d,]+)"),
    ],
    "worst quarter of the Tuesday, exact": [
        ("00_start_here", r"worst quarter, exact: ([\d.]+)"),
        ("40_night_overflow", r"lowest, exact: ([\d.]+)"),
    ],
    "Moscow closes at 19:00": [
        ("40_night_overflow", r"losing at 19:00, .*? costs (.*? a year)"),
        ("97_what_if", r"Moscow closes at 19:00: (.*? a year)"),
    ],
    "callers lost with ten on call": [
        ("40_night_overflow", r"no power, 10 on call in Moscow: (\d+)"),
        ("40_night_overflow", r"\n10 +(\d+) "),
    ],
    "agent-hours for 95 % in 10 s": [
        ("20_first_line", r"\nErlang A +\d+ +([\d.]+)"),
        ("20_first_line", r"\n95% in 10 s +\d+ +([\d.]+)"),
    ],
    "operators to whom quality listens": [
        ("85_quality", r"all (\d+) operators"),
        ("data/centre.toml", r"\noperators = (\d+)"),
    ],
    "operators on the first line": [
        ("85_quality", r"for (\d+) first-line operators"),
        ("95_careers", r"\noperator +[\d.]+ +[\d.]+ +(\d+)"),
    ],
    "people of the quality group": [
        ("85_quality", r"by (\d+) people on staff"),
        ("95_careers", r"\nquality +[\d.]+ +[\d.]+ +(\d+)"),
        ("60_roster", r"\nquality_moscow +(\d+)"),
    ],
    "personal managers": [
        ("88_vip", r"the (\d+) managers reach"),
        ("95_careers", r"\nmanager +[\d.]+ +[\d.]+ +(\d+)"),
    ],
    "people for claims": [
        ("80_specialists", r"(\d+) people on staff"),
        ("60_roster", r"\nclaims_moscow +(\d+)"),
    ],
    "operators to hire": [
        ("95_careers", r"Hire (\d+) operators"),
        ("95_careers", r"Hired and promoted\noperator: (\d+)"),
    ],
}


def text_of(place: str) -> str:
    """The stored outputs of a notebook as text without marks, or a file."""
    if "/" in place:
        return (ROOT / place).read_text(encoding="utf-8")
    stored = nbformat.read(ROOT / "notebooks" / f"{place}.ipynb", as_version=4)
    outputs = [output for cell in stored.cells for output in cell.get("outputs", [])]
    texts = [
        output.get("data", {}).get(kind, "") for output in outputs for kind in ("text/markdown", "text/plain")
    ]
    return "\n".join(texts).replace("**", "")


@pytest.mark.parametrize("name", PLACES)
def test_a_number_is_the_same_everywhere(name: str) -> None:
    found = {}
    for place, pattern in PLACES[name]:
        hit = re.search(pattern, text_of(place))
        assert hit, f"{place} does not say {pattern!r}: correct the table above"
        found[place, pattern] = hit[1].replace(",", "")
    assert len(set(found.values())) == 1, found
