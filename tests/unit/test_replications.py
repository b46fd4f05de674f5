"""A roster under simulation: repeatable, true to shifts, absences and handle times, and to the exact day."""

import dataclasses
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pytest
from factories import demand_of, one_site, roster_of, rostered, small_plan, two_sites
from scipy.special import stdtrit

from planning import PlanningError, requirement
from planning.calendars import axis
from planning.service import exact_service
from planning.simulation import (
    contact_measures,
    contacts_of,
    difference,
    engine,
    simulate,
    simulate_positions,
)
from planning.tables import CALLS

DAY = ("2026-11-23 00:00", "2026-11-24 00:00")


def again(made, **changes):
    return simulate(made.centre, made.demand, made, **changes)


def staffed(heads, start=DAY[0], end=DAY[1]):
    return roster_of(*[(f"a{number}", start, end) for number in range(heads)])


def agree(one, other):
    for name in ("queues", "days", "intervals", "levels"):
        exact = [
            getattr(run, name).drop(columns=["occupancy", "overrun_h"], errors="ignore")
            for run in (one, other)
        ]
        pd.testing.assert_frame_equal(*exact, check_exact=True)
    # Busy seconds of a batch are summed before those of the batches: the last digit depends on their order.
    for name in ("queues", "intervals", "sites", "teams", "agents", "occupancy"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), rtol=1e-12)


# --- repeatable -----------------------------------------------------------------------------------


def test_same_seed_same_numbers():
    made = small_plan()
    first = again(made, replications=4, seed=5)
    agree(first, again(made, replications=4, seed=5))
    assert (first.replications, first.seed) == (4, 5)
    other = again(made, replications=4, seed=6)
    assert other.queues["offered"].iloc[0] != first.queues["offered"].iloc[0]


def test_numbers_do_not_depend_on_the_executor():
    with ThreadPoolExecutor(1) as executor:
        found = again(small_plan(), replications=4, seed=5, executor=executor)
    agree(found, again(small_plan(), replications=4, seed=5))


def test_numbers_are_the_same_in_other_processes(monkeypatch):
    """A cluster's executor is like this one: tasks and results travel as bytes."""
    monkeypatch.setattr(engine, "CALLS_PER_TASK", 1200)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        found = again(small_plan(), replications=6, seed=5, executor=executor)
    agree(found, again(small_plan(), replications=6, seed=5))


def test_numbers_are_the_same_on_a_cluster(monkeypatch):
    """Dask's own executor, on a local cluster of two processes."""
    from distributed import Client, LocalCluster

    monkeypatch.setattr(engine, "CALLS_PER_TASK", 1200)
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
    with cluster, Client(cluster) as client:
        found = again(small_plan(), replications=6, seed=5, executor=client.get_executor())
    agree(found, again(small_plan(), replications=6, seed=5))


def test_more_replications_go_on_where_the_first_ones_end():
    """Stops as soon as the band is narrow enough, with the numbers of a run of that length."""
    asked = again(small_plan(), replications=4, half_width=0.02)
    assert asked.queues.loc["calls", "half_width"] <= 0.02
    assert 4 < asked.replications < 1000
    agree(asked, again(small_plan(), replications=asked.replications))
    assert again(small_plan(), replications=4, half_width=0.5).replications == 4
    assert again(small_plan(), replications=4, half_width=1e-6, max_replications=6).replications == 6
    with pytest.raises(PlanningError, match=r"half_width is 0\.0, must lie in"):
        again(small_plan(), half_width=0)


@pytest.mark.parametrize("replications", [1, 0, -3])
def test_band_needs_two_replications(replications):
    with pytest.raises(
        PlanningError, match=rf"replications is {replications}, must be a whole number in \[2"
    ):
        again(small_plan(), replications=replications)


# --- compared -----------------------------------------------------------------------------------------------


