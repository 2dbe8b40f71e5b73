"""Fault `split`: the network falls apart into groups that do not reach each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

from chaoskit.errors import FaultRefused
from chaoskit.faults.base import Site, action
from chaoskit.faults.parts.firewalled import cut, firewall
from chaoskit.faults.parts.traffic import TrafficFault, named
from chaoskit.model.faults import Instance, Operation

SHAPES = {"majority": 3, "ring": 4, "islands": 2}  # with the fewest instances of each
Pair = tuple[Instance, Instance]


@dataclass(frozen=True, kw_only=True)
class Split(TrafficFault):
    """Split the network into groups: inside each everything works, between them nothing passes.

    What: `groups` lists the sides, two or more, each of services and instances; an instance that is
    named itself belongs there and not where its service is. Or `shape` splits the instances of the
    service: `majority` puts the picked ones (and as many others as still leave a majority) on one
    side; in a `ring` each instance reaches its neighbours only, so that each sees a majority and no
    two the same one; `islands` leaves each alone. Whoever is in no group reaches everybody. With
    `one_way`, only what goes from an earlier group to a later one is lost; with a shape, from the
    minority, or from an earlier instance to a later one.

    Mechanism: iptables rules in the network namespaces of both ends of every cut, marked with a
    comment; proven by their listing and by packets of our own.

    Undo: exactly the rules with our comment are deleted at every end, and none is listed
    afterwards.

    Limits: IPv4. The members are those that exist at injection. Because both ends are closed, an
    instance that restarts stays cut off as long as its address stays. A connection that was open
    before stays open and silent. The ends are cut one after the other, some milliseconds apart.
    """

    name = "split"
    family = "network"
    needs = ("firewall",)
    example: ClassVar[Mapping[str, Any]] = {
        "service": "web",
        "groups": [["web"], ["db"]],
        "duration": "10s",
    }

    groups: list[list[str]] | None = None  # the sides: services or instances; one has the service
    shape: str | None = None  # instead of groups: majority, ring or islands, within the service
    one_way: bool = False  # only from the earlier group to the later one

    def problems(self) -> tuple[str, ...]:
        """Either groups that can be told apart, or a shape."""
        found = list(super().problems())
        if self.peer is not None:
            found.append("peer: the groups say who is cut off from whom; leave it out")
        if self.direction != "both":
            found.append("direction: a split has no inside; choose one_way: true")
        if (self.groups is None) == (self.shape is None):
            found.append("groups: give either groups or a shape, and not both")
        if self.shape is not None and self.shape not in SHAPES:
            found.append(f"shape: {self.shape!r} is unknown; choose from {', '.join(SHAPES)}")
        return (*found, *self._wrong_groups())

    def _wrong_groups(self) -> list[str]:
        groups: Any = self.groups
        if groups is None:
            return []
        if not isinstance(groups, list) or not all(
            isinstance(one, list) and one and all(isinstance(name, str) for name in one)
            for one in groups
        ):
            return [f"groups: {groups!r} is not a list of groups; write [[web, lb], [db]]"]
        names = [name for group in groups for name in group]
        found = []
        if len(groups) < 2:
            found.append("groups: one group is not split; name at least two")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            found.append(f"groups: {', '.join(twice)} is named twice; name each once")
        if not any(name == self.service or name.startswith(f"{self.service}-") for name in names):
            found.append(f"groups: {self.service!r} is in none of them; put it into one")
        return found

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """Rules at both ends of every pair that is cut."""
        pairs = self._grouped(site) if self.groups is not None else self._shaped(picked, site)
        members = {one.id: one for pair in pairs for one in pair}
        words = f"iptables DROP at both ends, {self.shape or f'{len(self.groups or ())} groups'}"
        found = []
        for instance in members.values():
            rules = self._rules_of(instance, pairs)
            if rules:
                found.append(firewall(instance, rules, words))
        if not found:
            message = "the groups share no network, so there is nothing to split"
            raise FaultRefused(message)
        return tuple(found)

    def _rules_of(self, instance: Instance, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
        common = {"protocol": self.protocol, "ports": list(self.ports)}
        rules: list[dict[str, Any]] = []
        for first, second in pairs:
            if instance.id not in {first.id, second.id}:
                continue
            other = second if instance.id == first.id else first
            one_way = "out" if instance.id == first.id else "in"
            rules += cut(instance, [other], one_way if self.one_way else "both", **common)
        return rules

    def _grouped(self, site: Site) -> list[Pair]:
        groups = self.groups or []
        services = site.services()
        alone = {name for group in groups for name in group if name not in services}
        sides: list[list[Instance]] = []
        for group in groups:
            members = {one.id: one for one in named(group, site)}
            kept = [one for one in members.values() if one.name in group or one.name not in alone]
            if not kept:
                message = f"nobody is left in the group {', '.join(group)}"
                raise FaultRefused(message)
            sides.append(kept)
        return [
            (one, other)
            for side, far in combinations(sides, 2)
            for one in side
            for other in far
            if one.id != other.id
        ]

    def _shaped(self, picked: Sequence[Instance], site: Site) -> list[Pair]:
        shape = str(self.shape)
        everybody = sorted(named([self.service], site), key=_order)
        if len(everybody) < SHAPES[shape]:
            message = (
                f"{shape}: {self.service} has {len(everybody)} running instances; it takes at "
                f"least {SHAPES[shape]}"
            )
            raise FaultRefused(message)
        if shape == "majority":
            return _majority(everybody, picked)
        if shape == "ring":
            return _ring(everybody)
        return list(combinations(everybody, 2))


def _order(instance: Instance) -> tuple[int, str]:
    """web-2 before web-10."""
    return len(instance.name), instance.name


def _majority(everybody: Sequence[Instance], picked: Sequence[Instance]) -> list[Pair]:
    """The largest minority that has the picked ones in it, against the rest."""
    size = (len(everybody) - 1) // 2
    chosen = {one.id for one in picked}
    if len(chosen) > size:
        message = f"majority: {len(chosen)} are picked, and a minority is {size} at most"
        raise FaultRefused(message)
    order = sorted(everybody, key=lambda one: one.id not in chosen)
    return [(one, other) for one in order[:size] for other in order[size:]]


def _ring(everybody: Sequence[Instance]) -> list[Pair]:
    """Each keeps its neighbours on both sides, just enough of them for a majority with itself."""
    count = len(everybody)
    reach = max(1, -(-(count // 2) // 2))
    found = []
    for (at, one), (where, other) in combinations(enumerate(everybody), 2):
        apart = where - at
        if min(apart, count - apart) > reach:
            found.append((one, other))
    return found


inject = action(Split)
