"""Whom to hire, train and promote, month by month, so that every team stays at its requirement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from ortools.math_opt.python import mathopt

from planning.calendars import local_day
from planning.checks import whole
from planning.errors import PlanningError
from planning.systems.careers import needs_of, newcomers, presence_h

if TYPE_CHECKING:
    from planning.centre import Centre
    from planning.centre.systems import Careers

# People are whole and needs are not, so the bound is seldom reached: without a gap the search would not end.
_GAP = 2e-3
_NODES = 100
# A grade is short in a month if more than this share of its need is missing.
_SLACK = 0.02
_MONTH_WEEKS = 365 / 7 / 12


def grade_needs(centre: Centre, careers: Careers, requirement: pd.DataFrame) -> pd.DataFrame:
    """People of each grade that a requirement of whole weeks needs, and what they earn.

    Parameters
    ----------
    centre : Centre
    careers : Careers
    requirement : DataFrame
        REQUIREMENT of whole weeks.

    Returns
    -------
    DataFrame
        Index grade, in the order of the careers: heads (full colleagues) and wage (per month, with
        contributions; the mean over the teams, weighted by hours).

    Raises
    ------
    PlanningError
        The requirement does not span whole weeks, or a team has a grade that is missing from the careers.
    """
    days = local_day(pd.DatetimeIndex(requirement["interval_start"])).nunique()
    if days % 7:
        raise PlanningError(f"the requirement spans {days} days, must span whole weeks: give 7, 14, ... days")
    hours = requirement.groupby(["queue", "site"])["rostered"].sum() * centre.interval_s / 3600
    by_team = hours.groupby([centre.team_for(*key) for key in hours.index], sort=False).sum()
    per_head = presence_h(centre, careers) / (careers.paid_per_hour * _MONTH_WEEKS / (days / 7))
    return needs_of(centre, careers, by_team / per_head)


@dataclass(frozen=True)
class CareerPlan:
    """Whom to hire and promote, and the headcounts if people leave as expected.

    Attributes
    ----------
    flows : DataFrame
        Index month (from 0), a column per grade: people hired, or promoted into it, at its start.
    stocks : DataFrame
        month, grade, heads, working (in full colleagues), need, short, cost.
    cost, bound : float
        Cost of all months of the model, including the run-out, and a bound that no plan can undercut.
    """

    flows: pd.DataFrame
    stocks: pd.DataFrame
    cost: float
    bound: float


def plan_careers(careers: Careers, needs: pd.DataFrame, start: Mapping[str, float]) -> CareerPlan:
    """Find the cheapest hiring and promotion that keeps every grade at its need, if people leave as expected.

    A mixed-integer program: hires and promotions are whole numbers, headcounts are expected values. A class
    loses `beginners_leave` month by month and then joins the experienced people of its grade, the only ones
    who are promoted (Bartholomew, 1967, on manpower planning; Gans and Zhou, 2002, on call centres).

    Parameters
    ----------
    careers : Careers
    needs : DataFrame
        As `grade_needs` gives it, at month 0.
    start : mapping
        Experienced people of each grade before month 0.

    Returns
    -------
    CareerPlan

    Raises
    ------
    PlanningError
        `start` lacks a grade.

    Examples
    --------
    >>> from planning import Centre
    >>> short = {"months": 6, "run_out_months": 0}
    >>> from planning.centre.systems import Careers
    >>> careers = Careers.of(Centre.load().systems.careers.model_dump() | short)
    >>> needs = pd.DataFrame({"heads": 20.0, "wage": 100_000.0}, index=list(careers.grades))
    >>> found = plan_careers(careers, needs, dict.fromkeys(careers.grades, 22))
    >>> bool(found.stocks["short"].max() < 1)
    True
    """
    missing = [name for name in careers.grades if name not in start]
    if missing:
        raise PlanningError(f"start lacks the grade {missing[0]!r}: say how many people it has")
    ladder = _Ladder(careers, needs, start)
    ladder.build()
    limits = mathopt.SolveParameters(relative_gap_tolerance=_GAP, node_limit=_NODES, random_seed=1)
    result = mathopt.solve(ladder.model, mathopt.SolverType.HIGHS, params=limits)
    months = careers.months + careers.run_out_months
    flows = pd.DataFrame(
        {g: [round(result.variable_values(v)) for v in row] for g, row in ladder.moves.items()},
        index=pd.RangeIndex(months, name="month"),
    )
    stocks = project(careers, needs, start, flows)
    return CareerPlan(
        flows.iloc[: careers.months],
        stocks[stocks["month"] < careers.months].reset_index(drop=True),
        result.objective_value(),
        result.termination.objective_bounds.dual_bound,
    )


class _Ladder:
    """The program of `plan_careers`: moves, headcounts and shortages of each grade and month."""

    def __init__(self, careers: Careers, needs: pd.DataFrame, start: Mapping[str, float]) -> None:
        self.careers, self.start = careers, start
        # A search that ends at its gap follows the last digits, and these differ between processors.
        self.needs = needs.round(6)
        self.months = range(careers.months + careers.run_out_months)
        self.model = mathopt.Model()
        most = {careers.entry: float(careers.class_seats)}
        self.moves: dict[str, list[Any]] = {
            grade: [self._move(grade, month, most.get(grade, np.inf)) for month in self.months]
            for grade in careers.grades
        }

    def _move(self, grade: str, month: int, most: float) -> Any:
        return self.model.add_integer_variable(lb=0.0, ub=most, name=f"{grade}_{month}")

    def build(self) -> None:
        """Write the balance of every grade, its need and the cost."""
        cost: Any = 0.0
        for grade in self.careers.grades:
            stock = self._stock(grade)
            for month in self.months:
                cost += self._keep_at_need(grade, month, stock[month])
        self.model.minimize(cost)

    def _stock(self, grade: str) -> list[Any]:
        """Experienced people in each month, after the promotions at its start."""
        careers, stays = self.careers, 1 - self.careers.grades[grade].leaves_month
        stock: list[Any] = []
        for month in self.months:
            before = stays * stock[-1] if stock else float(self.start[grade])
            into = self._joining(grade, month)
            out = sum(
                self.moves[above][month] for above, g in careers.grades.items() if g.promoted_from == grade
            )
            heads = self.model.add_variable(lb=0.0, name=f"stock_{grade}_{month}")
            self.model.add_linear_constraint(heads == before + into - out)
            stock.append(heads)
        return stock

    def _joining(self, grade: str, month: int) -> Any:
        """People who become experienced: those promoted, or a class at the end of its first months."""
        if grade != self.careers.entry:
            return self.moves[grade][month]
        first = len(self.careers.beginners_leave)
        return self.careers.staying[first] * self.moves[grade][month - first] if month >= first else 0.0

    def _keep_at_need(self, grade: str, month: int, experienced: Any) -> Any:
        """Keep the work of a grade at its need, or pay for the shortage; return the month's cost."""
        careers = self.careers
        moved = self.moves[grade]
        beginners = newcomers(careers, grade)
        heads, working = experienced, experienced
        for age, (present, work) in enumerate(zip(*beginners, strict=True)):
            if age <= month:
                heads = heads + present * moved[month - age]
                working = working + work * moved[month - age]
        short = self.model.add_variable(lb=0.0, name=f"short_{grade}_{month}")
        need = self.needs.loc[grade, "heads"] * (1 + careers.growth_month) ** month
        self.model.add_linear_constraint(working + short >= need)
        price = careers.hire_cost if grade == careers.entry else careers.promote_cost
        wage = self.needs.loc[grade, "wage"]
        return wage * heads + price * moved[month] + careers.short_cost_month * short


