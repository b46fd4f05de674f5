"""Prices: each by hand, a plan's from its files by a second route, and the same through every door."""

from datetime import datetime, timedelta

import pandas as pd
import pytest
from factories import MONDAY, demand_of, one_site, people_of, raw_centre, roster_of, two_sites

from planning import Centre, compare, plan
from planning.calendars import axis, day_start
from planning.pay import (
    caller_costs,
    cost_of,
    desks_at_peak,
    hour_cost,
    leavers_cost,
    overtime_pay_h,
    pay_parts,
    premium_hours,
    rides_home,
    seats_cost,
    unit_hour,
)
from planning.shifts import CoverSettings
from planning.shifts.catalogue import Break, Pattern
from planning.shifts.cover import shift_rows
from planning.tables import COST, PAY_COSTS

DAY = axis(MONDAY, 1, 900)


def breaks_of(*rows, roster):
    """BREAKS of (agent, start, end, paid) in the shifts of a roster."""
    table = pd.DataFrame(rows, columns=["agent_id", "start", "end", "paid"])
    times = {edge: pd.to_datetime(table[edge]).dt.tz_localize("Europe/Moscow") for edge in ("start", "end")}
    kinds = {"paid": table["paid"].astype(bool), "kind": "meal"}
    return table.assign(**times, **kinds, shift_id="s").astype({"agent_id": roster["agent_id"].dtype})


def cost_by_team(centre, roster, breaks=None, times=DAY):
    breaks = breaks_of(roster=roster) if breaks is None else breaks
    return cost_of(centre, roster, breaks, times).set_index("team")


# --- by hand ------------------------------------------------------------------------------------------------


def test_an_hour_holds_the_contributions():
    """80,000 over 160 hours, and a quarter on top."""
    assert hour_cost(one_site(), "calls_north") == pytest.approx(625.0)


def test_two_shifts():
    """A day of eight paid hours costs 5,000.

    A night of eight, six of them after 22:00, costs 5,000 and a fifth of 625 for each of the six: 750.
    """
    roster = roster_of(
        ("a", "2026-11-23 09:00", "2026-11-23 17:30"), ("b", "2026-11-23 19:30", "2026-11-24 04:00")
    )
    meals = (
        ("a", "2026-11-23 13:00", "2026-11-23 13:30", False),
        ("b", "2026-11-23 21:00", "2026-11-23 21:30", False),
    )
    roster = roster.assign(paid_h=[8.0, 8.0], night_h=[0.0, 6.0])
    cost = cost_by_team(one_site({"pay.taxi_cost": 0.0}), roster, breaks_of(*meals, roster=roster))
    cost = cost.loc["calls_north"]
    assert cost["site"] == "north"
    assert cost[["paid_h", "night_h"]].tolist() == [16.0, 6.0]
    assert cost["base_cost"] == pytest.approx(10_000.0)
    assert cost["night_cost"] == pytest.approx(750.0)
    assert cost["holiday_cost"] == 0.0
    assert cost["total_cost"] == pytest.approx(10_750.0)


def test_a_meal_earns_no_premium():
    """An hour of the night is a meal, and so is an hour of the holiday."""
    roster = roster_of(("a", "2026-11-03 20:00", "2026-11-04 05:00")).assign(paid_h=8.0)
    meal = breaks_of(("a", "2026-11-04 01:00", "2026-11-04 02:00", False), roster=roster)
    cost = cost_by_team(one_site(), roster, meal).loc["calls_north"]
    assert cost["night_cost"] == pytest.approx(625 * 0.2 * 6)
    assert cost["holiday_cost"] == pytest.approx(625 * 1.0 * 4)


def test_a_holiday_is_double():
    """8 hours of 4 November 2026; a shift from 20:00 on the 3rd has a half of its hours on it."""
    whole = roster_of(("a", "2026-11-04 09:00", "2026-11-04 17:00"))
    half = roster_of(("a", "2026-11-03 20:00", "2026-11-04 04:00"))
    assert cost_by_team(one_site(), whole)["holiday_cost"].tolist() == pytest.approx([5000.0])
    assert cost_by_team(one_site(), half)["holiday_cost"].tolist() == pytest.approx([2500.0])


def test_a_site_has_its_own_weekend():
    """A Friday: the weekend of the south, a working day of the north."""
    centre = two_sites({"pay.weekend_premium": 0.25, "sites.south.weekend": ["fri", "sat"]})
    shift = ("2026-11-27 09:00", "2026-11-27 17:00")
    both = [roster_of(("a", *shift), team=f"calls_{site}", site=site) for site in ("north", "south")]
    cost = cost_by_team(centre, pd.concat(both, ignore_index=True))
    assert cost["weekend_cost"].to_dict() == {"calls_north": 0.0, "calls_south": 8 * 625 / 4}


