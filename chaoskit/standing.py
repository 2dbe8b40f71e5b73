"""Targets that stand without a run, and what dead runs left: up, down, status, recover, doctor."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from chaoskit.errors import InputError, LiftFailed, Problem
from chaoskit.model.target import TargetSpec
from chaoskit.run.recover import leftovers, remove_labelled, remove_run
from chaoskit.run.recover import recover as recover_run
from chaoskit.target import doctor, engine
from chaoskit.target.compose import Stack
from chaoskit.target.engine import RUN_LABEL, UP_LABEL, Project

Tell = Callable[[str], None]


def project_name(target: str) -> str:
    """The Compose project of a standing target."""
    return f"chaoskit-up-{target}"


def up(spec: TargetSpec, *, progress: Tell) -> Stack:
    """Start a target that stays. Raises EnvironmentUnfit, InputError when it stands already."""
    client = engine.connect()
    project = Project(name=project_name(spec.name), client=client)
    if project.containers():
        message = f"{spec.name} is up already; see `chaoskit status`"
        raise InputError(Problem(file=str(spec.folder), message=message))
    return Stack.start(
        spec,
        project=project.name,
        labels={UP_LABEL: spec.name},
        folder=Path("reports") / f"up-{spec.name}",
        progress=progress,
        client=client,
    )


def down(target: str | None) -> tuple[str, ...]:
    """Remove a standing target, or with None everything that carries a label of ours.

    Returns what was removed. Raises LiftFailed when something is still there.
    """
    client = engine.connect()
    labels = [f"{UP_LABEL}={target}"] if target else [UP_LABEL, RUN_LABEL]
    removed: list[str] = []
    for label in labels:
        removed += remove_labelled(client, label)
    left = [name for label in labels for _, _, name in engine.labelled(client, label)]
    if left:
        message = f"still there: {', '.join(left)}"
        raise LiftFailed(message)
    return tuple(removed)


def status() -> list[dict[str, Any]]:
    """Every project of ours on this engine, with its instances."""
    client = engine.connect()
    rows: dict[str, dict[str, Any]] = {}
    for label, kind in ((UP_LABEL, "up"), (RUN_LABEL, "run")):
        for container in client.containers.list(all=True, filters={"label": label}):
            name = container.labels[label]
            row = rows.setdefault(name, {"name": name, "kind": kind, "instances": []})
            instance = engine.instance_of(container.attrs)
            state = container.attrs["State"]
            health = (state.get("Health") or {}).get("Status", "")
            row["instances"].append(
                {"name": instance.name, "state": " ".join(filter(None, (state["Status"], health)))}
            )
    return sorted(rows.values(), key=lambda row: str(row["name"]))


def recover(run: Path | None, reports: Path, *, tell: Tell) -> Mapping[str, list[str]]:
    """Lift and remove what one run, or every dead run, left behind. Raises LiftFailed."""
    undone: list[str] = []
    removed: list[str] = []
    client = engine.connect()
    if run is not None:
        done = recover_run(run, tell=tell)
        return {"undone": list(done.undone), "removed": list(done.removed)}
    for one in leftovers(client, reports):
        if one.folder is not None:
            done = recover_run(one.folder, tell=tell)
            undone += done.undone
            removed += done.removed
        else:
            removed += remove_run(client, one.run_id)
    return {"undone": undone, "removed": removed}


def examine(reports: Path, *, full: bool) -> tuple[doctor.Check, ...]:
    """Every check of this machine; with `full` the agent is started and asked too."""
    return doctor.run_checks(full=full, leftovers=lambda client: leftovers(client, reports))
