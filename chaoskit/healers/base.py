"""What a kind of healer is: the settings it has, the fastest it can be, and what it carries over.

To add a kind, add one file to this shelf:

    class Watchdog(HealerKind):
        '''One line for the list. Then what it does, and where its numbers are from.'''

        name = "watchdog"
        settings = (Setting("period", "Between two looks.", Of.DURATION, default="1s"),)

        def floor(self, settings, fault, *, asks_hz=0.0): ...

    KIND = Watchdog()

A target file is checked against this shelf, which must be quick: nothing here imports numpy, and
nothing here knows the engine.
"""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar

from chaoskit import plugins
from chaoskit.healers.floors import Floor
from chaoskit.model.quantities import parse_duration

_NOT_KINDS = {"base", "floors"}


class Of(StrEnum):
    """What a setting's value is."""

    DURATION = "a duration"  # `200ms`; a bare number is seconds
    COUNT = "a whole number"
    WORD = "a text"
    FLAG = "true or false"
    WORDS = "a text or a list of texts"


class Loss(StrEnum):
    """How the loss of an instance looks from outside, which decides what a look at it costs."""

    GONE = "gone"  # refused at once; silent once the engine has taken its network away
    SILENT = "silent"  # connections stand, and nothing answers
    UNREACHABLE = "unreachable"  # not even a connection


# Faults that are not here leave a healer's floor unknown: a slow instance may pass every check.
# `stop` is not, because a process that is asked to end stops serving before it has ended.
LOSSES: Mapping[str, Loss] = {
    "crash": Loss.GONE,
    "memory_limit": Loss.GONE,  # the kernel's OOM killer ends the main process
    "hang": Loss.SILENT,
    "pause": Loss.SILENT,
    "partition": Loss.UNREACHABLE,
    "blackhole": Loss.UNREACHABLE,
    "disconnect": Loss.UNREACHABLE,
}


@dataclass(frozen=True)
class Setting:
    """One setting of a kind, as a target file may say it."""

    name: str
    about: str
    of: Of
    default: str | int | bool | None = None
    choices: tuple[str, ...] = ()
    least: int = 0  # of a count

    def read(self, written: Any) -> Any:
        """The value: seconds, a count, a text or a truth value. Raises ValueError with what is allowed."""
        is_number = isinstance(written, (int, float)) and not isinstance(written, bool)
        value: Any = written
        if self.of is Of.DURATION:
            value = float(written) if is_number else parse_duration(written)
            ok = value >= 0
        elif self.of is Of.COUNT:
            ok = isinstance(written, int) and is_number and written >= self.least
        elif self.of is Of.FLAG:
            ok = isinstance(written, bool)
        elif self.of is Of.WORDS and isinstance(written, (list, tuple)):
            ok = all(isinstance(one, str) for one in written)
        else:
            ok = isinstance(written, str)
        if not ok:
            least = f" of at least {self.least}" if self.of is Of.COUNT and self.least else ""
            message = f"{written!r} is not {self.of.value}{least}"
            raise ValueError(message)
        if self.choices and value not in self.choices:
            message = f"{written!r} is not known; choose from {', '.join(self.choices)}"
            raise ValueError(message)
        return value


# The engine's witness asks for these of any kind (chaoskit/target/events.py).
COMMON = (Setting("services", "Whose ends and starts the engine tells of it.", Of.WORDS),)


class HealerKind(ABC):
    """One kind."""

    name: ClassVar[str]
    title: ClassVar[str]
    settings: ClassVar[tuple[Setting, ...]] = ()
    acts_alone: ClassVar[bool] = True  # False: it notices, and somebody else must act
    beside: ClassVar[frozenset[str]] = frozenset()  # faults of its own instance that spare itself
    rearm: ClassVar[str]  # what it carries from trial to trial, and how it is made to forget
    witness: ClassVar[str]  # where one sees what it does

    @abstractmethod
    def floor(
        self, settings: Mapping[str, Any], fault: str, *, asks_hz: float = 0.0
    ) -> Floor | None:
        """The fastest it can be about a fault; None when its settings say nothing about that.

        `settings` are as the target file has them; `fault` is a name on the shelf of faults;
        `asks_hz` is how many requests a second reach the instance, for kinds that watch traffic.
        Raises ValueError for settings that are not what they should be.
        """

    @property
    def about(self) -> str:
        """One line for a list: the first line of the docstring."""
        return (self.__doc__ or "").strip().splitlines()[0]

    @property
    def known(self) -> Mapping[str, Setting]:
        """Every setting that a target file may give."""
        return {one.name: one for one in (*self.settings, *COMMON)}

    def values(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Every setting's value, defaults filled in; durations in seconds. Raises ValueError."""
        found: dict[str, Any] = {}
        for one in self.settings:
            written = settings.get(one.name, one.default)
            try:
                found[one.name] = None if written is None else one.read(written)
            except ValueError as error:
                message = f"{one.name}: {error}"
                raise ValueError(message) from error
        return found


def catalogue() -> Mapping[str, HealerKind]:
    """Every kind on the shelf, by name; those that other packages add too."""
    return shelf().entries


@cache
def shelf() -> plugins.Stock[HealerKind]:
    """Every kind, which package added it, and what cannot be used."""
    import chaoskit.healers as package  # noqa: PLC0415  # the shelf imports this module

    modules = (
        importlib.import_module(f"chaoskit.healers.{one.name}")
        for one in pkgutil.iter_modules(package.__path__)
        if one.name not in _NOT_KINDS
    )
    own = {module.KIND.name: module.KIND for module in modules}
    return plugins.stock(plugins.HEALERS, own, _accepted)


def _accepted(plugin: plugins.Plugin, found: object) -> HealerKind:
    """A kind of another package: an instance, whose name is that of its entry."""
    if not isinstance(found, HealerKind):
        message = f"{plugin.value} is no instance of chaoskit.healers.base.HealerKind"
        raise plugins.Unusable(message)
    if found.name != plugin.name:
        message = f"{plugin.value} calls itself {found.name!r}"
        raise plugins.Unusable(message)
    return found


def seconds(value: float) -> str:
    """Seconds in a formula: `0.2 s`."""
    return f"{value:g} s"
