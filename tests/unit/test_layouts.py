"""Named layouts: twenty rows of each system's export with their right values; 200,000 rows add up."""

import io
from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
import pytest
from factories import one_site, raw_centre

from planning import Centre, read_calls
from planning.demand.layouts import layouts
from planning.demand.records import BROKEN

ROWS = 20
FIRST_QUARTER = datetime(2026, 11, 20, 8, 0)  # noqa: DTZ001
START = datetime(2026, 11, 20, 8, 0, 30, tzinfo=timezone(timedelta(hours=1)))


def centre():
    raw = raw_centre()
    raw["time_zone"] = "Europe/Berlin"
    raw["records"] = {"queues": {"sales": "calls", "7": "calls", "+4930100": "calls"}}
    return Centre.of(raw)


def clock_of(row):
    return START + timedelta(seconds=30 * row)


def hms(seconds):
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def on_wall(time, form="%Y-%m-%d %H:%M:%S"):
    return time.strftime(form)


# Of each system: how it writes call number `row`, which waited and was then answered, or abandoned (talk 0).
# Each third call is abandoned; a call waits 5 to 24 s and is talked to for 100 to 119 s.
def genesys_conversations(row, wait, talk):
    return {
        "Full Export Completed": "YES",
        "Media Type": "voice",
        "Date": clock_of(row).strftime("%m/%d/%y %I:%M:%S %p"),
        "Direction": "Inbound",
        "Queue": "sales",
        "Conversation ID": f"c{row}",
        "Abandoned": "NO" if talk else "YES",
        "Total Queue": wait * 1000,
        "Total Talk": talk * 1000 or "",
        "Total Handle": talk * 1000 or "",
    }


def amazon_connect(row, wait, talk):
    arrived = clock_of(row).astimezone(UTC)
    return {
        "contact_id": f"c{row}",
        "channel": "VOICE",
        "initiation_method": "INBOUND",
        "queue_name": "sales",
        "queue_enqueue_timestamp": arrived.strftime("%Y-%m-%d %H:%M:%S.000"),
        "queue_duration_ms": wait * 1000,
        "agent_id": "a1" if talk else "",
        "agent_connected_to_agent_timestamp": on_wall(arrived + timedelta(seconds=wait)) if talk else "",
        "agent_interaction_duration_ms": (talk - 30) * 1000 if talk else "",
        "agent_customer_hold_duration_ms": 10_000 if talk else "",
        "agent_after_contact_work_duration_ms": 20_000 if talk else "",
    }


def asterisk_cdr(row, wait, talk):
    arrived = clock_of(row)
    answered, ended = (arrived + timedelta(seconds=second) for second in (wait, wait + talk))
    return [
        "", "4930200", "sales", "queues", '"A" <4930200>', "SIP/1", "SIP/2", "Queue", "sales,tT",
        on_wall(arrived), on_wall(answered) if talk else "", on_wall(ended), wait + talk, talk,
        "ANSWERED" if talk else "NO ANSWER", "DOCUMENTATION", f"{row}.1", "",
    ]  # fmt: skip


def asterisk_queue_log(row, wait, talk):
    number, arrived = f"{row}.1", int(clock_of(row).timestamp())
    after = arrived + wait
    rows = [[arrived, number, "sales", "NONE", "ENTERQUEUE", "", "4930200", 1]]
    if not talk:
        return [*rows, [after, number, "sales", "NONE", "ABANDON", 1, 1, wait]]
    return [
        *rows,
        [after, number, "sales", "Agent/1", "CONNECT", wait, "x", 3],
        [after + talk, number, "sales", "Agent/1", "COMPLETECALLER", wait, talk, 1],
    ]


def five9(row, wait, talk):
    return {
        "CALL ID": row,
        "TIMESTAMP": clock_of(row).strftime("%a, %d %b %Y %H:%M:%S"),
        "CAMPAIGN": "sales",
        "CALL TYPE": "Inbound",
        "AGENT": "anna" if talk else "[None]",
        "QUEUE WAIT TIME": hms(wait),
        "TALK TIME": hms(max(talk - 30, 0)),
        "HOLD TIME": hms(10 if talk else 0),
        "PARK TIME": hms(0),
        "AFTER CALL WORK TIME": hms(20 if talk else 0),
    }


def three_cx(row, wait, talk):
    arrived = clock_of(row)
    answered, ended = (arrived + timedelta(seconds=second) for second in (wait, wait + talk))
    form = "%Y/%m/%d %H:%M:%S"
    made = [f"Call {row + 1}", f"0000{row}", hms(talk), on_wall(arrived, form)]
    made += [on_wall(answered, form) if talk else "", on_wall(ended, form), "TerminatedBySrc"]
    return [*made, "4930200", "800", "Ext.1", "sales", *[""] * 10, "Queue", *[""] * 5]


