"""What the engine's events say: what happened to the instances, and what the engine did about it.

The engine bears witness to its own restart policy: it notices at `die`, and has acted at the
`start` that follows, unless somebody asked it to end that instance, or it has no policy for it. docker-py's stream ends without
a word when its connection breaks; it is opened again from the last event, and what comes twice is
dropped.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import docker.errors
import requests.exceptions

from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.marks import NS, Mark, MarkKind
from chaoskit.model.target import Healer, TargetSpec
from chaoskit.target.engine import COMPOSE_PROJECT, COMPOSE_SERVICE, connect
from chaoskit.target.strength import InstanceState, instance_name
from chaoskit.target.tracker import Happening

Event = Mapping[str, Any]

_ACTIONS = (
    *("die", "start", "oom", "kill", "stop", "restart", "health_status", "pause", "unpause"),
    *("connect", "disconnect", "destroy"),
)
_SILENT = {"destroy"}  # needed for counting, not worth a mark
# HUP, USR1, USR2, CONT, STOP, TSTP, WINCH: they do not ask a process to end.
_HARMLESS_SIGNALS = {"1", "10", "12", "18", "19", "20", "28"}
_REOPEN_AFTER_S = 0.05


@dataclass
class Reading:
    """Turns engine events into marks. One thread feeds it."""

    spec: TargetSpec
    project: str
    wall_to_mono: Callable[[int], int]
    is_restarted: Callable[[str], bool]  # whether the engine has a restart policy for a container
    _instances: dict[str, tuple[str, str]] = field(default_factory=dict)  # id → service, name
    _running: set[str] = field(default_factory=set)
    _by_hand: set[str] = field(default_factory=set)  # somebody asked for its end
    _crashed: set[str] = field(default_factory=set)
    _networks: dict[tuple[str, str], str] = field(default_factory=dict)
    _seen: set[tuple[int, str, str]] = field(default_factory=set)
    _last_ns: int = 0

    def adopt(self, state: InstanceState) -> None:
        """An instance that was there before the stream."""
        self._instances[state.id] = (state.service, state.name)
        if state.running:
            self._running.add(state.id)

    def feed(self, event: Event) -> tuple[Happening | None, tuple[Mark, ...]]:
        """What an event means: nothing, for one seen before or of another project."""
        if not self._is_new(event):
            return None, ()
        one = self._instance_of(event)
        if one is None:
            return None, ()
        service, instance = self._instances[one]
        happening = Happening(
            at_ns=self.wall_to_mono(int(event["timeNano"])),
            action=str(event["Action"]),
            id=one,
            service=service,
            instance=instance,
        )
        return happening, tuple(self._marks(happening, event))

    def _is_new(self, event: Event) -> bool:
        """The engine repeats at most what bears the time that a stream was opened from."""
        at_ns = int(event["timeNano"])
        attributes = event["Actor"]["Attributes"]
        key = (at_ns, str(event["Action"]), event["Actor"]["ID"] + attributes.get("container", ""))
        if at_ns < self._last_ns - NS or key in self._seen:
            return False
        self._seen = {one for one in self._seen if one[0] >= at_ns - NS} | {key}
        self._last_ns = max(self._last_ns, at_ns)
        return True

    def _instance_of(self, event: Event) -> str | None:
        """The container's id when it is an instance of ours."""
        attributes = event["Actor"]["Attributes"]
        if event["Type"] == "network":
            one = str(attributes.get("container", ""))
            return one if one in self._instances else None
        one = str(event["Actor"]["ID"])
        if one not in self._instances:
            if attributes.get(COMPOSE_PROJECT) != self.project or COMPOSE_SERVICE not in attributes:
                return None
            self._instances[one] = (attributes[COMPOSE_SERVICE], instance_name(attributes))
        return one

    def _marks(self, happening: Happening, event: Event) -> Iterator[Mark]:
        action, one = happening.action, happening.id
        if event["Type"] == "network" and not self._changes_network(happening, event):
            return
        if action not in _SILENT:
            yield self._mark(MarkKind.ENGINE, "engine", happening, _particulars(event))
        if action == "stop" or (action == "kill" and _is_deadly(event)):
            self._by_hand.add(one)
        elif action == "die":
            self._running.discard(one)
            if one not in self._by_hand and self.is_restarted(one):
                self._crashed.add(one)
                yield from self._witnessed(MarkKind.DETECTED, happening)
        elif action == "start":
            self._running.add(one)
            if one in self._crashed and one not in self._by_hand:
                yield from self._witnessed(MarkKind.ACTED, happening)
            self._crashed.discard(one)
            self._by_hand.discard(one)

    def _changes_network(self, happening: Happening, event: Event) -> bool:
        """The engine tells of a disconnection twice, and of its own bookkeeping at every end."""
        place = (happening.id, str(event["Actor"]["ID"]))
        before, self._networks[place] = self._networks.get(place), happening.action
        return happening.id in self._running and before != happening.action

    def _witnessed(self, kind: MarkKind, happening: Happening) -> Iterator[Mark]:
        for healer in self.spec.healers:
            if healer.engine and happening.service in _services_of(healer, happening.service):
                yield self._mark(kind, healer.name, happening, {"witness": "engine"})

    def _mark(
        self, kind: MarkKind, source: str, happening: Happening, data: Mapping[str, Any]
    ) -> Mark:
        return Mark(
            at_ns=happening.at_ns,
            kind=kind,
            source=source,
            service=happening.service,
            instance=happening.instance,
            detail=happening.action,
            data=data,
        )


