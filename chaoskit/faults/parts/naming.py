"""What the faults of name resolution have in common: which names are meant."""

import re
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from chaoskit.faults.base import HeldFault, Site
from chaoskit.model.faults import Doer, Instance, Operation

_PATTERN = re.compile(r"(?=.)[A-Za-z0-9_.*?-]{1,250}")
_NAME = re.compile(r"(?=.{1,250}$)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")


@dataclass(frozen=True, kw_only=True)
class NameFault(HeldFault):
    """A held fault of what an instance is told about some names."""

    needs = ("dns",)
    family = "name resolution"

    names: str | list[str] = "*"  # names or patterns such as db*; a dot at the end is ignored
    ask: str | None = None  # a name that is meant and exists, for the proof; absent: made up

    def problems(self) -> tuple[str, ...]:
        """Names and patterns must be such, and `ask` be meant by them."""
        found = list(super().problems())
        given: Any = [self.names] if isinstance(self.names, str) else self.names
        if not isinstance(given, list) or not given:
            found.append(f"names: {given!r}; write a name such as db, or a list of names")
        elif wrong := [one for one in given if not _is_pattern(one)]:
            allowed = "letters, digits, - _ . and the wildcards * ?"
            found.append(f"names: {wrong[0]!r} is not a name or a pattern; it has {allowed}")
        if self.ask is not None and not _NAME.fullmatch(str(self.ask)):
            found.append(f"ask: {self.ask!r} is not a name; write one such as db.example.org")
        elif not found and self.ask is not None and not self._is_meant(self.ask):
            whom = ", ".join(self.patterns)
            found.append(f"ask: {self.ask!r} is not meant by names ({whom}); give one that is")
        return tuple(found)

    def _is_meant(self, name: str) -> bool:
        plain = name.rstrip(".").lower()
        return any(fnmatchcase(plain, one.rstrip(".").lower()) for one in self.patterns)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The names that are meant, as patterns."""
        return (self.names,) if isinstance(self.names, str) else tuple(self.names)

    def asked(self) -> str:
        """A name that is meant, to prove the fault with."""
        plain = [one for one in self.patterns if not set(one) & {"*", "?"}]
        return self.ask or next(iter(plain), "") or _example_of(self.patterns[0])

    @abstractmethod
    def treatment(self, instance: Instance, site: Site) -> dict[str, Any]:
        """What becomes of the queries: `mode`, and `delay_s` or `answers` where it needs them."""

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """One proxy in front of the name servers of each instance."""
        return tuple(self._operation(instance, site) for instance in picked)

    def _operation(self, instance: Instance, site: Site) -> Operation:
        treatment = {"delay_s": 0.0, "answers": [], **self.treatment(instance, site)}
        return Operation(
            doer=Doer.AGENT,
            kind="dns",
            instance=instance,
            params={"patterns": list(self.patterns), "ask": self.asked(), **treatment},
            mechanism=f"DNS proxy in the instance's network: {treatment['mode']}, {self._whom()}",
        )

    def _whom(self) -> str:
        return "every name" if "*" in self.patterns else f"names {', '.join(self.patterns)}"


def _is_pattern(text: object) -> bool:
    return isinstance(text, str) and bool(_PATTERN.fullmatch(text))


def _example_of(pattern: str) -> str:
    """A name that a pattern means: `db*` → `db-chaoskit`, `*` → `chaoskit`."""
    name = pattern.replace("?", "x").strip(".")
    joined = name.startswith("*") or ".*" in name
    return name.replace("*", "chaoskit" if joined else "-chaoskit")
