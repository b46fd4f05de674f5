"""The night priced: every part of the cost by a second route, every break-even by trying it."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, PRICES, day_site, demand_of, one_site, raw_centre, three_sites, two_sites

from planning import Centre, PlanningError, compare, requirement
from planning.calendars import day_start
from planning.overflow import (
    Alternative,
    alternatives,
    break_even_price,
    break_even_volume,
    break_even_wage,
    closing_at,
    compare_nights,
    night_overflow,
    open_hours,
    run_night,
    run_nights,
)
from planning.overflow.night import position_pay
from planning.pay import agents_cost, hour_cost

CHEAP = {"teams.calls_north.wage_month": 50_000.0}
OPEN = {"sites.south.opens": "00:00", "sites.south.closes": "24:00"}


def priced(changes=None):
    return two_sites({"alternatives": PRICES, **(changes or {})})


def wavy(days=1):
    """Many calls by day, a quarter of them at night."""
    hours = np.arange(96 * days) / 4 % 24
    calls = 25 + 15 * np.sin((hours - 6) * np.pi / 12)
    return demand_of(days=days).assign(calls=calls)


def by_name(nights):
    return {night.alternative.name: night for night in nights}


# --- the parts of the cost ------------------------------------------------------------------------


def test_pay_by_a_second_route():
    """Without absence, wages and premium are the agents' price, and an hour of rests a shift on top."""
    centre = priced(CHEAP)
    night = run_night(Alternative("now", centre, wavy()))
    # 8.5 h with a meal of half an hour: 8 paid hours, four stretches of work, two rests of 15 min.
    expected = agents_cost(centre, requirement(centre, wavy())) * 8 / 7.5
    paid = night.row["wages_cost"] + night.row["premium_cost"]
    assert paid == pytest.approx(expected)


def test_absence_is_paid_as_heads():
    centre = priced({"teams.calls_south.shrinkage": 0.5})
    half = run_night(Alternative("half", centre, wavy()))
    full = run_night(Alternative("full", priced(), wavy()))
    heads = half.needed[half.needed["site"] == "south"]
    assert (heads["rostered"] >= heads["agents"] * 1.9).all()
    assert half.cost["wages_south"] > 1.9 * full.cost["wages_south"]


def test_days_are_averaged():
    one, two = (run_night(Alternative("now", priced(), wavy(days))) for days in (1, 2))
    assert two.days == 2
    assert two.cost["wages_north"] == pytest.approx(one.cost["wages_north"])
    assert two.cost["abandoned"] == pytest.approx(one.cost["abandoned"], rel=1e-3)


def test_overrun_is_paid_as_overtime():
    """A part of the crew is busy and finishes: a handle time each, at one and a half times the rate."""
    flat = demand_of(40.0)
    night = run_night(Alternative("now", priced(), flat))
    crew = night.needed[night.needed["site"] == "south"]["agents"].iloc[-1]
    busy_s = crew * 240.0
    rate = hour_cost(priced(), "calls_south") * 1.5
    assert 0.3 * busy_s * rate / 3600 < night.cost["overrun_south"] < busy_s * rate / 3600


def test_rides_home_are_paid_in_their_hours_only():
    """South's crew at 22:00 walks; at 23:00 it takes a taxi."""
    flat = demand_of(40.0)
    early, late = (
        run_night(Alternative(hour, closing_at(priced(), hour), flat)) for hour in ("22:00", "23:00")
    )
    crew = late.needed[(late.needed["site"] == "south")]["rostered"].iloc[-1]
    assert early.cost["rides"] == 0
    assert late.cost["rides"] == 500.0 * crew


def test_workplaces_are_paid_beyond_those_that_there_are():
    flat = demand_of(40.0)
    need = run_night(Alternative("free", priced(), flat)).seats["north"]
    few = run_night(Alternative("few", priced({"sites.north.seats": int(need) - 3}), flat))
    enough = run_night(Alternative("enough", priced({"sites.north.seats": int(need)}), flat))
    assert few.cost["seats"] == pytest.approx(3 * 10_000 * 12 / 365)
    assert enough.cost["seats"] == 0


def test_callers_who_give_up_cost_what_they_are_worth():
    night = run_night(Alternative("now", priced({"queues.calls.abandoned_cost": 100.0}), wavy()))
    lost = (night.service["calls"] * night.service["abandonment"]).sum()
    assert night.cost["abandoned"] == pytest.approx(100.0 * lost)
    assert run_night(Alternative("now", priced(), wavy())).cost["abandoned"] == 0