def test_one_more_agent_is_a_paired_comparison():
    """The same callers and absences: the band of the difference is narrower than either one's own."""
    one, other = (
        simulate(one_site({"teams.calls_north.shrinkage": 0.1}), demand_of(20.0), rostered(staffed(heads)))
        for heads in (8, 7)
    )
    row = difference(one, other).loc["calls"]
    gain = one.queues["service_level"] - other.queues["service_level"]
    assert row["difference"] == pytest.approx(gain["calls"], abs=0.01)
    assert (
        0
        < row["half_width"]
        < 0.8 * min(one.queues["half_width"]["calls"], other.queues["half_width"]["calls"])
    )
    assert row["difference"] > row["half_width"]


@pytest.mark.parametrize("name", ["seed", "replications"])
def test_other_callers_are_not_compared(name):
    one = again(small_plan(), replications=3, seed=3)
    other = dataclasses.replace(one, **{name: 4})
    with pytest.raises(PlanningError, match=f"{name} is 3 and 4, must be the same of both"):
        difference(one, other)


# --- tables ---------------------------------------------------------------------------------------


def test_tables_add_up():
    """Days, intervals, sites, teams and agents tell of the same calls; all lie within their bounds."""
    made = again(small_plan(), replications=6)
    offered = made.queues.loc["calls", "offered"]
    assert made.days["offered"].sum() == pytest.approx(offered)
    answered = offered * (1 - made.queues.loc["calls", "abandonment"])
    for table in (made.sites, made.teams, made.agents):
        assert table["answered"].sum() == pytest.approx(answered)
        assert table["occupancy"].between(0, 1).all()
        assert table["longest_wait_s"].max() <= made.queues.loc["calls", "longest_wait_s"]
        lost = table["answered"] * table["abandonment"] / (1 - table["abandonment"])
        assert lost.sum() == pytest.approx(made.gave_up["calls"].mean())
        level = (table["service_level"] * (table["answered"] + lost)).sum() / offered
        assert level == pytest.approx(made.queues.loc["calls", "service_level"])
    assert set(made.agents.index) == set(small_plan().roster.roster["agent_id"])
    assert made.agents["overrun_h"].sum() == pytest.approx(made.teams["overrun_h"].sum())
    assert made.occupancy["calls_north"].dropna().between(0, 1).all()
    busy_share = made.occupancy["calls_north"].mean()
    assert busy_share == pytest.approx(made.teams.loc["calls_north", "occupancy"], rel=0.3)
    queue, team = made.queues.loc["calls"], made.teams.loc["calls_north"]
    assert (queue["occupancy"], queue["overrun_h"]) == (team["occupancy"], team["overrun_h"])
    for name in ("occupancy", "overrun_h"):
        by_interval = made.intervals.set_index("interval_start")[name]
        by_team = getattr(made, name)["calls_north"].reindex(by_interval.index)
        pd.testing.assert_series_equal(by_interval, by_team, check_names=False)
    # What is left over is worked after the horizon.
    assert 0.9 * team["overrun_h"] < made.overrun_h["calls_north"].sum() <= team["overrun_h"]
    assert made.days["longest_wait_s"].max() == queue["longest_wait_s"]
    assert made.intervals["longest_wait_s"].max() == queue["longest_wait_s"]
    assert made.levels["calls"].mean() == pytest.approx(made.queues.loc["calls", "service_level"], abs=0.02)


