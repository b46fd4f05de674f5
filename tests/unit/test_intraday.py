"""The day as it comes: judged by simulation, by the changed roster, and by faulty rows."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, demand_of, one_site, roster_of, rostered, small_plan, two_sites
from typer.testing import CliRunner

from planning.cli import app
from planning.edition import read_edition
from planning.errors import PlanningError
from planning.intraday import (
    Today,
    applied,
    calls_so_far,
    expected_service,
    late_calls,
    proposals,
    shortfalls,
    today_of,
    with_meetings,
)
from planning.roster.audit import audit
from planning.simulation import simulate
from planning.tables import DEMAND

NOON = MONDAY + pd.Timedelta(hours=12)
HOUR = pd.Timedelta(hours=1)


def forecast_of(demand):
    """FORECAST without doubt."""
    same = dict.fromkeys(("calls_p10", "calls_p50", "calls_p90"), demand["calls"])
    handle = dict.fromkeys(("aht_p10_s", "aht_p90_s"), demand["aht_s"])
    return demand.assign(**same, **handle, rate_cv=0.0, day_cv=0.0, aht_cv=0.0)


def no_breaks(roster):
    """BREAKS without a row."""
    none = rostered(roster).breaks.astype({"agent_id": "str", "shift_id": "str"})
    return none.assign(paid=True, kind="rest")


@pytest.fixture(scope="module")
def history():
    """Four weeks before the plan, with chance."""
    past = demand_of(6.0, start=MONDAY - pd.Timedelta(days=28), days=28)
    return past.assign(calls=np.random.default_rng(1).poisson(past["calls"]).astype(float))


@pytest.fixture(scope="module")
def busy(history):
    """A day with far more calls than planned, at noon."""
    made = small_plan()
    actuals = demand_of(9.0, hours=(0, 12))
    return today_of(made.centre, actuals, made.tables, history)[0]


@pytest.fixture(scope="module")
def asked(busy):
    made = small_plan()
    service = expected_service(busy)
    return service, *proposals(busy, service, made.people, made.tables)


def test_a_day_needs_no_solver():
    """`planning today` runs every quarter of an hour, so it loads nothing that it does not use."""
    code = "import sys, planning.edition, planning.intraday; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"ortools", "openpyxl", "planning.plan", "planning.simulation"} & set(loaded.split())


# ---------------------------------------------------------------------------------------------------- service
def test_expected_service_is_what_a_simulation_of_the_rest_finds():
    """The same morning, then the rest: the exact model's state at noon, and 400 simulated days."""
    exponential = {"queues.calls.service": {"law": "exponential"}, "queues.calls.lookup_s": 0.0}
    centre = one_site(exponential)
    shifts = [(f"a{i}", "2026-11-23 00:00", "2026-11-24 00:00") for i in range(4)]
    shifts += [(f"b{i}", "2026-11-23 07:00", "2026-11-23 14:00") for i in range(4)]
    shifts += [(f"c{i}", "2026-11-23 12:30", "2026-11-23 20:00") for i in range(3)]
    roster, demand = roster_of(*shifts), demand_of(24.0)
    plan = rostered(roster)
    breaks = no_breaks(roster)
    so_far = demand[demand["interval_start"] < NOON]
    today = Today(centre, NOON, so_far, forecast_of(demand[demand["interval_start"] >= NOON]), roster, breaks)
    service = expected_service(today)
    found = simulate(centre, demand, plan, replications=400).intervals.set_index("interval_start")
    both = service.set_index("interval_start").join(found[["service_level"]].add_suffix("_simulated"))
    assert len(both) == 48
    np.testing.assert_allclose(both["service_level"], both["service_level_simulated"], atol=0.04)
    assert both["service_level"].mean() == pytest.approx(both["service_level_simulated"].mean(), abs=0.006)
    assert service["agents"].iloc[[0, 2, 8, -1]].tolist() == [8, 11, 7, 4]


def test_a_queue_that_stands_now_is_felt(busy):
    """Thirty callers waiting cost the next quarter its service, and hardly the evening."""
    crowded = Today(
        **{name: getattr(busy, name) for name in busy.__dataclass_fields__} | {"in_system": {"calls": 30}}
    )
    usual, found = (expected_service(day)["service_level"].to_numpy() for day in (busy, crowded))
    assert found[0] < usual[0] - 0.2
    assert found[-1] == pytest.approx(usual[-1], abs=1e-3)


