"""How long users waited for an answer: what the latency measures have in common."""

from typing import TYPE_CHECKING

from chaoskit.measures.base import Measure
from chaoskit.model.marks import NS
from chaoskit.model.measures import Measured, Sense, Unit
from chaoskit.model.outcomes import Outcome, Reason

if TYPE_CHECKING:
    from chaoskit.measures.series import Series


class Latency(Measure):
    """A quantile of the time to an answer, during the watch, from the ask's intended time.

    The intended time, not the time of sending: when the harness had to wait, so did a user. The
    lower end is from the time of sending. An ask that timed out waited at least that long; one that
    was refused got no answer and has no latency.
    """

    unit = Unit.SECONDS
    sense = Sense.AT_MOST
    quantile: float

    def of_watch(self, series: "Series") -> Measured:
        """Seconds."""
        asks = series.asks
        timed_out = (asks["outcome"] == Outcome.BAD) & (asks["reason"] == Reason.TIMEOUT)
        answered = (asks["outcome"] == Outcome.GOOD) | (
            (asks["outcome"] == Outcome.BAD) & (asks["reason"] == Reason.TOLERANCE)
        )
        count = int(answered.sum()) + int(timed_out.sum())
        if not count:
            return self.unknown("no ask of the watch was answered")
        replies = asks[answered]
        rank = max(0, -int(-self.quantile * count // 1) - 1)  # the smallest with this share below
        if rank >= len(replies):
            timeout_s = series.timeline.timeout_ns / NS
            return self.censored(timeout_s, note="so many asks timed out")
        from_due = replies["done"] - replies["due"]
        from_sent = from_due - (replies["sent"] - replies["due"]).clip(min=0)
        for waits in (from_due, from_sent):
            waits.partition(rank)
        return self.interval(
            max(0.0, float(from_sent[rank]) / NS),
            max(0.0, float(from_due[rank]) / NS),
        )
