"""Hours that end after midnight, through the house: 10:00 to 01:00 belongs to the day on which it begins."""

from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, demand_of, people_of, raw_centre, two_sites
from file_audit import FileAudit

from planning import read_calls
from planning.calendars import axis
from planning.centre import Centre
from planning.centre.describe import describe
from planning.centre.routing import answering_sites
from planning.centre.settings import Hours
from planning.demand import demand_for
from planning.errors import PlanningError
from planning.overflow import closing_at, night_overflow, open_hours
from planning.overflow.closing import hand_overs
from planning.plan import plan
from planning.report import figures
from planning.simulation import contacts_of

LATE = {"opens": "10:00", "closes": "01:00"}
HOURS = {"sites.south.opens": "10:00", "sites.south.closes": "01:00"}
SOUTH = two_sites(HOURS)


def late():
    """One site and its queue, from 10:00 to 01:00."""
    raw = raw_centre({"bar": ("10:00", "01:00")})
    raw["queues"]["calls"] |= LATE
    raw["shifts"] = raw["shifts"] | {"start_every_min": 30}
    return Centre.of(raw)


def rows_of(centre, days, *, calls=6.0, closed=()):
    """DEMAND in every interval of the hours that begin on a weekday that is not closed."""
    times = axis(MONDAY, days, 900)
    queue = centre.queues["calls"]
    times = times[queue.open_at(times) & ~queue.day_of(times).day_of_week.isin(closed)]
    return pd.DataFrame({"queue": "calls", "interval_start": times, "calls": calls, "aht_s": 240.0})


# --- hours ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opens", "closes", "length_h"),
    [("10:00", "01:00", 15), ("22:00", "06:00", 8), ("08:00", "08:00", 24), ("08:00", "00:00", 16),
     ("00:00", "24:00", 24), ("00:00", "22:00", 22), ("23:45", "00:00", 0.25)],
)  # fmt: skip
def test_hours_are_open_when_a_walk_by_minutes_says_so(opens, closes, length_h):
    """By brute force: from the opening on, minute by minute, until the clock shows the closing."""
    site = Hours.of({"opens": opens, "closes": closes})
    minute, walked = site.opens, set()
    while True:
        walked.add(minute % timedelta(days=1))
        minute += timedelta(minutes=1)
        if minute % timedelta(days=1) == site.closes % timedelta(days=1):
            break
    minutes = [timedelta(minutes=number) for number in range(24 * 60)]
    assert {one for one in minutes if site.is_open(one)} == walked
    assert len(walked) == length_h * 60
    times = MONDAY + pd.to_timedelta(minutes)
    assert site.open_at(times).tolist() == [one in walked for one in minutes]


def test_the_centre_is_the_same_after_it_was_written():
    centre = late()
    assert Centre.of(centre.model_dump(mode="json")) == centre
    assert centre.model_dump(mode="json")["sites"]["bar"]["closes"] == "01:00"
    assert centre.replace({}) == centre


def test_a_queue_has_the_hours_of_its_sites():
    """From the first opening to the last closing, which may be after midnight."""
    raw = raw_centre({"bar": ("10:00", "01:00"), "cafe": ("08:00", "18:00")})
    raw["queues"]["calls"].pop("sites")
    rules = [{"from_site": "cafe", "to_site": "bar"}, {"from_site": "bar", "to_site": "cafe"}]
    queue = Centre.of(raw | {"overflow": rules}).queues["calls"]
    assert (queue.opens, queue.closes) == (timedelta(hours=8), timedelta(hours=25))


def test_check_says_that_it_is_the_next_day():
    told = "\n".join(describe(late()))
    assert "Site bar: open 10:00 to 01:00 of the next day." in told


# --- demand -----------------------------------------------------------------------------------------------


def test_a_closed_sunday_begins_after_saturdays_hours():
    """Sunday has the last hour of Saturday, and Monday begins without one."""
    centre = late()
    rows = rows_of(centre, 14, closed=[6])
    taken = demand_for(centre, rows, "2026-11-30", 7)
    per_day = taken["interval_start"].dt.day_of_week.value_counts().sort_index()
    assert per_day.tolist() == [56, 60, 60, 60, 60, 60, 4]


