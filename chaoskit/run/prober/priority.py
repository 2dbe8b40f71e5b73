"""Punctuality on a busy machine, without starving the system under test.

A real-time prober wakes within microseconds even when every core is taken. But one that has a lot to
do would take the core from the target, and so cause what it measures; it only gets a better nice value.
"""

import os
from contextlib import suppress

_COST_S = 150e-6  # of one ask, measured at 4,000 a second
_REAL_TIME_SHARE = 0.3  # of all cores, at most
_PRIORITY = 1
_NICE = -10


def claim(asks_per_s: float) -> str:
    """Claim what is permitted: `real-time`, `nice` or `normal`. Children start without it."""
    cores = len(os.sched_getaffinity(0))
    if asks_per_s * _COST_S <= _REAL_TIME_SHARE * cores:
        with suppress(OSError):
            policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
            os.sched_setscheduler(0, policy, os.sched_param(_PRIORITY))
            return "real-time"
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
        return "nice"
    return "normal"


def release() -> None:
    """Back to normal: setting up and tearing down are in no hurry."""
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, 0, 0)
