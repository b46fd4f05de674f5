"""What the page shows at once, from the requirement and the exact model, beside the base."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from planning.calendars import hours_within
from planning.centre.money import money
from planning.errors import PlanningError
from planning.overflow.night import position_pay
from planning.service import exact_service
from planning.staffing import requirement
from planning.systems.quality import with_reviews
from planning.whatif import Scenario

if TYPE_CHECKING:
    from planning.centre import Centre


class QueueDay(NamedTuple):
    """The day of the queue shown.

    Attributes
    ----------
    queue : str
    table : DataFrame
        `planning.service.exact_service`, with a column of agents for every site.
    """

    queue: str
    table: pd.DataFrame


class Measure(NamedTuple):
    """How a figure and a difference are written; whether more is better (+1), worse (-1) or neither (0)."""

    title: str
    write: Callable[[float], str]
    write_difference: Callable[[float], str]
    better: int


_whole, _share = "{:,.0f}".format, "{:.1%}".format


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def measures_of(centre: Centre) -> dict[str, Measure]:
    """Pay of the required heads, agents of all queues and sites, and the shown queue in the exact model."""
    amount = partial(money, centre)
    return {
        "cost": Measure("Pay on position, a day", amount, amount, -1),
        "peak": Measure("On position at the peak", _whole, _whole, -1),
        "night": Measure("On position at the night's peak", _whole, _whole, 0),
        "service_level": Measure("Answered in time, day", _share, _points, 1),
        "worst": Measure("Answered in time, worst interval", _share, _points, 1),
    }


def day_of(scenario: Scenario, queue: str) -> QueueDay:
    """Staff a queue of a one-day scenario and compute its service by the exact model.

    Raises
    ------
    PlanningError
        The scenario cannot be planned, or the queue has no exact model.
    """
    centre, demand = scenario.centre, scenario.demand
    needed = requirement(centre, demand[demand["queue"] == queue])
    table = exact_service(centre, needed, queue)
    if not table["calls"].sum() > 0:
        raise PlanningError(f"{queue} has no calls on this day: choose another queue or day")
    return QueueDay(queue, table)


def headline(scenario: Scenario, day: QueueDay) -> dict[str, float]:
    """Staff the other queues too and return the figures by the names of `measures_of`.

    A centre that is closed at night has no figure of the night.

    Raises
    ------
    PlanningError
        The scenario cannot be planned.
    """
    # All queues at once: work that waits is done between the calls of its team, and needs no heads then.
    needed = requirement(scenario.centre, with_reviews(scenario.centre, scenario.demand))
    busy = day.table[day.table["calls"] > 0]
    together = needed.groupby("interval_start")["agents"].sum()
    starts, labour = pd.DatetimeIndex(together.index), scenario.centre.labour
    ends = starts + pd.Timedelta(seconds=scenario.centre.interval_s)
    night = together[hours_within(starts, ends, labour.night_from, labour.night_until) > 0]
    return {
        "cost": sum(position_pay(scenario.centre, needed).values()),
        "peak": float(together.max()),
        **({"night": float(night.max())} if len(night) else {}),
        "service_level": float(np.average(busy["service_level"], weights=busy["calls"])),
        "worst": float(busy["service_level"].min()),
    }


def signed(measure: Measure, now: float, base: float) -> tuple[str, str]:
    """Write a difference with its sign, and say whether it is good, bad or neither.

    Examples
    --------
    >>> from planning import Centre
    >>> measures = measures_of(Centre.load())
    >>> signed(measures["peak"], 170.0, 167.0)
    ('+3', 'bad')
    >>> signed(measures["service_level"], 0.95, 0.95)
    ('as today', '')
    """
    gain = now - base
    text = measure.write_difference(abs(gain))
    if text == measure.write_difference(0.0):
        return "as today", ""
    mood = {1: "good", -1: "bad", 0: ""}[measure.better * (1 if gain > 0 else -1)]
    return ("+" if gain > 0 else "−") + text, mood
