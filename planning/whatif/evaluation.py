"""Evaluate one scenario: staff it, simulate it and price it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.calendars import local_day
from planning.demand.planned import planned_demand
from planning.overflow.night import paid_per_position
from planning.pay import DAYS_A_YEAR, caller_costs, cost_of, leavers_cost, premium_hours, seat_cost_day
from planning.roster.contracts import cover_by_people
from planning.roster.frames import breaks_of, unnamed
from planning.roster.people import people_to_employ
from planning.roster.staff import staff_of
from planning.shifts import CoverSettings, cover_all, gap_of, horizon, requirement_by_team
from planning.shifts.duties_and_waiting import duties
from planning.simulation.certificate import kept_promises
from planning.simulation.replications import Heads, Simulation, open_positions, simulate
from planning.staffing import requirement, requirement_at
from planning.systems.careers import presence_h, price_of_a_move
from planning.systems.quality import with_reviews
from planning.systems.second_line import customers_kept
from planning.tables import BREAKS, CAREERS_COSTS, PAY_COSTS, ROSTER, STAFF
from planning.whatif.changes import Scenario

if TYPE_CHECKING:
    from planning.centre import Centre

VERDICTS = ("does not hold", "too close to call", "holds")
"""From worst to best."""


@dataclass(frozen=True)
class Evaluation:
    """How scenarios are evaluated: the same for all that are compared.

    Attributes
    ----------
    staff : str
        "shifts": whole shifts with their breaks (`planning.cover`). "positions": exactly the heads required,
        interval by interval, as `planning.overflow` prices nights; several times faster. Nobody is employed
        for positions, so no hours are idle.
    replications, seed : int
        Of the simulation.
    settings : CoverSettings
        Settings of the search for shifts.
    """

    staff: str
    replications: int
    seed: int
    settings: CoverSettings


class Staff(NamedTuple):
    """Who is present when, as the simulation reads it, and what was required.

    Attributes
    ----------
    roster
        ``roster.roster`` is ROSTER, one head per shift.
    people, breaks, needed : DataFrame
        STAFF, BREAKS, REQUIREMENT.
    unmet_h : float
        Agent-hours that no shift covers.
    shifts : DataFrame
        Index team: objective, bound, as in `planning.shifts.CoverPlan.teams`; empty for positions.
    """

    roster: Heads
    people: pd.DataFrame
    breaks: pd.DataFrame
    needed: pd.DataFrame
    unmet_h: float
    shifts: pd.DataFrame


class Result(NamedTuple):
    """The result of a scenario.

    Attributes
    ----------
    figures : dict
        By name: money, hours and heads over the horizon.
    levels : DataFrame
        Service level of each replication (row) and promised queue (column).
    abandoned_cost : ndarray, shape (replications,)
        Cost of the callers who gave up.
    shifts : DataFrame
        Index team: objective and bound of its shifts.
    heads : DataFrame
        Index team: heads, and what it costs once to take on one more (hire_cost) and to dismiss one
        (dismiss_cost); empty if the centre describes no careers.
    verdict : str
        The worst of all queues and days.
    """

    figures: dict[str, float]
    levels: pd.DataFrame
    abandoned_cost: NDArray[np.float64]
    shifts: pd.DataFrame
    heads: pd.DataFrame
    verdict: str


def evaluate(scenario: Scenario, how: Evaluation, staff: Staff | None = None) -> tuple[Result, Staff]:
    """Staff, simulate and price a scenario.

    Parameters
    ----------
    scenario : Scenario
    how : Evaluation
    staff : Staff, optional
        The base's staff, for a change that nobody planned for.

    Raises
    ------
    PlanningError
        The scenario cannot be planned.
    """
    centre = scenario.centre
    staff = staffed(scenario, how) if staff is None else _still_there(centre, staff)
    found = simulate(centre, scenario.demand, staff, replications=how.replications, seed=how.seed)
    promised = [name for name in found.levels if centre.queues[str(name)].target.service_level is not None]
    abandoned = found.gave_up @ caller_costs(centre)["gives_up"].loc[found.gave_up.columns]
    figures = {**_cost(scenario, staff, float(abandoned.mean())), **_hours(staff)}
    levels, heads = found.levels[promised], _heads(scenario, staff)
    return Result(figures, levels, abandoned.to_numpy(), staff.shifts, heads, _verdict(centre, found)), staff


def staffed(scenario: Scenario, how: Evaluation) -> Staff:
    """Find the agents that a scenario needs, and put them into shifts or on positions."""
    centre = scenario.centre
    needed = requirement(centre, with_reviews(centre, scenario.demand))
    if scenario.probability is not None:
        sure = requirement_at(centre, scenario.demand, scenario.probability)
        # The people whom quality listens to are known, so its work does not depend on the probability.
        quality = centre.systems.quality
        known = "" if quality is None else quality.queue
        needed = pd.concat(
            [sure[sure["queue"] != known], needed[needed["queue"] == known]], ignore_index=True
        )
    return (
        _on_positions(centre, needed)
        if how.staff == "positions"
        else _in_shifts(scenario, needed, how.settings)
    )


def _in_shifts(scenario: Scenario, needed: pd.DataFrame, settings: CoverSettings) -> Staff:
    """Cover a requirement with shifts; a head keeps its name in every scenario that has it.

    Without a list of people the shifts are those of least cost by the hour, and people are counted for them:
    whole heads that are found together with the shifts would hide what a scenario costs.
    """
    centre = scenario.centre
    if scenario.people is None:
        made = cover_all(centre, needed, settings=settings)
        people = people_to_employ(centre, made.shifts)
    else:
        home = _at_home(centre, scenario.people)
        made, people = cover_by_people(centre, needed, home, settings=settings)
    roster = unnamed(made.shifts)
    unmet_h = float(made.unmet["missing"].sum()) * centre.interval_s / 3600
    employed = staff_of(centre, people, roster, horizon(centre, needed))
    costs = made.teams[["objective", "bound"]]
    return Staff(Heads(roster), employed, breaks_of(made, roster), needed, unmet_h, costs)


def _on_positions(centre: Centre, needed: pd.DataFrame) -> Staff:
    """Put heads on positions: position k is filled while more than k are required; rests are paid on top."""
    times = horizon(centre, needed)
    positions = [
        *_seated(requirement_by_team(centre, needed, times), centre.interval_s),
        *_on_duty(centre, times),
    ]
    rows = pd.DataFrame(positions, columns=["team", "agent_id", "start_s", "end_s"])
    start, end = (times[0] + pd.to_timedelta(rows[edge], unit="s") for edge in ("start_s", "end_s"))
    site = rows["team"].map({name: team.site for name, team in centre.teams.items()})
    answering = rows["team"].map({name: bool(team.queues) for name, team in centre.teams.items()})
    paid = np.where(answering.to_numpy(bool), paid_per_position(centre), 1.0)
    hours = premium_hours(centre, site, pd.DatetimeIndex(start), pd.DatetimeIndex(end))
    roster = rows.assign(
        site=site, start=start, end=end, shift_id=rows["agent_id"], night_h=hours["night_h"] * paid,
        paid_h=(rows["end_s"] - rows["start_s"]) / 3600 * paid,
    )[list(ROSTER.columns)]  # fmt: skip
    breaks = pd.DataFrame({"agent_id": [], "shift_id": [], "start": start[:0], "end": end[:0]})
    breaks = breaks.assign(paid=True, kind="")[list(BREAKS.columns)]
    nobody = pd.DataFrame(columns=list(STAFF.columns)).astype({"owed_h": "float64"})
    costs = pd.DataFrame(columns=["objective", "bound"], dtype="float64")
    return Staff(Heads(roster), nobody, breaks, needed, 0.0, costs)


def _seated(heads: dict[str, pd.Series], interval_s: float) -> Iterator[tuple[str, str, float, float]]:
    for team, wanted in heads.items():
        for position in open_positions(team, wanted.to_numpy(), interval_s):
            for start_s, end_s in position.segments:
                yield team, position.name, start_s, end_s


def _on_duty(centre: Centre, times: pd.DatetimeIndex) -> Iterator[tuple[str, str, float, float]]:
    for number, (team, start, pattern, _) in enumerate(duties(centre, times)):
        start_s = (start - times[0]).total_seconds()
        yield team, f"{team} {number}", start_s, start_s + pattern.length_s


def _still_there(centre: Centre, staff: Staff) -> Staff:
    """Drop the heads whose team or site is gone."""
    there = _at_home(centre, staff.roster.roster)
    return staff._replace(
        roster=Heads(there),
        people=_at_home(centre, staff.people),
        breaks=staff.breaks[staff.breaks["agent_id"].isin(there["agent_id"])],
    )


def _at_home(centre: Centre, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of people whose team still sits at their site."""
    site = {name: team.site for name, team in centre.teams.items()}
    return rows[rows["team"].map(site) == rows["site"]]


