"""Changes to a roster, reasons why one cannot be, several weeks, and the roster's files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planning.centre import Centre
from planning.errors import PlanningError
from planning.pay import hour_cost
from planning.report.roster_book import time_sheet, write_calendars, write_roster_book
from planning.report.workbook import write_workbook
from planning.roster.audit import audit, read_roster
from planning.roster.change import mend, substitutes, swap
from planning.roster.inputs import Horizon
from planning.roster.model import RosterSettings, build_roster
from planning.roster.weeks import repeat_weeks
from planning.roster.why import why_not

ROOT = Path(__file__).parents[2]
ZONE = "Europe/Moscow"
CENTRE = Centre.load(ROOT / "data" / "centre.toml")
MONDAY = pd.Timestamp("2026-11-23", tz=ZONE)
WEEK = Horizon(pd.Timestamp("2026-11-23"), pd.Timestamp("2026-11-29"))
QUICK = RosterSettings(exchanges=50, pricing_rounds=20)


def people(*names: str, **changes: object) -> pd.DataFrame:
    row = {
        "site": "kaluga", "team": "vip_kaluga", "grade": "manager", "contract_h_week": 40.0, "night_ok": True,
        "leave_from": None, "leave_until": None,
    }  # fmt: skip
    return pd.DataFrame([row | {"agent_id": name} | changes for name in names])


def shift(day: int, clock: str, presence_h: float = 8.5, headcount: int = 1) -> dict[str, object]:
    start = MONDAY + pd.Timedelta(days=day - 1) + pd.Timedelta(f"{clock}:00")
    return {
        "shift_id": f"{day} {clock}", "site": "kaluga", "team": "vip_kaluga", "start": start,
        "end": start + pd.Timedelta(hours=presence_h), "paid_h": presence_h - 0.5, "headcount": headcount,
    }  # fmt: skip


def table(*shifts: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(shifts)


def roster_of(agent: str, *shifts: dict[str, object]) -> pd.DataFrame:
    return table(*shifts).drop(columns="headcount").assign(agent_id=agent, night_h=0.0)


DAYS = table(*(shift(day, "09:00") for day in range(1, 6)))


NOBODY = roster_of("ann", shift(1, "09:00"))[:0]


def test_substitutes_are_ranked_by_law_and_price() -> None:
    """Hours that are owed cost nothing more, overtime does; who works then already comes last."""
    busy = build_roster(CENTRE, DAYS, people("ann"), settings=QUICK).roster
    open_shift = pd.Series(shift(6, "09:00", 4.5))
    found = substitutes(CENTRE, busy, people("ann", "bob", "cyd"), open_shift, horizon=WEEK)
    assert found["agent_id"].tolist() == ["bob", "cyd", "ann"]
    assert found["overtime_h"].tolist() == [0.0, 0.0, 4.0]
    rate = hour_cost(CENTRE, "vip_kaluga")
    assert found["cost"].tolist() == pytest.approx([0.0, 0.0, (4 + 0.5 * 2 + 1.0 * 2) * rate])
    clash = substitutes(CENTRE, busy, people("ann", "bob"), pd.Series(shift(5, "12:00")), horizon=WEEK)
    assert clash["lawful"].tolist() == [True, False]
    assert "overlaps" in clash["why"][1]


def test_a_substitute_is_paid_for_night_and_public_holiday() -> None:
    """A plain row of SHIFTS says nothing of either; work on a holiday is paid double and is no overtime."""
    night = substitutes(CENTRE, NOBODY, people("ann"), pd.Series(shift(2, "21:30")), horizon=WEEK)
    rate, premium = hour_cost(CENTRE, "vip_kaluga"), CENTRE.labour.night_premium.value
    assert night["cost"].tolist() == pytest.approx([rate * 8 * premium * 8 / 8.5])
    unity = pd.Series(shift(-18, "09:00"))  # Wednesday, 4 November 2026
    week = Horizon(pd.Timestamp("2026-11-02"), pd.Timestamp("2026-11-08"))
    staff = people("ann", "bob", balance_h=0.0)
    staff.loc[1, "balance_h"] = 336.0  # more than the quarter has left
    holiday = substitutes(CENTRE, NOBODY, staff, unity, horizon=week)
    assert holiday["overtime_h"].tolist() == [0.0, 8.0]
    assert holiday["cost"].tolist() == pytest.approx([8 * rate, 16 * rate])


def test_a_substitute_is_not_blamed_for_what_stood_before() -> None:
    """Ann has rested too little on Tuesday; Friday's shift breaks nothing except the skill she lacks."""
    tired = roster_of("ann", shift(1, "12:00"), shift(2, "07:00"))
    open_shift = pd.Series(shift(5, "09:00"))
    assert substitutes(CENTRE, tired, people("ann"), open_shift, horizon=WEEK)["why"].tolist() == [""]
    french = pd.Series(shift(5, "09:00") | {"skill": "french"})
    found = substitutes(CENTRE, tired, people("ann"), french, horizon=WEEK)
    assert found["why"].tolist() == ["5 09:00 needs the skill french"]


