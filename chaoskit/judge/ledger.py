"""What a trial's ledger showed, as the journal keeps it."""

from dataclasses import replace

from chaoskit.measures.integrity import integrity_of
from chaoskit.measures.series import Series
from chaoskit.model.journal import LedgerFacts
from chaoskit.model.ledger import Fate

_EXAMPLES = 20


def ledger_facts(series: Series) -> LedgerFacts | None:
    """The numbers of a trial's ledger; None when it kept none."""
    integrity = integrity_of(series)
    if integrity is None:
        return None
    log, found = integrity.log, integrity.findings
    facts = LedgerFacts(
        kind=log.kind,
        attempted=len(log.writes),
        acked=len(integrity.acked),
        refused=len(integrity.of(Fate.FAIL)),
        indeterminate=len(integrity.of(Fate.INFO)),
        skipped=log.skipped,
        note=integrity.why_not,
    )
    if found is None:
        return facts
    return replace(
        facts,
        lost=len(found.lost),
        recovered=len(found.recovered),
        duplicated=len(found.duplicated),
        unexpected=len(found.unexpected),
        lost_span_s=integrity.lost_span_s,
        stale_reads=integrity.stale_values,
        stalest_s=integrity.stalest_s,
        lost_first=found.lost[:_EXAMPLES],
    )
