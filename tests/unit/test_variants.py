"""Finite lines, general patience, redials and random days: single facts, and every refusal."""

import heapq
import math
from dataclasses import FrozenInstanceError, fields
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from planning.errors import PlanningError
from planning.queueing import (
    Empirical,
    Exponential,
    Lognormal,
    PatienceLaw,
    Weibull,
    finite_measures,
    general_patience_measures,
    random_rate_measures,
    redial_measures,
)
from planning.queueing.erlang import erlang_b, measures

BANK = Lognormal(5.861, 1.889)
TABLE = Empirical((20, 60, 120, 300), (0.93, 0.83, 0.72, 0.54))
LAWS = [Exponential(389.0), BANK, Weibull(200.0, 0.5), Weibull(90.0, 30.0), Weibull(90.0, 900.0), TABLE]


def values(result):
    return np.array([np.asarray(getattr(result, field.name)) for field in fields(result)])


# --- finite lines ---------------------------------------------------------------------------------------


def test_full_line_of_one_agent_by_hand():
    """One agent, one place, load 1: three equally likely states; T = AHT catches 1 - 1/e of the waits."""
    line = finite_measures(5, 180, 1, 1, threshold_s=180)
    assert line.blocked == pytest.approx(1 / 3)
    assert line.wait_probability == pytest.approx(1 / 3)
    assert line.service_level == pytest.approx(1 / 3 + (1 - math.exp(-1)) / 3)
    assert line.asa_s == pytest.approx(90.0)
    assert line.mean_queue == pytest.approx(1 / 3)
    assert line.occupancy == pytest.approx(2 / 3)


def test_finite_line_broadcasts_and_gives_numbers_for_numbers():
    line = finite_measures([[50], [100]], 180, [18, 20, 22], 7, patience_s=90)
    assert line.blocked.shape == (2, 3)
    single = finite_measures(100, 180, 20, 7, patience_s=90)
    assert isinstance(single.blocked, float)
    assert single.blocked == line.blocked[1, 1]


def test_empty_and_unstaffed_lines_are_never_nan():
    """0 calls: service 1. 0 agents: full for good, or left by those who hang up; asa inf, occupancy 1."""
    line = finite_measures(
        [0, 0, 5, 5, 5], 180, [0, 3, 0, 0, 0], [0, 4, 0, 4, 4], patience_s=[np.inf, 9, np.inf, np.inf, 20]
    )
    assert not np.isnan(values(line)).any()
    np.testing.assert_allclose(line.service_level, [1, 1, 0, 0, 0], atol=1e-290)
    np.testing.assert_allclose(line.blocked[:4], [0, 0, 1, 1])
    assert line.abandonment[4] == pytest.approx(1 - line.blocked[4])
    assert line.asa_s.tolist() == [0, 0, np.inf, np.inf, np.inf]
    assert line.occupancy.tolist() == [0, 0, 1, 1, 1]
    assert line.mean_queue[3] == pytest.approx(4)


def test_line_of_ten_thousand_agents_keeps_its_late_callers():
    """exp(-agents T / AHT) underflows here (1e-1309); the late callers must not."""
    short, endless = (finite_measures(45_000, 200, 10_050, w, threshold_s=60).miss for w in (100_000, np.inf))
    assert short == pytest.approx(endless, rel=1e-9)
    assert 1e-7 < short < 2e-7


# --- patience laws --------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_law_is_consistent(law):
    """gone + staying = 1, spent integrates staying, quantile inverts gone, the mean is all that is spent."""
    time_s = np.array([0.0, 1.0, 20.0, 47.5, 90.0, 300.0, 2000.0])
    np.testing.assert_allclose(law.gone(time_s) + law.staying(time_s), 1.0, rtol=1e-14)
    for until in time_s:
        by_hand, _ = quad(
            lambda t: float(law.staying(np.array(t))),
            0,
            until,
            points=[20, 60, 90, 120, 300],
            limit=500,
            epsabs=1e-9,
            epsrel=1e-10,
        )
        assert float(law.spent_s(np.array(until))) == pytest.approx(by_hand, rel=1e-8)
    share = np.array([0.001, 0.07, 0.3, 0.5, 0.9])
    np.testing.assert_allclose(law.gone(law.quantile_s(share)), share, rtol=1e-12)
    assert law.mean_s == pytest.approx(float(law.spent_s(np.array(1e9))), rel=1e-5)
    assert isinstance(law, PatienceLaw)


