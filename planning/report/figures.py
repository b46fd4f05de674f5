"""The figures of the notebooks: each function takes a frame of the flow and returns one figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from planning.report.style import COLOURS, figure

__all__ = [
    "agents_and_service",
    "bars",
    "burdens",
    "cost_bars",
    "demand_by_zone",
    "lines",
    "night_pooling",
    "ranked",
    "requirement_and_supply",
    "service_levels",
    "staffing_day",
]

# Shades of one blue-green for zones from west to east, so that the eye reads an order.
_ZONES = (
    "#0B3C5D", "#145A7A", "#1D7795", "#2B93A8", "#46AEB4", "#6BC4B8",
    "#8FD3BC", "#B1DFC2", "#CCE8CA", "#E1F0D6", "#F1F7E4",
)  # fmt: skip


def demand_by_zone(calls: pd.DataFrame, closing: pd.Timestamp | None = None) -> go.Figure:
    """Calls by interval on the centre's clock, stacked by the callers' time zone.

    Parameters
    ----------
    calls : DataFrame
        Index interval_start, a column a zone from west to east.
    closing : Timestamp, optional
        Marked by a line.
    """
    fig = figure(title="Calls by the caller's time zone", yaxis_title="calls in 15 minutes")
    for number, zone in enumerate(calls.columns):
        fig.add_scatter(
            x=calls.index, y=calls[zone].round(2), name=str(zone), stackgroup="zones", mode="lines",
            line={"width": 0, "color": _ZONES[number % len(_ZONES)]}, hovertemplate="%{y:.0f}",
        )  # fmt: skip
    fig.update_layout(legend={"traceorder": "normal", "font": {"size": 12}}, height=430)
    return _mark(fig, closing)


def staffing_day(table: pd.DataFrame, sites: list[str], closing: pd.Timestamp | None = None) -> go.Figure:
    """Agents of each site, stacked, through a day.

    Parameters
    ----------
    table : DataFrame
        interval_start and a column ``agents_<site>`` a site, as `planning.service.exact_service` gives.
    sites : list of str
        From the bottom up.
    """
    fig = figure(title="Agents on position", yaxis_title="agents")
    for site in sites:
        fig.add_scatter(
            x=table["interval_start"], y=table[f"agents_{site}"], name=site.capitalize(), stackgroup="sites",
            mode="lines", line={"shape": "hv", "width": 0.5, "color": COLOURS[site]},
        )  # fmt: skip
    return _mark(fig, closing)


def requirement_and_supply(
    times: pd.DatetimeIndex, required: pd.Series, supplied: pd.Series, title: str, site: str
) -> go.Figure:
    """Heads required as a line over the heads that the shifts put on position as an area."""
    fig = figure(title=title, yaxis_title="heads")
    fig.add_scatter(
        x=times, y=supplied, name="on position, breaks left out", mode="lines", fill="tozeroy",
        line={"shape": "hv", "width": 1, "color": COLOURS[site]},
    )  # fmt: skip
    fig.add_scatter(
        x=times, y=required, name="required", mode="lines",
        line={"shape": "hv", "width": 2, "color": COLOURS["requirement"]},
    )  # fmt: skip
    return fig


def agents_and_service(
    table: pd.DataFrame, sites: list[str], target: float, closing: pd.Timestamp | None = None
) -> go.Figure:
    """Agents of each site above, service by formula and in truth below, on one time axis."""
    from plotly.subplots import make_subplots

    house = figure()
    fig = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.55, 0.45], vertical_spacing=0.08)
    fig.update_layout(template=house.layout.template, height=560, title="The hand-over, quarter by quarter")
    for site in sites:
        fig.add_scatter(
            x=table["interval_start"], y=table[f"agents_{site}"], name=site.capitalize(), stackgroup="sites",
            mode="lines", line={"shape": "hv", "width": 0.5, "color": COLOURS[site]}, row=1, col=1,
        )  # fmt: skip
    lines = {
        "service_level": ("what callers meet (exact)", COLOURS["bad"], "solid", 2.5),
        "formula": ("what the formula says", COLOURS["requirement"], "dot", 1.5),
    }
    for column, (name, colour, dash, width) in lines.items():
        fig.add_scatter(
            x=table["interval_start"], y=table[column].round(5), name=name, mode="lines",
            line={"shape": "hv", "color": colour, "dash": dash, "width": width}, row=2, col=1,
        )  # fmt: skip
    fig.add_hline(y=target, line={"color": COLOURS["target"], "dash": "dash", "width": 1.5}, row=2, col=1)
    fig.update_yaxes(title_text="agents", row=1, col=1)
    fig.update_yaxes(title_text="service level", tickformat=".2~%", row=2, col=1)
    fig.update_layout(hovermode="x unified")
    return _mark(fig, closing)


def lines(table: pd.DataFrame, title: str, unit: str, target: float | None = None) -> go.Figure:
    """Columns of a table as steps over its index, the last one on top and in colour.

    Parameters
    ----------
    table : DataFrame
        Index interval_start, a column a line.
    title, unit : str
        Shares are written in per cent where a target is given.
    target : float, optional
        Drawn as a dashed line.
    """
    fig = figure(title=title, yaxis_title=unit, height=430)
    styles = (("dot", "#9AA5B1"), ("dash", "moscow"), ("dashdot", "kaluga"), ("solid", "bad"))
    for name, (dash, colour) in zip(table, styles[-len(table.columns) :], strict=True):
        fig.add_scatter(
            x=table.index, y=table[name].round(5), name=str(name), mode="lines",
            line={"shape": "hv", "width": 2, "dash": dash, "color": COLOURS.get(colour, colour)},
        )  # fmt: skip
    if target is not None:
        fig.add_hline(y=target, line={"color": COLOURS["target"], "dash": "dash", "width": 1.5})
        fig.update_yaxes(tickformat=".2~%")
    return fig


def bars(values: Mapping[Any, float], title: str, unit: str) -> go.Figure:
    """One bar a value, with its number above."""
    fig = figure(title=title, xaxis_title=unit)
    fig.add_bar(
        x=[str(name) for name in values], y=[round(float(value), 4) for value in values.values()],
        texttemplate="%{y:,.0f}", textposition="outside", marker={"color": COLOURS["supply"]},
    )  # fmt: skip
    return fig.update_layout(hovermode="closest", showlegend=False).update_xaxes(type="category")


def night_pooling(needed: pd.DataFrame) -> go.Figure:
    """Agents at night with one queue for all callers, against a queue for each site's own callers."""
    fig = figure(title="One queue or two: agents that Kaluga needs at night", yaxis_title="agents")
    for column, name, colour in (
        ("apart", "two queues, each with its own agents", COLOURS["bad"]),
        ("pooled", "one queue", COLOURS["kaluga"]),
    ):
        fig.add_scatter(
            x=needed["interval_start"], y=needed[column], name=name, mode="lines",
            line={"shape": "hv", "color": colour, "width": 2.2},
        )  # fmt: skip
    return fig.update_yaxes(rangemode="tozero")


