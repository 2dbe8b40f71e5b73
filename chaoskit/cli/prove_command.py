"""`chaoskit prove`: can these experiments fail, and only when they should?"""

import sys
from pathlib import Path

import click

from chaoskit import pipeline, proving
from chaoskit.cli.options import (
    PathArgument,
    budgets_of,
    json_option,
    reports_option,
    selection_options,
)
from chaoskit.plan.arms import DEFAULT_AA, DEFAULT_TRIALS, Effort


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
@json_option()
def command(
    *,
    paths: tuple[Path, ...],
    targets: Path,
    target: str | None,
    budgets: tuple[str, ...],
    experiments: Path,
    reports: Path,
    aa: int,
    trials: int,
    every_healer: bool,
    seed: int | None,
    as_json: bool,
) -> None:
    """Show that experiments can fail, and only when they should.

    Each is run without its fault, as it is, and with each healer that it names switched off.
    PATHS are experiment files or folders of them; without any, all of --target, or `experiments`.
    """
    from chaoskit.reporters import terminal, terminal_proof  # noqa: PLC0415

    if target and not paths:
        paths = proving.of_target(target, experiments, targets)
    request = pipeline.Request(
        paths=paths or (experiments,),
        targets=targets,
        reports=reports,
        target=target,
        budgets=budgets_of(budgets),
        seed=seed,
    )
    effort = Effort(aa=aa, trials=trials, every_healer=every_healer)
    with terminal.listener(sys.stderr) as listener:
        proven = proving.prove(request, effort, listener)
    finished = proven.finished
    if as_json:
        click.echo((finished.folder.path / "journal.json").read_text(encoding="utf-8"))
    else:
        report = finished.folder.path / "report.html"
        terminal_proof.show(proven.proofs, finished.journal, report, sys.stdout)
    sys.exit(finished.journal.exit_code)
