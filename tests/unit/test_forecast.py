"""Forecasts and their doubt: judged on demand whose law is known."""

import warnings

import numpy as np
import pandas as pd
import pytest
from factories import demand_of, one_site
from pandas.testing import assert_frame_equal
from scipy import stats

from planning.calendars import axis, day_start, public_holidays
from planning.demand import (
    Synthetic,
    accuracy,
    backtest,
    backtest_rest,
    best_methods,
    expected_demand,
    forecast,
    forecast_weeks,
    reforecast,
    synthetic_demand,
)
from planning.demand.doubt import learn_doubt, middle_share, quantile_calls
from planning.demand.history import special_days
from planning.demand.methods import METHODS
from planning.errors import PlanningError
from planning.queueing import agents_required
from planning.staffing import requirement, requirement_at
from planning.studies.prices import price_of_certainty
from planning.tables import FORECAST

MOSCOW = "Europe/Moscow"


@pytest.fixture(scope="module")
def settings():
    return Synthetic.load("data/synthetic.toml")


@pytest.fixture(scope="module")
def everything(settings):
    """Eight months of all queues, half-hours."""
    return synthetic_demand(settings, start="2026-03-23", days=245, seed=5, interval_s=1800)


@pytest.fixture(scope="module")
def months(everything):
    """Eight months of two queues."""
    return everything[everything["queue"].isin(["first_line", "vip"])].reset_index(drop=True)


@pytest.fixture(scope="module")
def judged(months):
    return backtest(months, zone=MOSCOW, country="RU", days=40)


# ------------------------------------------------------------------------------------------------- backtest
def test_every_method_beats_last_week(judged):
    others = judged[judged["method"] != "naive"]
    assert set(others["method"]) == set(METHODS) - {"naive"}
    assert (others["wape"] < 0.8 * others["naive_wape"]).all()
    naive = judged[judged["method"] == "naive"]
    assert (naive["wape"] == naive["naive_wape"]).all()


def test_the_chosen_method_is_not_worse_than_a_simple_one(months, judged):
    """Next-day WAPE at 30 minutes, chosen on eight weeks, judged on the 40 days that follow them."""
    before = months["interval_start"] < months["interval_start"].max().normalize() - pd.Timedelta(days=39)
    chosen = best_methods(backtest(months[before], zone=MOSCOW, country="RU", days=56))
    error = judged.set_index(["queue", "method"])["wape"]
    for queue, method in chosen.items():
        assert error[queue, method] <= error[queue][["naive", "median"]].min()


def test_errors_are_near_the_least_that_chance_leaves(months, settings, judged):
    """Against the law that the demand was drawn from: nobody can do better, and we lose a ninth at most."""
    law = expected_demand(settings, start="2026-03-23", days=245, interval_s=1800)
    both = months.merge(law, on=["queue", "interval_start"], suffixes=("", "_law"))
    last = both[both["interval_start"] >= both["interval_start"].max().normalize() - pd.Timedelta(days=39)]
    for queue, rows in last.groupby("queue"):
        least = (rows["calls_law"] - rows["calls"]).abs().sum() / rows["calls"].sum()
        assert judged[judged["queue"] == queue]["wape"].min() < 1.11 * least


def test_bands_cover_what_they_promise(everything):
    """80 % of the intervals within 5 points, queue by queue.

    Over 150 days: the intervals of a day are high or low together, so that 40 days tell little of the first
    line (a standard deviation of 4 points between eight histories).
    """
    table = backtest(everything, zone=MOSCOW, country="RU", days=150, methods=["median", "level"])
    assert table["queue"].nunique() == 6
    assert (table["coverage"] - 0.80).abs().max() < 0.05


def test_nothing_of_a_day_leaks_into_its_forecast(months):
    """Doubling the calls of the last day changes nothing that was forecast for the day before."""
    last = months["interval_start"] >= months["interval_start"].max().normalize()
    changed = months.assign(calls=months["calls"].where(~last, 2 * months["calls"]))
    two = [
        backtest(frame, zone=MOSCOW, country="RU", days=2, methods=["median", "level"])
        for frame in (months, changed)
    ]
    one = [
        backtest(f[~last], zone=MOSCOW, country="RU", days=1, methods=["median", "level"])
        for f in (months, changed)
    ]
    assert_frame_equal(*one)
    assert not two[0]["wape"].equals(two[1]["wape"])


