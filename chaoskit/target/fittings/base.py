"""Fitting a Compose model: which fitting is done by which file, and what they all use."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import docker
import docker.errors
import requests.exceptions
from docker.models.containers import Container

from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.fittings import Fitting, FittingKind
from chaoskit.target.engine import COMPOSE_PROJECT

Config = dict[str, Any]

_TROUBLE = (docker.errors.DockerException, requests.exceptions.RequestException)


@dataclass(frozen=True, kw_only=True)
class Place:
    """The copy of a target that is being started."""

    client: docker.DockerClient
    project: str
    labels: Mapping[str, str]  # of the run, or of the standing target
    progress: Callable[[str], None]

    @property
    def all_labels(self) -> dict[str, str]:
        """On everything that is made for this copy: it is removed with the project, and the run."""
        return {**self.labels, COMPOSE_PROJECT: self.project}

    def make_volume(self, name: str, definition: Mapping[str, Any]) -> str:
        """A volume of this copy as a Compose model defines it; its name on the engine."""
        whole = f"{self.project}_{name}"
        self.client.volumes.create(
            whole,
            driver=definition.get("driver") or "local",
            driver_opts=dict(definition.get("driver_opts") or {}),
            labels={**(definition.get("labels") or {}), **self.all_labels},
        )
        return whole

    @contextmanager
    def asleep(self, image: str, **options: Any) -> Iterator[Container]:
        """A container that is created and never started: the engine fills its empty volumes with
        what the image has there, and lets its files be read.
        """
        container = self.client.containers.create(
            image, labels=self.all_labels, network_mode="none", **options
        )
        try:
            yield container
        finally:
            container.remove(force=True, v=True)  # nameless volumes of the image's own


Fitter = Callable[[Config, Fitting, Place], None]


def fit(model: Config, fittings: Sequence[Fitting], place: Place) -> Config:
    """The model with these fittings; what they need is made on the engine. The given one is left.

    Raises EnvironmentUnfit where a service cannot have its fitting, with the reason.
    """
    from chaoskit.target.fittings import clock, disk  # noqa: PLC0415  # they import this module

    fitters: Mapping[FittingKind, Fitter] = {
        FittingKind.DISK: disk.fit,
        FittingKind.CLOCK: clock.fit,
    }
    model = deepcopy(model)
    for one in sorted(fittings, key=lambda fitting: not fitting.remembers):
        service = model["services"].get(one.service)
        if service is None:
            known = ", ".join(model["services"])
            message = f"no service {one.service!r} to fit with a {one.kind}; there are: {known}"
            raise EnvironmentUnfit(message)
        place.progress(f"{one.service}: fitted with a {one.kind}")
        try:
            fitters[one.kind](model, one, place)
        except _TROUBLE as error:
            words = getattr(error, "explanation", None) or error
            message = f"{one}: the engine refused it: {words}"
            raise EnvironmentUnfit(message) from error
    return model


def image_of(model: Config, service: str, place: Place) -> str:
    """The image of a service, which must be there before the service is started.

    Raises EnvironmentUnfit when it is not on this engine and cannot be pulled.
    """
    image = str(model["services"][service].get("image") or f"{place.project}-{service}")
    try:
        place.client.images.get(image)
    except docker.errors.ImageNotFound:
        if model["services"][service].get("build"):
            message = (
                f"service {service} is built by Compose itself, with more than a folder, a "
                "Dockerfile and arguments; build its image first and name it in `image`"
            )
            raise EnvironmentUnfit(message) from None
        place.progress(f"{service}: pulling {image}")
        place.client.images.pull(image)
    return image


def instances_of(service: Mapping[str, Any]) -> int:
    """How many instances a service starts with."""
    wanted = (service.get("deploy") or {}).get("replicas") or service.get("scale") or 1
    return int(wanted)


def has_file(container: Container, path: str) -> bool:
    """Whether a container's image has such a file."""
    with contextlib.suppress(docker.errors.NotFound):
        chunks, _ = container.get_archive(path)
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
        return True
    return False
