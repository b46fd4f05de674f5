"""The cheapest shifts, breaks included, that put the required agents on position (OR-Tools)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.calendars import local_day, time_of_day
from planning.centre import clock_text
from planning.checks import Floats, Ints
from planning.errors import PlanningError
from planning.pay import hour_cost, pay_parts, shift_premium_hours
from planning.shifts.catalogue import Pattern, horizon
from planning.shifts.contracts import EMPLOYED, Contracts
from planning.shifts.groups import Group, able, bound_without_desks, group_of, groups_of
from planning.shifts.program import Program, relax
from planning.shifts.search import CoverSettings, Found, Progress, search
from planning.tables import REQUIREMENT

if TYPE_CHECKING:
    from planning.centre import Centre

_TOGETHER = 20_000
"""The most columns of teams that are planned together only because desks were divided badly."""
_ROUNDS = 5
"""Rounds of the search where contracts are tight; the gap usually ends it sooner."""


@dataclass(frozen=True)
class CoverPlan:
    """Shifts that cover a requirement.

    Attributes
    ----------
    shifts : DataFrame
        SHIFTS, one row per team, start, end and layout of breaks, with each shift's pattern (number in
        `patterns`), night_h and holiday_h per head, and the cost of all its heads.
    unmet : DataFrame
        team, queue, interval_start, missing: agents short, a row per interval that is not covered.
    teams : DataFrame
        Index team: objective, bound (no plan is cheaper), gap, paid_h, contract_h (hours that its people may
        work, missing without contracts), hired (people to employ). The objective and the bound of
        teams that share queues are divided by the cost of their shifts.
    patterns : tuple of Pattern
        The layouts of the shifts.
    binding : DataFrame
        limit, value, one_more, saves_cost: what one more unit of each binding limit would save, by the duals
        of the relaxation (for max_starts: what removing the limit would save, by solving again).
    status : str
        How the search ended.
    moved : dict
        People who move, by (team before, team after).
    held : DataFrame
        From `cover_all`: the REQUIREMENT as given, except that waiting work done in whole shifts has the
        heads that these shifts put on position.
    short : tuple of str
        For each team that is short: where it is most, which limit excludes the shifts that would help, and
        what to do about it.
    """

    shifts: pd.DataFrame
    unmet: pd.DataFrame
    teams: pd.DataFrame
    patterns: tuple[Pattern, ...]
    binding: pd.DataFrame = field(default_factory=pd.DataFrame)
    status: str = ""
    moved: dict[tuple[str, str], int] = field(default_factory=dict)
    held: pd.DataFrame = field(default_factory=pd.DataFrame)
    short: tuple[str, ...] = ()

    @property
    def hired(self) -> dict[str, int]:
        """People to employ, by team; teams that need none are left out."""
        return {str(team): int(count) for team, count in self.teams["hired"].items() if count > 0}

    @property
    def objective(self) -> float:
        """Cost of the shifts and price of the missing agents."""
        return float(self.teams["objective"].sum())

    @property
    def bound(self) -> float:
        """Proven lower bound: no plan of these shifts costs less."""
        return float(self.teams["bound"].sum())

    @property
    def gap(self) -> float:
        """How far the plan's cost may be above the least, as a share of the bound."""
        return gap_of(self.teams)


def gap_of(teams: pd.DataFrame) -> float:
    """How far teams' cost may be above the least, as a share of the bound; 0 without shifts.

    Parameters
    ----------
    teams : DataFrame
        With the columns objective and bound, as `CoverPlan.teams`.
    """
    cost, least = (float(teams[name].sum()) for name in ("objective", "bound"))
    return cost / least - 1 if least else 0.0


