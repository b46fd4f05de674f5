"""Careers: whom to hire, train and promote, month by month, so that every team stays at its requirement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from ortools.math_opt.python import mathopt
from pydantic import Field, model_validator

from planning.centre import NotNegative, Positive, Share
from planning.errors import PlanningError
from planning.settings import Settings

if TYPE_CHECKING:
    from planning.centre import Centre

__all__ = [
    "CareerPlan",
    "Careers",
    "Grade",
    "grade_needs",
    "hedges",
    "plan_careers",
    "price_of_leaving",
    "project",
    "simulate_careers",
]

# Whole people against fractions of a need: the bound is seldom reached, and a search for it does not end.
_GAP = 2e-3
_NODES = 100
_MONTH_WEEKS = 365 / 7 / 12
_LEAVE_DAYS_YEAR = 365


class Grade(Settings):
    """A step of the career."""

    promoted_from: str | None = None
    """Grade below, whose people rise to this one; None for the grade that is hired into."""
    leaves_month: Share
    """Share of the grade's people who leave the company in a month, once they are no beginners."""
    training: list[Share]
    """Work done in each of the first months in the grade, a share of a full colleague's."""
    span: Positive | None = None
    """People of all other grades to one of this; None where the need comes from the requirement."""
    wage_rub_month: Positive | None = None
    """Gross monthly wage; None for that of the centre's teams of this grade."""


class Careers(Settings):
    """How people come, rise and leave."""

    grades: Annotated[dict[str, Grade], Field(min_length=1)]
    """Grades by name, from the first to the last."""
    beginners_leave: Annotated[list[Share], Field(min_length=1)]
    """Share who leave in each of the first months after hiring; promotion is open after them."""
    months: Annotated[int, Field(gt=0)]
    """Months of the plan."""
    run_out_months: Annotated[int, Field(ge=0)]
    """Months that the model looks further, so that the plan does not end in a sell-out."""
    class_seats: Annotated[int, Field(ge=0)]
    """Most people hired in a month: places in the training class."""
    hire_rub: NotNegative
    """Advertising, choosing and teaching one hire, wages apart, roubles."""
    promote_rub: NotNegative
    """Teaching one promoted colleague, wages apart, roubles."""
    short_rub_month: Positive
    """Price of a colleague missing for a month: so high that a team is short only where it must be."""
    growth_month: Annotated[float, Field(gt=-1, allow_inf_nan=False)]
    """Growth of the work in a month, a share."""
    paid_per_hour: Positive
    """Paid hours for an hour on position: rests, and shifts that do not fit the load to the minute."""
    leave_days: Annotated[float, Field(ge=0, lt=365)]
    """Annual leave, calendar days."""
    leave_cv: NotNegative
    """Coefficient of variation of a year's rate of leaving around the expected one."""
    path_factor: Positive
    """How many times as often operators leave where nobody is promoted."""

    @model_validator(mode="after")
    def _one_ladder(self) -> Self:
        entries = [name for name, grade in self.grades.items() if grade.promoted_from is None]
        if len(entries) != 1:
            raise ValueError(f"{len(entries)} grades have no promoted_from, must be one: the one hired into")
        seen: set[str] = set()
        for name, grade in self.grades.items():
            if grade.promoted_from is not None and grade.promoted_from not in seen:
                raise ValueError(
                    f"grades.{name}.promoted_from is {grade.promoted_from!r}, must be a grade before "
                    "it in the file: order them from the first to the last"
                )
            seen.add(name)
        if len(self.grades[entries[0]].training) > len(self.beginners_leave):
            raise ValueError(f"grades.{entries[0]}.training is longer than beginners_leave: add months there")
        return self

    @property
    def entry(self) -> str:
        """The grade that is hired into."""
        return next(name for name, grade in self.grades.items() if grade.promoted_from is None)

    @property
    def staying(self) -> NDArray[np.float64]:
        """Share of a class still there k months after hiring, k = 0 to the end of the beginners' months."""
        return np.concatenate([[1.0], np.cumprod(1 - np.array(self.beginners_leave))])

    def leaving(self, factor: float) -> Self:
        """Return the careers with every rate of leaving multiplied, at most 1."""
        raw = self.model_dump()
        raw["beginners_leave"] = [min(1.0, rate * factor) for rate in self.beginners_leave]
        for grade in raw["grades"].values():
            grade["leaves_month"] = min(1.0, grade["leaves_month"] * factor)
        return self.of(raw)

    def without_path(self) -> Self:
        """Return the careers with operators leaving as they would if nobody was ever promoted."""
        raw = self.model_dump()
        raw["beginners_leave"] = [min(1.0, rate * self.path_factor) for rate in self.beginners_leave]
        entry = raw["grades"][self.entry]
        entry["leaves_month"] = min(1.0, entry["leaves_month"] * self.path_factor)
        return self.of(raw)


