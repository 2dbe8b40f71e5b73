"""The key `ledger`: where values are written and read back, and the budgets that go with it."""

import re
from collections.abc import Mapping
from typing import Any

from chaoskit.ledgers.base import LedgerUnready, Setting, catalogue, make, settings_of
from chaoskit.measures.base import LedgerMeasure
from chaoskit.model.experiment import Budget, LedgerUse
from chaoskit.model.ledger import Discipline
from chaoskit.model.target import TargetSpec
from chaoskit.plan.budgets import find_measure
from chaoskit.plan.known import Known
from chaoskit.plan.report import Report
from chaoskit.plan.shape import Flag, Number, Record, Shape, Text
from chaoskit.plan.shapes_joined import ByKey, Constant, Duration, positive_duration
from chaoskit.plan.tree import Node, Scalar, child, pairs_of, plain, text_of
from chaoskit.plan.variables import resolve

MAX_RATE_HZ = 500.0
MAX_IN_FLIGHT = 200  # writes that wait for an answer at the same time

_DEFAULT = LedgerUse(kind="", settings={})
_COMMON: Mapping[str, Shape] = {
    "rate": Number("Writes a second, open loop.", default=20),
    "timeout": Duration("The longest wait for an answer to a write.", default="1s"),
    "read_within": Duration(
        "The longest wait, after the settling, until everything is read back.", default="10s"
    ),
    "read_every": Duration(
        "Time between two reads while writing, to find stale ones. Absent: none.",
        examples=["1s"],
    ),
}


def _shape_of(one: Setting) -> Shape:
    texts: dict[str, Any] = {} if one.example in ("", None) else {"examples": [one.example]}
    if not one.required and one.default != "":
        texts["default"] = one.default
    if one.type is str:
        return Text(one.doc, choices=one.choices, **texts)
    return Flag(one.doc, **texts) if one.type is bool else Number(one.doc, whole=True, **texts)


def _record_of(name: str) -> Record:
    kind = catalogue()[name]
    settings = settings_of(kind)
    about = (kind.__doc__ or "").strip().splitlines()[0]
    return Record(
        {
            "kind": Constant(name, about),
            **_COMMON,
            **{one.name: _shape_of(one) for one in settings},
        },
        required=tuple(one.name for one in settings if one.required),
    )


LEDGER = ByKey(
    "kind",
    {name: _record_of(name) for name in catalogue()},
    "Values are written to the target all the time and read back at the end: what it acknowledged "
    "must be there.",
)


def read_ledger_use(block: Node | None, report: Report) -> LedgerUse | None:
    """The ledger that a block asks for; None without one, or without a known kind."""
    node = child(block, "ledger")
    kind = text_of(child(node, "kind"))
    if node is None or kind is None or kind not in catalogue():
        return None
    rate = child(node, "rate")
    rate_hz = rate.value if isinstance(rate, Scalar) else _DEFAULT.rate_hz
    if not isinstance(rate_hz, int | float) or isinstance(rate_hz, bool):
        rate_hz = _DEFAULT.rate_hz
    use = LedgerUse(
        kind=kind,
        settings={
            str(key.value): plain(value)
            for key, value in pairs_of(node)
            if key.value not in {"kind", *_COMMON}
        },
        rate_hz=float(rate_hz),
        timeout_s=_seconds(node, "timeout") or _DEFAULT.timeout_s,
        read_within_s=_seconds(node, "read_within") or _DEFAULT.read_within_s,
        read_every_s=_seconds(node, "read_every"),
        line=node.line,
    )
    _check_numbers(use, node, report)
    return use


def ledger_budgets(
    use: LedgerUse | None,
    budgets: Mapping[str, tuple[Budget, Node | None]],
    report: Report,
) -> dict[str, tuple[Budget, Node | None]]:
    """The budgets, with `lost_writes: 0` when there is a ledger and nobody said otherwise."""
    for name, (_, place) in budgets.items():
        if not isinstance(find_measure(name), LedgerMeasure):
            continue
        if use is None:
            hint = "add e.g. ledger: {kind: http, url: ..., read_url: ...} to the block"
            report.add(place, f"{name} needs a ledger, and there is none", hint)
        elif name == "stale_reads" and use.read_every_s is None:
            hint = "add read_every: 1s to the ledger"
            report.add(place, f"{name} needs reads, and nothing is read while writing", hint)
    found = dict(budgets)
    if use is not None and "lost_writes" not in found:
        implied = Budget(measure="lost_writes", bound=0.0, text="0", line=use.line)
        found["lost_writes"] = (implied, None)
    return found


def check_ledger(
    node: Node | None,
    use: LedgerUse | None,
    around: tuple[Known, TargetSpec | None],
    report: Report,
) -> None:
    """Report names that nothing gives a value, and settings that the kind refuses."""
    known, target = around
    known.check(node)
    if use is None or target is None or report.problems:
        return
    places = {
        one.name: "127.0.0.1:1" if one.scheme == "tcp" else f"{one.scheme}://127.0.0.1:1"
        for one in target.entrypoints
    }
    settings = resolve(dict(use.settings), {**known.values, **places})
    if any(re.search(r"\$\{\w+\}", str(one)) for one in settings.values()):
        return  # a secret, or what a probe will say: not known before the run
    try:
        make(use.kind, settings)
    except LedgerUnready as error:
        report.add(node, str(error))


def _check_numbers(use: LedgerUse, node: Node, report: Report) -> None:
    place = child(node, "rate") or node
    if not 0 < use.rate_hz <= MAX_RATE_HZ:
        what = f"a rate of {use.rate_hz:g} writes a second"
        report.add(place, what, f"write a number above 0, up to {MAX_RATE_HZ:g}")
    elif use.rate_hz * use.timeout_s > MAX_IN_FLIGHT:
        what = f"{use.rate_hz * use.timeout_s:g} writes could wait for an answer at once"
        report.add(place, what, f"rate x timeout may be {MAX_IN_FLIGHT}; lower one of them")
    queue = catalogue()[use.kind].discipline is Discipline.QUEUE
    if queue and use.read_every_s is not None:
        what = "a queue's results cannot be stale: its workers take their time"
        report.add(child(node, "read_every"), what, "remove read_every")


def _seconds(node: Node, key: str) -> float | None:
    try:
        return positive_duration(text_of(child(node, key)) or "")
    except ValueError:
        return None
