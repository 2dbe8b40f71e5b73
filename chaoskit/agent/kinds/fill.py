"""Kind `fill`: a file of ours takes the free space of a bounded file system of an instance.

Parameters: `pid`, `container`, `tag`, `path` (a folder of the instance), `leave_bytes`. From the
survey: `start_ticks`, `place` (see chaoskit.agent.storage.places), `free_bytes` (as it was) and
`block_bytes`.
"""

import errno
import os
import time
from pathlib import Path
from typing import Any

from chaoskit.agent import instances, processes
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused
from chaoskit.agent.kinds.file import kept_name
from chaoskit.agent.storage import mounts, places

CAPABILITIES = ("DAC_OVERRIDE",)

_MOST_FREE_BYTES = 4 << 30
_INSTEAD = "; use the fault io_error with errno ENOSPC, which fills nothing"


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
        _must_be_bounded(pid, place["path"])
        state = os.statvfs(folder)
    except OSError as error:
        message = f"{path} cannot be looked at: {error.strerror}"
        raise Refused(message) from error
    free_bytes = state.f_bfree * state.f_frsize
    if free_bytes > _MOST_FREE_BYTES:
        message = (
            f"{path} has {free_bytes / (1 << 30):.1f} GiB free; at most "
            f"{_MOST_FREE_BYTES >> 30} GiB are filled{_INSTEAD}"
        )
        raise Refused(message)
    if free_bytes <= params["leave_bytes"]:
        message = (
            f"{path} has {free_bytes} bytes free already, and {params['leave_bytes']} shall be"
        )
        raise Refused(message)
    return {**found, "place": place, "free_bytes": free_bytes, "block_bytes": state.f_frsize}


def _must_be_bounded(pid: int, path: str) -> None:
    """The engine's own disk is not ours to fill: everybody would suffer."""
    if why := mounts.why_unbounded(pid, path):
        message = why + _INSTEAD
        raise Refused(message)


def apply(params: Params) -> Effect:
    """Take the space, and prove that one more block is refused."""
    if not instances.alive(params):
        message = "the instance's main process ended before its file system was filled"
        raise Refused(message)
    requested_ns = time.monotonic_ns()
    try:
        folder = places.inside(params["pid"], params["path"])
        taken = _take(folder / kept_name(params["tag"], 0), params)
        in_effect_ns = time.monotonic_ns()
        evidence = _prove(folder, params)
    except (Refused, OSError) as error:
        undone = undo(params)
        message = f"{error}; undone: {undone.evidence}"
        raise Refused(message) from error
    evidence = f"{taken} bytes of {params['path']} taken, {evidence}"
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def _take(file: Path, params: Params) -> int:
    """Allocate in ever smaller steps until nothing goes; how many bytes it came to."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    block, leave = params["block_bytes"], params["leave_bytes"]
    descriptor = os.open(file, flags, 0o600)
    try:
        size = 0
        step = max(block, params["free_bytes"] - leave)
        while step >= block:
            state = os.fstatvfs(descriptor)
            room = state.f_bfree * state.f_frsize - leave
            step = min(step, room // block * block)
            if step < block:
                break
            try:
                os.posix_fallocate(descriptor, size, step)
                size += step
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                step //= 2
        return os.fstat(descriptor).st_blocks * 512
    finally:
        os.close(descriptor)


def _prove(folder: Path, params: Params) -> str:
    """One block more than what shall be left is written, to be refused with ENOSPC."""
    probe = folder / kept_name(params["tag"], 1)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    wanted = params["leave_bytes"] + params["block_bytes"]
    try:
        descriptor = os.open(probe, flags, 0o600)
    except OSError as error:
        if error.errno == errno.ENOSPC and not params["leave_bytes"]:
            return "not even an empty file can be made (ENOSPC)"
        raise
    try:
        os.posix_fallocate(descriptor, 0, wanted)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return f"{wanted} bytes more are refused with ENOSPC"
        raise
    finally:
        os.close(descriptor)
        probe.unlink()
    message = f"{wanted} bytes could still be written"
    raise Refused(message)


def check(params: Params) -> tuple[bool, str]:
    """In effect while our file is there and no more is free than shall be."""
    folder = places.find(params, params["place"])
    try:
        if folder is None or not (folder / kept_name(params["tag"], 0)).exists():
            return False, "the instance is gone, and its file system with it"
        state = os.statvfs(folder)
    except OSError as error:
        return False, f"{params['path']}: {error.strerror}"
    free_bytes = state.f_bfree * state.f_frsize
    full = free_bytes <= params["leave_bytes"] + params["block_bytes"]
    return full, f"{free_bytes} bytes of {params['path']} are free"


def undo(params: Params) -> Gone:
    """Remove our files, wherever the file system is by now."""
    folder = places.find(params, params["place"])
    if folder is None or not folder.is_dir():
        evidence = "the instance is gone, and its file system with it"
        return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)
    for number in (0, 1):
        file = folder / kept_name(params["tag"], number)
        # Looked for first: the device's number may be another file system's by now, a read-only one.
        if os.path.lexists(file):
            file.unlink(missing_ok=True)
    state = os.statvfs(folder)
    evidence = f"our file is removed, {state.f_bfree * state.f_frsize} bytes are free"
    return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)


def missing() -> str:
    """Why this agent cannot fill a file system, or ""."""
    return processes.lacking("SYS_PTRACE", *CAPABILITIES)


KIND = Kind(
    apply=apply,
    check=check,
    undo=undo,
    missing=missing,
    survey=survey,
    capabilities=CAPABILITIES,
)
