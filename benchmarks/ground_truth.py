"""The measured outage against the true one: a server that breaks by script and notes when.

Truth. The server (`_outage_server.py`) notes `begin` and `end` of each outage around the system calls
that cause it, on the clock that the prober reads. A request fails exactly when it arrives in
[begin, end). For a hang this is a definition: a request that was sent before `begin` is answered, one
taken during the hang never is. (Had the server answered on waking, as after SIGCONT, a client with
timeout τ would call only [begin, end − τ) an outage: what users see of a hang depends on their τ.)

Estimate. The product's own number: the middle of the measure `outage`, which is k·T for k bad asks,
by their intended times. Its error for one outage lies within (−T, T), and its mean is 0 because the
outages' phases against the probe are random.

Beside it, Chaos Toolkit's continuous hypothesis asks the same server in the same seconds, at the same
period and timeout. Its journal holds states, no durations; `reconstructed` is what a careful reader
could make of it: from the start of the first failed probe to the start of the next good one.
"""

import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from chaoskit.measures.outage import MEASURE as OUTAGE
from chaoskit.measures.series import Series
from chaoskit.model.evidence import read_samples
from chaoskit.model.experiment import ProbeSpec
from chaoskit.model.outcomes import Outcome
from chaoskit.model.timeline import NS, Mark, MarkKind, Samples, Timeline
from chaoskit.run.clock import WallClock
from chaoskit.run.prober.handle import Ended, Prober

TITLE = "the measured outage against the true one, and what Chaos Toolkit would conclude"

_RATE_HZ = 50.0
_PERIOD_S = 1 / _RATE_HZ
_TIMEOUT_S = 0.25
_KINDS = ("crash", "hang", "slow")
_LENGTH_S = (0.1, 0.5)  # outages last between these
_PAUSE_S = (0.4, 0.5)  # between two outages
_AROUND_NS = NS // 5  # looked at before and after each
_SEED = 20260503
_SHARE_BESIDE = 0.3  # of the outages, also watched by Chaos Toolkit


@dataclass(frozen=True, kw_only=True)
class TrueOutage:
    """What the server says it did."""

    kind: str
    begun_ns: int
    ended_ns: int

    @property
    def length_s(self) -> float:
        """Its true length."""
        return (self.ended_ns - self.begun_ns) / NS


def measure(n: int = 200) -> dict[str, object]:
    """Errors of `n` outages in seconds and in probe periods, in all and by kind."""
    script = _script(n)
    beside = max(len(_KINDS), round(n * _SHARE_BESIDE))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "samples"
        truth, ended, journal = _record(path, script, beside)
        samples = read_samples(path)
    errors = [(one.kind, _estimate_s(samples, one) - one.length_s) for one in truth]
    figures: dict[str, object] = {
        "outages": len(truth),
        "period_s": _PERIOD_S,
        "send_lag_p99_s": ended.send_lag_p99_s,
        "unknown_asks": ended.unknown,
        "all": _summary([error for _, error in errors]),
    }
    for kind in _KINDS:
        figures[kind] = _summary([error for its, error in errors if its == kind])
    figures["chaos_toolkit_continuous_hypothesis"] = _beside(journal, samples, truth[:beside])
    return figures


def _script(n: int) -> dict[str, Any]:
    chance = random.Random(_SEED)
    outages = [
        {
            "kind": _KINDS[number % len(_KINDS)],
            "after_s": chance.uniform(*_PAUSE_S),
            "length_s": chance.uniform(*_LENGTH_S),
        }
        for number in range(n)
    ]
    return {"slow_s": 2 * _TIMEOUT_S, "outages": outages}


def _record(
    path: Path, script: dict[str, Any], beside: int
) -> tuple[list[TrueOutage], Ended, dict[str, Any]]:
    """Play the script while both observers watch."""
    length_s = sum(one["after_s"] + one["length_s"] for one in script["outages"][:beside])
    with _process("benchmarks._outage_server") as server, Prober.start() as prober:
        _say(server, json.dumps(script))
        url = f"http://127.0.0.1:{_hear(server)}/"
        how = [url, str(_PERIOD_S), str(_TIMEOUT_S), f"{length_s + 0.5:.1f}"]
        with _process("benchmarks._continuous_hypothesis", *how) as chaos:
            _hear(chaos)
            provider = {"type": "http", "url": url}
            spec = ProbeSpec(name="front", kind="http", provider=provider, tolerance=200)
            prober.begin(path, [spec], rate_hz=_RATE_HZ, timeout_s=_TIMEOUT_S)
            _say(chaos, "go")
            threading.Event().wait(0.5)  # it validates first, and asks once before its method
            _say(server, "go")
            journal = json.loads(_hear(chaos))
        truth = [
            TrueOutage(kind=kind, begun_ns=begun, ended_ns=ended)
            for kind, begun, ended in json.loads(_hear(server))
        ]
        return truth, prober.end(), journal


