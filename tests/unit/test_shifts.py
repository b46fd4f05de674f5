"""Shifts: what may be worked, and a cover that an independent recount finds whole."""

import dataclasses
import functools
import itertools
import pickle
import re
import subprocess
import sys
import types

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, demand_of, one_site, people_of, requirement_of, two_sites
from scipy import optimize

from planning import PlanningError, cover, requirement
from planning.calendars import axis
from planning.pay import premium_hours
from planning.roster.contracts import contracts_of
from planning.shifts import (
    Break,
    CoverSettings,
    Pattern,
    at_desks,
    catalogue,
    cover_all,
    cover_day,
    format_shift,
    horizon,
    on_position,
    parse_shift,
    requirement_by_team,
    shapes,
)
from planning.shifts.groups import groups_of
from planning.shifts.implicit import block, layouts, premiums
from planning.shifts.program import relax
from planning.tables import SHIFTS

DAY = axis(MONDAY, 1, 900)
MINUTE = pd.Timedelta(minutes=1)


def recount(plan, times):
    """Heads on position in each interval, minute by minute from starts, ends and breaks, without a solver.

    Who is on break for one minute of an interval does not count in it; the horizon repeats.
    """
    total = np.zeros(len(times), dtype=int)
    for row in plan.shifts.itertuples():
        pauses = [
            (
                row.start + pd.Timedelta(seconds=b.start_s),
                row.start + pd.Timedelta(seconds=b.start_s + b.length_s),
            )
            for b in plan.patterns[row.pattern].breaks
        ]
        moments = pd.date_range(row.start, row.end, freq="min", inclusive="left")
        working = np.ones(len(moments), dtype=bool)
        for first, last in pauses:
            working &= (moments < first) | (moments >= last)
        wrapped = ((moments - times[0]) // MINUTE) % (len(times) * 15)
        minutes = np.zeros(len(times) * 15, dtype=int)
        minutes[wrapped[working]] = 1
        total += row.headcount * (minutes.reshape(-1, 15).sum(axis=1) == 15)
    return total


def night_centre(**changes):
    """One site round the clock whose only shift that reaches the small hours begins in the evening."""
    return one_site(
        {"shifts.lengths_h": {"day": 8.5, "night": 9.0}, "shifts.meal_min": {"day": 30, "night": 60}}
        | changes
    )


NEEDS = {
    "two humps": {"00:00": 2, "07:00": 9, "12:00": 6, "17:00": 11, "22:00": 3},
    "by day": {"09:00": 5, "21:00": 0},
    "late": {"16:00": 4, "23:30": 0},
}


@functools.cache
def covered(name):
    """The cover of a need; solved once for all tests that read it."""
    return cover(night_centre(), requirement_of(NEEDS[name]))


# --- shapes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("length_h", [4.0, 6.5, 8.5, 9.0, 11.0, 12.0])
@pytest.mark.parametrize("stretch_h", [1.5, 2.0, 3.0])
def test_every_place_of_a_break_is_part_of_a_lawful_shift(length_h, stretch_h):
    """By enumeration: the places in some chain of breaks that keeps its distances are exactly the windows."""
    centre = one_site({"shifts.lengths_h": {"day": length_h}, "shifts.work_between_rests_h": stretch_h})
    (shape,) = shapes(centre)
    chains = chains_of(shape)
    for number, slot in enumerate(shape.slots):
        assert {chain[number] for chain in chains} == set(slot.places)
    for chain in chains[:200]:
        pattern = shape.pattern(chain)
        edges = [0, *(e for b in pattern.breaks for e in (b.start_s, b.end_s)), pattern.length_s]
        work_h = np.diff(edges)[::2] / 3600
        assert work_h.min() >= stretch_h - 0.5 - 1e-9 or work_h.max() <= stretch_h
        assert work_h.max() <= stretch_h + 0.5 + 1e-9


def chains_of(shape):
    """All places of the breaks of one person, by trying each."""
    chains = [(place,) for place in shape.slots[0].places]
    for (least, most), slot in zip(shape.apart, shape.slots[1:], strict=True):
        chains = [
            (*chain, place) for chain in chains for place in slot.places if least <= place - chain[-1] <= most
        ]
    return chains


def test_meal_lies_in_the_middle():
    """Its window is the middle half of the shift by default, and narrower if asked."""
    for middle in (0.5, 0.3):
        (shape,) = shapes(one_site({"shifts.meal_middle": middle, "shifts.work_tolerance_h": 1.5}))
        (meal,) = [slot for slot in shape.slots if slot.kind == "meal"]
        assert meal.first * 900 >= (1 - middle) / 2 * shape.length_s
        assert meal.last * 900 + meal.length_s <= (1 + middle) / 2 * shape.length_s
    with pytest.raises(PlanningError, match=r"too short for 3 breaks within meal_middle 0.05"):
        shapes(one_site({"shifts.meal_middle": 0.05}))


def test_fixed_breaks_have_one_place():
    (shape,) = shapes(one_site({"shifts.breaks": "fixed"}))
    assert all(len(slot.places) == 1 for slot in shape.slots)
    assert len(chains_of(shape)) == 1


def test_paid_time_is_presence_less_meals():
    """8.5 h with a half-hour's meal: eight hours, the rests included."""
    (shape,) = shapes(one_site())
    assert shape.paid_s == 8 * 3600
    assert [slot.length_s for slot in shape.slots] == [900, 1800, 900]


def test_split_shift_has_an_unpaid_gap():
    """Two parts with four hours between: the gap is no meal, so the meal's law does not bound it."""
    centre = one_site(
        {"shifts.lengths_h": {"split": 12.0}, "shifts.meal_min": {}, "shifts.gap_h": {"split": 4.0}}
    )
    (shape,) = shapes(centre)
    assert shape.paid_s == 8 * 3600
    assert [slot.kind for slot in shape.slots] == ["rest", "gap", "rest"]


def test_nobody_on_break_is_on_position():
    shape = Pattern("day", 4 * 3600, (Break(3600, 900, "rest"), Break(7200, 1800, "meal")))
    assert shape.on_position(900).tolist() == [True] * 4 + [False] + [True] * 3 + [False] * 2 + [True] * 6


def test_break_that_takes_a_part_of_an_interval_takes_it_whole():
    shape = Pattern("day", 2 * 3600, (Break(600, 900, "rest"),))
    assert shape.on_position(1800).tolist() == [False, True, True, True]
    assert Pattern("day", 2 * 3600, (Break(1500, 900, "rest"),)).on_position(1800).tolist() == [
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    "breaks",
    [
        (Break(3600, 900, "rest"), Break(4000, 900, "rest")),
        (Break(7000, 900, "meal"),),
        (Break(-900, 900, "rest"),),
    ],
)
def test_breaks_that_overlap_or_stick_out_are_refused(breaks):
    with pytest.raises(
        PlanningError, match="does not fit a day shift of 120 min: move it or make the shift longer"
    ):
        Pattern("day", 7200, breaks)


@pytest.mark.parametrize("meal", [15, 135])
def test_meal_outside_the_law(meal):
    with pytest.raises(
        PlanningError,
        match=rf"shifts.meal_min.day is {meal} min, must lie in \[30, 120\] \(test\): change the meal",
    ):
        shapes(one_site({"shifts.meal_min.day": meal}))


def test_shift_longer_than_the_law():
    with pytest.raises(
        PlanningError, match=r"lengths_h.day is 13 h, of which 12.5 h paid, must not exceed 12 h"
    ):
        shapes(one_site({"shifts.lengths_h": {"day": 13.0}}))
    assert shapes(one_site({"shifts.lengths_h": {"day": 12.5}}))


# --- the counts of breaks -------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_people_who_keep_the_rules_keep_the_links(seed):
    """Lawful people, counted: every row of the links holds; and dealt out again, all are lawful."""
    rng = np.random.default_rng(seed)
    centre = one_site({"shifts.work_between_rests_h": float(rng.choice([1.5, 2.0]))})
    (shape,) = shapes(centre)
    chains = chains_of(shape)
    people = [chains[i] for i in rng.integers(0, len(chains), rng.integers(1, 9))]
    one = block(shape, catalogue(centre, "north", DAY)[:1], DAY, 900, premiums(centre, "north", DAY, 900))
    counts = np.array(
        [len(people)]
        + [
            sum(chain[n] == place for chain in people)
            for n, slot in enumerate(shape.slots)
            for place in slot.places
        ]
    )
    linked = one.links @ counts
    assert (linked[one.equal] == 0).all()
    assert (linked[~one.equal] <= 0).all()
    dealt = layouts(shape, counts)
    assert sum(heads for _, heads in dealt) == len(people)
    lawful = {shape.pattern(chain) for chain in chains}
    assert {pattern for pattern, _ in dealt} <= lawful


@pytest.mark.parametrize("seed", range(20))
def test_counts_without_lawful_people_break_a_link(seed):
    """Random counts of three people: the links hold exactly when some dealing of the breaks is lawful."""
    rng = np.random.default_rng(seed)
    centre = one_site({"shifts.work_tolerance_h": 0.25})
    (shape,) = shapes(centre)
    lawful = set(chains_of(shape))
    one = block(shape, catalogue(centre, "north", DAY)[:1], DAY, 900, premiums(centre, "north", DAY, 900))
    for _ in range(20):
        drawn = [rng.choice(list(slot.places), 3) for slot in shape.slots]
        counts = np.array(
            [3]
            + [int((d == p).sum()) for d, slot in zip(drawn, shape.slots, strict=True) for p in slot.places]
        )
        linked = one.links @ counts
        holds = bool((linked[one.equal] == 0).all() and (linked[~one.equal] <= 0).all())
        orders = itertools.product(*[set(itertools.permutations(d.tolist())) for d in drawn])
        possible = any(set(zip(*order, strict=True)) <= lawful for order in orders)
        assert holds == possible


# --- catalogue ------------------------------------------------------------------------------------


def test_catalogue_stays_inside_the_sites_hours():
    shifts = catalogue(two_sites(), "south", axis(MONDAY, 2, 900))
    assert (shifts["start"].dt.hour >= 8).all()
    assert (shifts["end"] <= shifts["start"].dt.normalize() + pd.Timedelta(hours=22)).all()
    assert shifts["start"].dt.hour.max() == 13
    assert shifts["start"].dt.day.unique().tolist() == [23, 24]


def test_round_the_clock_site_has_shifts_across_midnight():
    shifts = catalogue(one_site(), "north", DAY)
    assert (shifts["end"].dt.normalize() > shifts["start"].dt.normalize()).any()


def test_nobody_starts_or_ends_in_the_quiet_hours():
    """00:30 to 05:30, its edges allowed."""
    shifts = catalogue(one_site({"shifts.start_every_min": 30}), "north", axis(MONDAY, 2, 900))
    for edge in ("start", "end"):
        clock = shifts[edge].dt.hour + shifts[edge].dt.minute / 60
        assert not ((clock > 0.5) & (clock < 5.5)).any()
        assert {0.5, 5.5} <= set(clock)


def test_quiet_hours_may_begin_before_midnight():
    centre = one_site({"shifts.quiet_from": "23:00"})
    starts = catalogue(centre, "north", axis(MONDAY, 2, 900))["start"].dt.hour
    assert set(starts) == {*range(6, 15), 21, 22, 23}


def test_premiums_are_those_of_paid_hours():
    """20:30 to 05:30: 7.5 h of presence at night, less the part of the unpaid meal that lies in it."""
    plan = cover(night_centre(), requirement_of(0), shifts=["20:30-05:30 meal 21:30-22:30"])
    assert plan.shifts.empty
    need = requirement_of({"23:00": 2, "23:30": 0})
    for meal, night_h in (("21:30-22:30", 7.0), ("00:30-01:30", 6.5)):
        row = cover(night_centre(), need, shifts=[f"20:30-05:30 meal {meal}"]).shifts.iloc[0]
        assert (row["headcount"], row["night_h"]) == (2, night_h)
        assert row["cost"] == pytest.approx(625.0 * 2 * (8 + 0.2 * night_h))


def test_holiday_and_weekend_hours_are_those_on_the_day():
    """The eve of 4 November 2026, and a Friday into Saturday; a meal there counts off."""
    centre = one_site()
    eve = pd.DatetimeIndex(["2026-11-03 20:00", "2026-11-27 20:00"]).tz_localize("Europe/Moscow")
    hours = premium_hours(centre, "north", eve, eve + pd.Timedelta("8.5h"))
    assert hours["holiday_h"].tolist() == [4.5, 0.0]
    assert hours["weekend_h"].tolist() == [0.0, 4.5]
    need = requirement_of({"23:00": 1, "23:30": 0})
    need["interval_start"] += pd.Timedelta(days=4)
    dear = cover(one_site({"pay.weekend_premium": 0.5}), need, shifts=["21:00-05:30 meal 00:30-01:30"]).shifts
    assert dear["cost"].sum() == pytest.approx(625.0 * (7.5 + 0.2 * 6.5 + 0.5 * 4.5))


def test_no_shift_fits():
    with pytest.raises(
        PlanningError, match=r"no shift fits the hours of south .* add a shorter kind of shift"
    ):
        catalogue(two_sites({"sites.south.closes": "14:00"}), "south", DAY)


def test_the_grid_of_starts_begins_anew_each_day():
    """Every seven hours: the second day began at 04:00, because the grid ran on over midnight."""
    times = axis(MONDAY, 3, 900)
    starts = catalogue(one_site({"shifts.start_every_min": 420}), "north", times)["start"]
    clocks = starts.groupby(starts.dt.date).agg(lambda day: [f"{start:%H}" for start in day])
    assert clocks.tolist() == [["00", "07", "14", "21"]] * 3


def test_a_grid_that_misses_the_hours_of_a_site_is_refused():
    with pytest.raises(PlanningError, match=r"starting every 1440 minutes from midnight: .*start_every_min"):
        catalogue(two_sites({"shifts.start_every_min": 1440}), "south", DAY)
    with pytest.raises(PlanningError, match=r"start_every_min is 100000, must be .*1440"):
        one_site({"shifts.start_every_min": 100_000})


# --- the cover, recounted -------------------------------------------------------------------------


@pytest.mark.parametrize("name", NEEDS)
def test_every_interval_is_covered_by_an_independent_recount(name):
    plan, need = covered(name), requirement_of(NEEDS[name])["rostered"].to_numpy()
    present = recount(plan, DAY)
    assert plan.unmet.empty
    assert (present >= need).all()
    assert (present == on_position(plan.shifts, plan.patterns, DAY)).all()


def test_small_hours_of_the_first_day_are_held_by_the_last_evening():
    """Nobody may start between 23:00 and 05:30, so 03:00 on Monday hangs on who comes the evening before."""
    need = requirement_of({"02:00": 4, "05:00": 0})
    plan = cover(night_centre(**{"shifts.quiet_from": "23:00"}), need, strict=True)
    assert (recount(plan, DAY)[8:20] >= 4).all()
    assert (plan.shifts["start"] >= MONDAY + pd.Timedelta(hours=17)).all()
    assert (plan.shifts["end"] > MONDAY + pd.Timedelta(hours=24)).all()


def test_night_shift_ends_on_the_next_day():
    """Written with its true end, not folded into the day it starts on."""
    times = axis(MONDAY, 2, 900)
    need = pd.concat([requirement_of({"21:00": 3}), requirement_of({"00:00": 3, "05:00": 0})])
    need["interval_start"] = times
    plan = cover(night_centre(), need)
    crossing = plan.shifts[plan.shifts["start"].dt.day != plan.shifts["end"].dt.day]
    assert crossing["headcount"].sum() >= 3
    hours = (plan.shifts["end"] - plan.shifts["start"]) / pd.Timedelta(hours=1)
    assert set(hours) <= {8.5, 9.0}
    assert (recount(plan, times) >= need["rostered"].to_numpy()).all()


def test_a_week_of_two_sites_is_covered():
    centre = two_sites({"shifts.start_every_min": 30})
    demand = demand_of(days=7)
    swing = 1 + np.sin(np.arange(672) * 2 * np.pi / 96 - 2)
    needed = requirement(centre, demand.assign(calls=5 + 15 * swing))
    plan = cover(centre, needed, strict=True)
    times = horizon(centre, needed)
    for team, need in requirement_by_team(centre, needed, times).items():
        own = dataclasses.replace(plan, shifts=plan.shifts[plan.shifts["team"] == team])
        assert (recount(own, times) >= need.to_numpy()).all()
    assert plan.bound <= plan.objective
    south = plan.shifts[plan.shifts["site"] == "south"]
    assert (south["end"].dt.hour + south["end"].dt.minute / 60).max() <= 22


def test_windows_are_cut_after_the_longest_pause_between_starts():
    """Nobody starts from 00:30 to 05:30: a window begins at the end of that, wherever the least need lies."""
    centre, need = night_centre(), requirement_of({"00:00": 2, "21:00": 1})
    need = pd.concat([need, need.assign(interval_start=need["interval_start"] + pd.Timedelta(days=1))])
    (group,) = groups_of(centre, need, horizon(centre, need))
    program, starts = group.program, group.program.at
    windows = program.windows(0.0)
    firsts = [(starts[window] - 22) % program.steps // program.day for window in windows]
    assert [set(days.tolist()) for days in firsts] == [{0}, {1}]
    assert sorted(np.concatenate(windows)) == list(range(len(program.cost)))


def test_two_runs_give_the_same_plan():
    again = cover(night_centre(), requirement_of(NEEDS["two humps"]))
    pd.testing.assert_frame_equal(again.shifts, covered("two humps").shifts)
    pd.testing.assert_frame_equal(again.teams, covered("two humps").teams)


# --- the optimum ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_cover_agrees_with_trying_every_headcount(seed):
    """Four shifts and no solver: bound <= optimum <= objective, and no further apart than the gap."""
    rng = np.random.default_rng(seed)
    texts = [f"{h:02d}:00-{(h + 8) % 24:02d}:00 meal {(h + 4) % 24:02d}:00-{(h + 5) % 24:02d}:00"
             for h in rng.choice([6, 8, 9, 10, 12, 14, 15], 4, replace=False)]  # fmt: skip
    price = float(rng.choice([800.0, 40_000.0]))
    need = requirement_of({f"{h:02d}:00": int(rng.integers(0, 4)) for h in range(24)})
    centre = one_site({"pay.unmet_cost_h": price})
    plan = cover(centre, need, shifts=texts, settings=CoverSettings(gap=0.0))
    wanted = need["rostered"].to_numpy()
    one = [single(text) for text in texts]
    covers = np.array([recount(p, DAY) for p in one])
    cost = np.array([p.shifts["cost"].iloc[0] for p in one])
    optimum = min(
        cost @ heads + price / 4 * np.maximum(wanted - heads @ covers, 0).sum()
        for heads in map(np.array, itertools.product(range(4), repeat=4))
    )
    assert plan.objective == pytest.approx(optimum)
    assert plan.bound == pytest.approx(optimum, rel=1e-5)


def single(text):
    """One head on an explicit shift, priced minute by minute at 625 an hour and a fifth more at night."""
    clock, pattern = parse_shift(text)
    start = MONDAY + clock
    paid = [
        minute
        for minute in range(pattern.length_s // 60)
        if not any(b.start_s <= minute * 60 < b.end_s for b in pattern.breaks if not b.paid)
    ]
    night = sum(not 6 <= (start + minute * MINUTE).hour < 22 for minute in paid)
    cost = 625.0 * (len(paid) + 0.2 * night) / 60
    end = start + pd.Timedelta(seconds=pattern.length_s)
    row = {"start": start, "end": end, "headcount": 1, "pattern": 0, "cost": cost}
    return types.SimpleNamespace(shifts=pd.DataFrame([row]), patterns=(pattern,))


def test_counting_breaks_is_as_good_as_listing_them():
    """Every layout of every shift as a column of its own, solved by scipy's HiGHS: the same optimum."""
    centre = one_site({"shifts.start_every_min": 120, "shifts.lengths_h": {"day": 6.5}})
    need = requirement_of({"09:00": 2, "12:00": 4, "15:00": 3, "19:00": 1, "21:00": 0})
    (shape,) = shapes(centre)
    columns = [
        types.SimpleNamespace(
            shifts=pd.DataFrame([{"start": row.start, "end": row.end, "headcount": 1, "pattern": 0}]),
            patterns=(shape.pattern(chain),),
        )
        for row in catalogue(centre, "north", DAY).itertuples()
        for chain in chains_of(shape)
    ]
    covers = np.array([on_position(c.shifts, c.patterns, DAY) for c in columns]).T
    priced = [single(format_shift(c.shifts["start"].iloc[0] - MONDAY, c.patterns[0])) for c in columns]
    cost = [p.shifts["cost"].iloc[0] for p in priced]
    least = optimize.milp(
        cost, constraints=optimize.LinearConstraint(covers, lb=need["rostered"].to_numpy()), integrality=1
    )
    plan = cover(centre, need, strict=True, settings=CoverSettings(gap=0.0, effort=4.0))
    assert plan.objective == pytest.approx(least.fun, rel=1e-6)
    assert plan.bound == pytest.approx(least.fun, rel=1e-3)


def test_money_of_a_plan_adds_up():
    """Paid hours at the team's rate, a fifth more at night, and the price of what is missing."""
    plan = covered("two humps")
    rows = plan.shifts
    cost = 625.0 * rows["headcount"] * (rows["paid_h"] + 0.2 * rows["night_h"] + rows["holiday_h"])
    assert rows["cost"].to_numpy() == pytest.approx(cost.to_numpy())
    assert plan.objective == pytest.approx(cost.sum())
    assert plan.teams["paid_h"].sum() == pytest.approx((rows["paid_h"] * rows["headcount"]).sum())
    assert plan.bound <= plan.objective <= plan.bound * 1.05


def test_night_runs_on_the_sites_own_clock():
    """Seven hours ahead of the centre: 15:00 to 23:00 here is 22:00 to 06:00 there, all of it night."""
    need = requirement_of({"15:00": 2, "23:00": 0})
    explicit = ["15:00-23:00 meal 18:00-18:30"]
    here, east = (
        cover(one_site({"sites.north.time_zone": zone}), need, shifts=explicit).shifts.iloc[0]
        for zone in ("Europe/Moscow", "Asia/Vladivostok")
    )
    assert (here["night_h"], east["night_h"]) == (1.0, 7.5)
    assert here["cost"] == pytest.approx(625.0 * 2 * (7.5 + 0.2 * 1.0))
    assert east["cost"] == pytest.approx(625.0 * 2 * (7.5 + 0.2 * 7.5))


def test_night_work_is_avoided_where_day_work_will_do():
    """The same need by day costs more with a start that runs into the night."""
    plan = cover(one_site(), requirement_of({"12:00": 2, "20:00": 0}))
    assert (plan.shifts["night_h"] == 0).all()


# --- what cannot be covered -----------------------------------------------------------------------


def test_missing_agents_are_told_when_they_are_cheaper():
    """At a rouble an hour nobody is sent for; all that is asked is missing."""
    plan = cover(one_site({"pay.unmet_cost_h": 1.0}), requirement_of({"10:00": 3, "11:00": 0}))
    assert plan.shifts.empty
    assert plan.unmet[["team", "missing"]].values.tolist() == [["calls_north", 3.0]] * 4
    assert plan.unmet["interval_start"].tolist() == list(DAY[40:44])
    assert plan.objective == pytest.approx(3.0)


def test_hours_that_no_shift_reaches_are_missing():
    """In South nobody is on position at 08:00 before they come; need before the opening cannot be met."""
    need = requirement_of({"07:00": 2, "12:00": 0}, site="south")
    plan = cover(two_sites(), need)
    assert plan.unmet["interval_start"].tolist() == list(DAY[28:32])
    assert (plan.unmet["missing"] == 2).all()
    assert (recount(plan, DAY)[32:48] >= 2).all()


@pytest.mark.parametrize("salaried", [False, True])
def test_breaks_have_stand_ins_where_all_start_together(salaried):
    """Seven at a time with four places for each break: 7 + n people, of whom at most n are absent, so ten.

    The site is open from 9:00 to 18:00, and its only shift ends at 17:30.
    """
    centre = two_sites({"sites.south.opens": "09:00", "sites.south.closes": "18:00"})
    need = requirement_of({"09:00": 7, "18:00": 0}, site="south")
    held = contracts_of(centre, people_of(centre, 40), DAY) if salaried else None
    plan = cover(centre, need, contracts=held)
    assert plan.shifts["headcount"].sum() == 10
    assert plan.unmet["interval_start"].tolist() == list(DAY[70:72])
    assert (recount(plan, DAY)[36:70] >= 7).all()


def test_strict_says_where_it_is_short():
    with pytest.raises(
        PlanningError, match=r"calls_north is short of 3 agents at 2026-11-23 10:00 \(and in 3 more"
    ):
        cover(one_site({"pay.unmet_cost_h": 1.0}), requirement_of({"10:00": 3, "11:00": 0}), strict=True)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"sites.north.seats": 0},
            "sites.north.seats is 0, and no workplace is free: give .* at least 3 more",
        ),
        (
            {"sites.north.seats": 2},
            "sites.north.seats is 2, and no workplace is free: give .* at least 1 more",
        ),
        ({"pay.unmet_cost_h": 1.0}, "pay.unmet_cost_h is 1, must be more than the 625 .* of the team costs"),
    ],
)
def test_a_plan_says_what_to_do_for_a_team_that_is_short(changes, reason):
    plan = cover(one_site(changes), requirement_of({"10:00": 3, "11:00": 0}))
    (text,) = plan.short
    assert re.search(rf"calls_north is short of \d agents? at 2026-11-23 10:00 .*{reason}", text)
    assert cover(one_site(), requirement_of({"10:00": 3, "11:00": 0})).short == ()


