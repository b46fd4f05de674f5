"""The centre's file: what it refuses and in which words, and what a what-if may change."""

import math
import re
from datetime import date
from pathlib import Path

import pandas as pd
import pydantic
import pytest
from factories import one_site, raw_centre, toml, two_sites

from planning import Centre, PlanningError, Target
from planning.centre import Labour, Norm, clock_text
from planning.centre.country import countries, country_settings
from planning.centre.money import currency_sign, money, money_format
from planning.pay import hour_cost
from planning.shifts.catalogue import shapes
from planning.shifts.notation import parse_shift

FILE = Path(__file__).parents[2] / "data" / "centre.toml"


def refusal(changes):
    """The one line that refuses a changed centre of two sites."""
    with pytest.raises(PlanningError) as caught:
        two_sites(changes)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 300
    return text


# --- what cannot be: field, value, bound, remedy in one line --------------------------------------


@pytest.mark.parametrize("value", [-240, 0, math.nan, math.inf, "240", True])
def test_aht_that_is_no_positive_number(value):
    text = refusal({"queues.calls.aht_s": value})
    assert text.startswith(f"queues.calls.aht_s is {value!r}, must be ")
    assert "Mean handle time" in text


def test_negative_aht_names_its_bound():
    assert "must be greater than 0" in refusal({"queues.calls.aht_s": -240})


@pytest.mark.parametrize("value", [80, 1.01, -0.1, math.nan])
def test_service_level_outside_its_bounds(value):
    text = refusal({"queues.calls.target": {"service_level": value}})
    assert text == (
        f"queues.calls.target: service_level is {float(value)}, must lie in [0, 1]: write 0.80 for 80 %"
    )


@pytest.mark.parametrize("value", ["80", True])
def test_service_level_that_is_no_number(value):
    text = refusal({"queues.calls.target": {"service_level": value}})
    assert text.startswith(f"queues.calls.target: service_level is {value!r}")


def test_target_that_asks_for_nothing_or_for_what_there_is_not():
    assert "asks for nothing: give service_level" in refusal({"queues.calls.target": {}})
    assert "asks for nothing" in refusal({"queues.calls.target": {"threshold_s": 20.0}})
    unknown = refusal({"queues.calls.target": {"asa": 20.0}})
    assert unknown.startswith("queues.calls.target: asa is no part of a target: use service_level, ")


@pytest.mark.parametrize("value", ["25:00", "24:15"])
def test_time_after_the_end_of_the_day(value):
    text = refusal({"sites.south.closes": value})
    assert text.startswith(f'sites.south.closes is {value!r}, must be less than or equal to "24:00"')


@pytest.mark.parametrize("value", ["22", "22:60", "22:0", "ten", "-1:00", ":", "", 22, 22.5, None])
def test_what_is_no_time_of_day(value):
    assert refusal({"sites.south.closes": value}).startswith(f"sites.south.closes is {value!r}, must be ")


@pytest.mark.parametrize("value", [math.nan, 0.0, -1.0, "300"])
def test_patience_that_cannot_be(value):
    text = refusal({"queues.calls.patience_s": value})
    assert text.startswith(f"queues.calls.patience_s is {value!r}, must be ")


def test_shares_that_do_not_add_up():
    text = refusal({"queues.calls.sites": {"south": 0.5, "north": 0.4}})
    assert text == "queues.calls: sites add up to 0.9, must add up to 1: change the shares"


def test_share_above_one():
    text = refusal({"queues.calls.sites": {"south": 1.5, "north": -0.5}})
    assert text.startswith("queues.calls.sites.south is 1.5, must be less than or equal to 1")


@pytest.mark.parametrize("value", [0, -900, 3601, "900", 900.5])
def test_interval_that_cannot_be(value):
    """Zero is named too, though it stands in the bound's text as well."""
    assert refusal({"interval_s": value}).startswith(f"interval_s is {value!r}, must be ")


