"""Shifts: what may be worked, and a cover that an independent recount finds whole."""

import dataclasses
import functools
import itertools

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, demand_of, one_site, requirement_of, two_sites

from planning import PlanningError, cover, requirement
from planning.calendars import axis
from planning.shifts import Break, Pattern, catalogue, horizon, on_position, patterns, requirement_by_team
from planning.shifts.cover import _coverage, _Problem, _solve
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


# --- patterns -------------------------------------------------------------------------------------


@pytest.mark.parametrize("length_h", [6.5, 8.5, 9.0, 11.0, 12.0])
@pytest.mark.parametrize("stretch_h", [1.5, 2.0, 3.0])
def test_breaks_lie_inside_and_apart_on_the_grid(length_h, stretch_h):
    centre = one_site({"shifts.lengths_h": {"day": length_h}, "shifts.work_between_rests_h": stretch_h})
    for shape in patterns(centre):
        edges = [
            0,
            *itertools.chain(*((b.start_s, b.start_s + b.length_s) for b in shape.breaks)),
            shape.length_s,
        ]
        assert edges == sorted(edges)
        assert all(edge % 900 == 0 for edge in edges)
        assert [b.kind for b in shape.breaks].count("meal") == 1
        # The stagger moves all breaks together by up to two intervals, rounding to the grid by up to a half.
        work = np.diff(edges)[::2]
        assert max(work) <= stretch_h * 3600 + 3 * 900
        assert max(work[1:-1], default=0) <= stretch_h * 3600 + 900


def test_breaks_are_staggered():
    """Five shapes of one shift whose meals begin at five different times."""
    found = patterns(one_site())
    assert len({b.start_s for shape in found for b in shape.breaks if b.kind == "meal"}) == len(found) == 5


def test_paid_time_is_presence_less_meals():
    """8.5 h with a half-hour's meal: eight hours, the rests included."""
    for shape in patterns(one_site()):
        assert shape.paid_s == 8 * 3600
        assert sum(b.length_s for b in shape.breaks if b.paid) == 2 * 900


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
        PlanningError, match=rf"shifts.meal_min.day is {meal} min, must lie in \[30, 120\] \(test\)"
    ):
        patterns(one_site({"shifts.meal_min.day": meal}))


def test_shift_longer_than_the_law():
    with pytest.raises(
        PlanningError, match=r"lengths_h.day is 13 h, of which 12.5 h paid, must not exceed 12 h"
    ):
        patterns(one_site({"shifts.lengths_h": {"day": 13.0}}))
    assert patterns(one_site({"shifts.lengths_h": {"day": 12.5}}))


# --- catalogue ------------------------------------------------------------------------------------


def test_catalogue_stays_inside_the_sites_hours():
    shifts = catalogue(two_sites(), "moscow", axis(MONDAY, 2, 900))
    assert (shifts["start"].dt.hour >= 8).all()
    assert (shifts["end"] <= shifts["start"].dt.normalize() + pd.Timedelta(hours=22)).all()
    assert shifts["start"].dt.hour.max() == 13
    assert shifts["start"].dt.day.unique().tolist() == [23, 24]


def test_round_the_clock_site_has_shifts_across_midnight():
    shifts = catalogue(one_site(), "kaluga", DAY)
    assert (shifts["end"].dt.normalize() > shifts["start"].dt.normalize()).any()


def test_nobody_starts_or_ends_in_the_quiet_hours():
    """00:30 to 05:30, its edges allowed."""
    shifts = catalogue(one_site({"shifts.start_every_min": 30}), "kaluga", axis(MONDAY, 2, 900))
    for edge in ("start", "end"):
        clock = shifts[edge].dt.hour + shifts[edge].dt.minute / 60
        assert not ((clock > 0.5) & (clock < 5.5)).any()
        assert {0.5, 5.5} <= set(clock)


def test_quiet_hours_may_begin_before_midnight():
    centre = one_site({"shifts.quiet_from": "23:00"})
    starts = catalogue(centre, "kaluga", axis(MONDAY, 2, 900))["start"].dt.hour
    assert set(starts) == {*range(6, 15), 21, 22, 23}


def test_night_hours_are_paid_hours():
    """20:30 to 05:30 is 7.5 h of night with presence; a meal inside the night is not paid."""
    centre = night_centre(**{"shifts.start_every_min": 30})
    shifts = catalogue(centre, "kaluga", DAY)
    shapes = patterns(centre)
    row = shifts[(shifts["start"] == MONDAY + pd.Timedelta("20:30:00")) & (shifts["paid_h"] == 8.0)]
    row = row[[shapes[number].kind == "night" for number in row["pattern"]]]
    assert len(row) == 5
    for night_h, number in zip(row["night_h"], row["pattern"], strict=True):
        meal = next(b for b in shapes[number].breaks if b.kind == "meal")
        inside = max(meal.start_s + meal.length_s - 1.5 * 3600, 0) - max(meal.start_s - 1.5 * 3600, 0)
        assert night_h == pytest.approx(7.5 - inside / 3600)
    assert row["night_h"].min() == 6.5


def test_holiday_hours_are_those_on_the_holiday():
    """A shift from 20:00 on 3 November 2026 works four of its hours less on the eve."""
    eve = pd.Timestamp("2026-11-03", tz="Europe/Moscow")
    shifts = catalogue(one_site(), "kaluga", axis(eve, 1, 900))
    late = shifts[shifts["start"] == eve + pd.Timedelta(hours=22)]
    assert ((late["holiday_h"] == 6.0) | (late["holiday_h"] == 6.5)).all()
    assert (shifts.loc[shifts["end"] <= eve + pd.Timedelta(days=1), "holiday_h"] == 0).all()