@pytest.mark.parametrize("method", ["median", "level", "boosted"])
def test_a_law_without_noise_is_found(settings, method):
    """Weekdays, the day's shape and the first business day of the month, exactly or within a per cent."""
    history = expected_demand(settings, start="2026-03-30", days=238, interval_s=1800)
    ahead = expected_demand(settings, start="2026-11-23", days=14, interval_s=1800)
    made = forecast(history, 14, zone=MOSCOW, country="RU", method=method)
    np.testing.assert_allclose(made["calls"], ahead["calls"], rtol=1e-9 if method == "median" else 0.04)


def test_a_new_level_is_followed(settings):
    """A third more calls since six weeks: `level` follows, where the mean of all that was would not."""
    history = expected_demand(settings, start="2026-03-30", days=238, interval_s=3600)
    recent = history["interval_start"] >= pd.Timestamp("2026-10-12", tz=MOSCOW)
    history["calls"] *= np.where(recent, 1.3, 1.0)
    ahead = expected_demand(settings, start="2026-11-23", days=7, interval_s=3600)["calls"].sum()
    made = forecast(history, 7, zone=MOSCOW, country="RU", method="level")["calls"].sum()
    assert made / ahead == pytest.approx(1.3, abs=0.03)


def test_calendar_of_russia():
    """Days off that are moved, a Saturday worked for one, days after holidays, first business days."""
    days = pd.date_range("2024-04-26", "2024-05-06")
    assert special_days(days, "RU").tolist() == [
        "ordinary", "worked", "ordinary", "holiday", "holiday", "holiday", "after", "ordinary", "ordinary",
        "ordinary", "ordinary",
    ]  # fmt: skip


# ----------------------------------------------------------------------------------------------- campaigns
def test_a_history_with_a_day_that_has_no_midnight():
    """In Santiago the clocks skip midnight of 6 September 2026."""
    times = axis(day_start("2026-08-24", "America/Santiago"), 21, 3600)
    demand = pd.DataFrame({"queue": "a", "interval_start": times, "calls": 10.0, "aht_s": 100.0})
    made = forecast(demand, 7, zone="America/Santiago", country="CL")
    assert made["interval_start"].iloc[0] == day_start("2026-09-14", "America/Santiago")
    assert len(made) == 7 * 24


def test_campaigns_behind_are_taken_out_and_ahead_are_put_on(settings):
    """Half more calls on a Tuesday and on the next one: the plain days around them stay what they are."""
    history = expected_demand(settings, start="2026-10-05", days=42)
    ahead = expected_demand(settings, start="2026-11-16", days=7)
    campaigns = pd.DataFrame(
        {
            "queue": "all",
            "start": ["2026-11-10", "2026-11-17"],
            "end": ["2026-11-11", "2026-11-18"],
            "factor": 1.5,
        }
    )
    campaigns["factor"] = 1.5
    for frame, day in ((history, "2026-11-10"), (ahead, "2026-11-17")):
        frame.loc[frame["interval_start"].dt.date.astype(str) == day, "calls"] *= 1.5
    made = forecast(history, 7, zone=MOSCOW, country="RU", campaigns=campaigns)
    np.testing.assert_allclose(made["calls"], ahead["calls"], rtol=1e-9)


