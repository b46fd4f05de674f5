"""A centre and a roster as a network: who calls when, which teams may answer in which order, who is present.

A queue's demand counts every call that reaches it, as a telephone system counts them: calls from outside,
transfers, and consults by other agents. So the calls from outside are the demand less what the other queues
are expected to send, and a simulated queue is offered its demand, with no call counted twice. Redials come on
top.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.calendars import axis, local_day
from planning.centre.routing import answering_sites, late_rules
from planning.checks import Floats
from planning.demand.planned import planned_demand
from planning.errors import PlanningError
from planning.simulation import kernel
from planning.simulation.network import Agent, AgentGroup, CallQueue, Law, Network, Ranked

if TYPE_CHECKING:
    from planning.centre import Centre, Distribution

AFTER_S = 4 * 3600.0
"""How long after the horizon agents still answer the callers who wait at its end, seconds."""


@dataclass(frozen=True, eq=False)
class Wired:
    """A centre and a roster as the engine runs them.

    Attributes
    ----------
    network : Network
        An agent of the network is one shift of one person; a queue whose sites work apart becomes a queue per
        site.
    times : DatetimeIndex
        Starts of the network's intervals: whole days on the centre's clock.
    demand : DataFrame
        DEMAND as planned.
    queue_of : list of str
        Queue of the centre that each queue of the network belongs to.
    site_of : list of str
        Site of each team of the network.
    absence : ndarray, shape (agents,)
        Probability that the agent is missing.
    identity : ndarray, shape (agents,)
        A number of the agent that does not depend on who else is on the roster.
    """

    network: Network
    times: pd.DatetimeIndex
    demand: pd.DataFrame
    queue_of: list[str]
    site_of: list[str]
    absence: Floats
    identity: NDArray[np.int64]

    def present(self, seed: int, replications: range) -> NDArray[np.bool_]:
        """Who is present in each replication, shape (replications, agents), by counter-based numbers too."""
        draws = np.empty((len(replications), len(self.identity)))
        for row, replication in zip(draws, replications, strict=True):
            keys = np.empty((1, kernel.STREAMS), np.uint64)
            kernel.fill_keys(np.uint64(seed), np.uint64(replication), keys)
            kernel.fill_uniforms(keys[0, kernel.PRESENCE], self.identity, row)
        return draws >= self.absence


class _Pool(NamedTuple):
    """The agents of one or more sites who serve one queue together."""

    label: str
    sites: list[str]
    share: Floats | float
    """Of the queue's calls, by interval."""
    home_share: float
    """Of the callers whose home it is."""


class _Planned(NamedTuple):
    """A queue's demand on the whole days of the network."""

    calls: Floats
    aht_s: float
    scale: Floats
    open: NDArray[np.bool_]
    answers: pd.DataFrame
    pools: list[_Pool]


def wire(
    centre: Centre,
    demand: pd.DataFrame,
    roster: pd.DataFrame,
    breaks: pd.DataFrame,
    own_shares: pd.DataFrame | None = None,
) -> Wired:
    """Describe a centre and a roster to the engine.

    The horizon comes round, as in `planning.shifts.cover`: a shift that runs over its end is also present at
    its start, and who works then, or comes soon after, still answers the callers who wait at the end.

    Parameters
    ----------
    centre : Centre
    demand, roster, breaks : DataFrame
        DEMAND, ROSTER, BREAKS.
    own_shares : DataFrame, optional
        Index interval_start, a column per agent: the share of a personal queue's calls that belongs to each
        agent; by default equal for everybody of its teams on the roster.

    Raises
    ------
    PlanningError
        The demand cannot be planned, the roster names an unknown team, or a transfer never ends.
    """
    unknown = sorted(set(roster["team"]) - set(centre.teams))
    if unknown:
        raise PlanningError(f"roster names team {unknown[0]!r}, must be one of {', '.join(centre.teams)}")
    planned = planned_demand(centre, demand)
    # Work that may wait has no caller: agents put it aside when somebody calls.
    waits = planned["queue"].map(lambda name: centre.queues[name].waits)
    planned = planned if waits.all() else planned[~waits].reset_index(drop=True)
    times = _whole_days(centre, pd.DatetimeIndex(planned["interval_start"]))
    rows = {str(name): part for name, part in planned.groupby("queue", sort=False)}
    queues = {name: _plan_of(centre, name, part, times) for name, part in rows.items()}
    outside = outside_calls(
        centre,
        {name: (one.calls, one.aht_s * one.scale, one.open) for name, one in queues.items()},
    )
    made = [
        (
            name,
            _queue(
                centre, name, queues, pool, outside[name], _own(centre, name, pool, roster, own_shares, times)
            ),
        )
        for name, one in queues.items()
        for pool in one.pools
    ]
    teams = tuple(_teams(centre, made))
    shifts = [
        shift
        for shift in _shifts(roster, breaks, times, centre.interval_s)
        if shift[0].team in {team.name for team in teams}
    ]
    network = Network(
        tuple(queue for _, queue in made), teams, tuple(agent for agent, _ in shifts),
        interval_s=float(centre.interval_s), day_intervals=_a_day(times),
        hand_overs=tuple(_hand_overs(queues, centre.interval_s)),
    )  # fmt: skip
    return Wired(
        network,
        times,
        planned,
        [name for name, _ in made],
        [centre.teams[team.name].site for team in teams],
        np.array([centre.teams[agent.team].shrinkage for agent, _ in shifts], np.float64),
        np.array([number for _, number in shifts], np.int64),
    )


