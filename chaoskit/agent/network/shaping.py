"""An instance's devices shaped by the kernel, both ways: what `netem` and `shaper` share.

What goes out is shaped in the instance's network, what comes in on the host's end of the veth pair;
only that device is touched there. Where a fault of ours is at a device already, or the other end is
out of reach, or the kernel lacks the filters, the same is done through `queue`; the evidence says
which it was.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaoskit.agent import instances, processes
from chaoskit.agent.groups import forked
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused
from chaoskit.agent.kinds import queue
from chaoskit.agent.network import links, packets, qdiscs
from chaoskit.agent.proof import promise

Commands = Callable[[Params, str, str], list[str]]

_PATIENCE_S = 8.0  # a busy machine is not one that cannot


@dataclass(frozen=True, kw_only=True)
class Shaping:
    """A kind that puts a qdisc at the root of devices; `commands(params, device, way)` says which.

    `can_filter` says why it cannot tell peers, ports or protocols apart, or "".
    """

    name: str
    commands: Commands
    can_filter: Callable[[], str]
    missing: Callable[[], str]
    counts_bytes: bool = False  # its statistics tell what went through

    def kind(self) -> Kind:
        """For the shelf."""
        return Kind(
            apply=self.apply,
            check=self.check,
            undo=self.undo,
            missing=self.missing,
            survey=self.survey,
            capabilities=queue.CAPABILITIES,
            remedy=f"a kernel with CONFIG_NET_SCH_{self.name.upper()}, built in or as a module",
        )

    def survey(self, params: Params) -> dict[str, Any]:
        """Which devices are meant, and whether they are free. Raises Refused."""
        found = instances.look_at_network(params)
        for rule in params["rules"]:
            packets.selectors(rule)
        devices = [_as_data(one) for one in _meant(params)]
        surveyed = {**found, "devices": devices, "instead": ""}
        instead = self._obstacle({**params, **surveyed})
        if not instead:
            return surveyed
        if lacking := queue.missing():
            message = f"{instead}; and {lacking}"
            raise Refused(message)
        return {**surveyed, **queue.survey(params), "instead": instead}

    def _obstacle(self, params: Params) -> str:
        """Why this must go through the queue; "" when it need not."""
        if filtered(params) and (lacking := self.can_filter()):
            return lacking
        if not params["devices"]:
            return "no device has the address that is meant"
        ways = promise.ways_of(params)
        for one in params["devices"]:
            if "in" in ways and not one["host_index"]:
                return f"the other end of {one['name']} is not on the host"
        taken = [place.device for place, _ in _places(params) if not qdiscs.free(place)]
        return f"another fault has shaped {', '.join(taken)} already" if taken else ""

    def apply(self, params: Params) -> Effect:
        """Put the qdiscs there, and prove on real packets that they keep the promise."""
        if params["instead"]:
            done = queue.apply(params)
            evidence = f"{done.evidence} (through NFQUEUE: {params['instead']})"
            return Effect(
                requested_ns=done.requested_ns, in_effect_ns=done.in_effect_ns, evidence=evidence
            )
        if not instances.alive(params):
            message = "the instance's main process ended before its devices were shaped"
            raise Refused(message)
        try:
            before = promise.look(params)
            requested_ns = time.monotonic_ns()
            for place, way in _places(params):
                if not qdiscs.free(place):
                    message = f"{place.device} was shaped by another fault meanwhile"
                    raise Refused(message)  # noqa: TRY301  # undone like any other failure
                qdiscs.put(place, self.commands(params, place.device, way))
            in_effect_ns = time.monotonic_ns()
            counted = (lambda way: _bytes(params, way)) if self.counts_bytes else None
            measured = promise.prove(params, before, counted)
        except (Refused, OSError) as error:
            undone = self.undo(params)
            message = f"{error}; undone: {undone.evidence}"
            raise Refused(message) from error
        names = ", ".join(place.device for place, _ in _places(params))
        evidence = f"{measured}; {self.name} {qdiscs.handle(params['tag'])} on {names}"
        return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)

    def check(self, params: Params) -> tuple[bool, str]:
        """In effect while our handle is at the root of every device that is meant."""
        if params["instead"]:
            return queue.check(params)
        if not instances.alive(params):
            return False, "the instance is gone, and its network with it"
        wanted = qdiscs.handle(params["tag"])
        try:
            there = {place.device: qdiscs.root(place)["handle"] for place, _ in _places(params)}
        except (Refused, OSError) as error:
            return False, str(error)
        words = ", ".join(f"{handle} on {device}" for device, handle in there.items())
        return bool(there) and all(one == wanted for one in there.values()), words

    def undo(self, params: Params) -> Gone:
        """Remove what has our handle from the devices that were meant, and prove it gone."""
        if params["instead"]:
            return queue.undo(params)
        handle = qdiscs.handle(params["tag"])
        removed, failed = [], []
        for place, _ in _places(params):
            try:
                removed += [place.device] if qdiscs.remove(place, handle) else []
            except (Refused, OSError) as error:
                if any(one == place for one, _ in _places(params)):
                    failed.append(str(error))
        if failed:
            raise Refused("; ".join(failed))
        evidence = f"{handle} removed from {', '.join(removed) or 'nothing'}, none left"
        if not instances.alive(params):
            evidence += "; the instance is gone"
        return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)


def filtered(params: Params) -> bool:
    """Whether only some of the packets are meant."""
    return any(
        rule["peer"] != "any" or rule["ports"] or rule["protocol"] != "all"
        for rule in params["rules"]
    )


def filters(params: Params, device: str, way: str) -> list[str]:
    """The u32 filters that send what is meant to the second class of our root."""
    own = qdiscs.handle(params["tag"])
    start = f"filter add dev {device} parent {own} protocol ip prio 1 u32"
    rules = [rule for rule in params["rules"] if rule["direction"] == way]
    return [f"{start}{match} flowid {own}2" for rule in rules for match in _matches(rule)]


def _matches(rule: Params) -> Iterator[str]:
    """A port is the server's side, whichever end that is."""
    numbers = {"tcp": (6,), "udp": (17,), "all": (6, 17) if rule["ports"] else ()}
    address = (
        "" if rule["peer"] == "any" else f" match ip {_SIDES[rule['direction']]} {rule['peer']}/32"
    )
    for number in numbers[rule["protocol"]] or (0,):
        protocol = f" match ip protocol {number} 0xff" if number else ""
        if not rule["ports"]:
            yield f"{address}{protocol}" or " match u32 0 0"
        for port in rule["ports"]:
            for side in ("sport", "dport"):
                yield f"{address}{protocol} match ip {side} {port} 0xffff"


