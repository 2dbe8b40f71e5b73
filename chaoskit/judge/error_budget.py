"""What the outages of an experiment cost of the promise to users, and whether anybody would be paged."""

from collections.abc import Sequence
from dataclasses import replace

from chaoskit.model.experiment import Slo
from chaoskit.model.journal import ErrorBudget, TrialJudgement
from chaoskit.model.measures import Measured
from chaoskit.model.quantities import format_duration
from chaoskit.stats.error_budget import DAY_S, FAST, affordable_whole, fires, needed_s, spend

MEASURE = "weighted_outage"


def error_budget(slo: Slo | None, judged: Sequence[TrialJudgement]) -> ErrorBudget | None:
    """The cost of one such fault, from the valid trials; None without an SLO, or without a number.

    Budgets add up, so the mean counts, of the unbiased middles. Outages that were not seen to end are
    never averaged: then the longest that was seen is the least that one spends.
    """
    found = [one for one in (trial.measured(MEASURE) for trial in judged) if one is not None]
    known = [one for one in found if one.low is not None]
    if slo is None or not known:
        return None
    worst_s = max(_worse_end(one) for one in known)
    more = any(one.censored for one in known)
    middles = [one.middle for one in known if one.middle is not None]
    spent_s = worst_s if more else sum(middles) / len(middles)
    facts = ErrorBudget(
        objective=slo.objective,
        window_s=slo.window_s,
        trials=len(known),
        spent_s=spent_s,
        worst_s=worst_s,
        more=more,
        share=spend(spent_s, slo.objective, slo.window_s),
        affordable=affordable_whole(spent_s, slo.objective, slo.window_s),
        paging=sum(fires(FAST, _worse_end(one), slo.objective) for one in known),
        page_needs_s=needed_s(FAST, slo.objective),
        sentence="",
    )
    parts = [_spends(facts), _affords(facts), _pages(facts)]
    return replace(facts, sentence="; ".join(part for part in parts if part))


def _worse_end(measured: Measured) -> float:
    value = measured.low if measured.censored else measured.high
    return value or 0.0


def _spends(facts: ErrorBudget) -> str:
    name = f"a {100 * facts.objective:.6g} % {_window(facts.window_s)} error budget"
    if facts.spent_s == 0 and not facts.more:
        return f"this fault spends nothing of {name}"
    least = "more than " if facts.more else ""
    return f"this fault spends {least}{_percent(facts.share)} of {name}"


def _affords(facts: ErrorBudget) -> str:
    if facts.affordable is None:
        return ""
    if facts.affordable == 0:
        return "not one of them is affordable"
    most = "at most " if facts.more else ""
    are = "is" if facts.affordable == 1 else "are"
    return f"{most}{facts.affordable:,} of them {are} affordable"


def _pages(facts: ErrorBudget) -> str:
    if facts.page_needs_s is None:
        return f"no outage is long enough to page ({FAST.rate:g} times the budget's pace over 1 h)"
    needs = f"{_seconds(facts.page_needs_s)} are needed"
    if not facts.paging:
        would = "nobody can tell whether it would page" if facts.more else "it would not page"
        return f"{would} ({needs})"
    if facts.paging == facts.trials:
        return f"it would page ({needs})"
    return f"it would page in {facts.paging} of {facts.trials} trials ({needs})"


def _window(window_s: float) -> str:
    days = window_s / DAY_S
    named = {30.0: "monthly", 7.0: "weekly", 1.0: "daily"}.get(days)
    return named or (f"{days:g}-day" if days > 1 else format_duration(window_s))


def _percent(share: float) -> str:
    """Two digits; `1.0 %`, `0.10 %`, `100 %`."""
    percent = 100 * share
    if percent >= 9.95:
        return f"{percent:,.0f} %"
    digits = 1 if percent >= 0.995 else 2
    return f"{percent:.{digits}f} %" if percent >= 0.005 else "less than 0.01 %"


def _seconds(seconds: float) -> str:
    """`51.8 s`; not rounded to whole minutes, for this is a threshold."""
    return f"{seconds:.3g} s" if seconds < 1000 else f"{seconds:,.0f} s"
