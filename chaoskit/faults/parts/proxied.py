"""What the faults have in common that go through the transparent proxy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaoskit.faults.base import Site
from chaoskit.faults.parts.traffic import TrafficFault
from chaoskit.model.faults import Doer, Instance, Operation

EXISTING = ("keep", "reset")


@dataclass(frozen=True, kw_only=True)
class ProxyFault(TrafficFault):
    """A held fault of TCP connections, done by a proxy in the instance's own network."""

    needs = ("proxy",)
    protocols = ("tcp",)

    protocol: str = "tcp"  # the proxy carries TCP only
    direction: str = "in"  # in: to the instance's own ports; out: from it to others; or both
    existing: str = "keep"  # what was open before goes on unharmed; or reset, at its next packet

    def problems(self) -> tuple[str, ...]:
        """UDP goes through no proxy, and `existing` must be known."""
        found = [
            f"{one}; a proxy carries TCP only, and latency, loss or blackhole take UDP as well"
            if one.startswith("protocol:")
            else one
            for one in super().problems()
        ]
        if self.existing not in EXISTING:
            found.append(f"existing: {self.existing!r}; choose from {', '.join(EXISTING)}")
        elif self.existing == "reset" and not self.ports:
            found.append("existing: reset needs to know whose connections; give a port")
        return tuple(found)

    def proxied(
        self, picked: Sequence[Instance], site: Site, *, harm: Mapping[str, Any], words: str
    ) -> tuple[Operation, ...]:
        """One proxy for each instance, which does `harm` (see chaoskit.agent.kinds.proxy)."""
        where = f"port {', '.join(map(str, self.ports))}" if self.ports else "every port"
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="proxy",
                instance=instance,
                params={
                    "rules": self.rules(instance, site),
                    "witness": self.witness(instance, site),
                    "existing": self.existing,
                    "seed": "" if self.seed is None else str(self.seed),
                    **harm,
                },
                mechanism=f"a transparent TCP proxy ({self.direction}, {where}): {words}",
            )
            for instance in picked
        )
