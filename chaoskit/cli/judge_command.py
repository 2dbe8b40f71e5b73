"""`chaoskit judge`: the verdict again, from the evidence on disk."""

import sys
from pathlib import Path

import click

from chaoskit import pipeline
from chaoskit.cli import completing
from chaoskit.cli.options import PathArgument, json_option


@click.command()
@click.argument(
    "run", type=PathArgument(), default=Path("reports/latest"), shell_complete=completing.runs
)
@json_option()
def command(*, run: Path, as_json: bool) -> None:
    """Judge a stored run again, without an engine."""
    finished = pipeline.judge(run)
    if as_json:
        click.echo((finished.folder.path / "journal.json").read_text(encoding="utf-8"))
    else:
        from chaoskit.reporters import terminal  # noqa: PLC0415

        terminal.show_summary(finished.journal, None, sys.stdout)
    sys.exit(finished.journal.exit_code)
