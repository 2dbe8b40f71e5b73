"""A Chaos Toolkit control: lets a plain `chaos run` use a target that `chaoskit up` started.

Listed under `controls` of an experiment it fills in the target's addresses, and lifts every held
fault when the experiment ends. Under `chaoskit run` the supervisor does both, and this does nothing.
"""

from typing import Any

from chaoskit.faults import session
from chaoskit.run.session import LocalSession


def configure_control(configuration: dict[str, Any], **_: Any) -> None:
    """Add the entrypoints of the running target to the configuration, unless they are there."""
    current = session.current()
    if isinstance(current, LocalSession):
        for name, address in current.entrypoints.items():
            configuration.setdefault(name, address)


def after_experiment_control(**_: Any) -> None:
    """Lift whatever the experiment still holds."""
    current = session.current()
    if isinstance(current, LocalSession):
        current.lift_all()