def test_premiums_of_holidays_and_weekends_are_paid_on_positions_too():
    """The positions of `planning.compare` cost the same."""
    centre = two_sites({"pay.weekend_premium": 0.5})
    for start, factor in (("2026-11-04", 1.0), ("2026-11-28", 0.5), ("2026-11-30", 0.0)):
        demand = demand_of(start=day_start(start, "Europe/Moscow"))
        pay = position_pay(centre, requirement(centre, demand))
        assert pay["premium_south"] == pytest.approx(factor * pay["wages_south"])
        other = compare({}, centre, demand, staff="positions", replications=2)
        assert sum(pay.values()) == pytest.approx(other["pay_cost"].iloc[0])


def test_night_hours_run_on_the_sites_own_clock():
    """A site seven hours ahead begins its night at 15:00 on the centre's clock."""
    here = run_night(Alternative("here", priced(), demand_of(40.0)))
    east = run_night(
        Alternative("east", priced({"sites.south.time_zone": "Asia/Vladivostok"}), demand_of(40.0))
    )
    assert here.cost["premium_south"] == 0
    # 15:00 to 22:00 are night there, seven of its fourteen hours.
    assert east.cost["premium_south"] == pytest.approx(0.2 * east.cost["wages_south"] / 2)
    assert east.cost["premium_north"] == here.cost["premium_north"]


# --- closing hours --------------------------------------------------------------------------------


def closings(centre, demand, hours):
    """The centre with each closing hour; calls of closed hours are left out."""
    later = {hour: closing_at(centre, hour) for hour in hours}
    return [Alternative(hour, one, open_hours(centre, one, demand)[0]) for hour, one in later.items()]


def test_the_present_hour_is_the_present_centre():
    now = run_night(Alternative("22:00", priced(CHEAP), wavy()))
    (same,) = run_nights(closings(priced(CHEAP), wavy(), ["22:00"]))
    pd.testing.assert_series_equal(now.cost, same.cost)


def test_a_site_that_opens_at_midnight_and_closes_at_midnight_moves_nobody():
    centre = closing_at(priced({"sites.south.opens": "00:00"}), "24:00")
    assert centre.sites["south"].closes == pd.Timedelta(days=1)
    assert night_overflow(centre, wavy()).moved.empty


def test_closing_at_midnight_moves_the_hours_until_the_opening():
    moved = night_overflow(closing_at(priced(), "24:00"), demand_of(30.0)).moved
    assert moved["calls"].sum() == pytest.approx(15.0 * 32)


def test_equal_wages_make_every_hour_equal():
    """One pool, one wage: who sits where costs nothing; only rides and overruns tell the hours apart."""
    found = compare_nights(run_nights(closings(priced(), demand_of(30.0), ["18:00", "20:00", "24:00"])))
    assert found["wages_cost"].max() == pytest.approx(found["wages_cost"].min())


def test_a_cheaper_night_site_pays_for_every_hour_moved():
    found = compare_nights(run_nights(closings(priced(CHEAP), wavy(), ["18:00", "19:30", "21:00", "22:00"])))
    assert found["wages_cost"].is_monotonic_increasing
    assert found["wages_cost"].iloc[0] < found["wages_cost"].iloc[-1]
    assert found["meets"].all()
    assert found["cost_year"].to_numpy() == pytest.approx(365 * found["cost_day"].to_numpy())
    parts = ["wages", "premium", "overrun", "rides", "seats", "abandoned", "leavers", "elsewhere"]
    total = found[[f"{part}_cost" for part in parts]].sum(axis=1)
    assert total.to_numpy() == pytest.approx(found["cost_day"].to_numpy())


def test_executor_changes_no_number():
    options = closings(priced(), wavy(), ["20:00", "21:00"])
    with ThreadPoolExecutor(2) as threads:
        there = run_nights(options, executor=threads)
    pd.testing.assert_frame_equal(compare_nights(there), compare_nights(run_nights(options)))


def test_queue_that_only_the_closing_site_answers_stays():
    centre = two_sites(
        {
            "queues.claims.sites": {"south": 1.0},
            "queues.claims.opens": "09:00",
            "queues.claims.closes": "21:00",
        },
        queues=("calls", "claims"),
    )
    teams = {name: team.model_dump() for name, team in centre.teams.items() if name != "claims_north"}
    early = closing_at(centre.replace({"teams": teams}), "18:00")
    assert early.overflow[0].queues == ["calls"]
    assert early.sites["south"].closes == pd.Timedelta(hours=22)