def test_overtime_of_more_than_four_hours_in_two_days_is_no_substitute() -> None:
    full = table(*(shift(day, "09:00", 10.5) for day in range(1, 5)))
    busy = build_roster(CENTRE, full, people("ann"), settings=QUICK).roster
    found = substitutes(CENTRE, busy, people("ann"), pd.Series(shift(5, "09:00", 5.0)), horizon=WEEK)
    assert found["why"].tolist() == ["4.5 h of overtime in two days, at most 4"]


def test_a_sick_person_is_replaced_with_one_change_each_and_nobody_else_moves() -> None:
    before = build_roster(CENTRE, table(*DAYS.to_dict("records")).assign(headcount=2),
                          people("ann", "bob", "cyd"), settings=QUICK)  # fmt: skip
    patient = before.roster["agent_id"].iloc[0]
    sick = people("ann", "bob", "cyd")
    sick.loc[sick["agent_id"] == patient, ["leave_from", "leave_until"]] = [
        MONDAY,
        MONDAY + pd.Timedelta(days=2),
    ]
    sick["leave_from"] = pd.to_datetime(sick["leave_from"])
    sick["leave_until"] = pd.to_datetime(sick["leave_until"])
    hers = before.roster[before.roster["agent_id"] == patient]
    lost = hers[hers["start"] < MONDAY + pd.Timedelta(days=2)]
    mended = mend(CENTRE, DAYS.assign(headcount=2), sick, before.roster, now=MONDAY)
    assert mended.roster.unmet.empty
    assert audit(CENTRE, mended.roster.roster, sick, horizon=WEEK).empty
    kinds = mended.changes["change"].value_counts().to_dict()
    assert kinds == {"dropped": len(lost), "added": len(lost)}
    assert mended.changes["needs_consent"].all()


def test_a_change_a_month_ahead_needs_no_consent_and_pins_hold() -> None:
    before = build_roster(CENTRE, DAYS, people("ann", "bob"), settings=QUICK).roster
    early = MONDAY - pd.Timedelta(days=60)
    more = pd.concat([DAYS, table(shift(4, "10:00"))], ignore_index=True)
    mended = mend(CENTRE, more, people("ann", "bob"), before, now=early, pinned=before)
    assert mended.changes["shift_id"].tolist() == ["4 10:00"]
    assert not mended.changes["needs_consent"].any()
    with pytest.raises(PlanningError, match="pinned names nothing of nobody"):
        mend(CENTRE, DAYS, people("ann"), before,
             pinned=pd.DataFrame({"agent_id": ["nobody"], "shift_id": ["nothing"]}))  # fmt: skip


