"""A field of instances, one for each held fault of the catalogue, to try all of them at once.

Every fault gets a service of its own, named after it, and all of them share the peer `db`; so no
fault meets another one in an instance, and what is left behind is seen by whose it is.
"""

import ipaddress
import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

from docker.models.containers import Container

from chaoskit.faults.base import Fault, HeldFault, catalogue
from chaoskit.faults.parts.traffic import TrafficFault
from chaoskit.run.clock import wait_until
from chaoskit.target.engine import ROLE_LABEL, RUN_LABEL
from chaoskit.testing.arena import Arena, serves
from chaoskit.testing.state import State, difference, snapshot

PEER = "db"
SHORT_LEASE_S = 1.0  # so that nobody waits long for it to lapse
LAST = ("fork_pressure", "memory_hog", "memory_limit", "cpu_hog", "crash_loop")  # they slow others
NEEDS_A_CONNECTION = ("half_open",)
NEEDS_FILES = ("corrupt_file", "truncate_file")
NEEDS_ITS_OWN_START = (  # a target must be made ready for these when it is started
    *("certificate_expiry", "clock_skew", "disk_latency", "io_error", "lose_unsynced"),
)
ON_A_DISK_OF_ITS_OWN = ("disk_full", "disk_leak")
_FILES = "test -e /data/log || { seq 5000 > /data/log; seq 5000 > /data/one.db; sync; }"
_CONNECT = """
import socket, time
one = socket.create_connection(({address!r}, 80)); time.sleep(600)
"""
_NAME_THE_OTHER_END = {"peer", "from", "groups"}
_TIMING = ("at", "for", "duration")
_SETTLE_S = 40.0  # the engine's restart delay grows with every crash


def held_faults() -> list[str]:
    """Every held fault that comes with an example; those that slow the machine come last."""
    names = [
        name
        for name, kind in catalogue().items()
        if issubclass(kind, HeldFault)
        and kind.example
        and not kind.in_cluster
        and name not in NEEDS_ITS_OWN_START
    ]
    return sorted(names, key=lambda name: (name in LAST, name))


def service_of(fault: str) -> str:
    """The service that a fault is tried on."""
    return fault.replace("_", "-")


def arguments_for(kind: type[Fault]) -> dict[str, Any]:
    """A fault's example, for its own service, held until somebody lifts it.

    Packets are measured with the peer alone: anybody else here is broken too.
    """
    kept = {key: one for key, one in kind.example.items() if key not in _TIMING}
    if issubclass(kind, TrafficFault) and not kept.keys() & _NAME_THE_OTHER_END:
        kept["peer"] = PEER
    moved: dict[str, Any] = _moved(kept, service_of(kind.name))
    return moved


def _moved(value: Any, service: str) -> Any:
    """The same with `web` as the fault's own service, wherever it is named."""
    if isinstance(value, dict):
        return {key: _moved(one, service) for key, one in value.items()}
    if isinstance(value, list):
        return [_moved(one, service) for one in value]
    return service if value == "web" else value


