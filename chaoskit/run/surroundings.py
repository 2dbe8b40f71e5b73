"""What a result may depend on: the machine, and every engine and cluster that targets need."""

import os
import platform
from collections.abc import Collection
from pathlib import Path

from chaoskit.model.target import TargetSpec
from chaoskit.plan.repository import revision


def surroundings(specs: Collection[TargetSpec]) -> dict[str, str]:
    """What a result may depend on, of every engine and cluster that the targets need.

    Raises EnvironmentUnfit when one of them is not there; nothing was started then.
    """
    clusters = {one.cluster.context for one in specs if one.cluster is not None}
    found: dict[str, str] = {}
    if any(one.cluster is None for one in specs):
        from chaoskit.target import doctor, engine  # noqa: PLC0415

        client = engine.connect()
        doctor.preflight(client)
        found.update(engine.describe(client))
    for context in sorted(clusters):
        from chaoskit.target.kubernetes import describe  # noqa: PLC0415

        found.update(describe.cluster(context))
    return found


def environment() -> dict[str, str]:
    """What the result may depend on, of this machine."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": str(os.cpu_count()),
        "load": "{:.2f} {:.2f} {:.2f}".format(*os.getloadavg()),
        "host": platform.node(),
        **revision(Path()),
    }
