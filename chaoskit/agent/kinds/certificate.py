"""Kind `certificate`: the certificate that an instance serves is replaced by an expired one.

Parameters: `pid`, `container`, `tag`; `certificate`, `key`, `ca` and `ca_key`, paths in the instance
("" where there is none; the key may be in the certificate's file); `port`, where it is served;
`reload`, the signal that lets the main process read the file again (KILL: it is restarted; "": it
watches the file); `since_s`, how long ago it expired. From the survey: `start_ticks`, `place` of the
file, and `serving`, the hash of what is served.
"""

import hashlib
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from chaoskit.agent import instances, processes
from chaoskit.agent.groups import inside
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused
from chaoskit.agent.kinds.file import CAPABILITIES, kept_name
from chaoskit.agent.network import tls, x509
from chaoskit.agent.storage import patches, places

_LARGEST_BYTES = 1 << 20
_SERVED_S = 2.8  # until the new file is served: an agent that works serves no leases
_IN_A_ROW = 3  # handshakes, because a reload has two processes answer for a while


def survey(params: Params) -> dict[str, Any]:
    """What is served now. Raises Refused when it is not the certificate of the file, or expired."""
    found = instances.look(params)
    pid = params["pid"]
    try:
        chain = patches.read(places.inside(pid, params["certificate"]), size=_LARGEST_BYTES)
        place = places.note(pid, params["certificate"])
    except OSError as error:
        message = f"{params['certificate']} cannot be read: {error.strerror}"
        raise Refused(message) from error
    served = tls.served_certificate(pid, params["port"], name=params["server_name"])
    if served != x509.first_der(chain):
        message = f"port {params['port']} serves another certificate than {params['certificate']}"
        raise Refused(message)
    if x509.ends_in_s(served) <= 0:
        message = f"the certificate on port {params['port']} has expired already"
        raise Refused(message)
    return {**found, "place": place, "serving": _hash(served)}


def apply(params: Params) -> Effect:
    """Write the expired certificate, have it read, and prove it by handshakes."""
    pid = params["pid"]
    if not instances.alive(params):
        message = "the instance's main process ended before its certificate was replaced"
        raise Refused(message)
    try:
        path = places.inside(pid, params["certificate"])
        old = patches.read(path, size=_LARGEST_BYTES)
        new = x509.expired(
            old,
            _text(params, "key") or old,
            since_s=params["since_s"],
            authority=_text(params, "ca"),
            authority_key=_text(params, "ca_key") or _text(params, "ca"),
        )
        requested_ns = time.monotonic_ns()
        piece = patches.Piece(at=0, old=old, new=new, resizes=True)
        patches.change(path, [piece], kept=path.with_name(kept_name(params["tag"], 0)))
        _reload(params)
        wanted = x509.first_der(new)
        _must_become(params, wanted)
    except (Refused, OSError) as error:
        undone = undo(params)
        message = f"{error}; undone: {undone.evidence}"
        raise Refused(message) from error
    in_effect_ns = time.monotonic_ns()
    ago_h = -x509.ends_in_s(wanted) / 3600
    evidence = (
        f"port {params['port']} serves a certificate that expired {ago_h:.3g} h ago, in "
        f"{_IN_A_ROW} handshakes in a row"
    )
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def _text(params: Params, which: str) -> bytes:
    """The contents of another file of the instance, b"" when none is named. Raises Refused."""
    if not params[which]:
        return b""
    try:
        return patches.read(places.inside(params["pid"], params[which]), size=_LARGEST_BYTES)
    except OSError as error:
        message = f"{params[which]} cannot be read: {error.strerror}"
        raise Refused(message) from error


def _reload(params: Params) -> None:
    """Let the main process, whichever it is by now, read its certificate again."""
    pid = places.main_process(params)
    if pid is None or not params["reload"]:
        return
    number = signal.Signals[f"SIG{params['reload']}"]
    if number != signal.SIGKILL and not _handles(pid, number):
        message = (
            f"the main process has no handler for SIG{params['reload']}, so it reloads nothing"
        )
        raise Refused(message)
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _handles(pid: int, number: signal.Signals) -> bool:
    """Whether the process does something of its own with a signal: it catches it or waits for it."""
    found = inside.status(pid)
    masks = int(found.get("SigCgt", "0"), 16) | int(found.get("SigBlk", "0"), 16)
    return bool(masks >> (number - 1) & 1)


def _how(params: Params) -> str:
    if not params["reload"]:
        return "writing the file (no reload signal is given)"
    return "a restart" if params["reload"] == "KILL" else f"SIG{params['reload']}"


def _must_become(params: Params, wanted: bytes) -> None:
    if not _becomes(params, lambda served: served == wanted):
        message = (
            f"port {params['port']} does not serve the expired certificate within "
            f"{_SERVED_S:g} s of {_how(params)}"
        )
        raise Refused(message)


def _becomes(params: Params, holds: Callable[[bytes], bool]) -> bool:
    """Whether that comes to hold for what is served, several times in a row."""
    row = 0
    deadline = time.monotonic() + _SERVED_S
    while row < _IN_A_ROW and time.monotonic() < deadline:
        row = row + 1 if holds(_served(params)) else 0
        if not row:
            time.sleep(0.02)
    return row >= _IN_A_ROW


def _served(params: Params) -> bytes:
    """What is served now, b"" when nobody answers."""
    pid = places.main_process(params)
    if pid is None:
        return b""
    try:
        return tls.served_certificate(pid, params["port"], name=params["server_name"])
    except (Refused, OSError):
        return b""


def check(params: Params) -> tuple[bool, str]:
    """In effect while what is served has expired."""
    served = _served(params)
    if not served:
        return False, f"nobody answers on port {params['port']}"
    ends_in_s = x509.ends_in_s(served)
    words = f"expired {-ends_in_s / 3600:.3g} h ago" if ends_in_s < 0 else "is valid"
    return ends_in_s < 0, f"what port {params['port']} serves {words}"


def undo(params: Params) -> Gone:
    """Restore the file, have it read, and prove that nothing expired is served."""
    path = places.find(params, params["place"])
    if path is None or not path.parent.is_dir():
        return Gone(gone_ns=time.monotonic_ns(), evidence="the instance is gone with its files")
    kept = path.with_name(kept_name(params["tag"], 0))
    words = f"{params['certificate']} {patches.take_back(path, kept)}"
    if kept.exists():
        message = f"{kept.name} is left beside {params['certificate']}"
        raise Refused(message)
    served = _served(params)
    if served and _is_ours(served, params):
        _reload(params)
        if not _becomes(params, lambda now: bool(now) and not _is_ours(now, params)):
            served = _served(params)
            if served and _is_ours(served, params):
                message = f"{words}, but port {params['port']} still serves the expired one"
                raise Refused(message)
        served = _served(params)
    told = "a valid one is served" if served else f"nobody answers on port {params['port']}"
    return Gone(gone_ns=time.monotonic_ns(), evidence=f"{words}; {told}")


def _is_ours(served: bytes, params: Params) -> bool:
    """Whether an expired certificate is served: it was valid before."""
    return _hash(served) != params["serving"] and x509.ends_in_s(served) < 0


def _hash(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()


def missing() -> str:
    """Why this agent cannot replace certificates, or ""."""
    return processes.lacking("SYS_ADMIN", "SYS_PTRACE", "KILL", *CAPABILITIES) or x509.missing()


KIND = Kind(
    apply=apply,
    check=check,
    undo=undo,
    missing=missing,
    survey=survey,
    capabilities=CAPABILITIES,
)
