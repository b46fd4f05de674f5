"""Shifts: the catalogue of those that may be worked, and the cheapest that cover a requirement."""

from planning.shifts.catalogue import Break, Pattern, catalogue, patterns
from planning.shifts.cover import CoverPlan, cover, horizon, on_position, requirement_by_team

__all__ = [
    "Break",
    "CoverPlan",
    "Pattern",
    "catalogue",
    "cover",
    "horizon",
    "on_position",
    "patterns",
    "requirement_by_team",
]
