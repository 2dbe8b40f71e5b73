"""A few containers that look like a Compose project, for breaking without a Compose file.

Each service runs a small web server that forks one child, so that a hang has more than one process
to stop. Everything carries the run's label, and is removed by it.
"""

import secrets
import socket
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random  # noqa: TID251  # one fixed seed: a test picks the same every time
from typing import Any, Literal

import docker.errors
import docker.types
from docker.models.containers import Container
from docker.models.networks import Network

from chaoskit.errors import EnvironmentUnfit
from chaoskit.faults.base import make
from chaoskit.model.timeline import Mark
from chaoskit.run.clock import wait_until
from chaoskit.run.injected import Injected
from chaoskit.run.injector import Injector
from chaoskit.target.agent import DEFAULT_LEASE_S, NOTHING_EXTRA, Agent, Extra, Lapse
from chaoskit.target.cleanup import remove_labelled
from chaoskit.target.engine import (
    COMPOSE_NUMBER,
    COMPOSE_PROJECT,
    COMPOSE_SERVICE,
    RUN_LABEL,
    Project,
    connect,
    instance_of,
)
from chaoskit.target.hands import AgentHand, Hands
from chaoskit.target.images import BASE, ensure_agent, ensure_base
from chaoskit.target.site import ProjectSite
from chaoskit.target.surgery import EngineHand

SERVER = """
import http.server, os, signal, threading, time
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args): pass
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
if os.fork() == 0:
    while True: time.sleep(60)
http.server.ThreadingHTTPServer(("", 80), Answer).serve_forever()
"""

_LISTEN = """
import pathlib, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
p = pathlib.Path({path!r}); s.bind(("", 0)); s.settimeout(1.5)
q = p.with_suffix(".new"); q.write_text(str(s.getsockname()[1])); q.rename(p)
p.write_text(s.recv(99).decode())
"""

Restart = Literal["no", "always", "on-failure"]


