"""A few containers that look like a Compose project, for breaking without a Compose file.

Each service runs a small web server that forks one child, so that a hang has more than one process
to stop. Everything carries the run's label, and is removed by it.
"""

import secrets
import socket
import urllib.request
from random import Random

import docker.types
import pytest

from chaoskit.faults.base import make
from chaoskit.run.clock import wait_until
from chaoskit.run.injector import Injector
from chaoskit.target.agent import Agent
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


class Arena:
    """One project with its own network, an agent, and an injector."""

    def __init__(self, folder):
        self.client = connect()
        self.run_id = f"arena-{secrets.token_hex(3)}"
        self.folder = folder
        self.labels = {RUN_LABEL: self.run_id}
        self.project = Project(name=self.run_id, client=self.client)
        self.network = self._network()
        self.marks = []
        self.agent_image = ensure_agent(self.client, lambda _line: None)
        self.hand = AgentHand(self.start_agent)
        self.hands = Hands(agent=self.hand, engine=EngineHand(connect))
        self.lease_s = 5.0
        self._injector = None

    def _network(self):
        ensure_base(self.client, lambda _line: None)
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
        pytest.fail("no free subnet for the test's network")

    def start_agent(self, on_lapse):
        return Agent.start(
            self.client,
            image=self.agent_image,
            labels=self.labels,
            lease_s=self.lease_s,
            on_lapse=on_lapse,
        )

    @property
    def injector(self):
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

    def add(self, service, number=1, *, labels=None, restart="no"):
        """Start an instance, and wait until it serves."""
        container = self.client.containers.run(
            BASE,
            ["python3", "-c", SERVER],
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
        )
        assert wait_until(lambda: serves(container), timeout_s=20)
        return container

    def inject(self, name, **arguments):
        return self.injector.inject(make(name, {"service": "web", **arguments}))

    def reaches(self, source, target):
        """Whether a request from one instance is answered by another."""
        address = address_of(target)
        ask = f"import urllib.request as u; u.urlopen('http://{address}/', timeout=1).read()"
        return source.exec_run(["python3", "-c", ask]).exit_code == 0

    def datagram_arrives(self, source, target):
        """Whether one datagram from source shows up in target: tells one-way cuts apart."""
        path = f"/tmp/heard-{secrets.token_hex(4)}"
        listen = (
            "import pathlib, socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
            f"p = pathlib.Path('{path}'); s.bind(('', 0)); s.settimeout(1.5); "
            "q = p.with_suffix('.new'); q.write_text(str(s.getsockname()[1])); q.rename(p); "
            "p.write_text(s.recv(99).decode())"
        )
        target.exec_run(["python3", "-c", listen], detach=True)

        def heard():
            return target.exec_run(["cat", path]).output.decode()

        assert wait_until(lambda: heard().isdigit(), timeout_s=5)
        send = (
            "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
            f"s.sendto(b'hello', ('{address_of(target)}', {heard()}))"
        )
        source.exec_run(["python3", "-c", send])
        return wait_until(lambda: heard() == "hello", timeout_s=1)

    def close(self):
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


@pytest.fixture
def arena(tmp_path):
    arena = Arena(tmp_path)
    yield arena
    arena.close()


def address_of(container):
    container.reload()
    return next(iter(instance_of(container.attrs).addresses.values()), "0.0.0.0")


def serves(container, timeout_s=0.5):
    """Whether the instance answers a request from outside."""
    try:
        with urllib.request.urlopen(f"http://{address_of(container)}/", timeout=timeout_s) as one:
            return one.read() == b"ok"
    except OSError:
        return False


def accepts(container):
    """Whether a connection is accepted, whoever answers on it."""
    try:
        socket.create_connection((address_of(container), 80), timeout=0.5).close()
    except OSError:
        return False
    return True


def pid_of(container):
    container.reload()
    return container.attrs["State"]["Pid"]


def state_of(container):
    container.reload()
    return container.attrs["State"]["Status"]


def process_states(container):
    """The state letters of all processes of an instance, as the host sees them."""
    rows = container.top(ps_args="-o pid,stat,comm")["Processes"]
    return [row[1][0] for row in rows]
