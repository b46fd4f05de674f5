"""Every file in data/ is small, reads, and is accepted by its table; what it names exists in the centre."""

from pathlib import Path

import pandas as pd
import pytest

from planning import Centre, read_demand, read_people
from planning.centre.routing import answering_sites
from planning.demand import Synthetic
from planning.staffing import requirement
from planning.studies.assignment import languages_of
from planning.systems.vip import read_vips
from planning.tables import CALLS, PEOPLE
from planning.whatif import Scenario, apply_changes, read_scenarios

DATA = Path(__file__).parents[2] / "data"
LARGEST = 3_000_000  # bytes
KNOWN = {
    "README.md",
    "calls.parquet",
    "centre.toml",
    "demand.parquet",
    "people.csv",
    "scenarios.toml",
    "synthetic.toml",
    "vips.csv",
}


@pytest.fixture(scope="module")
def centre():
    return Centre.load(DATA / "centre.toml")


@pytest.fixture(scope="module")
def demand(centre):
    return read_demand(DATA / "demand.parquet", centre.time_zone)


@pytest.fixture(scope="module")
def calls():
    return CALLS.check(pd.read_parquet(DATA / "calls.parquet"))


@pytest.fixture(scope="module")
def people(centre):
    good, rejected = read_people(DATA / "people.csv", centre)
    assert rejected.empty
    return good


def test_every_file_is_known_and_described():
    """A new file needs a test here and a line in the dictionary."""
    assert {path.name for path in DATA.iterdir()} == KNOWN
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in readme for name in KNOWN - {"README.md"})
    assert "synthetic" in readme.lower()


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_files_are_small(name):
    assert 0 < (DATA / name).stat().st_size <= LARGEST


def test_generator_and_centre_are_of_one_centre(centre):
    made = Synthetic.load(DATA / "synthetic.toml")
    assert (made.time_zone, made.country) == (centre.time_zone, centre.country)
    assert set(made.queues) == set(centre.queues) - left_behind(centre)


def left_behind(centre):
    """Queues of work that calls leave behind: no records count them."""
    return {other for queue in centre.queues.values() for other in queue.follow_ups}


def test_demand_can_be_planned(centre, demand):
    """Eight whole weeks of every queue; each interval has a site that answers and agents there."""
    assert set(demand["queue"]) == set(centre.queues) - left_behind(centre)
    days = demand["interval_start"].dt.normalize()
    assert days.nunique() == 56
    assert (days.min().day_name(), days.max().day_name()) == ("Monday", "Sunday")
    last = demand[days == days.max()]
    table = requirement(centre, last)
    assert set(table["queue"]) == set(centre.queues)
    calls = [not centre.queues[name].waits for name in table["queue"]]
    assert (table["agents"][calls] >= 1).all()


def test_no_interval_of_an_open_queue_is_missing(centre, demand):
    for name, rows in demand.groupby("queue"):
        queue = centre.queues[name]
        a_day = (queue.closes - queue.opens).total_seconds() / centre.interval_s
        assert (rows.groupby(rows["interval_start"].dt.normalize()).size() == a_day).all()
        assert answering_sites(centre, name, pd.DatetimeIndex(rows["interval_start"])).notna().all(axis=None)


def test_calls_are_whole(centre, calls):
    """Answered calls have an agent and a handle time, abandoned ones neither."""
    assert set(calls["queue"]) <= set(centre.queues)
    assert set(calls["outcome"]) == {"answered", "abandoned"}
    answered = calls["outcome"] == "answered"
    for column in ("handle_s", "agent_id"):
        assert (calls[column].notna() == answered).all()


def test_calls_are_those_of_the_demand(calls, demand):
    """The records' counts by queue and interval are the demand's of that day."""
    times = calls["arrival"].dt.tz_convert("Europe/Moscow").dt.floor("15min")
    counts = calls.groupby([calls["queue"], times]).size()
    day = demand[demand["interval_start"].dt.normalize() == times.min().normalize()]
    offered = day.set_index(["queue", "interval_start"])["calls"]
    assert counts.reindex(offered.index, fill_value=0).tolist() == offered.tolist()
    assert counts.sum() == offered.sum()


def test_people_are_unique_and_of_known_teams(centre, people):
    assert people["agent_id"].is_unique
    assert set(people["team"]) == set(centre.teams)
    assert list(people.columns) == list(PEOPLE.columns)
    assert (
        people["grade"] == people["team"].map({name: team.grade for name, team in centre.teams.items()})
    ).all()


def test_people_can_hold_the_nights(people):
    """Somebody of each team of the site that is open at night may work then."""
    assert people[people["site"] == "kaluga"].groupby("team")["night_ok"].any().all()


def test_the_scenarios_can_be(centre, demand):
    """Each is a scenario that differs from today's."""
    scenarios = read_scenarios(DATA / "scenarios.toml")
    today = Scenario(centre, demand)
    assert len(scenarios) == 8
    assert all(apply_changes(today, changes).centre != centre for changes in scenarios.values())


def test_every_vip_has_a_manager_who_speaks_the_language(centre, people):
    vips, rejected = read_vips(DATA / "vips.csv", people)
    assert rejected.empty
    assert len(vips) == centre.systems.vip.vips
    managers = people[people["agent_id"].isin(vips["manager"])]
    assert {queue for team in set(managers["team"]) for queue in centre.teams[team].queues} == {"vip"}
    speaks = languages_of(centre.systems.vip, people)
    foreign = vips[vips["language"] != ""]
    assert len(foreign) > 10
    assert all(speaks.loc[row.manager, row.language] for row in foreign.itertuples())
