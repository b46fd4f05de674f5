"""What-if: what a change means, that scenarios stand beside the base, and that nothing done is lost."""

import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factories import day_site, demand_of, one_site, three_sites, two_sites

from planning import (
    Centre,
    PlanningError,
    cover,
    forecast,
    read_people,
    requirement,
    requirement_at,
    simulate,
)
from planning.overflow import Alternative, run_night
from planning.systems.quality import operators_of, review_demand, workload
from planning.whatif import (
    LOOSE,
    NAMED,
    Result,
    Scenario,
    apply_changes,
    cheapest,
    compare,
    comparison,
    grid,
    least_costs,
    read_scenarios,
    row_of,
)
from planning.whatif.evaluation import Evaluation, evaluate, staffed

QUICK = {"staff": "positions", "replications": 6}


def scenario(changes=None, *, calls=20.0, days=1, **more):
    return Scenario(two_sites(changes), demand_of(calls, days=days), **more)


def of(changes, **options):
    """The row of one scenario at two sites."""
    return compare({"it": changes}, two_sites(), demand_of(), **QUICK | options).loc["it"]


def test_scenarios_listen_to_the_people_there_are():
    """The count of the people at hand is what the settings would have said; without people these count."""
    centre = Centre.load()
    calls = demand_of(100.0, queue="first_line", days=1)
    work = workload(centre.systems.quality, operators=1, call_s=60.0)
    both = pd.concat([calls, review_demand(centre, work, start="2026-11-23", days=1)])
    people = pd.DataFrame({"team": ["first_line_moscow"] * 900 + ["quality_moscow", "doctor_moscow"]})
    hours = {
        name: compare({}, settings, both, people=given, **QUICK).loc["base", "paid_h"]
        for name, settings, given in (
            ("people", centre, people),
            ("settings", centre.replace({"systems.quality.operators": 900}), None),
            ("fewer", centre, None),
        )
    }
    assert hours["people"] == hours["settings"] > hours["fewer"]
    plain = centre.replace({"systems.quality": None})
    assert compare({}, plain, calls, people=people, **QUICK).loc["base", "reason"] == ""


def test_the_settings_count_the_people_of_the_file():
    """The shipped file of people and the number in the settings are one, so what-ifs agree with plans."""
    centre = Centre.load()
    people, _ = read_people("data/people.csv", centre)
    assert centre.systems.quality.operators == operators_of(centre, people)


# --- what a change means ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "path", "value"),
    [
        ({"volume": 1.2}, ("queues", "calls", "volume"), 1.2),
        ({"patience": 0.5}, ("queues", "calls", "patience_s"), 150.0),
        ({"shrinkage": 0.3}, ("teams", "calls_south", "shrinkage"), 0.3),
        ({"wages": 1.5}, ("teams", "calls_south", "wage_month"), 120_000.0),
        ({"wages.north": 1.5}, ("teams", "calls_north", "wage_month"), 120_000.0),
        ({"wages.north": 1.5}, ("teams", "calls_south", "wage_month"), 80_000.0),
        ({"queues.calls.aht_s": 300.0}, ("queues", "calls", "aht_s"), 300.0),
        ({"queues.calls.aht_s": 300.0, "aht": 2}, ("queues", "calls", "aht_s"), 600.0),
        ({"queues.calls.volume": 2.0, "volume": 3}, ("queues", "calls", "volume"), 6.0),
    ],
)
def test_a_change_is_felt_where_it_says(changes, path, value):
    """Names come after paths, and multiply what the paths set."""
    group, name, setting = path
    centre = apply_changes(scenario(), changes).centre
    assert getattr(getattr(centre, group)[name], setting) == pytest.approx(value)


def test_longer_calls_are_longer_in_the_demand():
    assert apply_changes(scenario(), {"aht": 1.5}).demand["aht_s"].unique() == [360.0]


def test_sickness_comes_on_top_of_shrinkage():
    ill = apply_changes(scenario({"teams.calls_south.shrinkage": 0.1}), {"sickness": 0.2}).centre
    assert ill.teams["calls_south"].shrinkage == pytest.approx(1 - 0.9 * 0.8)
    assert ill.teams["calls_north"].shrinkage == pytest.approx(0.2)


