"""Exports of phone systems: each form that was met in the wild, with its right value."""

import gzip
import sqlite3
from contextlib import closing
from datetime import timedelta

import duckdb
import openpyxl
import pandas as pd
import pytest
from factories import raw_centre

from planning import Centre, PlanningError, read_calls
from planning.demand.fields import decimal_of

MOSCOW = "Europe/Moscow"


def centre_for(zone=MOSCOW, **records):
    """A centre that knows the records' queues by any of the names that the files below use."""
    raw = raw_centre()
    raw["time_zone"] = zone
    names = ["desk", "1501", "1509", "first_line", "Горячая линия", "Техподдержка"]
    raw["records"] = {"queues": dict.fromkeys(names, "calls")} | records
    return Centre.of(raw)


def written(folder, text, name="calls.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def clock(log):
    return log.calls()["arrival"].dt.strftime("%Y-%m-%d %H:%M:%S").tolist()


HEADER = ["queue", "arrival", "handle_s", "outcome"]


def total(log):
    return log.kept + int(log.reasons.sum())


# ---------------------------------------- the file
REPORT = """Отчёт: Детализация вызовов
Период: 02.11.2026 - 29.11.2026

Дата;Время;Проект;Ожидание;Разговор;Поствызов;Оператор;Результат
02.11.2026;09:00:14;Горячая линия;0:00:12;0:03:21;0:00:15;Оператор 7;Принят
02.11.2026;09:01:40;Горячая линия;0:01:05;;;;Потерян
02.11.2026;09:02:03;Техподдержка;0:00:04;0:12:30,5;0:00:20;Оператор 9;Принят
Итого;;;;0:15:51;0:00:35;;3
"""
RUSSIAN = {
    "queue": "Проект",
    "arrival": ["Дата", "Время"],
    "wait_s": "Ожидание",
    "handle_s": ["Разговор", "Поствызов"],
    "outcome": "Результат",
    "answered": ["Принят"],
    "abandoned": ["Потерян"],
}


@pytest.mark.parametrize("encoding", ["cp1251", "utf-8", "utf-8-sig", "utf-16"])
def test_a_report_with_title_lines_and_a_total_row(tmp_path, encoding):
    """Title, encoding and separator are found; the total row is refused by its line."""
    log = read_calls(written(tmp_path, REPORT, encoding=encoding), centre=centre_for(**RUSSIAN))
    calls = log.calls()
    assert calls["handle_s"].tolist()[::2] == [216.0, 770.5]
    assert calls["wait_s"].tolist() == [12.0, 65.0, 4.0]
    assert calls["outcome"].tolist() == ["answered", "abandoned", "answered"]
    assert log.rejected[["line", "written"]].to_numpy().tolist() == [[8, "Итого"]]
    assert total(log) == 4


def test_rows_with_cells_too_many_or_too_few_are_refused_alone(tmp_path):
    text = """queue,arrival,talk_s,result
desk,2026-11-23T09:00:05+03:00,120,answered
desk,2026-11-23T09:02:10+03:00,95,answered,extra
desk,2026-11-23T09:03
desk,2026-11-23T09:05:41+03:00,240,answered
Report generated 2026-11-30
"""
    log = read_calls(written(tmp_path, text), centre=centre_for(handle_s=["talk_s"], outcome="result"))
    assert log.calls()["handle_s"].tolist() == [120.0, 240.0]
    assert log.rejected["line"].tolist() == [3, 4, 6]
    assert total(log) == 5


def test_lines_are_counted_as_the_file_counts_them(tmp_path):
    """Blank lines, rows of separators only and lines within a cell count; what is blank is no record."""
    text = """queue;arrival;handle_s;outcome;note

desk;2026-11-23 09:00:05;120;answered;"two
lines"
;;;;
desk;2026-11-23 09:01:00;120
desk;xx;120;answered;
Total;;;;
"""
    for ends in ("\n", "\r\n"):
        log = read_calls(written(tmp_path, text.replace("\n", ends)), centre=centre_for())
        assert log.rejected["line"].tolist() == [6, 7, 8]
        assert total(log) == 4


def test_a_quote_that_is_never_closed_costs_no_other_row(tmp_path):
    row = "desk,2026-11-23 09:00:05,120,answered,{}\n".format
    open_quote = row('"open')
    text = (
        row("note") + row("x") * 2000 + open_quote + row("x") * 2000 + row('"a\nb"') + row('5" x') + "Total\n"
    )
    log = read_calls(written(tmp_path, text), centre=centre_for(columns=[*HEADER, "note"]))
    assert (log.kept, log.rejected["line"].tolist()) == (4004, [4006])


def test_a_title_as_wide_as_the_table_is_no_header(tmp_path):
    text = "From;01.11.2026;To;30.11.2026\nqueue;arrival;handle_s;outcome\ndesk;2026-11-23 09:00;1;answered\n"
    assert read_calls(written(tmp_path, text), centre=centre_for()).kept == 1


def test_letters_of_two_bytes_without_a_mark(tmp_path):
    for encoding in ("utf-16-le", "utf-16-be"):
        log = read_calls(written(tmp_path, REPORT, encoding=encoding), centre=centre_for(**RUSSIAN))
        assert log.kept == 3


@pytest.mark.parametrize("rows", [1, 300])
@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp1252", "Crédit à la consommation, prêts"),
        ("cp1252", "L’accueil – à côté «été»"),
        ("cp1252", "Reclamações e informações"),
        ("cp1252", "Atención al cliente, daños"),
        ("cp1252", "Kündigung und Störung"),
        ("cp1252", "Kundestøtte på nett, Kö"),
        ("cp1252", "Attività e novità"),
        ("cp1250", "Sprzedaż, obsługa należności"),
        ("cp1250", "Péče o zákazníky, stížnosti"),
        ("cp1250", "Műszaki hibabejelentő, Ügyfélszolgálat"),
        ("cp1250", "Vânzări şi reclamaţii"),
        ("cp1251", "ООО «Ромашка» – продажи №1"),
        ("cp1251", "Підтримка клієнтів"),
        ("cp1254", "Satış, müşteri görüşme"),
        ("cp866", "Отдел продаж, поддержка"),
    ],
)
def test_a_queue_is_named_in_its_language(tmp_path, encoding, name, rows):
    """Each byte is a letter in each encoding: Western names had Polish letters in them ("Crédit ŕ")."""
    lines = [f'"{name}",2026-11-23 09:{at % 60:02}:{at // 60:02},1,answered' for at in range(rows)]
    path = written(tmp_path, "\n".join([",".join(HEADER), *lines]) + "\n", encoding=encoding)
    with read_calls(path, time_zone=MOSCOW) as log:
        assert log.calls()["queue"].unique().tolist() == [name]


