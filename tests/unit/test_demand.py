"""The synthetic demand, demand files and the first forecast.

Run as a script, this file writes the generated tables of data/README.md anew.
"""

import importlib
import re
import tomllib
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from planning import tables
from planning.centre import Centre, Labour, clock_text
from planning.centre.settings import Settings
from planning.demand import (
    Synthetic,
    aggregate,
    expected_demand,
    forecast,
    read_demand,
    synthetic_calls,
    synthetic_demand,
)
from planning.demand.intervals import day_kinds
from planning.demand.synthetic import write_data
from planning.errors import PlanningError
from planning.tables import CALLS, DEMAND, FORECAST, PEOPLE, VIPS, Table

ROOT = Path(__file__).parents[2]
DATA = ROOT / "data"
MOSCOW = "Europe/Moscow"
HOUR = pd.Timedelta(hours=1)


@pytest.fixture(scope="module")
def settings() -> Synthetic:
    return Synthetic.load(DATA / "synthetic.toml")


@pytest.fixture(scope="module")
def demand() -> pd.DataFrame:
    return read_demand(DATA / "demand.parquet", MOSCOW)


@pytest.fixture(scope="module")
def calls() -> pd.DataFrame:
    return pd.read_parquet(DATA / "calls.parquet")


def changed(**parts: object) -> Synthetic:
    """Make the generator's settings with whole sections replaced or amended."""
    raw = tomllib.loads((DATA / "synthetic.toml").read_text())
    for name, value in parts.items():
        raw[name] = {**raw[name], **value} if isinstance(value, dict) else value
    return Synthetic.model_validate(raw)


def night_share(settings: Synthetic) -> float:
    """Share of a day's first-line calls between 22:00 and 08:00 on the centre's clock."""
    day = expected_demand(settings, start="2026-11-17", days=1)
    day = day[day["queue"] == "first_line"]
    hour = day["interval_start"].dt.hour
    return float(day.loc[(hour >= 22) | (hour < 8), "calls"].sum() / day["calls"].sum())


# ------------------------------------------------------------------------------------------- the generator
def test_the_night_carries_the_published_share_of_national_calls(settings):
    """FACTS: with one daily shape in each zone 22:00-08:00 Moscow time carries about 16 %."""
    assert night_share(settings) == pytest.approx(0.16, abs=0.005)


def test_the_night_share_without_the_other_zones():
    """FACTS: 10 % if all callers were on Moscow time."""
    assert night_share(changed(population=[{"utc_offset_h": 3, "share": 1.0}])) == pytest.approx(
        0.10, abs=0.003
    )


def test_one_zone_has_two_humps_at_the_published_hours():
    """Peaks at 10-12 and 14-16 on the caller's clock, lower between them, low after 20 h."""
    local = changed(population=[{"utc_offset_h": 3, "share": 1.0}])
    day = expected_demand(local, start="2026-11-17", days=1, interval_s=3600)
    by_hour = day.loc[day["queue"] == "first_line", "calls"].to_numpy()
    assert set(np.argsort(by_hour)[-4:]) == {10, 11, 14, 15}
    assert by_hour[12:14].max() < by_hour[[10, 11, 14, 15]].min()
    assert by_hour[20:].max() < 0.5 * by_hour.max()


@pytest.mark.parametrize(
    ("day", "index"),
    [("2026-11-16", 1.12), ("2026-11-22", 0.70), ("2026-11-04", 0.95 * 0.75), ("2026-11-02", 1.12 * 1.11)],
)
def test_days_have_the_volume_of_their_weekday_and_kind(settings, day, index):
    """A Monday, a Sunday, the holiday of 4 November, the first business day of November."""
    totals = expected_demand(settings, start=day, days=1).groupby("queue")["calls"].sum()
    assert totals["first_line"] == pytest.approx(20000 * index, rel=1e-9)
    assert totals["claims"] == pytest.approx(220 * index, rel=1e-9)
    assert totals["quality"] == pytest.approx(settings.queues["quality"].calls_weekday, rel=1e-9)


def test_the_handle_time_has_the_queues_mean_and_the_published_profile(settings):
    """Call-weighted mean 200 s; slowest around 15:30, as measured."""
    day = expected_demand(settings, start="2026-11-17", days=1)
    work = day.assign(work=day["calls"] * day["aht_s"]).groupby("queue")[["work", "calls"]].sum()
    means = {name: queue.aht_s for name, queue in settings.queues.items()}
    assert (work["work"] / work["calls"]).to_dict() == pytest.approx(means)
    first = day[day["queue"] == "first_line"]
    assert first.loc[first["aht_s"].idxmax(), "interval_start"].hour == 15


