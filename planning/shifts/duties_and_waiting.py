"""Shifts that no interval requires: duties at all open hours, and work that waits, done in whole shifts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.calendars import local_day, on_clock, time_of_day
from planning.deferred import age_when_done
from planning.shifts.catalogue import Pattern, catalogue, horizon, shapes
from planning.shifts.contracts import Contracts
from planning.shifts.cover import CoverPlan, at_desks, cover, on_position, shift_rows
from planning.shifts.groups import linked
from planning.staffing import heads_present

if TYPE_CHECKING:
    from planning.centre import Centre

# Team, start, layout and heads of a shift.
Rows = list[tuple[str, pd.Timestamp, Pattern, int]]
_NOTHING = CoverPlan(
    pd.DataFrame(), pd.DataFrame(columns=["team", "queue", "interval_start", "missing"]), pd.DataFrame(), ()
)


def cover_all(centre: Centre, requirement: pd.DataFrame, **options: Any) -> CoverPlan:
    """Cover a requirement, the duties of teams that answer nothing, and work that waits in whole shifts.

    A team that answers no calls is not tied to the minute: its work is given to whole shifts on working days,
    as long as nothing gets older than promised, the team has the people, and everybody has a desk. Otherwise
    its intervals are covered like all others.

    Parameters
    ----------
    centre : Centre
    requirement : DataFrame
        REQUIREMENT of whole days.
    **options
        As for `planning.shifts.cover`.

    Returns
    -------
    CoverPlan

    Raises
    ------
    PlanningError
        As `planning.shifts.cover` does.
    """
    rows, rest = duties(centre, horizon(centre, requirement)), requirement
    for team, queue in _waiting_teams(centre, requirement).items():
        own = work_shifts(centre, requirement, team)
        if (
            own
            and _staffed(options.get("contracts"), team, own)
            and _seated(centre, requirement, team, own)
            and not _late(centre, requirement, team, queue, own)
        ):
            rows += own
            rest = rest[rest["queue"] != queue]
    beside = _joined(centre, _NOTHING, rows) if rows else None
    plan = cover(centre, rest, beside=beside, **options) if len(rest) else _NOTHING
    made = _joined(centre, plan, rows) if rows else plan
    return replace(made, held=_held(centre, requirement, made))


def cover_again(
    centre: Centre, requirement: pd.DataFrame, made: CoverPlan, teams: Collection[str], contracts: Contracts
) -> CoverPlan:
    """Cover what some teams answer, and those who share it, under other contracts; all other shifts stay.

    Parameters
    ----------
    centre : Centre
    requirement : DataFrame
        REQUIREMENT of whole days.
    made : CoverPlan
        From `cover_all`.
    teams : collection of str
        Duties, and teams that work in whole shifts, stay as they are.
    contracts : Contracts
        People whom they let teams employ come on top of those employed in `made`.

    Returns
    -------
    CoverPlan
    """
    whole = set(_waiting_teams(centre, requirement))
    rest = requirement[~requirement["queue"].isin([centre.teams[name].queues[0] for name in whole])]
    wanted, own = linked(centre, rest, set(teams) - whole)
    if not len(wanted):
        return made
    mine = made.shifts["team"].isin(own)
    again = cover(centre, wanted, beside=replace(made, shifts=made.shifts[~mine]), contracts=contracts)
    stay: Rows = [
        (row.team, row.start, made.patterns[row.pattern], row.headcount)
        for row in made.shifts[~mine].itertuples()
    ]
    teams_ = pd.concat([made.teams.drop(index=list(own), errors="ignore"), again.teams])
    teams_["hired"] = made.teams["hired"].add(again.teams["hired"], fill_value=0).astype("int64")
    reasons = zip(made.unmet["team"].unique(), made.short, strict=True)
    limits = made.binding["limit"].str
    old = limits.startswith(tuple(f"{name}: " for name in own)) | limits.endswith(tuple(own))
    return replace(
        _joined(centre, again, stay),
        teams=teams_.reindex(made.teams.index),
        unmet=pd.concat([made.unmet[~made.unmet["team"].isin(own)], again.unmet], ignore_index=True),
        binding=pd.concat([made.binding[~old], again.binding], ignore_index=True),
        status=again.status if made.status == "within the gap" else made.status,
        short=(*(text for name, text in reasons if name not in own), *again.short),
        held=made.held,
    )


def _waiting_teams(centre: Centre, requirement: pd.DataFrame) -> dict[str, str]:
    """Teams whose only queue is work that waits, and that queue, if all of it is done at their site."""
    found = {}
    for name, team in centre.teams.items():
        if len(team.queues) == 1 and centre.queues[team.queues[0]].waits:
            sites = set(requirement.loc[requirement["queue"] == team.queues[0], "site"])
            if sites == {team.site}:
                found[name] = team.queues[0]
    return found


def _joined(centre: Centre, plan: CoverPlan, rows: Rows) -> CoverPlan:
    """Add shifts to a plan; their cost is fixed, so it is its own bound."""
    shapes_ = [*plan.patterns, *dict.fromkeys(pattern for _, _, pattern, _ in rows)]
    numbers = {pattern: number for number, pattern in enumerate(shapes_)}
    table = shift_rows(centre, rows, numbers)
    cost = table.groupby("team", sort=False)["cost"].sum()
    paid = (table["paid_h"] * table["headcount"]).groupby(table["team"], sort=False).sum()
    teams = pd.DataFrame({"objective": cost, "bound": cost, "gap": 0.0, "paid_h": paid, "hired": 0})
    return replace(
        plan,
        shifts=pd.concat([plan.shifts, table], ignore_index=True) if len(plan.shifts) else table,
        teams=(pd.concat([plan.teams, teams]) if len(plan.teams) else teams).rename_axis("team"),
        patterns=tuple(shapes_),
    )


def duties(centre: Centre, times: pd.DatetimeIndex) -> Rows:
    """Divide the open hours of a site into equal duties of one person, for each team on duty.

    At a site that never closes, duties change at the opening hour of the others and not at midnight.

    Parameters
    ----------
    centre : Centre
    times : DatetimeIndex
        Intervals of whole days.

    Returns
    -------
    list of (team, start, pattern, 1)

    Examples
    --------
    >>> from planning import Centre, axis, day_start
    >>> centre = Centre.load()
    >>> day = axis(day_start("2026-11-23", centre.time_zone), 1, 900)
    >>> [f"{team} {start:%H:%M} {p.length_s // 3600} h" for team, start, p, _ in duties(centre, day)][1:3]
    ['doctor_moscow 15:00 7 h', 'doctor_kaluga 08:00 12 h']
    """
    mornings = [site.opens for site in centre.sites.values() if site.opens > timedelta(0)]
    found: Rows = []
    for name, team in centre.teams.items():
        if team.duty_h is None:
            continue
        site = centre.sites[team.site]
        open_s = (site.closes - site.opens).total_seconds()
        opens = max(mornings, default=timedelta(hours=8)) if site.always else site.opens
        number = ceil(round(open_s / 3600 / team.duty_h, 9))
        pattern = Pattern("duty", round(open_s / number), ())
        for day in local_day(times).unique():
            first = on_clock(day + opens, times.tz)
            found += [
                (name, first + duty * pd.Timedelta(seconds=pattern.length_s), pattern, 1)
                for duty in range(number)
            ]
    return found


def work_shifts(centre: Centre, requirement: pd.DataFrame, team: str) -> Rows:
    """Give the waiting work of a team to whole shifts on its working days.

    Only the hours must add up: time on position without breaks, times the queue's `max_occupancy` and the
    share of the team that is present. The shift is the kind closest to a day's part of a normal week, from
    the queue's opening; the site's weekend and holidays are free if there is another day.

    Parameters
    ----------
    centre : Centre
    requirement : DataFrame
        REQUIREMENT of whole days that includes the team's first queue.
    team : str

    Returns
    -------
    list of (team, start, pattern, heads)
        Empty if no such shift fits the site's hours.
    """
    settings = centre.teams[team]
    queue = centre.queues[settings.queues[0]]
    own = requirement[requirement["queue"] == settings.queues[0]]
    work_h = float((own["load_erlangs"] * centre.interval_s / 3600).sum())
    here = centre.at(settings.site)
    fixed = shapes(here.replace({"shifts.breaks": "fixed"}))
    usual = here.labour.week_h.value / (7 - len(centre.weekend(settings.site))) * 3600
    shifts = catalogue(centre, settings.site, horizon(centre, requirement), fixed)
    shifts = shifts[time_of_day(pd.DatetimeIndex(shifts["start"])) == queue.opens]
    if shifts.empty:
        return []
    kind = min(
        (fixed[number] for number in shifts["shape"].unique()), key=lambda one: abs(one.paid_s - usual)
    )
    starts = shifts.loc[shifts["shape"] == fixed.index(kind), "start"]
    days = working_days(centre, settings.site, pd.DatetimeIndex(starts), kind.length_s)
    pattern = kind.pattern(slot.first for slot in kind.slots)
    on_position_h = (kind.length_s - sum(pause.length_s for pause in pattern.breaks)) / 3600
    heads = ceil(round(work_h / (on_position_h * _gain(centre, team)), 9))
    each = np.diff(np.arange(len(days) + 1) * heads // len(days))
    return [(team, day, pattern, int(count)) for day, count in zip(days, each, strict=True) if count]


def _gain(centre: Centre, team: str) -> float:
    """Part of an hour on position in which waiting work is done, after absence."""
    settings = centre.teams[team]
    return (centre.queues[settings.queues[0]].target.max_occupancy or 1.0) * (1 - settings.shrinkage)


def working_days(centre: Centre, site: str, starts: pd.DatetimeIndex, length_s: int) -> pd.DatetimeIndex:
    """Starts on working days of a site, or all of them if it has none."""
    ends = starts + pd.Timedelta(seconds=length_s)
    worked = centre.day_norms(local_day(starts), site) > 0
    working = worked & (centre.at(site).holiday_hours(starts, ends) == 0)
    return starts[working] if working.any() else starts


def _staffed(contracts: Contracts | None, team: str, rows: Rows) -> bool:
    """Tell whether the team's people can work whole shifts; if there is nobody yet, enough are employed."""
    if contracts is None or (contracts.may_employ(team) and not contracts.total(team, "people")):
        return True
    hours = sum(pattern.paid_s / 3600 * heads for _, _, pattern, heads in rows)
    shifts = sum(heads for *_, heads in rows)
    return hours <= contracts.total(team, "hours") and shifts <= contracts.total(team, "shifts")


