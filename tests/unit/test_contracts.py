"""A plan for the people there are, or for those to employ: no team has more hours than its contracts hold."""

import itertools
from math import inf

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, one_site, raw_centre, requirement_of, two_sites

from planning import audit, build_roster, cover
from planning.calendars import axis
from planning.centre import Centre
from planning.errors import PlanningError
from planning.pay import hour_cost, premium_hours
from planning.roster.contracts import contracts_of, cover_and_roster, cover_by_people
from planning.roster.people import people_to_employ
from planning.shifts import CoverSettings, at_desks, catalogue, horizon, shapes
from planning.tables import PEOPLE

WEEK = axis(MONDAY, 7, 900)
MIX = {"shifts.lengths_h": {"part": 4.5, "day": 8.5}, "shifts.meal_min": {"part": 30, "day": 30}}
DAY = pd.Timedelta(days=1)
EXACT = CoverSettings(gap=0.0, rounds=4)
CLOSE = CoverSettings(gap=0.001, rounds=2)
SPANS = ["leave_from", "leave_until", "blocked"]


def people_of(count, team="calls_north", **columns):
    """As many full-timers, who work at night too."""
    own = {
        "agent_id": [f"{team}_{number:02d}" for number in range(count)],
        "site": team.split("_")[1],
        "team": team,
        "grade": "operator",
        "contract_h_week": 40.0,
        "night_ok": True,
    }
    return (
        pd.DataFrame(own | columns).reindex(columns=list(PEOPLE.columns)).astype(dict.fromkeys(SPANS, object))
    )


def heads(contracts, *classes):
    """People who can work some classes of shifts, by day; all shifts by default."""
    return contracts.days.loc[contracts.days["classes"] == classes, "heads"].tolist()


# --- what contracts hold --------------------------------------------------------------------------


def test_hours_shifts_and_days_of_a_team():
    """Two of twelve are half-timers, one goes on leave, one cannot come on Friday, three work by day only."""
    people = people_of(12)
    people.loc[:1, "contract_h_week"] = 20.0
    people.loc[2, ["leave_from", "leave_until"]] = [MONDAY + 2 * DAY, MONDAY + 14 * DAY]
    people.loc[3, "blocked"] = "2026-11-27"
    people.loc[4:6, "night_ok"] = False
    found = contracts_of(one_site(), people, WEEK)
    team = found.teams.loc["calls_north"]
    assert team["people"] == 12
    assert team["hours"] == 9 * 40 + 2 * 16 + 2 * 8
    assert team["shifts"] == 9 * 5 + 2 * 2 + 2  # 20 hours are two whole shifts
    assert heads(found) == [12, 12, 11, 11, 10, 11, 11]
    assert heads(found, ("", True)) == [9, 9, 8, 8, 7, 8, 8]
    assert sorted(set(found.day_h["calls_north"])) == [4.0, 8.0]


def test_a_run_of_days_before_the_plan_counts():
    """Who has worked as many days in a row as allowed is not there on Monday."""
    centre, people = one_site(), people_of(4)
    people["last_end"], people["last_kind"] = MONDAY - pd.Timedelta("8h"), "early"
    people["nights_in_row"], people["days_in_row"] = 0, [1, 1, 1, int(centre.labour.max_days_in_row.value)]
    assert heads(contracts_of(centre, people, WEEK)) == [3, 4, 4, 4, 4, 4, 4]


@pytest.mark.parametrize("days", [1, 2, 7, 14])
def test_a_person_works_five_days_of_seven(days):
    found = contracts_of(one_site(), people_of(1), axis(MONDAY, days, 900))
    assert found.teams["shifts"].item() == {1: 1, 2: 2, 7: 5, 14: 10}[days]