_SIDES = {"in": "src", "out": "dst"}


def _meant(params: Params) -> list[links.Link]:
    """The devices that the rules are about: all of them, or those with the named addresses."""
    there = links.links(params["pid"])
    ours = {rule["local"] for rule in params["rules"] if rule.get("local")}
    if any(rule["peer"] == "any" for rule in params["rules"]):
        return there
    return [one for one in there if ours & set(one.addresses)]


def _as_data(link: links.Link) -> dict[str, Any]:
    return {"name": link.name, "index": link.index, "host_index": link.host_index}


def _places(params: Params) -> list[tuple[qdiscs.Place, str]]:
    """Where to shape, as far as it is still there, and which way that is."""
    found = []
    ways = promise.ways_of(params)
    inside = instances.somebody_inside(params)
    names = {one.index: one.name for one in links.links(inside)} if inside is not None else {}
    for one in params["devices"]:
        if "out" in ways and inside is not None and one["index"] in names:
            found.append((qdiscs.Place(pid=inside, device=names[one["index"]]), "out"))
        if "in" in ways and (device := links.host_device(one["host_index"])):
            found.append((qdiscs.Place(pid=links.host_pid(), device=device), "in"))
    return found


def _bytes(params: Params, way: str) -> Mapping[str, int]:
    places: Sequence[qdiscs.Place] = [one for one, its in _places(params) if its == way]
    return {"bytes": sum(int(qdiscs.root(one).get("bytes", 0)) for one in places)}


def why_not(commands: Sequence[str]) -> str:
    """Why tc commands for a device `lo` fail on this kernel, tried in a network of their own."""
    if lacking := processes.lacking("NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE"):
        return lacking

    def tried() -> None:
        links.unshare_network()
        links.run("tc", "-batch", "-", text="\n".join(commands) + "\n")

    try:
        forked.aside(tried, timeout_s=_PATIENCE_S)
    except (Refused, OSError) as error:
        return f"the kernel does not do it: {error}"
    return ""