@pytest.mark.parametrize(
    ("campaigns", "says"),
    [
        ({"queue": ["all"], "start": ["2026-11-10"], "end": ["2026-11-11"]}, "no column 'factor'"),
        (
            {"queue": ["all"], "start": ["2026-11-10"], "end": ["2026-11-11"], "factor": [0.0]},
            "factor is 0.0",
        ),
        (
            {"queue": ["all"], "start": ["01.12.2026"], "end": ["02.12.2026"], "factor": [1.3]},
            "'01.12.2026' is not a time: write start and end as 2026-11-23 09:00",
        ),
        (
            {"queue": ["all", "vipp"], "start": "2026-11-10", "end": "2026-11-11", "factor": 1.3},
            "row 1: queue is 'vipp', must be all or one of first_line, vip",
        ),
        (
            {"queue": ["vip"], "start": ["2026-11-11"], "end": ["2026-11-10"], "factor": [1.3]},
            "row 0: end is 2026-11-10, must lie after start 2026-11-11",
        ),
        (
            {"queue": ["vip"], "start": [None], "end": ["2026-11-10"], "factor": [1.3]},
            "row 0: None is not a time",
        ),
        (
            {"queue": ["vip"], "start": ["2026-11-10"], "end": ["2026-11-11"], "factor": ["2"]},
            "row 0: factor is '2', must be a number",
        ),
    ],
)
def test_faulty_campaigns_are_refused(months, campaigns, says):
    with pytest.raises(PlanningError, match=says):
        forecast(months, 1, zone=MOSCOW, country="RU", campaigns=pd.DataFrame(campaigns))


# --------------------------------------------------------------------------------------------------- doubt
def test_campaigns_with_an_offset_are_the_same_instants(months):
    local, utc = (
        pd.DataFrame({"queue": "vip", "start": [start], "end": [end], "factor": 2.0})
        for start, end in (
            ("2026-11-23 09:00", "2026-11-23 12:00"),
            ("2026-11-23T06:00:00+00:00", "2026-11-23T09:00:00+00:00"),
        )
    )
    found, told = (forecast(months, 1, zone=MOSCOW, country="RU", campaigns=given) for given in (utc, local))
    assert_frame_equal(found, told)


def test_middle_share_against_scipy():
    """The negative binomial of scipy, and the Poisson where nothing is in doubt."""
    count, mean = np.arange(30), 12.0
    law = stats.nbinom(25.0, 25.0 / (25.0 + mean))
    np.testing.assert_allclose(
        middle_share(count, mean, 0.2), law.cdf(count) - law.pmf(count) / 2, rtol=1e-10
    )
    law = stats.poisson(mean)
    np.testing.assert_allclose(
        middle_share(count, mean, 0.0), law.cdf(count) - law.pmf(count) / 2, rtol=1e-10
    )


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_quantiles_invert_shares(share):
    """The middle share at the whole numbers around a quantile encloses the share."""
    mean = np.array([0.3, 1.0, 10.0, 400.0, 20_000.0])
    made = quantile_calls(share, mean, 0.1)
    assert (middle_share(np.ceil(made), mean, 0.1) >= share - 1e-12).all()
    positive = made > 0
    assert (middle_share(np.floor(made[positive]), mean[positive], 0.1) <= share + 1e-12).all()
    assert (np.diff(made) >= 0).all()


def test_the_doubt_that_was_drawn_is_learnt():
    """A factor per day of CV .075, a factor per interval of CV .05, Poisson calls."""
    rng = np.random.default_rng(3)
    expected = np.full((400, 48), 300.0)
    rate = expected * rng.gamma(1 / 0.075**2, 0.075**2, (400, 1)) * rng.gamma(1 / 0.05**2, 0.05**2, (400, 48))
    doubt = learn_doubt(expected, rng.poisson(rate).astype(float))
    assert doubt.day_cv == pytest.approx(0.075, rel=0.1)
    assert doubt.rate_cv == pytest.approx(np.hypot(0.075, 0.05), rel=0.1)
    sure = learn_doubt(expected, rng.poisson(expected).astype(float))
    assert sure.rate_cv < 0.01


