"""The command that compares agents' states with the roster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planning.cli.common import CentreOption, centre_here, check_file, moment, tell_refused, writing
from planning.errors import PlanningError


def adherence(
    states: Annotated[
        Path,
        typer.Argument(help="Log of agents' states, CSV: agent_id, state, start, and end if it has one."),
    ],
    plan: Annotated[Path, typer.Option(help="Folder of the plan.")],
    working: Annotated[
        str, typer.Option(help="States in which an agent is on position.")
    ] = "ready,talking,hold,wrap",
    until: Annotated[
        str | None,
        typer.Option(help="Up to when the log was written, as 2026-11-23T17:00; default: its last instant."),
    ] = None,
    centre: CentreOption = None,
    out: Annotated[Path | None, typer.Option(help="Table by shift to write, .csv.")] = None,
) -> None:
    """Say who kept to the roster, by team and day, and what shrinkage the log shows."""
    from planning.centre import Centre
    from planning.edition import read_edition
    from planning.intraday.adherence import adherence, shrinkage_changes, summed
    from planning.tables import read_csv

    if out is not None:
        check_file(out)
    settings = Centre.load(centre or centre_here())
    edition = read_edition(plan, settings)
    if not states.is_file():
        raise PlanningError(f"{states} does not exist: give a log of agents' states")
    words = [word.strip() for word in working.split(",")]
    shifts, refused = adherence(
        edition.roster,
        edition.breaks,
        read_csv(states),
        zone=settings.time_zone,
        working=words,
        until=None if until is None else moment(until, settings),
    )
    tell_refused(states, refused)
    for by in ("team", "day"):
        for name, row in summed(shifts, [by]).iterrows():
            label = f"{name:%Y-%m-%d}" if by == "day" else str(name)
            typer.echo(
                f"{label:<25} {row['adherence']:.1%} in, {row['out_min'] - row['absent_min']:,.0f} min out, "
                f"{row['late_min']:,.0f} late, {row['early_min']:,.0f} early, {row['extra_min']:,.0f} extra; "
                f"{row['absence']:.1%} absent"
            )
    typer.echo("\nShrinkage that the log shows, for the centre's file:")
    for path_, share in shrinkage_changes(shifts).items():
        team = path_.split(".")[1]
        typer.echo(f"[teams.{team}] shrinkage = {share}  # now {settings.teams[team].shrinkage:g}")
    if out is not None:
        with writing(out):
            shifts.round(dict.fromkeys(shifts.select_dtypes("float"), 2)).to_csv(
                out, index=False, lineterminator="\n"
            )
        typer.echo(f"Table:          {out}")
