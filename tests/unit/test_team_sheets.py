"""Team sheets edited in Excel and read back."""

import openpyxl
import pandas as pd
import pytest
from factories import MONDAY, one_site, people_of, raw_centre, requirement_of, toml, two_sites
from typer.testing import CliRunner

from planning import PlanningError
from planning.cli import app
from planning.edition import read_edition
from planning.plan import write_folder
from planning.report.team_sheets import read_team_sheets, team_grid
from planning.retyped import retype

NOON = MONDAY - pd.Timedelta(hours=12)
TEAM = "calls_north"
DAYS = pd.date_range("2026-11-23", "2026-11-29")


def shifts_of(clocks):
    """A head on each day from each time of day, eight hours and a meal."""
    return pd.DataFrame(
        [
            {"shift_id": f"{day.day} {clock}", "site": "north", "team": TEAM, "start": start,
             "end": start + pd.Timedelta("8.5h"), "paid_h": 8.0, "headcount": 1}
            for day in DAYS
            for clock in clocks
            for start in [(day + pd.Timedelta(hours=int(clock))).tz_localize("Europe/Moscow")]
        ]
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four people; 01 works from 09:00 on Monday to Friday, 02 from 12:00; 03 is on leave at the weekend."""
    centre, shifts = one_site(), shifts_of(("09", "12"))
    people = people_of(centre, 4).astype({"leave_from": "object", "leave_until": "object"})
    people.loc[2, ["leave_from", "leave_until"]] = ["2026-11-28T00:00+03:00", "2026-12-03T00:00+03:00"]
    roster = shifts[shifts["start"].dt.day_of_week < 5].assign(night_h=0.0)
    roster["agent_id"] = f"{TEAM}_0" + roster["start"].dt.hour.map({9: "1", 12: "2"})
    needed = requirement_of(1, days=7)
    pauses = roster[["agent_id", "shift_id", "start"]].assign(paid=False, kind="meal")
    pauses["start"] += pd.Timedelta("4h")
    tables = {
        "demand": needed[["queue", "interval_start", "calls", "aht_s"]].assign(planned_with="test"),
        "requirement": needed, "shifts": shifts, "roster": roster.drop(columns="headcount"),
        "staff": people.assign(name=["Ann", "Bob", "Cat", "Dan"], owed_h=40.0, paid_h=0.0),
        "breaks": pauses.assign(end=pauses["start"] + pd.Timedelta("30min")),
    }  # fmt: skip
    tmp_path = tmp_path_factory.mktemp("sheets")
    (tmp_path / "centre.toml").write_text(toml(raw_centre()), encoding="utf-8")
    return write_folder(tmp_path / "plan", {}, tables, centre)


@pytest.fixture(scope="module")
def edition(folder):
    """The plan as it is read."""
    return read_edition(folder, one_site())


def edited(folder, cells=None, change=lambda sheet: None):
    """A copy of the plan's workbook with some cells of the team's sheet typed over."""
    book = openpyxl.load_workbook(folder / "plan.xlsx")
    for place, value in (cells or {}).items():
        book[TEAM][place] = value
    change(book[TEAM])
    book.save(folder.parent / "edited.xlsx")
    return folder.parent / "edited.xlsx"


@pytest.fixture
def retyped(folder, edition):
    """What the edited workbook makes of the plan."""
    return lambda *args: retype(edition, edited(folder, *args), now=NOON)


def of(made, number):
    """Shifts of a person as date and times."""
    mine = made.edition.roster[made.edition.roster["agent_id"] == f"{TEAM}_0{number}"]
    return [f"{row.start:%d %H:%M}-{row.end:%H:%M}" for row in mine.sort_values("start").itertuples()]


def leave_of(made):
    """First day of the leave of 03, and first day after it."""
    person = made.edition.people.set_index("agent_id").loc[f"{TEAM}_03"]
    return [f"{person[f'leave_{edge}'].tz_convert(MONDAY.tz):%d %m}" for edge in ("from", "until")]


def test_the_sheet_has_everybody_and_the_coverage(folder):
    """Those on leave and those without a shift too; the heads are formulas that follow what is typed."""
    sheet = openpyxl.load_workbook(folder / "plan.xlsx")[TEAM]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0][:2] == ["agent_id", "name"]
    assert [day.date() for day in rows[0][2:9]] == [*DAYS.date]
    assert rows[1][:4] == [f"{TEAM}_01", "Ann", "09:00-17:30", "09:00-17:30"]
    assert rows[3][1:9] == ["Cat", *[None] * 5, "ОТ", "ОТ"]
    assert rows[4][2:9] == [None] * 7
    assert [row[0] for row in rows[5:]] == [None, "needed", "on shift", "missing"]
    assert (rows[6][2], rows[7][2], rows[8][2]) == (2, '=COUNTIF(C2:C5,"*:*")', "=MAX(0,C7-C8)")
    assert sheet.freeze_panes == "C2"


def test_what_is_written_is_read_back(edition, retyped):
    """A sheet that nobody has touched changes nothing, whatever its name."""
    made = retyped({}, lambda sheet: setattr(sheet, "title", "mine"))
    assert made.refused.empty
    assert made.changes.empty
    assert made.cost == pytest.approx(0.0)
    assert made.edition.people.equals(edition.people)


def test_shifts_are_taken_over_as_they_are_typed(retyped):
    """Two people swap, one is given an open shift, and one is moved by an hour together with its head."""
    cells = {"C2": "12:00-20:30", "C3": "9:00-17:30", "H5": "09:00-17:30", "D2": "10:00-18:30"}
    made = retyped(cells)
    assert made.refused.empty
    assert made.new_breaches.empty
    assert of(made, 1)[:2] == ["23 12:00-20:30", "24 10:00-18:30"]
    assert of(made, 2)[0] == "23 09:00-17:30"
    assert of(made, 4) == ["28 09:00-17:30"]
    assert len(made.changes) == 4
    heads = made.edition.shifts.set_index("shift_id")["headcount"]
    assert heads["24 09"] == 0
    assert set(made.edition.unmet["shift_id"]) == {"28 12", "29 09", "29 12"}
    assert made.hours.to_dict("index") == {
        f"{TEAM}_04": {
            ("before", "paid_h"): 0.0, ("before", "night_h"): 0.0,
            ("after", "paid_h"): 8.0, ("after", "night_h"): 0.0,
        }
    }  # fmt: skip
    pauses = made.edition.breaks[made.edition.breaks["agent_id"] == f"{TEAM}_04"]
    assert set(pauses["kind"]) == {"meal", "rest"}


def test_letters_go_into_people_and_leave_the_shift_open(folder, retyped):
    """Ill on two days, leave begun two days earlier; the substitutes are those of the open heads."""
    letters = one_site().labour.letters
    cells = {"C2": letters.sick, "D2": letters.sick.lower(), "F4": letters.leave, "G4": letters.leave}
    made = retyped(cells)
    people = made.edition.people.set_index("agent_id")
    assert people["sick"][f"{TEAM}_01"] == "2026-11-23 2026-11-24"
    assert leave_of(made) == ["26 11", "03 12"]
    assert set(made.changes["why"]) == {"sick"}
    assert not made.changes["needs_consent"].any()
    assert set(made.substitutes["shift_id"]) == {"23 09", "24 09"}
    well = retype(made.edition, edited(folder), now=NOON)
    assert well.edition.people.set_index("agent_id")["sick"].isna().all()
    assert of(well, 1)[0] == "23 09:00-17:30"


def test_leave_that_ends_sooner_keeps_its_other_part(retyped):
    made = retyped({"H4": None, "I4": None})
    assert leave_of(made) == ["30 11", "03 12"]
    made = retyped({"C4": "ОТ"})
    assert "leave begins anew on 2026-11-28, must be one run of days" in made.refused["reason"][0]


@pytest.mark.parametrize(
    ("cells", "change", "places", "says"),
    [
        ({"C2": "Q"}, None, ["C2"], "is neither the times of a shift nor a letter"),
        ({"C2": "09:00"}, None, ["C2"], "write 09:00-17:30 or ОТ, У, Б, or leave it empty"),
        ({"C5": "10:00-13:00"}, None, ["C5"], "write its breaks too"),
        ({"A3": f"{TEAM}_01"}, None, ["A1", "A3"], "is in row 2 too: keep one row a person"),
        ({"A3": "eve"}, None, ["A1", "A3"], "is nobody of the plan"),
        ({"D1": None}, None, ["A1"], "the day has no column: put it back"),
        ({"D1": "23.11.2026"}, None, ["A1", "D1"], "the day occurs twice"),
        ({"J1": "2026-11-30"}, None, ["J1"], "is no day of the plan"),
        ({}, lambda sheet: sheet.merge_cells("C2:D2"), ["C2:D2"], "cells are merged"),
        ({}, lambda sheet: sheet.delete_rows(3), ["A1"], "has no row: put it back"),
    ],
)
def test_what_cannot_be_read_is_told_by_its_cell(edition, retyped, cells, change, places, says):
    """Nothing of the plan is lost by it."""
    made = retyped(cells, change or (lambda sheet: None))
    assert sorted(made.refused["cell"]) == [f"{TEAM}!{place}" for place in places]
    assert made.refused["reason"].str.contains(says, regex=False).any()
    pd.testing.assert_frame_equal(made.edition.roster, edition.roster)


def test_what_has_begun_stays(folder, edition):
    late = MONDAY + pd.Timedelta("10h")
    made = retype(edition, edited(folder, {"C2": None, "C5": "09:00-17:30"}), now=late)
    assert "began before 2026-11-23 10:00 and stays" in made.refused["reason"][0]
    assert "must start after 2026-11-23 10:00" in made.refused["reason"][1]


def test_a_workbook_without_team_sheets_is_refused(tmp_path):
    pd.DataFrame({"agent_id": ["a"], "start": ["2026-11-23"]}).to_excel(tmp_path / "x.xlsx", index=False)
    with pytest.raises(PlanningError, match="has no team sheet"):
        read_team_sheets(tmp_path / "x.xlsx", people_of(one_site(), 1), {"north": DAYS})
    with pytest.raises(PlanningError, match=r"does not exist: give the path of an .xlsx"):
        read_team_sheets(tmp_path / "y.xlsx", people_of(one_site(), 1), {"north": DAYS})


def test_a_site_has_its_own_clock_and_letters():
    """A night that begins at 22:00 in Lima begins on the next day in Moscow."""
    centre = two_sites({"sites.south.time_zone": "America/Lima", "sites.south.country": "DE"})
    start = pd.Timestamp("2026-11-24 06:00", tz="Europe/Moscow")
    row = {"agent_id": "a", "site": "south", "team": "calls_south", "shift_id": "n", "start": start,
           "end": start + pd.Timedelta("8h"), "paid_h": 8.0, "night_h": 8.0}  # fmt: skip
    people = people_of(centre, 1).iloc[:1].assign(agent_id="a", sick="2026-11-25")
    grid = team_grid(pd.DataFrame([row]), people, centre, "south", DAYS)
    assert grid.loc["a"].tolist()[:3] == ["22:00-06:00", "", centre.at("south").labour.letters.sick]


def test_the_command_writes_an_edition_or_says_why_not(folder):
    """A breach or a faulty cell writes nothing; the audit judges the same sheet."""
    runner = CliRunner()
    options = ["--centre", str(folder.parent / "centre.toml"), "--at", "2026-11-22T12:00"]
    change = ["roster", "change", str(folder), "--sheet"]
    bad = runner.invoke(app, [*change, str(edited(folder, {"C2": "20:00-04:30"})), *options])
    assert "4.5 h of rest before 24 09" in bad.output
    assert "1 breaches are new, nothing was written" in str(bad.exception)
    assert not folder.with_name("plan-2").exists()
    judged = folder / "typed.xlsx"
    judged.write_bytes((folder.parent / "edited.xlsx").read_bytes())
    audit = runner.invoke(app, ["roster", "audit", str(judged), *options[:2]])
    assert (audit.exit_code, "1 breaches in 10 shifts" in audit.output) == (1, True)
    both = runner.invoke(app, [*change, str(judged), "--sick", "x 2026-11-24", *options])
    assert "--sheet is taken over alone" in str(both.exception)
    same = runner.invoke(app, [*change, str(edited(folder)), *options])
    assert "says what the roster says: nothing was written" in str(same.exception)
    done = runner.invoke(app, [*change, str(edited(folder, {"H5": "12:00-20:30"})), *options])
    assert "calls_north_04: 0 h -> 8 h" in done.output
    assert "Audit:          0 breaches" in done.output
    again = openpyxl.load_workbook(folder.with_name("plan-2") / "plan.xlsx")[TEAM]
    assert again["H5"].value == "12:00-20:30"
