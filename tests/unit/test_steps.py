"""The step-down at the closing, the failing night: limits, hand counts, simulation."""

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, PRICES, demand_of, two_sites

from planning import PlanningError, requirement
from planning.demand import Synthetic
from planning.demand.synthetic import calls_by_zone
from planning.overflow import (
    STEP_DOWNS,
    StepDown,
    failed_night,
    night_overflow,
    standby_worth,
    step_down,
    step_downs,
)
from planning.overflow.steps import closings, on_site
from planning.pay import hour_cost
from planning.service import exact_service
from planning.simulation.replications import simulate_positions

CENTRE = two_sites({"alternatives": PRICES, "queues.calls.abandoned_cost": 100.0})
DEMAND = demand_of(40.0, days=2)
NEEDED = requirement(CENTRE, DEMAND)
SITES = on_site(NEEDED, "calls")
ENDS = closings(CENTRE, "calls", SITES.index, "south")
CLOSING = MONDAY + pd.Timedelta(hours=22)
ONE, FIVE = MONDAY + pd.Timedelta(hours=25), MONDAY + pd.Timedelta(hours=29)


def stepped(style):
    return step_down(SITES, ENDS, "south", style, 900, takes_over="north")


def at(agents, minutes):
    return agents.loc[CLOSING + pd.Timedelta(minutes=minutes)]


# --- step-down ------------------------------------------------------------------------------------


def test_closings_are_found():
    assert SITES.index[ENDS].tolist() == [CLOSING, CLOSING + pd.Timedelta(days=1)]


def test_all_at_the_closing_is_what_is_needed():
    pd.testing.assert_frame_equal(stepped(STEP_DOWNS["all at the closing"]), SITES)


@pytest.mark.parametrize("name", ["thirds, from an hour before", "thirds, to an hour after"])
def test_staggered_ends_keep_the_number(name):
    """Agents who go early in South are replaced in North; those who stay save an agent there."""
    agents = stepped(STEP_DOWNS[name])
    pd.testing.assert_series_equal(agents.sum(axis=1), SITES.sum(axis=1))
    assert (agents >= 0).all(axis=None)
    assert not agents.equals(SITES)


def test_thirds_by_hand():
    crew = at(SITES, -15)["south"]
    before = stepped(STEP_DOWNS["thirds, from an hour before"])["south"]
    after = stepped(STEP_DOWNS["thirds, to an hour after"])["south"]
    two, one = (int(np.ceil(round(share * crew, 9))) for share in (2 / 3, 1 / 3))
    assert [before[CLOSING + pd.Timedelta(minutes=m)] for m in (-75, -60, -30, 0)] == [crew, two, one, 0]
    assert [after[CLOSING + pd.Timedelta(minutes=m)] for m in (-15, 0, 30, 60)] == [crew, two, one, 0]


def test_skeleton_comes_on_top():
    agents = stepped(STEP_DOWNS["a tenth stays half an hour"])
    tenth = int(np.ceil(at(SITES, -15)["south"] / 10))
    more = agents - SITES
    assert more["south"].sum() == 2 * 2 * tenth
    assert not more["north"].any()


@pytest.mark.parametrize(("minutes", "where"), [(30, [-30, -15]), (-15, [0])])
def test_lead_moves_the_night_crew(minutes, where):
    agents = stepped(StepDown({0: 0.0}, lead_min=minutes))
    changed = (agents["north"] != SITES["north"]).to_numpy()
    assert set(SITES.index[changed] - CLOSING) == {
        pd.Timedelta(minutes=m) + pd.Timedelta(days=day) for m in where for day in (0, 1)
    }
    level = at(SITES, 0 if minutes > 0 else -15)["north"]
    assert set(agents["north"][changed]) == {level}


def test_a_late_night_crew_is_what_hurts():
    table = step_downs(CENTRE, NEEDED, "calls", "south")
    assert list(table.index) == list(STEP_DOWNS)
    late, usual = table.loc["night team 15 min late"], table.loc["all at the closing"]
    assert late["lowest"] < 0.5 < 0.8 < usual["lowest"]
    assert usual["extra_h"] == usual["extra_cost"] == 0
    crew = at(SITES, 0)["north"] - at(SITES, -15)["north"]
    assert late["extra_h"] == pytest.approx(-crew / 4)
    early = table.loc["night team 15 min early"]
    assert early["extra_h"] == pytest.approx(crew / 4)
    # 21:45 is no night hour, 22:00 is: the late quarter saves the premium too.
    rate = hour_cost(CENTRE, "calls_north")
    assert early["extra_cost"] == pytest.approx(crew / 4 * rate)
    assert late["extra_cost"] == pytest.approx(-crew / 4 * rate * 1.2)


