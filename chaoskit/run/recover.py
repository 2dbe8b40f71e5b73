"""Undoing what a dead run left: from its undo log, and from the labels on the engine."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from chaoskit.errors import ChaoskitError, InputError, LiftFailed, Problem
from chaoskit.model.faults import Doer
from chaoskit.run.clock import wait_until
from chaoskit.run.owner import HARNESS, Mode, Owner, owner_of, release
from chaoskit.run.undo_log import Entry, UndoLog
from chaoskit.target import engine
from chaoskit.target.cleanup import Client, remove_agents, remove_labelled, remove_run, runs_on
from chaoskit.target.engine import RUN_LABEL
from chaoskit.target.hands import AgentHand, Hands
from chaoskit.target.images import ensure_agent
from chaoskit.target.surgery import EngineHand

__all__ = [
    "Leftover",
    "Mode",
    "Recovered",
    "leftovers",
    "recover",
    "remove_labelled",
    "remove_run",
]

_QUIET_S = 1.0  # nothing new for so long: whoever was still creating has ended
_PATIENCE_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """What was done, for people."""

    undone: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """A run whose harness is dead, and what it left."""

    run_id: str
    folder: Path | None  # None: no folder here knows this run
    why: str
    things: tuple[str, ...]  # "container x", "hang of web-1 (...)"

    @property
    def command(self) -> str:
        """What removes it."""
        return f"chaoskit recover {self.folder}" if self.folder else "chaoskit recover"


def _say_nothing(_line: str) -> None:
    return


def recover(
    folder: Path, *, mode: Mode | None = None, tell: Callable[[str], None] = _say_nothing
) -> Recovered:
    """Undo every fault that the run's log does not call lifted, and remove what the run created.

    `mode` is as the run was started; a run that nobody claimed is removed. It may be asked for again.
    Raises LiftFailed naming what may still be there, InputError when the run is still under way,
    EnvironmentUnfit when no engine answers.
    """
    owner = owner_of(folder)
    if owner is not None and owner.lives:
        message = f"this run is still under way in process {owner.pid}; end it first"
        raise InputError(Problem(file=str(folder), message=message))
    undo_log = UndoLog(folder)
    run_id = owner.run_id if owner else undo_log.run_id
    mode = mode or (owner.mode if owner else Mode.REMOVE)
    undone, removed, failed = _recover_clusters(undo_log, mode, tell)
    if not undo_log.clusters or undo_log.on_engine:
        with closing(engine.connect()) as client:
            here, left = _undo_all(client, undo_log, tell)
            removed += _remove_all(client, run_id, mode, tell)
            if left:  # an instance that could not be mended may be gone by now
                again, left = _undo_all(client, undo_log, tell)
                here += again
                removed += remove_agents(client, run_id)
        undone += here
        failed += left
    if failed:
        command = f"chaoskit recover {folder}"
        message = "\n".join([*failed, f"try again with: {command}"])
        raise LiftFailed(message)
    release(folder)
    return Recovered(undone=undone, removed=removed)


def _recover_clusters(
    undo_log: UndoLog, mode: Mode, tell: Callable[[str], None]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """(undone, removed, what would not go); nothing for a run that was in no cluster."""
    places = undo_log.clusters
    if not places:
        return (), (), ()
    from chaoskit.run.recover_cluster import (  # noqa: PLC0415  # the client's import takes a second
        remove_from_clusters,
        undo_in_clusters,
    )

    undone, failed = undo_in_clusters(undo_log, tell)
    removed: list[str] = []
    if mode is Mode.REMOVE or not any(one.own for one in places):  # then only helpers of ours
        removed = remove_from_clusters(places, undo_log.run_id, tell)
    return tuple(undone), tuple(removed), tuple(failed)


def _undo_all(
    client: Client, undo_log: UndoLog, tell: Callable[[str], None]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(what was undone, what would not go), for everything that the log leaves open."""
    entries = [one for one in undo_log.open_entries() if one.operation.doer is not Doer.CLUSTER]
    if not entries:
        return (), ()
    labels = {RUN_LABEL: undo_log.run_id}
    agent = AgentHand.beside(client, image=lambda: ensure_agent(client, tell), labels=labels)
    hands = Hands(agent=agent, engine=EngineHand(engine.connect))
    undone: list[str] = []
    failed: list[str] = []
    try:
        for entry in entries:
            lifted, words = _undo(hands, undo_log, entry)
            (undone if lifted else failed).append(words)
            tell(words)
    finally:
        hands.engine.close()
        agent.close()
    return tuple(undone), tuple(failed)


def _undo(hands: Hands, undo_log: UndoLog, entry: Entry) -> tuple[bool, str]:
    """Whether it is gone, and what to say about it."""
    try:
        gone = hands.of(entry.operation).undo(entry.handle, entry.operation)
    except ChaoskitError as error:
        return False, f"{entry} may still be on: {error}"
    undo_log.lifted(entry.handle, gone)
    return True, f"{entry}: {gone.evidence}"


def _remove_all(
    client: Client, run_id: str, mode: Mode, tell: Callable[[str], None]
) -> tuple[str, ...]:
    """Remove until nothing new appears: a dying Compose may still be creating."""
    remove = remove_run if mode is Mode.REMOVE else remove_agents
    removed: list[str] = []

    def none_for_a_while() -> bool:
        found = remove(client, run_id)
        for one in found:
            tell(f"removed {one}")
        removed.extend(found)
        return not found

    if not none_for_a_while() and not wait_until(
        none_for_a_while, timeout_s=_PATIENCE_S, every_s=_QUIET_S
    ):
        message = (
            f"somebody keeps creating things of run {run_id}; end them, then: chaoskit recover"
        )
        raise LiftFailed(message)
    return tuple(removed)


def leftovers(client: Client | None, reports: Path) -> tuple[Leftover, ...]:
    """Runs whose harness is dead and that left something: a fault, or a thing on the engine.

    Without an engine, only what the runs' own folders tell of.
    """
    claims = {owner.run_id: (owner, folder) for owner, folder in _claims(reports)}
    things = runs_on(client) if client is not None else {}
    found = []
    for run_id in sorted(claims.keys() | things.keys()):
        owner, folder = claims.get(run_id, (None, None))
        if (owner is not None and owner.lives) or _at_work(run_id):
            continue
        entries = UndoLog(folder).open_entries() if folder else ()
        left = (*things.get(run_id, ()), *_in_clusters(folder, run_id), *map(str, entries))
        why = "its harness died" if folder else "no run here knows it, and nobody works on it"
        if left:
            found.append(Leftover(run_id=run_id, folder=folder, why=why, things=left))
    return tuple(found)


def _in_clusters(folder: Path | None, run_id: str) -> Iterable[str]:
    places = UndoLog(folder).clusters if folder else ()
    if not places:
        return ()
    from chaoskit.run.recover_cluster import left_in_clusters  # noqa: PLC0415

    return left_in_clusters(places, run_id)


def _claims(reports: Path) -> Iterator[tuple[Owner, Path]]:
    """Runs that were not ended in good order, and sessions with a standing target."""
    for path in [*reports.glob(f"*/{HARNESS}"), *reports.glob(f"up-*/*/{HARNESS}")]:
        owner = owner_of(path.parent)
        if owner is not None and not path.parent.is_symlink():
            yield owner, path.parent


def _at_work(run_id: str) -> bool:
    """Whether some process here names the run: its keeper, maybe of another checkout."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"chaoskit.run.keeper" in words and run_id.encode() in words:
            return True
    return False
