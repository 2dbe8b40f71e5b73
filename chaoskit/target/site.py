"""A Compose project as the faults see it: the instances of its services, as they are now."""

from collections.abc import Sequence
from dataclasses import dataclass

import docker.errors
import requests.exceptions

from chaoskit.errors import FaultRefused
from chaoskit.model.faults import Instance
from chaoskit.target.engine import Project


@dataclass(frozen=True)
class ProjectSite:
    """Looks everything up afresh: self-healing replaces containers under a fault's feet."""

    project: Project

    def instances(self, service: str) -> Sequence[Instance]:
        """The instances of a service, running or not. Raises FaultRefused for an unknown one."""
        try:
            found = self.project.instances(service)
            if found:
                return found
            services = self.project.services()
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            message = f"the engine does not say what {service!r} consists of: {error}"
            raise FaultRefused(message) from error
        message = f"no service {service!r} here; there are: {', '.join(services) or 'none'}"
        raise FaultRefused(message)