def test_desks_that_are_full_later_in_a_shift_are_named():
    """One desk, taken from 11:00 on by whoever comes then: nobody else can come at 10:00 and stay."""
    centre = one_site({"sites.north.seats": 1, "shifts.lengths_h": {"day": 8.5}})
    need = requirement_of({"10:00": 3, "11:00": 1, "19:30": 0})
    plan = cover(centre, need)
    (text,) = plan.short
    assert "sites.north.seats is 1, and no workplace is free: give the site at least 2 more" in text
    only = cover(one_site({"pay.unmet_cost_h": 1.0}), requirement_of({"10:00": 1, "10:15": 0}))
    assert re.match(r"calls_north is short of 1 agent at 2026-11-23 10:00: ", only.short[0])


def test_nothing_needed_is_nothing_planned():
    plan = cover(one_site(), requirement_of(0), strict=True)
    assert plan.shifts.empty
    assert (plan.objective, plan.bound, plan.gap) == (0.0, 0.0, 0.0)


def test_table_is_the_contracts():
    plan = covered("two humps")
    assert len(SHIFTS.check(plan.shifts)) == len(plan.shifts)
    assert plan.shifts["shift_id"].is_unique
    assert plan.shifts["shift_id"].iloc[0].startswith("calls_north-20261123T")


