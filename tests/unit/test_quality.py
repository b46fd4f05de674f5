"""The quality group: its work, its samples, and what they can tell; each number by a second route."""

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, demand_of, one_site
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from planning import Centre, PlanningError, audit, build_roster, cover, read_people, requirement
from planning.demand import Synthetic
from planning.shifts import cover_all, waiting_work
from planning.studies.sampling import every_nth, in_order, mystery_calls, never_rung, sample_calls
from planning.studies.verdicts import (
    Prior,
    best_bar,
    control_chart,
    fair_test,
    prior_of,
    short_calls,
    shrunk,
    wrong_verdicts,
)
from planning.systems.quality import review_demand, with_reviews, workload


@pytest.fixture(scope="module")
def quality():
    return Centre.load().systems.quality


@pytest.fixture(scope="module")
def calls():
    table = pd.read_parquet("data/calls.parquet")
    return table[table["queue"] == "first_line"]


def log(agents: dict[str, int], seed: int = 1) -> pd.DataFrame:
    """Calls of a few agents, lognormal in length, over a day."""
    rng = np.random.default_rng(seed)
    who = np.repeat(list(agents), list(agents.values()))
    seconds = np.sort(rng.uniform(0, 86_400, len(who)))
    return pd.DataFrame(
        {
            "call_id": np.arange(len(who)),
            "queue": "calls",
            "utc_offset_h": 3,
            "arrival": MONDAY + pd.to_timedelta(seconds, unit="s"),
            "wait_s": 0.0,
            "handle_s": rng.lognormal(5, 1, len(who)).round(1),
            "outcome": "answered",
            "agent_id": rng.permutation(who),
        }
    )


# --- the work -------------------------------------------------------------------------------------


def test_workload_by_hand(quality):
    """Ten calls of 240 s with 400 operators: 4,000 x (1.1 x 4 + 9) minutes and so on."""
    table = workload(quality, operators=400, call_s=240.0)
    assert table.loc["listening", "hours"] == pytest.approx(4000 * 13.4 / 60)
    assert table.loc["mystery calls", "hours"] == pytest.approx(200 * 15 / 60)
    assert table.loc["feedback", "hours"] == pytest.approx(400 * 20 / 60)
    assert table["hours"].sum() == pytest.approx(1.03 * (4000 * 13.4 + 200 * 15 + 400 * 20) / 60)


def test_work_is_planned_like_a_queue_and_nothing_is_lost(quality):
    """A day's pieces x time is the month's hours x 12 / 365, and agents follow from it."""
    work = workload(quality, operators=100, call_s=240.0)
    centre = one_site().replace({"queues.calls.opens": "09:00", "queues.calls.closes": "21:00"})
    demand = review_demand(centre, work, start="2026-11-23", days=2, queue="calls")
    hours = (demand["calls"] * demand["aht_s"]).sum() / 3600
    assert hours == pytest.approx(work["hours"].sum() * 12 / 365 * 2)
    assert len(demand) == 2 * 48
    needed = requirement(centre, demand)
    assert (needed["agents"] >= hours / 24).all()


@pytest.mark.parametrize(
    ("operators", "call_s", "text"), [(0, 240.0, "operators is 0"), (5, 0.0, "call_s is 0")]
)
def test_work_that_cannot_be_is_refused(quality, operators, call_s, text):
    with pytest.raises(PlanningError, match=text):
        workload(quality, operators=operators, call_s=call_s)


def reviews(centre, quality, start, days=7, operators=500):
    work = workload(quality, operators=operators, call_s=220.0)
    return work, requirement(centre, review_demand(centre, work, start=start, days=days))


