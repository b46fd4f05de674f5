"""A plan under simulation: whole horizons of calls against named people with their shifts and breaks."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.calendars import axis
from planning.errors import PlanningError
from planning.routing import answering_sites
from planning.simulation.contacts import band, band_of_ratio
from planning.simulation.engine import Days, simulate_days
from planning.simulation.network import Agent, Law, Network, Queue, Team
from planning.staffing import planned_demand

if TYPE_CHECKING:
    from planning.centre import Centre

__all__ = ["Simulation", "network", "simulate", "simulate_seats"]


@dataclass(frozen=True)
class Simulation:
    """What callers met in many independent replications of a plan.

    Attributes
    ----------
    queues : DataFrame
        Index queue: service_level and its half_width (95 % band of the mean over replications), asa_s,
        abandonment, offered (mean a replication).
    intervals : DataFrame
        queue, interval_start, offered (mean), service_level, abandonment, pooled over the replications.
    teams : DataFrame
        Index team: occupancy, overrun_h (worked after the end of a shift to finish a call, a replication).
    replications, seed : int
    """

    queues: pd.DataFrame
    intervals: pd.DataFrame
    teams: pd.DataFrame
    replications: int
    seed: int


def simulate(
    centre: Centre,
    demand: pd.DataFrame,
    roster: pd.DataFrame,
    breaks: pd.DataFrame,
    *,
    replications: int = 20,
    seed: int = 1,
    executor: Executor | None = None,
) -> Simulation:
    """Run a roster against its demand, again and again.

    Calls are Poisson around the demand with a Gamma factor a day (`Queue.day_cv`); handle times are
    lognormal with the mean of their interval, patience is exponential; every shift of every person is missed
    with the team's shrinkage. A shift that runs over the end of the horizon is there at its start too, as in
    `planning.shifts.cover`.

    Parameters
    ----------
    centre : Centre
    demand, roster, breaks : DataFrame
        DEMAND, ROSTER, BREAKS.
    replications : int
        Independent horizons, two or more.
    seed : int
    executor : concurrent.futures.Executor, optional
        Threads by default; the numbers are the same on every executor.

    Returns
    -------
    Simulation

    Raises
    ------
    PlanningError
        Fewer than two replications, or a roster that names an unknown team.
    """
    if replications < 2:
        raise PlanningError(f"replications is {replications}, must be at least 2: a band needs two")
    planned = planned_demand(centre, demand)
    times = _whole_days(centre, pd.DatetimeIndex(planned["interval_start"]))
    model = network(centre, planned, times, roster, breaks)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    absent = np.array([centre.teams[agent.team].shrinkage for agent in model.agents])
    present = rng.random((replications, len(model.agents))) >= absent
    days = simulate_days(model, replications, seed=seed, present=present, executor=executor)
    return Simulation(
        _by_queue(days),
        _by_interval(days, times, planned),
        _by_team(days),
        replications=replications,
        seed=seed,
    )


def simulate_seats(
    centre: Centre,
    table: pd.DataFrame,
    queue: str,
    *,
    replications: int = 1000,
    seed: int = 1,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Simulate a pooled queue with seats that open and close, to check an exact model of the same day.

    Handle times and patience are exponential, as the exact model has them. Whoever is busy when the seat
    closes finishes the call.

    Parameters
    ----------
    centre : Centre
    table : DataFrame
        interval_start, calls, aht_s and a column ``agents_<site>`` a site, as
        `planning.service.exact_service` gives.
    queue : str
    replications, seed : int
    executor : concurrent.futures.Executor, optional

    Returns
    -------
    DataFrame
        interval_start, service_level and half_width (95 %, from between replications).
    """
    settings = centre.queues[queue]
    sites = [column for column in table.columns if column.startswith("agents_")]
    aht_s, scale = _handling(table)
    line = Queue(
        queue,
        Law.exponential(aht_s),
        (tuple(sites),),
        service_scale=scale,
        calls=table["calls"],
        patience=Law.exponential(settings.patience_s),
        lookup=Law.deterministic(settings.lookup_s),
        threshold_s=settings.target.threshold_s,
    )
    seats = tuple(
        seat for site in sites for seat in seats_of(site, table[site].to_numpy(), centre.interval_s)
    )
    teams = tuple(Team(site, (queue,)) for site in sites)
    days = simulate_days(
        Network((line,), teams, seats, interval_s=float(centre.interval_s)),
        replications,
        seed=seed,
        executor=executor,
    )
    offered, within = days.counts[:, 0, :-1, 0], days.counts[:, 0, :-1, 2]
    bands = [band_of_ratio(within[:, i], offered[:, i]) for i in range(len(table))]
    return pd.DataFrame(
        {
            "interval_start": table["interval_start"],
            "service_level": [one.mean for one in bands],
            "half_width": [one.half_width for one in bands],
        }
    )


