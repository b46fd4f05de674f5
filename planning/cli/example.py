"""Commands that make the example's notebooks and data anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planning.cli.common import CENTRE, DEMAND, NOTEBOOKS, PEOPLE, VIPS

PICTURES = {
    "night_overflow.png": ("40_night_overflow.ipynb", "The hand-over"),
    "forecast.png": ("15_forecast.ipynb", "Forecast of"),
    "scenarios.png": ("97_what_if.ipynb", "Cost and service"),
}
"""Pictures in the README: the notebook, and how the title of its figure begins."""


def notebooks() -> None:
    """Run the notebooks in place and store their outputs, which are the same byte for byte each time."""
    from planning.report.execute import picture, regenerate

    regenerate(sorted(NOTEBOOKS.glob("*.ipynb")))
    for name, (notebook, title) in PICTURES.items():
        (NOTEBOOKS / name).write_bytes(picture(NOTEBOOKS / notebook, title))


def data(
    out: Annotated[Path, typer.Option(help="Folder for the data.")] = Path("data"),
    seed: Annotated[int, typer.Option(help="Seed of the people.")] = 1,
) -> None:
    """Generate the synthetic data again: demand, call records, people, VIPs."""
    import pandas as pd

    from planning.centre import Centre
    from planning.demand import demand_for, read_demand
    from planning.demand.synthetic import Synthetic, write_data
    from planning.roster.people import fewest_people, synthetic_people
    from planning.shifts import cover_all
    from planning.staffing import requirement
    from planning.systems.vip import synthetic_vips

    settings = Centre.load(out / CENTRE.name)
    write_data(out)
    week = demand_for(settings, read_demand(out / DEMAND.name, settings.time_zone))
    shifts = cover_all(settings, requirement(settings, week))
    hours, heads = shifts.teams["paid_h"].to_dict(), fewest_people(settings, shifts.shifts)
    start = week["interval_start"].min()
    made = synthetic_people(settings, hours, start=start, seed=seed, heads_by_team=heads)
    if settings.systems.vip is not None:
        zones = pd.Series(
            {zone.utc_offset_h: zone.share for zone in Synthetic.load(out / "synthetic.toml").population}
        )
        managers = made.loc[made["grade"] == "manager", "agent_id"]
        vips, speaks = synthetic_vips(settings.systems.vip, managers, zones, seed=seed)
        vips.to_csv(out / VIPS.name, lineterminator="\n")
        made["skills"] = made["agent_id"].map(speaks.dot(speaks.columns + " ").str.strip())
    made.to_csv(out / PEOPLE.name, index=False, lineterminator="\n")
    typer.echo(f"{out}: {len(made)} people for {sum(hours.values()):,.0f} hours a week")
