"""Stop as soon as the evidence decides, look as often as you like, and stay honest.

Mₙ = Π (1 + λ(Xᵢ − p₀)), λ = (p₁ − p₀)/(p₀(1 − p₀)), has mean at most 1 whenever the true share is at
most p₀, at any stopping time (Ville): it reaches 1/α with probability at most α. Two of them run side
by side: one against "at most p₀ of cases" (to pass), one against "at least p₀" (to fail).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from chaoskit.stats.binomial import at_most


class Decision(StrEnum):
    """What the evidence says so far."""

    PROVEN = "proven"
    REFUTED = "refuted"
    OPEN = "open"


@dataclass(frozen=True, kw_only=True)
class EProcess:
    """Evidence about "more than `share` of cases are kept", by betting on `better` and `worse`."""

    share: float = 0.9  # p₀: what is to be proven exceeded
    better: float = 0.99  # the bet that proves it fastest when this is the truth
    worse: float = 0.5  # the bet that refutes it fastest when this is the truth
    alpha: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.worse < self.share < self.better < 1 or not 0 < self.alpha < 1:
            message = f"needs 0 < worse < share < better < 1, got {self}"
            raise ValueError(message)

    def passing(self, kept: int, missed: int) -> float:
        """Evidence against "at most `share`"."""
        return _wealth(kept, missed, self.share, self.better)

    def failing(self, kept: int, missed: int) -> float:
        """Evidence against "at least `share`"."""
        return _wealth(kept, missed, self.share, self.worse)

    def decide(self, outcomes: Iterable[bool]) -> tuple[Decision, int]:
        """The first decision, and after how many trials; later outcomes cannot take it back."""
        kept = missed = 0
        for outcome in outcomes:
            kept, missed = kept + outcome, missed + (not outcome)
            if self.passing(kept, missed) >= 1 / self.alpha:
                return Decision.PROVEN, kept + missed
            if self.failing(kept, missed) >= 1 / self.alpha:
                return Decision.REFUTED, kept + missed
        return Decision.OPEN, kept + missed


# share: (better, worse), tried out (docs/measurement.md)
_BETS = {0.5: (0.9, 0.1), 0.8: (0.95, 0.4), 0.9: (0.99, 0.5)}


def process_for(share: float, confidence: float = 0.95) -> EProcess:
    """The e-process about a share of cases, with bets that suit it."""
    better, worse = _BETS.get(share, (1 - (1 - share) / 10, share / 2))
    return EProcess(share=share, better=better, worse=worse, alpha=1 - confidence)


def clean_trials_needed(process: EProcess) -> int:
    """After how many trials without a miss it is decided."""
    return math.ceil(-math.log(process.alpha) / math.log(process.better / process.share) - 1e-12)


def mixture(kept: int, missed: int, share: float) -> float:
    """Evidence against "at most `share`" that bets on every better share alike: no tuning.

    B(s+1, f+1)·(1 − I_{p₀}(s+1, f+1)) / ((1 − p₀)·p₀ˢ(1 − p₀)ᶠ), and 1 − I is a binomial tail.
    """
    log_beta = math.lgamma(kept + 1) + math.lgamma(missed + 1) - math.lgamma(kept + missed + 2)
    log_null = kept * math.log(share) + (missed + 1) * math.log1p(-share)
    return math.exp(log_beta - log_null) * at_most(kept, kept + missed + 1, share)


def combined(values: Sequence[float]) -> float:
    """The evidence of a suite: an average of e-values is an e-value."""
    return math.fsum(values) / len(values)


def discoveries(values: Sequence[float], alpha: float = 0.05) -> tuple[int, ...]:
    """Which of several e-values may be believed together, under any dependence (e-BH)."""
    order = sorted(range(len(values)), key=lambda i: -values[i])
    enough = [k for k, i in enumerate(order, 1) if values[i] >= len(values) / (alpha * k)]
    return tuple(sorted(order[: max(enough, default=0)]))


def _wealth(kept: int, missed: int, null: float, bet: float) -> float:
    log = kept * math.log(bet / null) + missed * math.log((1 - bet) / (1 - null))
    return math.exp(min(log, 700.0))
