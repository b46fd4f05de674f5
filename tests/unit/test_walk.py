"""The walk through the plans of a small team: what it returns holds, costs what it says, and is good."""

import numpy as np
import pandas as pd
import pytest
from factories import one_site, requirement_of
from test_shifts import NEEDS, night_centre, recount

from planning.shifts import CoverSettings, cover, horizon
from planning.shifts.groups import groups_of
from planning.shifts.program import branch, relax
from planning.shifts.search import _branched, _Clock, _Part, _settled, search
from planning.shifts.walk import Walk

DAYS = {
    "mixed": {"00:00": 1, "07:00": 4, "12:00": 3, "17:00": 5, "22:00": 2},
    "by day": {"09:00": 4, "21:00": 0},
}


def program_of(need, centre=None):
    """The program of a day, or of more, of one team."""
    centre = one_site() if centre is None else centre
    (group,) = groups_of(centre, need, horizon(centre, need))
    return group.program


def begun(program):
    """A first plan, in haste."""
    (found,), _ = search([program], CoverSettings(gap=0.0, effort=0.02, rounds=0))
    return found


@pytest.mark.parametrize("hours", DAYS)
@pytest.mark.parametrize("days", [1, 3])
def test_a_walk_ends_at_a_plan_that_holds_and_is_never_worse(hours, days):
    """Every break is in its window, so that people can be named, and nobody is short who was not."""
    program = program_of(requirement_of(DAYS[hours], days=days))
    start = begun(program).x
    x = Walk(program, 1, start).go(20_000, 0.0, 1.0)
    assert program.holds(x)
    assert program.short(x).sum() <= program.short(start).sum()
    assert program.value(x) <= program.value(start) + 1e-6


@pytest.mark.parametrize("hours", DAYS)
def test_a_walk_comes_near_the_proven_best(hours):
    """CP-SAT's bound of the same day, after much more work than the start had."""
    program = program_of(requirement_of(DAYS[hours]))
    (best,), _ = search([program], CoverSettings(gap=0.0, effort=1.0, rounds=2))
    value = program.value(Walk(program, 1, begun(program).x).go(60_000, 0.0, 1.0))
    assert best.bound - 1e-6 <= value <= 1.04 * program.value(best.x)


def test_a_walk_repeats():
    """A seed is a walk."""
    program = program_of(requirement_of(NEEDS["two humps"], days=2), night_centre())
    start = begun(program).x
    walks = [Walk(program, seed, start).go(40_000, 0.0, 1.0) for seed in (2, 2, 3)]
    np.testing.assert_array_equal(walks[0], walks[1])
    assert (walks[0] != walks[2]).any()


def test_a_walk_finds_its_way_from_nobody():
    """What stays short rises in price until somebody comes."""
    program = program_of(requirement_of(DAYS["by day"]))
    x = Walk(program, 1, np.zeros(len(program.cost), dtype=np.int64)).go(100_000, 0.0, 1.0)
    assert program.holds(x)
    assert program.short(x).sum() <= 2


def test_loans_and_limits_are_not_plain():
    """Only what nothing ties together may be walked through."""
    need = requirement_of(DAYS["by day"])
    assert program_of(need).plain
    assert not program_of(need, one_site({"shifts.max_heads": {"calls_north": 3}})).plain


def test_starts_within_a_day_are_one_window():
    """Nights that hang together are proven as a whole, whatever the clock says of midnight."""
    need = requirement_of({"00:00": 2, "07:00": 0, "19:00": 3}, days=3)
    program = program_of(need)
    parts = [program.part(*nodes) for nodes in program.parts()]
    assert len(parts) == 3
    assert [len(part.windows(0.0)) for part in parts] == [1, 1, 1]


def test_cover_walks_where_few_are_at_work():
    """A round of a small team of several days is no worse than its start, and the recount agrees."""
    need = requirement_of(NEEDS["two humps"], days=2)
    start = cover(one_site(), need, settings=CoverSettings(gap=0.0, effort=0.05, rounds=0))
    walked = cover(one_site(), need, settings=CoverSettings(gap=0.0, effort=0.05, rounds=1))
    assert walked.objective < start.objective
    assert (recount(walked, pd.DatetimeIndex(need["interval_start"])) >= need["rostered"].to_numpy()).all()


# --- branching on sums of heads -------------------------------------------------------------------


