"""Time sheets and rosters by person, of centres in other countries than the example."""

import openpyxl
import pandas as pd
from factories import day_site, one_site, people_of, requirement_of, roster_of, two_sites

from planning.report.day_view import write_day_view
from planning.report.roster_book import time_sheet, write_roster_book
from planning.roster.inputs import Horizon

WEEK = Horizon(pd.Timestamp("2026-11-23"), pd.Timestamp("2026-11-29"))
GERMAN = {"work": "F", "night": "N", "holiday": "X", "off": "/", "leave": "U", "study": "B", "sick": "K"}


def berlin():
    """A site of Berlin with letters of its own, one person's roster of two days, and the people."""
    centre = day_site({"country": "DE", "currency": "EUR", "labour.letters": GERMAN})
    days = [("calls_berlin_01", f"2026-11-{day} 09:00", f"2026-11-{day} 17:00") for day in (23, 24)]
    return centre, roster_of(*days, team="calls_berlin", site="berlin"), people_of(centre, 1)


def test_the_time_sheet_has_the_letters_of_the_centres_law():
    """A German roster had the letters of a Russian form."""
    centre, roster, people = berlin()
    sheet = time_sheet(roster, people, centre, WEEK)
    assert sheet.loc["calls_berlin_01"].iloc[1:8].tolist() == ["F", "F", *"/////"]


def test_the_legend_explains_the_letters(tmp_path):
    centre, roster, people = berlin()
    write_roster_book(tmp_path / "roster.xlsx", roster, people, centre, WEEK)
    legend = openpyxl.load_workbook(tmp_path / "roster.xlsx")["letters"]
    rows = dict(legend.iter_rows(values_only=True))
    assert set(rows) == set(GERMAN.values())
    assert rows["U"] == "Annual leave"


def test_each_site_has_the_letters_of_its_own_law(tmp_path):
    """A German site of a Russian centre had Russian letters."""
    centre = two_sites({"sites.south.country": "DE"})
    people = people_of(centre, 1)
    off = {site: centre.at(site).labour.letters.off for site in centre.sites}
    assert off["south"] != off["north"]
    nobody = roster_of(("calls_north_01", "2026-11-23 09:00", "2026-11-23 17:00")).iloc[:0]
    sheet = time_sheet(nobody, people, centre, WEEK)
    assert {agent: row.iloc[1] for agent, row in sheet.iterrows()} == {
        f"calls_{site}_01": letter for site, letter in off.items()
    }
    write_roster_book(tmp_path / "roster.xlsx", nobody, people, centre, WEEK)
    legend = openpyxl.load_workbook(tmp_path / "roster.xlsx")["letters"]
    assert [cell.value for cell in legend[1]][:2] == ["RU", "DE"]


def test_the_weekend_shaded_is_the_sites(tmp_path):
    """It was Saturday and Sunday everywhere."""
    centre, roster, people = berlin()
    centre = centre.replace({"sites.berlin.weekend": ["fri", "sat"]})
    write_roster_book(tmp_path / "roster.xlsx", roster, people, centre, WEEK)
    head = next(openpyxl.load_workbook(tmp_path / "roster.xlsx")["calls_berlin"].iter_rows(max_row=1))
    shaded = [cell.value for cell in head if cell.fill.fill_type == "solid"]
    assert shaded == ["Fri 27", "Sat 28"]


