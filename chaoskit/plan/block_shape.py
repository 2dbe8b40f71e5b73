"""What our block may hold: `extensions: [{name: chaoskit, ...}]`."""

from chaoskit.model.verdict import Verdict
from chaoskit.plan.ledger import LEDGER
from chaoskit.plan.report import Report
from chaoskit.plan.shape import ListOf, MapOf, Number, Record, Shape, Text
from chaoskit.plan.shapes_joined import Constant, Duration, Either
from chaoskit.plan.slo import SLO
from chaoskit.plan.tree import Fields, Node, text_of

# How many trials, and how many of them may miss a budget (docs/verdicts.md says what each proves).
PLANS = {"pr": (5, 0), "merge": (22, 1), "nightly": (46, 1), "release": (93, 1)}

_PLAN = Text("A named plan.", choices=tuple(PLANS), examples=["merge"])
EXPECTABLE = tuple(one.value for one in Verdict if one.conclusive and not one.of_control)

BLOCK = Record(
    {
        "name": Constant("chaoskit", "Says that this block is ours."),
        "target": Text("A folder under targets/, or its path.", examples=["replicated-web"]),
        "probing": Record(
            {
                "rate": Number("Asks a second of each probe, open loop.", default=50),
                "timeout": Duration("An ask that takes longer is bad.", default="500ms"),
                "tracks": ListOf(
                    Text(choices=("fresh", "kept")),
                    "A new connection for every ask, and kept ones beside them (http only).",
                    least=1,
                    default=["fresh"],
                ),
            },
            "How often, and how patiently, the target is asked.",
            examples=[{"rate": 50, "timeout": "500ms"}],
        ),
        "phases": Record(
            {
                "baseline": Duration("Watched before the fault; must be steady.", default="3s"),
                "watch": Duration(
                    "The longest wait for recovery. Absent: 30s, or twice the longest budget "
                    "or fault if that is longer.",
                    examples=["30s"],
                ),
                "stable": Duration("All good for this long is recovered.", default="2s"),
                "settle": Duration("The longest wait between two trials.", default="60s"),
            },
            "Lengths of a trial's phases.",
            examples=[{"baseline": "3s", "watch": "30s", "stable": "2s"}],
        ),
        "trials": Either(
            _PLAN,
            Record(
                {
                    "plan": _PLAN,
                    "runs": Number("How many trials.", low=1, whole=True),
                    "allow": Number("How many may miss a budget.", low=0, whole=True, default=0),
                    "quantile": Either(
                        Text(),
                        Number(),
                        doc="The share of cases in which the budgets are to be proven kept.",
                        examples=[0.9, "90%"],
                    ),
                    "confidence": Either(
                        Text(), Number(), doc="How sure that is to be.", default=0.95
                    ),
                    "until": Text(
                        "Go on until the evidence decides (an e-process).", choices=("decided",)
                    ),
                    "max": Number("But no longer than this.", low=1, whole=True, examples=[60]),
                }
            ),
            doc="How often it is tried: a named plan, {runs: 22, allow: 1}, "
            "{quantile: 0.9, confidence: 0.95}, or {until: decided, max: 60}.",
            examples=["merge", {"runs": 22, "allow": 1}, {"until": "decided", "max": 60}],
        ),
        "budgets": MapOf(
            Either(Text(), Number()),
            "Bounds on measures. No budgets, no PASS.",
            examples=[{"recovery": "2s", "availability": "99%"}],
        ),
        "slo": SLO,
        "ledger": LEDGER,
        "healed_by": ListOf(
            Text(), "Healers of the target that must have done it.", examples=[["haproxy"]]
        ),
        "expect": Text(
            "The verdict that a known weakness must have; absent: a good one.",
            choices=EXPECTABLE,
            examples=["not_healed"],
        ),
    },
    "What chaoskit must know about the experiment.",
    required=("name", "target", "budgets"),
)


class Extension(Shape):
    """Our block, or another tool's, which is none of our business."""

    what = "a mapping"

    def check(self, node: Node, report: Report, name: str) -> None:
        if not isinstance(node, Fields):
            self.refuse(node, report, name)
        elif text_of(node.fields.get("name")) is None:
            report.add(node, f"{name} has no 'name'", "ours is named chaoskit")
        elif is_ours(node):
            # target and budgets may come from the command line; whether they do is checked there
            Record(BLOCK.fields, required=("name",)).check(node, report, "the chaoskit block")

    def kind(self, defs: dict[str, dict[str, object]]) -> dict[str, object]:
        others = {"type": "string", "not": {"const": "chaoskit"}}
        foreign = {"type": "object", "required": ["name"], "properties": {"name": others}}
        return {"anyOf": [BLOCK.schema(defs), foreign]}


def is_ours(node: Node) -> bool:
    """Whether an extension is our block."""
    return isinstance(node, Fields) and text_of(node.fields.get("name")) == "chaoskit"


EXTENSION = Extension("A block for a tool.")
