"""Our block of an experiment, with its defaults filled in and its parts held against each other."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from chaoskit.measures.base import LedgerMeasure
from chaoskit.model.experiment import (
    FRESH,
    KEPT,
    Budget,
    FaultUse,
    LedgerUse,
    Phases,
    Probing,
    Slo,
    TrialPlan,
)
from chaoskit.model.measures import Sense, Unit
from chaoskit.model.quantities import format_duration, parse_duration
from chaoskit.model.target import TargetSpec
from chaoskit.model.verdict import Verdict
from chaoskit.plan.block_shape import EXPECTABLE, is_ours
from chaoskit.plan.budgets import find_measure, read_budgets
from chaoskit.plan.ledger import ledger_budgets, read_ledger_use
from chaoskit.plan.report import Report, suggest
from chaoskit.plan.shapes_joined import positive_duration
from chaoskit.plan.slo import slo_of
from chaoskit.plan.tree import Items, Node, Scalar, child, items_of, plain, text_of
from chaoskit.plan.trials import read_trials

MAX_RATE_HZ = 4000.0
MAX_IN_FLIGHT = 4000  # asks that wait for an answer at the same time

_WATCH_S = 30.0


class Settings(NamedTuple):
    """What the block, or its absence, comes down to."""

    probing: Probing
    phases: Phases
    trials: TrialPlan
    budgets: tuple[Budget, ...]
    healed_by: tuple[str, ...]
    expect: Verdict | None
    slo: Slo | None
    ledger: LedgerUse | None


def find_block(tree: Node, report: Report) -> Node | None:
    """Our block of a file, if it has one; a second one is a mistake."""
    blocks = [one for one in items_of(child(tree, "extensions")) if is_ours(one)]
    for other in blocks[1:]:
        report.add(other, f"a chaoskit block is already in line {blocks[0].line}")
    return blocks[0] if blocks else None


def is_hidden(tree: Node) -> bool:
    """Whether our block may be there, but the extensions are too broken to tell; that is told."""
    extensions = child(tree, "extensions")
    if extensions is None:
        return False
    named = [text_of(child(one, "name")) for one in items_of(extensions)]
    return not isinstance(extensions, Items) or None in named


class Surroundings(NamedTuple):
    """What the block is held against."""

    target: TargetSpec | None
    faults: Sequence[FaultUse]
    extra_budgets: Mapping[str, str]  # from the command line


def read_block(block: Node | None, around: Surroundings, report: Report) -> Settings:
    """The block's settings; every mistake goes to the report, and a default takes its place."""
    probing = _probing(block, report)
    slo = _slo(block, around.target)
    ledger = read_ledger_use(block, report)
    budgets = read_budgets(block, around.extra_budgets, slo, report)
    budgets = ledger_budgets(ledger, budgets, report)
    phases = _phases(block, [one for one, _ in budgets.values()], around.faults)
    _check_phases(block, phases, probing, report)
    for budget, place in budgets.values():
        _check_budget(budget, place, phases, probing, report)
    _check_faults(around.faults, phases, report)
    return Settings(
        probing=probing,
        phases=phases,
        trials=read_trials(block, report),
        budgets=tuple(one for one, _ in budgets.values()),
        healed_by=_healed_by(block, around.target, report),
        expect=_expect(block),
        slo=slo,
        ledger=ledger,
    )


def _seconds(node: Node | None, default_s: float) -> float:
    try:
        return positive_duration(text_of(node) or "")
    except ValueError:
        return default_s


def _number(node: Node | None) -> int | float | None:
    value = node.value if isinstance(node, Scalar) else None
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _probing(block: Node | None, report: Report) -> Probing:
    written = child(block, "probing")
    rate, default = child(written, "rate"), Probing()
    rate_hz = _number(rate)
    timeout_s = _seconds(child(written, "timeout"), default.timeout_s)
    tracks = _tracks(child(written, "tracks"), report)
    if rate_hz is None:
        return Probing(timeout_s=timeout_s, tracks=tracks)
    if not 0 < rate_hz <= MAX_RATE_HZ:
        what = f"a rate of {rate_hz:g} asks a second"
        report.add(rate, what, f"write a number above 0, up to {MAX_RATE_HZ:g}")
        return Probing(timeout_s=timeout_s)
    if rate_hz * timeout_s > MAX_IN_FLIGHT:
        waiting = f"{rate_hz * timeout_s:g} asks could wait for an answer at once"
        report.add(rate, waiting, f"rate x timeout may be {MAX_IN_FLIGHT}; lower one of them")
    return Probing(rate_hz=float(rate_hz), timeout_s=timeout_s, tracks=tracks)


