"""The command line: one file a command, imported only when it is called.

Help lines stand here so that `chaoskit --help` needs no command's module.
"""

import importlib
from typing import Any

import click

from chaoskit import __version__

GROUPS = {
    "Begin here": {
        "demo": "Break a small page that comes with chaoskit, and judge it.",
        "init": "Write a target and first experiments for a Compose file.",
        "doctor": "Check this machine: what works, what does not, what mends it.",
    },
    "Experiments": {
        "run": "Run experiments, judge them and leave the reports.",
        "ci": "Run as a stage of a pipeline, in the words of the CI around it.",
        "prove": "Show that experiments can fail, and only when they should.",
        "plan": "Show what would happen, and for how long; touches nothing.",
        "validate": "Check experiment files; nothing is started.",
    },
    "Targets": {
        "up": "Start a target and leave it running.",
        "down": "Remove a target that `up` started, or everything of ours.",
        "status": "Show the targets that are running.",
        "recover": "Lift and remove what a dead run left behind.",
        "k8s": "Roles and Jobs for a cluster; a sweeper of lapsed faults.",
    },
    "Stored runs": {
        "judge": "Judge a stored run again, without an engine.",
        "report": "Render a stored run again, or several as one; no engine.",
        "merge": "Join the shards of a suite into one run.",
        "compare": "Compare two runs: does the second heal slower?",
        "history": "Show how experiments fared over the stored runs.",
    },
    "Reference": {
        "list": "List targets, experiments, faults, healers, probes, measures ...",
        "explain": "Explain a fault, verdict, measure, healer, probe or any code.",
        "schema": "Print a JSON Schema: experiment, target or journal.",
        "completion": "Print the completion script for a shell.",
    },
}
COMMANDS = {name: line for group in GROUPS.values() for name, line in group.items()}


class LazyGroup(click.Group):
    """Finds a command's module by its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """In the order of the page."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the one that is called."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"chaoskit.cli.{cmd_name}_command")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The lists of commands, from GROUPS alone."""
        for title, group in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<10}", line) for name, line in group.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A misspelt command gets a suggestion."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches  # noqa: PLC0415

            close = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


def _version(ctx: click.Context, _param: click.Parameter, value: Any) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"chaoskit {__version__}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Does this system heal itself, how fast, by which mechanism, and how sure are we?

    Exit codes: 0 pass, 1 evidence against the system, 2 usage or invalid input, 3 inconclusive,
    4 environment not fit, 5 nothing selected, 6 a defect of chaoskit, 7 something may be left
    behind, 8 passed but not published, 130/143 after a signal.
    """