def test_the_site_is_named_where_several_close():
    """Tokyo closes at 18:00 and Berlin at 22:00; Lima takes over from both."""
    with pytest.raises(PlanningError, match="tokyo and berlin close: name one of them"):
        closing_at(three_sites(), "17:00")
    early = closing_at(three_sites(), "17:00", site="berlin")
    assert [rule.at for rule in early.overflow] == [None, pd.Timedelta(hours=17)]
    with pytest.raises(PlanningError, match="site is 'rome', must be one of tokyo, berlin, lima"):
        closing_at(three_sites(), "17:00", site="rome")
    assert len(alternatives(three_sites(), wavy(), site="tokyo")) == 3


def test_a_centre_in_which_no_site_closes_says_so():
    with pytest.raises(PlanningError, match="no site of the centre closes"):
        closing_at(one_site(), "20:00")


def test_every_rule_of_the_closing_moves():
    """A rule per queue: both begin at the new hour."""
    raw = raw_centre({"south": ("08:00", "22:00"), "north": ("00:00", "24:00")}, ("calls", "claims"))
    ends = {"from_site": "south", "to_site": "north"}
    raw["overflow"] = [{**ends, "queues": ["calls"]}, {**ends, "queues": ["claims"]}]
    early = closing_at(Centre.of(raw), "20:00")
    assert [(rule.at, rule.queues) for rule in early.overflow] == [
        (pd.Timedelta(hours=20), ["calls"]),
        (pd.Timedelta(hours=20), ["claims"]),
    ]


# --- a site that hands its callers to nobody ------------------------------------------------------


def test_a_lone_site_closes_with_its_queue():
    early = closing_at(day_site(), "19:00")
    assert early.sites["berlin"].closes == early.queues["calls"].closes == pd.Timedelta(hours=19)


def test_a_queue_that_ends_before_stays_as_it_is():
    early = closing_at(day_site({"queues.calls.closes": "18:00"}), "19:00")
    assert early.queues["calls"].closes == pd.Timedelta(hours=18)


def test_calls_of_the_closed_hour_are_lost_and_priced():
    """Four quarters of 20 calls, twice as many by the queue's own factor."""
    centre = day_site({"queues.calls.volume": 2.0, "queues.calls.abandoned_cost": 10.0})
    demand = demand_of(20.0, hours=(8, 20))
    left, lost = open_hours(centre, closing_at(centre, "19:00"), demand)
    assert lost == {"calls": 160.0}
    assert left["calls"].sum() == demand["calls"].sum() - 80.0
    full, early = run_nights(closings(centre, demand, ["20:00", "19:00"]))
    assert early.row["wages_cost"] < full.row["wages_cost"]


def test_work_that_waits_is_done_before_the_new_closing():
    mail = {
        "due_days": 2,
        "aht_s": 300.0,
        "target": {"max_occupancy": 0.9},
        "opens": "08:00",
        "closes": "20:00",
    }
    raw = day_site().model_dump()
    raw["queues"]["mail"] = {"sites": {"berlin": 1.0}, **mail}
    raw["teams"]["calls_berlin"]["queues"] = ["calls", "mail"]
    centre = Centre.of(raw)
    demand = pd.concat(
        [demand_of(queue=name, hours=(8, 20)) for name in ("calls", "mail")], ignore_index=True
    )
    left, lost = open_hours(centre, closing_at(centre, "19:00"), demand)
    assert lost == {"calls": 80.0}
    by_queue = left.groupby("queue")["calls"].sum()
    assert by_queue["mail"] == pytest.approx(demand_of(hours=(8, 20))["calls"].sum())
    assert left["interval_start"].dt.hour.max() == 18


def test_a_lone_site_cannot_close_later_than_its_calls():
    with pytest.raises(
        PlanningError, match="closing hour is 21:00, must be at most 20:00, when berlin closes"
    ):
        closing_at(day_site(), "21:00")


def test_a_queue_of_two_sites_does_not_close_with_one():
    raw = raw_centre({"south": ("08:00", "22:00"), "north": ("08:00", "22:00")})
    raw["overflow"] = []
    raw["queues"]["calls"] |= {"opens": "08:00", "closes": "22:00"}
    with pytest.raises(
        PlanningError, match=r"queues\.calls has callers of north too, so it cannot close with south"
    ):
        closing_at(Centre.of(raw), "20:00", site="south")


def test_a_lone_site_has_no_alternatives():
    with pytest.raises(PlanningError, match="berlin has 0 overflow rules by the hour, must have one"):
        alternatives(day_site(), demand_of(hours=(8, 20)))


# --- alternatives ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nights():
    centre = priced({**CHEAP, "queues.calls.abandoned_cost": 100.0})
    return by_name(run_nights(alternatives(centre, wavy(2))))