def _seated(centre: Centre, requirement: pd.DataFrame, team: str, rows: Rows) -> bool:
    """Tell whether everybody in whole shifts has a desk."""
    site = centre.teams[team].site
    seats = centre.sites[site].seats
    taken = at_desks(centre, _joined(centre, _NOTHING, rows), horizon(centre, requirement))[site]
    return seats is None or int(taken.max()) <= seats


def _late(centre: Centre, requirement: pd.DataFrame, team: str, queue: str, rows: Rows) -> bool:
    """Tell whether with whole shifts some work would get older than promised."""
    times = horizon(centre, requirement)
    patterns = tuple(dict.fromkeys(pattern for _, _, pattern, _ in rows))
    table = shift_rows(centre, rows, {pattern: number for number, pattern in enumerate(patterns)})
    hour = centre.interval_s / 3600
    work = _on(requirement, queue, centre.teams[team].site, times)["load_erlangs"] * hour
    able = on_position(table, patterns, times) * _gain(centre, team) * hour
    oldest = age_when_done(work, able, interval_s=centre.interval_s).max()
    return bool(oldest > (centre.queues[queue].due_days or 0.0))


def _on(requirement: pd.DataFrame, queue: str, site: str, times: pd.DatetimeIndex) -> pd.DataFrame:
    """Agents and load of a queue at a site at all times, 0 where it has no row."""
    rows = requirement[(requirement["queue"] == queue) & (requirement["site"] == site)]
    return rows.set_index("interval_start")[["agents", "load_erlangs"]].reindex(times).fillna(0.0)


