"""The contact centre as a network of queues and teams: what `planning.simulation.engine` runs.

Frozen objects (`Law`, `CallQueue`, `AgentGroup`, `Agent`, `Network`) check their data when they are made.
Time is in seconds from the start of the horizon; midnight is not special. Nothing depends on who the caller
is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from math import inf, log, sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from planning.checks import Floats, number, series, whole
from planning.errors import PlanningError
from planning.simulation import kernel, records

Ranked = tuple[str | tuple[str, ...], ...]

LATEST_S: Final = 1e12
SHORTEST_BUCKET_S: Final = 1e-5


# --- checks of names ------------------------------------------------------------------------------------


def _name(what: str, value: object) -> None:
    """Refuse a name that is not a non-empty string."""
    if not isinstance(value, str) or not value:
        raise PlanningError(f"name of a {what} is {value!r}, must be a non-empty string")


def _ranks(ranked: Ranked | str) -> Iterator[tuple[str, int]]:
    """Names with their rank; names in an inner tuple share a rank."""
    if isinstance(ranked, str):
        raise PlanningError(
            f"routing or skills are {ranked!r}, must be a tuple of names: write ({ranked!r},)"
        )
    for rank, entry in enumerate(ranked):
        for name in (entry,) if isinstance(entry, str) else entry:
            yield name, rank


def _unique(what: str, names: Sequence[str]) -> None:
    """Refuse a name given twice."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PlanningError(f"{what} names {twice[0]!r} twice: name each once")


# --- the network ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Law:
    """Law of a duration in seconds; build it with one of the class methods.

    Examples
    --------
    >>> Law.lognormal(180.0, cv=1.27).mean_s
    180.0
    >>> Law.exponential(-1.0)
    Traceback (most recent call last):
    planning.errors.PlanningError: mean_s of an exponential law is -1.0, must lie in (0, 1e+12]
    """

    kind: int
    mean_s: float
    a: float = 0.0
    b: float = 0.0
    samples: Floats = field(default_factory=lambda: np.empty(0), repr=False)

    @classmethod
    def exponential(cls, mean_s: float) -> Law:
        """Exponential of mean `mean_s`."""
        mean = number("mean_s of an exponential law", mean_s, 0.0, LATEST_S, open_low=True)
        return cls(kernel.EXPONENTIAL, mean, mean)

    @classmethod
    def lognormal(cls, mean_s: float, cv: float) -> Law:
        """Lognormal of mean `mean_s` and coefficient of variation `cv`."""
        mean = number("mean_s of a lognormal law", mean_s, 0.0, LATEST_S, open_low=True)
        variance = log(1.0 + number("cv of a lognormal law", cv, 0.0, 1e3, open_low=True) ** 2)
        return cls(kernel.LOGNORMAL, mean, log(mean) - variance / 2.0, sqrt(variance))

    @classmethod
    def deterministic(cls, value_s: float) -> Law:
        """Return the law that always gives `value_s`; as patience, 0 is a loss system."""
        value = number("value_s of a deterministic law", value_s, 0.0, LATEST_S)
        return cls(kernel.DETERMINISTIC, value, value)

    @classmethod
    def empirical(cls, quantiles_s: ArrayLike) -> Law:
        """Return the law with these quantiles at the levels 0, 1/(n-1), ..., 1, linear between them."""
        values = series("quantiles_s of an empirical law", quantiles_s, high=LATEST_S)
        if values.size < 2 or bool(np.any(np.diff(values) < 0.0)):
            raise PlanningError(
                f"quantiles_s of an empirical law are {values.tolist()[:5]}..., must be 2 or more, rising"
            )
        return cls(kernel.EMPIRICAL, float((values[1:] + values[:-1]).mean() / 2.0), samples=values)

    @classmethod
    def trace(cls, values_s: ArrayLike) -> Law:
        """Return recorded durations, one per call of the queue's recorded arrivals; infinity is allowed."""
        values = series("values_s of a trace", values_s, infinite=True)
        return cls(kernel.TRACE, float(values.mean()) if values.size else 0.0, samples=values)

    @classmethod
    def never(cls) -> Law:
        """Patience that never ends."""
        return cls(kernel.NEVER, inf)


