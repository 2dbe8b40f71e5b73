"""`chaoskit list`: what there is to choose from."""

import json
from pathlib import Path

import click

from chaoskit.cli.options import PathArgument, json_option, targets_option

KINDS = ("targets", "experiments", "faults", "healers", "probes", "measures")


@click.command(name="list")
@click.argument("kind", required=False, type=click.Choice(KINDS))
@targets_option()
@click.option(
    "--experiments",
    type=PathArgument(),
    default=Path("experiments"),
    show_default=True,
    help="Folder with the experiments.",
)
@json_option()
def command(*, kind: str | None, targets: Path, experiments: Path, as_json: bool) -> None:
    """List targets, experiments, faults, kinds of healers, probes and measures."""
    from chaoskit.plan import describe  # noqa: PLC0415

    everything = describe.catalogue(targets=targets, experiments=experiments)
    chosen = {name: everything[name] for name in ([kind] if kind else KINDS)}
    if as_json:
        click.echo(json.dumps(chosen[kind] if kind else chosen, indent=2))
        return
    for name, rows in chosen.items():
        click.echo(click.style(name, bold=True))
        width = max((len(row["name"]) for row in rows), default=0)
        for row in rows:
            click.echo(f"  {row['name']:<{width}}  {row['title']}")
        if not rows:
            click.echo("  none")