def test_staggered_ends_leave_less_to_finish():
    """A third of the crew leaves at the closing, so about a third of the calls in hand run over then."""
    table = step_downs(CENTRE, NEEDED, "calls", "south")
    crew = at(SITES, -15)["south"]
    assert table.loc["all at the closing", "overrun_min"] == pytest.approx(crew * 240 / 60 * 0.8, rel=0.15)
    assert table["overrun_min"].between(0.5 * crew * 4, crew * 4).all()


@pytest.mark.parametrize("name", ["all at the closing", "night team 15 min late", "thirds, to an hour after"])
def test_styles_against_simulation(name):
    """Seats that open and close: the exact service lies in the simulation's band in most quarters."""
    table = exact_service(CENTRE, NEEDED, "calls", agents=stepped(STEP_DOWNS[name]))
    simulated = simulate_positions(CENTRE, table, "calls", replications=1500, seed=1)
    near = table["interval_start"].between(CLOSING - pd.Timedelta("2h"), CLOSING + pd.Timedelta("2h"))
    error = (table["service_level"] - simulated["service_level"])[near]
    deviation = (simulated["half_width"] / 1.96)[near]
    assert np.abs(error / deviation).max() < 4
    assert np.sqrt((error**2 / deviation**2).mean()) < 1.4


@pytest.mark.parametrize("style", [StepDown({0: 0.0}, lead_min=-15), StepDown({-45: 0.5, 0: 0.0})])
def test_minutes_within_an_interval_are_refused(style):
    """Rounded away, a night team that is late would cost nothing."""
    with pytest.raises(PlanningError, match="min, must be a multiple of the interval of 30 min: give styles"):
        step_down(SITES, ENDS, "south", style, 1800, takes_over="north")


def test_site_that_does_not_close():
    always = two_sites({"sites.south.opens": "00:00", "sites.south.closes": "24:00"})
    with pytest.raises(PlanningError, match="south does not close between 2026-11-23 00:00 and"):
        step_downs(always, requirement(always, DEMAND), "calls", "south")


def test_site_that_is_not_there():
    with pytest.raises(PlanningError, match="site is 'spb', must be one of south, north"):
        step_downs(CENTRE, NEEDED, "calls", "spb")


def test_overrun_is_of_the_sites_own_steps():
    """Falls of what is needed, an hour before the closing or at the other site, are no steps."""
    before = NEEDED["interval_start"] < CLOSING - pd.Timedelta(hours=1)
    more = NEEDED.assign(agents=NEEDED["agents"] + 40 * before)
    usual, with_falls = (
        step_downs(CENTRE, needed, "calls", "south").loc["all at the closing", "overrun_min"]
        for needed in (NEEDED, more)
    )
    assert with_falls == pytest.approx(usual, rel=0.1)


def test_queue_that_is_not_there():
    with pytest.raises(PlanningError, match="queue 'chat' is not in the requirement"):
        on_site(NEEDED, "chat")


# --- failure --------------------------------------------------------------------------------------


def failed(left=0.0, standby=None, until=FIVE):
    return failed_night(CENTRE, NEEDED, "calls", "north", at=ONE, until=until, left=left, standby=standby)


def test_nothing_fails():
    night = failed(left=1.0)
    assert night["service_level"].to_numpy() == pytest.approx(night["service_level_normal"])
    assert night["lost"].to_numpy() == pytest.approx(night["lost_normal"])


def test_dark_site_by_the_equation_of_its_line():
    """Nobody answers: q' = rate - q / patience, from all who were in the system."""
    night = failed().set_index("interval_start")
    dark = night.loc[ONE : FIVE - pd.Timedelta("15min")]
    rate, theta = 40.0 / 900, 1 / 300.0
    # The first row holds who was there; from the second on the line's start is the end of the one before.
    full = rate / theta
    lost = dark["lost"].to_numpy()[1:]
    gone = 900 * rate - lost  # what the line grew by
    assert gone[0] == pytest.approx(gone[1] * np.exp(900 * theta), rel=1e-6)
    assert lost[-1] == pytest.approx(900 * theta * full, rel=1e-4)
    assert (dark["service_level"].iloc[:-1] < 1e-9).all()


def test_every_caller_is_answered_or_lost():
    """Lost before the end of the horizon, and no more than come."""
    night = failed()
    assert (night["lost"] >= -1e-12).all()
    assert night["lost"].sum() < night["calls"].sum()
    during = night[night["interval_start"].between(ONE, FIVE, inclusive="left")]
    assert during["lost"].sum() > 0.9 * during["calls"].sum()


def test_a_third_of_the_crew_ill():
    night = failed(left=2 / 3).set_index("interval_start")
    normal = SITES.loc[ONE, "north"]
    assert night.loc[ONE, "agents"] == int(2 * normal / 3 + 1e-9)
    assert (
        0 < (night["lost"] - night["lost_normal"]).sum() < (failed()["lost"] - failed()["lost_normal"]).sum()
    )


