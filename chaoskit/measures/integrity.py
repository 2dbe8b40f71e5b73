"""A trial's ledger, examined: which acknowledged writes are gone, and of how long.

Nothing is concluded from a ledger without a final read, with a torn line within, or into which the
target took next to nothing before the fault: where nothing was promised, nothing can be lost.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chaoskit.measures.checkers import Findings, check_queue, check_set
from chaoskit.model.ledger import Discipline, Fate, LedgerLog, Write
from chaoskit.model.marks import NS

if TYPE_CHECKING:
    from chaoskit.measures.series import Series

ACKED_SHARE = 0.9  # of the writes before the fault; fewer, and the ledger proves nothing

_CHECK = {Discipline.SET: check_set, Discipline.QUEUE: check_queue}


@dataclass(frozen=True, kw_only=True)
class Integrity:
    """What a ledger says. Without findings, `why_not` says why."""

    log: LedgerLog
    findings: Findings | None
    why_not: str = ""
    stale_values: int | None = None  # kept in the end, and missing from a read after their ack
    stalest_s: float | None = None  # the longest time from an ack to a read that missed it

    def of(self, fate: Fate) -> tuple[Write, ...]:
        """The writes with this fate."""
        return tuple(one for one in self.log.writes if one.fate is fate)

    @property
    def acked(self) -> tuple[Write, ...]:
        """What the target promised to keep."""
        return self.of(Fate.OK)

    @property
    def lost_span_s(self) -> float:
        """From the first to the last acknowledgement of a write that was lost."""
        lost = set(self.findings.lost if self.findings else ())
        acks = [one.done_ns for one in self.log.writes if one.value in lost and one.done_ns]
        return (max(acks) - min(acks)) / NS if acks else 0.0


def integrity_of(series: "Series") -> Integrity | None:
    """The trial's ledger, examined; None when it kept none."""
    log = series.timeline.ledger
    return None if log is None else examine(log, series.ordered_ns)


def examine(log: LedgerLog, ordered_ns: int | None) -> Integrity:
    """What a ledger says, given when the fault was ordered."""
    why_not = _why_not(log, ordered_ns)
    if why_not or log.final is None:
        return Integrity(log=log, findings=None, why_not=why_not)
    by_fate = {
        fate: [one.value for one in log.writes if one.fate is fate] for fate in (Fate.OK, Fate.INFO)
    }
    findings = _CHECK[log.discipline](
        [one.value for one in log.writes], by_fate[Fate.OK], by_fate[Fate.INFO], log.final.values
    )
    stale = _stale(log, set(log.final.values)) if log.reads else None
    return Integrity(
        log=log,
        findings=findings,
        stale_values=None if stale is None else len(stale),
        stalest_s=None if stale is None else max(stale.values(), default=0) / NS,
    )


def _why_not(log: LedgerLog, ordered_ns: int | None) -> str:
    if log.torn:
        return "the ledger's file is damaged"
    if log.final is None:
        return f"the ledger was not read back: {log.unread or 'the trial ended before'}"
    told = [
        one
        for one in log.writes
        if one.done_ns is not None and (ordered_ns is None or one.done_ns < ordered_ns)
    ]
    acked = sum(one.fate is Fate.OK for one in told)
    if not acked or acked < ACKED_SHARE * len(told):
        return f"only {acked} of {len(told)} writes before the fault were acknowledged"
    return ""


def _stale(log: LedgerLog, kept: set[int]) -> dict[int, int]:
    """Values that a read missed after their acknowledgement, with the longest time since it, in ns.

    Values that are gone in the end are lost, not stale.
    """
    acks = [
        (one.done_ns, one.value)
        for one in log.writes
        if one.fate is Fate.OK and one.done_ns is not None and one.value in kept
    ]
    worst: dict[int, int] = {}
    for read in log.reads:
        seen = set(read.values)
        for acked_ns, value in acks:
            if acked_ns < read.begun_ns and value not in seen:
                worst[value] = max(worst.get(value, 0), read.begun_ns - acked_ns)
    return worst
