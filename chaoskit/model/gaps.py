"""Times in which our own way to the target was broken: what was asked then says nothing.

A port-forward is ours, not the target's. When it breaks, asks fail although users were served; when
it recovers half-way, an ask may succeed that says nothing about them. So whatever was under way in a
gap is UNKNOWN, in the supervisor's live view and in every later judgement alike. The samples on disk
stay as they were taken.
"""

from collections.abc import Iterable

import numpy as np

from chaoskit.model.marks import Mark, MarkKind
from chaoskit.model.outcomes import Outcome, Reason
from chaoskit.model.timeline import Samples

Interval = tuple[int, int]  # from, to; nanoseconds


def gaps_in(marks: Iterable[Mark]) -> tuple[Interval, ...]:
    """The gaps that marks tell of, in order; those that touch are one.

    Not those of a way by which no sample came: data {"samples": false}.
    """
    found: list[Interval] = []
    told = [
        (one.at_ns - one.resolution_ns, one.at_ns)
        for one in marks
        if one.kind is MarkKind.GAP and one.data.get("samples", True)
    ]
    for begin, end in sorted(told):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return tuple(found)


def without_gaps(samples: Samples, marks: Iterable[Mark]) -> Samples:
    """The samples, those UNKNOWN that were under way in a gap; the very array when none were."""
    gaps = gaps_in(marks)
    if not gaps or not len(samples):
        return samples
    begins, ends = (np.array(one, dtype=np.int64) for one in zip(*gaps, strict=True))
    first = np.searchsorted(ends, samples["sent"])  # the first gap that had not ended before it
    last = len(gaps) - 1
    hit = (first <= last) & (begins[np.minimum(first, last)] <= samples["done"])
    hit &= (samples["sent"] > 0) & (samples["outcome"] != Outcome.UNKNOWN)
    if not bool(hit.any()):
        return samples
    seen = samples.copy()
    seen["outcome"][hit] = Outcome.UNKNOWN
    seen["reason"][hit] = Reason.GAP
    return seen
