"""The figures of the studies' notebooks, in the house style."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from planning.report.style import COLOURS, GREY, colours_of, figure, label, site_label

# Shades from dark to light and on to warm ones, a grade each.
_GRADES = ("#0B3C5D", "#2B93A8", "#8FD3BC", "#E69F00", "#CC79A7", "#C8401F")


def verdicts(table: pd.DataFrame, risk: float, now: int) -> go.Figure:
    """Probability of each wrong verdict by the number of calls, with today's number and the fair risk marked.

    Parameters
    ----------
    table : DataFrame
        `planning.studies.verdicts.best_bar`.
    risk : float
        Largest probability that counts as fair.
    now : int
        Calls that decide at present.
    """
    fig = figure(
        title="How often a verdict is wrong", xaxis_title="calls that decide", yaxis_title="probability"
    )
    x = table["calls"]
    _line(fig, x, table["blamed"], "a good operator is blamed", color=COLOURS["bad"])
    _line(fig, x, table["missed"], "an operator who needs help is missed", color=COLOURS["first"])
    _level(fig, risk, x.max(), f"fair: at most {risk:.0%}", xanchor="right")
    fig.add_vline(x=now, line={"color": COLOURS["requirement"], "dash": "dot"})
    text = {"text": f"{now} calls: one month", "showarrow": False, "xanchor": "left", "yanchor": "top"}
    fig.add_annotation(x=now, y=1, yref="paper", xshift=6, **text)
    return fig.update_yaxes(tickformat=".0%", rangemode="tozero")


def scores(table: pd.DataFrame, mean: float) -> go.Figure:
    """Raw scores beside the estimates with their intervals, by operator, the lowest score first.

    Parameters
    ----------
    table : DataFrame
        `planning.studies.verdicts.shrunk` with a column ``truth``.
    mean : float
        Of all operators.
    """
    rows = table.sort_values(["raw", "estimate"], ignore_index=True)
    fig = figure(
        title="What ten calls say of each operator", xaxis_title="operators, by their score",
        yaxis_title="share", hovermode="closest",
    )  # fmt: skip
    fig.add_scatter(
        x=rows.index, y=rows["estimate"].round(5), mode="markers", name="best estimate, 95 % interval",
        marker={"color": COLOURS["first"], "size": 8},
        error_y={
            "type": "data", "array": (rows["high"] - rows["estimate"]).round(5),
            "arrayminus": (rows["estimate"] - rows["low"]).round(5), "thickness": 1.2, "width": 0,
        },
    )  # fmt: skip
    for column, name, symbol, colour in (
        ("raw", "score of ten calls", "circle-open", COLOURS["bad"]),
        ("truth", "truth", "line-ew-open", COLOURS["requirement"]),
    ):
        marker = {"symbol": symbol, "size": 9, "color": colour, "line": {"width": 2}}
        fig.add_scatter(x=rows.index, y=rows[column].round(5), mode="markers", name=name, marker=marker)
    _level(fig, mean, len(rows) - 1, "all operators", xanchor="left", xshift=8)
    return fig.update_xaxes(range=[-1, len(rows) + 4]).update_yaxes(tickformat=".0%")


def funnel(chart: pd.DataFrame, title: str, unit: str) -> go.Figure:
    """Each operator's share against the number of calls, between the limits of chance.

    Parameters
    ----------
    chart : DataFrame
        `planning.studies.verdicts.control_chart`.
    """
    rows = chart.sort_values("calls")
    fig = figure(title=title, xaxis_title="calls of the operator", yaxis_title=unit, hovermode="closest")
    for column, name in (("high", "limits of chance"), ("low", None)):
        fig.add_scatter(
            x=rows["calls"], y=rows[column].round(5), mode="lines", name=name, showlegend=name is not None,
            line={"color": GREY, "shape": "hv", "width": 1.5}, hoverinfo="skip",
        )  # fmt: skip
    fig.add_hline(y=float(rows["centre"].iloc[0]), line={"color": COLOURS["target"], "dash": "dash"})
    for signalled, name, colour in (
        (False, "within", COLOURS["supply"]),
        (True, "signalled", COLOURS["bad"]),
    ):
        part = rows[(rows["signal"] != "") == signalled]
        fig.add_scatter(
            x=part["calls"], y=part["share"].round(5), mode="markers", name=name, text=part.index,
            marker={"size": 9, "color": colour}, hovertemplate="%{text}: %{y:.1%} of %{x}<extra></extra>",
        )  # fmt: skip
    worst = rows["share"].idxmax()
    at = rows.loc[worst]
    fig.add_annotation(x=at["calls"], y=at["share"], text=str(worst), ax=-70, ay=0, arrowhead=2)
    return fig.update_yaxes(tickformat=".0%", rangemode="tozero")


def next_agent(worth: pd.Series, cost: float, required: int, unit: str) -> go.Figure:
    """Worth of each further agent against what an agent costs, with the required number marked.

    Parameters
    ----------
    worth : Series
        Index the number of agents: what the last of them brings in an hour.
    cost : float
        Of an agent's hour on position.
    required : int
        Agents that the target asks for.
    unit : str
        Of worth and cost, as "EUR an hour".
    """
    fig = figure(
        title="What the last agent brings", xaxis_title="agents on position", yaxis_title=unit,
        bargap=0.25, showlegend=False, hovermode="closest",
    )  # fmt: skip
    colours = [COLOURS["supply"] if value >= cost else GREY for value in worth]
    fig.add_bar(x=worth.index, y=worth.round(2), name="worth of the last agent", marker={"color": colours})
    _level(fig, cost, 1, "what an agent costs", COLOURS["bad"], xref="paper", xanchor="right")
    text = {"text": "the target asks for this many", "arrowhead": 2, "ax": 70, "ay": -60}
    fig.add_annotation(x=required, y=float(worth[required]), **text)
    return fig.update_xaxes(dtick=1)


def save_rates(table: pd.DataFrame, given: float, published: tuple[float, float]) -> go.Figure:
    """Best agent-hours by the share of leavers kept, with the published range and the given share marked.

    Parameters
    ----------
    table : DataFrame
        `planning.studies.retention.sensitivity`.
    """
    fig = figure(
        title="If fewer are kept than is said", xaxis_title="share of the leavers kept when answered at once",
        yaxis_title="agent-hours a day",
    )  # fmt: skip
    fig.add_vrect(x0=published[0], x1=published[1], fillcolor="#E8ECF0", line_width=0, layer="below")
    x = table["save_rate"]
    _line(fig, x, table["required_h"], "the target asks for", color=COLOURS["requirement"])
    _line(fig, x, table["best_h"], "pays best", color=COLOURS["supply"])
    for at, text in ((sum(published) / 2, "published"), (given, "given")):
        fig.add_annotation(x=at, y=0.04, yref="paper", text=text, showarrow=False)
    return fig.update_yaxes(rangemode="tozero").update_xaxes(tickformat=".0%")


def moves(flows: pd.DataFrame, entry: str) -> go.Figure:
    """People hired, and promoted into each grade, month by month.

    Parameters
    ----------
    flows : DataFrame
        Index month from 0, a column per grade, as `planning.studies.hiring.CareerPlan` holds them.
    entry : str
        The grade that is hired into.
    """
    fig = figure(
        title="Hired and promoted", xaxis_title="month of the plan", yaxis_title="people", barmode="stack",
        height=430,
    )  # fmt: skip
    for number, grade in enumerate(flows.columns[flows.sum() > 0]):
        name = "hired" if grade == entry else f"promoted: {grade}"
        colour = _GRADES[number % len(_GRADES)]
        fig.add_bar(x=flows.index + 1, y=flows[grade], name=name, marker={"color": colour})
    return fig.update_xaxes(dtick=2)


def headcount(lived: pd.DataFrame, grade: str) -> go.Figure:
    """Full colleagues that a grade's people are worth against the need, with the band of what may come.

    Parameters
    ----------
    lived : DataFrame
        `planning.studies.hiring.simulate_careers`.
    grade : str
    """
    rows = lived[lived["grade"] == grade]
    month = rows["month"] + 1
    fig = figure(
        title=f"{label(grade)}s: working against the need", xaxis_title="month of the plan",
        yaxis_title="full colleagues",
    )  # fmt: skip
    fig.add_scatter(
        x=pd.concat([month, month[::-1]]), y=pd.concat([rows["high"], rows["low"][::-1]]).round(3),
        fill="toself", fillcolor="rgba(143,184,214,0.45)", line={"width": 0},
        name="nine of ten simulated futures", hoverinfo="skip",
    )  # fmt: skip
    need = {"color": COLOURS["requirement"], "dash": "dash"}
    _line(fig, month, rows["working"], "working, on average", "lines", color=COLOURS["first"])
    _line(fig, month, rows["need"], "need", "lines", **need)
    return fig


def duties(roster: pd.DataFrame, sites: Iterable[str]) -> go.Figure:
    """Who is on duty when, a row per person, in the colour of the site.

    Parameters
    ----------
    roster : DataFrame
        ROSTER.
    sites : iterable of str
        All sites of the centre.
    """
    fig = figure(
        title="Who is on duty when", height=380, barmode="overlay", margin={"l": 150}, hovermode="closest"
    )
    colours = colours_of(sites)
    for site, rows in roster.sort_values("agent_id").groupby("site", sort=False):
        hours = (rows["end"] - rows["start"]) / pd.Timedelta(milliseconds=1)
        fig.add_bar(
            x=hours, base=rows["start"], y=[str(name).replace("_", " ") for name in rows["agent_id"]],
            orientation="h", name=site_label(str(site)), marker={"color": colours[str(site)]}, width=0.6,
        )  # fmt: skip
    return fig.update_xaxes(type="date", tickformat="%a %d %b").update_yaxes(autorange="reversed")


def reach(table: pd.DataFrame, clock: str) -> go.Figure:
    """Who answers a VIP's call by hour of the day, stacked to the whole.

    Parameters
    ----------
    table : DataFrame
        `planning.studies.assignment.reach_by_hour`.
    clock : str
        Whose clock the hours are on.
    """
    fig = figure(
        title="Who answers a VIP", xaxis_title=f"hour ({clock})", yaxis_title="share of the hour's calls",
        barmode="stack", bargap=0.1,
    )  # fmt: skip
    for column, name, colour in (
        ("own", "the VIP's own manager", COLOURS["target"]),
        ("backup", "the backup", COLOURS["supply"]),
        ("team", "another manager", GREY),
    ):
        fig.add_bar(x=table.index, y=table[column].round(5), name=name, marker={"color": colour})
    return fig.update_yaxes(tickformat=".0%", range=[0, 1]).update_xaxes(dtick=2)


def flexibility(table: pd.DataFrame) -> go.Figure:
    """Part of the possible gain by how many have both skills, a curve for each number of agents fewer.

    Parameters
    ----------
    table : DataFrame
        `planning.studies.specialists.designs`; in the last row of each curve everybody has both skills.
    """
    fig = figure(
        title="A little flexibility", xaxis_title="positions in each team with both skills",
        yaxis_title="part of what everybody with both skills would gain",
    )  # fmt: skip
    colours = [COLOURS["first"], COLOURS["second"], COLOURS["bad"], GREY]
    for (fewer, own), colour in zip(table.groupby("fewer"), colours, strict=False):
        some, whole = own.iloc[:-1], own["gain"].iloc[-1]
        name = "as many agents as apart" if fewer == 0 else f"{fewer} fewer in each team"
        _line(fig, some["cross_trained"], some["gain"] / whole, name, color=colour)
        fig.data[-1].error_y = {"array": (some["half_width"] / whole).round(5), "thickness": 1}
    return fig.update_yaxes(tickformat=".0%", range=[0, 1.05]).update_xaxes(dtick=1)


def _line(fig: go.Figure, x: Any, y: pd.Series, name: str, mode: str = "lines+markers", **line: Any) -> None:
    """Draw one curve."""
    fig.add_scatter(x=x, y=y.round(5), name=name, mode=mode, line=line)


def _level(
    fig: go.Figure, y: float, x: float, text: str, colour: str = COLOURS["target"], **place: Any
) -> None:
    """Draw a dashed level and write what it is beside it."""
    fig.add_hline(y=y, line={"color": colour, "dash": "dash"})
    font = {"color": colour}
    fig.add_annotation(x=x, y=y, text=text, showarrow=False, yanchor="bottom", font=font, **place)