def test_every_alternative_is_there(nights):
    assert list(nights) == [
        "North answers",
        "South never closes",
        "South closes at weekends only",
        "Call-back next day",
        "Partner at a price a call",
        "Third site: East",
    ]


def test_never_closing_moves_nobody(nights):
    never = nights["South never closes"]
    assert night_overflow(never.alternative.centre, never.alternative.demand).moved.empty


def test_weekend_closing_differs_on_weekends_only():
    centre = priced(CHEAP)
    (option,) = [option for option in alternatives(centre, wavy(7)) if "weekends" in option.name]
    moved = night_overflow(option.centre, wavy(7)).moved
    assert set(moved["interval_start"].dt.day_of_week) == {5, 6}
    assert moved["calls"].sum() == pytest.approx(wavy(2)["calls"].sum() / 2)


def test_call_back_by_hand(nights):
    """Half of the ten night hours' calls are South's; six in ten leave a number, the others are lost."""
    back, now = nights["Call-back next day"], nights["North answers"]
    moved = night_overflow(now.alternative.centre, now.alternative.demand).moved["calls"].sum() / 2
    hours = 0.6 * moved * 1.4 * 240 / 3600
    rate = hour_cost(now.alternative.centre, "calls_south")
    assert back.cost["callbacks"] == pytest.approx(hours * rate)
    assert back.cost["lost"] == pytest.approx(0.4 * moved * 100)
    own = back.service
    level = (own["calls"] * own["service_level"]).sum() / (own["calls"].sum() + 2 * moved)
    assert back.queues.loc["calls", "service_level"] == pytest.approx(level)
    assert not back.meets
    assert now.meets


def test_partner_is_paid_by_the_call(nights):
    partner, now = nights["Partner at a price a call"], nights["North answers"]
    moved = night_overflow(now.alternative.centre, now.alternative.demand).moved["calls"].sum() / 2
    assert partner.cost["partner"] == pytest.approx(100 * moved)
    assert partner.service["calls"].sum() / 2 + moved == pytest.approx(now.service["calls"].sum() / 2)
    assert partner.meets


def test_third_site_has_no_night_hours(nights):
    """01:00 to 08:00 is 08:00 to 15:00 there; North holds 22:00 to 01:00 only."""
    third = nights["Third site: East"]
    assert third.cost["premium_east"] == 0
    assert third.cost["wages_east"] > 0
    north = third.needed[third.needed["site"] == "north"]["interval_start"]
    assert north.dt.hour.min() == 0
    assert not north.dt.hour.between(1, 7).any()


def test_break_even_wage_makes_both_cost_the_same(nights):
    now, never = nights["North answers"], nights["South never closes"]
    ratio = break_even_wage(now, never, "north", "south")
    equal = now.alternative.centre.replace({"teams.calls_north.wage_month": ratio * 80_000.0})
    again = by_name(run_nights(alternatives(equal, wavy(2))))
    assert again["North answers"].cost_day == pytest.approx(again["South never closes"].cost_day, abs=0.01)


def test_break_even_price_makes_both_cost_the_same(nights):
    price = break_even_price(nights["North answers"], nights["Partner at a price a call"])
    centre = nights["North answers"].alternative.centre.replace({"alternatives.outsource_cost_call": price})
    again = by_name(run_nights(alternatives(centre, wavy(2))))
    assert again["North answers"].cost_day == pytest.approx(again["Partner at a price a call"].cost_day)


def test_break_even_volume_is_where_the_cheaper_one_changes(nights):
    """A tenth of the night's calls leave a few agents idle; at the present volume it beats the partner."""
    price = {"alternatives.outsource_cost_call": 60.0}
    names = ("North answers", "Partner at a price a call")
    centre = nights[names[0]].alternative.centre.replace(price)
    factor = break_even_volume(centre, wavy(), *names)
    night = wavy()["interval_start"].dt.hour.isin([22, 23, *range(8)]).to_numpy()

    def difference(near):
        calls = wavy()["calls"] * np.where(night, near, 1)
        found = by_name(run_nights(alternatives(centre, wavy().assign(calls=calls))))
        return found[names[0]].cost_day - found[names[1]].cost_day

    assert 0.05 < factor < 0.3
    assert difference(factor - 0.01) * difference(factor + 0.01) < 0
    assert difference(1.0) < 0


def test_no_volume_decides_where_one_is_always_cheaper():
    centre = priced(CHEAP | {"alternatives": PRICES | {"outsource_cost_call": 1e6}})
    assert break_even_volume(centre, wavy(), "North answers", "Partner at a price a call") is None


# --- bad input ------------------------------------------------------------------------------------