def test_the_closing_hour_moves_the_callers():
    """From 20:00 on nobody in South answers."""
    needed = staffed(
        apply_changes(scenario(), {"closing_hour": "20:00"}), Evaluation("positions", 2, 1, LOOSE)
    ).needed
    south = needed[needed["site"] == "south"]["interval_start"]
    assert (south.dt.hour.min(), south.dt.hour.max()) == (8, 19)


def test_the_closing_hour_of_a_named_site():
    """Berlin closes at 22:00, and so does Tokyo at 18:00: which is meant must be said."""
    plan = Scenario(three_sites(), demand_of())
    early = apply_changes(plan, {"closing_hour.berlin": "20:00"}).centre
    assert early.overflow[1].at == pd.Timedelta(hours=20)
    with pytest.raises(PlanningError, match="closing_hour is 20:00: tokyo and berlin close: name"):
        apply_changes(plan, {"closing_hour": "20:00"})


def test_a_lone_site_that_closes_earlier_loses_the_calls_of_the_hour():
    """An hour less of agents; four quarters of 20 calls at 10 each."""
    centre, demand = day_site({"queues.calls.abandoned_cost": 10.0}), demand_of(hours=(8, 20))
    table = compare({"early": {"closing_hour": "19:00"}}, centre, demand, **QUICK)
    assert (table["reason"] == "").all()
    assert table["closed_calls"].tolist() == [0.0, 80.0]
    assert table["closed_cost"].tolist() == [0.0, 800.0]
    assert table.loc["early", "pay_cost"] < table.loc["base", "pay_cost"]
    by_hand = table["cost"] - table[["pay_cost", "rides_cost", "abandoned_cost"]].sum(axis=1)
    assert by_hand.tolist() == pytest.approx([0.0, 800.0])


@pytest.mark.parametrize(("gone", "left"), [("south", "north"), ("north", "south")])
def test_a_lost_site_leaves_all_to_the_other(gone, left):
    centre = apply_changes(scenario(), {"lost_site": gone}).centre
    assert list(centre.sites) == [left]
    assert centre.queues["calls"].sites == {left: 1.0}
    assert list(centre.teams) == [f"calls_{left}"]
    needed = requirement(centre, demand_of())
    assert len(needed) == 96  # day and night, at the one site


def test_work_that_only_the_lost_site_did_moves_with_its_team():
    by_day = {"sites": {"south": 1.0}, "opens": "09:00", "closes": "21:00"}
    centre = two_sites({f"queues.claims.{key}": value for key, value in by_day.items()}, ("calls", "claims"))
    raw = centre.model_dump()
    del raw["teams"]["claims_north"]
    moved = apply_changes(Scenario(type(centre).of(raw), demand_of()), {"lost_site": "south"}).centre
    assert moved.teams["claims_south"].site == "north"
    assert "calls_south" not in moved.teams


def test_a_quantile_is_staffed_as_the_forecast_says():
    history = demand_of(days=28)
    future = forecast(history, 1, zone="Europe/Moscow", country="RU")
    found = compare({"sure": {"probability": 0.9}}, two_sites(), future, **QUICK)
    want = requirement_at(two_sites(), future, 0.9).groupby("interval_start")["agents"].sum().max()
    assert found.loc["sure", "peak_agents"] == want


def test_being_sure_of_the_calls_leaves_the_work_of_quality_as_it_is():
    """However sure one wants to be: whom it listens to is known."""
    centre, future = Centre.load(), []
    for queue in ("first_line", "quality"):
        history = demand_of(days=28, queue=queue).assign(aht_s=300.0)
        history = history[history["interval_start"].dt.hour.between(9, 20)]
        history["calls"] = np.random.default_rng(1).poisson(40, len(history))
        future.append(forecast(history, 1, zone="Europe/Moscow", country="RU"))
    week = Scenario(centre, pd.concat(future, ignore_index=True))
    terms = Evaluation("positions", 2, 1, LOOSE)
    plain, sure = (
        staffed(apply_changes(week, change), terms).needed.groupby("queue")["rostered"].sum()
        for change in ({}, {"probability": 0.9})
    )
    assert sure["quality"] == plain["quality"] > 0
    assert sure["first_line"] > plain["first_line"]


