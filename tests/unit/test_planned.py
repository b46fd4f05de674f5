"""Where demand enters a plan: volume and handle times are applied once, whichever door it enters by."""

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, PRICES, demand_of, one_site, people_of, rostered, two_sites

from planning import (
    Centre,
    PlanningError,
    compare,
    plan,
    read_calls,
    read_demand,
    requirement,
    requirement_at,
    simulate,
)
from planning.demand.planned import planned_demand
from planning.overflow import (
    alternatives,
    break_even_volume,
    compare_nights,
    night_overflow,
    open_hours,
    run_nights,
)
from planning.shifts import cover_day
from planning.simulation import certificate, contacts_of
from planning.simulation.certificate import kept_promises, missing_agents
from planning.simulation.wiring import wire
from planning.studies.methods import compare_methods
from planning.studies.prices import price_of, price_of_certainty
from planning.studies.retention import second_line_demand, sensitivity, worth_of_staff
from planning.studies.sensitivity import tornado
from planning.studies.specialists import designs, flexibility, positions, profile
from planning.studies.wellbeing import hours_of_the_day, price_of_recovery
from planning.systems.quality import with_reviews
from planning.trim import fluid_bound
from planning.whatif import least_costs

DAY, NIGHT = (9.0, 11.0), (0.0, 24.0)
VOLUME, AHT_S = 2.0, 300.0
QUICK = {"staff": "positions", "replications": 2}


def pair() -> Centre:
    """Two queues in the south, and work that the first leaves behind; the north takes the night."""
    centre = two_sites(
        {"alternatives": PRICES, "queues.one.transfers": {"two": 0.1}, "queues.one.service_cv": 1.0},
        queues=("one", "two", "papers"),
    )
    waits = {"due_days": 2.0, "aht_s": 600.0, "pooled": False, "target": {"max_occupancy": 0.9}}
    asked = Centre.load().systems.model_dump()
    second = asked["second_line"] | {"queue": "two", "first_line": "one"}
    quality = asked["quality"] | {"queue": "papers"}
    systems = asked | {"careers": None, "vip": None, "second_line": second, "quality": quality}
    return centre.replace(
        {f"queues.papers.{key}": value for key, value in waits.items()}
        | {"queues.one.follow_ups": {"papers": 0.2}, "systems": systems}
    )


def calls(hours: tuple[float, float] = DAY) -> pd.DataFrame:
    return pd.concat([demand_of(20.0, 200.0, queue=name, hours=hours) for name in ("one", "two")])


def doubtful(demand: pd.DataFrame) -> pd.DataFrame:
    """FORECAST of a demand."""
    columns = ("calls_p10", "calls_p50", "calls_p90", "aht_p10_s", "aht_p90_s")
    return demand.assign(**dict.fromkeys(columns, 1.0), rate_cv=0.1, day_cv=0.05, aht_cv=0.02)


def staff(centre: Centre, demand: pd.DataFrame) -> object:
    """The same people for any demand."""
    return rostered(positions(centre, requirement(pair(), calls())))


def wellbeing() -> object:
    return Centre.load().systems.part("wellbeing")


def missing(centre: Centre, demand: pd.DataFrame) -> pd.Series:
    there = staff(centre, demand)
    found = simulate(centre, demand, there, replications=2, seed=1)
    return missing_agents(centre, demand, there, kept_promises(centre, found).index, found)


