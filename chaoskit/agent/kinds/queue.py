"""Kind `queue`: an instance's packets wait in a netfilter queue, and a helper decides about each.

Parameters: `pid`, `start_ticks`, `container`, `network`, `tag`, `backend`; `rules` (which packets:
see chaoskit.agent.network.packets), `effect` (what becomes of them: see chaoskit.agent.network.fate), `seed`, and
`witness` (see chaoskit.agent.proof.traffic).

The rules stand in the mangle table and let a packet through whose mark says that this queue has
dealt with it, so that several such faults meet every packet, one after the other. Without the
helper they let everything through.
"""

import contextlib
import os
import re
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from chaoskit.agent import children, instances, priority, processes
from chaoskit.agent.groups import forked
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused
from chaoskit.agent.network import iptables, links, packets
from chaoskit.agent.network.nfqueue import Queue, bit_of
from chaoskit.agent.proof import promise

CAPABILITIES = ("NET_RAW", priority.CAPABILITY)  # to send a packet twice; to be in time

_TABLE = "mangle"
_READY_S = 8.0
_PATIENCE_S = 8.0  # a busy machine is not one that cannot
_QUEUE_NUMBER = re.compile(r"--queue-num (\d+)")
_MOST_MISSED = 0.01  # of the packets: beyond, the fault is not what it says


def survey(params: Params) -> dict[str, Any]:
    """The process's start time and network namespace. Raises Refused where nothing may be done."""
    found = instances.look_at_network(params)
    for rule in params["rules"]:
        packets.selectors(rule)
    return {**found, "backend": iptables.backend()}


def apply(params: Params) -> Effect:
    """Start the helper, hand it the packets, and prove on others of our own what becomes of them."""
    if not instances.alive(params):
        message = "the instance's main process ended before the rules were set"
        raise Refused(message)
    pid, tag, name = params["pid"], params["tag"], _backend(params)
    try:
        before = promise.look(params)
        helper = children.start(
            "queue", _config(params, pid, name), tag=tag, network_of=pid, ready_s=_READY_S
        )
        rules = [rule for one in params["rules"] for rule in _written(one, helper["queue"], tag)]
        requested_ns = time.monotonic_ns()
        iptables.insert(pid, rules, name=name, table=_TABLE)
        in_effect_ns = time.monotonic_ns()
        _must_be_listed(params, len(rules), name)
        measured = promise.prove(params, before, lambda way: _counts(tag)[way])
    except (Refused, OSError) as error:
        undone = undo(params)
        message = f"{error}; undone: {undone.evidence}"
        raise Refused(message) from error
    evidence = f"{measured}; queue {helper['queue']}, {len(rules)} rules"
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def _config(params: Params, pid: int, name: str) -> dict[str, Any]:
    taken = _QUEUE_NUMBER.findall(iptables.saved(pid, name=name, table=_TABLE))
    return {
        "effects": dict.fromkeys(promise.ways_of(params), params["effect"]),
        "seed": f"{params.get('seed')}/{params['tag'].rpartition('/')[2]}",
        "avoid": [int(one) for one in taken],
    }


def _written(rule: Params, number: int, tag: str) -> list[str]:
    bit = bit_of(number)
    end = (
        f"-m mark ! --mark {bit:#x}/{bit:#x} -m comment --comment "
        f'"{iptables.comment(tag)}" -j NFQUEUE --queue-num {number} --queue-bypass'
    )
    return [f"{one} {end}" for one in packets.selectors(rule)]


def _must_be_listed(params: Params, wanted: int, name: str) -> None:
    seen = iptables.listed(params["pid"], params["tag"], name=name, table=_TABLE)
    if len(seen) != wanted:
        message = f"{len(seen)} of {wanted} rules are listed"
        raise Refused(message)


def _counts(tag: str) -> dict[str, Mapping[str, int]]:
    return children.ask(tag, {"do": "counts"})


def _backend(params: Params) -> str:
    name = params.get("backend") or iptables.backend()
    if not name:
        raise Refused(missing())
    return str(name)


def check(params: Params) -> tuple[bool, str]:
    """In effect while the rules are listed and the helper keeps up with the packets."""
    if not instances.alive(params):
        return False, "the instance is gone, and its network with it"
    try:
        wanted = sum(len(packets.selectors(rule)) for rule in params["rules"])
        _must_be_listed(params, wanted, _backend(params))
        counts: dict[str, Any] = _counts(params["tag"])
    except (Refused, OSError) as error:
        return False, str(error)
    seen = sum(counts[way]["seen"] for way in promise.ways_of(params))
    missed = counts["missed"] + counts["unsent"]
    words = (
        f"{seen} packets taken, {counts['held']} held now, {counts['missed']} let through unharmed, "
        f"{counts['unsent']} lost by mistake"
    )
    return missed <= _MOST_MISSED * (seen + missed), words


def undo(params: Params) -> Gone:
    """Delete our rules, let go of what is held, end the helper; proven by listing both."""
    try:
        evidence = _undone(params)
    except (Refused, OSError) as error:
        if instances.somebody_inside(params) is not None:
            raise Refused(str(error)) from error
        evidence = "the instance went away, and its network with it"
    ended = children.stop(params["tag"])
    evidence += f"; {ended} helper processes ended"
    return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)


def _undone(params: Params) -> str:
    pid, tag = instances.somebody_inside(params), params["tag"]
    if pid is None:
        return "the instance is gone, and its network with it"
    name = _backend(params)
    count = iptables.remove(pid, tag, name=name, table=_TABLE)
    if left := len(iptables.listed(pid, tag, name=name, table=_TABLE)):
        message = f"{left} rules with {iptables.comment(tag)} are left in the network of {pid}"
        raise Refused(message)
    with contextlib.suppress(Refused):  # the helper of an agent that is gone is gone, too
        children.ask(tag, {"do": "drain"})
    gone = "" if instances.alive(params) else "the instance is gone; "
    return f"{gone}{count} rules removed, 0 left"


@cache
def missing() -> str:
    """Why this agent cannot queue packets, found by doing it in an empty network; or ""."""
    if lacking := processes.lacking("NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE", "NET_RAW"):
        return lacking
    name = iptables.backend()
    if not name:
        return "; ".join(iptables.why_not(one) for one in iptables.BACKENDS)
    try:
        forked.aside(lambda: _try(name), timeout_s=_PATIENCE_S)
    except (Refused, OSError) as error:
        return f"packets cannot be queued: {error}"
    return ""


def _try(name: str) -> None:
    links.unshare_network()
    rule = {"direction": "out", "peer": "192.0.2.1", "protocol": "all", "ports": [9]}
    queue = Queue.open(whole=False, gso=True, room=1)
    iptables.insert(os.getpid(), _written(rule, queue.number, "try"), name=name, table=_TABLE)
    queue.close()


KIND = Kind(
    apply=apply,
    check=check,
    undo=undo,
    missing=missing,
    survey=survey,
    capabilities=CAPABILITIES,
    remedy="a kernel with CONFIG_NETFILTER_NETLINK_QUEUE and the target NFQUEUE, built in or as modules",
)
