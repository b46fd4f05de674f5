"""Every stored notebook is evidence: executed, complete, plain, short, and about one decision.

A rule is a function from a notebook to its faults; the bad notebooks below prove that each rule can fail.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from planning.report.execute import INPUTS, METADATA, inputs
from planning.report.style import PLOTLY_MIME

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))

LINES = 12  # of a code cell
ROWS = 12  # of a frame
WORDS = (200, 900)  # of a notebook's text
TEXT_PER_CODE = (0.6, 1.7)  # cells
ALLOWED_TAGS = {"parameters"}
DECISIONS = {
    "Choose",
    "Close",
    "Decide",
    "Find",
    "Hire",
    "Hold",
    "Keep",
    "Move",
    "Plan",
    "Price",
    "Staff",
    "Start",
}
NBVAL_COMMENT = re.compile(r"^\s*#\s*(NBVAL_\w+|PYTEST_VALIDATE_IGNORE_OUTPUT)", re.MULTILINE)
SHOWS = {"show", "display", "print"}


def code_cells(nb: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def outputs(nb: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    return ((cell.id, output) for cell in code_cells(nb) for output in cell.outputs)


def parsed(cell: NotebookNode) -> ast.Module | None:
    try:
        return ast.parse(cell.source)
    except SyntaxError:  # reported by `plain_python`
        return None


def executed_in_order(nb: NotebookNode) -> Iterator[str]:
    counts = [cell.execution_count for cell in code_cells(nb)]
    if counts != [*range(1, len(counts) + 1)]:
        yield f"execution counts are {counts}, must be 1 to {len(counts)}: regenerate the notebook"


def outputs_stored(nb: NotebookNode) -> Iterator[str]:
    cells = code_cells(nb)
    if not any(cell.outputs for cell in cells):
        yield "no output is stored: nbval would pass whatever it computes"
    elif not cells[-1].outputs:
        yield f"{cells[-1].id} is the last code and has no output: a result belongs there"
    yield from (f"{c.id} shows something and has no output" for c in cells if must_show(c) and not c.outputs)


def must_show(cell: NotebookNode) -> bool:
    """Tell whether a cell's code displays something: a call that shows, or a value on its last line."""
    tree = parsed(cell)
    if tree is None or not tree.body:
        return False
    names = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    last = tree.body[-1]
    value = isinstance(last, ast.Expr) and not isinstance(last.value, ast.Call | ast.Constant | ast.Await)
    return bool(names & SHOWS) or (value and not cell.source.rstrip().endswith(";"))


def no_errors(nb: NotebookNode) -> Iterator[str]:
    for cell, output in outputs(nb):
        if output.output_type == "error":
            yield f"{cell} has stored the error {output.ename}"
        if output.get("name") == "stderr":
            yield f"{cell} has stored standard error: cure the warning"


def plain_python(nb: NotebookNode) -> Iterator[str]:
    for cell in code_cells(nb):
        if parsed(cell) is None:
            yield f"{cell.id} is not plain Python: no magics, no shell"
        elif "get_ipython" in cell.source:
            yield f"{cell.id} calls get_ipython: no magics, no shell"


def nothing_defined(nb: NotebookNode) -> Iterator[str]:
    for cell in code_cells(nb):
        for node in ast.walk(parsed(cell) or ast.Module([], [])):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield f"{cell.id} defines {node.name}: move it into planning"
            named = isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr)
            if named and isinstance(node.value, ast.Lambda):
                yield f"{cell.id} names a lambda: move it into planning"


def nothing_ignored(nb: NotebookNode) -> Iterator[str]:
    for cell in nb.cells:
        if tags := set(cell.metadata.get("tags", [])) - ALLOWED_TAGS:
            yield f"{cell.id} has the tags {sorted(tags)}, may have {sorted(ALLOWED_TAGS)}"
        if cell.cell_type == "code" and (comment := NBVAL_COMMENT.search(cell.source)):
            yield f"{cell.id} has the comment {comment[1]}: nothing is exempt from comparison"


def asks_a_decision(nb: NotebookNode) -> Iterator[str]:
    first = nb.cells[0] if nb.cells else new_code_cell()
    title = first.source.partition("\n")[0]
    if first.cell_type != "markdown" or not title.startswith("# "):
        yield "the first cell must be text that begins with '# ' and the decision"
    elif not title.rstrip().endswith("?") and title.split()[1].rstrip(":,") not in DECISIONS:
        yield f"the title {title!r} must be a question, or begin with one of {sorted(DECISIONS)}"


