"""What-if: scenarios as changes to a centre and its calls, each a whole plan, side by side with the base."""

from planning.whatif.changes import NAMED, World, changed, grid, read_scenarios
from planning.whatif.compared import BASE, LOOSE, cheapest, compare
from planning.whatif.studies import most, tornado

__all__ = [
    "BASE",
    "LOOSE",
    "NAMED",
    "World",
    "changed",
    "cheapest",
    "compare",
    "grid",
    "most",
    "read_scenarios",
    "tornado",
]
