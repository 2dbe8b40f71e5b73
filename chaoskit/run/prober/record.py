"""Samples on their way to disk: the bytes of SAMPLE_DTYPE, written without numpy.

A record is buffered for at most 50 ms. One write carries whole records, so a reader, or what is left
after a SIGKILL, never has to guess.
"""

import os
import struct
from pathlib import Path

from chaoskit.model.outcomes import Outcome

# due, sent, done, k, detail, probe, track, outcome, reason, reserved
RECORD = struct.Struct("<qqqIiHBBHH")
_FLUSH_AFTER_NS = 50_000_000
_FLUSH_BYTES = 256 * RECORD.size
NEVER = (1 << 63) - 1


class SampleFile:
    """The file that one trial's samples are appended to."""

    def __init__(self, path: Path) -> None:
        """Begins the file anew. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o644)
        self._pending = bytearray()
        self.flush_at_ns = NEVER

    def append(self, record: bytes, now_ns: int) -> None:
        """Take one packed record."""
        if not self._pending:
            self.flush_at_ns = now_ns + _FLUSH_AFTER_NS
        self._pending += record
        if len(self._pending) >= _FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is pending. Raises OSError when the disk is full."""
        while self._pending:
            written = os.write(self._fd, self._pending)
            del self._pending[:written]
        self.flush_at_ns = NEVER

    def close(self) -> None:
        """Write the rest and close."""
        self.flush()
        os.close(self._fd)


class Tally:
    """Counts of what was sampled, and how late asks began: a histogram of microseconds."""

    _BUCKETS = 200_001  # up to 0.2 s; what is later lands in the last one

    def __init__(self) -> None:
        self.outcomes = dict.fromkeys(Outcome, 0)
        self.late = 0
        self.no_slot = 0
        self._lags = [0] * self._BUCKETS
        self._asked = 0
        self._worst_ns = 0

    def lag(self, lag_ns: int) -> None:
        """Note by how much an ask began after it was due."""
        self._lags[min(max(lag_ns, 0) // 1000, self._BUCKETS - 1)] += 1
        self._asked += 1
        self._worst_ns = max(self._worst_ns, lag_ns)

    def lag_quantile_s(self, q: float) -> float:
        """The upper edge of the microsecond in which the quantile lies; the worst beyond 0.2 s."""
        rank, seen = q * self._asked, 0
        for bucket, count in enumerate(self._lags[:-1]):
            seen += count
            if count and seen >= rank:
                return min((bucket + 1) * 1e-6, self.worst_s)
        return self.worst_s

    @property
    def worst_s(self) -> float:
        """The longest lag."""
        return self._worst_ns / 1e9

    def report(self) -> dict[str, float]:
        """The reply to `end`."""
        return {
            "asked": sum(self.outcomes.values()),
            "good": self.outcomes[Outcome.GOOD],
            "bad": self.outcomes[Outcome.BAD],
            "unknown": self.outcomes[Outcome.UNKNOWN],
            "late": self.late,
            "no_slot": self.no_slot,
            "send_lag_p50_s": self.lag_quantile_s(0.50),
            "send_lag_p99_s": self.lag_quantile_s(0.99),
            "send_lag_max_s": self.worst_s,
        }
