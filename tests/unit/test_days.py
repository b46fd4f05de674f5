"""The days to plan: closed days are told, missing rows are named, and the ends of a record are let be."""

import re
import warnings

import pandas as pd
import pytest
from factories import MONDAY, demand_of, one_site

from planning import Centre, PlanningError, demand_for, read_calls
from planning.demand.planned import planned_demand

OPEN = {"queues.calls.opens": "08:00", "queues.calls.closes": "20:00"}
SUNDAY = 6


def hotline(queues: tuple[str, ...] = ("calls",)) -> Centre:
    """One site, open from 08:00 to 20:00."""
    return one_site({f"queues.{name}.{edge}": hour for name in queues
                     for edge, hour in (("opens", "08:00"), ("closes", "20:00"))}, queues)  # fmt: skip


def weeks(number: int = 4, *, queue: str = "calls", calls: float = 6.0) -> pd.DataFrame:
    """Mondays to Saturdays that end on Saturday 28 November 2026."""
    start = MONDAY - pd.Timedelta(weeks=number - 1)
    rows = demand_of(calls, queue=queue, start=start, days=7 * number - 1, hours=(8, 20))
    return rows[rows["interval_start"].dt.day_of_week != SUNDAY].reset_index(drop=True)


def between(rows: pd.DataFrame, first: str, end: str) -> pd.Series:
    zone = rows["interval_start"].dt.tz
    return (rows["interval_start"] >= pd.Timestamp(first, tz=zone)) & (
        rows["interval_start"] < pd.Timestamp(end, tz=zone)
    )


def days_of(rows: pd.DataFrame) -> list[str]:
    return sorted(set(rows["interval_start"].dt.strftime("%a %d")))


# --- closed days ----------------------------------------------------------------------------------


def test_a_plan_that_starts_on_a_closed_day_says_so_and_starts_on_the_next():
    with pytest.warns(UserWarning, match="Sunday 29 November is closed; planned from Monday 30$"):
        taken = demand_for(hotline(), weeks(), days=1)
    assert days_of(taken) == ["Mon 30"]


def test_a_closed_day_inside_the_records_is_told_too():
    with pytest.warns(UserWarning, match="Sunday 15 November is closed; planned from Monday 16$"):
        taken = demand_for(hotline(), weeks(), "2026-11-15", days=3)
    assert days_of(taken) == ["Mon 16", "Tue 17"]


def test_another_month_is_named():
    """Monday 30 November was dropped with its week: the next open day is in December."""
    records = weeks(5)
    records = records[records["interval_start"].dt.day_of_week > 0]
    with pytest.warns(UserWarning, match="Sunday 29 November is closed; planned from Tuesday 1 December$"):
        demand_for(hotline(), records, days=1)


def test_a_week_that_ends_on_a_closed_day_lies_inside_the_records():
    """From Monday to Sunday, the records end on Saturday: nothing is to be forecast."""
    taken = demand_for(hotline(), weeks(), "2026-11-23", days=7)
    pd.testing.assert_frame_equal(taken, weeks(1))


def test_one_sunday_without_rows_is_enough_where_nobody_works_on_sundays():
    assert days_of(demand_for(hotline(), weeks(2), "2026-11-16", days=14))[0] == "Fri 20"


def test_a_public_holiday_without_rows_is_closed():
    records = weeks(5)
    records = records[~between(records, "2026-11-04", "2026-11-05")]
    assert "Wed 04" not in days_of(demand_for(hotline(), records, "2026-11-02", days=6))


def test_days_that_nobody_named_are_counted_from_the_first_open_one():
    with pytest.warns(UserWarning, match="Sunday 29 November is closed"):
        assert days_of(demand_for(hotline(), weeks(), days=2)) == ["Mon 30", "Tue 01"]


def short_fridays(records: pd.DataFrame, weekday: int = 4) -> pd.DataFrame:
    """Without the rows of Fridays after noon."""
    times = records["interval_start"].dt
    return records[(times.day_of_week != weekday) | (times.hour < 12)].reset_index(drop=True)


@pytest.mark.parametrize("start", ["2026-11-23", "2026-11-30"])
def test_a_weekday_that_always_ends_early_is_closed_then(start):
    """Inside the records and in a forecast."""
    with pytest.warns(UserWarning, match="calls is open from 08:00 to 12:00 on Fridays: no Friday has a row"):
        taken = demand_for(hotline(), short_fridays(weeks()), start, days=6)
    last = taken.groupby(taken["interval_start"].dt.day_name())["interval_start"].max()
    assert last.dt.strftime("%H:%M").to_dict() == dict.fromkeys(
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Saturday"], "19:45"
    ) | {"Friday": "11:45"}


