"""One plan end to end: its parts fit, its money adds up by hand, its files are whole or not there."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, demand_of, one_site, people_of, small_plan, two_sites

from planning import Centre, PlanningError, plan, requirement
from planning.plan import FILES, SCHEMA_VERSION
from planning.report.figures import cost_bars
from planning.report.plan_page import promises_text
from planning.roster.frames import breaks_of
from planning.shifts import on_position
from planning.tables import BREAKS, COST, DEMAND, REQUIREMENT, ROSTER, SHIFTS, STAFF

TABLES = {
    "demand": DEMAND,
    "requirement": REQUIREMENT,
    "shifts": SHIFTS,
    "roster": ROSTER,
    "staff": STAFF,
    "breaks": BREAKS,
    "cost": COST,
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return small_plan().save(tmp_path_factory.mktemp("out") / "deep" / "plan")


def test_vips_belong_to_a_centre_that_has_them():
    centre = one_site({"queues.calls.personal": True})
    vips = pd.DataFrame({"share": [1.0], "utc_offset_h": [3], "manager": ["a"]}, index=["v"])
    with pytest.raises(PlanningError, match=r"vips are given, but the centre has no \[systems.vip\]"):
        plan(centre, demand_of(1.0), people_of(centre, 4), vips=vips)


def test_the_plan_asks_the_own_manager_of_the_file():
    """One manager has all the VIPs; a manager without VIPs is never anybody's personal one."""
    vip = Centre.load().systems.vip.model_dump()
    hours = {"queues.calls.opens": "09:00", "queues.calls.closes": "18:00"}
    centre = one_site(hours | {"queues.calls.personal": True, "systems.vip": vip})
    people, demand = people_of(centre, 12), demand_of(1.0, hours=(9, 18))
    vips = pd.DataFrame({"share": [1.0], "utc_offset_h": [3], "manager": ["nobody at work"]}, index=["v"])
    assert (
        plan(centre, demand, people, vips=vips, replications=2).simulation.queues.loc["calls", "own_agent"]
        == 0
    )
    alike = plan(centre, demand, people, replications=2)
    assert alike.simulation.queues.loc["calls", "own_agent"] > 0.05
    first = alike.roster.roster["agent_id"].iloc[0]
    mine = plan(centre, demand, people, vips=vips.assign(manager=first), replications=2)
    assert mine.own_shares[first].eq(1.0).all()
    answered = mine.simulation.agents.loc[first, "answered"]
    total = mine.simulation.agents["answered"].sum()
    assert 0.05 < mine.simulation.queues.loc["calls", "own_agent"] <= answered / total + 1e-9


# --- the parts fit together -----------------------------------------------------------------------


def test_plan_is_lawful_and_whole():
    made = small_plan()
    assert made.breaches.empty
    assert made.cover.unmet.empty
    assert made.roster.unmet.empty
    assert made.roster.roster["shift_id"].value_counts().to_dict() == dict(
        zip(made.cover.shifts["shift_id"], made.cover.shifts["headcount"], strict=True)
    )


def test_named_people_on_position_hold_the_requirement():
    """Counted from roster.csv's and breaks.csv's rows alone, interval by interval; the day repeats."""
    made = small_plan()
    need = made.requirement["rostered"].to_numpy()
    times = made.requirement["interval_start"]
    present = np.zeros(96, dtype=int)
    for day in (0, 1):
        starts = times + pd.Timedelta(days=day)
        ends = starts + pd.Timedelta(minutes=15)
        for row in made.roster.roster.itertuples():
            present += ((row.start <= starts) & (ends <= row.end)).to_numpy()
        for row in made.breaks.itertuples():
            present -= ((row.start < ends) & (starts < row.end)).to_numpy()
    assert (present >= need).all()
    assert (present == on_position(made.cover.shifts, made.cover.patterns, pd.DatetimeIndex(times))).all()


def test_the_day_that_decides_how_many_are_employed_is_told():
    """With every second weekend off, each head of a Saturday takes two people."""
    hours = {"queues.calls.opens": "09:00", "queues.calls.closes": "17:00", "labour.free_weekends.value": 2}
    centre, saturday = one_site(hours), MONDAY + pd.Timedelta(days=5)
    demand = demand_of(1.0, hours=(9, 17), start=saturday)
    need = requirement(centre, demand)
    made = plan(centre, demand, needed=need.assign(rostered=need["rostered"].clip(3, 3)), replications=2)
    heads = int(made.cover.shifts["headcount"].sum())
    assert made.employ == {"calls_north": 2 * heads}
    why = made.summary["employ_for"]["calls_north"]
    assert why.startswith(f"people on {saturday:%Y-%m-%d}, with 2 of 4 weekends off (labour.free_weekends)")
    free = centre.replace({"labour.free_weekends.value": 0})
    assert plan(free, demand, needed=made.requirement, replications=2).employ["calls_north"] <= heads + 1


