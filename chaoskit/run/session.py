"""Faults without a supervisor: a plain `chaos run` against a target that `chaoskit up` started.

The first fault opens the session: it finds the one standing target, starts an agent and a keeper,
and holds the leases in this process. What is still held when the process ends is lifted then; when
it is killed, the agent lifts and the keeper undoes.
"""

import atexit
import logging
import os
import threading
from pathlib import Path
from random import SystemRandom  # noqa: TID251  # only to draw the seed, which is then told
from typing import Any

from chaoskit.errors import ChaoskitError, LiftFailed
from chaoskit.faults.base import Fault
from chaoskit.model.evidence import mark_line
from chaoskit.model.timeline import Mark
from chaoskit.plan.chance import chance
from chaoskit.run.folder import new_run_id
from chaoskit.run.injector import Injector
from chaoskit.run.keeper import spawn_keeper
from chaoskit.run.owner import Mode
from chaoskit.target import engine
from chaoskit.target.agent import DEFAULT_LEASE_S, Agent
from chaoskit.target.engine import RUN_LABEL, Project
from chaoskit.target.hands import AgentHand, Hands
from chaoskit.target.images import ensure_agent
from chaoskit.target.site import ProjectSite
from chaoskit.target.standing import Standing, find_standing
from chaoskit.target.surgery import EngineHand

WHICH = "CHAOSKIT_TARGET"  # names the target when several are up
REPORTS = "CHAOSKIT_REPORTS"  # where the session's folder goes; default: reports

_log = logging.getLogger("chaoskit")


class LocalSession:
    """Holds the faults of one Chaos Toolkit process. See chaoskit.faults.session.Session."""

    def __init__(self, standing: Standing, reports: Path) -> None:
        self.target = standing.name
        self.project = standing.project
        self.run_id = new_run_id()
        self.folder = reports / f"up-{standing.name}" / self.run_id
        self.folder.mkdir(parents=True)
        self._marks_lock = threading.Lock()
        self._agent = AgentHand(self._start_agent)
        self._keeper = spawn_keeper(
            folder=self.folder, run_id=self.run_id, lease_s=DEFAULT_LEASE_S, mode=Mode.UNDO
        )
        seed = SystemRandom().randrange(1 << 32)
        _log.info("chaoskit: target %s, seed %d, %s", standing.name, seed, self.folder)
        self._injector = Injector(
            folder=self.folder,
            run_id=self.run_id,
            site=ProjectSite(Project(name=standing.project, client=engine.connect())),
            hands=Hands(agent=self._agent, engine=EngineHand(engine.connect)),
            record=self._record,
            rng=chance(seed, standing.name, "pick"),
        )

    def inject(self, fault: Fault) -> dict[str, Any]:
        """Apply a fault and prove it in effect."""
        return self._injector.inject(fault).as_dict()

    def lift_all(self) -> dict[str, Any]:
        """Lift every held fault and prove it gone."""
        return {"lifted": [gone.evidence for gone in self._injector.lift_all()]}

    def close(self) -> None:
        """Lift what is held, say so, and send agent and keeper away. Raises LiftFailed.

        When something would not go, the keeper is left to try again after we are gone.
        """
        held = self._injector.held
        try:
            gone = self._injector.close()
        finally:
            self._agent.close()
        if held:
            words = "; ".join(one.evidence for one in gone)
            _log.warning("chaoskit: lifted at the end of the process: %s", words)
        self._keeper.goodbye()

    def _start_agent(self, on_lapse: Any) -> Agent:
        client = engine.connect()
        image = ensure_agent(client, _log.info)
        return Agent.start(client, image=image, labels={RUN_LABEL: self.run_id}, on_lapse=on_lapse)

    def _record(self, mark: Mark) -> None:
        with self._marks_lock, (self.folder / "marks.jsonl").open("a", encoding="utf-8") as file:
            file.write(mark_line(mark))


def open_local() -> LocalSession:
    """The session of a process that nobody supervises; closed when the process ends.

    Raises FaultRefused when no target is up, or several and CHAOSKIT_TARGET names none of them.
    """
    standing = find_standing(engine.connect(), os.environ.get(WHICH))
    session = LocalSession(standing, Path(os.environ.get(REPORTS, "reports")))
    atexit.register(_close, session)
    return session


def _close(session: LocalSession) -> None:
    try:
        session.close()
    except LiftFailed as error:
        _log.critical("chaoskit: A FAULT MAY STILL BE ON. %s", error)
    except ChaoskitError as error:
        _log.error("chaoskit: %s", error)  # for people: no traceback