def test_two_exchange_where_nobody_may_take_the_shift() -> None:
    """Only bob may work at night; he gives his day to cyd, and no more than that changes."""
    night = shift(2, "20:00", 11.0) | {"shift_id": "night"}
    shifts = table(shift(2, "09:00"), night)
    staff = pd.concat([people("ann", "bob"), people("cyd", night_ok=False)], ignore_index=True)
    first = build_roster(CENTRE, shifts, staff[staff["agent_id"] != "cyd"], settings=QUICK)
    patient = first.roster.set_index("shift_id")["agent_id"]["night"]
    ill = staff["agent_id"] == patient
    away = {"leave_from": MONDAY, "leave_until": MONDAY + pd.Timedelta(days=7)}
    sick = staff.assign(
        **{name: pd.Series(time, index=staff.index).where(ill) for name, time in away.items()}
    )
    mended = mend(CENTRE, shifts, sick, first.roster, now=MONDAY)
    (other,) = {"ann", "bob"} - {patient}
    assert mended.roster.roster.set_index("shift_id")["agent_id"].to_dict() == {
        "2 09:00": "cyd", "night": other,
    }  # fmt: skip
    assert len(mended.changes) == 4
    assert audit(CENTRE, mended.roster.roster, sick, horizon=mended.roster.horizon).empty


def test_what_has_begun_is_left_alone() -> None:
    """On Wednesday Monday's open shift is history, and Thursday's is filled."""
    before = build_roster(CENTRE, DAYS, people("ann"), settings=QUICK).roster
    open_ones = before[~before["shift_id"].isin(["1 09:00", "4 09:00"])]
    mended = mend(CENTRE, DAYS, people("ann", "bob"), open_ones, now=MONDAY + pd.Timedelta(days=2))
    assert mended.changes["shift_id"].tolist() == ["4 09:00"]
    assert mended.roster.unmet["shift_id"].tolist() == ["1 09:00"]


def on_leave(staff: pd.DataFrame, agent: str, first: pd.Timestamp, after: pd.Timestamp) -> pd.DataFrame:
    ill = staff["agent_id"] == agent
    away = {"leave_from": first, "leave_until": after}
    return staff.assign(
        **{name: pd.Series(time, index=staff.index).where(ill) for name, time in away.items()}
    )


def test_who_falls_ill_in_the_middle_of_a_shift_keeps_it() -> None:
    """Neither the leave nor the norm that it shortens takes it away; the next one is given on."""
    long = table(shift(1, "09:00", 11.5), shift(2, "09:00"))
    before = roster_of("ann", *long.to_dict("records"))
    noon = MONDAY + pd.Timedelta(hours=12)
    sick = on_leave(people("ann", "bob"), "ann", noon, MONDAY + pd.Timedelta(days=7))
    mended = mend(CENTRE, long, sick, before, now=noon + pd.Timedelta(hours=2))
    assert mended.roster.roster["agent_id"].tolist() == ["ann", "bob"]
    assert mended.changes["shift_id"].tolist() == ["2 09:00"] * 2
    assert mended.roster.objective < float("inf")


def test_a_begun_shift_stays_even_if_it_is_wanted_no_more() -> None:
    before = roster_of("ann", shift(1, "09:00"), shift(2, "09:00"))
    for wanted in (table(shift(2, "09:00")), table(shift(1, "09:00", headcount=0), shift(2, "09:00"))):
        mended = mend(CENTRE, wanted, people("ann"), before, now=MONDAY + pd.Timedelta(hours=10))
        assert mended.changes.empty
    with pytest.raises(PlanningError, match="ann the shift 1 09:00, which has begun, but people has no ann"):
        mend(CENTRE, DAYS, people("bob"), before, now=MONDAY + pd.Timedelta(hours=10))


def test_what_people_have_begun_against_a_rule_keeps_nobody_else_from_taking_a_shift() -> None:
    """Ann rested ten hours instead of twelve; bob takes the open shift of who is ill all the same."""
    plan = table(shift(1, "12:00"), shift(2, "06:30"), shift(4, "09:00"))
    before = plan.drop(columns="headcount").assign(agent_id=["ann", "ann", "cyd"], night_h=0.0)
    sick = on_leave(people("ann", "bob", "cyd"), "cyd", MONDAY, MONDAY + pd.Timedelta(days=7))
    mended = mend(CENTRE, plan, sick, before, now=MONDAY + pd.Timedelta(days=2))
    assert mended.roster.roster["agent_id"].tolist() == ["ann", "ann", "bob"]


