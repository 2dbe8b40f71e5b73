"""Asks python and process probes exactly as Chaos Toolkit does, in processes that may be killed.

`python -m chaoskit.run.pool` imports Chaos Toolkit and the probes' modules once, then forks a worker
whenever the prober sends `fork N` with the worker's socket. A probe that hangs is ended by `kill N`,
together with every process that it started. When the prober is gone, so is all of this.
"""

import copy
import ctypes
import importlib
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from chaoslib import substitute
from chaoslib.activity import run_activity
from chaoslib.exceptions import ActivityFailed
from chaoslib.hypothesis import within_tolerance

from chaoskit.model.outcomes import Outcome, Reason
from chaoskit.probes.base import seconds

_MESSAGE_BYTES = 65536
_MOST_FDS = 64
_PR_SET_PDEATHSIG = 1
_DETAIL_RANGE = range(-(1 << 31), 1 << 31)


def main() -> None:
    """Serve the prober on standard input, which is a socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.disable(logging.CRITICAL)
    control = socket.socket(fileno=os.dup(0))
    lines = _Lines(control)
    setup = lines.next_line()
    if setup is None:
        return
    asker = Asker(json.loads(setup))
    asker.warm_up()
    control.sendall(b"ready\n")
    workers: dict[int, int] = {}  # number → pid
    try:
        while (line := lines.next_line()) is not None:
            order, _, number = line.decode().partition(" ")
            if order == "fork":
                workers[int(number)] = _fork(asker, control, lines.fds)
            else:
                _kill(workers.pop(int(number), 0))
    finally:
        for pid in workers.values():
            _kill(pid)


class _Lines:
    """Lines from a stream socket, and the descriptors that came along, in order."""

    def __init__(self, source: socket.socket) -> None:
        self.fds: list[int] = []
        self._source = source
        self._heard = b""

    def next_line(self) -> bytes | None:
        """The next line; None at the end."""
        while b"\n" not in self._heard:
            data, fds, _, _ = socket.recv_fds(self._source, _MESSAGE_BYTES, _MOST_FDS)
            if not data:
                return None
            self.fds += fds
            self._heard += data
        line, _, self._heard = self._heard.partition(b"\n")
        return line


class Asker:
    """Probes with everything that is needed to run them."""

    def __init__(self, setup: Mapping[str, Any]) -> None:
        self._probes: dict[str, dict[str, Any]] = setup["probes"]
        self._configuration = setup["configuration"]
        self._secrets = setup["secrets"]

    def warm_up(self) -> None:
        """Import what the probes need, once and before forking. A failure shows when asked."""
        for activity in self._probes.values():
            for provider in _providers(activity):
                if provider.get("type") == "python":
                    with suppress(Exception):
                        importlib.import_module(str(provider.get("module")))

    def ask(self, probe: str) -> tuple[Outcome, Reason, int]:
        """Run a probe, and apply its tolerance to what came of it."""
        # Chaos Toolkit writes the value into the tolerance that is a probe.
        activity = copy.deepcopy(self._probes[probe])
        try:
            value = self._value(activity)
        except ActivityFailed as failed:
            slow = "took too long" in str(failed)
            return Outcome.BAD, Reason.TIMEOUT if slow else Reason.RAISED, 0
        except Exception:  # noqa: BLE001 - the probe is the user's code; what it raises is its answer
            return Outcome.BAD, Reason.RAISED, 0
        status = value.get("status") if isinstance(value, dict) else None
        detail = status if isinstance(status, int) and status in _DETAIL_RANGE else 0
        if self._tolerates(activity["tolerance"], value):
            return Outcome.GOOD, Reason.NONE, detail
        return Outcome.BAD, Reason.TOLERANCE, detail

    def _value(self, activity: dict[str, Any]) -> Any:
        if activity["provider"].get("type") == "tcp":
            return _tcp_value(substitute(activity["provider"], self._configuration, self._secrets))
        return run_activity(activity, self._configuration, self._secrets)

    def _tolerates(self, tolerance: Any, value: Any) -> bool:
        if isinstance(tolerance, str):
            tolerance = substitute(tolerance, self._configuration, self._secrets)
        if isinstance(tolerance, dict) and tolerance.get("type") == "probe":
            tolerance["provider"].setdefault("arguments", {})
        try:
            met = within_tolerance(
                tolerance, value, configuration=self._configuration, secrets=self._secrets
            )
        except Exception:  # noqa: BLE001 - a value that the tolerance cannot be applied to
            return False
        return bool(met)


def _providers(activity: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    tolerance = activity.get("tolerance")
    nested = tolerance.get("provider", {}) if isinstance(tolerance, Mapping) else {}
    return [activity["provider"], nested]


def _tcp_value(provider: Mapping[str, Any]) -> dict[str, Any]:
    """What our tcp probe sees: Chaos Toolkit has no such provider."""
    expect = str(provider.get("expect", "")).encode()
    address = (str(provider["host"]), int(provider["port"]))
    received = b""
    try:
        timeout_s = seconds(provider.get("timeout"), "timeout")
        with socket.create_connection(address, timeout_s) as connection:
            connection.sendall(str(provider.get("send", "")).encode())
            while expect not in received:
                data = connection.recv(_MESSAGE_BYTES)
                if not data:
                    message = "the connection was closed before the expected bytes came"
                    raise ActivityFailed(message)
                received += data
    except OSError as problem:
        raise ActivityFailed(str(problem)) from problem
    return {"status": 0, "headers": {}, "body": received.decode("utf-8", "replace")}


def _fork(asker: Asker, control: socket.socket, fds: list[int]) -> int:
    """A worker that serves the first of these sockets; returns its pid."""
    fd = fds.pop(0)
    os.set_inheritable(fd, False)
    pid = os.fork()
    if pid:
        os.close(fd)
        return pid
    try:
        # Its own process group: whatever a probe starts is killed with it.
        os.setsid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        control.close()
        for another in fds:  # else a sibling's death would go unnoticed
            os.close(another)
        os.dup2(1, 0)  # probes must not read the prober's orders
        _serve(asker, socket.socket(fileno=fd))
    finally:
        os._exit(0)


def _serve(asker: Asker, prober: socket.socket) -> None:
    lines = _Lines(prober)
    while (line := lines.next_line()) is not None:
        answer = asker.ask(line.decode())
        prober.sendall(json.dumps(answer).encode() + b"\n")


def _kill(pid: int) -> None:
    """End a worker and its process group, and reap it."""
    if pid <= 0:
        return
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
    sys.exit(0)
