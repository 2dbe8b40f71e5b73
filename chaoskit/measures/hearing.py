"""How much of a span the cluster did not tell: what happened then, no mark may ever show."""

from collections.abc import Iterable

from chaoskit.model.marks import Mark


def not_heard_ns(notes: Iterable[Mark], begin_ns: int, end_ns: int) -> int:
    """Nanoseconds of the span in which at least one watch of the cluster was not heard."""
    since: dict[str, int] = {}
    gaps: list[tuple[int, int]] = []
    for mark in notes:
        if path := mark.data.get("deaf"):
            since.setdefault(path, mark.at_ns - mark.resolution_ns)
        elif (path := mark.data.get("heard")) in since:
            gaps.append((since.pop(path), mark.at_ns))
    gaps += [(one, end_ns) for one in since.values()]
    total, reached = 0, begin_ns
    for low, high in sorted(gaps):
        begin, end = max(low, reached), min(high, end_ns)
        if end > begin:
            total, reached = total + end - begin, end
    return total
