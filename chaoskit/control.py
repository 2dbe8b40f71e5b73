"""A Chaos Toolkit control: lets a plain `chaos run` use a target that `chaoskit up` started.

Listed under `controls` of an experiment it fills in the target's addresses, and lifts every held
fault when the experiment ends. Under `chaoskit run` the supervisor does both, and this does nothing.
"""

import os
from pathlib import Path
from typing import Any

from chaoskit.faults import session
from chaoskit.plan.targets import TargetShelf
from chaoskit.run.session import LocalSession
from chaoskit.target import engine
from chaoskit.target.compose import Stack

TARGETS = "CHAOSKIT_TARGETS"  # where target folders are; default: targets


def configure_control(configuration: dict[str, Any], **_: Any) -> None:
    """Put the addresses of the running target into the configuration."""
    current = session.current()
    if isinstance(current, LocalSession):
        spec = TargetShelf(Path(os.environ.get(TARGETS, "targets"))).load(current.target)
        stack = Stack.attach(spec, current.project, engine.connect())
        configuration.update(stack.entrypoints)


def after_experiment_control(**_: Any) -> None:
    """Lift whatever the experiment still holds."""
    current = session.current()
    if isinstance(current, LocalSession):
        current.lift_all()
