"""`chaoskit report`: the reports again, from disk."""

from pathlib import Path

import click

from chaoskit import pipeline
from chaoskit.cli.options import PathArgument


@click.command()
@click.argument("run", type=PathArgument(), default=Path("reports/latest"))
def command(*, run: Path) -> None:
    """Render a stored run again, without an engine."""
    finished = pipeline.report(run)
    for name in ("report.html", "junit.xml", "summary.md"):
        click.echo(str(finished.folder.path / name))
