"""The people on staff: what they owe by calendar, leave and balance, and on which days hours are idle."""

import pandas as pd
import pytest
from factories import MONDAY, one_site, roster_of

from planning.calendars import axis
from planning.roster.inputs import Horizon
from planning.roster.staff import hours_owed, idle_by_day, staff_of

CENTRE = one_site({"labour.eve_shorter_h.value": 1})


def people(*rows):
    """PEOPLE of calls_north with forty hours each, changed as each row says."""
    ann = {
        "site": "north",
        "team": "calls_north",
        "grade": "operator",
        "contract_h_week": 40,
        "night_ok": True,
    }
    return pd.DataFrame([ann | {"agent_id": f"p{number}"} | row for number, row in enumerate(rows)])


def days(first, last=None):
    return Horizon(pd.Timestamp(first), pd.Timestamp(last or first))


@pytest.mark.parametrize(
    ("row", "horizon", "owed_h"),
    [
        ({}, days("2026-11-23", "2026-11-29"), 40.0),
        ({"contract_h_week": 20}, days("2026-11-23", "2026-11-29"), 20.0),
        ({}, days("2026-11-02", "2026-11-08"), 31.0),  # 4 November is a holiday, its eve an hour shorter
        ({"balance_h": 6.0}, days("2026-11-23", "2026-11-29"), 34.0),
        ({"balance_h": 60.0}, days("2026-11-23", "2026-11-29"), 0.0),
        ({"balance_h": -6.0}, days("2026-11-23", "2026-11-29"), 46.0),
        ({}, days("2026-11-24"), 40 / 7),
        ({}, days("2026-11-28", "2026-11-29"), 80 / 7),  # a weekend, on which the calendar asks nobody
        ({"balance_h": 0.0}, days("2026-11-28"), 40 / 7),
        ({}, days("2026-11-27", "2026-12-01"), 5 * 40 / 7),  # over the end of a week
        ({}, days("2026-11-23", "2026-11-27"), 40.0),  # the centre is closed at the weekend
        ({}, days("2026-11-25", "2026-12-08"), 80.0),
    ],
)
def test_hours_are_owed_by_the_calendar(row, horizon, owed_h):
    assert hours_owed(CENTRE, people(row), horizon).tolist() == pytest.approx([owed_h])


@pytest.mark.parametrize("kind", ["leave", "study"])
def test_nothing_is_owed_on_leave(kind):
    away = {f"{kind}_from": "2026-11-26T00:00+03:00", f"{kind}_until": "2026-12-10T00:00+03:00"}
    assert hours_owed(CENTRE, people({}, away), days("2026-11-23", "2026-11-29")).tolist() == [40.0, 24.0]


def test_the_staff_are_all_people_with_what_they_work():
    roster = roster_of(("p0", "2026-11-23 09:00", "2026-11-23 17:00"))
    staff = staff_of(CENTRE, people({}, {"contract_h_week": 20}), roster, axis(MONDAY, 7, 900))
    assert staff["owed_h"].tolist() == [40.0, 20.0]
    assert staff["paid_h"].tolist() == [8.0, 0.0]


def test_idle_hours_fall_on_days_on_which_people_are_free():
    """Two people; both work on Monday, one on Tuesday, and one is on leave from Thursday on.

    From Tuesday on 8, 16, 8 and 8 of the calendar's hours are free, and nothing is asked of the weekend.
    """
    roster = roster_of(
        ("p0", "2026-11-23 09:00", "2026-11-23 17:00"),
        ("p1", "2026-11-23 09:00", "2026-11-23 17:00"),
        ("p0", "2026-11-24 09:00", "2026-11-24 17:00"),
    )
    away = {"leave_from": "2026-11-26T00:00+03:00", "leave_until": "2026-12-10T00:00+03:00"}
    idle_h = pd.Series({"calls_north": 20.0, "calls_south": 0.0})
    found = idle_by_day(CENTRE, people({}, away), roster, idle_h, axis(MONDAY, 7, 900))
    assert found.index.tolist() == ["calls_north"]
    assert found.loc["calls_north"].tolist() == pytest.approx([0, 4, 8, 4, 4, 0, 0])


def test_idle_hours_of_a_weekend_are_on_its_days():
    roster = roster_of(("p0", "2026-11-28 09:00", "2026-11-28 17:00"))
    saturday = axis(pd.Timestamp("2026-11-28", tz="Europe/Moscow"), 2, 900)
    found = idle_by_day(CENTRE, people({}), roster, pd.Series({"calls_north": 3.0}), saturday)
    assert found.loc["calls_north"].tolist() == [1.5, 1.5]