def cover(
    centre: Centre,
    requirement: pd.DataFrame,
    *,
    strict: bool = False,
    shifts: Sequence[str] | None = None,
    settings: CoverSettings | None = None,
    callback: Callable[[Progress], object] | None = None,
    before: CoverPlan | None = None,
    beside: CoverPlan | None = None,
    contracts: Contracts | None = None,
) -> CoverPlan:
    """Find the cheapest shifts, with their breaks, that put the required agents on position.

    The horizon repeats: a shift that runs over its end also covers the first hours of the horizon, like the
    night shift of the evening before. With a plan of the days `before` it is a stretch of dates instead:
    people still on position from those days count for the first queue of their team, and shifts that run over
    the end serve the days to come. Money is paid hours at the team's rate with the night, holiday and weekend
    premiums. A missing agent-hour costs ``pay.unmet_cost_h``, so there is always a plan and every shortage is
    listed; an agent-hour too many costs ``pay.over_cost_h``.

    Teams of a site that share queues are planned in one model, in which an agent on position serves one queue
    at a time; other teams are planned separately.

    With `contracts` the shifts are those that the people can work: no team has more hours, shifts, or heads
    on a day than its people have. Their hours are paid in any case, so an hour of theirs costs little more
    than its premiums (``pay.spare_hour``), and the objective includes their pay. Shifts as long as a usual
    day of the team's contracts are preferred (``pay.off_length``). Where contracts allow a team to employ
    people, their number is found together with the shifts.

    Nobody is planned without a desk: at no moment are more people at work at a site than it has `seats`. A
    person on a break leaves the desk to others, and duties have their own room. Where desks are short, heads
    are missing, and `binding` says what one more desk would save.

    Parameters
    ----------
    centre : Centre
    requirement : DataFrame
        REQUIREMENT of whole days.
    strict : bool
        Raise an error if an interval cannot be covered.
    shifts : sequence of str, optional
        The only shifts to use, for example "09:00-18:00 meal 12:30-13:30", instead of the centre's rules.
    settings : CoverSettings, optional
    callback : callable, optional
        Called with a `Progress` after each step. A KeyboardInterrupt ends the search with the best plan so
        far.
    before : CoverPlan, optional
        Shifts of the days just before the horizon.
    beside : CoverPlan, optional
        Shifts that are already planned, whose people need desks.
    contracts : Contracts, optional
        What the people can work, those there are or those to employ (`planning.roster.contracts_of`).
        By default any number of shifts can be worked, and each is paid by itself.

    Returns
    -------
    CoverPlan

    Raises
    ------
    PlanningError
        A row of the requirement is faulty, off the grid or without a team; no shift fits a site; or the plan
        is short and `strict` is set.

    Examples
    --------
    >>> from planning import Centre, axis, requirement
    >>> times = axis(pd.Timestamp("2026-11-23", tz="Europe/Moscow"), 1, 900)
    >>> calls = np.where((times.hour >= 9) & (times.hour < 21), 6.0, 0.0)
    >>> demand = pd.DataFrame({"queue": "claims", "interval_start": times, "calls": calls, "aht_s": 300.0})
    >>> centre = Centre.load()
    >>> needed = requirement(centre, demand[demand["calls"] > 0])
    >>> plan = cover(centre, needed, settings=CoverSettings(gap=0.05))
    >>> len(plan.unmet), plan.gap <= 0.06, plan.status
    (0, True, 'within the gap')
    """
    settings = CoverSettings(rounds=1 if contracts is None else _ROUNDS) if settings is None else settings
    requirement = _checked(centre, requirement)
    times = horizon(centre, requirement)
    _check_times(centre, requirement, times)
    explicit = (centre.shifts.explicit or None) if shifts is None else shifts
    beyond = pd.Timedelta(0)
    if before is not None:
        requirement, beyond = _still_needed(centre, requirement, times, before), pd.Timedelta(days=1)
    held = _held(centre, times, before, beside)
    groups = partial(groups_of, centre, requirement, times, explicit, beyond, contracts=contracts)
    seek = partial(search, settings=settings, callback=callback)
    plan, there = _with_desks(centre, times, groups, seek, held, before is None, contracts)
    salaried = (
        set()
        if contracts is None
        else {team for team in centre.teams if contracts.may_employ(team) < math.inf}
    )
    short = tuple(
        _clash(centre, plan, str(team), there, str(team) in salaried) for team in plan.unmet["team"].unique()
    )
    if strict and short:
        raise PlanningError(short[0])
    return replace(plan, short=short)