def test_shifts_hold_the_work_and_no_head_more(quality):
    """Hours on position x occupancy x presence are the week's work, and one shift less is too few."""
    centre = Centre.load()
    work, needed = reviews(centre, quality, "2026-11-02", operators=400)
    plan = cover_all(centre, needed)
    shifts = plan.shifts[plan.shifts["team"] == "quality_moscow"]
    # A day shift: 8 h paid, of which four rests of a quarter of an hour; 4 November is a holiday.
    useful = 7.0 * 0.9 * 0.9
    week_h = work["hours"].sum() * 12 / 365 * 7
    assert (shifts["headcount"].sum() - 1) * useful < week_h <= shifts["headcount"].sum() * useful
    assert shifts["start"].dt.strftime("%a").tolist() == ["Mon", "Tue", "Thu", "Fri"]
    assert shifts["headcount"].max() - shifts["headcount"].min() <= 1
    people, _ = read_people("data/people.csv", centre)
    own = people[people["team"] == "quality_moscow"]
    with pytest.warns(UserWarning, match="have a last_end after the first day"):
        roster = build_roster(centre, shifts, own)  # their tail is that of a later week
    # The week's norm is 31 h, less than four such shifts; the month has room for what is more.
    assert (own["contract_h_week"] / 40 * 31 // 8).sum() < shifts["headcount"].sum()
    assert roster.unmet.empty
    assert audit(centre, roster.roster, own).empty
    (row,) = waiting_work(centre, needed, plan).itertuples()
    assert row.work_h == pytest.approx(week_h)
    # From Friday evening to Monday, and Monday's share of the backlog.
    assert 2.5 < row.oldest_days <= row.due_days


def test_whole_shifts_need_fewer_hours_than_a_line(quality):
    centre = Centre.load()
    _, needed = reviews(centre, quality, "2026-11-23")
    free = cover_all(centre, needed).teams.loc["quality_moscow", "paid_h"]
    assert free < 0.95 * cover(centre, needed).teams.loc["quality_moscow", "paid_h"]


def test_a_short_promise_is_covered_day_by_day(quality):
    """Within a day nothing may wait for Monday: somebody comes on Sunday too, and nothing is late."""
    centre = Centre.load().replace({"queues.quality.due_days": 1.0})
    _, needed = reviews(centre, quality, "2026-11-23", operators=100)
    plan = cover_all(centre, needed)
    assert set(plan.shifts[plan.shifts["team"] == "quality_moscow"]["start"].dt.day_of_week) == set(range(7))
    assert waiting_work(centre, needed, plan)["oldest_days"].max() <= 1


def test_plans_take_the_work_of_the_people_there_are(quality):
    """Ten calls of everybody who answers calls, regardless of the demand; not of doctors and reviewers."""
    centre = Centre.load()
    people, _ = read_people("data/people.csv", centre)
    calls = demand_of(100.0, queue="first_line", days=7)
    had = review_demand(centre, workload(quality, operators=7, call_s=60.0), start="2026-11-23", days=7)
    found = with_reviews(centre, pd.concat([calls, had]), people)
    operators = int((~people["grade"].isin(["quality", "doctor"])).sum())
    month = workload(quality, operators=operators, call_s=240.0)["hours"].sum()
    own = found[found["queue"] == "quality"]
    assert (own["calls"] * own["aht_s"]).sum() / 3600 == pytest.approx(month * 12 / 365 * 7)
    first = found[found["queue"] == "first_line"].reset_index(drop=True)
    pd.testing.assert_frame_equal(first[list(calls.columns)], calls)
    twice = centre.replace({"systems.quality.calls_month": 20})
    assert with_reviews(twice, pd.concat([calls, had]), people)["calls"].sum() > found["calls"].sum()
    for same in (calls, pd.concat([calls, had])):
        plain = centre if same is calls else centre.replace({"systems.quality": None})
        kept = with_reviews(plain, same, people)[list(same.columns)].reset_index(drop=True)
        pd.testing.assert_frame_equal(kept, same.reset_index(drop=True))


def test_the_days_of_reviews_are_those_of_the_centre():
    """A day there lies on two days of another clock, and is still one."""
    centre = Centre.load()
    day = pd.concat([demand_of(100.0, queue="first_line"), demand_of(1.0, queue="quality", hours=(9, 21))])
    elsewhere = day.assign(interval_start=day["interval_start"].dt.tz_convert("UTC"))
    here, there = with_reviews(centre, day), with_reviews(centre, elsewhere)
    pd.testing.assert_series_equal(there["calls"], here["calls"])
    assert (there["interval_start"] == here["interval_start"]).all()


def test_reviews_of_a_demand_that_cannot_be_are_refused():
    """In the words of every other plan, not as a fault of the quality group's."""
    day = pd.concat([demand_of(100.0, queue="first_line"), demand_of(1.0, queue="quality", hours=(9, 21))])
    with pytest.raises(PlanningError, match="demand names queue 'lost', must be one of first_line"):
        with_reviews(Centre.load(), pd.concat([day, demand_of(1.0, queue="lost")]))
    with pytest.raises(PlanningError, match="must be a time with its offset"):
        with_reviews(Centre.load(), day.assign(interval_start=day["interval_start"].dt.tz_localize(None)))


def test_mystery_calls_reach_every_hour_of_duty_alike(quality):
    """Calls by agents on position: as many an agent-hour by day as at night; chance spares some."""
    needed = requirement(Centre.load(), demand_of(200.0, 200.0, queue="first_line", days=28))
    times = mystery_calls(quality, needed, "first_line", operators=4000)
    assert len(times) == round(0.5 * 4000 * 28 / (365 / 12))
    by_hour = pd.Series(1, times).groupby(times.hour).sum()
    agents = needed.groupby(needed["interval_start"].dt.hour)["agents"].sum()
    expected = len(times) * agents / agents.sum()
    assert (((by_hour - expected) ** 2 / expected).sum()) < stats.chi2.isf(0.001, 23)
    assert times.is_monotonic_increasing
    again = mystery_calls(quality, needed, "first_line", operators=4000)
    assert times.equals(again)
    # Each of 300 operators is reached with the same chance by each of 600 calls.
    rng = np.random.default_rng(1)
    missed = np.mean([300 - len(np.unique(rng.integers(0, 300, 600))) for _ in range(200)]) / 300
    assert never_rung(quality, 4) == pytest.approx(missed, abs=0.01)
    with pytest.raises(PlanningError, match="queue is 'x', must be one of first_line"):
        mystery_calls(quality, needed, "x", operators=10)


def test_unknown_queue_is_refused(quality):
    with pytest.raises(PlanningError, match="queue is 'quality', must be one of 'calls'"):
        review_demand(one_site(), workload(quality, operators=1, call_s=1.0), start="2026-11-23", days=1)


# --- the sample -----------------------------------------------------------------------------------


@given(st.integers(1, 60), st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_every_call_has_the_same_chance(total, picks):
    """All random starts: between two breaks, multiples of 1 / total, the picks do not change."""
    picks = min(picks, total)
    drawn = [every_nth(total, picks, (i + 0.5) / total) for i in range(total)]
    assert all(len(set(places)) == picks for places in drawn)
    assert np.bincount(np.concatenate(drawn), minlength=total).tolist() == [picks] * total


def test_sample_is_unbiased_by_length_and_hour():
    """Over all random starts, the mean length and hour of the sample are those of all calls, exactly."""
    own = log({"a": 97}).rename_axis(None)
    order = in_order(own, 10)
    starts = [(i + 0.5) / len(own) for i in range(len(own))]
    samples = [own.iloc[order[every_nth(len(own), 10, start)]] for start in starts]
    for values in (lambda s: s["handle_s"], lambda s: s["handle_s"] ** 2, lambda s: s["arrival"].dt.hour):
        assert np.mean([values(s).mean() for s in samples]) == pytest.approx(values(own).mean(), rel=1e-12)


def test_stratified_sample_varies_less_than_a_plain_one():
    """What the classes buy: the mean length of the sample swings less than that of ten calls by lot."""
    own = log({"a": 120})
    means = [sample_calls(own, 10, seed=seed)["handle_s"].mean() for seed in range(60)]
    by_lot = own["handle_s"].std() / np.sqrt(10) * np.sqrt(1 - 10 / 120)
    assert np.std(means) < 0.8 * by_lot


def test_each_third_of_the_lengths_is_heard():
    """Three classes of length: three or four of ten calls come from each."""
    own = log({"a": 90})
    thirds = pd.qcut(own["handle_s"].rank(method="first"), 3, labels=False)
    for seed in range(20):
        picked = sample_calls(own, 10, seed=seed)["call_id"]
        counts = thirds[own["call_id"].isin(picked)].value_counts()
        assert counts.min() >= 3


def test_months_never_repeat_a_call_and_use_all_in_the_end():
    own = log({"a": 35, "b": 12})
    earlier: list[int] = []
    for month in range(4):
        drawn = sample_calls(own, 10, seed=month, earlier=earlier)
        assert not set(drawn["call_id"]) & set(earlier)
        earlier += drawn["call_id"].tolist()
    assert sorted(earlier) == list(range(47))
    assert sample_calls(own, 10, earlier=earlier).empty


def test_sample_repeats_and_depends_on_nobody_else():
    """The same seed, rows in any order, another colleague: the same ten calls."""
    own = log({"a": 50, "b": 60})
    one = sample_calls(own, 10, seed=3)
    shuffled = sample_calls(own.sample(frac=1, random_state=5), 10, seed=3)
    alone = sample_calls(own[own["agent_id"] == "a"], 10, seed=3)
    assert one["call_id"].tolist() == shuffled["call_id"].tolist()
    assert one.loc[one["agent_id"] == "a", "call_id"].tolist() == alone["call_id"].tolist()
    assert one["call_id"].tolist() != sample_calls(own, 10, seed=4)["call_id"].tolist()


def test_weights_stand_for_all_calls():
    own = log({"a": 50, "b": 7})
    weights = sample_calls(own, 10).groupby("agent_id")["weight"].sum()
    assert weights.to_dict() == pytest.approx({"a": 50, "b": 7})


def test_abandoned_calls_are_passed_over():
    own = log({"a": 5}).astype({"agent_id": object})
    own.loc[0, ["outcome", "agent_id", "handle_s"]] = ["abandoned", None, np.nan]
    assert set(sample_calls(own, 10)["outcome"]) == {"answered"}
    assert len(sample_calls(own, 10)) == 4


def test_samples_that_cannot_be_are_refused():
    own = log({"a": 5})
    with pytest.raises(PlanningError, match="per_agent is 0"):
        sample_calls(own, 0)
    with pytest.raises(PlanningError, match="handle_s is -1"):
        sample_calls(own.assign(handle_s=-1.0))


# --- verdicts -------------------------------------------------------------------------------------


def test_wrong_verdicts_by_enumeration():
    """Ten coins, every outcome counted."""
    found = wrong_verdicts(10, 8, good=0.9, bad=0.7).iloc[0]
    outcomes = np.array(np.meshgrid(*[[0, 1]] * 10)).reshape(10, -1).sum(axis=0)
    chance = {p: p**outcomes * (1 - p) ** (10 - outcomes) for p in (0.9, 0.7)}
    assert found["blamed"] == pytest.approx(chance[0.9][outcomes < 8].sum())
    assert found["missed"] == pytest.approx(chance[0.7][outcomes >= 8].sum())


@pytest.mark.parametrize(("good", "bad", "risk"), [(0.9, 0.75, 0.05), (0.95, 0.6, 0.1), (0.9, 0.85, 0.1)])
def test_fair_test_is_the_least_by_trying_every_bar(good, bad, risk):
    test = fair_test(good, bad, risk=risk)
    assert max(test.blamed, test.missed) <= risk
    n, c = np.meshgrid(np.arange(1, test.calls), np.arange(0, test.calls + 1))
    worst = np.maximum(stats.binom.cdf(c - 1, n, good), stats.binom.sf(c - 1, n, bad))
    assert worst.min() > risk


def test_best_bar_agrees_with_the_fair_test():
    """At the fewest fair calls the best bar keeps the risk; at one call less no bar does."""
    test = fair_test(0.9, 0.75, risk=0.05)
    rows = best_bar([test.calls - 1, test.calls], good=0.9, bad=0.75)
    worst = rows[["blamed", "missed"]].max(axis=1)
    assert worst[0] > 0.05 >= worst[1]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0.9, 0.9, 0.05), r"bad is 0.9, must lie in \[0, 0.9\)"),
        ((90, 0.7, 0.05), "good is 90"),
        ((0.9, 0.7, 0.5), "risk is 0.5"),
        ((0.9, 0.8999, 0.05), "cannot be told apart"),
    ],
)
def test_tests_that_cannot_be_fair_are_refused(arguments, text):
    good, bad, risk = arguments
    with pytest.raises(PlanningError, match=text):
        fair_test(good, bad, risk=risk)


