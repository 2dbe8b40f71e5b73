"""Options that several commands share."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from chaoskit.errors import InputError, Problem

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class PathArgument(click.Path):
    """A path as pathlib has it."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)


def targets_option() -> Decorator:
    """--targets: where target folders are."""
    return click.option(
        "--targets",
        type=PathArgument(),
        default=Path("targets"),
        show_default=True,
        envvar="CHAOSKIT_TARGETS",
        help="Folder with the targets.",
    )


def reports_option() -> Decorator:
    """--reports: where runs are written."""
    return click.option(
        "--reports",
        type=PathArgument(),
        default=Path("reports"),
        show_default=True,
        envvar="CHAOSKIT_REPORTS",
        help="Folder that runs are written to.",
    )


def json_option() -> Decorator:
    """--json: for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def complete_targets(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of target folders."""
    root = Path(ctx.params.get("targets") or "targets")
    names = sorted(path.parent.name for path in root.glob("*/target.yaml"))
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def target_argument(*, required: bool = True) -> Decorator:
    """A target's name, or the path of its folder."""
    return click.argument("target", required=required, shell_complete=complete_targets)


def paths_argument() -> Decorator:
    """Experiment files, or folders of them."""
    return click.argument("paths", nargs=-1, type=PathArgument())


def budgets_of(texts: tuple[str, ...]) -> dict[str, str]:
    """`recovery=5s` and its like, as a mapping. Raises InputError."""
    wrong = [text for text in texts if "=" not in text]
    if wrong:
        raise InputError(
            [
                Problem(
                    file="--budget",
                    message=f"{text!r} is not MEASURE=BOUND",
                    hint="for example --budget recovery=5s",
                )
                for text in wrong
            ]
        )
    return dict(text.split("=", 1) for text in texts)


def selection_options() -> Decorator:
    """What `run`, `plan` and `validate` select experiments by."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            paths_argument(),
            targets_option(),
            partial(click.option, "--target", shell_complete=complete_targets)(
                help="Target of a Chaos Toolkit experiment that does not name one."
            ),
            partial(click.option, "--budget", "budgets", multiple=True)(
                metavar="MEASURE=BOUND", help="Add or override a budget, e.g. recovery=5s."
            ),
        ):
            function = option(function)
        return function

    return decorate
