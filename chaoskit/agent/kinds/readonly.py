"""Kind `readonly`: a mount of an instance refuses to be written to, for that instance alone.

Parameters: `pid`, `container`, `tag`, `path` (where it is mounted). From the survey: `start_ticks`,
`point`, `options` (those of the mount before) and `device`.
"""

import errno
import os
import time
from typing import Any

from chaoskit.agent import instances, processes
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused
from chaoskit.agent.kinds.file import kept_name
from chaoskit.agent.storage import mounts, places

CAPABILITIES = ("SYS_CHROOT", "DAC_OVERRIDE")

_WRITERS_S = 1.0  # that a passing writer may take to close its file
_SHOWN = 8
_KERNELS = ("/dev", "/proc", "/sys")  # what is mounted there is not the service's own


def survey(params: Params) -> dict[str, Any]:
    """The mount that is meant. Raises Refused when the path is none, or is read-only already."""
    found = instances.look(params)
    pid, path = params["pid"], params["path"]
    try:
        point = places.as_seen(pid, places.inside(pid, path))
        table = mounts.of(pid)
    except OSError as error:
        message = f"{path} cannot be looked at: {error.strerror}"
        raise Refused(message) from error
    mount = mounts.covering(table, point)
    if mount.point != point:
        known = [one.point for one in table if "ro" not in one.options and _is_own(one)]
        message = (
            f"{path} is not a mount of its own (it is in {mount.point}); the mounts that can be "
            f"made read-only are {', '.join(dict.fromkeys(known[:_SHOWN]))}"
        )
        raise Refused(message)
    if "ro" in mount.options:
        message = f"{path} is read-only already, by somebody else or by another fault"
        raise Refused(message)
    return {**found, "point": point, "options": list(mount.options), "device": mount.device}


def _is_own(mount: mounts.Mount) -> bool:
    return not any(mounts.is_below(mount.point, one) for one in _KERNELS)


def apply(params: Params) -> Effect:
    """Remount it, waiting for a passing writer, and prove it by a file that cannot be made."""
    if not instances.alive(params):
        message = "the instance's main process ended before the mount was made read-only"
        raise Refused(message)
    options = ["ro", *(one for one in params["options"] if one != "rw")]
    requested_ns = time.monotonic_ns()
    deadline = time.monotonic() + _WRITERS_S
    try:
        while True:
            try:
                mounts.set_options(params["pid"], params["point"], options)
                break
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
                if time.monotonic() > deadline:
                    message = (
                        f"{params['path']} has files open for writing, and the kernel does not "
                        f"make such a mount read-only (EBUSY for {_WRITERS_S:g} s); use the fault "
                        "io_error with errno EROFS"
                    )
                    raise Refused(message) from error
            time.sleep(0.005)
        in_effect_ns = time.monotonic_ns()
        evidence = _prove(params)
    except (Refused, OSError) as error:
        undone = undo(params)
        message = f"{error}; undone: {undone.evidence}"
        raise Refused(message) from error
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def _prove(params: Params) -> str:
    number = _attempt(params)
    if number != errno.EROFS:
        words = os.strerror(number) if number else "it could be made"
        message = f"a new file in {params['path']} was to be refused with EROFS: {words}"
        raise Refused(message)
    return f"{params['path']} is mounted read-only, a new file is refused with EROFS"


def _attempt(params: Params) -> int:
    """Try to make a file there; 0, or the number of the error. Nothing of it is left."""
    point = places.inside(params["pid"], params["point"])
    file = (point if point.is_dir() else point.parent) / kept_name(params["tag"], 0)
    if not point.is_dir():
        file = point  # a single file that is mounted: it is opened, not changed
    flags = os.O_WRONLY | os.O_CLOEXEC | (os.O_CREAT | os.O_EXCL if point.is_dir() else 0)
    try:
        os.close(os.open(file, flags, 0o600))
    except OSError as error:
        return error.errno or errno.EIO
    if point.is_dir():
        file.unlink()
    return 0


def check(params: Params) -> tuple[bool, str]:
    """In effect while the mount is listed as read-only."""
    mount = _mount(params)
    if mount is None:
        return False, "the instance is gone, and its mounts with it"
    return "ro" in mount.options, f"{params['path']} is mounted {','.join(mount.options)}"


def _mount(params: Params) -> mounts.Mount | None:
    """The mount as it is now; None when the instance is gone or has unmounted it."""
    if not instances.alive(params):
        return None
    try:
        mount = mounts.covering(mounts.of(params["pid"]), params["point"])
    except OSError:
        return None
    same = mount.point == params["point"] and mount.device == params["device"]
    return mount if same else None


def undo(params: Params) -> Gone:
    """Give the mount the options that it had. A mount belongs to the instance, and goes with it."""
    mount = _mount(params)
    if mount is not None and "ro" in mount.options:
        try:
            mounts.set_options(params["pid"], params["point"], params["options"])
        except OSError:
            if _mount(params) is not None:
                raise
        mount = _mount(params)
    if mount is None:
        evidence = "the instance is gone, and its mounts with it"
        return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)
    if "ro" in mount.options:
        message = f"{params['path']} of the instance is still read-only"
        raise Refused(message)
    evidence = f"{params['path']} is mounted {','.join(mount.options)} again"
    return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)


def missing() -> str:
    """Why this agent cannot remount, or ""."""
    return processes.lacking("SYS_ADMIN", "SYS_PTRACE", *CAPABILITIES)


KIND = Kind(
    apply=apply,
    check=check,
    undo=undo,
    missing=missing,
    survey=survey,
    capabilities=CAPABILITIES,
)
