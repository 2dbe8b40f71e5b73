"""The clock: a library from a volume of ours that is loaded into a service's processes."""

from pathlib import Path
from typing import Any

from chaoskit.agent import clocks
from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.fittings import Fitting
from chaoskit.target import images
from chaoskit.target.fittings import base
from chaoskit.target.fittings.base import Config, Place

VOLUME = "chaoskit-clock"
_CONTEXT = Path(__file__).parent / "clock_image"
_MUSL = tuple(f"/lib/ld-musl-{machine}.so.1" for machine in ("x86_64", "aarch64", "armhf"))
_PRELOAD = "LD_PRELOAD"


def fit(model: Config, fitting: Fitting, place: Place) -> None:
    """Give the service the library, and each instance a tmpfs for the offset of its clock."""
    service = model["services"][fitting.service]
    image = base.image_of(model, fitting.service, place)
    with place.asleep(image, entrypoint=["true"]) as container:
        _refuse_musl(fitting.service, image, container)
    if VOLUME not in (model.get("volumes") or {}):
        model["volumes"] = {**(model.get("volumes") or {}), VOLUME: _shelf(place)}
    own = environment_of(service)
    theirs = own.get(_PRELOAD) or _escaped(_in_image(place, image).get(_PRELOAD, ""))
    preloads = " ".join(filter(None, (theirs, clocks.LIBRARY)))
    service["environment"] = {**own, _PRELOAD: preloads}
    service["volumes"] = [
        *(service.get("volumes") or ()),
        {
            "type": "volume",
            "source": VOLUME,
            "target": clocks.SHELF,
            "read_only": True,
            "volume": {"nocopy": True},
        },
        {"type": "tmpfs", "target": clocks.FOLDER, "tmpfs": {"size": 65536, "mode": 0o1777}},
    ]


def _shelf(place: Place) -> Config:
    """The volume with the library, filled; as the model names it."""
    image = images.ensure(place.client, "clock", _CONTEXT, place.progress)
    name = place.make_volume(VOLUME, {})
    with place.asleep(image, volumes={name: {"bind": clocks.SHELF, "mode": "rw"}}):
        pass  # creating it has filled the volume
    return {"name": name, "external": True}


def _refuse_musl(service: str, image: str, container: Any) -> None:
    """The library was never tried with musl, whose loader ends with an error where glibc's goes on."""
    if any(base.has_file(container, path) for path in _MUSL):
        message = (
            f"service {service}: its image {image} has the musl libc, and the library that tells "
            "another time is made for glibc; clock faults cannot be done to it"
        )
        raise EnvironmentUnfit(message)


def environment_of(service: Config) -> dict[str, str | None]:
    """A service's variables, in either way of writing them down."""
    given = service.get("environment") or {}
    if isinstance(given, list):
        pairs = (str(one).partition("=") for one in given)
        return {key: value if sign else None for key, sign, value in pairs}
    return dict(given)


def _in_image(place: Place, image: str) -> dict[str, str]:
    variables = place.client.images.get(image).attrs["Config"].get("Env") or ()
    return {key: value for key, _, value in (str(one).partition("=") for one in variables)}


def _escaped(value: str) -> str:
    """As a Compose file must have it."""
    return value.replace("$", "$$")
