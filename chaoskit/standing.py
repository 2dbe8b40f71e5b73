"""Targets that stand without a run, and what dead runs left: up, down, status, recover, doctor."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from chaoskit.errors import EnvironmentUnfit, InputError, LiftFailed, Problem
from chaoskit.model.fittings import Fitting
from chaoskit.model.target import TargetSpec
from chaoskit.plan.clusters import is_configured
from chaoskit.plan.report import suggest
from chaoskit.plan.targets import TargetShelf
from chaoskit.plugin_checks import plugin_checks
from chaoskit.project_checks import project_checks
from chaoskit.run.fault_checks import fault_checks
from chaoskit.run.recover import leftovers, remove_labelled, remove_run
from chaoskit.run.recover import recover as recover_run
from chaoskit.target import doctor, engine
from chaoskit.target.cleanup import Client
from chaoskit.target.compose import Stack
from chaoskit.target.engine import RUN_LABEL, UP_LABEL, Project

Tell = Callable[[str], None]


def project_name(target: str) -> str:
    """The Compose project of a standing target."""
    return f"chaoskit-up-{target}"


def up(spec: TargetSpec, *, fittings: Sequence[Fitting] = (), progress: Tell) -> Mapping[str, str]:
    """Start a target that stays, with what faults on it will need; its addresses by name.

    Raises EnvironmentUnfit, InputError when it stands already.
    """
    if spec.cluster is not None:
        from chaoskit.target.kubernetes import standing  # noqa: PLC0415  # the client takes a second

        return standing.up(spec, spec.cluster.objects, progress).entrypoints
    client = engine.connect()
    project = Project(name=project_name(spec.name), client=client)
    if project.containers():
        message = f"{spec.name} is up already; see `chaoskit status`"
        raise InputError(Problem(file=str(spec.folder), message=message))
    stack = Stack.start(
        spec,
        project=project.name,
        labels={UP_LABEL: spec.name},
        folder=Path("reports") / f"up-{spec.name}",
        fittings=fittings,
        progress=progress,
        client=client,
    )
    return stack.entrypoints


def down(target: str | None, targets: Path = Path("targets")) -> tuple[str, ...]:
    """Remove a standing target, or with None everything on this engine that carries a label of ours.

    Clusters are shared: nothing in one is removed but the target that is named.
    Returns what was removed. Raises LiftFailed when something is still there.
    """
    if target is not None and (spec := _clustered(target, targets)) is not None:
        from chaoskit.target.kubernetes import standing  # noqa: PLC0415  # as above

        return standing.down(spec)
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


def _clustered(target: str, targets: Path) -> TargetSpec | None:
    """The target of that name when it is in a cluster; what was removed from the disk is not."""
    shelf = TargetShelf(targets)
    spec = shelf.load(target) if shelf.knows(target) else None
    return spec if spec is not None and spec.cluster is not None else None


def status() -> list[dict[str, Any]]:
    """Everything of ours on this engine, and in the current cluster where one is configured.

    Raises EnvironmentUnfit when neither can be asked.
    """
    found: list[dict[str, Any]] = []
    silent: list[EnvironmentUnfit] = []
    asked = [_on_engine, _in_cluster] if is_configured() else [_on_engine]
    for ask in asked:
        try:
            found += ask()
        except EnvironmentUnfit as error:
            silent.append(error)
    if len(silent) == len(asked):
        raise silent[0]
    return found


def _in_cluster() -> list[dict[str, Any]]:
    from chaoskit.target.kubernetes import standing  # noqa: PLC0415  # as above

    return standing.rows()


def _on_engine() -> list[dict[str, Any]]:
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
    if run is not None:
        done = recover_run(run, tell=tell)
        return {"undone": list(done.undone), "removed": list(done.removed)}
    client = _engine_or_none(reports)
    for one in leftovers(client, reports):
        if one.folder is not None:
            done = recover_run(one.folder, tell=tell)
            undone += done.undone
            removed += done.removed
        elif client is not None:
            removed += remove_run(client, one.run_id)
    return {"undone": undone, "removed": removed}


def _engine_or_none(reports: Path) -> Client | None:
    """The engine; where there is none, what was left in clusters can be recovered all the same."""
    try:
        return engine.connect()
    except EnvironmentUnfit:
        if leftovers(None, reports):
            return None
        raise


def examine(
    reports: Path, *, full: bool, targets: Path = Path("targets"), ignored: Sequence[str] = ()
) -> tuple[doctor.Check, ...]:
    """Every check of this machine; with `full` the agent is started and asked too.

    A check that is to be ignored can only warn. Raises InputError for a name that no check has.
    """
    checks = _examined(reports, targets, full=full)
    names = dict.fromkeys(one.id for one in checks)
    unknown = [name for name in ignored if name not in names]
    if unknown:
        raise InputError(
            [
                Problem(
                    file="--ignore", message=f"no check named {one!r}", hint=suggest(one, names)
                )
                for one in unknown
            ]
        )
    return tuple(
        replace(one, status=doctor.Status.WARN)
        if one.id in ignored and one.status is doctor.Status.FAIL
        else one
        for one in checks
    )


def _examined(reports: Path, targets: Path, *, full: bool) -> tuple[doctor.Check, ...]:
    return (
        *doctor.run_checks(
            full=full, leftovers=lambda client: leftovers(client, reports), faults=fault_checks
        ),
        *project_checks(targets),
        *plugin_checks(),
    )
