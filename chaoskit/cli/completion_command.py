"""`chaoskit completion`: the script that makes a shell complete commands, options and targets."""

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def command(*, shell: str) -> None:
    """Print the completion script for a shell.

    For bash: eval "$(chaoskit completion bash)"
    """
    from chaoskit.cli import cli  # noqa: PLC0415

    kind = get_completion_class(shell)
    assert kind is not None, "every choice above is known to click"
    click.echo(kind(cli, {}, "chaoskit", "_CHAOSKIT_COMPLETE").source())