def test_closed_queues_have_no_rows_and_open_ones_have_zeros(demand):
    """Claims answers from 09:00 to 21:00; some VIP quarters of an hour at night are without a call."""
    hours = demand[demand["queue"] == "claims"]["interval_start"].dt.hour
    assert (hours.min(), hours.max()) == (9, 20)
    counts = demand.groupby("queue").size()
    assert counts["claims"] == 56 * 48
    assert counts["vip"] == 56 * 96
    assert (demand.loc[demand["queue"] == "vip", "calls"] == 0).any()


def test_the_days_vary_as_measured(settings):
    """CV of a day's total around its expectation: .075 and Poisson; planned work is Poisson only."""
    year = {"start": "2027-01-01", "days": 365, "interval_s": 3600}
    drawn = synthetic_demand(settings, seed=3, **year)
    ratio = {
        "queue": drawn["queue"],
        "drawn": drawn["calls"],
        "expected": expected_demand(settings, **year)["calls"],
        "day": drawn["interval_start"].dt.normalize(),
    }
    totals = pd.DataFrame(ratio).groupby(["queue", "day"])[["drawn", "expected"]].sum()
    cv = (totals["drawn"] / totals["expected"]).groupby(level="queue").std()
    assert cv["first_line"] == pytest.approx(np.sqrt(0.075**2 + 1 / 20000), rel=0.12)
    assert cv["quality"] == pytest.approx(settings.queues["quality"].calls_weekday ** -0.5, rel=0.12)


def test_the_seed_decides(settings):
    """The same seed repeats, another one does not."""
    one, same, other = (
        synthetic_demand(settings, start="2026-11-17", days=1, seed=seed) for seed in (1, 1, 2)
    )
    assert_frame_equal(one, same)
    assert (one["calls"] != other["calls"]).mean() > 0.5


def test_the_stored_demand_is_what_the_generator_makes(settings, demand):
    """Made anew for one week from the settings alone, compared as frames."""
    week = synthetic_demand(settings, start="2026-11-16", days=7, seed=settings.files.seed)
    stored = demand[demand["interval_start"] >= "2026-11-16"].reset_index(drop=True)
    assert_frame_equal(week, stored, check_dtype=False)


def test_the_stored_calls_are_what_the_generator_makes(settings, calls):
    """Made anew from the settings alone, compared as frames."""
    day = synthetic_calls(settings, day=settings.files.calls_day, seed=settings.files.seed)
    assert_frame_equal(day, calls)


def test_write_data_writes_what_is_asked(tmp_path):
    """Both files, from the folder's own settings, small and readable."""
    text = (DATA / "synthetic.toml").read_text().replace("demand_days = 56", "demand_days = 2")
    (tmp_path / "synthetic.toml").write_text(text)
    write_data(tmp_path)
    assert len(read_demand(tmp_path / "demand.parquet", MOSCOW)) == 2 * 480
    assert (tmp_path / "calls.parquet").stat().st_size < 3_000_000


def test_the_generators_queues_are_the_centres(settings):
    """Names, opening hours and the spread of handle times agree with centre.toml."""
    centre = Centre.load(DATA / "centre.toml")
    ours = {n: (q.opens, q.closes, q.handle_cv) for n, q in settings.queues.items()}
    left = {other for queue in centre.queues.values() for other in queue.follow_ups}  # no records count them
    theirs = {n: (q.opens, q.closes, q.service_cv) for n, q in centre.queues.items() if n not in left}
    assert ours == theirs
    assert (settings.time_zone, settings.country) == (centre.time_zone, centre.country)


# ------------------------------------------------------------------------------------------- single calls
def test_calls_and_demand_count_the_same(demand, calls):
    """The records of the day, grouped into intervals, are the stored demand of the day."""
    counted = calls.groupby(["queue", calls["arrival"].dt.floor("15min")]).size()
    day = demand[demand["interval_start"].dt.date.astype(str) == "2026-11-17"]
    wanted = day.set_index(["queue", "interval_start"])["calls"]
    assert_frame_equal(
        counted.reindex(wanted.index, fill_value=0).to_frame("n"), wanted.to_frame("n"), check_dtype=False
    )


