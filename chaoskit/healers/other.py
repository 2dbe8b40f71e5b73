"""A healer that is of none of the kinds here."""

from collections.abc import Mapping
from typing import Any

from chaoskit.healers.base import HealerKind, Setting
from chaoskit.healers.floors import Floor


class Other(HealerKind):
    """Any other mechanism: its witness tells what it does, and nothing is promised for it."""

    name = "other"
    title = "Anything else"
    settings = ()
    rearm = "full strength, and nothing else is known"
    witness = "whatever shows it: engine, log or http"

    @property
    def known(self) -> Mapping[str, Setting]:
        """Its settings are free; they are shown and not understood."""
        return {}

    def floor(
        self, settings: Mapping[str, Any], fault: str, *, asks_hz: float = 0.0
    ) -> Floor | None:
        """Unknown."""
        del settings, fault, asks_hz
        return None


KIND = Other()