def test_who_is_away_is_not_counted(busy):
    """Named people are missed one by one; the others whose shift has begun are here."""
    here = busy.roster[(busy.roster["start"] <= NOON) & (busy.roster["end"] > NOON)]
    names = here["agent_id"].tolist()
    made = small_plan()
    agents = [
        expected_service(
            Today(made.centre, NOON, busy.so_far, busy.rest, made.roster.roster, made.breaks, away)
        )["agents"].iloc[0]
        for away in ((), names[:1], names)
    ]
    assert agents[0] >= agents[1] > agents[2] == 0
    with pytest.raises(PlanningError, match="absent names 'nobody', who has no shift today"):
        Today(made.centre, NOON, busy.so_far, busy.rest, made.roster.roster, made.breaks, ["nobody"])


def test_shortfalls_are_the_intervals_below_target(asked):
    service, *_ = asked
    below = service[service["service_level"] < service["target"]]
    found = shortfalls(service)
    assert ((found["end"] - found["start"]) / pd.Timedelta("15min")).sum() == len(below)
    assert found["late"].sum() == pytest.approx(late_calls(below))
    assert len(found) > 0


# -------------------------------------------------------------------------------------------------- proposals
def test_an_effect_is_that_of_the_changed_roster(busy, asked):
    """Each proposal, made by itself: the late calls of the whole rest of the day, before and after."""
    service, table, changes = asked
    assert {"breaks", "overtime"} <= set(table["kind"])
    for number, row in table.iterrows():
        after = applied(busy, changes[changes["proposal"] == number])
        avoided = late_calls(service) - late_calls(expected_service(after))
        assert row["late_avoided"] == pytest.approx(avoided, abs=0.02 + 0.02 * abs(avoided))


def test_proposals_are_lawful_and_priced(busy, asked):
    """The audit finds nothing new; an hour of overtime costs its pay and its premium."""
    _, table, changes = asked
    made = small_plan()
    longer = changes[changes["proposal"].isin(table.index[table["kind"] == "overtime"])]
    after = applied(busy, longer)
    assert audit(made.centre, after.roster, made.people, horizon=made.roster.horizon).empty
    more = after.roster["paid_h"].sum() - busy.roster["paid_h"].sum()
    assert more == pytest.approx(((longer["end"] - longer["end_before"]) / HOUR).sum())
    price = table.loc[table["kind"] == "overtime", "price"].sum()
    hour = 80_000 / 160 * 1.25
    assert 1.5 * hour * more <= price + 1e-6 <= 2.2 * hour * more + 1e-6
    assert table["price_of_call"].dropna().is_monotonic_increasing


def test_breaks_stay_within_their_shift_and_apart(busy, asked):
    """An hour to two and a half of work between any two breaks, before the first and after the last."""
    _, table, changes = asked
    moves = changes[changes["proposal"].isin(table.index[table["kind"] == "breaks"])]
    assert (moves["start"] >= NOON).all()
    assert (moves["end"] - moves["start"] == moves["end_before"] - moves["start_before"]).all()
    after = applied(busy, moves)
    assert len(after.breaks) == len(busy.breaks)
    spans = after.roster.merge(after.breaks, on=["agent_id", "shift_id"], suffixes=("", "_break"))
    for _, own in spans.groupby(["agent_id", "shift_id"]):
        edges = [*own["start_break"].sort_values(), own["end"].iloc[0]]
        begun = [own["start"].iloc[0], *own["end_break"].sort_values()]
        work_h = [(until - since) / HOUR for since, until in zip(begun, edges, strict=True)]
        assert min(work_h) >= 1.0
        assert max(work_h) <= 3.0


def test_a_quiet_day_offers_time_off(history):
    """Half the calls: people may leave early, what it saves is told, and no target breaks."""
    made = small_plan()
    calm, _ = today_of(made.centre, demand_of(3.0, hours=(0, 12)), made.tables, history)
    calm = Today(
        made.centre, NOON, calm.so_far, calm.rest.assign(calls=2.0, calls_p90=3.0), calm.roster, calm.breaks
    )
    service = expected_service(calm)
    table, changes = proposals(calm, service, made.people, made.tables)
    off = table[table["kind"] == "time off"]
    assert len(off) > 0
    assert (off["price"] < 0).all()
    left = applied(calm, changes[changes["proposal"].isin(off.index)])
    assert shortfalls(expected_service(left)).empty