@pytest.mark.parametrize(
    ("path", "value", "start"),
    [
        (
            "queues.calls.sites",
            {"tula": 1.0},
            "queues.calls.sites names 'tula', must be one of north, south",
        ),
        (
            "teams.calls_south.site",
            "tula",
            "teams.calls_south.site names 'tula', must be one of north, south",
        ),
        (
            "teams.calls_south.queues",
            ["call"],
            "teams.calls_south.queues names 'call': did you mean 'calls'?",
        ),
        ("overflow.0.from_site", "tula", "overflow.0.from_site names 'tula', must be one of north, south"),
        ("overflow.0.to_site", "tula", "overflow.0.to_site names 'tula', must be one of north, south"),
        ("overflow.0.queues", ["call"], "overflow.0.queues names 'call': did you mean 'calls'?"),
        ("time_zone", "Europe/North", "time_zone is 'Europe/North', must be an IANA time zone"),
        ("schema_version", 2, "schema_version is 2, must be 1"),
        ("teams.calls_south.shrinkage", 1.0, "teams.calls_south.shrinkage is 1.0, must be less than 1"),
        (
            "teams.calls_south.wage_month",
            0,
            "teams.calls_south.wage_month is 0, must be greater than 0",
        ),
        ("labour.days_week.value", 0, "labour.days_week: value is 0, must be a whole number from 1 to 7"),
        (
            "labour.free_weekends.value",
            0.5,
            "labour.free_weekends: value is 0.5, must be a whole number from 0 to 4",
        ),
        (
            "labour.night_consent.value",
            2,
            "labour.night_consent: value is 2, must be a whole number from 0 to 1",
        ),
        (
            "labour.weekly_rest_h.value",
            168,
            "labour.weekly_rest_h: value is 168, must be a number from 0 to 167",
        ),
        ("labour.week_h.value", 400, "labour.week_h: value is 400, must be a number from 1 to 168"),
        ("pay.contributions", math.inf, "pay.contributions is inf, must be a finite number"),
        (
            "labour.night_premium.value",
            math.nan,
            "labour.night_premium.value is nan, must be a finite number",
        ),
        ("labour.night_premium", {"article": "none"}, "labour.night_premium.value is missing: add it"),
        (
            "shifts.meal_min",
            {"night": 30},
            "shifts: meal_min names ['day', 'night'], lengths_h names ['day']",
        ),
        ("country", "Germany", "country is 'Germany', must be an ISO 3166 code ('DE', or with a region"),
        ("country", "DE-XX", "country is 'DE-XX', must be an ISO 3166 code"),
        ("currency", "euro", 'currency is \'euro\', must be an ISO 4217 code or "none": write it as "EUR"'),
    ],
)
def test_names_and_values_that_cannot_be(path, value, start):
    assert refusal({path: value}).startswith(start)


@pytest.mark.parametrize(
    ("table", "key", "meant"),
    [
        ("queues.calls", "aht", "aht_s"),
        ("sites.south", "close", "closes"),
        ("teams.calls_south", "shrink", "shrinkage"),
        ("overflow.0", "form_site", "from_site"),
        ("pay", "contribution", "contributions"),
        ("labour", "week", "week_h"),
    ],
)
def test_unknown_key_asks_for_the_near_one(table, key, meant):
    raw = raw_centre({"south": ("08:00", "22:00"), "north": ("00:00", "24:00")})
    node = raw
    for part in table.split("."):
        node = node[int(part)] if part.isdecimal() else node[part]
    node[key] = 1.0
    try:
        with pytest.raises(PlanningError) as caught:
            Centre.of(raw)
    finally:
        del node[key]  # the labour table is shared by all tests
    assert str(caught.value) == f"{table}.{key} is no known setting: did you mean {meant!r}?"


def test_unknown_key_that_is_near_nothing():
    with pytest.raises(PlanningError, match=r"^zebra is no known setting: remove it$"):
        Centre.of(raw_centre() | {"zebra": 1})