# --- a planner's notation -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "09:00-18:00 meal 12:30-13:30",
        "21:00-06:00 rest 23:00-23:15 meal 01:00-02:00 rest 04:00-04:15",
        "08:00-20:00 gap 12:00-16:00",
        "06:00-10:00",
    ],
)
def test_notation_round_trip(text):
    assert format_shift(*parse_shift(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nine to five", "cannot be read: write it like"),
        ("09:00-18:00 lunch 12:00-13:00", "cannot be read"),
        ("09:00-18:00 meal 18:30-19:00", "has a meal at 18:30, which lies outside the shift"),
        ("09:75-18:00", "has the time 9:75, must lie in"),
        ("09:00-18:00 meal 12:00-13:00 rest 12:30-12:45", "does not fit a explicit shift"),
    ],
)
def test_notation_that_is_none(text, message):
    with pytest.raises(PlanningError, match=message):
        parse_shift(text)


def test_explicit_shifts_replace_the_rules():
    """In the file as in the call; a night needs no date; nothing else is worked."""
    texts = ["09:00-18:00 meal 12:30-13:30", "20:30-05:30 meal 22:30-23:30"]
    need = requirement_of({"09:00": 1, "12:30": 0, "21:00": 2, "22:00": 0})
    plan = cover(one_site({"shifts.explicit": texts}), need, strict=True)
    pd.testing.assert_frame_equal(plan.shifts, cover(one_site(), need, shifts=texts).shifts)
    written = {
        format_shift(row.start - MONDAY, plan.patterns[row.pattern]): row.headcount
        for row in plan.shifts.itertuples()
    }
    assert written == dict(zip(texts, (1, 2), strict=True))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "shifts is empty: give at least one"),
        (["06:00-20:00 meal 12:00-12:30"], "has 13.5 h paid, must not exceed 12 h"),
        (
            ["09:00-21:00 meal 13:00-13:10"],
            r"has a meal of 10 min, must lie in \[30, 120\] \(TK RF 108\)",
        ),
        (
            ["09:00-21:00 meal 13:00-15:30"],
            r"has a meal of 150 min, must lie in \[30, 120\] \(TK RF 108\)",
        ),
    ],
)
def test_explicit_shifts_that_cannot_be(texts, message):
    with pytest.raises(PlanningError, match=message):
        cover(one_site(), requirement_of(1), shifts=texts)


