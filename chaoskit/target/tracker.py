"""Keeps count of every service's instances from three sources, and marks each change once.

Events tell first and exactly. A regular look at the engine catches what events missed; it is only
believed when it says the same twice with no event in between, because an answer may be older than
an event that was already heard. An endpoint's count is taken beside the engine's; when the engine
says that an instance is back, only an answer asked for after that can confirm it, because the
endpoint may not even have noticed that it was gone.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from chaoskit.model.marks import Mark, MarkKind
from chaoskit.model.target import Strength
from chaoskit.target.polling import Polled
from chaoskit.target.strength import NO_HEALTH_CHECK, InstanceState

_HEALTH_STATUS = "health_status: "


@dataclass(frozen=True, kw_only=True)
class Happening:
    """An engine event about one instance, with its time on our axis."""

    at_ns: int
    action: str  # die, start, "health_status: healthy", ...
    id: str
    service: str
    instance: str


@dataclass
class Tracker:
    """Thread-safe. `record` is called with the lock held, so marks come in the order of change."""

    wants: tuple[Strength, ...]
    record: Callable[[Mark], None]
    is_checked: Callable[[str], bool]  # whether an instance that just appeared has a health check
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: dict[str, InstanceState] = field(default_factory=dict)
    _suspected: dict[str, InstanceState | None] = field(default_factory=dict)
    _counts: dict[str, int | None] = field(default_factory=dict)  # None: the endpoint is silent
    _engine: dict[str, int] = field(default_factory=dict)  # the engine's count, as last told
    _risen_ns: dict[str, int] = field(default_factory=dict)  # not confirmed by the endpoint yet
    _said: dict[str, int] = field(default_factory=dict)

    def begin(self, instance_states: Iterable[InstanceState], at_ns: int) -> None:
        """The state at the beginning; every service gets its first mark."""
        with self._lock:
            self._known = {one.id: one for one in instance_states}
            self._said.clear()
            self._tell_changes(at_ns, 0)

    def announce(self, at_ns: int) -> None:
        """Mark every service's strength again, changed or not."""
        with self._lock:
            for want in self.wants:
                self.record(_mark(want, self._have(want), "engine", at_ns, 0))

    def strengths(self) -> dict[str, tuple[int, int]]:
        """Service → (have, want), as known now."""
        with self._lock:
            return {one.service: (self._have(one), one.instances) for one in self.wants}

    def hear(self, event: Happening) -> None:
        """Take an engine event in."""
        with self._lock:
            before = self._known.get(event.id)
            after = self._after(event, before)
            self._suspected.pop(event.id, None)
            if after is None:
                self._known.pop(event.id, None)
            else:
                self._known[event.id] = after
            self._tell_changes(event.at_ns, 0)

    def look(
        self, instance_states: Iterable[InstanceState], at_ns: int, resolution_ns: int
    ) -> None:
        """Take a regular look in; what differs from the events must be seen twice."""
        with self._lock:
            seen = {one.id: one for one in instance_states}
            for one in self._known.keys() | seen.keys():
                self._compare(one, seen.get(one))
            self._tell_changes(at_ns, resolution_ns)

    def count(self, service: str, count: int | None, polled: Polled) -> None:
        """Take an endpoint's count in; None when it has been silent for too long."""
        with self._lock:
            self._counts[service] = count
            if polled.asked_ns >= self._risen_ns.get(service, 0):
                self._risen_ns.pop(service, None)
            by = "silence" if count is None else "endpoint"
            self._tell_changes(polled.at_ns, polled.resolution_ns, by=by)

    def _compare(self, one: str, seen: InstanceState | None) -> None:
        known = self._known.get(one)
        if _alike(known, seen):
            self._suspected.pop(one, None)
        elif one in self._suspected and _alike(self._suspected[one], seen):
            del self._suspected[one]
            if seen is None:
                self._known.pop(one, None)
            else:
                self._known[one] = seen
        else:
            self._suspected[one] = seen

    def _after(self, event: Happening, before: InstanceState | None) -> InstanceState | None:
        if event.action == "destroy":
            return None
        known = before or InstanceState(
            id=event.id, service=event.service, name=event.instance, running=False
        )
        changes: dict[str, Any] = {}
        if event.action == "start":
            checked = known.health != NO_HEALTH_CHECK or (
                before is None and self.is_checked(event.id)
            )
            health = "starting" if checked else NO_HEALTH_CHECK
            changes = {"running": True, "paused": False, "health": health}
        elif event.action == "die":
            changes = {"running": False, "paused": False}
        elif event.action == "pause":
            # The engine calls it unhealthy from here on, without a word, until a check has passed.
            checked = known.health != NO_HEALTH_CHECK
            changes = {"paused": True, **({"health": "unhealthy"} if checked else {})}
        elif event.action == "unpause":
            changes = {"paused": False}
        elif event.action.startswith(_HEALTH_STATUS):
            changes = {"health": event.action.removeprefix(_HEALTH_STATUS)}
        return replace(known, **changes)

    def _by_engine(self, service: str) -> int:
        return sum(one.up for one in self._known.values() if one.service == service)

    def _have(self, want: Strength) -> int:
        by_engine = self._by_engine(want.service)
        have = min(by_engine, self._counts.get(want.service, by_engine) or 0)
        if want.service in self._risen_ns:
            return min(have, self._said.get(want.service, 0))
        return have

    def _tell_changes(self, at_ns: int, resolution_ns: int, *, by: str = "engine") -> None:
        for want in self.wants:
            by_engine = self._by_engine(want.service)
            if want.service in self._counts and by_engine > self._engine.get(want.service, 0):
                self._risen_ns[want.service] = at_ns
            self._engine[want.service] = by_engine
            have = self._have(want)
            if self._said.get(want.service) == have:
                continue
            self._said[want.service] = have
            self.record(_mark(want, have, by, at_ns, resolution_ns))


def _mark(want: Strength, have: int, by: str, at_ns: int, resolution_ns: int) -> Mark:
    return Mark(
        at_ns=at_ns,
        kind=MarkKind.REDUNDANCY,
        source=by,
        service=want.service,
        detail=f"{have} of {want.instances}",
        resolution_ns=resolution_ns,
        data={"have": have, "want": want.instances, "by": by},
    )


def _alike(one: InstanceState | None, other: InstanceState | None) -> bool:
    """Whether two views of an instance mean the same. A paused one does not tell its health."""
    if one is None or other is None:
        return one is other
    if (one.running, one.paused) != (other.running, other.paused):
        return False
    return one.paused or not one.running or one.health == other.health
