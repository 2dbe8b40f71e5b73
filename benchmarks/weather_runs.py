"""Is anything left of a whole `chaoskit run` that is killed at a random moment?

benchmarks/weather.py kills who holds faults that can be tried in any container. Disks and clocks are
fitted when a target starts, so here the whole command is killed: while it starts its target, in the
middle of a fault, or while it cleans up. Left behind would be containers, networks or volumes with
the run's label, mounts of its disks, or processes of it.

    python -m benchmarks.weather_runs [ROUNDS [SEED]]
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from chaoskit.run.clock import wait_until
from chaoskit.target.engine import ROLE_LABEL, RUN_LABEL, connect, labelled

TITLE = "what whole runs with fitted disks and clocks leave behind, killed at random moments"
ROUNDS = 30
LATEST_S = 16.0  # by then the fault is on, or already lifted
CLEAN_S = 90.0
RUN_S = 300.0  # a run whose agent was killed goes on to its end
ROOT = Path(__file__).parents[1]
EXPERIMENT = ROOT / "experiments" / "redis-restart" / "crash-with-appendonly.yaml"
FAULTS: dict[str, dict[str, object]] = {
    "clock_skew": {"offset": "+1h"},
    "disk_latency": {"path": "/data", "delay": "50ms", "operations": ["fsync"]},
    "io_error": {"path": "/data", "errno": "EIO", "operations": ["fsync"], "share": "30%"},
    "lose_unsynced": {"path": "/data"},
}


def measure(rounds: int = ROUNDS, seed: int = 1) -> dict[str, Any]:
    """How many rounds left something, and what."""
    rng = random.Random(seed)
    left: dict[str, list[str]] = {}
    killed: Counter[str] = Counter()
    stages: Counter[str] = Counter()
    with TemporaryDirectory() as folder:
        for number in range(rounds):
            fault, victim = rng.choice(sorted(FAULTS)), rng.choice(("harness", "agent", "both"))
            place = Path(folder) / f"round-{number}"
            place.mkdir()
            stage, words = _round(place, fault, victim, rng.uniform(0, LATEST_S))
            killed[victim] += 1
            stages[stage] += 1
            if words:
                left[f"round {number}: {victim} killed in {stage}, {fault}"] = words
                print(f"  round {number}: {victim} killed in {stage}, {fault}: {words}", flush=True)
    return {
        "rounds": rounds,
        "seed": seed,
        "killed": dict(killed),
        "killed_in": dict(stages),
        "rounds_with_leftovers": len(left),
        "leftovers": left,
    }


def _round(place: Path, fault: str, victim: str, moment_s: float) -> tuple[str, list[str]]:
    """In which phase it was killed, and what is left."""
    command = [sys.executable, "-m", "chaoskit", "run", str(_experiment(place, fault))]
    options = ["--trials", "1", "--reports", str(place / "reports")]
    with subprocess.Popen(
        [*command, *options],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moment_s)
        stage = _stage(place) if process.poll() is None else "the end"
        run_id = _run_id(place)
        if victim != "harness":
            _kill_agents(run_id)
        if victim != "agent":
            process.kill()
        process.wait(RUN_S)
    found: list[str] = []

    def clean() -> bool:
        found[:] = _left(place, run_id)
        return not found

    wait_until(clean, timeout_s=CLEAN_S, every_s=0.5)
    return stage, found


def _experiment(place: Path, fault: str) -> Path:
    document = yaml.safe_load(EXPERIMENT.read_text(encoding="utf-8"))
    provider = document["method"][0]["provider"]
    provider["module"] = f"chaoskit.faults.{fault}"
    provider["arguments"] = {"service": "durable", **FAULTS[fault]}
    file = place / "experiment.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return file


def _run_id(place: Path) -> str:
    """The run's id; empty when it had not begun to write."""
    folders = [one.name for one in (place / "reports").glob("*") if one.is_dir()]
    return next((one for one in folders if one != "latest"), "")


def _stage(place: Path) -> str:
    """The phase that the newest marks tell of."""
    marks = sorted((place / "reports").glob("*/trials/**/marks.jsonl"))
    lines = marks[-1].read_text(encoding="utf-8").splitlines() if marks else []
    phases = [one.split('"detail":')[1].split('"')[1] for one in lines if '"phase"' in one]
    return phases[-1] if phases else "the start"


def _kill_agents(run_id: str) -> None:
    if not run_id:
        return
    with contextlib.closing(connect()) as client:
        filters = {"label": [f"{RUN_LABEL}={run_id}", ROLE_LABEL]}
        for one in client.containers.list(filters=filters, ignore_removed=True):
            if pid := int(one.attrs["State"].get("Pid", 0)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _left(place: Path, run_id: str) -> list[str]:
    words = [f"process {pid}" for pid in _processes(str(place))]
    if run_id:
        with contextlib.closing(connect()) as client:
            found = labelled(client, f"{RUN_LABEL}={run_id}")
            words += [f"{what} {name}" for what, _, name in found]
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
        words += [f"mount {one}" for one in mounts if run_id in one]
    return words


def _processes(word: str) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if word.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def main() -> int:
    """Print the counts; 1 when anything was left."""
    rounds, seed = [int(one) for one in sys.argv[1:3]] + [ROUNDS, 1][len(sys.argv[1:3]) :]
    begun_s = time.monotonic()
    results = {**measure(rounds, seed), "seconds": round(time.monotonic() - begun_s)}
    for name, one in results.items():
        print(f"{name}: {one}")
    return 1 if results["rounds_with_leftovers"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
