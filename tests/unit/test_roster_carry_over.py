"""A roster continues where the one before ended."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planning.centre import Centre
from planning.pay import unit_hour
from planning.roster.audit import audit, cases_of
from planning.roster.carry_over import carry_on, hours_left, own_norms, settle
from planning.roster.fairness import fairness
from planning.roster.frames import people_of, team_people
from planning.roster.inputs import Horizon, TeamShifts
from planning.roster.limits import Limits
from planning.roster.model import RosterSettings, build_roster
from planning.roster.people import synthetic_people
from planning.roster.totals import PeriodHours
from planning.roster.weeks import repeat_weeks

CENTRE = Centre.load(Path(__file__).parents[2] / "data" / "centre.toml")
MONDAY = pd.Timestamp("2026-11-23", tz="Europe/Moscow")
WEEK = Horizon(pd.Timestamp("2026-11-23"), pd.Timestamp("2026-11-29"))
TEAM = "internet_kaluga"
QUICK = RosterSettings(exchanges=2000)
ANN = {
    "agent_id": "ann", "site": "kaluga", "team": TEAM, "grade": "specialist", "contract_h_week": 40.0,
    "night_ok": True, "leave_from": None, "leave_until": None,
}  # fmt: skip


def people(**changes: object) -> pd.DataFrame:
    return pd.DataFrame([ANN | changes])


def shift(day: int, clock: str, presence_h: float = 8.5) -> dict[str, object]:
    """Ann's shift; day 1 is the Monday, and half an hour is the meal."""
    start = MONDAY + pd.Timedelta(days=day - 1) + pd.Timedelta(f"{clock}:00")
    return {
        "agent_id": "ann", "site": "kaluga", "team": TEAM, "shift_id": f"{day} {clock}", "start": start,
        "end": start + pd.Timedelta(hours=presence_h), "paid_h": presence_h - 0.5, "night_h": 0.0,
        "headcount": 1,
    }  # fmt: skip


def carry_over(*shifts: dict[str, object], **changes: object) -> pd.Series:
    return carry_on(CENTRE, people(**changes), pd.DataFrame(shifts), WEEK).iloc[0]


def test_the_carry_over_is_what_the_roster_leaves() -> None:
    """Two nights at the end of the week after a day off, 8 and two times 10.5 hours of 40."""
    found = carry_over(shift(3, "09:00"), shift(6, "20:00", 11.0), shift(7, "20:00", 11.0))
    assert found["last_end"] == MONDAY + pd.Timedelta(days=7, hours=7)
    assert (found["last_kind"], found["days_in_row"], found["nights_in_row"]) == ("night", 2, 2)
    assert (found["balance_h"], found["nights_before"], found["weekends_before"]) == (29.0 - 40.0, 2, 1)


def test_a_run_ends_with_a_day_off_and_goes_on_through_a_whole_week() -> None:
    assert carry_over(shift(6, "09:00"))["days_in_row"] == 0
    assert pd.isna(carry_over(shift(6, "09:00"))["last_kind"])
    every = [shift(day, "09:00", 4.5) for day in range(1, 8)]
    came = {"last_end": MONDAY - pd.Timedelta(hours=8), "days_in_row": 3.0}
    assert carry_over(*every, **came)["days_in_row"] == 10
    assert carry_over(*every[1:], **came)["days_in_row"] == 6


def test_hours_above_the_norm_are_balance_first_and_overtime_when_the_period_ends() -> None:
    week = [shift(day, "09:00") for day in range(1, 6)]
    assert carry_over(*week, balance_h=3.0, overtime_h=10.0)[["balance_h", "overtime_h"]].tolist() == [
        3.0,
        10.0,
    ]
    settled = carry_on(
        CENTRE, people(balance_h=3.0, overtime_h=10.0), pd.DataFrame(week), WEEK, new_period=True
    )
    assert settled[["balance_h", "overtime_h"]].to_numpy().tolist() == [[0.0, 13.0]]


@pytest.mark.parametrize("came", [None, -2.0])
@pytest.mark.parametrize("cuts", [(), (3,), (1, 2, 3, 4, 5, 6), (2, 10), (9,)])
def test_a_roster_in_parts_books_its_norm_once(cuts: tuple[int, ...], came: float | None) -> None:
    """Two weeks with an hour above their norm: days without shifts and the middle of a week included."""
    worked = [shift(day, "09:00", 9.5) for day in (1, 2, 3, 4, 8, 9, 10, 11, 12)]
    staff = people(balance_h=came)
    for begin, after in zip((0, *cuts), (*cuts, 14), strict=True):
        days = [day for day in worked if begin < (day["start"] - MONDAY).days + 1 <= after]
        part = Horizon(WEEK.first + pd.Timedelta(days=begin), WEEK.first + pd.Timedelta(days=after - 1))
        roster = pd.DataFrame(days, columns=list(worked[0]))
        staff = carry_on(CENTRE, staff, roster, part)
    assert staff["balance_h"].tolist() == [81.0 - 80.0 + (came or 0.0)]


