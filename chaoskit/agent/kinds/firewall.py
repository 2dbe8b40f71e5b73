"""Kind `firewall`: packets from or to some addresses are dropped in the instance's own network.

Parameters: `pid` and `start_ticks` of the container's main process, `container`, `tag` (marks our
rules), `network` (the network namespace's inode), `backend` (nft or legacy), and `rules`: a list of
`{"direction": "in" | "out", "peer": IPv4 or "any", "peer_pid": pid or 0, "local": our IPv4 or ""}`.

Proven by listing the rules and by packets: what we send is refused with EPERM, and what a peer
sends moves the rule's counter.
"""

import ipaddress
import re
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from chaoskit.agent import iptables, processes
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused

_TAG = re.compile(r"[A-Za-z0-9._:/-]{1,200}")
_DISCARD = 9  # the port that our datagrams name; nothing of anybody listens there
_PROOF_S = 0.3


def survey(params: Params) -> dict[str, Any]:
    """The process's start time and network namespace. Raises Refused where nothing may be done."""
    pid, container = params["pid"], params.get("container", "")
    ticks = processes.start_ticks(pid) if pid > 0 else None
    if ticks is None:
        message = "the instance is not running"
        raise Refused(message)
    if container and not processes.in_container(pid, container):
        message = f"process {pid} does not belong to container {container[:12]}"
        raise Refused(message)
    inode = processes.namespace(pid, "net")
    if inode is None or inode == processes.host_network():
        message = "the instance uses the host's own network, which is not ours to break"
        raise Refused(message)
    for rule in params["rules"]:
        if rule.get("peer_pid") and processes.namespace(rule["peer_pid"], "net") == inode:
            message = f"the instance shares its network with its peer {rule['peer']}"
            raise Refused(message)
    return {"start_ticks": ticks, "network": inode, "backend": iptables.backend()}


def apply(params: Params) -> Effect:
    """Put the rules in, and prove them by listing and by packets; else take them out again."""
    rules = [_written(rule, params["tag"]) for rule in params["rules"]]
    pid, name = params["pid"], _backend(params)
    if not processes.same_process(pid, params.get("start_ticks")):
        message = "the instance's main process ended before the rules were set"
        raise Refused(message)
    requested_ns = time.monotonic_ns()
    try:
        iptables.insert(pid, rules, name=name)
        in_effect_ns = time.monotonic_ns()  # the commit is behind us: from here on packets are lost
        evidence = _prove(params, name)
    except (Refused, OSError) as error:
        undone = undo(params)
        message = f"{error}; undone: {undone.evidence}"
        raise Refused(message) from error
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def _written(rule: Params, tag: str) -> str:
    """A rule as iptables reads it. Raises Refused for an address that is none."""
    if not _TAG.fullmatch(tag):
        message = f"{tag!r} cannot mark a rule"
        raise Refused(message)
    inwards = rule["direction"] == "in"
    if rule["peer"] == "any":  # loopback is the instance talking to itself, and the engine's DNS
        match = "! -i lo" if inwards else "! -o lo"
    else:
        try:
            address = ipaddress.IPv4Address(rule["peer"])
        except ValueError as error:
            message = f"{rule['peer']!r} is not an IPv4 address"
            raise Refused(message) from error
        match = f"{'-s' if inwards else '-d'} {address}/32"
    chain = "INPUT" if inwards else "OUTPUT"
    return f'{chain} {match} -m comment --comment "{iptables.comment(tag)}" -j DROP'


def _backend(params: Params) -> str:
    name = params.get("backend") or iptables.backend()
    if not name:
        raise Refused(missing())
    return str(name)


def _prove(params: Params, name: str) -> str:
    """What was seen. Raises Refused when a rule is not there, or a packet came through."""
    pid, tag, rules = params["pid"], params["tag"], params["rules"]
    words = []
    outwards = [rule for rule in rules if rule["direction"] == "out" and rule["peer"] != "any"]
    for rule in outwards:
        with processes.network_of(pid):
            _must_be_refused(rule["peer"])
    if outwards:
        words.append("datagrams out refused with EPERM")
    inwards = [rule for rule in rules if rule["direction"] == "in" and _reachable(rule)]
    with ExitStack() as stack:
        ears = [stack.enter_context(_exchange(pid, rule)) for rule in inwards]
        seen = _listing(params, name)
        before = time.monotonic() + _PROOF_S
        while not _all_met(seen, inwards) and time.monotonic() < before:
            seen = _listing(params, name)
        if any(_heard(ear) for ear in ears):
            message = "a datagram from a peer came through the rules"
            raise Refused(message)
    if inwards:
        met = _all_met(seen, inwards)
        words.append("datagrams in " + ("counted as dropped" if met else "did not arrive"))
    return "; ".join([f"{len(seen)} rules listed with {iptables.comment(tag)}", *words])


