"""`chaoskit merge`: the shards of a suite as one run."""

import sys
from pathlib import Path

import click

from chaoskit.cli import completing
from chaoskit.cli.messages import show_trouble
from chaoskit.cli.options import RunArgument, json_option, reports_option


@click.command()
@click.argument("runs", nargs=-1, required=True, type=RunArgument(), shell_complete=completing.runs)
@reports_option()
@json_option()
def command(*, runs: tuple[str, ...], reports: Path, as_json: bool) -> None:
    """Join the shards of a suite into one run, judge it anew and leave its reports.

    RUNS are folders of runs, or folders with such folders in them, or URLs of either. Every experiment may be in one of
    them only. A shard that is missing makes the whole inconclusive (exit 3). The exit code is the
    worst of them.
    """
    from chaoskit import joining  # noqa: PLC0415
    from chaoskit.reporters import terminal  # noqa: PLC0415
    from chaoskit.store import fetch  # noqa: PLC0415

    with fetch.at_hand(runs, reports) as folders:
        joined = joining.merge(folders, reports)
    finished = joined.finished
    if as_json:
        click.echo((finished.folder.path / "journal.json").read_text(encoding="utf-8"))
    else:
        terminal.show_summary(finished.journal, finished.folder.path / "report.html", sys.stdout)
    show_trouble((*joined.notes, *finished.trouble))
    sys.exit(finished.journal.exit_code)
