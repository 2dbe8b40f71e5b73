"""The whole suite: every measure of every experiment, corrected for how many there are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from chaoskit.comparison.measure import MEASURES, draft_row
from chaoskit.model.comparison import Change, Comparison, Pair, Row
from chaoskit.model.measures import Sense
from chaoskit.model.side import Side, SideExperiment
from chaoskit.stats.multiplicity import holm

ALPHA = 0.05
PRIMARY = "recovery"
_WORST_FIRST = (Change.SLOWER, Change.FASTER, Change.CANNOT_TELL, Change.SAME)


def compare(baseline: Side, candidate: Side) -> Comparison:
    """The candidate beside the baseline. Pure: the same sides, the same words."""
    names = sorted({*baseline.experiments, *candidate.experiments})
    drafts = {name: _drafts(baseline, candidate, name) for name in names}
    corrected = _corrected(drafts)
    tests = sum(row.p_worse is not None for rows in corrected.values() for row in rows)
    decided = {name: tuple(_decided(row, tests) for row in corrected[name]) for name in names}
    pairs = tuple(_pair(name, baseline, candidate, decided[name]) for name in names)
    return Comparison(
        baseline=baseline,
        candidate=candidate,
        pairs=pairs,
        tests=tests,
        warnings=tuple(_warnings(baseline, candidate)),
    )


Drafts = Mapping[str, Sequence[tuple[Row, float]]]


def _drafts(baseline: Side, candidate: Side, name: str) -> list[tuple[Row, float]]:
    """Each measure's row before anything is decided, and the least p that its test could give."""
    before, after = baseline.experiments.get(name), candidate.experiments.get(name)
    if before is None or after is None:
        return []
    return [draft for measure in MEASURES if (draft := draft_row(measure, before, after))]


def _corrected(drafts: Drafts) -> Mapping[str, tuple[Row, ...]]:
    """The rows with p-values that hold for the whole suite together, each direction for itself.

    Half of the 5 % is kept for recovery, which is what a suite is run for, and Holm shares it out
    among the experiments; the other half is for everything else. In one family of all measures, most
    of which say the same in other words, five trials could not show a regression of any size.
    """
    flat = [(name, row, least) for name, rows in drafts.items() for row, least in rows]
    tested = [one for one in flat if one[1].p_worse is not None]
    families = [
        [one for one in tested if one[1].measure == PRIMARY],
        [one for one in tested if one[1].measure != PRIMARY],
    ]
    shares = sum(any(least < 1 for _, _, least in family) for family in families) or 1
    adjusted: dict[tuple[str, str], tuple[float, float]] = {}
    for family in families:
        floors = [least for _, _, least in family]
        worse = holm([row.p_worse or 0.0 for _, row, _ in family], floors)
        better = holm([row.p_better or 0.0 for _, row, _ in family], floors)
        for (name, row, _), down, up in zip(family, worse, better, strict=True):
            adjusted[name, row.measure] = min(1.0, shares * down), min(1.0, shares * up)
    return {
        name: tuple(_with_p(row, adjusted.get((name, row.measure))) for row, _ in rows)
        for name, rows in drafts.items()
    }


def _with_p(row: Row, adjusted: tuple[float, float] | None) -> Row:
    if adjusted is None:
        return row
    return replace(row, adjusted_worse=adjusted[0], adjusted_better=adjusted[1])


def _decided(row: Row, tests: int) -> Row:
    """What can be said, once the whole suite is known."""
    if row.adjusted_worse is None or row.adjusted_better is None or row.gate is None:
        return row
    change, note = _finding(row, (row.adjusted_worse, row.adjusted_better), row.gate, tests)
    return replace(row, change=change, note="; ".join(filter(None, (row.note, note))))


def _finding(
    row: Row, adjusted: tuple[float, float], gate: float, tests: int
) -> tuple[Change, str]:
    low, high = _badness(row)
    worse = low is not None and low > gate
    better = high is not None and high < -gate
    if worse or better:
        change, p = (Change.SLOWER, adjusted[0]) if worse else (Change.FASTER, adjusted[1])
        if p <= ALPHA:
            return change, ""
        among = f"among {tests} tests" if tests > 1 else "in so few trials"
        return Change.CANNOT_TELL, f"a large shift, but p is {p:.2g} {among}: repeat it with more"
    inside = low is not None and high is not None and -gate <= low and high <= gate
    doubt = _unended_more(row)
    if (inside or _alike(row)) and not doubt:
        return Change.SAME, ""
    wide = "the interval reaches beyond what matters: more trials would tell"
    return Change.CANNOT_TELL, doubt or wide


def _badness(row: Row) -> tuple[float | None, float | None]:
    """The interval with "more is worse"."""
    if row.sense is Sense.AT_MOST:
        return row.low, row.high
    return (None if row.high is None else -row.high), (None if row.low is None else -row.low)


def _unended_more(row: Row) -> str:
    """That more of B was not seen to end; a shift of the middle does not show it. "" when not so."""
    before, after = row.baseline, row.candidate
    if before is None or after is None:
        return ""
    if len(after.beyond) * len(before) <= len(before.beyond) * len(after):
        return ""
    counts = f"{len(after.beyond)} of {len(after)} in B, {len(before.beyond)} of {len(before)} in A"
    return (
        f"{counts} were not seen to end: too few to call it a trend, too many to call it the same"
    )


def _alike(row: Row) -> bool:
    """Whether nothing was seen to end on either side: a known weakness that is still there."""
    both = [one for one in (row.baseline, row.candidate) if one is not None]
    return len(both) == 2 and not any(one.seen for one in both)


def _pair(name: str, baseline: Side, candidate: Side, rows: tuple[Row, ...]) -> Pair:
    before, after = baseline.experiments.get(name), candidate.experiments.get(name)
    if before is None or after is None:
        change = Change.ONLY_B if before is None else Change.ONLY_A
        return Pair(name=name, change=change, baseline=before, candidate=after)
    found = {row.change for row in rows}
    change = next((one for one in _WORST_FIRST if one in found), Change.CANNOT_TELL)
    return Pair(
        name=name,
        change=change,
        baseline=before,
        candidate=after,
        rows=rows,
        warnings=tuple(_pair_warnings(before, after, rows)),
    )


def _pair_warnings(
    before: SideExperiment, after: SideExperiment, rows: Sequence[Row]
) -> Iterator[str]:
    if before.hash != after.hash:
        yield "the experiment's file is not the same in A and B: so may be what was measured"
    if not rows:
        yield f"nothing to compare: {before.trials} valid trials in A, {after.trials} in B"
    for side, one in (("A", before), ("B", after)):
        if one.void:
            yield f"{one.void} trials of {side} told nothing and are left out"


def _warnings(baseline: Side, candidate: Side) -> Iterator[str]:
    if baseline.run == candidate.run and baseline.experiments == candidate.experiments:
        yield "A and B are the same run"
    differs: tuple[tuple[str, Callable[[Side], str]], ...] = (
        ("kind of machine", lambda one: one.machine),
        ("version of chaoskit", lambda one: one.chaoskit),
    )
    for what, of in differs:
        if of(baseline) != of(candidate):
            first, second = of(baseline) or "unknown", of(candidate) or "unknown"
            yield f"A and B come from another {what} each: {first} and {second}"
    for side, one in (("A", baseline), ("B", candidate)):
        if not one.complete:
            yield f"the run of {side} did not come to its end"
