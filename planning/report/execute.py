"""Run notebooks from the first cell to the last: in place to store their outputs, or aside for a report.

A notebook stored with its outputs carries a digest of what it was run on: the code of its cells, and the data
of the example. The tests hold the outputs equal to those of the package.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from tqdm.contrib.concurrent import thread_map

from planning.errors import PlanningError
from planning.report.pdf import AT_ONCE

METADATA: Final = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
"""The metadata of a stored notebook, beside its `INPUTS`: the machine and its versions are left out."""
INPUTS: Final = "inputs"
"""Metadata of a stored notebook: the digest of what it was run on."""


def regenerate(paths: Iterable[Path | str], *, timeout_s: float = 3600.0) -> list[Path]:
    """Execute notebooks in place; a second run writes the same bytes.

    Parameters
    ----------
    paths : notebooks; each runs in its own folder
    timeout_s : the longest that one cell may take

    Returns
    -------
    the notebooks written; nothing is written for a notebook that fails

    Raises
    ------
    PlanningError
        naming the notebook and the cell that failed.
    """
    notebooks = [Path(path) for path in paths]
    _run([(path, path) for path in notebooks], {}, timeout_s)
    return notebooks


def picture(path: Path | str, title: str) -> bytes:
    """Return the stored picture of a notebook's first figure whose title begins with a text.

    Raises
    ------
    PlanningError
        The notebook holds no such picture.
    """
    for cell in nbformat.read(Path(path), as_version=4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if data.get("text/plain", "").startswith(title) and "image/png" in data:
                return base64.b64decode(data["image/png"])
    raise PlanningError(f"{path} holds no picture titled {title!r}: run it where Chromium is installed")


def executed(
    paths: Iterable[Path | str], out: Path | str, *, anew: bool = False, timeout_s: float = 3600.0
) -> dict[Path, str]:
    """Put executed notebooks into another folder, and run only those that must be run.

    The outputs stored with a notebook are taken if it and the data are as they were when it was run; else
    those that an earlier report left in the folder; else the notebook is run there, without pictures. A
    notebook that fails does not stop the others: in its place stands one that says so.

    Parameters
    ----------
    paths : notebooks, in a folder beside that of their data
    out : the folder that receives the executed notebooks; it is made if it is missing
    anew : run all of them; for a change of the package, which the digest does not know
    timeout_s : the longest that one cell may take

    Returns
    -------
    the executed notebooks, for `planning.report.pages.build`, and why each failed, empty if it did not

    Raises
    ------
    PlanningError
        if `out` is the notebooks' own folder.
    """
    folder, sources = Path(out), [Path(path) for path in paths]
    for source in sources:
        if source.parent.resolve() == folder.resolve():
            raise PlanningError(
                f"out is {folder}, must lie apart from {source.name}: name another folder, or call regenerate"
            )
    folder.mkdir(parents=True, exist_ok=True)
    pairs = {source: folder / source.name for source in sources}
    kept = {source: None if anew else _kept(source, target) for source, target in pairs.items()}
    for source, found in kept.items():
        if found is not None:
            nbformat.write(found, pairs[source])
    late = [(source, pairs[source]) for source, found in kept.items() if found is None]
    failed = dict(zip(late, _run(late, {"PLANNING_PNG": "0"}, timeout_s, marked=True), strict=True))
    return {target: failed.get((source, target), "") for source, target in pairs.items()}


def _kept(source: Path, target: Path) -> nbformat.NotebookNode | None:
    """The notebook with outputs of what it is now, stored with it or left by an earlier report."""
    wanted = inputs(source)
    for path in (source, target):
        if path.exists():
            notebook = nbformat.read(path, as_version=4)
            if notebook.metadata.get(INPUTS) == wanted:
                return notebook
    return None


def inputs(path: Path | str) -> str:
    """Return a digest of what a notebook runs on: the code of its cells, and the files of data.

    Parameters
    ----------
    path : the notebook; its data lie in the folder ``data`` beside its own
    """
    source = Path(path).resolve()
    parts = [
        cell.source.encode() for cell in nbformat.read(source, as_version=4).cells if cell.cell_type == "code"
    ]
    data = source.parents[1] / "data"
    parts += [file.read_bytes() for file in sorted(data.glob("*.*")) if file.suffix != ".md"]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _run(
    pairs: list[tuple[Path, Path]], env: dict[str, str], timeout_s: float, *, marked: bool = False
) -> list[str]:
    one = partial(
        _execute_one,
        env=os.environ | {"TQDM_DISABLE": "1", "PLANNING_WIDGETS": "0"} | env,
        timeout_s=timeout_s,
        marked=marked,
    )
    if not pairs:
        return []
    failures: list[str] = thread_map(one, pairs, max_workers=AT_ONCE, desc="notebooks", unit="notebook")
    return failures


def _execute_one(pair: tuple[Path, Path], *, env: dict[str, str], timeout_s: float, marked: bool) -> str:
    """Run a notebook and write it; of one that fails return why, and write that if it shall be marked."""
    source, target = pair
    notebook = nbformat.read(source, as_version=4)
    notebook.nbformat_minor = 5
    tidy(notebook)
    try:
        # A loop of its own in each thread, closed at the end: so this also works where a loop runs already.
        asyncio.run(_execute(notebook, source.resolve().parent, env, timeout_s))
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as failure:
        message = f"{source.name} fails, {_reason(notebook, failure)}: open it in JupyterLab and run it"
        if not marked:
            raise PlanningError(message) from failure
        nbformat.write(_failed(notebook, message), target)
        return message
    notebook.metadata[INPUTS] = inputs(source)
    nbformat.write(tidy(notebook), target)
    return ""


def _failed(notebook: nbformat.NotebookNode, message: str) -> nbformat.NotebookNode:
    """A notebook that keeps the title of one that failed, and says why it did."""
    title = notebook.cells[0].source.partition("\n")[0] if notebook.cells else ""
    heading = title if title.startswith("# ") else "# A notebook that fails"
    text = f"{heading}\n\n**Not answered**. `{message}`"
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])


def _reason(notebook: nbformat.NotebookNode, failure: Exception) -> str:
    """Name the cell and its error; a time-out or a dead kernel only says so."""
    if not isinstance(failure, CellExecutionError):
        return str(failure).strip().splitlines()[0]
    failed = (
        cell for cell in notebook.cells if cell.get("outputs") and cell.outputs[-1].output_type == "error"
    )
    return f"{next(failed).id}, {failure.ename}: {failure.evalue}"


async def _execute(
    notebook: nbformat.NotebookNode, folder: Path, env: dict[str, str], timeout_s: float
) -> None:
    # Without kernel folders only this interpreter is left, even if the user has registered another "python3".
    kernels = KernelSpecManager(kernel_dirs=[], ensure_native_kernel=True)
    client = NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_name="python3", kernel_spec_manager=kernels),
        timeout=timeout_s,
        record_timing=False,
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],  # kernels on this machine only, over the loopback
        resources={"metadata": {"path": str(folder)}},
    )
    await client.async_execute(env=env, cleanup_kc=True)


def tidy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Give a notebook fixed cell ids, and no metadata but its kernel, its inputs and its cells' tags.

    It is changed in place.

    Examples
    --------
    >>> nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", metadata={"collapsed": True})])
    >>> tidy(nb).cells[0].id, dict(nb.cells[0].metadata)
    ('cell-01', {})
    """
    kept = {INPUTS: notebook.metadata[INPUTS]} if INPUTS in notebook.metadata else {}
    notebook.metadata = nbformat.from_dict(METADATA | kept)
    for position, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{position:02d}"
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k == "tags" and v})
        for output in cell.get("outputs", []):
            if "metadata" in output:
                output.metadata = nbformat.from_dict({})
    return notebook
