"""When a new release is good enough to go on, and when it must be taken back. Pure: looks in, words out.

Every replica of it is watched from its start: it must run, be healthy to HAProxy in time, and answer
its users. Whether it does can only be told of a replica that somebody uses, so a replica that is not
used fails in the end, too.
"""

from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True)
class Gate:
    """What is asked of a replica of a new release."""

    failures: int = 2  # bad looks in a row until it has failed
    healthy_within_s: float = 6.0
    soak_s: float = 2.0  # so long it must serve without a reason against it
    enough: int = 20  # requests, before it has passed
    telling: int = 15  # requests, before a share of errors means anything
    most_errors: float = 0.1  # the share of its requests that may fail
    patience_s: float = 30.0  # for all of it


@dataclass(frozen=True)
class Look:
    """A replica at one moment."""

    at_s: float
    alive: bool  # runs, and was never restarted by the engine
    up: bool = False  # for HAProxy
    asked: int | None = None  # HAProxy's counters; None when it does not know the replica
    failed: int = 0


class Finding(Enum):
    """What the looks so far say."""

    WATCH = "watch"
    PASSED = "passed"
    FAILED = "failed"


@dataclass
class Watch:
    """One replica of a new release."""

    gate: Gate
    since_s: float
    why: str = ""  # it failed
    _up_since_s: float | None = None
    _first: Look | None = field(default=None)  # with counters
    _bad: int = 0

    def take(self, look):
        """One more look."""
        if self._first is None and look.asked is not None:
            self._first = look
        if look.up and self._up_since_s is None:
            self._up_since_s = look.at_s
        reason = self._against(look)
        self._bad = self._bad + 1 if reason else 0
        if self._bad >= self.gate.failures:
            self.why = reason
            return Finding.FAILED
        if not reason and self._has_served(look):
            return Finding.PASSED
        return Finding.WATCH

    def _against(self, look):
        """What is wrong at this look; empty when nothing is."""
        gate, age_s = self.gate, look.at_s - self.since_s
        asked, failed = self._served(look)
        was_up = self._up_since_s is not None
        reasons = (
            (not look.alive, "its process ended"),
            (was_up and not look.up, "it was healthy, and is not any more"),
            (
                not look.up and age_s > gate.healthy_within_s,
                f"it is not healthy after {gate.healthy_within_s:g} s",
            ),
            (
                asked >= gate.telling and failed > gate.most_errors * asked,
                f"{failed} of its {asked} requests failed",
            ),
            (
                age_s > gate.patience_s,
                f"with {asked} requests in {gate.patience_s:g} s nobody can tell",
            ),
        )
        return next((words for wrong, words in reasons if wrong), "")

    def _served(self, look):
        """Requests since it was first seen, and how many of them failed."""
        if self._first is None or look.asked is None:
            return 0, 0
        return look.asked - self._first.asked, look.failed - self._first.failed

    def _has_served(self, look):
        if not look.up or self._up_since_s is None:
            return False
        long_enough = look.at_s - self._up_since_s >= self.gate.soak_s
        return long_enough and self._served(look)[0] >= self.gate.enough


class Step(Enum):
    """What is to be done next about a release."""

    WAIT = "wait"
    ROLL_BACK = "roll back"
    NEXT = "next"  # one more replica gets it
    ACCEPT = "accept"  # all have it: it is in force


def next_step(findings, left):
    """From what is found of the replicas that have it, and how many do not have it yet."""
    if Finding.FAILED in findings:
        return Step.ROLL_BACK
    if Finding.WATCH in findings:
        return Step.WAIT
    return Step.NEXT if left else Step.ACCEPT