@dataclass(frozen=True, eq=False)
class CallQueue:
    """Calls of one kind, and who may answer them.

    Parameters
    ----------
    name
        Its name.
    service
        Law of the handling time.
    service_scale
        Factor on the handling time of the calls that arrive in each interval of the network; 1 by default.
    routing
        Teams in the order in which a call looks for an idle agent; teams in an inner tuple share a rank, and
        the longest idle agent of them all is taken.
    calls
        Expected calls of each interval of the network, Poisson with a constant rate within the interval; or
    arrival_s
        recorded arrivals in rising order. Give one of the two, or neither for a queue fed by transfers only.
    patience
        Law of the time to abandonment, counted from the arrival.
    lookup
        Law of the caller lookup, which runs beside the wait: service needs a free agent and a finished
        lookup.
    day_cv
        Coefficient of variation of the Gamma factor that each day puts on all rates of the queue.
    overflow_s
        Wait in seconds after which a team of the routing may take the call; 0 for teams not named.
    reserve
        Idle agents that a team keeps back from this queue; 0 for teams not named.
    transfers
        Probability that a call answered here goes on to another queue when it ends.
    consults
        Probability that the agent consults another queue when the call ends, and stays with the caller until
        that queue's agent has answered and finished.
    balk
        Probability that a caller who would have to wait hangs up at once.
    places
        Callers that may wait; a caller who finds no free place is blocked and counts as abandoned.
    redial, redial_blocked, redial_pause_s
        Probability that a caller who abandoned, and one who was blocked, dials the queue first called again,
        and the mean of the exponential pause before that.
    open
        Intervals of the network in which transfers and redials reach the queue; all by default.
    personal
        Names of agents. Every caller has one of them as personal agent, who is tried before the team.
    personal_share
        Share of each interval's calls that belongs to each of them, shape (intervals, agents); equal by
        default.
    threshold_s
        Threshold of the service level; by default that of the run.

    Raises
    ------
    PlanningError
        A value is out of bounds.
    """

    name: str
    service: Law
    routing: Ranked
    calls: ArrayLike | None = None
    arrival_s: ArrayLike | None = None
    patience: Law = field(default_factory=Law.never)
    lookup: Law = field(default_factory=lambda: Law.deterministic(0.0))
    day_cv: float = 0.0
    overflow_s: Mapping[str, float] = field(default_factory=dict)
    reserve: Mapping[str, int] = field(default_factory=dict)
    transfers: Mapping[str, float] = field(default_factory=dict)
    redial: float = 0.0
    redial_pause_s: float = 600.0
    threshold_s: float | None = None
    service_scale: ArrayLike | None = None
    consults: Mapping[str, float] = field(default_factory=dict)
    balk: float = 0.0
    places: int | None = None
    redial_blocked: float = 0.0
    open: ArrayLike | None = None
    personal: tuple[str, ...] = ()
    personal_share: ArrayLike | None = None

    def __post_init__(self) -> None:
        _name("queue", self.name)
        where = f"of queue {self.name!r}"
        _unique(f"routing {where}", self.teams)
        if self.calls is not None and self.arrival_s is not None:
            raise PlanningError(f"calls and arrival_s {where} are both given: give the rates or the record")
        if self.calls is not None:
            object.__setattr__(self, "calls", series(f"calls {where}", self.calls, high=LATEST_S))
        if self.arrival_s is not None:
            object.__setattr__(self, "arrival_s", rising(f"arrival_s {where}", self.arrival_s))
        if self.service_scale is not None:
            scale = series(f"service_scale {where}", self.service_scale, high=LATEST_S)
            object.__setattr__(self, "service_scale", scale)
        self._check_laws(where)
        number(f"day_cv {where}", self.day_cv, 0.0, 10.0)
        number(f"balk {where}", self.balk, 0.0, 1.0)
        if self.places is not None:
            whole(f"places {where}", self.places, 0)
        _unique(f"personal {where}", self.personal)
        if self.personal_share is not None:
            self._check_personal(where)
        number(f"redial {where}", self.redial, 0.0, 1.0 - 1e-9)
        number(f"redial_blocked {where}", self.redial_blocked, 0.0, 1.0 - 1e-9)
        number(f"redial_pause_s {where}", self.redial_pause_s, 0.0, LATEST_S, open_low=True)
        if self.threshold_s is not None:
            number(f"threshold_s {where}", self.threshold_s, 0.0, LATEST_S)
        self._check_teams(where)

    def _check_personal(self, where: str) -> None:
        share = np.asarray(self.personal_share, np.float64)
        people = len(self.personal)
        if share.ndim != 2 or share.shape[1] != people:
            raise PlanningError(
                f"personal_share {where} has shape {share.shape}, must have a column for each of the "
                f"{people} agents in personal"
            )
        if not (share >= 0.0).all() or not np.allclose(share.sum(axis=1), 1.0):
            row = int(np.argmax((share < 0.0).any(axis=1) | ~np.isclose(share.sum(axis=1), 1.0)))
            raise PlanningError(
                f"personal_share {where} is {share[row].tolist()} in interval {row}, must be shares >= 0 "
                "that add up to 1"
            )
        object.__setattr__(self, "personal_share", share)

    def _check_laws(self, where: str) -> None:
        for what, law in (("service", self.service), ("lookup", self.lookup), ("patience", self.patience)):
            if not isinstance(law, Law):
                raise PlanningError(f"{what} {where} is {law!r}, must be a Law")
            if law.kind == kernel.NEVER and what != "patience":
                raise PlanningError(f"{what} {where} never ends: give a law with a finite mean")
            if law.kind == kernel.TRACE and law.samples.size != self.recorded.size:
                raise PlanningError(
                    f"{what} {where} is a trace of {law.samples.size}, "
                    f"must have one a recorded arrival ({self.recorded.size})"
                )
            if law.kind == kernel.TRACE and what != "patience" and not np.isfinite(law.samples).all():
                raise PlanningError(f"{what} {where} is a trace with an infinite value, must be finite")

    def _check_teams(self, where: str) -> None:
        for what, table in (("overflow_s", self.overflow_s), ("reserve", self.reserve)):
            for team, value in table.items():
                if team not in self.teams:
                    raise PlanningError(
                        f"{what} {where} names {team!r}, which its routing does not: add it there"
                    )
                if what == "reserve":
                    whole(f"reserve[{team!r}] {where}", value, 0)
                else:
                    number(f"overflow_s[{team!r}] {where}", value, 0.0, LATEST_S)
        for name in ("transfers", "consults"):
            for queue, share in getattr(self, name).items():
                number(f"{name}[{queue!r}] {where}", share, 0.0, 1.0)
        total = sum(share for _, share, _ in self.moves)
        if total > 1.0 + 1e-12:
            raise PlanningError(f"transfers and consults {where} sum to {total:g}, must be <= 1")

    @property
    def teams(self) -> list[str]:
        """Teams of the routing, in order."""
        return [team for team, _ in _ranks(self.routing)]

    @property
    def moves(self) -> list[tuple[str, float, bool]]:
        """Transfers and consults: the queue, the probability, and whether the agent stays."""
        kinds = ((self.transfers, False), (self.consults, True))
        return [(name, share, stays) for table, stays in kinds for name, share in table.items()]

    @property
    def laws(self) -> tuple[Law, Law, Law]:
        """Laws of service, patience and lookup."""
        return self.service, self.patience, self.lookup

    @property
    def recorded(self) -> Floats:
        """Recorded arrivals, empty if there are none."""
        return np.empty(0) if self.arrival_s is None else np.asarray(self.arrival_s, np.float64)


