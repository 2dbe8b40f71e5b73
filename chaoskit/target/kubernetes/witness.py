"""What a watch saw a healer do, as marks: one for every declared healer of that kind it is about."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chaoskit.model.marks import Mark, MarkKind
from chaoskit.model.target import Healer, TargetSpec


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When something was heard, and how long before it may have happened."""

    at_ns: int
    resolution_ns: int = 0


@dataclass(frozen=True, kw_only=True)
class Whom:
    """What something happened to: a workload, and a pod or another object of it."""

    workload: str
    instance: str = ""


@dataclass(frozen=True)
class Witness:
    """Writes the marks; which healers there are is the target's word."""

    spec: TargetSpec
    record: Callable[[Mark], None]

    def bear(
        self,
        mark: MarkKind,
        kind: str,
        whom: Whom,
        moment: Moment,
        only: Callable[[Healer], bool] = lambda _healer: True,
    ) -> None:
        """Mark what a healer of this kind did to a workload."""
        for healer in self._healers(kind, whom.workload):
            if only(healer):
                detail = f"{kind}: {mark.value}"
                data = {"witness": "cluster"}
                self._mark(mark, healer.name, whom, moment, detail=detail, data=data)

    def tell(
        self, what: str, whom: Whom, moment: Moment, data: Mapping[str, Any] | None = None
    ) -> None:
        """Mark what the cluster tells, which is nobody's doing yet."""
        self._mark(MarkKind.ENGINE, "cluster", whom, moment, detail=what, data=data or {})

    def _mark(self, kind: MarkKind, source: str, whom: Whom, moment: Moment, **words: Any) -> None:
        self.record(
            Mark(
                at_ns=moment.at_ns,
                kind=kind,
                source=source,
                service=whom.workload,
                instance=whom.instance,
                resolution_ns=moment.resolution_ns,
                **words,
            )
        )

    def _healers(self, kind: str, workload: str) -> Iterator[Healer]:
        for healer in self.spec.healers:
            services = healer.settings.get("services", workload)
            named = (services,) if isinstance(services, str) else tuple(services)
            if healer.kind == kind and healer.engine and workload in named:
                yield healer


def watched_kinds(spec: TargetSpec) -> frozenset[str]:
    """The kinds of healers for which the cluster's own watches bear witness."""
    return frozenset(one.kind for one in spec.healers if one.engine)
