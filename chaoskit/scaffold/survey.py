"""What a Compose model says about healing: who is there, who needs whom, who starts whom again.

From the model that Docker Compose itself resolved: variables, `extends`, `include` and profiles have
been dealt with, and ports have their long form.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaoskit.model.quantities import parse_duration
from chaoskit.scaffold.guess import Kind, kind_of

Model = Mapping[str, Any]

_CHECK_URL = re.compile(
    r"https?://(?:localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0)(?::(\d+))?(/[^\s\"'|;&\\]*)?"
)
_RESTARTS = {"any": "always", "on-failure": "on-failure", "none": "no"}
_DONE = "service_completed_successfully"
_NAMES_A_HOST = re.compile(r"(?i)host|addr|url|uri|server|servers|broker|endpoint|upstream|dsn$")


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """A health check that the Compose file declares."""

    interval_s: float = 30.0
    start_s: float = 0.0
    port: int | None = None  # of the address that it asks, when it asks one
    path: str = ""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One service, as far as healing is concerned."""

    name: str
    kind: Kind
    image: str  # "" when it is built
    published: tuple[int, ...] = ()  # TCP ports of the container
    exposed: tuple[int, ...] = ()
    instances: int = 1
    restart: str = "no"  # no, on-failure, always or unless-stopped
    check: HealthCheck | None = None
    needs: Mapping[str, str]  # service → how we know
    networks: frozenset[str] = frozenset()
    one_shot: bool = False  # runs once and ends, such as a migration
    own_network: bool = True  # False: it borrows the host's, or another container's
    password: bool = False  # Redis or its like asks for one

    @property
    def restarted(self) -> bool:
        """Whether the engine starts it again when its process has died."""
        return self.restart != "no"

    @property
    def summary(self) -> str:
        """What was found, in a line."""
        parts = [f"{self.name}: {self.kind.value}"]
        if self.instances != 1:
            parts.append(f"{self.instances} instances")
        if self.one_shot:
            parts.append("runs once and ends")
        else:
            parts.append(f"restart: {self.restart}" if self.restarted else "no restart policy")
            parts.append("health check" if self.check else "no health check")
        if self.published:
            parts.append(f"port {', '.join(map(str, self.published))}")
        if self.needs:
            parts.append(f"needs {', '.join(self.needs)}")
        return "; ".join(parts)


@dataclass(frozen=True, kw_only=True)
class Survey:
    """All services, in the order of the file."""

    services: tuple[Seen, ...]

    def named(self, name: str) -> Seen:
        """The service of that name."""
        return next(one for one in self.services if one.name == name)

    def reached_from(self, name: str) -> frozenset[str]:
        """Everything that a service needs, directly or through others; itself too."""
        found: set[str] = set()
        open_ends = [name]
        while open_ends:
            one = open_ends.pop()
            if one not in found:
                found.add(one)
                open_ends += self.named(one).needs
        return frozenset(found)

    def users_of(self, name: str) -> tuple[Seen, ...]:
        """The services that need this one directly."""
        return tuple(one for one in self.services if name in one.needs)


def survey(model: Model) -> Survey:
    """What matters of a resolved Compose model."""
    services: Mapping[str, Model] = model.get("services") or {}
    one_shots = {
        other
        for one in services.values()
        for other, how in (one.get("depends_on") or {}).items()
        if (how or {}).get("condition") == _DONE
    }
    return Survey(
        services=tuple(
            _seen(name, one, others=services, one_shot=name in one_shots)
            for name, one in services.items()
        )
    )


def _seen(name: str, one: Model, *, others: Mapping[str, Model], one_shot: bool) -> Seen:
    tcp = (port for port in one.get("ports") or () if port.get("protocol", "tcp") == "tcp")
    published = tuple(dict.fromkeys(int(port["target"]) for port in tcp))
    exposed = [str(port).split("/")[0] for port in one.get("expose") or ()]
    kind = kind_of(name, one)
    return Seen(
        name=name,
        kind=kind,
        image="" if one.get("build") else str(one.get("image") or ""),
        published=published,
        exposed=tuple(int(port) for port in exposed if port.isdecimal()),
        instances=_instances(one),
        restart=_restart(one),
        check=_check(one.get("healthcheck")),
        needs=_needs(name, one, others),
        networks=frozenset(one.get("networks") or ()),
        one_shot=one_shot,
        own_network=not one.get("network_mode"),
        password=kind is Kind.REDIS and bool(re.search(r"(?i)requirepass|password", str(one))),
    )


def _instances(one: Model) -> int:
    written = (one.get("deploy") or {}).get("replicas")
    return int(one.get("scale", 1) if written is None else written)


def _restart(one: Model) -> str:
    if written := one.get("restart"):
        return str(written).split(":")[0]
    policy = (one.get("deploy") or {}).get("restart_policy")
    if policy is None:
        return "no"
    return _RESTARTS.get(str(policy.get("condition") or "any"), "always")


def _check(one: Model | None) -> HealthCheck | None:
    if not one or one.get("disable") or not one.get("test"):
        return None
    test = " ".join(map(str, one["test"]))
    if test == "NONE":
        return None
    url = _CHECK_URL.search(test)
    default = 443 if url and url[0].startswith("https") else 80
    return HealthCheck(
        interval_s=_seconds(one.get("interval"), 30.0),
        start_s=_seconds(one.get("start_period"), 0.0),
        port=int(url[1] or default) if url else None,
        path=(url[2] or "/") if url else "",
    )


def _seconds(written: object, otherwise: float) -> float:
    """Compose prints Go's durations: 1m30s, 5s, 500ms."""
    try:
        return parse_duration(str(written)) if written else otherwise
    except ValueError:
        return otherwise


def _needs(name: str, one: Model, others: Mapping[str, Model]) -> dict[str, str]:
    found: dict[str, str] = dict.fromkeys(one.get("depends_on") or (), "depends_on")
    for link in one.get("links") or ():
        found.setdefault(str(link).split(":")[0], "links")
    for key, value in (one.get("environment") or {}).items():
        for other in others:
            if _names(other, str(key), str(value or "")):
                found.setdefault(other, f"environment {key}")
    command = " ".join(map(str, one.get("command") or ()))
    for other in others:
        if _addressed(other, command):
            found.setdefault(other, "command")
    return {other: how for other, how in found.items() if other in others and other != name}


def _names(service: str, variable: str, value: str) -> bool:
    """Whether a variable tells where a service is."""
    if _addressed(service, value):
        return True
    return bool(_NAMES_A_HOST.search(variable)) and service in re.split(r"[,;\s]+", value)


def _addressed(service: str, text: str) -> bool:
    """Whether a text has the service as the host of an address: //db/, @db:, db:5432."""
    host = re.escape(service)
    return bool(re.search(rf"(?://|@){host}(?=[:/?,\s]|$)|(?<![\w./@-]){host}:\d{{2,5}}\b", text))
