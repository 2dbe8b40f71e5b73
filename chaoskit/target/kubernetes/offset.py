"""How far a cluster's clock is from ours, and how well that is known.

Every answer of an API server carries its time in whole seconds. One answer bounds the offset to a
second and the round trip; the bounds of many answers, taken together, narrow it, because they fall
at different parts of a second. Times in statuses are placed with this, and its error goes into the
resolution of the marks made from them.
"""

import threading
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime

from chaoskit.model.marks import NS


@dataclass
class Offset:
    """The server's wall clock minus our monotonic one, as an interval. Thread-safe."""

    low_ns: int | None = None
    high_ns: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def hear(self, date: str | None, asked_ns: int, heard_ns: int) -> None:
        """Take in the `Date` of an answer that was asked for and heard at these times of ours."""
        if not date:
            return
        try:
            server_ns = round(parsedate_to_datetime(date).timestamp()) * NS
        except ValueError:
            return
        low, high = server_ns - heard_ns, server_ns + NS - asked_ns
        with self._lock:
            if self.low_ns is not None and self.high_ns is not None:
                narrowed = max(low, self.low_ns), min(high, self.high_ns)
                if narrowed[0] <= narrowed[1]:
                    low, high = narrowed  # otherwise a clock was stepped, and the past says nothing
            self.low_ns, self.high_ns = low, high

    @property
    def error_ns(self) -> int | None:
        """Half the width of the interval; None when no answer was heard yet."""
        if self.low_ns is None or self.high_ns is None:
            return None
        return (self.high_ns - self.low_ns) // 2

    def server_s(self, at_ns: int) -> int:
        """The earliest whole second that the server's clock can have shown at a time of ours."""
        return (at_ns + (self.low_ns or 0)) // NS

    def earliest_ns(self, stamp: str | None) -> int | None:
        """The earliest time of ours that a status's time can mean: it is cut to whole seconds."""
        if not stamp or self.high_ns is None:
            return None
        try:
            server = datetime.fromisoformat(stamp)
        except ValueError:
            return None
        return round(server.timestamp() * 1_000_000) * 1000 - self.high_ns
