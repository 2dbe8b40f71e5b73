"""What a list of writes and one reading back say about a store: lost, recovered, unexpected, duplicated.

After Jepsen's checkers `set` and `total-queue`. A write that got no answer may be there or not:
neither says anything against the store. One that was refused must not be there.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Values, in order; as often as it happened to them."""

    lost: tuple[int, ...]  # acknowledged, and not there
    recovered: tuple[int, ...]  # without an answer, and there
    unexpected: tuple[int, ...]  # there, and refused or never written
    duplicated: tuple[int, ...]  # there more often than written: the copies too many


def check_set(
    attempts: Iterable[int],
    acked: Iterable[int],
    indeterminate: Iterable[int],
    final: Iterable[int],
) -> Findings:
    """A store that keeps every value: each is written once, and is there once.

    `final` is everything that was read back, as often as it was there.
    """
    there = Counter(final)
    promised = set(acked)
    possible = set(attempts) & (promised | set(indeterminate))
    copies = Counter({one: count - 1 for one, count in there.items() if one in possible})
    return Findings(
        lost=_ordered(promised - there.keys()),
        recovered=_ordered((there.keys() & possible) - promised),
        unexpected=_ordered(there.keys() - possible),
        duplicated=_ordered(copies.elements()),
    )


def check_queue(
    attempts: Iterable[int],
    acked: Iterable[int],
    indeterminate: Iterable[int],
    final: Iterable[int],
) -> Findings:
    """A queue that hands every value out: multisets, so the same value may be enqueued twice.

    `final` is everything that came out, as often as it came. The queue must have been drained.
    """
    tried, promised, out = Counter(attempts), Counter(acked), Counter(final)
    possible = tried & (promised + Counter(indeterminate))
    expected = Counter({one: count for one, count in out.items() if one in possible})
    return Findings(
        lost=_ordered((promised - out).elements()),
        recovered=_ordered(((expected & possible) - promised).elements()),
        unexpected=_ordered((out - expected).elements()),
        duplicated=_ordered((expected - possible).elements()),
    )


def _ordered(values: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(values))
