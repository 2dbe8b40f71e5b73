"""Everything about a run, as it is stored in journal.json."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chaoskit.model.experiment import Budget, Claim, Slo
from chaoskit.model.measures import Measured
from chaoskit.model.proof import Arm, ProofNote
from chaoskit.model.verdict import Verdict

SCHEMA = "chaoskit/journal/v1"


@dataclass(frozen=True, kw_only=True)
class BudgetCheck:
    """One budget held against one measure of one trial."""

    budget: Budget
    measured: Measured
    kept: bool | None  # None: could not be told


@dataclass(frozen=True, kw_only=True)
class Act:
    """A healer's part in a trial, from its witnesses. Times are seconds from the effect."""

    healer: str
    detected_s: float | None = None
    acted_s: float | None = None
    restored_s: float | None = None
    detected_low_s: float | None = None  # it happened no earlier: the witness's resolution
    acted_low_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class LedgerFacts:
    """What became of a trial's writes. What is None is not known; `note` says why."""

    kind: str
    attempted: int
    acked: int
    refused: int  # never sent, or refused
    indeterminate: int  # without an answer
    skipped: int = 0  # due while too many were under way, and not written
    lost: int | None = None  # acknowledged, and not there in the end
    recovered: int | None = None  # indeterminate, and there
    duplicated: int | None = None  # copies too many
    unexpected: int | None = None  # there, and refused or never written
    lost_span_s: float | None = None  # from the first to the last acknowledgement of a lost one
    stale_reads: int | None = None  # None too when nothing was read while writing
    stalest_s: float | None = None
    lost_first: tuple[int, ...] = ()  # the first of the lost, as ledger.jsonl numbers them
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class TrialJudgement:
    """What the evidence of one trial says."""

    verdict: Verdict
    reason: str
    measures: tuple[Measured, ...] = ()
    checks: tuple[BudgetCheck, ...] = ()
    acts: tuple[Act, ...] = ()
    ledger: LedgerFacts | None = None  # None: nothing was written

    def measured(self, name: str) -> Measured | None:
        """The measure of that name, when it was taken."""
        return next((one for one in self.measures if one.measure == name), None)


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """One trial: the facts that the supervisor wrote down, and the judgement over them."""

    index: int  # 1-based
    folder: str  # relative to the run's folder
    phase_offset_s: float  # extra wait before the fault, from the seed
    rearm_s: float | None = None  # what it took to make the trial independent of the last one
    probes: tuple[str, ...] = ()
    started_ns: int = 0
    send_lag_p99_s: float | None = None
    clock_error_s: float = 0.0  # between samples and marks; 0: one clock, as on this machine
    picked: tuple[str, ...] = ()  # instances the fault was done to
    mechanisms: tuple[str, ...] = ()  # how it was done
    chaostoolkit: Mapping[str, Any] = field(default_factory=dict)  # status, deviated, failures
    trouble: str = ""  # what went wrong with us, if anything
    trouble_verdict: Verdict | None = None
    judgement: TrialJudgement | None = None


@dataclass(frozen=True, kw_only=True)
class HealerRecord:
    """A healer that the target declares."""

    name: str
    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    service: str = ""  # whose log bears witness: where it lives; "" when nobody said
    can_be_off: bool = True  # so that its absence can be tried


@dataclass(frozen=True, kw_only=True)
class FaultRecord:
    """A fault that the method asks for."""

    fault: str  # its name on the shelf
    service: str
    family: str = ""  # what kind of harm it is: process, network, ...; "" in older journals


@dataclass(frozen=True, kw_only=True)
class FloorRecord:
    """What a healer's settings allow, beside what was measured. Seconds from the effect."""

    healer: str
    step: str  # detection, action
    best_s: float
    mean_s: float
    worst_s: float
    why: str  # the formula in words
    trials: int = 0  # in which it was seen
    inside: int = 0  # of those: between best and worst, to the resolution
    measured_s: float | None = None  # the median
    efficiency: float | None = None  # mean / measured: 1 is as quick as its settings allow


@dataclass(frozen=True, kw_only=True)
class ErrorBudget:
    """What one such fault costs of the promise to users. Seconds are weighted by severity."""

    objective: float
    window_s: float
    trials: int  # that it was measured in
    spent_s: float  # the mean over the trials; the least when `more`
    worst_s: float  # the worse end of the worst trial
    more: bool = False  # an outage was not seen to end: it spends more than that
    share: float  # of the window's budget; 1 is all of it
    affordable: int | None = None  # such faults a window pays for; None: any number
    paging: int = 0  # trials in which a burn-rate alert of 14.4 over 1 h would have paged
    page_needs_s: float | None = None  # seconds that such an alert needs; None: it never pages
    sentence: str  # for people


