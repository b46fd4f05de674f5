"""What people asked for, what they got, and why not: told to each of them with the roster.

Leave, study leave, sickness and blocked days always hold. A wished day off and a preferred kind of shift have
a price (`planning.roster.law.SOFT_H`): they are granted where nobody would be missing for it, and where
others would not give up more.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from planning.calendars import local_day
from planning.centre import Centre
from planning.centre.money import money
from planning.roster.audit import local_people, with_people
from planning.roster.change import substitutes
from planning.roster.inputs import Horizon, own_clock
from planning.roster.rules import kind_names

COLUMNS = ["agent_id", "team", "wish", "granted", "reason"]
NEEDED = "you are needed: "


def wishes(centre: Centre, roster: pd.DataFrame, people: pd.DataFrame, horizon: Horizon) -> pd.DataFrame:
    """Decide each wish by the roster, with the reason for the person who asked.

    Parameters
    ----------
    centre : Centre
    roster, people : DataFrame
        ROSTER, PEOPLE.
    horizon : Horizon
        Days of the roster; wishes for other days are left out.

    Returns
    -------
    DataFrame
        agent_id, team, wish (a date, or a kind of shift), granted, and reason.

    Examples
    --------
    >>> centre = Centre.load("data/centre.toml")
    >>> ann = {"agent_id": "ann", "site": "kaluga", "team": "vip_kaluga", "grade": "manager"}
    >>> ann |= {"contract_h_week": 40, "night_ok": False, "wished_off": "2026-11-24 2026-11-25"}
    >>> day = {"agent_id": "ann", "site": "kaluga", "team": "vip_kaluga", "shift_id": "d", "paid_h": 8.0,
    ...        "night_h": 0.0, "start": "2026-11-24T09:00+03:00", "end": "2026-11-24T17:30+03:00"}
    >>> week = Horizon(pd.Timestamp("2026-11-23"), pd.Timestamp("2026-11-29"))
    >>> told = wishes(centre, pd.DataFrame([day]), pd.DataFrame([ann]), week)
    >>> told.set_index("wish")["reason"].to_dict()
    {'2026-11-24': 'you are needed: nobody else of the team is free', '2026-11-25': 'a day off'}
    """
    who = local_people(people, centre.time_zone)
    worked = with_people(roster, people, centre.time_zone)
    worked["day"] = local_day(own_clock(pd.DatetimeIndex(worked["start"]), worked["site"], centre))
    worked["own_kind"] = kind_names(worked, centre)
    rows = [*_days_off(centre, worked, who, horizon), *_kinds(worked, who)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _kinds(worked: pd.DataFrame, who: pd.DataFrame) -> Iterator[tuple[str, str, str, bool, str]]:
    """Decide the preferred kinds of shift."""
    for person in who[who["prefers"].notna()].itertuples():
        own = worked.loc[worked["agent_id"] == person.agent_id, "own_kind"]
        met = int((own == person.prefers).sum())
        yield (
            person.agent_id, person.team, f"{person.prefers} shifts", met == len(own),
            f"{met} of {len(own)} shifts",
        )  # fmt: skip


def _days_off(
    centre: Centre, worked: pd.DataFrame, who: pd.DataFrame, horizon: Horizon
) -> Iterator[tuple[str, str, str, bool, str]]:
    """Decide the wished days off."""
    wished = {
        (person.agent_id, day): person.team
        for person in who[who["wished_off"].notna()].itertuples()
        for day in map(pd.Timestamp, person.wished_off.split())
        if horizon.first <= day <= horizon.last
    }
    for (agent, day), team in sorted(wished.items()):
        there = worked[worked["day"] == day]
        own = there[there["agent_id"] == agent]
        told = "a day off" if own.empty else _why_not(centre, worked, own, who, there, set(wished), horizon)
        yield agent, team, f"{day:%Y-%m-%d}", own.empty, told


def _why_not(
    centre: Centre,
    worked: pd.DataFrame,
    own: pd.DataFrame,
    who: pd.DataFrame,
    there: pd.DataFrame,
    wished: set[tuple[str, pd.Timestamp]],
    horizon: Horizon,
) -> str:
    """Say why somebody works on a day that was asked for: who could stand in, if anybody."""
    shift = own.iloc[0]
    free = who[(who["team"] == shift["team"]) & ~who["agent_id"].isin(there["agent_id"])]
    ranked = substitutes(centre, worked.drop(own.index), free, shift, horizon=horizon)
    if ranked.empty:
        return f"{NEEDED}nobody else of the team is free"
    lawful = ranked[ranked["lawful"]]
    if lawful.empty:
        return f"{NEEDED}none of the {len(ranked)} who are free may stand in ({ranked['why'].iloc[0]})"
    others = lawful[[(agent, shift["day"]) not in wished for agent in lawful["agent_id"]]]
    if others.empty:
        return f"{NEEDED}those who may stand in asked for the day too"
    best = others.iloc[0]
    return f"{best['agent_id']} may stand in for {money(centre, best['cost'])}: agree, and hand the shift on"
