"""Specialists: positions, pooled and apart, skills, promises; each number by a second route."""

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, demand_of, two_sites

from planning import Centre, PlanningError, requirement
from planning.queueing import measures
from planning.studies.prices import price_of
from planning.studies.specialists import (
    cost_of_skills,
    designs,
    flexibility,
    positions,
    profile,
    waits_of,
)

TEAMS = ("one_south", "two_south")


def pair(**changes: object) -> Centre:
    """Two queues that are answered in South only, with exponential calls."""
    sites = {"south": 1.0, "north": 0.0}
    raw = {f"queues.{name}.sites": sites for name in ("one", "two")}
    raw |= {f"queues.{name}.abandoned_cost": 100.0 for name in ("one", "two")}
    systems = Centre.load().systems.model_dump() | {"careers": None, "quality": None, "second_line": None}
    return two_sites(raw | {"systems": systems} | changes, queues=("one", "two"))


def two_queues(calls: float = 20.0) -> pd.DataFrame:
    return pd.concat([demand_of(calls, queue=name, hours=(9, 13)) for name in ("one", "two")])


def test_profile_by_hand():
    """Of 40 calls an hour a tenth goes on: 4 of the other queue's 40."""
    centre = pair(**{"queues.one.transfers": {"two": 0.1}, "queues.two.service_cv": 1.5})
    found = profile(centre, two_queues(), ["one", "two"]).loc["two"]
    assert found["calls"] == pytest.approx(16 * 20)
    assert (found["aht_s"], found["cv"], found["hours"]) == (240, 1.5, "00:00-24:00")
    assert found["handed_on"] == pytest.approx(0.1)


def test_positions_hold_the_requirement_interval_by_interval():
    needed = requirement(pair(), demand_of(20.0, queue="one", hours=(9, 13)))
    needed["agents"] = np.arange(len(needed)) % 5 + 1
    rows = positions(pair(), needed)
    for row in needed.itertuples():
        there = (rows["start"] <= row.interval_start) & (row.interval_start < rows["end"])
        assert there.sum() == (row.agents if row.site == "south" else there.sum())
    assert rows["paid_h"].sum() == pytest.approx(needed["agents"].sum() / 4)


def test_everybody_with_both_skills_is_one_pool():
    """Two equal queues whose people all answer both are Erlang A of twice the calls and agents."""
    found = flexibility(pair(), two_queues(), TEAMS, [0, 99], replications=200)
    agents = requirement(pair(), two_queues()).query("queue == 'one'")["agents"].iloc[0]
    apart = measures(20.0, 240.0, agents, patience_s=300.0, threshold_s=20.0).service_level
    whole = measures(40.0, 240.0, 2 * agents, patience_s=300.0, threshold_s=20.0).service_level
    # The line is empty at nine: a little better than in the long run.
    assert found["one"].iloc[0] == pytest.approx(apart, abs=0.03)
    assert found["one"].iloc[1] == pytest.approx(whole, abs=0.03)
    assert found["gain"].iloc[1] - found["half_width"].iloc[1] > 0


def test_each_more_with_both_skills_helps_less():
    """The gain grows with every learner, and most of it comes early."""
    found = flexibility(pair(), two_queues(), TEAMS, [0, 1, 2, 99], fewer=1, replications=100)
    assert found["gain"].is_monotonic_increasing
    steps = np.diff(found["gain"])
    assert steps[0] > steps[1] > 0
    assert found["gain"].iloc[2] > 0.4 * found["gain"].iloc[3]


def test_designs_are_priced_by_hand():
    centre = pair()
    found = designs(centre, two_queues(), TEAMS, [0, 1], [0, 1], replications=20)
    rate = 80_000 / 160 * 1.25
    assert found["wages_cost"].tolist() == pytest.approx([0, 0, 8 * rate, 8 * rate])
    # Four hours a day a seat, each team: 5 % of the rate, and 60 h in 24 months for every 160 h.
    skill = 2 * 4 * rate * (0.05 + 60 / 24 / 160)
    assert found["skills_cost"].tolist() == pytest.approx([0, skill, 0, skill])
    lost = found["abandoned_cost"] - found["abandoned_cost"].iloc[0]
    assert found["net_worth"].tolist() == pytest.approx(
        (found["wages_cost"] - found["skills_cost"] - lost).tolist()
    )
    assert cost_of_skills(centre, TEAMS, 1, hours=4.0) == pytest.approx(skill)


@pytest.mark.parametrize(
    ("teams", "text"),
    [(("one_south", "x"), "teams is 'x'"), (("one_south", "two_north"), "at one site")],
)
def test_teams_that_cannot_share_are_refused(teams, text):
    with pytest.raises(PlanningError, match=text):
        flexibility(pair(), two_queues(), teams, [0])


def test_promises_are_the_requirement_s():
    centre = Centre.load()
    claims = demand_of(5.0, 700.0, queue="claims", hours=(9, 21), days=2)
    options = {days: {"queues.claim_reviews.due_days": days} for days in (0.25, 3.0)}
    found = price_of(centre, claims, "claim_reviews", options)
    needed = requirement(centre.replace(options[0.25]), claims)
    own = needed[needed["queue"] == "claim_reviews"]
    assert found["agent_hours"].iloc[0] == own["agents"].sum() / 4
    assert found["agent_hours"].is_monotonic_decreasing


def test_waits_are_compared_within_the_quarter_of_an_hour():
    """Everybody who calls at the busy time waits long: within the quarters the groups are equal."""
    count = 4000
    rng = np.random.default_rng(5)
    quarter = rng.integers(0, 4, count)
    group = np.where(rng.random(count) < 0.2 + 0.2 * quarter, "late riser", "early bird")
    calls = pd.DataFrame(
        {
            "arrival": MONDAY + pd.to_timedelta(900 * quarter, unit="s"),
            "wait_s": 30.0 * quarter + rng.exponential(10, count),
            "handle_s": 100.0,
        }
    )
    found = waits_of(calls, pd.Series(group))
    assert (found["wait_s"].abs() < found["half_width"]).all()
    worse = calls.assign(wait_s=calls["wait_s"] + 3 * (group == "late riser"))
    assert waits_of(worse, pd.Series(group)).loc["late riser", "wait_s"] > found["half_width"].max()
