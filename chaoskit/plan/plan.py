"""What a run will do, decided before it starts: which experiments, how often, and when."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chaoskit.model.experiment import Claim, Experiment
from chaoskit.model.fittings import Fitting, merged
from chaoskit.model.journal import Shard
from chaoskit.model.proof import Arm


@dataclass(frozen=True, kw_only=True)
class PlannedExperiment:
    """One experiment and its trials."""

    experiment: Experiment
    runs: int
    allow: int  # trials that may miss a budget
    plan_name: str  # "merge", "5 runs, 0 may miss", "merge cut to 3 runs"
    offsets_s: tuple[float, ...]  # extra wait before the fault, one per trial
    spare_offsets_s: tuple[float, ...] = ()  # of trials that replace void ones, at most these
    claim: Claim | None = None  # what is to be proven, when that was asked for
    until_decided: bool = False  # an e-process decides, after at most `runs` valid trials
    arm: Arm | None = None  # what is different about it, when it is run to be proven
    touches: tuple[str, ...]  # what the faults are done to: "any instance of web", "web-2"
    needs: tuple[str, ...]  # kinds of operations that the faults come down to
    fittings: tuple[Fitting, ...] = ()  # what the target is started with for the faults
    min_s: float  # when every trial recovers at once; the target's start is not in it
    max_s: float  # when every trial waits as long as it may
    estimate_s: float = 0.0  # min_s with average waits: no seed is in it, so that all jobs agree


@dataclass(frozen=True, kw_only=True)
class Group:
    """Experiments on one target, which is started once for all of them."""

    target: str
    title: str
    overrides: tuple[Path, ...] = ()  # Compose files that are laid over the target's own
    start_max_s: float  # the longest wait for the target to be ready
    experiments: tuple[PlannedExperiment, ...]

    @property
    def fittings(self) -> tuple[Fitting, ...]:
        """What the target is started with, for all of them."""
        return merged(fitting for one in self.experiments for fitting in one.fittings)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that is decided; the same files and seed give the same plan."""

    seed: int
    groups: tuple[Group, ...]
    shard: Shard | None = None  # when it is a part of a suite

    @property
    def experiments(self) -> tuple[PlannedExperiment, ...]:
        """All of them, in the order in which they are run."""
        return tuple(self._all())

    @property
    def needs(self) -> tuple[str, ...]:
        """Kinds of operations that some fault comes down to."""
        return tuple(sorted({need for one in self._all() for need in one.needs}))

    @property
    def min_s(self) -> float:
        """The shortest time that it can take, image builds and target starts not counted."""
        return sum(one.min_s for one in self._all())

    @property
    def max_s(self) -> float:
        """The longest time that it can take, image builds not counted."""
        waits = sum(group.start_max_s for group in self.groups)
        return waits + sum(one.max_s for one in self._all())

    def _all(self) -> Iterator[PlannedExperiment]:
        for group in self.groups:
            yield from group.experiments
