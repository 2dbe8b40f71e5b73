"""Kind `dns`: some names fail, come late or come wrong, for one instance and nobody else.

A DNS proxy of ours runs in the instance's network; rules in front of the engine's own send it the
queries to the instance's name servers. Names that are not meant pass byte for byte.

Parameters: `pid`, `container`, `tag`; `patterns`, `mode`, `delay_s`, `answers` (see
chaoskit.agent.programs.dns); `ask`, a name that is meant, to prove it with; and from the survey
`start_ticks`, `network`, `backend`, `nameservers` and `search`.
"""

import ipaddress
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chaoskit.agent import children, instances, processes
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused
from chaoskit.agent.network import conntrack, iptables
from chaoskit.agent.network.dnswire import OWN_MARK, PORT
from chaoskit.agent.proof import dns_proof
from chaoskit.agent.storage import places

_PROTOCOLS = ("udp", "tcp")
_OURS = re.compile(r"-d (\S+)/32 -p (udp|tcp) .*--comment \"?chaoskit:.*--to-ports (\d+)")
_READY_S = 5.0


def survey(params: Params) -> dict[str, Any]:
    """Which name servers the instance asks. Raises Refused where that cannot be intercepted."""
    found = instances.look_at_network(params)
    pid = params["pid"]
    nameservers, search = resolver(places.inside(pid, "/etc/resolv.conf"))
    return {
        **found,
        "backend": _backend(pid),
        "nameservers": nameservers,
        "search": search,
    }


def resolver(path: Path) -> tuple[list[str], list[str]]:
    """The name servers and search domains of a resolv.conf. Raises Refused."""
    nameservers: list[str] = []
    search: list[str] = []
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        message = f"the instance's /etc/resolv.conf cannot be read: {error.strerror}"
        raise Refused(message) from error
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words[:1] == ["nameserver"] and len(words) > 1:
            nameservers.append(words[1])
        elif words[:1] in (["search"], ["domain"]):
            search = words[1:]
    nameservers = list(dict.fromkeys(nameservers)) or ["127.0.0.1"]  # resolv.conf(5)
    for one in nameservers:
        try:
            ipaddress.IPv4Address(one)
        except ValueError as error:
            message = f"the instance asks the name server {one}; only IPv4 can be intercepted"
            raise Refused(message) from error
    return nameservers, search


def _backend(pid: int) -> str:
    """The variant of iptables that holds the engine's rules there: ours must come before them."""
    try:
        legacy = Path(f"/proc/{pid}/net/ip_tables_names").read_text(encoding="ascii").split()
    except OSError:
        legacy = []
    if "nat" in legacy and not iptables.why_not("legacy"):
        return "legacy"
    return iptables.backend()


def apply(params: Params) -> Effect:
    """Put the proxy in front of the name servers and prove it with queries; or undo it again."""
    if not instances.alive(params):
        message = "the instance's main process ended before its name servers were replaced"
        raise Refused(message)
    pid, tag = params["pid"], params["tag"]
    try:
        config = _config(params)
        ready = children.start("dns", config, tag=tag, network_of=pid, ready_s=_READY_S)
        requested_ns = time.monotonic_ns()
        iptables.insert(pid, list(_rules(ready["ports"], tag)), name=params["backend"], table="nat")
        conntrack.forget(pid, params["nameservers"], PORT)
        in_effect_ns = time.monotonic_ns()
        evidence = dns_proof.prove(params, beyond=config["routes"][0]["upstreams"][0])
    except (Refused, OSError, ValueError) as error:
        undone = undo(params)
        message = f"{error}; undone: {undone.evidence}"
        raise Refused(message) from error
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def _config(params: Params) -> dict[str, Any]:
    """What the proxy is told. Queries that pass go on to an earlier fault's proxy, if there is one.

    That one's port refuses at once when its fault is lifted, and the name server itself is next.
    """
    text = iptables.saved(params["pid"], name=params["backend"], table="nat")
    earlier = [one for one in map(_OURS.search, text.splitlines()) if one]
    routes = []
    for server in params["nameservers"]:
        ports = [int(one[3]) for one in earlier if one[1] == server and one[2] == "udp"]
        chain = [["127.0.0.1", port] for port in ports]
        routes.append({"server": server, "upstreams": [*chain, [server, PORT]]})
    wanted = ("patterns", "search", "mode", "delay_s", "answers")
    return {**{key: params[key] for key in wanted}, "routes": routes}


