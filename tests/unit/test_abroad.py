"""A centre in two countries: each site's people are rostered and judged under the law of their own."""

import pandas as pd
import pytest
from factories import MONDAY, people_of, raw_centre

from planning import Centre
from planning.pay import overtime_pay_h
from planning.roster.audit import audit
from planning.roster.change import mend, substitutes
from planning.roster.inputs import Horizon
from planning.roster.model import RosterSettings, build_roster
from planning.roster.people import people_to_employ, read_people

WEEK = Horizon(pd.Timestamp("2026-11-23"), pd.Timestamp("2026-11-29"))
QUICK = RosterSettings(pricing_rounds=5, dive_rounds=1, searches=0, exchanges=0)


@pytest.fixture(scope="module")
def centre():
    """A Russian centre with a site in Germany, whose own rules are what each country brings."""
    raw = raw_centre({"tver": ("00:00", "24:00"), "berlin": ("00:00", "24:00")})
    raw["sites"]["berlin"]["country"] = "DE"
    return Centre.of({name: table for name, table in raw.items() if name != "labour"})


def shifts(centre, *spans):
    """The same shifts at both sites: (day after Monday, clock, presence hours)."""
    rows = [
        {
            "shift_id": f"{site} {day}",
            "site": site,
            "team": f"calls_{site}",
            "start": MONDAY + pd.Timedelta(days=day) + pd.Timedelta(f"{clock}:00"),
            "end": MONDAY + pd.Timedelta(days=day) + pd.Timedelta(f"{clock}:00") + pd.Timedelta(hours=hours),
            "paid_h": hours - 0.5,
            "headcount": 1,
        }
        for site in centre.sites
        for day, clock, hours in spans
    ]
    return pd.DataFrame(rows)


def worked(rows):
    """A roster in which one person of each site works all its shifts."""
    return rows.assign(agent_id=rows["team"] + "_01", night_h=0.0)


@pytest.mark.parametrize(
    ("spans", "night_ok", "article"),
    [
        ([(0, "13:00", 8.5), (1, "08:30", 8.5)], True, "TK RF 103"),  # 11 h of rest
        ([(0, "21:00", 8.5)], False, "TK RF 96"),  # consent to night work
    ],
)
def test_what_one_law_forbids_another_allows(centre, spans, night_ok, article):
    rows, staff = shifts(centre, *spans), people_of(centre, 1, night_ok=night_ok)
    found = audit(centre, worked(rows), staff, horizon=WEEK)
    assert found["agent_id"].tolist() == ["calls_tver_01"]
    assert found["article"].iloc[0].startswith(article)
    roster = build_roster(centre, rows, staff, settings=QUICK)
    assert roster.roster.groupby("site").size().to_dict().get("berlin") == len(spans)
    assert len(roster.unmet) == 1
    assert audit(centre, roster.roster, staff).empty


def test_each_site_keeps_its_holidays(centre):
    """The 4th of November is one in Russia; 25 and 26 December are two in Germany."""
    staff, hard = people_of(centre, 1), {"public holiday": None}
    for date, site in (("2026-11-04", "tver"), ("2026-12-25", "berlin")):
        day = (pd.Timestamp(date, tz=MONDAY.tz) - MONDAY).days
        rows = shifts(centre, (day, "09:00", 8.5))
        found = audit(centre, worked(rows), staff, weights=hard)
        assert found["agent_id"].tolist() == [f"calls_{site}_01"]
        roster = build_roster(centre, rows, staff, settings=QUICK, weights=hard)
        assert roster.unmet["shift_id"].tolist() == [f"{site} {day}"]


def test_changes_go_by_the_law_of_the_site(centre):
    """20 days ahead need consent in Russia, where a month is asked, and not in Germany."""
    rows, staff = shifts(centre, (0, "09:00", 8.5)), people_of(centre, 1)
    roster = build_roster(centre, rows, staff, settings=QUICK).roster
    now = MONDAY - pd.Timedelta(days=20)
    mended = mend(centre, rows, staff, roster[:0], now=now)
    consent = mended.changes.set_index("agent_id")["needs_consent"]
    assert consent.to_dict() == {"calls_berlin_01": False, "calls_tver_01": True}
    tired = staff.assign(balance_h=1000.0)  # above the norm, so that all hours are overtime
    for _, row in rows.iterrows():
        cost = substitutes(centre, roster[:0], tired, row, horizon=WEEK)["cost"].iloc[0]
        premium_h = overtime_pay_h(centre.at(row["site"]), [8.0])[0]
        assert cost == pytest.approx((8 + premium_h) * 80_000 / 160 * 1.25)


def test_people_have_the_week_of_their_site(centre, tmp_path):
    """36 hours where the centre's file says so; people are made and read by the same week."""
    short = centre.replace({"labour.week_h": {"value": 36.0}})
    made = people_to_employ(short, shifts(short, (0, "09:00", 8.5)))
    assert made["contract_h_week"].unique().tolist() == [36.0]
    path = tmp_path / "people.csv"
    path.write_text("agent_id,site,team\nann,tver,calls_tver\nbob,berlin,calls_berlin\n", encoding="utf-8")
    assert read_people(path, centre)[0]["night_ok"].tolist() == [False, True]
