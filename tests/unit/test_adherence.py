"""Agents' states against the roster: minutes counted by hand, a loop over minutes, and faulty rows."""

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, one_site, roster_of, rostered, small_plan
from typer.testing import CliRunner

from planning.cli import app
from planning.errors import PlanningError
from planning.intraday.adherence import MINUTES, adherence, shrinkage_changes, summed

ZONE = "Europe/Moscow"
MINUTE = pd.Timedelta(minutes=1)


def log_of(*rows):
    """States of (agent, state, start, end) on Monday."""
    table = pd.DataFrame(rows, columns=["agent_id", "state", "start", "end"])
    for edge in ("start", "end"):
        table[edge] = [f"2026-11-23T{clock}+03:00" for clock in table[edge]]
    return table


def test_minutes_are_those_counted_one_by_one():
    """Random shifts, breaks and states that overlap; a loop over every minute is the other route."""
    rng = np.random.default_rng(5)
    roster, breaks, log = [], [], []
    for number in range(30):
        agent, start = f"a{number}", MONDAY + int(rng.integers(400, 700)) * MINUTE
        roster.append((agent, "t", "s", start, start + 480 * MINUTE))
        breaks.append((agent, "s", start + 200 * MINUTE, start + 230 * MINUTE))
        for _ in range(int(rng.integers(0, 6))):
            begin = start + int(rng.integers(-60, 500)) * MINUTE
            state = str(rng.choice(["ready", "talking", "coffee"]))
            log.append((agent, state, begin, begin + int(rng.integers(1, 150)) * MINUTE))
    roster = pd.DataFrame(roster, columns=["agent_id", "team", "shift_id", "start", "end"])
    breaks = pd.DataFrame(breaks, columns=["agent_id", "shift_id", "start", "end"])
    log = pd.DataFrame(log, columns=["agent_id", "state", "start", "end"])
    found, refused = adherence(roster, breaks, log, zone=ZONE, until=MONDAY + pd.Timedelta(days=1))
    assert refused.empty
    for row, pause, shift in zip(found.itertuples(), breaks.itertuples(), roster.itertuples(), strict=True):
        own = log[(log["agent_id"] == row.agent_id) & (log["state"] != "coffee")]

        def at_work(time, own=own):
            return bool(((own["start"] <= time) & (own["end"] > time)).any())

        times = pd.date_range(shift.start, shift.end, freq="min", inclusive="left")
        asked = [time for time in times if not pause.start <= time < pause.end]
        worked = [at_work(time) for time in asked]
        assert row.scheduled_min == len(asked)
        assert row.in_min == sum(worked)
        assert row.out_min == len(asked) - sum(worked)
        there = [at_work(time) for time in times]
        assert row.absent_min == (0 if any(there) else len(asked))
        if any(worked):
            first = times[there.index(True)]
            assert row.late_min == sum(time < first for time in asked)


def test_an_absent_person_is_shrinkage_and_not_poor_adherence():
    """Two of three came and were in for all but 48 of 960 minutes."""
    shifts = [(agent, "2026-11-23 09:00", "2026-11-23 17:00") for agent in ("ann", "bob", "cid")]
    roster = roster_of(*shifts)
    log = log_of(("ann", "ready", "09:00", "17:00"), ("bob", "talking", "09:12", "16:24"))
    found, _ = adherence(roster, rostered(roster).breaks, log, zone=ZONE)
    team = summed(found, ["team"]).iloc[0]
    assert team["adherence"] == pytest.approx(1 - 48 / 960)
    assert team["absence"] == pytest.approx(1 / 3)
    assert (team["late_min"], team["early_min"]) == (12, 36)
    changes = shrinkage_changes(found)
    assert changes == {"teams.calls_north.shrinkage": pytest.approx(1 - 912 / 1440, abs=1e-4)}
    assert one_site().replace(changes).teams["calls_north"].shrinkage == pytest.approx(0.3667)
    assert (found[MINUTES] >= 0).all(axis=None)


def test_faulty_rows_of_the_log_are_told_and_the_others_kept():
    roster = roster_of(("ann", "2026-11-23 09:00", "2026-11-23 17:00"))
    log = log_of(
        ("ann", "ready", "09:00", "12:00"),
        ("ann", "ready", "14:00", "13:00"),
        ("zoe", "ready", "09:00", "10:00"),
    )
    log.loc[3] = ["ann", "ready", "noon", "later"]
    found, refused = adherence(roster, rostered(roster).breaks, log, zone=ZONE)
    assert found["in_min"].tolist() == [180]
    reasons = refused["reason"].str.cat(sep="; ")
    for text in ("its end is not after its start", "no shift in the roster", "start"):
        assert text in reasons
    assert len(refused) == 3
    with pytest.raises(PlanningError, match="no state of the log is one of busy: it has ready; say which"):
        adherence(roster, rostered(roster).breaks, log, zone=ZONE, working=["busy"])


