"""What a queue would cost with other promises: agents, hours and money of its requirement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from planning.demand.planned import planned_demand
from planning.pay import agents_cost
from planning.staffing import requirement, requirement_at

if TYPE_CHECKING:
    from planning.centre import Centre


def price_of(
    centre: Centre, demand: pd.DataFrame, queue: str, options: Mapping[Any, Mapping[str, Any]]
) -> pd.DataFrame:
    """Price a queue's agents on position with other settings, mostly other promises.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND; if the queue is work that waits, it must include the calls from which the work comes.
    queue : str
    options : mapping
        Name of each option to its changes, as `Centre.replace` takes them.

    Returns
    -------
    DataFrame
        Index option: peak, agent_hours, cost. Breaks and shrinkage are not included.

    Raises
    ------
    PlanningError
        A change is not possible, or a promise leaves too little time to be kept.

    Examples
    --------
    >>> from planning import Centre
    >>> noon = pd.date_range("2026-11-23 12:00", periods=4, freq="15min", tz="Europe/Moscow")
    >>> calls = pd.DataFrame({"queue": "vip", "interval_start": noon, "calls": 6.0, "aht_s": 200.0})
    >>> faster = {s: {"queues.vip.target.threshold_s": s} for s in (5, 20)}
    >>> price_of(Centre.load(), calls, "vip", faster)["peak"].to_dict()
    {5: 4, 20: 4}
    """
    planned = planned_demand(centre, demand)
    needed = {name: requirement(centre.replace(dict(each)), planned) for name, each in options.items()}
    return priced(centre, queue, needed).rename_axis("option")


def price_of_certainty(
    centre: Centre, forecast: pd.DataFrame, queue: str, probabilities: Iterable[float]
) -> pd.DataFrame:
    """Price a queue's agents on position by the probability of meeting its target.

    Returns
    -------
    DataFrame
        A row for each probability: peak, agent_hours, cost, and cost_point, the cost of each percentage point
        beyond the row before.
    """
    needed = {each: requirement_at(centre, forecast, each) for each in probabilities}
    table = priced(centre, queue, needed).reset_index(names="probability")
    return table.assign(cost_point=table["cost"].diff() / (100 * table["probability"].diff()))


def priced(centre: Centre, queue: str, needed: Mapping[Any, pd.DataFrame]) -> pd.DataFrame:
    """Peak, agent-hours and cost of one queue in each of several requirements."""
    rows = {}
    for name, table in needed.items():
        own = table[table["queue"] == queue]
        rows[name] = {
            "peak": own.groupby("interval_start")["agents"].sum().max(),
            "agent_hours": float(own["agents"].sum() * centre.interval_s / 3600),
            "cost": agents_cost(centre, own),
        }
    return pd.DataFrame.from_dict(rows, orient="index")
