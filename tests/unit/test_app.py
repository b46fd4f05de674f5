"""The page without a browser: what the controls stand for, what is shown, and what is checked."""

import base64
import io
import re
import time

import ipywidgets
import numpy as np
import openpyxl
import pandas as pd
import pytest
from factories import day_site, demand_of, one_site, three_sites, two_sites

from planning import PlanningError, axis, compare
from planning.app import Page, page
from planning.app.headline import day_of, headline, measures_of, signed
from planning.app.live import LiveFigure, redraw
from planning.app.server import HERE, command, environment
from planning.centre.money import money
from planning.examples import load
from planning.report import figure
from planning.whatif import LOOSE, Scenario
from planning.whatif.evaluation import Evaluation, evaluate


@pytest.fixture
def shown():
    return Page(two_sites(), demand_of(days=2), replications=2, apart=False)


def move(shown, **values):
    for name, value in values.items():
        shown.controls[name].value = value


def checked(shown):
    """Wait for the light, and stop the checks."""
    deadline = time.monotonic() + 60
    while "Being checked" in shown.light.value and time.monotonic() < deadline:
        time.sleep(0.05)
    return shown.light.value


def cards(shown):
    found = re.findall(
        r"data-measure='(\w+)'.*?class='value'>(.*?)<.*?class='difference (\w*)'>(.*?)<", shown.numbers.value
    )
    return {name: rest for name, *rest in found}


# --- the live figure --------------------------------------------------------------------------------------


def test_a_figures_state_is_what_it_shows():
    """Plotly's own keeps the first values, which a view that opens later is drawn from."""
    before, after = (
        figure(title=title).add_scatter(x=[1, 2], y=np.array(values), name="agents").add_hline(y=line)
        for title, values, line in (("one", [1.0, 2.0], 0.5), ("two", [3.0, 4.0], 0.7))
    )
    live = LiveFigure(before)
    redraw(live, after)
    state = live.get_state()
    assert np.frombuffer(state["_widget_data"][0]["y"]["buffer"]).tolist() == [3.0, 4.0]
    assert state["_widget_layout"]["title"]["text"] == "two"
    assert state["_widget_layout"]["shapes"][0]["y0"] == 0.7
    assert set(live.get_state("_view_count")) == {"_view_count"}


# --- controls ---------------------------------------------------------------------------------------------


def test_controls_as_today_are_no_change(shown):
    assert shown.changes() == {}
    assert list(shown.controls) == [
        "day", "queue", "closing_hour.south", "wages.north", "volume", "aht", "target", "sickness", "other",
    ]  # fmt: skip
    assert shown.controls["closing_hour.south"].value == "22:00"


def test_controls_stand_for_a_scenario(shown):
    given = {"closing_hour.south": "20:00", "other": " pay.taxi_cost = 700 "}
    move(shown, volume=1.1, target=0.9, sickness=0.1, **given)
    assert shown.changes() == {
        "closing_hour.south": "20:00",
        "volume": 1.1,
        "queues.calls.target.service_level": 0.9,
        "sickness": 0.1,
        "pay.taxi_cost": 700,
    }
    shown.reset.click()
    assert shown.changes() == {}


def test_the_wage_ratio_moves_the_other_sites_wages(shown):
    ratios = dict(shown.controls["wages.north"].options)
    move(shown, **{"wages.north": ratios["75%"]})
    assert shown.changes()["wages.north"] == pytest.approx(0.75)


def test_a_centre_without_a_night_has_no_closing_hour():
    controls = Page(one_site(), demand_of(), replications=2, apart=False).controls
    assert not [name for name in controls if name.startswith(("closing_hour", "wages"))]


def test_a_page_of_one_site_that_closes():
    """It died of KeyError: 'berlin'; its leader may ask to close an hour earlier."""
    shown = Page(day_site(), demand_of(hours=(8, 20)), replications=2, apart=False)
    closing = shown.controls["closing_hour.berlin"]
    assert closing.value == "20:00"
    assert [hour for hour, _ in closing.options][-3:] == ["19:00", "19:30", "20:00"]  # never later
    move(shown, **{"closing_hour.berlin": "19:00"})
    assert shown.message.value == ""
    assert cards(shown)["cost"][1] == "good"
    assert shown.figure.data[0].name == "Berlin"
    assert "night" not in cards(shown)