def test_explicit_shift_outside_the_hours_of_every_site():
    centre = one_site({"sites.north.closes": "20:00", "queues.calls.closes": "20:00"})
    with pytest.raises(PlanningError, match="'15:00-23:00' lies outside the hours of every site: move it"):
        cover(centre, requirement_of({"10:00": 1, "12:00": 0}), shifts=["15:00-23:00"])


# --- what is asked ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rostered": float("nan")}, "requirement: row 0: rostered is nan, must be a whole number"),
        ({"rostered": -5}, r"requirement: row 0: rostered is -5(\.0)?, must lie in \[0, inf\]"),
        (
            {"queue": "nope", "rostered": 1},
            "requirement asks for 'nope' at 'north', which no team there answers: .* calls",
        ),
        (
            {"site": "spb", "rostered": 1},
            "requirement asks for 'calls' at 'spb', which no team there answers: .* north",
        ),
    ],
)
def test_a_requirement_that_cannot_be_is_refused(change, message):
    """Not planned as if nothing were asked."""
    need = requirement_of(NEEDS["by day"])
    bad = need.assign(**{name: need[name].astype(object) for name in change})
    bad.loc[:1, list(change)] = list(change.values())
    with pytest.raises(PlanningError, match=message):
        cover(one_site(), bad)


