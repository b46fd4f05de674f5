"""Methods of staffing compared: the service that callers get under each, by the exact model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from planning.checks import one_of
from planning.demand.planned import planned_demand
from planning.errors import PlanningError
from planning.service import exact_service
from planning.staffing import Method, Model, requirement
from planning.studies.prices import priced

if TYPE_CHECKING:
    from planning.centre import Centre

METHODS: dict[str, tuple[Model, Method]] = {
    "Erlang C": ("erlang_c", "stationary"),
    "Erlang A": ("erlang_a", "stationary"),
    "lagged": ("erlang_a", "lagged"),
    "exact day": ("erlang_a", "exact"),
}
"""Methods of staffing, by their names in figures and tables."""


@dataclass(frozen=True)
class Comparison:
    """A pooled queue staffed by several methods, each evaluated by the exact model.

    Attributes
    ----------
    table : DataFrame
        Index method: peak, agent_hours, cost, and by the exact model day (service level over all calls) and
        worst (lowest service level of an interval with calls).
    agents, service : DataFrame
        Index interval_start, a column for each method.
    requirement : DataFrame
        REQUIREMENT by the last method.
    """

    table: pd.DataFrame
    agents: pd.DataFrame
    service: pd.DataFrame
    requirement: pd.DataFrame


def compare_methods(
    centre: Centre, demand: pd.DataFrame, queue: str, *, methods: Sequence[str] = tuple(METHODS)
) -> Comparison:
    """Staff a pooled queue by several methods, and compute the service of each by the exact model.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND.
    queue : str
    methods : sequence of str
        Names from `METHODS`.
    """
    if not methods:
        raise PlanningError(f"methods is empty, must name at least one of {', '.join(METHODS)}")
    planned = planned_demand(centre, demand)
    own = planned[planned["queue"] == queue]
    needed, exact = {}, {}
    for name in methods:
        model, method = METHODS[one_of("methods", name, tuple(METHODS))]
        needed[name] = requirement(centre, own, model=model, method=method)
        exact[name] = exact_service(centre, needed[name], queue).set_index("interval_start")
    agents, service = (
        pd.DataFrame({name: found[column] for name, found in exact.items()})
        for column in ("agents", "service_level")
    )
    calls = exact[methods[0]]["calls"]
    table = priced(centre, queue, needed).assign(
        day=np.average(service, axis=0, weights=calls), worst=service[calls > 0].min()
    )
    return Comparison(table.rename_axis("method"), agents, service, needed[methods[-1]])