def test_people_whose_hours_fit_no_shift_are_no_heads():
    """Two contracts of 3 hours beside a full one: the full-timer works 40 hours, on five days."""
    centre, people = one_site(), people_of(3)
    people["contract_h_week"] = [3.0, 3.0, 40.0]
    found = contracts_of(centre, people, WEEK)
    assert found.teams.loc["calls_north", ["hours", "shifts"]].tolist() == [40.0, 5.0]
    assert heads(found) == [1] * 7
    need = requirement_of({"09:00": 2, "19:00": 0}, days=7)
    with pytest.warns(UserWarning, match="no shift of calls_north fits the contracts of 2 people"):
        _, _, roster = cover_and_roster(centre, need, people)
    assert roster.roster["paid_h"].sum() == 40.0


EARLY, MIDDLE, LATE = ("early", False), ("middle", False), ("late", False)


def by_rotation():
    """Three people change between early and late weeks, two are a week ahead, and one works freely."""
    cycle = ["early"] * 5 + ["off"] * 2 + ["late"] * 5 + ["off"] * 2
    people = people_of(6)
    people["rotation"] = [*["weeks"] * 5, None]
    people["rotation_offset"] = [0, 0, 0, 7, 7, 0]
    return one_site(MIX | {"rotations": {"weeks": {"cycle": cycle}}}), people


def test_who_works_by_a_rotation_is_a_head_of_its_kind_alone():
    """Hall's condition by brute force: a set of shifts a day fits if and only if all rows hold."""
    found = contracts_of(*by_rotation(), WEEK)
    early, late = (3, 2) if (MONDAY.toordinal() - 1) % 14 == 0 else (2, 3)
    monday = found.days[found.days["day"] == found.days["day"].min()].set_index("classes")["heads"]
    assert monday[()] == 6
    assert heads(found)[-2:] == [1, 1]
    kinds = {"early": early, "late": late}
    for count in itertools.product(range(5), repeat=3):
        asked = dict(zip((EARLY, MIDDLE, LATE), count, strict=True))
        free = sum(max(asked[one] - kinds.get(one[0], 0), 0) for one in asked)
        holds = all(
            sum(number for one, number in asked.items() if not row or one in row) <= most
            for row, most in monday.items()
        )
        assert holds == (free <= 1)


def test_a_plan_uses_each_kind_of_a_rotation():
    """Two early and two late shifts a day: nobody stays idle, and no shift lacks somebody."""
    centre, people = by_rotation()
    need = requirement_of({"08:00": 2, "16:00": 2, "22:00": 0}, days=5)
    made, _, roster = cover_and_roster(centre, need, people)
    assert roster.unmet.empty
    assert audit(centre, roster.roster, people).empty
    assert made.unmet["missing"].sum() * 0.25 <= 0.05 * need["rostered"].sum() * 0.25


def test_nobody_is_there():
    assert contracts_of(one_site(), people_of(0), WEEK).teams.empty


# --- the people there are -------------------------------------------------------------------------


def test_full_timers_work_their_hours():
    """Twelve full-timers: 4-hour shifts alone would leave them half idle and the hotline short."""
    centre = one_site(MIX | {"sites.north.seats": 12})
    need = requirement_of({"08:00": 3, "09:00": 4, "17:00": 3, "20:00": 0}, days=6)
    people = people_of(12)
    found = cover(centre, need, contracts=contracts_of(centre, people, horizon(centre, need)))
    assert len(found.unmet) == 0
    roster = build_roster(centre, found.shifts, people)
    assert roster.unmet.empty
    assert (found.shifts["headcount"] @ (found.shifts["paid_h"] == 8.0)) > 0.8 * found.shifts[
        "headcount"
    ].sum()
    alone = cover(centre, need)
    assert (alone.shifts["headcount"] @ (alone.shifts["paid_h"] == 8.0)) < alone.shifts["headcount"].sum() / 2


@pytest.mark.parametrize("count", [2, 3, 5])
def test_no_team_has_more_than_its_people(count):
    """However much is asked, hours, shifts and heads a day stay within the contracts; the rest is unmet."""
    centre, people = one_site(MIX), people_of(count)
    need = requirement_of({"09:00": 9, "15:00": 0}, days=7)
    held = contracts_of(centre, people, WEEK)
    found = cover(centre, need, contracts=held)
    assert (found.shifts["paid_h"] @ found.shifts["headcount"]) <= 40 * count
    assert found.shifts["headcount"].sum() <= 5 * count
    assert found.shifts.groupby(found.shifts["start"].dt.date)["headcount"].sum().max() <= count
    assert found.unmet["missing"].min() > 0
    assert build_roster(centre, found.shifts, people).unmet.empty
    assert {"calls_north: shifts of its people", "calls_north: contract hours"} & set(found.binding["limit"])


