"""What can still be done today, ranked by price and effect, each as a change of the roster's rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from planning.checks import Bools, Floats, Ints
from planning.intraday.state import (
    Pool,
    Today,
    counted,
    heads_of,
    late_calls,
    laws_of,
    on_position,
    pools,
    unfold,
)
from planning.pay import hour_cost, overtime_pay_h, pay_parts, shift_premium_hours
from planning.queueing import agents_required
from planning.roster.audit import new_breaches
from planning.roster.inputs import Horizon
from planning.shifts.catalogue import Shape, shapes
from planning.staffing import behind_lookup, promised_service

NOTICE = pd.Timedelta(minutes=30)
"""Nobody is asked to change anything sooner than this."""
EARLY_NOTICE = pd.Timedelta(hours=2)
"""Nobody is asked to come sooner than this."""
HOURS = (1, 2, 3, 4)
"""Lengths of overtime, early starts and time off that are offered."""
WORTH = 1.0
"""Late calls that an hour of overtime must avoid to be proposed."""
LEAST_MOVE = 0.2
"""Late calls that moving one break must avoid."""
MOST = 40
"""People, or breaks, of one kind of proposal in one pool."""
REACH = 15
"""Agents more or fewer whose service is looked up."""
ECHO = pd.Timedelta(hours=1)
"""Time after a change in which its effect on the queue is counted."""
CHANGES = ["agent_id", "shift_id", "row", "start_before", "end_before", "start", "end"]
PROPOSALS = ["kind", "pool", "text", "people", "price", "late_avoided", "price_of_call"]
_KEY = ["agent_id", "shift_id"]


def proposals(
    today: Today, service: pd.DataFrame, people: pd.DataFrame, roster: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rank what can still be done: breaks moved, overtime, early starts, and time off.

    Breaks move within the windows of their shift, to where an agent is missed least. Longer shifts are asked
    of people whose rules allow it, as the audit says. Time off is offered only where the target would still
    be met if one in ten intervals has more calls. At no time are more people at desks than a site has.

    Parameters
    ----------
    today : Today
    service : DataFrame
        `expected_service` of this day.
    people : DataFrame
        PEOPLE.
    roster : DataFrame
        ROSTER of all the plan's days, which the audit needs.

    Returns
    -------
    proposals : DataFrame
        Index proposal (a number): kind, pool, text, people (how many), price (negative: saved), late_avoided
        (calls answered in time instead of late, by the exact model from the changed roster) and
        price_of_call. The cheapest call first, then what saves money.
    changes : DataFrame
        Rows of the roster ("shift") and of the breaks ("break") before and after: proposal, agent_id,
        shift_id, row, start_before, end_before, start, end.
    """
    benches = [
        _Bench.of(today, rows.reset_index(drop=True)) for _, rows in service.groupby("pool", sort=False)
    ]
    moved = [(bench, *each) for bench in benches for each in _moved_breaks(bench)]
    hours, prices = _asked(today, benches, people, roster)
    found = []
    for bench, kind, text, changes in [*moved, *hours]:
        avoided = bench.avoided(changes)
        if kind == "time off" or avoided > 0:
            who = changes["agent_id"]
            price = float(prices.reindex(who[changes["row"] == "shift"]).sum())
            values = (kind, bench.label, text, who.nunique(), price, avoided)
            found.append((dict(zip(PROPOSALS, values, strict=False)), changes))
    order = sorted(range(len(found)), key=lambda at: _rank(found[at][0]))
    table = pd.DataFrame([found[at][0] for at in order], columns=PROPOSALS[:-1])
    cost = table["price"] / table["late_avoided"].where(table["late_avoided"] > 0)
    table["price_of_call"] = cost.where(table["kind"] != "time off")
    table.index = pd.RangeIndex(1, len(table) + 1, name="proposal")
    parts = [found[at][1].assign(proposal=number) for number, at in enumerate(order, 1)]
    every = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*CHANGES, "proposal"])
    return table, every[["proposal", *CHANGES]]


