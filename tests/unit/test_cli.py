"""The command: a plan from files, or one line on the error stream, exit code 2 and nothing written."""

import json
import re
import shutil
import sys
from math import inf, nan

import pandas as pd
import pytest
from factories import demand_of, one_site, people_of, raw_centre, toml
from typer.testing import CliRunner

from planning import Centre, PlanningError
from planning.cli import app, main
from planning.cli.common import people_of as read_known
from planning.plan import write_folder
from planning.whatif import compare

SITES = {"south": ("08:00", "22:00"), "north": ("00:00", "24:00")}


@pytest.fixture
def given(tmp_path):
    """Files of a small centre, its one day of demand and its people."""
    raw = raw_centre() | {"shifts": raw_centre()["shifts"] | {"lengths_h": {"day": 8.5}}}
    raw["queues"]["calls"] |= {"opens": "09:00", "closes": "18:00"}
    (tmp_path / "centre.toml").write_text(toml(raw), encoding="utf-8")
    write_demand(tmp_path, demand_of(6, hours=(9, 18)))
    people = people_of(Centre.of(raw), 12)
    people.to_csv(tmp_path / "people.csv", index=False)
    return tmp_path


def write_demand(folder, demand):
    stamps = demand["interval_start"].map(lambda stamp: stamp.isoformat())
    demand.assign(interval_start=stamps).to_csv(folder / "demand.csv", index=False)


def run(folder, monkeypatch, capsys, *more):
    """Exit code, output and errors of ``planning plan`` on the files of a folder."""
    files = {"--demand": "demand.csv", "--people": "people.csv", "--out": "out"}
    options = [part for name, file in files.items() for part in (name, str(folder / file))]
    monkeypatch.setattr(
        sys,
        "argv",
        [
            "planning",
            "plan",
            str(folder / "centre.toml"),
            *options,
            "--start",
            "2026-11-23",
            "--days",
            "1",
            "--replications",
            "2",
            *more,
        ],
    )
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    return ended.value.code, captured.out, captured.err


def refused(folder, monkeypatch, capsys, *more):
    """The error line of a run that must fail cleanly."""
    code, out, err = run(folder, monkeypatch, capsys, *more)
    last = err.strip().splitlines()[-1]
    assert code == 2
    assert last.startswith("error: ")
    assert err.count("error: ") == 1
    assert "Traceback" not in out + err
    assert out == ""
    assert not (folder / "out").exists()
    return last


def test_plan_of_a_day_of_demand(given, monkeypatch, capsys):
    code, out, _ = run(given, monkeypatch, capsys)
    assert code == 0
    assert {file.name for file in (given / "out").iterdir()} == {
        "demand.csv",
        "requirement.csv",
        "shifts.csv",
        "roster.csv",
        "staff.csv",
        "breaks.csv",
        "cost.csv",
        "summary.json",
        "plan.xlsx",
    }
    summary = json.loads((given / "out" / "summary.json").read_text(encoding="utf-8"))
    assert (summary["breaches"], summary["unmet_intervals"], summary["replications"]) == (0, 0, 2)
    assert summary["first_interval"] == "2026-11-23T09:00:00+03:00"
    for line in ("Plan:", "People:", "Paid hours:", "Idle hours:", "Cost:", "Service level:", "Holds:"):
        assert f"\n{line}" in "\n" + out
    assert re.search(r"Holds: +(yes|no); [01] of 1 promises too close to call, \d+ short, \d+ breaches", out)
    assert f"{summary['paid_hours']:,.0f}, of which 0 at night" in out
    assert "0 short, 0 breaches" in out


