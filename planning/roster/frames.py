"""Turn tables of shifts and people into one problem per team, and the schedules found into a roster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from planning.centre import Centre
from planning.errors import PlanningError
from planning.pay import hour_cost, premium_hours, unit_hour
from planning.roster.inputs import (
    FOREVER,
    CarryOver,
    Horizon,
    Person,
    TeamShifts,
    carry_over_at,
    seconds,
)
from planning.roster.law import rules_of
from planning.roster.problem import Problem, RosterSettings, Schedule, TeamRoster, groups_of, missing_heads
from planning.roster.rules import Rule
from planning.shifts import CoverPlan
from planning.tables import BREAKS, PEOPLE, ROSTER, SHIFTS, Table

_NIGHT = Table("shifts", {"night_h": ROSTER.columns["night_h"]})
EPOCH = pd.Timestamp(0, tz="UTC")
_NOBODY = pd.DataFrame({"agent_id": pd.Series(dtype="str"), "shift_id": pd.Series(dtype="str")})


@dataclass(frozen=True, eq=False)
class Roster:
    """A roster, the shifts that it leaves open, and its proven quality.

    Rosters are equal if everything except the time taken is equal.
    """

    roster: pd.DataFrame
    """Columns of `planning.tables.ROSTER`, sorted by team, start and person."""
    unmet: pd.DataFrame
    """shift_id and missing heads of the shifts that are short."""
    objective: float
    """Cost of missing heads, idle hours, unfairness and breaches of soft rules."""
    bound: float
    """Proven lower bound of the cost of any roster; it counts no price of irregular weeks."""
    status: str
    """"optimal" if within the required gap, "interrupted" if the search was, otherwise "feasible"."""
    parts: pd.DataFrame
    """Cost by team: missing heads, idle hours, schedules (uneven hours, soft rules), burdens; the bound."""
    horizon: Horizon
    """Days of the roster."""
    first_s: float = 0.0
    """CPU time until the first lawful roster, seconds."""
    seconds: float = 0.0
    """Total CPU time, seconds."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Roster):
            return NotImplemented
        proof = [(each.objective, each.bound, each.status) for each in (self, other)]
        frames = bool(self.roster.equals(other.roster) and self.unmet.equals(other.unmet))
        return frames and proof[0] == proof[1]

    __hash__ = None  # type: ignore[assignment]  # frames have none

    @property
    def gap(self) -> float:
        """Share of the objective that could still be saved."""
        return 0.0 if self.objective <= self.bound else (self.objective - self.bound) / self.objective


@dataclass(frozen=True, eq=False)
class TeamProblem:
    """One team's shifts, merged into slots, and the resulting problem."""

    shifts: pd.DataFrame
    """Shifts by name."""
    merged: pd.DataFrame
    """Shifts that differ only in name and breaks are merged."""
    problem: Problem
    rules: Sequence[Rule]


def problems_of(
    centre: Centre,
    wanted: pd.DataFrame,
    who: pd.DataFrame,
    settings: RosterSettings,
    *,
    weights: Mapping[str, float | None] | None = None,
    rules: Sequence[Rule] | None = None,
    horizon: Horizon | None = None,
) -> dict[str, TeamProblem]:
    """Build each team's problem, by team: under the law of its site, or only some rules.

    The days are those on which the shifts start, or those of a given `horizon`.
    """
    if wanted.empty:
        return {}
    horizon = horizon or Horizon.of(pd.DatetimeIndex(wanted["start"]))
    persons = people_of(carry_over_at(who, horizon, centre.time_zone))
    found = {}
    for team, shifts in wanted.groupby("team"):
        spans = ["site", "team", "start", "end", "paid_h", "skill"]
        merged = shifts.groupby(spans, as_index=False)["headcount"].sum()
        merged = merged.sort_values(["start", "end", "paid_h", "skill"], ignore_index=True)
        team_shifts = TeamShifts.of(merged, centre, horizon)
        law = rules_of(centre.at(team_shifts.site), weights) if rules is None else rules
        groups = groups_of(team_shifts, [person for person in persons if person.team == team], law)
        unmet_cost = team_shifts.paid_h * centre.pay.unmet_cost_h
        idle_cost = hour_cost(centre, str(team))
        idle_cost = idle_cost if groups else 0.0
        problem = Problem(team_shifts, groups, settings, unmet_cost, idle_cost, hour_cost=unit_hour(centre))
        found[str(team)] = TeamProblem(shifts, merged, problem, law)
    return found


def team_people(people: pd.DataFrame) -> pd.DataFrame:
    """Check the people; the table may be empty."""
    return PEOPLE.check(people, "people") if len(people) else pd.DataFrame(columns=list(PEOPLE.columns))


