"""Operations that only the engine can do: pause, stop, and disconnect from a network.

Each kind knows how to prepare, apply, check and undo itself; containers are looked up afresh every
time, because self-healing replaces them under a fault's feet.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import docker
import docker.errors
import requests.exceptions
from docker.models.containers import Container

from chaoskit.errors import EnvironmentUnfit, FaultRefused
from chaoskit.model.faults import Effect, Gone, Operation

_TROUBLE = (docker.errors.DockerException, requests.exceptions.RequestException, EnvironmentUnfit)
_GONE = "the instance is gone"
_SHORT_ID = 12
_FREEZE_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """How one kind is done to a container."""

    prepare: Callable[[Container, Mapping[str, Any]], dict[str, Any]]
    do: Callable[[docker.DockerClient, Container, Mapping[str, Any]], None]
    check: Callable[[Container, Mapping[str, Any]], tuple[bool, str]]
    undo: Callable[[docker.DockerClient, Container, Mapping[str, Any]], None]


@dataclass(frozen=True)
class EngineHand:
    """Carries operations out through the engine's API; see chaoskit.target.hands.Hand."""

    connect: Callable[[], docker.DockerClient]
    _clients: dict[int, docker.DockerClient] = field(default_factory=dict, init=False, repr=False)

    def prepare(self, operation: Operation) -> Operation:
        """The operation with what its undo needs. Refuses what is already so, by somebody else."""
        kind = _kind(operation)
        try:
            container = self._must_find(operation)
            already, evidence = kind.check(container, operation.params)
            params = {} if already else kind.prepare(container, operation.params)
        except _TROUBLE as error:
            raise _refused(operation, error) from error
        if already:
            message = f"{operation.instance.name} is already so, by somebody else: {evidence}"
            raise FaultRefused(message)
        return replace(operation, params={**operation.params, **params})

    def apply(self, handle: str, operation: Operation, *, held: bool) -> Effect:  # noqa: ARG002
        """Do it and prove it; a proof that fails undoes it again."""
        kind = _kind(operation)
        try:
            container = self._must_find(operation)
            requested_ns = _now_ns()
            kind.do(self._client(), container, operation.params)
            in_effect_ns = _now_ns()
            container.reload()
            proven, evidence = kind.check(container, operation.params)
        except _TROUBLE as error:
            raise _refused(operation, error) from error
        if not proven:
            undone = self.undo(handle, operation)
            message = (
                f"{operation.kind} of {operation.instance.name} did not take effect ({evidence}); "
                f"undone: {undone.evidence}"
            )
            raise FaultRefused(message)
        return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)

    def check(self, operation: Operation) -> tuple[bool, str]:
        """Whether it is in effect now, and the evidence."""
        try:
            container = self._find(operation)
            if container is None:
                return False, _GONE
            return _kind(operation).check(container, operation.params)
        except _TROUBLE as error:
            raise _refused(operation, error) from error

    def undo(self, handle: str, operation: Operation) -> Gone:  # noqa: ARG002
        """Undo it and prove that; a container that is gone counts."""
        kind = _kind(operation)
        try:
            container = self._find(operation)
            if container is None:
                return Gone(gone_ns=_now_ns(), evidence=_GONE)
            if kind.check(container, operation.params)[0]:
                kind.undo(self._client(), container, operation.params)
                container.reload()
            still, evidence = kind.check(container, operation.params)
        except docker.errors.NotFound:
            return Gone(gone_ns=_now_ns(), evidence="the instance went away")
        except _TROUBLE as error:
            raise _refused(operation, error) from error
        if still:
            message = f"{operation.kind} of {operation.instance.name} is still on: {evidence}"
            raise FaultRefused(message)
        return Gone(gone_ns=_now_ns(), evidence=evidence)

    def close(self) -> None:
        """Close the connections to the engine; the next use opens a new one."""
        for thread in list(self._clients):
            if client := self._clients.pop(thread, None):
                client.close()

    def _client(self) -> docker.DockerClient:
        """One client for each thread; see chaoskit.target.engine.connect."""
        thread = threading.get_ident()
        if thread not in self._clients:
            self._clients[thread] = self.connect()
        return self._clients[thread]

    def _must_find(self, operation: Operation) -> Container:
        container = self._find(operation)
        if container is None:
            message = f"{operation.instance.name}: {_GONE}"
            raise FaultRefused(message)
        return container

    def _find(self, operation: Operation) -> Container | None:
        try:
            return self._client().containers.get(operation.instance.id)
        except docker.errors.NotFound:
            return None


