"""The README shows what the notebooks hold."""

import re
from pathlib import Path

import nbformat
import pytest

from planning.cli.example import PICTURES
from planning.report.execute import picture
from planning.report.pages import describe

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_is_in_the_table_with_its_number(path: Path) -> None:
    """A number in the README is the one that the stored notebook computed."""
    page = describe(nbformat.read(path, as_version=4), path.stem)
    row = next(line for line in README.splitlines() if line.startswith(f"| [`{path.stem}`]"))
    assert f"**{page.headline}**" in row


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_the_notebook_s(name: str) -> None:
    notebook, title = PICTURES[name]
    stored = picture(ROOT / "notebooks" / notebook, title)
    assert (ROOT / "notebooks" / name).read_bytes() == stored
    assert f"(notebooks/{name})" in README


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
