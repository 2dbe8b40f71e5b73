"""How many instances of each service are in service, as the witnesses counted them."""

from collections.abc import Iterable, Iterator

from chaoskit.model.marks import Mark


def strength_after(marks: Iterable[Mark]) -> Iterator[tuple[Mark, tuple[str, ...]]]:
    """Each REDUNDANCY mark, and the services below full strength from then, as `web 2 of 3`."""
    latest: dict[str, Mark] = {}
    for mark in marks:
        latest[mark.service] = mark
        yield (
            mark,
            tuple(
                f"{service or 'instances'} {one.data.get('have', 0)} of {one.data.get('want', 0)}"
                for service, one in latest.items()
                if one.data.get("have", 0) < one.data.get("want", 0)
            ),
        )


def weak_now(marks: Iterable[Mark]) -> tuple[str, ...]:
    """The services below full strength after all these REDUNDANCY marks."""
    return next(reversed([weak for _, weak in strength_after(marks)]), ())