def test_all_that_is_missing_is_named_at_once():
    with pytest.raises(PlanningError) as caught:
        Centre.of({"teams": {"calls": {}}})
    assert str(caught.value) == (
        "time_zone and sites and queues and teams.calls.site and teams.calls.wage_month and name and country "
        "are missing: add them to the file"
    )


def test_faults_beside_what_is_missing_are_counted():
    raw = {key: value for key, value in raw_centre().items() if key != "name"} | {"interval_s": 0}
    with pytest.raises(
        PlanningError, match=r"^interval_s is 0, .* \(and 1 more\)$|^name is missing: .* \(and 1"
    ):
        Centre.of(raw)


def test_every_name_that_is_not_there_is_told():
    text = refusal({"teams.calls_south.site": "sout", "overflow.0.to_site": "tula"})
    assert text == (
        "teams.calls_south.site names 'sout': did you mean 'south'?; "
        "overflow.0.to_site names 'tula', must be one of north, south"
    )


def test_queue_that_nobody_can_answer():
    """No team of the answering site is staffed for it."""
    raw = raw_centre(queues=("calls", "chat"))
    del raw["teams"]["chat_north"]
    with pytest.raises(PlanningError) as caught:
        Centre.of(raw)
    assert str(caught.value) == (
        "queues.chat is a queue that nobody can answer at 00:00 at north: "
        "add a team of site 'north' whose first queue is 'chat'"
    )


def test_night_without_an_overflow_rule():
    assert refusal({"overflow": []}) == (
        "queues.calls has no answering site at 00:00 for callers of south: add an overflow rule to a site "
        "that is open then, or change the opening hours"
    )


def test_rules_that_loop():
    """Both sites closed, each sending its callers to the other."""
    rules = [{"from_site": "south", "to_site": "north"}, {"from_site": "north", "to_site": "south"}]
    text = refusal({"sites.north.opens": "07:00", "sites.north.closes": "23:00", "overflow": rules})
    assert text == (
        "overflow.1 sends calls back to south at 00:00, a loop (south -> north -> south): "
        "let one of its rules end earlier"
    )


def test_rule_to_itself():
    text = refusal({"overflow": [{"from_site": "south", "to_site": "south"}]})
    assert text == "overflow.0 sends south to itself: name another to_site"


# --- the file -------------------------------------------------------------------------------------


def test_missing_file(tmp_path):
    path = tmp_path / "none.toml"
    with pytest.raises(PlanningError, match="does not exist: give the path of a TOML file") as caught:
        Centre.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["sites = {", "name = 'a'\nname = 'b'", b"name = '\xff\xfe'"])
def test_broken_toml(tmp_path, text):
    path = tmp_path / "broken.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(
        PlanningError, match=rf"^centre file {re.escape(str(path))} is not valid TOML: [^\n]+$"
    ):
        Centre.load(path)


def test_folder_for_a_file(tmp_path):
    with pytest.raises(PlanningError, match="cannot be read"):
        Centre.load(tmp_path)


def test_file_and_mapping_give_the_same_centre(tmp_path):
    path = tmp_path / "centre.toml"
    path.write_text(toml(raw_centre()), encoding="utf-8")
    assert Centre.load(path) == one_site()


def test_default_centre_holds_what_the_customer_gave():
    """Moscow until 22:00, Kaluga after, six queues of calls and work, and the claims to look into."""
    centre = Centre.load(FILE)
    assert clock_text(centre.sites["moscow"].closes) == "22:00"
    assert (centre.overflow[0].from_site, centre.overflow[0].to_site) == ("moscow", "kaluga")
    calls = ["first_line", "second_line", "home_internet", "claims", "vip"]
    assert [name for name, queue in centre.queues.items() if not queue.waits] == calls
    assert [name for name, queue in centre.queues.items() if queue.waits] == ["claim_reviews", "quality"]
    assert [name for name, team in centre.teams.items() if not team.queues] == [
        "doctor_moscow",
        "doctor_kaluga",
    ]


