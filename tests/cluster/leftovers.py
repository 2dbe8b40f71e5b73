"""What a fake node leaves on the machine: a folder, and processes that know the folder's name.

Everything that it starts, and whatever those start in the background, has the folder in its
environment. So all of it can be found, also by the next test when the last one was killed outright.
"""

import contextlib
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

VARIABLE = "CHAOSKIT_PROC"
_PREFIX = "fake-proc-"


def folder():
    """A fresh one, named after its owner. Those of owners that are dead are cleared first."""
    for one in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        owner = one.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            clear(one)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))


def clear(path, within_s=10):
    """End everything that belongs to it, and remove it."""
    end = time.monotonic() + within_s
    while (left := processes(path)) and time.monotonic() < end:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    shutil.rmtree(path, ignore_errors=True)
    assert not processes(path), f"processes of {path} would not end: {processes(path)}"


def processes(path):
    """Whoever has it in the environment and still runs."""
    word = f"{VARIABLE}={path}".encode()
    found = []
    for one in Path("/proc").iterdir():
        if one.name.isdigit() and int(one.name) != os.getpid():
            with contextlib.suppress(OSError):  # ended meanwhile, or somebody else's
                if word in (one / "environ").read_bytes().split(b"\0"):
                    found.append(int(one.name))
    return found