def applied(today: Today, changes: pd.DataFrame) -> Today:
    """Return the day with some changes made.

    A shift that ends earlier loses the breaks after its end; paid and night hours follow.
    """
    after = _moved(today, changes)
    roster = after.roster
    changed = roster["agent_id"].isin(changes.loc[changes["row"] == "shift", "agent_id"])
    own = roster[changed]
    if own.empty:
        return after
    unpaid = _unpaid(own, after.breaks)
    rest_h = ((unpaid["end"] - unpaid["start"]) / pd.Timedelta(hours=1)).groupby(level=0).sum()
    own = own.assign(paid_h=((own["end"] - own["start"]) / pd.Timedelta(hours=1)).sub(rest_h, fill_value=0.0))
    night_h = shift_premium_hours(today.centre, own, unpaid)["night_h"]
    roster.loc[changed, ["paid_h", "night_h"]] = np.column_stack([own["paid_h"], night_h])
    return after


def _moved(today: Today, changes: pd.DataFrame) -> Today:
    """Change the times of shifts and breaks, not yet the hours."""
    roster, breaks = today.roster.copy(), today.breaks.copy()
    for name, frame in (("shift", roster), ("break", breaks)):
        keys = [*_KEY, "start", "end"]
        asked = changes[changes["row"] == name].set_index(["agent_id", "start_before"])
        at = frame[frame["agent_id"].isin(asked.index.get_level_values(0))]
        for row in at[keys].itertuples():
            if (row.agent_id, row.start) in asked.index:
                frame.loc[row.Index, ["start", "end"]] = asked.loc[
                    (row.agent_id, row.start), ["start", "end"]
                ].tolist()
    shorter = changes[changes["row"] == "shift"]
    for row in shorter[shorter["end"] < shorter["end_before"]].itertuples():
        mine = (breaks["agent_id"] == row.agent_id) & (breaks["shift_id"] == row.shift_id)
        breaks = breaks[~(mine & (breaks["end"] > row.end))]
    return replace(today, roster=roster, breaks=breaks, absent=None if today.absent is None else ())


def price_of(today: Today, after: Today, agents: Sequence[str]) -> pd.Series:
    """Price of each person's change: the pay after less the pay before, with overtime premiums."""
    pay = []
    for day in (today, after):
        own = day.roster[day.roster["agent_id"].isin(agents)]
        hours = shift_premium_hours(day.centre, own, _unpaid(own, day.breaks))
        cost = pay_parts(day.centre, own["team"], own["paid_h"], hours).sum(axis=1)
        pay.append(
            own[["agent_id", "site", "team", "paid_h"]].assign(cost=cost, holiday_h=hours["holiday_h"])
        )
    old, new = pay
    more = new[["paid_h", "holiday_h", "cost"]] - old[["paid_h", "holiday_h", "cost"]]
    extra_h = (more["paid_h"] - more["holiday_h"]).clip(lower=0.0)
    premium = [
        hour_cost(today.centre, team) * float(overtime_pay_h(today.centre.at(site), extra))
        for team, site, extra in zip(new["team"], new["site"], extra_h, strict=True)
    ]
    return (more["cost"] + premium).groupby(new["agent_id"]).sum()


def _unpaid(roster: pd.DataFrame, breaks: pd.DataFrame) -> pd.DataFrame:
    """Unpaid breaks of some shifts, labelled as they are."""
    label = pd.Series(roster.index, index=pd.MultiIndex.from_frame(roster[_KEY]))
    own = breaks[~breaks["paid"].astype(bool)]
    of = label.reindex(pd.MultiIndex.from_frame(own[_KEY])).to_numpy()
    return own[~pd.isna(of)].set_axis(of[~pd.isna(of)].astype(int))[["start", "end"]]


