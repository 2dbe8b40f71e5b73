"""The evidence of a trial that is under way, as far as it has come."""

from pathlib import Path

import numpy as np

from chaoskit.model.gaps import without_gaps
from chaoskit.model.journal import TrialRecord
from chaoskit.model.progress import Step
from chaoskit.model.timeline import NS, Samples, Timeline, no_samples, sort_marks
from chaoskit.run.bench import Bench
from chaoskit.run.clock import now_ns
from chaoskit.run.health import health_of
from chaoskit.run.prober.tail import Tail

_HEALTH_EVERY_NS = NS // 4


class SoFar:
    """What the prober and everybody else have written down until now."""

    def __init__(self, bench: Bench, samples_path: Path) -> None:
        self._bench = bench
        self._tail = Tail(samples_path)
        self._samples: Samples = no_samples()
        self._told_ns = 0

    def timeline(self, record: TrialRecord) -> Timeline:
        """All of it, as the measures read it."""
        fresh = self._tail.new()
        if len(fresh):
            self._samples = np.concatenate([self._samples, fresh])
        experiment = self._bench.experiment
        marks = sort_marks(self._bench.recorder.marks())
        return Timeline(
            samples=without_gaps(self._samples, marks),
            marks=marks,
            probes=record.probes,
            period_ns=round(experiment.probing.period_s * NS),
            timeout_ns=round(experiment.probing.timeout_s * NS),
            stable_ns=round(experiment.phases.stable_s * NS),
            watch_ns=round(experiment.phases.watch_s * NS),
            started_ns=record.started_ns,
            clock_error_ns=self._bench.prober.clock_error_ns,
        )

    def tell_health(self, record: TrialRecord) -> None:
        """News of how the service is doing, four times a second at most."""
        now = now_ns()
        if now - self._told_ns < _HEALTH_EVERY_NS:
            return
        self._told_ns = now
        said = health_of(self.timeline(record).samples, record.probes, now)
        self._bench.recorder.tell(Step.HEALTH, said["state"], **said)
