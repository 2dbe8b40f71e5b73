"""A comparison for programs."""

import json
from dataclasses import asdict
from typing import Any

from chaoskit.model.comparison import Comparison, Pair, Row
from chaoskit.model.side import Side, SideExperiment

SCHEMA = "chaoskit/comparison/v1"


def render(comparison: Comparison) -> str:
    """The comparison as JSON; `null` means that no bound is known, or nothing was measured."""
    return json.dumps(document(comparison), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def document(comparison: Comparison) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "schema": SCHEMA,
        "regression": comparison.regression,
        "tests": comparison.tests,
        "warnings": list(comparison.warnings),
        "baseline": _side(comparison.baseline),
        "candidate": _side(comparison.candidate),
        "experiments": [_pair(one) for one in comparison.pairs],
    }


def _side(side: Side) -> dict[str, Any]:
    return {name: getattr(side, name) for name in ("run", "at", "chaoskit", "host", "complete")}


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "name": pair.name,
        "title": pair.title,
        "verdict": pair.change.value,
        "warnings": list(pair.warnings),
        "baseline": _experiment(pair.baseline),
        "candidate": _experiment(pair.candidate),
        "measures": [_row(one) for one in pair.rows],
    }


def _experiment(one: SideExperiment | None) -> dict[str, Any] | None:
    if one is None:
        return None
    verdict = one.verdict.value if one.verdict else None
    return {"verdict": verdict, "hash": one.hash, "trials": one.trials, "void": one.void}


def _row(row: Row) -> dict[str, Any]:
    plain = asdict(row)
    plain["verdict"] = plain.pop("change")
    return plain
