"""The certificate tells what breaks and by how much; a certified plan holds, with cheap agents added."""

import functools

import pandas as pd
import pytest
from factories import MONDAY, demand_of, one_site, people_of, roster_of, rostered, two_sites

from planning import plan, requirement
from planning.simulation import certificate, simulate
from planning.simulation.certificate import verdict

TUESDAY = MONDAY + pd.Timedelta(days=1)


def staffed(heads, day="2026-11-23", next_day="2026-11-24", team="calls_north"):
    return roster_of(*[(f"{day}{n}", f"{day} 00:00", f"{next_day} 00:00") for n in range(heads)], team=team)


def judged(centre, demand, roster, replications=12):
    made = rostered(roster)
    found = simulate(centre, demand, made, replications=replications)
    return certificate(centre, demand, made, requirement(centre, demand), found)


@functools.cache
def two_days():
    """Nine agents on Monday and four on Tuesday, where about eight are needed."""
    roster = pd.concat([staffed(9), staffed(4, "2026-11-24", "2026-11-25")], ignore_index=True)
    return judged(one_site(), demand_of(20.0, days=2), roster)


def test_it_names_the_day_that_breaks():
    assert two_days().index.tolist() == [("calls", MONDAY), ("calls", TUESDAY)]
    assert two_days()["verdict"].tolist() == ["holds", "does not hold"]
    assert two_days().loc[("calls", MONDAY), "short"] == 0
    assert (two_days()["promised"] >= two_days()["target"]).all()


def test_the_agents_short_are_the_fewest_that_help():
    """With the missing agents the day holds; with one fewer it does not."""
    short = int(two_days().loc[("calls", TUESDAY), "short"])
    assert short >= 2
    for heads, good in ((4 + short, True), (3 + short, False)):
        roster = pd.concat([staffed(9), staffed(heads, "2026-11-24", "2026-11-25")], ignore_index=True)
        found = simulate(one_site(), demand_of(20.0, days=2), rostered(roster), replications=12).days
        assert (found.loc[("calls", TUESDAY), "service_level"] >= 0.8) == good


def test_no_number_of_agents_helps_against_a_slow_lookup():
    """All callers wait 25 s for the lookup, the promise is 20 s."""
    slow = one_site({"queues.calls.lookup_s": 25.0})
    made, demand = rostered(staffed(10)), demand_of(5.0)
    found = simulate(slow, demand, made, replications=3)
    table = certificate(slow, demand, made, requirement(one_site(), demand), found)
    assert table["verdict"].tolist() == ["does not hold"]
    assert table["short"].isna().all()


def test_a_hopeless_queue_leaves_the_others_their_fewest():
    """Beside a queue that nothing helps the other one's number is still the fewest."""
    centre = one_site({"queues.second.lookup_s": 25.0}, ("calls", "second"))
    demand = pd.concat([demand_of(20.0), demand_of(1.0, queue="second")], ignore_index=True)
    made = rostered(staffed(4))
    found = simulate(centre, demand, made, replications=6)
    needed = requirement(one_site(queues=("calls", "second")), demand)
    table = certificate(centre, demand, made, needed, found)["short"].droplevel("day")
    assert pd.isna(table["second"])
    assert found.queues.loc["calls", "service_level"] < 0.8
    for heads, good in ((4 + int(table["calls"]), True), (3 + int(table["calls"]), False)):
        again = simulate(centre, demand, rostered(staffed(heads)), replications=6).queues
        assert (again.loc["calls", "service_level"] >= 0.8) == good


def test_queues_without_a_promise_are_not_certified():
    centre = one_site({"queues.second.target": {"max_occupancy": 0.9}}, ("calls", "second"))
    demand = pd.concat([demand_of(2.0), demand_of(2.0, queue="second")], ignore_index=True)
    table = judged(centre, demand, staffed(3), replications=3)
    assert set(table.index.get_level_values("queue")) == {"calls"}


