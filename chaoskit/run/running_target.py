"""A target while a run uses it: its stack, its agent, its observers, and who breaks it.

Everything that was started is ended in the reverse order, whatever happened in between, and the end
is verified: nothing with the run's label is left.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from chaoskit.errors import EnvironmentUnfit, LiftFailed
from chaoskit.faults.parts.fitted import fittings_of
from chaoskit.model.experiment import FaultUse
from chaoskit.model.faults import Instance
from chaoskit.model.progress import Step
from chaoskit.model.target import TargetSpec
from chaoskit.plan.chance import chance
from chaoskit.run.abilities import refuse_impossible
from chaoskit.run.clock import WallClock, now_ns, wait_until
from chaoskit.run.injector import Injector
from chaoskit.run.running import RunContext, Running
from chaoskit.run.undo_log import UndoLog
from chaoskit.target import engine, images
from chaoskit.target.compose import Stack
from chaoskit.target.engine import RUN_LABEL, Project
from chaoskit.target.hands import AgentHand, Hands
from chaoskit.target.observers import Observers
from chaoskit.target.rearm import rearm
from chaoskit.target.roles import find_role
from chaoskit.target.site import ProjectSite
from chaoskit.target.surgery import EngineHand

_STEP_LIMIT_NS = 50_000_000  # a wall clock that was stepped further misplaces log lines
_REMOVAL_LIMIT_S = 10.0  # the engine removes the agent after it has ended
_AGREEMENT_S = 3.0  # the observers' newest news of an endpoint may be a few of its periods old
_COMPOSE_STEP = re.compile(r"(Network|Volume|Container) \S+ +(Creat|Start|Recreat)(ing|ed)$")


class RunningTarget(Running):
    """One target of one run. A context manager: leaving it removes everything that it started."""

    def __init__(
        self,
        spec: TargetSpec,
        context: RunContext,
        *,
        overrides: Sequence[Path] = (),
        faults: Sequence[FaultUse] = (),
    ) -> None:
        super().__init__(spec, context, faults)
        self._overrides = overrides
        self._client = engine.connect()
        self._clock = WallClock()
        self._stack: Stack | None = None
        self._observers: Observers | None = None

    @property
    def entrypoints(self) -> Mapping[str, str]:
        """Name → address, for ${name} in experiments."""
        assert self._stack is not None, "start() comes first"
        return self._stack.entrypoints

    def start(self) -> None:
        """Bring the target to steady state, with agent and observers. Raises EnvironmentUnfit."""
        spec, labels = self.spec, {RUN_LABEL: self._context.run_id}
        project = f"chaoskit-{self._context.run_id}-{spec.name}"
        UndoLog(self._context.folder.path).on_the_engine()
        image = images.ensure_agent(self._client, self._progress)
        agent = AgentHand.beside(
            engine.connect(), image=lambda: image, labels=labels, lease_s=self._context.lease_s
        )
        self._ends.callback(agent.close)
        refuse_impossible(agent, self._faults)
        self._stack = Stack.start(
            spec,
            project=project,
            labels=labels,
            folder=self._context.folder.path / "compose",
            overrides=self._overrides,
            fittings=fittings_of(self._faults),
            progress=self._progress,
            client=self._client,
        )
        self._ends.callback(self._stack.down)
        agent.ready()
        site = ProjectSite(Project(name=project, client=self._client), allowed=self._context.allow)
        self._injector = Injector(
            folder=self._context.folder.path,
            run_id=self._context.run_id,
            site=site,
            hands=Hands(agent=agent, engine=EngineHand(engine.connect)),
            record=self._recorder.record,
            rng=chance(self._context.seed, spec.name, "pick"),
            roles=self._players_of,
        )
        self._ends.callback(self._injector.close)
        self._observers = Observers(
            spec=spec,
            project=project,
            entrypoints=self._stack.entrypoints,
            record=self._recorder.record,
            logs_folder=self._context.folder.logs / spec.name,
            now_ns=now_ns,
            wall_to_mono=self._clock.to_mono,
        )
        self._ends.callback(self._observers.stop)
        self._observers.start()
        self.images = Project(name=project, client=self._client).images()
        self._await_agreement()

    def _await_agreement(self) -> None:
        """A trial's first strength is what the observers know, who heard of it a little later."""
        assert self._observers is not None, "start() comes first"
        wait_until(self._observers.full, timeout_s=_AGREEMENT_S)

    def announce(self) -> None:
        """Write down every service's strength as it is now: a trial's starting point."""
        assert self._observers is not None, "start() comes first"
        stepped_ns = self._clock.renew()
        self._observers.announce()
        if abs(stepped_ns) > _STEP_LIMIT_NS:
            self._note(f"the wall clock was stepped by {stepped_ns / 1e6:.0f} ms")

    def rearm(self) -> None:
        """Make the next trial independent of this one: full strength, no back-off carried over."""
        assert self._stack is not None, "start() comes first"
        try:
            back = self._stack.replenish()
        except EnvironmentUnfit as error:
            self._recorder.tell(Step.NOTE, str(error))
        else:
            if back:
                words = f"nobody replaced {', '.join(back)}; Docker Compose made them anew"
                self._recorder.tell(Step.NOTE, words)
        done = rearm(self._client, self._stack.project, self.spec, progress=self._progress)
        if self._revived():
            self._await_agreement()
        elif not done.full:
            self._recorder.tell(
                Step.NOTE, f"{self.spec.name} did not come back to full strength between trials"
            )
        else:
            self._await_agreement()

    def _revived(self) -> bool:
        """Whether the target had to be started anew, since it did not serve any more."""
        assert self._stack is not None, "start() comes first"
        try:
            revived = self._stack.revive()
        except EnvironmentUnfit as error:
            self._recorder.tell(Step.NOTE, str(error))
            return False
        if revived:
            words = "did not serve after the trial, and was started anew for the next one"
            self._recorder.tell(Step.NOTE, f"{self.spec.name} {words}")
        return revived

    def _players_of(self, service: str, role: str) -> Sequence[Instance] | None:
        """The instances of a service that play a role now; None when the role is not declared."""
        assert self._stack is not None, "start() comes first"
        declared = [one for one in self.spec.roles if one.name == role and one.service == service]
        if not declared:
            return None
        name = find_role(self._client, self._stack.project, declared[0])
        project = Project(name=self._stack.project, client=self._client)
        return [one for one in project.instances(service) if one.name == name]

    def _progress(self, line: str) -> None:
        if not _COMPOSE_STEP.match(line):  # on failure Compose's words are in the error
            self._recorder.tell(Step.IMAGE, line)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        label = f"{RUN_LABEL}={self._context.run_id}"
        if not wait_until(
            lambda: not list(engine.labelled(self._client, label)), timeout_s=_REMOVAL_LIMIT_S
        ):
            left = [f"{what} {name}" for what, _, name in engine.labelled(self._client, label)]
            message = (
                f"still there: {', '.join(left)}; "
                f"remove with: chaoskit recover {self._context.folder.path}"
            )
            raise LiftFailed(message)
