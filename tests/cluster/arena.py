"""Two workloads in a namespace of their own, on whatever cluster the environment names."""

import os
import secrets
from dataclasses import replace
from pathlib import Path
from random import Random

from chaoskit.faults.base import make
from chaoskit.plan.targets import load_target
from chaoskit.run.clock import wait_until
from chaoskit.run.injector import Injector
from chaoskit.run.undo_log import ClusterPlace, UndoLog
from chaoskit.target.kubernetes.access import refuse_unfit
from chaoskit.target.kubernetes.api import reach
from chaoskit.target.kubernetes.hand import ClusterHand
from chaoskit.target.kubernetes.hands import ClusterHands
from chaoskit.target.kubernetes.observers import ClusterObservers
from chaoskit.target.kubernetes.roles import players
from chaoskit.target.kubernetes.site import ClusterSite
from chaoskit.target.kubernetes.stack import ClusterStack
from chaoskit.target.kubernetes.words import Words

TARGET = Path(__file__).parent / "target"


class ClusterArena:
    """A context manager; everything that it makes is in one namespace, which it removes."""

    def __init__(self, fake, folder, healers=(), roles=()):
        if fake is not None:
            os.environ["KUBECONFIG"] = str(fake.kubeconfig(folder / "kubeconfig"))
        else:
            os.environ["KUBECONFIG"] = os.environ["CHAOSKIT_TEST_KUBECONFIG"]
        self.fake, self.folder = fake, folder
        spec = load_target(TARGET)
        self.spec = replace(spec, healers=(*spec.healers, *healers), roles=tuple(roles))
        self.api = reach()
        self.run_id = f"arena-{secrets.token_hex(3)}"
        self.namespace = f"chaoskit-{self.run_id}"
        self.labels = {"chaoskit.run": self.run_id}
        self.marks = []

    def __enter__(self):
        self.stack = ClusterStack(
            spec=self.spec, api=self.api, namespace=self.namespace, labels=self.labels
        )
        log = UndoLog(self.folder)
        log.begin(self.run_id)
        log.in_cluster(ClusterPlace(context="", namespace=self.namespace, own=True))
        self.stack.start(self.spec.cluster.objects, lambda _line: None)
        self.hand = ClusterHand.of(
            self.api, self.namespace, image=self.spec.cluster.agent_image, labels=self.labels
        )
        self.injector = Injector(
            folder=self.folder,
            run_id=self.run_id,
            site=ClusterSite(
                api=self.api,
                namespace=self.namespace,
                selector=self.stack.selector,
                workloads=tuple(self.spec.services),
            ),
            hands=ClusterHands(self.hand),
            record=self.marks.append,
            rng=Random(7),
            roles=self._players,
        )
        self.observers = ClusterObservers(
            spec=self.spec,
            api=self.api,
            namespace=self.namespace,
            selector=self.stack.selector,
            record=self.marks.append,
            words=Words(
                spec=self.spec,
                api=self.api,
                namespace=self.namespace,
                entrypoints=self.stack.entrypoints,
                logs_folder=self.folder / "logs",
                record=self.marks.append,
            ),
        )
        self.hand.on_undo = self.observers.put_back
        self.hand.on_held_up = self.observers.held_up
        self.observers.start()
        return self

    def __exit__(self, *_):
        self.observers.stop()
        self.injector.close()
        self.stack.down()
        self.api.close()

    def _players(self, service, role):
        for one in self.spec.roles:
            if (one.name, one.service) == (role, service):
                return players(self.api, self.namespace, self.stack.pods(), one)
        return None

    def inject(self, name, **arguments):
        return self.injector.inject(make(name, arguments))

    def regains(self, timeout_s=60):
        """Whether it comes back to full strength."""
        return wait_until(lambda: not self.stack.missing(), timeout_s=timeout_s, every_s=0.1)

    def refuse_unfit(self, *, kinds, **changes):
        cluster = replace(self.spec.cluster, **changes)
        refuse_unfit(self.api, replace(self.spec, cluster=cluster), kinds)
