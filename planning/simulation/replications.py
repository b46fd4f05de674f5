"""Simulate a plan: whole horizons of calls against named people with their shifts and breaks."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from planning.calendars import midnights
from planning.checks import Floats, number, one_of, whole
from planning.errors import PlanningError
from planning.queueing.target import Start
from planning.simulation import kernel
from planning.simulation.contacts import Band, band_of_ratio, paired_difference, ratios
from planning.simulation.engine import Days, checked_seed, simulate_day, simulate_days
from planning.simulation.network import Agent, AgentGroup, CallQueue, Law, Network
from planning.simulation.wiring import Wired, handling, wire
from planning.tables import CALLS

if TYPE_CHECKING:
    from planning.centre import Centre


SETTLED = 20.0
"""Mean handle times after which a queue no longer remembers that it was empty."""


class Rostered(Protocol):
    """Who works which shift."""

    @property
    def roster(self) -> pd.DataFrame:
        """ROSTER."""


class Staffed(Protocol):
    """What the simulation reads of a plan.

    If a queue is personal, also its ``own_shares``, if it has them: index interval_start, a column per agent,
    the share of the calls that belongs to each of them.
    """

    @property
    def roster(self) -> Rostered:
        """The roster."""

    @property
    def breaks(self) -> pd.DataFrame:
        """BREAKS."""


class Heads(NamedTuple):
    """A roster of heads without names."""

    roster: pd.DataFrame


class Present(NamedTuple):
    """Who is present when, before there is a plan: what `Staffed` asks for."""

    roster: Rostered
    breaks: pd.DataFrame
    own_shares: pd.DataFrame | None = None


@dataclass(frozen=True)
class Simulation:
    """What callers met in many independent replications of a plan.

    Measures are those of `planning.simulation.contact_measures`, pooled over the replications; `half_width`
    is that of the 95 % band of the service level, from the differences between replications. A caller who
    gives up reached nobody, and counts for the agents who would have been tried first: those on position in
    the interval of the call, in the first teams of the queue's order that had any, in proportion to their
    time there. A queue's occupancy and overrun are those of the teams that are staffed for it first.

    Attributes
    ----------
    queues : DataFrame
        Index queue: service_level, half_width, asa_s, abandonment, longest_wait_s, own_agent (share of the
        answered who reached their personal agent, where callers have one), offered (mean a replication),
        occupancy, overrun_h.
    days : DataFrame
        Index queue, day (local midnight): service_level, half_width, asa_s, abandonment, longest_wait_s,
        offered.
    intervals : DataFrame
        queue, interval_start, offered (mean), service_level, asa_s, abandonment, longest_wait_s, occupancy,
        overrun_h.
    sites, teams, agents : DataFrame
        Index site, team or agent_id: answered, service_level, asa_s, abandonment (both of the answered and
        those who gave up), longest_wait_s, occupancy, overrun_h
        (worked after the end of a shift or into a break to finish a call, a replication).
    occupancy : DataFrame
        Index interval_start, a column per team: busy / staffed time; NaN where nobody is staffed.
    overrun_h : DataFrame
        Likewise: hours worked after the end of a shift or into a break, a replication.
    levels : DataFrame
        Service level of each replication (row) and queue (column): for paired differences.
    gave_up : DataFrame
        Callers who gave up, likewise.
    offered, within : DataFrame
        Contacts offered and answered within the threshold by replication (row) and queue, interval_start
        (columns).
    replications, seed : int
    """

    queues: pd.DataFrame
    days: pd.DataFrame
    intervals: pd.DataFrame
    sites: pd.DataFrame
    teams: pd.DataFrame
    agents: pd.DataFrame
    occupancy: pd.DataFrame
    overrun_h: pd.DataFrame
    levels: pd.DataFrame
    gave_up: pd.DataFrame
    offered: pd.DataFrame
    within: pd.DataFrame
    replications: int
    seed: int


def simulate(
    centre: Centre,
    demand: pd.DataFrame,
    plan: Staffed,
    *,
    replications: int = 20,
    seed: int = 1,
    half_width: float | None = None,
    max_replications: int = 1000,
    executor: Executor | None = None,
) -> Simulation:
    """Simulate a plan against its demand in many independent replications.

    Calls are Poisson around the demand with a Gamma factor per day (`Queue.day_cv`). Handle times, patience
    and lookups follow the laws of the centre's queues. Calls go on to other queues and callers call again as
    the centre says. Each person misses each shift with the probability of the team's shrinkage. The horizon
    comes round: a shift that runs over its end is also present at its start, and callers who wait at the end
    are answered as on any other night. Except for personal agents, nothing depends on who the caller is.

    Every random number is a function of the seed, the replication and what it decides, so two plans with the
    same seed meet the same callers: compare them with `difference`.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND. A queue's demand counts the calls that other queues send it.
    plan : Plan
        Or anything with ``.roster.roster`` (ROSTER) and ``.breaks`` (BREAKS).
    replications : int
        Independent horizons, two or more.
    seed : int
    half_width : float, optional
        Continue until the 95 % band of every queue with a promised service level is this narrow.
    max_replications : int
        Stop after this many in any case.
    executor : concurrent.futures.Executor, optional
        Threads by default; the numbers are the same on every executor.

    Returns
    -------
    Simulation

    Raises
    ------
    PlanningError
        There are fewer than two replications, or the roster names an unknown team or has a person in two
        places.
    """
    wired = wired_of(centre, demand, plan)
    days = run(
        centre, wired, replications=replications, seed=seed, half_width=half_width,
        max_replications=max_replications, executor=executor,
    )  # fmt: skip
    return summarise(wired, days, seed)


def wired_of(centre: Centre, demand: pd.DataFrame, plan: Staffed) -> Wired:
    """Describe a plan to the engine."""
    own_shares = getattr(plan, "own_shares", None)
    return wire(centre, demand, plan.roster.roster, plan.breaks, own_shares)


def run(
    centre: Centre,
    wired: Wired,
    *,
    replications: int,
    seed: int,
    half_width: float | None = None,
    max_replications: int = 1000,
    executor: Executor | None = None,
) -> Days:
    """Run the replications for `simulate` and keep the counts."""
    count = whole("replications", replications, 2)  # a band needs two
    seed = checked_seed(seed)

    def more(first: int, end: int) -> Days:
        present = wired.present(seed, range(first, end))
        return simulate_days(
            wired.network, end - first, seed=seed, present=present, first=first, executor=executor
        )

    days = more(0, count)
    if half_width is None:
        return days
    goal = number("half_width", half_width, 0.0, 1.0, open_low=True)
    promised = [queue for queue, one in centre.queues.items() if one.target.service_level is not None]
    while (width := _widest(wired, days, promised)) > goal and count < max_replications:
        # The band narrows with the square root of the number; add a tenth, because it is itself an estimate.
        wanted = ceil(1.1 * count * (width / goal) ** 2)
        end = min(max(wanted, count + 1), 10 * count, max_replications)
        days, count = days.joined(more(count, end)), end
    return days


def _widest(wired: Wired, days: Days, queues: list[str]) -> float:
    """Half-width of the widest band of some queues."""
    counts = _by_queue(wired, days).sum(axis=2)
    names = _names(wired)
    return max((_band(counts[:, names.index(q)]).half_width for q in queues if q in names), default=0.0)


def difference(one: Simulation, other: Simulation) -> pd.DataFrame:
    """Compare the service levels of two simulations, replication by replication.

    Parameters
    ----------
    one, other : Simulation
        With the same seed and number of replications, so that they met the same callers.

    Returns
    -------
    DataFrame
        Index queue: difference (`one` less `other`) and half_width of its 95 % band.

    Raises
    ------
    PlanningError
        The seeds or numbers of replications differ, so the callers were not the same.
    """
    for name in ("seed", "replications"):
        first, second = getattr(one, name), getattr(other, name)
        if first != second:
            raise PlanningError(f"{name} is {first} and {second}, must be the same of both: simulate again")
    both = [queue for queue in one.levels if queue in other.levels]
    bands = [paired_difference(one.levels[queue], other.levels[queue]) for queue in both]
    index = pd.Index(both, name="queue")
    return pd.DataFrame(bands, index=index).set_axis(["difference", "half_width"], axis=1)


def contacts_of(
    centre: Centre, demand: pd.DataFrame, plan: Staffed, *, seed: int = 1, replication: int = 0
) -> pd.DataFrame:
    """Every contact of one replication, in the columns of real call records.

    Parameters
    ----------
    centre, demand, plan
        As `simulate` takes them.
    seed, replication : int
        They decide the callers and absences, as in `simulate`.

    Returns
    -------
    DataFrame
        CALLS (the callers' time zone is taken to be the centre's) with team, site,
        attempt and transferred_from.
    """
    wired = wired_of(centre, demand, plan)
    which = whole("replication", replication, 0)
    here = wired.present(checked_seed(seed), range(which, which + 1))[0]
    day = simulate_day(wired.network, seed=seed, replication=replication, present=here).contacts
    names = np.array([agent.name for agent in wired.network.agents] + [None], dtype=object)
    sites = np.array([*wired.site_of, None], dtype=object)
    arrival = wired.times[0] + pd.to_timedelta(day["arrival_s"], unit="s").dt.round("us")
    # The UTC offset at the time of each call: on some days clocks change.
    offset = arrival.dt.tz_localize(None) - arrival.dt.tz_convert("UTC").dt.tz_localize(None)
    return day.assign(
        queue=day["queue"].cat.codes.map(dict(enumerate(wired.queue_of))),
        utc_offset_h=(offset // pd.Timedelta(hours=1)).astype("int64"),
        arrival=arrival.astype(wired.times.dtype),
        outcome=day["outcome"].astype("str"),
        agent_id=names[day["agent"]],
        site=sites[day["team"].cat.codes],
    )[[*CALLS.columns, "team", "site", "attempt", "transferred_from"]]


def simulate_positions(
    centre: Centre,
    table: pd.DataFrame,
    queue: str,
    *,
    start: Start = "stationary",
    replications: int = 1000,
    seed: int = 1,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Simulate a pooled queue with positions that open and close, to check an exact model of the same day.

    Handle times and patience are exponential, as in the exact model. An agent who is busy when the
    position closes finishes the call.

    Parameters
    ----------
    centre : Centre
    table : DataFrame
        interval_start, calls, aht_s and a column ``agents_<site>`` a site, as
        `planning.service.exact_service` gives.
    queue : str
    start : {"stationary", "empty"}
        As for `planning.service.exact_service`; for the steady state of the first interval, that interval
        is repeated before the day, and not counted, until nobody from the empty centre can be left.
    replications, seed : int
    executor : concurrent.futures.Executor, optional

    Returns
    -------
    DataFrame
        interval_start, service_level and half_width (95 %, from the differences between replications).
    """
    one_of("start", start, get_args(Start))
    settings = centre.queues[queue]
    sites = [column for column in table.columns if column.startswith("agents_")]
    before = 0
    if start == "stationary":
        before = ceil(SETTLED * float(table["aht_s"].iloc[0]) / centre.interval_s)
    counted = table["interval_start"].reset_index(drop=True)
    table = table.iloc[[0] * before + [*range(len(table))]]
    aht_s, scale = handling(table)
    line = CallQueue(
        queue,
        Law.exponential(aht_s),
        (tuple(sites),),
        service_scale=scale,
        calls=table["calls"],
        patience=Law.exponential(settings.patience_s),
        lookup=Law.deterministic(settings.lookup_s),
        threshold_s=settings.target.threshold_s,
    )
    positions = tuple(
        position
        for site in sites
        for position in open_positions(site, table[site].to_numpy(), centre.interval_s)
    )
    teams = tuple(AgentGroup(site, (queue,)) for site in sites)
    days = simulate_days(
        Network((line,), teams, positions, interval_s=float(centre.interval_s)),
        replications,
        seed=seed,
        executor=executor,
    )
    counts = days.counts[:, 0, before:-1]
    offered, within = counts[..., kernel.OFFERED], counts[..., kernel.WITHIN]
    bands = [band_of_ratio(within[:, i], offered[:, i]) for i in range(len(counted))]
    return pd.DataFrame(
        {
            "interval_start": counted,
            "service_level": [one.mean for one in bands],
            "half_width": [one.half_width for one in bands],
        }
    )


