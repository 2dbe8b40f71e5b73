"""What the HTTP faults have in common: which requests are meant."""

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site
from chaoskit.faults.parts.proxied import ProxyFault
from chaoskit.model.faults import Instance, Operation
from chaoskit.model.quantities import parse_ratio

SIDES = ("request", "answer")
_METHOD = re.compile(r"[A-Z]+")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, kw_only=True)
class HttpFault(ProxyFault):
    """A held fault of HTTP/1.1 requests: of all of them, when nothing else is said."""

    family = "HTTP"
    bodiless: ClassVar[str] = ""  # why requests without a body in their answer are no use; or ""

    share: str | float = "100%"  # of the requests that match, drawn with the seed
    first: int | None = None  # only the first so many requests that match; absent: all of them
    method: str | list[str] | None = None  # such as GET, or a list; absent: every one
    path: str | list[str] | None = None  # a pattern such as /api/*, without the query; or a list
    header: dict[str, str] | None = None  # name: pattern; all of them must match

    @abstractmethod
    def effect(self) -> Mapping[str, Any]:
        """What is done to a request that is hit: see chaoskit.agent.proxying.http_effects."""

    @abstractmethod
    def words(self) -> str:
        """The effect for people, in a few words."""

    def problems(self) -> tuple[str, ...]:
        """The filter must be able to hit something."""
        found = [*super().problems(), *self._wrong_share(), *self._wrong_methods()]
        if wrong := [one for one in _listed(self.path) if not _is_path(one)]:
            found.append(f"path: {wrong[0]!r}; write one that begins with / or *, such as /api/*")
        if self.header is not None and not are_headers(self.header):
            found.append(f"header: {self.header!r}; write names and patterns: {{x-user: 'test-*'}}")
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """One proxy for each instance."""
        wanted = {
            "share": parse_ratio(self.share),
            "first": self.first,
            "methods": _listed(self.method),
            "paths": _listed(self.path),
            "headers": self.header or {},
        }
        harm = {"effect": dict(self.effect()), "filter": wanted}
        return self.proxied(picked, site, harm=harm, words=self.words())

    def _wrong_share(self) -> list[str]:
        found = []
        try:
            if parse_ratio(self.share) == 0:
                found.append(
                    "share: 0 hits no request; give more than that, or leave the fault out"
                )
        except ValueError as error:
            found.append(f"share: {error}")
        if self.first is not None and (not _is_whole(self.first) or self.first < 1):
            found.append(f"first: {self.first!r}; give a whole number of requests, 1 or more")
        return found

    def _wrong_methods(self) -> list[str]:
        found = []
        methods = _listed(self.method)
        if wrong := [one for one in methods if not _METHOD.fullmatch(str(one))]:
            found.append(f"method: {wrong[0]!r}; write it in capitals, such as GET")
        elif "CONNECT" in methods:
            found.append("method: CONNECT opens a tunnel, which is passed on as it is")
        elif methods == ["HEAD"] and self.bodiless:
            found.append(f"method: {self.bodiless}")
        return found


def wrong_side(side: str) -> tuple[str, ...]:
    """What is wrong with the side of an exchange that a fault is done at."""
    return () if side in SIDES else (f"side: {side!r}; choose from {', '.join(SIDES)}",)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_path(value: object) -> bool:
    return isinstance(value, str) and value[:1] in {"/", "*"} and not re.search(r"[\s#]", value)


def are_headers(value: object) -> bool:
    """Whether these are names with patterns that fit on one line."""
    return isinstance(value, dict) and all(
        isinstance(name, str)
        and _HEADER.fullmatch(name)
        and isinstance(text, str)
        and not re.search(r"[\r\n]", text)
        for name, text in value.items()
    )