def wanted_shifts(shifts: pd.DataFrame, centre: Centre) -> pd.DataFrame:
    """Check the shifts, drop those with no heads, and add the night hours and the skill."""
    if shifts.empty:
        # An empty table still has times and hours, which the next stages need.
        zone = f"datetime64[us, {centre.time_zone}]"
        kinds = {"start": zone, "end": zone, "paid_h": "float64", "headcount": "int64", "night_h": "float64"}
        names = [*SHIFTS.columns, "night_h", "skill"]
        return pd.DataFrame({name: pd.Series(dtype=kinds.get(name, "object")) for name in names})
    good = SHIFTS.check(shifts, "shifts")
    start, end = (pd.DatetimeIndex(good[name]).tz_convert(centre.time_zone) for name in ("start", "end"))
    for row in np.flatnonzero(end <= start)[:1]:
        raise PlanningError(
            f"shift {good['shift_id'][row]} ends {end[row]}, must end after its start {start[row]}"
        )
    share = good["paid_h"] / ((end - start) / pd.Timedelta(hours=1))
    night = premium_hours(centre, good["site"], start, end)["night_h"].to_numpy() * share
    if "night_h" in shifts.columns:
        night = _NIGHT.check(shifts, "shifts")["night_h"].to_numpy()
    skill = shifts["skill"].fillna("").astype("str").to_numpy() if "skill" in shifts else ""
    return good.assign(start=start, end=end, night_h=night, skill=skill)[good["headcount"] > 0]


def people_of(frame: pd.DataFrame) -> list[Person]:
    """Turn rows of PEOPLE into persons; a leave with one open end has no end."""
    if frame.empty:
        return []
    spans = {kind: _spans(frame, kind) for kind in ("leave", "study")}
    return [
        Person(
            row.agent_id, row.site, row.team, float(row.contract_h_week), bool(row.night_ok),
            None if pd.isna(row.days_week) else int(row.days_week),
            spans["leave"][number], spans["study"][number],
            _words(row.sick), _words(row.blocked), _words(row.wished_off),
            row.prefers if isinstance(row.prefers, str) else "",
            row.rotation if isinstance(row.rotation, str) else "",
            0 if pd.isna(row.rotation_offset) else int(row.rotation_offset),
            _words(row.skills), _carry_over(row),
        )
        for number, row in enumerate(frame.itertuples())
    ]  # fmt: skip


def _spans(frame: pd.DataFrame, kind: str) -> list[tuple[int, int] | None]:
    """First second of each person's absence, and first second after it."""
    ends = {}
    for edge, fill in {"from": -FOREVER, "until": FOREVER}.items():
        times = frame[f"{kind}_{edge}"]
        filled = pd.DatetimeIndex(pd.to_datetime(times, utc=True).fillna(EPOCH))
        ends[edge] = np.where(times.isna(), fill, seconds(filled)).tolist()
    away = frame[f"{kind}_from"].notna() | frame[f"{kind}_until"].notna()
    pairs = zip(away, ends["from"], ends["until"], strict=True)
    return [(int(first), int(after)) if gone else None for gone, first, after in pairs]


def _words(value: object) -> frozenset[str]:
    return frozenset(value.split()) if isinstance(value, str) else frozenset()


def _carry_over(row: Any) -> CarryOver:
    """What a row says about the days before the horizon."""

    def number(value: Any) -> float:
        return 0.0 if pd.isna(value) else float(value)

    return CarryOver(
        last_end=None if pd.isna(row.last_end) else int(row.last_end.timestamp()),
        days=int(number(row.days_in_row)),
        nights=int(number(row.nights_in_row)),
        kind=row.last_kind if isinstance(row.last_kind, str) else "",
        balance_h=None if pd.isna(row.balance_h) else float(row.balance_h),
        overtime_h=number(row.overtime_h),
        nights_before=int(number(row.nights_before)),
        weekends_before=int(number(row.weekends_before)),
    )


def roster_of(
    wanted: pd.DataFrame,
    problems: Mapping[str, TeamProblem],
    solved: Mapping[str, TeamRoster],
    whole: bool = True,
    before: pd.DataFrame | None = None,
) -> Roster:
    """Combine the teams' schedules; people who had a shift `before` keep it by name."""
    seats = [_seat(problems[t].shifts, problems[t].merged, solved[t].schedules, before) for t in problems]
    assigned = pd.concat([_NOBODY, *seats], ignore_index=True)
    parts = pd.DataFrame(
        [_parts(problems[t].problem, solved[t]) for t in problems],
        index=pd.Index(list(problems), name="team"),
        columns=["missing", "idle", "schedules", "burdens", "bound"],
    ).astype(float)
    objective = parts[["missing", "idle", "schedules", "burdens"]].sum(axis=1)
    parts["bound"] = np.minimum(parts["bound"], objective)
    close = [
        not problems[t].problem.groups or problems[t].problem.is_close(objective[t], parts["bound"][t])
        for t in problems
    ]
    starts = pd.DatetimeIndex(wanted["start"]) if len(wanted) else pd.DatetimeIndex([EPOCH])
    return Roster(
        roster=_named(assigned, wanted),
        unmet=_unmet(assigned, wanted),
        objective=float(objective.sum()),
        bound=float(parts["bound"].sum()),
        status=("optimal" if all(close) else "feasible") if whole else "interrupted",
        parts=parts,
        horizon=Horizon.of(starts),
    )