def test_a_pin_that_cannot_hold_is_refused_with_person_shift_and_rule() -> None:
    both = [shift(2, "09:00"), shift(3, "04:00")]
    before = roster_of("ann", *both)
    text = r"pinned keeps 3 04:00 of ann, which breaks rest between shifts \(.*\): 10.5 h of rest"
    with pytest.raises(PlanningError, match=text):
        mend(CENTRE, table(*both), people("ann", "bob"), before, pinned=before)
    away = on_leave(people("ann", "bob"), "ann", MONDAY, MONDAY + pd.Timedelta(days=2))
    with pytest.raises(PlanningError, match=r"pinned keeps 2 09:00 of ann, which breaks .*leave"):
        mend(CENTRE, table(*both), away, before, pinned=before[:1])
    with pytest.raises(PlanningError, match="pinned names 2 09:00 of ann, which is not among the shifts"):
        mend(CENTRE, table(both[1]), people("ann"), before, pinned=before[:1])


def test_tables_read_from_csv_are_mended_and_swapped_like_those_in_memory(tmp_path: Path) -> None:
    before = roster_of("ann", shift(2, "09:00"), shift(4, "09:00"))
    before.loc[1, "agent_id"] = "bob"
    wanted, staff = table(shift(2, "09:00"), shift(4, "09:00")), people("ann", "bob")
    for name, frame in {"before": before, "wanted": wanted}.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    read = {name: pd.read_csv(tmp_path / f"{name}.csv") for name in ("before", "wanted")}
    mended = mend(CENTRE, read["wanted"], staff, read["before"], now=MONDAY, pinned=read["before"])
    assert mended.changes.empty
    seats = ("ann", "2 09:00"), ("bob", "4 09:00")
    swapped = [
        swap(CENTRE, each, staff, *seats, horizon=WEEK, now=MONDAY) for each in (before, read["before"])
    ]
    pd.testing.assert_frame_equal(*(each.changes for each in swapped), check_dtype=False)
    with pytest.raises(PlanningError, match="before: row 0: start is '2026-11-24', must be a time with its"):
        mend(CENTRE, wanted, staff, read["before"].assign(start="2026-11-24"))


@pytest.mark.parametrize("now", [pd.Timestamp("2026-11-23 09:00"), "2026-11-23", "soon", pd.NaT])
def test_a_change_at_a_time_without_zone_is_refused(now: pd.Timestamp) -> None:
    with pytest.raises(PlanningError, match="must be a time with its zone"):
        mend(CENTRE, DAYS, people("ann"), roster_of("ann", shift(1, "09:00")), now=now)


def test_two_people_swap_shifts_where_the_law_lets_them() -> None:
    """Tuesday for Thursday is lawful; a night right before a day is not, and only that is told."""
    plan = table(shift(2, "09:00"), shift(4, "09:00"), shift(3, "20:00", 11.0))
    seats = {"2 09:00": "ann", "4 09:00": "bob", "3 20:00": "cyd"}
    roster = plan.drop(columns="headcount").assign(night_h=0.0, agent_id=plan["shift_id"].map(seats))
    staff = people("ann", "bob", "cyd")
    good = swap(CENTRE, roster, staff, ("ann", "2 09:00"), ("bob", "4 09:00"), horizon=WEEK, now=MONDAY)
    assert good.breaches.empty
    assert good.roster.set_index("shift_id")["agent_id"].to_dict() == seats | {
        "2 09:00": "bob", "4 09:00": "ann",
    }  # fmt: skip
    assert good.changes["change"].value_counts().to_dict() == {"added": 2, "dropped": 2}
    assert good.changes["needs_consent"].all()
    more = pd.concat([roster, roster[roster["agent_id"] == "bob"].assign(agent_id="ann")], ignore_index=True)
    bad = swap(CENTRE, more, staff, ("ann", "2 09:00"), ("cyd", "3 20:00"), horizon=WEEK)
    assert bad.breaches[["agent_id", "rule", "amount"]].to_numpy().tolist() == [
        ["ann", "rest between shifts", 2.0]
    ]
    with pytest.raises(PlanningError, match="cyd does not have 2 09:00"):
        swap(CENTRE, roster, staff, ("cyd", "2 09:00"), ("bob", "4 09:00"), horizon=WEEK)