def test_empirical_law_passes_through_its_table_and_its_level_stretches():
    """A table with nobody leaving between 60 and 120 s, and nobody before 20 s."""
    law = Empirical((20, 60, 120, 300), (1.0, 0.8, 0.8, 0.5))
    np.testing.assert_allclose(law.staying(np.array([10, 60, 90, 120, 300])), [1, 0.8, 0.8, 0.8, 0.5])
    np.testing.assert_allclose(
        law.spent_s(np.array([20.0, 120.0])) - [0, law.spent_s(np.array(60.0))], [20, 48]
    )
    assert float(law.quantile_s(np.array(0.0))) <= 20.0
    assert law.gone(law.quantile_s(np.array(0.35))) == pytest.approx(0.35)


def test_laws_are_frozen_values():
    with pytest.raises(FrozenInstanceError):
        BANK.log_sd = 1.0
    assert Empirical([20, 60], [0.9, 0.8]) == Empirical((20.0, 60.0), (0.9, 0.8))
    assert hash(BANK) == hash(Lognormal(5.861, 1.889))


# --- general patience -----------------------------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS, ids=repr)
@pytest.mark.parametrize(("agents", "threshold_s"), [(15, 20), (20, 20), (26, 60)])
def test_general_patience_against_adaptive_quadrature(law, agents, threshold_s):
    """The textbook formula of 20 erlangs by scipy's quad, which knows nothing of panels and peaks."""
    rate, aht_s = 100 / 900, 180.0
    direct = 1 / float(erlang_b(20, agents - 1))
    knots = [0, 2, 20, 40, 60, 75, 80, 85, 90, 95, 100, 120, 200, 300, 600, 1500, 5000, 20_000]

    def integral(weight):
        def integrand(t):
            time_s = np.array(t)
            density = np.exp(rate * law.spent_s(time_s) - agents / aht_s * time_s)
            return float(weight(time_s) * density)

        pieces = pairwise(knots)
        return rate * sum(quad(integrand, a, b, epsabs=1e-13, epsrel=1e-12, limit=200)[0] for a, b in pieces)

    waiting = integral(np.ones_like)
    got = general_patience_measures(100, aht_s, agents, law, threshold_s=threshold_s)
    total = direct + waiting
    assert got.wait_probability == pytest.approx(waiting / total, rel=1e-10)
    assert got.abandonment == pytest.approx(integral(law.gone) / total, rel=1e-9)
    missed = integral(lambda t: law.gone(t) if t < threshold_s else 1.0)
    assert got.miss == pytest.approx(missed / total, rel=1e-9)
    answered = direct + integral(law.staying)
    assert got.asa_s == pytest.approx(integral(lambda t: t * law.staying(t)) / answered, rel=1e-9)
    assert got.mean_queue == pytest.approx(rate * integral(law.spent_s) / total, rel=1e-9)


def test_sharp_weibull_tends_to_patience_of_one_length():
    """M/M/n+D in closed form; the error falls with the law's width, 1 / shape."""
    load, agents, limit = 22.0, 20, 0.5  # the limit in AHT
    before = math.expm1((load - agents) * limit) / (load - agents)
    beyond = math.exp((load - agents) * limit) / agents
    total = 1 / float(erlang_b(load, agents - 1)) + load * (before + beyond)
    errors = [
        float(general_patience_measures(110, 180, agents, Weibull(90.0, shape)).abandonment)
        - load * beyond / total
        for shape in (10.0, 100.0, 1000.0)
    ]
    assert abs(errors[0]) > 5 * abs(errors[1]) > 25 * abs(errors[2])
    assert abs(errors[2]) < 1e-4


def test_own_law_is_taken():
    """A class with the protocol's methods, here the exponential law once more, needs no registration."""

    class Memoryless:
        mean_s = 180.0

        def gone(self, time_s):
            return 1.0 - np.exp(-time_s / 180.0)

        def staying(self, time_s):
            return np.exp(-time_s / 180.0)

        def spent_s(self, time_s):
            return 180.0 * (1.0 - np.exp(-time_s / 180.0))

        def quantile_s(self, share):
            return -180.0 * np.log(1.0 - share)

    own, ours = (general_patience_measures(110, 180, 20, law) for law in (Memoryless(), Exponential(180.0)))
    np.testing.assert_allclose(values(own), values(ours), rtol=1e-12)


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_general_patience_without_calls_or_agents_is_never_nan(law):
    got = general_patience_measures([0, 0, 100], 180, [0, 5, 0], law)
    assert got.service_level.tolist() == [1, 1, 0]
    assert got.abandonment.tolist() == [0, 0, 1]
    assert got.asa_s.tolist() == [0, 0, np.inf]
    assert got.mean_queue[2] == pytest.approx(100 / 900 * law.mean_s)


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_general_patience_holds_in_overload_and_for_tiny_misses(law):
    """Ten times the load of the agents: all of them busy, the rest hangs up. Twice the agents: miss -> 0."""
    over = general_patience_measures(10_000, 180, 200, law)
    assert over.occupancy == pytest.approx(1.0, abs=1e-12)
    assert over.abandonment == pytest.approx(0.9, abs=1e-12)
    agents = np.arange(240, 420, 20)
    miss = general_patience_measures(1000, 180, agents, law).miss
    assert (np.diff(miss) < 0).all()
    assert 0 < miss[-1] < 1e-25


