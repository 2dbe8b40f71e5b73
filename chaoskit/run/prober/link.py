"""The way to a prober in a pod: run there by exec, a question a line in, an answer a line out.

It holds nothing. Samples are asked for from a place in their file, and an order has a number, so that
whoever lost the way begins where it stopped. Every answer carries the clock that the prober samples
by; it is read between question and answer, which bounds how far it is from the asker's.
"""

import base64
import json
import os
import select
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic_ns
from typing import Any

from chaoskit import __version__
from chaoskit.run.prober.desk import FOLDER, SOCKET, samples_file
from chaoskit.run.prober.record import RECORD
from chaoskit.target.patience import Deadline, rest

_IDLE_S = 30.0  # without a question for so long, nobody is at the other end
_READ_BYTES = 65536
_CHUNK = 1000 * RECORD.size
_START_S = 20.0
_PEEK = socket.MSG_PEEK | socket.MSG_DONTWAIT


class Link:
    """The prober's socket and files, from beside it."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError when the prober is not there, nor comes."""
        self._folder = folder
        self._prober = _connect(folder / SOCKET)
        self._replies = self._prober.makefile("rb")

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """`tell` gives an order, `look` reads samples, and every answer has the time."""
        found: dict[str, Any] = {"id": question["id"], "version": __version__}
        if "tell" in question:
            order = {"number": question["tell"], "order": question["order"]}
            self._prober.sendall(json.dumps(order).encode() + b"\n")
            found |= json.loads(self._replies.readline() or b'{"gone": true}')
        elif self._is_gone():
            found["gone"] = True
        if "look" in question:
            data = self._samples(question["look"], question["from"])
            found["samples"] = base64.b64encode(data).decode()
        found["now_ns"] = monotonic_ns()
        return found

    def _samples(self, number: int, begin: int) -> bytes:
        try:
            file = os.open(samples_file(self._folder, number), os.O_RDONLY)
        except FileNotFoundError:
            return b""
        try:
            return os.pread(file, _CHUNK, begin)
        finally:
            os.close(file)

    def _is_gone(self) -> bool:
        try:
            return not self._prober.recv(1, _PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True


def main() -> None:
    """Answer until the questions end."""
    link = Link(Path(os.environ[FOLDER]))
    for line in _questions():
        answer = json.dumps(link.answer(json.loads(line))).encode() + b"\n"
        while answer:
            answer = answer[os.write(1, answer) :]


def _questions() -> Iterator[bytes]:
    heard = b""
    while select.select([0], [], [], _IDLE_S)[0]:
        data = os.read(0, _READ_BYTES)
        if not data:
            return
        *lines, heard = (heard + data).split(b"\n")
        yield from lines


def _connect(path: Path) -> socket.socket:
    """The prober's container may have begun a moment ago."""
    deadline = Deadline(_START_S)
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError) as problem:
            connection.close()
            if deadline.passed:
                sys.exit(f"no prober takes orders at {path}: {problem}")
            rest(0.02)
        else:
            return connection


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        sys.exit(0)