def test_nothing_to_mend_changes_nothing() -> None:
    before = build_roster(CENTRE, DAYS, people("ann", "bob"), settings=QUICK).roster
    mended = mend(CENTRE, DAYS, people("ann", "bob"), before)
    assert mended.changes.empty
    pd.testing.assert_frame_equal(mended.roster.roster, before)


def test_why_not_names_the_rule_that_clashes() -> None:
    """One person of two agreed to nights, and is needed on two nights at once: consent is the clash."""
    nights = table(shift(1, "20:00", 11.0, headcount=2))
    staff = pd.concat([people("ann"), people("bob", night_ok=False)], ignore_index=True)
    found = build_roster(CENTRE, nights, staff, settings=QUICK)
    clash = why_not(CENTRE, nights, staff, found.unmet)
    assert clash.rules == ("night consent",)
    assert clash.people == ("ann",)
    assert "night consent (TK RF 96)" in clash.text
    assert clash.prices.iloc[0]["rule"] == "night consent"
    assert clash.prices["saved_cost"].tolist()[:2] == [10.5 * CENTRE.pay.unmet_cost_h, 0.0]
    with pytest.raises(PlanningError, match="night consent"):
        build_roster(CENTRE, nights, staff, settings=QUICK, strict=True)


def test_why_not_says_when_there_are_too_few_people() -> None:
    crowd = table(shift(1, "09:00", headcount=3))
    found = build_roster(CENTRE, crowd, people("ann"), settings=QUICK)
    assert "there are too few people" in why_not(CENTRE, crowd, people("ann"), found.unmet).text
    whole = build_roster(CENTRE, DAYS, people("ann"), settings=QUICK)
    assert why_not(CENTRE, DAYS, people("ann"), whole.unmet).text == "nobody is missing"


def test_four_weeks_keep_every_rule_over_the_weeks_ends() -> None:
    """Days, nights and weekends for seven people: lawful by the audit, hours within the norm, all covered."""
    week = table(*(shift(day, clock, hours) for day in range(1, 8)
                   for clock, hours in (("09:00", 8.5), ("21:00", 8.5), ("13:00", 8.5))))  # fmt: skip
    staff = pd.concat([people(*"abcdef"), people("g", days_in_row=4, last_end=MONDAY)], ignore_index=True)
    found = build_roster(CENTRE, repeat_weeks(week, 4), staff, settings=QUICK)
    assert audit(CENTRE, found.roster, staff, horizon=found.horizon).to_dict("records") == []
    assert found.unmet.empty
    assert found.bound <= found.objective
    weekends = found.roster[found.roster["start"].dt.day_of_week >= 5]
    saturdays = weekends["start"].dt.tz_localize(None).dt.to_period("W")
    assert saturdays.groupby(weekends["agent_id"]).nunique().max() <= 3


NIGHTS_A_WEEK = table(
    *(shift(day, clock, hours) for day in range(1, 8) for clock, hours in (("09:00", 8.5), ("20:00", 11.0)))
)


def nights_of(roster: pd.DataFrame) -> dict[str, int]:
    at_night = roster[roster["night_h"] > 4]
    return at_night.groupby("agent_id").size().to_dict()


