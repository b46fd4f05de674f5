"""Simulate days of a network: one with every contact, or thousands with counts only, on any executor.

Time is in seconds from the start of the horizon; midnight is not special.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv

from planning.checks import Floats, number, series, whole
from planning.errors import PlanningError
from planning.simulation import kernel
from planning.simulation.contacts import contacts_frame, ratios
from planning.simulation.network import (
    LATEST_S,
    SHORTEST_BUCKET_S,
    Network,
    rising,
)
from planning.simulation.records import CONTACT, NODE, SLOT, TEAM, State, Tables

CALLS_PER_TASK: Final = 400_000
"""Calls of one task: the days of small centres go to an executor together."""


@dataclass(frozen=True, eq=False)
class Day:
    """One simulated day: every contact, and what each agent did.

    Attributes
    ----------
    contacts
        CONTACTS (see `planning.simulation.contacts`), by arrival.
    agents
        One row per agent: name, team, on_position_s, overrun_s (busy outside the segments: the leaver
        finishes the call), staffed_s (their sum), busy_s, occupancy (busy_s / staffed_s, 0 where not
        staffed).
    """

    contacts: pd.DataFrame
    agents: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Days:
    """Counts of many simulated days, in arrays.

    Attributes
    ----------
    network, threshold_s
        What was run.
    counts
        Shape (days, queues, intervals + 1, 8): offered, answered, within the threshold, abandoned, seconds
        waited by the answered, seconds of service, longest wait, answered by the caller's personal agent; by
        queue and interval of arrival. The last interval is for contacts that arrive (by transfer or redial)
        after the horizon.
    on_position_s, busy_s, overrun_s
        Seconds, shape (days, agents).
    answers
        Over all days, shape (agents, 4): answered, within the threshold, seconds waited, longest wait.
    team_busy_s, team_overrun_s
        Over all days, shape (teams, intervals + 1): seconds by interval.
    """

    network: Network
    threshold_s: float
    counts: Floats
    on_position_s: Floats
    busy_s: Floats
    overrun_s: Floats
    answers: Floats
    team_busy_s: Floats
    team_overrun_s: Floats

    def joined(self, other: Days) -> Days:
        """Append the days of another run of the same network."""
        by_day = ("counts", "on_position_s", "busy_s", "overrun_s")
        return Days(
            self.network, self.threshold_s,
            **{name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in by_day},
            answers=_pooled([self.answers, other.answers]),
            team_busy_s=self.team_busy_s + other.team_busy_s,
            team_overrun_s=self.team_overrun_s + other.team_overrun_s,
        )  # fmt: skip

    def measures(self, *, by: Sequence[str] = ("queue",)) -> pd.DataFrame:
        """`contact_measures` by any of "day", "queue" and "interval", pooled over the rest."""
        axes = ("day", "queue", "interval")
        for name in by:
            if name not in axes:
                raise PlanningError(f"by is {name!r}, must be one of {axes}")
        rest = tuple(i for i, name in enumerate(axes) if name not in by)
        totals = self.counts.sum(axis=rest)
        totals[..., kernel.LONGEST_S] = self.counts[..., kernel.LONGEST_S].max(axis=rest)
        kept = [name for name in axes if name in by]
        labels = {"day": range(len(self.counts)), "queue": self.network.queue_names}
        labels["interval"] = range(self.counts.shape[2])
        frame = ratios(totals.reshape(-1, kernel.COUNTS))
        if kept:
            frame.index = pd.MultiIndex.from_product([labels[name] for name in kept], names=kept)
            frame = frame if len(kept) > 1 else frame.set_axis(frame.index.get_level_values(0))
        return frame

    def teams(self) -> pd.DataFrame:
        """Return one row per day and team: on_position_s, overrun_s, staffed_s, busy_s, occupancy."""
        names, days = self.network.team_names, len(self.counts)
        member = np.eye(len(names))[self.network.team_of]
        sums = [(x @ member).ravel() for x in (self.on_position_s, self.overrun_s, self.busy_s)]
        index = pd.MultiIndex.from_product([range(days), names], names=["day", "team"])
        return _staffing(*sums).set_index(index)


def _staffing(on_position_s: Floats, overrun_s: Floats, busy_s: Floats) -> pd.DataFrame:
    """Staffed time and occupancy; staffed = on position + overrun, which is paid."""
    staffed_s = on_position_s + overrun_s
    occupancy = np.divide(busy_s, staffed_s, out=np.zeros_like(busy_s), where=staffed_s > 0.0)
    return pd.DataFrame(
        {
            "on_position_s": on_position_s,
            "overrun_s": overrun_s,
            "staffed_s": staffed_s,
            "busy_s": busy_s,
            "occupancy": occupancy,
        }
    )


_TEAM_SECONDS = ("team_busy_s", "team_overrun_s")


class _Outcome(NamedTuple):
    """What the kernel returns for a day."""

    counts: Floats
    agents: NDArray[Any]
    team_busy_s: Floats
    team_overrun_s: Floats
    contacts: NDArray[Any]


def _pooled(answers: list[Floats]) -> Floats:
    """Sum answers over days or batches; the longest wait is a maximum."""
    total: Floats = np.sum(answers, axis=0)
    total[:, -1] = np.max([one[:, -1] for one in answers], axis=0)
    return total


def _day_rates(network: Network, keys: NDArray[np.uint64]) -> Floats:
    """Cumulative rates of one replication: those of each queue and day times a Gamma factor of mean 1."""
    days = np.array(network.day_intervals or (0,) * network.intervals)
    cumulative = network.cumulative.copy()
    for i, queue in enumerate(network.queues):
        if queue.day_cv > 0.0:
            shape, key = queue.day_cv**-2, keys[i, kernel.DAY]
            u = np.array([kernel.uniform(key, day, 0) for day in range(int(days.max()) + 1)])
            factors = gammaincinv(shape, u) / shape
            cumulative[i, 1:] = np.cumsum(np.diff(cumulative[i]) * factors[days])
    return cumulative


def _run(
    network: Network, seed: int, replication: int, present: NDArray[np.bool_], threshold_s: float, rows: bool
) -> _Outcome:
    """Run one day; if it has more contacts than expected, run the same day again with more room."""
    tables = network.tables
    keys = np.empty((len(network.queues), kernel.STREAMS), np.uint64)
    kernel.fill_keys(np.uint64(seed), np.uint64(replication), keys)
    cumulative = _day_rates(network, keys)
    limits_s = np.array(
        [threshold_s if q.threshold_s is None else q.threshold_s for q in network.queues], float
    )
    redials = 1.0 + max(queue.redial for queue in network.queues)
    room = int(1.2 * redials * network.expected_contacts + 1000.0)  # a busy day may need more
    while True:
        state = new_state(tables, keys, cumulative, present, limits_s, room, rows)
        used = kernel.run_day(tables, state)
        if used >= 0:
            kept = state.contacts[:used] if rows else state.contacts
            return _Outcome(state.counts, state.agents, state.busy_s, state.overrun_s, kept)
        room *= 2


def new_state(
    tables: Tables, keys: Any, cumulative: Any, present: Any, threshold_s: Any, room: int, rows: bool
) -> State:
    """An empty centre with `room` slots, and as many rows of contacts if `rows`."""
    n_teams = len(tables.pick_start) - 1
    return State(
        keys=keys,
        cumulative=cumulative,
        present=present,
        threshold_s=threshold_s,
        queues=tables.queues.copy(),
        teams=np.array([(-1, -1, 0)] * n_teams, TEAM),
        agents=tables.agents.copy(),
        shift_of=np.full(tables.persons.max(initial=-1) + 1, -1),
        slots=np.empty(room, SLOT),
        nodes=np.empty(2 * room, NODE),
        calendar=kernel.new_calendar(),
        hands=np.array([-1, 0, 0]),
        counts=np.zeros((*cumulative.shape, kernel.COUNTS)),
        busy_s=np.zeros((n_teams, cumulative.shape[1])),
        overrun_s=np.zeros((n_teams, cumulative.shape[1])),
        contacts=np.empty(room if rows else 0, CONTACT),
    )


def checked_seed(seed: object) -> int:
    """`seed` as an int of 64 bits."""
    checked = whole("seed", seed)
    if checked >= 2**64:
        raise PlanningError(f"seed is {checked}, must be < 2**64")
    return checked


def simulate_day(
    network: Network, *, seed: int, replication: int = 0, present: ArrayLike | None = None
) -> Day:
    """Simulate one day and keep every contact.

    Parameters
    ----------
    network
        What to run.
    seed, replication
        Which day: the same pair gives the same callers with any staff.
    present
        Booleans of shape (agents,): who is present; everybody by default.

    Returns
    -------
    Day
        Contacts and agents.

    Examples
    --------
    >>> from planning.simulation import Agent, Law, Network, CallQueue, AgentGroup
    >>> ten, five = Law.deterministic(10.0), Law.deterministic(5.0)
    >>> line = CallQueue("line", ten, ("desk",), arrival_s=[0.0, 1.0], patience=five)
    >>> desk, agent = AgentGroup("desk", ("line",)), Agent("desk", ((0, 60),))
    >>> day = simulate_day(Network((line,), (desk,), (agent,)), seed=1)
    >>> day.contacts[["arrival_s", "answer_s", "end_s", "outcome"]]
       arrival_s  answer_s  end_s    outcome
    0        0.0       0.0   10.0   answered
    1        1.0       NaN    6.0  abandoned
    """
    replication = whole("replication", replication, 0)
    given = None if present is None else np.asarray(present)[None]
    here = _presence(given, 1, len(network.agents))[0]
    outcome = _run(network, checked_seed(seed), replication, here, 0.0, rows=True)
    agents = _staffing(here * network.on_position_s, outcome.agents["overrun_s"], outcome.agents["busy_s"])
    agents.insert(0, "name", [agent.name for agent in network.agents])
    agents.insert(1, "team", pd.Categorical.from_codes(network.team_of, network.team_names))
    agents.index.name = "agent"
    frame = contacts_frame(outcome.contacts, network.queue_names, network.team_names, network.team_of)
    return Day(frame, agents)


def _batch(
    network: Network, seed: int, replications: range, present: NDArray[np.bool_], threshold_s: float
) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
    """Return counts, busy and overrun seconds by day; answers and the teams' seconds pooled over the days."""
    days = [
        _run(network, seed, replication, here, threshold_s, rows=False)
        for replication, here in zip(replications, present, strict=True)
    ]
    counts = np.array([day.counts for day in days])
    busy_s, overrun_s = (np.array([day.agents[name] for day in days]) for name in ("busy_s", "overrun_s"))
    columns = ("answered", "within", "wait_s", "longest_s")
    answers = _pooled([np.column_stack([day.agents[name] for name in columns]) for day in days])
    teams = (np.sum([getattr(day, name) for day in days], axis=0) for name in _TEAM_SECONDS)
    return counts, busy_s, overrun_s, answers, *teams


