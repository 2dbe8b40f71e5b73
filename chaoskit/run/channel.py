"""Requests and replies, as JSON lines over a socket: how the supervisor and its worker talk.

Either side may ask at any time, and from any thread; a reply finds the one who asked by its id.
When the other side is gone, everyone who waits is told at once.
"""

import json
import queue
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from typing import Any

Answer = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


class ChannelClosed(ConnectionError):
    """The other side is gone."""


class Refused(RuntimeError):
    """The other side answered with an error; its text is the argument."""


class Channel:
    """One end. `answer(what, fields)` is called on its own thread for every request that comes."""

    def __init__(self, sock: socket.socket, answer: Answer) -> None:
        self._sock = sock
        self._answer = answer
        self._ids = count(1)
        self._waiting: dict[int, queue.SimpleQueue[Mapping[str, Any] | None]] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._reader = threading.Thread(target=self._read, name="channel", daemon=True)
        self._reader.start()

    @property
    def closed(self) -> bool:
        """Whether the other side is gone."""
        return self._closed.is_set()

    def ask(
        self, what: str, /, *, timeout_s: float | None = None, **fields: Any
    ) -> Mapping[str, Any]:
        """Ask and wait for the reply. Raises Refused, ChannelClosed, TimeoutError."""
        reply: queue.SimpleQueue[Mapping[str, Any] | None] = queue.SimpleQueue()
        ident = next(self._ids)
        with self._lock:
            self._waiting[ident] = reply
        try:
            if self.closed:
                raise ChannelClosed
            self._send({"id": ident, "ask": what, "fields": fields})
            got = reply.get(timeout=timeout_s)
        except queue.Empty:
            message = f"no reply to {what!r} within {timeout_s} s"
            raise TimeoutError(message) from None
        finally:
            with self._lock:
                self._waiting.pop(ident, None)
        if got is None:
            raise ChannelClosed
        if "error" in got:
            raise Refused(got["error"])
        fields_back: Mapping[str, Any] = got["reply"]
        return fields_back

    def close(self) -> None:
        """Say goodbye."""
        self._closed.set()
        with suppress(OSError):  # the other side may have been faster
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def _send(self, message: Mapping[str, Any]) -> None:
        line = json.dumps(message, default=str).encode() + b"\n"
        with self._lock:
            try:
                self._sock.sendall(line)
            except OSError as error:
                raise ChannelClosed from error

    def _read(self) -> None:
        try:
            with self._sock.makefile("rb") as lines:
                for line in lines:
                    self._receive(json.loads(line))
        except (OSError, ValueError):
            pass  # torn: the other side died
        finally:
            self._closed.set()
            with self._lock:
                for reply in self._waiting.values():
                    reply.put(None)

    def _receive(self, message: Mapping[str, Any]) -> None:
        if "ask" in message:
            threading.Thread(
                target=self._serve, args=(message,), name=f"serve-{message['ask']}", daemon=True
            ).start()
            return
        with self._lock:
            reply = self._waiting.get(message["id"])
        if reply is not None:
            reply.put(message)

    def _serve(self, message: Mapping[str, Any]) -> None:
        try:
            reply = self._answer(message["ask"], message["fields"])
            back: dict[str, Any] = {"id": message["id"], "reply": reply}
        except Exception as error:  # noqa: BLE001  # whoever asked must not wait for ever
            back = {"id": message["id"], "error": f"{type(error).__name__}: {error}"}
        with suppress(ChannelClosed):  # nobody waits any more
            self._send(back)
