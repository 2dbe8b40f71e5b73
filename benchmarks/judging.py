"""What judging costs: one million samples and one thousand marks, under 3 s and under 500 MiB.

Also what the supervisor's looks cost while a trial is under way, since it looks fifty times a second.
`measure()` runs each in a process of its own, so that its peak memory is its own.
"""

import json
import resource
import subprocess
import sys
import time
from typing import Any

TITLE = "Judging: one million samples, one thousand marks (goal: under 3 s, under 500 MiB)"

SAMPLES = 1_000_000
MARKS = 1_000
RATE_HZ = 1_000

_LOOKS = 50


def measure() -> dict[str, Any]:
    """Seconds and MiB of judging, and milliseconds of one look, in fresh processes."""
    found: dict[str, Any] = {"samples": SAMPLES, "marks": MARKS}
    for part in ("judge", "look"):
        run = subprocess.run(
            [sys.executable, "-m", "benchmarks.judging", part],
            check=True,
            capture_output=True,
            text=True,
        )
        found.update(json.loads(run.stdout))
    return found


def _judge() -> dict[str, Any]:
    from chaoskit.judge import judge_trial

    timeline, record, experiment = _evidence(SAMPLES)
    before = time.perf_counter()
    judgement = judge_trial(record, experiment, timeline)
    seconds = time.perf_counter() - before
    assert judgement.verdict.value == "healed", judgement.reason
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"judge_s": round(seconds, 3), "judge_peak_mib": round(peak_mib, 1)}


def _look() -> dict[str, Any]:
    """A trial of five minutes at 1000 asks a second, looked at near its end."""
    from chaoskit.measures.progress import settled, watch_is_over

    timeline, _, _ = _evidence(300_000)
    now = int(timeline.samples["done"].max())
    before = time.perf_counter()
    for _ in range(_LOOKS):
        watch_is_over(timeline, now, wants_redundancy=True)
        settled(timeline, now)
    return {"look_ms": round(1000 * (time.perf_counter() - before) / _LOOKS, 3)}


def _evidence(count: int) -> tuple[Any, Any, Any]:
    """A trial with flapping, timeouts, late asks and a thousand marks."""
    import numpy as np

    from chaoskit.model.experiment import Budget
    from chaoskit.model.journal import ExperimentRecord, HealerRecord, TrialRecord
    from chaoskit.model.timeline import NS, SAMPLE_DTYPE, Mark, MarkKind, Timeline, sort_marks

    period = NS // RATE_HZ
    k = np.arange(count)
    samples = np.zeros(count, dtype=SAMPLE_DTYPE)
    samples["k"], samples["due"] = k, NS + k * period
    samples["sent"] = samples["due"] + 20_000
    samples["done"] = samples["sent"] + 1_000_000
    samples["outcome"] = 1
    begin, end = count // 4, count // 2
    flapping = (k >= begin) & (k < end) & (k % 1000 < 700)
    samples["outcome"][flapping], samples["reason"][flapping] = 2, 3
    samples["done"][flapping] += NS // 2
    samples["outcome"][::5000] = 3
    at = NS + begin * period - period // 2
    ends = NS + count * period
    marks = [
        Mark(at_ns=NS, kind=MarkKind.REDUNDANCY, service="web", data={"have": 3, "want": 3}),
        Mark(at_ns=at, kind=MarkKind.IN_EFFECT, source="f1", instance="web-1"),
        Mark(at_ns=ends, kind=MarkKind.PHASE, detail="end"),
    ]
    step = (ends - at) // MARKS
    for i in range(1, MARKS - 2):
        kind = (MarkKind.DETECTED, MarkKind.ACTED, MarkKind.RESTORED, MarkKind.ENGINE)[i % 4]
        marks.append(Mark(at_ns=at + i * step, kind=kind, source="proxy", instance="web-1"))
    timeline = Timeline(
        samples=samples,
        marks=sort_marks(marks),
        probes=("front",),
        period_ns=period,
        timeout_ns=NS // 2,
        stable_ns=2 * NS,
        watch_ns=ends,
        started_ns=NS,
    )
    experiment = ExperimentRecord(
        name="bench",
        title="bench",
        description="",
        file="bench.yaml",
        target="bench",
        rate_hz=RATE_HZ,
        timeout_s=0.5,
        baseline_s=3,
        watch_s=ends / NS,
        stable_s=2,
        plan="pr",
        runs=5,
        allow=0,
        budgets=(Budget(measure="recovery", bound=1e6, text="1e6s"),),
        healed_by=("proxy",),
        healers=(HealerRecord(name="proxy", kind="haproxy-check"),),
    )
    return timeline, TrialRecord(index=1, folder="trials/1", phase_offset_s=0), experiment


if __name__ == "__main__":
    parts = {"judge": _judge, "look": _look}
    chosen = parts.get(sys.argv[1] if len(sys.argv) > 1 else "", measure)
    print(json.dumps(chosen()))