def least_cost(centre: Centre, requirement: pd.DataFrame) -> float:
    """Bound the pay of whole shifts from below, in seconds: the relaxation, in which heads may be fractions.

    Heads that no shift can cover have their price here too. Desks are no limit.

    Parameters
    ----------
    centre : Centre
    requirement : DataFrame
        REQUIREMENT of whole days.

    Examples
    --------
    One agent from 9:00 to 21:00 needs more than one shift, though fractions of two might do:

    >>> from planning import Centre, axis, requirement
    >>> times = axis(pd.Timestamp("2026-11-23", tz="Europe/Moscow"), 1, 900)
    >>> calls = {"queue": "claims", "interval_start": times[36:84], "calls": 0.1, "aht_s": 300.0}
    >>> centre = Centre.load()
    >>> needed = requirement(centre, pd.DataFrame(calls))
    >>> bound, plan = least_cost(centre, needed), cover(centre, needed)
    >>> bool(plan.objective / 2 < bound <= plan.objective)
    True
    """
    requirement = _checked(centre, requirement)
    times = horizon(centre, requirement)
    groups = groups_of(centre, requirement, times, centre.shifts.explicit or None)
    return float(sum(relax(group.program).value for group in groups))


def requirement_by_team(
    centre: Centre, requirement: pd.DataFrame, times: pd.DatetimeIndex
) -> dict[str, pd.Series]:
    """Heads to roster of each team by interval, for the queue that it is staffed for; 0 while closed."""
    found: dict[str, pd.Series] = {}
    for (queue, site), rows in requirement.groupby(["queue", "site"], sort=False):
        team = centre.team_for(queue, site)
        if team is not None:
            heads = rows.set_index("interval_start")["rostered"].reindex(times, fill_value=0)
            found[team] = found[team] + heads if team in found else heads
    return found


def _still_needed(
    centre: Centre, requirement: pd.DataFrame, times: pd.DatetimeIndex, before: CoverPlan
) -> pd.DataFrame:
    """Subtract people still on position from the days before from the requirement."""
    here = {
        team: pd.Series(on_position(own, before.patterns, times, around=False), times)
        for team, own in before.shifts.groupby("team")
    }
    left = requirement["rostered"].to_numpy(np.int64).copy()
    for (queue, site), rows in requirement.groupby(["queue", "site"]):
        team = centre.team_for(str(queue), str(site))
        if team in here:
            at = requirement.index.get_indexer(rows.index)
            left[at] -= here[team].reindex(rows["interval_start"]).to_numpy()
    return requirement.assign(rostered=np.maximum(left, 0))


def on_position(
    shifts: pd.DataFrame,
    shapes: tuple[Pattern, ...],
    times: pd.DatetimeIndex,
    heads: str = "headcount",
    *,
    around: bool = True,
) -> NDArray[np.int64]:
    """Count the heads on position in each interval from the shifts alone: the fewest at any moment.

    People on a break do not count. No solver is involved, so this can check a plan. With `around`, time
    outside the intervals wraps to their other end; otherwise it is ignored.
    """
    least: NDArray[np.int64] = _moments(shifts, shapes, times, heads, around).min(axis=1).astype(np.int64)
    return least


def at_desks(
    centre: Centre, plan: CoverPlan, times: pd.DatetimeIndex, *, around: bool = True
) -> pd.DataFrame:
    """Count the heads at the desks of each site (column) in each interval: the most at any moment.

    A person on a break leaves the desk to others, and a duty has its own room.
    """
    duty = [name for name, team in centre.teams.items() if team.duty_h is not None]
    seated = plan.shifts[~plan.shifts["team"].isin(duty)]
    return pd.DataFrame(
        {
            site: _moments(seated[seated["site"] == site], plan.patterns, times, "headcount", around).max(
                axis=1
            )
            for site in centre.sites
        },
        index=times,
    )


