"""The people of the teams: read from a file, with reasons for refused rows, or generated from a seed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from planning.calendars import NIGHT, local_day, on_clock
from planning.centre import Centre
from planning.errors import PlanningError
from planning.roster.inputs import Horizon
from planning.tables import PEOPLE

CONTRACTS = (1.0, 0.75, 0.5)
"""Contracts as parts of the normal week."""
CONTRACT_SHARES = (0.85, 0.10, 0.05)
SHARE_ON_LEAVE = 0.10
SLACK = 0.10
"""Contract hours above the shifts' hours, for sickness and for weeks that whole shifts do not fill."""
WORKED_DAYS = 5
"""Days per week of a full-time employee."""
NIGHT_SHARE_ROUND_THE_CLOCK = 0.85
NIGHT_SHARE_OTHERWISE = 0.10
SHARE_STUDYING, SHARE_BLOCKED, SHARE_WISHING, SHARE_PREFERRING = 0.01, 0.03, 0.06, 0.03
SHARE_AT_WORK, SHARE_NIGHTS, SHARE_WEEKENDS = 0.65, 0.3, 0.25
"""Share of people who work on the day before the horizon, share of these at night if they may, and share of
people who have worked the last three weekends."""
DAY, HOUR = pd.Timedelta(days=1), pd.Timedelta(hours=1)