def test_the_call_table_is_good(calls):
    """Every row passes the table's own check; about 24,000 calls, in order of arrival."""
    CALLS.check(calls)
    assert 22_000 < len(calls) < 26_000
    assert calls["arrival"].is_monotonic_increasing
    assert calls["call_id"].tolist() == list(range(len(calls)))


def test_abandoned_calls_have_no_agent_and_no_handle_time(calls):
    """And answered ones have both."""
    answered = calls["outcome"] == "answered"
    assert set(calls["outcome"]) == {"answered", "abandoned"}
    assert (calls["handle_s"].notna() == answered).all()
    assert (calls["agent_id"].notna() == answered).all()
    assert (calls.loc[~answered, "queue"] != "quality").all()


def test_short_calls_are_as_measured(calls):
    """FACTS: 5 % under 10 s, concentrated in a few agents, one of whom has 24 %."""
    first = calls[(calls["queue"] == "first_line") & (calls["outcome"] == "answered")]
    short = first["handle_s"] < 10
    assert short.mean() == pytest.approx(0.05, abs=0.006)
    by_agent = short.groupby(first["agent_id"]).agg(["sum", "mean"]).sort_values("mean", ascending=False)
    assert by_agent["mean"].iloc[0] == pytest.approx(0.24, abs=0.06)
    tenth = by_agent.head(len(by_agent) // 10)
    assert tenth["sum"].sum() > 0.3 * short.sum()


def test_handle_times_are_as_set(settings, calls):
    """First line: mean 200 s, CV 1.27; above 10 s the logarithm's sd is near the published .92."""
    first = calls.loc[calls["queue"] == "first_line", "handle_s"].dropna()
    assert first.mean() == pytest.approx(200, rel=0.04)
    assert first.std() / first.mean() == pytest.approx(1.27, rel=0.10)
    assert np.log(first[first >= 10]).std() == pytest.approx(0.92, abs=0.06)


def test_callers_zones_follow_the_hour(calls):
    """Before 06:00 in Moscow most calls come from the east; all day the shares are the population's."""
    people = calls[calls["queue"] != "quality"]
    east = people["utc_offset_h"] >= 5
    assert east.mean() == pytest.approx(0.314, abs=0.015)
    early = people["arrival"].dt.hour.between(3, 5)
    assert east[early].mean() > 0.6


# ------------------------------------------------------------------------------------ settings and arguments
@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "calls_weekday = 20000",
            "calls_weekday = -1",
            "queues.first_line.calls_weekday is -1, must be greater",
        ),
        ("calls_weekday = 20000", "calls_weekday = true", "queues.first_line.calls_weekday is True, must be"),
        ("calls_weekday = 20000", 'calls_weekday = "9"', "queues.first_line.calls_weekday is '9', must be"),
        ("day_cv = 0.075 ", "day_cv = nan ", "shape.day_cv is nan, must be"),
        ("calls_weekday = 20000", "", "queues.first_line.calls_weekday is missing: add it"),
        ("calls_weekday = 20000", "calls = 20000", "(and 1 more)"),
        ("share = 0.615", "share = 0.715", "population adds up to 1.1, must add up to 1"),
        ('opens = "09:00"', 'opens = "9 h"', "queues.claims.opens is '9 h', must be a time of day"),
        ('"Europe/Moscow"', '"Moscow"', "time_zone is 'Moscow', must be an IANA time zone"),
        ("schema_version = 1", "schema_version = 2", "schema_version is 2, must be 1"),
        ("[shape]", "[shape", "is not valid TOML"),
    ],
)
def test_faulty_settings_are_refused_in_one_line(tmp_path, old, new, says):
    """The file, the field, its value and the bound."""
    text = (DATA / "synthetic.toml").read_text()
    assert old in text
    path = tmp_path / "synthetic.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(PlanningError, match=re.escape(says)) as caught:
        Synthetic.load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_generators_file_is_named(tmp_path):
    with pytest.raises(PlanningError, match=r"nowhere\.toml does not exist: give the path"):
        Synthetic.load(tmp_path / "nowhere.toml")
    with pytest.raises(PlanningError, match="cannot be read"):
        Synthetic.load(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"days": 0}, "days is 0, must be a whole number in [1, 36600]"),
        ({"days": True}, "days is True"),
        ({"days": 1.5}, "days is 1.5"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": "1"}, "seed is '1'"),
        ({"interval_s": 7200}, "interval_s is 7200"),
        ({"interval_s": 1000}, "interval_s is 1000, must divide an hour"),
        ({"start": "Monday"}, "'Monday' is not a date"),
    ],
)
def test_faulty_arguments_of_the_generator_are_refused(settings, arguments, says):
    good = {"start": "2026-11-17", "days": 1, "seed": 1}
    with pytest.raises(PlanningError, match=re.escape(says)):
        synthetic_demand(settings, **(good | arguments))