# --- its figures --------------------------------------------------------------------------------------------


def _cost(scenario: Scenario, staff: Staff, abandoned: float) -> dict[str, float]:
    """Cost over the horizon by part, and the customers kept and lost."""
    centre, second_line = scenario.centre, _second_line(scenario, staff)
    owed_h = staff.people.groupby("team")["owed_h"].sum()
    spent = cost_of(centre, staff.roster.roster, staff.breaks, horizon(centre, staff.needed), owed_h)
    price = caller_costs(centre)["unanswered"]
    parts = {
        "pay_cost": float(spent[PAY_COSTS].sum().sum()),
        **{name: float(spent[name].sum()) for name in ("idle_cost", "rides_cost", "seats_cost")},
        "careers_cost": float(spent[CAREERS_COSTS].sum().sum()),
        "abandoned_cost": abandoned,
        "closed_cost": float(sum(calls * price[queue] for queue, calls in scenario.lost.items())),
        "leavers_cost": leavers_cost(centre, second_line),
    }
    kept = {"kept": customers_kept(centre, second_line)} if len(second_line) else {}
    calls = {"closed_calls": sum(scenario.lost.values())}
    days = len(local_day(horizon(centre, staff.needed)).unique())
    parts["seats_cost"] += sum(scenario.rented.values()) * seat_cost_day(centre) * days
    return {"cost": sum(parts.values()), **parts, "idle_h": float(spent["idle_h"].sum()), **kept, **calls}


