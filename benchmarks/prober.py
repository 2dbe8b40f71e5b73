"""How punctual the prober is, and what it costs: new connections to a server on loopback.

`lag` is sent − due, from the samples on disk; `cpu` is the prober's share of one core.
"""

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np

from chaoskit.model.evidence import read_samples
from chaoskit.model.experiment import ProbeSpec
from chaoskit.model.outcomes import Outcome
from chaoskit.run.prober.handle import Prober

TITLE = "the prober's punctuality and cost, with a new connection for every probe"

_TICKS = os.sysconf("SC_CLK_TCK")
_CASES = (
    # probes, rate of each in Hz, seconds
    (1, 50.0, 6.0),
    (1, 1000.0, 10.0),
    (4, 250.0, 10.0),
    (1, 4000.0, 10.0),
)


def measure() -> dict[str, object]:
    """One figure set a case."""
    results: dict[str, object] = {}
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._plain_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        port = int(server.stdout.readline())
        with tempfile.TemporaryDirectory() as folder:
            for probes, rate_hz, length_s in _CASES:
                name = f"{probes} x {rate_hz:g} Hz"
                path = Path(folder) / name
                results[name] = _case(path, _specs(port, probes), rate_hz, length_s, server.pid)
    finally:
        server.stdin.close()
        server.wait(5)
        server.stdout.close()
    return results


def _specs(port: int, count: int) -> list[ProbeSpec]:
    provider = {"type": "http", "url": f"http://127.0.0.1:{port}/"}
    return [
        ProbeSpec(name=f"probe-{number}", kind="http", provider=provider, tolerance=200)
        for number in range(count)
    ]


def _case(
    path: Path, specs: list[ProbeSpec], rate_hz: float, length_s: float, server_pid: int
) -> dict[str, object]:
    with Prober.start() as prober:
        begun = prober.begin(path, specs, rate_hz=rate_hz, timeout_s=0.5)
        before_s, server_before_s = _cpu_s(prober.pid), _cpu_s(server_pid)
        threading.Event().wait(length_s)
        used_s, server_used_s = _cpu_s(prober.pid) - before_s, _cpu_s(server_pid) - server_before_s
        ended = prober.end()
    samples = read_samples(path)
    sent = samples[samples["sent"] > 0]
    lag_ms = (sent["sent"] - sent["due"]) / 1e6
    answer_ms = (sent["done"] - sent["sent"])[sent["outcome"] == Outcome.GOOD] / 1e6
    span_s = (int(samples["due"].max()) - int(samples["due"].min())) / 1e9
    return {
        "priority": begun.priority,
        "asked_per_s": (len(samples) - len(specs)) / span_s,
        "bad": ended.bad,
        "unknown": ended.unknown,
        "lag_p50_ms": float(np.percentile(lag_ms, 50)),
        "lag_p99_ms": float(np.percentile(lag_ms, 99)),
        "lag_max_ms": float(lag_ms.max()),
        "lag_p99_in_periods": float(np.percentile(lag_ms, 99)) * rate_hz / 1000,
        "answer_p50_ms": float(np.percentile(answer_ms, 50)),
        "prober_cpu_share_of_a_core": used_s / length_s,
        "server_cpu_share_of_a_core": server_used_s / length_s,
    }


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


if __name__ == "__main__":
    from benchmarks.__main__ import show

    show(measure())