def _process(module: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _say(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def _hear(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _estimate_s(samples: Samples, outage: TrueOutage) -> float:
    """What the product says of a trial with this one outage."""
    begin_ns, end_ns = outage.begun_ns - _AROUND_NS, outage.ended_ns + _AROUND_NS
    inside = (samples["due"] >= begin_ns) & (samples["due"] <= end_ns)
    timeline = Timeline(
        samples=samples[inside],
        marks=(
            Mark(at_ns=outage.begun_ns, kind=MarkKind.IN_EFFECT, source=outage.kind),
            Mark(at_ns=end_ns, kind=MarkKind.PHASE, detail="end"),
        ),
        probes=("front",),
        period_ns=round(_PERIOD_S * NS),
        timeout_ns=round(_TIMEOUT_S * NS),
        stable_ns=_AROUND_NS // 2,
        watch_ns=end_ns - outage.begun_ns,
        started_ns=begin_ns,
    )
    measured = OUTAGE.of(Series(timeline))
    assert measured.middle is not None, measured.note
    return measured.middle


def _summary(errors_s: Sequence[float]) -> dict[str, float]:
    size_s = np.abs(errors_s)
    return {
        "outages": len(errors_s),
        "mean_error_s": statistics.fmean(errors_s),
        "mean_error_in_periods": statistics.fmean(errors_s) / _PERIOD_S,
        "error_p50_s": float(np.percentile(size_s, 50)),
        "error_p99_s": float(np.percentile(size_s, 99)),
        "error_p99_in_periods": float(np.percentile(size_s, 99)) / _PERIOD_S,
        "error_max_in_periods": float(size_s.max()) / _PERIOD_S,
    }


def _beside(
    journal: dict[str, Any], samples: Samples, truth: Sequence[TrueOutage]
) -> dict[str, object]:
    """What the other observer's journal holds about the outages that both saw."""
    clock = WallClock()
    states = [
        (_mono_ns(clock, start), _mono_ns(clock, end), met) for start, end, met in journal["states"]
    ]
    states = [one for one in states if one[0] <= truth[-1].ended_ns + _AROUND_NS]
    begin_ns, end_ns = states[0][0], states[-1][1]
    down_s = sum(one.length_s for one in truth)
    ours = samples[(samples["due"] >= begin_ns) & (samples["due"] <= end_ns)]
    ours = ours[ours["outcome"] != Outcome.UNKNOWN]
    errors: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    for one in truth:
        errors[one.kind].append(_reconstructed_s(states, one) - one.length_s)
    return {
        "concludes": f"status {journal['status']}, deviated {journal['deviated']}; no duration",
        "asked": len(states),
        "asked_by_the_prober_meanwhile": len(ours),
        "availability_true": 1 - down_s / ((end_ns - begin_ns) / NS),
        "availability_by_its_states": statistics.fmean(met for *_, met in states),
        "availability_by_our_samples": float((ours["outcome"] == Outcome.GOOD).mean()),
        "reconstructed": {kind: _summary(some) for kind, some in errors.items()},
    }


def _mono_ns(clock: WallClock, stamp: str) -> int:
    return clock.to_mono(round(datetime.fromisoformat(stamp).timestamp() * NS))


def _reconstructed_s(states: Sequence[tuple[int, int, bool]], outage: TrueOutage) -> float:
    """From the start of the first failed probe to the start of the next good one; 0 when unseen."""
    failed = [
        number
        for number, (start, end, met) in enumerate(states)
        if not met and start < outage.ended_ns and end > outage.begun_ns
    ]
    if not failed:
        return 0.0
    begun_ns = states[failed[0]][0]
    good_ns = [start for start, _, met in states[failed[0] :] if met]
    return (good_ns[0] - begun_ns) / NS if good_ns else 0.0


if __name__ == "__main__":
    from benchmarks.__main__ import show

    show(measure())
