"""`chaoskit run`: the main job."""

import sys
from pathlib import Path

import click

from chaoskit import pipeline
from chaoskit.cli.options import (
    budgets_of,
    json_option,
    reports_option,
    selection_options,
)


@click.command()
@selection_options()
@reports_option()
@click.option("--trials", type=click.IntRange(1, 10_000), help="Trials of each experiment.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Repeat a run's chance.")
@json_option()
def command(
    *,
    paths: tuple[Path, ...],
    targets: Path,
    target: str | None,
    budgets: tuple[str, ...],
    reports: Path,
    trials: int | None,
    seed: int | None,
    as_json: bool,
) -> None:
    """Run experiments, judge them and leave the reports.

    PATHS are experiment files or folders of them; without any, `experiments`.
    """
    from chaoskit.reporters import terminal  # noqa: PLC0415

    request = pipeline.Request(
        paths=paths or (Path("experiments"),),
        targets=targets,
        reports=reports,
        target=target,
        budgets=budgets_of(budgets),
        trials=trials,
        seed=seed,
    )
    with terminal.listener(sys.stderr) as listener:
        finished = pipeline.run(request, listener)
    if as_json:
        click.echo((finished.folder.path / "journal.json").read_text(encoding="utf-8"))
    else:
        terminal.show_summary(finished.journal, finished.folder.path / "report.html", sys.stdout)
    sys.exit(finished.journal.exit_code)
