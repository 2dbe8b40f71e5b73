"""Kind `disk_leak`: a file of ours grows at a rate on a bounded file system of an instance.

Parameters: `pid`, `container`, `tag`, `path` (a folder of the instance), `rate` (bytes a second).
From the survey: `start_ticks`, `place` (see chaoskit.agent.storage.places), `room` (bytes that are free).
"""

import os
import time
from pathlib import Path
from typing import Any

from chaoskit.agent import children, instances, leaks, processes
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused
from chaoskit.agent.kinds.file import kept_name
from chaoskit.agent.storage import mounts, places

CAPABILITIES = ("DAC_OVERRIDE",)

_MOST_ROOM_BYTES = 4 << 30


def survey(params: Params) -> dict[str, Any]:
    """The file system behind the path. Raises Refused for one that is not the instance's alone."""
    found = instances.look(params)
    pid, path = params["pid"], params["path"]
    try:
        folder = places.inside(pid, path)
        if not folder.is_dir():
            message = f"{path} is not a folder of the instance"
            raise Refused(message)
        place = places.note(pid, path)
        if why := mounts.why_unbounded(pid, place["path"]):
            raise Refused(why)
        room = _free_bytes(folder)
    except OSError as error:
        message = f"{path} cannot be looked at: {error.strerror}"
        raise Refused(message) from error
    if not 0 < room <= _MOST_ROOM_BYTES:
        message = (
            f"{path} has {room} bytes free; a leak needs some, and at most "
            f"{_MOST_ROOM_BYTES >> 30} GiB"
        )
        raise Refused(message)
    return {**found, "place": place, "room": room}


def apply(params: Params) -> Effect:
    """Begin to leak, and measure how fast."""
    requested_ns = time.monotonic_ns()
    try:
        folder = places.inside(params["pid"], params["path"])
        before = _free_bytes(folder)
        config = {
            "resource": "disk",
            "file": str(folder / kept_name(params["tag"], 0)),
            "pid": params["pid"],
            "rate": params["rate"],
            "most": _MOST_ROOM_BYTES,
        }
        ready = children.start("leak", config, tag=params["tag"])
        evidence = leaks.proven(params, ready["began_ns"])
        _must_be_fewer(before, _free_bytes(folder))
    except (Refused, OSError) as error:
        undone = undo(params)
        message = f"{error}; undone: {undone.evidence}"
        raise Refused(message) from error
    return leaks.effect(params, requested_ns, ready["began_ns"], evidence)


def _must_be_fewer(before: int, after: int) -> None:
    if after >= before:
        message = f"{before} bytes were free before the leak, and {after} are now"
        raise Refused(message)


def _free_bytes(folder: Path) -> int:
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize


def check(params: Params) -> tuple[bool, str]:
    """In effect while the helper leaks, or has filled everything."""
    return leaks.check(params)


def undo(params: Params) -> Gone:
    """End the helper and remove its file, wherever the file system is by now."""
    ended = children.stop(params["tag"])
    folder = places.find(params, params["place"])
    if folder is None or not folder.is_dir():
        evidence = f"{ended} leak ended; the instance is gone, and its file system with it"
        return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)
    (folder / kept_name(params["tag"], 0)).unlink(missing_ok=True)
    evidence = f"{ended} leak ended, its file is removed, {_free_bytes(folder)} bytes are free"
    return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)


def missing() -> str:
    """Why this agent cannot leak into an instance's files, or ""."""
    return processes.lacking("SYS_PTRACE", "KILL", *CAPABILITIES)


KIND = Kind(
    apply=apply,
    check=check,
    undo=undo,
    missing=missing,
    survey=survey,
    capabilities=CAPABILITIES,
)
