"""`chaoskit prove`: can these experiments fail, and only when they should?"""

import sys
from dataclasses import replace
from pathlib import Path

import click

from chaoskit import proving
from chaoskit.cli.export_options import export_options
from chaoskit.cli.messages import show_remarks, show_trouble
from chaoskit.cli.options import (
    PathArgument,
    json_option,
    reports_option,
    selection_options,
)
from chaoskit.exporters.shelf import Exports, Wanted
from chaoskit.plan.arms import DEFAULT_AA, DEFAULT_TRIALS, Effort
from chaoskit.request import Request


@click.command()
@selection_options()
@click.option(
    "--experiments",
    type=PathArgument(),
    default=Path("experiments"),
    show_default=True,
    help="Where to look for all of a target's experiments.",
)
@reports_option()
@click.option(
    "--aa",
    type=click.IntRange(1, 10_000),
    default=DEFAULT_AA,
    show_default=True,
    help="Runs of each experiment without its fault.",
)
@click.option(
    "--trials",
    type=click.IntRange(1, 10_000),
    default=DEFAULT_TRIALS,
    show_default=True,
    help="Trials of every other arm.",
)
@click.option("--every-healer", is_flag=True, help="Switch off healers that are not named, too.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Repeat a run's chance.")
@export_options()
@json_option()
def command(
    *,
    selected: Request,
    experiments: Path,
    reports: Path,
    aa: int,
    trials: int,
    every_healer: bool,
    seed: int | None,
    wanted: Wanted,
    as_json: bool,
) -> None:
    """Show that experiments can fail, and only when they should.

    Each is run without its fault, as it is, and with each healer that it names switched off.
    PATHS are experiment files or folders of them; without any, all of --target, or `experiments`.
    """
    from chaoskit.reporters import terminal, terminal_proof  # noqa: PLC0415

    paths = selected.paths
    if selected.target and not paths:
        paths = proving.of_target(selected.target, experiments, selected.targets)
    request = replace(selected, paths=paths or (experiments,), reports=reports, seed=seed)
    effort = Effort(aa=aa, trials=trials, every_healer=every_healer)
    with Exports(wanted) as exports:
        show_remarks(exports.remarks)
        with terminal.watching(sys.stdin, sys.stderr) as (listener, wishes):
            proven = proving.prove(request, effort, exports.beside(listener), wishes)
        finished = proven.finished
        exports.finished(finished.journal, finished.folder.path)
    if as_json:
        click.echo((finished.folder.path / "journal.json").read_text(encoding="utf-8"))
    else:
        report = finished.folder.path / "report.html"
        terminal_proof.show(proven.proofs, finished.journal, report, sys.stdout)
    show_trouble((*finished.trouble, *exports.trouble))
    sys.exit(finished.journal.exit_code)
