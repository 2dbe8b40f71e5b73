"""`chaoskit list`: what there is to choose from."""

import json
from pathlib import Path
from typing import Any

import click

from chaoskit import pipeline
from chaoskit.cli.options import PathArgument, json_option, shard_option, targets_option
from chaoskit.errors import InputError, Problem
from chaoskit.request import Request

KINDS = (
    "targets",
    "experiments",
    "faults",
    "healers",
    "probes",
    "measures",
    "ledgers",
    "reporters",
)


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
@shard_option()
@json_option()
def command(
    *,
    kind: str | None,
    targets: Path,
    experiments: Path,
    shard: tuple[int, int] | None,
    as_json: bool,
) -> None:
    """List targets, experiments, and everything on the shelves: faults, healers, probes ...

    What another package added says from which.
    """
    from chaoskit.plan import describe  # noqa: PLC0415

    everything = describe.catalogue(targets=targets, experiments=experiments, kind=kind)
    if kind in {None, "reporters"}:
        everything["reporters"] = _reporters()
    if shard is not None:
        if kind != "experiments":
            hint = "chaoskit list experiments --shard 1/3"
            raise InputError(
                Problem(file="--shard", message="only experiments have parts", hint=hint)
            )
        request = Request(paths=(experiments,), targets=targets, shard=shard, seed=0)
        mine = {one.experiment.name for one in pipeline.plan(request)[0].experiments}
        rows = everything["experiments"]
        everything["experiments"] = [one for one in rows if one["name"] in mine]
    chosen = {name: everything[name] for name in ([kind] if kind else KINDS)}
    if as_json:
        click.echo(json.dumps(chosen[kind] if kind else chosen, indent=2))
        return
    for name, rows in chosen.items():
        click.echo(click.style(name, bold=True))
        width = max((len(row["name"]) for row in rows), default=0)
        for row in rows:
            package = row.get("package", "chaoskit")
            origin = "" if package == "chaoskit" else f" (from {package})"
            click.echo(f"  {row['name']:<{width}}  {row['title']}{origin}")
        if not rows:
            click.echo("  none")


def _reporters() -> list[dict[str, Any]]:
    from chaoskit.plan.describe import shelf_rows  # noqa: PLC0415
    from chaoskit.reporters import shelf  # noqa: PLC0415

    own = [
        {"name": name, "title": title, "file": file} for name, (file, title) in shelf.OWN.items()
    ]
    added = [
        {"name": name, "title": one.summary, "file": one.file}
        for name, one in shelf.added().entries.items()
    ]
    return shelf_rows(shelf.added(), [*own, *added])