def _now_ns() -> int:
    return time.monotonic_ns()  # noqa: TID251  # run/clock is above us; taken around the call


def _refused(operation: Operation, error: Exception) -> FaultRefused:
    words = getattr(error, "explanation", None) or error
    return FaultRefused(f"{operation.kind} of {operation.instance.name}: {words}")


def _kind(operation: Operation) -> _Kind:
    kind = _KINDS.get(operation.kind)
    if kind is None:
        message = f"the engine knows no operation {operation.kind!r}; it can {', '.join(_KINDS)}"
        raise FaultRefused(message)
    return kind


def _needs_running(container: Container, _params: Mapping[str, Any]) -> dict[str, Any]:
    state = container.attrs["State"]
    if not state["Running"] or state["Paused"]:
        message = f"{container.name} is {state['Status']}, not running"
        raise FaultRefused(message)
    return {}


def _paused(container: Container, _params: Mapping[str, Any]) -> tuple[bool, str]:
    status = container.attrs["State"]["Status"]
    return bool(container.attrs["State"]["Paused"]), f"the engine says {status}"


def _pause(_client: docker.DockerClient, container: Container, _params: Mapping[str, Any]) -> None:
    for tries_left in reversed(range(_FREEZE_TRIES)):
        try:
            container.pause()
        except docker.errors.APIError as error:
            # On cgroup v1 runc gives up when a process forks or sleeps deeply just then.
            if not tries_left or "unable to freeze" not in str(error.explanation or error):
                raise
            continue
        return


def _stopped(container: Container, _params: Mapping[str, Any]) -> tuple[bool, str]:
    state = container.attrs["State"]
    return not state["Running"] and not state["Restarting"], f"the engine says {state['Status']}"


def _stop(_client: docker.DockerClient, container: Container, params: Mapping[str, Any]) -> None:
    container.stop(timeout=params.get("grace_s", 10))


def _disconnected(container: Container, params: Mapping[str, Any]) -> tuple[bool, str]:
    name = params["network"]
    endpoint = (container.attrs["NetworkSettings"]["Networks"] or {}).get(name)
    if endpoint is None:
        return True, f"the engine lists no endpoint on {name}"
    address = endpoint.get("IPAddress") or "no address while it is down"
    before = params.get("address") or address
    moved = f" (it was {before}; only a static address comes back)" if address != before else ""
    return False, f"connected to {name} with {address}{moved}"


def _endpoint(container: Container, params: Mapping[str, Any]) -> dict[str, Any]:
    """What the connection is made of, so that it can be made again after we are gone."""
    _needs_running(container, params)
    endpoint = container.attrs["NetworkSettings"]["Networks"][params["network"]]
    short = (container.id or "")[:_SHORT_ID]  # the engine adds this alias by itself
    return {
        "address": endpoint.get("IPAddress") or "",
        "aliases": [one for one in endpoint.get("Aliases") or () if one != short],
        "links": endpoint.get("Links") or [],
    }


def _disconnect(
    client: docker.DockerClient, container: Container, params: Mapping[str, Any]
) -> None:
    client.api.disconnect_container_from_network(container.id or "", params["network"])


def _reconnect(
    client: docker.DockerClient, container: Container, params: Mapping[str, Any]
) -> None:
    """With the same address where the engine allows to ask for one, and the same names."""
    wanted = {"aliases": params.get("aliases") or None, "links": params.get("links") or None}
    connect = client.api.connect_container_to_network
    try:
        connect(container.id or "", params["network"], ipv4_address=params.get("address"), **wanted)
    except docker.errors.APIError as error:
        # Only networks with a subnet of the user's own let an address be asked for.
        if "user configured subnets" not in str(error.explanation or error):
            raise
        connect(container.id or "", params["network"], **wanted)


_KINDS: Mapping[str, _Kind] = {
    "pause": _Kind(
        prepare=_needs_running,
        do=_pause,
        check=_paused,
        undo=lambda _client, container, _params: container.unpause(),
    ),
    "stop": _Kind(
        prepare=_needs_running,
        do=_stop,
        check=_stopped,
        undo=lambda _client, container, _params: container.start(),
    ),
    "disconnect": _Kind(prepare=_endpoint, do=_disconnect, check=_disconnected, undo=_reconnect),
}
