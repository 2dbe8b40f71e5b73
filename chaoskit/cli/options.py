"""Options that several commands share."""

from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chaoskit.cli import completing
from chaoskit.errors import InputError, Problem
from chaoskit.request import Request

if TYPE_CHECKING:
    from chaoskit.store.address import Store

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class PathArgument(click.Path):
    """A path as pathlib has it."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)


class RunArgument(click.ParamType[str]):
    """A stored run: a folder, or the URL of one in a store."""

    name = "run"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:  # noqa: ARG002  # click's signature
        """The text as it is."""
        return str(value)


def publish_option() -> Decorator:
    """--publish: where runs are copied to. Raises InputError for what is no address of a store."""

    def parsed(_ctx: click.Context, _param: click.Parameter, url: str | None) -> "Store | None":
        if not url:
            return None
        from chaoskit.store.address import store_of  # noqa: PLC0415

        return store_of(url, "--publish")

    return click.option(
        "--publish",
        metavar="URL",
        callback=parsed,
        envvar="CHAOSKIT_PUBLISH",
        help="Copy the run to an object store, URL/<run id>/, when it is over. [store]",
    )


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


def shard_option() -> Decorator:
    """--shard: one part of the suite, for one of several jobs."""

    def parsed(
        _ctx: click.Context, _param: click.Parameter, text: str | None
    ) -> tuple[int, int] | None:
        from chaoskit.plan.shards import parse_shard  # noqa: PLC0415

        return None if text is None else parse_shard(text)

    return click.option(
        "--shard", metavar="I/N", callback=parsed, help="Only the I-th of N parts of the suite."
    )


def trial_options() -> Decorator:
    """--trials, --seed and --shard: how often, with which chance, and which part of the suite."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        seed = click.option(
            "--seed", type=click.IntRange(0, 2**32 - 1), help="Repeat a run's chance."
        )
        trials = click.option(
            "--trials", type=click.IntRange(1, 10_000), help="Trials of each experiment."
        )
        return trials(seed(shard_option()(function)))

    return decorate


def junit_option() -> Decorator:
    """--junit-strict: for the one reader that holds JUnit to its schema."""
    return click.option(
        "--junit-strict", is_flag=True, help="JUnit without file and line, as junit-10.xsd has it."
    )


def target_argument(*, required: bool = True) -> Decorator:
    """A target's name, or the path of its folder."""
    return click.argument("target", required=required, shell_complete=completing.targets)


def paths_argument() -> Decorator:
    """Experiment files, or folders of them."""
    return click.argument(
        "paths", nargs=-1, type=PathArgument(), shell_complete=completing.experiments
    )


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


def allow_option() -> Decorator:
    """--allow: what else may be broken. Raises InputError for what is no label."""

    def parsed(
        _ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]
    ) -> tuple[str, ...]:
        return labels_of(texts)

    return click.option(
        "--allow",
        multiple=True,
        metavar="LABEL[=VALUE]",
        callback=parsed,
        help="Containers with this label may be broken too, though they are not the target's.",
    )


def labels_of(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Labels, each LABEL or LABEL=VALUE. Raises InputError."""
    wrong = [text for text in texts if not text.partition("=")[0].strip() or "," in text]
    if wrong:
        hint = "for example --allow com.example.team=web"
        raise InputError(
            [
                Problem(file="--allow", message=f"{text!r} is not LABEL[=VALUE]", hint=hint)
                for text in wrong
            ]
        )
    return texts


def selection_options() -> Decorator:
    """What experiments are selected by; the command gets it as `selected`, a Request."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def with_selection(**given: Any) -> Any:
            taken = {name: given.pop(name) for name in ("paths", "targets", "target", "tags")}
            budgets = budgets_of(given.pop("budgets"))
            return function(selected=Request(**taken, budgets=budgets), **given)

        decorated: Callable[..., Any] = with_selection
        for option in (
            paths_argument(),
            targets_option(),
            partial(click.option, "--target", shell_complete=completing.targets)(
                help="Target of a Chaos Toolkit experiment that does not name one."
            ),
            partial(click.option, "--tag", "tags", multiple=True, shell_complete=completing.tags)(
                help="Only experiments with this tag, or another."
            ),
            partial(click.option, "--budget", "budgets", multiple=True)(
                metavar="MEASURE=BOUND",
                shell_complete=completing.budgets,
                help="Add or override a budget, e.g. recovery=5s.",
            ),
        ):
            decorated = option(decorated)
        return decorated

    return decorate
