"""The people on staff: the hours that they owe, those that they work, and when the idle ones are free."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from planning.calendars import local_day
from planning.centre import Centre
from planning.roster.audit import local_people
from planning.roster.carry_over import own_norms
from planning.roster.inputs import Horizon, carry_over_at
from planning.tables import PEOPLE

WEEK = pd.Timedelta(days=7)


def hours_owed(centre: Centre, people: pd.DataFrame, horizon: Horizon) -> pd.Series:
    """Hours that each person owes for the pay of a horizon's days, by agent_id.

    The norm of the days in proportion to the contract, less leave and less hours worked above the norm
    before. People who rest on one day of a week work on others, so a part of a week owes its part of the
    week's hours, a seventh a day. Days with all the working hours of a week owe the whole week.

    Parameters
    ----------
    centre : Centre
    people : DataFrame
        PEOPLE.
    horizon : Horizon

    Examples
    --------
    A Tuesday and a Saturday owe the same; Monday to Friday owe the whole week:

    >>> centre = Centre.load("data/centre.toml")
    >>> ann = {"agent_id": "ann", "site": "kaluga", "team": "vip_kaluga", "grade": "manager"}
    >>> people = pd.DataFrame([ann | {"contract_h_week": 35, "night_ok": True}])
    >>> days = [("2026-11-24", "2026-11-24"), ("2026-11-28", "2026-11-28"), ("2026-11-23", "2026-11-27")]
    >>> [float(hours_owed(centre, people, Horizon(*map(pd.Timestamp, edges)))["ann"]) for edges in days]
    [5.0, 5.0, 35.0]
    """
    who = carry_over_at(local_people(people, centre.time_zone), horizon, centre.time_zone)
    owed = -who.set_index("agent_id")["balance_h"].fillna(0.0)
    for site, own in who.groupby("site"):
        weeks = _whole_weeks(horizon.at(centre, str(site)))
        days, here = (pd.date_range(each.first, each.last) for each in (weeks, horizon))
        owed[own["agent_id"]] += own_norms(centre, own, weeks)
        if centre.day_norms(days.difference(here), str(site)).any():
            owed[own["agent_id"]] *= len(here) / len(days)
    return owed.clip(lower=0.0)


def _whole_weeks(horizon: Horizon) -> Horizon:
    """Return the horizon, or the week in which a shorter one lies (or which it begins)."""
    opens = horizon.week_of(horizon.first)
    first = opens if horizon.last - opens < WEEK else horizon.first
    last = first + WEEK - pd.Timedelta(days=1)
    return replace(horizon, first=first, last=last) if horizon.last <= last else horizon


def staff_of(
    centre: Centre, people: pd.DataFrame, roster: pd.DataFrame, times: pd.DatetimeIndex
) -> pd.DataFrame:
    """List the people on staff with the hours that they owe and work.

    Parameters
    ----------
    centre : Centre
    people, roster : DataFrame
        PEOPLE, ROSTER.
    times : DatetimeIndex
        Intervals of the horizon.

    Returns
    -------
    DataFrame
        STAFF, a row for each of the people, whether they have a shift or not; without the optional columns
        that nobody has a value in.
    """
    who = local_people(people, centre.time_zone)
    unused = [name for name, column in PEOPLE.columns.items() if column.may_lack and who[name].isna().all()]
    worked = roster.groupby("agent_id")["paid_h"].sum()
    return who.drop(columns=unused).assign(
        owed_h=hours_owed(centre, people, Horizon.of(times)).to_numpy(),
        paid_h=who["agent_id"].map(worked).astype("float64").fillna(0.0),
    )


def idle_by_day(
    centre: Centre, people: pd.DataFrame, roster: pd.DataFrame, idle_h: pd.Series, times: pd.DatetimeIndex
) -> pd.DataFrame:
    """Spread the idle hours of teams over the days on which they could be training or time off.

    A day's part follows the working hours that the production calendar asks of those without a shift on it.

    Parameters
    ----------
    centre : Centre
    people, roster : DataFrame
        PEOPLE, ROSTER.
    idle_h : Series
        Index team: hours owed that no shift fills (COST).
    times : DatetimeIndex
        Intervals of the horizon.

    Returns
    -------
    DataFrame
        Index team, of those with idle hours; a column for each local day.
    """
    idle = idle_h[idle_h > 0]
    own = people[people["team"].isin(idle.index)]
    starts = local_day(pd.DatetimeIndex(roster["start"]).tz_convert(centre.time_zone))
    free = {}
    for day in local_day(times).unique():
        off = own[~own["agent_id"].isin(roster["agent_id"][starts == day])]
        asked = own_norms(centre, off, Horizon(day, day)) if len(off) else pd.Series(dtype="float64")
        free[day] = asked.groupby(off["team"].to_numpy()).sum().reindex(idle.index, fill_value=0.0)
    table = pd.DataFrame(free, index=idle.index)
    table[table.sum(axis=1) == 0] = 1.0  # nobody is asked to work on a weekend's days
    return table.mul(idle / table.sum(axis=1), axis=0)