class Field:
    """An arena with everybody in it, each at an address of its own."""

    def __init__(self, arena: Arena, faults: Iterable[str] | None = None) -> None:
        """`faults` are names; all held ones when absent."""
        self.arena = arena
        self.faults = list(faults) if faults is not None else held_faults()
        self._connections: list[int] = []  # pids
        subnet = arena.network.attrs["IPAM"]["Config"][0]["Subnet"]
        hosts = (str(one) for one in ipaddress.ip_network(subnet).hosts())
        services = [PEER, *map(service_of, self.faults)]
        self.addresses = dict(zip(services, islice(hosts, 100, None), strict=False))
        for service in services:
            self.add(service)

    def add(self, service: str) -> Container:
        """An instance with /data, which the engine restarts."""
        arena = self.arena
        storage: dict[str, Any] = {"tmpfs": {"/data": "size=4m"}}
        if service not in map(service_of, ON_A_DISK_OF_ITS_OWN):
            name = f"{arena.run_id}-{service}"
            arena.client.volumes.create(name, labels=arena.labels)
            storage = {"volumes": {name: {"bind": "/data", "mode": "rw"}}}
        endpoint = arena.client.api.create_endpoint_config(ipv4_address=self.addresses[service])
        made = arena.add(
            service,
            restart="always",
            networking_config={arena.network.name: endpoint},
            **storage,
        )
        if service in map(service_of, NEEDS_FILES):
            made.exec_run(["sh", "-c", _FILES])
        return made

    def orders(self, faults: Iterable[str] | None = None) -> list[tuple[str, dict[str, Any]]]:
        """Fault by fault, what it is to be injected with, when all have what they need.

        `faults` are some of the field's; all when absent.
        """
        chosen = self.faults if faults is None else list(faults)
        for fault in set(NEEDS_A_CONNECTION) & set(chosen):
            self._open_connection(self.addresses[service_of(fault)])
        known = catalogue()
        return [(name, arguments_for(known[name])) for name in chosen]

    def _open_connection(self, address: str) -> None:
        """From the peer; it stays open until somebody asks for differences."""
        (peer,) = self.arena.project.containers(PEER)
        api = self.arena.client.api
        command = ["python3", "-c", _CONNECT.format(address=address)]
        job = api.exec_create(peer.id or "", command)["Id"]
        api.exec_start(job, detach=True)
        established = f"ss -Hnt state established dst {address} | grep -q :80"

        def is_open() -> bool:
            return bool(peer.exec_run(["sh", "-c", established]).exit_code == 0)

        assert wait_until(is_open, timeout_s=10), f"no connection to {address}"
        self._connections.append(api.exec_inspect(job)["Pid"])

    def hang_up(self) -> None:
        """End the connections that were opened for the faults that need one."""
        for pid in self._connections:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._connections.clear()

    def snapshot(self, only: Collection[str] | None = None) -> State:
        """The state of everything here, or of some services."""
        return snapshot(self.arena.client, self.arena.run_id, only=only)

    def differences_now(self, before: State) -> list[str]:
        """What is otherwise than before at this moment."""
        return difference(before, self.snapshot())

    def agents(self) -> list[Container]:
        """The agents that are there now."""
        filters: dict[str, Any] = {"label": [f"{RUN_LABEL}={self.arena.run_id}", ROLE_LABEL]}
        return self.arena.client.containers.list(filters=filters, ignore_removed=True)

    def differences(self, before: State, only: Collection[str] | None = None) -> list[str]:
        """What is otherwise than before, when everybody had the time to come back."""
        self.hang_up()
        wait_until(self.all_serve, timeout_s=_SETTLE_S, every_s=0.2)
        found: list[str] = []

        def as_before() -> bool:
            found[:] = difference(before, self.snapshot(only))
            return not found

        # A restart may be under way; what is left behind stays, however often one looks.
        wait_until(as_before, timeout_s=10.0, every_s=1.0)
        return found

    def all_serve(self) -> bool:
        """Whether every service has an instance that answers."""
        there = self.arena.project.containers()
        services = {PEER, *map(service_of, self.faults)}
        alive = {one.labels["com.docker.compose.service"] for one in there if serves(one)}
        return alive == services

    @contextmanager
    def harness(
        self, faults: Iterable[str] | None = None, *, folder: Path | None = None
    ) -> Iterator["Harness"]:
        """Another process that breaks everything here, or some; it is ended in any case."""
        wanted = {
            "folder": str(folder or self.arena.folder),
            "run_id": self.arena.run_id,
            "lease_s": SHORT_LEASE_S,
            "faults": self.orders(faults),
        }
        command = [sys.executable, "-m", "chaoskit.testing.harness", json.dumps(wanted)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, **pipes) as process:
            try:
                yield Harness(process)
            finally:
                process.kill()


class Harness:
    """The process; see chaoskit.testing.harness."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.refused: dict[str, str] = {}

    def ready(self) -> int:
        """Wait until everything is broken; how many faults are held."""
        return int(self._hear("ready"))

    def end(self) -> None:
        """Let it lift everything, and wait for that."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self._hear("lifted")
        self.process.wait()

    def _hear(self, word: str) -> Any:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message = json.loads(line)
            if "refused" in message:
                self.refused[message["refused"]] = message["why"]
            if word in message:
                return message[word]
        words = f"the harness ended before it said {word!r}"
        raise RuntimeError(words)