def _rank(each: Mapping[str, Any]) -> tuple[bool, float]:
    """What avoids late calls first, the cheapest call first; then what saves money, the most first."""
    saves = each["kind"] == "time off"
    return saves, each["price"] if saves else each["price"] / each["late_avoided"]


@dataclass(eq=False)
class _Bench:
    """A pool whose agents are added or taken away interval by interval, by the steady formulas.

    It chooses what to propose; the exact model judges it.
    """

    today: Today
    service: pd.DataFrame
    times: pd.DatetimeIndex
    pool: Pool
    late: Floats
    """Late calls of each interval with `REACH` agents fewer to more, shape (intervals, 2 REACH + 1)."""
    spare: Ints
    """Agents above those needed if one in ten days has more calls."""
    desks: dict[str, Ints]
    """Free desks of each site."""
    more: Ints
    """Agents added so far."""
    laws: list[Floats]
    """Law of the callers in the system at the start of each interval."""

    @classmethod
    def of(cls, today: Today, service: pd.DataFrame) -> _Bench:
        centre, queue = today.centre, str(service["queue"].iloc[0])
        settings, times = centre.queues[queue], pd.DatetimeIndex(service["interval_start"])
        label = service["pool"].iloc[0]
        pool = next(each for each in pools(centre, times, queue) if each.label == label)
        calls, aht_s, agents = (service[name].to_numpy() for name in ("calls", "aht_s", "agents"))
        tried = np.maximum(agents[:, None] + np.arange(-REACH, REACH + 1), 0)
        level = promised_service(
            settings, calls[:, None], aht_s[:, None], tried, centre.interval_s, settings.patience_s
        )
        stays, target = behind_lookup(settings, settings.patience_s)
        rows = today.rest[today.rest["queue"] == queue].sort_values("interval_start")
        high = (rows["calls_p90"] / rows["calls"].where(rows["calls"] > 0, 1.0)).to_numpy()
        needed = agents_required(
            stays * calls * np.maximum(high, 1.0), aht_s, target,
            interval_s=centre.interval_s, patience_s=settings.patience_s,
        )  # fmt: skip
        free = {
            site: _free_desks(today, site, times) for site in {centre.teams[team].site for team in pool.teams}
        }
        return cls(
            today, service, times, pool, calls[:, None] * (1 - level), agents - needed, free,
            np.zeros(len(times), dtype=np.int64), laws_of(today, service, pool),
        )  # fmt: skip

    @property
    def label(self) -> str:
        """Name of the pool."""
        return self.pool.label

    @cached_property
    def own(self) -> Today:
        """The day of the pool's people alone."""
        roster = self.today.roster
        return self.today.only(roster.loc[roster["team"].isin(self.pool.teams), "agent_id"])

    @cached_property
    def counts(self) -> Ints:
        """Who answers the pool's queue, as `planning.intraday.state.counted` counts them."""
        return counted(self.today, self.pool, self.times)

    @property
    def rows(self) -> pd.DataFrame:
        """Their shifts that are not over."""
        return self.own.roster[self.own.roster["end"] > self.today.now]

    def gain(self) -> Floats:
        """Late calls that one agent more avoids in each interval."""
        return self._at(0) - self._at(1)

    def loss(self) -> Floats:
        """Late calls that one agent fewer adds."""
        return self._at(-1) - self._at(0)

    def _at(self, more: int) -> Floats:
        at = np.clip(self.more + more + REACH, 0, 2 * REACH)
        return np.asarray(np.take_along_axis(self.late, at[:, None], axis=1)[:, 0])

    def add(self, site: str, on: Ints) -> None:
        """Take changes of the agents by interval as made."""
        self.more += on
        self.desks[site] -= on

    @cached_property
    def edges(self) -> tuple[Ints, Ints]:
        """Start and end of each interval, nanoseconds: pandas would compare them a hundred times slower."""
        starts = self.times.as_unit("ns").asi8
        return starts, starts + self.today.step.value

    def within(self, start: pd.Timestamp, end: pd.Timestamp) -> Bools:
        """Tell the intervals that a span holds whole."""
        starts, ends = self.edges
        return np.asarray((starts >= start.value) & (ends <= end.value))

    def touched(self, start: pd.Timestamp, end: pd.Timestamp) -> Ints:
        """Return 1 for the intervals that a span touches, 0 for the others."""
        starts, ends = self.edges
        on = (starts < end.value) & (ends > start.value)
        return np.asarray(on, dtype=np.int64)

    def copy(self) -> _Bench:
        """Return a bench whose changes leave this one as it is."""
        return replace(self, desks=dict(self.desks), more=self.more.copy(), spare=self.spare.copy())

    def avoided(self, changes: pd.DataFrame) -> float:
        """Late calls that changes avoid, by the exact model, up to `ECHO` after the last one."""
        own = self.today.only(changes["agent_id"].unique())
        was, now = (counted(day, self.pool, self.times) for day in (own, _moved(own, changes)))
        agents, leaving = heads_of(self.today.centre, self.counts - was + now)
        rows = self.service
        changed = np.flatnonzero((agents != rows["agents"]) | (leaving != rows["leaving"]))
        if len(changed) == 0:
            return 0.0
        first = max(int(changed[0]) - 1, 0)
        last = int(np.searchsorted(self.times, self.times[changed[-1]] + ECHO, side="right"))
        part = rows.assign(agents=agents, leaving=leaving).iloc[first:last]
        found = part.assign(service_level=unfold(self.today, part, self.laws[first])["service_level"])
        return late_calls(rows.iloc[first:last]) - late_calls(found)


