"""The few signs that the live view draws with, for terminals that have them and for those that do not.

Every sign is one cell wide and differs from the others without colour.
"""

from dataclasses import dataclass

from chaoskit.reporters.terminal_plain import fit


@dataclass(frozen=True, kw_only=True)
class Glyphs:
    """One set of signs."""

    up: str = "▁"
    down: str = "█"
    unknown: str = "?"
    line: str = "─"  # a phase goes on
    held: str = "━"  # a fault is on
    ordered: str = "◇"
    effect: str = "◆"
    lifted: str = "◌"
    detected: str = "◇"
    acted: str = "◆"
    restored: str = "●"
    died: str = "✗"
    started: str = "▲"
    other: str = "·"
    now: str = "│"
    deadline: str = "┊"
    full: str = "█"
    empty: str = "░"
    good: str = "✓"
    bad: str = "✗"


UNICODE = Glyphs()
ASCII = Glyphs(
    up="_",
    down="#",
    line="-",
    held="=",
    ordered="o",
    effect="*",
    lifted="o",
    detected="d",
    acted="a",
    restored="r",
    died="x",
    started="^",
    other=".",
    now="|",
    deadline=":",
    full="#",
    empty=".",
    good="+",
    bad="x",
)


def glyphs_for(encoding: str | None) -> Glyphs:
    """The signs that an encoding can hold."""
    signs = "".join(vars(UNICODE).values())
    return UNICODE if fit(signs, encoding) == signs else ASCII