@pytest.mark.parametrize(
    ("simulated", "says"),
    [
        (0.9, "holds"),
        (0.83, "holds"),
        (0.81, "too close to call"),
        (0.79, "too close to call"),
        (0.7, "does not hold"),
    ],
)
def test_verdict_is_that_of_the_band(simulated, says):
    assert verdict(simulated, 0.02, 0.8) == says


# --- certified plans ------------------------------------------------------------------------------


def certify(centre, demand, people, **options):
    return plan(centre, demand, people, certify=True, **options)


@functools.cache
def hard(make, in_north=40):
    """Two sites of equal callers on a day whose volume nobody knows: the formula's staff is too few."""
    centre = two_sites(
        {
            "queues.calls.day_cv": 0.8,
            "sites.south.opens": "09:00",
            "sites.south.closes": "18:00",
            "queues.calls.opens": "09:00",
            "queues.calls.closes": "18:00",
            "teams.calls_north.wage_month": 40_000.0,
        }
    )
    demand = demand_of(40.0, hours=(9, 18))
    people = people_of(centre, 40)
    people = people[(people["site"] != "north") | (people.groupby("team").cumcount() < in_north)]
    return make(centre, demand, people.reset_index(drop=True), replications=200)


def test_a_certified_plan_meets_its_promise_with_the_cheapest_staff():
    """North's agents cost half of South's: only North gets more."""
    before, after = hard(plan), hard(certify)
    assert before.certificate["verdict"].tolist() == ["does not hold"]
    assert not before.holds
    assert before.certificate["short"].iloc[0] > 0
    assert before.summary["service_level"]["calls"]["days"]["2026-11-23"]["agents_short"] > 0
    assert (after.certificate["verdict"] == "holds").all()
    heads = {
        name: made.requirement.groupby("site")["rostered"].sum()
        for name, made in (("before", before), ("after", after))
    }
    assert heads["after"]["north"] > heads["before"]["north"]
    assert heads["after"]["south"] == heads["before"]["south"]
    assert after.breaches.empty


def test_where_the_cheapest_have_no_people_left_others_are_raised():
    """North has exactly whom it needs before: South gets the rest, and no shift is left without people."""
    before = hard(plan)
    staff = before.roster.roster.groupby("site")["agent_id"].nunique()
    after = hard(certify, int(staff["north"]))
    heads = [made.requirement.groupby("site")["rostered"].sum() for made in (before, after)]
    assert heads[1]["south"] > heads[0]["south"]
    assert (after.certificate["verdict"] == "holds").all()
    assert after.roster.unmet.empty


def test_a_queue_that_only_others_feed_is_certified():
    """Nobody calls the second line from outside; what the first line sends it varies more than planned."""
    centre = one_site(
        {
            "queues.calls.day_cv": 0.6,
            "queues.calls.target": {"max_occupancy": 0.3},
            "queues.calls.transfers": {"second": 0.5},
            "queues.second.target": {"service_level": 0.9, "threshold_s": 20.0},
            **{f"queues.{name}.{edge}": clock for name in ("calls", "second")
               for edge, clock in (("opens", "09:00"), ("closes", "18:00"))},
        },
        ("calls", "second"),
    )  # fmt: skip
    demand = pd.concat([demand_of(16.0, hours=(9, 18)), demand_of(8.0, queue="second", hours=(9, 18))])
    before, after = (
        make(centre, demand, people_of(centre, 60), replications=200) for make in (plan, certify)
    )
    assert before.certificate["verdict"].tolist() != ["holds"]
    assert after.certificate["verdict"].tolist() == ["holds"]
    heads = [made.requirement.groupby("queue")["rostered"].sum() for made in (before, after)]
    assert heads[1]["second"] > heads[0]["second"]
    assert heads[1]["calls"] == heads[0]["calls"]


def test_when_nobody_is_left_the_certificate_says_so():
    """Two people and no more: the plan stays short, lawful and honest."""
    centre = one_site({"queues.calls.opens": "09:00", "queues.calls.closes": "18:00"})
    made = certify(centre, demand_of(12, hours=(9, 18)), people_of(centre, 2), replications=2)
    assert made.certificate["verdict"].tolist() == ["does not hold"]
    assert made.certificate["short"].iloc[0] > 0
    assert not made.holds