def _free_desks(today: Today, site: str, times: pd.DatetimeIndex) -> Ints:
    """Desks of a site that nobody uses; a duty has its own room."""
    own = today.roster[(today.roster["site"] == site)]
    own = own[[not today.centre.teams[team].duty_h for team in own["team"]]].reset_index(drop=True)
    keys = pd.MultiIndex.from_frame(own[_KEY])
    breaks = today.breaks[pd.MultiIndex.from_frame(today.breaks[_KEY]).isin(keys)]
    seats = today.centre.sites[site].seats
    used = on_position(own, breaks, times, today.step).sum(axis=0)
    return np.asarray((10**6 if seats is None else seats) - used, dtype=np.int64)


# --- breaks -------------------------------------------------------------------------------------------------


def _moved_breaks(bench: _Bench) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Move breaks, one a person, from where an agent is missed most to where it is missed least."""
    options = list(_options(bench))
    if not options:
        return
    on = np.array([mask for _, _, mask in options])
    open_ = np.ones(len(options), dtype=bool)
    who = np.array([row[0] for row, _, _ in options])
    sites = np.array([site for _, site, _ in options])
    chosen: list[tuple[object, ...]] = []
    while open_.any() and len(chosen) < MOST:
        gain = (on > 0) @ bench.gain() - (on < 0) @ bench.loss()
        for site, free in bench.desks.items():
            open_ &= ~((sites == site) & ((on > 0) & (free < 1)).any(axis=1))
        best = int(np.argmax(np.where(open_, gain, -np.inf)))
        if not open_[best] or gain[best] < LEAST_MOVE:
            break
        row, site, mask = options[best]
        chosen.append(row)
        bench.add(site, mask)
        open_ &= who != row[0]
    if chosen:
        changes = pd.DataFrame(chosen, columns=CHANGES)
        breaks = (
            "1 break within its window"
            if len(changes) == 1
            else f"{len(changes)} breaks within their windows"
        )
        yield "breaks", f"move {breaks}", changes


def _options(bench: _Bench) -> Iterator[tuple[tuple[object, ...], str, Ints]]:
    """Every other place of every break to come: its change, its site, and the agents it adds by interval."""
    first = bench.today.now + NOTICE
    kinds: dict[str, dict[object, Shape]] = {}
    breaks = dict(list(bench.own.breaks.sort_values("start").groupby(_KEY)))
    for shift in bench.rows.itertuples():
        own = breaks.get((shift.agent_id, shift.shift_id))
        if own is None or own["start"].iloc[-1] < first:
            continue
        site = str(shift.site)
        if site not in kinds:
            kinds[site] = {_form(shape): shape for shape in shapes(bench.today.centre.at(site))}
        starts, ends = list(own["start"]), list(own["end"])
        lengths = [
            (kind, (end - start).total_seconds())
            for kind, start, end in zip(own["kind"], starts, ends, strict=True)
        ]
        shape = kinds[site].get(((shift.end - shift.start).total_seconds(), *lengths))
        if shape is None:  # a shift of another form has no windows
            continue
        grid = pd.Timedelta(seconds=shape.grid_s)
        places = [int((start - shift.start) // grid) for start in starts]
        for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
            if start < first:
                continue
            free = bench.touched(start, end)
            for place in _places(shape, places, number):
                other = shift.start + place * grid
                if other >= first and place != places[number]:
                    until = other + (end - start)
                    on = free - bench.touched(other, until)
                    yield (
                        (shift.agent_id, shift.shift_id, "break", start, end, other, until),
                        site,
                        on,
                    )


def _form(shape: Shape) -> object:
    return (float(shape.length_s), *((slot.kind, float(slot.length_s)) for slot in shape.slots))


def _places(shape: Shape, places: Sequence[int], number: int) -> Iterator[int]:
    """Places of one break that keep its window and its distance from the breaks before and after."""
    for place in shape.slots[number].places:
        moved = [*places[:number], place, *places[number + 1 :]]
        steps = np.diff(moved)
        if all(low <= step <= high for step, (low, high) in zip(steps, shape.apart, strict=True)):
            yield place


# --- hours --------------------------------------------------------------------------------------------------


def _breaking(
    today: Today, after: Today, people: pd.DataFrame, who: Sequence[str], roster: pd.DataFrame
) -> set[str]:
    """People whose changed shifts break a rule, as the audit of all the plan's days says."""
    centre = today.centre
    horizon = Horizon.of(pd.DatetimeIndex(roster["start"]).tz_convert(centre.time_zone))
    mine = [rows[rows["agent_id"].isin(who)] for rows in (today.roster, after.roster, roster)]
    held = pd.MultiIndex.from_frame(mine[2][_KEY]).isin(pd.MultiIndex.from_frame(mine[0][_KEY]))
    other_days = mine[2][~held].assign(
        **{edge: mine[2].loc[~held, edge].dt.tz_convert(centre.time_zone) for edge in ("start", "end")}
    )
    before, changed = (pd.concat([other_days, rows], ignore_index=True) for rows in mine[:2])
    found = new_breaches(centre, before, changed, people[people["agent_id"].isin(who)], horizon)
    return set(found["agent_id"])


