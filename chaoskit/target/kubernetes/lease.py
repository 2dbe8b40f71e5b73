"""The right of a fault to exist, kept where the fault is: one ConfigMap for each held operation.

It is made before anything is done and holds the whole operation, so that whoever finds it can undo
it without us. Its annotation says until when; the harness that holds the fault moves that on.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from chaoskit.errors import FaultRefused
from chaoskit.model.faults import Doer, Instance, Operation
from chaoskit.target.kubernetes.api import Api, ApiAway, ApiError
from chaoskit.target.kubernetes.nodeagent import ROLE
from chaoskit.target.kubernetes.now import wall_s
from chaoskit.target.kubernetes.paths import core

LEASE_S = 30.0
EXPIRES = "chaoskit.dev/expires"
SELECTOR = f"{ROLE}=fault"

_RENEW_S = LEASE_S / 3


@dataclass
class Leases:
    """The leases of one run."""

    api: Api
    namespace: str
    labels: Mapping[str, str]
    _names: dict[str, str] = field(default_factory=dict, init=False)  # handle → ConfigMap
    _touches: dict[str, Callable[[], None]] = field(default_factory=dict, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)

    def take(
        self, handle: str, operation: Operation, touch: Callable[[], None] | None = None
    ) -> None:
        """Write the lease down in the cluster. Raises ApiError, ApiAway.

        `touch` renews what lapses elsewhere as well, such as on a node.
        """
        name = _name(operation, handle)
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": name,
                "labels": {**self.labels, ROLE: "fault"},
                "annotations": {EXPIRES: _stamp(LEASE_S), "chaoskit.dev/handle": handle},
            },
            "data": {"operation": json.dumps(asdict(operation))},
        }
        self.api.create(core("configmaps", self.namespace), body)
        self._names[handle] = name
        if touch is not None:
            self._touches[handle] = touch
        if self._thread is None:
            self._thread = threading.Thread(target=self._renew, name="leases", daemon=True)
            self._thread.start()

    def drop(self, handle: str, operation: Operation) -> None:
        """The fault is gone, so is its lease. Raises ApiError, ApiAway."""
        self._names.pop(handle, None)
        self._touches.pop(handle, None)
        namespace = str(operation.params.get("namespace") or self.namespace)
        self.api.delete(core("configmaps", namespace, _name(operation, handle)))

    def close(self) -> None:
        """Renew nothing any more."""
        self._stopping.set()

    def _renew(self) -> None:
        while not self._stopping.wait(_RENEW_S):
            for name in list(self._names.values()):
                patch = {"metadata": {"annotations": {EXPIRES: _stamp(LEASE_S)}}}
                with contextlib.suppress(ApiError, ApiAway):  # the next one may come through
                    self.api.patch(core("configmaps", self.namespace, name), patch)
            for touch in list(self._touches.values()):
                with contextlib.suppress(ApiError, ApiAway, FaultRefused):
                    touch()


@dataclass(frozen=True, kw_only=True)
class Found:
    """A lease that somebody left in a cluster."""

    name: str
    handle: str
    run: str
    expires: datetime
    operation: Operation

    @property
    def expired(self) -> bool:
        """Whether nobody holds it any more."""
        return self.expires < datetime.fromtimestamp(wall_s(), UTC)


def leases_in(api: Api, namespace: str, run_label: str) -> tuple[Found, ...]:
    """Every lease of a namespace. Raises ApiError, ApiAway."""
    items, _ = api.items(core("configmaps", namespace), SELECTOR)
    return tuple(_found(one, run_label) for one in items)


def _found(item: Mapping[str, Any], run_label: str) -> Found:
    meta = item["metadata"]
    written = json.loads(item["data"]["operation"])
    operation = Operation(
        **{**written, "doer": Doer(written["doer"]), "instance": Instance(**written["instance"])}
    )
    return Found(
        name=str(meta["name"]),
        handle=str(meta["annotations"]["chaoskit.dev/handle"]),
        run=str(meta["labels"].get(run_label, "")),
        expires=datetime.fromisoformat(meta["annotations"][EXPIRES]),
        operation=operation,
    )


def _name(operation: Operation, handle: str) -> str:
    tag = str(operation.params.get("tag") or handle)
    return "chaoskit-fault-" + "".join(one if one.isalnum() else "-" for one in tag.lower())


def _stamp(in_s: float) -> str:
    return datetime.fromtimestamp(wall_s() + in_s, UTC).isoformat(timespec="seconds")