def test_a_missing_hour_after_midnight_is_refused():
    centre = late()
    rows = rows_of(centre, 14, closed=[6])
    gone = rows["interval_start"].between("2026-12-03 00:00+03:00", "2026-12-03 00:59+03:00")
    with pytest.raises(PlanningError, match="no row of calls on Thursday 3 December from 00:00 to 00:45"):
        demand_for(centre, rows[~gone], "2026-11-30", 7)


def test_an_earlier_closing_on_some_weekdays_is_found_and_said():
    """Mondays end at 22:00: their hours after midnight would be Tuesday's rows."""
    centre = late()
    rows = rows_of(centre, 21)
    served = centre.queues["calls"].day_of(pd.DatetimeIndex(rows["interval_start"]))
    clock = rows["interval_start"].dt.tz_localize(None) - served
    rows = rows[~((served.day_of_week == 0) & (clock >= pd.Timedelta(hours=22)))]
    with pytest.warns(UserWarning, match="calls is open from 10:00 to 22:00 on Mondays"):
        taken = demand_for(centre, rows, "2026-12-07", 2)
    assert taken["interval_start"].dt.day_of_week.value_counts().sort_index().tolist() == [52, 56]


def test_records_are_counted_with_zeros_after_midnight(tmp_path):
    """Nobody called on Wednesday after midnight, nor at 11:00; a call at 03:00 is refused."""
    centre = late()
    times = [f"2026-11-{day:02d}T{clock}:00+03:00" for day in (23, 24) for clock in ("10:05", "23:50")]
    times += ["2026-11-24T00:20:00+03:00", "2026-11-24T03:00:00+03:00", "2026-11-25T10:01:00+03:00"]
    table = pd.DataFrame({"queue": "calls", "arrival": times, "answer": times, "agent_id": "a"})
    table["end"] = [f"{pd.Timestamp(one) + pd.Timedelta(minutes=3):%Y-%m-%dT%H:%M:%S%z}" for one in times]
    table = table.assign(outcome="answered", handle_s=180)
    table.to_csv(tmp_path / "calls.csv", index=False)
    log = read_calls(tmp_path / "calls.csv", centre=centre)
    demand = log.demand(900)
    assert log.rejected["reason"].tolist() == ["arrived while its queue is closed"]
    clock = demand["interval_start"].dt.strftime("%a %H:%M")
    assert demand["calls"].sum() == 6
    assert {"Tue 00:15", "Tue 00:45", "Wed 00:00", "Wed 00:45"} <= set(clock)
    assert not clock.str[4:].between("01:00", "09:59").any()


# --- requirement, shifts, roster, simulation --------------------------------------------------------------


@pytest.fixture(scope="module")
def made():
    """Three days planned from Monday on, in which a shift of Monday's ends on Tuesday."""
    centre = late()
    people = people_of(centre, 14)
    demand = rows_of(centre, 3)
    found = plan(centre, demand, people, replications=4)
    return SimpleNamespace(centre=centre, people=people, demand=demand, plan=found)


def test_every_open_interval_is_staffed_and_no_other(made):
    """Counted by hand from the rows of the roster, breaks taken away."""
    found = made.plan
    times = axis(MONDAY, 3, 900)
    here = pd.Series(0, index=times)
    week = pd.Timedelta(days=3)
    for rows, sign in ((found.roster.roster, 1), (found.breaks, -1)):
        for start, end in zip(rows["start"], rows["end"], strict=True):
            for shift in (pd.Timedelta(0), week):  # the horizon repeats
                here[(times >= start - shift) & (times < end - shift)] += sign
    needed = found.requirement.set_index("interval_start")["rostered"].reindex(times, fill_value=0)
    assert (here >= needed).all()
    clock = times.hour + times.minute / 60
    shut = (clock >= 1) & (clock < 10)
    assert (here[shut] == 0).all()
    assert (needed[~shut] > 0).all()
    ends = found.roster.roster["end"]
    assert (ends.dt.strftime("%H:%M") == "01:00").any()


