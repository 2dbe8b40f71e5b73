"""The Services of a fake cluster: a real proxy on a node port and on an address inside."""

import contextlib
import itertools
import os
import selectors
import socket
import threading

from tests.cluster.owners import ready
from tests.cluster.store import matches


class Services:
    """Opens listeners for every Service, and gives it the addresses and ports that they got."""

    def __init__(self, store):
        self.store = store
        self.enforces_policies = (
            True  # False: a network plug-in that accepts policies and does nothing
        )
        self.listeners = {}
        self.stopping = threading.Event()
        self.turn = itertools.count()
        self.addresses = itertools.count(os.getpid() % 200 * 250)  # two test processes share them
        store.admissions.append(self._admit)

    def close(self):
        self.stopping.set()
        for one in self.listeners.values():
            one.close()

    def _admit(self, resource, namespace, item):
        if resource != "services":
            return
        inside = item["spec"].setdefault("clusterIP", self._address())
        for port in item["spec"]["ports"]:
            key = (namespace, item["metadata"]["name"], port["port"])
            if item["spec"].get("type") == "NodePort":
                listener = self._listen(("127.0.0.1", 0), (*key, "outside"), port)
                port["nodePort"] = listener.getsockname()[1]
            # Who may not listen on a low port has nobody listen there: refused.
            with contextlib.suppress(OSError):
                if inside != "None":
                    self._listen((inside, port["port"]), (*key, "inside"), port)

    def _address(self):
        """Every Service has an address of its own on the loopback network."""
        number = next(self.addresses)
        return f"127.96.{number // 250}.{number % 250 + 2}"

    def _listen(self, address, key, port):
        listener = socket.create_server(address, backlog=256)
        self.listeners[key] = listener
        arguments = (listener, key, port)
        threading.Thread(target=self._accept, args=arguments, daemon=True).start()
        return listener

    def _accept(self, listener, key, port):
        while not self.stopping.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client, key, port), daemon=True).start()

    def _serve(self, client, key, port):
        namespace, name, *_ = key
        with client:
            service = self.store.find("services", namespace, name)
            if service is None:
                return
            pods = self.backends(namespace, service)
            if not pods:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return  # nobody is ready: refused
            pod = pods[next(self.turn) % len(pods)]
            if self._denied(namespace, pod):
                with contextlib.suppress(OSError):
                    client.settimeout(30)
                    while client.recv(4096):  # packets are dropped: silence
                        pass
                return
            target = port.get("targetPort", port["port"])
            with contextlib.suppress(OSError):
                pipe(client, (pod["status"]["podIP"], int(target)))

    def backends(self, namespace, service):
        selector = ",".join(f"{key}={one}" for key, one in service["spec"]["selector"].items())
        return [
            one
            for one in self.store.list("pods", namespace)
            if matches(one, selector) and ready(one)
        ]

    def denied(self):
        """The addresses that no connection reaches now."""
        return [
            one["status"]["podIP"]
            for one in self.store.list("pods")
            if (one.get("status") or {}).get("podIP")
            and self._denied(one["metadata"]["namespace"], one)
        ]

    def _denied(self, namespace, pod):
        if not self.enforces_policies:
            return False
        for policy in self.store.list("networking.k8s.io/v1/networkpolicies", namespace):
            spec = policy["spec"]
            labels = (spec.get("podSelector") or {}).get("matchLabels") or {}
            selector = ",".join(f"{key}={one}" for key, one in labels.items())
            if (
                matches(pod, selector)
                and "Ingress" in spec["policyTypes"]
                and not spec.get("ingress")
            ):
                return True
        return False


def pipe(client, address):
    """Bytes in both directions until one side ends."""
    with (
        socket.create_connection(address, timeout=5) as server,
        selectors.DefaultSelector() as both,
    ):
        server.settimeout(None)
        both.register(client, selectors.EVENT_READ, server)
        both.register(server, selectors.EVENT_READ, client)
        while True:
            for key, _ in both.select(60):
                data = key.fileobj.recv(65536)
                if not data:
                    return
                key.data.sendall(data)
