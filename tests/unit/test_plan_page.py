"""A plan as a page, for any centre."""

import nbformat
import pandas as pd
from factories import MONDAY, small_plan

from planning.report import pages
from planning.report.plan_page import heads_by_site, plan_notebook


def test_a_plan_becomes_a_page(tmp_path):
    made = small_plan()
    nbformat.write(plan_notebook(made.summary, made.tables, made.centre), tmp_path / "plan.ipynb")
    index = pages.build([tmp_path / "plan.ipynb"], tmp_path / "out")
    text = (index.parent / "plan.html").read_text(encoding="utf-8")
    assert text.count('class="plot"') == 3
    assert "does the plan hold?" in index.read_text(encoding="utf-8")
    assert "moscow" not in text.lower().replace("europe/moscow", "")


def test_heads_on_position_are_those_at_work_and_not_on_a_break():
    """The end of a shift and of a break belong to what comes next."""
    at = [MONDAY + pd.Timedelta(minutes=minutes) for minutes in (0, 15, 30, 45, 60)]
    needed = pd.DataFrame({"site": "a", "interval_start": at, "rostered": 2})
    roster = pd.DataFrame({"agent_id": ["x", "y"], "site": "a", "start": [at[0], at[1]], "end": at[4]})
    breaks = pd.DataFrame({"agent_id": ["x"], "start": [at[2]], "end": [at[3]]})
    found = heads_by_site({"requirement": needed, "roster": roster, "breaks": breaks})
    assert found["required_a"].tolist() == [2] * 5
    assert found["supplied_a"].tolist() == [1, 2, 1, 2, 0]