def test_target_asks_only_for_what_is_written():
    centre = one_site({"queues.calls.target": {"max_occupancy": 0.9}})
    assert centre.queues["calls"].target == Target(service_level=None, max_occupancy=0.9)


# --- what a file may leave out --------------------------------------------------------------------

SMALL = {
    "name": "Hotline",
    "time_zone": "Europe/Berlin",
    "country": "DE",
    "sites": {"berlin": {"opens": "08:00", "closes": "20:00"}},
    "queues": {"calls": {}},
    "teams": {"service": {"wage_month": 2900}},
}


def test_a_dozen_lines_are_a_centre():
    centre = Centre.of(SMALL)
    assert (centre.currency, centre.interval_s) == ("EUR", 900)
    assert centre.queues["calls"].sites == {"berlin": 1.0}
    assert centre.queues["calls"].target == Target(0.8, 20.0)
    assert clock_text(centre.queues["calls"].closes) == "20:00"
    assert (centre.teams["service"].site, centre.teams["service"].queues) == ("berlin", ["calls"])
    assert centre.pay.unmet_cost_h == pytest.approx(50 * hour_cost(centre, "service"))
    assert Centre.of(centre.model_dump(mode="json")) == centre


def test_a_queue_comes_from_the_sites_that_have_a_team_for_it():
    raw = raw_centre({"north": ("00:00", "24:00"), "south": ("00:00", "24:00")}, ("calls", "chat"))
    for queue in raw["queues"].values():
        del queue["sites"]
    del raw["teams"]["chat_north"], raw["overflow"]
    queues = Centre.of(raw).queues
    assert queues["calls"].sites == {"north": 0.5, "south": 0.5}
    assert queues["chat"].sites == {"south": 1.0}


def test_work_that_waits_has_a_target_of_its_own():
    raw = SMALL | {"queues": SMALL["queues"] | {"mail": {"due_days": 1, "aht_s": 300}}}
    raw["teams"] = {"service": {"wage_month": 2900, "queues": ["calls", "mail"]}}
    assert Centre.of(raw).queues["mail"].target == Target(service_level=None, max_occupancy=0.9)


def test_a_team_that_does_nothing_is_named_with_what_it_could_do():
    raw = SMALL | {"queues": {"calls": {}, "chat": {}}}
    with pytest.raises(
        PlanningError, match=r"teams.service: queues is empty; name those .* of calls, chat, or"
    ):
        Centre.of(raw)


# --- the country ----------------------------------------------------------------------------------


@pytest.mark.parametrize("country", countries())
def test_every_country_gives_every_rule(country):
    """A rule that a country leaves out is the house's, and none of theirs is unknown."""
    centre = Centre.of(SMALL | {"country": country, "currency": "EUR"})
    norms = [rule for _, rule in centre.labour if isinstance(rule, Norm)]
    assert len(norms) > 20
    assert all(norm.article for norm in norms)
    # half_months is no rule but a form, which only some countries prescribe.
    assert set(country_settings(country)["labour"]) | {"half_months"} == set(Labour.model_fields)
    assert [shape.length_s for shape in shapes(centre)] == [6.5 * 3600, 8.5 * 3600]


def test_a_country_brings_its_law_and_the_file_overrides_single_rules():
    german = Centre.of(SMALL).labour
    assert clock_text(german.night_from) == "23:00"
    assert (german.min_rest_h.value, german.min_rest_h.article) == (11, "ArbZG 5(1)")
    own = Centre.of(SMALL | {"labour": {"min_rest_h": 12, "max_shift_h": {"value": 8, "article": "ours"}}})
    assert own.labour.min_rest_h == Norm(value=12, article="house rule")
    assert own.labour.max_shift_h == Norm(value=8, article="ours")
    assert own.labour.weekly_rest_h == german.weekly_rest_h