# --- calls ------------------------------------------------------------------------------------------------


def outside_calls(
    centre: Centre, planned: Mapping[str, tuple[Floats, Floats, NDArray[np.bool_]]]
) -> dict[str, Floats]:
    """Calls from outside: each queue's demand less what the others send it.

    A call is handed on when it ends, so it reaches the next queue one mean handle time later; nobody moves on
    after a consult. A closed queue is sent nothing. Where the others are expected to send more than the
    demand, nobody calls from outside.

    Parameters
    ----------
    centre : Centre
    planned : mapping
        Queue to calls, aht_s and whether it is open, each of shape (intervals,).
    """
    edges = np.arange(len(next(iter(planned.values()))[0]) + 1.0)

    def ended(name: str, calls: Floats) -> Floats:
        """Calls of a queue that end in each interval."""
        before = np.concatenate([[0.0], np.cumsum(calls)])
        aht_s = planned[name][1]
        ends = np.maximum.accumulate(edges + np.append(aht_s, aht_s[-1:]) / centre.interval_s)
        return np.diff(np.interp(edges, ends, before, left=0.0))

    def sent(kind: str, leaving: dict[str, Floats]) -> dict[str, Floats]:
        """Calls that each queue receives by transfer or consult."""
        found = {name: np.zeros(len(edges) - 1) for name in planned}
        for name in planned:
            for target, share in getattr(centre.queues[name], kind).items():
                if target in planned:
                    found[target] += share * leaving[name] * planned[target][2]
        return found

    consulted = {name: np.zeros(len(edges) - 1) for name in planned}
    for _ in planned:  # who is consulted may consult a third queue about its own callers
        own = {name: np.maximum(one[0] - consulted[name], 0.0) for name, one in planned.items()}
        leaving = {name: ended(name, calls) for name, calls in own.items()}
        consulted = sent("consults", leaving)
    moved = sent("transfers", leaving)
    return {name: np.maximum(one[0] - consulted[name] - moved[name], 0.0) for name, one in planned.items()}


def handling(rows: pd.DataFrame) -> tuple[float, Floats]:
    """Mean handle time over all calls, and the factor on it by interval."""
    calls, aht_s = rows["calls"].fillna(0.0).to_numpy(), rows["aht_s"].fillna(0.0).to_numpy()
    mean = float(np.average(aht_s, weights=calls)) if calls.sum() else 1.0
    return mean, np.where(aht_s > 0, aht_s / mean, 1.0)


def law(mean_s: float, shape: Distribution | None, default: Law) -> Law:
    """Law of a duration with a given mean, in the form that the centre's file gives it."""
    if shape is None or mean_s == 0.0:
        return default
    if shape.law == "empirical":
        one = Law.empirical(shape.quantiles_s or [])
        return Law.empirical(one.samples * (mean_s / one.mean_s))
    if shape.law == "lognormal":
        return Law.lognormal(mean_s, shape.cv or 1.0)
    return Law.exponential(mean_s) if shape.law == "exponential" else Law.deterministic(mean_s)


# --- queues -----------------------------------------------------------------------------------------------