def seats_of(team: str, agents: NDArray[np.int64], interval_s: float) -> Iterator[Agent]:
    """Seats of a team: seat k is open while more than k agents are on position."""
    edges = np.concatenate([[0], agents, [0]])
    for seat in range(int(agents.max(initial=0))):
        change = np.diff((edges > seat).astype(np.int64))
        starts, ends = np.flatnonzero(change > 0), np.flatnonzero(change < 0)
        spans = zip(starts * interval_s, ends * interval_s, strict=True)
        yield Agent(team, tuple((float(first), float(last)) for first, last in spans), name=f"{team} {seat}")


def network(
    centre: Centre,
    planned: pd.DataFrame,
    times: pd.DatetimeIndex,
    roster: pd.DataFrame,
    breaks: pd.DataFrame,
) -> Network:
    """Describe a centre and a roster to the engine: an agent there is one shift of one person here."""
    queues = tuple(_queues(centre, planned, times))
    served = {name for queue in queues for name in queue.teams}
    teams = tuple(
        Team(name, tuple(queue.name for queue in queues if name in queue.teams)) for name in sorted(served)
    )
    agents = tuple(_agents(roster, breaks, times, centre.interval_s))
    return Network(queues, teams, agents, interval_s=float(centre.interval_s), day_intervals=_a_day(times))


