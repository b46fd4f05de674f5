"""A plan as a page, for any centre."""

import nbformat
import pandas as pd
from factories import MONDAY, demand_of, one_site, small_plan

from planning.plan import plan
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
    found = heads_by_site({"requirement": needed, "roster": roster, "breaks": breaks}, one_site())
    assert found.loc[at, "required_a"].tolist() == [2] * 5
    assert found.loc[at, "supplied_a"].tolist() == [1, 2, 1, 2, 0]


def test_nobody_is_drawn_in_closed_hours():
    """A figure held the heads of the evening until the morning."""
    made = plan(one_site(), demand_of(6.0, days=2, hours=(9, 17)), replications=2)
    found = heads_by_site(made.tables, made.centre)
    hour = found.index.hour
    assert (found.loc[(hour >= 9) & (hour < 17), "required_north"] > 0).all()
    assert (found.loc[(hour < 9) | (hour >= 17), "required_north"] == 0).all()
    assert (found.loc[hour < 5, "supplied_north"] == 0).all()


def test_no_name_is_taken_for_html():
    made = plan(
        one_site({"name": "<b>x</b>"}, queues=["<i>calls</i>"]),
        demand_of(6.0, queue="<i>calls</i>", hours=(9, 17)),
        replications=2,
    )
    cells = plan_notebook(made.summary, made.tables, made.centre).cells
    assert cells[0].source.startswith("# ‹b›x‹/b›: does the plan hold?")
    assert "<b>" not in str(cells)
    assert "<i>" not in str(cells)


def test_who_works_past_the_end_is_there_at_the_beginning():
    """A plan of one day showed its night as empty: the shift was drawn after the end only."""
    made = small_plan()
    found = heads_by_site(made.tables, made.centre)
    assert (found["supplied_north"] >= found["required_north"]).all()


def test_a_plan_that_does_not_hold_says_why_on_its_page():
    made = plan(one_site({"sites.north.seats": 0}), demand_of(6.0, hours=(9, 17)), replications=2)
    text = plan_notebook(made.summary, made.tables, made.centre).cells[0].source
    assert "**No**: 0 hours of shifts and 0 idle hours" in text
    assert "0 on staff, at most 0 on shift in a day and 0 on position at once" in text
    assert "sites.north.seats is 0, and no workplace is free: give the site at least 3 more" in text
    assert "Calls: 0.0% answered in time, 80% promised" in text
    assert "From Monday 23 November 2026, 09:00 to Monday 23 November 2026, 17:00" in text
