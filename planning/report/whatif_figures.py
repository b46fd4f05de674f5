"""The figures of scenarios: what each costs and gives, and which setting matters most."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from planning.report.style import COLOURS, figure

__all__ = ["cost_and_service", "tornado"]

_VERDICTS = {
    "holds": COLOURS["target"],
    "too close to call": COLOURS["kaluga"],
    "does not hold": COLOURS["bad"],
}


def cost_and_service(table: pd.DataFrame, queue: str, title: str) -> go.Figure:
    """Each scenario's cost and service of one queue against the base, with the bands of both.

    Parameters
    ----------
    table : DataFrame
        As `planning.compare` gives it; failed scenarios are left out.
    queue : str
    """
    name, good = f"service_level_{queue}", table[table["reason"] == ""]
    fig = figure(
        title=title, xaxis_title="thousand roubles a day more than the base",
        yaxis_title="service level against the base, points", height=470, hovermode="closest",
    )  # fmt: skip
    for verdict, colour in _VERDICTS.items():
        rows = good[good["verdict"] == verdict]
        bars = {"thickness": 1.5, "color": colour, "type": "data"}
        fig.add_scatter(
            x=(rows["cost_rub_difference"] / 1e3).round(3), y=(100 * rows[f"{name}_difference"]).round(4),
            error_x=bars | {"array": (rows["cost_rub_half_width"] / 1e3).round(3)},
            error_y=bars | {"array": (100 * rows[f"{name}_half_width"]).round(4)},
            text=[f"  {scenario}" for scenario in rows.index], textposition="middle right",
            mode="markers+text", cliponaxis=False, name=verdict, marker={"size": 11, "color": colour},
        )  # fmt: skip
    least, most = (good["cost_rub_difference"] / 1e3).agg(["min", "max"])
    room = max(most - least, 1.0)
    # The names stand to the right of their dots.
    fig.update_xaxes(range=[least - 0.08 * room, most + 0.35 * room])
    return fig.update_xaxes(zeroline=True, zerolinecolor="#9AA5B1").update_yaxes(
        zeroline=True, zerolinecolor="#9AA5B1"
    )


def tornado(table: pd.DataFrame, title: str, unit: str, names: Mapping[str, str] | None = None) -> go.Figure:
    """What a measure moves by between the low and the high value of each setting, the widest on top.

    Parameters
    ----------
    table : DataFrame
        As `planning.whatif.tornado` gives it.
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
    for edge, colour in (("low", COLOURS["supply"]), ("high", COLOURS["moscow"])):
        fig.add_bar(
            x=table[edge].round(3), y=labels, orientation="h", name=f"at the {edge} value",
            marker={"color": colour}, width=0.7,
        )  # fmt: skip
    fig.add_vline(x=0, line={"color": COLOURS["requirement"], "width": 1})
    fig.update_layout(hovermode="closest", margin={"l": 230, "r": 40})
    return fig.update_yaxes(autorange="reversed", showgrid=False)