def test_a_workbook_with_a_title_block(tmp_path):
    book = openpyxl.Workbook()
    rows = [line.split(";") for line in REPORT.splitlines()]
    for row in rows:
        book.active.append(row)
    book.active["A5"] = pd.Timestamp("2026-11-02").to_pydatetime().date()
    book.save(tmp_path / "report.xlsx")
    log = read_calls(tmp_path / "report.xlsx", centre=centre_for(**RUSSIAN))
    assert log.calls()["handle_s"].tolist()[::2] == [216.0, 770.5]
    assert log.rejected[["line", "written"]].to_numpy().tolist() == [[8, "Итого"]]
    with pytest.raises(PlanningError, match="no sheet 'Other'"):
        read_calls(tmp_path / "report.xlsx", centre=centre_for(**RUSSIAN, sheet="Other"))


def test_the_sheet_with_the_columns_is_read(tmp_path):
    """Of two sheets with the columns the second is named, and read if asked for."""
    book = openpyxl.Workbook()
    book.create_sheet("Cover").append(["Calls of November", None, "by", "hour"])
    for day in (23, 24):
        page = book.create_sheet(f"Day {day}")
        page.append(["queue", "start", "talk", "outcome"])
        page.append(
            ["desk", pd.Timestamp(2026, 11, day, 9).to_pydatetime(), timedelta(minutes=3), "answered"]
        )
    book.save(tmp_path / "calls.xlsx")
    settings = {"arrival": "start", "handle_s": ["talk"], "unit": "min"}
    log = read_calls(tmp_path / "calls.xlsx", centre=centre_for(**settings))
    assert (log.told, log.kept) == ({"sheet": "Day 23"}, 1)
    assert log.doubts[0].endswith('sheets Day 24 are left out: name one in records.sheet, or "*" for all')
    log = read_calls(tmp_path / "calls.xlsx", centre=centre_for(**settings, sheet="*"))
    assert log.calls()["handle_s"].tolist() == [180.0, 180.0]  # minutes were minutes of seconds
    openpyxl.Workbook().save(tmp_path / "empty.xlsx")
    with pytest.raises(PlanningError, match=r"empty\.xlsx has no rows"):
        read_calls(tmp_path / "empty.xlsx")


def test_a_header_of_two_lines(tmp_path):
    """The lower line names parts of the upper, as where cells of a workbook were merged."""
    text = "Queue;Time;;Calls;;AHT\n;Date;Clock;Offered;Answered;\ndesk;23.11.2026;09:00 - 09:30;10;8;200\n"
    columns = {
        "arrival": ["Date", "Clock"],
        "calls": ["Offered"],
        "answered_calls": "Answered",
        "aht_s": "AHT",
    }
    log = read_calls(written(tmp_path, text), centre=centre_for(row="interval", queue="Queue", **columns))
    assert log.demand(3600)[["calls", "aht_s"]].to_numpy().tolist() == [[10.0, 200.0]]


def test_totals_are_left_out_by_their_word(tmp_path):
    text = "queue;Date;Time;calls;aht_s\ndesk;23.11.2026;09:00;10;200\ndesk;23.11.2026;Total;10;200\n"
    columns = {"arrival": ["Date", "Time"], "aht_s": "aht_s"}
    plain = read_calls(written(tmp_path, text), centre=centre_for(row="interval", **columns))
    (told,) = plain.refusals()
    assert "line 3: '23.11.2026 Total'; set date_order" in told
    assert told.endswith("or leave such rows out with where")
    centre = centre_for(row="interval", where={"Time": ["!Total"]}, **columns)
    assert read_calls(written(tmp_path, text), centre=centre).reasons.empty