def text_beside_code(nb: NotebookNode) -> Iterator[str]:
    text, code = (sum(cell.cell_type == kind for cell in nb.cells) for kind in ("markdown", "code"))
    low, high = TEXT_PER_CODE
    if not low * code <= text <= high * code:
        yield f"{text} text cells for {code} code cells, must be {low} to {high} for one"


def short_cells(nb: NotebookNode) -> Iterator[str]:
    for cell in code_cells(nb):
        if (lines := len(cell.source.splitlines())) > LINES:
            yield f"{cell.id} has {lines} lines of code, at most {LINES}: move the rest into planning"


def short_frames(nb: NotebookNode) -> Iterator[str]:
    for cell, output in outputs(nb):
        page = output.get("data", {}).get("text/html", "")
        body = "".join(re.findall(r"<tbody>.*?</tbody>", page, re.DOTALL))
        cut = [int(n) for n in re.findall(r"<p>(\d+) rows ×", page)]  # pandas shows ten of them
        if (rows := max([body.count("<tr"), *cut])) > ROWS:
            yield f"{cell} displays a frame of {rows} rows, at most {ROWS}: aggregate it or take its head"


def enough_words(nb: NotebookNode) -> Iterator[str]:
    words = sum(len(cell.source.split()) for cell in nb.cells if cell.cell_type == "markdown")
    if not WORDS[0] <= words <= WORDS[1]:
        yield f"{words} words of text, must be {WORDS[0]} to {WORDS[1]}"


def fixed_ids(nb: NotebookNode) -> Iterator[str]:
    for position, cell in enumerate(nb.cells, start=1):
        if cell.get("id") != f"cell-{position:02d}":
            yield f"cell {position} has the id {cell.get('id')!r}, must be 'cell-{position:02d}': regenerate"


def clean_metadata(nb: NotebookNode) -> Iterator[str]:
    if set(nb.metadata) != {*METADATA, INPUTS} or any(
        nb.metadata[name] != METADATA[name] for name in METADATA
    ):
        yield "the notebook's metadata name not just the kernel and the inputs: regenerate"
    yield from (
        f"{c.id} carries metadata {sorted(c.metadata)}" for c in nb.cells if set(c.metadata) - {"tags"}
    )
    yield from (f"{cell} carries metadata of an output" for cell, o in outputs(nb) if o.get("metadata"))


def pictures_of_figures(nb: NotebookNode) -> Iterator[str]:
    for cell, output in outputs(nb):
        data = output.get("data", {})
        if PLOTLY_MIME in data and "image/png" not in data:
            yield f"{cell} has a figure without its picture: regenerate where there is a Chromium"


RULES = [
    executed_in_order,
    outputs_stored,
    no_errors,
    plain_python,
    nothing_defined,
    nothing_ignored,
    asks_a_decision,
    text_beside_code,
    short_cells,
    short_frames,
    enough_words,
    fixed_ids,
    clean_metadata,
    pictures_of_figures,
]


def test_there_are_notebooks():
    """A guard over nothing guards nothing."""
    assert NOTEBOOKS, "notebooks/ holds no notebook"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_notebooks_keep(rule):
    """Each stored notebook keeps the rule."""
    faults = {path.name: [*rule(nbformat.read(path, as_version=4))] for path in NOTEBOOKS}
    assert not {name: found for name, found in faults.items() if found}


def test_outputs_are_of_this_code_and_data():
    """A report takes stored outputs if a notebook's digest is that of its code and the data: run it else."""
    late = [
        path.name
        for path in NOTEBOOKS
        if nbformat.read(path, as_version=4).metadata.get(INPUTS) != inputs(path)
    ]
    assert not late, "run planning notebooks"


# Bad notebooks: a good one with one thing changed, which exactly one rule must notice.

FIGURE = {PLOTLY_MIME: {"data": [], "layout": {}}, "image/png": "iVBORw0KGgo=", "text/plain": "Agents"}


def good(**changes) -> NotebookNode:
    """Return a notebook that keeps every rule, its last code cell changed."""
    last = {
        "source": "show(fig)",
        "execution_count": 2,
        "outputs": [new_output("display_data", FIGURE)],
    } | changes
    cells = [
        new_markdown_cell("# How many agents at night?\n" + "word " * 250),
        new_code_cell("agents = 41", execution_count=1),
        new_markdown_cell("## Result"),
        new_code_cell(**last),
    ]
    for position, cell in enumerate(cells, start=1):
        cell.id = f"cell-{position:02d}"
    return new_notebook(cells=cells, metadata=METADATA | {INPUTS: ""})


def with_text(first: str) -> NotebookNode:
    nb = good()
    nb.cells[0].source = first
    return nb


