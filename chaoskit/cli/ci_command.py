"""`chaoskit ci`: one stage of a pipeline, in the words of the CI that it finds itself in."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaoskit.cli.export_options import export_options
from chaoskit.cli.options import (
    PathArgument,
    allow_option,
    junit_option,
    publish_option,
    reports_option,
    selection_options,
    trial_options,
)
from chaoskit.errors import ChaoskitError
from chaoskit.exporters.shelf import Wanted
from chaoskit.request import Request

if TYPE_CHECKING:
    from chaoskit.reporters.findings import Finding
    from chaoskit.store.address import Store

PLATFORMS = ("auto", "github", "gitlab", "jenkins", "azure", "none")


@click.command()
@selection_options()
@reports_option()
@trial_options()
@allow_option()
@click.option("--gate", metavar="NAME", help="Demand what [gate.NAME] of chaoskit.toml says.")
@click.option(
    "--fail-on",
    multiple=True,
    metavar="CONDITION",
    help="Fail on this too: flaky, slower, expired, unproven, known-weakness, masked.",
)
@click.option("--exit-zero", is_flag=True, help="Only report: exit 0 where it would be 1 or 3.")
@click.option("--out", type=PathArgument(), help="Folder for what the CI collects.")
@click.option(
    "--platform",
    type=click.Choice(PLATFORMS),
    default="auto",
    show_default=True,
    help="Whose words to use.",
)
@click.option(
    "--join",
    multiple=True,
    metavar="RUN|URL",
    help="Run nothing: join these shards, as `chaoskit merge` does, and tell of them.",
)
@junit_option()
@click.option("--config", type=PathArgument(), help="Settings.  [default: chaoskit.toml]")
@export_options()
@publish_option()
def command(
    *,
    selected: Request,
    reports: Path,
    trials: int | None,
    seed: int | None,
    shard: tuple[int, int] | None,
    allow: tuple[str, ...],
    gate: str | None,
    fail_on: tuple[str, ...],
    exit_zero: bool,
    out: Path | None,
    platform: str,
    join: tuple[str, ...],
    junit_strict: bool,
    config: Path | None,
    wanted: Wanted,
    publish: "Store | None",
) -> None:
    """Run experiments as one stage of a pipeline, and tell the CI what came of it.

    Everything goes to stdout, in order. PATHS, tags, trials and the gate are those of chaoskit.toml
    unless they are given here. A gate can only make a run stricter. Exit codes are those of `run`.
    """
    from chaoskit.ci.platforms import platform_for  # noqa: PLC0415
    from chaoskit.ci.settings import read_settings  # noqa: PLC0415
    from chaoskit.ci.stage import Stage  # noqa: PLC0415
    from chaoskit.reporters.findings import findings_of_error  # noqa: PLC0415

    told = platform_for(platform, sys.stdout, os.environ)
    try:
        settings = read_settings(config, gate, fail_on)
        settings = replace(settings, out=out or settings.out)
        request = replace(
            selected,
            paths=selected.paths or settings.paths,
            tags=selected.tags or settings.tags,
            trials=trials or settings.trials,
            reports=reports,
            seed=seed,
            shard=shard,
            allow=allow,
        )
        stage = Stage(
            request=request,
            settings=settings,
            platform=told,
            exit_zero=exit_zero,
            junit_strict=junit_strict,
            wanted=wanted,
            publish=publish or settings.publish,
        )
        code = stage.join(join) if join else stage.run()
    except ChaoskitError as error:
        told.findings([_in_repository(one) for one in findings_of_error(error)])
        raise
    sys.exit(code)


def _in_repository(finding: "Finding") -> "Finding":
    """A CI knows a file by its path from the repository's root, whatever folder we were called in."""
    from chaoskit.plan.repository import in_repository  # noqa: PLC0415

    return replace(finding, file=in_repository(Path(finding.file))) if finding.file else finding