@pytest.mark.parametrize(
    ("country", "night", "rest", "overtime"),
    [
        ("RU", "22:00", 12, 0.5),
        ("DE", "23:00", 11, 0.0),
        ("KZ", "22:00", 12, 0.5),
        ("FR", "21:00", 11, 0.25),
        ("PL", "22:00", 11, 0.5),
        ("none", "22:00", 11, 0.0),
    ],
)
def test_the_law_of_each_country(country, night, rest, overtime):
    labour = Centre.of(SMALL | {"country": country}).labour
    assert clock_text(labour.night_from) == night
    assert labour.min_rest_h.value == rest
    assert labour.overtime_premium.value == overtime


def test_a_country_without_a_file_has_house_rules_its_holidays_and_its_currency():
    centre = Centre.of(SMALL | {"country": "CZ"})
    assert centre.labour == Centre.of(SMALL | {"country": "none"}).labour
    assert centre.currency == "CZK"


def test_a_meal_left_out_is_the_shortest_that_the_law_allows():
    """In Germany 45 minutes where more than nine hours are worked."""
    centre = Centre.of(SMALL | {"shifts": {"lengths_h": {"day": 9.5, "long": 10.5}}})
    assert centre.shifts.meal_min == {"day": 30, "long": 45}


@pytest.mark.parametrize(
    ("hours", "lengths"),
    [
        ({"opens": "09:00", "closes": "17:00"}, {"short": 6.5, "day": 8.0}),
        ({"opens": "18:00", "closes": "22:00"}, {"short": 4.0, "day": 4.0}),
        ({}, {"short": 6.5, "day": 8.5}),
    ],
)
def test_usual_shifts_are_no_longer_than_the_site_is_open(hours, lengths):
    """Before, an office from nine to five had no shift that opens and closes it."""
    centre = Centre.of(SMALL | {"sites": {"office": hours}})
    assert centre.shifts.lengths_h == lengths


def test_a_long_shift_needs_the_long_meal():
    labour = Centre.of(SMALL).labour
    assert [labour.shortest_meal(hours).value for hours in (8.0, 9.0, 9.5)] == [30, 30, 45]
    short = Centre.of(SMALL | {"shifts": {"lengths_h": {"long": 10.0}, "meal_min": {"long": 30}}})
    with pytest.raises(PlanningError, match=r"meal_min.long is 30 min, must lie in \[45, 120\] \(ArbZG 4"):
        shapes(short)


def test_the_weekend_is_the_country_s_unless_the_site_says_otherwise():
    sites = {"cairo": {"country": "EG"}, "dubai": {"country": "AE", "weekend": ["sun", "fri"]}, "berlin": {}}
    teams = {name: {"wage_month": 2900, "site": name} for name in sites}
    centre = Centre.of(SMALL | {"sites": sites, "teams": teams})
    assert [centre.weekend(site) for site in (*sites, None)] == [(4, 5), (4, 6), (5, 6), (5, 6)]
    assert [centre.country_of(site) for site in (*sites, None)] == ["EG", "AE", "DE", "DE"]


def abroad(changes=None):
    """A German centre with a site in Kazakhstan."""
    sites = {"berlin": {}, "almaty": {"country": "KZ"}}
    teams = {name: {"wage_month": 2900, "site": name} for name in sites}
    return Centre.of(SMALL | {"sites": sites, "teams": teams}).replace(changes or {})


def test_each_site_is_under_the_law_of_its_country():
    centre = abroad()
    assert centre.at("berlin") is centre
    assert centre.at("almaty").labour == Centre.of(SMALL | {"country": "KZ"}).labour
    assert centre.at("almaty").pay.norm_h_month == 164.33
    assert centre.at("almaty").currency == "EUR"