@pytest.mark.parametrize(("law", "seed"), [(BANK, 1), (Weibull(200.0, 0.5), 2), (TABLE, 3)])
def test_general_patience_against_simulation(law, seed):
    """20 independent days of 10,000 calls, first in first out; within 4 standard errors of the formula."""
    rng = np.random.default_rng(seed)
    days = np.array([simulated_day(law, rng) for _ in range(20)])
    got = general_patience_measures(110, 180, 20, law)
    exact = [got.wait_probability, got.service_level, got.abandonment]
    z = (days.mean(axis=0) - exact) / (days.std(axis=0, ddof=1) / math.sqrt(len(days)))
    assert (np.abs(z) < 4).all(), z


def simulated_day(law, rng, calls=10_000, warm_up=1000):
    """Return the shares of calls that wait, are answered within 20 s, and abandon: 22 erlangs, 20 agents."""
    arrivals = np.cumsum(rng.exponential(900 / 110, calls))
    service = rng.exponential(180.0, calls)
    patience = law.quantile_s(rng.random(calls))
    free = [0.0] * 20
    wait = np.empty(calls)
    for i in range(calls):
        wait[i] = max(free[0] - arrivals[i], 0.0)
        if patience[i] >= wait[i]:
            heapq.heapreplace(free, arrivals[i] + wait[i] + service[i])
    wait, patience = wait[warm_up:], patience[warm_up:]
    return (wait > 0).mean(), ((wait <= 20) & (patience >= wait)).mean(), (patience < wait).mean()


# --- redials --------------------------------------------------------------------------------------------


def test_redials_balance_callers_and_attempts():
    """Attempts = callers + redials; each caller is answered or lost."""
    got = redial_measures(
        [80, 100, 140],
        180,
        20,
        redial_abandoned=0.4,
        redial_blocked=0.9,
        waiting_room=12,
        patience_s=200,
    )
    queue = got.per_attempt
    redials = got.attempts * (0.4 * queue.abandonment + 0.9 * queue.blocked)
    np.testing.assert_allclose(got.attempts, got.callers + redials, rtol=1e-12)
    np.testing.assert_allclose(got.callers * got.answered, queue.occupancy * 20 * 900 / 180, rtol=1e-12)
    np.testing.assert_allclose(got.answered + got.lost, 1.0, rtol=1e-15)
    assert (np.diff(got.attempts_per_caller) > 0).all()


def test_when_everyone_redials_everyone_is_answered_below_the_limit():
    """All 99 % of what the agents can do; with one call more than they can do there is no steady state."""
    got = redial_measures(99, 180, 20, redial_abandoned=1, patience_s=60)
    assert got.answered == 1.0
    assert got.attempts > 110
    assert got.per_attempt.occupancy == pytest.approx(0.99, rel=1e-12)
    with pytest.raises(PlanningError, match=r"calls is 100, must lie below 100 where everyone redials: add"):
        redial_measures([10, 100], 180, 20, redial_abandoned=1, patience_s=60)


def test_those_who_hang_up_for_good_relieve_a_full_line():
    """All blocked redial, a tenth of the abandoned give up: 10 places x 900/60 x 0.1 = 15 calls more."""
    settings = {"redial_abandoned": 0.9, "redial_blocked": 1, "waiting_room": 10, "patience_s": 60}
    assert redial_measures(114, 180, 20, **settings).lost == pytest.approx(1 - 100 / 114, rel=0.01)
    with pytest.raises(PlanningError, match="calls is 115, must lie below 115"):
        redial_measures(115, 180, 20, **settings)


@pytest.mark.parametrize("share", [0.5, 0.99, 1 - 1e-6, 1 - 1e-12])
def test_redials_settle_for_every_share_below_one(share):
    """Ten times the calls that the agents can answer: those who give up must be the nine tenths."""
    got = redial_measures(1000, 180, 20, redial_abandoned=share, patience_s=60)
    assert got.lost == pytest.approx(0.9, rel=1e-3)
    assert got.attempts == pytest.approx(900 / (1 - share) + 100, rel=1e-3)


def test_patient_callers_of_an_endless_line_never_redial():
    """Erlang C, overloaded too: nobody is lost, the queue grows, the service level is 0."""
    got = redial_measures([0, 90, 110], 180, 20, redial_abandoned=1.0)
    assert got.attempts.tolist() == [0, 90, 110]
    assert got.per_attempt.asa_s[2] == np.inf
    assert got.service_level[2] == 0


