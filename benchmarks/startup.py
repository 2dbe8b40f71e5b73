"""Start-up: `--help`, `validate` and `list` beside Chaos Toolkit's, whole processes, interleaved."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

TITLE = "whole-process time of --help, validate and list, beside `chaos`"
ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
EXPERIMENT = "experiments/replicated-web/crash-a-replica.yaml"
# Bytecode is kept, as it is for a user: else ours would be compiled anew at every start.
PLAIN = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
PAIRS = {
    "help": ([BIN / "chaoskit", "--help"], [BIN / "chaos", "--help"]),
    "validate": (
        [BIN / "chaoskit", "validate", EXPERIMENT],
        [BIN / "chaos", "--no-version-check", "--log-file", os.devnull, "validate", EXPERIMENT],
    ),
    # What there is to break with: Chaos Toolkit discovers it, one extension at a time.
    "list": (
        [BIN / "chaoskit", "list", "faults"],
        [
            *[BIN / "chaos", "--no-version-check", "--log-file", os.devnull, "discover"],
            *["--no-install", "--discovery-path", os.devnull, "chaostoolkit-kubernetes"],
        ],
    ),
}


def seconds(command: list[object]) -> float:
    """Wall time of one run."""
    begun = time.perf_counter()
    subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, check=True, env=PLAIN)
    return time.perf_counter() - begun


def measure(runs: int = 15) -> dict[str, object]:
    """Medians in seconds, and the median of the pairwise ratios."""
    figures: dict[str, object] = {}
    bare = statistics.median(seconds([sys.executable, "-c", "pass"]) for _ in range(runs))
    figures["python_itself_s"] = bare
    for name, (ours, theirs) in PAIRS.items():
        seconds(ours), seconds(theirs)
        pairs = [(seconds(ours), seconds(theirs)) for _ in range(runs)]
        figures[name] = {
            "chaoskit_s": statistics.median(one for one, _ in pairs),
            "chaos_s": statistics.median(two for _, two in pairs),
            "ratio": statistics.median(two / one for one, two in pairs),
        }
    return figures