def test_what_the_centre_sets_itself_holds_at_every_site():
    centre = abroad({"labour.min_rest_h": {"value": 13.0}, "pay.contributions": 0.3})
    assert [centre.at(site).labour.min_rest_h.value for site in centre.sites] == [13.0, 13.0]
    assert [centre.at(site).pay.contributions for site in centre.sites] == [0.3, 0.3]
    assert [clock_text(centre.at(site).labour.night_from) for site in centre.sites] == ["23:00", "22:00"]


def test_another_country_brings_its_law():
    """What the file set itself stays, and so does the currency: amounts are not converted."""
    centre = Centre.of(SMALL | {"labour": {"max_days_in_row": 5}}).replace({"country": "KZ"})
    assert clock_text(centre.labour.night_from) == "22:00"
    assert centre.labour.max_days_in_row.value == 5
    assert (centre.pay.norm_h_month, centre.currency) == (164.33, "EUR")
    with pytest.raises(PlanningError, match="country is 'XX'"):
        centre.replace({"country": "XX"})


def test_a_meal_that_the_law_gave_is_that_of_the_law_at_hand():
    """German law asks 45 minutes of a long shift, Kazakhstan's 30."""
    centre = abroad({"shifts.lengths_h": {"long": 10.5}, "shifts.meal_min": {"long": 45}})
    assert [centre.at(site).shifts.meal_min["long"] for site in centre.sites] == [45, 30]


def test_rests_are_paid_where_the_law_says_so():
    """Three quarters of an hour of rests are work, or they are not; a shift that is written out likewise."""
    paid, unpaid = (
        Centre.of(SMALL | {"labour": {"rests_paid": value}, "shifts": {"lengths_h": {"day": 8.5}}})
        for value in (1, 0)
    )
    (one,), (two,) = shapes(paid), shapes(unpaid)
    rests_s = sum(slot.length_s for slot in one.slots if slot.kind == "rest")
    assert rests_s > 0
    assert one.paid_s - two.paid_s == rests_s
    pattern = two.pattern(slot.first for slot in two.slots)
    assert pattern.paid_s == two.paid_s
    assert not any(pause.paid for pause in pattern.breaks)
    assert parse_shift("09:00-18:00 rest 10:45-11:00", rests_paid=False)[1].paid_s == 8.75 * 3600


def test_whether_a_day_off_for_a_holiday_is_one_is_the_country_s_law():
    """New Year of 2028 is a Saturday: the Monday after is a day off in Kazakhstan, a holiday in Britain."""
    days = [date(2028, 1, day) for day in (1, 3)]
    assert Centre.of(SMALL | {"country": "KZ"}).is_holiday(days).tolist() == [True, False]
    assert Centre.of(SMALL | {"country": "GB"}).is_holiday(days).tolist() == [True, True]


def test_norms_follow_the_site_s_weekend_and_law():
    """A week of Saturday to Friday: five days of eight hours, or six where one day is off."""
    week = pd.date_range("2026-11-21", periods=7)
    centre = abroad({"sites.almaty.weekend": ["fri"], "labour.week_h": {"value": 36.0}})
    assert centre.day_norms(week, "almaty").tolist() == [6.0] * 6 + [0.0]
    assert centre.day_norms(week, "berlin").tolist() == [0.0, 0.0] + [7.2] * 5


# --- money ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("country", "currency", "text", "sign", "excel"),
    [
        ("DE", "EUR", "-1.234.568 €", "€", '#,##0 "€"'),
        ("RU", "RUB", "-1 234 568 ₽", "₽", '#,##0 "₽"'),
        ("US", "USD", "-$1,234,568", "$", '"$"#,##0'),
        ("KZ", "KZT", "-1 234 568 ₸", "₸", '#,##0 "₸"'),
        ("EG", "USD", "-$1,234,568", "$", '"$"#,##0'),
        ("none", "none", "-1,234,568", "", "#,##0"),
    ],
)
def test_money_is_written_as_in_its_country(country, currency, text, sign, excel):
    """Babel's signs and separators; scripts from right to left give way to English."""
    centre = Centre.of(SMALL | {"country": country, "currency": currency})
    assert re.sub(r"\s", " ", money(centre, -1234567.8)) == text
    assert currency_sign(centre) == sign
    assert money_format(centre) == excel


