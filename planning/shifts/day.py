"""Shifts for a day that meets its target as a whole, confirmed by the exact model of the queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from planning.demand.planned import planned_demand
from planning.errors import PlanningError
from planning.service import exact_service
from planning.shifts.catalogue import horizon
from planning.shifts.cover import CoverPlan, cover, on_position
from planning.shifts.search import CoverSettings
from planning.staffing import heads_present, requirement

if TYPE_CHECKING:
    from planning.centre import Centre


@dataclass(frozen=True, eq=False)
class DayCover:
    """Shifts of one queue, and the service that its callers get.

    Attributes
    ----------
    plan : CoverPlan
    requirement : DataFrame
        REQUIREMENT that the shifts cover; some of its intervals may be below the target.
    service : DataFrame
        `planning.service.exact_service` with the people whom the shifts put on position.
    """

    plan: CoverPlan
    requirement: pd.DataFrame
    service: pd.DataFrame

    @property
    def service_level(self) -> float:
        """Service level of all calls together, in the exact model."""
        return float(np.average(self.service["service_level"], weights=self.service["calls"]))


def cover_day(
    centre: Centre,
    demand: pd.DataFrame,
    queue: str,
    *,
    settings: CoverSettings | None = None,
    rounds: int = 6,
) -> DayCover:
    """Find cheap shifts with which a queue's day as a whole meets its target in the exact model.

    The least staff of the exact day (`planning.staffing.requirement`, ``meet="day"``) is covered by shifts.
    Shrinkage and rounding to whole heads at each site may leave the day below its target. Then the required
    level is raised by the shortfall, until the exact model confirms the people on position.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND of days without a closed hour in between.
    queue : str
        A pooled queue whose teams answer nothing else.
    settings : CoverSettings, optional
    rounds : int
        The most times that the required level is raised.

    Raises
    ------
    PlanningError
        The queue's sites work apart, a team answers other queues too, the queue promises no service level, or
        no round reaches it.
    """
    planned = planned_demand(centre, demand)
    own = planned[planned["queue"] == queue]
    target = centre.queues[queue].target.service_level
    if target is None:
        raise PlanningError(f"queues.{queue}.target.service_level is missing: there is no day to meet")
    asked = target
    for _ in range(rounds):
        promised = centre.replace({f"queues.{queue}.target.service_level": asked})
        needed = requirement(promised, own, method="exact", meet="day")
        plan = cover(centre, needed, settings=settings)
        heads = heads_of(centre, plan, queue, horizon(centre, needed))
        found = DayCover(plan, needed, exact_service(centre, needed, queue, agents=heads))
        if found.service_level >= target:
            return found
        asked = min(asked + 1.2 * (target - found.service_level), (1 + asked) / 2)
    raise PlanningError(
        f"{queue} meets {found.service_level:.2%} with the best shifts, must meet {target:.2%}: "
        "allow other shifts, a lower target or a higher pay.unmet_cost_h"
    )


def heads_of(centre: Centre, plan: CoverPlan, queue: str, times: pd.DatetimeIndex) -> pd.DataFrame:
    """Agents of a queue on position at each site (column) by interval: whole heads after shrinkage.

    Raises
    ------
    PlanningError
        A team answers other queues too, so routing decides whom it serves.
    """
    found = pd.DataFrame(index=times)
    for site in centre.sites:
        teams = [name for name, team in centre.teams.items() if team.site == site and queue in team.queues]
        if not teams:
            continue
        if len(teams) > 1 or len(centre.teams[teams[0]].queues) > 1:
            raise PlanningError(
                f"teams {', '.join(teams)} share queues, a team of {queue} must answer nothing else here: "
                "simulate the plan instead"
            )
        own = plan.shifts[plan.shifts["team"] == teams[0]]
        heads = on_position(own, plan.patterns, times) if len(own) else np.zeros(len(times))
        found[site] = heads_present(heads, centre.teams[teams[0]].shrinkage)
    return found