def test_customers_are_kept_by_who_is_there():
    """Half of the agents fall ill and nobody planned for it, or one of two sites is gone."""
    settings = Centre.load().systems.second_line
    queues = ("first_line", "second_line")
    plain = two_sites({"queues.first_line.transfers": {"second_line": 0.1}}, queues)
    centre = plain.replace({"systems.second_line": settings.model_dump()})
    demand = demand_of(40.0, queue="second_line")
    changes = {
        "ill": {"sickness": 0.5}, "dark": {"lost_site": "north"}, "fine": {},
    }  # fmt: skip
    surprises = {name: change | {"unplanned": True} for name, change in changes.items()}
    kept = compare(surprises, centre, demand, **QUICK)["kept"]
    assert kept["fine"] == pytest.approx(kept["base"])
    assert 0.2 * kept["base"] < kept["ill"] < 0.8 * kept["base"]
    assert 0 < kept["dark"] < 0.8 * kept["base"]


def test_the_save_rate_is_felt_in_customers_kept():
    """A second line that keeps half as many: everything else stays."""
    settings = Centre.load().systems.second_line
    plain = one_site({"queues.first_line.transfers": {"second_line": 0.1}}, ("first_line", "second_line"))
    centre = plain.replace({"systems.second_line": settings.model_dump()})
    demand = demand_of(queue="second_line")
    found = compare({"half": {"save_rate": settings.save_rate / 2}}, centre, demand, **QUICK)
    assert (
        compare({"half": {"save_rate": 0.4}}, plain, demand, **QUICK)
        .loc["half", "reason"]
        .startswith("systems.second_line is missing")
    )
    assert found.loc["half", "kept"] == pytest.approx(found.loc["base", "kept"] / 2)
    assert found.loc["half", "cost_difference"] == pytest.approx(found.loc["half", "kept"] * settings.worth)
    assert found["leavers_cost"].diff().iloc[1] == pytest.approx(found.loc["half", "cost_difference"])


def test_a_surprise_meets_the_staff_of_the_base():
    table = compare(
        {"planned": {"volume": 1.3}, "surprise": {"volume": 1.3, "unplanned": True}},
        two_sites(), demand_of(), **QUICK,
    )  # fmt: skip
    assert table.loc["surprise", "paid_h"] == table.loc["base", "paid_h"] < table.loc["planned", "paid_h"]
    assert table.loc["surprise", "service_level_calls_difference"] < -0.1
    assert table.loc["surprise", "verdict"] == "does not hold"


def test_a_site_that_burns_down_takes_its_people_with_it():
    row = of({"lost_site": "north", "unplanned": True})
    whole = compare({}, two_sites(), demand_of(), **QUICK).loc["base"]
    assert 0 < row["paid_h"] < whole["paid_h"]
    assert row["abandoned_cost"] >= 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"volum": 2}, "volum is no setting of the centre"),
        ({"volume": "2"}, "volume is '2', must be a number"),
        ({"volume": -1}, "volume is -1.0, must lie in"),
        ({"volume.calls": 2}, "volume has no parts"),
        ({"sickness": 1.5}, "sickness is 1.5, must lie in"),
        ({"shrinkage": 1.0}, "shrinkage is 1.0"),
        ({"wages.vladimir": 2}, "must be one of south, north"),
        ({"wages": 0}, "wages is 0"),
        ({"closing_hour": 22}, "must be a time of day"),
        ({"closing_hour": "25:00"}, "25:00"),
        (
            {"closing_hour.vladimir": "20:00"},
            "closing_hour.vladimir names no site, must be one of south, north",
        ),
        ({"closing_hour.north": "20:00"}, "closing_hour.north is 20:00"),
        ({"lost_site": "vladimir"}, "lost_site is 'vladimir'"),
        ({"probability": 0.9}, "must come with a forecast"),
        ({"save_rate": 0.5}, "systems.second_line is missing"),
        ({"unplanned": 1}, "must be true or false"),
        ({"queues.calls.target.service_level": 1.5}, "service_level"),
        ({"sites.south.closes": "25:00"}, "an earlier hour than opens is on the next day"),
    ],
)
def test_what_cannot_be_is_the_rows_reason(changes, reason):
    """The row has no figures, and the scenario beside it has."""
    table = compare({"bad": changes, "good": {"volume": 1.1}}, two_sites(), demand_of(), **QUICK)
    assert reason in table.loc["bad", "reason"]
    assert table.loc["bad"].drop(["proven", "verdict", "reason"]).isna().all()
    assert table.loc["good", "reason"] == ""


