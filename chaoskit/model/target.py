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


@dataclass(frozen=True, kw_only=True)
class LogWitness:
    """Patterns in a service's log that tell what a healer did."""

    service: str
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
class TargetSpec:
    """One folder under targets/."""

    name: str
    folder: Path
    compose_file: Path
    title: str
    entrypoints: tuple[Entrypoint, ...]
    ready_url: str = ""
    ready_timeout_s: float = 60.0
    strengths: tuple[Strength, ...] = ()
    healers: tuple[Healer, ...] = ()
    roles: tuple[Role, ...] = ()
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # as Compose has them
    slo: Slo | None = None  # of every experiment on it that has none of its own
    hash: str = ""

    def healer(self, name: str) -> Healer | None:
        """The healer of that name."""
        return next((one for one in self.healers if one.name == name), None)
