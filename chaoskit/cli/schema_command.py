"""`chaoskit schema`: JSON Schemas, for editors and for programs."""

import json

import click

KINDS = ("experiment", "target", "journal")


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
def command(*, kind: str) -> None:
    """Print a JSON Schema: experiment, target or journal."""
    if kind == "journal":
        from chaoskit.model import codec  # noqa: PLC0415

        schema = codec.schema()
    else:
        from chaoskit.plan import schema as schemas  # noqa: PLC0415

        schema = schemas.experiment_schema() if kind == "experiment" else schemas.target_schema()
    click.echo(json.dumps(schema, indent=2))
