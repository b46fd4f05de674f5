"""The tables: a faulty row is set aside with its column, value, bound and remedy; good rows stay."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from factories import demand_of, people_of, two_sites

from planning import PlanningError
from planning.tables import (
    BREAKS,
    CALLS,
    COST,
    DEMAND,
    PEOPLE,
    REQUIREMENT,
    ROSTER,
    SHIFTS,
    Column,
    Table,
    read_csv,
)

NOON = "2026-11-23T12:00:00+03:00"
LATER = "2026-11-23T12:15:00+03:00"


def rows(*values, columns=("queue", "interval_start", "calls", "aht_s")):
    return pd.DataFrame(list(values), columns=list(columns), dtype="object")


def reason(column, value):
    """Why a row of DEMAND with one strange value is refused; a good row stands beside it."""
    row = {"queue": "calls", "interval_start": NOON, "calls": 4.0, "aht_s": 240.0, column: value}
    good, rejected = DEMAND.split(rows(tuple(row.values()), ("calls", LATER, 4.0, 240.0)))
    assert good["interval_start"].tolist() == [pd.Timestamp(LATER)]
    assert rejected.index.tolist() == [0]
    assert rejected[column].tolist() == [value] or pd.isna(value)  # as it came
    return rejected["reason"].iloc[0]


@pytest.mark.parametrize("value", [math.nan, None, math.inf, -math.inf, True, np.True_, "many", "", [4]])
def test_number_that_is_none(value):
    assert reason("calls", value) == f"calls is {value!r}, must be a finite number: correct it"


@pytest.mark.parametrize("value", [-1.0, "-1", -0.5])
def test_number_out_of_bounds(value):
    text = reason("calls", value)
    assert text == f"calls is {float(value)}, must lie in [0, inf]: correct it"


def test_upper_bound():
    row = ("q", "s", NOON, 1.0, 1.0, 1.0, 1, 1, 80.0)
    _, rejected = REQUIREMENT.split(rows(row, columns=REQUIREMENT.columns))
    assert rejected["reason"].tolist() == ["service_level is 80.0, must lie in [0, 1]: correct it"]


@pytest.mark.parametrize(
    "value", ["2026-11-23T12:00:00", "2026-11-23", "noon", "", None, pd.Timestamp("2026-11-23 12:00"), 5]
)
def test_time_without_its_offset(value):
    """Nobody knows when a time without an offset was."""
    text = reason("interval_start", value)
    assert text.startswith("interval_start is ")
    assert text.endswith("must be a time with its offset: write it as 2026-11-23T09:15:00+03:00")


@pytest.mark.parametrize(
    "value", [NOON, "2026-11-23 12:00+03:00", "2026-11-23T09:00:00Z", "2026-11-23T15:00+0600"]
)
def test_offsets_of_every_kind_are_the_same_instant(value):
    good = DEMAND.check(rows(("calls", value, 4, 240)))
    assert good["interval_start"].tolist() == [pd.Timestamp(NOON)]


def test_times_of_a_frame_keep_their_zone():
    assert str(DEMAND.check(demand_of())["interval_start"].dt.tz) == "Europe/Moscow"


@pytest.mark.parametrize("value", ["", None, math.nan])
def test_text_that_is_empty(value):
    assert reason("queue", value) == f"queue is {value!r}, must be a text: fill it in"


@pytest.mark.parametrize(
    ("value", "good"), [(2.0, True), ("2", True), (2.5, False), (True, False), ("2.5", False)]
)
def test_whole_numbers(value, good):
    table = Table("t", {"heads": Column("whole", "heads", low=0)})
    kept, _ = table.split(pd.DataFrame({"heads": [value, 1]}, dtype="object"))
    assert len(kept) == 1 + good
    assert kept["heads"].dtype == "int64"


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        (True, True),
        ("False", False),
        ("yes", True),
        ("no", False),
        (np.True_, True),
        ("TRUE", True),
        (" false", False),
        ("Yes", True),
        ("NO ", False),
        ("1", True),
        ("0", False),
        (1, True),
        (0.0, False),
        ("ИСТИНА", True),
        ("ЛОЖЬ", False),
    ],
)
def test_yes_and_no(value, flag):
    table = Table("t", {"ok": Column("yes/no", "ok")})
    assert table.check(pd.DataFrame({"ok": [value]}, dtype="object"))["ok"].tolist() == [flag]


@pytest.mark.parametrize(
    ("value", "dates"),
    [
        ("2026-11-24", "2026-11-24"),
        ("2026-11-24  24.12.2026", "2026-11-24 2026-12-24"),
        ("", ""),
        *(
            (bad, None)
            for bad in ("2026-11-24,2026-11-25", "2026-11-24;", "2026-11-31", "11/24/2026", "Monday")
        ),
    ],
)
def test_dates_between_blanks(value, dates):
    """ISO 8601 or day first, written as ISO 8601; a word that is not a date would never match a day."""
    table = Table("t", {"off": Column("dates", "off", optional=True)})
    good, rejected = table.split(pd.DataFrame({"off": [None, value]}, dtype="object"))
    assert good["off"].fillna("-").tolist() == ["-", dates][: 1 if dates is None else 2]
    needed = "must be dates separated by blanks: write them as 2026-11-23 2026-11-24"
    assert rejected["reason"].tolist() == [f"off is {value!r}, {needed}"] * (dates is None)


@pytest.mark.parametrize("value", ["maybe", None, math.nan, 2, "", "10"])
def test_neither_yes_nor_no(value):
    table = Table("t", {"ok": Column("yes/no", "ok")})
    with pytest.raises(PlanningError, match=r"^t: row 0: ok is .*, must be yes or no$"):
        table.check(pd.DataFrame({"ok": [value]}, dtype="object"))


@pytest.mark.parametrize(
    "text",
    [
        "name;share;note\n007;0,5;one, two\n008;-1,25;\n",
        '\ufeffname;share;note\n007;0,5;"one, two"\n008;-1,25;\n',
        'name,share,note\n007,0.5,"one, two"\n008,-1.25,\n',
        '"name","share","note"\n"007","0.5","one, two"\n"008","-1.25",\n',
    ],
)
def test_a_csv_file_is_read_whatever_excel_separates_by(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    made = read_csv(path, keep_default_na=False)
    assert made.to_dict("list") == {
        "name": ["007", "008"],
        "share": ["0.5", "-1.25"],
        "note": ["one, two", ""],
    }


@pytest.mark.parametrize("encoding", ["cp1251", "utf-16", "utf-8-sig"])
def test_a_csv_file_of_another_encoding_is_read(tmp_path, encoding):
    """Excel's plain CSV is not in UTF-8; a guess is told."""
    rows = "имя;доля\nМарина из Москвы;0,5\nОльга из Калуги;1\n"
    (tmp_path / "table.csv").write_bytes(rows.encode(encoding))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        made = read_csv(tmp_path / "table.csv")
    assert made.to_dict("list") == {"имя": ["Марина из Москвы", "Ольга из Калуги"], "доля": ["0.5", "1"]}
    assert [str(each.message).partition("table.csv ")[2] for each in told] == (
        ["is read as cp1251: if its letters are wrong, save it as CSV UTF-8"] if encoding == "cp1251" else []
    )


