"""`chaoskit demo`: the whole of it in a minute, without a file of one's own.

The target and the experiment are part of the package, so this works from an installed one.
"""

import sys
from pathlib import Path

import click

from chaoskit import pipeline
from chaoskit.cli.messages import show_trouble
from chaoskit.cli.options import reports_option
from chaoskit.request import Request

DATA = Path(__file__).parent / "demo"


@click.command()
@reports_option()
def command(*, reports: Path) -> None:
    """Start a small page, crash it three times, judge how it heals.

    Takes half a minute once the images exist; the first time they are made.
    """
    from chaoskit.reporters import terminal  # noqa: PLC0415

    request = Request(paths=(DATA / "experiments",), targets=DATA / "targets", reports=reports)
    with terminal.watching(sys.stdin, sys.stderr) as (listener, wishes):
        finished = pipeline.run(request, listener, wishes)
    terminal.show_summary(finished.journal, finished.folder.path / "report.html", sys.stdout)
    show_trouble(finished.trouble)
    click.echo("\nNow your own: chaoskit init compose.yaml")
    sys.exit(finished.journal.exit_code)
