"""What an outage costs of a promise to users: formulas of error budgets and burn rates.

With a constant rate of requests, a share of bad requests is a share of bad time: an outage spends its
severity-weighted seconds, ∫ e(t) dt with e(t) the share of bad answers, of the (1 − SLO)·W seconds
that may be bad in a window W. (Google, The Site Reliability Workbook, chapters 2 and 5.)
"""

import math
from dataclasses import dataclass

DAY_S = 86_400.0
WINDOW_S = 30 * DAY_S
YEAR_S = 365 * DAY_S

# A floor such as ⌊99.99999999⌋ is decided as exact arithmetic would.
_DUST = 1e-9


@dataclass(frozen=True, kw_only=True)
class Alert:
    """Fires when the budget burned `rate` times too fast over the last `over_s` seconds."""

    rate: float
    over_s: float
    pages: bool  # wakes somebody up; otherwise it is a ticket


# The workbook's recommendation: 2 % of a 30-day budget in 1 h, 5 % in 6 h, 10 % in 3 days.
FAST = Alert(rate=14.4, over_s=3600.0, pages=True)
SLOW = Alert(rate=6.0, over_s=6 * 3600.0, pages=True)
TICKET = Alert(rate=1.0, over_s=3 * DAY_S, pages=False)


def budget_s(objective: float, window_s: float = WINDOW_S) -> float:
    """Seconds of a window that may be bad; `objective` is a share such as 0.999."""
    if not 0 < objective < 1 or window_s <= 0:
        message = f"no error budget for an objective of {objective} over {window_s} s"
        raise ValueError(message)
    return (1 - objective) * window_s


def spend(bad_s: float, objective: float, window_s: float = WINDOW_S) -> float:
    """The share of a window's budget that so many severity-weighted seconds spend."""
    return bad_s / budget_s(objective, window_s)


def affordable(bad_s: float, objective: float, window_s: float = WINDOW_S) -> float:
    """How many such outages a window's budget pays for; infinite when one costs nothing."""
    return budget_s(objective, window_s) / bad_s if bad_s > 0 else math.inf


def affordable_whole(bad_s: float, objective: float, window_s: float = WINDOW_S) -> int | None:
    """The same in whole outages; None: any number."""
    exact = affordable(bad_s, objective, window_s)
    return None if math.isinf(exact) else math.floor(exact + _DUST)


def burn_rate(bad_s: float, over_s: float, objective: float) -> float:
    """How many times too fast the budget burned over the last `over_s` seconds."""
    return min(bad_s, over_s) / over_s / (1 - objective)


def needed_s(alert: Alert, objective: float) -> float | None:
    """Bad seconds that fire an alert; None when not even a complete outage can.

    A complete outage burns 1/(1 − SLO) times too fast: below an SLO of 93.1 % never 14.4 times. The
    alert's short window (a twelfth of the long one) is full by then, so the long one decides.
    """
    seconds = alert.rate * (1 - objective) * alert.over_s
    return seconds if seconds <= alert.over_s else None


def fires(alert: Alert, bad_s: float, objective: float) -> bool:
    """Whether one such outage alone fires an alert."""
    needed = needed_s(alert, objective)
    return needed is not None and bad_s >= needed * (1 - _DUST)


def recovery_budget_s(
    objective: float, *, faults: float, share: float = 1.0, window_s: float = WINDOW_S
) -> float:
    """The longest outage of each of `faults` in a window that may together spend `share` of it."""
    if faults <= 0 or not 0 < share <= 1:
        message = f"no recovery budget for {faults} faults that may spend a share of {share}"
        raise ValueError(message)
    return share * budget_s(objective, window_s) / faults


def yearly_s(bad_s: float, *, faults: float, window_s: float = WINDOW_S) -> float:
    """Bad seconds to expect in a year of `faults` such outages in every window."""
    return bad_s * faults * YEAR_S / window_s


def availability(bad_s: float, *, faults: float, window_s: float = WINDOW_S) -> float:
    """The availability that so many such outages leave: 1 − λ·MTTR."""
    return max(0.0, 1 - faults * bad_s / window_s)
