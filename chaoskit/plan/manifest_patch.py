"""Patches over manifests, merged as Kubernetes does it: by the names in lists, with null as removal.

An `off` file of a healer is such a patch: it names an object and says only what is different, for
example a Deployment without its liveness probe. `$patch: delete` takes the whole object away.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Object = Mapping[str, Any]

_KEYS = ("name", "containerPort", "port", "mountPath")  # by which lists are merged, the first found


def key_of(item: Object) -> tuple[str, str]:
    """What an object is told apart by: its kind and its name."""
    return str(item["kind"]), str(item["metadata"]["name"])


def patched(objects: Sequence[Object], patches: Sequence[Object]) -> tuple[Object, ...]:
    """The objects with every patch merged in. Raises LookupError for one that meets no object."""
    found = {key_of(one): one for one in objects}
    for patch in patches:
        key = key_of(patch)
        if key not in found:
            message = f"it patches {' '.join(key)}, which is in no manifest"
            raise LookupError(message)
        if patch.get("$patch") == "delete":
            del found[key]
        else:
            found[key] = merged(found[key], patch)
    return tuple(found.values())


def merged(old: Any, new: Any) -> Any:
    """One value over another."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        kept = {key: one for key, one in old.items() if key not in new}
        changed = {key: merged(old.get(key), one) for key, one in new.items() if one is not None}
        return {**kept, **changed}
    if isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)):
        key = next((one for one in _KEYS if _all_have([*old, *new], one)), None)
        return _by_key(old, new, key) if key else list(new)
    return new


def _all_have(items: Sequence[Any], key: str) -> bool:
    return bool(items) and all(isinstance(one, Mapping) and key in one for one in items)


def _by_key(old: Sequence[Object], new: Sequence[Object], key: str) -> list[Object]:
    found = {one[key]: one for one in old}
    for one in new:
        if one.get("$patch") == "delete":
            found.pop(one[key], None)
        else:
            found[one[key]] = merged(found.get(one[key]), one)
    return list(found.values())