def test_no_shift_fits():
    with pytest.raises(
        PlanningError, match=r"no shift fits the hours of moscow .* add a shorter kind of shift or open"
    ):
        catalogue(two_sites({"sites.moscow.closes": "14:00"}), "moscow", DAY)


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
    assert plan.bound_rub <= plan.objective_rub
    moscow = plan.shifts[plan.shifts["site"] == "moscow"]
    assert (moscow["end"].dt.hour + moscow["end"].dt.minute / 60).max() <= 22


def test_two_runs_give_the_same_plan():
    again = cover(night_centre(), requirement_of(NEEDS["two humps"]))
    pd.testing.assert_frame_equal(again.shifts, covered("two humps").shifts)
    pd.testing.assert_frame_equal(again.teams, covered("two humps").teams)


# --- the optimum ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_cover_agrees_with_trying_every_headcount(seed):
    """A few shifts and no solver: bound <= optimum <= objective, and no further apart than the gap."""
    rng = np.random.default_rng(seed)
    times = axis(MONDAY, 1, 3600)
    shapes = (
        Pattern("a", 6 * 3600, (Break(10_800, 3600, "meal"),)),
        Pattern("b", 9 * 3600, (Break(14_400, 3600, "meal"),)),
    )
    starts = MONDAY + pd.to_timedelta(rng.choice(24, 5, replace=False), unit="h")
    shifts = pd.DataFrame({"start": starts, "pattern": rng.integers(0, 2, 5)})
    need = rng.integers(0, 4, 24).astype(float)
    cost, price = rng.uniform(4000, 6000, 5), float(rng.choice([800.0, 3000.0]))
    problem = _Problem(_coverage(shifts, shapes, times), need, cost, price)
    covers = np.array(
        [
            [
                _covers(start, shapes[p], time)
                for start, p in zip(shifts["start"], shifts["pattern"], strict=True)
            ]
            for time in times
        ]
    )

    def money(heads):
        return cost @ heads + price * np.maximum(need - covers @ heads, 0).sum()

    optimum = min(money(np.array(heads)) for heads in itertools.product(range(4), repeat=5))
    heads, bound = _solve(problem)
    assert bound <= optimum * (1 + 1e-9)
    assert optimum <= money(heads) * (1 + 1e-9)
    assert money(heads) <= optimum * 1.01 + 1e-6


def _covers(start, shape, time):
    """Whether a shift's agent works through the hour that starts at a time, today or on the day before."""
    for begin in (start, start - pd.Timedelta(days=1)):
        at = (time - begin).total_seconds()
        if 0 <= at < shape.length_s:
            return not any(b.start_s <= at < b.start_s + b.length_s for b in shape.breaks)
    return False


def test_money_of_a_plan_adds_up():
    """Paid hours at the team's rate, a fifth more at night, and the price of what is missing."""
    plan = covered("two humps")
    rows = plan.shifts
    cost = 625.0 * rows["headcount"] * (rows["paid_h"] + 0.2 * rows["night_h"] + rows["holiday_h"])
    assert rows["cost_rub"].to_numpy() == pytest.approx(cost.to_numpy())
    assert plan.objective_rub == pytest.approx(cost.sum())
    assert plan.teams["paid_h"].sum() == pytest.approx((rows["paid_h"] * rows["headcount"]).sum())
    assert plan.bound_rub <= plan.objective_rub <= plan.bound_rub * 1.05


def test_night_work_is_avoided_where_day_work_will_do():
    """The same need by day costs more with a start that runs into the night."""
    plan = cover(one_site(), requirement_of({"12:00": 2, "20:00": 0}))
    assert (plan.shifts["night_h"] == 0).all()


# --- what cannot be covered -----------------------------------------------------------------------


def test_missing_agents_are_told_when_they_are_cheaper():
    """At a rouble an hour nobody is sent for; all that is asked is missing."""
    plan = cover(one_site({"pay.unmet_rub_h": 1.0}), requirement_of({"10:00": 3, "11:00": 0}))
    assert plan.shifts.empty
    assert plan.unmet[["team", "missing"]].values.tolist() == [["calls_kaluga", 3.0]] * 4
    assert plan.unmet["interval_start"].tolist() == list(DAY[40:44])
    assert plan.objective_rub == pytest.approx(3.0)


def test_hours_that_no_shift_reaches_are_missing():
    """In Moscow nobody is on position at 08:00 before they come; need before the opening cannot be met."""
    need = requirement_of({"07:00": 2, "12:00": 0}, site="moscow")
    plan = cover(two_sites(), need)
    assert plan.unmet["interval_start"].tolist() == list(DAY[28:32])
    assert (plan.unmet["missing"] == 2).all()
    assert (recount(plan, DAY)[32:48] >= 2).all()


def test_strict_says_where_it_is_short():
    with pytest.raises(
        PlanningError, match=r"calls_kaluga is short of 3 agents at 2026-11-23 10:00 \(and in 3 more"
    ):
        cover(one_site({"pay.unmet_rub_h": 1.0}), requirement_of({"10:00": 3, "11:00": 0}), strict=True)


def test_nothing_needed_is_nothing_planned():
    plan = cover(one_site(), requirement_of(0), strict=True)
    assert plan.shifts.empty
    assert (plan.objective_rub, plan.bound_rub, plan.gap) == (0.0, 0.0, 0.0)


def test_table_is_the_contracts():
    plan = covered("two humps")
    assert len(SHIFTS.check(plan.shifts)) == len(plan.shifts)
    assert plan.shifts["shift_id"].is_unique
    assert plan.shifts["shift_id"].iloc[0].startswith("calls_kaluga-20261123T")
