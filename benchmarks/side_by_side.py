"""Two copies of each target at once: do both reach steady state, and does one's end leave the other whole?

python -m benchmarks.side_by_side [TARGET ...]
"""

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks._machine_load import watched

TITLE = "two copies of each target side by side"
ROOT = Path(__file__).parents[1]


def measure(names: Sequence[str] = ()) -> dict[str, Any]:
    """Target → seconds until both stood, and whether the second outlived the first."""
    there = sorted(one.parent.name for one in (ROOT / "targets").glob("*/compose.yaml"))
    found = {}
    for name in names or there:
        with watched() as load:
            row = _pair(name)
        found[name] = {**row, "load": load.summary()["median"]}
        print(name, json.dumps(found[name]), flush=True)
    return found


def _pair(name: str) -> dict[str, Any]:
    from chaoskit.plan.targets import TargetShelf
    from chaoskit.target import engine
    from chaoskit.target.images import ensure_services
    from chaoskit.target.readiness import still_ready

    client, spec = engine.connect(), TargetShelf(ROOT / "targets").load(name)
    ensure_services(client, spec.folder, lambda _: None)
    projects = [f"chaoskit-side-{number}-{name}" for number in (1, 2)]
    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(2) as pool:
        begun = time.monotonic()
        starting = [pool.submit(_start, spec, one, Path(place) / one) for one in projects]
        stacks = [one.result() for one in starting]
        ready_s = time.monotonic() - begun
        both = [one.entrypoints for one in stacks]
        begun = time.monotonic()
        stacks[0].down()
        first_s = time.monotonic() - begun
        outlives = still_ready(spec, both[1])
        stacks[1].down()
    return {
        "both_ready_s": round(ready_s, 1),
        "apart": not set(both[0].values()) & set(both[1].values()),
        "first_removed_s": round(first_s, 1),
        "second_outlives_it": outlives,
        "left": sum(len(engine.Project(name=one, client=client).containers()) for one in projects),
    }


def _start(spec: Any, project: str, folder: Path) -> Any:
    from chaoskit.target import engine
    from chaoskit.target.compose import Stack

    return Stack.start(
        spec,
        project=project,
        labels={engine.RUN_LABEL: project},
        folder=folder,
        progress=lambda _: None,
        client=engine.connect(),
    )


if __name__ == "__main__":
    measure(sys.argv[1:])
