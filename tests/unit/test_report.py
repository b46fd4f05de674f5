"""The house style of figures, notebooks run again, and notebooks as offline pages."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
import pytest
from bs4 import BeautifulSoup
from factories import one_site
from nbformat import read, write
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from planning.errors import PlanningError
from planning.report import COLOURS, figure, pages, show, style, whatif_figures
from planning.report.execute import INPUTS, executed, regenerate
from planning.report.pdf import print_pages
from planning.report.style import PLOTLY_MIME, Bundle, house_spec, summary

# --- style -----------------------------------------------------------------------------------------------


def bar(**options) -> go.Figure:
    return figure(go.Bar(x=["Moscow", "Kaluga"], y=np.array([0.0, 41.0]), name="agents"), **options)


@pytest.fixture
def no_picture(monkeypatch):
    monkeypatch.setenv("PLANNING_PNG", "0")


def test_a_bundle_is_the_same_every_time(no_picture):
    """No random ids: two figures built alike are stored alike."""
    first, second = (Bundle(bar(title="Night"))._repr_mimebundle_() for _ in range(2))
    assert json.dumps(first) == json.dumps(second)


def test_uids_are_dropped(no_picture):
    """plotly's uid is random."""
    fig = figure(go.Scatter(y=[1], uid="a1b2"))
    assert "a1b2" not in json.dumps(house_spec(fig))


def test_without_pictures_the_bundle_stays_valid(no_picture):
    """PLANNING_PNG=0 leaves the live figure and the numbers."""
    assert set(Bundle(bar())._repr_mimebundle_()) == {PLOTLY_MIME, "text/plain"}


def test_a_picture_joins_the_bundle(monkeypatch):
    """GitHub shows the PNG; it is stored in base64."""
    monkeypatch.setattr(style, "png", lambda spec: b"\x89PNG")
    assert Bundle(bar())._repr_mimebundle_()["image/png"] == "iVBORw=="


def test_a_broken_browser_is_no_browser(monkeypatch):
    """Kaleido would wait for ever on a browser that does not start."""
    monkeypatch.setenv("BROWSER_PATH", "/bin/false")
    monkeypatch.setattr("kaleido.start_sync_server", lambda **_: pytest.fail("started"))
    assert style.start_chromium.__wrapped__() is False


def test_no_browser_leaves_the_picture_out(monkeypatch):
    """Users may have no Chromium."""
    monkeypatch.delenv("BROWSER_PATH", raising=False)
    monkeypatch.setattr("choreographer.browsers.chromium.Chromium.find_browser", lambda **_: None)
    assert style.start_chromium.__wrapped__() is False


def test_the_browser_asks_nothing_of_the_outside(monkeypatch):
    """No MathJax from a CDN, and a proxy that answers nothing."""
    asked = {}
    monkeypatch.setenv("BROWSER_PATH", "/bin/true")
    monkeypatch.setattr("kaleido.start_sync_server", lambda **options: asked.update(options))
    assert style.start_chromium.__wrapped__() is True
    assert asked["mathjax"] is False
    assert asked["proxy_server"] == "http://127.0.0.1:9"


def test_show_leaves_the_figure_and_plotly_as_they_are(no_picture, capsys):
    """A foreign figure is shown in the house style, and nothing global changes."""
    fig, default = go.Figure(go.Bar(y=[1])), pio.templates.default
    show(fig, {"agents": 41})
    assert fig.layout.template != style.template()
    assert pio.templates.default == default
    assert capsys.readouterr().out.strip() == "agents: 41"


def test_the_house_template_replaces_the_large_one():
    """The template is stored in every figure of every notebook: it must be small."""
    spec = house_spec(go.Figure(go.Bar(y=[1])))
    assert spec["layout"]["template"] == json.loads(pio.to_json(style.template()))
    assert len(json.dumps(spec["layout"]["template"])) < 1500


def test_nothing_leads_to_the_cloud():
    """Neither plotly's server nor the button that sends the data there."""
    spec = house_spec(bar())
    assert "http" not in json.dumps(spec)
    assert spec["config"]["modeBarButtons"] == [["toImage", "resetScale2d"]]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (41, "41"),
        (41.0, "41"),
        (np.int64(41), "41"),
        (0.8312345, "0.8312"),
        (182_512.4, "182,512"),
        (True, "True"),
        ("22:00", "22:00"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (None, "None"),
    ],
)
def test_numbers_are_rounded_for_the_reader(value, text):
    """The last digit, which moves with the machine, is not shown."""
    assert repr(Bundle(figure(), {"n": value})) == f"n: {text}"


