"""The exact day on cases that can be worked out by hand, at its edges, and against an event simulation."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from numba import njit
from scipy.stats import binom, hypergeom, poisson

from planning.errors import PlanningError
from planning.queueing import transient
from planning.queueing import transient_kernels as kernels
from planning.queueing.transient import exact_day, exact_states

# --- The approximation of exp and the steps of the chain ---


def test_rational_approximations_are_exp_on_the_negative_axis():
    """Both sets of published coefficients, by their defining property: a wrong digit shows."""
    x = np.concatenate([[0.0], np.geomspace(1e-6, 1e4, 4001)])
    for limit, poles, residues, bound in (
        (kernels.LIMIT_16, kernels.POLES_16, kernels.RESIDUES_16, 5e-14),
        (kernels.LIMIT_14, kernels.POLES_14, kernels.RESIDUES_14, 6e-14),
    ):
        value = limit + 2 * (residues / (-x[:, None] - poles)).sum(axis=1).real
        assert np.abs(value - np.exp(-x)).max() < bound


@pytest.mark.parametrize("mean", [0.0, 1e-9, 0.3, 7.0, 180.0, 4321.5, 2e5])
def test_poisson_window_is_the_poisson_law(mean):
    first, weights = kernels.poisson_window(mean)
    assert weights.sum() == pytest.approx(1.0, abs=1e-13)
    assert np.abs(weights - poisson.pmf(np.arange(first, first + len(weights)), mean)).max() < 1e-12


def test_named_leavers_are_hypergeometric():
    """20 agents, 14 busy, 8 leave: each busy one stays with chance 12/20, without replacement."""
    law = np.zeros(23)
    law[14] = 1.0
    after = kernels.thinned(law, 20, 12)
    expected = hypergeom(20, 14, 12).pmf(np.arange(len(after)))
    assert np.abs(after - expected).max() < 1e-14


def test_with_everyone_busy_every_leaver_takes_the_caller_along():
    """The queue neither grows nor shrinks."""
    law = np.zeros(31)
    law[27] = 1.0
    assert kernels.thinned(law, 20, 12)[19] == 1.0


@pytest.mark.parametrize("theta", [0.0, 0.01])
@pytest.mark.parametrize(("agents", "rate"), [(10, 0.05), (10, 0.2), (0, 0.03), (3, 1.0)])
def test_the_level_of_truncation_holds_what_it_promises(agents, rate, theta):
    """The chance to be above the level is below the bound, for a start in the middle of a law."""
    law = binom(30, 0.4).pmf(np.arange(31))
    chain, seconds, exponent = (rate, agents, 1 / 180, theta), 600.0, math.log(1e4)
    level = kernels.highest_level(law, *chain, seconds, exponent)
    p = np.append(law, np.zeros(1500))
    none = np.zeros(0)
    kernels.uniformise(p, none, none, np.zeros_like(p), *chain, seconds, none, np.zeros((0, 0)))
    assert p[level + 1 :].sum() < 1e-4
    assert level < 1500


# --- Closed forms ---


def test_no_queue_is_the_infinite_server():
    """With agents for everybody the number in system is Poisson with the fluid mean."""
    day = exact_day([30, 10], 200, [200, 200])
    first = 30 / 900 * 200 * (1 - math.exp(-900 / 200))
    states = exact_states([30, 10], 200, [200, 200])
    assert np.abs(states[0] - poisson.pmf(np.arange(states.shape[1]), first)).sum() < 1e-10
    assert day.service_level.tolist() == [1.0, 1.0]
    assert day.asa_s.abs().max() < 1e-9


def test_closed_doors_only_collect():
    """0 agents, patient callers: a Poisson number waits, and nobody is ever answered."""
    day = exact_day([40, 60], 200, 0)
    assert day.queue_end.tolist() == pytest.approx([40.0, 100.0], abs=1e-9)
    assert day.service_level.tolist() == pytest.approx([0.0, 0.0], abs=1e-13)
    assert day.asa_s.tolist() == [math.inf, math.inf]
    assert day.occupancy.tolist() == [0.0, 0.0]
    states = exact_states([40, 60], 200, 0)
    assert np.abs(states[1] - poisson.pmf(np.arange(states.shape[1]), 100)).sum() < 1e-10


def test_closed_doors_with_patience():
    """The queue is an infinite server at the rate of giving up; what comes and does not wait has left."""
    day = exact_day([40], 200, 0, patience_s=300)
    waiting = 40 / 900 * 300 * (1 - math.exp(-3))
    assert day.queue_end[0] == pytest.approx(waiting, abs=1e-10)
    assert day.abandoned[0] == pytest.approx(40 - waiting, abs=1e-9)


def test_pure_death_after_hours():
    """0 calls: each of 300 calls in progress is over independently."""
    start = np.zeros(301)
    start[300] = 1.0
    states = exact_states(0, 200, 300, start=start)
    assert np.abs(states[0] - binom(300, math.exp(-4.5)).pmf(np.arange(states.shape[1]))).sum() < 1e-11


def test_pure_birth_far_from_normal():
    """The case where the bare rational approximation returns hundreds in place of probabilities."""
    states = exact_states(90, 200, 0)
    assert np.abs(states[0] - poisson.pmf(np.arange(states.shape[1]), 90)).sum() < 1e-11


@pytest.mark.parametrize("patience", [math.inf, 240.0])
@pytest.mark.parametrize("leavers", ["finish", "preempt"])
def test_both_ways_to_the_exponential_agree(monkeypatch, patience, leavers):
    """A large day with the rational approximation, and with uniformisation throughout."""
    calls = np.array([600, 900, 1200, 1150, 700, 300])
    day = (
        (calls, 200, np.array([150, 210, 280, 262, 150, 70])),
        {"patience_s": patience, "leavers": leavers},
    )
    fast = exact_day(*day[0], **day[1])
    monkeypatch.setattr(transient, "RATIONAL_TOLERANCE", 0.0)
    slow = exact_day(*day[0], **day[1])
    for column in ("service_level", "wait_probability", "abandonment", "occupancy"):
        assert fast[column].to_numpy() == pytest.approx(slow[column].to_numpy(), abs=1e-10)
    for column in ("asa_s", "mean_queue", "queue_end", "answered", "overrun_s"):
        assert fast[column].to_numpy() == pytest.approx(slow[column].to_numpy(), rel=1e-9, abs=1e-8)
    assert fast.wait_probability.max() > 0.2  # the day is no idle one


def test_waiting_for_the_doors_to_open():
    """Who comes to closed doors waits until they open and is then answered at once."""
    day = exact_day([2, 0], 200, [0, 60])
    assert day.asa_s[0] == pytest.approx(450.0, abs=1e-8)
    assert day.answered[0] == pytest.approx(2.0, abs=1e-10)
    within = exact_day([2, 0], 200, [0, 60], threshold_s=90)
    assert within.service_level[0] == pytest.approx(0.1, abs=1e-10)


def test_overrun_of_leavers():
    """The busy leavers each still work one AHT on average, in every interval."""
    day = exact_day([90, 0], 200, [100, 40])
    busy = 90 / 900 * 200 * (1 - math.exp(-4.5))
    assert day.overrun_s.tolist() == pytest.approx([0.0, busy * 0.6 * 200], abs=1e-7)
    assert exact_day([90, 0], 200, [100, 40], leavers="preempt").overrun_s.tolist() == [0.0, 0.0]


def test_a_shift_relieved_by_another():
    """All ten go as ten others come: the busy take their callers along, the line is answered at once."""
    start = np.zeros(14)
    start[13] = 1.0
    day = exact_day([0, 1e-9], 1e12, 10, leaving=[0, 10], start=start)
    assert day.queue_end.tolist() == pytest.approx([3.0, 0.0], abs=1e-7)
    assert day.occupancy.tolist() == pytest.approx([1.0, 0.3], abs=1e-7)
    assert day.overrun_s[1] == pytest.approx(10 * 1e12, rel=1e-9)
    assert day.service_level[1] == pytest.approx(1.0, abs=1e-7)


def test_leavers_with_comers_are_thinned_by_name():
    """7 of 12 busy, 5 leave and 3 come: the mean busy afterwards is 7 x 7/12, regardless of who comes."""
    start = np.zeros(8)
    start[7] = 1.0
    day = exact_day([0, 0], 1e12, [12, 10], leaving=[0, 5], start=start)
    assert day.occupancy[1] * 10 == pytest.approx(7 * 7 / 12, rel=1e-7)


def test_leaving_is_the_fall_of_the_agents_unless_said():
    """The default and the same numbers given are one day, to the last digit."""
    given = ([90, 70, 80], 200, [24, 17, 21])
    assert exact_day(*given, leaving=[0, 7, 0]).equals(exact_day(*given))
    assert exact_states(*given, leaving=[0, 7, 0]).tolist() == exact_states(*given).tolist()


def test_overrun_with_a_change_of_aht():
    """A call in progress takes on the AHT of each new interval."""
    start = np.zeros(11)
    start[10] = 1.0
    day = exact_day([0, 0, 0], [1e9, 900, 300], [10, 0, 0], start=start)
    assert day.overrun_s[1] == pytest.approx(10 * (900 * (1 - math.exp(-1)) + math.exp(-1) * 300), rel=1e-5)


def test_first_caller_and_the_last_interval_goes_on():
    """One agent, busy at the start; a caller then waits an exponential time, whenever the day ends."""
    start = np.array([0.0, 1.0])
    day = exact_day(1e-9, 200, 1, start=start, threshold_s=60)
    busy = 200 * (1 - math.exp(-900 / 200)) / 900
    assert day.wait_probability[0] == pytest.approx(busy, rel=1e-8)
    assert day.service_level[0] == pytest.approx(1 - busy * math.exp(-60 / 200), rel=1e-8)
    assert day.asa_s[0] == pytest.approx(busy * 200, rel=1e-7)


# --- Conventions and edges ---


def test_columns_and_index():
    day = exact_day([20, 30], 240, [8, 8])
    assert list(day.columns) == [
        "calls",
        "agents",
        "service_level",
        "wait_probability",
        "asa_s",
        "abandonment",
        "occupancy",
        "mean_queue",
        "queue_end",
        "answered",
        "abandoned",
        "overrun_s",
    ]
    assert day.calls.tolist() == [20.0, 30.0]
    assert day.agents.dtype == np.int64


def test_waits_may_be_left_out():
    """The other measures stay what they are."""
    given = ([20, 30, 25], 240, [8, 8, 6])
    whole = exact_day(*given, patience_s=200)
    pd.testing.assert_frame_equal(
        exact_day(*given, patience_s=200, waits=False), whole.drop(columns=["asa_s", "answered"])
    )


def test_each_change_may_have_a_rule_of_its_own():
    """One rule for all is the same rule at every change; a fall that never comes has no say."""
    given = ([60, 60, 60, 60], 240, [20, 16, 16, 12])
    for rule in ("finish", "preempt"):
        each = exact_day(*given, patience_s=200, leavers=[rule] * 4)
        pd.testing.assert_frame_equal(each, exact_day(*given, patience_s=200, leavers=rule))
    mixed = exact_day(*given, patience_s=200, leavers=["preempt", "finish", "preempt", "preempt"])
    assert mixed["overrun_s"].to_numpy().nonzero()[0].tolist() == [1]
    same = exact_day(*given, patience_s=200, leavers="finish")
    pd.testing.assert_frame_equal(mixed.iloc[:2][["queue_end"]], same.iloc[:2][["queue_end"]])
    with pytest.raises(PlanningError, match="leavers holds 2 rules, must be one or 4"):
        exact_day(*given, leavers=["finish", "finish"])


def test_no_calls_at_all():
    """An empty night is served perfectly."""
    day = exact_day([0, 0], 240, [0, 5], patience_s=200, start="stationary")
    assert day.service_level.tolist() == [1.0, 1.0]
    assert not day.drop(columns=["agents", "service_level"]).to_numpy().any()


def test_never_nan():
    """Even where every part of the day is degenerate."""
    for patience in (math.inf, 60.0):
        for threshold in (0.0, 20.0, 2000.0):
            day = exact_day(
                [0, 50, 0, 5, 0], 200, [0, 3, 0, 1, 0], patience_s=patience, threshold_s=threshold
            )
            assert not day.isna().to_numpy().any()
            assert day.service_level.between(0, 1).all()


def test_threshold_zero_is_no_wait():
    day = exact_day([90, 110, 60], 200, [24, 24, 12], threshold_s=0)
    assert (day.service_level + day.wait_probability).tolist() == pytest.approx([1.0] * 3, abs=1e-12)


def test_one_long_interval_is_many_short_ones():
    """Cutting an interval in four changes nothing."""
    whole = exact_day([90, 60], 200, [22, 12], patience_s=150, interval_s=1800)
    parts = exact_day([22.5] * 4 + [15] * 4, 200, [22] * 4 + [12] * 4, patience_s=150, interval_s=450)
    for column in ("service_level", "wait_probability", "abandonment", "occupancy", "mean_queue"):
        mean = parts[column].to_numpy().reshape(2, 4).mean(axis=1)
        assert whole[column].to_numpy() == pytest.approx(mean, abs=1e-10)
    assert whole.queue_end.to_numpy() == pytest.approx(parts.queue_end.to_numpy()[3::4], abs=1e-10)


def test_states_hand_over():
    """A day started from the last state of another continues it."""
    calls, agents = [90, 110, 80, 40], [22, 22, 18, 18]
    whole = exact_day(calls, 200, agents, patience_s=300)
    state = exact_states(calls[:3], 200, agents[:3], patience_s=300)[-1]
    rest = exact_day(calls[3:], 200, agents[3:], patience_s=300, start=state)
    assert rest.service_level[0] == pytest.approx(whole.service_level[3], abs=1e-11)
    assert rest.queue_end[0] == pytest.approx(whole.queue_end[3], abs=1e-11)


def test_scalars_broadcast():
    day = exact_day(60, [200, 220, 240], 16)
    assert day.calls.tolist() == [60.0] * 3


def test_step_down_is_seen_before_it_happens():
    """The fall of staff at 22:00 already hurts those who ring shortly before; Erlang C cannot know."""
    quiet = exact_day([180, 180], 200, [50, 50], start="stationary", threshold_s=60)
    step = exact_day([180, 180], 200, [50, 30], start="stationary", threshold_s=60)
    assert step.service_level[0] < quiet.service_level[0] - 1e-6
    assert step.service_level[1] < 0.4


def test_who_leaves_decides():
    """Named leavers who finish keep the callers out of the queue; cutting off calls fills it."""
    finish = exact_day([180, 90], 200, [50, 26], start="stationary")
    preempt = exact_day([180, 90], 200, [50, 26], start="stationary", leavers="preempt")
    assert finish.service_level[1] > preempt.service_level[1] + 0.1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"calls": [-1, 2]}, r"calls\[0\] is -1.0, must lie in"),
        ({"calls": [math.nan, 2]}, r"calls\[0\] is nan"),
        ({"calls": [math.inf, 2]}, r"calls\[0\] is inf"),
        ({"calls": [], "agents": 9}, "at least one interval"),
        ({"calls": [[1, 2]]}, "one row"),
        ({"calls": [1, 2, 3]}, "do not fit together"),
        ({"calls": "many"}, "calls is 'many', must be a number"),
        ({"aht_s": 0}, "aht_s is 0.0, must lie in"),
        ({"agents": [5.5, 6]}, r"agents\[0\] is 5.5, must be a whole number in"),
        ({"agents": 5.5}, "agents is 5.5, must be a whole number in"),
        ({"agents": [True, False]}, "agents"),
        ({"agents": [-1, 6]}, "agents"),
        ({"patience_s": 0}, "patience_s is 0.0"),
        ({"interval_s": 0}, "interval_s is 0.0"),
        ({"threshold_s": -1}, "threshold_s is -1.0"),
        ({"threshold_s": math.inf}, "threshold_s is inf"),
        ({"leaving": [0, 10]}, r"leaving\[1\] is 10, must lie in \[0, 9\]"),
        ({"leaving": [0, 0, 0]}, r"leaving has the shape \(3,\), must be \(2,\)"),
        ({"leaving": [1, 0]}, r"leaving\[0\] is 1, must lie in \[0, 0\]"),
        ({"leaving": [0, 0], "agents": [9, 7]}, r"leaving\[1\] is 0, must lie in \[2, 9\]"),
        ({"leavers": "drop"}, "leavers is 'drop', must be one of 'finish', 'preempt'"),
        ({"start": "full"}, "start is 'full', must be one of 'empty', 'stationary'"),
        ({"start": [0.5, 0.4]}, "divide it by its sum"),
        ({"start": [1.5, -0.5]}, "start"),
        ({"calls": [1e9, 20]}, r"calls is 1e\+09 in interval 0: .* callers may be present"),
        ({"start": "stationary", "agents": [2, 9]}, "no steady state: add agents"),
    ],
)
def test_bad_input_is_refused(changes, message):
    """One line that names the field, the value and the bound."""
    given = {"calls": [20, 20], "aht_s": 240, "agents": [9, 9], **changes}
    with pytest.raises(PlanningError, match=message) as caught:
        exact_day(given.pop("calls"), given.pop("aht_s"), given.pop("agents"), **given)
    assert "\n" not in str(caught.value)


# --- An event simulation that knows the callers by name ---

OFFERED, IN_TIME, WAITED, ANSWERED, WAIT, ABANDONED, QUEUED, BUSY, QUEUE_END, OVERRUN = range(10)


@njit
def simulate(rng, runs, rate, agents, mu, theta, length, threshold, preempt):
    """Return the sums of every run and interval, one event at a time."""
    size = len(rate)
    out = np.zeros((runs, size, 10))
    for run in range(runs):
        arrived, fresh = [0.0][:0], [True][:0]  # who waits, in order; fresh: has not been answered before
        busy, now = 0, 0.0
        for i in range(size):
            n = agents[i]
            if i > 0 and n < agents[i - 1]:
                drop = agents[i - 1] - n
                if preempt:
                    while busy > n:
                        busy -= 1
                        arrived.insert(0, -1.0)
                        fresh.insert(0, False)
                else:
                    for left in range(drop):  # draw the leavers one by one: busy or idle
                        if rng.random() * (agents[i - 1] - left) < busy:
                            busy -= 1
                            j, seconds = i, rng.exponential(1 / mu[i])
                            while seconds > length and j < size - 1:  # the AHT may change meanwhile
                                out[run, i, OVERRUN] += length
                                j += 1
                                seconds = rng.exponential(1 / mu[j])
                            out[run, i, OVERRUN] += seconds
            end = (i + 1) * length
            while True:
                while busy < n and len(arrived):
                    since, new = arrived.pop(0), fresh.pop(0)
                    busy += 1
                    if new:
                        home = int(since / length)
                        out[run, home, ANSWERED] += 1
                        out[run, home, WAIT] += now - since
                        out[run, home, IN_TIME] += now - since <= threshold
                waiting = len(arrived)
                total = rate[i] + busy * mu[i] + waiting * theta[i]
                step = rng.exponential(1 / total) if total > 0 else np.inf
                stay = min(step, end - now)
                out[run, i, BUSY] += busy * stay
                out[run, i, QUEUED] += waiting * stay
                if now + step >= end:
                    now = end
                    break
                now += step
                which = rng.random() * total
                if which < rate[i]:
                    out[run, i, OFFERED] += 1
                    out[run, i, WAITED] += busy >= n
                    arrived.append(now)
                    fresh.append(True)
                elif which < rate[i] + busy * mu[i]:
                    busy -= 1
                else:
                    gone = int(rng.random() * waiting)
                    arrived.pop(gone)
                    fresh.pop(gone)
                    out[run, i, ABANDONED] += 1
            out[run, i, QUEUE_END] = len(arrived)
    return out


DAYS = {
    "up and down": ([20, 34, 30, 12, 6, 0], [200] * 6, [9, 9, 12, 5, 4, 8], [math.inf] * 6),
    "impatient": ([20, 34, 30, 12, 6, 0], [200, 160, 240, 240, 200, 200], [9, 6, 12, 3, 4, 8], [120] * 6),
    "closed at noon": (
        [25, 3, 20, 30, 0, 0],
        [240] * 6,
        [8, 0, 12, 7, 15, 15],
        [400, 900, 400, 60, 400, 400],
    ),
}


@pytest.mark.parametrize("leavers", ["finish", "preempt"])
@pytest.mark.parametrize("name", list(DAYS))
def test_agrees_with_event_simulation(name, leavers):
    """Every measure of every interval within its own standard errors, over 6,000 runs of each day."""
    calls, aht, agents, patience = (np.array(row, dtype=float) for row in DAYS[name])
    staff, length, threshold = agents.astype(np.int64), 600.0, 75.0
    runs = 6000
    out = simulate(
        np.random.default_rng(11),
        runs,
        calls / length,
        staff,
        1 / aht,
        1 / patience,
        length,
        threshold,
        leavers == "preempt",
    )
    day = exact_day(
        calls, aht, staff, interval_s=length, patience_s=patience, threshold_s=threshold, leavers=leavers
    )
    n = np.maximum(staff, 1) * length
    excess = np.stack(  # every column has the mean 0 if the exact day is right
        [
            out[..., IN_TIME] - day.service_level.to_numpy() * out[..., OFFERED],
            out[..., WAITED] - day.wait_probability.to_numpy() * out[..., OFFERED],
            out[..., ANSWERED] - day.answered.to_numpy(),
            out[..., WAIT] - day.asa_s.to_numpy() * out[..., ANSWERED],
            out[..., ABANDONED] - day.abandoned.to_numpy(),
            out[..., QUEUED] / length - day.mean_queue.to_numpy(),
            out[..., BUSY] / n - day.occupancy.to_numpy(),
            out[..., QUEUE_END] - day.queue_end.to_numpy(),
            out[..., OVERRUN] - day.overrun_s.to_numpy(),
        ]
    )
    spread = excess.std(axis=1)
    used = spread > 1e-9  # what never varied must be next to impossible or certain
    assert np.abs(excess.mean(axis=1)[~used]).max(initial=0.0) < 0.5 / runs
    z = excess.mean(axis=1)[used] * math.sqrt(runs) / spread[used]
    assert np.abs(z).max() < 4.0
    assert 0.6 < math.sqrt((z**2).mean()) < 1.4
