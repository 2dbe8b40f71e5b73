"""Faults without a supervisor in a cluster: a plain `chaos run` against a target that stands there.

It stands because `chaoskit up` has started it, or because it was there all the time. The leases are
held in this process; when it is killed, the keeper undoes, and so does the sweeper.
"""

from pathlib import Path

from chaoskit.errors import FaultRefused
from chaoskit.faults.base import Fault
from chaoskit.model.faults import Instance
from chaoskit.model.target import TargetSpec
from chaoskit.plan.chance import chance
from chaoskit.run.injector import Injector
from chaoskit.run.session import OwnSession
from chaoskit.run.undo_log import ClusterPlace, UndoLog
from chaoskit.target.engine import RUN_LABEL
from chaoskit.target.kubernetes import standing
from chaoskit.target.kubernetes.access import missing_rights
from chaoskit.target.kubernetes.api import ApiAway, ApiError, reach
from chaoskit.target.kubernetes.hand import ClusterHand
from chaoskit.target.kubernetes.hands import ClusterHands
from chaoskit.target.kubernetes.lease import LEASE_S
from chaoskit.target.kubernetes.roles import players
from chaoskit.target.kubernetes.site import ClusterSite


class ClusterSession(OwnSession):
    """Holds the faults of one Chaos Toolkit process on a target in a cluster."""

    def __init__(self, spec: TargetSpec, reports: Path) -> None:
        """Raises EnvironmentUnfit without a cluster, FaultRefused when the target does not stand."""
        assert spec.cluster is not None
        self._spec = spec
        self._api = reach(spec.cluster.context)
        self._stack = standing.attach(spec, self._api)
        super().__init__(spec.name, reports)
        undo_log = UndoLog(self.folder)
        undo_log.begin(self.run_id)
        namespace = self._stack.namespace
        place = ClusterPlace(context=spec.cluster.context, namespace=namespace, own=False)
        undo_log.in_cluster(place)
        self.keep(LEASE_S)
        hand = ClusterHand.of(
            self._api,
            namespace,
            image=spec.cluster.agent_image,
            labels={RUN_LABEL: self.run_id},
        )
        self._injector = Injector(
            folder=self.folder,
            run_id=self.run_id,
            site=ClusterSite(
                api=self._api,
                namespace=namespace,
                selector=self._stack.selector,
                workloads=tuple(spec.services),
            ),
            hands=ClusterHands(hand),
            record=self.record,
            rng=chance(self.seed, spec.name, "pick"),
            roles=self._players_of,
        )

    @property
    def entrypoints(self) -> dict[str, str]:
        """Name → address, and `namespace`: where the target is."""
        return dict(self._stack.entrypoints)

    @property
    def injector(self) -> Injector:
        """See OwnSession."""
        return self._injector

    def check(self, fault: Fault) -> None:
        """Raises FaultRefused when we may not do it, or may not undo it."""
        kinds = (*fault.needs, *fault.ways)
        try:
            missing = missing_rights(self._api, kinds, self._stack.namespace)
        except (ApiError, ApiAway) as error:
            message = f"{fault.name}: the cluster does not say what we may do: {error}"
            raise FaultRefused(message) from error
        if missing:
            message = (
                f"{fault.name}: our account may not {', '.join(missing)}; "
                f"`chaoskit k8s rbac {fault.name}` prints the roles that it needs"
            )
            raise FaultRefused(message)

    def end(self) -> None:
        """See OwnSession."""
        self._api.close()

    def _players_of(self, service: str, role: str) -> tuple[Instance, ...] | None:
        declared = [one for one in self._spec.roles if (one.name, one.service) == (role, service)]
        if not declared:
            return None
        return players(self._api, self._stack.namespace, self._stack.pods(), declared[0])