def test_titles_lose_their_markup():
    """Text is what the tests compare and GitHub's readers hear."""
    assert repr(Bundle(figure(title="Agents<br><b>at night</b>"), {})) == "Agents at night"


def test_summary_of_each_trace():
    """Without numbers of its own a figure says what its traces hold."""
    fig = figure(go.Bar(y=["a", "b"], x=[3, 4], orientation="h"), go.Scatter(y=np.array([1.5, np.nan, 2.5])))
    fig.add_bar(y=np.array([7, 9])).add_scatter(name="none").add_pie(values=[1], name="shares")
    assert [*summary(fig)] == [
        "trace 1: 2 values, 3 to 4",
        "trace 2: 3 values, 1.5 to 2.5",
        "trace 3: 2 values, 7 to 9",
        "none: 0 values",
        "shares: 0 values",
    ]


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.1)."""
    shares = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("pair", [("first", "second"), ("requirement", "supply"), ("target", "requirement")])
def test_pairs_shown_together_differ_without_colour(pair):
    """Printed grey, or seen by any eye, what stands side by side differs in lightness."""
    dark, light = sorted(luminance(COLOURS[name]) for name in pair)
    assert (light + 0.05) / (dark + 0.05) > 1.8


# --- execute ---------------------------------------------------------------------------------------------

NUMBERS = """\
from pathlib import Path
from tqdm import tqdm
from planning.report import figure, show
list(tqdm(range(3)))
show(figure(title="Agents").add_bar(y=[1, 2]))
len(Path("beside.txt").read_text())"""


@pytest.fixture
def notebook(tmp_path):
    """A notebook with random ids and a machine's metadata, and a file beside it."""
    (tmp_path / "beside.txt").write_text("beside")
    cells = [new_markdown_cell("# Which?\n\nThe **second**, $a > b$."), new_code_cell(NUMBERS)]
    cells[1].metadata = {"collapsed": True, "tags": ["parameters"]}
    path = tmp_path / "10_which.ipynb"
    write(new_notebook(cells=cells, metadata={"language_info": {"name": "python", "version": "3.0"}}), path)
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_regenerating_twice_writes_the_same_bytes(notebook, no_picture):
    """Fixed ids, no timing, no versions; the kernel runs in the notebook's folder, its progress bars off."""
    assert regenerate([notebook]) == [notebook]
    once, nb = digest(notebook), read(notebook, as_version=4)
    assert [cell.id for cell in nb.cells] == ["cell-01", "cell-02"]
    assert nb.metadata.language_info == {"name": "python"}
    assert nb.cells[1].metadata == {"tags": ["parameters"]}
    assert [output.output_type for output in nb.cells[1].outputs] == ["display_data", "execute_result"]
    assert nb.cells[1].outputs[1].data["text/plain"] == "6"
    regenerate([notebook])
    assert digest(notebook) == once


def test_a_report_runs_what_was_never_run(notebook, tmp_path, no_picture):
    """The notebook keeps its bytes; there are no pictures; a second report takes what the first one ran."""
    before, out = digest(notebook), tmp_path / "out"
    assert executed([notebook], out) == {out / "10_which.ipynb": ""}
    assert digest(notebook) == before
    done = read(out / "10_which.ipynb", as_version=4)
    assert set(done.cells[1].outputs[0].data) == {PLOTLY_MIME, "text/plain"}
    left(done, out / "10_which.ipynb", "from the first report")
    assert executed([notebook], out) == {out / "10_which.ipynb": ""}
    assert read(out / "10_which.ipynb", as_version=4).cells[1].outputs[1].data["text/plain"] == (
        "from the first report"
    )


def left(nb, path: Path, text: str) -> None:
    """Mark an output, to see whether the notebook is run once more."""
    nb.cells[1].outputs[1].data["text/plain"] = text
    write(nb, path)


