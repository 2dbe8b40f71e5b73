"""Ends the service when it has not proven for two seconds that it is alive; supervisord starts it again.

What systemd does with WatchdogSec: any ping of the service counts, and the first one that is missing
for too long is enough. A hung process does not hear SIGTERM, so it gets SIGKILL.
"""

import os
import signal
import socket
import time
from pathlib import Path

PATH = Path("/run/watchdog.sock")
PID_FILE = Path("/run/web.pid")
LIMIT_S = 2.0
PROGRAM = b"/srv/serve.py"
KILLS = os.environ["WATCHDOG"] == "true"


def service() -> int | None:
    """The service's process, unless it has ended or has only just begun."""
    try:
        pid = int(PID_FILE.read_text(encoding="ascii"))
        begun_s = PID_FILE.stat().st_mtime
        # The number may be another process's by now.
        ours = PROGRAM in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if ours and time.time() - begun_s >= LIMIT_S else None


def main() -> None:
    """Listen for ever."""
    PATH.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(PATH))
    listener.settimeout(LIMIT_S)
    print(f"watchdog: waits for a ping every {LIMIT_S:g} s", flush=True)
    while True:
        try:
            listener.recv(64)
            continue
        except TimeoutError:
            pid = service()
        if pid is None or not KILLS:
            continue  # nobody is there to be ended: supervisord's matter
        print(f"watchdog: no ping of web ({pid}) for {LIMIT_S:g} s", flush=True)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it has ended meanwhile
        print(f"watchdog: killed web ({pid})", flush=True)


if __name__ == "__main__":
    main()
