"""A plan as a page: whether it holds, who is on position when, what callers meet, what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import nbformat.v4 as nbformat
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from planning.centre import Centre
from planning.centre.money import money
from planning.report import figures
from planning.report.style import Bundle, label

__all__ = ["heads_by_site", "plan_notebook"]


def plan_notebook(summary: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], centre: Centre) -> Any:
    """Lay a plan out as an executed notebook, which `planning.report.pages.build` makes into a page.

    Parameters
    ----------
    summary, tables
        As `planning.plan.Plan` has them and writes them into its folder.
    centre : Centre

    Returns
    -------
    NotebookNode
    """
    levels = pd.DataFrame.from_dict(summary["service_level"], orient="index")
    parts: dict[str, tuple[str, go.Figure]] = {
        "Who is on position": ("supply_by_site", figures.supply_by_site(heads_by_site(tables), centre)),
        "What it costs": ("cost_bars", figures.cost_bars(tables["cost"], centre)),
    }
    if len(levels):
        levels["half_width"] = levels["band_95"].map(np.ptp) / 2
        parts["What callers meet"] = ("service_levels", figures.service_levels(levels))
    cells = [nbformat.new_markdown_cell(_opening(summary, centre))]
    for number, (title, (name, fig)) in enumerate(parts.items(), start=1):
        bundle = Bundle(fig)
        shown = {"application/vnd.plotly.v1+json": bundle.spec, "text/plain": bundle.text}
        cells += [nbformat.new_markdown_cell(f"## {title}"), _cell(number, f"figures.{name}(...)", shown)]
    systems = pd.DataFrame.from_dict(summary["systems"], orient="index")
    systems = systems[["people", "paid_hours", "cost"]].rename(index=label, columns=label)
    systems["Cost"] = [money(centre, cost) for cost in systems["Cost"]]
    cells += [
        nbformat.new_markdown_cell("## Queue by queue"),
        _cell(len(parts) + 1, "plan.systems", {"text/html": systems.to_html(), "text/plain": str(systems)}),
    ]
    return nbformat.new_notebook(cells=cells)


def heads_by_site(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Count the heads required and on position at each site, breaks left out, in each interval of a plan.

    Parameters
    ----------
    tables : mapping
        Its REQUIREMENT, ROSTER and BREAKS as `requirement`, `roster` and `breaks`.

    Returns
    -------
    DataFrame
        Index interval_start; for each site a column ``required_<site>`` and ``supplied_<site>``.
    """
    needed, roster, breaks = (tables[name] for name in ("requirement", "roster", "breaks"))
    away = breaks.assign(site=breaks["agent_id"].map(roster.groupby("agent_id")["site"].first()))
    required = needed.pivot_table(
        index="interval_start", columns="site", values="rostered", aggfunc="sum", fill_value=0
    )
    found = required.add_prefix("required_")
    for site in required:
        here, out = (rows[rows["site"] == site] for rows in (roster, away))
        found[f"supplied_{site}"] = _present(found.index, here) - _present(found.index, out)
    return found


def _present(times: pd.Index, spans: pd.DataFrame) -> NDArray[np.intp]:
    """Count the spans that hold each instant."""
    begun, ended = (np.sort(spans[edge].dt.tz_convert("UTC").to_numpy()) for edge in ("start", "end"))
    at = pd.DatetimeIndex(times).tz_convert("UTC").to_numpy()
    found: NDArray[np.intp] = np.searchsorted(begun, at, "right") - np.searchsorted(ended, at, "right")
    return found


def _opening(summary: Mapping[str, Any], centre: Centre) -> str:
    """Write the question and its answer."""
    short = summary["unmet_intervals"] + summary["unmet_heads"]
    answer = "Yes" if summary["holds"] else "No"
    return (
        f"# {summary['centre']}: does the plan hold?\n\n"
        f"**{answer}**: {summary['people_rostered']:,} people for {summary['paid_hours']:,.0f} paid hours "
        f"and {money(centre, summary['cost']['total'])}; {short} heads short, {summary['breaches']} breaches "
        f"of a rule.\n\nFrom {summary['first_interval']} to {summary['last_interval']}, simulated "
        f"{summary['replications']} times."
    )


def _cell(number: int, source: str, shown: Mapping[str, Any]) -> Any:
    output = nbformat.new_output("display_data", dict(shown))
    return nbformat.new_code_cell(source, execution_count=number, outputs=[output])