def _parts(problem: Problem, solved: TeamRoster) -> tuple[float, ...]:
    """Cost of missing heads, idle hours, schedules and burdens, and the bound."""
    short = missing_heads(problem, solved.schedules)
    missing = float((short * problem.unmet_cost).sum())
    idle = problem.base_cost + problem.idle_cost_h * float((short * problem.team_shifts.paid_h).sum())
    schedules = sum(problem.cost(schedule.group, schedule.pattern) for schedule in solved.schedules)
    burdens = sum(problem.burden_cost(schedule.person, schedule.pattern) for schedule in solved.schedules)
    return missing, idle, schedules, burdens, solved.bound


def _seat(
    shifts: pd.DataFrame,
    merged: pd.DataFrame,
    schedules: Sequence[Schedule],
    before: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Assign people to shifts that differ only in name and breaks, one head on each in turn."""
    spans = ["start", "end", "paid_h", "skill"]
    number = shifts[[*spans, "shift_id", "headcount"]].merge(
        merged[spans].assign(shift=merged.index), on=spans
    )
    seats = number.loc[number.index.repeat(number["headcount"])]
    seats = seats.assign(head=seats.groupby("shift_id").cumcount())
    seats = seats.sort_values(["shift", "head", "shift_id"])[["shift", "head", "shift_id"]]
    taken = pd.DataFrame(
        [(schedule.person.agent_id, shift) for schedule in schedules for shift in schedule.pattern.tolist()],
        columns=["agent_id", "shift"],
    ).sort_values(["shift", "agent_id"])
    kept = pd.DataFrame(columns=["agent_id", "shift_id"])
    if before is not None:
        held = before[["agent_id", "shift_id"]].merge(number[["shift_id", "shift"]], on="shift_id")
        held = held.merge(taken, on=["agent_id", "shift"])
        held["head"] = held.groupby("shift_id").cumcount()
        held = held.merge(seats, on=["shift", "shift_id", "head"])
        kept = held[["agent_id", "shift_id"]]
        seats, taken = (
            _without(seats, held, ["shift", "shift_id", "head"]),
            _without(taken, held, ["agent_id", "shift"]),
        )
    seats = seats.assign(place=seats.groupby("shift").cumcount())
    taken = taken.assign(place=taken.groupby("shift").cumcount()).astype({"shift": "int64", "place": "int64"})
    placed = taken.merge(seats[["shift", "place", "shift_id"]], on=["shift", "place"])
    return pd.concat([frame for frame in (kept, placed[["agent_id", "shift_id"]]) if len(frame)] or [_NOBODY])


def _without(frame: pd.DataFrame, gone: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Keep the rows whose key does not occur in another frame."""
    marked = frame.merge(gone[key].drop_duplicates(), on=key, how="left", indicator=True)
    return marked[marked["_merge"] == "left_only"].drop(columns="_merge").reset_index(drop=True)


def _named(assigned: pd.DataFrame, wanted: pd.DataFrame) -> pd.DataFrame:
    """Build ROSTER from the assignments."""
    roster = assigned.merge(wanted, on="shift_id")[list(ROSTER.columns)]
    return roster.sort_values(["site", "team", "start", "agent_id"], ignore_index=True)


def _unmet(assigned: pd.DataFrame, wanted: pd.DataFrame) -> pd.DataFrame:
    """Count the missing heads of each short shift."""
    present = assigned.groupby("shift_id").size().reindex(wanted["shift_id"], fill_value=0).to_numpy()
    short = wanted[["shift_id"]].assign(missing=wanted["headcount"].to_numpy(np.int64) - present)
    return short[short["missing"] > 0].reset_index(drop=True)


def unnamed(shifts: pd.DataFrame) -> pd.DataFrame:
    """Give each head of SHIFTS a shift without a person: ROSTER.

    A head keeps its name in every plan that has it, so that it is absent on the same days.
    """
    rows = shifts.loc[shifts.index.repeat(shifts["headcount"])].reset_index(drop=True)
    number = rows.groupby(["team", "start"]).cumcount().astype("str")
    rows["agent_id"] = rows["team"] + rows["start"].dt.strftime(" %d %H:%M ") + number
    return rows[list(ROSTER.columns)]


def breaks_of(shifts: CoverPlan, roster: pd.DataFrame) -> pd.DataFrame:
    """Breaks of each rostered person: BREAKS."""
    pattern = shifts.shifts.set_index("shift_id")["pattern"]
    rows = [
        (row.agent_id, row.shift_id, row.start, pause.start_s, pause.length_s, pause.paid, pause.kind)
        for row in roster.itertuples()
        for pause in shifts.patterns[pattern[row.shift_id]].breaks
    ]
    table = pd.DataFrame(
        rows, columns=["agent_id", "shift_id", "from", "after_s", "length_s", "paid", "kind"]
    )
    # An empty roster has no rows from which to infer the types.
    kinds = {"from": roster["start"].dtype, "after_s": "int64", "length_s": "int64", "paid": "bool"}
    table = table.astype(kinds)
    table["start"] = table["from"] + pd.to_timedelta(table["after_s"], unit="s")
    table["end"] = table["start"] + pd.to_timedelta(table["length_s"], unit="s")
    return table[list(BREAKS.columns)]
