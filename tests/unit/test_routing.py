"""Who answers at each hour: one rule, chains, rules with hours of their own, gaps and loops."""

from datetime import timedelta

import pandas as pd
import pytest
from factories import MONDAY, raw_centre, two_sites

from planning import Centre, PlanningError
from planning.calendars import axis
from planning.centre.routing import answering_site, answering_sites, late_rules


def hours_of(centre, home="south", queue="calls"):
    """The answering site at each full hour, its first letter only."""
    found = [answering_site(centre, queue, home, timedelta(hours=hour)) for hour in range(24)]
    return "".join(site[0] if site else "-" for site in found)


def three_sites(*rules, closes="23:00"):
    """South 8-22, Tula 7-`closes`, North day and night."""
    sites = {"south": ("08:00", "22:00"), "tula": ("07:00", closes), "north": ("00:00", "24:00")}
    return Centre.of(raw_centre(sites) | {"overflow": list(rules)})


def rule(from_site, to_site, **hours):
    return {"from_site": from_site, "to_site": to_site, **hours}


def test_closed_site_is_answered_by_the_other_across_midnight():
    centre = two_sites()
    assert hours_of(centre) == "n" * 8 + "s" * 14 + "n" * 2
    assert hours_of(centre, "north") == "n" * 24


def test_the_edges_belong_to_the_hour_that_they_start():
    centre = two_sites()
    minute = timedelta(minutes=1)
    closes, opens = timedelta(hours=22), timedelta(hours=8)
    answers = [
        answering_site(centre, "calls", "south", at)
        for at in (closes - minute, closes, opens - minute, opens)
    ]
    assert answers == ["south", "north", "north", "south"]


def test_rule_follows_the_sites_hours_in_a_what_if():
    assert hours_of(two_sites({"sites.south.closes": "20:00"})) == "n" * 8 + "s" * 12 + "n" * 4


def test_rule_that_starts_before_the_closing():
    """From 20:00 North answers, though South is open until 22:00."""
    assert hours_of(two_sites({"overflow.0.at": "20:00"})) == "n" * 8 + "s" * 12 + "n" * 4


def test_rule_that_ends_after_the_opening():
    assert hours_of(two_sites({"overflow.0.until": "10:00"})) == "n" * 10 + "s" * 12 + "n" * 2


def test_rule_inside_one_day():
    """A lunch rule of its own beside the one for the night."""
    rules = [rule("south", "north"), rule("south", "north", at="12:00", until="14:00")]
    assert hours_of(two_sites({"overflow": rules})) == "n" * 8 + "s" * 4 + "n" * 2 + "s" * 8 + "n" * 2


def test_rule_without_hours_from_a_site_that_never_closes_never_applies():
    rules = [rule("south", "north"), rule("north", "south")]
    assert hours_of(two_sites({"overflow": rules}), "north") == "n" * 24


def test_rule_from_midnight_to_midnight_applies_all_day():
    """Both edges written: everything goes to North."""
    rules = [rule("south", "north", at="00:00", until="24:00")]
    assert hours_of(two_sites({"overflow": rules})) == "n" * 24


def test_chain_of_three_sites():
    """South to Tula, and on to North once Tula closes too."""
    centre = three_sites(rule("south", "tula"), rule("tula", "north"))
    assert hours_of(centre) == "n" * 7 + "t" + "s" * 14 + "t" + "n"
    assert hours_of(centre, "tula") == "n" * 7 + "t" * 16 + "n"


def test_rules_that_overlap_are_refused():
    """Tula until one in the morning, North all night: from 22:00 on both claim the call."""
    first = rule("south", "tula", at="22:00", until="01:00")
    second = rule("south", "north")
    message = "overflow.0 and overflow.1 both move calls away from south at 00:00: let one end"
    with pytest.raises(PlanningError, match=message):
        three_sites(first, second, rule("tula", "north"), closes="24:00")


def test_rules_that_take_turns():
    """Tula until one in the morning, North from then on."""
    rules = [
        rule("south", "tula", at="22:00", until="01:00"),
        rule("south", "north", at="01:00"),
        rule("tula", "north", at="00:00", until="07:00"),
    ]
    assert hours_of(three_sites(*rules, closes="24:00")) == "n" * 8 + "s" * 14 + "tt"


def test_rule_of_some_weekdays():
    """South closes on Saturday and Sunday; a rule that begins on Friday night ends on Saturday morning."""
    weekend = rule("south", "north", at="08:00", until="22:00") | {"days": ["sat", "sun"]}
    centre = two_sites({"overflow": [rule("south", "north"), weekend]})
    week = pd.date_range("2026-11-23", periods=7 * 24, freq="h", tz="Europe/Moscow")
    found = answering_sites(centre, "calls", week)["south"].str[0].str.cat()
    working = "n" * 8 + "s" * 14 + "n" * 2
    assert found == working * 5 + "n" * 48
    late = rule("south", "north", at="20:00", until="22:00") | {"days": ["fri"]}
    night = rule("south", "north")
    friday = answering_sites(two_sites({"overflow": [night, late]}), "calls", week)["south"].str[0].str.cat()
    assert friday == working * 4 + "n" * 8 + "s" * 12 + "n" * 4 + working * 2


