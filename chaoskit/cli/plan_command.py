"""`chaoskit plan`: what would happen, and for how long; touches nothing."""

import json
from pathlib import Path

import click

from chaoskit import pipeline
from chaoskit.cli.options import budgets_of, json_option, selection_options


@click.command()
@selection_options()
@click.option("--trials", type=click.IntRange(1, 10_000), help="Trials of each experiment.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Plan with this seed.")
@json_option()
def command(
    *,
    paths: tuple[Path, ...],
    targets: Path,
    target: str | None,
    budgets: tuple[str, ...],
    trials: int | None,
    seed: int | None,
    as_json: bool,
) -> None:
    """Show what would happen, and for how long; touches nothing."""
    from chaoskit.plan.describe import describe_plan, plan_text  # noqa: PLC0415

    request = pipeline.Request(
        paths=paths or (Path("experiments"),),
        targets=targets,
        target=target,
        budgets=budgets_of(budgets),
        trials=trials,
        seed=seed,
    )
    compiled, _ = pipeline.plan(request)
    if as_json:
        click.echo(json.dumps(describe_plan(compiled), indent=2))
    else:
        click.echo(plan_text(compiled))
