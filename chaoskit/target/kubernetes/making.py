"""The rights that making a target's own objects takes, read off its manifests.

Each object is made once, and they all go with their namespace, which the cluster itself empties: no
right to get or to delete them is needed. A Role can only be made by whoever has the rights in it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from chaoskit.target.kubernetes.api import Api
from chaoskit.target.kubernetes.kind import Right
from chaoskit.target.kubernetes.paths import NoSuchKind, discovered, known_plural

Object = Mapping[str, Any]
Discover = Callable[[str, str], str]  # version and kind → resource


def making(objects: Iterable[Object], discover: Discover) -> tuple[Right, ...]:
    """What making these objects needs; `discover` is asked for kinds that not every cluster has.

    An object of a kind that `discover` does not know (NoSuchKind) is left out: nobody can make it.
    """
    return tuple(dict.fromkeys(right for one in objects for right in _rights(one, discover)))


def asking(api: Api) -> Discover:
    """Discovery by a cluster's own word. Raises ApiError, ApiAway when called."""
    return lambda version, kind: discovered(api, version, kind)


def _rights(item: Object, discover: Discover) -> Iterator[Right]:
    version, kind = str(item["apiVersion"]), str(item["kind"])
    try:
        resource = known_plural(version, kind) or discover(version, kind)
    except NoSuchKind:
        return
    yield Right("create", resource, version.rpartition("/")[0])
    for rule in (item.get("rules") or ()) if kind == "Role" else ():
        for group in rule.get("apiGroups") or ("",):
            for held in rule.get("resources") or ():
                yield from (Right(str(verb), str(held), str(group)) for verb in rule["verbs"])
