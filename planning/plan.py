"""One whole plan, with requirement, shifts, roster, cost and the simulation that tests it; and its files."""

from __future__ import annotations

import errno
import json
import tempfile
from collections.abc import Mapping
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, isinf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from planning.centre.money import money
from planning.errors import PlanningError
from planning.pay import caller_costs, cost_of, leavers_cost
from planning.roster.audit import audit
from planning.roster.contracts import cover_and_roster
from planning.roster.frames import Roster, breaks_of
from planning.roster.regularity import regularity
from planning.roster.staff import idle_by_day, staff_of
from planning.shifts import CoverPlan, horizon, waiting_work
from planning.simulation.certificate import MEAN, certificate, kept_by_queue, verdict, verdict_of_share
from planning.simulation.replications import Present, Simulation, simulate
from planning.staffing import requirement
from planning.systems.quality import with_reviews
from planning.systems.summary import systems_of
from planning.systems.vip import own_shares
from planning.tables import (
    BREAKS,
    CAREERS_COSTS,
    COST,
    DEMAND,
    PLANNED,
    REQUIREMENT,
    ROSTER,
    SHIFTS,
    STAFF,
    TEAM_COSTS,
)
from planning.trim import Trimmed, trim

if TYPE_CHECKING:
    from planning.centre import Centre

SCHEMA_VERSION = 8
PROOF = 200
"""The fewest replications that prove a promise."""
FILES = (
    *(f"{table.name}.csv" for table in (DEMAND, REQUIREMENT, SHIFTS, ROSTER, STAFF, BREAKS, COST)),
    "summary.json",
    "plan.xlsx",
)
"""What a saved plan consists of."""


