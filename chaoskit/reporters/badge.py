"""A badge for a README: an SVG of our own, and the JSON that a shields.io endpoint badge reads."""

import json
from html import escape

from chaoskit.model.journal import Journal
from chaoskit.reporters.headline import headline
from chaoskit.reporters.wording import Result

LABEL = "self-healing"
_HEIGHT = 20
_PER_CHARACTER = 6.6  # of 11 px Verdana, on average
_COLOURS = {
    Result.PASSED: ("brightgreen", "#2b7a0b"),
    Result.EXPECTED: ("brightgreen", "#2b7a0b"),
    Result.FAILED: ("red", "#b42318"),
    Result.INCONCLUSIVE: ("yellow", "#7a5b00"),
    Result.ERROR: ("orange", "#9a3412"),
    Result.LEFT_BEHIND: ("orange", "#9a3412"),
}


def words(journal: Journal) -> tuple[Result, str]:
    """The result, and what the badge says: `12 of 12`, `2 of 12 fail`."""
    head = headline(journal)
    counts = dict(head.counts)
    total = len(journal.experiments)
    good = counts.get(Result.PASSED, 0) + counts.get(Result.EXPECTED, 0)
    said = {
        Result.FAILED: f"{counts.get(Result.FAILED, 0)} of {total} fail",
        Result.INCONCLUSIVE: f"{good} of {total}, cannot tell the rest",
        Result.ERROR: "error",
        Result.LEFT_BEHIND: "left behind",
    }
    return head.result, said.get(head.result, f"{good} of {total}")


def endpoint(journal: Journal) -> str:
    """What https://shields.io/badges/endpoint-badge reads."""
    result, message = words(journal)
    document = {
        "schemaVersion": 1,
        "label": LABEL,
        "message": message,
        "color": _COLOURS[result][0],
        "isError": result in {Result.ERROR, Result.LEFT_BEHIND},
    }
    return json.dumps(document) + "\n"


def svg(journal: Journal) -> str:
    """The badge itself; white text on both halves has a contrast of at least 4.5 to 1."""
    result, message = words(journal)
    left, right = (round(len(text) * _PER_CHARACTER) + 12 for text in (LABEL, message))
    width, title = left + right, escape(f"{LABEL}: {message}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_HEIGHT}" role="img" '
        f'aria-label="{title}"><title>{title}</title>'
        f'<rect width="{width}" height="{_HEIGHT}" rx="3" fill="{_COLOURS[result][1]}"/>'
        f'<path d="M3 0h{left - 3}v{_HEIGHT}H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="#444"/>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" '
        f'font-size="11"><text x="{left / 2:g}" y="14">{escape(LABEL)}</text>'
        f'<text x="{left + right / 2:g}" y="14">{escape(message)}</text></g></svg>\n'
    )
