"""Every fault of the shelf, again and again: request to effect, the whole injection, the lift.

"Request" and "effect" are the marks of the fault; the injection also has its survey, the undo log
on disk and the proof on real traffic, which takes most of its time; the lift ends with the proof
that nothing is left. Each fault is done as often as its share of the time allows, so the quick ones
have a p99 and the slow ones say in how many rounds they were seen. A struck fault has no lift, and
gets a new instance every time. Faults that a target must be started for are not here.

    python -m benchmarks.fault_library [SECONDS_A_FAULT]     # and writes docs/fault-times.md
    python -m benchmarks.fault_library --page                # writes it anew, measures nothing
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import _fault_times_page as page
from benchmarks._machine_load import watched
from chaoskit.errors import FaultRefused
from chaoskit.faults.base import HeldFault, catalogue
from chaoskit.model.marks import MarkKind
from chaoskit.testing.arena import Arena, opened
from chaoskit.testing.field import (
    NEEDS_ITS_OWN_START,
    Field,
    arguments_for,
    held_faults,
    service_of,
)

TITLE = "Fault library: request to effect, injection with proof, and lift, for every fault"
STORE = Path(__file__).with_suffix(".json")
SECONDS = 30.0  # for each fault
FEWEST, MOST = 5, 200
P99_FROM = 100  # rounds; of fewer, the worst says as much


@dataclass
class Times:
    """Milliseconds of one fault's rounds."""

    effect: list[float] = field(default_factory=list)
    injection: list[float] = field(default_factory=list)
    lift: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def rounds(self) -> int:
        """How often it was tried."""
        return len(self.injection) + len(self.refused)

    def figures(self) -> dict[str, Any]:
        """For people and for JSON."""
        found: dict[str, Any] = {
            "rounds": len(self.injection),
            "effect_ms": _figures(self.effect),
            "injection_ms": _figures(self.injection),
        }
        if self.lift:
            found["lift_ms"] = _figures(self.lift)
        if self.refused:
            found["refused"] = self.refused
        return found


def measure(seconds: float = SECONDS) -> dict[str, Any]:
    """Median and p99 or worst of each fault, in milliseconds; what was refused, and why."""
    found = {}
    with TemporaryDirectory() as folder, opened(Path(folder)) as arena:
        held = Field(arena)
        for name, arguments in held.orders():
            found[name] = _rounds(seconds, arena, name, arguments, lambda _service: None)
        for name in _struck():
            arguments = arguments_for(catalogue()[name])
            found[name] = _rounds(seconds, arena, name, arguments, lambda one: _anew(arena, one))
    return found


def _struck() -> list[str]:
    held = set(held_faults())
    return [
        name
        for name, kind in catalogue().items()
        if not (name in held or name in NEEDS_ITS_OWN_START or kind.in_cluster)
        and not issubclass(kind, HeldFault)
    ]


def _anew(arena: Arena, service: str) -> None:
    for one in arena.project.containers(service):
        one.remove(force=True)
    arena.add(service, restart="always")


def _rounds(
    seconds: float,
    arena: Arena,
    name: str,
    arguments: dict[str, Any],
    prepare: Callable[[str], None],
) -> dict[str, Any]:
    times, end_s = Times(), time.monotonic() + seconds
    while times.rounds < FEWEST or (times.rounds < MOST and time.monotonic() < end_s):
        prepare(service_of(name))
        _once(arena, name, arguments, times)
    figures = times.figures()
    print(f"  {name}: {figures}", flush=True)
    return figures


def _once(arena: Arena, name: str, arguments: dict[str, Any], times: Times) -> None:
    arena.marks.clear()
    begun_ns = time.monotonic_ns()
    try:
        done = arena.inject(name, **arguments)
    except FaultRefused as error:
        times.refused.append(str(error)[:160])
        return
    times.injection.append((time.monotonic_ns() - begun_ns) / 1e6)
    ordered = min(one.at_ns for one in arena.marks if one.kind is MarkKind.INJECTED)
    times.effect.append((done.in_effect_ns - ordered) / 1e6)
    if done.fault_id not in arena.injector.held:
        return
    begun_ns = time.monotonic_ns()
    arena.injector.lift(done.fault_id)
    times.lift.append((time.monotonic_ns() - begun_ns) / 1e6)


def _figures(values_ms: list[float]) -> dict[str, float]:
    if not values_ms:
        return {}
    figures = {"median": round(statistics.median(values_ms), 1)}
    if len(values_ms) >= P99_FROM:
        return {**figures, "p99": round(statistics.quantiles(values_ms, n=100)[98], 1)}
    return {**figures, "worst": round(max(values_ms), 1)}


def main(words: list[str]) -> None:
    """Measure and write, or write alone."""
    if words[:1] != ["--page"]:
        with watched() as load:
            found = measure(float(words[0]) if words else SECONDS)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        store = {"at": at, "load": load.summary(), "faults": found}
        STORE.write_text(json.dumps(store, indent=1) + "\n", encoding="utf-8")
    store = json.loads(STORE.read_text(encoding="utf-8"))
    page.FILE.write_text(page.render(store, P99_FROM), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
