"""One measure of one experiment in both sides: which test fits, and what it finds.

All tests are made in seconds of badness: a share of good asks becomes the seconds of the watch that
were not good, so that one gate says what matters.
"""

from dataclasses import replace
from statistics import median

from chaoskit.model.comparison import Change, Method, Row
from chaoskit.model.measures import Sense, Unit
from chaoskit.model.side import SideExperiment, Taken
from chaoskit.stats.censored import Times, median_s
from chaoskit.stats.compare import LEAST_PER_ARM, compare
from chaoskit.stats.compare_censored import compare_censored

MEASURES = ("recovery", "detection", "redundancy", "outage", "availability", "lost_writes")

# One is too many: it is a fact, not noise around a mean.
_ANY = ("lost_writes",)


def draft_row(name: str, before: SideExperiment, after: SideExperiment) -> tuple[Row, float] | None:
    """The row before it is decided, and the least p its test could give; None: never measured."""
    first, second = before.measures.get(name), after.measures.get(name)
    either = first or second
    if either is None:
        return None
    row = Row(
        measure=name,
        unit=either.unit,
        sense=either.sense,
        change=Change.CANNOT_TELL,
        baseline=first,
        candidate=second,
        baseline_median=_median(first),
        candidate_median=_median(second),
    )
    if name in _ANY and first is not None and second is not None:
        lost = sum(second.seen)
        if lost > 0 and not sum(first.seen):
            note = f"{lost:g} in B, none in A: one is too many"
            return replace(row, change=Change.SLOWER, method=Method.ANY, note=note), 0.0
    counts = len(first or ()), len(second or ())
    if first is None or second is None or min(counts) < LEAST_PER_ARM:
        return replace(row, note=_too_few(counts, (before.trials, after.trials))), 1.0
    scale = min(before.watch_s, after.watch_s) if row.unit is Unit.RATIO else 1.0
    return _tested(row, first, second, scale)


def _too_few(counts: tuple[int, int], trials: tuple[int, int]) -> str:
    known = " with a value" if counts != trials else ""
    return (
        f"too few trials to tell: {counts[0]} in A and {counts[1]} in B{known}, "
        f"{LEAST_PER_ARM} each are needed"
    )


def _median(taken: Taken | None) -> float | None:
    """The median; None when less than half was seen to end."""
    if taken is None:
        return None
    if not taken.beyond:
        return median(taken.seen)
    return median_s(Times(seen=taken.seen, beyond=taken.beyond))


def _tested(row: Row, first: Taken, second: Taken, scale: float) -> tuple[Row, float]:
    period_s = max(first.period, second.period) * scale
    x, y = _badness_s(first, scale), _badness_s(second, scale)
    if x.beyond or y.beyond:
        censored = compare_censored(x, y, period_s=period_s)
        assert censored is not None, "there are enough trials"
        found = replace(row, method=Method.LOG_RANK, gate=censored.gate_s / scale)
        found = replace(found, p_worse=censored.p_slower, p_better=censored.p_faster)
        least = 1.0 if not x.seen and not y.seen else 0.0
        shift = (censored.shift_s, censored.low_s, censored.high_s)
    else:
        plain = compare(x.seen, y.seen, period_s=period_s)
        assert plain is not None, "there are enough trials"
        found = replace(row, method=Method.MANN_WHITNEY, gate=plain.gate_s / scale)
        found = replace(found, p_worse=plain.p_slower, p_better=plain.p_faster)
        least = plain.least_p
        shift = (plain.shift_s, plain.low_s, plain.high_s)
    middle, low, high = (None if one is None else one / scale for one in shift)
    if row.sense is Sense.AT_LEAST:
        middle, low, high = _negated(middle), _negated(high), _negated(low)
    return replace(found, shift=middle, low=low, high=high), least


def _negated(value: float | None) -> float | None:
    return None if value is None else 0.0 - value


def _badness_s(taken: Taken, scale: float) -> Times:
    if taken.sense is Sense.AT_LEAST:
        return Times(seen=[(1 - one) * scale for one in taken.seen])
    return Times(seen=taken.seen, beyond=taken.beyond)