def test_the_bands_are_in_order_and_around_the_mean(months):
    week = forecast(months, 7, zone=MOSCOW, country="RU")
    assert_frame_equal(FORECAST.check(week), week)
    assert (week["calls_p10"] <= week["calls_p50"]).all()
    assert (week["calls_p50"] <= week["calls_p90"]).all()
    assert (week["aht_p10_s"] < week["aht_s"]).all()
    assert (week["aht_s"] < week["aht_p90_s"]).all()
    assert (week["day_cv"] <= week["rate_cv"] + 1e-12).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_new_queue_is_in_the_same_doubt_with_neighbours_or_without(months, method):
    """Days before it opened are no days that it could have been forecast for; nothing warns."""
    end = months["interval_start"].max().normalize() + pd.Timedelta(days=1)
    own = (months["queue"] == "vip") & (months["interval_start"] >= end - pd.Timedelta(days=25))
    beside = months[own | (months["queue"] == "first_line")]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, alone = (
            forecast(rows, 2, zone=MOSCOW, country="RU", method=method) for rows in (beside, months[own])
        )
        weeks, weeks_alone = (
            forecast_weeks(rows, 4, zone=MOSCOW, country="RU") for rows in (beside, months[own])
        )
    assert_frame_equal(found[found["queue"] == "vip"].reset_index(drop=True), alone)
    assert_frame_equal(weeks[weeks["queue"] == "vip"].reset_index(drop=True), weeks_alone)
    assert 0 < alone["rate_cv"].iloc[0] < 0.5


def test_a_new_queue_is_judged_on_its_own_days(months):
    end = months["interval_start"].max().normalize() + pd.Timedelta(days=1)
    own = (months["queue"] == "vip") & (months["interval_start"] >= end - pd.Timedelta(days=25))
    beside = months[own | (months["queue"] == "first_line")]
    found, alone = (
        backtest(rows, zone=MOSCOW, country="RU", methods=["median"]) for rows in (beside, months[own])
    )
    assert_frame_equal(found[found["queue"] == "vip"].reset_index(drop=True), alone)
    assert alone["days"].tolist() == [11]


def test_a_handle_time_that_nobody_knew_yet_is_no_error():
    """Forecast 0 s before the first call: no warning of a division by it, and no doubt from it."""
    calls, true_s = np.full((10, 4), 20.0), np.full((10, 4), 300.0)
    expected_s = np.where(np.arange(10)[:, None] < 3, 0.0, true_s)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        doubt = learn_doubt(calls, calls, expected_s, true_s)
    assert (doubt.aht_cv, doubt.service_cv) == (0.0, 0.0)


def test_best_takes_each_queues_own_method(months):
    chosen = best_methods(backtest(months, zone=MOSCOW, country="RU", days=56))
    best, named = (
        forecast(months, 2, zone=MOSCOW, country="RU", method=method) for method in ("best", chosen)
    )
    assert_frame_equal(best, named)


# ------------------------------------------------------------------------------------------------- the ledger
def test_the_ledger_has_last_week_beside_it(months):
    end = months["interval_start"].max().normalize() - pd.Timedelta(days=6)
    history, week = months[months["interval_start"] < end], months[months["interval_start"] >= end]
    ledger = accuracy(forecast(history, 7, zone=MOSCOW, country="RU"), week, history)
    assert (ledger["wape"] < ledger["naive_wape"]).all()
    assert ledger["intervals"].tolist() == [7 * 48, 7 * 48]
    assert ledger["coverage"].between(0.6, 0.95).all()
    with pytest.raises(PlanningError, match="demand has no interval of the forecast"):
        accuracy(forecast(history, 7, zone=MOSCOW, country="RU"), history, history)


def test_a_week_that_is_not_known_is_not_taken_for_one_without_calls(months):
    """Else any forecast looks good beside last week's."""
    end = months["interval_start"].max().normalize() - pd.Timedelta(days=6)
    history, week = months[months["interval_start"] < end], months[months["interval_start"] >= end]
    made = forecast(history, 7, zone=MOSCOW, country="RU")
    known = history["interval_start"] < end - pd.Timedelta(days=3)
    whole, half, none = (accuracy(made, week, part) for part in (history, history[known], history[:9]))
    first_days = week[week["interval_start"] < end + pd.Timedelta(days=4)]
    assert_frame_equal(half[["naive_wape"]], accuracy(made, first_days, history)[["naive_wape"]])
    assert none["naive_wape"].isna().all()
    assert_frame_equal(none.drop(columns="naive_wape"), whole.drop(columns="naive_wape"))


