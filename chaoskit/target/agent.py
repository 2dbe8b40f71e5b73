"""Our side of the agent: its container, the pipe to it, and the leases that it works under.

The pipe is the engine's attach stream, taken before the container starts. When this process dies,
the engine closes the agent's stdin; when the agent dies, the stream ends here. Neither is waited
for: whoever is asking is told at once.
"""

import contextlib
import itertools
import json
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoReply
from dataclasses import dataclass
from typing import Any

import docker
import docker.errors
import requests.exceptions
from docker.models.containers import Container
from docker.types import LogConfig

from chaoskit.errors import EnvironmentUnfit, FaultRefused
from chaoskit.target.engine import ROLE_LABEL

CAPABILITIES = ("NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE", "KILL")
AGENT_ROLE = "agent"
DEFAULT_LEASE_S = 5.0

_START_PATIENCE_S = 30.0
_BYE_PATIENCE_S = 20.0  # above what the agent may take to lift everything
_STDOUT = 1


@dataclass(frozen=True, kw_only=True)
class Lapse:
    """News that the agent sends unasked: a lease ran out, or an undo would not go."""

    fault: str
    lifted: bool
    gone_ns: int = 0
    evidence: str


@dataclass(frozen=True, kw_only=True)
class Extra:
    """What some kinds of operations need beyond what every agent has."""

    capabilities: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()  # paths on the engine's host


NOTHING_EXTRA = Extra()


def ignore(_lapse: Lapse) -> None:
    """Nobody wants to know."""


class Agent:
    """A running agent. Requests may come from any thread."""

    def __init__(
        self, container: Container, pipe: Any, *, lease_s: float, on_lapse: Callable[[Lapse], None]
    ) -> None:
        """Use `Agent.start`."""
        self.lease_s = lease_s
        self.hello: Mapping[str, Any] = {}
        self.clock_offset_ns = 0  # to be added to the agent's times; 0 on a local engine
        self.clock_error_ns = 0  # how far off the sum may be
        self._container = container
        self._pipe = pipe
        self._on_lapse = on_lapse
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._pending: dict[int, Future[dict[str, Any]]] = {}
        self._dead = ""
        self._last_words: deque[str] = deque(maxlen=20)
        self._closing = threading.Event()
        self._reader = threading.Thread(target=self._read, name="agent-reader", daemon=True)
        self._renewer = threading.Thread(target=self._renew, name="agent-leases", daemon=True)

    @classmethod
    def start(  # noqa: PLR0913  # each is a thing of its own about one container
        cls,
        client: docker.DockerClient,
        *,
        image: str,
        labels: Mapping[str, str],
        lease_s: float = DEFAULT_LEASE_S,
        on_lapse: Callable[[Lapse], None] = ignore,
        extra: Extra = NOTHING_EXTRA,
    ) -> "Agent":
        """Start an agent beside the target and greet it. Raises EnvironmentUnfit.

        `extra` is what the agent may do beyond the usual.
        `on_lapse` is called from the reading thread: it must be quick and must not ask the agent.
        """
        container = None
        try:
            container = _create(client, image, labels, extra)
            pipe = _attach(client, container)
            container.start()
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            if container is not None:
                _remove(container)
            message = f"the agent that does the faults could not be started: {error}"
            raise EnvironmentUnfit(message) from error
        agent = cls(container, pipe, lease_s=lease_s, on_lapse=on_lapse)
        agent._begin()
        return agent

    def _begin(self) -> None:
        self._reader.start()
        try:
            self.hello = self.request("hello", timeout_s=_START_PATIENCE_S)
            self._compare_clocks()
        except FaultRefused as error:
            self.close()
            message = f"the agent that does the faults did not answer: {error}"
            raise EnvironmentUnfit(message) from error
        self._renewer.start()

    def _compare_clocks(self) -> None:
        """Between question and answer the agent's clock must have read a time of ours."""
        before_ns = _now_ns()
        theirs_ns = int(self.request("hello")["monotonic_ns"])
        after_ns = _now_ns()
        if not before_ns <= theirs_ns <= after_ns:
            self.clock_offset_ns = (before_ns + after_ns) // 2 - theirs_ns
            self.clock_error_ns = (after_ns - before_ns) // 2

    @property
    def container_id(self) -> str:
        """The agent's own container."""
        return self._container.id or ""

    @property
    def alive(self) -> bool:
        """Whether the agent can still be asked."""
        return not self._dead

    def request(self, do: str, *, timeout_s: float = 10.0, **fields: Any) -> dict[str, Any]:
        """Ask the agent and wait for its reply. Raises FaultRefused with its words, or ours."""
        reply: Future[dict[str, Any]] = Future()
        number = next(self._numbers)
        line = json.dumps({"id": number, "do": do, **fields}).encode() + b"\n"
        with self._lock:
            if self._dead:
                raise FaultRefused(self._dead)
            try:
                self._pipe.sendall(line)
            except OSError as error:
                self._dead = f"the agent cannot be reached: {error}"
                raise FaultRefused(self._dead) from error
            self._pending[number] = reply
        try:
            answer = reply.result(timeout_s)
        except NoReply as error:
            message = f"the agent did not answer {do!r} within {timeout_s:g} s"
            raise FaultRefused(message) from error
        finally:
            with self._lock:
                self._pending.pop(number, None)
        if not answer.get("ok"):
            raise FaultRefused(str(answer.get("error", "the agent refused")))
        return answer

    def stop_renewing(self) -> None:
        """Let every lease run out: what is held now is lifted by the agent within `lease_s`."""
        self._closing.set()

    def close(self) -> None:
        """Say goodbye: the agent lifts what it holds and leaves. Never raises; idempotent."""
        self._closing.set()
        with contextlib.suppress(FaultRefused):
            self.request("bye", timeout_s=_BYE_PATIENCE_S)
        if self._renewer.is_alive():
            self._renewer.join(_BYE_PATIENCE_S)
        with contextlib.suppress(OSError):
            self._pipe.close()
        self._bury("the agent was closed")
        _remove(self._container)

    def _read(self) -> None:
        """Until the stream ends: replies to whoever waits, lapses to whoever listens."""
        why = "its stream ended"
        try:
            for line in _lines(self._pipe, self._last_words):
                self._deliver(json.loads(line))
        except (OSError, ValueError) as error:
            why = f"its stream broke: {error}"
        words = "; ".join(self._last_words)
        self._bury(f"the agent is gone: {why}" + (f" after saying {words}" if words else ""))

    def _deliver(self, message: dict[str, Any]) -> None:
        if message.get("event"):
            lifted = message["event"] == "lapsed"
            self._on_lapse(
                Lapse(
                    fault=message["fault"],
                    lifted=lifted,
                    gone_ns=message["gone_ns"] + self.clock_offset_ns if lifted else 0,
                    evidence=message["evidence" if lifted else "error"],
                )
            )
            return
        with self._lock:
            waiting = self._pending.pop(message.get("id") or 0, None)
        if waiting is not None:
            waiting.set_result(message)

    def _bury(self, why: str) -> None:
        with self._lock:
            self._dead = self._dead or why
            pending, self._pending = self._pending, {}
        for waiting in pending.values():
            waiting.set_exception(FaultRefused(self._dead))

    def _renew(self) -> None:
        while not self._closing.wait(self.lease_s / 3):
            try:
                self.request("renew", timeout_s=self.lease_s)
            except FaultRefused:
                if not self.alive:
                    return


