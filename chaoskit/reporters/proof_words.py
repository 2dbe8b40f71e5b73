"""What proofs say, in words: which healer heals which fault, and what each of them buys."""

from collections.abc import Sequence
from dataclasses import dataclass

from chaoskit.model.measures import Measured
from chaoskit.model.proof import ArmKind, ArmResult, Proof, ProofNote, ProofState
from chaoskit.model.quantities import format_duration
from chaoskit.model.verdict import Verdict
from chaoskit.reporters.wording import UNKNOWN, plural, verdict_words

SYMBOLS = {
    ProofState.PROVEN: "✓",
    ProofState.UNPROVEN: "?",
    ProofState.STALE: "?",
    ProofState.FAILED: "✗",
}
_STATES = {
    ProofState.PROVEN: "Proven",
    ProofState.UNPROVEN: "Unproven",
    ProofState.STALE: "Stale",
    ProofState.FAILED: "Not proven",
}


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Which healer heals which fault; a row for each experiment."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def note_words(note: ProofNote | None) -> str:
    """The state of an experiment's proof in a sentence or two."""
    if note is None:
        return "Unproven: nobody looked whether control arms were run."
    when = f" ({note.at[:10]}, run {note.run})" if note.run else ""
    return f"{_STATES[note.state]}{when}: {note.reason}."


def state_of(note: ProofNote | None) -> ProofState:
    """The state, when somebody looked."""
    return ProofState.UNPROVEN if note is None else note.state


def state_words(note: ProofNote | None) -> str:
    """The state in a word or two: `proven`, `not proven`."""
    return _STATES[state_of(note)].lower()


def headline_of(proofs: Sequence[Proof]) -> str:
    """All proofs in one sentence."""
    total = len(proofs)
    left = {state: [one for one in proofs if one.state is state] for state in ProofState}
    if failed := len(left[ProofState.FAILED]):
        rest = f" {plural(total, 'experiment')}" if total > 1 else " the experiment"
        which = f"{failed} of{rest}" if total > 1 else rest.strip()
        are = "are" if failed > 1 else "is"
        return f"{which[:1].upper()}{which[1:]} {are} not proven: an arm did not behave."
    if untold := len(left[ProofState.UNPROVEN]):
        return f"We cannot tell for {untold} of {plural(total, 'experiment')}."
    if total == 1:
        return "The experiment is proven: it can fail, and only when it should."
    return f"All {total} experiments are proven: they can fail, and only when they should."


def matrix_of(proofs: Sequence[Proof]) -> Matrix:
    """Experiments and their faults down, healers across."""
    healers = tuple(dict.fromkeys(healer for one in proofs for healer in one.healers))
    return Matrix(
        heads=("Experiment", "Fault", "Proof", "No fault", "As it is", *healers),
        rows=tuple(
            (
                one.experiment,
                ", ".join(one.faults) or UNKNOWN,
                f"{SYMBOLS[one.state]} {_STATES[one.state].lower()}",
                _clean(one.arm(ArmKind.NO_FAULT)),
                _itself(one.arm(ArmKind.ON)),
                *(_cell(one, healer) for healer in healers),
            )
            for one in proofs
        ),
    )


def bought(proof: Proof) -> tuple[str, ...]:
    """What each healer buys: the arms without it beside the experiment as it is."""
    itself = proof.arm(ArmKind.ON)
    if itself is None:
        return ()
    return tuple(
        _bought(proof, itself, one)
        for one in proof.arms
        if one.kind is ArmKind.OFF and one.verdict.conclusive
    )


def _clean(arm: ArmResult | None) -> str:
    return UNKNOWN if arm is None else f"{arm.good} of {arm.trials} clean"


def _itself(arm: ArmResult | None) -> str:
    return UNKNOWN if arm is None else verdict_words(arm.verdict)


def _cell(proof: Proof, healer: str) -> str:
    """What switching a healer off did."""
    named = healer in proof.healed_by
    off = proof.arm(ArmKind.OFF, healer)
    if named and proof.expect is not None and proof.expect.against:
        return "does not heal it"
    if off is None:
        return "not tried" if named else UNKNOWN
    return _without(off, proof.arm(ArmKind.ON))


def _without(off: ArmResult, itself: ArmResult | None) -> str:
    told = verdict_words(off.verdict)
    if off.behaved is None:
        return f"? {told}"
    if off.verdict.good:
        return f"not needed: {told} without"
    if _only_by_name(off):
        return "not needed: another healed it"
    acts = itself is not None and off.healer in itself.acted
    return f"{'heals' if acts else 'needed'}: {told} without"


def _only_by_name(arm: ArmResult) -> bool:
    return arm.verdict is Verdict.WRONG_HEALER and not arm.missed


def _bought(proof: Proof, itself: ArmResult, off: ArmResult) -> str:
    """`Without proxy, 33 % of requests fail until 1.2 s after the fault; with it, none does.`"""
    parts = []
    harm = _harm(off, proof.watch_s)
    if harm:
        kept = _harm(itself, proof.watch_s)
        parts.append(harm if kept is None else f"{harm}; with it, {kept or 'none does'}")
    slow, quick = _middle(off, "latency_p99"), _middle(itself, "latency_p99")
    if not harm and "latency_p99" in off.missed and slow and quick:
        parts.append(
            f"no request fails, but one in a hundred waits {format_duration(slow)} "
            f"instead of {format_duration(quick)}"
        )
    weak, strong = _figure(off, "redundancy"), _figure(itself, "redundancy")
    if weak is not None and weak.censored and strong is not None and not strong.censored:
        back = f" (with it, {format_duration(strong.high)})" if strong.high else ""
        parts.append(f"full strength does not come back{back}")
    if not parts:
        told = verdict_words(off.verdict)
        parts.append(
            f"the outcome is {told}" + (", and users see no difference" if harm == "" else "")
        )
    return f"Without {off.healer}, {'; '.join(parts)}."


def _harm(arm: ArmResult, watch_s: float) -> str | None:
    """Which share of the requests failed, and until when; empty when none did, None if unknown."""
    availability, recovery = _middle(arm, "availability"), _figure(arm, "recovery")
    impact = _figure(arm, "impact")
    if availability is not None and availability >= 1:
        return ""
    if availability is None or recovery is None or impact is None:
        return None
    if impact.low is None or impact.high is None or recovery.low is None:
        return None
    bad_s = (1 - availability) * watch_s
    until_s = watch_s if recovery.censored else recovery.low + (impact.high - impact.low)
    share = min(1.0, bad_s / max(until_s - impact.high, bad_s))
    if recovery.censored or recovery.after_lift or recovery.high is None:
        until = f"for as long as it was watched ({format_duration(watch_s)})"
    else:
        until = f"until {format_duration(recovery.high)} after the fault"
        if arm.acted:
            until += f", when {' and '.join(arm.acted)} had acted"
    return f"{_percent(share)} of requests fail {until}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.2g} %"


def _figure(arm: ArmResult, name: str) -> Measured | None:
    return next((one for one in arm.figures if one.measure == name), None)


def _middle(arm: ArmResult, name: str) -> float | None:
    found = _figure(arm, name)
    return None if found is None else found.middle
