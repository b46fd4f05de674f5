"""Commands that start, describe and plan a centre."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planning.cli.common import (
    CENTRE,
    NOTEBOOKS,
    CentreArgument,
    DaysOption,
    DemandOption,
    GapsOption,
    HireOption,
    MoveOption,
    PeopleOption,
    ReplicationsOption,
    StartOption,
    TrimOption,
    centre_here,
    make_plan,
    tell,
)


def init(
    folder: Annotated[Path, typer.Argument(help="Folder to write into.")],
    example: Annotated[str, typer.Option(help="Example to start from: small, global or operator.")] = "small",
) -> None:
    """Write an example to start from: a centre's file and its demand, scenarios and people, if any."""
    from planning.examples import write

    for path in write(example, folder):
        typer.echo(str(path))
    typer.echo(f"Now edit {folder / CENTRE.name}, then run `planning plan` in {folder}")


def check(
    centre: CentreArgument = None,
    law: Annotated[
        bool,
        typer.Option("--law", help="Print the labour rules instead, as the centre's file may have them."),
    ] = False,
) -> None:
    """Say what a centre is, and what its file does not say yet."""
    from planning.centre import Centre
    from planning.centre.describe import describe, labour_toml, left_open
    from planning.roster.rotations import check_rotations

    settings = Centre.load(centre or centre_here())
    check_rotations(settings)
    if law:
        typer.echo(labour_toml(settings))
        countries = {name: settings.country_of(name) for name in settings.sites}
        for country in sorted({*countries.values()} - {settings.country}):
            sites = [name for name in countries if countries[name] == country]
            typer.echo(f"\n# At {', '.join(sites)} the law of {country} holds; [labour] holds at every site.")
            typer.echo("\n".join(f"# {line}" for line in labour_toml(settings.at(sites[0])).splitlines()))
        return
    for line in describe(settings):
        typer.echo(line)
    missing = left_open(settings)
    typer.echo("The file leaves nothing open." if not missing else "Left open:")
    for line in missing:
        typer.echo(f"- {line}")


def plan_command(
    centre: CentreArgument = None,
    demand: DemandOption = None,
    out: Annotated[Path, typer.Option(help="Folder for the plan's files.")] = Path("plan"),
    people: PeopleOption = None,
    hire: HireOption = None,
    move: MoveOption = None,
    vips: Annotated[
        Path | None,
        typer.Option(help="The VIPs and their managers, CSV; default: vips.csv beside the centre, if any."),
    ] = None,
    before: Annotated[
        Path | None,
        typer.Option(help="Folder of the roster before: its people go on with what they carry over."),
    ] = None,
    start: StartOption = None,
    days: DaysOption = 7,
    gaps: GapsOption = "refuse",
    replications: ReplicationsOption = 20,
    trim: TrimOption = False,
    overwrite: Annotated[
        bool, typer.Option(help="Replace an earlier plan, or files with the names of a plan's.")
    ] = False,
) -> None:
    """Plan the days after (or inside) a demand file and write the plan's files."""
    from planning.plan import check_folder

    check_folder(out, overwrite=overwrite)
    made = make_plan(
        centre, demand, people, hire=hire, move=move, start=start, days=days, gaps=gaps,
        replications=replications, vips=vips, before=before, trim=trim,
    )  # fmt: skip
    folder = made.save(out, overwrite=overwrite)
    tell(made, folder)


def report(
    centre: CentreArgument = None,
    demand: DemandOption = None,
    people: PeopleOption = None,
    hire: HireOption = None,
    move: MoveOption = None,
    start: StartOption = None,
    days: DaysOption = 7,
    gaps: GapsOption = "refuse",
    replications: ReplicationsOption = 20,
    trim: TrimOption = False,
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("reports"),
    pdf: Annotated[bool, typer.Option(help="Also print the pages to PDF, if Chromium is installed.")] = True,
    anew: Annotated[
        bool,
        typer.Option("--anew", help="Run all notebooks, also those whose stored outputs are of this data."),
    ] = False,
) -> None:
    """Plan a centre and write its plan as an offline page; for the example also a page a notebook."""
    import nbformat

    from planning.report.execute import executed
    from planning.report.pages import build
    from planning.report.plan_page import plan_notebook

    centre = centre or centre_here()
    made = make_plan(
        centre,
        demand,
        people,
        hire=hire,
        move=move,
        start=start,
        days=days,
        gaps=gaps,
        replications=replications,
        trim=trim,
    )
    folder = made.save(out / "plan", overwrite=True)
    page = out / "executed" / "plan.ipynb"
    page.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(plan_notebook(made.summary, made.tables, made.centre), page)
    build([page], out)  # the plan's page is there while the notebooks run
    example = sorted(NOTEBOOKS.glob("*.ipynb")) if centre == CENTRE else []
    notebooks = executed(example, out / "executed", anew=anew)
    index = build([page, *notebooks], out, pdf=pdf)
    tell(made, folder)
    typer.echo(f"Report:         {index}")
    failed = [reason for reason in notebooks.values() if reason]
    for reason in failed:
        typer.echo(f"Not answered:   {reason}", err=True)
    if failed:
        raise typer.Exit(1)
