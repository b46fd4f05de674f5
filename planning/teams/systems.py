"""The settings of the other systems, read from one file beside the centre's."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from planning.settings import Settings
from planning.teams.careers import Careers
from planning.teams.quality import Quality
from planning.teams.second_line import SecondLine
from planning.teams.vip import Vip
from planning.teams.wellbeing import Wellbeing

__all__ = ["Systems"]


class Systems(Settings):
    """The other systems of the centre.

    Examples
    --------
    >>> Systems.load("data/teams.toml").quality.calls_month
    10
    """

    schema_version: Literal[1]
    """Version of this file's shape."""
    quality: Quality
    """Listening to calls and mystery calls."""
    second_line: SecondLine
    """Calls that the first line hands on, and customers who want to leave."""
    careers: Careers
    """How people come, rise and leave."""
    wellbeing: Wellbeing
    """The doctor's room, and how hard the work is."""
    vip: Vip
    """The VIPs, and what an assignment of managers weighs."""

    @classmethod
    def load(cls, path: str | Path = "data/teams.toml") -> Self:
        """Read and check a file of systems.

        Raises
        ------
        PlanningError
            The file is missing, is not TOML, or holds a value that cannot be.
        """
        return super().load(path)
