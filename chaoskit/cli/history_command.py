"""`chaoskit history`: how experiments fared over the stored runs."""

import json
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaoskit.cli.options import RunArgument, json_option

if TYPE_CHECKING:
    from chaoskit.model.trend import Trend

SCHEMA = "chaoskit/history/v1"


@click.command()
@click.argument("files", nargs=-1, type=RunArgument())
@click.option(
    "--last", type=click.IntRange(min=1), default=10, show_default=True, help="Runs to show."
)
@click.option(
    "--measure", default="recovery", show_default=True, help="The time whose trend is shown."
)
@click.option(
    "--expire-days",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    help="Days without a run until an experiment is expired.",
)
@json_option()
def command(
    *, files: tuple[str, ...], last: int, measure: str, expire_days: float, as_json: bool
) -> None:
    """Show how experiments fared over the stored runs.

    FILES are history.jsonl files, reports/history.jsonl when none is named, or URLs that runs were
    published to; several are merged. A trend is a warning and never a failure: the command exits 0 whatever it finds.
    """
    from chaoskit import history, trend  # noqa: PLC0415
    from chaoskit.run.clock import wall_now  # noqa: PLC0415
    from chaoskit.store import address, fetch  # noqa: PLC0415

    files = files or ("reports/history.jsonl",)
    stored = history.read(Path(one) for one in files if not address.is_url(one))
    for url in filter(address.is_url, files):
        stored = history.with_runs(stored, *fetch.journals(url))
    for line in stored.skipped:
        click.echo(f"warning: {line}", err=True)
    fresh = trend.Freshness(now=datetime.fromisoformat(wall_now()), days=expire_days)
    found = trend.trends(stored, measure, fresh)
    if as_json:
        experiments = [{**asdict(one), "points": _points(one, last)} for one in found]
        document = {"schema": SCHEMA, "skipped": stored.skipped, "experiments": experiments}
        click.echo(json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False))
        return
    from chaoskit.reporters import terminal_history  # noqa: PLC0415

    terminal_history.show(found, last, sys.stdout)


def _points(one: "Trend", last: int) -> list[dict[str, object]]:
    return [asdict(point) for point in one.points[-last:]]
