"""The keeper: a small detached process that outlives its run and cleans up after it if it must.

It holds the other end of a pipe and does nothing. When the pipe closes without a goodbye, or the
owner of the run is gone, it waits for the leases to lapse, undoes what the log leaves open, and
removes what carries the run's label.

    python -m chaoskit.run.keeper RUN_FOLDER RUN_ID LEASE_S remove|undo OWNER_PID
"""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chaoskit.errors import ChaoskitError, EnvironmentUnfit, Exit
from chaoskit.run.clock import pause, wall_now
from chaoskit.run.owner import Mode, claim, release

__all__ = ["Keeper", "Mode", "main", "spawn_keeper"]

LOG = "keeper.log"
_GOODBYE = b"goodbye"
_GRACE_S = 1.0  # beyond the lease, for the agent to do its work
_PATIENCE_S = 5.0  # for a keeper to leave after goodbye


@dataclass(frozen=True)
class Keeper:
    """The run's handle on its keeper."""

    process: subprocess.Popen[bytes]
    folder: Path

    def goodbye(self) -> None:
        """The run ended in good order: there is nothing to keep. Idempotent, never raises."""
        pipe = self.process.stdin
        assert pipe is not None, "the keeper was started with a pipe"
        with contextlib.suppress(OSError, ValueError):
            pipe.write(_GOODBYE + b"\n")
            pipe.flush()
        with contextlib.suppress(OSError):
            pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_PATIENCE_S)
        release(self.folder)


def spawn_keeper(*, folder: Path, run_id: str, lease_s: float, mode: Mode) -> Keeper:
    """Start the keeper of a run that this process owns. Also claims the run for
    this process, so that a later command can tell that it died.

    Raises EnvironmentUnfit when no process can be started.
    """
    folder = folder.resolve()
    claim(folder, run_id, mode)
    words = [str(folder), run_id, f"{lease_s:g}", mode.value, str(os.getpid())]
    try:
        with (folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "chaoskit.run.keeper", *words],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
    except OSError as error:
        message = f"the keeper that cleans up after a killed run could not be started: {error}"
        raise EnvironmentUnfit(message) from error
    return Keeper(process, folder)


def main(arguments: Sequence[str]) -> Exit:
    """Keep, and clean up if need be."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    folder, run_id, lease_s, mode, owner = arguments
    if _told_goodbye(sys.stdin.fileno(), int(owner)):
        return Exit.PASS
    _log(f"the harness of run {run_id} is gone; waiting for its leases to lapse")
    pause(float(lease_s) + _GRACE_S)
    return _clean(Path(folder), mode)


def _told_goodbye(descriptor: int, owner: int) -> bool:
    """Wait until the pipe closes or the owner ends; whether it was in good order.

    The owner is watched too, because a process that it forked may hold the pipe open.
    """
    heard = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        watched = _watch(owner)
        if watched is not None:
            selector.register(watched, selectors.EVENT_READ)
        while _GOODBYE not in heard:
            ready = {key.fd for key, _ in selector.select()}
            if descriptor in ready:
                data = os.read(descriptor, 4096)
                heard += data
                if not data:
                    break
            elif watched in ready:
                break
    return _GOODBYE in heard


def _watch(owner: int) -> int | None:
    """A descriptor that is readable when the process ends; None where the kernel has none."""
    try:
        return os.pidfd_open(owner)
    except OSError:
        return None


def _clean(folder: Path, mode: str) -> Exit:
    # Imported only when needed: a keeper of a run that ends well should cost next to nothing.
    from chaoskit.run.recover import recover  # noqa: PLC0415

    try:
        done = recover(folder, mode=Mode(mode), tell=_log)
    except ChaoskitError as error:
        _log(str(error))
        return error.exit_code
    _log(f"done: {len(done.undone)} undone, {len(done.removed)} removed")
    return Exit.PASS


def _log(line: str) -> None:
    sys.stdout.write(f"{wall_now()} {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
