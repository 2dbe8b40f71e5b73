"""One trial: baseline, inject, watch, lift, settle; what came of it is only written down here.

The supervisor's loop looks at the evidence so far a few times a second to know when a phase is over.
No measure depends on how often it looks: samples and marks carry their own times.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from chaoskit.errors import ChaoskitError, FaultRefused, LiftFailed
from chaoskit.measures import progress
from chaoskit.model.experiment import ProbeSpec
from chaoskit.model.journal import TrialRecord
from chaoskit.model.quantities import format_duration
from chaoskit.model.timeline import NS, Mark, MarkKind
from chaoskit.model.verdict import Verdict
from chaoskit.run.bench import Bench
from chaoskit.run.clock import now_ns, pause, wait_until
from chaoskit.run.player import WorkerDied
from chaoskit.run.prober.handle import ProberLost
from chaoskit.run.records import with_effects
from chaoskit.run.signals import Interrupted
from chaoskit.run.sofar import SoFar
from chaoskit.run.writer.keeping import Keeping

_LOOK_EVERY_S = 0.02
_TOLD_WITHIN_S = 2.0
_TOOLKIT_PATIENCE_S = 30.0  # for chaoslib's own hypothesis after the watch, and its rollbacks


class Trial:
    """One trial under way."""

    def __init__(self, bench: Bench, record: TrialRecord, folder: Path) -> None:
        self._bench = bench
        self._record = record
        self._folder = folder
        self._so_far = SoFar(bench, folder / "samples.bin")
        self._keeping = Keeping(bench.experiment.ledger, folder)

    def conduct(self) -> TrialRecord:
        """Run all phases; whatever goes wrong, every fault is lifted and the facts are kept.

        Raises Interrupted after lifting, LiftFailed when something may be left behind.
        """
        bench = self._bench
        with bench.recorder:
            bench.recorder.begin(
                self._folder / "marks.jsonl",
                experiment=bench.experiment.name,
                trial=self._record.index,
            )
            try:
                self._phases()
            except FaultRefused as error:
                self._trouble(Verdict.FAULT_NOT_APPLIED, str(error))
            except ProberLost as error:
                self._trouble(Verdict.OBSERVER_LATE, str(error))
            except (WorkerDied, ChaoskitError) as error:
                if isinstance(error, LiftFailed):
                    raise
                self._trouble(Verdict.HARNESS_ERROR, str(error))
            finally:
                self._lift()
                self._keeping.close()
                self._close()
        return self._record

    @property
    def record(self) -> TrialRecord:
        """The facts as far as they are known."""
        return self._record

    def _phases(self) -> None:
        self._baseline()
        if self._record.trouble_verdict is None:
            self._inject()
        if self._record.trouble_verdict is None:
            if self._bench.faultless:
                self._watch_idle()
            else:
                self._watch()
        self._finish_toolkit()
        self._settle()

    def _baseline(self) -> None:
        bench, experiment = self._bench, self._bench.experiment
        resolved = bench.player.resolved()
        probes = probes_of(resolved["probes"])
        self._keeping.begin(resolved)
        bench.player.begin(self._folder / "chaostoolkit-journal.json")
        begun = bench.prober.begin(
            self._folder / "samples.bin",
            probes,
            rate_hz=experiment.probing.rate_hz,
            timeout_s=experiment.probing.timeout_s,
            tracks=experiment.probing.tracks,
            configuration=resolved["asked_with"],
            secrets=resolved["secrets"],
        )
        self._record = replace(
            self._record,
            started_ns=begun.started_ns,
            probes=tuple(probe.name for probe in probes),
        )
        length_s = experiment.phases.baseline_s
        end_ns = bench.recorder.phase("baseline", seconds=length_s) + round(length_s * NS)
        bench.announce()
        self._look_until(lambda: now_ns() >= end_ns)
        self._look_for(
            lambda: bench.player.reached("method") or self._toolkit_done(),
            "Chaos Toolkit's hypothesis before the method",
        )
        self._hold()
        self._check_steady()

    def _check_steady(self) -> None:
        """Refuse the method when there is nothing steady to break, or nobody to see it."""
        bench = self._bench
        if self._blinded():
            bench.player.refuse("method")
            return
        steady, reason = progress.baseline_is_steady(self._so_far.timeline(self._record), now_ns())
        if self._toolkit_done():
            steady, reason = False, "Chaos Toolkit's own steady-state hypothesis was not met"
        if self._keeping.unready:
            steady, reason = False, self._keeping.unready
        if not steady:
            self._trouble(Verdict.BASELINE_NOT_MET, reason)
            bench.player.refuse("method")

    def _hold(self) -> bool:
        """Wait for as long as somebody wants no fault yet; whether we waited. Probes go on."""
        hold = self._bench.wishes.hold
        if not hold.is_set():
            return False
        begun_ns = now_ns()
        self._note("held before the fault, as asked at the terminal")
        self._look_until(lambda: not hold.is_set())
        self._note(f"the hold ended after {format_duration((now_ns() - begun_ns) / NS)}")
        return True

    def _inject(self) -> None:
        bench = self._bench
        start_ns = bench.recorder.phase("inject", seconds=self._record.phase_offset_s)
        due_ns = start_ns + round(self._record.phase_offset_s * NS)
        self._look_until(lambda: now_ns() >= due_ns)
        if self._hold() or self._blinded():
            self._check_steady()
        if self._record.trouble_verdict is not None:
            return
        if bench.faultless:
            bench.player.refuse("method")
        else:
            bench.player.release("method")

    def _watch_idle(self) -> None:
        """Watch a target to which nothing is done, as long as it would be watched at most."""
        recorder, length_s = self._bench.recorder, self._bench.experiment.phases.watch_s
        self._note("control arm: no fault")
        end_ns = recorder.phase("watch", seconds=length_s) + round(length_s * NS)
        self._look_until(lambda: now_ns() >= end_ns)

    def _watch(self) -> None:
        bench = self._bench
        bench.recorder.phase("watch", seconds=bench.experiment.phases.watch_s)
        wants_redundancy = any(one.measure == "redundancy" for one in bench.experiment.budgets)
        played = False

        def over() -> bool:
            nonlocal played
            played = played or bench.player.reached("watched")
            if self._toolkit_done() or self._blinded():
                return True
            timeline = self._so_far.timeline(self._record)
            if timeline.in_effect_ns is None:
                return played  # the method is through, and nothing took effect
            if bench.injector.timed:
                return False  # what was promised to last is watched to its end
            why = progress.watch_is_over(timeline, now_ns(), wants_redundancy=wants_redundancy)
            return played and why is not None

        self._look_until(over)

    def _finish_toolkit(self) -> None:
        """Let chaoslib ask its hypothesis while held faults are on, then lift, then roll back."""
        player = self._bench.player
        player.release("watched")
        self._look_for(
            lambda: player.reached("lifted") or self._toolkit_done(),
            "Chaos Toolkit's hypothesis after the method",
        )
        self._lift()
        player.release("lifted")
        self._look_for(self._toolkit_done, "Chaos Toolkit's rollbacks")
        if player.result is not None:
            self._record = replace(self._record, chaostoolkit=dict(player.result))

    def _settle(self) -> None:
        bench = self._bench
        limit_s = bench.experiment.phases.settle_s
        end_ns = bench.recorder.phase("settle", seconds=limit_s) + round(limit_s * NS)
        if self._record.trouble_verdict is None:
            self._look_until(
                lambda: (
                    now_ns() >= end_ns
                    or progress.settled(self._so_far.timeline(self._record), now_ns())
                )
            )
            self._keeping.finish()
            self._look_until(lambda: self._keeping.over)

    def _lift(self) -> None:
        """Lift whatever is held. Called again and again: what is lifted stays lifted."""
        injector, recorder = self._bench.injector, self._bench.recorder
        if not injector.held:
            return
        for fault in injector.held:
            on, evidence = injector.check(fault)
            if not on:
                detail = f"no longer wholly in effect before it was lifted: {evidence}"
                recorder.record(
                    Mark(at_ns=now_ns(), kind=MarkKind.NOTE, source=fault, detail=detail)
                )
        recorder.phase("lift")
        injector.lift_all()

    def _close(self) -> None:
        bench = self._bench
        ended_ns = now_ns()
        wait_until(lambda: bench.told_until(ended_ns), timeout_s=_TOLD_WITHIN_S)
        bench.recorder.phase("end")
        if self._record.started_ns:
            ended = bench.prober.end()
            self._blinded()
            self._record = replace(
                self._record,
                send_lag_p99_s=ended.send_lag_p99_s,
                clock_error_s=bench.prober.clock_error_ns / NS,
            )
        self._record = with_effects(self._record, bench.recorder.marks())

    def _trouble(self, verdict: Verdict, reason: str) -> None:
        self._record = replace(self._record, trouble=reason, trouble_verdict=verdict)
        self._note(reason)

    def _blinded(self) -> bool:
        """Whether the prober is lost: then the trial cannot be told, whatever was seen before."""
        lost = self._bench.prober.lost
        if lost and self._record.trouble_verdict is None:
            self._trouble(Verdict.OBSERVER_LATE, lost)
        return bool(lost)

    def _note(self, detail: str) -> None:
        self._bench.recorder.record(
            Mark(at_ns=now_ns(), kind=MarkKind.NOTE, source="chaoskit", detail=detail)
        )

    def _toolkit_done(self) -> bool:
        return self._bench.player.result is not None

    def _look_for(self, condition: Callable[[], bool], what: str) -> None:
        end_ns = now_ns() + round(_TOOLKIT_PATIENCE_S * NS)
        self._look_until(lambda: condition() or now_ns() >= end_ns)
        if not condition():
            message = f"{what} did not end within {_TOOLKIT_PATIENCE_S:g} s"
            raise WorkerDied(message)

    def _look_until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            if self._bench.wishes.stop.is_set():
                raise Interrupted
            self._bench.player.check()
            self._keeping.check()
            self._blinded()
            self._so_far.tell_health(self._record)
            pause(_LOOK_EVERY_S)


def probes_of(resolved: Sequence[Mapping[str, Any]]) -> tuple[ProbeSpec, ...]:
    """The steady-state hypothesis's probes, every ${name} filled in."""
    return tuple(
        ProbeSpec(
            name=probe["name"],
            kind=probe["provider"]["type"],
            provider=probe["provider"],
            tolerance=probe.get("tolerance"),
        )
        for probe in resolved
    )
