"""What whoever asked for a fault is told about it, once it was proven in effect."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from chaoskit.faults.base import Fault
from chaoskit.model.faults import Effect, Nature
from chaoskit.run.undo_log import Entry


@dataclass(frozen=True, kw_only=True)
class Injected:
    """A fault that was proven in effect."""

    fault_id: str
    fault: str
    nature: Nature
    instances: tuple[str, ...]
    mechanisms: tuple[str, ...]
    evidence: tuple[str, ...]
    in_effect_ns: int  # of the first instance

    def as_dict(self) -> dict[str, Any]:
        """For a Chaos Toolkit journal."""
        return {**asdict(self), "nature": self.nature.value}


def injected(fault: Fault, entries: Sequence[Entry], effects: Sequence[Effect]) -> Injected:
    """The account of a fault from its operations and their proofs, in the same order."""
    return Injected(
        fault_id=entries[0].fault_id,
        fault=fault.name,
        nature=fault.nature,
        instances=tuple(entry.operation.instance.name for entry in entries),
        mechanisms=tuple(dict.fromkeys(entry.operation.mechanism for entry in entries)),
        evidence=tuple(effect.evidence for effect in effects),
        in_effect_ns=min(effect.in_effect_ns for effect in effects),
    )
