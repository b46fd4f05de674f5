"""The judge of a roster, which knows no solver: every breach of every rule, by person and date."""

from __future__ import annotations

import pandas as pd

from planning.centre import Centre
from planning.roster.rules import no_breaches, rules_of
from planning.tables import PEOPLE, ROSTER, Table

__all__ = ["audit", "with_people"]

# Without the key: two shifts of one person at one time are a breach to report, not a table to refuse.
_ANY_ROSTER = Table("roster", ROSTER.columns)


def audit(centre: Centre, roster: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """List every breach of a centre's labour rules in a roster, from whatever hand or solver.

    Parameters
    ----------
    centre : Centre
        Holds the rules' figures and their articles.
    roster : DataFrame
        Columns of `planning.tables.ROSTER`, a row an assignment; any order, overlaps and doubles included.
    people : DataFrame
        Columns of `planning.tables.PEOPLE`.

    Returns
    -------
    DataFrame
        A row a breach: rule, article, agent_id, date (the local day, or the first of the run or week),
        amount and bound (hours or days, as the rule counts), text. Empty if the roster is lawful.

    Raises
    ------
    PlanningError
        A column is missing, or a value is of the wrong type, so that nothing can be judged.

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
    assigned = with_people(roster, people, centre.time_zone)
    found = [rule.audit(assigned) for rule in rules_of(centre)]
    found = [breaches for breaches in found if len(breaches)]
    if not found:
        return no_breaches()
    return pd.concat(found).sort_values(["agent_id", "date", "rule"], kind="stable", ignore_index=True)


def with_people(roster: pd.DataFrame, people: pd.DataFrame, time_zone: str) -> pd.DataFrame:
    """Put each person's data beside their assignments, and all times on one clock.

    Returns
    -------
    DataFrame
        The columns of ROSTER, then person_site, person_team, contract_h_week, night_ok, leave_from,
        leave_until (missing for unknown people) and known.
    """
    assigned = _ANY_ROSTER.check(roster, "roster")
    who = PEOPLE.check(people, "people") if len(people) else pd.DataFrame(columns=list(PEOPLE.columns))
    who = who.rename(columns={"site": "person_site", "team": "person_team"}).drop(columns="grade")
    merged = assigned.merge(who, on="agent_id", how="left", indicator="known")
    merged["known"] = merged["known"] == "both"
    merged["contract_h_week"] = pd.to_numeric(merged["contract_h_week"])
    for name in ("start", "end", "leave_from", "leave_until"):
        merged[name] = pd.to_datetime(merged[name], utc=True).dt.tz_convert(time_zone)
    return merged
