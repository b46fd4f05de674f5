"""Executed notebooks as web pages that load nothing from outside, and an index."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import nbformat
from bs4 import BeautifulSoup
from jinja2 import Environment, FileSystemLoader
from latex2mathml.converter import convert
from markupsafe import Markup
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from plotly.offline import get_plotlyjs
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]

from planning.errors import PlanningError
from planning.report.pdf import print_pages
from planning.report.style import CONFIG, PLOTLY_MIME

TITLE: Final = "Workforce planning: the decisions"
"""Heading of the index."""
ASSETS: Final = Path(__file__).parent / "assets"
POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        "script-src 'unsafe-inline' 'self' file:",
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
        "font-src data:",
    ]
)
"""What a page may load: itself and files beside it. The browser enforces this for every script."""
PLOTLY_JS: Final = "plotly.min.js"
"""The script that draws the figures, beside the pages that share it: it has 5 MB."""


@dataclass(frozen=True)
class Entry:
    """One notebook's line in the index.

    Parameters
    ----------
    page : file name of the page
    title : the decision asked
    answer : the answer in one sentence, as HTML
    headline : the answer's number
    """

    page: str
    title: str
    answer: Markup
    headline: str


def build(
    notebooks: Iterable[Path | str],
    out: Path | str,
    *,
    pdf: bool = False,
) -> Path:
    """Write each executed notebook as an offline page, and an index that links to them.

    The pages share one file beside them, `PLOTLY_JS`.

    Parameters
    ----------
    notebooks : executed notebooks, in the order of the index
    out : folder of the pages; it is made if it is missing
    pdf : also print each page to PDF, if a Chromium is found

    Returns
    -------
    the path of ``index.html``

    Raises
    ------
    PlanningError
        for a notebook that was not executed or has no title, a formula that cannot be set, or anything that
        a page would load from outside.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    sources = [Path(path) for path in notebooks]
    read = {source: nbformat.read(source, as_version=4) for source in sources}
    pages = [describe(read[source], source.stem) for source in sources]
    (folder / PLOTLY_JS).write_text(get_plotlyjs(), encoding="utf-8")
    for position, source in enumerate(sources):
        neighbours = {
            "before": pages[position - 1] if position else None,
            "after": pages[position + 1] if position + 1 < len(pages) else None,
        }
        text = page_html(read[source], source, pages=[page.page for page in pages], **neighbours)
        (folder / pages[position].page).write_text(text, encoding="utf-8")
    printed = {path.stem for path in print_pages([folder / page.page for page in pages])} if pdf else set()
    index = folder / "index.html"
    index.write_text(_render("index.html.j2", title=TITLE, pages=pages, printed=printed), encoding="utf-8")
    return index


def describe(notebook: nbformat.NotebookNode, stem: str) -> Entry:
    r"""Read the decision, its answer and its number from the notebook's first words.

    Parameters
    ----------
    notebook : its first text is ``# the decision asked``; the answer is the first text that the notebook
        computes (`planning.report.answer`), else the paragraph below the title
    stem : name of the notebook's file

    Examples
    --------
    >>> text = "# Who answers at night?\n\nKaluga, with **41 agents**. Fewer fall short."
    >>> page = describe(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)]), "40_night")
    >>> page.title, str(page.answer), page.headline
    ('Who answers at night?', 'Kaluga, with 41 agents.', '41 agents')
    """
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    blocks = re.split(r"\n\s*\n", "\n\n".join(texts[:2]).strip())
    if not blocks[0].startswith("# "):
        raise PlanningError(
            f"{stem} begins with {blocks[0][:40]!r}, must begin with '# ' and the decision: add it"
        )
    heading, _, rest = blocks[0].removeprefix("# ").partition("\n")
    prose = [*_computed(notebook), rest, *blocks[1:]]
    answer = next((block.strip() for block in prose if block.strip() and not block.startswith("#")), "")
    bold = re.search(r"\*\*(.+?)\*\*", answer, re.DOTALL)
    sentence = re.split(r"(?<=[.!?])\s", answer.replace("**", ""), maxsplit=1)[0]
    rendered = Markup(re.sub(r"</?p>|\n$", "", to_html(sentence)).strip())
    return Entry(f"{stem}.html", heading.strip(), rendered, bold.group(1) if bold else "")