@dataclass(frozen=True)
class Plan:
    """A plan, with the evidence for it.

    Attributes
    ----------
    centre : Centre
    demand, requirement, staff, breaks, cost : DataFrame
        DEMAND, REQUIREMENT, STAFF, BREAKS, COST.
    cover : CoverPlan
        Shifts, their proven bound, and the intervals left short.
    roster : Roster
        Who works which shift, and the shifts that nobody could fill.
    people : DataFrame
        PEOPLE: those given and those to employ.
    employ : dict
        People to employ by team, beside those given; of all teams if nobody was given.
    moved : list of dict
        Who moves, ``from`` which team and ``to`` which other.
    breaches : DataFrame
        What the audit found; empty for a lawful roster.
    own_shares : DataFrame or None
        Share of the VIP calls that belongs to each personal manager, by interval; None if no VIPs were given.
    simulation : Simulation
    certificate : DataFrame
        Promised against simulated service by queue and day, and the agents missing for a broken promise
        (`planning.simulation.certificate`).
    trimmed : Trimmed or None
        What was given up and added so that each promise is just kept, what that saved, and what a point of
        each promise costs (`planning.trim`); None if the plan was not trimmed.
    """

    centre: Centre
    demand: pd.DataFrame
    requirement: pd.DataFrame
    cover: CoverPlan
    roster: Roster
    people: pd.DataFrame
    employ: dict[str, int]
    moved: list[dict[str, str]]
    staff: pd.DataFrame
    breaks: pd.DataFrame
    breaches: pd.DataFrame
    cost: pd.DataFrame
    own_shares: pd.DataFrame | None
    simulation: Simulation
    certificate: pd.DataFrame
    trimmed: Trimmed | None = None

    @cached_property
    def outcome(self) -> pd.DataFrame:
        """Service level by queue: the target, the plan's promise, and the simulation's result.

        kept is the share of the simulated days (intervals, weeks: the promise's scope, `over`) with the
        target, kept_low and kept_high its 95 % band, asked the share that must keep it. The verdict is that
        of the mean, or where more than the mean is asked, of the share.
        """
        rows, kept = [], kept_by_queue(self.centre, self.simulation)
        for name, queue in self.centre.queues.items():
            if queue.target.service_level is None or name not in set(self.demand["queue"]):
                continue
            found = self.simulation.queues.loc[name]
            level, half_width = found["service_level"], found["half_width"]
            share, low, high = kept.loc[name, ["kept", "kept_low", "kept_high"]]
            asked = queue.target.kept
            judged = (
                verdict(level, half_width, queue.target.service_level)
                if asked == MEAN
                else verdict_of_share(low, high, asked)
            )
            promised = _promised(self.requirement, name)
            rows.append(
                (
                    name,
                    queue.target.service_level,
                    queue.target.threshold_s,
                    promised,
                    level,
                    half_width,
                    queue.target.over,
                    asked,
                    share,
                    low,
                    high,
                    judged,
                )
            )
        columns = ["queue", "target", "threshold_s", "promised", "simulated", "half_width"]
        columns += ["over", "asked", "kept", "kept_low", "kept_high", "verdict"]
        return pd.DataFrame(rows, columns=columns).set_index("queue")

    @cached_property
    def waiting(self) -> pd.DataFrame:
        """Age that waiting work reaches with these shifts (`planning.shifts.waiting_work`)."""
        return waiting_work(self.centre, self.requirement, self.cover)

    @cached_property
    def systems(self) -> pd.DataFrame:
        """Every system of the centre in one row (`planning.systems.summary.systems_of`)."""
        team = self.cover.shifts.set_index("shift_id")["team"]
        unmet = self.roster.unmet.assign(team=self.roster.unmet["shift_id"].map(team))
        return systems_of(
            self.centre,
            self.requirement,
            self.staff,
            unmet,
            self.cost,
            self.simulation.queues,
            self.waiting,
        )

    @cached_property
    def heads(self) -> dict[str, Any]:
        """People on staff, on shift by day, and on position at once at the most."""
        from planning.report.plan_page import heads_by_site  # reading a plan's folder needs no figures

        starts = self.roster.roster["start"].dt.tz_convert(self.centre.time_zone).dt.strftime("%Y-%m-%d")
        present = heads_by_site(self.tables, self.centre).filter(like="supplied_").sum(axis=1)
        return {
            "on_staff": len(self.staff),
            "on_shift": self.roster.roster.groupby(starts)["agent_id"].nunique().to_dict(),
            "on_position": int(present.max()),
        }

    @cached_property
    def idle(self) -> pd.DataFrame:
        """Idle hours by team and day (`planning.roster.staff.idle_by_day`)."""
        idle_h = self.cost.set_index("team")["idle_h"]
        times = horizon(self.centre, self.requirement)
        return idle_by_day(self.centre, self.people, self.roster.roster, idle_h, times)

    @cached_property
    def customers(self) -> pd.Series:
        """Cost of lost customers: callers who give up, and customers whom the second line does not keep."""
        gave_up = self.simulation.gave_up
        price = caller_costs(self.centre)["gives_up"].loc[gave_up.columns]
        abandoned = float((gave_up @ price).mean())
        return pd.Series({"abandoned": abandoned, "leavers": leavers_cost(self.centre, self.requirement)})

    @property
    def total_cost(self) -> float:
        """Cost of the staff and of lost customers, as `planning.compare` adds it up."""
        return float(self.cost["total_cost"].sum() + self.customers.sum())

    @property
    def holds(self) -> bool:
        """Whether every promise is met in the simulation every day, and nothing is late, unmet or unlawful.

        A promise is met if the mean reaches the target, or the share of days that keep it the share asked. If
        its band extends below, `certificate` says "too close to call"; a longer simulation can decide.
        """
        missed = (
            not self.certificate["met"].all()
            or ((self.outcome["simulated"] < self.outcome["target"]) & (self.outcome["asked"] == MEAN)).any()
        )
        return not (
            missed or self.late or len(self.cover.unmet) or len(self.roster.unmet) or len(self.breaches)
        )

    @property
    def employ_for(self) -> dict[str, str]:
        """By team that employs: the heads of a day that decide how many, unless the hours of all days do."""
        limits, found = self.cover.binding, dict[str, str]()
        if limits.empty:
            return found
        short = set(self.cover.unmet["team"])  # no number of people would help these teams
        day = pd.to_datetime(limits["limit"].str[-10:], format="%Y-%m-%d", errors="coerce")
        for team in [name for name in self.employ if name not in short]:
            own = limits[day.notna() & limits["limit"].str.startswith(f"{team}: people ")]
            if own.empty:
                continue
            most, site = own.loc[own["saves_cost"].idxmax()], self.centre.teams[team].site
            free = self.centre.at(site).labour.free_weekends.value
            bound = free and day[most.name].day_of_week in self.centre.weekend(site)
            rule = f", with {free:g} of 4 weekends off (labour.free_weekends)" if bound else ""
            heads, saved = most["limit"].removeprefix(f"{team}: "), money(self.centre, most["saves_cost"])
            found[team] = f"{heads}{rule}; needing one fewer there saves {saved}"
        return found

    @property
    def late(self) -> list[str]:
        """Say which waiting work gets older than it may, and what to do about it."""
        return [
            f"{row.queue} at {row.site}: its oldest work "
            + ("is never done" if isinf(row.oldest_days) else f"waits {row.oldest_days:.1f} days")
            + f", must be done within {row.due_days:g}: give {row.team} more people or hours"
            for row in self.waiting[self.waiting["oldest_days"] > self.waiting["due_days"]].itertuples()
        ]

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The plan in figures, as in ``summary.json``."""
        start, end = self.demand["interval_start"].min(), self.demand["interval_start"].max()
        return {
            "schema_version": SCHEMA_VERSION,
            "centre": self.centre.name,
            "first_interval": start.isoformat(),
            "last_interval": end.isoformat(),
            "paid_hours": round(float(self.cost["paid_h"].sum()), 2),
            "night_hours": round(float(self.cost["night_h"].sum()), 2),
            "people": self.heads,
            "employ": self.employ,
            "employ_for": self.employ_for,
            "move": self.moved,
            "hours": {
                row.team: {name: round(getattr(row, f"{name}_h"), 2) for name in ("owed", "paid", "idle")}
                for row in self.cost.itertuples()
            },
            "idle_hours": {
                str(team): {f"{day:%Y-%m-%d}": round(hours, 2) for day, hours in row.items()}
                for team, row in self.idle.iterrows()
            },
            "regularity": {
                str(team): row.round(4).to_dict()
                for team, row in regularity(self.centre, self.roster.roster).iterrows()
            },
            "cost": {
                name.removesuffix("_cost"): round(float(self.cost[name].sum()), 2)
                for name in (*TEAM_COSTS, *CAREERS_COSTS, "total_cost")
            },
            "lost_customers_cost": self.customers.round(2).to_dict(),
            "cost_with_customers": round(self.total_cost, 2),
            "systems": {
                str(name): {
                    "on_staff": int(row["on_staff"]),
                    "paid_hours": round(float(row["paid_h"]), 2),
                    "cost": round(float(row["cost"]), 2),
                    row["measure"]: round(float(row["value"]), 4) if pd.notna(row["value"]) else "none",
                }
                for name, row in self.systems.iterrows()
            },
            "shifts_gap": round(self.cover.gap, 4),
            "service_level": {
                str(name): {
                    "target": row["target"],
                    "threshold_s": row["threshold_s"],
                    "promised": round(row["promised"], 4),
                    "simulated": round(row["simulated"], 4),
                    "band_95": _band_95(row),
                    "over": row["over"],
                    "asked": row["asked"],
                    "kept": round(row["kept"], 4),
                    "kept_band_95": [round(row["kept_low"], 4), round(row["kept_high"], 4)],
                    "verdict": row["verdict"],
                    "days": {
                        f"{day:%Y-%m-%d}": {
                            "promised": round(found["promised"], 4),
                            "simulated": round(found["simulated"], 4),
                            "band_95": _band_95(found),
                            "kept": round(found["kept"], 4),
                            "kept_band_95": [round(found["kept_low"], 4), round(found["kept_high"], 4)],
                            "verdict": found["verdict"],
                            "agents_short": "no number helps"
                            if pd.isna(found["short"])
                            else int(found["short"]),
                        }
                        for day, found in self.certificate.loc[name].iterrows()
                    },
                }
                for name, row in self.outcome.iterrows()
            },
            "waiting": {
                str(queue): rows[["oldest_days", "due_days"]].max().round(4).to_dict()
                for queue, rows in self.waiting.groupby("queue", sort=False)
            },
            "trimmed": {} if self.trimmed is None else self.trimmed.summary,
            "replications": self.simulation.replications,
            "unmet_intervals": len(self.cover.unmet),
            "short": [*self.cover.short, *self.late],
            "unmet_heads": int(self.roster.unmet["missing"].sum()),
            "breaches": len(self.breaches),
            "holds": self.holds,
        }

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The plan's tables by the name of their file."""
        return {
            "demand": self.demand[list(PLANNED.columns)],
            "requirement": self.requirement[list(REQUIREMENT.columns)],
            "shifts": self.cover.shifts[list(SHIFTS.columns)],
            "roster": self.roster.roster[list(ROSTER.columns)],
            "staff": self.staff,
            "breaks": self.breaks[list(BREAKS.columns)],
            "cost": self.cost[list(COST.columns)],
        }

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write the plan's CSV files, ``summary.json`` and ``plan.xlsx``, all of them or none.

        Parameters
        ----------
        folder : path
        overwrite : bool
            Replace an earlier plan, and files with the names of a plan's.

        Raises
        ------
        PlanningError
            The folder already contains a plan, or files with the names of a plan's, and `overwrite` is not
            set; or it cannot be written.
        """
        check_folder(Path(folder), overwrite=overwrite)
        return write_folder(folder, self.summary, self.tables, self.centre)


def _with_nulls(value: Any) -> Any:
    """Put null for figures that are no numbers: JSON has no infinity (work never done) and no NaN."""
    if isinstance(value, dict):
        return {name: _with_nulls(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_nulls(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def write_folder(
    folder: str | Path, summary: dict[str, Any], tables: dict[str, pd.DataFrame], centre: Centre
) -> Path:
    """Write tables as CSV, their summary and the workbook into a folder, all of them or none.

    Raises
    ------
    PlanningError
        The folder cannot be written.
    """
    target = Path(folder)
    from planning.report.workbook import write_workbook

    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as work:
            new, old = Path(work) / "new", Path(work) / "old"
            new.mkdir()
            old.mkdir()
            for name, table in tables.items():
                times = {column: _iso(table[column]) for column in table.columns if _is_time(table[column])}
                numbers = table.select_dtypes("number").round(4)
                table.assign(**times, **numbers).to_csv(new / f"{name}.csv", index=False, lineterminator="\n")
            text = json.dumps(_with_nulls(summary), indent=2, ensure_ascii=False, allow_nan=False)
            (new / "summary.json").write_text(text + "\n", encoding="utf-8")
            write_workbook(new / "plan.xlsx", summary, tables, centre)
            _exchange(new, target, old)
    except OSError as error:
        raise PlanningError(f"{target} cannot be written: {error.strerror}; nothing was changed") from None
    return target


def _exchange(new: Path, target: Path, old: Path) -> None:
    """Move new files into a folder; if one of them fails, restore everything."""
    with ExitStack() as undo:
        for file in sorted(new.iterdir()):
            place, aside = target / file.name, old / file.name
            if place.is_dir():
                raise IsADirectoryError(errno.EISDIR, f"{file.name} is a folder")
            if place.exists():
                place.replace(aside)
                undo.callback(aside.replace, place)
                file.replace(place)
            else:
                file.replace(place)
                undo.callback(place.unlink)
        undo.pop_all()


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder with files that a plan would replace, unless `overwrite` is set.

    Raises
    ------
    PlanningError
        The folder already contains a plan, or files with the names of a plan's, and `overwrite` is not set.
    """
    there = [name for name in FILES if (folder / name).exists()]
    if there and not overwrite:
        what = "a plan" if "summary.json" in there else ", ".join(there)
        raise PlanningError(f"{folder} already has {what}: give another folder or ask to overwrite it")