@pytest.mark.parametrize("change", [{"pay.unmet_cost_h": 1e-6}, {"shifts.start_every_min": 1440}])
def test_a_plan_without_any_shift_is_a_plan(change):
    """Nobody comes, and all that is asked is missing."""
    plan = cover_all(one_site(change), requirement_of({"10:00": 3, "11:00": 0}))
    assert plan.shifts.empty
    assert (plan.unmet["missing"] == 3).all()
    assert len(plan.unmet) == 4


def test_a_requirement_twice_or_empty_is_refused():
    need = requirement_of(NEEDS["by day"])
    with pytest.raises(
        PlanningError, match="requirement: row 96: queue and site and interval_start occur twice"
    ):
        cover(one_site(), pd.concat([need, need]))
    with pytest.raises(PlanningError, match="requirement has no rows"):
        cover(one_site(), need.iloc[:0])
    with pytest.raises(PlanningError, match="requirement has no rows"):
        cover_all(one_site(), need.iloc[:0])
    with pytest.raises(PlanningError, match="requirement: column 'rostered' is missing"):
        cover(one_site(), need.drop(columns="rostered"))


def test_the_clock_that_a_requirement_is_told_on_changes_nothing():
    need = requirement_of(NEEDS["by day"])
    utc = need.assign(interval_start=need["interval_start"].dt.tz_convert("UTC"))
    pd.testing.assert_frame_equal(cover(one_site(), utc).shifts, cover(one_site(), need).shifts)