def open_positions(team: str, agents: NDArray[np.int64], interval_s: float) -> Iterator[Agent]:
    """Positions of a team: position k is open while more than k agents are on position."""
    edges = np.concatenate([[0], agents, [0]])
    for position in range(int(agents.max(initial=0))):
        change = np.diff((edges > position).astype(np.int64))
        starts, ends = np.flatnonzero(change > 0), np.flatnonzero(change < 0)
        spans = zip(starts * interval_s, ends * interval_s, strict=True)
        yield Agent(
            team, tuple((float(first), float(last)) for first, last in spans), name=f"{team} {position}"
        )


# --- counts into tables -------------------------------------------------------------------------------------


def summarise(wired: Wired, days: Days, seed: int) -> Simulation:
    """Turn the counts of a run into tables."""
    counts = _by_queue(wired, days)
    names = _names(wired)
    busy, overrun = (
        pd.DataFrame(seconds.T[:-1], index=wired.times, columns=wired.network.team_names)
        for seconds in (days.team_busy_s, days.team_overrun_s)
    )
    cells = pd.MultiIndex.from_product([names, wired.times], names=["queue", "interval_start"])
    offered, within = (
        pd.DataFrame(counts[..., one].reshape(len(counts), -1), columns=cells)
        for one in (kernel.OFFERED, kernel.WITHIN)
    )
    on_position_s = _on_position_s(wired, days)
    staffed = (_by_team(wired, on_position_s) + overrun).replace(0.0, np.nan)
    who = partial(_who, days, on_position_s.sum(axis=1), _lost(wired, days.counts, on_position_s))
    overrun_h = overrun / 3600 / len(counts)
    first = _first_queues(wired)
    own = [of for of, queue in zip(wired.queue_of, wired.network.queues, strict=True) if queue.personal]
    theirs = who(first.to_numpy()[wired.network.team_of], "queue").reindex(names)
    return Simulation(
        queues=_queue_table(counts.sum(axis=2), _longest(counts, (0, 2)), names, np.isin(names, own)).join(
            theirs[["occupancy", "overrun_h"]]
        ),
        days=_day_table(wired, counts, names),
        intervals=_interval_table(
            wired, counts, names, _occupancy(busy, staffed, first), _by_first(overrun_h, first)
        ),
        sites=who(np.array(wired.site_of)[wired.network.team_of], "site"),
        teams=who(np.array(wired.network.team_names)[wired.network.team_of], "team"),
        agents=who(np.array([agent.name for agent in wired.network.agents], object), "agent_id"),
        occupancy=busy / staffed,
        overrun_h=overrun_h,
        levels=pd.DataFrame(
            ratios(counts.sum(axis=2).reshape(-1, kernel.COUNTS))["service_level"]
            .to_numpy()
            .reshape(len(counts), len(names)),
            columns=names,
        ),
        gave_up=pd.DataFrame(counts.sum(axis=2)[..., kernel.ABANDONED], columns=names),
        offered=offered,
        within=within,
        replications=len(counts),
        seed=seed,
    )


