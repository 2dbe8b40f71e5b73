"""`chaoskit validate`: every mistake of every file at once; nothing is started."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from chaoskit import pipeline
from chaoskit.cli.options import budgets_of, json_option, selection_options
from chaoskit.errors import Exit, InputError


@click.command()
@selection_options()
@json_option()
def command(
    *,
    paths: tuple[Path, ...],
    targets: Path,
    target: str | None,
    budgets: tuple[str, ...],
    as_json: bool,
) -> None:
    """Check experiment files; nothing is started."""
    request = pipeline.Request(
        paths=paths or (Path("experiments"),),
        targets=targets,
        target=target,
        budgets=budgets_of(budgets),
    )
    try:
        experiments, _ = pipeline.load(request)
    except InputError as error:
        if not as_json:
            raise
        problems = [asdict(one) for one in error.problems]
        click.echo(json.dumps({"valid": False, "problems": problems}, indent=2))
        sys.exit(Exit.USAGE)
    if as_json:
        names = [one.name for one in experiments]
        click.echo(json.dumps({"valid": True, "experiments": names}, indent=2))
        return
    for one in experiments:
        click.echo(f"ok  {one.path}")
    count = len(experiments)
    click.echo(f"{count} experiment{'s are' if count > 1 else ' is'} valid.")
