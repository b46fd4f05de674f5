"""Pages printed to PDF, if there is a Chromium."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tqdm.contrib.concurrent import thread_map

from planning.errors import PlanningError
from planning.report.style import find_chromium

LONGEST_S = 120
AT_ONCE = 2
"""How many notebooks run, or pages print, at the same time."""


def print_pages(pages: Sequence[Path | str]) -> list[Path]:
    """Print offline pages to PDF files beside them.

    Parameters
    ----------
    pages : HTML files

    Returns
    -------
    the PDF files; none if no Chromium is found

    Raises
    ------
    PlanningError
        naming the page that Chromium could not print.
    """
    browser = find_chromium()
    if browser is None:
        return []
    printed: list[Path] = thread_map(
        partial(_print, browser),
        map(Path, pages),
        max_workers=AT_ONCE,
        desc="pdf",
        unit="page",
        total=len(pages),
    )
    return printed


def _print(browser: str, page: Path) -> Path:
    target = page.with_suffix(".pdf").resolve()
    with tempfile.TemporaryDirectory() as profile:
        line = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            f"--user-data-dir={profile}", "--no-pdf-header-footer", "--virtual-time-budget=15000",
            f"--print-to-pdf={target}", page.resolve().as_uri(),
        ]  # fmt: skip
        try:
            subprocess.run(line, capture_output=True, timeout=LONGEST_S, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            raise PlanningError(f"{page.name} cannot be printed by {browser}: {error}") from None
    if not target.exists():
        raise PlanningError(f"{page.name} was not printed by {browser}: run it by hand to see why")
    return target
