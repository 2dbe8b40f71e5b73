"""Which targets of a plan a run leaves out, because no cluster is there to ask.

`chaoskit run experiments` is to work on a machine that has a Docker engine and no cluster. Whoever
names an experiment on a cluster, or its folder, wants it, and is told that there is no cluster.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from chaoskit.model.target import TargetSpec
from chaoskit.plan.plan import Plan


def is_configured() -> bool:
    """Whether anything names a cluster: a variable, the default file, or a pod's own account."""
    named = os.environ.get("KUBECONFIG") or os.environ.get("KUBERNETES_SERVICE_HOST")
    return bool(named) or Path("~/.kube/config").expanduser().is_file()


def without_clusters(
    plan: Plan, targets: Mapping[str, TargetSpec], paths: Sequence[Path]
) -> tuple[Plan, tuple[str, ...]]:
    """The plan as far as it can be run here, and the names of the experiments that are left out.

    Nothing is, when a cluster is configured, or when nothing would be left.
    """
    if is_configured():
        return plan, ()
    named = {path.resolve() for path in paths}
    groups, left_out = [], []
    for group in plan.groups:
        if targets[group.target].cluster is None:
            groups.append(group)
            continue
        files = [one.experiment.path.resolve() for one in group.experiments]
        wanted = any({file, file.parent} & named for file in files)
        if wanted:
            groups.append(group)
        else:
            left_out += [one.experiment.name for one in group.experiments]
    if not groups or not left_out:
        return plan, ()
    return replace(plan, groups=tuple(groups)), tuple(left_out)
