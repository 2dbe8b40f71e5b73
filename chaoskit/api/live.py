"""A target to break and to watch step by step, from Python or from a test.

    with chaoskit.live_target("shop") as shop, shop.watch() as watch:
        with shop.crash("web"):
            watch.wait("30s")
        watch.check(recovery="5s")

It stands for one run: its own copy of the target, an undo log, leases, and a keeper that removes
everything when this process is killed. A fault is proven in effect before its call returns, and
lifted at the end of its block, or at the latest when the target is closed.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO, Unpack

from chaoskit import __version__, pipeline
from chaoskit.api.arrangement import NOWHERE, Arrangement, Settings, arranged
from chaoskit.api.experiments import listener_of
from chaoskit.api.live_fault import LiveFault, checked_fault
from chaoskit.api.watch import Watch
from chaoskit.faults.base import catalogue
from chaoskit.model.experiment import FaultUse
from chaoskit.model.journal import ExperimentRecord, Journal
from chaoskit.model.target import TargetSpec
from chaoskit.plan.targets import TargetShelf
from chaoskit.request import Request, seed_of
from chaoskit.run import clock
from chaoskit.run.folder import RunFolder, new_run_id
from chaoskit.run.keeper import Keeper, Mode, spawn_keeper
from chaoskit.run.recorder import Recorder
from chaoskit.run.running import RunContext, Running
from chaoskit.run.supervisor import running
from chaoskit.run.surroundings import environment, surroundings
from chaoskit.target.agent import DEFAULT_LEASE_S

Activity = Mapping[str, Any]


def live_target(  # noqa: PLR0913  # all but the name have defaults
    name: str | Path,
    *,
    targets: Path | str = "targets",
    reports: Path | str = "reports",
    run_id: str = "",
    seed: int | None = None,
    prepare: Sequence[Activity] = (),
    progress: TextIO | None = None,
) -> "LiveTarget":
    """A copy of a target, ready to be started: a context manager.

    `prepare` are faults (`chaoskit.fault(...)`) that will need something from the start, such as a
    disk or a clock of their own; what this machine cannot do is refused before the target starts.
    Raises InputError for a target that is not there or is wrong.
    """
    spec = TargetShelf(Path(targets)).load(str(name))
    return LiveTarget(
        spec,
        reports=Path(reports),
        run_id=run_id or new_run_id(),
        seed=seed_of(Request(seed=seed)),
        prepare=tuple(_use(one) for one in prepare),
        progress=progress,
    )


class LiveTarget:
    """A running copy of a target. Every fault of the shelf is a method: `hang("web")`."""

    def __init__(  # noqa: PLR0913  # made by live_target() alone
        self,
        spec: TargetSpec,
        *,
        reports: Path,
        run_id: str,
        seed: int,
        prepare: Sequence[FaultUse],
        progress: TextIO | None,
    ) -> None:
        self.spec = spec
        self.run_id = run_id
        self.seed = seed
        self._reports = reports
        self._prepare = prepare
        self._progress = progress
        self._ends = ExitStack()
        self._folder: RunFolder | None = None
        self._running: Running | None = None
        self._recorder: Recorder | None = None
        self._journal: Journal | None = None
        self._watch: Watch | None = None
        self._watches = 0
        self._whole = True  # no fault since it was started, or made whole

    def start(self) -> Self:
        """Start it, and wait until it serves at full strength. Raises EnvironmentUnfit."""
        facts = surroundings([self.spec])
        self._folder = folder = RunFolder.create(self._reports, self.run_id)
        self._journal = Journal(
            run_id=self.run_id,
            chaoskit=__version__,
            command="",
            seed=self.seed,
            anchor=clock.anchor(),
            environment={**environment(), **facts},
        )
        folder.write_journal(self._journal)
        keeper = spawn_keeper(
            folder=folder.path, run_id=self.run_id, lease_s=DEFAULT_LEASE_S, mode=Mode.REMOVE
        )
        with ExitStack() as ends:
            ends.push(partial(_say_goodbye, keeper))
            self._recorder = Recorder(ends.enter_context(listener_of(self._progress)))
            context = RunContext(
                folder=folder,
                run_id=self.run_id,
                recorder=self._recorder,
                seed=self.seed,
                lease_s=DEFAULT_LEASE_S,
            )
            target = running(self.spec, context, overrides=(), faults=self._prepare)
            self._running = ends.enter_context(target)
            self._running.start()
            self._ends = ends.pop_all()
        return self

    def close(self) -> None:
        """Lift everything, remove everything, and render the report. Idempotent.

        Raises LiftFailed when a fault or a container may be left behind; the keeper then tries again.
        """
        try:
            if self._watch is not None:
                self._watch.end()
        finally:
            self._ends.close()
            self._running = None
            self._finish()

    @property
    def folder(self) -> Path:
        """The run's folder: its journal, its logs, its undo log."""
        assert self._folder is not None, "start() comes first"
        return self._folder.path

    @property
    def report(self) -> Path:
        """The HTML report; it is there once the target was closed, when anything was checked."""
        return self.folder / "report.html"

    @property
    def addresses(self) -> Mapping[str, str]:
        """Name → address of every entrypoint of the target."""
        return self._target().entrypoints

    def __getitem__(self, entrypoint: str) -> str:
        """The address of an entrypoint: `shop["web_url"]`."""
        return self.addresses[entrypoint]

    def fault(self, name: str, service: str, **arguments: Any) -> LiveFault:
        """Apply a fault, and prove it in effect; as a context manager it is lifted at the end.

        Raises InputError for a fault or an argument that does not exist, FaultRefused when it could
        not be applied or proven (nothing of it is left then), LiftFailed when something may be left.
        """
        fault = checked_fault(self.spec, name, {"service": service, **arguments})
        target, watch = self._target(), self._watch
        if watch is not None:
            watch.fault_comes()
        self._whole = False
        injected = LiveFault(target.injector.inject(fault), self.lift)
        if watch is not None:
            watch.fault_came()
        return injected

    def lift(self, fault_id: str) -> None:
        """Lift one fault, and prove it gone; nothing to do is fine. Raises LiftFailed."""
        injector = self._target().injector
        if fault_id in injector.held and self._watch is not None:
            self._watch.fault_goes()
        injector.lift(fault_id)

    def lift_all(self) -> None:
        """Lift whatever is held; what a watch still waits for is then not seen. Raises LiftFailed."""
        injector = self._target().injector
        if injector.held and self._watch is not None:
            self._watch.fault_goes()
        injector.lift_all()

    def make_whole(self) -> None:
        """Lift everything and bring the target back to full strength, after it was broken.

        From here on a watch that is under way sees our repair and not the system's.
        """
        if not self._whole:
            if self._watch is not None:
                self._watch.fault_goes()
            self.lift_all()
            self._target().rearm()
            self._whole = True

    def watch(self, **settings: Unpack[Settings]) -> Watch:
        """Ask the target continuously, from before a fault until after it: a context manager.

        One watch at a time; each is one trial with its own baseline, and begins with a target at
        full strength. Without `probes` the target's own ready address is asked.
        """
        target = self._target()
        assert self._folder is not None
        assert self._recorder is not None
        if self._watch is not None:
            self._watch.end()
        self.make_whole()
        self._watches += 1
        self._watch = Watch(
            Arrangement(
                experiment=arranged(settings, self.spec, number=self._watches),
                line=settings.get("place", NOWHERE)[1],
                target=target,
                recorder=self._recorder,
                run=self._folder,
                keep=self._keep,
            )
        )
        return self._watch

    def __getattr__(self, name: str) -> Callable[..., LiveFault]:
        """A fault of the shelf as a method: `crash("web")`, `latency("web", delay="200ms")`."""
        if name.startswith("_") or name not in catalogue():
            message = f"{type(self).__name__} has no attribute or fault {name!r}"
            raise AttributeError(message)
        return partial(self.fault, name)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _target(self) -> Running:
        if self._running is None:
            message = f"{self.spec.name} is not running: enter it with `with`, or call start()"
            raise RuntimeError(message)
        return self._running

    def _keep(self, record: ExperimentRecord) -> None:
        """A watch has ended: what it saw goes into the journal at once."""
        assert self._journal is not None
        assert self._folder is not None
        others = tuple(one for one in self._journal.experiments if one.name != record.name)
        self._journal = replace(self._journal, experiments=(*others, record))
        self._folder.write_journal(self._journal)

    def _finish(self) -> None:
        journal, folder = self._journal, self._folder
        if journal is None or folder is None or journal.ended_wall:
            return
        from chaoskit.judge import exit_code_of  # noqa: PLC0415  # when there is something to judge

        journal = replace(journal, ended_wall=clock.wall_now())
        self._journal = replace(journal, exit_code=int(exit_code_of(journal)))
        folder.write_journal(self._journal)
        if journal.experiments:
            pipeline.render(self._journal, folder)


def _say_goodbye(
    keeper: Keeper,
    _kind: type[BaseException] | None,
    error: BaseException | None,
    _trace: TracebackType | None,
) -> bool:
    """When something may be left behind, the keeper is not dismissed: it tries again after us."""
    from chaoskit.errors import LiftFailed  # noqa: PLC0415

    if not isinstance(error, LiftFailed):
        keeper.goodbye()
    return False


def _use(activity: Activity) -> FaultUse:
    provider = activity["provider"]
    return FaultUse(
        activity=activity["name"],
        fault=str(provider["module"]).rpartition(".")[2],
        arguments=provider["arguments"],
    )
