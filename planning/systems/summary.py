"""What each system costs in a plan, with one figure that says whether it does its work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from planning.systems.careers import hires_for
from planning.systems.second_line import customers_kept
from planning.tables import CAREERS_COSTS, TEAM_COSTS

if TYPE_CHECKING:
    from planning.centre import Centre

_DUTY = "duty"


def systems_of(
    centre: Centre,
    requirement: pd.DataFrame,
    staff: pd.DataFrame,
    unmet: pd.DataFrame,
    cost: pd.DataFrame,
    queues: pd.DataFrame,
    waiting: pd.DataFrame,
) -> pd.DataFrame:
    """Compare the systems of a plan; their costs add up to the plan's cost.

    Parameters
    ----------
    centre : Centre
    requirement, staff, cost : DataFrame
        REQUIREMENT, STAFF, COST.
    unmet : DataFrame
        ``team`` and ``missing`` heads of every shift that is not filled.
    queues : DataFrame
        `planning.simulation.Simulation.queues`.
    waiting : DataFrame
        `planning.shifts.waiting_work`.

    Returns
    -------
    DataFrame
        Index system (a queue with a team staffed for it, "duty" and "careers"): on_staff, paid_h, cost,
        measure (the name of its figure) and value.
    """
    people = staff["team"].value_counts()
    by_team, rows = cost.set_index("team"), {}
    # Includes teams without people and people without a shift.
    names = pd.Index(dict.fromkeys([*cost["team"], *unmet["team"], *people.index]))
    for name, teams in names.groupby([_system(centre, team) for team in names]).items():
        measure, value = _measure(centre, str(name), set(teams), requirement, unmet, queues, waiting)
        own = by_team.reindex(teams)
        spent = float(own[TEAM_COSTS].sum().sum())
        rows[str(name)] = (int(people.reindex(teams).sum()), own["paid_h"].sum(), spent, measure, value)
    if centre.systems.careers is not None:
        hires = hires_for(centre, centre.systems.careers, by_team["paid_h"] + by_team["idle_h"])
        rows["careers"] = (0, 0.0, cost[CAREERS_COSTS].to_numpy().sum(), "hires", hires)
    order = [name for name in [*centre.queues, _DUTY, "careers"] if name in rows]
    columns = ["on_staff", "paid_h", "cost", "measure", "value"]
    return pd.DataFrame([rows[name] for name in order], index=order, columns=columns).rename_axis("system")


def _system(centre: Centre, team: str) -> str:
    """Name the system of a team: the queue that it is staffed for, or "duty"."""
    return next(iter(centre.teams[team].queues), _DUTY)


def _measure(
    centre: Centre,
    name: str,
    teams: set[str],
    requirement: pd.DataFrame,
    unmet: pd.DataFrame,
    queues: pd.DataFrame,
    waiting: pd.DataFrame,
) -> tuple[str, float]:
    """Give the one figure that says whether a system does its work."""
    second, work = centre.systems.second_line, waiting[waiting["team"].isin(teams)]
    if name == _DUTY:
        return "duties_open", float(unmet.loc[unmet["team"].isin(teams), "missing"].sum())
    if second is not None and name == second.queue and second.first_line in set(requirement["queue"]):
        return "customers_kept", customers_kept(centre, requirement)
    if len(work):
        return "oldest_work_days", float(work["oldest_days"].max())
    if centre.queues[name].personal:
        return "own_agent", float(queues["own_agent"].get(name, float("nan")))
    return "service_level", float(queues["service_level"].get(name, float("nan")))