def test_kinds_of_days():
    """A holiday that opens a month is a holiday, and the first business day is the next working day."""
    days = pd.DatetimeIndex(["2026-01-01", "2026-01-12", "2026-01-13", "2026-11-01", "2026-11-02"])
    assert day_kinds(days, "RU").tolist() == ["holiday", "first", "ordinary", "ordinary", "first"]
    with pytest.raises(PlanningError, match="country is 'XX'"):
        day_kinds(days, "XX")


# ------------------------------------------------------------------------------------------- demand files
@pytest.fixture
def few() -> pd.DataFrame:
    start = pd.DatetimeIndex(["2026-11-16 10:00", "2026-11-16 10:15"]).tz_localize(MOSCOW)
    return pd.DataFrame({"queue": "NA", "interval_start": start, "calls": [3.0, 0.0], "aht_s": 200.0})


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".CSV"])
def test_a_demand_file_comes_back_as_it_was(tmp_path, few, suffix):
    """Both kinds of file; times come back in the zone, whichever offset they were written with."""
    path = tmp_path / f"demand{suffix}"
    there = few.assign(interval_start=few["interval_start"].dt.tz_convert("Asia/Vladivostok"), extra=1)
    if suffix == ".parquet":
        there.to_parquet(path)
    else:
        there.assign(interval_start=[stamp.isoformat() for stamp in there["interval_start"]]).to_csv(path)
    assert_frame_equal(read_demand(path, MOSCOW), few, check_dtype=False)


def test_demand_saved_with_semicolons_is_read(tmp_path):
    """As Excel does where the decimal sign is a comma."""
    path = tmp_path / "demand.csv"
    path.write_text((HEADER + ROW).replace(",", ";").replace("200", "200,5"), encoding="utf-8-sig")
    assert read_demand(path, MOSCOW)[["queue", "calls", "aht_s"]].values.tolist() == [["a", 3.0, 200.5]]


