"""The audit of a roster, without any solver: every breach of every rule, by person and date."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from planning.centre import Centre
from planning.errors import PlanningError
from planning.roster.inputs import Horizon, carry_over_at, norms_of
from planning.roster.law import rules_of
from planning.roster.rules import Case, no_breaches
from planning.tables import DAY_FIRST, PEOPLE, ROSTER, YEAR_FIRST, Table, read_csv

# Without the key: two shifts of one person at the same time are a breach to report, not a faulty table.
_ANY_ROSTER = Table("roster", ROSTER.columns)


def audit(
    centre: Centre,
    roster: pd.DataFrame,
    people: pd.DataFrame,
    *,
    horizon: Horizon | None = None,
    soft: bool = False,
    weights: Mapping[str, float | None] | None = None,
    rules: Container[str] | None = None,
) -> pd.DataFrame:
    """List every breach of a centre's labour rules in a roster, whoever or whatever made it.

    Parameters
    ----------
    centre : Centre
        Has the rules' figures and their articles.
    roster : DataFrame
        Columns of `planning.tables.ROSTER`, a row per assignment, in any order; overlaps and duplicates are
        allowed. Times have a zone; `read_roster` reads a roster typed into Excel.
    people : DataFrame
        Columns of `planning.tables.PEOPLE`.
    horizon : Horizon, optional
        Days that the roster is for; from the first to the last start by default.
    soft : bool
        List the breaches of the soft rules instead of those of the hard ones.
    weights : mapping, optional
        As for `planning.roster.law.rules_of`.
    rules : container of str, optional
        Names of the rules to look at; all by default.

    Returns
    -------
    DataFrame
        A row per breach: rule, article, agent_id, date (the local day, or the first of the run or week),
        amount and bound (hours or days, as the rule counts), text. Empty if the roster is lawful.

    Raises
    ------
    PlanningError
        A column is missing, or a value has the wrong type, so the roster cannot be checked.

    Examples
    --------
    >>> centre = Centre.load("data/centre.toml")
    >>> ann = {"agent_id": "ann", "site": "kaluga", "team": "vip_kaluga"}
    >>> people = pd.DataFrame([ann | {"grade": "manager", "contract_h_week": 40, "night_ok": False,
    ...                               "leave_from": None, "leave_until": None}])
    >>> night = {"shift_id": "n", "start": "2026-11-23T20:00+03:00", "end": "2026-11-24T07:00+03:00"}
    >>> audit(centre, pd.DataFrame([ann | night | {"paid_h": 10, "night_h": 8}]), people)["text"].tolist()
    ['n has 8 night hours without consent']
    """
    if roster.empty:
        return no_breaches()
    found = [
        breaches
        for case in cases_of(centre, roster, people, horizon)
        for rule in rules_of(centre.at(case.site), weights)
        if (rule.weight is not None) == soft and (rules is None or rule.name in rules)
        if len(breaches := rule.audit(case))
    ]
    if not found:
        return no_breaches()
    return pd.concat(found).sort_values(["agent_id", "date", "rule"], kind="stable", ignore_index=True)


def new_breaches(
    centre: Centre, before: pd.DataFrame, after: pd.DataFrame, people: pd.DataFrame, horizon: Horizon
) -> pd.DataFrame:
    """List the breaches, as `audit` does, that a change of a roster adds."""
    found = audit(centre, after, people, horizon=horizon)
    # Whoever breaks no rule now needs no look at what was before, nor does a rule that nobody breaks.
    own = before[before["agent_id"].isin(found["agent_id"])]
    return not_in(audit(centre, own, people, horizon=horizon, rules=set(found["rule"])), found)


def not_in(stood: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Breaches found by an audit that did not stand in another."""
    key = ["rule", "agent_id", "date", "text"]
    known = set(stood[key].itertuples(index=False, name=None))
    new = np.array([each not in known for each in found[key].itertuples(index=False, name=None)], dtype=bool)
    return found[new].reset_index(drop=True)


def cases_of(
    centre: Centre, roster: pd.DataFrame, people: pd.DataFrame, horizon: Horizon | None = None
) -> list[Case]:
    """Prepare a roster for the rules, site by site: people's data beside their assignments, on one clock."""
    assigned = with_people(roster, people, centre.time_zone)
    horizon = horizon or Horizon.of(pd.DatetimeIndex(assigned["start"]))
    assigned = carry_over_at(assigned, horizon, centre.time_zone)
    homes = assigned["person_site"].fillna(assigned["site"])
    return [_case(centre, str(site), own, horizon) for site, own in assigned.groupby(homes)]


def _case(centre: Centre, site: str, assigned: pd.DataFrame, horizon: Horizon) -> Case:
    return Case(site, assigned, horizon.at(centre, site), norms_of(centre, horizon, site))