def _plan_of(centre: Centre, name: str, rows: pd.DataFrame, times: pd.DatetimeIndex) -> _Planned:
    """Align a queue's demand with the network's intervals."""
    laid = rows.set_index("interval_start").reindex(times)
    aht_s, scale = handling(laid)
    answers = answering_sites(centre, name, times)
    return _Planned(
        laid["calls"].fillna(0.0).to_numpy(),
        aht_s,
        scale,
        laid["calls"].notna().to_numpy(),
        answers,
        _pools(centre, name, answers),
    )


def _pools(centre: Centre, queue: str, answers: pd.DataFrame) -> list[_Pool]:
    """One pool over all its sites, or a pool per site with its share of the calls by interval."""
    settings = centre.queues[queue]
    sites = [site for site in centre.sites if (answers == site).to_numpy().any()]
    if settings.pooled or len(sites) == 1:
        return [_Pool(queue, sites, 1.0, 1.0)]
    shares = [
        sum((answers[home] == site).to_numpy() * share for home, share in settings.sites.items())
        for site in sites
    ]
    return [
        _Pool(f"{queue} {site}", [site], np.asarray(share, np.float64), settings.sites.get(site, 0.0))
        for site, share in zip(sites, shares, strict=True)
    ]


def _queue(
    centre: Centre, name: str, queues: dict[str, _Planned], pool: _Pool, outside: Floats, own: pd.DataFrame
) -> CallQueue:
    """Build a pool's queue."""
    settings, one = centre.queues[name], queues[name]
    routing, overflow_s = _routing(centre, name, pool.sites)
    spread = Law.lognormal(one.aht_s, settings.service_cv) if settings.service_cv else None
    patient = np.isfinite(settings.patience_s)
    patience = Law.exponential(settings.patience_s) if patient else Law.never()
    return CallQueue(
        pool.label,
        law(one.aht_s, settings.service, spread or Law.deterministic(one.aht_s)),
        routing,
        calls=outside * pool.share,
        service_scale=one.scale,
        patience=law(settings.patience_s, settings.patience, patience) if patient else patience,
        lookup=law(settings.lookup_s, settings.lookup, Law.deterministic(settings.lookup_s)),
        day_cv=settings.day_cv,
        overflow_s=overflow_s,
        transfers=_shares(settings.transfers, queues),
        consults=_shares(settings.consults, queues),
        balk=settings.balk,
        redial=settings.redial,
        redial_pause_s=settings.redial_pause_s,
        open=one.open,
        personal=tuple(own),
        personal_share=own.to_numpy() if len(own.columns) else None,
        threshold_s=settings.target.threshold_s,
    )


