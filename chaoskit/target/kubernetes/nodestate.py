"""Which nodes are ready: the first that a cluster knows of pods that are lost with their node."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chaoskit.model.marks import Mark, MarkKind
from chaoskit.target.kubernetes.witness import Moment


@dataclass
class NodeCount:
    """The nodes of a cluster, fed by one watch."""

    record: Callable[[Mark], None]
    lost: Callable[[str, Moment], None]  # a node that was ready is not any more
    _ready: dict[str, str] = field(default_factory=dict, init=False)  # name → its condition Ready

    def node(self, item: Mapping[str, Any], moment: Moment, gone: bool) -> None:
        """A node as it is now."""
        name, now = str(item["metadata"]["name"]), "gone" if gone else ready_word(item)
        before = self._ready.get(name, now)
        self._ready[name] = now
        if gone:
            del self._ready[name]
        if now == before:
            return
        self.record(
            Mark(
                at_ns=moment.at_ns,
                kind=MarkKind.ENGINE,
                source="cluster",
                instance=name,
                detail="the node is gone" if gone else f"the node's Ready is {now}",
                resolution_ns=moment.resolution_ns,
                data={"node": name},
            )
        )
        if before == "True":
            self.lost(name, moment)


def ready_word(item: Mapping[str, Any]) -> str:
    """A node's condition Ready: True, False or Unknown."""
    conditions = (item.get("status") or {}).get("conditions") or ()
    return next((str(one["status"]) for one in conditions if one["type"] == "Ready"), "Unknown")