# ---------------------------------------- times
WITH_OFFSET = [
    ("2026-11-23T09:15:00+03:00", "2026-11-23 09:15:00"),
    ("20241103T053000Z", "2024-11-03 08:30:00"),
    ("Sun Nov 03 2024 01:30:00 GMT-0400 (Eastern Daylight Time)", "2024-11-03 08:30:00"),
    ("2024-11-03T01:30:00-04:00[America/New_York]", "2024-11-03 08:30:00"),
    ("1717397259", "2024-06-03 09:47:39"),
    ("1717397259000", "2024-06-03 09:47:39"),
    ("1717397259123456", "2024-06-03 09:47:39"),
    ("2024-11-03T05:30:00Z/2024-11-03T06:00:00Z", "2024-11-03 08:30:00"),
    ("2026-11-23 09:15:00 GMT+3", "2026-11-23 09:15:00"),
    ("2026-11-23T09:15:00,123+0300", "2026-11-23 09:15:00"),
]
ON_THE_CLOCK = [
    ("2026-11-23 09:15", "2026-11-23 09:15:00"),
    ("Mon, 05 Oct 2026 00:03:48", "2026-10-05 00:03:48"),
    ("Nov 3, 2024 1:30:00 AM", "2024-11-03 01:30:00"),
    ("45600.5", "2024-11-04 12:00:00"),
    ("2026-11-23 09:15 - 09:30", "2026-11-23 09:15:00"),
    ("23.11.2026 09:15-09:30", "2026-11-23 09:15:00"),  # was read as an offset of nine and a half hours
    ("2026-11-23 09:15:00 - 2026-11-23 09:30:00", "2026-11-23 09:15:00"),
    ("20261123091500", "2026-11-23 09:15:00"),
    ("20261123 091500", "2026-11-23 09:15:00"),
    ("Mon Nov 23 09:15:00 2026", "2026-11-23 09:15:00"),
    ("Monday, November 23, 2026 9:15 PM", "2026-11-23 21:15:00"),
    ("23-Nov-26 09.15.00 AM", "2026-11-23 09:15:00"),
    ("23.11.2026 09.15.00", "2026-11-23 09:15:00"),
    ("23/11/2026 - 09:15", "2026-11-23 09:15:00"),
    ("23.11.2026 08:00:14", "2026-11-23 08:00:14"),
    ("23.11.26 08:00", "2026-11-23 08:00:00"),
    ("1999-03-01 08:00:00", "1999-03-01 08:00:00"),
    ("2026-11-23 24:00:00", "2026-11-24 00:00:00"),
    ("23.11.2026 9:30AM-10:00AM", "2026-11-23 09:30:00"),
    ("11:30 PM".join(["23.11.2026 ", " - 12:00 AM"]), "2026-11-23 23:30:00"),
    ("23.11.2026 09.15 - 09.30", "2026-11-23 09:15:00"),
    ("2026-11-23 09:15 to 09:30", "2026-11-23 09:15:00"),
    ("2026-11-23 9", "2026-11-23 09:00:00"),
    ("2026-11-23 09h", "2026-11-23 09:00:00"),
    ("23.11.2026 9-10", "2026-11-23 09:00:00"),
    ("23 ноября 2026 г. 9:05:07", "2026-11-23 09:05:07"),
    ("23 нояб. 2026 9:05", "2026-11-23 09:05:00"),
    ("Mo, 23.11.2026 09:06 Uhr", "2026-11-23 09:06:00"),
    ("23. November 2026 9.07 Uhr", "2026-11-23 09:07:00"),
    ("5. März 2026 09:07", "2026-03-05 09:07:00"),
    ("23/11/2026 à 09h06", "2026-11-23 09:06:00"),
    ("lundi 23 novembre 2026 09:07:00", "2026-11-23 09:07:00"),
    ("2026-11-23 09:15:00 MSK", "2026-11-23 09:15:00"),
    ("Mon Nov 23 09:15:00 MSK 2026", "2026-11-23 09:15:00"),
    ("23.11.2026\u00a009:15", "2026-11-23 09:15:00"),
    ("11-23-2026 9:15\u202fAM".replace("11-23", "23-11"), "2026-11-23 09:15:00"),
    ("\u200e23.11.2026  09:15", "2026-11-23 09:15:00"),
    ("46114.385416667", "2026-04-02 09:15:00"),
    ("23 Nov, 2026 09:15 AM", "2026-11-23 09:15:00"),
    ("2026-11-23 09:15/2026-11-23 09:30", "2026-11-23 09:15:00"),
    ("23.11.2026 09:15/09:30", "2026-11-23 09:15:00"),
]


@pytest.mark.parametrize("forms", [WITH_OFFSET, ON_THE_CLOCK])
def test_each_form_of_a_time(tmp_path, forms):
    rows = [f'{place};desk;"{text}";120;answered' for place, (text, _) in enumerate(forms)]
    path = written(tmp_path, "id;queue;arrival;handle_s;outcome\n" + "\n".join(rows))
    calls = read_calls(path, centre=centre_for(date_order="day", call_id="id")).calls()
    found = calls.set_index("call_id")["arrival"].dt.strftime("%Y-%m-%d %H:%M:%S")
    assert {text: found.get(str(place)) for place, (text, _) in enumerate(forms)} == dict(forms)


def test_what_is_no_instant_is_refused_with_its_text_and_the_remedy(tmp_path):
    texts = ["2026-02-30 09:00", "23.11.2026", "09:15", "1.764E+12", "2026-11-23 09:75", "1989-12-31 08:00"]
    texts += ["2026-11-23 下午09:15", "2026-11-23 25", "2026-11-23 09:15 XYZ", "Total", "2026-11-23 Total"]
    rows = [f"desk,{text},120,answered" for text in [*texts, "2026-11-23 09:00:00"]]
    log = read_calls(written(tmp_path, "\n".join([",".join(HEADER), *rows])), centre=centre_for())
    assert log.rejected["written"].tolist() == texts
    (told,) = log.refusals()
    assert told.startswith(
        "11 rows refused: no time of arrival, first in line 2: '2026-02-30 09:00'; set date_"
    )


def test_the_order_of_dates_is_told_by_those_that_can_only_be_one(tmp_path):
    text = """case,date,time,queue,result,talk_s
1,06/25/2026,15:30,desk,answered,180
2,06/05/2026,08:05,desk,abandoned,
3,06/26/2026,23:55,desk,answered,95
"""
    centre = centre_for(arrival=["date", "time"], handle_s=["talk_s"], outcome="result")
    log = read_calls(written(tmp_path, text), centre=centre)
    assert clock(log) == ["2026-06-05 08:05:00", "2026-06-25 15:30:00", "2026-06-26 23:55:00"]
    assert log.told["date_order"] == "month"