def test_plan_is_not_overwritten_unless_asked_for(given, monkeypatch, capsys):
    run(given, monkeypatch, capsys)
    before = (given / "out" / "plan.xlsx").stat().st_mtime_ns
    with monkeypatch.context() as patch:  # said before minutes of planning
        patch.setattr(sys.modules["planning.plan"], "plan", None)
        code, _, err = run(given, patch, capsys)
    assert code == 2
    assert "already has a plan" in err
    assert (given / "out" / "plan.xlsx").stat().st_mtime_ns == before
    assert run(given, monkeypatch, capsys, "--overwrite")[0] == 0


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("queues.calls.aht", 240, "queues.calls.aht is no known setting: did you mean 'aht_s'?"),
        ("queues.calls.aht_s", -240, "queues.calls.aht_s is -240, must be greater than 0"),
        (
            "queues.calls.target.service_level",
            80,
            "service_level is 80.0, must lie in [0, 1]: write 0.80 for 80 %",
        ),
        (
            "teams.calls_north.site",
            "south",
            "queues.calls is a queue that nobody can answer at 08:00 at north",
        ),
        ("overflow", [], "queues.calls has no answering site at 00:00 for callers of south"),
    ],
)
def test_centre_that_cannot_be(given, monkeypatch, capsys, path, value, says):
    raw = raw_centre(SITES)
    *parents, last = path.split(".")
    node = raw
    for key in parents:
        node = node[key]
    node[last] = value
    (given / "centre.toml").write_text(toml(raw), encoding="utf-8")
    assert says in refused(given, monkeypatch, capsys)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("centre.toml", "centre.toml does not exist: give the path of a TOML file"),
        ("demand.csv", "demand.csv does not exist: give the path of a CSV or Parquet file"),
        ("people.csv", "people.csv does not exist: give the path of a CSV file"),
    ],
)
def test_missing_file(given, monkeypatch, capsys, name, says):
    (given / name).unlink()
    assert says in refused(given, monkeypatch, capsys)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "demand.csv is empty: give at least a header and one row"),
        ("queue,interval_start,calls,aht_s\n", "demand.csv has no rows: give at least one demand row"),
        ("queue,interval_start,calls\ncalls,2026-11-23T09:00+03:00,4\n", "column 'aht_s' is missing"),
        (
            "queue,interval_start,calls,aht_s\ncalls,2026-11-23 nine,4,240\n",
            "row 0: interval_start is '2026-11-23 nine'",
        ),
        (
            "queue,interval_start,calls,aht_s\ncalls,2026-11-23T09:00+03:00,nan,240\n",
            "row 0: calls is 'nan', must be",
        ),
        ("queue,interval_start,calls,aht_s\nchat,2026-11-23T09:00+03:00,4,240\n", "names queue 'chat'"),
        (
            "queue,interval_start,calls,aht_s\ncalls,2026-11-23T18:00+03:00,4,240\n",
            "has no row of calls on Monday 23 November from 09:00 to 17:45",
        ),
    ],
)
def test_demand_that_cannot_be(given, monkeypatch, capsys, text, says):
    (given / "demand.csv").write_text(text, encoding="utf-8")
    assert says in refused(given, monkeypatch, capsys)


def test_broken_toml(given, monkeypatch, capsys):
    (given / "centre.toml").write_text("sites = {", encoding="utf-8")
    assert "is not valid TOML" in refused(given, monkeypatch, capsys)


@pytest.mark.parametrize(
    ("start", "says"),
    [
        ("2026-11-22", "start is 2026-11-22 and days 1"),
        ("monday", "'monday' is not a date"),
        ("", "'' is not a date"),
    ],
)
def test_days_that_cannot_be_planned(given, monkeypatch, capsys, start, says):
    assert says in refused(given, monkeypatch, capsys, "--start", start)


@pytest.mark.parametrize("options", [("--days", "0"), ("--replications", "1"), ("--no-such-option",)])
def test_options_that_cannot_be(given, monkeypatch, capsys, options):
    code, _, err = run(given, monkeypatch, capsys, *options)
    assert code == 2
    assert "Traceback" not in err
    assert not (given / "out").exists()


def test_people_are_employed_beside_too_few(given, monkeypatch, capsys):
    people_of(Centre.load(given / "centre.toml"), 3).to_csv(given / "people.csv", index=False)
    code, out, _ = run(given, monkeypatch, capsys, "--hire", "all")
    assert code == 0
    employed = int(re.search(r"Employ: +(\d+) in calls", out)[1])
    staff = pd.read_csv(given / "out" / "staff.csv")
    assert len(staff) == 3 + employed > 3
    assert "0 short, 0 breaches" in out


