"""The examples that ship with the package: each loads, is drawn alike each time, and starts a plan."""

import re
import tomllib

import pandas as pd
import pytest
from factories import MONDAY, one_site
from typer.testing import CliRunner

from planning import Centre, PlanningError, requirement
from planning.centre.country import countries, country_settings
from planning.centre.describe import describe, left_open
from planning.centre.labour import Labour
from planning.cli import app
from planning.demand.days import check_rows
from planning.examples import EXAMPLES, folder_of, load, write
from planning.roster.people import people_to_employ, read_people
from planning.tables import DEMAND, PEOPLE


def run(*line):
    return CliRunner().invoke(app, [str(part) for part in line])


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_a_centre_with_a_demand_that_it_can_plan(name):
    centre, demand = load(name)
    assert "synthetic" in centre.name
    assert set(check_rows(centre, DEMAND.check(demand))["queue"]) <= set(centre.queues)
    monday = demand[demand["interval_start"].dt.date == demand["interval_start"].dt.date.max()]
    assert (requirement(centre, monday)["agents"] >= 0).all()


@pytest.mark.parametrize("name", ["small", "global"])
def test_an_example_is_drawn_alike_each_time(name):
    pd.testing.assert_frame_equal(load(name).demand, load(name).demand)


def test_the_examples_are_unlike():
    """One site in Germany without nights; three sites in two countries, with a weekend of their own."""
    small, world = load("small").centre, load("global").centre
    assert (small.country, small.currency, len(small.sites)) == ("DE", "EUR", 1)
    assert load("small").demand["interval_start"].dt.day_of_week.max() == 5
    assert (world.currency, len(world.sites), len(world.queues)) == ("USD", 3, 6)
    assert {world.country_of(site) for site in world.sites} == {"US", "EG"}
    assert world.weekend("cairo") == (4, 5)
    assert len(set(world.zones.values())) == 3


def test_an_unknown_example_is_refused():
    with pytest.raises(PlanningError, match="example is 'big', must be one of small, global, operator"):
        folder_of("big")


def test_a_centre_without_a_path_is_the_operator():
    assert Centre.load() == load("operator").centre


# --- to start from --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
def test_init_writes_an_example_to_start_from(tmp_path, name):
    found = run("init", tmp_path / "new", "--example", name)
    assert found.exit_code == 0, found.output
    files = {path.name for path in (tmp_path / "new").iterdir()}
    assert files >= {"centre.toml", "demand.parquet", "scenarios.toml"}
    assert ("people.csv" in files) == (name == "operator")
    assert Centre.load(tmp_path / "new" / "centre.toml") == load(name).centre


def test_init_overwrites_nothing(tmp_path):
    (tmp_path / "centre.toml").write_text("mine", encoding="utf-8")
    with pytest.raises(PlanningError, match=r"holds centre.toml already: give an empty folder"):
        write("small", tmp_path)
    assert (tmp_path / "centre.toml").read_text(encoding="utf-8") == "mine"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.filterwarnings("ignore:Sunday 29 November is closed")
def test_a_plan_in_a_new_folder_works_at_once(tmp_path, monkeypatch):
    """Without arguments but its length: centre, demand and people are looked for here."""
    monkeypatch.chdir(tmp_path)
    run("init", ".")
    found = run("plan", "--days", "1", "--replications", "2")
    assert found.exit_code == 0, found.output
    assert "no people.csv beside centre.toml: the plan says how many to employ" in found.output
    assert re.search(r"Cost: +[\d.]+\xa0€", found.output)
    people = int(re.search(r"People: +(\d+)", found.output)[1])
    assert people >= 5
    assert (tmp_path / "plan" / "roster.csv").exists()


def test_a_folder_without_a_centre_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for command in ("plan", "check"):
        error = run(command).exception
        assert isinstance(error, PlanningError)
        assert "there is no centre.toml here: give its path, or start from an example" in str(error)


def test_a_centre_without_demand_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("init", ".")
    (tmp_path / "demand.parquet").unlink()
    assert "there is no demand.parquet or demand.csv beside centre.toml" in str(run("plan").exception)


# --- in plain words -------------------------------------------------------------------------------


def test_check_says_what_a_centre_is():
    told = run("check", folder_of("small") / "centre.toml").output
    assert "1 site, 1 queue of calls, 1 of work that waits, 1 team." in told
    assert "money is in EUR; the labour law is that of DE." in told
    assert "Queue calls: 08:00 to 20:00, 80% answered within 20 s, by service." in told
    assert "The file leaves nothing open." in told


def test_check_names_the_law_of_each_site():
    centre = one_site({"country": "DE", "sites.north.country": "KZ"})
    told = describe(centre)
    assert told[1].endswith("the labour law is that of DE.")
    assert told[2] == "Site north: open 00:00 to 24:00; the labour law is that of KZ."
    unlawful = left_open(centre.replace({"sites.north.country": "JP"}))
    assert unlawful[0].startswith("country: no labour law of JP is on file, so house rules hold: write its")


def test_check_refuses_a_rotation_that_breaks_the_law(tmp_path):
    write("small", tmp_path)
    path = tmp_path / "centre.toml"
    cycle = ["work"] * 7 + ["off"]
    path.write_text(f"{path.read_text('utf-8')}\n[rotations.long]\ncycle = {cycle}\n", "utf-8")
    said = str(run("check", path).exception)
    assert "rotations.long breaks the labour rules: day 7 is the 7th working day in a row, at most 6" in said