def _rules(ports: list[dict[str, Any]], tag: str) -> Iterator[str]:
    """The redirection of each name server's port, except for our own queries."""
    for one in ports:
        for protocol in _PROTOCOLS:
            yield (
                f"OUTPUT -d {one['server']}/32 -p {protocol} -m {protocol} --dport {PORT} "
                f"-m mark ! --mark {OWN_MARK:#x}/{OWN_MARK:#x} "
                f'-m comment --comment "{iptables.comment(tag)}" '
                f"-j REDIRECT --to-ports {one[protocol]}"
            )


def check(params: Params) -> tuple[bool, str]:
    """In effect while the proxy runs and every rule is listed."""
    if not instances.alive(params):
        return False, "the instance is gone, and its network with it"
    try:
        rules = iptables.listed(params["pid"], params["tag"], name=params["backend"], table="nat")
        counts = children.ask(params["tag"], {"do": "count"})
    except (Refused, OSError) as error:
        return False, str(error)
    wanted = len(params["nameservers"]) * len(_PROTOCOLS)
    words = f"{counts['matched']} queries were meant, {counts['passed']} passed"
    return len(rules) == wanted, f"{len(rules)} of {wanted} rules listed; {words}"


def undo(params: Params) -> Gone:
    """Take the rules away, then the proxy, and forget where the queries went."""
    pid = instances.somebody_inside(params)
    words = []
    if pid is not None:
        try:
            count = _remove_rules(pid, params)
            words.append(f"{count} rules removed, 0 left")
        except (Refused, OSError):
            # A network that vanishes meanwhile takes its rules along; ours keeps it until it ends.
            if instances.alive(params):
                raise
    ended = children.stop(params["tag"])
    words.append(f"{ended} proxy ended" if ended else "no proxy was left")
    if instances.alive(params):
        forgotten = conntrack.forget(params["pid"], params["nameservers"], PORT)
        words.append(f"{forgotten} flows forgotten")
    else:
        words.append("the instance is gone")
    return Gone(gone_ns=time.monotonic_ns(), evidence="; ".join(words))


def _remove_rules(pid: int, params: Params) -> int:
    name, tag = params["backend"], params["tag"]
    count = iptables.remove(pid, tag, name=name, table="nat")
    if left := iptables.listed(pid, tag, name=name, table="nat"):
        message = f"{len(left)} rules with {iptables.comment(tag)} are left in the network of {pid}"
        raise Refused(message)
    return count


def missing() -> str:
    """Why this agent cannot redirect queries, or ""; found by a rule in its own network."""
    if lacking := processes.lacking("NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE"):
        return lacking
    if not (name := iptables.backend()):
        return "; ".join(iptables.why_not(one) for one in iptables.BACKENDS)
    here, tag = os.getpid(), "try-dns"
    try:
        ports = [{"server": "192.0.2.1", "udp": 9, "tcp": 9}]
        iptables.insert(here, list(_rules(ports, tag)), name=name, table="nat")
        iptables.remove(here, tag, name=name, table="nat")
        conntrack.forget(here, ["192.0.2.1"], PORT)
    except (Refused, OSError) as error:
        return str(error)
    return ""


KIND = Kind(
    apply=apply,
    check=check,
    undo=undo,
    missing=missing,
    survey=survey,
    remedy="a kernel with nf_tables or ip_tables, and REDIRECT, built in or as modules",
)
