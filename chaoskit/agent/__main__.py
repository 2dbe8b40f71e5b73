"""`python3 -m chaoskit.agent`: serve orders on stdin until it closes or somebody says bye."""

import signal
import sys

from chaoskit.agent.service import Service


def main() -> int:
    """Serve; 0 when everything that was held is lifted, 7 when something may be left."""
    # Only the pipe decides: a stray signal must not leave a fault behind. `docker stop` closes
    # nothing, so it is answered by lifting everything too.
    service = Service(read_fd=sys.stdin.fileno(), write_fd=sys.stdout.fileno())
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: service.leave())
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    return 0 if service.run() else 7


if __name__ == "__main__":
    raise SystemExit(main())