def test_every_name_is_tried_above():
    """A new name must say here what it means."""
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in NAMED if f'{{"{name}"' not in text and f'"{name}":' not in text] == []


# --- side by side -------------------------------------------------------------------------------------------


def test_no_change_is_no_difference():
    row = of({})
    assert row["cost_difference"] == row["service_level_calls_difference"] == 0
    assert row["service_level_calls_half_width"] == row["cost_half_width"] == 0


def test_differences_are_those_of_the_rows():
    table = compare({"busy": {"volume": 1.3}}, two_sites(), demand_of(), **QUICK)
    for name in ("cost", "paid_h", "peak_agents", "service_level_calls"):
        gain = table.loc["busy", name] - table.loc["base", name]
        assert table.loc["busy", f"{name}_difference"] == pytest.approx(gain)
    parts = table.filter(regex="_cost$")
    assert parts.sum(axis=1).to_numpy() == pytest.approx(table["cost"].to_numpy())


def test_the_same_callers_make_the_band_narrow():
    """Paired by common random numbers, against two simulations that know nothing of each other."""
    options = {"staff": "positions", "replications": 20}
    change = {"patient": {"patience": 1.3, "unplanned": True}}
    paired = compare(change, two_sites(), demand_of(), **options).loc["patient"]
    terms = [Evaluation("positions", 20, seed, LOOSE) for seed in (1, 2)]
    one, staff = evaluate(scenario(), terms[0])
    other, _ = evaluate(apply_changes(scenario(), {"patience": 1.3}), terms[1], staff)
    apart = 1.96 * np.sqrt((one.levels["calls"].var() + other.levels["calls"].var()) / 20)
    assert paired["service_level_calls_half_width"] < apart / 2


def test_a_row_is_the_plan_that_the_stages_make():
    """The chain by hand: requirement, shifts, simulation."""
    centre, demand = one_site({"pay.taxi_cost": 0.0, "pay.seat_cost_month": 0.0}), demand_of(6.0)
    row = compare({}, centre, demand, replications=4).loc["base"]
    made = cover(centre, requirement(centre, demand), settings=LOOSE)
    assert row["pay_cost"] == pytest.approx(made.shifts["cost"].sum())
    assert row["paid_h"] == pytest.approx((made.shifts["paid_h"] * made.shifts["headcount"]).sum())
    assert row["gap"] == made.gap
    _, staff = evaluate(Scenario(centre, demand), Evaluation("shifts", 4, 1, LOOSE))
    found = simulate(centre, demand, staff, replications=4, seed=1)
    assert row["service_level_calls"] == pytest.approx(found.levels["calls"].mean())


def test_positions_cost_what_the_night_model_says():
    """Another route to the same cost: `planning.overflow` prices the requirement without heads.

    At the end of the day the people present work on, and nobody is taken home.
    """
    centre = two_sites({"sites.north.seats": 3, "queues.calls.closes": "23:30"})
    row = compare({}, centre, demand_of(hours=(0, 23.5)), **QUICK).loc["base"]
    night = run_night(Alternative("base", centre, demand_of(hours=(0, 23.5))))
    pay = sum(value for name, value in night.cost.items() if name.startswith(("wages_", "premium_")))
    assert row["pay_cost"] == pytest.approx(pay)
    assert row["rides_cost"] == pytest.approx(night.cost["rides"]) != 0
    assert row["seats_cost"] == pytest.approx(night.cost["seats"]) != 0
    row = compare({}, two_sites(), demand_of(), **QUICK).loc["base"]
    assert row["rides_cost"] == run_night(Alternative("base", two_sites(), demand_of())).cost["rides"] == 0


