"""What a rule looks at, and what it may say."""

from dataclasses import dataclass
from functools import cached_property
from statistics import median

from chaoskit.healers.base import LOSSES, Loss
from chaoskit.model.journal import ExperimentRecord, HealerRecord, TrialJudgement
from chaoskit.model.measures import Measured
from chaoskit.model.quantities import format_duration
from chaoskit.model.verdict import Verdict
from chaoskit.reporters.figures import judged

_NOTHING_S = 0.05  # a gain below it is not worth words
STANDING = {"stop", "remove", "scale_down"}  # taken away through the engine: no policy acts on it
SLOW = {
    "latency",
    "http_delay",
    "slow_disk",
    "disk_latency",
    "bandwidth",
    "slow_close",
    "cpu_quota",
}


@dataclass(frozen=True, kw_only=True)
class Advice:
    """One thing to do: what, why, and the lines to change. Ordered by `weight`, then by `gain_s`."""

    rule: str
    title: str
    why: str
    lines: str = ""  # what to write where, or the command to type
    where: str = ""  # the file that the lines belong to
    gain_s: float = 0.0  # seconds of outage, or of weakness, that one such fault costs less
    gain: str = ""  # what is gained, when it is not that
    weight: int = 0  # above 0: what comes before any gain in seconds; below: after it
    experiments: tuple[ExperimentRecord, ...] = ()

    @property
    def gain_words(self) -> str:
        """What it is good for, in a few words; empty when nobody can say."""
        if self.gain or self.weight or self.gain_s < _NOTHING_S:
            return self.gain
        return f"saves about {format_duration(self.gain_s)} each time"


@dataclass(frozen=True)
class Case:
    """One experiment with at least one valid trial, as the rules ask about it."""

    record: ExperimentRecord

    @cached_property
    def trials(self) -> tuple[TrialJudgement, ...]:
        """The valid ones."""
        return tuple(judgement for _, judgement in judged(self.record))

    @cached_property
    def faults(self) -> frozenset[str]:
        """The names of what was done."""
        return frozenset(one.fault for one in self.record.faults)

    @property
    def service(self) -> str:
        """Whom it was done to, the first of them; empty when the journal does not know."""
        return next((one.service for one in self.record.faults if one.service), "")

    @property
    def instances(self) -> int:
        """How many of the service there are at full strength."""
        return self.record.redundancy.get(self.service, 1)

    @property
    def spare(self) -> bool:
        """Whether an instance of the service was left alone."""
        hit = (
            sum(name.startswith(f"{self.service}-") for name in t.picked)
            for t in self.record.trials
        )
        return self.instances > max([1, *hit])

    def lost(self, *losses: Loss) -> bool:
        """Whether a fault of the experiment makes an instance look like this from outside."""
        return any(LOSSES.get(one) in losses for one in self.faults)

    def healer(self, *kinds: str) -> HealerRecord | None:
        """A healer of one of these kinds that the target declares."""
        return next((one for one in self.record.healers if one.kind in kinds), None)

    def came_to(self, *verdicts: Verdict) -> bool:
        """Whether a valid trial did."""
        return any(one.verdict in verdicts for one in self.trials)

    def measured(self, name: str) -> tuple[Measured, ...]:
        """One measure of every valid trial that has it."""
        found = (one.measured(name) for one in self.trials)
        return tuple(one for one in found if one is not None and one.low is not None)

    def seconds(self, name: str) -> float:
        """The median of a time; one that was not seen to end, or not before the lift, is the watch."""
        values = [
            self.record.watch_s if one.censored or one.after_lift else one.middle or 0.0
            for one in self.measured(name)
        ]
        return median(values) if values else 0.0

    def unending(self, name: str) -> bool:
        """Whether a time was not seen to end by itself in some trial."""
        return any(one.censored or one.after_lift for one in self.measured(name))

    @property
    def outage_s(self) -> float:
        """How long users go without, in the median trial."""
        return self.seconds("outage") or self.seconds("recovery")
