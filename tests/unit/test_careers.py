"""Careers: needs, the plan of hiring and promotion, and the lives that test it."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from factories import one_site

from planning import Centre, PlanningError
from planning.calendars import axis
from planning.centre.systems import Careers
from planning.studies.hiring import (
    grade_needs,
    hedges,
    plan_careers,
    price_of_leaving,
    project,
    simulate_careers,
)
from planning.systems.careers import cost_of_careers, hires_for, needs_of, presence_h, turnover


def one_grade(**changes: object) -> Careers:
    """One grade, two beginners' months, no learning, unless a test says otherwise."""
    raw = {
        "grades": {"operator": {"leaves_month": 0.1, "training": []}},
        "beginners_leave": [0.2, 0.1],
        "months": 3,
        "run_out_months": 0,
        "class_seats": 10,
        "hire_cost": 1000.0,
        "promote_cost": 500.0,
        "short_cost_month": 5000.0,
        "growth_month": 0.0,
        "paid_per_hour": 1.25,
        "leave_days": 28.0,
        "leave_cv": 0.0,
        "path_factor": 2.0,
    }
    return Careers.of(raw | changes)


TWO = {
    "operator": {"leaves_month": 0.05, "training": [0.0, 0.5]},
    "senior": {"promoted_from": "operator", "leaves_month": 0.02, "training": [0.6]},
}


def needs(**heads: float) -> pd.DataFrame:
    return pd.DataFrame({"heads": heads, "wage": dict.fromkeys(heads, 1000.0)})


@pytest.fixture(scope="module")
def default():
    return Centre.load().systems.careers


# --- the need -------------------------------------------------------------------------------------


def test_a_grades_pay_has_the_contributions_of_its_sites():
    """The centre's were taken for a site abroad too."""
    centre = Centre.load().replace({"sites.kaluga.country": "KZ"})
    teams = {"first_line_kaluga": 2.0, "first_line_moscow": 1.0}
    shares = [centre.at(centre.teams[team].site).pay.contributions for team in teams]
    paid = [
        heads * centre.teams[team].wage_month * (1 + share)
        for (team, heads), share in zip(teams.items(), shares, strict=True)
    ]
    needs = needs_of(centre, centre.systems.part("careers"), pd.Series(teams))
    assert needs.loc[centre.teams["first_line_kaluga"].grade, "wage"] == pytest.approx(sum(paid) / 3)
    assert shares[0] != shares[1]


def test_need_by_hand(default):
    """Ten heads all week: hours x 52.14 / 12 x 1.25 over the hours that one is there."""
    centre = one_site().replace({"teams.calls_north.grade": "operator"})
    times = axis(pd.Timestamp("2026-11-23", tz="Europe/Moscow"), 7, 900)
    rows = pd.DataFrame({"queue": "calls", "site": "north", "interval_start": times, "rostered": 10})
    careers = Careers.of(default.model_dump() | {"grades": {"operator": TWO["operator"]}})
    found = grade_needs(centre, careers, rows).loc["operator"]
    presence = centre.pay.norm_h_month * (1 - 28 / 365)
    assert found["heads"] == pytest.approx(10 * 168 * 365 / 7 / 12 * 1.25 / presence)
    assert found["wage"] == pytest.approx(80_000 * (1 + centre.pay.contributions))
    with pytest.raises(PlanningError, match="spans 6 days"):
        grade_needs(centre, careers, rows[rows["interval_start"] < times[6 * 96]])
    with pytest.raises(PlanningError, match="has the grade 'pilot'"):
        grade_needs(centre.replace({"teams.calls_north.grade": "pilot"}), careers, rows)
    raw = careers.model_dump()
    raw["grades"]["head"] = TWO["senior"] | {"span": 10.0}
    headed = Careers.of(raw)
    with pytest.raises(PlanningError, match=r"grades.head.wage_month is missing"):
        grade_needs(centre, headed, rows)
    raw["grades"]["head"]["wage_month"] = 90_000.0
    assert grade_needs(centre, Careers.of(raw), rows).loc["head", "heads"] == pytest.approx(
        found["heads"] / 10
    )


# --- the plan -------------------------------------------------------------------------------------


