"""The supervisor: starts targets, conducts trials, and leaves nothing behind.

It holds everything together and judges nothing: what it hands back are facts. The judge that it is
given is only asked so that a decided series can stop early, and so that people hear of it.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from traceback import format_exc
from typing import Any, Protocol

from chaoskit.errors import ChaoskitError, Exit, LiftFailed
from chaoskit.model.experiment import Experiment, FaultUse
from chaoskit.model.journal import ExperimentRecord, Journal, TrialJudgement, TrialRecord
from chaoskit.model.progress import Listener, Step
from chaoskit.model.target import TargetSpec
from chaoskit.model.timeline import NS
from chaoskit.model.verdict import Verdict
from chaoskit.model.wishes import Wishes
from chaoskit.plan.plan import Group, Plan, PlannedExperiment
from chaoskit.run.bench import Bench
from chaoskit.run.clock import now_ns, wall_now
from chaoskit.run.folder import RunFolder
from chaoskit.run.keeper import Mode, spawn_keeper
from chaoskit.run.player import Player
from chaoskit.run.prober.handle import AnyProber, Prober
from chaoskit.run.recorder import Recorder
from chaoskit.run.records import record_of, with_trial
from chaoskit.run.running import RunContext, Running
from chaoskit.run.running_target import RunningTarget
from chaoskit.run.signals import Interrupted, Signals
from chaoskit.run.trial import Trial

UNFINISHED = "the run ended before this trial did"


class Judging(Protocol):
    """What the pipeline knows about verdicts; the supervisor does not."""

    def trial(self, experiment: ExperimentRecord, trial: TrialRecord) -> TrialJudgement:
        """The judgement over one trial that has ended."""
        ...

    def experiment(self, experiment: ExperimentRecord) -> ExperimentRecord:
        """The record with its judgement."""
        ...

    def decided(self, experiment: ExperimentRecord) -> bool:
        """Whether no further trial can change the verdict."""
        ...


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What is to be run, and where it is written down."""

    plan: Plan
    targets: Mapping[str, TargetSpec]
    folder: RunFolder
    journal: Journal  # as it is before anything ran
    lease_s: float = 5.0
    allow: tuple[str, ...] = ()  # see ProjectSite.allowed
    wishes: Wishes = field(default_factory=Wishes)  # of whoever watches