@pytest.mark.parametrize("text", ["calls_north=many", "nobody=2", "calls_north=-1"])
def test_teams_that_cannot_employ_are_told(given, monkeypatch, capsys, text):
    assert "must be" in refused(given, monkeypatch, capsys, "--hire", text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("calls_north", "must be FROM:TO=N"),
        ("calls_north:calls_north=many", "must be FROM:TO=N with a whole number"),
        ("calls_north:calls_north=1", "must be between two teams of one site"),
    ],
)
def test_moves_that_cannot_be_are_told(given, monkeypatch, capsys, text, says):
    assert says in refused(given, monkeypatch, capsys, "--move", text)


def test_each_reason_for_refusing_people_is_told_once_and_the_others_work(given, monkeypatch, capsys):
    rows = (given / "people.csv").read_text(encoding="utf-8").splitlines()
    for row in (3, 5):
        rows[row] = rows[row].replace("calls_north,operator", "chat,operator")
    rows[4] = rows[4].replace("40.0", "50")
    (given / "people.csv").write_text("\n".join(rows), encoding="utf-8")
    code, _, err = run(given, monkeypatch, capsys)
    assert code == 0
    assert "people.csv: 2 rows refused, the first row 2: team is 'chat', must be one of calls_north" in err
    assert "people.csv: 1 rows refused, the first row 3: contract_h_week is 50, must be at most" in err
    assert err.count("rows refused") == 2


def test_without_one_good_row_of_people_nothing_is_planned(given, monkeypatch, capsys):
    """A plan of nobody would say that all is short, not that the file is bad."""
    pd.read_csv(given / "people.csv").assign(night_ok="perhaps").to_csv(given / "people.csv", index=False)
    last = refused(given, monkeypatch, capsys)
    assert last.endswith("people.csv: all 12 rows are refused: correct them as listed above")


def test_a_team_without_people_is_named(given, capsys):
    centre = Centre.load(given / "centre.toml")
    spare = centre.teams["calls_north"].model_copy()
    wider = centre.model_copy(update={"teams": centre.teams | {"spare": spare}})
    known = read_known(given / "people.csv", wider)
    assert len(known) == 12
    assert "people.csv has nobody in spare: nothing is planned for them" in capsys.readouterr().err
    read_known(given / "people.csv", centre)
    assert capsys.readouterr().err == ""


def test_a_figure_that_is_no_number_is_null_in_json(tmp_path):
    """JSON has no infinity, which is the age of work that is never done."""
    summary = {"systems": {"email": {"oldest_work_days": inf}}, "short": ["hotline"], "mean": nan, "days": 2}
    folder = write_folder(tmp_path / "plan", summary, {}, one_site())
    assert json.loads((folder / "summary.json").read_text("utf-8"), parse_constant=pytest.fail) == {
        "systems": {"email": {"oldest_work_days": None}}, "short": ["hotline"], "mean": None, "days": 2
    }  # fmt: skip


@pytest.mark.parametrize("sep", [",", ";"])
def test_people_saved_by_excel_are_read(given, monkeypatch, capsys, sep):
    """It writes TRUE for True and a mark before the first name; in Russia, semicolons."""
    people = pd.read_csv(given / "people.csv").assign(night_ok="TRUE")
    people.to_csv(given / "people.csv", index=False, sep=sep, decimal=".,"[sep == ";"], encoding="utf-8-sig")
    code, _, err = run(given, monkeypatch, capsys)
    assert code == 0
    assert "refused" not in err


