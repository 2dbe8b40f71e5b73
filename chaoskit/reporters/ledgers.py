"""What became of the writes, in one line and in a small table."""

from chaoskit.model.journal import ExperimentRecord, LedgerFacts
from chaoskit.model.quantities import format_duration
from chaoskit.reporters.wording import UNKNOWN, plural

LEDGER_HEADS = (
    "Trial",
    "Acknowledged",
    "Lost",
    "Seconds of writes lost",
    "Recovered",
    "Duplicated",
    "Unexpected",
    "Refused",
    "No answer",
    "Stale reads",
)


def ledger_words(record: ExperimentRecord) -> str:
    """One line about all trials; empty when no ledger was kept."""
    kept = _kept(record)
    if not kept:
        return "kept, and nothing of it is on record" if record.ledger else ""
    told = [facts for _, facts in kept if facts.lost is not None]
    parts = []
    if told:
        lost, acked = sum(one.lost or 0 for one in told), sum(one.acked for one in told)
        parts.append(f"{lost:,} of {plural(acked, 'acknowledged write')} lost")
        longest_s = max(one.lost_span_s or 0.0 for one in told)
        if lost:
            parts.append(f"at most {format_duration(longest_s)} of writes at a time")
        for count, what in (
            (sum(one.duplicated or 0 for one in told), "duplicated"),
            (sum(one.unexpected or 0 for one in told), "unexpected"),
            (sum(one.stale_reads or 0 for one in told), "stale"),
        ):
            if count:
                parts.append(f"{count:,} {what}")
    if len(told) < len(kept):
        why = next(facts.note for _, facts in kept if facts.lost is None)
        parts.append(f"nothing can be said of {plural(len(kept) - len(told), 'trial')}: {why}")
    return ", ".join(parts)


def ledger_rows(record: ExperimentRecord) -> tuple[tuple[str, ...], ...]:
    """A row for each trial with a ledger, under LEDGER_HEADS."""
    return tuple(
        (
            str(index),
            f"{facts.acked:,} of {facts.attempted:,}",
            _count(facts.lost),
            UNKNOWN if facts.lost_span_s is None else format_duration(facts.lost_span_s),
            _count(facts.recovered),
            _count(facts.duplicated),
            _count(facts.unexpected),
            _count(facts.refused),
            _count(facts.indeterminate),
            _count(facts.stale_reads),
        )
        for index, facts in _kept(record)
    )


def _kept(record: ExperimentRecord) -> list[tuple[int, LedgerFacts]]:
    return [
        (one.index, one.judgement.ledger)
        for one in record.trials
        if one.judgement is not None and one.judgement.ledger is not None
    ]


def _count(count: int | None) -> str:
    return UNKNOWN if count is None else f"{count:,}"
