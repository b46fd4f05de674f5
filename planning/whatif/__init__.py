"""What-if: scenarios as changes to a centre and its calls, each planned whole and compared with the base."""

from planning.whatif.changes import NAMED, Scenario, apply_changes, cell, grid, read_scenarios
from planning.whatif.comparison import BASE, LOOSE, cheapest, compare, evaluate_cached, row_of
from planning.whatif.evaluation import Evaluation, Result, Staff, evaluate
from planning.whatif.executors import executor_of

__all__ = [
    "BASE",
    "LOOSE",
    "NAMED",
    "Evaluation",
    "Result",
    "Scenario",
    "Staff",
    "apply_changes",
    "cell",
    "cheapest",
    "compare",
    "evaluate",
    "evaluate_cached",
    "executor_of",
    "grid",
    "read_scenarios",
    "row_of",
]