PARTS = [
    ("a weekend", "2026-11-28", 2, 0.0, 40.0),
    ("a weekend of which nothing is known", "2026-11-28", 2, None, 40.0),
    ("a weekend after hours above the norm", "2026-11-28", 2, 9.0, 40.0),
    ("the rest of a week", "2026-11-26", 4, 0.0, 40.0),
    ("a week", "2026-11-23", 7, 2.0, 40.0),
    ("a week after hours below the norm", "2026-11-23", 7, -2.0, 42.0),
    ("a week with a holiday and its eve", "2026-11-02", 7, 0.0, 40.0),
    ("a month with them", "2026-11-02", 28, 0.0, 160.0),
    ("three days over a month's end", "2026-11-30", 3, 0.0, 40.0),
    ("New Year's holidays", "2027-01-01", 7, 0.0, 40.0),
    ("the last days of a quarter", "2026-12-28", 4, 0.0, 24.0),
    ("the last days of a quarter after hours above the norm", "2026-12-28", 4, 9.0, 15.0),
    ("the last days of a quarter of which nothing is known", "2026-12-28", 4, None, 40.0),
]


@pytest.mark.parametrize(("name", "first", "days", "balance_h", "left_h"), PARTS)
def test_a_part_of_a_period_leaves_the_hours_of_a_usual_week(name, first, days, balance_h, left_h) -> None:
    """What the period leaves, at the pace of a usual week; both halves of the rule agree, to the quarter."""
    start = pd.Timestamp(first)
    part, staff = Horizon(start, start + pd.Timedelta(days=days - 1)), people(balance_h=balance_h)
    assert hours_left(CENTRE, staff, part).tolist() == [left_h]
    offset = (start - WEEK.first).days + 1
    rows = pd.DataFrame([shift(offset, "09:00"), shift(offset + days - 1, "09:00")])
    (person,) = people_of(team_people(staff))
    limits = Limits.of(person, TeamShifts.of(rows, CENTRE, part))
    PeriodHours(40).constrain(limits)
    assert limits.most_h == left_h
    for extra_h, lawful in ((0.0, True), (0.25, False)):
        worked = rows.head(1).assign(paid_h=left_h + extra_h)
        (case,) = cases_of(CENTRE, worked, staff, part)
        assert PeriodHours(40).audit(case).empty is lawful


@pytest.mark.parametrize("days", [(6,), (7,), (6, 7)])
def test_days_off_alone_have_as_many_people_as_working_days(days: tuple[int, ...]) -> None:
    """Seventeen people, ten heads on a Saturday, a Sunday, or both."""
    staff = pd.DataFrame(
        [ANN | {"agent_id": f"a{n:02d}", "balance_h": float(n % 3 - 1) * 2} for n in range(17)]
    )
    rows = pd.DataFrame([shift(day, "09:00") | {"headcount": 10} for day in days])
    found = build_roster(CENTRE, rows, staff, settings=QUICK)
    assert found.unmet.empty
    assert audit(CENTRE, found.roster, staff, horizon=found.horizon).empty


@pytest.mark.parametrize(("before", "taken"), [(2, 1), (3, 0), (4, 0)])
def test_weekends_of_the_month_before_count_in_a_plan_of_a_week(before: int, taken: int) -> None:
    """One in four is free, so who has worked three has this one off; the audit agrees."""
    staff, sunday = people(weekends_before=before), pd.DataFrame([shift(7, "09:00")])
    assert len(build_roster(CENTRE, sunday, staff, settings=QUICK).roster) == taken
    assert len(audit(CENTRE, sunday, staff, horizon=WEEK)) == 1 - taken


def test_a_weekend_that_has_begun_may_be_finished() -> None:
    """Three weekends worked, of which this one is the third: its Sunday is no fourth."""
    begun = {"last_end": MONDAY + pd.Timedelta("5D18h"), "days_in_row": 1.0, "weekends_before": 3.0}
    sunday, centre = pd.DataFrame([shift(7, "09:00")]), CENTRE.replace({"labour.weekly_rest_h.value": 0})
    assert len(build_roster(centre, sunday, people(**begun), settings=QUICK).roster) == 1
    assert audit(centre, sunday, people(**begun)).empty


