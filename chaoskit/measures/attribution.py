"""Who noticed and who acted: each healer's part in a trial, from its witnesses' marks."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from chaoskit.model.journal import Act
from chaoskit.model.marks import Mark, MarkKind

if TYPE_CHECKING:
    from chaoskit.measures.series import Series


def acts_of(series: "Series", healers: Iterable[str]) -> tuple[Act, ...]:
    """What each declared healer did, in seconds from the effect; None for what was not seen.

    Healers that are not declared but left marks come after the declared ones.
    """
    marks = series.marks_of(MarkKind.DETECTED, MarkKind.ACTED, MarkKind.RESTORED)
    names = list(dict.fromkeys([*healers, *(mark.source for mark in marks if mark.source)]))
    return tuple(_act(series, name, marks) for name in names)


def wrong_healer(acts: Iterable[Act], healed_by: Iterable[str], *, something_happened: bool) -> str:
    """Why the healing was not the named healers' work; empty when it was, or none was named.

    A named healer must have been seen to notice or to act. When something happened (users were
    hit, or a healer noticed), and another healer acted, noticing is not enough: one of the named
    must have acted.
    """
    named = tuple(healed_by)
    if not named:
        return ""
    acts = tuple(acts)
    seen = [one.healer for one in acts if one.detected_s is not None or one.acted_s is not None]
    acted = [one.healer for one in acts if one.acted_s is not None]
    others = [name for name in acted if name not in named]
    wanted = " or ".join(named)
    if not any(name in named for name in seen):
        by = f"; {', '.join(others)} acted" if others else ""
        return f"{wanted} was not seen to notice or to act{by}"
    if something_happened and others and not any(name in named for name in acted):
        return f"{', '.join(others)} acted, and {wanted} only noticed"
    return ""


def noticed(series: "Series", picked: Iterable[str]) -> str:
    """Who noticed that a fault happened: a healer, a count of instances, the engine; or nobody."""
    if healers := series.marks_of(MarkKind.DETECTED, MarkKind.ACTED, MarkKind.RESTORED):
        return healers[0].source or "a healer"
    for mark in series.marks_of(MarkKind.REDUNDANCY):
        if not mark.data.get("silent") and mark.data.get("have", 0) < mark.data.get("want", 0):
            return f"the count of {mark.service or 'instances'}"
    picked = set(picked)
    for mark in series.marks_of(MarkKind.ENGINE):
        if (not picked or mark.instance in picked) and not mark.detail.endswith(" healthy"):
            return f"the engine ({mark.detail})"
    return ""


def _act(series: "Series", name: str, marks: tuple[Mark, ...]) -> Act:
    def first(kind: MarkKind) -> Mark | None:
        mine = (mark for mark in marks if mark.source == name and mark.kind is kind)
        return min(mine, key=lambda mark: mark.at_ns, default=None)

    def high_s(mark: Mark | None) -> float | None:
        return None if mark is None else series.since_effect_s(mark.at_ns)

    def low_s(mark: Mark | None) -> float | None:
        return None if mark is None else series.since_effect_s(mark.at_ns - mark.resolution_ns)

    detected, acted = first(MarkKind.DETECTED), first(MarkKind.ACTED)
    return Act(
        healer=name,
        detected_s=high_s(detected),
        acted_s=high_s(acted),
        restored_s=high_s(first(MarkKind.RESTORED)),
        detected_low_s=low_s(detected),
        acted_low_s=low_s(acted),
    )