def test_three_sites_each_have_a_closing_hour_and_a_colour():
    shown = Page(three_sites(), demand_of(), replications=2, apart=False)
    assert {"closing_hour.tokyo", "closing_hour.berlin"} < set(shown.controls)
    areas = [trace for trace in shown.figure.data if trace.stackgroup]
    assert [area.name for area in areas] == ["Lima", "Berlin", "Tokyo"]
    assert len({area.line.color for area in areas}) == 3
    texts = [note.text for note in shown.figure.layout.annotations]
    assert texts == ["18:00 Tokyo closes", "22:00 Berlin closes"]


def test_a_centre_with_nothing_to_look_at_is_refused():
    with pytest.raises(PlanningError, match="no queue is pooled and has a service level"):
        Page(one_site({"queues.calls.pooled": False}), demand_of())


def test_the_target_is_that_of_the_queue_shown():
    targets = {f"queues.{name}.target.service_level": level for name, level in (("a", 0.95), ("b", 0.7))}
    demand = pd.concat([demand_of(queue=name) for name in "ab"], ignore_index=True)
    shown = Page(two_sites(targets, ("a", "b")), demand, replications=2, apart=False)
    move(shown, queue="b")
    assert (shown.controls["target"].value, shown.changes()) == (0.7, {})
    move(shown, target=0.95)
    assert shown.changes() == {"queues.b.target.service_level": 0.95}
    move(shown, queue="a")
    assert (shown.controls["target"].value, shown.changes()) == (0.95, {})


def test_a_site_that_a_change_closes_has_nobody(shown):
    move(shown, other="lost_site = south")
    assert shown.message.value == ""
    assert not any(np.any(trace.y) for trace in shown.figure.data if trace.name == "South")


@pytest.mark.parametrize("typed", ["unplanned = true", "probability = 0.9"])
def test_what_the_page_cannot_follow_is_refused(shown, typed):
    """Not answered as if it had not been typed."""
    move(shown, other=typed)
    assert "is not followed here" in shown.message.value


# --- what is shown ----------------------------------------------------------------------------------------


def test_numbers_and_figure_are_those_of_the_exact_model(shown):
    move(shown, volume=1.2)
    scenarios = [Scenario(two_sites({"queues.calls.volume": factor}), demand_of()) for factor in (1.2, 1.0)]
    day = day_of(scenarios[0], "calls")
    now, base = (headline(scenario, day_of(scenario, "calls")) for scenario in scenarios)
    measures = measures_of(two_sites())
    for name, (value, mood, difference) in cards(shown).items():
        assert value == measures[name].write(now[name])
        assert [difference, mood] == list(signed(measures[name], now[name], base[name]))
    assert list(shown.figure.data[0].y) == day.table["agents_north"].tolist()
    assert list(shown.figure.data[1].y) == day.table["agents_south"].tolist()


def test_work_between_calls_needs_no_heads_of_its_own():
    """The page's pay and peak are those of `compare`; work planned without its team's calls had heads."""
    centre = load("small").centre
    times = axis(pd.Timestamp("2026-11-30", tz=centre.time_zone), 1, centre.interval_s)[32:80]
    rows = {"calls": (24.0, 240.0), "email": (2.0, 420.0)}
    demand = pd.concat(
        pd.DataFrame({"queue": queue, "interval_start": times, "calls": calls, "aht_s": aht_s})
        for queue, (calls, aht_s) in rows.items()
    )
    scenario = Scenario(centre, demand.reset_index(drop=True))
    found = headline(scenario, day_of(scenario, "calls"))
    row = compare({}, centre, scenario.demand, staff="positions", replications=2).loc["base"]
    assert (found["cost"], found["peak"]) == pytest.approx((row["pay_cost"], row["peak_agents"]))


def test_a_queue_of_one_site_is_drawn_too():
    """The other site's area is empty; seen in the default centre's claims."""
    centre = two_sites({"queues.claims.sites": {"north": 1.0}}, ("calls", "claims"))
    demand = pd.concat([demand_of(), demand_of(queue="claims")], ignore_index=True)
    shown = Page(centre, demand, replications=2, apart=False)
    move(shown, queue="claims")
    assert shown.message.value == ""
    drawn = {trace.name: sum(trace.y) for trace in shown.figure.data}
    assert drawn["South"] == 0 < drawn["North"]
    assert "Claims" in shown.figure.layout.title.text