def rising(name: str, values: ArrayLike) -> Floats:
    """`values` as a row of seconds in rising order."""
    array = series(name, values, high=LATEST_S)
    falls = np.flatnonzero(np.diff(array) < 0.0)
    if falls.size:
        i = int(falls[0]) + 1
        raise PlanningError(
            f"{name}[{i}] is {array[i]:g}, must be >= the one before ({array[i - 1]:g}): sort the calls"
        )
    return array


@dataclass(frozen=True)
class AgentGroup:
    """Agents with the same skills.

    Parameters
    ----------
    name
        Its name.
    skills
        Queues in the order of priority in which a freed agent picks, first come first served within a queue;
        queues in an inner tuple share a rank, and the longest waiting caller of them all is taken.
    """

    name: str
    skills: Ranked

    def __post_init__(self) -> None:
        _name("team", self.name)
        _unique(f"skills of team {self.name!r}", [queue for queue, _ in _ranks(self.skills)])


@dataclass(frozen=True)
class Agent:
    """A named agent: a team and the segments [start_s, end_s) on position, without breaks.

    Examples
    --------
    >>> Agent("moscow", ((0, 3600), (1800, 7200)), name="M017")
    Traceback (most recent call last):
    planning.errors.PlanningError: segment 1 of agent 'M017' of team 'moscow' starts at 1800, must start at \
or after 3600, where the one before ends
    """

    team: str
    segments: tuple[tuple[float, float], ...]
    name: str = ""

    def __post_init__(self) -> None:
        free = 0.0
        for i, (start, end) in enumerate(self.segments):
            where = f"segment {i} of agent {self.name!r} of team {self.team!r}"
            begin = number(f"start_s of {where}", start, 0.0, LATEST_S)
            if begin < free:
                raise PlanningError(
                    f"{where} starts at {begin:g}, must start at or after {free:g}, where the one before ends"
                )
            free = number(f"end_s of {where}", end, begin, LATEST_S, open_low=True)

    @property
    def joined(self) -> list[tuple[float, float]]:
        """Segments, with adjacent ones merged."""
        joined: list[tuple[float, float]] = []
        for start, end in self.segments:
            if joined and joined[-1][1] == start:
                joined[-1] = (joined[-1][0], float(end))
            else:
                joined.append((float(start), float(end)))
        return joined


