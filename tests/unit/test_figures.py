"""The figures of a plan say what their centre is: its sites, its hours, its currency."""

import numpy as np
import pandas as pd
import pytest
from factories import MONDAY, day_site, one_site, three_sites, two_sites

from planning.errors import PlanningError
from planning.report import figures
from planning.report.style import money_axis

DAY = pd.date_range(MONDAY, periods=96, freq="15min")
WEEKEND = {
    "sites.south.opens": "00:00", "sites.south.closes": "24:00", "overflow.0.at": "20:00",
    "overflow.0.until": "08:00", "overflow.0.days": ["sat", "sun"],
}  # fmt: skip
EURO = {"country": "DE", "currency": "EUR"}


@pytest.mark.parametrize(
    ("centre", "texts"),
    [
        (one_site(), []),
        (two_sites(), ["22:00 South closes"]),
        (two_sites({"overflow.0.at": "20:00"}), ["20:00 South hands over"]),
        (two_sites(WEEKEND), []),
        (three_sites(), ["18:00 Tokyo closes", "22:00 Berlin closes"]),
        (three_sites({"sites.berlin.closes": "18:00"}), ["18:00 Tokyo closes, Berlin closes"]),
        (day_site(), ["20:00 Berlin closes"]),
    ],
)
def test_closings_are_the_centres(centre, texts):
    """Every figure said that Moscow closes at 22:00."""
    assert [*figures.closings(centre, DAY).values()] == texts


def test_a_week_says_once_who_closes_and_marks_every_day():
    calls = pd.DataFrame({"UTC+1": 1.0}, index=pd.date_range(MONDAY, periods=7 * 96, freq="15min"))
    fig = figures.demand_by_zone(calls, three_sites())
    assert len(fig.layout.shapes) == 14
    assert [note.yshift for note in fig.layout.annotations] == [0, -18]


@pytest.mark.parametrize("centre", [day_site(), two_sites(), three_sites()])
def test_every_site_has_a_colour_and_its_own_name(centre):
    table = pd.DataFrame({"interval_start": DAY, "service_level": 0.9, "formula": 0.9})
    table = table.assign(**{f"agents_{site}": 1 for site in centre.sites})
    areas = [trace for trace in figures.agents_and_service(table, centre, 0.8).data if trace.stackgroup]
    assert [area.name.lower() for area in areas] == [*centre.sites][::-1]
    heads = pd.DataFrame(index=DAY).assign(
        **{f"{kind}_{site}": 1 for kind in ("required", "supplied") for site in centre.sites}
    )
    supplied = figures.supply_by_site(heads, centre).data[::2]
    assert [trace.line.color for trace in supplied] == [area.line.color for area in areas][::-1]
    assert len({area.line.color for area in areas}) == len(areas)


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [([12.0], (1.0, "€")), ([-1500.0, np.nan], (1e-3, "€ thousand")), ([2e6], (1e-6, "€ million"))],
)
def test_an_axis_of_money_is_in_the_centres_currency(amounts, expected):
    assert money_axis(one_site(EURO), amounts) == expected


BOUNDS = pd.DataFrame({"cost": [5.0, 900.0, 1000.0]}, index=["base", "21:00", "22:00"])
WHOLE = pd.DataFrame(
    {
        "cost_difference": [0.0, -80.0],
        "cost_difference_low": [0.0, -99.0],
        "cost_difference_high": [0.0, 7.0],
    },
    index=["base", "21:00"],
)


def test_closing_costs_name_the_site_and_its_hour():
    fig = figures.closing_costs(BOUNDS, WHOLE, two_sites(EURO))
    assert fig.layout.title.text == "Closing hours against 22:00"
    assert fig.layout.xaxis.title.text == "South closes at"
    assert fig.layout.yaxis.title.text == "€ a day"
    assert list(fig.data[0].y) == [-100.0, 0.0]
    assert [*fig.data[1].x, *fig.data[1].error_y.array, *fig.data[1].error_y.arrayminus] == ["21:00", 87, 19]


def test_closing_costs_are_those_of_the_site_asked_for():
    """It took the first site that closes for the one whose hours were compared."""
    fig = figures.closing_costs(BOUNDS, WHOLE, three_sites(), "berlin")
    assert fig.layout.title.text == "Closing hours against 22:00"
    assert fig.layout.xaxis.title.text == "Berlin closes at"
    with pytest.raises(PlanningError, match="tokyo and berlin close: name one of them"):
        figures.closing_costs(BOUNDS, WHOLE, three_sites())


def test_a_band_of_shares_is_drawn_between_0_and_1():
    """Few replications drew a service level of up to 130 %."""
    outcome = pd.DataFrame({"simulated": [0.9, 0.2], "half_width": 0.4, "promised": 0.9, "target": 0.8})
    error = figures.service_levels(outcome.set_axis(["calls", "claims"])).data[0].error_x
    assert list(error.array) == pytest.approx([0.1, 0.4])
    assert list(error.arrayminus) == pytest.approx([0.4, 0.2])
