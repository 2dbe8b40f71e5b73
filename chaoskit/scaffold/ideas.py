"""Experiments worth trying on an application, in the order of what they are likely to teach.

Learning is surprise times reach, and less for each further experiment of a kind. Surprise says how
often the answer differs from what the people who run such a system expect; it is our judgement, not a
measurement. Reach says how much of the application hangs on the service.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from chaoskit.scaffold import words
from chaoskit.scaffold.entries import Entry, asked_for
from chaoskit.scaffold.guess import Kind
from chaoskit.scaffold.survey import Seen, Survey
from chaoskit.scaffold.words import Story

RESTART = "docker-restart"

_RECOVERY_S = 10.0
_BASE_WATCH_S = 20.0
_LONGEST_WATCH_S = 90.0
_REACH_FRONT, _REACH_NEEDED, _REACH_ASIDE = 3, 3, 1
_AGAIN = 0.7  # what a further experiment of the same kind is still worth
_HIGH, _MEDIUM = 9, 5


@dataclass(frozen=True, kw_only=True)
class Idea:
    """One experiment, not yet written down."""

    slug: str
    fault: str
    arguments: Mapping[str, str]
    story: Story
    asked: tuple[Entry, ...]
    budgets: Mapping[str, str]
    watch_s: float
    learning: float
    healed_by: tuple[str, ...] = ()
    ledger: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """How much it is likely to teach."""
        if self.learning >= _HIGH:
            return "high"
        return "medium" if self.learning >= _MEDIUM else "low"


def think(survey: Survey, entries: tuple[Entry, ...]) -> tuple[Idea, ...]:
    """Every idea, the most instructive first; ties keep the order of the services."""
    found: list[Idea] = []
    for one in survey.services:
        if one.one_shot or one.kind is Kind.TOOL:
            continue
        context = _Context(one=one, survey=survey, entries=entries)
        found += [*context.ends(), *context.hangs(), *context.data(), *context.needs()]
    return tuple(_in_order(found))


def _in_order(ideas: list[Idea]) -> Iterator[Idea]:
    """The best one, then the best one of what is left: the second hang teaches less than the first."""
    left, seen = list(ideas), Counter[str]()
    while left:
        best = max(left, key=lambda idea: idea.learning * _AGAIN ** seen[idea.fault])
        yield replace(best, learning=best.learning * _AGAIN ** seen[best.fault])
        seen[best.fault] += 1
        left.remove(best)


@dataclass(frozen=True, kw_only=True)
class _Context:
    """One service, and what is around it."""

    one: Seen
    survey: Survey
    entries: tuple[Entry, ...]

    def ends(self) -> Iterator[Idea]:
        """Its process dies."""
        one = self.one
        healed = (RESTART,) if one.restarted else ()
        if one.instances > 1:
            yield self._idea("crash", 4, words.replica_crash(one), availability="99%")
        elif self._asked_itself:
            yield self._idea("crash", 3 if one.restarted else 4, words.crash(one), healed=healed)
        elif self._users:
            yield self._idea("crash", 4, words.needed_crash(one, self._users), healed=healed)
        else:
            yield self._idea("crash", 3 if one.restarted else 4, words.aside_crash(one))

    def hangs(self) -> Iterator[Idea]:
        """Its processes stop answering, and stay."""
        one = self.one
        if one.instances > 1:
            yield self._idea("hang", 5, words.replica_hang(one), availability="99%", strength=False)
        elif self._matters:
            surprise = 5 if one.check else 4
            yield self._idea("hang", surprise, words.hang(one), strength=False)

    def needs(self) -> Iterator[Idea]:
        """What it needs is silent, or slow."""
        one = self.one
        for name in one.needs:
            other = self.survey.named(name)
            if other.one_shot or not one.networks & other.networks or not self._matters:
                continue
            arguments = {"service": one.name, "to": name}
            surprise = 4 if other.kind.keeps_data else 3
            yield self._idea(
                "dependency", surprise, words.silent(one, other), arguments, strength=False
            )
            if other.kind.keeps_data:
                arguments = {"service": name, "delay": "100ms", "peer": one.name}
                yield self._idea("latency", 3, words.slow(one, other), arguments, strength=False)

    def data(self) -> Iterator[Idea]:
        """What it had acknowledged, after a crash."""
        one = self.one
        entry = next((entry for entry in self.entries if entry.service == one.name), None)
        if one.kind is Kind.REDIS and entry and not one.password and one.restarted:
            ledger = {"kind": "redis", "url": f"${{{entry.name}}}", "rate": "20"}
            idea = self._idea("crash", 5, words.data(one), healed=(RESTART,), ledger=ledger)
            yield idea

    @property
    def _asked_itself(self) -> bool:
        return any(one.service == self.one.name and one.front for one in self.entries)

    @property
    def _users(self) -> tuple[Seen, ...]:
        return self.survey.users_of(self.one.name)

    @property
    def _matters(self) -> bool:
        """Whether a front is this service, or needs it."""
        fronts = [one.service for one in self.entries if one.front]
        return any(self.one.name in self.survey.reached_from(front) for front in fronts)

    def _idea(  # noqa: PLR0913  # each is one line of the experiment, and is named
        self,
        fault: str,
        surprise: int,
        story: Story,
        arguments: Mapping[str, str] | None = None,
        *,
        healed: tuple[str, ...] = (),
        availability: str = "",
        strength: bool = True,
        ledger: Mapping[str, str] | None = None,
    ) -> Idea:
        one = self.one
        reach = (
            _REACH_FRONT if self._asked_itself else _REACH_NEEDED if self._matters else _REACH_ASIDE
        )
        full_s = _strength_s(one)
        budgets = {"recovery": seconds(_RECOVERY_S)}
        if availability:
            budgets["availability"] = availability
        if strength:
            budgets["redundancy"] = seconds(full_s)
        if fault == "latency":
            budgets["latency_p90"] = "800ms"
        if ledger:
            budgets["lost_writes"] = "0"
        return Idea(
            slug=story.slug,
            fault=fault,
            arguments=arguments or {"service": one.name},
            story=story,
            asked=asked_for(one.name, self.entries, self.survey),
            budgets=budgets,
            watch_s=max(_BASE_WATCH_S, full_s + 5.0 if strength else 0.0),
            learning=surprise * reach,
            healed_by=healed,
            ledger=ledger or {},
            tags=story.tags,
        )


def _strength_s(one: Seen) -> float:
    """Time for a process to start, and for the first health check to find it well."""
    checked_s = one.check.interval_s + one.check.start_s if one.check else 0.0
    return min(_RECOVERY_S + 5.0 + checked_s, _LONGEST_WATCH_S)


def seconds(duration_s: float) -> str:
    """A duration as experiments write it."""
    return f"{math.ceil(duration_s)}s"
