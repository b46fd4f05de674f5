"""Figures in one house style, and notebooks made into pages."""

from planning.report.style import COLOURS as COLOURS
from planning.report.style import answer as answer
from planning.report.style import figure as figure
from planning.report.style import show as show
