"""What `doctor` says about the project that it is called in: its targets, and the images they name."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from chaoskit.errors import EnvironmentUnfit, InputError
from chaoskit.model.target import TargetSpec
from chaoskit.plan.targets import TargetShelf
from chaoskit.target import checks_engine, engine
from chaoskit.target.checks import Check, Status, verdict

_SHOWN = 3


def project_checks(targets: Path) -> Iterator[Check]:
    """TargetsValid, TargetImages and Cluster."""
    shelf = TargetShelf(targets)
    good: list[TargetSpec] = []
    bad: list[str] = []
    for name in shelf.names():
        try:
            good.append(shelf.load(name))
        except InputError as error:
            bad.append(str(error.problems[0]))
    yield Check(
        id="TargetsValid",
        status=verdict(ok=not bad),
        evidence=_few(bad) or f"{len(good)} under {targets}",
        why="an experiment on a target with a mistake is refused",
        fix="chaoskit validate",
    )
    yield _images([one for one in good if one.cluster is None])
    yield from _clusters([one for one in good if one.cluster is not None])


def _clusters(specs: list[TargetSpec]) -> Iterator[Check]:
    """One a context that the targets name: whether the cluster is there, knows us, and lets us."""
    contexts: dict[str, list[TargetSpec]] = {}
    for spec in specs:
        assert spec.cluster is not None
        contexts.setdefault(spec.cluster.context, []).append(spec)
    for context, here in contexts.items():
        yield _cluster(context, here)


def _cluster(context: str, specs: list[TargetSpec]) -> Check:
    from chaoskit.target.kubernetes import access, api, describe  # noqa: PLC0415  # takes a second

    names = ", ".join(one.name for one in specs)
    name = f"Cluster {context}".strip()
    why = f"{names} are in it: a suite without it leaves their experiments out"
    fix = (
        "set KUBECONFIG to its configuration; `chaoskit k8s rbac` prints the roles that are needed"
    )
    try:
        facts = describe.cluster(context)
        with closing(api.reach(context)) as asked:
            for spec in specs:
                access.refuse_unfit(asked, spec, ())
    except EnvironmentUnfit as error:
        evidence = str(error).splitlines()[0]
        return Check(id=name, status=Status.WARN, evidence=evidence, why=why, fix=fix)
    evidence = ", ".join(f"{key} {one}" for key, one in facts.items())
    return Check(id=name, status=Status.OK, evidence=evidence, why=why)


def _images(specs: list[TargetSpec]) -> Check:
    """Images that no Dockerfile of the targets makes: without a registry they must be there."""
    why = (
        "an image that is not on the engine is pulled by the first run, where a registry is reached"
    )
    wanted = {
        str(one["image"])
        for spec in specs
        for one in spec.services.values()
        if one.get("image") and not one.get("build") and not _ours(str(one["image"]))
    }
    if not wanted:
        return Check(id="TargetImages", status=Status.OK, evidence="all are built here", why=why)
    try:
        with closing(engine.connect()) as client:
            missing = sorted(checks_engine.missing_images(client, wanted))
    except EnvironmentUnfit as error:
        evidence = f"could not be asked: {error}".splitlines()[0]
        return Check(id="TargetImages", status=Status.UNKNOWN, evidence=evidence, why=why)
    return Check(
        id="TargetImages",
        status=verdict(ok=not missing, otherwise=Status.WARN),
        evidence=f"not on the engine: {_few(missing)}"
        if missing
        else f"all {len(wanted)} are there",
        why=why,
        fix="; ".join(f"docker pull {one}" for one in missing),
    )


def _ours(image: str) -> bool:
    """Made by a run, or not known before one."""
    return image.startswith("chaoskit/") or "$" in image


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