def project(
    careers: Careers, needs: pd.DataFrame, start: Mapping[str, float], flows: pd.DataFrame
) -> pd.DataFrame:
    """Expected headcount of every grade with given hires and promotions, month by month.

    Parameters
    ----------
    careers, needs, start
        As for `plan_careers`.
    flows : DataFrame
        Index month, a column per grade.

    Returns
    -------
    DataFrame
        month, grade, heads, working (in full colleagues), need, short, cost.
    """
    years = np.ones((len(flows) // 12 + 1, 1))
    lives = _follow(careers, start, flows, years, lambda heads, rate: heads * rate)
    return _described(careers, needs, lives)


def simulate_careers(
    careers: Careers,
    needs: pd.DataFrame,
    start: Mapping[str, float],
    flows: pd.DataFrame,
    *,
    replications: int = 1000,
    seed: int = 1,
) -> pd.DataFrame:
    """Simulate a plan many times: people leave one by one, more of them in a bad year.

    Every year has a factor on the rates of leaving, from a Gamma law with mean 1 and coefficient of variation
    `leave_cv`; given the rate, people leave independently. Only experienced people are promoted.

    Parameters
    ----------
    careers, needs, start, flows
        As for `project`.
    replications, seed : int

    Returns
    -------
    DataFrame
        The columns of `project`, as means over the replications, with p_short (the chance that more than 2 %
        of the need is missing) and with low and high (5 % and 95 % quantiles of working).

    Raises
    ------
    PlanningError
        `replications` is below 1.
    """
    whole("replications", replications, 1)
    rng = np.random.default_rng(seed)
    shape = (len(flows) // 12 + 1, replications)
    cv = careers.leave_cv
    years = rng.gamma(cv**-2, cv**2, shape) if cv > 0 else np.ones(shape)
    lives = _follow(careers, start, flows, years, lambda heads, rate: rng.binomial(heads.astype(int), rate))
    table = _described(careers, needs, lives)
    working = np.stack([life.working for life in lives])
    need = table["need"].to_numpy()[:, None]
    table["low"], table["high"] = np.quantile(working, [0.05, 0.95], axis=-1)
    return table.assign(p_short=(working < (1 - _SLACK) * need).mean(axis=-1))


@dataclass(frozen=True)
class _Life:
    """One grade in one month, with an element for each replication."""

    month: int
    grade: str
    moved: NDArray[np.float64]
    heads: NDArray[np.float64]
    working: NDArray[np.float64]


def _follow(
    careers: Careers,
    start: Mapping[str, float],
    flows: pd.DataFrame,
    years: NDArray[np.float64],
    leave: Callable[[Any, Any], Any],
) -> list[_Life]:
    """Move people month by month; `years` holds factors on leaving, shape (years, replications)."""
    replications = years.shape[1]
    experienced = {grade: np.full(replications, float(start[grade])) for grade in careers.grades}
    classes = np.zeros((len(careers.beginners_leave), replications))  # a row per month since hiring
    moved: dict[str, list[NDArray[np.float64]]] = {grade: [] for grade in careers.grades}
    lives = []
    for month, row in enumerate(flows.to_dict("records")):
        for grade, settings in careers.grades.items():
            if settings.promoted_from is None:
                moved[grade].append(np.full(replications, float(row[grade])))
                continue
            rising = np.minimum(row[grade], np.floor(experienced[settings.promoted_from] + 1e-6))
            experienced[settings.promoted_from] = experienced[settings.promoted_from] - rising
            experienced[grade] = experienced[grade] + rising
            moved[grade].append(rising)
        classes[0] = moved[careers.entry][-1]
        lives += [_life(careers, month, grade, experienced[grade], classes, moved[grade])
                  for grade in careers.grades]  # fmt: skip
        factor = years[month // 12]
        for grade, settings in careers.grades.items():
            rate = np.minimum(1.0, settings.leaves_month * factor)
            experienced[grade] = experienced[grade] - leave(experienced[grade], rate)
        rates = np.minimum(1.0, np.array(careers.beginners_leave)[:, None] * factor)
        stay = classes - leave(classes, rates)
        experienced[careers.entry] = experienced[careers.entry] + stay[-1]
        classes = np.concatenate([np.zeros((1, replications)), stay[:-1]])
    return lives


def _life(
    careers: Careers,
    month: int,
    grade: str,
    experienced: NDArray[np.float64],
    classes: NDArray[np.float64],
    moved: list[NDArray[np.float64]],
) -> _Life:
    """Heads of a grade, and their work in full colleagues while some are still learning."""
    if grade == careers.entry:
        training = careers.grades[grade].training
        pace = np.array([*training, *[1.0] * (len(classes) - len(training))])
        return _Life(month, grade, moved[-1], experienced + classes.sum(axis=0), experienced + pace @ classes)
    _, work = newcomers(careers, grade)
    learning = sum(part * promoted for part, promoted in zip(work, moved[::-1], strict=False))
    return _Life(month, grade, moved[-1], experienced, experienced + learning)


def _described(careers: Careers, needs: pd.DataFrame, lives: list[_Life]) -> pd.DataFrame:
    """Mean heads, work, shortage and cost by month and grade."""
    table = pd.DataFrame({"month": [life.month for life in lives], "grade": [life.grade for life in lives]})
    grade = needs.loc[table["grade"]]
    need = grade["heads"].to_numpy() * (1 + careers.growth_month) ** table["month"].to_numpy()
    working = np.stack([life.working for life in lives])
    table["heads"] = np.stack([life.heads for life in lives]).mean(axis=1)
    table["working"], table["need"] = working.mean(axis=1), need
    table["short"] = np.maximum(need[:, None] - working, 0).mean(axis=1)
    price = table["grade"].map(lambda g: careers.hire_cost if g == careers.entry else careers.promote_cost)
    moves = price * np.stack([life.moved for life in lives]).mean(axis=1)
    wages = grade["wage"].to_numpy() * table["heads"]
    return table.assign(cost=wages + moves + careers.short_cost_month * table["short"])


def price_of_leaving(
    careers: Careers, needs: pd.DataFrame, start: Mapping[str, float], factors: Iterable[float]
) -> pd.DataFrame:
    """Plan again with other rates of leaving, to see what it is worth if fewer people leave.

    Returns
    -------
    DataFrame
        A row for each factor: factor, leave_year (share of experienced operators who leave in a year), hires
        and cost (over the months of the plan).
    """
    rows = []
    for factor in factors:
        changed = careers.leaving(factor)
        found = plan_careers(changed, needs, start)
        leave_year = 1 - (1 - changed.grades[careers.entry].leaves_month) ** 12
        rows.append((factor, leave_year, found.flows[careers.entry].sum(), found.stocks["cost"].sum()))
    return pd.DataFrame(rows, columns=["factor", "leave_year", "hires", "cost"])


def hedges(
    careers: Careers,
    needs: pd.DataFrame,
    start: Mapping[str, float],
    factors: Iterable[float],
    *,
    replications: int = 1000,
    seed: int = 1,
) -> pd.DataFrame:
    """Hire as if more people left than expected, then simulate what happens.

    Returns
    -------
    DataFrame
        A row for each factor used to make the plan: factor, hires, wages_cost (everything except the price of
        shortages), missing (heads on average), p_short (share of months and grades that are short).
    """
    rows = []
    for factor in factors:
        flows = plan_careers(careers.leaving(factor), needs, start).flows
        lived = simulate_careers(careers, needs, start, flows, replications=replications, seed=seed)
        missing = lived["short"].sum()
        wages = lived["cost"].sum() - careers.short_cost_month * missing
        p_short = lived["p_short"].mean()
        rows.append((factor, flows[careers.entry].sum(), wages, missing / careers.months, p_short))
    return pd.DataFrame(rows, columns=["factor", "hires", "wages_cost", "missing", "p_short"])
