"""The absolute axis, daily windows across midnight, holidays, the production calendar."""

from datetime import date, timedelta

import pandas as pd
import pytest

from planning import PlanningError
from planning.calendars import (
    axis,
    day_norms,
    day_start,
    holiday_hours,
    hours_within,
    is_weekend,
    local_times,
    public_holidays,
    time_of_day,
    week_end,
    weekend_hours,
    weekend_of,
)

NIGHT = (timedelta(hours=22), timedelta(hours=6))


def span(start, end, zone="Europe/Moscow"):
    return tuple(pd.DatetimeIndex([edge]).tz_localize(zone) for edge in (start, end))


# Russia's production calendar for a 40-hour week.
@pytest.mark.parametrize(
    ("year", "hours"),
    [
        (2026, [120, 152, 168, 175, 151, 167, 184, 168, 176, 176, 159, 176]),
        (2027, [120, 151, 176, 175, 152, 167, 176, 176, 176, 168, 159, 176]),
    ],
)
def test_norm_hours_are_the_production_calendars(year, hours):
    """Every month of two years, transferred days and short days included; 1972 hours each."""
    days = pd.date_range(f"{year}-01-01", f"{year}-12-31")
    norms = pd.Series(day_norms(days, "RU", 40.0, eve_shorter_h=1.0), index=days)
    found = norms.groupby(days.month).sum().tolist()
    assert found == hours
    assert sum(found) == 1972


def test_norm_hours_of_a_shorter_week():
    """36 hours a week: 7.2 a day, and still an hour less on the eve of 4 November."""
    days = pd.date_range("2026-11-01", "2026-11-30")
    assert day_norms(days, "RU", 36.0, eve_shorter_h=1.0).sum() == pytest.approx(20 * 7.2 - 1)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-03-30", 24), ("2026-10-25", 25)])
def test_axis_has_as_many_intervals_as_the_day_has_hours(day, hours):
    times = axis(pd.Timestamp(day, tz="Europe/Berlin"), 1, 900)
    assert len(times) == 4 * hours
    assert (times[1:] - times[:-1]).unique() == [pd.Timedelta(minutes=15)]
    assert times[-1] + pd.Timedelta(minutes=15) == (pd.Timestamp(day) + pd.Timedelta(days=1)).tz_localize(
        "Europe/Berlin"
    )


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/Santiago", "2026-09-06", 23),
        ("Africa/Cairo", "2026-04-24", 23),
        ("America/Havana", "2026-11-01", 25),
    ],
)
def test_a_day_whose_midnight_is_skipped_or_comes_twice(zone, day, hours):
    """It begins with its first instant, and the day before ends there."""
    before = axis(day_start(pd.Timestamp(day) - pd.Timedelta(days=1), zone), 1, 3600)
    times = axis(day_start(day, zone), 1, 3600)
    assert len(times) == hours
    assert times[0] - before[-1] == pd.Timedelta(hours=1)
    assert {str(time.date()) for time in times} == {day}
    for weekend in ((5, 6), (4, 5)):
        rest = hours if times[0].day_of_week in weekend else 0
        assert weekend_hours(times[:1], times[-1:] + pd.Timedelta(hours=1), weekend).tolist() == [rest]


@pytest.mark.parametrize(
    ("zone", "offset"),
    [("Asia/Kolkata", "+05:30"), ("Asia/Kathmandu", "+05:45"), ("Australia/Lord_Howe", "+11:00")],
)
def test_a_day_of_a_zone_of_half_and_quarter_hours(zone, offset):
    """It starts at the local midnight, which is no whole hour in UTC."""
    times = axis(day_start("2026-11-23", zone), 1, 900)
    assert len(times) == 96
    assert times[0].isoformat() == f"2026-11-23T00:00:00{offset}"
    assert hours_within(times[:1], times[-1:], *NIGHT).tolist() == [7.75]


def test_a_day_on_which_clocks_change_by_half_an_hour():
    """Lord Howe Island, 4 October 2026."""
    assert len(axis(day_start("2026-10-04", "Australia/Lord_Howe"), 1, 900)) == 94


def test_the_weekend_is_the_country_s():
    days = pd.date_range("2026-11-26", periods=4)  # from a Thursday
    assert [is_weekend(days, weekend_of(country)).tolist() for country in ("DE", "EG", "none")] == [
        [False, False, True, True],
        [False, True, True, False],
        [False, False, True, True],
    ]


@pytest.mark.parametrize(
    ("weekend", "end"),
    [
        ((5, 6), (5, 6)),
        ((4, 5), (4, 5)),
        ((3, 4), (3, 4)),
        ((4,), (4,)),
        ((6,), (6,)),
        ((0, 6), (6, 0)),
        ((4, 6), (6,)),
        ((4, 5, 6), (5, 6)),
    ],
)
def test_the_days_that_end_a_week(weekend, end):
    assert week_end(weekend) == end


def test_a_country_without_shorter_eves_has_whole_days():
    """The day before Germany's Labour Day."""
    assert day_norms(pd.DatetimeIndex(["2026-04-30"]), "DE", 40.0).tolist() == [8.0]


def test_axis_begins_with_its_first_day():
    """Whole days, whatever the hour of the instant given."""
    noon = pd.Timestamp("2026-11-23 12:00", tz="Europe/Moscow")
    assert axis(noon, 1, 900).equals(axis(noon.normalize(), 1, 900))


