"""Queueing disciplines of ours at the root of a device: put there, found and removed by handle.

A handle is made from the operation's tag, so that an undo which comes late never takes away what
another fault has put there since. What is there and not ours is never touched.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chaoskit.agent.kind import Refused
from chaoskit.agent.network import links
from chaoskit.agent.processes import network_of

_OURS = 0xC4  # the upper half of the handles of ours
_INNER = 0xC5  # and of those below one of ours
_BY_DEFAULT = "0:"  # the handle of what the kernel puts there by itself


@dataclass(frozen=True, kw_only=True)
class Place:
    """A device in somebody's network."""

    pid: int
    device: str


def handle(tag: str) -> str:
    """The handle of a tag's qdisc, as tc writes it: `c47f:`."""
    return f"{_OURS << 8 | zlib.crc32(tag.encode()) & 0xFF:x}:"


def inner_handle(tag: str) -> str:
    """The handle of a second one below it."""
    return f"{_INNER << 8 | zlib.crc32(tag.encode()) & 0xFF:x}:"


def is_ours(name: str) -> bool:
    """Whether a handle is one that a fault of ours, of whatever tag, would have."""
    return name.startswith(f"{_OURS:x}") and len(name) == len("c400:")


def root(place: Place) -> dict[str, Any]:
    """What is at the root of a device now. Raises Refused, OSError."""
    with network_of(place.pid):
        found = links.json_of("tc", "-s", "-j", "qdisc", "show", "dev", place.device)
    return next((one for one in found if one.get("root")), {"kind": "none", "handle": _BY_DEFAULT})


def free(place: Place) -> bool:
    """Whether we may put something there; False where a fault of ours is.

    Raises Refused for what somebody else has put there.
    """
    there = root(place)
    if there["handle"] == _BY_DEFAULT:
        return True
    if is_ours(there["handle"]):
        return False
    message = (
        f"{place.device} has a qdisc of somebody else's ({there['kind']} {there['handle']}), "
        "which is not ours to replace"
    )
    raise Refused(message)


def put(place: Place, commands: Sequence[str]) -> None:
    """Run tc commands, one after the other, until one fails. Raises Refused, OSError."""
    with network_of(place.pid):
        links.run("tc", "-batch", "-", text="\n".join(commands) + "\n")


def remove(place: Place, name: str) -> bool:
    """Remove the root qdisc if it has this handle, and prove it gone; whether it was there."""
    if root(place)["handle"] != name:
        return False
    put(place, [f"qdisc del dev {place.device} root handle {name}"])
    if root(place)["handle"] == name:
        message = f"qdisc {name} stays on {place.device}"
        raise Refused(message)
    return True
