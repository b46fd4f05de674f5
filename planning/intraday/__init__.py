"""The day as it comes: the service to expect, what to do about it, and who kept to the roster."""

from planning.intraday.adherence import adherence, shrinkage_changes, summed
from planning.intraday.proposals import applied, proposals
from planning.intraday.state import (
    SoFar,
    Today,
    calls_so_far,
    expected_service,
    late_calls,
    shortfalls,
    today_of,
)

__all__ = [
    "SoFar",
    "Today",
    "adherence",
    "applied",
    "calls_so_far",
    "expected_service",
    "late_calls",
    "proposals",
    "shortfalls",
    "shrinkage_changes",
    "summed",
    "today_of",
]
