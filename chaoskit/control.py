"""A Chaos Toolkit control: lets a plain `chaos run` use a target that `chaoskit up` started.

Listed under `controls` of an experiment it fills in the target's addresses, and lifts every held
fault when the experiment ends. Under `chaoskit run` the supervisor does both, and this does nothing.
"""

import logging
from typing import Any

from chaoskit.errors import ChaoskitError
from chaoskit.faults import session
from chaoskit.run.session import TARGETS, OwnSession

__all__ = ["TARGETS", "after_experiment_control", "configure_control"]

_log = logging.getLogger("chaoskit")


def configure_control(configuration: dict[str, Any], **_: Any) -> None:
    """Put the addresses of the running target into the configuration."""
    try:
        current = session.current()
        if isinstance(current, OwnSession):
            configuration.update(current.entrypoints)
    except ChaoskitError as error:
        _log.error("chaoskit: %s", error)  # Chaos Toolkit tells what a control raises to nobody
        raise


def after_experiment_control(**_: Any) -> None:
    """Lift whatever the experiment still holds."""
    current = session.current()
    if isinstance(current, OwnSession):
        current.lift_all()
