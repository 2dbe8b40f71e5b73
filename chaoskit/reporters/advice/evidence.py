"""Rules about what we know: nobody noticed, somebody else healed it, too few trials, not proven."""

from chaoskit.model.proof import ProofState
from chaoskit.model.verdict import Verdict
from chaoskit.reporters.advice.case import Advice, Case
from chaoskit.reporters.proof_words import state_of

_RULE = """- alert: InstanceDown
  expr: up{{job="{service}"}} == 0
  for: 1s
  labels: {{severity: page}}"""


def nobody_noticed(case: Case) -> Advice | None:
    """Users were hit, and no mechanism of the system said anything."""
    if not case.outage_s or any(a.detected_s is not None for t in case.trials for a in t.acts):
        return None
    return Advice(
        rule="nobody-noticed",
        title=f"Raise an alert when {case.service or 'this'} fails",
        why="users went without, and none of the target's witnesses noticed anything",
        lines=_RULE.format(service=case.service or "SERVICE"),
        where="the alert rules of Prometheus",
        weight=1,
        gain_s=case.outage_s,
    )


def another_healer(case: Case) -> Advice | None:
    """The file names a healer, and another one did the work."""
    if not case.came_to(Verdict.WRONG_HEALER) or case.record.expect is Verdict.WRONG_HEALER:
        return None
    acted = dict.fromkeys(a.healer for t in case.trials for a in t.acts if a.acted_s is not None)
    found = ", ".join(acted) or "none that is declared"
    return Advice(
        rule="another-healer",
        title="Find out who really heals this",
        why=(
            f"{' and '.join(case.record.healed_by)} should do it, and what acted was {found}; "
            "either the named one is broken, or the file is wrong"
        ),
        lines=f"healed_by: [{', '.join(acted)}]" if acted else "",
        where=case.record.file if acted else "",
        weight=1,
    )


def prove_it(case: Case) -> Advice | None:
    """A pass of an experiment that has not shown that it can fail."""
    judgement = case.record.judgement
    if case.record.arm or judgement is None or not judgement.passed:
        return None
    if state_of(case.record.proof) is ProofState.PROVEN:
        return None
    return Advice(
        rule="prove-it",
        title="Prove that the experiments can fail",
        why="a pass is worth more once it failed with each healer switched off, and without a fault did not",
        lines=f"chaoskit prove --target {case.record.target}",
        where="a shell",
        weight=-1,
    )


RULES = (nobody_noticed, another_healer, prove_it)
