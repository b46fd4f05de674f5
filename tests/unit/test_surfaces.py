"""Every surface on every example that ships: one day of each is planned once, and looked at from all sides.

The calls and the people are a part of the example's, and shifts start every two hours, so that the plans are
small.
"""

import json
import re
from types import SimpleNamespace

import icalendar
import openpyxl
import pandas as pd
import pytest
from file_audit import FileAudit
from typer.testing import CliRunner

from planning.app import Page
from planning.calendars import axis
from planning.centre import Centre
from planning.centre.money import currency_sign, money, money_format
from planning.cli import app
from planning.demand import demand_for, read_demand
from planning.examples import EXAMPLES
from planning.report import figures
from planning.report.roster_book import time_sheet, write_calendars
from planning.report.style import site_label
from planning.roster.audit import audit, read_roster
from planning.roster.inputs import Horizon
from planning.roster.people import read_people
from planning.whatif import BASE

PART = {"small": 1.0, "global": 0.3, "operator": 0.08}
"""Part of an example's calls that is planned."""
STARTS = "start_every_min = 120"
SITES = {"small": ["Office"], "global": ["Dallas", "Phoenix", "Cairo"], "operator": ["Moscow", "Kaluga"]}
SIGNS = {"small": "€", "global": "$", "operator": "₽"}
CLOSINGS = {
    "small": ["20:00 Office closes"],
    "global": ["21:00 Dallas closes", "22:00 Phoenix closes"],
    "operator": ["22:00 Moscow closes"],
}


def run(*line):
    found = CliRunner().invoke(app, [str(part) for part in line])
    assert found.exit_code == 0, found.output
    return found.output


