"""The key `slo`: a promise to users, what faults may take of it, and a budget that follows from it."""

import re
from typing import Any

from chaoskit.measures.base import Measure
from chaoskit.model.experiment import Slo
from chaoskit.model.quantities import RATIO_HINT, parse_ratio
from chaoskit.plan.report import Report
from chaoskit.plan.shape import Defs, Number, Record, Shape, Text
from chaoskit.plan.shapes_joined import Either, positive_duration
from chaoskit.plan.tree import Node, Scalar
from chaoskit.stats.error_budget import DAY_S, recovery_budget_s

FROM_SLO = "from-slo"
DERIVABLE = ("recovery", "outage", "longest_outage", "weighted_outage")

_DAYS = r"\d+(\.\d+)?d"


def parse_window(text: str) -> float:
    """Seconds of a window: `30d`, or a duration. Raises ValueError."""
    if re.fullmatch(_DAYS, text) and float(text[:-1]) > 0:
        return float(text[:-1]) * DAY_S
    try:
        return positive_duration(text)
    except ValueError:
        message = f"{text!r} is not a window; write days or a duration, e.g. 30d, 7d, 24h"
        raise ValueError(message) from None


class Share(Shape):
    """A share above 0; below 1 too when a promise of everything makes no sense."""

    what = "a share such as 99.9% or 0.999"

    def __init__(self, doc: str, *, whole: bool, examples: tuple[str, ...]) -> None:
        super().__init__(doc, examples=examples)
        self.whole = whole  # whether 100 % is allowed

    def fits(self, node: Node) -> bool:
        value = node.value if isinstance(node, Scalar) else None
        return isinstance(value, (str, int, float)) and not isinstance(value, bool)

    def check(self, node: Node, report: Report, name: str) -> None:
        if not self.fits(node) or not isinstance(node, Scalar):
            self.refuse(node, report, name)
            return
        try:
            share = parse_ratio(node.value)
        except ValueError as error:
            message, _, hint = str(error).partition("; ")
            report.add(node, f"{name}: {message}", hint)
            return
        if share == 0 or (share == 1 and not self.whole):
            most = "up to 100%" if self.whole else "below 100%, or nothing may ever fail"
            report.add(node, f"{name} is {node.text}", f"write a share above 0, {most}")

    def kind(self, _defs: Defs) -> dict[str, Any]:
        above = {"type": "number", "exclusiveMinimum": 0}
        most = {"maximum": 1} if self.whole else {"exclusiveMaximum": 1}
        return {"anyOf": [{"type": "string", "minLength": 1}, {**above, **most}]}


_OBJECTIVE = Share("The share of asks that must be good.", whole=False, examples=("99.9%",))
SLO = Either(
    _OBJECTIVE,
    Record(
        {
            "objective": _OBJECTIVE,
            "window": Text(
                "The time that the promise is about.",
                parse=parse_window,
                pattern=rf"{_DAYS}|(\d+(\.\d+)?(us|ms|s|m|h))+",
                default="30d",
            ),
            "faults": Number("Such faults to expect in a window.", low=0.001, examples=[10]),
            "share": Share(
                "The part of the error budget that they may spend. Absent: 25%.",
                whole=True,
                examples=("25%",),
            ),
        },
        required=("objective",),
    ),
    doc="What users were promised: a share, or with what faults may take of it.",
    hint=RATIO_HINT,
    examples=["99.9%", {"objective": "99.9%", "window": "30d", "faults": 10, "share": "25%"}],
)


def slo_of(written: Any) -> Slo | None:
    """The promise that a value of a file makes; None without one, and for a broken one."""
    try:
        if not isinstance(written, dict):
            return None if written is None else Slo(objective=_inside(parse_ratio(written)))
        faults = written.get("faults")
        return Slo(
            objective=_inside(parse_ratio(written["objective"])),
            window_s=parse_window(written.get("window", "30d")),
            faults=None if faults is None else float(faults),
            share=parse_ratio(written.get("share", 0.25)),
        )
    except (ValueError, TypeError, KeyError):
        return None  # the shape has told what is wrong


def _inside(objective: float) -> float:
    if not 0 < objective < 1:
        message = "nothing may fail, or everything"
        raise ValueError(message)
    return round(objective, 12)  # 99.9 / 100 is not 0.999 to the last bit


def bound_from(
    slo: Slo | None, measure: Measure, place: Node | None, report: Report
) -> float | None:
    """The bound in seconds that a promise leaves for one fault; None after it was reported."""
    if measure.name not in DERIVABLE:
        what = f"{measure.name} cannot be {FROM_SLO}"
        report.add(place, what, f"an error budget bounds {', '.join(DERIVABLE)}")
    elif slo is None:
        hint = "add slo: {objective: 99.9%, faults: 10} to the block, or to the target"
        report.add(place, f"{measure.name} is {FROM_SLO}, but there is no slo", hint)
    elif slo.faults is None or not slo.faults > 0 or not slo.share > 0:
        hint = "add faults to slo, e.g. slo: {objective: 99.9%, faults: 10, share: 25%}"
        report.add(place, f"{FROM_SLO} needs to know how many faults a window brings", hint)
    else:
        return recovery_budget_s(
            slo.objective, faults=slo.faults, share=slo.share, window_s=slo.window_s
        )
    return None


def bound_text(bound_s: float) -> str:
    """How such a bound is shown."""
    return f"{bound_s:.3g}s ({FROM_SLO})" if bound_s < 1000 else f"{bound_s:.0f}s ({FROM_SLO})"