def test_broken_promises_are_told_with_the_agents_that_are_missing(given, monkeypatch, capsys):
    """One person of each team for a whole day of calls, certified or not: nobody is there to add."""
    people = pd.read_csv(given / "people.csv")
    people.groupby("team").head(1).to_csv(given / "people.csv", index=False)
    for more in ((), ("--trim", "--overwrite")):
        code, out, _ = run(given, monkeypatch, capsys, *more)
        assert code == 0
        assert "Holds:          no;" in out
        told = re.search(r"does not hold on 2026-11-23: [\d.]+% against 80%; agents short: (\d+)", out)
        assert int(told[1]) >= 1


def count(folder, monkeypatch, capsys, source="calls.parquet", *more):
    """Exit code, output and errors of ``planning demand`` on a day of the stored calls."""
    out = folder / "made.parquet"
    monkeypatch.setattr(sys, "argv", ["planning", "demand", str(source), "--out", str(out), *more])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    return ended.value.code, captured.out, captured.err, out


def test_call_records_become_demand(tmp_path, monkeypatch, capsys):
    """Every stored call in its interval; a row that cannot be true is told and left out."""
    calls = pd.read_parquet("data/calls.parquet")
    calls.loc[0, "queue"] = "chat"
    calls.to_parquet(tmp_path / "calls.parquet")
    code, out, err, made = count(tmp_path, monkeypatch, capsys, tmp_path / "calls.parquet")
    names = ", ".join(Centre.load("data/centre.toml").queues)
    assert (code, err.strip()) == (
        0,
        "1 rows refused: unknown queue: 'chat'; name its queues in [records] queues, as queues = "
        f'{{ chat = "..." }}; the centre has {names}',
    )
    assert pd.read_parquet(made)["calls"].sum() == len(calls) - 1
    assert f"{len(calls) - 1:,} calls in" in out


def test_records_of_which_many_are_refused_are_not_written(tmp_path, monkeypatch, capsys):
    calls = pd.read_parquet("data/calls.parquet").head(100)
    calls.loc[:9, "queue"] = "chat"
    calls.to_parquet(tmp_path / "calls.parquet")
    code, _, err, made = count(tmp_path, monkeypatch, capsys, tmp_path / "calls.parquet")
    assert (code, made.exists()) == (2, False)
    assert "10.0% of the records are refused or lack their handle time, must be at most 5%" in err
    code, _, err, made = count(tmp_path, monkeypatch, capsys, tmp_path / "calls.parquet", "--accept-refused")
    assert (code, made.exists()) == (0, True)
    assert "warning: 10.0% of 100 rows are refused" in err


def test_handle_times_that_cannot_be_read_are_loud_too(tmp_path, monkeypatch, capsys):
    """Every call counts, but nobody would know how long the work is."""
    calls = pd.read_parquet("data/calls.parquet").head(100).astype({"handle_s": "string"})
    calls.loc[:49, "handle_s"] = "?"
    calls.to_parquet(tmp_path / "calls.parquet")
    code, _, err, made = count(tmp_path, monkeypatch, capsys, tmp_path / "calls.parquet")
    assert (code, made.exists()) == (2, False)
    assert "of the answered calls have no handle time that can be read" in err


def test_a_look_at_records_writes_no_demand(tmp_path, monkeypatch, capsys):
    """The columns, some rows, the calls by day; and the page with the heat map."""
    page = tmp_path / "look.html"
    more = ("--look", "--report", str(page))
    code, out, _, made = count(tmp_path, monkeypatch, capsys, "data/calls.parquet", *more)
    assert (code, made.exists()) == (0, False)
    assert "arrival = 'arrival'" in out
    assert "2026-11-17" in out
    text = page.read_text(encoding="utf-8")
    assert "when do calls come?" in text
    assert 'href="index.html"' not in text  # it stands alone


