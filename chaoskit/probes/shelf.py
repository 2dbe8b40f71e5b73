"""Finds a kind of probe by its name, and tells what is wrong with a probe before it is asked.

A package may add a kind: a module that Chaos Toolkit can call too (`type: python`), and that has a
`question` like those here, so that the prober asks it itself, at the full rate.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from chaoskit import plugins
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
    return tuple(sorted((*DIRECT, *POOLED, *added().entries)))


def asked_afar() -> tuple[str, ...]:
    """The kinds that the prober asks by itself, and so also from a pod in a cluster."""
    return tuple(sorted((*DIRECT, *added().entries)))


def summary(name: str) -> str:
    """One line about a kind."""
    if name in POOLED:
        return POOLED[name]
    return str((_module(name) if name in DIRECT else added().entries[name]).SUMMARY)


@cache
def added() -> plugins.Stock[ModuleType]:
    """The kinds that other packages add, and what cannot be used."""
    return plugins.added(plugins.PROBES, (*DIRECT, *POOLED), _accepted)


def _accepted(plugin: plugins.Plugin, found: object) -> ModuleType:
    """A module with a SUMMARY and a question."""
    if not isinstance(found, ModuleType):
        message = f"{plugin.value} is no module; leave out what stands behind the colon"
        raise plugins.Unusable(message)
    if not isinstance(getattr(found, "SUMMARY", None), str):
        message = f"{plugin.value} has no text SUMMARY"
        raise plugins.Unusable(message)
    if not callable(getattr(found, "question", None)):
        message = f"{plugin.value} has no function question(provider, tolerance, settings)"
        raise plugins.Unusable(message)
    return found


def is_pooled(spec: ProbeSpec) -> bool:
    """Whether only the pool can ask it: it runs code that is not ours."""
    retries = spec.kind == "http" and spec.provider.get("max_retries")
    foreign = spec.kind in POOLED and _plugin(spec) is None
    return foreign or is_probe(spec.tolerance) or bool(retries)


def question(spec: ProbeSpec, settings: Settings) -> Question:
    """The probe, ready to be asked, for kinds that are not pooled. Raises BadProbe."""
    plugin = _plugin(spec)
    if plugin is not None:
        return _theirs(plugin).question(spec.provider, spec.tolerance, settings)  # type: ignore[no-any-return]
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


def _plugin(spec: ProbeSpec) -> plugins.Plugin | None:
    """The entry whose module a Python provider names; nothing is imported."""
    module = spec.provider.get("module")
    if spec.kind != "python" or not isinstance(module, str):
        return None
    return plugins.by_module(plugins.PROBES, module)


def _theirs(plugin: plugins.Plugin) -> ModuleType:
    """The module of an entry. Raises BadProbe when it was refused."""
    if plugin.name in added().refused:
        raise BadProbe(added().refused[plugin.name])
    return added().entries[plugin.name]


def _module(name: str) -> ModuleType:
    return import_module(f"chaoskit.probes.{name}")