def test_one_short_friday_lacks_rows():
    records = weeks()
    last = records["interval_start"] >= pd.Timestamp("2026-11-23", tz=records["interval_start"].dt.tz)
    records = pd.concat([records[~last], short_fridays(records[last])])
    with pytest.raises(PlanningError, match="no row of calls on Friday 27 November from 12:00 to 19:45"):
        demand_for(hotline(), records, "2026-11-23", days=6)


def test_hours_that_no_weekday_has_are_missing():
    """The queue's own hours say that it is open then."""
    records = weeks()[weeks()["interval_start"].dt.hour >= 10]
    with pytest.raises(PlanningError, match="no row of calls on Monday 23 November from 08:00 to 09:45"):
        demand_for(hotline(), records, "2026-11-23", days=6)


# --- missing rows ---------------------------------------------------------------------------------

GAPS = {
    "a whole day": (("2026-11-24", "2026-11-25"), "calls on Tuesday 24 November from 08:00 to 19:45:"),
    "four quarters": (
        ("2026-11-24 12:00", "2026-11-24 13:00"),
        "calls on Tuesday 24 November from 12:00 to 12:45:",
    ),
    "the first two hours": (
        ("2026-11-23 08:00", "2026-11-23 10:00"),
        "calls on Monday 23 November from 08:00 to 09:45:",
    ),
}


@pytest.mark.parametrize("gap", GAPS)
def test_missing_rows_are_named_and_refused(gap):
    span, text = GAPS[gap]
    records = weeks()[~between(weeks(), *span)]
    with pytest.raises(PlanningError, match=f"the demand has no row of {text} add the rows") as error:
        demand_for(hotline(), records, "2026-11-23", days=6)
    assert "give gaps as zero" in str(error.value)


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize(("gaps", "calls"), [("zero", 0.0), ("forecast", 6.0)])
def test_missing_rows_are_counted_as_none_or_forecast_where_that_is_asked(gap, gaps, calls):
    lost = between(weeks(), *GAPS[gap][0])
    taken = demand_for(hotline(), weeks()[~lost], "2026-11-23", days=6, gaps=gaps)
    filled = taken.sort_values("interval_start", ignore_index=True)
    assert filled["interval_start"].tolist() == weeks(1)["interval_start"].tolist()
    own = between(filled, *GAPS[gap][0])
    assert filled.loc[own, "calls"].to_numpy() == pytest.approx(calls, rel=0.01)
    assert set(filled.loc[~own, "calls"]) == {6.0}


def test_a_gap_with_no_day_before_it_cannot_be_forecast():
    records = weeks()[~between(weeks(), "2026-11-02 12:00", "2026-11-02 13:00")]
    with pytest.raises(PlanningError, match="no row of calls on Monday 2 November from 12:00 to 12:45"):
        demand_for(hotline(), records, "2026-11-02", days=6, gaps="forecast")


def test_a_demand_on_another_clock_lacks_nothing():
    elsewhere = weeks().assign(interval_start=weeks()["interval_start"].dt.tz_convert("UTC"))
    assert len(demand_for(hotline(), elsewhere, "2026-11-23", days=6)) == 288


def test_a_planned_demand_is_filled_as_one():
    planned = planned_demand(hotline(), weeks())
    lost = between(planned, *GAPS["four quarters"][0])
    taken = demand_for(hotline(), planned[~lost], "2026-11-23", days=6, gaps="zero")
    assert planned_demand(hotline(), taken)["calls"].sum() == planned.tail(288)["calls"].sum() - 4 * 6


def test_a_queue_without_any_row_is_named():
    centre = hotline(("calls", "mail"))
    with pytest.raises(PlanningError, match="the demand has no row of mail at all: add"):
        demand_for(centre, weeks(), "2026-11-23", days=6)
    taken = demand_for(centre, weeks(), "2026-11-23", days=6, gaps="zero")
    assert taken.groupby("queue")["calls"].sum().to_dict() == {"calls": 6.0 * 288, "mail": 0.0}


def test_more_gaps_than_three_are_counted():
    lost = sum(between(weeks(), f"2026-11-{day} 12:00", f"2026-11-{day} 13:00") for day in range(23, 28)) > 0
    with pytest.raises(PlanningError, match="and 2 more stretches"):
        demand_for(hotline(), weeks()[~lost], "2026-11-23", days=6)