class Supervisor:
    """One run."""

    def __init__(self, orders: Orders, listener: Listener, judging: Judging) -> None:
        self._orders = orders
        self._judging = judging
        self._folder = orders.folder
        self._journal = orders.journal
        self._recorder = Recorder(listener)
        self._signals = Signals(orders.wishes)
        self._current: ExperimentRecord | None = None

    def run(self) -> Journal:
        """Run everything; the facts, as far as they came. Never raises."""
        self._save()
        planned = [one for group in self._orders.plan.groups for one in group.experiments]
        self._recorder.tell(
            Step.RUN,
            run_id=self._journal.run_id,
            seed=self._journal.seed,
            experiments=len(planned),
            trials=sum(one.runs for one in planned),
            anchor=self._journal.anchor,
            estimates={one.experiment.name: one.estimate_s for one in planned},
        )
        with self._signals:
            keeper = spawn_keeper(
                folder=self._folder.path,
                run_id=self._journal.run_id,
                lease_s=self._orders.lease_s,
                mode=Mode.REMOVE,
            )
            try:
                with Prober.start() as prober:
                    for group in self._orders.plan.groups:
                        self._target(self._orders.targets[group.target], group, prober)
            except Interrupted:
                pass  # the signals know which one it was
            except LiftFailed as error:
                self._left_behind(error)
            except ChaoskitError as error:
                self._trouble(str(error), error.exit_code)
            except Exception as error:  # noqa: BLE001  # a defect of ours must not cost the evidence
                (self._folder.path / "defect.log").write_text(format_exc(), encoding="utf-8")
                self._trouble(f"a defect of chaoskit, see defect.log: {error!r}", Exit.HARNESS)
            self._journal = replace(
                self._journal, ended_wall=wall_now(), interrupted_by=self._signals.name
            )
            self._save()
            if not self._journal.left_behind:
                keeper.goodbye()
        return self._journal

    def _target(self, spec: TargetSpec, group: Group, prober: AnyProber) -> None:
        begun_ns = now_ns()
        self._recorder.tell(Step.TARGET, spec.title, state="starting", target=spec.name)
        context = RunContext(
            folder=self._folder,
            run_id=self._journal.run_id,
            recorder=self._recorder,
            seed=self._journal.seed,
            lease_s=self._orders.lease_s,
            allow=self._orders.allow,
        )
        with ExitStack() as ends:
            faults = [one for planned in group.experiments for one in planned.experiment.faults]
            target = ends.enter_context(
                running(spec, context, overrides=group.overrides, faults=faults)
            )
            player = ends.enter_context(self._player(target))  # warms up while the target starts
            with self._signals.raising():
                target.start()
            start_s = (now_ns() - begun_ns) / NS
            self._recorder.tell(Step.TARGET, spec.title, state="ready", seconds=start_s)
            for number, one in enumerate(group.experiments):
                if number:
                    player = ends.enter_context(self._player(target))
                    self._rearm(target)
                with player:
                    self._experiment(one, target, (player, target.prober or prober), start_s)
            self._recorder.tell(Step.TARGET, spec.title, state="stopping")

    def _player(self, target: Running) -> Player:
        return Player(orders=target.orders, log=self._folder.logs / "chaostoolkit.log")

    def _experiment(
        self,
        planned: PlannedExperiment,
        target: Running,
        hands: tuple[Player, AnyProber],
        start_s: float,
    ) -> None:
        player, prober = hands
        begun_ns = now_ns()
        experiment = planned.experiment
        record = record_of(planned, target.spec)
        record = replace(record, target_start_s=start_s, images=target.images)
        self._put(record)
        self._recorder.experiment, self._recorder.trial = experiment.name, 0
        self._recorder.tell(
            Step.EXPERIMENT,
            experiment.title,
            title=experiment.title,
            runs=planned.runs,
            budgets={one.measure: one.text for one in experiment.budgets},
            healers=[one.name for one in target.spec.healers],
        )
        target.blind = not experiment.faults
        player.give(document_for(experiment, target.entrypoints), target.inside)
        bench = Bench(
            experiment=experiment,
            player=player,
            prober=prober,
            injector=target.injector,
            recorder=self._recorder,
            announce=target.announce,
            told_until=target.told_until,
            wishes=self._orders.wishes,
            faultless=planned.arm is not None and planned.arm.faultless,
        )
        for offset_s in (*planned.offsets_s, *planned.spare_offsets_s):
            rearm_s = self._rearm(target) if record.trials else None
            record = self._trial(bench, record, (offset_s, rearm_s))
            if self._judging.decided(record):
                break
        record = self._judging.experiment(replace(record, wall_s=(now_ns() - begun_ns) / NS))
        self._put(record)
        judgement = record.judgement
        assert judgement is not None
        self._recorder.trial = 0
        self._recorder.tell(
            Step.VERDICT,
            judgement.sentence,
            verdict=judgement.verdict.value,
            passed=judgement.passed,
            sentence=judgement.sentence,
        )

    def _trial(
        self, bench: Bench, experiment: ExperimentRecord, waits_s: tuple[float, float | None]
    ) -> ExperimentRecord:
        """Conduct one trial; the experiment's record with it."""
        offset_s, rearm_s = waits_s
        index = len(experiment.trials) + 1
        arm = experiment.arm
        place = experiment.name if arm is None else f"{arm.of}/{arm.slug}"
        folder = self._folder.trial(place, index)
        facts = TrialRecord(
            index=index,
            folder=self._folder.relative(folder),
            phase_offset_s=offset_s,
            rearm_s=rearm_s,
        )
        unfinished = replace(facts, trouble=UNFINISHED, trouble_verdict=Verdict.INTERRUPTED)
        self._put(with_trial(experiment, unfinished))
        self._recorder.experiment, self._recorder.trial = experiment.name, index
        runs = max(index, experiment.runs)  # a void trial may be made again
        self._recorder.tell(Step.TRIAL, index=index, runs=runs)
        trial = Trial(bench, facts, folder)
        try:
            facts = trial.conduct()
        except Interrupted:
            interrupted = replace(
                trial.record,
                trouble=f"interrupted by {self._signals.name}",
                trouble_verdict=Verdict.INTERRUPTED,
            )
            self._put(with_trial(experiment, interrupted))
            bench.player.interrupt()
            raise
        except LiftFailed as error:
            failed = replace(trial.record, trouble=str(error), trouble_verdict=Verdict.LIFT_FAILED)
            self._put(with_trial(experiment, failed))
            raise
        judged = replace(facts, judgement=self._judging.trial(experiment, facts))
        assert judged.judgement is not None
        self._recorder.tell(
            Step.TRIAL_VERDICT,
            judged.judgement.reason,
            verdict=judged.judgement.verdict.value,
            reason=judged.judgement.reason,
            numbers={one.measure: one.middle for one in judged.judgement.measures},
        )
        experiment = with_trial(experiment, judged)
        self._put(experiment)
        return experiment

    def _rearm(self, target: Running) -> float:
        """Make the next trial independent of the last; how long it took."""
        begun_ns = now_ns()
        with self._signals.raising():
            target.rearm()
        return (now_ns() - begun_ns) / NS

    def _put(self, record: ExperimentRecord) -> None:
        """The journal with this experiment's newest record, on disk."""
        others = [one for one in self._journal.experiments if one.name != record.name]
        self._journal = replace(self._journal, experiments=(*others, record))
        self._save()

    def _save(self) -> None:
        self._folder.write_journal(self._journal)

    def _trouble(self, what: str, code: Exit) -> None:
        self._journal = replace(self._journal, trouble=what, trouble_exit=int(code))

    def _left_behind(self, error: LiftFailed) -> None:
        self._journal = replace(self._journal, left_behind=(*self._journal.left_behind, str(error)))


def running(
    spec: TargetSpec,
    context: RunContext,
    *,
    overrides: Sequence[Path],
    faults: Sequence[FaultUse],
) -> Running:
    """A target under a run, wherever it stands."""
    if spec.cluster is None:
        return RunningTarget(spec, context, overrides=overrides, faults=faults)
    # The client's import takes a second, which a run on Docker should not pay.
    from chaoskit.run.running_cluster import RunningCluster  # noqa: PLC0415

    return RunningCluster(spec, context, overrides=overrides, faults=faults)


def document_for(experiment: Experiment, entrypoints: Mapping[str, str]) -> dict[str, Any]:
    """The Chaos Toolkit document with the target's addresses in its configuration."""
    document = deepcopy(dict(experiment.document))
    document["configuration"] = {**document.get("configuration", {}), **entrypoints}
    return document
