"""VIPs: assignment, backups, and who answers; each number by a second route."""

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest

from planning import Centre, PlanningError
from planning.centre.systems import Vip
from planning.queueing import erlang_b
from planning.studies.assignment import (
    answered_by,
    assign_vips,
    backup_pairs,
    calling_hours,
    duty_hours,
    groups_for,
    languages_of,
    reach_by_hour,
    reach_in_plan,
)
from planning.systems.vip import own_shares, read_vips, synthetic_vips

HOURS = pd.date_range("2026-11-23", periods=24, freq="h", tz="Europe/Moscow")
ZONES = pd.Series({3: 0.7, 7: 0.3})


@pytest.fixture(scope="module")
def settings():
    return Vip.of(Centre.load().systems.vip.model_dump() | {"vips": 6, "spread": 1.5})


def duty(**first: int) -> pd.DataFrame:
    """Managers on duty for nine hours from the hour given."""
    clock = np.arange(24)
    return pd.DataFrame({name: (clock - at) % 24 < 9 for name, at in first.items()}, index=HOURS)


def case(settings, seed=3, **first):
    there = duty(**(first or {"ann": 0, "ben": 8, "eva": 15}))
    vips, speaks = synthetic_vips(settings, there.columns, ZONES, seed=seed)
    calling = calling_hours(vips, np.arange(24) % 12 + 1.0, HOURS)
    return vips, speaks, calling, there


# --- what comes in --------------------------------------------------------------------------------


def test_calls_come_by_the_caller_s_own_clock(settings):
    """A VIP four hours east calls four hours earlier on Moscow's clock."""
    vips = pd.DataFrame({"utc_offset_h": [3, 7]}, index=["near", "far"])
    calling = calling_hours(vips, np.arange(24.0), HOURS)
    assert calling.sum(axis=1).to_numpy() == pytest.approx([1, 1])
    assert calling.loc["near"].idxmax().hour == 23
    assert calling.loc["far"].idxmax().hour == 19


def test_own_shares_are_those_of_the_calls_of_each_interval(settings):
    """By hand: each VIP's part, times the hour of the VIP's own clock, over all VIPs."""
    shape = np.arange(24.0) + 1
    rules = Vip.of(settings.model_dump() | {"calls_by_hour": shape.tolist()})
    vips = pd.DataFrame(
        {"share": [5.0, 1.0, 2.0], "utc_offset_h": [3, 7, 3], "manager": ["ann", "ben", "ben"]}
    )
    found = own_shares(rules, vips, HOURS)
    for hour, row in enumerate(found.to_dict("records")):
        ann, ben = 5 * shape[hour], shape[(hour + 4) % 24] + 2 * shape[hour]
        assert row == pytest.approx({"ann": ann / (ann + ben), "ben": ben / (ann + ben)})


def test_vips_who_never_call_are_refused(settings):
    vips = pd.DataFrame({"share": [0.0], "utc_offset_h": [3], "manager": ["ann"]})
    with pytest.raises(PlanningError, match="share is 0 for every VIP, must be above 0 for at least one"):
        own_shares(settings, vips, HOURS)
    with pytest.raises(PlanningError, match="calls_by_hour is 0 all day, must be above 0 somewhere"):
        Vip.of(settings.model_dump() | {"calls_by_hour": [0.0] * 24})


def test_reach_in_plan_by_hand():
    """Ann is there from 0 to 12 except a break from 6 to 7, Ben from 12 to 23; each is free 4 times in 5."""
    own = pd.DataFrame({"ann": 0.6, "ben": 0.3, "away": 0.1}, index=HOURS)
    roster = pd.DataFrame(
        {
            "agent_id": ["ann", "ben"],
            "team": "t",
            "start": [HOURS[0], HOURS[12]],
            "end": [HOURS[12], HOURS[23]],
        }
    )
    breaks = pd.DataFrame({"agent_id": ["ann"], "start": [HOURS[6]], "end": [HOURS[7]]})
    calls = pd.Series(np.where(HOURS.hour < 12, 3.0, 1.0), HOURS)
    found = reach_in_plan(own, roster, breaks, calls, pd.DataFrame({"t": 0.8}, index=HOURS))
    assert found == pytest.approx(0.8 * (11 * 3 * 0.6 + 11 * 0.3) / 48)


