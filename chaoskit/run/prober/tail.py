"""Follows a samples file while the prober writes it, without reading anything twice."""

from pathlib import Path

import numpy as np

from chaoskit.model.timeline import SAMPLE_DTYPE, Samples, no_samples


class Tail:
    """What was appended since the last look."""

    def __init__(self, path: Path) -> None:
        """The file need not exist yet."""
        self._path = path
        self._read_bytes = 0

    def new(self) -> Samples:
        """Samples that are new, in the order in which they were finished; often none."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read_bytes)
                raw = file.read()
        except FileNotFoundError:
            return no_samples()
        whole = len(raw) // SAMPLE_DTYPE.itemsize
        self._read_bytes += whole * SAMPLE_DTYPE.itemsize
        return np.frombuffer(raw, dtype=SAMPLE_DTYPE, count=whole)
