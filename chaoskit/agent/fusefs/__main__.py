"""`python3 -m chaoskit.agent.fusefs BACKING MOUNTPOINT SOCKET TOKEN [--unsynced]`.

Serves the folder BACKING at MOUNTPOINT until it is told to end. "ready" on stdout says when.
"""

import os
import resource
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

# The modules with the handlers register them when they are imported.
from chaoskit.agent.fusefs import files as _files
from chaoskit.agent.fusefs import names as _names
from chaoskit.agent.fusefs.control import Control
from chaoskit.agent.fusefs.device import mount, unmount
from chaoskit.agent.fusefs.nodes import Nodes
from chaoskit.agent.fusefs.rules import Rules
from chaoskit.agent.fusefs.server import Server
from chaoskit.agent.fusefs.store import Store
from chaoskit.agent.fusefs.unsynced import UnsyncedStore

__all__ = ["main"]

_ = (_files, _names)


def main(arguments: Sequence[str]) -> int:
    """Mount, serve, unmount."""
    backing, mountpoint, path, token = arguments[:4]
    store = UnsyncedStore(backing) if "--unsynced" in arguments[4:] else Store()
    return serve(Path(backing), Path(mountpoint), Path(path), token, store)


def serve(backing: Path, mountpoint: Path, path: Path, token: str, store: Store) -> int:
    """Serve `backing` at `mountpoint` with a store, until a signal ends it."""
    os.umask(0)  # the kernel has applied the caller's
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)  # each file that it knows takes one
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    device = mount(mountpoint, f"chaoskit:{token}")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        server = Server(device, Nodes(str(backing)), store, Rules())
        Control(server, backing, token).listen(path)
        threading.Thread(target=_run, args=(server, ended), daemon=True).start()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        ended.wait()
    finally:
        unmount(mountpoint)
    return 0


def _run(server: Server, ended: threading.Event) -> None:
    server.run()
    ended.set()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