def test_alternatives_without_prices_are_those_that_need_none():
    assert [option.name for option in alternatives(two_sites(), wavy())] == [
        "North answers",
        "South never closes",
        "South closes at weekends only",
    ]


def test_unknown_alternative():
    with pytest.raises(PlanningError, match="'nobody answers' is not an alternative, must be one of"):
        break_even_volume(priced(), wavy(), "nobody answers", "North answers")


def test_hour_that_is_none():
    with pytest.raises(PlanningError, match='must be a time of day such as "08:00"'):
        closing_at(priced(), "25:77")


def test_a_queue_whose_sites_work_apart_is_refused():
    """Not left out of the verdict and of the cost."""
    centre = priced({"queues.calls.pooled": False})
    with pytest.raises(PlanningError, match=r"queues.calls.pooled is false, must be true"):
        run_night(Alternative("apart", centre, wavy()))


def test_hour_within_an_interval_is_refused():
    """Half-hours know no 18:15: it would be priced as 18:30 under its own name."""
    with pytest.raises(
        PlanningError, match="closing hour is 18:15, must be a multiple of the interval of 30"
    ):
        closing_at(priced({"interval_s": 1800}), "18:15")


def test_demand_without_a_queue_to_judge():
    centre = priced({"queues.calls.target": {"max_occupancy": 0.8}})
    with pytest.raises(PlanningError, match="demand has no queue with a service level: give one"):
        run_night(Alternative("no level", centre, wavy()))


def test_a_queue_with_closed_hours_is_judged_from_one_to_the_next():
    """Each stretch as if it were alone: a day of three like one."""
    centre = priced({"queues.calls.opens": "09:00", "queues.calls.closes": "18:00"})
    days = [wavy(days) for days in (1, 3)]
    hours = [each["interval_start"].dt.hour for each in days]
    one, three = (
        run_night(Alternative("by day", centre, each[(hour >= 9) & (hour < 18)]))
        for each, hour in zip(days, hours, strict=True)
    )
    assert len(three.service) == 3 * len(one.service) == 3 * 36
    assert three.queues.loc["calls", "service_level"] == pytest.approx(
        one.queues.loc["calls", "service_level"]
    )
    assert three.cost["abandoned"] == pytest.approx(one.cost["abandoned"])


def test_who_leaves_at_the_end_of_the_horizon_is_paid_as_at_any_other_time():
    """The same day, begun at noon: the end of its evening lies within."""
    centre = closing_at(priced(), "24:00")
    midnight = wavy(2)
    noon = midnight[48:144].reset_index(drop=True)
    inside, at_the_end = (
        run_night(Alternative("noon", centre, noon)),
        run_night(Alternative("midnight", centre, wavy())),
    )
    assert inside.days == at_the_end.days == 1
    assert at_the_end.cost["rides"] == inside.cost["rides"] > 0
    for part in ("overrun_south", "wages_south", "wages_north"):
        assert at_the_end.cost[part] == pytest.approx(inside.cost[part], rel=1e-3)
    assert at_the_end.cost["overrun_south"] > 0


def test_rides_home_go_by_the_sites_own_clock():
    """Midnight of the centre is nine in the evening there, and buses run."""
    nights = [
        run_night(Alternative("late", closing_at(priced({"sites.south.time_zone": zone}), "24:00"), wavy()))
        for zone in ("Europe/Moscow", "Europe/London")
    ]
    assert nights[0].cost["rides"] > nights[1].cost["rides"] == 0


def test_nobody_is_kept_where_all_calls_are_gone():
    """The fewest agents are not asked for at a site that has no callers at all by night."""
    centre = priced({"queues.calls.sites": {"south": 1.0, "north": 0.0}, "queues.calls.min_agents": 2})
    options = {option.name: option for option in alternatives(centre, wavy())}
    partner = run_night(options["Partner at a price a call"])
    assert set(partner.needed["site"]) == {"south"}
    assert partner.cost["wages_north"] == 0


def test_a_third_site_pays_for_every_workplace(nights):
    third = nights["Third site: East"]
    free = run_night(
        Alternative(
            "free", third.alternative.centre.replace({"sites.east.seats": 1000}), third.alternative.demand
        )
    )
    month = third.seats["east"] * third.alternative.centre.pay.seat_cost_month
    assert third.cost["seats"] - free.cost["seats"] == pytest.approx(month * 12 / 365)


def test_wage_that_decides_nothing(nights):
    now = nights["North answers"]
    with pytest.raises(PlanningError, match="pay north the same: no wage ratio decides"):
        break_even_wage(now, now, "north", "south")


def test_monday_is_where_the_tests_begin():
    assert MONDAY.day_of_week == 0
