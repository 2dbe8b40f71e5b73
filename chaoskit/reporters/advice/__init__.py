"""What to do next: rules that look at one experiment each, and the order of what they say.

A rule is a function from a case to an advice or None; add it to a RULES tuple of its topic. What is
worth the most seconds of outage comes first; lost data before any seconds, evidence after them.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from chaoskit.model.journal import Journal
from chaoskit.model.proof import ArmKind
from chaoskit.reporters.advice import evidence, losses, outages, speed, trials
from chaoskit.reporters.advice.case import Advice, Case

__all__ = ["RULES", "Advice", "advice_of"]

Rule = Callable[[Case], Advice | None]
RULES: tuple[Rule, ...] = (*outages.RULES, *speed.RULES, *losses.RULES, *evidence.RULES)


def advice_of(journal: Journal) -> tuple[Advice, ...]:
    """Everything that the rules say of a run, the most gainful first, each thing once."""
    whole = [one for one in journal.experiments if one.arm is None or one.arm.kind is ArmKind.ON]
    found = [*trials.of_run(journal)]
    for record in whole:
        case = Case(record)
        if case.trials:
            said = (rule(case) for rule in RULES)
            found += [replace(one, experiments=(record,)) for one in said if one]
    return tuple(sorted(_merged(found), key=lambda one: (-one.weight, -one.gain_s)))


def _merged(found: Sequence[Advice]) -> list[Advice]:
    """The same advice from several experiments is one, as gainful as the most gainful of them."""
    merged: dict[tuple[str, ...], Advice] = {}
    for one in found:
        targets = sorted({record.target for record in one.experiments})
        key = (one.rule, one.title, one.lines, *targets)
        known = merged.get(key)
        if known is None:
            merged[key] = one
            continue
        best = max(known, one, key=lambda advice: advice.gain_s)
        merged[key] = replace(best, experiments=(*known.experiments, *one.experiments))
    return _commands(list(merged.values()))


def _commands(found: Sequence[Advice]) -> list[Advice]:
    """What is typed into a shell, of several targets, is one advice with several commands."""
    typed = [one for one in found if one.rule == "prove-it"]
    if len(typed) < 2:
        return list(found)
    joined = replace(
        typed[0],
        lines="\n".join(one.lines for one in typed),
        experiments=tuple(record for one in typed for record in one.experiments),
    )
    return [*(one for one in found if one.rule != "prove-it"), joined]
