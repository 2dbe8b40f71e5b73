"""report.html: one file that a person wants to read, whoever serves it and however.

No address, and a policy that allows nothing but the one style sheet and the one script in the file.
With both blocked it still reads: the drawings carry their colours themselves, and the script only
adds filters, cursors and zoom.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from chaoskit.model.journal import Journal
from chaoskit.model.proof import Proof
from chaoskit.model.quantities import format_duration
from chaoskit.model.trend import Trend
from chaoskit.reporters import error_budget_view, stretches
from chaoskit.reporters.detail import ROOM, detail_of
from chaoskit.reporters.experiment_view import Around
from chaoskit.reporters.ledgers import LEDGER_HEADS
from chaoskit.reporters.logs_view import LogsOf
from chaoskit.reporters.page import page_of
from chaoskit.reporters.text import clean, clip
from chaoskit.reporters.trial_view import TimelineOf, signed
from chaoskit.reporters.wording import plural

NO_TRENDS: Mapping[str, Trend] = MappingProxyType({})
_LIMIT = 3 << 20  # bytes of a whole report
_TEXT_LIMIT = 20_000  # characters of any one text: a megabyte in a name must not hide the verdict


def render(
    journal: Journal,
    timeline_of: TimelineOf,
    logs_of: LogsOf,
    proofs: Sequence[Proof] = (),
    trends: Mapping[str, Trend] = NO_TRENDS,
) -> str:
    """The report of a run; the same text for the same run.

    `timeline_of(experiment, trial)` is the evidence of a trial; `logs_of(place)` the log files of a
    target's services, by service; `proofs` what a run of control arms proved; `trends` how its
    experiments fared before, by name.
    """
    text, room = "", ROOM
    while not text or (len(text.encode()) > _LIMIT and room):
        around = Around(anchor=journal.anchor, detail=detail_of(journal, room), trends=trends)
        page = page_of(journal, timeline_of, around, (logs_of, proofs))
        text = fill("report.html.j2", page=page, script=_file("report.js"))
        room = room * 2 // 3 if around.detail.trials else 0
    return text


def fill(template: str, *, page: object, script: str = "") -> str:
    """A page of ours: a template with what it shows, the one style sheet, and the policy."""
    css = _file("report.css")
    made = _templates().get_template(template)
    return made.render(page=page, css=Markup(css), js=Markup(script), policy=_policy(css, script))  # noqa: S704 - ours


def _policy(css: str, script: str) -> str:
    allowed = [f"style-src '{_hash(css)}'"]
    if script:
        allowed.append(f"script-src '{_hash(script)}'")
    return "; ".join(["default-src 'none'", *allowed, "base-uri 'none'", "form-action 'none'"])


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _file(name: str) -> str:
    sheet = files("chaoskit.reporters").joinpath(f"templates/{name}")
    return sheet.read_text(encoding="utf-8").strip()


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("chaoskit.reporters"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.globals["signed"] = signed
    environment.globals["ledger_heads"] = LEDGER_HEADS
    environment.globals["stretch_heads"] = stretches.HEADS
    environment.globals["error_budget_heads"] = error_budget_view.HEADS
    environment.globals["plural"] = plural
    environment.globals["duration"] = format_duration
    return environment


def _shown(value: object) -> object:
    """What the page may show of a value: text is cleaned, markup of ours stays as it is."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return clip(clean(value), _TEXT_LIMIT)
    return value