@dataclass(frozen=True, kw_only=True)
class ExperimentJudgement:
    """What all trials of an experiment say together."""

    verdict: Verdict
    passed: bool  # the verdict is good, or is exactly the expected one
    sentence: str  # for people: verdict, numbers, confidence
    claim: str = ""  # the strongest claim that the trials allow
    floors: tuple[FloorRecord, ...] = ()  # of the healers whose settings say how quick they can be
    error_budget: ErrorBudget | None = None  # when there is an SLO


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """One wall-clock instant beside its monotonic one: places logs on the timeline."""

    wall: str  # ISO 8601, UTC
    wall_ns: int
    mono_ns: int

    def wall_of(self, mono_ns: int) -> int:
        """The wall-clock time, in nanoseconds, of a monotonic one."""
        return self.wall_ns + (mono_ns - self.mono_ns)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The run that an experiment is from, when several were joined; each had its own clock."""

    run_id: str
    folder: str  # where that run's files are now, relative to the folder of the joined one
    command: str
    seed: int
    anchor: Anchor
    environment: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ExperimentRecord:
    """One experiment of a run."""

    name: str
    title: str
    description: str
    file: str
    line: int = 1
    hash: str = ""
    target: str
    target_title: str = ""
    target_hash: str = ""  # of its folder's files
    arm: Arm | None = None  # what is different about it, when it was run to be proven
    proof: ProofNote | None = None  # None: nobody looked
    tags: tuple[str, ...] = ()
    rate_hz: float
    timeout_s: float
    baseline_s: float
    watch_s: float
    stable_s: float
    plan: str  # "merge", "5 runs, 0 may miss"
    runs: int
    allow: int
    claim: Claim | None = None  # what the plan is to prove; None: whatever the trials prove
    until_decided: bool = False  # an e-process decides, after at most `runs` valid trials
    faults: tuple[FaultRecord, ...] = ()
    budgets: tuple[Budget, ...]
    healed_by: tuple[str, ...] = ()
    expect: Verdict | None = None
    slo: Slo | None = None
    ledger: str = ""  # the kind of ledger that was to be kept
    healers: tuple[HealerRecord, ...] = ()
    redundancy: Mapping[str, int] = field(default_factory=dict)
    services: tuple[str, ...] = ()  # every one that the target has; () in older journals
    images: Mapping[str, str] = field(default_factory=dict)  # what each service ran: tag and digest
    target_start_s: float | None = None
    wall_s: float | None = None  # the experiment's own time, target start not included
    trials: tuple[TrialRecord, ...] = ()
    judgement: ExperimentJudgement | None = None
    origin: Origin | None = None  # of a joined run; None: this very run

    @property
    def logs(self) -> str:
        """Where its services' logs are, relative to the run's folder."""
        return f"{self.origin.folder}/logs/{self.target}" if self.origin else f"logs/{self.target}"


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Which part of a suite a run was."""

    index: int  # from 1
    of: int
    suite: tuple[str, ...]  # every experiment of all parts, so that a missing part is noticed


@dataclass(frozen=True, kw_only=True)
class Journal:
    """A run: complete, or as far as it came."""

    schema: str = SCHEMA
    run_id: str
    chaoskit: str  # version
    command: str  # the exact command that repeats it
    seed: int
    anchor: Anchor
    ended_wall: str = ""  # empty while running, or when the run died
    environment: Mapping[str, Any] = field(default_factory=dict)
    shard: Shard | None = None  # None: the whole suite
    experiments: tuple[ExperimentRecord, ...] = ()
    interrupted_by: str = ""  # SIGINT, SIGTERM
    left_behind: tuple[str, ...] = ()  # what may still be there, each with the command against it
    trouble: str = ""  # what ended the run before its time, if anything
    trouble_exit: int | None = None  # and the exit code that it leads to
    exit_code: int | None = None

    def anchor_of(self, record: ExperimentRecord) -> Anchor:
        """The anchor of the clock that an experiment's times are of."""
        return record.origin.anchor if record.origin else self.anchor
