"""Kind `replace`: another container in the instance's place, with another image or configuration.

Parameters: `changes` (of the container's Config: Image, Cmd, Entrypoint, Env as a mapping that is
laid over the old one), `grace_s`, `tag`; then also `saved`, the original as data.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

import docker.errors

from chaoskit.errors import FaultRefused
from chaoskit.target.patience import wait_until
from chaoskit.target.surgery.kind import EngineKind, Table
from chaoskit.target.surgery.place import (
    FAULT_LABEL,
    not_restored,
    occupants,
    put_back,
    take_away,
    temporary_name,
)
from chaoskit.target.surgery.recreate import chosen_by_service, create, save, start

_STARTED_S = 10.0
_NEVER = "0001-01-01"


def _prepare(table: Table) -> dict[str, Any]:
    container = table.must_run()
    if FAULT_LABEL in container.labels:
        message = f"{table.instance.name} was already replaced by another fault"
        raise FaultRefused(message)
    image = table.params["changes"].get("Image")
    if image is not None:
        try:
            table.client.images.get(image)
        except docker.errors.ImageNotFound as error:
            message = f"image: there is no image {image!r} on the engine; build or pull it first"
            raise FaultRefused(message) from error
    return {"saved": save(container)}


def _do(table: Table) -> None:
    """As Compose does it: the new one is made, the old one ends, the new one takes its name."""
    saved, tag = table.params["saved"], table.params["tag"]
    original = table.must_find()
    broken = create(
        table.client,
        saved,
        name=temporary_name(saved["name"], "broken", tag),
        changes=_changes(table, tag),
        volumes_from=original.id,
    )
    original.stop(timeout=table.params.get("grace_s", 10))
    take_away(original)
    broken.rename(saved["name"])
    with contextlib.suppress(docker.errors.APIError):  # a start that fails is what was asked for
        start(table.client, broken, saved)
    if not wait_until(lambda: _was_started(table), timeout_s=_STARTED_S):
        message = "the engine did not try to start the new container"
        raise FaultRefused(message)


def _changes(table: Table, tag: str) -> dict[str, Any]:
    """The Config of the broken one, as far as it differs."""
    saved, asked = table.params["saved"], dict(table.params["changes"])
    config: Mapping[str, Any] = saved["config"]
    old_image = table.client.images.get(saved["image_id"]).attrs.get("Config") or {}
    own = chosen_by_service(config, old_image) if "Image" in asked else dict(config)
    env = _laid_over(own.get("Env") or (), asked.pop("Env", {}))
    labels = {**(own.get("Labels") or {}), FAULT_LABEL: tag}
    named = {"Image": config["Image"]}
    return {**named, **own, **asked, "Env": env, "Labels": labels}


def _laid_over(env: Any, asked: Mapping[str, str]) -> list[str]:
    kept = [one for one in env if one.partition("=")[0] not in asked]
    return [*kept, *(f"{key}={value}" for key, value in asked.items())]


def _was_started(table: Table) -> bool:
    """Whether the engine has started the new one, or tried to and failed."""
    state = occupants(table).ours[0].attrs["State"]
    return not state["StartedAt"].startswith(_NEVER) or bool(state["Error"] or state["ExitCode"])


KIND = EngineKind(
    prepare=_prepare, do=_do, check=not_restored, undo=put_back, counts_from_order=True
)
