"""How fast a control group may really read and write: direct input and output from inside it.

Direct, because what goes through the page cache is not delayed where it is asked for; and without
O_DSYNC, because the flush that this adds counts as an operation of its own.

The kernel deals out a limit in slices of a tenth of a second and lets the first one through at
once, so the first quarter of what is measured does not count.
"""

import mmap
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from chaoskit.agent.groups import forked
from chaoskit.agent.groups.cgroups import Group
from chaoskit.agent.kind import Refused

EXACTNESS = 0.10

_BLOCK_BYTES = 4096
_MOST_BYTES = 1 << 16  # of one operation
_FILE_BYTES = 4 << 20
_MEASURED_S = 2.0
_WARM_UP = 0.25  # of the operations
_PATIENCE_S = 8.0


def prepare(probe: Path) -> None:
    """Write the file that the rate will be measured with, before there is a limit."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(probe, flags, 0o600)
    try:
        zeros = bytes(1 << 20)
        for _ in range(_FILE_BYTES // len(zeros)):
            os.write(descriptor, zeros)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def prove(probe: Path, group: Group, limits: Mapping[str, int]) -> str:
    """What was measured, for reading and writing at the same time.

    Raises Refused when a rate is not the promised one within 10 %, OSError when the file system
    does no direct input and output.
    """
    ways = [one for one in ("read", "write") if any(key.startswith(one) for key in limits)]

    def inside() -> dict[str, float]:
        group.join(os.getpid())
        rates: dict[str, float] = {}
        troubles: list[OSError] = []

        def one_way(way: str) -> None:
            try:
                rates[way] = _operations_a_second(probe, way, *_plan(way, limits))
            except OSError as error:
                troubles.append(error)

        threads = [threading.Thread(target=one_way, args=[way]) for way in ways]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if troubles:
            raise troubles[0]
        return rates

    rates = forked.aside(inside, timeout_s=_PATIENCE_S)
    return "; ".join(_told(way, rates[way], limits) for way in ways)


def _plan(way: str, limits: Mapping[str, int]) -> tuple[int, int]:
    """How large an operation is to be, and how many of them take the time of a measurement."""
    bytes_a_second = limits.get(f"{way}_bytes")
    operations_a_second = limits.get(f"{way}_operations")
    size = _BLOCK_BYTES
    if bytes_a_second and not operations_a_second:
        size = min(_MOST_BYTES, max(size, bytes_a_second // 20 // _BLOCK_BYTES * _BLOCK_BYTES))
    return size, max(8, round(_expected(way, limits, size) * _MEASURED_S))


def _expected(way: str, limits: Mapping[str, int], size: int) -> float:
    """Operations a second."""
    bytes_a_second = limits.get(f"{way}_bytes", 0)
    bounds = [limits.get(f"{way}_operations", 0), bytes_a_second / size]
    return min(one for one in bounds if one)


def _operations_a_second(probe: Path, way: str, size: int, count: int) -> float:
    access = os.O_WRONLY if way == "write" else os.O_RDONLY
    # Direct transfers need memory that starts at a page.
    with mmap.mmap(-1, size) as memory:
        descriptor = os.open(probe, access | os.O_DIRECT | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            begun_s = time.monotonic()
            warm = round(count * _WARM_UP)
            for number in range(count):
                at = number * size % (_FILE_BYTES - size + 1) // _BLOCK_BYTES * _BLOCK_BYTES
                if way == "write":
                    os.pwrite(descriptor, memory, at)
                else:
                    os.preadv(descriptor, [memory], at)
                if number == warm - 1:
                    begun_s = time.monotonic()
            return (count - warm) / (time.monotonic() - begun_s)
        finally:
            os.close(descriptor)


def _told(way: str, measured: float, limits: Mapping[str, int]) -> str:
    """Promise and measurement. Raises Refused when they differ."""
    size, _ = _plan(way, limits)
    promised = _expected(way, limits, size)
    by_bytes = promised * size == limits.get(f"{way}_bytes")
    unit, factor = ("B/s", size) if by_bytes else ("operations/s", 1)
    words = (
        f"{way}: promised {promised * factor:.0f} {unit}, measured {measured * factor:.0f} {unit}"
    )
    if abs(measured - promised) > promised * EXACTNESS:
        slower = "; the disk itself is slower" if measured < promised else ""
        message = words + slower
        raise Refused(message)
    return words
