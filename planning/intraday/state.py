"""A day at one moment: what came so far, who is here, and the service to expect until its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from planning.calendars import DAY, local_day, on_clock, time_of_day
from planning.checks import Bools, Floats, Ints
from planning.demand.rest_of_day import reforecast
from planning.errors import PlanningError
from planning.queueing import agents_required
from planning.queueing.transient import exact_states
from planning.queueing.transient_kernels import thinned
from planning.service import unfolded
from planning.staffing import behind_lookup, heads_present, site_shares
from planning.tables import BREAKS, DEMAND, Table

if TYPE_CHECKING:
    from planning.centre import Centre

WARM_H = 4
"""Hours before now from which the present state of a queue follows."""
_KEY = ["agent_id", "shift_id"]
MEETINGS = Table("meetings", {name: BREAKS.columns[name] for name in ("agent_id", "kind", "start", "end")})
SURE = 0.9
"""Probability with which the day's calls stay below those of `service_level_low`."""


class SoFar(NamedTuple):
    """The calls of a day up to a moment."""

    rows: pd.DataFrame
    """DEMAND of the intervals that are over."""
    refused: pd.DataFrame
    """Rows left out, with their reason."""
    missing: pd.DataFrame
    """queue, interval_start of the planned intervals that are over and have no row."""


def calls_so_far(
    centre: Centre, actuals: pd.DataFrame, plan: pd.DataFrame, now: pd.Timestamp | None = None
) -> tuple[SoFar, pd.Timestamp]:
    """Take the rows of today that are over; say which rows are left out and why, and which are missing.

    Parameters
    ----------
    centre : Centre
    actuals : DataFrame
        DEMAND as it came.
    plan : DataFrame
        DEMAND of the plan's days.
    now : Timestamp, optional
        By default the end of the last interval of `actuals`.

    Returns
    -------
    SoFar
    Timestamp
        Now, at the end of the last interval that is over.

    Raises
    ------
    PlanningError
        No row is left, the moment lies outside the plan's days, or it has no time zone.
    """
    step = pd.Timedelta(seconds=centre.interval_s)
    rows, faulty = DEMAND.split(actuals, "actuals")
    rows = rows.assign(interval_start=rows["interval_start"].dt.tz_convert(centre.time_zone))
    starts = rows["interval_start"]
    if now is None:
        if rows.empty:
            raise PlanningError("actuals have no good row: give the calls so far by interval")
        now = starts.max() + step
    if now.tz is None:
        raise PlanningError(f"now is {now}, must have a time zone: write it as 2026-11-23T11:15+03:00")
    now = now.tz_convert(centre.time_zone)
    now -= time_of_day(pd.DatetimeIndex([now]))[0] % step
    planned = plan.assign(interval_start=plan["interval_start"].dt.tz_convert(centre.time_zone))
    today = local_day(now - step)
    day = planned[local_day(pd.DatetimeIndex(planned["interval_start"])) == today]
    if day.empty:
        first, last = (local_day(edge) for edge in planned["interval_start"].agg(["min", "max"]))
        raise PlanningError(
            f"now is {now:%Y-%m-%d %H:%M}, the plan holds {first:%Y-%m-%d} to {last:%Y-%m-%d}: give another "
            "moment or another plan"
        )
    reasons = [
        (
            ~rows["queue"].isin(centre.queues),
            f"its queue is none of the centre's: {', '.join(centre.queues)}",
        ),
        (local_day(pd.DatetimeIndex(starts)) != today, f"it is not of {today:%Y-%m-%d}"),
        (time_of_day(pd.DatetimeIndex(starts)) % step != pd.Timedelta(0), f"it is off the grid of {step}"),
        (starts + step > now, f"its interval is not over at {now:%H:%M}"),
    ]
    reason = pd.Series("", index=rows.index)
    for bad, text in reasons:
        reason[np.asarray(bad) & (reason == "").to_numpy()] = text
    left = rows[reason != ""].assign(reason=reason[reason != ""])
    kept = rows[reason == ""]
    if kept.empty:
        why = f"; the first: {left['reason'].iloc[0]}" if len(left) else ""
        raise PlanningError(f"actuals have no row of {today:%Y-%m-%d} before {now:%H:%M}{why}")
    over = day.loc[day["interval_start"] < now, ["queue", "interval_start"]]
    both = over.merge(kept, how="left", indicator="found")
    missing = both.loc[both["found"] != "both", ["queue", "interval_start"]].reset_index(drop=True)
    refused = pd.concat([part for part in (faulty, left) if len(part)] or [left])
    return SoFar(kept.reset_index(drop=True), refused, missing), now


