"""A target as a Compose project of its own: started, reached, and taken away again.

Starting is Compose's work, since only it knows all that a Compose file can say. Taking away is done
through the engine's API: it needs no files, and it is faster.
"""

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import docker

from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.fittings import Fitting
from chaoskit.model.target import TargetSpec
from chaoskit.target import images
from chaoskit.target.compose_cli import read_config, run_compose
from chaoskit.target.entrypoints import published
from chaoskit.target.fittings import Place, fit
from chaoskit.target.ports import free_ports
from chaoskit.target.readiness import await_ready, await_words, last_words, still_ready
from chaoskit.target.removal import remove_project
from chaoskit.target.replenish import Muster
from chaoskit.target.rewrite import Config, Placing, outsiders, publications, rewritten

Progress = Callable[[str], None]

_UP_LIMIT_S = 600.0  # pulling an image may take that long
_PORT_TRIES = 3
_PORT_TAKEN = ("port is already allocated", "address already in use")
_PLAIN_BUILD = {"context", "dockerfile", "args"}  # what images.ensure builds itself


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A running target. It belongs to the thread that its client belongs to."""

    spec: TargetSpec
    project: str
    client: docker.DockerClient
    muster: Muster | None = None  # of a target that this process started

    @classmethod
    def start(  # noqa: PLR0913  # a contract with run/: everything is named at the call
        cls,
        spec: TargetSpec,
        *,
        project: str,
        labels: Mapping[str, str],
        folder: Path,
        overrides: Sequence[Path] = (),
        fittings: Sequence[Fitting] = (),
        progress: Progress,
        client: docker.DockerClient,
    ) -> Self:
        """Start a copy of the target and wait until it serves at full strength.

        `folder` gets compose.json, the model as it was started, with its fittings. Whatever goes
        wrong, nothing stays.
        Raises InputError for a Compose file that is wrong, EnvironmentUnfit for a target that does
        not start, with its containers' states and last words.
        """
        stack = cls(spec=spec, project=project, client=client)
        assert spec.compose_file is not None, "the target is no Compose project"
        config = read_config([spec.compose_file, *overrides], project)
        for outsider in outsiders(config):
            progress(f"{outsider} is external: this copy gets an empty one of its own")
        tags = _images(spec, config, progress, client)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for attempt in range(_PORT_TRIES):
                places = _placing(stack, config, labels, tags, seed=f"{project}/{attempt}")
                copy = Place(client=client, project=project, labels=labels, progress=progress)
                model = fit(rewritten(config, places), fittings, copy)
                file = folder / "compose.json"
                file.write_text(json.dumps(model, indent=1), encoding="utf-8")
                if stack._up(file, progress, last_try=attempt == _PORT_TRIES - 1):
                    break
            await_ready(client, project, spec, stack.entrypoints)
            await_words(client, project, spec, overrides)
            muster = Muster.of(client, project, folder / "compose.json")
        except BaseException:
            with contextlib.suppress(EnvironmentUnfit):
                stack.down()
            raise
        return replace(stack, muster=muster)

    @classmethod
    def attach(cls, spec: TargetSpec, project: str, client: docker.DockerClient) -> Self:
        """A target that runs already, started by `chaoskit up`."""
        return cls(spec=spec, project=project, client=client)

    @property
    def entrypoints(self) -> Mapping[str, str]:
        """Entrypoint name → address, asked from the engine now. Raises EnvironmentUnfit."""
        return published(self.client, self.project, self.spec.entrypoints)

    def replenish(self) -> tuple[str, ...]:
        """Make instances anew that are gone and that nobody replaced; their names.

        Raises EnvironmentUnfit. Nothing can be done for a target that another process started.
        """
        return self.muster.replenish(self.client) if self.muster is not None else ()

    def revive(self) -> bool:
        """Start everything anew when the target does not serve any more; whether that was so.

        A system that does not repair itself would else spoil every trial after the first. Raises
        EnvironmentUnfit. Nothing can be done for a target that another process started.
        """
        if self.muster is None or still_ready(self.spec, self.entrypoints):
            return False
        self.muster.renew()
        await_ready(self.client, self.project, self.spec, self.entrypoints)
        return True

    def down(self) -> None:
        """Take everything of this copy away. Raises LiftFailed naming what would not go."""
        remove_project(self.client, self.project)

    def _up(self, file: Path, progress: Progress, *, last_try: bool) -> bool:
        """Start the containers; False when a port was lost to somebody else and there is a try
        left. Raises EnvironmentUnfit.
        """
        outcome = run_compose(
            file,
            self.project,
            "up",
            "--detach",
            "--timeout=0",
            progress=progress,
            timeout_s=_UP_LIMIT_S,
        )
        if outcome.ok:
            return True
        if not last_try and any(sign in outcome.words for sign in _PORT_TAKEN):
            self.down()
            return False
        words = last_words(self.client, self.project)
        message = f"{self.spec.title}: Docker Compose could not start it:\n{outcome.words}{words}"
        raise EnvironmentUnfit(message)


def _placing(
    stack: Stack,
    config: Config,
    labels: Mapping[str, str],
    tags: Mapping[str, str],
    *,
    seed: str,
) -> Placing:
    wanted = publications(config, stack.spec.entrypoints)
    ports = free_ports(stack.client, [one.count for one in wanted], seed=seed)
    return Placing(
        project=stack.project,
        labels=labels,
        images=tags,
        ports=dict(zip(wanted, ports, strict=True)),
    )


def _images(
    spec: TargetSpec, config: Config, progress: Progress, client: docker.DockerClient
) -> dict[str, str]:
    """Service → the image that stands for its `build`, made if it is not there."""
    tags: dict[str, str] = {}
    for name, service in config["services"].items():
        build = service.get("build")
        if build and not _is_plain(build):
            progress(f"{name}: Docker Compose builds it, since its `build` asks for more")
        elif build:
            tags[name] = images.ensure(
                client,
                f"{spec.name}-{name}".lower(),  # as image names must be; services need not
                Path(_plain_text(build["context"])),
                progress,
                dockerfile=_plain_text(build.get("dockerfile", "Dockerfile")),
                args={
                    key: _plain_text(value or "")
                    for key, value in (build.get("args") or {}).items()
                },
            )
        elif service.get("image") == images.BASE:
            images.ensure_base(client, progress)
    return tags


def _is_plain(build: Mapping[str, Any]) -> bool:
    """Whether a build is only a folder, a Dockerfile in it, and arguments."""
    asked = {key for key, value in build.items() if value}
    return asked <= _PLAIN_BUILD and Path(_plain_text(build["context"])).is_dir()


def _plain_text(value: str) -> str:
    """A value as it is meant: Compose prints its model fit to be read again, with `$` doubled."""
    return value.replace("$$", "$")
