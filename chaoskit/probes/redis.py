"""A Chaos Toolkit probe for Redis: is there a server that answers, and not only a port that is open?

For the hypothesis, as a python provider, with the tolerance true:

    {type: python, module: chaoskit.probes.redis, func: ping, arguments: {url: "${redis_url}"}}

One connection, one question, no client library: it must be quick when asked many times a second.
"""

import socket
from urllib.parse import urlsplit

_INLINE_PING = b"PING\r\n"


def ping(url: str, timeout: float = 0.5) -> bool:
    """Whether the server answers PONG; false while it loads its data, or is not there.

    `timeout` is in seconds, for connecting and for each byte of the answer.
    """
    parts = urlsplit(url if "://" in url else f"redis://{url}")
    address = (parts.hostname or "127.0.0.1", parts.port or 6379)
    try:
        with socket.create_connection(address, timeout) as connection:
            connection.sendall(_INLINE_PING)
            heard = b""
            while not heard.endswith(b"\r\n"):
                more = connection.recv(256)
                if not more:
                    return False
                heard += more
    except OSError:
        return False
    return heard == b"+PONG\r\n"
