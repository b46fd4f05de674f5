"""Properties of the generator, its queue and the forecast."""

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from planning.demand import Synthetic, expected_demand, forecast, synthetic_demand
from planning.demand.intervals import day_kinds
from planning.demand.synthetic import duty_spans, first_come_first_served

RAW = tomllib.loads((Path(__file__).parents[2] / "data" / "synthetic.toml").read_text())
SETTINGS = Synthetic.model_validate(RAW)
MOSCOW = "Europe/Moscow"
DATES = st.dates(pd.Timestamp("2025-01-01").date(), pd.Timestamp("2028-12-31").date())
FOREVER = float("inf")


@settings(deadline=None, max_examples=25)
@given(start=DATES, interval_s=st.sampled_from([60, 300, 900, 1800, 3600]))
def test_a_days_volume_does_not_depend_on_the_interval(start, interval_s):
    """Calls and work of a day are the same on every grid."""
    totals = [
        frame.groupby("queue")["calls"].sum()
        for frame in (
            expected_demand(SETTINGS, start=start, days=1, interval_s=interval_s),
            expected_demand(SETTINGS, start=start, days=1),
        )
    ]
    np.testing.assert_allclose(*totals, rtol=1e-9)


@settings(deadline=None, max_examples=20)
@given(
    names=st.sets(st.sampled_from(sorted(SETTINGS.queues)), min_size=1),
    start=DATES,
    before=st.integers(0, 3),
    seed=st.integers(0, 2**40),
)
def test_a_queues_day_depends_on_no_other_queue_or_day(names, start, before, seed):
    """Queues left out, reordered or added, and days before it, change no number."""
    fewer = Synthetic.model_validate(RAW | {"queues": {name: RAW["queues"][name] for name in sorted(names)}})
    alone = synthetic_demand(fewer, start=start, days=1, seed=seed)
    early = pd.Timestamp(start) - pd.Timedelta(days=before)
    among = synthetic_demand(SETTINGS, start=early.date(), days=before + 1, seed=seed)
    among = among[among["queue"].isin(names) & (among["interval_start"] >= alone["interval_start"].min())]
    keys = ["queue", "interval_start"]
    frames = [frame.sort_values(keys, ignore_index=True) for frame in (alone, among)]
    opened = frames[1].merge(frames[0][keys], on=keys)  # a queue may open after the first that is asked
    assert_frame_equal(frames[0], opened)


def calls_and_agents(patience: st.SearchStrategy[float]) -> st.SearchStrategy[tuple]:
    """Gaps between arrivals, handle times, patience; on a grid of 1/8 s, so that sums are exact."""
    eighth = st.integers(0, 400).map(lambda n: n / 8)
    call = st.tuples(eighth, st.integers(1, 800).map(lambda n: n / 8), patience)
    return st.tuples(st.lists(call, min_size=1, max_size=40), st.integers(1, 5))


@settings(deadline=None, max_examples=100)
@given(calls_and_agents(st.just(FOREVER)))
def test_waits_are_those_of_kiefer_and_wolfowitz(case):
    """Without hang-ups the waits follow the recursion of Kiefer & Wolfowitz (1955) over sorted workloads."""
    calls, agents = case
    gap, handle, patience = (np.array(part, dtype=float) for part in zip(*calls, strict=True))
    arrival = gap.cumsum()
    wait, _, who = first_come_first_served(
        arrival, patience, lambda call, _: handle[call], [(0.0, FOREVER)] * agents
    )
    work = np.zeros(agents)
    for call in range(len(arrival)):
        work = np.sort(np.maximum(work - (gap[call] if call else 0.0), 0.0))
        assert abs(wait[call] - work[0]) <= 0.05 + 1e-9  # records have tenths of a second
        work[0] += handle[call]
    assert (who >= 0).all()


