"""The rules that send an instance's connections to a proxy, and keep several proxies apart.

Each proxy on an instance has a slot, which is a bit of the packet mark. Its rule leaves alone what
has that bit, and its own connections have the bits of its slot and of all higher ones. The newest
proxy has the highest slot and the first rule: a connection meets it first, then the next lower one,
and so on down, and nobody meets the same proxy twice.
"""

import os
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from chaoskit.agent.kind import Params, Refused
from chaoskit.agent.network import iptables, packets

FIELD = 0x00FF0000  # of the packet mark; the packet queue and the DNS proxy use other bits
_FIRST_BIT = 16
_SLOTS = 8
_OURS = re.compile(rf"{re.escape(iptables.comment(''))}.*")
_EXEMPT = re.compile(r"! --mark 0x([0-9a-f]+)/0x\1\b")
PROBE = "/probe"  # behind the tag of the rule that only a proof needs


def free_slot(saved: str, rules: list[dict[str, Any]]) -> int:
    """The slot for one more proxy, above those in a nat table as iptables-save writes it.

    Raises Refused when there is none, or when the rules could not be told apart from those below.
    """
    ours = [line for line in saved.splitlines() if _OURS.search(line)]
    bits = [int(match[1], 16) for line in ours if (match := _EXEMPT.search(line))]
    slot = max((bit.bit_length() - _FIRST_BIT for bit in bits if bit & FIELD), default=0)
    if slot >= _SLOTS:
        message = f"{_SLOTS} proxies are stacked on this instance; lift the newest of them first"
        raise Refused(message)
    inwards = any(rule["direction"] == "in" for rule in rules)
    if inwards and any(" PREROUTING -s " in line for line in ours):
        message = (
            "a proxy that only some peers go through is on this instance already, and below "
            "another one it could not tell who is who; put this fault on the calling side, with "
            "direction out"
        )
        raise Refused(message)
    return slot


def mark_of(slot: int) -> int:
    """The mark of the proxy's own connections."""
    return sum(1 << (_FIRST_BIT + one) for one in range(slot, _SLOTS))


def _bit(slot: int) -> str:
    return hex(1 << (_FIRST_BIT + slot))


def redirects(rules: list[dict[str, Any]], *, slot: int, port: int, tag: str) -> list[str]:
    """The nat rules that send these connections to the proxy on that port."""
    bit = _bit(slot)
    unless = f"-m mark ! --mark {bit}/{bit}"
    found = [f"{one} {unless} {_target(tag, port)}" for rule in rules for one in _nat(rule)]
    for rule in rules:
        if rule["direction"] == "in" and rule["peer"] == "any":
            # What a proxy above this one passes on comes over loopback, with that proxy's mark.
            above = f"-m mark ! --mark 0x0/{hex(FIELD)} ! -d 127.0.0.0/8"
            found.append(f"OUTPUT -o lo {_tcp(rule)} {unless} {above} {_target(tag, port)}")
    return found


def probe(*, slot: int, port: int, canned: int, tag: str) -> str:
    """The nat rule that sends the agent's own connections to the canned service to the proxy."""
    bit = _bit(slot)
    match = f"-o lo -p tcp -d 127.0.0.1/32 --dport {canned} -m mark ! --mark {bit}/{bit}"
    return f"OUTPUT {match} {_target(tag + PROBE, port)}"


def resets(rules: list[dict[str, Any]], *, tag: str) -> list[str]:
    """The filter rules that reset the connections which were open before, at their next packet.

    New ones never meet them: they were given another destination, the proxy, before.
    """
    how = f'-m comment --comment "{iptables.comment(tag)}" -j REJECT --reject-with tcp-reset'
    found = []
    for rule in rules:
        (selector,) = packets.selectors(rule)
        if rule["direction"] == "out":
            own = f"-m mark --mark 0x0/{hex(FIELD)}"  # and not what the proxy passes on
            found.append(f"{_with(selector, '--dports')} {own} {how}")
        else:
            (back,) = packets.selectors({**rule, "direction": "out"})
            found.append(f"{_with(selector, '--dports')} {how}")
            # Not our own resets, which leave by the same way.
            found.append(f"{_with(back, '--sports')} -m tcp --tcp-flags RST NONE {how}")
    return found


def _nat(rule: Params) -> Iterator[str]:
    for selector in packets.selectors(rule):
        yield _with(selector, "--dports").replace("INPUT ", "PREROUTING ", 1)


def _with(selector: str, ports: str) -> str:
    """A selector that means the port of one end only."""
    return selector.replace("--ports", ports)


def _tcp(rule: Params) -> str:
    ports = ",".join(str(int(one)) for one in rule.get("ports") or ())
    return f"-p tcp -m multiport --dports {ports}" if ports else "-p tcp"


def _target(tag: str, port: int) -> str:
    return f'-m comment --comment "{iptables.comment(tag)}" -j REDIRECT --to-ports {port}'


@cache
def why_not(name: str) -> str:
    """Why connections cannot be redirected here, found with a rule in the agent's own network."""
    ourselves, tag = os.getpid(), "try-redirect"
    try:
        rule = probe(slot=0, port=9, canned=9, tag=tag)
        iptables.insert(ourselves, [rule], name=name, table="nat")
        iptables.remove(ourselves, tag + PROBE, name=name, table="nat")
    except (Refused, OSError) as refusal:
        return f"connections cannot be redirected on this kernel: {refusal}"
    return ""
