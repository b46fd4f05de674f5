"""What callers really meet under a requirement, by the exact model; methods and promises compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.checks import one_of
from planning.demand.planned import planned_demand
from planning.errors import PlanningError
from planning.pay import agents_cost
from planning.queueing import exact_day
from planning.staffing import Method, Model, behind_lookup, promised_service, requirement, requirement_at

if TYPE_CHECKING:
    from planning.centre import Centre

__all__ = [
    "Comparison",
    "check_unbroken",
    "compare_methods",
    "exact_service",
    "heads_on_site",
    "overrun_of",
    "price_of_certainty",
    "price_of_promises",
]

METHODS: dict[str, tuple[Model, Method]] = {
    "Erlang C": ("erlang_c", "stationary"),
    "Erlang A": ("erlang_a", "stationary"),
    "lagged": ("erlang_a", "lagged"),
    "exact day": ("erlang_a", "exact"),
}
"""Ways to staff, by the name that figures and tables give them."""


def exact_service(
    centre: Centre,
    needed: pd.DataFrame,
    queue: str,
    *,
    agents: pd.DataFrame | None = None,
    cut_off: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Service of a pooled queue through the day as it unfolds, the closing of a site included.

    Between two intervals the agents of each site whose number falls go home: who is busy finishes the call
    and goes. Where one site's agents leave while another's arrive, both are counted, not their difference.

    Parameters
    ----------
    centre : Centre
    needed : DataFrame
        REQUIREMENT.
    queue : str
        A pooled queue.
    agents : DataFrame, optional
        Agents on position: index interval_start, a column a site; those of the requirement by default.
    cut_off : Timestamp, optional
        Start of the interval at which the calls of those who leave are cut off and go back to the head of
        the line, as when a site loses its power; else who is busy finishes the call.

    Returns
    -------
    DataFrame
        interval_start, calls, aht_s, agents, leaving (at the start of the interval), a column
        ``agents_<site>`` a site, formula (service level by the stationary formula, interval by interval),
        service_level, abandonment, queue_end and overrun_s of the exact model.

    Raises
    ------
    PlanningError
        The queue is not in the requirement, its sites work apart, or it closes in between; the agents lack an
        interval.
    """
    table = _staffed(centre, needed, queue, agents)
    settings = centre.queues[queue]
    table["formula"] = promised_service(
        settings, table["calls"], table["aht_s"], table["agents"], centre.interval_s, settings.patience_s
    )
    return table.assign(**_exact(centre, queue, table, cut_off))


def _staffed(centre: Centre, needed: pd.DataFrame, queue: str, agents: pd.DataFrame | None) -> pd.DataFrame:
    """Calls, handle time and agents of a pooled queue by interval, and who leaves."""
    rows = needed[needed["queue"] == queue]
    if rows.empty:
        raise PlanningError(f"queue {queue!r} is not in the requirement, which has {set(needed['queue'])}")
    if not centre.queues[queue].pooled:
        raise PlanningError(f"queues.{queue}.pooled is false, must be true for one exact model of all sites")
    by_time = rows.groupby("interval_start")
    table = pd.DataFrame({"calls": by_time["calls"].sum(), "aht_s": by_time["aht_s"].first()})
    check_unbroken(centre, queue, table.index)
    sites = heads_on_site(rows, table.index, agents).fillna(0).astype(int)
    table["agents"], table["leaving"] = sites.sum(axis=1), _leaving(sites)
    return table.join(sites.add_prefix("agents_")).reset_index()


def check_unbroken(centre: Centre, queue: str, times: pd.Index) -> None:
    """Refuse a queue's requirement with a closed hour in between: who waits before it is gone after it."""
    gaps = times.to_series().diff()[1:] > pd.Timedelta(seconds=centre.interval_s)
    if gaps.any():
        raise PlanningError(
            f"the requirement of {queue} has a gap before {gaps.idxmax():%Y-%m-%d %H:%M}, must be one "
            "stretch without closed hours: give one day at a time"
        )


def heads_on_site(rows: pd.DataFrame, times: pd.Index, agents: pd.DataFrame | None) -> pd.DataFrame:
    """Return the agents on position by interval and site: given ones, or those of a queue's requirement.

    Raises
    ------
    PlanningError
        Given agents lack an interval of the requirement.
    """
    if agents is None:
        return rows.pivot(index="interval_start", columns="site", values="agents").reindex(times)
    if len(lacking := times.difference(agents.index)):
        raise PlanningError(
            f"agents has no row at {lacking[0]:%Y-%m-%d %H:%M%z}, must have one for each interval of the "
            "requirement: add it"
        )
    return agents.reindex(times)


def _exact(
    centre: Centre, queue: str, table: pd.DataFrame, cut_off: pd.Timestamp | None
) -> dict[str, NDArray[np.float64]]:
    """Measures of the exact model, which begins in the steady state of the first interval."""
    settings = centre.queues[queue]
    stays, target = behind_lookup(settings, settings.patience_s)
    exact = exact_day(
        table["calls"] * stays,
        table["aht_s"],
        table["agents"],
        interval_s=centre.interval_s,
        patience_s=settings.patience_s,
        threshold_s=target.threshold_s,
        leavers=["preempt" if start == cut_off else "finish" for start in table["interval_start"]],
        leaving=table["leaving"],
        start="stationary",
        waits=False,
    )
    return {
        "service_level": stays * exact["service_level"].to_numpy(),
        "abandonment": 1 - stays * (1 - exact["abandonment"].to_numpy()),
        "queue_end": exact["queue_end"].to_numpy(),
        "overrun_s": exact["overrun_s"].to_numpy(),
    }


