"""From a checked target.yaml to the TargetSpec that everybody else works with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaoskit.model.quantities import parse_duration
from chaoskit.model.target import (
    Cluster,
    Entrypoint,
    Healer,
    HttpWitness,
    LogWitness,
    Role,
    Strength,
    TargetSpec,
)
from chaoskit.plan.folder_hash import folder_hash
from chaoskit.plan.slo import slo_of
from chaoskit.plan.target_shape import status_range
from chaoskit.plan.tree import Node, plain

Fields = Mapping[str, Any]


def spec_of(
    tree: Node,
    *,
    folder: Path,
    services: Mapping[str, Mapping[str, Any]],
    compose_file: Path | None = None,
    cluster: Cluster | None = None,
) -> TargetSpec:
    """The target that a correct file describes."""
    data: Fields = plain(tree)
    ready: Fields = data.get("ready", {})
    return TargetSpec(
        name=folder.resolve().name,
        folder=folder,
        compose_file=compose_file,
        title=data["title"],
        entrypoints=tuple(_entrypoint(name, one) for name, one in data["entrypoints"].items()),
        ready_url=ready.get("probe", ""),
        ready_status=status_range(ready.get("status", "200-299")),
        ready_timeout_s=parse_duration(ready.get("timeout", "60s")),
        strengths=tuple(_strength(*one) for one in data.get("redundancy", {}).items()),
        healers=tuple(map(_healer, data.get("healers", ()))),
        roles=tuple(_role(*one) for one in data.get("roles", {}).items()),
        services=services,
        cluster=cluster,
        slo=slo_of(data.get("slo")),
        hash=folder_hash(folder),
    )


def _entrypoint(name: str, written: Fields) -> Entrypoint:
    others = {key: value for key, value in written.items() if key != "patience"}
    patience_s = parse_duration(written.get("patience", "250ms"))
    return Entrypoint(name=name, **others, patience_s=patience_s)


def _strength(service: str, written: int | Fields) -> Strength:
    if isinstance(written, int):
        return Strength(service=service, instances=written)
    return Strength(service=service, **_with_period(written))


def _healer(written: Fields) -> Healer:
    witness: Fields = written.get("witness", {})
    log, http = witness.get("log"), witness.get("http")
    return Healer(
        name=written["name"],
        kind=written["kind"],
        settings=written.get("settings", {}),
        engine=witness.get("engine", False),
        log=LogWitness(**log) if log else None,
        http=HttpWitness(**_with_period(http)) if http else None,
        off=written.get("off", ""),
    )


def _with_period(written: Fields) -> dict[str, Any]:
    others = {key: value for key, value in written.items() if key != "period"}
    return {**others, "period_s": parse_duration(written.get("period", "100ms"))}


def _role(name: str, written: Fields) -> Role:
    command = tuple(written["command"])
    return Role(name=name, service=written["service"], command=command, match=written["match"])
