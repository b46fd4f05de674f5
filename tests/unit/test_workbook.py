"""The workbook as Excel would open it."""

import openpyxl
import pandas as pd
import pytest
from factories import MONDAY, one_site, small_plan

from planning.report.workbook import TOTALS, write_scenarios, write_workbook

ROUBLES = '#,##0 "₽"'
"""Money of a Russian centre; millions too are grouped by thousands: "# ##0" wrote 11640 727."""
SUMMARY = {"centre": "=1+1", "holds": True, "cost": {"of a call": 12.5}, "band": [0.7, 0.9]}


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The workbook of a whole plan."""
    path = tmp_path_factory.mktemp("book") / "plan.xlsx"
    write_workbook(path, small_plan().summary, small_plan().tables, small_plan().centre)
    return openpyxl.load_workbook(path)


def cells(tmp_path, table, **others):
    """The sheet of one table, read back."""
    tables = {"one": table, "cost": small_plan().tables["cost"]} | others
    write_workbook(tmp_path / "book.xlsx", SUMMARY, tables, one_site())
    return openpyxl.load_workbook(tmp_path / "book.xlsx")


def test_a_sheet_a_table_behind_the_summary(book):
    tables = ["demand", "requirement", "shifts", "roster", "staff", "breaks", "cost"]
    assert book.sheetnames == ["summary", *tables, "calls_north"]
    for name, table in small_plan().tables.items():
        sheet = book[name]
        assert [cell.value for cell in sheet[1]] == list(table.columns)
        assert sheet.max_row == 1 + len(table) + (name in TOTALS)


def test_headings_are_frozen_and_filtered(book):
    for name, table in small_plan().tables.items():
        assert book[name].freeze_panes == "A2"
        last = openpyxl.utils.get_column_letter(len(table.columns))
        assert book[name].auto_filter.ref == f"A1:{last}{len(table) + 1}"


@pytest.mark.parametrize("name", TOTALS)
def test_totals_are_formulas_over_all_rows(book, name):
    """Excel adds what its filter shows."""
    sheet, table = book[name], small_plan().tables[name]
    last = len(table) + 1
    assert sheet.cell(last + 1, 1).value == "total"
    for column in TOTALS[name]:
        number = list(table.columns).index(column) + 1
        letter = openpyxl.utils.get_column_letter(number)
        assert sheet.cell(last + 1, number).value == f"=SUBTOTAL(109,{letter}2:{letter}{last})"


def test_the_summary_adds_up_the_sheets(tmp_path):
    """A wage typed over in the cost sheet moves the summary, a filter there does not."""
    cost = pd.concat([small_plan().tables["cost"]] * 3)
    write_workbook(tmp_path / "book.xlsx", small_plan().summary, {"cost": cost}, small_plan().centre)
    book = openpyxl.load_workbook(tmp_path / "book.xlsx")
    found = {row[0].value: row[1].value for row in book["summary"].iter_rows()}
    for part in small_plan().summary["cost"]:
        letter = openpyxl.utils.get_column_letter(list(cost.columns).index(f"{part}_cost") + 1)
        assert found[f"cost {part}"] == f"=SUM(cost!${letter}$2:${letter}$4)"


def test_the_parts_of_the_cost_are_totalled_as_their_sum_is():
    assert {name for name in small_plan().cost if name.endswith("_cost")} <= set(TOTALS["cost"])


def test_a_sheet_without_rows_has_no_total(tmp_path):
    """It would add up itself."""
    cost = small_plan().tables["cost"][:0]
    book = cells(tmp_path, small_plan().cost, cost=cost, shifts=small_plan().tables["shifts"][:0])
    assert [book[name].max_row for name in ("cost", "shifts")] == [1, 1]


def test_each_team_has_a_sheet_of_all_its_people(book):
    """Those without a shift too."""
    roster, staff = (small_plan().tables[name] for name in ("roster", "staff"))
    rows = list(book["calls_north"].iter_rows(values_only=True))
    assert rows[0] == ("agent_id", MONDAY.tz_localize(None).to_pydatetime(), "paid_h", "night_h")
    rows = rows[: len(staff) + 1]
    assert {row[0] for row in rows[1:]} == set(staff["agent_id"]) > set(roster["agent_id"])
    first = roster.iloc[0]
    cells_of = {row[0]: row[1:] for row in rows}
    assert cells_of[first["agent_id"]][0] == f"{first['start']:%H:%M}-{first['end']:%H:%M}"
    assert sum(row[2] for row in rows[1:]) == pytest.approx(roster["paid_h"].sum())


def test_names_stay_in_sight_and_weekends_are_shaded(tmp_path):
    """Every day is there, also one without a shift."""
    roster = small_plan().tables["roster"].head(2).copy()
    roster.loc[roster.index[1], ["start", "end"]] += pd.Timedelta(days=6)
    sheet = cells(tmp_path, small_plan().tables["demand"].head(1), roster=roster)["calls_north"]
    assert sheet.freeze_panes == "B2"
    shaded = [column[0].value for column in sheet.iter_cols() if column[1].fill.fill_type == "solid"]
    assert [day.day for day in shaded] == [28, 29]


def test_a_team_may_have_any_name(tmp_path):
    """Excel refuses some signs, long names and two sheets of a name; "cost" is a sheet already."""
    roster = small_plan().tables["roster"].head(4)
    names = ["cost", "a/b[c]:*?" + "x" * 40, "a/b[c]:*?" + "x" * 41, "'q'"]
    sheets = cells(
        tmp_path, small_plan().tables["demand"].head(1), roster=roster.assign(team=names)
    ).sheetnames
    assert len(set(map(str.lower, sheets))) == len(sheets) == 8


SCENARIOS = pd.DataFrame(
    {
        "cost": [100.0, 120.0, None],
        "cost_difference": [0.0, 20.0, None],
        "cost_half_width": [0.0, 1.0, None],
        "service_level_calls": [0.8, 0.9, None],
        "service_level_calls_difference": [0.0, 0.1, None],
        "reason": ["", "", "=cmd|' /C calc'!A0"],
    },
    index=pd.Index(["base", "+1 agent", "@bad"], name="scenario"),
)


@pytest.mark.parametrize("alone", [True, False])
def test_scenarios_stand_beside_the_base_by_formulas(tmp_path, alone):
    path = tmp_path / "scenarios.xlsx"
    if alone:
        write_scenarios(path, SCENARIOS, one_site())
    else:
        write_workbook(path, SUMMARY, small_plan().tables, one_site(), SCENARIOS)
    sheet = openpyxl.load_workbook(path)["scenarios"]
    rows = list(sheet.iter_rows(min_row=2, values_only=True))
    assert rows[1] == ("+1 agent", 120, "=B3-B$2", 1, 0.9, "=E3-E$2", "")
    assert rows[2] == ("@bad", None, None, None, None, None, "=cmd|' /C calc'!A0")
    assert {sheet.cell(4, column).data_type for column in (1, 7)} == {"s"}
    assert sheet.freeze_panes == "B2"
    formats = [sheet.cell(3, column).number_format for column in (2, 3, 4, 5, 6)]
    assert formats == [ROUBLES, ROUBLES, ROUBLES, "0.0%", "0.0%"]
    shown = openpyxl.load_workbook(path, data_only=True)["scenarios"]
    assert shown["C3"].value == 20


def test_totals_show_their_value_before_excel_computes(tmp_path):
    """Viewers that do not calculate show the stored result."""
    write_workbook(tmp_path / "b.xlsx", SUMMARY, small_plan().tables, one_site())
    sheet = openpyxl.load_workbook(tmp_path / "b.xlsx", data_only=True)["cost"]
    cost = small_plan().tables["cost"]
    column = list(cost.columns).index("total_cost") + 1
    assert sheet.cell(len(cost) + 2, column).value == pytest.approx(cost["total_cost"].sum())


@pytest.mark.parametrize(
    "text", ["=1+1", "+7 495", "-5", "@sum", '=HYPERLINK("http://x")', "http://x", "{=1}", "001"]
)
def test_text_stays_text(tmp_path, text):
    """A name that looks like a formula is never one."""
    sheet = cells(tmp_path, pd.DataFrame({"agent_id": [text], text: ["x"]}))["one"]
    for cell in (sheet["A2"], sheet["B1"]):
        assert (cell.value, cell.data_type, cell.hyperlink) == (text, "s", None)


def test_summary_text_stays_text(tmp_path):
    sheet = cells(tmp_path, small_plan().tables["cost"])["summary"]
    found = {row[0].value: row[1] for row in sheet.iter_rows()}
    assert (found["centre"].value, found["centre"].data_type) == ("=1+1", "s")
    assert found["cost of a call"].value == 12.5
    assert found["holds"].value == "True"
    assert [found[f"band {number}"].value for number in (1, 2)] == [0.7, 0.9]
    assert found["clock"].value == "Europe/Moscow"


def test_times_are_those_of_the_centres_clock(book):
    """Excel knows no zones: midnight in South is written as midnight."""
    column = list(small_plan().tables["demand"].columns).index("interval_start") + 1
    first = book["demand"].cell(2, column)
    assert first.value == MONDAY.tz_localize(None).to_pydatetime()
    assert first.number_format == "yyyy-mm-dd hh:mm"


def test_times_of_another_zone_are_put_on_the_centres_clock(tmp_path):
    table = pd.DataFrame({"start": pd.DatetimeIndex(["2026-11-22 21:00"], tz="UTC")})
    sheet = cells(tmp_path, table)["one"]
    assert sheet["A2"].value == MONDAY.tz_localize(None).to_pydatetime()


def test_missing_values_are_empty_cells(tmp_path):
    table = pd.DataFrame({"service_level": [0.8, None], "paid_h": [float("nan"), 1.0], "heads": [1, 2]})
    sheet = cells(tmp_path, table)["one"]
    assert [[cell.value for cell in row] for row in sheet["A2:C3"]] == [[0.8, None, 1], [None, 1, 2]]


def test_numbers_have_the_format_of_their_unit(book):
    sheet, columns = book["requirement"], list(small_plan().tables["requirement"].columns)
    formats = {name: sheet.cell(2, number).number_format for number, name in enumerate(columns, start=1)}
    assert (formats["service_level"], formats["agents"], formats["load_erlangs"]) == ("0.0%", "0", "0.00")
    cost = book["cost"]
    names = [cell.value for cell in cost[1]]
    assert cost.cell(2, names.index("total_cost") + 1).number_format == ROUBLES


def test_columns_are_as_wide_as_their_longest_text(tmp_path):
    """A name that runs under the next column cannot be read; seen in the first workbook."""
    table = pd.DataFrame({"team": ["second_line_north_by_night"], "site": ["north"], "total_cost": [1.0]})
    write_workbook(tmp_path / "wide.xlsx", {"cost": 1}, {"cost": table}, one_site())
    sheet = openpyxl.load_workbook(tmp_path / "wide.xlsx")["cost"]
    assert sheet.column_dimensions["A"].width > len("second_line_north_by_night")


@pytest.mark.parametrize(
    ("currency", "format_"),
    [({"country": "DE", "currency": "EUR"}, '#,##0 "€"'), ({"country": "US", "currency": "USD"}, '"$"#,##0')],
)
def test_money_has_the_sign_of_the_centres_currency(tmp_path, currency, format_):
    """Every centre's money was written in one currency."""
    table = pd.DataFrame({"team": ["a"], "site": ["b"], "total_cost": [11_640_727.0]})
    write_workbook(tmp_path / "money.xlsx", {"cost": 1}, {"cost": table}, one_site(currency))
    book = openpyxl.load_workbook(tmp_path / "money.xlsx")
    assert book["cost"]["C2"].number_format == book["summary"]["B2"].number_format == format_