def test_rows_with_other_offsets_are_the_same_instants(tmp_path):
    """An offset a row, as exports across a clock change have them."""
    path = tmp_path / "demand.csv"
    path.write_text(
        "queue,interval_start,calls,aht_s\na,2026-10-25T02:30:00+02:00,1,9\na,2026-10-25T02:30:00+01:00,2,9\n"
    )
    times = read_demand(path, "Europe/Berlin")["interval_start"]
    assert (times.iloc[1] - times.iloc[0]) == HOUR
    assert [stamp.strftime("%H:%M") for stamp in times] == ["02:30", "02:30"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_times_without_an_offset_are_on_the_zones_clock(tmp_path, suffix):
    """The hour that the clock shows twice is in the file once or twice; the user is told."""
    local = pd.to_datetime([f"2026-10-25 {clock}" for clock in ("01:30", "02:30", "02:30", "03:30")])
    rows = pd.DataFrame({"queue": "a", "interval_start": local, "calls": [1, 2, 3, 4], "aht_s": 9})
    rows = pd.concat([rows, rows.drop(index=2).assign(queue="b")])
    path = tmp_path / f"demand{suffix}"
    rows.to_csv(path, index=False) if suffix == ".csv" else rows.to_parquet(path)
    with pytest.warns(UserWarning, match=r"times have no offset, so they are on the clock of Europe/Berlin"):
        found = read_demand(path, "Europe/Berlin")
    hours = {name: own["interval_start"].diff().dropna() / HOUR for name, own in found.groupby("queue")}
    assert hours["a"].tolist() == [1, 1, 1]
    assert hours["b"].tolist() == [1, 2]


@pytest.mark.filterwarnings("ignore:.*no offset")
def test_a_time_that_the_clock_skips_is_refused(tmp_path):
    path = tmp_path / "demand.csv"
    path.write_text(f"{HEADER}a,2026-03-29 01:30,1,9\na,2026-03-29 02:30,1,9\n")
    with pytest.raises(PlanningError, match="row 1: interval_start is '2026-03-29 02:30'"):
        read_demand(path, "Europe/Berlin")


HEADER = "queue,interval_start,calls,aht_s\n"
ROW = "a,2026-11-16T10:00:00+03:00,3,200\n"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("demand.xlsx", "x", "ends in '.xlsx', must end in .csv or .parquet"),
        ("demand", "x", "ends in '', must end in .csv or .parquet"),
        ("demand.csv", None, "does not exist: give the path"),
        ("demand.csv", "", "is empty: give at least a header and one row"),
        ("demand.csv", HEADER, "has no rows"),
        ("demand.csv", "\n\n", "cannot be read as csv"),
        ("demand.csv", HEADER + '"', "cannot be read as csv"),
        ("demand.parquet", "no parquet", "cannot be read as parquet"),
        ("demand.csv", HEADER.replace("aht_s", "aht") + ROW, "column 'aht_s' is missing"),
        ("demand.csv", HEADER + ROW + ROW.replace("+03:00", ""), "interval_start is '2026-11-16T10:00:00'"),
        ("demand.csv", HEADER + ROW.replace(",3,", ",,"), "calls"),
        ("demand.csv", HEADER + ROW.replace(",3,", ",three,"), "calls"),
        ("demand.csv", HEADER + ROW.replace(",3,", ",-3,"), "calls"),
        ("demand.csv", HEADER + ROW.replace(",200", ",-1"), "aht_s"),
        ("demand.csv", HEADER + ROW + ROW, "queue and interval_start occur twice"),
    ],
)
def test_faulty_demand_files_are_refused_in_one_line(tmp_path, name, content, says):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(PlanningError, match=re.escape(says)) as caught:
        read_demand(path, MOSCOW)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_folder_and_a_wrong_zone_are_refused(tmp_path, few):
    (tmp_path / "demand.csv").mkdir()
    with pytest.raises(PlanningError, match="does not exist"):
        read_demand(tmp_path / "demand.csv", MOSCOW)
    with pytest.raises(PlanningError, match="zone is 'Moscow', must be an IANA time zone"):
        read_demand(DATA / "demand.parquet", "Moscow")


# ------------------------------------------------------------------------------------------- forecast
def wape(predicted: pd.Series, actual: pd.Series) -> float:
    """Weighted absolute percentage error."""
    return float((predicted - actual).abs().sum() / actual.sum())


def test_the_forecast_beats_last_week(demand):
    """Backtest over the last three weeks: WAPE by interval, against the seasonal naive, for each queue."""
    week = pd.Timedelta(weeks=1)
    end = pd.Timestamp("2026-11-23", tz=MOSCOW)
    keys = ["queue", "interval_start"]
    errors = []
    for cut in (end - 3 * week, end - 2 * week, end - week):
        history = demand[demand["interval_start"] < cut]
        naive = history.assign(interval_start=history["interval_start"] + week)
        actual = demand[(demand["interval_start"] >= cut) & (demand["interval_start"] < cut + week)]
        both = actual.merge(forecast(history, 7, zone=MOSCOW, country="RU"), on=keys, suffixes=("", "_ours"))
        both = both.merge(naive, on=keys, suffixes=("", "_naive"))
        assert len(both) == len(actual)
        errors += [
            (queue, wape(rows["calls_ours"], rows["calls"]), wape(rows["calls_naive"], rows["calls"]))
            for queue, rows in both.groupby("queue")
        ]
    mean = pd.DataFrame(errors, columns=["queue", "ours", "naive"]).groupby("queue").mean()
    assert (mean["ours"] < mean["naive"]).all()
    assert mean.loc["first_line", "ours"] < 0.09


def test_the_forecast_has_the_shape_of_demand(demand):
    """From the next midnight on, the queue's opening hours, every row good."""
    week = forecast(demand, 7, zone=MOSCOW, country="RU")
    assert_frame_equal(FORECAST.check(week), week)
    assert_frame_equal(DEMAND.check(week), week[list(DEMAND.columns)])
    assert week["interval_start"].min() == pd.Timestamp("2026-11-23", tz=MOSCOW)
    assert week["interval_start"].max() == pd.Timestamp("2026-11-29 23:45", tz=MOSCOW)
    claims = week[week["queue"] == "claims"]["interval_start"].dt.hour
    assert (claims.min(), claims.max()) == (9, 20)