def test_last_week_is_by_the_clock_on_the_wall():
    """Clocks went back on 25 October: a forecast that is last week's own has last week's error."""
    times = pd.date_range("2026-09-28", "2026-10-29", freq="30min", tz="Europe/Berlin", inclusive="left")
    calls = 50.0 + 40.0 * np.sin(times.hour) + times.day_of_year
    demand = pd.DataFrame({"queue": "a", "interval_start": times, "calls": calls, "aht_s": 200.0})
    history, days = demand[times < "2026-10-26"], demand[times >= "2026-10-26"]
    made = forecast(history, 3, zone="Europe/Berlin", country="DE", method="naive")
    ledger = accuracy(made, days, history)
    assert ledger["naive_wape"].iloc[0] == pytest.approx(ledger["wape"].iloc[0], rel=1e-12)


# -------------------------------------------------------------------------------------------------- intraday
def test_the_rest_of_the_day_follows_its_morning(settings):
    """The factor that drew a day is found by noon: the error of the afternoon falls, the band narrows."""
    year = synthetic_demand(settings, start="2026-01-12", days=90, seed=8, interval_s=1800)
    year = year[year["queue"] == "first_line"].reset_index(drop=True)
    errors = []
    for day in range(60, 90):
        start = year["interval_start"].min() + pd.Timedelta(days=day)
        history = year[year["interval_start"] < start]
        today = year[
            (year["interval_start"] >= start) & (year["interval_start"] < start + pd.Timedelta(days=1))
        ]
        made = forecast(history, 1, zone=MOSCOW, country="RU")
        rest = reforecast(
            made, today[today["interval_start"].dt.hour < 12], history, zone=MOSCOW, country="RU"
        )
        both = rest.merge(made, on="interval_start", suffixes=("", "_made")).merge(
            today, on="interval_start", suffixes=("", "_true")
        )
        assert (both["rate_cv"] < both["rate_cv_made"]).all()
        assert both["interval_start"].dt.hour.min() == 12
        errors.append([(both[name] - both["calls_true"]).abs().sum() for name in ("calls", "calls_made")])
    after, before = np.sum(errors, axis=0)
    assert after < 0.85 * before


def test_a_morning_as_expected_changes_no_mean(months):
    made = forecast(months, 1, zone=MOSCOW, country="RU")
    morning = made[made["interval_start"].dt.hour < 9][["queue", "interval_start", "calls", "aht_s"]]
    rest = reforecast(made, morning, months, zone=MOSCOW, country="RU")
    later = made[made["interval_start"].dt.hour >= 9].reset_index(drop=True)
    both = rest.merge(later, on=["queue", "interval_start"], suffixes=("", "_before"))
    np.testing.assert_allclose(both["calls"], both["calls_before"], rtol=1e-12)
    with pytest.raises(PlanningError, match="must end inside a day of plan"):
        reforecast(
            made, made[["queue", "interval_start", "calls", "aht_s"]], months, zone=MOSCOW, country="RU"
        )


def test_a_plan_of_two_days_has_nothing_left_of_a_day_that_is_over(months):
    made = forecast(months, 2, zone=MOSCOW, country="RU")
    today = made[made["interval_start"] < made["interval_start"].min() + pd.Timedelta(days=1)]
    with pytest.raises(PlanningError, match=r"so_far ends at .* 23:30:00\+03:00, must end inside a day"):
        reforecast(made, today, months, zone=MOSCOW, country="RU")


def test_a_plan_from_a_file_has_the_same_rest_of_the_day(months, tmp_path):
    """Its times come in UTC, whose day begins and ends three hours later than Moscow's."""
    made = forecast(months, 2, zone=MOSCOW, country="RU")
    early = made[made["interval_start"] < made["interval_start"].min() + pd.Timedelta(hours=2)]
    made.to_csv(tmp_path / "plan.csv", index=False)
    from_file, rest = (
        reforecast(plan, early, months, zone=MOSCOW, country="RU")
        for plan in (pd.read_csv(tmp_path / "plan.csv"), made)
    )
    assert_frame_equal(from_file, rest)
    assert len(rest) == 2 * 44