@pytest.mark.parametrize("rows", ["a;b,1\n", "1,2\n"])
def test_semicolons_and_commas_in_the_values_of_a_comma_file_stay(tmp_path, rows):
    (tmp_path / "table.csv").write_text("name,share\n" + rows, encoding="utf-8")
    assert read_csv(tmp_path / "table.csv").iloc[0].tolist() == rows.strip().split(",")


def test_columns_of_flags_are_no_numbers():
    """A whole column of booleans is refused, row by row."""
    with pytest.raises(PlanningError, match=r"calls is True, must be a finite number.*and 95 more rows"):
        DEMAND.check(demand_of().assign(calls=True))


def test_missing_column_names_its_meaning_and_what_there_is():
    with pytest.raises(PlanningError) as caught:
        DEMAND.split(demand_of().rename(columns={"calls": "offered"}), "week.csv")
    assert str(caught.value) == (
        "week.csv: column 'calls' is missing (contacts offered in the interval); "
        "the columns are queue, interval_start, offered, aht_s: rename or add it"
    )


def test_no_rows():
    with pytest.raises(PlanningError, match=r"^week.csv has no rows: give at least one demand row$"):
        DEMAND.check(demand_of()[:0], "week.csv")


def test_doubles_by_key_are_refused_and_the_first_is_kept():
    good, rejected = DEMAND.split(
        rows(("a", NOON, 1, 1), ("a", NOON, 2, 2), ("b", NOON, 3, 3), ("a", NOON, 4, 4))
    )
    assert good["calls"].tolist() == [1, 3]
    assert rejected.index.tolist() == [1, 3]
    assert set(rejected["reason"]) == {"queue and interval_start occur twice: keep one row"}


