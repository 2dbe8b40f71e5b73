"""What a run costs beyond what it waits for, beside the same experiment under `chaos run`.

overhead = wall time of the experiment − Σ over its trials of (baseline + phase offset + the time from
the fault taking effect to the end of the stable window), all from the run's own journal and marks.
Target start, settling, and re-arming the healers between trials (which waits for the engine and
for the target's own health check) are given apart.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from chaoskit.model.evidence import read_marks
from chaoskit.model.timeline import NS, MarkKind

TITLE = "wall time of a run beyond target start, phases and observed recovery"
ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
EXPERIMENT = "experiments/restart-policy/crash.yaml"
TARGET = "restart-policy"


def run_of(trials: int, reports: Path) -> dict[str, float]:
    """One `chaoskit run`, taken apart."""
    begun = time.perf_counter()
    subprocess.run(
        [
            BIN / "chaoskit",
            "run",
            EXPERIMENT,
            "--trials",
            str(trials),
            "--reports",
            str(reports),
            "--seed",
            "1",
        ],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    wall_s = time.perf_counter() - begun
    folder = reports / "latest"
    record = json.loads((folder / "journal.json").read_text())["experiments"][0]
    phases_s = watch_s = settle_s = rearm_s = 0.0
    for trial in record["trials"]:
        marks = read_marks(folder / trial["folder"] / "marks.jsonl")
        at = {one.detail: one.at_ns for one in marks if one.kind is MarkKind.PHASE}
        phases_s += record["baseline_s"] + trial["phase_offset_s"]
        watch_s += (at["settle"] - at["watch"]) / NS
        settle_s += (at["end"] - at["settle"]) / NS
        rearm_s += trial["rearm_s"] or 0.0
    return {
        "wall_s": wall_s,
        "target_start_s": record["target_start_s"],
        "phases_s": phases_s,
        "watch_s": watch_s,
        "settle_s": settle_s,
        "rearm_s": rearm_s,
        "overhead_s": wall_s - record["target_start_s"] - phases_s - watch_s - settle_s - rearm_s,
    }


def chaos_run() -> dict[str, float]:
    """The same experiment under Chaos Toolkit, against a standing target."""
    quiet = {"cwd": ROOT, "capture_output": True}
    subprocess.run([BIN / "chaoskit", "up", TARGET], check=True, **quiet)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            journal = Path(scratch) / "journal.json"
            begun = time.perf_counter()
            subprocess.run(
                [
                    BIN / "chaos",
                    "--no-version-check",
                    "--log-file",
                    os.devnull,
                    "run",
                    "--journal-path",
                    str(journal),
                    EXPERIMENT,
                ],
                check=False,
                **quiet,
            )
            wall_s = time.perf_counter() - begun
            ended = json.loads(journal.read_text())
    finally:
        subprocess.run([BIN / "chaoskit", "down", TARGET], check=True, **quiet)
    return {"wall_s": wall_s, "experiment_s": ended["duration"], "deviated": ended["deviated"]}


def measure() -> dict[str, object]:
    """One trial, four trials, and what each further trial costs."""
    with tempfile.TemporaryDirectory() as scratch:
        one = run_of(1, Path(scratch) / "one")
        four = run_of(4, Path(scratch) / "four")
    return {
        "one_trial": one,
        "four_trials": four,
        "overhead_first_s": one["overhead_s"],
        "overhead_each_further_s": (four["overhead_s"] - one["overhead_s"]) / 3,
        "chaos_run": chaos_run(),
    }
