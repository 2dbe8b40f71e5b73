"""How many trials, how many may miss, and what may be claimed when they did not.

A plan with no miss allowed is a flaky gate: 59 clean trials are seen in only 55 % of attempts on a
system that misses once in a hundred. Allowing one miss buys much of that back for a few more trials.
"""

from dataclasses import dataclass

from chaoskit.stats.binomial import at_least
from chaoskit.stats.proportion import lower_bound
from chaoskit.stats.quantile import coverage, trials_needed

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class NamedPlan:
    """A fixed number of trials and what keeping it proves."""

    name: str
    runs: int
    allow: int
    share: float  # "in at least this share of cases", with 95 % confidence


NAMED = {
    plan.name: plan
    for plan in (
        NamedPlan(name="pr", runs=5, allow=0, share=0.5),
        NamedPlan(name="merge", runs=22, allow=1, share=0.8),
        NamedPlan(name="nightly", runs=46, allow=1, share=0.9),
        NamedPlan(name="release", runs=93, allow=1, share=0.95),
    )
}


def strongest_share(trials: int, misses: int, confidence: float = CONFIDENCE) -> float:
    """The largest share of cases that so many trials with so many misses can prove."""
    return lower_bound(trials - misses, trials, confidence) if trials else 0.0


def supports(runs: int, allow: int, share: float, confidence: float = CONFIDENCE) -> bool:
    """Whether a plan, when it is kept, proves this share of cases."""
    return coverage(runs, share, runs - allow) >= confidence - 1e-12


def shortfall(runs: int, allow: int, share: float, confidence: float = CONFIDENCE) -> str:
    """What a plan lacks for a claim, for people; empty when it supports it."""
    if supports(runs, allow, share, confidence):
        return ""
    needed = trials_needed(share, confidence, allow)
    most = percent(strongest_share(runs, allow, confidence))
    return (
        f"{runs} trials with {allow} allowed to miss prove {most} "
        f"of cases at most; {percent(share)} takes {needed}"
    )


def claim(trials: int, misses: int, confidence: float = CONFIDENCE) -> str:
    """The strongest claim, in words."""
    share = percent(strongest_share(trials, misses, confidence))
    missed = f", {misses} missed" if misses else ""
    counted = f"{trials} trial{'s' if trials != 1 else ''}{missed}"
    return f"in at least {share} of cases, {percent(confidence)} confidence, {counted}"


def is_decided(runs: int, allow: int, *, kept: int, missed: int) -> bool:
    """Whether the trials so far settle the plan's outcome, whatever the rest would say."""
    return missed > allow or kept >= runs - allow


def chance_to_pass(runs: int, allow: int, per_trial: float) -> float:
    """How often a system that keeps its budget with this probability keeps the plan."""
    return at_least(runs - allow, runs, per_trial)


def percent(share: float) -> str:
    """A share for people, never rounded up: 0.5493 is 54 %."""
    digits = 1 if share > 0.99 else 0
    scale = 10**digits
    return f"{int(share * 100 * scale + 1e-9) / scale:.{digits}f} %"
