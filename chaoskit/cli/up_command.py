"""`chaoskit up`: a target that stays, to look at and to use with a plain `chaos run`."""

import sys
from pathlib import Path

import click

from chaoskit.cli.options import PathArgument, target_argument, targets_option


@click.command()
@target_argument()
@targets_option()
@click.option(
    "--for",
    "experiments",
    type=PathArgument(),
    multiple=True,
    metavar="EXPERIMENT",
    help="Also fit what this experiment's faults need from the start (a disk, a clock).",
)
def command(*, target: str, targets: Path, experiments: tuple[Path, ...]) -> None:
    """Start a target and leave it running."""
    from chaoskit import standing  # noqa: PLC0415
    from chaoskit.faults.parts.fitted import fittings_of  # noqa: PLC0415
    from chaoskit.plan.experiments import load_experiment  # noqa: PLC0415
    from chaoskit.plan.targets import TargetShelf  # noqa: PLC0415

    shelf = TargetShelf(targets)
    spec = shelf.load(target)
    loaded = [load_experiment(one, shelf, target=target) for one in experiments]
    fittings = fittings_of(fault for one in loaded for fault in one.faults)
    entrypoints = standing.up(
        spec, fittings=fittings, progress=lambda line: click.echo(line, err=True)
    )
    click.echo(f"{spec.name} is up: {spec.title}")
    for fitting in fittings:
        click.echo(f"  fitted: {fitting}")
    for name, address in entrypoints.items():
        click.echo(f"  {name} = {address}")
    click.echo(f"Experiments run against it with: chaos run experiments/{spec.name}/<name>.yaml")
    click.echo(f"Remove it with: chaoskit down {spec.name}")
    sys.exit(0)
