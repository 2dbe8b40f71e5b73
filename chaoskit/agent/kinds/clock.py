"""Kind `clock`: the processes of an instance are told another time.

Parameters: `pid` and `container` of the instance, `offset_s`. The instance must have been started
with our clock; see `chaoskit.agent.clocks`.
"""

import time
from pathlib import Path
from typing import Any

from chaoskit.agent import clocks, instances, processes
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused

# To enter a mount namespace, and to write a file that whoever runs there has made.
_CAPABILITIES = ("SYS_CHROOT", "DAC_OVERRIDE")
_EXACT_S = 0.1


def survey(params: Params) -> dict[str, Any]:
    """Refuses an instance that nobody can tell another time, with the reason."""
    found = instances.look(params)
    clocks.listeners(params)
    try:
        other = clocks.signed_by(params["pid"])
    except OSError as error:
        message = f"the instance's clock cannot be reached: {error.strerror}"
        raise Refused(message) from error
    if other:
        message = f"the instance's clock is set already, by {other}; lift that fault first"
        raise Refused(message)
    return found


def apply(params: Params) -> Effect:
    """Set the clock, and read it as the instance does."""
    pid, offset_s = params["pid"], params["offset_s"]
    if not instances.alive(params):
        message = "the instance's main process ended before its clock was set"
        raise Refused(message)
    try:
        asking, deaf = clocks.listeners(params)
        requested_ns = time.monotonic_ns()
        clocks.set_offset(pid, params["tag"], offset_s)
        in_effect_ns = time.monotonic_ns()
        measured_s = clocks.shift_s(pid)
    except (Refused, OSError) as error:
        undo(params)
        message = f"the clock was not set: {error}"
        raise Refused(message) from error
    if abs(measured_s - offset_s) > _EXACT_S:
        undo(params)
        message = f"promised {offset_s:+.3f} s, measured {measured_s:+.3f} s; undone"
        raise Refused(message)
    words = f"promised {offset_s:+g} s, measured {measured_s:+.3f} s in the instance"
    words += f"; {len(asking)} of its {len(asking) + len(deaf)} processes ask our clock"
    if deaf:
        words += f", not: {', '.join(one.name for one in deaf)}"
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=words)


def check(params: Params) -> tuple[bool, str]:
    """In effect while the instance's own programs read the promised time."""
    if not instances.alive(params):
        return False, "the instance is gone"
    try:
        if clocks.signed_by(params["pid"]) != params["tag"]:
            return False, "the clock is not set by this fault any more"
        measured_s = clocks.shift_s(params["pid"])
    except (Refused, OSError) as error:
        return False, str(error)
    there = abs(measured_s - params["offset_s"]) <= _EXACT_S
    return there, f"a clock in the instance is off by {measured_s:+.3f} s"


def undo(params: Params) -> Gone:
    """The true time again, read as the instance does."""
    pid = params["pid"]
    if not instances.alive(params):
        return _gone("the instance is gone, and its clock with it")
    try:
        if clocks.signed_by(pid) != params["tag"]:
            return _gone("the clock is not set by this fault")
        clocks.forget_offset(pid)
        measured_s = clocks.shift_s(pid)
    except (Refused, OSError) as error:
        if not instances.alive(params):
            return _gone("the instance went away, and its clock with it")
        message = f"the instance's clock may still be off: {error}"
        raise Refused(message) from error
    if abs(measured_s) > _EXACT_S:
        message = f"a clock in the instance is still off by {measured_s:+.3f} s"
        raise Refused(message)
    return _gone(f"offset taken away; a clock in the instance is off by {measured_s:+.3f} s")


def _gone(evidence: str) -> Gone:
    return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)


def missing() -> str:
    """Why this agent cannot look into an instance's files, or ""."""
    if not Path("/proc/self/ns/mnt").exists():
        return "the kernel has no mount namespaces"
    return processes.lacking("SYS_ADMIN", "SYS_PTRACE", *_CAPABILITIES)


KIND = Kind(
    apply=apply,
    check=check,
    undo=undo,
    missing=missing,
    survey=survey,
    capabilities=_CAPABILITIES,
)