def test_records_can_be_looked_at_before_there_is_a_centre(tmp_path, monkeypatch):
    """A layout is recognised by its header; times without an offset are shown as they are written."""
    calls = tmp_path / "calls.csv"
    pd.DataFrame({
        "CALL ID": [1, 2], "TIMESTAMP": "Mon, 23 Nov 2026 09:15:00", "CAMPAIGN": "sales",
        "CALL TYPE": "Inbound", "AGENT": ["anna", "[None]"], "QUEUE WAIT TIME": "0:00:05",
        "TALK TIME": "0:03:20", "HOLD TIME": "0:00:00", "PARK TIME": "0:00:00",
        "AFTER CALL WORK TIME": "0:00:10",
    }).to_csv(calls, index=False)  # fmt: skip
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(app, ["demand", "calls.csv", "--look"])
    assert found.exit_code == 0, found.output
    assert "no centre.toml here" in found.output
    assert 'layout = "five9"' in found.output
    assert "2026-11-23 09:15:00+00:00" in found.output
    assert list(tmp_path.iterdir()) == [calls]


def test_the_records_and_files_that_are_no_demand_are_not_overwritten(tmp_path):
    calls = shutil.copy("data/calls.parquet", tmp_path / "calls.parquet")
    people = tmp_path / "people.parquet"
    pd.DataFrame({"agent_id": ["a1"]}).to_parquet(people)
    before = calls.read_bytes(), people.read_bytes()
    for out, says in ((calls, "is the source itself"), (people, "is no demand")):
        line = ["demand", str(calls), "--out", str(out), "--overwrite"]
        found = CliRunner().invoke(app, line)
        assert isinstance(found.exception, PlanningError)
        assert says in str(found.exception)
    assert before == (calls.read_bytes(), people.read_bytes())


def test_call_records_that_are_not_there_write_nothing(tmp_path, monkeypatch, capsys):
    code, out, err, made = count(tmp_path, monkeypatch, capsys, tmp_path / "calls.parquet")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert "does not exist" in err
    assert not made.exists()


def test_no_folder_to_write_into_is_said_before_the_work(tmp_path, monkeypatch, capsys):
    """Nothing that was asked for is read yet: not even the lack of it is seen."""
    for line in (["demand", "none.parquet"], ["compare", "none.toml"]):
        for out, says in ((tmp_path / "none" / "x.csv", "has no folder"), (tmp_path, "is a folder")):
            monkeypatch.setattr(sys, "argv", ["planning", *line, "--out", str(out)])
            with pytest.raises(SystemExit) as ended:
                main()
            assert ended.value.code == 2
            assert re.fullmatch(rf"error: \S+ {says}.*\n", capsys.readouterr().err)


@pytest.mark.parametrize("name", ["out.csv", "out.xlsx"])
def test_a_file_that_cannot_be_written_is_one_line(tmp_path, monkeypatch, name):
    """As when the disk is full, or the folder is gone meanwhile."""
    out = tmp_path / "gone" / name
    out.parent.mkdir()

    def meanwhile(*args, **options):
        out.parent.rmdir()
        return compare(*args, **options)

    monkeypatch.setattr("planning.whatif.compare", meanwhile)
    found = CliRunner().invoke(app, [*scenario_files(tmp_path), "--out", str(out)])
    assert isinstance(found.exception, PlanningError)
    assert str(found.exception).startswith(f"{out} cannot be written: ")


# --- scenarios and the page -----------------------------------------------------------------------