def test_the_cheapest_keeps_its_promises():
    table = pd.DataFrame(
        {
            "cost": [3.0, 1.0, 2.0],
            "verdict": ["holds", "does not hold", "too close to call"],
            "proven": ["", "cheaper", "no difference proven"],
            "reason": "",
        },
        index=["base", "broken", "near"],
    )
    assert cheapest(table) == "base"  # near is cheaper, but nothing proves it
    assert cheapest(table.assign(proven="cheaper")) == "near"
    assert cheapest(table.drop(index="base")) == "near"
    with pytest.raises(PlanningError, match="no scenario keeps its promises"):
        cheapest(table.loc[["broken"]])


def result(cost, shifts, heads=(), price=(100.0, 300.0)):
    """A scenario's result: its cost, the objective and bound of teams, the heads of teams."""
    heads = pd.DataFrame({"heads": dict(heads)}).assign(hire_cost=price[0], dismiss_cost=price[1])
    costs = pd.DataFrame.from_dict(dict(shifts), orient="index", columns=["objective", "bound"])
    return Result({"cost": cost}, pd.DataFrame(), np.zeros(4), costs.astype(float), heads, "holds")


@pytest.mark.parametrize(
    ("shifts", "low", "high", "proven"),
    [
        ({"a": (80, 78), "b": (20, 10)}, -12.0, -4.0, "cheaper"),
        ({"a": (80, 70), "b": (20, 10)}, -20.0, -4.0, "cheaper"),
        ({"a": (80, 70), "b": (18, 9)}, -29.0, 6.0, "no difference proven"),
    ],
)
def test_a_difference_carries_the_doubt_of_both_searches(shifts, low, high, proven):
    """Team b is the same on both sides in the first two, so its doubt does not count."""
    row = row_of(result(100.0, shifts), result(110.0, {"a": (86, 80), "b": (20, 10)}))
    assert (row["cost_difference_low"], row["cost_difference_high"]) == (low, high)
    assert row["proven"] == proven


def test_to_change_costs_once():
    """Two more in the south at 100 each, 1.5 fewer in the north at 300 each."""
    base = result(1.0, {}, {"south": 3.0, "north": 4.0})
    row = row_of(result(1.0, {}, {"south": 5.0, "north": 2.5}), base)
    assert (row["hired"], row["dismissed"], row["change_cost"]) == (2.0, 1.5, 650.0)
    closed = row_of(result(1.0, {}, {"south": 3.0}), base)
    assert (closed["hired"], closed["dismissed"], closed["change_cost"]) == (0.0, 4.0, 1200.0)


def test_desks_that_a_scenario_adds_are_rented():
    """Ten desks at 30 a day each; a scenario that gives up desks saves nothing."""
    centre = two_sites({"sites.south.seats": 50, "pay.seat_cost_month": 30.0 * 365 / 12})
    more = {"more": {"sites.south.seats": 60}, "fewer": {"sites.south.seats": 40}}
    found = compare(more, centre, demand_of(), **QUICK)["seats_cost"]
    assert found.to_dict() == pytest.approx({"base": 0.0, "more": 300.0, "fewer": 0.0})


def test_no_plan_costs_less_than_the_bound():
    """In whole shifts each scenario costs at least its bound; no site lacks a desk."""
    centre, wanted = two_sites(), {"busier": {"volume": 1.3}, "early": {"closing_hour": "20:00"}}
    bound = least_costs(wanted, centre, demand_of())
    found = compare(wanted, centre, demand_of(), replications=2)
    most = found["pay_cost"] + centre.pay.unmet_cost_h * found["unmet_h"]
    assert (bound["cost"] <= most).all()
    assert (bound["cost"] > 0.9 * most).all()
    assert bound["seats_cost"].tolist() == [0.0, 0.0, 0.0]


def test_base_is_the_row_without_changes():
    with pytest.raises(PlanningError, match="scenario 'base' has changes"):
        compare({"base": {"volume": 2}}, two_sites(), demand_of(), **QUICK)
    assert list(compare({"base": {}}, two_sites(), demand_of(), **QUICK).index) == ["base"]


@pytest.mark.parametrize(("option", "value"), [("staff", "names"), ("replications", 1), ("seed", -1)])
def test_options_that_cannot_be_are_refused(option, value):
    with pytest.raises(PlanningError, match=option):
        compare({}, two_sites(), demand_of(), **QUICK | {option: value})


# --- sweeps -------------------------------------------------------------------------------------------------


