"""What the faults that are done in a cluster share: who does them, and what is meant as a whole."""

from collections.abc import Mapping
from typing import Any

from chaoskit.faults.picking import ANY
from chaoskit.model.faults import Doer, Instance, Operation


def clustered(
    kind: str, instance: Instance, mechanism: str, params: Mapping[str, Any] | None = None
) -> Operation:
    """An operation of the cluster's hand."""
    return Operation(
        doer=Doer.CLUSTER,
        kind=kind,
        instance=instance,
        params=dict(params or {}),
        mechanism=mechanism,
    )


def whole(service: str) -> Instance:
    """A workload itself, where none of its pods is meant."""
    return Instance(id=service, name=service, service=service, pid=0)


def wrong_pick(pick: str) -> tuple[str, ...]:
    """What is wrong with a `pick` where the workload is meant as a whole."""
    if pick == ANY:
        return ()
    return (f"pick: {pick!r} has no meaning, the workload is meant as a whole; leave it out",)
