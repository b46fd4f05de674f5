"""The page itself: its controls, what is shown at once, and what is checked in the background."""

from __future__ import annotations

import base64
import html
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import pandas as pd
import plotly.graph_objects as go

from planning.app.headline import Measure, QueueDay, day_of, headline, measures_of, signed
from planning.app.live import LiveFigure, redraw
from planning.centre import clock_text
from planning.centre.money import money
from planning.demand.days import demand_for, open_days_a_week
from planning.errors import PlanningError
from planning.overflow.alternatives import wage_ratio
from planning.overflow.closing import closing_rules, hand_overs
from planning.pay import cost_of
from planning.report import figures
from planning.report.style import label, site_label
from planning.report.workbook import write_workbook
from planning.shifts import horizon
from planning.whatif import BASE, LOOSE, Scenario, apply_changes, cell, evaluate_cached, in_words, row_of
from planning.whatif.evaluation import Evaluation, Result, Staff

if TYPE_CHECKING:
    from planning.centre import Centre

CSS = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
QUIET_S = 0.7
"""Time without a move until a check begins, seconds."""
LIGHTS = {
    "holds": ("good", "It holds"),
    "too close to call": ("near", "Too close to call"),
    "does not hold": ("bad", "It does not hold"),
}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def page(
    centre: str | Path | None = None, demand: str | Path | None = None, cache: str | Path | None = None
) -> Page | widgets.HTML:
    """Make the page from files, or a message if they cannot be read.

    Parameters
    ----------
    centre, demand : path, optional
        TOML file of the centre and its demand, CSV or Parquet; by default what ``PLANNING_CENTRE`` and
        ``PLANNING_DEMAND`` name, as `planning.app.serve` sets them.
    cache : path, optional
        Folder that keeps what was checked, for all users; by default what ``PLANNING_CACHE`` names.
    """
    from planning.centre import Centre
    from planning.demand import read_demand

    paths = {
        name: given if given is not None else os.environ.get(f"PLANNING_{name.upper()}", default)
        for name, given, default in (
            ("centre", centre, "data/centre.toml"),
            ("demand", demand, "data/demand.parquet"),
            ("cache", cache, None),
        )
    }
    try:
        settings = Centre.load(paths["centre"] or "")
        records = read_demand(paths["demand"] or "", settings.time_zone)
        return Page(settings, demand_for(settings, records), cache=paths["cache"])
    except PlanningError as error:
        return widgets.HTML(_styled(_alert(str(error))))


