"""Figures of demand: what records say, how sure a forecast is, and what certainty costs."""

from __future__ import annotations

from calendar import day_abbr
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy.special import ndtr

from planning.report.style import COLOURS, figure

if TYPE_CHECKING:
    from planning.demand.behaviour import Patience

_BAND = "rgba(0, 114, 178, 0.18)"


def patience_curve(found: Patience, until_s: float = 120.0) -> go.Figure:
    """Share of callers still ready to wait: the records with their band, and the two laws fitted to them."""
    curve = found.curve[found.curve["time_s"] <= until_s]
    fig = figure(
        title="Callers still ready to wait", xaxis_title="seconds waited", yaxis_title="share of callers"
    )
    _band(fig, curve["time_s"], curve["low"], curve["high"], "95 % band", "hv")
    laws = {
        "records (Kaplan-Meier)": (curve["staying"], COLOURS["first"], "solid", "hv"),
        "lognormal law": (curve["fitted"], COLOURS["target"], "dash", "linear"),
        "exponential law (Erlang A)": (
            np.exp(-curve["time_s"] / found.mean_s), COLOURS["bad"], "dot", "linear",
        ),
    }  # fmt: skip
    for name, (values, colour, dash, shape) in laws.items():
        fig.add_scatter(
            x=curve["time_s"], y=np.round(values, 5), name=name, mode="lines",
            line={"color": colour, "dash": dash, "width": 2, "shape": shape},
        )  # fmt: skip
    return fig.update_yaxes(tickformat=".0%")


def handle_time_law(handle_s: pd.Series, log_mean: float, log_sd: float, above_s: float = 10.0) -> go.Figure:
    """How long calls last: the records as bars, too short ones in red, the lognormal law as a line."""
    edges = np.arange(0, 905, 10.0)
    count, _ = np.histogram(handle_s.dropna(), bins=edges)
    long = int((handle_s >= above_s).sum())
    law = long * np.diff(ndtr((np.log(np.maximum(edges, 1e-9)) - log_mean) / log_sd))
    fig = figure(title="How long calls last", xaxis_title="handle time, seconds", yaxis_title="calls in 10 s")
    short = edges[:-1] < above_s
    for name, which, colour in (
        (f"under {above_s:g} s", short, COLOURS["bad"]),
        ("records", ~short, COLOURS["supply"]),
    ):
        fig.add_bar(x=edges[:-1][which] + 5, y=count[which], name=name, marker={"color": colour}, width=9.5)
    fig.add_scatter(
        x=edges[:-1] + 5, y=law.round(3), name="lognormal law", mode="lines",
        line={"color": COLOURS["requirement"], "width": 2},
    )  # fmt: skip
    return fig.update_layout(barmode="overlay")


def forecast_band(made: pd.DataFrame, came: pd.DataFrame | None = None, title: str = "Forecast") -> go.Figure:
    """Calls that are expected, with the 80 % band, and those that came.

    Parameters
    ----------
    made : DataFrame
        FORECAST of one queue.
    came : DataFrame, optional
        DEMAND of the same queue.
    """
    fig = figure(title=title, yaxis_title="calls in an interval")
    _band(fig, made["interval_start"], made["calls_p10"], made["calls_p90"], "80 % band")
    fig.add_scatter(
        x=made["interval_start"], y=made["calls"].round(3), name="expected", mode="lines",
        line={"color": COLOURS["first"], "width": 2},
    )  # fmt: skip
    if came is not None:
        fig.add_scatter(
            x=came["interval_start"], y=came["calls"], name="came", mode="markers",
            marker={"color": COLOURS["requirement"], "size": 5},
        )  # fmt: skip
    return fig.update_yaxes(rangemode="tozero")


def busy_hours(demand: pd.DataFrame) -> go.Figure:
    """Mean calls of an hour by weekday and time of day, as a heat map.

    Parameters
    ----------
    demand : DataFrame
        DEMAND of one queue.
    """
    clock = demand["interval_start"].dt.tz_localize(None)
    hours = demand["calls"].groupby([clock.dt.normalize().rename("day"), clock.dt.hour.rename("hour")]).sum()
    table = hours.unstack().groupby(lambda day: day.day_of_week).mean()
    fig = figure(title="Calls an hour", xaxis_title="time of day")
    fig.add_heatmap(
        z=table.round(1).to_numpy(), x=[f"{hour:02}:00" for hour in table.columns],
        y=[day_abbr[weekday] for weekday in table.index], colorscale="Blues",
        colorbar={"title": {"text": "calls"}}, hovertemplate="%{y} %{x}: %{z} calls<extra></extra>",
    )  # fmt: skip
    return fig.update_yaxes(autorange="reversed")


def certainty(table: pd.DataFrame) -> go.Figure:
    """Agent-hours of a day by the probability of meeting the target.

    Parameters
    ----------
    table : DataFrame
        probability and agent_hours, as `planning.studies.prices.price_of_certainty` gives.
    """
    fig = figure(
        title="What certainty costs", xaxis_title="probability of meeting the target in an interval",
        yaxis_title="agent-hours a day",
    )  # fmt: skip
    fig.add_scatter(
        x=table["probability"], y=table["agent_hours"].round(2), mode="lines+markers+text",
        text=[f"{hours:,.0f}" for hours in table["agent_hours"]], textposition="top left",
        line={"color": COLOURS["first"], "width": 2}, marker={"size": 9}, cliponaxis=False,
    )  # fmt: skip
    fig.update_layout(showlegend=False, hovermode="closest")
    return fig.update_xaxes(tickformat=".0%")


def weeks_ahead(weeks: pd.DataFrame, title: str = "Calls a week") -> go.Figure:
    """Calls week by week with their 80 % band, of one queue of `planning.demand.forecast_weeks`."""
    fig = figure(title=title, yaxis_title="calls in a week")
    _band(fig, weeks["week_start"], weeks["calls_p10"], weeks["calls_p90"], "80 % band")
    fig.add_scatter(
        x=weeks["week_start"], y=weeks["calls"].round(1), name="expected", mode="lines",
        line={"color": COLOURS["first"], "width": 2},
    )  # fmt: skip
    return fig.update_yaxes(rangemode="tozero")


def _band(
    fig: go.Figure, x: pd.Series, low: pd.Series, high: pd.Series, name: str, shape: str = "linear"
) -> None:
    line = {"width": 0, "shape": shape}
    fig.add_scatter(x=x, y=high.round(4), mode="lines", line=line, showlegend=False, hoverinfo="skip")
    fig.add_scatter(
        x=x, y=low.round(4), mode="lines", line=line, fill="tonexty", fillcolor=_BAND, name=name,
        hoverinfo="skip",
    )  # fmt: skip
