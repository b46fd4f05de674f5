"""Every system is in the plan: duties, work that waits, careers; costs add up, and what-ifs reach them."""

import functools

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, demand_of, one_site, people_of, two_sites

from planning import Centre, PlanningError, compare, plan, requirement
from planning.deferred import age_when_done
from planning.demand.planned import planned_demand
from planning.report.plan_page import plan_notebook
from planning.shifts import cover_all, on_position, waiting_work
from planning.tables import SHIFTS

WAITS = {
    "sites": {"north": 1.0},
    "target": {"max_occupancy": 0.9},
    "pooled": False,
    "min_agents": 0,
    "opens": "08:00",
    "closes": "20:00",
    "due_days": 2.0,
    "beside_calls": 0.5,
    "aht_s": 1800.0,
}


def whole_centre(**changes: object) -> Centre:
    """One site with calls, claims to look into beside them, a doctor, a quality group and careers."""
    raw = one_site(queues=("calls", "quality")).model_dump()
    raw["queues"]["claims"] = WAITS
    raw["queues"]["calls"] |= {"follow_ups": {"claims": 0.05}, "opens": "08:00", "closes": "20:00"}
    raw["queues"]["quality"] = WAITS | {"due_days": 7.0, "aht_s": None}
    raw["teams"]["calls_north"]["queues"] = ["calls", "claims"]
    raw["teams"]["quality_north"]["grade"] = "quality"
    raw["teams"]["doctor"] = {
        "site": "north",
        "duty_h": 12.0,
        "wage_month": 100_000.0,
        "grade": "doctor",
    }
    default = Centre.load().systems.model_dump()
    raw["systems"] = {name: default[name] for name in ("quality", "careers", "wellbeing")}
    for grade in default["careers"]["grades"].values():
        grade["wage_month"] = 80_000.0
    return Centre.of(raw).replace(changes)


def two_days() -> pd.DataFrame:
    calls = demand_of(20.0, hours=(8, 20), days=2)
    return pd.concat(
        [calls, demand_of(1.0, 1200.0, queue="quality", hours=(8, 20), days=2)], ignore_index=True
    )


@functools.cache
def made():
    centre = whole_centre()
    return plan(centre, two_days(), people_of(centre, 24), replications=4)


# --- work that waits ------------------------------------------------------------------------------


def test_calls_leave_work_behind():
    """A twentieth of the calls, at the mean time of the settings; a demand that counts it itself is kept."""
    found = planned_demand(whole_centre(), two_days())
    own = found[found["queue"] == "claims"]
    assert own["calls"].to_numpy() == pytest.approx(np.full(96, 1.0))
    assert set(own["aht_s"]) == {1800.0}
    counted = pd.concat([two_days(), demand_of(3.0, 600.0, queue="claims", hours=(8, 20), days=2)])
    again = planned_demand(whole_centre(**{"queues.claims.aht_s": 600.0}), counted)
    assert set(again.loc[again["queue"] == "claims", "calls"]) == {3.0}
    assert planned_demand(whole_centre(), found).equals(found)


def test_work_of_closed_hours_is_not_lost():
    short = whole_centre(**{"queues.claims.opens": "10:00", "queues.claims.closes": "16:00"})
    found = planned_demand(short, two_days())
    own = found[found["queue"] == "claims"]
    assert own["calls"].sum() == pytest.approx(96)
    assert own["interval_start"].dt.hour.between(10, 15).all()


def test_heads_beside_calls_hold_the_promise_and_no_more():
    """Ages from the requirement's own figures: what gets done between calls, and the heads beyond them."""
    centre = whole_centre()
    needed = requirement(centre, two_days())
    calls, work = (needed[needed["queue"] == name] for name in ("calls", "claims"))
    between = 0.5 * (calls["agents"] - calls["load_erlangs"]).to_numpy()
    able = np.zeros(192)
    at = ((work["interval_start"] - MONDAY) // pd.Timedelta(minutes=15)).to_numpy()
    able[at] = between + 0.9 * work["rostered"].to_numpy()
    load = np.zeros(192)
    load[at] = work["load_erlangs"]
    assert age_when_done(load, able, interval_s=900.0).max() <= 2.0
    assert work["rostered"].sum() > 0
    alone = requirement(whole_centre(**{"queues.claims.beside_calls": 0.0}), two_days())
    assert alone.loc[alone["queue"] == "claims", "rostered"].sum() > work["rostered"].sum()


def test_more_absence_needs_more_heads():
    centre = whole_centre()
    absent = centre.replace({"teams.calls_north.shrinkage": 0.3})
    heads = [
        requirement(one, two_days()).query("queue == 'claims'")["rostered"].sum() for one in (centre, absent)
    ]
    assert heads[1] >= heads[0]


def test_work_is_put_aside_for_callers():
    """The simulation has no calls of work that waits, and the plan's waiting work is in time."""
    assert list(made().simulation.queues.index) == ["calls"]
    assert (made().waiting["oldest_days"] <= made().waiting["due_days"]).all()
    assert set(made().waiting["queue"]) == {"claims", "quality"}


def test_late_work_breaks_the_plan():
    import dataclasses

    few = made().cover.shifts.assign(headcount=0)
    late = dataclasses.replace(made(), cover=dataclasses.replace(made().cover, shifts=few))
    assert np.isinf(late.waiting["oldest_days"]).all()
    assert not late.holds


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"queues.claims.target": {"service_level": 0.8}}, r"due_days is 2 beside a target for callers"),
        ({"queues.calls.beside_calls": 0.5}, r"beside_calls is 0.5 without due_days"),
        ({"queues.calls.follow_ups": {"calls": 0.5}}, r"follow_ups names 'calls', which must have due_days"),
        ({"queues.calls.follow_ups": {"x": 0.5}}, r"queues.calls.follow_ups names 'x', must be one of"),
        ({"queues.claims.aht_s": None}, r"which must have due_days and aht_s"),
        ({"queues.claims.due_days": 0.0}, r"due_days is 0.0, must be greater than 0"),
    ],
)
def test_work_that_cannot_wait_so_is_refused(changes, text):
    with pytest.raises(PlanningError, match=text):
        whole_centre(**changes)


