"""Exports that no layout describes, read by the names of their columns."""

import tomllib

import pandas as pd
import pytest
from factories import raw_centre

from planning import Centre, PlanningError, read_calls
from planning.centre.describe import toml_text
from planning.demand.guesses import guessed

CODES = ["Answered", "Missed", "Internal", "Inbound"]


def centre_for(*names):
    """A centre in Moscow that knows the queues of these names, and says no more of its records."""
    raw = raw_centre()
    raw["time_zone"] = "Europe/Moscow"
    raw["records"] = {"queues": dict.fromkeys(names, "calls")}
    return Centre.of(raw)


def log_of(folder, text, *names, encoding="utf-8"):
    (folder / "calls.csv").write_bytes(text.encode(encoding))
    return read_calls(folder / "calls.csv", centre=centre_for(*names))


@pytest.mark.parametrize(
    ("text", "handle_s", "waits"),
    [
        (
            "Отчёт: вызовы\n\nДата;Время;Проект;Ожидание;Разговор;Поствызов;Оператор;Результат\n"
            "23.11.2026;10:00:14;desk;0:00:12;0:03:21;0:00:15;Иванова;Принят\n"
            "23.11.2026;10:01:40;desk;0:01:05;0:00:00;0:00:00;;Потерян\n",
            [216.0, None],
            [12.0, 65.0],
        ),
        (
            "Anrufbeginn;Warteschlange;Wartezeit (s);Gesprächszeit (s);Nachbearbeitung (s);Ergebnis\n"
            "23.11.2026 10:00:14;desk;12;201,5;15;Angenommen\n23.11.2026 10:01:40;desk;65;0;0;Aufgelegt\n",
            [216.5, None],
            [12.0, 65.0],
        ),
        (
            "Fecha,Hora,Cola,Tiempo de espera,Tiempo de conversación,Estado\n"
            "23/11/2026,10:00:14,desk,00:00:12,00:03:21,Atendida\n23/11/2026,10:01:40,desk,00:01:05,,Abandonada\n",
            [201.0, None],
            [12.0, 65.0],
        ),
        (
            "Date et heure;File d'attente;Attente;Temps de conversation;Statut\n"
            "23/11/2026 10:00:14;desk;12;201;Répondu\n23/11/2026 10:01:40;desk;65;;Raccroché\n",
            [201.0, None],
            [12.0, 65.0],
        ),
        (
            "Data i godzina;Kolejka;Czas oczekiwania;Czas rozmowy;Konsultant\n"
            "2026-11-23 10:00:14;desk;12;201;Anna\n2026-11-23 10:01:40;desk;65;;\n",
            [201.0, None],
            [12.0, 65.0],
        ),
        (
            "startTime,queueName,direction,waitTime (ms),handleTime (ms),callStatus\n"
            "2026-11-23T10:00:14+03:00,desk,Inbound,12000,201000,Handled\n"
            "2026-11-23T10:01:40+03:00,desk,Inbound,65000,,Abandoned\n"
            "2026-11-23T10:02:00+03:00,desk,Internal,0,5000,Handled\n",
            [201.0, None],
            [12.0, 65.0],
        ),
        (
            "line,datetime (UTC),direction,answered,user,duration (total),duration (in call),waiting time\n"
            "desk,2026-11-23 07:00:14,inbound,Yes,Ann,213,201,12\n"
            "desk,2026-11-23 07:01:40,inbound,No,,65,,65\n",
            [201.0, None],
            [12.0, 65.0],
        ),
        (
            "Date;Start Time;Queue;Wait Time;Talk Time;Status\n"
            "23.11.2026;10:00:14;desk;0:12;3:21;Answered\n23.11.2026;10:01:40;desk;1:05;;Not answered\n",
            [201.0, None],
            [12.0, 65.0],
        ),
    ],
    ids=["Russian", "German", "Spanish", "French", "Polish", "milliseconds", "UTC", "date and start"],
)
def test_an_export_is_read_by_the_names_of_its_columns(tmp_path, text, handle_s, waits):
    log = log_of(tmp_path, text, "desk")
    calls = log.calls()
    assert calls["arrival"].dt.strftime("%H:%M:%S").tolist() == ["10:00:14", "10:01:40"]
    assert calls["outcome"].tolist() == ["answered", "abandoned"]
    assert [None if pd.isna(one) else one for one in calls["handle_s"]] == handle_s
    assert calls["wait_s"].tolist() == waits
    assert log.told["queue"] == log.columns["queue"]
    assert any("read by their names" in doubt for doubt in log.doubts)


