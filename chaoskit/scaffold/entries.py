"""Where users reach the application, and which of its addresses a probe should ask."""

import re
from dataclasses import dataclass

from chaoskit.scaffold.guess import Kind, scheme_of
from chaoskit.scaffold.survey import Seen, Survey

_WEB = ("http", "https")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A port that becomes an entrypoint of the target."""

    name: str  # web_url
    service: str
    port: int
    scheme: str
    front: bool  # users come in here, so the hypothesis may ask it

    @property
    def web(self) -> bool:
        """Whether it is asked by HTTP."""
        return self.scheme in _WEB


def find_entries(survey: Survey) -> tuple[Entry, ...]:
    """Every port that can be asked from outside; none when no service publishes or exposes one."""
    reachable = [one for one in survey.services if one.own_network and not one.one_shot]
    published = [(one, port) for one in reachable for port in one.published]
    found = published or [(one, port) for one in reachable for port in one.exposed]
    fronts = _fronts(found)
    return tuple(
        Entry(
            name=_name(one, port, found),
            service=one.name,
            port=port,
            scheme=scheme_of(port, one.kind),
            front=(one.name, port) in fronts,
        )
        for one, port in found
    )


def asked_for(service: str, entries: tuple[Entry, ...], survey: Survey) -> tuple[Entry, ...]:
    """The fronts that a fault in this service could reach; all fronts when none needs it."""
    fronts = tuple(one for one in entries if one.front)
    near = tuple(one for one in fronts if service in survey.reached_from(one.service))
    return near or fronts


def _fronts(found: list[tuple[Seen, int]]) -> set[tuple[str, int]]:
    """What users use: pages of applications and proxies before databases, tools last of all."""
    levels: list[set[tuple[str, int]]] = [set(), set(), set()]
    for one, port in found:
        scheme = scheme_of(port, one.kind)
        if scheme == "https" and any(
            scheme_of(other, one.kind) == "http" for other in one.published
        ):
            continue  # the same pages, with a certificate that nobody here can verify
        level = 2 if one.kind is Kind.TOOL else int(one.kind.keeps_data or scheme not in _WEB)
        levels[level].add((one.name, port))
    return next((level for level in levels if level), set())


def _name(one: Seen, port: int, found: list[tuple[Seen, int]]) -> str:
    """`web_url`, or `web_8081_url` for the second port of a service."""
    word = re.sub(r"\W", "_", one.name)
    first = next(other for service, other in found if service is one)
    return f"{word}_url" if port == first else f"{word}_{port}_url"
