"""The figures of the other systems' notebooks, in the house style."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from planning.report.style import COLOURS, figure

__all__ = [
    "duties",
    "flexibility",
    "funnel",
    "headcount",
    "moves",
    "next_agent",
    "reach",
    "save_rates",
    "scores",
    "verdicts",
]

_GREY = "#9AA5B1"


def verdicts(table: pd.DataFrame, risk: float, now: int) -> go.Figure:
    """Probability of each wrong verdict by the number of calls, the present number and the fair risk marked.

    Parameters
    ----------
    table : DataFrame
        `planning.studies.verdicts.best_bar`.
    risk : float
        Largest probability that counts as fair.
    now : int
        Calls on which is decided at present.
    """
    fig = figure(
        title="How often a verdict is wrong",
        xaxis_title="calls on which is decided",
        yaxis_title="probability",
    )
    for column, name, colour in (
        ("blamed", "a good operator is blamed", COLOURS["bad"]),
        ("missed", "an operator who needs help is missed", COLOURS["first"]),
    ):
        fig.add_scatter(
            x=table["calls"],
            y=table[column].round(5),
            name=name,
            mode="lines+markers",
            line={"color": colour},
        )
    fig.add_hline(y=risk, line={"color": COLOURS["target"], "dash": "dash"})
    fig.add_annotation(
        x=table["calls"].max(), y=risk, text=f"fair: at most {risk:.0%}", showarrow=False, yanchor="bottom",
        xanchor="right", font={"color": COLOURS["target"]},
    )  # fmt: skip
    fig.add_vline(x=now, line={"color": COLOURS["requirement"], "dash": "dot"})
    fig.add_annotation(
        x=now,
        y=1,
        yref="paper",
        text=f"{now} calls: one month",
        showarrow=False,
        xanchor="left",
        yanchor="top",
        xshift=6,
    )
    return fig.update_yaxes(tickformat=".0%", rangemode="tozero")


def scores(table: pd.DataFrame, mean: float) -> go.Figure:
    """Raw scores beside shrunk estimates with their intervals, a column an operator, the lowest score first.

    Parameters
    ----------
    table : DataFrame
        `planning.studies.verdicts.shrunk` with a column ``truth``.
    mean : float
        Of all operators.
    """
    rows = table.sort_values(["raw", "estimate"], ignore_index=True)
    fig = figure(
        title="What ten calls say of each operator",
        xaxis_title="operators, by their score",
        yaxis_title="share",
    )
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
        fig.add_scatter(
            x=rows.index, y=rows[column].round(5), mode="markers", name=name,
            marker={"symbol": symbol, "size": 9, "color": colour, "line": {"width": 2}},
        )  # fmt: skip
    fig.add_hline(y=mean, line={"color": COLOURS["target"], "dash": "dash"})
    fig.add_annotation(
        x=len(rows) - 1, y=mean, text="all operators", showarrow=False, xanchor="left", yanchor="bottom",
        font={"color": COLOURS["target"]}, xshift=8,
    )  # fmt: skip
    fig.update_xaxes(range=[-1, len(rows) + 4]).update_layout(hovermode="closest")
    return fig.update_yaxes(tickformat=".0%")


def funnel(chart: pd.DataFrame, title: str, unit: str) -> go.Figure:
    """Each operator's share against the number of calls, between the limits that luck keeps.

    Parameters
    ----------
    chart : DataFrame
        `planning.studies.verdicts.control_chart`.
    """
    rows = chart.sort_values("calls")
    fig = figure(title=title, xaxis_title="calls of the operator", yaxis_title=unit)
    for column, name in (("high", "limits of luck"), ("low", None)):
        fig.add_scatter(
            x=rows["calls"], y=rows[column].round(5), mode="lines", name=name, showlegend=name is not None,
            line={"color": _GREY, "shape": "hv", "width": 1.5}, hoverinfo="skip",
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
    fig.add_annotation(
        x=rows.loc[worst, "calls"], y=rows.loc[worst, "share"], text=str(worst), ax=-70, ay=0, arrowhead=2
    )
    return fig.update_yaxes(tickformat=".0%", rangemode="tozero").update_layout(hovermode="closest")


def next_agent(worth: pd.Series, cost: float, required: int) -> go.Figure:
    """Worth of each agent more against what one costs, the required number marked.

    Parameters
    ----------
    worth : Series
        Index the number of agents, roubles an hour that the last of them brings.
    cost : float
        Of an agent, roubles an hour on position.
    required : int
        Agents that the target asks for.
    """
    fig = figure(
        title="What the last agent brings", xaxis_title="agents on position", yaxis_title="roubles an hour",
        bargap=0.25,
    )  # fmt: skip
    colours = [COLOURS["supply"] if value >= cost else _GREY for value in worth]
    fig.add_bar(x=worth.index, y=worth.round(2), name="worth of the last agent", marker={"color": colours})
    fig.add_hline(y=cost, line={"color": COLOURS["bad"], "dash": "dash", "width": 2})
    fig.add_annotation(
        x=1, xref="paper", y=cost, text="what an agent costs", showarrow=False, xanchor="right",
        yanchor="bottom", font={"color": COLOURS["bad"]},
    )  # fmt: skip
    fig.add_annotation(
        x=required, y=float(worth[required]), text="the target asks for this many", arrowhead=2, ax=70, ay=-60
    )
    return fig.update_layout(showlegend=False, hovermode="closest").update_xaxes(dtick=1)


def save_rates(table: pd.DataFrame, given: float, published: tuple[float, float]) -> go.Figure:
    """Best agent-hours by the share of leavers who are kept, the published range shaded, the given marked.

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
    for column, name, colour in (
        ("required_h", "the target asks for", COLOURS["requirement"]),
        ("best_h", "pays best", COLOURS["supply"]),
    ):
        fig.add_scatter(
            x=table["save_rate"], y=table[column], name=name, mode="lines+markers",
            line={"color": colour, "width": 2.5},
        )  # fmt: skip
    marks = ((sum(published) / 2, "published"), (given, "given"))
    for x, text in marks:
        fig.add_annotation(x=x, y=0.04, yref="paper", text=text, showarrow=False)
    return fig.update_yaxes(rangemode="tozero").update_xaxes(tickformat=".0%")


