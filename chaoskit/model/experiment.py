"""What an experiment file means, once it has been read and checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaoskit.model.verdict import Verdict

FRESH, KEPT = "fresh", "kept"  # a new connection for every ask; one that was used before


@dataclass(frozen=True, kw_only=True)
class Probing:
    """How often, and how patiently, the target is asked."""

    rate_hz: float = 50.0  # asks a second of each probe, open loop
    timeout_s: float = 0.5  # an ask that took longer is bad
    tracks: tuple[str, ...] = (FRESH,)  # kept connections are asked beside fresh ones

    @property
    def period_s(self) -> float:
        """Time between two asks: the resolution of everything measured from them."""
        return 1.0 / self.rate_hz


@dataclass(frozen=True, kw_only=True)
class Phases:
    """The lengths of a trial's phases, in seconds."""

    baseline_s: float = 3.0  # watched before the fault; must be steady
    watch_s: float = 30.0  # the longest wait for recovery, from the fault taking effect
    stable_s: float = 2.0  # all good for this long is "recovered"
    settle_s: float = 60.0  # the longest wait for full strength between two trials


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a plan is to prove: budgets are kept in at least this share of cases."""

    share: float  # 0 to 1
    confidence: float = 0.95


@dataclass(frozen=True, kw_only=True)
class TrialPlan:
    """How many trials, and how many of them may miss a budget."""

    name: str = "pr"
    runs: int = 5
    allow: int = 0
    claim: Claim | None = None  # asked for; None: whatever the trials prove
    until_decided: bool = False  # an e-process decides, after at most `runs`; then claim is given


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The bound on one measure. `bound` is in the measure's own unit (seconds, ratio, count)."""

    measure: str
    bound: float
    text: str  # as it was written: "2s", "99%"
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class Slo:
    """What users were promised, and what faults like this one may take of it."""

    objective: float  # the share of asks that must be good: 0.999
    window_s: float = 30 * 86_400.0  # the time that the promise is about
    faults: float | None = None  # such faults to expect in a window; None: nobody said
    share: float = 0.25  # the part of the error budget that they may spend


@dataclass(frozen=True, kw_only=True)
class ProbeSpec:
    """One steady-state question, as Chaos Toolkit writes it."""

    name: str
    kind: str  # http, tcp, python, process
    provider: Mapping[str, Any]
    tolerance: Any


@dataclass(frozen=True, kw_only=True)
class LedgerUse:
    """Values that are written to the target all the time, and read back at the end."""

    kind: str  # a file in chaoskit/ledgers/
    settings: Mapping[str, Any]  # of the kind; ${name} is not filled in yet
    rate_hz: float = 20.0  # writes a second, open loop
    timeout_s: float = 1.0  # longest wait for an answer to a write
    read_within_s: float = 10.0  # longest wait until everything is read back
    read_every_s: float | None = None  # time between two reads while writing; None: none
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class FaultUse:
    """One fault that the method asks for, found in the file before anything runs."""

    activity: str
    fault: str
    arguments: Mapping[str, Any]
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One experiment: a Chaos Toolkit document and what chaoskit was told about it."""

    name: str  # "replicated-web/crash-a-replica": the report's and the command line's handle
    path: Path
    title: str
    description: str
    tags: tuple[str, ...] = ()
    target: str
    probing: Probing = field(default_factory=Probing)
    phases: Phases = field(default_factory=Phases)
    trials: TrialPlan = field(default_factory=TrialPlan)
    budgets: tuple[Budget, ...]
    healed_by: tuple[str, ...] = ()
    expect: Verdict | None = None
    slo: Slo | None = None
    ledger: LedgerUse | None = None
    probes: tuple[ProbeSpec, ...]
    faults: tuple[FaultUse, ...] = ()
    document: Mapping[str, Any]  # the whole Chaos Toolkit experiment, for chaoslib
    hash: str  # sha256 of the file's bytes