def test_the_objective_is_the_payroll_and_what_is_dearer():
    """Two people are owed 80 h; enumeration over all pairs of shifts finds no better plan of a day."""
    changes = MIX | {"shifts.breaks": "fixed", "shifts.start_every_min": 120, "pay.unmet_cost_h": 1000.0}
    centre, people = one_site(changes), people_of(2)
    need = requirement_of({"08:00": 1, "12:00": 2, "20:00": 1, "22:00": 0})
    day = axis(MONDAY, 1, 900)
    held = contracts_of(centre, people, day)
    found = cover(centre, need, contracts=held, settings=CoverSettings(gap=0.0, rounds=8))
    rate = hour_cost(centre, "calls_north")
    owed = rate * float(held.teams["owed_h"].sum())
    assert found.objective >= found.bound - 1e-6 >= 0.99 * owed
    best = min(value_of(centre, need, pair, day) for pair in pairs_of(centre, day))
    assert found.objective == pytest.approx(owed + best)


def pairs_of(centre, times):
    """None, one or two shifts of any start and fixed layout."""
    kinds = shapes(centre)
    starts = catalogue(centre, "north", times, kinds)
    every = [
        (row.start, kinds[row.shape].pattern(slot.first for slot in kinds[row.shape].slots))
        for row in starts.itertuples()
    ]
    return itertools.chain([()], ((one,) for one in every), itertools.combinations_with_replacement(every, 2))