def _moments(
    shifts: pd.DataFrame,
    shapes: tuple[Pattern, ...],
    times: pd.DatetimeIndex,
    heads: str,
    around: bool,
) -> Floats:
    """Heads who work at each moment of each interval, shape (intervals, moments)."""
    interval_s = int((times[1] - times[0]).total_seconds())
    starts = ((pd.DatetimeIndex(shifts["start"]) - times[0]) // pd.Timedelta(seconds=1)).tolist()
    used = [shapes[number] for number in shifts["pattern"].unique()]
    inside = [edge for shape in used for pause in shape.breaks for edge in (pause.start_s, pause.end_s)]
    grain = math.gcd(interval_s, *starts, *inside, *(shape.length_s for shape in used))
    total = np.zeros(len(times) * interval_s // grain)
    working = {number: shapes[number].on_position(grain) for number in shifts["pattern"].unique()}
    for start, number, count in zip(starts, shifts["pattern"], shifts[heads], strict=True):
        at = start // grain + np.flatnonzero(working[number])
        at = at % len(total) if around else at[(at >= 0) & (at < len(total))]
        np.add.at(total, at, count)
    return total.reshape(len(times), -1)


def _held(
    centre: Centre, times: pd.DatetimeIndex, before: CoverPlan | None, beside: CoverPlan | None
) -> pd.DataFrame:
    """Desks already taken at each site, by people of the days before or by shifts already planned."""
    held = pd.DataFrame(0, index=times, columns=list(centre.sites))
    if before is not None and len(before.shifts):
        held += at_desks(centre, before, times, around=False)
    if beside is not None and len(beside.shifts):
        held += at_desks(centre, beside, times, around=before is None)
    return held


def _with_desks(
    centre: Centre,
    times: pd.DatetimeIndex,
    groups: Callable[..., list[Group]],
    seek: Callable[[list[Program]], tuple[list[Found], str]],
    held: pd.DataFrame,
    around: bool,
    contracts: Contracts | None,
) -> tuple[CoverPlan, pd.DataFrame]:
    """Plan teams separately, then together where their site has too few desks; also return who is at desks.

    Desks tie all teams of a site together, which makes the search harder, so this is done only on crowded
    days. Salaried people would crowd a site for nothing: their teams get parts of the desks first, and are
    planned together if that leaves somebody short while the site is full.
    """
    known: dict[tuple[str, ...], Found] = {}
    cramped: set[str] = set()
    size: Counter[str] = Counter()

    def planned(desks: dict[str, Floats], divided: bool = False) -> tuple[CoverPlan, pd.DataFrame]:
        own, relaxed = _within_starts(centre, groups(desks, divided=divided))
        new = [group for group in own if tuple(group.teams) not in known or group.desks]
        found, status = seek([group.program for group in new])
        for group, one in zip(new, found, strict=True):
            # Desks can only make a plan dearer, so the bounds of the separate teams hold for the teams
            # together.
            inside = [teams for teams in known if set(teams) <= set(group.teams)]
            apart = sum(known.pop(teams).bound for teams in inside)
            own_bound = bound_without_desks(centre, group, one) if divided else one.bound
            known[tuple(group.teams)] = replace(one, bound=max(own_bound, apart))
            if divided:
                cramped.update(group.short_of_desks(one.x))
                size.update(dict.fromkeys(group.sites, len(one.x)))
        plan = _plan(centre, times, own, [known[tuple(group.teams)] for group in own], relaxed, status)
        return plan, held + at_desks(centre, plan, times, around=around)

    desks: dict[str, Floats] = {}
    if contracts is not None:
        desks = {
            site: np.maximum(settings.seats - held[site].to_numpy(), 0.0)
            for site, settings in centre.sites.items()
            if settings.seats is not None
        }
    plan, there = planned(desks, divided=True)
    desks = {site: desks[site] for site in cramped if size[site] <= _TOGETHER}
    more = bool(desks)
    while more := _crowded(centre, there, held, desks) or more:
        again = planned(desks)
        if again[0].status == "interrupted":
            crowded = any((there[site] > (centre.sites[site].seats or 0)).any() for site in desks)
            status = "interrupted, more people than desks" if crowded else "interrupted"
            return replace(plan, status=status), there
        (plan, there), more = again, False
    return plan, there


def _crowded(centre: Centre, there: pd.DataFrame, held: pd.DataFrame, desks: dict[str, Floats]) -> bool:
    """Add the free desks of days on which a site has too few to `desks`; tell whether there are such days."""
    days, more = local_day(pd.DatetimeIndex(there.index)), False
    for site, settings in centre.sites.items():
        if settings.seats is None:
            continue
        room = desks.get(site, np.full(len(there), np.inf))
        over = there[site].to_numpy() > settings.seats
        fresh = days.isin(days[over]) & np.isinf(room)
        if fresh.any():
            free = np.maximum(settings.seats - held[site].to_numpy(), 0.0)
            desks[site], more = np.where(fresh, free, room), True
    return more


def _checked(centre: Centre, requirement: pd.DataFrame) -> pd.DataFrame:
    """Return the requirement on the centre's clock, after checking that each row is good and has a team."""
    found = REQUIREMENT.check(requirement, "requirement")
    found["interval_start"] = found["interval_start"].dt.tz_convert(centre.time_zone)
    for queue, site in found.loc[found["rostered"] > 0, ["queue", "site"]].drop_duplicates().to_numpy():
        if not able(centre, queue, site):
            raise PlanningError(
                f"requirement asks for {queue!r} at {site!r}, which no team there answers: give a team the "
                f"queue (queues: {', '.join(centre.queues)}; sites: {', '.join(centre.sites)})"
            )
    return found


def _check_times(centre: Centre, requirement: pd.DataFrame, times: pd.DatetimeIndex) -> None:
    """Refuse rows that match no interval of the horizon."""
    off = ~requirement["interval_start"].isin(times)
    if off.any():
        raise PlanningError(
            f"requirement has interval_start {requirement['interval_start'][off].iloc[0]:%Y-%m-%d %H:%M}, "
            f"must lie on the grid of {centre.interval_s} s: set the centre's interval_s"
        )


def _within_starts(centre: Centre, groups: list[Group]) -> tuple[list[Group], dict[int, float]]:
    """Keep to `max_starts`: drop the times of day that the relaxation uses least, a few at a time.

    Returns the groups and, for those that lost a start, the value of their relaxation before and after. The
    difference is the cost of the limit; the first value remains the bound.
    """
    limit = centre.shifts.max_starts
    if limit is None:
        return groups, {}
    kept, before = [], {}
    for number, group in enumerate(groups):
        relaxed = relax(group.program)
        first = relaxed.value
        while (used := group.clocks(relaxed.x)).groupby("team").size().max() > limit:
            counts = used.groupby("team").size()
            room = counts.map(lambda count: max(limit, int(0.6 * count)))
            ranked = used.assign(rank=used.groupby("team")["heads"].rank(method="first", ascending=False))
            allowed = ranked[ranked["rank"] <= ranked["team"].map(room)]
            group = group_of(centre, group, {*zip(allowed["team"], allowed["clock"], strict=True)})
            relaxed = relax(group.program)
            before[number] = first
        kept.append(group)
    return kept, before


def _plan(
    centre: Centre,
    times: pd.DatetimeIndex,
    groups: list[Group],
    found: list[Found],
    relaxed: dict[int, float],
    status: str,
) -> CoverPlan:
    """Turn the solutions into tables."""
    people = [group.people(one.x) for group, one in zip(groups, found, strict=True)]
    shapes = sorted({row[2] for rows in people for row in rows})
    numbers = {pattern: number for number, pattern in enumerate(shapes)}
    shifts, teams, unmet, binding = [], [], [], []
    moved: dict[tuple[str, str], int] = {}
    for number, (group, one) in enumerate(zip(groups, found, strict=True)):
        table = shift_rows(centre, people[number], numbers)
        bound = min(one.bound, relaxed.get(number, np.inf))
        shifts.append(table)
        teams.append(_teams(centre, group, table, one.x, bound))
        unmet.append(_unmet(group, group.program.short(one.x), times))
        binding += group.binding(one)
        moved |= {key: count for key, count in group.joined(one.x).items() if count and key[0]}
        if number in relaxed:
            saved = one.bound - relaxed[number]
            binding.append(("max_starts", float(centre.shifts.max_starts or 0), "no limit", saved))
    columns = ["limit", "value", "one_more", "saves_cost"]
    return CoverPlan(
        pd.concat(shifts, ignore_index=True),
        pd.concat(unmet, ignore_index=True),
        pd.concat(teams),
        tuple(shapes),
        pd.DataFrame(binding, columns=columns),
        status,
        moved,
    )


def shift_rows(
    centre: Centre, people: list[tuple[str, pd.Timestamp, Pattern, int]], numbers: dict[Pattern, int]
) -> pd.DataFrame:
    """Write (team, start, pattern, heads) as SHIFTS, with premiums and cost."""
    rows = pd.DataFrame(
        [
            (f"{team}-{start:%Y%m%dT%H%M}-{numbers[pattern]:03d}", centre.teams[team].site, team, start,
             start + pd.Timedelta(seconds=pattern.length_s), pattern.paid_s / 3600, heads, numbers[pattern])
            for team, start, pattern, heads in people
        ],
        columns=["shift_id", "site", "team", "start", "end", "paid_h", "headcount", "pattern"],
    )  # fmt: skip
    zone = f"datetime64[us, {centre.time_zone}]"
    kinds = {"start": zone, "end": zone, "paid_h": "float64", "headcount": "int64", "pattern": "int64"}
    rows = rows.astype(kinds)
    extra = shift_premium_hours(centre, rows, _unpaid(rows, [pattern for _, _, pattern, _ in people]))
    return rows.assign(
        night_h=extra["night_h"],
        holiday_h=extra["holiday_h"],
        cost=pay_parts(centre, rows["team"], rows["paid_h"], extra).sum(axis=1) * rows["headcount"],
    )


def _unpaid(rows: pd.DataFrame, patterns: list[Pattern]) -> pd.DataFrame:
    """Unpaid breaks of each shift, as `planning.pay.shift_premium_hours` reads them."""
    breaks = [(n, pause) for n, pattern in enumerate(patterns) for pause in pattern.breaks if not pause.paid]
    owner = pd.Index([number for number, _ in breaks], dtype=np.int64)
    start = rows["start"].loc[owner] + pd.to_timedelta([pause.start_s for _, pause in breaks], unit="s")
    length = pd.to_timedelta([pause.length_s for _, pause in breaks], unit="s")
    return pd.DataFrame({"start": start, "end": start + length})


def _teams(centre: Centre, group: Group, shifts: pd.DataFrame, x: Ints, bound: float) -> pd.DataFrame:
    """Objective and proven bound of each team of a group."""
    cost = shifts.groupby("team")["cost"].sum().reindex(group.teams, fill_value=0.0)
    share = cost / cost.sum() if cost.sum() else pd.Series(1 / len(cost), index=cost.index)
    paid = (shifts["paid_h"] * shifts["headcount"]).groupby(shifts["team"]).sum()
    objective, joined, contracts = group.program.value(x), group.joined(x), group.contracts
    hired = [joined.get((EMPLOYED, team), 0) for team in group.teams]
    held = [math.nan if contracts is None else contracts.held(team, joined) for team in group.teams]
    owed = 0.0 if contracts is None else contracts.owed_cost(centre, group.teams)
    objective, bound = objective + owed, min(bound, objective) + owed
    table = pd.DataFrame(
        {"objective": objective * share, "bound": bound * share,
         "gap": objective / bound - 1 if bound > 0 else 0.0,
         "paid_h": paid.reindex(group.teams, fill_value=0.0), "contract_h": held, "hired": hired},
    )  # fmt: skip
    return table.rename_axis("team")


def _unmet(group: Group, short: NDArray[np.float64], times: pd.DatetimeIndex) -> pd.DataFrame:
    """The most heads missing from each queue in any interval."""
    parts, steps = [], round((times[1] - times[0]) / (group.times[1] - group.times[0]))
    for (team, queue), missing in zip(group.served, short.reshape(len(group.served), -1), strict=True):
        most = missing.reshape(-1, steps).max(axis=1)[: len(times)]
        frame = pd.DataFrame(
            {"team": team, "queue": queue, "interval_start": times, "missing": np.rint(most).astype(int)}
        )
        parts.append(frame[most > 0.5])
    return pd.concat(parts)


def _clash(centre: Centre, plan: CoverPlan, team: str, there: pd.DataFrame, salaried: bool) -> str:
    """Say where a team is short most, and which limit excludes the shifts that would help."""
    own = plan.unmet[plan.unmet["team"] == team].groupby("interval_start")["missing"].sum()
    when, missing, others = own.idxmax(), own.max(), len(own) - 1
    heads = "1 agent" if missing == 1 else f"{missing:g} agents"
    more = f" (and in {others} more interval{'s' if others > 1 else ''})" if others else ""
    reason = _reason(centre, plan, team, own, there, salaried)
    return f"{team} is short of {heads} at {when:%Y-%m-%d %H:%M}{more}: {reason}"


def _reason(
    centre: Centre,
    plan: CoverPlan,
    team: str,
    short: pd.Series,
    there: pd.DataFrame,
    salaried: bool,
) -> str:
    """Name the limit that leaves intervals without a shift: `short` are the team's missing heads."""
    site, rules, when = centre.sites[centre.teams[team].site], centre.shifts, short.idxmax()
    clock = time_of_day(pd.DatetimeIndex([when]))[0].to_pytimedelta()
    if not site.is_open(clock):
        return (
            f"the site is open from {clock_text(site.opens)} to {clock_text(site.closes)}: "
            "open it longer or let another site answer"
        )
    name = centre.teams[team].site
    # Desks that are full at one time of a shift keep it from every other time.
    if site.seats is not None and (there.loc[short.index, name] >= site.seats).any():
        here = plan.unmet[plan.unmet["team"].map(lambda other: centre.teams[other].site == name)]
        wanted = there[name].add(here.groupby("interval_start")["missing"].sum(), fill_value=0.0)
        lacks = wanted[short.index].max() - site.seats
        return (
            f"sites.{name}.seats is {site.seats}, and no workplace is free: give the site at least {lacks:g} "
            "more or require less"
        )
    if centre.pay.unmet_cost_h <= hour_cost(centre, team):
        return (
            f"pay.unmet_cost_h is {centre.pay.unmet_cost_h:g}, must be more than the "
            f"{hour_cost(centre, team):.4g} that an hour of the team costs, or nobody is planned: raise it"
        )
    people = plan.binding[plan.binding["limit"].str.startswith(f"{team}: ")]
    if salaried and len(people):
        most = people.loc[people["saves_cost"].idxmax()]
        return (
            f"{most['limit'].removeprefix(f'{team}: ')}: {most['value']:g}, and all are used: employ people, "
            "move some from another team or require less"
        )
    if team in rules.max_heads:
        return f"shifts.max_heads.{team} is {rules.max_heads[team]}: allow more or require less"
    if rules.quiet_from <= clock < rules.quiet_until:
        return (
            f"no shift starts or ends from {clock_text(rules.quiet_from)} to "
            f"{clock_text(rules.quiet_until)}: allow longer shifts, shorter quiet hours or a higher "
            "pay.unmet_cost_h"
        )
    return "allow other shifts, a lower target or a higher pay.unmet_cost_h"
