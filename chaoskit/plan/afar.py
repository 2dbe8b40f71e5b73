"""Which probes a pod in the cluster can ask: those that need nothing of this machine.

Python functions and commands are asked by Chaos Toolkit where they are installed. In the prober's image
they may be others, or none: what is asked there would not be what is written here.
"""

from chaoskit.model.experiment import ProbeSpec
from chaoskit.plan.report import Report
from chaoskit.plan.scene import Scene
from chaoskit.plan.tree import Node, child, items_of, plain, text_of
from chaoskit.probes import shelf


def check_afar(tree: Node, scene: Scene) -> None:
    """Report steady-state probes that cannot be asked from the target's prober in the cluster."""
    cluster = scene.target.cluster if scene.target is not None else None
    if cluster is None or cluster.prober is None:
        return
    for probe in items_of(child(tree, "steady-state-hypothesis", "probes")):
        _check(probe, scene.report)


def _check(probe: Node, report: Report) -> None:
    provider = plain(child(probe, "provider"))
    if not isinstance(provider, dict) or not isinstance(provider.get("type"), str):
        return  # said elsewhere
    name = text_of(child(probe, "name")) or ""
    spec = ProbeSpec(
        name=name,
        kind=provider["type"],
        provider=provider,
        tolerance=plain(child(probe, "tolerance")),
    )
    if shelf.is_pooled(spec):
        what = (
            f"the probe {name!r} is asked by Chaos Toolkit's code on this machine, and the target's "
            "probes are asked from a pod (target.yaml: kubernetes: prober)"
        )
        report.add(
            child(probe, "provider"), what, f"such a pod asks {', '.join(shelf.asked_afar())}"
        )
