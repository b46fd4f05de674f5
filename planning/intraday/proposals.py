"""What can still be done today, ranked by price and effect, each as a change of the roster's rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from planning.calendars import local_day, on_clock
from planning.checks import Bools, Floats, Ints
from planning.deferred import age_when_done
from planning.errors import PlanningError
from planning.intraday.state import (
    Pool,
    Presence,
    Today,
    expected_service,
    heads_of,
    late_calls,
    laws_of,
    on_position,
    pools,
    presence,
    unfold,
)
from planning.pay import hour_cost, overtime_pay_h, pay_parts, shift_premium_hours
from planning.queueing import agents_required
from planning.roster.audit import new_breaches
from planning.roster.inputs import Horizon
from planning.shifts.catalogue import Shape, shapes
from planning.staffing import behind_lookup, promised_service

if TYPE_CHECKING:
    from planning.centre import Centre

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
RESTS = ("meal", "rest")
"""Breaks that have their windows in the shift; of the others, those that are no queue are meetings."""
CHANGES = ["agent_id", "shift_id", "row", "kind", "start_before", "end_before", "start", "end"]
PROPOSALS = ["kind", "pool", "text", "people", "price", "late_avoided", "price_of_call"]
_KEY = ["agent_id", "shift_id"]


def proposals(
    today: Today, service: pd.DataFrame, people: pd.DataFrame, plan: Mapping[str, pd.DataFrame]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rank what can still be done about the day.

    - *breaks* move within the windows of their shift, to where an agent is missed least;
    - *meetings* (breaks that are neither meal nor rest) move within the shifts of all who have them;
    - *second skill*: people answer another queue for a while, where their own can spare them;
    - *waiting work*: the same for people whose own work waits, if it is still done in time;
    - *overflow* of a site opens earlier, for the queues whose sites work apart;
    - *overtime* and *early start* are asked of people whose rules allow it, as the audit says;
    - *time off* is offered where the target would still be met if one in ten intervals has more calls.

    At no time are more people at desks than a site has. Each proposal is judged by itself.

    Parameters
    ----------
    today : Today
    service : DataFrame
        `expected_service` of this day.
    people : DataFrame
        PEOPLE.
    plan : mapping
        The plan's ``demand``, ``roster`` and ``breaks`` of all its days, which the audit and waiting work
        need.

    Returns
    -------
    proposals : DataFrame
        Index proposal (a number): kind, pool, text, people (how many), price (negative: saved), late_avoided
        (calls answered in time instead of late, by the exact model from the changed roster, less those that
        another queue then answers late) and price_of_call. The cheapest call first, then what saves money.
    changes : DataFrame
        Rows of the roster ("shift") and of the breaks ("break") before and after: proposal, agent_id,
        shift_id, row, kind (of a break), start_before, end_before, start, end. A break without a time before
        is new; if its kind is a queue, the person answers that queue meanwhile. A row "overflow" is a rule of
        the centre, with its path as shift_id.
    """
    benches = [
        _Bench.of(today, rows.reset_index(drop=True)) for _, rows in service.groupby("pool", sort=False)
    ]
    found: list[_Found] = []
    for bench in benches:
        moves = [*_moved_meetings(bench), *_moved_breaks(bench)]
        found += _judged(bench, moves)
    found += [*_lent(benches, people, plan), *_opened_early(today, service)]
    hours, prices = _asked(today, benches, people, plan["roster"])
    for bench, asked in zip(benches, hours, strict=True):
        found += _judged(bench, asked)
    rows = []
    for each in found:
        who = each.changes.loc[each.changes["row"] != "overflow", "agent_id"]
        price = float(prices.reindex(who[each.changes["row"] == "shift"]).sum())
        if each.kind == "time off" or each.avoided > 0:
            values = (each.kind, each.pool, each.text, who.nunique(), price, each.avoided)
            rows.append((dict(zip(PROPOSALS, values, strict=False)), each.changes))
    rows.sort(key=lambda row: _rank(row[0]))
    table = pd.DataFrame([row for row, _ in rows], columns=PROPOSALS[:-1])
    cost = table["price"] / table["late_avoided"].where(table["late_avoided"] > 0)
    table["price_of_call"] = cost.where(table["kind"] != "time off")
    table.index = pd.RangeIndex(1, len(table) + 1, name="proposal")
    parts = [made.assign(proposal=number) for number, (_, made) in enumerate(rows, 1)]
    every = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*CHANGES, "proposal"])
    return table, every[["proposal", *CHANGES]]