# ----------------------------------------------------------------------------------------------- other queues
EXPONENTIAL = {
    f"queues.{name}.{key}": value
    for name in ("calls", "orders")
    for key, value in {"service": {"law": "exponential"}, "lookup_s": 0.0}.items()
}


def two_queues(orders, changes=None):
    """A day at noon: eight people for too many calls, eight others who know calls too, for a second queue."""
    centre = one_site(EXPONENTIAL | dict(changes or {}), queues=("calls", "orders"))
    span = ("2026-11-23 08:00", "2026-11-23 20:00")
    roster = pd.concat(
        [
            roster_of(*((f"{team}{i}", *span) for i in range(8)), team=f"{team}_north")
            for team in ("calls", "orders")
        ],
        ignore_index=True,
    )
    people = roster[["agent_id", "site", "team"]].assign(
        grade="agent", contract_h_week=40.0, night_ok=True, leave_from=None, leave_until=None,
        skills=["calls" if team == "orders_north" else None for team in roster["team"]],
    )  # fmt: skip
    demand = pd.concat(
        [demand_of(32.0, hours=(8, 20)), demand_of(orders, queue="orders", hours=(8, 20))], ignore_index=True
    )
    rest = forecast_of(demand[demand["interval_start"] >= NOON])
    day = Today(
        centre, NOON, demand[demand["interval_start"] < NOON], rest, roster, no_breaks(roster), absent=()
    )
    return day, people, {"demand": demand, "roster": roster, "breaks": day.breaks}


def test_people_with_a_second_skill_answer_where_they_are_missed():
    """The effect is what 600 simulated days say of the same people, moved to the other team by the hour."""
    day, people, plan = two_queues(8.0)
    service = expected_service(day)
    table, changes = proposals(day, service, people, plan)
    lent = table[table["kind"] == "second skill"]
    assert len(lent) > 0
    number = lent["late_avoided"].idxmax()
    row, moved = lent.loc[number], changes[changes["proposal"] == number]
    assert row["price"] == 0
    assert f"let {len(moved)} of 8 people of orders_north answer calls from" in row["text"]
    whole = late_calls(service) - late_calls(expected_service(applied(day, moved)))
    assert row["late_avoided"] == pytest.approx(whole, rel=0.03, abs=0.1)

    guests = moved.assign(site="north", team="calls_north", paid_h=1.0, night_h=0.0)[list(plan["roster"])]
    away = moved[["agent_id", "shift_id", "start", "end"]].assign(paid=True, kind="calls")
    guests = guests.assign(agent_id=guests["agent_id"] + " lent", shift_id="lent")
    late = []
    for then in (
        rostered(plan["roster"], day.breaks),
        rostered(pd.concat([plan["roster"], guests], ignore_index=True), away),
    ):
        found = simulate(day.centre, plan["demand"], then, replications=200, seed=7).intervals
        found = found[found["interval_start"] >= NOON]
        late.append((found["offered"] * (1 - found["service_level"])).sum())
    assert row["late_avoided"] == pytest.approx(late[0] - late[1], rel=0.2)


def test_nobody_is_lent_whom_the_own_queue_needs():
    day, people, plan = two_queues(32.0)
    table, _ = proposals(day, expected_service(day), people, plan)
    assert "second skill" not in set(table["kind"])
    day, people, plan = two_queues(8.0)
    table, _ = proposals(day, expected_service(day), people.assign(skills=None), plan)
    assert "second skill" not in set(table["kind"])


@pytest.mark.parametrize(("pieces", "asked"), [(4.0, True), (29.5, False)])
def test_work_that_waits_is_put_off_if_it_is_still_done_in_time(pieces, asked):
    """Eight people have time for 30 pieces in a quarter: most of 4 may wait, hardly any of 29.5."""
    waits = {"queues.orders.due_days": 1, "queues.orders.target": {"max_occupancy": 1.0}}
    day, people, plan = two_queues(pieces, waits | {"queues.orders.patience_s": np.inf})
    table, changes = proposals(day, expected_service(day), people, plan)
    put_off = table[table["kind"] == "waiting work"]
    hours = changes[changes["proposal"].isin(put_off.index)]
    moved_h = ((hours["end"] - hours["start"]) / HOUR).sum()
    spare_h = 12 * 8 - 48 * pieces * 240 / 3600
    assert (moved_h > 4) == asked
    assert moved_h <= spare_h
    assert put_off["text"].str.endswith("and orders wait").all()