class Arena:
    """One project with its own network, an agent, and an injector."""

    def __init__(self, folder: Path) -> None:
        """`folder` is for the undo log. Raises EnvironmentUnfit."""
        self.client = connect()
        self.run_id = f"arena-{secrets.token_hex(3)}"
        self.folder = folder
        self.labels = {RUN_LABEL: self.run_id}
        self.project = Project(name=self.run_id, client=self.client)
        self.network = self._network()
        self.marks: list[Mark] = []
        self.agent_image = ensure_agent(self.client, _quietly)
        self.hand = AgentHand(self.start_agent)
        self.hands = Hands(agent=self.hand, engine=EngineHand(connect))
        self.lease_s = DEFAULT_LEASE_S
        self._injector: Injector | None = None

    def _network(self) -> Network:
        ensure_base(self.client, _quietly)
        for third in range(200, 250):  # a subnet of our own, so that addresses may be asked for
            pool = docker.types.IPAMPool(subnet=f"10.213.{third}.0/24")
            try:
                return self.client.networks.create(
                    f"{self.run_id}_net",
                    labels=self.labels,
                    ipam=docker.types.IPAMConfig(pool_configs=[pool]),
                )
            except docker.errors.APIError as error:
                if "overlap" not in str(error):
                    raise
        message = "no free subnet for an arena's network among 10.213.200.0/24 to 10.213.249.0/24"
        raise EnvironmentUnfit(message)

    def start_agent(self, on_lapse: Callable[[Lapse], None], extra: Extra = NOTHING_EXTRA) -> Agent:
        """An agent of the arena's own."""
        return Agent.start(
            self.client,
            image=self.agent_image,
            labels=self.labels,
            lease_s=self.lease_s,
            on_lapse=on_lapse,
            extra=extra,
        )

    @property
    def injector(self) -> Injector:
        """Who breaks this arena; `lease_s` may be set before it is first used."""
        if self._injector is None:
            self._injector = Injector(
                folder=self.folder,
                run_id=self.run_id,
                site=ProjectSite(self.project),
                hands=self.hands,
                record=self.marks.append,
                rng=Random(1),
            )
        return self._injector

    def add(  # noqa: PLR0913  # a container has that many parameters, and all have defaults
        self,
        service: str,
        number: int = 1,
        *,
        labels: Mapping[str, str] | None = None,
        restart: Restart = "no",
        image: str = BASE,
        command: list[str] | None = None,
        ready: Callable[[Container], bool] | None = None,
        **options: Any,
    ) -> Container:
        """Start an instance and wait until it is ready: without a `command`, until it serves.

        `options` go to docker-py's containers.run: `mem_limit`, `tmpfs`, `environment` and so on.
        """
        container: Container = self.client.containers.run(  # type: ignore[call-overload]  # options
            image,
            command or ["python3", "-c", SERVER],
            name=f"{self.run_id}-{service}-{number}-{secrets.token_hex(2)}",
            detach=True,
            network=self.network.name,
            restart_policy={"Name": restart},
            labels={
                **self.labels,
                COMPOSE_PROJECT: self.run_id,
                COMPOSE_SERVICE: service,
                COMPOSE_NUMBER: str(number),
                **(labels or {}),
            },
            **options,
        )
        is_ready = ready or (serves if command is None else _runs)
        assert wait_until(lambda: is_ready(container), timeout_s=20), container.logs().decode()
        return container

    def inject(self, name: str, **arguments: Any) -> Injected:
        """Apply a fault, to `web` unless `service` says otherwise. Raises FaultRefused."""
        return self.injector.inject(make(name, {"service": "web", **arguments}))

    def reaches(self, source: Container, target: Container) -> bool:
        """Whether a request from one instance is answered by another."""
        address = address_of(target)
        ask = f"import urllib.request as u; u.urlopen('http://{address}/', timeout=1).read()"
        return bool(source.exec_run(["python3", "-c", ask]).exit_code == 0)

    def datagram_arrives(self, source: Container, target: Container) -> bool:
        """Whether one datagram from source shows up in target: tells one-way cuts apart."""
        path = f"/tmp/heard-{secrets.token_hex(4)}"  # noqa: S108  # in the container
        target.exec_run(["python3", "-c", _LISTEN.format(path=path)], detach=True)

        def heard() -> str:
            output: Any = target.exec_run(["cat", path]).output
            return str(output, "utf-8")

        assert wait_until(lambda: heard().isdigit(), timeout_s=5), "nobody listens"
        send = (
            "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
            f"s.sendto(b'hello', ('{address_of(target)}', {heard()}))"
        )
        source.exec_run(["python3", "-c", send])
        return wait_until(lambda: heard() == "hello", timeout_s=1)

    def close(self) -> None:
        """Lift everything and remove everything of the arena's. Raises LiftFailed."""
        try:
            if self._injector is not None:
                self._injector.close()
        finally:
            self.hand.close()
            for container in self.project.containers():
                if container.status == "paused":
                    container.unpause()
            remove_labelled(self.client, f"{RUN_LABEL}={self.run_id}")
            self.hands.engine.close()
            self.client.close()


@contextmanager
def opened(folder: Path) -> Iterator[Arena]:
    """An arena that is gone afterwards."""
    arena = Arena(folder)
    try:
        yield arena
    finally:
        arena.close()


def address_of(container: Container) -> str:
    """The instance's address as it is now; 0.0.0.0 when it has none."""
    container.reload()
    return next(iter(instance_of(container.attrs).addresses.values()), "0.0.0.0")  # noqa: S104


def serves(container: Container, timeout_s: float = 0.5) -> bool:
    """Whether the instance answers a request from outside."""
    url = f"http://{address_of(container)}/"
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as one:
            return bool(one.read() == b"ok")
    except OSError:
        return False


def accepts(container: Container) -> bool:
    """Whether a connection is accepted, whoever answers on it."""
    try:
        socket.create_connection((address_of(container), 80), timeout=0.5).close()
    except OSError:
        return False
    return True


def pid_of(container: Container) -> int:
    """The main process's pid on the engine's host; 0 when it does not run."""
    container.reload()
    return int(container.attrs["State"]["Pid"])


def state_of(container: Container) -> str:
    """What the engine calls the container's state: running, paused, exited ..."""
    container.reload()
    return str(container.attrs["State"]["Status"])


def process_states(container: Container) -> list[str]:
    """The state letters of all processes of an instance, as the host sees them."""
    rows = container.top(ps_args="-o pid,stat,comm")["Processes"]
    return [row[1][0] for row in rows]


def _runs(container: Container) -> bool:
    return state_of(container) == "running"


def _quietly(_line: str) -> None:
    """Nobody reads a build's output here."""