def test_the_forecast_is_exact_without_noise(settings):
    """A history that is the generator's expectation is continued exactly, first business day included."""
    history = expected_demand(settings, start="2026-09-28", days=56)
    future = expected_demand(settings, start="2026-11-23", days=14)  # 1 December is a first business day
    assert_frame_equal(
        forecast(history, 14, zone=MOSCOW, country="RU")[list(DEMAND.columns)], future, check_dtype=False
    )


def test_a_holiday_ahead_follows_the_holiday_behind(settings):
    """12 June 2027 is a Saturday's holiday; the ratio of those seen in May holds for it."""
    history = expected_demand(settings, start="2027-04-01", days=61)
    future = expected_demand(settings, start="2027-06-01", days=14)
    assert_frame_equal(
        forecast(history, 14, zone=MOSCOW, country="RU")[list(DEMAND.columns)], future, check_dtype=False
    )


def test_a_holiday_never_seen_is_an_ordinary_day(settings):
    """No ratio in the history: 4 November 2026 is forecast as any Wednesday."""
    history = expected_demand(settings, start="2026-10-05", days=26)
    ahead = forecast(history, 7, zone=MOSCOW, country="RU")
    day = ahead[
        (ahead["queue"] == "first_line") & (ahead["interval_start"].dt.date.astype(str) == "2026-11-04")
    ]
    assert day["calls"].sum() == pytest.approx(20000 * 0.95)


def test_one_bad_day_does_not_move_the_forecast(settings):
    """The median: an outage's flood on one Tuesday leaves the volume of Tuesdays alone."""
    history = expected_demand(settings, start="2026-10-05", days=21)
    flood = history["interval_start"].dt.date.astype(str) == "2026-10-13"
    hit = history.assign(calls=history["calls"].where(~flood, 5 * history["calls"]))
    plain, after = (forecast(frame, 7, zone=MOSCOW, country="RU")["calls"] for frame in (history, hit))
    np.testing.assert_allclose(after, plain, rtol=1e-9)


def test_a_day_cut_short_counts_in_full(settings):
    """Records that begin at 10:00 and end at 15:00 give the same volumes as whole days."""
    history = expected_demand(settings, start="2026-10-05", days=21)
    lasting = history["interval_start"].between(
        pd.Timestamp("2026-10-05 10:00", tz=MOSCOW), pd.Timestamp("2026-10-25 15:00", tz=MOSCOW)
    )
    cut = forecast(history[lasting], 7, zone=MOSCOW, country="RU")
    first, whole = (
        f[f["queue"] == "first_line"] for f in (cut, forecast(history, 7, zone=MOSCOW, country="RU"))
    )
    assert first["calls"].sum() == pytest.approx(whole["calls"].sum(), rel=0.005)


@pytest.mark.parametrize(
    ("start", "day", "intervals"), [("2026-10-05", "2026-10-25", 100), ("2027-03-08", "2027-03-28", 92)]
)
def test_days_of_23_and_25_hours(start, day, intervals):
    """A call every quarter of an hour stays one where the clock changes, ahead or in the history."""
    day = pd.Timestamp(day, tz="Europe/Berlin")
    times = pd.date_range(pd.Timestamp(start, tz=day.tz), day, freq="15min", inclusive="left")
    history = pd.DataFrame({"queue": "a", "interval_start": times, "calls": 1.0, "aht_s": 60.0})
    ahead = forecast(history, 1, zone="Europe/Berlin", country="DE")
    assert len(ahead) == intervals
    np.testing.assert_allclose(ahead["calls"], 1.0)
    after = forecast(pd.concat([history, ahead]), 7, zone="Europe/Berlin", country="DE")
    assert len(after) == 7 * 96
    np.testing.assert_allclose(after["calls"], 1.0)


def test_the_forecast_keeps_a_queue_closed_where_it_was(settings):
    """A queue without Sundays gets none; the others keep theirs."""
    history = expected_demand(settings, start="2026-10-05", days=21)
    sunday = (history["interval_start"].dt.day_of_week == 6) & (history["queue"] == "vip")
    ahead = forecast(history[~sunday], 7, zone=MOSCOW, country="RU")
    days = ahead.groupby("queue")["interval_start"].agg(lambda times: times.dt.day_of_week.nunique())
    assert (days["vip"], days["first_line"]) == (6, 7)