def test_a_meeting_moves_for_everybody_and_an_overlap_is_refused():
    """A training at the busiest hour: it goes where nobody is missed; a row outside a shift is told."""
    day, people, plan = two_queues(8.0)
    rest = day.rest.assign(calls=np.where(day.rest["interval_start"].dt.hour < 15, day.rest["calls"], 4.0))
    noon = NOON + HOUR
    rows = [("calls0", "training", noon, noon + HOUR), ("calls1", "training", noon, noon + HOUR)]
    rows += [("nobody", "training", noon, noon + HOUR), ("calls2", "training", noon - 8 * HOUR, noon)]
    asked = pd.DataFrame(rows, columns=["agent_id", "kind", "start", "end"])
    breaks, refused = with_meetings(plan["roster"], plan["breaks"], asked)
    assert refused["reason"].str.contains("no shift").tolist() == [True, True]
    assert len(breaks) == 2
    again, refused = with_meetings(plan["roster"], breaks, asked.iloc[:2])
    assert len(again) == 2
    assert refused["reason"].str.contains("has a break then").all()
    day = Today(day.centre, NOON, day.so_far, rest, day.roster, breaks, absent=())
    service = expected_service(day)
    table, changes = proposals(day, service, people, plan | {"breaks": breaks})
    (number,) = table.index[table["kind"] == "meetings"]
    moved = changes[changes["proposal"] == number]
    assert sorted(moved["agent_id"]) == ["calls0", "calls1"]
    assert (moved["start"].dt.hour >= 15).all()
    assert (moved["start"].nunique(), moved["kind"].unique().tolist()) == (1, ["training"])
    whole = late_calls(service) - late_calls(expected_service(applied(day, moved)))
    assert table.loc[number, "late_avoided"] == pytest.approx(whole, rel=0.05, abs=0.1)


def test_the_overflow_opens_early_where_the_site_is_short():
    """South has one agent left in its last hours, North many: its calls go North before it closes."""
    centre = two_sites({"queues.calls.pooled": False})
    south = roster_of(
        *((f"s{i}", "2026-11-23 08:00", "2026-11-23 17:00") for i in range(6)),
        ("s6", "2026-11-23 08:00", "2026-11-23 22:00"),
        team="calls_south", site="south",
    )  # fmt: skip
    north = roster_of(*((f"n{i}", "2026-11-23 00:00", "2026-11-24 00:00") for i in range(14)))
    roster, demand = pd.concat([south, north], ignore_index=True), demand_of(24.0)
    rest = forecast_of(demand[demand["interval_start"] >= NOON])
    day = Today(
        centre, NOON, demand[demand["interval_start"] < NOON], rest, roster, no_breaks(roster), absent=()
    )
    people = roster[["agent_id", "site", "team"]].assign(
        grade="agent", contract_h_week=40.0, night_ok=True, leave_from=None, leave_until=None
    )
    service = expected_service(day)
    table, changes = proposals(
        day, service, people, {"demand": demand, "roster": roster, "breaks": day.breaks}
    )
    (number,) = table.index[table["kind"] == "overflow"]
    assert table.loc[number, "text"] == "send south's calls to north from 18:00 instead of 22:00"
    row = changes[changes["proposal"] == number].iloc[0]
    other = centre.replace({row["shift_id"]: f"{row['start']:%H:%M}"})
    after = expected_service(Today(other, NOON, day.so_far, rest, roster, no_breaks(roster), absent=()))
    avoided = late_calls(service) - late_calls(after)
    assert table.loc[number, "late_avoided"] == pytest.approx(avoided, rel=1e-6)
    assert avoided > 100


# ---------------------------------------------------------------------------------------------------- actuals
def test_each_row_that_does_not_count_is_told():
    """A hole, a row ahead of the clock, another queue, another day, a bad cell: the rest is kept."""
    centre, plan = one_site(), demand_of(6.0)
    rows = demand_of(5.0, hours=(9, 12)).astype({"calls": "object"})
    rows.loc[3, "calls"] = "many"
    rows.loc[5, "queue"] = "sales"
    rows = rows.drop(index=7)
    other = rows.iloc[:1].assign(interval_start=MONDAY - pd.Timedelta(days=1))
    so_far, now = calls_so_far(
        centre, pd.concat([rows, other]), plan, MONDAY + pd.Timedelta(hours=11, minutes=20)
    )
    assert now == MONDAY + pd.Timedelta(hours=11, minutes=15)
    reasons = so_far.refused["reason"].str.cat(sep="; ")
    for text in ("calls", "none of the centre's", "not of 2026-11-23", "not over at 11:15"):
        assert text in reasons
    assert len(so_far.rows) + len(so_far.refused) == len(rows) + 1
    assert len(so_far.rows) == 6
    assert len(so_far.missing) == 45 - 6


