"""How evenly nights, weekends and late ends are shared, counted from the roster alone without a solver."""

from __future__ import annotations

import pandas as pd

from planning.calendars import NIGHT
from planning.centre import Centre
from planning.roster.audit import local_people, with_people
from planning.roster.carry_over import hours_left
from planning.roster.inputs import Horizon
from planning.roster.rules import at_weekends, kind_names


def fairness(centre: Centre, roster: pd.DataFrame, people: pd.DataFrame, horizon: Horizon) -> pd.DataFrame:
    """Compare what each person carries, including last month, with an even share.

    A team's burden, including last month's, is divided by the hours that the norm leaves each person; nights
    are divided among those who agreed to them.

    Parameters
    ----------
    centre : Centre
    roster : DataFrame
        Columns of `planning.tables.ROSTER`.
    people : DataFrame
        Columns of `planning.tables.PEOPLE`.
    horizon : Horizon
        Days of the roster.

    Returns
    -------
    DataFrame
        A row per person and burden (nights, weekends, late shifts): agent_id, team, burden, carried (in this
        roster), before (last month; unknown for late shifts), even (the share of both), away (carried plus
        before, less even).

    Examples
    --------
    >>> centre = Centre.load("data/centre.toml")
    >>> ann = {"agent_id": "ann", "site": "kaluga", "team": "vip_kaluga"}
    >>> row = ann | {"grade": "manager", "contract_h_week": 40, "night_ok": True, "leave_from": None,
    ...              "leave_until": None}
    >>> people = pd.DataFrame([row, row | {"agent_id": "bob"}])
    >>> night = {"shift_id": "n", "start": "2026-11-23T21:00+03:00", "end": "2026-11-24T05:30+03:00"}
    >>> week = Horizon(pd.Timestamp("2026-11-23"), pd.Timestamp("2026-11-29"))
    >>> found = fairness(centre, pd.DataFrame([ann | night | {"paid_h": 8, "night_h": 7.5}]), people, week)
    >>> found[found["burden"] == "nights"][["agent_id", "carried", "even", "away"]].values.tolist()
    [['ann', 1.0, 0.5, 0.5], ['bob', 0.0, 0.5, -0.5]]
    """
    who = local_people(people, centre.time_zone).set_index("agent_id")
    hours = hours_left(centre, people, horizon).clip(lower=0.0)
    worked = with_people(roster, people, centre.time_zone)
    worked["kind"] = kind_names(worked, centre)
    weekends = at_weekends(worked, centre)
    nights, late = (worked[worked["kind"] == kind] for kind in (NIGHT, "late"))
    willing = hours[who["night_ok"].astype(bool)]
    # A weekend counts with all its days for the team, regardless of who works them.
    rows = {
        "nights": (_count(nights), nights.groupby("team").size(), who["nights_before"], willing),
        "weekends": (
            weekends.groupby("agent_id")["week"].nunique(),
            weekends.groupby("team")["share"].sum(),
            who["weekends_before"],
            hours,
        ),
        "late shifts": (_count(late), late.groupby("team").size(), 0.0 * hours, hours),
    }
    found = [_shares(*each, who["team"]).assign(burden=name) for name, each in rows.items()]
    return pd.concat(found)[["agent_id", "team", "burden", "carried", "before", "even", "away"]].reset_index(
        drop=True
    )


def _count(worked: pd.DataFrame) -> pd.Series:
    return worked.groupby("agent_id").size()


def _shares(
    carried: pd.Series, totals: pd.Series, before: pd.Series, hours: pd.Series, team: pd.Series
) -> pd.DataFrame:
    """Divide each team's total, and last month's, by hours; people without hours carry nothing."""
    able = hours[hours > 0]
    rows = pd.DataFrame({"team": team[able.index], "before": before[able.index].fillna(0.0), "hours": able})
    rows["carried"] = carried.reindex(able.index, fill_value=0).astype(float)
    sums = rows.groupby("team")[["before", "hours"]].transform("sum")
    total = rows["team"].map(totals).fillna(0.0) + sums["before"]
    rows["even"] = total * rows["hours"] / sums["hours"]
    return rows.assign(away=rows["carried"] + rows["before"] - rows["even"]).reset_index(names="agent_id")