def test_more_passes_than_calls_are_refused():
    with pytest.raises(PlanningError, match="row 1: 11 of 10"):
        shrunk([9, 11], [10, 10], Prior(0.9, 30.0))


def test_prior_is_found_again():
    """Scores of operators whose truth is known: the mean and the strength come back."""
    rng = np.random.default_rng(5)
    truth = rng.beta(0.88 * 30, 0.12 * 30, 4000)
    prior = prior_of(rng.binomial(40, truth), 40)
    assert prior.mean == pytest.approx(0.88, abs=0.005)
    assert prior.strength == pytest.approx(30, rel=0.12)


def test_prior_against_moments():
    """Variance of the scores between operators: m (1 - m) (1 + (n - 1) / (s + 1)) / n, another route."""
    rng = np.random.default_rng(6)
    passed = rng.binomial(50, rng.beta(8, 2, 6000))
    mean, var = (passed / 50).mean(), (passed / 50).var()
    icc = (50 * var / (mean * (1 - mean)) - 1) / 49
    assert prior_of(passed, 50).strength == pytest.approx(1 / icc - 1, rel=0.06)


def test_operators_who_are_all_alike_are_not_told_apart():
    """Two different coins seen evenly: no more spread than luck, so all are estimated alike."""
    prior = prior_of([9, 9, 9, 9], [10, 10, 10, 10])
    assert prior.strength > 1e5
    assert shrunk([9, 10], [10, 10], prior)["estimate"].to_numpy() == pytest.approx([0.9, 0.9], abs=1e-3)