@dataclass(frozen=True)
class Network:
    """Queues, teams and agents of one day (or week) of a contact centre.

    Parameters
    ----------
    queues, teams, agents
        Who calls and who answers. An agent's number is the position in `agents`.
    interval_s
        Length of the interval of `CallQueue.calls` and of the counts.
    horizon_s
        End of the counted intervals if no queue has rates; otherwise the rates set it.
    day_intervals
        Number of the day of each interval, from 0, for the day factors; by default all are one day.
    hand_overs
        Moments from which a queue's callers go to another: (time_s, queue, other queue). Waiting callers are
        placed by time of arrival. A queue handed over to itself keeps its callers again.

    Raises
    ------
    PlanningError
        Names do not match, a skill has no route or a route no skill, or transfers never end.

    Examples
    --------
    >>> from planning.simulation import simulate_days
    >>> line = CallQueue("line", Law.exponential(240.0), ("moscow",), calls=[90.0] * 4)
    >>> hour = Agent("moscow", ((0.0, 3600.0),))
    >>> network = Network((line,), (AgentGroup("moscow", ("line",)),), (hour,) * 27)
    >>> simulate_days(network, 5000, seed=1).measures()["service_level"].round(2).to_dict()
    {'line': 0.75}
    """

    queues: tuple[CallQueue, ...]
    teams: tuple[AgentGroup, ...]
    agents: tuple[Agent, ...]
    interval_s: float = 900.0
    horizon_s: float | None = None
    day_intervals: tuple[int, ...] | None = None
    hand_overs: tuple[tuple[float, str, str], ...] = ()

    def __post_init__(self) -> None:
        number("interval_s", self.interval_s, 0.0, LATEST_S, open_low=True)
        if not self.queues or not self.teams:
            raise PlanningError("queues or teams are empty: a network needs at least one of each")
        _unique("queues", self.queue_names)
        _unique("teams", self.team_names)
        for i, agent in enumerate(self.agents):
            if agent.team not in self.team_names:
                raise PlanningError(f"team of agent {i} is {agent.team!r}, must be one of {self.team_names}")
        self._check_intervals()
        self._check_skills()
        self._check_transfers()

    def _check_intervals(self) -> None:
        lengths = {np.asarray(queue.calls).size for queue in self.queues if queue.calls is not None}
        if len(lengths) > 1:
            raise PlanningError(f"calls of the queues have {sorted(lengths)} intervals, must be one number")
        for queue in self.queues:
            for name, values in (
                ("service_scale", queue.service_scale),
                ("open", queue.open),
                ("personal_share", queue.personal_share),
            ):
                if values is not None and len(np.asarray(values)) != self.intervals:
                    raise PlanningError(
                        f"{name} of queue {queue.name!r} has {len(np.asarray(values))} values, must have one "
                        f"an interval ({self.intervals})"
                    )
        if self.horizon_s is not None:
            number("horizon_s", self.horizon_s, 0.0, LATEST_S, open_low=True)
            if lengths and self.horizon_s != self.interval_s * max(lengths):
                raise PlanningError(
                    f"horizon_s is {self.horizon_s:g}, must be {self.interval_s * max(lengths):g} "
                    "(calls x interval_s): leave it out"
                )
        if self.day_intervals is not None:
            for i, day in enumerate(self.day_intervals):
                whole(f"day_intervals[{i}]", day, 0)
            if len(self.day_intervals) != self.intervals:
                raise PlanningError(
                    f"day_intervals has {len(self.day_intervals)} values, "
                    f"must have one per interval ({self.intervals})"
                )

    def _check_skills(self) -> None:
        routes = {(queue.name, team) for queue in self.queues for team in queue.teams}
        skills = {(queue, team.name) for team in self.teams for queue, _ in _ranks(team.skills)}
        for queue, team in sorted(routes ^ skills):
            lack = f"skills of team {team!r}" if (queue, team) in routes else f"routing of queue {queue!r}"
            lacking = queue if (queue, team) in routes else team
            raise PlanningError(f"{lack} lack {lacking!r}: queue and team must name each other")
        for queue_ in self.queues:
            strangers = {a.name for a in self.agents if a.team not in queue_.teams} & set(queue_.personal)
            if strangers:
                raise PlanningError(
                    f"personal of queue {queue_.name!r} names {min(strangers)!r}, whose team must be one of "
                    f"{queue_.teams}: add it to the routing"
                )

    def _check_transfers(self) -> None:
        for time_s, queue_name, target in self.hand_overs:
            number(f"time_s of the hand-over of queue {queue_name!r}", time_s, 0.0, LATEST_S)
            for name in (queue_name, target):
                if name not in self.queue_names:
                    raise PlanningError(f"hand_overs name {name!r}, must be one of {self.queue_names}")
        for queue in self.queues:
            for target, share, _ in queue.moves:
                if target not in self.queue_names:
                    raise PlanningError(f"transfers of queue {queue.name!r} name {target!r}, must be a queue")
                laws = self.queues[self.queue_names.index(target)].laws
                if share > 0.0 and any(law.kind == kernel.TRACE for law in laws):
                    raise PlanningError(f"queue {target!r} has a trace and takes transfers: give it a law")
        radius = float(np.abs(np.linalg.eigvals(self.transfer_matrix)).max())
        if radius > 1.0 - 1e-9:
            still = np.linalg.matrix_power(self.transfer_matrix, 1 << 20).sum(axis=1)
            stuck = [name for name, share in zip(self.queue_names, still, strict=True) if share > 1e-6]
            raise PlanningError(
                f"transfers and consults of {', '.join(map(repr, stuck))} never end (spectral radius "
                f"{radius:g}, must be < 1): let some of their callers leave"
            )

    @cached_property
    def transfer_matrix(self) -> Floats:
        """Probability that a call of queue i is sent to queue j or consults it, shape (queues, queues)."""
        matrix = np.zeros((len(self.queues), len(self.queues)))
        for i, queue in enumerate(self.queues):
            for target, share, _ in queue.moves:
                matrix[i, self.queue_names.index(target)] += share
        return matrix

    @property
    def queue_names(self) -> list[str]:
        """Names of the queues, in order."""
        return [queue.name for queue in self.queues]

    @property
    def team_names(self) -> list[str]:
        """Names of the teams, in order."""
        return [team.name for team in self.teams]

    @property
    def intervals(self) -> int:
        """Number of counted intervals."""
        lengths = [np.asarray(queue.calls).size for queue in self.queues if queue.calls is not None]
        if lengths:
            return lengths[0]
        ends = [queue.recorded[-1] for queue in self.queues if queue.recorded.size]
        horizon = self.horizon_s if self.horizon_s is not None else max(ends, default=0.0)
        return max(1, int(np.ceil(horizon / self.interval_s)))

    @cached_property
    def expected_calls(self) -> float:
        """Expected fresh calls of a day."""
        return float(sum(np.sum(np.asarray(q.calls)) for q in self.queues if q.calls is not None)) + sum(
            queue.recorded.size for queue in self.queues
        )

    @cached_property
    def expected_contacts(self) -> float:
        """Expected calls and transfers of a day if every call is answered: fresh (I - P)^-1 1."""
        fresh = self.cumulative[:, -1] + [queue.recorded.size for queue in self.queues]
        visits = np.linalg.solve(np.eye(len(self.queues)) - self.transfer_matrix.T, fresh)
        return float(visits.sum())

    @cached_property
    def on_position_s(self) -> Floats:
        """Seconds on position of each agent, shape (agents,)."""
        return np.array(
            [sum(end - start for start, end in agent.segments) for agent in self.agents], np.float64
        )

    @cached_property
    def team_of(self) -> NDArray[np.int64]:
        """Number of the team of each agent, shape (agents,)."""
        return np.array([self.team_names.index(agent.team) for agent in self.agents], np.int64)

    @cached_property
    def cumulative(self) -> Floats:
        """Expected calls before each interval's start, shape (queues, intervals + 1)."""
        edges = np.zeros((len(self.queues), self.intervals + 1))
        for i, queue in enumerate(self.queues):
            if queue.calls is not None:
                edges[i, 1:] = np.cumsum(np.asarray(queue.calls, np.float64))
        return edges

    @cached_property
    def open(self) -> NDArray[np.bool_]:
        """Whether transfers and redials reach a queue, shape (queues, intervals + 1)."""
        always = np.ones(self.intervals, np.bool_)
        rows = [always if queue.open is None else np.asarray(queue.open, np.bool_) for queue in self.queues]
        return np.column_stack([np.array(rows), np.array(rows)[:, -1]])

    @cached_property
    def people(self) -> list[str]:
        """Names of the personal agents."""
        return list(dict.fromkeys(name for queue in self.queues for name in queue.personal))

    @cached_property
    def service_scale(self) -> Floats:
        """Factor on the handling time by queue and interval of arrival, shape (queues, intervals + 1)."""
        scale = np.ones((len(self.queues), self.intervals + 1))
        for i, queue in enumerate(self.queues):
            if queue.service_scale is not None:
                scale[i, :-1] = queue.service_scale
                scale[i, -1] = scale[i, -2]
        return scale

    @cached_property
    def person_edges(self) -> Floats:
        """Cumulative shares of the personal agents, queue by queue, by interval of the call."""
        cells = self.intervals + 1
        edges = [np.empty((cells, 0))]
        for queue in self.queues:
            if queue.personal:
                share = np.full((cells, len(queue.personal)), 1.0 / len(queue.personal))
                if queue.personal_share is not None:
                    share[:-1] = queue.personal_share
                edges.append(np.cumsum(share, axis=1))
                edges[-1][:, -1] = 1.0  # rounding must not leave a caller without an agent
        return np.hstack(edges)

    @cached_property
    def tables(self) -> records.Tables:
        """The network as the kernel reads it."""
        return _tables(self)


