"""Python wheels that an image needs, fetched by this host's pip before the image is built.

Inside an image build `apt` works everywhere, but `pip` may not: behind a proxy that opens TLS it
does not know the proxy's authority, and this host's pip does. A build context names its wheels in
`wheels.txt`, each with its hash; they are put into its folder `wheels/`, which git ignores.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from chaoskit.errors import EnvironmentUnfit

WANTED = "wheels.txt"
FOLDER = "wheels"

_PYTHON = "3.11"  # of Debian bookworm, which every image of ours is
_PATIENCE_S = 300
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}

Progress = Callable[[str], None]


def fetch_wheels(context: Path, architecture: str, progress: Progress) -> None:
    """Put the wheels that a build context names into it; nothing to do when they are there.

    `architecture` is the engine's: x86_64, aarch64. Raises EnvironmentUnfit with pip's last words.
    """
    wanted = context / WANTED
    if not wanted.is_file():
        return
    folder, mark = context / FOLDER, context / FOLDER / WANTED
    if mark.is_file() and mark.read_bytes() == wanted.read_bytes():
        return
    progress(f"fetching the wheels of {context.name}")
    machine = _ARCHITECTURES.get(architecture, architecture)
    platforms = (f"manylinux_2_31_{machine}", f"manylinux_2_17_{machine}", "any")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--dest", str(folder)]
    command += ["--python-version", _PYTHON, "--implementation", "cp"]
    command += [word for one in platforms for word in ("--platform", one)]
    command += ["--requirement", str(wanted)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        message = f"the wheels of {context.name} did not come within {_PATIENCE_S} s"
        raise EnvironmentUnfit(message) from error
    if done.returncode != 0:
        words = "\n".join(done.stderr.strip().splitlines()[-5:])
        message = f"the wheels of {context.name} could not be fetched by pip:\n{words}"
        raise EnvironmentUnfit(message)
    mark.write_bytes(wanted.read_bytes())  # last: all of them are there
