"""Who works when: a roster of all teams, by column generation over lawful patterns.

A column is everything that one person works. The master program (`planning.roster.columns`) picks columns so
that the headcounts are met; pricing (`planning.roster.patterns`) makes the columns that its duals ask for; a
dive fixes columns until everybody has one, an integer program chooses among all of them if that is not good
enough, and CP-SAT (`planning.roster.repair`) seeks what is still missing. People who may work the same are
one crew, so the master is small. Teams do not share people, so each is a problem of its own.

The objective, in roubles: missing heads at `Pay.unmet_rub_h` a paid hour; then, small beside it, how far a
person's weeks lie from an even share of the hours, and starts that wander over the day.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from planning.calendars import hours_within
from planning.centre import Centre
from planning.errors import PlanningError
from planning.roster.columns import generate_lines
from planning.roster.problem import Assignment, Problem, RosterSettings, crews_of, objective_of
from planning.roster.repair import repair
from planning.roster.rules import rules_of
from planning.roster.slate import FOREVER, Person, Slate, seconds
from planning.tables import PEOPLE, ROSTER, SHIFTS, Table

__all__ = ["Roster", "RosterSettings", "build_roster"]

_NIGHT = Table("shifts", {"night_h": ROSTER.columns["night_h"]})
EPOCH = pd.Timestamp(0, tz="UTC")
_NOBODY = pd.DataFrame({"agent_id": pd.Series(dtype="str"), "shift_id": pd.Series(dtype="str")})


@dataclass(frozen=True, eq=False)
class Roster:
    """A roster, what it leaves open, and how good it is proved to be.

    Rosters are equal if all is equal but the time that it took.
    """

    roster: pd.DataFrame
    """Columns of `planning.tables.ROSTER`, sorted by team, start and person."""
    unmet: pd.DataFrame
    """shift_id and missing heads of the shifts that are short."""
    objective: float
    """Roubles of missing heads, unfairness and unstable starts."""
    bound: float
    """Roubles that no roster can be below."""
    status: str
    """"optimal" if within the gap asked for, else "feasible"."""
    seconds: float
    """CPU time, seconds."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Roster):
            return NotImplemented
        proof = [(each.objective, each.bound, each.status) for each in (self, other)]
        frames = bool(self.roster.equals(other.roster) and self.unmet.equals(other.unmet))
        return frames and proof[0] == proof[1]

    __hash__ = None  # type: ignore[assignment]  # frames have none

    @property
    def gap(self) -> float:
        """Share of the objective that might still be gained."""
        return 0.0 if self.objective <= self.bound else (self.objective - self.bound) / self.objective


def build_roster(
    centre: Centre, shifts: pd.DataFrame, people: pd.DataFrame, *, settings: RosterSettings | None = None
) -> Roster:
    """Give shifts to people by the centre's rules, so that as few heads as possible are missing.

    Parameters
    ----------
    centre : Centre
    shifts : DataFrame
        Columns of `planning.tables.SHIFTS`, over any number of weeks; a column ``night_h`` (paid night hours)
        is used if there is one, else night hours are taken to hold their share of the unpaid meals.
    people : DataFrame
        Columns of `planning.tables.PEOPLE`.
    settings : RosterSettings, optional

    Returns
    -------
    Roster
        Lawful whatever the shifts ask; heads that nobody may lawfully fill are in its ``unmet``.

    Raises
    ------
    PlanningError
        A row of a table is faulty, or names a team that the centre does not have.

    Examples
    --------
    >>> centre = Centre.load("data/centre.toml")
    >>> monday = pd.Timestamp("2026-11-23 09:00", tz="Europe/Moscow")
    >>> shift = {"site": "moscow", "team": "vip_moscow", "start": monday}
    >>> shift["end"] = monday + pd.Timedelta("8.5h")
    >>> shifts = pd.DataFrame([shift | {"shift_id": "early", "paid_h": 8.0, "headcount": 2}])
    >>> ann = {"agent_id": "ann", "site": "moscow", "team": "vip_moscow", "grade": "manager"}
    >>> people = pd.DataFrame([ann | {"contract_h_week": 40, "night_ok": False,
    ...                               "leave_from": None, "leave_until": None}])
    >>> found = build_roster(centre, shifts, people)
    >>> found.roster[["agent_id", "shift_id", "paid_h"]].values.tolist()
    [['ann', 'early', 8.0]]
    >>> found.unmet.values.tolist()
    [['early', 1]]
    """
    began = time.process_time()
    settings = settings or RosterSettings()
    wanted = _wanted(shifts, centre)
    who = PEOPLE.check(people, "people") if len(people) else pd.DataFrame(columns=list(PEOPLE.columns))
    _check_teams(centre, wanted, "shifts")
    _check_teams(centre, who, "people")
    persons = _people_of(who)
    teams = [
        _team_roster(group, [person for person in persons if person.team == team], centre, settings)
        for (_, team), group in wanted.groupby(["site", "team"])
    ]
    assigned = pd.concat([_NOBODY, *(team.assigned for team in teams)], ignore_index=True)
    return Roster(
        roster=_named(assigned, wanted),
        unmet=_unmet(assigned, wanted),
        objective=sum(team.objective for team in teams),
        bound=sum(team.bound for team in teams),
        status="optimal" if all(team.is_close for team in teams) else "feasible",
        seconds=time.process_time() - began,
    )