class Page:
    """Sliders, a day of the centre, headline numbers beside today's, and whether it holds.

    The picture and the numbers come at once, from the requirement and the exact model. Shifts are found and
    simulated in the background; then the light changes.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND of one or more whole days; one is shown.
    cache : path, optional
        Folder that keeps what was checked.
    replications : int
        Of the check.
    apart : bool
        Check in a process of its own, so that the sliders stay quick.
    """

    def __init__(
        self,
        centre: Centre,
        demand: pd.DataFrame,
        *,
        cache: str | Path | None = None,
        replications: int = 20,
        apart: bool = True,
    ) -> None:
        self._centre, self._cache = centre, cache
        self._days = {f"{day:%a %d %b %Y}": rows for day, rows in _by_day(centre, demand)}
        self._week = open_days_a_week(centre, demand)
        self._how = Evaluation("shifts", replications, 1, LOOSE)
        self._today: dict[tuple[str, str], tuple[QueueDay, dict[str, float]]] = {}
        self._moves = 0
        self._checker = ThreadPoolExecutor(1, thread_name_prefix="check")
        self._worker = ProcessPoolExecutor(1, mp_context=get_context("spawn")) if apart else None
        self.controls = _controls(centre, list(self._days))
        self.message = widgets.HTML()
        self.numbers = widgets.HTML()
        self.light = widgets.HTML()
        self.download = widgets.HTML()
        self.figure = LiveFigure(self._picture(self._base()[0], centre))
        self.controls["queue"].observe(self._aimed, names="value")
        for control in self.controls.values():
            control.observe(self._moved, names="value")
        self.reset = widgets.Button(description="As today", tooltip="Put every control back")
        self.reset.on_click(self._put_back)
        self.box = self._laid_out()
        self._show({})

    # --- what it looks like ---------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return "What-if page: " + ", ".join(control.description for control in self.controls.values())

    def _repr_mimebundle_(self, **options: Any) -> Any:
        if os.environ.get("PLANNING_WIDGETS") == "0":
            return {"text/plain": f"{self!r} (open this notebook in JupyterLab to move them)"}
        self.check()
        return self.box._repr_mimebundle_(**options)

    def _laid_out(self) -> widgets.VBox:
        left = widgets.VBox([*self.controls.values(), self.reset]).add_class("whatif-controls")
        right = widgets.VBox([self.numbers, self.figure, widgets.HBox([self.light, self.download])])
        style = widgets.HTML(f"<style>{CSS}</style>")
        body = widgets.HBox([left, right.add_class("whatif-result")]).add_class("whatif-body")
        return widgets.VBox([style, self.message, body]).add_class("whatif")

    def _picture(self, day: QueueDay, centre: Centre) -> go.Figure:
        """Draw the queue with every site of the centre, with nobody where the queue is closed."""
        names = [f"agents_{site}" for site in centre.sites]
        table = day.table.assign(**{name: 0 for name in names if name not in day.table})
        fig = figures.agents_and_service(table, centre, centre.queues[day.queue].target.service_level or 0.0)
        return fig.update_layout(title=f"{label(day.queue)}: agents, and what callers meet", height=520)

    # --- what is asked --------------------------------------------------------------------------------------

    def changes(self) -> dict[str, Any]:
        """Return the changes that the controls stand for; nothing if all stand as today."""
        found: dict[str, Any] = {}
        for name, control in self.controls.items():
            if name not in ("day", "queue", "other") and control.value != control.today:
                found[_path(name, self.controls["queue"].value)] = control.write(control.value)
        typed = _typed(self.controls["other"].value)
        for name in ("unplanned", "probability"):
            if name in typed:
                raise PlanningError(
                    f"{name} is not followed here, where people are planned for each change: write it into a "
                    "file of scenarios for `planning compare`"
                )
        return found | typed

    def _scenario(self, changes: Mapping[str, Any]) -> Scenario:
        return apply_changes(Scenario(self._centre, self._days[self.controls["day"].value]), changes)

    def _base(self) -> tuple[QueueDay, dict[str, float]]:
        """Return today's day and figures of the queue shown; they are computed once."""
        key = (self.controls["day"].value, self.controls["queue"].value)
        if key not in self._today:
            scenario = self._scenario({})
            day = day_of(scenario, key[1])
            self._today[key] = (day, headline(scenario, day))
        return self._today[key]

    def _put_back(self, _: object) -> None:
        for name, control in self.controls.items():
            if name not in ("day", "queue"):
                control.value = control.today

    def _aimed(self, _: object) -> None:
        """Set the target's slider to the target of the queue shown."""
        slider, target = self.controls["target"], _target_of(self._centre, self.controls["queue"].value)
        slider.unobserve(self._moved, names="value")  # the queue's own move is answered, once
        slider.today, slider.options = target, _levels(target)
        slider.value = target
        slider.observe(self._moved, names="value")

    def _moved(self, _: object) -> None:
        """Answer a move with a picture and numbers, or with an error message."""
        self._moves += 1
        try:
            self._show(self.changes())
        except Exception as error:
            # On any error the reader sees a message and can continue.
            text = str(error) if isinstance(error, PlanningError) else f"This cannot be computed: {error!r}"
            self.message.value = _alert(text)
            self.light.value, self.download.value = _light("", "No answer to check"), ""
            return
        self.message.value = ""
        self.check()

    def _show(self, changes: Mapping[str, Any]) -> None:
        """Draw the picture first, because the reader waits for it, and then write the numbers."""
        scenario, (today, base) = self._scenario(changes), self._base()
        day = day_of(scenario, today.queue) if changes else today
        redraw(self.figure, self._picture(day, scenario.centre))
        self.numbers.value = _cards(
            measures_of(scenario.centre), headline(scenario, day) if changes else base, base
        )

    # --- whether it holds -----------------------------------------------------------------------------------

    def check(self) -> None:
        """When the controls have rested a moment, find shifts, simulate them and change the light."""
        self.light.value = _light("", "Being checked: shifts, then a simulation of them …")
        self.download.value = ""
        self._checker.submit(self._check, self._moves, self._scenario(self.changes()), self._scenario({}))

    def _check(self, move: int, scenario: Scenario, today: Scenario) -> None:
        time.sleep(QUIET_S)
        if move != self._moves:
            return
        try:
            (base, _), (now, staff) = (self._result(one) for one in (today, scenario))
            light = _verdict(scenario.centre, now, base, self._week)
            link = _link(scenario.centre, now, base, staff)
        except Exception as error:
            light, link = _light("bad", html.escape(str(error))), ""
        if move == self._moves:
            self.light.value, self.download.value = light, link

    def _result(self, scenario: Scenario) -> tuple[Result, Staff]:
        work = partial(evaluate_cached, scenario, self._how, None, self._cache)
        return self._worker.submit(work).result() if self._worker else work()


