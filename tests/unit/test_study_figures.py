"""The studies' figures: what they draw is in their frames, for any centre."""

import numpy as np
import pandas as pd
import pytest

from planning.report import study_figures
from planning.report.style import colours_of
from planning.studies.verdicts import Prior, best_bar, shrunk

MORNING = pd.Timestamp("2026-11-23 08:00", tz="Europe/Berlin")


def test_duties_have_the_colours_of_the_centre_s_sites():
    """A roster that begins with the second site does not take the first one's colour."""
    rows = {
        "agent_id": ["a_doctor", "b_doctor"],
        "site": ["porto", "berlin"],
        "start": MORNING,
        "end": MORNING + pd.Timedelta(hours=8),
    }
    fig = study_figures.duties(pd.DataFrame(rows), ["berlin", "porto"])
    drawn = {bar.name.lower(): bar.marker.color for bar in fig.data}
    assert drawn == colours_of(["berlin", "porto"])
    assert fig.data[0].x[0] == 8 * 3600 * 1000


def test_the_last_agent_is_judged_in_the_centre_s_currency():
    worth = pd.Series([90.0, 40.0, 10.0], index=[4, 5, 6])
    fig = study_figures.next_agent(worth, 30.0, 6, "€ an hour")
    assert fig.layout.yaxis.title.text == "€ an hour"
    assert len(set(fig.data[0].marker.color)) == 2
    assert fig.data[0].marker.color[0] == fig.data[0].marker.color[1]


def test_verdicts_are_drawn_as_they_are():
    table = best_bar([10, 40], good=0.9, bad=0.75)
    fig = study_figures.verdicts(table, 0.05, 10)
    assert fig.data[0].y == pytest.approx(table["blamed"], abs=1e-5)
    assert fig.data[1].y == pytest.approx(table["missed"], abs=1e-5)
    assert "fair: at most 5%" in [note.text for note in fig.layout.annotations]


def test_scores_stand_in_order():
    table = shrunk([9, 6], [10, 10], Prior(0.9, 30.0)).assign(truth=[0.9, 0.8])
    fig = study_figures.scores(table, 0.88)
    assert fig.data[1].y == pytest.approx([0.6, 0.9])
    assert fig.data[2].y == pytest.approx([0.8, 0.9])


def test_flexibility_is_a_part_of_the_whole_gain():
    table = pd.DataFrame(
        {"fewer": 1, "cross_trained": [0, 2, 9], "gain": [0.0, 5.0, 10.0], "half_width": 1.0}
    )
    (curve,) = study_figures.flexibility(table).data
    assert curve.y == pytest.approx([0.0, 0.5])
    assert np.asarray(curve.error_y.array) == pytest.approx([0.1, 0.1])
