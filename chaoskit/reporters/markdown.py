"""summary.md: the run on half a page, for a pull request or a job's summary."""

import re

from chaoskit.model.journal import ExperimentRecord, Journal
from chaoskit.reporters.figures import HEADLINE_MEASURES, Figure, figure, label_of
from chaoskit.reporters.findings import line_of
from chaoskit.reporters.headline import headline
from chaoskit.reporters.ledgers import LEDGER_HEADS, ledger_rows, ledger_words
from chaoskit.reporters.proof_words import note_words
from chaoskit.reporters.text import one_line, redact
from chaoskit.reporters.wording import (
    UNKNOWN,
    Result,
    error_budget_words,
    plural,
    result_of,
    verdict_words,
)

_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$])")
_LIVE = {"@": "&#64;", "://": "&#58;//", "www.": "www&#46;"}  # a mention, an address
_LIMIT_BYTES = 900_000  # a job summary above 1 MiB is dropped whole
_TEXT_LIMIT = 400  # characters of any one text


def render(journal: Journal) -> str:
    """The run as GitHub-flavoured Markdown; text of others cannot become markup."""
    head = headline(journal)
    parts = [f"## {head.result.symbol} {escape(head.sentence)}", ""]
    parts += [f"> **{escape(aside)}**\n" for aside in head.asides]
    if journal.experiments:
        parts += _table(journal)
        parts += _sentences(journal)
        parts += _error_budgets(journal)
        parts += _ledgers(journal)
        parts += [
            "Large numbers are medians over the trials.",
            "",
            *_proofs(journal),
        ]
    parts += ["Repeat it:", "", *_code(redact(journal.command)), ""]
    parts += [f"Run {escape(journal.run_id)}, seed {journal.seed}, chaoskit {journal.chaoskit}", ""]
    return _trim("\n".join(parts))


def escape(text: str) -> str:
    """Text as text: one line, no markup, no HTML, no mention."""
    text = one_line(text, limit=_TEXT_LIMIT)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _SPECIAL.sub(r"\\\1", text)
    for alive, dead in _LIVE.items():
        text = text.replace(alive, dead)
    return text


def _table(journal: Journal) -> list[str]:
    heads = ["Result", "Experiment", "Verdict", *map(label_of, HEADLINE_MEASURES), "Trials"]
    rows = [_row(record) for record in journal.experiments]
    return [
        _line(heads),
        _line(["---", "---", "---", "---:", "---:", "---:", "---:"]),
        *map(_line, rows),
        "",
    ]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _row(record: ExperimentRecord) -> list[str]:
    result = result_of(record)
    verdict = verdict_words(record.judgement.verdict) if record.judgement else "not judged"
    if record.expect:
        verdict += f" (expected: {verdict_words(record.expect)})"
    return [
        f"{result.symbol} {result.value}",
        f"{escape(record.title)}<br>{escape(record.name)}",
        escape(verdict),
        *(_cell(figure(record, measure)) for measure in HEADLINE_MEASURES),
        str(len(record.trials)),
    ]


def _cell(one: Figure) -> str:
    lines = []
    if one.median != UNKNOWN:
        lines.append(f"**{escape(one.median)}**<br>worst {escape(one.worst)}")
    if one.budget is not None:
        kept = {True: "✓", False: "✗", None: "?"}[one.kept]
        lines.append(f"{escape(one.bound_text)} {kept}")
    return "<br>".join(lines) or UNKNOWN


def _sentences(journal: Journal) -> list[str]:
    """What went wrong, in words; what went well is in the table."""
    lines = []
    for record in journal.experiments:
        result = result_of(record)
        if result is Result.PASSED:
            continue
        sentence = record.judgement.sentence if record.judgement else "It was not judged."
        place = f"{record.file}:{line_of(record)}"
        lines.append(
            f"- {result.symbol} **{escape(record.title)}** ({escape(place)}): {escape(sentence)}"
        )
    return [*lines, ""] if lines else []


def _error_budgets(journal: Journal) -> list[str]:
    """What each fault costs of the promise to users, where there is one."""
    lines = [
        f"- {escape(record.title)}: {escape(words)}"
        for record in journal.experiments
        if (words := error_budget_words(record))
    ]
    return [*lines, ""] if lines else []


def _proofs(journal: Journal) -> list[str]:
    """Whether the experiments have shown that they can fail."""
    notes = {one.arm.of if one.arm else one.name: one.proof for one in journal.experiments}
    words = {name: note_words(note) for name, note in notes.items()}
    if len(words) > 1 and len(set(words.values())) == 1:
        return [f"Of each of them: {escape(next(iter(words.values())))}", ""]
    return [*(f"- {escape(name)}: {escape(said)}" for name, said in words.items()), ""]


def _ledgers(journal: Journal) -> list[str]:
    """What became of the writes: a line for each experiment, and a row for each of its trials."""
    lines = []
    for record in journal.experiments:
        if words := ledger_words(record):
            lines += [f"Ledger of **{escape(record.title)}**: {escape(words)}.", ""]
        if rows := ledger_rows(record):
            lines += [_line(list(LEDGER_HEADS)), _line(["---:"] * len(LEDGER_HEADS))]
            lines += [*(_line([escape(cell) for cell in row]) for row in rows), ""]
    return lines


def _code(text: str) -> list[str]:
    """A block of code; its fence is longer than any run of backticks within."""
    text = one_line(text, limit=4000)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}sh", text, fence]


def _trim(text: str) -> str:
    """As much as a job summary may hold, and a word about the rest."""
    if len(text.encode()) <= _LIMIT_BYTES:
        return text
    kept: list[str] = []
    size = 0
    lines = text.splitlines()
    for line in lines:
        size += len(line.encode()) + 1
        if size > _LIMIT_BYTES:
            break
        kept.append(line)
    left_out = plural(len(lines) - len(kept), "more line")
    return "\n".join([*kept, "", f"{left_out}: see report.html", ""])