def grade_needs(centre: Centre, careers: Careers, requirement: pd.DataFrame) -> pd.DataFrame:
    """People of each grade that the requirement of whole weeks asks for, and what they earn.

    Parameters
    ----------
    centre : Centre
    careers : Careers
    requirement : DataFrame
        REQUIREMENT of whole weeks.

    Returns
    -------
    DataFrame
        Index grade, in the order of the careers: heads (full colleagues), wage_rub (a month, contributions
        included, the mean over the teams by hours).

    Raises
    ------
    PlanningError
        The requirement does not span whole weeks, or holds a grade that the careers do not.
    """
    days = requirement["interval_start"].dt.normalize().nunique()
    if days % 7:
        raise PlanningError(f"the requirement spans {days} days, must span whole weeks: give 7, 14, ... days")
    hours = requirement.groupby(["queue", "site"])["rostered"].sum() * centre.interval_s / 3600
    rows = []
    for (queue, site), rostered_h in hours.items():
        team = centre.teams[str(centre.team_for(queue, site))]
        rows.append((team.grade, rostered_h, rostered_h * team.wage_rub_month))
    by_grade = pd.DataFrame(rows, columns=["grade", "hours", "pay"]).groupby("grade").sum()
    unknown = sorted(set(by_grade.index) - set(careers.grades))
    if unknown:
        raise PlanningError(
            f"the centre has the grade {unknown[0]!r}, which the careers lack: add it to them"
        )
    presence_h = centre.pay.norm_h_month * (1 - careers.leave_days / _LEAVE_DAYS_YEAR)
    heads = by_grade["hours"] / (days / 7) * _MONTH_WEEKS * careers.paid_per_hour / presence_h
    wages = by_grade["pay"] / by_grade["hours"]
    table = {}
    for name, grade in careers.grades.items():
        need = heads.sum() / grade.span if grade.span else heads.get(name, 0.0)
        wage = grade.wage_rub_month or wages.get(name)
        if wage is None:
            raise PlanningError(
                f"grades.{name}.wage_rub_month is missing: no team of the centre has this grade"
            )
        table[name] = {"heads": need, "wage_rub": wage * (1 + centre.pay.contributions)}
    return pd.DataFrame.from_dict(table, orient="index").rename_axis("grade")


@dataclass(frozen=True)
class CareerPlan:
    """Whom to hire and promote, and what comes of it if people leave as expected.

    Attributes
    ----------
    flows : DataFrame
        Index month (from 0), a column a grade: people hired, or promoted into it, at its start.
    stocks : DataFrame
        month, grade, heads, working (full colleagues that they are worth), need, short.
    cost_rub, bound_rub : float
        Of all months of the model, the run-out included, and what no plan can be below.
    """

    flows: pd.DataFrame
    stocks: pd.DataFrame
    cost_rub: float
    bound_rub: float


