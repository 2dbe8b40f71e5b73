"""What a ledger is: a place of the target where values are written, and all of them read back.

To add a kind, add one file to this shelf; its name is the file's name, its fields are the settings
that an experiment may give, each with a line of documentation:

    @dataclass(frozen=True, kw_only=True)
    class Redis(LedgerKind):
        '''One line for the list.'''

        discipline: ClassVar[Discipline] = Discipline.SET
        url: str = setting("Where it is.", example="${redis_url}")

        def prepare(self) -> None: ...
        def open(self) -> Client: ...

    KIND = Redis

Checking an experiment file needs the fields only: a client library is imported when it is used.
"""

import importlib
import pkgutil
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any, ClassVar, NamedTuple, Protocol
from urllib.parse import urlsplit

from chaoskit import plugins
from chaoskit.errors import ChaoskitError
from chaoskit.model.ledger import Discipline, Fate


class LedgerUnready(ChaoskitError):
    """The target takes no values: its ledger cannot be prepared, or its settings are wrong."""


class ReadFailed(ChaoskitError):
    """What is there could not be read, this time."""


class Answer(NamedTuple):
    """What a write was told."""

    fate: Fate
    why: str = ""


ACKNOWLEDGED = Answer(Fate.OK)


class Client(Protocol):
    """One writer's connection; used by one thread. It connects when it must."""

    def write(self, value: str) -> Answer:
        """Write one value; never raises for what the target does, and never tries again.

        FAIL only when the value cannot have arrived, or was refused. Without an answer: INFO.
        """
        ...

    def read(self) -> list[str]:
        """Texts of everything that is there, as often as it is there. Raises ReadFailed."""
        ...

    def close(self) -> None:
        """Let go of the connection. Never raises."""
        ...


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a ledger knows of its trial."""

    token: str  # in every value of the trial, and in no other
    timeout_s: float  # longest wait for an answer


@dataclass(frozen=True, kw_only=True)
class LedgerKind(ABC):
    """One kind of ledger, with the settings of an experiment."""

    discipline: ClassVar[Discipline]

    @abstractmethod
    def prepare(self, run: Run) -> None:
        """Make the place, when it must be made. Raises LedgerUnready."""

    @abstractmethod
    def open(self, run: Run) -> Client:
        """A client that is not connected yet."""


def setting(
    doc: str, *, example: Any = None, default: Any = MISSING, choices: tuple[str, ...] = ()
) -> Any:
    """A field of a kind that is a setting; `${name}` in its text is filled in."""
    shown = example if example is not None else default
    return field(default=default, metadata={"doc": doc, "example": shown, "choices": choices})


class Setting(NamedTuple):
    """A setting as an experiment file may hold it."""

    name: str
    doc: str
    type: type  # str, int or bool
    required: bool
    default: Any
    example: Any
    choices: tuple[str, ...] = ()


def settings_of(kind: type[LedgerKind]) -> tuple[Setting, ...]:
    """The settings of a kind, in the order of its fields."""
    types = {"str": str, "int": int, "bool": bool, str: str, int: int, bool: bool}
    return tuple(
        Setting(
            name=one.name,
            doc=one.metadata["doc"],
            type=types[one.type],
            required=one.default is MISSING,
            default=None if one.default is MISSING else one.default,
            example=one.metadata["example"],
            choices=one.metadata["choices"],
        )
        for one in fields(kind)
    )


def catalogue() -> Mapping[str, type[LedgerKind]]:
    """Every kind on the shelf, by name; those that other packages add too."""
    return shelf().entries


@cache
def shelf() -> plugins.Stock[type[LedgerKind]]:
    """Every kind, which package added it, and what cannot be used."""
    import chaoskit.ledgers as package  # noqa: PLC0415  # the shelf imports this module

    names = sorted(one.name for one in pkgutil.iter_modules(package.__path__))
    own = {
        name: importlib.import_module(f"chaoskit.ledgers.{name}").KIND
        for name in names
        if name not in {"base", "resp"}
    }
    return plugins.stock(plugins.LEDGERS, own, _accepted)


def _accepted(plugin: plugins.Plugin, found: object) -> type[LedgerKind]:
    """A kind of another package."""
    if not (isinstance(found, type) and issubclass(found, LedgerKind)):
        message = f"{plugin.value} is no subclass of chaoskit.ledgers.base.LedgerKind"
        raise plugins.Unusable(message)
    return found


def make(kind: str, settings: Mapping[str, Any]) -> LedgerKind:
    """A ledger from its kind and its settings, every ${name} filled in. Raises LedgerUnready."""
    found = catalogue().get(kind)
    if found is None:
        choices = f"no ledger of kind {kind!r}; choose from {', '.join(catalogue())}"
        message = shelf().refused.get(kind, choices)
        raise LedgerUnready(message)
    try:
        return found(**settings)
    except (TypeError, ValueError) as error:
        message = f"the settings of the {kind} ledger are wrong: {error}"
        raise LedgerUnready(message) from None


def text_of(token: str, number: int) -> str:
    """A value as it is written."""
    return f"{token}-{number}"


def numbers_in(token: str, texts: Iterable[str]) -> list[int]:
    """The trial's own values in what was read; whatever else is there is none of ours."""
    pattern = re.compile(rf"(?<![0-9a-z]){re.escape(token)}-(\d{{1,15}})(?!\d)")
    return [int(number) for text in texts for number in pattern.findall(text)]


def host_and_port(url: str, default_port: int) -> tuple[str, int]:
    """Where an address points; a scheme is not needed. Raises ValueError."""
    parts = urlsplit(url if "://" in url else f"tcp://{url}")
    if not parts.hostname:
        message = f"{url!r} names no host"
        raise ValueError(message)
    return parts.hostname, parts.port or default_port
