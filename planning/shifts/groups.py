"""Teams that share queues or desks, written as one program: an agent on position serves one queue at a time.

For a team with several queues, flows f[q, t] >= 0 divide its heads on position among the queues, at most all
of them in every step. A queue's need is met by the flows into it, so an agent counts once, with any number of
skills. For whole heads and needs, the flows of a step are a transport problem, whose vertices are whole, so
real-valued flows would do; they are whole numbers because CP-SAT has no others.

Teams of a site share its desks. They are planned together only on the days on which desks are short.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from planning.calendars import local_day, time_of_day
from planning.checks import Floats, Ints
from planning.errors import PlanningError
from planning.pay import hour_cost
from planning.shifts.catalogue import DAY_S, Pattern, Shape, catalogue, shapes
from planning.shifts.contracts import EMPLOYED, Contracts, Limit
from planning.shifts.implicit import Block, at_desk, block, layouts, premiums
from planning.shifts.notation import format_shift, parse_shift
from planning.shifts.program import Program, relax
from planning.shifts.search import Found

if TYPE_CHECKING:
    from planning.centre import Centre

_SHARE = 1000
"""Shares count in thousandths, so that the limit's row is whole."""
_NOTHING = pd.Timedelta(0)


@dataclass(frozen=True, eq=False)
class Group:
    """Teams that share queues or desks, their blocks of columns, and the program of all of them.

    Attributes
    ----------
    teams : list of str
    needs : dict
        Heads of each (queue, site) by step.
    blocks : list of (team, Block)
        In the order of the columns.
    program : Program
    limits : list of (str, float, str, float or str)
        For the last rows of the links: setting, value, the unit of one more, and what that adds to the
        right-hand side; for a share, its team instead.
    served : list of (team, queue)
        The meaning of the rows of the program, each for all steps.
    times : DatetimeIndex
        Steps of the horizon.
    desks : dict
        Desks that are free for these teams at each step, by site; infinite where they are no limit.
    contracts : Contracts or None
        What the people of the teams can work.
    joins : dict
        Column of the people who join a team, by (team before, team) as in `Contracts.joins`.
    """

    teams: list[str]
    needs: dict[tuple[str, str], Ints]
    blocks: list[tuple[str, Block]]
    program: Program
    limits: list[tuple[str, float, str, float | str]]
    served: list[tuple[str, str]]
    times: pd.DatetimeIndex
    desks: Mapping[str, Floats]
    contracts: Contracts | None
    joins: dict[tuple[str, str], int]

    @property
    def sites(self) -> set[str]:
        """Sites of the queues."""
        return {site for _, site in self.needs}

    def joined(self, x: Ints) -> dict[tuple[str, str], int]:
        """People who join a team, by (team before, team)."""
        return {key: int(x[column]) for key, column in self.joins.items()}

    def short_of_desks(self, x: Ints) -> set[str]:
        """Sites that lack people in a solution while no desk of theirs is free."""
        found, names = set(), [name for name, *_ in self.limits]
        used = self.program.links[self.program.links.shape[0] - len(names) :] @ x
        short = self.program.short(x).reshape(len(self.needs), -1)
        for site, room in self.desks.items():
            at = np.isfinite(room)
            full = used[[name == f"sites.{site}.seats" for name in names]] > room[at] - 0.5
            here = [key[1] == site for key in self.needs]
            if (full & (short[here][:, at].sum(axis=0) > 0.5)).any():
                found.add(site)
        return found

    def people(self, x: Ints) -> list[tuple[str, pd.Timestamp, Pattern, int]]:
        """Shifts of a solution: team, start, pattern and heads, ordered by team and start."""
        found, column = [], 0
        for team, one in self.blocks:
            for start in one.shifts["start"]:
                counts = x[column : column + one.width]
                column += one.width
                if counts[0]:
                    found += [(team, start, *laid) for laid in layouts(one.shape, counts)]
        return sorted(_merged(found), key=lambda row: (self.teams.index(row[0]), row[1], row[2]))

    def clocks(self, x: Floats) -> pd.DataFrame:
        """Heads of each team by the time of day at which they start."""
        parts, column = [], 0
        for team, one in self.blocks:
            clock = time_of_day(pd.DatetimeIndex(one.shifts["start"]))
            parts.append(pd.DataFrame({"team": team, "clock": clock, "heads": x[column + one.heads]}))
            column += one.width * len(one.shifts)
        return pd.concat(parts).groupby(["team", "clock"], as_index=False)["heads"].sum()

    def binding(self, found: Found) -> list[tuple[str, float, str, float]]:
        """Binding limits: setting, value, the unit of one more, and what it would save."""
        own = found.link_cost[len(found.link_cost) - len(self.limits) :]
        priced = pd.DataFrame(self.limits, columns=["limit", "value", "one_more", "room"])
        priced["saves_cost"] = -own * np.array([self._room(room, found.x) for room in priced["room"]])
        total = priced.groupby(["limit", "value", "one_more"], as_index=False, sort=False)["saves_cost"].sum()
        return [tuple(row) for row in total[total["saves_cost"] > 0.5].itertuples(index=False)]

    def _room(self, room: float | str, x: Ints) -> float:
        """What one more unit of a limit adds to its row: for a share, one point of the team's heads."""
        if isinstance(room, float):
            return room
        heads, column = 0.0, 0
        for team, one in self.blocks:
            heads += float(x[column + one.heads].sum()) * (team == room)
            column += one.width * len(one.shifts)
        return heads * _SHARE / 100