def test_no_more_nights_than_agreed_and_no_fewer_than_wished() -> None:
    """Seven people share 28 nights of four weeks; "g", who may work none, is asked for none."""
    staff = people(*"abcdefg")
    staff["night_ok"] = staff["agent_id"] != "g"
    shifts = repeat_weeks(NIGHTS_A_WEEK, 4)
    settings = replace(QUICK, fair_night_h=0.0, exchanges=2000)
    free = build_roster(CENTRE, shifts, staff, settings=settings)
    assert max(nights_of(free.roster).values()) > 5
    bounds = {"labour.most_of_kind": {"night": 5}, "labour.least_of_kind": {"night": 4}}
    centre = CENTRE.replace(bounds)
    for weights in ({}, {"fewest night shifts": None}):
        found = build_roster(centre, shifts, staff, settings=settings, weights=weights)
        assert sorted(nights_of(found.roster)) == list("abcdef")
        assert set(nights_of(found.roster).values()) <= {4, 5}
        assert found.unmet.empty
        assert audit(centre, found.roster, staff, horizon=found.horizon, weights=weights).empty
    broken = audit(centre, free.roster, staff, horizon=free.horizon)
    assert set(broken["rule"]) == {"most night shifts"}


def test_a_least_number_that_nobody_can_work_is_refused() -> None:
    centre = CENTRE.replace({"labour.least_of_kind": {"night": 28}})
    staff = people("a", "b")
    with pytest.raises(PlanningError, match="person a of vip_kaluga: no schedule is found that keeps every"):
        build_roster(centre, NIGHTS_A_WEEK, staff, settings=QUICK, weights={"fewest night shifts": None})
    found = build_roster(centre, NIGHTS_A_WEEK, staff, settings=QUICK)
    assert len(audit(centre, found.roster, staff, soft=True)) > 0


def test_an_interrupted_search_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    from planning.roster import model

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(model, "improved", interrupted)
    found = build_roster(CENTRE, DAYS, people("ann", "bob"))
    assert found.status == "interrupted"
    assert found.unmet.empty
    assert audit(CENTRE, found.roster, people("ann", "bob")).empty


def test_the_workbook_and_the_calendars_say_what_the_roster_says(tmp_path: Path) -> None:
    staff = people("ann", "bob")
    staff.loc[1, "leave_from"], staff.loc[1, "leave_until"] = MONDAY, MONDAY + pd.Timedelta(days=2)
    plan = table(shift(1, "09:00"), shift(2, "20:00", 11.0), shift(5, "09:00"))
    roster = build_roster(CENTRE, plan, staff, settings=QUICK).roster
    sheet = time_sheet(roster, staff, CENTRE, WEEK)
    assert sheet.loc["ann"].iloc[1:3].tolist() == ["Я", "Н"]
    assert sheet.loc["bob"].iloc[1:3].tolist() == ["ОТ", "ОТ"]
    assert sheet["norm_h"].tolist() == [40.0, 24.0]
    assert sheet["hours"].sum() == roster["paid_h"].sum()
    write_roster_book(tmp_path / "roster.xlsx", roster, staff, CENTRE, WEEK)
    read = pd.read_excel(tmp_path / "roster.xlsx", sheet_name="vip_kaluga", header=None)
    ann = int(np.flatnonzero(read[1].str.startswith("ann", na=False))[0])
    # The second half begins on the 16th; a night has its letter on both of its days.
    assert read.loc[ann + 2].iloc[10:13].tolist() == ["Я", "Я/Н", "Я/Н"]
    files = write_calendars(tmp_path / "ics", roster, CENTRE, made=MONDAY)
    assert sum(path.read_text().count("BEGIN:VEVENT") for path in files) == len(roster)
    assert "DTSTART:20261123T060000Z" in (tmp_path / "ics" / "ann.ics").read_text()


def test_the_time_sheet_marks_the_holiday_and_not_the_day_off_moved_from_it(tmp_path: Path) -> None:
    """Victory Day of 2027 is a Sunday; the Monday after it is off for the five-day week alone."""
    rows = [shift(day, "09:00") for day in (168, 169)]
    roster_of("ann", *rows).to_csv(tmp_path / "roster.csv", index=False)
    may = Horizon(pd.Timestamp("2027-05-09"), pd.Timestamp("2027-05-10"))
    sheet = time_sheet(pd.read_csv(tmp_path / "roster.csv"), people("ann"), CENTRE, may)
    assert sheet.loc["ann"].iloc[1:3].tolist() == ["РВ", "Я"]


