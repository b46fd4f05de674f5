"""Commands for what-ifs: a table of scenarios, and the page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planning.cli.common import (
    CACHE,
    CacheOption,
    CentreArgument,
    CentreOption,
    DaysOption,
    DemandOption,
    GapsOption,
    StartOption,
    centre_here,
    check_file,
    demand_beside,
    people_of,
    writing,
)


def compare_command(
    scenarios: Annotated[Path, typer.Argument(help="Scenarios: TOML, or a grid in CSV.")],
    centre: CentreOption = None,
    demand: DemandOption = None,
    people: Annotated[
        Path | None, typer.Option(help="The people, CSV, to count how many the quality group listens to.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Table to write, .csv or .xlsx.")] = Path("scenarios.xlsx"),
    start: StartOption = None,
    days: DaysOption = 1,
    gaps: GapsOption = "refuse",
    staff: Annotated[
        str, typer.Option(help="Plan whole shifts, or positions (only the heads required).")
    ] = "shifts",
    processes: Annotated[int, typer.Option(min=1, help="Processes on this machine.")] = 1,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler.")] = None,
    cache: CacheOption = CACHE,
) -> None:
    """Plan, simulate and price scenarios side by side; a run that was stopped continues where it left off."""
    from planning.calendars import local_day
    from planning.centre import Centre
    from planning.demand import demand_for, open_days_a_week, read_demand
    from planning.report.workbook import write_scenarios
    from planning.whatif import BASE, compare, executor_of, in_words, read_scenarios

    check_file(out)
    centre = centre or centre_here()
    demand = demand or demand_beside(centre)
    settings, wanted = Centre.load(centre), read_scenarios(scenarios)
    records = read_demand(demand, settings.time_zone)
    rows = demand_for(settings, records, start, days, gaps=gaps)
    opened = local_day(rows.set_index("interval_start").index).nunique(), open_days_a_week(settings, records)
    known = None if people is None else people_of(people, settings)
    with executor_of(processes, scheduler) as executor:
        table = compare(wanted, settings, rows, people=known, staff=staff, executor=executor, cache=cache)
    with writing(out):
        if out.suffix == ".csv":
            table.round(4).to_csv(out, lineterminator="\n")
        else:
            write_scenarios(out, table, settings)
    failed = table[table["reason"] != ""]
    for name, row in failed.iterrows():
        typer.echo(f"{name}: {row['reason']}", err=True)
    for name, row in table.drop(index=[BASE, *failed.index]).iterrows():
        typer.echo(f"{name}: {in_words(settings, row.to_dict(), *opened)}; {row['verdict']}")
    typer.echo(f"{out}: {len(table) - len(failed)} scenarios side by side, {len(failed)} failed")


def app_command(
    centre: CentreArgument = None,
    demand: DemandOption = None,
    cache: CacheOption = CACHE,
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 8866,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
) -> None:
    """Serve the what-if page on this machine, for any number of readers."""
    from planning.app.server import serve

    centre = centre or centre_here()
    demand = demand or demand_beside(centre)
    raise typer.Exit(serve(centre, demand, cache, port=port, browser=browser))