def test_plan_is_the_cheapest_by_trying_all():
    """Every way to hire up to six in each of three months, followed by the projection: no program."""
    careers, need, start = one_grade(), needs(operator=10.0), {"operator": 9}
    costs = {}
    for hires in product(range(7), repeat=3):
        flows = pd.DataFrame({"operator": hires})
        costs[hires] = project(careers, need, start, flows)["cost"].sum()
    found = plan_careers(careers, need, start)
    assert found.cost <= min(costs.values()) * 1.002
    assert tuple(found.flows["operator"]) in costs
    assert costs[tuple(found.flows["operator"])] == pytest.approx(found.cost, rel=1e-6)


def test_program_and_projection_agree_on_every_month():
    """Two routes to one cost: the program's objective, and a walk through the months."""
    careers = one_grade(grades=TWO, months=10, beginners_leave=[0.2, 0.1, 0.1])
    found = plan_careers(careers, needs(operator=30.0, senior=10.0), {"operator": 31, "senior": 10})
    assert found.stocks["cost"].sum() == pytest.approx(found.cost, rel=1e-6)
    assert found.bound <= found.cost <= found.bound * 1.01
    assert found.flows["senior"].sum() > 0


def test_steady_hiring_replaces_those_who_leave():
    """In the long run the hires of a month are the need over the mean stay (Little)."""
    raw = one_grade().model_dump() | {"months": 36, "run_out_months": 12, "class_seats": 30}
    careers = Careers.of(raw)
    found = plan_careers(careers, needs(operator=100.0), {"operator": 100})
    surviving = 0.8 * 0.9
    # h a month holds h + 0.8 h beginners, and h x 0.72 / 0.1 experienced.
    steady = 100 / (1 + 0.8 + surviving / 0.1)
    assert found.flows["operator"].iloc[12:].mean() == pytest.approx(steady, rel=0.03)


def test_a_full_class_is_never_overfilled_and_shows_who_is_missing():
    careers = one_grade(class_seats=2, months=4)
    found = plan_careers(careers, needs(operator=50.0), {"operator": 20})
    assert found.flows["operator"].max() <= 2
    assert found.stocks["short"].min() > 20


def test_nobody_is_hired_where_there_are_too_many():
    found = plan_careers(one_grade(), needs(operator=5.0), {"operator": 50})
    assert found.flows["operator"].sum() == 0
    assert found.stocks["short"].max() == 0


def test_default_ladder_is_staffed(default):
    """All grades at their need within half a head."""
    careers = Careers.of(default.model_dump() | {"months": 6, "run_out_months": 3})
    need = needs(operator=100.0, senior=20.0, specialist=20.0, quality=5.0, manager=6.0, head=8.0)
    found = plan_careers(careers, need, {g: h + 3 for g, h in need["heads"].items()})
    assert found.stocks["short"].max() < 1
    assert (found.flows >= 0).all(axis=None)


def test_start_must_name_every_grade():
    with pytest.raises(PlanningError, match="lacks the grade 'senior'"):
        plan_careers(one_grade(grades=TWO), needs(operator=1.0, senior=1.0), {"operator": 1})


# --- lives ----------------------------------------------------------------------------------------


def test_mean_of_the_lives_is_the_projection():
    careers = one_grade(grades=TWO, months=8, beginners_leave=[0.2, 0.1, 0.1])
    flows = pd.DataFrame({"operator": [5] * 8, "senior": [1] * 8})
    arguments = careers, needs(operator=40.0, senior=10.0), {"operator": 40, "senior": 10}, flows
    lived = simulate_careers(*arguments, replications=4000, seed=2)
    planned = project(*arguments)
    assert lived["heads"].to_numpy() == pytest.approx(planned["heads"].to_numpy(), rel=0.01)
    assert lived["working"].to_numpy() == pytest.approx(planned["working"].to_numpy(), rel=0.01)


def test_one_year_by_hand():
    """A class of ten: 10, 8, then 7.2 who join 18 x .9 x .9 and so on."""
    flows = pd.DataFrame({"operator": [10, 0, 0, 0]})
    found = project(one_grade(), needs(operator=0.0), {"operator": 18}, flows)
    assert found["heads"].tolist() == pytest.approx([28, 16.2 + 8, 14.58 + 7.2, (14.58 + 7.2) * 0.9])


