"""Which instances a fault is done to: by chance, all, by name, or by the role they play."""

from collections.abc import Callable, Sequence
from random import Random  # noqa: TID251  # a type here; the seed is the caller's

from chaoskit.errors import FaultRefused
from chaoskit.model.faults import Instance

ANY = "any"
ALL = "all"

Role = Callable[[str], Sequence[Instance] | None]


def no_roles(_role: str) -> Sequence[Instance] | None:
    """A target that declares no roles."""
    return None


def pick_instances(
    pick: str, candidates: Sequence[Instance], rng: Random, role: Role = no_roles
) -> tuple[Instance, ...]:
    """The instances that `pick` means, of all the instances of a service.

    `any` is one running instance by chance, `all` is every running one. Otherwise it is the name
    of an instance, or of a role: `role` returns who plays it now, or None for an unknown role.
    Raises FaultRefused with what exists when nothing matches.
    """
    running = [one for one in candidates if one.running]
    named = [one for one in candidates if one.name == pick]
    if pick == ANY and running:
        return (rng.choice(sorted(running, key=lambda one: one.name)),)
    if pick == ALL and running:
        return tuple(running)
    if named:
        return _running(pick, named)
    players = None if pick in {ANY, ALL} else role(pick)
    if players:
        return _running(pick, players)
    why = f"nobody is {pick} now" if players is not None else f"no instance matches {pick!r}"
    exist = ", ".join(one.name + ("" if one.running else " (not running)") for one in candidates)
    message = (
        f"{why}; there are: {exist or 'none'}; also allowed: any, all, or a role of the target"
    )
    raise FaultRefused(message)


def _running(pick: str, chosen: Sequence[Instance]) -> tuple[Instance, ...]:
    if down := [one.name for one in chosen if not one.running]:
        message = f"{pick}: {', '.join(down)} is not running, so nothing can be done to it"
        raise FaultRefused(message)
    return tuple(chosen)
