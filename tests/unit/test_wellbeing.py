"""The doctor's duty, rest, pace and hard calls; each number by a second route."""

import numpy as np
import pandas as pd
import pytest
from factories import demand_of, two_sites

from planning import Centre, PlanningError, audit, cover, requirement
from planning.pay import agents_cost
from planning.studies.wellbeing import (
    doctors_on_duty,
    duty_shifts,
    free_rest,
    hard_calls,
    hours_of_the_day,
    price_of_recovery,
    price_of_rest,
    simulate_hard_calls,
)

MINUTE = pd.Timedelta(minutes=1)


@pytest.fixture(scope="module")
def settings():
    return Centre.load().systems.wellbeing


@pytest.fixture(scope="module")
def centre():
    return Centre.load()


# --- the doctor -----------------------------------------------------------------------------------


def test_one_doctor_at_every_open_minute(centre):
    """Minute by minute over two weeks: one at each open site, nobody at a closed one."""
    shifts = duty_shifts(centre, start="2026-11-23", days=14)
    first = pd.Timestamp("2026-11-24", tz="Europe/Moscow")
    for site, open_h in {"moscow": 14, "kaluga": 24}.items():
        own = shifts[shifts["site"] == site]
        minutes = pd.date_range(first, periods=1440, freq="min")
        there = sum(((row.start <= minutes) & (minutes < row.end)).astype(int) for row in own.itertuples())
        is_open = [centre.sites[site].is_open(at - first) for at in minutes]
        assert there.tolist() == np.array(is_open).astype(int).tolist()
        assert own["paid_h"].sum() == 14 * open_h


def test_duty_is_filled_lawfully_by_the_fewest(centre):
    """Nothing unmet, no breach by the audit, and one doctor fewer cannot hold the hours."""
    shifts = duty_shifts(centre, start="2026-11-23", days=14)
    duty = doctors_on_duty(centre, shifts)
    assert duty.roster.unmet.empty
    assert audit(centre, duty.roster.roster, duty.people).empty
    assert len(duty.roster.roster) == len(shifts)
    hours = shifts.groupby("team")["paid_h"].sum()
    for team, row in duty.doctors.iterrows():
        assert hours[team] <= row["doctors"] * 80 < hours[team] + 80  # no fewer can hold the hours


def test_duty_costs_what_the_wages_say(centre):
    """Fourteen hours a day in Moscow without a night; eight night hours a day in Kaluga.

    Three doctors owe 120 hours for the 98 in Moscow, and five owe 200 for the 168 in Kaluga.
    """
    duty = doctors_on_duty(centre, duty_shifts(centre, start="2026-11-23", days=7))
    hourly = {site: wage / 164.33 * 1.3 for site, wage in {"moscow": 130_000, "kaluga": 84_500}.items()}
    cost = duty.doctors["cost"]
    assert cost["doctor_moscow"] == pytest.approx(120 * hourly["moscow"])
    assert cost["doctor_kaluga"] == pytest.approx((200 + 7 * 0.2 * 8) * hourly["kaluga"])


def test_shorter_contracts_need_more_doctors(centre):
    shifts = duty_shifts(centre, start="2026-11-23", days=7)
    whole, half = (doctors_on_duty(centre, shifts, week_h=h).doctors["doctors"] for h in (40.0, 24.0))
    assert (half > whole).all()


def test_duties_that_nobody_may_work_are_said(centre):
    """A day and a night in one: the longest rest that the rules ask for is not there."""
    endless = centre.replace({"teams.doctor_kaluga.duty_h": 24.0})
    shifts = duty_shifts(endless, start="2026-11-23", days=7)
    with pytest.raises(PlanningError, match="cannot fill every duty of doctor_kaluga: shorten its duty_h"):
        doctors_on_duty(endless, shifts)


def test_a_centre_without_duties_has_none():
    with pytest.raises(PlanningError, match="no team has duty_h"):
        duty_shifts(two_sites(), start="2026-11-23", days=7)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"queues": []}, "queues is empty; name those that the team answers, of calls, or give duty_h"),
        ({"queues": ["calls"], "duty_h": 12.0}, "a team on duty answers no queue, drop either"),
    ],
)
def test_a_team_answers_or_is_on_duty(changes, says):
    raw = two_sites().model_dump()
    raw["teams"]["calls_north"] |= changes
    with pytest.raises(PlanningError, match=says):
        Centre.of(raw)


# --- pace and rest --------------------------------------------------------------------------------


def day():
    return demand_of(60.0, hours=(9, 12))