def test_learners_are_worth_less():
    careers = one_grade(grades=TWO)
    flows = pd.DataFrame({"operator": [10, 0], "senior": [4, 0]})
    found = project(careers, needs(operator=0.0, senior=0.0), {"operator": 20, "senior": 5}, flows)
    table = found.pivot(index="month", columns="grade", values="working")
    assert table.loc[0].to_dict() == pytest.approx({"operator": 16.0, "senior": 9 - 4 * 0.4})
    assert table.loc[1].to_dict() == pytest.approx({"operator": 16 * 0.95 + 8 * 0.5, "senior": 9 * 0.98})


def test_nobody_rises_who_is_not_there():
    flows = pd.DataFrame({"operator": [0, 0], "senior": [9, 0]})
    found = simulate_careers(
        one_grade(grades=TWO),
        needs(operator=0.0, senior=0.0),
        {"operator": 3, "senior": 0},
        flows,
        replications=5,
    )
    assert found["heads"].min() >= 0
    assert found.set_index(["month", "grade"]).loc[(0, "senior"), "heads"] == 3


def test_bad_years_make_the_band_wide():
    flows = pd.DataFrame({"operator": [4] * 24})
    band = {}
    for cv in (0.0, 0.5):
        lived = simulate_careers(one_grade(leave_cv=cv), needs(operator=30.0), {"operator": 40}, flows)
        band[cv] = (lived["high"] - lived["low"]).iloc[-1]
    assert band[0.5] > 1.3 * band[0.0]


def test_lives_repeat_and_refuse_none():
    arguments = (
        one_grade(leave_cv=0.3),
        needs(operator=10.0),
        {"operator": 10},
        pd.DataFrame({"operator": [1]}),
    )
    pd.testing.assert_frame_equal(simulate_careers(*arguments), simulate_careers(*arguments))
    with pytest.raises(PlanningError, match="replications is 0"):
        simulate_careers(*arguments, replications=0)


# --- worth ----------------------------------------------------------------------------------------


def test_more_who_leave_cost_more():
    table = price_of_leaving(one_grade(months=12), needs(operator=40.0), {"operator": 40}, [0.5, 1.0, 2.0])
    assert table["hires"].is_monotonic_increasing
    assert table["cost"].is_monotonic_increasing
    assert table["leave_year"].iloc[1] == pytest.approx(1 - 0.9**12)


def test_hedge_buys_fewer_missing():
    careers = one_grade(months=12, leave_cv=0.3)
    table = hedges(careers, needs(operator=60.0), {"operator": 60}, [1.0, 1.5], replications=300)
    assert table["missing"].is_monotonic_decreasing
    assert table["wages_cost"].is_monotonic_increasing


def test_without_a_path_only_the_entry_leaves_more(default):
    closed = default.without_path()
    assert closed.grades["operator"].leaves_month == pytest.approx(0.01 * 1.5)
    assert closed.grades["senior"] == default.grades["senior"]
    assert np.array(closed.beginners_leave) == pytest.approx(1.5 * np.array(default.beginners_leave))
    assert max(default.leaving(1000).beginners_leave) == 1.0


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"grades": {"a": TWO["operator"], "b": TWO["operator"]}}, "2 grades have no promoted_from"),
        ({"grades": {"senior": TWO["senior"], "operator": TWO["operator"]}}, "must be a grade before it"),
        ({"beginners_leave": [0.1], "grades": TWO}, "training is longer than beginners_leave"),
        ({"beginners_leave": [1.5]}, "beginners_leave.0 is 1.5"),
    ],
)
def test_careers_that_cannot_be_are_refused(changes, text):
    with pytest.raises(PlanningError, match=text):
        one_grade(**changes)


# --- the long run, as a plan of hours has it ------------------------------------------------------