_GRADES = ("#0B3C5D", "#2B93A8", "#8FD3BC", "#E69F00", "#CC79A7", "#C8401F")


def moves(flows: pd.DataFrame, entry: str) -> go.Figure:
    """People hired, and promoted into each grade, month by month.

    Parameters
    ----------
    flows : DataFrame
        Index month from 0, a column a grade, as `planning.studies.hiring.CareerPlan` holds them.
    entry : str
        The grade that is hired into.
    """
    fig = figure(
        title="Hired and promoted", xaxis_title="month of the plan", yaxis_title="people", barmode="stack",
        height=430,
    )  # fmt: skip
    for number, grade in enumerate(flows.columns[flows.sum() > 0]):
        name = "hired" if grade == entry else f"promoted: {grade}"
        fig.add_bar(
            x=flows.index + 1, y=flows[grade], name=name, marker={"color": _GRADES[number % len(_GRADES)]}
        )
    return fig.update_xaxes(dtick=2)


def headcount(lived: pd.DataFrame, grade: str) -> go.Figure:
    """What a grade's people are worth in full colleagues against the need, with the band of what may come.

    Parameters
    ----------
    lived : DataFrame
        `planning.studies.hiring.simulate_careers`.
    grade : str
    """
    rows = lived[lived["grade"] == grade]
    month = rows["month"] + 1
    fig = figure(
        title=f"{grade.capitalize()}s: working against the need", xaxis_title="month of the plan",
        yaxis_title="full colleagues",
    )  # fmt: skip
    fig.add_scatter(
        x=pd.concat([month, month[::-1]]), y=pd.concat([rows["high"], rows["low"][::-1]]).round(3),
        fill="toself", fillcolor="rgba(143,184,214,0.45)", line={"width": 0}, name="nine lives of ten",
        hoverinfo="skip",
    )  # fmt: skip
    for column, name, colour, dash in (
        ("working", "working, on average", COLOURS["first"], "solid"),
        ("need", "need", COLOURS["requirement"], "dash"),
    ):
        fig.add_scatter(
            x=month, y=rows[column].round(3), name=name, mode="lines", line={"color": colour, "dash": dash}
        )
    return fig


def duties(roster: pd.DataFrame) -> go.Figure:
    """Who is on duty when, a line a person, in the colour of the site.

    Parameters
    ----------
    roster : DataFrame
        ROSTER.
    """
    fig = figure(title="Who is on duty when", height=380, barmode="overlay", margin={"l": 150})
    for site, rows in roster.sort_values("agent_id").groupby("site", sort=False):
        hours = (rows["end"] - rows["start"]) / pd.Timedelta(milliseconds=1)
        fig.add_bar(
            x=hours, base=rows["start"], y=[str(name).replace("_", " ") for name in rows["agent_id"]],
            orientation="h", name=str(site).capitalize(), marker={"color": COLOURS[str(site)]}, width=0.6,
        )  # fmt: skip
    fig.update_xaxes(type="date", tickformat="%a %d %b").update_yaxes(autorange="reversed")
    return fig.update_layout(hovermode="closest")


def reach(table: pd.DataFrame) -> go.Figure:
    """Who answers a VIP's call by hour of the day, stacked to the whole.

    Parameters
    ----------
    table : DataFrame
        `planning.studies.assignment.reach_by_hour`.
    """
    fig = figure(
        title="Who answers a VIP", xaxis_title="hour in Moscow", yaxis_title="share of the hour's calls",
        barmode="stack", bargap=0.1,
    )  # fmt: skip
    for column, name, colour in (
        ("own", "the own manager", COLOURS["target"]),
        ("backup", "the backup", COLOURS["supply"]),
        ("team", "another manager", _GREY),
    ):
        fig.add_bar(x=table.index, y=table[column].round(5), name=name, marker={"color": colour})
    return fig.update_yaxes(tickformat=".0%", range=[0, 1]).update_xaxes(dtick=2)


def flexibility(table: pd.DataFrame) -> go.Figure:
    """Share of the gain of teams that learn each other's work, by how many of them do, a line a staffing.

    Parameters
    ----------
    table : DataFrame
        `planning.studies.specialists.designs`; the last number of seats of each staffing is everybody.
    """
    fig = figure(
        title="A little flexibility",
        xaxis_title="seats in each team with both skills",
        yaxis_title="part of what everybody with both skills would gain",
    )
    colours = [COLOURS["first"], COLOURS["second"], COLOURS["bad"], _GREY]
    for (fewer, own), colour in zip(table.groupby("fewer"), colours, strict=False):
        some, whole = own.iloc[:-1], own["gain"].iloc[-1]
        name = "as many agents as apart" if fewer == 0 else f"{fewer} fewer in each team"
        fig.add_scatter(
            x=some["cross_trained"],
            y=(some["gain"] / whole).round(5),
            error_y={"array": (some["half_width"] / whole).round(5), "thickness": 1},
            name=name,
            mode="lines+markers",
            line={"color": colour},
        )
    return fig.update_yaxes(tickformat=".0%", range=[0, 1.05]).update_xaxes(dtick=1)
