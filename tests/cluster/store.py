"""The objects of a fake cluster, with versions, watches that can miss something, and conflicts.

It behaves where a harness can be fooled: a version counts every change of anything, history is
short, deletion is a mark first when somebody must finish it, and an old version is an answer of 410.
"""

import copy
import threading
import uuid
from collections import deque
from datetime import UTC, datetime, timedelta


class Refusal(Exception):
    """What the server says no with."""

    def __init__(self, code, reason, message, causes=(), headers=None):
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message
        self.causes, self.headers = list(causes), headers or {}

    @property
    def status(self):
        details = {"causes": self.causes} if self.causes else {}
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": self.code,
            "reason": self.reason,
            "message": self.message,
            "details": details,
        }


def stamp(in_s=0.0):
    """A status's time: whole seconds."""
    return (datetime.now(UTC) + timedelta(seconds=in_s)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    """Key: (resource, namespace, name); resource is `pods`, or `apps/v1/deployments`."""

    def __init__(self, history=2000):
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.objects = {}
        self.version = 100
        self.history = deque(maxlen=history)  # (version, type, key, object)
        self.forgotten = 0  # versions up to here are not in the history any more
        self.admissions = []  # functions (resource, object) that may raise Refusal

    def create(self, resource, namespace, item):
        with self.lock:
            meta = item.setdefault("metadata", {})
            if "name" not in meta:
                meta["name"] = meta.pop("generateName", "x-") + uuid.uuid4().hex[:5]
            key = (resource, namespace, meta["name"])
            if key in self.objects:
                raise Refusal(409, "AlreadyExists", f"{resource} {meta['name']!r} already exists")
            for check in self.admissions:
                check(resource, namespace, item)
            meta.setdefault("uid", str(uuid.uuid4()))
            meta.setdefault("creationTimestamp", stamp())
            if namespace:
                meta["namespace"] = namespace
            return self._put("ADDED", key, item)

    def get(self, resource, namespace, name):
        with self.lock:
            found = self.objects.get((resource, namespace, name))
            if found is None:
                raise Refusal(404, "NotFound", f'{resource} "{name}" not found')
            return copy.deepcopy(found)

    def find(self, resource, namespace, name):
        with self.lock:
            return copy.deepcopy(self.objects.get((resource, namespace, name)))

    def list(self, resource, namespace=None):
        with self.lock:
            return [
                copy.deepcopy(one)
                for (kind, where, _), one in self.objects.items()
                if kind == resource and namespace in {None, "", where}
            ]

    def update(self, resource, namespace, name, change):
        """`change(object)` edits it in place; nothing is written when nothing differs."""
        with self.lock:
            key = (resource, namespace, name)
            if key not in self.objects:
                raise Refusal(404, "NotFound", f'{resource} "{name}" not found')
            item = copy.deepcopy(self.objects[key])
            change(item)
            if item == self.objects[key]:
                return item
            return self._put("MODIFIED", key, item)

    def remove(self, resource, namespace, name):
        """Really gone."""
        with self.lock:
            item = self.objects.pop((resource, namespace, name), None)
            if item is not None:
                self._note("DELETED", (resource, namespace, name), copy.deepcopy(item))

    def delete(self, resource, namespace, name, options=None):
        """As asked for: pods end first, everything else goes at once."""
        with self.lock:
            item = self.get(resource, namespace, name)
            wanted = ((options or {}).get("preconditions") or {}).get("uid")
            if wanted and wanted != item["metadata"]["uid"]:
                raise Refusal(409, "Conflict", "the UID in the precondition does not match")
            if resource == "pods" and item.get("spec", {}).get("nodeName"):
                grace = (options or {}).get("gracePeriodSeconds")
                if grace is None:
                    grace = item["spec"].get("terminationGracePeriodSeconds", 30)

                def mark(pod):
                    if "deletionTimestamp" not in pod["metadata"]:
                        pod["metadata"]["deletionTimestamp"] = stamp(grace)
                        pod["metadata"]["deletionGracePeriodSeconds"] = grace

                return self.update(resource, namespace, name, mark)
            if resource == "namespaces":

                def end(one):
                    one["metadata"]["deletionTimestamp"] = stamp()
                    one["status"] = {"phase": "Terminating"}

                return self.update(resource, namespace, name, end)
            self.remove(resource, namespace, name)
            return item

    def _put(self, what, key, item):
        self._note(what, key, item)
        self.objects[key] = item
        return copy.deepcopy(item)

    def _note(self, what, key, item):
        self.version += 1
        item["metadata"]["resourceVersion"] = str(self.version)
        if len(self.history) == self.history.maxlen:
            self.forgotten = self.history[0][0]
        self.history.append((self.version, what, key, copy.deepcopy(item)))
        self.changed.notify_all()

    def forget(self):
        """History is compacted: whoever asks for the past gets 410."""
        with self.lock:
            self.forgotten = self.version
            self.history.clear()


def matches(item, selector):
    """Label selectors: a=b, a!=b, a, !a, `a in (b,c)`."""
    labels = item["metadata"].get("labels") or {}
    rest = selector
    while rest:
        depth = 0
        for at, sign in enumerate(rest + ","):
            depth += (sign == "(") - (sign == ")")
            if sign == "," and not depth:
                term, rest = rest[:at].strip(), rest[at + 1 :]
                break
        if not _term(labels, term):
            return False
    return True


def _term(labels, term):
    if " notin " in term or " in " in term:
        key, _, values = term.partition(" notin " if " notin " in term else " in ")
        inside = labels.get(key.strip()) in {one.strip() for one in values.strip(" ()").split(",")}
        return inside != (" notin " in term)
    if "!=" in term:
        key, _, value = term.partition("!=")
        return labels.get(key) != value
    if "=" in term:
        key, _, value = term.replace("==", "=").partition("=")
        return labels.get(key.strip()) == value.strip()
    return term[1:] not in labels if term.startswith("!") else term in labels


def merge(old, new):
    """A JSON merge patch."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    result = dict(old)
    for key, value in new.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key, {}), value) if isinstance(value, dict) else value
    return result
