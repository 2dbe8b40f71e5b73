"""The forwarder's process: one order on standard input, then listeners; gaps on standard output.

It ends when its input does: whoever started it is gone then.
"""

import contextlib
import json
import os
import resource
import signal
import socket
import sys
import threading
from typing import Any

from chaoskit.errors import ChaoskitError
from chaoskit.target.kubernetes.api import Api, ApiAway, ApiError
from chaoskit.target.kubernetes.forward.backends import Backends
from chaoskit.target.kubernetes.forward.gaps import TELL_EVERY_S, Gaps
from chaoskit.target.kubernetes.forward.relay import Relay, Way
from chaoskit.target.kubernetes.forward.tunnel import TUNNEL, Dial
from chaoskit.target.kubernetes.now import now_ns
from chaoskit.target.patience import rest

LOOPBACK = "127.0.0.1"
_BACKLOG = 256
_NICE = -10  # who carries the asks must not wait for a core
_READ_BYTES = 65536
_AGAIN_S = 0.02
_WORDS = 300  # a line is written at once, and must fit a pipe's buffer


def main() -> None:
    """Forward until nobody is there to be forwarded for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor, which ends us
    with contextlib.suppress(OSError):  # where it is not permitted, it is as good as the rest
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    with contextlib.suppress(ValueError, OSError):  # every ask in flight is two descriptors
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    order = json.loads(_line())
    ended = threading.Event()
    threading.Thread(target=_await_end, args=(ended,), daemon=True).start()
    api = Api(order["context"])
    try:
        listening = {
            one["name"]: _listen(api, order["namespace"], one) for one in order["entrypoints"]
        }
    except (ChaoskitError, ApiError, ApiAway) as error:
        _say({"error": str(error)})
        return
    _say({"ports": {name: port for name, (port, _) in listening.items()}})
    while not ended.wait(TELL_EVERY_S):
        for _, gaps in listening.values():
            gaps.flush()
        tunnels = api.calls[TUNNEL]
        calls = api.calls.total() - tunnels
        _say({"beat": now_ns(), "calls": calls, "tunnels": tunnels})


def _listen(api: Api, namespace: str, entry: dict[str, Any]) -> tuple[int, Gaps]:
    """Take connections for an entrypoint; its local port, and its gaps."""
    backends = Backends.of(api, namespace, entry["service"], entry["port"])
    backends.start()

    def tell(from_ns: int, to_ns: int, why: str) -> None:
        _say({"gap": entry["name"], "from_ns": from_ns, "to_ns": to_ns, "why": why[:_WORDS]})

    way = Way(
        dial=Dial(api, namespace),
        backends=backends,
        gaps=Gaps(tell),
        patience_ns=round(entry["patience_s"] * 1e9),
    )
    listener = socket.create_server((LOOPBACK, 0), backlog=_BACKLOG)
    threading.Thread(target=_accept, args=(listener, way), daemon=True).start()
    return int(listener.getsockname()[1]), way.gaps


def _accept(listener: socket.socket, way: Way) -> None:
    while True:
        queued_ns = now_ns()  # whoever comes next cannot have waited for longer
        try:
            client, _ = listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=Relay(client, way, queued_ns).run, daemon=True).start()
        except (OSError, RuntimeError) as error:  # no descriptor, or no thread, is left
            way.gaps.broken(queued_ns, now_ns(), f"no connection can be taken up: {error}")
            rest(_AGAIN_S)


def _line() -> bytes:
    """The order. Unbuffered, since a thread reads on."""
    heard = b""
    while not heard.endswith(b"\n"):
        data = os.read(0, _READ_BYTES)
        if not data:
            sys.exit("the forwarder takes its order from a pipe: chaoskit run starts it")
        heard += data
    return heard


def _await_end(ended: threading.Event) -> None:
    while os.read(0, _READ_BYTES):
        pass
    ended.set()


def _say(message: dict[str, Any]) -> None:
    try:
        os.write(1, json.dumps(message).encode() + b"\n")  # one write: lines of threads stay whole
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
