"""A published roster as a folder: read it, and write it.

A plan's folder is the first edition. A change never touches the folder that it starts from: the next edition
is a folder of its own, with everything that a later change or the next month needs. So a folder is the whole
state, and all of it opens in a spreadsheet.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from planning.calendars import DAY
from planning.errors import PlanningError
from planning.pay import cost_of, shift_premium_hours
from planning.roster.audit import audit
from planning.roster.carry_over import overtime, settle
from planning.roster.fairness import fairness
from planning.roster.inputs import CARRY_OVER_COLUMNS, Horizon
from planning.roster.staff import staff_of
from planning.shifts import horizon
from planning.tables import (
    BREAKS,
    CHANGES,
    PEOPLE,
    PLANNED,
    REQUIREMENT,
    ROSTER,
    SHIFTS,
    STAFF,
    Table,
    read_csv,
)

if TYPE_CHECKING:
    from planning.centre import Centre


@dataclass(frozen=True, eq=False)
class Edition:
    """A roster as it is published, with what it was made from.

    Attributes
    ----------
    centre : Centre
    demand, requirement, shifts, people, roster, breaks : DataFrame
        PLANNED, REQUIREMENT, SHIFTS, PEOPLE, ROSTER, BREAKS.
    changes : DataFrame
        CHANGES of all editions up to this one.
    number : int
        1 for a plan, one more for each change.
    made : Timestamp
        When it was published.
    """

    centre: Centre
    demand: pd.DataFrame
    requirement: pd.DataFrame
    shifts: pd.DataFrame
    people: pd.DataFrame
    roster: pd.DataFrame
    breaks: pd.DataFrame
    changes: pd.DataFrame
    number: int
    made: pd.Timestamp

    @property
    def times(self) -> pd.DatetimeIndex:
        """Intervals of its days."""
        return horizon(self.centre, self.requirement)

    @property
    def horizon(self) -> Horizon:
        """Its days."""
        return Horizon.of(self.times)

    @cached_property
    def staff(self) -> pd.DataFrame:
        """STAFF."""
        return staff_of(self.centre, self.people, self.roster, self.times)

    @cached_property
    def cost(self) -> pd.DataFrame:
        """COST."""
        owed_h = self.staff.groupby("team")["owed_h"].sum()
        return cost_of(self.centre, self.roster, self.breaks, self.times, owed_h)

    @property
    def sheet_days(self) -> dict[str, pd.DatetimeIndex]:
        """Days of the team sheets by site."""
        from planning.report.team_sheets import sheet_days

        times = [self.requirement["interval_start"], self.shifts["start"], self.roster["start"]]
        return {site: sheet_days(zone, times) for site, zone in self.centre.zones.items()}

    @property
    def unmet(self) -> pd.DataFrame:
        """shift_id and missing heads of the shifts that are short."""
        there = self.shifts["shift_id"].map(self.roster["shift_id"].value_counts()).fillna(0).astype(int)
        short = self.shifts[["shift_id"]].assign(missing=self.shifts["headcount"] - there)
        return short[short["missing"] > 0].reset_index(drop=True)

    @cached_property
    def breaches(self) -> pd.DataFrame:
        """What the audit finds; empty if the roster is lawful."""
        return audit(self.centre, self.roster, self.people, horizon=self.horizon)

    @property
    def payroll(self) -> pd.DataFrame:
        """Hours by person and pay type that are not zero: agent_id, name, personnel_no, team, pay, hours.

        Day and night are all hours worked. Holiday and overtime are those of them that earn a premium
        besides, overtime when its accounting period ends. Idle hours are owed and not worked.
        """
        rows = self.roster.reset_index(drop=True)
        pauses = self.breaks[~self.breaks["paid"].astype(bool)]
        pauses = pauses.merge(rows[["agent_id", "shift_id"]].reset_index(), on=["agent_id", "shift_id"])
        premium = shift_premium_hours(self.centre, rows, pauses.set_index("index")[["start", "end"]])
        worked = rows[["agent_id", "paid_h"]].join(premium).groupby("agent_id").sum()
        worked = worked.reindex(self.people["agent_id"], fill_value=0.0)
        owed = self.staff.set_index("agent_id")["owed_h"]
        hours = pd.DataFrame(
            {
                "day": worked["paid_h"] - worked["night_h"],
                "night": worked["night_h"],
                "holiday": worked["holiday_h"],
                "overtime": overtime(self.centre, self.people, self.roster, self.horizon),
                "idle": (owed - worked["paid_h"]).clip(lower=0.0),
            }
        )
        told = hours.round(2).reset_index().melt("agent_id", var_name="pay", value_name="hours")
        named = self.people[["agent_id", "name", "personnel_no", "team"]].merge(told, on="agent_id")
        return named[named["hours"] > 0].reset_index(drop=True)

    @property
    def wishes(self) -> pd.DataFrame:
        """What people asked for, whether they got it, and why not (`planning.roster.wishes.wishes`)."""
        from planning.roster.wishes import wishes

        return wishes(self.centre, self.roster, self.people, self.horizon)

    @property
    def fairness(self) -> pd.DataFrame:
        """Nights, weekends and late shifts of each person, with last month's, and an even share."""
        return fairness(self.centre, self.roster, self.people, self.horizon).round(2)

    def people_for(self, first: pd.Timestamp, people: pd.DataFrame | None = None) -> pd.DataFrame:
        """PEOPLE of the next roster, with what they carry over from this one.

        Parameters
        ----------
        first : Timestamp
            First day of the next roster, without a zone.
        people : DataFrame, optional
            PEOPLE as they are then; by default those of this edition. Leave and sick days that this edition
            knows hold on, unless `people` say otherwise.

        Raises
        ------
        PlanningError
            The next roster begins before this one ends.
        """
        last = self.horizon.last
        if first <= last:
            raise PlanningError(
                f"start is {first:%Y-%m-%d}, must lie after {last:%Y-%m-%d}, the end of the roster before: "
                "plan the days after it"
            )
        left = settle(self.centre, self.people, self.roster, Horizon(self.horizon.first, first - DAY))
        if people is None:
            return left
        people = PEOPLE.check(people, "people")
        mine = left.set_index("agent_id").reindex(people["agent_id"]).reset_index()
        known = people["agent_id"].isin(left["agent_id"]).to_numpy()
        away = people["leave_from"].isna().to_numpy() & known
        found = people.astype("object")
        for name in CARRY_OVER_COLUMNS:
            found[name] = found[name].mask(known, mine[name])
        for name in ("leave_from", "leave_until"):
            found[name] = found[name].mask(away, mine[name])
        found["sick"] = found["sick"].mask(known & found["sick"].isna().to_numpy(), mine["sick"])
        return PEOPLE.check(found, "people")

    @property
    def summary(self) -> dict[str, Any]:
        """The edition in figures, as in ``summary.json``; service is promised by the plan alone."""
        from planning.plan import SCHEMA_VERSION

        costs = [name for name in self.cost if name.endswith("_cost")]
        return {
            "schema_version": SCHEMA_VERSION,
            "centre": self.centre.name,
            "edition": self.number,
            "made": self.made.isoformat(),
            "paid_hours": round(float(self.cost["paid_h"].sum()), 2),
            "night_hours": round(float(self.cost["night_h"].sum()), 2),
            "cost": {name.removesuffix("_cost"): round(float(self.cost[name].sum()), 2) for name in costs},
            "unmet_heads": int(self.unmet["missing"].sum()),
            "breaches": len(self.breaches),
            "changes": int((self.changes["edition"] == self.number).sum()),
        }

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Its tables by the name of their file."""
        return {
            "demand": self.demand,
            "requirement": self.requirement,
            "shifts": self.shifts,
            "roster": self.roster,
            "staff": self.staff,
            "breaks": self.breaks,
            "cost": self.cost,
            "changes": self.changes,
        }

    def save(self, folder: str | Path) -> Path:
        """Write the files of a plan and ``changes.csv`` into a new folder, all of them or none.

        Raises
        ------
        PlanningError
            The folder exists, or cannot be written.
        """
        from planning.plan import write_folder

        if Path(folder).exists():
            raise PlanningError(
                f"{folder} is there already, an edition is never written over: change that one, or give "
                "another folder"
            )
        return write_folder(folder, self.summary, self.tables, self.centre)


def read_edition(folder: str | Path, centre: Centre) -> Edition:
    """Read the folder that a plan or a change wrote.

    Raises
    ------
    PlanningError
        A file is missing, or a row of it is faulty.
    """
    path = Path(folder)
    tables = {
        name: _read(path / f"{name}.csv", table, centre.time_zone)
        for name, table in {
            "demand": PLANNED, "requirement": REQUIREMENT, "shifts": SHIFTS, "staff": STAFF, "roster": ROSTER,
            "breaks": BREAKS,
        }.items()
    }  # fmt: skip
    changes = path / "changes.csv"
    try:
        told = json.loads((path / "summary.json").read_text(encoding="utf-8"))
        saved = pd.Timestamp((path / "roster.csv").stat().st_mtime, unit="s", tz="UTC").floor("s")
    except (OSError, ValueError) as error:
        raise PlanningError(f"{path / 'summary.json'} cannot be read: {error}") from None
    return Edition(
        centre=centre,
        people=tables.pop("staff")[list(PEOPLE.columns)],
        changes=_read(changes, CHANGES, centre.time_zone)
        if changes.exists()
        else empty(CHANGES, centre.time_zone),
        number=int(told.get("edition", 1)),
        made=pd.Timestamp(told.get("made", saved)).tz_convert(centre.time_zone),
        **tables,
    )


def _read(path: Path, table: Table, zone: str) -> pd.DataFrame:
    """Read a table that may have no rows; its times are put on one clock."""
    try:
        raw = read_csv(path)
    except FileNotFoundError:
        raise PlanningError(
            f"{path} does not exist: give the folder that `planning plan` or `planning roster change` wrote"
        ) from None
    except (OSError, ValueError) as error:
        raise PlanningError(f"{path} cannot be read: {error}") from None
    if raw.empty:
        return empty(table, zone)
    found = table.check(raw, str(path))
    times = [name for name, column in table.columns.items() if column.kind == "time"]
    return found.assign(**{name: pd.to_datetime(found[name], utc=True).dt.tz_convert(zone) for name in times})


def empty(table: Table, zone: str) -> pd.DataFrame:
    """Return a table without rows, in its types."""
    kinds = {"time": f"datetime64[us, {zone}]", "whole": "int64", "number": "float64", "yes/no": "bool"}
    return pd.DataFrame(
        {name: pd.Series(dtype=kinds.get(column.kind, "str")) for name, column in table.columns.items()}
    )


def next_folder(folder: str | Path, edition: Edition) -> Path:
    """Name the folder of the edition after one: ``plan``, ``plan-2``, ``plan-3``."""
    path = Path(folder) if Path(folder).name else Path(folder).resolve()
    return path.with_name(f"{path.name.removesuffix(f'-{edition.number}')}-{edition.number + 1}")
