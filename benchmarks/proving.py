"""`prove` on replicated-web: is every healer's switch-off found, and is no fault ever seen?

About 24 minutes: 52 runs without a fault, watched as long as their experiments watch at most.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

TITLE = "prove on replicated-web: 13 runs without a fault of each experiment (takes 24 min)"
ROOT = Path(__file__).parents[1]
TARGET = "replicated-web"


def measure(aa: int = 13) -> dict[str, object]:
    """Clean runs without a fault, and what came of every healer that was switched off."""
    with tempfile.TemporaryDirectory() as reports:
        command = ["chaoskit", "prove", "--target", TARGET, "--aa", str(aa), "--reports", reports]
        ran = subprocess.run(
            [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        rows = (Path(reports) / "proofs.jsonl").read_text(encoding="utf-8").splitlines()
    proofs = [json.loads(row) for row in rows]
    clean = [arm for one in proofs for arm in one["arms"] if arm["kind"] == "no_fault"]
    off = {
        f"{one['experiment']} without {arm['healer']}": arm["verdict"]
        for one in proofs
        for arm in one["arms"]
        if arm["kind"] == "off"
    }
    return {
        "exit_code": ran.returncode,
        "proven": f"{sum(one['state'] == 'proven' for one in proofs)} of {len(proofs)}",
        "clean_without_fault": sum(one["good"] for one in clean),
        "told_without_fault": sum(one["trials"] for one in clean),
        "switched_off": off,
    }
