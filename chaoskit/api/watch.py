"""A watch over a live target: asked at a fixed rate from before a fault until after it.

It is one trial whose phases the caller decides. Samples and marks go to disk as they happen, and are
measured and judged by the same functions as those of `chaoskit run`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Self

from chaoskit.api.arrangement import Arrangement, bounds, expected
from chaoskit.api.result import raise_unless_passed
from chaoskit.errors import Inconclusive, InputError
from chaoskit.measures import progress
from chaoskit.model.evidence import read_timeline
from chaoskit.model.experiment import FaultUse
from chaoskit.model.journal import ExperimentRecord, TrialJudgement, TrialRecord
from chaoskit.model.marks import NS, MarkKind
from chaoskit.model.measures import Measured
from chaoskit.model.timeline import Timeline
from chaoskit.model.verdict import Verdict
from chaoskit.plan.plan import PlannedExperiment
from chaoskit.plan.variables import resolve
from chaoskit.run.clock import now_ns, wait_until
from chaoskit.run.prober.handle import AnyProber, Prober
from chaoskit.run.records import record_of, with_effects

_LOOK_EVERY_S = 0.1


class Watch:
    """One watch under way. A context manager: entering it waits for a steady baseline."""

    def __init__(self, arrangement: Arrangement) -> None:
        self._with = arrangement
        self._experiment = arrangement.experiment
        self._folder = arrangement.run.trial(arrangement.experiment.name, 1)
        self._trial = TrialRecord(
            index=1, folder=arrangement.run.relative(self._folder), phase_offset_s=0.0
        )
        self._prober: AnyProber | None = None
        self._own: Prober | None = None  # unless the target has one, in its cluster
        self._phase = ""
        self.ended = False
        # Nobody has asked yet what came of the budgets, or of the verdict that is expected.
        self.unchecked = bool(self._experiment.budgets) or self._experiment.expect is not None
        self.on_judged: Callable[[ExperimentRecord], None] = lambda _record: None

    def begin(self) -> Self:
        """Begin to ask, and wait for a steady baseline. Raises Inconclusive when it is not."""
        one, recorder = self._experiment, self._with.recorder
        recorder.begin(self._folder / "marks.jsonl", experiment=one.name, trial=1)
        target = self._with.target
        if target.prober is None:
            self._own = Prober.start()
        self._prober = prober = target.prober or self._own
        assert prober is not None
        addresses = {**target.entrypoints, **target.inside}
        probes = [replace(each, provider=resolve(each.provider, addresses)) for each in one.probes]
        begun = prober.begin(
            self._folder / "samples.bin",
            probes,
            rate_hz=one.probing.rate_hz,
            timeout_s=one.probing.timeout_s,
            configuration=addresses,
        )
        names = tuple(each.name for each in probes)
        self._trial = replace(self._trial, started_ns=begun.started_ns, probes=names)
        self._enter("baseline")
        self._with.target.announce()
        end_ns = now_ns() + round(one.phases.baseline_s * NS)
        wait_until(lambda: now_ns() >= end_ns, timeout_s=one.phases.baseline_s + 1)
        steady, found = progress.baseline_is_steady(self.timeline(), now_ns())
        if not steady:
            message = f"the target was not steady before any fault: {found}"
            self._trouble(Verdict.BASELINE_NOT_MET, message)
            self.end()
            raise Inconclusive(message)
        return self

    def wait(self, *, redundancy: bool = True) -> Self:
        """Wait until the service has recovered and stayed good, or `longest` is over.

        With `redundancy` also until every declared instance is back. Never raises for what it sees:
        `check` does. Raises InputError when no fault was applied since the watch began.
        """
        if self.ended or self._phase == "lift":
            return self
        if self._phase != "watch":
            message = "nothing to wait for: no fault was applied since this watch began"
            raise InputError(message)
        limit_s = self._experiment.phases.watch_s + self._experiment.phases.stable_s
        wait_until(
            lambda: self._over(redundancy=redundancy), timeout_s=limit_s, every_s=_LOOK_EVERY_S
        )
        return self

    def check(self, *, expect: str | None = None, **budgets: str | float) -> TrialJudgement:
        """Wait, end the watch, and hold what it saw against budgets: `recovery="5s"`.

        With `expect="not_healed"`, a known weakness, exactly that verdict must be reached.
        Raises Missed when the evidence is against the system, and Inconclusive when nothing was
        learnt about it; else returns the judgement with all measures.
        """
        __tracebackhide__ = True  # a test's failure points at the test
        known = {one.measure: one for one in (*self._experiment.budgets, *bounds(budgets))}
        if not known:
            message = "check() needs a budget, such as recovery='5s': no budgets, no pass"
            raise InputError(message)
        self.unchecked = False
        if self._phase == "watch":
            self.wait()
        self.end()
        self._experiment = replace(
            self._experiment,
            budgets=tuple(known.values()),
            expect=expected(expect) or self._experiment.expect,
        )
        record = self._judged()
        self._with.keep(record)
        self.on_judged(record)
        judgement = record.trials[0].judgement
        assert judgement is not None, "it was judged"
        raise_unless_passed(record, self._with.run.path)
        return judgement

    @property
    def measures(self) -> Mapping[str, Measured]:
        """Every measure of what was seen so far, by name; each an interval that holds the truth."""
        from chaoskit.measures.base import measure_all  # noqa: PLC0415  # numpy, when needed
        from chaoskit.measures.series import Series  # noqa: PLC0415

        return {one.measure: one for one in measure_all(Series(self.timeline()))}

    def timeline(self) -> Timeline:
        """All samples and marks so far."""
        return read_timeline(self._folder, self._record(), self._trial)

    def fault_comes(self) -> None:
        """A fault is about to be applied. Raises InputError when this watch cannot see it."""
        if self.ended or not self._phase:
            return
        if self._phase == "lift":
            message = "this watch ended when a fault was lifted; begin another one with watch()"
            raise InputError(message)
        if self._phase == "baseline":
            self._enter("inject")

    def fault_came(self) -> None:
        """It is in effect."""
        if self._phase == "inject":
            self._enter("watch")

    def fault_goes(self) -> None:
        """A held fault is about to be lifted: from here on the system is not on its own."""
        if self.ended or self._phase != "watch":
            return
        if not self._over(redundancy=False):
            self._trouble(
                Verdict.INTERRUPTED,
                "lifted or mended by us before the service had recovered or the watch was over; "
                "call wait() inside the fault's block",
            )
        self._enter("lift")

    def end(self) -> None:
        """Ask no more. Idempotent; what was seen stays."""
        if self.ended or self._prober is None:
            return
        self.ended = True
        try:
            self._enter("end")
            ended = self._prober.end()
            self._trial = replace(
                self._trial,
                send_lag_p99_s=ended.send_lag_p99_s,
                clock_error_s=self._prober.clock_error_ns / NS,
            )
            if self._prober.lost and self._trial.trouble_verdict is None:
                self._trouble(Verdict.OBSERVER_LATE, self._prober.lost)
        finally:
            if self._own is not None:
                self._own.close()
            self._with.recorder.end()
            self._trial = with_effects(self._trial, self.timeline().marks)

    def __enter__(self) -> Self:
        return self.begin()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Budgets that nobody asked about are not passed over in silence: they are checked now."""
        if error is None and self.unchecked:
            self.check()
        self.end()

    def _over(self, *, redundancy: bool) -> bool:
        assert self._prober is not None
        if self._prober.lost or (self._own is not None and not self._own.alive):
            return True  # nothing will come; end() says why
        timeline = self.timeline()
        why = progress.watch_is_over(timeline, now_ns(), wants_redundancy=redundancy)
        return why is not None

    def _enter(self, phase: str) -> None:
        self._phase = phase
        self._with.recorder.phase(phase)

    def _trouble(self, verdict: Verdict, reason: str) -> None:
        self._trial = replace(self._trial, trouble=reason, trouble_verdict=verdict)

    def _record(self) -> ExperimentRecord:
        one = self._experiment
        planned = PlannedExperiment(
            experiment=one,
            runs=1,
            allow=0,
            plan_name="1 run, live",
            offsets_s=(0.0,),
            touches=(),
            needs=(),
            min_s=0.0,
            max_s=one.phases.watch_s,
        )
        return replace(record_of(planned, self._with.target.spec), trials=(self._trial,))

    def _judged(self) -> ExperimentRecord:
        from chaoskit import judge  # noqa: PLC0415  # scipy, when there is something to judge

        faults = {
            one.source: FaultUse(
                activity=one.source,
                fault=one.data["fault"],
                arguments={"service": one.service},
                line=self._with.line,
            )
            for one in self.timeline().of(MarkKind.INJECTED)
        }
        self._experiment = replace(self._experiment, faults=tuple(faults.values()))
        record = self._record()
        judgement = judge.judge_one(self._trial, record, self.timeline())
        self._trial = replace(self._trial, judgement=judgement)
        record = replace(record, trials=(self._trial,))
        return replace(record, judgement=judge.judge_all(record))
