"""Orders to the file system: one JSON object a line, on a Unix socket in our own container.

A power cut belongs to the connection that ordered it: when that one ends, the power is on again,
so that nobody who dies can leave the disk without power.
"""

import hashlib
import json
import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from chaoskit.agent.fusefs.nodes import HIDDEN
from chaoskit.agent.fusefs.rules import rule_of
from chaoskit.agent.fusefs.server import Server
from chaoskit.agent.fusefs.unsynced import UnsyncedStore

PROBE_BYTES = 1 << 16
CUT_LIMIT_S = 10.0  # no connection may leave the disk without power for longer


class Control:
    """Answers whoever may open the socket: root, in the engine host's view."""

    def __init__(self, server: Server, backing: Path, token: str) -> None:
        self._server = server
        self._hidden = backing / os.fsdecode(HIDDEN)
        self._token = token

    def listen(self, path: Path) -> None:
        """Serve for ever, in threads of its own."""
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path.unlink(missing_ok=True)
        ear.bind(str(path))
        path.chmod(0o600)
        ear.listen(8)
        threading.Thread(target=self._accept, args=(ear,), daemon=True).start()

    def _accept(self, ear: socket.socket) -> None:
        while True:
            connection, _ = ear.accept()
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        connection.settimeout(CUT_LIMIT_S)
        cut = False
        try:
            with connection, connection.makefile("rw", encoding="utf-8") as lines:
                for line in lines:
                    order = json.loads(line)
                    cut = cut or order["do"] == "cut"
                    lines.write(json.dumps(self._answer(order)) + "\n")
                    lines.flush()
        except (OSError, ValueError, KeyError, TypeError):
            pass  # it went away, said nothing for too long, or nothing that makes sense
        finally:
            if cut and isinstance(self._server.store, UnsyncedStore):
                self._server.store.power_on()

    def _answer(self, order: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return {"ok": True, **self.obey(order)}
        except (ValueError, KeyError, AttributeError, TypeError, OSError) as error:
            return {"ok": False, "error": f"{type(error).__name__}: {error}"}

    def obey(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """One order and its answer. Raises ValueError or KeyError for a wrong one, OSError."""
        answers: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "hello": self._hello,
            "probe": lambda order: {"probes": self._probes(order["tag"], order.get("copies", 1))},
            "add": self._add,
            "remove": self._remove,
            "cut": self._cut,
            "lose": self._lose,
        }
        return answers[order["do"]](order)

    def _hello(self, _order: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "token": self._token,
            "rules": list(self._server.rules.tags),
            "remembers": isinstance(self._server.store, UnsyncedStore),
        }

    def _remove(self, order: Mapping[str, Any]) -> dict[str, Any]:
        hits = self._server.rules.remove(order["tag"])
        for path in self._hidden.glob(f"{self._name(order['tag'])}-*"):
            path.unlink(missing_ok=True)
        return {"hits": hits, "rules": list(self._server.rules.tags)}

    def _cut(self, _order: Mapping[str, Any]) -> dict[str, Any]:
        self._unsynced().cut_power()
        return {}

    def _lose(self, _order: Mapping[str, Any]) -> dict[str, Any]:
        lost = self._unsynced().lose()
        self._unsynced().power_on()
        return asdict(lost)

    def _add(self, order: Mapping[str, Any]) -> dict[str, Any]:
        self._server.rules.add(rule_of(order, f"{self._hidden.name}/{self._name(order['tag'])}-"))
        self._server.forget_pages()
        return {"rules": list(self._server.rules.tags)}

    def _probes(self, tag: str, copies: int) -> list[str]:
        """Files of our own to measure with, below the mount; made if they are not there."""
        self._hidden.mkdir(mode=0o700, exist_ok=True)
        paths = [self._hidden / f"{self._name(tag)}-{number}" for number in range(copies)]
        for path in paths:
            if not path.exists():
                path.write_bytes(bytes(PROBE_BYTES))
        return [f"{self._hidden.name}/{path.name}" for path in paths]

    def _name(self, tag: str) -> str:
        return f"probe-{hashlib.sha256(tag.encode()).hexdigest()[:16]}"

    def _unsynced(self) -> UnsyncedStore:
        store = self._server.store
        if isinstance(store, UnsyncedStore):
            return store
        message = "this disk does not remember what was not synced"
        raise ValueError(message)