# --- controls -------------------------------------------------------------------------------------------


class _Choice(widgets.SelectionSlider):  # type: ignore[misc]  # ipywidgets is untyped
    """A slider over some values, the one of today among them."""

    def __init__(
        self, name: str, options: list[tuple[str, Any]], today: Any, write: Callable[[Any], Any]
    ) -> None:
        super().__init__(options=options, value=today, description=name)
        self.today, self.write = today, write


class _Pick(widgets.Dropdown):  # type: ignore[misc]
    """A list to pick from."""

    today: Any = None


class _Text(widgets.Text):  # type: ignore[misc]
    """A line to type."""

    today = ""


def _controls(centre: Centre, days: list[str]) -> dict[str, Any]:
    """Make the controls that make sense for the centre, each at today's value."""
    queues = [
        name for name, queue in centre.queues.items()
        if queue.pooled and queue.target.service_level is not None
    ]  # fmt: skip
    if not queues:
        raise PlanningError("no queue is pooled and has a service level: give one to look at")
    found: dict[str, Any] = {
        "day": _Pick(options=days, description="Day"),
        "queue": _Pick(options=[(label(name), name) for name in queues], description="Queue"),
    }
    for site, (at, _) in hand_overs(centre).items():
        hours = [(hour, hour) for hour in _closing_hours(centre, site, at)]
        found[f"closing_hour.{site}"] = _Choice(f"{site_label(site)} closes", hours, clock_text(at), str)
    rule = next((rule for rule in centre.overflow if rule.after_s is None), None)
    ratio = wage_ratio(centre, rule.to_site, rule.from_site) if rule else None
    if rule and ratio:
        shares = [
            (f"{share:.0%}", share)
            for share in _around(ratio, 0.05, min(0.4, ratio / 2), max(1.2, 1.5 * ratio))
        ]
        name, text = f"wages.{rule.to_site}", f"{site_label(rule.to_site)}'s wages"
        found[name] = _Choice(text, shares, ratio, lambda share: share / ratio)
    found["volume"] = _Choice("Calls", _percents(1.0, 0.05, 0.6, 1.6), 1.0, float)
    found["aht"] = _Choice("Handle time", _percents(1.0, 0.05, 0.7, 1.4), 1.0, float)
    target = _target_of(centre, queues[0])
    found["target"] = _Choice("Target", _levels(target), target, float)
    found["sickness"] = _Choice("More sick", _percents(0.0, 0.025, 0.0, 0.4), 0.0, float)
    found["other"] = _Text(
        description="Other", placeholder=f"queues.{queues[0]}.patience_s = 300", continuous_update=False
    )
    return found


def _closing_hours(centre: Centre, site: str, today: timedelta) -> list[str]:
    """Times to close at, half an hour apart, up to four hours from today's; today's among them.

    Where no overflow rule takes the callers, the site's queues close with it, and nobody knows how many
    would call later: it can close earlier only.
    """
    hours = [today + step * timedelta(minutes=30) for step in range(-8, 9)]
    opens = centre.sites[site].opens
    end = max(timedelta(days=1), today) if closing_rules(centre, site) else today
    step = timedelta(seconds=centre.interval_s)
    return [clock_text(at) for at in hours if at == today or (opens < at <= end and not at % step)]


def _target_of(centre: Centre, queue: str) -> float:
    return centre.queues[queue].target.service_level or 0.8


def _levels(target: float) -> list[tuple[str, float]]:
    """Service levels to choose from, a queue's own among them."""
    levels = sorted({target, *(level / 100 for level in (*range(60, 96, 5), *range(96, 100)))})
    return [(f"{level:.0%}", level) for level in levels]