def _own(
    centre: Centre,
    name: str,
    pool: _Pool,
    roster: pd.DataFrame,
    own_shares: pd.DataFrame | None,
    times: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Share of a pool's calls that belongs to each personal agent, by interval; no columns without any."""
    if not centre.queues[name].personal:
        return pd.DataFrame(index=times)
    teams = [
        team for team, one in centre.teams.items() if one.queues[:1] == [name] and one.site in pool.sites
    ]
    there = roster["team"].isin(teams)
    shares = pd.DataFrame(1.0, index=times, columns=sorted(set(roster.loc[there, "agent_id"])))
    if own_shares is not None:
        # An agent with callers stays theirs while away; an agent who works at another pool is not asked.
        others = set(roster.loc[~there, "agent_id"])
        shares = own_shares.loc[:, [agent for agent in own_shares if agent not in others]].reindex(times)
        shares = shares.fillna(shares.mean())
    return shares.div(shares.sum(axis=1), axis=0)


def _shares(table: Mapping[str, float], queues: dict[str, _Planned]) -> dict[str, float]:
    """Shares by pool: a queue whose sites work apart has its part at each home, one without demand none."""
    return {
        pool.label: share * pool.home_share
        for target, share in table.items()
        if target in queues
        for pool in queues[target].pools
        if pool.home_share > 0
    }


def _routing(centre: Centre, queue: str, sites: list[str]) -> tuple[Ranked, dict[str, float]]:
    """Teams in the order in which a call looks for a free agent, with the wait after which each may take it.

    First come the teams that are staffed for the queue, then those that have it as their second skill, and so
    on; teams of equal rank work as one. A pooled queue reaches every site. Any other queue reaches its own
    site and, after the wait in an overflow rule, the team of the rule's other site.
    """
    ranks: dict[int, list[str]] = {}
    for name, team in centre.teams.items():
        if queue in team.queues and (team.site in sites or centre.queues[queue].pooled):
            ranks.setdefault(team.queues.index(queue), []).append(name)
    late = {
        helper: float(rule.after_s or 0.0)
        for rule in late_rules(centre, queue)
        if rule.from_site in sites and rule.to_site not in sites
        if (helper := centre.team_for(queue, rule.to_site))
    }
    return (*(tuple(ranks[rank]) for rank in sorted(ranks)), *late), late


def _teams(centre: Centre, made: list[tuple[str, CallQueue]]) -> Iterator[AgentGroup]:
    """Teams with their queues in the order in which a free agent picks; pools of one queue share a rank."""
    for name, team in centre.teams.items():
        skills = [
            tuple(queue.name for queue_name, queue in made if queue_name == skill and name in queue.teams)
            for skill in team.queues
        ]
        served = tuple(labels for labels in skills if labels)
        if served:
            yield AgentGroup(name, served)


def _hand_overs(queues: dict[str, _Planned], interval_s: float) -> Iterator[tuple[float, str, str]]:
    """Moments at which a site that works apart closes or opens, and where its callers then go."""
    for one in queues.values():
        labels = {pool.sites[0]: pool.label for pool in one.pools} if len(one.pools) > 1 else {}
        for home in set(labels) & set(one.answers.columns):
            answer = one.answers[home].to_numpy()
            now = home
            for at in np.flatnonzero(one.answers[home].notna().to_numpy()):
                if answer[at] != now:
                    now = answer[at]
                    yield float(at * interval_s), labels[home], labels[now]


# --- agents -----------------------------------------------------------------------------------------------


def _shifts(
    roster: pd.DataFrame, breaks: pd.DataFrame, times: pd.DatetimeIndex, interval_s: float
) -> Iterator[tuple[Agent, int]]:
    """Each rostered shift with its time on position, in seconds from the start, and its identity number."""
    horizon_s = len(times) * float(interval_s)
    second = pd.Timedelta(seconds=1)
    start = ((roster["start"] - times[0]) / second).to_numpy()
    end = ((roster["end"] - times[0]) / second).to_numpy()
    _refuse_overlaps(roster, start, end)
    pauses: dict[tuple[str, str], list[float]] = {}
    edges_of = ((breaks[edge] - times[0]) / second for edge in ("start", "end"))
    for key in sorted(zip(*edges_of, breaks["agent_id"], breaks["shift_id"], strict=True)):
        pauses.setdefault(key[2:], []).extend(key[:2])
    for number, row in enumerate(roster.itertuples()):
        gaps = pauses.get((row.agent_id, row.shift_id), [])
        edges = np.array([start[number], *gaps, end[number]]).reshape(-1, 2)
        for back_s in (0.0, horizon_s, -horizon_s):
            segments = _clipped(edges - back_s, 0.0, horizon_s + AFTER_S)
            if segments:
                own = crc32(f"{row.agent_id} {start[number] - back_s:g}".encode())
                yield Agent(row.team, segments, name=row.agent_id), own


def _refuse_overlaps(roster: pd.DataFrame, start: Floats, end: Floats) -> None:
    """Raise if a person has two shifts at once."""
    order = np.lexsort((start, roster["agent_id"].to_numpy()))
    who = roster["agent_id"].to_numpy()[order]
    clash = np.flatnonzero((who[1:] == who[:-1]) & (start[order][1:] < end[order][:-1]))
    if clash.size:
        first, second = roster.iloc[order[clash[0]]], roster.iloc[order[clash[0] + 1]]
        raise PlanningError(
            f"agent {first['agent_id']} has a shift until {first['end']:%Y-%m-%d %H:%M} and another from "
            f"{second['start']:%Y-%m-%d %H:%M}, must have one at a time: drop or move one"
        )


def _clipped(edges: Floats, low: float, high: float) -> tuple[tuple[float, float], ...]:
    inside = np.clip(edges, low, high)
    return tuple((float(first), float(last)) for first, last in inside if last > first)


def _whole_days(centre: Centre, planned: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Whole local days, closed hours included, so that this clock and that of the shifts stay together."""
    days = local_day(planned)
    return axis(planned.min(), (days.max() - days.min()).days + 1, centre.interval_s)


def _a_day(times: pd.DatetimeIndex) -> tuple[int, ...]:
    """Number of the local day of each interval."""
    return tuple(pd.factorize(local_day(times))[0].tolist())
