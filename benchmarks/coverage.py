"""Whether the stated confidence is real: many simulated series, each bound held against the truth.

For every named plan and three shapes of recovery time (uniform, lognormal, and bimodal: 12 % take a
minute) the order-statistic bound must cover the true quantile in at least 95 % of series, less three
standard errors. The e-process is looked at after every trial, at exactly the share that it must not
prove; it may be fooled in at most 5 %.
"""

import json
import math
from typing import Any

TITLE = "Coverage: how often the stated bounds hold (goal: nominal less 3 standard errors)"

SERIES = 20_000
SEED = 20_260_101


def measure() -> dict[str, Any]:
    """Coverage of each plan's bound by shape, and how often the e-process is fooled."""
    import numpy as np

    from chaoskit.stats.plans import CONFIDENCE, NAMED
    from chaoskit.stats.quantile import rank

    rng = np.random.default_rng(SEED)
    allowance = 3 * math.sqrt(CONFIDENCE * (1 - CONFIDENCE) / SERIES)
    found: dict[str, Any] = {"series": SERIES, "least_allowed": round(CONFIDENCE - allowance, 4)}
    for plan in NAMED.values():
        r = rank(plan.runs, plan.share, CONFIDENCE)
        assert r is not None, plan.name
        for shape, (draw, quantile) in _shapes(rng).items():
            bounds = np.sort(draw((SERIES, plan.runs)), axis=1)[:, r - 1]
            covered = float((bounds >= quantile(plan.share)).mean())
            found[f"{plan.name} {shape}"] = round(covered, 4)
    found["e_process_fooled"] = _fooled(rng)
    return found


def _shapes(rng: Any) -> dict[str, Any]:
    import numpy as np
    from scipy import stats

    def bimodal(size: tuple[int, int]) -> Any:
        slow = rng.random(size) < 0.12
        return np.where(slow, 60 + rng.random(size), 5 + rng.random(size))

    def bimodal_quantile(p: float) -> float:
        return 5 + p / 0.88 if p <= 0.88 else 60 + (p - 0.88) / 0.12

    return {
        "uniform": (lambda size: rng.uniform(2, 6, size), lambda p: 2 + 4 * p),
        "lognormal": (
            lambda size: rng.lognormal(1.0, 0.5, size),
            lambda p: float(stats.lognorm.ppf(p, 0.5, scale=math.e)),
        ),
        "bimodal": (bimodal, bimodal_quantile),
    }


def _fooled(rng: Any) -> float:
    """The share of series, at most 60 trials long, that are proven at exactly the claimed share."""
    import numpy as np

    from chaoskit.stats.eprocess import EProcess

    process = EProcess()
    kept = np.cumsum(rng.random((SERIES, 60)) < process.share, axis=1)
    missed = np.arange(1, 61) - kept
    up = math.log(process.better / process.share)
    down = math.log((1 - process.better) / (1 - process.share))
    evidence = kept * up + missed * down
    return round(float((evidence >= math.log(1 / process.alpha)).any(axis=1).mean()), 4)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
