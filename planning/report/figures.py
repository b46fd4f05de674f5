"""The figures of the notebooks: each function takes a frame of the flow and returns one figure."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go

from planning.calendars import DAY, local_day, on_clock
from planning.centre import clock_text
from planning.overflow.closing import closing_site, hand_overs
from planning.report.style import COLOURS, GREY, colours_of, figure, label, money_axis, site_label, team_label

if TYPE_CHECKING:
    from planning.centre import Centre

# Shades of one blue-green for zones from west to east, so that the eye reads an order.
_ZONES = (
    "#0B3C5D", "#145A7A", "#1D7795", "#2B93A8", "#46AEB4", "#6BC4B8",
    "#8FD3BC", "#B1DFC2", "#CCE8CA", "#E1F0D6", "#F1F7E4",
)  # fmt: skip


def demand_by_zone(calls: pd.DataFrame, centre: Centre) -> go.Figure:
    """Calls by interval on the centre's clock, stacked by the callers' time zone.

    Parameters
    ----------
    calls : DataFrame
        Index interval_start; a column for each zone, from west to east.
    centre : Centre
        A line marks each time at which one of its sites closes.
    """
    minutes = (calls.index[1] - calls.index[0]) / pd.Timedelta(minutes=1)
    fig = figure(title="Calls by the caller's time zone", yaxis_title=f"calls in {minutes:g} minutes")
    for number, zone in enumerate(calls.columns):
        fig.add_scatter(
            x=calls.index, y=calls[zone].round(2), name=str(zone), stackgroup="zones", mode="lines",
            line={"width": 0.5, "color": "white"}, fillcolor=_ZONES[number % len(_ZONES)],
            hovertemplate="%{y:.0f}",
        )  # fmt: skip
    fig.update_layout(legend={"traceorder": "normal", "font": {"size": 12}}, height=430)
    return _mark(fig, centre, calls.index)


def requirement_and_supply(
    times: pd.DatetimeIndex, required: pd.Series, supplied: pd.Series, title: str
) -> go.Figure:
    """Heads required as a line over the heads that the shifts put on position as an area."""
    fig = figure(title=title, yaxis_title="people on position")
    return _required_and_supplied(fig, times, required, supplied, COLOURS["supply"])


def _required_and_supplied(
    fig: go.Figure, times: pd.Index, required: pd.Series, supplied: pd.Series, colour: str, **place: Any
) -> go.Figure:
    curves = {
        "on position, breaks left out": (supplied, {"width": 1, "color": colour}, "tozeroy"),
        "required": (required, {"width": 2, "color": COLOURS["requirement"]}, "none"),
    }
    for name, (heads, line, fill) in curves.items():
        fig.add_scatter(
            x=times, y=heads, name=name, mode="lines", fill=fill, line={"shape": "hv", **line},
            legendgroup=name, **place,
        )  # fmt: skip
    return fig


def agents_and_service(table: pd.DataFrame, centre: Centre, target: float) -> go.Figure:
    """Agents of each site above; service by formula and by the exact model below, on one time axis.

    Parameters
    ----------
    table : DataFrame
        `planning.service.exact_service`, with a column of agents for each site that answers.
    centre : Centre
        The first of its sites is on top; a line marks each time at which one closes.
    target : float
        Service level, drawn as a dashed line.
    """
    from plotly.subplots import make_subplots

    fig = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.55, 0.45], vertical_spacing=0.08)
    fig.update_layout(template=figure().layout.template, height=560)
    fig.update_layout(title="Agents, and what callers meet", hovermode="x unified")
    for site, colour in reversed(colours_of(centre.sites).items()):
        if f"agents_{site}" in table:
            fig.add_scatter(
                x=table["interval_start"], y=table[f"agents_{site}"], name=site_label(site),
                stackgroup="sites", mode="lines",
                line={"shape": "hv", "width": 0.5, "color": colour}, row=1, col=1,
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
    fig.update_yaxes(title_text="agents on position", row=1, col=1)
    fig.update_yaxes(title_text="service level", tickformat=".2~%", row=2, col=1)
    return _mark(fig, centre, table["interval_start"])


def lines(table: pd.DataFrame, title: str, unit: str, target: float | None = None) -> go.Figure:
    """Columns of a table as steps over its index, the last one on top and in colour.

    Parameters
    ----------
    table : DataFrame
        Index interval_start; a column for each curve.
    title, unit : str
        Shares are written in per cent where a target is given.
    target : float, optional
        Drawn as a dashed line.
    """
    fig = figure(title=title, yaxis_title=unit, height=430)
    styles = (
        ("dot", GREY), ("dash", COLOURS["first"]), ("dashdot", COLOURS["second"]), ("solid", COLOURS["bad"]),
    )  # fmt: skip
    for name, (dash, colour) in zip(table, styles[-len(table.columns) :], strict=True):
        fig.add_scatter(
            x=table.index, y=table[name].round(5), name=str(name), mode="lines",
            line={"shape": "hv", "width": 2, "dash": dash, "color": colour},
        )  # fmt: skip
    if target is not None:
        fig.add_hline(y=target, line={"color": COLOURS["target"], "dash": "dash", "width": 1.5})
        fig.update_yaxes(tickformat=".2~%")
    return fig


def bars(values: Mapping[Any, float], title: str, unit: str) -> go.Figure:
    """A bar for each value, with its number above."""
    fig = figure(title=title, xaxis_title=unit)
    fig.add_bar(
        x=[str(name) for name in values], y=[round(float(value), 4) for value in values.values()],
        texttemplate="%{y:,.0f}", textposition="outside", marker={"color": COLOURS["supply"]},
    )  # fmt: skip
    return fig.update_layout(hovermode="closest", showlegend=False).update_xaxes(type="category")


def closing_costs(
    bounds: pd.DataFrame, table: pd.DataFrame, centre: Centre, site: str | None = None
) -> go.Figure:
    """Cost of each closing hour against the present one: the bound of every hour, whole shifts of some.

    Parameters
    ----------
    bounds : DataFrame
        `planning.whatif.least_costs` of a day, its scenarios named after their closing hour.
    table : DataFrame
        `planning.compare` of some of them.
    centre : Centre
        It says when the site closes at present.
    site : str, optional
        The site; needed where several close.

    Raises
    ------
    PlanningError
        The site is unclear.
    """
    site = closing_site(centre, site)
    present = clock_text(hand_overs(centre)[site][0])
    least = (bounds["cost"] - bounds.loc[present, "cost"]).loc[bounds.index != "base"]
    whole = table.loc[table.index.isin(least.index)]
    factor, unit = money_axis(centre, least)
    more = whole["cost_difference"]
    fig = figure(
        title=f"Closing hours against {present}", xaxis_title=f"{site_label(site)} closes at",
        yaxis_title=f"{unit} a day",
    )  # fmt: skip
    fig.add_scatter(
        x=least.index, y=(factor * least).round(4), name="if heads could be fractions",
        mode="lines+markers", line={"color": COLOURS["supply"], "width": 2},
    )  # fmt: skip
    error = {
        "array": (factor * (whole["cost_difference_high"] - more)).round(4),
        "arrayminus": (factor * (more - whole["cost_difference_low"])).round(4),
    }
    fig.add_scatter(
        x=whole.index, y=(factor * more).round(4), name="in whole shifts, with its doubt", mode="markers",
        marker={"color": COLOURS["bad"], "size": 11}, error_y={"type": "data", **error, "thickness": 1.5},
    )  # fmt: skip
    return fig.update_xaxes(type="category", categoryorder="array", categoryarray=list(least.index))


def alternatives_compared(nights: pd.DataFrame, centre: Centre) -> go.Figure:
    """Extra cost of each alternative over the first, and whether it keeps the promise."""
    more = (nights["cost_day"] - nights["cost_day"].iloc[0]) * 365
    factor, unit = money_axis(centre, more)
    colour = nights["meets"].map({True: COLOURS["supply"], False: COLOURS["bad"]})
    names = [
        name + ("" if meets else " (breaks the promise)")
        for name, meets in nights[["alternative", "meets"]].to_numpy()
    ]
    fig = figure(title="Other ways to run the night, against today's", xaxis_title=f"{unit} a year more")
    fig.add_bar(
        x=(factor * more).round(4), y=names, orientation="h", marker={"color": colour},
        texttemplate="%{x:+.1f}", textposition="outside", cliponaxis=False,
    )  # fmt: skip
    fig.update_layout(height=340, margin={"l": 240, "r": 60, "t": 50}, hovermode="closest", showlegend=False)
    return fig.update_yaxes(autorange="reversed")


def lost_by_hour(lost: pd.DataFrame, title: str) -> go.Figure:
    """Callers lost in each hour, with a bar for each column of the table."""
    fig = figure(title=title, yaxis_title="callers lost in the hour", barmode="group")
    colours = [COLOURS["bad"], COLOURS["supply"], COLOURS["target"]]
    for name, colour in zip(lost, cycle(colours)):
        fig.add_bar(
            x=[f"{hour:%H:%M}" for hour in lost.index], y=lost[name].round(3), name=str(name),
            marker={"color": colour}, texttemplate="%{y:.0f}", textposition="outside",
        )  # fmt: skip
    return fig.update_xaxes(type="category")


def service_levels(outcome: pd.DataFrame) -> go.Figure:
    """Target, promise and simulated service level with its band, in a row for each queue."""
    names = [label(str(name)) for name in outcome.index]
    fig = figure(title="Promised, and met in simulation", xaxis_title="service level")
    # A share lies between 0 and 1, and its band is drawn within them.
    above = outcome["half_width"].clip(upper=1 - outcome["simulated"])
    below = outcome["half_width"].clip(upper=outcome["simulated"])
    fig.add_scatter(
        x=outcome["simulated"].round(5), y=names, mode="markers", name="simulated, 95 % band",
        error_x={
            "type": "data", "thickness": 2, "array": above.round(5), "arrayminus": below.round(5),
        },
        marker={"size": 11, "color": COLOURS["first"]},
    )  # fmt: skip
    for column, symbol, colour in (
        ("promised", "diamond-open", "requirement"),
        ("target", "line-ns-open", "target"),
    ):
        fig.add_scatter(
            x=outcome[column].round(5), y=names, mode="markers", name=column,
            marker={"symbol": symbol, "size": 13, "color": COLOURS[colour], "line": {"width": 2}},
        )  # fmt: skip
    fig.update_layout(hovermode="closest", height=180 + 32 * len(names), margin={"l": 110})
    return fig.update_xaxes(tickformat=".2~%").update_yaxes(autorange="reversed")


def cost_bars(cost: pd.DataFrame, centre: Centre) -> go.Figure:
    """Cost by team and part, the dearest team first; parts that cost nothing are left out."""
    ordered = cost.sort_values("total_cost", ascending=False)
    names = [team_label(*row) for row in ordered[["team", "site"]].itertuples(index=False)]
    factor, unit = money_axis(centre, cost["total_cost"])
    fig = figure(title="What it costs", xaxis_title=unit, barmode="stack")
    for column, name, colour in (
        ("base_cost", "hours", COLOURS["supply"]),
        ("night_cost", "night premium", COLOURS["requirement"]),
        ("holiday_cost", "holiday premium", COLOURS["bad"]),
        ("weekend_cost", "weekend premium", COLOURS["first"]),
        ("idle_cost", "idle hours", "#56B4E9"),
        ("rides_cost", "rides home", "#CC79A7"),
        ("seats_cost", "more desks", GREY),
        ("turnover_cost", "hiring and teaching", COLOURS["second"]),
        ("leaders_cost", "heads of team", COLOURS["target"]),
    ):
        if not ordered[column].any():
            continue
        fig.add_bar(
            x=(factor * ordered[column]).round(5), y=names, name=name, orientation="h",
            marker={"color": colour}, hovertemplate="%{x:,.2f}",
        )  # fmt: skip
    fig.update_layout(height=170 + 22 * len(names), margin={"l": 160}, hovermode="y unified")
    return fig.update_yaxes(autorange="reversed")


def closings(centre: Centre, times: pd.DatetimeIndex) -> dict[pd.Timestamp, str]:
    """Say at which instants among times a site of the centre closes or hands its callers over, and which.

    Examples
    --------
    >>> from planning import Centre
    >>> times = pd.date_range("2026-11-23", periods=96, freq="15min", tz="Europe/Moscow")
    >>> [*closings(Centre.load(), times).values()]
    ['22:00 Moscow closes']
    """
    found: dict[pd.Timestamp, list[str]] = {}
    days = local_day(times).unique()
    days = days.insert(0, days[0] - DAY)  # hours may end after midnight
    for site, (at, weekdays) in hand_overs(centre).items():
        verb = "closes" if at == centre.sites[site].closes else "hands over"
        for day in days[[f"{day:%a}".lower() in weekdays for day in days]]:
            found.setdefault(on_clock(day + at, times.tz), []).append(f"{site_label(site)} {verb}")
    inside = {at: texts for at, texts in sorted(found.items()) if times[0] < at <= times[-1]}
    return {at: f"{at:%H:%M} {', '.join(texts)}" for at, texts in inside.items()}


def _mark(fig: go.Figure, centre: Centre, times: pd.DatetimeIndex | pd.Series) -> go.Figure:
    """Draw a line where a site closes; each text is written once, the next a line below."""
    told: list[str] = []
    for at, text in closings(centre, pd.DatetimeIndex(times)).items():
        fig.add_vline(x=at, line={"color": COLOURS["requirement"], "width": 1, "dash": "dot"})
        if text not in told:
            fig.add_annotation(
                x=at, y=1, yref="paper", text=text, showarrow=False, xanchor="right", yanchor="top",
                yshift=-18 * len(told), font={"size": 12}, bgcolor="rgba(255,255,255,0.7)",
            )  # fmt: skip
            told.append(text)
    return fig


def burdens(before: pd.Series, after: pd.Series, title: str, unit: str) -> go.Figure:
    """How many people carry how much of a burden, in two rosters beside each other.

    Parameters
    ----------
    before, after : Series
        Burden of each person, whole numbers.
    """
    fig = figure(title=title, xaxis_title=unit, yaxis_title="people on staff", barmode="group")
    for values, name, colour in ((before, "before", "bad"), (after, "after", "target")):
        counts = values.value_counts().sort_index()
        fig.add_bar(
            x=counts.index.astype(int), y=counts.to_numpy(), name=name, marker={"color": COLOURS[colour]}
        )
    return fig.update_xaxes(dtick=1).update_yaxes(dtick=1).update_layout(hovermode="closest")


def ranked(values: pd.Series, title: str, unit: str) -> go.Figure:
    """A bar for each row of a series, the largest on top, with its number."""
    ordered = values.sort_values()
    fig = figure(title=title, xaxis_title=unit)
    fig.add_bar(
        x=ordered.round(2), y=[str(name) for name in ordered.index], orientation="h",
        texttemplate="%{x:,.0f}", textposition="outside", cliponaxis=False,
        marker={"color": COLOURS["supply"]},
    )  # fmt: skip
    return fig.update_layout(hovermode="closest", showlegend=False, margin={"l": 190, "r": 60})


def certificate_days(table: pd.DataFrame) -> go.Figure:
    """Promised and simulated service level with its band, day by day, in a panel for each queue.

    Parameters
    ----------
    table : DataFrame
        Index queue, day; target, promised, simulated, half_width, as `planning.simulation.certificate` gives.
    """
    from plotly.subplots import make_subplots

    queues = list(dict.fromkeys(table.index.get_level_values("queue")))
    titles = [label(str(name)) for name in queues]
    fig = make_subplots(rows=1, cols=len(queues), shared_yaxes=True, subplot_titles=titles)
    fig.update_layout(template=figure().layout.template, height=440, hovermode="closest")
    fig.update_layout(legend={"y": 1.12}, margin={"t": 120})
    for at, queue in enumerate(queues, start=1):
        rows = table.loc[queue]
        days = [f"{day:%a}" for day in rows.index]
        fig.add_scatter(
            x=days, y=rows["simulated"].round(5), mode="markers", name="simulated, 95 % band",
            error_y={"type": "data", "array": rows["half_width"].round(5), "thickness": 2},
            marker={"size": 9, "color": COLOURS["first"]}, showlegend=at == 1, row=1, col=at,
        )  # fmt: skip
        for column, colour, dash in (("promised", "requirement", "dot"), ("target", "target", "dash")):
            fig.add_scatter(
                x=days, y=rows[column].round(5), mode="lines", name=column, showlegend=at == 1,
                line={"color": COLOURS[colour], "dash": dash, "width": 2}, row=1, col=at,
            )  # fmt: skip
    fig.update_layout(title="Service level of each day: promised, and met in simulation")
    return fig.update_yaxes(tickformat=".0%").update_yaxes(title_text="service level", col=1)


def differences(table: pd.DataFrame, title: str, unit: str) -> go.Figure:
    """A dot for each row with its 95 % band, the largest on top.

    Parameters
    ----------
    table : DataFrame
        Index the name; difference and half_width, as `planning.simulation.difference` gives.
    """
    ordered = table.sort_values("difference")
    fig = figure(title=title, xaxis_title=unit, hovermode="closest", height=360)
    fig.add_scatter(
        x=ordered["difference"].round(5), y=[str(name) for name in ordered.index], mode="markers",
        error_x={"type": "data", "array": ordered["half_width"].round(5), "thickness": 2},
        marker={"size": 11, "color": COLOURS["first"]}, showlegend=False,
    )  # fmt: skip
    fig.add_vline(x=0, line={"color": COLOURS["requirement"], "width": 1})
    return fig.update_layout(margin={"l": 190})


def half_widths(table: pd.DataFrame) -> go.Figure:
    """Half-width of the 95 % band by the number of replications, a curve for each measure, on log scales."""
    fig = figure(
        title="How sure is a simulated service level?", xaxis_title="replications",
        yaxis_title="half-width of the band, points",
    )  # fmt: skip
    for name, colour in colours_of(table).items():
        fig.add_scatter(
            x=table.index, y=(100 * table[name]).round(5), mode="lines+markers", name=str(name),
            line={"color": colour, "width": 2},
        )  # fmt: skip
    ticks = [int(number) for number in table.index]
    steps = [mantissa * 10.0**power for power in range(-4, 3) for mantissa in (1, 2, 5)]
    return fig.update_xaxes(type="log", tickvals=ticks).update_yaxes(
        type="log", tickvals=steps, ticktext=[f"{step:g}" for step in steps]
    )


def supply_by_site(table: pd.DataFrame, centre: Centre) -> go.Figure:
    """Heads on position at each site as an area, those required as a line over it, one site below another.

    Parameters
    ----------
    table : DataFrame
        Index interval_start; for each site a column ``required_<site>`` and ``supplied_<site>``.
    centre : Centre
        Its sites stand from the top down; a line marks each time at which one closes.
    """
    from plotly.subplots import make_subplots

    sites = {site: colour for site, colour in colours_of(centre.sites).items() if f"required_{site}" in table}
    fig = make_subplots(
        rows=len(sites), cols=1, shared_xaxes=True, shared_yaxes="all",
        vertical_spacing=0.2 / len(sites), subplot_titles=[site_label(site) for site in sites],
    )  # fmt: skip
    fig.update_layout(template=figure().layout.template, height=260 * len(sites) + 60)
    for row, (site, colour) in enumerate(sites.items(), start=1):
        heads = table[f"required_{site}"], table[f"supplied_{site}"]
        _required_and_supplied(fig, table.index, *heads, colour, row=row, col=1, showlegend=row == 1)
    marks = closings(centre, pd.DatetimeIndex(table.index))
    for at in marks:
        fig.add_vline(x=at, line={"color": COLOURS["requirement"], "width": 1, "dash": "dot"})
    fig.update_yaxes(title_text="people on position")
    title = "; ".join(["Required, and on position", *dict.fromkeys(marks.values())])
    return fig.update_layout(title=title, hovermode="x unified", margin={"t": 100})


def changes(values: Mapping[Any, float], title: str, unit: str) -> go.Figure:
    """What each choice adds or saves, as a bar to the right or to the left with its number."""
    numbers = [round(float(value), 4) for value in values.values()]
    fig = figure(title=title, xaxis_title=unit, height=90 + 60 * len(numbers))
    fig.add_bar(
        x=numbers, y=[str(name) for name in values], orientation="h", texttemplate="%{x:+,.0f}",
        textposition="outside", cliponaxis=False,
        marker={"color": [COLOURS["bad" if number > 0 else "target"] for number in numbers]},
    )  # fmt: skip
    fig.add_vline(x=0, line={"color": COLOURS["requirement"], "width": 1})
    fig.update_layout(hovermode="closest", showlegend=False, margin={"l": 220, "r": 60})
    return fig.update_yaxes(autorange="reversed", showgrid=False)