def test_check_says_what_is_left_open():
    raw = {"name": "x", "time_zone": "Asia/Tokyo", "country": "JP", "sites": {"tokyo": {}}}
    centre = Centre.of(raw | {"queues": {"calls": {}}, "teams": {"day": {"wage_month": 300_000}}})
    assert describe(centre)[1].endswith("money is in JPY; the labour law is none: house rules only.")
    assert left_open(centre) == [
        "country: no labour law of JP is on file, so house rules hold: write its limits in [labour], which "
        "`planning check --law` prints",
        "patience_s of calls: no caller ever gives up",
        "shrinkage of day: nobody is ever sick or in training",
        "seats of tokyo: there is a workplace for everybody",
        "pay.contributions: an hour costs the wage alone",
    ]


@pytest.mark.parametrize("country", countries())
def test_the_law_in_force_is_printed_as_the_file_may_have_it(country, tmp_path):
    file = tmp_path / "centre.toml"
    file.write_text(
        f'name = "x"\ntime_zone = "Asia/Tokyo"\ncountry = "{country}"\n'
        "[sites.tokyo]\n[queues.calls]\n[teams.day]\nwage_month = 300000\n"
    )
    printed = run("check", str(file), "--law").output
    assert 'night_until = "06:00" # End of the night hours.' in printed
    file.write_text(file.read_text().replace(f'"{country}"', '"JP"') + printed)
    assert (
        Centre.load(file).labour.model_dump() == Labour.of(country_settings(country)["labour"]).model_dump()
    )


def test_the_law_of_each_sites_country_is_printed(tmp_path):
    """Only the centre's own was; that of other countries is a comment, so that all of it stays a file."""
    file = tmp_path / "centre.toml"
    file.write_text(
        'name = "x"\ntime_zone = "Europe/Berlin"\ncountry = "DE"\n'
        '[sites.here]\n[sites.there]\ncountry = "PL"\n'
        '[queues.calls]\n[teams.day]\nsite = "here"\nwage_month = 3000\n'
        '[teams.far]\nsite = "there"\nwage_month = 3000\n'
    )
    printed = run("check", str(file), "--law").output
    assert tomllib.loads(printed)["labour"]["min_rest_h"]["article"] == "ArbZG 5(1)"
    assert "# At there the law of PL holds" in printed
    assert '# min_rest_h = { value = 11, article = "KP 132" }' in printed


def test_a_plan_says_under_which_law_it_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("init", ".")
    file = tmp_path / "centre.toml"
    file.write_text(file.read_text().replace('"DE"', '"JP"'))
    told = run("plan", "--start", "2026-12-32")
    assert "note: no labour law of JP is on file, so house rules hold" in told.output
    assert "2026-12-32" in str(told.exception)


# --- people ---------------------------------------------------------------------------------------


def test_people_need_three_columns(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("agent_id,site,team\nann,north,calls_north\n", encoding="utf-8")
    people, rejected = read_people(path, one_site())
    assert rejected.empty
    assert list(people.columns) == list(PEOPLE.columns)
    row = people.iloc[0]
    assert (row["grade"], row["contract_h_week"], row["night_ok"]) == ("operator", 40.0, False)
    free = read_people(path, one_site({"labour.night_consent.value": 0}))[0]
    assert free["night_ok"].tolist() == [True]


def test_cells_left_empty_are_filled_too(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("agent_id,site,team,contract_h_week\nann,north,calls_north,\nbob,north,calls_north,30\n")
    assert read_people(path, one_site())[0]["contract_h_week"].tolist() == [40.0, 30.0]


def test_a_contract_is_bounded_by_the_country_s_week(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("agent_id,site,team,contract_h_week\nann,north,calls_north,42\n")
    _, rejected = read_people(path, one_site())
    assert rejected["reason"].tolist() == [
        "contract_h_week is 42, must be at most the normal week's 40 (test): correct it"
    ]
    assert read_people(path, one_site({"labour.week_h.value": 44}))[1].empty


def test_as_many_are_employed_as_the_shifts_need():
    """Two heads a day are 112 hours, so with some slack four people; four at the weekend take six."""
    days = [MONDAY + pd.Timedelta(days=day, hours=9) for day in range(7)]
    shifts = pd.DataFrame({"team": "calls_north", "start": days, "paid_h": 8.0, "headcount": 2})
    assert len(people_to_employ(one_site(), shifts)) == 4
    shifts["headcount"] = [0, 0, 0, 0, 0, 4, 4]
    assert len(people_to_employ(one_site(), shifts)) == 6


def test_people_to_employ_have_a_name_each():
    """Of two teams, beside a person who has one of the names."""
    centre = one_site(queues=("calls", "mail"))
    shifts = pd.DataFrame({"team": [], "start": pd.DatetimeIndex([], tz=centre.time_zone), "headcount": []})
    there = pd.DataFrame({"agent_id": ["calls_north_001"]})
    made = people_to_employ(centre, shifts, {"calls_north": 2, "mail_north": 1}, beside=there)
    assert made["agent_id"].tolist() == ["calls_north_002", "calls_north_003", "mail_north_001"]