def test_a_call_over_the_autumn_change_is_no_slip(tmp_path):
    """02:50 and 02:10 on a clock that shows the hour twice: twenty minutes, or a wait that nobody knows."""
    text = """queue,arrival,finished,handle_s,outcome
desk,2026-10-25 02:50:00,2026-10-25 02:10:00,300,answered
desk,2026-10-25 01:50:00,2026-10-25 03:05:00,300,answered
"""
    log = read_calls(written(tmp_path, text), centre=centre_for("Europe/Berlin", end="finished"))
    assert log.reasons.empty
    assert log.calls()["wait_s"].isna().tolist() == [False, True]


# ---------------------------------------- durations
def test_a_wait_that_nobody_wrote_may_be_an_hour(tmp_path):
    text = """id,queue,arrival,finished,talk,result
1,first_line,2026-11-23 10:00:00,2026-11-23 11:05:10,300,OK
2,first_line,2026-11-23 10:01:00,2026-11-23 10:58:00,,HUNG_UP
3,first_line,2026-11-23 10:02:00,2026-11-23 11:01:30,,HUNG_UP
4,first_line,2026-11-23 10:05:00,2026-11-23 10:40:00,240,OK
5,first_line,2026-11-23 10:06:00,2026-11-23 12:06:20,,HUNG_UP
"""
    settings = {"handle_s": ["talk"], "end": "finished", "outcome": "result"}
    codes = {"answered": ["OK"], "abandoned": ["HUNG_UP"]}
    log = read_calls(written(tmp_path, text), centre=centre_for(**settings, **codes))
    assert log.calls()["wait_s"].tolist() == [3610, 3420, 3570, 1860, 7220]


def test_a_point_that_parts_thousands_is_no_decimal(tmp_path):
    text = """queue;interval_start;calls;aht_s
first_line;2026-11-23T09:00:00+03:00;1.355;210,5
first_line;2026-11-23T10:00:00+03:00;987;198,2
"""
    centre = centre_for(row="interval", arrival="interval_start", aht_s="aht_s")
    demand = read_calls(written(tmp_path, text), centre=centre).demand(3600)
    assert demand["calls"].tolist() == [1355, 987]
    assert demand["aht_s"].tolist() == [210.5, 198.2]


def test_a_number_that_may_be_thousands_is_calls_or_a_handle_time_that_nobody_knows(tmp_path):
    """1.355 alone tells nothing: calls are whole, and a handle time of 1.355 s is not invented."""
    text = "queue;interval_start;calls;aht_s\ndesk;2026-11-23T09:00:00+03:00;1.355;1.355\n"
    centre = centre_for(row="interval", arrival="interval_start", aht_s="aht_s")
    log = read_calls(written(tmp_path, text), centre=centre)
    assert (log.demand(3600)["calls"].tolist(), log.unread) == ([1355], 1)


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (["1.355", "987"], ","),
        (["1,355", "987"], "."),
        (["210.125", "0.250"], "."),
        (["1234,567"], ","),
        (["210.125"] * 20, "."),
        (["210.125", "0"], None),
        (["1.355", "2.120"], None),
    ],
)
def test_the_decimal_mark_of_a_file(texts, mark):
    assert decimal_of(texts) == mark


def test_each_form_of_a_duration(tmp_path):
    forms = {"0:03:21": 201, "03:21": 201, "03:21,5": 201.5, "1 day 00:03:21": 86_601, "1 200": 1200}
    forms |= {"1\u00a0200,5": 1200.5, "1.200,5": 1200.5, "1,200.5": 1200.5, "1’200": 1200, "2e2": 200}
    forms |= {
        "1m 23s": 83,
        "PT1M23S": 83,
        "P0DT0H1M23.5S": 83.5,
        "83 sec": 83,
        "1 мин 23 с": 83,
        "1.5 min": 90,
    }
    forms |= {"1h 2m 3s": 3723, "00h 01m 23s": 83, "2 minutes 3 seconds": 123, "'00:01:23": 83}
    forms |= {"100:00:00": 360_000, "75:30": 4530, "0:75:80": 4580, "3:5": 185, "23:59:59.25": 86_399.25}
    forms |= {"03:21.": 201, " 00:03:21 ": 201, "-00:01:23": -83} | {"24:00:00": 86_400, "1:2:3": 3723}
    forms |= {"1.00:00:01": 86_401, "1d 00:00:01": 86_401, "0 days 00:01:23": 83}  # a day was an hour
    rows = [f'{text};desk;2026-11-23 09:00:00;"{text}";answered' for text in forms]
    path = written(tmp_path, "id;queue;arrival;handle_s;outcome\n" + "\n".join(rows))
    log = read_calls(path, centre=centre_for(call_id="id"))
    found = log.calls().set_index("call_id")["handle_s"].to_dict()
    assert (found, log.reasons["negative handle time"]) == (
        {text: seconds for text, seconds in forms.items() if seconds >= 0},
        1,
    )


def test_blanks_around_a_cell_are_no_part_of_it(tmp_path):
    """Codes, queues and times; one such row is as good as the plain one beside it."""
    rows = ["1,desk,2026-11-23 09:00:00,60,answered", "2, desk\t, 2026-11-23 09:01:00\t, 60 ,\tanswered "]
    path = written(tmp_path, "id,queue,arrival,handle_s,outcome\n" + "\n".join(rows))
    calls = read_calls(path, centre=centre_for(call_id="id", queue="queue")).calls()
    same = calls.assign(minute=calls["arrival"].dt.minute)[["queue", "minute", "handle_s", "outcome"]]
    assert same.to_numpy().tolist() == [["calls", 0, 60.0, "answered"], ["calls", 1, 60.0, "answered"]]