def test_a_grid_holds_every_combination():
    found = grid({"closing_hour": ["20:00", "22:00"], "volume": [1, 2]})
    assert len(found) == 4
    assert found["closing_hour 20:00, volume 2"] == {"closing_hour": "20:00", "volume": 2}


# --- files --------------------------------------------------------------------------------------------------


def test_scenarios_come_from_toml(tmp_path):
    path = tmp_path / "scenarios.toml"
    path.write_text(
        '[scenarios."Close at 20:00"]\nclosing_hour = "20:00"\n'
        '[scenarios.dear]\n"wages.north" = 1.2\nqueues.calls.target = { service_level = 0.9 }\n',
        encoding="utf-8",
    )
    assert read_scenarios(path) == {
        "Close at 20:00": {"closing_hour": "20:00"},
        "dear": {"wages.north": 1.2, "queues.calls.target.service_level": 0.9},
    }


def test_scenarios_come_from_a_grid_in_csv(tmp_path):
    path = tmp_path / "grid.csv"
    path.write_text("scenario,volume,closing_hour,unplanned\nbusy,1.1,,true\n,,20:00,\n", encoding="utf-8")
    assert read_scenarios(path) == {
        "busy": {"volume": 1.1, "unplanned": True},
        "closing_hour 20:00": {"closing_hour": "20:00"},
    }


def test_a_grid_saved_by_a_russian_excel(tmp_path):
    """Semicolons, decimal commas, and a mark before the first heading."""
    text = "scenario;volume;closing_hour\nA;1,1;21:00\nB;;20:00\n"
    (tmp_path / "grid.csv").write_text(text, encoding="utf-8-sig")
    assert read_scenarios(tmp_path / "grid.csv") == {
        "A": {"volume": 1.1, "closing_hour": "21:00"},
        "B": {"closing_hour": "20:00"},
    }


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("s.toml", "[scenario.a]\nvolume = 1", "scenarios is missing"),
        ("s.toml", "volume = ", "is not valid TOML"),
        ("s.csv", "scenario,volume\na,1\na,2\n", "line 3 names 'a' again"),
        ("s.csv", "", "is not a CSV file"),
        ("s.csv", "scenario,volume\na,1.1,\nb,1.3,\n", "rows with more cells than headings"),
        ("s.csv", "scenario,volume\na,1.1,5\n", "rows with more cells than headings"),
        ("s.csv", "scenario,volume\na,1.1\n,\n", "line 3 has neither a name nor a change"),
        ("none.csv", None, "does not exist"),
        ("none.toml", None, "does not exist"),
    ],
)
def test_a_file_that_cannot_be_read_is_said(tmp_path, name, text, message):
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(PlanningError, match=message):
        read_scenarios(tmp_path / name)


# --- executors, and what is kept ----------------------------------------------------------------------------

SCENARIOS = {"busy": {"volume": 1.2}, "bad": {"volume": -1}, "early": {"closing_hour": "20:00"}}


@pytest.fixture(scope="module")
def alone():
    return compare(SCENARIOS, two_sites(), demand_of(), **QUICK)


def test_two_processes_find_the_same(alone):
    with ProcessPoolExecutor(2) as pool:
        found = compare(SCENARIOS, two_sites(), demand_of(), executor=pool, **QUICK)
    pd.testing.assert_frame_equal(found, alone)