def test_the_targets_line_moves(shown):
    move(shown, target=0.9)
    assert shown.figure.layout.shapes[0].y0 == 0.9


def test_the_other_day_is_shown():
    two = demand_of(days=2)
    two.loc[96:, "calls"] *= 2
    shown = Page(two_sites(), two, replications=2, apart=False)
    first = cards(shown)["cost"]
    shown.controls["day"].value = shown.controls["day"].options[1]
    assert cards(shown)["cost"][0] > first[0]
    assert cards(shown)["cost"][2] == "as today"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("volume", "is no change: write a setting, = and its value"),
        ("volume =", "is no change"),
        ("volum = 2", "volum is no setting of the centre"),
        ("volume = -2", "volume is -2"),
        ("queues.calls.target = <b>", "queues.calls.target"),
    ],
)
def test_what_cannot_be_is_a_message(shown, text, message):
    """The page goes on, and markup that somebody types stays text."""
    move(shown, other=text)
    assert message in shown.message.value
    assert "role='alert'" in shown.message.value
    assert "<b>" not in shown.message.value
    assert "No answer" in shown.light.value
    move(shown, other="volume = 2")
    assert shown.message.value == ""


def test_a_fault_of_our_own_is_a_message_too(shown, monkeypatch):
    monkeypatch.setattr("planning.app.panel.day_of", lambda *_: 1 / 0)
    move(shown, volume=1.1)
    assert "This cannot be computed: ZeroDivisionError" in shown.message.value


# --- whether it holds -------------------------------------------------------------------------------------


def test_the_light_is_that_of_the_simulation(shown):
    move(shown, volume=1.2)
    light = checked(shown)
    outcome, staff = evaluate(
        Scenario(two_sites({"queues.calls.volume": 1.2}), demand_of()), Evaluation("shifts", 2, 1, LOOSE)
    )
    moods = {"holds": "good", "too close to call": "near", "does not hold": "bad"}
    assert f"whatif-light {moods[outcome.verdict]}'" in light
    assert f"{money(two_sites(), outcome.figures['cost'])} a day" in light
    data = base64.b64decode(shown.download.value.partition("base64,")[2].partition("'")[0])
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert book["roster"].max_row == 2 + len(staff.roster.roster)
    assert book["scenarios"]["A3"].value == "what if"


def test_only_the_last_move_is_checked(shown, monkeypatch):
    """Every stop of a slider that is dragged asks for a check."""
    asked = []
    monkeypatch.setattr(
        "planning.app.panel.evaluate_cached", lambda scenario, *_: asked.append(scenario) or 1 / 0
    )
    for factor in (1.05, 1.1, 1.15, 1.2):
        move(shown, volume=factor)
    assert "division by zero" in checked(shown)
    assert len(asked) == 1


# --- how it is served -------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_read_is_a_message(tmp_path):
    shown = page(centre=tmp_path / "none.toml")
    assert isinstance(shown, ipywidgets.HTML)
    assert "does not exist" in shown.value


def test_files_are_named_by_the_server(tmp_path, monkeypatch):
    for name, value in environment(tmp_path / "none.toml", tmp_path, tmp_path).items():
        monkeypatch.setenv(name, value)
    assert str(tmp_path / "none.toml") in page().value


def test_stored_notebooks_hold_no_view_of_it(shown, monkeypatch):
    """Its ids are random."""
    monkeypatch.setenv("PLANNING_WIDGETS", "0")
    bundle = shown._repr_mimebundle_()
    assert list(bundle) == ["text/plain"]
    assert "South closes" in bundle["text/plain"]
    monkeypatch.delenv("PLANNING_WIDGETS")
    assert "application/vnd.jupyter.widget-view+json" in shown._repr_mimebundle_()


def test_the_server_listens_on_this_machine_only():
    line = command(8866)
    assert "--Voila.ip=127.0.0.1" in line
    assert "--no-browser" in line
    assert "--no-browser" not in command(8866, browser=True)
    assert (HERE / "what_if.ipynb").exists()


def test_the_template_asks_nothing_of_the_outside():
    """It renders Voila's own, whose links to a CDN it takes out; the browser's test counts requests."""
    text = (HERE / "jupyter" / "voila" / "templates" / "whatif" / "index.html.j2").read_text(encoding="utf-8")
    assert "replace(icons" in text