def _listing(params: Params, name: str) -> list[iptables.Listed]:
    seen = iptables.listed(params["pid"], params["tag"], name=name)
    if len(seen) != len(params["rules"]):
        message = f"{len(seen)} of {len(params['rules'])} rules are listed"
        raise Refused(message)
    return seen


def _reachable(rule: Params) -> bool:
    """Whether a datagram can be sent from the peer's side."""
    return bool(rule.get("peer_pid") and rule.get("local") and rule["peer"] != "any")


def _must_be_refused(peer: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        try:
            out.sendto(b"chaoskit", (peer, _DISCARD))
        except PermissionError:
            return
        except OSError as error:
            message = f"a datagram to {peer} could not be tried: {error.strerror}"
            raise Refused(message) from error
    message = f"a datagram to {peer} was let out"
    raise Refused(message)


def _exchange(pid: int, rule: Params) -> socket.socket:
    """Listen at the instance's address, and send it a datagram from the peer's network."""
    with processes.network_of(pid):
        ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.setblocking(False)
    try:
        ear.bind((rule["local"], 0))
        _send_from(rule["peer_pid"], rule["peer"], ear.getsockname())
    except BaseException:
        ear.close()
        raise
    return ear


def _send_from(peer_pid: int, peer: str, where: Any) -> None:
    try:
        with processes.network_of(peer_pid):
            mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    except OSError:
        return  # the peer has gone in the meantime: the listing alone has to prove it
    with mouth:
        try:
            mouth.bind((peer, 0))
            mouth.sendto(b"chaoskit", where)
        except OSError:
            return  # the peer cannot reach us anyway


def _heard(ear: socket.socket) -> bool:
    try:
        return bool(ear.recv(64))
    except BlockingIOError:
        return False


def _all_met(seen: Sequence[iptables.Listed], inwards: Sequence[Params]) -> bool:
    """Whether each of these rules has dropped a packet."""
    counts = {one.rule: one.packets for one in seen if one.rule.startswith("-A INPUT")}
    wanted = [f"-s {rule['peer']}/32 " for rule in inwards]
    return all(any(one in rule and counts[rule] > 0 for rule in counts) for one in wanted)


def check(params: Params) -> tuple[bool, str]:
    """In effect while every rule is listed in the network that it was put into."""
    if not processes.same_process(params["pid"], params.get("start_ticks")):
        return False, "the instance is gone, and its network with it"
    try:
        seen = _listing(params, _backend(params))
    except (Refused, OSError) as error:
        return False, str(error)
    return True, f"{len(seen)} rules listed, {sum(one.packets for one in seen)} packets dropped"


def undo(params: Params) -> Gone:
    """Delete our rules, and prove by listing that none is left."""
    pid = _somebody_inside(params)
    if pid is None:
        evidence = "the instance is gone, and its network with it"
        return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)
    name = _backend(params)
    # The number of a namespace is used again, so this may be somebody else's; there is nothing with
    # our comment there then.
    replaced = "" if pid == params["pid"] else "the instance is gone; "
    return _while_it_exists(params, lambda: replaced + _removed(pid, params["tag"], name))


def _removed(pid: int, tag: str, name: str) -> str:
    count = iptables.remove(pid, tag, name=name)
    left = len(iptables.listed(pid, tag, name=name))
    if left:
        message = f"{left} rules with {iptables.comment(tag)} are left in the network of {pid}"
        raise Refused(message)
    return f"{count} rules removed, 0 left"


def _while_it_exists(params: Params, work: Callable[[], str]) -> Gone:
    """The work's evidence; a network that vanishes meanwhile takes its rules along."""
    try:
        evidence = work()
    except (Refused, OSError) as error:
        if _somebody_inside(params) is not None:
            raise Refused(str(error)) from error
        evidence = "the instance went away, and its network with it"
    return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)


def _somebody_inside(params: Params) -> int | None:
    """A process in the network that the rules are in: the main one, or whoever shares it."""
    pid, inode = params["pid"], params.get("network")
    if processes.same_process(pid, params.get("start_ticks")):
        return int(pid)
    if inode is None or inode == processes.host_network():
        return None
    return next((one for one in processes.members(inode, "net") if _runs(one)), None)


def _runs(pid: int) -> bool:
    return processes.start_ticks(pid) is not None


def missing() -> str:
    """Why this agent cannot set rules, or ""."""
    if lacking := processes.lacking("NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE"):
        return lacking
    if iptables.backend():
        return ""
    return "; ".join(iptables.why_not(name) for name in iptables.BACKENDS)


KIND = Kind(apply=apply, check=check, undo=undo, missing=missing, survey=survey)