def test_who_gives_up_counts_for_those_on_position():
    """Counted call by call from the contacts: South's two go at 16:10, North's one stays all day."""
    roster = pd.concat(
        [
            roster_of(
                *[(f"m{n}", DAY[0], "2026-11-23 16:10") for n in range(2)], team="calls_south", site="south"
            ),
            roster_of(("k", *DAY)),
        ],
        ignore_index=True,
    )
    centre, demand, plan = two_sites(), demand_of(20.0), rostered(roster)
    made = simulate(centre, demand, plan, replications=2)
    lost = pd.Series(0.0, index=roster["agent_id"])
    for number in range(2):
        found = contacts_of(centre, demand, plan, replication=number)
        for call in found[found["outcome"] == "abandoned"].itertuples():
            start = call.arrival.floor("15min")
            until = roster["end"].clip(upper=start + pd.Timedelta("15min"))
            there = ((until - start) / pd.Timedelta("1s")).clip(lower=0.0).set_axis(roster["agent_id"])
            lost += there / there.sum() / 2
    for table, key in ((made.agents, "agent_id"), (made.sites, "site")):
        by = lost.groupby(roster.set_index("agent_id", drop=False)[key]).sum()
        share = by / (by + table["answered"])
        pd.testing.assert_series_equal(table["abandonment"], share.loc[table.index], check_names=False)
    assert made.sites["abandonment"].between(0.1, 0.95).all()


def test_contacts_carry_the_offset_of_their_own_time():
    """Clocks go back in Berlin at 03:00 of this day."""
    centre = two_sites({"time_zone": "Europe/Berlin"})
    times = axis(pd.Timestamp("2026-10-25", tz="Europe/Berlin"), 1, 900)
    demand = pd.DataFrame({"queue": "calls", "interval_start": times, "calls": 8.0, "aht_s": 240.0})
    shift = (times[0], times[-1])
    found = contacts_of(centre, demand, rostered(roster_of(("k", *DAY)).assign(start=shift[0], end=shift[1])))
    early = found["arrival"] < times[12]
    assert found["utc_offset_h"][early].eq(2).all()
    assert found["utc_offset_h"][~early].eq(1).all()


def test_one_measures_scores_reality_and_simulation():
    """The contacts of a replication give the levels of the replication, from the columns of CALLS alone."""
    made = small_plan()
    found = contacts_of(made.centre, made.demand, made, seed=5, replication=2)
    level = contact_measures(found[list(CALLS.columns)], by="queue").loc["calls", "service_level"]
    assert level == pytest.approx(again(made, replications=3, seed=5).levels.loc[2, "calls"], abs=0.005)


# --- true to the plan -----------------------------------------------------------------------------


def test_calls_are_those_of_the_demand():
    """Poisson: the mean of 40 days lies within four standard errors, and intervals add up to it."""
    found = again(small_plan(), replications=40)
    expected = small_plan().demand["calls"].sum()
    offered = found.queues.loc["calls", "offered"]
    assert abs(offered - expected) < 4 * np.sqrt(expected / 40)
    assert found.intervals["offered"].sum() == pytest.approx(offered)


def test_handle_time_is_that_of_its_interval():
    """It doubles at noon: the same calls and agents then serve far worse, as two plain days say."""
    demand = demand_of(20.0)
    twice = demand.assign(aht_s=np.repeat([180.0, 360.0], 48))
    short, both = (
        simulate(one_site(), one, rostered(staffed(7)), replications=30)
        for one in (demand.assign(aht_s=180.0), twice)
    )
    level = both.intervals.groupby(both.intervals["interval_start"].dt.hour < 12)["service_level"].mean()
    plain = short.intervals["service_level"].mean()
    assert level[True] == pytest.approx(plain, abs=0.03)
    assert level[False] < plain - 0.3
    load = 20.0 * (1 - both.intervals["abandonment"].to_numpy()) * twice["aht_s"].to_numpy() / 900
    assert both.teams.loc["calls_north", "occupancy"] == pytest.approx(load.mean() / 7, rel=0.03)


def test_shift_over_the_end_is_there_at_the_start():
    """22:00 to 06:00: at midnight the shift of the evening before is on position."""
    night = staffed(12, "2026-11-23 22:00", "2026-11-24 06:00")
    found = simulate(one_site(), demand_of(20.0), rostered(night), replications=6).intervals
    level = found.groupby(found["interval_start"].dt.hour)["service_level"].mean()
    assert (level[[0, 1, 2, 3, 4, 22, 23]] > 0.9).all()
    assert (level[list(range(6, 21))] < 0.1).all()


