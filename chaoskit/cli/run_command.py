"""`chaoskit run`: the main job."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaoskit import pipeline
from chaoskit.cli.export_options import export_options
from chaoskit.cli.messages import show_error, show_remarks, show_trouble
from chaoskit.cli.options import (
    allow_option,
    json_option,
    publish_option,
    reports_option,
    selection_options,
    trial_options,
)
from chaoskit.errors import NotPublished
from chaoskit.exporters.shelf import Exports, Wanted
from chaoskit.request import Request

if TYPE_CHECKING:
    from chaoskit.store.address import Store


@click.command()
@selection_options()
@reports_option()
@trial_options()
@allow_option()
@export_options()
@publish_option()
@json_option()
def command(
    *,
    selected: Request,
    reports: Path,
    trials: int | None,
    seed: int | None,
    shard: tuple[int, int] | None,
    allow: tuple[str, ...],
    wanted: Wanted,
    publish: "Store | None",
    as_json: bool,
) -> None:
    """Run experiments, judge them and leave the reports.

    PATHS are experiment files or folders of them; without any, `experiments`.
    """
    from chaoskit.reporters import terminal  # noqa: PLC0415

    request = replace(selected, reports=reports, trials=trials, seed=seed, shard=shard, allow=allow)
    if publish is not None:
        from chaoskit.store.publish import refuse_unfit  # noqa: PLC0415

        refuse_unfit(publish)
    with Exports(wanted) as exports:
        show_remarks(exports.remarks)
        with terminal.watching(sys.stdin, sys.stderr) as (listener, wishes):
            finished = pipeline.run(request, exports.beside(listener), wishes)
        exports.finished(finished.journal, finished.folder.path)
    if as_json:
        click.echo((finished.folder.path / "journal.json").read_text(encoding="utf-8"))
    else:
        terminal.show_summary(finished.journal, finished.folder.path / "report.html", sys.stdout)
    show_trouble((*finished.trouble, *exports.trouble))
    sys.exit(_published(finished, publish))


def _published(finished: pipeline.Finished, publish: "Store | None") -> int:
    """Copy the run to where it is to go; the exit code."""
    code = finished.journal.exit_code
    assert code is not None, "a run that has ended has an exit code"
    if publish is None:
        return code
    from chaoskit.store import publish as publishing  # noqa: PLC0415

    try:
        click.echo(f"published: {publishing.publish(finished.folder.path, publish)}", err=True)
    except NotPublished as error:
        show_error(error)
        return publishing.exit_code(code, error)
    return code
