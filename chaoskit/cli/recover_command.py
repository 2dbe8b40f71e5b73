"""`chaoskit recover`: lift and remove what a dead run left behind."""

import json
from pathlib import Path

import click

from chaoskit.cli import completing
from chaoskit.cli.options import PathArgument, json_option, reports_option


@click.command()
@click.argument("run", required=False, type=PathArgument(), shell_complete=completing.runs)
@reports_option()
@json_option()
def command(*, run: Path | None, reports: Path, as_json: bool) -> None:
    """Lift and remove what a dead run left behind.

    RUN is a run's folder; without it, every run whose harness is dead.
    """
    from chaoskit import standing  # noqa: PLC0415

    done = standing.recover(run, reports, tell=lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(json.dumps(done, indent=2))
        return
    for line in (*done["undone"], *done["removed"]):
        click.echo(line)
    if not done["undone"] and not done["removed"]:
        click.echo("Nothing was left behind.")
