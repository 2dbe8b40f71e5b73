"""Which packets a rule means, in the words of iptables.

A rule is data from a fault: `direction` (in or out, seen from the instance), `peer` (an IPv4
address, or any), `protocol` (all, tcp or udp) and `ports` (the server's side of a connection,
whichever end that is; empty for every port).
"""

import ipaddress

from chaoskit.agent.kind import Params, Refused

CHAINS = {"in": "INPUT", "out": "OUTPUT"}
_PROTOCOLS = {"all": ("tcp", "udp"), "tcp": ("tcp",), "udp": ("udp",)}
_MOST_PORTS = 15  # of one multiport match


def selectors(rule: Params) -> list[str]:
    """The chain and the match of each iptables rule that a rule comes down to.

    One, except where ports are named without a protocol: iptables matches ports of one protocol
    only. Raises Refused for what iptables could not mean.
    """
    ports = [int(one) for one in rule.get("ports") or ()]
    protocol = rule.get("protocol", "all")
    if protocol not in _PROTOCOLS:
        message = f"protocol {protocol!r} is unknown; choose from {', '.join(_PROTOCOLS)}"
        raise Refused(message)
    if len(ports) > _MOST_PORTS or not all(0 < one < 65536 for one in ports):
        message = f"ports {ports}: at most {_MOST_PORTS}, each from 1 to 65535"
        raise Refused(message)
    start = f"{CHAINS[rule['direction']]} {_address(rule)}"
    if not ports:
        return [start if protocol == "all" else f"{start} -p {protocol}"]
    listed = ",".join(map(str, ports))
    return [f"{start} -p {one} -m multiport --ports {listed}" for one in _PROTOCOLS[protocol]]


def _address(rule: Params) -> str:
    inwards = rule["direction"] == "in"
    if rule["peer"] == "any":  # loopback is the instance talking to itself, and the engine's DNS
        return "! -i lo" if inwards else "! -o lo"
    try:
        address = ipaddress.IPv4Address(rule["peer"])
    except ValueError as error:
        message = f"{rule['peer']!r} is not an IPv4 address"
        raise Refused(message) from error
    return f"{'-s' if inwards else '-d'} {address}/32"
