"""One connection to a port of a pod, through the API server: a WebSocket of two channels.

The official client has a port-forward, but it closes its sockets the same way whatever happened: an
answer that ended, a pod that refused and a connection that was lost look alike. So the frames are read
here. A ping goes through the whole tunnel, to the node and back, and tells a silent service from a
silent tunnel.
"""

import contextlib
import ssl
from enum import Enum, auto
from typing import Any

import certifi
import websocket
from kubernetes.stream import ws_client
from websocket import ABNF

from chaoskit.errors import EnvironmentUnfit
from chaoskit.target.kubernetes.api import Api, ApiAway, ApiError
from chaoskit.target.kubernetes.forward.backends import Backend
from chaoskit.target.kubernetes.paths import pods

TUNNEL = "TUNNEL"  # what opening one counts as, beside GET, LIST ...
DEAD_S = 2.0  # a tunnel that does not say a word for so long is dead

_PROTOCOL = "sec-websocket-protocol: v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
_UNAUTHORIZED = 401


class TunnelBroken(Exception):
    """The way to the pod failed; nothing is said about the pod."""


class What(Enum):
    """What can come out of a tunnel."""

    DATA = auto()
    REFUSED = auto()  # the pod's port did, in the node's words
    ENDED = auto()  # the pod closed the connection
    PONG = auto()  # the answer to the newest ping
    NOTHING = auto()


class Dial:
    """Opens tunnels to the pods of a namespace. Thread-safe."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api, self._namespace = api, namespace
        self._made: tuple[Any, dict[str, Any]] | None = None

    def open(self, backend: Backend) -> "Tunnel":
        """A tunnel to a pod's port. Raises TunnelBroken."""
        path = f"{pods(self._namespace, backend.pod)}/portforward?ports={backend.port}"
        url = "ws" + f"{self._api.host}{path}".removeprefix("http")
        self._api.calls[TUNNEL] += 1
        try:
            return Tunnel(self._connected(url))
        except websocket.WebSocketBadStatusException as error:
            if error.status_code == _UNAUTHORIZED:
                self._renew()
            message = f"the server refused the way to {backend.pod}: HTTP {error.status_code}"
            raise TunnelBroken(message) from error
        except (websocket.WebSocketException, OSError) as error:
            message = f"there is no way to {backend.pod}: {error}"
            raise TunnelBroken(message) from error

    def _connected(self, url: str) -> Any:
        headers = self._api.headers()
        options: dict[str, Any] = {
            "header": [_PROTOCOL, *(f"{key}: {one}" for key, one in headers.items())],
            "timeout": DEAD_S,
            "suppress_origin": True,
        }
        settings = self._api.settings
        if settings.proxy or settings.proxy_headers:
            options = ws_client.websocket_proxycare(options, settings, url, headers)  # type: ignore[no-untyped-call]
        made: Any = websocket.WebSocket(sslopt=self._security(), skip_utf8_validation=True)
        made.connect(url, **options)
        return made

    def _security(self) -> dict[str, Any]:
        """What TLS needs; read once, because a certificate's file is slow to read for every ask."""
        settings = self._api.settings
        if self._made is None or self._made[0] is not settings:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = settings.verify_ssl and settings.assert_hostname is not False
            context.verify_mode = ssl.CERT_REQUIRED if settings.verify_ssl else ssl.CERT_NONE
            if settings.verify_ssl:
                context.load_verify_locations(settings.ssl_ca_cert or certifi.where())
            if settings.cert_file:
                context.load_cert_chain(settings.cert_file, settings.key_file)
            name = settings.tls_server_name
            options = {"context": context, **({"server_hostname": name} if name else {})}
            self._made = (settings, options)
        return self._made[1]

    def _renew(self) -> None:
        """The token expired: any plain request makes the connection read a new one."""
        with contextlib.suppress(ApiError, ApiAway, EnvironmentUnfit):
            self._api.get("/version")


class Tunnel:
    """An open tunnel. For one thread."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._begun: set[int] = set()  # channels that have told which port they are of
        self._channel = _DATA  # of the frame that may go on
        self._pings = 0

    def fileno(self) -> int:
        """For select; see `pending`, too."""
        return int(self._connection.sock.fileno())

    @property
    def pending(self) -> bool:
        """Whether something can be received that select does not see, being decrypted already."""
        sock = self._connection.sock
        return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0

    def send(self, data: bytes) -> None:
        """Bytes for the pod."""
        self._write(ABNF.OPCODE_BINARY, bytes([_DATA]) + data)

    def ping(self) -> None:
        """Ask the tunnel itself for a sign of life; older asks count no more."""
        self._pings += 1
        self._write(ABNF.OPCODE_PING, self._pings.to_bytes(4))

    def receive(self) -> tuple[What, bytes]:
        """What came. Raises TunnelBroken when it ended without a word."""
        try:
            frame = self._connection.recv_frame()
        except (websocket.WebSocketException, OSError) as error:
            message = f"the tunnel broke: {error}"
            raise TunnelBroken(message) from error
        data = bytes(frame.data)
        found = What.NOTHING, b""
        match frame.opcode:
            case ABNF.OPCODE_BINARY if data:
                self._channel = data[0]
                found = self._of_channel(data[1:])
            case ABNF.OPCODE_CONT:
                found = self._of_channel(data)
            case ABNF.OPCODE_CLOSE:
                found = What.ENDED, b""
            case ABNF.OPCODE_PONG if data == self._pings.to_bytes(4):
                found = What.PONG, b""
            case ABNF.OPCODE_PING:
                self._write(ABNF.OPCODE_PONG, data)
        return found

    def _of_channel(self, data: bytes) -> tuple[What, bytes]:
        """The first frame of a channel only says which port it is of."""
        if self._channel not in self._begun:
            self._begun.add(self._channel)
            return What.NOTHING, b""
        return (What.REFUSED if self._channel == _ERROR else What.DATA), data

    def _write(self, opcode: int, data: bytes) -> None:
        """A pod may answer and close while we still write: what it said is there to be read.

        So a write that fails says nothing. Reading tells whether it ended well, broke, or is silent.
        """
        with contextlib.suppress(OSError):
            self._connection.sock.sendall(ABNF.create_frame(data, opcode).format())

    def close(self) -> None:
        """At once; its own close would wait for the server's."""
        self._connection.shutdown()
