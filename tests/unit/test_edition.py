"""A published roster is changed: who stands in, who is told what, and what is refused."""

from dataclasses import replace

import icalendar
import pandas as pd
import pytest
from factories import MONDAY, one_site, people_of, raw_centre, requirement_of, toml
from typer.testing import CliRunner

from planning import PlanningError
from planning.cli import app
from planning.edition import next_folder, read_edition
from planning.plan import write_folder
from planning.report.roster_book import write_calendars
from planning.requested import change
from planning.roster.audit import audit, read_roster
from planning.roster.carry_over import own_norms
from planning.roster.inputs import Horizon
from planning.roster.model import RosterSettings, build_roster
from planning.tables import REQUESTS

NOON = MONDAY - pd.Timedelta(hours=12)
TEAM = "calls_north"


def week_of(home, monday):
    """A week of two heads from 09:00 and one from 12:00 at one site, six people, and the centre's file."""
    centre = one_site()
    shifts = pd.DataFrame(
        [
            {"shift_id": f"{day} {clock}", "site": "north", "team": TEAM, "start": start,
             "end": start + pd.Timedelta("8.5h"), "paid_h": 8.0, "headcount": heads}
            for day in range(1, 8)
            for clock, heads in (("09", 2), ("12", 1))
            for start in [monday + pd.Timedelta(days=day - 1, hours=int(clock))]
        ]
    )  # fmt: skip
    people = people_of(centre, 6)
    found = build_roster(centre, shifts, people, settings=RosterSettings(exchanges=50, pricing_rounds=5))
    assert found.unmet.empty
    needed = requirement_of(1, days=7)
    needed["interval_start"] += monday - MONDAY
    pauses = found.roster[["agent_id", "shift_id", "start"]].assign(paid=False, kind="meal")
    pauses["start"] += pd.Timedelta("4h")
    tables = {
        "demand": needed[["queue", "interval_start", "calls", "aht_s"]].assign(planned_with="test"),
        "requirement": needed, "shifts": shifts, "roster": found.roster,
        "staff": people.assign(owed_h=40.0, paid_h=0.0),
        "breaks": pauses.assign(end=pauses["start"] + pd.Timedelta("30min")),
    }  # fmt: skip
    (home / "centre.toml").write_text(toml(raw_centre()), encoding="utf-8")
    return write_folder(home / "plan", {}, tables, centre)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The week from `MONDAY` on."""
    return week_of(tmp_path_factory.mktemp("month"), MONDAY)


@pytest.fixture(scope="module")
def edition(folder):
    """The plan as it is read."""
    return read_edition(folder, one_site())


def asked(*rows):
    """REQUESTS of (change, who, first) and more columns by name."""
    named = [dict(zip(("change", "who", "first"), row, strict=True)) | more for *row, more in rows]
    return pd.DataFrame(named, columns=list(REQUESTS.columns), dtype="str")


def on(edition, day):
    """Who works on a day of November, by shift, and who is free."""
    rows = edition.roster[edition.roster["start"].dt.strftime("%Y-%m-%d") == day]
    free = set(edition.people["agent_id"]) - set(rows["agent_id"])
    return rows["agent_id"].tolist(), sorted(free)


def test_a_folder_is_the_whole_state(edition, folder, tmp_path):
    """What is read is what was planned; an edition that is written and read again is the same."""
    assert edition.breaches.empty
    assert edition.unmet.empty
    assert (edition.number, len(edition.roster), len(edition.people)) == (1, 21, 6)
    again = read_edition(edition.save(tmp_path / "copy"), edition.centre)
    for name in ("shifts", "roster", "people", "breaks", "requirement"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(edition, name))
    with pytest.raises(PlanningError, match="never written over"):
        edition.save(folder)


def test_the_sick_are_replaced_and_only_those_concerned_are_told(edition):
    """Two days ill: as many shifts lost as found, everything lawful, breaks go with the shift."""
    workers, _ = on(edition, "2026-11-24")
    ill = workers[0]
    made = change(edition, asked(("sick", ill, "2026-11-24", {"last": "2026-11-25"})), now=NOON)
    lost = edition.roster[
        (edition.roster["agent_id"] == ill)
        & edition.roster["start"].between(MONDAY + pd.Timedelta(days=1), MONDAY + pd.Timedelta(days=3))
    ]
    assert made.refused.empty
    assert made.new_breaches.empty
    assert made.edition.unmet.empty
    assert len(made.changes) == 2 * len(lost)
    assert set(made.changes.loc[made.changes["agent_id"] == ill, "why"]) == {"sick"}
    others = made.changes[made.changes["agent_id"] != ill]
    assert set(others["why"]) == {f"stands in for {ill} (sick)"}
    assert (
        made.changes["needs_consent"] == (made.changes["agent_id"] != ill)
    ).all()  # nobody agrees to be ill
    assert made.edition.people.set_index("agent_id")["sick"][ill] == "2026-11-24 2026-11-25"
    assert len(made.edition.breaks) == len(made.edition.roster)
    took = made.substitutes[made.substitutes["taken"]]
    assert took["lawful"].all()
    assert set(took["shift_id"]) == set(lost["shift_id"])
    # Sick days owe no hours: eight a day.
    staff = (each.staff.set_index("agent_id")["owed_h"][ill] for each in (edition, made.edition))
    assert [*staff] == pytest.approx([40.0, 24.0])


def test_people_swap_and_give_as_they_agree(edition):
    """A swap and a gift are done as agreed and move nobody else; the next edition knows them."""
    workers, free = on(edition, "2026-11-26")
    made = change(edition, asked(("give", workers[0], "2026-11-26", {"whom": free[0]})), now=NOON)
    if len(made.refused):
        made = change(edition, asked(("give", workers[0], "2026-11-26", {"whom": free[1]})), now=NOON)
    assert made.refused.empty
    assert len(made.changes) == 2
    assert sorted(made.changes["why"].str.split(" the ").str[0]) == ["gives", "takes"]
    one, two = made.edition.roster[made.edition.roster["shift_id"].isin(["1 09", "1 12"])].drop_duplicates(
        "shift_id"
    )["agent_id"]
    swapped = change(made.edition, asked(("swap", one, "2026-11-23", {"whom": two})), now=NOON)
    assert swapped.refused.empty
    assert swapped.edition.number == 3
    assert set(swapped.edition.changes["edition"]) == {2, 3}
    assert set(swapped.changes["agent_id"]) == {one, two}


def test_more_heads_are_filled_and_an_open_shift_takes_who_is_asked(edition):
    """A shift typed with its breaks gets people, and those breaks."""
    text = "10:00-18:30 meal 14:00-14:30"
    made = change(edition, asked(("add", TEAM, "2026-11-25", {"shift": text, "heads": "1"})), now=NOON)
    (name,) = set(made.edition.shifts["shift_id"]) - set(edition.shifts["shift_id"])
    mine = made.edition.breaks[made.edition.breaks["shift_id"] == name]
    assert mine["start"].dt.strftime("%H:%M").tolist() == ["14:00"]
    assert made.changes["why"].tolist()[-1] == "takes an open shift"


def test_a_request_that_cannot_be_met_is_refused_by_its_row(edition):
    """The others are met; nothing is lost."""
    workers, _ = on(edition, "2026-11-24")
    rows = {
        "did you mean 'calls_north_0": ("sick", "calls_north_7", "2026-11-24", {}),
        "must lie in the roster, 2026-11-23 to 2026-11-29": ("sick", "calls_north_01", "2026-12-24", {}),
        "first is 'tomorrow', must be dates": ("sick", "calls_north_01", "tomorrow", {}),
        "first is missing, which sick needs": ("sick", "calls_north_01", None, {}),
        "change is 'holiday', must be one of sick": ("holiday", "calls_north_01", "2026-11-24", {}),
        "must not lie before first": ("leave", "calls_north_01", "2026-11-25", {"last": "2026-11-24"}),
        "whom is missing": ("swap", "calls_north_01", "2026-11-24", {}),
        "must be a shift_id of shifts.csv": ("fill", "calls_north_01", None, {"shift": "1 10"}),
        "has its 2 people": ("fill", "calls_north_01", None, {"shift": "2 09"}),
        "cannot be read": ("add", TEAM, "2026-11-24", {"shift": "nine"}),
        "must be a team": ("add", "nobody", "2026-11-24", {"shift": "10:00-18:30"}),
        "write its breaks too": ("add", TEAM, "2026-11-24", {"shift": "10:00-13:00"}),
        "2 shifts start on one day": ("give", workers[0], "2026-11-24", {"whom": workers[1]}),
    }
    good = ("leave", "calls_north_02", "2026-11-27", {})
    made = change(edition, asked(good, *rows.values()), now=NOON)
    assert made.refused.index.tolist() == list(range(1, 14))
    for says, reason in zip(rows, made.refused["reason"], strict=True):
        assert says in reason
    assert made.edition.breaches.empty
    assert pd.notna(made.edition.people.set_index("agent_id")["leave_from"]["calls_north_02"])


def test_what_has_begun_stays(edition):
    """Somebody ill in the middle of a shift keeps it: the days after it are given."""
    (ill, *_), _ = on(edition, "2026-11-24")
    late = MONDAY + pd.Timedelta(days=1, hours=15)
    made = change(edition, asked(("sick", ill, "2026-11-24", {})), now=late)
    assert "and stays: give the days after it" in made.refused["reason"][0]


def test_twelve_changes_in_a_row_stay_lawful_and_the_hours_add_up(edition):
    """Each edition is audited; what people carry over is what they worked less what was asked of them."""
    now = edition
    for number in range(4):
        who = [f"calls_north_{member:02d}" for member in (number % 2 + 1, number + 3)]
        day = f"2026-11-{24 + number}"
        extra = ("add", TEAM, day, {"shift": "13:00-21:30"})
        made = change(now, asked(("sick", who[0], day, {}), ("leave", who[1], day, {}), extra), now=NOON)
        assert made.new_breaches.empty
        assert made.refused.empty
        now = made.edition
    assert now.number == 5
    later = now.people_for(pd.Timestamp("2026-11-30")).set_index("agent_id")
    staff = now.staff.set_index("agent_id")
    worked = now.roster.groupby("agent_id")["paid_h"].sum().reindex(staff.index, fill_value=0.0)
    asked_h = own_norms(now.centre, now.people, now.horizon)
    assert later["balance_h"].tolist() == pytest.approx((worked - asked_h).tolist())


def test_the_next_roster_begins_where_this_one_ended(edition):
    """New people come as they are, known ones with their carry-over; leave that was recorded holds on."""
    away = replace(edition, people=edition.people.assign(sick="2026-11-24"))
    given = people_of(edition.centre, 7)
    found = away.people_for(pd.Timestamp("2026-11-30"), given).set_index("agent_id")
    own = away.people_for(pd.Timestamp("2026-11-30")).set_index("agent_id")
    pd.testing.assert_series_equal(found["balance_h"].iloc[:6], own["balance_h"])
    assert found["sick"].tolist()[:6] == ["2026-11-24"] * 6
    assert pd.isna(found["balance_h"]["calls_north_07"])
    with pytest.raises(PlanningError, match="must lie after 2026-11-29"):
        edition.people_for(pd.Timestamp("2026-11-29"))


def test_calendars_follow_the_editions(edition, tmp_path):
    """A lost shift is cancelled under its UID; the sequence and the stamp rise; breaks are told."""
    rows = edition.roster[edition.roster["start"].dt.day == 25]
    ill, other = rows["agent_id"].iloc[0], rows["agent_id"].iloc[1]
    made = change(edition, asked(("sick", ill, "2026-11-25", {})), now=NOON).edition
    before, after = (
        {
            str(event["uid"]): event
            for file in write_calendars(
                tmp_path / str(each.number), each.roster, each.centre, made=each.made, edition=each.number,
                breaks=each.breaks, changes=each.changes,
            )
            for event in icalendar.Calendar.from_ical(file.read_bytes()).events
        }
        for each in (edition, made)
    )  # fmt: skip
    assert set(before) <= set(after)
    assert len(after) == len(before) + 1
    lost, kept = (f"{who}-20261125T{{}}@{TEAM}" for who in (ill, other))
    (gone,) = [event for event in after.values() if event["status"] == "CANCELLED"]
    assert str(gone["uid"]).startswith(lost[: len(ill) + 9])
    assert {int(event["sequence"]) for event in before.values()} == {0}
    assert {int(event["sequence"]) for event in after.values()} == {1}
    assert {event["dtstamp"].dt for event in after.values()} == {NOON.to_pydatetime()}
    mine = [event for uid, event in after.items() if uid.startswith(kept[: len(other) + 9])]
    assert {str(event["description"])[:5] for event in mine} == {"meal "}


def test_the_payroll_has_every_hour_once(edition):
    """Day and night hours are those worked; idle hours fill up what is owed."""
    paid = edition.payroll.pivot_table(index="agent_id", columns="pay", values="hours", fill_value=0.0)
    worked = edition.roster.groupby("agent_id")["paid_h"].sum()
    assert paid["day"].reindex(worked.index).tolist() == pytest.approx(worked.tolist())
    owed = edition.staff.set_index("agent_id")["owed_h"].reindex(paid.index)
    assert (paid["day"] + paid["idle"]).tolist() == pytest.approx(owed.tolist())


def test_wishes_are_decided_with_a_reason(edition):
    """Who works on a day asked for learns who could stand in, or that nobody may."""
    (one, two, three), (free, *others) = on(edition, "2026-11-26")
    day = {one: "2026-11-26", free: "2026-11-26 2026-12-24"}
    wishing = edition.people.assign(wished_off=edition.people["agent_id"].map(day), prefers="early")
    told = replace(edition, people=wishing).wishes
    asked = told[told["wish"] == "2026-11-26"].set_index("agent_id")
    assert asked["granted"].to_dict() == {one: False, free: True}
    assert len(told) == 2 + 6
    lawful = {who for who in others if change(
        edition, asked_to_give(one, "2026-11-26", who), now=NOON).refused.empty}  # fmt: skip
    reason = asked["reason"][one]
    assert reason.split(" may stand in")[0] in lawful if lawful else reason.startswith("you are needed")
    kinds = told[told["wish"] == "early shifts"]
    assert (kinds["granted"] == [text.split()[0] == text.split()[2] for text in kinds["reason"]]).all()
    assert {two, three} <= set(kinds["agent_id"])


def asked_to_give(who, day, whom):
    """A request to hand a shift on."""
    return asked(("give", who, day, {"whom": whom}))


def test_editions_have_names_in_order(edition, folder):
    assert next_folder(folder, edition).name == "plan-2"
    assert next_folder(folder.with_name("plan-2"), replace(edition, number=2)).name == "plan-3"


def test_the_command_writes_the_next_edition_and_leaves_the_first(folder, tmp_path):
    """A change, an audit and a reason; what cannot be met is told and is exit code 1."""
    runner, centre = CliRunner(), ["--centre", str(folder.parent / "centre.toml")]
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    at = ["--at", "2026-11-22T12:00", *centre]
    done = runner.invoke(
        app,
        [
            "roster",
            "change",
            str(folder),
            "--sick",
            "calls_north_01 2026-11-24",
            "--sick",
            "x 2026-11-24",
            *at,
        ],
    )
    assert done.exit_code == 1
    assert "the first row 1: who is 'x'" in done.output
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    second = folder.with_name("plan-2")
    assert "Audit:          0 breaches" in done.output
    assert runner.invoke(app, ["roster", "audit", str(second), *centre]).output.startswith(
        f"{second}: 0 breaches"
    )
    assert runner.invoke(app, ["roster", "why", str(second), *centre]).output == "nobody is missing\n"
    sent = runner.invoke(app, ["roster", "publish", str(second), *centre])
    assert "6 calendars, time_sheet.xlsx, days.xlsx, payroll.csv, wishes.csv and fairness" in sent.output
    assert "of edition 2; 0 of 0 wishes granted" in sent.output
    shared = pd.read_csv(second / "published" / "fairness.csv")
    assert set(shared["burden"]) == {"nights", "weekends", "late shifts"}
    again = runner.invoke(app, ["roster", "change", str(folder), "--sick", "calls_north_01 2026-11-24", *at])
    assert "was changed before; change" in str(again.exception)
    none = runner.invoke(app, ["roster", "change", str(second), *at])
    assert "nothing to change" in str(none.exception)


# ------------------------------------------------------------------------------------------------- in a row
def test_changes_over_new_year_stay_lawful_and_the_hours_of_the_year_are_settled(tmp_path):
    """Each edition is read from its folder and audited; in the new year nothing of the old one is owed."""
    monday = pd.Timestamp("2026-12-28", tz=MONDAY.tz)
    centre, place = one_site(), week_of(tmp_path, monday)
    for number, kind in enumerate(("sick", "give", "swap"), 2):
        was = read_edition(place, centre)
        day = f"{monday + pd.Timedelta(days=number):%Y-%m-%d}"
        workers, free = on(was, day)
        whom = {"sick": {}, "give": {"whom": free[0]}, "swap": {"whom": workers[-1]}}[kind]
        made = change(was, asked((kind, workers[0], day, whom)), now=monday)
        made.edition.save(place := tmp_path / f"plan-{number}")
        again = read_edition(place, centre)
        assert again.number == number
        assert audit(centre, read_roster(place / "roster.csv", centre), again.people).empty
    worked = again.roster.groupby("agent_id")["paid_h"].sum()
    paid = again.payroll[again.payroll["pay"].isin(["day", "night"])].groupby("agent_id")["hours"].sum()
    assert paid.to_dict() == worked.to_dict()
    # In the new year nobody owes anything from the old one, nor has overtime of it.
    after = again.people_for(monday.tz_localize(None) + pd.Timedelta(days=7)).set_index("agent_id")
    new_year = Horizon(pd.Timestamp("2027-01-01"), pd.Timestamp("2027-01-03"))
    own = again.roster[again.roster["start"] >= pd.Timestamp("2027-01-01", tz=MONDAY.tz)]
    hours = own.groupby("agent_id")["paid_h"].sum().reindex(after.index, fill_value=0.0)
    norms = own_norms(centre, again.people, new_year)
    assert after["balance_h"].astype(float).to_dict() == (hours - norms).to_dict()
    assert (after["overtime_h"] == 0).all()


def test_a_shift_is_added_on_the_clock_of_its_site(edition):
    """A site two hours ahead of the centre starts its ten o'clock shift two hours earlier."""
    ahead = one_site({"sites.north.time_zone": "Asia/Yekaterinburg"})
    here = replace(edition, centre=ahead)
    row = ("add", TEAM, "2026-11-27", {"shift": "10:00-18:30 meal 14:00-14:30"})
    added = change(here, asked(row), now=NOON).edition.shifts.iloc[-1]
    assert added["start"] == pd.Timestamp("2026-11-27 10:00", tz="Asia/Yekaterinburg")
