"""Whether healers notice when their settings say that they can: real targets, 22 trials of each.

`haproxy-check` is asked about a hang: its connections stand, so that users' failures do not give the
server away and the checks alone decide. `docker-restart` is asked about a crash. Of each, the share
of detections (and of restarts) within [best, worst] of the floor, and the efficiency: mean / measured.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

TITLE = "measured detection inside the floor's best and worst, on real targets"
ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
TRIALS = 22
CASES = {
    "haproxy-check": "experiments/replicated-web/hang-a-replica.yaml",
    "docker-restart": "experiments/restart-policy/crash.yaml",
}


def measure(trials: int = TRIALS) -> dict[str, Any]:
    """By kind of healer: the floor, and how many trials were inside it."""
    return {kind: _of(kind, Path(path), trials) for kind, path in CASES.items()}


def _of(kind: str, path: Path, trials: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        ended = subprocess.run(
            [BIN / "chaoskit", "run", str(path), "--trials", str(trials), "--reports", scratch,
             "--seed", "1"],
            cwd=ROOT, capture_output=True, check=False, text=True,
        )  # fmt: skip
        journal = json.loads((Path(scratch) / "latest" / "journal.json").read_text())
    record = journal["experiments"][0]
    healers = {one["name"] for one in record["healers"] if one["kind"] == kind}
    floors = [one for one in record["judgement"]["floors"] if one["healer"] in healers]
    return {
        "exit": ended.returncode,
        "verdict": record["judgement"]["sentence"],
        "load": journal["environment"]["load"],
        **{
            one["step"]: {
                "floor_s": [one["best_s"], one["mean_s"], one["worst_s"]],
                "seen": one["trials"],
                "inside": one["inside"],
                "share_inside": round(one["inside"] / max(1, one["trials"]), 3),
                "measured_median_s": one["measured_s"],
                "efficiency": one["efficiency"],
                "seen_s": sorted(_seen(record, one["healer"], one["step"])),
            }
            for one in floors
        },
    }


def _seen(record: dict[str, Any], healer: str, step: str) -> list[float]:
    """When the healer was seen to notice or to act, of every trial."""
    key = {"detection": "detected_s", "action": "acted_s"}[step]
    acts = [act for trial in record["trials"] for act in trial["judgement"]["acts"]]
    return [round(act[key], 4) for act in acts if act["healer"] == healer and act[key] is not None]


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS), indent=1))
