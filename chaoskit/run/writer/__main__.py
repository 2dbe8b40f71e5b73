"""The writer's process: one trial's ledger, over a socket to the supervisor.

It ends when the supervisor does: nobody may go on writing to a target that nobody watches.
"""

import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaoskit.ledgers.base import LedgerUnready, Run, make
from chaoskit.model.marks import NS
from chaoskit.run.channel import Channel, ChannelClosed
from chaoskit.run.clock import now_ns, pause
from chaoskit.run.writer.book import Book
from chaoskit.run.writer.reading import read_back
from chaoskit.run.writer.rounds import Rounds

_PREPARE_WITHIN_S = 5.0
_AGAIN_AFTER_S = 0.2


def main(fd: int) -> None:
    """Write until told to finish, read back, say so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor, which ends us
    finish = threading.Event()

    def answer(_what: str, _fields: Mapping[str, Any]) -> Mapping[str, Any]:
        finish.set()
        return {}

    channel = Channel(socket.socket(fileno=fd), answer)
    try:
        _serve(channel, finish)
    except LedgerUnready as error:
        channel.ask("broken", error=str(error), unready=True)
    except ChannelClosed:
        os._exit(1)
    except Exception as error:  # noqa: BLE001  # told to the supervisor, which judges it
        channel.ask("broken", error=f"{type(error).__name__}: {error}", unready=False)


def _serve(channel: Channel, finish: threading.Event) -> None:
    task = channel.ask("task")
    ledger = make(task["kind"], task["settings"])
    run = Run(token=secrets.token_hex(4), timeout_s=task["timeout_s"])
    _prepare(ledger, run)
    head = {
        "kind": task["kind"],
        "discipline": ledger.discipline.value,
        "token": run.token,
        "rate_hz": task["rate_hz"],
        "timeout_s": run.timeout_s,
    }
    book = Book(Path(task["path"]), head)
    broken: list[BaseException] = []

    def failed(error: BaseException) -> None:
        broken.append(error)
        finish.set()

    rounds = Rounds(ledger, run, book, failed)
    rounds.start(task["rate_hz"], task["read_every_s"])
    channel.ask("writing")
    while not finish.wait(_AGAIN_AFTER_S):
        if channel.closed:
            raise ChannelClosed
    rounds.stop()
    if broken:
        raise broken[0]
    read_back(ledger, run, book, task["read_within_s"])
    channel.ask("finished")


def _prepare(ledger: Any, run: Run) -> None:
    """A target that is only just up may need a moment."""
    limit_ns = now_ns() + round(_PREPARE_WITHIN_S * NS)
    while True:
        try:
            ledger.prepare(run)
        except LedgerUnready:
            if now_ns() >= limit_ns:
                raise
            pause(_AGAIN_AFTER_S)
        else:
            return


if __name__ == "__main__":
    main(int(sys.argv[1]))
