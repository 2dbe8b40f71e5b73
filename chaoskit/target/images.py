"""The images: built once for each state of their recipe, and named by the hash of it.

`python -m chaoskit.target.images [TARGET_FOLDER ...]` prepares everything that experiments need.
"""

import fcntl
import os
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import docker.errors
import requests.exceptions
import yaml

from chaoskit.errors import ChaoskitError, EnvironmentUnfit, Exit
from chaoskit.target import added_kinds
from chaoskit.target.build_context import BuildContext
from chaoskit.target.engine import connect
from chaoskit.target.rootfs import ensure_rootfs
from chaoskit.target.wheels import WANTED, fetch_wheels

BASE = "chaoskit/base:bookworm"  # what Dockerfiles name in FROM
IMAGE_LABEL = "chaoskit.image"  # the image's name, on every image of ours

_PACKAGE = Path(__file__).parent.parent
_BUILD_SILENCE_S = 300  # the longest step without a word
_LAST_LINES = 20

Progress = Callable[[str], None]


def ensure_base(client: docker.DockerClient, progress: Progress) -> str:
    """Make the base image exist; returns its tag. Raises EnvironmentUnfit.

    It is also known as BASE, so that Dockerfiles need no argument. A changed recipe rebuilds it.
    """
    recipe = BuildContext(folder=_PACKAGE / "target" / "base")
    tag = f"chaoskit/base:{recipe.hash(base='', args={})}"
    if _image_id(client, tag) is None:
        with _one_builder("base"):
            if _image_id(client, tag) is None:
                root = ensure_rootfs(client, progress)
                _build(client, recipe, tag, {"ROOT": root}, progress)
    if _image_id(client, BASE) != _image_id(client, tag):
        repository, name = BASE.split(":")
        client.images.get(tag).tag(repository, name)
    return tag


def ensure(  # noqa: PLR0913  # a build has that many parameters, and two are seldom given
    client: docker.DockerClient,
    name: str,
    context: Path,
    progress: Progress,
    *,
    dockerfile: str = "Dockerfile",
    args: Mapping[str, str] | None = None,
) -> str:
    """Make `chaoskit/<name>` exist for the present state of a build context; returns its tag.

    The tag is a hash of the files, the arguments and the base image. `progress` gets the build's
    output line by line, and nothing when the image is there. Raises EnvironmentUnfit with the
    build's last lines.
    """
    recipe = BuildContext(folder=context, dockerfile=dockerfile)
    if not (context / dockerfile).is_file():
        message = f"{name}: there is no {dockerfile} in {context}"
        raise EnvironmentUnfit(message)
    if (context / WANTED).is_file():
        with _one_builder(f"wheels-{name}"):
            fetch_wheels(context, str(client.info().get("Architecture", "")), progress)
    base = _image_id(client, ensure_base(client, progress)) or ""
    args = dict(args or {})
    tag = f"chaoskit/{name}:{recipe.hash(base=base, args=args)}"
    if _image_id(client, tag) is None:
        with _one_builder(name):
            if _image_id(client, tag) is None:
                _build(client, recipe, tag, args, progress)
    return tag


def ensure_agent(client: docker.DockerClient, progress: Progress) -> str:
    """Make the agent's image exist; returns its tag. Raises EnvironmentUnfit."""
    if not added_kinds.added().entries:
        return ensure(client, "agent", _PACKAGE / "agent", progress)
    with tempfile.TemporaryDirectory(prefix="chaoskit-agent-") as folder:
        context = Path(folder) / "agent"
        added_kinds.lay_out(_PACKAGE / "agent", context)
        return ensure(client, "agent", context, progress)


def ensure_services(
    client: docker.DockerClient, target: Path, progress: Progress
) -> dict[str, str]:
    """Make the images of a target's own build contexts exist; returns service → tag.

    Services whose image is not built here are left to Compose.
    """
    file = target / "compose.yaml"
    if not file.is_file():
        message = f"{target} is not a target: it has no compose.yaml"
        raise EnvironmentUnfit(message)
    compose = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    tags = {}
    for service, spec in (compose.get("services") or {}).items():
        build = spec.get("build")
        if build is None:
            continue
        build = {"context": build} if isinstance(build, str) else build
        args = build.get("args") or {}
        if isinstance(args, list):
            args = dict(one.partition("=")[::2] for one in args)
        tags[service] = ensure(
            client,
            f"{target.resolve().name}-{service}",
            target / build.get("context", "."),
            progress,
            dockerfile=build.get("dockerfile", "Dockerfile"),
            args={key: "" if value is None else str(value) for key, value in args.items()},
        )
    return tags


def _image_id(client: docker.DockerClient, tag: str) -> str | None:
    try:
        return client.images.get(tag).id
    except docker.errors.ImageNotFound:
        return None


@contextmanager
def _one_builder(name: str) -> Iterator[None]:
    """Keep two processes from building the same image twice; either alone would be right too."""
    path = Path(tempfile.gettempdir()) / f"chaoskit-{os.getuid()}-build-{name}.lock"
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(
    client: docker.DockerClient,
    recipe: BuildContext,
    tag: str,
    args: Mapping[str, str],
    progress: Progress,
) -> None:
    progress(f"building {tag}")
    name = tag.rpartition(":")[0]
    last: deque[str] = deque(maxlen=_LAST_LINES)
    try:
        for line in _output(client, recipe, tag, args):
            last.append(line)
            progress(f"  {line}")
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        message = "\n".join([f"{name} cannot be built: {error}", *last])
        raise EnvironmentUnfit(message) from error


def _output(
    client: docker.DockerClient, recipe: BuildContext, tag: str, args: Mapping[str, str]
) -> Iterator[str]:
    """The lines of a build with the engine's own builder. Raises BuildError at its end."""
    stream: Iterator[dict[str, Any]] = client.api.build(
        fileobj=recipe.archive(),
        custom_context=True,
        dockerfile=recipe.dockerfile,
        buildargs={**_proxies(), **args},
        labels={IMAGE_LABEL: tag.rpartition(":")[0]},
        tag=tag,
        rm=True,
        forcerm=True,
        timeout=_BUILD_SILENCE_S,
        decode=True,
    )
    trouble = ""
    for news in stream:  # to its end, error or not: only then is the connection given back
        for line in str(news.get("stream", "")).splitlines():
            if line.strip():
                yield line.rstrip()
        trouble = str(news.get("error", trouble)).strip()
    if trouble:
        raise docker.errors.BuildError(trouble, iter(()))


def _proxies() -> dict[str, str]:
    """The way out to the package archive; the builder knows these names and keeps no trace."""
    names = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    return {name: os.environ[name] for name in names if name in os.environ}


def prepare(client: docker.DockerClient, targets: Sequence[Path], progress: Progress) -> None:
    """Make every image exist that these targets and the agent need. Raises EnvironmentUnfit."""
    ensure_base(client, progress)
    ensure_agent(client, progress)
    for target in targets:
        ensure_services(client, target, progress)


def _say(line: str) -> None:
    """Print what is being done, but of a build's own output only its steps."""
    if not line.startswith("  ") or line.startswith("  Step "):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def main(arguments: Sequence[str]) -> Exit:
    """The command line of set-up. Quiet when everything is there."""
    try:
        prepare(connect(), [Path(one) for one in arguments], _say)
    except ChaoskitError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return Exit.PASS


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
