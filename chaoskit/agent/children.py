"""Helper processes: what has to go on while a fault is held, such as a proxy or a hog.

Each is a Python program of its own with the operation's tag on its command line, so that a later
agent finds what an earlier one left. A child dies with the agent: the kernel kills it when its
parent goes, and it leaves by itself when its stdin ends.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from chaoskit.agent import processes
from chaoskit.agent.kind import Refused

_PR_SET_PDEATHSIG = 1
_TERM_S = 1.0  # to leave in good order, before it is killed
_KILL_S = 1.0
_MARK = "chaoskit:"

_libc = ctypes.CDLL(None, use_errno=True)
_children: dict[str, subprocess.Popen[bytes]] = {}


def start(
    program: str,
    config: Mapping[str, Any],
    *,
    tag: str,
    network_of: int | None = None,
    ready_s: float = 3.0,
) -> dict[str, Any]:
    """Start `chaoskit.agent.programs.<program>` and wait for its first line, which is returned.

    `network_of` is a pid whose network namespace the program runs in. Raises Refused with the
    program's own words, or when it is not ready in time; then it is ended. Raises OSError when that
    namespace is gone.
    """
    if running(tag):
        message = f"a helper process {_MARK}{tag} runs already"
        raise Refused(message)
    command = [sys.executable, "-u", "-S", "-m", f"chaoskit.agent.programs.{program}", _MARK + tag]
    place: AbstractContextManager[None] = nullcontext()
    if network_of is not None:
        place = processes.network_of(network_of)
    with place:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            preexec_fn=partial(_die_with, os.getpid()),  # noqa: PLW1509  # we have one thread
        )
    _children[tag] = child
    try:
        return _exchange(child, config, timeout_s=ready_s, what=f"helper {program}")
    except BaseException:
        stop(tag)
        raise


def ask(tag: str, order: Mapping[str, Any], timeout_s: float = 1.0) -> dict[str, Any]:
    """One order to a child that this agent started, and its answer. Raises Refused."""
    child = _children.get(tag)
    if child is None or child.poll() is not None:
        message = f"the helper process {_MARK}{tag} is gone"
        raise Refused(message)
    return _exchange(child, order, timeout_s=timeout_s, what="the helper process")


def running(tag: str) -> list[int]:
    """The processes with this tag, whoever started them; those that have ended are none."""
    _reap()
    word = (_MARK + tag).encode()
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208  # called for every check
        if not name.isdigit():
            continue
        try:
            words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if word in words and processes.start_ticks(int(name)) is not None:
            found.append(int(name))
    return found


def stop(tag: str) -> int:
    """End every process with this tag, and wait for it. Raises Refused when one will not go."""
    doomed = running(tag)
    for number, patience_s in ((signal.SIGTERM, _TERM_S), (signal.SIGKILL, _KILL_S)):
        for pid in running(tag):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                os.kill(pid, signal.SIGCONT)
        if processes.poll(lambda: not running(tag), timeout_s=patience_s):
            break
    child = _children.pop(tag, None)
    if child is not None:
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()
    if left := running(tag):
        message = f"helper processes {left} do not end"
        raise Refused(message)
    return len(doomed)


def _exchange(
    child: subprocess.Popen[bytes], message: Mapping[str, Any], *, timeout_s: float, what: str
) -> dict[str, Any]:
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(json.dumps(message).encode() + b"\n")
        line = _line(child.stdout.fileno(), timeout_s)
    except OSError:
        line = b""
    if not line.endswith(b"\n"):
        why = _last_words(child) or f"no answer within {timeout_s:g} s"
        words = f"{what} failed: {why}"
        raise Refused(words)
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise Refused(str(answer["error"]))
    return answer


def _line(descriptor: int, timeout_s: float) -> bytes:
    """One line, or what came of it before the end or the time's."""
    deadline = time.monotonic() + timeout_s
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        data = os.read(descriptor, 1 << 16) if ready else b""
        if not data:
            break
        line += data
    return line


def _last_words(child: subprocess.Popen[bytes]) -> str:
    """The end of what a program that has ended said on stderr."""
    if child.stderr is None:
        return ""
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(0.2)
    if child.poll() is None:
        return ""
    said = child.stderr.read().decode(errors="replace").strip().splitlines()
    return said[-1] if said else f"it ended with {child.returncode} and said nothing"


def _reap() -> None:
    for child in _children.values():
        child.poll()


def _die_with(parent: int) -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # the agent went before the kernel was told
