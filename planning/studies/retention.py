"""The second line: its work, and what one agent more or less is worth in customers kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from planning.checks import Floats
from planning.demand.planned import mark_planned, planned_demand
from planning.errors import PlanningError
from planning.pay import position_parts
from planning.queueing import measures
from planning.staffing import requirement
from planning.systems.second_line import kept_by_interval, leavers, load_by_part, reached_in_time

if TYPE_CHECKING:
    from planning.centre import Centre
    from planning.centre.systems import SecondLine


def second_line_demand(centre: Centre, demand: pd.DataFrame) -> pd.DataFrame:
    """Derive the second line's demand from the first line's.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND that includes the first line.

    Returns
    -------
    DataFrame
        PLANNED: the second line's calls follow the first line's volume.

    Raises
    ------
    PlanningError
        The demand lacks the first line, or the centre has no settings of the second line.
    """
    settings = centre.systems.part("second_line")
    planned = planned_demand(centre, demand)
    rows = planned[planned["queue"] == settings.first_line]
    if rows.empty:
        raise PlanningError(
            f"demand has the queues {', '.join(planned['queue'].unique())}, must have {settings.first_line}: "
            "add the first line's calls"
        )
    each = load_by_part(centre, 1.0)
    share, work = each["calls"].sum(), each["hours"].sum() * 3600
    aht_s = centre.queues[settings.queue].aht_s or (work / share if share else 0.0)
    own = rows.assign(queue=settings.queue, calls=rows["calls"] * share, aht_s=aht_s)
    return mark_planned(centre, own.reset_index(drop=True))


def worth(centre: Centre, calls: ArrayLike, aht_s: ArrayLike, agents: ArrayLike) -> Floats:
    """Value of the customers kept in an interval, less the cost of callers who give up.

    Parameters
    ----------
    centre : Centre
    calls, aht_s, agents : array_like
        Those of the second line; they broadcast.
    """
    settings = centre.systems.part("second_line")
    queue, leaving, calls = centre.queues[settings.queue], leavers(centre), np.asarray(calls, float)
    hour = {"patience_s": queue.patience_s, "interval_s": float(centre.interval_s)}
    kept = settings.save_rate * reached_in_time(calls, aht_s, agents, half_s=settings.half_s, **hour)
    lost = measures(calls, aht_s, agents, **hour).abandonment
    return np.asarray(calls * (leaving * kept * settings.worth - (1 - leaving) * lost * queue.abandoned_cost))


def worth_of_staff(centre: Centre, demand: pd.DataFrame) -> pd.DataFrame:
    """Compare the staff that the target requires with the staff that pays best, interval by interval.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND of the second line, as `second_line_demand` gives it.

    Returns
    -------
    DataFrame
        interval_start, calls, aht_s, agent_cost_h (an hour on position at the mix of sites on duty, with
        shrinkage and breaks), required and best (agents), kept and kept_best (customers), net_worth and
        net_best_worth (less the agents' cost), next_worth and next_kept (of one agent more than required).

    Raises
    ------
    PlanningError
        The demand does not include the queue.
    """
    settings = centre.systems.part("second_line")
    planned = planned_demand(centre, demand)
    needed = requirement(centre, planned[planned["queue"] == settings.queue])
    table = _agent_cost(centre, settings, needed)
    load = table["calls"] * table["aht_s"] / centre.interval_s
    tried = np.arange(1, int(load.max() + 8 * np.sqrt(load.max()) + 10))
    # A row for each interval, a column for each number of agents.
    calls, aht_s, cost = (table[[name]].to_numpy() for name in ("calls", "aht_s", "agent_cost_h"))
    net = worth(centre, calls, aht_s, tried) - tried * cost * centre.interval_s / 3600
    table["best"] = tried[net.argmax(axis=1)]
    staff = {"": table["required"], "_best": table["best"], "_next": table["required"] + 1}
    for name, agents in staff.items():
        table[f"net{name}_worth"] = net[np.arange(len(table)), agents.to_numpy() - 1]
        table[f"kept{name}"] = kept_by_interval(centre, table["calls"], table["aht_s"], agents)
    table["next_worth"] = table.pop("net_next_worth") - table["net_worth"]
    table["next_kept"] = table.pop("kept_next") - table["kept"]
    return table


def _agent_cost(centre: Centre, settings: SecondLine, needed: pd.DataFrame) -> pd.DataFrame:
    """Calls, agents and the cost of an agent's hour on position by interval, over the sites on duty."""
    hour = position_parts(centre, needed).sum(axis=1) * 3600 / centre.interval_s
    keys = zip(needed["queue"], needed["site"], strict=True)
    away = [centre.teams[team].shrinkage if (team := centre.team_for(*key)) else 0.0 for key in keys]
    cost = hour * settings.paid_per_hour / (1 - np.array(away))
    rows = needed.assign(cost=cost * needed["agents"]).groupby("interval_start")
    table = rows.agg(calls=("calls", "sum"), aht_s=("aht_s", "first"), required=("agents", "sum"))
    table["agent_cost_h"] = rows["cost"].sum() / table["required"].clip(lower=1)
    return table.reset_index()


def last_agent(centre: Centre, interval: pd.Series, *, around: int = 4) -> pd.Series:
    """What the last of n agents earns in an hour, before the agent's cost, for n around the requirement.

    Parameters
    ----------
    centre : Centre
    interval : Series
        A row of `worth_of_staff`.
    around : int
        How many agents to go below and above the requirement.

    Returns
    -------
    Series
        Index n.
    """
    agents = np.arange(max(0, interval["required"] - around - 1), interval["required"] + around + 1)
    brings = worth(centre, interval["calls"], interval["aht_s"], agents)
    return pd.Series(np.diff(brings) * 3600 / centre.interval_s, index=agents[1:], name="worth_h")


def sensitivity(centre: Centre, demand: pd.DataFrame, save_rates: Iterable[float]) -> pd.DataFrame:
    """Value of the second line if it keeps fewer customers than assumed.

    Returns
    -------
    DataFrame
        A row for each save rate: save_rate, required_h and best_h (agent-hours over the demand), kept
        (customers) and net_worth with the best staff, and gain_worth (over the required staff).
    """
    rows = []
    for rate in save_rates:
        changed = centre.replace({"systems.second_line.save_rate": rate})
        table = worth_of_staff(changed, demand)
        hours = table[["required", "best"]].sum() * centre.interval_s / 3600
        net = table[["net_worth", "net_best_worth"]].sum()
        rows.append((rate, *hours, table["kept_best"].sum(), net.iloc[1], net.iloc[1] - net.iloc[0]))
    columns = ["save_rate", "required_h", "best_h", "kept", "net_worth", "gain_worth"]
    return pd.DataFrame(rows, columns=columns)
