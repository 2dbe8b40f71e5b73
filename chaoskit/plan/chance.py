"""The one place that makes random numbers: from the seed and the names of what they decide.

Derived by names and not by order, so that adding an experiment changes no other one's chances.
"""

import hashlib
from random import Random


def chance(seed: int, *names: str | int) -> Random:
    """A source of random numbers of its own for what the names name."""
    key = "\0".join([str(seed), *map(str, names)])
    return Random(hashlib.sha256(key.encode()).digest())