def twilio(row, wait, talk):
    arrived = clock_of(row).astimezone(UTC)
    form = "%a, %d %b %Y %H:%M:%S +0000"
    return {
        "sid": f"CA{row}",
        "from": "+4930200",
        "to": "+4930100",
        "direction": "inbound",
        "status": "completed" if talk else "no-answer",
        "start_time": arrived.strftime(form),
        "end_time": (arrived + timedelta(seconds=talk)).strftime(form),
        "duration": talk,
    }


def cisco_uccx(row, wait, talk):
    return {
        "Node ID - Session ID - Sequence No": f"1-{row}-0",
        "Call Start Time": clock_of(row).strftime("%m/%d/%Y %I:%M:%S %p"),
        "Call End Time": (clock_of(row) + timedelta(seconds=wait + talk)).strftime("%m/%d/%Y %I:%M:%S %p"),
        "Contact Disposition": "Handled" if talk else "Abandoned",
        "CSQ Names": "sales",
        "Queue Time": hms(wait),
        "Agent Name": "anna" if talk else "",
        "Talk Time": hms(talk - 30) if talk else "",
        "Hold Time": hms(10) if talk else "",
        "Work Time": hms(20) if talk else "",
    }


def naumen(row, wait, talk):
    arrived = clock_of(row)
    answered, ended = (arrived + timedelta(seconds=second) for second in (wait, wait + talk))
    return {
        "session_id": f"s{row}",
        "project_id": "sales",
        "enqueued_time": on_wall(arrived),
        "final_stage": "operator" if talk else "queue",
        "connected": on_wall(answered) if talk else "",
        "ended": on_wall(ended) if talk else "",
    }


CALLS = {
    "genesys-conversations": genesys_conversations,
    "amazon-connect": amazon_connect,
    "asterisk-cdr": asterisk_cdr,
    "asterisk-queue-log": asterisk_queue_log,
    "five9": five9,
    "3cx": three_cx,
    "twilio": twilio,
    "cisco-uccx": cisco_uccx,
    "naumen": naumen,
}
NO_WAIT = {"twilio"}
"""Exports that say nothing about the wait."""


def truth(rows):
    """Waits and talks of the calls: each third is abandoned."""
    return [(5 + row % 20, 0 if row % 3 == 2 else 100 + row % 20) for row in range(rows)]


def export(name, rows):
    """Text of an export, and how many rows of it there are."""
    made = [CALLS[name](row, wait, talk) for row, (wait, talk) in enumerate(truth(rows))]
    if name == "asterisk-queue-log":
        made = [event for events in made for event in events]
    frame, out = pd.DataFrame(made), io.StringIO()
    separator = layouts()[name].records.separator or ","
    frame.to_csv(out, sep=separator, index=False, header=isinstance(made[0], dict))
    return out.getvalue()


def interval_export(name, rows):
    """Text of an export of quarters with ten calls each, the eight answered handled for 200 s."""
    starts = [FIRST_QUARTER + timedelta(minutes=15 * row) for row in range(rows)]
    if name == "avaya-cms":
        frame = pd.DataFrame({
            "row_date": [start.strftime("%m/%d/%Y") for start in starts],
            "starttime": [int(start.strftime("%H%M")) for start in starts],
            "intrvl": 15, "acd": 1, "split": 7, "callsoffered": 10, "acdcalls": 8, "abncalls": 2,
            "acdtime": 1200, "acwtime": 300, "holdacdtime": 100,
        })  # fmt: skip
    else:
        frame = pd.DataFrame({
            "Interval Start": [start.strftime("%m/%d/%y %I:%M %p") for start in starts],
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
    wanted = pd.DataFrame(truth(ROWS), columns=["wait_s", "handle_s"]).astype("float64")
    assert calls["arrival"].tolist() == [clock_of(row) for row in range(ROWS)]
    assert calls["queue"].unique().tolist() == ["calls"]
    answered = wanted["handle_s"] > 0
    assert calls["outcome"].tolist() == answered.map({True: "answered", False: "abandoned"}).tolist()
    pd.testing.assert_series_equal(calls["handle_s"], wanted["handle_s"].where(answered))
    if name not in NO_WAIT:
        assert calls["wait_s"][answered].tolist() == wanted["wait_s"][answered].tolist()


@pytest.mark.parametrize("name", ["genesys-interval", "avaya-cms"])
def test_twenty_intervals_of_each_system(tmp_path, name):
    (tmp_path / "export.csv").write_text(interval_export(name, ROWS))
    log = read_calls(tmp_path / "export.csv", centre=centre())
    assert log.told["layout"] == name
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
    assert log.reasons[BROKEN] == 1
    assert log.kept + int(log.reasons.sum()) == 200_001
    if name in CALLS:
        assert log.demand()["calls"].sum() == log.kept == 200_000


def test_a_layout_holds_in_a_changed_centre_too():
    """A what-if wrote all settings of records at their defaults, and these took the place of the layout's."""
    plain = one_site({"records.layout": "amazon-connect"})
    assert plain.records.model_fields_set == {"layout"}
    changed = plain.replace({"queues.calls.volume": 1.1, "records.unit": "s"}).replace({"country": "DE"})
    assert changed.records.model_fields_set == {"layout", "unit"}