def test_vips_that_cannot_be_are_refused_and_the_others_kept(tmp_path):
    people = pd.DataFrame({"agent_id": ["ann", "ben"]})
    path = tmp_path / "vips.csv"
    path.write_text(
        "vip,share,language,utc_offset_h,manager\n"
        "a,1,,3,ann\nb,-1,,3,ann\nc,1,english,99,ben\nd,1,english,3,eva\ne,2,english,5,ben\n"
    )
    vips, refused = read_vips(path, people)
    assert vips["manager"].to_dict() == {"a": "ann", "e": "ben"}
    assert vips["language"].to_dict() == {"a": "", "e": "english"}
    assert refused["vip"].tolist() == ["b", "c", "d"]
    assert refused["reason"].iloc[2] == "manager is 'eva', who is not among the people: name another"
    with pytest.raises(PlanningError, match=r"none\.csv does not exist: give the path"):
        read_vips(tmp_path / "none.csv", people)


def test_languages_are_among_the_skills(settings):
    managers = pd.DataFrame({"agent_id": ["ann", "ben"], "skills": ["chinese english", None]})
    found = languages_of(settings, managers)
    assert found.loc["ann"].to_dict() == {"english": True, "chinese": True}
    assert not found.loc["ben"].any()


def test_duty_hours_are_those_of_the_roster():
    roster = pd.DataFrame({"agent_id": ["ann"], "start": [HOURS[8]], "end": [HOURS[17]]})
    found = duty_hours(roster, HOURS)["ann"]
    assert found[found].index.hour.tolist() == list(range(8, 17))


def test_present_managers_speak_their_vips_language(settings):
    many = Vip.of(settings.model_dump() | {"vips": 300})
    vips, speaks, *_ = case(many)
    foreign = vips[vips["language"] != ""]
    assert len(foreign) > 10
    assert all(speaks.loc[row.manager, row.language] for row in foreign.itertuples())
    assert vips["share"].sum() == pytest.approx(1)


# --- the assignment -------------------------------------------------------------------------------


def test_assignment_is_the_cheapest_by_trying_all(settings):
    """Three managers to the power of six VIPs, within languages and capacity."""
    vips, speaks, calling, there = case(settings)
    found = assign_vips(settings, vips, speaks, calling, there)
    away = calling.to_numpy() @ ~there.to_numpy()
    share, managers = vips["share"].to_numpy(), list(there.columns)
    most = (1 + settings.spread) * there.to_numpy().sum(axis=0) / there.to_numpy().sum()

    def cost(chosen):
        change = vips["manager"].to_numpy() != np.array(managers)[list(chosen)]
        return (share * (away[np.arange(6), list(chosen)] + settings.keep * change)).sum()

    def lawful(chosen):
        load = np.bincount(chosen, weights=share, minlength=3)
        speak = all(
            not k or speaks.loc[managers[m], k] for m, k in zip(chosen, vips["language"], strict=True)
        )
        return speak and (load <= most + 1e-9).all()

    best = min(cost(chosen) for chosen in product(range(3), repeat=6) if lawful(chosen))
    chosen = tuple(managers.index(name) for name in found)
    assert lawful(chosen)
    assert cost(chosen) == pytest.approx(best, rel=0.005)


def test_dear_changes_keep_everybody(settings):
    """Where a change weighs more than all calls, all who can stay do."""
    faithful = Vip.of(settings.model_dump() | {"keep": 100.0, "spread": 5.0})
    vips, speaks, calling, there = case(faithful)
    found = assign_vips(faithful, vips, speaks, calling, there)
    assert found.tolist() == vips["manager"].tolist()


def test_a_language_without_a_speaker_is_said(settings):
    vips, speaks, calling, there = case(settings)
    mute = vips.assign(language=["english", *[""] * 5])
    with pytest.raises(PlanningError, match="no manager on duty speaks 'english'"):
        assign_vips(settings, mute, speaks.assign(english=False), calling, there)


def test_too_much_for_those_who_speak_is_said(settings):
    tight = Vip.of(settings.model_dump() | {"spread": 0.0})
    vips, speaks, calling, there = case(tight)
    only = speaks.assign(english=speaks.index == "ann")
    with pytest.raises(PlanningError, match="no assignment respects the languages"):
        assign_vips(tight, vips.assign(language="english"), only, calling, there)


# --- backups --------------------------------------------------------------------------------------