def _computed(notebook: nbformat.NotebookNode) -> Iterator[str]:
    """Texts that the notebook's code displays."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "text/markdown" in output.get("data", {}):
                yield output.data["text/markdown"]


def page_html(
    notebook: nbformat.NotebookNode,
    source: Path,
    *,
    pages: Sequence[str] = (),
    before: Entry | None = None,
    after: Entry | None = None,
) -> str:
    """Return one executed notebook as a whole page that loads nothing from outside.

    Parameters
    ----------
    notebook : executed; its plotly figures stay live
    source : the notebook's file, for pictures beside it and for messages
    pages : the pages built with it: links to their notebooks lead to them, and they share one `PLOTLY_JS`;
        without any there is no index, and the page stands alone
    before, after : its neighbours
    """
    cells = body_html(notebook, source)
    linked = re.sub(r'href="([\w./-]+)\.ipynb', partial(_to_page, pages=pages), cells)
    shell = {
        "title": describe(notebook, source.stem).title,
        "cells": Markup(linked),
        "has_code": 'class="code"' in cells,
        "in_index": bool(pages),
        "before": before,
        "after": after,
    }
    # plotly.js is left out of the search: it is one known script of 5 MB, and the policy holds for it too.
    if asked := outside_requests(_render("page.html.j2", **shell)):
        raise PlanningError(
            f"{source.name} would load {asked[0]!r} from outside: put the file beside the notebook"
        )
    return _render("page.html.j2", **shell, plotly_js=_plotly_js(cells, shared=bool(pages)))


def _plotly_js(cells: str, shared: bool) -> Markup:
    """The script that draws a page's figures: beside pages that share it, or in a page that stands alone."""
    if 'class="plot"' not in cells:
        return Markup("")
    return Markup(f'<script src="{PLOTLY_JS}"></script>' if shared else f"<script>{get_plotlyjs()}</script>")


def body_html(notebook: nbformat.NotebookNode, source: Path) -> str:
    """Return the cells of an executed notebook as HTML: text, folded code, outputs."""
    exporter = HTMLExporter(
        raw_template=(ASSETS / "cells.html.j2").read_text(encoding="utf-8"),
        filters={"markdown2html": partial(to_html, folder=source.parent)},
    )
    prepared = nbformat.from_dict(notebook)
    number = 0
    for cell in prepared.cells:
        if cell.cell_type == "code" and cell.execution_count is None:
            raise PlanningError(f"{source.name} has a code cell never executed ({cell.id}): execute it first")
        for output in cell.get("outputs", []):
            if output.output_type == "execute_result":
                output.output_type = "display_data"
            if PLOTLY_MIME in output.get("data", {}):
                number += 1
                output.data = nbformat.from_dict({"text/html": figure_html(output.data, number)})
    body: str = exporter.from_notebook_node(prepared)[0]
    return re.sub(r"<style scoped.*?</style>", "", body, flags=re.DOTALL)


def figure_html(bundle: Mapping[str, Any], number: int) -> str:
    """Return a figure's bundle as a place to draw it, its JSON, and its numbers as the caption."""
    spec = bundle[PLOTLY_MIME] | {"config": CONFIG}
    layout = spec.get("layout", {})
    height = layout.get("height") or layout.get("template", {}).get("layout", {}).get("height", 400)
    # A "<" inside a string would let "</script>" end the element.
    data = json.dumps(spec, separators=(",", ":")).replace("<", "\\u003c")
    text = html.escape(str(bundle.get("text/plain", "")))
    caption = "".join(f"<span>{line}</span>" for line in text.splitlines()[1:])
    return (
        f'<figure class="chart"><div class="plot" id="figure-{number}" role="img" aria-label="{text}" '
        f'style="height:{height}px"></div><script type="application/json">{data}</script>'
        f"<figcaption>{caption}</figcaption></figure>"
    )


