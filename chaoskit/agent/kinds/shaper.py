"""Kind `shaper`: a token bucket of the kernel's limits the rate of an instance's devices.

Parameters: as of kind `netem`; the effect has `rate_bytes_per_s` and `room_bytes`. A bucket cannot
tell packets apart, so a limit for some of them goes through the queue.
"""

from functools import cache

from chaoskit.agent.kind import Params
from chaoskit.agent.network import qdiscs, shaping

_TRY = "c4fe:"
_LEAST_BURST_BYTES = 3200  # two full frames
_BURST_S = 0.004  # of the rate: what may go at once; enough for the kernel's clock at any rate


def commands(params: Params, device: str, _way: str) -> list[str]:
    """What tc is told, for one device."""
    rate = params["effect"]["rate_bytes_per_s"]
    burst_bytes = max(_LEAST_BURST_BYTES, round(rate * _BURST_S))
    room_bytes = max(round(params["effect"]["room_bytes"]), burst_bytes)
    own = qdiscs.handle(params["tag"])
    return [
        f"qdisc add dev {device} root handle {own} "
        f"tbf rate {round(rate * 8)}bit burst {burst_bytes} limit {room_bytes}"
    ]


def can_filter() -> str:
    """A bucket at the root takes everything."""
    return "tbf cannot tell packets apart"


@cache
def missing() -> str:
    """Why this kernel cannot do it, found by doing it in an empty network; or ""."""
    return shaping.why_not(
        [f"qdisc add dev lo root handle {_TRY} tbf rate 1mbit burst 3200 limit 20000"]
    )


KIND = shaping.Shaping(
    name="tbf", commands=commands, can_filter=can_filter, missing=missing, counts_bytes=True
).kind()