@pytest.mark.parametrize("change", ["nothing", "the data", "the code", "asked"])
def test_a_report_takes_stored_outputs_of_the_same_code_and_data(tmp_path, no_picture, change):
    """It takes seconds instead of minutes, and what was changed is run."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "centre.toml").write_text("volume = 1")
    (tmp_path / "notebooks").mkdir()
    path, out = tmp_path / "notebooks" / "10_which.ipynb", tmp_path / "out"
    code = new_code_cell("from IPython.display import display\ndisplay(0)\n41")
    write(new_notebook(cells=[new_markdown_cell("# Which?"), code]), path)
    regenerate([path])
    stored = read(path, as_version=4)
    if change == "the code":
        stored.cells[1].source = stored.cells[1].source.replace("41", "0 + 41")
    left(stored, path, "stored")
    if change == "the data":
        (tmp_path / "data" / "centre.toml").write_text("volume = 2")
    executed([path], out, anew=change == "asked")
    found = read(out / path.name, as_version=4).cells[1].outputs[1].data["text/plain"]
    assert found == ("stored" if change == "nothing" else "41")


def test_a_report_refuses_the_notebooks_folder(notebook, tmp_path):
    """It would overwrite what it promises to leave alone."""
    with pytest.raises(PlanningError, match=r"must lie apart from 10_which\.ipynb"):
        executed([notebook], tmp_path)


def test_a_failing_notebook_does_not_stop_a_report(notebook, tmp_path, no_picture):
    """Its page has its title and says why; the others are answered; another report tries it again."""
    bad = notebook.with_name("20_bad.ipynb")
    write(new_notebook(cells=[new_markdown_cell("# Who?"), new_code_cell("1 / 0")]), bad)
    found = executed([bad, notebook], tmp_path / "out")
    assert [bool(reason) for reason in found.values()] == [True, False]
    index = pages.build(found, tmp_path / "pages")
    told = "20_bad.ipynb fails, cell-02, ZeroDivisionError: division by zero"
    assert told in soup(index.with_name("20_bad.html")).main.text
    assert [line.text for line in soup(index).find_all(class_="headline")] == ["Not answered", "second"]
    assert INPUTS not in read(tmp_path / "out" / "20_bad.ipynb", as_version=4).metadata


@pytest.mark.parametrize(
    ("source", "timeout_s", "reason"),
    [("1 / 0", 60, "cell-01, ZeroDivisionError: division by zero"), ("while True: pass", 1, "timed out")],
)
def test_a_failing_notebook_is_named_and_kept(tmp_path, source, timeout_s, reason):
    """Nothing is written for a notebook that fails or never ends."""
    path = tmp_path / "bad.ipynb"
    write(new_notebook(cells=[new_code_cell(source)]), path)
    before = digest(path)
    with pytest.raises(PlanningError, match=rf"bad\.ipynb fails, .*{reason}"):
        regenerate([path], timeout_s=timeout_s)
    assert digest(path) == before


# --- pages -----------------------------------------------------------------------------------------------


def ran(text: str, *outputs, source: str = "show(fig)"):
    code = new_code_cell(source, execution_count=1, outputs=[*outputs])
    return new_notebook(cells=[new_markdown_cell(text), code])


def drawn(fig: go.Figure, **numbers) -> dict:
    bundle = Bundle(fig, numbers)
    return new_output(
        "display_data", {PLOTLY_MIME: bundle.spec, "image/png": "iVBORw==", "text/plain": repr(bundle)}
    )


NIGHT = """# How many agents at night?

Hold **41 agents**: $a > b$ then. Fewer fall short.

$$\\begin{aligned} a &= b \\\\ c &= \\frac{d}{e} \\end{aligned}$$

