"""Small shift-scheduling instances of Curtois and Qu against their published best values.

`tests/benchmarks` holds all twelve. The judge knows neither the reader nor the engine.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from benchmarks.curtois import BEST_KNOWN, FOLDER, TIGHT, best_schedules, read, roster_of
from benchmarks.curtois_judge import breaches, objective

from planning.roster.improve import first_schedules


def text_of(number: int) -> str:
    return (FOLDER / f"Instance{number}.txt").read_text("utf-8")


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_small_instances_reach_the_best_known_value(number: int) -> None:
    """No rule is broken, and the bound is the value; instance 1's relaxation is 49 below it."""
    text = text_of(number)
    instance = read(text)
    schedules, bound = best_schedules(instance.problem())
    roster = roster_of(instance, schedules)
    assert breaches(text, roster) == []
    assert objective(text, roster) == BEST_KNOWN[number]
    assert bound == (558 if number == 1 else BEST_KNOWN[number])


def test_searches_alone_find_the_best_of_instance_5s_neighbourhoods() -> None:
    """A search never makes a roster worse, and repeats."""
    instance = read(text_of(5))
    values = []
    for searches in (0, 3, 3):
        problem = instance.problem(replace(TIGHT, searches=searches))
        schedules, bound = best_schedules(problem)
        values.append(problem.objective(schedules))
        assert bound <= BEST_KNOWN[5] <= values[-1]
    assert values[0] >= values[1] == values[2]


def test_first_lines_are_lawful_and_cost_what_the_judge_says() -> None:
    """Also where hours are counted in minutes that are no divisor of each other (instance 9: 480 and 600)."""
    text = text_of(9)
    instance = read(text)
    problem = instance.problem()
    schedules = first_schedules(problem)
    roster = roster_of(instance, schedules)
    assert breaches(text, roster) == []
    assert objective(text, roster) == problem.objective(schedules)


BROKEN = {
    "a day off": {"A": {0: "D"}},
    "too few minutes": {},
    "too many minutes": {"A": dict.fromkeys(range(2, 12), "D")},
    "a run too long": {"A": dict.fromkeys((2, 3, 4, 5, 6, 7, 10), "D")},
    "a run too short": {"A": dict.fromkeys((1, 2, 5, 8, 9, 12, 13), "D")},
    "too few days off": {"A": dict.fromkeys((1, 2, 3, 5, 6, 9, 10), "D")},
    "too many weekends": {"A": dict.fromkeys((2, 3, 4, 5, 9, 12, 13), "D")},
    "unknown": {"Z": {1: "D"}},
}


@pytest.mark.parametrize("what", BROKEN)
def test_the_judge_sees_each_breach(what: str) -> None:
    """Person A of instance 1, or a stranger."""
    who = "Z" if what == "unknown" else "A"
    assert f"{who}: {what}" in breaches(text_of(1), BROKEN[what])


def test_the_judge_counts_by_hand() -> None:
    """Nobody works in instance 1: all wishes to work and all heads, at 100 each, are missed."""
    on = sum(int(row.split(",")[3]) for row in _rows("SHIFT_ON_REQUESTS"))
    heads = sum(int(row.split(",")[2]) for row in _rows("COVER"))
    assert objective(text_of(1), {}) == on + 100 * heads


def _rows(section: str) -> list[str]:
    part = text_of(1).split(f"SECTION_{section}")[1].split("SECTION")[0]
    return [schedule for schedule in part.splitlines() if "," in schedule and not schedule.startswith("#")]
