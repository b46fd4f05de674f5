"""Run notebooks from the first cell to the last: in place to store their outputs, or aside for a report."""

from __future__ import annotations

import asyncio
import base64
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
"""All the metadata of a stored notebook: the machine and its versions are left out."""


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
    return _run([(Path(path), Path(path)) for path in paths], {}, timeout_s)


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


def execute_to(paths: Iterable[Path | str], out: Path | str, *, timeout_s: float = 3600.0) -> list[Path]:
    """Execute notebooks afresh into another folder, without pictures, and leave the originals alone.

    Parameters
    ----------
    paths, timeout_s : see `regenerate`
    out : the folder that receives the executed notebooks; it is made if it is missing

    Returns
    -------
    the executed notebooks, for `planning.report.pages.build`

    Raises
    ------
    PlanningError
        as `regenerate`, and if `out` is the notebooks' own folder.
    """
    folder = Path(out)
    sources = [Path(path) for path in paths]
    for source in sources:
        if source.parent.resolve() == folder.resolve():
            raise PlanningError(
                f"out is {folder}, must lie apart from {source.name}: name another folder, or call regenerate"
            )
    folder.mkdir(parents=True, exist_ok=True)
    return _run([(path, folder / path.name) for path in sources], {"PLANNING_PNG": "0"}, timeout_s)


def _run(pairs: list[tuple[Path, Path]], env: dict[str, str], timeout_s: float) -> list[Path]:
    one = partial(
        _execute_one,
        env=os.environ | {"TQDM_DISABLE": "1", "PLANNING_WIDGETS": "0"} | env,
        timeout_s=timeout_s,
    )
    done: list[Path] = thread_map(one, pairs, max_workers=AT_ONCE, desc="notebooks", unit="notebook")
    return done


def _execute_one(pair: tuple[Path, Path], *, env: dict[str, str], timeout_s: float) -> Path:
    source, target = pair
    notebook = nbformat.read(source, as_version=4)
    notebook.nbformat_minor = 5
    tidy(notebook)
    try:
        # A loop of its own in each thread, closed at the end: so this also works where a loop runs already.
        asyncio.run(_execute(notebook, source.resolve().parent, env, timeout_s))
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as failure:
        message = f"{source.name} fails, {_reason(notebook, failure)}: open it in JupyterLab and run it"
        raise PlanningError(message) from failure
    nbformat.write(tidy(notebook), target)
    return target


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
    """Give a notebook fixed cell ids and no metadata but its kernel's name and the cells' tags, in place.

    Examples
    --------
    >>> nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", metadata={"collapsed": True})])
    >>> tidy(nb).cells[0].id, dict(nb.cells[0].metadata)
    ('cell-01', {})
    """
    notebook.metadata = nbformat.from_dict(METADATA)
    for position, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{position:02d}"
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k == "tags" and v})
        for output in cell.get("outputs", []):
            if "metadata" in output:
                output.metadata = nbformat.from_dict({})
    return notebook