_TIMES = ("leave_from", "leave_until", "study_from", "study_until", "last_end")


def with_people(roster: pd.DataFrame, people: pd.DataFrame, time_zone: str) -> pd.DataFrame:
    """Put each person's data beside their assignments, and all times on one clock.

    Returns
    -------
    DataFrame
        The columns of ROSTER (and skill, if there is one), then person_site, person_team and the other
        columns of PEOPLE (missing for unknown people), and known.
    """
    assigned = local_roster(roster, time_zone)
    who = local_people(people, time_zone)
    who = who.rename(columns={"site": "person_site", "team": "person_team"}).drop(columns="grade")
    merged = assigned.merge(who, on="agent_id", how="left", indicator="known")
    merged["known"] = merged["known"] == "both"
    return _local(merged, _TIMES, time_zone)


def local_roster(roster: pd.DataFrame, time_zone: str, source: str = "roster") -> pd.DataFrame:
    """Check a roster, which may be empty; put its times on one clock, and keep the skill if there is one."""
    none = {n: pd.Series(dtype="float64" if c.kind == "number" else "str") for n, c in ROSTER.columns.items()}
    assigned = _ANY_ROSTER.check(roster, source) if len(roster) else pd.DataFrame(none)
    if "skill" in roster:
        assigned["skill"] = roster["skill"].to_numpy()
    return _local(assigned, ("start", "end"), time_zone)


def local_people(people: pd.DataFrame, time_zone: str) -> pd.DataFrame:
    """Check people, of whom there may be none; put their times on one clock, and parse their numbers."""
    who = PEOPLE.check(people, "people") if len(people) else pd.DataFrame(columns=list(PEOPLE.columns))
    numbers = [name for name, column in PEOPLE.columns.items() if column.kind in ("number", "whole")]
    return _local(who.assign(**who[numbers].apply(pd.to_numeric)), _TIMES, time_zone)


def _local(frame: pd.DataFrame, names: Sequence[str], time_zone: str) -> pd.DataFrame:
    times = {name: pd.to_datetime(frame[name], utc=True).dt.tz_convert(time_zone) for name in names}
    return frame.assign(**times)


def read_roster(path: str | Path, centre: Centre, *, sheet: str | int = 0) -> pd.DataFrame:
    """Read a roster from a workbook or a CSV file, made by hand or by a plan.

    A row of totals, like the one below the roster in a plan's workbook, is skipped.

    Parameters
    ----------
    path : str or Path
        ``.xlsx`` or ``.csv`` with the columns of `planning.tables.ROSTER`. Times are Excel's own, ISO 8601,
        or day first (01.12.2026 09:00 is in December); without an offset they are on the centre's clock.
    centre : Centre
    sheet : str or int
        Sheet of a workbook.

    Returns
    -------
    DataFrame
        Columns of ROSTER, times on the centre's clock, for `audit`.

    Raises
    ------
    PlanningError
        The file cannot be read, lacks a column, or has a time that is not valid.
    """
    try:
        excel = Path(path).suffix.lower() in (".xlsx", ".xlsm")
        # Each cell as it is: pandas would turn the id 101 in a column of numbers into "101.0".
        raw = pd.read_excel(path, sheet_name=sheet, dtype="object") if excel else read_csv(path)
    except FileNotFoundError:
        raise PlanningError(f"roster file {path} does not exist: give the path of an .xlsx or .csv") from None
    except (OSError, ValueError) as error:
        raise PlanningError(f"roster file {path} cannot be read: {error}") from None
    if {"agent_id", "start"} <= set(raw.columns):
        raw = raw[(raw["agent_id"] != "total") | raw["start"].notna()]
    for name in [column for column in ("start", "end") if column in raw]:
        raw = raw.assign(**{name: _on_clock(raw[name], centre.time_zone)})
    return _local(_ANY_ROSTER.check(raw, str(path)), ("start", "end"), centre.time_zone)


_NO_OFFSET = r"\d{4}-\d\d?-\d\d?(?:[ T][\d:.]+)?"


def _on_clock(values: pd.Series, time_zone: str) -> pd.Series:
    """Put times without an offset (ISO 8601, day first, or a date cell) on a clock; leave others as they are.

    A time that the clock showed twice or never also stays, because it is ambiguous.
    """
    texts = values.astype("str").str.strip().str.replace(DAY_FIRST, YEAR_FIRST, regex=True)
    times = pd.to_datetime(texts.where(texts.str.fullmatch(_NO_OFFSET)), errors="coerce", format="ISO8601")
    local = times.dt.tz_localize(time_zone, ambiguous="NaT", nonexistent="NaT")
    return local.astype("object").where(local.notna(), values)