def test_summary_has_its_keys():
    made = small_plan()
    assert set(made.summary) == {
        "schema_version",
        "centre",
        "first_interval",
        "last_interval",
        "paid_hours",
        "night_hours",
        "people",
        "employ",
        "employ_for",
        "move",
        "hours",
        "idle_hours",
        "regularity",
        "cost",
        "lost_customers_cost",
        "cost_with_customers",
        "systems",
        "shifts_gap",
        "service_level",
        "waiting",
        "trimmed",
        "replications",
        "unmet_intervals",
        "short",
        "unmet_heads",
        "breaches",
        "holds",
    }
    assert made.summary["schema_version"] == SCHEMA_VERSION == 8
    assert made.summary["first_interval"] == "2026-11-23T00:00:00+03:00"
    assert made.summary["last_interval"] == "2026-11-23T23:45:00+03:00"
    assert (made.summary["breaches"], made.summary["unmet_intervals"], made.summary["unmet_heads"]) == (
        0,
        0,
        0,
    )


def test_summary_agrees_with_the_tables():
    made = small_plan()
    roster = made.roster.roster
    assert made.summary["paid_hours"] == pytest.approx(roster["paid_h"].sum())
    assert made.summary["night_hours"] == pytest.approx(roster["night_h"].sum())
    assert made.summary["people"]["on_staff"] == len(made.people)
    assert made.summary["people"]["on_shift"] == {"2026-11-23": len(set(roster["agent_id"]))}
    cost = made.summary["cost"]
    assert cost["total"] == pytest.approx(sum(cost.values()) - cost["total"], abs=0.05)


def test_every_part_of_the_cost_is_in_each_sum():
    """Premiums for holidays and weekends are in the summary, the systems and the picture too."""
    table = small_plan().cost.assign(holiday_cost=3e4, weekend_cost=5e4)
    table["total_cost"] += 8e4
    made, total = dataclasses.replace(small_plan(), cost=table), table["total_cost"].sum()
    parts = made.summary["cost"]
    assert sum(parts.values()) - parts["total"] == pytest.approx(total, abs=0.05)
    assert made.systems["cost"].sum() == pytest.approx(total)
    drawn = cost_bars(table, small_plan().centre).data
    assert sum(sum(bar.x) for bar in drawn) == pytest.approx(total / 1e3, abs=1e-4)


def test_outcome_sets_the_promise_beside_what_was_found():
    row = small_plan().outcome.loc["calls"]
    assert (row["target"], row["threshold_s"]) == (0.8, 20.0)
    assert 0.8 <= row["promised"] <= 1
    assert 0 <= row["simulated"] <= 1
    assert row["half_width"] >= 0
    level = small_plan().summary["service_level"]["calls"]
    assert 0 <= level["band_95"][0] <= level["simulated"] <= level["band_95"][1] <= 1


@pytest.mark.parametrize(
    ("simulated", "verdict"),
    [(0.9, "holds"), (0.81, "too close to call"), (0.79, "too close to call"), (0.7, "does not hold")],
)
def test_verdict_is_that_of_the_band(simulated, verdict):
    """Two points either way around a target of 80 %."""
    made = small_plan()
    found = made.simulation.queues.assign(service_level=simulated, half_width=0.02)
    judged = dataclasses.replace(made, simulation=dataclasses.replace(made.simulation, queues=found))
    assert judged.outcome["verdict"].tolist() == [verdict]
    assert judged.holds == (simulated >= 0.8)


@pytest.mark.parametrize("part", ["cover", "roster", "breaches"])
def test_plan_with_something_missing_does_not_hold(part):
    made = small_plan()
    found = made.simulation.queues.assign(service_level=0.99, half_width=0.0)
    good = dataclasses.replace(made, simulation=dataclasses.replace(made.simulation, queues=found))
    assert good.holds
    one = pd.DataFrame({"missing": [1]})
    bad = one if part == "breaches" else dataclasses.replace(getattr(good, part), unmet=one)
    assert not dataclasses.replace(good, **{part: bad}).holds


