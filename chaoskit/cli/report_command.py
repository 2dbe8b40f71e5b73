"""`chaoskit report`: the reports again, from disk; those of several runs as one."""

from pathlib import Path

import click

from chaoskit import pipeline
from chaoskit.cli import completing
from chaoskit.cli.messages import show_trouble
from chaoskit.cli.options import RunArgument, junit_option, reports_option


@click.command()
@click.argument("runs", nargs=-1, type=RunArgument(), shell_complete=completing.runs)
@reports_option()
@junit_option()
def command(*, runs: tuple[str, ...], reports: Path, junit_strict: bool) -> None:
    """Render a stored run again, or several as one, without an engine.

    RUNS are folders of runs, reports/latest when none is named. Several make a new run in --reports
    that has them all, judged anew; an experiment that is in more than one is named with its run.
    A run may be the URL of one that was published; alone, it is brought to --reports.
    """
    from chaoskit.store import address, fetch  # noqa: PLC0415

    notes: tuple[str, ...] = ()
    if len(runs) > 1:
        from chaoskit import joining  # noqa: PLC0415

        with fetch.at_hand(runs, reports) as folders:
            joined = joining.together(folders, reports)
        finished, notes = joined.finished, joined.notes
    else:
        one = runs[0] if runs else str(reports / "latest")
        here = fetch.kept(one, reports) if address.is_url(one) else Path(one)
        finished = pipeline.report(here)
    from chaoskit.reporters import junit, shelf  # noqa: PLC0415

    if junit_strict:
        finished.folder.write("junit.xml", junit.render(finished.journal, strict=True))
    for name in shelf.files():
        if (finished.folder.path / name).is_file():
            click.echo(str(finished.folder.path / name))
    show_trouble((*notes, *finished.trouble))
