"""Where the base image's bare Debian comes from: a registry, or the distribution's own packages.

The project must work where no image registry can be reached, so an image that cannot be pulled is
made with mmdebstrap: the same packages from the same archive, only put together here.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import docker
import docker.errors
import requests.exceptions

from chaoskit.errors import EnvironmentUnfit

PULLED = "debian:bookworm-slim"
MADE = "chaoskit/rootfs:bookworm"

# The longest silence of an engine that is pulling: behind a firewall that drops packets it would
# otherwise try for minutes.
_PULL_SILENCE_S = 15

_SUITE = "bookworm"
_MIRROR = "http://deb.debian.org/debian"
_SECURITY = "http://deb.debian.org/debian-security"
_ARCHIVES = (
    f"{_MIRROR} {_SUITE} main",
    f"{_MIRROR} {_SUITE}-updates main",
    f"{_SECURITY} {_SUITE}-security main",
)
# Named, because the apt of a host that is not Debian does not trust Debian's keys by itself.
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# Documentation and translations, which the base recipe leaves out too.
_LEFT_OUT = ("doc", "man", "info", "locale", "lintian", "bash-completion")

Progress = Callable[[str], None]


def ensure_rootfs(client: docker.DockerClient, progress: Progress) -> str:
    """The name of an image with a bare Debian bookworm. Raises EnvironmentUnfit."""
    for name in (PULLED, MADE):
        if client.images.list(name):
            return name
    trouble = _pull(client, progress)
    if not trouble:
        return PULLED
    progress(f"{PULLED} cannot be pulled here: {trouble}")
    _make(client, progress)
    return MADE


def _pull(client: docker.DockerClient, progress: Progress) -> str:
    """Why the pull failed; empty when it worked."""
    progress(f"pulling {PULLED}")
    repository, tag = PULLED.split(":")
    patience_s = client.api.timeout
    client.api.timeout = _PULL_SILENCE_S
    trouble = ""
    try:
        for news in client.api.pull(repository, tag, stream=True, decode=True):
            trouble = str(news.get("error", trouble))
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        return str(getattr(error, "explanation", None) or error)
    finally:
        client.api.timeout = patience_s
    return trouble


def _make(client: docker.DockerClient, progress: Progress) -> None:
    if shutil.which("mmdebstrap") is None:
        message = (
            f"the base image cannot be had: {PULLED} could not be pulled, and mmdebstrap, which "
            "makes it from Debian's packages, is not installed. Run `apt-get install mmdebstrap`, "
            f"or make {PULLED} known to the engine (docker load), and try again."
        )
        raise EnvironmentUnfit(message)
    progress(f"making a bare Debian {_SUITE} with mmdebstrap (about 20 s)")
    exclude = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT]
    include = ["--dpkgopt=path-include=/usr/share/doc/*/copyright"]
    signed_by = f"[signed-by={_KEYRING}] " if _KEYRING.exists() else ""
    sources = [f"deb {signed_by}{archive}" for archive in _ARCHIVES]
    command = ["mmdebstrap", "--variant=apt", *exclude, *include, _SUITE, "-", *sources]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        assert process.stdout is not None
        try:
            image = _import(client, process.stdout)
        finally:
            process.stdout.close()
            code = process.wait()
        if code != 0 or not image:
            log.seek(0)
            said = log.read().decode(errors="replace").strip().splitlines()[-15:]
            message = "\n".join([f"mmdebstrap failed with exit code {code}:", *said])
            raise EnvironmentUnfit(message)
    # Named only now: a half-made image must never be found.
    repository, tag = MADE.split(":")
    client.images.get(image).tag(repository, tag)


def _import(client: docker.DockerClient, stream: IO[bytes]) -> str:
    """Import a root file system; returns the image's id, or "" when the engine refused it."""
    answer = client.api.import_image_from_stream(stream, changes=['CMD ["/bin/bash"]'])
    found = [word for word in str(answer).replace('"', " ").split() if word.startswith("sha256:")]
    return found[-1] if found else ""
