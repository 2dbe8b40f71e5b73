"""How a helper process talks to the agent: one JSON line a message, on stdin and stdout.

The first line in is the configuration, the first line out says that the program is ready. When
stdin ends, the agent is gone, and the program must be too.
"""

import json
import os
import sys
from typing import Any

ORDERS = 0  # the descriptor to poll for orders; its end means: leave


def read_config() -> dict[str, Any]:
    """The configuration: the first line that the agent writes."""
    config: dict[str, Any] = json.loads(_read_line())
    return config


def read_order() -> dict[str, Any] | None:
    """The next order, waited for; None when the agent is gone."""
    line = _read_line()
    return json.loads(line) if line else None


def tell(message: dict[str, Any]) -> None:
    """One line to the agent, whole. It is the answer to an order, or the news of being ready."""
    os.write(sys.stdout.fileno(), json.dumps(message).encode() + b"\n")


def fail(why: str) -> None:
    """Say why the program cannot do what it is for, and end."""
    tell({"error": why})
    raise SystemExit(1)


def _read_line() -> bytes:
    """Byte by byte, so that nothing of the next line is taken from whoever polls for it."""
    line = bytearray()
    while one := os.read(ORDERS, 1):
        if one == b"\n":
            break
        line += one
    return bytes(line)
