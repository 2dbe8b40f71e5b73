"""Carries faults out: chooses, writes the undo, does, proves, and lifts, whatever happens between.

The order is what makes it safe. Everything that could be refused is found out first; then the undo
is on disk; only then something is done; and only a proof makes it count.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random  # noqa: TID251  # a fault's own seed, or the generator that we are given
from typing import Any

from chaoskit.errors import ChaoskitError, FaultRefused, LiftFailed
from chaoskit.faults.base import Fault, HeldFault, Instances
from chaoskit.faults.picking import pick_instances
from chaoskit.model.faults import Effect, Gone, Nature
from chaoskit.model.timeline import Mark, MarkKind
from chaoskit.run.able_site import AbleSite
from chaoskit.run.clock import now_ns
from chaoskit.run.fault_marks import effect_marks, gone_mark
from chaoskit.run.injected import Injected, injected
from chaoskit.run.undo_log import Entry, UndoLog
from chaoskit.target.agent import Lapse
from chaoskit.target.hands import AnyHands

__all__ = ["Injected", "Injector"]

Roles = Callable[[str, str], Sequence[Any] | None]


def no_roles(_service: str, _role: str) -> Sequence[Any] | None:
    """A target that declares no roles."""
    return None


@dataclass(kw_only=True)
class _Held:
    """A fault that is on."""

    entries: list[Entry]  # those that were not proven gone yet
    timer: threading.Timer | None = None


@dataclass(kw_only=True, eq=False)
class Injector:
    """Does faults to one target. Every method may be called from any thread.

    `record` gets the marks; it is called from several threads. `roles(service, role)` returns who
    plays a role now, or None for a role that the target does not declare. The undo log is
    `folder/faults.jsonl`; several injectors of one run may share it, one after the other.
    """

    folder: Path
    run_id: str
    site: Instances
    hands: AnyHands
    record: Callable[[Mark], None]
    rng: Random
    roles: Roles = no_roles
    _held: dict[str, _Held] = field(default_factory=dict, init=False)
    _lapsed: dict[str, Lapse] = field(default_factory=dict, init=False)  # by handle
    _active: dict[str, Entry] = field(default_factory=dict, init=False)  # by handle
    _closed: bool = field(default=False, init=False)
    _work: threading.RLock = field(default_factory=threading.RLock, init=False)

    def __post_init__(self) -> None:
        """Begin the log, and listen to the agent."""
        self._undo_log = UndoLog(self.folder)
        self._undo_log.begin(self.run_id)
        self.hands.listen(self._on_lapse)

    @property
    def held(self) -> tuple[str, ...]:
        """The faults that are on now, as far as we know."""
        return tuple(self._held)

    @property
    def timed(self) -> bool:
        """Whether a fault is on that will be lifted by itself, when its own duration is over."""
        timers = [one.timer for one in list(self._held.values())]
        return any(timer is not None and timer.is_alive() for timer in timers)

    @property
    def lapsed(self) -> tuple[str, ...]:
        """The faults that a lapsed lease ended under us: a watch over them is void."""
        return tuple(sorted({handle.rpartition(".")[0] for handle in list(self._lapsed)}))

    def inject(self, fault: Fault) -> Injected:
        """Apply a fault and prove it in effect.

        Raises FaultRefused when it could not be applied or proven, and then nothing of a held fault
        is left; LiftFailed when something may be. EnvironmentUnfit when no agent can be started.
        """
        with self._work:
            if self._closed:
                message = f"{fault.name}: the run is ending, no fault is begun any more"
                raise FaultRefused(message)
            entries = self._planned(fault)
            if isinstance(fault, HeldFault):
                # Before it is done: whoever interrupts us from here on, lift_all knows of it.
                self._held[entries[0].fault_id] = _Held(entries=list(entries))
            self._undo_log.doing(entries)
            effects = self._apply(fault, entries)
            if isinstance(fault, HeldFault):
                self._arm(fault, entries[0].fault_id)
            return injected(fault, entries, effects)

    def check(self, fault_id: str) -> tuple[bool, str]:
        """Whether a held fault is wholly in effect now, and the evidence. Raises FaultRefused."""
        with self._work:
            held = self._held.get(fault_id)
            if held is None:
                return False, f"{fault_id} is not held"
            found = [self._hand(one).check(one.operation) for one in held.entries]
            evidence = (
                f"{entry.operation.instance.name}: {words}"
                for entry, (_, words) in zip(held.entries, found, strict=True)
            )
            return all(on for on, _ in found), "; ".join(evidence)

    def lift(self, fault_id: str) -> tuple[Gone, ...]:
        """Lift a held fault and prove it gone; nothing to do is fine. Raises LiftFailed."""
        with self._work:
            held = self._held.get(fault_id)
            if held is None:
                return ()
            if held.timer is not None:
                held.timer.cancel()
            gone, failed = self._undo(held.entries)
            self._keep(fault_id, failed)
        if failed:
            raise LiftFailed(self._left(failed.values()))
        return gone

    def lift_all(self) -> tuple[Gone, ...]:
        """Lift everything that is held, the newest first. Raises LiftFailed after trying all."""
        gone: list[Gone] = []
        failed: list[str] = []
        with self._work:
            for fault_id in reversed(list(self._held)):
                try:
                    gone.extend(self.lift(fault_id))
                except LiftFailed as error:
                    failed.append(str(error))
        if failed:
            raise LiftFailed("\n".join(failed))
        return tuple(gone)

    def close(self) -> tuple[Gone, ...]:
        """Begin nothing any more and lift everything. Idempotent. Raises LiftFailed."""
        with self._work:
            self._closed = True
            try:
                return self.lift_all()
            finally:
                self.hands.close()

    def _planned(self, fault: Fault) -> list[Entry]:
        """The operations with everything that their undo will need. Nothing was done yet."""
        rng = self.rng if fault.seed is None else Random(fault.seed)
        candidates = self.site.instances(fault.service)
        picked = pick_instances(fault.pick, candidates, rng, partial(self.roles, fault.service))
        if fault.seed is None:  # what happens by chance within the fault is the run's chance too
            fault = replace(fault, seed=rng.getrandbits(32))
        site = AbleSite(self.site, self.hands)
        fault_id = self._undo_log.next_id()
        entries = []
        for number, operation in enumerate(fault.operations(picked, site)):
            tag = f"{self.run_id}/{fault_id}.{number}"
            marked = replace(operation, params={**operation.params, "tag": tag})
            entries.append(
                Entry(
                    fault_id=fault_id,
                    number=number,
                    fault=fault.name,
                    held=fault.nature is Nature.HELD,
                    operation=self.hands.of(marked).prepare(marked),
                )
            )
        if not entries:
            message = f"{fault.name}: there is nothing to do to {fault.service}"
            raise FaultRefused(message)
        return entries

    def _apply(self, fault: Fault, entries: list[Entry]) -> list[Effect]:
        """All or nothing; what was begun is withdrawn, whoever interrupts."""
        effects: list[Effect] = []
        try:
            for entry in entries:
                self._active[entry.handle] = entry
                hand = self._hand(entry)
                effect = hand.apply(entry.handle, entry.operation, held=entry.held)
                effects.append(effect)
                self._tell_effect(entry, effect, of=len(entries))
        except BaseException as error:
            words = self._withdraw(entries, effects)
            if isinstance(error, FaultRefused):
                message = (
                    f"{fault.name} of {entries[len(effects)].operation.instance.name}: {error}"
                )
                raise FaultRefused(message + words) from error
            raise
        return effects

    def _withdraw(self, entries: list[Entry], effects: list[Effect]) -> str:
        """Undo what was done of a fault that failed half-way. Raises LiftFailed."""
        begun = entries[: len(effects) + 1]
        gone, failed = self._undo([entry for entry in begun if entry.held])
        for entry in entries[len(begun) :]:
            if entry.held:
                self._undo_log.lifted(entry.handle, Gone(gone_ns=now_ns(), evidence="never begun"))
        self._keep(entries[0].fault_id, failed)
        if failed:
            raise LiftFailed(self._left(failed.values()))
        done = [entry.operation.instance.name for entry in begun[: len(effects)]]
        if done and not gone:
            return f"; it was done to {', '.join(done)} and cannot be undone"
        return f"; withdrawn from {', '.join(done)}" if done else ""

    def _keep(self, fault_id: str, failed: Mapping[str, str]) -> None:
        """Hold on to exactly what would not go, so that the next lift tries it again."""
        held = self._held.pop(fault_id, None)
        if held is not None and failed:
            held.entries = [entry for entry in held.entries if entry.handle in failed]
            self._held[fault_id] = held

    def _arm(self, fault: HeldFault, fault_id: str) -> None:
        """Lift the fault by itself when its own duration is over."""
        if fault.duration_s is None:
            return
        timer = threading.Timer(fault.duration_s, self._expire, [fault_id])
        timer.daemon = True
        self._held[fault_id].timer = timer
        timer.start()

    def _expire(self, fault_id: str) -> None:
        """The fault's own duration is over."""
        try:
            self.lift(fault_id)
        except LiftFailed as error:
            # It stays held, so that the end of the trial tries again and is loud about it.
            self._note(fault_id, str(error))

    def _undo(self, entries: Sequence[Entry]) -> tuple[tuple[Gone, ...], dict[str, str]]:
        """Undo in reverse order; what is gone, and by handle what would not go."""
        gone: list[Gone] = []
        failed: dict[str, str] = {}
        for entry in reversed(entries):
            if entry.handle in self._lapsed:
                continue  # the agent has lifted it, proven it, and told us
            try:
                one = self._hand(entry).undo(entry.handle, entry.operation)
            except ChaoskitError as error:
                failed[entry.handle] = f"{entry} may still be on: {error}"
                continue
            gone.append(one)
            self._tell_gone(entry, one, lapsed=False)
        return tuple(gone), failed

    def _hand(self, entry: Entry) -> Any:
        return self.hands.of(entry.operation)

    def _left(self, failures: Any) -> str:
        return "\n".join([*failures, f"lift it with: chaoskit recover {self.folder}"])

    def _on_lapse(self, lapse: Lapse) -> None:
        """News from the agent's reading thread: must not wait for work that waits for the agent."""
        entry = self._active.get(lapse.fault)
        if entry is None:
            return
        if not lapse.lifted:
            self._note(entry.fault_id, f"the agent cannot lift {entry}: {lapse.evidence}")
            return
        self._lapsed[lapse.fault] = lapse
        self._tell_gone(entry, Gone(gone_ns=lapse.gone_ns, evidence=lapse.evidence), lapsed=True)

    def _tell_effect(self, entry: Entry, effect: Effect, *, of: int) -> None:
        for mark in effect_marks(entry, effect, of=of):
            self.record(mark)

    def _tell_gone(self, entry: Entry, gone: Gone, *, lapsed: bool) -> None:
        self._undo_log.lifted(entry.handle, gone)
        self._active.pop(entry.handle, None)
        self.record(gone_mark(entry, gone, lapsed=lapsed))

    def _note(self, fault_id: str, detail: str) -> None:
        self.record(Mark(at_ns=now_ns(), kind=MarkKind.NOTE, source=fault_id, detail=detail))