# --- whole shifts ---------------------------------------------------------------------------------


def test_duties_and_whole_shifts_are_in_every_table():
    """The doctor's duty: one at every minute of both days, by name, lawfully, and paid."""
    roster = made().roster.roster
    doctors = roster[roster["team"] == "doctor"]
    minutes = pd.date_range(MONDAY + pd.Timedelta(hours=20), periods=1440, freq="min")
    there = sum(((row.start <= minutes) & (minutes < row.end)).astype(int) for row in doctors.itertuples())
    assert (there == 1).all()
    cost = made().cost.set_index("team")
    rate = 100_000 / 160 * 1.25
    assert cost.loc["doctor", "total_cost"] - cost.loc["doctor", "idle_cost"] == pytest.approx(
        2 * (24 + 0.2 * 8) * rate
    )
    assert cost.loc["doctor", ["turnover_cost", "leaders_cost"]].tolist() == [0, 0]
    assert made().breaches.empty
    SHIFTS.check(made().cover.shifts)


def test_requirement_of_whole_shifts_is_what_they_hold():
    """Every row of the requirement is covered by the shifts, work that waits included."""
    needed, cover = made().requirement, made().cover
    times = pd.DatetimeIndex(sorted(needed["interval_start"].unique()))
    whole = pd.date_range(MONDAY, periods=192, freq="15min")
    for team, queues in {"calls_north": ["calls", "claims"], "quality_north": ["quality"]}.items():
        own = cover.shifts[cover.shifts["team"] == team]
        here = pd.Series(on_position(own, cover.patterns, whole), whole).reindex(times)
        asked = needed[needed["queue"].isin(queues)].groupby("interval_start")["rostered"].sum()
        assert (here >= asked.reindex(times).fillna(0)).all()


def test_only_whole_shifts_make_a_plan_too():
    needed = requirement(whole_centre(), two_days().query("queue == 'quality'"))
    found = cover_all(whole_centre(), needed)
    assert set(found.shifts["team"]) == {"doctor", "quality_north"}
    assert found.unmet.empty
    assert found.gap == 0
    assert waiting_work(whole_centre(), needed, found)["oldest_days"].max() < 7


def office_of_mail() -> Centre:
    """Open from eight to four, with one queue, of work that waits."""
    hours = {f"{place}.{edge}": hour for place in ("sites.north", "queues.calls")
             for edge, hour in (("opens", "08:00"), ("closes", "16:00"))}  # fmt: skip
    waits = {"due_days": 2.0, "aht_s": 400.0, "target": {"max_occupancy": 0.9}}
    lengths = {"shifts.lengths_h": {"short": 6.5, "day": 8.5}, "shifts.meal_min": {"short": 30, "day": 30}}
    return one_site(hours | {f"queues.calls.{name}": value for name, value in waits.items()} | lengths)


def test_a_centre_without_callers_is_planned(tmp_path):
    """In the usual shift that fits: the office has no room for eight and a half hours."""
    made = plan(office_of_mail(), demand_of(3, days=2, hours=(8, 16)), replications=2)
    assert set(made.cover.shifts["paid_h"]) == {6.0}
    assert set(made.cover.shifts["start"].dt.strftime("%H:%M")) == {"08:00"}
    assert made.holds
    assert made.outcome.empty
    assert made.summary["service_level"] == {}
    assert (made.save(tmp_path / "plan") / "plan.xlsx").exists()
    assert plan_notebook(made.summary, made.tables, made.centre)["cells"]


def test_two_day_sites_change_doctors_when_they_open():
    from planning.shifts.duties_and_waiting import duties

    raw = two_sites().model_dump()
    raw["teams"] |= {
        f"doctor_{site}": {"site": site, "duty_h": 10.0, "wage_month": 1.0, "grade": "doctor"}
        for site in ("south", "north")
    }
    rows = duties(Centre.of(raw), pd.date_range(MONDAY, periods=96, freq="15min"))
    starts = {team: [f"{s:%H:%M}" for t, s, *_ in rows if t == team] for team, *_ in rows}
    assert starts == {"doctor_south": ["08:00", "15:00"], "doctor_north": ["08:00", "16:00", "00:00"]}


