"""How the service is doing right now, in one look at the last second: news, never a measure."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chaoskit.model.timeline import NS, Outcome, Reason, Samples

_LAST = 1000  # samples that a look reads at most


def health_of(samples: Samples, probes: Sequence[str], now_ns: int) -> Mapping[str, Any]:
    """What Step.HEALTH says: state, p99_s, bad, asked, and the newest failure if there is one."""
    recent = samples[-_LAST:]
    recent = recent[recent["due"] >= now_ns - NS]
    answered = recent[recent["outcome"] == Outcome.GOOD]
    failed = recent[recent["outcome"] == Outcome.BAD]
    bad, asked = len(failed), len(recent)
    p99_s = None
    if len(answered):
        p99_s = float(np.quantile(answered["done"] - answered["due"], 0.99)) / NS
    state = "unknown" if not asked else "down" if bad * 2 >= asked else "up"
    said = {"state": state, "p99_s": p99_s, "bad": bad, "asked": asked}
    if not bad:
        return said
    last = failed[np.argmax(failed["due"])]
    number = int(last["probe"])
    return {
        **said,
        "failed_probe": probes[number] if number < len(probes) else "",
        "failed_reason": Reason(int(last["reason"])).name.lower(),
        "failed_detail": int(last["detail"]),
        "failed_at_ns": int(last["due"]),
    }