def with_meetings(
    roster: pd.DataFrame, breaks: pd.DataFrame, meetings: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put meetings and trainings of a day among the breaks.

    Parameters
    ----------
    roster, breaks : DataFrame
        ROSTER and BREAKS.
    meetings : DataFrame
        agent_id, kind ("training", for example), start and end, with their offset.

    Returns
    -------
    breaks : DataFrame
        BREAKS with those meetings that lie in a shift of the person, outside the other breaks.
    refused : DataFrame
        The other rows, with their reason.
    """
    shifts, pauses = (dict(list(frame.groupby("agent_id"))) for frame in (roster, breaks))

    def reason(row: Any) -> str:
        if row.agent_id not in shifts:
            return f"agent_id is {row.agent_id!r}, who has no shift in the plan: correct or drop it"
        if row.end <= row.start:
            return "its end is not after its start"
        own = shifts[row.agent_id]
        if not ((own["start"] <= row.start) & (row.end <= own["end"])).any():
            return f"{row.agent_id} has no shift from {row.start} to {row.end}: give a time within a shift"
        other = pauses.get(row.agent_id)
        if other is not None and ((other["start"] < row.end) & (other["end"] > row.start)).any():
            return f"{row.agent_id} has a break then: give another time, or drop it if it is in the plan"
        return ""

    good, refused = MEETINGS.split(meetings, "meetings", reason)
    zone = roster["start"].dt.tz
    good = good.assign(**{edge: good[edge].dt.tz_convert(zone) for edge in ("start", "end")})
    held = good.merge(roster[[*_KEY, "start", "end"]], on="agent_id", suffixes=("", "_shift"))
    held = held[(held["start_shift"] <= held["start"]) & (held["end"] <= held["end_shift"])]
    added = held.assign(paid=True)[list(BREAKS.columns)]
    parts = [part for part in (breaks[list(BREAKS.columns)], added) if len(part)]
    return (pd.concat(parts, ignore_index=True) if parts else breaks), refused


@dataclass(frozen=True, eq=False)
class Today:
    """What is known of a day at one moment.

    Attributes
    ----------
    centre : Centre
    now : Timestamp
        Start of an interval.
    so_far : DataFrame
        DEMAND of the intervals that are over (`calls_so_far`).
    rest : DataFrame
        FORECAST of the others (`planning.demand.reforecast`).
    roster, breaks : DataFrame
        ROSTER and BREAKS of the plan.
    absent : sequence of str, optional
        Who is known to be away. With it, everybody else whose shift has begun counts as present. Without it,
        the team's shrinkage is away, as in the plan. Of shifts still to begin, it is away in both cases.
    in_system : mapping
        Callers in service or waiting now, by queue (``"queue site"`` where its sites work apart). For the
        other queues they follow from the last hours.
    """

    centre: Centre
    now: pd.Timestamp
    so_far: pd.DataFrame
    rest: pd.DataFrame
    roster: pd.DataFrame
    breaks: pd.DataFrame
    absent: Sequence[str] | None = None
    in_system: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        zone = self.centre.time_zone
        today = local_day(self.rest["interval_start"].dt.tz_convert(zone).min())
        begin, end = on_clock(today, zone), on_clock(today + DAY, zone)
        roster = self.roster[(self.roster["start"] < end) & (self.roster["end"] > begin)]
        for agent in self.absent or ():
            if agent not in set(roster["agent_id"]):
                raise PlanningError(f"absent names {agent!r}, who has no shift today: correct or drop it")
        roster = roster[~roster["agent_id"].isin(list(self.absent or ()))].reset_index(drop=True)
        breaks = self.breaks[self.breaks["agent_id"].isin(roster["agent_id"])]
        breaks = breaks[breaks["shift_id"].isin(roster["shift_id"])]
        for name, frame in (("roster", roster), ("breaks", breaks)):
            edges = {edge: frame[edge].dt.tz_convert(zone) for edge in ("start", "end")}
            object.__setattr__(self, name, frame.assign(**edges).reset_index(drop=True))

    def only(self, agents: Iterable[str]) -> Today:
        """Return the day of some people alone."""
        own = self.roster["agent_id"].isin(list(agents))
        return replace(self, roster=self.roster[own], absent=None if self.absent is None else ())

    @cached_property
    def _laws(self) -> dict[str, Floats]:
        return {}

    def law_of(self, pool: Pool) -> Floats:
        """Law of the number of callers of a pool at this moment, found once."""
        if pool.label not in self._laws:
            self._laws[pool.label] = law_now(self, pool)
        return self._laws[pool.label]

    @property
    def step(self) -> pd.Timedelta:
        """Length of an interval."""
        return pd.Timedelta(seconds=self.centre.interval_s)


def today_of(
    centre: Centre,
    actuals: pd.DataFrame,
    plan: Mapping[str, pd.DataFrame],
    history: pd.DataFrame,
    *,
    now: pd.Timestamp | None = None,
    absent: Sequence[str] | None = None,
    in_system: Mapping[str, int] | None = None,
) -> tuple[Today, SoFar]:
    """Put a day together from its calls so far, the plan, and the history that tells what a morning is worth.

    Parameters
    ----------
    centre : Centre
    actuals : DataFrame
        DEMAND as it came.
    plan : mapping
        The plan's ``demand``, ``roster`` and ``breaks``, as `Plan.tables` has them.
    history : DataFrame
        DEMAND of the days before. Queues without a row there are not forecast again, so they are left out.
    now, absent, in_system
        As for `calls_so_far` and `Today`.
    """
    so_far, now = calls_so_far(centre, actuals, plan["demand"], now)
    planned = plan["demand"][plan["demand"]["queue"].isin(history["queue"])]
    rest = reforecast(planned, so_far.rows, history, zone=centre.time_zone, country=centre.country, now=now)
    day = Today(centre, now, so_far.rows, rest, plan["roster"], plan["breaks"], absent, in_system or {})
    return day, so_far


class Pool(NamedTuple):
    """Agents who answer one queue together."""

    label: str
    queue: str
    teams: list[str]
    share: Floats
    """Share of the queue's calls, by interval."""
    site: str | None = None
    """Where they sit; at any site by default."""


def pools(centre: Centre, times: pd.DatetimeIndex, queue: str) -> list[Pool]:
    """One pool over all sites of a queue, or a pool a site where they work apart."""
    staffed = {site: team for site in centre.sites if (team := centre.team_for(queue, site))}
    if centre.queues[queue].pooled:
        return [Pool(queue, queue, list(staffed.values()), np.ones(len(times)))]
    share = site_shares(centre, queue, times)
    return [
        Pool(f"{queue} {site}", queue, [team for at, team in staffed.items() if at == site], part, site)
        for site, part in zip(centre.sites, share.T, strict=True)
        if part.any()
    ]


def on_position(
    roster: pd.DataFrame, breaks: pd.DataFrame, times: pd.DatetimeIndex, step: pd.Timedelta
) -> Bools:
    """Tell who is on position throughout each interval: shape (rows of the roster, times)."""
    at, length = times.as_unit("us").asi8, step // pd.Timedelta(microseconds=1)
    starts, ends = (_micros(roster[edge])[:, None] for edge in ("start", "end"))
    there: Bools = (starts <= at) & (at + length <= ends)
    rows = roster[_KEY].assign(row=np.arange(len(roster)))
    of = breaks[[*_KEY, "start", "end"]].merge(rows, on=_KEY)
    away = (_micros(of["start"])[:, None] < at + length) & (_micros(of["end"])[:, None] > at)
    out = np.zeros_like(there)
    np.logical_or.at(out, of["row"].to_numpy(), away)
    return there & ~out


def _micros(times: pd.Series) -> Ints:
    return np.asarray(times.dt.tz_convert("UTC").dt.as_unit("us").astype("int64"))


def heads(today: Today, pool: Pool, times: pd.DatetimeIndex) -> tuple[Ints, Ints]:
    """Agents of a pool on position at each time, and how many of them go at its start."""
    return heads_of(today.centre, presence(today, pool, times).counted(today.centre))


class Presence(NamedTuple):
    """Who answers a pool's queue at each time: a row a shift, or a part of one lent by another team."""

    rows: pd.DataFrame
    """agent_id and team."""
    known: Bools
    """Whether the person is known to be here; others are expected, with the shrinkage of their team."""
    there: Bools
    """Whether they are on position, by row and time."""

    def counted(self, centre: Centre, which: Bools | slice = slice(None)) -> Ints:
        """Count people of each team, of all rows or some, shape (teams, 3, times).

        They are on position and known to be here, on position and expected, or they go at this time.
        """
        known, there = self.known[which], self.there[which]
        at = self.rows["team"][which].map({name: number for number, name in enumerate(centre.teams)})
        go = np.zeros_like(there)
        go[:, 1:] = there[:, :-1] & ~there[:, 1:]
        counts = np.zeros((len(centre.teams), 3, there.shape[1]), dtype=np.int64)
        for part, mask in enumerate((there & known[:, None], there & ~known[:, None], go)):
            np.add.at(counts[:, part], at.to_numpy(dtype=np.int64), mask)
        return counts


def presence(today: Today, pool: Pool, times: pd.DatetimeIndex) -> Presence:
    """Tell who answers a pool's queue at each time.

    A break whose kind is the name of a queue is time in which a person answers that queue instead.
    """
    roster, breaks = today.roster, today.breaks
    own = roster.loc[roster["team"].isin(pool.teams), [*_KEY, "team", "site", "start", "end"]]
    rows = own.assign(start_shift=own["start"])
    lends = breaks["kind"] == pool.queue
    if lends.any():
        guests = breaks.loc[lends, [*_KEY, "start", "end"]].merge(
            roster[[*_KEY, "team", "site", "start"]], on=_KEY, suffixes=("", "_shift")
        )
        rows, breaks = pd.concat([rows, guests], ignore_index=True), breaks[~lends]
    if pool.site is not None:
        rows = rows[rows["site"] == pool.site]
    rows = rows.reset_index(drop=True)
    known = (rows["start_shift"] <= today.now).to_numpy() & (today.absent is not None)
    return Presence(rows[["agent_id", "team"]], known, on_position(rows, breaks, times, today.step))


def heads_of(centre: Centre, counts: Ints) -> tuple[Ints, Ints]:
    """Agents on position, and how many of them go, of people `counted`."""
    agents = counts[:, 0].sum(axis=0)
    for team, later in zip(centre.teams.values(), counts[:, 1], strict=True):
        agents = agents + heads_present(later, team.shrinkage)
    fall = np.maximum(-np.diff(agents, prepend=agents[0]), 0)
    return agents, np.clip(counts[:, 2].sum(axis=0), fall, np.append(0, agents[:-1]))


def expected_service(today: Today, queues: Sequence[str] | None = None) -> pd.DataFrame:
    """Service to expect from now to the end of the day, by the exact model from the present state.

    Parameters
    ----------
    today : Today
    queues : sequence of str, optional
        By default all that promise a service level and have calls ahead.

    Returns
    -------
    DataFrame
        A row per pool and interval: pool (the queue, or queue and site), queue, interval_start, calls, aht_s,
        agents, leaving (at its start), needed (for the target in a steady interval), target, service_level,
        service_level_low (that of a day whose calls only one in ten exceeds), queue_end (mean number waiting
        at its end).
    """
    ahead = set(today.rest["queue"])
    asked = [name for name, queue in today.centre.queues.items() if queue.target.service_level is not None]
    chosen = [name for name in asked if name in ahead and (queues is None or name in queues)]
    parts = [table for name in chosen for table in _service_of(today, name)]
    if not parts:
        raise PlanningError("no queue that promises a service level has calls ahead: the day is over")
    return pd.concat(parts, ignore_index=True)


def late_calls(service: pd.DataFrame) -> float:
    """Expected calls that are not answered within their threshold."""
    return float((service["calls"] * (1 - service["service_level"])).sum())


def shortfalls(service: pd.DataFrame) -> pd.DataFrame:
    """List the stretches of time in which a pool misses its target.

    Returns
    -------
    DataFrame
        pool, start, end, service_level (of the stretch's calls), target, late (calls), short (agents missing
        at the most).
    """
    below = service[service["service_level"] < service["target"]]
    step = service["interval_start"].diff().where(lambda gap: gap > pd.Timedelta(0)).min()
    new = (below["pool"] != below["pool"].shift()) | (below["interval_start"].diff() != step)
    rows = [
        {
            "pool": part["pool"].iloc[0],
            "start": part["interval_start"].iloc[0],
            "end": part["interval_start"].iloc[-1] + step,
            "service_level": 1 - late_calls(part) / max(part["calls"].sum(), 1e-9),
            "target": part["target"].iloc[0],
            "late": late_calls(part),
            "short": int((part["needed"] - part["agents"]).max()),
        }
        for _, part in below.groupby(new.cumsum())
    ]
    return pd.DataFrame(rows, columns=["pool", "start", "end", "service_level", "target", "late", "short"])


def _service_of(today: Today, queue: str) -> Iterator[pd.DataFrame]:
    rows = today.rest[today.rest["queue"] == queue].sort_values("interval_start", ignore_index=True)
    times = pd.DatetimeIndex(rows["interval_start"])
    settings = today.centre.queues[queue]
    stays, target = behind_lookup(settings, settings.patience_s)
    high = _high(rows)
    for pool in pools(today.centre, times, queue):
        agents, leaving = heads(today, pool, times)
        table = pd.DataFrame(
            {
                "pool": pool.label,
                "queue": queue,
                "interval_start": times,
                "calls": rows["calls"] * pool.share,
                "aht_s": rows["aht_s"],
                "agents": agents,
                "leaving": leaving,
            }
        )
        needed = agents_required(
            stays * table["calls"],
            table["aht_s"],
            target,
            interval_s=today.centre.interval_s,
            patience_s=settings.patience_s,
        )
        law = today.law_of(pool) if times[0] == today.now else np.ones(1)
        mean = unfold(today, table, law)
        busy = unfold(today, table.assign(calls=table["calls"] * high), law)
        yield table.assign(
            needed=needed,
            target=settings.target.service_level,
            service_level=mean["service_level"],
            service_level_low=busy["service_level"],
            queue_end=mean["queue_end"],
        )


def unfold(today: Today, table: pd.DataFrame, law: Floats) -> pd.DataFrame:
    """Measures of a pool by interval, from the law of its callers at the first; a closed hour empties it."""
    queue, parts = str(table["queue"].iloc[0]), []
    for number, part in table.groupby((table["interval_start"].diff() > today.step).cumsum()):
        # The law is that of the callers whom those who leave at its start have left behind.
        stretch = part.assign(leaving=part["leaving"].where(part.index != part.index[0], 0))
        start = np.ones(1) if number else law
        found = unfolded(today.centre, queue, stretch.reset_index(drop=True), start=start)
        parts.append(pd.DataFrame(found, index=part.index))
    return pd.concat(parts)


def laws_of(today: Today, table: pd.DataFrame, pool: Pool) -> list[Floats]:
    """Law of the number of a pool's callers at the start of each interval of its service."""
    settings = today.centre.queues[pool.queue]
    stays, _ = behind_lookup(settings, settings.patience_s)
    laws = []
    for number, part in table.groupby((table["interval_start"].diff() > today.step).cumsum()):
        begins = not number and part["interval_start"].iloc[0] == today.now
        law = today.law_of(pool) if begins else np.ones(1)
        agents, leaving = part["agents"].to_numpy(), part["leaving"].to_numpy().copy()
        leaving[0] = 0
        states = exact_states(
            stays * part["calls"], part["aht_s"], agents, interval_s=today.centre.interval_s,
            patience_s=settings.patience_s, leaving=leaving, start=law,
        )  # fmt: skip
        kept = zip(states, agents, agents - np.append(leaving[1:], 0), strict=True)
        laws += [law, *[thinned(end, before, after) for end, before, after in list(kept)[:-1]]]
    return laws


def _high(rows: pd.DataFrame) -> float:
    """Factor on the mean calls of a day that is exceeded once in ten times."""
    from scipy.special import gammaincinv

    cv = float(rows["day_cv"].iloc[0])
    return float(gammaincinv(cv**-2, SURE) * cv**2) if cv > 1e-3 else 1.0


def law_now(today: Today, pool: Pool) -> Floats:
    """Law of the number of callers of a pool at this moment."""
    if pool.label in today.in_system:
        return np.append(np.zeros(int(today.in_system[pool.label])), 1.0)
    centre, settings = today.centre, today.centre.queues[pool.queue]
    past = today.so_far[today.so_far["queue"] == pool.queue].set_index("interval_start")
    times = pd.date_range(
        today.now - pd.Timedelta(hours=WARM_H), today.now, freq=today.step, inclusive="left"
    )
    times = times[times >= past.index.min()] if len(past) else times[:0]
    if times.empty:
        return np.ones(1)
    # The last row stands for an interval that has none.
    known = past.reindex(times, method="ffill")
    share = next(part.share for part in pools(centre, times, pool.queue) if part.label == pool.label)
    agents, leaving = heads(today, pool, times)
    stays, _ = behind_lookup(settings, settings.patience_s)
    aht_s = known["aht_s"].where(known["aht_s"] > 0, max(float(past["aht_s"].mean()), 1.0))
    states = exact_states(
        stays * known["calls"] * share, aht_s, agents,
        interval_s=centre.interval_s, patience_s=settings.patience_s, leaving=leaving,
    )  # fmt: skip
    return np.asarray(states[-1])
