"""Kind `proxy`: TCP connections of an instance go through a proxy of ours, which harms them.

The proxy runs in the instance's own network, as a child of the agent; nat rules of ours send it the
connections, and it asks the kernel where they were meant to go.

Parameters: `pid`, `container`, `tag`, `start_ticks`, `network`, `backend`; `rules` (see
chaoskit.agent.network.packets; protocol tcp); `existing` (keep, or reset: what was open before); `witness`;
`seed`; and what to do: `effect` and `filter` (see chaoskit.agent.proxying.http_effects) or
`close_delay_s`.

Proven by the listing of the rules, by a connection that reaches the proxy as those of the system
do, and by requests of the agent to a canned service behind the proxy.
"""

import contextlib
import time
from typing import Any

from chaoskit.agent import children, instances, processes
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused
from chaoskit.agent.network import iptables, redirect
from chaoskit.agent.proof import proxy_proof

_HARM = ("effect", "filter", "close_delay_s")
_UNSEEN = ("tls", "http2", "other", "unreadable")
_END_S = 1.0


def survey(params: Params) -> dict[str, Any]:
    """The process's start time and network. Raises Refused where nothing may be done."""
    found = instances.look_at_network(params)
    if not params["rules"]:
        message = "no connection is named that would go through the proxy"
        raise Refused(message)
    if params.get("existing") == "reset" and not all(rule.get("ports") for rule in params["rules"]):
        message = "existing: reset needs a port: it says which connections are meant"
        raise Refused(message)
    return {**found, "backend": iptables.backend()}


def apply(params: Params) -> Effect:
    """Start the proxy, send it the connections, and prove what it does to them."""
    pid, tag, name = params["pid"], params["tag"], _backend(params)
    if not instances.alive(params):
        message = "the instance's main process ended before anything was done"
        raise Refused(message)
    requested_ns = time.monotonic_ns()
    try:
        slot = redirect.free_slot(iptables.saved(pid, name=name, table="nat"), params["rules"])
        config = {key: params[key] for key in _HARM if key in params}
        config |= {"mark": redirect.mark_of(slot), "seed": params.get("seed") or tag}
        ready = children.start("proxy", config, tag=tag, network_of=pid)
        where = {"slot": slot, "port": ready["port"], "tag": tag}
        rules = redirect.redirects(params["rules"], **where)
        rules.append(redirect.probe(canned=ready["canned"], **where))
        iptables.insert(pid, rules, name=name, table="nat")
        in_effect_ns = time.monotonic_ns()  # the commit is behind us: new connections are ours
        evidence = proxy_proof.prove(params, canned=ready["canned"])
        iptables.remove(pid, tag + redirect.PROBE, name=name, table="nat")
        if params.get("existing") == "reset":
            iptables.insert(pid, redirect.resets(params["rules"], tag=tag), name=name)
        children.ask(tag, {"do": "proven"})
        listed = _listed(params, name)
    except (Refused, OSError) as error:
        undone = undo(params)
        message = f"{error}; undone: {undone.evidence}"
        raise Refused(message) from error
    evidence = f"{listed} rules listed; {evidence}"
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def _backend(params: Params) -> str:
    name = params.get("backend") or iptables.backend()
    if not name:
        raise Refused(missing())
    return str(name)


def _listed(params: Params, name: str) -> int:
    """How many rules of ours are there. Raises Refused when one is missing."""
    pid, tag = params["pid"], params["tag"]
    found = len(iptables.listed(pid, tag, name=name, table="nat"))
    # The slot and the port do not change how many rules there must be.
    wanted = len(redirect.redirects(params["rules"], slot=0, port=1, tag=tag))
    if params.get("existing") == "reset":
        found += len(iptables.listed(pid, tag, name=name))
        wanted += len(redirect.resets(params["rules"], tag=tag))
    if found != wanted:
        message = f"{found} of {wanted} rules are listed"
        raise Refused(message)
    return found


def check(params: Params) -> tuple[bool, str]:
    """In effect while the rules are there, the proxy answers, and it can read what it gets."""
    if not instances.alive(params):
        return False, "the instance is gone, and its network with it"
    try:
        listed = _listed(params, _backend(params))
        facts = children.ask(params["tag"], {"do": "facts"})
    except (Refused, OSError) as error:
        return False, str(error)
    seen = f"{listed} rules listed, {facts.get('connections', 0)} connections"
    if "effect" not in params:
        return True, f"{seen}, {facts.get('held', 0)} ends held back"
    unseen = {one: facts[one] for one in _UNSEEN if facts.get(one)}
    words = f"{seen}, {facts.get('requests', 0)} requests, {facts.get('matched', 0)} that matched, "
    words += f"{facts.get('affected', 0)} affected"
    if unseen:
        listing = ", ".join(f"{count} {one}" for one, count in unseen.items())
        words += f"; passed on unseen because they are not HTTP/1: {listing}"
    return bool(facts.get("requests")) or not unseen, words


def undo(params: Params) -> Gone:
    """Send nothing to the proxy any more, let it finish, end it, and prove both."""
    tag, pid = params["tag"], instances.somebody_inside(params)
    if pid is None:
        ended = children.stop(tag)
        evidence = f"the instance is gone, and its network with it; {_ended(ended)}"
        return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)
    name = _backend(params)
    try:
        words = f"{_remove_rules(pid, tag, name)} rules removed, 0 left"
    except (Refused, OSError) as error:
        if instances.alive(params):
            raise Refused(str(error)) from error
        words = "the instance went away, and its network with it"
    left: dict[str, Any] = {}
    with contextlib.suppress(Refused):  # an earlier agent's proxy cannot be asked, only ended
        left = children.ask(tag, {"do": "end"}, timeout_s=_END_S)
    evidence = f"{words}; {_ended(children.stop(tag) + len(left))}"
    if left:
        evidence += f", {left['closed']} of its connections closed, {left['reset']} reset"
    return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)


def _remove_rules(pid: int, tag: str, name: str) -> int:
    """Delete every rule of ours, and see that none is left. Raises Refused."""
    places = [("nat", tag + redirect.PROBE), ("nat", tag), ("filter", tag)]
    count = sum(iptables.remove(pid, one, name=name, table=table) for table, one in places)
    left = sum(len(iptables.listed(pid, one, name=name, table=table)) for table, one in places)
    if left:
        message = f"{left} rules with {iptables.comment(tag)} are left in the network of {pid}"
        raise Refused(message)
    return count


def _ended(count: int) -> str:
    return "the proxy ended" if count else "no proxy ran"


def missing() -> str:
    """Why this agent cannot put a proxy between, or ""."""
    if lacking := processes.lacking("NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE"):
        return lacking
    if not (name := iptables.backend()):
        return "; ".join(iptables.why_not(one) for one in iptables.BACKENDS)
    return redirect.why_not(name)


KIND = Kind(
    apply=apply,
    check=check,
    undo=undo,
    missing=missing,
    survey=survey,
    remedy="a kernel with nf_tables or ip_tables, and REDIRECT, built in or as modules",
)