def _services_of(healer: Healer, default: str) -> tuple[str, ...]:
    services = healer.settings.get("services", (default,))
    return (services,) if isinstance(services, str) else tuple(services)


def _is_deadly(event: Event) -> bool:
    return str(event["Actor"]["Attributes"].get("signal", "")) not in _HARMLESS_SIGNALS


def _particulars(event: Event) -> dict[str, str]:
    """What an event says besides what happened to whom."""
    attributes = event["Actor"]["Attributes"]
    found = {"exit_code": attributes.get("exitCode"), "signal": attributes.get("signal")}
    if event["Type"] == "network":
        found["network"] = attributes.get("name")
    return {key: str(value) for key, value in found.items() if value is not None}


class EventStream(threading.Thread):
    """Follows the engine's events from a moment on, through every loss of connection."""

    def __init__(self, since_ns: int, hear: Callable[[Event], None]) -> None:
        """`since_ns` is a time of the engine's wall clock."""
        super().__init__(name="engine-events", daemon=True)
        self._since_ns = since_ns
        self._hear = hear
        self._stopping = threading.Event()
        self._stream: Any = None

    def run(self) -> None:
        """Until `close`."""
        while not self._stopping.is_set():
            with contextlib.suppress(
                EnvironmentUnfit,
                docker.errors.DockerException,
                requests.exceptions.RequestException,
            ):
                self._follow()
            self._stopping.wait(_REOPEN_AFTER_S)

    def close(self) -> None:
        """End the stream; the thread follows."""
        self._stopping.set()
        close_stream(self._stream)

    def _follow(self) -> None:
        # A text, because a float cannot tell nanoseconds; docker-py hands it on as it is.
        since: Any = f"{self._since_ns // NS}.{self._since_ns % NS:09d}"
        with contextlib.closing(connect()) as client:
            self._stream = client.api.events(
                since=since,
                filters={"type": ["container", "network"], "event": list(_ACTIONS)},
                decode=True,
            )
            try:
                if self._stopping.is_set():
                    return
                for event in self._stream:
                    self._since_ns = int(event["timeNano"])
                    self._hear(event)
            finally:
                close_stream(self._stream)


def close_stream(stream: Any) -> None:
    """End a docker-py stream that another thread may be reading, whatever state it is in."""
    if stream is not None:
        with contextlib.suppress(
            OSError, AttributeError, ValueError, docker.errors.DockerException
        ):
            stream.close()
