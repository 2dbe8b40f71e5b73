"""What the timeline says about a fault: ordered, in effect, gone; one mark an instance."""

from collections.abc import Iterator
from dataclasses import replace

from chaoskit.model.faults import Effect, Gone, Nature
from chaoskit.model.timeline import Mark, MarkKind
from chaoskit.run.undo_log import Entry


def effect_marks(entry: Entry, effect: Effect, *, of: int) -> Iterator[Mark]:
    """That one of `of` operations was ordered, and that it was proven in effect."""
    mark = _mark(entry, MarkKind.INJECTED, effect.requested_ns, entry.operation.mechanism)
    yield replace(mark, data={**mark.data, "of": of})
    mark = _mark(entry, MarkKind.IN_EFFECT, effect.in_effect_ns, effect.evidence)
    within_ns = effect.in_effect_ns - effect.requested_ns
    data = {**mark.data, "of": of}
    if effect.harm_due_ns is not None:
        data["harm_due_ns"] = effect.harm_due_ns
        data["harm_stated"] = effect.harm_stated
    yield replace(mark, data=data, resolution_ns=within_ns)


def gone_mark(entry: Entry, gone: Gone, *, lapsed: bool) -> Mark:
    """That an operation was proven gone; `lapsed` when its lease ran out under us."""
    mark = _mark(entry, MarkKind.LIFTED, gone.gone_ns, gone.evidence)
    return replace(mark, data={**mark.data, "lapsed": lapsed})


def _mark(entry: Entry, kind: MarkKind, at_ns: int, detail: str) -> Mark:
    return Mark(
        at_ns=at_ns,
        kind=kind,
        source=entry.fault_id,
        service=entry.operation.instance.service,
        instance=entry.operation.instance.name,
        detail=detail,
        data={
            "fault": entry.fault,
            "nature": (Nature.HELD if entry.held else Nature.STRUCK).value,
            "mechanism": entry.operation.mechanism,
            "operation": entry.number,
        },
    )
