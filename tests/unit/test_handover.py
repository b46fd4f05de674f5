"""Sites apart at a closing: limits, what must hold, and a simulation that knows every caller by name."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from factories import demand_of, raw_centre, two_sites
from numba import njit
from scipy.stats import gamma, hypergeom

from planning import Centre, PlanningError, requirement
from planning.overflow.apart import apart_service, closing_overruns
from planning.queueing import handover
from planning.queueing.handover import busy_leavers, exact_sites, overrun
from planning.queueing.transient import exact_day, exact_states
from planning.service import exact_service

# --- an event simulation --------------------------------------------------------------------------

OFFERED, IN_TIME, WAITED, ABANDONED, QUEUED, BUSY, QUEUE_END, CLOSING, OVERRUN, SERVED = range(10)


@njit
def simulate(rng, runs, calls, aht, patience, agents, answers, length, threshold, moves):
    """Return the sums of every run, interval and site, one event at a time.

    In every line stand the times of arrival and where they were answered; callers who join another line are
    put among its own by time of arrival.
    """
    size, sites = calls.shape
    out = np.zeros((runs, size, sites, 10))
    for run in range(runs):
        lines = [[(0.0, 0, 0)][:0] for _ in range(sites)]  # time, interval and site of arrival
        busy = np.zeros(sites, np.int64)
        now = 0.0
        for i in range(size):
            if i > 0:
                for s in range(sites):
                    leave = max(agents[i - 1, s] - agents[i, s], 0)
                    for left in range(leave):
                        if rng.random() * (agents[i - 1, s] - left) < busy[s]:
                            busy[s] -= 1
                            out[run, i, s, OVERRUN] += rng.exponential(aht)
                for s in range(sites):
                    if answers[i - 1, s] == s and answers[i, s] != s:
                        out[run, i, s, CLOSING] = len(lines[s])
                        if moves:
                            into = answers[i, s]
                            for caller in lines[s]:
                                place = 0
                                while place < len(lines[into]) and lines[into][place][0] < caller[0]:
                                    place += 1
                                lines[into].insert(place, caller)
                        lines[s].clear()
            end = (i + 1) * length
            while True:
                total = 0.0
                for s in range(sites):
                    while busy[s] < agents[i, s] and len(lines[s]) > 0:
                        since, home, at = lines[s].pop(0)
                        busy[s] += 1
                        out[run, home, at, SERVED] += 1
                        out[run, home, at, IN_TIME] += now - since <= threshold
                    total += calls[i, s] / length + busy[s] / aht + len(lines[s]) / patience
                step = rng.exponential(1 / total) if total > 0 else np.inf
                stay = min(step, end - now)
                for s in range(sites):
                    out[run, i, s, BUSY] += busy[s] * stay
                    out[run, i, s, QUEUED] += len(lines[s]) * stay
                if now + step >= end:
                    now = end
                    break
                now += step
                which = rng.random() * total
                for s in range(sites):
                    if which < calls[i, s] / length:
                        at = answers[i, s]
                        out[run, i, at, OFFERED] += 1
                        out[run, i, at, WAITED] += busy[at] >= agents[i, at]
                        lines[at].append((now, i, at))
                        break
                    which -= calls[i, s] / length
                    if which < busy[s] / aht:
                        busy[s] -= 1
                        break
                    which -= busy[s] / aht
                    if which < len(lines[s]) / patience:
                        lines[s].pop(min(int(which * patience), len(lines[s]) - 1))
                        out[run, i, s, ABANDONED] += 1
                        break
                    which -= len(lines[s]) / patience
            for s in range(sites):
                out[run, i, s, QUEUE_END] = len(lines[s])
    return out


OPEN, SHUT = [0, 1], [1, 1]
THREE = [0, 1, 2]
EVENINGS = {  # calls, agents, answering sites; the last interval only answers who still waits
    # The first site closes after two intervals, the other has grown, shrunk or stayed by then; it reopens.
    "comers": (
        [*[[14, 9]] * 5, [0, 0]],
        [[5, 4], [5, 4], [0, 7], [0, 7], [5, 4], [5, 4]],
        [OPEN, OPEN, SHUT, SHUT, OPEN, OPEN],
    ),
    "leavers": ([*[[14, 12]] * 3, [0, 0]], [[5, 6], [4, 6], [0, 4], [0, 9]], [OPEN, OPEN, SHUT, SHUT]),
    "as before": (
        [[12, 4], [16, 4], [1, 4], [0, 0]],
        [*[[4, 4]] * 2, *[[0, 4]] * 2],
        [OPEN, OPEN, SHUT, SHUT],
    ),
    # Both lines are long at the closing, and who stands where in them decides.
    "crowded": (
        [[18, 16], [18, 16], [4, 4], [0, 0]],
        [[3, 3], [3, 3], [0, 7], [0, 20]],
        [OPEN, OPEN, SHUT, SHUT],
    ),
    # A chain, and two sites that close at the same moment.
    "chain": (
        [*[[8, 7, 9]] * 3, [0, 0, 0]],
        [[3, 3, 4], [0, 6, 4], [0, 0, 9], [0, 0, 12]],
        [THREE, [1, 1, 2], [2, 2, 2], [2, 2, 2]],
    ),
    "both at once": (
        [*[[9, 8, 6]] * 3, [0, 0, 0]],
        [*[[3, 3, 3]] * 2, *[[0, 0, 8]] * 2],
        [THREE, THREE, [2, 2, 2], [2, 2, 2]],
    ),
    # The site that takes over opens at that moment.
    "relief": ([*[[12, 0]] * 3, [0, 0]], [[5, 0], [4, 0], [0, 5], [0, 5]], [[0, 0], [0, 0], [1, 1], [1, 1]]),
}


@pytest.mark.parametrize(
    ("name", "moves"), [*((name, True) for name in EVENINGS), ("comers", False), ("both at once", False)]
)
def test_agrees_with_event_simulation(name, moves):
    """Every measure of every interval and site within its own standard errors.

    The threshold is half an interval long, so that before a closing every second caller may cross it.
    """
    calls, agents, answers = (np.array(part) for part in EVENINGS[name])
    length, aht, patience, threshold, runs = 240.0, 80.0, 150.0, 120.0, 20_000
    rules = {"interval_s": length, "patience_s": patience, "threshold_s": threshold, "start": "empty"}
    found = exact_sites(calls, aht, agents, answers, waiting="move" if moves else "lost", **rules)
    given = (calls.astype(float), aht, patience, agents, answers, length, threshold, moves)
    out = simulate(np.random.default_rng(7), runs, *given).reshape(runs, -1, 10)
    value = {column: found[column].to_numpy() for column in found}
    excess = np.stack(  # every column has the mean 0 if the exact law is right
        [
            out[..., OFFERED] - value["calls"],
            out[..., IN_TIME] - value["service_level"] * out[..., OFFERED],
            out[..., WAITED] - value["wait_probability"] * out[..., OFFERED],
            out[..., ABANDONED] - value["abandoned"],
            out[..., QUEUED] / length - value["mean_queue"],
            out[..., BUSY] / length - value["occupancy"] * value["agents"],
            out[..., QUEUE_END] - value["queue_end"],
            out[..., CLOSING] - value["closing_queue"],
            out[..., OVERRUN] - value["overrun_s"],
        ]
    )
    spread = excess.std(axis=1)
    used = spread > 1e-9  # what never varied must be next to impossible or certain
    assert np.abs(excess.mean(axis=1)[~used]).max(initial=0.0) < 5 / runs
    z = excess.mean(axis=1)[used] * math.sqrt(runs) / spread[used]
    assert np.abs(z).max() < 4.0
    assert 0.6 < math.sqrt((z**2).mean()) < 1.4


# --- limits ---------------------------------------------------------------------------------------

SAME = (
    "calls",
    "agents",
    "service_level",
    "wait_probability",
    "abandonment",
    "abandoned",
    "occupancy",
    "mean_queue",
    "queue_end",
    "overrun_s",
)
RULES = {"patience_s": 300.0, "threshold_s": 60.0}


def assert_same(found, day):
    """Every measure that both know agrees to rounding."""
    for name in SAME:
        assert found[name].to_numpy() == pytest.approx(day[name].to_numpy(), rel=1e-11, abs=1e-12), name


def site_rows(found, site):
    return found[found["site"] == site]


def test_without_a_closing_it_is_the_exact_day_of_each_site():
    """Two sites, staff that rises and falls, a threshold longer than an interval."""
    calls = np.array([[30, 12], [40, 20], [20, 9], [10, 5]])
    agents = np.array([[9, 4], [11, 7], [6, 4], [4, 2]])
    for rules in (RULES, {**RULES, "threshold_s": 1000.0}):
        found = exact_sites(calls, 240, agents, [[0, 1]] * 4, **rules)
        for site in (0, 1):
            day = exact_day(calls[:, site], 240, agents[:, site], start="stationary", **rules)
            assert_same(site_rows(found, site), day)


def test_one_site_is_the_exact_day():
    found = exact_sites([[30], [40]], 240, [[9], [7]], [[0], [0]], start="empty", **RULES)
    assert_same(found, exact_day([30, 40], 240, [9, 7], **RULES))


def test_relief_at_the_closing_is_a_shift_relieved_by_another():
    """One site closes, the other opens at that moment: one queue whose agents all go as others come."""
    calls, agents = [30, 30, 20, 20], [9, 9, 6, 8]
    found = exact_sites(
        np.column_stack([calls, np.zeros(4)]),
        240,
        [[9, 0], [9, 0], [0, 6], [0, 8]],
        [[0, 0]] * 2 + [[1, 1]] * 2,
        **RULES,
    )
    day = exact_day(calls, 240, agents, leaving=[0, 0, 9, 0], start="stationary", **RULES)
    one = pd.concat([site_rows(found, 0).iloc[:2], site_rows(found, 1).iloc[2:]])
    assert_same(
        one.drop(columns="overrun_s").assign(overrun_s=site_rows(found, 0)["overrun_s"].to_numpy()), day
    )
    quiet = exact_day(calls[:2], 240, agents[:2], start="stationary", **RULES)
    assert abs(day["service_level"] - quiet["service_level"]).max() > 1e-3  # the relief is felt before


@pytest.mark.parametrize("patience_s", [200.0, math.inf])
def test_closed_doors_make_one_line(patience_s):
    """With nobody there to answer before the closing, both lines together are one, in order of arrival."""
    calls = np.array([[5, 9], [8, 4], [3, 3]])
    rules = {"patience_s": patience_s, "threshold_s": 700.0, "start": "empty"}
    found = exact_sites(calls, 240, [[0, 0], [0, 0], [0, 6]], [OPEN, OPEN, SHUT], **rules)
    day = exact_day(calls.sum(axis=1), 240, [0, 0, 6], **rules)
    level = found["service_level"].to_numpy().reshape(3, 2)
    assert level[:2] == pytest.approx(day["service_level"].to_numpy()[:2, None].repeat(2, axis=1), abs=1e-11)
    assert level[2, 1] == pytest.approx(day["service_level"][2], abs=1e-11)
    assert 0.05 < level[1, 0] < 0.95
    for name in ("abandoned", "mean_queue", "queue_end"):
        total = found.groupby("interval")[name].sum().to_numpy()
        assert total == pytest.approx(day[name].to_numpy(), abs=1e-10)


def test_closing_without_callers_changes_nothing_for_the_other():
    """Nobody waits at the site that closes: its calls only come on top from then on."""
    found = exact_sites(
        [[0, 20], [0, 20], [12, 20]],
        240,
        [[5, 7], [5, 7], [0, 9]],
        [OPEN, OPEN, SHUT],
        start="empty",
        **RULES,
    )
    assert_same(site_rows(found, 1), exact_day([20, 20, 32], 240, [7, 7, 9], **RULES))


@pytest.mark.parametrize("waiting", ["call_back", "lost"])
def test_callers_who_do_not_move_do_not_burden_the_other(waiting):
    """And those whose threshold ran out behind the closing are not answered."""
    given = ([[30, 20], [30, 20], [15, 10]], 240, [[9, 7], [9, 7], [0, 9]], [OPEN, OPEN, SHUT])
    found = exact_sites(*given, waiting=waiting, **RULES)
    day = exact_day([20, 20, 25], 240, [7, 7, 9], start="stationary", **RULES)
    assert_same(site_rows(found, 1), day)
    alone = exact_day([30, 30], 240, [9, 0], start="stationary", **RULES)
    closing = site_rows(found, 0)
    assert closing["closing_queue"].tolist() == pytest.approx([0, 0, closing["queue_end"].iloc[1]])
    never = exact_day([30, 0], 240, [9, 0], start="stationary", **RULES)  # doors closed behind the first
    assert closing["service_level"].iloc[1] == pytest.approx(never["service_level"][0], abs=1e-11)
    assert alone["calls"].sum() == pytest.approx(site_rows(found, 0)["calls"].sum())


def test_cutting_intervals_changes_nothing():
    """The same evening in intervals of a quarter of the length."""
    calls, agents = np.array([[30, 20], [30, 20], [15, 10]]), np.array([[9, 7], [9, 7], [0, 9]])
    answers = np.array([OPEN, OPEN, SHUT])
    whole = exact_sites(calls, 240, agents, answers, **RULES)
    parts = exact_sites(
        calls.repeat(4, axis=0) / 4,
        240,
        agents.repeat(4, axis=0),
        answers.repeat(4, axis=0),
        interval_s=225,
        **RULES,
    )
    for site in (0, 1):
        ours, theirs = site_rows(whole, site), site_rows(parts, site)
        for name in ("service_level", "wait_probability", "abandonment", "mean_queue"):
            mean = theirs[name].to_numpy().reshape(3, 4).mean(axis=1)
            assert ours[name].to_numpy() == pytest.approx(mean, abs=1e-10)
        assert ours["closing_queue"].sum() == pytest.approx(theirs["closing_queue"].sum(), abs=1e-10)


def test_quadrature_over_the_last_seconds_has_converged(monkeypatch):
    given = ([[240, 160]] * 2 + [[100, 100]], 240, [[70, 55], [70, 55], [0, 62]], [OPEN, OPEN, SHUT])
    found = exact_sites(*given, patience_s=60, threshold_s=300)["service_level"]
    monkeypatch.setattr(handover, "PANEL_JUMPS", 20.0)
    fine = exact_sites(*given, patience_s=60, threshold_s=300)["service_level"]
    assert found.to_numpy() == pytest.approx(fine.to_numpy(), abs=1e-12)


def test_threshold_zero_is_no_wait():
    found = exact_sites(
        [[30, 20]] * 3, 240, [[9, 7], [9, 7], [0, 9]], [OPEN, OPEN, SHUT], patience_s=300, threshold_s=0
    )
    busy = found[found["calls"] > 0]
    assert (busy["service_level"] + busy["wait_probability"]).tolist() == pytest.approx([1.0] * len(busy))


def test_own_handling_time_and_patience_of_each_site():
    """Given by interval and site; one number and one per interval mean the same for all."""
    given = ([[30, 20], [30, 20], [15, 10]], [[9, 7], [9, 7], [0, 9]], [OPEN, OPEN, SHUT])
    calls, agents, answers = given
    plain = exact_sites(calls, 240, agents, answers, patience_s=300)
    column = exact_sites(calls, [240] * 3, agents, answers, patience_s=[[300, 300]] * 3)
    pd.testing.assert_frame_equal(plain, column)
    slower = exact_sites(calls, [[240, 300]] * 3, agents, answers, patience_s=300)
    first = slice(0, 1)  # before the closing is felt
    assert_same(site_rows(slower, 0).iloc[first], site_rows(plain, 0).iloc[first])
    day = exact_day([20], 300, [7], patience_s=300, start="stationary")
    assert_same(site_rows(slower, 1).iloc[first], day)


# --- overrun --------------------------------------------------------------------------------------


def fixed(count):
    """The law of a number in system that is known."""
    law = np.zeros(count + 1)
    law[count] = 1.0
    return law


@pytest.mark.parametrize("busy", [1, 2, 25])
def test_overrun_of_a_known_number(busy):
    """The sum is a gamma law, the last call the longest of independent ones."""
    found = overrun(fixed(busy), 30, 200.0)
    assert (found.waiting, found.someone_waits, found.busy) == (0.0, 0.0, busy)
    assert found.total_s == pytest.approx(200 * busy)
    assert found.total_95_s == pytest.approx(gamma(busy, scale=200).ppf(0.95), rel=1e-9)
    assert found.last_s == pytest.approx(200 * sum(1 / k for k in range(1, busy + 1)))
    assert found.last_95_s == pytest.approx(-200 * math.log(1 - 0.95 ** (1 / busy)), rel=1e-9)
    assert found.agent_s == pytest.approx(200 * busy / 30)


def test_overrun_when_all_are_busy_and_some_wait():
    found = overrun([0.0, 0.0, 0.0, 0.25, 0.25, 0.5], 3, 100.0)
    assert found.waiting == pytest.approx(0.25 + 2 * 0.5)
    assert found.someone_waits == pytest.approx(0.75)
    assert found.busy == pytest.approx(3.0)
    assert found.agent_95_s == pytest.approx(100 * math.log(20))


def test_overrun_of_a_mixture_by_simulation():
    """A stationary evening: 200,000 closings drawn."""
    law = exact_states(90, 240, 28, patience_s=180, start="stationary")[0]
    found = overrun(law, 28, 240.0)
    rng = np.random.default_rng(3)
    busy = np.minimum(rng.choice(len(law), size=200_000, p=law), 28)
    calls = np.where(np.arange(28) < busy[:, None], rng.exponential(240.0, (len(busy), 28)), 0.0)
    total, last = calls.sum(axis=1), calls.max(axis=1)
    assert found.total_s == pytest.approx(total.mean(), abs=4 * total.std() / math.sqrt(len(busy)))
    assert found.last_s == pytest.approx(last.mean(), abs=4 * last.std() / math.sqrt(len(busy)))
    band = 4 * math.sqrt(0.95 * 0.05 / len(busy))
    assert (total <= found.total_95_s).mean() == pytest.approx(0.95, abs=band)
    assert (last <= found.last_95_s).mean() == pytest.approx(0.95, abs=band)
    one = rng.permuted(calls, axis=1)[:, 0]
    assert (one <= found.agent_95_s).mean() == pytest.approx(0.95, abs=band)


def test_overrun_that_is_most_likely_none():
    """With a free hall on 96 of 100 evenings there is nothing to wait for on 95."""
    found = overrun([0.96, 0.04], 5, 200.0)
    assert (found.total_95_s, found.last_95_s, found.agent_95_s) == (0.0, 0.0, 0.0)
    assert found.total_s == pytest.approx(8.0)


def test_overrun_without_leavers():
    assert overrun(fixed(3), 5, 200.0, leaving=0).total_s == 0.0
    assert overrun([1.0], 0, 200.0).last_s == 0.0


@pytest.mark.parametrize("leaving", [0, 1, 5, 12])
def test_busy_leavers_are_hypergeometric(leaving):
    """7 of 12 busy, or all with two waiting."""
    law = 0.7 * np.pad(fixed(7), (0, 7)) + 0.3 * fixed(14)
    found = busy_leavers(law, 12, leaving)
    count = np.arange(leaving + 1)
    expected = 0.7 * hypergeom(12, 7, leaving).pmf(count) + 0.3 * (count == leaving)
    assert found == pytest.approx(expected, abs=1e-14)


def test_overrun_agrees_with_the_exact_day():
    law = exact_states(60, 240, 20, patience_s=180)[0]
    found = overrun(law, 20, 240.0, leaving=8)
    day = exact_day([60, 60], 240, [20, 12], patience_s=180)
    assert found.total_s == pytest.approx(day["overrun_s"][1], rel=1e-11)
    assert found.waiting == pytest.approx(day["queue_end"][0], rel=1e-11)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"law": [0.5, 0.4]}, "divide it by its sum"),
        ({"law": [[1.0]]}, "one row of probabilities"),
        ({"agents": 2.5}, "agents is 2.5, must be a whole number in"),
        ({"leaving": 6}, r"leaving is 6, must be a whole number in \[0, 5\]"),
        ({"aht_s": 0}, r"aht_s is 0.0, must lie in \(0, inf\)"),
    ],
)
def test_overrun_of_nonsense(changes, message):
    given = {"law": [0.5, 0.5], "agents": 5, "aht_s": 200.0, **changes}
    with pytest.raises(PlanningError, match=message) as caught:
        overrun(**given)
    assert "\n" not in str(caught.value)


# --- the centre -----------------------------------------------------------------------------------

APART = {"queues.calls.pooled": False}
EVENING = (20, 24)  # South closes at 22:00


def by_home(found, home):
    return found[found["home"] == home].reset_index(drop=True)


def test_evening_of_two_sites():
    """The centre's table is that of the numbers, seen from the callers' homes."""
    centre = two_sites(APART)
    needed = requirement(centre, demand_of(60.0, hours=EVENING))
    found = apart_service(centre, needed, "calls")
    staff = needed.pivot(index="interval_start", columns="site", values="agents").fillna(0).to_numpy(int)
    north, south = staff.T
    answers = [[0, 1]] * 8 + [[1, 1]] * 8
    plain = exact_sites(np.full((16, 2), 30.0), 240, np.column_stack([south, north]), answers, patience_s=300)
    ours = by_home(found, "south")
    assert ours["site"].tolist() == ["south"] * 8 + ["north"] * 8
    assert ours["calls"].tolist() == pytest.approx([30.0] * 16)
    assert (ours["agents"] == np.r_[south[:8], north[8:]]).all()
    for name in ("service_level", "wait_probability", "abandonment", "queue_end"):
        expected = np.r_[site_rows(plain, 0)[name][:8], site_rows(plain, 1)[name][8:]]
        assert ours[name].to_numpy() == pytest.approx(expected, abs=1e-14), name
        assert by_home(found, "north")[name].to_numpy() == pytest.approx(site_rows(plain, 1)[name].to_numpy())
    assert ours["overrun_s"].to_numpy() == pytest.approx(site_rows(plain, 0)["overrun_s"].to_numpy())
    assert ours["closing_queue"].gt(0).tolist() == [i == 8 for i in range(16)]


def test_nobody_waits_longer_for_living_in_south():
    """By night both homes have one queue, and one service; by day a queue each that forgets the night."""
    centre = two_sites(APART)
    found = apart_service(centre, requirement(centre, demand_of(60.0)), "calls")
    level = found.pivot(index="interval_start", columns="home", values="service_level").to_numpy()
    apart = abs(level[:, 0] - level[:, 1])
    night = np.r_[:32, 88:96]
    assert not apart[night].any()
    assert apart[32] > 0.05  # at 08:00 South starts with free agents, North with the night's callers
    assert apart[40:87].max() < 1e-9
    assert 1e-6 < apart[87] < 1e-4  # the hand-over at 22:00 is felt a little before


def test_sites_that_never_close_are_exact_days():
    centre = two_sites({**APART, "sites.south.opens": "00:00", "sites.south.closes": "24:00", "overflow": []})
    demand = demand_of(aht_s=200.0).assign(calls=np.random.default_rng(2).uniform(20, 60, 96))
    needed = requirement(centre, demand)
    found = apart_service(centre, needed, "calls")
    for home in ("south", "north"):
        own = needed[needed["site"] == home]
        day = exact_day(own["calls"], 200, own["agents"], patience_s=300, start="stationary")
        ours = by_home(found, home)
        for name in ("service_level", "abandonment", "queue_end", "overrun_s"):
            assert ours[name].to_numpy() == pytest.approx(day[name].to_numpy(), rel=1e-11, abs=1e-12)
        assert ours["formula"].to_numpy() == pytest.approx(own["service_level"].to_numpy(), abs=1e-14)
    none = closing_overruns(centre, needed, "calls")
    assert none.empty
    assert {"site", "total_95_s"} < set(none)


def test_all_callers_of_one_home_are_one_exact_day():
    centre = two_sites({**APART, "queues.calls.sites": {"north": 1.0}})
    needed = requirement(centre, demand_of(40.0))
    found = apart_service(centre, needed, "calls")
    day = exact_day(40, 240, needed["agents"], patience_s=300, start="stationary")
    assert found["home"].unique().tolist() == ["north"]
    assert found["service_level"].to_numpy() == pytest.approx(day["service_level"].to_numpy(), abs=1e-13)


def chain(changes=None):
    """South goes to Omsk at 20:00, Omsk to North at 22:00."""
    raw = raw_centre({"south": ("08:00", "20:00"), "omsk": ("06:00", "22:00"), "north": ("00:00", "24:00")})
    raw["overflow"] = [
        {"from_site": "south", "to_site": "omsk"},
        {"from_site": "omsk", "to_site": "north"},
    ]
    return Centre.of(raw).replace({**APART, **(changes or {})})


def test_chain_over_two_days():
    """Each closing once a day, to the site that answers; every call has its row."""
    centre, demand = chain(), demand_of(90.0, days=2)
    needed = requirement(centre, demand)
    found = apart_service(centre, needed, "calls")
    assert found["calls"].sum() == pytest.approx(demand["calls"].sum())
    assert found["service_level"].between(0, 1).all()
    ends = closing_overruns(centre, needed, "calls")
    assert ends[["site", "into"]].to_numpy().tolist() == [["south", "omsk"], ["omsk", "north"]] * 2
    assert ends["at"].dt.hour.tolist() == [20, 22] * 2
    by_site = found[found["overrun_s"] > 0].set_index(["interval_start", "home"])
    for row in ends.itertuples():
        there = by_site.loc[(row.at, row.site)]
        assert row.total_s == pytest.approx(there["overrun_s"], rel=1e-10)
        assert row.waiting == pytest.approx(there["closing_queue"], rel=1e-10)
        assert row.last_s < row.last_95_s < row.total_95_s
        assert row.total_s < row.total_95_s


def test_both_days_are_alike():
    """What the first night leaves has long gone by the second."""
    centre = two_sites(APART)
    found = apart_service(centre, requirement(centre, demand_of(60.0, days=2)), "calls")
    level = by_home(found, "south")["service_level"].to_numpy()
    assert level[48:95] == pytest.approx(level[144:191], abs=1e-12)
    assert level.std() > 0.01


def test_site_that_is_nobodys_home():
    """Its queue goes where its callers go when it closes in the morning."""
    raw = raw_centre({"south": ("08:00", "22:00"), "north": ("00:00", "24:00")})
    raw["sites"]["north"] = {"opens": "00:00", "closes": "24:00"}
    raw["queues"]["calls"]["sites"] = {"south": 1.0}
    centre = Centre.of(raw).replace(APART)
    needed = requirement(centre, demand_of(30.0, hours=(0, 12)))
    found = apart_service(centre, needed, "calls")
    assert found["calls"].sum() == pytest.approx(30.0 * 48)
    assert not by_home(found, "north")["calls"].any()
    assert by_home(found, "north")["overrun_s"].iloc[32] > 0
    row = closing_overruns(centre, needed, "calls").iloc[0]
    assert (row["site"], row["into"], row["at"].hour) == ("north", "south", 8)


@pytest.mark.parametrize("waiting", ["move", "call_back", "lost"])
def test_what_becomes_of_the_waiting(waiting):
    """Who moves burdens North's first quarter of an hour; who does not is not answered in South's last."""
    centre = two_sites({**APART, "queues.calls.patience_s": 900.0})
    needed = requirement(centre, demand_of(60.0, hours=EVENING))
    staff = needed.pivot(index="interval_start", columns="site", values="agents").fillna(0) - 2
    rules = {"agents": staff.clip(lower=0)}
    moved = by_home(apart_service(centre, needed, "calls", **rules), "south")
    found = by_home(apart_service(centre, needed, "calls", waiting=waiting, **rules), "south")
    assert found["closing_queue"].iloc[8] == pytest.approx(moved["closing_queue"].iloc[8], rel=1e-12)
    if waiting != "move":
        assert found["service_level"].iloc[8] > moved["service_level"].iloc[8] + 1e-3
        assert found["service_level"].iloc[7] < moved["service_level"].iloc[7]


def test_lookup_is_counted_in():
    """As without it, with a shorter threshold, for those who stay."""
    centre = two_sites({**APART, "queues.calls.lookup_s": 8.0})
    plain = two_sites({**APART, "queues.calls.target": {"service_level": 0.8, "threshold_s": 12.0}})
    stays = math.exp(-8 / 300)
    needed = requirement(centre, demand_of(60.0, hours=EVENING))
    thinner = needed.assign(calls=needed["calls"] * stays)
    found, behind = apart_service(centre, needed, "calls"), apart_service(plain, thinner, "calls")
    for name in ("service_level", "formula", "wait_probability"):
        assert found[name].to_numpy() == pytest.approx(stays * behind[name].to_numpy(), abs=1e-13)
    assert found["abandonment"].min() > 1 - stays


def test_closing_of_a_pooled_queue():
    """Its leavers are named agents of all; what they still work is that of the exact model."""
    centre = two_sites()
    needed = requirement(centre, demand_of(60.0, hours=EVENING))
    row = closing_overruns(centre, needed, "calls").iloc[0]
    whole = exact_service(centre, needed, "calls")
    assert (row["site"], row["into"], row["at"].hour) == ("south", "north", 22)
    assert row["agents"] == whole["agents_south"].iloc[7]
    assert row["total_s"] == pytest.approx(whole["overrun_s"].iloc[8], rel=1e-11)
    assert row["waiting"] == pytest.approx(whole["queue_end"].iloc[7], rel=1e-11)


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"calls": [[20, -1]] * 2}, r"calls\[0, 1\] is -1.0"),
        ({"calls": [20, 20]}, r"calls has the shape \(2,\), must be \(intervals, sites\)"),
        ({"aht_s": [240, 240, 240]}, r"aht_s has the shape \(3,\), must be one number, \(2,\) or \(2, 2\)"),
        ({"aht_s": 0}, "aht_s is 0.0"),
        ({"patience_s": math.nan}, "patience_s is nan"),
        ({"agents": [[9, 7]]}, r"agents has the shape \(1, 2\), must be \(2, 2\)"),
        ({"agents": [[9, 7], [0, 7.5]]}, r"agents\[.*\] is 7.5, must be a whole"),
        ({"agents": [[9, 7], [2, 7]]}, r"agents\[1, 0\] is 2, must be 0: the site answers nobody then"),
        ({"answers": [[0, 1], [2, 1]]}, r"answers\[1, 0\] is 2, must lie in \[0, 1\]"),
        ({"answers": [[1, 0], [1, 1]]}, r"answers\[0, 0\] is 1, must be a site that answers its own"),
        ({"waiting": "stay"}, "waiting is 'stay', must be one of 'move', 'call_back', 'lost'"),
        ({"start": "full"}, "start is 'full'"),
        ({"start": [1.0]}, "start is"),
        ({"threshold_s": 901}, "threshold_s is 901, must be at most interval_s 900 where a site closes"),
        ({"patience_s": math.inf, "calls": [[200, 20]] * 2}, "no steady state: add agents"),
    ],
)
def test_bad_numbers_are_refused(changes, message):
    given = {
        "calls": [[20, 20]] * 2,
        "aht_s": 240,
        "agents": [[9, 7], [0, 9]],
        "answers": [OPEN, SHUT],
        "patience_s": 300,
        **changes,
    }
    with pytest.raises(PlanningError, match=message) as caught:
        exact_sites(**given)
    assert "\n" not in str(caught.value)


def test_bad_requirements_are_refused():
    centre = two_sites(APART)
    needed = requirement(centre, demand_of(20.0, hours=EVENING))
    with pytest.raises(PlanningError, match="queue 'chat' is not in the requirement"):
        apart_service(centre, needed, "chat")
    with pytest.raises(PlanningError, match=r"queues\.calls\.pooled is true, must be false"):
        apart_service(two_sites(), needed, "calls")
    with pytest.raises(PlanningError, match=r"has 10 calls for south at 2026-11-23 21:00, when it answers"):
        apart_service(centre.replace({"sites.south.closes": "21:00"}), needed, "calls")
    two = pd.concat([needed, requirement(centre, demand_of(20.0, hours=(9, 12)))])
    with pytest.raises(PlanningError, match="gap before 2026-11-23 20:00"):
        apart_service(centre, two, "calls")


def test_bad_agents_are_refused():
    centre = two_sites(APART)
    needed = requirement(centre, demand_of(20.0, hours=EVENING))
    staff = needed.pivot(index="interval_start", columns="site", values="agents").fillna(0)
    with pytest.raises(PlanningError, match="agents has no row at 2026-11-23 23:45"):
        apart_service(centre, needed, "calls", agents=staff.iloc[:-1])
    with pytest.raises(PlanningError, match=r"agents\[.*\] is .*\.5, must be a whole number in"):
        apart_service(centre, needed, "calls", agents=staff + 0.5)
    with pytest.raises(PlanningError, match="agents"):
        closing_overruns(centre, needed, "calls", agents=staff - 100)


def test_requirement_of_hours_when_the_queue_is_closed():
    centre = two_sites(APART)
    needed = requirement(centre, demand_of(20.0, hours=EVENING))
    with pytest.raises(PlanningError, match="has a row at 2026-11-23 23:00, when nobody answers"):
        apart_service(centre.replace({"queues.calls.closes": "23:00"}), needed, "calls")


def test_callers_who_move_after_a_wait_are_no_sites_apart():
    late = {"overflow": [{"from_site": "south", "to_site": "north"}]}
    late["overflow"].append({"from_site": "south", "to_site": "north", "after_s": 30})
    centre = two_sites({**APART, **late})
    needed = requirement(centre, demand_of(20.0, hours=EVENING))
    with pytest.raises(PlanningError, match=r"queues\.calls moves callers after a wait"):
        apart_service(centre, needed, "calls")
