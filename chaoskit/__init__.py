"""chaoskit proves that a system heals itself: how fast, by which mechanism, how sure we are."""

__version__ = "0.1.0"
