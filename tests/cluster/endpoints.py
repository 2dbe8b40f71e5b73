"""The EndpointSlices of a fake cluster's Services: which pods are ready, as the controller tells it."""

import contextlib

from tests.cluster.store import Refusal, matches

SLICES = "discovery.k8s.io/v1/endpointslices"


def follow(store):
    """Bring every Service's slice up to date."""
    for service in store.list("services"):
        meta, spec = service["metadata"], service["spec"]
        if not spec.get("selector"):
            continue
        selector = ",".join(f"{key}={one}" for key, one in spec["selector"].items())
        pods = [one for one in store.list("pods", meta["namespace"]) if matches(one, selector)]
        endpoints = [_endpoint(one) for one in pods if (one.get("status") or {}).get("podIP")]
        with contextlib.suppress(Refusal):
            _tell(store, service, endpoints)


def _tell(store, service, endpoints):
    meta, name = service["metadata"], f"{service['metadata']['name']}-fake1"
    before = store.find(SLICES, meta["namespace"], name)
    if before is None:
        owner = {"apiVersion": "v1", "kind": "Service", "name": meta["name"], "uid": meta["uid"]}
        store.create(SLICES, meta["namespace"], {
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": name, "ownerReferences": [owner],
                         "labels": {"kubernetes.io/service-name": meta["name"]}},
            "endpoints": endpoints, "ports": [_port(one) for one in service["spec"]["ports"]],
        })  # fmt: skip
    elif before["endpoints"] != endpoints:

        def change(item):
            item["endpoints"] = endpoints

        store.update(SLICES, meta["namespace"], name, change)


def _endpoint(pod):
    meta, status = pod["metadata"], pod["status"]
    conditions = {one["type"]: one["status"] for one in status.get("conditions", ())}
    serving, terminating = conditions.get("Ready") == "True", "deletionTimestamp" in meta
    return {
        "addresses": [status["podIP"]],
        "conditions": {"ready": serving and not terminating, "serving": serving,
                       "terminating": terminating},
        "targetRef": {"kind": "Pod", "name": meta["name"], "namespace": meta["namespace"],
                      "uid": meta["uid"]},
    }  # fmt: skip


def _port(port):
    return {"name": port.get("name", ""), "protocol": "TCP",
            "port": int(port.get("targetPort", port["port"]))}  # fmt: skip
