"""What target.yaml says: how a system under test is reached, looked at and healed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaoskit.model.experiment import Slo


@dataclass(frozen=True, kw_only=True)
class Entrypoint:
    """A service's port as users reach it; becomes ${name} in experiments."""

    name: str
    service: str
    port: int
    scheme: str = "http"
    through: str = "node-port"  # in a cluster: node-port, address or port-forward
    address: str = ""  # in a cluster: the host that users reach, and maybe a port of its own
    patience_s: float = 0.25  # of a port-forward: a slower round trip says nothing of the service


@dataclass(frozen=True, kw_only=True)
class LogWitness:
    """Patterns in a service's log that tell what a healer did."""

    service: str
    started: str = ""  # a healthy start writes it: without it the log is not what it was taken for
    detected: str = ""
    acted: str = ""
    restored: str = ""


@dataclass(frozen=True, kw_only=True)
class HttpWitness:
    """An HTTP endpoint that is polled, and patterns in its answer."""

    url: str
    period_s: float = 0.1
    detected: str = ""
    acted: str = ""
    restored: str = ""


@dataclass(frozen=True, kw_only=True)
class Healer:
    """A mechanism of the target that repairs it, and the evidence for what it does."""

    name: str
    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    engine: bool = False  # engine events bear witness
    log: LogWitness | None = None
    http: HttpWitness | None = None
    off: str = ""  # a Compose override that disables this healer


@dataclass(frozen=True, kw_only=True)
class Strength:
    """How many instances of a service full strength is, and who counts them."""

    service: str
    instances: int
    url: str = ""  # an endpoint that knows better than the engine; "" means engine only
    count: str = ""  # a pattern; one match is one instance in service
    period_s: float = 0.1


@dataclass(frozen=True, kw_only=True)
class Role:
    """How the instance that plays a role is found: a command in it, and what it must print."""

    name: str
    service: str
    command: tuple[str, ...]
    match: str


@dataclass(frozen=True, kw_only=True)
class ProberPlace:
    """A prober that samples from a pod in the cluster."""

    image: str
    namespace: str = ""  # of the pod; "": where the target is


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A target in a Kubernetes cluster: manifests of its own, or what stands there already."""

    objects: tuple[Mapping[str, Any], ...] = ()  # of the manifests; none: it stands already
    namespace: str = ""  # where it stands; "": one of the run's own
    selector: str = ""  # labels of what belongs to it
    context: str = ""  # of the configuration; "": the current one
    agent_image: str = ""  # with a shell, for faults that are done on a node
    whole: bool = False  # the selector may match everything in the namespace
    prober: ProberPlace | None = None  # None: samples are taken from where the run is

    @property
    def own(self) -> bool:
        """Whether a run makes the namespace, and removes it."""
        return not self.namespace


@dataclass(frozen=True, kw_only=True)
class TargetSpec:
    """One folder under targets/."""

    name: str
    folder: Path
    compose_file: Path | None = None  # None: it is in a cluster
    title: str
    entrypoints: tuple[Entrypoint, ...]
    ready_url: str = ""
    ready_status: tuple[int, int] = (200, 299)  # first and last status that counts as ready
    ready_timeout_s: float = 60.0
    strengths: tuple[Strength, ...] = ()
    healers: tuple[Healer, ...] = ()
    roles: tuple[Role, ...] = ()
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # as Compose has them
    cluster: Cluster | None = None  # None: a Compose project
    slo: Slo | None = None  # of every experiment on it that has none of its own
    hash: str = ""

    def healer(self, name: str) -> Healer | None:
        """The healer of that name."""
        return next((one for one in self.healers if one.name == name), None)
