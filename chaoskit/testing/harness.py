"""A harness to be killed: it breaks a project, holds what it broke, and waits for its end.

    python -m chaoskit.testing.harness '{"folder": ..., "run_id": ..., "faults": [[name, {...}]]}'

It says `ready` after the last fault, lifts everything when its stdin ends, and then says `lifted`.
Who kills it before that finds out what is left.
"""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from random import Random  # noqa: TID251  # one fixed seed: everything is picked by name
from typing import Any

from chaoskit.errors import EnvironmentUnfit, FaultRefused
from chaoskit.faults.base import make
from chaoskit.run.injector import Injector
from chaoskit.run.keeper import Mode, spawn_keeper
from chaoskit.target.engine import RUN_LABEL, Project, connect
from chaoskit.target.hands import AgentHand, Hands
from chaoskit.target.images import ensure_agent
from chaoskit.target.site import ProjectSite
from chaoskit.target.surgery import EngineHand

PROMISE = "promised"  # in the words of a fault that measured something else
_TRIES = 3


def main() -> int:
    """Break, wait, lift; 7 when something would not go."""
    wanted = json.loads(sys.argv[1])
    folder, run_id, lease_s = Path(wanted["folder"]), wanted["run_id"], wanted["lease_s"]
    client = connect()
    keeper = spawn_keeper(folder=folder, run_id=run_id, lease_s=lease_s, mode=Mode.UNDO)
    agents = AgentHand.beside(
        client,
        image=lambda: ensure_agent(client, _quietly),
        labels={RUN_LABEL: run_id},
        lease_s=lease_s,
    )
    injector = Injector(
        folder=folder,
        run_id=run_id,
        site=ProjectSite(Project(run_id, client)),
        hands=Hands(agent=agents, engine=EngineHand(connect)),
        record=lambda _mark: None,
        rng=Random(1),
    )
    for name, arguments in wanted["faults"]:
        if why := broken(injector, name, arguments):
            _say({"refused": name, "why": why})
    _say({"ready": len(injector.held)})
    with suppress(KeyboardInterrupt):
        sys.stdin.read()
    injector.close()
    agents.close()
    keeper.goodbye()
    _say({"lifted": True})
    return 0


def broken(injector: Injector, name: str, arguments: Mapping[str, Any]) -> str:
    """Inject a fault; "" when it is in effect, else why it was refused.

    On a busy machine a promise is now and then not kept, and then it is tried again.
    """
    why = ""
    for _ in range(_TRIES):
        try:
            injector.inject(make(name, arguments))
        except (FaultRefused, EnvironmentUnfit) as error:  # an agent killed while it starts, too
            why = str(error)
            if PROMISE not in why:
                break
        else:
            return ""
    return why


def _say(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _quietly(_line: str) -> None:
    """Nobody reads a build's output here."""


if __name__ == "__main__":
    raise SystemExit(main())