def test_weekends_and_nights_of_the_month_before_fade_week_by_week() -> None:
    """Weekends worked week after week add up to three, then one is off, and the next may be worked."""
    staff, counts = people(), []
    for worked in (True, True, True, False, True):
        rows = pd.DataFrame([shift(6, "09:00")] if worked else [], columns=list(shift(6, "09:00")))
        staff = carry_on(CENTRE, staff, rows, WEEK).assign(last_end=None)
        counts.append(staff["weekends_before"].item())
    assert counts == [1, 2, 3, 2, 3]


def test_a_carry_over_from_a_leave_is_ignored_whole_and_told() -> None:
    """Nobody ends a shift while on leave: neither the run nor the hours before can be meant."""
    away = {"leave_from": MONDAY - pd.Timedelta(days=9), "leave_until": MONDAY, "days_in_row": 6.0}
    stale = people(**away, last_end=MONDAY - pd.Timedelta(hours=2), balance_h=300.0)
    one = pd.DataFrame([shift(1, "09:00")])
    with pytest.warns(UserWarning, match="during their leave, the first ann"):
        found = build_roster(CENTRE, one, stale, settings=QUICK)
    assert found.roster["agent_id"].tolist() == ["ann"]
    assert audit(CENTRE, found.roster, stale).empty


def test_who_did_not_work_keeps_the_last_shift_there_was() -> None:
    bob = pd.DataFrame([ANN, ANN | {"agent_id": "bob", "last_end": MONDAY - pd.Timedelta(days=2)}])
    found = carry_on(CENTRE, bob, pd.DataFrame([shift(7, "09:00")]), WEEK).set_index("agent_id").loc["bob"]
    assert found["last_end"] == MONDAY - pd.Timedelta(days=2)
    assert found[["days_in_row", "balance_h", "weekends_before"]].tolist() == [0, -40.0, 0]


def test_a_run_of_long_ago_is_over_for_both_halves() -> None:
    """Six days in a row up to Sunday bind a Monday, and not the Monday after."""
    tired = people(last_end=MONDAY - pd.Timedelta(hours=8), days_in_row=6.0)
    for week, taken in ((0, 0), (1, 1)):
        one = pd.DataFrame([shift(1 + 7 * week, "09:00")])
        assert len(build_roster(CENTRE, one, tired, settings=QUICK).roster) == taken
        assert len(audit(CENTRE, one, tired)) == 1 - taken


def test_the_carry_over_of_a_later_month_says_nothing_and_is_told() -> None:
    """It is no reason to refuse a roster of an earlier month, nor to judge it."""
    later = people(last_end=MONDAY + pd.Timedelta(days=30), days_in_row=6.0, balance_h=100.0)
    one = pd.DataFrame([shift(1, "09:00")])
    with pytest.warns(UserWarning, match="people: 1 have a last_end after the first day"):
        found = build_roster(CENTRE, one, later, settings=QUICK)
    assert found.roster["agent_id"].tolist() == ["ann"]
    assert audit(CENTRE, found.roster, later).empty


def test_hours_are_reconciled_over_a_months_end_and_over_new_year() -> None:
    """A month ends within the quarter: the balance goes on. A year ends: what is above the norm is settled.

    By hand: 28 to 30 December 2026 have 8 hours each, the 31st is a day off, as are all days to 10 January.
    Five days of 8 h, one of them on 2 January, and 3 h ahead: 3 + 32 - 24 = 11 h of overtime, which ends with
    the year; 8 h of the new one.
    """
    days = Horizon(pd.Timestamp("2026-12-28"), pd.Timestamp("2027-01-03"))
    rows = pd.DataFrame([shift(day, "09:00") for day in (36, 37, 38, 39, 41)])
    found = settle(CENTRE, people(balance_h=3.0, overtime_h=10.0), rows, days).iloc[0]
    assert (found["balance_h"], found["overtime_h"]) == (8.0, 0.0)
    assert (found["days_in_row"], found["weekends_before"]) == (0, 1)
    year = Horizon(days.first, pd.Timestamp("2026-12-31"))
    settled = carry_on(CENTRE, people(balance_h=3.0, overtime_h=10.0), rows[:4], year, new_period=True).iloc[
        0
    ]
    assert settled["overtime_h"] == 10.0 + 3.0 + 32.0 - 24.0
    over = Horizon(pd.Timestamp("2026-11-30"), pd.Timestamp("2026-12-06"))
    month = pd.DataFrame([shift(day, "09:00") for day in range(8, 13)])
    balance_h = settle(CENTRE, people(balance_h=3.0), month, over)["balance_h"].tolist()
    assert balance_h == [3.0 + 40.0 - own_norms(CENTRE, people(), over)["ann"]]