def plan_careers(careers: Careers, needs: pd.DataFrame, start: Mapping[str, float]) -> CareerPlan:
    """Find the cheapest hiring and promotion that keeps every grade at its need, if people leave as expected.

    A mixed-integer program: hires and promotions are whole, stocks are expected values. A class loses
    `beginners_leave` month by month and then joins the experienced of its grade, who alone are promoted
    (manpower planning by flows; Bartholomew, 1967; Gans and Zhou, 2002, for call centres).

    Parameters
    ----------
    careers : Careers
    needs : DataFrame
        As `grade_needs` gives it, at month 0.
    start : mapping
        People of each grade before month 0, all experienced.

    Returns
    -------
    CareerPlan

    Raises
    ------
    PlanningError
        `start` lacks a grade.

    Examples
    --------
    >>> from planning.teams import Systems
    >>> short = {"months": 6, "run_out_months": 0}
    >>> careers = Careers.of(Systems.load().careers.model_dump() | short)
    >>> needs = pd.DataFrame({"heads": 20.0, "wage_rub": 100_000.0}, index=list(careers.grades))
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
    """The program: expressions for the experienced, the beginners and the work of each grade and month."""

    def __init__(self, careers: Careers, needs: pd.DataFrame, start: Mapping[str, float]) -> None:
        self.careers, self.needs, self.start = careers, needs, start
        self.months = range(careers.months + careers.run_out_months)
        self.model = mathopt.Model()
        seats = {careers.entry: float(careers.class_seats)}
        self.moves: dict[str, list[Any]] = {
            grade: [self._move(grade, month, seats.get(grade, np.inf)) for month in self.months]
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
        """Experienced people in each month, after the promotions at its start: variables, by balance."""
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
        """Who becomes experienced: a class that has passed its first months, or who is promoted."""
        if grade != self.careers.entry:
            return self.moves[grade][month]
        first = len(self.careers.beginners_leave)
        return self.careers.staying[first] * self.moves[grade][month - first] if month >= first else 0.0

    def _keep_at_need(self, grade: str, month: int, experienced: Any) -> Any:
        """Keep the work of a grade at its need, or pay for who is missing; what the month costs."""
        careers = self.careers
        moved = self.moves[grade]
        beginners = _weights(careers, grade)
        heads, working = experienced, experienced
        for age, (present, work) in enumerate(zip(*beginners, strict=True)):
            if age <= month:
                heads = heads + present * moved[month - age]
                working = working + work * moved[month - age]
        short = self.model.add_variable(lb=0.0, name=f"short_{grade}_{month}")
        need = self.needs.loc[grade, "heads"] * (1 + careers.growth_month) ** month
        self.model.add_linear_constraint(working + short >= need)
        price = careers.hire_rub if grade == careers.entry else careers.promote_rub
        wage = self.needs.loc[grade, "wage_rub"]
        return wage * heads + price * moved[month] + careers.short_rub_month * short


def _weights(careers: Careers, grade: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What one moved k months ago adds to the experienced: in heads, and in work.

    Who was hired is apart from the experienced for the beginners' months; who was promoted is among them
    and takes away what is still to be learnt.
    """
    training = np.array(careers.grades[grade].training)
    if grade == careers.entry:
        staying = careers.staying[:-1]
        work = np.ones(len(staying))
        work[: len(training)] = training
        return staying, staying * work
    stays = (1 - careers.grades[grade].leaves_month) ** np.arange(len(training))
    return np.zeros(len(training)), -stays * (1 - training)