class _Found(NamedTuple):
    """A proposal before it has its number."""

    kind: str
    pool: str
    text: str
    avoided: float
    changes: pd.DataFrame


def _judged(bench: _Bench, made: Sequence[tuple[str, str, pd.DataFrame]]) -> Iterator[_Found]:
    """Proposals of a pool, with the late calls that each avoids."""
    avoided = bench.avoided([changes for *_, changes in made])
    for (kind, text, changes), late in zip(made, avoided, strict=True):
        yield _Found(kind, bench.label, text, late, changes)


def _rows(today: Today, rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    """Changes as a frame, with its times on the centre's clock even where there are none."""
    frame = pd.DataFrame(rows, columns=CHANGES)
    times = {
        name: pd.to_datetime(frame[name], utc=True).dt.tz_convert(today.centre.time_zone)
        for name in CHANGES[4:]
    }
    return frame.assign(**times)


def applied(today: Today, changes: pd.DataFrame) -> Today:
    """Return the day with some changes made."""
    roster, breaks = with_changes(today.centre, today.roster, today.breaks, changes)
    return replace(today, roster=roster, breaks=breaks, absent=None if today.absent is None else ())


def with_changes(
    centre: Centre, roster: pd.DataFrame, breaks: pd.DataFrame, changes: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a roster and its breaks with some changes made.

    A shift that ends earlier loses the breaks after its end; paid and night hours follow.
    """
    roster, breaks = _moved(roster, breaks, changes)
    changed = roster["agent_id"].isin(changes.loc[changes["row"] == "shift", "agent_id"])
    own = roster[changed]
    if own.empty:
        return roster, breaks
    unpaid = _unpaid(own, breaks)
    rest_h = ((unpaid["end"] - unpaid["start"]) / pd.Timedelta(hours=1)).groupby(level=0).sum()
    own = own.assign(paid_h=((own["end"] - own["start"]) / pd.Timedelta(hours=1)).sub(rest_h, fill_value=0.0))
    night_h = shift_premium_hours(centre, own, unpaid)["night_h"]
    roster.loc[changed, ["paid_h", "night_h"]] = np.column_stack([own["paid_h"], night_h])
    return roster, breaks


def _moved(
    roster: pd.DataFrame, breaks: pd.DataFrame, changes: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Change the times of shifts and breaks, not yet the hours; a break without a start before is new."""
    new = changes["start_before"].isna() & (changes["row"] == "break")
    made = {}
    for name, frame in (("shift", roster), ("break", breaks)):
        asked = changes.loc[(changes["row"] == name) & ~new, ["agent_id", "start_before", "start", "end"]]
        if asked.empty:
            made[name] = frame.reset_index(drop=True)
            continue
        asked = asked.rename(columns={"start": "start_new", "end": "end_new", "start_before": "start"})
        both = frame.reset_index(drop=True).merge(asked, on=["agent_id", "start"], how="left")
        for edge in ("start", "end"):
            both[edge] = both[f"{edge}_new"].fillna(both[edge])
        made[name] = both[list(frame.columns)]
    breaks = made["break"]
    shorter = changes[(changes["row"] == "shift") & (changes["end"] < changes["end_before"])]
    for row in shorter.itertuples():
        mine = (breaks["agent_id"] == row.agent_id) & (breaks["shift_id"] == row.shift_id)
        breaks = breaks[~(mine & (breaks["end"] > row.end))]
    added = changes.loc[new, [*_KEY, "start", "end", "kind"]].assign(paid=True)
    breaks = pd.concat([breaks, added[list(breaks.columns)]]) if len(added) else breaks
    return made["shift"], breaks.reset_index(drop=True)


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
    def presence(self) -> Presence:
        """Who answers the pool's queue."""
        return presence(self.today, self.pool, self.times)

    @property
    def rows(self) -> pd.DataFrame:
        """Their shifts that are not over."""
        rows = self.own.roster.loc[self.own.roster["end"] > self.today.now]
        return rows[[*_KEY, "site", "team", "start", "end"]]

    def gain(self) -> Floats:
        """Late calls that one agent more avoids in each interval."""
        return self._at(0) - self._at(1)

    def loss(self) -> Floats:
        """Late calls that one agent fewer adds."""
        return self._at(-1) - self._at(0)

    def _at(self, more: int | Ints) -> Floats:
        at = np.clip(self.more + more + REACH, 0, 2 * REACH)
        return np.asarray(np.take_along_axis(self.late, at[:, None], axis=1)[:, 0])

    def worth(self, on: Ints) -> float:
        """Late calls that some agents more or fewer by interval avoid."""
        return float((self._at(0) - self._at(on)).sum())

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

    def avoided(self, proposals: Sequence[pd.DataFrame]) -> list[float]:
        """Late calls that each of some changes avoids, by the exact model up to `ECHO` after the last one."""
        if not proposals:
            return []
        centre, every = (
            self.today.centre,
            pd.concat(proposals, keys=range(len(proposals)), names=["proposal"]),
        )
        whose = every.reset_index("proposal")[["proposal", "agent_id"]].drop_duplicates()
        # Whoever is in two proposals counts as two people, so that all are counted at once.
        apart = {
            name: frame.merge(whose, on="agent_id").assign(agent_id=_apart)[list(frame.columns)]
            for name, frame in (("roster", self.today.roster), ("breaks", self.today.breaks))
        }
        changes = every.reset_index("proposal").assign(agent_id=_apart)
        roster, breaks = _moved(apart["roster"], apart["breaks"], changes)
        absent = None if self.today.absent is None else ()
        after = presence(
            replace(self.today, roster=roster, breaks=breaks, absent=absent), self.pool, self.times
        )
        number = after.rows["agent_id"].str.partition(" ")[0].astype(int).to_numpy()
        everybody = self.presence.counted(centre)
        found = []
        for at, each in enumerate(proposals):
            was = self.presence.rows["agent_id"].isin(each["agent_id"]).to_numpy()
            counts = everybody - self.presence.counted(centre, was) + after.counted(centre, number == at)
            found.append(self._fewer_late(*heads_of(centre, counts)))
        return found

    def _fewer_late(self, agents: Ints, leaving: Ints) -> float:
        """Late calls that other agents avoid."""
        rows = self.service
        changed = np.flatnonzero((agents != rows["agents"]) | (leaving != rows["leaving"]))
        if len(changed) == 0:
            return 0.0
        first = max(int(changed[0]) - 1, 0)
        last = int(np.searchsorted(self.times, self.times[changed[-1]] + ECHO, side="right"))
        part = rows.assign(agents=agents, leaving=leaving).iloc[first:last]
        found = part.assign(service_level=unfold(self.today, part, self.laws[first])["service_level"])
        return late_calls(rows.iloc[first:last]) - late_calls(found)


def _apart(rows: pd.DataFrame) -> pd.Series:
    """A name for a person in each proposal."""
    return rows["proposal"].astype("str") + " " + rows["agent_id"]


def _free_desks(today: Today, site: str, times: pd.DatetimeIndex) -> Ints:
    """Desks of a site that nobody uses; a duty has its own room."""
    own = today.roster[(today.roster["site"] == site)]
    own = own[[not today.centre.teams[team].duty_h for team in own["team"]]].reset_index(drop=True)
    keys = pd.MultiIndex.from_frame(own[_KEY])
    # Whoever answers another queue sits at a desk.
    pauses = today.breaks[~today.breaks["kind"].isin(today.centre.queues)]
    breaks = pauses[pd.MultiIndex.from_frame(pauses[_KEY]).isin(keys)]
    seats = today.centre.sites[site].seats
    used = on_position(own, breaks, times, today.step).sum(axis=0)
    return np.asarray((10**6 if seats is None else seats) - used, dtype=np.int64)


# --- breaks -------------------------------------------------------------------------------------------------


def _moved_meetings(bench: _Bench) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Move each meeting, for all of the pool who have it, to where they are missed least."""
    today, own = bench.today, bench.own.breaks
    first = today.now + NOTICE
    other = ~own["kind"].isin([*RESTS, *today.centre.queues])
    shifts = bench.own.roster[[*_KEY, "site", "team", "start", "end"]]
    spans = own.loc[other & (own["start"] >= first), [*_KEY, "kind", "start", "end"]]
    spans = spans.merge(shifts, on=_KEY, suffixes=("", "_shift"))
    for (kind, start, end), people in spans.groupby(["kind", "start", "end"]):
        length, back = end - start, bench.touched(start, end)
        apart = own[own["agent_id"].isin(people["agent_id"]) & ~(other & (own["start"] == start))]
        heads = people["site"].value_counts()
        best, until = 0.0, None
        for place in bench.times[bench.times >= first]:
            after = place + length
            inside = people["start_shift"].max() <= place and after <= people["end_shift"].min()
            on = back - bench.touched(place, after)
            desks = all((bench.desks[site] >= count * on).all() for site, count in heads.items())
            if not inside or not desks or ((apart["start"] < after) & (apart["end"] > place)).any():
                continue
            if (worth := bench.worth(len(people) * on)) > max(best, LEAST_MOVE):
                best, until = worth, place
        if until is None:
            continue
        on = back - bench.touched(until, until + length)
        for site, count in heads.items():
            bench.add(str(site), count * on)
        rows = [
            (row.agent_id, row.shift_id, "break", kind, start, end, until, until + length)
            for row in people.itertuples()
        ]
        who = f"{len(people)} people of {' and '.join(sorted(people['team'].unique()))}"
        yield "meetings", f"move the {kind} of {who} from {start:%H:%M} to {until:%H:%M}", _rows(today, rows)


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
        changes = _rows(bench.today, chosen)
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
    every = bench.own.breaks.sort_values("start")
    every = every[every.groupby(_KEY)["start"].transform("max") >= first]
    of_shift = every["kind"].isin(RESTS)
    breaks, others = (dict(list(part.groupby(_KEY))) for part in (every[of_shift], every[~of_shift]))
    for shift in bench.rows.itertuples():
        own, busy = (part.get((shift.agent_id, shift.shift_id)) for part in (breaks, others))
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
        for number, (start, end, kind) in enumerate(zip(starts, ends, own["kind"], strict=True)):
            if start < first:
                continue
            free = bench.touched(start, end)
            for place in _places(shape, places, number):
                other = shift.start + place * grid
                until = other + (end - start)
                meets = busy is not None and ((busy["start"] < until) & (busy["end"] > other)).any()
                if other >= first and place != places[number] and not meets:
                    on = free - bench.touched(other, until)
                    yield (
                        (shift.agent_id, shift.shift_id, "break", kind, start, end, other, until),
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


# --- other queues -------------------------------------------------------------------------------------------


def _lent(
    benches: Sequence[_Bench], people: pd.DataFrame, plan: Mapping[str, pd.DataFrame]
) -> Iterator[_Found]:
    """Let people answer another queue for some hours, where they are missed less at their own."""
    skills = dict(zip(people["agent_id"], people.get("skills", pd.Series("", people.index)), strict=True))
    lent: set[str] = set()
    for host in benches:
        today, queue = host.today, host.pool.queue
        rows = today.roster[(today.roster["end"] > today.now) & ~today.roster["team"].isin(host.pool.teams)]
        able = [
            queue in today.centre.teams[team].queues[1:] or queue in str(skills.get(agent)).split()
            for agent, team in zip(rows["agent_id"], rows["team"], strict=True)
        ]
        here = (rows["site"] == host.pool.site) | (host.pool.site is None)
        for team, own in rows[np.array(able, dtype=bool) & here].groupby("team"):
            first, *others = today.centre.teams[str(team)].queues or [""]
            waits = bool(first) and today.centre.queues[first].waits
            home = next((bench for bench in benches if team in bench.pool.teams), None)
            # Work that is done between calls has no heads of its own to tell what may wait of it.
            if (home is None and not waits) or any(today.centre.queues[name].waits for name in others):
                continue
            yield from _lent_by(host, home, first, own[~own["agent_id"].isin(lent)], plan, lent)


def _lent_by(
    host: _Bench,
    home: _Bench | None,
    work: str,
    own: pd.DataFrame,
    plan: Mapping[str, pd.DataFrame],
    lent: set[str],
) -> Iterator[_Found]:
    """Proposals of one team for one pool; those who are asked join `lent`."""
    today, team = host.today, str(own["team"].iloc[0]) if len(own) else ""
    places = host.times[host.times >= today.now + NOTICE]
    spans = [(start, start + pd.Timedelta(hours=hours)) for start in places for hours in HOURS]
    spans = [span for span in spans if span[1] <= host.times[-1] + today.step]
    if own.empty or not spans:
        return
    on = np.array([host.touched(*span) for span in spans])
    off = np.array([home.touched(*span) for span in spans]) if home else None
    edges = own[["start", "end"]]
    able = [own.index[(edges["start"] <= start) & (end <= edges["end"])] for start, end in spans]
    asked: dict[int, list[object]] = {}
    taken: set[object] = set()
    for _ in range(MOST):
        worth = on @ host.gain() - (off @ home.loss() if home and off is not None else 0.0)
        free = [[row for row in rows if row not in taken] for rows in able]
        worth = np.where([len(rows) > 0 for rows in free], worth, -np.inf)
        best = int(np.argmax(worth))
        if worth[best] < WORTH * on[best].sum() * (today.step / pd.Timedelta(hours=1)):
            break
        trial = {**asked, best: [*asked.get(best, []), free[best][0]]}
        if home is None and not _in_time(today, work, plan, _loans(host, own, spans, trial)):
            break
        asked, taken = trial, taken | {free[best][0]}
        host.more += on[best]
        if home and off is not None:
            home.more -= off[best]
    made = [_loans(host, own, spans, {at: rows}) for at, rows in asked.items()]
    avoided = np.array(host.avoided(made)) + (home.avoided(made) if home else 0.0)
    for (at, rows), changes, late in zip(asked.items(), made, avoided.tolist(), strict=True):
        lent.update(changes["agent_id"])
        start, end = spans[at]
        who = f"let {len(rows)} of {len(able[at])} people of {team} answer {host.pool.queue}"
        text = f"{who} from {start:%H:%M} to {end:%H:%M}" + ("" if home else f", and {work} wait")
        yield _Found("second skill" if home else "waiting work", host.label, text, late, changes)


def _loans(
    host: _Bench,
    own: pd.DataFrame,
    spans: Sequence[tuple[pd.Timestamp, pd.Timestamp]],
    asked: Mapping[int, Sequence[object]],
) -> pd.DataFrame:
    """New breaks of those who answer another queue."""
    rows = [
        (row.agent_id, row.shift_id, "break", host.pool.queue, pd.NaT, pd.NaT, *spans[at])
        for at, labels in asked.items()
        for row in own.loc[list(labels)].itertuples()
    ]
    return _rows(host.today, rows)


def _in_time(today: Today, work: str, plan: Mapping[str, pd.DataFrame], changes: pd.DataFrame) -> bool:
    """Tell whether work that waits is done as early as it must be, or as it would be without some changes."""
    centre, queue = today.centre, today.centre.queues[work]
    rows = plan["demand"][plan["demand"]["queue"] == work].sort_values("interval_start")
    times = pd.DatetimeIndex(rows["interval_start"]).tz_convert(centre.time_zone)
    hour = today.step / pd.Timedelta(hours=1)
    teams = [name for name, team in centre.teams.items() if team.queues[:1] == [work]]
    roster = plan["roster"][plan["roster"]["team"].isin(teams)]
    mine = plan["breaks"][plan["breaks"]["agent_id"].isin(roster["agent_id"])]
    ages = []
    for breaks in (mine, _moved(roster, mine, changes)[1]):
        there = on_position(roster, breaks, times, today.step)
        part = [1 - centre.teams[team].shrinkage for team in roster["team"]]
        able = np.array(part) @ there * (queue.target.max_occupancy or 1.0) * hour
        hours = rows["calls"].to_numpy() * rows["aht_s"].to_numpy() / 3600
        ages.append(float(age_when_done(hours, able, interval_s=centre.interval_s).max()))
    return ages[1] <= max(ages[0], float(queue.due_days or 0.0))


def _opened_early(today: Today, service: pd.DataFrame) -> Iterator[_Found]:
    """Send a site's calls to the other site before it closes, of the queues whose sites work apart."""
    centre, day = today.centre, local_day(today.now)
    for number, rule in enumerate(centre.overflow):
        moved = [
            name
            for name in service["queue"].unique()
            if not centre.queues[name].pooled and (rule.queues == "all" or name in rule.queues)
        ]
        at = rule.at if rule.at is not None else centre.sites[rule.from_site].closes
        best: _Found | None = None
        for hours in HOURS if moved and rule.after_s is None else ():
            clock = at - pd.Timedelta(hours=hours)
            if clock < pd.Timedelta(0) or on_clock(day + clock, centre.time_zone) < today.now + NOTICE:
                continue
            since, then = (on_clock(day + each, centre.time_zone) for each in (clock, pd.Timedelta(at)))
            path = f"overflow.{number}.at"
            try:
                changed = centre.replace({path: f"{since:%H:%M}"})
            except PlanningError:  # another rule already sends the calls of this hour elsewhere
                continue
            own = service[service["queue"].isin(moved)]
            avoided = late_calls(own) - late_calls(expected_service(replace(today, centre=changed), moved))
            if avoided >= max(WORTH, best.avoided if best else 0.0):
                row = (rule.from_site, path, "overflow", "", then, pd.NaT, since, pd.NaT)
                hours_text = f"from {since:%H:%M} instead of {then:%H:%M}"
                text = f"send {rule.from_site}'s calls to {rule.to_site} {hours_text}"
                best = _Found("overflow", " and ".join(moved), text, avoided, _rows(today, [row]))
        if best:
            yield best


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


def _changes(spans: Sequence[_Span]) -> pd.DataFrame:
    """Change of everybody's shift; the first level of the index is the place of the span."""
    rows = pd.concat([span.people for span in spans], keys=range(len(spans)))
    each = rows.index.get_level_values(0)
    early = np.array([span.kind == "early start" for span in spans])[each]
    other = pd.Series([span.other for span in spans])[each].set_axis(rows.index)
    made = rows.assign(row="shift", kind="", start_before=rows["start"], end_before=rows["end"])
    return made.assign(start=rows["start"].mask(early, other), end=rows["end"].where(early, other))[CHANGES]


def _asked(
    today: Today, benches: Sequence[_Bench], people: pd.DataFrame, roster: pd.DataFrame
) -> tuple[list[list[tuple[str, str, pd.DataFrame]]], pd.Series]:
    """Overtime and early starts where an hour avoids late calls, time off where it adds next to none.

    By bench; also the price of each person's change.
    """
    chosen = []
    for number, bench in enumerate(benches):
        off = bench.copy()
        longer = [*_spans(bench, "overtime"), *_spans(bench, "early start")]
        for spans, on in ((longer, bench), ([*_spans(off, "time off")], off)):
            chosen += [(number, span, count) for span, count in _chosen(on, spans)]
    made: list[list[tuple[str, str, pd.DataFrame]]] = [[] for _ in benches]
    if not chosen:
        return made, pd.Series(dtype="float64")
    # Nobody is asked twice: the audit sees each person with one change.
    everybody = _changes([span for _, span, _ in chosen]).drop_duplicates("agent_id")
    who = everybody["agent_id"].tolist()
    own = today.only(who)
    after = applied(own, everybody)
    allowed = everybody[~everybody["agent_id"].isin(_breaking(own, after, people, who, roster))]
    for at, able in allowed.groupby(level=0):
        number, span, count = chosen[int(at)]
        asked = able.head(count).reset_index(drop=True)
        made[number].append((span.kind, span.text(len(asked), len(able)), asked))
    return made, price_of(own, after, who)


def _chosen(bench: _Bench, spans: Sequence[_Span]) -> list[tuple[_Span, int]]:
    """How many people of each span, each where an hour is worth most."""
    if not spans:
        return []
    on = np.array([span.on != 0 for span in spans])
    hours = np.array([span.hours for span in spans], dtype=float)
    kinds = [(span.kind, span.team, span.edge) for span in spans]
    left = {kind: len(span.people) for kind, span in zip(kinds, spans, strict=True)}
    counts: dict[int, int] = {}
    for _ in range(MOST):
        if spans[0].kind == "time off":  # hours saved where nobody is needed
            worth, free = hours, np.broadcast_to(bench.spare, on.shape)
        else:  # late calls avoided beyond the worth of the hours
            worth, free = (
                on @ bench.gain() - WORTH * hours,
                np.array([bench.desks[span.site] for span in spans]),
            )
        able = np.array([left[kind] > 0 for kind in kinds]) & ~(on & (free < 1)).any(axis=1)
        best = int(np.argmax(np.where(able, worth, 0.0)))
        if not able[best] or worth[best] <= 0:
            break
        span = spans[best]
        counts[best] = counts.get(best, 0) + 1
        left[kinds[best]] -= 1
        bench.add(span.site, span.on)
        bench.spare += span.on
    return [(spans[at], count) for at, count in counts.items()]
