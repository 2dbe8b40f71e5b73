"""Collects every mistake of a file, so that its author sees them all at once."""

from collections.abc import Iterable
from typing import Protocol

from chaoskit.errors import InputError, Problem


class Placed(Protocol):
    """Anything that knows where in its file it stands."""

    @property
    def line(self) -> int:
        """1-based."""
        ...

    @property
    def column(self) -> int:
        """1-based."""
        ...


class Report:
    """The mistakes found so far in one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._problems: dict[Problem, None] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """In order of their places; the same mistake is told once."""
        return tuple(sorted(self._problems))

    def add(self, place: Placed | None, message: str, hint: str = "") -> None:
        """Note a mistake at a place, or in the file as a whole."""
        line, column = (place.line, place.column) if place is not None else (0, 0)
        problem = Problem(file=self.file, line=line, column=column, message=message, hint=hint)
        self._problems[problem] = None

    def take(self, problems: Iterable[Problem]) -> None:
        """Note mistakes that were found in a file that this one names."""
        self._problems.update(dict.fromkeys(problems))

    def raise_if_any(self) -> None:
        """Raise an InputError with every mistake, if there is one."""
        if self._problems:
            raise InputError(self.problems)


def suggest(word: str, choices: Iterable[str], label: str = "choose from") -> str:
    """A hint: "did you mean" when one choice is close, and the choices that there are."""
    import difflib  # noqa: PLC0415  # 2 ms that a correct file never needs

    names = list(choices)
    listed = f"{label} {', '.join(names)}" if names else "there are none"
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}? ({listed})" if near else listed