def _second_line(scenario: Scenario, staff: Staff) -> pd.DataFrame:
    """Calls of the second line by interval, and the agents present for them."""
    centre, needed = scenario.centre, staff.needed
    second = centre.systems.second_line
    own = needed[needed["queue"] == second.queue] if second is not None else needed[:0]
    if not scenario.unplanned or own.empty:
        return own
    planned = planned_demand(centre, scenario.demand)
    calls = planned[planned["queue"] == own["queue"].iloc[0]]
    present = _left(centre, own).groupby(own["interval_start"]).sum().round()
    return calls.assign(agents=present.reindex(calls["interval_start"], fill_value=0.0).to_numpy())


def _hours(staff: Staff) -> dict[str, float]:
    """Paid hours, the people on staff and on shift, and the agents required at the peak."""
    roster = staff.roster.roster
    day = local_day(pd.DatetimeIndex(roster["start"]))
    together = staff.needed.groupby("interval_start")["agents"].sum()
    return {
        "paid_h": float(roster["paid_h"].sum()),
        "night_h": float(roster["night_h"].sum()),
        "on_staff": float(len(staff.people)),
        "on_shift": float(roster.groupby(day)["agent_id"].nunique().max()) if len(roster) else 0.0,
        "peak_agents": float(together.max()),
        "unmet_h": staff.unmet_h,
        "gap": gap_of(staff.shifts),
    }


def _heads(scenario: Scenario, staff: Staff) -> pd.DataFrame:
    """Full colleagues of each team, and the price of one more and of one fewer."""
    centre, careers = scenario.centre, scenario.centre.systems.careers
    columns = ["heads", "hire_cost", "dismiss_cost"]
    if careers is None:
        return pd.DataFrame(columns=columns, dtype="float64")
    if scenario.people is None:
        months = len(local_day(horizon(centre, staff.needed)).unique()) * 12 / DAYS_A_YEAR
        heads = staff.roster.roster.groupby("team")["paid_h"].sum() / presence_h(centre, careers) / months
    else:
        heads = staff.people.groupby("team").size().astype("float64")
    rows = {
        team: (count, *price_of_a_move(centre, careers, str(team)))
        for team, count in heads.items()
        if centre.teams[str(team)].grade in careers.grades
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _left(centre: Centre, needed: pd.DataFrame) -> pd.Series:
    """Mean agents present when nobody planned for the requirement: those rostered and not absent."""
    teams = [centre.team_for(*key) for key in zip(needed["queue"], needed["site"], strict=True)]
    here = [0.0 if team is None else 1 - centre.teams[team].shrinkage for team in teams]
    return (needed["rostered"] * here).clip(upper=needed["agents"])


def _verdict(centre: Centre, found: Simulation) -> str:
    """Return the worst verdict over all promises."""
    return min(kept_promises(centre, found)["verdict"], key=VERDICTS.index, default="holds")