def plan(
    centre: Centre,
    demand: pd.DataFrame,
    people: pd.DataFrame | None = None,
    *,
    hire: Mapping[str, float] | None = None,
    move: Mapping[tuple[str, str], float] | None = None,
    vips: pd.DataFrame | None = None,
    needed: pd.DataFrame | None = None,
    certify: bool = False,
    replications: int = 20,
    seed: int = 1,
    executor: Executor | None = None,
) -> Plan:
    """Plan a horizon of whole days: how many agents, which shifts, who, at what cost, and whether it holds.

    Parameters
    ----------
    centre : Centre
    demand : DataFrame
        DEMAND of the days to plan.
    people : DataFrame, optional
        PEOPLE; without them the plan employs as many as its shifts need (`people_to_employ`).
    hire : mapping, optional
        The most people that teams may employ beside those there are; ``inf`` for any number. The plan employs
        somebody only where heads would be missing otherwise.
    move : mapping, optional
        The most people who may move, by (team, other team of its site), each at the price of the training
        (``teams.NAME.training_month``). A move to a team with more queues is cross-training.
    vips : DataFrame, optional
        VIPs with their personal managers, as `planning.systems.vip.read_vips` gives them; by default every
        manager on the roster has the same number.
    needed : DataFrame, optional
        REQUIREMENT to staff; by default that of the demand.
    certify : bool
        Add staff where a promise breaks in the simulation and take away where it is over-kept, until each is
        just kept (`planning.trim.trim`). This covers the demand several times.
    replications, seed : int
        Of the simulation; a certified plan has at least 200 replications.
    executor : concurrent.futures.Executor, optional
        For the simulation.

    Returns
    -------
    Plan

    Raises
    ------
    PlanningError
        The demand or the people cannot be planned.
    """
    demand = with_reviews(centre, demand, people)
    trimmed, first = None, None
    if certify:
        replications = max(replications, PROOF)
        trimmed = trim(
            centre, demand, people, hire=hire, move=move, needed=needed, replications=replications,
            seed=seed, executor=executor,
        )  # fmt: skip
        needed, first = trimmed.requirement, (trimmed.cover, trimmed.staff)
    needed = requirement(centre, demand) if needed is None else needed
    times = horizon(centre, needed)
    shifts, everybody, roster = cover_and_roster(centre, needed, people, hire=hire, move=move, first=first)
    new = everybody if people is None else everybody.iloc[len(people) :]
    made = Present(roster, breaks_of(shifts, roster.roster), _own_shares(centre, demand, vips))
    staff = staff_of(centre, everybody, roster.roster, times)
    found = simulate(centre, demand, made, replications=replications, seed=seed, executor=executor)
    return Plan(
        centre=centre,
        demand=demand,
        requirement=shifts.held,
        cover=shifts,
        roster=roster,
        people=everybody,
        employ=new.groupby("team", sort=False).size().to_dict(),
        moved=[] if people is None else moves_of(people, everybody),
        staff=staff,
        breaks=made.breaks,
        breaches=audit(centre, roster.roster, everybody, horizon=roster.horizon),
        cost=cost_of(centre, roster.roster, made.breaks, times, staff.groupby("team")["owed_h"].sum()),
        own_shares=made.own_shares,
        simulation=found,
        certificate=certificate(centre, demand, made, needed, found, executor=executor),
        trimmed=trimmed,
    )


