"""`chaoskit compare`: does a build heal slower than the one before?"""

import sys
from pathlib import Path

import click

from chaoskit.cli import completing
from chaoskit.cli.options import PathArgument, json_option
from chaoskit.errors import Exit, InputError, Problem


@click.command()
@click.argument("baseline", metavar="A", type=PathArgument(), shell_complete=completing.runs)
@click.argument(
    "candidate", metavar="[B]", type=PathArgument(), required=False, shell_complete=completing.runs
)
@click.option("--markdown", type=PathArgument(), help="Also write it as Markdown.")
@click.option("--html", type=PathArgument(), help="Also write it as one HTML file.")
@click.option("--save", type=PathArgument(), help="Write the last run named as a baseline file.")
@click.option("--fail-on-regression", is_flag=True, help="Exit 1 when B is worse somewhere.")
@json_option()
def command(
    *,
    baseline: Path,
    candidate: Path | None,
    markdown: Path | None,
    html: Path | None,
    save: Path | None,
    fail_on_regression: bool,
    as_json: bool,
) -> None:
    """Compare run B with run A: recovery, detection, redundancy, outage, availability, lost writes.

    A and B are run folders, journal.json files, or baseline files, which `chaoskit compare RUN --save
    FILE` writes. Exits 0 whatever is found, unless --fail-on-regression is given.
    """
    from chaoskit import comparison  # noqa: PLC0415
    from chaoskit.model import side as sides  # noqa: PLC0415

    before = comparison.read_side(baseline)
    after = comparison.read_side(candidate) if candidate is not None else None
    if after is None and save is None:
        hint = "name a second run, or --save FILE to make A a baseline"
        raise InputError(Problem(file="compare", message="there is nothing to compare", hint=hint))
    if save is not None:
        _write(save, sides.dump(after or before))
    if after is None:
        click.echo(str(save))
        return
    found = comparison.compare(before, after)
    if markdown is not None:
        from chaoskit.reporters import markdown_comparison  # noqa: PLC0415

        _write(markdown, markdown_comparison.render(found))
    if html is not None:
        from chaoskit.reporters import html_comparison  # noqa: PLC0415

        _write(html, html_comparison.render(found))
    if as_json:
        from chaoskit.reporters import json_comparison  # noqa: PLC0415

        click.echo(json_comparison.render(found), nl=False)
    else:
        from chaoskit.reporters import terminal_comparison  # noqa: PLC0415

        terminal_comparison.show(found, sys.stdout)
    sys.exit(Exit.EVIDENCE_AGAINST if found.regression and fail_on_regression else Exit.PASS)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"cannot be written: {error.strerror or error}"
        raise InputError(Problem(file=str(path), message=message)) from None
