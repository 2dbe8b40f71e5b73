"""A Chaos Toolkit action for rollbacks: lift everything that is held, now.

    rollbacks:
      - type: action
        name: lift-everything
        provider: {type: python, module: chaoskit.faults.lifting, func: lift_all}

It is never needed: what is held is lifted at the end whatever happens. It says when.
"""

from typing import Any

from chaoskit.faults import session


def lift_all() -> dict[str, Any]:
    """Lift every held fault and prove it gone. Raises LiftFailed."""
    return session.current().lift_all()
