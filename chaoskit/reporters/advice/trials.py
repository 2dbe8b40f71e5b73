"""What the run itself needs before the system does: something left behind, and trials that tell nothing."""

from collections import Counter
from collections.abc import Iterator, Mapping

from chaoskit.model.journal import ExperimentRecord, Journal
from chaoskit.model.verdict import Verdict
from chaoskit.reporters.advice.case import Advice
from chaoskit.reporters.wording import Result, result_of

# What to do about trials that tell nothing, by what most of them came to: title, lines, where.
_MENDS: Mapping[Verdict | None, tuple[str, str, str]] = {
    Verdict.OBSERVER_LATE: (
        "Ask less often, or on a quieter machine",
        "probing: {rate: RATE}",
        "",
    ),
    Verdict.BASELINE_NOT_MET: (
        "Let the target come to rest before the fault",
        "phases: {baseline: 5s}   # and a `ready` probe in target.yaml that means it",
        "",
    ),
    Verdict.FAULT_NOT_APPLIED: (
        "Find out why the fault could not be done",
        "chaoskit doctor --full",
        "a shell",
    ),
}
_AGAIN = ("Run what could not be told again", "chaoskit run FILE --trials RUNS", "a shell")


def of_run(journal: Journal) -> Iterator[Advice]:
    """Advice about the run, whatever the system did."""
    if journal.left_behind:
        yield Advice(
            rule="remove-what-is-left",
            title="Remove what may be left behind",
            why="; ".join(journal.left_behind),
            lines="chaoskit recover",
            where="a shell",
            weight=9,
        )
    for record in journal.experiments:
        if record.arm is None and result_of(record) is Result.INCONCLUSIVE:
            yield _again(record)


def _again(record: ExperimentRecord) -> Advice:
    void = [
        one.judgement
        for one in record.trials
        if one.judgement and not one.judgement.verdict.conclusive
    ]
    usual = Counter(one.verdict for one in void).most_common(1)
    verdict = usual[0][0] if usual else None
    reason = next((one.reason for one in void if one.verdict is verdict), "")
    title, lines, where = _MENDS.get(verdict, _AGAIN)
    rate, runs = f"{record.rate_hz / 2:g}", str(max(record.runs, 5))
    lines = lines.replace("RATE", rate).replace("RUNS", runs).replace("FILE", record.file)
    return Advice(
        rule="tell-more",
        title=title,
        why=f"“{record.title}” could not be judged{f': {reason}' if reason else ''}",
        lines=lines,
        where=where or record.file,
        weight=3,
        experiments=(record,),
    )
