"""A target in a Kubernetes cluster while a run uses it: its namespace, its watches, who breaks it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from chaoskit.errors import ChaoskitError, EnvironmentUnfit
from chaoskit.faults.base import catalogue
from chaoskit.model.experiment import FaultUse
from chaoskit.model.faults import Instance
from chaoskit.model.marks import Mark
from chaoskit.model.progress import Step
from chaoskit.model.target import TargetSpec
from chaoskit.plan.chance import chance
from chaoskit.plan.cluster_target import objects_with
from chaoskit.run.afar.prober import AfarProber
from chaoskit.run.clock import now_ns, wait_until
from chaoskit.run.injector import Injector
from chaoskit.run.running import RunContext, Running
from chaoskit.run.undo_log import ClusterPlace, UndoLog
from chaoskit.target.engine import RUN_LABEL
from chaoskit.target.kubernetes.access import refuse_unfit
from chaoskit.target.kubernetes.api import ApiAway, ApiError, reach
from chaoskit.target.kubernetes.entry import inside_address_of
from chaoskit.target.kubernetes.hand import ClusterHand
from chaoskit.target.kubernetes.hands import ClusterHands
from chaoskit.target.kubernetes.observers import ClusterObservers
from chaoskit.target.kubernetes.prober_pod import ProberPod
from chaoskit.target.kubernetes.roles import players
from chaoskit.target.kubernetes.site import ClusterSite
from chaoskit.target.kubernetes.stack import ClusterStack
from chaoskit.target.kubernetes.words import Words, await_words

_REARM_S = 120.0
_AGREEMENT_S = 3.0


class RunningCluster(Running):
    """One target of one run, in a namespace."""

    def __init__(
        self,
        spec: TargetSpec,
        context: RunContext,
        *,
        overrides: Sequence[Path] = (),
        faults: Sequence[FaultUse] = (),
    ) -> None:
        """Raises EnvironmentUnfit when the cluster is not there or does not let us."""
        super().__init__(spec, context, faults)
        assert spec.cluster is not None
        self._objects = objects_with(spec, tuple(overrides))
        # A healer that is switched off says nothing.
        on = tuple(one for one in spec.healers if spec.folder / one.off not in overrides)
        self._spec_on = replace(spec, healers=on)
        # chaostoolkit-kubernetes verifies no certificate and takes the current context, unless told.
        os.environ["KUBERNETES_VERIFY_SSL"] = "true"
        if spec.cluster.context:
            os.environ["KUBERNETES_CONTEXT"] = spec.cluster.context
        self._api = reach(spec.cluster.context)
        self._ends.callback(self._api.close)
        self._labels = {RUN_LABEL: context.run_id}
        name = f"chaoskit-{context.run_id}-{spec.name}".lower()[:63].rstrip("-")
        self._stack = ClusterStack(
            spec=spec,
            api=self._api,
            namespace=spec.cluster.namespace or name,
            labels=self._labels,
            record=self._gap,
        )
        self._observers: ClusterObservers | None = None
        self._pod: ProberPod | None = None  # of the prober, when it samples in the cluster
        self._calls = (now_ns(), 0)

    @property
    def entrypoints(self) -> Mapping[str, str]:
        """Name → address, and `namespace`: where the target is."""
        return self._stack.entrypoints

    def start(self) -> None:
        """See Running; the cluster is asked no more often than it need be."""
        with self._api.politely():
            self._start()

    def _start(self) -> None:
        spec, context, stack = self.spec, self._context, self._stack
        assert spec.cluster is not None
        refuse_unfit(self._api, spec, self._kinds())
        place = ClusterPlace(context=spec.cluster.context, namespace=stack.namespace, own=stack.own)
        undo_log = UndoLog(context.folder.path)
        undo_log.begin(context.run_id)
        undo_log.in_cluster(place)  # on disk before anything is made there
        if spec.cluster.prober and spec.cluster.prober.namespace:
            undo_log.in_cluster(replace(place, namespace=spec.cluster.prober.namespace, own=False))
        self._ends.callback(stack.down)
        stack.start(self._objects, self._progress)
        self._await_words()
        hand = ClusterHand.of(
            self._api,
            stack.namespace,
            image=spec.cluster.agent_image,
            labels=self._labels,
        )
        self._injector = Injector(
            folder=context.folder.path,
            run_id=context.run_id,
            site=ClusterSite(
                api=self._api,
                namespace=stack.namespace,
                selector=stack.selector,
                workloads=tuple(spec.services),
            ),
            hands=ClusterHands(hand),
            record=self._recorder.record,
            rng=chance(context.seed, spec.name, "pick"),
            roles=self._players_of,
        )
        self._ends.callback(self._injector.close)
        self._observers = ClusterObservers(
            spec=spec,
            api=self._api,
            namespace=stack.namespace,
            selector=stack.selector,
            record=self._recorder.record,
            words=Words(
                spec=spec,
                api=self._api,
                namespace=stack.namespace,
                entrypoints=stack.entrypoints,
                logs_folder=context.folder.logs / spec.name,
                record=self._recorder.record,
            ),
        )
        hand.on_undo = self._observers.put_back
        hand.on_held_up = self._observers.held_up
        self._ends.callback(self._observers.stop)
        self._observers.start()
        self._send_prober()
        self._await_agreement()
        self.images = self._stack.images()
        self._ends.callback(self._tell_calls)

    def announce(self) -> None:
        """See Running; what the trial before cost the API server is told, too."""
        assert self._observers is not None, "start() comes first"
        if self._stack.forwarder is not None:
            self._stack.forwarder.check()
        self._tell_calls()
        self._observers.announce()
        error_ns = self._api.offset.error_ns
        if error_ns is not None:
            self._note(f"the cluster's clock is known to ±{error_ns / 1e6:.0f} ms")
        if self.prober is not None and self._pod is not None:
            known = f"±{self.prober.clock_error_ns / 1e6:.1f} ms"
            self._note(
                f"probes are asked from the pod {self._pod.name} on {self._pod.node}, whose clock is "
                f"known to {known}"
            )

    def told_until(self, at_ns: int) -> bool:
        """See Running."""
        forwarder = self._stack.forwarder
        return forwarder is None or forwarder.told_until(at_ns)

    def rearm(self) -> None:
        """See Running."""
        try:
            with self._api.politely():
                full = self._stack.rearm(_REARM_S)
        except ChaoskitError as error:
            full = False
            self._recorder.tell(Step.NOTE, str(error))
        if full:
            self._await_agreement()
        else:
            self._recorder.tell(
                Step.NOTE, f"{self.spec.name} did not come back to full strength between trials"
            )

    def _await_words(self) -> None:
        spec = self._spec_on
        try:
            await_words(self._api, spec, self._stack.namespace, self._stack.pods())
        except (ApiError, ApiAway) as error:
            message = f"{spec.title}: a log that is to bear witness cannot be read: {error}"
            raise EnvironmentUnfit(message) from error

    def _players_of(self, service: str, role: str) -> Sequence[Instance] | None:
        """The pods of a workload that play a role now; None when the role is not declared."""
        declared = [one for one in self.spec.roles if one.name == role and one.service == service]
        if not declared:
            return None
        try:
            here = self._stack.pods()
        except (ApiError, ApiAway):
            return ()
        return players(self._api, self._stack.namespace, here, declared[0])

    def _gap(self, mark: Mark) -> None:
        """A port-forward's interruption, which is none of samples that do not come by it."""
        assert self.spec.cluster is not None
        if self.spec.cluster.prober is not None:
            mark = replace(mark, data={**mark.data, "samples": False})
        self._recorder.record(mark)

    def _send_prober(self) -> None:
        """Have the probes asked from a pod, when target.yaml says so. Raises EnvironmentUnfit."""
        assert self.spec.cluster is not None
        place, api, stack = self.spec.cluster.prober, self._api, self._stack
        if place is None:
            return
        try:
            self.inside = {
                one.name: inside_address_of(api, stack.namespace, one)
                for one in self.spec.entrypoints
            }
        except (ApiError, ApiAway) as error:
            message = f"{self.spec.title}: the cluster does not say where its Services are: {error}"
            raise EnvironmentUnfit(message) from error
        self._pod = ProberPod(
            api=api,
            namespace=place.namespace or stack.namespace,
            image=place.image,
            labels=self._labels,
            progress=self._progress,
        )
        prober = AfarProber(self._pod, self._note)
        self._ends.callback(prober.close)
        self.prober = prober

    def _await_agreement(self) -> None:
        """A trial's first strength is what the watch has heard, a little later than a list."""
        assert self._observers is not None, "start() comes first"
        wait_until(self._observers.full, timeout_s=_AGREEMENT_S)

    def _kinds(self) -> tuple[str, ...]:
        shelf = catalogue()
        used = (shelf[one.fault] for one in self._faults)
        return tuple(dict.fromkeys(kind for one in used for kind in (*one.needs, *one.ways)))

    def _tell_calls(self) -> None:
        since_ns, before = self._calls
        forwarder = self._stack.forwarder
        total = self._api.calls.total() + (forwarder.calls if forwarder else 0)
        self._calls = (now_ns(), total)
        seconds, calls = (now_ns() - since_ns) / 1e9, total - before
        if calls:
            words = f"{calls} calls of the API server in {seconds:.0f} s, {calls / seconds:.1f} a second"
            tunnels = f"; {forwarder.tunnels} tunnels through it so far" if forwarder else ""
            self._recorder.tell(Step.NOTE, words + tunnels)

    def _progress(self, line: str) -> None:
        self._recorder.tell(Step.IMAGE, line)
