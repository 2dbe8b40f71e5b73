"""`chaoskit doctor`: what works here, what does not, and what mends it."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from chaoskit.cli.options import json_option, reports_option, targets_option
from chaoskit.errors import Exit

_SIGNS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


@click.command()
@reports_option()
@click.option("--full", is_flag=True, help="Also start the agent and ask it about every fault.")
@click.option(
    "--ignore", "ignored", multiple=True, metavar="CHECK", help="A check that may only warn."
)
@targets_option()
@json_option()
def command(
    *, reports: Path, full: bool, ignored: tuple[str, ...], targets: Path, as_json: bool
) -> None:
    """Check this machine and project: what works, what does not, what mends it."""
    from chaoskit import standing  # noqa: PLC0415

    checks = standing.examine(reports, full=full, targets=targets, ignored=ignored)
    failed = any(one.status == "fail" for one in checks)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in checks], indent=2))
    else:
        for one in checks:
            sign, colour = _SIGNS.get(one.status, ("?", "white"))
            click.echo(f"{click.style(sign, fg=colour)} {one.id}: {one.evidence}")
            if one.status != "ok" and one.why:
                click.echo(f"    why it matters: {one.why}")
            if one.status != "ok" and one.fix:
                click.echo(f"    mend it: {one.fix}")
        click.echo("This machine is not fit." if failed else "This machine is fit.")
    sys.exit(Exit.ENVIRONMENT if failed else Exit.PASS)