def test_one_operator_teaches_no_spread():
    with pytest.raises(PlanningError, match="at least 2"):
        prior_of([9], [10])


def test_shrunk_against_numeric_integration():
    """The mean of prior x likelihood on a fine grid."""
    p = (np.arange(200_000) + 0.5) / 200_000
    density = stats.beta.pdf(p, 27, 3) * stats.binom.pmf(6, 10, p)
    estimate = shrunk([6], [10], Prior(0.9, 30.0)).loc[0]
    assert estimate["estimate"] == pytest.approx((p * density).sum() / density.sum(), rel=1e-6)
    between = density[(p >= estimate["low"]) & (p <= estimate["high"])].sum() / density.sum()
    assert between == pytest.approx(0.95, abs=1e-4)


def test_shrunk_scores_are_nearer_to_the_truth():
    """By simulation: less than 60 % of the raw scores' squared error, and 95 % intervals hold 95 %."""
    rng = np.random.default_rng(7)
    truth = rng.beta(0.88 * 30, 0.12 * 30, 5000)
    passed = rng.binomial(10, truth)
    table = shrunk(passed, 10, prior_of(passed, 10))
    assert ((table["estimate"] - truth) ** 2).mean() < 0.6 * ((table["raw"] - truth) ** 2).mean()
    held = ((table["low"] <= truth) & (truth <= table["high"])).mean()
    assert held == pytest.approx(0.95, abs=0.01)