def test_pairs_are_the_best_by_trying_all():
    """Six managers: every way to pair them."""
    there = duty(a=0, b=3, c=8, d=10, e=15, f=20)
    weight = pd.Series(np.arange(24.0) + 1, index=HOURS) / 300
    found = backup_pairs(there, weight)
    assert all(found[found[name]] == name for name in there)

    def covered(pairs):
        return sum(weight @ (there[one] | there[two]) for one, two in pairs)

    best = max(covered(zip(order[::2], order[1::2], strict=True)) for order in permutations(there.columns))
    assert covered({tuple(sorted((one, two))) for one, two in found.items()}) == pytest.approx(best)


def test_the_odd_one_has_no_backup():
    found = backup_pairs(duty(a=0, b=8, c=16), pd.Series(1 / 24, index=HOURS))
    assert found.isna().sum() == 1


# --- who answers ----------------------------------------------------------------------------------


def simulated_pair(own_load, backup_load, calls):
    """Share of a manager's VIPs answered by each of two managers, call by call, without a formula."""
    rng = np.random.default_rng(1)
    total = own_load + backup_load
    arrival, service = rng.exponential(1 / total, calls).cumsum(), rng.exponential(1.0, calls)
    mine = rng.random(calls) < own_load / total
    free, hits = [0.0, 0.0], [0, 0]
    for at, length, own in zip(arrival.tolist(), service.tolist(), mine.tolist(), strict=True):
        for place, manager in enumerate((0, 1) if own else (1, 0)):
            if free[manager] <= at:
                free[manager] = at + length
                hits[place] += own
                break
    return hits[0] / int(mine.sum()), hits[1] / int(mine.sum())


@pytest.mark.parametrize(("own_load", "backup_load"), [(0.2, 0.2), (0.8, 0.3), (0.1, 1.5)])
def test_who_answers_against_a_simulation(own_load, backup_load):
    own, backup = answered_by(own_load, backup_load, True, True)
    found = simulated_pair(own_load, backup_load, 200_000)
    band = 3 * 0.5 / np.sqrt(200_000 * own_load / (own_load + backup_load))  # three standard errors at most
    assert (float(own), float(backup)) == pytest.approx(found, abs=band)


def test_both_together_are_erlang_b():
    own, backup = answered_by(0.7, 0.4, True, True)
    assert 1 - own - backup == pytest.approx(erlang_b(1.1, 2))
    alone, nobody = answered_by(0.7, 0.4, [True, False], False)
    assert (1 - alone)[0] == pytest.approx(erlang_b(1.1, 1))
    assert (alone[1], nobody[0], nobody[1]) == (0, 0, 0)


def test_reach_by_hand(settings):
    """One VIP: the personal manager from 0 to 9 h, the backup from 8 to 17 h, and nobody is on a call."""
    vips = pd.DataFrame({"share": [1.0], "utc_offset_h": [3]}, index=["v"])
    calling = calling_hours(vips, np.ones(24), HOURS)
    there = duty(ann=0, ben=8)
    backups = pd.Series({"ann": "ben", "ben": "ann"})
    table = reach_by_hour(vips, pd.Series({"v": "ann"}), backups, calling, there, calls=1e-9, aht_s=1.0)
    assert table["own"].tolist() == pytest.approx([1.0] * 9 + [0.0] * 15)
    assert table["backup"].tolist() == pytest.approx([0.0] * 9 + [1.0] * 8 + [0.0] * 7, abs=1e-9)
    assert (table[["own", "backup", "team"]].sum(axis=1)).to_numpy() == pytest.approx(1)
    assert table["calls"].sum() == pytest.approx(1)


# --- groups ---------------------------------------------------------------------------------------


def test_groups_are_the_least_by_erlang_b():
    """An erlang all week: four on duty block 1.5 %, three 6 %."""
    table = groups_for(np.ones(168), share=0.95, hours_week=34.0, groups=[1])
    assert erlang_b(1.0, 3) > 0.05 > erlang_b(1.0, 4)
    assert table["in_group"].iloc[0] == pytest.approx(4 * 168 / 34)


def test_smaller_groups_need_more_managers():
    load = 1 + np.sin(np.arange(168) / 24 * 2 * np.pi)
    table = groups_for(load, share=0.95, hours_week=34.0, groups=[1, 2, 4, 8])
    assert table["managers"].is_monotonic_increasing
    assert table["in_group"].is_monotonic_decreasing
    with pytest.raises(PlanningError, match="share is 95"):
        groups_for(load, share=95, hours_week=34.0, groups=[1])
