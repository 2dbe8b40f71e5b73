"""Chaos Toolkit's `${name}` substitution, so that probes asked by us mean what they mean there.

A value that is nothing but `${name}` keeps its type; inside longer text it becomes text; a name that
nobody knows is left as it stands.
"""

from collections import ChainMap
from collections.abc import Mapping
from string import Template
from typing import Any

Secrets = Mapping[str, Mapping[str, Any]]


def substitute(data: Any, configuration: Mapping[str, Any], secrets: Secrets) -> Any:
    """The data with every `${name}` replaced, first from configuration, then from any secret group."""
    groups = [dict(group) for group in secrets.values()]
    return _replace(data, ChainMap(dict(configuration), *groups))


def _replace(data: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(data, str):
        return _replace_text(data, known)
    if isinstance(data, Mapping):
        return {key: _replace(value, known) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_replace(value, known) for value in data]
    return data


def _replace_text(text: str, known: Mapping[str, Any]) -> Any:
    template = Template(text)
    whole = template.pattern.fullmatch(text)
    if whole and whole["braced"] in known:
        return known[whole["braced"]]
    return template.safe_substitute(known)