def test_a_moment_outside_the_plan_is_refused():
    later = demand_of(5.0, start=MONDAY + pd.Timedelta(days=7), hours=(8, 10))
    with pytest.raises(
        PlanningError, match=r"now is 2026-11-30 10:00, the plan holds 2026-11-23 to 2026-11-23"
    ):
        calls_so_far(one_site(), later, demand_of(6.0))
    with pytest.raises(PlanningError, match="actuals have no row of 2026-11-23 before 08:00"):
        calls_so_far(one_site(), demand_of(5.0, hours=(9, 10)), demand_of(6.0), MONDAY + 8 * HOUR)


# ---------------------------------------------------------------------------------------------------- command
def test_the_command_says_where_the_day_breaks_and_writes_what_changes(tmp_path, monkeypatch, history):
    """From the files of a plan, with a row that does not count."""
    made = small_plan()
    monkeypatch.setattr("planning.centre.Centre.load", lambda *_: made.centre)
    made.save(tmp_path / "plan")
    history.to_csv(tmp_path / "demand.csv", index=False)
    came = demand_of(9.0, hours=(0, 12.5))
    came.to_csv(tmp_path / "actuals.csv", index=False)
    line = [
        "today",
        "--actuals",
        str(tmp_path / "actuals.csv"),
        "--plan",
        str(tmp_path / "plan"),
        "--at",
        "12:00",
    ]
    line += ["--demand", str(tmp_path / "demand.csv")]
    line += ["--centre", str(tmp_path / "centre.toml"), "--absent", "", "--out", str(tmp_path / "out")]
    found = CliRunner().invoke(app, line, catch_exceptions=False)
    assert found.exit_code == 0
    assert "Below the target:" in found.output
    assert "2 rows refused" in found.output
    assert "its interval is not over at 12:00" in found.output
    assert "to stay from" in found.output
    told = tmp_path / "out" / "2026-11-23_1200"
    changes = pd.read_csv(told / "changes.csv")
    assert {"start_before", "start", "agent_id", "proposal"} <= set(changes)
    assert len(DEMAND.check(pd.read_csv(told / "rest.csv"))) == 48
    with pytest.raises(PlanningError, match="2026-11-23_1200 is there already, nothing was written over"):
        CliRunner().invoke(app, line, catch_exceptions=False)
    accept = ["accept", "1", "--tables", str(told), "--plan", str(tmp_path / "plan")]
    accept += ["--centre", str(tmp_path / "centre.toml"), "--at", "2026-11-23T12:05"]
    found = CliRunner().invoke(app, accept, catch_exceptions=False)
    assert "edition 2" in found.output
    first = changes[changes["proposal"] == 1]
    after = read_edition(tmp_path / "plan-2", made.centre)
    before = read_edition(tmp_path / "plan", made.centre)
    assert set(after.changes["agent_id"]) == set(first["agent_id"])
    assert after.breaches.empty
    assert len(after.breaks) == len(before.breaks)
    assert (
        after.breaks["start"].ne(before.breaks["start"]).any()
        or after.roster["end"].ne(before.roster["end"]).any()
    )
    with pytest.raises(PlanningError, match="plan-2 is there already"):
        CliRunner().invoke(app, accept, catch_exceptions=False)
    stale = ["accept", "1", "--tables", str(told), "--plan", str(tmp_path / "plan-2"), *accept[6:]]
    with pytest.raises(PlanningError, match="has changed since the proposal: run `planning today` again"):
        CliRunner().invoke(app, stale, catch_exceptions=False)
    with pytest.raises(PlanningError, match="proposal 99 is none of those there are"):
        CliRunner().invoke(app, ["accept", "99", *accept[2:]], catch_exceptions=False)
    with pytest.raises(PlanningError, match="--callers has 'calls=many', must be a queue and a whole number"):
        CliRunner().invoke(app, [*line, "--callers", "calls=many"], catch_exceptions=False)
