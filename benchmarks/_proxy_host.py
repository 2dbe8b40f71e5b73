"""The proxy's program with fixed destinations: `python -m benchmarks._proxy_host PORT...`.

Prints the port of one proxy for each destination on 127.0.0.1. It does nothing to what it carries.
"""

import gc
import sys

from chaoskit.agent.programs.proxy import allow_many_connections
from chaoskit.agent.proxying.loop import Loop
from chaoskit.agent.proxying.proxy import Proxy, Work


def main() -> None:
    """Serve until killed."""
    allow_many_connections()
    loop = Loop()
    ports = []
    for word in sys.argv[1:]:
        proxy = Proxy(loop, Work())
        proxy.destination = lambda _client, port=int(word): ("127.0.0.1", port)
        ports.append(proxy.port)
    gc.freeze()
    print(*ports, flush=True)
    loop.run()


if __name__ == "__main__":
    main()
