"""A plan as a page: whether it holds, who is on position when, what callers meet, what it costs."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from math import inf
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.centre import Centre
from planning.centre.describe import days_text
from planning.centre.money import money
from planning.report import figures
from planning.report.style import Bundle, label, plain, site_label, team_label
from planning.shifts import horizon


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
    import nbformat.v4 as nbformat

    heads, cost = heads_by_site(tables, centre), tables["cost"]
    parts = {
        "Who is on position": Bundle(figures.supply_by_site(heads, centre), _peaks(heads, centre)),
        "What it costs": Bundle(figures.cost_bars(cost, centre), _costs(cost, centre)),
    }
    levels = pd.DataFrame.from_dict(summary["service_level"], orient="index")
    if len(levels):
        edges = np.array([*levels["band_95"]]) - levels[["simulated"]].to_numpy()
        levels["half_width"] = np.abs(edges).max(axis=1)  # the band is cut off at 0 and 1
        parts["What callers meet"] = Bundle(figures.service_levels(levels), _levels(levels))
    cells = [nbformat.new_markdown_cell(_opening(summary, centre))]
    for title, bundle in parts.items():
        cells += [nbformat.new_markdown_cell(f"## {title}"), figure_cell(bundle)]
    if summary["trimmed"]:
        told = (
            f"The plan {trimmed_text(summary, centre)}. Heads were taken away where the simulation keeps "
            "more than is promised, and added where it keeps less. The last columns say what one point of "
            "service level less saves and one more costs in these days."
        )
        title = "## What was given up, and the price of a promise"
        cells += [
            nbformat.new_markdown_cell(f"{title}\n\n{told}".replace("$", r"\$")),
            _table_cell(_trimmed_table(summary, centre)),
            nbformat.new_markdown_cell("### Why no further head was taken"),
            _table_cell(_stopped_table(summary)),
        ]
    if summary["systems"]:  # a plan of nobody has none
        systems = pd.DataFrame.from_dict(summary["systems"], orient="index")
        systems = systems[["on_staff", "paid_hours", "cost"]].rename(index=label, columns=label)
        systems["Paid hours"] = systems["Paid hours"].map("{:,.0f}".format)
        systems["Cost"] = [money(centre, cost) for cost in systems["Cost"]]
        cells += [nbformat.new_markdown_cell("## System by system"), _table_cell(systems)]
        names = cost.set_index("team")["site"]
        hours = pd.DataFrame.from_dict(summary["hours"], orient="index").map("{:,.0f}".format)
        hours["most idle on"] = [_most_idle_on(summary, team) for team in hours.index]
        hours = hours.rename(columns=label, index=lambda team: team_label(team, names[team]))
        told = (
            "The contracts of the people on staff hold the hours owed in these days. Idle hours are paid "
            "and no shift fills them: offer them as training or time off."
        )
        cells += [nbformat.new_markdown_cell(f"## Hours owed and worked\n\n{told}"), _table_cell(hours)]
    return nbformat.new_notebook(cells=cells)


def heads_text(summary: Mapping[str, Any]) -> str:
    """Say how many people are on staff, on shift and on position.

    Examples
    --------
    >>> on_shift = {"2026-11-23": 6, "2026-11-24": 5}
    >>> heads_text({"people": {"on_staff": 9, "on_shift": on_shift, "on_position": 4}})
    '9 on staff, at most 6 on shift in a day and 4 on position at once'
    """
    people = summary["people"]
    shift = max(people["on_shift"].values(), default=0)
    return (
        f"{people['on_staff']:,} on staff, at most {shift:,} on shift in a day and {people['on_position']:,} "
        "on position at once"
    )


def kept_text(level: Mapping[str, Any]) -> str:
    """Say how often a promise is kept.

    Examples
    --------
    >>> kept_text({"over": "day", "kept": 0.93, "kept_band_95": [0.914, 0.946]})
    'kept on 93 % of days (95 % band 91-95)'
    """
    low, high = level["kept_band_95"]
    word = "on" if level["over"] == "day" else "in"
    return (
        f"kept {word} {100 * level['kept']:.0f} % of {level['over']}s "
        f"(95 % band {100 * low:.0f}-{100 * high:.0f})"
    )


def promises_text(summary: Mapping[str, Any], name: Callable[[str], str] = str) -> str:
    """Say of each queue how often its promise is kept, or how old its waiting work gets.

    Examples
    --------
    >>> email, post = {"oldest_days": 1.25, "due_days": 2.0}, {"oldest_days": inf, "due_days": 1.0}
    >>> promises_text({"service_level": {}, "waiting": {"email": email, "post": post}})
    'email done within 1.2 days, promised within 2 days; post never done, promised within 1 day'
    """
    calls = {queue: kept_text(level) for queue, level in summary["service_level"].items()}
    work = {queue: _done_text(**row) for queue, row in summary["waiting"].items()}
    return "; ".join(f"{name(queue)} {text}" for queue, text in {**calls, **work}.items())


def _done_text(oldest_days: float, due_days: float) -> str:
    done = "never done" if oldest_days == inf else f"done within {days_text(oldest_days)}"
    return f"{done}, promised within {days_text(due_days)}"


def trimmed_text(summary: Mapping[str, Any], centre: Centre) -> str:
    """Say what a trimmed plan gave up, what that saved, and what no plan can go below; empty if it was not.

    Examples
    --------
    >>> trimmed = {"given_up_h": 12.5, "saved": 900.0, "least_cost": 4000.0}
    >>> trimmed_text({"trimmed": trimmed, "cost": {"total": 5000.0}}, Centre.load())  # doctest: +ELLIPSIS
    'gave up 12 hours of heads, which saves...cost less than..., 20 % below this one'
    """
    trimmed = summary["trimmed"]
    if not trimmed:
        return ""
    hours, saved, least = trimmed["given_up_h"], trimmed["saved"], trimmed["least_cost"]
    below = 1 - least / summary["cost"]["total"]
    return (
        f"{'gave up' if hours >= 0 else 'added'} {abs(hours):,.0f} hours of heads, which "
        f"{'saves' if saved >= 0 else 'costs'} {money(centre, abs(saved))}; no plan can cost less than "
        f"{money(centre, least)}, {100 * below:.0f} % below this one"
    )


def _trimmed_table(summary: Mapping[str, Any], centre: Centre) -> pd.DataFrame:
    """What each queue gave up, and what a point of its promise costs."""
    rows = pd.DataFrame.from_dict(summary["trimmed"]["queues"], orient="index")
    shown = rows[["given_up_h"]].map("{:,.0f}".format)
    shown[["before", "after"]] = rows[["before", "after"]].map("{:.1%}".format)
    prices = ["a_point_less_saves", "a_point_more_costs"]
    shown[prices] = rows[prices].map(lambda amount: money(centre, amount))
    return shown.rename(index=label, columns=label)


def _stopped_table(summary: Mapping[str, Any]) -> pd.DataFrame:
    """What fewer heads would do, by queue (column) and day."""
    queues = summary["trimmed"]["queues"].items()
    return pd.DataFrame({label(name): row["stopped"] for name, row in queues})


def _employ_text(summary: Mapping[str, Any], centre: Centre) -> str:
    """Name the teams that must employ people, and those who move to another team."""
    teams = summary["employ"].items()
    wanted = [f"{count:,} in {team_label(team, centre.teams[team].site)}" for team, count in teams]
    reasons = [f"{label(team)}: {why}" for team, why in summary["employ_for"].items()]
    texts = {
        "To employ": ", ".join(wanted),
        "Decided by": "; ".join(reasons),
        "To move": "; ".join(moves_text(summary)),
    }
    return "".join(f" {name}: {text}." for name, text in texts.items() if text)


def moves_text(summary: Mapping[str, Any]) -> list[str]:
    """Name the people who move to another team.

    Examples
    --------
    >>> moves_text({"move": [{"agent_id": name, "from": "mail", "to": "calls"} for name in ("ann", "bob")]})
    ['ann and bob from mail to calls']
    """
    moves: dict[tuple[str, str], list[str]] = {}
    for one in summary["move"]:
        moves.setdefault((one["from"], one["to"]), []).append(one["agent_id"])
    return [f"{' and '.join(who)} from {before} to {after}" for (before, after), who in moves.items()]


def idle_text(summary: Mapping[str, Any]) -> list[str]:
    """Name the teams that are paid for hours which no shift fills, the most idle first.

    Examples
    --------
    >>> days = {"2026-11-23": 4.0, "2026-11-24": 8.0}
    >>> idle_text({"hours": {"vip": {"idle": 12.0}}, "idle_hours": {"vip": days}})
    ['12 h in vip, most on Tuesday 24 November']
    """
    idle = {team: hours["idle"] for team, hours in summary["hours"].items() if hours["idle"] >= 0.5}
    lines = []
    for team in sorted(idle, key=lambda team: -idle[team]):
        day = _most_idle_on(summary, team)
        lines.append(f"{idle[team]:,.0f} h in {team}" + (f", most on {day}" if day else ""))
    return lines


def _most_idle_on(summary: Mapping[str, Any], team: str) -> str:
    """Name the day with most idle hours of a team; empty if it has none, or the plan has one day."""
    days = summary["idle_hours"].get(team, {})
    if len(days) < 2:
        return ""
    day = pd.Timestamp(max(days, key=lambda day: days[day]))
    return f"{day:%A} {day.day} {day:%B}"


def heads_by_site(tables: Mapping[str, pd.DataFrame], centre: Centre) -> pd.DataFrame:
    """Count the heads required and on position at each site, breaks left out, in each interval of a plan.

    A plan stands for one of a run of like ones: whoever works past its end is there at its beginning.

    Parameters
    ----------
    tables : mapping
        Its REQUIREMENT, ROSTER and BREAKS as `requirement`, `roster` and `breaks`.
    centre : Centre

    Returns
    -------
    DataFrame
        Index interval_start; for each site a column ``required_<site>`` and ``supplied_<site>``.
    """
    needed, roster, breaks = (tables[name] for name in ("requirement", "roster", "breaks"))
    times = horizon(centre, needed)
    length = times[-1] - times[0] + pd.Timedelta(seconds=centre.interval_s)
    away = breaks.assign(site=breaks["agent_id"].map(roster.groupby("agent_id")["site"].first()))
    required = needed.pivot_table(
        index="interval_start", columns="site", values="rostered", aggfunc="sum", fill_value=0
    )
    required.index = pd.DatetimeIndex(required.index).tz_convert(times.tz)
    # Closed hours too, or a figure would draw the evening's heads through the night.
    found = required.reindex(times, fill_value=0).add_prefix("required_")
    for site in required:
        here, out = (rows[rows["site"] == site] for rows in (roster, away))
        found[f"supplied_{site}"] = sum(
            _present(found.index + shift, here) - _present(found.index + shift, out)
            for shift in (pd.Timedelta(0), length)
        )
    return found


def _present(times: pd.Index, spans: pd.DataFrame) -> NDArray[np.intp]:
    """Count the spans that hold each instant."""
    begun, ended = (np.sort(spans[edge].dt.tz_convert("UTC").to_numpy()) for edge in ("start", "end"))
    at = pd.DatetimeIndex(times).tz_convert("UTC").to_numpy()
    found: NDArray[np.intp] = np.searchsorted(begun, at, "right") - np.searchsorted(ended, at, "right")
    return found


def _opening(summary: Mapping[str, Any], centre: Centre) -> str:
    """Write the question and its answer, and what is wrong if something is."""
    answer = "Yes" if summary["holds"] else "No"
    first, last = (
        pd.Timestamp(summary[edge]).tz_convert(centre.time_zone)
        for edge in ("first_interval", "last_interval")
    )
    idle = sum(hours["idle"] for hours in summary["hours"].values())
    until = last + pd.Timedelta(seconds=centre.interval_s)
    wrong = [
        *summary["short"],
        *(
            f"{summary[name]:,} {text}"
            for name, text in (
                ("unmet_heads", "heads of shifts that nobody could fill"),
                ("breaches", "breaches of the rules of the roster"),
            )
            if summary[name]
        ),
        *(
            f"{label(queue)}: {level['simulated']:.1%} answered in time, {level['target']:.0%} promised"
            for queue, level in summary["service_level"].items()
            if level["simulated"] < level["target"]
        ),
    ]
    return "\n\n".join(
        [
            f"# {plain(summary['centre'])}: does the plan hold?",
            f"**{answer}**: {summary['paid_hours']:,.0f} hours of shifts and {idle:,.0f} idle hours cost "
            f"{money(centre, summary['cost']['total'])}; with lost customers it is "
            f"{money(centre, summary['cost_with_customers'])}. People: {heads_text(summary)}."
            + _employ_text(summary, centre),
            "\n".join(f"- {html.escape(text)}" for text in wrong),
            f"Promises: {promises}." if (promises := promises_text(summary, label)) else "",
            f"From {_moment(first)} to {_moment(until)}, on the clock of {centre.time_zone}, "
            f"simulated {summary['replications']} times.",
        ]
    ).replace("$", r"\$")  # in Markdown, two dollars enclose a formula


def _moment(time: pd.Timestamp) -> str:
    return f"{time:%A} {time.day} {time:%B %Y, %H:%M}"


def _peaks(heads: pd.DataFrame, centre: Centre) -> dict[str, str]:
    """Most heads required and on position, by the name of the site."""
    return {
        site_label(site): f"at most {heads[f'required_{site}'].max()} required, "
        f"{heads[f'supplied_{site}'].max()} on position"
        for site in centre.sites
        if f"required_{site}" in heads
    }


def _costs(cost: pd.DataFrame, centre: Centre) -> dict[str, str]:
    """Cost by the name of the team, the dearest first."""
    ordered = cost.sort_values("total_cost", ascending=False)
    return {
        team_label(team, site): money(centre, total)
        for team, site, total in ordered[["team", "site", "total_cost"]].itertuples(index=False)
    }


def _levels(levels: pd.DataFrame) -> dict[str, str]:
    """Simulated service level with its band and how often it is kept, by the name of the queue."""
    return {
        label(str(queue)): f"{row['simulated']:.1%} ± {100 * row['half_width']:.1f} points, {kept_text(row)}"
        for queue, row in levels.iterrows()
    }


def figure_cell(bundle: Bundle) -> Any:
    """Show a figure without code."""
    return _cell({"application/vnd.plotly.v1+json": bundle.spec, "text/plain": bundle.text})


def _table_cell(table: pd.DataFrame) -> Any:
    return _cell({"text/html": table.to_html(), "text/plain": str(table)})


def _cell(shown: Mapping[str, Any]) -> Any:
    """Show something without code: the readers of a plan's page have written none."""
    import nbformat.v4 as nbformat

    output = nbformat.new_output("display_data", dict(shown))
    return nbformat.new_code_cell("", execution_count=1, outputs=[output])
