"""The `planning` command."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Annotated

import typer

from planning.cli.adherence import adherence
from planning.cli.example import data, notebooks
from planning.cli.plans import check, init, plan_command, report
from planning.cli.records import demand
from planning.cli.roster import app as roster
from planning.cli.scenarios import app_command, compare_command
from planning.cli.today import accept, today
from planning.errors import PlanningError

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
COMMANDS: dict[str, Callable[..., None]] = {
    "init": init,
    "check": check,
    "demand": demand,
    "plan": plan_command,
    "report": report,
    "today": today,
    "accept": accept,
    "adherence": adherence,
    "compare": compare_command,
    "app": app_command,
    "notebooks": notebooks,
    "data": data,
}
for name, command in COMMANDS.items():
    app.command(name)(command)
app.add_typer(roster, name="roster")


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(version("contact-centre-planning"))
        raise typer.Exit


@app.callback()
def about(
    asked: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Workforce planning for contact centres."""


def main() -> None:
    """Run the command; a PlanningError becomes one line on the error stream and exit code 2."""
    told = cache(lambda text: typer.echo(f"note: {text}", err=True))  # once, however often it is found
    warnings.showwarning = lambda message, *_: told(str(message))
    try:
        app()
    except PlanningError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
    except ModuleNotFoundError as error:
        if str(error.name).startswith("planning"):
            raise
        remedy = "pip install 'contact-centre-planning[notebooks]'"
        typer.echo(f"error: {error.name} is not installed, which this command needs: {remedy}", err=True)
        sys.exit(2)
