"""A Compose project as the faults see it: the instances of its services, as they are now."""

from collections.abc import Sequence
from dataclasses import dataclass

import docker.errors
import requests.exceptions

from chaoskit.errors import FaultRefused
from chaoskit.model.faults import Instance
from chaoskit.target.engine import COMPOSE_SERVICE, ROLE_LABEL, Project, instance_of


@dataclass(frozen=True)
class ProjectSite:
    """Looks everything up afresh: self-healing replaces containers under a fault's feet."""

    project: Project
    allowed: tuple[str, ...] = ()  # labels, `key` or `key=value`, that make outsiders eligible

    def instances(self, service: str) -> Sequence[Instance]:
        """The instances of a service, running or not. Raises FaultRefused for an unknown one.

        Nothing outside the project is ever found, unless it carries a label that was allowed; it is
        then named by its own Compose service, or by its container's name.
        """
        try:
            found = self.project.instances(service) or self._outsiders(service)
            if found:
                return found
            services = self.project.services()
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            message = f"the engine does not say what {service!r} consists of: {error}"
            raise FaultRefused(message) from error
        message = f"no service {service!r} here; there are: {', '.join(services) or 'none'}"
        if self.allowed:
            message += f"; nor is it any container's with the label {' or '.join(self.allowed)}"
        raise FaultRefused(message)

    def _outsiders(self, service: str) -> tuple[Instance, ...]:
        """Containers elsewhere that somebody allowed by name of a label; helpers of ours never."""
        found: dict[str, Instance] = {}
        for label in self.allowed:
            for one in self.project.client.containers.list(
                all=True, filters={"label": label}, ignore_removed=True
            ):
                known_as = {one.labels.get(COMPOSE_SERVICE), one.name}
                if service in known_as and ROLE_LABEL not in one.labels:
                    found[one.id or ""] = instance_of(one.attrs)
        return tuple(sorted(found.values(), key=lambda one: one.name))

    def services(self) -> Sequence[str]:
        """The names of all services. Raises FaultRefused when the engine does not say."""
        try:
            return self.project.services()
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            message = f"the engine does not say which services there are: {error}"
            raise FaultRefused(message) from error


def allowed_labels(text: str) -> tuple[str, ...]:
    """`key` or `key=value`, several by commas. Raises FaultRefused for one without a key.

    An empty filter would make every container of the engine eligible.
    """
    labels = tuple(one.strip() for one in text.split(",") if one.strip())
    if wrong := [one for one in labels if not one.partition("=")[0].strip()]:
        message = f"{wrong[0]!r} is not LABEL or LABEL=VALUE, such as com.example.team=web"
        raise FaultRefused(message)
    return labels