def _now_ns() -> int:
    return time.monotonic_ns()  # noqa: TID251  # run/clock is above us; only compares two clocks


def _create(
    client: docker.DockerClient, image: str, labels: Mapping[str, str], extra: Extra
) -> Container:
    options = " ".join(client.info().get("SecurityOptions") or ())
    unconfined = []
    if "name=apparmor" in options:
        unconfined.append("apparmor=unconfined")  # the default profile forbids signals and ptrace
    if "name=selinux" in options:
        unconfined.append("label=disable")
    return client.containers.create(
        image,
        labels={**labels, ROLE_LABEL: AGENT_ROLE},
        pid_mode="host",
        network_mode="none",
        cap_drop=["ALL"],
        cap_add=[*CAPABILITIES, *sorted(extra.capabilities)],
        devices=[f"{path}:{path}:rwm" for path in sorted(extra.devices)],
        security_opt=unconfined,
        read_only=True,
        tmpfs={"/run": "size=1m"},
        log_config=LogConfig(type="none"),
        stdin_open=True,
        auto_remove=True,
    )


def _attach(client: docker.DockerClient, container: Container) -> Any:
    """The raw stream to the container's stdin, stdout and stderr, without any timeout."""
    wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
    stream: Any = client.api.attach_socket(container.id or "", params=wanted)
    pipe = getattr(stream, "_sock", stream)
    pipe.settimeout(None)
    return _Pipe(stream, pipe)


class _Pipe:
    """The stream's socket; the SDK's wrapper is kept, because it closes the socket when it goes."""

    def __init__(self, wrapper: Any, raw: Any) -> None:
        self._wrapper = wrapper
        self.sendall = raw.sendall
        self.recv = raw.recv
        self._raw = raw

    def close(self) -> None:
        """Half-close first: a close alone does not wake a thread that reads."""
        with contextlib.suppress(OSError):
            self._raw.shutdown(2)
        self._wrapper.close()
        self._raw.close()


def _lines(pipe: Any, errors: deque[str]) -> Iterator[bytes]:
    """The lines of the container's stdout; what it says on stderr goes to `errors`."""
    buffer, rest = b"", b""
    while data := pipe.recv(1 << 16):
        buffer += data
        while len(buffer) >= 8:
            stream, size = struct.unpack(">BxxxL", buffer[:8])
            if len(buffer) < 8 + size:
                break
            payload, buffer = buffer[8 : 8 + size], buffer[8 + size :]
            if stream != _STDOUT:
                errors.extend(payload.decode(errors="replace").split("\n")[:-1])
                continue
            *whole, rest = (rest + payload).split(b"\n")
            yield from whole


def _remove(container: Container) -> None:
    """Gone at once, whatever state it is in; the engine may be removing it already."""
    with contextlib.suppress(docker.errors.APIError, requests.exceptions.RequestException):
        container.remove(force=True)