@pytest.mark.parametrize("hours", DAYS)
def test_branching_lies_between_the_relaxation_and_the_proven_best(hours):
    """Whole heads cost no less than fractions, and with free breaks no more than the best plan."""
    program = program_of(requirement_of(DAYS[hours]))
    (best,), _ = search([program], CoverSettings(gap=0.0, effort=1.0, rounds=1))
    x = branch(program, 100_000, np.inf, 1)
    heads = x[np.unique(program.heads)]
    assert heads == pytest.approx(np.rint(heads), abs=1e-6)
    assert program.holds(x)
    assert relax(program).value - 1e-6 <= program.value(x) <= program.value(best.x) * (1 + 1e-4)


def test_branching_without_time_finds_nothing():
    assert branch(program_of(requirement_of(DAYS["mixed"])), 100, 0.0, 1) is None


def test_branched_windows_better_a_hasty_plan(monkeypatch):
    """Two days that hang together by night; the same again gives the same shifts."""
    monkeypatch.setattr("planning.shifts.search._FEW", 0)  # so that no walk has been there before
    program = program_of(requirement_of(NEEDS["two humps"], days=2), night_centre())
    found = [
        search([program], CoverSettings(gap=0.0, effort=0.05, rounds=rounds))[0][0].x for rounds in (0, 1, 1)
    ]
    assert all(program.holds(x) and not program.short(x).any() for x in found[1:])
    assert program.value(found[1]) < program.value(found[0])
    np.testing.assert_array_equal(found[1], found[2])


@pytest.mark.parametrize(("few", "calls"), [(20, [0, 2]), (0, [2, 4])])
def test_few_heads_are_walked_before_windows_are_branched(few, calls, monkeypatch):
    """And each window once a round."""
    windows = []
    monkeypatch.setattr("planning.shifts.search._FEW", few)
    monkeypatch.setattr("planning.shifts.search.branch", lambda *given: windows.append(given))
    program = program_of(requirement_of(NEEDS["two humps"], days=2), night_centre())
    counts = []
    for rounds in (1, 2):
        windows.clear()
        search([program], CoverSettings(gap=0.0, effort=0.02, rounds=rounds))
        counts.append(len(windows))
    assert counts == calls


def test_who_has_gained_enough_goes_no_further(monkeypatch):
    """One window less: all that was to be gained is gained in the first."""
    monkeypatch.setattr("planning.shifts.search._FEW", 0)
    windows = []

    def found(program, *limits):
        windows.append(program)
        return branch(program, *limits)

    monkeypatch.setattr("planning.shifts.search.branch", found)
    program = program_of(requirement_of(NEEDS["two humps"], days=2), night_centre())
    (start,), _ = search([program], CoverSettings(gap=0.0, effort=0.02, rounds=0))
    gap = program.value(start.x) / start.bound - 1
    _, status = search([program], CoverSettings(gap=gap - 1e-4, effort=0.02, rounds=1))
    assert (len(windows), status) == (1, "within the gap")


def test_a_window_that_nobody_needs_is_emptied():
    """All that it could serve is served from around it."""
    program = program_of(requirement_of(NEEDS["two humps"], days=2), night_centre())
    settings = CoverSettings(gap=0.0, effort=0.05, rounds=0)
    (start,), _ = search([program], settings)
    part = _Part(program, times=1)
    part.accept(start.x)
    value = part.value
    unused = np.flatnonzero((start.x == 0) & (program.heads == np.arange(len(start.x))))[0]
    window = np.flatnonzero(program.heads == unused)
    part.x, part.value = start.x.copy(), value + program.cost[unused]
    part.x[unused] += 1
    _branched(part, window, 1.0, _Clock([part], settings, 0.0, None))
    assert part.value == value
    np.testing.assert_array_equal(part.x, start.x)


def test_breaks_are_put_while_heads_are_held():
    """Of a hasty plan other heads would be cheaper."""
    program = program_of(requirement_of(NEEDS["two humps"], days=2), night_centre())
    settings = CoverSettings(gap=0.0, effort=0.02, rounds=0)
    (start,), _ = search([program], settings)
    part, heads, every = _Part(program, times=1), np.unique(program.heads), np.arange(len(start.x))
    clock = _Clock([part], settings, 0.0, None)
    free = _settled(part, start.x.astype(float), every, 2.0, clock)
    held = _settled(part, start.x.astype(float), every, 2.0, clock, heads)
    assert program.value(free) < program.value(start.x)
    np.testing.assert_array_equal(held[heads], start.x[heads])


def test_branching_finds_shifts_that_the_plan_does_not_have():
    """From nobody at all, the first of two days is served."""
    program = program_of(requirement_of(NEEDS["two humps"], days=2), night_centre())
    part = _Part(program, times=1)
    clock = _Clock([part], CoverSettings(gap=0.0), 0.0, None)
    before = part.value
    _branched(part, program.windows(0.0)[0], 1.0, clock)
    assert part.x.any()
    assert part.value < before
