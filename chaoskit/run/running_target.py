"""A target while a run uses it: its stack, its agent, its observers, and who breaks it.

Everything that was started is ended in the reverse order, whatever happened in between, and the end
is verified: nothing with the run's label is left.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chaoskit.errors import LiftFailed
from chaoskit.faults.base import make
from chaoskit.model.faults import Instance
from chaoskit.model.progress import Step
from chaoskit.model.target import TargetSpec
from chaoskit.model.timeline import Mark, MarkKind
from chaoskit.plan.chance import chance
from chaoskit.run.clock import WallClock, now_ns, wait_until
from chaoskit.run.folder import RunFolder
from chaoskit.run.injector import Hands, Injector
from chaoskit.run.recorder import Recorder
from chaoskit.target import engine, images
from chaoskit.target.agent import Agent
from chaoskit.target.compose import Stack
from chaoskit.target.engine import RUN_LABEL, Project
from chaoskit.target.hands import AgentHand
from chaoskit.target.observers import Observers
from chaoskit.target.rearm import rearm
from chaoskit.target.roles import find_role
from chaoskit.target.site import ProjectSite
from chaoskit.target.surgery import EngineHand

_STEP_LIMIT_NS = 50_000_000  # a wall clock that was stepped further misplaces log lines
_REMOVAL_LIMIT_S = 10.0  # the engine removes the agent after it has ended
_COMPOSE_STEP = re.compile(r"(Network|Volume|Container) \S+ +(Creat|Start|Recreat)(ing|ed)$")


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What a target must know of the run that it belongs to."""

    folder: RunFolder
    run_id: str
    recorder: Recorder
    seed: int
    lease_s: float


class RunningTarget:
    """One target of one run. A context manager: leaving it removes everything that it started."""

    def __init__(
        self, spec: TargetSpec, context: RunContext, *, overrides: Sequence[Path] = ()
    ) -> None:
        self.spec = spec
        self._overrides = overrides
        self.blind = False  # the experiment uses no fault of ours, so no effect can be proven
        self._context = context
        self._recorder = context.recorder
        self._client = engine.connect()
        self._clock = WallClock()
        self._ends = ExitStack()
        self._stack: Stack | None = None
        self._observers: Observers | None = None
        self._injector: Injector | None = None

    @property
    def entrypoints(self) -> Mapping[str, str]:
        """Name → address, for ${name} in experiments."""
        assert self._stack is not None, "start() comes first"
        return self._stack.entrypoints

    @property
    def injector(self) -> Injector:
        """Who breaks this target."""
        assert self._injector is not None, "start() comes first"
        return self._injector

    def start(self) -> None:
        """Bring the target to steady state, with agent and observers. Raises EnvironmentUnfit."""
        spec, labels = self.spec, {RUN_LABEL: self._context.run_id}
        project = f"chaoskit-{self._context.run_id}-{spec.name}"
        image = images.ensure_agent(self._client, self._progress)
        agent = AgentHand(
            lambda on_lapse: Agent.start(
                engine.connect(),
                image=image,
                labels=labels,
                lease_s=self._context.lease_s,
                on_lapse=on_lapse,
            )
        )
        self._ends.callback(agent.close)
        self._stack = Stack.start(
            spec,
            project=project,
            labels=labels,
            folder=self._context.folder.path / "compose",
            overrides=self._overrides,
            progress=self._progress,
            client=self._client,
        )
        self._ends.callback(self._stack.down)
        agent.ready()
        site = ProjectSite(Project(name=project, client=self._client))
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

    def announce(self) -> None:
        """Write down every service's strength as it is now: a trial's starting point."""
        assert self._observers is not None, "start() comes first"
        stepped_ns = self._clock.renew()
        self._observers.announce()
        if abs(stepped_ns) > _STEP_LIMIT_NS:
            detail = f"the wall clock was stepped by {stepped_ns / 1e6:.0f} ms"
            self._recorder.record(
                Mark(at_ns=now_ns(), kind=MarkKind.NOTE, source="chaoskit", detail=detail)
            )

    def rearm(self) -> None:
        """Make the next trial independent of this one: full strength, no back-off carried over."""
        assert self._stack is not None, "start() comes first"
        done = rearm(self._client, self._stack.project, self.spec, progress=self._progress)
        if not done.full:
            self._recorder.tell(
                Step.NOTE, f"{self.spec.name} did not come back to full strength between trials"
            )

    def orders(self, what: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the worker asks for on behalf of chaoslib."""
        match what:
            case "inject":
                fault = make(fields["fault"], fields["arguments"])
                return self.injector.inject(fault).as_dict()
            case "lift":
                gone = self.injector.lift_all()
                return {"lifted": [one.evidence for one in gone]}
            case "activity":
                self._activity(fields)
                return {}
        message = f"the worker asked for {what!r}, which nobody answers"
        raise LookupError(message)

    def _activity(self, fields: Mapping[str, Any]) -> None:
        at_ns = now_ns()
        if fields["kind"] == "action" and fields["stage"] == "begins" and self.blind:
            self._presume_effect(at_ns, fields["name"])
        self._recorder.record(
            Mark(
                at_ns=at_ns,
                kind=MarkKind.ACTIVITY,
                source=fields["name"],
                detail=f"{fields['stage']} {fields['status']}".strip(),
                data={"kind": fields["kind"], "stage": fields["stage"]},
            )
        )

    def _presume_effect(self, at_ns: int, activity: str) -> None:
        """Nobody can prove a foreign action's effect, so it counts from the first action's begin."""
        marks = self._recorder.marks()
        phases = [one.detail for one in marks if one.kind is MarkKind.PHASE]
        seen = any(one.kind is MarkKind.IN_EFFECT for one in marks)
        if seen or not phases or phases[-1] not in {"inject", "watch"}:
            return
        self._recorder.record(
            Mark(
                at_ns=at_ns,
                kind=MarkKind.IN_EFFECT,
                source=activity,
                detail="an action of Chaos Toolkit's began; its effect is not proven",
                data={"proven": False, "mechanism": "an action that is not chaoskit's"},
            )
        )

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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends.close()
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
