"""Fault `bad_rollout`: a new version that cannot work is rolled out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.clustered import clustered, whole, wrong_pick
from chaoskit.model.faults import Instance, Operation


@dataclass(frozen=True, kw_only=True)
class BadRollout(HeldFault):
    """Roll out a version of a workload whose pods never become ready.

    What: with `how: image` the image does not exist; with `how: readiness` a readiness probe fails
    for ever. What the strategy allows to be missing is missing until somebody rolls back.

    Mechanism: a patch of the pod template. Proven when a pod of the new version lacks its image, or
    runs and is not ready; a pod of the old version that is unready proves nothing.

    Undo: the former containers, if the template is still ours; a rollback by somebody else counts as
    lifted.

    Limits: image names end in `.invalid`, which no registry can have, and are never pulled. A
    StatefulSet may need its broken pod to be deleted after the undo, which Kubernetes documents.
    """

    name = "bad_rollout"
    family = "kubernetes"
    in_cluster = True
    needs = ("rollout",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "how": "image"}

    how: str = "image"  # image, or readiness
    container: str = ""  # the first one when absent

    def problems(self) -> tuple[str, ...]:
        """There are two ways."""
        return (*super().problems(), *wrong_pick(self.pick), *self._wrong_way())

    def _wrong_way(self) -> tuple[str, ...]:
        ways = ("image", "readiness")
        return () if self.how in ways else (f"how: {self.how!r} is unknown; image or readiness",)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """Roll the bad version out."""
        params = {"how": self.how, "container": self.container}
        how = "a patch of the pod template"
        return (clustered("rollout", whole(self.service), how, params),)


inject = action(BadRollout)
