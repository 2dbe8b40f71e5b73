"""`${name}` in files: which names there are, and which value is known before anything runs."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from chaoskit.plan.report import Report, suggest
from chaoskit.plan.tree import Node, texts_in

# As Chaos Toolkit's string.Template reads it; `$$` is a literal dollar sign.
_REFERENCE = re.compile(r"\$\$|\$\{([^}]*)\}")


def references(text: str) -> tuple[str, ...]:
    """What stands between the braces of every `${...}` of a text."""
    return tuple(match[1] for match in _REFERENCE.finditer(text) if match[1] is not None)


def check_names(node: Node | None, known: Collection[str], report: Report) -> None:
    """Report every `${name}` in a node that nothing gives a value."""
    for scalar in texts_in(node) if node is not None else ():
        for name in references(str(scalar.value)):
            if not (name.isascii() and name.isidentifier()):
                message = f"${{{name}}} is not a name that is filled in"
                report.add(scalar, message, "use letters, digits and _; nothing is looked up in it")
            elif name not in known:
                hint = suggest(name, known, label="known:")
                report.add(scalar, f"nothing gives ${{{name}}} a value", hint)


def resolve(value: Any, known: Mapping[str, Any]) -> Any:
    """The value with known names filled in; the others stay as they are."""
    if isinstance(value, dict):
        return {key: resolve(one, known) for key, one in value.items()}
    if isinstance(value, list):
        return [resolve(one, known) for one in value]
    return _resolve_text(value, known) if isinstance(value, str) else value


def _resolve_text(text: str, known: Mapping[str, Any]) -> Any:
    whole = _REFERENCE.fullmatch(text)
    if whole is not None and whole[1] in known:
        return known[whole[1]]
    return _REFERENCE.sub(lambda match: _filled(match, known), text)


def _filled(match: re.Match[str], known: Mapping[str, Any]) -> str:
    return str(known[match[1]]) if match[1] in known else match[0]