def _tracks(node: Node | None, report: Report) -> tuple[str, ...]:
    named = dict.fromkeys(filter(None, map(text_of, items_of(node))))
    if named and FRESH not in named:
        hint = "write [fresh, kept]: every verdict rests on new connections"
        report.add(node, "tracks has no fresh connections", hint)
    return tuple(named) or (FRESH,)


def _phases(block: Node | None, budgets: Sequence[Budget], faults: Sequence[FaultUse]) -> Phases:
    written, default = child(block, "phases"), Phases()
    stable_s = _seconds(child(written, "stable"), default.stable_s)
    waits = [one.bound for one in budgets if _is_waited_for(one.measure)]
    held = [_held_s(one) for one in faults]
    longest_s = max([*waits, *held], default=0.0)
    return Phases(
        baseline_s=_seconds(child(written, "baseline"), default.baseline_s),
        watch_s=_seconds(child(written, "watch"), max(_WATCH_S, 2 * longest_s + stable_s)),
        stable_s=stable_s,
        settle_s=_seconds(child(written, "settle"), default.settle_s),
    )


def _is_waited_for(measure: str) -> bool:
    """Whether a budget of this measure bounds a time within the watch."""
    kind = find_measure(measure)
    is_no_wait = measure.startswith("latency_") or isinstance(kind, LedgerMeasure)
    assert kind is not None, "a budget was made of it"
    return kind.unit is Unit.SECONDS and kind.sense is Sense.AT_MOST and not is_no_wait


def _held_s(fault: FaultUse) -> float:
    try:
        return parse_duration(fault.arguments.get("for", fault.arguments.get("duration")))
    except ValueError:
        return 0.0


def _check_phases(block: Node | None, phases: Phases, probing: Probing, report: Report) -> None:
    written = child(block, "phases")
    if phases.stable_s > phases.watch_s:
        what = f"the watch ends before {format_duration(phases.stable_s)} of good asks can be seen"
        report.add(child(written, "watch") or written, what, "make it longer than stable")
    if phases.baseline_s < 3 * probing.period_s:
        what = f"a baseline of {format_duration(phases.baseline_s)} is too short"
        hint = f"at {probing.rate_hz:g} asks a second it must hold 3 asks"
        report.add(child(written, "baseline") or child(block, "probing", "rate"), what, hint)
    if phases.stable_s < probing.period_s:
        what = f"{format_duration(phases.stable_s)} of good asks holds not one ask"
        hint = f"there is one every {format_duration(probing.period_s)}"
        report.add(child(written, "stable") or child(block, "probing", "rate"), what, hint)


def _check_budget(
    budget: Budget, place: Node | None, phases: Phases, probing: Probing, report: Report
) -> None:
    if budget.measure.startswith("latency_") and budget.bound >= probing.timeout_s:
        what = f"a {budget.measure} of {budget.text} can never be missed"
        limit = format_duration(probing.timeout_s)
        report.add(place, what, f"an ask is given up after {limit}: probing.timeout")
    if budget.measure == "kept_recovery" and KEPT not in probing.tracks:
        report.add(place, "nobody asks over kept connections", "probing: {tracks: [fresh, kept]}")
    if not _is_waited_for(budget.measure):
        return
    stretch_s = phases.stable_s if budget.measure in {"recovery", "kept_recovery"} else 0
    needed_s = budget.bound + stretch_s
    if needed_s > phases.watch_s:
        what = f"the watch of {format_duration(phases.watch_s)} is too short for {budget.measure}"
        report.add(place, what, f"phases.watch must be at least {format_duration(needed_s)}")


def _check_faults(faults: Sequence[FaultUse], phases: Phases, report: Report) -> None:
    for fault in faults:
        held_s = _held_s(fault)
        if held_s > phases.watch_s:
            what = f"{fault.activity} lasts {format_duration(held_s)}, longer than the watch"
            hint = (
                f"phases.watch is {format_duration(phases.watch_s)}, and what is held is lifted "
                "when it is over; make it longer, or the fault shorter, or leave `for` out"
            )
            report.add(_Line(fault.line), what, hint)


class _Line:
    """A place of which only the line is known."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.column = 1


def _healed_by(block: Node | None, target: TargetSpec | None, report: Report) -> tuple[str, ...]:
    names = []
    for node in items_of(child(block, "healed_by")):
        name = text_of(node)
        if name is None:
            continue
        names.append(name)
        if target is not None and target.healer(name) is None:
            hint = suggest(name, [one.name for one in target.healers])
            report.add(node, f"target {target.name} declares no healer {name!r}", hint)
    return tuple(names)


def _slo(block: Node | None, target: TargetSpec | None) -> Slo | None:
    written = child(block, "slo")
    if written is not None:
        return slo_of(plain(written))
    return target.slo if target is not None else None


def _expect(block: Node | None) -> Verdict | None:
    name = text_of(child(block, "expect"))
    return Verdict(name) if name in EXPECTABLE else None
