"""The steady clock, for rooms that lie below run/ and its clock."""

import time


def now_ns() -> int:
    """Nanoseconds of CLOCK_MONOTONIC, taken around the call that they are about."""
    return time.monotonic_ns()  # noqa: TID251  # see above


def wall_s() -> float:
    """The wall clock, for what other machines must understand: when a lease ends."""
    return time.time()  # noqa: TID251  # see above