def test_shifts_of_a_second_day_after_a_closed_night():
    """The closed hours are on the clock, though no call comes in them."""
    centre = one_site({"queues.calls.opens": "09:00", "queues.calls.closes": "18:00"})
    rows = [
        (f"a{number}", f"2026-11-{day} 09:00", f"2026-11-{day} 18:00")
        for number in range(6)
        for day in (23, 24)
    ]
    demand = demand_of(8.0, days=2, hours=(9, 18))
    found = simulate(centre, demand, rostered(roster_of(*rows)), replications=6).intervals
    assert found["interval_start"].tolist() == demand["interval_start"].tolist()
    assert (found.groupby(found["interval_start"].dt.day)["service_level"].mean() > 0.95).all()


def test_absences_lower_the_service():
    """With 40 % away, ten are six."""
    full, away, six = (
        simulate(one_site(changes), demand_of(20.0), rostered(staffed(heads)), replications=40)
        for changes, heads in ((None, 10), ({"teams.calls_north.shrinkage": 0.4}, 10), (None, 6))
    )
    level = [one.queues.loc["calls", "service_level"] for one in (full, away, six)]
    assert level[0] > 0.95
    assert level[1] < level[0] - 0.1
    assert abs(level[1] - level[2]) < 0.2  # four more or fewer, day by day, not by the mean alone


def test_breaks_take_agents_off_position():
    """All at lunch from 12:00 to 13:00: nobody answers."""
    roster = staffed(10)
    lunch = pd.DataFrame(
        {
            "agent_id": roster["agent_id"],
            "shift_id": roster["shift_id"],
            "start": pd.Timestamp("2026-11-23 12:00", tz="Europe/Moscow"),
            "end": pd.Timestamp("2026-11-23 13:00", tz="Europe/Moscow"),
        }
    )
    found = simulate(one_site(), demand_of(20.0), rostered(roster, lunch), replications=4).intervals
    level = found.groupby(found["interval_start"].dt.hour)["service_level"].mean()
    assert level[12] < 0.1
    assert level[[10, 11, 14, 15]].min() > 0.8


# --- against the exact day ------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["stationary", "empty"])
def test_positions_agree_with_the_exact_day_from_its_first_interval(start):
    """Across South's closing, with the lookup; each interval within four standard errors."""
    centre = two_sites({"queues.calls.lookup_s": 5.0})
    demand = demand_of(hours=(20, 24)).assign(calls=np.repeat([40.0, 20.0, 35.0, 30.0], 4))
    exact = exact_service(centre, requirement(centre, demand), "calls", start=start)
    days = 3000
    found = simulate_positions(centre, exact, "calls", start=start, replications=days, seed=11)
    error = found["half_width"] / stdtrit(days - 1, 0.975)
    away = (found["service_level"] - exact["service_level"]) / error
    assert error.max() < 0.006
    assert away.abs().max() < 4
    blind = (found["service_level"] - exact["formula"]) / error
    assert blind.abs().max() > 10


def test_positions_are_repeatable():
    exact = exact_service(one_site(), requirement(one_site(), demand_of(20.0, hours=(9, 11))), "calls")
    first, second = (
        simulate_positions(one_site(), exact, "calls", replications=20, seed=3) for _ in range(2)
    )
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    other = simulate_positions(one_site(), exact, "calls", replications=20, seed=4)
    assert (other["service_level"] != first["service_level"]).any()


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda made: again(made, seed=-1), r"seed is -1, must be a whole number in \[0"),
        (lambda made: again(made, seed=2**64), r"seed is 18446744073709551616, must be < 2\*\*64"),
        (lambda made: contacts_of(made.centre, made.demand, made, seed=1.5), "seed is 1.5"),
        (lambda made: contacts_of(made.centre, made.demand, made, replication=-1), "replication is -1"),
    ],
)
def test_seeds_that_cannot_be(call, named):
    with pytest.raises(PlanningError, match=named):
        call(small_plan())