def test_reliability_is_the_squared_correlation_of_score_and_truth():
    rng = np.random.default_rng(8)
    truth = rng.beta(0.88 * 30, 0.12 * 30, 100_000)
    score = rng.binomial(10, truth) / 10
    assert np.corrcoef(truth, score)[0, 1] ** 2 == pytest.approx(Prior(0.88, 30.0).reliability(10), abs=0.01)


# --- control charts -------------------------------------------------------------------------------


def test_chart_seldom_signals_where_all_are_alike():
    """At a risk of 5 %: at most about one chart in twenty signals anybody."""
    rng = np.random.default_rng(9)
    n = pd.Series(120, index=range(50))
    charts = [control_chart(pd.Series(rng.binomial(120, 0.05, 50)), n) for _ in range(200)]
    assert np.mean([(chart["signal"] != "").any() for chart in charts]) <= 0.08


def test_chart_limits_are_exact_tails():
    """Beyond a limit lies at most risk / 2 / operators; one call nearer, more."""
    chart = control_chart(pd.Series([5, 9]), pd.Series([100, 150]), risk=0.05)
    n, centre = chart["calls"], chart["centre"]
    high = (chart["high"] * n).round()
    assert (stats.binom.sf(high, n, centre) <= 0.0125).all()
    assert (stats.binom.sf(high - 1, n, centre) > 0.0125).all()


def test_chart_signals_both_sides_and_survives_nobody():
    chart = control_chart(pd.Series([0, 50, 500]), pd.Series([500, 500, 1000]))
    assert chart["signal"].tolist() == ["below", "below", "above"]
    nobody = control_chart(pd.Series([0, 0]), pd.Series([0, 0]))
    assert nobody["share"].tolist() == [0, 0]
    assert (nobody["signal"] == "").all()


def test_operator_with_a_quarter_of_short_calls_is_found(calls):
    """The generator gives one agent 24 % of calls under 10 s: first on the chart, and signalled."""
    chart = short_calls(calls)
    worst = Synthetic.load("data/synthetic.toml").records.worst_short_share
    first = chart.iloc[0]
    assert first["signal"] == "above"
    likely = stats.binomtest(int(first["events"]), int(first["calls"])).proportion_ci(0.95)
    assert likely.low < worst < likely.high
    own = calls[(calls["agent_id"] == chart.index[0]) & (calls["outcome"] == "answered")]
    assert first["share"] == (own["handle_s"] < 10).mean()


def test_signalled_operators_are_those_made_so(calls):
    """A tenth of the agents were given many short calls; nobody else is signalled."""
    chart = short_calls(calls)
    found = chart[chart["signal"] == "above"]
    made = int(0.10 * len(chart))
    assert 5 <= len(found) <= made
    assert set(found.index) <= set(chart.index[:made])


# --- settings -------------------------------------------------------------------------------------


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(PlanningError, match=r"quality.risk is 5.0, must be less than or equal to 1"):
        Centre.load().replace({"systems.quality.risk": 5.0})
    with pytest.raises(PlanningError, match=r"systems.quality.queue names 'x', must be one of claim_reviews"):
        Centre.load().replace({"systems.quality.queue": "x"})