def test_each_site_pays_by_the_law_of_its_country():
    """Night hours from 22:00 and 50 % more in Kazakhstan, from 23:00 and 25 % more in Germany."""
    raw = raw_centre({"almaty": ("00:00", "24:00"), "berlin": ("00:00", "24:00")}) | {"country": "KZ"}
    del raw["labour"], raw["pay"]
    raw["sites"]["berlin"]["country"] = "DE"
    centre = Centre.of(raw)
    start = pd.DatetimeIndex(["2026-11-24 20:00"] * 2).tz_localize("Europe/Moscow")
    hours = premium_hours(centre, pd.Series(["almaty", "berlin"]), start, start + pd.Timedelta(hours=8))
    assert hours["night_h"].tolist() == [6.0, 5.0]
    cost = pay_parts(centre, ["calls_almaty", "calls_berlin"], 8.0, hours)
    assert (cost["night_cost"] / cost["base_cost"]).tolist() == pytest.approx([0.5 * 6 / 8, 0.25 * 5 / 8])
    rates = [80_000 / 164.33 * 1.12, 80_000 / 173.33 * 1.21]
    assert [hour_cost(centre, team) for team in centre.teams] == pytest.approx(rates)


def test_prices_that_nobody_is_paid_follow_the_lowest_wage():
    """80,000 for 160 hours and a quarter on top are 625 an hour; in euros it is fewer, whatever is priced."""
    assert unit_hour(one_site()) == 600.0
    assert unit_hour(one_site({"teams.calls_north.wage_month": 2900.0})) == 20.0


def test_callers_of_the_second_line_are_priced_by_what_they_want():
    """A third of them want to leave, and are worth 12 months of 200; the others 400 each."""
    centre = Centre.load()
    price = caller_costs(centre).loc["second_line"]
    assert price["gives_up"] == pytest.approx(400 * 2 / 3)
    assert price["unanswered"] == pytest.approx(400 * 2 / 3 + 2400 / 3)
    assert caller_costs(one_site({"queues.calls.abandoned_cost": 5.0})).loc["calls"].tolist() == [5.0, 5.0]


def test_leavers_cost_what_those_are_worth_who_are_not_kept():
    """Nobody waits, so 5 % of the third of 20 calls an interval leave."""
    centre = Centre.load()
    second = {"queue": "second_line", "site": "moscow", "interval_start": DAY[40:44], "calls": 20.0}
    needed = pd.DataFrame({**second, "aht_s": 300.0, "agents": 100})
    assert leavers_cost(centre, needed) == pytest.approx(4 * 20 / 3 * 0.05 * 2400, rel=1e-6)
    assert leavers_cost(one_site(), needed) == 0


def test_a_weekend_costs_what_the_shifts_were_chosen_at():
    """Six of eight paid hours at the weekend: a quarter of 625 an hour on top of each."""
    centre = one_site({"pay.weekend_premium": 0.25, "pay.taxi_cost": 0.0})
    span = pd.DatetimeIndex(["2026-11-27 22:00", "2026-11-28 06:00"]).tz_localize("Europe/Moscow")
    pattern = Pattern("night", 8 * 3600, (Break(4 * 3600, 1800, "rest"),))
    shifts = shift_rows(centre, [("calls_north", span[0], pattern, 1)], {pattern: 0})
    cost = cost_by_team(centre, shifts.assign(agent_id="a"))
    assert cost["weekend_cost"].tolist() == pytest.approx([6 * 625 / 4])
    assert cost["total_cost"].tolist() == pytest.approx(shifts["cost"].tolist())


def test_cost_follows_wage_contributions_and_premium():
    roster = roster_of(("a", "2026-11-23 22:00", "2026-11-24 06:00"))
    wages = {"teams.calls_north.wage_month": 160_000, "pay.contributions": 0.0}
    centre = one_site({**wages, "labour.night_premium.value": 0.4})
    assert cost_by_team(centre, roster)["total_cost"].tolist() == pytest.approx([8 * 1000 * 1.4])


def test_cost_is_by_team():
    north = roster_of(("a", "2026-11-23 09:00", "2026-11-23 17:00"))
    south = roster_of(("b", "2026-11-23 09:00", "2026-11-23 13:00"), team="calls_south", site="south")
    cost = cost_by_team(two_sites(), pd.concat([north, south, north], ignore_index=True))
    assert cost["paid_h"].to_dict() == {"calls_north": 16.0, "calls_south": 4.0}