def test_work_that_waits_too_long_is_told():
    """The only reason why this plan does not hold is in its summary, which page and terminal print."""
    made = small_plan()
    found = made.simulation.queues.assign(service_level=0.99, half_width=0.0)
    good = dataclasses.replace(made, simulation=dataclasses.replace(made.simulation, queues=found))
    assert (good.holds, good.late) == (True, [])
    row = {"queue": "claims", "site": "north", "team": "claims_north", "oldest_days": 6.23, "due_days": 5.0}
    vars(good)["waiting"] = pd.DataFrame([row])
    assert not good.holds
    assert good.summary["short"] == [
        "claims at north: its oldest work waits 6.2 days, must be done within 5: "
        "give claims_north more people or hours"
    ]
    assert promises_text(good.summary).endswith("claims done within 6.2 days, promised within 5 days")


def test_too_few_people_are_told_and_the_roster_stays_lawful():
    centre = one_site({"queues.calls.opens": "09:00", "queues.calls.closes": "18:00"})
    made = plan(centre, demand_of(12, hours=(9, 18)), people_of(centre, 2), replications=2)
    assert len(made.roster.roster) == made.cover.shifts["headcount"].sum() == 2
    assert made.breaches.empty
    assert made.summary["unmet_heads"] == 0
    assert made.summary["unmet_intervals"] > 0
    assert ", and all are used: employ people" in made.summary["short"][0]
    assert not made.holds


def test_nobody_at_all():
    """Only a person of a team that the day does not need: all is unmet, and a seventh of the week idle."""
    centre = two_sites({"queues.calls.sites": {"south": 0.0, "north": 1.0}})
    people = people_of(centre, 1).query("site == 'south'")
    made = plan(centre, demand_of(2), people, replications=2)
    assert made.roster.roster.empty
    assert made.breaks.empty
    assert made.cover.shifts.empty
    assert made.summary["unmet_intervals"] == 96
    assert "0, and all are used: employ people" in made.summary["short"][0]
    assert made.summary["cost"]["total"] == pytest.approx(625 * 40 / 7, abs=0.01)
    assert made.summary["hours"] == {"calls_south": {"owed": 5.71, "paid": 0.0, "idle": 5.71}}
    assert made.outcome["simulated"].tolist() == [0.0]
    assert not made.holds


def test_two_sites_at_night():
    """Nobody sits in South from 22:00 to 08:00, and somebody in North does."""
    centre = two_sites({"shifts.start_every_min": 30})
    made = plan(centre, demand_of(2), people_of(centre, 8), replications=2)
    assert not made.breaches.size
    south = made.roster.roster[made.roster.roster["site"] == "south"]
    assert len(south) > 2
    assert (south["start"].dt.hour >= 8).all()
    assert (south["end"] <= MONDAY + pd.Timedelta(hours=22)).all()
    assert made.cost.set_index("team").loc["calls_north", "night_h"] > 0
    assert made.cost.set_index("team").loc["calls_south", "night_h"] == 0


# --- breaks ---------------------------------------------------------------------------------------


def test_breaks_are_those_of_the_shifts_pattern():
    made = small_plan()
    row = made.roster.roster.iloc[0]
    shift = made.cover.shifts.set_index("shift_id").loc[row["shift_id"]]
    own = made.breaks[
        (made.breaks["agent_id"] == row["agent_id"]) & (made.breaks["shift_id"] == row["shift_id"])
    ]
    expected = [
        (b.kind, b.paid, row["start"] + pd.Timedelta(seconds=b.start_s), pd.Timedelta(seconds=b.length_s))
        for b in made.cover.patterns[shift["pattern"]].breaks
    ]
    assert (
        list(zip(own["kind"], own["paid"], own["start"], own["end"] - own["start"], strict=True)) == expected
    )


def test_unpaid_breaks_are_what_parts_presence_from_pay():
    made = small_plan()
    hour = pd.Timedelta(hours=1)
    presence = ((made.roster.roster["end"] - made.roster.roster["start"]) / hour).sum()
    meals = made.breaks[~made.breaks["paid"].astype(bool)]
    assert presence - ((meals["end"] - meals["start"]) / hour).sum() == pytest.approx(
        made.roster.roster["paid_h"].sum()
    )
    assert set(meals["kind"]) == {"meal"}


def test_no_roster_has_no_breaks():
    empty = breaks_of(small_plan().cover, small_plan().roster.roster[:0])
    assert list(empty.columns) == list(BREAKS.columns)
    assert empty.empty


# --- the days to plan -----------------------------------------------------------------------------


# --- files ----------------------------------------------------------------------------------------


