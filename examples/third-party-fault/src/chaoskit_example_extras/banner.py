"""Probe `banner`: whether a server says what it should, first or when it is spoken to.

Chaos Toolkit calls `greets`. chaoskit's prober knows this module by its entry point and asks the
`question` instead: the same one, without a process of its own for each ask, so at the full rate.
"""

import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from chaoskit.probes import tcp
from chaoskit.probes.base import BadProbe, Question, Settings

SUMMARY = "a TCP connection on which the server must say the expected words"

_PATIENCE_S = 0.5
_ENOUGH_BYTES = 4096


def greets(url: str, expect: str, say: str = "") -> bool:
    """Whether the server at `tcp://host:port` says `expect`, after it was told `say`."""
    host, port = _place(url)
    received = b""
    try:
        with socket.create_connection((host, port), _PATIENCE_S) as one:
            one.sendall(say.encode())
            while expect.encode() not in received and len(received) < _ENOUGH_BYTES:
                data = one.recv(_ENOUGH_BYTES)
                if not data:
                    return False
                received += data
    except OSError:
        return False
    return expect.encode() in received


def question(provider: Mapping[str, Any], tolerance: Any, settings: Settings) -> Question:
    """The same for chaoskit's prober. Raises BadProbe."""
    given = settings.fill(provider).get("arguments") or {}
    host, port = _place(str(given.get("url", "")))
    asked = {"type": "tcp", "host": host, "port": port, "send": given.get("say", "")}
    return tcp.question({**asked, "expect": given.get("expect", "")}, tolerance, settings)


def _place(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url if "://" in url else f"tcp://{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not port:
        message = f"its url is {url!r}; write tcp://HOST:PORT"
        raise BadProbe(message)
    return host, port
