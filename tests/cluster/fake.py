"""A whole cluster that behaves: an API server, controllers, one node, Services, and a kubeconfig.

What it is not: it schedules without resources, pulls no images, and knows of a pod only what the
tests need. What a test shows with it is that chaoskit understands the API, and means what it says.
"""

import signal
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import yaml

from tests.cluster.controllers import Controllers, evict
from tests.cluster.forwarding import Forwards
from tests.cluster.kubelet import Kubelet
from tests.cluster.podlog import tell
from tests.cluster.proxy import Services
from tests.cluster.server import ApiServer
from tests.cluster.websocket import execute


class FakeCluster:
    """A context manager."""

    def __init__(self, **options):
        self.api = ApiServer(**options)
        self.store = self.api.store
        self.kubelet = Kubelet(self.store)
        self.controllers = Controllers(self.store, self.kubelet)
        self.services = Services(self.store)
        self.forwards = Forwards(self.kubelet)
        self.api.subresources = {
            ("pods", "exec"): partial(execute, self.kubelet, self.services.denied),
            ("pods", "log"): partial(tell, self.kubelet),
            ("pods", "portforward"): self.forwards.serve,
            ("pods", "eviction"): lambda _handler, *rest: evict(self.controllers, *rest),
        }
        for name in ("default", "kube-system"):
            self.store.create("namespaces", "", {"apiVersion": "v1", "kind": "Namespace",
                              "metadata": {"name": name}, "status": {"phase": "Active"}})  # fmt: skip

    def __enter__(self):
        self.kubelet.start()
        self.controllers.start()
        return self

    def __exit__(self, *_):
        with ExitStack() as closing:  # each of them, whatever the others say
            for one in (self.api, self.services, self.kubelet, self.controllers):
                closing.callback(one.close)

    def kubeconfig(self, path: Path, token=None):
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": self.api.url}}],
            "users": [{"name": "me", "user": {"token": token or self.api.token}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "me"}}],
        }
        path.write_text(yaml.safe_dump(config))
        return path

    def pods(self, namespace):
        return self.store.list("pods", namespace)


def main() -> None:
    """Be a cluster until somebody ends it: python -m tests.cluster.fake KUBECONFIG-TO-WRITE."""
    with FakeCluster() as cluster:
        path = cluster.kubeconfig(Path(sys.argv[1]))
        print(f"export KUBECONFIG={path}", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