# --- random days ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cv", [0.02, 0.35, 1.0, 3.0])
@pytest.mark.parametrize(("calls", "agents"), [(2, 1), (100, 23), (5000, 1020)])
@pytest.mark.parametrize("patience_s", [90.0, np.inf])
def test_random_rate_against_adaptive_quadrature(cv, calls, agents, patience_s):
    """scipy's quad over the quantiles of the day's rate, split where the load meets the agents."""
    day = stats.gamma(cv**-2, scale=cv**2)
    bend = agents / (calls / 5)

    def average(weigh):
        def integrand(share):
            factor = day.ppf(share)
            got = measures(calls * factor, 180, agents, patience_s=patience_s)
            return float(got.service_level) * (factor if weigh else 1.0)

        knots = np.unique([0, *day.cdf(bend * np.linspace(0.5, 1.5, 9)), 0.1, 0.5, 0.9, 1 - 1e-9])
        pieces = pairwise(knots)
        return sum(quad(integrand, a, b, epsabs=1e-9, epsrel=1e-8, limit=100)[0] for a, b in pieces)

    got = random_rate_measures(calls, 180, agents, cv=cv, patience_s=patience_s)
    assert got.service_level_day_average == pytest.approx(average(weigh=False), abs=1e-7)
    assert got.service_level_call_weighted == pytest.approx(average(weigh=True), abs=1e-6)


def test_unstable_days_are_counted():
    """No agents: every day with calls is unstable. Finite patience: none is."""
    got = random_rate_measures([0, 100, 100, 100], 180, [0, 0, 20, 20], cv=[0.2, 0.2, 0.2, 0.0])
    assert got.p_unstable[[0, 1, 3]].tolist() == [0, 1, 1]
    assert got.p_unstable[2] == pytest.approx(stats.gamma(25, scale=1 / 25).sf(1.0), rel=1e-12)
    assert got.wait_probability_day_average[1] == pytest.approx(1.0)
    patient = random_rate_measures(100, 180, 20, cv=0.2, patience_s=300)
    assert patient.p_unstable == 0


# --- refusals -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: finite_measures(-1, 180, 20, 5), "calls is -1"),
        (lambda: finite_measures(100, 0, 20, 5), "aht_s is 0"),
        (lambda: finite_measures(100, 180, True, 5), "agents is True"),
        (lambda: finite_measures(100, 180, 20, 2.5), r"waiting_room is 2.5, must be a whole number"),
        (lambda: finite_measures(100, 180, 20, 2e6), "write inf for no limit"),
        (lambda: finite_measures(100, 180, 20, -1), "waiting_room is -1"),
        (lambda: finite_measures(100, 180, 20, np.nan), "waiting_room is nan"),
        (lambda: finite_measures(100, 180, 20, 5, patience_s=0), "patience_s is 0"),
        (lambda: finite_measures(100, 180, 20, 5, threshold_s=np.inf), "threshold_s is inf"),
        (lambda: finite_measures([1, 2], 180, [1, 2, 3], 5), "do not fit together"),
        (lambda: Exponential(0), "mean_s is 0"),
        (lambda: Exponential(math.inf), "mean_s is inf"),
        (lambda: Lognormal(5.8, 0), "log_sd is 0"),
        (lambda: Lognormal("5.8", 1), "log_mean is '5.8'"),
        (lambda: Weibull(100, 0), "shape is 0"),
        (lambda: Weibull(-1, 2), "scale_s is -1"),
        (lambda: Empirical((), ()), "give two lists of the same length"),
        (lambda: Empirical((20, 60), (0.9,)), "give two lists of the same length"),
        (lambda: Empirical((60, 20), (0.9, 0.8)), "sort the table by time"),
        (lambda: Empirical((20, 60), (0.8, 0.9)), "must fall from 1"),
        (lambda: Empirical((20, 60), (0.8, 0.8)), "must fall from 1"),
        (lambda: Empirical((20, 60), (0.8, 0.0)), r"survival\[1\] is 0"),
        (lambda: general_patience_measures(100, 180, 20, 180), "patience is 180, must be a law"),
        (lambda: general_patience_measures(100, 180, -20, BANK), "agents is -20"),
        (lambda: redial_measures(100, 180, 20, redial_abandoned=33), "write 0.80 for 80 %"),
        (lambda: redial_measures(100, 180, 20, redial_abandoned=0, redial_blocked=-0.1), "redial_blocked"),
        (lambda: random_rate_measures(100, 180, 20, cv=10), "cv is 10.0, .* write 0.10 for 10 %"),
        (lambda: random_rate_measures(100, 180, 20, cv=-0.1), "cv is -0.1"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(PlanningError, match=message):
        call()
