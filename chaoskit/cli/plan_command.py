"""`chaoskit plan`: what would happen, and for how long; touches nothing."""

import json
from dataclasses import replace

import click

from chaoskit import pipeline
from chaoskit.cli.options import json_option, selection_options, trial_options
from chaoskit.request import Request


@click.command()
@selection_options()
@trial_options()
@json_option()
def command(
    *,
    selected: Request,
    trials: int | None,
    seed: int | None,
    shard: tuple[int, int] | None,
    as_json: bool,
) -> None:
    """Show what would happen, and for how long; touches nothing."""
    from chaoskit.plan.describe import describe_plan, plan_text  # noqa: PLC0415

    compiled, _ = pipeline.plan(replace(selected, trials=trials, seed=seed, shard=shard))
    if as_json:
        click.echo(json.dumps(describe_plan(compiled), indent=2))
    else:
        click.echo(plan_text(compiled))