# --- the network as records -----------------------------------------------------------------------------


def _records(layout: np.dtype[Any], rows: Sequence[tuple[float, ...]]) -> NDArray[Any]:
    """Structured array of `rows`."""
    return np.array(list(rows), layout)


def _starts(groups: Sequence[Sequence[object]]) -> NDArray[np.int64]:
    """Offsets of consecutive groups, shape (groups + 1,)."""
    return np.concatenate([[0], np.cumsum([len(group) for group in groups])]).astype(np.int64)


class _Pool:
    """Values of all laws and records, laid end to end."""

    def __init__(self) -> None:
        self.parts: list[Floats] = [np.zeros(1)]
        self.size = 1

    def add(self, values: Floats) -> int:
        """Append `values`; return where they start."""
        start = self.size
        self.parts.append(values)
        self.size += values.size
        return start


def _route(network: Network, queue: CallQueue, team: str, rank: int) -> tuple[float, ...]:
    """One route as `records.ROUTE`."""
    at, i = network.team_names.index(team), network.queue_names.index(queue.name)
    return (queue.overflow_s.get(team, 0.0), at, i, rank, queue.reserve.get(team, 0))


def _changes(network: Network) -> list[tuple[float, ...]]:
    """Moments at which an agent comes (1) or goes (0), by time; at one moment, leavers go first.

    Hand-overs (2 + the queue that takes over) come last at each moment.
    """
    pairs = [(i, segment) for i, agent in enumerate(network.agents) for segment in agent.joined]
    moves = [(start, i, 1) for i, (start, _) in pairs] + [(end, i, 0) for i, (_, end) in pairs]
    place = network.queue_names.index
    moves += [(time_s, place(queue), 2 + place(other)) for time_s, queue, other in network.hand_overs]
    return sorted(moves, key=lambda move: (move[0], move[2], move[1]))