@settings(deadline=None, max_examples=100)
@given(calls_and_agents(st.integers(0, 400).map(lambda n: n / 10)))
def test_nobody_is_served_late_twice_or_by_an_agent_off_duty(case):
    """Waits end with patience, an agent has one caller at a time, and starts no call off duty."""
    calls, agents = case
    gap, handle, patience = (np.array(part, dtype=float) for part in zip(*calls, strict=True))
    handle = (handle * 10).round() / 10
    arrival = (gap.cumsum() * 10).round() / 10
    spans = [(10.0 * agent, 200.0 + 50 * agent) for agent in range(agents)] + [(0.0, FOREVER)]
    wait, served, who = first_come_first_served(arrival, patience, lambda call, _: handle[call], spans)
    answered = who >= 0
    np.testing.assert_array_equal(wait[~answered], patience[~answered])
    assert (wait[answered] <= patience[answered] + 1e-6).all()
    np.testing.assert_array_equal(np.isnan(served), ~answered)
    start = arrival + wait
    assert (np.diff(start[answered]) >= -1e-6).all()
    for agent, (on, off) in enumerate(spans):
        own = who == agent
        assert (start[own] >= on - 1e-6).all()
        assert (start[own] < off + 1e-6).all()
        assert (start[own][1:] >= (start + served)[own][:-1] - 1e-6).all()


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(0, 200), min_size=1, max_size=24), st.integers(0, 12))
def test_duty_meets_the_square_root_rule_every_hour(load, first):
    """As many agents on duty as the rule says, none longer than allowed save the last hour's."""
    records = SETTINGS.records
    hours = dict(enumerate(load, start=first))
    spans = duty_spans(hours, records)
    for hour, erlangs in hours.items():
        on_duty = sum(on <= hour * 3600 < off for on, off in spans)
        assert on_duty == max(1, np.ceil(erlangs + records.staffing_beta * np.sqrt(erlangs)))
    assert all(off - on <= records.duty_h * 3600 for on, off in spans if off < FOREVER)
    assert FOREVER in {off for _, off in spans}


@settings(deadline=None, max_examples=10)
@given(factor=st.floats(0.1, 50), seed=st.integers(0, 1000), days=st.integers(14, 35))
def test_the_forecast_scales_with_calls_and_knows_no_order_of_rows(factor, seed, days):
    """k times the calls give k times the forecast and the same handle times; rows may come shuffled."""
    fewer = Synthetic.model_validate(RAW | {"queues": {n: RAW["queues"][n] for n in ("claims", "vip")}})
    history = synthetic_demand(fewer, start="2026-10-05", days=days, seed=seed, interval_s=1800)
    plain = forecast(history, 7, zone=MOSCOW, country="RU")
    mixed = history.assign(calls=history["calls"] * factor).sample(frac=1, random_state=seed)
    scaled = forecast(mixed, 7, zone=MOSCOW, country="RU")
    keys = ["queue", "interval_start"]
    both = plain.merge(scaled, on=keys, suffixes=("", "_scaled"))
    assert len(both) == len(plain) == len(scaled)
    np.testing.assert_allclose(both["calls_scaled"], factor * both["calls"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(both["aht_s_scaled"], both["aht_s"], rtol=1e-9)


@settings(deadline=None, max_examples=10)
@given(start=DATES, days=st.integers(21, 60))
def test_the_forecast_continues_an_exact_history(start, days):
    """Ordinary days ahead of a noiseless history are forecast exactly, whenever it starts."""
    history = expected_demand(SETTINGS, start=start, days=days, interval_s=3600)
    ahead = forecast(history, 7, zone=MOSCOW, country="RU")
    truth = expected_demand(SETTINGS, start=ahead["interval_start"].min().date(), days=7, interval_s=3600)
    day = truth["interval_start"].dt.normalize()
    kinds = day_kinds(pd.DatetimeIndex(history["interval_start"].dt.normalize().unique()), "RU")
    seen = {day.weekday() for day, kind in kinds.items() if kind == "ordinary"}
    future = day_kinds(pd.DatetimeIndex(day.unique()), "RU")
    judged = day.map(future).eq("ordinary") & day.dt.day_of_week.isin(seen)
    np.testing.assert_allclose(ahead.loc[judged, "calls"], truth.loc[judged, "calls"], rtol=1e-9)
