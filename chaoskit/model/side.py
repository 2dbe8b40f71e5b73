"""What two builds are compared by: one run, boiled down to what its trials measured.

It is made from a journal, or read from a baseline file: small enough to be kept beside the code, so
that a pull request can be compared with the branch that it leaves.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from chaoskit.errors import InputError, Problem
from chaoskit.model.measures import Sense, Unit
from chaoskit.model.verdict import Verdict

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SCHEMA = "chaoskit/baseline/v1"


@dataclass(frozen=True, kw_only=True)
class Taken:
    """One measure over the valid trials of an experiment: the worse end of each interval."""

    unit: Unit
    sense: Sense
    seen: tuple[float, ...] = ()
    beyond: tuple[float, ...] = ()  # not seen to end: longer than that
    period: float = 0.0  # what the method cannot tell apart, same unit

    def __len__(self) -> int:
        return len(self.seen) + len(self.beyond)


@dataclass(frozen=True, kw_only=True)
class SideExperiment:
    """One experiment of a side."""

    title: str
    hash: str
    verdict: Verdict | None  # None: it was not judged
    watch_s: float
    trials: int  # the valid ones
    void: int = 0
    measures: Mapping[str, Taken] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of a comparison."""

    schema: str = SCHEMA
    run: str
    at: str  # ISO 8601, UTC
    chaoskit: str
    host: str = ""
    machine: str = ""  # what kind of machine: times of different kinds are not comparable
    complete: bool = True  # the run came to its end
    experiments: Mapping[str, SideExperiment] = field(default_factory=dict)


def machine_of(environment: Mapping[str, Any]) -> str:
    """The kind of machine of a run: `x86_64, 2 cores`. A name would differ on every CI runner."""
    kind, cores = environment.get("machine", ""), environment.get("cores", "")
    named = [str(kind), f"{cores} cores" if cores else ""]
    return ", ".join(part for part in named if part)


def dump(side: Side) -> str:
    """A baseline file: sorted JSON, so that a change of it reads well in a diff."""
    plain = _adapter().dump_python(side, mode="json")
    return json.dumps(plain, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"


def load(raw: Any, *, source: str) -> Side:
    """The side in a parsed baseline file. Raises InputError with every field that is wrong."""
    from pydantic import ValidationError  # noqa: PLC0415  # --help has no use for it

    try:
        return _adapter().validate_python(raw)
    except ValidationError as invalid:
        problems = [
            Problem(
                file=source,
                message=f"{'.'.join(map(str, error['loc'])) or 'the baseline'}: {error['msg']}",
                hint="make it anew: chaoskit compare RUN --save FILE",
            )
            for error in invalid.errors(include_url=False, include_context=False)
        ]
        raise InputError(problems) from None


@cache
def _adapter() -> "TypeAdapter[Side]":
    from pydantic import TypeAdapter  # noqa: PLC0415

    return TypeAdapter(Side)