def _queue_row(queue: CallQueue, person_start: int, pool: _Pool) -> tuple[float, ...]:
    """One queue as `records.QUEUE`, with nobody waiting and no call yet."""
    recorded = -1 if queue.arrival_s is None else queue.recorded.size
    slowest_s = max(queue.overflow_s.values(), default=0.0)
    places = np.iinfo(np.int64).max if queue.places is None else queue.places
    chances = (queue.redial, queue.redial_blocked, queue.redial_pause_s, queue.balk)
    record = (places, person_start, len(queue.personal), pool.add(queue.recorded), recorded)
    return (*chances, slowest_s, 0.0, inf, *record, -1, -1, 0, -1, 0, 0)


def _moves(network: Network, queue: CallQueue) -> list[tuple[float, ...]]:
    """Transfers and consults out of a queue as `records.MOVE`."""
    cumulative = np.cumsum([share for _, share, _ in queue.moves]).tolist()
    return [
        (edge, network.queue_names.index(target), stays)
        for edge, (target, _, stays) in zip(cumulative, queue.moves, strict=True)
    ]


def _tables(network: Network) -> records.Tables:
    """Flatten `network` into the kernel's records."""
    pool, queues = _Pool(), network.queues
    streams = ([q.service for q in queues], [q.patience for q in queues], [q.lookup for q in queues])
    laws = [
        (law.a, law.b, law.kind, pool.add(law.samples), law.samples.size) for row in streams for law in row
    ]
    own = _starts([queue.personal for queue in queues])
    rows = [_queue_row(queue, start, pool) for queue, start in zip(queues, own.tolist(), strict=False)]
    person = {name: number for number, name in enumerate(network.people)}
    routes = [
        [_route(network, queue, team, rank) for team, rank in _ranks(queue.routing)] for queue in queues
    ]
    picks = [
        [
            _route(network, queues[network.queue_names.index(name)], team.name, rank)
            for name, rank in _ranks(team.skills)
        ]
        for team in network.teams
    ]
    moves = [_moves(network, queue) for queue in queues]
    horizon_s = network.intervals * network.interval_s
    return records.Tables(
        queues=_records(records.QUEUE, rows),
        laws=_records(records.LAW, laws),
        values=np.concatenate(pool.parts),
        routes=_records(records.ROUTE, list(chain(*routes))),
        route_start=_starts(routes),
        picks=_records(records.ROUTE, list(chain(*picks))),
        pick_start=_starts(picks),
        moves=_records(records.MOVE, list(chain(*moves))),
        move_start=_starts(moves),
        changes=_records(records.CHANGE, _changes(network)),
        agents=_records(
            records.AGENT,
            [
                (0.0,) * 8 + (team, person.get(agent.name, -1), 0, 0, -1, -1)
                for team, agent in zip(network.team_of, network.agents, strict=True)
            ],
        ),
        persons=np.array([person[name] for queue in queues for name in queue.personal], np.int64),
        person_edges=network.person_edges,
        service_scale=network.service_scale,
        open=network.open,
        interval_s=float(network.interval_s),
        horizon_s=horizon_s,
        # About one event a bucket.
        bucket_s=max(horizon_s / max(1.0, 2.0 * network.expected_calls), SHORTEST_BUCKET_S),
    )