def _presence(present: ArrayLike | None, replications: int, agents: int) -> NDArray[np.bool_]:
    """`present` as booleans of shape (replications, agents); everybody by default."""
    if present is None:
        return np.ones((replications, agents), np.bool_)
    array = np.asarray(present)
    if array.dtype != np.bool_ or array.shape != (replications, agents):
        raise PlanningError(
            f"present has shape {array.shape} and type {array.dtype}, "
            f"must be booleans of shape {(replications, agents)}: one row per day"
        )
    return array


def simulate_days(
    network: Network,
    replications: int,
    *,
    seed: int,
    threshold_s: float = 20.0,
    present: ArrayLike | None = None,
    first: int = 0,
    executor: Executor | None = None,
) -> Days:
    """Simulate many independent days and keep counts only.

    The numbers do not depend on the executor. Days of two networks with the same `seed` have the same callers
    (common random numbers): compare them day by day with `planning.simulation.paired_difference`.

    Parameters
    ----------
    network
        What to run.
    replications
        Number of days, >= 1.
    seed
        Whole number in [0, 2**64).
    threshold_s
        Threshold of the service level for queues without their own.
    present
        Booleans of shape (replications, agents): who is present on which day; everybody by default.
    first
        Number of the first day: a run of 20 days with `first` 20 continues a run of 20 days.
    executor
        Any `concurrent.futures.Executor`; by default threads, one per core.

    Returns
    -------
    Days
        Counts by day, queue and interval, seconds by day and agent.
    """
    days = whole("replications", replications, 1)
    limit_s = number("threshold_s", threshold_s, 0.0, LATEST_S)
    here = _presence(present, days, len(network.agents))
    size = max(1, round(CALLS_PER_TASK / max(1.0, network.expected_calls)))
    start = whole("first", first, 0)
    parts = [range(begin, min(begin + size, days)) for begin in range(0, days, size)]
    tasks = [
        (
            network,
            checked_seed(seed),
            range(start + part.start, start + part.stop),
            here[part.start : part.stop],
            limit_s,
        )
        for part in parts
    ]
    if executor is None:
        with ThreadPoolExecutor(min(len(tasks), cpu_count() or 1)) as threads:
            done = [future.result() for future in [threads.submit(_batch, *task) for task in tasks]]
    else:
        done = [future.result() for future in [executor.submit(_batch, *task) for task in tasks]]
    counts, busy_s, overrun_s, answers, *teams = zip(*done, strict=True)
    return Days(
        network, limit_s, np.concatenate(counts), here * network.on_position_s, np.concatenate(busy_s),
        np.concatenate(overrun_s), _pooled(list(answers)),
        *(np.sum(seconds, axis=0) for seconds in teams),
    )  # fmt: skip