def test_a_form_by_halves_of_the_month_has_the_hours_of_each_day(tmp_path):
    """Form T-13: a night is divided at midnight, its hours stand apart, each half and the month add up."""
    people = people_of(one_site(), 2).astype({"leave_from": "object", "leave_until": "object"})
    people.loc[1, ["leave_from", "leave_until"]] = ["2026-11-16T00:00+03:00", "2026-11-18T00:00+03:00"]
    people = people.assign(name=["Ann", None], personnel_no=["0017", None], sick=[None, "2026-11-30"])
    spans = [("13 09:00", "13 17:00"), ("15 20:00", "16 05:00"), ("04 10:00", "04 12:00")]
    days = [("calls_north_01", f"2026-11-{start}", f"2026-11-{end}") for start, end in spans]
    roster = roster_of(*days).assign(shift_id=["a", "b", "c"])
    month = Horizon(pd.Timestamp("2026-11-01"), pd.Timestamp("2026-12-06"))
    payroll = pd.DataFrame({"agent_id": ["calls_north_01"], "pay": ["overtime"], "hours": [1.5]})
    write_roster_book(tmp_path / "sheet.xlsx", roster, people, one_site(), month, payroll=payroll)
    book = openpyxl.load_workbook(tmp_path / "sheet.xlsx")
    assert book.sheetnames == ["calls_north 2026-11", "calls_north 2026-12", "letters"]
    rows = [list(row) for row in book["calls_north 2026-11"].iter_rows(min_row=6, values_only=True)]
    first, second = rows[:4], rows[4:]
    assert first[0][:3] == [1, "Ann, operator", "0017"]
    assert [first[0][column] for column in (6, 15, 17, 18)] == ["РВ", "Я", "Я/Н", "Х"]
    assert [first[1][column] for column in (6, 15, 17)] == [2, 8, "2/2"]
    assert (first[2][3], first[3][3], first[2][18]) == ("Н", 5, "Х")
    assert [row[19] for row in first] == [3, 14, 1, 5]
    assert (first[0][20], first[2][20]) == (4, 19)
    assert [row[21:23] for row in first[:3]] == [["дневные", 12], ["ночные", 7], ["праздничные", 2]]
    assert [second[2][column] for column in (3, 4, 17)] == ["ОТ", "ОТ", "Б"]
    assert [row[23:25] for row in second[:2]] == [["ОТ", 2], ["Б", 1]]
    over = [list(row) for row in book["calls_north 2026-12"].iter_rows(min_row=6, values_only=True)]
    assert over[0][21:23] == ["сверхурочные", 1.5]


def test_a_day_has_a_row_a_person_and_a_column_an_interval(tmp_path):
    """A night is on both days, a break in a part of an interval is seen, coverage counts who works."""
    roster = roster_of(
        ("ann", "2026-11-23 21:00", "2026-11-24 02:00"), ("bob", "2026-11-24 01:00", "2026-11-24 09:00")
    )
    pause = {"agent_id": "bob", "shift_id": "s", "paid": True, "kind": "rest",
             "start": pd.Timestamp("2026-11-24 01:20", tz="Europe/Moscow"),
             "end": pd.Timestamp("2026-11-24 01:30", tz="Europe/Moscow")}  # fmt: skip
    write_day_view(
        tmp_path / "days.xlsx", roster, pd.DataFrame([pause]), requirement_of(2, days=2), one_site()
    )
    book = openpyxl.load_workbook(tmp_path / "days.xlsx")
    assert book.sheetnames == ["north 23.11", "north 24.11"]
    rows = {row[0]: row[2:] for row in book["north 24.11"].iter_rows(values_only=True)}
    assert rows["agent_id"][:6] == ("00:00", "00:15", "00:30", "00:45", "01:00", "01:15")
    assert rows["ann"][:9] == ("·",) * 8 + (None,)
    assert rows["bob"][3:7] == (None, "·", "R", "·")
    shown = openpyxl.load_workbook(tmp_path / "days.xlsx", data_only=True)["north 24.11"]
    told = {row[0]: row[2:9] for row in shown.iter_rows(values_only=True)}
    assert told["needed"] == (2,) * 7
    assert told["on position"] == (1, 1, 1, 1, 2, 1, 2)
    assert told["missing"] == (1, 1, 1, 1, 0, 1, 0)
    assert [row[0] for row in book["north 23.11"].iter_rows(values_only=True)][:2] == ["agent_id", "ann"]
