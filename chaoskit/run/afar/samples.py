"""A trial's samples as they come from afar: moved to our clock, and filled up with UNKNOWN at the end.

What was asked and never reached us may have been good or bad. Leaving it out would make the outage in
which it was lost look shorter than it was.
"""

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from chaoskit.model.evidence import read_samples
from chaoskit.model.outcomes import Outcome, Reason
from chaoskit.model.timeline import SAMPLE_DTYPE, Samples, no_samples


class AfarLane(NamedTuple):
    """What one probe is asked when, in our time."""

    probe: int
    track: int
    first_ns: int
    period_ns: int


@dataclass
class Incoming:
    """The local copy of one remote samples file."""

    path: Path
    number: int  # of the order that began it: the remote file's name
    offset_ns: int  # their clock minus ours, as it is taken to be
    received_bytes: int = field(default=0, init=False)
    _full: bool = field(default=False, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"")

    @property
    def count(self) -> int:
        """Samples that have come."""
        return self.received_bytes // SAMPLE_DTYPE.itemsize

    def take(self, data: bytes) -> None:
        """Append what comes next in the remote file; a torn record at the end is asked for again."""
        whole = len(data) // SAMPLE_DTYPE.itemsize * SAMPLE_DTYPE.itemsize
        if not whole:
            return
        samples = np.frombuffer(data[:whole], dtype=SAMPLE_DTYPE).copy()
        samples["due"] -= self.offset_ns
        samples["done"] -= self.offset_ns
        samples["sent"][samples["sent"] > 0] -= self.offset_ns
        with self._lock:
            if not self._full:  # else it comes after it was given up
                self._append(samples)
                self.received_bytes += whole

    def fill_up(self, lanes: Sequence[AfarLane], until_ns: int) -> int:
        """Append UNKNOWN for every ask that was due by then and did not come; how many."""
        with self._lock:
            self._full = True
            seen = read_samples(self.path)
            lost = [_lost(lane, seen, until_ns) for lane in lanes]
            self._append(np.concatenate([no_samples(), *lost]))
        return sum(map(len, lost))

    def _append(self, samples: Samples) -> None:
        with self.path.open("ab", buffering=0) as file:
            data = memoryview(samples.tobytes())
            while data:
                data = data[os.write(file.fileno(), data) :]


def _lost(lane: AfarLane, seen: Samples, until_ns: int) -> Samples:
    mine = seen[(seen["probe"] == lane.probe) & (seen["track"] == lane.track)]
    due = np.arange(max(0, (until_ns - lane.first_ns) // lane.period_ns + 1))
    numbers = np.setdiff1d(due, mine["k"])
    lost = np.zeros(len(numbers), dtype=SAMPLE_DTYPE)
    lost["k"] = numbers
    lost["due"] = lane.first_ns + numbers * lane.period_ns
    lost["done"] = until_ns
    lost["probe"], lost["track"] = lane.probe, lane.track
    lost["outcome"], lost["reason"] = Outcome.UNKNOWN, Reason.LOST
    return lost
