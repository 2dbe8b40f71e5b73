"""Orders in, replies out, and the leases: one thread, one loop.

A lease is measured on CLOCK_BOOTTIME, which goes on while the machine sleeps: after a suspend, or
after everything was stopped and continued, leases lapse before any renewal that waits in the pipe
is read. Nothing here ever waits for the reader of our replies: a harness that hangs must not be
able to keep a fault alive.
"""

import json
import os
import platform
import selectors
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from chaoskit.agent import processes
from chaoskit.agent.kind import Kind, Refused
from chaoskit.agent.kinds import KINDS

_AGAIN_S = 1.0  # between two tries to undo what would not go
_GIVE_UP = 5  # tries, when there is nobody left to tell
_CHUNK = 1 << 16
_LONGEST_PROOF_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Held:
    """A fault that exists by our lease."""

    kind: str
    params: Mapping[str, Any]
    lease_s: float
    until_s: float  # CLOCK_BOOTTIME


class Service:
    """Reads orders, obeys them, and lifts what nobody asks for any longer."""

    def __init__(self, *, read_fd: int, write_fd: int, kinds: Mapping[str, Kind] = KINDS) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._kinds = kinds
        self._held: dict[str, Held] = {}
        self._inbox = b""
        self._outbox = bytearray()
        self._leaving = False
        self._selector = selectors.DefaultSelector()

    def run(self) -> bool:
        """Serve until told to leave or the pipe closes; whether everything was lifted."""
        for descriptor in (self._read_fd, self._write_fd):
            os.set_blocking(descriptor, False)
        self._selector.register(self._read_fd, selectors.EVENT_READ)
        while not self._leaving:
            # Before the inbox: a renewal that waited there while we were stopped is too late.
            self._lapse()
            ready = self._selector.select(self._patience_s())
            if any(key.fd == self._read_fd for key, _ in ready):
                self._lapse()
                self._receive()
            self._flush()
        lifted = self._lift_everything()
        self._flush()
        return lifted

    def leave(self) -> None:
        """End after the order under way; for signal handlers."""
        self._leaving = True

    def _patience_s(self) -> float:
        """How long nothing needs to be done. Bounded, so that a signal's wish is noticed."""
        ends = [one.until_s for one in self._held.values()]
        return max(0.0, min([1.0, *(end - _now_s() for end in ends)]))

    def _receive(self) -> None:
        try:
            data = os.read(self._read_fd, _CHUNK)
        except BlockingIOError:
            return
        if not data:
            self._leaving = True
            return
        *lines, self._inbox = (self._inbox + data).split(b"\n")
        for line in lines:
            if line.strip():
                self._obey(line)
                self._flush()

    def _obey(self, line: bytes) -> None:
        try:
            order = json.loads(line)
            number, verb = order.get("id"), order.get("do")
        except (ValueError, AttributeError):
            self._say({"id": None, "ok": False, "error": f"not an order: {line[:80]!r}"})
            return
        work: Callable[[dict[str, Any]], dict[str, Any]] | None = {
            "hello": self._hello,
            "can": self._can,
            "survey": self._survey,
            "apply": self._apply,
            "check": self._check,
            "undo": self._undo,
            "renew": self._renew,
            "bye": self._bye,
        }.get(verb)
        if work is None:
            self._say({"id": number, "ok": False, "error": f"unknown order {verb!r}"})
            return
        begun_s, before = _now_s(), tuple(self._held)
        try:
            self._say({"id": number, "ok": True, **work(order)})
        except Refused as refusal:
            self._say({"id": number, "ok": False, "error": str(refusal)})
        except Exception as error:  # noqa: BLE001  # the fault's fate must be told, whatever it is
            words = f"{type(error).__name__}: {error}"
            self._say({"id": number, "ok": False, "error": words})
        self._excuse(before, _now_s() - begun_s)

    def _excuse(self, faults: Iterable[str], busy_s: float) -> None:
        """Renewals could not be read while an order was obeyed: that time counts for no lease.

        A proof on real traffic takes seconds. Of an order that took longer than any proof may (we
        were stopped in the middle of it), only that much is forgiven.
        """
        for fault in self._held.keys() & set(faults):
            one = self._held[fault]
            until_s = one.until_s + min(busy_s, _LONGEST_PROOF_S)
            self._held[fault] = Held(**{**vars(one), "until_s": until_s})

    def _hello(self, _order: dict[str, Any]) -> dict[str, Any]:
        return {
            "monotonic_ns": time.monotonic_ns(),
            "kernel": platform.release(),
            "python": platform.python_version(),
            "capabilities": processes.capabilities(),
            "kinds": list(self._kinds),
        }

    def _can(self, order: dict[str, Any]) -> dict[str, Any]:
        """Why each of the kinds that were asked for cannot be done here; "" when it can."""
        return {"missing": {name: self._missing(name) for name in order["kinds"]}}

    def _missing(self, name: str) -> str:
        if name not in self._kinds:
            return f"the agent knows no kind {name!r}"
        try:
            return self._kinds[name].missing()
        except (Refused, OSError) as error:
            return str(error)

    def _kind(self, order: dict[str, Any]) -> Kind:
        kind = self._kinds.get(order.get("kind", ""))
        if kind is None:
            message = f"no kind {order.get('kind')!r}; there are {', '.join(self._kinds)}"
            raise Refused(message)
        return kind

    def _survey(self, order: dict[str, Any]) -> dict[str, Any]:
        kind = self._kind(order)
        if missing := kind.missing():
            raise Refused(missing)
        return {"params": kind.survey(order["params"])}

    def _apply(self, order: dict[str, Any]) -> dict[str, Any]:
        effect = self._kind(order).apply(order["params"])
        lease_s = order.get("lease_s")
        if lease_s is not None:
            self._held[order["fault"]] = Held(
                kind=order["kind"],
                params=order["params"],
                lease_s=lease_s,
                until_s=_now_s() + lease_s,
            )
        return asdict(effect)

    def _check(self, order: dict[str, Any]) -> dict[str, Any]:
        in_effect, evidence = self._kind(order).check(order["params"])
        return {"in_effect": in_effect, "evidence": evidence}

    def _undo(self, order: dict[str, Any]) -> dict[str, Any]:
        gone = self._kind(order).undo(order["params"])
        self._held.pop(order.get("fault", ""), None)
        return asdict(gone)

    def _renew(self, _order: dict[str, Any]) -> dict[str, Any]:
        for fault, one in self._held.items():
            self._held[fault] = Held(**{**vars(one), "until_s": _now_s() + one.lease_s})
        return {"held": sorted(self._held)}

    def _bye(self, _order: dict[str, Any]) -> dict[str, Any]:
        self._leaving = True
        return {"lifted": self._lift_everything()}

    def _lapse(self) -> None:
        now_s = _now_s()
        for fault, one in list(self._held.items()):
            if one.until_s <= now_s:
                self._lift(fault, one)

    def _lift(self, fault: str, one: Held) -> bool:
        """Undo a held fault and say so; what would not go is tried again a second later."""
        try:
            gone = self._kinds[one.kind].undo(one.params)
        except (Refused, OSError) as error:
            self._held[fault] = Held(**{**vars(one), "until_s": _now_s() + _AGAIN_S})
            self._say({"event": "stuck", "fault": fault, "error": str(error)})
            return False
        del self._held[fault]
        self._say({"event": "lapsed", "fault": fault, **asdict(gone)})
        return True

    def _lift_everything(self) -> bool:
        for attempt in range(_GIVE_UP):
            if attempt:
                time.sleep(_AGAIN_S)
            for fault, one in list(self._held.items()):
                self._lift(fault, one)
            if not self._held:
                return True
        sys.stderr.write(f"could not lift {', '.join(self._held)}\n")
        return False

    def _say(self, message: dict[str, Any]) -> None:
        self._outbox += json.dumps(message).encode() + b"\n"

    def _flush(self) -> None:
        """Write what the pipe takes; the rest waits for the next round."""
        while self._outbox:
            try:
                written = os.write(self._write_fd, self._outbox)
            except BlockingIOError:
                return
            except OSError:
                self._outbox.clear()  # nobody reads any more; stdin will say so too
                return
            del self._outbox[:written]


def _now_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