def test_turnover_is_where_steady_flows_lead(default):
    """With its moves, month after month, its heads stay as they are and do the work that is needed."""
    one = Careers.of(default.model_dump() | {"growth_month": 0.0})
    need = needs(operator=300.0, senior=60.0, specialist=50.0, quality=15.0, manager=20.0, head=25.0)
    found = turnover(one, need)
    flows = pd.DataFrame([found["moves"].to_dict()] * 960)
    last = project(one, need, found["heads"].to_dict(), flows).groupby("grade").last()
    assert last["working"].loc[need.index].to_numpy() == pytest.approx(need["heads"].to_numpy(), rel=1e-4)
    assert last["heads"].loc[need.index].to_numpy() == pytest.approx(found["heads"].to_numpy(), rel=1e-4)


def test_turnover_of_one_grade_by_hand():
    """Hires h; 0.72 h stay and are needed to replace a tenth of the experienced; classes work meanwhile."""
    found = turnover(one_grade(), needs(operator=100.0)).loc["operator"]
    # h x .72 = .1 E with E = 100 - h (1 + .8)
    hires = 10 / (0.72 + 0.18)
    assert found["moves"] == pytest.approx(hires)
    assert found["moves_cost"] == pytest.approx(1000 * hires)
    assert found["heads"] == pytest.approx(100)


def test_plan_of_many_months_settles_at_the_turnover(default):
    """The program, started at the need, hires in its second year what the long run says."""
    one = Careers.of(default.model_dump() | {"growth_month": 0.0})
    need = needs(operator=300.0, senior=60.0, specialist=50.0, quality=15.0, manager=20.0, head=25.0)
    need["wage"] = 100_000.0
    hired = plan_careers(one, need, np.ceil(need["heads"]).to_dict()).flows[one.entry]
    assert hired.iloc[12:].mean() == pytest.approx(turnover(one, need).loc[one.entry, "moves"], rel=0.15)


def test_cost_of_careers_adds_up(default):
    """Teams share a grade's turnover by hours; doctors have no career here; leaders are one to 18."""
    centre = Centre.load()
    hours = pd.Series({"first_line_moscow": 3000.0, "first_line_kaluga": 1000.0, "doctor_kaluga": 168.0})
    cost = cost_of_careers(centre, default, hours)
    assert cost.loc["doctor_kaluga"].tolist() == [0, 0]
    assert cost["turnover_cost"].iloc[0] == pytest.approx(3 * cost["turnover_cost"].iloc[1])
    months = 4000 / presence_h(centre, default)
    wage = (90_000 * 3 + 58_500) / 4 * 1.3
    need = pd.DataFrame({"heads": 0.0, "wage": wage}, index=list(default.grades))
    need.loc["operator", "heads"], need.loc["head"] = months, [months / 18, 120_000 * 1.3]
    moves = turnover(default, need)
    extra = moves["moves_cost"] + moves["learning_cost"]
    assert cost["turnover_cost"].sum() == pytest.approx(extra["operator"])
    assert cost["leaders_cost"].sum() == pytest.approx(months / 18 * 120_000 * 1.3 + extra["head"])
    assert hires_for(centre, default, hours) == pytest.approx(moves.loc["operator", "moves"])


def test_nobody_working_costs_no_careers(default):
    hours = pd.Series({"doctor_kaluga": 168.0})
    assert cost_of_careers(Centre.load(), default, hours).to_numpy().sum() == 0
    assert hires_for(Centre.load(), default, hours) == 0


def test_who_leaves_more_costs_more(default):
    hours = pd.Series({"first_line_moscow": 3000.0})
    cost = [cost_of_careers(Centre.load(), default.leaving(f), hours).to_numpy().sum() for f in (1, 2)]
    assert cost[1] > cost[0]


def test_a_grade_without_a_career_is_refused():
    with pytest.raises(PlanningError, match=r"teams.vip_moscow.grade names 'pilot', must be one of head"):
        Centre.load().replace({"teams.vip_moscow.grade": "pilot"})


def test_a_grade_that_nobody_pays_is_refused():
    raw = Centre.load().systems.careers.grades["head"].model_dump() | {"wage_month": None}
    with pytest.raises(PlanningError, match=r"careers.grades.head.wage_month is missing: no team has"):
        Centre.load().replace({"systems.careers.grades.head": raw})