def test_intervals_of_any_length_are_spread_evenly(tmp_path):
    """Twenty minutes do not divide by a quarter: each quarter has three quarters of a row's calls."""
    starts = pd.date_range("2026-11-23 09:00", periods=6, freq="20min")
    frame = pd.DataFrame({"queue": "desk", "interval_start": starts, "calls": 20, "aht_s": 200})
    frame.to_csv(tmp_path / "calls.csv", index=False)
    centre = centre_for(row="interval", arrival="interval_start", aht_s="aht_s")
    log = read_calls(tmp_path / "calls.csv", centre=centre)
    assert log.demand(900, gaps="unknown")["calls"].round(9).tolist() == [15.0] * 8
    assert log.demand(3600, gaps="unknown")["calls"].round(9).tolist() == [60.0] * 2


def test_a_handle_time_is_the_mean_over_the_answered(tmp_path):
    text = """queue,interval_start,offered,answered,aht
desk,2026-11-23T09:00:00,10,2,100
desk,2026-11-23T09:30:00,10,10,400
"""
    settings = {"calls": ["offered"], "answered_calls": "answered", "aht_s": "aht"}
    centre = centre_for(row="interval", arrival="interval_start", **settings)
    assert read_calls(written(tmp_path, text), centre=centre).demand(3600)["aht_s"].tolist() == [350.0]


def test_a_table_of_days_is_refused(tmp_path):
    days = pd.date_range("2026-11-02", periods=10).strftime("%Y-%m-%dT%H:%M:%S")
    pd.DataFrame({"queue": "desk", "interval_start": days, "calls": 900, "aht_s": 200}).to_csv(
        tmp_path / "calls.csv", index=False
    )
    centre = centre_for(row="interval", arrival="interval_start", aht_s="aht_s")
    with pytest.raises(PlanningError, match="has all its calls at 00:00, must have intervals of at most"):
        read_calls(tmp_path / "calls.csv", centre=centre).demand(gaps="zero")


def test_hours_are_divided_into_the_centres_quarters(tmp_path):
    text = "queue,interval_start,calls,aht_s\n" + "\n".join(
        f"desk,2026-11-23T{hour:02}:00:00+03:00,8,200" for hour in (9, 10)
    )
    centre = centre_for(row="interval", arrival="interval_start", aht_s="aht_s")
    demand = read_calls(written(tmp_path, text), centre=centre).demand(900)
    assert demand["calls"].tolist() == [2.0] * 8
    assert demand["aht_s"].tolist() == [200.0] * 8


def test_durations_of_parquet_are_seconds(tmp_path):
    arrival = pd.Timestamp("2026-11-23 09:00", tz=MOSCOW)
    frame = pd.DataFrame({"queue": ["desk"], "arrival": [arrival], "outcome": ["answered"]})
    frame.assign(handle_s=pd.to_timedelta([200], unit="s")).to_parquet(tmp_path / "calls.parquet")
    assert read_calls(tmp_path / "calls.parquet", centre=centre_for()).calls()["handle_s"].tolist() == [200.0]


def test_a_handle_time_between_two_times_and_an_outcome_by_who_answered(tmp_path):
    text = """queue,arrival,answered,ended,agent
desk,2026-11-23 09:00:00,2026-11-23 09:00:10,2026-11-23 09:03:10,anna
desk,2026-11-23 09:01:00,,2026-11-23 09:01:30,NO_SERVER
"""
    settings = {
        "handle_s": [{"start": "answered", "end": "ended"}],
        "wait_s": {"start": "arrival", "end": "answered"},
        "outcome": {"filled": "agent"},
        "unknown": ["NO_SERVER"],
        "agent_id": "agent",
    }
    calls = read_calls(written(tmp_path, text), centre=centre_for(**settings)).calls()
    assert calls["outcome"].tolist() == ["answered", "abandoned"]
    assert calls["handle_s"].tolist()[0] == 180.0
    assert calls["wait_s"].tolist()[0] == 10.0


def test_a_call_whose_handle_time_cannot_be_read_was_offered_all_the_same(tmp_path):
    text = "queue,arrival,handle_s,outcome\n" + "\n".join(
        f"desk,2026-11-23 09:0{minute}:00,{value},answered"
        for minute, value in enumerate(["100", "?", "300"])
    )
    log = read_calls(written(tmp_path, text), centre=centre_for())
    demand = log.demand(900)
    assert (demand["calls"].sum(), log.unread, log.kept) == (3, 1, 3)
    assert demand["aht_s"].iloc[0] == 200.0


def test_a_message_shows_the_cell_at_fault(tmp_path):
    """It showed the time of the row; -00:05 was five seconds. No calls need no handle time."""
    rows = ["<1;200", "-;200", "0;-", "0;n/a", "10;?"]
    text = "\n".join(f"desk;2026-11-23 {hour:02}:00;{row}" for hour, row in enumerate(rows, 9))
    centre = centre_for(row="interval", aht_s="aht_s")
    log = read_calls(written(tmp_path, f"queue;arrival;calls;aht_s\n{text}\n"), centre=centre)
    assert "2 rows refused: no valid number of calls, first in line 2: '<1'; set calls" in log.refusals()[0]
    assert (log.kept, log.unread) == (3, 1)
    text = "queue,arrival,handle_s,outcome\ndesk,2026-11-23 09:00,-00:05,answered\n"
    (told,) = read_calls(written(tmp_path, text), centre=centre_for()).refusals()
    assert "negative handle time, first in line 2: '-00:05'; set handle_s" in told