def _first_queues(wired: Wired) -> pd.Series:
    """Queue of the centre that each team is staffed for first."""
    of = dict(zip(wired.network.queue_names, wired.queue_of, strict=True))
    skills = {team.name: team.skills[0] for team in wired.network.teams}
    return pd.Series({name: of[one if isinstance(one, str) else one[0]] for name, one in skills.items()})


def _occupancy(busy: pd.DataFrame, staffed: pd.DataFrame, first: pd.Series) -> pd.Series:
    """Occupancy of the teams of each queue by interval, index (queue, interval_start)."""
    return _by_first(busy, first) / _by_first(staffed, first)


def _by_first(teams: pd.DataFrame, first: pd.Series) -> pd.Series:
    """Sum the teams of each queue by interval, index (queue, interval_start)."""
    by_queue = teams.T.groupby(first).sum(min_count=1)
    return by_queue.stack().rename_axis(["queue", "interval_start"])  # noqa: PD013 - one value per cell


def _names(wired: Wired) -> list[str]:
    """Queues of the centre, in the network's order."""
    return list(dict.fromkeys(wired.queue_of))


def _by_queue(wired: Wired, days: Days) -> Floats:
    """Counts by queue of the centre, with its pools added up, without what comes after the horizon.

    Shape (replications, queues, intervals, COUNTS).
    """
    of = np.array(wired.queue_of)
    inside = days.counts[:, :, :-1]
    parts = [inside[:, of == name] for name in _names(wired)]
    counts = np.stack([part.sum(axis=1) for part in parts], axis=1)
    counts[..., kernel.LONGEST_S] = np.stack(
        [part[..., kernel.LONGEST_S].max(axis=1) for part in parts], axis=1
    )
    return counts