def test_the_files_are_lawful_and_the_promise_is_kept(made, tmp_path):
    """A second opinion knows neither solver nor rules; the simulation knows no formula."""
    made.people.to_csv(tmp_path / "people.csv", index=False)
    made.plan.save(tmp_path / "plan")
    assert list(FileAudit(tmp_path / "plan", made.centre, tmp_path / "people.csv").faults()) == []
    assert made.plan.holds


def test_callers_of_the_simulation_come_only_in_open_hours(made):
    contacts = contacts_of(made.centre, made.demand, made.plan, seed=1)
    clock = pd.DatetimeIndex(contacts["arrival"]).hour
    assert not ((clock >= 1) & (clock < 10)).any()
    assert (clock == 0).any()


# --- overflow ---------------------------------------------------------------------------------------------


def test_calls_move_at_the_closing_after_midnight():
    times = axis(MONDAY, 1, 900)
    answers = answering_sites(SOUTH, "calls", times)["south"]
    clock = times.hour + times.minute / 60
    assert (answers == np.where((clock >= 1) & (clock < 10), "north", "south")).all()
    moved = night_overflow(SOUTH, demand_of()).moved
    assert set(pd.DatetimeIndex(moved["interval_start"]).hour) == set(range(1, 10))


def test_a_rule_for_friday_begins_with_fridays_closing():
    """On Saturday at 01:00, and it ends at Saturday's opening; on other nights nobody answers."""
    centre = two_sites(HOURS | {"queues.calls.opens": "10:00", "queues.calls.closes": "02:00",
                                "overflow.0.until": "02:00"})  # fmt: skip
    night = pd.DatetimeIndex([MONDAY + pd.Timedelta(days=day, hours=1.5) for day in range(7)])
    assert answering_sites(centre, "calls", night)["south"].tolist() == ["north"] * 7
    with pytest.raises(PlanningError, match="no answering site at 01:00 on mon for callers of south"):
        centre.replace({"overflow.0.days": ["fri"]})
    week = [
        {"from_site": "south", "to_site": "north", "days": ["fri", "sat"]},
        {"from_site": "south", "to_site": "third", "days": ["mon", "tue", "wed", "thu", "sun"]},
    ]
    raw = raw_centre({"south": ("10:00", "01:00"), "third": ("00:00", "24:00"), "north": ("00:00", "24:00")})
    by_day = answering_sites(Centre.of(raw | {"overflow": week}), "calls", night)["south"]
    assert by_day.tolist() == ["third"] * 5 + ["north"] * 2  # the night after Friday is Saturday's


def test_another_closing_hour_across_midnight():
    """Earlier and later, on both sides of midnight; the rule follows."""
    assert hand_overs(SOUTH)["south"][0] == timedelta(hours=25)
    for hour, first in (("00:30", 0.5), ("02:00", 2.0), ("23:00", 23.0)):
        moved = night_overflow(closing_at(SOUTH, hour), demand_of()).moved
        times = pd.DatetimeIndex(moved["interval_start"])
        clock = set(times.hour + times.minute / 60)
        assert clock == {at for at in np.arange(0, 24, 0.25) if (at - first) % 24 < (10 - first) % 24}


def test_calls_of_a_closed_hour_are_lost_where_no_rule_takes_them():
    centre = late()
    left, lost = open_hours(centre, closing_at(centre, "23:00"), rows_of(centre, 3))
    assert lost == {"calls": 6.0 * 4 * 2 * 3}
    assert len(left) == 3 * 13 * 4


def test_figures_mark_the_closing():
    """Also in the first night, whose hours began the day before."""
    marks = figures.closings(late(), axis(MONDAY, 2, 900))
    assert [f"{at:%a} {text}" for at, text in marks.items()] == [
        "Mon 01:00 Bar closes",
        "Tue 01:00 Bar closes",
    ]