def test_gaps_are_one_of_three_words():
    with pytest.raises(PlanningError, match="gaps is 'none', must be one of 'refuse', 'zero', 'forecast'"):
        demand_for(hotline(), weeks(), gaps="none")


@pytest.mark.parametrize("hours", [(8, 19.25), (8.75, 20)])
def test_less_than_an_hour_without_calls_at_an_end_of_the_records_is_counted_as_none(hours):
    """A call log says nothing of the time before its first call and after its last."""
    taken = demand_for(hotline(), demand_of(6.0, hours=hours), "2026-11-23", days=1)
    assert (len(taken), taken["calls"].sum()) == (48, 45 * 6.0)


@pytest.mark.parametrize("hours", [(8, 19), (9, 20)])
def test_an_hour_without_rows_at_an_end_of_the_records_is_refused(hours):
    with pytest.raises(PlanningError, match="the demand has no row of calls on Monday 23 November from"):
        demand_for(hotline(), demand_of(6.0, hours=hours), "2026-11-23", days=1)


def test_a_forecast_wants_the_empty_intervals_of_its_history():
    """Without them it would promise the calls of the busy intervals in all."""
    busy = weeks(12, calls=1.0)[lambda rows: rows.index % 4 < 2]
    with pytest.raises(PlanningError, match="the demand has no row of calls on"):
        demand_for(hotline(), busy, "2026-11-30", days=6)
    taken = demand_for(hotline(), busy, "2026-11-30", days=6, gaps="zero")
    assert taken["calls"].sum() == pytest.approx(144, rel=0.05)


def test_one_day_that_a_history_lacks_is_no_reason_to_refuse_it():
    lost = between(weeks(12), "2026-11-10", "2026-11-11")
    assert len(demand_for(hotline(), weeks(12)[~lost], "2026-11-30", days=6)) == 288


def test_a_call_log_has_zeros_where_nobody_called(tmp_path):
    """A few calls a day: every other interval is read as one without calls, and nothing is refused."""
    arrival = [
        day + pd.Timedelta(hours=h) for day in pd.date_range(MONDAY, periods=5) for h in (8.5, 14, 19.2)
    ]
    calls = pd.DataFrame({"call_id": range(15), "queue": "calls", "arrival": arrival, "wait_s": 5.0})
    calls = calls.assign(handle_s=200.0, outcome="answered", agent_id="a", utc_offset_h=3)
    calls.to_parquet(tmp_path / "calls.parquet")
    demand = read_calls(tmp_path / "calls.parquet", centre=hotline()).demand()
    taken = demand_for(hotline(), demand, "2026-11-23", days=5)
    assert (len(taken), taken["calls"].sum()) == (5 * 48, 15)


# --- dates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("date", ["2062-11-24", "2006-11-24"])
def test_a_row_far_from_all_others_is_refused(date):
    stray = demand_of(1.0, start=pd.Timestamp(date, tz="Europe/Moscow"), hours=(12, 12.25))
    text = f"rows of {date}, out of the range of the rest, which is 2026-11-02 to 2026-11-28"
    with pytest.raises(PlanningError, match=re.escape(text)):
        demand_for(hotline(), pd.concat([weeks(), stray]), "2026-11-23", days=6)


def test_days_inside_the_records_are_taken_as_they_are():
    taken = demand_for(hotline(), weeks(), "2026-11-24", 1)
    assert (
        taken["interval_start"].tolist()
        == weeks()["interval_start"][between(weeks(), "2026-11-24", "2026-11-25")].tolist()
    )


@pytest.mark.parametrize(("start", "days"), [("2026-11-27", 4), ("2026-10-31", 1), ("2026-10-30", 40)])
def test_days_partly_outside_the_records(start, days):
    text = rf"start is {start} and days {days}, the demand holds 2026-11-02 to 2026-11-28"
    with pytest.raises(PlanningError, match=text):
        demand_for(hotline(), weeks(), start, days)


def test_demand_of_another_interval_is_refused():
    with pytest.raises(PlanningError, match="demand of calls comes every 1800 s, must come every 900 s"):
        demand_for(hotline(), weeks()[::2], "2026-11-24", 1)


def test_no_warning_without_a_closed_day():
    with warnings.catch_warnings(action="error"):
        demand_for(hotline(), weeks(), "2026-11-23", 2)