def _longest(counts: Floats, axes: tuple[int, ...]) -> Floats:
    longest: Floats = counts[..., kernel.LONGEST_S].max(axis=axes)
    return longest


def _band(counts: Floats) -> Band:
    """Band of the service level from counts of shape (replications, COUNTS); certain where nobody called."""
    within, offered = counts[:, kernel.WITHIN], counts[:, kernel.OFFERED]
    return band_of_ratio(within, offered) if offered.sum() > 0 else Band(1.0, 0.0)


def _queue_table(
    counts: Floats, longest_s: Floats, names: list[str], personal: NDArray[np.bool_]
) -> pd.DataFrame:
    total = counts.sum(axis=0)
    table = ratios(total).set_index(pd.Index(names, name="queue"))
    own = np.divide(
        total[:, kernel.OWN], total[:, kernel.ANSWERED],
        out=np.full(len(names), np.nan), where=personal & (total[:, kernel.ANSWERED] > 0),
    )  # fmt: skip
    bands = [_band(counts[:, at]) for at in range(len(names))]
    return table.assign(
        half_width=[one.half_width for one in bands],
        longest_wait_s=longest_s,
        own_agent=own,
        offered=table["offered"] / len(counts),
    )[["service_level", "half_width", "asa_s", "abandonment", "longest_wait_s", "own_agent", "offered"]]


