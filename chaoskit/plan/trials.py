"""How often an experiment is tried: a named plan, numbers of one's own, or a claim to be proven.

A claim that its trials could never prove is refused here, before anything starts: too few trials is
the one inconclusive verdict that is known beforehand.
"""

from chaoskit.errors import InputError, Problem
from chaoskit.model.experiment import Claim, TrialPlan
from chaoskit.model.quantities import parse_ratio
from chaoskit.plan.block_shape import PLANS
from chaoskit.plan.report import Report
from chaoskit.plan.tree import Node, Scalar, child, text_of
from chaoskit.stats.eprocess import clean_trials_needed, process_for
from chaoskit.stats.plans import CONFIDENCE, percent, shortfall
from chaoskit.stats.quantile import trials_needed

DEFAULT_SHARE = 0.9
MOST_SHARE = 0.999  # 2995 clean trials at 95 %; beyond that a number is a mistake
_SPARE_SHARE = 5  # one in so many may be void and is replaced
_LEAST_WITH_SPARES = 4  # one void trial of fewer is more than a fifth of them


def read_trials(block: Node | None, report: Report) -> TrialPlan:
    """The plan that `trials` asks for; every mistake goes to the report."""
    written = child(block, "trials")
    name = text_of(written) or text_of(child(written, "plan"))
    if name is not None:
        if any(child(written, key) is not None for key in _OWN):
            report.add(written, "trials has a plan and numbers of its own", "choose one of them")
        return _named(name if name in PLANS else "pr")
    if written is None:
        return _named("pr")
    claim = _claim(written, report)
    if child(written, "until") is not None:
        return _until_decided(written, claim, report)
    if child(written, "max") is not None:
        report.add(child(written, "max"), "max is only for {until: decided}", "write runs instead")
    return _fixed(written, claim, report)


def own_plan_name(runs: int, allow: int) -> str:
    """How a plan without a name is called."""
    return f"{runs} run{'s' if runs > 1 else ''}, {allow} may miss"


def spares(runs: int) -> int:
    """How many void trials of so many may be replaced."""
    return -(-runs // _SPARE_SHARE) if runs >= _LEAST_WITH_SPARES else 0


def overridden(plan: TrialPlan, trials: int | None) -> TrialPlan:
    """The plan with the number of the command line; with fewer trials none may miss.

    Raises InputError when a claim was asked for that so many trials cannot prove.
    """
    if trials is None or trials == plan.runs:
        return plan
    allow = 0 if trials < plan.runs else plan.allow
    if plan.claim is not None:
        lack = _lack(trials, allow, plan.claim, until_decided=plan.until_decided)
        if lack:
            raise InputError(Problem(file="--trials", message=f"too few trials: {lack}"))
    return TrialPlan(
        name=_overridden_name(plan, trials, allow),
        runs=trials,
        allow=allow,
        claim=plan.claim,
        until_decided=plan.until_decided,
    )


_OWN = ("runs", "allow", "quantile", "confidence", "until", "max")


def _named(name: str) -> TrialPlan:
    return TrialPlan(name=name, runs=PLANS[name][0], allow=PLANS[name][1])


def _overridden_name(plan: TrialPlan, trials: int, allow: int) -> str:
    if plan.until_decided:
        return _sequential_name(trials)
    if plan.name not in PLANS:
        return own_plan_name(trials, allow)
    verb = "cut" if trials < plan.runs else "raised"
    return f"{plan.name}, {verb} from {plan.runs} to {trials} run{'s' if trials > 1 else ''}"


def _sequential_name(most: int) -> str:
    return f"until decided, at most {most} runs"


def _claim(written: Node, report: Report) -> Claim | None:
    """What is to be proven, when it is said."""
    share = _ratio(child(written, "quantile"), report, MOST_SHARE)
    confidence = _ratio(child(written, "confidence"), report, MOST_SHARE)
    sequential = child(written, "until") is not None
    if share is None and child(written, "quantile") is None and sequential:
        share = DEFAULT_SHARE
    if share is None:
        if child(written, "confidence") is not None and child(written, "quantile") is None:
            hint = "write e.g. {quantile: 0.9, confidence: 0.95}"
            report.add(
                child(written, "confidence"), "confidence in what? quantile is missing", hint
            )
        return None
    return Claim(share=share, confidence=CONFIDENCE if confidence is None else confidence)


def _ratio(node: Node | None, report: Report, most: float) -> float | None:
    """A share that can be proven; a mistake is reported, and None."""
    if not isinstance(node, Scalar) or isinstance(node.value, bool):
        return None
    try:
        share = parse_ratio(node.value)
    except ValueError:
        share = 0.0
    if not 0 < share <= most:
        hint = f"write a share above 0, up to {most:g}, e.g. 0.9 or 90%"
        report.add(node, f"{node.text!r} can never be proven", hint)
        return None
    return share


def _number(node: Node | None) -> int | None:
    value = node.value if isinstance(node, Scalar) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _until_decided(written: Node, claim: Claim | None, report: Report) -> TrialPlan:
    for key in ("runs", "allow"):
        if child(written, key) is not None:
            what = f"{key} is for a fixed plan, and this one goes on until it is decided"
            report.add(child(written, key), what, "write max")
    most = _number(child(written, "max"))
    if most is None:
        if child(written, "max") is None:
            report.add(written, "trials goes on until decided, and has no max", "add max: 60")
        return _named("pr")
    if claim is not None and (lack := _lack(most, 0, claim, until_decided=True)):
        report.add(child(written, "max"), f"too few trials: {lack}", "raise max")
    return TrialPlan(name=_sequential_name(most), runs=most, claim=claim, until_decided=True)


def _fixed(written: Node, claim: Claim | None, report: Report) -> TrialPlan:
    runs, allow = _number(child(written, "runs")), _number(child(written, "allow")) or 0
    if runs is None and claim is not None:
        runs = trials_needed(claim.share, claim.confidence, allow)
    if runs is None:
        if child(written, "runs") is None and child(written, "quantile") is None:
            hint = "write merge, {runs: 22, allow: 1}, or {quantile: 0.9}"
            report.add(written, "trials says not how many", hint)
        return _named("pr")
    if allow >= runs:
        what = f"{allow} of {runs} trials may miss: nothing could fail"
        report.add(child(written, "allow"), what, "allow must be below runs")
    elif claim is not None and (lack := _lack(runs, allow, claim, until_decided=False)):
        report.add(child(written, "runs"), f"too few trials: {lack}")
    return TrialPlan(name=own_plan_name(runs, allow), runs=runs, allow=allow, claim=claim)


def _lack(runs: int, allow: int, claim: Claim, *, until_decided: bool) -> str:
    """Why so many trials can never prove the claim; empty when they can."""
    if not until_decided:
        return shortfall(runs, allow, claim.share, claim.confidence)
    needed = clean_trials_needed(process_for(claim.share, claim.confidence))
    if runs >= needed:
        return ""
    return (
        f"{runs} trials are never enough to decide about {percent(claim.share)} of cases with "
        f"{percent(claim.confidence)} confidence; without a miss it takes {needed}"
    )