def scenario_files(tmp_path):
    """A centre, its demand and a grid of scenarios."""
    (tmp_path / "centre.toml").write_text(toml(raw_centre()), encoding="utf-8")
    write_demand(tmp_path, demand_of(6.0))
    (tmp_path / "grid.csv").write_text("scenario,volume\nbusy,1.5\nbad,-1\n", encoding="utf-8")
    return [
        "compare", str(tmp_path / "grid.csv"), "--centre", str(tmp_path / "centre.toml"), "--demand",
        str(tmp_path / "demand.csv"), "--start", "2026-11-23", "--staff", "positions", "--cache",
        str(tmp_path / "cache"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["out.csv", "out.xlsx"])
def test_scenarios_are_written_side_by_side(tmp_path, name):
    found = CliRunner().invoke(app, [*scenario_files(tmp_path), "--out", str(tmp_path / name)])
    assert found.exit_code == 0, found.output
    assert "2 scenarios side by side, 1 failed" in found.output
    assert "bad: volume is -1.0, must lie in" in found.output
    read = pd.read_csv if name.endswith("csv") else pd.read_excel
    table = read(tmp_path / name).set_index("scenario")
    assert table.loc["busy", "peak_agents"] > table.loc["base", "peak_agents"]


def write_people(folder):
    """Four good people and one of an unknown team."""
    people = people_of(Centre.of(raw_centre()), 4)
    people.loc[4] = people.loc[0].to_dict() | {"agent_id": "stranger", "team": "none"}
    people.to_csv(folder / "people.csv", index=False)
    return str(folder / "people.csv")


def test_scenarios_count_the_people_given(tmp_path, monkeypatch):
    asked = {}

    def compare(*_args, **options):
        asked.update(options)
        raise PlanningError("seen")

    monkeypatch.setattr("planning.whatif.compare", compare)
    found = CliRunner().invoke(app, [*scenario_files(tmp_path), "--people", write_people(tmp_path)])
    assert len(asked["people"]) == 4
    assert "1 rows refused, the first row 4: team is 'none'" in found.output


def test_vips_reach_the_plan_and_bad_ones_are_said(tmp_path, monkeypatch):
    _, _, _, centre, _, demand, *_ = scenario_files(tmp_path)
    people = write_people(tmp_path)
    name = pd.read_csv(people)["agent_id"].iloc[0]
    (tmp_path / "vips.csv").write_text(f"vip,share,language,utc_offset_h,manager\na,1,,3,{name}\nb,1,,3,x\n")
    asked = {}

    def plan(*_args, **options):
        asked.update(options)
        raise PlanningError("seen")

    monkeypatch.setattr(sys.modules["planning.plan"], "plan", plan)
    line = ["plan", centre, "--demand", demand, "--people", people, "--vips", str(tmp_path / "vips.csv")]
    found = CliRunner().invoke(app, [*line, "--start", "2026-11-23", "--days", "1"])
    assert asked["vips"]["manager"].tolist() == [name]
    assert "manager is 'x', who is not among the people" in found.output


def test_a_scheduler_that_does_not_answer_is_said(tmp_path):
    line = [*scenario_files(tmp_path), "--scheduler", "tcp://127.0.0.1:1", "--out", str(tmp_path / "o.csv")]
    with pytest.raises(PlanningError, match=r"scheduler is 'tcp://127.0.0.1:1', must answer"):
        CliRunner().invoke(app, line, catch_exceptions=False)


def test_the_page_is_served_with_the_files_asked(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(
        "planning.app.server.serve", lambda *paths, **options: asked.append((paths, options)) or 0
    )
    found = CliRunner().invoke(
        app, ["app", "my.toml", "--demand", "my.csv", "--port", "9000", "--no-browser"]
    )
    assert found.exit_code == 0
    (centre, demand, _), options = asked[0]
    assert (str(centre), str(demand)) == ("my.toml", "my.csv")
    assert options == {"port": 9000, "browser": False}


def test_a_report_of_any_centre_holds_its_plan_and_no_notebook_of_the_example(given):
    """It used to plan the example, regardless of the arguments."""
    files = [f"--{name}={given / name}.csv" for name in ("demand", "people")]
    options = [f"--out={given / 'reports'}", "--start=2026-11-23", "--days=1", "--replications=2", "--no-pdf"]
    result = CliRunner().invoke(app, ["report", str(given / "centre.toml"), *files, *options])
    assert result.exit_code == 0, result.output
    pages = sorted(path.name for path in (given / "reports").glob("*.html"))
    assert pages == ["index.html", "plan.html"]
    assert (given / "reports" / "plan" / "summary.json").exists()


def test_a_command_whose_extra_is_not_installed_says_which(monkeypatch, capsys):
    """A plain installation has no nbformat; it was a traceback."""
    monkeypatch.setattr(sys, "argv", ["planning", "report"])
    monkeypatch.setitem(sys.modules, "nbformat", None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "nbformat is not installed" in (told := capsys.readouterr().err)
    assert "pip install 'contact-centre-planning[notebooks]'" in told