@pytest.mark.parametrize("day", ["2026-03-28", "2026-03-29", "2026-10-25"])
def test_a_site_opens_by_the_clock_on_the_wall(day):
    """Clocks change in Berlin on the second and third day: midnight and eight hours are not 08:00.

    Shifts of 8.5 h start every hour, so the last ends half an hour before the site closes.
    """
    centre = two_sites({"time_zone": "Europe/Berlin"})
    times = axis(pd.Timestamp(day, tz="Europe/Berlin"), 1, 900)
    shifts = catalogue(centre, "south", times)
    clocks = shifts["start"].min().strftime("%H:%M"), shifts["end"].max().strftime("%H:%M")
    assert clocks == ("08:00", "21:30")


# --- skills ---------------------------------------------------------------------------------------


def shared(skills):
    """Two queues at one site, and the queues that each of its two teams answers."""
    changes = {f"teams.{team}_north.queues": own for team, own in skills.items()}
    return one_site(changes, queues=("a", "b"))


def test_flexible_agent_is_counted_once():
    """Both teams know both queues, three are needed in each: six people, not three."""
    need = pd.concat(requirement_of({"10:00": 3, "12:00": 0}, queue=queue) for queue in "ab")
    plan = cover(shared({"a": ["a", "b"], "b": ["b", "a"]}), need, strict=True)
    present = recount(plan, DAY)
    assert (present[40:48] >= 6).all()
    assert plan.shifts["headcount"].sum() == 6


def test_skills_save_people_where_needs_take_turns():
    """Queue a needs two in the morning, b two in the afternoon: with skills two people do both."""
    need = pd.concat(
        [
            requirement_of({"10:00": 2, "11:00": 0}, queue="a"),
            requirement_of({"14:00": 2, "15:00": 0}, queue="b"),
        ]
    )
    apart = cover(shared({}), need, strict=True).shifts["headcount"].sum()
    together = cover(shared({"a": ["a", "b"]}), need, strict=True).shifts["headcount"].sum()
    assert (apart, together) == (4, 2)


def test_missing_heads_of_shared_queues_are_told_by_queue():
    need = pd.concat(requirement_of({"10:00": 2, "11:00": 0}, queue=queue) for queue in "ab")
    centre = shared({"a": ["a", "b"]}).replace({"shifts.max_heads": {"a_north": 3, "b_north": 0}})
    plan = cover(centre, need)
    assert plan.shifts["headcount"].sum() == 3
    assert plan.unmet.groupby("interval_start")["missing"].sum().tolist() == [1] * 4


# --- limits ---------------------------------------------------------------------------------------


def test_heads_a_day_are_limited_and_the_limit_has_a_price():
    need = requirement_of({"10:00": 3, "12:00": 0})
    plan = cover(one_site({"shifts.max_heads": {"calls_north": 2}}), need)
    assert plan.shifts["headcount"].sum() == 2
    assert (plan.unmet["missing"] == 1).all()
    assert len(plan.unmet) == 8
    (limit,) = plan.binding.itertuples()
    assert (limit.limit, limit.value) == ("max_heads.calls_north", 2.0)
    assert limit.saves_cost == pytest.approx(2 * 40_000 - 625 * 8, rel=1e-6)
    assert cover(one_site(), need).binding.empty


def test_part_time_is_limited_to_its_share():
    """A need of two hours is cheapest with four-hour shifts; at most half of the shifts may be such."""
    kinds = {"shifts.lengths_h": {"half": 4.5, "day": 8.5}, "shifts.meal_min": {"half": 30, "day": 30}}
    need = requirement_of({"10:00": 4, "12:00": 0})
    free = cover(one_site(kinds), need, strict=True)
    assert set(free.shifts["paid_h"]) == {4.0}
    limited = one_site(kinds | {"shifts.part_time": ["half"], "shifts.max_part_time": 0.5})
    plan = cover(limited, need, strict=True)
    assert plan.shifts.groupby("paid_h")["headcount"].sum().to_dict() == {4.0: 2, 8.0: 2}
    # One point of share more makes 0.04 of four shifts half as long.
    (limit,) = plan.binding.itertuples()
    assert (limit.limit, limit.one_more) == ("max_part_time, calls_north", "point of share")
    assert limit.saves_cost == pytest.approx(0.04 * 4 * 625)


def test_starts_are_limited_and_the_limit_has_a_price():
    need, changes = requirement_of(NEEDS["two humps"]), {"shifts.max_starts": 8}
    plan = cover(night_centre(**changes), need, strict=True)
    assert plan.shifts["start"].dt.time.nunique() <= 8
    assert plan.bound <= covered("two humps").objective
    assert plan.binding["limit"].tolist() == ["max_starts"]
    assert plan.binding["saves_cost"].iloc[0] > 0


@pytest.mark.parametrize("seats", [0, 3])
def test_nobody_is_planned_without_a_desk(seats):
    """Of ten that are asked, as many come as have a desk."""
    centre = one_site({"sites.north.seats": seats})
    need = requirement_of({"10:00": 10, "12:00": 0}, days=2)
    plan = cover(centre, need)
    assert at_desks(centre, plan, horizon(centre, need))["north"].max() == seats
    assert (plan.unmet["missing"] == 10 - seats).all()
    assert len(plan.unmet) == 16
    (limit,) = plan.binding.itertuples()
    assert (limit.limit, limit.value, limit.one_more) == ("sites.north.seats", seats, "desk")
    assert limit.saves_cost > 0
    assert plan.bound <= plan.objective
    with pytest.raises(
        PlanningError, match=rf"10:00 .*sites.north.seats is {seats}, and no workplace is free"
    ):
        cover(centre, need, strict=True)


