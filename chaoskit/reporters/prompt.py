"""The run as plain text, to be handed to a colleague or to an agent: what is, and what to do."""

from collections.abc import Sequence

from chaoskit.model.journal import ExperimentRecord, Journal
from chaoskit.reporters.advice import Advice
from chaoskit.reporters.figures import budget_figures
from chaoskit.reporters.headline import headline
from chaoskit.reporters.summary_view import injected
from chaoskit.reporters.text import one_line, redact
from chaoskit.reporters.wording import result_of

_EXPERIMENTS = 40
_ADVICE = 12


def prompt_of(journal: Journal, advice: Sequence[Advice]) -> str:
    """A few hundred words; the worst experiments first."""
    lines = [
        "A system was broken on purpose, and watched from outside. This is what came of it.",
        "",
        headline(journal).sentence,
        f"Run {journal.run_id}; repeat it with: {redact(journal.command)}",
        "",
        "Experiments:",
    ]
    ranked = sorted(
        journal.experiments, key=lambda one: -list(type(result_of(one))).index(result_of(one))
    )
    for one in ranked[:_EXPERIMENTS]:
        lines += _experiment(one)
    if len(ranked) > _EXPERIMENTS:
        lines.append(f"- and {len(ranked) - _EXPERIMENTS} more, none of them worse")
    if advice:
        lines += ["", "What the rules of chaoskit say to do next, the most gainful first:"]
    for number, advised in enumerate(advice[:_ADVICE], start=1):
        lines.append(f"{number}. {one_line(advised.title)}: {one_line(redact(advised.why))}.")
        if advised.lines:
            lines.append(f"   In {one_line(advised.where)}:")
            lines += [f"       {line}" for line in redact(advised.lines).splitlines()]
    lines += [
        "",
        "Propose the smallest change that makes the failed budgets pass, and say how to check it.",
    ]
    return "\n".join(lines)


def _experiment(record: ExperimentRecord) -> list[str]:
    said = record.judgement.sentence if record.judgement else "not judged"
    lines = [f"- {result_of(record).value}: {one_line(record.title)} ({one_line(record.file)})"]
    lines.append(f"  Injected: {one_line(injected(record))}. {one_line(redact(said))}")
    lines += [
        f"  Missed: {one.label} {one.bound_text}, worst {one.worst}"
        for one in budget_figures(record)
        if one.kept is False
    ]
    return lines