@dataclass(frozen=True, eq=False)
class TeamRoster:
    """One team's part of a roster."""

    assigned: pd.DataFrame
    """agent_id and shift_id."""
    objective: float
    bound: float
    is_close: bool


def _team_roster(
    shifts: pd.DataFrame, people: Sequence[Person], centre: Centre, settings: RosterSettings
) -> TeamRoster:
    """Find the roster of one team at one site."""
    merged = shifts.groupby(["site", "team", "start", "end", "paid_h"], as_index=False)["headcount"].sum()
    merged = merged.sort_values(["start", "end", "paid_h"], ignore_index=True)
    slate = Slate.of(merged, centre)
    rules = rules_of(centre)
    crews = crews_of(slate, people, rules)
    problem = Problem(slate, crews, settings, centre.pay.unmet_rub_h)
    if crews:
        lines, bound = generate_lines(problem)
        lines = repair(problem, rules, lines, bound)
    else:
        lines, bound = [], float(slate.headcount @ problem.missing_rub)
    objective = objective_of(problem, lines)
    close = not crews or problem.is_close(objective, bound)
    return TeamRoster(_seat(shifts, merged, lines), objective, min(bound, objective), close)


def _seat(shifts: pd.DataFrame, merged: pd.DataFrame, lines: Sequence[Assignment]) -> pd.DataFrame:
    """Share people out over shifts that differ in name and breaks only, one head on each in turn."""
    spans = ["start", "end", "paid_h"]
    number = shifts[[*spans, "shift_id", "headcount"]].merge(
        merged[spans].assign(shift=merged.index), on=spans
    )
    seats = number.loc[number.index.repeat(number["headcount"])]
    seats = seats.assign(head=seats.groupby("shift_id").cumcount())
    seats = seats.sort_values(["shift", "head", "shift_id"])
    seats["place"] = seats.groupby("shift").cumcount()
    taken = pd.DataFrame(
        [(line.person.agent_id, shift) for line in lines for shift in line.pattern.tolist()],
        columns=["agent_id", "shift"],
    ).sort_values(["shift", "agent_id"])
    taken["place"] = taken.groupby("shift").cumcount()
    taken = taken.astype({"shift": "int64", "place": "int64"})
    return taken.merge(seats[["shift", "place", "shift_id"]], on=["shift", "place"])[["agent_id", "shift_id"]]


def _people_of(frame: pd.DataFrame) -> list[Person]:
    """Make persons of rows of PEOPLE; a leave with one open end goes on for ever."""
    if frame.empty:
        return []
    ends = {
        name: np.where(frame[name].isna(), fill, seconds(pd.DatetimeIndex(frame[name].fillna(EPOCH))))
        for name, fill in {"leave_from": -FOREVER, "leave_until": FOREVER}.items()
    }
    away = (frame["leave_from"].notna() | frame["leave_until"].notna()).tolist()
    return [
        Person(
            row.agent_id, row.site, row.team, float(row.contract_h_week), bool(row.night_ok),
            (int(ends["leave_from"][number]), int(ends["leave_until"][number])) if away[number] else None,
        )
        for number, row in enumerate(frame.itertuples())
    ]  # fmt: skip


def _wanted(shifts: pd.DataFrame, centre: Centre) -> pd.DataFrame:
    """Check the shifts, leave out those that want nobody, and add the night hours."""
    if shifts.empty:
        return pd.DataFrame({name: pd.Series(dtype="object") for name in [*SHIFTS.columns, "night_h"]})
    good = SHIFTS.check(shifts, "shifts")
    start, end = (pd.DatetimeIndex(good[name]).tz_convert(centre.time_zone) for name in ("start", "end"))
    for row in np.flatnonzero(end <= start)[:1]:
        raise PlanningError(
            f"shift {good['shift_id'][row]} ends {end[row]}, must end after its start {start[row]}"
        )
    share = good["paid_h"] / ((end - start) / pd.Timedelta(hours=1))
    night = hours_within(start, end, centre.labour.night_from, centre.labour.night_until) * share
    if "night_h" in shifts.columns:
        night = _NIGHT.check(shifts, "shifts")["night_h"].to_numpy()
    return good.assign(start=start, end=end, night_h=night)[good["headcount"] > 0]


def _check_teams(centre: Centre, frame: pd.DataFrame, name: str) -> None:
    unknown = sorted(set(frame["team"]) - set(centre.teams))
    if unknown:
        raise PlanningError(f"{name} name the team {unknown[0]!r}, must be one of {', '.join(centre.teams)}")


def _named(assigned: pd.DataFrame, wanted: pd.DataFrame) -> pd.DataFrame:
    """Make ROSTER of who works what."""
    roster = assigned.merge(wanted, on="shift_id")[list(ROSTER.columns)]
    return roster.sort_values(["site", "team", "start", "agent_id"], ignore_index=True)


def _unmet(assigned: pd.DataFrame, wanted: pd.DataFrame) -> pd.DataFrame:
    """Count the heads that every short shift lacks."""
    present = assigned.groupby("shift_id").size().reindex(wanted["shift_id"], fill_value=0).to_numpy()
    short = wanted[["shift_id"]].assign(missing=wanted["headcount"].to_numpy(np.int64) - present)
    return short[short["missing"] > 0].reset_index(drop=True)