def test_teams_share_the_desks_of_their_site():
    """Two teams of four at noon, five desks: three heads are missing, whichever team they are of."""
    need = pd.concat(requirement_of({"10:00": 4, "11:00": 0}, queue=queue) for queue in "ab")
    free = cover(shared({}), need, strict=True)
    centre = shared({}).replace({"sites.north.seats": 5})
    plan = cover(centre, need)
    assert (at_desks(centre, free, DAY)["north"].max(), at_desks(centre, plan, DAY)["north"].max()) == (8, 5)
    assert plan.unmet.groupby("interval_start")["missing"].sum().tolist() == [3] * 4
    assert free.bound <= plan.bound <= plan.objective
    enough = cover(shared({}).replace({"sites.north.seats": 8}), need)
    pd.testing.assert_frame_equal(enough.shifts, free.shifts)


def test_a_break_frees_a_desk():
    """Two shifts whose meals take turns at the only desk."""
    centre = one_site({"sites.north.seats": 1})
    texts = ["09:00-13:00 meal 11:00-13:00", "09:00-13:00 meal 09:00-11:00"]
    plan = cover(centre, requirement_of({"09:00": 1, "13:00": 0}), shifts=texts, strict=True)
    assert plan.shifts["headcount"].tolist() == [1, 1]
    assert at_desks(centre, plan, DAY)["north"].max() == 1


def test_people_who_are_planned_already_take_desks():
    """Four desks, of which two are taken beside the plan, or by last night's people."""
    centre, need = one_site({"sites.north.seats": 4}), requirement_of({"10:00": 4, "12:00": 0})
    beside = cover(centre, requirement_of({"10:00": 2, "12:00": 0}), shifts=["09:00-13:00"])
    assert (cover(centre, need, beside=beside).unmet["missing"] == 2).all()
    night = cover(centre, requirement_of({"22:00": 2}), shifts=["20:00-08:00 meal 21:00-22:00"])
    plan = cover(centre, tomorrow({"06:00": 9, "08:00": 0}), before=night)
    assert (plan.unmet["missing"] == 5).all()


def test_people_beyond_the_need_may_have_a_price():
    """A head too many costs 100 an hour: the objective is the shifts and the surplus."""
    need = requirement_of({"10:00": 2, "12:00": 0})
    plan = cover(one_site({"pay.over_cost_h": 100.0}), need, strict=True)
    surplus = (recount(plan, DAY) - need["rostered"].to_numpy()).clip(0).sum() / 4
    assert plan.objective == pytest.approx(plan.shifts["cost"].sum() + 100 * surplus)
    assert plan.bound <= plan.objective


# --- any grid -------------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [5, 15, 30, 60])
def test_any_length_of_interval(minutes):
    """Hourly needs on each grid: nobody is missing at any minute, and it costs the same within a hair."""
    need = requirement_of({"08:00": 2, "13:00": 4, "18:00": 1, "20:00": 0})
    grid = axis(MONDAY, 1, minutes * 60)
    hours = need.set_index("interval_start")["rostered"].reindex(grid, method="ffill")
    rows = need.iloc[[0] * len(grid)].assign(interval_start=grid, rostered=hours.to_numpy())
    centre = one_site({"interval_s": minutes * 60})
    plan = cover(centre, rows, strict=True)
    assert (recount(plan, DAY) >= need["rostered"].to_numpy()).all()
    assert (on_position(plan.shifts, plan.patterns, grid) >= hours.to_numpy()).all()
    assert plan.objective == pytest.approx(cover(one_site(), need).objective, rel=0.03)


def test_requirement_off_the_grid():
    need = requirement_of(1)
    need["interval_start"] += MINUTE
    with pytest.raises(
        PlanningError, match=r"interval_start 2026-11-23 00:01, must lie on the grid of 900 s"
    ):
        cover(one_site(), need)


# --- a stretch of dates ---------------------------------------------------------------------------


def tomorrow(rostered):
    """The requirement of the day after."""
    need = requirement_of(rostered)
    return need.assign(interval_start=need["interval_start"] + pd.Timedelta(days=1))


def test_days_planned_one_after_the_other_hold_together():
    """Minute by minute over both days: last night's people work in the morning, and nobody wraps around."""
    need = NEEDS["two humps"]
    first = covered("two humps")
    second = cover(night_centre(), tomorrow(need), before=first)
    days = axis(MONDAY + pd.Timedelta(days=1), 2, 900)
    shapes = first.patterns + second.patterns
    later = second.shifts.assign(pattern=second.shifts["pattern"] + len(first.patterns))
    both = pd.concat([first.shifts, later], ignore_index=True)
    wanted = tomorrow(need)["rostered"].to_numpy()
    plan = types.SimpleNamespace(shifts=both, patterns=shapes)
    assert (recount(plan, days)[:96] >= wanted).all()
    assert (on_position(both, shapes, days, around=False)[:96] >= wanted).all()
    assert not len(second.unmet)


def test_nobody_of_tonight_is_at_work_this_morning():
    """After an empty day the small hours are short, and named; coming round they would be covered."""
    need = {"00:00": 2, "05:00": 0, "20:00": 2}
    centre = night_centre(**{"shifts.quiet_from": "23:00"})
    empty = cover(centre, requirement_of(0))
    plan = cover(centre, tomorrow(need), before=empty)
    short = plan.unmet["interval_start"].dt.hour
    assert (short < 5).all()
    assert len(plan.unmet) > 0
    assert not len(cover(centre, tomorrow(need)).unmet)


# --- the search -----------------------------------------------------------------------------------


def test_interrupted_search_keeps_its_best_plan():
    """Ctrl-C after the first step, as a callback that raises it."""
    seen = []

    def stop(progress):
        seen.append(progress)
        raise KeyboardInterrupt

    need = requirement_of(NEEDS["two humps"])
    plan = cover(night_centre(), need, callback=stop, settings=CoverSettings(gap=0.0, effort=0.1))
    assert plan.status == "interrupted"
    assert len(seen) == 1
    assert plan.objective == pytest.approx(seen[0].objective)
    assert plan.bound == pytest.approx(seen[0].bound)
    assert (recount(plan, DAY) >= need["rostered"].to_numpy()).all()


def test_time_limit_is_kept_and_told():
    plan = cover(
        night_centre(),
        requirement_of(NEEDS["two humps"]),
        settings=CoverSettings(gap=0.0, rounds=9, time_limit_s=0.0),
    )
    assert plan.status == "the time is up"


