"""One line on each of the other systems, for the picture of the whole centre."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from planning.staffing import requirement
from planning.teams.careers import grade_needs, plan_careers
from planning.teams.quality import workload
from planning.teams.second_line import second_line_demand, worth_of_staff
from planning.teams.verdicts import fair_test
from planning.teams.wellbeing import doctors_on_duty, duty_shifts, with_doctors

if TYPE_CHECKING:
    from planning.centre import Centre
    from planning.teams.systems import Systems

__all__ = ["summary"]


def summary(centre: Centre, systems: Systems, demand: pd.DataFrame, people: pd.DataFrame) -> pd.Series:
    """Say of each system in one line what it needs and what it is worth.

    Parameters
    ----------
    centre : Centre
    systems : Systems
    demand : DataFrame
        DEMAND of whole weeks, the first and second line and all other queues.
    people : DataFrame
        PEOPLE.

    Returns
    -------
    Series
        Index system, a sentence each.

    Raises
    ------
    PlanningError
        The demand does not span whole weeks, or lacks the first line.
    """
    days = demand["interval_start"].dt.normalize().nunique()
    start = demand["interval_start"].min().normalize()
    says = {
        "second line": _second_line(centre, systems, demand, days),
        "quality": _quality(centre, systems, demand, people),
        "wellbeing": _wellbeing(centre, systems, start, days),
        "careers": _careers(centre, systems, demand, people),
    }
    return pd.Series(says, name="says").rename_axis("system")


def _second_line(centre: Centre, systems: Systems, demand: pd.DataFrame, days: int) -> str:
    staff = worth_of_staff(centre, systems.second_line, second_line_demand(systems.second_line, demand))
    hours = staff[["required", "best"]].sum() * centre.interval_s / 3600 / days
    return (
        f"{hours['required']:.0f} agent-hours a day keep the target and {staff['kept'].sum() / days:.0f} "
        f"customers; {hours['best']:.0f} would pay best"
    )


def _quality(centre: Centre, systems: Systems, demand: pd.DataFrame, people: pd.DataFrame) -> str:
    rules = systems.quality
    calls = demand[demand["queue"].map(lambda name: centre.queues[name].target.service_level is not None)]
    call_s = (calls["calls"] * calls["aht_s"]).sum() / calls["calls"].sum()
    operators = int((people["grade"] != "quality").sum())
    hours = workload(rules, operators=operators, call_s=float(call_s))["hours"].sum()
    test = fair_test(rules.good, rules.bad, risk=rules.risk)
    return f"{hours:,.0f} hours a month for {operators} operators; a fair verdict needs {test.calls} calls"


def _wellbeing(centre: Centre, systems: Systems, start: pd.Timestamp, days: int) -> str:
    staffed = with_doctors(centre, systems.wellbeing)
    shifts = duty_shifts(staffed, systems.wellbeing, start=start.date(), days=days)
    duty = doctors_on_duty(staffed, shifts)
    cost = duty.doctors["cost_rub"].sum() / days * 365 / 1e6
    return (
        f"{duty.doctors['doctors'].sum()} doctors hold every open hour for {cost:.1f} million roubles a year"
    )


def _careers(centre: Centre, systems: Systems, demand: pd.DataFrame, people: pd.DataFrame) -> str:
    careers = systems.careers
    needs = grade_needs(centre, careers, requirement(centre, demand))
    here = people.groupby("grade").size()
    start = {grade: float(here.get(grade, needs.loc[grade, "heads"])) for grade in careers.grades}
    flows = plan_careers(careers, needs, start).flows
    risen = flows.drop(columns=careers.entry).to_numpy().sum()
    return f"hire {flows[careers.entry].sum()} and promote {risen} people in {careers.months} months"