def with_cell(position: int, **changes) -> NotebookNode:
    nb = good()
    nb.cells[position].update(changes)
    return nb


def with_more_text(cells: int) -> NotebookNode:
    nb = good()
    nb.cells += [new_markdown_cell("more", id=f"cell-{n:02d}") for n in range(5, 5 + cells)]
    return nb


def frame(rows: int, shape: str = "") -> list[NotebookNode]:
    page = f"<table><thead><tr></tr></thead><tbody>{'<tr></tr>' * rows}</tbody></table>{shape}"
    return [new_output("display_data", {"text/html": page})]


def stripped() -> NotebookNode:
    nb = good()
    for cell in code_cells(nb):
        cell.update(outputs=[], execution_count=None)
    return nb


LONG = "# How many agents at night?\n" + "word " * 1000
SHOWN = [new_output("display_data", FIGURE)]
ERROR = [*SHOWN, new_output("error", ename="ValueError", evalue="", traceback=[])]
WARNING = [*SHOWN, new_output("stream", name="stderr", text="FutureWarning")]
NO_PICTURE = [new_output("display_data", {PLOTLY_MIME: {}, "text/plain": "Agents"})]
NOISE = [new_output("display_data", FIGURE, metadata={"isolated": True})]

BAD = {
    "count out of order": (good(execution_count=7), {executed_in_order}),
    "never executed": (good(execution_count=None), {executed_in_order}),
    "stripped": (stripped(), {executed_in_order, outputs_stored}),
    "last code without output": (good(source="agents = 42", outputs=[]), {outputs_stored}),
    "a figure not stored": (with_cell(1, source="show(fig)"), {outputs_stored}),
    "a value not stored": (with_cell(1, source="agents = 41\nagents"), {outputs_stored}),
    "error": (good(outputs=ERROR), {no_errors}),
    "standard error": (good(outputs=WARNING), {no_errors}),
    "magic": (good(source="%time show(fig)"), {plain_python}),
    "cell magic": (good(source="%%time\nshow(fig)"), {plain_python}),
    "shell": (good(source="files = !ls"), {plain_python}),
    "magic by call": (good(source="get_ipython().run_line_magic('time', '')"), {plain_python}),
    "function": (good(source="def f():\n    return 1"), {nothing_defined}),
    "class": (good(source="class A:\n    pass"), {nothing_defined}),
    "lambda": (good(source="f = lambda x: x"), {nothing_defined}),
    "nbval tag": (good(metadata={"tags": ["nbval-ignore-output"]}), {nothing_ignored}),
    "raises tag": (good(metadata={"tags": ["raises-exception"]}), {nothing_ignored}),
    "nbval comment": (good(source="# NBVAL_SKIP\nshow(fig)"), {nothing_ignored}),
    "title not first": (with_text("Agents at night\n" + "word " * 250), {asks_a_decision}),
    "title without decision": (with_text("# Night overflow\n" + "word " * 250), {asks_a_decision}),
    "too much text": (with_more_text(2), {text_beside_code}),
    "long cell": (good(source="\n".join(["show(fig)"] * 13)), {short_cells}),
    "long frame": (good(outputs=frame(13)), {short_frames}),
    "cut frame": (good(outputs=frame(11, "<p>672 rows × 5 columns</p>")), {short_frames}),
    "few words": (with_text("# How many agents at night?"), {enough_words}),
    "many words": (with_text(LONG), {enough_words}),
    "random id": (with_cell(2, id="a1b2c3d4"), {fixed_ids}),
    "cell metadata": (good(metadata={"collapsed": True}), {clean_metadata}),
    "output metadata": (good(outputs=NOISE), {clean_metadata}),
    "figure without picture": (good(outputs=NO_PICTURE), {pictures_of_figures}),
}


def broken(nb: NotebookNode) -> set:
    return {rule for rule in RULES if [*rule(nb)]}


def test_a_good_notebook_keeps_every_rule():
    """The bad ones differ from this in one thing."""
    assert broken(good()) == set()


@pytest.mark.parametrize(("nb", "rules"), BAD.values(), ids=BAD)
def test_a_bad_notebook_fails_for_its_own_reason(nb, rules):
    """Each rule notices its own fault and no other."""
    assert broken(nb) == rules


def test_metadata_of_the_machine_is_noticed():
    """JupyterLab's save adds the interpreter's version."""
    nb = good()
    nb.metadata = nbformat.from_dict(METADATA | {"language_info": {"name": "python", "version": "3.11.2"}})
    assert broken(nb) == {clean_metadata}


def test_every_rule_is_proved():
    """No rule is without a bad notebook."""
    assert set().union(*(rules for _, rules in BAD.values())) == set(RULES)