@pytest.fixture(scope="module")
def mornings():
    """Twenty weeks of two queues: the rest of a day follows the root of its morning, or does not."""
    rng = np.random.default_rng(3)
    times = axis(day_start("2026-03-02", MOSCOW), 140, 3600)
    shape = np.where((times.hour >= 8) & (times.hour < 20), 400.0, 0.0)
    parts = []
    for queue, weight in (("follows", 0.5), ("does_not", 0.0)):
        morning, rest = rng.normal(0.0, 0.12, (2, 140))
        by_day = np.where(
            times.hour < 12, np.repeat(morning, 24), np.repeat(weight * morning + 0.3 * rest, 24)
        )
        calls = rng.poisson(shape * np.exp(by_day)).astype(float)
        parts.append(pd.DataFrame({"queue": queue, "interval_start": times, "calls": calls, "aht_s": 200.0}))
    return pd.concat(parts, ignore_index=True)


def test_history_tells_what_a_morning_is_worth(mornings):
    """The weight that drew the days is found, and 0 where there is none: no forecast gets worse."""
    table = backtest_rest(mornings, zone=MOSCOW, country="RU", cuts=["12:00"], days=70).set_index("queue")
    assert table.loc["follows", "weight"] == pytest.approx(0.5, abs=0.12)
    assert table.loc["does_not", "weight"] == pytest.approx(0.0, abs=0.05)
    assert table.loc["follows", "wape"] < 0.9 * table.loc["follows", "wape_evening"]
    assert table.loc["does_not", "wape"] < 1.01 * table.loc["does_not", "wape_evening"]
    assert table["coverage"].between(0.75, 0.85).all()


def test_no_cut_of_the_example_gets_worse_by_its_morning(everything):
    """Six queues at three times of day."""
    table = backtest_rest(everything, zone=MOSCOW, country="RU", cuts=["09:00", "12:00", "16:00"])
    assert (table["wape"] <= 1.01 * table["wape_evening"]).all()
    assert table["coverage"].mean() == pytest.approx(0.8, abs=0.05)
    assert len(table) == 3 * 6


def test_a_morning_with_a_hole_is_weighed_by_what_it_has(mornings):
    """The hours that came count, in history as today; a clock ahead of the calls is taken as it is."""
    last = mornings["interval_start"].max().normalize()
    history, today = (
        mornings[mornings["interval_start"] < last],
        mornings[mornings["interval_start"] >= last],
    )
    plan = today.assign(calls=today["calls"].where(today["interval_start"].dt.hour >= 12, 400.0))
    hours = today["interval_start"].dt.hour
    whole = today[(hours >= 8) & (hours < 12)].assign(calls=600.0)
    now = last + pd.Timedelta(hours=12)
    one, two = (
        reforecast(plan, part, history, zone=MOSCOW, country="RU", now=now)
        for part in (whole, whole[whole["interval_start"].dt.hour != 10])
    )
    assert len(one) == len(two) == 2 * 12
    more = two["calls"].sum() / plan.loc[hours >= 12, "calls"].sum()
    assert 1.05 < more < 1.5
    assert two["calls"].sum() == pytest.approx(one["calls"].sum(), rel=0.1)


def test_a_queue_without_history_is_named(mornings):
    last = mornings["interval_start"].max().normalize()
    today = mornings[mornings["interval_start"] >= last]
    known = mornings[(mornings["interval_start"] < last) & (mornings["queue"] == "follows")]
    with pytest.raises(PlanningError, match="history has no row of does_not, which the plan has"):
        reforecast(today, today[:9], known, zone=MOSCOW, country="RU")
    with pytest.raises(PlanningError, match="cuts has 'noon', must be a time of day: write it as '12:00'"):
        backtest_rest(known, zone=MOSCOW, country="RU", cuts=["noon"])


