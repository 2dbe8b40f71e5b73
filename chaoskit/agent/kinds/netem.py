"""Kind `netem`: the kernel's own network emulator delays, loses and harms an instance's packets.

Parameters: as of kind `queue`, and `devices` (which are shaped: their indexes, and those of their
other ends on the host) and `instead` (why it goes through the queue; "" when it does not).

Where only some packets are meant, they are sent to the second band of a prio qdisc, which has the
emulator below it; all others take the first band.
"""

from functools import cache

from chaoskit.agent.kind import Params
from chaoskit.agent.network import qdiscs, shaping

_LIMIT = 100_000  # packets that are held at once; netem's own default would drop the rest at 1,000
_TRY = "c4ff:"
_PRIO = "prio bands 2 priomap " + " ".join(["0"] * 16)


def emulation(params: Params) -> str:
    """The effect in the words of netem. See chaoskit.agent.network.fate for the effect's."""
    effect = params["effect"]
    words = ["netem", f"limit {_LIMIT}"]
    if "hold" in effect:
        words.append(f"delay {_us(effect['hold_s'])} reorder {_percent(1 - effect['hold'])}")
    elif "delay_s" in effect:
        words.append(f"delay {_us(effect['delay_s'])}")
        if effect.get("jitter_s"):
            words.append(_us(effect["jitter_s"]))
            distribution = effect.get("distribution", "uniform")
            words += [] if distribution == "uniform" else [f"distribution {distribution}"]
    for name in ("loss", "corrupt", "duplicate"):
        if name in effect:
            words.append(f"{name} {_percent(effect[name])}")
    return " ".join(words)


def commands(params: Params, device: str, way: str) -> list[str]:
    """What tc is told, for one device."""
    own, inner = qdiscs.handle(params["tag"]), qdiscs.inner_handle(params["tag"])
    if not shaping.filtered(params):
        return [f"qdisc add dev {device} root handle {own} {emulation(params)}"]
    return [
        f"qdisc add dev {device} root handle {own} {_PRIO}",
        f"qdisc add dev {device} parent {own}2 handle {inner} {emulation(params)}",
        *shaping.filters(params, device, way),
    ]


def _us(seconds: float) -> str:
    return f"{round(seconds * 1e6)}us"


def _percent(share: float) -> str:
    return f"{100 * share:.6g}%"


@cache
def missing() -> str:
    """Why this kernel cannot do it, found by doing it in an empty network; or ""."""
    return shaping.why_not([f"qdisc add dev lo root handle {_TRY} netem delay 1ms"])


@cache
def can_filter() -> str:
    """Why this kernel cannot tell packets apart before netem, or ""."""
    return shaping.why_not(
        [
            f"qdisc add dev lo root handle {_TRY} {_PRIO}",
            f"filter add dev lo parent {_TRY} protocol ip prio 1 u32 match u32 0 0 flowid {_TRY}2",
        ]
    )


KIND = shaping.Shaping(
    name="netem", commands=commands, can_filter=can_filter, missing=missing
).kind()