def test_nobody_costs_nothing():
    roster = roster_of(("a", "2026-11-23 09:00", "2026-11-23 17:00"))[:0]
    texts = dict.fromkeys(("agent_id", "shift_id", "team", "site"), "str")
    cost = cost_by_team(one_site(), roster.astype(texts | {"paid_h": "object", "night_h": "object"}))
    assert cost["seats_cost"].dtype == "float64"
    assert cost["total_cost"].sum() == 0
    assert list(cost.reset_index().columns) == list(COST.columns)
    assert cost.empty


def test_hours_owed_and_not_worked_are_paid():
    """Of 24 hours owed 8 are worked: 16 more at 625; a team without any shift is paid all of its hours."""
    roster = roster_of(("a", "2026-11-23 09:00", "2026-11-23 17:00"))
    owed_h = pd.Series({"calls_north": 24.0, "calls_south": 40.0})
    none = breaks_of(roster=roster)
    cost = cost_of(two_sites(), roster, none, DAY, owed_h).set_index("team")
    assert cost["owed_h"].to_dict() == owed_h.to_dict()
    assert cost["idle_h"].to_dict() == {"calls_north": 16.0, "calls_south": 40.0}
    assert cost["idle_cost"].to_dict() == {"calls_north": 10_000.0, "calls_south": 25_000.0}
    assert cost["total_cost"].to_dict() == {"calls_north": 15_000.0, "calls_south": 25_000.0}
    assert cost["site"].to_dict() == {"calls_north": "north", "calls_south": "south"}
    few = cost_of(two_sites(), roster, none, DAY, owed_h / 4).set_index("team")
    assert few["idle_h"].to_dict() == {"calls_north": 0.0, "calls_south": 10.0}


def test_overtime_is_paid_by_the_hour_of_the_shift():
    """Half an hour's pay more for each of the first two hours, a whole one for the others."""
    assert overtime_pay_h(one_site(), [0.0, 1.0, 2.0, 4.0]).tolist() == [0.0, 0.5, 1.0, 3.0]


def test_a_ride_is_paid_while_nothing_else_goes():
    """On the clock of the site: seven hours ahead, who leaves at 16:00 of the centre leaves at 23:00."""
    ends = pd.DatetimeIndex(
        [f"2026-11-23 {clock}" for clock in ("16:00", "22:45", "23:00", "05:30", "05:45")]
    )
    ends = ends.tz_localize("Europe/Moscow")
    assert rides_home(one_site(), "north", ends).tolist() == [0, 0, 500, 500, 0]
    assert (
        rides_home(one_site({"sites.north.time_zone": "Asia/Vladivostok"}), "north", ends).tolist()[0] == 500
    )


def test_a_desk_is_free_while_its_agent_has_a_break():
    """Two people and one desk at any time; a third who comes at 12:00 needs another one."""
    two = roster_of(
        ("a", "2026-11-23 09:00", "2026-11-23 10:00"), ("b", "2026-11-23 09:30", "2026-11-23 11:00")
    )
    pause = breaks_of(("a", "2026-11-23 09:30", "2026-11-23 10:00", True), roster=two)
    assert desks_at_peak(one_site(), two, pause, DAY).to_dict() == {("north", "calls_north"): 1.0}
    three = pd.concat([two, roster_of(("c", "2026-11-23 09:45", "2026-11-23 10:00"))], ignore_index=True)
    assert desks_at_peak(one_site(), three, pause, DAY).sum() == 2


def test_who_works_over_the_end_has_a_desk_at_the_beginning():
    """The horizon stands for one of a run of like ones."""
    roster = roster_of(
        ("a", "2026-11-23 23:00", "2026-11-24 02:00"), ("b", "2026-11-23 00:00", "2026-11-23 02:00")
    )
    none = breaks_of(roster=roster)
    assert desks_at_peak(one_site(), roster, none, DAY).sum() == 2
    assert desks_at_peak(one_site(), roster, none, axis(MONDAY, 2, 900)).sum() == 1


def test_who_is_on_duty_has_a_room():
    doctor = {"teams.doctor": {"site": "north", "duty_h": 12, "wage_month": 1.0}}
    raw = one_site().model_dump()
    raw["teams"]["doctor"] = doctor["teams.doctor"]
    roster = roster_of(("a", "2026-11-23 09:00", "2026-11-23 17:00"), team="doctor")
    assert desks_at_peak(type(one_site()).of(raw), roster, breaks_of(roster=roster), DAY).empty