def test_handle_times_are_weighted_by_calls():
    """9 calls of 100 s and 1 of 200 s are 110 s; a time of day without calls has the queue's mean."""
    times = pd.date_range("2026-10-05", periods=14 * 24, freq="h", tz=MOSCOW)
    history = pd.DataFrame({"queue": "a", "interval_start": times, "calls": 0.0, "aht_s": 50.0})
    noon = np.flatnonzero(times.hour == 12)
    history.loc[noon[0], ["calls", "aht_s"]] = 9.0, 100.0
    history.loc[noon[1], ["calls", "aht_s"]] = 1.0, 200.0
    ahead = forecast(history, 1, zone=MOSCOW, country="RU")
    np.testing.assert_allclose(ahead["aht_s"], 110.0)


def test_a_silent_queue_is_forecast_silent():
    """No calls at all: zeros, and the handle time of the records."""
    times = pd.date_range("2026-10-05", periods=14 * 24, freq="h", tz=MOSCOW)
    history = pd.DataFrame({"queue": "a", "interval_start": times, "calls": 0.0, "aht_s": 50.0})
    ahead = forecast(history, 2, zone=MOSCOW, country="RU")
    assert ahead["calls"].eq(0).all()
    assert ahead["aht_s"].eq(50).all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"horizon_days": 0}, "horizon_days is 0, must be a whole number in [1, 36600]"),
        ({"horizon_days": True}, "horizon_days is True"),
        ({"horizon_days": 7.0}, "horizon_days is 7.0"),
        ({"horizon_days": "7"}, "horizon_days is '7'"),
        ({"zone": "Moscow"}, "zone is 'Moscow'"),
        ({"country": "XX"}, "country is 'XX'"),
    ],
)
def test_faulty_arguments_of_the_forecast_are_refused(demand, arguments, says):
    good = {"horizon_days": 7, "zone": MOSCOW, "country": "RU"}
    with pytest.raises(PlanningError, match=re.escape(says)):
        forecast(demand[demand["queue"] == "vip"], **(good | arguments))


def test_short_history_is_refused(demand):
    """The queue, its days, the bound and what to do."""
    late = (demand["queue"] != "claims") | (demand["interval_start"] >= "2026-11-10")
    with pytest.raises(PlanningError, match=r"demand of claims is 13 days long, must be at least 14 .*: add"):
        forecast(demand[late], 7, zone=MOSCOW, country="RU")


def test_intervals_off_the_grid_are_refused(demand):
    """Two grids in one table: nobody could say how long an interval is."""
    vip = demand[demand["queue"] == "vip"]
    shifted = vip.assign(queue="a", interval_start=vip["interval_start"] + pd.Timedelta(seconds=400))
    with pytest.raises(PlanningError, match=r"must divide an hour|lies off the grid"):
        forecast(pd.concat([vip, shifted]), 7, zone=MOSCOW, country="RU")
    late = vip.assign(interval_start=vip["interval_start"] + pd.Timedelta(seconds=60))
    with pytest.raises(PlanningError, match="lies off the grid of 900 s from midnight"):
        forecast(late, 7, zone=MOSCOW, country="RU")
    with pytest.raises(PlanningError, match="must divide an hour"):
        forecast(vip[vip["interval_start"].dt.hour == 0].iloc[::4], 7, zone=MOSCOW, country="RU")


# ------------------------------------------------------------------------------------------- data/README.md
def markdown(frame: pd.DataFrame) -> str:
    rows = [tuple(frame.columns), ("---",) * frame.shape[1], *frame.itertuples(index=False)]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows)


def settings_tables(module: str) -> str:
    """Describe every group of settings that a module or a package offers."""
    declared = vars(importlib.import_module(module)).values()
    groups = [
        kind
        for kind in declared
        if isinstance(kind, type)
        and issubclass(kind, Settings)
        and kind is not Settings
        and kind.__module__.startswith(module)
    ]
    return "\n\n".join(f"**{group.__name__}**\n\n{markdown(described(group))}" for group in groups)


def described(group: type[Settings]) -> pd.DataFrame:
    rows = [
        (f"`{name}`", default(group, name), " ".join((field.description or "").split()))
        for name, field in group.model_fields.items()
    ]
    return pd.DataFrame(rows, columns=["setting", "default", "meaning"])


