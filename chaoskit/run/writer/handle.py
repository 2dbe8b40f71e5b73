"""How a trial holds its writer: begin, finish, and a clear word when the writer is gone."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from chaoskit.errors import ChaoskitError
from chaoskit.ledgers.base import LedgerUnready
from chaoskit.model.experiment import LedgerUse
from chaoskit.plan.variables import resolve
from chaoskit.run.channel import Channel
from chaoskit.run.clock import wait_until

_BEGIN_PATIENCE_S = 20.0
_END_PATIENCE_S = 1.0


class WriterDied(ChaoskitError):
    """The writer is gone: the ledger says nothing. A defect of ours, or it was killed."""


class Writer:
    """A running writer process."""

    def __init__(self, task: Mapping[str, Any]) -> None:
        """Use `begin`."""
        self._task = task
        self._writing = threading.Event()
        self._finished = threading.Event()
        self._broken: Mapping[str, Any] | None = None
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the writer
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "chaoskit.run.writer", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._words,
                stderr=self._words,
                start_new_session=True,  # Ctrl-C is for the supervisor
            )
        self._channel = Channel(ours, self._serve)

    @classmethod
    def begin(cls, path: Path, use: LedgerUse, known: Mapping[str, Any]) -> Self:
        """Start writing into a new file; `known` are the values of ${name}.

        Raises LedgerUnready when the target takes no values, WriterDied.
        """
        task = {
            "path": str(path),
            "kind": use.kind,
            "settings": resolve(dict(use.settings), known),
            "rate_hz": use.rate_hz,
            "timeout_s": use.timeout_s,
            "read_within_s": use.read_within_s,
            "read_every_s": use.read_every_s,
        }
        writer = cls(task)
        try:
            writer._until_writing()
        except ChaoskitError:
            writer.close()
            raise
        return writer

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def check(self) -> None:
        """Raises LedgerUnready or WriterDied when it cannot go on."""
        if self._broken is not None:
            message = str(self._broken["error"])
            if self._broken["unready"]:
                raise LedgerUnready(message)
            raise WriterDied(f"the ledger's writer failed: {message}")  # noqa: EM102
        if not self.finished and self._process.poll() is not None:
            message = f"the ledger's writer ended with {self._process.returncode}{self._said()}"
            raise WriterDied(message)

    def finish(self) -> None:
        """Have it write no more and read everything back; returns at once. Raises WriterDied."""
        try:
            self._channel.ask("finish", timeout_s=_BEGIN_PATIENCE_S)
        except (ConnectionError, TimeoutError) as error:
            self.check()
            message = "the ledger's writer does not answer"
            raise WriterDied(message) from error

    @property
    def finished(self) -> bool:
        """Whether everything was read back, or cannot be."""
        return self._finished.is_set()

    def close(self) -> None:
        """End it, whatever it is doing."""
        if self.finished:
            wait_until(lambda: self._process.poll() is not None, timeout_s=_END_PATIENCE_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._channel.close()
        self._words.close()

    def _until_writing(self) -> None:
        def done() -> bool:
            self.check()
            return self._writing.is_set()

        if not wait_until(done, timeout_s=_BEGIN_PATIENCE_S, every_s=0.005):
            message = f"the ledger's writer did not begin within {_BEGIN_PATIENCE_S:g} s"
            raise WriterDied(message)

    def _serve(self, what: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        match what:
            case "task":
                return self._task
            case "writing":
                self._writing.set()
            case "finished":
                self._finished.set()
            case "broken":
                self._broken = fields
        return {}

    def _said(self) -> str:
        size = self._words.seek(0, os.SEEK_END)
        self._words.seek(max(0, size - 2000))
        lines = self._words.read().decode("utf-8", "replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""
