"""Control arms: the same experiment without its fault, and with each healer switched off.

An experiment that cannot fail proves nothing, and neither does one that fails by itself. Whether it
can was tried with these arms, and the outcome is kept beside the hashes of what was tried.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chaoskit.model.measures import Measured
from chaoskit.model.verdict import Verdict


class ArmKind(StrEnum):
    """What is different about an arm."""

    ON = "on"  # nothing: the experiment as it is written
    OFF = "off"  # one healer is switched off
    NO_FAULT = "no_fault"  # nothing is broken: A/A


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way of running an experiment, to learn whether its verdict means anything."""

    of: str  # the experiment's name
    kind: ArmKind
    healer: str = ""  # the one that is switched off
    overrides: tuple[str, ...] = ()  # Compose files that are laid over the target's own
    required: bool = True  # must behave for the proof; otherwise it only fills the matrix

    @property
    def faultless(self) -> bool:
        """Whether nothing is broken."""
        return self.kind is ArmKind.NO_FAULT

    @property
    def slug(self) -> str:
        """For a folder's name."""
        return f"off-{self.healer}" if self.kind is ArmKind.OFF else self.kind.value

    @property
    def name(self) -> str:
        """The experiment's name, and what is different: `shop/crash [off: proxy]`."""
        match self.kind:
            case ArmKind.ON:
                return self.of
            case ArmKind.OFF:
                return f"{self.of} [off: {self.healer}]"
            case ArmKind.NO_FAULT:
                return f"{self.of} [no fault]"


class ProofState(StrEnum):
    """Whether an experiment has shown that it can fail, and only when it should."""

    PROVEN = "proven"
    UNPROVEN = "unproven"  # not tried, or an arm could not be told
    STALE = "stale"  # tried, but with another file, target or budget
    FAILED = "failed"  # an arm did not behave: the experiment is worth nothing as it is


@dataclass(frozen=True, kw_only=True)
class ArmResult:
    """How one arm came out."""

    kind: ArmKind
    healer: str = ""
    required: bool = True
    verdict: Verdict
    behaved: bool | None  # as it had to; None: it could not be told
    trials: int  # that say something
    good: int  # of those: clean, or within every budget
    reason: str  # the judgement in words
    missed: tuple[str, ...] = ()  # budgets that a trial missed
    acted: tuple[str, ...] = ()  # healers that were seen to act, the first one first
    figures: tuple[Measured, ...] = ()  # of the trial that speaks for the arm


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What the arms of one experiment say together; a row of proofs.jsonl."""

    experiment: str
    title: str
    target: str
    experiment_hash: str
    target_hash: str
    budgets: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    expect: Verdict | None = None
    healed_by: tuple[str, ...] = ()
    healers: tuple[str, ...] = ()  # every one that the target declares
    watch_s: float = 0.0  # as long as availability is the share of
    state: ProofState
    reason: str
    run: str
    at: str  # ISO 8601, UTC
    machine: str = ""
    chaoskit: str = ""  # version
    arms: tuple[ArmResult, ...] = ()

    def arm(self, kind: ArmKind, healer: str = "") -> ArmResult | None:
        """The result of one arm, when it was run."""
        found = (one for one in self.arms if one.kind is kind and one.healer == healer)
        return next(found, None)


@dataclass(frozen=True, kw_only=True)
class ProofNote:
    """What a report says of an experiment's proof, as it stood when the run began."""

    state: ProofState
    reason: str
    run: str = ""
    at: str = ""