def project(
    careers: Careers, needs: pd.DataFrame, start: Mapping[str, float], flows: pd.DataFrame
) -> pd.DataFrame:
    """Follow the expected headcount of every grade under given flows, month by month.

    Parameters
    ----------
    careers, needs, start
        As for `plan_careers`.
    flows : DataFrame
        Index month, a column a grade.

    Returns
    -------
    DataFrame
        month, grade, heads, working (full colleagues that they are worth), need, short, cost_rub.
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
    slack: float = 0.02,
) -> pd.DataFrame:
    """Live through a plan many times: people leave one by one, in some years more of them than in others.

    Every year has a factor on the rates of leaving, Gamma with mean 1 and the CV `leave_cv`; given the rate,
    each person leaves or stays alone. A promotion that finds nobody to promote does not take place.

    Parameters
    ----------
    careers, needs, start, flows
        As for `project`.
    replications, seed : int
    slack : float
        A grade is short in a month if more than this share of its need is missing.

    Returns
    -------
    DataFrame
        As `project`, means over the replications, and low and high (5 % and 95 % of working) and p_short.

    Raises
    ------
    PlanningError
        `replications` is below 1.
    """
    if replications < 1:
        raise PlanningError(f"replications is {replications}, must be at least 1: give a few hundred")
    rng = np.random.default_rng(seed)
    shape = (len(flows) // 12 + 1, replications)
    cv = careers.leave_cv
    years = rng.gamma(cv**-2, cv**2, shape) if cv > 0 else np.ones(shape)
    lives = _follow(careers, start, flows, years, lambda heads, rate: rng.binomial(heads.astype(int), rate))
    table = _described(careers, needs, lives)
    working = np.stack([life.working for life in lives])
    need = table["need"].to_numpy()[:, None]
    table["low"], table["high"] = np.quantile(working, [0.05, 0.95], axis=-1)
    return table.assign(p_short=(working < (1 - slack) * need).mean(axis=-1))


@dataclass(frozen=True)
class _Life:
    """One grade in one month, an element a replication."""

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
    """Move people month by month; `years` has factors on the rates of leaving, (years, replications)."""
    replications = years.shape[1]
    experienced = {grade: np.full(replications, float(start[grade])) for grade in careers.grades}
    classes = np.zeros((len(careers.beginners_leave), replications))  # a row a month since hiring
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
    """Heads of a grade, and what they are worth while some still learn."""
    training = np.array(careers.grades[grade].training)
    if grade == careers.entry:
        pace = np.ones(len(classes))
        pace[: len(training)] = training
        return _Life(month, grade, moved[-1], experienced + classes.sum(axis=0), experienced + pace @ classes)
    stays = 1 - careers.grades[grade].leaves_month
    learning = sum(
        (1 - pace) * stays**age * moved[-1 - age] for age, pace in enumerate(training) if age < len(moved)
    )
    return _Life(month, grade, moved[-1], experienced, experienced - learning)


def _described(careers: Careers, needs: pd.DataFrame, lives: list[_Life]) -> pd.DataFrame:
    """Mean heads, work, shortage and cost, a row a month and grade."""
    table = pd.DataFrame({"month": [life.month for life in lives], "grade": [life.grade for life in lives]})
    grade = needs.loc[table["grade"]]
    need = grade["heads"].to_numpy() * (1 + careers.growth_month) ** table["month"].to_numpy()
    working = np.stack([life.working for life in lives])
    table["heads"] = np.stack([life.heads for life in lives]).mean(axis=1)
    table["working"], table["need"] = working.mean(axis=1), need
    table["short"] = np.maximum(need[:, None] - working, 0).mean(axis=1)
    price = table["grade"].map(lambda g: careers.hire_rub if g == careers.entry else careers.promote_rub)
    moves = price * np.stack([life.moved for life in lives]).mean(axis=1)
    wages = grade["wage_rub"].to_numpy() * table["heads"]
    return table.assign(cost_rub=wages + moves + careers.short_rub_month * table["short"])


def price_of_leaving(
    careers: Careers, needs: pd.DataFrame, start: Mapping[str, float], factors: Iterable[float]
) -> pd.DataFrame:
    """Plan anew with other rates of leaving: what it is worth that few leave.

    Returns
    -------
    DataFrame
        Row a factor: factor, leave_year (share of experienced operators who leave in a year), hires and
        cost_rub (over the months of the plan).
    """
    rows = []
    for factor in factors:
        changed = careers.leaving(factor)
        found = plan_careers(changed, needs, start)
        leave_year = 1 - (1 - changed.grades[careers.entry].leaves_month) ** 12
        rows.append((factor, leave_year, found.flows[careers.entry].sum(), found.stocks["cost_rub"].sum()))
    return pd.DataFrame(rows, columns=["factor", "leave_year", "hires", "cost_rub"])


def hedges(
    careers: Careers,
    needs: pd.DataFrame,
    start: Mapping[str, float],
    factors: Iterable[float],
    *,
    replications: int = 1000,
    seed: int = 1,
) -> pd.DataFrame:
    """Hire as if more people left than expected, and live through what really comes.

    Returns
    -------
    DataFrame
        Row a factor that the plan was made with: factor, hires, wages_rub (all cost but the price of who is
        missing), missing (heads on average), p_short (share of months and grades that are short).
    """
    rows = []
    for factor in factors:
        flows = plan_careers(careers.leaving(factor), needs, start).flows
        lived = simulate_careers(careers, needs, start, flows, replications=replications, seed=seed)
        missing = lived["short"].sum()
        wages = lived["cost_rub"].sum() - careers.short_rub_month * missing
        p_short = lived["p_short"].mean()
        rows.append((factor, flows[careers.entry].sum(), wages, missing / careers.months, p_short))
    return pd.DataFrame(rows, columns=["factor", "hires", "wages_rub", "missing", "p_short"])
