"""`chaoskit status`: which targets stand, and how they are."""

import json

import click

from chaoskit.cli.options import json_option


@click.command()
@json_option()
def command(*, as_json: bool) -> None:
    """Show the targets that are running."""
    from chaoskit import standing  # noqa: PLC0415

    rows = standing.status()
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        where = f", namespace {row['namespace']}" if "namespace" in row else ""
        click.echo(f"{row['name']}  ({row['kind']}{where})")
        for instance in row["instances"]:
            click.echo(f"  {instance['name']:<20} {instance['state']}")
    if not rows:
        click.echo("No target is running.")
