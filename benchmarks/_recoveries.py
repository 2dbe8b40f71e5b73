"""Figures of many trials: recovery with its bound, and the healer beside its floor."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

QUANTILE, CONFIDENCE = 0.9, 0.9


def recovery_of(
    made: Sequence[Mapping[str, Any]], measure: str, bound_s: float | None
) -> dict[str, Any]:
    """Of the trials that count: median of the middles, and a bound on p90 of the worse ends."""
    from chaoskit.stats.quantile import rank  # numpy only when it is needed

    spans, censored, void = [], 0, 0
    for trial in made:
        found = {m["measure"]: m for m in (trial["judgement"] or {}).get("measures", ())}
        span = found.get(measure)
        if trial["judgement"] is None or _is_void(trial["judgement"]["verdict"]):
            void += 1
        elif span is None or span["low"] is None:
            spans.append((0.0, 0.0))  # nobody saw anything: nothing to recover from
        elif span["censored"] or span["after_lift"] or span["high"] is None:
            censored += 1
        else:
            spans.append((span["low"], span["high"]))
    trials = len(spans) + censored
    highs = sorted(high for _, high in spans) + [None] * censored
    at = rank(trials, QUANTILE, CONFIDENCE)
    middles = sorted((low + high) / 2 for low, high in spans)
    return {
        "trials": trials,
        "void": void,
        "not_recovered": censored,
        "median_s": round(median(middles), 3) if middles and censored * 2 < trials else None,
        "p90_s": _round(highs[-(-trials * 9 // 10) - 1]) if trials else None,
        "p90_bound_s": _round(highs[at - 1]) if at else None,
        "p90_bound_confidence": CONFIDENCE if at else None,
        "within_budget": None if bound_s is None else sum(high <= bound_s for _, high in spans),
        "least_s": _round(middles[0]) if middles else None,
        "most_s": _round(highs[-1]) if highs else None,
    }


def floor_of(records: Sequence[Mapping[str, Any]], healer: str) -> dict[str, Any] | None:
    """What the settings of the healer in question allow until it has acted, and how it compares."""
    of = [[one for one in r["judgement"]["floors"] if one["healer"] == healer] for r in records]
    if not of[0]:
        return None
    last = [floors[-1] for floors in of]  # the action, where the kind says more than the detection
    key = {"action": "acted_s", "detection": "detected_s"}[last[0]["step"]]
    acts = [
        act for r in records for t in r["trials"] for act in (t["judgement"] or {}).get("acts", ())
    ]
    seen = [act[key] for act in acts if act["healer"] == healer and act[key] is not None]
    measured_s = median(seen) if seen else None
    return {
        "healer": healer,
        **{key: _round(last[0][key]) for key in ("step", "best_s", "mean_s", "worst_s")},
        "trials": sum(one["trials"] for one in last),
        "inside": sum(one["inside"] for one in last),
        "measured_s": _round(measured_s),
        "efficiency": _round(last[0]["mean_s"] / measured_s) if measured_s else None,
    }


def _is_void(verdict: str) -> bool:
    from chaoskit.model.verdict import Verdict

    return not Verdict(verdict).conclusive


def _round(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


def trials_of(runs: Sequence[tuple[dict[str, Any], int]]) -> list[dict[str, Any]]:
    return [trial for record, _ in runs for trial in record["trials"]]


def tells(trial: Mapping[str, Any]) -> bool:
    return not _is_void(trial["judgement"]["verdict"])
