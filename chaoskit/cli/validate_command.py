"""`chaoskit validate`: every mistake of every file at once; nothing is started."""

import json
import sys
from dataclasses import asdict

import click

from chaoskit import pipeline
from chaoskit.cli.options import json_option, selection_options
from chaoskit.errors import Exit, InputError
from chaoskit.manual.codes import code_of
from chaoskit.request import Request


@click.command()
@selection_options()
@json_option()
def command(
    *,
    selected: Request,
    as_json: bool,
) -> None:
    """Check experiment files; nothing is started."""
    try:
        experiments, _ = pipeline.load(selected)
    except InputError as error:
        if not as_json:
            raise
        problems = [{**asdict(one), "code": code_of(one).code} for one in error.problems]
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
