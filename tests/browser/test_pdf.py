"""Pages printed by Chromium."""

import re
from pathlib import Path

from planning.report.pages import build

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def test_pages_are_printed_with_their_figures(tmp_path):
    """A page of four sides at least: a blank print has one."""
    index = build([NOTEBOOKS / "40_night_overflow.ipynb"], tmp_path, pdf=True)
    printed = (tmp_path / "40_night_overflow.pdf").read_bytes()
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) >= 4
    assert 'href="40_night_overflow.pdf"' in index.read_text(encoding="utf-8")