def _path(name: str, queue: str) -> str:
    return f"queues.{queue}.target.service_level" if name == "target" else name


def _around(today: float, step: float, low: float, high: float) -> list[float]:
    """Values at equal steps, today's exactly among them."""
    steps = range(round((low - today) / step), round((high - today) / step) + 1)
    return [today + step * number if number else today for number in steps]


def _percents(today: float, step: float, low: float, high: float) -> list[tuple[str, float]]:
    text = "{:.1%}" if step < 0.05 else "{:.0%}"
    return [(text.format(value), round(value, 6)) for value in _around(today, step, low, high)]


def _typed(text: str) -> dict[str, Any]:
    """Read what was typed: a setting, an equals sign and its value."""
    if not text.strip():
        return {}
    name, equals, value = text.partition("=")
    if not (equals and value.strip()):
        raise PlanningError(f"{text!r} is no change: write a setting, = and its value, as volume = 1.1")
    return {name.strip(): cell(value)}


def _by_day(centre: Centre, demand: pd.DataFrame) -> Any:
    day = demand["interval_start"].dt.tz_convert(centre.time_zone).dt.tz_localize(None).dt.normalize()
    return demand.groupby(day)


# --- what is written ------------------------------------------------------------------------------------


def _styled(content: str) -> str:
    return f"<style>{CSS}</style><div class='whatif'>{content}</div>"


def _alert(text: str) -> str:
    return f"<div class='whatif-alert' role='alert'>{html.escape(text)}</div>"


def _light(mood: str, text: str) -> str:
    return f"<div class='whatif-light {mood}' role='status'><span class='dot'></span>{text}</div>"


def _cards(measures: Mapping[str, Measure], now: Mapping[str, float], base: Mapping[str, float]) -> str:
    cards = []
    for name, measure in measures.items():
        if name not in now:
            continue
        difference, mood = signed(measure, now[name], base.get(name, 0.0))
        cards.append(
            f"<div class='whatif-card' data-measure='{name}'><div class='title'>{measure.title}</div>"
            f"<div class='value'>{measure.write(now[name])}</div>"
            f"<div class='difference {mood}'>{difference}</div></div>"
        )
    return f"<div class='whatif-cards'>{''.join(cards)}</div>"


def _verdict(centre: Centre, now: Result, base: Result, week: int) -> str:
    """Say whether it holds, what it costs in whole shifts, and how it differs from today."""
    row = row_of(now, base)
    mood, text = LIGHTS[now.verdict]
    cost = f"{money(centre, row['cost'])} a day in whole shifts"
    if abs(row["cost_difference"]) >= 0.5:
        cost += f". Against today: {in_words(centre, row, week=week)}"
    lowest = ""
    if len(now.levels.columns):
        weak = min(now.levels, key=lambda queue: row[f"service_level_{queue}"])
        lowest = f"; lowest: {label(str(weak))}, {row[f'service_level_{weak}']:.1%} answered in time"
    return _light(mood, f"<b>{text}</b> in simulation{lowest}. {cost}.")


def _link(centre: Centre, now: Result, base: Result, staff: Staff) -> str:
    """Offer the plan as a workbook within the link, so that nothing is left on the server."""
    data = base64.b64encode(_workbook(centre, now, base, staff)).decode("ascii")
    link = f"class='whatif-download' download='what_if.xlsx' href='data:{XLSX};base64,{data}'"
    return f"<a {link}>Download as Excel</a>"


def _workbook(centre: Centre, now: Result, base: Result, staff: Staff) -> bytes:
    rows = {BASE: row_of(base, base), "what if": row_of(now, base)}
    scenarios = pd.DataFrame.from_dict(rows, orient="index").rename_axis("scenario")
    roster, times = staff.roster.roster, horizon(centre, staff.needed)
    tables = {
        "requirement": staff.needed,
        "roster": roster,
        "breaks": staff.breaks,
        "cost": cost_of(centre, roster, staff.breaks, times, staff.people.groupby("team")["owed_h"].sum()),
    }
    book = BytesIO()
    summary = {"centre": centre.name, "verdict": now.verdict, **now.figures}
    write_workbook(book, summary, tables, centre, scenarios)
    return book.getvalue()
