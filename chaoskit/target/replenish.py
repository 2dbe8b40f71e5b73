"""Bringing back instances that nobody replaced: after a removal the engine has nothing to restart.

Docker Compose does it from the very file that the target was started with, so that ports, networks
and volumes are the same. Only services that lack somebody are touched: a target's one-shot helpers
have ended on purpose.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker

from chaoskit.errors import EnvironmentUnfit
from chaoskit.target.compose_cli import run_compose
from chaoskit.target.engine import Project

_LIMIT_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Muster:
    """Who was there when the target was whole, and the Compose file that says how to make them."""

    project: str
    file: Path
    whole: frozenset[tuple[str, str]]  # (service, instance)

    @classmethod
    def of(cls, client: docker.DockerClient, project: str, file: Path) -> "Muster":
        """Taken once the target is at full strength."""
        return cls(project=project, file=file, whole=_present(client, project))

    def replenish(self, client: docker.DockerClient) -> tuple[str, ...]:
        """Make what is missing anew; the names of those instances. Raises EnvironmentUnfit."""
        missing = sorted(self._missing(_present(client, self.project)))
        if not missing:
            return ()
        services = sorted({service for service, _ in missing})
        options = ("up", "--detach", "--no-recreate", "--no-deps", "--no-build", "--timeout=0")
        outcome = run_compose(
            self.file, self.project, *options, *services, progress=_quietly, timeout_s=_LIMIT_S
        )
        names = tuple(name for _, name in missing)
        if not outcome.ok:
            message = f"{', '.join(names)} could not be made again:\n{outcome.words}"
            raise EnvironmentUnfit(message)
        return names

    def renew(self) -> None:
        """Make every instance anew, in the order that the Compose file asks for. Raises
        EnvironmentUnfit.
        """
        options = ("up", "--detach", "--force-recreate", "--no-build", "--timeout=0")
        outcome = run_compose(
            self.file, self.project, *options, progress=_quietly, timeout_s=_LIMIT_S
        )
        if not outcome.ok:
            message = f"{self.project} could not be started anew:\n{outcome.words}"
            raise EnvironmentUnfit(message)

    def _missing(self, now: frozenset[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """Those that are gone from a service which has fewer than it had: a healer may have
        replaced them under other names.
        """
        lacking = Counter(service for service, _ in self.whole)
        lacking.subtract(service for service, _ in now)
        return (one for one in self.whole - now if lacking[one[0]] > 0)


def _present(client: docker.DockerClient, project: str) -> frozenset[tuple[str, str]]:
    instances = Project(name=project, client=client).instances()
    return frozenset((one.service, one.name) for one in instances)


def _quietly(_line: str) -> None:
    """On failure Compose's words are in the error."""