def _day_table(wired: Wired, counts: Floats, names: list[str]) -> pd.DataFrame:
    number, days = pd.factorize(midnights(wired.times))
    edges = np.searchsorted(number, np.arange(len(days)))
    by_day = np.add.reduceat(counts, edges, axis=2)
    index = pd.MultiIndex.from_product([names, days], names=["queue", "day"])
    table = ratios(by_day.sum(axis=0).reshape(-1, kernel.COUNTS)).set_index(index)
    widths = [_band(by_day[:, q, d]).half_width for q in range(len(names)) for d in range(len(days))]
    longest_s = np.maximum.reduceat(counts[..., kernel.LONGEST_S], edges, axis=2).max(axis=0)
    table = table.assign(
        half_width=widths, offered=table["offered"] / len(counts), longest_wait_s=longest_s.ravel()
    )
    return table[["service_level", "half_width", "asa_s", "abandonment", "longest_wait_s", "offered"]]


def _interval_table(
    wired: Wired, counts: Floats, names: list[str], occupancy: pd.Series, overrun_h: pd.Series
) -> pd.DataFrame:
    index = pd.MultiIndex.from_product([names, wired.times], names=["queue", "interval_start"])
    table = ratios(counts.sum(axis=0).reshape(-1, kernel.COUNTS)).set_index(index)
    table["longest_wait_s"] = _longest(counts, (0,)).ravel()
    table["offered"] /= len(counts)
    table["occupancy"], table["overrun_h"] = occupancy.reindex(index), overrun_h.reindex(index)
    planned = pd.MultiIndex.from_frame(wired.demand[["queue", "interval_start"]])
    kept = table[table.index.isin(planned)].reset_index()
    columns = ["offered", "service_level", "asa_s", "abandonment", "longest_wait_s", "occupancy", "overrun_h"]
    return kept[["queue", "interval_start", *columns]]


