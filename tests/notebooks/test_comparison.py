"""The comparison of notebooks can fail: stored outputs against changed code, by a real `pytest --nbval`."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from planning.report.execute import regenerate

ROOT = Path(__file__).resolve().parents[2]
SOURCE = """\
import sys

import numpy as np
from planning.report import figure, show

values = np.array([0.1234565, 52.0, np.nan, 17345.5]) * np.array([1, 1.0, 1, 1])
print("52 agents")
print("all is well", file=sys.stderr)
show(figure(title="Agents").add_scatter(y=values, name="Kaluga"), {"agents": 52})"""

# What is changed in the code after its outputs were stored, and whether nbval must fail.
CASES = {
    "unchanged": ("", "", "PASSED"),
    "1e-12 up": ("1.0", "1.000000000001", "PASSED"),
    "1e-12 down": ("1.0", "0.999999999999", "PASSED"),
    "standard error": ("all is well", "a warning", "PASSED"),
    "0.03 % of one point": ("1.0", "1.0003", "FAILED"),
    "1e-5 of one point": ("1.0", "0.99999", "FAILED"),
    "a point less": ("name=", "x=[1, 2, 3, 5], name=", "FAILED"),
    "printed text": ('"52 agents"', '"53 agents"', "FAILED"),
    "the figure's numbers": ('{"agents": 52}', '{"agents": 53}', "FAILED"),
    "no figure": ("show(figure", "str(figure", "FAILED"),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Store a notebook's outputs, change its code in one way a copy, and run nbval on all copies at once."""
    folder = tmp_path_factory.mktemp("changed")
    stored = folder / "stored.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SOURCE)]), stored)
    regenerate([stored])
    for name, (old, new, _) in CASES.items():
        notebook = nbformat.read(stored, as_version=4)
        notebook.cells[0].source = SOURCE.replace(old, new, 1)
        nbformat.write(notebook, folder / f"{name}.ipynb")
    # This file on the command line makes pytest load the hook in tests/conftest.py; its tests are left out.
    options = ["-p", "nbval", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "-rA", "--color=no"]
    command = [sys.executable, "-m", "pytest", *options, "--deselect=tests", __file__, folder]
    env = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    return done.stdout


@pytest.mark.parametrize(("name", "outcome"), [(name, case[2]) for name, case in CASES.items()])
def test_nbval_tells_noise_from_change(report, name, outcome):
    """Noise of 1e-12 and standard error pass; 0.03 % of one point of a figure fails."""
    lines = [line for line in report.splitlines() if f"{name}.ipynb::Cell 0" in line]
    assert any(line.startswith(outcome) for line in lines), report