def test_a_dask_cluster_finds_the_same(alone, tmp_path):
    """A local cluster of two processes, which share a cache with later runs."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        Client(cluster) as client,
    ):
        executor = client.get_executor()
        found = compare(SCENARIOS, two_sites(), demand_of(), executor=executor, cache=tmp_path, **QUICK)
    pd.testing.assert_frame_equal(found, alone)


class Broken(Executor):
    """An executor whose workers die."""

    def submit(self, work, /, *args, **options):
        future = Future()
        future.set_exception(MemoryError("the worker is gone"))
        return future


def test_a_dead_worker_is_a_reason():
    table = compare({"a": {}, "b": {}}, two_sites(), demand_of(), executor=Broken(), **QUICK)
    assert list(table["reason"]) == ["", *["MemoryError: the worker is gone"] * 2]


@pytest.fixture
def counted(monkeypatch):
    """How often a scenario was worked out."""
    done = []

    def counting(scenario, terms, staff=None):
        done.append(scenario)
        return evaluate(scenario, terms, staff)

    monkeypatch.setattr(comparison, "evaluate", counting)
    return done


def test_what_was_done_is_not_done_again(tmp_path, counted, alone):
    """Nor where the same rows lie elsewhere in memory; another seed, change or demand is another content."""
    options = QUICK | {"cache": tmp_path}
    first = compare(SCENARIOS, two_sites(), demand_of(), **options)
    assert len(counted) == 3
    again = compare(SCENARIOS, two_sites(), demand_of().iloc[::-1].iloc[::-1].copy(), **options)
    assert len(counted) == 3
    for table in (first, again):
        pd.testing.assert_frame_equal(table, alone)
    compare({}, two_sites(), demand_of(20.5), **options)
    compare({}, two_sites(), demand_of(), **options | {"seed": 2})
    compare({}, two_sites({"pay.taxi_cost": 1.0}), demand_of(), **options)
    assert len(counted) == 6
    surprises = {"a": {"volume": 1.2, "unplanned": True}}
    compare(surprises, two_sites(), demand_of(), **options)
    assert len(counted) == 7


def test_what_other_code_found_is_not_taken(tmp_path, counted, monkeypatch):
    """A line more in a module, and all is evaluated anew; then the old results are found again."""
    options = QUICK | {"cache": tmp_path / "cache"}
    compare({}, two_sites(), demand_of(), **options)
    other = tmp_path / "planning"
    other.mkdir()
    (other / "pay.py").write_text("DOUBLE = True\n", encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(comparison, "PACKAGE", other)
        compare({}, two_sites(), demand_of(), **options)
    assert len(counted) == 2
    compare({}, two_sites(), demand_of(), **options)
    assert len(counted) == 2


def test_every_module_of_the_package_is_its_code(tmp_path):
    assert {path.name for path in comparison.PACKAGE.glob("*.py")} >= {"pay.py", "plan.py"}
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.py").write_text("x = 1\n", encoding="utf-8")
    before = comparison.code_of(tmp_path)
    comparison.code_of.cache_clear()
    (tmp_path / "deep" / "a.py").write_text("x = 2\n", encoding="utf-8")
    assert comparison.code_of(tmp_path) != before


def test_an_interruption_keeps_what_was_done(tmp_path, monkeypatch):

    def interrupted(scenario, terms, staff=None):
        if scenario.centre.queues["calls"].volume == 3:
            raise KeyboardInterrupt
        return evaluate(scenario, terms, staff)

    sweep = grid({"volume": [1.1, 3, 1.3]})
    options = QUICK | {"cache": tmp_path}
    with monkeypatch.context() as patch:
        patch.setattr(comparison, "evaluate", interrupted)
        table = compare(sweep, two_sites(), demand_of(), **options)
    assert list(table["reason"].str[:11]) == ["", "", "interrupted", "interrupted"]
    whole = compare(sweep, two_sites(), demand_of(), **options)
    assert (whole["reason"] == "").all()
    assert whole.loc["volume 1.1"].equals(table.loc["volume 1.1"])


KILLED = """
import sys
sys.path.insert(0, "tests")
from factories import demand_of, two_sites
from planning.whatif import compare, grid
compare(grid({"volume": [1 + n / 1000 for n in range(2000)]}), two_sites(), demand_of(),
        staff="positions", replications=6, cache=sys.argv[1])
"""


def test_a_killed_run_is_taken_up_again(tmp_path, counted):
    """SIGKILL leaves no time to save anything."""
    job = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(list(tmp_path.rglob("output.pkl"))) < 4 and time.monotonic() < deadline:
        assert job.poll() is None, "the run ended by itself"
        time.sleep(0.05)
    job.kill()
    job.wait()
    kept = len(list(tmp_path.rglob("output.pkl")))
    assert kept >= 4
    sweep = grid({"volume": [1 + n / 1000 for n in range(kept + 1)]})
    table = compare(sweep, two_sites(), demand_of(), cache=tmp_path, **QUICK)
    assert (table["reason"] == "").all()
    assert len(counted) <= 3


def test_progress_is_shown(monkeypatch, capsys):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    compare({"a": {}}, two_sites(), demand_of(), **QUICK)
    assert "scenarios" in capsys.readouterr().err