@dataclass(frozen=True, eq=False)
class _Span:
    """An hour or more before or after the shifts of people who start, or end, at the same time."""

    kind: str
    team: str
    site: str
    edge: pd.Timestamp
    """Start or end of their shifts now."""
    other: pd.Timestamp
    """The one that is asked for."""
    hours: int
    people: pd.DataFrame
    """Their rows of the roster."""
    on: Ints
    """1 where an agent is more, -1 where one is less, by interval."""

    def text(self, asked: int, able: int) -> str:
        """What is asked of how many."""
        who = f"{asked} of {able} people of {self.team}"
        return {
            "overtime": f"ask {who} to stay from {self.edge:%H:%M} until {self.other:%H:%M}",
            "early start": f"ask {who} to come at {self.other:%H:%M} instead of {self.edge:%H:%M}",
            "time off": f"offer {who} to leave at {self.other:%H:%M} instead of {self.edge:%H:%M}",
        }[self.kind]

    def changes(self) -> pd.DataFrame:
        """Change of everybody's shift."""
        rows = self.people[[*_KEY, "start", "end"]]
        made = rows.assign(row="shift", start_before=rows["start"], end_before=rows["end"])
        return made.assign(**{"start" if self.kind == "early start" else "end": self.other})[CHANGES]


def _spans(bench: _Bench, kind: str) -> Iterator[_Span]:
    """All that may be asked of one kind."""
    now, rows = bench.today.now, bench.rows
    early = kind == "early start"
    edge, sign = ("start" if early else "end"), (1 if kind == "overtime" else -1)
    least = now + (EARLY_NOTICE if early else NOTICE)
    for (team, site, at), own in rows[rows[edge] >= least].groupby(["team", "site", edge]):
        for hours in HOURS:
            other = at + sign * pd.Timedelta(hours=hours)
            span = sorted((at, other))
            if other < least or span[1] > bench.times[-1] + bench.today.step:
                continue
            there = own[own["start"] < other] if kind == "time off" else own
            on = bench.within(*span).astype(np.int64) * (-1 if kind == "time off" else 1)
            if len(there) and on.any():
                yield _Span(kind, str(team), str(site), at, other, hours, there, on)