def test_a_team_without_calls_is_off_on_a_day_off_that_was_moved():
    """31 December 2026, a Thursday, is no holiday but off for the five-day week; the first is a holiday."""
    from planning.shifts.duties_and_waiting import working_days

    starts = pd.date_range("2026-12-28 09:00", "2027-01-03 09:00", tz="Europe/Moscow")
    assert working_days(one_site(), "north", starts, 8 * 3600).day.tolist() == [28, 29, 30]


# --- the systems in cost and summary --------------------------------------------------------------


def test_costs_of_the_systems_add_up_to_the_plan():
    table = made().systems
    assert list(table.index) == ["calls", "quality", "duty", "careers"]
    assert table["cost"].sum() == pytest.approx(made().cost["total_cost"].sum())
    assert table["paid_h"].sum() == pytest.approx(made().roster.roster["paid_h"].sum())
    assert table["on_staff"].sum() == made().summary["people"]["on_staff"]
    assert table["measure"].tolist() == [
        "oldest_work_days", "oldest_work_days", "duties_open", "hires",
    ]  # fmt: skip
    summary = made().summary["systems"]
    assert summary["duty"]["duties_open"] == 0
    assert summary["careers"]["hires"] > 0


def test_quality_listens_to_the_people_of_the_plan():
    """24 people who answer calls, ten calls each: not the work that the demand had."""
    own = made().demand.query("queue == 'quality'")
    month_pieces = 24 * (10 + 0.5 + 1)
    assert own["calls"].sum() == pytest.approx(month_pieces * 12 / 365 * 2)


@pytest.mark.parametrize(
    ("path", "value", "system", "figure", "dearer"),
    [
        ("systems.careers.hire_cost", 600_000.0, "careers", "cost", True),
        # More is listened to by people who are paid anyway.
        ("systems.quality.calls_month", 30, "quality", "paid_h", False),
        ("teams.doctor.wage_month", 200_000.0, "duty", "cost", True),
    ],
)
def test_a_what_if_reaches_each_system(path, value, system, figure, dearer):
    centre = whole_centre(**{path: value})
    other = plan(centre, two_days(), people_of(centre, 24), replications=2)
    assert other.systems.loc[system, figure] > made().systems.loc[system, figure]
    more = other.summary["cost"]["total"] - made().summary["cost"]["total"]
    assert more > 0 if dearer else more == pytest.approx(0)


def test_comparisons_reach_the_systems():
    """Without a list of people the settings say how many are listened to; the doctor is paid by the hour."""
    centre = whole_centre(**{"systems.quality.operators": 24})
    changes = {
        "quality": {"systems.quality.calls_month": 30},
        "doctor": {"teams.doctor.wage_month": 200_000.0},
        "careers": {"systems.careers.hire_cost": 600_000.0},
        "claims": {"queues.calls.follow_ups.claims": 0.2},
    }
    found = compare(changes, centre, two_days(), staff="positions", replications=2)
    assert (found.loc[list(changes), "cost"] > found.loc["base", "cost"]).all()
    more = 2 * (24 + 0.2 * 8) * 100_000 / 160 * 1.25
    assert found.loc["doctor", "pay_cost"] - found.loc["base", "pay_cost"] == pytest.approx(more)


def test_a_missing_doctor_is_told():
    centre = whole_centre()
    people = people_of(centre, 24)
    with pytest.warns(UserWarning, match="doctor has 4 heads to roster and nobody in the team"):
        alone = plan(centre, two_days(), people[people["team"] != "doctor"], replications=2)
    assert alone.systems.loc["duty", "value"] == 4
    assert not alone.holds


# --- what moves with the first line ---------------------------------------------------------------


def handing(**changes: object) -> Centre:
    return two_sites({"queues.one.transfers": {"two": 0.2}, "queues.one.consults": {"two": 0.1}} | changes,
                     queues=("one", "two"))  # fmt: skip


def calls_of(centre: Centre) -> dict[str, float]:
    demand = pd.concat([demand_of(100.0, queue="one"), demand_of(40.0, queue="two")])
    return planned_demand(centre, demand).groupby("queue")["calls"].mean().to_dict()


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [(1.0, 1.0, 40.0), (2.0, 1.0, 70.0), (1.0, 2.0, 50.0), (1.5, 1.5, 60.0), (0.0, 1.0, 10.0)],
)
def test_calls_handed_on_follow_the_sender(one, two, expected):
    """Of 40 calls 30 are handed on: those weigh the sender's volume, the other ten their own queue's."""
    found = calls_of(handing(**{"queues.one.volume": one, "queues.two.volume": two}))
    assert found["one"] == pytest.approx(100 * one)
    assert found["two"] == pytest.approx(expected)
