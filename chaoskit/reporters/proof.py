"""proof.md: what the arms of a run proved, for people and for a pull request."""

from collections.abc import Sequence

from chaoskit.model.journal import Journal
from chaoskit.model.proof import ArmKind, ArmResult, Proof
from chaoskit.reporters.markdown import escape
from chaoskit.reporters.proof_words import SYMBOLS, bought, headline_of, matrix_of
from chaoskit.reporters.text import one_line, redact


def render(proofs: Sequence[Proof], journal: Journal) -> str:
    """The proofs of a run as GitHub-flavoured Markdown; text of others cannot become markup."""
    matrix = matrix_of(proofs)
    lines = [f"## {escape(headline_of(proofs))}", ""]
    lines += [_line(matrix.heads), _line(["---"] * len(matrix.heads))]
    lines += [*map(_line, matrix.rows), ""]
    for one in proofs:
        lines += _experiment(one)
    lines += [
        "*heals*: it was seen to act, and without it the experiment fails. *needed*: without it the "
        "experiment fails. *not needed*: without it every budget is kept.",
        "",
        f"Run {escape(journal.run_id)}, chaoskit {escape(journal.chaoskit)}. Repeat it:",
        "",
        f"    {one_line(redact(journal.command), limit=4000)}",
        "",
    ]
    return "\n".join(lines)


def _experiment(proof: Proof) -> list[str]:
    lines = [
        f"### {SYMBOLS[proof.state]} {escape(proof.title)}",
        "",
        f"{escape(proof.experiment)}: {escape(proof.reason)}.",
        "",
    ]
    lines += [f"- {escape(_arm(one))}: {escape(one.reason)}" for one in proof.arms]
    lines += [f"- **{escape(one)}**" for one in bought(proof)]
    return [*lines, ""]


def _arm(arm: ArmResult) -> str:
    name = {
        ArmKind.ON: "as it is",
        ArmKind.NO_FAULT: "without the fault",
        ArmKind.OFF: f"without {arm.healer}",
    }[arm.kind]
    return f"{name}{'' if arm.behaved else ' (did not behave)' if arm.behaved is False else ' (?)'}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(escape, cells))} |"