def test_a_queue_without_any_handle_time_is_said(tmp_path):
    """80 % is no number of answered calls; the handle time was 0 s without a word."""
    text = "queue;arrival;calls;answered;aht_s\ndesk;2026-11-23 09:00;10;80 %;200\n"
    centre = centre_for(row="interval", aht_s="aht_s", answered_calls="answered")
    log = read_calls(written(tmp_path, text), centre=centre)
    assert log.unread == 1
    assert log.doubts[0].startswith("no call of queue 'calls' has a handle time, so that its demand says 0 s")


def test_rows_and_files_that_came_twice_count_once(tmp_path):
    """Reports whose days overlap, and a file copied within its folder, doubled the calls."""
    row = "desk,2026-11-{},10,200\n".format
    texts = {"a": row("22 09:00") + row("23 09:00"), "b": row("23 09:00") + row("24 09:00")}
    texts["copy of b"] = texts["b"]
    for name, text in texts.items():
        written(tmp_path, "queue,arrival,calls,aht_s\n" + text, name=f"{name}.csv")
    log = read_calls(tmp_path, centre=centre_for(row="interval", aht_s="aht_s"))
    assert log.demand(3600, gaps="unknown")["calls"].tolist() == [10.0, 10.0, 10.0]
    assert log.reasons.to_dict() == {"the record came before: same call and instant": 1}
    assert log.doubts == [f"{tmp_path / 'copy of b.csv'} is a copy of {tmp_path / 'b.csv'}: it is left out"]


# ---------------------------------------- what a row is
EVENTS = """1717397243|1717397243.11|1501|NONE|ENTERQUEUE||70000000001|1
1717397259|1717397243.11|1501|Agent/7009|CONNECT|16|1717397257.12|3
1717397379|1717397243.11|1501|Agent/7009|COMPLETEAGENT|16|120|1
1717397400|1717397400.15|1501|NONE|ENTERQUEUE||70000000002|1
1717397431|1717397400.15|1501|NONE|ABANDON|1|1|31
"""


def test_a_log_of_events_is_known_without_a_header(tmp_path):
    log = read_calls(written(tmp_path, EVENTS, name="queue_log"), centre=centre_for())
    calls = log.calls()
    assert log.told["layout"] == "asterisk-queue-log"
    assert calls[["wait_s", "outcome"]].to_numpy().tolist() == [[16.0, "answered"], [31.0, "abandoned"]]
    assert calls["handle_s"].tolist()[0] == 120.0


def test_the_legs_of_a_call_in_a_queue_are_one_contact(tmp_path):
    """Two agents were rung: one did not answer, the other did."""
    text = """id,queue,arrival,wait,talk,result
1,desk,2026-11-23 09:00:00,20,,NO ANSWER
1,desk,2026-11-23 09:00:20,35,180,ANSWERED
2,desk,2026-11-23 09:01:00,15,,HUNG UP
"""
    settings = {"row": "leg", "call_id": "id", "wait_s": "wait", "handle_s": ["talk"], "outcome": "result"}
    codes = {"answered": ["ANSWERED"], "abandoned": ["HUNG UP"]}
    log = read_calls(written(tmp_path, text), centre=centre_for(**settings, **codes))
    calls = log.calls()
    assert calls["outcome"].tolist() == ["answered", "abandoned"]
    assert calls["wait_s"].tolist() == [55.0, 15.0]
    assert clock(log)[0] == "2026-11-23 09:00:00"


def test_legs_without_a_number_and_numbers_that_are_used_again(tmp_path):
    """The first are calls of their own; of the second nobody knows which legs belong together."""
    text = """id,queue,arrival,handle_s,outcome
,desk,2026-11-23 09:00:00,100,answered
,desk,2026-11-23 09:01:00,100,answered
7,desk,2026-10-23 09:00:00,100,answered
7,desk,2026-11-23 09:00:00,100,answered
"""
    log = read_calls(written(tmp_path, text), centre=centre_for(row="leg", call_id="id"))
    assert log.kept == 2
    (told,) = log.refusals()
    assert told.startswith("1 rows refused: a call number that was used again more than a day later")


def test_events_have_as_many_cells_as_they_need(tmp_path):
    """A log has lines of six to ten cells; of two talks in a queue, what lies between them is no work."""
    text = """1717397200|NONE|NONE|NONE|QUEUESTART|
1717397243|c1|1501|NONE|ENTERQUEUE||70000000001|1
1717397250|c1|1501|Agent/7|RINGNOANSWER|5000
1717397259|c1|1501|Agent/9|CONNECT|16|1717397257.12|3
1717397379|c1|1501|Agent/9|BLINDTRANSFER|1501|default|16|120|1
1717397380|c1|1501|NONE|ENTERQUEUE||70000000001|1
1717397400|c1|1501|Agent/7|CONNECT|20|1717397399.1|3
1717397430|c1|1501|Agent/7|COMPLETECALLER|20|30|1
"""
    log = read_calls(written(tmp_path, text, name="queue_log"), centre=centre_for())
    assert log.reasons.empty
    assert log.calls()[["wait_s", "handle_s"]].to_numpy().tolist() == [[16.0, 150.0]]


@pytest.mark.parametrize("event", ["EXITWITHTIMEOUT|1", "EXITEMPTY|1|1|9", "EXITWITHKEY|2|1", "AGENTDUMP"])
def test_a_caller_who_leaves_a_queue_otherwise_was_offered(tmp_path, event):
    text = f"1717397243|c1|1501|NONE|ENTERQUEUE||70000000001|1\n1717397252|c1|1501|Agent/7|{event}\n"
    calls = read_calls(written(tmp_path, text, name="queue_log"), centre=centre_for()).calls()
    assert calls[["outcome", "wait_s"]].to_numpy().tolist() == [["lost", 9.0]]


