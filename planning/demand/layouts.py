"""Named layouts: how the exports of common phone systems are written, a data file each."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from planning.centre.records import CallRecords
from planning.errors import PlanningError


@dataclass(frozen=True)
class Layout:
    """How one system writes its export.

    Attributes
    ----------
    name : str
    title, source : str
        The system and its export in words, and the vendor's page that describes it.
    header : tuple of str
        Columns by which the export is known.
    first_row : str or None
        Pattern of the first row, its cells separated by "|", if the file has no header.
    records : CallRecords
        The settings.
    """

    name: str
    title: str
    source: str
    header: tuple[str, ...]
    first_row: str | None
    records: CallRecords

    @property
    def is_guess(self) -> bool:
        """Whether no file describes it: it was guessed and has no name."""
        return not self.name


@cache
def layouts() -> dict[str, Layout]:
    """All layouts by name."""
    found = {}
    for file in sorted(files("planning.demand").joinpath("layouts").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            raw = tomllib.loads(file.read_text(encoding="utf-8"))
            name = file.name.removesuffix(".toml")
            found[name] = Layout(
                name,
                raw["title"],
                raw["source"],
                tuple(raw.get("header", ())),
                raw.get("first_row"),
                CallRecords.of(raw["records"]),
            )
    return found


def layout_named(name: str) -> Layout:
    """Layout of a name.

    Raises
    ------
    PlanningError
        There is none of this name.
    """
    if name not in layouts():
        raise PlanningError(f"layout is {name!r}, must be one of {', '.join(layouts())}")
    return layouts()[name]


def matching(columns: Sequence[str]) -> Layout | None:
    """Layout with these columns as its header or first row; of several, the one with the longest header.

    Examples
    --------
    >>> matching(["1717397243", "1717397243.11", "1501", "NONE", "ENTERQUEUE", "", "7000", "1"]).name
    'asterisk-queue-log'
    """
    row = "|".join(columns)
    there = {column.strip().casefold() for column in columns}
    fits = [
        layout
        for layout in layouts().values()
        if (layout.header and {name.casefold() for name in layout.header} <= there)
        or (layout.first_row and re.search(layout.first_row, row))
    ]
    return max(fits, key=lambda layout: len(layout.header), default=None)