def service_levels(outcome: pd.DataFrame) -> go.Figure:
    """Target, promise and simulated service level with its band, a row a queue."""
    names = [str(name).replace("_", " ") for name in outcome.index]
    fig = figure(title="Promised, and met in simulation", xaxis_title="service level")
    fig.add_scatter(
        x=outcome["simulated"].round(5), y=names, mode="markers", name="simulated, 95 % band",
        error_x={"type": "data", "array": outcome["half_width"].round(5), "thickness": 2},
        marker={"size": 11, "color": COLOURS["moscow"]},
    )  # fmt: skip
    for column, symbol, colour in (
        ("promised", "diamond-open", "requirement"),
        ("target", "line-ns-open", "target"),
    ):
        fig.add_scatter(
            x=outcome[column].round(5), y=names, mode="markers", name=column,
            marker={"symbol": symbol, "size": 13, "color": COLOURS[colour], "line": {"width": 2}},
        )  # fmt: skip
    fig.update_layout(hovermode="closest", height=340, margin={"l": 110})
    return fig.update_xaxes(tickformat=".2~%").update_yaxes(autorange="reversed")


def cost_bars(cost: pd.DataFrame, colours: Mapping[str, str] = COLOURS) -> go.Figure:
    """Cost by team, plain hours and night premium, the dearest team first."""
    ordered = cost.sort_values("total_rub", ascending=False)
    names = [_label(str(team)) for team in ordered["team"]]
    fig = figure(title="What it costs", xaxis_title="million roubles", barmode="stack")
    for column, name, colour in (
        ("base_rub", "hours", colours["supply"]),
        ("night_rub", "night premium", colours["requirement"]),
    ):
        fig.add_bar(
            x=(ordered[column] / 1e6).round(5), y=names, name=name, orientation="h", marker={"color": colour},
            hovertemplate="%{x:.2f} M",
        )  # fmt: skip
    fig.update_layout(height=420, margin={"l": 160}, hovermode="y unified")
    return fig.update_yaxes(autorange="reversed")


def _label(team: str) -> str:
    """Name a team as a reader does: the queue, then the site with its capital."""
    *queue, site = team.split("_")
    return f"{' '.join(queue)}, {site.capitalize()}"


def _mark(fig: go.Figure, closing: pd.Timestamp | None) -> Any:
    """Draw a line where a site closes."""
    if closing is None:
        return fig
    fig.add_vline(x=closing, line={"color": COLOURS["requirement"], "width": 1, "dash": "dot"})
    fig.add_annotation(
        x=closing, y=1, yref="paper", text=f"{closing:%H:%M} Moscow closes", showarrow=False,
        xanchor="right", yanchor="top", font={"size": 12}, bgcolor="rgba(255,255,255,0.7)",
    )  # fmt: skip
    return fig


def burdens(before: pd.Series, after: pd.Series, title: str, unit: str) -> go.Figure:
    """How many people carry how much of a burden, in two rosters side by side.

    Parameters
    ----------
    before, after : Series
        Burden of each person, whole numbers.
    """
    fig = figure(title=title, xaxis_title=unit, yaxis_title="people", barmode="group")
    for values, name, colour in ((before, "before", "bad"), (after, "after", "target")):
        counts = values.value_counts().sort_index()
        fig.add_bar(
            x=counts.index.astype(int), y=counts.to_numpy(), name=name, marker={"color": COLOURS[colour]}
        )
    return fig.update_xaxes(dtick=1).update_yaxes(dtick=1).update_layout(hovermode="closest")


def ranked(values: pd.Series, title: str, unit: str) -> go.Figure:
    """One bar a row of a series, the largest on top, with its number beside."""
    ordered = values.sort_values()
    fig = figure(title=title, xaxis_title=unit)
    fig.add_bar(
        x=ordered.round(2), y=[str(name) for name in ordered.index], orientation="h",
        texttemplate="%{x:,.0f}", textposition="outside", cliponaxis=False,
        marker={"color": COLOURS["supply"]},
    )  # fmt: skip
    return fig.update_layout(hovermode="closest", showlegend=False, margin={"l": 190, "r": 60})
