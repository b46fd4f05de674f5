"""What-if: scenarios as changes to a centre and its calls, each a whole plan, side by side with the base."""

from planning.whatif.changes import NAMED, World, cell, changed, grid, read_scenarios
from planning.whatif.compared import BASE, LOOSE, cheapest, compare, outcome_of, row_of
from planning.whatif.executors import executor_of

__all__ = [
    "BASE",
    "LOOSE",
    "NAMED",
    "World",
    "cell",
    "changed",
    "cheapest",
    "compare",
    "executor_of",
    "grid",
    "outcome_of",
    "read_scenarios",
    "row_of",
]
