"""Named layouts: twenty rows of each system's export with their right values; 200,000 rows add up."""

import numpy as np
import pandas as pd
import pytest
from factories import one_site, raw_centre

from planning import Centre, read_calls
from planning.demand.layouts import layouts
from planning.demand.records import BROKEN

ROWS = 20
FIRST_DAY = pd.Timestamp("2026-11-20")
FIRST_QUARTER = pd.Timestamp("2026-11-20 08:00")
START = pd.Timestamp("2026-11-20 08:00:30", tz="Europe/Berlin")


def centre():
    raw = raw_centre()
    raw["time_zone"] = "Europe/Berlin"
    raw["records"] = {"queues": {"sales": "calls", "7": "calls", "+4930100": "calls"}}
    return Centre.of(raw)


def clock_of(row):
    return START + pd.to_timedelta(30 * row, unit="s")


def hms(seconds):
    return CLOCK[seconds]


CLOCK = np.array([f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}" for second in range(3600)])


def on_wall(times, days="%Y-%m-%d", clock="%H:%M:%S"):
    """Times as texts. Each day and each time of day is formatted once, because that is slow."""
    local = times.tz_localize(None)
    day = local.normalize()
    texts = []
    for part, form in ((day, days), (FIRST_DAY + (local - day), clock)):
        codes, known = part.factorize()
        texts.append(known.strftime(form).to_numpy(dtype="object")[codes])
    return texts[0] + " " + texts[1]


def later(times, seconds):
    return times + pd.to_timedelta(seconds, unit="s")


def numbered(row, form):
    return np.char.mod(form, row)


# Of each system: how it writes calls with these numbers, which waited and were then answered, or abandoned
# (talk 0). Each third call is abandoned; a call waits 5 to 24 s and is talked to for 100 to 119 s.
def genesys_conversations(row, wait, talk):
    return {
        "Full Export Completed": "YES",
        "Media Type": "voice",
        "Date": on_wall(clock_of(row), "%m/%d/%y", "%I:%M:%S %p"),
        "Direction": "Inbound",
        "Queue": "sales",
        "Conversation ID": numbered(row, "c%d"),
        "Abandoned": np.where(talk > 0, "NO", "YES"),
        "Total Queue": wait * 1000,
        "Total Talk": np.where(talk > 0, numbered(talk * 1000, "%d"), ""),
        "Total Handle": np.where(talk > 0, numbered(talk * 1000, "%d"), ""),
    }


def amazon_connect(row, wait, talk):
    arrived, answered = clock_of(row).tz_convert("UTC"), talk > 0
    return {
        "contact_id": numbered(row, "c%d"),
        "channel": "VOICE",
        "initiation_method": "INBOUND",
        "queue_name": "sales",
        "queue_enqueue_timestamp": on_wall(arrived, clock="%H:%M:%S.000"),
        "queue_duration_ms": wait * 1000,
        "agent_id": np.where(answered, "a1", ""),
        "agent_connected_to_agent_timestamp": np.where(answered, on_wall(later(arrived, wait)), ""),
        "agent_interaction_duration_ms": np.where(answered, numbered((talk - 30) * 1000, "%d"), ""),
        "agent_customer_hold_duration_ms": np.where(answered, "10000", ""),
        "agent_after_contact_work_duration_ms": np.where(answered, "20000", ""),
    }


def asterisk_cdr(row, wait, talk):
    arrived = clock_of(row)
    answered, ended = later(arrived, wait), later(arrived, wait + talk)
    return dict(enumerate([
        "", "4930200", "sales", "queues", '"A" <4930200>', "SIP/1", "SIP/2", "Queue", "sales,tT",
        on_wall(arrived), np.where(talk > 0, on_wall(answered), ""), on_wall(ended), wait + talk, talk,
        np.where(talk > 0, "ANSWERED", "NO ANSWER"), "DOCUMENTATION", numbered(row, "%d.1"), "",
    ]))  # fmt: skip


def asterisk_queue_log(row, wait, talk):
    """Two events of an abandoned call, three of an answered one, in the order in which calls arrive."""
    number, arrived, agent = numbered(row, "%d.1"), clock_of(row).as_unit("s").asi8, "Agent/1"
    answered = talk > 0
    parts = [
        [arrived, number, "sales", "NONE", "ENTERQUEUE", "", "4930200", 1],
        [arrived + wait, number, "sales", "NONE", "ABANDON", 1, 1, wait],
        [arrived + wait, number, "sales", agent, "CONNECT", wait, "x", 3],
        [arrived + wait + talk, number, "sales", agent, "COMPLETECALLER", wait, talk, 1],
    ]
    frames = [pd.DataFrame(dict(enumerate(part)), index=row) for part in parts]
    kept = [frames[0], frames[1][~answered], frames[2][answered], frames[3][answered]]
    return pd.concat(kept).sort_index(kind="stable")


def five9(row, wait, talk):
    return {
        "CALL ID": row,
        "TIMESTAMP": on_wall(clock_of(row), "%a, %d %b %Y"),
        "CAMPAIGN": "sales",
        "CALL TYPE": "Inbound",
        "AGENT": np.where(talk > 0, "anna", "[None]"),
        "QUEUE WAIT TIME": hms(wait),
        "TALK TIME": hms(np.maximum(talk - 30, 0)),
        "HOLD TIME": hms(np.where(talk > 0, 10, 0)),
        "PARK TIME": "00:00:00",
        "AFTER CALL WORK TIME": hms(np.where(talk > 0, 20, 0)),
    }


def three_cx(row, wait, talk):
    arrived, form = clock_of(row), "%Y/%m/%d"
    answered, ended = later(arrived, wait), later(arrived, wait + talk)
    made = [numbered(row + 1, "Call %d"), numbered(row, "0000%d"), hms(talk), on_wall(arrived, form)]
    made += [np.where(talk > 0, on_wall(answered, form), ""), on_wall(ended, form), "TerminatedBySrc"]
    made += ["4930200", "800", "Ext.1", "sales", *[""] * 10, "Queue", *[""] * 5]
    return dict(enumerate(made))


def three_cx_with_header(row, wait, talk):
    names = layouts()["3cx"].records.columns
    return dict(zip(names, three_cx(row, wait, talk).values(), strict=True))


def twilio(row, wait, talk):
    arrived, form = clock_of(row).tz_convert("UTC"), ("%a, %d %b %Y", "%H:%M:%S +0000")
    return {
        "sid": numbered(row, "CA%d"),
        "from": "+4930200",
        "to": "+4930100",
        "direction": "inbound",
        "status": np.where(talk > 0, "completed", "no-answer"),
        "start_time": on_wall(arrived, *form),
        "end_time": on_wall(later(arrived, talk), *form),
        "duration": talk,
    }


def cisco_uccx(row, wait, talk):
    arrived, form = clock_of(row), ("%m/%d/%Y", "%I:%M:%S %p")
    answered = talk > 0
    return {
        "Node ID - Session ID - Sequence No": numbered(row, "1-%d-0"),
        "Call Start Time": on_wall(arrived, *form),
        "Call End Time": on_wall(later(arrived, wait + talk), *form),
        "Contact Disposition": np.where(answered, "Handled", "Abandoned"),
        "CSQ Names": "sales",
        "Queue Time": hms(wait),
        "Agent Name": np.where(answered, "anna", ""),
        "Talk Time": np.where(answered, hms(talk - 30), ""),
        "Hold Time": np.where(answered, hms(10), ""),
        "Work Time": np.where(answered, hms(20), ""),
    }


def naumen(row, wait, talk):
    arrived = clock_of(row)
    return {
        "session_id": numbered(row, "s%d"),
        "project_id": "sales",
        "enqueued_time": on_wall(arrived),
        "final_stage": np.where(talk > 0, "operator", "queue"),
        "connected": np.where(talk > 0, on_wall(later(arrived, wait)), ""),
        "ended": np.where(talk > 0, on_wall(later(arrived, wait + talk)), ""),
    }


CALLS = {
    "genesys-conversations": genesys_conversations,
    "amazon-connect": amazon_connect,
    "asterisk-cdr": asterisk_cdr,
    "asterisk-queue-log": asterisk_queue_log,
    "five9": five9,
    "3cx": three_cx,
    "3cx-with-header": three_cx_with_header,
    "twilio": twilio,
    "cisco-uccx": cisco_uccx,
    "naumen": naumen,
}
NO_WAIT = {"twilio"}
"""Exports that say nothing about the wait."""


def truth(rows):
    """Numbers, waits and talks of the calls: each third is abandoned."""
    row = np.arange(rows)
    return row, 5 + row % 20, np.where(row % 3 == 2, 0, 100 + row % 20)


def export(name, rows):
    """Text of an export."""
    row, wait, talk = truth(rows)
    frame = pd.DataFrame(CALLS[name](row, wait, talk))
    separator = layouts()[name].records.separator or ","
    return frame.to_csv(sep=separator, index=False, header=isinstance(frame.columns[0], str))


def interval_export(name, rows):
    """Text of an export of quarters with ten calls each, the eight answered handled for 200 s."""
    starts = FIRST_QUARTER + pd.to_timedelta(15 * np.arange(rows), unit="min")
    if name == "avaya-cms":
        frame = pd.DataFrame({
            "row_date": starts.strftime("%m/%d/%Y"), "starttime": 100 * starts.hour + starts.minute,
            "intrvl": 15, "acd": 1, "split": 7, "callsoffered": 10, "acdcalls": 8, "abncalls": 2,
            "acdtime": 1200, "acwtime": 300, "holdacdtime": 100,
        })  # fmt: skip
    else:
        frame = pd.DataFrame({
            "Interval Start": on_wall(starts, "%m/%d/%y", "%I:%M %p"),
            "Interval End": "", "Interval Complete": "YES", "Filters": "", "Media Type": "voice",
            "Queue Id": "q1", "Queue Name": "sales", "Offer": 10, "Answer": 8, "Abandon": 2,
            "Avg Handle": 200_000,
        })  # fmt: skip
    return frame.to_csv(index=False)


def test_every_layout_is_tried_here():
    assert set(layouts()) == {*CALLS, "genesys-interval", "avaya-cms"}
    assert all(layout.title and layout.source for layout in layouts().values())


@pytest.mark.parametrize("name", CALLS)
def test_twenty_calls_of_each_system(tmp_path, name):
    """Found by the header alone, with the right instants, waits, handle times and outcomes."""
    (tmp_path / "export.csv").write_text(export(name, ROWS))
    log = read_calls(tmp_path / "export.csv", centre=centre())
    assert log.told["layout"] == name
    assert log.reasons.to_dict() == {}
    calls = log.calls()
    row, *spans = truth(ROWS)
    wanted = pd.DataFrame(dict(zip(["wait_s", "handle_s"], spans, strict=True)), dtype="float64")
    assert calls["arrival"].tolist() == clock_of(row).tolist()
    assert calls["queue"].unique().tolist() == ["calls"]
    answered = wanted["handle_s"] > 0
    assert calls["outcome"].tolist() == answered.map({True: "answered", False: "abandoned"}).tolist()
    pd.testing.assert_series_equal(calls["handle_s"], wanted["handle_s"].where(answered))
    if name not in NO_WAIT:
        assert calls["wait_s"][answered].tolist() == wanted["wait_s"][answered].tolist()


def test_a_part_of_the_handle_time_that_an_export_lacks_is_said(tmp_path):
    """Older versions of the report have no hold time, and a view may leave it out."""
    pd.DataFrame(cisco_uccx(*truth(ROWS))).drop(columns="Hold Time").to_csv(
        tmp_path / "calls.csv", index=False
    )
    log = read_calls(tmp_path / "calls.csv", centre=centre())
    assert log.kept == ROWS
    assert log.doubts == ["there is no column 'Hold Time': the handle time lacks it"]


@pytest.mark.parametrize("capitals", [False, True])
@pytest.mark.parametrize("name", ["genesys-interval", "avaya-cms"])
def test_twenty_intervals_of_each_system(tmp_path, name, capitals):
    header, rows = interval_export(name, ROWS).split("\n", 1)
    (tmp_path / "export.csv").write_text(f"{header.upper() if capitals else header}\n{rows}")
    log = read_calls(tmp_path / "export.csv", centre=centre())
    assert log.told["layout"] == name
    assert log.doubts == []
    demand = log.demand()
    assert demand["interval_start"].iloc[0] == pd.Timestamp(FIRST_QUARTER, tz="Europe/Berlin")
    assert demand[["calls", "aht_s"]].to_numpy().tolist() == [[10.0, 200.0]] * ROWS


@pytest.mark.parametrize("name", layouts())
def test_rows_kept_and_refused_add_up(tmp_path, name):
    """200,000 calls or intervals and a total row below them: each is counted or refused."""
    text = export(name, 200_000) if name in CALLS else interval_export(name, 200_000)
    (tmp_path / "export.csv").write_text(text + "Total\n")
    log = read_calls(tmp_path / "export.csv", centre=centre())
    assert log.told["layout"] == name
    # A line of a log of events has any number of cells, so its total lacks an event.
    assert log.reasons["no event" if name == "asterisk-queue-log" else BROKEN] == 1
    assert log.kept + int(log.reasons.sum()) == 200_001
    if name in CALLS:
        assert log.demand()["calls"].sum() == log.kept == 200_000


def test_a_layout_holds_in_a_changed_centre_too():
    """A what-if wrote all settings of records at their defaults, and these took the place of the layout's."""
    plain = one_site({"records.layout": "amazon-connect"})
    assert plain.records.model_fields_set == {"layout"}
    changed = plain.replace({"queues.calls.volume": 1.1, "records.unit": "s"}).replace({"country": "DE"})
    assert changed.records.model_fields_set == {"layout", "unit"}