# ------------------------------------------------------------------------------------------------ long range
def test_64_weeks_have_their_mondays_and_their_holidays(settings):
    """Volumes of the law itself, New Year's week among them; doubt grows."""
    history = expected_demand(settings, start="2025-11-24", days=364, interval_s=3600)
    history = history[history["queue"].isin(["first_line", "claims"])]
    weeks = forecast_weeks(history, zone=MOSCOW, country="RU")
    assert weeks.groupby("queue").size().tolist() == [64, 64]
    assert (weeks["week_start"].dt.day_of_week == 0).all()
    law = expected_demand(settings, start="2026-11-23", days=448, interval_s=3600)
    law = law[law["queue"] == "first_line"]
    monday = law["interval_start"].dt.tz_localize(None).dt.to_period("W-SUN").dt.start_time
    true = law.groupby(monday)["calls"].sum().to_numpy()
    first = weeks[weeks["queue"] == "first_line"]
    np.testing.assert_allclose(first["calls"], true, rtol=0.06)
    lowest = first.iloc[int(true.argmin())]
    assert lowest["calls"] == pytest.approx(first["calls"].min(), rel=1e-9)
    assert lowest["week_start"] in (pd.Timestamp("2027-01-04"), pd.Timestamp("2028-01-03"))
    width = (first["calls_p90"] - first["calls_p10"]) / first["calls"]
    assert width.iloc[-1] > width.iloc[0] > 0


def test_a_season_of_last_year_comes_again(settings):
    """More than a year behind: a summer with a fifth more calls is expected again."""
    history = expected_demand(settings, start="2025-09-01", days=448, interval_s=3600)
    history = history[history["queue"] == "first_line"].reset_index(drop=True)
    summer = history["interval_start"].dt.month.isin([6, 7, 8])
    history["calls"] *= np.where(summer, 1.2, 1.0)
    weeks = forecast_weeks(history, 52, zone=MOSCOW, country="RU").set_index("week_start")["calls"]
    assert weeks["2027-07-05":"2027-08-01"].mean() / weeks["2027-03-08":"2027-04-04"].mean() > 1.1


def test_a_new_queue_beside_a_long_one_has_no_season(settings):
    """The days before it opened were taken for a season without calls."""
    history = expected_demand(settings, start="2025-09-01", days=448, interval_s=3600)
    opened = history["interval_start"].max() - pd.Timedelta(days=100)
    own = (history["queue"] == "vip") & (history["interval_start"] > opened)
    beside = forecast_weeks(history[own | (history["queue"] == "claims")], 52, zone=MOSCOW, country="RU")
    alone = forecast_weeks(history[own], 52, zone=MOSCOW, country="RU")
    assert_frame_equal(beside[beside["queue"] == "vip"].reset_index(drop=True), alone)


@pytest.mark.parametrize("weeks", [0, True, 1.5])
def test_weeks_that_are_no_number_are_refused(months, weeks):
    with pytest.raises(PlanningError, match="weeks is"):
        forecast_weeks(months, weeks, zone=MOSCOW, country="RU")


# ------------------------------------------------------------------------------------------------ arguments
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"method": "magic"}, "method is 'magic', must be one of best, naive, median, level, boosted"),
        ({"method": {"vip": "median"}}, "method names no way to forecast 'first_line'"),
    ],
)
def test_faulty_methods_are_refused(months, arguments, says):
    with pytest.raises(PlanningError, match=says):
        forecast(months, 1, zone=MOSCOW, country="RU", **arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"days": 0}, "^days is 0, must be"),
        ({"leads": (1, 0)}, r"^leads\[1\] is 0, must be"),
        ({"methods": ["magic"]}, "method is 'magic'"),
        ({"leads": (240,)}, "too short to look back 240 days"),
    ],
)
def test_faulty_arguments_of_the_backtest_are_refused(months, arguments, says):
    with pytest.raises(PlanningError, match=says):
        backtest(months, zone=MOSCOW, country="RU", **arguments)