def _who(days: Days, on_s: Floats, lost: Floats, key: NDArray[Any], name: str) -> pd.DataFrame:
    """Measures of those who answer, by `key` of each agent, from their seconds on position in the horizon."""
    answered, within, wait_s, longest_s = days.answers.T
    columns = {
        "answered": answered, "abandoned": lost, "within": within, "wait_s": wait_s,
        "busy_s": days.busy_s.sum(axis=0), "overrun_s": days.overrun_s.sum(axis=0),
        "on_s": on_s,
    }  # fmt: skip
    groups = pd.DataFrame(columns).groupby(pd.Index(key, name=name))
    total = groups.sum()
    staffed_s = total["on_s"] + total["overrun_s"]
    offered = total["answered"] + total["abandoned"]
    return pd.DataFrame(
        {
            "answered": total["answered"] / len(days.counts),
            "service_level": (total["within"] / offered).fillna(1.0),
            "asa_s": (total["wait_s"] / total["answered"]).fillna(0.0),
            "abandonment": (total["abandoned"] / offered).fillna(0.0),
            "longest_wait_s": pd.Series(longest_s).groupby(pd.Index(key, name=name)).max(),
            "occupancy": (total["busy_s"] / staffed_s).fillna(0.0),
            "overrun_h": total["overrun_s"] / 3600 / len(days.counts),
        }
    )


def _on_position_s(wired: Wired, days: Days) -> sparse.csr_array:
    """Seconds on position of each agent (row) by interval, over all replications."""
    cells, length_s = len(wired.times), wired.network.interval_s
    came = days.on_position_s.sum(axis=0) / np.maximum(wired.network.on_position_s, 1e-9)
    spans = [(at, *span) for at, agent in enumerate(wired.network.agents) for span in agent.segments]
    who, start, end = np.array(spans, np.float64).reshape(-1, 3).T
    who = who.astype(np.int64)
    first = (start // length_s).astype(np.int64)
    touched = np.maximum(np.minimum(np.ceil(end / length_s).astype(np.int64), cells) - first, 0)
    span = np.repeat(np.arange(len(who)), touched)
    cell = np.arange(len(span)) - np.repeat(np.cumsum(touched) - touched, touched) + first[span]
    inside = np.minimum((cell + 1) * length_s, end[span]) - np.maximum(cell * length_s, start[span])
    return sparse.csr_array((came[who[span]] * inside, (who[span], cell)), shape=(len(came), cells))


def _by_team(wired: Wired, on_position_s: sparse.csr_array) -> pd.DataFrame:
    """Seconds on position by interval and team."""
    names = wired.network.team_names
    member = sparse.csr_array(np.eye(len(names))[:, wired.network.team_of])
    return pd.DataFrame((member @ on_position_s).toarray().T, index=wired.times, columns=names)


def _lost(wired: Wired, counts: Floats, on_position_s: sparse.csr_array) -> Floats:
    """Callers who gave up, by agent: those of an interval are shared among the agents who are tried first."""
    lost = np.zeros(on_position_s.shape[0])
    team_of = np.array(wired.network.team_names)[wired.network.team_of]
    for queue, gave_up in zip(
        wired.network.queues, counts[:, :, :-1, kernel.ABANDONED].sum(axis=0), strict=True
    ):
        left = gave_up.copy()
        for rank in queue.routing:
            asked = np.flatnonzero(np.isin(team_of, [rank] if isinstance(rank, str) else rank))
            there = on_position_s[asked].sum(axis=0)
            lost[asked] += on_position_s[asked] @ np.divide(
                left, there, out=np.zeros_like(left), where=there > 0
            )
            left[there > 0] = 0.0
    return lost
