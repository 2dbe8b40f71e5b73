"""Kind `firewall`: packets of some kind are dropped, lost by chance, or refused, in the instance's
own network.

Parameters: `pid` and `start_ticks` of the container's main process, `container`, `tag` (marks our
rules), `network` (the network namespace's inode), `backend` (nft or legacy), `queue` (a packet
queue that nobody reads, see firewall_rules), `witness` (see traffic), and `rules`, each of which is
a selector of chaoskit.agent.network.packets with `peer_pid` and `local`, and

- `action`: drop (the default), reset (the sender is told), or lose (a `share`, without a word);
- `first_only`: only packets that begin a TCP connection;
- `limit`: only what would be one connection too many, in all or of `each_peer`.

`existing` (`{"rules": [...], "action": "drop" | "reset", "needed": bool}`) means the TCP connections
that are open at the survey; a reset also ends them at once.

Proven by listing the rules and by packets of our own that are met by each of them.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from chaoskit.agent import instances, processes
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused
from chaoskit.agent.network import connections, iptables
from chaoskit.agent.network.canary import Canary, canary
from chaoskit.agent.network.firewall_rules import Line, connection, written
from chaoskit.agent.proof import limit_proof, loss_proof, packet_proof

_MOST_CONNECTIONS = 1000  # two rules each; 4,000 rules were put in within 0.13 s here
_TRIED = 50  # of the rules, in advance: those of connections are all alike
_LAST_QUEUE = 65535


def survey(params: Params) -> dict[str, Any]:
    """What only a look at the instance gives. Raises Refused where nothing may be done."""
    found = instances.look_at_network(params)
    for rule in params["rules"]:
        pid = rule.get("peer_pid")
        if pid and processes.namespace(pid, "net") == found["network"]:
            message = f"the instance shares its network with its peer {rule['peer']}"
            raise Refused(message)
    name = iptables.backend()
    found |= {"backend": name, "queue": _unread_queue(params["pid"], name)}
    if existing := params.get("existing"):
        found["connections"] = _open_ones(params["pid"], existing)
    lines = written({**params, **found})[:_TRIED]
    if why := iptables.try_out([line.text for line in lines], name=name):
        raise Refused(why)
    return found


def _open_ones(pid: int, existing: Params) -> list[tuple[str, int, str, int]]:
    everything = connections.established(pid)
    found = [one.ends for one in connections.chosen(everything, existing["rules"])]
    if len(found) > _MOST_CONNECTIONS:
        message = (
            f"{len(found)} open connections are meant, and {_MOST_CONNECTIONS} are the most; "
            "name a peer, a port or a direction"
        )
        raise Refused(message)
    if existing.get("needed") and not found:
        message = f"no open TCP connection is meant; the instance has {len(everything)} others"
        raise Refused(message)
    return found


def _unread_queue(pid: int, name: str) -> int | None:
    """The number of a packet queue without a reader; None where packets cannot be queued."""
    if name and iptables.try_out([f"OUTPUT -j NFQUEUE --queue-num {_LAST_QUEUE}"], name=name):
        return None
    try:
        text = Path(f"/proc/{pid}/net/netfilter/nfnetlink_queue").read_text(encoding="ascii")
    except OSError:
        text = ""
    read = {int(line.split()[0]) for line in text.splitlines() if line.strip()}
    return next(number for number in range(_LAST_QUEUE, 0, -1) if number not in read)


def apply(params: Params) -> Effect:
    """Put the rules in, and prove them by listing and by packets; else take them out again."""
    lines = written(params)
    if not instances.alive(params):
        message = "the instance's main process ended before the rules were set"
        raise Refused(message)
    with canary(params) as ours:
        try:
            return _done(params, lines, ours)
        except (Refused, OSError) as error:
            undone = undo(params)
            message = f"{error}; undone: {undone.evidence}"
            raise Refused(message) from error


def _done(params: Params, lines: Sequence[Line], ours: Canary | None) -> Effect:
    pid, name = params["pid"], _backend(params)
    action = params.get("existing", {}).get("action", "")
    extra = [*connection(ours.ends, action, params["tag"])] if ours else []
    requested_ns = time.monotonic_ns()
    iptables.insert(pid, [line.text for line in [*lines, *extra]], name=name)
    words = [_ended(params, ours)] if action == "reset" else []
    in_effect_ns = time.monotonic_ns()  # the commit is behind us: from here on packets are met
    if ours:
        words.append(_shown(ours, params, [*lines, *extra]))
        iptables.delete(pid, [line.text for line in extra], name=name)
    words = [_proven(params, lines), *words]
    return Effect(
        requested_ns=requested_ns,
        in_effect_ns=in_effect_ns,
        evidence="; ".join(filter(None, words)),
    )


def _ended(params: Params, ours: Canary | None) -> str:
    """End the connections that are open now: with new ones refused, nobody can slip through."""
    pid = params["pid"]
    now = connections.chosen(connections.established(pid), params["existing"]["rules"])
    doomed = {*map(tuple, params["connections"]), *(one.ends for one in now)}
    try:
        count = connections.destroy(pid, doomed | ({ours.ends} if ours else set()))
    except Refused as refusal:
        return f"{_open(len(doomed))} will be reset at the next packet ({refusal})"
    return f"{_open(count - bool(ours))} ended with a reset"


def _open(count: int) -> str:
    return f"{count} open connection{'s' * (count != 1)}"


def _shown(ours: Canary, params: Params, lines: Sequence[Line]) -> str:
    if params["existing"]["action"] == "reset":
        return ours.must_be_reset()
    return ours.must_be_silent(lambda: all(_counts(params, lines)[-2:]))


def _proven(params: Params, lines: Sequence[Line]) -> str:
    """What was seen. Raises Refused when a rule is not there, or a packet came through."""
    words = packet_proof.prove(params, lines, lambda: _counts(params, lines))
    words += loss_proof.prove(params, lines)
    words += limit_proof.prove(params, lines)
    listed = f"{len(_counts(params, lines))} rules listed with {iptables.comment(params['tag'])}"
    return "; ".join([listed, *words])


def _counts(params: Params, lines: Sequence[Line]) -> list[int]:
    """How many packets each line has met. Raises Refused unless all of them are listed."""
    seen = iptables.listed(params["pid"], params["tag"], name=_backend(params))
    found = [0] * len(lines)
    for chain, inwards in (("-A INPUT ", True), ("-A OUTPUT ", False)):
        # Each was put at the head, so that the kernel lists them the other way round.
        there = [one.packets for one in reversed(seen) if one.rule.startswith(chain)]
        ours = [number for number, line in enumerate(lines) if line.inwards == inwards]
        if len(there) != len(ours):
            message = f"{len(seen)} of {len(lines)} rules are listed"
            raise Refused(message)
        for number, packets in zip(ours, there, strict=True):
            found[number] = packets
    return found


def _backend(params: Params) -> str:
    name = params.get("backend") or iptables.backend()
    if not name:
        raise Refused(missing())
    return str(name)


def check(params: Params) -> tuple[bool, str]:
    """In effect while every rule is listed in the network that it was put into."""
    if not instances.alive(params):
        return False, "the instance is gone, and its network with it"
    try:
        lines = written(params)
        counts = _counts(params, lines)
    except (Refused, OSError) as error:
        return False, str(error)
    met = sum(count for line, count in zip(lines, counts, strict=True) if not line.counter)
    words = f"{len(lines)} rules listed, {met} packets {_fate(params)}"
    if any(line.counter for line in lines):
        seen = sum(count for line, count in zip(lines, counts, strict=True) if line.counter)
        words += f" of {seen}" + (f" ({100 * met / seen:.1f} %)" if seen else "")
    return True, words


def _fate(params: Params) -> str:
    actions = {rule.get("action", "drop") for rule in params["rules"]}
    return {"reset": "refused", "lose": "lost"}.get("".join(actions), "dropped")


def undo(params: Params) -> Gone:
    """Delete our rules, and prove by listing that none is left."""
    pid = instances.somebody_inside(params)
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
        if instances.somebody_inside(params) is not None:
            raise Refused(str(error)) from error
        evidence = "the instance went away, and its network with it"
    return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)


def missing() -> str:
    """Why this agent cannot set rules, or ""."""
    if lacking := processes.lacking("NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE"):
        return lacking
    if iptables.backend():
        return ""
    return "; ".join(iptables.why_not(name) for name in iptables.BACKENDS)


KIND = Kind(
    apply=apply,
    check=check,
    undo=undo,
    missing=missing,
    survey=survey,
    remedy="a kernel with nf_tables or ip_tables, and their matches, built in or as modules",
)
