"""Experiments written in Python: the same words as in a file, checked by the same checks.

    crash = chaoskit.experiment(
        "A crashed shop is open again within five seconds",
        target="shop",
        steady=[chaoskit.http("${web_url}/")],
        method=[chaoskit.fault("crash", service="web")],
        budgets={"recovery": "5s"},
    )

Whatever Chaos Toolkit can say can be said: an activity is a dict as in its files.
"""

import inspect
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

from chaoskit.api.experiments import Experiment
from chaoskit.plan.experiments import Source, experiment_of
from chaoskit.plan.targets import TargetShelf

Activity = Mapping[str, Any]  # a probe or an action, as Chaos Toolkit writes it


class Block(TypedDict, total=False):
    """What else a file can say; docs/experiment-file.md explains each."""

    description: str
    tags: Sequence[str]
    probing: Mapping[str, Any]
    phases: Mapping[str, str]
    trials: str | Mapping[str, Any]
    healed_by: Sequence[str]
    expect: str
    slo: str | Mapping[str, Any]
    ledger: Mapping[str, Any]
    configuration: Mapping[str, Any]
    secrets: Mapping[str, Any]
    rollbacks: Sequence[Activity]
    name: str  # of the experiment, within its target; else it is made of the title
    targets: Path | str  # where target folders are; else `targets`


_TOP = ("tags", "configuration", "secrets")
_OURS = ("probing", "phases", "trials", "healed_by", "expect", "slo", "ledger")


def experiment(
    title: str,
    *,
    target: str | Path,
    steady: Sequence[Activity],
    method: Sequence[Activity],
    budgets: Mapping[str, str | int | float],
    **more: Unpack[Block],
) -> Experiment:
    """An experiment, checked. Raises InputError with every mistake, each with the caller's line."""
    path, line = _caller()
    if unknown := more.keys() - Block.__annotations__.keys():
        message = f"experiment() has no argument {', '.join(sorted(unknown))}"
        raise TypeError(message)
    targets = TargetShelf(Path(more.get("targets", "targets")))
    block: dict[str, Any] = {"name": "chaoskit", "target": str(target), "budgets": dict(budgets)}
    block |= {key: value for key, value in more.items() if key in _OURS}
    document = {
        "version": "1.0.0",
        "title": title,
        "description": more.get("description", title),
        **{key: value for key, value in more.items() if key in _TOP},
        "extensions": [block],
        "steady-state-hypothesis": {"title": title, "probes": steady},
        "method": method,
        "rollbacks": more.get("rollbacks", []),
    }
    source = Source(path=path, line=line, name=more.get("name") or slug_of(title))
    checked = experiment_of(document, source, targets)
    return Experiment(checked=checked, targets=targets, of_file=False)


def fault(name: str, *, called: str = "", **arguments: Any) -> Activity:
    """An action that does a fault of `chaoskit list faults`.

    An underscore keeps Python's own words apart: `for_="10s"`, `from_="db"`.
    """
    service = arguments.get("service", "")
    return {
        "type": "action",
        "name": called or "-".join(filter(None, (name, str(service)))).replace("_", "-"),
        "provider": {
            "type": "python",
            "module": f"chaoskit.faults.{name}",
            "func": "inject",
            "arguments": {key.removesuffix("_"): value for key, value in arguments.items()},
        },
    }


def http(url: str, *, status: int = 200, called: str = "", **provider: Any) -> Activity:
    """A probe that asks over HTTP and wants this status; `provider` are more keys of it."""
    return {
        "type": "probe",
        "name": called or url,
        "tolerance": status,
        "provider": {"type": "http", "url": url, **provider},
    }


def slug_of(title: str) -> str:
    """`a-crashed-shop-is-open` of a title: short enough for a folder's name."""
    words = re.findall(r"[a-z0-9]+", title.lower())
    return "-".join(words)[:60].strip("-") or "experiment"


def _caller() -> tuple[Path, int]:
    """The file and the line that call the function which calls this."""
    frame = inspect.currentframe()
    caller = frame.f_back.f_back if frame is not None and frame.f_back is not None else None
    if caller is None:
        return Path("<python>"), 0
    path = Path(caller.f_code.co_filename)
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path, caller.f_lineno