def test_two_rosters_one_after_the_other_are_one_lawful_roster() -> None:
    """The audit of both at once, which knows no last_ends but the first, finds nothing."""
    rows = [shift(day, clock, hours) | {"headcount": 3} for day in range(1, 8)
            for clock, hours in (("07:00", 8.5), ("13:00", 8.5), ("20:00", 11.0))]  # fmt: skip
    both = repeat_weeks(pd.DataFrame(rows), 2)
    hours = float(both["paid_h"] @ both["headcount"]) / 2
    staff = synthetic_people(CENTRE, {TEAM: hours}, start=MONDAY, seed=4)
    middle = MONDAY + pd.Timedelta(days=7)
    first = build_roster(CENTRE, both[both["start"] < middle], staff, settings=QUICK)
    later = carry_on(CENTRE, staff, first.roster, first.horizon)
    second = build_roster(CENTRE, both[both["start"] >= middle], later, settings=QUICK)
    whole = pd.concat([first.roster, second.roster])
    assert audit(CENTRE, second.roster, later, horizon=second.horizon).empty
    assert audit(CENTRE, whole, staff).empty
    end = carry_on(CENTRE, staff, whole, Horizon(WEEK.first, second.horizon.last))
    twice = carry_on(CENTRE, later, second.roster, second.horizon)
    same = ["agent_id", "last_end", "last_kind", "days_in_row", "nights_in_row"]
    pd.testing.assert_frame_equal(end[same], twice[same])
    np.testing.assert_allclose(end["balance_h"], twice["balance_h"])


@pytest.mark.parametrize(
    ("weekend", "worked"), [(["fri", "sat"], 2), (["fri"], 1), (["sun"], 1), (["mon"], 0)]
)
def test_weekends_carried_over_are_those_of_the_site(weekend: list[str], worked: int) -> None:
    """A Friday, the Saturday and Sunday of the next week: two weekends of Friday and Saturday."""
    centre = CENTRE.replace({"sites.kaluga.weekend": weekend})
    rows = pd.DataFrame([shift(day, "09:00") for day in (5, 13, 14)])
    fortnight = Horizon(WEEK.first, WEEK.last + pd.Timedelta(days=7))
    assert carry_on(centre, people(), rows, fortnight)["weekends_before"].tolist() == [worked]


def test_norms_follow_the_week_of_the_site() -> None:
    """Off on Friday and Saturday: a Sunday has a norm, and a Friday alone has the pace of the week."""
    centre = CENTRE.replace({"sites.kaluga.weekend": ["fri", "sat"]})
    assert hours_left(centre, people(), WEEK).tolist() == [40.0]
    assert own_norms(centre, people(), Horizon(WEEK.last, WEEK.last)).tolist() == [8.0]
    friday = WEEK.first + pd.Timedelta(days=4)
    assert own_norms(centre, people(), Horizon(friday, friday)).tolist() == [0.0]
    assert hours_left(centre, people(balance_h=0.0), Horizon(friday, friday)).tolist() == [40.0]


@pytest.mark.parametrize("weekend", [["sat", "sun"], ["fri", "sat"], ["fri"]])
def test_the_burdens_of_a_roster_are_those_of_a_count_without_solver(weekend: list[str]) -> None:
    """Squared distances from even shares, counted in the roster, priced: what the objective says."""
    centre = CENTRE.replace({"sites.kaluga.weekend": weekend})
    rows = [shift(day, clock, 8.5) | {"headcount": 2} for day in range(1, 8)
            for clock in ("07:00", "13:30", "21:00")]  # fmt: skip
    month = repeat_weeks(pd.DataFrame(rows), 4)
    staff = pd.DataFrame(
        [ANN | {"agent_id": name, "nights_before": n, "weekends_before": n % 3, "night_ok": name != "l"}
         for n, name in enumerate("abcdefghijkl")]
    )  # fmt: skip
    found = build_roster(centre, month, staff, settings=QUICK)
    assert found.unmet.empty
    shares = fairness(centre, found.roster, staff, found.horizon)
    price = {"nights": QUICK.fair_night_h, "weekends": QUICK.fair_weekend_h,
             "late shifts": QUICK.fair_late_h}  # fmt: skip
    assert unit_hour(centre) == 500.0
    assert len(shares) == 3 * 12 - 1
    counted = 500.0 * (shares["burden"].map(price) * shares["away"] ** 2).sum()
    assert counted == pytest.approx(found.parts["burdens"].sum())