def test_rule_across_midnight_belongs_to_the_day_that_it_begins_on():
    nights = rule("south", "north", at="22:00", until="08:00")
    rules = [nights | {"days": ["fri"]}, nights | {"days": ["mon", "tue", "wed", "thu", "sat", "sun"]}]
    rules[0]["to_site"] = "tula"
    centre = three_sites(*rules, rule("tula", "north", at="24:00", until="07:00"), closes="24:00")
    assert answering_site(centre, "calls", "south", timedelta(hours=23), 4) == "tula"
    assert answering_site(centre, "calls", "south", timedelta(hours=7), 5) == "tula"
    assert answering_site(centre, "calls", "south", timedelta(hours=7), 4) == "north"


def test_gap_of_some_weekdays_is_named_with_its_day():
    rules = [rule("south", "north") | {"days": ["mon", "tue", "wed", "thu", "fri", "sat"]}]
    message = (
        "queues.calls has no answering site at 00:00 on mon for callers of south "
        r"\(overflow.0 moves them from 22:00 to 08:00 on mon, tue, wed, thu, fri, sat only\)"
    )
    with pytest.raises(PlanningError, match=message):
        two_sites({"overflow": rules})


def test_closed_destination_is_blamed_on_its_rule():
    with pytest.raises(
        PlanningError,
        match=r"overflow.0 sends calls to north at 00:00, which is open from 06:00 to 23:00 only: add",
    ):
        two_sites({"sites.north.opens": "06:00", "sites.north.closes": "23:00"})


def test_late_rules_move_nobody_by_the_hour():
    """Who waits too long may be answered elsewhere; the home of the call stays."""
    late = {"from_site": "south", "to_site": "north", "after_s": 20.0}
    rules = [rule("south", "north"), late]
    centre = two_sites({"queues.calls.pooled": False, "overflow": rules})
    assert hours_of(centre) == "n" * 8 + "s" * 14 + "n" * 2
    assert [one.after_s for one in late_rules(centre, "calls")] == [20.0]


def test_late_rule_of_a_pooled_queue_is_refused():
    rules = [rule("south", "north"), {"from_site": "south", "to_site": "north", "after_s": 20.0}]
    rules[1]["queues"] = ["calls"]
    with pytest.raises(PlanningError, match=r"overflow.1 moves calls after 20 s, but queues.calls.pooled is"):
        two_sites({"overflow": rules})


def test_late_rule_with_hours_is_refused():
    rules = [{"from_site": "south", "to_site": "north", "after_s": 20.0, "at": "10:00"}]
    with pytest.raises(PlanningError, match="after_s is 20 beside at, until or days"):
        two_sites({"overflow": rules})


def test_rule_moves_only_its_queues():
    centre = two_sites(
        {"overflow.0.queues": ["calls"], "queues.chat.opens": "08:00", "queues.chat.closes": "22:00"},
        queues=("calls", "chat"),
    )
    assert answering_site(centre, "calls", "south", timedelta(hours=23)) == "north"
    assert answering_site(centre, "chat", "south", timedelta(hours=23)) is None


def test_gap_is_named_with_its_hour():
    """A rule that ends at 07:00 leaves an hour until South opens."""
    with pytest.raises(
        PlanningError, match=r"queues.calls has no answering site at 07:00 for callers of south"
    ):
        two_sites({"overflow.0.until": "07:00"})
    with pytest.raises(
        PlanningError, match=r"queues.calls has no answering site at 22:00 for callers of south"
    ):
        two_sites({"overflow.0.at": "23:30"})


def test_queue_that_is_closed_in_the_gap_may_stay_unanswered():
    centre = two_sites({"overflow": [], "queues.calls.opens": "09:00", "queues.calls.closes": "21:00"})
    assert hours_of(centre) == "-" * 8 + "s" * 14 + "-" * 2


def test_loop_is_refused_with_its_hour():
    """Tula closes an hour before the rule that leads out of the circle begins."""
    out = rule("tula", "north", at="00:00", until="07:00")
    loop = r"overflow.2 sends calls back to south at 23:00, a loop \(south -> tula -> south\)"
    with pytest.raises(PlanningError, match=loop):
        three_sites(out, rule("south", "tula"), rule("tula", "south", at="23:00", until="24:00"))


def test_open_sites_that_send_to_each_other_are_a_loop_too():
    rules = [rule("south", "north"), rule("north", "south", at="22:00", until="24:00")]
    with pytest.raises(PlanningError, match=r"overflow.1 sends calls back to south at 22:00, a loop"):
        two_sites({"overflow": rules})


def test_answering_sites_follow_the_centres_clock():
    """19:00 in UTC is 22:00 in South."""
    times = pd.DatetimeIndex(["2026-11-23 18:45", "2026-11-23 19:00"], tz="UTC")
    table = answering_sites(two_sites(), "calls", times)
    assert table["south"].tolist() == ["south", "north"]
    assert table["north"].tolist() == ["north", "north"]
    assert table.index.equals(times)


def test_answering_sites_are_none_while_the_queue_is_closed():
    centre = two_sites({"queues.calls.opens": "09:00", "queues.calls.closes": "21:00"})
    table = answering_sites(centre, "calls", axis(MONDAY, 1, 3600))
    assert table["south"].notna().tolist() == [9 <= hour < 21 for hour in range(24)]


def test_every_day_of_a_week_is_the_same():
    table = answering_sites(two_sites(), "calls", axis(MONDAY, 7, 900))
    assert (table["south"].eq("north")).sum() == 7 * 40
