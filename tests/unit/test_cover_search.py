"""The search behind a cover: branching on sums of heads, windows, and how a search ends."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factories import one_site, requirement_of
from test_shifts import NEEDS, night_centre, recount

from planning.shifts import CoverSettings, cover, horizon
from planning.shifts.groups import groups_of
from planning.shifts.program import branch, relax
from planning.shifts.search import search

DAYS = {
    "mixed": {"00:00": 1, "07:00": 4, "12:00": 3, "17:00": 5, "22:00": 2},
    "by day": {"09:00": 4, "21:00": 0},
}


def program_of(need, centre=None):
    """The program of a day, or of more, of one team."""
    centre = one_site() if centre is None else centre
    (group,) = groups_of(centre, need, horizon(centre, need))
    return group.program


def two_nights():
    """Two days that hang together by night."""
    return program_of(requirement_of(NEEDS["two humps"], days=2), night_centre())


def test_starts_within_a_day_are_one_window():
    """Connected nights are proven as a whole, across midnight."""
    program = program_of(requirement_of({"00:00": 2, "07:00": 0, "19:00": 3}, days=3))
    parts = [program.part(*nodes) for nodes in program.parts()]
    assert len(parts) == 3
    assert [len(part.windows(0.0)) for part in parts] == [1, 1, 1]


def test_a_program_around_what_is_held_asks_for_the_rest():
    """Held columns lessen the need and the room of limits; with nothing held all is asked."""
    centre = one_site({"shifts.max_heads": {"calls_north": 3}})
    program = program_of(requirement_of(DAYS["by day"]), centre)
    every, nobody = np.arange(len(program.cost)), np.zeros(len(program.cost))
    whole = program.around(nobody, every)
    assert (whole.need.sum(), whole.high.max()) == (program.need.sum(), 3)
    (found,), _ = search([program], CoverSettings(gap=0.0, effort=0.1, rounds=0))
    own = np.flatnonzero(program.heads == program.heads[np.flatnonzero(found.x)[0]])
    rest = found.x.astype(float)
    rest[own] = 0.0
    left = program.around(rest, own)
    assert left.need.sum() == program.short(rest).sum()
    assert left.high.max() == 3 - rest[np.unique(program.heads)].sum()


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


def test_a_round_betters_a_hasty_plan():
    """The same again gives the same shifts."""
    program = two_nights()
    found = [
        search([program], CoverSettings(gap=0.0, effort=0.05, rounds=rounds))[0][0].x for rounds in (0, 1, 1)
    ]
    assert all(program.holds(x) and not program.short(x).any() for x in found[1:])
    assert program.value(found[1]) < program.value(found[0])
    np.testing.assert_array_equal(found[1], found[2])


@pytest.mark.parametrize(
    "centre",
    [
        night_centre(**{"shifts.max_heads": {"calls_north": 9}}),
        one_site({"teams.a_north.queues": ["a", "b"]}, queues=("a", "b")),
    ],
    ids=["limits", "loans"],
)
def test_a_round_keeps_limits_and_loans(centre):
    """Branching knows the room that the rest leaves, and heads that serve two queues."""
    queues = list(centre.queues)
    need = pd.concat(requirement_of(NEEDS["two humps"], days=2, queue=queue) for queue in queues)
    (group,) = groups_of(centre, need, horizon(centre, need))
    start, more = (
        search([group.program], CoverSettings(gap=0.0, effort=0.05, rounds=rounds))[0][0] for rounds in (0, 1)
    )
    assert group.program.holds(more.x)
    assert group.program.value(more.x) <= group.program.value(start.x)


def test_who_has_gained_enough_goes_no_further(monkeypatch):
    """One window less: all that was to be gained is gained in the first."""
    windows = []

    def found(program, *limits):
        windows.append(program)
        return branch(program, *limits)

    monkeypatch.setattr("planning.shifts.search.branch", found)
    program = two_nights()
    (start,), _ = search([program], CoverSettings(gap=0.0, effort=0.02, rounds=0))
    gap = program.value(start.x) / start.bound - 1
    # A point is asked for: a window is free to leave half a day's part of the gap.
    _, status = search([program], CoverSettings(gap=gap - 1e-2, effort=0.02, rounds=1))
    assert (len(windows), status) == (1, "within the gap")


# --- the end of a search --------------------------------------------------------------------------


def test_interrupted_start_keeps_the_days_that_are_done():
    """Of two days the first is whole when Ctrl-C comes: its people stay."""

    def stop(_):
        raise KeyboardInterrupt

    need = requirement_of(NEEDS["two humps"], days=2)
    plan = cover(night_centre(), need, callback=stop)
    assert plan.status == "interrupted"
    assert len(plan.shifts)
    assert 0 < len(plan.unmet) < len(need)
    present = recount(plan, pd.DatetimeIndex(need["interval_start"]))
    short = np.maximum(need["rostered"].to_numpy() - present, 0)
    assert (plan.unmet["missing"].to_numpy() == short[short > 0]).all()


CTRL_C = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background is started without it
sys.path[:0] = sys.argv[1:]
from factories import requirement_of
from test_shifts import NEEDS, night_centre
from planning.shifts import CoverSettings, cover

begun = lambda progress: print("begun", flush=True)
settings = CoverSettings(gap=0.0, effort=0.5, rounds=9)
plan = cover(night_centre(), requirement_of(NEEDS["two humps"], days=4), settings=settings, callback=begun)
print(plan.status, len(plan.shifts) > 0, flush=True)
"""


def test_ctrl_c_ends_the_search_at_once():
    """A real signal while a solver works: neither CP-SAT nor HiGHS swallows it, and nobody waits for them."""
    command = [sys.executable, "-c", CTRL_C, Path(__file__).parent, Path(__file__).parents[1]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout.readline().strip() == "begun"
            time.sleep(1.0)
            process.send_signal(signal.SIGINT)
            sent = time.monotonic()
            while (said := process.stdout.readline().strip()) == "begun":
                pass
            assert (said, time.monotonic() - sent < 10) == ("interrupted True", True)
        finally:
            process.kill()