def test_a_log_of_changes_without_ends_or_offsets_says_the_same():
    """State changes as a telephone system writes them, in its own capitals; logged out all the evening."""
    roster = roster_of(("ann", "2026-11-23 09:00", "2026-11-23 17:00"))
    rows = [
        ("09:10", "READY"),
        ("12:00", "Talking "),
        ("12:30", "Lunch"),
        ("13:00", "ready"),
        ("17:00", "out"),
    ]
    log = pd.DataFrame([("ann", state, f"2026-11-23 {clock}") for clock, state in rows[::-1]])
    log.columns = ["agent_id", "state", "start"]
    found, refused = adherence(roster, rostered(roster).breaks, log, zone=ZONE)
    assert found[["in_min", "late_min", "out_min"]].iloc[0].tolist() == [440, 10, 40]
    assert refused["reason"].tolist() == ["it has no end, and the person no later state: give its end"]


def test_a_time_that_clocks_show_twice_needs_its_offset():
    """Berlin, 25 October 2026: 02:30 is there twice, so the row is told; the night shift has nine hours."""
    start, end = (pd.Timestamp(text, tz="Europe/Berlin") for text in ("2026-10-24 22:00", "2026-10-25 06:00"))
    roster = roster_of(("ann", "2026-11-23 09:00", "2026-11-23 17:00")).assign(start=start, end=end)
    log = pd.DataFrame(
        [
            ("ann", "ready", "2026-10-24 22:00", "2026-10-25 06:00"),
            ("ann", "ready", "2026-10-25 02:30", None),
        ],
        columns=["agent_id", "state", "start", "end"],
    )
    found, refused = adherence(roster, rostered(roster).breaks, log, zone="Europe/Berlin")
    assert found[["scheduled_min", "in_min"]].iloc[0].tolist() == [540, 540]
    assert found["day"].dt.strftime("%Y-%m-%d").tolist() == ["2026-10-24"]
    assert len(refused) == 1
    assert "offset" in refused["reason"].iloc[0]


def test_two_shifts_of_a_day_share_the_time_between_them():
    """Work in the other shift is not extra; of the two hours between, each has its hour."""
    roster = roster_of(
        ("ann", "2026-11-23 08:00", "2026-11-23 12:00"), ("ann", "2026-11-23 14:00", "2026-11-23 18:00")
    )
    log = log_of(("ann", "ready", "08:00", "18:00"))
    found, _ = adherence(roster.assign(shift_id=["s", "t"]), rostered(roster).breaks, log, zone=ZONE)
    assert found["extra_min"].tolist() == [60, 60]
    assert found["in_min"].tolist() == [240, 240]


def test_what_lies_after_the_log_is_not_judged():
    """A log until noon: the afternoon of one person and the late shift of the other are nobody's absence."""
    roster = roster_of(
        ("ann", "2026-11-23 09:00", "2026-11-23 17:00"), ("bob", "2026-11-23 13:00", "2026-11-23 21:00")
    )
    found, _ = adherence(
        roster, rostered(roster).breaks, log_of(("ann", "ready", "08:30", "12:00")), zone=ZONE
    )
    assert found["agent_id"].tolist() == ["ann"]
    assert found[["scheduled_min", "in_min", "early_min", "extra_min"]].iloc[0].tolist() == [180, 180, 0, 30]


def test_the_command_reads_a_plan_and_a_log(tmp_path, monkeypatch):
    """Everybody is there all day, breaks too, but for the first person, who never comes."""
    made = small_plan()
    monkeypatch.setattr("planning.centre.Centre.load", lambda *_: made.centre)
    made.save(tmp_path / "plan")
    roster = made.roster.roster
    log = roster[["agent_id", "start", "end"]].assign(state="ready").iloc[1:]
    log.to_csv(tmp_path / "log.csv", index=False)
    line = ["adherence", str(tmp_path / "log.csv"), "--plan", str(tmp_path / "plan")]
    line += ["--centre", str(tmp_path / "centre.toml"), "--out", str(tmp_path / "shifts.csv")]
    found = CliRunner().invoke(app, line, catch_exceptions=False)
    assert found.exit_code == 0
    assert "calls_north               100.0%" in found.output
    assert "[teams.calls_north] shrinkage = 0.0" in found.output
    assert "# now 0.1" in found.output
    assert len(pd.read_csv(tmp_path / "shifts.csv")) == len(roster)
