"""What was asked for on the command line, and the words that ask for the same again."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

EXPERIMENTS = Path("experiments")  # where they are, when nobody says


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for on the command line."""

    paths: tuple[Path, ...] = ()  # of experiments, or folders of them; none: `experiments`
    tags: tuple[str, ...] = ()  # any of them; none: every experiment
    targets: Path = Path("targets")
    reports: Path = Path("reports")
    target: str | None = None  # for a Chaos Toolkit experiment without our block
    budgets: Mapping[str, str] = field(default_factory=dict)
    trials: int | None = None
    seed: int | None = None
    allow: tuple[str, ...] = ()  # labels of containers outside the target that may be broken too
    shard: tuple[int, int] | None = None  # which part of how many


def seed_of(request: Request) -> int:
    """The seed that was asked for, or a new one."""
    return int.from_bytes(os.urandom(4)) if request.seed is None else request.seed


def repeat_command(request: Request, seed: int) -> str:
    """The exact command that runs the same again."""
    parts: list[str] = ["chaoskit", "run", *map(str, request.paths), "--seed", str(seed)]
    if request.trials is not None:
        parts += ["--trials", str(request.trials)]
    if request.target is not None:
        parts += ["--target", request.target]
    if request.shard is not None:
        parts += ["--shard", "{}/{}".format(*request.shard)]
    for label in request.allow:
        parts += ["--allow", label]
    return shlex.join([*parts, *common_words(request)])


def common_words(request: Request) -> list[str]:
    """The command-line words for budgets and folders, where they differ from the defaults."""
    parts: list[str] = []
    for measure, bound in request.budgets.items():
        parts += ["--budget", f"{measure}={bound}"]
    for tag in request.tags:
        parts += ["--tag", tag]
    for option, value, default in (
        ("--targets", request.targets, "targets"),
        ("--reports", request.reports, "reports"),
    ):
        if str(value) != default:
            parts += [option, str(value)]
    return parts