def test_constants_and_filters(tmp_path):
    text = """channel,arrival,handle_s,outcome
VOICE,2026-11-23 09:00:00,100,answered
CHAT,2026-11-23 09:01:00,100,answered
"""
    centre = centre_for(queue={"value": "calls"}, where={"channel": ["VOICE"]})
    log = read_calls(written(tmp_path, text), centre=centre)
    assert log.kept == 1
    assert log.doubts == ["1 of 2 rows are left out by where in [records], for their channel"]
    spoken = centre_for(queue={"value": "calls"}, where={"channel": ["voice"]})
    with pytest.raises(
        PlanningError, match=r"no rows that where in \[records\] keeps .*'voice'.*: name values"
    ):
        read_calls(tmp_path / "calls.csv", centre=spoken)


@pytest.mark.parametrize(
    ("unit", "says"),
    [
        ("s", ["the mean handle time of queue 'calls' is 83,000.0 s: set unit in [records] if it is wrong"]),
        ("ms", []),
    ],
)
def test_a_handle_time_in_another_unit_is_said(tmp_path, unit, says):
    text = "queue,arrival,handle_s,outcome\ndesk,2026-11-23 09:00:00,83000,answered\n"
    assert read_calls(written(tmp_path, text), centre=centre_for(unit=unit)).doubts == says


@pytest.mark.parametrize(
    "header",
    ["Queue;08:00;08:30;09:00", "Queue;20.11.2026;21.11.2026;22.11.2026", "Queue;8:00-8:30;8:30-9:00;9h00"],
)
def test_a_table_with_a_column_for_each_interval_or_day_is_refused(tmp_path, header):
    path = written(tmp_path, f"{header}\ndesk;10;12;9\n")
    with pytest.raises(PlanningError, match=r"has a column for each interval or day .*: unpivot it"):
        read_calls(path, centre=centre_for())


def test_all_columns_that_nobody_named_are_asked_for_at_once(tmp_path):
    path = written(tmp_path, "Kolejka,Data,Rozmowa\ndesk,2026-11-23 09:00:00,83\n")
    with pytest.raises(PlanningError) as caught:
        read_calls(path, centre=centre_for())
    assert str(caught.value).endswith(
        "has no column 'arrival', which records.arrival names, nor those of records.queue, records.outcome, "
        "records.handle_s.0 (set row too unless a row is a call): there are Kolejka, Data, Rozmowa"
    )


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_columns_may_be_in_capitals(tmp_path, suffix):
    frame = pd.DataFrame(
        {"QUEUE": ["desk"], "Arrival": ["2026-11-23 09:00"], "HANDLE_S": ["83"], "Outcome": ["answered"]}
    )
    path = tmp_path / f"calls{suffix}"
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    log = read_calls(path, centre=centre_for())
    assert log.calls()["handle_s"].tolist() == [83.0]


def test_legs_that_are_read_as_calls_are_said(tmp_path):
    """A hunt group tries three people a call: its 57 rows are 19 calls."""
    rows = [
        f"{at // 3},desk,2026-11-23 09:{at:02}:00,100,{'answered' if at % 3 == 2 else 'abandoned'}"
        for at in range(57)
    ]
    path = written(tmp_path, "\n".join(["call_id,queue,arrival,handle_s,outcome", *rows]))
    told = (
        '67% of the calls have the number of another one in their queue: legs? Set row = "leg" in [records]'
    )
    assert read_calls(path, centre=centre_for(call_id="call_id")).doubts == [told]
    legs = read_calls(path, centre=centre_for(call_id="call_id", row="leg"))
    assert (legs.doubts, legs.kept) == ([], 19)


@pytest.mark.parametrize(
    "word", ["Outbound", "outgoing", "internal", "Исходящий", "Sortant", "Saliente", "ausgehend"]
)
def test_calls_to_customers_among_those_to_the_centre_are_said(tmp_path, word):
    rows = [f"desk,2026-11-23 09:0{at}:00,83,answered,{way}" for at, way in enumerate(["in", word])]
    path = written(tmp_path, "\n".join([",".join([*HEADER, "way"]), *rows]))
    told = f"column 'way' has {word!r}: leave out with where what is no call to the centre"
    assert read_calls(path, centre=centre_for()).doubts == [told]
    assert read_calls(path, centre=centre_for(where={"way": ["in"]})).kept == 1
    path.write_text(path.read_text(encoding="utf-8").replace(word, "Internet"), encoding="utf-8")
    assert read_calls(path, centre=centre_for()).doubts == []


@pytest.mark.parametrize("nobody", ["", "-", "—", "NULL", "None", "N/A", r"\N"])
def test_a_dash_or_null_names_no_agent(tmp_path, nobody):
    text = f"queue,arrival,handle_s,agent\ndesk,2026-11-23 09:00,83,Ann\ndesk,2026-11-23 09:01,0,{nobody}\n"
    centre = centre_for(outcome={"filled": "agent"})
    assert read_calls(written(tmp_path, text), centre=centre).calls()["outcome"].tolist() == [
        "answered",
        "abandoned",
    ]


def test_a_database_that_cannot_count_calls_is_named(tmp_path):
    path = tmp_path / "calls.db"
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("create table calls (queue text, arrival text, outcome text, handle_s real)")
        base.execute("insert into calls values ('desk', '2026-11-23 09:00:00', 'answered', 83.0)")
    for source in (path, f"sqlite://{path}"):
        with pytest.raises(
            PlanningError, match="cannot count call records: export the table as CSV or Parquet"
        ):
            read_calls(source, centre=centre_for())


def test_a_row_dated_far_from_all_the_others_is_refused(tmp_path):
    rows = [f"desk,2026-11-{day:02} 09:00:00,100,answered" for day in range(2, 27)] * 3
    text = "queue,arrival,handle_s,outcome\n" + "\n".join([*rows, "desk,2062-01-01 09:00:00,100,answered"])
    log = read_calls(written(tmp_path, text), centre=centre_for())
    assert log.demand()["interval_start"].dt.year.unique().tolist() == [2026]
    assert log.reasons.to_dict() == {"dated far from all the others": 1}


