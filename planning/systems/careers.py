"""Careers in a plan: how many people must be hired to keep every team staffed, and at what cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planning.errors import PlanningError
from planning.tables import CAREERS_COSTS

if TYPE_CHECKING:
    from planning.centre import Centre
    from planning.centre.systems import Careers

_LEAVE_DAYS_YEAR = 365


def presence_h(centre: Centre, careers: Careers) -> float:
    """Paid hours that a full colleague works in a month, net of annual leave."""
    return centre.pay.norm_h_month * (1 - careers.leave_days / _LEAVE_DAYS_YEAR)


def needs_of(centre: Centre, careers: Careers, heads_by_team: pd.Series) -> pd.DataFrame:
    """Heads and wage of each grade, from the heads of each team (as `turnover` takes them)."""
    grades = [centre.teams[str(team)].grade for team in heads_by_team.index]
    unknown = sorted(set(grades) - set(careers.grades))
    if unknown:
        raise PlanningError(f"the centre has the grade {unknown[0]!r}, which its careers lack: add it there")
    heads = heads_by_team.groupby(grades).sum()
    costs = {
        name: team.wage_month * (1 + centre.at(team.site).pay.contributions)
        for name, team in centre.teams.items()
    }
    wages = pd.Series([costs[str(team)] for team in heads_by_team.index])
    # The mean over the teams, weighted by heads; if there is no work, all teams count the same.
    weight = np.maximum(heads_by_team.to_numpy(), 1e-12)
    pay = (wages * weight).groupby(grades).sum() / pd.Series(weight).groupby(grades).sum()
    table = {}
    for name, grade in careers.grades.items():
        need = heads.sum() / grade.span if grade.span else heads.get(name, 0.0)
        others = [costs[team] for team, settings in centre.teams.items() if settings.grade == name]
        own = grade.wage_month and grade.wage_month * (1 + centre.pay.contributions)
        wage = own or pay.get(name, max(others, default=None))
        if wage is None:
            raise PlanningError(f"grades.{name}.wage_month is missing: no team of the centre has this grade")
        table[name] = {"heads": need, "wage": wage}
    return pd.DataFrame.from_dict(table, orient="index").rename_axis("grade")


def turnover(careers: Careers, needs: pd.DataFrame) -> pd.DataFrame:
    r"""Hires and promotions per month that keep every grade at its need in the long run.

    People who leave or are promoted are replaced from the grade below, down to the grade for new hires. Let w
    be the need, l the rate of leaving, out the promotions out of the grade, and T the work that a newcomer
    lacks while learning. A grade filled by promotion takes :math:`f = (l w + \text{out}) / (1 - l T)` people
    per month. The grade for new hires takes :math:`h = (l w + \text{out}) / (s + l P)`, where s is the share
    of a class that stays to its end and P the work of a class until then.

    Parameters
    ----------
    careers : Careers
    needs : DataFrame
        Index grade: heads and wage, as `needs_of` gives them.

    Returns
    -------
    DataFrame
        Index grade, all figures per month: moves (people hired, or promoted into it), heads, moves_cost
        (hiring and teaching), learning_cost (wages of the heads beyond the need, while newcomers learn).

    Examples
    --------
    >>> from planning import Centre
    >>> careers = Centre.load().systems.careers
    >>> needs = pd.DataFrame({"heads": 0.0, "wage": 100_000.0}, index=list(careers.grades))
    >>> needs.loc["operator", "heads"] = 100.0
    >>> turnover(careers, needs)["moves"].round(2).head(2).to_dict()
    {'operator': 1.2, 'senior': 0.0}
    """
    moves: dict[str, float] = {}
    heads: dict[str, float] = {}
    for name in reversed(careers.grades):
        grade, need = careers.grades[name], float(needs.loc[name, "heads"])
        out = sum(moves[above] for above in moves if careers.grades[above].promoted_from == name)
        present, work = newcomers(careers, name)
        gone = grade.leaves_month * need + out
        if name == careers.entry:
            moves[name] = gone / (careers.staying[-1] + grade.leaves_month * work.sum())
            heads[name] = need + moves[name] * (present - work).sum()
        else:
            moves[name] = gone / (1 + grade.leaves_month * work.sum())
            heads[name] = need - moves[name] * work.sum()
    table = pd.DataFrame({"moves": moves, "heads": heads}).loc[list(careers.grades)].rename_axis("grade")
    price = [careers.hire_cost if name == careers.entry else careers.promote_cost for name in careers.grades]
    learning = (table["heads"] - needs["heads"]) * needs["wage"]
    return table.assign(moves_cost=table["moves"] * price, learning_cost=learning)


def cost_of_careers(centre: Centre, careers: Careers, paid_h: pd.Series) -> pd.DataFrame:
    """What each team's hours cost beyond their pay: replacing those who leave, and leading the team.

    Parameters
    ----------
    centre : Centre
    careers : Careers
    paid_h : Series
        Index team: paid hours over any length of time.

    Returns
    -------
    DataFrame
        Index team: turnover_cost (hiring, teaching and learners' wages by `turnover`) and leaders_cost (wages
        and turnover of the grades with a span). Both are 0 for a duty team, for which the model has no
        career.
    """
    table = pd.DataFrame(0.0, index=paid_h.index, columns=CAREERS_COSTS)
    heads, needs, moves = _replaced(centre, careers, paid_h)
    if heads.empty:
        return table
    extra = moves["moves_cost"] + moves["learning_cost"]
    each = extra / needs["heads"].where(needs["heads"] > 0, 1.0)
    leads = [name for name, grade in careers.grades.items() if grade.span]
    leaders = (needs["heads"] * needs["wage"] + extra)[leads].sum() / heads.sum()
    grades = [centre.teams[str(team)].grade for team in heads.index]
    table.loc[heads.index, "turnover_cost"] = heads * each.loc[grades].to_numpy()
    table.loc[heads.index, "leaders_cost"] = heads * leaders
    return table


def price_of_a_move(centre: Centre, careers: Careers, team: str) -> tuple[float, float]:
    """What it costs once to staff a team with a person more, and to dismiss one.

    Whoever is promoted into the team is replaced from the grade below, down to a new hire. Each is taught,
    and paid while learning. Nobody is moved from another team.

    Examples
    --------
    An operator in Kaluga learns for 1.55 months; three months' pay are owed to one who is dismissed:

    >>> from planning import Centre
    >>> centre = Centre.load()
    >>> [round(cost) for cost in price_of_a_move(centre, centre.systems.careers, "first_line_kaluga")]
    [177878, 228150]
    """
    settings = centre.teams[team]
    pay = settings.wage_month * (1 + centre.at(settings.site).pay.contributions)
    taught = 0.0
    grade: str | None = settings.grade
    while grade is not None:
        step = careers.grades[grade]
        taught += careers.hire_cost if grade == careers.entry else careers.promote_cost
        taught += pay * sum(1 - share for share in step.training)
        grade = step.promoted_from
    return taught, careers.redundancy_months * pay


def hires_for(centre: Centre, careers: Careers, paid_h: pd.Series) -> float:
    """People to hire so that teams with these paid hours (index team) keep their size."""
    heads, _, moves = _replaced(centre, careers, paid_h)
    return 0.0 if heads.empty else float(moves.loc[careers.entry, "moves"])


def _replaced(
    centre: Centre, careers: Careers, paid_h: pd.Series
) -> tuple[pd.Series, pd.DataFrame, pd.DataFrame]:
    """Months of work of one head in each team with a career, with the needs and turnover of those heads."""
    careered = [bool(centre.teams[str(team)].queues) and hours > 0 for team, hours in paid_h.items()]
    heads = paid_h[careered] / presence_h(centre, careers)
    if heads.empty:
        return heads, pd.DataFrame(), pd.DataFrame()
    needs = needs_of(centre, careers, heads)
    return heads, needs, turnover(careers, needs)


def newcomers(careers: Careers, grade: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Heads and work that a person hired or promoted k months ago adds to the experienced.

    During the beginners' months, new hires do not count among the experienced. Newly promoted people do, so
    only the work that they still have to learn is subtracted.
    """
    training = np.array(careers.grades[grade].training)
    if grade == careers.entry:
        staying = careers.staying[:-1]
        work = np.ones(len(staying))
        work[: len(training)] = training
        return staying, staying * work
    stays = (1 - careers.grades[grade].leaves_month) ** np.arange(len(training))
    return np.zeros(len(training)), -stays * (1 - training)