def test_standby_comes_after_its_way():
    night = failed(standby=("south", 5, 45)).set_index("interval_start")
    assert night.loc[ONE + pd.Timedelta("30min"), "agents"] == 0
    assert night.loc[ONE + pd.Timedelta("45min"), "agents"] == 5
    assert night.loc[FIVE, "agents"] == SITES.loc[FIVE, "north"]


def test_worth_of_a_standby():
    common = {"at": ONE, "until": FIVE, "standby_site": "south", "after_min": 45.0, "sizes": [0, 4, 8]}
    table = standby_worth(CENTRE, NEEDED, "calls", "north", **common)
    assert table.loc[0, "saved"] == pytest.approx(0, abs=1e-9)
    assert table["saved"].is_monotonic_increasing
    assert (table["lost"] + table["saved"]).to_numpy() == pytest.approx(table.loc[0, "lost"])
    # Ten closed hours every night at a quarter of the rate.
    year = hour_cost(CENTRE, "calls_south") * 0.25 * 10 * 365
    assert table.loc[4, "cost_year"] == pytest.approx(4 * year)
    assert table.loc[8, "saved_cost_year"] == pytest.approx(table.loc[8, "saved"] * 100 * 4)
    paid = table.loc[8, "break_even_cost"] * table.loc[8, "saved"] * 4
    assert paid == pytest.approx(table.loc[8, "cost_year"])


def test_failure_outside_the_plan():
    with pytest.raises(PlanningError, match="north has no agents of calls between 2026-12-01 01:00 and"):
        failed_night(
            CENTRE, NEEDED, "calls", "north",
            at=ONE + pd.Timedelta(days=7), until=FIVE + pd.Timedelta(days=7),
        )  # fmt: skip
    with pytest.raises(PlanningError, match=r"left is 2\.0, must lie in \[0, 1\]"):
        failed(left=2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"at": ONE + pd.Timedelta(minutes=5)}, "at is 2026-11-24 01:05:00.*of 15 min starts"),
        ({"until": FIVE.tz_localize(None)}, "until is 2026-11-24 05:00:00, must be a time with its zone"),
        ({"standby": ("mosow", 8, 45)}, "standby is at 'mosow', must be one of south, north"),
    ],
)
def test_failure_that_cannot_be(change, message):
    """Off the grid, nobody would be cut off."""
    with pytest.raises(PlanningError, match=message):
        failed_night(CENTRE, NEEDED, "calls", "north", **({"at": ONE, "until": FIVE} | change))


def test_standby_needs_its_prices_and_a_team():
    common = {"at": ONE, "until": FIVE, "after_min": 45.0, "sizes": [4]}
    with pytest.raises(PlanningError, match=r"the centre has no \[alternatives\]"):
        standby_worth(two_sites(), NEEDED, "calls", "north", standby_site="south", **common)
    with pytest.raises(PlanningError, match="omsk has no team of calls that could stand by"):
        standby_worth(CENTRE, NEEDED, "calls", "north", standby_site="omsk", **common)


# --- zones ----------------------------------------------------------------------------------------


def test_calls_by_zone_are_conserved():
    demand = demand_of(30.0).assign(calls=np.random.default_rng(2).uniform(5, 60, 96))
    zones = calls_by_zone(Synthetic.load("data/synthetic.toml"), demand)
    calls = night_overflow(CENTRE, demand, zones=zones).calls
    by_zone = calls.groupby(["interval_start", "zone"])["calls"].sum().unstack()[zones.columns]
    np.testing.assert_allclose(by_zone.to_numpy(), zones.to_numpy(), rtol=1e-12)
    whole = night_overflow(CENTRE, demand).calls
    keys = ["interval_start", "home", "site"]
    np.testing.assert_allclose(
        calls.groupby(keys)["calls"].sum().to_numpy(), whole.groupby(keys)["calls"].sum().to_numpy()
    )


@pytest.mark.parametrize(
    ("weights", "message"),
    [([1.0, 1.0], "zones has 2026-11-23 00:00 twice"), ([-1.0], "zones has the weight -1 of UTC\\+3")],
)
def test_zones_that_cannot_be(weights, message):
    """Calls would be counted twice, or below zero."""
    zones = pd.DataFrame({"UTC+3": 1.0, "UTC+7": 3.0}, index=DEMAND["interval_start"])
    first = pd.DataFrame({"UTC+3": weights, "UTC+7": 3.0}, index=[MONDAY] * len(weights))
    with pytest.raises(PlanningError, match=message):
        night_overflow(CENTRE, DEMAND, zones=pd.concat([first, zones.iloc[1:]]))


def test_zones_must_cover_the_demand():
    zones = pd.DataFrame({"UTC+3": 1.0}, index=DEMAND["interval_start"].iloc[1:])
    with pytest.raises(PlanningError, match="zones has no weights at 2026-11-23 00:00, when calls come"):
        night_overflow(CENTRE, DEMAND, zones=zones)
