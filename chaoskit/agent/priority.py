"""To be woken in time on a busy machine: a delay is only as exact as whoever ends it is prompt.

Needs the capability SYS_NICE, and a control group that may use real-time scheduling; without them
everything works, and is late when the machine is busy. The kernel keeps 5 % of a core from such
processes, and ours sleep nearly all the time.
"""

import ctypes
import os
import platform
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CAPABILITY = "SYS_NICE"
_LOWEST = 1
_MOST_NICE = -20
_SLICE_NS = 100_000  # the shortest that the kernel takes: whoever asks for less is woken sooner
_SET_ATTRIBUTES = {"x86_64": 314, "aarch64": 274}  # sched_setattr, which Python has no name for
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")  # size, policy, flags, nice, priority, slice, -, -

_libc = ctypes.CDLL(None, use_errno=True)


def be_prompt() -> bool:
    """From now on before all ordinary processes; whether the kernel agreed."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(_LOWEST))
    except OSError:
        _ask(nice=_MOST_NICE, slice_ns=_SLICE_NS)
        return False
    return True


@contextmanager
def promptly() -> Iterator[None]:
    """For a measurement, which ends soon."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    be_prompt()
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        _ask(nice=before, slice_ns=0)


def _ask(*, nice: int, slice_ns: int) -> None:
    """Before others, and for shorter turns (kernel 6.12). What is not granted is done without."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    if call := _SET_ATTRIBUTES.get(platform.machine()):
        granted = os.getpriority(os.PRIO_PROCESS, 0)
        wanted = _ATTRIBUTES.pack(_ATTRIBUTES.size, os.SCHED_OTHER, 0, granted, 0, slice_ns, 0, 0)
        _libc.syscall(call, 0, wanted, 0)
