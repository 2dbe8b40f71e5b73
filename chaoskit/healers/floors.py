"""How fast a healer can be at all: the arithmetic of timers, with the fault at a random phase.

A poller with period P that needs F failures in a row, each of which costs c (next to nothing for a
refused connection, the whole time-out for silence), notices within [(F−1)·P + c, F·P + c]. A lease of
ttl that is renewed every L runs out within [ttl − L, ttl].
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """Seconds at best, on average and at worst."""

    best_s: float
    mean_s: float
    worst_s: float

    def __post_init__(self) -> None:
        if not 0 <= self.best_s <= self.mean_s <= self.worst_s:
            message = f"needs 0 <= best <= mean <= worst, got {self}"
            raise ValueError(message)

    def __add__(self, other: "Span") -> "Span":
        """One after the other."""
        return Span(
            self.best_s + other.best_s, self.mean_s + other.mean_s, self.worst_s + other.worst_s
        )


@dataclass(frozen=True, kw_only=True)
class Floor:
    """What a healer's settings allow, in seconds from the effect of one fault.

    `best` cannot be undercut by a healer that works as it is set: what was measured below it is a
    mistake of the measurement, of the fault, or of the settings as they were declared.
    """

    detection: Span  # until it has noticed
    action: Span | None = None  # until it has acted, detection included; None: it does not say
    uniform: bool = False  # every detection between best and worst is equally likely
    why: str = ""  # the formula, with its numbers


def exactly(seconds: float) -> Span:
    """No matter when the fault strikes."""
    return Span(seconds, seconds, seconds)


def uniform(low_s: float, high_s: float) -> Span:
    """Anything between the two, all equally likely."""
    return Span(low_s, (low_s + high_s) / 2, high_s)


def polled(period_s: float, failures: int, cost_s: float = 0.0) -> Span:
    """A poller whose looks begin every period, whatever the last one cost."""
    return uniform((failures - 1) * period_s + cost_s, failures * period_s + cost_s)


def lease(ttl_s: float, renewed_every_s: float) -> Span:
    """A lease that its holder stops to renew."""
    return uniform(ttl_s - renewed_every_s, ttl_s)


def doubled(first_s: float, times: int, cap_s: float) -> float:
    """A back-off that doubles: the wait before attempt number `times`, counted from 1."""
    # Beyond 2**60 every cap is reached; the power must not grow with a count from a journal.
    return min(cap_s, first_s * 2.0 ** min(times - 1, 60))
