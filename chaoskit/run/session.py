"""Faults without a supervisor: a plain `chaos run` against a target that `chaoskit up` started.

The first fault opens the session: it finds the one standing target, starts an agent and a keeper,
and holds the leases in this process. What is still held when the process ends is lifted then; when
it is killed, the agent lifts and the keeper undoes.
"""

import atexit
import logging
import os
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from random import SystemRandom  # noqa: TID251  # only to draw the seed, which is then told
from typing import Any

from chaoskit.errors import (
    ChaoskitError,
    EnvironmentUnfit,
    FaultRefused,
    InputError,
    LiftFailed,
)
from chaoskit.faults.base import Fault
from chaoskit.model.evidence import mark_line
from chaoskit.model.target import TargetSpec
from chaoskit.model.timeline import Mark
from chaoskit.plan.chance import chance
from chaoskit.plan.clusters import is_configured
from chaoskit.plan.targets import TargetShelf
from chaoskit.run.folder import new_run_id
from chaoskit.run.injector import Injector
from chaoskit.run.keeper import Keeper, spawn_keeper
from chaoskit.run.owner import Mode
from chaoskit.run.timetable import Timetable, lateness
from chaoskit.target import engine
from chaoskit.target.agent import DEFAULT_LEASE_S
from chaoskit.target.compose import Stack
from chaoskit.target.engine import RUN_LABEL, Project
from chaoskit.target.hands import AgentHand, Hands
from chaoskit.target.images import ensure_agent
from chaoskit.target.site import ProjectSite, allowed_labels
from chaoskit.target.standing import Standing, find_standing
from chaoskit.target.surgery import EngineHand

WHICH = "CHAOSKIT_TARGET"  # names the target when several are up
TARGETS = "CHAOSKIT_TARGETS"  # where target folders are; default: targets
REPORTS = "CHAOSKIT_REPORTS"  # where the session's folder goes; default: reports
ALLOW = "CHAOSKIT_ALLOW"  # labels of containers outside the target that may be broken, by commas

_log = logging.getLogger("chaoskit")


class OwnSession(ABC):
    """Holds the faults of one Chaos Toolkit process. See chaoskit.faults.session.Session."""

    def __init__(self, target: str, reports: Path) -> None:
        self.target = target
        self.run_id = new_run_id()
        self.folder = reports / f"up-{target}" / self.run_id
        self.folder.mkdir(parents=True)
        self.seed = SystemRandom().randrange(1 << 32)
        self._marks_lock = threading.Lock()
        self._timetable = Timetable()
        self._keeper: Keeper | None = None
        _log.info("chaoskit: target %s, seed %d, %s", target, self.seed, self.folder)

    @property
    @abstractmethod
    def entrypoints(self) -> dict[str, str]:
        """Name → address: what stands for `${name}` in an experiment."""

    @property
    @abstractmethod
    def injector(self) -> Injector:
        """Who carries the faults out."""

    @abstractmethod
    def check(self, fault: Fault) -> None:
        """Raises FaultRefused for what we may not do, or may not undo, here."""

    @abstractmethod
    def end(self) -> None:
        """Send away whoever carries faults out."""

    def keep(self, lease_s: float) -> None:
        """From now on somebody undoes when this process is killed."""
        self._keeper = spawn_keeper(
            folder=self.folder, run_id=self.run_id, lease_s=lease_s, mode=Mode.UNDO
        )

    def inject(self, fault: Fault) -> dict[str, Any]:
        """Apply a fault when it is due, and prove it in effect."""
        self.check(fault)
        if late := lateness(fault, self._timetable.wait_for(fault)):
            _log.warning("chaoskit: %s", late)
        return self.injector.inject(fault).as_dict()

    def lift_all(self) -> dict[str, Any]:
        """Lift every held fault and prove it gone."""
        return {"lifted": [gone.evidence for gone in self.injector.lift_all()]}

    def close(self) -> None:
        """Lift what is held, say so, and send everybody away. Raises LiftFailed.

        When something would not go, the keeper is left to try again after we are gone.
        """
        held = self.injector.held
        try:
            gone = self.injector.close()
        finally:
            self.end()
        if held:
            words = "; ".join(one.evidence for one in gone)
            _log.warning("chaoskit: lifted at the end of the process: %s", words)
        if self._keeper is not None:
            self._keeper.goodbye()

    def record(self, mark: Mark) -> None:
        """Write a mark down. Called from several threads."""
        with self._marks_lock, (self.folder / "marks.jsonl").open("a", encoding="utf-8") as file:
            file.write(mark_line(mark))


