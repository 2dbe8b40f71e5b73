"""The node of a fake cluster: pods are real processes on loopback addresses of their own.

So a probe's outage is a real outage, a hang is SIGSTOP, and a crash is a process that dies. What a
helper on the node sees of control groups is a folder that looks like /proc.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from tests.cluster import leftovers
from tests.cluster.podlog import Log
from tests.cluster.store import Refusal, stamp

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


NC = f"""#!{sys.executable}
import os, socket, sys
host, port = sys.argv[-2:]
try:
    if host in os.environ.get("FAKE_DENIED", "").split(): raise TimeoutError("dropped")
    socket.create_connection((host, int(port)), 2).close()
except OSError:
    sys.exit(1)
"""


class Running:
    """One container of one pod."""

    def __init__(self):
        self.id = ""
        self.process = None
        self.started = 0.0
        self.restarts = 0
        self.waiting = "ContainerCreating"
        self.ended = None  # (exit code, time, reason, container id)
        self.due = 0.0  # not started again before
        self.failures = {"livenessProbe": 0, "readinessProbe": 0}
        self.asked = {"livenessProbe": 0.0, "readinessProbe": 0.0}
        self.ready = False
        self.logs = []  # of the container before, and of this one


class Kubelet:
    """One node. Everything it does takes a twentieth of a second at least, as a real one's takes a second."""

    def __init__(self, store, node="node-1", backoff_s=0.5, clock=lambda: 0.0):
        self.store, self.node, self.backoff_s = store, node, backoff_s
        self.pods = {}  # uid → {container name: Running}
        self.ips = {}
        self.ending = {}
        self.absent_images = set()
        self.ahead_s = 0  # the node's monotonic clock, for containers that are started from now on
        self.proc = leftovers.folder()
        self.stopping = threading.Event()
        self.probing = {}
        itself = {**os.environ, leftovers.VARIABLE: str(self.proc)}
        self.itself = subprocess.Popen(["sleep", "86400"], env=itself)  # the kubelet's own process
        self._proc_entry(self.itself.pid, "kubelet", "kubelet")
        tool = self.proc / "bin" / "nc"  # whose packets the network plug-in sees
        tool.parent.mkdir()
        tool.write_text(NC)
        tool.chmod(0o755)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.store.create("nodes", "", {
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": self.node, "labels": {"kubernetes.io/hostname": self.node}},
            "spec": {},
            "status": {
                "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": stamp()}],
                "nodeInfo": {"kubeletVersion": "v1.36.0-fake",
                             "containerRuntimeVersion": "fake://1"},
            },
        })  # fmt: skip
        self.thread.start()

    def close(self):
        self.stopping.set()
        if self.thread.is_alive():
            self.thread.join(10)
        for containers in self.pods.values():
            for one in containers.values():
                _kill(one.process)
        _kill(self.itself)
        leftovers.clear(self.proc)

    def alive(self):
        """Whether the kubelet's own process runs; a stopped one does nothing and answers nobody."""
        return _state(self.itself.pid) not in {"T", "Z", ""}

    def _run(self):
        while not self.stopping.wait(0.05):
            if not self.alive():
                continue
            for pod in self.store.list("pods"):
                if pod["spec"].get("nodeName") == self.node:
                    with contextlib.suppress(Refusal):
                        self._sync(pod)
            known = {one["metadata"]["uid"] for one in self.store.list("pods")}
            for uid in [one for one in self.pods if one not in known]:
                for one in self.pods.pop(uid).values():
                    _kill(one.process)

    def _sync(self, pod):
        uid, meta = pod["metadata"]["uid"], pod["metadata"]
        containers = self.pods.setdefault(
            uid, {one["name"]: Running() for one in pod["spec"]["containers"]}
        )
        if "deletionTimestamp" in meta:
            self._end(pod, containers)
            return
        if pod.get("status", {}).get("phase") in {"Failed", "Succeeded"}:
            return
        self.ips.setdefault(uid, _address(len(self.ips)))
        for spec in pod["spec"]["containers"]:
            self._container(pod, spec, containers[spec["name"]])
        self._tell(pod, containers)

    def _end(self, pod, containers):
        uid = pod["metadata"]["uid"]
        since = self.ending.setdefault(uid, time.monotonic())
        grace = pod["metadata"].get("deletionGracePeriodSeconds", 30)
        living = [one for one in containers.values() if one.process and one.process.poll() is None]
        for one in living:
            with contextlib.suppress(ProcessLookupError):
                one.process.send_signal(
                    signal.SIGKILL if time.monotonic() - since >= grace else signal.SIGTERM
                )
        if not living:
            self.store.remove("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
            self.pods.pop(uid, None)

    def _container(self, pod, spec, one):
        now = time.monotonic()
        if one.process is not None:
            code = one.process.poll()
            if code is None:
                self._probe(pod, spec, one, now)
                return
            reason = "Error" if code else "Completed"
            one.ended = (code, stamp(), reason, one.id)
            one.process, one.ready = None, False
            policy = pod["spec"].get("restartPolicy", "Always")
            if policy == "Never":
                one.waiting = "ended"
                return
            delay = 0.0 if not one.restarts else self.backoff_s * 2 ** (one.restarts - 1)
            one.due, one.waiting = now + delay, "CrashLoopBackOff" if delay else "Restarting"
            return
        if one.waiting == "ended" or now < one.due:
            return
        if spec["image"] in self.absent_images or ".invalid/" in spec["image"]:
            one.waiting = "ErrImageNeverPull"
            return
        try:
            environment = self._environment(pod, spec)
        except Refusal as refusal:
            if one.waiting != "CreateContainerConfigError":
                self._event(pod, "Failed", f"Error: {refusal.message}")
            one.waiting = "CreateContainerConfigError"
            return
        if one.id:
            one.restarts += 1
        one.id, one.started, one.waiting = uuid.uuid4().hex * 2, now, ""
        command = [*(spec.get("command") or []), *(spec.get("args") or [])]
        command = self.in_its_time(command)
        one.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        one.logs = [*one.logs[-1:], Log(one.process.stdout)]
        one.failures = dict.fromkeys(one.failures, 0)
        one.asked = {
            key: now + float((spec.get(key) or {}).get("initialDelaySeconds", 0))
            for key in one.asked
        }
        one.ready = "readinessProbe" not in spec
        self._proc_entry(one.process.pid, one.id, spec["name"])

    def _environment(self, pod, spec):
        path = f"{self.proc / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        found = {"PATH": path, leftovers.VARIABLE: str(self.proc)}
        for one in spec.get("env") or ():
            source = one.get("valueFrom") or {}
            if "fieldRef" in source:
                fields = {"status.podIP": self.ips[pod["metadata"]["uid"]],
                          "metadata.name": pod["metadata"]["name"]}  # fmt: skip
                found[one["name"]] = fields[source["fieldRef"]["fieldPath"]]
            elif "configMapKeyRef" in source or "secretKeyRef" in source:
                resource = "configmaps" if "configMapKeyRef" in source else "secrets"
                ref = source.get("configMapKeyRef") or source["secretKeyRef"]
                kept = self.store.get(resource, pod["metadata"]["namespace"], ref["name"])
                found[one["name"]] = (kept.get("data") or kept.get("stringData"))[ref["key"]]
            else:
                found[one["name"]] = self._on_disk(pod, spec, str(one.get("value", "")))
        return found

    def in_its_time(self, command):
        """The command by the node's clock, which is that of a machine that was booted earlier."""
        if not self.ahead_s:
            return command
        return ["unshare", "--time", "--monotonic", str(self.ahead_s), "--fork",
                "--kill-child", "--", *command]  # fmt: skip

    def _on_disk(self, pod, spec, value):
        """A path in a volume: nothing is mounted here, so the program is told where it really is."""
        kinds = {one["name"]: one for one in pod["spec"].get("volumes") or ()}
        for mount in spec.get("volumeMounts") or ():
            if value.startswith(mount["mountPath"]):
                gone_with_pod = "emptyDir" in kinds.get(mount["name"], {})
                meta = pod["metadata"]
                owner = meta["uid"] if gone_with_pod else f"{meta['namespace']}-{meta['name']}"
                folder = self.proc / "volumes" / f"{owner}-{mount['name']}"
                folder.mkdir(parents=True, exist_ok=True)
                return f"{folder}{value.removeprefix(mount['mountPath'])}"
        return value

    def _probe(self, pod, spec, one, now):
        for kind in ("livenessProbe", "readinessProbe"):
            probe = spec.get(kind)
            if probe is None or now < one.asked[kind] or (one.id, kind) in self.probing:
                continue
            one.asked[kind] = now + float(probe.get("periodSeconds", 10))
            self.probing[one.id, kind] = True
            threading.Thread(
                target=self._ask, args=(pod, probe, one, kind, one.id), daemon=True
            ).start()

    def _ask(self, pod, probe, one, kind, container):
        web = probe.get("httpGet") or {"port": 0}  # a command is run nowhere here, so it fails
        url = f"http://{self.ips[pod['metadata']['uid']]}:{web['port']}{web.get('path', '/')}"
        try:
            with _OPENER.open(url, timeout=float(probe.get("timeoutSeconds", 1))) as answer:
                good = 200 <= answer.status < 400
        except (OSError, urllib.error.URLError, ValueError):
            good = False
        finally:
            self.probing.pop((container, kind), None)
        if one.id != container or self.stopping.is_set():
            return
        one.failures[kind] = 0 if good else one.failures[kind] + 1
        if kind == "readinessProbe" and good:
            one.ready = True
        if good:
            return
        if kind == "livenessProbe" or one.ready:
            word = kind.removesuffix("Probe").capitalize()
            self._event(pod, "Unhealthy", f"{word} probe failed: no good answer from {url}")
        if one.failures[kind] >= int(probe.get("failureThreshold", 3)):
            if kind == "readinessProbe":
                one.ready = False
            elif one.process is not None:
                self._event(pod, "Killing", "Container failed liveness probe, will be restarted")
                _kill(one.process, wait=False)

    def _tell(self, pod, containers):
        statuses = [
            self._status(spec, containers[spec["name"]], pod) for spec in pod["spec"]["containers"]
        ]
        ready = all(one["ready"] for one in statuses)
        ended = [one.ended for one in containers.values() if one.waiting == "ended"]
        phase = "Running" if any(one.id for one in containers.values()) else "Pending"
        if ended and len(ended) == len(containers):
            phase = "Failed" if any(one[0] for one in ended) else "Succeeded"
        before = {one["type"]: one for one in pod.get("status", {}).get("conditions", ())}
        was = before.get("Ready", {"status": "", "lastTransitionTime": ""})
        word = "True" if ready else "False"
        since = was["lastTransitionTime"] if was["status"] == word else stamp()
        status = {
            "phase": phase,
            "podIP": self.ips[pod["metadata"]["uid"]],
            "containerStatuses": statuses,
            "conditions": [{"type": "Ready", "status": word, "lastTransitionTime": since}],
        }

        def change(item):
            if "deletionTimestamp" not in item["metadata"]:
                item["status"] = status

        self.store.update("pods", pod["metadata"]["namespace"], pod["metadata"]["name"], change)

    def _status(self, spec, one, pod):
        state = {}
        if one.process is not None:
            old = next((each for each in pod.get("status", {}).get("containerStatuses", ())
                        if each["name"] == spec["name"] and each.get("containerID", "").endswith(one.id)
                        and "running" in each["state"]), None)  # fmt: skip
            state = old["state"] if old else {"running": {"startedAt": stamp()}}
        elif one.waiting == "ended":
            state = {"terminated": _ended(one.ended)}
        else:
            state = {"waiting": {"reason": one.waiting}}
        found = {"name": spec["name"], "image": spec["image"], "state": state,
                 "ready": one.ready and one.process is not None, "restartCount": one.restarts,
                 "containerID": f"fake://{one.id}" if one.id else ""}  # fmt: skip
        if one.ended:
            found["lastState"] = {"terminated": _ended(one.ended)}
        return found

    def _event(self, pod, reason, message):
        meta = pod["metadata"]
        with contextlib.suppress(Refusal):
            self.store.create("events", meta["namespace"], {
                "apiVersion": "v1", "kind": "Event", "type": "Warning",
                "metadata": {"generateName": f"{meta['name']}."},
                "involvedObject": {"kind": "Pod", "name": meta["name"], "uid": meta["uid"]},
                "reason": reason, "message": message, "count": 1, "lastTimestamp": stamp(),
            })  # fmt: skip

    def _proc_entry(self, pid, container, name):
        folder = self.proc / str(pid)
        folder.mkdir(exist_ok=True)
        (folder / "cgroup").write_text(f"0::/kubepods.slice/pod-x.slice/fake-{container}.scope\n")
        (folder / "status").write_text(f"Name:\t{name}\nNSpid:\t{pid}\t1\n")
        (folder / "comm").write_text(f"{name}\n")
        with contextlib.suppress(FileExistsError):
            (folder / "stat").symlink_to(f"/proc/{pid}/stat")

    def address_of(self, namespace, pod):
        """Where a pod's ports are, for a port-forward; nobody need listen there."""
        if not self.alive():
            raise Refusal(
                500, "InternalError", "error dialing backend: the kubelet does not answer"
            )
        uid = self.store.get("pods", namespace, pod)["metadata"]["uid"]
        if uid not in self.pods or uid not in self.ips:
            raise Refusal(404, "NotFound", f"pod not found ({pod}_{namespace})")
        return self.ips[uid]

    def container_process(self, namespace, pod, name):
        """The process of a container, for exec."""
        found = self.store.get("pods", namespace, pod)
        one = self.pods.get(found["metadata"]["uid"], {}).get(
            name or found["spec"]["containers"][0]["name"]
        )
        if one is None or one.process is None:
            raise Refusal(400, "BadRequest", f"container {name} of {pod} is not running")
        spec = next(
            each for each in found["spec"]["containers"] if each["name"] == (name or each["name"])
        )
        return one, self._environment(found, spec), self.ips[found["metadata"]["uid"]]


def _ended(ended):
    code, at, reason, container = ended
    return {
        "exitCode": code,
        "finishedAt": at,
        "reason": reason,
        "containerID": f"fake://{container}",
    }


def _address(number):
    """Every pod has an address of its own on the loopback network; so have two tests' clusters."""
    return f"127.{100 + os.getpid() % 150}.{number // 250}.{number % 250 + 2}"


def _state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


def _kill(process, *, wait=True):
    if process is not None and process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        if wait:
            process.wait(10)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
