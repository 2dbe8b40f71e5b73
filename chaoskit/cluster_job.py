"""Manifests that run chaoskit in a cluster: a Job or CronJob, its rights, its results, its sweeper.

Results go to a volume, or to an object store with credentials out of a Secret that is there already.

Only against a target that stands already: rights can be few only where one knows in which namespace
they are needed. Chaoskit itself runs in another one, lest it breaks itself.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import yaml

from chaoskit.cluster_manifests import cluster_of, roles, roles_for, witnessing
from chaoskit.errors import InputError, Problem
from chaoskit.model.quantities import parse_duration
from chaoskit.model.target import TargetSpec
from chaoskit.store.address import DRIVERS, store_of

ACCOUNT = "chaoskit"
RESULTS = "/results"
USER = 10001  # of the image, see Containerfile

_SWEEP = "chaoskit-sweeper"
_SWEEP_LIVES_S = 300
_ENDS_S = 180  # for lifting what is on, and for the reports, once the time is over
_DNS = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")  # a CronJob adds to its name
_SECRET = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_SIZE = re.compile(r"[1-9][0-9]*(Ki|Mi|Gi|Ti)")
_TAGGED = re.compile(r"[^\s@]*[^\s@:/]:(?P<tag>[\w.-]+)|\S+@sha256:[0-9a-f]{64}")
_FIELDS = 5

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class InCluster:
    """What shall run where."""

    namespace: str = ""  # of the target, when `target` does not say it
    target: TargetSpec | None = None  # whose healers, entry and prober need rights too
    image: str
    experiments: tuple[str, ...]  # paths in the image
    faults: tuple[str, ...]
    healers: tuple[str, ...] = ()  # kinds that the cluster's watches bear witness for
    home: str = "chaoskit"  # of the Job
    name: str = "chaoskit"
    schedule: str = ""  # "": once
    deadline: str = "1h"
    storage: str = (
        "1Gi"  # of the volume for the results; the run's own room when they are published
    )
    publish: str = ""  # the store that results go to, instead of a volume
    credentials: str = ""  # a Secret in `home`, whose entries are the store's environment


def manifests(wanted: InCluster) -> str:
    """All of them, in the order in which they are to be applied. Raises InputError, EnvironmentUnfit."""
    wanted = _placed(wanted)
    deadline_s = _checked(wanted)
    spec = _job(_pod(wanted, _run(wanted), results=True), deadline_s)
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": _meta(wanted), "spec": spec}
    if wanted.schedule:
        job = _cron(wanted, wanted.name, wanted.schedule, spec)
    sweep = _job(_pod(wanted, _sweep(wanted), results=False), _SWEEP_LIVES_S)
    kept = [] if wanted.publish else [_claim(wanted)]
    found = [*kept, _cron(wanted, _SWEEP, "* * * * *", sweep), job]
    return f"{_rights(wanted)}\n---\n{yaml.safe_dump_all(found, sort_keys=False)}"


def _placed(wanted: InCluster) -> InCluster:
    """With the namespace that the target's own file names. Raises InputError."""
    if wanted.target is None:
        return wanted
    if not (there := cluster_of(wanted.target, wanted.namespace).namespace):
        message = f"the target {wanted.target.name} gets a namespace of its own in every run"
        hint = "name one that stands already: `namespace` and `selector` in its target.yaml"
        raise InputError(Problem(file="chaoskit k8s job", message=message, hint=hint))
    return replace(wanted, namespace=there)


def _rights(wanted: InCluster) -> str:
    who = {"account": ACCOUNT, "home": wanted.home}
    more = witnessing(wanted.healers)
    if wanted.target is None:
        found = roles(wanted.faults, namespace=wanted.namespace, more=more, **who)
    else:
        found = roles_for(wanted.target, wanted.faults, more=more, **who)
    return found.rstrip("\n")


def _checked(wanted: InCluster) -> float:
    """The deadline in seconds. Raises InputError with everything that is wrong."""
    problems = [*_names(wanted), *_sizes(wanted), *_results(wanted)]
    deadline_s = 0.0
    try:
        deadline_s = parse_duration(wanted.deadline)
    except ValueError as error:
        problems.append(f"--deadline: {error}")
    else:
        if deadline_s < 1:
            problems.append("--deadline: at least a second is needed")
    if problems:
        raise InputError([Problem(file="chaoskit k8s job", message=one) for one in problems])
    return deadline_s


