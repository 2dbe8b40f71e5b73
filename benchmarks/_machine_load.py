"""How busy the machine is while something is measured: a figure without it is half a figure."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

_LOOK_EVERY_S = 5.0
_QUIET_LOAD = 2.0  # of two cores


@dataclass
class Load:
    """The load of the machine and the containers of others, looked at every few seconds."""

    loads: list[float] = field(default_factory=list)
    others: list[int] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Quiet: nobody else's containers, and no more work than the cores can do."""
        quiet = max(self.others) == 0 and max(self.loads) <= _QUIET_LOAD
        return {
            "median": round(median(self.loads), 1),
            "worst": round(max(self.loads), 1),
            "others_at_most": max(self.others),
            "quiet": quiet,
        }


@contextmanager
def watched() -> Iterator[Load]:
    """Keep an eye on the machine while something is measured."""
    load, over = Load(), threading.Event()
    others = _others()

    def look() -> None:
        while True:
            load.loads.append(os.getloadavg()[0])
            load.others.append(others())
            if over.wait(_LOOK_EVERY_S):
                return

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield load
    finally:
        over.set()
        watcher.join()


def _others() -> Callable[[], int]:
    """How many runs besides ours have containers now: two of them at once are a busy machine."""
    from chaoskit.target.engine import RUN_LABEL, UP_LABEL, connect

    client = connect()

    def count() -> int:
        # Plain rows: the SDK would ask for each container again, and some are gone by then.
        rows = client.api.containers()
        runs = {row["Labels"].get(label) for row in rows for label in (RUN_LABEL, UP_LABEL)}
        return max(0, len(runs - {None}) - 1)

    return count
