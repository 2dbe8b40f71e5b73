"""A whole run in one sentence, the same in every format; the worst news wins."""

from collections import Counter
from dataclasses import dataclass

from chaoskit.errors import Exit
from chaoskit.model.journal import Journal
from chaoskit.model.proof import ProofState
from chaoskit.reporters.wording import Result, result_of


@dataclass(frozen=True, kw_only=True)
class Headline:
    """The run in one sentence, and the counts behind it."""

    result: Result
    sentence: str
    counts: tuple[tuple[Result, int], ...]  # only those that are not zero
    asides: tuple[str, ...] = ()  # what else the reader must know: interrupted, left behind


def headline(journal: Journal) -> Headline:
    """The run in one sentence."""
    counted = Counter(map(result_of, journal.experiments))
    result = _worst_news(journal, counted)
    of_arms = result in _TOLD_BY_PROOFS and any(one.arm for one in journal.experiments)
    return Headline(
        result=result,
        sentence=(_proofs if of_arms else _SENTENCES[result])(journal, counted),
        counts=tuple((one, counted[one]) for one in Result if counted[one]),
        asides=_asides(journal),
    )


def _worst_news(journal: Journal, counted: Counter[Result]) -> Result:
    unfinished = not journal.ended_wall or journal.interrupted_by or journal.trouble
    news = {
        Result.LEFT_BEHIND: bool(journal.left_behind or counted[Result.LEFT_BEHIND]),
        Result.ERROR: bool(journal.exit_code == Exit.HARNESS or counted[Result.ERROR]),
        Result.FAILED: bool(counted[Result.FAILED]),
        Result.INCONCLUSIVE: bool(
            counted[Result.INCONCLUSIVE] or unfinished or not journal.experiments
        ),
        Result.PASSED: bool(counted[Result.PASSED]),
    }
    return next((result for result, holds in news.items() if holds), Result.EXPECTED)


def _left_behind(_journal: Journal, _counted: Counter[Result]) -> str:
    return "Something may be left behind: remove it before anything else."


def _error(_journal: Journal, _counted: Counter[Result]) -> str:
    return "chaoskit itself failed: this run says nothing certain about the system."


def _failed(journal: Journal, counted: Counter[Result]) -> str:
    total = counted.total()
    verdicts = [
        one.judgement.verdict
        for one in journal.experiments
        if one.judgement and result_of(one) is Result.FAILED
    ]
    if all(verdict.good for verdict in verdicts):
        return "A weakness that was expected was not there: the system did better than stated."
    if total == 1:
        return "The system did not heal itself as its budgets ask."
    failed = counted[Result.FAILED]
    return f"The system did not heal itself as asked in {failed} of {total} experiments."


def _inconclusive(_journal: Journal, counted: Counter[Result]) -> str:
    total = counted.total()
    kept = counted[Result.PASSED] + counted[Result.EXPECTED]
    untold = counted[Result.INCONCLUSIVE]
    if not total:
        return "No experiment was begun: nothing was learnt."
    if not untold:
        return f"The run did not finish: {kept} of {total} experiments came out as they should."
    if total == 1:
        return "We cannot tell whether the system heals itself."
    rest = f"; the other {kept} came out as they should" if kept else ""
    return f"We cannot tell in {untold} of {total} experiments{rest}."


def _passed(_journal: Journal, counted: Counter[Result]) -> str:
    total = counted.total()
    healed, expected = counted[Result.PASSED], counted[Result.EXPECTED]
    if not expected:
        which = "the one experiment" if healed == 1 else f"all {healed} experiments"
        return f"The system healed itself in {which}, within every budget."
    weak = "the known weakness was" if expected == 1 else f"{expected} known weaknesses were"
    return (
        f"The system healed itself in {healed} of {total} experiments, within every budget; "
        f"{weak} confirmed."
    )


def _expected(_journal: Journal, counted: Counter[Result]) -> str:
    count = counted[Result.EXPECTED]
    weak = "The known weakness was" if count == 1 else f"All {count} known weaknesses were"
    return f"{weak} confirmed, as expected."


def _proofs(journal: Journal, _counted: Counter[Result]) -> str:
    """A run of control arms is about the experiments, not about the system."""
    notes = {one.arm.of: one.proof for one in journal.experiments if one.arm}
    proven = sum(note is not None and note.state is ProofState.PROVEN for note in notes.values())
    if proven < len(notes):
        return f"{proven} of {len(notes)} experiments are proven to fail when, and only when, they should."
    which = "The one experiment is" if proven == 1 else f"All {proven} experiments are"
    return f"{which} proven to fail when, and only when, they should."


_TOLD_BY_PROOFS = {Result.PASSED, Result.EXPECTED, Result.FAILED, Result.INCONCLUSIVE}
_SENTENCES = {
    Result.LEFT_BEHIND: _left_behind,
    Result.ERROR: _error,
    Result.FAILED: _failed,
    Result.INCONCLUSIVE: _inconclusive,
    Result.PASSED: _passed,
    Result.EXPECTED: _expected,
}


def _asides(journal: Journal) -> tuple[str, ...]:
    asides = [f"May be left behind: {one}" for one in journal.left_behind]
    if journal.interrupted_by:
        asides.append(f"Interrupted by {journal.interrupted_by}: what was seen until then is here.")
    elif not journal.ended_wall:
        asides.append("This run did not end: what it had written down until then is here.")
    if journal.trouble:
        asides.append(journal.trouble)
    return tuple(asides)