def test_files_are_the_contracts(saved):
    assert {file.name for file in saved.iterdir()} == set(FILES)
    assert [path.name for path in saved.parent.iterdir()] == ["plan"]  # no scratch folder is left


@pytest.mark.parametrize("name", TABLES)
def test_files_are_read_back_by_their_tables(saved, name):
    """Every row is good, the columns are in order, and the figures are those of the plan."""
    raw = pd.read_csv(saved / f"{name}.csv", dtype="str")
    more = ["planned_with"] if name == "demand" else []  # which settings are applied already
    # Columns that may be left out are there if anybody has a value in them.
    columns = [key for key, column in TABLES[name].columns.items() if key in raw or not column.may_lack]
    assert list(raw.columns) == [*columns, *more]
    good = TABLES[name].check(raw)
    kept = small_plan().tables[name].reset_index(drop=True)
    assert len(good) == len(kept)
    for column in good.select_dtypes("number").columns.intersection(kept.columns):
        assert good[column].to_numpy() == pytest.approx(kept[column].to_numpy(), abs=5.1e-5, nan_ok=True)


def test_times_in_files_have_their_offset(saved):
    roster = pd.read_csv(saved / "roster.csv", dtype="str")
    pattern = r"2026-11-2\dT\d\d:\d\d:00\+03:00"
    for edge in ("start", "end"):
        assert roster[edge].str.fullmatch(pattern).all()


def test_summary_file_is_the_summary(saved):
    assert json.loads((saved / "summary.json").read_text(encoding="utf-8")) == small_plan().summary


def test_saving_twice_is_refused_unless_asked_for(saved):
    stamp = (saved / "summary.json").stat().st_mtime_ns
    with pytest.raises(PlanningError, match="already has a plan: give another folder or ask to overwrite it"):
        small_plan().save(saved)
    assert (saved / "summary.json").stat().st_mtime_ns == stamp
    small_plan().save(saved, overwrite=True)
    assert (saved / "summary.json").stat().st_mtime_ns > stamp


def test_no_file_of_ones_own_is_replaced(tmp_path):
    """A demand.csv that lies there may be the history that was planned from."""
    (tmp_path / "demand.csv").write_text("mine")
    with pytest.raises(PlanningError, match=r"already has demand.csv: give another folder or ask"):
        small_plan().save(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"demand.csv": "mine"}


def test_saving_is_all_or_nothing(tmp_path, monkeypatch):
    """The workbook, written last, meets a full disk: no new file is there, an old plan is untouched."""

    def full(*args):
        raise OSError(28, "No space left on device")

    old = small_plan().save(tmp_path / "old")
    before = {file.name: file.read_bytes() for file in old.iterdir()}
    monkeypatch.setattr("planning.report.workbook.write_workbook", full)
    for folder, overwrite in ((tmp_path / "new", False), (old, True)):
        with pytest.raises(
            PlanningError, match="cannot be written: No space left on device; nothing was changed"
        ):
            small_plan().save(folder, overwrite=overwrite)
    assert not (tmp_path / "new").exists() or not list((tmp_path / "new").iterdir())
    assert {file.name: file.read_bytes() for file in old.iterdir()} == before
    assert {path.name for path in tmp_path.iterdir()} <= {"old", "new"}


def test_a_file_that_cannot_be_replaced_leaves_all_others_as_they_were(tmp_path):
    """The last one here; on Windows, a workbook that is open."""
    folder = small_plan().save(tmp_path / "plan")
    (folder / "summary.json").unlink()
    (folder / "breaks.csv").unlink()
    (folder / "summary.json").mkdir()
    for file in folder.glob("*.*s*"):
        if file.is_file():
            file.write_text("old")
    before = {file.name: file.is_dir() or file.read_bytes() for file in folder.iterdir()}
    with pytest.raises(
        PlanningError, match=r"cannot be written: summary.json is a folder; nothing was changed"
    ):
        small_plan().save(folder, overwrite=True)
    assert {file.name: file.is_dir() or file.read_bytes() for file in folder.iterdir()} == before


def test_folder_that_is_a_file(tmp_path):
    (tmp_path / "plan").write_text("mine")
    with pytest.raises(PlanningError, match=r"cannot be written: .*; nothing was changed"):
        small_plan().save(tmp_path / "plan")
    assert (tmp_path / "plan").read_text() == "mine"


def test_two_plans_are_the_same():
    """Every table, to the last digit."""
    made = small_plan()
    again = plan(made.centre, demand_of(6.0), people_of(made.centre, 24), replications=4)
    for name, table in made.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], table)
    assert again.summary == made.summary