def test_desks_are_paid_beyond_those_that_there_are():
    """Five at a site of two: three desks for a day, shared by the teams as they sit."""
    heads = pd.Series({("north", "a"): 4.0, ("north", "b"): 1.0}).rename_axis(["site", "team"])
    cost = seats_cost(one_site({"sites.north.seats": 2}), heads, 1)
    assert cost.sum() == pytest.approx(3 * 10_000 * 12 / 365)
    assert cost.iloc[0] == pytest.approx(4 * cost.iloc[1])
    assert seats_cost(one_site({"sites.north.seats": 5}), heads, 1).sum() == 0
    assert seats_cost(one_site(), heads, 1).sum() == 0


# --- the same through every door ----------------------------------------------------------------------------

DEAR = {
    "pay.weekend_premium": 0.25,
    "shifts.start_every_min": 30,
    "teams.calls_south.wage_month": 100_000.0,
}


@pytest.fixture(scope="module")
def made():
    """The Sunday on which Victory Day of 2027 falls, at two sites."""
    centre, demand = two_sites(DEAR), demand_of(4.0, start=day_start("2027-05-09", "Europe/Moscow"))
    return plan(centre, demand, people_of(centre, 20), replications=2)


def test_the_files_add_up_to_the_cost(made, tmp_path):
    """Minute by minute from roster.csv, breaks.csv and requirement.csv; only the desks need a second price.

    Shifts are chosen within the desks that a site has, so the plan pays for no other.
    """
    folder = made.save(tmp_path / "plan")
    files = {
        name: pd.read_csv(folder / f"{name}.csv") for name in ("roster", "breaks", "requirement", "cost")
    }
    centre, minute = made.centre, timedelta(minutes=1)
    meals, pauses = set(), set()
    for row in files["breaks"].itertuples():
        at = datetime.fromisoformat(row.start)
        while at < datetime.fromisoformat(row.end):
            pauses.add((row.agent_id, at))
            if not row.paid:
                meals.add((row.agent_id, at))
            at += minute
    first = datetime.fromisoformat(files["requirement"]["interval_start"].min())
    horizon = timedelta(days=1)
    sums, desks = {}, {}
    for row in files["roster"].itertuples():
        team, at = centre.teams[row.team], datetime.fromisoformat(row.start)
        a_minute = team.wage_month * 1.25 / 160 / 60
        own = sums.setdefault(row.team, dict.fromkeys(("base", "night", "holiday", "weekend", "rides"), 0.0))
        while at < datetime.fromisoformat(row.end):
            if (row.agent_id, at) not in meals:
                own["base"] += a_minute
                own["night"] += a_minute * 0.2 * (at.hour >= 22 or at.hour < 6)
                own["holiday"] += a_minute * ((at.month, at.day) == (5, 9))
                own["weekend"] += a_minute * 0.25 * (at.weekday() >= 5)
            if (row.agent_id, at) not in pauses:
                key = (row.site, first + (at - first) % horizon)
                desks[key] = desks.get(key, 0) + 1
            at += minute
        own["rides"] += 500.0 * (at.hour >= 23 or (at.hour, at.minute) <= (5, 30))
    cost = files["cost"].set_index("team")
    for team, parts in sums.items():
        for part, value in parts.items():
            assert cost.loc[team, f"{part}_cost"] == pytest.approx(value, abs=0.01), (team, part)
    peak = {site: max(heads for (there, _), heads in desks.items() if there == site) for site in centre.sites}
    few = centre.replace({"sites.north.seats": 1, "sites.south.seats": 2})
    dear = cost_of(
        few, made.roster.roster, made.breaks, axis(day_start("2027-05-09", "Europe/Moscow"), 1, 900)
    )
    extra = peak["north"] - 1 + peak["south"] - 2
    assert dear["seats_cost"].sum() == pytest.approx(extra * 10_000 * 12 / 365, abs=0.01)
    assert (cost["seats_cost"] == 0).all()
    assert cost["total_cost"].sum() == pytest.approx(cost.filter(regex="(?<!total)_cost").to_numpy().sum())


def test_shifts_cost_the_same_when_chosen_rostered_and_compared(made):
    assert made.roster.unmet.empty
    pay = made.cost[PAY_COSTS].to_numpy().sum()
    assert pay == pytest.approx(made.cover.shifts["cost"].sum(), abs=0.005)
    options = {"people": made.people, "replications": 2, "settings": CoverSettings()}
    row = compare({}, made.centre, made.demand, **options).loc["base"]
    assert row["pay_cost"] == pytest.approx(pay, abs=0.005)
    assert row["cost"] == pytest.approx(made.total_cost, abs=0.005)
    assert row["idle_cost"] == pytest.approx(made.cost["idle_cost"].sum(), abs=0.005) != 0
    assert row["rides_cost"] == pytest.approx(made.cost["rides_cost"].sum(), abs=0.005) != 0