def test_the_time_sheet_has_the_norm_of_the_audit() -> None:
    """Half a day of leave is half a day of the norm; a leave without an end goes on."""
    staff = people("ann", leave_from=MONDAY + pd.Timedelta(days=3, hours=12))
    roster = roster_of("ann", *(shift(day, "09:00", 11.5) for day in (1, 2, 3)))
    sheet = time_sheet(roster, staff, CENTRE, WEEK)
    assert sheet.loc["ann"].iloc[1:8].tolist() == ["Я"] * 3 + ["ОТ"] * 4
    hours = audit(CENTRE, roster, staff, horizon=WEEK).set_index("rule").loc["hours in the period"]
    assert sheet.loc["ann", "norm_h"] == hours["bound"] == 28.0


def test_a_roster_typed_into_excel_is_judged(tmp_path: Path) -> None:
    """Its times have no zone, and are on the centre's clock."""
    mine = table(shift(1, "09:00", 11.0), shift(2, "07:00")).assign(agent_id="ann", night_h=0.0)
    for edge in ("start", "end"):
        mine[edge] = mine[edge].dt.tz_localize(None)
    mine.to_excel(tmp_path / "typed.xlsx", index=False)
    read = read_roster(tmp_path / "typed.xlsx", CENTRE)
    assert audit(CENTRE, read, people("ann"))["rule"].tolist() == ["rest between shifts"]
    with pytest.raises(PlanningError, match="must be a time with its offset"):
        audit(CENTRE, mine, people("ann"))
    with pytest.raises(PlanningError, match="does not exist"):
        read_roster(tmp_path / "none.xlsx", CENTRE)


def typed(folder: Path, suffix: str, start: str, end: str) -> Path:
    """A roster of one shift, its times as somebody typed them."""
    mine = table(shift(1, "09:00")).assign(agent_id="ann", night_h=0.0, start=start, end=end)
    path = folder / f"typed{suffix}"
    mine.to_csv(path, index=False) if suffix == ".csv" else mine.to_excel(path, index=False)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("01.12.2026 09:00", "1.12.2026 17:30:00"),
        ("2026-12-01 09:00", "2026-12-01T17:30:00"),
        ("2026-12-01T09:00+03:00", "2026-12-01T14:30Z"),
    ],
)
def test_typed_dates_are_read_day_first_or_as_iso_8601(
    tmp_path: Path, suffix: str, start: str, end: str
) -> None:
    """Month first, a roster of the 1st of December would be judged as one of the 12th of January."""
    read = read_roster(typed(tmp_path, suffix, start, end), CENTRE)
    assert read["start"].tolist() == [pd.Timestamp("2026-12-01 09:00", tz=CENTRE.time_zone)]
    assert read["end"].tolist() == [pd.Timestamp("2026-12-01 17:30", tz=CENTRE.time_zone)]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@pytest.mark.parametrize("value", ["12/01/2026 09:00", "31.11.2026 09:00", "01.12.26 09:00", "2026"])
def test_typed_dates_of_any_other_form_are_refused(tmp_path: Path, suffix: str, value: str) -> None:
    says = f"row 0: start is .?{value}.?, must be a time with its offset: write it as 2026-11-23T09:15"
    with pytest.raises(PlanningError, match=says):
        read_roster(typed(tmp_path, suffix, value, "2026-12-01 17:30"), CENTRE)


def test_a_time_that_the_clock_showed_twice_is_refused(tmp_path: Path) -> None:
    path = typed(tmp_path, ".xlsx", "25.10.2026 02:30", "25.10.2026 11:00")
    with pytest.raises(PlanningError, match=r"start is '25.10.2026 02:30', must be a time with its offset"):
        read_roster(path, CENTRE.replace({"time_zone": "Europe/Berlin"}))