def overrun_of(table: pd.DataFrame, site: str) -> NDArray[np.float64]:
    """Seconds that a site's own work on after each interval's start: of all who leave then, their part.

    Takes what `exact_service` gives; before the first interval stands the last one, for a horizon that comes
    round (where it does not, nobody leaves then).
    """
    heads = table[f"agents_{site}"].fillna(0).to_numpy()
    gone, leaving = np.maximum(np.roll(heads, 1) - heads, 0), table["leaving"].to_numpy(dtype=float)
    share = np.divide(gone, leaving, out=np.zeros(len(table)), where=leaving > 0)
    return np.asarray(table["overrun_s"] * share, dtype=np.float64)


def _leaving(sites: pd.DataFrame) -> NDArray[np.int64]:
    """Agents who go home before each interval: what each site loses, whoever arrives elsewhere."""
    falls: NDArray[np.int64] = (-sites.diff().fillna(0)).clip(lower=0).sum(axis=1).to_numpy(dtype=np.int64)
    return falls


@dataclass(frozen=True)
class Comparison:
    """A pooled queue staffed in several ways, each judged by the exact model.

    Attributes
    ----------
    table : DataFrame
        Index the way: peak, agent_hours, cost, day (service level over all calls) and worst (of the
        intervals with calls), both exact.
    agents, service : DataFrame
        Index interval_start, a column a way.
    requirement : DataFrame
        REQUIREMENT of the last way.
    """

    table: pd.DataFrame
    agents: pd.DataFrame
    service: pd.DataFrame
    requirement: pd.DataFrame


def compare_methods(
    centre: Centre,
    demand: pd.DataFrame,
    queue: str,
    *,
    methods: Sequence[str] = tuple(METHODS),
    block: int = 1,
) -> Comparison:
    """Staff one pooled queue in several ways and ask the exact model what callers would meet.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND.
    queue : str
    methods : sequence of str
        Names out of `METHODS`.
    block : int
        Intervals in which the exact way holds its staff constant.
    """
    own = _of(queue, planned_demand(centre, demand))
    rows, agents, service = {}, {}, {}
    if not methods:
        raise PlanningError(f"methods is empty, must name at least one of {', '.join(METHODS)}")
    for name in methods:
        model, method = METHODS[one_of("methods", name, tuple(METHODS))]
        needed = requirement(centre, own, model=model, method=method, block=block)
        found = exact_service(centre, needed, queue).set_index("interval_start")
        agents[name], service[name] = found["agents"], found["service_level"]
        rows[name] = {"peak": found["agents"].max(), **_judged(centre, needed, found)}
    return Comparison(
        pd.DataFrame.from_dict(rows, orient="index").rename_axis("method"),
        pd.DataFrame(agents),
        pd.DataFrame(service),
        needed,
    )


def _judged(centre: Centre, needed: pd.DataFrame, found: pd.DataFrame) -> dict[str, float]:
    """Hours, cost and exact service of one way."""
    busy = found[found["calls"] > 0]
    return {
        "agent_hours": float(needed["agents"].sum() * centre.interval_s / 3600),
        "cost": agents_cost(centre, needed),
        "day": float(np.average(busy["service_level"], weights=busy["calls"])),
        "worst": float(busy["service_level"].min()),
    }


def price_of_promises(
    centre: Centre, demand: pd.DataFrame, queue: str, promises: Sequence[tuple[float, float]]
) -> pd.DataFrame:
    """Agents, hours and roubles of a queue for other targets: (service level, threshold in seconds)."""
    own = _of(queue, planned_demand(centre, demand))
    rows = []
    for level, threshold_s in promises:
        promised = centre.replace(
            {
                f"queues.{queue}.target.service_level": level,
                f"queues.{queue}.target.threshold_s": threshold_s,
            }
        )
        needed = requirement(promised, own)
        peak = needed.groupby("interval_start")["agents"].sum().max()
        hours = needed["agents"].sum() * centre.interval_s / 3600
        rows.append((level, threshold_s, peak, hours, agents_cost(centre, needed)))
    return pd.DataFrame(rows, columns=["service_level", "threshold_s", "peak", "agent_hours", "cost"])


def price_of_certainty(
    centre: Centre, forecast: pd.DataFrame, queue: str, probabilities: Sequence[float]
) -> pd.DataFrame:
    """Agents, hours and roubles of a queue for other probabilities of meeting its target.

    Returns
    -------
    DataFrame
        A row a probability: peak, agent_hours, cost, and cost_point, what a point of probability more than
        in the row before costs.
    """
    rows = []
    for probability in probabilities:
        needed = _of(queue, requirement_at(centre, forecast, probability))
        peak = needed.groupby("interval_start")["agents"].sum().max()
        hours = needed["agents"].sum() * centre.interval_s / 3600
        rows.append((probability, peak, hours, agents_cost(centre, needed)))
    table = pd.DataFrame(rows, columns=["probability", "peak", "agent_hours", "cost"])
    return table.assign(cost_point=table["cost"].diff() / (100 * table["probability"].diff()))


def _of(queue: str, table: pd.DataFrame) -> pd.DataFrame:
    """Rows of one queue."""
    return table[table["queue"] == queue].reset_index(drop=True)
