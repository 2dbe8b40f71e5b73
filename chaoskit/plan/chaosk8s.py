"""What chaostoolkit-kubernetes gets silently wrong, refused before it can make a verdict wrong.

Each of these functions succeeds where nothing was done, or answers another question than its name
asks (0.39.0, measured on a real cluster). For each of them there is something here that does it.
"""

from chaoskit.plan.report import Report
from chaoskit.plan.tree import Node, child, plain, text_of

PREFIX = "chaosk8s."

_TERMINATING = "it counts pods that are terminating or not ready"
_RACES = "asked right after a fault it answers from before it"
_WRONG = {
    "terminate_pods": (
        "it succeeds when nothing matches, and takes pods that are ending already",
        "use chaoskit.faults.pod_delete, which proves what it did",
    ),
    "drain_nodes": (
        "it fails on a pod without an owner or without volumes, and leaves the node cordoned",
        "use chaoskit.faults.node_drain, which looks first and uncordons",
    ),
    "count_pods": (_TERMINATING, "a redundancy budget counts ready ones"),
    "count_min_pods": (_TERMINATING, "a redundancy budget counts ready ones"),
    "deployment_fully_available": (_RACES, "a redundancy budget waits for the loss first"),
    "deployment_available_and_healthy": (_RACES, "a redundancy budget waits for the loss first"),
    "deployment_partially_available": (
        "it ends in a TypeError when nothing is available",
        "a redundancy budget counts ready ones",
    ),
    "microservice_available_and_healthy": (_RACES, "a redundancy budget waits for the loss first"),
    "deployment_is_fully_available": (_RACES, "a redundancy budget waits for the loss first"),
}
_CHOOSERS = ("name", "label_selector")  # of delete_pods


def check_chaosk8s(provider: Node | None, report: Report) -> None:
    """Report a call whose success would say nothing."""
    func, arguments = child(provider, "func"), child(provider, "arguments")
    name, given = text_of(func) or "", plain(arguments) or {}
    if name in _WRONG:
        why, instead = _WRONG[name]
        report.add(func, f"{name} cannot be trusted: {why}", instead)
    elif name == "exec_in_pods" and not given.get("container_name"):
        what = "exec_in_pods without container_name runs nothing, and reports success"
        report.add(arguments or func, what, "give container_name")
    elif name == "delete_pods" and not any(given.get(one) for one in _CHOOSERS):
        what = "delete_pods without name or label_selector takes every pod of the namespace"
        report.add(arguments or func, what, "or use chaoskit.faults.pod_delete")
