"""How far a prober's monotonic clock is from ours, and how well that is known.

Its clock is read between a question and an answer of ours: a round trip is an interval that holds the
truth, whatever the ways there and back took. Intervals of many round trips are intersected, widened by
what two clocks can drift apart in between. The narrowest ways decide, not the average ones.

A trial's samples are all moved by one offset, so that their distances stay what the prober measured.
How wrong it was at worst, drift included, is the trial's error.
"""

from dataclasses import dataclass, field

# A kernel slews its clock by at most 500 parts in a million, and a quartz is off by some 100. Two may
# do so in opposite directions; beyond that a clock was not slewed, it stood still or was set.
_DRIFT_PPM = 1500


class ClockJumped(Exception):
    """A machine was suspended, or is not the one that it was: times before and after do not compare."""


@dataclass
class ClockBounds:
    """Their clock minus ours, in nanoseconds, as an interval that holds the truth."""

    offset_ns: int = 0  # the one that is used
    _interval: tuple[int, int] | None = field(default=None, init=False)
    _asked_ns: int = field(default=0, init=False)  # when the newest reading was asked for
    _worst_ns: int = field(default=0, init=False)

    def hear(self, asked_ns: int, theirs_ns: int, heard_ns: int) -> None:
        """Take in their time, asked for and heard at these times of ours. Raises ClockJumped."""
        low, high = theirs_ns - heard_ns, theirs_ns - asked_ns
        before = self._interval
        if before is not None:
            drift_ns = _drift_ns(heard_ns - self._asked_ns)
            low, high = max(low, before[0] - drift_ns), min(high, before[1] + drift_ns)
            if low > high:
                message = (
                    f"the clock of the prober's machine went {(low - high) / 1e6:.1f} ms astray of "
                    "ours at once"
                )
                raise ClockJumped(message)
            # Between two readings the truth strays furthest half-way.
            halfway_ns = max(self._error_ns(before), self._error_ns((low, high))) + drift_ns // 2
            self._worst_ns = max(self._worst_ns, halfway_ns)
        self._interval, self._asked_ns = (low, high), asked_ns

    def fix(self) -> None:
        """Use the middle of what is known now, and begin anew with its error."""
        assert self._interval is not None, "no reading was heard"
        low, high = self._interval
        self.offset_ns = (low + high) // 2
        self._worst_ns = self._error_ns(self._interval)

    @property
    def error_ns(self) -> int:
        """How wrong the offset may have been at worst since it was fixed."""
        return self._worst_ns

    def _error_ns(self, interval: tuple[int, int]) -> int:
        return max(interval[1] - self.offset_ns, self.offset_ns - interval[0]) + 1


def _drift_ns(elapsed_ns: int) -> int:
    return elapsed_ns * _DRIFT_PPM // 1_000_000 + 1
