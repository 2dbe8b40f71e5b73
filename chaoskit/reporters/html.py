"""report.html: one file that a person wants to read, whoever serves it and however.

No address, no script, and a policy that allows nothing but the one style sheet in the file. With
style sheets blocked it still reads: the drawings carry their colours themselves.
"""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from chaoskit.model.journal import Journal
from chaoskit.model.proof import Proof
from chaoskit.reporters.experiment_view import LogsOf
from chaoskit.reporters.ledgers import LEDGER_HEADS
from chaoskit.reporters.page import page_of
from chaoskit.reporters.text import clean, clip
from chaoskit.reporters.trial_view import TimelineOf, signed

_TEXT_LIMIT = 20_000  # characters of any one text: a megabyte in a name must not hide the verdict


def render(
    journal: Journal, timeline_of: TimelineOf, logs_of: LogsOf, proofs: Sequence[Proof] = ()
) -> str:
    """The report of a run; the same text for the same run.

    `timeline_of(experiment, trial)` is the evidence of a trial; `logs_of(target)` the log files of a
    target's services, by service; `proofs` what a run of control arms proved.
    """
    return fill("report.html.j2", page=page_of(journal, timeline_of, logs_of, proofs))


def fill(template: str, *, page: object) -> str:
    """A page of ours: a template with what it shows, the one style sheet, and the policy."""
    css = _style()
    made = _templates().get_template(template)
    return made.render(page=page, css=Markup(css), policy=_policy(css))  # noqa: S704 - ours


def _policy(css: str) -> str:
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def _style() -> str:
    sheet = files("chaoskit.reporters").joinpath("templates/report.css")
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
    return environment


def _shown(value: object) -> object:
    """What the page may show of a value: text is cleaned, markup of ours stays as it is."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return clip(clean(value), _TEXT_LIMIT)
    return value