class LocalSession(OwnSession):
    """On a target that stands on this engine."""

    def __init__(self, standing: Standing, reports: Path) -> None:
        super().__init__(standing.name, reports)
        self.project = standing.project
        client = engine.connect()
        self._agent = AgentHand.beside(
            client,
            image=lambda: ensure_agent(client, _log.info),
            labels={RUN_LABEL: self.run_id},
        )
        self.keep(DEFAULT_LEASE_S)
        self._injector = Injector(
            folder=self.folder,
            run_id=self.run_id,
            site=ProjectSite(
                Project(name=standing.project, client=engine.connect()),
                allowed=allowed_labels(os.environ.get(ALLOW, "")),
            ),
            hands=Hands(agent=self._agent, engine=EngineHand(engine.connect)),
            record=self.record,
            rng=chance(self.seed, standing.name, "pick"),
        )

    @property
    def entrypoints(self) -> dict[str, str]:
        """See OwnSession."""
        stack = Stack.attach(_shelf().load(self.target), self.project, engine.connect())
        return dict(stack.entrypoints)

    @property
    def injector(self) -> Injector:
        """See OwnSession."""
        return self._injector

    def check(self, fault: Fault) -> None:
        """Whoever may talk to the engine may do everything."""

    def end(self) -> None:
        """See OwnSession."""
        self._agent.close()


def open_local() -> OwnSession:
    """The session of a process that nobody supervises; closed when the process ends.

    Raises FaultRefused when no target is up, or several and CHAOSKIT_TARGET names none of them.
    """
    wanted, reports = os.environ.get(WHICH), Path(os.environ.get(REPORTS, "reports"))
    spec = _in_cluster(wanted)
    session: OwnSession
    if spec is None:
        session = LocalSession(find_standing(engine.connect(), wanted), reports)
    else:
        from chaoskit.run.cluster_session import (  # noqa: PLC0415  # the client takes a second
            ClusterSession,
        )

        session = ClusterSession(spec, reports)
    atexit.register(_close, session)
    return session


def _shelf() -> TargetShelf:
    return TargetShelf(Path(os.environ.get(TARGETS, "targets")))


def _in_cluster(wanted: str | None) -> TargetSpec | None:
    """The target that is meant, when it is in a cluster; None when it is on this engine.

    Nobody asks a cluster as long as a target stands on the engine, or one is named.
    """
    shelf = _shelf()
    if wanted is not None:
        spec = shelf.load(wanted) if shelf.knows(wanted) else None
        return spec if spec is not None and spec.cluster is not None else None
    known = [one for one in shelf.names() if _is_clustered(shelf, one)]
    if not known or not is_configured() or _any_here():
        return None
    from chaoskit.target.kubernetes.standing import names_up  # noqa: PLC0415  # as above

    up = [one for one in names_up() if one in known]
    if len(up) > 1:
        message = (
            f"several targets are up in the cluster ({', '.join(up)}); set {WHICH} to the one "
            "that is meant"
        )
        raise FaultRefused(message)
    return shelf.load(up[0]) if up else None


def _is_clustered(shelf: TargetShelf, name: str) -> bool:
    try:
        return shelf.load(name).cluster is not None
    except InputError:
        return False  # whoever names it is told


def _any_here() -> bool:
    try:
        find_standing(engine.connect(), None)
    except EnvironmentUnfit:
        return False
    except FaultRefused as error:
        return "several" in str(error)
    return True


def _close(session: OwnSession) -> None:
    try:
        session.close()
    except LiftFailed as error:
        _log.critical("chaoskit: A FAULT MAY STILL BE ON. %s", error)
    except ChaoskitError as error:
        _log.error("chaoskit: %s", error)  # for people: no traceback
