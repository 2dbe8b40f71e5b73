"""A share of lost packets, held to account: how many of our own were lost, of how many.

At least 400 packets each way, and so many that twenty losses are expected. A right share is outside
its own 99 % interval once in a hundred times; so a share that is just outside is measured again
with three times as many, and only what both measurements say is refused.
"""

import math
from collections.abc import Sequence

from chaoskit.agent.kind import Params, Refused
from chaoskit.agent.network.firewall_rules import Line
from chaoskit.agent.proof import traffic

_LEAST = 400
_MOST = 1500  # a millisecond each; the leases of the other faults wait meanwhile
_EXPECTED_LOSSES = 20
_AGAIN = 3
_HOPELESS = 1 - 1e-6  # outside this interval, no second measurement would help


def prove(params: Params, lines: Sequence[Line]) -> list[str]:
    """Promise and measurement in words. Raises Refused when they differ, or there is no witness."""
    rules = [line.rule for line in lines if line.counter]
    if not rules:
        return []
    share = float(rules[0]["share"])
    ways = sorted({rule["direction"] for rule in rules})
    port = next((int(rule["ports"][0]) for rule in rules if rule.get("ports")), None)
    connects = all(rule["protocol"] == "tcp" for rule in rules)
    promised = 1 - (1 - share) ** len(ways) if connects else share
    count = max(_LEAST, min(_MOST, math.ceil(_EXPECTED_LOSSES / promised)))
    words = ""
    for tried in (count, min(_MOST, _AGAIN * count)):
        if connects:
            lost = {"connects": tried - _answered(params, tried, port)}
        else:
            lost = _lost(params, tried, ways, port)
        low, high = traffic.binomial_range(tried, promised)
        words = f"promised {_percent(promised)}, measured " + ", ".join(
            f"{_percent(number / tried)} of {tried} {what}" for what, number in lost.items()
        )
        words += f" (99 % interval {_percent(low / tried)} to {_percent(high / tried)})"
        if all(low <= number <= high for number in lost.values()):
            return [words + _why(promised, share)]
        low, high = traffic.binomial_range(tried, promised, _HOPELESS)
        if not all(low <= number <= high for number in lost.values()):
            break
    message = f"the loss is not what was promised: {words}"
    raise Refused(message)


def _answered(params: Params, count: int, port: int | None) -> int:
    return traffic.arrivals(params, count=count, protocol="tcp", port=port)


def _lost(params: Params, count: int, ways: Sequence[str], port: int | None) -> dict[str, int]:
    found = traffic.volleys(params, count=count, directions=ways, port=port)
    return {f"datagrams {way}": count - one.arrived for way, one in found.items()}


def _why(promised: float, share: float) -> str:
    """A connect takes a packet each way."""
    return "" if promised == share else f": {_percent(share)} each way"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