def _merged(
    people: list[tuple[str, pd.Timestamp, Pattern, int]],
) -> list[tuple[str, pd.Timestamp, Pattern, int]]:
    """Merge equal shifts, which two shapes may give."""
    heads: dict[tuple[str, pd.Timestamp, Pattern], int] = {}
    for *key, count in people:
        heads[tuple(key)] = heads.get(tuple(key), 0) + count
    return [(*key, count) for key, count in heads.items()]


def groups_of(
    centre: Centre,
    requirement: pd.DataFrame,
    times: pd.DatetimeIndex,
    explicit: Sequence[str] | None = None,
    beyond: pd.Timedelta = _NOTHING,
    desks: Mapping[str, Floats] | None = None,
    divided: bool = False,
    contracts: Contracts | None = None,
) -> list[Group]:
    """Divide a requirement into groups of teams that share no queue, and no short desk, with another group.

    Parameters
    ----------
    centre : Centre
    requirement : DataFrame
        REQUIREMENT.
    times : DatetimeIndex
        Intervals of the horizon.
    explicit : sequence of str, optional
        The only shifts to use; by default those of the centre's rules.
    beyond : Timedelta
        Time after the horizon in which nothing is needed and nobody starts, so that shifts can end before the
        axis repeats.
    desks : mapping, optional
        For each site with too few desks: the free desks in each interval, infinite where they are not a
        limit. By default no site has too few.
    divided : bool
        Give each group a part of these desks by its needs, instead of tying the teams of a site together.
    contracts : Contracts, optional
        What the people of the teams can work; by default any number of shifts, each paid by itself.

    Raises
    ------
    PlanningError
        A shift is not possible, or none fits a site.
    """
    here = [site for site in centre.sites if (requirement["site"] == site).any()]
    kinds = {
        site: shapes(centre.at(site)) if explicit is None else _explicit(centre.at(site), explicit)
        for site in here
    }
    step_s = _step(centre, [shape for own in kinds.values() for shape in own])
    end = times[-1] + pd.Timedelta(seconds=centre.interval_s)
    fine = pd.date_range(times[0], end + beyond, freq=f"{step_s}s", inclusive="left")
    after = np.zeros(round(beyond.total_seconds()) // step_s, dtype=np.int64)
    needs = {
        (str(queue), str(site)): np.concatenate(
            [
                np.repeat(
                    rows.set_index("interval_start")["rostered"]
                    .reindex(times, fill_value=0)
                    .to_numpy(np.int64),
                    centre.interval_s // step_s,
                ),
                after,
            ]
        )
        for (queue, site), rows in requirement.groupby(["queue", "site"], sort=False)
        if able(centre, str(queue), str(site))
    }
    # Teams of a site have the same classes at any pay.
    blocks = {
        site: _blocks(centre, site, catalogue(centre, site, times, kinds[site]), kinds[site], fine, step_s)
        for site in dict.fromkeys(site for _, site in needs)
    }
    free = {
        site: np.append(np.repeat(room, centre.interval_s // step_s), np.full(len(after), np.inf))
        for site, room in (desks or {}).items()
    }
    return [
        _written(
            centre,
            own,
            {key: needs[key] for key in keys},
            [(team, one) for team in own for one in blocks[centre.teams[team].site]],
            fine,
            step_s,
            {
                site: _part(room, needs, site, keys) if divided else room
                for site, room in free.items()
                if any(key[1] == site for key in keys)
            },
            contracts,
        )
        for keys, own in _connected(
            centre, list(needs), [] if divided else free, [] if contracts is None else list(contracts.joins)
        )
    ]


def _part(
    room: Floats, needs: Mapping[tuple[str, str], Ints], site: str, keys: Collection[tuple[str, str]]
) -> Floats:
    """Part of a site's free desks for some queues: what they need, and an equal part of the rest.

    What a team has above its need evens out its breaks, and a small team has more use for it. The parts of
    all queues add up to the desks.
    """
    here = {key: need.astype(float) for key, need in needs.items() if key[1] == site}
    need = np.array(list(here.values()))
    total, equal = need.sum(axis=0), 1 / len(need)
    rest = np.where(np.isfinite(room), room, 0.0) - total
    parts = np.where(rest < 0, need * (1 + rest / np.maximum(total, 1)), need + rest * equal)
    whole = np.floor(np.cumsum(np.vstack([np.zeros(len(room)), parts]), axis=0) + 1e-9)
    mine = np.diff(whole, axis=0)[[key in keys for key in here]].sum(axis=0)
    return np.where(np.isfinite(room), mine, np.inf)


def group_of(centre: Centre, group: Group, starts: Collection[tuple[str, pd.Timedelta]]) -> Group:
    """Return the group with its teams starting only at some times of day."""
    step_s = round((group.times[1] - group.times[0]).total_seconds())
    kept = []
    for team, one in group.blocks:
        clock = time_of_day(pd.DatetimeIndex(one.shifts["start"]))
        fits = np.array([(team, time) in starts for time in clock], dtype=bool)
        if fits.any():
            paid = premiums(centre, centre.teams[team].site, group.times, step_s)
            kept.append((team, block(one.shape, one.shifts[fits], group.times, step_s, paid)))
    return _written(centre, group.teams, group.needs, kept, group.times, step_s, group.desks, group.contracts)


def bound_without_desks(centre: Centre, group: Group, found: Found) -> float:
    """Bound of a group, however its site divides the desks: no plan with any part of them is cheaper.

    A relaxation that pays nothing for desks gives it already; whole numbers, proven for one day, do not.
    """
    own = found.link_cost[len(found.link_cost) - len(group.limits) :]
    seats = np.array([name.endswith(".seats") for name, *_ in group.limits], dtype=bool)
    if not seats.any() or (len(group.program.windows(0.0)) > 1 and np.abs(own[seats]).max() < 1e-6):
        return found.bound
    step_s = round((group.times[1] - group.times[0]).total_seconds())
    parts = group.teams, group.needs, group.blocks, group.times, step_s
    return min(found.bound, relax(_written(centre, *parts, {}, group.contracts).program).value)


def able(centre: Centre, queue: str, site: str) -> list[str]:
    """Teams of a site that answer a queue, first the one that is staffed for it."""
    names = [name for name, team in centre.teams.items() if team.site == site and queue in team.queues]
    return sorted(names, key=lambda name: centre.teams[name].queues[0] != queue)


def linked(
    centre: Centre, requirement: pd.DataFrame, teams: Collection[str]
) -> tuple[pd.DataFrame, set[str]]:
    """Rows of a requirement that some teams or those who share queues with them answer, and these teams."""
    keys = list(zip(requirement["queue"], requirement["site"], strict=True))
    tied = [one for one in _connected(centre, list(dict.fromkeys(keys)), []) if set(one[1]) & set(teams)]
    mine = {key for own, _ in tied for key in own}
    return requirement[[key in mine for key in keys]], {team for _, own in tied for team in own}


def _connected(
    centre: Centre,
    keys: list[tuple[str, str]],
    crowded: Collection[str],
    moves: Collection[tuple[str, str]] = (),
) -> list[tuple[list[tuple[str, str]], list[str]]]:
    """Sets of (queue, site) that teams, moves or crowded sites tie together, with their teams."""
    sets: list[tuple[list[tuple[str, str]], list[str]]] = []
    for key in keys:
        teams = able(centre, *key)
        site = {key[1]}.intersection(crowded)
        near = {*teams, *(name for pair in moves if set(pair) & set(teams) for name in pair)}
        tied = [one for one in sets if set(one[1]) & near or site & {other for _, other in one[0]}]
        names = dict.fromkeys([*(team for _, own in tied for team in own), *teams])
        sets = [one for one in sets if one not in tied]
        sets.append(([*(old for olds, _ in tied for old in olds), key], list(names)))
    return sets


def _explicit(centre: Centre, texts: Sequence[str]) -> list[Shape]:
    """Shapes of the shifts written by a planner, checked against the law and the sites' hours."""
    if not len(texts):
        raise PlanningError("shifts is empty: give at least one, for example '09:00-18:00 meal 12:30-13:30'")
    labour, found = centre.labour, []
    for text in texts:
        clock, pattern = parse_shift(text, rests_paid=bool(labour.rests_paid.value))
        if pattern.paid_s > labour.max_shift_h.value * 3600:
            raise PlanningError(
                f"shift {format_shift(clock, pattern)!r} has {pattern.paid_s / 3600:g} h paid, must not "
                f"exceed {labour.max_shift_h.value:g} h ({labour.max_shift_h.article}): shorten it"
            )
        low, high = labour.shortest_meal(pattern.paid_s / 3600), labour.max_meal_min
        for minutes in (pause.length_s / 60 for pause in pattern.breaks if pause.kind == "meal"):
            if not low.value <= minutes <= high.value:
                raise PlanningError(
                    f"shift {format_shift(clock, pattern)!r} has a meal of {minutes:g} min, must lie in "
                    f"[{low.value:g}, {high.value:g}] ({low.article}): change the meal"
                )
        ends = clock + pd.Timedelta(seconds=pattern.length_s)
        if not any(
            site.always or (site.opens <= clock and ends <= site.closes) for site in centre.sites.values()
        ):
            raise PlanningError(
                f"shift {format_shift(clock, pattern)!r} lies outside the hours of every site: move it"
            )
        found.append(Shape.of(pattern, clock))
    return found


def _step(centre: Centre, kinds: list[Shape]) -> int:
    """Length of a step, seconds: all intervals, starts and ends of shifts are multiples of it."""
    fixed = [shape for shape in kinds if shape.clock is not None]
    grids = [shape.grid_s for shape in kinds if shape.clock is None]
    if grids:
        grids.append(centre.shifts.start_every_min * 60)
    clocks = [round(shape.clock.total_seconds()) for shape in fixed if shape.clock is not None]
    breaks = [slot.first * shape.grid_s for shape in fixed for slot in shape.slots]
    step_s = math.gcd(centre.interval_s, *grids, *clocks, *breaks, *(shape.length_s for shape in kinds))
    if step_s < 60:
        raise PlanningError(
            f"shifts and intervals of {centre.interval_s} s share a grid of {step_s} s only, must be at "
            "least 60 s: round the starts, the lengths and the breaks"
        )
    return step_s


def _blocks(
    centre: Centre,
    site: str,
    table: pd.DataFrame,
    kinds: list[Shape],
    times: pd.DatetimeIndex,
    step_s: int,
) -> list[Block]:
    """Columns of a site's catalogue, shape by shape."""
    parts = [(shape, table[table["shape"] == number]) for number, shape in enumerate(kinds)]
    paid = premiums(centre, site, times, step_s)
    return [block(shape, own, times, step_s, paid) for shape, own in parts if len(own)]


def _written(
    centre: Centre,
    teams: list[str],
    needs: dict[tuple[str, str], Ints],
    blocks: list[tuple[str, Block]],
    times: pd.DatetimeIndex,
    step_s: int,
    desks: Mapping[str, Floats],
    contracts: Contracts | None,
) -> Group:
    """Write the program of a group: columns of the classes, of flows to queues, and of people employed."""
    steps, step_h = len(times), step_s / 3600
    answered = {team: [key for key in needs if team in able(centre, *key)] for team in teams}
    # Flows exist only where there is a choice: a team alone on its only queue needs none.
    alone = {
        key: able(centre, *key)[0]
        for key in needs
        if len(able(centre, *key)) == 1 and len(answered[able(centre, *key)[0]]) == 1
    }
    pairs = [(team, key) for team in teams for key in answered[team] if key not in alone]
    columns = sum(one.position.shape[1] for _, one in blocks)
    known = {} if contracts is None else contracts.joins
    joining = {key: one for key, one in known.items() if set(key) <= {EMPLOYED, *teams}}
    loans = len(pairs) * steps
    others = loans + len(joining)
    joins = {key: columns + loans + number for number, key in enumerate(joining)}
    present = {
        team: sparse.hstack(
            [one.position if owner == team else sparse.csc_array(one.position.shape) for owner, one in blocks]
            + [sparse.csc_array((steps, others))], format="csr",
        )
        for team in teams
    }  # fmt: skip
    within = sparse.block_diag([one.links for _, one in blocks], format="csr")
    links = [sparse.hstack([within, sparse.csr_array((within.shape[0], others))], format="csr")]
    low = [np.where(np.concatenate([one.equal for _, one in blocks]), 0.0, -np.inf)]
    high = [np.zeros(within.shape[0])]
    lent = {
        pair: _loan(columns + number * steps, steps, columns + others) for number, pair in enumerate(pairs)
    }
    none = _none(steps, columns + others)
    position = sparse.vstack(
        [
            present[alone[key]] if key in alone
            else sum((lent[pair] for pair in pairs if pair[1] == key), start=none)
            for key in needs
        ],
        format="csr",
    )  # fmt: skip
    for team in dict.fromkeys(team for team, _ in pairs):
        used = sum((lent[pair] for pair in pairs if pair[0] == team), start=none)
        links.append((used - present[team]).tocsr())
        low.append(np.full(steps, -np.inf))
        high.append(np.zeros(steps))
    limits = _limits(centre, blocks, columns + others, desks, step_s)
    if contracts is not None:
        limits += contracts.limits(centre, blocks, columns + others, joins)
    tops = [top for _, top, _ in limits]
    rates = [hour_cost(centre, team) for team, _ in blocks]
    over = centre.pay.over_cost_h * step_h
    hours = [one.cost if contracts is None else contracts.extra_h(centre, team, one) for team, one in blocks]
    cost = np.concatenate([rate * extra for rate, extra in zip(rates, hours, strict=True)])
    surplus = sum(np.asarray(present[team].sum(axis=0)).ravel() for team in teams)
    need = np.concatenate(list(needs.values()))
    program = Program(
        position=position,
        need=need,
        links=sparse.vstack([*links, *(row for row, *_ in limits)], format="csr"),
        low=np.concatenate([*low, np.full(len(tops), -np.inf)]),
        high=np.concatenate([*high, tops]),
        cost=np.concatenate([cost, np.zeros(loans), [one.cost for one in joining.values()]]) + over * surplus,
        at=np.concatenate(
            [
                *(one.first for _, one in blocks),
                np.tile(np.arange(steps), loans // steps),
                np.full(len(joining), -1),
            ]
        ),
        row_at=np.tile(np.arange(steps), len(needs)),
        heads=np.concatenate([*_owners(blocks), np.arange(columns, columns + others)]),
        flow=np.arange(columns + others) >= columns,
        shape=np.concatenate(
            [*(np.full(one.position.shape[1], n) for n, (_, one) in enumerate(blocks)), np.full(others, -1)]
        ),
        paid_s=np.concatenate(
            [
                *(np.full(one.position.shape[1], one.shape.paid_s) for _, one in blocks),
                np.zeros(others, dtype=np.int64),
            ]
        ),
        steps=steps,
        day=DAY_S // step_s,
        reach=max(one.shape.length_s for _, one in blocks) // step_s,
        # A team that people may join is short only where nobody who joins could help. A head at a weekend
        # takes several people, and the price is above theirs by more than the gap of a search.
        short_cost=max(
            [
                centre.pay.unmet_cost_h * step_h,
                *(1.5 * one.for_a_weekend * one.cost for one in joining.values()),
            ]
        )
        + over,
        unit_cost=min(rates) / 1000,
        constant=-over * float(need.sum()),
        sunk=0.0 if contracts is None else contracts.owed_cost(centre, teams),
    )
    served = [(able(centre, *key)[0], key[0]) for key in needs]
    return Group(
        teams, needs, blocks, program, [name for *_, name in limits], served, times, desks, contracts, joins
    )


def _owners(blocks: list[tuple[str, Block]]) -> list[Ints]:
    """Column of the heads of each column's class, block by block."""
    base = np.cumsum([0, *(one.position.shape[1] for _, one in blocks)])
    return [start + np.repeat(one.heads, one.width) for start, (_, one) in zip(base, blocks, strict=False)]


def _none(steps: int, columns: int) -> sparse.csr_array:
    return sparse.csr_array((steps, columns))


def _loan(first: int, steps: int, columns: int) -> sparse.csr_array:
    """Flow of one team to one queue, a column per step."""
    parts = [_none(steps, first), sparse.eye_array(steps), _none(steps, columns - first - steps)]
    return sparse.hstack(parts, format="csr")


def _limits(
    centre: Centre,
    blocks: list[tuple[str, Block]],
    columns: int,
    desks: Mapping[str, Floats],
    step_s: int,
) -> list[Limit]:
    """Limits on heads per day, part-time and desks."""
    rules = centre.shifts
    found: list[Limit] = []
    heads: dict[str, list[tuple[Ints, pd.DatetimeIndex, str]]] = {}
    base = 0
    for team, one in blocks:
        days = local_day(pd.DatetimeIndex(one.shifts["start"]))
        heads.setdefault(team, []).append((base + one.heads, days, one.shape.kind))
        base += one.position.shape[1]
    for team, parts in heads.items():
        own = np.concatenate([part[0] for part in parts])
        if team in rules.max_heads:
            days = pd.DatetimeIndex(np.concatenate([part[1].to_numpy() for part in parts]))
            most = float(rules.max_heads[team])
            name = (f"max_heads.{team}", most, "head a day", 1.0)
            found += [(_row(own[days == day], 1, columns), most, name) for day in days.unique()]
        if rules.max_part_time < 1 and rules.part_time:
            share = round(_SHARE * rules.max_part_time)
            part = np.concatenate([part[0] for part in parts if part[2] in rules.part_time] or [own[:0]])
            row = _row(part, _SHARE, columns) - _row(own, share, columns)
            found.append((row, 0.0, (f"max_part_time, {team}", rules.max_part_time, "point of share", team)))
    for site, free in desks.items():
        at = np.flatnonzero(np.isfinite(free))
        rows = _desks(centre, site, blocks, columns, step_s)[at]
        seats = (f"sites.{site}.seats", float(centre.sites[site].seats or 0), "desk", 1.0)
        found += [(rows[[number]], float(free[step]), seats) for number, step in enumerate(at)]
    return found


def _desks(
    centre: Centre, site: str, blocks: list[tuple[str, Block]], columns: int, step_s: int
) -> sparse.csr_array:
    """Heads at the desks of a site in each step."""
    steps = blocks[0][1].position.shape[0]
    parts = [
        at_desk(one, steps, step_s)
        if centre.teams[team].site == site
        else sparse.csc_array(one.position.shape)
        for team, one in blocks
    ]
    return sparse.hstack([*parts, _none(steps, columns - sum(part.shape[1] for part in parts))], format="csr")


def _row(at: Ints, value: int, columns: int) -> sparse.csr_array:
    return sparse.csr_array(
        (np.full(len(at), float(value)), (np.zeros(len(at), dtype=np.int64), at)), shape=(1, columns)
    )