def test_rest_by_hand():
    """Ten minutes in the hour: a fifth more people present; the price of a minute follows."""
    needed = requirement(two_sites(), day())
    table = price_of_rest(two_sites(), needed, [0, 1, 10])
    base = agents_cost(two_sites(), needed)
    assert table["cost"].tolist() == pytest.approx([base, base * 60 / 59, base * 1.2])
    assert table["extra_cost"].tolist() == pytest.approx([0, base / 59, base * 0.2])
    with pytest.raises(PlanningError, match=r"minutes\[0\] is 60"):
        price_of_rest(two_sites(), needed, [60])


def test_free_rest_is_counted_person_by_person():
    """A second count of who is on position: shift by shift, break by break, minute by minute."""
    centre, demand = two_sites(), demand_of(20.0)
    needed = requirement(centre, demand)
    plan = cover(centre, needed)
    start, total = demand["interval_start"].min(), np.zeros(1440)
    for row in plan.shifts.itertuples():
        there = np.zeros(1440)
        first, length = int((row.start - start) / MINUTE), plan.patterns[row.pattern].length_s // 60
        there[np.arange(first, first + length) % 1440] = 1
        for pause in plan.patterns[row.pattern].breaks:
            begin = first + pause.start_s // 60
            there[np.arange(begin, begin + pause.length_s // 60) % 1440] = 0
        total += there * row.headcount
    need = np.repeat(needed.groupby("interval_start")["rostered"].sum().to_numpy(), 15)
    spare = np.maximum(total - need, 0).reshape(24, 60).sum(axis=1)
    expected = 60 * spare / total.reshape(24, 60).sum(axis=1)
    assert free_rest(centre, plan, needed, "calls").to_numpy() == pytest.approx(expected)


def test_recovery_is_a_longer_call(settings):
    """Three in a hundred calls with 200 s of pause are six seconds on every call."""
    table = price_of_recovery(two_sites(), day(), "calls", settings, [0.0, 200.0])
    longer = requirement(two_sites(), day().assign(aht_s=246.0))
    assert table["extra_cost"].iloc[0] == 0
    assert table["cost"].iloc[1] == pytest.approx(agents_cost(two_sites(), longer))


def test_hours_of_the_day_by_hand():
    table = hours_of_the_day(two_sites(), day(), "calls").loc[10]
    agents = requirement(two_sites(), day()).groupby("interval_start")["agents"].sum().iloc[0]
    assert table["calls_each"] == pytest.approx(240 / agents)
    assert table["occupancy"] == pytest.approx(16 / agents)
    assert table["calls_each"] * (table["gap_s"] + 240) == pytest.approx(3600)


# --- hard calls -----------------------------------------------------------------------------------


def test_hard_calls_against_a_simulation(settings):
    rng = np.random.default_rng(4)
    drawn = (rng.random((20_000, round(settings.calls_shift))) < settings.hard_share).sum(axis=1)
    chance = hard_calls(settings, 5).loc["by chance"]
    assert chance["mean"] == pytest.approx(drawn.mean(), abs=0.05)
    assert chance["sd"] == pytest.approx(drawn.std(), abs=0.03)
    assert chance["p_more"] == pytest.approx((drawn > 5).mean(), abs=0.01)


@pytest.mark.parametrize(("most", "expected"), [(2, 1.0), (3, 0.15), (4, 0.0)])
def test_even_spread_by_hand(settings, most, expected):
    """A mean of 3.15: 85 % have three, 15 % four."""
    even = hard_calls(settings, most).loc["at best evenly"]
    assert even["p_more"] == pytest.approx(expected)
    assert even["sd"] == pytest.approx(np.sqrt(0.15 * 0.85))


def test_fewest_first_spreads_hard_calls(settings):
    """By chance the simulation is the binomial law; the rule comes nearer to even, and never beyond it."""
    common = {"operators": 30, "occupancy": 0.7, "most": 5, "shifts": 40}
    chance, even = (simulate_hard_calls(settings, fewest_first=way, **common) for way in (False, True))
    law = hard_calls(settings, 5)
    assert chance["mean"] == pytest.approx(law.loc["by chance", "mean"], abs=0.3)
    assert chance["sd"] == pytest.approx(law.loc["by chance", "sd"], abs=0.15)
    assert law.loc["at best evenly", "sd"] < even["sd"] < 0.8 * chance["sd"]
    assert even["p_more"] < 0.5 * chance["p_more"]
    assert even["calls_sd"] > chance["calls_sd"]


@pytest.mark.parametrize("bad", [{"operators": 0}, {"occupancy": 1.0}])
def test_a_line_that_grows_for_ever_is_refused(settings, bad):
    with pytest.raises(PlanningError, match="add operators"):
        simulate_hard_calls(
            settings, **{"operators": 3, "occupancy": 0.5, "fewest_first": True, "most": 5} | bad
        )
