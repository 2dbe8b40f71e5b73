"""The prober as the main process of a pod: the same sampling, ordered through a socket.

`chaoskit.run.prober.link`, run in the same container, is the way to it.
"""

import os
import signal
import sys
from pathlib import Path

from chaoskit.run.prober.desk import FOLDER, Desk
from chaoskit.run.prober.hub import Hub
from chaoskit.run.prober.limits import raise_descriptor_limit
from chaoskit.run.prober.sampler import Sampler


def main() -> None:
    """Sample when ordered to, until nobody is there any more."""
    # The first process of a pod has no default for it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    raise_descriptor_limit()
    hub = Hub()
    sampler = Sampler(hub)
    try:
        Desk(Path(os.environ[FOLDER]), hub, sampler)
    except (KeyError, OSError) as problem:
        sys.exit(f"the prober needs a folder that it can write to, named by {FOLDER}: {problem}")
    sampler.run()


if __name__ == "__main__":
    main()