# --------------------------------------------------------------------------------------- from doubt to staff
def forecast_of(rate_cv, aht_cv=0.0):
    day = demand_of(60.0, hours=(9, 12))
    doubt = {"rate_cv": rate_cv, "day_cv": rate_cv, "aht_cv": aht_cv}
    bands = {"calls_p10": 0.0, "calls_p50": 0.0, "calls_p90": 0.0, "aht_p10_s": 0.0, "aht_p90_s": 0.0}
    return day.assign(**bands, **doubt)


@pytest.mark.parametrize("probability", [0.3, 0.8, 0.95])
def test_the_target_is_met_as_often_as_asked(probability):
    """Rates drawn from the doubt: the share of them that the agents serve, and one agent less does not."""
    centre = one_site()
    needed = requirement_at(centre, forecast_of(0.1, 0.05), probability)["agents"].iloc[0]
    cv2 = 0.1**2 + 0.05**2
    calls = 60.0 * np.random.default_rng(1).gamma(1 / cv2, cv2, 20_000)
    target = centre.queues["calls"].target
    asked = agents_required(calls, 240.0, target, patience_s=300.0)
    assert (asked <= needed).mean() >= probability - 0.01
    assert (asked <= needed - 1).mean() < probability + 0.01


def test_without_doubt_certainty_costs_nothing():
    centre = one_site()
    plain = requirement(centre, demand_of(60.0, hours=(9, 12)))
    assert_frame_equal(requirement_at(centre, forecast_of(0.0), 0.99), plain)


def test_each_point_of_certainty_costs_more_than_the_one_before():
    table = price_of_certainty(one_site(), forecast_of(0.1), "calls", [0.5, 0.7, 0.9, 0.99])
    assert table["cost"].is_monotonic_increasing
    assert table["agent_hours"].is_monotonic_increasing
    assert table["cost_point"].iloc[-1] > table["cost_point"].iloc[1] > 0


@pytest.mark.parametrize("probability", [0, 1, 80, True, float("nan"), "0.9"])
def test_a_probability_that_cannot_be_is_refused(probability):
    with pytest.raises(PlanningError, match="probability is"):
        requirement_at(one_site(), forecast_of(0.1), probability)


def test_a_weekend_of_friday_and_saturday():
    """A made-up Egyptian centre with its holidays, the last four weeks forecast from the day before each.

    On Fridays and Saturdays the default errs no more than the last same weekday, and far less than where the
    weekend is taken for Saturday and Sunday.
    """
    zone, week = "Africa/Cairo", pd.DateOffset(days=7)
    times = axis(pd.Timestamp("2026-01-05", tz=zone), 300, 3600)
    rest = np.isin(times.day_of_week, (4, 5))
    holiday = np.isin(times.date, list(public_holidays("EG", (2026,))))
    rng = np.random.default_rng(1)
    luck = rng.lognormal(0, 0.08, 300)[np.unique(times.date, return_inverse=True)[1]]
    shape = np.exp(-(((times.hour - np.where(rest | holiday, 20, 11)) / 3) ** 2))
    calls = rng.poisson(np.where(rest, 15.0, 80.0) * np.where(holiday, 0.4, 1.0) * shape * luck)
    demand = pd.DataFrame({"queue": "calls", "interval_start": times, "calls": calls, "aht_s": 200.0})
    true = demand.set_index("interval_start")["calls"][rest]
    errors = dict.fromkeys(("EG", "none", "last week"), 0.0)
    for first in pd.date_range("2026-10-04", periods=4, freq="7D", tz=zone):
        now = true[(true.index >= first) & (true.index < first + week)]
        for country in ("EG", "none"):
            found = forecast(demand[times < first], 7, zone=zone, country=country)
            errors[country] += (
                (found.set_index("interval_start")["calls"].reindex(now.index) - now).abs().sum()
            )
        errors["last week"] += np.abs(true.reindex(now.index - week).to_numpy() - now).sum()
    assert errors["EG"] <= errors["last week"]
    assert errors["EG"] < errors["none"] / 4
