"""The pages of docs/faults, and the same texts for a terminal. A test holds the pages to the code.

`GOLDEN=overwrite pytest tests/unit/test_fault_pages.py` writes them anew.
"""

import re
import textwrap
from collections.abc import Iterator, Sequence

from chaoskit.faults.base import catalogue, shelf
from chaoskit.model.faults import FAMILIES, Nature
from chaoskit.plan.fault_manual import Argument, Manual, manual_of, mechanisms

_TITLES = {
    "What": "What it does",
    "Mechanism": "How it is done and proven",
    "Undo": "How it is undone",
    "Limits": "What it cannot do",
}
_NATURES = {
    Nature.STRUCK: "struck: over the moment it happens, and never repaired by us",
    Nature.HELD: "held: on until it is lifted, at the latest when the watch is over",
}
_WIDEST = 110  # characters of one line of YAML in an example


def pages() -> dict[str, str]:
    """File name → text of every page about faults of our own; README.md is the index."""
    ours = [kind for name, kind in catalogue().items() if name not in shelf().packages]
    manuals = [manual_of(kind) for kind in ours]
    return {"README.md": index(manuals), **{f"{one.name}.md": page(one) for one in manuals}}


def index(manuals: Sequence[Manual]) -> str:
    """All faults, by family."""
    lines = [
        "# Faults",
        "",
        "One page a fault, generated from its class; `chaoskit explain FAULT` prints the same.",
        "[docs/faults.md](../faults.md) says what holds for all of them.",
    ]
    for family in FAMILIES:
        members = [one for one in manuals if one.family == family]
        if members:
            lines += ["", f"## {family[0].upper()}{family[1:]}", ""]
            lines += ["| fault | | through |", "|---|---|---|"]
            lines += [
                f"| [{one.name}]({one.name}.md) | {_cell(one.summary)} | {mechanisms(one)} |"
                for one in members
            ]
    return "\n".join([*lines, ""])


def page(manual: Manual) -> str:
    """One fault, as Markdown."""
    lines = [
        f"# {manual.name}",
        "",
        manual.summary,
        "",
        f"- Family: {manual.family}",
        f"- Nature: {_NATURES[manual.nature]}",
        f"- Through: {mechanisms(manual)}",
        "",
        "```yaml",
        *example(manual),
        "```",
        "",
        "| argument | is | default | meaning |",
        "|---|---|---|---|",
        *(_row(one) for one in manual.arguments),
    ]
    for heading, title in _TITLES.items():
        if heading in manual.paragraphs:
            lines += ["", f"## {title}", "", *_sentences(manual.paragraphs[heading])]
    return "\n".join([*lines, ""])


def example(manual: Manual) -> Iterator[str]:
    """An activity of a method that uses the fault; the lines of it."""
    import yaml  # noqa: PLC0415  # not needed for a list

    # JSON's way of writing it is YAML too, but people write no quotes where none are needed.
    flow = yaml.safe_dump(
        dict(manual.example), default_flow_style=True, sort_keys=False, width=10_000
    ).strip()
    yield "- type: action"
    yield f"  name: {manual.name.replace('_', '-')}"
    yield "  provider:"
    yield "    type: python"
    yield f"    module: {manual.module}"
    yield f"    func: {manual.function}"
    if len(flow) <= _WIDEST:
        yield f"    arguments: {flow}"
        return
    yield "    arguments:"
    block = yaml.safe_dump(dict(manual.example), default_flow_style=False, sort_keys=False)
    for line in block.splitlines():
        yield f"      {line}"


def terminal(manual: Manual, width: int) -> str:
    """One fault, as text of at most that width."""

    def wrapped(text: str, indent: str = "  ") -> list[str]:
        plain = text.replace("`", "")
        paragraphs = plain.split("\n\n")
        return [
            line
            for one in paragraphs
            for line in textwrap.wrap(one, width, initial_indent=indent, subsequent_indent=indent)
        ]

    origin = f", from {manual.package}" if manual.package else ""
    lines = [f"{manual.name} ({manual.family}{origin})", *wrapped(manual.summary), ""]
    lines += wrapped(_NATURES[manual.nature]) + wrapped(f"through {mechanisms(manual)}")
    lines += ["", "Example", *(f"  {line}" for line in example(manual)), "", "Arguments"]
    for one in manual.arguments:
        default = "must be given" if one.required else f"default {one.default or 'none'}"
        lines.append(f"  {one.name} ({one.kind}, {default})")
        lines += wrapped(one.meaning, "      ")
    for heading, title in _TITLES.items():
        if heading in manual.paragraphs:
            lines += ["", title, *wrapped(manual.paragraphs[heading])]
    return "\n".join(lines)


def _row(one: Argument) -> str:
    default = "" if one.required else f"`{one.default}`" if one.default else "none"
    needed = "**must be given**" if one.required else default
    return f"| `{one.name}` | {one.kind} | {needed} | {_cell(one.meaning)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _sentences(text: str) -> Iterator[str]:
    """One sentence a line, so that a change of one shows as one."""
    for number, paragraph in enumerate(text.split("\n\n")):
        if number:
            yield ""
        yield from re.split(r"(?<=[.!?]) (?=[A-Z`])", paragraph)
