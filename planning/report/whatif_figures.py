"""The figures of scenarios: what each costs and gives, and which setting matters most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd
import plotly.graph_objects as go

from planning.report.style import COLOURS, GREY, figure, money_axis

if TYPE_CHECKING:
    from planning.centre import Centre

_VERDICTS = {
    "holds": COLOURS["target"],
    "too close to call": COLOURS["second"],
    "does not hold": COLOURS["bad"],
}


def cost_and_service(table: pd.DataFrame, centre: Centre, queue: str, title: str) -> go.Figure:
    """Each scenario's cost and service of one queue against the base, with the bands of both.

    The band of the cost includes what the shifts of either side may cost too much.

    Parameters
    ----------
    table : DataFrame
        As `planning.compare` gives it; failed scenarios are left out.
    centre : Centre
        Its currency is that of the costs.
    queue : str
    """
    from plotly.subplots import make_subplots

    level, good = f"service_level_{queue}", table[table["reason"] == ""].iloc[::-1]
    factor, unit = money_axis(centre, good["cost_difference"])
    parts = [
        ("cost", factor, f"{unit} a day more than the base"),
        (level, 100.0, "points of service level more than the base"),
    ]
    fig = make_subplots(
        rows=1, cols=len(parts), shared_yaxes=True, horizontal_spacing=0.04, figure=figure(title=title)
    )
    for col, (measure, scale, unit) in enumerate(parts, start=1):
        for verdict, colour in _VERDICTS.items():
            rows = good[good["verdict"] == verdict]
            middle = rows[f"{measure}_difference"]
            if measure == "cost":
                below, above = middle - rows["cost_difference_low"], rows["cost_difference_high"] - middle
            else:
                below = above = rows[f"{measure}_half_width"]
            error = {"array": (scale * above).round(4), "arrayminus": (scale * below).round(4)}
            fig.add_scatter(
                x=(scale * middle).round(4), y=rows.index, name=verdict,
                error_x={"type": "data", **error, "thickness": 1.5, "color": colour},
                mode="markers", marker={"size": 11, "color": colour}, legendgroup=verdict,
                showlegend=col == 1 and len(rows) > 0, row=1, col=col,
            )  # fmt: skip
        fig.update_xaxes(title_text=unit, zeroline=True, zerolinecolor=GREY, row=1, col=col)
    fig.update_yaxes(categoryorder="array", categoryarray=list(good.index), showgrid=True)
    return fig.update_layout(height=190 + 40 * len(good), hovermode="closest", margin={"l": 230, "r": 40})


def tornado(table: pd.DataFrame, title: str, unit: str, names: Mapping[str, str] | None = None) -> go.Figure:
    """How far a measure moves between the low and the high value of each setting, the widest on top.

    Parameters
    ----------
    table : DataFrame
        As `planning.studies.sensitivity.tornado` gives it.
    unit : str
        Of the measure.
    names : mapping, optional
        How a setting is called.
    """
    labels = [
        f"{(names or {}).get(str(change), change)}, {low} to {high}"
        for change, low, high in table[["low_value", "high_value"]].itertuples()
    ]
    fig = figure(title=title, xaxis_title=unit, barmode="overlay", height=150 + 50 * len(table))
    for edge, colour in (("low", COLOURS["supply"]), ("high", COLOURS["first"])):
        fig.add_bar(
            x=table[edge].round(3), y=labels, orientation="h", name=f"at the {edge} value",
            marker={"color": colour}, width=0.7,
        )  # fmt: skip
    fig.add_vline(x=0, line={"color": COLOURS["requirement"], "width": 1})
    fig.update_layout(hovermode="closest", margin={"l": 230, "r": 40})
    return fig.update_yaxes(autorange="reversed", showgrid=False)