def _asked(
    today: Today, benches: Sequence[_Bench], people: pd.DataFrame, roster: pd.DataFrame
) -> tuple[list[tuple[_Bench, str, str, pd.DataFrame]], pd.Series]:
    """Overtime and early starts where an hour avoids late calls, time off where it adds next to none.

    Also the price of each person's change.
    """
    chosen = []
    for bench in benches:
        off = bench.copy()
        longer = [*_spans(bench, "overtime"), *_spans(bench, "early start")]
        for spans, on in ((longer, bench), ([*_spans(off, "time off")], off)):
            chosen += [(bench, span, count) for span, count in _chosen(on, spans)]
    if not chosen:
        return [], pd.Series(dtype="float64")
    # Nobody is asked twice: the audit sees each person with one change.
    everybody = pd.concat([span.changes() for _, span, _ in chosen]).drop_duplicates("agent_id")
    who = everybody["agent_id"].tolist()
    own = today.only(who)
    after = applied(own, everybody)
    allowed = everybody[~everybody["agent_id"].isin(_breaking(own, after, people, who, roster))]
    made = []
    for bench, span, count in chosen:
        able = span.changes().merge(allowed)
        if len(able):
            asked = able.head(count)
            made.append((bench, span.kind, span.text(len(asked), len(able)), asked))
    return made, price_of(own, after, who)


def _chosen(bench: _Bench, spans: Sequence[_Span]) -> list[tuple[_Span, int]]:
    """How many people of each span, each where an hour is worth most."""
    counts: dict[int, int] = {}
    left = {(span.kind, span.team, span.edge): len(span.people) for span in spans}
    for _ in range(MOST):
        worth = [_worth(bench, span) if left[span.kind, span.team, span.edge] else 0.0 for span in spans]
        best = int(np.argmax(worth)) if worth else -1
        if best < 0 or worth[best] <= 0:
            break
        span = spans[best]
        counts[best] = counts.get(best, 0) + 1
        left[span.kind, span.team, span.edge] -= 1
        bench.add(span.site, span.on)
        bench.spare += span.on
    return [(spans[at], count) for at, count in counts.items()]


def _worth(bench: _Bench, span: _Span) -> float:
    """Late calls avoided beyond the worth of the hours; hours saved where nobody is needed."""
    on = span.on != 0
    if span.kind == "time off":
        return float(span.hours) if (bench.spare[on] >= 1).all() else 0.0
    if (bench.desks[span.site][on] < 1).any():
        return 0.0
    return float(bench.gain()[on].sum()) - WORTH * span.hours