DOORS = {
    "planned_demand": planned_demand,
    "requirement": requirement,
    "requirement_at": lambda c, d: requirement_at(c, doubtful(d), 0.9),
    "night_overflow": lambda c, d: night_overflow(c, d).needed,
    "calls of night_overflow": lambda c, d: night_overflow(c, d).calls,
    "alternatives": lambda c, d: compare_nights(run_nights(alternatives(c, d))),
    "break_even_volume": lambda c, d: break_even_volume(
        c, d, "North answers", "Partner at a price a call", most=0.02
    ),
    "open_hours": lambda c, d: pd.Series(
        open_hours(c, c.replace({f"queues.{name}.closes": "10:00" for name in c.queues}), d)[1]
    ),
    "least_costs": lambda c, d: least_costs({"dear": {"queues.one.target.service_level": 0.9}}, c, d),
    "fluid_bound": fluid_bound,
    "compare_methods": lambda c, d: compare_methods(c, d, "one").table,
    "price_of": lambda c, d: price_of(c, d, "one", {"dear": {"queues.one.target.service_level": 0.9}}),
    "price_of_certainty": lambda c, d: price_of_certainty(c, doubtful(d), "one", [0.5, 0.9]),
    "wire": lambda c, d: wire(c, d, staff(c, d).roster.roster, staff(c, d).breaks).demand,
    "simulate": lambda c, d: simulate(c, d, staff(c, d), replications=2, seed=1).queues,
    "contacts_of": lambda c, d: contacts_of(c, d, staff(c, d), seed=1),
    "certificate": lambda c, d: certificate(
        c, d, staff(c, d), requirement(c, d), simulate(c, d, staff(c, d), replications=2, seed=1)
    ),
    "missing_agents": missing,
    "with_reviews": with_reviews,
    "second_line_demand": lambda c, d: second_line_demand(c, d)[
        "calls"
    ],  # its handle time is of the settings
    "worth_of_staff": worth_of_staff,
    "sensitivity": lambda c, d: sensitivity(c, d, [0.5]),
    "profile": lambda c, d: profile(c, d, ["one", "two"]),
    "price_of work": lambda c, d: price_of(c, d, "papers", {1: {"queues.papers.due_days": 1.0}}),
    "flexibility": lambda c, d: flexibility(c, d, ("one_south", "two_south"), [2], replications=2),
    "designs": lambda c, d: designs(c, d, ("one_south", "two_south"), [2], [0], replications=2),
    "price_of_recovery": lambda c, d: price_of_recovery(c, d, "one", wellbeing(), [0.0, 60.0]),
    "hours_of_the_day": lambda c, d: hours_of_the_day(c, d, "one"),
    "compare": lambda c, d: compare({"dear": {"wages": 2.0}}, c, d, **QUICK),
    "tornado": lambda c, d: tornado({"shrinkage": (0.0, 0.1)}, c, d, measure="peak_agents", **QUICK),
}
ROUND_THE_CLOCK = {"alternatives", "break_even_volume", "night_overflow"}
"""Doors of whole days or of the night."""


def same(found: object, expected: object) -> None:
    frames = [
        pd.DataFrame(one).drop(columns="planned_with", errors="ignore") if not np.isscalar(one) else one
        for one in (found, expected)
    ]
    if np.isscalar(found):
        assert found == pytest.approx(expected)
    else:
        pd.testing.assert_frame_equal(*frames, rtol=1e-6)


@pytest.mark.parametrize("door", DOORS)
def test_volume_and_handle_times_are_applied_once(door):
    """The centre doubles the calls and sets the handle time: as if the demand had been changed by hand."""
    hours = NIGHT if door in ROUND_THE_CLOCK else DAY
    demand, plain = calls(hours), pair()
    changes = {f"queues.{name}.volume": VOLUME for name in plain.queues}
    changes |= {f"queues.{name}.aht_s": AHT_S for name in ("one", "two")}
    busy = plain.replace(changes)
    by_hand = DOORS[door](plain, demand.assign(calls=VOLUME * demand["calls"], aht_s=AHT_S))
    same(DOORS[door](busy, demand), by_hand)
    if door not in ("requirement_at", "price_of_certainty"):  # a forecast's doubt is of the plain demand
        same(DOORS[door](busy, planned_demand(busy, demand)), by_hand)


def test_a_whole_plan_applies_them_once(tmp_path):
    """Its shifts, people and simulation; and its demand.csv can be planned again."""
    hours = {"queues.calls.opens": "09:00", "queues.calls.closes": "18:00"}
    busy, plain = one_site(hours | {"queues.calls.volume": 2.0}), one_site(hours)
    found, by_hand = (
        plan(centre, demand_of(each, hours=(9, 18)), people_of(plain, 8), replications=2)
        for centre, each in ((busy, 2.0), (plain, 4.0))
    )
    for name in ("requirement", "cost", "certificate"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(by_hand, name))
    again = read_demand(found.save(tmp_path / "plan") / "demand.csv", busy.time_zone)
    pd.testing.assert_frame_equal(requirement(busy, again), found.requirement)


