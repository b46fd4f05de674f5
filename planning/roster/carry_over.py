"""Carry the end of one roster over to the beginning of the next."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from planning.calendars import NIGHT
from planning.centre import Centre
from planning.roster.audit import local_people, local_roster, with_people
from planning.roster.inputs import Horizon, carry_over_at, norms_of
from planning.roster.rules import at_weekends, kind_names
from planning.roster.totals import PeriodHours
from planning.tables import PEOPLE


def carry_on(
    centre: Centre, people: pd.DataFrame, roster: pd.DataFrame, horizon: Horizon, *, new_period: bool = False
) -> pd.DataFrame:
    """Update people with what a roster leaves behind, so that the next roster can continue from there.

    Parameters
    ----------
    centre : Centre
    people : DataFrame
        Columns of `planning.tables.PEOPLE`, as they were when the roster began.
    roster : DataFrame
        Columns of `planning.tables.ROSTER`; empty if nobody worked.
    horizon : Horizon
        Days of the roster; their norm is settled, so the parts of a divided week add up to the week.
    new_period : bool
        Whether an accounting period ends with the roster (TK RF 104): hours above the norm then become
        overtime of the year, and hours below it are dropped.

    Returns
    -------
    DataFrame
        PEOPLE with a new carry_over: last_end, last_kind, days_in_row, nights_in_row, balance_h, overtime_h,
        nights_before and weekends_before.

    Examples
    --------
    >>> centre = Centre.load("data/centre.toml")
    >>> ann = {"agent_id": "ann", "site": "kaluga", "team": "vip_kaluga"}
    >>> people = pd.DataFrame([ann | {"grade": "manager", "contract_h_week": 40, "night_ok": True,
    ...                               "leave_from": None, "leave_until": None}])
    >>> night = {"shift_id": "n", "start": "2026-11-29T20:00+03:00", "end": "2026-11-30T07:00+03:00"}
    >>> roster = pd.DataFrame([ann | night | {"paid_h": 10, "night_h": 8}])
    >>> week = Horizon(pd.Timestamp("2026-11-23"), pd.Timestamp("2026-11-29"))
    >>> later = carry_on(centre, people, roster, week)
    >>> later[["last_kind", "days_in_row", "nights_in_row", "balance_h", "weekends_before"]].values.tolist()
    [['night', 1.0, 1.0, -30.0, 1.0]]
    """
    who = carry_over_at(local_people(people, centre.time_zone), horizon, centre.time_zone).set_index(
        "agent_id"
    )
    # Of the last month, as much is left as the roster's days leave of four weeks.
    part = max(1 - len(horizon.days) / 28, 0.0)
    worked = with_people(roster, people, centre.time_zone)
    worked["day"] = worked["start"].dt.tz_localize(None).dt.normalize()
    worked["kind"] = kind_names(worked, centre)
    nights = worked[worked["kind"] == NIGHT]
    weekends = at_weekends(worked, centre)
    last = worked[worked["day"] == horizon.last].drop_duplicates("agent_id").set_index("agent_id")
    balance = worked.groupby("agent_id")["paid_h"].sum().reindex(who.index, fill_value=0.0)
    balance += who["balance_h"].fillna(0.0) - own_norms(centre, people, horizon)
    after = who.assign(
        last_end=worked.groupby("agent_id")["end"].max().reindex(who.index).fillna(who["last_end"]),
        last_kind=last["kind"].reindex(who.index),
        days_in_row=_run(worked, who["days_in_row"], horizon),
        nights_in_row=_run(nights, who["nights_in_row"], horizon),
        balance_h=0.0 if new_period else balance,
        overtime_h=who["overtime_h"].fillna(0.0) + (balance.clip(lower=0.0) if new_period else 0.0),
        nights_before=_count(nights, "day", who, part * who["nights_before"]),
        weekends_before=_count(weekends, "week", who, part * who["weekends_before"]),
    )
    return after.reset_index()[list(PEOPLE.columns)]


def settle(centre: Centre, people: pd.DataFrame, roster: pd.DataFrame, horizon: Horizon) -> pd.DataFrame:
    """Update people as `carry_on` does, and settle each accounting period on the day on which it ends.

    A period's hours above the norm become overtime of the year, and those below it are dropped, wherever in
    the roster its last day lies. The overtime of a year ends with the year.

    Parameters
    ----------
    centre : Centre
    people, roster : DataFrame
        PEOPLE, ROSTER.
    horizon : Horizon
        Days of the roster, with days off up to the next one.

    Returns
    -------
    DataFrame
        PEOPLE, in their order.

    Examples
    --------
    Ann is eight hours ahead when the year ends. In the first days of the new year nobody owes anything:

    >>> centre = Centre.load("data/centre.toml")
    >>> ann = {"agent_id": "ann", "site": "kaluga", "team": "vip_kaluga", "grade": "manager"}
    >>> ann |= {"contract_h_week": 40, "night_ok": True, "balance_h": 8, "overtime_h": 4}
    >>> nobody = pd.DataFrame(columns=["agent_id"])
    >>> days = Horizon(pd.Timestamp("2026-12-31"), pd.Timestamp("2027-01-03"))
    >>> settle(centre, pd.DataFrame([ann]), nobody, days)[["balance_h", "overtime_h"]].values.tolist()
    [[0.0, 0.0]]
    """
    return _settled(centre, people, roster, horizon)[0]


def overtime(centre: Centre, people: pd.DataFrame, roster: pd.DataFrame, horizon: Horizon) -> pd.Series:
    """Overtime of the accounting periods that end in the days, by agent_id, hours: as `settle` finds it."""
    return _settled(centre, people, roster, horizon)[1]


def _settled(
    centre: Centre, people: pd.DataFrame, roster: pd.DataFrame, horizon: Horizon
) -> tuple[pd.DataFrame, pd.Series]:
    """People after the days, and the overtime of the periods that end in them."""
    starts = local_roster(roster, centre.time_zone)["start"].dt.tz_localize(None)
    found, above = [], pd.Series(0.0, index=people["agent_id"])
    for site, own in people.groupby("site", sort=False):
        months = int(centre.at(str(site)).labour.period_months.value)
        ends = [day for day in horizon.days if day.is_month_end and day.month % months == 0]
        first = horizon.first
        for last in dict.fromkeys([*ends, horizon.last]):
            rows = roster[((starts >= first) & (starts < last + pd.Timedelta(days=1))).to_numpy()]
            rows = rows[rows["agent_id"].isin(own["agent_id"])]
            before = pd.to_numeric(own.set_index("agent_id")["overtime_h"]) if "overtime_h" in own else 0.0
            own = carry_on(centre, own, rows, Horizon(first, last), new_period=last in ends)
            if last in ends:
                above = above.add(
                    own.set_index("agent_id")["overtime_h"].sub(before, fill_value=0.0), fill_value=0.0
                )
                own = own.assign(overtime_h=0.0) if last.is_year_end else own
            first = last + pd.Timedelta(days=1)
        found.append(own)
    after = pd.concat(found).set_index("agent_id").loc[people["agent_id"]].reset_index()[list(PEOPLE.columns)]
    return after, above


def _count(worked: pd.DataFrame, column: str, people: pd.DataFrame, before: pd.Series) -> pd.Series:
    """Number of different values of each person in a column, added to a number before, as a whole."""
    found = worked.groupby("agent_id")[column].nunique().reindex(people.index, fill_value=0)
    return found + np.floor(before.fillna(0.0) + 0.5)


def hours_left(centre: Centre, people: pd.DataFrame, horizon: Horizon) -> pd.Series:
    """Hours that each person may work in a horizon, by agent_id (`PeriodHours`); negative if none.

    Examples
    --------
    >>> centre = Centre.load("data/centre.toml")
    >>> ann = {"agent_id": "ann", "site": "kaluga", "team": "vip_kaluga", "grade": "manager"}
    >>> half = pd.DataFrame([ann | {"contract_h_week": 20, "night_ok": True,
    ...                             "leave_from": None, "leave_until": None}])
    >>> hours_left(centre, half, Horizon(pd.Timestamp("2026-11-28"), pd.Timestamp("2026-11-29"))).to_dict()
    {'ann': 20.0}
    """
    who = carry_over_at(local_people(people, centre.time_zone), horizon, centre.time_zone).set_index(
        "agent_id"
    )
    return _by_site(centre, who, horizon, PeriodHours.left)


def own_norms(centre: Centre, people: pd.DataFrame, horizon: Horizon) -> pd.Series:
    """Hours that the production calendar asks of each person on a horizon's own days, by agent_id.

    In proportion to the contract, less leave by the hour (TK RF 91, 104), regardless of earlier work.

    Examples
    --------
    >>> centre = Centre.load("data/centre.toml")
    >>> ann = {"agent_id": "ann", "site": "kaluga", "team": "vip_kaluga", "grade": "manager"}
    >>> full = pd.DataFrame([ann | {"contract_h_week": 40, "night_ok": True,
    ...                             "leave_from": "2026-11-25T12:00+03:00", "leave_until": None}])
    >>> own_norms(centre, full, Horizon(pd.Timestamp("2026-11-23"), pd.Timestamp("2026-11-25"))).to_dict()
    {'ann': 20.0}
    """
    who = local_people(people, centre.time_zone).set_index("agent_id")
    return _by_site(centre, who, horizon, lambda rule, own, norms: rule.asked(own, norms)["own"])


def _by_site(
    centre: Centre,
    who: pd.DataFrame,
    horizon: Horizon,
    hours: Callable[[PeriodHours, pd.DataFrame, pd.DataFrame], pd.Series],
) -> pd.Series:
    """Hours of each person by the rule, the people and the norms of their site."""
    found = pd.Series(0.0, index=who.index)
    for site, own in who.groupby("site"):
        week_h = centre.at(str(site)).labour.week_h
        rule = PeriodHours(week_h.value, article=week_h.article)
        found[own.index] = hours(rule, own, norms_of(centre, horizon, str(site)))
    return found


def _run(worked: pd.DataFrame, before: pd.Series, horizon: Horizon) -> pd.Series:
    """Days in a row up to the end of the horizon; if all its days are worked, those before it count too."""
    days = pd.date_range(horizon.first, horizon.last)
    table = pd.crosstab(worked["agent_id"], worked["day"]).reindex(index=before.index, columns=days)
    backward = table.fillna(0).to_numpy()[:, ::-1] > 0
    run = pd.Series(backward.cumprod(axis=1).sum(axis=1), index=before.index).astype(float)
    return run + before.fillna(0.0).where(run == len(days), 0.0)
