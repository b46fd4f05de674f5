"""Figures in one house style, and notebooks made into pages."""

from planning.report.style import COLOURS, answer, figure, show

__all__ = ["COLOURS", "answer", "figure", "show"]
