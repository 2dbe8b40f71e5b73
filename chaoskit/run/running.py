"""What holds for a target under a run wherever it stands: orders, activities, and how it ends.

The supervisor knows only this. Below it are a Compose project (running_target.py) and a namespace
of a cluster (running_cluster.py).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from chaoskit.faults.base import make
from chaoskit.model.experiment import FaultUse
from chaoskit.model.target import TargetSpec
from chaoskit.model.timeline import Mark, MarkKind
from chaoskit.run.clock import now_ns
from chaoskit.run.folder import RunFolder
from chaoskit.run.injector import Injector
from chaoskit.run.prober.handle import AnyProber
from chaoskit.run.recorder import Recorder


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What a target must know of the run that it belongs to."""

    folder: RunFolder
    run_id: str
    recorder: Recorder
    seed: int
    lease_s: float
    allow: tuple[str, ...] = ()  # labels of containers outside the target that may be broken too


class Running(ABC):
    """One target of one run. A context manager: leaving it removes everything that it started."""

    def __init__(self, spec: TargetSpec, context: RunContext, faults: Sequence[FaultUse]) -> None:
        self.spec = spec
        self.images: Mapping[str, str] = {}  # by service: what runs, tag and digest
        self.prober: AnyProber | None = None  # None: the run's own, on this machine
        self.inside: Mapping[str, str] = {}  # entrypoints as that prober reaches them
        self.blind = False  # the experiment uses no fault of ours, so no effect can be proven
        self._faults = faults  # that will be asked for: what cannot be done here is refused
        self._context = context
        self._recorder = context.recorder
        self._ends = ExitStack()
        self._injector: Injector | None = None

    @property
    @abstractmethod
    def entrypoints(self) -> Mapping[str, str]:
        """Name → address, for ${name} in experiments."""

    @abstractmethod
    def start(self) -> None:
        """Bring the target to steady state, with observers. Raises EnvironmentUnfit."""

    @abstractmethod
    def announce(self) -> None:
        """Write down every service's strength as it is now: a trial's starting point."""

    @abstractmethod
    def rearm(self) -> None:
        """Make the next trial independent of this one: full strength, no back-off carried over."""

    def told_until(self, at_ns: int) -> bool:
        """Whether all that was broken by then in our own way to the target has become a mark."""
        return at_ns >= 0

    @property
    def injector(self) -> Injector:
        """Who breaks this target."""
        assert self._injector is not None, "start() comes first"
        return self._injector

    def orders(self, what: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the worker asks for on behalf of chaoslib."""
        match what:
            case "inject":
                fault = make(fields["fault"], fields["arguments"])
                if fields["late"]:
                    self._note(fields["late"])
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

    def _note(self, detail: str) -> None:
        mark = Mark(at_ns=now_ns(), kind=MarkKind.NOTE, source="chaoskit", detail=detail)
        self._recorder.record(mark)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends.close()
