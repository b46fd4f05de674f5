"""Shifts: the catalogue of possible shifts, and the cheapest ones that cover a requirement."""

from planning.shifts.catalogue import Break, Pattern, Shape, catalogue, shapes
from planning.shifts.cover import CoverPlan, at_desks, cover, horizon, on_position, requirement_by_team
from planning.shifts.day import DayCover, cover_day, heads_of
from planning.shifts.duties_and_waiting import cover_again, cover_all, waiting_work
from planning.shifts.notation import format_shift, parse_shift
from planning.shifts.search import CoverSettings, Progress

__all__ = [
    "Break",
    "CoverPlan",
    "CoverSettings",
    "DayCover",
    "Pattern",
    "Progress",
    "Shape",
    "at_desks",
    "catalogue",
    "cover",
    "cover_again",
    "cover_all",
    "cover_day",
    "format_shift",
    "heads_of",
    "horizon",
    "on_position",
    "parse_shift",
    "requirement_by_team",
    "shapes",
    "waiting_work",
]
