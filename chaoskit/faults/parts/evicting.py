"""What the faults that evict share: how long a disruption budget may hold an eviction up."""

from chaoskit.model.quantities import parse_duration

LONGEST_S = 120.0


def wrong_patience(patience: str) -> tuple[str, ...]:
    """What is wrong with a time in which an eviction that was refused is asked for again."""
    try:
        patience_s = parse_duration(patience)
    except ValueError as error:
        return (f"patience: {error}",)
    if 0 <= patience_s <= LONGEST_S:
        return ()
    return (f"patience: {patience!r}; 0s to {LONGEST_S:g}s are possible",)