def value_of(centre, need, pair, times):
    """Cost of shifts beyond the payroll, by hand: premiums, unusual lengths, hours, missing heads."""
    rate, cost = hour_cost(centre, "calls_north"), 0.0
    there = np.zeros(len(times))
    for start, pattern in pair:
        working = pattern.on_position(900)
        at = ((start - times[0]) // pd.Timedelta(seconds=900) + np.flatnonzero(working)) % len(times)
        np.add.at(there, at, 1)
        paid_h = pattern.paid_s / 3600
        spans = [(0, pattern.length_s, 1), *((b.start_s, b.end_s, -1) for b in pattern.breaks if not b.paid)]
        night = sum(
            sign
            * premium_hours(
                centre,
                "north",
                *(pd.DatetimeIndex([start + pd.Timedelta(seconds=at)]) for at in (begin, end)),
            )["night_h"].sum()
            for begin, end, sign in spans
        )
        cost += rate * (0.2 * night + 0.1 * abs(paid_h - 8.0) + 0.05 * paid_h)
    needs = need.set_index("interval_start")["rostered"].reindex(times, fill_value=0).to_numpy()
    return cost + 1000.0 / 4 * np.maximum(needs - there, 0).sum()


def test_skills_are_shared_before_anybody_is_short():
    """Two people for calls and six for mail who answer calls too: the six are not left without a shift."""
    centre = one_site(MIX, queues=("calls", "mail"))
    centre = centre.replace({"teams.mail_north.queues": ["mail", "calls"]})
    need = requirement_of({"09:00": 4, "17:00": 0}, days=7)
    people = pd.concat([people_of(2), people_of(6, "mail_north")], ignore_index=True)
    found = cover(centre, need, contracts=contracts_of(centre, people, WEEK))
    hours = (found.shifts["paid_h"] * found.shifts["headcount"]).groupby(found.shifts["team"]).sum()
    assert hours["calls_north"] <= 80
    assert hours["mail_north"] > 100
    assert len(found.unmet) == 0


def test_desks_are_divided_and_then_shared():
    """Two teams with idle hours share ten desks: nobody stands, and nobody is short for want of a desk."""
    centre = one_site(MIX | {"sites.north.seats": 10}, queues=("calls", "mail"))
    need = pd.concat(
        [
            requirement_of({"09:00": 5, "17:00": 0}, days=2),
            requirement_of({"09:00": 3, "12:00": 5, "13:00": 3, "17:00": 0}, days=2, queue="mail"),
        ],
        ignore_index=True,
    )
    people = pd.concat([people_of(9), people_of(9, "mail_north")], ignore_index=True)
    times = horizon(centre, need)
    found = cover(centre, need, contracts=contracts_of(centre, people, times))
    assert at_desks(centre, found, times).max().item() <= 10
    assert len(found.unmet) == 0
    assert found.bound <= found.objective


# --- the people to employ -------------------------------------------------------------------------


def test_as_many_are_employed_as_no_fewer_could_do():
    """Heads and shifts together: with one person fewer somebody is missing, by the cover of those people."""
    centre = one_site(MIX)
    need = requirement_of({"09:00": 3, "18:00": 0}, days=7)
    found = cover(centre, need, contracts=contracts_of(centre, None, WEEK), settings=EXACT)
    heads = found.hired["calls_north"]
    assert len(found.unmet) == 0
    fewer = cover(centre, need, contracts=contracts_of(centre, people_of(heads - 1), WEEK))
    assert len(fewer.unmet) > 0
    people = people_to_employ(centre, found.shifts, found.hired)
    assert len(people) == heads
    assert build_roster(centre, found.shifts, people).unmet.empty


def test_weekends_off_count_when_people_are_employed():
    """Six heads at the weekend need eight people, since each has one weekend of four off."""
    centre = one_site()
    need = requirement_of({"09:00": 6, "17:00": 0}, days=7)
    workday = need["interval_start"].dt.day_of_week < 5
    need["rostered"] = need["rostered"].mask(workday, need["rostered"].clip(upper=1))
    found = cover(centre, need, contracts=contracts_of(centre, None, WEEK))
    most = found.shifts.groupby(found.shifts["start"].dt.day_of_week)["headcount"].sum()
    assert found.hired["calls_north"] >= most[[5, 6]].max() * 4 / 3
    assert len(found.unmet) == 0


def test_contracts_change_nothing_where_they_are_not_given():
    centre, need = two_sites(), requirement_of({"09:00": 4, "21:00": 0})
    assert "contract_h" in cover(centre, need).teams
    assert cover(centre, need).teams["contract_h"].isna().all()
    assert cover(centre, need).hired == {}


# --- the roster's answer --------------------------------------------------------------------------


def four_tired_people():
    """A week that four people cannot work after the runs of days behind them, which contracts do not know."""
    people = people_of(4, last_end=MONDAY - pd.Timedelta("8h"), last_kind="early", nights_in_row=0)
    need = requirement_of({"09:00": 2, "12:00": 3, "15:00": 1, "20:00": 0}, days=7)
    return need, people.assign(days_in_row=[2, 3, 2, 4])


def test_what_nobody_can_be_found_for_is_covered_again():
    """Four people with runs of days behind them are too few: the shifts are those that they can all work."""
    centre, need, people = one_site(MIX), *four_tired_people()
    first, _ = cover_by_people(centre, need, people)
    before = build_roster(centre, first.shifts, people)
    assert before.unmet["missing"].sum() == 1
    made, _, roster = cover_and_roster(centre, need, people)
    assert roster.unmet.empty
    assert made.shifts["headcount"].sum() == len(roster.roster) < first.shifts["headcount"].sum()
    hours = [plan.unmet["missing"].sum() / 4 for plan in (first, made)]
    assert hours[1] < hours[0] + 8
    assert made.teams.index.tolist() == first.teams.index.tolist()
    assert audit(centre, roster.roster, people, horizon=roster.horizon).empty


# --- people to employ beside those there are ------------------------------------------------------


def test_no_more_are_employed_beside_the_people_than_are_missing():
    """With one person fewer somebody is missing; with enough people nobody is employed."""
    centre, need = one_site(MIX), requirement_of({"09:00": 3, "18:00": 0}, days=7)
    there = people_of(3)
    made, people = cover_by_people(centre, need, there, hire={"calls_north": 9}, settings=EXACT)
    new = made.hired["calls_north"]
    assert made.unmet.empty
    assert people["agent_id"].is_unique
    assert len(people) == 3 + new
    few, _ = cover_by_people(centre, need, there, hire={"calls_north": new - 1}, settings=EXACT)
    assert few.hired == {"calls_north": new - 1}
    assert len(few.unmet) > 0
    assert "and all are used: employ people" in few.short[0]
    enough, _ = cover_by_people(centre, need, people_of(3 + new), hire={"calls_north": 9}, settings=EXACT)
    assert enough.hired == {}


def test_people_employed_get_shifts_of_a_roster():
    centre, need = one_site(MIX), requirement_of({"09:00": 3, "18:00": 0}, days=7)
    made, people, roster = cover_and_roster(centre, need, people_of(3), hire={"calls_north": inf})
    assert made.unmet.empty
    assert roster.unmet.empty
    assert set(people["agent_id"][3:]) <= set(roster.roster["agent_id"])


def test_more_are_employed_if_the_roster_lacks_heads():
    """Three people could work the week, but not after five days in a row, which only the roster knows."""
    centre, need = one_site(MIX), requirement_of({"09:00": 1, "18:00": 0}, days=7)
    people = people_of(
        3, last_end=MONDAY - pd.Timedelta("8h"), last_kind="early", nights_in_row=0, days_in_row=5
    )
    first, _ = cover_by_people(centre, need, people, hire={"calls_north": 1})
    assert (len(first.unmet), first.hired) == (0, {})
    assert build_roster(centre, first.shifts, people).unmet["missing"].sum() == 1
    made, staff, roster = cover_and_roster(centre, need, people, hire={"calls_north": 1})
    assert made.unmet.empty
    assert roster.unmet.empty
    assert made.hired == {"calls_north": 1}
    assert len(staff) == 4
    assert audit(centre, roster.roster, staff, horizon=roster.horizon).empty


def test_people_are_employed_for_a_head_at_the_weekend():
    """Three of four people may work a weekend, so that one head more for a quarter takes two people more."""
    centre, need = one_site(), requirement_of({"09:00": 2, "17:00": 0}, days=7)
    peak = need["interval_start"] == MONDAY + pd.Timedelta("5D12h")
    need["rostered"] = need["rostered"].mask(need["interval_start"].dt.day_of_week < 5, 1).mask(peak, 7)
    found = cover(centre, need, contracts=contracts_of(centre, None, WEEK))
    assert found.unmet.empty
    saturday = found.shifts.loc[found.shifts["start"].dt.day_of_week == 5, "headcount"].sum()
    assert (saturday, found.hired["calls_north"]) == (7, 10)


@pytest.mark.parametrize(
    ("hire", "message"),
    [
        ({"calls_nord": 1}, "hire names 'calls_nord', must be a team that answers a queue: calls_north"),
        ({"calls_north": -1}, r"hire\['calls_north'\] is -1, must be a whole number of people >= 0"),
        ({"calls_north": 1.5}, r"hire\['calls_north'\] is 1.5, must be a whole number"),
    ],
)
def test_hires_that_cannot_be_are_refused(hire, message):
    with pytest.raises(PlanningError, match=message):
        contracts_of(one_site(), people_of(1), WEEK, hire)


# --- people to move to another team, or to train for one -------------------------------------------


def too_few_and_too_many():
    """Two people for calls that need about four, and six for mail that needs two; some hours of Monday."""
    need = [requirement_of({"09:00": 4, "17:00": 0}), requirement_of({"09:00": 2, "17:00": 0}, queue="mail")]
    return pd.concat(need, ignore_index=True), pd.concat(
        [people_of(3), people_of(6, "mail_north")], ignore_index=True
    )


def moved_by_hand(people, count, team="calls_north"):
    return people.assign(team=people["team"].where(people.index < len(people) - count, team))


def test_as_many_move_as_cost_least():
    """Planning every number of moves by hand, with their price on top, finds no cheaper plan."""
    changes = MIX | {"pay.unmet_cost_h": 900.0, "teams.calls_north.training_month": 20_000.0}
    centre, (need, people) = one_site(changes, queues=("calls", "mail")), too_few_and_too_many()
    ways = {("mail_north", "calls_north"): inf}
    made, staff = cover_by_people(centre, need, people, move=ways, settings=CLOSE)
    count = made.moved["mail_north", "calls_north"]
    price = 8 * 20_000 / centre.pay.norm_h_month  # a day's part of the month, at the same pay
    costs = [
        cover_by_people(centre, need, moved_by_hand(people, number), settings=CLOSE)[0].objective
        + number * price
        for number in range(4)
    ]
    assert made.objective == pytest.approx(min(costs), rel=2e-3)
    assert count == int(np.argmin(costs)) > 0
    assert (staff["team"] == "calls_north").sum() == 3 + count
    assert staff["agent_id"].tolist() == people["agent_id"].tolist()


def test_nobody_moves_without_need():
    """A move is worth an hour's pay at least, so it is never made for nothing."""
    centre, (need, people) = one_site(MIX, queues=("calls", "mail")), too_few_and_too_many()
    enough = pd.concat([people_of(6), people[people["team"] == "mail_north"]], ignore_index=True)
    made, staff = cover_by_people(centre, need, enough, move={("mail_north", "calls_north"): 2})
    assert made.moved == {}
    assert staff is enough or staff.equals(enough)


def test_people_are_trained_where_both_queues_need_them():
    """One person for each of two queues that call by turns: one more in a team of both covers both."""
    raw = raw_centre(queues=("calls", "mail"))
    raw["teams"]["both_north"] = {"site": "north", "queues": ["chat", "calls", "mail"], "wage_month": 8e4}
    raw["queues"]["chat"] = raw["queues"]["calls"]
    centre = Centre.of(raw).replace(MIX)
    need = pd.concat(
        [
            requirement_of({"09:00": 2, "12:00": 1, "17:00": 0}),
            requirement_of({"09:00": 1, "12:00": 2, "17:00": 0}, queue="mail"),
        ],
        ignore_index=True,
    )
    people = pd.concat([people_of(2), people_of(1, "mail_north")], ignore_index=True)
    alone, _ = cover_by_people(centre, need, people, settings=EXACT)
    made, staff = cover_by_people(
        centre, need, people, move={("calls_north", "both_north"): 1}, settings=EXACT
    )
    assert made.moved == {("calls_north", "both_north"): 1}
    assert made.unmet["missing"].sum() < alone.unmet["missing"].sum()
    assert staff["team"].tolist().count("both_north") == 1


def test_those_who_move_and_those_employed_make_one_plan():
    """The cheaper of both is taken first: one may move, the rest are employed, and all get shifts."""
    centre, (need, people) = one_site(MIX, queues=("calls", "mail")), too_few_and_too_many()
    made, staff, roster = cover_and_roster(
        centre, need, people, hire={"calls_north": inf}, move={("mail_north", "calls_north"): 1}
    )
    assert (len(made.unmet), len(roster.unmet)) == (0, 0)
    assert made.moved == {("mail_north", "calls_north"): 1}
    assert made.hired["calls_north"] > 0
    assert audit(centre, roster.roster, staff, horizon=roster.horizon).empty


@pytest.mark.parametrize(
    ("move", "message"),
    [
        ({("calls_nord", "mail_north"): 1}, "names 'calls_nord', must be a team that answers a queue"),
        (
            {("calls_north", "calls_north"): 1},
            "must be between two teams of one site; from calls_north people",
        ),
        ({("calls_north", "mail_south"): 1}, "from calls_north people can move to mail_north$"),
        ({("calls_north", "mail_north"): 0.5}, "is 0.5, must be a whole number of people >= 0"),
    ],
)
def test_moves_that_cannot_be_are_refused(move, message):
    with pytest.raises(PlanningError, match=message):
        contracts_of(two_sites(queues=("calls", "mail")), people_of(1), WEEK, move=move)