def read_people(
    path: str | Path, centre: Centre, *, horizon: Horizon | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read people from a CSV file, and set faulty rows aside.

    Parameters
    ----------
    path : str or Path
        CSV with the columns of `planning.tables.PEOPLE`, of which agent_id, site and team are required.
    centre : Centre
        The centre with their teams and sites.
    horizon : Horizon, optional
        Days of the roster that the file is for: a row with leave outside them is then refused.

    Returns
    -------
    people, rejected : DataFrame
        Good rows in the table's types, and the refused rows as they came with a column ``reason``.

    Raises
    ------
    PlanningError
        The file is missing, is not a CSV, has no rows, or lacks a column.

    Examples
    --------
    >>> people, rejected = read_people("data/people.csv", Centre.load("data/centre.toml"))
    >>> len(people) > 100, len(rejected)
    (True, 0)
    """
    return PEOPLE.read(
        path,
        "people",
        lambda row: _reason(row, centre) or _away(row, centre, horizon),
        lambda people: _filled(people, centre),
    )


def _filled(people: pd.DataFrame, centre: Centre) -> pd.DataFrame:
    """Fill in the optional columns of a list of people, which needs agent_id, site and team."""
    if "team" not in people:
        return people
    law = {name: centre.at(team.site).labour for name, team in centre.teams.items()}
    by_team = {
        "grade": {name: team.grade for name, team in centre.teams.items()},
        "contract_h_week": {name: f"{labour.week_h.value:g}" for name, labour in law.items()},
        "night_ok": {name: "no" if labour.night_consent.value else "yes" for name, labour in law.items()},
    }
    for name, values in by_team.items():
        given = people[name] if name in people else pd.Series(None, index=people.index, dtype="str")
        people = people.assign(
            **{
                name: given.where(
                    given.notna(), people["team"].map(values).fillna(next(iter(values.values())))
                )
            }
        )
    return people.assign(grade=people["grade"].fillna("operator"))


def _reason(row: Any, centre: Centre) -> str:
    if row.team not in centre.teams:
        return f"team is {row.team!r}, must be one of {', '.join(centre.teams)}"
    home = centre.teams[row.team].site
    if row.site != home:
        return f"site is {row.site!r}, the team {row.team} sits at {home!r}: correct either"
    week = centre.at(home).labour.week_h
    if row.contract_h_week > week.value:
        return (
            f"contract_h_week is {row.contract_h_week:g}, must be at most the normal week's {week.value:g} "
            f"({week.article}): correct it"
        )
    for kind in ("leave", "study"):
        first, after = getattr(row, f"{kind}_from"), getattr(row, f"{kind}_until")
        if pd.isna(first) != pd.isna(after):
            return f"{kind} needs both ends: give {kind}_from and {kind}_until, or neither"
        if pd.notna(first) and after <= first:
            return f"{kind}_until is {after}, must lie after {kind}_from {first}"
    kinds = _kinds(centre)
    for name in ("prefers", "last_kind"):
        kind = getattr(row, name)
        if pd.notna(kind) and kind not in kinds:
            return f"{name} is {kind!r}, must be one of {', '.join(kinds)}"
    if pd.notna(row.rotation) and row.rotation not in centre.rotations:
        return f"rotation is {row.rotation!r}, must be one of {', '.join(centre.rotations) or 'none'}"
    return ""


def _kinds(centre: Centre) -> list[str]:
    return [*centre.labour.kinds, NIGHT]


def _away(row: Any, centre: Centre, horizon: Horizon | None) -> str:
    """Say which leave is outside a roster's days."""
    if horizon is None:
        return ""
    opens, closes = (on_clock(day, centre.time_zone) for day in (horizon.first, horizon.last + DAY))
    for kind in ("leave", "study"):
        first, after = getattr(row, f"{kind}_from"), getattr(row, f"{kind}_until")
        if pd.notna(first) and pd.notna(after) and not (first < closes and after > opens):
            return (
                f"{kind} from {first.tz_convert(centre.time_zone)} lies outside the roster, "
                f"{horizon.first:%Y-%m-%d} to {horizon.last:%Y-%m-%d}: correct it or leave it empty"
            )
    return ""


def synthetic_people(
    centre: Centre,
    hours_by_team: Mapping[str, float],
    *,
    start: pd.Timestamp,
    seed: int,
    heads_by_team: Mapping[str, int] | None = None,
) -> pd.DataFrame:
    """Generate as many people as the teams' weekly hours need.

    About a tenth is on leave at some time in the week; the others' contracts exceed the hours by some slack.

    Parameters
    ----------
    centre : Centre
    hours_by_team : mapping
        Paid hours of the week's shifts by team.
    start : Timestamp
        Midnight of the week's Monday, with its time zone.
    seed : int
    heads_by_team : mapping, optional
        Fewest people of a team who are not on leave: `fewest_people` of its shifts.

    Returns
    -------
    DataFrame
        Columns of `planning.tables.PEOPLE`.

    Raises
    ------
    PlanningError
        A team is unknown, or hours are negative or no number.

    Examples
    --------
    >>> centre = Centre.load("data/centre.toml")
    >>> monday = pd.Timestamp("2026-11-23", tz="Europe/Moscow")
    >>> people = synthetic_people(centre, {"vip_moscow": 200.0}, start=monday, seed=1)
    >>> bool(people["contract_h_week"].sum() >= 212), set(people["site"])
    (True, {'moscow'})
    """
    for team, hours in hours_by_team.items():
        if team not in centre.teams:
            raise PlanningError(f"hours_by_team names {team!r}, must be one of {', '.join(centre.teams)}")
        if not (math.isfinite(hours) and hours >= 0):
            raise PlanningError(f"hours_by_team[{team!r}] is {hours}, must be hours >= 0")
    heads = heads_by_team or {}
    streams = dict(zip(centre.teams, np.random.SeedSequence(seed).spawn(len(centre.teams)), strict=True))
    teams = [
        _synthetic_team(centre, team, hours, heads.get(team, 0), start, np.random.default_rng(streams[team]))
        for team, hours in hours_by_team.items()
    ]
    columns = list(PEOPLE.columns)
    if not any(len(team) for team in teams):
        return pd.DataFrame(columns=columns)
    texts = dict.fromkeys(("blocked", "wished_off", "prefers", "rotation", "skills", "last_kind"), "str")
    people = pd.concat(teams, ignore_index=True).reindex(columns=columns).astype(texts)
    kinds = people[["prefers", "last_kind"]]  # a centre may name other kinds
    return people.assign(**kinds.where(kinds.isin(_kinds(centre))))


def fewest_people(centre: Centre, shifts: pd.DataFrame) -> dict[str, int]:
    """Count by team the people that its fullest weekend day needs, if each is to have some weekends off.

    Parameters
    ----------
    centre : Centre
    shifts : DataFrame
        Columns of `planning.tables.SHIFTS`, a week.

    Examples
    --------
    Three of four weekends may be worked, so six heads on a Saturday need eight people:

    >>> saturday = pd.Timestamp("2026-11-28 09:00", tz="Europe/Moscow")
    >>> shifts = pd.DataFrame({"team": ["vip_kaluga"], "start": [saturday], "headcount": [6]})
    >>> fewest_people(Centre.load("data/centre.toml"), shifts)
    {'vip_kaluga': 8}
    """
    found = {}
    for team, own in shifts.groupby("team"):
        site, days = centre.teams[str(team)].site, own["start"].dt.day_of_week
        heads = own["headcount"].where(days.isin(centre.weekend(site)), 0).groupby(days).sum().max()
        found[str(team)] = math.ceil(heads * 4 / max(4 - centre.at(site).labour.free_weekends.value, 1))
    return found


def people_to_employ(
    centre: Centre,
    shifts: pd.DataFrame | None = None,
    heads: Mapping[str, int] | None = None,
    *,
    beside: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Name the full-time people to employ: for a plan without a list of people, or beside one.

    Where the cover did not find their number together with the shifts, a team needs as many as work at most
    five days of seven and the normal week less some slack, and have some weekends off. Leave is not included:
    cover for people on leave comes on top.

    Parameters
    ----------
    centre : Centre
    shifts : DataFrame, optional
        Columns of `planning.tables.SHIFTS`, of the teams whose number of people is not known.
    heads : mapping, optional
        People by team, for the teams whose number is known: `CoverPlan.hired`.
    beside : DataFrame, optional
        PEOPLE who are there; nobody new takes their agent_id.

    Returns
    -------
    DataFrame
        Columns of `planning.tables.PEOPLE`.

    Examples
    --------
    Seven days of two heads are fourteen shifts. Three people could just work them; with hours to spare
    it takes four:

    >>> days = pd.date_range("2026-11-23 09:00", periods=7, tz="Europe/Moscow")
    >>> shifts = pd.DataFrame({"team": "vip_kaluga", "start": days, "paid_h": 8.0, "headcount": 2})
    >>> len(people_to_employ(Centre.load("data/centre.toml"), shifts))
    4
    """
    counts = dict(heads or {})
    if shifts is not None:
        counts |= _for_shifts(centre, shifts[~shifts["team"].isin(counts)])
    taken = set() if beside is None else set(beside["agent_id"])
    rows = [
        (name, centre.teams[team].site, team, centre.teams[team].grade)
        for team, count in counts.items()
        for name in itertools.islice(_free_names(team, taken), count)
    ]
    week_h = {name: centre.at(team.site).labour.week_h.value for name, team in centre.teams.items()}
    people = pd.DataFrame(rows, columns=["agent_id", "site", "team", "grade"])
    people = people.assign(contract_h_week=people["team"].map(week_h).astype("float64"), night_ok=True)
    return people.reindex(columns=list(PEOPLE.columns))


def _free_names(team: str, taken: Container[str]) -> Iterator[str]:
    names = (f"{team}_{number:03d}" for number in itertools.count(1))
    return (name for name in names if name not in taken)


def _for_shifts(centre: Centre, shifts: pd.DataFrame) -> dict[str, int]:
    """Full-time people that shifts need, by team."""
    if shifts.empty:
        return {}
    local = local_day(pd.DatetimeIndex(shifts["start"]))
    weeks = max(((local.max() - local.min()).days + 1) / 7, 1 / WORKED_DAYS)
    weekends, counts = fewest_people(centre, shifts), {}
    for team, own in shifts.assign(day=local).groupby("team", sort=False):
        heads, week_h = own["headcount"], centre.at(centre.teams[str(team)].site).labour.week_h.value
        need = (
            (own["paid_h"] * heads).sum() * (1 + SLACK) / (week_h * weeks),
            heads.sum() / (WORKED_DAYS * weeks),
            heads.groupby(own["day"]).sum().max(),
            weekends.get(str(team), 0),
        )
        counts[str(team)] = math.ceil(round(max(need), 9))
    return counts


def _synthetic_team(
    centre: Centre, team: str, hours: float, heads: int, start: pd.Timestamp, rng: np.random.Generator
) -> pd.DataFrame:
    """Hire until those not on leave have enough hours and slack, and are at least the given number."""
    site = centre.sites[centre.teams[team].site]
    labour = centre.at(centre.teams[team].site).labour
    contracts_h = [part * labour.week_h.value for part in CONTRACTS]
    most = max(math.ceil(hours * (1 + SLACK) / min(contracts_h) * 2) + 1, 2 * heads)
    people = pd.DataFrame(
        {
            "agent_id": [f"{team}_{number:03d}" for number in range(1, most + 1)],
            "site": centre.teams[team].site,
            "team": team,
            "grade": centre.teams[team].grade,
            "contract_h_week": rng.choice(contracts_h, most, p=CONTRACT_SHARES),
            "night_ok": rng.random(most)
            < (NIGHT_SHARE_ROUND_THE_CLOCK if site.always else NIGHT_SHARE_OTHERWISE),
        }
    )
    leave_days = int(labour.leave_part_days.value)
    # A leave that touches the week starts at most its own length before it.
    first = start + pd.to_timedelta(rng.integers(-leave_days + 1, 7, most), unit="D")
    away = rng.random(most) < SHARE_ON_LEAVE
    people["leave_from"] = pd.Series(first).where(away)
    people["leave_until"] = pd.Series(first + leave_days * DAY).where(away)
    present = pd.Series(~away, index=people.index)
    hired_h = people["contract_h_week"].where(present, 0.0).cumsum().shift(fill_value=0.0)
    hired = present.cumsum().shift(fill_value=0)
    return people[(hired_h < hours * (1 + SLACK)) | (hired < heads)].pipe(_with_lives, start, rng)


def _with_lives(people: pd.DataFrame, start: pd.Timestamp, rng: np.random.Generator) -> pd.DataFrame:
    """Add people's wishes and their carry-over from before the horizon."""
    count, days = len(people), [f"{start + day * DAY:%Y-%m-%d}" for day in range(28)]
    studies = rng.random(count) < SHARE_STUDYING
    first = start + pd.to_timedelta(rng.integers(0, 21, count), unit="D")
    people = people.assign(
        study_from=pd.Series(first, index=people.index).where(studies),
        study_until=pd.Series(first + 5 * DAY, index=people.index).where(studies),
        blocked=_some(rng.choice(days, count), rng, SHARE_BLOCKED),
        wished_off=_some(rng.choice(days, count), rng, SHARE_WISHING),
        prefers=_some(rng.choice(["early", "late"], count), rng, SHARE_PREFERRING),
        skills=None,
    )
    kinds = np.where(
        people["night_ok"] & _part(count, SHARE_NIGHTS, rng), "night", rng.choice(list(_LAST_H), count)
    )
    working = _part(count, SHARE_AT_WORK, rng) & people["leave_from"].isna()
    hours = np.where(working, pd.Series(kinds, index=people.index).map(_LAST_H | {"night": 7.0}), -28.0)
    run = np.where(working, rng.integers(1, 5, count), 0)
    ends, away = pd.Series(start + pd.to_timedelta(hours, unit="h"), index=people.index), people["leave_from"]
    return people.assign(
        last_end=ends.where(away.isna() | (ends <= away), away - 4 * HOUR),
        last_kind=pd.Series(kinds, index=people.index).where(working),
        days_in_row=run,
        nights_in_row=np.where(kinds == "night", np.minimum(run, rng.integers(1, 3, count)), 0),
        balance_h=rng.choice([-2.0, 0.0, 0.0, 0.0, 2.0], count),
        overtime_h=rng.choice([0.0, 0.0, 4.0, 8.0, 16.0], count),
        nights_before=np.where(people["night_ok"], rng.poisson(4, count), 0),
        weekends_before=np.where(_part(count, SHARE_WEEKENDS, rng), 3, rng.integers(1, 3, count)),
    )


_LAST_H = {"early": -8.0, "middle": -4.0, "late": -2.0}
"""End of each kind of shift on the day before the horizon, hours from midnight."""


def _part(count: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Mark a fixed share of the people, drawn by lot; a fixed number keeps small teams workable."""
    return rng.permutation(count) < round(share * count)


def _some(values: np.ndarray, rng: np.random.Generator, share: float) -> list[object]:
    """Keep a share of the values."""
    return [
        value if kept else None for value, kept in zip(values, rng.random(len(values)) < share, strict=True)
    ]
