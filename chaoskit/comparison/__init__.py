"""Whether a build heals slower than the one before: every measure of every experiment, side by side.

    two journals ─▶ two sides ─▶ a test for each measure ─▶ Holm over the suite ─▶ what can be said

A regression must be significant among all the tests that were made, and its interval must lie beyond
what matters. "The same" takes evidence as well: an interval that is narrow enough. Everything between
is "cannot tell", which is what few trials mostly say.
"""

from chaoskit.comparison.sides import read_side, side_of
from chaoskit.comparison.suite import compare

__all__ = ["compare", "read_side", "side_of"]