# ---------------------------------------- what is odd is said
@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("0min", "all calls arrive at one instant"),
        ("1D", "all calls arrive at 00:00"),
        ("1h", "all calls arrive on the full hour"),
        ("7min", None),
    ],
)
def test_times_that_lack_their_hour_or_minute_are_said(tmp_path, step, says):
    arrival = pd.Timestamp("2026-11-02") + pd.Timedelta(step) * pd.Series(range(30))
    frame = pd.DataFrame({"queue": "desk", "arrival": arrival, "handle_s": 100, "outcome": "answered"})
    frame.to_csv(tmp_path / "calls.csv", index=False, date_format="%Y-%m-%d %H:%M:%S")
    doubts = read_calls(tmp_path / "calls.csv", centre=centre_for()).doubts
    assert doubts == [] if says is None else doubts[0].startswith(says)


def test_a_table_that_leaves_out_intervals_is_asked_about(tmp_path):
    """Hours without a call may be left out: 10 calls in one of four, not in each."""
    rows = [f"desk,2026-11-23T{hour:02}:00:00+03:00,10,200" for hour in (8, 12, 16)]
    centre = centre_for(row="interval", arrival="interval_start", aht_s="aht_s")
    log = read_calls(written(tmp_path, "\n".join(["queue,interval_start,calls,aht_s", *rows])), centre=centre)
    with pytest.raises(PlanningError, match=r"no row for 6 of 9 intervals .*: give gaps as zero"):
        log.demand(3600)
    assert log.demand(3600, gaps="zero")["calls"].tolist() == [10, 0, 0, 0, 10, 0, 0, 0, 10]
    assert log.demand(3600, gaps="unknown")["calls"].tolist() == [10, 10, 10]


# ---------------------------------------- what a file or a message may not give away
def test_a_view_of_a_database_reads_no_file_of_this_machine(tmp_path):
    (tmp_path / "secret.csv").write_text(
        "queue,arrival,handle_s,outcome\na,2026-11-23T09:00:00Z,1,answered\n"
    )
    with duckdb.connect(tmp_path / "calls.duckdb") as base:
        base.execute(f"create view calls as select * from read_csv('{tmp_path / 'secret.csv'}')")
    with pytest.raises(PlanningError, match="could not be read"):
        read_calls(tmp_path / "calls.duckdb").demand()


@pytest.mark.parametrize("password", ["s3cret", "p@s/s3cret", "s3cret#1", "a:s3cret?x", "%zz:s3cret"])
def test_no_message_has_a_password(password):
    with pytest.raises(PlanningError, match="could not be read") as caught:
        read_calls(f"postgres://reader:{password}@127.0.0.1:9/calls?connect_timeout=2")
    assert "s3cret" not in str(caught.value)
    if "/" in password or "?" in password:  # the engine took a piece of it for the host
        assert "; write / # ? @ and % of a password as %2F" in str(caught.value)


# --- packed files, folders and merged cells -----------------------------------------------------------------
def test_a_folder_of_packed_files_is_one_log(tmp_path):
    """Each file has its own columns and encoding; a hidden file is no record."""
    header, other = "queue,arrival,handle_s,outcome", "wait_s;arrival;queue;outcome;handle_s"
    call, late = "2026-11-16T09:00:00+03:00", "2026-11-16T09:20:00+03:00"
    folder = tmp_path / "calls"
    folder.mkdir()
    (folder / "a.csv.gz").write_bytes(gzip.compress(f"{header}\ncalls,{call},100,answered\n".encode()))
    text = f"{other}\n5;{late};calls;answered;200\n"
    (folder / "b.csv.gz").write_bytes(gzip.compress(text.encode("utf-16")))
    (folder / ".hidden").write_text("no record", encoding="utf-8")
    for source in (folder, folder / "*.gz"):
        log = read_calls(source, time_zone="Europe/Moscow")
        assert log.told == {}  # "encoding" of one file would not read the other
        made = log.demand()
        assert made["calls"].tolist() == [1.0, 1.0]
        assert made["aht_s"].tolist() == [100.0, 200.0]


def test_a_damaged_packed_file_is_named(tmp_path):
    whole = gzip.compress(b"queue,arrival,handle_s,outcome\n" * 50)
    for name, text in (("cut", whole[:-9]), ("none", b"queue,arrival")):
        (tmp_path / f"{name}.csv.gz").write_bytes(text)
        with pytest.raises(PlanningError, match=rf"{name}\.csv\.gz cannot be unpacked"):
            read_calls(tmp_path / f"{name}.csv.gz")


def test_a_cell_merged_over_rows_counts_for_each_of_them(tmp_path):
    """The queue stands once beside its calls; a title over all columns is no header."""
    book = openpyxl.Workbook()
    page = book.active
    for row in (["Calls of the week"], [], ["queue", "arrival", "handle_s", "outcome"]):
        page.append(row)
    for queue in ("calls", "chat"):
        for number in range(3):
            arrival = f"2026-11-16T09:0{number}:00+03:00"
            page.append([queue if number == 0 else None, arrival, 100, "answered"])
    for cells in ("A1:D1", "A4:A6", "A7:A9"):
        page.merge_cells(cells)
    book.save(tmp_path / "calls.xlsx")
    log = read_calls(tmp_path / "calls.xlsx", time_zone="Europe/Moscow")
    made = log.demand(3600)
    assert made.set_index("queue")["calls"].to_dict() == {"calls": 3.0, "chat": 3.0}
    assert len(log.rejected) == 0