def _names(wanted: InCluster) -> Iterable[str]:
    for option in ("namespace", "home", "name"):
        value = getattr(wanted, option)
        if not _DNS.fullmatch(value):
            yield (
                f"--{option}: {value!r} is no name in a cluster: small letters, digits and "
                "hyphens, 40 at most"
            )
    if wanted.home == wanted.namespace:
        yield f"--home: chaoskit must not run in {wanted.home!r}, among the pods that it breaks"
    if wanted.name == _SWEEP:
        yield f"--name: {_SWEEP!r} is the sweeper's"


def _sizes(wanted: InCluster) -> Iterable[str]:
    tagged = _TAGGED.fullmatch(wanted.image)
    if tagged is None or tagged["tag"] == "latest":
        yield (
            f"--image: {wanted.image!r} may be another one tomorrow; name a tag other than latest, "
            "or a digest"
        )
    if wanted.schedule and len(wanted.schedule.split()) != _FIELDS:
        yield f"--schedule: {wanted.schedule!r} has not five fields, as '0 3 * * *' has"
    if not _SIZE.fullmatch(wanted.storage):
        yield f"--storage: {wanted.storage!r} is no size, as 1Gi is"


def _results(wanted: InCluster) -> Iterable[str]:
    if wanted.credentials and not wanted.publish:
        yield "--credentials: a volume needs none; they are for the store of --publish"
    if wanted.credentials and not _SECRET.fullmatch(wanted.credentials):
        yield f"--credentials: {wanted.credentials!r} is no name of a Secret"
    if not wanted.publish:
        return
    try:
        protocol = store_of(wanted.publish, "--publish").protocol
    except InputError as error:
        yield from (f"--publish: {one.message}; {one.hint}" for one in error.problems)
        return
    if not DRIVERS[protocol]:
        yield f"--publish: {protocol}:// ends with the pod; name an object store"


def _run(wanted: InCluster) -> list[str]:
    publish = ["--publish", wanted.publish] if wanted.publish else []
    return ["chaoskit", "run", *wanted.experiments, "--reports", RESULTS, *publish]


def _sweep(wanted: InCluster) -> list[str]:
    return ["chaoskit", "k8s", "sweep", "--namespace", wanted.namespace, "--once"]


def _meta(wanted: InCluster, name: str = "") -> Object:
    labels = {"app.kubernetes.io/name": "chaoskit"}
    return {"name": name or wanted.name, "namespace": wanted.home, "labels": labels}


def _claim(wanted: InCluster) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": _meta(wanted, f"{wanted.name}-results"),
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": wanted.storage}},
        },
    }


def _room(wanted: InCluster) -> Object:
    """Where the run's folder lies: for ever, or until it has been published."""
    if wanted.publish:
        return {"emptyDir": {"sizeLimit": wanted.storage}}
    return {"persistentVolumeClaim": {"claimName": f"{wanted.name}-results"}}


def _cron(wanted: InCluster, name: str, schedule: str, spec: Object) -> Object:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": _meta(wanted, name),
        "spec": {
            "schedule": schedule,
            "concurrencyPolicy": "Forbid",  # two runs would void each other
            "startingDeadlineSeconds": 60,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"spec": spec},
        },
    }


def _job(pod: Object, deadline_s: float) -> Object:
    return {
        "backoffLimit": 0,  # a run that did not pass is a result, not something to try again
        "activeDeadlineSeconds": int(deadline_s),
        "template": pod,
    }


def _pod(wanted: InCluster, command: list[str], *, results: bool) -> Object:
    mounts = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108  # a volume of the pod's own
    volumes: list[Object] = [{"name": "tmp", "emptyDir": {}}]
    if results:
        mounts.append({"name": "results", "mountPath": RESULTS})
        volumes.append({"name": "results", **_room(wanted)})
    secret = [{"secretRef": {"name": wanted.credentials}}] if wanted.credentials else []
    container = {
        "name": "chaoskit",
        "image": wanted.image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        **({"envFrom": secret} if results and secret else {}),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "volumeMounts": mounts,
    }
    return {
        "metadata": {"labels": {"app.kubernetes.io/name": "chaoskit"}},
        "spec": {
            "serviceAccountName": ACCOUNT,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": _ENDS_S,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": volumes,
        },
    }