def test_what_is_printed_can_be_written_into_the_centres_file(tmp_path):
    """Names with spaces and other letters are quoted, and the records are then read alike."""
    text = (
        "Дата;Время;Проект;Тип звонка;Время разговора;Результат\n"
        "23.11.2026;10:00:14;desk;Входящий;201,5;Принят\n23.11.2026;10:01:40;desk;Внутренний;5;Принят\n"
    )
    log = log_of(tmp_path, text, "desk")
    printed = "\n".join(f"{name} = {toml_text(value)}" for name, value in log.told.items())
    raw = raw_centre()
    raw["time_zone"] = "Europe/Moscow"
    raw["records"] = {**tomllib.loads(printed), "queues": {"desk": "calls"}}
    again = read_calls(tmp_path / "calls.csv", centre=Centre.of(raw))
    assert again.told.keys() < log.told.keys()
    pd.testing.assert_frame_equal(again.calls(), log.calls())
    assert again.calls()["handle_s"].tolist() == [201.5]


def test_a_table_of_intervals_is_read_by_the_names_of_its_columns(tmp_path):
    text = "Интервал;Проект;Поступило вызовов;Принято;Среднее время обработки\n"
    rows = ("23.11.2026 10:00;desk;1.355;1.300;210,5", "23.11.2026 10:15;desk;987;950;198,2")
    made = log_of(tmp_path, text + "\n".join(rows) + "\n", "desk").demand(900, gaps="zero")
    busy = made[made["calls"] > 0]
    assert busy["calls"].tolist() == [1355, 987]
    assert busy["aht_s"].tolist() == pytest.approx([210.5, 198.2])


@pytest.mark.parametrize(
    ("columns", "lacking"),
    [
        (["start", "queue", "duration", "status"], "handle_s"),  # of the talk, or of the wait too?
        (["start", "queue", "wait", "talk (min)", "hold (s)", "status"], "handle_s"),  # two units
        (["start", "queue", "talk", "hold time", "status"], "handle_s"),  # on hold, or in the queue?
        (["start", "queue", "wait", "ACW_Time", "hold", "status"], "handle_s"),  # without the talk
        (["start", "queue", "talk"], "outcome"),
        (["start", "talk", "status"], "queue"),
        (["interval", "queue", "offered", "answered"], "handle_s"),
    ],
)
def test_what_the_names_do_not_say_is_asked(columns, lacking):
    with pytest.raises(
        PlanningError, match=rf"for records\.{lacking}: name it in \[records\].*, and the others"
    ):
        guessed(columns, lambda _: CODES)


@pytest.mark.parametrize("columns", [["start", "start time", "queue"], ["start"], ["queue", "talk"]])
def test_hardly_known_columns_are_not_guessed(columns):
    """Nor is one of two columns that may be the same."""
    assert guessed([*columns, "status"], lambda _: CODES) is None


@pytest.mark.parametrize(
    ("column", "lacking"), [("status", "outcome"), ("direction", "outcome, records.where")]
)
def test_codes_that_no_word_knows_are_asked(column, lacking):
    with pytest.raises(PlanningError, match=rf"for records\.{lacking}: "):
        guessed(["start", "queue", "talk", column], lambda _: ["17", "31"])


def test_each_code_has_its_meaning():
    values = ["ANSWERED", "BUSY", "No Answer", "Transferred", "Нет ответа", "Занято", "Да", "Нет"]
    found = guessed(["start", "queue", "talk", "status"], lambda _: values).records
    assert found.answered == ["ANSWERED", "Transferred", "Да"]
    assert found.abandoned == ["No Answer", "Нет ответа", "Нет"]
    assert found.lost == ["BUSY", "Занято"]


def test_columns_that_the_centre_names_are_not_replaced_by_a_guess(tmp_path):
    (tmp_path / "calls.csv").write_text(
        "start,queue,talk,agent\n2026-11-23 10:00,desk,5,Ann\n", encoding="utf-8"
    )
    raw = raw_centre()
    raw["records"] = {"arrival": "begun"}
    with pytest.raises(PlanningError, match=r"no column 'begun', which records.arrival names"):
        read_calls(tmp_path / "calls.csv", centre=Centre.of(raw))
