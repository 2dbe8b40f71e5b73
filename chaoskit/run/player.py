"""The supervisor's side of the worker: starts it, waits at its gates, ends it.

The worker has a session of its own, so that a Ctrl-C on the terminal reaches only the supervisor,
which decides in which order things end.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chaoskit.errors import ChaoskitError
from chaoskit.run.channel import Channel
from chaoskit.run.clock import wait_until

Orders = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]

GATES = ("method", "watched", "lifted")
_POLL_S = 0.005
_ROLLBACK_PATIENCE_S = 15.0


class WorkerDied(ChaoskitError):
    """The worker ended before its work did; the message has its last words."""


@dataclass
class _Trial:
    journal: Path
    reached: dict[str, threading.Event] = field(
        default_factory=lambda: {gate: threading.Event() for gate in GATES}
    )
    released: dict[str, threading.Event] = field(
        default_factory=lambda: {gate: threading.Event() for gate in GATES}
    )
    refused: set[str] = field(default_factory=set)
    result: Mapping[str, Any] | None = None


class Player:
    """One experiment's worker. `orders(what, fields)` answers its `inject`, `lift`, `activity`.

    It may be started before the experiment's addresses are known, since importing chaoslib takes as
    long as starting a small target; `give` hands it the document.
    """

    def __init__(self, *, orders: Orders, log: Path) -> None:
        self._document: Mapping[str, Any] = {}
        self._inside: Mapping[str, str] = {}
        self._given = threading.Event()
        self._orders = orders
        self._log = log
        self._resolved: Mapping[str, Any] | None = None
        self._broken = ""
        self._trial: _Trial | None = None
        self._next = threading.Event()
        self._ended = False
        ours, theirs = socket.socketpair()
        with log.open("ab") as out, theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "chaoskit.run.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self._channel = Channel(ours, self._serve)

    def give(self, document: Mapping[str, Any], inside: Mapping[str, str] | None = None) -> None:
        """The experiment that this worker is for.

        `inside` has the configuration that is another where the prober is: addresses in a cluster.
        """
        self._document = document
        self._inside = inside or {}
        self._given.set()

    @property
    def pid(self) -> int:
        """The worker's process."""
        return self._process.pid

    def resolved(self, *, timeout_s: float = 60.0) -> Mapping[str, Any]:
        """Configuration, secrets and probes, once the worker has filled in every ${name}.

        `asked_with` is the configuration that the probes were filled in from.
        """
        self._wait(lambda: self._resolved is not None, timeout_s, "to read the experiment")
        assert self._resolved is not None
        return self._resolved

    def begin(self, journal: Path) -> None:
        """Let the worker run the experiment once; it will stop at the first gate."""
        self._trial = _Trial(journal=journal)
        self._next.set()

    def reached(self, gate: str) -> bool:
        """Whether the worker waits at this gate, or is past it."""
        return self._now.reached[gate].is_set()

    def release(self, gate: str) -> None:
        """Let it pass, now or when it comes."""
        self._now.released[gate].set()

    def refuse(self, gate: str) -> None:
        """End the trial at this gate: nothing was injected, so no rollback is played."""
        self._now.refused.add(gate)
        self.release(gate)

    @property
    def result(self) -> Mapping[str, Any] | None:
        """What chaoslib made of the trial, once it is done."""
        return self._now.result

    def check(self) -> None:
        """Raises WorkerDied when the worker cannot go on."""
        if self._broken:
            raise WorkerDied(self._broken)
        if self._process.poll() is not None:
            message = f"the worker ended with {self._process.returncode}: {self._last_words()}"
            raise WorkerDied(message)

    def wait_for(self, condition: Callable[[], bool], *, timeout_s: float, what: str) -> None:
        """Wait for something that the worker does. Raises WorkerDied when it does not come."""
        self._wait(condition, timeout_s, what)

    def interrupt(self) -> None:
        """End the trial as a Ctrl-C would, and wait while chaoslib plays its rollbacks."""
        if self._trial is None or self._process.poll() is not None:
            return
        os.kill(self._process.pid, signal.SIGINT)
        for gate in GATES:
            self.release(gate)
        wait_until(
            lambda: self.result is not None or self._process.poll() is not None,
            timeout_s=_ROLLBACK_PATIENCE_S,
            every_s=_POLL_S,
        )

    def end(self) -> None:
        """End the worker, and whatever its process activities left running."""
        self._ended = True
        self._given.set()
        self._next.set()
        if self._trial is not None:
            for gate in GATES:
                self.release(gate)
        if not wait_until(lambda: self._process.poll() is not None, timeout_s=2, every_s=_POLL_S):
            self._process.terminate()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._ended:
            self.end()

    @property
    def _now(self) -> _Trial:
        assert self._trial is not None, "no trial has begun"
        return self._trial

    def _wait(self, condition: Callable[[], bool], timeout_s: float, what: str) -> None:
        def done() -> bool:
            if condition():
                return True
            self.check()
            return False

        if not wait_until(done, timeout_s=timeout_s, every_s=_POLL_S):
            message = f"the worker did not manage {what} within {timeout_s:g} s"
            raise WorkerDied(message)

    def _serve(self, what: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        reply: Mapping[str, Any] = {}
        match what:
            case "task":
                self._given.wait()
                reply = {"document": self._document, "inside": self._inside}
            case "resolved":
                self._resolved = fields
            case "next":
                reply = self._hand_out()
            case "gate":
                reply = {"refused": self._hold(fields["at"])}
            case "done":
                self._now.result = fields["result"]
            case "broken":
                self._broken = fields["error"]
            case _:
                reply = self._orders(what, fields)
        return reply

    def _hand_out(self) -> Mapping[str, Any]:
        self._next.wait()
        self._next.clear()
        if self._ended or self._trial is None:
            return {}
        return {"trial": True, "journal": str(self._trial.journal)}

    def _hold(self, gate: str) -> bool:
        trial = self._now
        trial.reached[gate].set()
        trial.released[gate].wait()
        return gate in trial.refused

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"
