"""A healer's settings, held against what its kind understands.

A setting that is misspelt would silently leave the default in its place, and a floor that is made of
the wrong numbers calls an honest measurement a mistake.
"""

from chaoskit.healers.base import LOSSES, HealerKind, catalogue
from chaoskit.plan.report import Report, suggest
from chaoskit.plan.tree import Node, child, pairs_of, plain, text_of


def check_settings(healer: Node, report: Report) -> None:
    """Report settings that the healer's kind does not know, or not with such a value."""
    kind = catalogue().get(text_of(child(healer, "kind")) or "")
    written = child(healer, "settings")
    if kind is None or not kind.known or written is None:
        return
    before = len(report.problems)
    for key, value in pairs_of(written):
        setting = kind.known.get(str(key.value))
        if setting is None:
            what = f"{kind.name} has no setting {key.text!r}"
            report.add(key, what, suggest(key.text, kind.known))
            continue
        try:
            setting.read(plain(value))
        except ValueError as error:
            message, _, hint = str(error).partition("; ")
            report.add(value, f"{key.text}: {message}", hint or setting.about)
    if len(report.problems) == before:
        _check_together(kind, written, report)


def _check_together(kind: HealerKind, written: Node, report: Report) -> None:
    """Settings that are each right and cannot all be."""
    try:
        for fault in LOSSES:
            kind.floor(plain(written), fault)
    except ValueError as error:
        report.add(written, f"the settings of {kind.name} contradict each other: {error}")
