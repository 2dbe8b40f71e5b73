"""`chaoskit down`: everything of a standing target, or of ours, gone."""

from pathlib import Path

import click

from chaoskit.cli.options import target_argument, targets_option
from chaoskit.errors import InputError


@click.command()
@target_argument(required=False)
@targets_option()
@click.option("--all", "everything", is_flag=True, help="Everything of ours on this engine.")
def command(*, target: str | None, everything: bool, targets: Path) -> None:
    """Remove a target that `up` started, or everything of ours."""
    from chaoskit import standing  # noqa: PLC0415

    if (target is None) == (not everything):
        message = "name a target, or say --all"
        raise InputError(message)
    removed = standing.down(None if everything else target, targets)
    for line in removed:
        click.echo(f"removed {line}")
    click.echo(f"{len(removed)} removed; nothing of it is left.")
