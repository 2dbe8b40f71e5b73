"""`chaoskit up`: a target that stays, to look at and to use with a plain `chaos run`."""

import sys
from pathlib import Path

import click

from chaoskit.cli.options import target_argument, targets_option


@click.command()
@target_argument()
@targets_option()
def command(*, target: str, targets: Path) -> None:
    """Start a target and leave it running."""
    from chaoskit import standing  # noqa: PLC0415
    from chaoskit.plan.targets import TargetShelf  # noqa: PLC0415

    spec = TargetShelf(targets).load(target)
    stack = standing.up(spec, progress=lambda line: click.echo(line, err=True))
    click.echo(f"{spec.name} is up: {spec.title}")
    for name, address in stack.entrypoints.items():
        click.echo(f"  {name} = {address}")
    click.echo(f"Experiments run against it with: chaos run experiments/{spec.name}/<name>.yaml")
    click.echo(f"Remove it with: chaoskit down {spec.name}")
    sys.exit(0)
