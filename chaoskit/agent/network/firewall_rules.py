"""How the firewall's rules are written: from data of a fault to lines that iptables reads.

Outgoing loss is not a DROP. A packet that is dropped in OUTPUT makes the kernel's own send call
fail, so that UDP senders see EPERM and TCP takes it for a full queue instead of a loss: with 5 %
of them TCP still moved 800 MB/s here, and 165 MB/s where the same share was really lost. A packet
that is sent to a queue which nobody reads is lost without a word.
"""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chaoskit.agent.kind import Params, Refused
from chaoskit.agent.network import iptables, packets

ACTIONS = ("drop", "lose", "reset")
_TAG = re.compile(r"[A-Za-z0-9._:/-]{1,200}")
_RESETS = {"tcp": "tcp-reset", "udp": "icmp-port-unreachable"}
_NOT_A_RESET = "-m tcp ! --tcp-flags RST RST"  # ours have to get through
_FIRST = "-m tcp --syn"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One rule of iptables, and what it is for."""

    text: str  # "INPUT -s ... -j DROP"
    rule: Params  # that it was written from
    protocol: str = "udp"  # of a packet that meets it
    counter: bool = False  # it has no target

    @property
    def inwards(self) -> bool:
        """Whether it is about packets that come in."""
        return self.text.startswith("INPUT")


def written(params: Params) -> list[Line]:
    """Every line of an operation, in the order of insertion: the last one is met first.

    Raises Refused for what iptables could not mean.
    """
    tag = params["tag"]
    if not _TAG.fullmatch(tag):
        message = f"{tag!r} cannot mark a rule"
        raise Refused(message)
    lines = [line for rule in params["rules"] for line in _lines(rule, params)]
    action = params.get("existing", {}).get("action", "drop")
    return lines + [
        line for one in params.get("connections", ()) for line in connection(one, action, tag)
    ]


def connection(ends: Sequence[Any], action: str, tag: str) -> Iterator[Line]:
    """The two lines of one TCP connection: `[our address, our port, its address, its port]`."""
    here, port, there, other = _address(ends[0]), int(ends[1]), _address(ends[2]), int(ends[3])
    texts = (
        f"OUTPUT -s {here}/32 -d {there}/32 -p tcp -m tcp --sport {port} --dport {other}",
        f"INPUT -s {there}/32 -d {here}/32 -p tcp -m tcp --sport {other} --dport {port}",
    )
    spared = f" {_NOT_A_RESET.removeprefix('-m tcp ')}" if action == "reset" else ""
    for text in texts:
        target = _target(action, "tcp", text.startswith("INPUT"), None)
        yield Line(text=_whole(text + spared, tag, target), rule={"ends": ends}, protocol="tcp")


def _lines(rule: Params, params: Params) -> Iterator[Line]:
    """The lines of one rule; a share has a counter in front of it, to be measured against."""
    action, tag = rule.get("action", "drop"), params["tag"]
    if action not in ACTIONS:
        message = f"action {action!r} is unknown; choose from {', '.join(ACTIONS)}"
        raise Refused(message)
    for part in _parts(rule):
        for selector in packets.selectors(part):
            protocol = "tcp" if " -p tcp" in selector else "udp"
            inwards = selector.startswith("INPUT")
            match = " ".join([selector, *_conditions(part, protocol)])
            target = _target(action, protocol, inwards, params.get("queue"))
            yield Line(text=_whole(match, tag, target), rule=part, protocol=protocol)
            if "share" in rule:
                text = _whole(selector, tag, "")
                yield Line(text=text, rule=part, protocol=protocol, counter=True)


def _parts(rule: Params) -> Iterator[dict[str, Any]]:
    """A rule in parts that one selector can mean: by protocol for resets, by port for limits."""
    protocols = [rule.get("protocol", "all")]
    if rule.get("action") == "reset" and protocols == ["all"]:
        protocols = ["tcp", "udp"]
    ports = list(rule.get("ports") or ())
    groups = [[one] for one in ports] if "limit" in rule and ports else [ports]
    for protocol in protocols:
        for group in groups:
            yield {**rule, "protocol": protocol, "ports": group}


def _conditions(rule: Params, protocol: str) -> Iterator[str]:
    if protocol == "tcp" and ("limit" in rule or rule.get("first_only")):
        yield _FIRST
    elif protocol == "tcp" and rule.get("action") == "reset":
        yield _NOT_A_RESET
    if "limit" in rule:
        yield f"-m connlimit --connlimit-above {int(rule['limit'])} {_counted_by(rule)}"
    if "share" in rule:
        yield f"-m statistic --mode random --probability {float(rule['share']):.9f}"


def _counted_by(rule: Params) -> str:
    side = "saddr" if rule["direction"] == "in" else "daddr"
    return f"--connlimit-mask {32 if rule.get('each_peer') else 0} --connlimit-{side}"


def _target(action: str, protocol: str, inwards: bool, queue: int | None) -> str:
    if action == "reset":
        return f"REJECT --reject-with {_RESETS[protocol]}"
    if action == "lose" and not inwards and queue is not None:
        return f"NFQUEUE --queue-num {int(queue)}"
    return "DROP"


def _whole(match: str, tag: str, target: str) -> str:
    text = f'{match} -m comment --comment "{iptables.comment(tag)}"'
    return f"{text} -j {target}" if target else text


def _address(text: str) -> ipaddress.IPv4Address:
    try:
        return ipaddress.IPv4Address(text)
    except ValueError as error:
        message = f"{text!r} is not an IPv4 address"
        raise Refused(message) from error
