"""docs/fault-times.md: how quickly each fault bites and is gone. A pure function of fault_library.json."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[1] / "docs" / "fault-times.md"

_HEAD = """\
# How quickly a fault bites, and is gone

Every fault of the [shelf](faults/README.md) that a running instance can be given, again and again. *Effect* is from the request to the fault's proven
effect, as its marks tell; an engine operation counts from the engine's own event, so it has none. *Injection* is the whole of it: survey, undo log on disk,
and the proof on real traffic, which takes most of the time. *Lift* ends with the proof that nothing is left. Milliseconds: the median, and p99 of
{p99_from} rounds or more, else the worst. A struck fault has no lift. *Refused* are rounds that measured something else than was promised, or whose instance was not
running yet after the round before.

This page is generated from [benchmarks/fault_library.json](../benchmarks/fault_library.json), which `python -m benchmarks.fault_library` writes: do not edit it.
Measured {day}, load {load} (worst {worst}) on two cores{others}: the proofs wait for their turn there, and take longer than on a quiet machine.

| fault | rounds | effect | injection | lift | refused |
|---|---|---|---|---|---|
"""


def render(store: Mapping[str, Any], p99_from: int) -> str:
    """The whole page."""
    load = store["load"]
    others = f", with {load['others_at_most']} other runs" if load["others_at_most"] else ""
    head = _HEAD.format(
        p99_from=p99_from,
        day=store["at"][:10],
        load=load["median"],
        worst=load["worst"],
        others=others,
    )
    return head + "".join(_row(*one) for one in sorted(store["faults"].items()))


def _row(name: str, found: Mapping[str, Any]) -> str:
    times = [_times(found.get(f"{part}_ms", {})) for part in ("effect", "injection", "lift")]
    refused = len(found.get("refused", ())) or "–"
    return f"| [{name}](faults/{name}.md) | {found['rounds']} | {' | '.join(times)} | {refused} |\n"


def _times(figures: Mapping[str, float]) -> str:
    if not figures:
        return "–"
    tail = f"{figures['p99']:g} (p99)" if "p99" in figures else f"{figures['worst']:g}"
    return f"{figures['median']:g}, {tail}"
