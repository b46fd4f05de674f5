"""Teams and people who work by a written pattern: a rule with two halves, and what a pattern breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from planning.calendars import NIGHT
from planning.centre import Centre
from planning.centre.labour import OFF, WORK, Labour
from planning.errors import PlanningError
from planning.roster.limits import Limits
from planning.roster.rules import Case, Rule, breaches_of, days_of, kind_names, no_breaches

EPOCH = 719_162
"""Days from Monday, 1 January of the year 1, to 1 January 1970."""


@dataclass(frozen=True)
class Rotations(Rule):
    """Who works by a rotation works the kind of shift that it has for the day, or not at all.

    The first day of a cycle is a Monday for an offset of 0 and a cycle of whole weeks; the offset is how many
    days a person is ahead.
    """

    centre: Centre
    name = "rotation"

    def constrain(self, limits: Limits) -> None:
        """Forbid, or price, the other kinds on each day."""
        person, team_shifts = limits.person, limits.team_shifts
        name = person.rotation or self._of_team(person.team)
        if not name:
            return
        cycle = self.centre.rotations[name].cycle
        ahead = person.rotation_offset - 1
        asked = [
            cycle[(date.fromisoformat(day).toordinal() + ahead) % len(cycle)] for day in team_shifts.dates
        ]
        open_to = np.array(
            [[want in (WORK, kind) for kind in team_shifts.kinds] for want in asked], dtype=bool
        )
        limits.forbid(~open_to[team_shifts.day, team_shifts.kind], self.weight)

    def audit(self, case: Case) -> pd.DataFrame:
        """List the shifts of another kind than the rotation has for the day."""
        roster = case.roster.assign(date=days_of(case.roster), kind=kind_names(case.roster, self.centre))
        of_team = roster["person_team"].map(self._of_team, na_action="ignore")
        roster["rotation"] = roster["rotation"].where(roster["rotation"].fillna("") != "", of_team).fillna("")
        found = [no_breaches()]
        for name, own in roster[roster["rotation"] != ""].groupby("rotation"):
            cycle = np.array(self.centre.rotations[str(name)].cycle)
            since = own["date"].dt.to_period("D").map(lambda day: day.ordinal) + EPOCH
            asked = cycle[(since + own["rotation_offset"].fillna(0).astype("int64")) % len(cycle)]
            bad = own.assign(asked=asked)[~np.isin(asked, [WORK]) & (asked != own["kind"])]
            found.append(breaches_of(self, bad, "{shift_id} is {kind}, the rotation {rotation} has {asked}"))
        return pd.concat([each for each in found if len(each)] or found[:1], ignore_index=True)

    def _of_team(self, team: str) -> str:
        """Rotation that a team names; none for an unknown team."""
        return (self.centre.teams[team].rotation or "") if team in self.centre.teams else ""


def check_rotations(centre: Centre) -> None:
    """Refuse a rotation that breaks the labour rules of a centre, day by day.

    Raises
    ------
    PlanningError
        A cycle works too many days or nights in a row, has too few days off, or a forbidden succession.

    Examples
    --------
    >>> centre = Centre.load("data/centre.toml")
    >>> check_rotations(centre.replace({"rotations": {"long": {"cycle": ["early"] * 7 + ["off"] * 2}}}))
    Traceback (most recent call last):
    planning.errors.PlanningError: rotations.long breaks the labour rules: day 7 is the 7th working day in a \
row, at most 6 (house rule within TK RF 110): change its cycle or the rule
    """
    for name, rotation in centre.rotations.items():
        faults = list(_faults(rotation.cycle, centre.labour))
        if faults:
            raise PlanningError(
                f"rotations.{name} breaks the labour rules: {'; '.join(faults)}: change its cycle or the rule"
            )


def _faults(cycle: Sequence[str], labour: Labour) -> Iterator[str]:
    """Say what each day of a cycle that repeats breaks."""
    rest = timedelta(hours=labour.min_rest_h.value)
    opens = [*sorted(labour.kinds.values())[1:], timedelta(days=1)]
    closes = dict(zip(sorted(labour.kinds, key=lambda kind: labour.kinds[kind]), opens, strict=True))
    if OFF not in cycle:
        yield "it has no day off"
        return
    for day, kind in enumerate(cycle):
        if kind == OFF:
            continue
        before, here = cycle[day - 1], f"day {day + 1}"
        days, nights = (
            _run(cycle, day, lambda each: each != OFF),
            _run(cycle, day, lambda each: each == NIGHT),
        )
        off = _run(cycle, day - 1, lambda each: each == OFF)
        if days > labour.max_days_in_row.value:
            most = labour.max_days_in_row
            yield f"{here} is the {days}th working day in a row, at most {most.value:g} ({most.article})"
        if nights > labour.max_nights_in_row.value:
            most = labour.max_nights_in_row
            yield f"{here} is the {nights}th night in a row, at most {most.value:g} ({most.article})"
        if 0 < off < labour.min_days_off.value:
            least = labour.min_days_off
            yield f"{here} follows {off} days off, at least {least.value:g} ({least.article})"
        if [before, kind] in labour.forbidden_successions:
            yield f"{here} is {kind}, the day before {before}, which forbidden_successions names"
        # A night shift ends in the night, so whatever starts next has rested since then at the earliest.
        ready = labour.night_from + rest - timedelta(days=1)
        if before == NIGHT and kind in closes and closes[kind] <= ready:
            yield (
                f"{here} is {kind} after a night, which leaves no rest of {labour.min_rest_h.value:g} h "
                f"({labour.min_rest_h.article})"
            )


def _run(cycle: Sequence[str], day: int, counts: Callable[[str], bool]) -> int:
    """Days in a row up to a day that count, in a cycle that repeats, of which some do not."""
    run = 0
    while counts(cycle[(day - run) % len(cycle)]):
        run += 1
    return run
