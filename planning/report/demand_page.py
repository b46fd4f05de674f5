"""Counted records as a page: how many calls came, and when, queue by queue."""

from __future__ import annotations

from typing import Any

import nbformat.v4 as nbformat
import pandas as pd

from planning.report.demand_figures import busy_hours
from planning.report.plan_page import figure_cell
from planning.report.style import Bundle, label


def demand_notebook(demand: pd.DataFrame, centre: str) -> Any:
    """Lay a demand out as an executed notebook, which `planning.report.pages.page_html` makes into a page.

    Parameters
    ----------
    demand : DataFrame
        Columns of `planning.tables.DEMAND`.
    centre : str
        Name of the centre.

    Returns
    -------
    NotebookNode
    """
    days = demand["interval_start"].dt.date
    opening = (
        f"# {centre}: when do calls come?\n\n**{demand['calls'].sum():,.0f} calls** in {days.nunique():,} "
        f"days, from {days.min()} to {days.max()}."
    )
    cells = [nbformat.new_markdown_cell(opening)]
    for queue, rows in demand.groupby("queue", sort=False):
        cells += [
            nbformat.new_markdown_cell(f"## {label(str(queue))}"),
            figure_cell(Bundle(busy_hours(rows), {"Calls": float(rows["calls"].sum())})),
        ]
    return nbformat.new_notebook(cells=cells)