def test_the_day_as_a_whole_applies_them_once():
    found = cover_day(one_site({"queues.calls.volume": 2.0}), demand_of(5.0, hours=DAY), "calls")
    by_hand = cover_day(one_site(), demand_of(10.0, hours=DAY), "calls")
    pd.testing.assert_frame_equal(found.service, by_hand.service)


def test_one_queue_of_a_demand_follows_the_volume_of_its_senders():
    """Comparing ways to staff one queue must not forget who sends it calls."""
    centre = pair().replace({"queues.one.volume": 3.0})
    own = requirement(centre, calls()).query("queue == 'two'")
    found = compare_methods(centre, calls(), "two", methods=["Erlang A"]).requirement
    assert found["calls"].sum() == pytest.approx(own["calls"].sum())


def test_reviews_follow_the_people_not_the_calls():
    """Each operator is listened to ten times a month, however many calls there are."""
    had = pd.concat([calls(), demand_of(1.0, 600.0, queue="papers", hours=DAY)])
    busy = pair().replace({f"queues.{name}.volume": 2.0 for name in pair().queues})
    found, plain = (with_reviews(centre, had).query("queue == 'papers'") for centre in (busy, pair()))
    assert found["calls"].sum() == pytest.approx(plain["calls"].sum())


def test_a_planned_demand_of_other_settings_is_refused():
    planned = planned_demand(pair(), calls())
    with pytest.raises(
        PlanningError, match=r"one was planned with volume 1.0, the centre has volume 2.0: give"
    ):
        requirement(pair().replace({"queues.one.volume": 2.0}), planned)


def test_rows_that_are_planned_beside_rows_that_are_not_are_refused():
    both = pd.concat([planned_demand(pair(), calls()), demand_of(1.0, queue="papers", hours=DAY)])
    with pytest.raises(PlanningError, match="rows that are planned and rows that are not"):
        requirement(pair(), both)


def test_every_door_is_tried():
    """A public function that takes a demand has its line above, or a reason here."""
    import importlib
    import inspect
    import pkgutil

    import planning

    # Raw demand is what these are about: history, records and the making of it. Commands read it from a file.
    raw = {"planning.demand", "planning.app", "planning.cli"}
    takes = set()
    for module in pkgutil.walk_packages(planning.__path__, "planning."):
        if not module.name.startswith(tuple(raw)) and not module.name.rpartition(".")[2].startswith("_"):
            loaded = importlib.import_module(module.name)
            takes |= {
                name
                for name, one in inspect.getmembers(loaded, inspect.isfunction)
                if one.__module__ == module.name
                and not name.startswith("_")
                and {"demand", "forecast"} & set(inspect.signature(one).parameters)
            }
    # Tried above, or they pass the demand on to a door that is.
    elsewhere = {"plan", "trim", "cover_day", "demand_for", "most", "wired_of"}
    # They show what was counted in the records, before any setting is applied.
    counted = {"busy_hours", "demand_notebook"}
    assert takes - set(DOORS) - elsewhere - counted == set()


def test_a_queue_opens_with_its_first_instant_and_closes_before_its_last():
    """Its first interval starts at the opening; calls in the one that starts at the close are refused."""
    centre = one_site({"queues.calls.opens": "08:00", "queues.calls.closes": "20:00"})
    assert len(planned_demand(centre, demand_of(hours=(8, 20)))) == 48
    with pytest.raises(PlanningError, match="20 calls at 2026-11-23 20:00, when the queue is closed"):
        planned_demand(centre, demand_of(hours=(8, 20.25)))


@pytest.mark.parametrize(("clock", "counted"), [("08:00:00", 1), ("19:59:59", 1), ("20:00:00", 0)])
def test_a_call_at_the_closing_instant_is_refused(tmp_path, clock, counted):
    centre = one_site({"queues.calls.opens": "08:00", "queues.calls.closes": "20:00"})
    calls = {"call_id": [1, 2], "queue": "calls", "wait_s": 1.0, "handle_s": 9.0, "outcome": "answered"}
    times = [MONDAY + pd.Timedelta(text) for text in ("12:00:00", clock)]
    calls |= {"arrival": times, "agent_id": "a", "utc_offset_h": 3}
    pd.DataFrame(calls).to_parquet(tmp_path / "c.parquet")
    log = read_calls(tmp_path / "c.parquet", centre=centre)
    assert log.demand()["calls"].sum() == 1 + counted
    assert log.reasons.sum() == 1 - counted