def moves_of(before: pd.DataFrame, after: pd.DataFrame) -> list[dict[str, str]]:
    """Who is in another team than before, as `Plan.moved`."""
    both = before[["agent_id", "team"]].merge(after[["agent_id", "team"]], on="agent_id")
    away = both[both["team_x"] != both["team_y"]]
    return [{"agent_id": row.agent_id, "from": row.team_x, "to": row.team_y} for row in away.itertuples()]


def _own_shares(centre: Centre, demand: pd.DataFrame, vips: pd.DataFrame | None) -> pd.DataFrame | None:
    """Share of the VIP calls by personal manager and interval."""
    if vips is None:
        return None
    if centre.systems.vip is None:
        raise PlanningError("vips are given, but the centre has no [systems.vip]: add it or leave them out")
    return own_shares(centre.systems.vip, vips, pd.DatetimeIndex(demand["interval_start"].unique()))


def _promised(requirement: pd.DataFrame, queue: str) -> float:
    rows = requirement[requirement["queue"] == queue]
    return float(np.average(rows["service_level"], weights=rows["calls"])) if rows["calls"].sum() else 1.0


def _band_95(row: pd.Series) -> list[float]:
    """Edges of a simulated service level's band."""
    low, high = row["simulated"] - row["half_width"], row["simulated"] + row["half_width"]
    return [round(max(low, 0.0), 4), round(min(high, 1.0), 4)]


def _is_time(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.DatetimeTZDtype)


def _iso(column: pd.Series) -> pd.Series:
    # Without rows, map would keep the type of times, which are then rounded as numbers.
    return column.astype("object").map(lambda stamp: stamp.isoformat() if pd.notna(stamp) else "")