def test_a_double_of_a_row_that_is_refused_is_kept():
    """Otherwise the faulty row would take its good duplicate with it."""
    given = rows(
        ("a", NOON, "x", 1), ("a", NOON, -1, 1), ("b", NOON, 9, 1), ("a", NOON, 2, 2), ("b", NOON, 3, 3)
    )
    good, rejected = DEMAND.split(given, reason=lambda row: "too many" if row.calls > 8 else "")
    assert good[["queue", "calls"]].values.tolist() == [["a", 2], ["b", 3]]
    assert rejected.index.tolist() == [0, 1, 2]


def test_doubles_at_two_offsets_are_doubles():
    """12:00+03:00 and 09:00Z are one instant."""
    _, rejected = DEMAND.split(rows(("a", NOON, 1, 1), ("a", "2026-11-23T09:00:00Z", 2, 2)))
    assert rejected.index.tolist() == [1]


def test_good_rows_are_kept_beside_bad_ones_in_their_order():
    good, rejected = DEMAND.split(
        rows(
            ("a", NOON, 1, 1),
            ("a", LATER, "x", 1),
            ("b", NOON, 2, -1),
            ("b", LATER, 2, 2),
            ("c", "12:00", 1, 1),
        )
    )
    assert good[["queue", "calls"]].values.tolist() == [["a", 1], ["b", 2]]
    assert good["calls"].dtype == "float64"
    assert rejected.index.tolist() == [1, 2, 4]
    assert [text.split(" is ")[0] for text in rejected["reason"]] == ["calls", "aht_s", "interval_start"]


def test_check_names_the_source_the_row_and_how_many_more():
    with pytest.raises(PlanningError) as caught:
        DEMAND.check(rows(("a", NOON, 1, 1), ("a", LATER, -1, 1), ("b", NOON, -2, 1)), "week.csv")
    assert (
        str(caught.value)
        == "week.csv: row 1: calls is -1.0, must lie in [0, inf]: correct it (and 1 more rows)"
    )


def test_columns_that_the_table_does_not_know_are_left_out():
    assert list(DEMAND.check(demand_of().assign(note="x")).columns) == list(DEMAND.columns)


def test_the_index_of_the_frame_does_not_matter():
    frame = demand_of()
    frame.index = frame.index[::-1] + 1000
    pd.testing.assert_frame_equal(DEMAND.check(frame), DEMAND.check(demand_of()))


def test_frame_is_not_changed():
    frame = demand_of().astype({"calls": "object"})
    before = frame.copy()
    DEMAND.check(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_values_that_may_be_missing():
    """A call that hung up has no handle time and no agent."""
    call = (1, "calls", 0, NOON, 30.0, None, "abandoned", None)
    good = CALLS.check(rows(call, columns=CALLS.columns))
    assert good[["handle_s", "agent_id"]].isna().all(axis=None)
    people = PEOPLE.check(people_of(two_sites(), 1))
    assert people["leave_from"].isna().all()


@pytest.mark.parametrize("table", [DEMAND, CALLS, REQUIREMENT, SHIFTS, ROSTER, BREAKS, PEOPLE, COST])
def test_every_table_is_described(table):
    """Each column has a type and a meaning, each number a unit in its name or beside it; the key exists."""
    found = table.dictionary()
    assert found["column"].tolist() == list(table.columns)
    assert (found["meaning"].str.len() > 2).all()
    assert set(table.key) <= set(table.columns)
    assert not found["meaning"].duplicated().any()


def test_a_point_that_parts_thousands_is_no_decimal(tmp_path):
    """Where another number of the file has a decimal comma."""
    (tmp_path / "table.csv").write_text("calls;aht_s\n1.355;210,5\n987;198,2\n2.001.355,5;1\n")
    made = read_csv(tmp_path / "table.csv")
    assert made["calls"].tolist() == ["1355", "987", "2001355.5"]
    assert made["aht_s"].tolist() == ["210.5", "198.2", "1"]
