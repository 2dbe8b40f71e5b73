"""Reads the kernel's requests, lets the rules have their say, and answers from the volume.

Several threads read from one descriptor. A request that a rule delays goes on in a thread of its
own, so that no delay holds up anything else.
"""

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from chaoskit.agent.fusefs import protocol as wire
from chaoskit.agent.fusefs.nodes import Node, Nodes
from chaoskit.agent.fusefs.protocol import Op
from chaoskit.agent.fusefs.rules import Rule, Rules, obey
from chaoskit.agent.fusefs.store import Store

_THREADS = 4
_AGAIN = frozenset({errno.EINTR, errno.EAGAIN, errno.ENOENT})

Reply = bytes | memoryview | None


class Request:
    """One request: who asks, for what, and the rest of the message."""

    __slots__ = ("body", "buffer", "gid", "node", "op", "uid", "unique")

    def __init__(self, message: memoryview, buffer: memoryview) -> None:
        _, op, self.unique, self.node, self.uid, self.gid, _, _ = wire.IN_HEADER.unpack_from(
            message
        )
        self.op = op
        self.body = message[wire.IN_HEADER.size :]
        self.buffer = buffer  # room for an answer; the message itself may be in it

    def name(self, start: int = 0) -> bytes:
        """The first name in the body."""
        return self.names(start)[0]

    def names(self, start: int = 0) -> list[bytes]:
        """The names in the body, from an offset."""
        return bytes(self.body[start:]).split(b"\0")


Handler = Callable[["Server", Request], Reply]


class Server:
    """Serves one mount until it is unmounted. The handlers register themselves in `handlers`."""

    handlers: ClassVar[dict[int, Handler]] = {}

    def __init__(self, device: int, nodes: Nodes, store: Store, rules: Rules) -> None:
        self.nodes = nodes
        self.store = store
        self.rules = rules
        self._device = device
        self._root = f"{os.path.realpath(nodes.root)}/"

    def run(self) -> None:
        """Serve until the mount is gone."""
        threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(_THREADS)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()

    def forget_pages(self) -> None:
        """Let the kernel drop what it has cached of every file, so that reads come to us."""
        for node in self.nodes.everything():
            note = wire.INVAL_INODE_OUT.pack(node.number, 0, 0)
            head = wire.OUT_HEADER.pack(
                wire.OUT_HEADER.size + len(note), wire.NOTIFY_INVAL_INODE, 0
            )
            with contextlib.suppress(OSError):  # the kernel has forgotten it already
                os.writev(self._device, [head, note])

    def _serve(self) -> None:
        buffer = memoryview(bytearray(wire.BUFFER_BYTES))
        while True:
            try:
                count = os.readv(self._device, [buffer])
            except OSError as error:
                if error.errno in _AGAIN:
                    continue
                return  # unmounted
            request, since_s = Request(buffer[:count], buffer), time.monotonic()
            found = self.rules.matching(request.op, lambda one=request: self._paths(one))  # type: ignore[misc]
            if any(rule.delay_s for rule in found):
                self._answer_later(bytes(buffer[:count]), found, since_s)
            else:
                self._answer(request, found, since_s)

    def _answer_later(self, message: bytes, rules: Sequence[Rule], since_s: float) -> None:
        room = memoryview(bytearray(wire.BUFFER_BYTES if len(message) < 128 else 0))
        request = Request(memoryview(message), room)
        threading.Thread(target=self._answer, args=(request, rules, since_s), daemon=True).start()

    def _answer(self, request: Request, rules: Sequence[Rule], since_s: float) -> None:
        number, payload = 0, None
        try:
            obey(rules, since_s=since_s)
            handler = self.handlers.get(request.op)
            if handler is None:
                number = errno.ENOSYS
            else:
                payload = handler(self, request)
        except OSError as error:
            number = error.errno or errno.EIO
        except KeyError:
            number = errno.ESTALE  # a node or handle that we do not know
        if request.op not in wire.SILENT:
            self._reply(request.unique, number, payload)

    def _reply(self, unique: int, number: int, payload: Reply) -> None:
        parts = [payload] if payload and not number else []
        length = wire.OUT_HEADER.size + sum(map(len, parts))
        with contextlib.suppress(OSError):  # whoever asked has been killed, or we are unmounted
            os.writev(self._device, [wire.OUT_HEADER.pack(length, -number, unique), *parts])

    def _paths(self, request: Request) -> Sequence[str]:
        """The files that a request is about, below the mount: what rules are matched with."""
        try:
            here = self._path(self.nodes.get(request.node))
        except (KeyError, OSError):
            return ()
        offset = _NAMES_AT.get(request.op)
        if offset is None:
            return (here,)
        words = [os.fsdecode(one) for one in request.names(offset)[:1]]
        return tuple(f"{here}/{one}".lstrip("/") for one in words)

    def _path(self, node: Node) -> str:
        return (os.readlink(node.path) + "/").removeprefix(self._root).rstrip("/")  # noqa: PTH115


_NAMES_AT = {
    Op.CREATE: wire.CREATE_IN.size,
    Op.MKNOD: wire.MKNOD_IN.size,
    Op.MKDIR: wire.MKDIR_IN.size,
    Op.SYMLINK: 0,
    Op.LINK: wire.LINK_IN.size,
    Op.UNLINK: 0,
    Op.RMDIR: 0,
    Op.RENAME: wire.RENAME_IN.size,
    Op.RENAME2: wire.RENAME2_IN.size,
}


def handles(*ops: Op) -> Callable[[Handler], Handler]:
    """The function answers these requests."""

    def register(function: Handler) -> Handler:
        Server.handlers.update(dict.fromkeys(ops, function))
        return function

    return register