[Next](41_close.ipynb), [elsewhere](notes.ipynb), [source](https://example.org/paper)"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Two notebooks as pages."""
    tmp_path = tmp_path_factory.mktemp("pages")
    night = ran(NIGHT, drawn(bar(title="A </script> B"), peak=41), drawn(bar(title="Again")))
    close = ran(
        "# Should Moscow close at 23:00?\n\nNo: **+0.4 points**.",
        new_output("stream", name="stdout", text="no & no"),
    )
    for name, nb in {"40_night": night, "41_close": close}.items():
        write(nb, tmp_path / f"{name}.ipynb")
    sources = [tmp_path / "40_night.ipynb", tmp_path / "41_close.ipynb"]
    index = pages.build(sources, tmp_path / "out")
    return index.parent


def soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def test_pages_load_nothing_from_outside(built):
    """Opened on a train they are complete."""
    for path in built.glob("*.html"):
        page = soup(path)
        assert not page.find_all("link")
        beside = (pages.PLOTLY_JS, "data:")
        assert not [tag for tag in page.find_all(src=True) if not tag["src"].startswith(beside)]
        far = [a["href"] for a in page.find_all(href=True) if "//" in a["href"]]
        assert far in ([], ["https://example.org/paper"])
        assert not re.search(
            r"@import|url\(\s*['\"]?(https?:)?//", "".join(s.text for s in page.find_all("style"))
        )
        assert pages.outside_requests(path.read_text(encoding="utf-8")) == []


def test_the_browser_enforces_it(built):
    """A policy in the page forbids what the search may have missed."""
    for path in built.glob("*.html"):
        policy = soup(path).find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
        assert policy.startswith("default-src 'none'")
        assert "http" not in policy


def test_pages_share_one_plotly(built):
    """It has 5 MB, once a folder and not a figure or a page; a page without figures asks for none."""
    assert [script["src"] for script in soup(built / "40_night.html").find_all("script", src=True)] == [
        pages.PLOTLY_JS
    ]
    assert not soup(built / "41_close.html").find_all("script", src=True)
    assert (built / pages.PLOTLY_JS).stat().st_size > 1_000_000
    assert max(page.stat().st_size for page in built.glob("*.html")) < 50_000


def test_a_page_that_stands_alone_has_plotly_in_it():
    """Sent by mail it is complete."""
    page = pages.page_html(ran(NIGHT, drawn(bar(title="Night"))), Path("40_night.ipynb"))
    assert "<script src" not in page
    assert len(page) > 1_000_000


def test_figures_are_live(built):
    """Each has a place, its data beside it (whatever its title says), and its numbers below."""
    plots = soup(built / "40_night.html").find_all(class_="plot")
    assert [plot["id"] for plot in plots] == ["figure-1", "figure-2"]
    spec = json.loads(plots[0].find_next_sibling("script").text)
    assert spec["layout"]["title"]["text"] == "A </script> B"
    assert spec["config"] == style.CONFIG
    assert plots[0].find_next("figcaption").text == "peak: 41"


def test_formulas_are_mathml(built):
    """Browsers set MathML by themselves."""
    inline, block = soup(built / "40_night.html").find_all("math")
    assert inline["display"] == "inline"
    assert [len(row.find_all("mtd")) for row in block.find_all("mtr")] == [2, 2]
    assert "$" not in soup(built / "40_night.html").main.find("section").text


@pytest.mark.parametrize("formula", [r"\nosuchthing x", r"\begin{nosuch} a & b \end{nosuch}", r"\left( a"])
def test_a_formula_that_cannot_be_set_is_refused(formula):
    """Rather a message than a page with a hole."""
    with pytest.raises(PlanningError, match="cannot be set"):
        pages.mathml(formula, "block")


def test_code_is_folded_and_viewable(built):
    """Planners read the answer; the code is one click away."""
    page = soup(built / "40_night.html")
    folded = page.find("details", class_="code")
    assert not folded.has_attr("open")
    assert "show(fig)" in folded.text
    assert page.find(id="toggle-code")


def test_links_between_notebooks_lead_to_pages(built):
    """Only to those that were built."""
    links = [a["href"] for a in soup(built / "40_night.html").main.find_all("a")]
    assert links == ["41_close.html", "notes.ipynb", "https://example.org/paper"]


def test_the_index_gives_decision_answer_and_number(built):
    """In the order given; a headline given wins over the notebook's bold words."""
    rows = [" ".join(row.text.split()) for row in soup(built / "index.html").find_all("li")]
    assert [row.split("?")[0] for row in rows] == ["How many agents at night", "Should Moscow close at 23:00"]
    assert rows[0].endswith("then. 41 agents")
    assert rows[1] == "Should Moscow close at 23:00?No: +0.4 points. +0.4 points"
    assert [a["href"] for a in soup(built / "index.html").find_all("a")] == ["40_night.html", "41_close.html"]


def test_building_twice_gives_the_same_bytes(built, tmp_path):
    """No dates and no random ids."""
    again = pages.build(sorted(built.parent.glob("*.ipynb")), tmp_path / "two")
    assert {p.name: digest(p) for p in built.iterdir()} == {p.name: digest(p) for p in again.parent.iterdir()}


@pytest.mark.parametrize(
    ("nb", "message"),
    [
        (ran("# Why?\n\n![x](https://example.org/x.png)"), "would load 'https://example.org/x.png'"),
        (ran("# Why?\n\n<script src='//cdn.example/x.js'></script>"), "would load '//cdn.example/x.js'"),
        (ran("Why?"), "must begin with '# '"),
        (new_notebook(cells=[new_markdown_cell("# Why?"), new_code_cell("1")]), "never executed"),
    ],
)
def test_bad_notebooks_are_refused(tmp_path, nb, message):
    """A remote picture, a remote script, no title, not executed."""
    write(nb, tmp_path / "50_bad.ipynb")
    with pytest.raises(PlanningError, match=message):
        pages.build([tmp_path / "50_bad.ipynb"], tmp_path / "out")


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ('<link rel="stylesheet" href="https://a.org/x.css">', ["https://a.org/x.css"]),
        ("<style>@import 'https://a.org/x.css'</style>", ["https://a.org/x.css"]),
        ("<style>p { background: url(//a.org/x.png) }</style>", ["//a.org/x.png"]),
        ('<p style="background: url(https://a.org/x.png)">', ["https://a.org/x.png"]),
        ("<script type='module'>import 'https://a.org/x.js'</script>", ["https://a.org/x.js"]),
        ("<iframe src='http://a.org'></iframe>", ["http://a.org"]),
        ('<a href="https://a.org">read</a><img src="data:image/png;base64,iVBORw==">', []),
    ],
)
def test_outside_requests(page, found):
    """What a page loads, as against where it leads."""
    assert pages.outside_requests(page) == found