FILLED_IN = {
    "Labour": set(Labour.model_fields),
    "Pay": {"norm_h_month", "contributions", "unmet_cost_h"},
    "ShiftRules": {"lengths_h", "meal_min"},
    "Queue": {"sites"},
    "Team": {"site"},
    "Centre": {"currency", "labour", "shifts", "pay"},
}
"""Settings that a centre's file may leave out, since they follow from its country or the rest of it."""


def default(group: type[Settings], name: str) -> str:
    field = group.model_fields[name]
    if name in FILLED_IN.get(group.__name__, ()):
        return "filled in"
    if field.is_required():
        return "required"
    value = field.default
    return clock_text(value) if isinstance(value, timedelta) else f"{value}"


def with_tables(readme: str) -> str:
    """Fill in every generated table of the data dictionary."""

    def fill(marker: re.Match[str]) -> str:
        kind, name = marker["kind"], marker["name"]
        table = getattr(tables, name.upper()).dictionary() if kind == "table" else None
        body = settings_tables(name) if table is None else markdown(table)
        return f"<!-- {kind}: {name} -->\n\n{body}\n\n<!-- end -->"

    marker = re.compile(r"<!-- (?P<kind>table|settings): (?P<name>\S+) -->.*?<!-- end -->", re.DOTALL)
    return marker.sub(fill, readme)


def test_the_data_dictionary_is_true():
    """data/README.md holds every table as the package declares it; run this file to write it anew."""
    readme = (DATA / "README.md").read_text()
    assert with_tables(readme) == readme
    for table in (DEMAND, CALLS, PEOPLE, VIPS):
        assert isinstance(table, Table)
        assert markdown(table.dictionary()) in readme
    for group in (Centre, Synthetic):
        assert markdown(described(group)) in readme


def test_every_setting_says_what_it_is():
    """No setting without a meaning, in either file."""
    for module in ("planning.centre", "planning.centre.systems", "planning.demand.synthetic"):
        for line in settings_tables(module).splitlines():
            assert not line.endswith("|  |"), line


def test_every_file_of_data_is_in_the_dictionary():
    """A file that nobody described is a file that nobody can use."""
    readme = (DATA / "README.md").read_text()
    for path in DATA.iterdir():
        assert path.name == "README.md" or f"`{path.name}`" in readme, path.name


def test_aggregate_conserves_calls_and_work():
    """Longer intervals hold the same calls and the same seconds of work, queue by queue."""
    day = demand_of_a_day()
    hours = aggregate(day, 3600)
    for frame in (day, hours):
        frame["work"] = frame["calls"] * frame["aht_s"]
    sums = [frame.groupby("queue")[["calls", "work"]].sum() for frame in (day, hours)]
    pd.testing.assert_frame_equal(*sums)
    assert hours.groupby("queue").size().max() == 24


@pytest.mark.parametrize(
    ("interval_s", "sums"),
    [(1800, [2] * 50), (3600, [4] * 25), (7200, [8, 12] + [8] * 10), (86_400, [100])],
)
def test_aggregate_of_a_day_with_an_hour_twice(interval_s, sums):
    """Each of the two hours from 02:00 has intervals of its own, unless one is longer than an hour."""
    times = pd.date_range("2026-10-25", periods=100, freq="15min", tz="Europe/Berlin")
    demand = pd.DataFrame({"queue": "a", "interval_start": times, "calls": 1.0, "aht_s": 100.0})
    made = aggregate(demand, interval_s)
    assert made["calls"].tolist() == sums
    assert made["interval_start"].is_monotonic_increasing
    assert made["interval_start"].iloc[0] == times[0]


def test_aggregate_refuses_intervals_finer_than_the_demand():
    with pytest.raises(PlanningError, match="interval_s is 300, must be at least the 900 s"):
        aggregate(demand_of_a_day(), 300)


@pytest.mark.parametrize("interval_s", [0, -900, 7000])
def test_aggregate_refuses_intervals_that_do_not_divide_the_day(interval_s):
    with pytest.raises(PlanningError, match=f"interval_s is {interval_s}"):
        aggregate(demand_of_a_day(), interval_s)


def demand_of_a_day():
    return synthetic_demand(
        Synthetic.load(ROOT / "data" / "synthetic.toml"), start="2026-11-17", days=1, seed=1
    )


if __name__ == "__main__":
    README = DATA / "README.md"
    README.write_text(with_tables(README.read_text()))
