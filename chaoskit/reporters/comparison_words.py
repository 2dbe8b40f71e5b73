"""A comparison of two builds in words and numbers, the same in every format."""

from dataclasses import dataclass

from chaoskit.model.comparison import Change, Comparison, Method, Pair, Row
from chaoskit.model.measures import Unit
from chaoskit.model.side import Side, SideExperiment, Taken
from chaoskit.reporters.figures import label_of
from chaoskit.reporters.wording import UNKNOWN, plural, value_text, verdict_words

SYMBOLS = {
    Change.SAME: "=",
    Change.SLOWER: "✗",
    Change.FASTER: "✓",
    Change.CANNOT_TELL: "?",
    Change.ONLY_A: "–",
    Change.ONLY_B: "+",
}
# The style sheet's names of tones: what is good, bad, or unsure.
TONES = {
    Change.SAME: "passed",
    Change.SLOWER: "failed",
    Change.FASTER: "passed",
    Change.CANNOT_TELL: "inconclusive",
    Change.ONLY_A: "inconclusive",
    Change.ONLY_B: "inconclusive",
}
METHODS = {
    Method.MANN_WHITNEY: "Mann-Whitney, exact",
    Method.LOG_RANK: "log-rank",
    Method.ANY: "one is too many",
    Method.NONE: "",
}
LEGEND = (
    "The shift is B minus A (Hodges-Lehmann), with its 95 % interval. Slower and faster take an "
    "interval beyond the gate and a p below 5 % among all tests of the suite (Holm); the same takes "
    "an interval within the gate; between them is what these trials cannot tell. Times are the worse "
    "ends of what was measured."
)


@dataclass(frozen=True, kw_only=True)
class RowWords:
    """A row of the table."""

    row: Row
    label: str
    symbol: str
    tone: str
    word: str
    baseline: str
    candidate: str
    baseline_trials: str
    candidate_trials: str
    shift: str
    interval: str
    gate: str
    p: str
    method: str


def headline(comparison: Comparison) -> tuple[Change, str]:
    """The comparison in one sentence, and the change that it is about."""
    both = [one for one in comparison.pairs if one.baseline and one.candidate]
    count = {change: comparison.count(change) for change in Change}
    if not both:
        return Change.CANNOT_TELL, "A and B have no experiment in common."
    total = plural(len(both), "experiment")
    better = f"; B is better in {count[Change.FASTER]}" if count[Change.FASTER] else ""
    untold = f"{count[Change.CANNOT_TELL]} of {total} cannot be told"
    sentences = {
        Change.SLOWER: f"B is worse than A in {count[Change.SLOWER]} of {total}{better}.",
        Change.CANNOT_TELL: f"No regression was found, but {untold}{better}.",
        Change.FASTER: f"B is better than A in {count[Change.FASTER]} of {total}.",
        Change.SAME: f"B heals as A does, in {total}.",
    }
    change = next(one for one in sentences if count[one] or one is Change.SAME)
    return change, sentences[change]


def side_words(side: Side) -> str:
    """Which run a side is."""
    where = f" on {side.host}" if side.host else ""
    return f"{side.run} ({side.at[:16].replace('T', ' ')}{where}, chaoskit {side.chaoskit})"


def verdicts_of(pair: Pair) -> str:
    """The verdicts of both sides: `healed`, or `healed → too slow`."""
    found = [_verdict(one) for one in (pair.baseline, pair.candidate) if one is not None]
    return " → ".join(dict.fromkeys(found))


def _verdict(experiment: SideExperiment) -> str:
    return verdict_words(experiment.verdict) if experiment.verdict else "not judged"


def remarks(pair: Pair) -> list[str]:
    """What must be known about an experiment; measures of which the same is true are told together."""
    notes: dict[str, list[str]] = {}
    for row in pair.rows:
        if row.note:
            notes.setdefault(row.note, []).append(label_of(row.measure))
    return [*pair.warnings, *(f"{', '.join(who)}: {note}" for note, who in notes.items())]


def words_of(row: Row) -> RowWords:
    """A row's numbers for people."""
    return RowWords(
        row=row,
        label=label_of(row.measure),
        symbol=SYMBOLS[row.change],
        tone=TONES[row.change],
        word=row.word,
        baseline=_median(row.baseline, row.baseline_median),
        candidate=_median(row.candidate, row.candidate_median),
        baseline_trials=_trials(row.baseline),
        candidate_trials=_trials(row.candidate),
        shift=UNKNOWN if row.shift is None else shift_text(row.shift, row.unit),
        interval=_interval(row),
        gate=UNKNOWN if row.gate is None else shift_text(row.gate, row.unit, signed=False),
        p=_p(row),
        method=METHODS[row.method],
    )


def shift_text(shift: float, unit: Unit, *, signed: bool = True) -> str:
    """A difference: `+600 ms`, `−1.2 points`, `+3`."""
    sign = ("−" if shift < 0 else "+" if shift > 0 else "") if signed else ""
    size = abs(shift)
    if unit is Unit.RATIO:
        return f"{sign}{100 * size:.3g} points"
    return f"{sign}{value_text(size, unit)}"


def _median(taken: Taken | None, middle: float | None) -> str:
    if taken is None or not len(taken):
        return UNKNOWN
    if middle is None:
        return f"> {value_text(min(taken.beyond), taken.unit)}"
    return value_text(middle, taken.unit)


def _trials(taken: Taken | None) -> str:
    if taken is None or not len(taken):
        return "no value"
    if taken.beyond:
        return f"{len(taken.seen)} of {plural(len(taken), 'trial')} ended"
    return plural(len(taken), "trial")


def _interval(row: Row) -> str:
    if row.method not in {Method.MANN_WHITNEY, Method.LOG_RANK}:
        return UNKNOWN
    low, high = (None if one is None else shift_text(one, row.unit) for one in (row.low, row.high))
    if low is None and high is None:
        return "no bound"
    if low is None or high is None:
        return f"{low} or more" if low else f"{high} or less"
    return low if low == high else f"{low} to {high}"


def _p(row: Row) -> str:
    """The p of the side that is in question, corrected; `0.02`, `< 0.001`."""
    values = [one for one in (row.adjusted_worse, row.adjusted_better) if one is not None]
    if not values:
        return UNKNOWN
    p = min(values)
    return "< 0.001" if p < 0.001 else f"{p:.2g}"