def waiting_work(centre: Centre, requirement: pd.DataFrame, plan: CoverPlan) -> pd.DataFrame:
    """How old waiting work gets with the people whom the shifts put on position.

    People not needed for calls work on it; the others do so between calls, for part of that time.

    Parameters
    ----------
    centre : Centre
    requirement : DataFrame
        REQUIREMENT.
    plan : CoverPlan

    Returns
    -------
    DataFrame
        queue, site, team, work_h (to do), able_h (hours available for it), oldest_days, due_days.
    """
    times, hour = horizon(centre, requirement), centre.interval_s / 3600
    rows = []
    for (queue, site), own in requirement.groupby(["queue", "site"], sort=False):
        settings, team = centre.queues[str(queue)], centre.team_for(str(queue), str(site))
        if settings.due_days is None or team is None:
            continue
        work = _on(own, str(queue), str(site), times)["load_erlangs"].to_numpy() * hour
        able = _able(centre, requirement, plan, str(queue), team, times) * hour
        oldest = age_when_done(work, able, interval_s=centre.interval_s).max()
        rows.append((queue, site, team, work.sum(), able.sum(), oldest, settings.due_days))
    columns = ["queue", "site", "team", "work_h", "able_h", "oldest_days", "due_days"]
    return pd.DataFrame(rows, columns=columns)


def _able(
    centre: Centre,
    requirement: pd.DataFrame,
    plan: CoverPlan,
    queue: str,
    team: str,
    times: pd.DatetimeIndex,
) -> NDArray[np.float64]:
    """Heads' worth of waiting work that a team does in each interval in which the queue is open."""
    settings, own = centre.queues[queue], centre.teams[team]
    mine = plan.shifts[plan.shifts["team"] == team]
    here = (
        on_position(mine, plan.patterns, times) * (1 - own.shrinkage) if len(mine) else np.zeros(len(times))
    )
    calls = np.zeros((2, len(times)))
    if own.queues[0] != queue:
        calls = _on(requirement, own.queues[0], own.site, times).to_numpy().T
    busy = np.minimum(calls[0], here)
    between = settings.beside_calls * np.maximum(busy - calls[1], 0.0)
    able = (settings.target.max_occupancy or 1.0) * (here - busy) + between
    return np.where(settings.open_at(times), able, 0.0)


def _held(centre: Centre, requirement: pd.DataFrame, plan: CoverPlan) -> pd.DataFrame:
    """REQUIREMENT in which waiting work done in whole shifts has the heads that they put on position."""
    times, needed = horizon(centre, requirement), requirement.copy()
    for team, queue in _waiting_teams(centre, requirement).items():
        mine = plan.shifts[plan.shifts["team"] == team]
        if not len(mine):
            continue
        heads = pd.Series(on_position(mine, plan.patterns, times), times)
        at = (needed["queue"] == queue) & (needed["site"] == centre.teams[team].site)
        held = heads.reindex(needed.loc[at, "interval_start"]).to_numpy()
        needed.loc[at, "rostered"] = held
        needed.loc[at, "agents"] = heads_present(held, centre.teams[team].shrinkage)
    return needed