def _whole_days(centre: Centre, planned: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Whole local days, closed hours included: the clock must not jump where that of the shifts does not."""
    first, last = (stamp.normalize() for stamp in (planned.min(), planned.max()))
    days = (last.tz_localize(None) - first.tz_localize(None)).days + 1
    return axis(first, days, centre.interval_s)


def _a_day(times: pd.DatetimeIndex) -> tuple[int, ...]:
    """Number of the local day of each interval."""
    return tuple(pd.factorize(times.normalize())[0].tolist())


def _queues(centre: Centre, planned: pd.DataFrame, times: pd.DatetimeIndex) -> Iterator[Queue]:
    """One queue over all its sites if it is pooled, else a queue a site."""
    for name, rows in planned.groupby("queue", sort=False):
        settings = centre.queues[str(name)]
        calls = rows.set_index("interval_start")["calls"].reindex(times, fill_value=0.0).to_numpy()
        aht_s, scale = _handling(rows.set_index("interval_start").reindex(times))
        answers = answering_sites(centre, str(name), times)
        for label, sites, share in _pools(centre, str(name), answers):
            teams = tuple(team for site in sites if (team := centre.team_for(str(name), site)))
            yield Queue(
                label,
                _service(aht_s, settings.service_cv),
                (teams,),
                service_scale=scale,
                calls=calls * share,
                patience=Law.exponential(settings.patience_s)
                if np.isfinite(settings.patience_s)
                else Law.never(),
                lookup=Law.deterministic(settings.lookup_s),
                day_cv=settings.day_cv,
                threshold_s=settings.target.threshold_s,
            )


def _pools(
    centre: Centre, queue: str, answers: pd.DataFrame
) -> list[tuple[str, list[str], NDArray[np.float64] | float]]:
    """Name, sites and share of the calls by interval of each pool of agents that a queue has."""
    settings = centre.queues[queue]
    sites = [site for site in centre.sites if (answers == site).to_numpy().any()]
    if settings.pooled:
        return [(queue, sites, 1.0)]
    shares = [
        sum((answers[home] == site).to_numpy() * share for home, share in settings.sites.items())
        for site in sites
    ]
    names = [queue if len(sites) == 1 else f"{queue} {site}" for site in sites]
    return [(name, [site], share) for name, site, share in zip(names, sites, shares, strict=True)]


def _handling(rows: pd.DataFrame) -> tuple[float, NDArray[np.float64]]:
    """Mean handle time over the calls, and the factor on it by interval."""
    calls, aht_s = rows["calls"].fillna(0.0).to_numpy(), rows["aht_s"].fillna(0.0).to_numpy()
    mean = float(np.average(aht_s, weights=calls)) if calls.sum() else 1.0
    return mean, np.where(calls > 0, aht_s / mean, 1.0)


def _service(aht_s: float, cv: float) -> Law:
    return Law.lognormal(aht_s, cv) if cv > 0 else Law.deterministic(aht_s)


def _agents(
    roster: pd.DataFrame, breaks: pd.DataFrame, times: pd.DatetimeIndex, interval_s: int
) -> Iterator[Agent]:
    """Each rostered shift with its time on position, in seconds from the start of the horizon."""
    horizon_s = len(times) * float(interval_s)
    second = pd.Timedelta(seconds=1)
    start = ((roster["start"] - times[0]) / second).to_numpy()
    end = ((roster["end"] - times[0]) / second).to_numpy()
    pauses = breaks.assign(
        first=(breaks["start"] - times[0]) / second, last=(breaks["end"] - times[0]) / second
    ).sort_values("first")
    by_shift = {
        key: rows[["first", "last"]].to_numpy() for key, rows in pauses.groupby(["agent_id", "shift_id"])
    }
    for number, row in enumerate(roster.itertuples()):
        gaps = by_shift.get((row.agent_id, row.shift_id), np.empty((0, 2)))
        edges = np.concatenate([[start[number]], gaps.ravel(), [end[number]]]).reshape(-1, 2)
        yield Agent(row.team, _clipped(edges, 0.0, horizon_s), name=row.agent_id)
        if end[number] > horizon_s:
            yield Agent(row.team, _clipped(edges - horizon_s, 0.0, horizon_s), name=f"{row.agent_id} before")


def _clipped(edges: NDArray[np.float64], low: float, high: float) -> tuple[tuple[float, float], ...]:
    inside = np.clip(edges, low, high)
    return tuple((float(first), float(last)) for first, last in inside if last > first)


def _by_queue(days: Days) -> pd.DataFrame:
    each = days.measures(by=("day", "queue"))
    rows = {}
    for name in days.network.queue_names:
        one = each.xs(name, level="queue")
        level = band(one["service_level"].to_numpy())
        rows[name] = {
            "service_level": level.mean, "half_width": level.half_width,
            "asa_s": one["asa_s"].mean(), "abandonment": one["abandonment"].mean(),
            "offered": one["offered"].mean(),
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("queue")


def _by_interval(days: Days, times: pd.DatetimeIndex, planned: pd.DataFrame) -> pd.DataFrame:
    pooled = days.measures(by=("queue", "interval")).reset_index()
    pooled = pooled[pooled["interval"] < len(times)]
    pooled["interval_start"] = times[pooled["interval"].to_numpy()]
    pooled["offered"] /= len(days.counts)
    pooled = pooled[pooled["interval_start"].isin(planned["interval_start"])]
    return pooled[["queue", "interval_start", "offered", "service_level", "abandonment"]]


def _by_team(days: Days) -> pd.DataFrame:
    total = days.teams().groupby("team")[["staffed_s", "busy_s", "overrun_s"]].sum()
    return pd.DataFrame(
        {
            "occupancy": (total["busy_s"] / total["staffed_s"]).fillna(0.0),
            "overrun_h": total["overrun_s"] / 3600 / len(days.counts),
        }
    )
