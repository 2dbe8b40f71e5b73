"""Who owns a run: one file in its folder, by which a run under way is told from one that died."""

import json
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

HARNESS = "harness.json"


class Mode(StrEnum):
    """What a dead run must not leave."""

    REMOVE = "remove"  # nothing of it: faults undone, containers, networks and volumes removed
    UNDO = "undo"  # no fault and no agent; the target was there before and stays


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The process that a run belongs to. A pid alone could mean another process by now."""

    run_id: str
    pid: int
    started: str  # clock ticks since boot
    boot: str  # the boot that the ticks count from
    mode: Mode

    @property
    def lives(self) -> bool:
        """Whether that very process still runs."""
        return self.boot == _boot() and self.started == process_start(self.pid) != ""


def claim(folder: Path, run_id: str, mode: Mode) -> None:
    """This process owns the run in this folder."""
    pid = os.getpid()
    claim = {
        "run_id": run_id,
        "pid": pid,
        "started": process_start(pid),
        "boot": _boot(),
        "mode": mode.value,
    }
    (folder / HARNESS).write_text(json.dumps(claim) + "\n", encoding="utf-8")


def release(folder: Path) -> None:
    """Nobody owns the run any more, and nothing of it is left."""
    (folder / HARNESS).unlink(missing_ok=True)


def owner_of(folder: Path) -> Owner | None:
    """Who owns, or owned, the run; None when nobody claimed it or it ended in good order."""
    try:
        claim = json.loads((folder / HARNESS).read_text(encoding="utf-8"))
        return Owner(**{**claim, "mode": Mode(claim["mode"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def process_start(pid: int) -> str:
    """When a process started, in clock ticks since boot; "" when none runs under that pid."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
