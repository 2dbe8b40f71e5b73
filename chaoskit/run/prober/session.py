"""What the prober is told, and what it replies: begin, end, quit."""

import gc
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from chaoskit.model.experiment import KEPT, ProbeSpec
from chaoskit.probes import shelf
from chaoskit.probes.base import BadProbe, Question, Settings
from chaoskit.run.prober import priority
from chaoskit.run.prober.ask import Ask, ConnectionAsk
from chaoskit.run.prober.hub import Hub
from chaoskit.run.prober.kept import Keep, KeptAsk, keeping
from chaoskit.run.prober.record import SampleFile
from chaoskit.run.prober.sampler import Open, Sampler
from chaoskit.run.prober.schedule import (
    NS,
    Lane,
    Turn,
    keepable_rate,
    slots,
    workers_for,
)

if TYPE_CHECKING:
    from chaoskit.run.prober.crew import Crew

Message = dict[str, Any]
_HEAD_START_NS = 2_000_000  # from the reply to the first ask
# A call of user code that takes this much longer than it did in peace counts as hanging.
_PATIENCE = 4


class Session:
    """Carries out the orders of one run."""

    def __init__(self, hub: Hub, sampler: Sampler, reply: Callable[[Message], None]) -> None:
        self._hub = hub
        self._sampler = sampler
        self._reply = reply
        self._direct: list[Lane] = []
        self._keeps: list[Keep] = []
        self._crew: Crew | None = None

    def obey(self, order: Mapping[str, Any]) -> None:
        """Do what is ordered, and reply."""
        try:
            if order["do"] == "begin":
                self._begin(order)
            elif order["do"] == "end":
                self._end()
            else:
                self._sampler.stop()
        except BadProbe as problem:
            self._reply({"error": str(problem), "whose": "author"})
        except OSError as problem:
            self._reply({"error": str(problem), "whose": "operator"})

    def _begin(self, order: Mapping[str, Any]) -> None:
        if self._sampler.busy:
            message = "sampling is under way; end it before beginning anew"
            raise BadProbe(message)
        specs = [ProbeSpec(**fields) for fields in order["probes"]]
        plan = self._plan(specs, order)
        file = SampleFile(Path(order["samples_path"]))
        gc.collect()
        gc.freeze()
        gc.disable()
        standing = priority.claim(sum(NS / lane.period_ns for lane, _ in plan))
        started_ns = monotonic_ns() + _HEAD_START_NS
        for place, (lane, _) in enumerate(plan):
            lane.start(started_ns + place * lane.period_ns // len(plan))
        self._sampler.begin(file, plan)
        self._reply(
            {
                "started_ns": started_ns,
                "rates": [NS / lane.period_ns for lane, _ in plan[: len(specs)]],
                "timeouts": [lane.timeout_ns / NS for lane, _ in plan[: len(specs)]],
                "priority": standing,
                "lanes": [
                    [lane.probe, lane.track, lane.due_ns, lane.period_ns] for lane, _ in plan
                ],
            }
        )

    def _end(self) -> None:
        if not self._sampler.busy:
            message = "nothing is being sampled; begin first"
            raise BadProbe(message)
        self._sampler.drain(whole_rounds_of=self._direct, then=self._ended)

    def _ended(self) -> None:
        for keep in self._keeps:
            keep.close()
        self._keeps = []
        priority.release()
        gc.enable()
        gc.unfreeze()
        self._reply(self._sampler.tally.report())

    def _plan(
        self, specs: Sequence[ProbeSpec], order: Mapping[str, Any]
    ) -> list[tuple[Lane, Open]]:
        settings = Settings(configuration=order["configuration"], secrets=order["secrets"])
        questions = {}
        for index, spec in enumerate(specs):
            if not shelf.is_pooled(spec):
                questions[index] = _question(spec, settings)
        pooled = [(index, spec) for index, spec in enumerate(specs) if index not in questions]
        plan = dict(self._plan_pooled(pooled, order)) if pooled else {}
        for index, question in questions.items():
            plan[index] = self._plan_direct(index, question, order)
        self._direct = [plan[index][0] for index in questions]
        fresh = [plan[index] for index in range(len(specs))]
        return fresh + (self._plan_kept(questions, order) if KEPT in order["tracks"] else [])

    def _plan_kept(
        self, questions: Mapping[int, Question], order: Mapping[str, Any]
    ) -> list[tuple[Lane, Open]]:
        """A second lane for each probe that can be asked over a kept connection."""
        plan = []
        for index, question in questions.items():
            staying = keeping(question)
            if staying is not None:
                plan.append(self._plan_kept_one(index, staying, order))
        return plan

    def _plan_kept_one(
        self, index: int, question: Question, order: Mapping[str, Any]
    ) -> tuple[Lane, Open]:
        timeout_s = min(order["timeout_s"], question.timeout_s or order["timeout_s"])
        cap = slots(timeout_s, order["rate_hz"])
        lane = _lane(index, order["rate_hz"], timeout_s, cap, track=1)
        hub, finish, keep = self._hub, self._sampler.finish, Keep(self._hub)
        self._keeps.append(keep)

        def start(lane: Lane, turn: Turn) -> Ask:
            return KeptAsk(lane, turn, question, hub=hub, finish=finish, keep=keep)

        return lane, start

    def _plan_direct(
        self, index: int, question: Question, order: Mapping[str, Any]
    ) -> tuple[Lane, Open]:
        timeout_s = min(order["timeout_s"], question.timeout_s or order["timeout_s"])
        lane = _lane(index, order["rate_hz"], timeout_s, slots(timeout_s, order["rate_hz"]))
        hub, finish = self._hub, self._sampler.finish

        def start(lane: Lane, turn: Turn) -> Ask:
            return ConnectionAsk(lane, turn, question, hub=hub, finish=finish)

        return lane, start

    def _plan_pooled(
        self, pooled: Sequence[tuple[int, ProbeSpec]], order: Mapping[str, Any]
    ) -> list[tuple[int, tuple[Lane, Open]]]:
        from chaoskit.run.prober.crew import PoolAsk  # noqa: PLC0415 - most runs need no pool

        crew = self._staffed_crew(pooled, order)
        plan: list[tuple[int, tuple[Lane, Open]]] = []
        finish, hands = self._sampler.finish, 0

        def start(lane: Lane, turn: Turn) -> Ask:
            return PoolAsk(lane, turn, crew=crew, finish=finish)

        for index, spec in pooled:
            took_s = crew.took_s[index]
            timeout_s = max(order["timeout_s"], _PATIENCE * took_s, _own_timeout_s(spec))
            rate_hz = keepable_rate(
                wanted_hz=order["rate_hz"],
                took_s=took_s,
                timeout_s=timeout_s,
                sharing=len(pooled),
            )
            workers = workers_for(rate_hz=rate_hz, timeout_s=timeout_s, sharing=len(pooled))
            hands += workers
            plan.append((index, (_lane(index, rate_hz, timeout_s, workers), start)))
        crew.hire(hands)
        return plan

    def _staffed_crew(
        self, pooled: Sequence[tuple[int, ProbeSpec]], order: Mapping[str, Any]
    ) -> "Crew":
        """The pool, calibrated; kept from one trial to the next."""
        from chaoskit.run.prober.crew import Crew, setup_of  # noqa: PLC0415

        setup = setup_of(pooled, order["configuration"], order["secrets"])
        if self._crew is None or self._crew.setup != setup:
            if self._crew is not None:
                self._crew.close()
            self._crew = None
            self._crew = Crew(setup, self._hub)
        self._crew.calibrate([index for index, _ in pooled])
        return self._crew


def _question(spec: ProbeSpec, settings: Settings) -> Question:
    try:
        return shelf.question(spec, settings)
    except BadProbe as problem:
        message = f"probe {spec.name!r}: {problem}"
        raise BadProbe(message) from problem


def _lane(probe: int, rate_hz: float, timeout_s: float, cap: int, *, track: int = 0) -> Lane:
    return Lane(
        track=track,
        probe=probe,
        period_ns=max(1, round(NS / rate_hz)),
        timeout_ns=round(timeout_s * NS),
        cap=cap,
    )


def _own_timeout_s(spec: ProbeSpec) -> float:
    """A provider's own timeout, which Chaos Toolkit keeps to: we must not be the stricter one."""
    own = spec.provider.get("timeout")
    return float(own) if isinstance(own, int | float) else 0.0
