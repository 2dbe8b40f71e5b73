"""In which share of cases: exact bounds on a probability from a few trials (Clopper-Pearson)."""

from chaoskit.stats.binomial import at_least, at_most, bisect


def lower_bound(successes: int, trials: int, confidence: float = 0.95) -> float:
    """The share that the true probability exceeds, with this confidence (one-sided, exact)."""
    _check(successes, trials)
    if successes == 0:
        return 0.0
    if successes == trials:
        return float((1.0 - confidence) ** (1.0 / trials))
    return bisect(lambda p: at_least(successes, trials, p), 1.0 - confidence)


def upper_bound(successes: int, trials: int, confidence: float = 0.95) -> float:
    """The share that the true probability stays below, with this confidence (one-sided, exact)."""
    _check(successes, trials)
    if successes == trials:
        return 1.0
    return bisect(lambda p: 1.0 - at_most(successes, trials, p), confidence)


def _check(successes: int, trials: int) -> None:
    if trials < 1 or not 0 <= successes <= trials:
        message = f"{successes} successes of {trials} trials is not possible"
        raise ValueError(message)
