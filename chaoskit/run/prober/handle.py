"""How a run holds its prober: begin, end, and a clear word when the prober is gone."""

import json
import os
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol, Self

from chaoskit.errors import ChaoskitError, EnvironmentUnfit, InputError
from chaoskit.model.experiment import FRESH, ProbeSpec

_START_PATIENCE_S = 30.0
_BEGIN_PATIENCE_S = 180.0  # calibrating a pool of slow probes takes a while
_END_PATIENCE_S = 30.0  # beyond the longest timeout
_QUIT_PATIENCE_S = 5.0
_LAST_WORDS_BYTES = 2000
_READ_BYTES = 65536


class ProberDied(ChaoskitError):
    """The prober is gone: from then on nobody watched. A defect of ours, or it was killed."""


class ProberLost(ChaoskitError):
    """A prober elsewhere is gone, or cannot be reached: nothing is known, and nobody is to blame."""


@dataclass(frozen=True, kw_only=True)
class Begun:
    """Sampling is under way."""

    started_ns: int  # when round 0 of the first probe is due
    rates: Mapping[str, float]  # asks a second, by the probe's name
    timeouts: Mapping[str, float] = field(default_factory=dict)  # seconds, by the probe's name
    priority: str = "normal"  # real-time, nice or normal: what the machine permitted


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What was sampled. `asked` counts every sample: good + bad + unknown."""

    asked: int
    good: int
    bad: int
    unknown: int
    late: int  # of the unknown ones: we began too late
    no_slot: int  # of the unknown ones: too many were in flight
    send_lag_p50_s: float
    send_lag_p99_s: float
    send_lag_max_s: float


class AnyProber(Protocol):
    """A prober, wherever it samples."""

    @property
    def lost(self) -> str:
        """Why nobody watches any more, when that is no defect of ours; "" while somebody does."""
        ...

    @property
    def clock_error_ns(self) -> int:
        """How far the samples' times may be from our clock at worst, in nanoseconds."""
        ...

    def begin(  # noqa: PLR0913 - see Prober
        self,
        samples_path: Path,
        probes: Sequence[ProbeSpec],
        *,
        rate_hz: float,
        timeout_s: float,
        tracks: Sequence[str] = (FRESH,),
        configuration: Mapping[str, Any] | None = None,
        secrets: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Begun:
        """See Prober."""
        ...

    def end(self) -> Ended:
        """See Prober."""
        ...


class Prober:
    """A running prober process. Not for several threads at once."""

    lost = ""  # one that is gone is an error: ProberDied
    clock_error_ns = 0  # it has the clock that we have

    def __init__(self, process: "subprocess.Popen[bytes]", words: IO[bytes]) -> None:
        """Use `start`."""
        self._process = process
        self._words = words  # its standard error
        self._heard = b""
        self._longest_timeout_s = 0.0

    @classmethod
    def start(cls) -> Self:
        """A prober, ready to begin. Raises ProberDied when it does not start."""
        words = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the prober
        process = subprocess.Popen(
            [sys.executable, "-m", "chaoskit.run.prober"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=words,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for the supervisor
        )
        prober = cls(process, words)
        prober._answer(_START_PATIENCE_S)
        return prober

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process is still there. Cheap."""
        return self._process.poll() is None

    def begin(  # noqa: PLR0913 - one message, named by its keywords
        self,
        samples_path: Path,
        probes: Sequence[ProbeSpec],
        *,
        rate_hz: float,
        timeout_s: float,
        tracks: Sequence[str] = (FRESH,),
        configuration: Mapping[str, Any] | None = None,
        secrets: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Begun:
        """Sample the probes into a new file until `end`.

        Configuration and secrets are resolved ones, as Chaos Toolkit hands them to activities. Raises
        InputError for a probe that cannot be asked, EnvironmentUnfit when the file cannot be written,
        ProberDied.
        """
        order = {
            **asked(probes, rate_hz=rate_hz, timeout_s=timeout_s, tracks=tracks),
            "samples_path": str(samples_path),
            "configuration": dict(configuration or {}),
            "secrets": {group: dict(values) for group, values in (secrets or {}).items()},
        }
        self._tell(order)
        begun = begun_of(self._answer(_BEGIN_PATIENCE_S), probes)
        self._longest_timeout_s = max(begun.timeouts.values(), default=0.0)
        return begun

    def end(self) -> Ended:
        """Complete the round under way, wait for the answers that are due, close the file."""
        self._tell({"do": "end"})
        return Ended(**self._answer(_END_PATIENCE_S + self._longest_timeout_s))

    def close(self) -> None:
        """End the process; harmless when it is gone. Never raises."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(_QUIT_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._words.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tell(self, order: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        data = memoryview(json.dumps(order, default=str).encode() + b"\n")
        try:
            while data:
                data = data[os.write(self._process.stdin.fileno(), data) :]
        except (BrokenPipeError, ValueError) as problem:
            raise self._died() from problem

    def _answer(self, patience_s: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._heard:
                if not selector.select(patience_s):
                    self._process.kill()
                    how = f"it did not answer within {patience_s:g} s"
                    raise self._died(how)
                data = os.read(self._process.stdout.fileno(), _READ_BYTES)
                if not data:
                    raise self._died()
                self._heard += data
        line, _, self._heard = self._heard.partition(b"\n")
        return accepted(json.loads(line))

    def _died(self, how: str = "") -> ProberDied:
        try:
            code: int | None = self._process.wait(_QUIT_PATIENCE_S)
        except subprocess.TimeoutExpired:
            code = None
        if not how:
            how = f"it was killed by signal {-code}" if code and code < 0 else f"exit code {code}"
        words = self._last_words()
        said = f"; its last words: {words}" if words else ""
        return ProberDied(f"the prober is gone: {how}{said}")

    def _last_words(self) -> str:
        if self._words.closed:
            return ""
        size = self._words.seek(0, os.SEEK_END)
        self._words.seek(max(0, size - _LAST_WORDS_BYTES))
        lines = self._words.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""


def asked(
    probes: Sequence[ProbeSpec], *, rate_hz: float, timeout_s: float, tracks: Sequence[str]
) -> dict[str, Any]:
    """The order to begin, but for where and with what values."""
    specs = [
        {
            "name": probe.name,
            "kind": probe.kind,
            "provider": dict(probe.provider),
            "tolerance": probe.tolerance,
        }
        for probe in probes
    ]
    return {
        "do": "begin",
        "probes": specs,
        "rate_hz": rate_hz,
        "timeout_s": timeout_s,
        "tracks": list(tracks),
    }


def accepted(reply: dict[str, Any]) -> dict[str, Any]:
    """A prober's reply. Raises InputError or EnvironmentUnfit when it refuses the order."""
    if "error" not in reply:
        return reply
    if reply["whose"] == "author":
        raise InputError(reply["error"])
    message = f"samples cannot be written: {reply['error']}"
    raise EnvironmentUnfit(message)


def begun_of(reply: Mapping[str, Any], probes: Sequence[ProbeSpec]) -> Begun:
    """What a reply to the order to begin says."""
    names = [probe.name for probe in probes]
    return Begun(
        started_ns=reply["started_ns"],
        rates=dict(zip(names, reply["rates"], strict=True)),
        timeouts=dict(zip(names, reply["timeouts"], strict=True)),
        priority=reply["priority"],
    )
