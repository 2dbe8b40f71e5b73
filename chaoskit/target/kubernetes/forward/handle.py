"""How a run holds its forwarder: addresses that stay the same, gaps as marks, and its own silence."""

import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from chaoskit.errors import ChaoskitError, EnvironmentUnfit
from chaoskit.model.marks import Mark, MarkKind
from chaoskit.model.target import Entrypoint
from chaoskit.target.kubernetes.forward.gaps import TELL_EVERY_S
from chaoskit.target.kubernetes.now import now_ns
from chaoskit.target.patience import Deadline

THROUGH = "port-forward"

_START_S = 30.0
_QUIT_S = 5.0
_SILENT_S = 1.0  # without a beat for so long, the forwarder may be stopped or dead: a gap
_READ_BYTES = 65536

Record = Callable[[Mark], None]


class ForwarderDied(ChaoskitError):
    """The forwarder is gone: from then on nobody reached the target. A defect of ours, or killed."""


@dataclass
class Forwarder:
    """The forwarder's process, and a thread that listens to it."""

    process: "subprocess.Popen[bytes]"
    record: Record
    ports: Mapping[str, int] = field(default_factory=dict, init=False)
    calls: int = field(default=0, init=False)  # of the API server, but for the tunnels
    tunnels: int = field(default=0, init=False)  # opened, or tried
    _heard: bytes = field(default=b"", init=False)
    _beat_ns: int = field(default_factory=now_ns, init=False)
    _ending: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    @classmethod
    def start(
        cls, entrypoints: Sequence[Entrypoint], *, context: str, namespace: str, record: Record
    ) -> Self:
        """Forward these entrypoints; `record` is called by a thread. Raises EnvironmentUnfit."""
        process = subprocess.Popen(
            [sys.executable, "-m", "chaoskit.target.kubernetes.forward"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for the supervisor
        )
        made = cls(process, record)
        asked = [
            {
                "name": one.name,
                "service": one.service,
                "port": one.port,
                "patience_s": one.patience_s,
            }
            for one in entrypoints
        ]
        try:
            made._begin({"context": context, "namespace": namespace, "entrypoints": asked})
        except BaseException:
            made.close()
            raise
        return made

    def check(self) -> None:
        """Raises ForwarderDied when it is gone."""
        code = self.process.poll()
        if code is not None:
            message = (
                f"the forwarder is gone (exit code {code}): nobody reaches the target any more"
            )
            raise ForwarderDied(message)

    def told_until(self, at_ns: int) -> bool:
        """Whether every gap that ended by then has become a mark.

        A beat comes after the gaps; the next but one comes after whatever was noticed meanwhile.
        """
        return self._beat_ns >= at_ns + round(TELL_EVERY_S * 1e9)

    def close(self) -> None:
        """End it. Idempotent, and harmless when it is gone."""
        self._ending.set()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(_QUIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self._thread is not None:
            self._thread.join(_QUIT_S)
        self.process.stdout.close()

    def _begin(self, order: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        os.write(self.process.stdin.fileno(), json.dumps(order).encode() + b"\n")
        deadline = Deadline(_START_S)
        answer: Mapping[str, Any] = {}
        while not answer:
            if deadline.passed or self.process.poll() is not None:
                message = "the forwarder did not start"
                raise EnvironmentUnfit(message)
            answer = next(iter(self._lines(deadline.left_s)), {})
        if "error" in answer:
            raise EnvironmentUnfit(str(answer["error"]))
        self.ports = answer["ports"]
        self._beat_ns = now_ns()
        self._thread = threading.Thread(target=self._listen, name="forwarder", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._ending.is_set():
            for line in self._lines(_SILENT_S / 2):
                if "beat" in line:
                    self._beat_ns = line["beat"]
                    self.calls, self.tunnels = line["calls"], line["tunnels"]
                else:
                    self._gap(line["gap"], line["from_ns"], line["to_ns"], line["why"])
            now = now_ns()
            if now - self._beat_ns > _SILENT_S * 1e9 and not self._ending.is_set():
                self._gap("", self._beat_ns, now, "the forwarder itself is silent")
                self._beat_ns = now - int(_SILENT_S * 1e9) // 2  # the next piece touches this one

    def _lines(self, timeout_s: float) -> list[dict[str, Any]]:
        """What was said, waiting for it a while; nothing when it is gone, after the same while."""
        assert self.process.stdout is not None
        pipe = self.process.stdout.fileno()
        if select.select([pipe], (), (), timeout_s)[0]:
            data = os.read(pipe, _READ_BYTES)
            if not data:
                self._ending.wait(timeout_s)
            *whole, self._heard = (self._heard + data).split(b"\n")
            return [json.loads(one) for one in whole]
        return []

    def _gap(self, entrypoint: str, from_ns: int, to_ns: int, why: str) -> None:
        self.record(
            Mark(
                at_ns=to_ns,
                kind=MarkKind.GAP,
                source=entrypoint or THROUGH,
                detail=why,
                resolution_ns=to_ns - from_ns,
            )
        )