def test_local_pictures_are_taken_in(tmp_path):
    """A page is one file."""
    (tmp_path / "x.png").write_bytes(b"\x89PNG")
    assert 'src="data:image/png;base64' in pages.to_html("![x](x.png)", tmp_path)


def test_without_a_chromium_nothing_is_printed(monkeypatch, tmp_path):
    """The pages and the index are written all the same."""
    monkeypatch.setattr("planning.report.pdf.find_chromium", lambda: None)
    notebook = Path(__file__).parents[2] / "notebooks" / "40_night_overflow.ipynb"
    index = pages.build([notebook], tmp_path, pdf=True)
    pages_only = ["40_night_overflow.html", "index.html", pages.PLOTLY_JS]
    assert sorted(path.name for path in tmp_path.iterdir()) == pages_only
    assert "pdf" not in index.read_text(encoding="utf-8").split("<body")[1]


def test_a_page_that_cannot_be_printed_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("planning.report.pdf.find_chromium", lambda: "/bin/false")
    with pytest.raises(PlanningError, match=r"a.html cannot be printed by /bin/false"):
        print_pages([tmp_path / "a.html"])


def test_the_tornado_draws_what_its_frame_holds():
    table = pd.DataFrame(
        {"low_value": [0.9, 1], "high_value": [1.1, 2], "low": [-5.0, 1.0], "high": [6.0, 0.0]},
        index=["volume", "patience"],
    )
    fig = whatif_figures.tornado(table, "title", "unit", {"volume": "calls"})
    assert list(fig.data[0].x) == [-5, 1]
    assert list(fig.data[1].x) == [6, 0]
    assert list(fig.data[1].y) == ["calls, 0.9 to 1.1", "patience, 1.0 to 2.0"]


def test_scenarios_are_drawn_by_verdict_and_failed_ones_left_out():
    table = pd.DataFrame(
        {
            "cost_difference": [1000.0, 2000.0, None],
            "cost_difference_low": [990.0, 1980.0, None],
            "cost_difference_high": [1020.0, 2020.0, None],
            "service_level_calls_difference": [0.01, -0.02, None],
            "service_level_calls_half_width": [0.001, 0.002, None],
            "verdict": ["holds", "does not hold", ""],
            "reason": ["", "", "no"],
        },
        index=["good", "bad", "failed"],
    )
    fig = whatif_figures.cost_and_service(table, one_site(), "calls", "title")
    drawn = {(trace.xaxis, trace.name): (list(trace.x), list(trace.y)) for trace in fig.data}
    assert drawn["x", "holds"] == ([1.0], ["good"])
    assert drawn["x", "does not hold"] == ([2.0], ["bad"])
    assert drawn["x2", "holds"] == ([1.0], ["good"])
    assert drawn["x2", "does not hold"] == ([-2.0], ["bad"])
    assert drawn["x", "too close to call"] == ([], [])
    bars = {(trace.xaxis, trace.name): list(trace.error_x.array) for trace in fig.data}
    assert bars["x", "holds"] == [0.02]
    assert bars["x2", "does not hold"] == [0.2]
