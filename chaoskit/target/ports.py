"""Free ports on the loopback address, fixed for as long as a target lives.

The engine would choose ports itself, but it chooses again at every restart of a container
(measured: each of 6 policy restarts had another port), and the prober must find the service where
it was. The ports also lie below the range from which the kernel takes ports for outgoing
connections: otherwise a probe could sit on the very port that a restarting container needs.
"""

import hashlib
import socket
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import docker

from chaoskit.errors import EnvironmentUnfit
from chaoskit.target.entrypoints import LOOPBACK

PORTS_LABEL = "chaoskit.ports"  # on containers: the ports they hold, running or not

_LOWEST = 20_000
_KERNEL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL_KERNEL_LOW = 32_768


def free_ports(client: docker.DockerClient, sizes: Sequence[int], *, seed: str) -> tuple[int, ...]:
    """The first port of a block of consecutive free ports, for each size. Raises EnvironmentUnfit.

    Where the search begins follows from the seed, so that projects side by side seldom meet.
    """
    taken = set(_held(client))
    candidates = _candidates(seed)
    found = []
    for size in sizes:
        for first in candidates:
            block = range(first, first + size)
            if not taken.intersection(block) and all(map(_can_listen, block)):
                taken.update(block)
                found.append(first)
                break
        else:
            message = f"no {size} consecutive free TCP ports on {LOOPBACK} from {_LOWEST} up"
            raise EnvironmentUnfit(message)
    return tuple(found)


def _candidates(seed: str) -> Iterator[int]:
    highest = _below_kernel_range()
    count = highest - _LOWEST
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4]) % count
    return (_LOWEST + (start + step) % count for step in range(count))


def _below_kernel_range() -> int:
    try:
        low = int(_KERNEL_RANGE.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        low = _USUAL_KERNEL_LOW
    return low if low > _LOWEST + 1000 else _USUAL_KERNEL_LOW


def _held(client: docker.DockerClient) -> Collection[int]:
    """The ports of targets whose containers may be down just now and will want them back."""
    rows = client.api.containers(all=True, filters={"label": PORTS_LABEL})
    lists = [row["Labels"].get(PORTS_LABEL, "") for row in rows]
    return {int(port) for ports in lists for port in ports.split(",") if port.isdigit()}


def _can_listen(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
