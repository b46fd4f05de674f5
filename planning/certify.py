"""Staff added to a plan until the simulation proves every promise: a loop around `planning.plan`."""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from planning.calendars import midnights
from planning.pay import hour_cost
from planning.plan import Plan, plan
from planning.simulation.certificate import missing_agents
from planning.staffing import rostered_heads

if TYPE_CHECKING:
    from planning.centre import Centre

ROUNDS = 10
"""The most times that a plan is made again."""


def certify(
    centre: Centre,
    demand: pd.DataFrame,
    people: pd.DataFrame | None,
    *,
    executor: Executor | None = None,
    **options: Any,
) -> Plan:
    """Plan, add staff where the simulation does not prove a promise, and plan again.

    This ends when the whole 95 % band of every queue is above its target on every day, or nobody is left to
    add. Staff are added where they are cheapest. With few `replications` the bands are wide, which costs
    staff.

    Parameters
    ----------
    centre, demand, people, executor, **options
        As for `planning.plan`.

    Returns
    -------
    Plan
        The last plan whose additional shifts could be filled.

    Raises
    ------
    PlanningError
        The demand or the people cannot be planned.
    """
    made = plan(centre, demand, people, executor=executor, **options)
    heads = _lacking(made, executor)
    most: dict[str, int] = {}  # heads that a team can still add, if its people set a limit
    for _ in range(ROUNDS):
        needed = _reinforced(made, heads, most)
        if needed.equals(made.requirement):
            break
        better = plan(centre, made.demand, people, needed=needed, executor=executor, **options)
        over = _overdrawn(made, better)
        if over:  # try half: shifts that nobody can fill prove nothing
            most |= {team: raised // 2 for team, raised in over.items()}
        else:
            made, heads = better, _lacking(better, executor)
    return made


def _overdrawn(made: Plan, better: Plan) -> dict[str, int]:
    """Heads added to teams in vain: their people filled fewer shifts than before."""
    raised = better.requirement["agents"] - made.requirement["agents"]
    before = _unfilled(made)
    found = {}
    for name, heads in _unfilled(better).items():
        team = made.centre.teams[name]
        if not team.queues:  # a duty never needs more people
            continue
        own = (made.requirement["queue"] == team.queues[0]) & (made.requirement["site"] == team.site)
        if heads > before.get(name, 0) and raised[own].max() > 0:
            found[name] = int(raised[own].max())
    return found


def _unfilled(made: Plan) -> dict[str, float]:
    """Heads that a team's people could not fill, and intervals that no shifts of theirs cover."""
    team = made.cover.shifts.set_index("shift_id")["team"]
    unmet = made.roster.unmet
    heads = unmet.groupby(unmet["shift_id"].map(team))["missing"].sum()
    missing: dict[str, float] = heads.add(made.cover.unmet.groupby("team").size(), fill_value=0).to_dict()
    return missing


def _lacking(made: Plan, executor: Executor | None) -> pd.Series:
    """Extra agents with whom each promise that fails would hold with its whole band above the target.

    Better service has a narrower band, so the aim is at most half way from the target to 1.
    """
    weak = made.certificate[made.certificate["verdict"] != "holds"]
    aims = weak["target"] + np.minimum(weak["half_width"], (1 - weak["target"]) / 2)
    return missing_agents(made.centre, made.demand, made, aims, made.simulation, executor=executor).dropna()


def _reinforced(made: Plan, lacking: pd.Series, most: dict[str, int]) -> pd.DataFrame:
    """Raise the requirement by the missing agents, in the intervals of a day that may fall short.

    They are added to the cheapest team that can answer then and has people left; this may be a team with the
    queue as a further skill.
    """
    centre, needed = made.centre, made.requirement.copy()
    level = made.simulation.intervals
    days = midnights(pd.DatetimeIndex(level["interval_start"]))
    for (queue, day), heads in lacking.items():
        row = made.certificate.loc[(queue, day)]
        mine = level[(level["queue"] == queue) & (days == day)]
        times = set(mine["interval_start"][mine["service_level"] < row["target"] + row["half_width"]])
        teams = [name for name, team in centre.teams.items() if queue in team.queues]
        for name in sorted(teams, key=partial(hour_cost, centre)):
            team, more = centre.teams[name], min(int(heads), most.get(name, int(heads)))
            if more == 0:
                continue
            at = (needed["queue"] == team.queues[0]) & (needed["site"] == team.site)
            at &= needed["interval_start"].isin(times)
            needed.loc[at, "agents"] += more
            needed.loc[at, "rostered"] += int(rostered_heads(more, team.shrinkage))
            times -= set(needed.loc[at, "interval_start"])
    return needed
