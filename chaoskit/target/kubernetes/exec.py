"""Runs a command in a container of a pod, and tells how it ended.

chaostoolkit-kubernetes' exec reports success when nothing was run, and when what ran failed. Here an
ending that was not told is an error, and the exit code is always a number.
"""

import contextlib
import json
import queue
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import websocket
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import ws_client

from chaoskit.target.kubernetes.api import Api, ApiAway, ApiError
from chaoskit.target.kubernetes.paths import pods
from chaoskit.target.patience import Deadline

_PATIENCE_S = 30.0
_OPEN_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def exec_in(
    api: Api,
    where: tuple[str, str, str],
    command: tuple[str, ...],
    *,
    timeout_s: float = _PATIENCE_S,
) -> Ended:
    """Run a command in (namespace, pod, container). Raises ApiError, ApiAway."""
    pod = where[1]
    client = _open(api, where, command)
    try:
        deadline = Deadline(timeout_s)
        while client.is_open() and not deadline.passed:
            client.update(timeout=deadline.left_s)
        if client.is_open():
            message = f"{' '.join(command)[:60]} in {pod} did not end within {timeout_s:g} s"
            raise ApiAway(message)
        return Ended(
            out=str(client.read_channel(ws_client.STDOUT_CHANNEL)),
            err=str(client.read_channel(ws_client.STDERR_CHANNEL)),
            code=_code(str(client.read_channel(ws_client.ERROR_CHANNEL)), pod),
        )
    except (websocket.WebSocketException, OSError) as error:
        message = f"the connection to {pod} broke: {error}"
        raise ApiAway(message) from error
    finally:
        _hang_up(client)


@dataclass
class Conversation:
    """A command in a container that is spoken to: a line there, a line back."""

    client: Any
    pod: str

    def ask(self, line: str, *, timeout_s: float) -> str:
        """Say a line, and hear one. Raises ApiAway when none comes; it is no use any more then."""
        try:
            self.client.write_stdin(line.encode() + b"\n")
            heard = str(self.client.readline_channel(ws_client.STDOUT_CHANNEL, timeout=timeout_s))
        except (websocket.WebSocketException, OSError, ValueError) as error:
            message = f"the connection to {self.pod} broke: {error}"
            raise ApiAway(message) from error
        if not heard:
            words = str(self.client.read_channel(ws_client.STDERR_CHANNEL)).strip()
            message = f"{self.pod} does not answer{': ' + words[-200:] if words else ''}"
            raise ApiAway(message)
        return heard

    def close(self) -> None:
        """Hang up. Never raises."""
        _hang_up(self.client)


def converse(api: Api, where: tuple[str, str, str], command: tuple[str, ...]) -> Conversation:
    """Begin a command in (namespace, pod, container), to speak to it. Raises ApiError, ApiAway."""
    client = _open(api, where, command, spoken_to=True)
    client.sock.settimeout(_OPEN_S)
    return Conversation(client, where[1])


def _open(
    api: Api, where: tuple[str, str, str], command: tuple[str, ...], *, spoken_to: bool = False
) -> Any:
    """Connected within a limit: the client sets none to the server's answer to the handshake."""
    url = _url(api, where, command, stdin=spoken_to)
    opened: queue.SimpleQueue[Any] = queue.SimpleQueue()
    late = threading.Event()

    def work() -> None:
        try:
            client = _connected(api, url, capture=not spoken_to)
        except (ApiError, ApiAway) as error:
            opened.put(error)
            return
        opened.put(client)
        if late.is_set():
            _hang_up(client)

    threading.Thread(target=work, name="exec", daemon=True).start()
    try:
        found = opened.get(timeout=_OPEN_S)
    except queue.Empty:
        late.set()
        message = f"no command began in {where[1]} within {_OPEN_S:g} s"
        raise ApiAway(message) from None
    if isinstance(found, Exception):
        raise found
    return found


def _hang_up(client: Any) -> None:
    """Never raises. The client's own close leaves the socket open when the server closed first."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        client.sock.shutdown()


def _url(api: Api, where: tuple[str, str, str], command: tuple[str, ...], *, stdin: bool) -> str:
    namespace, pod, container = where
    words = [("container", container), ("stdout", "true"), ("stderr", "true")]
    words += [("stdin", "true")] if stdin else []
    words += [("command", one) for one in command]
    url = f"{api.host}{pods(namespace, pod)}/exec?{urlencode(words)}"
    return "ws" + url.removeprefix("http")


def _connected(api: Api, url: str, *, capture: bool) -> Any:
    api.calls["EXEC"] += 1
    headers = {key.lower(): value for key, value in api.headers().items()}
    try:
        return ws_client.WSClient(api.settings, url, headers, capture_all=capture)  # type: ignore[no-untyped-call]
    except websocket.WebSocketBadStatusException as error:
        raise ApiError(int(error.status_code), str(error), "EXEC") from error
    except (websocket.WebSocketException, ApiException, OSError) as error:
        message = f"no command can be run in a pod: {error}"
        raise ApiAway(message) from error


def _code(status: str, pod: str) -> int:
    try:
        told = json.loads(status)
        if told["status"] == "Success":
            return 0
        causes = {one["reason"]: one["message"] for one in told["details"]["causes"]}
        return int(causes["ExitCode"])
    except (ValueError, KeyError, TypeError) as error:
        message = f"{pod} does not say how the command ended: {status[:200]!r}"
        raise ApiAway(message) from error