def test_money_with_decimals_and_no_negative_zero():
    centre = Centre.of(SMALL)
    assert money(centre, 12.3, digits=2) == "12,30\xa0€"
    assert money(centre, -0.2) == "0\xa0€"
    assert money_format(centre, digits=2) == '#,##0.00 "€"'


# --- what-if --------------------------------------------------------------------------------------


def test_replace_changes_one_setting_and_leaves_the_original():
    before = two_sites()
    after = before.replace({"sites.south.closes": "23:00", "queues.calls.aht_s": 200})
    assert clock_text(after.sites["south"].closes) == "23:00"
    assert after.queues["calls"].aht_s == 200
    assert before == two_sites()
    assert after.replace({"sites.south.closes": "22:00", "queues.calls.aht_s": None}) == before


def test_replace_reaches_into_lists_and_targets():
    raw = raw_centre({"south": ("08:00", "22:00"), "tula": ("00:00", "24:00"), "north": ("00:00", "24:00")})
    after = Centre.of(raw).replace({"overflow.0.to_site": "tula", "queues.calls.target.service_level": 0.9})
    assert after.overflow[0].to_site == "tula"
    assert after.queues["calls"].target == Target(0.9, 20.0)


@pytest.mark.parametrize("load", [lambda: Centre.load(FILE), two_sites])
def test_replace_of_nothing_round_trips_the_whole_centre(load):
    assert load().replace({}) == load()


def test_dumped_as_json_and_read_again_it_is_the_same():
    """Times of day are written as a planner writes them."""
    centre = two_sites()
    dumped = centre.model_dump(mode="json")
    assert dumped["sites"]["south"].items() >= {"opens": "08:00", "closes": "22:00"}.items()
    assert Centre.of(dumped) == centre


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("sites.moskow.closes", "sites has no 'moskow': use south"),
        ("sites.south.close", "sites.south has no 'close': use closes"),
        ("queue.calls.aht_s", "the top level has no 'queue': use queues"),
        ("overflow.1.to_site", "overflow has no '1'"),
        ("overflow.first.to_site", "overflow has no 'first'"),
        ("name.first", "name has no 'first': it has no parts"),
        ("", "the top level has no ''"),
    ],
)
def test_replace_refuses_a_path_that_does_not_exist(path, hint):
    with pytest.raises(PlanningError) as caught:
        two_sites().replace({path: 1})
    assert str(caught.value).startswith(f"{path} is no setting of the centre, {hint}")


def test_replace_checks_the_changed_centre_as_a_whole():
    """Closing North at night leaves South's callers alone."""
    with pytest.raises(
        PlanningError,
        match=r"overflow.0 sends calls to north at 00:00, which is open from 08:00 to 23:00 only",
    ):
        two_sites().replace({"sites.north.closes": "23:00", "sites.north.opens": "08:00"})


def test_centre_is_frozen():
    centre = one_site()
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        centre.name = "other"
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        centre.sites["north"].closes = centre.sites["north"].opens


# --- small questions ------------------------------------------------------------------------------


def test_team_for_is_the_team_whose_first_queue_it_is():
    raw = raw_centre(queues=("calls", "chat"))
    raw["teams"]["calls_north"]["queues"] = ["calls", "chat"]
    centre = Centre.of(raw)
    assert centre.team_for("chat", "north") == "chat_north"
    assert centre.team_for("calls", "north") == "calls_north"
    assert two_sites({"queues.calls.sites": {"south": 1.0, "north": 0.0}}).team_for("chat", "south") is None


def test_site_is_open_from_its_opening_to_before_its_closing():
    site = two_sites().sites["south"]
    assert [site.is_open(edge) for edge in (site.opens, site.closes)] == [True, False]