def test_more_work_is_never_worse():
    """Progress falls in cost and rises in bound: with so little work the first plans are hasty."""
    steps = []
    cover(night_centre(), requirement_of(NEEDS["two humps"]), callback=steps.append,
          settings=CoverSettings(gap=0.0, effort=0.01, rounds=3))  # fmt: skip
    assert (np.diff([step.objective for step in steps]) <= 1e-6).all()
    assert (np.diff([step.bound for step in steps]) >= -1e-6).all()
    assert steps[-1].objective < steps[0].objective
    assert steps[-1].bound <= steps[-1].objective + 1e-6


@pytest.mark.parametrize(
    ("setting", "value"),
    [("gap", -0.1), ("effort", float("nan")), ("rounds", 1.5), ("time_limit_s", True), ("threads", 0)],
)
def test_settings_that_cannot_be(setting, value):
    with pytest.raises(PlanningError, match=f"{setting} is .*, must"):
        CoverSettings(**{setting: value})


def test_within_the_gap_is_said_of_the_gap_that_the_plan_prints():
    """A price of too many heads is counted from what is needed, so the program's own sums are larger."""
    centre = one_site({"pay.over_cost_h": 2000.0})
    need = requirement_of({"00:00": 1, "07:00": 3, "11:00": 5, "15:00": 2, "18:00": 4}, days=3)
    short = CoverSettings(gap=0.0, effort=0.02, rounds=0)
    gap = cover(centre, need, settings=short).gap
    found = {
        share: cover(centre, need, settings=dataclasses.replace(short, gap=share * gap))
        for share in (0.99, 1.01)
    }
    assert [plan.gap for plan in found.values()] == pytest.approx([gap, gap])
    assert [plan.status for plan in found.values()] == ["the work allowed is done", "within the gap"]


def test_threads_change_nothing():
    """Two parts a day, side by side or one after the other."""
    centre, need = two_sites(), requirement_of(NEEDS["by day"], days=2, site="south")
    settings = CoverSettings(gap=0.0, effort=0.1, rounds=1)
    one, two = (cover(centre, need, settings=dataclasses.replace(settings, threads=n)) for n in (1, 2))
    pd.testing.assert_frame_equal(one.shifts, two.shifts)
    assert one.bound == two.bound


# --- the clash ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("centre", "need", "message"),
    [
        (
            two_sites(),
            requirement_of({"07:00": 2, "08:00": 0}, site="south"),
            "07:00 .*the site is open from 08:00 to 22:00",
        ),
        (
            one_site({"shifts.max_heads": {"calls_north": 1}}),
            requirement_of({"10:00": 2, "11:00": 0}),
            r"10:00 .*shifts.max_heads.calls_north is 1",
        ),
        (
            one_site({"shifts.lengths_h": {"day": 4.5}, "shifts.quiet_until": "06:30"}),
            requirement_of({"03:00": 2, "04:00": 0}),
            r"03:00 .*no shift starts or ends from 00:30 to 06:30",
        ),
    ],
    ids=["site", "heads", "quiet hours"],
)
def test_strict_names_the_rule_that_shuts_out(centre, need, message):
    with pytest.raises(PlanningError, match=message):
        cover(centre, need, strict=True)


# --- the day as a whole ---------------------------------------------------------------------------


def test_day_meets_its_target_in_the_exact_model_for_less():
    """Confirmed from the written shifts; cheaper than a plan for every interval."""
    centre = one_site({"teams.calls_north.shrinkage": 0.1})
    clock = np.arange(96)
    demand = demand_of(days=1).assign(calls=12 + 10 * np.sin((clock - 30) * np.pi / 48))
    found = cover_day(centre, demand, "calls")
    assert found.service_level >= 0.8
    seats = np.floor(recount(found.plan, DAY) * 0.9 + 1e-9)
    assert (found.service["agents"].to_numpy() == seats).all()
    assert found.plan.objective < cover(centre, requirement(centre, demand)).objective


@pytest.mark.parametrize(
    ("centre", "message"),
    [
        (two_sites({"queues.calls.pooled": False}), "pooled is false, must be true"),
        (shared({"a": ["a", "b"]}), "share queues, a team of a must answer nothing else here"),
        (one_site({"queues.calls.target": {"max_occupancy": 0.9}}), "service_level is missing"),
    ],
    ids=["apart", "skills", "no promise"],
)
def test_day_that_the_exact_model_does_not_know(centre, message):
    queue = next(iter(centre.queues))
    with pytest.raises(PlanningError, match=message):
        cover_day(centre, demand_of(2.0, queue=queue), queue)


def test_days_that_are_alike_are_solved_once(monkeypatch):
    """Three days of a site that closes at night: one relaxation, and the bound and the shifts of three."""
    solved = []
    monkeypatch.setattr(
        "planning.shifts.search.relax", lambda program: solved.append(program) or relax(program)
    )
    one, three = (cover(one_site(), requirement_of({"09:00": 3, "21:00": 0}, days=days)) for days in (1, 3))
    assert len(solved) == 2
    assert three.objective == pytest.approx(3 * one.objective)
    assert three.bound == pytest.approx(3 * one.bound)
    assert three.shifts["headcount"].sum() == 3 * one.shifts["headcount"].sum()
    assert three.unmet.empty


# Each process is a copy of one that has only imported the package. A barrier lets its threads go together,
# and a short switch interval makes them take turns within a call.
AT_ONCE = """
import multiprocessing, pickle, sys, threading
from concurrent.futures import ThreadPoolExecutor
from planning.shifts.program import relax

def solve(_):
    gate.wait()
    return relax(program).value

def process():
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(solve, range(8)))) == 1

program = pickle.load(sys.stdin.buffer)
gate = threading.Barrier(8)
sys.setswitchinterval(1e-6)
for _ in range(25):
    copy = multiprocessing.get_context("fork").Process(target=process)
    copy.start()
    copy.join()
    assert copy.exitcode == 0
"""


def test_first_relaxations_of_a_process_may_be_side_by_side():
    centre, need = one_site(), requirement_of({"09:00": 3, "21:00": 0})
    (group,) = groups_of(centre, need, horizon(centre, need))
    command = [sys.executable, "-c", AT_ONCE]
    subprocess.run(command, input=pickle.dumps(group.program), check=True, timeout=120)