def test_a_plans_own_workbook_is_read_without_its_totals(tmp_path: Path) -> None:
    roster = build_roster(CENTRE, DAYS, people("ann", "bob"), settings=QUICK).roster
    write_workbook(tmp_path / "plan.xlsx", {}, {"roster": roster}, CENTRE)
    read = read_roster(tmp_path / "plan.xlsx", CENTRE, sheet="roster")
    pd.testing.assert_frame_equal(read, roster, check_dtype=False)


def test_a_roster_saved_with_semicolons_is_read(tmp_path: Path) -> None:
    """As Excel does where the decimal sign is a comma."""
    mine = table(shift(1, "09:00")).assign(agent_id="007", night_h=0.5, start="23.11.2026 9:00")
    mine = mine.assign(end="23.11.2026 17:30")
    mine.to_csv(tmp_path / "typed.csv", index=False, sep=";", decimal=",", encoding="utf-8-sig")
    read = read_roster(tmp_path / "typed.csv", CENTRE)
    assert read[["agent_id", "start", "night_h"]].values.tolist() == [["007", MONDAY.replace(hour=9), 0.5]]


def test_ids_that_are_numbers_in_excel_have_no_decimals(tmp_path: Path) -> None:
    """An id with decimals, or an empty line, makes all of its column decimals."""
    mine = table(shift(1, "09:00"), shift(2, "09:00")).assign(agent_id=[101.0, 102.5], night_h=0.0)
    mine = mine.assign(shift_id=[7.0, 8.5], start=mine["start"].dt.tz_localize(None))
    mine.assign(end=mine["end"].dt.tz_localize(None)).to_excel(tmp_path / "typed.xlsx", index=False)
    read = read_roster(tmp_path / "typed.xlsx", CENTRE)
    assert read[["agent_id", "shift_id"]].values.tolist() == [["101", "7"], ["102.5", "8.5"]]


def test_a_shift_has_one_name_in_calendars_whatever_clock_it_is_told_on(tmp_path: Path) -> None:
    """A roster read back from CSV is in UTC; under another name the calendar would hold its shifts twice."""
    mine = table(shift(1, "09:00")).assign(agent_id="ann", night_h=0.0)
    here, utc = (
        write_calendars(
            tmp_path / zone, mine.assign(start=mine["start"].dt.tz_convert(zone)), CENTRE, made=MONDAY
        )
        for zone in ("Europe/Moscow", "UTC")
    )
    assert "UID:ann-20261123T0600@vip_kaluga" in here[0].read_text()
    assert here[0].read_text() == utc[0].read_text()


def test_no_calendar_overwrites_another(tmp_path: Path) -> None:
    names = ["a b", "a_b", "a/b", "a%20b", "Иван И."]
    mine = pd.concat([table(shift(1, "09:00")).assign(agent_id=name, night_h=0.0) for name in names])
    files = write_calendars(tmp_path, mine, CENTRE, made=MONDAY)
    assert len({path.name for path in tmp_path.iterdir()}) == len(files) == len(names)
    assert {"a_b.ics", "a%20b.ics"} < {path.name for path in files}


def test_teams_of_any_name_have_a_sheet_in_the_roster_book(tmp_path: Path) -> None:
    staff = people("ann", "bob", "cat").assign(team=["x/y", "letters", "x?y"])
    roster = table(shift(1, "09:00")).assign(agent_id="ann", night_h=0.0)
    write_roster_book(tmp_path / "roster.xlsx", roster, staff, CENTRE, WEEK)
    sheets = pd.read_excel(tmp_path / "roster.xlsx", sheet_name=None, header=None)
    assert list(sheets) == ["letters", "x_y", "x_y 2", "letters 2"]
    names = [sheets[name].iloc[5:, 1].dropna().str.partition(",")[0].tolist() for name in list(sheets)[:3]]
    assert names == [["bob"], ["ann"], ["cat"]]