def test_axis_of_a_week_with_a_clock_change_ends_at_midnight():
    times = axis(pd.Timestamp("2026-10-19", tz="Europe/Berlin"), 7, 1800)
    assert len(times) == 2 * (7 * 24 + 1)
    assert times[-1].isoformat() == "2026-10-25T23:30:00+01:00"


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-11-23 20:00", "2026-11-24 08:00", 8),  # the whole night
        ("2026-11-23 23:00", "2026-11-24 02:30", 3.5),  # inside it, across midnight
        ("2026-11-23 03:00", "2026-11-23 09:00", 3),  # the night that began the day before
        ("2026-11-23 03:00", "2026-11-23 23:30", 4.5),  # the ends of two nights
        ("2026-11-23 08:00", "2026-11-23 22:00", 0),  # up to its edge
        ("2026-11-23 12:00", "2026-11-26 12:00", 24),  # three nights
        ("2026-11-23 23:00", "2026-11-26 05:00", 22),  # parts of the first and the last
    ],
)
def test_night_hours(start, end, hours):
    assert hours_within(*span(start, end), *NIGHT) == pytest.approx([hours])


def test_night_hours_of_many_spans_of_unlike_length():
    starts = pd.DatetimeIndex(["2026-11-23 21:00", "2026-11-24 10:00"]).tz_localize("Europe/Moscow")
    ends = pd.DatetimeIndex(["2026-11-26 23:00", "2026-11-24 12:00"]).tz_localize("Europe/Moscow")
    assert hours_within(starts, ends, *NIGHT).tolist() == [25.0, 0.0]
    assert hours_within(starts[:0], ends[:0], *NIGHT).tolist() == []


@pytest.mark.parametrize(("day", "hours"), [("2026-03-28", 7), ("2026-10-24", 9)])
def test_a_night_in_which_clocks_change_has_an_hour_more_or_less(day, hours):
    """22:00 to 06:00 on the clock is what the law pays."""
    after = f"{pd.Timestamp(day) + pd.Timedelta(days=1):%Y-%m-%d} 09:00"
    assert hours_within(*span(f"{day} 20:00", after, "Europe/Berlin"), *NIGHT).tolist() == [hours]


def test_a_window_of_the_whole_day_holds_every_hour():
    whole = (timedelta(0), timedelta(days=1))
    assert hours_within(*span("2026-11-23 07:00", "2026-11-25 08:00"), *whole).tolist() == [49.0]


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-11-03 20:00", "2026-11-04 08:00", 8),  # into Unity Day
        ("2026-11-04 20:00", "2026-11-05 08:00", 4),  # out of it
        ("2026-11-03 08:00", "2026-11-04 00:00", 0),  # up to its edge
        ("2026-11-03 20:00", "2026-11-05 08:00", 24),
    ],
)
def test_holiday_hours(start, end, hours):
    assert holiday_hours(*span(start, end), "RU").tolist() == [hours]


def test_holiday_hours_across_new_year():
    """31 December 2026 is a day off moved there, and no holiday; the first of January is one."""
    assert holiday_hours(*span("2027-01-08 22:00", "2027-01-09 03:00"), "RU").tolist() == [2.0]
    assert holiday_hours(*span("2026-12-30 22:00", "2027-01-01 03:00"), "RU").tolist() == [3.0]


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        ("2027-05-09", 8),  # Victory Day, a Sunday
        ("2027-05-10", 0),  # the Monday that is off for it
        ("2026-03-08", 8),
        ("2026-03-09", 0),
        ("2026-01-03", 8),  # New Year Holidays, a Saturday
        ("2026-01-09", 0),  # the day off that a decree moved from it
    ],
)
def test_a_day_off_that_is_moved_is_no_holiday(day, hours):
    """TK RF 112 moves the day off, TK RF 153 doubles the pay of the holiday alone."""
    assert holiday_hours(*span(f"{day} 09:00", f"{day} 17:00"), "RU").tolist() == [hours]


def test_transferred_days_are_in_the_calendar():
    """Monday 9 March 2026 replaces Sunday the 8th."""
    assert date(2026, 3, 9) in public_holidays("RU", (2026,))
    assert date(2026, 3, 10) not in public_holidays("RU", (2026,))


def test_unknown_country_is_refused():
    with pytest.raises(PlanningError, match=r"country is 'XX', must be an ISO 3166 code \('DE'"):
        public_holidays("XX", (2026,))


def test_day_start_is_local_midnight():
    assert day_start("2026-11-23", "Asia/Vladivostok").isoformat() == "2026-11-23T00:00:00+10:00"
    assert day_start(date(2026, 11, 23), "Europe/Moscow").isoformat() == "2026-11-23T00:00:00+03:00"


@pytest.mark.parametrize(
    "day", ["2026-13-01", "tomorrow", "2026-11-23 08:00", "2026-11-23T00:00+03:00", "", "01.12.2026"]
)
def test_day_start_refuses_what_is_no_date(day):
    with pytest.raises(PlanningError, match=r"is not a date .*: write it as 2026-11-23"):
        day_start(day, "Europe/Moscow")


def test_time_of_day_is_that_of_the_zone():
    """19:30 in London is 22:30 in Moscow, and 22:30 is tomorrow there."""
    times = pd.DatetimeIndex(["2026-11-23 19:30", "2026-11-23 22:30"], tz="UTC")
    moscow = times.tz_convert("Europe/Moscow")
    assert time_of_day(moscow).tolist() == [pd.Timedelta("22:30:00"), pd.Timedelta("01:30:00")]


def test_local_times_are_those_of_each_zone():
    """One instant before and after clocks change in Berlin, which they do not in Almaty or Kathmandu."""
    times = pd.DatetimeIndex(["2026-10-24 12:00", "2026-10-26 12:00"] * 3, tz="UTC")
    zones = ["Europe/Berlin"] * 2 + ["Asia/Almaty"] * 2 + ["Asia/Kathmandu"] * 2
    found = local_times(times, zones).strftime("%H:%M").tolist()
    assert found == ["14:00", "13:00", "17:00", "17:00", "17:45", "17:45"]