class _Renderer(IPythonRenderer):  # type: ignore[misc]  # nbconvert is untyped
    """nbconvert's Markdown with formulas as MathML, which browsers set by themselves, instead of MathJax."""

    def block_math(self, body: str) -> str:
        return mathml(body, "block")

    def inline_math(self, body: str) -> str:
        return mathml(body, "inline")

    def latex_environment(self, name: str, body: str) -> str:
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")


def to_html(markdown: str, folder: Path | None = None) -> str:
    """Return Markdown with formulas as HTML; local pictures are taken into it.

    Examples
    --------
    >>> to_html("of *what*").strip()
    '<p>of <em>what</em></p>'
    """
    place = {"embed_images": folder is not None, "path": str(folder or "")}
    renderer = _Renderer(escape=False, exclude_anchor_links=True, **place)
    return str(MarkdownWithMath(renderer=renderer).render(markdown))


def mathml(tex: str, display: str) -> str:
    """Return a TeX formula as MathML.

    Parameters
    ----------
    tex : without its dollar signs
    display : "block" or "inline"

    Raises
    ------
    PlanningError
        naming the formula, where it is no TeX that can be set.
    """
    # The converter knows "align*", which is the same thing outside of another formula, but not "aligned".
    plain = re.sub(r"(\\(?:begin|end)\{)(?:aligned|split)\}", r"\1align*}", tex.strip())
    try:
        formula = convert(plain, display=display)
    except Exception as failure:  # the converter has a dozen errors without a common parent
        raise PlanningError(f"formula {plain!r} cannot be set ({failure!r}): simplify it") from failure
    if unknown := re.search(r"<m[io]>(\\\w+|&)</m[io]>", formula):
        raise PlanningError(f"formula {plain!r} has {unknown[1]!r}, which cannot be set: simplify it")
    return formula


def outside_requests(page: str) -> list[str]:
    """Return what a page would load by http or https when opened; links for the reader to follow are free.

    Examples
    --------
    >>> outside_requests('<img src="https://a.org/b.png"> <a href="https://a.org">read</a>')
    ['https://a.org/b.png']
    """
    return list(_outside(BeautifulSoup(page, "html.parser")))


def _outside(soup: BeautifulSoup) -> Iterator[str]:
    far = re.compile(r"^\s*(https?:)?//", re.IGNORECASE)
    for tag in soup.find_all(True):
        names = ("src", "srcset", "poster", "data", "action") + (
            () if tag.name == "a" else ("href", "xlink:href")
        )
        yield from (str(tag[name]) for name in names if far.match(str(tag.get(name, ""))))
        code = str(tag.get("style", "")) + (tag.get_text() if tag.name in ("style", "script") else "")
        if tag.name != "script" or tag.get("type") != "application/json":
            yield from re.findall(
                r"""(?:url\(|@import|import)\s*\(?['"]?\s*((?:https?:)?//[^'")\s]+)""", code
            )


def _to_page(match: re.Match[str], pages: Sequence[str]) -> str:
    page = f"{Path(match.group(1)).name}.html"
    return f'href="{page}' if page in pages else match.group(0)


def _render(template: str, **values: object) -> str:
    environment = Environment(loader=FileSystemLoader(ASSETS), autoescape=True)
    colours = HtmlFormatter(style="friendly", nobackground=True).get_style_defs(".highlight")
    fixed = {
        "policy": POLICY,
        "css": Markup((ASSETS / "page.css").read_text(encoding="utf-8") + colours),
        "page_js": Markup((ASSETS / "page.js").read_text(encoding="utf-8")),
    }
    return environment.get_template(template).render(**fixed, **values)
