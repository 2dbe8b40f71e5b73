"""Finds a kind of probe by its name, and tells what is wrong with a probe before it is asked."""

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from chaoskit.model.experiment import ProbeSpec
from chaoskit.probes.base import BadProbe, Question, Settings
from chaoskit.probes.names import Names
from chaoskit.probes.tolerance import is_probe
from chaoskit.probes.variables import Secrets

# What Chaos Toolkit itself must run: asked by the pool, at the rate that it can keep.
POOLED = {
    "process": "a command; its exit code and output are the value (asked by Chaos Toolkit's code)",
    "python": "a Python function; what it returns is the value (asked by Chaos Toolkit's code)",
}
DIRECT = ("http", "tcp")


def names() -> tuple[str, ...]:
    """Every kind of probe."""
    return tuple(sorted((*DIRECT, *POOLED)))


def summary(name: str) -> str:
    """One line about a kind."""
    return POOLED[name] if name in POOLED else str(_module(name).SUMMARY)


def is_pooled(spec: ProbeSpec) -> bool:
    """Whether only the pool can ask it: it runs code that is not ours."""
    retries = spec.kind == "http" and spec.provider.get("max_retries")
    return spec.kind in POOLED or is_probe(spec.tolerance) or bool(retries)


def question(spec: ProbeSpec, settings: Settings) -> Question:
    """The probe, ready to be asked, for kinds that are not pooled. Raises BadProbe."""
    if spec.kind not in DIRECT:
        message = f"it is of kind {spec.kind!r}; choose from {', '.join(names())}"
        raise BadProbe(message)
    asked: Question = _module(spec.kind).question(spec.provider, spec.tolerance, settings)
    return asked


def problem(
    spec: ProbeSpec,
    *,
    configuration: Mapping[str, Any] | None = None,
    secrets: Secrets | None = None,
) -> str:
    """What is wrong with a probe's provider or tolerance; "" when nothing is. Asks nobody."""
    settings = Settings(
        configuration=configuration or {}, secrets=secrets or {}, names=Names(live=False)
    )
    if is_pooled(spec):
        return ""  # Chaos Toolkit validates what it runs
    try:
        question(spec, settings)
    except BadProbe as found:
        return f"probe {spec.name!r}: {found}"
    return ""


def _module(name: str) -> ModuleType:
    return import_module(f"chaoskit.probes.{name}")