@pytest.fixture(scope="module", params=EXAMPLES)
def made(request, tmp_path_factory):
    """An example's folder, written, checked, planned and reported by the command."""
    name, folder = request.param, tmp_path_factory.mktemp(request.param) / "centre"
    run("init", folder, "--example", name)
    file = folder / "centre.toml"
    text = re.sub(r"^start_every_min = \d+$", STARTS, file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    file.write_text(text if STARTS in text else f"{text}\n[shifts]\n{STARTS}\n", encoding="utf-8")
    centre = Centre.load(folder / "centre.toml")
    demand = read_demand(folder / "demand.parquet", centre.time_zone)
    demand["calls"] = (PART[name] * demand["calls"]).round()
    demand.to_parquet(folder / "demand.parquet", index=False)
    if (people := folder / "people.csv").exists():
        pd.read_csv(people, dtype="str").groupby("team").head(20).to_csv(people, index=False)
    files = [folder / "centre.toml", "--start", "2026-11-30", "--days", 1, "--replications", 2]
    told = run("report", *files, "--no-pdf", "--out", folder / "reports")
    plan = folder / "reports" / "plan"
    summary = json.loads((plan / "summary.json").read_text(encoding="utf-8"))
    return SimpleNamespace(
        name=name,
        folder=folder,
        people=people if (people := folder / "people.csv").exists() else None,
        centre=centre,
        plan=plan,
        told=told,
        summary=summary,
        demand=demand,
    )


def foreign(made, text):
    """Signs and sites in a text that belong to another example."""
    others = [name for name in EXAMPLES if name != made.name]
    # Times name their zone, which may be the city of somebody's site.
    plain = re.sub(r"(Europe|Africa|America)/\w+", "", text)
    words = [
        *(["rub"] if made.centre.currency != "RUB" else []),
        *(SIGNS[other] for other in others),
        *(site for other in others for site in SITES[other]),
    ]
    return [word for word in words if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", plain, re.IGNORECASE)]


def cells(book):
    return [cell for sheet in book for row in sheet for cell in row if cell.value is not None]


def test_the_command_says_what_is_planned(made):
    told = run("check", made.folder / "centre.toml")
    assert foreign(made, told + made.told) == []
    total = made.summary["cost"]["total"]
    assert f"Cost:           {money(made.centre, total)}, of which" in made.told
    assert SIGNS[made.name] in made.told
    assert made.summary["breaches"] == 0


def test_the_workbook_is_the_centres(made):
    book = openpyxl.load_workbook(made.plan / "plan.xlsx")
    tables = ["summary", "demand", "requirement", "shifts", "roster", "staff", "breaks", "cost"]
    assert book.sheetnames[:8] == tables
    assert set(book.sheetnames[8:]) <= set(made.centre.teams)
    assert foreign(made, "\n".join(str(cell.value) for cell in cells(book))) == []
    figures_of = {row[0].value: row[1].number_format for row in book["summary"].iter_rows()}
    systems = [name for name in figures_of if name.startswith("systems") and name.endswith(" cost")]
    assert {figures_of[name] for name in ("cost total", *systems)} == {money_format(made.centre)}
    shares = {figures_of[name] for name in figures_of if name.endswith(("simulated", "service level"))}
    assert shares == {"0.0%"}
    formats = {cell.number_format for cell in cells(book) if "#,##0" in cell.number_format}
    assert len(formats) == 1
    assert currency_sign(made.centre) in formats.pop()


def test_a_teams_sheet_is_on_the_clock_of_its_site(made):
    """An agent in Cairo read when the shift begins in Chicago."""
    book = openpyxl.load_workbook(made.plan / "plan.xlsx")
    roster = read_roster(made.plan / "roster.csv", made.centre)
    first = roster.iloc[-1]
    edges = [first[edge].tz_convert(made.centre.zones[first["site"]]) for edge in ("start", "end")]
    rows = {row[0]: row[1:] for row in book[str(first["team"])].iter_rows(values_only=True)}
    assert "{:%H:%M}-{:%H:%M}".format(*edges) in rows[first["agent_id"]]
    assert edges[0].tz_localize(None).normalize() in rows["agent_id"]


def test_calendars_hold_every_shift_at_its_instant(made, tmp_path):
    roster = read_roster(made.plan / "roster.csv", made.centre)
    paths = write_calendars(tmp_path, roster, made.centre, made=roster["start"].iloc[0])
    events = [
        event for path in paths for event in icalendar.Calendar.from_ical(path.read_bytes()).walk("VEVENT")
    ]
    assert {pd.Timestamp(event.start) for event in events} == {*roster["start"]}
    assert len(events) == len(roster)
    assert foreign(made, "\n".join(str(event["summary"]) for event in events)) == []


def test_the_written_roster_is_lawful(made):
    """Judged from the files alone; the time sheet of it has no letter outside the legend."""
    roster = read_roster(made.plan / "roster.csv", made.centre)
    people, _ = read_people(made.people or made.plan / "staff.csv", made.centre)
    horizon = Horizon(pd.Timestamp("2026-11-30"), pd.Timestamp("2026-11-30"))
    assert audit(made.centre, roster, people, horizon=horizon).empty
    sheet = time_sheet(roster, people, made.centre, horizon)
    assert sheet["hours"].sum() == pytest.approx(made.summary["paid_hours"], abs=0.1)


def test_a_second_opinion_from_the_files_finds_no_fault(made):
    """Shifts, rests, consent and leave; what people owe and work; and the heads in the summary."""
    second = FileAudit(made.plan, made.centre, made.people)
    assert list(second.faults()) == []
    owed_h, worked_h = second.owed_h(), second.worked_h()
    assert {row["agent_id"] for row in second.staff} == set(second.people)
    for row in second.staff:
        assert float(row["owed_h"]) == pytest.approx(owed_h[row["agent_id"]], abs=1e-4)
        assert float(row["paid_h"]) == pytest.approx(worked_h[row["agent_id"]], abs=1e-4)
    assert second.summary["people"] == second.heads()


def test_the_command_audits_a_folder_and_a_file(made, tmp_path):
    """A shift that somebody works twice is a breach in a file typed by hand."""
    centre = ["--centre", made.folder / "centre.toml"]
    assert f"{made.plan}: 0 breaches" in run("roster", "audit", made.plan, *centre)
    head, first, *_ = (made.plan / "roster.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "roster.csv").write_text("\n".join([head, first, first]), encoding="utf-8")
    staff = ["--people", made.plan / "staff.csv"]
    found = CliRunner().invoke(
        app, [str(part) for part in ("roster", "audit", tmp_path / "roster.csv", *centre, *staff)]
    )
    assert found.exit_code == 1
    agent = first.split(",")[0]
    assert re.search(rf"2026-11-30 {agent}: .+ \(one shift a day", found.output)


def test_a_second_opinion_from_the_files_pays_the_same(made):
    """To the hundredth of the currency; careers alone are taken from the file."""
    second = FileAudit(made.plan, made.centre, made.people)
    costs = second.costs()
    assert set(second.cost) == set(costs)
    assert second.desks_short() == 0
    for team, row in second.cost.items():
        for part in ("base", "night", "holiday", "weekend", "idle", "rides"):
            assert float(row[f"{part}_cost"]) == pytest.approx(costs[team][part], abs=0.005), (team, part)
        twice = sum(float(value) for name, value in row.items() if name.endswith("_cost"))
        assert 2 * float(row["total_cost"]) == pytest.approx(twice, abs=0.01)
    summary = second.summary["cost"]
    for part, total in summary.items():
        written = sum(float(row[f"{part}_cost"]) for row in second.cost.values())
        assert total == pytest.approx(written, abs=0.01), part
    systems = sum(system["cost"] for system in second.summary["systems"].values())
    assert systems == pytest.approx(summary["total"], abs=0.1)
    idle_h = {team: hours["idle"] for team, hours in second.summary["hours"].items() if hours["idle"] > 0}
    by_day = {team: sum(days.values()) for team, days in second.summary["idle_hours"].items()}
    assert by_day == pytest.approx(idle_h, abs=0.02)
    assert f"{sum(idle_h.values()):,.0f} of the " in made.told


def test_the_page_is_the_centres(made):
    page = (made.folder / "reports" / "plan.html").read_text(encoding="utf-8")
    text = page[page.index("<main>") :]
    assert foreign(made, text) == []
    assert money(made.centre, made.summary["cost"]["total"]) in text
    assert all(site in text for site in SITES[made.name])
    if len(made.centre.sites) > 1:  # the picture of one site ends when it closes
        assert all(closing in text for closing in CLOSINGS[made.name])
    assert "Monday 30 November 2026" in text
    assert "<details" not in text
    assert "1 values" not in text
    levels = [f"{level['simulated']:.1%}" for level in made.summary["service_level"].values()]
    assert all(level in text and level in made.told for level in levels)
    assert all(f"<td>{system['paid_hours']:,.0f}</td>" in text for system in made.summary["systems"].values())


def test_scenarios_stand_beside_each_other(made, tmp_path):
    """The example's own, and each site that closes an hour or more earlier; alone, it loses calls."""
    sites = [site for site in made.centre.sites if site_label(site) in " ".join(CLOSINGS[made.name])]
    text = (made.folder / "scenarios.toml").read_text(encoding="utf-8")
    earlier = [f'[scenarios."{site} early"]\n"closing_hour.{site}" = "19:00"\n' for site in sites]
    (tmp_path / "scenarios.toml").write_text("\n".join([text, *earlier]), encoding="utf-8")
    files = ["--centre", made.folder / "centre.toml", "--start", "2026-11-30", "--cache", tmp_path / "kept"]
    out = tmp_path / "scenarios.xlsx"
    told = run("compare", tmp_path / "scenarios.toml", *files, "--staff", "positions", "--out", out)
    assert "0 failed" in told
    week = {"small": 6}.get(made.name, 7)  # closed on Sundays
    table = pd.read_excel(out, "scenarios", index_col=0)
    for name, cost in table["cost_difference"].drop(BASE).items():
        if abs(cost) >= 1:
            assert f"{money(made.centre, week * abs(cost))} a week" in told, name
    book = openpyxl.load_workbook(out)
    assert foreign(made, "\n".join(str(cell.value) for cell in cells(book))) == []
    heading, *rows = book["scenarios"].iter_rows()
    columns = [cell.value for cell in heading]
    lost = {row[0].value: row[columns.index("closed_calls")].value for row in rows}
    assert currency_sign(made.centre) in rows[0][columns.index("cost")].number_format
    for site in sites:
        assert (lost[f"{site} early"] > 0) == (len(made.centre.sites) == 1)


def test_the_what_if_page_is_the_centres(made, monkeypatch):
    monkeypatch.setattr(Page, "check", lambda _: None)  # shifts and their simulation are planned above
    day = demand_for(made.centre, made.demand, "2026-11-30", 1)
    page = Page(made.centre, day, replications=2, apart=False)
    labels = " ".join(control.description for control in page.controls.values())
    assert all(f"{text.split()[1]} closes" in labels for text in CLOSINGS[made.name])
    assert SIGNS[made.name] in page.numbers.value
    texts = [trace.name or "" for trace in page.figure.data]
    assert foreign(made, "\n".join([labels, page.numbers.value, *texts])) == []
    for name, control in page.controls.items():
        if name.startswith("closing_hour."):
            before = page.numbers.value
            control.value = "19:00"
            assert page.message.value == ""
            assert page.numbers.value != before
            control.value = control.today


def test_figures_name_the_sites_and_their_hours(made):
    times = axis(pd.Timestamp("2026-11-30", tz=made.centre.time_zone), 1, made.centre.interval_s)
    assert [*figures.closings(made.centre, times).values()] == CLOSINGS[made.name]
    assert [site_label(site) for site in made.centre.sites] == SITES[made.name]
