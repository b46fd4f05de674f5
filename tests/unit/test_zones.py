"""Clocks that skip midnight, run by half hours, or show 23 and 25 hours: shifts, roster and audit agree."""

import icalendar
import pandas as pd
import pytest
from factories import demand_of, one_site, people_of

from planning.app import Page
from planning.calendars import axis, day_start
from planning.demand import Synthetic, forecast, reforecast, synthetic_calls, synthetic_demand
from planning.pay import cost_of
from planning.plan import plan
from planning.report.roster_book import write_calendars
from planning.roster.audit import audit
from planning.roster.carry_over import carry_on
from planning.roster.fairness import fairness
from planning.roster.model import RosterSettings, build_roster
from planning.shifts import CoverSettings, cover

QUICK = RosterSettings(pricing_rounds=5, dive_rounds=1, searches=0, exchanges=50)
DAYS = [
    ("America/Santiago", "2026-09-05", 47),  # the second day begins at 01:00
    ("Africa/Cairo", "2026-04-24", 47),  # the first does
    ("America/Havana", "2026-03-08", 47),
    ("America/Havana", "2026-10-31", 49),  # midnight comes twice
    ("Asia/Kolkata", "2026-11-23", 48),
    ("Asia/Kathmandu", "2026-11-23", 48),
    ("Europe/Berlin", "2026-03-28", 47),
    ("Europe/Berlin", "2026-10-24", 49),
]


def test_calls_are_drawn_where_the_clock_skips_midnight():
    """A day of 23 hours without a midnight has its calls, in the demand and in the records."""
    settings = Synthetic.load("data/synthetic.toml").model_copy(update={"time_zone": "America/Santiago"})
    demand = synthetic_demand(settings, start="2026-09-05", days=2, seed=1)
    second = demand[demand["interval_start"].dt.day == 6]
    assert second["interval_start"].min().hour == 1
    calls = synthetic_calls(settings, day="2026-09-06", seed=1)
    assert len(calls) == second["calls"].sum() > 0
    assert calls["arrival"].min() >= day_start("2026-09-06", "America/Santiago")


@pytest.mark.parametrize(("zone", "first", "hours"), DAYS)
def test_two_days_are_covered_rostered_and_judged(zone, first, hours):
    """One head at any hour, however many there are, and nothing for the audit, which counts by itself."""
    centre = one_site({"time_zone": zone})
    times = axis(day_start(first, zone), 2, 900)
    assert len(times) == 4 * hours
    need = pd.DataFrame({"queue": "calls", "site": "north", "interval_start": times, "calls": 0.0})
    need = need.assign(aht_s=0.0, load_erlangs=0.0, agents=1, rostered=1, service_level=1.0)
    covered = cover(centre, need, settings=CoverSettings(gap=0.1))
    assert covered.unmet.empty
    staff = people_of(centre, 12)
    found = build_roster(centre, covered.shifts, staff, settings=QUICK)
    assert found.unmet.empty
    assert audit(centre, found.roster, staff).empty
    later = carry_on(centre, staff, found.roster, found.horizon)
    assert later["last_end"].notna().sum() == found.roster["agent_id"].nunique()
    shared = fairness(centre, found.roster, staff, found.horizon)
    assert shared[shared["burden"] == "nights"]["away"].sum() == pytest.approx(0.0)
    breaks = pd.DataFrame({name: [] for name in ("agent_id", "shift_id", "start", "end", "paid")})
    assert cost_of(centre, found.roster, breaks, times)["paid_h"].sum() == found.roster["paid_h"].sum()


@pytest.mark.parametrize(
    ("zone", "day"), [("America/Santiago", "2026-09-06"), ("Asia/Kathmandu", "2026-11-23")]
)
def test_a_whole_plan_of_a_day_without_midnight(zone, day, tmp_path):
    """Required, covered, rostered, simulated, proved and written; the day's calls are all counted."""
    centre = one_site({"time_zone": zone})
    demand = demand_of(3.0, start=day_start(day, zone))
    made = plan(centre, demand, people_of(centre, 20), replications=2)
    assert len(made.certificate) == 1
    assert audit(centre, made.roster.roster, people_of(centre, 20)).empty
    offered = made.simulation.intervals["offered"].sum()
    assert offered == pytest.approx(3.0 * len(demand), rel=0.3)
    made.save(tmp_path)
    assert (tmp_path / "summary.json").exists()
    first = made.roster.roster.iloc[0]
    (file,) = write_calendars(
        tmp_path / "calendars", made.roster.roster.iloc[:1], centre, made=first["start"]
    )
    (event,) = icalendar.Calendar.from_ical(file.read_bytes()).events
    assert (event.start, event.end) == (first["start"], first["end"])


def test_the_page_of_a_day_without_midnight():
    """It offers both days of the demand, the second of which begins at 01:00."""
    centre = one_site({"time_zone": "America/Santiago"})
    page = Page(
        centre, demand_of(3.0, start=day_start("2026-09-05", "America/Santiago"), days=2), apart=False
    )
    assert page.controls["day"].options == ("Sat 05 Sep 2026", "Sun 06 Sep 2026")


def test_a_day_without_midnight_is_forecast_anew():
    """Its morning begins at 01:00 and belongs to it."""
    times = axis(day_start("2026-08-16", "America/Santiago"), 21, 3600)
    history = pd.DataFrame({"queue": "calls", "interval_start": times, "calls": 10.0, "aht_s": 100.0})
    made = forecast(history, 1, zone="America/Santiago", country="CL")
    morning = made.loc[:8, ["queue", "interval_start", "calls", "aht_s"]].assign(calls=20.0)
    rest = reforecast(made, morning, history, zone="America/Santiago", country="CL")
    assert len(rest) == 23 - len(morning)
    assert (rest["interval_start"] > morning["interval_start"].max()).all()
