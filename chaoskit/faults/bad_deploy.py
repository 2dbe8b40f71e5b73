"""Fault `bad_deploy`: an instance is replaced by one that does not work, as by a bad release."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action, wrong_duration
from chaoskit.faults.parts.grace import whole_seconds, wrong_grace
from chaoskit.model.faults import Doer, Instance, Operation
from chaoskit.model.quantities import parse_duration


@dataclass(frozen=True, kw_only=True)
class BadDeploy(HeldFault):
    """Replace an instance by one with another image, command or environment.

    What: the instance is shut down and removed, and a new container takes its place: same name,
    networks, aliases, addresses, ports, volumes and labels, but with `image`, `command` or
    `environment` as given. What that breaks is up to them: a command that ends at once gives a
    crash loop, a wrong setting gives a service that starts and answers badly. One label more,
    `chaoskit.fault`, marks it as ours. What a change sets off may hurt later, or never if somebody acts
    in time: `harm_after` states when it would. The watch then goes on beyond that moment, and a healer
    that is named and has acted before it has prevented the harm.

    Mechanism: the engine's API, in the order of `docker compose up`: the new container is created,
    the old one stopped (`grace`) and removed, the new one renamed and started. Proven by the engine:
    it has started the new one, or has tried to and says why it could not.

    Undo: a container with the original configuration, made from what the engine said about it
    before; it is on disk before anything is done. If the system has rolled back meanwhile, so that
    a container without our mark stands there, that counts as lifted. Never two of them stay.

    Limits: what the instance had written outside volumes is lost, as in any deployment. The image
    must be on the engine already. That `harm_after` is right is shown by a trial without the healer. Its address comes back if it is still free; if the engine would
    give another one, it can be asked for only on a network with a subnet of its own. The saved configuration, with the
    values of environment variables, is in the run's `faults.jsonl`. The agent holds no lease on it:
    when the harness dies, the keeper puts the original back, or `chaoskit recover` does.
    """

    name = "bad_deploy"
    family = "container"
    needs = ("replace",)
    example: ClassVar[Mapping[str, Any]] = {
        "service": "web",
        "command": ["sh", "-c", "exit 1"],
        "grace": "2s",
    }

    image: str | None = None  # an image that the engine has
    command: str | list[str] | None = None  # instead of the image's own; a text is split as by sh
    environment: dict[str, str] | None = None  # laid over the variables that are set
    grace: str = "10s"  # for the old instance, from the stop signal to SIGKILL
    harm_after: str | None = None  # from the new one's start, when it hurts unless somebody acts

    def problems(self) -> tuple[str, ...]:
        """Something must change, and be what the engine can take."""
        found = [*super().problems(), *wrong_grace(self.grace)]
        found += wrong_duration("harm_after", self.harm_after)
        if self.image is None and self.command is None and self.environment is None:
            found.append("image: nothing would change; give image, command or environment")
        if self.command is not None and not _words(self.command):
            found.append(f"command: {self.command!r} is no command; give a text or a list of texts")
        if self.environment is not None and not _are_variables(self.environment):
            found.append(
                f"environment: {self.environment!r} is no mapping of names to texts; "
                "for example {MODE: broken}"
            )
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """Replace each instance."""
        return tuple(
            Operation(
                doer=Doer.ENGINE,
                kind="replace",
                instance=instance,
                params=self._params(),
                mechanism=f"replaced by a container with another {self._what()}",
            )
            for instance in picked
        )

    def _params(self) -> dict[str, Any]:
        params = {"changes": self._changes(), "grace_s": whole_seconds(self.grace)}
        if self.harm_after is not None:
            params["harm_after_s"] = parse_duration(self.harm_after)
        return params

    def _changes(self) -> dict[str, Any]:
        """In the words of the engine's Config."""
        changes: dict[str, Any] = {}
        if self.image is not None:
            changes["Image"] = self.image
        if self.command is not None:
            changes["Cmd"] = _words(self.command)
        if self.environment is not None:
            changes["Env"] = dict(self.environment)
        return changes

    def _what(self) -> str:
        given = {"image": self.image, "command": self.command, "environment": self.environment}
        return ", ".join(name for name, value in given.items() if value is not None)


def _words(command: Any) -> list[str]:
    """The command's words; empty when it is none."""
    try:
        words = shlex.split(command) if isinstance(command, str) else command
    except ValueError:  # a quote without its end
        return []
    if not isinstance(words, list) or not all(isinstance(one, str) for one in words):
        return []
    return words


def _are_variables(given: Any) -> bool:
    return isinstance(given, dict) and all(
        isinstance(name, str) and name and "=" not in name and isinstance(value, str)
        for name, value in given.items()
    )


inject = action(BadDeploy)