def fifo(
    arrival_s: ArrayLike, service_s: ArrayLike, agents: int, *, patience_s: ArrayLike | None = None
) -> pd.DataFrame:
    """Replay recorded calls through one pool, first come first served.

    Call i starts at max(arrival_i, first moment at which an agent is free), by the agent free longest, unless
    the caller's patience ends before that; then it is abandoned (Kiefer and Wolfowitz, 1955, with patience).

    Parameters
    ----------
    arrival_s, service_s
        Arrivals in rising order and handling times, shape (calls,).
    agents
        Agents in the pool, >= 1, present all the time.
    patience_s
        Patience of each caller, infinity allowed; by default nobody abandons.

    Returns
    -------
    DataFrame
        CONTACTS, one row per call, in the order given. Exact for whole numbers below 2**53 in any unit.

    Raises
    ------
    PlanningError
        Calls out of order, lengths that differ, negative durations, fewer than one agent.

    Examples
    --------
    >>> fifo([0.0, 1.0, 2.0], [10.0, 10.0, 10.0], 1, patience_s=[5.0, 5.0, 20.0])[["answer_s", "end_s"]]
       answer_s  end_s
    0       0.0   10.0
    1       NaN    6.0
    2      10.0   20.0
    """
    arrival, service = rising("arrival_s", arrival_s), series("service_s", service_s, high=LATEST_S)
    patience = np.empty(0) if patience_s is None else series("patience_s", patience_s, infinite=True)
    for name, values in (("service_s", service), ("patience_s", patience)):
        if values.size != arrival.size and not (name == "patience_s" and patience_s is None):
            raise PlanningError(f"{name} has {values.size} values, must have one per call ({arrival.size})")
    pool = whole("agents", agents, 1)
    columns = {name: np.empty_like(arrival) for name in ("answer_s", "end_s")}
    columns |= {"agent": np.empty(arrival.size, np.int64)}
    span_s = max(float(np.ptp(arrival)), float(service.sum()) / pool) if arrival.size else 0.0
    bucket_s = max(span_s / max(1, 2 * arrival.size), SHORTEST_BUCKET_S)
    kernel.fifo_day(
        arrival, service, patience, bucket_s, kernel.new_calendar(), np.empty(pool, NODE), **columns
    )
    codes = {
        name: np.full(arrival.size, code) for name, code in (("queue", 0), ("attempt", 1), ("source", -1))
    }
    rows = {"arrival_s": arrival.copy(), **columns, **codes}
    return contacts_frame(rows, ["calls"], ["agents"], np.zeros(pool, np.int64))
